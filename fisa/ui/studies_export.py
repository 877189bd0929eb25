"""What Studies offers for download beside its table: differences, claims, and the draft's cells beside ours."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fisa.export import program
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, Phrase, mark, using
from fisa.studies import columns_of
from fisa.studies.results import StudyResults
from fisa.ui import studies, widgets
from fisa.ui.export import Offer, Sheet

_DIGITS = 4


@using(ENGLISH)
def of_study(name: str, folder: Path, table: pd.DataFrame, results: StudyResults | None) -> Offer:
    """Return what is offered of a study beside its table, in English; it may be nothing.

    Args:
        name: Of the study.
        folder: Where it lies.
        table: Its table.
        results: What that was made of, where it is there.
    """
    figures: dict[str, Draw] = {}
    tables: dict[str, Callable[[], pd.DataFrame | Sheet]] = {}
    called = {}
    if not studies.compared(table).empty:
        figures["differences"] = partial(_differences, table)
        tables["differences"] = partial(differences_sheet, table)
    if table.attrs.get("claims"):
        tables["claims"] = partial(claims_sheet, table)
    if results is not None and not studies.drafted(results).empty:
        for key, title in studies.DRAFT_TABLES.items():
            tables[f"draft-{key}"] = partial(draft_sheet, results, key)
            called[f"draft-{key}"] = Phrase(mark("The draft: {table}"), table=Phrase(title))
    return Offer(name, _about(name, folder, table), figures, tables, called=called).english


def _about(name: str, folder: Path, table: pd.DataFrame) -> dict[str, str]:
    attrs = table.attrs
    return {
        "study": name,
        "runs": ", ".join(f"{system} {digest}" for system, digest in attrs["runs"].items()),
        "data": f"{attrs['data']}, version {attrs['data_version']}, split {attrs['split']}, n = {attrs['n']}",
        "program": program(),
        "command": shlex.join(["python", "-m", "fisa", "report", str(folder)]),
    }


def _differences(table: pd.DataFrame, width: paper.Width) -> Figure:
    rows = studies.compared(table)
    value, low, high = (rows[key].to_numpy(float) for key in studies.GAP_TITLES)
    return paper.forest(list(rows["system"]), value, low, high, studies.difference_title(table), width)


def differences_sheet(table: pd.DataFrame) -> Sheet:
    """Return by how much each system differs from the reference, with intervals and p values."""
    numbers = studies.compared(table).set_index("system")[[*studies.GAP_TITLES, "p"]]
    cells = numbers.to_dict("records")
    texts = pd.DataFrame(
        {
            "difference": [
                f"{row['difference']:+.{_DIGITS}f} [{row['difference_low']:+.{_DIGITS}f}, "
                f"{row['difference_high']:+.{_DIGITS}f}]"
                for row in cells
            ],
            "p": [widgets.number(row["p"], _DIGITS) for row in cells],
        },
        index=numbers.index,
    )
    columns = columns_of(table)
    foot = [f"{name}: {columns[name].convention}." for name in ("difference", "p")]
    return Sheet(numbers, texts, texts.notna() & False, foot)


def claims_sheet(table: pd.DataFrame) -> Sheet:
    """Return what the study says of each of its claims."""
    rows = table.attrs["claims"]
    texts = studies.claim_texts(rows)
    return Sheet(pd.DataFrame(rows).set_index("claim"), texts, texts.notna() & False, [_plain(studies.CLAIMS)])


def draft_sheet(results: StudyResults, key: str) -> Sheet:
    """Return the cells of one of the draft's tables beside ours."""
    rows = studies.drafted(results)
    part = rows[rows["table"] == key]
    texts = studies.draft_texts(part)
    return Sheet(part.set_index("table"), texts, texts.notna() & False, [_plain(studies.DRAFT)])


def _plain(markdown: str) -> str:
    return markdown.replace("*", "")
