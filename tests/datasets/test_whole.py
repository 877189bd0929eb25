"""A data set as people browse it, whatever it holds and whatever is wrong with it."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import trees
from PIL import Image

from fisa.datasets import DataError, open_splits
from fisa.datasets.whole import read_whole, stamp
from fisa.emotions import MIKELS8, RATINGS
from fisa.images import ImageRefused, decode

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


def test_splits_are_those_in_which_training_has_the_images(root: Path) -> None:
    trees.ldl(root, 40)
    whole = read_whole("flickr-ldl", root)
    assert len(whole.manifest) == 40 and whole.unsplit == "" and whole.published == 11150
    for split, data in open_splits("flickr-ldl", root).items():
        assert set(data.manifest["id"]) == set(whole.manifest.loc[whole.manifest["split"] == split, "id"])


def test_drawn_scenes_are_those_of_their_data_set() -> None:
    told: list[tuple[int, int]] = []
    whole = read_whole("planted-tiny", None, lambda done, total: told.append((done, total)))
    assert len(whole.manifest) == 160 + 40 + 60 and told == [(0, 260), (160, 260), (200, 260)]
    row = int(np.flatnonzero(whole.manifest["id"] == "iid-00003")[0])
    np.testing.assert_array_equal(whole.picture(row, 64), open_splits("planted-tiny", None, ["test"])["test"][3].image)
    assert whole.file(row) is None and whole.has_images


def test_what_is_wrong_is_left_out_and_told(root: Path) -> None:
    trees.ldl(root, 40)
    with (root / "ground_truth.txt").open("a") as file:
        file.write("absent.jpg 1 0 0 0 0 0 0 0\n")
    (root / "images" / "1.jpg").write_text("no image")
    whole = read_whole("flickr-ldl", root)
    assert len(whole.manifest) == 40 and whole.problems["image"].tolist() == ["absent.jpg"]
    with pytest.raises(ImageRefused, match=r"1\.jpg: is not an image"):
        whole.picture(int(np.flatnonzero(whole.manifest["path"] == "images/1.jpg")[0]), 64)


def test_too_little_to_split_is_whole_all_the_same(root: Path) -> None:
    trees.manifest(root, ["image", *MIKELS8.labels], [["a.png", 1, 0, 0, 0, 0, 0, 0, 0]])
    whole = read_whole("folder", root)
    assert whole.manifest["split"].tolist() == [""] and "too few" in whole.unsplit and str(root) not in whole.unsplit


def test_nothing_right_is_an_empty_manifest_with_its_problems(root: Path) -> None:
    trees.write_lines(root / "ground_truth.txt", [trees.LDL_HEADER, "absent.jpg 1 0 0 0 0 0 0 0"])
    whole = read_whole("flickr-ldl", root)
    assert len(whole.manifest) == 0 and len(whole.problems) == 1 and whole.unsplit == "no row is right"


def test_ratings_keep_their_original_range(root: Path) -> None:
    trees.oasis(root)
    whole = read_whole("oasis", root)
    assert whole.space == RATINGS and whole.ranges == {"valence": (1, 7), "arousal": (1, 7)}
    assert "entropy" not in whole.manifest


def test_vectors_have_no_image(root: Path) -> None:
    root.mkdir()
    drawn = np.random.default_rng(0)
    np.savez(root / "x.npz", features=drawn.normal(size=(30, 4)), labels=drawn.dirichlet(np.ones(7), 30))
    whole = read_whole("features", root)
    assert len(whole.manifest) == 30 and not whole.has_images
    assert set(whole.manifest["split"]) == {"train", "validation", "test"}
    with pytest.raises(DataError, match="feature vectors"):
        whole.picture(0, 64)


@pytest.mark.parametrize(("name", "root", "message"), [("nothing", None, "unknown data set"), ("oasis", None, "path")])
def test_what_cannot_be_read_is_refused(name: str, root: None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_whole(name, root)


def test_pictures_of_photographs_are_what_decoding_gives(root: Path) -> None:
    trees.oasis(root)
    whole = read_whole("oasis", root)
    file = whole.file(0)
    assert file is not None
    np.testing.assert_array_equal(whole.picture(0, 100), decode(file))


def test_the_stamp_changes_with_lists_and_folders_and_not_by_itself(root: Path) -> None:
    trees.oasis(root)
    before = stamp(root)
    assert before == stamp(root) and before
    (root / "OASIS.csv").write_bytes((root / "OASIS.csv").read_bytes() + b" ")
    changed = stamp(root)
    assert changed != before
    Image.new("RGB", (3, 3)).save(root / "images" / "new.jpg")
    assert stamp(root) != changed
    assert stamp(root / "OASIS.csv")[0][0] == "OASIS.csv" and stamp(root / "gone") == ()


@pytest.mark.parametrize("target", ["nowhere", "other.csv"])
def test_a_list_that_is_a_link_to_nothing_does_not_blind_the_stamp(root: Path, target: str) -> None:
    trees.oasis(root)
    (root / "other.csv").symlink_to(target)
    before = stamp(root)
    (root / "OASIS.csv").write_bytes((root / "OASIS.csv").read_bytes() + b" ")
    assert stamp(root) != before


@pytest.mark.parametrize("recent", [0, 2 * 10**9])
def test_the_stamp_sees_what_comes_and_goes_far_down(recent: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fisa.datasets.whole.RECENT", recent)  # with 0 a folder is listed once for each of its times
    deep = root / "images" / "joy" / "2024"
    deep.mkdir(parents=True)
    (root / ".hidden").mkdir()
    (root / "images" / "loop").symlink_to(root)
    stamps = [stamp(root)]
    (root / ".hidden" / "x.jpg").touch()
    assert stamp(root) == stamps[0] and [name for name, *_ in stamps[0]] == [
        "",
        "images",
        "images/joy",
        "images/joy/2024",
    ]
    for act in (
        lambda: Image.new("RGB", (3, 3)).save(deep / "new.jpg"),
        lambda: (deep / "deeper").mkdir(),
        lambda: Image.new("RGB", (3, 3)).save(deep / "deeper" / "new.jpg"),
        lambda: (deep / "new.jpg").unlink(),
    ):
        time.sleep(0.02)  # a file system tells times some milliseconds apart
        act()
        stamps.append(stamp(root))
        assert stamp(root) == stamps[-1]
    assert len(set(stamps)) == 5


def test_folders_that_stay_are_not_listed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        trees.draw(root / "images" / str(number) / "a.jpg", number)
    for folder in (*(root / "images").iterdir(), root / "images", root):
        os.utime(folder, (1e9, 1e9))
    before = stamp(root)
    listed: list[object] = []
    look = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), look(folder))[1])
    assert stamp(root) == before and listed == []
