"""Studies: what runs, in what order, on which data; whatever fails leaves the rest whole."""

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_study import CELLS, STUDY, TRAINING, TRIALS, written
from studying import here
from tiny import TINY_CNN
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.datasets.planted import PlantedDataset
from fisa.runs import load_run
from fisa.studies import StudyError
from fisa.studies.folder import StudyFolder, at_work
from fisa.studies.plan import Cell
from fisa.studies.runner import Outcome, run_study
from fisa.studies.workers import News
from fisa.training import TrainingError


def asked(given: list[str], cells: Sequence[Cell], folder: Path) -> Iterator[News]:
    given += [cell.where for cell in cells]
    return here(cells, folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, dict[str, set[str]]]:
    """A whole study, what it came to, and which splits were opened before and after the choices were frozen."""
    folder = tmp_path_factory.mktemp("study")
    opened: dict[str, set[str]] = {"before": set(), "after": set()}
    begin = PlantedDataset.__init__

    def note(self: PlantedDataset, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        opened["after" if (folder / "out" / "choices.json").exists() else "before"].add(self.split)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlantedDataset, "__init__", note)
        outcome = run_study(written(folder), folder / "out", here)
    return folder / "out", outcome, opened


def test_trials_come_first_and_every_cell_is_a_run(done: tuple[Path, Outcome, Any]) -> None:
    out, outcome, _ = done
    assert [cell.where for cell in outcome.cells] == [*TRIALS, *CELLS] and outcome.failures == ()
    for cell in outcome.cells:
        assert load_run(out / cell.where).config == cell.config


def test_trials_never_open_the_test_split(done: tuple[Path, Outcome, dict[str, set[str]]]) -> None:
    out, _, opened = done
    assert opened == {"before": {"train", "validation"}, "after": {"train", "validation", "fresh-7"}}
    assert {load_run(out / where).metrics["split"] for where in TRIALS} == {"validation"}
    assert {load_run(out / where).metrics["split"] for where in CELLS} == {"fresh-7"}


def test_the_trial_with_the_lowest_validation_kl_is_chosen(done: tuple[Path, Outcome, Any]) -> None:
    out, _, _ = done
    choices = json.loads((out / "choices.json").read_text())
    for system in ("fisa", "cnn"):
        errors = [load_run(out / f"trials/{system}/{number}").history["validation_kl"].min() for number in (1, 2)]
        best = errors.index(min(errors))
        assert choices[system]["trial"] == best + 1
        assert [trial["validation"] for trial in choices[system]["trials"]] == errors
        chosen = load_run(out / f"cells/{system}/seed-0").config.training
        assert (chosen.lr, chosen.epochs) == ([0.01, 0.001][best], 2)


def test_every_fold_chooses_for_itself(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "vectors.npz", features=draw.normal(size=(60, 5)), labels=draw.dirichlet(np.ones(7), 60))
    backbone = {"name": "features", "dimensions": 5}
    file = written(
        tmp_path / "study",
        data={"name": "features", "root": str(tmp_path / "vectors.npz"), "stratify": False},
        folds=3,
        systems={"cnn": {"config": {"model": {"name": "cnn", "backbone": backbone}}}},
    )
    outcome = run_study(file, tmp_path / "out", here)
    assert not outcome.failures and len(outcome.cells) == 3 * 2 + 3
    choices = StudyFolder(tmp_path / "out").choices
    assert sorted(choices) == ["cnn, fold 1", "cnn, fold 2", "cnn, fold 3"]
    for fold in (1, 2, 3):
        trials = [load_run(tmp_path / f"out/trials/cnn/fold-{fold}-{number}") for number in (1, 2)]
        cell = load_run(tmp_path / f"out/cells/cnn/seed-0-fold-{fold}")
        best = min(trials, key=lambda run: run.history["validation_kl"].min())
        assert cell.config.training.lr == best.config.training.lr
        assert cell.config.data.fold == best.config.data.fold == (fold, 3)
        # What a fold chooses by is not what it is tested on.
        assert not set(best.predictions["id"]) & set(cell.predictions["id"])


