"""The command line: what goes to standard output, what to standard error, and with which exit status."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from fisa import shards
from fisa.__main__ import app
from fisa.commands.explanation_group import ATTRIBUTIONS
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain.attribution import METHODS
from fisa.explain.graded import GradeRow, read_grades
from fisa.images import decode
from fisa.runs import REQUIRED, load_run
from fisa.runs.format import read_digests, write_digests
from fisa.shards import Partial, Shard

ROOT = Path(__file__).parent.parent
LABELS = list(MIKELS8.labels)
COMMANDS = (
    ["data", "list"],
    ["data", "show"],
    ["data", "check"],
    ["train"],
    ["import"],
    ["evaluate"],
    ["predict"],
    ["explain"],
    ["grade"],
    ["report"],
    ["retrieve"],
    ["bench"],
)


def fisa(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refusal(result: Result) -> str:
    """The one line on standard error of a command that refused everything."""
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that trains in seconds."""
    file = tmp_path / "tiny.yaml"
    document = {
        "name": "tiny",
        "data": {"name": "planted-tiny", "image_size": 64},  # as tiny_runs, whose images are drawn already
        "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8, "depth": 0}},
        "training": {"epochs": 1},
    }
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def noise(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


class TestUsage:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_help_has_an_example(self, command: list[str]) -> None:
        result = fisa(*command, "--help")
        assert result.exit_code == 0
        assert "Example: python -m fisa " + " ".join(command) in " ".join(result.stdout.split())

    @pytest.mark.parametrize(
        "arguments",
        [
            ["no-such-command"],
            ["predict"],
            ["predict", "run"],
            ["predict", "run", "photos", "--batch-size", "0"],
            ["predict", "run", "photos", "--workers", "-1"],
            ["predict", "run", "photos", "--resume"],
            ["predict", "run", "photos", "--out", "table.xlsx"],
            ["train", "config.yaml", "--no-such-option"],
            ["report", "--format", "word"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_is_status_2(self, arguments: list[str]) -> None:
        result = fisa(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Usage:" in result.stderr

    def test_as_a_process(self) -> None:
        done = subprocess.run([sys.executable, "-m", "fisa", "--help"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0
        assert "predict" in done.stdout


class TestData:
    def test_list(self) -> None:
        result = fisa("data", "list")
        assert result.exit_code == 0
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("planted-tiny")]
        assert "train 160" in line
        assert open_dataset("planted-tiny").version in line

    def test_show_sums_the_manifest(self) -> None:
        result = fisa("data", "show", "planted-tiny")
        assert result.exit_code == 0
        manifest = open_dataset("planted-tiny").manifest
        lines = result.stdout.splitlines()
        degree, votes = (line.split()[-1] for line in lines if line.startswith("awe"))
        assert float(degree) == pytest.approx(manifest["awe"].mean(), abs=5e-5)
        assert int(votes) == round(manifest["awe"].sum() * 10)  # ten raters an image

    def test_refusals(self, tmp_path: Path) -> None:
        assert "unknown data set 'plant'; there are planted" in refusal(fisa("data", "show", "plant"))
        assert "leave its root away" in refusal(fisa("data", "show", "planted", tmp_path))


class TestTrain:
    def test_makes_a_run_and_prints_its_path(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "runs" / "first"
        result = fisa("train", config, "--out", out, "--set", "training.epochs=2", "--set", "training.lr=1e-3")
        assert result.exit_code == 0
        assert result.stdout == f"{out}\n"
        assert "epoch 2 of 2" in result.stderr
        run = load_run(out)
        assert (run.config.training.epochs, run.config.training.lr) == (2, 1e-3)
        assert run.metrics["data"] == "planted-tiny"
        assert run.map is not None

    def test_without_out_it_numbers_runs(self, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_RUNS", str(tmp_path / "shelf"))
        (tmp_path / "shelf" / "tiny-1").mkdir(parents=True)
        assert fisa("train", config).stdout == f"{tmp_path / 'shelf' / 'tiny-2'}\n"

    def test_existing_run_is_kept(self, config: Path, tiny_runs: Path) -> None:
        before = {path: path.read_bytes() for path in (tiny_runs / "cnn").iterdir()}
        line = refusal(fisa("train", config, "--out", tiny_runs / "cnn"))
        assert line.startswith(f"{tiny_runs / 'cnn'}: already exists; choose another --out")
        assert {path: path.read_bytes() for path in (tiny_runs / "cnn").iterdir()} == before

    def test_resume_goes_on_or_says_that_it_is_finished(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        assert fisa("train", config, "--resume").exit_code == 2
        assert fisa("train", config, "--out", out, "--resume").exit_code == 0
        assert "already finished; there is nothing to resume" in refusal(
            fisa("train", config, "--out", out, "--resume")
        )
        # As if it had been killed between the training and the map.
        write_digests(out, {name: digest for name, digest in read_digests(out).items() if name in REQUIRED})
        assert fisa("train", config, "--out", out, "--resume").exit_code == 0
        assert load_run(out).map is not None

    def test_begins_with_the_weights_of_another_run(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        out, source = tmp_path / "run", tiny_runs / "cnn"
        assert "its backbone is another one" in refusal(fisa("train", config, "--out", out, "--init-from", source))
        same = source / "config.yaml"
        once = ("--set", "training.epochs=1")
        assert fisa("train", same, "--out", out, "--init-from", source, *once).exit_code == 0
        told = load_run(tmp_path / "run").provenance["init_from"]
        assert told == {"run": "cnn", "digest": load_run(tiny_runs / "cnn").digest, "left": []}

    def test_configuration_is_refused_before_anything_is_written(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        unknown = fisa("train", config, "--out", out, "--set", "training.epoch=2")
        assert refusal(unknown) == f"{config}: unknown key 'training.epoch'"
        assert "training.lr" in refusal(fisa("train", config, "--out", out, "--set", "training.lr=-1"))
        assert "expected section.key=value" in refusal(fisa("train", config, "--out", out, "--set", "training.lr"))
        assert "missing.yaml: cannot be read" in refusal(fisa("train", tmp_path / "missing.yaml", "--out", out))
        (tmp_path / "broken.yaml").write_text("name: [", encoding="utf-8")
        assert "broken.yaml: not valid YAML" in refusal(fisa("train", tmp_path / "broken.yaml", "--out", out))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "tiny.yaml"]


class TestImport:
    def test_makes_a_run_of_a_state_dict(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        weights = tiny_runs / "cnn" / "model.safetensors"
        result = fisa("import", weights, "--config", tiny_runs / "cnn" / "config.yaml", "--out", tmp_path / "run")
        assert result.exit_code == 0 and result.stdout == f"{tmp_path / 'run'}\n"
        run = load_run(tmp_path / "run")
        assert run.metrics == load_run(tiny_runs / "cnn").metrics and run.map is not None

    def test_refusals(self, config: Path, tiny_runs: Path, tmp_path: Path) -> None:
        weights = tiny_runs / "fisa" / "model.safetensors"
        line = refusal(
            fisa("import", weights, "--config", tiny_runs / "cnn" / "config.yaml", "--out", tmp_path / "run")
        )
        assert "classifier.weight is missing" in line and "more" in line
        assert "cannot be read" in refusal(
            fisa("import", tmp_path / "none.pt", "--config", config, "--out", tmp_path / "run")
        )
        assert not (tmp_path / "run").exists()


class TestEvaluate:
    def test_prints_the_runs_own_measures(self, tiny_runs: Path) -> None:
        result = fisa("evaluate", tiny_runs / "cnn", "--format", "csv")
        assert result.exit_code == 0
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("system")
        stored = load_run(tiny_runs / "cnn").metrics
        assert rows.loc["cnn", "kl"] == pytest.approx(stored["measures"]["kl"], abs=1e-6)
        assert rows.loc["cnn", "score"] == pytest.approx(stored["score"], abs=1e-6)
        assert "truth" in rows.index

    def test_another_split_gives_other_rows(self, tiny_runs: Path) -> None:
        result = fisa("evaluate", tiny_runs / "cnn", "--split", "validation", "--format", "csv")
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("system")
        assert (rows.loc["cnn", "split"], rows.loc["cnn", "n"]) == ("validation", 40)

    def test_refusals(self, tiny_runs: Path, tmp_path: Path) -> None:
        assert "no such run folder" in refusal(fisa("evaluate", tmp_path / "nowhere"))
        assert "no split 'tset'" in refusal(fisa("evaluate", tiny_runs / "cnn", "--split", "tset"))
        assert "unknown data set" in refusal(fisa("evaluate", tiny_runs / "cnn", "--data", "nothing"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind of bad input: names that begin with ``ok`` must be decoded, ``bad`` refused. Read only."""
    folder = tmp_path_factory.mktemp("mixed")
    image = Image.fromarray(noise())
    image.save(folder / "ok-plain.png")
    image.convert("CMYK").save(folder / "ok-cmyk.jpg")
    image.convert("L").save(folder / "ok-grey.png")
    image.quantize(16).save(folder / "ok-palette.png")
    Image.fromarray(noise()[..., 0].astype(np.uint16) * 257).save(folder / "ok-16-bit.png")
    image.resize((1, 1)).save(folder / "ok-1x1.png")
    image.resize((30_000, 10)).save(folder / "ok-30000x10.png")
    alpha = image.copy()
    alpha.putalpha(0)
    alpha.save(folder / "ok-alpha.png")
    Image.new("RGB", image.size, "white").save(folder / "ok-alpha-expected.png")
    image.save(folder / "ok-animated.png", save_all=True, append_images=[Image.new("RGB", image.size)])
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to stand upright
    image.transpose(Image.Transpose.ROTATE_90).save(folder / "ok-exif.png", exif=exif)
    whole = (folder / "ok-plain.png").read_bytes()
    (folder / "bad-truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "bad-empty.jpg").write_bytes(b"")
    (folder / "bad-text.jpg").write_text("not an image", encoding="utf-8")
    Image.new("1", (20_000, 20_000)).save(folder / "bad-bomb.png")
    return folder


class TestPredict:
    def test_folder_of_every_kind_of_input(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        out = tmp_path / "table.parquet"
        result = fisa("predict", tiny_runs / "fisa", mixed, "--out", out)
        assert (result.exit_code, result.stdout) == (1, "")
        rows = pd.read_parquet(out)
        assert list(rows.columns) == ["path", *LABELS, "label", "entropy", "refused"]
        names = rows["path"].map(lambda path: Path(path).name)
        assert set(names) == {path.name for path in mixed.iterdir()}
        assert rows["refused"].notna().tolist() == names.str.startswith("bad").tolist()
        good = rows[rows["refused"].isna()]
        np.testing.assert_allclose(good[LABELS].sum(axis=1), 1, atol=1e-9)
        run = load_run(tiny_runs / "fisa")
        alone = [run.predict([decode(Path(path))]).distribution[0] for path in good["path"]]
        np.testing.assert_allclose(good[LABELS], alone, rtol=0, atol=1e-6)
        *refusals, count = result.stderr.splitlines()
        assert sorted(refusals) == sorted(rows["refused"].dropna())
        for name in ("bad-truncated.png", "bad-empty.jpg", "bad-text.jpg", "bad-bomb.png"):
            (line,) = [line for line in refusals if name in line]
            assert line.startswith(f"{mixed / name}: ")
        assert count == f"{len(good)} predicted, 4 refused; see {out}"

    def test_unusual_images_are_seen_as_a_person_sees_them(self, tiny_runs: Path, mixed: Path) -> None:
        result = fisa("predict", tiny_runs / "fisa", mixed)
        rows = pd.read_csv(io.StringIO(result.stdout)).set_index("path")[LABELS]

        def row(name: str) -> np.ndarray:
            return rows.loc[str(mixed / name)].to_numpy(float)

        np.testing.assert_allclose(row("ok-exif.png"), row("ok-plain.png"), atol=1e-6)
        np.testing.assert_allclose(row("ok-animated.png"), row("ok-plain.png"), atol=1e-6)
        np.testing.assert_allclose(row("ok-alpha.png"), row("ok-alpha-expected.png"), atol=1e-6)
        assert np.abs(row("ok-alpha.png") - row("ok-plain.png")).max() > 1e-6  # else the lines above prove nothing

    @pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
    def test_sound_images_are_status_0(self, tiny_runs: Path, mixed: Path, tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"table{suffix}"
        result = fisa("predict", tiny_runs / "cnn", mixed / "ok-*.png", mixed / "ok-cmyk.jpg", "--out", out)
        assert (result.exit_code, result.stdout) == (0, "")
        read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
        assert len(read(out)) == len(list(mixed.glob("ok-*")))

    def test_as_a_process_stdout_is_nothing_but_csv(self, tiny_runs: Path, mixed: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "fisa",
            "predict",
            tiny_runs / "cnn",
            mixed / "ok-plain.png",
            mixed / "bad-empty.jpg",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1
        rows = pd.read_csv(io.StringIO(done.stdout))
        assert rows["refused"].isna().tolist() == [True, False]
        assert done.stderr.splitlines() == [rows["refused"][1], "1 predicted, 1 refused"]

    def test_existing_table_is_kept_unless_forced(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        out = tmp_path / "table.csv"
        out.write_text("precious", encoding="utf-8")
        line = refusal(fisa("predict", tiny_runs / "cnn", mixed / "ok-plain.png", "--out", out))
        assert line == f"{out}: already exists; name another file, or add --force to replace it"
        assert out.read_text(encoding="utf-8") == "precious"
        assert fisa("predict", tiny_runs / "cnn", mixed / "ok-plain.png", "--out", out, "--force").exit_code == 0
        assert len(pd.read_csv(out)) == 1

    def test_folder_without_images(self, tiny_runs: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        result = fisa("predict", tiny_runs / "cnn", tmp_path / "empty")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{tmp_path / 'empty'}: folder without images; ")

    def test_folder_that_cannot_be_read_is_a_row(
        self, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def scandir(place: str) -> Iterator[os.DirEntry[str]]:
            if Path(place).name == "locked":
                raise PermissionError(13, "Permission denied", place)
            return real(place)

        real = os.scandir
        monkeypatch.setattr(os, "scandir", scandir)  # root may read every folder
        (tmp_path / "photos" / "locked").mkdir(parents=True)
        (tmp_path / "photos" / "self").symlink_to(tmp_path / "photos")
        for name in ("first.png", "zebra.png"):
            Image.fromarray(noise()).save(tmp_path / "photos" / name)
        result = fisa("predict", tiny_runs / "cnn", tmp_path / "photos")
        assert result.exit_code == 1
        rows = pd.read_csv(io.StringIO(result.stdout))
        assert [Path(path).name for path in rows["path"]] == ["first.png", "locked", "zebra.png"]
        assert rows["refused"].isna().tolist() == [True, False, True]
        assert result.stderr.splitlines() == [rows["refused"][1], "2 predicted, 1 refused"]

    def test_interrupted_and_resumed(
        self, tiny_runs: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "table.csv"
        whole = fisa("predict", tiny_runs / "cnn", mixed, "--out", tmp_path / "whole.csv")
        kept: list[int] = []

        def keep(partial: Partial, shard: Shard, rows: pd.DataFrame) -> None:
            if kept:
                raise KeyboardInterrupt
            kept.append(shard.number)
            plain(partial, shard, rows)

        with monkeypatch.context() as patch:
            plain = Partial.keep
            patch.setattr(Partial, "keep", keep)
            patch.setattr(shards, "SHARD", 4)
            broken = fisa("predict", tiny_runs / "cnn", mixed, "--out", out)
        assert broken.exit_code != 0
        assert f"interrupted; {out}.partial keeps what is done: add --resume" in broken.stderr
        again = refusal(fisa("predict", tiny_runs / "cnn", mixed, "--out", out))
        assert again.startswith(f"{out}.partial: holds the work of an interrupted call; add --resume")
        monkeypatch.setattr(shards, "SHARD", 4)
        resumed = fisa("predict", tiny_runs / "cnn", mixed, "--out", out, "--resume")
        assert resumed.exit_code == 1
        # Those of the first call too, so that what is told is the whole table's.
        assert resumed.stderr == whole.stderr.replace("whole.csv", "table.csv")
        pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(tmp_path / "whole.csv"), rtol=0, atol=1e-6)

    def test_missing_run(self, mixed: Path, tmp_path: Path) -> None:
        assert refusal(fisa("predict", tmp_path / "nowhere", mixed)).startswith(f"{tmp_path / 'nowhere'}: no such run")

    def test_folder_that_is_no_run(self, mixed: Path) -> None:
        assert "not a run folder" in refusal(fisa("predict", mixed, mixed))

    def test_weights_that_do_not_fit(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        shutil.copytree(tiny_runs / "fisa", tmp_path / "run")
        shutil.copy(tiny_runs / "cnn" / "model.safetensors", tmp_path / "run")
        line = refusal(fisa("predict", tmp_path / "run", mixed / "ok-plain.png"))
        assert line.startswith(f"{tmp_path / 'run' / 'model.safetensors'}: changed since it was stored")

    def test_weights_that_are_no_weights(self, tiny_runs: Path, mixed: Path, tmp_path: Path) -> None:
        shutil.copytree(tiny_runs / "cnn", tmp_path / "run")
        (tmp_path / "run" / "model.safetensors").write_bytes(b"not weights")
        out = tmp_path / "table.csv"
        line = refusal(fisa("predict", tmp_path / "run", mixed / "ok-plain.png", "--out", out))
        assert str(tmp_path / "run" / "model.safetensors") in line
        assert not out.exists()


class TestExplain:
    def test_json_is_complete(self, tiny_runs: Path) -> None:
        result = fisa("explain", tiny_runs / "fisa", "planted:iid:17")
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        run, dataset = load_run(tiny_runs / "fisa"), open_dataset("planted")
        expected = run.predict([dataset[17].image]).distribution[0]
        np.testing.assert_allclose(document["distribution"], expected, atol=1e-6)
        np.testing.assert_allclose(
            document["truth"], dataset.manifest.loc[17, [f"truth_{label}" for label in LABELS]].astype(float)
        )
        contributions = np.array(document["contributions"])
        np.testing.assert_allclose(contributions.sum(axis=(0, 2)) + document["bias"], document["logits"], atol=1e-4)
        attention = np.array(document["attention"])
        np.testing.assert_allclose(attention.sum(axis=(1, 2)) + document["null"], 1, atol=1e-5)
        np.testing.assert_allclose(np.array(document["interaction"]).sum(axis=2), 1, atol=1e-5)
        assert document["run"]["digest"] == run.digest
        assert document["label"] == LABELS[int(expected.argmax())]

    def test_folder_of_a_photograph(self, tiny_runs: Path, tmp_path: Path) -> None:
        photograph, out = tmp_path / "wide.png", tmp_path / "explained"
        Image.fromarray(noise(40, 60)).save(photograph)
        result = fisa("explain", tiny_runs / "fisa", photograph, "--out", out, "--format", "svg")
        assert (result.exit_code, result.stdout) == (0, f"{out}\n")
        names = {f"attention-{label}.png" for label in LABELS} | {"explanation.json"}
        names |= {f"{table}.csv" for table in ("prediction", "effect", "interaction", "contributions", "attribution")}
        names |= {"attribution.json", "attribution.png", "arrays.npz", "index.html", "figures"}
        assert {path.name for path in out.iterdir()} == names
        assert Image.open(out / "attention-awe.png").size == (512, 341)  # 60:40
        document = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
        assert "truth" not in document
        effect = pd.read_csv(out / "effect.csv", index_col=["head", "receives"])
        for head, matrix in enumerate(document["effect"], start=1):
            np.testing.assert_allclose(effect.loc[head].loc[LABELS, LABELS], matrix, rtol=1e-6)

    def test_what_a_system_lacks_is_null(self, tiny_runs: Path, tmp_path: Path) -> None:
        out = tmp_path / "explained"
        assert (
            fisa("explain", tiny_runs / "cnn", "planted-tiny:train:0", "--out", out, "--format", "svg").exit_code == 0
        )
        document = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
        assert document["effect"] is None
        assert not (out / "effect.csv").exists()

    def test_attribution_as_json_and_as_a_folder(self, tiny_runs: Path, tmp_path: Path) -> None:
        asked = (tiny_runs / "fisa", "planted-tiny:iid:3", "--method", "contributions", "--target", "fear@absent")
        result = fisa("explain", *asked)
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        strengths = open_dataset("planted-tiny").manifest.loc[3, [f"strength_{label}" for label in LABELS]]
        absent = [label for label, strength in zip(LABELS, strengths, strict=True) if strength == 0]
        assert document["target"] == "fear" + ("@" + ",".join(absent))
        assert document["baseline"] == "the bias alone" and document["complete"] is True
        assert np.sum(document["values"]) + document["unplaced"] == pytest.approx(document["delta"], abs=1e-4)
        out = tmp_path / "attributed"
        assert fisa("explain", *asked, "--out", out, "--format", "svg").stdout == f"{out}\n"
        assert json.loads((out / "attribution.json").read_text(encoding="utf-8")) == document
        table = pd.read_csv(out / "attribution.csv", header=None)
        np.testing.assert_allclose(table, document["values"], atol=1e-6)
        assert Image.open(out / "attribution.png").size == (512, 512)

    def test_attribution_says_what_is_not_complete_and_what_does_not_apply(self, tiny_runs: Path) -> None:
        asked = ("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--target", "kl", "--method")
        result = fisa(*asked, "occlusion", "--baseline", "black")
        assert result.exit_code == 0 and "the map is not complete" in result.stderr
        assert json.loads(result.stdout)["baseline"] == "a black image"
        assert "cnn has no attention maps; these apply: integrated_gradients" in refusal(fisa(*asked, "attention"))
        assert fisa("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--method", "occlusion").exit_code == 2
        assert fisa("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--head", "2").exit_code == 2

    def test_help_names_every_method(self) -> None:
        assert set(ATTRIBUTIONS) == set(METHODS)

    def test_grades_as_a_table_as_json_and_in_the_run(self, tiny_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(tiny_runs / "fisa", tmp_path / "run")
        few = ("--located", 3, "--scenes", 4, "--attributed", 3, "--checked", 0, "--method", "contributions")
        asked, out = ("grade", tmp_path / "run", *few), tmp_path / "grades.json"
        result = fisa(*asked, "--format", "csv", "--out", out, "--store")
        assert result.exit_code == 0 and "Not graded: attention, interaction" in result.stderr
        table = pd.read_csv(io.StringIO(result.stdout))
        assert {"localisation", "recovery.slope", "path.direct", "faithfulness", "validity"} <= set(table["grade"])
        numbers = read_grades(out).table()
        pd.testing.assert_frame_equal(table[numbers.columns], numbers, check_dtype=False)
        assert set(table["run"]) == {"run"} and set(table["split"]) == {"iid"}
        (hit,) = table[(table["grade"] == "localisation") & (table["subject"] == "attention")].to_dict("records")
        assert hit["goal"] == "≥ 0.95" and hit["kept"] == (hit["value"] >= 0.95)
        stored = load_run(tmp_path / "run").grades
        assert stored is not None and stored["localisation"]["n"] > 0  # what was stored before is still read
        assert [GradeRow(**row) for row in stored["splits"]["iid"]["rows"]] == list(read_grades(out).rows)
        # Another run beside it, in one table; the first answers from what is stored in it.
        both = fisa(*asked[:2], tiny_runs / "fisa", *few)
        assert both.exit_code == 0 and both.stdout.count("| localisation | attention |") == 2
        assert re.search(r"\| run \| iid \| path\.leak .* \| ≤ 0\.03, (kept|missed) \|", both.stdout)
        assert refusal(fisa(*asked, "--out", out)).startswith(f"{out}: already exists")
        assert "does not apply to cnn" in refusal(fisa("grade", tiny_runs / "cnn", "--method", "attention"))

    def test_refusals(self, tiny_runs: Path, tmp_path: Path) -> None:
        run = tiny_runs / "fisa"
        (tmp_path / "text.jpg").write_text("not an image", encoding="utf-8")
        assert refusal(fisa("explain", run, tmp_path / "text.jpg")).startswith(f"{tmp_path / 'text.jpg'}: ")
        assert "no such file" in refusal(fisa("explain", run, tmp_path / "missing.jpg"))
        assert "planted-tiny has images 0 to 59" in refusal(fisa("explain", run, "planted-tiny:iid:60"))
        assert "no split 'tset'" in refusal(fisa("explain", run, "planted-tiny:tset:0"))
        assert "unknown data set 'plant'" in refusal(fisa("explain", run, "plant:iid:0"))
        line = refusal(fisa("explain", run, "planted-tiny:iid:0", "--out", tmp_path))
        assert line == f"{tmp_path}: already exists; name another --out, nothing is overwritten"


class TestReport:
    def test_all_that_ships_by_default(self, tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tiny_runs))
        result = fisa("report", "--format", "csv")
        assert result.exit_code == 0
        rows = pd.read_csv(io.StringIO(result.stdout))
        assert set(rows["system"]) == {"constant", "palette", "additive", "pairwise", "truth", "fisa", "cnn"}

    def test_runs_elsewhere_stand_beside_those_named(
        self, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tmp_path))
        shutil.copytree(tiny_runs / "cnn", tmp_path / "theirs" / "other")
        result = fisa("report", tiny_runs / "fisa", "--artifacts", tmp_path / "theirs", "--format", "csv")
        assert result.exit_code == 0
        systems = set(pd.read_csv(io.StringIO(result.stdout))["system"])
        assert {"fisa", "other"} <= systems and "cnn" not in systems
        assert refusal(fisa("report", "--artifacts", tmp_path / "no")).startswith(f"{tmp_path / 'no'}: no runs here")

    @pytest.mark.parametrize(("form", "mark"), [("markdown", "| system"), ("latex", r"\toprule"), ("html", "<table>")])
    def test_formats(self, tiny_runs: Path, form: str, mark: str) -> None:
        result = fisa("report", tiny_runs / "fisa", tiny_runs / "cnn", "--format", form)
        assert result.exit_code == 0
        assert mark in result.stdout
        assert load_run(tiny_runs / "cnn").digest in result.stdout

    def test_a_broken_run_is_named_and_the_rest_reported(self, tiny_runs: Path, tmp_path: Path) -> None:
        result = fisa("report", tiny_runs / "cnn", tmp_path / "nowhere")
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"{tmp_path / 'nowhere'}: no such run folder; `python -m fisa train` makes one"
        ]
        assert "| cnn" in result.stdout

    def test_nothing_to_report(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FISA_ARTIFACTS", str(tmp_path))
        assert refusal(fisa("report")).startswith(f"{tmp_path}: no runs here")


class TestProgress:
    def test_a_long_phase_is_told_with_an_estimate(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from fisa.commands import terminal

        now = 0.0
        monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
        with terminal.Meter("train") as meter:
            for now in (10.0, 20.0, 40.0, 50.0):
                meter(int(now), 100)
        # Silent for half a minute; then 40 of 100 in 40 s leave 60 s.
        assert capsys.readouterr().err.splitlines() == ["train: 40 of 100, about 60 s left"]
        assert capsys.readouterr().out == ""

    def test_counting_is_told_before_the_total_is_known(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from fisa.commands import terminal

        now = 0.0
        monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
        with terminal.Meter("predict") as meter:
            for now in (10.0, 40.0, 50.0):
                meter(int(now) * 1000, 0)
            for now in (60.0, 100.0):
                meter(int(now) - 55, 90)
        # The second phase counts from 60 s: 45 of 90 in the 40 s since then leave 40 s.
        assert capsys.readouterr().err.splitlines() == [
            "predict: 40000 found so far",
            "predict: 45 of 90, about 40 s left",
        ]
