"""One run, or a comparison of up to four, as one offline HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from fisa.config.differences import differences, flat
from fisa.datasets import DataError, Dataset
from fisa.evaluation import EvaluationError, open_test_split, per_sample, target_of, truth_of
from fisa.export.folder import ExportError
from fisa.export.page import Picture, Table, figure_picture, framed, pixel_picture, render
from fisa.export.provenance import provenance_of
from fisa.figures import FigureError, paper
from fisa.figures.paper.sheet import printable
from fisa.records import Interval
from fisa.runs import Run
from fisa.studies import comparison_tables, format_table
from fisa.studies.pairs import means, paired_differences, title_of
from fisa.studies.published import published_measures

Progress = Callable[[int, int], None]
Gaps = Sequence[Mapping[str, Interval]]
"""For each run but the first, measure -> difference of the first one to it."""

MOST_RUNS = 4
WORST = 6
"""How many images are shown, those on which the first run errs most."""

_SIDE = 224


@dataclass(frozen=True)
class Worst:
    """An image with a large error: what it is, how large, the picture, and what was predicted."""

    name: str
    errors: str
    image: Picture
    bars: Picture


def report_page(runs: Sequence[Run], command: str, progress: Progress | None = None) -> str:
    """Return a page with configurations, measures, differences, training curves and the worst images.

    Paired differences and images stand there where all runs predict distributions of the same test split, and it can
    be opened.

    Args:
        runs: One to four.
        command: That makes it again.
        progress: Called with (parts done, parts).

    Raises:
        ExportError: No run, or more than four.
        StudyError: Runs that cannot be compared.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ExportError(f"a page compares 1 to {MOST_RUNS} runs, not {len(runs)}; name those that matter")
    tell = progress or (lambda _done, _total: None)
    tables = comparison_tables(runs)
    named = _named(runs)
    tell(1, 4)
    notes: list[str] = []
    shared = _shared_data(named, notes)
    errors = [] if shared is None else shared[1]
    gaps = [paired_differences(errors[0], other) for other in errors[1:]]
    measures = list(_measures(named, errors, gaps)) if errors else []
    tell(2, 4)
    about = provenance_of(runs, _data_words(runs), None, command)
    curves = list(_curves(named, about, notes))
    tell(3, 4)
    worst = [] if shared is None else list(_worst(named, *shared, about))
    tell(4, 4)
    return render(
        "report.html",
        title=" · ".join(named),
        names=list(named),
        differences=_differences(named),
        settings=[_settings(name, run) for name, run in named.items()],
        comparisons=[Markup(printable(format_table(table, "html"))) for table in tables],
        published=list(_published(runs)),
        measures=measures,
        gaps=list(_forest(list(named), gaps, about)),
        curves=curves,
        worst=worst,
        notes=notes,
        about=about,
    )


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the runs by name; those of one name by their path, as the comparison table has them."""
    counts = Counter(run.name for run in runs)
    return {run.name if counts[run.name] == 1 else str(run.path): run for run in runs}


def _data_words(runs: Sequence[Run]) -> str:
    places = [
        f"{run.metrics['data']}, version {run.metrics['data_version']}, split {run.metrics['split']}" for run in runs
    ]
    return "; ".join(dict.fromkeys(places))


def _differences(runs: Mapping[str, Run]) -> list[Table]:
    if len(runs) == 1:
        return []
    rows = [[key, *values] for key, values in differences([run.config for run in runs.values()]).items()]
    note = "" if rows else "The configurations are equal but for the name."
    return [Table("What differs", ["setting", *runs], rows, note)]


def _settings(name: str, run: Run) -> Table:
    whole = flat(run.config.model_dump(mode="json"))
    rows = [[key, "–" if value is None else str(value)] for key, value in whole.items()]
    return Table(f"All settings of {name}", ["setting", "value"], rows)


def _shared_data(runs: Mapping[str, Run], notes: list[str]) -> tuple[Dataset, list[pd.DataFrame]] | None:
    """Return the test split that all runs share and each one's measures of every image, or note why not."""
    without = "Without paired differences and images"
    places = {tuple(str(run.metrics[key]) for key in ("data", "data_version", "split")) for run in runs.values()}
    if len(places) > 1 or any(run.task.name != "distribution" for run in runs.values()):
        notes.append(f"{without}: not all runs predict distributions of one test split.")
        return None
    first = next(iter(runs.values()))
    try:
        dataset = open_test_split(first)
        if dataset.version != first.metrics["data_version"]:
            notes.append(f"{without}: the data have changed since; evaluate the runs again.")
            return None
        return dataset, [per_sample(run.predictions, dataset) for run in runs.values()]
    except (DataError, EvaluationError) as error:
        notes.append(f"{without}: {error}.")
        return None


