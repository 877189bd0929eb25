"""``explain``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import typer

from fisa.commands.terminal import CommandError, Meter, tell
from fisa.datasets import DataError, open_dataset
from fisa.datasets.base import InFiles
from fisa.datasets.planted import PlantedDataset, render
from fisa.emotions import DIMENSIONS
from fisa.explain import explain as explain_image
from fisa.explain.asking import Settings
from fisa.explain.attribution import FASTEST, applicable
from fisa.explain.attribution import attribute as attribute_image
from fisa.explain.baselines import Baseline
from fisa.explain.counterfactuals import own_mask
from fisa.explain.familiarity import Familiarity, familiarity
from fisa.explain.graded import failures_of
from fisa.explain.targets import Target
from fisa.export import (
    UNKNOWN,
    Explained,
    as_json,
    document_of,
    image_digest,
    provenance_of,
    refuse_existing,
    write_explanation,
)
from fisa.export.explanation import attribution_of
from fisa.export.folder import PICTURE
from fisa.export.grades import grades_of
from fisa.figures.paper import Form
from fisa.images import decode, decode_square, to_square
from fisa.records import Attribution, Explanation
from fisa.runs import Run, load_run
from fisa.tasks import open_data

_OWN = ("train", "validation", "test", "iid")
"""Splits of a run's own data set that are as its training was; a shift of planted scenes is not."""


@dataclass(frozen=True)
class Asked:
    """What to attribute, and how; as the options of the command have it."""

    method: str
    target: str
    baseline: Baseline | None = None
    head: int | None = None

    def options(self) -> list[str]:
        """Return the options that ask for it."""
        said = {"method": self.method, "target": self.target, "baseline": self.baseline, "head": self.head}
        return [text for name, value in said.items() if value is not None for text in (f"--{name}", str(value))]


@dataclass(frozen=True)
class _Subject:
    """An image to explain: as the model gets it, as figures show it, and what is known of it (truth, votes, ...).

    ``own`` tells that it is of a split that the run was trained, chosen or tested on.
    """

    name: str
    image: np.ndarray
    picture: np.ndarray
    digest: str
    data: str = UNKNOWN
    aspect: float = 1.0
    known: dict[str, np.ndarray] = field(default_factory=dict)
    masks: dict[int, np.ndarray] = field(default_factory=dict)
    own: bool = False


def explain(folder: Path, image: str, out: Path | None, forms: Sequence[Form], asked: Asked | None) -> None:
    """Explain the prediction of one image, or what was asked of it, as JSON; or all of it as a folder."""
    if out is not None:
        refuse_existing(out)
    run = load_run(folder)
    subject = _subject(image, run)
    found = explain_image(run, subject.image)
    familiar = _familiarity(run, subject)
    attribution = _attribution(run, subject, found, asked, default=out is not None)
    explained = Explained(
        name=subject.name,
        system=run.name,
        digest=run.digest,
        found=found,
        picture=subject.picture,
        about=provenance_of(
            [run], subject.data, (subject.name, subject.digest), _command(folder, image, out, forms, asked)
        ),
        known=subject.known,
        masks=subject.masks,
        aspect=subject.aspect,
        attribution=attribution,
        familiarity=familiar,
        grades=None if attribution is None else grades_of(run, attribution.method),
    )
    if out is not None:
        _warn_of_field(found)
        with Meter("figures") as meter:
            write_explanation(out, explained, forms, meter)
        typer.echo(str(out))
    elif asked is not None:
        typer.echo(as_json(attribution_of(explained)), nl=False)
    else:
        _warn_of_field(found)
        typer.echo(as_json(document_of(explained)), nl=False)


def _command(folder: Path, image: str, out: Path | None, forms: Sequence[Form], asked: Asked | None) -> str:
    words = ["python", "-m", "fisa", "explain", str(folder), image, *(asked.options() if asked else ())]
    if out is not None:
        words += ["--out", str(out), *(word for form in forms for word in ("--format", form))]
    return shlex.join(words)


def _warn_of_field(found: Explanation) -> None:
    side = found.receptive_field
    if found.attention is not None and side is not None and side > found.input_size / 2:
        tell(f"each attention cell sees {side} of {found.input_size} px: the maps say little about place")


