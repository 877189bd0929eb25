"""``data check``, and training, evaluating and explaining on a folder of one's own, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import trees
import yaml
from calling import fisa

from fisa.commands import terminal
from fisa.datasets import known, open_splits
from fisa.emotions import MIKELS8
from fisa.runs import load_run

pytestmark = pytest.mark.usefixtures("own_cache")
MIKELS = list(MIKELS8.labels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def checked(*arguments: object) -> tuple[int, dict]:  # type: ignore[type-arg]
    result = fisa("data", "check", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def voted(root: Path, count: int = 60) -> np.ndarray:
    """A folder with a list of votes; returns them."""
    cast = trees.votes(count, 10)
    trees.manifest(root, ["image", *MIKELS], [[f"{n}.png", *row] for n, row in enumerate(cast)])
    return cast


class TestCheck:
    def test_a_whole_set(self, root: Path) -> None:
        voted(root)
        result = fisa("data", "check", "folder", root)
        assert result.exit_code == 0 and result.stderr == ""
        assert result.stdout.startswith("folder, mikels8: 60 labelled images\n60 images read\nversion: ")
        assert "Wrong" not in result.stdout

    def test_everything_that_is_wrong_at_once(self, root: Path) -> None:
        cast = voted(root)
        lines = (root / "manifest.csv").read_text().splitlines()
        lines[2] = "1.png" + ",0" * 8
        lines[3] = lines[3].replace("2.png", "gone.png")
        trees.write_lines(root / "manifest.csv", [*lines, "x.png,1"])
        (root / "5.png").write_text("no image")
        status, report = checked("folder", root)
        assert status == 1
        assert (report["rows"], report["images_read"], report["images_refused"]) == (58, 58, 1)
        found = {(each["file"], each["row"], each["image"]): each["problem"] for each in report["problems"]}
        assert found == {
            ("manifest.csv", 3, "1.png"): "its votes sum to zero",
            ("manifest.csv", 4, "gone.png"): "no such image",
            ("manifest.csv", len(cast) + 2, ""): "2 cells, expected 9",
            ("", None, "5.png"): "is not an image of a known format, or cut short",
            ("", None, "2.png"): "no row names this image",
        }
        assert all(each["mend"] and each["kind"] == "wrong" for each in report["problems"])
        text = fisa("data", "check", "folder", root)
        assert text.exit_code == 1 and text.stderr.strip().endswith(
            "5 problems; --skip-bad says what is left without them"
        )
        assert all(problem in text.stdout for problem in found.values())

    def test_what_is_left(self, root: Path) -> None:
        voted(root)
        (root / "5.png").write_text("no image")
        status, report = checked("folder", root, "--skip-bad")
        splits = open_splits("folder", root, skip_bad=True)
        assert status == 1
        assert report["splits"] == {name: len(split) for name, split in splits.items()}
        assert sum(report["splits"].values()) == 59
        assert report["version"] == open_splits("folder", root, ("all",), skip_bad=True)["all"].version

    def test_published_counts(self, root: Path) -> None:
        trees.emotion6(root)
        status, report = checked("emotion6", root)
        assert status == 1 and report["published"] == 1980
        texts = [each["problem"] for each in report["problems"]]
        assert texts[0] == "24 labelled images, of 1980 that were published"
        assert "4 images in anger, of 330 that were published" in texts and len(texts) == 7

    def test_absent_ids(self, root: Path) -> None:
        count = trees.oasis(root)
        status, report = checked("oasis", root)
        assert status == 1 and report["images_read"] == count == 18
        assert report["absent"] == [f"I{number}" for number in range(19, 901)]
        assert "882 of I1 to I900 are absent: I19, I20, " in report["problems"][0]["problem"]

    def test_images_without_a_label_belong_to_some(self, root: Path) -> None:
        trees.abstract(root, extra=3)
        _, report = checked("abstract", root)
        notes = [each["problem"] for each in report["problems"] if each["kind"] == "note"]
        assert notes == ["3 images have no label, as published"]

    def test_rows_without_emotion_are_no_orphans(self, root: Path) -> None:
        trees.affectnet(root, "Manually_Annotated_Images")
        status, report = checked("affectnet", root)
        assert status == 0 and report["images_read"] == 32
        assert report["left_out"] == {"none of the expressions": 4, "uncertain": 4, "no face": 4}

    def test_copies(self, root: Path) -> None:
        for split, name, seed in (("train", "a", 0), ("train", "b", 0), ("test", "c", 0), ("test", "d", 1)):
            trees.draw(root / split / "awe" / f"{name}.png", seed)
        for label in MIKELS:
            (root / "train" / label).mkdir(exist_ok=True)
        status, report = checked("folder", root)
        found = {each["image"]: (each["kind"], each["problem"]) for each in report["problems"]}
        # In the order of the names, the copy in test comes first.
        assert found == {
            "train/awe/a.png": ("wrong", "is the same as test/awe/c.png, in train and in test"),
            "train/awe/b.png": ("wrong", "is the same as test/awe/c.png, in train and in test"),
        }
        assert status == 1

    def test_a_copy_in_splits_of_ours_is_no_fault(self, root: Path) -> None:
        voted(root)
        (root / "1.png").write_bytes((root / "0.png").read_bytes())
        status, report = checked("folder", root)
        assert status == 0
        assert [(each["kind"], each["problem"]) for each in report["problems"]] == [("note", "is the same as 0.png")]

    def test_a_second_check_decodes_nothing(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        voted(root)
        first = checked("folder", root)

        def refuse(*args: object, **options: object) -> None:
            raise AssertionError("an image was decoded")

        monkeypatch.setattr(known, "process_files", refuse)
        monkeypatch.setattr(known, "content_digest", refuse)
        assert checked("folder", root) == first
        with pytest.raises(AssertionError, match="decoded"):
            fisa("data", "check", "folder", root, "--no-resume")

    def test_nothing_to_check(self, root: Path) -> None:
        for arguments, sentence in (
            (("plant", root), "unknown data set 'plant'; there are planted, "),
            (("planted", root), "planted is drawn by this program: there is nothing on disk to check"),
            (("folder", root / "gone"), "no such folder; check the path"),
            (("folder", root), "there is neither a list (.csv, .tsv, .parquet) nor sub-folders of classes"),
        ):
            result = fisa("data", "check", *arguments)
            assert result.exit_code == 1 and result.stdout == "" and len(result.stderr.splitlines()) == 1
            assert sentence in result.stderr

    def test_names_that_cannot_be_printed(self, root: Path) -> None:
        trees.manifest(root, ["image", *MIKELS], [["new\nline.png", *[0] * 8]])
        result = fisa("data", "check", "folder", root)
        assert repr("new\nline.png") in result.stdout


class TestTraining:
    @pytest.fixture
    def config(self, tmp_path: Path, root: Path) -> Path:
        document = {
            "name": "mine",
            "data": {"name": "folder", "root": str(root), "image_size": 32},
            "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8, "depth": 0}},
            "training": {"epochs": 1, "batch_size": 16},
        }
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        return file

    def test_train_evaluate_explain_and_show(
        self, root: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        voted(root)
        out = tmp_path / "run"
        assert fisa("train", config, "--out", out).exit_code == 0
        run = load_run(out)
        splits = open_splits("folder", root)
        assert list(run.predictions["id"]) == list(splits["test"].manifest["id"])
        assert run.metrics["data"] == "folder" and run.metrics["n"] == len(splits["test"]) == 12
        assert run.metrics["data_version"] == splits["test"].version
        assert run.provenance["data"]["images"] == {"train": 42, "validation": 6, "test": 12}
        assert run.grades is None and run.map is not None and run.splits is not None
        assert run.splits.groupby("split")["id"].apply(list).to_dict() == {
            name: split.manifest["id"].to_list() for name, split in splits.items()
        }
        table = fisa("evaluate", out, "--split", "validation", "--format", "csv")
        assert table.exit_code == 0 and f"{run.digest},folder," in table.stdout
        elsewhere = fisa("evaluate", out, "--data", "folder", "--root", root, "--format", "csv")
        assert f"{run.metrics['measures']['kl']:.12g}"[:8] in elsewhere.stdout
        explained = json.loads(fisa("explain", out, "folder:test:3").stdout)
        assert explained["votes"] == pytest.approx(splits["test"][3].target.tolist())
        assert fisa("report", out).exit_code == 0
        shown = fisa("data", "show", "folder", root)
        assert shown.exit_code == 0 and splits["train"].version in shown.stdout

        # Elsewhere, where nothing is known of the files, their first reading is told of.
        monkeypatch.setattr(terminal, "INTERVAL", -1.0)
        for number, (command, what) in enumerate(
            ((("report", out), "compare"), (("data", "show", "folder", root), "read folder"))
        ):
            monkeypatch.setenv("FISA_CACHE", str(tmp_path / f"other-{number}"))
            assert f"{what}: 59 of 60, about 0 s left" in fisa(*command).stderr.splitlines()

    def test_bad_data_is_refused_or_left_out(self, root: Path, config: Path, tmp_path: Path) -> None:
        voted(root)
        (root / "5.png").write_text("no image")
        with (root / "manifest.csv").open("a") as file:
            file.write("gone.png,1,0,0,0,0,0,0,0\n")
        refused = fisa("train", config, "--out", tmp_path / "run")
        assert refused.exit_code == 1 and "1 problem" in refused.stderr and "gone.png" in refused.stderr
        done = fisa("train", config, "--out", tmp_path / "run", "--set", "data.skip_bad=true")
        assert done.exit_code == 0
        assert fisa("evaluate", tmp_path / "run", "--data", "folder", "--root", root).exit_code == 1
        elsewhere = fisa(
            "evaluate", tmp_path / "run", "--data", "folder", "--root", root, "--skip-bad", "--format", "csv"
        )
        assert (
            elsewhere.exit_code == 0 and f",{load_run(tmp_path / 'run').metrics['data_version']}," in elsewhere.stdout
        )
        assert sum(load_run(tmp_path / "run").provenance["data"]["images"].values()) == 59

    @pytest.mark.parametrize("name", ["emotion6-6", "twitter-ldl", "emoset", "aesthetics"])
    def test_published_layouts(self, root: Path, config: Path, tmp_path: Path, name: str) -> None:
        if name == "aesthetics":
            cast = trees.votes(30, 50, classes=5)
            header = ["image", *(f"score_{step}" for step in range(1, 6))]
            trees.manifest(root, header, [[f"{n}.png", *row] for n, row in enumerate(cast)])
        else:
            {"emotion6-6": trees.emotion6, "twitter-ldl": trees.ldl, "emoset": trees.emoset}[name](root)
        assert fisa("train", config, "--out", tmp_path / "run", "--set", f"data.name={name}").exit_code == 0
        run = load_run(tmp_path / "run")
        assert run.space == open_splits(name, root)["test"].space
        assert run.metrics["n"] == len(run.predictions) == len(open_splits(name, root)["test"])

    def test_a_fold(self, root: Path, config: Path, tmp_path: Path) -> None:
        voted(root)
        assert fisa("train", config, "--out", tmp_path / "run", "--set", "data.fold=[2, 3]").exit_code == 0
        run = load_run(tmp_path / "run")
        assert run.metrics["n"] == 20 and run.config.data.fold == (2, 3)
        assert list(run.predictions["id"]) == list(open_splits("folder", root, fold=(2, 3))["test"].manifest["id"])

    def test_ratings_alone_are_no_distribution(self, root: Path, config: Path, tmp_path: Path) -> None:
        trees.oasis(root, [f"Theme{chr(65 + number)}" for number in range(10)], 1)
        refused = fisa("train", config, "--out", tmp_path / "run", "--set", "data.name=oasis")
        assert refused.exit_code == 1
        assert refused.stderr.strip() == (
            "oasis rates valence and arousal only: it has no distribution of emotions to learn; set task: "
            "valence_arousal, objective.ratings to 1 and every other weight, such as objective.kl, to 0"
        )
        assert fisa("data", "show", "oasis", root).exit_code == 0


def test_data_list_names_every_set() -> None:
    table = fisa("data", "list").stdout
    assert all(name in table for name in ("planted-tiny", "emotion6-6", "flickr-ldl", "needs a path"))
