"""Lists to tables in processes of their own: killed at random moments, and measured by their memory."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from albums import noise_album
from tiny import save_untrained

from fisa.runs import Run
from fisa.shards import partial_folder

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return save_untrained(tmp_path_factory.mktemp("run") / "cnn")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_album(tmp_path_factory.mktemp("album"))


PEAK = """
import sys
from pathlib import Path
import torch
from fisa.__main__ import app

if __name__ == "__main__":  # not in the workers
    torch.set_num_threads(1)
    try:
        app(sys.argv[1:])
    finally:
        # Not getrusage, whose peak a process inherits from the one that started it.
        print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_list(run: Run, album: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    for number in range(20_000):
        place = many / str(number // 1000)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").hardlink_to(album / "1.png")
    (tmp_path / "peak.py").write_text(PEAK, encoding="utf-8")

    def peak(times: int) -> float:
        """Peak in MiB over ``times`` 20,000 files, more than a row group of the table."""
        target = tmp_path / f"{times}.parquet"
        command = [sys.executable, tmp_path / "peak.py", "predict", run.path, *[many] * times, "--out", target]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run([*command, "--workers", "1"], env=environment, capture_output=True, text=True, check=True)
        assert pq.read_metadata(target).num_rows == times * 20_000
        return int(done.stdout.split()[1]) / 1024

    # Measured: 3 MiB. Were the paths of all kept, at about 380 bytes each, it would be 15 MiB.
    assert peak(3) - peak(1) < 10


CHILD = """
import sys
import torch
from fisa import shards
from fisa.__main__ import app

torch.set_num_threads(1)
shards.SHARD = 16
app(sys.argv[1:])
"""


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, "predict", *map(str, arguments), "--batch-size", "8", "--workers", "1"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_killed_at_random_moments_and_resumed(run: Run, album: Path, tmp_path: Path, suffix: str) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number}.png").symlink_to(album / f"{number % 10}.png")
    whole, target = tmp_path / f"whole{suffix}", tmp_path / f"table{suffix}"
    process = start(run.path, many, "--out", whole)
    process.communicate(timeout=300)
    assert process.returncode == 1  # 3.png is refused
    moments = random.Random(0)
    for _ in range(20):
        process = start(run.path, many, "--out", target, "--resume")
        # From the first sign of work on: before that there is nothing to lose.
        while process.poll() is None and not partial_folder(target).exists():
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
        if target.exists():
            break
    process = start(run.path, many, "--out", target, "--resume", *(["--force"] if target.exists() else []))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert err.splitlines()[-1] == f"270 predicted, 30 refused; see {target}"
    assert target.read_bytes() == whole.read_bytes()
    assert not partial_folder(target).exists()
