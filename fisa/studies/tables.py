"""The table of a study: means over seeds and folds, differences to the reference, cost, and what others report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets.sequences import SequenceSet
from fisa.language import Phrase, mark
from fisa.metrics import METRICS, Metric
from fisa.runs.files import digest_of
from fisa.steps import step_oracles
from fisa.studies.claims import verdicts
from fisa.studies.columns import LABEL_COLUMNS, PLANTED_COLUMNS, RATING_COLUMNS, RATING_COSTS, STEP_COLUMNS, Column
from fisa.studies.comparison import RATED, StudyError, oracle_rows
from fisa.studies.constant import constant_measures, constant_row
from fisa.studies.errors import TITLES, Errors, compared_by, first_test_split, measure
from fisa.studies.notes import CONSTANT, enumerated
from fisa.studies.published import published_measures
from fisa.studies.results import StudyResults
from fisa.studies.statistics import average_ranks, corrected_t, hierarchical_differences, holm

# fmt: off
COST_COLUMNS = {
    "cells": Column(mark("cells"), None,
                    mark("finished and in all; means are over finished ones, ± their standard deviation")),
    "rank": Column(mark("rank"), None, mark("mean rank over all measures, 1 the best: a description, not a test"), 1),
    "parameters": RATING_COSTS["parameters"],
    "seconds": Column(mark("seconds"), None,
                      mark("to train a cell, in one thread, two at a time unless said otherwise"), 0),
    "speed": RATING_COSTS["speed"],
}
# fmt: on
MEASURES: Mapping[str, Column | Metric] = {
    **PLANTED_COLUMNS,
    **METRICS,
    **LABEL_COLUMNS,
    **RATING_COLUMNS,
    **STEP_COLUMNS,
}
PRIMARY = {"kl_truth": 1, "step_kl": 1, "kl": 1, "ccc_mean": -1}
"""By which measure systems are sorted, the first that there is -> 1 where less is better."""

STORED = Phrase(
    mark("The data cannot be opened as they were: paired differences are from the errors stored with the study.")
)


def study_table(results: StudyResults) -> pd.DataFrame:
    """Set the systems of a study side by side.

    Returns:
        One row a system: on planted data the oracles, on real data the constant (``kind`` is "baseline") and what
        others report for them ("published"), then the study's own from worst to best. Columns: ``system``, ``kind``,
        ``cells`` (such as "4 of 5"); every measure as the mean over cells, with its standard deviation under
        ``<measure>_std``; ``difference`` to the reference with ``_low``, ``_high`` and the adjusted ``p``, and with
        folds ``p_folds``; ``rank``, ``parameters``, ``seconds``, ``speed``. A system of which a cell diverged has no
        means. ``attrs`` are those of :func:`fisa.studies.comparison.comparison_table`, ``columns``, and ``claims``, the
        rows of :func:`fisa.studies.claims.verdicts`.

    Raises:
        StudyError: No cell is finished.
    """
    cells = results.cells
    if not results.metrics:
        raise StudyError(f"study {results.name}: no cell is finished; go on with it")
    measures = [key for key in MEASURES if key in cells]
    notes = [*_state_notes(cells), *_protocol_notes(results)]
    rows = {system: _means(cells[cells["system"] == system], measures) for system in results.systems}
    for system, speed in results.speeds.items():
        if system in rows:
            rows[system]["speed"] = speed
    _rank(rows, measures)
    measured = measure(results, notes)
    if measured is not None:
        _compare(rows, Errors.of(results, measured), results, notes)
    worst_first = sorted(rows, key=lambda system: -_order(rows[system], measures))
    known = [{"system": row.system, "kind": row.kind, **row.values} for row in _others(results, notes)]
    known += [{"system": system, "kind": "run", **rows[system]} for system in worst_first]
    table = _framed(known, measures, results, TITLES[compared_by(results)], notes)
    table.attrs["claims"] = verdicts(results, measured).to_dict("records")
    return table


def _means(cells: pd.DataFrame, measures: Sequence[str]) -> dict[str, Any]:
    """Return the row of a system: means over its cells, unless one of them diverged."""
    finished = cells[cells["state"] == "finished"]
    diverged = int((cells["state"] == "diverged").sum())
    text = mark("{n} of {total}, {diverged} diverged") if diverged else mark("{n} of {total}")
    row: dict[str, Any] = {"cells": Phrase(text, n=len(finished), total=len(cells), diverged=diverged)}
    if not len(finished):
        return row
    row |= {key: float(finished[key].astype(float).mean()) for key in ("parameters", "seconds")}
    if diverged:
        return row
    for key in measures:
        values = finished[key].to_numpy(float)  # NumPy keeps what is undefined in a cell, which pandas would leave out
        row[key] = float(values.mean())
        row[f"{key}_std"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return row


def _rank(rows: dict[str, dict[str, Any]], measures: Sequence[str]) -> None:
    """Add the mean rank over the measures that every system has."""
    ranked = [system for system, row in rows.items() if measures[0] in row]
    defined = [key for key in measures if all(np.isfinite(rows[system][key]) for system in ranked)]
    if len(ranked) > 1 and defined:
        up = [bool(MEASURES[key].higher_is_better) for key in defined]
        ranks = average_ranks([[rows[system][key] for key in defined] for system in ranked], up)
        for system, rank in zip(ranked, ranks, strict=True):
            rows[system]["rank"] = float(rank)


def _order(row: Mapping[str, Any], measures: Sequence[str]) -> float:
    """Return by what rows are sorted, the smallest last; a row without means first."""
    key = next(key for key in PRIMARY if key in measures)
    value = row.get(key, np.nan)
    return PRIMARY[key] * value if np.isfinite(value) else np.inf


def _compare(rows: dict[str, dict[str, Any]], errors: Errors, results: StudyResults, notes: list[str]) -> None:
    """Add the differences to the reference, their intervals and their p values."""
    reference = results.reference
    others = [
        system
        for system in results.systems
        if system != reference and system in errors.tables and "rank" in rows[system]
    ]
    if reference not in errors.tables or "rank" not in rows[reference] or not others:
        return
    own = errors.tables[reference]
    found = hierarchical_differences([errors.tables[system] for system in others], own, errors.groups)
    for system, difference, p in zip(others, found, holm([each.p for each in found]), strict=True):
        bounds = {"difference_low": difference.low, "difference_high": difference.high}
        rows[system] |= {"difference": difference.value, **bounds, "p": p}
    alone = [system for system in (reference, *others) if len(errors.tables[system]) == 1]
    if alone:
        text = mark("One seed only: {names}; their intervals say nothing of another seed.")
        notes.append(Phrase(text, names=", ".join(alone)))
    _compare_folds(rows, errors, others, results)


def _compare_folds(
    rows: dict[str, dict[str, Any]], errors: Errors, others: Sequence[str], results: StudyResults
) -> None:
    cells = results.cells[results.cells["state"] == "finished"]
    if not cells["fold"].astype(bool).any():
        return
    share = float((cells["n"] / cells["n_train"]).mean())
    own = errors.folds[results.reference]
    tested = []
    for system in others:
        both = sorted(own.keys() & errors.folds[system].keys())
        if len(both) > 1:
            tested.append((system, corrected_t([errors.folds[system][place] - own[place] for place in both], share).p))
    for (system, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
        rows[system]["p_folds"] = p


@dataclass(frozen=True)
class _Row:
    system: str
    kind: str
    values: Mapping[str, float]


def _others(results: StudyResults, notes: list[str]) -> Iterator[_Row]:
    """Yield the rows of what the study did not train."""
    metrics = results.metrics
    if metrics.get("task") == RATED:
        yield _Row("constant", "baseline", {k: v for k, v in metrics["constant_measures"].items() if v is not None})
    elif (dataset := first_test_split(results, [])) is None:
        if results.errors is not None:
            notes.append(STORED)
    else:
        for oracle in step_oracles(dataset) if isinstance(dataset, SequenceSet) else oracle_rows(dataset):
            yield _Row(oracle.system, oracle.kind, oracle.values)
    if constant := constant_measures(results):
        notes.append(CONSTANT)
        yield _Row("constant", "baseline", constant_row(constant))
    if metrics.get("task", "distribution") == "distribution":
        for system, values in published_measures(str(metrics["data"])).items():
            yield _Row(system, "published", values)


def _state_notes(cells: pd.DataFrame) -> Iterator[str]:
    for cell in cells[cells["state"] != "finished"].to_dict("records"):
        yield f"{cell['where']} {cell['state']}: {str(cell['reason']).rstrip('.')}."


def _protocol_notes(results: StudyResults) -> Iterator[str]:
    choices = {name: choice for name, choice in results.choices.items() if choice["trial"] is not None}
    if choices:
        first = next(iter(choices.values()))
        chosen = enumerated(list(_chosen(choices)), mark("{first}; {rest}"))
        text = mark(
            "Search: {trials} trials of {epochs} epochs each, on one seed, the best on validation chosen: {chosen}."
        )
        yield Phrase(text, trials=len(first["trials"]), epochs=first["epochs"], chosen=chosen)
        yield from _shared_seed(results)
    looks = [str(look["when"]) for look in results.looks]
    if looks:
        yield Phrase(mark("The test split was looked at {n} times, first at {when}."), n=len(looks), when=min(looks))
        late = [name for name, choice in results.choices.items() if str(choice["frozen"]) > min(looks)]
        if late:
            yield Phrase(mark("Chosen only after that first look: {names}."), names=", ".join(late))


def _shared_seed(results: StudyResults) -> Iterator[str]:
    """Say where cells have the seed of the search: on it the choice was seen to be good, on the others it was not."""
    searched = results.runs.loc[results.runs["trial"].notna(), "seed"].astype(int)
    seeds = sorted(set(results.cells["seed"].astype(int)))
    text = mark(
        "The search ran on seed {seed}, which the final cells have too (their seeds: {seeds}): what it chose may suit "
        "that seed best."
    )
    for seed in sorted(set(searched) & set(seeds)):
        yield Phrase(text, seed=seed, seeds=", ".join(map(str, seeds)))


def _chosen(choices: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say what was chosen for each system; where its folds differ, how often each."""
    systems: dict[str, Counter[str]] = {}
    for name, choice in choices.items():
        systems.setdefault(name.partition(",")[0], Counter())[_changes(choice["changes"])] += 1
    for system, found in systems.items():
        folds, text = sum(found.values()) > 1, mark("{changes} in {n} folds")
        told = [Phrase(text, changes=changes, n=count) if folds else changes for changes, count in found.most_common()]
        yield Phrase("{system} {told}", system=system, told=enumerated(told, mark("{first} and {rest}")))


