"""Tables of studies, from results whose every number is worked by hand; and what ships of a study."""

import json
import re
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from worked_study import DATA, TRUTH, WEIGHTS, predictions, study

from fisa.datasets import DataError
from fisa.evaluation import summarise
from fisa.language import tr, using
from fisa.metrics import METRICS
from fisa.runs import RunError
from fisa.studies import StudyError, errors, format_table, system_of
from fisa.studies.results import RUN_COLUMNS, StudyResults
from fisa.studies.summary import load_results, load_summary, store_summary
from fisa.studies.tables import STORED, study_table


@pytest.fixture(scope="module")
def results() -> StudyResults:
    return study(WEIGHTS)


@pytest.fixture(scope="module")
def table(results: StudyResults) -> pd.DataFrame:
    return study_table(results)


def test_means_and_deviations_are_over_the_cells(results: StudyResults, table: pd.DataFrame) -> None:
    rows = table.set_index("system")
    for system, weights in WEIGHTS.items():
        values = [summarise(DATA, predictions(weight))["kl_truth"] for weight in weights]
        assert rows.loc[system, "kl_truth"] == pytest.approx(sum(values) / len(values))
    # Two values deviate by |a - b| / sqrt(2), one by nothing that could be told.
    a, b = results.cells["kl_truth"].iloc[:2]
    assert rows.loc["fisa", "kl_truth_std"] == pytest.approx(abs(a - b) / 2**0.5)
    assert np.isnan(rows.loc["other", "kl_truth_std"])
    assert list(rows.index) == ["constant", "palette", "additive", "pairwise", "truth", "cnn", "fisa", "other"]
    assert rows.loc["fisa", ["cells", "parameters", "seconds", "speed"]].tolist() == ["2 of 2", 1000, 60.5, 0.8]


def test_differences_are_to_the_reference_with_interval_and_adjusted_p(table: pd.DataFrame) -> None:
    rows = table.set_index("system")
    assert np.isnan(rows.loc["fisa", "difference"])
    for system in ("cnn", "other"):
        own = rows.loc[system]
        assert own["difference"] == pytest.approx(own["kl_truth"] - rows.loc["fisa", "kl_truth"])
        assert own["difference_low"] <= own["difference"] <= own["difference_high"]
    # Each seed of cnn is worse than each of fisa on every scene: the smallest p, twice for two comparisons.
    assert rows.loc["cnn", "p"] == pytest.approx(2 * 2 / 4001)
    assert rows.loc["other", "p"] > rows.loc["cnn", "p"]
    assert any(note.startswith("One seed only: other;") for note in table.attrs["notes"])


def test_ranks_describe(table: pd.DataFrame) -> None:
    # Mixing in more of the uniform distribution worsens KL to the truth: other (.15) lies between fisa's seeds.
    rows = table.set_index("system")
    assert rows.loc["cnn", "rank"] == max(rows["rank"].dropna())
    assert rows[["rank"]].dropna().sum().item() == pytest.approx(1 + 2 + 3)


def test_a_diverged_cell_is_reported_and_leaves_no_mean() -> None:
    broken = study(WEIGHTS)
    place = broken.runs["where"] == "cells/cnn/seed-1"
    broken.runs.loc[place, ["state", "reason"]] = ["diverged", "the loss is not finite"]
    broken.runs.loc[broken.runs["where"] == "cells/fisa/seed-1", ["state", "reason"]] = ["missing", "not trained yet"]
    table = study_table(broken)
    rows = table.set_index("system")
    assert rows.loc["cnn", "cells"] == "1 of 2, 1 diverged" and np.isnan(rows.loc["cnn", "kl_truth"])
    assert np.isnan(rows.loc["cnn", "difference"]) and np.isnan(rows.loc["cnn", "rank"])
    assert rows.loc["fisa", "cells"] == "1 of 2" and rows.loc["fisa", "kl_truth"] > 0
    assert "cells/cnn/seed-1 diverged: the loss is not finite." in table.attrs["notes"]
    assert "cells/fisa/seed-1 missing: not trained yet." in table.attrs["notes"]


def test_what_was_chosen_and_seen_stands_below() -> None:
    trials = [{"changes": {"training.lr": 0.1}, "validation": 0.2}] * 2
    choice = {"trial": 1, "changes": {"training.lr": 0.1}, "epochs": 6, "trials": trials}
    early, late = ({**choice, "frozen": f"2026-11-21T{hour}:00:00+00:00"} for hour in ("09", "11"))
    notes = study_table(study(WEIGHTS, choices={"fisa": early, "cnn": late})).attrs["notes"]
    assert any("2 trials of 6 epochs" in note and "fisa lr 0.1; cnn lr 0.1" in note for note in notes)
    assert "The test split was looked at 1 times, first at 2026-11-21T10:00:00+00:00." in notes
    assert "Chosen only after that first look: cnn." in notes


