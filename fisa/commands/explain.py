"""``explain``."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from PIL import Image
from scipy.stats import entropy

from fisa.commands.terminal import CommandError, Meter, tell
from fisa.datasets import DataError, open_dataset
from fisa.datasets.planted import PlantedDataset, render
from fisa.emotions import DIMENSIONS
from fisa.explain import explain as explain_image
from fisa.explain.asking import Settings
from fisa.explain.attribution import attribute as attribute_image
from fisa.explain.baselines import Baseline
from fisa.explain.counterfactuals import own_mask
from fisa.explain.familiarity import familiarity
from fisa.explain.graded import failed_checks, stored_grades
from fisa.explain.targets import Target
from fisa.figures import attention_overlay, matrix_table, signed_overlay
from fisa.images import decode, decode_square, to_square
from fisa.records import Explanation
from fisa.runs import Run, load_run

PICTURE = 512
"""Longest side in pixels of overlays."""

OPACITY = 0.65
MATRICES = ("effect", "interaction", "contributions")


@dataclass(frozen=True)
class _Subject:
    """An image to explain: as the model gets it, as overlays show it, and what is known of it (truth, votes, ...)."""

    name: str
    image: np.ndarray
    picture: np.ndarray
    shape: tuple[int, int]
    known: dict[str, list[float]] = field(default_factory=dict)
    masks: dict[int, np.ndarray] = field(default_factory=dict)


def explain(folder: Path, image: str, out: Path | None) -> None:
    """Explain the prediction of one image as JSON, or as a folder of JSON, overlays and matrices."""
    if out is not None and out.exists():
        raise CommandError(f"{out}: already exists; name another --out, nothing is overwritten")
    run = load_run(folder)
    subject = _subject(image, run)
    explanation = explain_image(run, subject.image)
    _tell_if_far(run, subject)
    document = _document(run, subject, explanation)
    field_ = explanation.receptive_field
    if explanation.attention is not None and field_ is not None and field_ > explanation.input_size / 2:
        tell(f"each attention cell sees {field_} of {explanation.input_size} px: the maps say little about place")
    if out is None:
        typer.echo(document, nl=False)
        return
    with _new_folder(out) as draft:
        (draft / "explanation.json").write_text(document, encoding="utf-8")
        _write_overlays(subject, explanation, draft)
        _write_matrices(explanation, draft)
    typer.echo(str(out))


def attribute(
    folder: Path, image: str, method: str, target: str, baseline: Baseline | None, head: int | None, out: Path | None
) -> None:
    """Attribute a target of one image to its places, as JSON or as a folder of JSON, overlay and CSV."""
    if out is not None and out.exists():
        raise CommandError(f"{out}: already exists; name another --out, nothing is overwritten")
    run = load_run(folder)
    subject = _subject(image, run)
    absent = np.flatnonzero(np.array(subject.known.get("strengths", [1.0])) == 0).tolist()
    truth = subject.known.get("truth", subject.known.get("votes"))
    asked = Target.parse(target, run.space, absent)
    settings = Settings(baseline=baseline, head=head)
    found = attribute_image(run, subject.image, method, asked, settings, None if truth is None else np.array(truth))
    for checks in (failed_checks(grades.rows) for grades in stored_grades(run).values()):
        for check in checks.get(method, ()):
            tell(f"{method}: fails the sanity check by {check.replace('_', ' ')} on this run; do not rely on its map")
    if found.complete is False:
        tell(f"{method}: sums to {found.gap:.3g} beside the difference of {found.delta:.3g}; the map is not complete")
    head_of = {"run": {"name": run.name, "digest": run.digest}, "image": subject.name}
    document = _lines({**head_of, **asdict(found), "tolerance": found.tolerance, "complete": found.complete})
    _tell_if_far(run, subject)
    if out is None:
        typer.echo(document, nl=False)
        return
    with _new_folder(out) as draft:
        (draft / "attribution.json").write_text(document, encoding="utf-8")
        outlines = [subject.masks[emotion] for emotion in (asked.emotion,) if emotion in subject.masks]
        pixels = signed_overlay(subject.picture, found.values, "light", outlines=outlines)
        Image.fromarray(pixels).resize(subject.shape).save(draft / "attribution.png")
        pd.DataFrame(found.values).to_csv(draft / "attribution.csv", index=False, header=False, lineterminator="\n")
    typer.echo(str(out))


def _tell_if_far(run: Run, subject: _Subject) -> None:
    """Say of an image that is not of the run's own data when it lies far from what the run was trained on."""
    if subject.name.startswith(f"{run.config.data.name}:"):
        return
    try:
        with Meter("look at training images, once for this run") as meter:
            (found,) = familiarity(run, [subject.image], meter)
    except DataError as error:
        tell(f"{subject.name}: how far it lies from the training images cannot be said ({error})")
        return
    if found.far:
        tell(
            f"{subject.name}: lies far from what {run.name} was trained on, {found.nearer:.1%} of {found.held_out} "
            "held-out images lie nearer; read the explanation with care"
        )


