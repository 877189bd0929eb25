"""Shares that are far: the interval by hand, which images of many are looked at, and noise."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fisa.datasets import PlantedDataset
from fisa.explain.far_rates import FarRate, Noise, SomeFiles, SomeOfADataset


def test_the_interval_by_hand() -> None:
    # None of 3: the interval ends where none of 3 has a chance of 1/40, (1 - p)^3 = 0.025.
    share = FarRate(3, 0).share
    assert share is not None and (share.value, share.low) == (0, 0)
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 3))
    assert FarRate(0, 0, ("a.png: no image",)).share is None


def test_the_first_scenes_are_taken() -> None:
    scenes = PlantedDataset("planted-tiny", "iid", 32)
    some = SomeOfADataset(scenes, 2, seed=5)
    found = list(some.squares(32))
    assert len(some) == 2 and len(SomeOfADataset(scenes, 100)) == 60
    np.testing.assert_array_equal(found, [scenes[0].image, scenes[1].image])


def test_files_of_a_data_set_are_taken_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    class Set(SimpleNamespace):
        def __len__(self) -> int:
            return 20

        def file(self, index: int) -> Path:
            return Path(str(index))

        def files(self) -> list[Path]:
            return [self.file(number) for number in range(20)]

    opened: list[int] = []

    def decode(path: Path, size: int) -> np.ndarray:
        opened.append(int(path.name))
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr("fisa.explain.familiarity.decode_square", decode)
    album: Any = Set(name="album", split="test", version="1")
    assert len(list(SomeOfADataset(album, 5).squares(8))) == 5 and len(set(opened)) == 5
    assert opened != list(range(5))  # else an album of 20 would be judged by its first pages


def test_how_many_files_are_left_after_those_skipped() -> None:
    files = [Path(str(number)) for number in range(10)]
    assert [len(SomeFiles(files, 4, skip)) for skip in (0, 8, 12)] == [4, 2, 0]


def test_noise_is_uniform_and_smoothed_in_turn() -> None:
    first, second, third, fourth = (each.astype(float) for each in Noise(4).squares(32))
    assert (len(Noise(4)), second.min(), second.max()) == (4, 0, 255)

    def neighbours(image: np.ndarray) -> float:
        return float(np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1])

    # 2,976 pairs: independent values correlate within 4 / sqrt(2976) = 0.07; under a Gaussian of 1 pixel or more by
    # exp(-1/4) = 0.78 and more.
    assert abs(neighbours(first)) < 0.07 and abs(neighbours(third)) < 0.07
    assert neighbours(second) > 0.7 and neighbours(fourth) > 0.7
    assert not np.array_equal(first, third)
    np.testing.assert_array_equal(next(Noise(1).squares(32)), first)