@pytest.mark.parametrize(("searched", "told"), [(1, True), (2, False)])
def test_a_seed_that_search_and_cells_share_is_told_of(searched: int, told: bool) -> None:
    trials = [{"changes": {}, "validation": 0.2}]
    choice = {"trial": 1, "changes": {}, "epochs": 6, "trials": trials, "frozen": "2026-11-21T09:00:00+00:00"}
    whole = study(WEIGHTS, choices={"fisa": choice})  # whose cells have the seeds 0 and 1
    trial = dict(zip(RUN_COLUMNS, ("trials/fisa/1", "fisa", 1.0, searched, 0, "finished", ""), strict=True))
    notes = study_table(replace(whole, runs=pd.concat([whole.runs, pd.DataFrame([trial])]))).attrs["notes"]
    sentence = "The search ran on seed 1, which the final cells have too (their seeds: 0, 1): what it chose may suit"
    assert any(note.startswith(sentence) for note in notes) == told
    assert any("on seed" in note for note in notes) == told


def test_folds_are_tested_with_the_correction() -> None:
    # The scenes stand for both folds here. Differences of 2 folds d1, d2; t = mean / sqrt((1/2 + 60/160) var), one
    # degree of freedom, for which P(|T| > t) = 1 - 2 atan(t) / pi.
    folds = study({"fisa": [0.1, 0.2], "cnn": [0.3, 0.6]})
    folds.runs["fold"], folds.runs["seed"] = [1, 2, 1, 2], 0
    table = study_table(folds)
    errors = folds.runs["kl_truth"].to_numpy()
    d = errors[2:] - errors[:2]
    t = d.mean() / np.sqrt((1 / 2 + 60 / 160) * d.var(ddof=1))
    row = table.set_index("system").loc["cnn"]
    assert row["p_folds"] == pytest.approx(1 - 2 * np.arctan(t) / np.pi)
    assert row["difference"] == pytest.approx(d.mean())
    text = format_table(table, "markdown")
    assert "p (folds)" in text
    # 60 samples in each of the two folds: the differences are over all of them.
    assert f"planted-tiny version {DATA.version}, split fresh-7 of 2 folds, n = 120" in text


def test_each_version_of_the_data_of_folds_is_named() -> None:
    folds = study({"fisa": [0.1, 0.2], "cnn": [0.3, 0.6]})
    folds.runs["fold"], folds.runs["seed"] = [1, 2, 1, 2], 0
    folds.runs["data_version"] = ["one", "two", "one", "two"]
    assert study_table(folds).attrs["data_version"] == "one, two"


def test_a_measure_that_is_undefined_in_a_cell_has_no_mean() -> None:
    broken = study(WEIGHTS)
    broken.runs.loc[broken.runs["where"] == "cells/cnn/seed-1", "cosine"] = np.nan
    rows = study_table(broken).set_index("system")
    assert np.isnan(rows.loc["cnn", ["cosine", "cosine_std"]].to_numpy(float)).all()
    assert rows.loc["cnn", "cells"] == "2 of 2" and rows.loc["cnn", "intersection_std"] > 0


def test_notes_and_oracles_can_be_said_in_another_language_and_systems_keep_their_names(table: pd.DataFrame) -> None:
    named = {str(row["kind"]): system_of(row) for _, row in table.iterrows()}
    alike = table.assign(system="all").iloc[-1]  # a word of the table of strings
    with using("zh_Hans"):
        assert tr(named["oracle"]) == "真值（先知）" and tr(system_of(alike)) == "all"
        assert all(re.search("[\u4e00-\u9fff]", tr(note)) for note in table.attrs["notes"])
        assert tr(table.set_index("system")["cells"]["fisa"]) == "2 / 2"
    assert named["oracle"] == "truth (oracle)"


@pytest.mark.parametrize("form", ["markdown", "latex", "html", "csv"])
def test_every_format_shows_it(table: pd.DataFrame, form: Any) -> None:
    text = format_table(table, form)
    assert "2 of 2" in text
    if form != "csv":
        row = table.set_index("system").loc["fisa"]
        assert f"{row['kl_truth']:.4f} {dict(latex=chr(36) + chr(92) + 'pm' + chr(36)).get(form, '±')}" in text
    else:
        assert "kl_truth_std" in text.splitlines()[0]
    assert "− fisa" in text or form in ("latex", "csv")


def test_no_finished_cell_is_one_sentence() -> None:
    empty = study(WEIGHTS, metrics={})
    with pytest.raises(StudyError, match="study tiny: no cell is finished"):
        study_table(empty)


