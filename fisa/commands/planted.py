"""``data export`` and ``data references``."""

from __future__ import annotations

from pathlib import Path

import typer

from fisa.commands.terminal import CommandError, Meter, tell
from fisa.datasets.planted import PlantedDataset
from fisa.datasets.planted.export import export, plan_export


def export_planted(name: str, out: Path, split: str, count: int | None, image_size: int | None) -> None:
    """Write planted scenes as files, and print the folder."""
    data = PlantedDataset(name, split, image_size)
    plan = plan_export(data, count)
    tell(f"{plan.scenes} scenes, {plan.pictures} pictures of {plan.size} px: about {plan.bytes / 1e6:,.1f} MB")
    with Meter("export") as meter:
        export(data, out, count, meter)
    typer.echo(str(out))


def write_planted_references(name: str, out: Path, split: str, count: int) -> None:
    """Write the reference submissions, and print their folders."""
    from fisa.explain.references import write_references  # loads torch, which an export does without

    data = PlantedDataset(name, split)
    plan_export(data, count)  # refuses what there is not
    if out.exists():
        raise CommandError(f"{out}: already exists; name another folder, nothing is overwritten")
    with Meter("references") as meter:
        written = write_references(out, data, count, meter)
    typer.echo("\n".join(map(str, written)))
