"""How fast a system predicts, as a multiple of what cnn does on the same backbone, measured side by side."""

from __future__ import annotations

import numpy as np
import torch

from fisa.config import CnnConfig, FeaturesBackboneConfig, ModelConfig, MultimodalSequenceConfig, RunConfig
from fisa.datasets.sequences import Masked, SequenceInputs
from fisa.evaluation import Progress
from fisa.models import build_model
from fisa.models.inputs import as_input, as_tensor
from fisa.rounds import interleave
from fisa.runs import Run
from fisa.runs.files import dump_json, parse_json, read_bytes, write_whole
from fisa.studies.folder import StudyFolder
from fisa.studies.plan import Cell
from fisa.studies.results import SPEEDS

IMAGES = 32
STEPS = 8
"""Of a sequence."""
ROUNDS = 9


def relative_speed(run: Run) -> float:
    """Return images a second over those of cnn with the same backbone: the median of rounds in turn, one thread.

    A round repeats what is short, so that what else the machine does falls on both: see
    :func:`fisa.rounds.interleave`. Of a system of sequences the steps count, each with all that it can read; cnn gets
    as many images.
    """
    config, space = run.config, run.space
    cnn = CnnConfig(name="cnn", backbone=config.model.backbone)
    bare = build_model(cnn, space, pretrained=False, ratings=config.objective.ratings > 0).eval()
    pictures = _images(config)
    images, asked = as_tensor(pictures), as_input(_inputs(config.model, pictures))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            seconds = interleave(
                {"cnn": lambda: bare(images, explain=False), "own": lambda: run.model(asked, explain=False)}, ROUNDS
            )
    finally:
        torch.set_num_threads(threads)
    return float(np.median(seconds["cnn"] / seconds["own"]))


def measure_speeds(folder: StudyFolder, cells: list[Cell], progress: Progress | None = None) -> None:
    """Measure each system once, by its first finished cell, and keep it in ``speeds.json``."""
    file = folder.path / SPEEDS
    known: dict[str, float] = parse_json(read_bytes(file), file) if file.is_file() else {}
    first = {cell.system: cell.where for cell in reversed(cells) if folder.trained(cell.where)}
    new = [(system, where) for system, where in first.items() if system not in known]
    for number, (system, where) in enumerate(new):
        known[system] = relative_speed(folder.run(where))
        write_whole(file, dump_json(known).encode())
        if progress is not None:
            progress(number + 1, len(new))


def _images(config: RunConfig) -> np.ndarray:
    chance = np.random.default_rng(0)
    if isinstance(config.model.backbone, FeaturesBackboneConfig):
        return chance.normal(size=(IMAGES, config.model.backbone.dimensions)).astype(np.float32)
    return chance.integers(0, 256, (IMAGES, config.data.image_size, config.data.image_size, 3), dtype=np.uint8)


def _inputs(config: ModelConfig, images: np.ndarray) -> np.ndarray | SequenceInputs:
    """Return what a system gets in a round: the images, or as many steps of sequences with one of them each."""
    if not isinstance(config, MultimodalSequenceConfig):
        return images
    chance = np.random.default_rng(1)
    shape = (IMAGES // STEPS, STEPS)
    time = np.broadcast_to(np.arange(STEPS, dtype=np.float32), shape)

    def numbers(size: int) -> Masked:
        return Masked(chance.normal(size=(*shape, size)).astype(np.float32), np.ones(shape, bool))

    return SequenceInputs(
        exists=np.ones(shape, bool),
        time=time,
        frames=images if config.frames else None,
        places=np.arange(IMAGES).reshape(shape),
        vectors={name: numbers(size) for name, size in (("text", config.text), ("speech", config.speech)) if size},
        series={name: Masked(np.stack([time, numbers(1).values[..., 0]], -1), np.ones(shape, bool))
                for name in config.series},
    )  # fmt: skip
