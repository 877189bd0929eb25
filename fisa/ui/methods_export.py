"""What Explain offers for download of the methods side by side: what deletion and insertion say of each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from fisa.explain.attribution import METHODS
from fisa.figures import paper
from fisa.ui.export import Offer, address
from fisa.ui.methods import Shown

NAME = "deletion-and-insertion"
_VIEW = ("run", "image", "emotion", "target", "methods")


def joined(offer: Offer, shown: Shown | None, page: str = "explain") -> Offer:
    """Return an offer of an image with the curves of all methods, in English; as it is where the page shows none.

    Args:
        offer: What is offered of the image.
        shown: What the page has drawn; nothing is computed here.
        page: On which it is; a link to Explain says the image, too.
    """
    if shown is None:
        return offer
    # The command of the offer does not draw them; the page does.
    about = {name: words for name, words in offer.about.items() if name != "command"}
    view = _VIEW if page == "explain" else tuple(name for name in _VIEW if name != "image")
    return replace(
        offer,
        figures={**offer.figures, NAME: partial(_curves, shown)},
        tables={**offer.tables, NAME: partial(_numbers, shown)},
        own={**offer.own, NAME: {**about, "page": address(page, view)}},
    ).english


def _curves(shown: Shown, width: paper.Width) -> Figure:
    chance, target = shown.curves["random"], next(iter(shown.maps.values())).target
    rows = {METHODS[name].title: (shown.curves[name].deletion, shown.curves[name].insertion) for name in shown.ranked}
    unit = "nats" if target in ("kl", "entropy") else "logit"
    random = (chance.deletion, chance.insertion)
    return paper.deletion_curves(chance.shares, rows, random, f"{target} ({unit})", width)


def _numbers(shown: Shown) -> pd.DataFrame:
    """Return a row a method, the best first and random orders last, and share of the image."""
    parts = {
        name: pd.DataFrame({"share": one.shares, "deletion": one.deletion, "insertion": one.insertion})
        for name, one in ((name, shown.curves[name]) for name in (*shown.ranked, "random"))
    }
    return pd.concat(parts, names=["method"]).droplevel(1)
