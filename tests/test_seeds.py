"""Which runs are one system under several training seeds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from fisa.config import RunConfig
from fisa.runs import Run, RunError
from fisa.studies.results import StudyResults
from fisa.studies.seeds import alone_where_shared, seeds_of, system_of

METRICS = {"data": "planted", "data_version": "v1", "split": "iid", "n": 2}
ROWS = pd.DataFrame({"id": ["x", "y"], "awe": [0.5, 1.0], "joy": [0.5, 0.0]})


def config(name: str, seed: int, **training: Any) -> RunConfig:
    return RunConfig.model_validate({"name": name, "training": {"seed": seed, **training}})


class Damaged(SimpleNamespace):
    """A run whose predictions are not what was stored."""

    @property
    def predictions(self) -> pd.DataFrame:
        raise RunError("predictions.parquet: changed since it was stored")


def run(name: str, seed: int, metrics: dict[str, Any] | None = None, init_from: Any = None, **training: Any) -> Run:
    found = SimpleNamespace(
        config=config(name, seed, **training),
        path=Path(name),
        digest=f"digest of {name}",
        provenance={"init_from": init_from},
        metrics={**METRICS, **(metrics or {})},
        predictions=ROWS,
    )
    return cast(Run, found)


def study(**cells: Any) -> StudyResults:
    rows = {
        "where": ["cells/s/seed-0", "cells/s/seed-5", "cells/s/seed-6", "cells/t/seed-7"],
        "system": ["s", "s", "s", "t"],
        "trial": [None] * 4,
        "seed": [0, 5, 6, 7],
        "fold": [0] * 4,
        "state": ["finished", "finished", "diverged", "finished"],
        "run": ["r0", "r5", "r6", "r7"],
        "n": [2] * 4,
        "data_version": ["v1"] * 4,
        **cells,
    }
    frame = pd.DataFrame(rows)
    predictions = pd.concat([ROWS.assign(where=where) for where in frame["where"]], ignore_index=True)
    configs = {"s": config("s", 0), "t": config("t", 0, lr=0.5)}
    return StudyResults("mine", "s", ("s", "t"), frame, pd.DataFrame(), predictions, configs, METRICS, {}, (), {})


def test_name_and_seed_alone_make_no_other_system() -> None:
    assert system_of(config("a", 0)) == system_of(config("b", 9))
    assert system_of(config("a", 0)) != system_of(config("a", 0, lr=0.5))


def test_seeds_are_found_among_runs_once_each_its_own_first() -> None:
    own = run("a", 3)
    others = [
        run("two", 2),
        own,
        run("one", 1),
        run("one-again", 1),
        run("other-lr", 4, lr=0.5),
        run("other-data", 5, {"data_version": "v2"}),
        run("went-on", 6, init_from={"run": "x"}),
    ]
    torn, moved = vars(run("torn", 8)), run("moved", 9)
    del torn["predictions"]
    moved.predictions = ROWS.iloc[::-1]  # type: ignore[misc]
    others += [cast(Run, Damaged(**torn)), moved]
    found = seeds_of(own, others)
    assert [(each.seed, each.where) for each in found] == [(3, "a"), (1, "one"), (2, "two")]


def test_a_run_that_began_with_the_weights_of_another_stands_for_itself() -> None:
    assert [each.seed for each in seeds_of(run("a", 3, init_from={"run": "x"}), [run("b", 1)])] == [3]


def test_finished_cells_of_studies_count_and_a_run_comes_before_a_cell() -> None:
    found = seeds_of(run("a", 0), [], [study()])
    assert [(each.seed, each.where) for each in found] == [(0, "a"), (5, "study mine, cells/s/seed-5")]
    pd.testing.assert_frame_equal(found[1].predictions, ROWS)


@pytest.mark.parametrize("cells", [{"fold": [1] * 4}, {"data_version": ["v2"] * 4}, {"n": [3] * 4}])
def test_cells_of_folds_and_of_other_data_do_not(cells: dict[str, Any]) -> None:
    assert [each.seed for each in seeds_of(run("a", 3), [], [study(**cells)])] == [3]


def test_runs_of_one_system_stand_for_themselves() -> None:
    a, b, c, other = run("a", 0), run("b", 1), run("c", 2), run("d", 0, lr=0.5)
    everything = [a, b, c, other, run("e", 1, lr=0.5)]
    found = alone_where_shared({each.path.name: seeds_of(each, everything) for each in (a, b, other)})
    assert {name: [each.seed for each in seeds] for name, seeds in found.items()} == {"a": [0], "b": [1], "d": [0, 1]}
