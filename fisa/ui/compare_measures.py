"""What differs between runs in their configurations, and by how much in their measures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fisa.config.differences import LACKING, differences
from fisa.runs import Run
from fisa.studies.reference import Comparison, comparison_notes, difference_texts, mean_texts
from fisa.studies.seeds import Trained
from fisa.ui import state
from fisa.ui.state import plain
from fisa.ui.widgets import html_table

SEEDS = {"pooled": "All seeds of a system", "alone": "These runs alone"}
"""What a column of the measures is of."""


def settings(runs: Mapping[str, Run]) -> None:
    """Draw the configuration keys whose values differ; names aside. What not every system has is folded away."""
    rows = differences([run.config for run in runs.values()])
    if not rows:
        st.markdown("The configurations are equal but for the name.")
        return
    shared = {key: values for key, values in rows.items() if LACKING not in values}
    own = {key: values for key, values in rows.items() if LACKING in values}
    names = ", ".join(runs)
    if shared:
        _table(shared, runs, f"Configuration keys that differ between {names}")
    if own:
        with st.expander(f"Settings that not every one of these systems has: {len(own)}", expanded=not shared):
            _table(own, runs, f"Configuration keys that not all of {names} have")


def _table(rows: dict[str, list[str]], runs: Mapping[str, Run], alt: str) -> None:
    html_table(pd.DataFrame.from_dict(rows, orient="index", columns=list(runs)), alt=alt)


def measures(found: Comparison, seeds: Mapping[str, list[Trained]]) -> None:
    """Draw the means of every run, best in bold, and below them the paired differences to the reference.

    Args:
        found: The comparison.
        seeds: The training seeds behind each column.
    """
    texts, best = mean_texts(found)
    html_table(texts, best, alt=f"Measures of {', '.join(found.systems)}")
    if found.differences:
        html_table(difference_texts(found), alt=f"Differences to {found.systems[0]} with intervals and p values")
    st.caption(" ".join(plain(note) for note in comparison_notes(found)))
    several = {name: each for name, each in seeds.items() if len(each) > 1}
    if several:
        with st.popover("The seeds", icon=":material/casino:", type="tertiary"):
            for name, each in several.items():
                st.markdown(f"**{plain(name)}**: " + "; ".join(f"{one.seed} ({plain(one.where)})" for one in each))


def settle_seeds(seeds: Mapping[str, list[Trained]]) -> dict[str, list[Trained]]:
    """Resolve whether a column is the whole system of a run or the run alone; return which seeds count.

    Args:
        seeds: All that are known of each run's system, its own first.
    """
    if state.resolve("seeds", list(SEEDS), "pooled", "way to count seeds") == "pooled":
        state.drop("seeds")
        return dict(seeds)
    return {name: found[:1] for name, found in seeds.items()}


def choose_seeds(seeds: Mapping[str, list[Trained]]) -> None:
    """Draw whether a column is a run or its whole system, where that is not the same."""
    if all(len(found) == 1 for found in seeds.values()):
        return
    st.session_state[state.key("seeds")] = state.get("seeds") or "pooled"
    st.segmented_control(
        "Columns", list(SEEDS), key=state.key("seeds"), format_func=SEEDS.__getitem__, required=True,
        on_change=state.commit, args=("seeds",),
    )  # fmt: skip
