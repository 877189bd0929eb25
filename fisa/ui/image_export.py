"""What is explained of one image, as files: of a test image on Explain, of a person's photograph on Your images."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fisa.datasets import Dataset
from fisa.explain.asking import Settings
from fisa.explain.familiarity import Familiarity
from fisa.export import (
    UNKNOWN,
    Explained,
    as_json,
    document_of,
    explanation_page,
    figures_of,
    image_digest,
    provenance_of,
    tables_of,
    words_of,
)
from fisa.export.explanation import arrays_of, attribution_of
from fisa.export.grades import grades_of
from fisa.language import ENGLISH, using
from fisa.records import Attribution, Explanation
from fisa.runs import Run
from fisa.ui.cache import Subject
from fisa.ui.export import Offer


@using(ENGLISH)
def offer_of(
    run: Run,
    dataset: Dataset | None,
    found: Explanation,
    subject: Subject,
    emotion: str | None = None,
    attribution: Attribution | None = None,
    settings: Settings | None = None,
    familiar: Familiarity | None = None,
) -> Offer:
    """Return what a page offers for one image, in English.

    Args:
        run: What explains it.
        dataset: Which it is of; None for a photograph.
        found: How it is explained.
        subject: The image.
        emotion: Which is looked at; None where ratings are predicted.
        attribution: What else was asked of it, if anything.
        settings: How that was asked.
        familiar: How far a photograph lies from what the run was trained on, where that is known.
    """
    address, data = subject.name, UNKNOWN
    if dataset is not None:
        address = f"{dataset.name}:{dataset.split}:{list(dataset.manifest['id']).index(subject.name)}"
        data = words_of(dataset)
    asked = [] if attribution is None else ["--method", attribution.method, "--target", attribution.target]
    for name in ("baseline", "head"):
        chosen = getattr(settings, name, None)
        asked += [] if attribution is None or chosen is None else [f"--{name}", str(chosen)]
    words = ["python", "-m", "fisa", "explain", str(run.path), address, *asked, "--out", "explained"]
    digest = image_digest(subject.image if subject.file is None else subject.file)
    shows = [(shows, mask) for shows, mask in zip(subject.shows, subject.masks, strict=True)]
    explained = Explained(
        name=subject.name,
        system=run.name,
        digest=run.digest,
        found=found,
        picture=subject.picture,
        about=provenance_of([run], data, (subject.name, digest), shlex.join(words)),
        known=subject.known,
        masks={one: np.any([mask for each, mask in shows if each == one], axis=0) for one, _ in shows},
        aspect=subject.aspect,
        attribution=attribution,
        emotion=None if emotion is None else found.space.index(emotion),
        familiarity=familiar,
        grades=None if attribution is None else grades_of(run, attribution.method),
    )
    others: dict[str, Callable[[], str | bytes]] = {
        "html": partial(explanation_page, explained),
        "json": lambda: as_json({**document_of(explained), "attribution": attribution_of(explained)}),
        "npz": partial(arrays_of, explained),
    }
    stem = subject.name if dataset is not None else Path(subject.name).stem
    return Offer(f"{run.name}-{stem}", explained.about, figures_of(explained), tables_of(explained), others).english
