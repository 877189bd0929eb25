"""Studies as pages show them: found in the folders of runs, their tables, and the draft's cells beside ours."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa import figures, studies
from fisa.language import mark, tr
from fisa.runs import RunError
from fisa.runs.files import digest_of, read_bytes
from fisa.studies.draft import MEASURES, beside_draft
from fisa.studies.results import StudyResults
from fisa.studies.stored import TABLE, load_table
from fisa.studies.summary import FOLDER, SUMMARY, load_summary
from fisa.studies.tables import study_table
from fisa.ui import export, reading, state, widgets
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.shelves import shelves

HEAD = ("cells", "difference", "p", "p_folds", "score", "kl_truth", "kl", "chebyshev", "cosine", "accuracy", "rank")
"""Columns that a study's table shows at first; the numbers behind the table have all."""
ALL = "systems"
"""The study of every system, as it ships."""
GAP_TITLES = {
    "difference": mark("difference"), "difference_low": mark("difference_low"),
    "difference_high": mark("difference_high"),
}  # fmt: skip
"""Columns behind the differences to the reference; ``p`` is the same everywhere."""
DRAFT_TABLES = {"loss": mark("Weight a of the loss"), "width": mark("Width d"), "heads": mark("Heads H")}
CLAIMS = mark(
    "The difference is in favour of the claim where it is positive, with its 95 % interval; a verdict follows from p "
    "after Holm over all claims here. *Left open* is not to say that there is no difference."
)
DRAFT = mark(
    "What the draft of FISA prints for each setting, both values where it gives two, and its marks; and what the same "
    "setting comes to here. *Theirs* is on photographs and validation, ours on drawn scenes and held out: the order "
    "within a column may be compared, never a number with its neighbour."
)


def found() -> dict[str, Path]:
    """Return the folder of every summary or table, by the name that links use; those that ship come first."""
    folders: dict[str, Path] = {}
    for shelf in shelves():
        for path in sorted([*shelf.glob("studies/*"), *shelf.glob("*")]):
            for place in (path, path / FOLDER):
                if path.name not in folders and any((place / name).is_file() for name in (SUMMARY, TABLE)):
                    folders[path.name] = place
    return folders


def first(folders: Mapping[str, Path]) -> str:
    """Return the name of the study that a page opens with: all systems in one table where that is there."""
    return ALL if ALL in folders else next(iter(folders))


def open_study(folder: Path) -> tuple[pd.DataFrame, StudyResults | None]:
    """Return a study's table, and what it was made of where that is there; once for each content of the folder.

    Raises:
        StudyError: The folder is damaged, or no cell is finished.
        RunError: A file is damaged.
    """
    file = folder / SUMMARY
    if file.is_file():
        digest = digest_of(read_bytes(file))
        return _table(str(folder), digest), _results(str(folder), digest)
    return load_table(folder), None


def results() -> dict[str, StudyResults]:
    """Return what every study has come to whose summary can be read, by the digest of that summary."""
    return {digest: each for _, digest, each in _readable()}


def _readable() -> Iterator[tuple[str, str, StudyResults]]:
    """Yield the name of every study, the digest of its summary, and what it has come to."""
    for name, folder in found().items():
        try:
            content = read_bytes(folder / SUMMARY) if (folder / SUMMARY).is_file() else b""
            if content:
                yield name, digest_of(content), _results(str(folder), digest_of(content))
        except (studies.StudyError, RunError):
            continue  # the Studies page says why


@st.cache_resource(max_entries=8, show_spinner=False)
def _results(folder: str, digest: str) -> StudyResults:
    return load_summary(Path(folder))


@waiting(mark("Comparing the systems of the study …"))
@st.cache_data(max_entries=16, show_spinner=False)
@counted("study")
def _table(folder: str, digest: str) -> pd.DataFrame:
    return study_table(_results(folder, digest))


def differences(table: pd.DataFrame) -> None:
    """Draw what each system differs by from the reference."""
    rows = compared(table)
    if rows.empty:
        return
    reading.subheader(tr("Against the reference"), "study_differences")
    value, low, high = (rows[key].to_numpy(float) for key in GAP_TITLES)
    figure = figures.forest(list(rows["system"]), value, low, high, difference_title(table), state.theme())
    twin = rows.set_index("system")[[*GAP_TITLES, "p"]]
    twin.attrs.clear()  # Streamlit would write them, too
    twin = twin.rename_axis(tr("system")).rename(columns={key: tr(text) for key, text in GAP_TITLES.items()})
    widgets.chart(figure, "study_differences", twin)


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a study's table that are compared with its reference, the best first; perhaps none."""
    if "difference" not in table:
        return table.iloc[:0]
    return table[table["difference"].notna()].iloc[::-1]


def difference_title(table: pd.DataFrame) -> str:
    """Say of what the differences to the reference are, in the person's language."""
    return re.split("[;；]", tr(studies.columns_of(table)["difference"].convention))[0]  # the interval is in the help


def whole(table: pd.DataFrame, name: str) -> DeltaGenerator:
    """Draw the table, the best system first, and offer it as a file; return the row of its buttons."""
    texts, best = (cells.iloc[::-1] for cells in _spoken(table))
    titles = dict(zip(studies.columns_of(table), texts.columns, strict=True))
    head = [titles[key] for key in HEAD if key in titles] if "cells" in titles else list(texts.columns)
    widgets.html_table(texts[head], best[head], alt=tr("Every system of the study {name}", name=name))
    row = st.container(horizontal=True)
    with row:
        reading.show("study")
        with st.popover(tr("All measures"), icon=":material/table:"):
            st.dataframe(texts, key="study_table")
        export.comparison_files(table, name, "study")
    return row


