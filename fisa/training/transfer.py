"""Beginning from the weights of another run."""

from __future__ import annotations

from typing import Any

from fisa.models import System
from fisa.runs import Run
from fisa.training.loop import TrainingError

BACKBONE = "backbone."


def initialise(model: System, source: Run) -> dict[str, Any]:
    """Give ``model`` every tensor of ``source`` whose name and shape fit; the backbone must fit as a whole.

    What another label space or width keeps from fitting stays as it was drawn.

    Returns:
        What provenance records: ``run``, ``digest``, and ``left``, the names of the tensors that were not taken over.

    Raises:
        TrainingError: The backbones differ.
        RunError: The weights of ``source`` cannot be read.
    """
    own, other = model.state_dict(), source.model.state_dict()
    taken = {name: tensor for name, tensor in other.items() if name in own and own[name].shape == tensor.shape}
    left = [name for name in own if name not in taken]
    strange = [name for name in (*left, *(other.keys() - taken.keys())) if name.startswith(BACKBONE)]
    if strange:
        raise TrainingError(
            f"{source.path}: its backbone is another one ({strange[0]} does not fit); "
            "take over its model.backbone, or leave --init-from away"
        )
    model.load_state_dict({**own, **taken})
    return {"run": source.name, "digest": source.digest, "left": left}
