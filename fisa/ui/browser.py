"""What a browser is taught beyond what Streamlit's frontend does in it."""

import json

import streamlit as st

from fisa.language import tr

# Streamlit gives a table's frame a focus only where the script gave it a height, whether or not it scrolls. Cells that
# are a fraction of a pixel too small would count as scrolling, too.
_REACH = """<style>[data-testid=stTable] [data-testid=stMarkdownContainer] { overflow: visible }</style><script>
window.fisaReach ??= (() => {
    const reach = new ResizeObserver(entries => entries.forEach(({target}) => {
        const frame = target.tagName === 'TABLE' ? target.parentElement : target;
        if (frame.scrollWidth <= frame.clientWidth && frame.scrollHeight <= frame.clientHeight) return;
        frame.tabIndex = 0;
        frame.role = 'region';
        frame.ariaLabel = frame.querySelector('table')?.ariaLabel || %s;
    }));
    const look = () => document.querySelectorAll('[data-testid=stTable] > div, [data-testid=stTable] table')
        .forEach(part => reach.observe(part));
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
    look();
    return reach;
})();
</script>"""

# A page that was asked for by its name alone writes what it shows into the address; Streamlit would make that a step
# of its own, to which the way back leads first.
_ONE_STEP = """<script>
window.fisaPush ??= (() => {
    const push = history.pushState.bind(history);
    history.pushState = (state, title, address) => {
        const next = new URL(address, location.href);
        const arrives = !location.search && next.search && next.pathname === location.pathname;
        (arrives ? history.replaceState.bind(history) : push)(state, title, address);
    };
    return push;
})();
</script>"""


def teach() -> None:
    """Give tables that scroll sideways a focus, and make the way back from a page a single step.

    With the focus, arrow keys move a table (WCAG 2.2, 2.1.1).
    """
    st.html(_REACH % json.dumps(tr("A table that scrolls")) + _ONE_STEP, unsafe_allow_javascript=True)