def _spoken(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells of a table and which are the best, under headings and names in the person's language."""
    texts, best = studies.cell_texts(table)
    columns = studies.columns_of(table).values()
    if "cells" in table:
        texts["cells"] = [tr(cell) if isinstance(cell, str) else "–" for cell in table["cells"]]
    for each in (texts, best):
        each.columns = pd.Index(
            [tr(column.title) + str(title).removeprefix(column.title)  # the arrow stays
             for column, title in zip(columns, each.columns, strict=True)]
        )  # fmt: skip
        each.index = pd.Index([tr(studies.system_of(row)) for _, row in table.iterrows()])
    return texts, best


def claims(table: pd.DataFrame) -> None:
    """Draw what the study says of each claim that its file names."""
    rows = table.attrs.get("claims", [])
    if not rows:
        return
    reading.subheader(tr("Claims"), "study_claims")
    st.markdown(tr(CLAIMS))
    widgets.html_table(claim_texts(rows), alt=tr("What the study says of each claim"))


def claim_texts(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Write a row a claim: its verdict, the difference that it rests on, and what is said of what."""
    return pd.DataFrame.from_dict({row["claim"]: _claim(row) for row in rows}, orient="index").rename_axis("claim")


def _claim(row: Mapping[str, Any]) -> dict[str, str]:
    known = row["p"] == row["p"]
    interval = f"{row['difference']:+.4f} [{row['difference_low']:+.4f}, {row['difference_high']:+.4f}]"
    return {
        tr("verdict"): tr(row["verdict"]),
        tr("difference"): interval if known else "–",
        "p": widgets.number(row["p"] if known else None, 4),
        tr("of"): tr(row["measure"]),
        tr("seeds"): str(row["seeds"]) if known else "–",
        tr("said to be better"): row["better"],
        tr("said to be worse"): row["worse"],
    }


def notes(table: pd.DataFrame) -> None:
    """Say how the table was made, and what each of its columns is."""
    if table.attrs["notes"]:
        with st.expander(tr("How it was made"), icon=":material/info:"):
            for note in table.attrs["notes"]:
                st.markdown(state.plain(tr(note)))
    with st.expander(tr("What each measure is"), icon=":material/help:"):
        rows = {tr(column.title): [tr(column.convention)] for column in studies.columns_of(table).values()}
        widgets.html_table(pd.DataFrame.from_dict(rows, orient="index", columns=[tr("convention")]))


def draft(rows: pd.DataFrame) -> None:
    """Draw the draft's three tables with our cells in them, of what :func:`drafted` returns; nothing of no rows."""
    if rows.empty:
        return
    reading.header(tr("Beside the draft"), "study_draft")
    st.markdown(tr(DRAFT))
    for key, title in DRAFT_TABLES.items():
        part = rows[rows["table"] == key]
        st.subheader(tr(title), anchor=False)
        widgets.html_table(draft_texts(part), alt=tr("{title}: the draft's cells beside ours", title=tr(title)))


def ablation() -> None:
    """Draw the draft's three tables beside the first study that has cells of theirs; nothing where none has."""
    for name, digest, each in _readable():
        rows = _drafted(digest, each)
        if not rows.empty:
            draft(rows)
            st.caption(tr("*Ours* is from the study {name}; the page Studies has all of it.", name=state.plain(name)))
            return


def drafted(results: StudyResults) -> pd.DataFrame:
    """Return the draft's cells beside ours as :func:`fisa.studies.draft.beside_draft` does; none where ours are few."""
    rows = beside_draft(results)
    return rows if rows["system"].notna().sum() >= len(DRAFT_TABLES) else rows.iloc[:0]


@st.cache_data(max_entries=16, show_spinner=False)
def _drafted(digest: str, _results: StudyResults) -> pd.DataFrame:
    return drafted(_results)


def draft_texts(part: pd.DataFrame) -> pd.DataFrame:
    """Write the rows of one of the draft's tables: settings, theirs, ours."""
    shown = {}
    for number, row in enumerate(part.to_dict("records")):
        cells = {tr("setting"): _setting(row)}
        for theirs, ours in MEASURES.items():
            cells[tr("{measure} theirs", measure=theirs)] = " / ".join(
                f"{row[name]:.3f}" for name in (theirs, f"{theirs}_second") if not np.isnan(row[name])
            )
            spread = row[f"ours_{ours}_std"]
            cells[tr("{measure} ours", measure=theirs)] = widgets.number(row[f"ours_{ours}"]) + (
                f" ± {spread:.3f}" if spread == spread else ""
            )
        cells[tr("marks")] = "; ".join(text for text in (str(row["mark"]), str(row["remark"])) if text)
        cells[tr("our system")] = row["system"] or "–"
        cells["n"] = f"{row['ours_n']}"
        shown[number] = cells
    return pd.DataFrame.from_dict(shown, orient="index").set_index(tr("setting"))


def _setting(row: Mapping[Hashable, Any]) -> str:
    named = {"embedding": row["embedding"], "a": row["a"], "d": row["dim"], "H": row["heads"]}
    told = [
        text if name == "embedding" else f"{name} {text:g}" for name, text in named.items() if text and text == text
    ]
    return ", ".join(map(str, told))
