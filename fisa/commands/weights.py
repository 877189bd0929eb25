"""``import``."""

from __future__ import annotations

from pathlib import Path

import typer

from fisa.commands.terminal import Meter
from fisa.config import load_config
from fisa.explain.grading import complete
from fisa.training import import_state


def import_weights(file: Path, config_file: Path, out: Path) -> None:
    """Make a run of a state dict and print its path."""
    config = load_config(config_file)
    with Meter(f"import {file.name}") as meter:
        run = import_state(file, config, out, progress=meter)
    with Meter("grade explanations") as meter:
        complete(run, progress=meter)
    typer.echo(str(out))
