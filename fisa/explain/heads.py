"""What the interaction heads of a run do over a whole split: means, likeness, importance, and what they go with.

Matrices of every image are computed once and kept in the cache folder; all else follows from them, since logits are
linear in contributions: without head h, z_i loses what h contributes to it.

Shapes: N images, H heads, C emotions. Rows of matrices receive, columns give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fisa.config import FisaConfig
from fisa.datasets import Dataset
from fisa.datasets.statistics import label_correlation
from fisa.datasets.vectors import model_inputs
from fisa.distances import kl
from fisa.evaluation import Progress, oracles_of, target_of, truth_of
from fisa.exceptions import FisaError
from fisa.explain.kept import kept, kept_file
from fisa.explain.resampling import over_scenes, ratio
from fisa.models import ModelOutput
from fisa.models.fisa import normalised_output
from fisa.models.inputs import as_tensor
from fisa.records import Interval
from fisa.runs import Run

BATCH = 64
VERSION = "1"
"""Changes whenever the same run and images would give other matrices."""

Quantity = Literal["interaction", "contribution"]
Rows = NDArray[np.bool_] | NDArray[np.intp] | slice
EVERY = slice(None)


class HeadsError(FisaError, ValueError):
    """Heads that cannot be looked at; the message is one clear sentence."""


@dataclass(frozen=True, eq=False)
class SplitMatrices:
    """What the heads of a run do on every image of a split.

    Attributes:
        interaction: float32 [N, H, C, C]; rows sum to 1.
        contribution: float32 [N, H, C, C].
        bias: float32 [C]; with the contributions it sums to the logits.
    """

    interaction: np.ndarray
    contribution: np.ndarray
    bias: np.ndarray

    def of(self, quantity: Quantity) -> np.ndarray:
        """Return the matrices of one quantity, [N, H, C, C]."""
        return self.interaction if quantity == "interaction" else self.contribution

    @cached_property
    def logits(self) -> np.ndarray:
        """float32 [N, C]."""
        return np.asarray(self.bias + self.contribution.sum((1, 3)))

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """Column of the largest logit of each image, [N]."""
        return np.asarray(self.logits.argmax(1))

    def mean(self, quantity: Quantity, rows: Rows = EVERY) -> np.ndarray:
        """Return the mean over some images, float64 [H, C, C].

        Args:
            quantity: Of what.
            rows: Which images: a mask [N], places, or a slice; all by default.

        Raises:
            HeadsError: There is no such image.
        """
        chosen = self.of(quantity)[rows]
        if not len(chosen):
            raise HeadsError("there is no image to take the mean over; choose other images")
        return np.asarray(chosen.mean(0, dtype=float))

    def strongest(
        self, receives: int, gives: int, count: int, head: int | None = None, rows: Rows = EVERY
    ) -> np.ndarray:
        """Return the places of the images in which one emotion contributes most to another, in size, strongest first.

        Args:
            receives: Column of the emotion whose logit it is.
            gives: Column of the emotion that contributes.
            count: How many, at most.
            head: From 0; None for the sum of all.
            rows: Among which images; see :meth:`mean`.
        """
        places = np.arange(len(self.contribution))[rows]
        pushes = self.pushes(receives, gives, head)[places]
        return np.asarray(places[np.argsort(-np.abs(pushes), kind="stable")[:count]])

    def pushes(self, receives: int, gives: int, head: int | None = None) -> np.ndarray:
        """Return what one emotion contributes to another in each image, [N], in one head or the sum of all."""
        part = self.contribution[:, :, receives, gives]
        return np.asarray(part.sum(1) if head is None else part[:, head])


def has_heads(run: Run) -> bool:
    """Tell whether a run has interaction heads between emotions, by its configuration alone."""
    model = run.config.model
    return model.name == "fisa" and model.heads > 0 and len(run.space) > 0


def are_kept(run: Run, dataset: Dataset) -> bool:
    """Tell whether the matrices of a run and a data set lie in the cache folder."""
    return kept_file("heads", VERSION, run, dataset).is_file()


def matrices_of(run: Run, dataset: Dataset, progress: Progress | None = None) -> SplitMatrices:
    """Return what the heads of a run do on every image of a data set.

    They take 8 bytes an entry: for 2,000 images, 4 heads and 8 emotions 4 MB.

    Args:
        run: A run with heads.
        dataset: Images, or vectors, that it takes.
        progress: Called with (images done, images in all), unless they are kept from an earlier call.

    Raises:
        HeadsError: The run has no interaction heads.
    """
    if not has_heads(run):
        raise HeadsError(f"{run.name} has no interaction heads; runs of fisa with model.heads above 0 have them")
    arrays = kept(kept_file("heads", VERSION, run, dataset), lambda: _compute(run, dataset, progress))
    return SplitMatrices(arrays["interaction"], arrays["contribution"], arrays["bias"])


def _compute(run: Run, dataset: Dataset, progress: Progress | None) -> dict[str, np.ndarray]:
    inputs = model_inputs(dataset, run.config.data.image_size, progress)
    interaction, contribution, bias = [], [], np.zeros(0, np.float32)
    for start in range(0, len(inputs), BATCH):
        with torch.no_grad():
            output: ModelOutput = run.model(as_tensor(inputs[start : start + BATCH]), explain=True)
        assert output.interaction is not None and output.contributions is not None and output.bias is not None
        interaction.append(output.interaction.numpy())
        contribution.append(output.contributions.numpy())
        bias = output.bias.numpy()
        if progress is not None:
            progress(min(start + BATCH, len(inputs)), len(inputs))
    return {"interaction": np.concatenate(interaction), "contribution": np.concatenate(contribution), "bias": bias}


def centred(contributions: np.ndarray) -> np.ndarray:
    """Return contributions [..., C, C] less the mean of each column: softmax ignores what all logits share."""
    return np.asarray(contributions - contributions.mean(-2, keepdims=True))


def pattern_similarity(means: np.ndarray, quantity: Quantity) -> np.ndarray:
    """Return how alike the mean matrices of heads are: Pearson's correlation (centred cosine) over entries, [H, H].

    Args:
        means: [H, C, C].
        quantity: Contributions are centred by column first; see :func:`centred`.
    """
    rows = (centred(means) if quantity == "contribution" else means).reshape(len(means), -1)
    return label_correlation(rows.T)


def linear_cka(matrices: np.ndarray) -> np.ndarray:
    """Return how alike heads vary from image to image: linear CKA, float64 [H, H] in [0, 1].

    With X and Y what two heads do in each image, [N, C * C], less its mean: |X'Y|^2 / (|X'X| |Y'Y|), Frobenius norms.
    It is 1 for heads that are the same but for rotation and scale (Kornblith et al., 2019; the RV coefficient of
    Robert and Escoufier, 1976). A head that never varies has 0 with others.

    Args:
        matrices: [N, H, C, C].
    """
    count, heads = matrices.shape[:2]
    rows = matrices.reshape(count, heads, -1).astype(float)
    rows = rows - rows.mean(0)
    scale = rows.reshape(count, -1).std() or 1.0  # the ratio stays; squares of tiny numbers would not
    rows = rows / scale
    cross = np.array([[((rows[:, a].T @ rows[:, b]) ** 2).sum() for b in range(heads)] for a in range(heads)])
    norms = np.sqrt(np.diag(cross))
    product = norms[:, None] * norms
    found = np.divide(cross, product, out=np.zeros_like(cross), where=product > 0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found.clip(0, 1))


@dataclass(frozen=True)
class Importance:
    """What silencing heads changes.

    Attributes:
        measure: ``score`` where the truth is known, else ``kl``; the score loses and KL gains where a head matters.
        whole: Its value with every head.
        heads: Change of the measure without each head, with its 95 % interval over images.
        without: The same without any head.
    """

    measure: Literal["score", "kl"]
    whole: float
    heads: tuple[Interval, ...]
    without: Interval


def importance(run: Run, dataset: Dataset, matrices: SplitMatrices) -> Importance:
    """Silence each head over a split, after Michel, Levy & Neubig (2019); kept in the cache folder.

    Args:
        run: The run.
        dataset: Gives the truth or, where there is none, the votes.
        matrices: Of that run and that data set.
    """
    measure: Literal["score", "kl"] = "kl" if truth_of(dataset) is None else "score"
    found = kept(kept_file("importance", VERSION, run, dataset), lambda: _silence(run, dataset, matrices))
    *heads, without = (Interval(*bounds) for bounds in found["changes"].tolist())
    return Importance(measure, float(found["whole"][0]), tuple(heads), without)


def _silence(run: Run, dataset: Dataset, matrices: SplitMatrices) -> dict[str, np.ndarray]:
    """Return the measure with every head, [1], and what changes without each, and without all, [H + 1, 3]."""
    truth = truth_of(dataset)
    target = target_of(dataset) if truth is None else truth
    model = run.config.model
    assert isinstance(model, FisaConfig)

    def errors(lost: np.ndarray) -> np.ndarray:
        logits = torch.from_numpy((matrices.logits - lost).astype(float))
        return kl(target, normalised_output(logits, model.output)[1].numpy())

    given = matrices.contribution.sum(3)
    whole = errors(np.zeros_like(matrices.logits))
    # The score is 1 - KL / KL(constant), sums taken first; KL itself is over as many ones.
    below = np.ones(len(target)) if truth is None else -kl(target, oracles_of(dataset)["constant"])
    images = np.arange(len(target))

    lost = [*np.moveaxis(given, 1, 0), given.sum(1)]
    changes = [over_scenes(ratio(errors(each) - whole, below), images) for each in lost]
    value = whole.mean() if truth is None else 1 + whole.sum() / below.sum()
    return {"whole": np.array([value]), "changes": np.array([[each.value, each.low, each.high] for each in changes])}


def importance_table(found: Importance, similarity: np.ndarray) -> pd.DataFrame:
    """Return a row a head, from 1: ``change`` with ``low`` and ``high``, ``nearest`` head and its ``similarity``.

    Args:
        found: As :func:`importance` returns it.
        similarity: [H, H], such as :func:`linear_cka`; a head whose nearest is almost the same is redundant.
    """
    others = np.where(np.eye(len(similarity), dtype=bool), -np.inf, similarity)
    rows = []
    for head, each in enumerate(found.heads):
        alone = len(similarity) < 2
        nearest = None if alone else int(others[head].argmax()) + 1
        rows.append((each.value, each.low, each.high, nearest, float("nan") if alone else float(others[head].max())))
    columns = ["change", "low", "high", "nearest", "similarity"]
    return pd.DataFrame(rows, columns=columns, index=pd.RangeIndex(1, len(rows) + 1, name="head"))
