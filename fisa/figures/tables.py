"""Table twins of the figures: the same numbers for screen readers, keyboards and export, in the person's language."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fisa.emotions import EmotionSpace
from fisa.figures.checks import checked, checked_distributions, wheel_order
from fisa.figures.theme import called
from fisa.language import tr


def distribution_table(space: EmotionSpace, distributions: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the distributions side by side, the twin of ``wheel`` and ``distribution_bars``.

    Args:
        space: Label space of C emotions.
        distributions: Name -> description degrees, float [C], each summing to 1.

    Returns:
        One row an emotion in wheel order, index ``emotion``; one column a name; and with two or more
        names ``gap``: the second minus the first (truth first means predicted minus truth), in [-1, 1].

    Raises:
        FigureError: One of them is not a distribution over ``space``.
    """
    rows = checked_distributions(space, distributions)
    order = wheel_order(space)
    index = pd.Index([space.names[i] for i in order], name=tr("emotion"))
    table = pd.DataFrame({called(name): row[order] for name, row in rows.items()}, index=index)
    if len(rows) >= 2:
        first, second, *_ = rows.values()
        table[tr("gap")] = (second - first)[order]
    return table


def matrix_table(values: np.ndarray, space: EmotionSpace) -> pd.DataFrame:
    """Return a matrix with its labels, the twin of ``matrix``.

    Args:
        values: float [C, C]; row i receives from column j.
        space: Label space of C emotions.

    Returns:
        Rows (index ``receives``) and columns (``gives``) in wheel order.

    Raises:
        FigureError: Another shape, or a value that is not finite.
    """
    cells = checked(values, (len(space), len(space)), "matrix")
    order = wheel_order(space)
    names = [space.names[i] for i in order]
    return pd.DataFrame(
        cells[np.ix_(order, order)],
        index=pd.Index(names, name=tr("receives")),
        columns=pd.Index(names, name=tr("gives")),
    )
