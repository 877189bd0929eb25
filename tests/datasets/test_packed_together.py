"""Packed images that several need at once: one makes them, the others wait; nobody waits in vain."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from patches import Patches, expected

from fisa.datasets import packed
from fisa.datasets.base import Sample
from fisa.datasets.packed import CHUNK, packed_images


class Slow(Patches):
    """Stops before its last image until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.there, self.go_on = threading.Event(), threading.Event()

    def __getitem__(self, index: int) -> Sample:
        if index == self.count - 1:
            self.there.set()
            assert self.go_on.wait(60)
        return super().__getitem__(index)


class Torn(Patches):
    """The same images as a slow set, whose last one is gone once it is asked for."""

    def __init__(self, slow: Slow) -> None:
        super().__init__()
        self.slow = slow

    def __getitem__(self, index: int) -> Sample:
        if index == self.count - 1:
            self.slow.there.set()
            assert self.slow.go_on.wait(60)
            raise FileNotFoundError("the last photo is gone")
        return super().__getitem__(index)


def _pack(start: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(packed_images(Patches(), 4, workers=1), expected(2 * CHUNK + 5, 4))


def test_two_processes_at_once(own_cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    builders = [context.Process(target=_pack, args=(start,)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(120)
    assert [builder.exitcode for builder in builders] == [0, 0]
    assert [path.suffix for path in own_cache.rglob("*") if path.is_file()] == [".npy"]


def test_a_second_call_waits_for_the_first_and_says_how_far_it_is(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "LOOK", 0.05)
    dataset = Slow()
    seen: list[tuple[int, int]] = []

    def look(done: int, count: int) -> None:
        seen.append((done, count))
        dataset.go_on.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(packed_images, dataset, 64, workers=1)
        assert dataset.there.wait(60)
        second = pool.submit(packed_images, dataset, 64, look, workers=1)
        for call in (first, second):
            np.testing.assert_array_equal(call.result(60), expected(dataset.count, 64))
    assert dataset.made == dataset.count  # by the first alone
    # Two chunks of squares of 12 KiB are written and perhaps not the whole of the second yet: files are buffered.
    assert seen and all(CHUNK <= done <= 2 * CHUNK and count == dataset.count for done, count in seen)
    assert [path.suffix for path in own_cache.rglob("*") if path.is_file()] == [".npy"]


def test_a_second_call_goes_on_where_the_first_fails(own_cache: Path) -> None:
    dataset = Slow()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(packed_images, Torn(dataset), 4, workers=1)
        assert dataset.there.wait(60)
        second = pool.submit(packed_images, dataset, 4, workers=1)
        dataset.go_on.set()
        with pytest.raises(FileNotFoundError):
            first.result(60)
        np.testing.assert_array_equal(second.result(60), expected(dataset.count, 4))


def test_without_locks_each_makes_its_own(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FileLock, *args: object, **options: object) -> None:
        raise NotImplementedError("no flock here")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    np.testing.assert_array_equal(packed_images(Patches(), 4, workers=1), expected(2 * CHUNK + 5, 4))
    assert [path.suffix for path in own_cache.rglob("*") if path.is_file()] == [".npy"]
