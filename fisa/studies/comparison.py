"""Comparison tables: runs beside oracles on one data set; planted and real data never share one, nor do tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fisa.datasets import DataError, Dataset
from fisa.datasets.planted.oracles import fit_ladder
from fisa.evaluation import per_sample, summarise, truth_of
from fisa.metrics import METRICS, paired_bootstrap
from fisa.ratings import PARTS, RATING_MEASURES
from fisa.records import MetricRow
from fisa.runs import Run
from fisa.studies.rated import rated_notes, rated_rows
from fisa.tasks import open_data

Progress = Callable[[int, int], None]


class StudyError(ValueError):
    """Runs that cannot stand in one table; the message is one clear sentence."""


@dataclass(frozen=True)
class Column:
    """How a column of a comparison table reads.

    Attributes:
        title: Heading without its arrow.
        higher_is_better: Direction of the arrow; None where no system wins.
        convention: One line for the footnote.
        digits: Decimals shown.
    """

    title: str
    higher_is_better: bool | None
    convention: str
    digits: int = 3


@dataclass(frozen=True)
class Result:
    """A run's results on one split: what a row is made of.

    Attributes:
        system: Name of the run.
        digest: Of its configuration and weights.
        metrics: As ``fisa.evaluation.summarise`` returns them.
        predictions: ``id`` and one column per label, in the order of the data set.
        grades: Explanation grades, or None.
    """

    system: str
    digest: str
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    grades: Mapping[str, Any] | None


# Planted data only: the truth is known, and so is what a run's explanations should show.
PLANTED_COLUMNS = {
    "score": Column("score", True, "1 − KL(p‖q) / KL(p‖constant): 0 is the constant, 1 the truth"),
    "kl_truth": Column("KL(p‖q)", False, "true distribution p against prediction q, nats", 4),
}
GAP = Column(
    "gap",
    False,
    "paired difference of KL to the best run's, with its 95 % bootstrap interval over images",
    4,
)
RATING_COLUMNS = {
    f"{measure.name}_{part}": Column(f"{measure.title} {part}", measure.higher_is_better, measure.convention)
    for measure in RATING_MEASURES.values()
    for part in PARTS
}
RATING_GAP = Column(
    "CCC gap", True, "paired difference of the mean CCC to the best run's, with its 95 % bootstrap interval"
)
GRADE_COLUMNS = {
    "localisation_hit": Column(
        "localisation",
        True,
        "share of emotions in scenes of two or more whose attention peaks in their own visible motifs",
    ),
    "contributions_r": Column(
        "contributions", True, "Pearson r of contributions with the planted effects over planted pairs"
    ),
}


def columns_of(table: pd.DataFrame) -> dict[str, Column]:
    """Return how each column of measures of a table reads, in its order; ``attrs["columns"]`` are its own."""
    measures = {
        key: Column(metric.title, metric.higher_is_better, metric.convention) for key, metric in METRICS.items()
    }
    gaps = {"gap": GAP, "ccc_gap": RATING_GAP}
    own = table.attrs.get("columns", {})
    known = {**PLANTED_COLUMNS, **gaps, **measures, **GRADE_COLUMNS, **RATING_COLUMNS, **own}
    return {str(key): known[str(key)] for key in table.columns if key in known}


def result_of(run: Run, system: str | None = None) -> Result:
    """Return what a run's folder holds of its test results, under its own name or ``system``."""
    return Result(system or run.name, run.digest, run.metrics, run.predictions, run.grades)


def comparison_table(runs: Sequence[Run], progress: Progress | None = None) -> pd.DataFrame:
    """Compare runs on the test split that they share, beside the oracle ladder where the data are planted.

    Args:
        runs: At least one.
        progress: Called with (images done, images in all) while photographs are read to tell their version.

    Returns:
        One row a system, oracles first (each knows more than the one above it), then runs from worst to best.
        Columns: ``system``; ``kind`` ("oracle" or "run"); on planted data ``score`` and ``kl_truth``; with two or
        more runs ``gap``, ``gap_low``, ``gap_high``; every key of ``fisa.metrics.METRICS`` on the votes; and where a
        run has them ``localisation_hit`` and ``contributions_r``. What a system does not have is NaN.
        ``attrs`` holds data, data_version, split, n, runs (name to digest) and notes (a list of sentences).
        Of ratings: ``system``, ``kind`` ("baseline" or "run"), ``ccc_gap``, and the keys of
        ``fisa.ratings.evaluate_ratings``, each with ``_low`` and ``_high`` where the data can be opened.

    Raises:
        StudyError: No runs, or runs on different data, versions of it or splits.
    """
    names = Counter(run.name for run in runs)
    results = [result_of(run, run.name if names[run.name] == 1 else str(run.path)) for run in runs]
    return table_of(results, lambda _name, split: open_data(runs[0].config, (split,), progress)[split])


