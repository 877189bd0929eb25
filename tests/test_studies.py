"""Comparison tables, on results whose every number is worked by hand."""

import csv
import io
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fisa.datasets import DataError, Dataset, Sample, groups_of, open_dataset
from fisa.datasets.planted.oracles import fit_ladder, truth_of
from fisa.emotions import EKMAN6, EmotionSpace
from fisa.evaluation import prediction_frame, summarise
from fisa.metrics import METRICS
from fisa.runs import load_run
from fisa.studies import (
    Result,
    StudyError,
    comparison_table,
    comparison_tables,
    format_rows,
    format_table,
    read_csv,
    table_of,
)
from fisa.tables import inert


@dataclass(frozen=True)
class Photographs:
    """A real data set of four images, each with all votes on one of Ekman's six emotions."""

    name: str = "photographs"
    split: str = "test"
    version: str = "v1"
    space: EmotionSpace = EKMAN6
    manifest: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(np.eye(6)[:4], columns=list(EKMAN6.labels)).assign(
            id=["a", "b", "c", "d"], path=None, split="test", votes=10
        )
    )

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        raise AssertionError("a table needs no image")


def result(dataset: Dataset, system: str, predicted: np.ndarray, grades: dict[str, Any] | None = None) -> Result:
    return Result(
        system, f"digest-{system}", summarise(dataset, predicted), prediction_frame(dataset, predicted), grades
    )


ODD = {"null": "1234567890123456", "1e3": "12e4567890123456"}
"""Names that are no missing one and no number -> digests that are no numbers either."""


def opened(dataset: Dataset) -> Any:
    return lambda _name, _split: dataset


@pytest.fixture
def photographs() -> pd.DataFrame:
    """``sure`` gives every vote its emotion, ``flat`` is uniform: KL ln 6, Chebyshev 5/6, intersection 1/6."""
    data = Photographs()
    results = [result(data, "sure_1", np.eye(6)[:4]), result(data, "flat", np.full((4, 6), 1 / 6))]
    return table_of(results, opened(data))


def test_gaps_draw_whole_groups() -> None:
    # Of a and b the run errs by ln 6, of c and d by 0. All four in one group: of its spread nothing is known.
    own = np.where(np.arange(4)[:, None] < 2, np.full((4, 6), 1 / 6), np.eye(6)[:4])
    grouped = Photographs(manifest=Photographs().manifest.assign(group="one"))
    for data, low in ((Photographs(), 0.0), (grouped, np.nan)):
        results = [result(data, "half", own), result(data, "sure", np.eye(6)[:4])]
        row = table_of(results, opened(data)).set_index("system").loc["half"]
        assert row["gap"] == pytest.approx(log(6) / 2)
        assert row["gap_low"] == pytest.approx(low, abs=1e-6, nan_ok=True)


def test_an_image_of_no_group_stands_alone() -> None:
    data = Photographs(manifest=Photographs().manifest.assign(group=["one", "", "one", ""]))
    assert groups_of(data).tolist() == ["one", "b", "one", "d"] and groups_of(Photographs()) is None  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """``perfect`` predicts p itself and is graded; ``blind`` predicts the constant oracle's distribution."""
    data = open_dataset("planted-tiny")
    rungs = fit_ladder("planted-tiny").predict(data.manifest)
    baselines = {"area": 0.05, "any_motif": 0.3}
    grades = {
        "localisation": {"hit": 0.8, "low": 0.75, "high": 0.85, "n": 173, "baselines": baselines},
        "contributions": {"r": 0.96, "low": 0.9, "high": 0.98, "n": 32},
    }
    results = [
        result(data, "perfect", truth_of(data.manifest), grades),
        result(data, "blind", rungs["constant"], {"localisation": None, "contributions": None}),
    ]
    return table_of(results, opened(data))


def test_real_data_has_votes_only(photographs: pd.DataFrame) -> None:
    assert list(photographs["system"]) == ["flat", "sure_1"]  # worst first
    assert set(photographs["kind"]) == {"run"}
    assert {"score", "kl_truth", "localisation_hit"} & set(photographs.columns) == set()
    assert set(METRICS) <= set(photographs.columns)
    flat, sure = photographs.to_dict("records")
    assert flat["kl"] == pytest.approx(log(6), abs=1e-6)
    assert flat["chebyshev"] == pytest.approx(5 / 6, abs=1e-6)
    assert flat["intersection"] == pytest.approx(1 / 6, abs=1e-6)
    assert sure["kl"] == pytest.approx(0, abs=1e-6)


def test_gap_is_the_paired_difference_to_the_best_run(photographs: pd.DataFrame) -> None:
    flat, sure = photographs.to_dict("records")
    # ln 6 on every image: no spread, so that the interval closes on it.
    assert [flat[key] for key in ("gap", "gap_low", "gap_high")] == pytest.approx([log(6)] * 3, abs=1e-6)
    assert np.isnan(sure["gap"])


