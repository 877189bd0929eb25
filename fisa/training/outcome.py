"""What a run folder is to hold, once a model has its weights: trained here, or brought from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from fisa.config import RunConfig
from fisa.datasets import Dataset, Photographs
from fisa.datasets.sequences import inputs_of
from fisa.evaluation import Progress, predict_packed, prediction_frame, summarise, target_of
from fisa.models import System, build_model
from fisa.objectives import build_objective
from fisa.runs import NewRun, Run, RunError, refuse_existing, save_run
from fisa.runs.files import digest_of, parse_tensors, read_bytes, reason_of
from fisa.runs.format import check_state
from fisa.tasks import TASKS, check_data, open_data, space_of

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which others keep a state dict among more."""

PREFIXES = ("module.", "_orig_mod.")
"""What data parallelism and torch.compile put before every name."""


def measured(
    config: RunConfig,
    model: System,
    splits: Mapping[str, Dataset],
    history: pd.DataFrame,
    told: Mapping[str, Any],
    progress: Progress | None = None,
) -> NewRun:
    """Measure ``model`` on the test split, and put together what its run folder holds.

    Args:
        config: That of the model.
        model: With its final weights.
        splits: Train, validation and test.
        history: One row an epoch.
        told: For provenance, beside what is known of every model.
        progress: Called while images are drawn or decoded.
    """
    test, task = splits["test"], TASKS[config.task]
    predicted = predict_packed(model.eval(), inputs_of(test, config.data.image_size, progress), task=task)
    return NewRun(
        config=config,
        space=space_of(config, test),
        state=model.state_dict(),
        history=history,
        metrics=summarise(test, predicted, task, task.constant(splits["train"])),
        predictions=prediction_frame(test, predicted, task),
        provenance={
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "receptive_field": model.backbone.receptive_field,
            **told,
        },
        splits=None if config.data.root is None else splits_told(splits),
    )


def import_state(file: Path, config: RunConfig, path: Path, progress: Progress | None = None) -> Run:
    """Make a run of weights that were trained elsewhere: check that they fit, test them once, write the folder.

    Args:
        file: A state dict as safetensors, or as ``torch.save`` writes it, read with ``weights_only``; also below one of
            the keys ``WRAPPERS``, and with one of the prefixes ``PREFIXES``.
        config: The model they belong to, and the data to test it on.
        path: The run folder to be; must not exist.
        progress: Called while images are drawn or decoded.

    Raises:
        RunError: ``file`` cannot be read or does not fit, which is said tensor by tensor; or ``path`` cannot be made.
        DataError: The data cannot be opened.
    """
    refuse_existing(path)
    content = read_bytes(file)
    splits = open_data(config, progress=progress)
    test = splits["test"]
    check_data(config, test)
    space = space_of(config, test)
    model = build_model(config.model, space, pretrained=False, ratings=config.objective.ratings > 0)
    state = _as_stored_by(model, read_state(content, file))
    check_state(state, model, file)
    model.load_state_dict(state)
    objective = build_objective(config.objective, target_of(splits["train"], space).sum(0), space)
    told = {
        "origin": "imported",
        "source": {"file": file.name, "sha256": digest_of(content)},
        "data": data_told(test, splits),
        "vote_order": objective.order.tolist(),
    }
    history = pd.DataFrame(columns=list(TASKS[config.task].history))
    return save_run(path, measured(config, model, splits, history, told, progress))


def data_told(test: Dataset, splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return what provenance says of the data: name, version of the test split, versions and images of all, and rest.

    ``left_out`` says which rows of the list are in no split, and how many.
    """
    return {
        "name": test.name,
        "version": test.version,
        "versions": {name: split.version for name, split in splits.items()},
        "images": {name: len(split) for name, split in splits.items()},
        "left_out": test.left_out if isinstance(test, Photographs) else {},
    }


def splits_told(splits: Mapping[str, Dataset]) -> pd.DataFrame:
    """Return which image, or sequence, is in which split: id, split."""
    parts = [split.manifest[["id"]].drop_duplicates().assign(split=name) for name, split in splits.items()]
    return pd.concat(parts, ignore_index=True)


def read_state(content: bytes, file: Path) -> dict[str, Tensor]:
    """Read a state dict without running any code that may hide in it.

    Raises:
        RunError: It is none.
    """
    if file.suffix == ".safetensors":
        state: Any = parse_tensors(content, file)
    else:
        try:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a broken or a hostile file
            raise RunError(f"{file}: cannot be read as a state dict of tensors alone ({reason_of(error)})") from None
    for wrapper in WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise RunError(f"{file}: holds no state dict, which is a dictionary of names and tensors")
    named = {str(name): value for name, value in state.items()}
    while all(name.startswith(PREFIXES) for name in named):
        named = {name.partition(".")[2]: value for name, value in named.items()}
    return named


def _as_stored_by(model: System, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn numbers of another precision into those of ``model``."""
    own = model.state_dict()
    return {
        name: value.to(own[name].dtype)
        if name in own and value.is_floating_point() and own[name].is_floating_point()
        else value
        for name, value in state.items()
    }