def comparison_tables(runs: Iterable[Run], progress: Progress | None = None) -> list[pd.DataFrame]:
    """Return one :func:`comparison_table` for each task, data set, version and split that runs were tested on."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(_place(run.metrics), []).append(run)
    return [comparison_table(group, progress) for group in groups.values()]


def table_of(results: Sequence[Result], open_split: Callable[[str, str], Dataset]) -> pd.DataFrame:
    """Build the table of :func:`comparison_table` from results.

    Args:
        results: All on the same data, version and split.
        open_split: Returns the data set of (name, split); may raise DataError, then what needs it is left out.

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
    if metrics.get("task") == "valence_arousal":
        rows = rated_rows({result.system: (result.metrics, result.predictions) for result in results}, dataset)
        notes += rated_notes(metrics, dataset)
        order = [key + end for key in ("ccc_gap", *RATING_COLUMNS) for end in ("", "_low", "_high")]
    else:
        oracles = [] if dataset is None else oracle_rows(dataset)
        if not oracles and metrics.get("truth_measures") is not None:
            oracles = [MetricRow("truth", "oracle", {"score": 1.0, "kl_truth": 0.0, **metrics["truth_measures"]})]
        rows = [*oracles, *_run_rows(results, dataset)]
        notes += [note for result in results for note in _grade_notes(result)]
        order = ["score", "kl_truth", "gap", "gap_low", "gap_high", *METRICS, *GRADE_COLUMNS]
    table = pd.DataFrame([{"system": row.system, "kind": row.kind, **row.values} for row in rows])
    table = table[["system", "kind", *(key for key in order if key in table)]]
    data, version, split, n, _ = _place(metrics)
    table.attrs = {
        "data": data,
        "data_version": version,
        "split": split,
        "n": int(n),
        "runs": {result.system: result.digest for result in results},
        "notes": notes,
    }
    return table


def _place(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    task = str(metrics.get("task", "distribution"))  # which earlier versions did not store
    return (*(str(metrics[key]) for key in ("data", "data_version", "split", "n")), task)


def open_same(
    metrics: Mapping[str, Any], open_split: Callable[[str, str], Dataset], notes: list[str]
) -> Dataset | None:
    """Open what the results are of, or note why it cannot be had."""
    try:
        dataset = open_split(metrics["data"], metrics["split"])
    except DataError as error:
        notes.append(f"Without paired differences: {error}.")
        return None
    if dataset.version != metrics["data_version"]:
        notes.append(
            f"Made on version {metrics['data_version']} of the data, now {dataset.version}: "
            "without oracles and paired differences; train again to compare with new runs."
        )
        return None
    return dataset


def oracle_rows(dataset: Dataset) -> list[MetricRow]:
    """Return the rungs of the oracle ladder on a split, or none where the data are real."""
    truth = truth_of(dataset)
    if truth is None:
        return []
    rungs = fit_ladder(dataset.name).predict(dataset.manifest)
    return [MetricRow(rung, "oracle", _values(summarise(dataset, predicted))) for rung, predicted in rungs.items()]


def _values(metrics: Mapping[str, Any]) -> dict[str, float]:
    planted = {key: metrics[key] for key in PLANTED_COLUMNS if metrics.get(key) is not None}
    return {**planted, **metrics["measures"]}


def _run_rows(results: Sequence[Result], dataset: Dataset | None) -> list[MetricRow]:
    """Rows of runs, worst first by KL to the truth, or to the votes where no truth is known."""
    primary = "kl_truth" if results[0].metrics.get("kl_truth") is not None else "kl"
    values = {result.system: {**_values(result.metrics), **_grades(result)} for result in results}
    ranked = sorted(results, key=lambda result: -values[result.system][primary])
    if dataset is not None and len(results) > 1:
        errors = [per_sample(result.predictions, dataset)[primary].to_numpy() for result in ranked]
        for result, error in zip(ranked[:-1], errors, strict=False):
            interval = paired_bootstrap(error, errors[-1])
            gap = {"gap": interval.value, "gap_low": interval.low, "gap_high": interval.high}
            values[result.system].update(gap)
    return [MetricRow(result.system, "run", values[result.system]) for result in ranked]


def _grades(result: Result) -> dict[str, float]:
    grades = result.grades or {}
    places = {"localisation_hit": ("localisation", "hit"), "contributions_r": ("contributions", "r")}
    return {key: grades[part][name] for key, (part, name) in places.items() if grades.get(part)}


def _grade_notes(result: Result) -> Iterator[str]:
    grades = result.grades or {}
    if grade := grades.get("localisation"):
        rest = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in grade["baselines"].items())
        yield f"localisation of {result.system}: {_interval(grade, 'hit')}, n = {grade['n']}; baselines: {rest}."
    if grade := grades.get("contributions"):
        yield f"contributions of {result.system}: r = {_interval(grade, 'r')}, n = {grade['n']} pairs."


def _interval(grade: Mapping[str, Any], key: str) -> str:
    return f"{grade[key]:.3f} [{grade['low']:.3f}, {grade['high']:.3f}]"
