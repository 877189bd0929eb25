"""Grades under shifts: every condition has its rows, and a model that knows the truth loses nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.datasets.planted import PlantedDataset
from fisa.datasets.planted.oracles import truth_of
from fisa.explain import shifts
from fisa.explain.graded import GradeError, GradeRow
from fisa.explain.shifts import CONDITIONS, MATCHED, ShiftSettings, grade_shifts, shift_table
from fisa.runs import load_run


@pytest.fixture(scope="module")
def found(tiny_runs: Path) -> dict[str, tuple[GradeRow, ...]]:
    settings = ShiftSettings(located=6, scenes=4, methods=("contributions",), conditions=("iid", MATCHED, "clutter-2"))
    return grade_shifts(load_run(tiny_runs / "fisa"), settings)


def test_every_condition_has_the_same_grades(found: dict[str, tuple[GradeRow, ...]]) -> None:
    expected = {
        ("score", "predictions"), ("score", "additive"), ("score", "pairwise"),
        ("localisation", "attention"), ("localisation", "any_motif"), ("localisation.lift", "attention"),
        *((f"recovery.{key}", "contributions") for key in ("r", "slope", "sign")),
        ("faithfulness", "contributions"), ("validity", "contributions"),
    }  # fmt: skip
    assert list(found) == ["iid", MATCHED, "clutter-2"]
    for rows in found.values():
        assert {(row.grade, row.subject) for row in rows} == expected
        pairwise = next(row for row in rows if (row.grade, row.subject) == ("score", "pairwise"))
        assert pairwise.value > 0.999  # the planted model is among what it can be


def test_the_matched_condition_takes_scenes_of_three_emotions(found: dict[str, tuple[GradeRow, ...]]) -> None:
    located = next(row for row in found[MATCHED] if row.grade == "localisation")
    assert (located.n, located.scenes) == (18, 6)


def test_whoever_knows_the_truth_has_a_score_of_one(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, data = load_run(tiny_runs / "cnn"), PlantedDataset("planted-tiny", "triple", 64)
    monkeypatch.setattr(shifts, "predict_packed", lambda model, images: truth_of(data.manifest)[: len(images)])
    (rows,) = grade_shifts(run, ShiftSettings(5, 3, (), ("triple",))).values()
    score = rows[0]
    assert (score.value, score.low, score.high) == pytest.approx((1, 1, 1))
    assert {row.grade for row in rows} == {"score"}  # cnn has no maps and no contributions


def test_the_table_has_a_row_for_each_condition_and_grade(found: dict[str, tuple[GradeRow, ...]]) -> None:
    table = shift_table(found)
    assert len(table) == sum(map(len, found.values()))
    assert list(table.columns[:4]) == ["condition", "grade", "subject", "kind"]
    bounded = table[table["low"].notna()]
    assert (bounded["low"] <= bounded["value"] + 1e-9).all() and (bounded["value"] <= bounded["high"] + 1e-9).all()
    assert np.isfinite(table["value"]).all()


def test_what_cannot_be_graded_is_refused(tiny_runs: Path) -> None:
    cnn = load_run(tiny_runs / "cnn")
    with pytest.raises(GradeError, match="attention: does not apply to cnn; these do: integrated_gradients"):
        grade_shifts(cnn, ShiftSettings(methods=("attention",)))
    with pytest.raises(GradeError, match=r"no condition 'rain'; there are iid, .*clutter-3"):
        grade_shifts(cnn, ShiftSettings(conditions=("rain",)))
    photographs: Any = SimpleNamespace(name="oasis-run", config=SimpleNamespace(data=SimpleNamespace(name="oasis")))
    with pytest.raises(GradeError, match="oasis-run: was trained on oasis, which has no shifts"):
        grade_shifts(photographs)
    assert set(CONDITIONS.values()) >= {"iid", "rendering", "triple", "strength", "palette", "clutter-0", "clutter-3"}


def test_the_command_prints_a_row_a_condition(tiny_runs: Path, tmp_path: Path) -> None:
    options = ["--split", "iid", "--split", "palette", "--located", "3", "--scenes", "2", "--method", "grad_cam"]
    result = CliRunner().invoke(app, ["shifts", str(tiny_runs / "cnn"), *options])
    assert result.exit_code == 0
    head, blank, *table = result.stdout.splitlines()
    assert head.startswith("cnn (") and not blank
    assert [line.split("|")[1].strip() for line in table] == ["condition", "---", "iid", "palette"]
    assert "score predictions" in table[0] and "faithfulness grad_cam" in table[0]
    taken = tmp_path / "taken.csv"
    taken.touch()
    again = CliRunner().invoke(app, ["shifts", str(tiny_runs / "cnn"), "--out", str(taken)])
    assert again.exit_code == 1 and "already exists" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "--split", "clutter-2", "--format", "csv"),
        ("explain", "planted-tiny:rendering:3"),
        ("grade", "--split", "triple", "--located", "3", "--scenes", "3", "--attributed", "2", "--checked", "0"),
    ],
)
def test_other_commands_open_a_shift_by_name(tiny_runs: Path, arguments: tuple[str, ...]) -> None:
    command, *rest = arguments
    extra = ["--method", "grad_cam"] if command == "grade" else []
    result = CliRunner().invoke(app, [command, str(tiny_runs / "cnn"), *rest, *extra])
    assert result.exit_code == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize("command", [("shifts",), ("data", "export"), ("data", "references")], ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example: python -m fisa " + " ".join(command) in " ".join(result.stdout.split())
