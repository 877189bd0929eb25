"""What methods of attribution are asked, and what they return; shapes: B batch, C emotions, S side of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fisa.explain.baselines import WORDS, Baseline, baseline_of
from fisa.explain.targets import Question
from fisa.models import ModelOutput, System

PIXELS = 2**20
"""About how many pixels pass through a model at once, which bounds the memory."""


@dataclass(frozen=True)
class Settings:
    """How to attribute; each method reads its own.

    Attributes:
        baseline: What the image is compared with; None for each method's own: ``blur``, and for ``gradient_shap``
            all baselines in equal parts.
        steps: Points on the path of ``integrated_gradients``, at first.
        most_steps: They double up to this number until the attribution is complete.
        samples: Points on the path from each baseline that ``gradient_shap`` draws, at first.
        most_samples: They double up to this number until the attribution is complete.
        window: Side of what ``occlusion`` and ``feature_ablation`` cover, as a share of the image's.
        head: Head of ``interaction``, from 1; None for the mean of all.
        seed: Of what ``gradient_shap`` draws.
    """

    baseline: Baseline | None = None
    steps: int = 32
    most_steps: int = 512
    samples: int = 16
    most_samples: int = 512
    window: float = 1 / 8
    head: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Asked:
    """A batch of images, each with its target.

    Attributes:
        model: In evaluation mode; shared, so it must stay as it is.
        images: [B, 3, S, S], normalised.
        question: The targets.
        settings: How to answer.
    """

    model: System
    images: Tensor
    question: Question
    settings: Settings

    @property
    def rows(self) -> Tensor:
        """The number of each target, [B]."""
        return torch.arange(len(self.images))

    @property
    def at_once(self) -> int:
        """How many images may pass through the model at once."""
        return max(len(self.images), PIXELS // self.images.shape[-1] ** 2)

    def output(self) -> ModelOutput:
        """Return what the model says of the images, with the matrices between emotions."""
        with torch.no_grad():
            output: ModelOutput = self.model(self.images, True)
        return output

    def forward(self, images: Tensor, rows: Tensor) -> Tensor:
        """Return the value of target ``rows[n]`` for image n, [N]; what captum calls."""
        return self.question(self.model(images, self.question.kind == "interaction"), rows)

    def values(self, images: Tensor) -> Tensor:
        """Return the value of each target for its image in ``images``, [B]."""
        with torch.no_grad():
            return self.forward(images, self.rows)

    def baseline(self) -> tuple[Tensor, str]:
        """Return the configured baseline of the images, ``blur`` if none is, and its name in words."""
        kind = self.settings.baseline or "blur"
        return baseline_of(self.images, kind), WORDS[kind]


@dataclass(frozen=True)
class Found:
    """What a method returns.

    Attributes:
        values: [B, h, w].
        baseline: In words.
        start: The targets for the baseline, [B], or None where there is none.
        unplaced: What of the difference lies at no place, [B]; None for nothing.
        settings: Of all images.
        each: Of each image, by name.
    """

    values: Tensor
    baseline: str
    start: Tensor | None = None
    unplaced: Tensor | None = None
    settings: Mapping[str, float | int | str] = field(default_factory=dict)
    each: Mapping[str, Sequence[float | int | str]] = field(default_factory=dict)


def tolerance(delta: Tensor) -> Tensor:
    """Return the gap up to which an attribution of ``delta`` counts as complete; see ``Attribution.tolerance``."""
    return (0.01 * delta.abs()).clamp_min(1e-3)
