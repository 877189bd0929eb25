"""``ratings``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from fisa.commands.terminal import CommandError, Meter, refuse_out
from fisa.config import load_config
from fisa.runs.files import write_whole
from fisa.studies import Format, format_table
from fisa.studies.ratings import (
    open_folds,
    predictions_frame,
    ratings_table,
    simple_predictions,
    trained_predictions,
    usable,
)
from fisa.studies.stored import store_table
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
    store: Path | None,
    against: str | None,
) -> None:
    """Compare what predicts valence and arousal by cross-validation; print the table or write it to ``out``."""
    refuse_out(out)
    if store is not None and store.exists():
        raise CommandError(f"{store}: already exists; name another --store, nothing is overwritten")
    if predictions is not None:
        check_target(predictions)
    loaded = [load_config(path) for path in configs]
    usable(loaded, against)
    opened = open_folds(name, root, folds, skip_bad)
    with Meter("read colours") as meter:
        simple = simple_predictions(opened, meter)
    trained = {}
    for config in loaded:
        with Meter(f"train {config.name}") as meter:
            trained[config.name] = trained_predictions(config, opened, runs, meter)
    table = ratings_table(opened, simple, trained, against)
    frame = predictions_frame(opened, {**simple, **{name: one.predicted for name, one in trained.items()}})
    if store is not None:
        store_table(table, frame, store)
    text = format_table(table, form)
    if predictions is not None:
        with replacing(predictions) as draft:
            WRITERS[predictions.suffix.lower()]([frame], draft)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_whole(out, text.encode())
