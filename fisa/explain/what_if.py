"""What if: one image explained by one run, before and after edits of the image or of the model.

Edits are done in the order in which a model computes: motifs are removed, boxes covered, label embeddings exchanged,
class features replaced, heads silenced and contributions scaled; among edits of one kind in the order given. The run's
model stays as it is, without hooks: an edited one is put together from its parts, which stands in for it.

Logits are linear in the contributions, so silencing a head takes away exactly what it contributes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fisa.datasets import Dataset
from fisa.datasets.planted import Scene
from fisa.datasets.planted.dataset import SMALLEST_DRAWN
from fisa.datasets.planted.render import render
from fisa.emotions import MIKELS8, EmotionSpace
from fisa.evaluation import Progress
from fisa.explain import explain
from fisa.explain.baselines import baseline_of
from fisa.explain.counterfactuals import absent_gauge
from fisa.explain.edits import Cover, Edit, EditError, Feature, Remove, Scale, Silence, Stand, Swap
from fisa.explain.embeddings import embeddings_of
from fisa.images import denormalise, to_square
from fisa.language import mark, tr
from fisa.models import Fisa, ModelOutput, System
from fisa.models.committee import Committee
from fisa.models.fisa import normalised_output
from fisa.models.inputs import as_tensor
from fisa.models.interaction import Interaction
from fisa.models.label_vectors import LabelVectors
from fisa.records import Explanation
from fisa.runs import Run

KINDS: tuple[type[Edit], ...] = (Cover, Remove, Silence, Feature, Swap, Scale)
"""In the order in which they are offered."""

Means = Mapping[Stand, np.ndarray]
"""What may stand in for class features: ``absent`` and ``mean``, float32 [C, d] each."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """An image before and after edits; C emotions.

    Attributes:
        before: The image as the run sees it.
        after: The same with the edits. Its effect and interaction, and ratings if there are any, are those of the
            edited features; what was silenced or scaled shows in contributions, logits and distribution.
        absent: Which emotions the scene as drawn does not show, bool [C]; None where nobody knows.
    """

    before: Explanation
    after: Explanation
    absent: NDArray[np.bool_] | None = None

    @property
    def change(self) -> np.ndarray:
        """What the edits add to every logit, float64 [C]."""
        return np.asarray(self.after.logits.astype(float) - self.before.logits.astype(float))

    @property
    def gauged(self) -> np.ndarray | None:
        """The change in the absent gauge of the grades, less its mean over absent emotions; None where unknown."""
        return None if self.absent is None else absent_gauge(self.change, self.absent)

    def table(self) -> pd.DataFrame:
        """Return a row an emotion: logit before, after, change (and in the gauge), degree before, after, change."""
        columns = {mark("logit before"): self.before.logits, mark("logit after"): self.after.logits}
        columns[mark("change")] = self.change
        if self.gauged is not None:
            columns[mark("change in the gauge")] = self.gauged
        before, after = self.before.distribution, self.after.distribution
        columns |= {mark("degree before"): before, mark("degree after"): after}
        columns[mark("change of degree")] = after - before
        return pd.DataFrame(columns, index=pd.Index(self.before.space.labels, name="emotion"), dtype=float)


def what_if(
    run: Run,
    image: np.ndarray,
    edits: Sequence[Edit],
    scene: Scene | None = None,
    means: Means | None = None,
    before: Explanation | None = None,
) -> Outcome:
    """Explain an image before and after edits.

    Args:
        run: A loaded run that predicts distributions.
        image: uint8 RGB [height, width, 3], any size.
        edits: What to change; none changes nothing.
        scene: Behind the image, where it is drawn.
        means: As :func:`feature_means` returns them, for edits of features by their mean.
        before: ``explain(run, image)``, where it is known already.

    Raises:
        EditError: An edit cannot be done; see :func:`check_edit`.
        RunError: The weights cannot be used.
    """
    for edit in edits:
        check_edit(edit, run, scene)
    size = run.config.data.image_size
    # Without edits of the image it is handed over as it came, and not stretched a second time.
    edited = image if not _of_image(edits) else edited_image(image, edits, size, scene)
    model = run.model
    inside = [edit for edit in edits if not isinstance(edit, Cover | Remove)]
    if isinstance(model, Fisa) and inside:
        model = _Edited(model, edits, run.space, means or {})
    elif inside:
        model = _Weighed(model, edits, run.space)
    absent = None if scene is None else np.asarray(scene.strengths == 0)
    return Outcome(before or explain(run, image), explain(run, edited, model), absent)


def check_edit(edit: Edit, run: Run, scene: Scene | None) -> None:
    """Raise EditError unless the edit can be done; the message says what can.

    Args:
        edit: The edit.
        run: On whose model.
        scene: Behind the image, where it is drawn.
    """
    lacking = refusal(type(edit), run, scene)
    if lacking is not None:
        raise EditError(f"edit {str(edit)!r}: {lacking}")
    unknown = [name for name in _emotions(edit) if name not in run.space.labels]
    if unknown:
        raise EditError(f"edit {str(edit)!r}: {unknown[0]!r} is none of {', '.join(run.space.labels)}")
    if isinstance(edit, Remove) and scene is not None and edit.emotion not in shown_by(scene):
        shown = ", ".join(shown_by(scene)) or "none"
        raise EditError(f"edit {str(edit)!r}: the scene shows no motif of it; it shows {shown}")
    if isinstance(edit, Remove) and scene is not None and (edit.number or 1) > (count := len(motifs_of(scene, edit))):
        raise EditError(f"edit {str(edit)!r}: the scene has motifs 1 to {count} of {edit.emotion}")
    if isinstance(edit, Silence) and edit.head not in range(1, heads_of(run) + 1):
        raise EditError(f"edit {str(edit)!r}: {run.name} has heads 1 to {heads_of(run)}")


def refusal(kind: type[Edit], run: Run, scene: Scene | None) -> str | None:
    """Return why no edit of a kind can be done, and what can, in the person's language; None where some can."""
    model = run.model
    if kind is Cover:
        return None
    if kind is Remove:
        return None if scene is not None else tr("only a drawn scene can leave out its motifs; cover them with a box")
    if isinstance(model, Committee) and isinstance(model.members[0], Fisa):
        if kind in (Silence, Scale) and heads_of(run):
            return None
        return tr(
            "{run} is a committee, each of whose members has class features of its own; boxes can be covered, and "
            "motifs of drawn scenes removed, for every run, and heads silenced where there are any", run=run.name,
        )  # fmt: skip
    if not isinstance(model, Fisa) or model.readout is None:
        return tr(
            "{run} has no class features of emotions; boxes can be covered, and motifs of drawn scenes removed, "
            "for every run", run=run.name,
        )  # fmt: skip
    if kind in (Silence, Scale) and not model.layers:
        return tr(
            "{run} has no interaction heads (H = 0); boxes can be covered, and motifs of drawn scenes removed, "
            "for every run, and its class features replaced", run=run.name,
        )  # fmt: skip
    if kind is Swap and _embedding_rows(model.semantic) is None:
        return tr(
            "{run} has no label embeddings; boxes can be covered, and motifs of drawn scenes removed, "
            "for every run, and its class features replaced", run=run.name,
        )  # fmt: skip
    return None


