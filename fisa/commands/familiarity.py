"""``familiarity``."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import typer

from fisa.commands.terminal import CommandError, Meter, tell
from fisa.datasets import DATASETS, SEQUENCES, DataError, Dataset, is_drawn, open_dataset
from fisa.explain.familiarity import FAR, K, reference_of
from fisa.explain.far_rates import LEVEL, FarRate, Images, Noise, SomeFiles, SomeOfADataset, rate_far
from fisa.files import find_files
from fisa.runs import Run, load_run
from fisa.studies import Format, format_rows
from fisa.tasks import open_data

NOISE = "noise"


def print_familiarity(folder: Path, against: Sequence[str], most: int, skip: int, seed: int, form: Format) -> None:
    """Print how many images of a run's test split, and of others, it calls far; exit status 1 if any is refused."""
    run = load_run(folder)
    run.refuse_unless_of_images()
    own = open_data(run.config, ("test",))["test"]
    asked: dict[str, Images] = {_title(own): SomeOfADataset(own, most, seed)}
    refused: list[str] = []
    for what in against:  # a wrong one is refused before the work
        title, images = _images(run, what, most, skip, seed, refused)
        asked[title] = images
    with Meter("look at training images, once for this run") as meter:
        reference = reference_of(run, meter)
    rows, versions = [], []
    for title, images in asked.items():
        with Meter(f"look at {title}") as meter:
            rate = rate_far(run, reference, images, meter)
        rows.append(_row(title, rate, form))
        refused += rate.refused
        if isinstance(images, SomeOfADataset):
            versions.append(f"{title}, version {images.dataset.version}")
    ends = ["low", "high"] if form == "csv" else []
    foot = [
        f"Far: at least {FAR:.0%} of {len(reference.distances)} validation images lie nearer to their {K}th nearest of "
        f"{len(reference.features)} training images. In brackets {LEVEL:.0%} intervals (Clopper & Pearson).",
        f"At most {most} images of each; of files by chance, seed {seed}, after the first {skip} of those named.",
        f"Provenance: run {run.name} {run.digest}; {'; '.join(versions)}.",
    ]
    typer.echo(format_rows(["images of", "images", "far", "share far", *ends], rows, foot, form), nl=False)
    for reason in refused:
        tell(reason)
    if refused:
        raise typer.Exit(1)


def _row(title: str, rate: FarRate, form: Format) -> list[object]:
    share = rate.share
    if form == "csv":
        bounds = [None] * 3 if share is None else [share.value, share.low, share.high]
        return [title, rate.images, rate.far, *bounds]
    said = None if share is None else f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"
    return [title, rate.images, rate.far, said]


def _images(run: Run, what: str, most: int, skip: int, seed: int, refused: list[str]) -> tuple[str, Images]:
    """Return what ``--against`` names, and as what it stands in the table; adds to ``refused`` what cannot be read."""
    if what == NOISE:
        return what, Noise(most, seed)
    if Path(what).exists() or glob.has_magic(what):
        entries = list(find_files([Path(what)]))
        files = [file for file, refusal in entries if refusal is None]
        unread = [str(refusal) for _, refusal in entries if refusal is not None]
        if not files:
            raise CommandError(unread[0])
        if len(files) <= skip:
            raise CommandError(f"{what}: has {len(files)} images, of which --skip {skip} leaves none; skip fewer")
        refused += unread
        return what, SomeFiles(files, most, skip, seed)
    found = _dataset(run, what)
    return _title(found), SomeOfADataset(found, most, seed)


def _dataset(run: Run, what: str) -> Dataset:
    """Open DATASET, DATASET:SPLIT or a split of the run's own data."""
    name, _, split = what.partition(":")
    split = split or "test"
    if name not in DATASETS:
        try:
            return open_data(run.config, (what,))[what]
        except DataError as error:
            raise CommandError(f"--against {what}: is no file, no folder and no data set, and {error}") from None
    if name == run.config.data.name:
        return open_data(run.config, (split,))[split]
    if name in SEQUENCES:
        raise CommandError(f"--against {what}: holds sequences, not single images; name other data")
    if not is_drawn(name):
        raise CommandError(f"--against {what}: {name} lies on disk; name the folder of its images")
    return open_dataset(name, split=split, image_size=run.config.data.image_size)


def _title(dataset: Dataset) -> str:
    return f"{dataset.name}:{dataset.split}"
