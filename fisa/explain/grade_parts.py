"""Parts of a grading, each kept in the cache folder once it is finished: an interruption loses one part at most.

A part is found again for the same run, data, code and settings that it depends on, and for nothing else. A file
appears whole or not at all; one that cannot be read counts as absent. What no grading has asked for in a month goes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fisa.datasets import Dataset
from fisa.datasets.packed import cache_folder
from fisa.evaluation import Progress
from fisa.explain.graded import GradeRow
from fisa.runs import Run, RunError
from fisa.runs.files import write_whole

SOURCES = (
    *(f"explain/{name}.py" for name in (
        "asking", "attribution", "baselines", "counterfactuals", "deletion", "faithfulness", "grade_parts", "graded",
        "gradients", "inner", "localisation", "occlusion", "paths", "recovery", "report", "resampling", "rows",
        "stability", "targets", "unlearned",
    )),
    "datasets/planted/*.py", "models/*.py", "images.py", "metrics.py",
)  # fmt: skip
"""The modules of ``fisa/`` on which grades depend."""

UNUSED = 30 * 24 * 3600.0
"""Seconds without a grading after which the parts of a run, on its data and by its code, are removed."""

PACKAGES = ("torch", "captum", "numpy", "scipy")


@dataclass(frozen=True, eq=False)
class Part:
    """What one step found: its grades, and by name the arrays that later steps take up."""

    rows: tuple[GradeRow, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of a grading.

    Attributes:
        name: Of its own among the steps.
        depends: What its part depends on beside run, data and code.
        cost: About how many images must pass through the model.
        scenes: How many scenes must be drawn for it.
        compute: Takes the finished parts by name, and its own progress.
    """

    name: str
    depends: tuple[object, ...]
    cost: int
    scenes: int
    compute: Callable[[Mapping[str, Part], Progress], Part]


class KeptParts:
    """The finished parts of one run on one split of data."""

    def __init__(self, run: Run, data: Dataset) -> None:
        about = f"{run.digest}-{data.version}-{run.config.data.image_size}"
        self.folder = cache_folder() / "grades" / about / grading_code()

    def find(self, step: Step) -> Part | None:
        """Return the part of a step, or None where it is not kept."""
        try:
            os.utime(self.folder)  # still in use
            with safe_open(self._file(step), framework="np") as file:
                rows = tuple(GradeRow(**row) for row in json.loads(file.metadata()["rows"]))
                return Part(rows, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, TypeError, LookupError):
            return None

    def keep(self, step: Step, part: Part) -> None:
        """Keep the part of a step; a cache that cannot be written costs time, nothing else."""
        rows = json.dumps([asdict(row) for row in part.rows])
        arrays = {name: np.ascontiguousarray(array) for name, array in part.arrays.items()}
        with suppress(OSError, RunError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._file(step), save(arrays, metadata={"rows": rows}))
            _remove_unused(cache_folder() / "grades")

    def _file(self, step: Step) -> Path:
        key = hashlib.sha256(repr((step.name, *step.depends)).encode()).hexdigest()[:16]
        return self.folder / f"{step.name}-{key}.safetensors"


def _remove_unused(folder: Path) -> None:
    for parts in list(folder.glob("*/*")):
        with suppress(OSError):  # another process may remove them, too
            if time.time() - parts.stat().st_mtime > UNUSED:
                shutil.rmtree(parts)
                parts.parent.rmdir()  # where they were the last of that run


def finish(
    steps: Sequence[Step],
    kept: KeptParts,
    draw: Callable[[int, Progress], None],
    draw_cost: int,
    progress: Progress | None = None,
    again: bool = False,
) -> dict[str, Part]:
    """Return the parts of all steps by name: those that are kept, and the others as they are finished.

    Args:
        steps: In their order.
        kept: Where parts are kept.
        draw: Called once with the number of scenes that the unfinished steps need, if any.
        draw_cost: Of one scene, in the unit of ``Step.cost``.
        progress: Called with (cost done, cost in all) of what is not kept.
        again: Compute what is kept, too.
    """
    found = {} if again else {step.name: part for step in steps if (part := kept.find(step)) is not None}
    due = [step for step in steps if step.name not in found]
    scenes = max((step.scenes for step in due), default=0)
    total, done = draw_cost * scenes + sum(step.cost for step in due), 0

    def within(cost: int) -> Progress:
        """Progress of what costs so much of the whole, from where the work stands now."""
        start = done

        def report(part: int, parts: int) -> None:
            if progress is not None:
                progress(start + cost * part // max(parts, 1), total)

        return report

    if scenes:
        draw(scenes, within(draw_cost * scenes))
        done += draw_cost * scenes
    for step in due:
        found[step.name] = step.compute(found, within(step.cost))
        kept.keep(step, found[step.name])
        done += step.cost
        within(0)(0, 1)
    return {step.name: found[step.name] for step in steps}


@cache
def grading_code() -> str:
    """Return the digest of the code that grades: of ``SOURCES`` and the versions of ``PACKAGES``, 16 hex digits."""
    package = Path(__file__).parents[1]
    whole = hashlib.sha256(" ".join(metadata.version(name) for name in PACKAGES).encode())
    for pattern in SOURCES:
        for file in sorted(package.glob(pattern)):
            content = file.read_bytes()
            whole.update(f"{file.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return whole.hexdigest()[:16]
