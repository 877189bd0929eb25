"""Photographs on disk to tensors: the way that a training takes, beside Pillow alone and torchvision's.

All decode the same files with as many processes, to squares of the same side by the same filter. Ours reads the list,
and the content of every file for the version, packs the squares on disk, augments and normalises: all of an epoch of a
training but the model. Pillow's does nothing but open, convert and resize; torchvision's makes normalised batches.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader

from fisa.bench.report import BenchError
from fisa.bench.subjects import Settings
from fisa.config import TrainingConfig
from fisa.datasets import open_dataset
from fisa.datasets.base import InFiles
from fisa.datasets.packed import packed_images
from fisa.decoding import available_processors
from fisa.emotions import MIKELS8
from fisa.images import MEAN, STD
from fisa.models.backbones import load_torchvision
from fisa.rounds import Cost, cost, interleave
from fisa.training.batches import Split, batches

Progress = Callable[[int, int], None]

ROUNDS = 5
DISTINCT = 64
"""Generated files that differ; more are further names of these."""
SIDES = (640, 480)
"""Width and height of generated files in pixels."""
FALLOFF = 1.2
"""Power of the spatial frequency by which amplitudes fall, about as in photographs. So JPEG has as much to decode as in
those of OASIS: 0.47 bytes a pixel, theirs are 0.46."""
COLOUR = 0.3
"""How much the channels of generated files differ, of how much they have in common."""


def bench_data(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """Files to tensors: beside Pillow alone and torchvision; and an epoch from the packed cache beside the first."""
    workers = available_processors()
    with _data(settings) as (name, root), tempfile.TemporaryDirectory(prefix="fisa-bench-") as place:
        data = open_dataset(name, root, "all")
        if not isinstance(data, InFiles):
            raise BenchError(f"bench data: {name} is not made of image files; name another --data, or none")
        files, size = data.files(), settings.image_size
        tree = _class_folder(files, Path(place) / "tree")
        kept = Path(place) / "kept"
        with _cache_folder(kept):
            packed = packed_images(data, size, workers=workers)
        calls: dict[str, Callable[[], object]] = {
            "first": partial(_first_epoch, name, root, settings, Path(place), workers),
            "reopened": partial(_open_and_read, name, root, settings, kept, workers),
            "again": partial(_epoch, packed, settings),
            "pillow": partial(_by_pillow, files, size, workers, False),
            "drafted": partial(_by_pillow, files, size, workers, True),
            "torchvision": partial(_by_torchvision, tree, settings, workers),
        }
        seconds = interleave(calls, min(settings.rounds, ROUNDS), progress)
    first = f"{len(files)} files of {name} to batches, {workers} processes"
    for key, other, limit in (
        ("pillow", "Pillow alone (at least as many images a second)", 1.0),
        ("torchvision", "torchvision's ImageFolder and DataLoader (at least 1.5 times as many)", 1 / 1.5),
        ("drafted", "Pillow alone, told to decode at a reduced scale", None),
    ):
        yield cost(f"data.{key}", f"{first}: over {other}", seconds["first"], seconds[key], limit)
    what = f"{first}: a later epoch, over the first (at least 5 times as many images a second)"
    yield cost("data.again", what, seconds["again"], seconds["first"], 1 / 5)
    what = f"{first}: the first epoch of a later training, over that of the first"
    yield cost("data.reopened", what, seconds["reopened"], seconds["first"])


@contextmanager
def _data(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the data set that is asked for, or a generated one in a folder that goes afterwards."""
    if settings.data is not None and settings.root is not None:
        yield settings.data, Path(settings.root)
        return
    with tempfile.TemporaryDirectory(prefix="fisa-bench-") as folder:
        draw_photographs(Path(folder), 10 * settings.images)
        yield "folder", Path(folder)


def draw_photographs(root: Path, count: int) -> None:
    """Draw so many JPEG files of noise with the spectrum of photographs, ``<emotion>/<number>.jpg``."""
    width, height = SIDES
    random = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    for number in range(count):
        file = root / MIKELS8.labels[number % len(MIKELS8)] / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        if number >= DISTINCT:
            same = number % DISTINCT
            os.link(root / MIKELS8.labels[same % len(MIKELS8)] / f"{same}.jpg", file)
            continue
        noise = np.fft.rfft2(random.standard_normal((4, height, width))) / frequency**FALLOFF
        grey, *colours = np.fft.irfft2(noise, s=(height, width))
        waves = np.stack([grey + COLOUR * colour for colour in colours], axis=-1)
        pixels = 128 + 50 * waves / waves.std()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=90)


def _class_folder(files: Sequence[Path], root: Path) -> Path:
    """Return a folder of one class with links to the files, as ImageFolder reads them."""
    (root / "all").mkdir(parents=True)
    for number, file in enumerate(files):
        (root / "all" / f"{number:06}{file.suffix}").symlink_to(file)
    return root


def _first_epoch(name: str, root: Path, settings: Settings, place: Path, workers: int) -> int:
    with tempfile.TemporaryDirectory(dir=place) as empty:
        return _open_and_read(name, root, settings, Path(empty), workers)


def _open_and_read(name: str, root: Path, settings: Settings, cache: Path, workers: int) -> int:
    with _cache_folder(cache):
        data = open_dataset(name, root, "all")
        return _epoch(packed_images(data, settings.image_size, workers=workers), settings)


def _epoch(images: np.ndarray, settings: Settings) -> int:
    split = Split(images, np.zeros((len(images), 1)), np.arange(len(images)))
    training = TrainingConfig(batch_size=settings.batch_size)
    return sum(len(batch.images) for batch in batches(split, training, np.random.default_rng(0)))


@contextmanager
def _cache_folder(folder: Path) -> Iterator[None]:
    before = os.environ.get("FISA_CACHE")
    os.environ["FISA_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FISA_CACHE"]
        else:
            os.environ["FISA_CACHE"] = before


def _by_pillow(files: Sequence[Path], size: int, workers: int, draft: bool) -> int:
    # Where processes can fork, these start at once; ours, which a thread of torch must not harm, load NumPy first.
    with multiprocessing.Pool(workers) as pool:
        return sum(1 for _ in pool.imap(partial(_resized, size=size, draft=draft), files, chunksize=8))


def _resized(file: Path, size: int, draft: bool) -> np.ndarray:
    with Image.open(file) as image:
        if draft:
            image.draft("RGB", (2 * size, 2 * size))
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def _by_torchvision(tree: Path, settings: Settings, workers: int) -> int:
    torchvision = load_torchvision()
    transforms = torchvision.transforms
    steps: list[Any] = [
        transforms.Resize((settings.image_size,) * 2, transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(MEAN.tolist(), STD.tolist()),
    ]
    folder = torchvision.datasets.ImageFolder(str(tree), transforms.Compose(steps))
    loader: DataLoader[Any] = DataLoader(folder, settings.batch_size, shuffle=True, num_workers=workers)
    return sum(len(images) for images, _ in loader)
