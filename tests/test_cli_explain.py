"""``explain`` and ``grade``: documents, folders and tables, and what is refused."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import fisa, refusal
from PIL import Image

from fisa.commands.explanation_group import ATTRIBUTIONS, UNCOMPARED
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain.asking import Settings
from fisa.explain.attribution import METHODS, attribute
from fisa.explain.baselines import WORDS
from fisa.explain.graded import GradeRow, read_grades
from fisa.explain.targets import Target
from fisa.images import decode_square
from fisa.runs import load_run
from fisa.tasks import open_data

LABELS = list(MIKELS8.labels)
QUICK = Settings("mean", steps=2, most_steps=2, samples=2, most_samples=2)


def noise(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


class TestExplain:
    def test_json_is_complete(self, tiny_runs: Path) -> None:
        result = fisa("explain", tiny_runs / "fisa", "planted:iid:17")
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        run, dataset = load_run(tiny_runs / "fisa"), open_dataset("planted", image_size=64)  # drawn for the model
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

    def test_an_address_means_the_image_that_the_run_predicted(
        self, photograph_runs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Splits drawn by chance alone hold other images than those in which emotions are as frequent everywhere.
        run = load_run(photograph_runs / "cnn")
        by_chance = run.config.model_copy(update={"data": run.config.data.model_copy(update={"stratify": False})})
        monkeypatch.setattr(run, "config", by_chance)
        monkeypatch.setattr("fisa.commands.explain.load_run", lambda _: run)
        splits = open_data(by_chance, ("test",)), open_data(load_run(run.path).config, ("test",))
        drawn, usual = (each["test"].manifest["id"].tolist() for each in splits)
        place = next(place for place, (one, other) in enumerate(zip(drawn, usual, strict=False)) if one != other)
        document = json.loads(fisa("explain", run.path, f"emotion6:test:{place}").stdout)
        np.testing.assert_allclose(document["votes"], splits[0]["test"][place].target)
        expected = run.predict([decode_square(splits[0]["test"].file(place), 32)]).distribution[0]  # type: ignore[attr-defined]
        np.testing.assert_allclose(document["distribution"], expected, atol=1e-6)

    def test_what_is_known_of_other_emotions_is_left_out(self, photograph_runs: Path, tmp_path: Path) -> None:
        # Seven labels are predicted; of the scene eight others are known, whose columns mean something else.
        run, out = photograph_runs / "fisa", tmp_path / "explained"
        assert fisa("explain", run, "planted-tiny:iid:3", "--out", out, "--format", "svg").exit_code == 0
        document = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
        assert len(document["distribution"]) == 7 and not {"truth", "votes", "strengths"} & document.keys()
        for target, said in (("anger@absent", "nothing says which emotions are absent"), ("kl", "needs the truth")):
            asked = ("explain", run, "planted-tiny:iid:3", "--method", "occlusion", "--target", target)
            assert said in fisa(*asked).stderr.splitlines()[-1] and fisa(*asked).exit_code == 1

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
        line = refusal(fisa(*asked[:3], "--target", "fear<-awe", "--method", "occlusion"))
        for target in ("fear", "fear-awe", "entropy"):  # those that it names are answered
            assert re.search(rf"these targets apply:.* {target},", line)
            assert fisa(*asked[:3], "--target", target, "--method", "occlusion").exit_code == 0
        assert fisa("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--method", "occlusion").exit_code == 2
        assert fisa("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--head", "2").exit_code == 2

    def test_options_that_a_method_does_not_read_are_wrong_usage(self, tiny_runs: Path) -> None:
        asked = ("explain", tiny_runs / "fisa", "planted-tiny:iid:3", "--target", "fear", "--method")
        assert "compares the image with nothing" in fisa(*asked, "grad_cam", "--baseline", "mean").stderr
        assert "is for --method interaction" in fisa(*asked, "occlusion", "--head", "2").stderr
        for method in METHODS:  # the baseline of those that are refused says that it is none
            found = attribute(load_run(tiny_runs / "fisa"), noise(), method, Target("logit", 0), QUICK)
            assert (found.baseline == WORDS["mean"]) == (method not in UNCOMPARED)
        assert fisa(*asked, "interaction", "--head", "2").exit_code == 0

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
        assert "nan" not in both.stdout  # where there is no interval, or no goal
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
