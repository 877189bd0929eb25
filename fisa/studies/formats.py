"""A comparison table as Markdown, LaTeX, HTML or CSV, with its conventions and where its numbers come from."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from fisa.emotions import EmotionSpace
from fisa.language import Phrase, mark
from fisa.runs.files import parse_csv
from fisa.studies.claims import told
from fisa.studies.columns import Column, columns_of
from fisa.studies.comparison import StudyError
from fisa.tables import inert

Format = Literal["markdown", "latex", "csv", "html"]
GAPS = ("gap", "ccc_gap", "step_gap", "map_gap", "difference")
"""Columns that compare a run with another, and no system wins."""

FORMATS: tuple[Format, ...] = get_args(Format)


PLACES = ("data", "data_version", "split", "n", "space")
"""Attributes of a table that CSV has as columns."""
TEXTS = ("system", "kind", "marks", "run_digest", "data", "data_version", "split", "space")
"""Columns of CSV that hold texts, whatever these look like."""

NAMED_KINDS = {"oracle": mark("{system} (oracle)"), "published": mark("{system} (theirs)")}
"""How what was not trained here is named."""


@dataclass(frozen=True)
class _Style:
    """How one text format writes a table; every text goes through ``escape`` first."""

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    table: Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], str]


def format_table(table: pd.DataFrame, form: Format) -> str:
    """Write a comparison table for people or programs.

    Markdown, LaTeX (booktabs) and HTML show an arrow for each direction, the best run of each column in bold (with two
    or more runs; oracles, and runs that have seen the images, are out of the contest), and below the table its
    conventions, notes and provenance. CSV has the plain keys as header, every number exactly, the provenance as
    columns, and no text that a spreadsheet would run.

    Args:
        table: From :func:`comparison_table`.
        form: One of ``FORMATS``.
    """
    if form == "csv":
        return _csv(table)
    style = STYLES[form]
    texts, best = cell_texts(table)
    rows = []
    for place, system in enumerate(texts.index):
        cells = zip(map(style.escape, texts.iloc[place]), best.iloc[place], strict=True)
        rows.append([style.escape(system), *(style.bold(text) if top else text for text, top in cells)])
    header = ["system", *texts.columns]
    return style.table([style.escape(title) for title in header], rows, [style.escape(each) for each in _foot(table)])


def cell_texts(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write every cell of a comparison table, and tell which are the best run's.

    Args:
        table: From :func:`comparison_table`.

    Returns:
        Texts, a row a system and a column a measure under its title with an arrow for its direction; and bool of the
        same shape.
    """
    columns = columns_of(table)
    arrows = {True: " ↑", False: " ↓", None: ""}
    titles = {key: f"{column.title}{arrows[column.higher_is_better]}" for key, column in columns.items()}
    systems = [system_of(row) for _, row in table.iterrows()]
    texts = {titles[key]: [_cell(row, key, column) for _, row in table.iterrows()] for key, column in columns.items()}
    best = {titles[key]: _best(table, key, column) for key, column in columns.items()}
    return pd.DataFrame(texts, index=systems), pd.DataFrame(best, index=systems)


def read_csv(text: str) -> pd.DataFrame:
    """Read a comparison table that :func:`format_table` wrote as CSV; its notes are not in it.

    Raises:
        StudyError: It is no such table.
    """
    try:
        table = parse_csv(text.encode(), TEXTS)
        places = {key: table[key].iloc[0] for key in PLACES if key in table}
        runs = dict(zip(table["system"], table["run_digest"], strict=True))
        attrs: dict[str, Any] = {**places, "runs": {k: v for k, v in runs.items() if v}, "notes": []}
        attrs["n"] = int(attrs["n"])
    except (LookupError, ValueError) as error:
        raise StudyError(
            f"no comparison table ({' '.join(str(error).split())[:80]}); make it with --format csv"
        ) from None
    table = table.drop(columns=[*places, "run_digest"])
    table.attrs.update(attrs)
    return table


def format_rows(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    foot: Sequence[str],
    form: Format,
    best: Sequence[Sequence[bool]] | None = None,
) -> str:
    """Write any small table: names in the first column, numbers with three decimals, or exactly in CSV.

    Args:
        header: Titles of the columns.
        rows: Texts, integers and floats; None and NaN are missing.
        foot: Sentences below it; CSV has none.
        form: One of ``FORMATS``.
        best: Which cells to set in bold, of the shape of ``rows``; not in CSV.
    """
    if form == "csv":
        table = pd.DataFrame([list(row) for row in rows], columns=list(header))
        return inert(table).to_csv(index=False, lineterminator="\n")
    style = STYLES[form]
    cells = [[style.escape(_plain(cell)) for cell in row] for row in rows]
    if best is not None:
        cells = [
            [style.bold(text) if top else text for text, top in zip(row, marks, strict=True)]
            for row, marks in zip(cells, best, strict=True)
        ]
    return style.table([style.escape(title) for title in header], cells, [style.escape(each) for each in foot])


def _plain(cell: object) -> str:
    if cell is None or cell != cell:
        return "–"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def format_confusion(labels: Mapping[str, Any], space: EmotionSpace, form: Format) -> str:
    """Write the confusion matrix of single labels: true labels in rows, predicted ones in columns, in wheel order.

    Args:
        labels: As ``fisa.evaluation.as_json`` returns them.
        space: Their labels.
        form: One of ``FORMATS``.
    """
    order = space.wheel or tuple(range(len(space)))
    names = [space.labels[column] for column in order]
    rows = [[space.labels[row], *(labels["confusion"][row][column] for column in order)] for row in order]
    foot = ["Rows: true labels; columns: predicted ones; numbers of images."]
    return format_rows(["true", *names], rows, foot, form)


