"""Explanations of others: read from files, checked, and graded by the very functions that grade our runs.

A submission is a folder of ``submission.json``, which names method, data, split, version and number of scenes, and of
any number of ``.npz`` files with arrays for some of these scenes each. docs/planted-affect.md describes it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fisa.datasets import DataError
from fisa.datasets.planted import AFFINITY, PlantedDataset, render
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import Answer, Family
from fisa.explain.faithfulness import laid_on, units
from fisa.explain.graded import GradeRow
from fisa.explain.localisation import Located, grade_maps
from fisa.explain.recovery import grade_effects, scene_effects
from fisa.explain.rows import agreement_rows, localisation_rows, recovery_rows

HEAD = "submission.json"
FORMAT = 1
EMOTIONS = len(AFFINITY)
MOST_BYTES = 8 * 2**30  # of all arrays together, unpacked
ARRAYS = ("attribution", "effects", "logits", "logits_without")


class SubmissionError(ValueError):
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


@dataclass(frozen=True)
class SubmissionGrades:
    """The grades of a submission: its ``head``, ``digest``, ``rows``, and ``notes`` on what could not be graded."""

    head: Head
    digest: str
    rows: tuple[GradeRow, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return a row a grade and subject: ``submission``, ``split``, ``version``, then what a ``GradeRow`` has."""
        named = {"submission": self.head.method, "split": self.head.split, "version": self.head.version}
        return pd.DataFrame([{**named, **asdict(row)} for row in self.rows])


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
    _refuse_too_much(files)
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


def _refuse_too_much(files: list[Path]) -> None:
    for file in files:
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(member.file_size for member in archive.infolist())
        except (OSError, zipfile.BadZipFile) as error:
            raise SubmissionError(f"{file}: cannot be read as .npz ({error})") from None
        if size > MOST_BYTES:
            raise SubmissionError(f"{file}: unpacks to {size / 2**30:.0f} GiB; give maps of fewer places a side")


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
    strange = next((name for name in given if name not in set(names)), None)
    if strange is not None:
        raise SubmissionError(f"{folder}: scene {strange!r} is none of {names[0]} to {names[-1]}; mend id or count")
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


def grade_submission(found: Submission, families: Sequence[Family]) -> SubmissionGrades:
    """Grade a submission: by each part of ``fisa.explain.report.grade_run`` that needs no more than was handed in.

    Args:
        found: As :func:`read_submission` gives it.
        families: Its scenes, as :func:`draw_masks` gives them.
    """
    rows = [*_localisation(found, families), *_recovery(found, families), *_agreement(found, families)]
    return SubmissionGrades(found.head, found.digest, tuple(rows), tuple(_notes(found)))


def draw_masks(data: PlantedDataset, count: int, progress: Progress | None = None) -> list[Family]:
    """Draw the first scenes with their masks, but without counterfactuals: what these do was handed in.

    Args:
        data: Of :attr:`Submission.data`.
        count: How many.
        progress: Called with (scenes drawn, scenes).
    """
    families = []
    for index in range(count):
        scene = data.scene(index)
        drawn = render(scene, data.image_size)
        present = tuple(sorted({motif.emotion for motif in scene.motifs}))
        families.append(Family(scene, drawn.image, drawn.ids, present, ()))
        if progress is not None:
            progress(index + 1, count)
    return families


def _localisation(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    if found.attribution is None:
        return
    maps = zip(families, found.attribution, strict=True)
    graded = grade_maps((Located(family.scene, family.ids, each) for family, each in maps), found.data.image_size)
    if graded is not None:
        yield from localisation_rows(graded, found.head.method)


def _answers(found: Submission, families: Sequence[Family]) -> Iterator[Answer]:
    """Yield the logits handed in, or the true ones, which then serve validity alone."""
    for number, family in enumerate(families):
        if found.logits is None or found.logits_without is None:
            without = [family.scene.without_emotion(emotion).logits for emotion in family.present]
            logits = np.stack([family.scene.logits, *without])
        else:
            logits = np.stack([found.logits[number], *found.logits_without[number, list(family.present)]])
        yield Answer(logits, None, np.empty(0))


def _recovery(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    subjects = {"contributions": found.head.method} if found.effects is not None else {}
    subjects |= {"logits": "logits"} if found.logits is not None else {}
    if not subjects:
        return
    effects = []
    for number, (family, answer) in enumerate(zip(families, _answers(found, families), strict=True)):
        claimed = np.zeros((EMOTIONS, EMOTIONS)) if found.effects is None else found.effects[number]
        effects.append(scene_effects(family, claimed[:, list(family.present)], answer.change(family)))
    yield from recovery_rows(grade_effects(np.stack(effects)), subjects)


def _agreement(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    table = units(families, list(_answers(found, families)))
    if found.attribution is None or table.empty:
        return
    pairs = table[["scene", "target"]].drop_duplicates().itertuples(index=False, name=None)
    maps = {(scene, target): found.attribution[scene, target] for scene, target in pairs}
    grades = ("validity",) if found.logits is None else ("faithfulness", "validity")
    yield from agreement_rows(table, laid_on(families, table, maps), found.head.method, grades=grades)
    chance = np.random.default_rng(0).standard_normal(len(table))
    for name, estimate in (("same", table["same"]), ("area", table["area"]), ("random", chance)):
        yield from agreement_rows(table, np.asarray(estimate, float), name, "baseline", grades)
    if found.logits is not None:
        yield from agreement_rows(table, table["own"].to_numpy(), "own change", "ceiling", grades)


def _notes(found: Submission) -> Iterator[str]:
    needs = {
        "attribution": "localisation, faithfulness and validity",
        "effects": "interaction recovery by effects",
        "logits": "faithfulness, and interaction recovery by logits",
    }
    for key, grades in needs.items():
        if getattr(found, key) is None:
            yield f"Not graded, as {key} was not handed in: {grades}."
    yield "Not graded, as these need the model itself: paths, deletion and insertion, sanity, stability, untrained."
