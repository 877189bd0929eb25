"""Reports: there and back through JSON, and what counts as worse."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fisa.bench import BenchError, Cost, Report, Settings, compare, read_report

STEP = Cost("train.step", "step", 1.3, 1.2, 1.15, 1.25, (1.1, 1.3), 15, 0.12, 0.1)
REPORT = Report.of((STEP,), Settings().document(), threads=1)


def verdict(now: Cost, before: Cost = STEP) -> str:
    (change,) = compare(replace(REPORT, costs=(now,)), replace(REPORT, costs=(before,)), Path("old.json"))
    return change.verdict


def test_a_report_survives_json(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(REPORT.to_json(), encoding="utf-8")
    assert read_report(file) == REPORT
    document = json.loads(REPORT.to_json())
    assert document["format"] == 1 and document["costs"][0]["limit"] == 1.3
    assert {"machine", "threads", "packages", "python"} <= document["surroundings"].keys()
    assert document["settings"]["backbone"] == "plain"


def test_a_ratio_that_was_made_worse_is_flagged() -> None:
    assert verdict(replace(STEP, value=1.4, low=1.3, high=1.5)) == "worse"
    assert verdict(replace(STEP, value=1.05, low=1.0, high=1.1)) == "better"
    assert verdict(replace(STEP, value=1.3, low=1.2, high=1.4)) == "same"  # the intervals overlap
    assert verdict(replace(STEP, name="train.other")) == "new"


def test_intervals_too_narrow_to_speak_of_two_processes_do_not_count() -> None:
    before = replace(STEP, value=1.200, low=1.199, high=1.201)
    assert verdict(replace(STEP, value=1.220, low=1.219, high=1.221), before) == "same"  # 1.7 %
    assert verdict(replace(STEP, value=1.230, low=1.229, high=1.231), before) == "worse"  # 2.5 %


def test_reports_of_other_settings_are_not_compared_but_rounds_may_differ() -> None:
    more = replace(REPORT, settings=Settings(rounds=99).document())
    assert [each.verdict for each in compare(more, REPORT, Path("old.json"))] == ["same"]
    other = replace(REPORT, settings=Settings(image_size=128).document())
    with pytest.raises(BenchError, match=r"old\.json: measured with image_size 128, now it is 96"):
        compare(REPORT, other, Path("old.json"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "costs": [{}]}'])
def test_what_is_no_report_is_refused_by_name(text: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=r"other\.json: holds no report"):
        read_report(file)
