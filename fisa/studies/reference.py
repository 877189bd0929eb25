"""Systems beside the first of them, measure by measure: means, paired differences and their tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fisa.language import Phrase, mark
from fisa.metrics import METRICS
from fisa.studies.comparison import StudyError
from fisa.studies.pairs import measured, title_of
from fisa.studies.statistics import Difference, difference_of, holm, resampled_means

DIGITS = 4
SEEDS = mark("training seeds")
"""The row that says over how many seeds a system's means are."""
ALONE = mark("n = 1, no ±")
"""What it says of a single one."""


@dataclass(frozen=True)
class Mean:
    """A mean over samples and training seeds.

    Attributes:
        value: The mean.
        low: Lower end of its 95 % bootstrap interval over samples and, where there are several, seeds.
        high: Upper end.
        std: Standard deviation of the seeds' means, n − 1 in the denominator; NaN of one seed.
        seeds: How many there are.
    """

    value: float
    low: float
    high: float
    std: float
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """Systems on the same samples, the first one the reference.

    Attributes:
        samples: How many.
        means: System -> measure -> its mean.
        differences: Each system but the first -> measure -> its mean less that of the first; ``p`` is adjusted for the
            number of these systems by Holm's procedure.
    """

    samples: int
    means: Mapping[str, Mapping[str, Mean]]
    differences: Mapping[str, Mapping[str, Difference]]

    @property
    def systems(self) -> list[str]:
        """Names, the reference first."""
        return list(self.means)

    @property
    def measures(self) -> list[str]:
        """Names of the measures, in the order of tables."""
        return list(self.means[self.systems[0]])

    @property
    def pooled(self) -> bool:
        """Whether any system has several seeds."""
        return any(mean.seeds > 1 for each in self.means.values() for mean in each.values())


def beside_reference(systems: Mapping[str, Sequence[pd.DataFrame]], groups: np.ndarray | None = None) -> Comparison:
    """Compare systems with the first of them by the hierarchical bootstrap of studies (docs/methods.md, section 4).

    Args:
        systems: Name -> for each training seed a table of :func:`fisa.evaluation.per_sample`, all of the same samples.
        groups: Group of each sample, [N], where samples are not independent.

    Raises:
        StudyError: No system, or tables of other samples.
    """
    if not systems or not all(systems.values()):
        raise StudyError("no runs to compare; name a run folder, or train one")
    tables = [table for seeds in systems.values() for table in seeds]
    if any(list(table["id"]) != list(tables[0]["id"]) for table in tables):
        raise StudyError(f"{', '.join(systems)} were not measured on the same images; evaluate them on one split")
    measures = [name for name in measured(tables[0]) if all(name in table for table in tables)]
    values = [np.stack([table[measures].to_numpy(float) for table in seeds]) for seeds in systems.values()]
    drawn = resampled_means(values, groups)
    means = {
        name: dict(zip(measures, _means(own, samples), strict=True))
        for name, own, samples in zip(systems, values, drawn, strict=True)
    }
    names = list(systems)
    found = [
        [
            difference_of(float(own[..., place].mean() - values[0][..., place].mean()), gaps[:, place])
            for place in range(len(measures))
        ]
        for own, samples in zip(values[1:], drawn[1:], strict=True)
        for gaps in (samples - drawn[0],)
    ]
    return Comparison(len(tables[0]), means, _adjusted(names[1:], measures, found))


def _means(values: np.ndarray, drawn: np.ndarray) -> list[Mean]:
    """Return the mean of each measure of [S, N, M], with the interval of its bootstrap samples [B, M]."""
    by_seed = values.mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    seeds = len(values)
    spread = by_seed.std(axis=0, ddof=1) if seeds > 1 else np.full(by_seed.shape[1], np.nan)
    columns = zip(by_seed.mean(axis=0), low, high, spread, strict=True)
    return [Mean(float(value), float(start), float(end), float(std), seeds) for value, start, end, std in columns]


def _adjusted(
    others: Sequence[str], measures: Sequence[str], found: Sequence[Sequence[Difference]]
) -> dict[str, dict[str, Difference]]:
    """Return the differences by system and measure, with p values adjusted over the systems."""
    rows: dict[str, dict[str, Difference]] = {name: {} for name in others}
    for place, measure in enumerate(measures):
        raw = [each[place] for each in found]
        for name, one, p in zip(others, raw, holm([each.p for each in raw]), strict=True):
            rows[name][measure] = Difference(one.value, one.low, one.high, p)
    return rows


