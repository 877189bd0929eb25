"""Decoding in workers: the same squares in the same order, flat, and whatever a file does to its worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fisa import decoding
from fisa.decoding import CHUNK, POOL_FROM, decode_squares
from fisa.images import ImageRefused, decode, to_square

ROOT = Path(__file__).parent.parent
SIZE = 16


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three chunks of noise, the sixth file cut short, and a path without a file. Read only."""
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(3 * CHUNK)]
    for path in paths:
        Image.fromarray(noise.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    paths[5].write_bytes(paths[5].read_bytes()[:100])
    return [*paths, folder / "gone.png"]


def expected(paths: list[Path]) -> list[np.ndarray | str]:
    squares: list[np.ndarray | str] = []
    for path in paths:
        try:
            squares.append(to_square(decode(path), SIZE))
        except ImageRefused as error:
            squares.append(str(error))
    return squares


def assert_same(decoded: list[decoding.Decoded], wanted: list[np.ndarray | str]) -> None:
    assert len(decoded) == len(wanted)
    for got, want in zip(decoded, wanted, strict=True):
        if isinstance(want, str):
            assert isinstance(got, ImageRefused) and str(got) == want
        else:
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("workers", [0, 2])
def test_squares_and_refusals_in_order(photos: list[Path], workers: int) -> None:
    assert_same(list(decode_squares(photos, SIZE, workers)), expected(photos))


@pytest.mark.parametrize(("workers", "lead"), [(0, 0), (1, 2 * CHUNK)])
def test_it_takes_a_bounded_number_ahead(photos: list[Path], workers: int, lead: int) -> None:
    taken = []

    def endless() -> Iterator[Path]:
        while len(taken) < 100 * CHUNK:
            taken.append(photos[0])
            yield photos[0]

    # A chunk for the worker, and a chunk ahead.
    squares = decode_squares(endless(), SIZE, workers, ahead=CHUNK)
    for given in range(1, 4 * CHUNK):
        next(squares)
        assert len(taken) - given <= lead
    squares.close()


def test_none_starts_processes_for_long_lists_alone(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Refused:
        def __init__(self, count: int) -> None:
            started.append(count)

        def work(self) -> bool:
            return False  # so this process decodes

    monkeypatch.setattr(decoding, "Workers", Refused)
    monkeypatch.setattr(decoding, "default_workers", lambda: 3)
    assert len(list(decode_squares(photos[:1] * (POOL_FROM - 1), SIZE, None))) == POOL_FROM - 1
    assert started == []
    assert len(list(decode_squares(photos[:1] * POOL_FROM, SIZE, None))) == POOL_FROM
    assert started == [3]


def test_default_leaves_a_processor_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, workers in ((1, 0), (2, 1), (4, 3), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: set(range(n)), raising=False)
        assert decoding.default_workers() == workers


def test_all_workers_start_at_once() -> None:
    # Left to itself, the pool starts the second one only when the first has loaded its modules and has work.
    with decoding.Workers(2) as workers:
        assert len(workers.pool._processes) == 2


def test_workers_that_have_started_decode_and_end_with_the_list(photos: list[Path]) -> None:
    workers = decoding.Workers(1)
    (square,) = decode_squares(photos[:1], SIZE, workers)
    np.testing.assert_array_equal(square, to_square(decode(photos[0]), SIZE))
    with pytest.raises(RuntimeError, match="shutdown"):
        workers.pool.submit(print)


# A script whose workers end themselves at files called killer-*, as if the system had killed them.
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from fisa import decoding
from fisa.images import ImageRefused

plain = decoding._square

def square(path, size):
    if path.name.startswith("killer"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name.startswith("slow"):
        time.sleep(600)
    if path.name.startswith("brief"):
        time.sleep(0.02)
    return plain(path, size)

decoding._square = square

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background have it ignored
    for decoded in decoding.decode_squares(map(Path, sys.argv[2:]), 8, int(sys.argv[1])):
        print(decoded if isinstance(decoded, ImageRefused) else decoded.shape, flush=True)
"""


def start(script: Path, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its own process group, workers included
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def assert_group_ends(group: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("a worker outlived its parent")


def test_a_file_that_ends_its_worker_is_refused_and_the_rest_goes_on(photos: list[Path], script: Path) -> None:
    paths = [photos[0]] * (5 * CHUNK)
    killers = {3: "killer-a.png", 4: "killer-b.png", 30: "killer-c.png"}
    for place, name in killers.items():
        paths[place] = Path(name)
    process = start(script, 2, *paths)
    out, err = process.communicate(timeout=300)
    lines = [
        f"{killers[place]}: ended the process that decoded it, perhaps for want of memory; scale it down"
        if place in killers
        else "(8, 8, 3)"
        for place in range(len(paths))
    ]
    assert out.splitlines() == lines, err


def test_a_script_without_a_main_guard_still_decodes(photos: list[Path], tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"), encoding="utf-8")
    out, _ = start(script, 2, *photos[:3]).communicate(timeout=300)
    assert out.splitlines() == ["(8, 8, 3)"] * 3


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(photos: list[Path], script: Path, stop: signal.Signals) -> None:
    slow = [Path("slow.png")] * CHUNK
    rest = [Path("brief.png")] * 4000  # work for 40 s, which no signal comes later than
    process = start(script, 2, *[photos[0]] * CHUNK, *(slow if stop == signal.SIGKILL else ()), *rest)
    assert process.stdout is not None
    for _ in range(CHUNK):
        process.stdout.readline()
    if stop == signal.SIGINT:
        os.killpg(process.pid, stop)  # as the terminal does: to every process of the group
    else:
        process.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == -stop
    assert_group_ends(process.pid)
    if stop == signal.SIGINT:
        assert err.count("Traceback") == 1  # the parent's own, which the command line hides
