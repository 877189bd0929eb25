"""Which mass must move where on the emotion wheel to turn one distribution into another at the least cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fisa.distances import rows_of_pair

Floats = NDArray[np.float64]


def wheel_transport(target: ArrayLike, predicted: ArrayLike, order: Sequence[int]) -> Floats:
    """Return an optimal coupling of true and predicted distributions around the wheel.

    The cost of mass is the steps that it goes; with D the CDF difference along ``order``, the optimum carries D_k - m
    over the edge behind the k-th emotion, m a median of D (Werman, Peleg, Melter & Kong 1986; Rabin, Delon & Gousseau
    2011, eq. 7). Where D_k = m nothing is carried, so that the wheel may be cut there, and on a line the coupling that
    crosses no mass is optimal. An even number of emotions has two such medians; ours is the mean of their couplings,
    which is optimal, too, and favours neither sense.

    Args:
        target: [N, C], distributions p.
        predicted: [N, C], distributions q.
        order: Columns in the order around the wheel (``EmotionSpace.wheel``).

    Returns:
        [N, C, C]; cell (i, j) is the mass that goes from emotion i of the target to j of the prediction. Rows sum to p,
        columns to q; the cost is C times ``circular_emd`` with r = 1.

    Raises:
        ValueError: Bad rows (see :mod:`fisa.distances`), or an order that does not name every column once.
    """
    p, q = rows_of_pair(target, predicted)
    count = p.shape[1]
    around = np.asarray(order)
    if not np.array_equal(np.sort(around), np.arange(count)):
        raise ValueError(f"order must name each of the {count} columns once, got {list(around)}")
    difference = np.cumsum(p[:, around] - q[:, around], axis=1)
    ranked = np.argsort(difference, axis=1, kind="stable")
    cuts = (ranked[:, (count - 1) // 2], ranked[:, count // 2])
    return sum((_cut_coupling(p, q, around, cut) for cut in cuts), np.zeros((len(p), count, count))) / len(cuts)


def _cut_coupling(p: Floats, q: Floats, around: NDArray[np.intp], cut: NDArray[np.intp]) -> Floats:
    """Return the coupling [N, C, C] that crosses no mass, on the wheel cut behind place ``cut`` [N]."""
    count = p.shape[1]
    columns = around[(cut[:, None] + 1 + np.arange(count)) % count]  # [N, C]
    ends = [np.cumsum(np.take_along_axis(rows, columns, 1), axis=1) for rows in (p, q)]
    starts = [np.concatenate([np.zeros((len(p), 1)), end[:, :-1]], axis=1) for end in ends]
    high = np.minimum(ends[0][:, :, None], ends[1][:, None, :])
    low = np.maximum(starts[0][:, :, None], starts[1][:, None, :])
    coupling = np.zeros((len(p), count, count))
    rows = np.arange(len(p))[:, None, None]
    coupling[rows, columns[:, :, None], columns[:, None, :]] = np.clip(high - low, 0, None)
    return coupling
