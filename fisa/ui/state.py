"""What the person is looking at, kept in the session and in the URL so that a link reproduces the view.

The session holds one dictionary of texts, the *view*. The URL wins when it changed under us (a link,
the back button); otherwise the session wins and the URL follows it. A value that no longer exists is
replaced by the nearest one, and the page says so.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fisa.language import ENGLISH, LANGUAGES, preferred, tr
from fisa.slices import SliceError

DATA_KEYS = (
    "data", "layout", "view", "split", "label", "entropy", "votes", "group", "text", "order", "leaf", "item",
)  # fmt: skip
"""What the Data page shows: which set, how it is read, filters, and the image that is open."""

GRADE_KEYS = ("beside", "graded", "part", "grade")
"""What the Grades page shows: the runs beside that of the sidebar, a split, a part of the grades, the grade drawn."""

COMPARE_KEYS = ("against", "versus", "seeds")
"""The runs beside that of the sidebar, which of them makes a pair with it, and whether all seeds of a run count."""

WALK_KEYS = ("filter", "slice", "reverse", "sheet", "panel")
"""Which test images are walked through, and whether backwards; the page of the gallery, and which part of it."""

MAP_KEYS = ("vectors", "perplexity", "metric", "seed", "second", "drag")
"""What the map is made of, where that is not what is usual for its run; the vectors of a second map beside it; and what
dragging on it does."""

TRAIN_KEYS = ("job", "base", "set")
"""What the Train page shows: a training; or the form, what it starts from and what it changes."""

COMMON_KEYS = ("lang",)
"""What every page shares: the language, where it was chosen."""

VIEW_KEYS = (
    "run", "image", "emotion", "head", "matrix", "sort", "masks", "opacity", "colour", "method", "target",
    "method_head", "baseline", "methods", "lit", "embedding", "by", "k", "study", "edits", "predicted", "pair",
    "reference", "moved", "section",
    *WALK_KEYS, *MAP_KEYS, *DATA_KEYS, *GRADE_KEYS, *COMPARE_KEYS, *TRAIN_KEYS, *COMMON_KEYS,
)  # fmt: skip
_VIEW, _WRITTEN, _NOTICES, _TOUCHED = "fisa_view", "fisa_written_query", "fisa_notices", "fisa_touched"
_PAGE, _SHARED, _FOLLOWED = "fisa_page", "fisa_shared", "fisa_followed"


def arrive(pages: Mapping[str, Page], current: Page) -> None:
    """Take over what the URL asks for; called by ``app.py`` on every run, before any widget.

    Args:
        pages: URL name of every page; ``"home"`` is the default one.
        current: The page about to run.
    """
    query = st.query_params.to_dict()
    view = st.session_state.setdefault(_VIEW, {})
    st.session_state.setdefault(_NOTICES, [])
    wanted = query.pop("page", None)
    if wanted is not None and wanted in pages and current is pages["home"] and wanted != "home":
        st.switch_page(pages[wanted], query_params=query)
    stayed = st.session_state.get(_PAGE) == current.url_path
    if not stayed:
        st.session_state[_PAGE], st.session_state[_SHARED] = current.url_path, COMMON_KEYS
    # After a click the session is ahead of the URL that the browser sent along, so the URL must not win.
    touched = st.session_state.pop(_TOUCHED, False)
    if not touched and query != st.session_state.get(_WRITTEN):
        spoken = language()
        st.session_state[_NOTICES].clear()  # they are of what was asked before, perhaps on another page
        if query and stayed:
            # Back or forward on one page, whose address names all that it shares: what is not there was not yet chosen.
            drop(*(name for name in st.session_state.get(_SHARED, ()) if name not in query))
            # Or a link from a page to itself, after which the browser keeps the old address until it is told the new.
            st.session_state[_FOLLOWED] = True
        view.update({name: text for name, text in query.items() if name in VIEW_KEYS})
        _settle_language(query, spoken)


def _settle_language(query: dict[str, str], spoken: str) -> None:
    """Take the nearest language to what the URL asks for; where it is not ``spoken``, draw all anew."""
    wanted = get("lang")
    if wanted is not None and wanted not in LANGUAGES:
        found = preferred(wanted)
        put("lang", found)
        notice(tr("There is no {noun} “{wanted}” here; showing “{found}” instead.",
                  noun=tr("language"), wanted=clip(wanted), found=LANGUAGES[found]))  # fmt: skip
    if language() != spoken:
        st.session_state[_WRITTEN] = query
        st.rerun()


def enter(page: str) -> None:
    """Hand over to ``app.py`` where Streamlit started ``pages/<page>.py`` by itself.

    A fresh server whose first request is a deep link has not run ``st.navigation`` yet, takes the
    ``pages`` folder for the page list and runs the page alone.
    """
    if _VIEW not in st.session_state:
        st.switch_page("app.py", query_params={**st.query_params.to_dict(), "page": page})


def share(*names: str) -> None:
    """Write the named parts of the view into the URL, and say which of its wishes could not be met.

    Call it once a page knows what it shows and before it draws, so that the notices stand on top.
    """
    view = st.session_state[_VIEW]
    names = (*names, *COMMON_KEYS)
    query = {name: view[name] for name in names if view.get(name)}
    if st.session_state.pop(_FOLLOWED, False) or st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_WRITTEN], st.session_state[_SHARED] = query, names
    for text in st.session_state[_NOTICES]:
        st.warning(plain(text), icon=":material/link_off:")


def keep_language() -> None:
    """Write the chosen language into the URL of a page that shared nothing, as it has nothing to show; after it ran."""
    chosen = get("lang")
    if chosen and st.query_params.get("lang") != chosen:
        st.query_params["lang"] = chosen
        st.session_state[_WRITTEN] = st.query_params.to_dict()


def language() -> str:
    """Return the language that was chosen, else the nearest to the browser's; English outside a session."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    view = st.session_state.get(_VIEW)
    wanted = st.query_params.get("lang") if view is None else view.get("lang")
    return str(wanted) if wanted in LANGUAGES else preferred(st.context.locale)


