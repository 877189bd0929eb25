"""The folders of trainings: started, listed, gone on with, removed; also of those begun on the command line."""

from pathlib import Path

import pytest
from filelock import FileLock
from training_jobs import CONFIG, STEPS, do_here

from fisa import drafts
from fisa.background import Desk, Stopped
from fisa.config import dump_config
from fisa.jobs import JobError
from fisa.jobs.trainings import (
    config_of,
    delete_training,
    list_trainings,
    look_at_training,
    resume_training,
    start_training,
)
from fisa.runs import load_run
from fisa.training import train


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "my runs <b> 🙂"


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Start no process; the folders of those that would have been."""
    asked: list[Path] = []
    monkeypatch.setattr(Desk, "start", lambda desk, *asked_for: asked.append(desk.folder))
    return asked


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

    def test_a_disk_that_is_full_leaves_no_training_behind(
        self, runs: Path, held_back: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(drafts.os, "replace", full)
            with pytest.raises(JobError, match=r"job-1: cannot be written \(No space left on device\)"):
                start_training(CONFIG, runs)
        assert list_trainings(runs) == [] and start_training(CONFIG, runs).name == "job-1"

    def test_one_that_somebody_removed_meanwhile(self, runs: Path) -> None:
        with pytest.raises(JobError, match=r"gone: cannot be read \(No such file or directory\); it may be removed"):
            delete_training(runs / "gone")

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

    def test_cut_short_as_it_is_taken_over_it_is_taken_over_again(
        self, stopped: Path, held_back: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cut_short(file: Path, text: str, encoding: str) -> None:
            with file.open("w", encoding=encoding) as half:
                half.write(text[:10])
            if "epochs" in text:
                raise KeyboardInterrupt

        for _ in range(2):
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(Path, "write_text", cut_short)
                resume_training(stopped)
            assert config_of(stopped) == CONFIG
        resume_training(stopped)
        assert look_at_training(stopped).epochs == CONFIG.training.epochs

    def test_while_it_runs_it_is_left_alone(self, stopped: Path) -> None:
        with FileLock(stopped / "training" / "lock"):
            training = look_at_training(stopped)
            assert (training.state, training.managed) == ("running", False)
            with pytest.raises(JobError, match="is running"):
                resume_training(stopped)


def test_the_configuration_of_a_job_is_what_the_command_line_reads(runs: Path, held_back: list[Path]) -> None:
    path = start_training(CONFIG, runs)
    assert (path / "job" / "config.yaml").read_text() == dump_config(CONFIG)