def test_oracle_ladder_stands_above_the_runs(planted: pd.DataFrame) -> None:
    assert list(planted["system"]) == ["constant", "palette", "additive", "pairwise", "truth", "blind", "perfect"]
    assert list(planted["kind"]) == ["oracle"] * 5 + ["run"] * 2
    rows = planted.set_index("system")
    assert rows.loc["constant", "score"] == pytest.approx(0, abs=1e-9)
    assert rows.loc["truth", ["score", "kl_truth"]].tolist() == pytest.approx([1, 0])
    assert rows.loc["perfect", "score"] == pytest.approx(1, abs=1e-6)
    for key in METRICS:  # a run that predicts what an oracle predicts measures the same
        assert rows.loc["blind", key] == pytest.approx(rows.loc["constant", key], abs=1e-6)
    assert rows.loc["blind", "gap"] == pytest.approx(rows.loc["constant", "kl_truth"], abs=1e-5)
    assert rows.loc["blind", "gap_low"] < rows.loc["blind", "gap"] < rows.loc["blind", "gap_high"]


def test_grades_stand_where_a_run_has_them(planted: pd.DataFrame) -> None:
    rows = planted.set_index("system")
    assert rows.loc["perfect", ["localisation_hit", "contributions_r"]].tolist() == [0.8, 0.96]
    assert rows.loc["blind", ["localisation_hit", "contributions_r"]].isna().all()
    text = format_table(planted, "markdown")
    assert "localisation of perfect: 0.800 [0.750, 0.850], n = 173; baselines: area 0.050, any motif 0.300" in text
    assert "contributions of perfect: r = 0.960 [0.900, 0.980], n = 32 pairs" in text


def test_data_sets_versions_and_splits_do_not_mix() -> None:
    one = result(Photographs(), "one", np.full((4, 6), 1 / 6))
    for other in (Photographs(name="planted"), Photographs(version="v2"), Photographs(split="validation")):
        two = result(other, "two", np.full((4, 6), 1 / 6))
        with pytest.raises(StudyError, match=r"one .*and two .*do not belong in one table"):
            table_of([one, two], opened(Photographs()))


def test_no_runs_and_twice_the_same_are_refused() -> None:
    with pytest.raises(StudyError, match="no runs"):
        comparison_table([])
    one = result(Photographs(), "one", np.full((4, 6), 1 / 6))
    with pytest.raises(StudyError, match="twice"):
        table_of([one, one], opened(Photographs()))


def test_changed_or_absent_data_leave_out_what_needs_them() -> None:
    results = [result(Photographs(), name, np.full((4, 6), 1 / 6)) for name in ("one", "two")]
    changed = table_of(results, opened(Photographs(version="v2")))
    assert "gap" not in changed
    assert "version v1 of the data, now v2" in format_table(changed, "markdown")

    def gone(_name: str, _split: str) -> Dataset:
        raise DataError("/photos: no such folder")

    absent = table_of(results, gone)
    assert "gap" not in absent
    assert "/photos: no such folder" in format_table(absent, "markdown")


def test_runs_from_folders_are_grouped_and_named_apart(tiny_runs: Path) -> None:
    runs = [load_run(tiny_runs / name) for name in ("fisa", "cnn")]
    (table,) = comparison_tables(runs)
    assert set(table[table["kind"] == "run"]["system"]) == {"fisa", "cnn"}
    assert table.attrs["runs"] == {run.name: run.digest for run in runs}
    own = table.set_index("system")
    for run in runs:
        assert own.loc[run.name, "kl"] == run.metrics["measures"]["kl"]


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_has_arrows_bold_best_and_provenance(photographs: pd.DataFrame) -> None:
    text = format_table(photographs, "markdown")
    header, rule, flat, sure = (cells_of(line) for line in text.splitlines() if line.startswith("|"))
    assert len(header) == len(rule) == len(flat) == len(sure)
    kl, intersection, gap = header.index("KL ↓"), header.index("Intersection ↑"), header.index("gap ↓")
    assert (flat[kl], sure[kl]) == ("1.792", "**0.000**")  # ln 6 = 1.7918
    assert (flat[intersection], sure[intersection]) == ("0.167", "**1.000**")
    assert (flat[gap], sure[gap]) == ("+1.7918 [1.7918, 1.7918]", "–")
    assert sure[0] == r"sure\_1"
    for metric in METRICS.values():
        assert metric.title in text
    assert "photographs version v1, split test, n = 4" in text
    assert r"sure\_1 digest-sure\_1" in text


