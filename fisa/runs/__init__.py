"""The sole owner of run folders: finished ones, and those in which a training works."""

from fisa.runs.checkpoints import Checkpoint, Workspace, working
from fisa.runs.files import RunError
from fisa.runs.folder import (
    NewRun,
    Run,
    free_path,
    list_runs,
    list_unfinished,
    load_run,
    refuse_existing,
    save_run,
)
from fisa.runs.format import REQUIRED
from fisa.runs.provenance import code_digest

__all__ = [
    "REQUIRED",
    "Checkpoint",
    "NewRun",
    "Run",
    "RunError",
    "Workspace",
    "code_digest",
    "free_path",
    "list_runs",
    "list_unfinished",
    "load_run",
    "refuse_existing",
    "save_run",
    "working",
]