def mean_texts(found: Comparison, text: Callable[[Mean], str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the means, a row a measure under its title and a column a system, and tell which are best.

    The last row has the numbers of training seeds.

    Args:
        found: The comparison.
        text: Writes a mean, by default :func:`mean_text`.
    """
    text = text or mean_text
    texts: dict[str, list[str]] = {}
    best: dict[str, list[bool]] = {}
    for measure in found.measures:
        means = [found.means[name][measure] for name in found.systems]
        shown = np.round([mean.value for mean in means], DIGITS)
        top = shown.max() if measure in METRICS and METRICS[measure].higher_is_better else shown.min()
        texts[title_of(measure)] = [text(mean) for mean in means]
        best[title_of(measure)] = [bool(each == top) and len(means) > 1 for each in shown]
    seeds = [found.means[name][found.measures[0]].seeds for name in found.systems]
    texts[SEEDS] = [f"n = {count}" if count > 1 else ALONE for count in seeds]
    best[SEEDS] = [False] * len(seeds)
    cells = pd.DataFrame.from_dict(texts, orient="index", columns=found.systems).rename_axis("measure")
    marks = pd.DataFrame.from_dict(best, orient="index", columns=found.systems).rename_axis("measure")
    return cells, marks


def difference_texts(found: Comparison) -> pd.DataFrame:
    """Write the differences to the reference with their intervals and p values, a row a measure, a column a system."""
    rows = {
        title_of(measure): [difference_text(found.differences[name][measure]) for name in found.differences]
        for measure in found.measures
    }
    columns = [f"{name} − {found.systems[0]}" for name in found.differences]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("measure")


def comparison_numbers(found: Comparison) -> pd.DataFrame:
    """Return all numbers, a row a measure.

    Columns of each system: its name, and the name with ``_low``, ``_high``, ``_std`` and ``_seeds``; of each but the
    first: ``<name> − <first>``, and that with ``_low``, ``_high`` and ``_p``.
    """
    columns: dict[str, list[float]] = {}
    for name, means in found.means.items():
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"), ("_std", "std"), ("_seeds", "seeds")):
            columns[f"{name}{end}"] = [getattr(means[measure], part) for measure in found.measures]
    for name, gaps in found.differences.items():
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"), ("_p", "p")):
            columns[f"{name} − {found.systems[0]}{end}"] = [getattr(gaps[measure], part) for measure in found.measures]
    return pd.DataFrame(columns, index=pd.Index([title_of(measure) for measure in found.measures], name="measure"))


def mean_text(mean: Mean) -> str:
    """Write a mean with the standard deviation of its seeds or, of one seed, with its interval."""
    if mean.seeds > 1:
        return f"{mean.value:.{DIGITS}f} ± {mean.std:.{DIGITS}f}"
    return f"{mean.value:.{DIGITS}f} [{mean.low:.{DIGITS}f}, {mean.high:.{DIGITS}f}]"


def mean_short(mean: Mean) -> str:
    """Write a mean alone, with the standard deviation of its seeds where there are several."""
    return mean_text(mean) if mean.seeds > 1 else f"{mean.value:.{DIGITS}f}"


def difference_text(gap: Difference) -> str:
    """Write a difference with its interval and p value."""
    p = f"p {gap.p:.4f}"
    return f"{gap.value:+.{DIGITS}f} [{gap.low:+.{DIGITS}f}, {gap.high:+.{DIGITS}f}], {p}"


def comparison_notes(found: Comparison) -> list[str]:
    """Say in phrases what the numbers are, and what they do not say."""
    others = len(found.differences)
    notes: list[str] = [Phrase(mark("Means over {n:,} test images."), n=found.samples)]
    if found.pooled:
        notes.append(Phrase(mark("± is the standard deviation over n training seeds.")))
    alone = [name for name, means in found.means.items() if next(iter(means.values())).seeds == 1]
    if alone:
        text = mark(
            "{names}: one training seed, so nothing is known of another one; brackets are 95 % bootstrap intervals "
            "over images."
        )
        notes.append(Phrase(text, names=", ".join(alone)))
    one = mark(
        "Differences are less that of {first}, paired over images, with 95 % bootstrap intervals; p is two-sided."
    )
    many = mark(
        "Differences are less that of {first}, paired over images, with 95 % bootstrap intervals; p is two-sided, "
        "adjusted for {n} comparisons by Holm's procedure."
    )
    if others:
        notes.append(Phrase(one if others == 1 else many, first=found.systems[0], n=others))
    return notes