def _changes(changes: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in changes.items())
    return told or Phrase(mark("as configured"))


def _framed(
    rows: list[dict[str, Any]], measures: Sequence[str], results: StudyResults, error: str, notes: list[str]
) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    # Phrases, which a column of texts would not keep.
    table["cells"] = pd.Series([row.get("cells", np.nan) for row in rows], dtype=object)
    spread = [key + end for key in measures for end in ("", "_std")]
    head = [key for key in spread if key.removesuffix("_std") in PLANTED_COLUMNS]
    tests = ["difference", "difference_low", "difference_high", "p", "p_folds"]
    rest = [key for key in spread if key not in head]
    order = ["cells", *head, *tests, *rest, "rank", "parameters", "seconds", "speed"]
    table = table[["system", "kind", *(key for key in order if key in table)]]
    reference = results.reference
    done = results.cells[results.cells["state"] == "finished"]
    interval = Phrase(mark("95 % bootstrap interval, seeds drawn within each system, scenes across both"))
    less = Phrase(mark("{error} less that of {reference}"), error=Phrase(error), reference=reference)
    no_difference = mark("of no difference to {reference}, two-sided, after Holm over the others")
    tested = done.drop_duplicates("fold").sort_values("fold")
    folds = "" if len(tested) == 1 else f" of {len(tested)} folds"
    table.attrs = {
        "data": results.metrics["data"],
        "data_version": ", ".join(dict.fromkeys(tested["data_version"].astype(str))),
        "split": f"{results.metrics['split']}{folds}",
        "n": int(tested["n"].astype(int).sum()),
        "runs": {system: _digest(done[done["system"] == system]) for system in results.systems},
        "notes": notes,
        "columns": {
            **COST_COLUMNS,
            "difference": Column(f"− {reference}", None, Phrase(mark("{first}; {rest}"), first=less, rest=interval), 4),
            "p": Column("p", None, Phrase(no_difference, reference=reference), 4),
            "p_folds": Column(
                mark("p (folds)"), None, mark("the same, by the corrected resampled t test over folds"), 4
            ),
        },
    }
    return table


def _digest(cells: pd.DataFrame) -> str:
    """Return one digest for the runs of a system."""
    return digest_of(" ".join(sorted(cells["run"].astype(str))).encode())[:16] if len(cells) else "–"
