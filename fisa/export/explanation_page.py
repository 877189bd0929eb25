"""One explained image as one offline HTML page."""

from __future__ import annotations

import numpy as np

from fisa.emotions import DIMENSIONS
from fisa.export.explanation import MATRICES, Explained, figures_of, tables_of
from fisa.export.page import figure_picture, framed, render
from fisa.figures.checks import top_emotions
from fisa.figures.paper import Width

_WIDE = ("attention", "effect-heads", "interaction-heads", "contributions-heads")

_TITLES = {
    "wheel": "Prediction on the emotion wheel",
    "bars": "Degrees and their gaps",
    "attention": "Where each emotion looks",
    "effect": "How emotions act on one another",
    "interaction": "What share of an emotion comes from which",
    "contributions": "Who pushes whom",
    "effect-heads": "Effects, head by head",
    "interaction-heads": "Weights, head by head",
    "contributions-heads": "Contributions, head by head",
    "attribution": "Which places speak for the target",
}


def explanation_page(explained: Explained) -> str:
    """Return the page: what is predicted, every figure, every table, and where it comes from."""
    pictures = []
    for name, draw in figures_of(explained).items():
        width: Width = "two" if name in _WIDE else "one"
        title = _TITLES.get(name, name.replace("-", " ").capitalize())
        pictures.append(figure_picture(title, draw(width), explained.about))
    made = tables_of(explained)
    tables = [framed(name.capitalize(), make(), 4) for name, make in made.items() if name not in MATRICES]
    by_head = [framed(f"{name.capitalize()}, by head", made[name]()) for name in MATRICES if name in made]
    return render(
        "explanation.html",
        title=f"{explained.name} · {explained.system}",
        explained=explained,
        headline=_headline(explained),
        warning="" if explained.familiarity is None else explained.familiarity.warning(explained.system),
        pictures=pictures,
        tables=tables,
        by_head=by_head,
        attribution=_attribution_rows(explained),
        about={**explained.about, **_familiarity_row(explained)},
    )


def _headline(explained: Explained) -> str:
    found, words = explained.found, []
    if len(found.space):
        words.append(f"predicts {top_emotions(found.space, found.distribution)}")
    if found.prediction.ratings is not None:
        pairs = zip(DIMENSIONS, found.prediction.ratings[0], strict=True)
        words.append("predicts " + ", ".join(f"{name} {value:+.2f}" for name, value in pairs))
    known = explained.known.get("truth", explained.known.get("votes"))
    if known is not None and len(found.space):
        name = "truth" if "truth" in explained.known else "vote"
        words.append(f"the {name} is {top_emotions(found.space, np.asarray(known))}")
    elif not explained.known:
        words.append("there is no ground truth for this image")
    return "; ".join(words) + "."


def _familiarity_row(explained: Explained) -> dict[str, str]:
    found = explained.familiarity
    if found is None:
        return {}
    words = f"at a distance of {found.distance:.3g}; {found.nearer:.1%} of {found.held_out} held-out images lie nearer"
    return {"from the training images": words}


def _attribution_rows(explained: Explained) -> dict[str, str]:
    one = explained.attribution
    if one is None:
        return {}
    rows = {"method": one.method, "target": one.target, "baseline": one.baseline, "value": f"{one.value:+.4f}"}
    if one.delta is not None and one.gap is not None and one.tolerance is not None:
        said = "complete" if one.complete else "not complete"
        rows["difference to the baseline"] = f"{one.delta:+.4f}"
        rows["sum over places"] = f"{one.values.sum():+.4f}, and {one.unplaced:+.4f} at no place"
        rows["completeness gap"] = f"{one.gap:.2g}, at most {one.tolerance:.2g} allowed: {said}"
    rows |= {name: str(value) for name, value in one.settings.items()}
    return rows if explained.grades is None else rows | explained.grades.facts()
