"""Folders of one's own, and what all layouts have in common: splits, versions, and what is missing."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from manifests import whole

from fisa.datasets import DATASETS, DataError, Photographs, open_dataset, open_splits
from fisa.emotions import EKMAN6, MIKELS8

pytestmark = pytest.mark.usefixtures("own_cache")
MIKELS = list(MIKELS8.labels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


class TestFolder:
    def test_votes(self, root: Path) -> None:
        # 1 + 3 votes of 4: degrees .25 and .75.
        header = ["image", *MIKELS]
        trees.manifest(root, header, [["a.png", 1, 0, 0, 0, 0, 0, 3, 0], ["sub/b.png", 0, 2, 0, 0, 0, 0, 0, 0]])
        manifest = whole("folder", root)
        assert list(manifest["votes"]) == [4, 2] and list(manifest["path"]) == ["a.png", "sub/b.png"]
        assert manifest.loc[0, "amusement"] == 0.25 and manifest.loc[0, "fear"] == 0.75

    def test_shares_with_ratings_and_splits(self, root: Path) -> None:
        header = ["file", "Anger", "Disgust", "Fear", "Happy", "Sad", "Surprise", "valence (1 to 9)", "Split"]
        rows = [
            ["a.png", 0.5, 0, 0, 0.5, 0, 0, 9, "training"],
            ["b.png", 0, 0, 0, 0.33, 0.33, 0.33, 3, "val"],  # rounded to two places: scaled to thirds
            ["c.png", 0, 1, 0, 0, 0, 0, "", "TEST"],
        ]
        trees.manifest(root, header, rows, "list.csv")
        manifest = whole("folder", root)
        assert open_dataset("folder", root).space == EKMAN6
        assert list(manifest["votes"]) == [0, 0, 0]
        assert manifest.loc[1, "joy"] == pytest.approx(1 / 3)
        # (9 - 1) / 8 * 2 - 1 = 1; (3 - 1) / 8 * 2 - 1 = -.5; an empty cell is a missing rating.
        np.testing.assert_array_equal(manifest["valence"], [1, -0.5, np.nan])
        data = open_dataset("folder", root)
        assert isinstance(data, Photographs) and data.ranges == {"valence": (1, 9)}
        splits = open_splits("folder", root)
        assert {name: list(split.manifest["path"]) for name, split in splits.items()} == {
            "train": ["a.png"],
            "validation": ["b.png"],
            "test": ["c.png"],
        }

    def test_emotion_columns_count_before_a_label(self, root: Path) -> None:
        trees.manifest(root, ["image", "class", *MIKELS], [["a.png", "dog", 1, 0, 0, 0, 0, 0, 3, 0]])
        assert whole("folder", root).loc[0, "fear"] == 0.75

    def test_one_label_in_parquet(self, root: Path) -> None:
        rows = [(f"{number}.png", label) for number, label in enumerate(MIKELS)]
        trees.draw_all(root / "images", (name for name, _ in rows))
        pd.DataFrame(rows, columns=["image", "emotion"]).to_parquet(root / "manifest.parquet")
        manifest = whole("folder", root)
        np.testing.assert_array_equal(manifest[MIKELS], np.eye(8))
        assert list(manifest["path"]) == [f"images/{number}.png" for number in range(8)]

    @pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ";"), ("tsv", "\t"), ("csv", "\t")])
    def test_delimiters_byte_order_mark_and_windows_line_ends(self, root: Path, suffix: str, delimiter: str) -> None:
        trees.draw(root / "a.png", 0)
        text = delimiter.join(["image", "label", "space"]) + "\r\n" + delimiter.join(["a.png", "Fear", "mikels8"])
        (root / f"x.{suffix}").write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert whole("folder", root).loc[0, "fear"] == 1

    def test_class_folders(self, root: Path) -> None:
        names = trees.classes(root)
        manifest = whole("folder", root)
        assert sorted(manifest["path"]) == sorted(names)
        for path, row in zip(manifest["path"], manifest[MIKELS].to_numpy(), strict=True):
            assert MIKELS[row.argmax()] == path.split("/")[0]

    def test_class_folders_by_split(self, root: Path) -> None:
        for split in ("train", "val", "test"):
            trees.classes(root / "images" / split, 1)
        splits = open_splits("folder", root)
        assert {name: len(split) for name, split in splits.items()} == {"train": 8, "validation": 8, "test": 8}
        assert set(splits["validation"].manifest["path"].str.split("/").str[1]) == {"val"}

    def test_empty_folders_tell_the_space(self, root: Path) -> None:
        trees.classes(root, 6, ["anger", "fear"])
        with pytest.raises(
            DataError, match=r"may be of ekman6 or .*mikels8.*; make an empty folder for each other label, which"
        ):
            open_dataset("folder", root)
        for label in MIKELS:
            (root / label).mkdir(exist_ok=True)
        assert open_dataset("folder", root, "all").space == MIKELS8

    def test_the_smallest_of_nested_spaces(self, root: Path) -> None:
        trees.classes(root, 1, ["joy", "surprise"])
        assert open_dataset("folder", root, "all").space == EKMAN6

    def test_ratings_alone(self, root: Path) -> None:
        trees.manifest(root, ["image", "valence", "arousal [0,10]"], [["a.png", -1, 10], ["b.png", 0.5, 0]])
        manifest = whole("folder", root)
        assert manifest[["valence", "arousal"]].to_numpy().tolist() == [[-1, 1], [0.5, -1]]

    def test_ids_and_groups(self, root: Path) -> None:
        header = ["image", "id", "group", "label", "space"]
        rows = [[f"{n}.png", f"x{n}", f"g{n // 4}", MIKELS[n % 8], "mikels8"] for n in range(40)]
        trees.manifest(root, header, rows)
        assert list(whole("folder", root)["id"][:2]) == ["x0", "x1"]
        splits = open_splits("folder", root)
        groups = [set(split.manifest["group"]) for split in splits.values()]
        assert sum(map(len, groups)) == 10 == len(set.union(*groups))


def test_every_layout_says_what_is_missing(root: Path) -> None:
    for name, source in DATASETS.items():
        if hasattr(source, "read"):
            with pytest.raises(DataError) as refused:
                open_dataset(name, root)
            assert str(refused.value).startswith(str(root)) and "; " in str(refused.value)
            with pytest.raises(DataError, match="no such folder; check the path"):
                open_dataset(name, root / "gone")
            with pytest.raises(DataError, match=f"{name} lies on disk: name its path as root"):
                open_dataset(name)


def test_splits_and_their_names(root: Path) -> None:
    trees.classes(root)
    with pytest.raises(DataError, match="folder has no split 'iid'; there are train, validation, test, all"):
        open_dataset("folder", root, "iid")


def test_the_version_follows_labels_and_pixels(root: Path) -> None:
    header = ["image", "label", "space"]
    rows = [["a.bmp", "awe", "mikels8"], ["b.bmp", "fear", "mikels8"]]
    trees.manifest(root, header, rows)
    before = open_dataset("folder", root, "all").version
    assert open_dataset("folder", root, "all").version == before
    # As many bytes, other pixels.
    size = (root / "b.bmp").stat().st_size
    trees.draw(root / "b.bmp", 77)
    assert (root / "b.bmp").stat().st_size == size
    changed = open_dataset("folder", root, "all").version
    trees.write_lines(root / "manifest.csv", trees.csv_lines(header, [rows[0], ["b.bmp", "anger", "mikels8"]]))
    assert len({before, changed, open_dataset("folder", root, "all").version}) == 3


def test_the_same_folder_elsewhere_is_the_same_version(root: Path, tmp_path: Path) -> None:
    trees.classes(root)
    other = tmp_path / "other"
    trees.classes(other)
    assert open_dataset("fi", root, "all").version == open_dataset("fi", other, "all").version


def test_opening_decodes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.emoset(root)
    (root / "image" / "awe" / "awe_00.jpg").write_text("no image")

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr("fisa.datasets.photographs.decode", refuse)
    monkeypatch.setattr("fisa.datasets.known.content_digest", refuse)
    assert len(open_dataset("emoset", root, "train").manifest) == 16


def test_worker_processes_can_have_it(root: Path) -> None:
    trees.classes(root)
    data = open_dataset("fi", root, "train")
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy[1].image, data[1].image)
    assert copy.version == data.version


def test_reading_files_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.classes(root)
    steps: list[tuple[int, int]] = []
    splits = open_splits("fi", root, progress=lambda *step: steps.append(step))
    assert steps == [(number, 24) for number in range(25)]

    def refuse(*args: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr("fisa.datasets.known.content_digest", refuse)
    assert len({split.version for split in splits.values()}) == 3


def test_a_json_that_is_no_list(root: Path) -> None:
    trees.emoset(root)
    (root / "val.json").write_text(json.dumps({"rows": []}))
    with pytest.raises(DataError, match=r"val\.json: expected a list"):
        open_dataset("emoset", root)
