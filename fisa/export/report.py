"""One run, or a comparison of up to four, as one offline HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from fisa.config import flat
from fisa.config.differences import differences
from fisa.datasets import DataError, Dataset, groups_of
from fisa.evaluation import EvaluationError, open_test_split, per_sample, target_of, truth_of
from fisa.export.explanation import Draw
from fisa.export.folder import ExportError
from fisa.export.page import Picture, Table, figure_picture, framed, pixel_picture, render
from fisa.export.provenance import provenance_of
from fisa.figures import FigureError, paper
from fisa.figures.paper.sheet import printable
from fisa.runs import Run, RunError, list_runs, load_run
from fisa.studies import comparison_tables, format_table
from fisa.studies.pairs import title_of
from fisa.studies.published import published_measures
from fisa.studies.reference import Comparison, beside_reference, comparison_notes, difference_texts, mean_texts
from fisa.studies.seeds import alone_where_shared, seeds_of

Progress = Callable[[int, int], None]
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


@dataclass(frozen=True)
class Chosen:
    """One image that somebody looked at through all runs.

    Attributes:
        name: Of the image.
        emotion: Whose maps are shown.
        quantity: Of the matrices.
        figures: ``bars``, ``wheel``, ``maps``, ``matrices``, those that there are.
        about: Provenance of the figures.
    """

    name: str
    emotion: str
    quantity: str
    figures: Mapping[str, Draw]
    about: Mapping[str, str]


def report_page(
    runs: Sequence[Run], command: str, progress: Progress | None = None, chosen: Chosen | None = None
) -> str:
    """Return a page with configurations, measures, paired tests, training curves and the worst images.

    Paired differences to the first run and images stand there where all runs predict distributions of the same test
    split, and it can be opened. Other training seeds of a run that lie beside it in its folder count with it.

    Args:
        runs: One to four.
        command: That makes it again.
        progress: Called with (parts done, parts).
        chosen: An image to show before those on which the first run errs most.

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
    found = None if shared is None else _compared(named, *shared)
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
        measures=[] if found is None else list(_measures(found)),
        gaps=[] if found is None or shared is None else list(_pictures(found, shared[1], about)),
        curves=curves,
        chosen=chosen,
        pictured=[] if chosen is None else list(_pictured(chosen)),
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


def _compared(runs: Mapping[str, Run], dataset: Dataset, errors: Sequence[pd.DataFrame]) -> Comparison:
    """Compare the runs with the first one, each with the training seeds that lie beside it."""
    seeds = alone_where_shared({name: seeds_of(run, _beside(run)) for name, run in runs.items()})
    tables = {
        name: [own, *(per_sample(each.predictions, dataset) for each in seeds[name][1:])]
        for name, own in zip(runs, errors, strict=True)
    }
    return beside_reference(tables, groups_of(dataset))


def _beside(run: Run) -> Iterator[Run]:
    """Yield the runs in the folder that a run lies in, as far as they can be opened."""
    for path in list_runs(run.path.parent):
        try:
            yield load_run(path)
        except RunError:
            continue


def _measures(found: Comparison) -> Iterator[Table]:
    """Yield the means of every run, and the differences of the others to the first one with their tests."""
    texts, best = mean_texts(found)
    yield framed("Measures", texts, note=" ".join(comparison_notes(found)), best=best)
    if found.differences:
        note = "An interval without 0 is a difference that drawing other images does not explain."
        yield framed("Differences", difference_texts(found), note=note)


def _pictures(found: Comparison, errors: Sequence[pd.DataFrame], about: dict[str, str]) -> Iterator[Picture]:
    """Yield the differences of KL to the first run, and its errors against those of each other one."""
    if not found.differences:
        return
    first, *others = found.systems
    measure = found.measures[0]
    gaps = [found.differences[name][measure] for name in others]
    value, low, high = (np.array([getattr(each, part) for each in gaps]) for part in ("value", "low", "high"))
    rows = [f"{name} − {first}" for name in others]
    yield figure_picture("Differences", paper.forest(rows, value, low, high, "difference of KL in nats"), about)
    for name, table in zip(others, errors[1:], strict=True):
        figure = paper.scatter(errors[0][measure].to_numpy(float), table[measure].to_numpy(float), (first, name))
        yield figure_picture(f"{first} against {name}, image by image", figure, about)


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


def _pictured(chosen: Chosen) -> Iterator[Picture]:
    titles = {
        "bars": "Degrees",
        "wheel": "Prediction on the emotion wheel",
        "maps": f"Attention of {chosen.emotion}",
        "matrices": f"{chosen.quantity.capitalize()}, all heads together",
    }
    for name, draw in chosen.figures.items():
        yield figure_picture(titles[name], draw("two"), chosen.about)


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
