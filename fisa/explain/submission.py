"""Explanations of others: read from files and checked; ``submission_grades`` grades them.

A submission is a folder of ``submission.json``, which names method, data, split, version and number of scenes, and of
any number of ``.npz`` files with arrays for some of these scenes each. docs/planted-affect.md describes it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fisa.datasets import DataError
from fisa.datasets.planted import AFFINITY, PlantedDataset
from fisa.exceptions import FisaError

HEAD = "submission.json"
FORMAT = 1
EMOTIONS = len(AFFINITY)
MOST_BYTES = 8 * 2**30  # of all arrays together, unpacked
ARRAYS = ("attribution", "effects", "logits", "logits_without")


class SubmissionError(FisaError, ValueError):
    """A submission that cannot be graded; the message is one clear sentence."""


class Head(BaseModel):
    """What ``submission.json`` says.

    Attributes:
        format: Version of the format, 1.
        method: Name of the method, as tables print it.
        data: ``planted``, ``planted-small`` or ``planted-tiny``.
        split: Its split.
        version: That of the data set, as the export and ``data show`` give it.
        count: The first so many scenes of the split, each of them once.
        note: Anything worth saying.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    method: str = Field(min_length=1, max_length=80)
    data: str
    split: str
    version: str
    count: int = Field(ge=1)
    note: str = ""


@dataclass(frozen=True, eq=False)
class Submission:
    """What was handed in for n scenes, in their order; what was not is None.

    Attributes:
        head: What it says of itself.
        digest: Of all its files.
        data: The data it is of.
        attribution: float32 [n, C, h, w], what speaks for each emotion, place by place.
        effects: float64 [n, C, C], what emotion j (column) does to the logit of emotion i (row).
        logits: float64 [n, C], of scenes.
        logits_without: float64 [n, C, C], of scenes without emotion j (row); read where j is present.
    """

    head: Head
    digest: str
    data: PlantedDataset
    attribution: np.ndarray | None = None
    effects: np.ndarray | None = None
    logits: np.ndarray | None = None
    logits_without: np.ndarray | None = None


def is_submission(folder: Path) -> bool:
    """Tell whether a folder is a submission, rather than a run."""
    return (folder / HEAD).is_file()


