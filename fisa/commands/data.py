"""``data list``, ``data show`` and ``data check``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer
from rich.console import Console

from fisa.commands.terminal import Meter, tell
from fisa.datasets import DATASETS, SPLITS, OnDisk, open_splits
from fisa.datasets.check import Report, check_dataset
from fisa.datasets.problems import NOTE, WRONG, shown

NOTES = 20
"""How many notes a report prints; its JSON has all."""


def list_known() -> None:
    """Print the known data sets."""
    rows = []
    for name, source in DATASETS.items():
        if isinstance(source, OnDisk):
            rows.append({"name": name, "labels": source.title, "images": "needs a path", "version": ""})
            continue
        splits = {split: source(split, None) for split in SPLITS}
        images = ", ".join(f"{split} {len(data)}" for split, data in splits.items())
        test = splits["test"]
        rows.append({"name": name, "labels": test.space.name, "images": images, "version": test.version})
    typer.echo(_aligned(pd.DataFrame(rows)))


def show(name: str, root: Path | None, asked: Sequence[str]) -> None:
    """Print what a data set holds: splits, versions, mean distribution, vote totals, ratings."""
    with Meter(f"read {name}") as meter:
        splits = open_splits(name, root, asked, progress=meter)
    space = next(iter(splits.values())).space
    with Console(stderr=True).status(f"reading {name}"):
        manifests = {split: data.manifest for split, data in splits.items()}
        held = pd.DataFrame(
            {
                split: {
                    "images": len(data),
                    "raters per image": _span(manifests[split]["votes"]),
                    "version": data.version,
                }
                for split, data in splits.items()
            }
        )
    labels = list(space.labels)
    typer.echo(f"{name}: {len(labels)} emotions ({space.name})\n")
    typer.echo(held.to_string())
    if labels:
        means = pd.DataFrame({split: manifest[labels].mean() for split, manifest in manifests.items()})
        typer.echo("\nMean distribution (description degrees, each column sums to 1)\n")
        typer.echo(means.to_string(float_format="{:.4f}".format))
    if labels and any(manifest["votes"].any() for manifest in manifests.values()):
        votes = {split: manifest[labels].mul(manifest["votes"], axis=0).sum() for split, manifest in manifests.items()}
        typer.echo("\nVotes in total\n")
        typer.echo(pd.DataFrame(votes).round().astype(int).to_string())
    scales = [scale for scale in ("valence", "arousal") if all(scale in each for each in manifests.values())]
    if scales:
        typer.echo("\nMean rating (-1 to 1)\n")
        means = pd.DataFrame({split: manifest[scales].mean() for split, manifest in manifests.items()})
        typer.echo(means.to_string(float_format="{:.4f}".format))


def check(name: str, root: Path, as_json: bool, workers: int | None, skip_bad: bool, resume: bool) -> None:
    """Print what is wrong with a data set on disk; exit status 1 if anything is."""
    with Meter(f"check {name}") as meter:
        report = check_dataset(name, root, meter, workers, fresh=not resume, split=skip_bad)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _print(report)
    if report.wrong:
        problems = f"{report.wrong} {'problem' if report.wrong == 1 else 'problems'}"
        tell(f"{report.root}: {problems}{'' if skip_bad else '; --skip-bad says what is left without them'}")
        raise typer.Exit(1)


def _print(report: Report) -> None:
    of = f" of {report.published} published" if report.published is not None else ""
    typer.echo(f"{report.name}, {report.space}: {report.rows} labelled {report.things}{of}")
    if report.images is not None:
        refused = f", {report.refused} refused" if report.refused else ""
        typer.echo(f"{report.images} {'image' if report.images == 1 else 'images'} read{refused}")
    for reason, count in report.left_out.items():
        typer.echo(f"{count} rows left out: {reason}")
    without = " without what is wrong" if report.wrong else ""
    typer.echo(f"version{without}: {report.version or 'nothing is left'}")
    if report.splits is not None:
        typer.echo(f"splits{without}: {', '.join(f'{split} {count}' for split, count in report.splits.items())}")
    table = report.problems
    for kind, most in ((WRONG, len(table)), (NOTE, NOTES)):
        found = table[table["kind"] == kind]
        if len(found):
            typer.echo(f"\n{'Wrong' if kind == WRONG else 'Worth knowing'}\n\n{_listed(found.head(most))}")
        if len(found) > most:
            typer.echo(f"and {len(found) - most} more; --json has them all")


def _listed(problems: pd.DataFrame) -> str:
    row = problems["row"].map(lambda number: "" if pd.isna(number) else str(number))
    names = {name: problems[name].map(shown) for name in ("file", "image", "problem")}
    columns = {"file": names["file"], "row": row, **names, "mend": problems["mend"]}
    table = pd.DataFrame(columns)
    return _aligned(table.loc[:, (table != "").any()])


def _aligned(table: pd.DataFrame) -> str:
    padded = table.apply(lambda column: column.str.ljust(column.str.len().max()))
    return str(padded.to_string(index=False, justify="left"))


def _span(votes: pd.Series) -> str:
    low, high = int(votes.min()), int(votes.max())
    if not high:
        return "unknown"
    return str(low) if low == high else f"{low} to {high}"
