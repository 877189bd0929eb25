"""Attribution by gradients, through captum (Kokhlikyan et al. 2020), imported late: it loads matplotlib first."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from fisa.explain.asking import Asked, Found, tolerance
from fisa.explain.baselines import ALL, BASELINES, WORDS, baseline_of
from fisa.models import System
from fisa.models.backbones import Backbone

_DRAWING = threading.Lock()


def integrated_gradients(asked: Asked) -> Found:
    """Gradient times change, integrated on the straight path from the baseline (Sundararajan, Taly & Yan 2017).

    Gauss-Legendre quadrature; the points double until the sum is complete or there are ``most_steps``.
    """
    from captum.attr import IntegratedGradients

    baseline, words = asked.baseline()
    start = asked.values(baseline)

    def attribute(rows: Tensor, steps: int) -> Tensor:
        maps: Tensor = IntegratedGradients(asked.forward).attribute(
            asked.images[rows],
            baseline[rows],
            additional_forward_args=(rows,),
            n_steps=steps,
            internal_batch_size=asked.at_once,
        )
        return maps

    values, steps = _until_complete(asked, start, attribute)
    return Found(values, words, start, each={"steps": steps})


def gradient_shap(asked: Asked) -> Found:
    """Gradient times change at random points on the paths from several baselines (Lundberg & Lee 2017).

    Complete in expectation only, with the mean over the baselines: ``samples`` are added at a time until the sum is
    complete or there are ``most_samples`` of each baseline; what gap remains is shown.
    """
    chosen = asked.settings.baseline
    kinds = list(BASELINES) if chosen is None else [chosen]
    baselines = [baseline_of(asked.images, kind) for kind in kinds]
    start = torch.stack([asked.values(baseline) for baseline in baselines]).mean(0)
    delta = asked.values(asked.images) - start
    values, taken = torch.zeros_like(asked.images[:, 0]), []
    with _seeded(asked.settings.seed):
        for row in asked.rows:
            samples, most = 0, asked.settings.most_samples
            gap = torch.tensor(torch.inf)
            while gap > tolerance(delta[row]) and samples < most:
                count = min(asked.settings.samples, most - samples)
                drawn = torch.stack([_sampled(asked, row, baseline, count) for baseline in baselines]).mean(0)
                values[row] = (values[row] * samples + drawn * count) / (samples + count)
                samples += count
                gap = (values[row].double().sum() - delta[row]).abs()
            taken.append(samples)
    words = WORDS[chosen] if chosen else ALL
    return Found(values, words, start, settings={"seed": asked.settings.seed}, each={"samples": taken})


def _sampled(asked: Asked, row: Tensor, baseline: Tensor, count: int) -> Tensor:
    """Return the mean of ``count`` samples for one image and its baseline, summed over channels: [S, S]."""
    from captum.attr import GradientShap

    one = row.unsqueeze(0)
    maps: Tensor = GradientShap(asked.forward).attribute(
        asked.images[one].requires_grad_(), baseline[one], n_samples=count, additional_forward_args=(one,)
    )
    return maps[0].sum(0).detach()


def grad_cam(asked: Asked) -> Found:
    """Channels of the last feature map, weighted by the mean gradient on them (Selvaraju et al. 2017); [h, w].

    With its sign, which the original drops. A share of the target only where pooling and a linear layer follow, so
    nothing is claimed to be complete.
    """
    from captum.attr import LayerGradCam

    tap = _Tap(asked.model.backbone)
    private = _private(asked.model)
    private.backbone = tap
    method = LayerGradCam(replace(asked, model=private).forward, tap.map)
    maps = method.attribute(asked.images.clone().requires_grad_(), additional_forward_args=(asked.rows,))
    return Found(maps[:, 0].detach(), "none")


class _Tap(Backbone):
    """A backbone whose last map passes through a module that captum can hook, whichever way a system asks for it."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.inner = backbone
        self.map = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of the backbone."""
        out: Tensor = self.map(self.inner(images))
        return out

    def stages(self, images: Tensor) -> list[Tensor]:
        """Return the maps of the backbone."""
        *shallow, last = self.inner.stages(images)
        return [*shallow, self.map(last)]


def _private(model: System) -> System:
    """Return a copy of a system that shares its weights: captum hooks it, and no other session meets the hook."""
    weights = itertools.chain(model.parameters(), model.buffers())
    return copy.deepcopy(model, {id(weight): weight for weight in weights})


def _until_complete(
    asked: Asked, start: Tensor, attribute: Callable[[Tensor, int], Tensor]
) -> tuple[Tensor, list[int]]:
    """Attribute with ever more steps where the sum over places is not yet the difference to ``start`` [B].

    Args:
        asked: The images.
        start: Their targets for the baseline.
        attribute: Maps numbers of images [n] and a number of steps to values [n, 3, S, S].

    Returns:
        Values summed over channels, [B, S, S], and the steps of each image.
    """
    delta = asked.values(asked.images) - start
    values = torch.empty_like(asked.images[:, 0])
    taken = torch.zeros(len(values), dtype=torch.long)
    rows, steps = asked.rows, asked.settings.steps
    while True:
        values[rows], taken[rows] = attribute(rows, steps).sum(1).to(values), steps
        gap = (values[rows].double().sum((1, 2)) - delta[rows]).abs()
        rows = rows[gap > tolerance(delta[rows])]
        if not len(rows) or steps == asked.settings.most_steps:
            return values, taken.tolist()
        steps = min(2 * steps, asked.settings.most_steps)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators of the process, which captum draws from, and put them back; one thread at a time."""
    with _DRAWING, torch.random.fork_rng(devices=[]):
        before = np.random.get_state()
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)
            yield
        finally:
            np.random.set_state(before)