def test_every_look_at_the_test_split_is_logged_once(done: tuple[Path, Outcome, Any]) -> None:
    out, outcome, _ = done
    looks = StudyFolder(out).looks
    assert [look["what"] for look in looks] == CELLS
    assert [look["run"] for look in looks] == [load_run(out / where).digest for where in CELLS]
    assert {look["split"] for look in looks} == {"fresh-7"}
    StudyFolder(out).log_cells([*outcome.cells])  # as after a kill between the end of a run and its line
    assert StudyFolder(out).looks == looks
    frozen = {choice["frozen"] for choice in StudyFolder(out).choices.values()}
    assert max(frozen) <= min(look["when"] for look in looks)


def test_its_table_is_printed_and_so_is_that_of_its_summary(done: tuple[Path, Outcome, Any], tmp_path: Path) -> None:
    out, _, _ = done
    before = len(StudyFolder(out).looks)
    shutil.copytree(out / "summary", tmp_path / "shipped")
    shown = CliRunner().invoke(app, ["report", str(out)])
    shipped = CliRunner().invoke(app, ["report", str(tmp_path / "shipped"), "--format", "csv"])
    assert (shown.exit_code, shipped.exit_code) == (0, 0)
    rows = pd.read_csv(io.StringIO(shipped.stdout)).set_index("system")
    for system, count in (("fisa", 2), ("cnn", 1)):
        cells = [load_run(out / where).metrics for where in CELLS if f"/{system}/" in where]
        assert rows.loc[system, "cells"] == f"{count} of {count}"
        assert rows.loc[system, "kl_truth"] == pytest.approx(sum(each["kl_truth"] for each in cells) / count)
        assert f"{rows.loc[system, 'kl']:.3f}" in shown.stdout
        assert rows.loc[system, "speed"] > 0
    assert "2 trials of 1 epochs" in shown.stdout
    # Whoever reads the table of a study that can still go on has looked; a summary cannot.
    looks = StudyFolder(out).looks
    assert [look["what"] for look in looks[before:]] == ["report"]
    assert not (tmp_path / "shipped" / "looks").exists()
    nothing = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert nothing.exit_code == 1


class TestTheSameCommandAgain:
    def test_runs_nothing_that_is_finished(self, done: tuple[Path, Outcome, Any]) -> None:
        out, outcome, _ = done
        given: list[str] = []
        assert run_study(written(out.parent), out, partial(asked, given)) == outcome
        assert given == []

    def test_refuses_what_contradicts_a_finished_run_by_name(self, done: tuple[Path, Outcome, Any]) -> None:
        out, _, _ = done
        with pytest.raises(StudyError, match=r"cells/cnn/seed-0: has training\.epochs 2, and the study now says 3"):
            run_study(written(out.parent, epochs=3), out, here)
        less = {"fisa": STUDY["systems"]["fisa"]}
        with pytest.raises(StudyError, match="cells/cnn/seed-0: is there, and the study has it no more"):
            run_study(written(out.parent, systems=less), out, here)
        other = STUDY["search"] | {"trials": 1, "space": [{"training.lr": 0.01}]}
        with pytest.raises(StudyError, match=r"choices\.json: fisa was chosen from other trials"):
            run_study(written(out.parent, search=other), out, here)
        with pytest.raises(StudyError, match="holds the study tiny, not large"):
            run_study(written(out.parent, name="large"), out, here)

    def test_takes_added_systems_and_seeds(self, done: tuple[Path, Outcome, Any]) -> None:
        out, _, _ = done
        given: list[str] = []

        class Enough(Exception):
            pass

        def stop(cells: Sequence[Cell], folder: Path) -> Iterator[News]:
            given.extend(cell.where for cell in cells)
            raise Enough
            yield

        more = STUDY["systems"] | {
            "small": {"config": {"model": TINY_CNN | {"backbone": {"name": "plain", "width": 8}}}}
        }
        with pytest.raises(Enough):
            run_study(written(out.parent, systems=more), out, stop)
        assert given == ["trials/small/1", "trials/small/2"]


