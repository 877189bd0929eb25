"""``train``."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from fisa import training
from fisa.commands.terminal import Meter, tell
from fisa.config import load_config
from fisa.explain.grading import complete
from fisa.runs import free_path


def train(config_file: Path, out: Path | None, overrides: tuple[str, ...]) -> None:
    """Train a configuration into a run folder and print its path."""
    config = load_config(config_file, overrides)
    path = out or free_path(Path(os.environ.get("FISA_RUNS") or "runs"), config.name)

    def tell_epoch(epoch: training.Epoch) -> None:
        tell(
            f"epoch {epoch.epoch} of {config.training.epochs}: training loss {epoch.train_loss:.4f}, "
            f"validation KL {epoch.validation_kl:.4f} nats, {epoch.seconds:.1f} s"
        )

    with Meter(f"train {config.name}") as meter:
        run = training.train(config, path, progress=meter, on_epoch=tell_epoch)
    with Meter("grade explanations") as meter:
        complete(run, progress=meter)
    typer.echo(str(path))
