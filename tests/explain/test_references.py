"""The reference scores that ship: of this version of the data, as the document prints them, and as code finds them."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.datasets.planted import PlantedDataset
from fisa.explain.references import REFERENCES

DOCS = Path(__file__).parents[2] / "docs"
DATASHEET = Path(__file__).parents[2] / "fisa/datasets/planted/DATASHEET.md"
PAGE = (DOCS / "planted-affect.md").read_text(encoding="utf-8")
SHIPPED = pd.read_csv(DOCS / "planted-affect-references.csv")


def test_they_are_of_this_version_and_of_the_scenes_that_the_page_names() -> None:
    assert set(SHIPPED["version"]) == {PlantedDataset("planted", "iid").version}
    assert list(SHIPPED["submission"].unique()) == list(REFERENCES)
    assert f"refs --count {SHIPPED.loc[SHIPPED['grade'] == 'recovery.r', 'scenes'].max()}\n" in PAGE


def test_the_page_prints_what_the_file_holds() -> None:
    (head,) = (line for line in PAGE.splitlines() if line.startswith("| reference | localisation |"))
    grades = [cell.strip() for cell in head.strip("|").split("|")][1:]
    printed = 0
    for name in REFERENCES:
        line = next(line for line in PAGE.splitlines() if re.match(rf"\| `{name}` \| [\d.-]+ ", line))
        for grade, cell in zip(grades, (cell.strip() for cell in line.strip("|").split("|")[1:]), strict=True):
            rows = SHIPPED[(SHIPPED["submission"] == name) & (SHIPPED["grade"] == grade)]
            own = rows.loc[(rows["kind"] == "method") & (rows["subject"] == name), "value"]
            assert cell == ("" if own.empty else f"{own.item():.3f}"), (name, grade)
            printed += cell != ""
    assert printed > 12


def test_the_commands_of_the_page_give_the_file(tmp_path: Path) -> None:
    refs = tmp_path / "refs"
    assert CliRunner().invoke(app, ["data", "references", "planted", str(refs), "--count", "100"]).exit_code == 0
    again = CliRunner().invoke(app, ["grade", *(str(refs / name) for name in REFERENCES), "--format", "csv"])
    (tmp_path / "found.csv").write_text(again.stdout)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "found.csv"), SHIPPED, rtol=1e-6)


@pytest.mark.parametrize("page", [DOCS / "planted-affect.md", DATASHEET], ids=lambda page: page.name)
def test_pages_name_this_version_and_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert PlantedDataset("planted", "iid").version in text
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert targets and [target for target in targets if not (page.parent / target).exists()] == []
