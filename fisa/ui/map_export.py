"""What the Map page offers for download: its maps in print, and where every image lies on them."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from fisa.explain.embeddings import TITLES
from fisa.figures import paper
from fisa.language import ENGLISH, tr, using
from fisa.ui.export import Offer, about_split, address
from fisa.ui.map_board import Board
from fisa.ui.map_choice import KEYS, words

_VIEW = ("run", "against", *KEYS)
"""What of the view shows the maps again."""


@using(ENGLISH)
def of_maps(board: Board) -> Offer:
    """Return what is offered for the maps that are shown, in English."""
    run, dataset = board.run, board.dataset
    made = {"map": " ".join(words(one.shown) for one in board.maps.values()), "page": address("map", _VIEW)}
    return Offer(
        name=f"{run.name}-map",
        about={**about_split(run, dataset), **made},
        figures={"map": partial(_figure, board)},
        tables={"places": partial(_places, board)},
    ).english


def _figure(board: Board, width: paper.Width) -> Figure:
    colours = board.colouring
    maps = {tr(TITLES[one.shown.made.vectors]): one.shown.points for one in board.maps.values()}
    return paper.embedding_maps(maps, colours.values, colours.space, colours.scale, width)


def _places(board: Board) -> pd.DataFrame:
    first = next(iter(board.maps.values())).shown.points
    table = pd.DataFrame({"id": first["id"], board.colouring.title: board.colouring.values})
    for one in board.maps.values():
        for axis in ("x", "y"):
            table[f"{axis}, {tr(TITLES[one.shown.made.vectors])}"] = one.shown.points[axis].to_numpy()
    return table.set_index("id")
