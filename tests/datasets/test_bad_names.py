"""Names that lead out, nowhere or to several files are refused; odd ones are read."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from faults import GOOD, HEADER, MIKELS, one_image, problems, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fisa.datasets import DataError, open_collection, open_dataset
from fisa.datasets.listing import list_folder
from fisa.datasets.problems import Problems

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return one_image(tmp_path / "set")


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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
