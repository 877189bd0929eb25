"""The peak memory of work, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from fisa.bench.report import BenchError
from fisa.bench.subjects import pictures
from fisa.decoding import default_workers
from fisa.explain import explain
from fisa.prediction import predict_files
from fisa.runs import Run, load_run

STATUS = Path("/proc/self/status")
CODE = "import sys; from fisa.bench.memory import measure; measure(*sys.argv[1:])"


def peak(kind: str, run: Path, folder: Path, count: int, threads: int) -> float:
    """Return the peak resident memory in MiB of a process that does work of one kind; worker processes apart.

    Args:
        kind: ``explain`` (one image after the other) or ``predict`` (files, decoded by workers as ever).
        run: A run folder.
        folder: Holds the files 0.jpg, 1.jpg, ...
        count: Images.
        threads: Of torch.

    Raises:
        BenchError: The process failed, or the system does not tell.
    """
    if not STATUS.exists():
        raise BenchError("bench memory: needs Linux, which tells the peak memory of a process; leave it out here")
    command = [sys.executable, "-c", CODE, kind, str(run), str(folder), str(count), str(threads)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"bench memory: the measured process failed ({' '.join(done.stderr.split())[-200:]})")
    return float(done.stdout)


def _explain(run: Run, folder: Path, count: int) -> None:
    (image,) = pictures(1, run.config.data.image_size)
    for _ in range(count):
        explain(run, image)


def _predict(run: Run, folder: Path, count: int) -> None:
    files = [folder / f"{number}.jpg" for number in range(count)]
    for _ in predict_files(run, files, workers=default_workers()):
        pass


WORK: Mapping[str, Callable[[Run, Path, int], None]] = {"explain": _explain, "predict": _predict}


def measure(kind: str, run: str, folder: str, count: str, threads: str) -> None:
    """Do the work and write the peak in MiB on standard output."""
    torch.set_num_threads(int(threads))
    WORK[kind](load_run(run), Path(folder), int(count))
    # Not ru_maxrss, which a process inherits from the one that started it.
    (line,) = (line for line in STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    sys.stdout.write(f"{int(line.split()[1]) / 1024:.2f}\n")
