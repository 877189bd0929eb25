"""What is wrong on disk gets its sentence, all of it at once; with skip_bad the rest is used."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fisa.datasets import BadData, DataError, open_collection, open_dataset, open_splits, reading
from fisa.datasets.listing import list_folder
from fisa.datasets.problems import Problems
from fisa.emotions import MIKELS8
from fisa.images import ImageRefused

MIKELS = list(MIKELS8.labels)
HEADER = ["image", *MIKELS]
GOOD = ["good.png", 1, 0, 0, 0, 0, 0, 3, 0]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    trees.draw(folder / "good.png", 0)
    return folder


def problems(root: Path, name: str = "folder") -> list[tuple[object, str, str, str]]:
    """Row, image, problem and mend of everything that strict opening refuses; the rest opens with skip_bad."""
    with pytest.raises(BadData) as refused:
        open_dataset(name, root, "all")
    table = refused.value.problems
    assert str(refused.value).startswith(f"{root.resolve()}: {len(table)} problem")
    assert "\n" not in str(refused.value) and str(table["problem"].iloc[0]) in str(refused.value)
    collection = open_collection(name, root, skip_bad=True)
    assert collection.problems.table.equals(table)
    return list(table[["row", "image", "problem", "mend"]].itertuples(index=False, name=None))


def rows(root: Path, *bad: list[object], header: list[str] = HEADER) -> None:
    trees.write_lines(root / "manifest.csv", trees.csv_lines(header, [GOOD[: len(header)], *bad]))


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


@pytest.mark.parametrize(
    "name", ["../outside.png", "/etc/passwd", "sub/../../outside.png", "C:\\x.png", "\\\\host\\x.png"]
)
def test_names_that_lead_out(root: Path, name: str) -> None:
    trees.draw(root.parent / "outside.png", 1)
    rows(root, [name, *GOOD[1:]])
    ((row, image, problem, mend),) = problems(root)
    assert (row, image, problem) == (3, name, "the name leads out of the data folder, or may")
    assert mend == "correct the name, or put the image there"


def test_links(root: Path) -> None:
    trees.draw(root.parent / "outside.png", 1)
    (root / "out.png").symlink_to(root.parent / "outside.png")
    (root / "in.png").symlink_to("good.png")
    (root / "gone.png").symlink_to("nothing.png")
    (root / "self.png").symlink_to("self.png")
    (root / "loop").symlink_to(".")
    (root / "away").symlink_to(root.parent)
    (root / "note.txt").symlink_to("/etc/passwd")  # no image, and named by no list
    rows(root, *([name, *GOOD[1:]] for name in ("in.png", "out.png", "loop/good.png", "away/outside.png")))
    found = {(None if pd.isna(row) else row, image): problem for row, image, problem, _ in problems(root)}
    folder = "is a link to a folder, which is not followed"
    assert found == {
        (None, "out.png"): "is a link that leads out of the data folder",
        (None, "gone.png"): "is a link that leads nowhere",
        (None, "self.png"): "is a link that leads to itself",
        (None, "loop"): folder,
        (None, "away"): folder,
        (4, "out.png"): "out.png is a link that leads out of the data folder",
        (5, "loop/good.png"): f"loop {folder}",
        (6, "away/outside.png"): f"away {folder}",
    }
    assert open_dataset("folder", root, "all", skip_bad=True).manifest["path"].to_list() == ["good.png", "in.png"]


def test_a_list_behind_a_link_that_leads_out_is_not_read(root: Path) -> None:
    trees.ldl(root.parent / "other")
    (root / "ground_truth.txt").symlink_to(root.parent / "other" / "ground_truth.txt")
    with pytest.raises(DataError, match=r"ground_truth\.txt is missing.* is a link that leads out of the data folder"):
        open_dataset("flickr-ldl", root)


def test_the_root_may_be_a_link(root: Path) -> None:
    rows(root)
    (root.parent / "link").symlink_to(root)
    assert len(open_dataset("folder", root.parent / "link", "all")) == 1


def test_missing_images_and_the_nearest_name(root: Path) -> None:
    rows(root, ["gone.png", *GOOD[1:]], ["GOOD.PNG", *GOOD[1:]], ["", *GOOD[1:]])
    found = [problem for _, _, problem, _ in problems(root)]
    assert found == ["no such image", "no such image, but there is good.png", "no such image"]


ODD = [
    "with space.png",
    "quo'te\".png",
    "new\nline.png",
    "comma, semicolon; tab\t.png",
    unicodedata.normalize("NFC", "é ü.png"),
    unicodedata.normalize("NFD", "ö å.png"),
    "x" * 251 + ".png",
    "表情😀.png",
]


def test_odd_names(root: Path) -> None:
    trees.manifest(root, HEADER, [[name, *GOOD[1:]] for name in ODD])
    data = open_dataset("folder", root, "all")
    assert data.manifest["path"].to_list() == ODD
    assert all(data[index].image.shape == (8, 8, 3) for index in range(len(data)))
    assert len(data.version) == 12


def test_the_other_unicode_form(root: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
    trees.draw(root / decomposed, 1)
    rows(root, [composed, *GOOD[1:]])
    assert open_dataset("folder", root, "all").manifest["path"].to_list() == ["good.png", decomposed]
    trees.draw(root / composed, 2)  # now both are there, and the list means the one that it spells
    collection = open_collection("folder", root)
    assert collection.manifest["path"].to_list() == ["good.png", composed]
    (note,) = collection.problems.table.itertuples()
    assert note.kind == "note" and note.problem == "2 files have this name, in several Unicode normal forms"


def test_names_that_are_not_utf8(root: Path) -> None:
    rows(root)
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff.png"))).write_bytes(b"")
    assert problems(root)[0][1:] == (repr("\udcff.png"), "the name is not UTF-8", "rename it in UTF-8")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no rows; check the file"),
        (b"image,label\n", "holds no rows; check the file"),
        (b"image,label\ngood.png,\xe9\n", "is not text in UTF-8; save it as UTF-8"),
        (b'image,label\n"good.png,awe\n', 'a quotation mark (") is opened and not closed; close or remove it'),
        (b"image,label,label\ngood.png,awe,awe\n", "the column 'label' stands twice; remove one"),
        (b"photo,label\ngood.png,awe\n", "no column of images; name it image"),
        (b"image,label\ngood.png,bored\n", "'bored' is in no label space; name their space in a column space"),
        (b"image,label,space\ngood.png,awe,mikels\n", "the column space holds 'mikels'; name one of mikels8, "),
        (
            b"image,amusement,awe\ngood.png,1,2\n",
            "no column for contentment, excitement, anger, disgust, fear, sadness",
        ),
        (
            b"image,label,valence (9 to 1)\ngood.png,awe,2\n",
            "the header 'valence (9 to 1)' states no range; write it as ",
        ),
        (b"image,x\ngood.png,1\n", "no columns of emotions, and none named label, emotion, class; "),
    ],
)
def test_lists_that_cannot_be_used(root: Path, content: bytes, sentence: str) -> None:
    (root / "x.csv").write_bytes(content)
    with pytest.raises(DataError) as refused:
        open_dataset("folder", root)
    assert str(refused.value).startswith(f"{root.resolve() / 'x.csv'}: {sentence}")


def test_a_damaged_parquet_or_matlab_file(root: Path) -> None:
    (root / "x.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as Parquet"):
        open_dataset("folder", root)
    trees.ldl(root)
    (root / "a_ldl_config.mat").write_bytes(b"MATLAB 7.3 nothing")
    with pytest.raises(DataError, match=r"a_ldl_config\.mat: cannot be read as MATLAB"):
        open_dataset("flickr-ldl", root)


def test_several_lists(root: Path) -> None:
    rows(root)
    (root / "other.csv").write_text("x")
    assert len(open_dataset("folder", root, "all")) == 1  # the one called manifest
    (root / "manifest.csv").rename(root / "mine.csv")
    with pytest.raises(DataError, match=r"several lists \(mine.csv, other.csv\); call the one meant manifest.csv"):
        open_dataset("folder", root)


@pytest.mark.parametrize("write", ["csv", "parquet"])
def test_a_list_that_is_too_long_is_refused_before_it_fills_the_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 1000)
    table = pd.DataFrame({"image": ["good.png"] * 1001, "label": "awe", "space": "mikels8"})
    if write == "csv":
        table.to_csv(root / "x.csv", index=False)
    else:
        table.to_parquet(root / "x.parquet")
    with pytest.raises(DataError, match=rf"x\.{write}: .*1,00[01] rows; split the list"):
        open_dataset("folder", root)
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    if write == "csv":
        with pytest.raises(DataError, match=r"x\.csv: .* bytes, limit 100; split the list"):
            open_dataset("folder", root)


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


def test_a_message_names_the_first_few_and_the_number(root: Path) -> None:
    rows(root, *([f"{number}.png", *GOOD[1:]] for number in range(5)))
    with pytest.raises(BadData) as refused:
        open_dataset("folder", root)
    assert str(refused.value) == (
        f"{root.resolve()}: 5 problems, which data.skip_bad would leave out: "
        + "; ".join(
            f"manifest.csv row {row} ({row - 3}.png): no such image (correct the name, or put the image there)"
            for row in (3, 4, 5)
        )
        + "; and 2 more"
    )


@pytest.mark.parametrize("content", [b"a text file", b"", None], ids=["text", "empty", "cut short"])
def test_what_cannot_be_decoded(root: Path, content: bytes | None) -> None:
    trees.classes(root, 3)
    (root / "good.png").unlink()
    file = root / "awe" / "awe_01.jpg"
    file.write_bytes(file.read_bytes()[:-200] if content is None else content)
    data = open_dataset("fi", root, "all")  # opening decodes nothing
    with pytest.raises(ImageRefused, match=r"awe_01\.jpg"):
        data[data.manifest["path"].to_list().index("awe/awe_01.jpg")]
    kept = open_dataset("fi", root, "all", skip_bad=True)
    assert len(kept) == 23 and "awe/awe_01.jpg" not in kept.manifest["path"].to_list()


def test_nothing_is_left(root: Path) -> None:
    rows(root, ["gone.png", *GOOD[1:]])
    (root / "good.png").unlink()
    with pytest.raises(DataError, match="no usable image is left; `python -m fisa data check` says why"):
        open_splits("folder", root, skip_bad=True)


def test_a_read_only_root(root: Path) -> None:
    trees.classes(root, 3)
    (root / "good.png").unlink()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    for folder in (root, *(path for path in root.iterdir())):
        folder.chmod(0o555)
    try:
        assert open_dataset("fi", root, "train", skip_bad=True).version
    finally:
        for folder in (root, *(path for path in root.iterdir())):
            folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_folder_that_cannot_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.draw(root / "locked" / "a.png", 1)
    rows(root, ["locked/a.png", *GOOD[1:]])
    real: Callable[..., object] = os.scandir

    def scandir(folder: object) -> object:
        if str(folder).endswith("locked"):  # root, as whom tests may run, can read everything
            raise PermissionError(13, "Permission denied", folder)
        return real(folder)

    monkeypatch.setattr("fisa.datasets.listing.os.scandir", scandir)
    texts = [problem for _, _, problem, _ in problems(root)]
    assert texts == [
        "folder cannot be read (Permission denied)",
        "locked cannot be read (Permission denied)",
    ]


def test_hidden_files_are_passed_over(root: Path) -> None:
    trees.draw(root / "._good.png", 1)
    trees.draw(root / ".cache" / "x.png", 1)
    assert list_folder(root, Problems()).images.to_list() == ["good.png"]


def test_a_deep_tree(root: Path) -> None:
    deep = "/".join(["d"] * 300)
    trees.draw(root / deep / "a.png", 1)
    rows(root, [f"{deep}/a.png", *GOOD[1:]])
    assert len(open_dataset("folder", root, "all")) == 2


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0\\", exclude_categories=("Cs", "Zl", "Zp")),
    min_size=1,
    max_size=30,
).filter(lambda name: not name.startswith(".") and name.strip() == name)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tree=st.dictionaries(
        NAMES,
        st.lists(st.integers(0, 20), min_size=8, max_size=8).filter(any),
        min_size=1,
        max_size=6,
    ),
    folders=st.lists(st.sampled_from(["", "sub/", "images/", "a b/c/"]), min_size=6, max_size=6),
    parquet=st.booleans(),
)
def test_a_random_tree_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, list[int]], folders: list[str], parquet: bool
) -> None:
    root = tmp_path_factory.mktemp("tree")
    names = [f"{folder}{name}.png" for folder, name in zip(folders, tree, strict=False)]
    trees.draw_all(root, names)
    cast = np.array(list(tree.values()))
    table = pd.DataFrame({"image": names, **dict(zip(MIKELS, cast.T, strict=True))})
    if parquet:
        table.to_parquet(root / "list.parquet")
    else:
        trees.write_lines(root / "list.csv", trees.csv_lines(list(table), table.itertuples(index=False)))
    manifest = open_dataset("folder", root, "all").manifest
    assert manifest["path"].to_list() == names
    np.testing.assert_array_equal(manifest["votes"], cast.sum(1))
    np.testing.assert_allclose(manifest[MIKELS], cast / cast.sum(1, keepdims=True))