def write_submission(folder: Path, head: Head, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a submission to a new folder, in one file of arrays.

    Args:
        folder: To make.
        head: What it says of itself.
        arrays: Of ``ARRAYS``, for the first ``head.count`` scenes.

    Raises:
        SubmissionError: The folder exists, or the disk refuses.
    """
    names = np.array([f"{head.split}-{index:05d}" for index in range(head.count)])
    try:
        folder.mkdir(parents=True)
        with (folder / "arrays.npz").open("wb") as file:
            np.savez_compressed(file, id=names, **arrays)  # type: ignore[arg-type]
        # Last, so that a folder that was cut short is no submission.
        (folder / HEAD).write_text(head.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SubmissionError(f"{folder}: cannot be written ({error.strerror or error})") from None


def read_submission(folder: Path) -> Submission:
    """Read and check a submission.

    Raises:
        SubmissionError: Something is missing, broken, not finite, of another shape, or of another version of the data.
    """
    head, digest = _head(folder / HEAD), hashlib.sha256()
    data = _data(folder / HEAD, head)
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise SubmissionError(f"{folder}: holds no .npz file; put id and {', '.join(ARRAYS)}, or some of them, there")
    _refuse_too_much(folder, files)
    parts = [_part(file, head, data) for file in files]
    for file in (folder / HEAD, *files):
        digest.update(file.read_bytes())
    names, order = _order(folder, parts, head)
    held = {key: _joined(folder, parts, key, order) for key in ARRAYS}
    found = Submission(head, digest.hexdigest()[:12], data, **held)
    _refuse_holes(folder, found, names)
    return found


def _head(file: Path) -> Head:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        head = Head.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise SubmissionError(f"{file}: {where} is not right ({first['msg']})") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SubmissionError(f"{file}: cannot be read as JSON ({' '.join(str(error).split())[:120]})") from None
    if head.format != FORMAT:
        raise SubmissionError(f"{file}: has format {head.format}; this program reads format {FORMAT}")
    return head


def _data(file: Path, head: Head) -> PlantedDataset:
    try:
        data = PlantedDataset(head.data, head.split)
    except DataError as error:
        raise SubmissionError(f"{file}: {error}") from None
    if data.split != head.split:
        raise SubmissionError(f"{file}: calls the split {head.split}; its name is {data.split}")
    if data.version != head.version:
        raise SubmissionError(
            f"{file}: is of version {head.version} of {head.data} {head.split}, and this program draws {data.version}; "
            "export the scenes again"
        )
    if head.count > len(data):
        raise SubmissionError(f"{file}: count is {head.count}, but {head.data} {head.split} has {len(data)} scenes")
    return data


def _refuse_too_much(folder: Path, files: list[Path]) -> None:
    size = 0
    for file in files:
        try:
            with zipfile.ZipFile(file) as archive:
                size += sum(member.file_size for member in archive.infolist())
        except (OSError, zipfile.BadZipFile) as error:
            raise SubmissionError(f"{file}: cannot be read as .npz ({error})") from None
    if size > MOST_BYTES:
        raise SubmissionError(f"{folder}: unpacks to {size / 2**30:.1f} GiB; give maps of fewer places a side")


def _part(file: Path, head: Head, data: PlantedDataset) -> dict[str, np.ndarray]:
    """Read one file of arrays, and check each by itself."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            part = {key: archive[key] for key in archive.files}
    except Exception as error:  # NumPy and zlib raise many kinds for a broken file
        raise SubmissionError(f"{file}: cannot be read as .npz ({' '.join(str(error).split())[:120]})") from None
    strange = [key for key in part if key not in ("id", *ARRAYS)]
    if strange:
        raise SubmissionError(f"{file}: holds {strange[0]!r}; there are id, {', '.join(ARRAYS)}")
    if "id" not in part or part["id"].ndim != 1 or part["id"].dtype.kind != "U":
        raise SubmissionError(f"{file}: needs an array id, [n] texts such as '{head.split}-00000'")
    count, side = len(part["id"]), data.image_size
    shapes = {"effects": (EMOTIONS, EMOTIONS), "logits": (EMOTIONS,), "logits_without": (EMOTIONS, EMOTIONS)}
    for key in ARRAYS:
        if key not in part:
            continue
        values = part[key]
        if values.dtype.kind not in "biuf":
            raise SubmissionError(f"{file}: {key} holds {values.dtype}, no real numbers")
        wanted = (count, *shapes.get(key, (EMOTIONS, *values.shape[2:4])))
        if values.shape != wanted or 0 in wanted or (key == "attribution" and values.ndim != 4):
            said = ", ".join(map(str, shapes.get(key, (EMOTIONS, "h", "w"))))
            raise SubmissionError(f"{file}: {key} has shape {list(values.shape)}; expected [{count}, {said}]")
        if key == "attribution" and max(values.shape[2:]) > side:
            raise SubmissionError(f"{file}: attribution has {list(values.shape[2:])} places; at most {side} a side")
    return part


def _order(folder: Path, parts: list[dict[str, np.ndarray]], head: Head) -> tuple[list[str], np.ndarray]:
    """Return the names of the scenes, and where among all parts each stands."""
    given = np.concatenate([part["id"] for part in parts]).tolist()
    names = [f"{head.split}-{index:05d}" for index in range(head.count)]
    places = {name: place for place, name in enumerate(given)}
    if len(places) < len(given):
        twice = next(name for place, name in enumerate(given) if places[name] != place)
        raise SubmissionError(f"{folder}: scene {twice} stands there twice")
    strange = sorted(places.keys() - set(names))
    if strange:
        raise SubmissionError(f"{folder}: scene {strange[0]!r} is none of {names[0]} to {names[-1]}; mend id or count")
    missing = [name for name in names if name not in places]
    if missing:
        raise SubmissionError(f"{folder}: {len(missing)} of {head.count} scenes are missing, the first is {missing[0]}")
    return names, np.array([places[name] for name in names])


def _joined(folder: Path, parts: list[dict[str, np.ndarray]], key: str, order: np.ndarray) -> np.ndarray | None:
    held = [part[key] for part in parts if key in part]
    if not held:
        return None
    if len(held) < len(parts):
        raise SubmissionError(f"{folder}: only some of its files hold {key}; give it for all scenes, or for none")
    if len({values.shape[1:] for values in held}) > 1:
        raise SubmissionError(f"{folder}: its files hold {key} of several shapes; give all scenes the same")
    kind = np.float32 if key == "attribution" else np.float64
    return np.asarray(np.concatenate(held).astype(kind, copy=False)[order])


def _refuse_holes(folder: Path, found: Submission, names: list[str]) -> None:
    """Refuse what is not finite where it is read, and logits that lack their other half."""
    if all(getattr(found, key) is None for key in ARRAYS):
        raise SubmissionError(f"{folder}: hands in nothing to grade; add {', '.join(ARRAYS)}, or some of them")
    if (found.logits is None) != (found.logits_without is None):
        raise SubmissionError(f"{folder}: logits and logits_without go together, x beside each x without j")
    for key in ARRAYS:
        values = getattr(found, key)
        if values is None:
            continue
        finite = np.isfinite(values)
        if key == "logits_without":
            finite |= (_strengths(found) == 0)[:, :, None]
        bad = np.flatnonzero(~finite.reshape(len(values), -1).all(1))
        if len(bad):
            raise SubmissionError(f"{folder}: {key} of scene {names[int(bad[0])]} is not finite (NaN or infinite)")


def _strengths(found: Submission) -> np.ndarray:
    columns = [f"strength_{label}" for label in found.data.space.labels]
    return found.data.manifest[columns].to_numpy(float)[: found.head.count]
