"""What an explanation is worth goes out with it: how far its image lies from the training, and its method's grades."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from graded_runs import store_by_hand
from offline import Page
from PIL import Image
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.emotions import RATINGS
from fisa.explain.familiarity import Familiarity, familiarity
from fisa.export import Explained, explanation_page, write_explanation
from fisa.export.grades import MethodGrades, grades_of
from fisa.records import Explanation, Prediction
from fisa.runs import Run, load_run


@pytest.fixture
def graded(tiny_runs: Path, tmp_path: Path) -> Run:
    """A run with grades by hand on iid, and on a shift lower ones."""
    run = load_run(shutil.copytree(tiny_runs / "fisa", tmp_path / "fisa"))
    store_by_hand(run, "palette", shift=0.1)
    store_by_hand(load_run(run.path))
    return load_run(run.path)


def exported(run: Path, image: Path | str, out: Path, *asked: str) -> Page:
    """Return the page of an image explained in a folder, without figures, which take long and are not asked about."""
    words = ["explain", str(run), str(image), "--out", str(out), "--format", "png", *asked]
    with pytest.MonkeyPatch.context() as patch:
        for writes in (write_explanation, explanation_page):
            patch.setitem(writes.__globals__, "figures_of", lambda _: {})
        result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    page.check_offline()
    return page


def fact(name: str, words: str) -> str:
    """Return a fact as the text of a page has it: the name's element, then that of the words."""
    return name + words


def test_noise_is_called_far_in_json_and_on_the_page(tiny_runs: Path, tmp_path: Path) -> None:
    run, file, out = load_run(tiny_runs / "fisa"), tmp_path / "noise.png", tmp_path / "out"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    page = exported(run.path, file, out)
    (found,) = familiarity(run, [pixels])
    for name in ("explanation", "attribution"):
        document = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        assert document["familiarity"] == pytest.approx({**asdict(found), "far": True})
    assert document["grades"] is None and fact("grades", "not graded") in page.text  # nobody graded this run
    assert "This image lies far from what fisa was trained on, 100.0% of 40 held-out images lie nearer" in page.text
    assert f"at a distance of {found.distance:.3g}; 100.0% of 40 held-out images lie nearer" in page.text


def test_a_near_image_is_among_the_facts_and_one_that_was_not_compared_is_nowhere() -> None:
    prediction = Prediction((), np.empty((1, 0)), np.array([[0.25, -0.5]]))
    nothing = dict.fromkeys(("bias", "attention", "null", "effect", "interaction", "contributions", "receptive_field"))
    found = Explanation(RATINGS, prediction, np.array([0.25, -0.5]), input_size=32, **nothing)
    grey = np.full((32, 32, 3), 128, np.uint8)

    def text(familiar: Familiarity | None) -> str:
        explained = Explained("a.jpg", "mine", "0123", found, grey, {"run": "mine"}, familiarity=familiar)
        return Page(explanation_page(explained)).text

    near = text(Familiarity(distance=1.5, nearer=0.2, held_out=40))
    assert "This image lies far" not in near
    assert fact("from the training images", "at a distance of 1.5; 20.0% of 40 held-out images lie nearer") in near
    assert "training images" not in text(None)


def test_the_grades_of_the_method_stand_by_its_map(graded: Run, tmp_path: Path) -> None:
    page = exported(graded.path, "planted-tiny:iid:3", tmp_path / "out", "--method", "attention", "--target", "fear")
    document = json.loads((tmp_path / "out" / "attribution.json").read_text(encoding="utf-8"))
    # As tests/graded_runs.py has them: 0.5 and 0.4 with 0.05 on either side, hits 0.96 with 0.01.
    grades = {grade: document["grades"].pop(grade) for grade in ("faithfulness", "validity", "localisation")}
    assert document["grades"] == {"data": "planted-tiny", "split": "iid", "fails": []}
    expected = {"faithfulness": (0.5, 0.45, 0.55), "validity": (0.4, 0.35, 0.45), "localisation": (0.96, 0.95, 0.97)}
    for grade, (value, low, high) in expected.items():
        assert grades[grade] == pytest.approx({"value": value, "low": low, "high": high, "n": 30, "scenes": 10})
        assert fact(grade, f"{value:.2f}, 95 % interval {low:.2f} to {high:.2f}, of 10 scenes") in page.text
    assert fact("graded on", "planted-tiny, split iid, with default options") in page.text
    assert "lies far" not in page.text and "sanity check" not in page.text


def test_a_failed_check_and_a_method_without_grades_are_told(graded: Run) -> None:
    cam = grades_of(graded, "grad_cam")
    assert [row.grade for row in cam.rows] == ["faithfulness", "validity"]  # it is no attention
    assert cam.facts()["sanity check"] == "fails by shuffled weights; do not rely on the map"
    assert cam.to_document()["fails"] == ["shuffled_weights"]  # type: ignore[index]
    assert grades_of(graded, "occlusion") == MethodGrades()


def test_without_grades_on_iid_those_of_another_split_are_named(tiny_runs: Path, tmp_path: Path) -> None:
    run = load_run(shutil.copytree(tiny_runs / "fisa", tmp_path / "fisa"))
    store_by_hand(run, "palette", shift=0.1)
    facts = grades_of(load_run(run.path), "attention").facts()
    assert facts["graded on"] == "planted-tiny, split palette, with default options"
    assert facts["faithfulness"].startswith("0.40,")
