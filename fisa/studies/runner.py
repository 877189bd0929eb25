"""A study, run: all is checked, trials are trained, choices are frozen, then cells are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fisa.config import RunConfig, read_text
from fisa.config.study import StudyConfig, load_study
from fisa.datasets import DataError, check_split
from fisa.datasets.sequences import inputs_of
from fisa.evaluation import Progress
from fisa.exceptions import FisaError
from fisa.runs import RunError
from fisa.studies.claims import check_claims
from fisa.studies.comparison import StudyError
from fisa.studies.folder import Failure, StudyFolder, at_work
from fisa.studies.lent import borrow, check_lent
from fisa.studies.pace import Pace
from fisa.studies.plan import Cell, choice_names, plan_cells, plan_trials
from fisa.studies.protocol import freeze
from fisa.studies.speed import measure_speeds
from fisa.studies.summary import FOLDER as SUMMARY_FOLDER
from fisa.studies.summary import load_results, store_summary
from fisa.studies.workers import News
from fisa.tasks import open_data
from fisa.training import prepare

Engine = Callable[[Sequence[Cell], Path], Iterator[News]]
"""Trains cells, none of them finished, below a study's folder, and says how it goes."""
Watch = Callable[[News, Pace], None]


@dataclass(frozen=True)
class Outcome:
    """What a call came to.

    Attributes:
        cells: All runs of the study that could be planned.
        failures: Of runs, and of systems without a choice, those of earlier calls that were not tried again too.
    """

    cells: tuple[Cell, ...]
    failures: tuple[Failure, ...]


def run_study(
    path: Path,
    out: Path,
    engine: Engine,
    watch: Watch = lambda news, pace: None,
    progress: Progress | None = None,
    known: Path | None = None,
) -> Outcome:
    """Run a study, or go on with it.

    What is finished is not run again, what was interrupted goes on from its checkpoint, and what failed is tried once
    more, unless it diverged: it would again.

    Args:
        path: Its file.
        out: Its folder, made if need be.
        engine: See ``Engine``.
        watch: Called with all that happens.
        progress: Called with (done, total) while runs are checked, and while images are drawn or decoded.
        known: Summary of an earlier study whose choices stand and whose finished runs are not trained again.

    Raises:
        ConfigError: The file, or a configuration that it names, cannot be used.
        StudyError: Its test split is none of its data, a run cannot be trained, the study contradicts what it has come
            to, or another call works on it.
    """
    study, systems = load_study(path)
    check_test_split(study, path)
    check_claims(study, systems)
    trials = plan_trials(study, systems)
    with at_work(out, study.name, read_text(path)) as folder:
        if known is not None:
            borrow(folder, known)
        chosen = freeze(folder, study, systems, [])  # a system without a search has nothing to wait for
        decided = [*trials, *plan_cells(study, systems, chosen)]
        folder.refuse_contradictions(decided)
        check_lent(folder, decided)
        folder.log_cells(decided)
        undecided: dict[str, dict[str, Any]] = {name: {} for name in choice_names(study, systems)}
        undecided |= chosen
        planned = [*trials, *plan_cells(study, systems, undecided)]
        names = [system.name for system in systems]
        reference = study.reference or ("fisa" if "fisa" in names else systems[0].name)
        folder.store_plan(study, reference, names, planned)
        check([cell for cell in planned if not folder.finished(cell.where)], progress)
        pace = Pace(folder, planned)
        try:
            _train(folder, trials, engine, watch, pace)
            chosen = freeze(folder, study, systems, trials)
            cells = plan_cells(study, systems, chosen)
            _pack_test(folder, cells, progress)
            _train(folder, pace.costliest_first(cells), engine, watch, pace)
            measure_speeds(folder, cells, progress)
        finally:  # stopped half-way too: what there is can be reported, and taken over elsewhere
            store_summary(load_results(folder.path), folder.path / SUMMARY_FOLDER)
        tried = [failure for cell in (*trials, *cells) if (failure := folder.failure(cell.where))]
        return Outcome((*trials, *cells), (*tried, *_without_choice(choice_names(study, systems), chosen)))


def check_test_split(study: StudyConfig, path: Path) -> None:
    """Check the name of the split that the cells of the study in ``path`` are measured on; :func:`check` opens another.

    Raises:
        StudyError: The data have no such split; names the file.
    """
    try:
        check_split(study.data.name, study.data.test)
    except DataError as error:
        raise StudyError(f"{path}: data: {error}") from None


def check(cells: Sequence[Cell], progress: Progress | None = None) -> None:
    """Prepare every run without training it; what differs in nothing that matters is prepared once.

    The test split stays shut, so that a fresh one is drawn after the choices are frozen.

    Raises:
        StudyError: One cannot be trained; names it and says why.
    """
    distinct: dict[RunConfig, Cell] = {}
    for cell in cells:
        config = cell.config
        data = config.data.model_copy(update={"test": "validation"})
        training = config.training.model_copy(update={"epochs": 1, "seed": 0, "lr": 1.0})
        distinct.setdefault(config.model_copy(update={"name": "x", "data": data, "training": training}), cell)
    for number, (config, cell) in enumerate(distinct.items()):
        try:
            prepare(config.model_copy(update={"name": cell.config.name}), progress if number == 0 else None)
        except FisaError as error:
            raise StudyError(f"{cell.where}: {error}") from None
        if progress is not None:
            progress(number + 1, len(distinct))


def _pack_test(folder: StudyFolder, cells: Sequence[Cell], progress: Progress | None) -> None:
    """Draw or decode the test split once, before several processes would at once; folds have too many of them."""
    places = {cell.config.data: cell.config for cell in cells if not folder.finished(cell.where)}
    for config in places.values() if len(places) == 1 else ():
        inputs_of(open_data(config, ("test",))["test"], config.data.image_size, progress)


def _train(folder: StudyFolder, cells: Sequence[Cell], engine: Engine, watch: Watch, pace: Pace) -> None:
    left = []
    for cell in cells:
        failure = folder.failure(cell.where)
        if failure is not None and failure.kind == "diverged":
            pace.note(News(cell, "diverged"))
        elif not folder.finished(cell.where):
            left.append(cell)
    for news in engine(left, folder.path):
        if news.what == "finished":
            try:
                folder.run(news.cell.where)
            except RunError as error:
                news = replace(news, what="failed", text=str(error))
        if news.what == "finished":
            folder.forget_failure(news.cell.where)
            folder.log_cells([news.cell])
        elif news.what in ("diverged", "failed"):
            folder.note_failure(news.cell.where, "diverged" if news.what == "diverged" else "failed", news.text)
        pace.note(news)
        watch(news, pace)


def _without_choice(names: Iterable[str], chosen: Mapping[str, Any]) -> Iterator[Failure]:
    for name in names:
        if name not in chosen:
            reason = "its cells wait, for not all of its trials are done, or none has a finite validation error"
            yield Failure(f"cells of {name}", "failed", reason, "")