def test_oracles_and_lone_runs_are_never_bold(planted: pd.DataFrame) -> None:
    lines = format_table(planted, "markdown").splitlines()
    assert not any("**" in line for line in lines if "(oracle)" in line)
    data = Photographs()
    alone = table_of([result(data, "one", np.full((4, 6), 1 / 6))], opened(data))
    assert "**" not in format_table(alone, "markdown")


def test_a_run_that_has_seen_the_images_is_never_bold() -> None:
    data = Photographs()
    found = {
        name: result(data, name, rows) for name, rows in (("sure", np.eye(6)[:4]), ("flat", np.full((4, 6), 1 / 6)))
    }
    found["blurred"] = result(data, "blurred", 0.5 * np.eye(6)[:4] + 0.5 / 6)
    told = {"trained_on": data.name, "seen": 3, "mapped": None}
    found["sure"] = replace(found["sure"], metrics={**found["sure"].metrics, **told})
    lines = format_table(table_of(list(found.values()), opened(data)), "markdown").splitlines()
    bold = {name: any("**" in line for line in lines if line.startswith(f"| {name}")) for name in found}
    # Without it, blurred is the best of two.
    assert bold == {"sure": False, "flat": False, "blurred": True}


def test_latex_is_a_table_without_stray_characters(planted: pd.DataFrame, photographs: pd.DataFrame) -> None:
    for table in (planted, photographs):
        text = format_table(table, "latex")
        spec = re.search(r"\\begin\{tabular\}\{(lr+)\}", text)
        assert spec is not None
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(spec.group(1))}
        assert re.search(r"(?<!\\)[_%#]", text.partition("\n")[2]) is None
        assert re.search(r"[↑↓‖√−–·≤≥]", text) is None
    assert r"sure\_1" in text
    assert r"\textbf{1.000}" in text


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1


def test_html_is_rectangular_and_escaped() -> None:
    data = Photographs()
    results = [result(data, name, np.full((4, 6), 1 / 6)) for name in ("<script>", "b & c")]
    text = format_table(table_of(results, opened(data)), "html")
    parser = _Cells()
    parser.feed(text)
    assert len(parser.rows) == 3
    assert len(set(parser.rows)) == 1
    assert "<script>" not in text
    assert "b &amp; c" in text


def test_csv_holds_every_number_exactly(planted: pd.DataFrame) -> None:
    rows = list(csv.DictReader(io.StringIO(format_table(planted, "csv"))))
    assert len(rows) == len(planted)
    for row, (_, expected) in zip(rows, planted.iterrows(), strict=True):
        for key in ("score", "kl_truth", *METRICS):
            assert float(row[key]) == expected[key]
        assert row["data_version"] == planted.attrs["data_version"]
    assert rows[-1]["run_digest"] == "digest-perfect"
    assert rows[0]["run_digest"] == ""


def test_csv_that_is_read_again_keeps_names_and_digests_that_look_like_numbers() -> None:
    data = Photographs(version="012345678901")
    results = [replace(result(data, name, np.full((4, 6), 1 / 6)), digest=digest) for name, digest in ODD.items()]
    table = table_of(results, opened(data))
    again = read_csv(format_table(table, "csv"))
    assert list(again["system"]) == list(table["system"])
    assert again.attrs == {key: value for key, value in table.attrs.items() if key not in ("notes", "seen")} | {
        "notes": []
    }
    assert again["kl"].tolist() == table["kl"].tolist()


NAMES = ["=1+1.jpg", "two\nlines", "[x](y) &amp; <b> a|b $c$ ~d~ 5%", None]


def test_small_tables_hold_any_name_in_one_cell() -> None:
    def written(form: Any) -> str:
        return format_rows(["image", "error"], [[name, -0.5] for name in NAMES], [], form)

    rows = list(csv.reader(io.StringIO(written("csv"))))
    # No spreadsheet runs a text; a number stays one, below zero too.
    assert [name for name, _ in rows[1:]] == ["'=1+1.jpg", NAMES[1], NAMES[2], ""]
    assert {number for _, number in rows[1:]} == {"-0.5"}
    markdown = written("markdown").splitlines()
    assert [len(cells_of(line)) for line in markdown if line.startswith("|")] == [2] * 6
    assert r"\&amp; \<b> a\|b \$c\$ \~d\~ 5%" in markdown[4] and r"[x]\(y)" in markdown[4]
    latex = written("latex")
    assert "two lines & -0.500" in latex
    # A bracket after the end of a row would be read as a length.
    assert r"{[}x](y) \&amp; $<$b$>$ a$|$b \$c\$ \textasciitilde{}d\textasciitilde{} 5\%" in latex


def test_texts_of_two_columns_of_one_name_stay_apart() -> None:
    table = pd.DataFrame([["=a", "b", None], ["c", "-d", -1.0]], columns=["x", "x", "y"], dtype=object)
    assert inert(table).to_numpy().tolist() == [["'=a", "b", None], ["c", "'-d", -1.0]]
