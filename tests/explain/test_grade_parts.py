"""Parts of a grading: each is computed once, whatever interrupts the work, and never taken for another's."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fisa.explain import grade_parts
from fisa.explain.goals import GOALS, goal_of
from fisa.explain.grade_parts import SOURCES, KeptParts, Part, Step, finish, grading_code
from fisa.explain.graded import GradeRow, failed_checks
from fisa.runs import RunError


class Interrupted(Exception):
    pass


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))


def kept(digest: str = "d1", version: str = "v1", size: int = 64) -> KeptParts:
    run: Any = SimpleNamespace(digest=digest, config=SimpleNamespace(data=SimpleNamespace(image_size=size)))
    data: Any = SimpleNamespace(version=version)
    return KeptParts(run, data)


def row(grade: str, subject: str = "a", value: float = 0.5, high: float | None = None) -> GradeRow:
    return GradeRow(grade, subject, "method", value, None if high is None else 0.0, high, 3, 2)


class Work:
    """Three steps, the third of which takes up what the second found; counts what is computed."""

    def __init__(self, fails_in: str = "", depends: tuple[object, ...] = ()) -> None:
        self.fails_in, self.depends, self.calls = fails_in, depends, list[str]()

    def draw(self, count: int, progress: Callable[[int, int], None]) -> None:
        self.calls.append(f"draw {count}")
        progress(count, count)

    def steps(self) -> list[Step]:
        def compute(name: str) -> Callable[[Mapping[str, Part], Callable[[int, int], None]], Part]:
            def part(found: Mapping[str, Part], progress: Callable[[int, int], None]) -> Part:
                self.calls.append(name)
                progress(1, 2)
                if name == self.fails_in:
                    raise Interrupted
                array = found["second"].arrays["map"] + 1 if name == "third" else np.arange(4.0)
                return Part((row(name, value=float(array.sum())),), {"map": array})

            return part

        sizes = {"first": (10, 0), "second": (20, 2), "third": (30, 3)}
        return [Step(name, self.depends, cost, scenes, compute(name)) for name, (cost, scenes) in sizes.items()]


def values(found: Mapping[str, Part]) -> dict[str, float]:
    return {name: part.rows[0].value for name, part in found.items()}


def test_parts_that_no_grading_has_asked_for_in_a_month_go() -> None:
    runs = {name: kept(digest=name) for name in ("unused", "asked for", "new")}
    for parts in runs.values():
        work = Work()
        finish(work.steps(), parts, work.draw, 5)
    then = time.time() - grade_parts.UNUSED - 60
    for parts in runs.values():
        os.utime(parts.folder, (then, then))
    again, more = Work(), Work(depends=("others",))
    finish(again.steps(), runs["asked for"], again.draw, 5)
    assert again.calls == []
    finish(more.steps(), runs["new"], more.draw, 5)
    assert {name for name, parts in runs.items() if parts.folder.exists()} == {"asked for", "new"}
    assert not runs["unused"].folder.parent.exists()


def test_an_interrupted_work_goes_on_and_a_finished_one_answers_at_once() -> None:
    broken, second, third = Work(fails_in="third"), Work(), Work()
    with pytest.raises(Interrupted):
        finish(broken.steps(), kept(), broken.draw, 5)
    assert broken.calls == ["draw 3", "first", "second", "third"]
    found = finish(second.steps(), kept(), second.draw, 5)
    assert second.calls == ["draw 3", "third"]
    # 0 + 1 + 2 + 3 = 6; the third adds one to each of the four numbers that were kept.
    assert values(found) == {"first": 6, "second": 6, "third": 10}
    again = finish(third.steps(), kept(), third.draw, 5)
    assert third.calls == [] and values(again) == values(found)
    assert again["third"].rows == found["third"].rows
    np.testing.assert_array_equal(again["third"].arrays["map"], [1, 2, 3, 4])


def test_only_what_is_left_counts_in_the_progress() -> None:
    broken, work, said = Work(fails_in="second"), Work(), list[tuple[int, int]]()
    with pytest.raises(Interrupted):
        finish(broken.steps(), kept(), broken.draw, 5)
    finish(work.steps(), kept(), work.draw, 5, lambda done, total: said.append((done, total)))
    # Left: three scenes at 5, then 20 and 30. Each step reports its half, then its end.
    assert said == [(15, 65), (25, 65), (35, 65), (50, 65), (65, 65)]


@pytest.mark.parametrize("other", [{"digest": "d2"}, {"version": "v2"}, {"size": 96}])
def test_parts_of_another_run_or_data_do_not_count(other: dict[str, Any]) -> None:
    finish(Work().steps(), kept(), Work().draw, 5)
    work = Work()
    finish(work.steps(), kept(**other), work.draw, 5)
    assert work.calls == ["draw 3", "first", "second", "third"]


def test_parts_of_other_settings_or_code_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    finish(Work().steps(), kept(), Work().draw, 5)
    other = Work(depends=(7,))
    finish(other.steps(), kept(), other.draw, 5)
    assert other.calls == ["draw 3", "first", "second", "third"]
    monkeypatch.setattr(grade_parts, "grading_code", lambda: "another")
    work = Work()
    finish(work.steps(), kept(), work.draw, 5)
    assert work.calls == ["draw 3", "first", "second", "third"]


def test_again_computes_what_is_kept_and_keeps_it() -> None:
    finish(Work().steps(), kept(), Work().draw, 5)
    work, last = Work(), Work()
    finish(work.steps(), kept(), work.draw, 5, again=True)
    finish(last.steps(), kept(), last.draw, 5)
    assert work.calls == ["draw 3", "first", "second", "third"] and last.calls == []


@pytest.mark.parametrize("damage", [b"", b"no safetensors", None])
def test_a_damaged_part_is_computed_anew(damage: bytes | None) -> None:
    finish(Work().steps(), kept(), Work().draw, 5)
    (file,) = kept().folder.glob("second-*")
    file.write_bytes(file.read_bytes()[:-9] if damage is None else damage)
    work = Work()
    assert values(finish(work.steps(), kept(), work.draw, 5))["third"] == 10
    assert work.calls == ["draw 2", "second"]


def test_a_cache_that_cannot_be_written_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RunError("no space left")

    monkeypatch.setattr(grade_parts, "write_whole", refuse)
    assert values(finish(Work().steps(), kept(), Work().draw, 5))["third"] == 10
    assert not list(kept().folder.iterdir())


def test_the_code_that_grades_is_named_whole() -> None:
    package = Path(grade_parts.__file__).parents[1]
    assert all(list(package.glob(pattern)) for pattern in SOURCES)
    named = {file.stem for pattern in SOURCES if pattern.startswith("explain/") for file in package.glob(pattern)}
    reached, ahead = {""}, ["report"]
    while ahead:  # every module of explain/ that grading a run imports
        name = ahead.pop()
        reached.add(name)
        text = (package / "explain" / f"{name}.py").read_text(encoding="utf-8")
        lines = [line.split()[1] for line in text.splitlines() if line.startswith("from fisa.explain.")]
        ahead += {line.removeprefix("fisa.explain.") for line in lines} - reached
    assert named == reached - {""}
    assert len(grading_code()) == 16


def test_a_limit_is_kept_where_it_is_just_reached() -> None:
    hit, leak = goal_of("localisation", "attention"), goal_of("path.leak", "interaction")
    assert hit is not None and leak is not None
    assert hit.kept(0.95) and not hit.kept(0.9499) and str(hit) == "≥ 0.95"
    assert leak.kept(0.03) and not leak.kept(0.0301) and str(leak) == "≤ 0.03"
    assert goal_of("localisation", "untrained") is None  # a baseline
    assert goal_of("localisation", "attention", "rendering") is None
    assert len(GOALS) == 9


def test_a_method_fails_above_the_interval_of_the_untrained_network() -> None:
    blank = row("sanity.untrained", "a", 0.1, high=0.3)
    weights = row("sanity.shuffled_weights", "a", 0.31)
    labels = row("sanity.shuffled_labels", "a", 0.3)
    alone = row("sanity.shuffled_weights", "b", 0.9)  # nothing to compare it with
    assert failed_checks([blank, weights, labels, alone]) == {"a": {"shuffled_weights": (weights, blank)}}
    assert failed_checks([row("sanity.untrained", "a"), weights]) == {}  # one scene has no interval
