"""``explain --out``: the files say what the library says, the page loads nothing, and nothing is half written."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from offline import Page
from PIL import Image
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.commands.explanation_group import FORMS
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8, RATINGS
from fisa.explain import explain
from fisa.explain.attribution import attribute
from fisa.explain.targets import Target
from fisa.export import Explained, image_digest, write_explanation
from fisa.export import folder as export_folder
from fisa.figures import paper
from fisa.records import Explanation, Prediction
from fisa.runs import Run, load_run

LABELS = list(MIKELS8.labels)
HOSTILE = "<img src=x onerror=alert(1)> \U0001f600 \u202egnp.exe {{7*7}} $x$.png"


def fisa(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def scene(tiny_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planted scene explained in a folder, its figures as PNG."""
    out = tmp_path_factory.mktemp("export") / "scene"
    result = fisa("explain", tiny_runs / "fisa", "planted-tiny:iid:3", "--out", out, "--format", "png")
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    return out


@pytest.fixture(scope="module")
def found(tiny_runs: Path) -> tuple[Run, np.ndarray, Explanation]:
    """The same scene as the library explains it."""
    run, image = load_run(tiny_runs / "fisa"), open_dataset("planted-tiny")[3].image
    return run, image, explain(run, image)


def test_numbers_are_those_of_the_library(scene: Path, found: tuple[Run, np.ndarray, Explanation]) -> None:
    run, image, explanation = found
    prediction = pd.read_csv(scene / "prediction.csv", index_col="emotion").loc[LABELS]
    np.testing.assert_allclose(prediction["fisa"], explanation.distribution, atol=1e-12)
    np.testing.assert_allclose(prediction["gap"], prediction["fisa"] - prediction["truth"], atol=1e-12)
    np.testing.assert_allclose(prediction["logits"], explanation.logits, rtol=1e-6)
    np.testing.assert_allclose(prediction["null"], explanation.null, rtol=1e-6)
    truth = open_dataset("planted-tiny").manifest.loc[3, [f"truth_{label}" for label in LABELS]]
    np.testing.assert_allclose(prediction["truth"], truth.astype(float))
    with np.load(scene / "arrays.npz", allow_pickle=False) as arrays:
        for name in ("attention", "null", "effect", "interaction", "contributions", "logits", "bias"):
            np.testing.assert_array_equal(arrays[name], getattr(explanation, name))
        stored = arrays["attribution"]
    document = json.loads((scene / "attribution.json").read_text(encoding="utf-8"))
    predicted = LABELS[int(explanation.distribution.argmax())]
    asked = attribute(run, image, "contributions", Target.parse(predicted, MIKELS8))
    assert (document["method"], document["target"]) == ("contributions", predicted)  # the fastest that applies
    np.testing.assert_allclose(stored, asked.values, atol=1e-6)
    assert document["baseline"] == asked.baseline and document["complete"] is True
    assert document["gap"] == pytest.approx(asked.gap, abs=1e-6)


def test_every_figure_names_run_data_image_and_command(scene: Path, found: tuple[Run, np.ndarray, Explanation]) -> None:
    run, image, explanation = found
    names = {path.stem for path in (scene / "figures").iterdir()}
    kinds = {"wheel", "bars", "attention", "attribution", "effect", "effect-heads", "interaction", "interaction-heads"}
    kinds |= {"contributions", "contributions-heads"}
    kinds |= {f"contributions-to-{LABELS[int(explanation.distribution.argmax())]}"}
    assert names == {f"{kind}-{width}" for kind in kinds for width in ("one", "two")}
    assert {path.suffix for path in (scene / "figures").iterdir()} == {".png"}
    said = Image.open(scene / "figures" / "wheel-one.png").text["Description"]
    assert f"run: fisa (digest {run.digest})" in said
    assert f"version {open_dataset('planted-tiny').version}, split iid" in said
    assert f"image digest: {image_digest(image)}" in said
    assert "planted-tiny:iid:3 --out" in said and "program: FISA Studio" in said


