"""Deletion and insertion: how soon does a target fall when places go in the order of an attribution?

After Petsiuk, Das & Saenko (2018). The image is parted into cells. Deletion replaces ever more of them by a fill, the
most important first; insertion starts from the fill and brings them back. The area under the curve of the gauged logit
is set between that of random orders (0) and that of the oracle's (1), which spreads the model's own change for every
planted emotion evenly over its motifs. The oracle knows motifs and not pixels, so that a method may pass it. Of an
image whose truth nobody knows there are the curves alone, beside those of random orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fisa.evaluation import Progress
from fisa.explain.baselines import Baseline, baseline_of
from fisa.explain.counterfactuals import BATCH, Answer, Family
from fisa.explain.faithfulness import gauged_target, spread_out
from fisa.explain.resampling import over_scenes, ratio
from fisa.explain.targets import Question, Target
from fisa.images import to_square
from fisa.models.inputs import as_tensor
from fisa.records import Interval
from fisa.runs import Run

CELLS = 16
"""Cells a side, at most; fewer for images of fewer pixels."""

STEPS = 10
"""Parts of the image that go one after the other."""

RANDOM_ORDERS = 4
FILLS: tuple[Baseline, ...] = ("blur", "mean")


@dataclass(frozen=True, eq=False)
class Curves:
    """What becomes of a target while cells go and come in one order.

    Attributes:
        shares: Of the image that were replaced, or brought back, [STEPS + 1] from 0 to 1.
        deletion: The target at each share, [STEPS + 1]: from the image to the fill.
        insertion: The same from the fill to the image.
    """

    shares: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Subject:
    """A scene, one emotion that it shows, and the order of its cells by each method: ``orders`` name to [cells]."""

    family: Family
    emotion: int
    orders: Mapping[str, NDArray[np.intp]]


def subject(family: Family, answer: Answer, emotion: int, maps: Mapping[str, np.ndarray], seed: int) -> Subject:
    """Order the cells of a scene by attributions [h, w] of one emotion, by the oracle and at random."""
    cells, size = cells_of(len(family.ids)), len(family.ids)
    sums = {name: _by_cell(spread_out(values, size), cells) for name, values in maps.items()}
    place = answer.change(family)[emotion]
    density = np.zeros((size, size))
    for source, change in zip(family.present, place, strict=True):
        mask = family.mask(source)
        density[mask] = change / mask.sum()
    sums["oracle"] = _by_cell(density, cells)
    random = np.random.default_rng(seed)
    orders = {name: np.argsort(-amounts, kind="stable") for name, amounts in sums.items()}
    orders |= {f"random {number}": random.permutation(cells.max() + 1) for number in range(RANDOM_ORDERS)}
    return Subject(family, emotion, orders)


def cells_of(size: int) -> NDArray[np.intp]:
    """Return the number of the cell that each pixel lies in, [S, S]; cells differ in size where S is no multiple."""
    line = np.arange(size) * min(CELLS, size) // size
    return np.asarray(line[:, None] * (line[-1] + 1) + line[None, :])


def _by_cell(values: np.ndarray, cells: NDArray[np.intp]) -> np.ndarray:
    """Return the mean of a map over each cell: a cell is ranked by what a pixel of it is worth."""
    return np.bincount(cells.ravel(), values.ravel()) / np.bincount(cells.ravel())


def areas(run: Run, one: Subject, fill: Baseline) -> dict[str, tuple[float, float]]:
    """Return the mean gauged logit along deletion and along insertion by each order.

    Args:
        run: A loaded run.
        one: Its scene and orders.
        fill: What takes the place of a cell.
    """
    image = as_tensor(one.family.image[None])
    question = Question([gauged_target(one.family, one.emotion)], len(run.space))
    values = _along(run, image, one.orders, fill, question, _counts(image)[1:-1]).mean(-1)
    return {name: (float(down), float(up)) for name, (down, up) in zip(one.orders, values, strict=True)}


def curves(
    run: Run,
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    target: Target,
    truth: np.ndarray | None = None,
    fill: Baseline = "blur",
    seed: int = 0,
) -> dict[str, Curves]:
    """Return how a target goes along with each attribution's order of the cells of one image.

    Args:
        run: A loaded run.
        image: uint8 RGB [height, width, 3], any size; the model sees it stretched to its square.
        maps: Name -> attribution of ``target``, [h, w].
        target: What the attributions are of.
        truth: [C], for the target ``kl``.
        fill: What takes the place of a cell.
        seed: Of the random orders.

    Returns:
        For each name, and for ``random``, the mean over ``RANDOM_ORDERS`` orders.
    """
    size = run.config.data.image_size
    inputs = as_tensor(to_square(image, size)[None])
    cells = cells_of(size)
    orders = {
        name: np.argsort(-_by_cell(spread_out(values, size), cells), kind="stable") for name, values in maps.items()
    }
    generator = np.random.default_rng(seed)
    chance = {f"random {number}": generator.permutation(cells.max() + 1) for number in range(RANDOM_ORDERS)}
    question = Question([target], len(run.space), None if truth is None else truth[None])
    counts = _counts(inputs)
    values = _along(run, inputs, {**orders, **chance}, fill, question, counts).numpy()
    named = {**dict(zip(orders, values, strict=False)), "random": values[len(orders) :].mean(0)}
    shares = counts.numpy() / counts[-1].item()
    return {name: Curves(shares, deletion, insertion) for name, (deletion, insertion) in named.items()}


def _counts(image: Tensor) -> Tensor:
    """Return how many cells are gone at each step, [STEPS + 1], of an image [1, 3, S, S]."""
    return torch.linspace(0, int(cells_of(image.shape[-1]).max()) + 1, STEPS + 1).round().long()


def _along(
    run: Run, image: Tensor, orders: Mapping[str, NDArray[np.intp]], fill: Baseline, question: Question, counts: Tensor
) -> Tensor:
    """Return the target [orders, 2, steps] with so many cells deleted, and inserted, in each order."""
    cells = torch.from_numpy(cells_of(image.shape[-1]))
    filled = baseline_of(image, fill)
    variants = []
    for order in orders.values():
        rank = torch.from_numpy(np.argsort(order))[cells]
        gone = rank < counts[:, None, None]  # [steps, S, S]
        variants += [_mixed(image, filled, gone), _mixed(filled, image, gone)]
    return _values(run, torch.cat(variants), question).reshape(len(orders), 2, -1)


def _mixed(image: Tensor, other: Tensor, gone: Tensor) -> Tensor:
    return torch.where(gone[:, None], other, image)


def _values(run: Run, images: Tensor, question: Question) -> Tensor:
    found = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            output = run.model(images[start : start + BATCH], explain=question.kind == "interaction")
            found.append(question(output, torch.zeros(len(output.logits), dtype=torch.long)))
    return torch.cat(found).double()


def grade_deletion(
    run: Run, subjects: Sequence[Subject], progress: Progress | None = None
) -> dict[tuple[str, str, str], Interval]:
    """Grade orders by deletion and insertion.

    Args:
        run: A loaded run.
        subjects: Scenes with the same orders.
        progress: Called with (scenes done, scenes).

    Returns:
        For each (``deletion`` or ``insertion``, fill, method): (random - method) / (random - oracle), sums over scenes,
        with its interval: 0 like a random order, 1 like the oracle's.
    """
    table: dict[tuple[str, str, str], list[float]] = {}
    for number, one in enumerate(subjects):
        for fill in FILLS:
            for name, both in areas(run, one, fill).items():
                kind = "random" if name.startswith("random ") else name
                for way, value in zip(("deletion", "insertion"), both, strict=True):
                    table.setdefault((way, fill, kind), []).append(value)
        if progress is not None:
            progress(number + 1, len(subjects))
    grades = {}
    for key, values in table.items():
        if key[2] in ("random", "oracle"):
            continue
        chance = np.reshape(table[(*key[:2], "random")], (len(subjects), RANDOM_ORDERS)).mean(1)
        gain, most = chance - values, chance - table[(*key[:2], "oracle")]
        grades[key] = over_scenes(ratio(gain, most), np.arange(len(subjects)))
    return grades
