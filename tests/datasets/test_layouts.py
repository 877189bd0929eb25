"""Every layout and variation on disk gives the manifest that its labels say."""

import io
import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import trees

from fisa.datasets import DATASETS, DataError, Photographs, open_collection, open_dataset, open_splits
from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8
from fisa.images import decode

MIKELS = list(MIKELS8.labels)
REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    return folder


def whole(name: str, root: Path) -> pd.DataFrame:
    """The manifest of all images, after the checks that every data set must pass."""
    data = open_dataset(name, root, "all")
    assert isinstance(data, Photographs)
    manifest = data.manifest
    labels = list(data.space.labels)
    assert list(manifest.columns[: 4 + len(labels)]) == ["id", "path", "split", "votes", *labels]
    assert manifest["id"].is_unique and all((data.root / path).is_file() for path in manifest["path"])
    if labels:
        np.testing.assert_allclose(manifest[labels].sum(axis=1), 1)
    sample = data[len(data) - 1]
    np.testing.assert_array_equal(sample.image, decode(data.root / manifest["path"].iloc[-1]))
    np.testing.assert_array_equal(sample.target, manifest[labels].iloc[-1])
    return manifest


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


class TestLdl:
    @pytest.mark.parametrize("trailing", ["", " "])
    @pytest.mark.parametrize(("name", "raters"), [("flickr-ldl", 11), ("twitter-ldl", 8)])
    def test_text(self, root: Path, name: str, raters: int, trailing: str) -> None:
        cast = trees.ldl(root, 12, raters, trailing)
        manifest = whole(name, root)
        assert set(manifest["votes"]) == {raters}
        order = [label.lower() for label in trees.LDL_HEADER.split()[1:]]
        np.testing.assert_allclose(manifest[order], cast / raters)

    def test_names_with_spaces(self, root: Path) -> None:
        for name in ("a b.jpg", "c  d.jpg"):
            trees.draw(root / "images" / name, 0)
        trees.write_lines(
            root / "ground_truth.txt", [trees.LDL_HEADER, "a b.jpg 1 0 0 0 0 0 0 0", "c  d.jpg 0 1 0 0 0 0 0 0"]
        )
        assert list(whole("flickr-ldl", root)["path"]) == ["images/a b.jpg", "images/c  d.jpg"]

    def config(self, root: Path, cast: np.ndarray, hdf5: bool, mask: bool = False) -> list[str]:
        """The MATLAB file, in which every third image is for testing; returns their paths."""
        names = [f"{number}.jpg" for number in range(1, len(cast) + 1)]
        test = np.arange(len(cast)) % 3 == 0
        indices = {"train_ind": ~test, "test_ind": test}
        if not mask:
            indices = {key: np.flatnonzero(value)[:, None] + 1.0 for key, value in indices.items()}
        file = root / "flickr_ldl_config.mat"
        if hdf5:
            # MATLAB writes a cell array as references to texts in UTF-16 and every array transposed, behind a header.
            content = io.BytesIO()
            with h5py.File(content, "w", userblock_size=512) as stored:
                cells = stored.create_dataset("imgname", (1, len(names)), dtype=h5py.ref_dtype)
                for place, name in enumerate(names):
                    text = stored.create_dataset(f"#refs#/{place}", data=np.array([[ord(c)] for c in name], np.uint16))
                    cells[0, place] = text.ref
                for key, value in {**indices, "vote": cast.astype(float)}.items():
                    stored[key] = np.asarray(value).T
            file.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512, b"\0") + content.getvalue()[512:])
        else:
            imgname = np.array(names, dtype=object)[:, None]
            scipy.io.savemat(file, {"imgname": imgname, "vote": cast.astype(float), **indices})
        return [f"images/{name}" for name, chosen in zip(names, test, strict=True) if chosen]

    @pytest.mark.parametrize("hdf5", [False, True])
    @pytest.mark.parametrize("text", [True, False])
    def test_published_splits(self, root: Path, hdf5: bool, text: bool) -> None:
        cast = trees.ldl(root, 30)
        test = self.config(root, cast, hdf5)
        if not text:
            (root / "ground_truth.txt").unlink()
        splits = open_splits("flickr-ldl", root)
        assert list(splits["test"].manifest["path"]) == test
        # 20 are left: validation is one of eight folds of them.
        assert len(splits["validation"]) in (2, 3) and len(splits["train"]) + len(splits["validation"]) == 20
        order = [label.lower() for label in trees.LDL_HEADER.split()[1:]]
        np.testing.assert_allclose(whole("flickr-ldl", root)[order], cast / 11)

    def test_splits_as_masks(self, root: Path) -> None:
        test = self.config(root, trees.ldl(root, 30), hdf5=False, mask=True)
        assert list(open_dataset("flickr-ldl", root).manifest["path"]) == test

    def test_votes_that_differ_in_the_two_files(self, root: Path) -> None:
        cast = trees.ldl(root, 30)
        self.config(root, np.vstack([cast[:1, ::-1], cast[1:]]), hdf5=False)
        with pytest.raises(DataError, match=r"\(1\.jpg\): its votes differ from those in the MATLAB file"):
            open_dataset("flickr-ldl", root)

    def test_hdf5_leads_to_no_other_file(self, root: Path, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "secret.h5", "w") as file:
            file["vote"] = np.ones((8, 30))
        cast = trees.ldl(root, 30)
        self.config(root, cast, hdf5=True)
        with h5py.File(root / "flickr_ldl_config.mat", "a") as file:
            del file["vote"]
            file["vote"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "vote")
        with pytest.raises(DataError, match="the variable vote is missing"):
            open_dataset("flickr-ldl", root)


