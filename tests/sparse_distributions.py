"""All measures between distributions, and distributions as votes give them, for their tests."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fisa import distances

DISTANCES = [
    distances.kl,
    distances.chebyshev,
    distances.clark,
    distances.clark_scaled,
    distances.canberra,
    distances.canberra_scaled,
    distances.emd,
    distances.wasserstein1,
    distances.circular_emd,
    distances.entropy_error,
]
SIMILARITIES = [distances.cosine, distances.intersection, distances.accuracy, distances.accuracy_strict]
MEASURES = [*DISTANCES, *SIMILARITIES, distances.log_likelihood]


def by_name(measure):
    return measure.__name__


@st.composite
def votes(draw, rows=3, classes=None):
    """Distributions as votes give them: sparse, with zeros, ties and one-hot rows."""
    columns = classes or draw(st.integers(1, 8))
    counts = draw(arrays(np.int64, (rows, columns), elements=st.integers(0, 4)))
    counts[counts.sum(axis=1) == 0, draw(st.integers(0, columns - 1))] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@st.composite
def pairs(draw):
    classes = draw(st.integers(1, 8))
    return draw(votes(classes=classes)), draw(votes(classes=classes))
