"""What differs between runs in their configurations, and by how much in their measures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fisa.config.differences import LACKING, differences
from fisa.language import mark, sentences, tr
from fisa.runs import Run
from fisa.studies.pairs import title_of
from fisa.studies.reference import ALONE, SEEDS, Comparison, comparison_notes, difference_texts, mean_texts
from fisa.studies.seeds import Trained
from fisa.ui import state
from fisa.ui.state import plain
from fisa.ui.widgets import html_table

COLUMNS = {"pooled": mark("All seeds of a system"), "alone": mark("These runs alone")}
"""What a column of the measures is of."""


def settings(runs: Mapping[str, Run]) -> None:
    """Draw the configuration keys whose values differ; names aside. What not every system has is folded away."""
    rows = differences([run.config for run in runs.values()])
    if not rows:
        st.markdown(tr("The configurations are equal but for the name."))
        return
    shared = {key: values for key, values in rows.items() if LACKING not in values}
    own = {key: values for key, values in rows.items() if LACKING in values}
    names = ", ".join(runs)
    if shared:
        _table(shared, runs, tr("Configuration keys that differ between {names}", names=names))
    if own:
        with st.expander(tr("Settings that not every one of these systems has: {n}", n=len(own)), expanded=not shared):
            _table(own, runs, tr("Configuration keys that not all of {names} have", names=names))


def _table(rows: dict[str, list[str]], runs: Mapping[str, Run], alt: str) -> None:
    html_table(pd.DataFrame.from_dict(rows, orient="index", columns=list(runs)), alt=alt)


def measures(found: Comparison, seeds: Mapping[str, list[Trained]]) -> None:
    """Draw the means of every run, best in bold, and below them the paired differences to the reference.

    Args:
        found: The comparison.
        seeds: The training seeds behind each column.
    """
    texts, best = mean_texts(found)
    titles = {title: tr(title) for title in [SEEDS, *map(title_of, found.measures)]}
    alt = tr("Measures of {names}", names=", ".join(found.systems))
    html_table(texts.rename(index=titles).replace({ALONE: tr(ALONE)}), best, alt=alt)
    if found.differences:
        alt = tr("Differences to {name} with intervals and p values", name=found.systems[0])
        html_table(difference_texts(found).rename(index=titles), alt=alt)
    st.caption(sentences(*(plain(tr(note)) for note in comparison_notes(found))))
    several = {name: each for name, each in seeds.items() if len(each) > 1}
    if several:
        with st.popover(tr("The seeds"), icon=":material/casino:", type="tertiary"):
            for name, each in several.items():
                st.markdown(f"**{plain(name)}**: " + "; ".join(f"{one.seed} ({plain(one.where)})" for one in each))


def settle_seeds(seeds: Mapping[str, list[Trained]]) -> dict[str, list[Trained]]:
    """Resolve whether a column is the whole system of a run or the run alone; return which seeds count.

    Args:
        seeds: All that are known of each run's system, its own first.
    """
    if state.resolve("seeds", list(COLUMNS), "pooled", tr("way to count seeds")) == "pooled":
        state.drop("seeds")
        return dict(seeds)
    return {name: found[:1] for name, found in seeds.items()}


def choose_seeds(seeds: Mapping[str, list[Trained]]) -> None:
    """Draw whether a column is a run or its whole system, where that is not the same."""
    if all(len(found) == 1 for found in seeds.values()):
        return
    st.session_state[state.key("seeds")] = state.get("seeds") or "pooled"
    st.segmented_control(
        tr("Columns"), list(COLUMNS), key=state.key("seeds"), format_func=lambda key: tr(COLUMNS[key]), required=True,
        on_change=state.commit, args=("seeds",),
    )  # fmt: skip