def system_of(row: pd.Series) -> str:
    """Return a row's system as a table shows it, in a phrase: with what marks it, or as an oracle."""
    name, marks = str(row["system"]), row.get("marks", "")
    if row["kind"] in NAMED_KINDS:
        known = Phrase(name) if row["kind"] == "oracle" else name
        return Phrase(NAMED_KINDS[row["kind"]], system=known)
    if isinstance(marks, str) and marks:
        return Phrase("{system} [{marks}]", system=name, marks=marks)
    return Phrase(name) if row["kind"] == "baseline" else Phrase("{system}", system=name)  # a name is not looked up


def _cell(row: pd.Series, key: str, column: Column) -> str:
    if isinstance(row[key], str):
        return str(row[key])
    if np.isnan(row[key]):
        return "–"
    digits = column.digits
    text = f"{row[key]:+.{digits}f}" if key in GAPS else f"{row[key]:.{digits}f}"
    low, high, spread = (row.get(f"{key}_{end}", np.nan) for end in ("low", "high", "std"))
    if not np.isnan(spread):
        return f"{text} ± {spread:.{digits}f}"
    return text if np.isnan(low) else f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def _best(table: pd.DataFrame, key: str, column: Column) -> np.ndarray:
    """Which rows to set in bold, bool [rows]: runs whose value shows the same digits as the best run's.

    A run that has seen images of the split is out of the contest.
    """
    if key in GAPS or column.higher_is_better is None:
        return np.zeros(len(table), dtype=bool)
    fair = (table["kind"] == "run") & ~table["system"].isin(table.attrs.get("seen", ()))
    values = table[key].where(fair).round(column.digits)
    if values.notna().sum() < 2:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(values == (values.max() if column.higher_is_better else values.min()))


def _foot(table: pd.DataFrame) -> list[str]:
    columns = columns_of(table)
    shared: dict[str, list[str]] = {}
    for column in columns.values():
        shared.setdefault(column.convention, []).append(column.title)
    foot = [f"{', '.join(titles)}: {convention}." for convention, titles in shared.items()]
    if "step_kl" not in table and (table["kind"] == "oracle").any():
        foot.append(
            "Oracles know the scene: nothing (constant), its palette, each emotion's strength (additive), every pair "
            "(pairwise), or p itself (truth). Where a run beats the truth on votes, that measure is improper."
        )
    attrs = table.attrs
    runs = ", ".join(f"{name} {digest}" for name, digest in attrs["runs"].items())
    data = f"{attrs['data']} version {attrs['data_version']}, split {attrs['split']}, n = {attrs['n']}"
    labels = f", labels {attrs['space']}" if attrs.get("space") else ""
    return [
        *foot,
        *attrs["notes"],
        *told(attrs.get("claims", ())),
        f"Provenance: {data}{labels}{'; runs ' if runs else ''}{runs}.",
    ]


def _csv(table: pd.DataFrame) -> str:
    attrs = table.attrs
    places = {key: attrs[key] for key in PLACES if key in attrs}
    whole = table.assign(run_digest=table["system"].map(attrs["runs"]), **places)
    return inert(whole).to_csv(index=False, lineterminator="\n")


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str]) -> str:
    # Padded, so that the source reads as a table too.
    widths = [max(len(cells[place]) for cells in (header, *rows)) for place in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def line(cells: Sequence[str]) -> str:
        name, *numbers = cells
        padded = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([*map(line, (header, rule, *rows)), "", *(f"- {text}" for text in foot), ""])


def _latex(header: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str]) -> str:
    body = [" & ".join(cells) + r" \\" for cells in (header, *rows)]
    spec = "l" + "r" * (len(header) - 1)
    lines = [rf"\begin{{tabular}}{{{spec}}}", r"\toprule", body[0], r"\midrule", *body[1:], r"\bottomrule"]
    notes = [line + r"\par" for line in foot]
    return "\n".join(["% needs \\usepackage{booktabs}", *lines, r"\end{tabular}", "", *notes, ""])


def _html(header: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{title}</th>' for title in header)
    lines = [
        f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        for name, *cells in rows
    ]
    notes = [f"<p><small>{line}</small></p>" for line in foot]
    return "\n".join(
        ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>", *lines, "</tbody>", "</table>", *notes, ""]
    )


_LATEX = {
    **{character: rf"\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "‖": r"$\Vert$",
    "−": "$-$",
    "–": "--",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "±": r"$\pm$",
    "÷": r"$\div$",
    "|": r"$|$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "<": "$<$",
    ">": "$>$",
    "→": r"$\rightarrow$",
}


_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""What ends a line, and a row with it; file names may hold one."""


def _escape_latex(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in _BREAKS.sub(" ", text))
    return "{[}" + escaped[1:] if escaped.startswith("[") else escaped  # after a row it would be a length


def _escape_markdown(text: str) -> str:
    escaped = "".join(
        "\\" + character if character in r"\`*_~$<|" else character for character in _BREAKS.sub(" ", text)
    )
    return re.sub(r"&(?=#?\w+;)", r"\\&", escaped).replace("](", r"]\(")  # entities and links


STYLES: dict[Format, _Style] = {
    "markdown": _Style(_escape_markdown, "**{}**".format, _markdown),
    "latex": _Style(_escape_latex, r"\textbf{{{}}}".format, _latex),
    "html": _Style(html.escape, "<strong>{}</strong>".format, _html),
}
