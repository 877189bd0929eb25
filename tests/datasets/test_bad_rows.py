"""What is wrong in the rows of a list gets its sentence, all of it at once; with skip_bad the rest is used."""

from pathlib import Path

import pytest
import trees
from faults import GOOD, HEADER, MIKELS, one_image, problems, rows

from fisa.datasets import BadData, DataError, open_dataset

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return one_image(tmp_path / "set")


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([0] * 8, "its votes sum to zero"),
        ([1, -1, *[0] * 6], "one of its votes is negative"),
        (["nan", *[1] * 7], "one of its votes is no number"),
        (["inf", *[1] * 7], "one of its votes is no number"),
        (["", *[1] * 7], "one of its votes is no number"),
        (["many", *[1] * 7], "one of its votes is no number"),
        ([2.5, *[1] * 7], "one of its votes is not whole"),
    ],
)
def test_votes(root: Path, cells: list[object], problem: str) -> None:
    trees.draw(root / "bad.png", 1)
    rows(root, ["bad.png", *cells])
    ((row, image, found, mend),) = problems(root)
    assert (row, image, found) == (3, "bad.png", problem) and mend
    assert open_dataset("folder", root, "all", skip_bad=True).manifest["path"].to_list() == ["good.png"]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([0.4, 0.5, *[0] * 6], "its shares sum to 0.9, not to 1"),
        ([1.5, -0.5, *[0] * 6], "one of its shares is negative"),
        ([0] * 8, "its shares sum to zero"),
    ],
)
def test_shares(root: Path, cells: list[object], problem: str) -> None:
    trees.draw(root / "bad.png", 1)
    good = ["good.png", 0.5, 0.5, *[0] * 6]
    trees.write_lines(root / "manifest.csv", trees.csv_lines(HEADER, [good, ["bad.png", *cells]]))
    assert [(row, text) for row, _, text, _ in problems(root)] == [(3, problem)]


def test_unknown_label(root: Path) -> None:
    trees.write_lines(root / "x.csv", ["image,label,space", "good.png,awe,mikels8", "good.png,bored,mikels8"])
    assert problems(root) == [(3, "good.png", "unknown label 'bored'", f"name one of {', '.join(MIKELS)}")]


def test_unknown_class_folder_and_stray_image(root: Path) -> None:
    trees.classes(root, 1)
    trees.draw(root / "spooky" / "1.png", 5)
    found = problems(root)
    assert (found[0][1], found[0][2]) == ("spooky", "folder of an unknown label, with 1 image")
    assert (found[1][1], found[1][2]) == ("good.png", "lies in no folder of a class")
    assert len(open_dataset("folder", root, "all", skip_bad=True)) == 8


def test_wrong_number_of_cells(root: Path) -> None:
    lines = trees.csv_lines(HEADER, [GOOD])
    trees.write_lines(root / "manifest.csv", [lines[0], "good.png,1,2", lines[1], "good.png," + "1," * 9])
    mend = "give every row as many cells as the header; put quotes around a name that holds a delimiter"
    assert problems(root) == [(2, "", "3 cells, expected 9", mend), (4, "", "11 cells, expected 9", mend)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_blank_lines_count_as_rows_and_are_no_fault(root: Path, line_end: str) -> None:
    header, good = trees.csv_lines(HEADER, [GOOD])
    bad = "bad.png," + ",".join("0" * 8)
    lines = ["", header, "", good, "," * 8, "", "short,1", bad, ""]
    (root / "manifest.csv").write_bytes(line_end.join(lines).encode("utf-8-sig"))
    trees.draw(root / "bad.png", 1)
    found = [(row, text) for row, _, text, _ in problems(root)]
    assert found == [(7, "2 cells, expected 9"), (8, "its votes sum to zero")]


def test_wrong_number_of_columns_in_ground_truth(root: Path) -> None:
    trees.ldl(root, 12)
    file = root / "ground_truth.txt"
    lines = file.read_text().splitlines()
    lines[3] = "3.jpg 1 2"
    lines[5] += " 7"
    trees.write_lines(file, lines)
    found = problems(root, "flickr-ldl")
    assert [(row, text) for row, _, text, _ in found] == [(4, "3 columns, expected 9"), (6, "10 columns, expected 9")]


def test_an_image_listed_twice(root: Path) -> None:
    trees.draw(root / "bad.png", 1)
    other = ["bad.png", 0, 0, 0, 0, 0, 0, 0, 1]
    rows(root, ["bad.png", *GOOD[1:]], other, GOOD, ["./bad.png", *GOOD[1:]])
    with pytest.raises(BadData) as refused:
        open_dataset("folder", root, "all")
    table = refused.value.problems.set_index("row")
    assert set(table.index[table["kind"] == "wrong"]) == {3, 4, 6}
    assert set(table.loc[[3, 4, 6], "problem"]) == {"the image is listed twice with different labels"}
    assert table.loc[5, "kind"] == "note"  # says the same of good.png again
    assert open_dataset("folder", root, "all", skip_bad=True).manifest["path"].to_list() == ["good.png"]


def test_an_image_in_two_splits(root: Path) -> None:
    trees.draw_all(root, ["a.png", "b.png"])
    lines = [["good.png", "awe", "mikels8", "train"], ["a.png", "awe", "mikels8", "test"]]
    lines.append(["good.png", "awe", "mikels8", "test"])
    trees.write_lines(root / "x.csv", trees.csv_lines(["image", "label", "space", "split"], lines))
    assert [(row, text) for row, _, text, _ in problems(root)] == [
        (2, "the image is listed in two splits"),
        (4, "the image is listed in two splits"),
    ]


def test_a_repetition_alone_is_no_fault(root: Path) -> None:
    rows(root, GOOD)
    assert len(open_dataset("folder", root, "all")) == 1


def test_ratings(root: Path) -> None:
    header = ["image", "label", "space", "valence"]
    trees.draw_all(root, ("a.png", "b.png"))
    lines = [["good.png", "awe", "mikels8", ""], ["a.png", "awe", "mikels8", 5], ["b.png", "awe", "mikels8", "high"]]
    trees.write_lines(root / "x.csv", trees.csv_lines(header, lines))
    assert [(row, text) for row, _, text, _ in problems(root)] == [
        (3, "its valence is not in -1 to 1"),
        (4, "its valence is no number"),
    ]


def test_splits(root: Path) -> None:
    trees.draw(root / "a.png", 1)
    header = ["image", "label", "space", "split"]
    lines = [["good.png", "awe", "mikels8", "train"], ["a.png", "awe", "mikels8", "holdout"]]
    trees.write_lines(root / "x.csv", trees.csv_lines(header, lines))
    ((row, _, problem, mend),) = problems(root)
    assert (row, problem) == (3, "has an unknown split") and mend.startswith("name one of train, ")
    lines[1][3] = "train"
    trees.write_lines(root / "x.csv", trees.csv_lines(header, lines))
    with pytest.raises(DataError, match="names splits, and no image is for testing"):
        open_dataset("folder", root)
