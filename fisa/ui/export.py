"""Downloads of what a page shows. Each file is made when its button is pressed, so that opening a page makes none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from fisa import studies
from fisa.datasets import Dataset
from fisa.export import provenance_of, words_of
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, mark, tr, using
from fisa.runs import Run
from fisa.tables import inert
from fisa.ui import state

MIMES = {
    "svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf", "csv": "text/csv", "md": "text/markdown",
    "tex": "application/x-tex", "json": "application/json", "npz": "application/octet-stream", "html": "text/html",
}  # fmt: skip
_TEXTS: Mapping[str, studies.Format] = {"csv": "csv", "md": "markdown", "tex": "latex"}
_FORM_TITLES: Mapping[studies.Format, str] = {"csv": "CSV", "markdown": "Markdown", "latex": "LaTeX", "html": "HTML"}
_FORM_SUFFIXES: Mapping[studies.Format, str] = {"csv": "csv", "markdown": "md", "latex": "tex", "html": "html"}
_COLUMNS: Mapping[str, paper.Width] = {
    mark("One column, 82 mm"): "one",
    mark("Two columns, 174 mm"): "two",
}
_NAMES = (
    mark("All grades"), mark("Attention"), mark("Attribution"), mark("Bars"), mark("Claims"), mark("Co-occurrence"),
    mark("Confusion"), mark("Contributions"), mark("Contributions heads"), mark("Correlation"), mark("Course"),
    mark("Deletion and insertion"), mark("Differences"), mark("Differences of KL"), mark("Effect"),
    mark("Effect heads"), mark("Entropy"), mark("Errors"), mark("Errors of every image"), mark("Goals"),
    mark("Images of the pair"), mark("Importance"), mark("Interaction"), mark("Interaction heads"),
    mark("Label totals"), mark("Learned against known"), mark("Learned contributions"), mark("Likeness by image"),
    mark("Likeness of means"), mark("Map"), mark("Maps"), mark("Mass transfer"), mark("Matrices"),
    mark("Mean contributions"), mark("Mean contributions of every head"), mark("Mean distribution"),
    mark("Mean weights"), mark("Mean weights of every head"), mark("Measures"), mark("Nearest"), mark("Pairs"),
    mark("Places"), mark("Planted"), mark("Prediction"), mark("Ratings"), mark("Retrieval"), mark("Settings"),
    mark("Splits"), mark("Steps"), mark("Training"), mark("Votes an image"), mark("Wheel"), mark("Wheel distance"),
)  # fmt: skip
"""Figures and tables as :func:`_words` calls them; what is not among them stays as it is."""
_TO = "contributions-to-"
_OF_HEAD = re.compile(r"(.+)-of-head-(\d+)")


@dataclass(frozen=True)
class Offer:
    """What a page offers for download.

    Attributes:
        name: What the files' names begin with.
        about: Where everything comes from.
        figures: Name -> function of the width that draws it.
        tables: Name -> function that makes it.
        others: Suffix of a file -> function that makes its content.
        own: Where a figure or a table comes from that says more than ``about``, such as of which image it is.
        called: What a figure or a table is called on the page, a phrase, where its name does not say it.
    """

    name: str
    about: Mapping[str, str]
    figures: Mapping[str, Draw] = field(default_factory=dict)
    tables: Mapping[str, Callable[[], pd.DataFrame | Sheet]] = field(default_factory=dict)
    others: Mapping[str, Callable[[], str | bytes]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)

    @property
    def english(self) -> Offer:
        """The same, every file of it in English whoever asks."""
        spoken = using(ENGLISH)
        return replace(
            self,
            figures={name: spoken(draw) for name, draw in self.figures.items()},
            tables={name: spoken(make) for name, make in self.tables.items()},
            others={suffix: spoken(make) for suffix, make in self.others.items()},
        )

    def about_of(self, part: str) -> Mapping[str, str]:
        """Return where a figure or a table comes from."""
        return self.own.get(part, self.about)

    def words_of(self, part: str) -> str:
        """Return what a figure or a table is called, in the person's language."""
        return tr(self.called[part]) if part in self.called else _words(part)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table for programs and for people.

    Attributes:
        numbers: All numbers, for CSV.
        texts: Cells as they are printed.
        best: Which of ``texts`` are bold, bool of the same shape.
        foot: Sentences below it.
    """

    numbers: pd.DataFrame
    texts: pd.DataFrame
    best: pd.DataFrame
    foot: Sequence[str] = ()


def about_split(run: Run, dataset: Dataset, command: str = "report") -> dict[str, str]:
    """Return where something that a run does on a whole split comes from; ``command`` takes a run and prints of it."""
    data = words_of(dataset)
    return provenance_of([run], data, None, shlex.join(["python", "-m", "fisa", command, str(run.path)]))


def address(page: str, names: Sequence[str]) -> str:
    """Return the link that shows what is looked at again, from the name of the page on; ``names`` of the view count."""
    return f"{page}?" + urlencode({name: text for name in names if (text := state.get(name))})


def draw(offer: Offer) -> None:
    """Draw the popover with a choice of figures and tables, and a button for each file."""
    with st.popover(tr("Export"), icon=":material/download:", key="export"):
        st.caption(tr("For papers and archives; every file says what it comes from."))
        if offer.figures:
            figure = _choice(offer, tr("Figure"), list(offer.figures), "export_figure")
            width = str(st.radio(tr("Width"), list(_COLUMNS), key="export_width", horizontal=True, format_func=tr))
            with st.container(horizontal=True):
                for form in paper.FORMS:
                    _button(offer, figure, form, partial(_figure, offer, figure, _COLUMNS[width], form))
        if offer.tables:
            table = _choice(offer, tr("Table"), list(offer.tables), "export_table")
            with st.container(horizontal=True):
                for suffix in _TEXTS:
                    _button(offer, table, suffix, partial(text_of, offer, table, suffix))
        if offer.others:
            st.caption(tr("All of it: as a page that needs no network, or as numbers."))
            with st.container(horizontal=True):
                for suffix, make in offer.others.items():
                    _button(offer, "", suffix, make)


def comparison_files(table: pd.DataFrame, stem: str, key: str) -> None:
    """Draw a button for a comparison table in each of its forms.

    Args:
        table: From :func:`fisa.studies.comparison_table` and the like.
        stem: What the files' names begin with.
        key: What the buttons' keys begin with.
    """
    for form in studies.FORMATS:
        st.download_button(
            _FORM_TITLES[form], partial(studies.format_table, table, form), f"{stem}.{_FORM_SUFFIXES[form]}",
            icon=":material/download:", on_click="ignore", key=f"{key}_{form}",
        )  # fmt: skip


def text_of(offer: Offer, table: str, suffix: str) -> str:
    """Return a table as CSV, with its provenance in columns, or as Markdown or LaTeX with it below, best in bold."""
    made, about = offer.tables[table](), offer.about_of(table)
    sheet = made if isinstance(made, Sheet) else Sheet(made, made, made.notna() & False)
    if suffix == "csv":
        numbers = sheet.numbers.reset_index()
        named = {name.replace(" ", "_"): words for name, words in about.items()}
        # A run may be called "data", and its column is not to be lost.
        named = {f"export_{name}" if name in numbers else name: words for name, words in named.items()}
        return inert(numbers.assign(**named)).to_csv(index=False, lineterminator="\n")
    frame = sheet.texts.reset_index()
    heads = frame.shape[1] - sheet.texts.shape[1]
    best = [[*[False] * heads, *row] for row in sheet.best.to_numpy(bool).tolist()]
    foot = [*sheet.foot, *(f"{name}: {words}" for name, words in about.items())]
    rows = frame.to_numpy(object).tolist()
    return studies.format_rows([str(name) for name in frame], rows, foot, _TEXTS[suffix], best)


def _choice(offer: Offer, label: str, names: list[str], key: str) -> str:
    return str(st.selectbox(label, names, format_func=offer.words_of, key=key))


def _figure(offer: Offer, name: str, width: paper.Width, form: paper.Form) -> bytes:
    return paper.to_bytes(offer.figures[name](width), form, offer.about_of(name))


def _button(offer: Offer, part: str, suffix: str, make: Callable[[], str | bytes]) -> None:
    name = "-".join(re.sub(r"[^\w.-]+", "-", text).strip("-") for text in (offer.name, part) if text)
    st.download_button(
        suffix.upper(), make, f"{name}.{suffix}", MIMES[suffix], on_click="ignore", icon=":material/download:",
        key=f"export_{suffix}_{'part' if part else 'all'}", help=f"{state.plain(name)}.{suffix}",
    )  # fmt: skip


def _words(name: str) -> str:
    if head := _OF_HEAD.fullmatch(name):
        return tr("{title}: {said}", title=_words(head[1]), said=tr("Head {head}", head=head[2]))
    if name.startswith(_TO):
        return tr("Contributions to {emotion}", emotion=tr(name.removeprefix(_TO)))
    whole = name[:1].upper() + name[1:]
    return tr(whole if whole in _NAMES else whole.replace("-", " "))
