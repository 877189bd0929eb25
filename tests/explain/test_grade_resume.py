"""Grading a run that is interrupted goes on where it stopped, to the grades that it would have had."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fisa.explain import report
from fisa.explain.grade_parts import KeptParts
from fisa.explain.graded import Grades, stored_grades
from fisa.explain.grading import store
from fisa.explain.report import GradeSettings, grade_run
from fisa.runs import Run, load_run

ROOT = Path(__file__).parents[2]
FEW = GradeSettings(located=4, scenes=4, attributed=3, checked=2, methods=("contributions", "grad_cam"))


@pytest.fixture
def run(tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of the small run with a cache of its own, so that nothing is kept yet."""
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    return load_run(shutil.copytree(tiny_runs / "fisa", tmp_path / "fisa"))


class Killed(Exception):
    pass


def test_killed_in_any_part_it_goes_on_to_the_same_grades(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    keep = KeptParts.keep

    def keep_one(self: KeptParts, step: report.Step, part: report.Part) -> None:
        keep(self, step, part)
        parts.append(step.name)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(KeptParts, "keep", keep_one)
        for _ in range(4):
            with pytest.raises(Killed):
                grade_run(run, FEW)
    assert parts == ["localisation", "recovery", "paths", "baselines"]
    resumed = grade_run(run, FEW)
    assert len(list(next((Path(os.environ["FISA_CACHE"]) / "grades").glob("*/*")).iterdir())) == 13
    assert grade_run(run, FEW, again=True).rows == resumed.rows


def test_a_finished_grading_answers_without_the_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = grade_run(run, FEW)
    monkeypatch.setattr(report, "draw_family", None)
    monkeypatch.setattr(report, "grade_localisation", None)
    assert grade_run(run, FEW) == found
    with pytest.raises(TypeError):
        grade_run(run, FEW, again=True)
    store(run, found)
    shutil.rmtree(os.environ["FISA_CACHE"])
    again = grade_run(load_run(run.path), FEW)  # on another machine, say
    assert again.rows == found.rows and again.notes == found.notes


def test_stored_grades_with_a_control_answer_where_none_was_asked_for_and_not_the_other_way(run: Run) -> None:
    few = GradeSettings(located=3, scenes=3, attributed=3, checked=2, methods=("contributions",))
    plain = grade_run(run, few)
    controlled = grade_run(run, few, control=run)
    assert len(controlled.rows) > len(plain.rows)
    store(run, controlled)
    assert grade_run(run, few) == controlled
    store(run, plain)
    assert grade_run(run, few, control=run).rows == controlled.rows


def test_each_split_is_stored_apart_and_other_weights_do_not_count(run: Run) -> None:
    few = GradeSettings(located=3, scenes=3, attributed=3, checked=0, methods=("contributions",))
    iid, fresh = (grade_run(run, few, split) for split in ("test", "fresh-1"))
    for found in (iid, fresh):
        store(run, found)
    stored = stored_grades(load_run(run.path))
    assert list(stored) == ["iid", "fresh-1"] and stored["fresh-1"].rows == fresh.rows != iid.rows
    assert (run.grades or {})["localisation"]["n"] > 0  # what the training stored is still there
    other = Grades(**{**vars(iid), "digest": "of other weights"})
    store(run, other)
    assert list(stored_grades(run)) == ["fresh-1"]


def test_stored_grades_in_another_form_do_not_count(run: Run) -> None:
    run.add_grades({"splits": {"iid": {"format": 1, "rows": [{"grade": "localisation"}]}, "fresh-1": {"format": 9}}})
    assert stored_grades(run) == {}


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_whole_parts(run: Run) -> None:
    command = [sys.executable, "-m", "fisa", "grade", str(run.path), "--format", "json", "--located", "4"]
    command += ["--scenes", "4", "--attributed", "3", "--checked", "2", "--method", "contributions"]
    folder, most = Path(os.environ["FISA_CACHE"]) / "grades", 0
    for wanted in (1, 4):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(folder.glob("*/*/*.safetensors"))) < wanted:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = len(list(folder.glob("*/*/*.safetensors")))
        assert kept >= max(wanted, most)
        most = kept
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    few = GradeSettings(located=4, scenes=4, attributed=3, checked=2, methods=("contributions",))
    assert done.stdout == grade_run(run, few).to_json()  # all parts are there by now