def test_page_holds_everything_and_loads_nothing(scene: Path, found: tuple[Run, np.ndarray, Explanation]) -> None:
    run, _, explanation = found
    page = Page((scene / "index.html").read_text(encoding="utf-8"))
    page.check_offline()
    assert sum(name == "img" for name, _ in page.elements) == 11
    rows = {row[0]: row[1:] for row in page.rows if row}
    for label, degree, logit in zip(LABELS, explanation.distribution, explanation.logits, strict=True):
        row = next(row for row in page.rows if row and row[0] == label)
        assert f"{degree:.4f}" in row and f"{logit:.4f}" in row
    assert "truth" in rows["emotion"]
    for words in (run.digest, "planted-tiny:iid:3", "completeness gap", "the bias alone", "the truth is"):
        assert words in page.text


def test_names_are_text_and_the_same_command_makes_the_same_bytes(tiny_runs: Path, tmp_path: Path) -> None:
    photograph, out = tmp_path / HOSTILE, tmp_path / "out"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photograph)
    asked = ("explain", tiny_runs / "cnn", photograph, "--out", out)
    made = []
    for _ in range(2):
        assert fisa(*asked).exit_code == 0
        made.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
        out.rename(tmp_path / f"made-{len(made)}")
    assert made[0] == made[1]
    assert {Path("figures/bars-two.pdf"), Path("attribution.csv"), Path("index.html")} <= made[0].keys()
    assert Path("attention-awe.png") not in made[0]  # cnn has none
    page = Page(made[0][Path("index.html")].decode())
    page.check_offline()
    assert HOSTILE in page.text and "there is no ground truth" in page.text
    assert [name for name, _ in page.elements if name == "img"] == ["img"] * 3  # wheel, bars, attribution: no more
    said = Image.open(io.BytesIO(made[0][Path("figures/wheel-one.png")])).text["Description"]
    assert image_digest(photograph) in said and HOSTILE in said


def test_a_run_of_ratings_has_its_numbers(tmp_path: Path) -> None:
    prediction = Prediction((), np.empty((1, 0)), np.array([[0.25, -0.5]]))
    nothing = dict.fromkeys(("bias", "attention", "null", "effect", "interaction", "contributions", "receptive_field"))
    found = Explanation(RATINGS, prediction, np.array([0.25, -0.5]), input_size=32, **nothing)
    grey = np.full((32, 32, 3), 128, np.uint8)
    rated = {"rated": np.array([0.5, 0.0])}
    write_explanation(tmp_path / "out", Explained("a.jpg", "mine", "0123", found, grey, {"run": "mine"}, rated))
    table = pd.read_csv(tmp_path / "out" / "ratings.csv", index_col="dimension")
    assert table.to_dict() == {"rated": {"valence": 0.5, "arousal": 0.0}, "mine": {"valence": 0.25, "arousal": -0.5}}
    assert list((tmp_path / "out" / "figures").iterdir()) == []
    assert "predicts valence +0.25, arousal -0.50" in Page((tmp_path / "out" / "index.html").read_text()).text


def test_all_or_nothing(tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("explain", tiny_runs / "cnn", "planted-tiny:iid:3", "--out", tmp_path / "out")

    def full_disk(*_: object) -> str:
        raise OSError(28, "No space left on device", "index.html")

    with monkeypatch.context() as patch:
        patch.setattr(export_folder, "explanation_page", full_disk)
        result = fisa(*asked, "--format", "svg")
    assert result.exit_code == 1 and "No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    result = fisa(*asked)
    assert result.stderr == f"{tmp_path / 'out'}: already exists; name another --out, nothing is overwritten\n"
    assert fisa(*asked[:3], "--format", "svg").exit_code == 2  # figures without a folder
    assert "there are svg, png, pdf" in fisa(*asked, "--format", "bmp").stderr
    assert set(FORMS) == set(paper.FORMS)
