"""Folders are recognised by what lies at their top, or listed with the reason why not."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees

from fisa.datasets import DATASETS
from fisa.datasets import found as finding
from fisa.datasets.found import data_folders, find_sets, recognise
from fisa.emotions import AFFECTNET8, MIKELS8

MIKELS = list(MIKELS8.labels)


def twitter(root: Path) -> None:
    trees.ldl(root, 4, raters=8)


def emotion6_without_neutral(root: Path) -> None:
    trees.emotion6(root, 1, neutral=False)


def votes(root: Path) -> None:
    trees.manifest(root, ["image", *MIKELS], [["a.png", *range(8)]])


def aesthetics(root: Path) -> None:
    trees.manifest(root, ["image", "score_1", "score_2", "score_3"], [["a.png", 1, 2, 3]], "scores.csv")


def ava(root: Path) -> None:
    trees.draw(root / "images" / "100.jpg", 0)
    trees.write_lines(root / "AVA.txt", ["1 100 " + "1 " * 10 + "0 0 7"])


def features(root: Path) -> None:
    root.mkdir(exist_ok=True)
    np.savez(root / "vectors.npz", features=np.zeros((3, 2)), labels=np.full((3, 6), 1 / 6))


def feature_table(root: Path) -> None:
    root.mkdir(exist_ok=True)
    columns = {"feature_0": [0.0], **{label: [1 / 8] for label in MIKELS}}
    pd.DataFrame(columns).to_parquet(root / "vectors.parquet")


def in_splits(root: Path) -> None:
    for split in ("train", "test"):
        trees.classes(root / split, 1)


def below_images(root: Path) -> None:
    trees.classes(root / "images", 1, AFFECTNET8.labels)


def artphoto(root: Path) -> None:
    trees.draw_all(root, ["sad_0001.jpg", "awe_0001.jpg"])


def affectnet_below(root: Path) -> None:
    trees.affectnet(root / "Manually_Annotated_file_lists", each=1)


@pytest.mark.parametrize(
    ("make", "layouts"),
    [
        (trees.oasis, ("oasis",)),
        (trees.abstract, ("abstract",)),
        (trees.emoset, ("emoset",)),
        (trees.affectnet, ("affectnet",)),
        (affectnet_below, ("affectnet",)),
        (trees.emotion6, ("emotion6", "emotion6-6")),
        (emotion6_without_neutral, ("emotion6", "emotion6-6")),
        (trees.ldl, ("flickr-ldl", "twitter-ldl")),
        (twitter, ("twitter-ldl", "flickr-ldl")),
        (votes, ("folder",)),
        (aesthetics, ("aesthetics",)),
        (ava, ("aesthetics",)),
        (features, ("features",)),
        (feature_table, ("features",)),
        (trees.classes, ("folder", "fi")),
        (in_splits, ("folder",)),
        (below_images, ("folder",)),
        (artphoto, ("artphoto",)),
    ],
)
def test_layouts_are_told_by_their_files_and_open_as_what_they_are(
    make: Callable[[Path], object], layouts: tuple[str, ...], tmp_path: Path
) -> None:
    root = tmp_path / "photographs"
    make(root)
    found = recognise(root)
    assert found.path == root and found.layouts == layouts and found.reason
    if make is not affectnet_below:  # its images lie at another place than the tree has them
        collection = DATASETS[layouts[0]].collect(layouts[0], root)  # type: ignore[union-attr]
        assert len(collection.manifest)


@pytest.mark.parametrize(
    ("name", "make", "first"),
    [
        ("Twitter LDL", trees.ldl, "twitter-ldl"),  # the name counts before the 11 votes a row
        ("flickr", twitter, "flickr-ldl"),
        ("FI", trees.classes, "fi"),
        ("fi_dataset", trees.classes, "fi"),
        ("fisa", trees.classes, "folder"),
        ("IAPSa", votes, "iapsa"),
    ],
)
def test_the_name_of_the_folder_decides_between_equal_layouts(
    name: str, make: Callable[[Path], object], first: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    assert recognise(tmp_path / name).layouts[0] == first


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "neither a list, nor images"),
        (["a.jpg"], "images, but neither a list"),
        (["one.csv", "two.csv"], "several lists (one.csv, two.csv); call the one meant manifest.csv"),
        (["one.csv"], "one.csv has no column of images"),
        (["ground_truth.txt"], "ground_truth.txt has a header that no known set has"),
        (["awe/a.jpg", "holiday/b.jpg"], "neither a list, nor images"),
        (["broken.parquet"], "broken.parquet has no column of images"),
    ],
)
def test_what_is_not_recognised_has_a_reason(files: list[str], reason: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("nothing of use\n" if files != ["ground_truth.txt"] else "")
    found = recognise(tmp_path)
    assert found.layouts == () and reason in found.reason


def test_what_cannot_be_looked_at_has_a_reason(tmp_path: Path) -> None:
    assert "no such folder" in recognise(tmp_path / "nowhere").reason
    (tmp_path / "note.txt").write_text("")
    assert "none of feature vectors" in recognise(tmp_path / "note.txt").reason
    assert "no such folder" in recognise(Path("a\0b")).reason
    assert "no such folder" in recognise(Path("~nobody-of-this-name/set")).reason
    assert "too long" in recognise(tmp_path / ("x" * 5000)).reason
    assert "not UTF-8" in recognise(tmp_path / os.fsdecode(b"\xff")).reason


def test_a_folder_that_may_not_be_read_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(finding.os, "scandir", refuse)  # root may read everything
    assert recognise(tmp_path).reason == "cannot be read (Permission denied); check its permissions"


def test_folders_are_sets_or_hold_some_and_nothing_is_passed_over(tmp_path: Path) -> None:
    trees.oasis(tmp_path / "one")
    shelf = tmp_path / "shelf"
    trees.emotion6(shelf / "Emotion <b>6 🙂", 1)
    (shelf / "holiday").mkdir()
    (shelf / ".hidden").mkdir()
    features(shelf)
    os.symlink(tmp_path / "one", shelf / "linked")
    found = {each.path.relative_to(tmp_path).as_posix(): each.layouts for each in find_sets([tmp_path / "one", shelf])}
    assert found == {
        "one": ("oasis",),
        "shelf/vectors.npz": ("features",),
        "shelf/Emotion <b>6 🙂": ("emotion6", "emotion6-6"),
        "shelf/holiday": (),
        "shelf/linked": ("oasis",),
    }
    assert [each.layouts for each in find_sets([tmp_path / "one", tmp_path / "one"])] == [("oasis",)]
    assert "no such folder" in find_sets([tmp_path / "gone"])[0].reason


def test_no_image_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.oasis(tmp_path / "set")
    opened: list[str] = []
    real = Path.open

    def watched(self: Path, *arguments: object, **options: object) -> object:
        opened.append(self.name)
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", watched)
    assert find_sets([tmp_path])[0].layouts == ("oasis",)
    assert [name for name in opened if name.endswith(".jpg")] == []


def test_the_variable_names_folders_as_path_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_DATA", os.pathsep.join(["/a b", "", "~/c"]))
    assert data_folders() == [Path("/a b"), Path("~/c").expanduser()]
    monkeypatch.delenv("FISA_DATA")
    assert data_folders() == []
