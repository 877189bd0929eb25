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
from training_jobs import CONFIG, EPOCHS, STEPS, do_here

from fisa import background as desks
from fisa.background import Desk, Teller
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
from fisa.runs import load_run, working
from fisa.training import TrainingError, train


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


def end_as(path: Path, state: str, reason: str = "") -> None:
    Desk(path / "job").write("outcome.json", {"state": state, "reason": reason, "ended": 1.0})


class TestAlive:
    """With real processes."""

    @pytest.mark.slow
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

    def test_whoever_looks_does_not_keep_a_training_from_its_lock(self, runs: Path) -> None:
        (runs / "new" / "training").mkdir(parents=True)
        context = multiprocessing.get_context("fork")
        ready, over = context.Event(), context.Event()
        looking = context.Process(target=hold, args=(runs / "new" / "training" / "lock", ready, over))
        looking.start()
        ready.wait()
        with working(runs / "new", resume=True) as workspace:
            assert not workspace.begun
        over.wait()
        looking.join()


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
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "there is not enough memory"),
        (OSError(12, "Cannot allocate memory"), "there is not enough memory"),
        (TrainingError("/out of memory/x: no such folder; check the path"), "/out of memory/x: no such folder; check"),
        (
            FileNotFoundError(2, "No such file or directory", "/out of memory/x"),
            "(FileNotFoundError: [Errno 2]",
        ),
    ],
)
def test_what_fails_is_said_in_a_sentence(error: Exception, said: str) -> None:
    assert said in sentence_of(error)


def test_what_torch_says_where_this_machine_has_not_enough_memory() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50, dtype=torch.uint8)
    assert "there is not enough memory" in process.sentence(refused.value, "train")


def sentence_of(error: Exception) -> str:
    try:
        raise error
    except type(error) as raised:
        return process.sentence(raised, "train")


def test_an_error_of_nobody_names_its_place() -> None:
    try:
        [][0]
    except IndexError as error:
        assert process.sentence(error, "train").startswith("the training ended early, in test_jobs.py, line ")
