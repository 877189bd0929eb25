"""Trainings in processes of their own: whatever happens to a process, what is known of its training is true."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from tiny import TINY, TINY_CNN

from fisa import background as desks
from fisa.background import Desk, Stopped, Teller
from fisa.config import RunConfig, dump_config
from fisa.jobs import JobError, process
from fisa.jobs.trainings import (
    Training,
    config_of,
    delete_training,
    history_of,
    list_trainings,
    log_of,
    look_at_training,
    pause_training,
    resume_training,
    start_training,
)
from fisa.runs import load_run
from fisa.training import TrainingError, train

EPOCHS = 3
CONFIG = RunConfig.model_validate(
    {"name": "job", "model": TINY_CNN, **TINY, "training": {"epochs": EPOCHS, "batch_size": 32}}
)
STEPS = 5 * EPOCHS
"""160 images in batches of 32."""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "my runs <b> 🙂"


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Start no process; the folders of those that would have been."""
    asked: list[Path] = []
    monkeypatch.setattr(Desk, "start", lambda desk, *asked_for: asked.append(desk.folder))
    return asked


def await_(path: Path, when: Callable[[Training], Any]) -> Training:
    for _ in range(5400):
        training = look_at_training(path)
        if when(training) or training.state == "failed":
            return training
        time.sleep(0.1)
    pytest.fail(f"never came: {training}")


def do_here(path: Path) -> int:
    """Do in this process what the one of a training does."""
    return process.main("train", path / "job")


def end_as(path: Path, state: str, reason: str = "") -> None:
    Desk(path / "job").write("outcome.json", {"state": state, "reason": reason, "ended": 1.0})