def get(name: str) -> str | None:
    """Return the text that the view holds under ``name``, unchecked."""
    text: str | None = st.session_state[_VIEW].get(name)
    return text


def common() -> dict[str, str]:
    """Return what a link from a page to itself must name: what it lacks is taken for not chosen, as on the way back."""
    return {name: text for name in COMMON_KEYS if (text := get(name))}


def put(name: str, value: str) -> None:
    """Change the view; for callbacks, and for pages that then switch to another page."""
    st.session_state[_VIEW][name] = value
    st.session_state[_TOUCHED] = True
    st.session_state[_NOTICES].clear()


def drop(*names: str) -> None:
    """Take parts out of the view; for callbacks, and for values that say no more than their absence does."""
    for name in names:
        st.session_state[_VIEW].pop(name, None)


def keep(name: str, value: str) -> None:
    """Hold in the view what a wish was settled to; an empty text takes it out. For what ``resolve`` cannot settle."""
    if value:
        st.session_state[_VIEW][name] = value
    else:
        drop(name)


def notice(text: str) -> None:
    """Say on top of the page, when it shares its view, which wish could not be met; once, however often it is found."""
    if text not in st.session_state[_NOTICES]:
        st.session_state[_NOTICES].append(text)


def attempt(act: Callable[[], None]) -> None:
    """Run what a callback does to files; what a name or the disk refuses is said on top of the page."""
    st.session_state[_TOUCHED] = True
    st.session_state[_NOTICES].clear()
    try:
        act()
    except SliceError as error:
        notice(str(error))


def commit(name: str) -> None:
    """Widget callback: take the value of the widget ``key(name)`` into the view."""
    value = st.session_state.get(key(name))
    if value is not None:
        put(name, str(value))


def key(name: str) -> str:
    """Return the Streamlit key of the widget that shows ``name``."""
    return f"choose_{name}"


