"""``ratings``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from fisa.commands.terminal import Meter
from fisa.config import load_config
from fisa.export import new_file, refuse_existing
from fisa.studies import Format, format_table
from fisa.studies.ratings import (
    open_folds,
    predictions_frame,
    ratings_table,
    simple_predictions,
    trained_predictions,
    usable,
)
from fisa.tables import WRITERS, check_target, replacing


def ratings(
    name: str,
    root: Path,
    folds: int,
    configs: Sequence[Path],
    runs: Path,
    skip_bad: bool,
    form: Format,
    out: Path | None,
    predictions: Path | None,
) -> None:
    """Compare what predicts valence and arousal by cross-validation; print the table or write it to ``out``."""
    if out is not None:
        refuse_existing(out)
    if predictions is not None:
        check_target(predictions)
    loaded = [load_config(path) for path in configs]
    usable(loaded)
    opened = open_folds(name, root, folds, skip_bad)
    with Meter("read colours") as meter:
        found = simple_predictions(opened, meter)
    digests = {}
    for config in loaded:
        with Meter(f"train {config.name}") as meter:
            found[config.name], digests[config.name] = trained_predictions(config, opened, runs, meter)
    text = format_table(ratings_table(opened, found, digests), form)
    if predictions is not None:
        with replacing(predictions) as draft:
            WRITERS[predictions.suffix.lower()]([predictions_frame(opened, found)], draft)
    if out is None:
        typer.echo(text, nl=False)
    else:
        new_file(out, text)
