"""Runs that the summary of an earlier study lends: not trained again, and in the tables as if they had been."""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import STUDY, TRIALS, written
from studying import here
from tiny import TINY_CNN
from typer.testing import CliRunner

import fisa.studies.lent as lent
from fisa.__main__ import app
from fisa.studies import StudyError
from fisa.studies.folder import StudyFolder
from fisa.studies.plan import Cell
from fisa.studies.runner import run_study
from fisa.studies.summary import decode, encode, load_results
from fisa.studies.tables import study_table
from fisa.studies.workers import News

ROOT = Path(__file__).parents[1]
SMALL = {"config": {"model": TINY_CNN | {"backbone": {"name": "plain", "width": 8}}}}
ONE_SEED = {name: system | {"seeds": [0]} for name, system in STUDY["systems"].items()}


def noting(trained: list[str], cells: Sequence[Cell], folder: Path) -> Iterator[News]:
    trained += [cell.where for cell in cells]
    return here(cells, folder)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the study with one seed, without the study."""
    folder = tmp_path_factory.mktemp("earlier")
    run_study(written(folder, systems=ONE_SEED), folder / "out", here)
    shutil.move(folder / "out" / "summary", folder / "shipped")
    shutil.rmtree(folder / "out")
    return folder / "shipped"


def test_only_what_is_new_is_trained_and_the_table_is_that_of_all_trained_here(summary: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "in", systems=STUDY["systems"] | {"small": SMALL})
    trained: list[str] = []
    outcome = run_study(file, tmp_path / "out", partial(noting, trained), known=summary)
    assert outcome.failures == ()
    assert sorted(trained) == ["cells/fisa/seed-1", "cells/small/seed-0", "trials/small/1", "trials/small/2"]
    run_study(file, tmp_path / "whole", here)
    ours, theirs = (load_results(tmp_path / name) for name in ("out", "whole"))
    exact = ["where", "state", "validation", "kl", "kl_truth", "parameters", "data_version"]
    pd.testing.assert_frame_equal(ours.runs[exact], theirs.runs[exact], check_dtype=False)
    assert {look["what"] for look in ours.looks} == {look["what"] for look in theirs.looks}
    assert {name: each["trial"] for name, each in ours.choices.items()} == {
        name: each["trial"] for name, each in theirs.choices.items()
    }
    columns = ["difference", "difference_low", "difference_high"]
    compared = [study_table(each).set_index("system").loc[["small", "cnn"], columns] for each in (ours, theirs)]
    pd.testing.assert_frame_equal(*compared, rtol=1e-5)  # errors are stored in single precision
    again: list[str] = []  # the same command, and the summary of what came out, go on with nothing
    run_study(file, tmp_path / "out", partial(noting, again), known=summary)
    run_study(file, tmp_path / "third", partial(noting, again), known=tmp_path / "out")
    assert again == []
    pd.testing.assert_frame_equal(load_results(tmp_path / "third").runs[exact], ours.runs[exact], check_dtype=False)


def test_a_study_that_is_stopped_leaves_a_summary_that_is_gone_on_with(tmp_path: Path) -> None:
    file = written(tmp_path / "in", systems=ONE_SEED)

    def until(number: int, begun: list[str], cells: Sequence[Cell], folder: Path) -> Iterator[News]:
        for news in here(cells, folder):
            if news.what == "begun":
                begun.append(news.cell.where)
                if len(begun) == number:
                    raise KeyboardInterrupt
            yield news

    for number in (3, 6):  # before a choice was made; and at the last cell, which is that of the cheaper system
        begun: list[str] = []
        with pytest.raises(KeyboardInterrupt):
            run_study(file, tmp_path / f"{number}", partial(until, number, begun))
        assert begun[:4] == TRIALS[:number]
        trained: list[str] = []
        out = tmp_path / f"{number}-on"
        assert run_study(file, out, partial(noting, trained), known=tmp_path / f"{number}" / "summary").failures == ()
        assert sorted(trained) == sorted({*TRIALS, "cells/fisa/seed-0", "cells/cnn/seed-0"} - {*begun[:-1]})
        assert set(load_results(out).runs["state"]) == {"finished"}


def test_a_call_that_is_killed_as_it_takes_a_summary_over_is_gone_on_with(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "in", systems=ONE_SEED)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(StudyFolder, "store_choices", killed)
        with pytest.raises(KeyboardInterrupt):
            run_study(file, tmp_path / "out", here, known=summary)
    trained: list[str] = []
    assert run_study(file, tmp_path / "out", partial(noting, trained), known=summary).failures == ()
    assert trained == [] and len(StudyFolder(tmp_path / "out").looks) == 2


class TestRefuses:
    def refused(self, summary: Path, tmp_path: Path, says: str, **changes: Any) -> None:
        tmp_path.mkdir(exist_ok=True)
        file = written(tmp_path / "in", **({"systems": ONE_SEED} | changes))
        with pytest.raises(StudyError, match=says):
            run_study(file, tmp_path / "out", here, known=summary)

    def test_what_the_study_contradicts(self, summary: Path, tmp_path: Path) -> None:
        says = r"cells/fisa/seed-0 has training\.epochs 2, and the study says 3; change it back"
        self.refused(summary, tmp_path / "epochs", says, epochs=3)
        says = r"trials/fisa/1 has data\.image_size 32, and the study says 64"
        self.refused(summary, tmp_path / "size", says, data=STUDY["data"] | {"image_size": 64})
        wider = TINY_CNN | {"backbone": {"name": "plain", "width": 8}}
        systems = ONE_SEED | {"cnn": {"config": {"model": wider}}}
        says = r"trials/cnn/1 has model\.backbone\.width \d+, and the study says 8"
        self.refused(summary, tmp_path / "model", says, systems=systems)
        other = STUDY["search"] | {"trials": 1, "space": [{"training.lr": 0.01}]}
        self.refused(summary, tmp_path / "search", "was chosen from other trials", search=other)

    def test_another_value_of_what_only_some_trials_change(self, tmp_path: Path) -> None:
        # The first trial takes the configuration as it is: with another learning rate it is another trial.
        search = STUDY["search"] | {"space": [{}, {"training.lr": 0.001}]}
        run_study(written(tmp_path / "in", systems=ONE_SEED, search=search), tmp_path / "first", here)
        faster = {"model": TINY_CNN, "training": {"batch_size": 32, "lr": 0.02}}
        systems = ONE_SEED | {"cnn": ONE_SEED["cnn"] | {"config": faster}}
        says = r"trials/cnn/1 has training\.lr 0.01, and the study says 0.02; change it back"
        self.refused(tmp_path / "first" / "summary", tmp_path / "second", says, systems=systems, search=search)

    def test_other_data(self, summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lent, "open_data", lambda config, splits: {"test": SimpleNamespace(version="other")})
        self.refused(summary, tmp_path, "trials/fisa/1 is of version .* of planted-tiny, and this is version other")

    def test_what_is_no_summary_and_what_has_runs(self, summary: Path, tmp_path: Path) -> None:
        self.refused(tmp_path / "nowhere", tmp_path, "nowhere: holds no summary of a study")
        (tmp_path / "begun" / "out" / "trials" / "fisa" / "1").mkdir(parents=True)
        shutil.copy(written(tmp_path / "in", systems=ONE_SEED), tmp_path / "begun" / "out" / "study.yaml")
        self.refused(summary, tmp_path / "begun", "has runs of its own")

    def test_another_summary_than_before(self, summary: Path, tmp_path: Path) -> None:
        file = written(tmp_path / "in", systems=ONE_SEED)
        assert run_study(file, tmp_path / "out", here, known=summary).failures == ()
        shutil.copytree(summary, tmp_path / "other")
        text = (summary / "summary.json").read_text()
        (tmp_path / "other" / "summary.json").write_text(text.replace('"name": "tiny"', '"name": "another"'))
        self.refused(tmp_path / "other", tmp_path, "took over another summary")
        damaged = tmp_path / "damaged"
        shutil.copytree(summary, damaged)
        (damaged / "runs.csv").write_text("where\n")
        with pytest.raises(StudyError, match="changed since it was stored"):
            run_study(file, tmp_path / "new", here, known=damaged)
        assert StudyFolder(tmp_path / "new").lent == {}

    def test_a_summary_of_an_earlier_version(self, tmp_path: Path) -> None:
        says = "ew-mtcnn: was written by an earlier version, without the configuration of each run"
        self.refused(ROOT / "artifacts" / "studies" / "ew-mtcnn", tmp_path, says)


def test_the_command_takes_a_summary_and_prints_the_table(summary: Path, tmp_path: Path) -> None:
    file = str(written(tmp_path / "in", systems=ONE_SEED))
    told = CliRunner().invoke(app, ["study", file, "--out", str(tmp_path / "out"), "--known", str(summary)])
    assert told.exit_code == 0, told.output
    assert "| fisa" in told.stdout and "1 of 1" in told.stdout
    timed = CliRunner().invoke(app, ["study", file, "--known", str(summary), "--dry-run"])
    assert timed.exit_code == 2


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.01), min_size=1))
def test_storing_again_what_was_read_changes_nothing(rows: list[list[float]]) -> None:
    degrees = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    frame = pd.DataFrame(degrees, columns=["a", "b", "c"])
    frame.insert(0, "where", "x")
    frame.insert(1, "id", "y")
    once = encode(frame, "distribution")
    pd.testing.assert_frame_equal(encode(decode(once, "distribution"), "distribution"), once)
