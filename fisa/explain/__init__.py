"""Explanations: why a run predicts what it predicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from fisa.models import System
from fisa.records import Explanation, Prediction
from fisa.runs import Run, prediction_of


def explain(run: Run, image: np.ndarray, model: System | None = None) -> Explanation:
    """Explain one image.

    Args:
        run: A loaded run.
        image: uint8 RGB [height, width, 3], any size; the model sees it stretched to its square.
        model: Stands in for the run's own model (an edited one, say).
    """
    return _explain_at_once(run, [image], model)[0]


def explain_batch(run: Run, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Explanation]:
    """Explain several images, ``batch_size`` in one pass, which bounds the memory; see :func:`explain`."""
    starts = range(0, len(images), batch_size)
    return [each for start in starts for each in _explain_at_once(run, images[start : start + batch_size])]


def _explain_at_once(run: Run, images: Sequence[np.ndarray], model: System | None = None) -> list[Explanation]:
    output = run.output(images, model)
    predicted = prediction_of(run, [output])
    ratings = predicted.ratings

    def row(tensor: Tensor | None, index: int) -> np.ndarray | None:
        return None if tensor is None else tensor[index].numpy()

    return [
        Explanation(
            space=run.space,
            prediction=Prediction(
                run.space.labels,
                predicted.distribution[index : index + 1],
                None if ratings is None else ratings[index : index + 1],
            ),
            logits=output.logits[index].numpy(),
            bias=None if output.bias is None else output.bias.numpy(),
            attention=row(output.attention, index),
            null=row(output.null, index),
            effect=row(output.effect, index),
            interaction=row(output.interaction, index),
            contributions=row(output.contributions, index),
            receptive_field=run.provenance.get("receptive_field"),
            input_size=run.config.data.image_size,
            extras={name: values[index].numpy() for name, values in output.extras.items()},
        )
        for index in range(len(images))
    ]


__all__ = ["explain", "explain_batch"]
