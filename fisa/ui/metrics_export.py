"""What the page Metrics offers for download: what one run takes for what, and where it puts the mass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fisa.classification import Classification
from fisa.datasets import Dataset
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, tr, using
from fisa.runs import Run
from fisa.ui import confusion, transfer
from fisa.ui.export import Offer, Sheet, about_split


@using(ENGLISH)
def of_mistakes(run: Run, dataset: Dataset, mistakes: Classification | None, mass: NDArray[np.float64] | None) -> Offer:
    """Return what is offered of a run's mistakes, in English.

    Args:
        run: That is looked at.
        dataset: Its test split.
        mistakes: Its dominant labels against the true ones; None where no image has one.
        mass: Mean mass that goes from emotion to emotion, [C, C], with what stays; None where there is no wheel.
    """
    about, space = about_split(run, dataset, "evaluate"), dataset.space
    figures: dict[str, Draw] = {}
    tables: dict[str, Callable[[], pd.DataFrame | Sheet]] = {}
    own: dict[str, Mapping[str, str]] = {}
    if mistakes is not None:
        figures["confusion"] = partial(paper.matrix, mistakes.shares, space, "", "confusion", 1.0)
        tables["confusion"] = partial(confusion.counts, mistakes, space)
        own["confusion"] = {**about, **_images(mistakes)}
    if mass is not None:
        figures["mass-transfer"] = partial(paper.matrix, transfer.moved(mass), space, "", "transfer", None)
        tables["mass-transfer"] = partial(transfer.table, mass, space)
    return Offer(run.name, about, figures, tables, own=own).english


def _images(found: Classification) -> dict[str, str]:
    """Return how many images count, where some are left out."""
    if not found.tied:
        return {}
    why = tr("{n} images with tied labels left out", n=found.tied)
    return {"images": f"{found.n} of {found.n + found.tied}: {why}"}
