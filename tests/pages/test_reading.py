"""Help in place: every view has one, each leads to a section of docs/methods.md, and that opens inside the studio."""

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from graded_runs import store_by_hand
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from fisa.runs import load_run
from fisa.ui import handbook
from fisa.ui.gallery import HELP
from fisa.ui.reading_texts import READINGS

Visit = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]
IMAGE = {"wheel", "overlay", "contributions", "matrices"}
VIEWS: dict[str, tuple[dict[str, str], set[str]]] = {
    "home": ({}, {"runs", "scenes", "diagram"}),
    "explain": ({"run": "fisa"}, {*IMAGE, "among", "attribution", "deletion", "what_if"}),
    "compare": ({"run": "fisa", "against": "cnn"}, {*IMAGE, "settings", "study_draft", "paired", "errors"}),
    "gallery": ({"run": "fisa"}, {"gallery"}),
    "gallery?": ({"run": "fisa", "panel": "measures"}, {"mean_measures"}),
    "gallery??": ({"run": "fisa", "panel": "found"}, {"slices_found"}),
    "interactions": ({"run": "fisa"}, {"head_means", "head_pair", "head_likeness", "head_known"}),
    "map": ({"run": "fisa", "filter": "entropy>0.1"}, {"map", "map_selection", "map_neighbours", "wheel"}),
    "retrieval": ({"run": "cnn"}, {"retrieval", "retrieval_scores"}),
    "grades": ({"run": "fisa"}, {"goals", "grades", "shifts"}),
    "metrics": ({"run": "fisa"}, {"table", "confusion", "transfer", "published"}),
    "studies": ({"study": "emotion6-features"}, {"study", "study_differences", "study_claims"}),
    "data": (
        {"data": "planted-tiny"},
        {"wheel", "splits", "mean_distribution", "totals", "entropy", "together", "votes"},
    ),
    "train": ({"job": "fisa"}, {"curves"}),
}
"""Of each page, as a link opens it: the help that it must have."""


@pytest.fixture
def everything(shelf: Path, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two small runs, one of them graded by hand and once more among one's own; the studies that ship."""
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, shelf / name)
    store_by_hand(load_run(shelf / "fisa"))
    shutil.copytree(ROOT / "artifacts" / "studies", shelf / "studies")
    shutil.copytree(tiny_runs / "fisa", tmp_path / "own" / "fisa")
    (tmp_path / "own" / "fisa" / "job").mkdir()  # it was begun here
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "own"))
    return shelf


def blocks(block: Block) -> Iterator[Block]:
    """The block and all in it that may hold something."""
    yield block
    for child in block.children.values():
        if isinstance(child, Block):
            yield from blocks(child)


def helps(block: Block) -> set[str]:
    """Return which help a block holds."""
    popovers = [each for each in blocks(block) if each.type == "popover"]
    texts = ["\n".join(str(each.value) for each in popover.markdown) for popover in popovers]
    return {name for name, reading in READINGS.items() for text in texts if reading.words in text}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_help_and_every_heading_one_beside_it(view: str, everything: Path, visit: Visit) -> None:
    query, expected = VIEWS[view]
    app = visit(view.rstrip("?"), **query)
    assert not app.exception and not app.error
    assert helps(app.main) == expected
    for block in blocks(app.main):
        own = [each for each in block.children.values() if isinstance(each, Element) and each.type == "header"]
        assert all(helps(block) for _ in own), [str(each) for each in own]


def test_each_help_leads_to_a_section_of_the_methods(everything: Path, visit: Visit) -> None:
    assert {reading.section for reading in READINGS.values()} <= handbook.sections().keys()
    app = visit("explain", run="fisa")
    links = {link.proto.query_string for link in app.get("page_link") if link.proto.page == "methods"}
    assert {f"section={READINGS[name].section}" for name in VIEWS["explain"][1]} <= links


def test_no_help_is_longer_than_two_lines_or_unused() -> None:
    assert max(len(reading.words) for reading in READINGS.values()) <= 240  # two lines of a popover at 1280 pixels
    files = [*(ROOT / "pages").glob("*.py"), *(ROOT / "fisa" / "ui").glob("*.py")]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files if file.name != "reading_texts.py"]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert READINGS.keys() <= texts
    assert set(HELP.values()) <= READINGS.keys()


def test_anchors_are_those_of_github() -> None:
    # As github.com shows them for docs/methods.md.
    assert handbook.anchor_of("15.1 Attribution") == "151-attribution"
    assert handbook.anchor_of("2. Label spaces and the wheel") == "2-label-spaces-and-the-wheel"
    assert handbook.anchor_of("18.3 JCDL") == "183-jcdl"


def test_a_chapter_has_its_parts_and_a_comment_in_code_is_no_heading() -> None:
    document = "# M\n\n## 1. One\na\n```\n## code\n```\n### 1.1 Part\nb\n## 2. Two\nc\n"
    found = handbook._sections(document)
    assert list(found) == ["1-one", "11-part", "2-two"]
    assert found["1-one"].text == "## 1. One\na\n```\n## code\n```\n### 1.1 Part\nb"
    assert found["11-part"].text == "### 1.1 Part\nb" and found["2-two"].text == "## 2. Two\nc"


def test_equations_stand_on_lines_of_their_own_and_links_into_the_repository_are_text() -> None:
    assert handbook.shown("so\n\n$$a\n= b,$$\n\nand") == "so\n\n$$\na\n= b,\n$$\n\nand"
    assert handbook.shown("[`x.py`](../x.py), [web](https://a.b)") == "`x.py`, [web](https://a.b)"


def test_the_section_of_the_address_opens_and_one_that_is_not_there_becomes_the_nearest(
    shelf: Path, visit: Visit
) -> None:
    app = visit("methods", section="10-contributions")
    assert not app.exception and not app.warning
    assert app.main.markdown[0].value.startswith("## 10. Contributions\n")
    app = visit("methods", section="10-contribution")
    assert app.main.markdown[0].value.startswith("## 10. Contributions\n")
    assert "section of the methods" in app.warning[0].value


def test_without_the_document_the_page_says_so_and_others_open(
    full: Path, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handbook, "FILE", tmp_path / "gone.md")
    app = visit("methods")
    assert not app.exception and "gone.md" in app.error[0].value.replace("\\", "")
    app = visit("retrieval", run="cnn")
    assert not app.exception and not app.error
