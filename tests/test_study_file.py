"""A study's file: what is wrong with it is named, and what it plans; its splits and its pace."""

from pathlib import Path
from typing import Any

import pytest
from small_study import CELLS, STUDY, written
from tiny import TINY_FISA

from fisa.config import ConfigError
from fisa.config.study import load_study
from fisa.datasets import DataError, check_split, open_configured, open_dataset
from fisa.studies.folder import StudyFolder
from fisa.studies.pace import Pace
from fisa.studies.plan import choice_names, plan_cells, plan_trials
from fisa.studies.workers import News

ROOT = Path(__file__).parent.parent


class TestFile:
    def read(self, folder: Path, **changes: Any) -> Any:
        return load_study(written(folder, **changes))

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"seed": 3}, "unknown key 'seed'"),
            ({"systems": {"cnn": {"config": {}, "trials": [{}]}}}, r"systems\.cnn\.trials: there is no search"),
            ({"reference": "gnn"}, "there is no system 'gnn'"),
            ({"set": {"training.epochs": 3}}, r"systems\.fisa: training\.epochs is not for a system to change"),
            ({"set": {"data.test": "test"}}, r"data\.test is not for a system to change"),
            ({"systems": {"cnn": {}}}, r"systems\.cnn: names no config"),
            ({"systems": {"cnn": {"config": "gone.yaml"}}}, r"gone\.yaml: cannot be read"),
            ({"data": {"name": "planted-tiny", "fold": [1, 5]}}, r"name the number of folds as `folds`"),
            ({"systems": {"cnn": {"config": {}, "grid": {"model.x": []}}}}, r"grid\.model\.x: has no values"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ConfigError, match=complaint):
            self.read(tmp_path, **{"search": None, **changes})

    def test_every_system_has_as_many_trials(self, tmp_path: Path) -> None:
        more = {"fisa": STUDY["systems"]["fisa"] | {"trials": [{}, {}, {}]}}
        with pytest.raises(ConfigError, match=r"systems\.fisa: has 3 trials; search\.trials gives 2 to all"):
            self.read(tmp_path, systems=more)

    def test_a_trial_may_not_change_what_all_have_alike(self, tmp_path: Path) -> None:
        study, systems = self.read(tmp_path, search=STUDY["search"] | {"space": [{"training.seed": 1}, {}]})
        with pytest.raises(ConfigError, match=r"fisa, trial 1: training\.seed is not for a system to change"):
            plan_trials(study, systems)

    def test_a_grid_is_a_system_for_each_combination(self, tmp_path: Path) -> None:
        axes = {
            "loss": {"a.85": {"objective.emd": 0.85, "objective.density": 0.15}, "a1": {"objective.emd": 1.0}},
            "model.heads": [1, 4],
        }
        system = {"config": {"model": TINY_FISA}, "grid": axes}
        study, systems = self.read(tmp_path, systems={"draft": system}, search=None)
        assert [each.name for each in systems] == [
            "draft-a.85-heads1",
            "draft-a.85-heads4",
            "draft-a1-heads1",
            "draft-a1-heads4",
        ]
        config = plan_cells(study, systems, {"draft-a.85-heads4": {}})[0].config
        assert (config.objective.emd, config.objective.density, config.model.heads) == (0.85, 0.15, 4)

    def test_folds_and_seeds_are_cells_of_their_own(self, tmp_path: Path) -> None:
        study, systems = self.read(tmp_path, folds=2, search=None, seeds=[0, 4], systems={"cnn": {"config": {}}})
        cells = plan_cells(study, systems, {"cnn, fold 1": {}, "cnn, fold 2": {}})
        assert [cell.where.rpartition("/")[2] for cell in cells] == [
            "seed-0-fold-1",
            "seed-0-fold-2",
            "seed-4-fold-1",
            "seed-4-fold-2",
        ]
        assert [(cell.config.training.seed, cell.config.data.fold) for cell in cells] == [
            (0, (1, 2)),
            (0, (2, 2)),
            (4, (1, 2)),
            (4, (2, 2)),
        ]


def test_pace_counts_and_estimates(tmp_path: Path) -> None:
    study, systems = load_study(written(tmp_path, search=None))
    cells = plan_cells(study, systems, {"fisa": {}, "cnn": {}})
    pace = Pace(StudyFolder(tmp_path), cells)
    assert (pace.done, pace.total, pace.seconds_left) == (0, 3, None)
    for what, seconds in (("begun", 0.0), ("epoch", 30.0), ("epoch", 50.0), ("finished", 0.0)):
        pace.note(News(cells[0], what, epoch=1, seconds=seconds))  # type: ignore[arg-type]
    assert (pace.done, pace.epoch_seconds("fisa"), pace.epoch_seconds("cnn")) == (1, 40.0, 40.0)
    pace.note(News(cells[1], "epoch", epoch=1, seconds=90.0))
    # fisa seed 1 first of its own; among seeds 0 the costlier cnn.
    assert [cell.where for cell in pace.costliest_first(cells)] == [CELLS[1], CELLS[0], CELLS[2]]
    # One epoch of cnn at 90 s and two of fisa at 40 s are 170 s of work; 170 s took as long as this test so far.
    assert pace.seconds_left is not None and 0 < pace.seconds_left < 170


def test_a_fresh_split_is_another_one_and_changes_none() -> None:
    known = {open_dataset("planted-tiny", split=split).version: split for split in ("train", "validation", "iid")}
    first, second = (open_dataset("planted-tiny", split=f"fresh-{number}") for number in (1, 2))
    assert len({first.version, second.version} - known.keys()) == 2
    strengths = [column for column in first.manifest if column.startswith("strength_")]
    tables = [open_dataset("planted-tiny", split=split).manifest for split in ("train", "validation", "iid")]
    tables += [first.manifest, second.manifest]
    firsts = {tuple(table.loc[0, [*strengths, "brightness"]]) for table in tables}
    assert len(firsts) == len(tables)
    assert len(first) == len(open_dataset("planted-tiny", split="iid"))
    assert first[0].image.shape == (64, 64, 3)


def test_only_the_split_that_a_configuration_names_is_opened() -> None:
    study = STUDY["data"]
    from fisa.config import DataConfig

    assert open_configured(DataConfig.model_validate(study))["test"].split == "fresh-7"
    assert open_configured(DataConfig.model_validate(study | {"test": "validation"}))["test"].split == "validation"
    assert open_configured(DataConfig(name="planted-tiny"))["test"].split == "iid"


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "studies").glob("*.yaml")), ids=lambda file: file.stem)
def test_studies_that_ship_can_be_planned(file: Path) -> None:
    study, systems = load_study(file)
    trials = plan_trials(study, systems)
    choices = choice_names(study, systems)
    cells = plan_cells(study, systems, {name: {} for name in choices})
    assert len(trials) == len(choices) * (study.search.trials if study.search else 0) and cells
    assert f"python -m fisa study configs/studies/{file.name}" in file.read_text(encoding="utf-8").partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("planted", ["iid", "test", "fresh-12", "clutter-3", "validation"], ["fresh-0", "all"]),
        ("planted-sequences", ["test", "validation"], ["iid", "fresh-1"]),
        ("emotion6", ["test", "all"], ["iid"]),  # whose folder is not there: its name is enough
        ("sequences", ["test", "all"], ["iid"]),
    ],
)
def test_a_split_is_known_by_its_name(name: str, right: list[str], wrong: list[str]) -> None:
    for split in right:
        check_split(name, split)
    for split in wrong:
        with pytest.raises(DataError, match=f"ha(s|ve) no split '{split}'; there are train, validation, "):
            check_split(name, split)