class TestSummary:
    def test_tables_from_it_are_those_from_the_runs(
        self, results: StudyResults, table: pd.DataFrame, tmp_path: Path
    ) -> None:
        store_summary(results, tmp_path)
        again = load_results(tmp_path)
        shown = study_table(again)
        exact = [key for key in table if key not in ("difference", "difference_low", "difference_high", "p")]
        pd.testing.assert_frame_equal(shown[exact], table[exact], check_dtype=False)
        for key in ("difference", "difference_low", "difference_high"):
            assert shown[key].to_numpy() == pytest.approx(table[key].to_numpy(), abs=5e-4, nan_ok=True)
        assert shown.attrs["notes"] == table.attrs["notes"]
        assert again.configs == results.configs and again.looks == results.looks

    def test_paired_differences_need_no_data(
        self, results: StudyResults, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store_summary(results, tmp_path)

        def gone(*_: object, **__: object) -> None:
            raise DataError("photos: no such folder; check the path")

        monkeypatch.setattr(errors, "open_data", gone)
        shown = study_table(load_results(tmp_path)).set_index("system")
        own = table.set_index("system").loc[shown.index]
        for key in ("difference", "difference_low", "difference_high", "p"):
            assert shown[key].to_numpy() == pytest.approx(own[key].to_numpy(), abs=1e-6, nan_ok=True)
        assert study_table(load_results(tmp_path)).attrs["notes"][-1] == STORED

    def test_measures_of_stored_predictions_agree_to_three_digits(self, results: StudyResults, tmp_path: Path) -> None:
        store_summary(results, tmp_path)
        stored = load_summary(tmp_path).predictions
        for where, part in stored.groupby("where"):
            degrees = part[list(DATA.space.labels)].to_numpy(float)
            exact = results.predictions.loc[results.predictions["where"] == where, list(DATA.space.labels)]
            # Each within .5 %, and again as much by the sum that is 1 again.
            assert degrees == pytest.approx(exact.to_numpy(float), rel=0.0101)
            ours, theirs = summarise(DATA, degrees), summarise(DATA, exact.to_numpy(float))
            assert ours["kl_truth"] == pytest.approx(theirs["kl_truth"], abs=5e-4)
            for key in METRICS:
                assert ours["measures"][key] == pytest.approx(theirs["measures"][key], abs=2e-3), key

    def test_names_and_digests_that_look_like_numbers_stay_texts(self, tmp_path: Path) -> None:
        odd = study({"1e3": [0.1, 0.2], "null": [0.5]}, reference="null")
        odd.runs["run"] = ["0123456789012345", "12e4567890123456", "9" * 16]
        odd.runs["data_version"] = "012345678901"
        store_summary(odd, tmp_path)
        texts = ["where", "system", "state", "reason", "run", "data_version"]
        pd.testing.assert_frame_equal(load_summary(tmp_path).runs[texts], odd.runs[texts])

    def test_it_is_small(self, tmp_path: Path) -> None:
        # 15 systems x 5 seeds x 2,000 scenes are to stay below 2 MB: 14 bytes a scene with all that is beside it.
        many = study({f"fisa-{number}": [0.1, 0.2, 0.3, 0.4, 0.5] for number in range(8)})
        store_summary(many, tmp_path)
        assert (tmp_path / "predictions.parquet").stat().st_size < 14 * 8 * 5 * 60 + 20_000

    def test_ratings_keep_four_digits(self, tmp_path: Path) -> None:
        rated = pd.DataFrame({"where": "cells/a/seed-0", "id": ["x", "y"], "valence": [-1, 0.12344], "arousal": [1, 0]})
        changed = study({"fisa": [0.1]}, predictions=rated)
        rated_metrics = {**changed.metrics, "task": "valence_arousal"}
        store_summary(replace(changed, runs=changed.runs.assign(state="missing"), metrics=rated_metrics), tmp_path)
        stored = load_summary(tmp_path).predictions
        assert stored[["valence", "arousal"]].to_numpy() == pytest.approx(np.array([[-1, 1], [0.1234, 0]]), abs=1e-9)

    def test_a_changed_file_is_named(self, results: StudyResults, tmp_path: Path) -> None:
        store_summary(results, tmp_path)
        (tmp_path / "runs.csv").write_text((tmp_path / "runs.csv").read_text().replace("60.0", "6.0"))
        with pytest.raises(StudyError, match=r"runs\.csv: changed since it was stored"):
            load_summary(tmp_path)
        (tmp_path / "history.parquet").unlink()
        with pytest.raises((StudyError, RunError), match=r"runs\.csv|history\.parquet"):
            load_summary(tmp_path)
        document = json.loads((tmp_path / "summary.json").read_text())
        (tmp_path / "summary.json").write_text(json.dumps(document | {"format": 99}))
        with pytest.raises(StudyError, match="format 99, this version reads 1"):
            load_summary(tmp_path)
        with pytest.raises(StudyError, match="holds no study and no summary"):
            load_results(tmp_path / "nowhere")


def test_uniform_predictions_are_worth_what_they_should() -> None:
    """A check of this file's own cells: all mass mixed is the uniform prediction, KL ln 8 less the entropy."""
    assert TRUTH is not None
    entropy = -(TRUTH * np.log(TRUTH)).sum(1).mean()
    assert summarise(DATA, predictions(1.0))["kl_truth"] == pytest.approx(log(8) - entropy)
