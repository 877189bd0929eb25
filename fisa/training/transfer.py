"""Beginning from the weights of another run, which may predict other labels, or from the mean of several.

What does not depend on the labels is taken over whole. Of a weight with an entry for each label (final layers, label
embeddings, trained priors) the entries of labels that are the same under another name are taken over
(``fisa.label_maps.counterparts``), and the others begin as they were drawn. What is computed from the labels and not
trained (a graph of the training labels, a fixed prior, remembered targets) is that of the new data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fisa.config import ModelConfig
from fisa.emotions import EmotionSpace
from fisa.label_maps import counterparts
from fisa.models import MODELS, System
from fisa.runs import Run
from fisa.training.loop import TrainingError

BACKBONE = "backbone."


def initialise(model: System, sources: Sequence[Run], config: ModelConfig, space: EmotionSpace) -> dict[str, Any]:
    """Give ``model`` every tensor of a run whose name and shape fit; its backbone must be taken over as a whole.

    What another label space or width keeps from fitting stays as it was drawn, and so does what ``model`` has beyond.
    What its configuration fixes, such as a null logit or a prior that is not trained, is what that says, and what is
    computed from labels and not trained, such as a graph of the training labels, is that of the new data.

    Of several runs it takes the mean of their weights (Wortsman et al. 2022, "Model soups", the uniform one), which
    serves where one began with the weights of another, or all with the same. Deviation: they may differ in objective
    and length as well as in seed and rates, and the means of a batch normalisation's statistics, which are not those of
    the mean weights, are left to the training that follows.

    Args:
        model: Freshly built.
        sources: The runs to begin with, at least one; where there are more, of the same labels and tensors.
        config: What ``model`` was built from.
        space: Labels of ``model``.

    Returns:
        What provenance records: ``run`` and ``digest`` of the first; ``mean_with``, those of the others, if there are;
        ``left``, the names of the tensors that were not taken over; where the labels differ, ``mapped``, the names of
        those taken over label by label, and ``labels``, for each label the one there that it continues, or None.

    Raises:
        TrainingError: A part of the backbone finds no place, or the runs have no mean.
        RunError: The weights of a run cannot be read.
    """
    source = sources[0]
    by_label = label_axes(model, config, space)
    fixed = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    fixed |= by_label.keys() - dict(model.named_parameters()).keys()
    own, other = model.state_dict(), _mean(sources)
    other = {name: tensor for name, tensor in other.items() if name not in fixed}
    axes = {} if space == source.space else by_label
    taken = {
        name: tensor
        for name, tensor in other.items()
        if name in own and name not in axes and own[name].shape == tensor.shape
    }
    trained = {name: axes[name] for name, _ in model.named_parameters() if axes.get(name)}
    mapped = _by_label(own, other, trained, source.space, space)
    left = [name for name in own if name not in taken and name not in mapped]
    # What it adds to a backbone that is there as a whole may be new, such as a finer map.
    strange = sorted(name for name in other.keys() - taken.keys() - mapped.keys() if name.startswith(BACKBONE))
    if strange:
        raise TrainingError(
            f"{source.path}: its backbone is another one ({strange[0]} does not fit); "
            "take over its model.backbone, or leave --init-from away"
        )
    model.load_state_dict({**own, **taken, **mapped})
    told: dict[str, Any] = {"run": source.name, "digest": source.digest, "left": left}
    if len(sources) > 1:
        told["mean_with"] = [{"run": run.name, "digest": run.digest} for run in sources[1:]]
    if space != source.space:
        continued = counterparts(source.space, space)
        told |= {"mapped": list(mapped), "labels": {label: continued.get(label) for label in space.labels}}
    return told


def _mean(runs: Sequence[Run]) -> dict[str, Tensor]:
    """Return the mean of the tensors of ``runs``; what is counted, not measured, is that of the first."""
    first, *others = runs
    own = first.model.state_dict()
    states = [own]
    for run in others:
        states.append(state := run.model.state_dict())
        strange = [name for name in own.keys() | state.keys() if not _alike(own.get(name), state.get(name))]
        if run.space != first.space or strange:
            which = f"{min(strange)} differs" if strange else "its labels differ"
            raise TrainingError(
                f"{run.path}: has no mean of weights with {first.path} ({which}); "
                "give --init-from once, or runs of the same labels and model"
            )
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if tensor.is_floating_point() else tensor
        for name, tensor in own.items()
    }


def _alike(tensor: Tensor | None, other: Tensor | None) -> bool:
    return tensor is not None and other is not None and tensor.shape == other.shape


def label_axes(model: System, config: ModelConfig, space: EmotionSpace) -> dict[str, tuple[int, ...]]:
    """Return which axes of which tensors of ``model`` count its labels.

    They are found by building the same system for one label more: a tensor that is of another shape then depends on the
    labels. Where an axis counts labels and something else at once, no axis of the tensor is named.

    Args:
        model: Built from ``config`` for the labels of ``space``.
        config: As there.
        space: As there.
    """
    more = _probe(len(space) + 1)
    with torch.random.fork_rng(devices=[]):
        others = MODELS[config.name](config, more, model.backbone).state_dict()
    axes: dict[str, tuple[int, ...]] = {}
    for name, tensor in model.state_dict().items():
        if name not in others or tensor.dim() != others[name].dim():  # ratings, or nothing without labels
            continue
        sizes = list(zip(tensor.shape, others[name].shape, strict=True))
        changed = [axis for axis, (size, other) in enumerate(sizes) if size != other]
        if changed:
            exact = all(sizes[axis] == (len(space), len(more)) for axis in changed)
            axes[name] = tuple(changed) if exact else ()
    return axes


def _probe(count: int) -> EmotionSpace:
    """Return a space of ``count`` labels that any system takes: with a wheel, half of it positive."""
    names = tuple(map(str, range(count)))
    signs = tuple(1 if place < count // 2 else -1 for place in range(count))
    return EmotionSpace("probe", names, signs, tuple(range(count)), ("#000000",) * count, ("circle",) * count)


def _by_label(
    own: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
    axes: Mapping[str, tuple[int, ...]],
    source: EmotionSpace,
    space: EmotionSpace,
) -> dict[str, Tensor]:
    """Return those of ``own``, whose ``axes`` count labels, that ``other`` has, with the entries that correspond."""
    pairs = counterparts(source, space)
    to, origin = [space.index(label) for label in pairs], [source.index(label) for label in pairs.values()]
    mapped: dict[str, Tensor] = {}
    for name, places in axes.items():
        expected = [len(source) if axis in places else size for axis, size in enumerate(own[name].shape)]
        if pairs and name in other and list(other[name].shape) == expected:
            here, there = (
                np.ix_(*(chosen if axis in places else range(size) for axis, size in enumerate(own[name].shape)))
                for chosen in (to, origin)
            )
            mapped[name] = own[name].clone()
            mapped[name][here] = other[name][there]
    return mapped