def heads_of(run: Run) -> int:
    """Return the number of interaction heads of a run, 0 where it has none."""
    members = run.model.members if isinstance(run.model, Committee) else [run.model]
    last = [member.layers[-1] for member in members if isinstance(member, Fisa) and len(member.layers)]
    return sum(layer.heads for layer in last if isinstance(layer, Interaction))


def shown_by(scene: Scene) -> list[str]:
    """Return the emotions whose motifs a scene shows, in the order of their labels."""
    return [MIKELS8.labels[column] for column in sorted({motif.emotion for motif in scene.motifs})]


def motifs_of(scene: Scene, edit: Remove) -> list[int]:
    """Return the positions in ``scene.motifs`` of all motifs of the edit's emotion, in order."""
    column = MIKELS8.index(edit.emotion)
    return [place for place, motif in enumerate(scene.motifs) if motif.emotion == column]


def edited_scene(scene: Scene, edits: Sequence[Edit]) -> Scene:
    """Return the scene without the motifs that edits remove."""
    gone: set[int] = set()
    for edit in edits:
        if isinstance(edit, Remove):
            places = motifs_of(scene, edit)
            gone.update(places if edit.number is None else [places[edit.number - 1]])
    for place in sorted(gone, reverse=True):  # so that those before keep their positions
        scene = scene.without(place)
    return scene


def edited_image(image: np.ndarray, edits: Sequence[Edit], size: int, scene: Scene | None = None) -> np.ndarray:
    """Return the image with the edits that change it, as a square uint8 RGB [size, size, 3].

    Args:
        image: uint8 RGB [height, width, 3], any size.
        edits: Of these the boxes and the removed motifs count; motifs are removed first.
        size: Pixels a side; a model sees that of its run.
        scene: Behind the image, where motifs are removed.
    """
    if scene is not None and any(isinstance(edit, Remove) for edit in edits):
        image = render(edited_scene(scene, edits), max(size, SMALLEST_DRAWN)).image
    square = to_square(image, size).copy()
    for edit in edits:
        if isinstance(edit, Cover):
            filled = denormalise(baseline_of(as_tensor(square[None]), edit.fill).numpy())[0]
            square[edit.pixels(size)] = filled[edit.pixels(size)]
    return square