def test_a_misspelt_test_split_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    file, given = written(tmp_path, data=STUDY["data"] | {"test": "frsh-1"}), list[str]()
    with pytest.raises(StudyError, match=r"study\.yaml: data: planted data has no split 'frsh-1'; there are train"):
        run_study(file, tmp_path / "out", partial(asked, given))
    assert given == [] and not (tmp_path / "out").exists()
    timed = CliRunner().invoke(app, ["study", str(file), "--dry-run"])
    assert timed.exit_code == 1 and "no split 'frsh-1'" in timed.stderr


def test_a_second_call_for_the_folder_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "in")
    with at_work(tmp_path / "out", "tiny", file.read_text()), pytest.raises(StudyError, match="another call works on"):
        run_study(file, tmp_path / "out", here)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "diary.txt").write_text("mine")
    with pytest.raises(StudyError, match="already exists and holds no study"):
        run_study(file, tmp_path / "other", here)


def test_an_error_in_one_cell_is_found_before_the_first_is_trained(tmp_path: Path) -> None:
    # 8 images of each of 8 emotions do not fit into a batch of 32.
    metric = {"model": {"name": "sentiment_metric"}, "objective": {"metric": 1.0}}
    wrong = {"config": metric | {"training": TRAINING | {"per_emotion": 8}}}
    file = written(tmp_path, systems=STUDY["systems"] | {"metric": wrong})
    given: list[str] = []
    with pytest.raises(StudyError, match=r"trials/metric/1: .* do not fit into training\.batch_size 32"):
        run_study(file, tmp_path / "out", partial(asked, given))
    assert given == [] and not (tmp_path / "out" / "trials").exists()


class TestFailures:
    def test_a_diverged_trial_has_lost_and_is_not_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from fisa.studies import attempt as module

        train = module.train

        def diverge(config: Any, path: Path, **options: Any) -> Any:
            if "trials/fisa/1" in path.as_posix() or "cells/cnn" in path.as_posix():
                raise TrainingError("fisa: the loss is not finite")
            return train(config, path, **options)

        monkeypatch.setattr(module, "train", diverge)
        outcome = run_study(written(tmp_path), tmp_path / "out", here)
        assert [(each.where, each.kind) for each in outcome.failures] == [
            ("trials/fisa/1", "diverged"),
            ("cells/cnn/seed-0", "diverged"),
        ]
        choice = StudyFolder(tmp_path / "out").choices["fisa"]
        assert choice["trial"] == 2 and choice["trials"][0]["validation"] is None
        given: list[str] = []
        assert run_study(written(tmp_path), tmp_path / "out", partial(asked, given)).failures == outcome.failures
        assert given == []

    def test_a_trial_that_failed_otherwise_holds_up_its_own_system_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from fisa.studies import attempt as module

        train = module.train

        def fail(config: Any, path: Path, **options: Any) -> Any:
            if "trials/fisa/2" in path.as_posix():
                raise MemoryError("no more")
            return train(config, path, **options)

        with monkeypatch.context() as patch:
            patch.setattr(module, "train", fail)
            outcome = run_study(written(tmp_path), tmp_path / "out", here)
        assert [each.where for each in outcome.failures] == ["trials/fisa/2", "cells of fisa"]
        assert "MemoryError: no more" in outcome.failures[0].reason
        assert (tmp_path / "out" / "cells/cnn/seed-0/digests.json").exists()
        given: list[str] = []
        assert run_study(written(tmp_path), tmp_path / "out", partial(asked, given)).failures == ()
        assert given == ["trials/fisa/2", "cells/fisa/seed-0", "cells/fisa/seed-1"]
