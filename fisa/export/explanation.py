"""One explained image as numbers, tables and figures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import entropy

from fisa.emotions import DIMENSIONS
from fisa.explain.familiarity import Familiarity
from fisa.export.grades import MethodGrades
from fisa.figures import distribution_table, matrix_table, paper
from fisa.figures.matrices import Kind
from fisa.records import Attribution, Explanation

Draw = Callable[[paper.Width], Figure]

MATRICES: Mapping[str, tuple[Kind, str]] = {
    "effect": ("effect", "Effect, mean over heads"),
    "interaction": ("interaction", "Interaction weight, mean over heads"),
    "contributions": ("contribution", "Contribution, sum over heads"),
}
"""Field of an explanation -> kind of its matrices, and the title of all heads together."""


@dataclass(frozen=True, eq=False)
class Explained:
    """One image, what a run says of it, and what is known of it.

    Attributes:
        name: Of the image: a file, or data set, split and number.
        system: Name of the run.
        digest: Of the run.
        found: The explanation.
        picture: uint8 RGB square [S, S, 3] for figures.
        about: Where it comes from, as :func:`fisa.export.provenance_of` returns it.
        known: What is known beforehand, such as ``truth`` and ``votes`` [C], ``strengths`` [C] or ``rated`` [2].
        masks: Emotion -> bool [S, S], where its planted motifs are.
        aspect: Width over height as the picture is shown.
        attribution: What one method says of one target, if it was asked.
        emotion: Column of the emotion whose contributions are drawn; None for the one of the largest degree.
        familiarity: How far it lies from what the run was trained on; None for an image of the run's own splits, and
            where it was not compared.
        grades: What the run carries of the attribution's method; None where nobody looked.
    """

    name: str
    system: str
    digest: str
    found: Explanation
    picture: np.ndarray
    about: Mapping[str, str]
    known: Mapping[str, np.ndarray] = field(default_factory=dict)
    masks: Mapping[int, np.ndarray] = field(default_factory=dict)
    aspect: float = 1.0
    attribution: Attribution | None = None
    emotion: int | None = None
    familiarity: Familiarity | None = None
    grades: MethodGrades | None = None

    @property
    def distributions(self) -> dict[str, np.ndarray]:
        """Truth, prediction and votes under the names that figures show; empty of a run that predicts ratings only."""
        if not len(self.found.space):
            return {}
        truth = {"truth": self.known["truth"]} if "truth" in self.known else {}
        votes = {"votes": self.known["votes"]} if "votes" in self.known else {}
        name = self.system if self.system not in ("truth", "votes") else f"run {self.system}"
        return {**truth, name: self.found.distribution, **votes}

    @property
    def chosen(self) -> int:
        """Column of the emotion whose contributions are drawn."""
        return int(self.found.distribution.argmax()) if self.emotion is None else self.emotion


def document_of(explained: Explained) -> dict[str, Any]:
    """Return every number for JSON, name -> value; what the system does not have is None."""
    found = explained.found
    ratings = found.prediction.ratings
    content: dict[str, Any] = {"run": {"name": explained.system, "digest": explained.digest}, "image": explained.name}
    if len(found.space):
        content |= {
            "labels": found.space.labels,
            "distribution": found.distribution,
            "label": found.space.labels[int(found.distribution.argmax())],
            "entropy": float(entropy(found.distribution)),
        }
    if ratings is not None:
        content |= dict(zip(DIMENSIONS, ratings[0].tolist(), strict=True))
    content["familiarity"] = _familiarity(explained)
    content |= {**explained.known, "input_size": found.input_size, "receptive_field": found.receptive_field}
    names = ("logits", "bias", "attention", "null", *MATRICES, "extras")
    return content | {name: getattr(found, name) for name in names} | {"provenance": dict(explained.about)}


def attribution_of(explained: Explained) -> dict[str, Any]:
    """Return every number of the attribution for JSON, name -> value; empty where none was asked."""
    found = explained.attribution
    if found is None:
        return {}
    head = {"run": {"name": explained.system, "digest": explained.digest}, "image": explained.name}
    numbers = {**asdict(found), "tolerance": found.tolerance, "complete": found.complete}
    grades = None if explained.grades is None else explained.grades.to_document()
    return {**head, "familiarity": _familiarity(explained), **numbers, "grades": grades}


def _familiarity(explained: Explained) -> dict[str, Any] | None:
    found = explained.familiarity
    return None if found is None else {**asdict(found), "far": found.far}


def tables_of(explained: Explained) -> dict[str, Callable[[], pd.DataFrame]]:
    """Return every table that there is of it, name -> function that makes it.

    ``prediction`` has a row an emotion; ``ratings`` one a dimension; ``effect``, ``interaction`` and ``contributions``
    one for each head and emotion that receives.
    """
    made: dict[str, Callable[[], pd.DataFrame]] = {}
    if explained.distributions:
        made["prediction"] = partial(_prediction, explained)
    if explained.found.prediction.ratings is not None:
        made["ratings"] = partial(_ratings, explained, explained.found.prediction.ratings[0])
    for name in MATRICES if explained.distributions else ():
        heads = getattr(explained.found, name)
        if heads is not None:
            made[name] = partial(_by_head, explained, heads)
    return made


def _prediction(explained: Explained) -> pd.DataFrame:
    space = explained.found.space
    table = distribution_table(space, explained.distributions)
    for name in ("logits", "bias", "null"):
        values = getattr(explained.found, name)
        if values is not None:
            table[name] = pd.Series(values, index=space.labels)[table.index]
    return table


def _ratings(explained: Explained, predicted: np.ndarray) -> pd.DataFrame:
    rated = {"rated": explained.known["rated"]} if "rated" in explained.known else {}
    return pd.DataFrame({**rated, explained.system: predicted}, index=pd.Index(DIMENSIONS, name="dimension"))


def _by_head(explained: Explained, heads: np.ndarray) -> pd.DataFrame:
    parts = {head: matrix_table(values, explained.found.space) for head, values in enumerate(heads, start=1)}
    return pd.concat(parts, names=["head"])


def arrays_of(explained: Explained) -> bytes:
    """Return the arrays as NumPy's npz: what the explanation has of attention, null, matrices, logits and bias."""
    names = ("attention", "null", *MATRICES, "logits", "bias")
    arrays = {name: values for name in names if (values := getattr(explained.found, name)) is not None}
    if explained.attribution is not None:
        arrays["attribution"] = explained.attribution.values
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def figures_of(explained: Explained) -> dict[str, Draw]:
    """Return every figure that there is of it, name -> function of the width that draws it; of ratings none."""
    found, space, rows = explained.found, explained.found.space, explained.distributions
    if not rows:
        return {}
    drawn: dict[str, Draw] = {"wheel": partial(paper.wheel, space, rows)} if len(space) >= 3 else {}
    drawn["bars"] = partial(paper.bars, space, rows)
    if found.attention is not None:
        drawn["attention"] = partial(
            paper.attention, explained.picture, found.attention, space, found.null, explained.masks, explained.aspect
        )
    if found.contributions is not None and found.bias is not None:
        to, shares = explained.chosen, found.contributions.sum(0)
        drawn[f"contributions-to-{space.labels[to]}"] = partial(
            paper.contributions, shares[to], float(found.bias[to]), float(found.logits[to]), space, to
        )
    for name, (kind, title) in MATRICES.items():
        heads = getattr(found, name)
        if heads is not None:
            together = heads.sum(0) if name == "contributions" else heads.mean(0)
            drawn[name] = partial(paper.matrix, together, space, title, kind, None)
            if len(heads) > 1:
                drawn[f"{name}-heads"] = partial(paper.grid, heads, space, kind)
    if explained.attribution is not None:
        one = explained.attribution
        unit = "nats" if one.target in ("kl", "entropy") else "logit"
        title = f"{one.method.replace('_', ' ')} of {one.target}"
        drawn["attribution"] = partial(paper.attribution, explained.picture, one.values, title, unit, explained.aspect)
    return drawn
