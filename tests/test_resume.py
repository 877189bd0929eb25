"""Interrupted trainings: whenever one is killed or the disk refuses, it goes on to the weights of one that was not."""

import errno
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from dying import CONFIG, STEPS, resume_and_die
from safetensors.torch import load_file

from fisa.config import RunConfig
from fisa.runs import Checkpoint, NewRun, RunError, list_runs, list_unfinished, load_run, working
from fisa.training import prepare, train

SPAWN = multiprocessing.get_context("forkserver")  # a server that has imported torch and run nothing of it
SPAWN.set_forkserver_preload(["fisa.training", "torch._dynamo"])  # the latter is imported by the first step


def run_in_process(path: Path, kind: str = "never", number: int = 0) -> int | None:
    process = SPAWN.Process(target=resume_and_die, args=(path, kind, number))
    process.start()
    process.join()
    return process.exitcode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of an uninterrupted training, in a process like those that are killed."""
    path = tmp_path_factory.mktemp("whole") / "run"
    assert run_in_process(path) == 0
    return path


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_equal(path: Path, whole: Path) -> None:
    """Weights, predictions and all that is no time of day are those of the uninterrupted training."""
    assert not (path / "training").exists() and not list(path.glob(".*"))
    ours, theirs = load_run(path), load_run(whole)
    state, expected = (load_file(each / "model.safetensors") for each in (path, whole))
    assert state.keys() == expected.keys() and all(torch.equal(state[name], expected[name]) for name in expected)
    pd.testing.assert_frame_equal(ours.predictions, theirs.predictions)
    pd.testing.assert_frame_equal(ours.history.drop(columns="seconds"), theirs.history.drop(columns="seconds"))
    assert ours.metrics == theirs.metrics and ours.digest == theirs.digest


# The 8th step is in the second of three epochs. To make two folders takes three attempts, and the lock makes one more;
# a write takes four changes: flush of the draft, its renaming, flush of the folder, removal of a draft if any. An epoch
# writes two files. So 4 + 8 + 1 is inside the draft of the second checkpoint, and 4 + 3 * 8 + 4 + 2 the renaming of the
# second file of the finished run, the weights.
@pytest.mark.parametrize(
    ("kind", "number", "draft"),
    [
        ("step", 8, None),
        pytest.param("change", 13, "training/.*.unfinished", marks=pytest.mark.slow),
        pytest.param("change", 34, ".*.unfinished", marks=pytest.mark.slow),
    ],
)
def test_a_killed_training_goes_on_to_equal_weights(
    kind: str, number: int, draft: str | None, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    assert run_in_process(path, kind, number) == -signal.SIGKILL
    assert draft is None or list(path.glob(draft))
    assert list_runs(tmp_path) == [] and list_unfinished(tmp_path) == [path]
    with pytest.raises(RunError, match=r"not finished; .* --resume` goes on"):
        load_run(path)
    assert run_in_process(path) == 0
    assert_equal(path, whole)
    assert load_run(path).provenance["resumed"] == 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_every_change_of_the_disk_in_turn(whole: Path, tmp_path: Path) -> None:
    number, died = 0, True
    while died:
        number += 1
        path = tmp_path / f"run-{number}"
        died = run_in_process(path, "change", number) == -signal.SIGKILL
        if died and not (path / "digests.json").exists():
            assert run_in_process(path) == 0
        assert_equal_when_finished(path, whole)
    assert number > 40


def assert_equal_when_finished(path: Path, whole: Path) -> None:
    """A process killed while it tidies up after the last file leaves a finished run, with a remnant that is ignored."""
    load_run(path)
    state, expected = (load_file(each / "model.safetensors") for each in (path, whole))
    assert all(torch.equal(state[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(30))
def test_killed_again_and_again_at_random(seed: int, whole: Path, tmp_path: Path) -> None:
    chance, path = random.Random(seed), tmp_path / "run"
    for _ in range(chance.randint(1, 4)):
        kind = chance.choice(["step", "change", "moment"])
        if kind == "moment":
            process = SPAWN.Process(target=resume_and_die, args=(path,))
            process.start()
            time.sleep(chance.uniform(0, 3))
            process.kill()
            process.join()
        else:
            run_in_process(path, kind, chance.randint(1, STEPS if kind == "step" else 60))
        if (path / "digests.json").exists():
            break
    else:
        assert run_in_process(path) == 0
    assert_equal_when_finished(path, whole)


class TestRefusals:
    """In one sentence each, and nothing that a later attempt needs is lost."""

    @pytest.fixture
    def stopped(self, tmp_path: Path, one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A training that was interrupted, as by Ctrl-C, in its second epoch."""

        def interrupt(done: int, total: int) -> None:
            if done == 8 and total == STEPS:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(CONFIG, tmp_path / "run", interrupt)
        return tmp_path / "run"

    def test_what_is_left_shows_how_far_it_came(self, stopped: Path) -> None:
        assert list(pd.read_csv(stopped / "training" / "history.csv")["epoch"]) == [1]
        assert sorted(path.name for path in stopped.rglob("*")) == ["checkpoint", "history.csv", "lock", "training"]

    def test_it_is_neither_begun_again_nor_resumed_as_something_else(self, stopped: Path) -> None:
        before = (stopped / "training" / "checkpoint").read_bytes()
        with pytest.raises(RunError, match="holds a training that is not finished; go on with --resume"):
            train(CONFIG, stopped)
        other = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"lr": 0.5})})
        with pytest.raises(RunError, match=r"training\.lr was 0\.01 and is 0\.5"):
            train(other, stopped, resume=True)
        assert (stopped / "training" / "checkpoint").read_bytes() == before

    def test_other_data_are_refused(self, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        now = prepare(CONFIG)
        monkeypatch.setattr(now.splits["train"], "version", "another")
        monkeypatch.setattr("fisa.training.prepare", lambda config, progress: now)
        with pytest.raises(RunError, match="the data planted-tiny have changed since"):
            train(CONFIG, stopped, resume=True)

    def test_a_damaged_checkpoint_is_named(self, stopped: Path) -> None:
        file = stopped / "training" / "checkpoint"
        content = bytearray(file.read_bytes())
        content[-100] ^= 1
        file.write_bytes(content)
        with pytest.raises(RunError, match="checkpoint: damaged"):
            train(CONFIG, stopped, resume=True)
        file.write_bytes(b"fisa-checkpoint 2 abc\n")
        with pytest.raises(RunError, match="no checkpoint that this version reads"):
            train(CONFIG, stopped, resume=True)

    def test_a_second_training_in_the_folder_is_refused(self, tmp_path: Path) -> None:
        with working(tmp_path / "run"), pytest.raises(RunError, match="another process is training in it"):
            train(CONFIG, tmp_path / "run", resume=True)
        assert list(tmp_path.iterdir()) == []  # the first one left nothing to resume, so nothing is left

    def test_a_finished_run_has_nothing_to_resume(self, whole: Path) -> None:
        with pytest.raises(RunError, match="already finished; there is nothing to resume"):
            train(CONFIG, whole, resume=True)
        with pytest.raises(RunError, match="already exists"):
            train(CONFIG, whole)


@pytest.mark.parametrize(("name", "code"), [("fsync", errno.ENOSPC), ("replace", errno.EROFS)])
def test_a_disk_that_refuses_leaves_the_checkpoint(
    tmp_path: Path, tiny_runs: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """From every write on in turn: the next checkpoint's, the live history's, each file of the finished run."""
    run = load_run(tiny_runs / "cnn")
    new = NewRun(run.config, run.space, run.model.state_dict(), run.history, run.metrics, run.predictions, {})
    first, second = (Checkpoint({"weight": torch.full((2,), epoch)}, {"epoch": epoch}) for epoch in (1.0, 2.0))
    with working(tmp_path / "run") as workspace:
        writes, refused = 0, True
        while refused:
            writes += 1
            workspace.save(first, run.history)
            with monkeypatch.context() as patch:
                patch.setattr(os, name, refusing(getattr(os, name), writes, code))
                try:
                    workspace.save(second, run.history)
                    workspace.finish(new)
                    refused = False
                except RunError as error:
                    assert f"cannot be written ({os.strerror(code)})" in str(error) and "\n" not in str(error)
            kept = workspace.load()
            assert float(kept.tensors["weight"][0]) == kept.document["epoch"]
            assert not list((tmp_path / "run").rglob(".*"))
    # Checkpoint, history and seven files are nine renamings and as many flushes of a draft, each but the last
    # followed by one of the folder, which may fail; the next after these is the first that nothing needs.
    assert writes == (10 if name == "replace" else 18)
    assert load_run(tmp_path / "run").metrics == run.metrics


def refusing(function: Callable[..., Any], number: int, code: int) -> Callable[..., Any]:
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= number:
            raise OSError(code, os.strerror(code))
        return function(*arguments, **options)

    return call


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        train(CONFIG, tmp_path / "file" / "run")


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "constant"])
@pytest.mark.parametrize("optimizer", ["adamw", "adamax", "sgd"])
def test_a_restored_loop_takes_the_same_next_step(
    optimizer: str, schedule: str, tmp_path: Path, one_thread: None
) -> None:
    changed = {"optimizer": optimizer, "schedule": schedule, "epochs": 2, "lr": 0.01}
    config = RunConfig.model_validate(CONFIG.model_dump() | {"training": CONFIG.training.model_dump() | changed})
    whole = train(config, tmp_path / "whole")

    def interrupt(done: int, total: int) -> None:
        if (done, total) == (6, 10):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "parts", interrupt)
    parts = train(config, tmp_path / "parts", resume=True)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(parts.model.state_dict()[name], tensor), name
    assert json.loads((tmp_path / "parts" / "provenance.json").read_text())["resumed"] == 1
