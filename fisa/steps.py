"""What is predicted of the steps of sequences: its measures, and the rows of what one can know of planted ones.

On planted sequences the truth is p, known for every step; elsewhere it is the target. Training sees targets alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fisa.datasets.planted.oracles import truth_of
from fisa.datasets.planted.sequences.oracles import fit_sequence_ladder
from fisa.datasets.sequences import SequenceSet
from fisa.distances import kl
from fisa.records import MetricRow
from fisa.sequence_measures import evaluate_arrivals, evaluate_steps, fine_labels, separation


def is_planted(dataset: SequenceSet) -> bool:
    """Whether the truth of a set is known."""
    return f"truth_{dataset.space.labels[0]}" in dataset.manifest


def known_of(dataset: SequenceSet) -> np.ndarray:
    """Return what predictions of a set are measured by, [M, C]: the truth where it is planted, else the target."""
    if is_planted(dataset):
        return truth_of(dataset.manifest)
    return dataset.manifest[list(dataset.space.labels)].to_numpy(float)


def summarise_steps(dataset: SequenceSet, predicted: np.ndarray) -> dict[str, Any]:
    """Return what ``metrics.json`` holds of sequences beyond what all runs have.

    Args:
        dataset: N sequences of M steps.
        predicted: [M, 2 C + 1]: distribution, emotion vector and number of the fine label of each step.

    Returns:
        ``steps`` M; ``score`` and ``kl_truth`` of planted sequences, else None; ``measures``, of
        ``fisa.sequence_measures.SEQUENCE_METRICS``.
    """
    known, count = known_of(dataset), len(dataset.space)
    distribution, vectors = predicted[:, :count], predicted[:, count : 2 * count]
    fine = fine_labels(known.argmax(1), dataset.lengths, dataset.space.polarity)
    planted = is_planted(dataset)
    return {
        "steps": len(known),
        "score": fit_sequence_ladder(dataset.name).score(known, distribution) if planted else None,
        "kl_truth": float(kl(known, distribution).mean()) if planted else None,
        "measures": {
            **evaluate_steps(known, distribution, dataset.lengths),
            **evaluate_arrivals(fine, np.rint(predicted[:, -1]).astype(np.int64)),
            "separation": separation(known, vectors),
        },
    }


def step_oracles(dataset: SequenceSet) -> list[MetricRow]:
    """Return the rows of what one can know of planted sequences, weakest first; none of others.

    Their fine labels follow from their emotions; they have no emotion vectors.
    """
    if not is_planted(dataset):
        return []
    known, lengths, polarity = known_of(dataset), dataset.lengths, dataset.space.polarity
    ladder = fit_sequence_ladder(dataset.name)
    fine = fine_labels(known.argmax(1), lengths, polarity)
    rows = []
    for rung, distribution in ladder.predict(dataset.manifest).items():
        values = {
            "score": ladder.score(known, distribution),
            **evaluate_steps(known, distribution, lengths),
            **evaluate_arrivals(fine, fine_labels(distribution.argmax(1), lengths, polarity)),
        }
        rows.append(MetricRow(rung, "oracle", values))
    return rows
