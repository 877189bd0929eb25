"""Every published layout and variation on disk gives the manifest that its labels say."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import trees
from manifests import whole

from fisa.datasets import DataError, open_collection, open_dataset, open_splits
from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8

pytestmark = pytest.mark.usefixtures("own_cache")
MIKELS = list(MIKELS8.labels)
REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


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

    def test_nor_does_a_cell_of_its_list_of_names(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "secret.txt").write_bytes(b"secret.jpg")
        self.config(root, trees.ldl(root, 30), hdf5=True)
        with h5py.File(root / "flickr_ldl_config.mat", "a") as file:
            outside = [(str(tmp_path / "secret.txt"), 0, 10)]
            stored = file.create_dataset("#refs#/secret", (10,), np.uint8, external=outside)
            file["imgname"][0, 0] = stored.ref
        with pytest.raises(DataError, match=r"config\.mat: cannot be read .* \(a cell .* another file") as told:
            open_dataset("flickr-ldl", root)
        assert "secret" not in str(told.value)


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
