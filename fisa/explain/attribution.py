"""Attribution: which places of an image speak for one target, by any method of ``METHODS``.

Every method answers for a batch of images at once, each with its own target, and leaves the model as it is: models are
shared between sessions. docs/methods.md, section 15, says what each method means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fisa.evaluation import Progress
from fisa.exceptions import FisaError
from fisa.explain.asking import Asked, Found, Settings
from fisa.explain.gradients import grad_cam, gradient_shap, integrated_gradients
from fisa.explain.inner import attention, contributions, interaction
from fisa.explain.occlusion import feature_ablation, occlusion
from fisa.explain.targets import Question, Target
from fisa.images import to_square
from fisa.language import mark
from fisa.models import System
from fisa.models.inputs import as_tensor
from fisa.records import Attribution
from fisa.runs import Run

BATCH = 16
"""Images answered for at once."""

Need = Literal["attention", "interaction", "contributions", "gradient"]


class AttributionError(FisaError, ValueError):
    """A method that cannot answer for this run or target; the message is one clear sentence."""


@dataclass(frozen=True)
class Method:
    """A way to attribute.

    Attributes:
        title: As people read it.
        answer: What does it.
        needs: What a system must have for it.
        kinds: Of targets it can answer for, as :attr:`Question.kind` has them.
    """

    title: str
    answer: Callable[[Asked], Found]
    needs: frozenset[Need] = frozenset()
    kinds: frozenset[str] = frozenset({"linear", "interaction", "kl", "entropy"})


_LINEAR = frozenset({"linear"})
_PUSHES = frozenset({"linear", "interaction"})
_MAPS: frozenset[Need] = frozenset({"attention"})
_SLOPES: frozenset[Need] = frozenset({"gradient"})

# fmt: off
METHODS: Mapping[str, Method] = {
    "attention": Method(mark("Attention"), attention, _MAPS, _LINEAR),
    "contributions": Method(mark("Contributions × attention"), contributions, _MAPS | {"contributions"}, _PUSHES),
    "interaction": Method(mark("Interaction × attention"), interaction, _MAPS | {"interaction"}, _PUSHES),
    "integrated_gradients": Method(mark("Integrated Gradients"), integrated_gradients, _SLOPES),
    "gradient_shap": Method("Gradient SHAP", gradient_shap, _SLOPES),
    "grad_cam": Method("Grad-CAM", grad_cam, _SLOPES),
    "occlusion": Method(mark("Occlusion"), occlusion),
    "feature_ablation": Method(mark("Feature ablation"), feature_ablation),
}
# fmt: on

FASTEST = ("contributions", "grad_cam", "feature_ablation")
"""What is taken first, where it applies and nothing was asked: nobody should wait unasked."""


def attribute(
    run: Run,
    image: np.ndarray,
    method: str,
    target: Target,
    settings: Settings | None = None,
    truth: np.ndarray | None = None,
) -> Attribution:
    """Attribute one image; see :func:`attribute_batch`.

    Args:
        run: A loaded run.
        image: uint8 RGB [height, width, 3], any size; the model sees it stretched to its square.
        method: Key of ``METHODS``.
        target: What to explain.
        settings: How.
        truth: [C], for the target ``kl``.
    """
    return attribute_batch(run, [image], method, [target], settings, None if truth is None else truth[None])[0]


def attribute_batch(
    run: Run,
    images: Sequence[np.ndarray],
    method: str,
    targets: Sequence[Target],
    settings: Settings | None = None,
    truth: np.ndarray | None = None,
    model: System | None = None,
    progress: Progress | None = None,
) -> list[Attribution]:
    """Attribute several images, each with a target of its own.

    Args:
        run: A loaded run.
        images: uint8 RGB [height, width, 3] each; an image may come several times.
        method: Key of ``METHODS``.
        targets: One for each image, all of one kind (or logits and differences of them).
        settings: How; the defaults if None.
        truth: [N, C], for the target ``kl``.
        model: Stands in for the run's own model (an untrained one, say).
        progress: Called with (images done, images).

    Raises:
        AttributionError: There is no such method, it does not apply to the run or the targets (the message names the
            methods that do), there is no such head, or the weights give no finite numbers.
        TargetError: Targets of several kinds, or ``kl`` without a truth.
    """
    settings, model = settings or Settings(), model or run.model
    found: list[Attribution] = []
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        question = Question(targets[part], len(run.space), None if truth is None else truth[part])
        if start == 0:
            _refuse(run, model, method, question, settings)
        asked = Asked(model, _inputs(run, images[part]), question, settings)
        found += _answered(asked, method, [target.format(run.space) for target in targets[part]])
        if not all(np.isfinite(each.value) and np.isfinite(each.values).all() for each in found[start:]):
            raise AttributionError(f"{run.name}: these weights give no finite numbers for an image; train again")
        if progress is not None:
            progress(min(start + BATCH, len(images)), len(images))
    return found


def applicable(run: Run, kind: str = "linear", model: System | None = None) -> tuple[str, ...]:
    """Return the methods that can answer for a run and targets of a kind, in the order of ``METHODS``.

    Args:
        run: A loaded run.
        kind: As :attr:`fisa.explain.targets.Question.kind` has it: linear, interaction, kl or entropy.
        model: Stands in for the run's own.
    """
    if run.takes_vectors or run.config.task != "distribution":
        return ()
    has = _abilities(run, model or run.model)
    if kind == "interaction" and "contributions" not in has:
        return ()
    return tuple(name for name, method in METHODS.items() if method.needs <= has and kind in method.kinds)


def _inputs(run: Run, images: Sequence[np.ndarray]) -> Tensor:
    size = run.config.data.image_size
    return as_tensor(np.stack([to_square(image, size) for image in images]))


def _abilities(run: Run, model: System) -> frozenset[str]:
    """Return what of ``Need`` a model has, by asking it about a black image."""
    size = run.config.data.image_size
    with torch.inference_mode(False), torch.enable_grad():
        output = model(_inputs(run, [np.zeros((size, size, 3), np.uint8)]).requires_grad_(), True)
    has = {name for name in ("attention", "interaction", "contributions") if getattr(output, name) is not None}
    return frozenset(has | ({"gradient"} if output.logits.requires_grad else set()))


_LACKING: Mapping[str, str] = {
    "attention": "attention maps",
    "interaction": "interaction heads",
    "contributions": "contributions",
    "gradient": "gradient of its prediction",
}
_ASKED: Mapping[str, str] = {
    "linear": "logits",
    "interaction": "what one emotion does to another",
    "kl": "the KL to the truth",
    "entropy": "the entropy",
}


def _refuse(run: Run, model: System, method: str, question: Question, settings: Settings) -> None:
    """Raise AttributionError where a method does not apply, naming those that do."""
    if method not in METHODS:
        raise AttributionError(f"no method {method!r}; there are {', '.join(METHODS)}")
    if run.config.task != "distribution":
        raise AttributionError(
            f"{run.name}: predicts {run.task.title}, and attribution answers for emotions; take a run of distributions"
        )
    if run.takes_vectors:
        raise AttributionError(
            f"{run.name}: predicts from feature vectors, which have no places to attribute to; take a run on images"
        )
    has = _abilities(run, model)
    if question.kind == "interaction" and "contributions" not in has:
        first, second = (run.space.labels[int(column[0])] for column in (question.receives, question.gives))
        raise AttributionError(
            f"{run.name}: has no contributions of one emotion to another; these targets apply: {first}, "
            f"{first}-{second}, entropy, and kl where the truth is known"
        )
    instead = f"these apply: {', '.join(applicable(run, question.kind, model)) or 'none'}"
    lacking = sorted(METHODS[method].needs - has)
    if lacking:
        raise AttributionError(f"{method}: {run.name} has no {_LACKING[lacking[0]]}; {instead}")
    if question.kind not in METHODS[method].kinds:
        raise AttributionError(f"{method}: does not answer for {_ASKED[question.kind]}; {instead}")
    heads = getattr(run.config.model, "heads", 0)
    if settings.head is not None and not 1 <= settings.head <= heads:
        raise AttributionError(f"head {settings.head}: {run.name} has heads 1 to {heads}")


def _answered(asked: Asked, method: str, targets: Sequence[str]) -> list[Attribution]:
    """Answer for one batch, outside inference mode, in which no gradient can be had."""
    with torch.inference_mode(False):
        found = METHODS[method].answer(asked)
        values = asked.values(asked.images).double()
    delta = None if found.start is None else values - found.start
    unplaced = torch.zeros_like(values) if found.unplaced is None else found.unplaced.double()
    gap = None if delta is None else (found.values.double().sum((1, 2)) + unplaced - delta).abs()
    return [
        Attribution(
            values=found.values[row].numpy(),
            method=method,
            target=target,
            baseline=found.baseline,
            value=float(values[row]),
            delta=None if delta is None else float(delta[row]),
            unplaced=float(unplaced[row]),
            gap=None if gap is None else float(gap[row]),
            settings={**found.settings, **{name: column[row] for name, column in found.each.items()}},
        )
        for row, target in enumerate(targets)
    ]