def _measures(runs: Mapping[str, Run], errors: Sequence[pd.DataFrame], gaps: Gaps) -> Iterator[Table]:
    """Yield the means of every run, and the differences of the others to the first one, with their intervals."""
    found = [means(table) for table in errors]
    rows = [[title_of(name), *(_interval(each[name]) for each in found)] for name in found[0]]
    note = f"Means over {len(errors[0])} test images with 95 % bootstrap intervals."
    yield Table("Measures", ["measure", *runs], rows, note)
    if gaps:
        rows = [[title_of(name), *(_interval(each[name], "+") for each in gaps)] for name in gaps[0]]
        header = ["measure", *_pairs(list(runs))]
        note = "Paired over images: an interval without 0 is a difference that drawing other images does not explain."
        yield Table("Differences", header, rows, f"{note} It says nothing of another training seed.")


def _pairs(names: Sequence[str]) -> list[str]:
    return [f"{names[0]} − {name}" for name in names[1:]]


def _forest(names: Sequence[str], gaps: Gaps, about: dict[str, str]) -> Iterator[Picture]:
    """Yield the differences of KL to the first run, where there are others."""
    if gaps:
        found = [gap["kl_truth" if "kl_truth" in gap else "kl"] for gap in gaps]
        value, low, high = (np.array([getattr(each, part) for each in found]) for part in ("value", "low", "high"))
        yield figure_picture(
            "Differences", paper.forest(_pairs(names), value, low, high, "difference of KL in nats"), about
        )


def _interval(interval: Interval, sign: str = "") -> str:
    return f"{interval.value:{sign}.4f} [{interval.low:{sign}.4f}, {interval.high:{sign}.4f}]"


def _published(runs: Sequence[Run]) -> Iterator[Table]:
    """Yield what others report for the data sets of the runs, which is marked as theirs."""
    for data in dict.fromkeys(str(run.metrics["data"]) for run in runs):
        rows = published_measures(data)
        if rows:
            frame = pd.DataFrame.from_dict(rows, orient="index").rename(columns=title_of)
            frame.index = pd.Index([f"{name} (theirs)" for name in frame.index], name="system")
            yield framed(f"Published for {data}", frame, 3, "As their authors report it, under protocols of their own.")


def _curves(runs: Mapping[str, Run], about: dict[str, str], notes: list[str]) -> Iterator[Picture]:
    try:
        figure = paper.history({name: run.history for name, run in runs.items()}, "two")
    except FigureError as error:
        notes.append(f"Without training curves: {error}.")
    else:
        yield figure_picture("Training", figure, about)


def _worst(
    runs: Mapping[str, Run], dataset: Dataset, errors: Sequence[pd.DataFrame], about: dict[str, str]
) -> Iterator[Worst]:
    """Yield the images on which the first run errs most, with what every run predicts for them."""
    truth, labels = truth_of(dataset), list(dataset.space.labels)
    known = target_of(dataset) if truth is None else truth
    measure = "kl" if truth is None else "kl_truth"
    order = np.argsort(-errors[0][measure].to_numpy(float), kind="stable")[:WORST]
    for index in map(int, order):
        name = str(errors[0]["id"].iloc[index])
        rows = {"votes" if truth is None else "truth": known[index]}
        rows |= {_unlike(each, rows): run.predictions[labels].iloc[index].to_numpy(float) for each, run in runs.items()}
        said = ", ".join(f"{each} {table[measure].iloc[index]:.3f}" for each, table in zip(runs, errors, strict=True))
        yield Worst(
            name,
            f"Error in nats: {said}",
            pixel_picture(name, dataset[index].image, f"The image {name}", _SIDE),
            figure_picture("", paper.bars(dataset.space, rows), about),
        )


def _unlike(name: str, taken: dict[str, np.ndarray]) -> str:
    return f"run {name}" if name in taken else name