class TestAlive:
    """With real processes."""

    def test_killed_it_goes_on_paused_it_waits_and_ends_as_one_that_was_never_touched(
        self, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Forty epochs of a tenth of a second and more, so that what is asked of it comes before its end.
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        config = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"epochs": 40})})
        path = start_training(config, runs)
        assert path == runs / "job-1" and config_of(path) == config
        first = await_(path, lambda training: training.epoch >= 1)
        assert (first.state, first.stage, first.epochs, first.usable) == ("running", "train", 40, False)
        assert first.total == 200
        with pytest.raises(JobError, match="is running"):
            delete_training(path)
        pid = json.loads((path / "job" / "progress.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        killed = await_(path, lambda training: training.state != "running")
        assert killed.state == "stopped" and "ended without a word" in killed.reason and killed.epoch >= 1

        resume_training(path)
        desks._started.clear()  # as after a restart of the studio
        assert await_(path, lambda training: training.epoch > killed.epoch).state == "running"
        pause_training(path)
        paused = await_(path, lambda training: training.state != "running")
        assert (paused.state, paused.reason) == ("paused", "paused by hand")
        assert 1 <= paused.epoch < 40 and len(history_of(path)) == paused.epoch

        monkeypatch.setattr(Desk, "start", lambda desk, *asked_for: None)
        resume_training(path)
        (path / "job" / "outcome.json").unlink()
        (path / "job" / "stop").unlink()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            assert do_here(path) == 0
            train(config, tmp_path / "untouched")
        finally:
            torch.set_num_threads(threads)
        finished = look_at_training(path)
        assert (finished.state, finished.usable, finished.epoch) == ("finished", True, 40)
        ours, theirs = (load_file(each / "model.safetensors") for each in (path, tmp_path / "untouched"))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert load_run(path).provenance["resumed"] == 2 and load_run(path).map is not None
        assert "epoch 1 of 40: training loss" in log_of(path)

    def test_how_it_ended_is_read_after_it_was_seen_to_have_ended(
        self, runs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def end(desk: desks.Desk) -> bool:
            """It writes how it ended, then lets go of its lock, just while somebody looks."""
            desk.write("outcome.json", {"state": "paused", "reason": ""})
            return False

        monkeypatch.setattr(Desk, "start", lambda desk, *asked_for: None)
        path = start_training(CONFIG, runs)
        monkeypatch.setattr(Desk, "runs", property(end))
        assert look_at_training(path).state == "paused"

    def test_a_process_that_cannot_start_is_one_sentence(self, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(12, "Cannot allocate memory")

        monkeypatch.setattr(desks.subprocess, "Popen", refuse)
        with pytest.raises(JobError, match=r"the process cannot be started \(Cannot allocate memory\)"):
            start_training(CONFIG, runs)


class TestDeadOrAlive:
    """A lock tells, and no number of a process."""

    def test_a_dead_process_whose_number_another_one_has_is_dead(self, runs: Path, held_back: list[Path]) -> None:
        path = start_training(CONFIG, runs)
        Desk(path / "job").write("progress.json", {"pid": os.getpid(), "stage": "train", "done": 7, "total": STEPS})
        training = look_at_training(path)
        assert training.state == "stopped" and training.reason.startswith("its process ended without a word")
        resume_training(path)
        assert held_back == [path / "job"] * 2

    def test_who_holds_the_lock_is_alive_whatever_else_is_written(self, runs: Path, held_back: list[Path]) -> None:
        path = start_training(CONFIG, runs)
        Desk(path / "job").write("progress.json", {"pid": 1, "stage": "train", "done": 7, "total": STEPS})
        end_as(path, "failed", "of the last time")
        with FileLock(path / "job" / "lock"):
            training = look_at_training(path)
            assert (training.state, training.done, training.total) == ("running", 7, STEPS)
            assert not training.stopping and (pause_training(path), look_at_training(path).stopping)[1]
            with pytest.raises(JobError, match="is running; there is nothing to go on with"):
                resume_training(path)
        assert look_at_training(path).state == "failed"

    def test_a_second_process_of_a_training_leaves_the_first_alone(
        self, runs: Path, held_back: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = start_training(CONFIG, runs)
        monkeypatch.setattr(desks, "_HELD", 0.0)
        with FileLock(path / "job" / "lock"):
            assert do_here(path) == 1
        assert not (path / "job" / "outcome.json").exists() and not list((path / "training").iterdir())

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"epoch": "x", "done": null, "epochs": [], "began": "?"}'])
    def test_what_was_written_by_nobody_of_ours_is_as_good_as_nothing(
        self, text: str, runs: Path, held_back: list[Path]
    ) -> None:
        path = start_training(CONFIG, runs)
        for name in ("job.json", "progress.json", "outcome.json"):
            (path / "job" / name).write_text(text)
        training = look_at_training(path)
        assert (training.state, training.epoch, training.epochs, training.done) == ("stopped", 0, 0, 0)


class TestInThisProcess:
    """What a process of a training does, done here."""

    def test_paused_in_its_second_epoch_it_keeps_the_first(
        self, runs: Path, held_back: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = start_training(CONFIG, runs)
        monkeypatch.setattr(desks, "INTERVAL", 0.0)
        tell = Teller.__call__

        def telling(teller: Teller, done: int, total: int) -> None:
            if (done, total) == (7, STEPS):
                pause_training(path)
            tell(teller, done, total)

        monkeypatch.setattr(Teller, "__call__", telling)
        assert do_here(path) == 0
        training = look_at_training(path)
        assert (training.state, training.epoch, training.epochs) == ("paused", 1, EPOCHS)
        assert list(history_of(path)["epoch"]) == [1] and (path / "training" / "checkpoint").exists()

    def test_one_that_fails_says_why_and_its_folder_stays_until_it_is_removed(
        self, runs: Path, held_back: list[Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        lost = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"name": "emotion6", "root": runs})})
        path = start_training(lost, runs)
        assert do_here(path) == 1
        training = look_at_training(path)
        assert training.state == "failed" and "ground_truth.txt is missing" in training.reason
        assert training.reason in capsys.readouterr().err and not (path / "training").exists()
        assert [each.name for each in list_trainings(runs)] == ["job-1"]
        resume_training(path)  # as after the data were mended
        assert (path / "training").is_dir()
        delete_training(path)
        assert list_trainings(runs) == [] and not path.exists()

    def test_the_weights_of_another_run_are_taken_over(
        self, runs: Path, held_back: list[Path], tiny_runs: Path
    ) -> None:
        path = start_training(CONFIG, runs, init_from=tiny_runs / "cnn")
        assert do_here(path) == 0
        assert load_run(path).provenance["init_from"]["run"] == "cnn"


class TestFolders:
    """Only what a training made is changed, and only in the folder of runs."""

    def test_as_many_as_there_may_be_and_no_more(self, runs: Path, held_back: list[Path]) -> None:
        first, second = (start_training(CONFIG, runs) for _ in range(2))
        assert [first.name, second.name] == ["job-1", "job-2"]
        third = start_training(CONFIG, runs)
        with FileLock(first / "job" / "lock"), FileLock(second / "job" / "lock"):
            for refused in (lambda: start_training(CONFIG, runs), lambda: resume_training(third)):
                with pytest.raises(JobError, match=r"job-\d and job-\d are being trained; wait"):
                    refused()
        assert [each.name for each in list_trainings(runs)] == ["job-3", "job-2", "job-1"]  # begun last first

    def test_what_no_training_made_is_not_removed(self, runs: Path, held_back: list[Path], tmp_path: Path) -> None:
        path = start_training(CONFIG, runs)
        (path / "thesis.tex").write_text("years of work")
        with pytest.raises(JobError, match=r"holds thesis\.tex, which no training makes"):
            delete_training(path)
        link = runs / "link"
        link.symlink_to(path)
        (path / "thesis.tex").unlink()
        with pytest.raises(JobError, match="it is a link"):
            delete_training(link)
        assert path.is_dir()

    def test_a_run_is_not_removed(self, runs: Path, tiny_runs: Path, tmp_path: Path) -> None:
        with pytest.raises(JobError, match="only a training that is not finished"):
            delete_training(tiny_runs / "cnn")

    def test_a_folder_that_cannot_be_made_is_one_sentence(self, runs: Path) -> None:
        runs.write_text("a file")
        with pytest.raises(JobError, match=r"cannot be written \(File exists\)"):
            start_training(CONFIG, runs)

    def test_no_folder_has_no_trainings_and_finished_runs_of_others_are_none(self, runs: Path, tiny_runs: Path) -> None:
        assert list_trainings(runs) == [] and list_trainings(tiny_runs) == []


class TestOfTheCommandLine:
    """A training that was begun there is seen here, and goes on here."""

    @pytest.fixture
    def stopped(self, runs: Path) -> Path:
        def interrupt(done: int, total: int) -> None:
            if (done, total) == (8, STEPS):
                raise Stopped

        with pytest.raises(Stopped):
            train(CONFIG, runs / "mine", interrupt)
        return runs / "mine"

    def test_it_is_listed_and_goes_on(self, stopped: Path, runs: Path, held_back: list[Path]) -> None:
        (training,) = list_trainings(runs)
        assert (training.name, training.state, training.epoch, training.managed) == ("mine", "stopped", 1, False)
        assert config_of(stopped) == CONFIG
        resume_training(stopped)
        assert do_here(stopped) == 0
        assert look_at_training(stopped).state == "finished" and load_run(stopped).provenance["resumed"] == 1

    def test_while_it_runs_it_is_left_alone(self, stopped: Path) -> None:
        with FileLock(stopped / "training" / "lock"):
            training = look_at_training(stopped)
            assert (training.state, training.managed) == ("running", False)
            with pytest.raises(JobError, match="is running"):
                resume_training(stopped)

    def test_whoever_looks_does_not_keep_a_training_from_its_lock(self, runs: Path) -> None:
        (runs / "new" / "training").mkdir(parents=True)
        context = multiprocessing.get_context("fork")
        ready, over = context.Event(), context.Event()
        looking = context.Process(target=hold, args=(runs / "new" / "training" / "lock", ready, over))
        looking.start()
        ready.wait()
        from fisa.runs import working

        with working(runs / "new", resume=True) as workspace:
            assert not workspace.begun
        over.wait()
        looking.join()


def hold(lock: Path, ready: Any, over: Any) -> None:
    with FileLock(lock):
        ready.set()
        time.sleep(0.1)
    over.set()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TrainingError("x: the loss became nan; lower training.lr"), "x: the loss became nan; lower training.lr"),
        (MemoryError(), "there is not enough memory for it; lower training.batch_size"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "there is not enough memory"),
    ],
)
def test_what_fails_is_said_in_a_sentence(error: Exception, said: str) -> None:
    assert said in process.sentence(error, "train")


def test_an_error_of_nobody_names_its_place() -> None:
    try:
        [][0]
    except IndexError as error:
        assert process.sentence(error, "train").startswith("the training ended early, in test_jobs.py, line ")


def test_what_is_left_follows_the_pace_of_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 104.0, 104.5, 200.0])
    monkeypatch.setattr(desks.time, "monotonic", lambda: next(now, 300.0))
    monkeypatch.setattr(Teller, "_tell", lambda teller: None)
    teller = Teller(Desk(tmp_path))
    teller(10, 30)  # resumed: ten steps were done before
    assert teller._document["seconds_left"] is None
    teller(12, 30)  # two steps in four seconds leave 18 steps of two seconds
    assert teller._document["seconds_left"] == 36
    teller(1, 50)  # another stage
    assert teller._document["seconds_left"] is None
    teller(2, 50)
    assert teller._document["seconds_left"] == 48 * 95.5


def test_the_configuration_of_a_job_is_what_the_command_line_reads(runs: Path, held_back: list[Path]) -> None:
    path = start_training(CONFIG, runs)
    assert (path / "job" / "config.yaml").read_text() == dump_config(CONFIG)
