"""What pages offer for download, as tests look at it."""

import io
import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fisa.figures import paper
from fisa.ui import export
from fisa.ui.export import Offer, text_of

HEADS = {"\x89PNG": "png", "%PDF": "pdf", "<?xm": "svg"}
DRAWN = (
    "wheel", "bars", "matrix", "grid", "head_similarity", "scatter", "forest", "grade_dots", "grade_curves",
    "deletion_curves", "embedding_maps", "retrieved", "label_totals", "entropy_histogram", "vote_histogram",
    "rating_scatter", "to_bytes",
)  # fmt: skip


def noted(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """Return what pages offer from now on, as they draw it; drawing a figure or a report meanwhile is an error."""
    found: list[Offer] = []
    draw = export.draw

    def note(offer: Offer) -> None:
        found.append(offer)
        with pytest.MonkeyPatch.context() as patch:
            for made in DRAWN:
                patch.setattr(paper, made, lambda *_: pytest.fail("drawn before it was asked for"))
            draw(offer)

    monkeypatch.setattr(export, "draw", note)
    return found


def buttons(app: AppTest) -> list[str]:
    return [button.proto.label for button in app.get("download_button")]


def check_figures(offer: Offer, names: tuple[str, ...]) -> None:
    for name in names:
        figure = offer.figures[name]("one")
        kinds = {HEADS[paper.to_bytes(figure, form, offer.about)[:4].decode("latin-1")] for form in paper.FORMS}
        assert kinds == set(paper.FORMS)


def table_of(offer: Offer, name: str) -> pd.DataFrame:
    """A table as who downloads its CSV reads it."""
    return pd.read_csv(io.StringIO(text_of(offer, name, "csv")))


def files_of(offer: Offer) -> dict[str, str]:
    """Every table, every figure but for the ids of its clip paths, and the page but for its pictures."""
    tables = {f"{name}.{form}": text_of(offer, name, form) for name in offer.tables for form in ("csv", "md", "tex")}
    drawn = {name: paper.to_bytes(draw("two"), "svg", offer.about_of(name)) for name, draw in offer.figures.items()}
    figures = {f"{name}.svg": re.sub(r"\bp[0-9a-f]{10}\b", "", svg.decode()) for name, svg in drawn.items()}
    pages = {"html": re.sub(r'base64,[^"]*', "", str(offer.others["html"]()))} if "html" in offer.others else {}
    return {**tables, **figures, **pages}
