"""Comparison tables: runs beside oracles on one data set; planted and real data never share one, nor do tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from fisa.config import DataConfig
from fisa.datasets import DataError, Dataset, groups_of, is_drawn, open_configured
from fisa.datasets.mapped import in_space
from fisa.emotions import DIMENSIONS, SPACES
from fisa.evaluation import oracles_of, per_sample, summarise
from fisa.exceptions import FisaError
from fisa.language import Phrase, mark
from fisa.metrics import METRICS, paired_bootstrap
from fisa.records import MetricRow
from fisa.runs import Run
from fisa.studies.columns import GRADE_COLUMNS, LABEL_COLUMNS, PLANTED_COLUMNS, RATING_COLUMNS, STEP_COLUMNS
from fisa.studies.notes import CONSTANT, enumerated, notes_on
from fisa.studies.rated import rated_notes, rated_rows
from fisa.studies.steps import step_notes, step_rows

RATED = "valence_arousal"
SEQUENCE = "sequence"
"""The tasks whose results have tables of their own; ratings have no label space either."""

Progress = Callable[[int, int], None]


class StudyError(FisaError, ValueError):
    """Runs that cannot stand in one table; the message is one clear sentence."""


@dataclass(frozen=True)
class Result:
    """A run's results on one split: what a row is made of.

    Attributes:
        system: Name of the run.
        digest: Of its configuration and weights.
        metrics: As ``fisa.evaluation.summarise`` or ``evaluate_run`` returns them.
        predictions: ``id`` and one column per label, in the order of the data set.
        grades: Explanation grades, or None.
        data: How to open what the results are of; None where the caller opens it.
        path: Where the results lie, which tells two of one name apart.
        rated: Whether images without valence and arousal are left out of the data.
    """

    system: str
    digest: str
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    grades: Mapping[str, Any] | None
    data: DataConfig | None = None
    path: str | None = None
    rated: bool = False

    @property
    def marks(self) -> str:
        """What a reader must know before comparing this row: maps between labels, other training data; often empty."""
        marks: list[str] = []
        trained_on = self.metrics.get("trained_on", self.metrics["data"])
        if mapped := self.metrics.get("mapped"):
            spaces = {"one": mapped["predictions"]["from"], "other": self.metrics["space"]}
            marks.append(Phrase(mark("mapped {one} → {other}"), **spaces))
        if trained_on != self.metrics["data"]:
            drawn = is_drawn(trained_on) and not is_drawn(self.metrics["data"])
            text = mark("trained on drawn scenes ({data})") if drawn else mark("trained on {data}")
            marks.append(Phrase(text, data=trained_on))
        if seen := self.metrics.get("seen"):
            marks.append(Phrase(mark("has seen {seen} of {n} images"), seen=seen, n=self.metrics["n"]))
        return enumerated(marks, mark("{first}; {rest}")) if marks else ""


def result_of(run: Run, system: str | None = None) -> Result:
    """Return what a run's folder holds of its test results, under its own name or ``system``."""
    metrics = {"space": run.space.name, **run.metrics}
    return Result(
        system=system or run.name,
        digest=run.digest,
        metrics=metrics,
        predictions=run.predictions,
        grades=run.grades,
        data=run.config.data,
        path=str(run.path),
        rated=run.config.objective.ratings > 0,
    )


