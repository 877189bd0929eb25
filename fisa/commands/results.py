"""``evaluate`` and ``report``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer
from rich.console import Console

from fisa import evaluation
from fisa.commands.terminal import CommandError, Meter, tell
from fisa.config import DataConfig
from fisa.datasets import open_configured
from fisa.emotions import DIMENSIONS, SPACES
from fisa.export import new_file
from fisa.export import refuse_existing as refuse_existing_file
from fisa.export import report_page as make_page
from fisa.runs import Run, RunError, list_runs, load_run, refuse_existing
from fisa.studies import (
    Format,
    Result,
    StudyError,
    comparison_tables,
    format_confusion,
    format_table,
    read_evaluation,
    save_evaluation,
    table_of,
)
from fisa.studies.folder import PLAN, StudyFolder
from fisa.studies.results import StudyResults
from fisa.studies.stored import is_table, load_table
from fisa.studies.summary import is_study, load_results
from fisa.studies.tables import study_table


def evaluate(
    folder: Path, data: str | None, root: Path | None, split: str, skip_bad: bool, out: Path | None, form: Format
) -> None:
    """Predict a split with a run, print its measures beside the oracles', and store them in ``out``."""
    if out is not None:
        refuse_existing(out)
    run = load_run(folder)
    if out is not None and run.task.name == "sequence":
        raise CommandError(f"{run.name}: results of sequences cannot be stored beside a run yet; leave --out away")
    trained_on = run.config.data
    if root is None and data in (None, trained_on.name):
        source = trained_on.model_copy(update={"skip_bad": skip_bad or trained_on.skip_bad})
    else:
        source = DataConfig(
            name=data or trained_on.name,
            root=None if root is None else root.absolute(),
            image_size=trained_on.image_size,
            skip_bad=skip_bad,
        )
    own = source.name == trained_on.name and source.root == trained_on.root
    rated = run.task.name == "valence_arousal" or (own and run.config.objective.ratings > 0)
    with Meter("predict") as meter:
        required = DIMENSIONS if rated else ()
        dataset = open_configured(source, (split,), meter, required)[split]
        metrics, predictions = evaluation.evaluate_run(run, dataset, progress=meter)
    result = Result(run.name, run.digest, metrics, predictions, None, source, str(out or run.path), rated)
    with Console(stderr=True).status("measuring"):
        table = table_of([result], lambda _name, _split: dataset)
    if out is not None:
        save_evaluation(out, result)
    typer.echo(format_table(table, form), nl=False)
    labels = metrics.get("single_labels")
    if labels is not None and form != "csv":
        typer.echo("\n" + format_confusion(labels, SPACES[metrics["space"]], form), nl=False)


def report(folders: Sequence[Path], artifacts: Path | None, form: Format) -> None:
    """Print a table for each data set among the runs, and for each study; what cannot be read is named and left out.

    Args:
        folders: Folders of runs, of studies and of ``ratings --store``, and files of ``evaluate --out``, beside the
            runs in ``artifacts`` where it is given.
        artifacts: A folder of runs. None: that of ``FISA_ARTIFACTS`` or what ships, where ``folders`` is empty.
        form: Text format of the tables.
    """
    folders = _with_those_in(folders, artifacts)
    runs: list[Run | Result] = []
    studies: list[StudyResults] = []
    kept: list[pd.DataFrame] = []
    refused = 0
    for folder in folders:
        try:
            if is_study(folder):
                studies.append(_study(folder))
            elif is_table(folder):
                kept.append(load_table(folder))
            else:
                runs.append(_results_in(folder))
        except (RunError, StudyError) as error:
            tell(str(error))
            refused += 1
    with Meter("compare") as meter:
        tables = [*comparison_tables(runs, meter), *map(study_table, studies), *kept]
    typer.echo("\n".join(format_table(table, form) for table in tables), nl=False)
    if refused:
        raise typer.Exit(1)


def report_page(folders: Sequence[Path], artifacts: Path | None, out: Path) -> None:
    """Write one to four runs as one offline HTML page; see :func:`report` for what is given."""
    refuse_existing_file(out)
    folders = _with_those_in(folders, artifacts)
    for folder in folders:
        if folder.is_file() or is_study(folder) or is_table(folder):
            raise CommandError(
                f"{folder}: is no run folder, and a page is made of these; leave --html away for a table"
            )
    runs = [run for folder in folders if isinstance(run := _results_in(folder), Run)]
    command = shlex.join(["python", "-m", "fisa", "report", *map(str, folders), "--html", str(out)])
    with Meter("report") as meter:
        page = make_page(runs, command, meter)
    new_file(out, page)
    typer.echo(str(out))


def _with_those_in(folders: Sequence[Path], artifacts: Path | None) -> list[Path]:
    """Return the folders with the runs in ``artifacts``, or where neither is given those that ship."""
    if artifacts is None and folders:
        return list(folders)
    shelf = artifacts or Path(os.environ.get("FISA_ARTIFACTS") or Path(__file__).parents[2] / "artifacts")
    found = list_runs(shelf)
    if not found:
        raise CommandError(f"{shelf}: no runs here; name run folders, or train one")
    return [*folders, *found]


def _results_in(path: Path) -> Run | Result:
    """Open a run folder, or a file of ``evaluate --out``."""
    if path.is_file():
        return read_evaluation(path)
    run = load_run(path)
    if not {"data", "data_version", "split", "n", "measures"} <= run.metrics.keys():
        raise StudyError(f"{path / 'metrics.json'}: incomplete; evaluate or train the run again")
    return run


def _study(folder: Path) -> StudyResults:
    """Read a study; that somebody looks at what it has come to is logged, unless it is a summary."""
    results = load_results(folder)
    if not results.metrics:
        raise StudyError(f"{folder}: no cell of the study is finished; go on with it")
    if (folder / PLAN).is_file():
        StudyFolder(folder).log_look("report")
    return results
