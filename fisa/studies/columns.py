"""The columns of comparison tables: what each is called, which way is better, and by which convention."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fisa.language import Phrase, mark
from fisa.metrics import METRICS
from fisa.ratings import PARTS, RATING_MEASURES
from fisa.sequence_measures import SEQUENCE_METRICS


@dataclass(frozen=True)
class Column:
    """How a column of a comparison table reads.

    Attributes:
        title: Heading without its arrow; ``tr`` where it is shown, as of ``convention``.
        higher_is_better: Direction of the arrow; None where no system wins.
        convention: One line for the footnote.
        digits: Decimals shown.
    """

    title: str
    higher_is_better: bool | None
    convention: str
    digits: int = 3


# Planted data only: the truth is known, and so is what a run's explanations should show.
PLANTED_COLUMNS = {
    "score": Column(mark("score"), True, mark("1 − KL(p‖q) / KL(p‖constant): 0 is the constant, 1 the truth")),
    "kl_truth": Column("KL(p‖q)", False, mark("true distribution p against prediction q, nats"), 4),
}
GAP = Column(
    mark("gap"),
    False,
    mark("paired difference of KL to the best run's, with its 95 % bootstrap interval over images"),
    4,
)
# Data with one label an image only.
LABEL_COLUMNS = {
    "macro_f1": Column(mark("Macro F1"), True, mark("mean over the labels of F1, 0 to 1")),
    "balanced_accuracy": Column(
        mark("Balanced accuracy"), True, mark("mean over the labels of the share found, 0 to 1")
    ),
}
RATING_COLUMNS = {
    f"{measure.name}_{part}": Column(
        Phrase(mark("{measure} {part}"), measure=measure.title, part=Phrase(part)),
        measure.higher_is_better,
        measure.convention,
    )
    for measure in RATING_MEASURES.values()
    for part in PARTS
}
RATING_COSTS = {
    "parameters": Column(mark("parameters"), None, mark("numbers that training changes, and those it keeps"), 0),
    "fold_seconds": Column(mark("seconds a fold"), None, mark("to train one fold, their mean"), 0),
    "speed": Column(mark("images/s ÷ cnn"), None,
                    mark("images predicted a second over those of cnn on the same backbone"), 2),
}  # fmt: skip
RATING_GAP = Column(
    mark("CCC gap"), True, mark("paired difference of the mean CCC to the best run's, with its 95 % bootstrap interval")
)
RETRIEVAL_COLUMNS = {
    f"{key}_{by}": Column(Phrase(title, by=Phrase(by)), True, said)
    for by in (mark("emotion"), mark("polarity"))
    for key, title, said in (
        ("map", mark("mAP by {by}"), mark("mean over queries of the average precision, 0 to 1")),
        ("precision", mark("Precision by {by}"), mark("mean share of relevant images among the first, 0 to 1")),
    )
}
_SAID = mark("paired difference of mAP by emotion to the best one's, with its 95 % bootstrap interval over queries")
RETRIEVAL_GAP = Column(mark("mAP gap"), True, _SAID)
STEP_COLUMNS = {
    key: Column(metric.title, metric.higher_is_better, metric.convention) for key, metric in SEQUENCE_METRICS.items()
}
STEP_GAP = Column(
    mark("KL gap"),
    False,
    mark("paired difference of the KL of a step to the best run's, 95 % bootstrap interval over sequences"),
    4,
)
GRADE_COLUMNS = {
    "localisation_hit": Column(
        mark("localisation"),
        True,
        mark("share of emotions in scenes of two or more whose attention peaks in their own visible motifs"),
    ),
    "contributions_r": Column(
        mark("contributions"), True, mark("Pearson r of contributions with the planted effects over planted pairs")
    ),
}


def columns_of(table: pd.DataFrame) -> dict[str, Column]:
    """Return how each column of measures of a table reads, in its order; ``attrs["columns"]`` are its own."""
    measures = {
        key: Column(metric.title, metric.higher_is_better, metric.convention) for key, metric in METRICS.items()
    }
    gaps = {"gap": GAP, "ccc_gap": RATING_GAP, "step_gap": STEP_GAP, "map_gap": RETRIEVAL_GAP}
    own = table.attrs.get("columns", {})
    planted = {**PLANTED_COLUMNS, **gaps, **measures, **LABEL_COLUMNS, **GRADE_COLUMNS}
    known = {**planted, **RATING_COLUMNS, **STEP_COLUMNS, **RETRIEVAL_COLUMNS, **RATING_COSTS, **own}
    return {str(key): known[str(key)] for key in table.columns if key in known}
