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

    values, steps = _until_complete(asked, start, attribute, asked.settings.steps, asked.settings.most_steps)
    return Found(values, words, start, each={"steps": steps})


def gradient_shap(asked: Asked) -> Found:
    """Gradient times change at random points on the paths from several baselines (Lundberg & Lee 2017).

    Ours: a path has one random point in each of equal sections, in place of as many anywhere on it. The expectation is
    the same, complete with the mean over the baselines, and the variance far less. The sections double until the sum is
    complete or there are ``most_samples``.
    """
    settings = asked.settings
    kinds = list(BASELINES) if settings.baseline is None else [settings.baseline]
    baselines = [baseline_of(asked.images, kind) for kind in kinds]
    start = torch.stack([asked.values(baseline) for baseline in baselines]).mean(0)

    def attribute(rows: Tensor, samples: int) -> Tensor:
        paths = [[_sampled(asked, row, baseline[row], samples) for row in rows] for baseline in baselines]
        return torch.stack([torch.stack(maps) for maps in paths]).mean(0)

    with _seeded(settings.seed):
        values, taken = _until_complete(asked, start, attribute, settings.samples, settings.most_samples)
    words = WORDS[settings.baseline] if settings.baseline else ALL
    return Found(values, words, start, settings={"seed": settings.seed}, each={"samples": taken})


def _sampled(asked: Asked, row: Tensor, baseline: Tensor, count: int) -> Tensor:
    """Return gradient times change at a random point in each of ``count`` sections of a path, added: [3, S, S]."""
    from captum.attr import GradientShap

    image, step = asked.images[row], (asked.images[row] - baseline) / count

    def inside(points: Tensor, sections: Tensor) -> Tensor:
        """Answer for points of the whole path where they would lie in one section each."""
        return asked.forward(baseline + sections * step + (points - baseline) / count, row.expand(len(points)))

    total = torch.zeros_like(step)
    for sections in torch.split(torch.arange(count).view(-1, 1, 1, 1), asked.at_once):
        images = image.repeat(len(sections), 1, 1, 1).requires_grad_()
        maps: Tensor = GradientShap(inside).attribute(
            images, baseline[None], n_samples=1, additional_forward_args=(sections,)
        )
        total += maps.sum(0).detach()
    return total


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
    asked: Asked, start: Tensor, attribute: Callable[[Tensor, int], Tensor], steps: int, most: int
) -> tuple[Tensor, list[int]]:
    """Attribute with ever more steps where the sum over places is not yet the difference to ``start`` [B].

    Args:
        asked: The images.
        start: Their targets for the baseline.
        attribute: Maps numbers of images [n] and a number of steps to values [n, 3, S, S].
        steps: At first; they double.
        most: Where they stop.

    Returns:
        Values summed over channels, [B, S, S], and the steps of each image.
    """
    delta = asked.values(asked.images) - start
    values = torch.empty_like(asked.images[:, 0])
    taken = torch.zeros(len(values), dtype=torch.long)
    rows = asked.rows
    while True:
        values[rows], taken[rows] = attribute(rows, steps).sum(1).to(values), steps
        gap = (values[rows].double().sum((1, 2)) - delta[rows]).abs()
        rows = rows[gap > tolerance(delta[rows])]
        if not len(rows) or steps == most:
            return values, taken.tolist()
        steps = min(2 * steps, most)


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
