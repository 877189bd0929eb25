"""What each grade is: title, question, unit and best value; docs/methods.md, section 15.2, has the equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

PartName = Literal["attribution", "deletion", "checks", "attention", "interaction", "paths"]

PARTS: Mapping[PartName, str] = MappingProxyType(
    {
        "attribution": "Attribution",
        "deletion": "Deletion and insertion",
        "checks": "Sanity and stability",
        "attention": "Localisation",
        "interaction": "Interaction recovery",
        "paths": "Paths",
    }
)
"""Grades that stand in one table -> title."""


@dataclass(frozen=True)
class GradeKind:
    """A grade in words.

    Attributes:
        part: Key of ``PARTS``.
        title: As people read it.
        meaning: One or two sentences: what is asked, and what the numbers say.
        better: Which values are the good ones.
    """

    part: PartName
    title: str
    meaning: str
    better: Literal["larger", "smaller", "neither"] = "larger"


_CURVE = "0 is like random orders, 1 like the order of an oracle that knows the motifs, which a method may pass."

# fmt: off
GRADES: Mapping[str, GradeKind] = MappingProxyType({
    "faithfulness": GradeKind("attribution", "Faithfulness",
        "Does what a method lays on a motif agree with what the model does when that motif is left out? "
        "Spearman's correlation, mean over targets; 1 full agreement, 0 none."),
    "validity": GradeKind("attribution", "Validity",
        "The same against the planted change in place of the model's own: is it so, and not only in the model? "
        "No method can be expected to pass its model."),
    "deletion.blur": GradeKind("deletion", "Deletion, blurred",
        f"How soon the logit falls as the places that a method names first are blurred. {_CURVE}"),
    "deletion.mean": GradeKind("deletion", "Deletion, mean colour", f"The same with the mean colour. {_CURVE}"),
    "insertion.blur": GradeKind("deletion", "Insertion, blurred",
        f"How soon the logit returns as these places come back into the blurred image. {_CURVE}"),
    "insertion.mean": GradeKind("deletion", "Insertion, mean colour", f"The same from the mean colour. {_CURVE}"),
    "sanity.untrained": GradeKind("checks", "Untrained network",
        "Faithfulness to the trained model of what the method says of a network with fresh weights: "
        "the level that needs no learning.", better="neither"),
    "sanity.shuffled_weights": GradeKind("checks", "Shuffled weights",
        "The same for the model with the entries of each weight shuffled. Above the interval of the untrained network "
        "the method fails: it shows the picture, not what was learned.", better="smaller"),
    "sanity.shuffled_labels": GradeKind("checks", "Shuffled labels",
        "The same for a model trained on shuffled labels, where a control was given.", better="smaller"),
    "stability.noise": GradeKind("checks", "Stability under noise",
        "Spearman's correlation of the map with that of the image under noise of 2 grey levels."),
    "stability.shift": GradeKind("checks", "Stability under a shift",
        "Spearman's correlation of the map with that of the image moved by 2 pixels, moved back. "
        "A network with a stride is not expected to reach 1."),
    "localisation": GradeKind("attention", "Hit",
        "Share of emotions, in scenes of two or more, whose attention peaks in their own visible motifs."),
    "localisation.lift": GradeKind("attention", "Mass lift",
        "Share of the attention that lies on the emotion's own motifs, over their share of the image; 1 is by chance."),
    "recovery.r": GradeKind("interaction", "Correlation, planted pairs",
        "Pearson's correlation of estimated and planted effects over the pairs of emotions that act on one another."),
    "recovery.r_all": GradeKind("interaction", "Correlation, all pairs",
        "The same over all pairs, those without an effect included."),
    "recovery.slope": GradeKind("interaction", "Slope",
        "Slope of estimated on planted effects: 1 recovers the size, below 1 shrinks it."),
    "recovery.sign": GradeKind("interaction", "Right sign", "Share of the planted pairs with the right sign."),
    "recovery.auroc": GradeKind("interaction", "AUROC",
        "Chance that a planted pair has a larger estimate, in size, than one without an effect; 0.5 by chance."),
    "path.direct": GradeKind("paths", "Direct path",
        "Share of an emotion's effect on another that arrives through its own feature: what interaction is for."),
    "path.leak": GradeKind("paths", "Leak",
        "Share that arrives through the other's feature, which looked at the foreign motif.", better="smaller"),
    "path.relay": GradeKind("paths", "Relay", "Share that arrives through third features.", better="smaller"),
    "path.absent": GradeKind("paths", "Absent features",
        "How much the features of absent emotions change when a foreign motif is left out, over their size.",
        better="smaller"),
})
# fmt: on
"""Grade -> what it is, in the order of tables."""
