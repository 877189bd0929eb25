"""What each grade is: title, question, unit and best value; docs/methods.md, section 15.2, has the equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from fisa.language import Phrase, mark

PartName = Literal["attribution", "deletion", "checks", "attention", "interaction", "paths"]

PARTS: Mapping[PartName, str] = MappingProxyType(
    {
        "attribution": mark("Attribution"),
        "deletion": mark("Deletion and insertion"),
        "checks": mark("Sanity and stability"),
        "attention": mark("Localisation"),
        "interaction": mark("Interaction recovery"),
        "paths": mark("Paths"),
    }
)
"""Grades that stand in one table -> title."""


@dataclass(frozen=True)
class GradeKind:
    """A grade in words.

    Attributes:
        part: Key of ``PARTS``.
        title: As people read it; English, as the meaning, both looked up where they are shown.
        meaning: One or two sentences: what is asked, and what the numbers say.
        better: Which values are the good ones.
    """

    part: PartName
    title: str
    meaning: str
    better: Literal["larger", "smaller", "neither"] = "larger"


_OF_ORDERS = mark(
    "0 is like random orders, 1 like the order of an oracle that knows the motifs, which a method may pass."
)


def _in_orders(asked: str) -> str:
    """Return what deletion or insertion asks, and how all of them are read."""
    return Phrase("{before} {more}", before=Phrase(asked), more=Phrase(_OF_ORDERS))


# fmt: off
GRADES: Mapping[str, GradeKind] = MappingProxyType({
    "faithfulness": GradeKind("attribution", mark("Faithfulness"),
        mark("Does what a method lays on a motif agree with what the model does when that motif is left out? "
             "Spearman's correlation, mean over targets; 1 full agreement, 0 none.")),
    "validity": GradeKind("attribution", mark("Validity"),
        mark("The same against the planted change in place of the model's own: is it so, and not only in the model? No "
             "method can be expected to pass its model.")),
    "deletion.blur": GradeKind("deletion", mark("Deletion, blurred"),
        _in_orders(mark("How soon the logit falls as the places that a method names first are blurred."))),
    "deletion.mean": GradeKind("deletion", mark("Deletion, mean colour"),
        _in_orders(mark("The same with the mean colour."))),
    "insertion.blur": GradeKind("deletion", mark("Insertion, blurred"),
        _in_orders(mark("How soon the logit returns as these places come back into the blurred image."))),
    "insertion.mean": GradeKind("deletion", mark("Insertion, mean colour"),
        _in_orders(mark("The same from the mean colour."))),
    "sanity.untrained": GradeKind("checks", mark("Untrained network"),
        mark("Faithfulness to the trained model of what the method says of a network with fresh weights: the level "
             "that needs no learning."), better="neither"),
    "sanity.shuffled_weights": GradeKind("checks", mark("Shuffled weights"),
        mark("The same for the model with the entries of each weight shuffled. Above the interval of the untrained "
             "network the method fails: it shows the picture, not what was learned."), better="smaller"),
    "sanity.shuffled_labels": GradeKind("checks", mark("Shuffled labels"),
        mark("The same for a model trained on shuffled labels, where a control was given."), better="smaller"),
    "stability.noise": GradeKind("checks", mark("Stability under noise"),
        mark("Spearman's correlation of the map with that of the image under noise of 2 grey levels.")),
    "stability.shift": GradeKind("checks", mark("Stability under a shift"),
        mark("Spearman's correlation of the map with that of the image moved by 2 pixels, moved back. A network with a "
             "stride is not expected to reach 1.")),
    "localisation": GradeKind("attention", mark("Hit"),
        mark("Share of emotions, in scenes of two or more, whose attention peaks in their own visible motifs.")),
    "localisation.lift": GradeKind("attention", mark("Mass lift"),
        mark("Share of the attention that lies on the emotion's own motifs, over their share of the image; 1 is by "
             "chance.")),
    "recovery.r": GradeKind("interaction", mark("Correlation, planted pairs"),
        mark("Pearson's correlation of estimated and planted effects over the pairs of emotions that act on one "
             "another.")),
    "recovery.r_all": GradeKind("interaction", mark("Correlation, all pairs"),
        mark("The same over all pairs, those without an effect included.")),
    "recovery.slope": GradeKind("interaction", mark("Slope"),
        mark("Slope of estimated on planted effects: 1 recovers the size, below 1 shrinks it.")),
    "recovery.sign": GradeKind("interaction", mark("Right sign"),
        mark("Share of the planted pairs with the right sign.")),
    "recovery.auroc": GradeKind("interaction", mark("AUROC"),
        mark("Chance that a planted pair has a larger estimate, in size, than one without an effect; 0.5 by chance.")),
    "path.direct": GradeKind("paths", mark("Direct path"),
        mark("Share of an emotion's effect on another that arrives through its own feature: what interaction is for.")),
    "path.leak": GradeKind("paths", mark("Leak"),
        mark("Share that arrives through the other's feature, which looked at the foreign motif."), better="smaller"),
    "path.relay": GradeKind("paths", mark("Relay"),
        mark("Share that arrives through third features."), better="smaller"),
    "path.absent": GradeKind("paths", mark("Absent features"),
        mark("How much the features of absent emotions change when a foreign motif is left out, over their "
             "size."), better="smaller"),
})
# fmt: on
"""Grade -> what it is, in the order of tables."""
