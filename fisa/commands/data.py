"""``data list`` and ``data show``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer
from rich.console import Console

from fisa.datasets import DATASETS, DataError, open_dataset

SPLITS = ("train", "validation", "test")


def list_known() -> None:
    """Print the known data sets."""
    rows = []
    for name in DATASETS:
        try:
            splits = {split: open_dataset(name, split=split) for split in SPLITS}
        except DataError:  # lies in a folder that only `data show NAME PATH` knows
            rows.append({"name": name, "labels": "", "images": "needs a path", "version": ""})
            continue
        images = ", ".join(f"{split} {len(data)}" for split, data in splits.items())
        test = splits["test"]
        rows.append({"name": name, "labels": test.space.name, "images": images, "version": test.version})
    table = pd.DataFrame(rows)
    padded = table.apply(lambda column: column.str.ljust(column.str.len().max()))
    typer.echo(padded.to_string(index=False, justify="left"))


def show(name: str, root: Path | None) -> None:
    """Print what a data set holds: splits, versions, mean distribution, vote totals."""
    with Console(stderr=True).status(f"reading {name}"):
        splits = {split: open_dataset(name, root, split) for split in SPLITS}
        manifests = {split: data.manifest for split, data in splits.items()}
    labels = list(splits["test"].space.labels)
    held = pd.DataFrame(
        {
            split: {"images": len(data), "raters per image": _span(manifests[split]["votes"]), "version": data.version}
            for split, data in splits.items()
        }
    )
    means = pd.DataFrame({split: manifest[labels].mean() for split, manifest in manifests.items()})
    votes = {split: manifest[labels].mul(manifest["votes"], axis=0).sum() for split, manifest in manifests.items()}
    typer.echo(f"{name}: {len(labels)} emotions ({splits['test'].space.name})\n")
    typer.echo(held.to_string())
    typer.echo("\nMean distribution (description degrees, each column sums to 1)\n")
    typer.echo(means.to_string(float_format="{:.4f}".format))
    typer.echo("\nVotes in total\n")
    typer.echo(pd.DataFrame(votes).round().astype(int).to_string())


def _span(votes: pd.Series) -> str:
    low, high = int(votes.min()), int(votes.max())
    if not high:
        return "unknown"
    return str(low) if low == high else f"{low} to {high}"