def comparison_table(runs: Sequence[Run | Result], progress: Progress | None = None) -> pd.DataFrame:
    """Compare results on the split that they share, beside the oracle ladder where the data are planted.

    Args:
        runs: At least one.
        progress: Called with (images done, images in all) while photographs are read to tell their version.

    Returns:
        One row a system, oracles first (each knows more than the one above it), on real data the constant, then runs
        from worst to best. Columns: ``system``; ``kind`` ("oracle", "baseline" or "run"); where any run has some,
        ``marks`` (:attr:`Result.marks`); on planted data ``score`` and ``kl_truth``; with two or more runs ``gap``,
        ``gap_low``, ``gap_high``; every key of ``fisa.metrics.METRICS`` on the votes; and where a run has them those of
        ``LABEL_COLUMNS`` and ``localisation_hit`` and ``contributions_r``. What a system does not have is NaN.
        ``attrs`` holds data, data_version, split, space (of the labels compared), n, runs (name to digest), seen (those
        which were trained or chosen on some of the images) and notes (a list of sentences).
        Of ratings: ``system``, ``kind`` ("baseline" or "run"), ``marks``, ``ccc_gap``, and the keys of
        ``fisa.ratings.evaluate_ratings``, each with ``_low`` and ``_high`` where the data can be opened.

    Raises:
        StudyError: No runs, or runs on different data, versions of it, splits or labels.
    """
    results = [result_of(run) if isinstance(run, Run) else run for run in runs]
    names = Counter(result.system for result in results)
    results = [
        result if names[result.system] == 1 or result.path is None else replace(result, system=result.path)
        for result in results
    ]
    return table_of(results, lambda name, split: _open(results[0], name, split, progress))


def comparison_tables(runs: Iterable[Run | Result], progress: Progress | None = None) -> list[pd.DataFrame]:
    """Return one :func:`comparison_table` for each task, data set, version, split and label space of the results."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for run in runs:
        result = result_of(run) if isinstance(run, Run) else run
        groups.setdefault(_place(result.metrics), []).append(result)
    return [comparison_table(group, progress) for group in groups.values()]


def _open(result: Result, name: str, split: str, progress: Progress | None) -> Dataset:
    if result.data is None:
        raise DataError(f"nothing says where {name} lies")
    return open_configured(result.data, (split,), progress, DIMENSIONS if result.rated else ())[split]


def table_of(results: Sequence[Result], open_split: Callable[[str, str], Dataset]) -> pd.DataFrame:
    """Build the table of :func:`comparison_table` from results.

    Args:
        results: All on the same data, version and split.
        open_split: Returns the data set of (name, split), in its own labels; may raise DataError, then what needs it is
            left out.

    Raises:
        StudyError: No results, or results that do not belong together.
    """
    if not results:
        raise StudyError("no runs to compare; name a run folder, or train one")
    places = {_place(result.metrics): result.system for result in results}
    if len(places) > 1:
        (first, one), (second, other), *_ = places.items()
        raise StudyError(f"{one} ({' '.join(first)}) and {other} ({' '.join(second)}) do not belong in one table")
    metrics = results[0].metrics
    notes: list[str] = []
    dataset = open_same(metrics, open_split, notes)
    if len({result.system for result in results}) < len(results):
        raise StudyError("the same run is named twice; name it once")
    if metrics.get("task") == RATED:
        rows = rated_rows({result.system: (result.metrics, result.predictions) for result in results}, dataset)
        notes += rated_notes(metrics, dataset)
        order = [key + end for key in ("ccc_gap", *RATING_COLUMNS) for end in ("", "_low", "_high")]
    elif metrics.get("task") == SEQUENCE:
        rows = step_rows({result.system: (result.metrics, result.predictions) for result in results}, dataset)
        notes += step_notes(metrics)
        order = ["score", "step_gap", "step_gap_low", "step_gap_high", *STEP_COLUMNS]
    else:
        oracles = [] if dataset is None else oracle_rows(dataset)
        if not oracles and metrics.get("truth_measures") is not None:
            oracles = [MetricRow("truth", "oracle", {"score": 1.0, "kl_truth": 0.0, **metrics["truth_measures"]})]
        if constant := next((each for each in map(_constant_measures, results) if each), None):
            oracles.append(MetricRow("constant", "baseline", constant))
            notes.append(CONSTANT)
        rows = [*oracles, *_run_rows(results, dataset)]
        order = ["score", "kl_truth", "gap", "gap_low", "gap_high", *METRICS, *LABEL_COLUMNS, *GRADE_COLUMNS]
    notes += [note for result in results for note in notes_on(result.system, result.metrics, result.grades)]
    table = pd.DataFrame([{"system": row.system, "kind": row.kind, **row.values} for row in rows])
    marks = {result.system: result.marks for result in results}
    if any(marks.values()):
        said = [marks[row.system] if row.kind == "run" else "" for row in rows]
        table["marks"] = pd.Series(said, dtype=object)  # phrases, which a column of texts would not keep
    table = table[["system", "kind", *(key for key in ("marks", *order) if key in table)]]
    data, version, split, n, space, _ = _place(metrics)
    table.attrs = {
        "data": data,
        "data_version": version,
        "split": split,
        "space": space,
        "n": int(n),
        "runs": {result.system: result.digest for result in results},
        "seen": [result.system for result in results if result.metrics.get("seen")],
        "notes": notes,
    }
    return table


def _place(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """What results of one table share. The space is that of the comparison, into which some may have been mapped."""
    task = str(metrics.get("task", "distribution"))  # which earlier versions did not store
    space = "" if task == RATED else str(metrics.get("space", ""))
    return (*(str(metrics[key]) for key in ("data", "data_version", "split", "n")), space, task)


def open_same(
    metrics: Mapping[str, Any], open_split: Callable[[str, str], Dataset], notes: list[str]
) -> Dataset | None:
    """Open what the results are of, or note why it cannot be had."""
    try:
        dataset = open_split(metrics["data"], metrics["split"])
    except DataError as error:
        notes.append(Phrase(mark("Without paired differences: {error}."), error=str(error)))
        return None
    if dataset.version != metrics["data_version"]:
        text = mark(
            "Made on version {before} of the data, now {now}: without oracles and paired differences; train again to "
            "compare with new runs."
        )
        notes.append(Phrase(text, before=metrics["data_version"], now=dataset.version))
        return None
    own = metrics.get("task") == RATED or metrics.get("space", dataset.space.name) == dataset.space.name
    return dataset if own else in_space(dataset, SPACES[metrics["space"]])


def oracle_rows(dataset: Dataset) -> list[MetricRow]:
    """Return the rungs of the oracle ladder on a split, or none where the data are real."""
    rungs = oracles_of(dataset)
    return [MetricRow(rung, "oracle", values_of(summarise(dataset, predicted))) for rung, predicted in rungs.items()]


def values_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the measures of a run that tables show."""
    planted = {key: metrics[key] for key in PLANTED_COLUMNS if metrics.get(key) is not None}
    labels = metrics.get("single_labels") or {}
    return {**planted, **metrics["measures"], **{key: labels[key] for key in LABEL_COLUMNS if key in labels}}


