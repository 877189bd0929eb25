"""``evaluate`` and ``report``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from fisa import evaluation
from fisa.commands.terminal import CommandError, Meter, tell
from fisa.datasets import open_splits
from fisa.emotions import DIMENSIONS
from fisa.runs import RunError, list_runs, load_run
from fisa.studies import Format, Result, StudyError, comparison_tables, format_table, table_of
from fisa.studies.folder import PLAN, StudyFolder
from fisa.studies.results import StudyResults
from fisa.studies.summary import is_study, load_results
from fisa.studies.tables import study_table
from fisa.tasks import open_data


def evaluate(folder: Path, data: str | None, root: Path | None, split: str, skip_bad: bool, form: Format) -> None:
    """Predict a split with a run and print its measures beside the oracles'."""
    run = load_run(folder)
    trained_on = run.config.data
    with Meter("predict") as meter:
        if root is None and data in (None, trained_on.name):
            own = trained_on.model_copy(update={"skip_bad": skip_bad or trained_on.skip_bad})
            dataset = open_data(run.config.model_copy(update={"data": own}), (split,), meter)[split]
        else:
            name = data or trained_on.name
            required = DIMENSIONS if run.task.name == "valence_arousal" else ()
            opened = open_splits(name, root, (split,), skip_bad=skip_bad, progress=meter, required=required)
            dataset = opened[split]
        metrics, predictions = evaluation.evaluate_run(run, dataset, progress=meter)
    result = Result(run.name, run.digest, metrics, predictions, grades=None)
    with Console(stderr=True).status("measuring"):
        table = table_of([result], lambda _name, _split: dataset)
    typer.echo(format_table(table, form), nl=False)


def report(folders: Sequence[Path], artifacts: Path | None, form: Format) -> None:
    """Print a table for each data set among the runs, and for each study; what cannot be read is named and left out.

    Args:
        folders: Folders of runs and of studies, beside those in ``artifacts`` where it is given.
        artifacts: A folder of runs. None: that of ``FISA_ARTIFACTS`` or what ships, where ``folders`` is empty.
        form: Text format of the tables.
    """
    if artifacts is not None or not folders:
        shelf = artifacts or Path(os.environ.get("FISA_ARTIFACTS") or Path(__file__).parents[2] / "artifacts")
        found = list_runs(shelf)
        if not found:
            raise CommandError(f"{shelf}: no runs here; name run folders, or train one")
        folders = [*folders, *found]
    runs, studies, refused = [], [], 0
    for folder in folders:
        try:
            if is_study(folder):
                studies.append(_study(folder))
                continue
            run = load_run(folder)
            if not {"data", "data_version", "split", "n", "measures"} <= run.metrics.keys():
                raise StudyError(f"{folder / 'metrics.json'}: incomplete; evaluate or train the run again")
            runs.append(run)
        except (RunError, StudyError) as error:
            tell(str(error))
            refused += 1
    with Meter("compare") as meter:
        tables = [*comparison_tables(runs, meter), *map(study_table, studies)]
    typer.echo("\n".join(format_table(table, form) for table in tables), nl=False)
    if refused:
        raise typer.Exit(1)


def _study(folder: Path) -> StudyResults:
    """Read a study; that somebody looks at what it has come to is logged, unless it is a summary."""
    results = load_results(folder)
    if not results.metrics:
        raise StudyError(f"{folder}: no cell of the study is finished; go on with it")
    if (folder / PLAN).is_file():
        StudyFolder(folder).log_look("report")
    return results
