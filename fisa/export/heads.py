"""What the heads of a run do over a whole split, as tables and figures for print.

Shapes: H heads, C emotions. Rows of matrices receive, columns give.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.emotions import EmotionSpace
from fisa.explain.heads import Importance, importance_table
from fisa.explain.pairs import OF_LABELS, kinship
from fisa.figures import paper
from fisa.figures.checks import checked, wheel_order

LEARNED = (
    "learned contributions are means over the images that hold both emotions, less what the column gives to absent "
    "emotions; a pair without such an image is drawn as 0 and counted nowhere"
)
"""What :func:`fisa.explain.pairs.learned_effects` returns, for the provenance of what is made of it."""

_CHANGES = {"score": "change of the score", "kl": "change of the KL in nats"}


def means_table(means: Mapping[str, np.ndarray], space: EmotionSpace) -> pd.DataFrame:
    """Return mean matrices in long form: ``value`` by head, emotion that receives and emotion that gives.

    Args:
        means: Name of a head, such as "1" or "all" -> float [C, C].
        space: Label space of C emotions, which stand in wheel order.

    Raises:
        FigureError: Another shape, or a value that is not finite.
    """
    cells = {head: checked(values, (len(space), len(space)), "matrix") for head, values in means.items()}
    return pd.concat({head: _long(each, space) for head, each in cells.items()}, names=["head"]).to_frame("value")


def likeness_table(values: np.ndarray) -> pd.DataFrame:
    """Return how alike heads are, [H, H], with their numbers from 1 on."""
    numbers = pd.RangeIndex(1, len(values) + 1, name="head")
    return pd.DataFrame(values, index=numbers, columns=numbers.rename(None))


def importance_numbers(found: Importance, similarity: np.ndarray) -> pd.DataFrame:
    """Return :func:`fisa.explain.heads.importance_table` with a last row ``all``: what changes without any head."""
    every = {"change": [found.without.value], "low": [found.without.low], "high": [found.without.high]}
    table = pd.concat([importance_table(found, similarity), pd.DataFrame(every, index=["all"])])
    return table.astype({"nearest": "Int64"}).rename_axis("head")


def importance_figure(found: Importance, width: paper.Width) -> Figure:
    """Print what changes without each head and without any, with intervals."""
    each = [*found.heads, found.without]
    names = [*(f"without head {head}" for head in range(1, len(found.heads) + 1)), "without any head"]
    value, low, high = (np.array([getattr(one, part) for one in each]) for part in ("value", "low", "high"))
    # Where nothing varies, the ends of an interval are its value but for rounding, on either side.
    low, high = np.minimum(low, value), np.maximum(high, value)
    return paper.forest(names, value, low, high, f"{_CHANGES[found.measure]}, 95 % intervals", width)


def pairs_table(learned: np.ndarray, known: Mapping[str, np.ndarray], space: EmotionSpace) -> pd.DataFrame:
    """Return learned contributions in long form beside what else is known of pairs, by who receives and who gives.

    Args:
        learned: float [C, C], NaN where no image holds both; see :func:`fisa.explain.pairs.learned_effects`.
        known: Name -> float [C, C]; see :func:`fisa.explain.pairs.known_of_pairs`.
        space: Label space of C emotions, which stand in wheel order.
    """
    columns = {"learned contribution": learned, **known}
    return pd.DataFrame({name: _long(values, space) for name, values in columns.items()})


def kinship_table(learned: np.ndarray, known: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return how learned contributions go with what else is known, a row each: ``pearson``, ``spearman``, ``pairs``."""
    found = {name: kinship(learned, values) for name, values in known.items()}
    rows = {name: (each.pearson, each.spearman, each.n) for name, each in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["pearson", "spearman", "pairs"])
    return table.rename_axis("beside")


def origin_of(known: str) -> str:
    """Say where what is known of pairs comes from, by its name in :func:`fisa.explain.pairs.known_of_pairs`."""
    return f"{known}: {'of the labels of the training split' if known in OF_LABELS else 'by definition'}"


def _long(values: np.ndarray, space: EmotionSpace) -> pd.Series[float]:
    order = wheel_order(space)
    labels = [space.labels[column] for column in order]
    index = pd.MultiIndex.from_product([labels, labels], names=["receives", "gives"])
    return pd.Series(np.asarray(values, dtype=float)[np.ix_(order, order)].ravel(), index=index)
