"""All grades of a run together: which rows there are, what is refused, and that the document is read back."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fisa.datasets.planted import PlantedDataset
from fisa.explain import explain
from fisa.explain.counterfactuals import answers, draw_families
from fisa.explain.graded import GradeError, GradeRow, Grades, read_grades
from fisa.explain.report import GradeSettings, grade_run
from fisa.runs import load_run

FEW = GradeSettings(located=4, scenes=6, attributed=5, checked=3, methods=("contributions", "grad_cam"))
SANITY = {"sanity.shuffled_weights", "sanity.untrained"}
ATTRIBUTION = {
    "faithfulness", "validity", *SANITY, "stability.noise", "stability.shift",
    "deletion.blur", "deletion.mean", "insertion.blur", "insertion.mean",
}  # fmt: skip
MATRICES = {*(f"recovery.{key}" for key in ("r", "slope", "r_all", "sign", "auroc"))}
PATHS = {*(f"path.{key}" for key in ("direct", "leak", "relay", "absent"))}


@pytest.fixture(scope="module")
def graded(tiny_runs: Path) -> Grades:
    return grade_run(load_run(tiny_runs / "fisa"), FEW)


def test_every_grade_has_what_it_is_set_against(graded: Grades) -> None:
    assert {row.grade for row in graded.rows} == {
        "localisation", "localisation.lift", *MATRICES, *PATHS, *ATTRIBUTION
    }  # fmt: skip
    kinds: dict[str, set[str]] = {}
    for row in graded.rows:
        kinds.setdefault(row.grade, set()).add(row.kind)
        assert row.low is None or row.high is None or row.low <= row.high
    assert kinds["faithfulness"] == kinds["validity"] == {"method", "baseline", "ceiling"}
    assert kinds["localisation"] == {"method", "baseline", "ceiling"}
    # Knowing nothing is 0 for these (r, slope), 1/2 (signs, AUROC), or what a model does anyway (paths, stability).
    assert kinds["recovery.r"] == kinds["localisation.lift"] == {"method", "ceiling"} and kinds["path.leak"] == {
        "method"
    }
    unbounded = {row.subject for row in graded.rows if row.grade == "localisation" and row.low is None}
    assert unbounded == {"constant", "own motifs"}  # chosen on the same scenes, and always 1
    for grade in ATTRIBUTION - {"sanity.untrained"}:
        methods = {row.subject for row in graded.rows if row.grade == grade and row.kind == "method"}
        assert methods == {"contributions", "grad_cam"}
    ceiling = {row.grade: row.value for row in graded.rows if row.kind == "ceiling"}
    assert ceiling["faithfulness"] == pytest.approx(1) and ceiling["recovery.r"] == pytest.approx(1)


def test_the_document_is_read_back_and_other_files_are_refused(graded: Grades, tmp_path: Path) -> None:
    file = tmp_path / "grades.json"
    file.write_text(graded.to_json(), encoding="utf-8")
    again = read_grades(file)
    assert again.rows == graded.rows and again.notes == graded.notes and again.digest == graded.digest
    file.write_text(graded.to_json().replace('"format": 1', '"format": 2'), encoding="utf-8")
    with pytest.raises(GradeError, match=r"grades\.json: holds no grades of this version"):
        read_grades(file)


def test_a_system_without_maps_is_graded_by_what_it_has(tiny_runs: Path) -> None:
    settings = GradeSettings(located=4, scenes=3, attributed=3, checked=0, methods=("feature_ablation",))
    found = grade_run(load_run(tiny_runs / "cnn"), settings)
    assert {row.grade for row in found.rows} == {"faithfulness", "validity"}
    assert any(note.startswith("Not graded: attention") for note in found.notes)


def test_a_control_trained_on_shuffled_labels_is_one_more_check(tiny_runs: Path) -> None:
    fisa, cnn = (load_run(tiny_runs / name) for name in ("fisa", "cnn"))
    settings = GradeSettings(located=2, scenes=3, attributed=3, checked=3, methods=("attention",))
    found = {row.grade: row.value for row in grade_run(fisa, settings, control=fisa).rows if row.subject == "attention"}
    assert found["sanity.shuffled_labels"] == found["faithfulness"]  # the control is the run itself
    with pytest.raises(GradeError, match="cnn: is of another architecture than fisa"):
        grade_run(fisa, settings, control=cnn)


def test_what_cannot_be_graded_is_refused(tiny_runs: Path) -> None:
    with pytest.raises(GradeError, match="attention: does not apply to cnn; these do: integrated_gradients"):
        grade_run(load_run(tiny_runs / "cnn"), GradeSettings(methods=("attention",)))
    photographs: Any = SimpleNamespace(name="oasis-run", config=SimpleNamespace(data=SimpleNamespace(name="oasis")))
    with pytest.raises(GradeError, match="oasis-run: was trained on oasis, where nobody knows"):
        grade_run(photographs)


def test_rows_without_an_interval_have_none(graded: Grades) -> None:
    fixed = [row for row in graded.rows if (row.grade, row.subject) == ("localisation", "constant")]
    assert fixed == [GradeRow("localisation", "constant", "baseline", fixed[0].value, None, None, fixed[0].n, 4)]


def test_scenes_asked_in_batches_answer_as_single_images_do(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(tiny_runs / "fisa")
    families = draw_families(PlantedDataset("planted-tiny", "iid", 64).scene, 3, 64)
    monkeypatch.setattr("fisa.explain.counterfactuals.BATCH", 6)
    said = list(answers(run, families))
    assert len(said) == 3
    for family, answer in zip(families, said, strict=True):
        assert len(answer.logits) == 1 + len(family.present)
        for image, logits, contributions in zip(
            (family.image, *family.without), answer.logits, answer.contributions, strict=True  # type: ignore[arg-type]
        ):  # fmt: skip
            alone = explain(run, image)
            assert alone.contributions is not None
            assert logits == pytest.approx(alone.logits, abs=1e-4)
            assert contributions == pytest.approx(alone.contributions.sum(0), abs=1e-4)