def _attribution(
    run: Run, subject: _Subject, found: Explanation, asked: Asked | None, default: bool
) -> Attribution | None:
    """Attribute what was asked; where nothing was, by ``default`` the predicted emotion by the fastest method."""
    if asked is None:
        methods = applicable(run) if default else ()
        if not methods:
            return None
        fastest = next(name for name in FASTEST if name in methods)
        asked = Asked(fastest, found.space.labels[int(found.distribution.argmax())])
    absent = np.flatnonzero(subject.known.get("strengths", np.ones(1)) == 0).tolist()
    target = Target.parse(asked.target, run.space, absent)
    settings = Settings(baseline=asked.baseline, head=asked.head)
    truth = subject.known.get("truth", subject.known.get("votes"))
    attribution = attribute_image(run, subject.image, asked.method, target, settings, truth)
    for check in failures_of(run).get(asked.method, ()):
        told = check.replace("_", " ")
        tell(f"{asked.method}: fails the sanity check by {told} on this run; do not rely on its map")
    if attribution.complete is False:
        tell(
            f"{asked.method}: sums to {attribution.gap:.3g} beside the difference of {attribution.delta:.3g}; "
            "the map is not complete"
        )
    return attribution


def _familiarity(run: Run, subject: _Subject) -> Familiarity | None:
    """Return how far an image lies from what the run was trained on, and tell where that is far.

    None for an image of the run's own splits, and where there are no training images to compare with.
    """
    if subject.own:
        return None
    try:
        with Meter("look at training images, once for this run") as meter:
            (found,) = familiarity(run, [subject.image], meter)
    except DataError as error:
        tell(f"{subject.name}: how far it lies from the training images cannot be said ({error})")
        return None
    if warning := found.warning(run.name):
        tell(f"{subject.name}: {warning}")
    return found


def _subject(image: str, run: Run) -> _Subject:
    address = re.fullmatch(r"([\w-]+):([\w-]+):(\d+)", image)
    if address is None or Path(image).exists():
        pixels = decode(Path(image))
        height, width = pixels.shape[:2]
        # What `predict` predicts, to the bit: a large JPEG decoded whole makes a slightly other square.
        square = decode_square(Path(image), run.config.data.image_size)
        return _Subject(image, square, to_square(pixels, PICTURE), image_digest(Path(image)), aspect=width / height)
    name, split, number = address.groups()
    data = run.config.data
    # Opened and drawn as the run's own images were, so that an address means the image that it learned or predicted.
    own = name == data.name
    dataset = open_data(run.config, (split,))[split] if own else open_dataset(name, None, split, data.image_size)
    index = int(number)
    if index >= len(dataset):
        raise CommandError(f"{image}: {name} has images 0 to {len(dataset) - 1} in its {dataset.split} split")
    sample = dataset[index]
    same = dataset.space.name == run.space.name  # else what is known is of other emotions than what is predicted
    known = {"votes": sample.target} if same and len(dataset.space) else {}
    rated = dataset.manifest.reindex(columns=list(DIMENSIONS)).iloc[index].to_numpy(float)
    if not np.isnan(rated).any():
        known["rated"] = rated
    about = f"{name}, version {dataset.version}, split {dataset.split}"
    own = own and dataset.split in _OWN
    if not isinstance(dataset, PlantedDataset):
        height, width = sample.image.shape[:2]
        source = dataset.file(index) if isinstance(dataset, InFiles) else sample.image
        seen = decode_square(source, data.image_size) if isinstance(source, Path) else sample.image
        picture = to_square(sample.image, PICTURE)
        return _Subject(image, seen, picture, image_digest(source), about, width / height, known, own=own)
    scene = dataset.scene(index)
    drawn = render(scene, PICTURE)
    if not same:
        return _Subject(image, sample.image, drawn.image, image_digest(sample.image), about, known=known)
    masks = {emotion: own_mask(drawn.ids, scene, emotion) for emotion in {motif.emotion for motif in scene.motifs}}
    known = {"truth": scene.distribution, "strengths": scene.strengths, **known}
    return _Subject(
        image, sample.image, drawn.image, image_digest(sample.image), about, known=known, masks=masks, own=own
    )