class TestEmotion6:
    @pytest.mark.parametrize("images", ["images", ""])
    def test_seven_labels(self, root: Path, images: str) -> None:
        shares = trees.emotion6(root, images=images)
        manifest = whole("emotion6", root)
        np.testing.assert_allclose(manifest[list(EKMAN7.labels)], shares, atol=1e-5)
        # 1 to 9: (5.5 - 1) / 8 * 2 - 1 = .125; (2 - 1) / 8 * 2 - 1 = -.75.
        assert set(manifest["valence"]) == {0.125} and set(manifest["arousal"]) == {-0.75}
        assert manifest["path"][0] == "images/anger/1.jpg".removeprefix("" if images else "images/")

    def test_six_labels(self, root: Path) -> None:
        shares = trees.emotion6(root)
        file = root / "ground_truth.txt"
        # The first image is neutral and nothing else: of six labels nothing is left.
        lines = file.read_text().splitlines()
        lines[1] = "\t".join([*lines[1].split("\t")[:3], *"0000001"])
        trees.write_lines(file, lines)
        collection = open_collection("emotion6-6", root)
        assert collection.rows.left_out == {"neutral and nothing else": 1}
        expected = shares[1:, :6] / shares[1:, :6].sum(1, keepdims=True)
        np.testing.assert_allclose(whole("emotion6-6", root)[list(EKMAN6.labels)], expected, atol=1e-5)

    def test_a_list_without_neutral(self, root: Path) -> None:
        shares = trees.emotion6(root, neutral=False)
        for name in ("emotion6", "emotion6-6"):
            np.testing.assert_allclose(whole(name, root)[list(EKMAN6.labels)], shares, atol=1e-5)


class TestOneLabel:
    def test_fi(self, root: Path) -> None:
        names = trees.classes(root)
        assert sorted(whole("fi", root)["path"]) == sorted(names)

    def test_artphoto(self, root: Path) -> None:
        trees.draw_all(root, [f"{label}_{n:04}.jpg" for label in (*MIKELS[:-1], "sad") for n in range(2)])
        manifest = whole("artphoto", root)
        assert len(manifest) == 16 and manifest.set_index("path").loc["sad_0001.jpg", "sadness"] == 1

    @pytest.mark.parametrize("with_id", [False, True])
    def test_emoset(self, root: Path, with_id: bool) -> None:
        listed = trees.emoset(root, with_id=with_id)
        whole("emoset", root)
        splits = open_splits("emoset", root)
        for ours, theirs in (("train", "train"), ("validation", "val"), ("test", "test")):
            manifest = splits[ours].manifest
            assert list(manifest["path"]) == listed[theirs]
            assert [MIKELS[row.argmax()] for row in manifest[MIKELS].to_numpy()] == [
                n.split("/")[1] for n in listed[theirs]
            ]

    def test_iapsa_by_a_list_of_ones_own(self, root: Path) -> None:
        trees.manifest(root, ["image", "label"], [["1050.jpg", "fear"], ["2095.jpg", "sadness"]], "mine.csv")
        manifest = whole("iapsa", root)
        assert list(manifest["fear"]) == [1, 0] and list(manifest["sadness"]) == [0, 1]

    @pytest.mark.parametrize("header", [True, False])
    @pytest.mark.parametrize("folder", ["", "Manually_Annotated_Images"])
    def test_affectnet(self, root: Path, folder: str, header: bool) -> None:
        trees.affectnet(root, folder, header)
        manifest = whole("affectnet", root)
        assert len(manifest) == 8 * 3 + 8
        assert [AFFECTNET8.labels[row.argmax()] for row in manifest[list(AFFECTNET8.labels)].to_numpy()[:24]] == [
            label for label in AFFECTNET8.labels for _ in range(3)
        ]
        assert list(manifest.loc[0, ["valence", "arousal", "face_x", "face_height"]]) == [0.5, -0.25, 10, 90]
        collection = open_collection("affectnet", root)
        assert collection.rows.left_out == {"none of the expressions": 4, "uncertain": 4, "no face": 4}
        splits = open_splits("affectnet", root)
        assert len(splits["test"]) == 8 and all("validation" in path for path in splits["test"].manifest["path"])

    def test_a_missing_rating_of_affectnet(self, root: Path) -> None:
        trees.affectnet(root)
        file = root / "training.csv"
        file.write_text(file.read_text().replace("0,0.5,-0.25", "0,-2,-2"))
        assert whole("affectnet", root)["valence"].isna().sum() == 3


