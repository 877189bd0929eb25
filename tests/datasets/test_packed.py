"""Packed images: the same pixels as the data set's, made once, whatever happens to the cache folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import trees
from patches import Patches, expected
from PIL import Image

from fisa.datasets import Dataset, open_dataset, packed
from fisa.datasets.base import Sample
from fisa.datasets.packed import CHUNK, cache_folder, packed_images
from fisa.datasets.planted import PlantedDataset
from fisa.images import ImageRefused, decode_square, to_square

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("own_cache")


class Broken(Patches):
    def __getitem__(self, index: int) -> Sample:
        if index == CHUNK + 1:
            raise FileNotFoundError("photo 33 is gone")
        return super().__getitem__(index)


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(packed, "ProcessPoolExecutor", refuse)


@pytest.fixture
def pool_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "POOL_FROM", 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_all_images_in_order_with_progress_to_the_end(pool_for_all: None, workers: int) -> None:
    data, seen = Patches(), []
    images = packed_images(data, 5, lambda *step: seen.append(step), workers)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, expected(len(data), 5))
    total = 2 * CHUNK + 5
    assert seen == [(CHUNK, total), (2 * CHUNK, total), (total, total)]
    assert (data.made > 0) == (workers == 1)  # two workers make them elsewhere


def test_other_shapes_become_squares() -> None:
    dataset = PlantedDataset("planted-tiny", "validation", image_size=48)
    images = packed_images(dataset, 32)
    assert images.shape == (40, 32, 32, 3)
    for index in (0, 39):
        np.testing.assert_array_equal(images[index], to_square(dataset[index].image, 32))


def test_one_worker_starts_no_process(no_processes: None, pool_for_all: None) -> None:
    assert len(packed_images(Patches(), 4, workers=1)) == 2 * CHUNK + 5


def test_a_small_data_set_starts_no_process(no_processes: None) -> None:
    assert len(packed_images(Patches(), 4, workers=2)) == 2 * CHUNK + 5


def test_second_call_only_maps(own_cache: Path) -> None:
    data = Patches()
    packed_images(data, 4, workers=1)
    made = data.made
    again = packed_images(data, 4, workers=1)
    assert data.made == made
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(again, expected(len(data), 4))
    assert [path.suffix for path in own_cache.rglob("*") if path.is_file()] == [".npy"]
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 1


def test_what_the_pixels_depend_on_makes_a_new_file(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed_images(Patches(), 4, workers=1)
    packed_images(Patches(), 3, workers=1)
    packed_images(Patches(version="b"), 4, workers=1)
    monkeypatch.setattr(packed, "VERSION", "other")
    packed_images(Patches(), 4, workers=1)
    assert len(list(own_cache.rglob("*.npy"))) == 4


@pytest.mark.parametrize("damage", [b"", b"not numpy", None], ids=["empty", "foreign", "cut short"])
def test_a_damaged_file_is_made_anew(own_cache: Path, damage: bytes | None) -> None:
    data = Patches()
    packed_images(data, 4, workers=1)
    (path,) = own_cache.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    np.testing.assert_array_equal(packed_images(data, 4, workers=1), expected(len(data), 4))


def test_a_folder_that_cannot_be_written(own_cache: Path) -> None:
    own_cache.write_text("a file stands where the folder should be")
    images = packed_images(Patches(), 4, workers=1)
    np.testing.assert_array_equal(images, expected(len(images), 4))
    assert not isinstance(images, np.memmap)


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    images = packed_images(Patches(), 4, workers=1)
    np.testing.assert_array_equal(images, expected(len(images), 4))
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_data_set_is_not_hidden(own_cache: Path, pool_for_all: None, workers: int) -> None:
    with pytest.raises(FileNotFoundError, match="photo 33 is gone"):
        packed_images(Broken(), 4, workers=workers)
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


def test_no_images() -> None:
    assert packed_images(Patches(0), 4).shape == (0, 4, 4, 3)


def test_arguments() -> None:
    with pytest.raises(ValueError, match="size must be at least 1, not 0"):
        packed_images(Patches(), 0)
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        packed_images(Patches(), 4, workers=0)


def test_leftovers_of_killed_processes_go_away(own_cache: Path) -> None:
    (own_cache / "packed").mkdir(parents=True)
    old, new = (own_cache / "packed" / f"{letter * 32}.unfinished" for letter in "ab")
    old.touch()
    new.touch()
    days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (days_ago, days_ago))
    packed_images(Patches(), 4, workers=1)
    assert (old.exists(), new.exists()) == (False, True)  # the new one may belong to a process that still runs


def test_a_script_without_a_main_guard_still_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from fisa.datasets import packed\n"
        "from fisa.datasets.planted import PlantedDataset\n"
        "packed.POOL_FROM = 0\n"
        "images = packed.packed_images(PlantedDataset('planted-tiny', 'validation', image_size=32), 32, workers=2)\n"
        "assert images.shape == (40, 32, 32, 3) and images[-1].std() > 0\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script], check=True, env=environment, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def opened() -> list[str]:
    """Every file that this process opens from now on: an audit hook cannot be taken away."""
    names: list[str] = []

    def note(event: str, values: tuple[object, ...]) -> None:
        if event == "open" and isinstance(values[0], str | bytes | os.PathLike):
            names.append(os.fsdecode(values[0]))

    sys.addaudithook(note)
    return names


@pytest.fixture
def photographs(tmp_path: Path) -> Dataset:
    """Forty large enough to be decoded at half their size for squares of 12 pixels."""
    root = tmp_path / "photographs"
    for number, name in enumerate(trees.classes(root, each=5)):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 48), Image.Resampling.BICUBIC).save(root / name)
    return open_dataset("folder", root, "all")


@pytest.mark.parametrize("workers", [1, 2])
def test_files_become_the_squares_of_the_decoder(pool_for_all: None, photographs: Dataset, workers: int) -> None:
    seen: list[tuple[int, int]] = []
    images = packed_images(photographs, 12, lambda *step: seen.append(step), workers)
    files = photographs.root / photographs.manifest["path"]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(images, [decode_square(file, 12) for file in files])
    assert seen == [(32, 40), (40, 40)]
    assert abs(images.astype(int) - [to_square(photographs[i].image, 12) for i in range(40)]).max() > 0  # halved


def test_after_the_first_epoch_no_image_is_opened(opened: list[str], photographs: Dataset) -> None:
    root = str(photographs.root)  # type: ignore[attr-defined]
    opened.clear()
    first = np.array(packed_images(photographs, 12, workers=1))
    assert sum(name.startswith(root) and name.endswith(".jpg") for name in opened) >= 40
    opened.clear()
    again = packed_images(open_dataset("folder", root, "all"), 12)
    np.testing.assert_array_equal(again, first)
    assert not [name for name in opened if name.startswith(root) and name.endswith(".jpg")]


def test_an_image_that_cannot_be_decoded_is_named_and_nothing_is_kept(photographs: Dataset, own_cache: Path) -> None:
    file = photographs.root / "awe" / "awe_03.jpg"  # type: ignore[attr-defined]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ImageRefused, match=r"awe_03\.jpg: is damaged or cut short"):
        packed_images(photographs, 12)
    assert not list(own_cache.rglob("*.npy")) + list(own_cache.rglob("*.unfinished"))


def test_other_pixels_of_files_make_new_files_of_these_alone(
    photographs: Dataset, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (packed.SQUARES, "other"):
        monkeypatch.setattr(packed, "SQUARES", version)
        packed_images(photographs, 4)
        packed_images(Patches(), 4)
    names = [path.name[:6] for path in own_cache.rglob("*.npy")]
    assert sorted(names) == ["folder", "folder", "patche"]


def test_a_cancelled_packing_leaves_nothing(photographs: Dataset, own_cache: Path) -> None:
    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packed_images(photographs, 4, cancel)
    assert not list(own_cache.rglob("*.npy")) + list(own_cache.rglob("*.unfinished"))


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    assert cache_folder() == own_cache
    monkeypatch.delenv("FISA_CACHE")
    assert "fisa-studio" in str(cache_folder())


def test_decoders_start_before_files_are_read_where_surely_nothing_is_packed(
    photographs: Dataset, pool_for_all: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    class Noted(packed.Workers):
        def __init__(self, count: int) -> None:
            order.append("start")
            super().__init__(count)

        def close(self) -> None:
            super().close()
            order.append("end")

    class Watched(type(photographs)):  # type: ignore[misc]
        @property
        def version(self) -> str:
            order.append("version")
            return "1"

    monkeypatch.setattr(packed, "Workers", Noted)
    photographs.__class__ = Watched
    packed_images(photographs, 12, workers=2)
    assert order[:2] == ["start", "version"] and order[-1] == "end"
    order.clear()
    packed_images(photographs, 12, workers=2)
    assert order == ["version"]