def _subject(image: str, run: Run) -> _Subject:
    address = re.fullmatch(r"([\w-]+):([\w-]+):(\d+)", image)
    if address is None or Path(image).exists():
        pixels = decode(Path(image))
        height, width = pixels.shape[:2]
        scale = PICTURE / max(height, width)
        shape = (max(1, round(width * scale)), max(1, round(height * scale)))
        # What `predict` predicts, to the bit: a large JPEG decoded whole makes a slightly other square.
        square = decode_square(Path(image), run.config.data.image_size)
        return _Subject(image, square, to_square(pixels, PICTURE), shape)
    name, split, number = address.groups()
    data = run.config.data
    if name == data.name:
        dataset = open_dataset(name, data.root, split, skip_bad=data.skip_bad, fold=data.fold)
    else:
        dataset = open_dataset(name, split=split)
    index = int(number)
    if index >= len(dataset):
        raise CommandError(f"{image}: {name} has images 0 to {len(dataset) - 1} in its {dataset.split} split")
    sample = dataset[index]
    known = {"votes": sample.target.tolist()} if len(dataset.space) else {}
    rated = dataset.manifest.reindex(columns=list(DIMENSIONS)).iloc[index].to_list()
    if not np.isnan(rated).any():
        known["rated"] = rated
    if not isinstance(dataset, PlantedDataset):
        return _Subject(image, sample.image, to_square(sample.image, PICTURE), (PICTURE, PICTURE), known)
    scene = dataset.scene(index)
    drawn = render(scene, PICTURE)
    masks = {emotion: own_mask(drawn.ids, scene, emotion) for emotion in {motif.emotion for motif in scene.motifs}}
    known = {"truth": scene.distribution.tolist(), "strengths": scene.strengths.tolist(), **known}
    return _Subject(image, sample.image, drawn.image, (PICTURE, PICTURE), known, masks)


def _document(run: Run, subject: _Subject, explanation: Explanation) -> str:
    """One JSON object, a line for each key; what the system does not have is null."""
    distribution, ratings = explanation.distribution, explanation.prediction.ratings
    content: dict[str, Any] = {"run": {"name": run.name, "digest": run.digest}, "image": subject.name}
    if len(explanation.space):
        content |= {
            "labels": explanation.space.labels,
            "distribution": distribution,
            "label": explanation.space.labels[int(distribution.argmax())],
            "entropy": float(entropy(distribution)),
        }
    if ratings is not None:
        content |= dict(zip(DIMENSIONS, ratings[0].tolist(), strict=True))
    content |= {
        **subject.known,
        "input_size": explanation.input_size,
        "receptive_field": explanation.receptive_field,
    }
    content |= {key: getattr(explanation, key) for key in ("logits", "bias", "attention", "null", *MATRICES, "extras")}
    return _lines(content)


def _lines(content: dict[str, Any]) -> str:
    """One JSON object, a line for each key."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value, default=np.ndarray.tolist)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _write_overlays(subject: _Subject, explanation: Explanation, folder: Path) -> None:
    if explanation.attention is None:
        return
    for emotion, label in enumerate(explanation.space.labels):
        outlines = [subject.masks[emotion]] if emotion in subject.masks else []
        colour = explanation.space.colours[emotion]
        pixels = attention_overlay(subject.picture, explanation.attention[emotion], colour, OPACITY, outlines)
        Image.fromarray(pixels).resize(subject.shape).save(folder / f"attention-{label}.png")


def _write_matrices(explanation: Explanation, folder: Path) -> None:
    """One CSV a kind: columns head (from 1), receives, then one for each emotion that gives."""
    for kind in MATRICES:
        heads = getattr(explanation, kind)
        if heads is not None:
            tables = {head: matrix_table(values, explanation.space) for head, values in enumerate(heads, start=1)}
            pd.concat(tables, names=["head"]).to_csv(folder / f"{kind}.csv", lineterminator="\n")


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """Yield a draft that becomes ``path`` once the block is done, and leaves nothing behind if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield draft
        draft.chmod(0o755)
        os.rename(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