def _constant_measures(result: Result) -> dict[str, float] | None:
    """Return what the mean of the training images reaches, which runs on real data store; earlier ones have none."""
    return result.metrics.get("constant_measures")


def _run_rows(results: Sequence[Result], dataset: Dataset | None) -> list[MetricRow]:
    """Rows of runs, worst first by KL to the truth, or to the votes where no truth is known."""
    primary = "kl_truth" if results[0].metrics.get("kl_truth") is not None else "kl"
    values = {result.system: {**values_of(result.metrics), **_grades(result)} for result in results}
    ranked = sorted(results, key=lambda result: -values[result.system][primary])
    if dataset is not None and len(results) > 1:
        errors = [per_sample(result.predictions, dataset)[primary].to_numpy() for result in ranked]
        for result, error in zip(ranked[:-1], errors, strict=False):
            interval = paired_bootstrap(error, errors[-1], groups=groups_of(dataset))
            gap = {"gap": interval.value, "gap_low": interval.low, "gap_high": interval.high}
            values[result.system].update(gap)
    return [MetricRow(result.system, "run", values[result.system]) for result in ranked]


def _grades(result: Result) -> dict[str, float]:
    grades = result.grades or {}
    places = {"localisation_hit": ("localisation", "hit"), "contributions_r": ("contributions", "r")}
    return {key: grades[part][name] for key, (part, name) in places.items() if grades.get(part)}
