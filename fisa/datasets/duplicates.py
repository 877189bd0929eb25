"""Images that lie in a data set more than once: equal byte for byte, or alike to the eye."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

NEAR = 4
"""Perceptual hashes that differ in at most so many of 64 bits count as alike."""

_BANDS = NEAR + 1  # hashes that differ in at most NEAR bits agree in at least one of so many parts
_EDGES = [64 * band // _BANDS for band in range(_BANDS + 1)]


def equal_to(digests: np.ndarray) -> dict[int, int]:
    """Return each row whose content an earlier row has -> the first such row.

    Args:
        digests: Content digest of each image, str [N]; "" equals none.
    """
    first: dict[str, int] = {}
    pairs = ((row, first.setdefault(digest, row)) for row, digest in enumerate(digests) if digest)
    return {row: other for row, other in pairs if row != other}


def alike_to(looks: np.ndarray) -> dict[int, tuple[int, int]]:
    """Return each row that looks like an earlier one -> (the earlier row it is nearest to, bits that differ).

    Args:
        looks: Perceptual hash of each image, uint64 [N].
    """
    unique, first, place = np.unique(looks, return_index=True, return_inverse=True)
    found: dict[int, tuple[int, int]] = {
        row: (int(first[own]), 0) for row, own in enumerate(place) if first[own] != row
    }
    for one, other, bits in _near(unique):
        row, earlier = sorted((int(first[one]), int(first[other])), reverse=True)
        if row not in found or bits < found[row][1]:
            found[row] = (earlier, bits)
    return found


def _near(hashes: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield each pair of different hashes that is near, with its distance; a pair may come more than once."""
    for low, high in pairwise(_EDGES):
        band = (hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(band, kind="stable")
        keys, values = band[order], hashes[order]
        for step in range(1, len(hashes)):
            same = keys[step:] == keys[:-step]
            if not same.any():
                break
            bits = np.bitwise_count(values[step:] ^ values[:-step])
            for start in np.flatnonzero(same & (bits <= NEAR)):
                yield int(order[start]), int(order[start + step]), int(bits[start])