class TestVotesAndScores:
    def test_abstract(self, root: Path) -> None:
        cast = trees.abstract(root)
        manifest = whole("abstract", root)
        assert len(manifest) == 20 and set(manifest["votes"]) == {14}
        order = ["amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"]
        np.testing.assert_allclose(manifest[order], cast / 14)

    def test_ava(self, root: Path) -> None:
        cast = trees.votes(12, 200, classes=10)
        trees.draw_all(root / "images", (f"{100 + n}.jpg" for n in range(12)))
        rows = [" ".join(map(str, [n + 1, 100 + n, *row, 1, 22, 1396])) for n, row in enumerate(cast)]
        trees.write_lines(root / "AVA.txt", rows)
        data = open_dataset("aesthetics", root, "all")
        assert data.space.name == "scores10" and data.space.wheel == ()
        np.testing.assert_allclose(whole("aesthetics", root)[list(data.space.labels)], cast / 200)

    def test_a_list_of_scores(self, root: Path) -> None:
        header = ["image", *(f"score_{step}" for step in range(1, 6))]
        trees.manifest(root, header, [["a.png", 0.1, 0.2, 0.4, 0.2, 0.1], ["b.png", 0, 0, 0, 0, 1]])
        manifest = whole("aesthetics", root)
        assert open_dataset("aesthetics", root, "all").space.name == "scores5"
        assert list(manifest[["1", "2", "3", "4", "5"]].iloc[0]) == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.1])


class TestOasis:
    def test_ratings_without_emotions(self, root: Path) -> None:
        count = trees.oasis(root)
        manifest = whole("oasis", root)
        assert list(manifest["id"]) == [f"I{n}" for n in range(1, count + 1)]
        assert manifest.loc[0, "path"] == "images/Dog 1.jpg" and set(manifest["group"][:3]) == {"Dog"}
        # 1 to 7: 1 -> -1, 7 -> 1; 2 -> (2 - 1) / 6 * 2 - 1 = -2/3.
        assert (manifest.loc[0, "valence"], manifest.loc[0, "arousal"]) == (-1, 1)
        assert manifest.loc[3, "valence"] == pytest.approx(-2 / 3)
        assert manifest.loc[0, "valence_sd"] == 0.9 and manifest.loc[0, "arousal_raters"] == 101

    def test_themes_stay_together(self, root: Path) -> None:
        trees.oasis(root, [f"Theme{chr(65 + n)}" for n in range(20)])
        groups = [set(split.manifest["group"]) for split in open_splits("oasis", root).values()]
        assert sum(map(len, groups)) == 20 == len(set.union(*groups))

    @pytest.mark.skipif(not (REAL / "oasis").is_dir(), reason="the real OASIS is not beside this clone")
    def test_the_real_one(self) -> None:
        manifest = whole("oasis", REAL / "oasis")
        assert len(manifest) == 467 and manifest[["valence", "arousal"]].notna().all(axis=None)
        assert manifest["valence"].between(-1, 1).all()
        # I2 has a mean valence of 4.519607843 on 1 to 7.
        assert manifest.loc[0, "valence"] == pytest.approx((4.519607843 - 4) / 3)


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
