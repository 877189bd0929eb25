"""Grades made by hand and stored in a run, so that what shows them need not wait for a grading."""

from fisa.explain.graded import GradeRow, Grades
from fisa.explain.grading import store
from fisa.runs import Run

SETTINGS = {
    "located": 40, "scenes": 20, "attributed": 10, "checked": 5, "methods": ["attention", "grad_cam"], "control": None,
}  # fmt: skip


def rows(shift: float = 0.0) -> tuple[GradeRow, ...]:
    """Grades of two methods; every one of the attention is ``shift`` lower than on iid. Grad-CAM fails a check."""

    def row(grade: str, subject: str, kind: str, value: float, spread: float | None = 0.05) -> GradeRow:
        low, high = (None, None) if spread is None else (value - spread, value + spread)
        return GradeRow(grade, subject, kind, value, low, high, 30, 10)  # type: ignore[arg-type]

    return (
        row("localisation", "attention", "method", 0.96 - shift, 0.01),
        row("localisation", "any_motif", "baseline", 0.36, None),
        row("recovery.slope", "contributions", "method", 0.74),
        row("recovery.r", "contributions", "method", 0.99, 0.005),
        row("recovery.r", "true logits", "ceiling", 1.0, None),
        row("path.leak", "interaction", "method", 0.02, 0.01),
        row("faithfulness", "attention", "method", 0.5 - shift),
        row("faithfulness", "grad_cam", "method", 0.7),
        row("faithfulness", "same", "baseline", 0.6),
        row("faithfulness", "own change", "ceiling", 1.0, None),
        row("validity", "attention", "method", 0.4 - shift),
        row("validity", "grad_cam", "method", 0.3),
        *(row("sanity.untrained", method, "baseline", 0.1) for method in ("attention", "grad_cam")),
        row("sanity.shuffled_weights", "attention", "method", 0.12),
        row("sanity.shuffled_weights", "grad_cam", "method", 0.4),
    )


def store_by_hand(run: Run, split: str = "iid", shift: float = 0.0) -> Grades:
    """Store such grades in a run's folder for one split."""
    found = Grades(
        run.name,
        run.digest,
        "code",
        "planted-tiny",
        "version",
        split,
        SETTINGS,
        rows(shift),
        ("Not graded: occlusion.",),
    )
    store(run, found)
    return found
