"""The sole owner of run folders: finished ones, and those in which a training works."""

from fisa.runs.checkpoints import Checkpoint, Workspace, dump_checkpoint, parse_checkpoint, working
from fisa.runs.files import RunError
from fisa.runs.folder import (
    NewRun,
    Run,
    free_path,
    list_runs,
    list_unfinished,
    load_run,
    prediction_of,
    refuse_existing,
    save_run,
)
from fisa.runs.format import REQUIRED, TRAINING, is_finished
from fisa.runs.provenance import code_digest, surroundings

__all__ = [
    "REQUIRED",
    "TRAINING",
    "Checkpoint",
    "NewRun",
    "Run",
    "RunError",
    "Workspace",
    "code_digest",
    "dump_checkpoint",
    "free_path",
    "is_finished",
    "list_runs",
    "list_unfinished",
    "load_run",
    "parse_checkpoint",
    "prediction_of",
    "refuse_existing",
    "save_run",
    "surroundings",
    "working",
]
