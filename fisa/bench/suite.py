"""The benches: which calls are timed against which, and what each may cost at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.benchmark import set_torch_threads

from fisa.bench.data import bench_data
from fisa.bench.memory import peak
from fisa.bench.projection import bench_map
from fisa.bench.report import Report
from fisa.bench.subjects import Settings, photographs, pictures, training, untrained_runs
from fisa.datasets.planted import draw_scene
from fisa.decoding import decode_squares, default_workers
from fisa.explain import explain
from fisa.explain.counterfactuals import answers, draw_families
from fisa.images import normalise
from fisa.models import Fisa
from fisa.models.interaction import compute_effect, mix
from fisa.prediction import predict_files
from fisa.rounds import Cost, cost, interleave
from fisa.runs import Run

Progress = Callable[[int, int], None]
Bench = Callable[[Settings, Progress | None], Iterator[Cost]]

LABELS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Numbers of emotions for which the interaction is timed, with four samples, eight heads of width 8."""
MEMORY_ROUNDS = 3
GRADED = 16
"""Scenes of the bench of grades, some sixty images."""
PIPELINE_ROUNDS = 5


def bench_predict(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """Files to rows: beside the bare network, and beside the slower of decoding and model alone."""
    with untrained_runs(settings) as runs, photographs(10 * settings.images) as folder:
        few = [folder / f"{number}.jpg" for number in range(settings.images)]
        calls: dict[str, Callable[[], object]] = {
            system: partial(_exhaust, partial(_predict, run, few, settings, 0)) for system, run in runs.items()
        }
        seconds = interleave(calls, settings.rounds, progress)
        what = "predict, decoding included, one process: FISA over bare (at least 0.8 of its images a second)"
        yield cost("predict.files", what, seconds["fisa"], seconds["bare"], 1 / 0.8)

        run, workers = runs["fisa"], max(default_workers(), 1)
        many = [folder / f"{number}.jpg" for number in range(10 * settings.images)]
        squares = pictures(len(many), settings.image_size)
        seconds = interleave(
            {
                "both": partial(_exhaust, partial(_predict, run, many, settings, workers)),
                "decoding": partial(_exhaust, partial(decode_squares, many, settings.image_size, workers)),
                "model": partial(run.predict, squares, settings.batch_size),
            },
            min(settings.rounds, PIPELINE_ROUNDS),
            progress,
        )
        slower = np.maximum(seconds["decoding"], seconds["model"])
        what = f"predict, {workers} decoding: over the slower of decoding and model alone (at least 0.9 of its speed)"
        yield cost("predict.pipeline", what, seconds["both"], slower, 1 / 0.9)


def bench_model(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """A batch through the model: beside the bare network, and the part of the interaction in it."""
    with untrained_runs(settings) as runs:
        squares = pictures(settings.batch_size, settings.image_size)
        model, bare = runs["fisa"].model, runs["bare"].model
        images = torch.from_numpy(normalise(np.stack(squares))).to(memory_format=torch.channels_last)
        assert isinstance(model, Fisa)
        with torch.inference_mode():
            features = model.semantic(model.backbone(images))
            calls: dict[str, Callable[[], object]] = {
                "fisa": partial(model, images, explain=False),
                "bare": partial(bare, images, explain=False),
                "interaction": partial(model.interact, features, explain=False),
            }
            seconds = interleave(calls, settings.rounds, progress)
        yield cost("model.batch", "one batch through the model: FISA over bare", seconds["fisa"], seconds["bare"])
        what = "interaction and readout alone, over the whole model"
        yield cost("model.interaction", what, seconds["interaction"], seconds["fisa"], 0.1)


def bench_explain(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """An explanation of one image beside its prediction."""
    with untrained_runs(settings) as runs:
        (image,) = pictures(1, settings.image_size)
        run = runs["fisa"]
        calls: dict[str, Callable[[], object]] = {
            "explain": partial(explain, run, image),
            "predict": partial(run.predict, [image]),
        }
        seconds = interleave(calls, settings.rounds, progress)
        what = "explanation of one image, over its prediction"
        yield cost("explain.one", what, seconds["explain"], seconds["predict"], 1.3)


def bench_grade(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """The explanations that a grade takes, many scenes in a batch, beside as many separate explanations."""
    with untrained_runs(settings) as runs:
        run = runs["fisa"]
        families = draw_families(draw_scene, GRADED, settings.image_size)
        images = [image for family in families for image in (family.image, *family.without)]
        calls: dict[str, Callable[[], object]] = {
            "grade": partial(_exhaust, partial(answers, run, families)),
            "explain": partial(_exhaust, partial(map, partial(explain, run), images)),
        }
        seconds = interleave(calls, settings.rounds, progress)
        what = f"explaining {GRADED} drawn scenes and their counterfactuals for a grade, over one image at a time"
        yield cost("grade.scenes", what, seconds["grade"], seconds["explain"], 1 / 3)


def bench_train(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """A training step, forward to optimiser, beside the bare network's."""
    calls = {}
    for system in ("fisa", "bare"):
        loop, batch = training(settings, system)
        calls[system] = partial(loop.step, 0, batch)
    seconds = interleave(calls, settings.rounds, progress)
    yield cost("train.step", "training step: FISA over bare", seconds["fisa"], seconds["bare"], 1.3)


def bench_interaction(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """Mixing the values beside mixing them by the matrices, forward and backward, for 8 to 1,024 emotions."""
    generator = torch.Generator().manual_seed(0)
    for number, classes in enumerate(LABELS):
        draws = [torch.randn(4, 8, classes, 8, generator=generator, requires_grad=True) for _ in range(3)]
        calls = {"mix": partial(_there_and_back, mix, draws), "matrices": partial(_there_and_back, _by_matrices, draws)}
        seconds = interleave(calls, settings.rounds)
        if progress is not None:
            progress(number + 1, len(LABELS))
        what = f"interaction of {classes} emotions, gradients included: as it is chosen, over by the matrices"
        yield cost(f"interaction.{classes}", what, seconds["mix"], seconds["matrices"])


def bench_memory(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """Peak memory of much work beside that of little, each in a process of its own."""
    most = settings.most
    with untrained_runs(settings) as runs, photographs(most) as folder:
        path = runs["fisa"].path
        amounts = {"explain": (max(most // 200, 1), max(most // 10, 1)), "predict": (max(most // 20, 1), most)}
        for kind, (little, much) in amounts.items():
            peaks = []
            for number in range(min(settings.rounds, MEMORY_ROUNDS)):
                peaks.append([peak(kind, path, folder, count, settings.threads) for count in (much, little)])
                if progress is not None:
                    progress(number + 1, min(settings.rounds, MEMORY_ROUNDS))
            of, to = np.array(peaks).T
            what = f"peak memory, {kind}: {much} images over {little}"
            yield cost(f"memory.{kind}", what, of, to, 1.1, "MiB")


BENCHES: Mapping[str, Bench] = {
    "data": bench_data,
    "predict": bench_predict,
    "model": bench_model,
    "explain": bench_explain,
    "grade": bench_grade,
    "train": bench_train,
    "interaction": bench_interaction,
    "memory": bench_memory,
    "map": bench_map,
}


def run_bench(benches: Iterable[Bench], settings: Settings, progress: Progress | None = None) -> Report:
    """Run benches and report what they found.

    Args:
        benches: Values of ``BENCHES``, or another with the same arguments.
        settings: What is measured, and how often.
        progress: Called with (rounds done, rounds), counted anew for each part.

    Raises:
        BenchError: A setting cannot be used, or this system does not tell the peak memory of a process.
        BackboneError: The backbone cannot be built.
    """
    with set_torch_threads(settings.threads):
        costs = tuple(each for bench in benches for each in bench(settings, progress))
    return Report.of(costs, settings.document(), settings.threads)


def _predict(run: Run, files: list[Path], settings: Settings, workers: int) -> Iterable[object]:
    return predict_files(run, files, settings.batch_size, workers=workers)


def _exhaust(start: Callable[[], Iterable[object]]) -> int:
    return sum(1 for _ in start())


def _by_matrices(query: Tensor, key: Tensor, value: Tensor, kind: str) -> Tensor:
    return compute_effect(query, key, "mean")[1] @ value


def _there_and_back(form: Callable[..., Tensor], draws: list[Tensor]) -> None:
    torch.autograd.grad(form(*draws, "mean").sum(), draws)
