"""Runs on other data from the command line: ``evaluate``, ``report``, and ``train --init-from``."""

import io
import json
from pathlib import Path

import pandas as pd
import trees
import yaml
from calling import fisa

from fisa.emotions import EKMAN6
from fisa.runs import load_run


class TestCommands:
    def test_drawn_scenes_to_photographs(self, tiny_runs: Path, photograph_runs: Path, tmp_path: Path) -> None:
        root = load_run(photograph_runs / "cnn").config.data.root
        file = tmp_path / "there.json"
        there = ("--data", "emotion6", "--root", root, "--out", file)
        done = fisa("evaluate", tiny_runs / "cnn", *there)
        assert done.exit_code == 0 and "cnn [mapped mikels8 → polarity3; trained on drawn scenes" in done.stdout
        assert "already exists" in fisa("evaluate", tiny_runs / "cnn", *there).stderr
        report = fisa("report", photograph_runs / "cnn", file, "--format", "csv")
        assert report.exit_code == 0
        # Seven emotions and three polarities are not one table; each has its own.
        own, mapped = (
            pd.read_csv(io.StringIO("system,kind" + part)) for part in report.stdout.split("system,kind")[1:]
        )
        assert (own["system"].tolist(), mapped["system"].tolist()) == (["constant", "cnn"], ["cnn"])
        assert (own["space"].unique().tolist(), mapped["space"].tolist()) == (["ekman7"], ["polarity3"])
        assert mapped["marks"].tolist() == ["mapped mikels8 → polarity3; trained on drawn scenes (planted-tiny)"]
        assert "marks" not in own and mapped["kl"][0] == json.loads(file.read_text())["metrics"]["measures"]["kl"]

    def test_results_of_several_sets_lie_beside_a_run(self, photograph_runs: Path, tmp_path: Path) -> None:
        run = load_run(photograph_runs / "cnn")
        before = sorted((path.name, path.stat().st_mtime_ns) for path in run.path.iterdir())
        trees.emotion6(tmp_path / "other", each=10, neutral=False)
        places = {"here": ("emotion6", run.config.data.root), "there": ("emotion6-6", tmp_path / "other")}
        for name, (data, root) in places.items():
            out = ("--data", data, "--root", root, "--out", tmp_path / f"{name}.json")
            assert fisa("evaluate", run.path, *out).exit_code == 0
        assert sorted((path.name, path.stat().st_mtime_ns) for path in run.path.iterdir()) == before
        shown = fisa("report", run.path, photograph_runs / "fisa", tmp_path / "here.json", tmp_path / "there.json")
        assert shown.exit_code == 0
        # The same run on the same data is named by its path beside itself; on other data its table is another one.
        assert shown.stdout.count("| system") == 2 and f"| {tmp_path / 'here.json'}".replace("_", r"\_") in shown.stdout
        assert "cnn [mapped ekman7 → ekman6; trained on emotion6]" in shown.stdout
        assert "gap" in shown.stdout

    def test_what_the_run_has_seen_is_marked(self, photograph_runs: Path) -> None:
        done = fisa("evaluate", photograph_runs / "cnn", "--split", "all", "--format", "csv")
        table = pd.read_csv(io.StringIO(done.stdout))
        # 60 images, of which a fifth is the test split.
        assert table["marks"].tolist() == ["has seen 48 of 60 images"]

    def test_refusals(self, photograph_runs: Path, tiny_runs: Path, tmp_path: Path) -> None:
        header = ["image", *(f"score_{step}" for step in range(1, 6))]
        trees.manifest(
            tmp_path / "set", header, [[f"{n}.png", *row] for n, row in enumerate(trees.votes(9, classes=5))]
        )
        scores = fisa("evaluate", tiny_runs / "cnn", "--data", "aesthetics", "--root", tmp_path / "set")
        assert scores.exit_code == 1 and scores.stdout == "" and "over scores5: no defensible map" in scores.stderr
        assert fisa("evaluate", tiny_runs / "cnn", "--out", tmp_path / "x.csv").exit_code == 2
        (tmp_path / "no.json").write_text("{}")
        broken = fisa("report", photograph_runs / "cnn", tmp_path / "no.json")
        assert broken.exit_code == 1 and "no.json: no stored evaluation (format: Field required)" in broken.stderr
        assert "| cnn" in broken.stdout

    def test_training_begins_label_by_label(self, photograph_runs: Path, tmp_path: Path) -> None:
        trees.emotion6(tmp_path / "set", each=5, neutral=False)
        document = yaml.safe_load((photograph_runs / "cnn" / "config.yaml").read_text())
        document["data"] |= {"name": "emotion6-6", "root": str(tmp_path / "set")}
        (tmp_path / "six.yaml").write_text(yaml.safe_dump(document))
        source = ("--init-from", photograph_runs / "cnn")
        done = fisa("train", tmp_path / "six.yaml", "--out", tmp_path / "six", *source)
        assert done.exit_code == 0
        assert (
            "cnn has other labels; taken over label by label: classifier.weight, classifier.bias; "
            "labels that it has, too: anger, disgust, fear, joy, sadness, surprise; begun anew: none"
        ) in done.stderr
        told = load_run(tmp_path / "six").provenance["init_from"]
        assert told["mapped"] == ["classifier.weight", "classifier.bias"] and told["left"] == []
        assert told["labels"] == {label: label for label in EKMAN6.labels}