def feature_means(run: Run, dataset: Dataset, progress: Progress | None = None) -> dict[Stand, np.ndarray]:
    """Return what may stand in for the class features of a run; kept in the cache folder.

    Args:
        run: A run with class features.
        dataset: Images labelled with the emotions of the run.
        progress: Called with (images done, images in all), unless they are kept from an earlier call.

    Returns:
        ``mean``, F_k over all images, and ``absent``, F_k over those without emotion k: drawn without its motifs, or,
        of photographs, named k by nobody (over all where there is no such image). Both float32 [C, d].

    Raises:
        EditError: The run has no class features.
    """
    vectors = embeddings_of(run, dataset, progress).get("class_features")
    if vectors is None:
        raise EditError(f"{run.name} has no class features, so that nothing can stand in for them; cover a region")
    features = vectors.reshape(len(vectors), len(run.space), -1)
    table, overall = dataset.manifest, features.mean(0)
    known = [f"strength_{label}" if f"strength_{label}" in table else label for label in run.space.labels]
    without = [features[(table[column] == 0).to_numpy(), place] for place, column in enumerate(known)]
    absent = [rows.mean(0) if len(rows) else overall[place] for place, rows in enumerate(without)]
    return {"absent": np.stack(absent), "mean": overall}


def _of_image(edits: Sequence[Edit]) -> bool:
    return any(isinstance(edit, Cover | Remove) for edit in edits)


def _emotions(edit: Edit) -> tuple[str, ...]:
    if isinstance(edit, Remove | Feature):
        return (edit.emotion,)
    if isinstance(edit, Swap):
        return edit.first, edit.second
    return (edit.target, edit.source) if isinstance(edit, Scale) else ()


class _Weighed(System):
    """A system with interaction heads whose contributions [B, H, C, C] are edited; it stays as it is itself."""

    def __init__(self, model: System, edits: Sequence[Edit], space: EmotionSpace) -> None:
        super().__init__()
        self.model, self.backbone, self.edits, self.space = model, model.backbone, edits, space

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        output = self.explained(images)
        for edit in self.edits:
            if isinstance(edit, Silence | Scale):
                self._weigh(output, edit)
        return output

    def explained(self, images: Tensor) -> ModelOutput:
        """Return what the system says before its contributions are edited."""
        output: ModelOutput = self.model(images)
        return output

    def _weigh(self, output: ModelOutput, edit: Silence | Scale) -> None:
        """Weigh contributions, and compute anew what follows from them."""
        assert output.contributions is not None and output.bias is not None
        output.contributions = output.contributions.clone()
        if isinstance(edit, Silence):
            output.contributions[:, edit.head - 1] = 0
        else:
            output.contributions[:, :, self.space.index(edit.target), self.space.index(edit.source)] *= edit.factor
        output.logits = output.bias + output.contributions.sum((1, 3))
        kind = self.model.output if isinstance(self.model, Fisa) else "softmax"
        output.raw, output.distribution = normalised_output(output.logits, kind)


class _Edited(_Weighed):
    """A FISA whose class features are edited, too; made of the parts of another, which stays as it is."""

    def __init__(self, model: Fisa, edits: Sequence[Edit], space: EmotionSpace, means: Means) -> None:
        super().__init__(model, edits, space)
        self.fisa = model
        self.semantic = _swapped(model.semantic, [edit for edit in edits if isinstance(edit, Swap)], space)
        self.stands = {
            space.index(edit.emotion): _stand_in(edit, space, means) for edit in edits if isinstance(edit, Feature)
        }

    def explained(self, images: Tensor) -> ModelOutput:
        found = self.semantic(self.backbone(images))
        features = found.features.clone()
        for column, stand in self.stands.items():
            features[:, column] = stand
        return self.fisa.interact(found._replace(features=features))


def _stand_in(edit: Feature, space: EmotionSpace, means: Means) -> Tensor:
    """Return what stands in for a feature, [d] or a number."""
    if edit.stand == "zero":
        return torch.zeros(())
    if edit.stand not in means:
        wanting = f"needs the means of a data set (feature_means); feature:{edit.emotion},zero does not"
        raise EditError(f"edit {str(edit)!r}: {wanting}")
    return torch.from_numpy(means[edit.stand][space.index(edit.emotion)])


def _embedding_rows(semantic: nn.Module) -> Tensor | None:
    """Return the tensor with a row for each label of which its embedding is made, or None."""
    for part in semantic.modules():
        labels = getattr(part, "labels", None)
        if labels is not None:
            return labels.vectors if isinstance(labels, LabelVectors) else labels
    return None


def _swapped(semantic: nn.Module, swaps: Sequence[Swap], space: EmotionSpace) -> nn.Module:
    """Return the part with the embeddings of emotions exchanged one pair after the other; a copy if there are any."""
    if not swaps:
        return semantic
    changed = copy.deepcopy(semantic)
    rows = _embedding_rows(changed)
    assert rows is not None
    with torch.no_grad():
        for swap in swaps:
            pair = [space.index(swap.first), space.index(swap.second)]
            rows[pair] = rows[pair[::-1]]
    return changed
