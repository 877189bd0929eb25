"""Tags and notes: kept whole, one writer at a time, and as a table that no spreadsheet runs."""

from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest

from fisa.slices import Mark, Notebook, SliceError, marks_table
from fisa.tables import inert


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "home"))
    return Notebook("planted", "iid", "abc")


def test_marks_are_found_again_and_an_empty_one_is_taken_away(notebook: Notebook) -> None:
    assert notebook.read() == {}
    notebook.set("b", Mark.of(["odd", " check  this ", "odd"], "two motifs\nof fear 🙂"))
    notebook.tag(["a", "b"], "new")
    assert notebook.read() == {
        "a": Mark(("new",)),
        "b": Mark(("check this", "new", "odd"), "two motifs\nof fear 🙂"),
    }
    notebook.set("a", Mark())
    assert list(notebook.read()) == ["b"]
    assert Notebook("planted", "iid", "another version").read() == {}


@pytest.mark.parametrize(("tags", "note"), [([""], ""), (["x" * 41], ""), (["a"], "x" * 2001)])
def test_what_is_too_long_or_nothing_is_refused(tags: list[str], note: str) -> None:
    with pytest.raises(SliceError):
        Mark.of(tags, note)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"marks": []}', '{"marks": {"a": {}}}', '{"marks": {"a": {"tags": 3}}}']
)
def test_a_damaged_file_is_refused_and_never_overwritten(content: str, notebook: Notebook) -> None:
    notebook.file.parent.mkdir(parents=True)
    notebook.file.write_text(content)
    for act in (notebook.read, lambda: notebook.tag(["a"], "new")):
        with pytest.raises(SliceError, match=str(notebook.file)):
            act()
    assert notebook.file.read_text() == content


def _tag(notebook: Notebook, first: int) -> None:
    for number in range(first, first + 20):
        notebook.tag([f"image {number}"], "seen")


def test_two_writers_lose_nothing(notebook: Notebook) -> None:
    processes = [get_context("fork").Process(target=_tag, args=(notebook, first)) for first in (0, 20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert notebook.read() == {f"image {number}": Mark(("seen",)) for number in range(40)}


def test_a_table_of_marks_runs_nothing() -> None:
    marks = {"-1.jpg": Mark(("=cmd", "b"), "@SUM(1)"), "a.jpg": Mark((), "5 - 3"), "c.jpg": Mark(("x",), "\tx")}
    table = marks_table(marks)
    assert table.to_numpy().tolist() == [
        ["-1.jpg", "=cmd; b", "@SUM(1)"],
        ["a.jpg", "", "5 - 3"],
        ["c.jpg", "x", "\tx"],
    ]
    assert inert(table).to_numpy().tolist() == [
        ["'-1.jpg", "'=cmd; b", "'@SUM(1)"],
        ["a.jpg", "", "5 - 3"],
        ["c.jpg", "x", "'\tx"],
    ]


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"value": [-1.5, 2.0], "name": ["-1", None]})
    found = inert(table)
    assert found["value"].tolist() == [-1.5, 2.0]
    assert found["name"].tolist()[0] == "'-1" and pd.isna(found["name"].iloc[1])