def resolve(name: str, options: Sequence[str], default: str, noun: str, quiet: bool = False) -> str:
    """Return the value of ``name`` among ``options``; what the URL asks in vain becomes the nearest one.

    Args:
        name: One of ``VIEW_KEYS``.
        options: What exists now; not empty.
        default: Taken where nothing is asked for.
        noun: What to call it in the notice, in the person's language, such as ``tr("run")``.
        quiet: Say nothing, because what is missing is said in another place.
    """
    wanted = get(name)
    value = default if wanted is None else wanted
    if wanted is not None and wanted not in options:
        value = nearest(wanted, options, default)
        if not quiet:
            text = tr("There is no {noun} “{wanted}” here; showing “{found}” instead.",
                      noun=noun, wanted=clip(wanted), found=clip(value))  # fmt: skip
            notice(text)
    st.session_state[_VIEW][name] = value
    return value


def resolve_optional(name: str, options: Sequence[str], noun: str) -> str:
    """Return the value of ``name`` among ``options``, or "" where nothing is asked for; see :func:`resolve`."""
    if not get(name):
        drop(name)
        return ""
    if not options:
        notice(tr("There is no {noun} “{wanted}” here, nor any other.", noun=noun, wanted=clip(str(get(name)))))
        drop(name)
        return ""
    return resolve(name, options, options[0], noun)


def resolve_range(name: str, low: float, high: float, noun: str) -> tuple[float, float] | None:
    """Return the range ``name``, written ``low-high``, cut to [low, high]; None where it is all of it or none is asked.

    A text that is no range, or lies outside, counts as none, and the page says so.
    """
    wanted = get(name)
    if not wanted:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", wanted)
    first, last = (float(match[1]), float(match[2])) if match else (1.0, 0.0)
    if first > last or first > high or last < low:
        text = tr("{noun} “{wanted}” is no range within {low:g} to {high:g}.",
                  noun=noun, wanted=clip(wanted), low=low, high=high)  # fmt: skip
        notice(text)
        drop(name)
        return None
    if first <= low and last >= high:
        drop(name)
        return None
    return max(first, low), min(last, high)


def resolve_number(name: str, low: float, high: float, default: float, noun: str) -> float:
    """Return the number ``name`` in [low, high], the nearest one where the URL asks for another."""
    wanted = get(name)
    try:
        value = default if wanted is None else float(wanted)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        value = min(max(value, low), high) if value == value else default
        text = tr("{noun} “{wanted}” is not between {low:g} and {high:g}.",
                  noun=noun, wanted=clip(str(wanted)), low=low, high=high)  # fmt: skip
        notice(text)
    st.session_state[_VIEW][name] = f"{value:g}"
    return value


def nearest(wanted: str, options: Sequence[str], default: str) -> str:
    """Return the option nearest to ``wanted``: by its last number where both have one, else by spelling."""
    number = _last_number(wanted)
    if number is not None:
        numbered = [(abs(found - number), text) for text in options if (found := _last_number(text)) is not None]
        if numbered:
            return min(numbered)[1]
    return next(iter(difflib.get_close_matches(wanted, options, n=1)), default)


def theme() -> Literal["light", "dark"]:
    """Return the theme that the browser shows; light until it has told."""
    return "dark" if st.context.theme.type == "dark" else "light"


def plain(text: str) -> str:
    """Escape ``text`` so that Streamlit's Markdown shows it letter for letter, and turns no other text around."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:])", r"\\\1", _one_way(text))


def in_label(text: str) -> str:
    """Escape ``text`` for the middle of a widget's label, of which a screen reader says every backslash.

    There no list, heading or quotation begins, and an underscore within a word stays one.
    """
    return re.sub(r"[\\`*\[\]<~$:|]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", _one_way(text))


def _one_way(text: str) -> str:
    """Return text on one line, with "�" for each control character that turns what follows from right to left."""
    return re.sub("[\u202a-\u202e\u2066-\u2069]", "\ufffd", text.replace("\n", " "))


def clip(text: str, limit: int = 60) -> str:
    """Shorten ``text`` for a sentence."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _last_number(text: str) -> int | None:
    digits = re.findall(r"\d{1,15}", text)
    return int(digits[-1]) if digits else None
