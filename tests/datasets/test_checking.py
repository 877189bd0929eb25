"""The check in a process of its own: watched, stopped, gone on with, and read by another process."""

import time
from pathlib import Path

import pandas as pd
import pytest
import trees

from fisa import background
from fisa.datasets import DataError, checking
from fisa.datasets.check import Report, check_dataset
from fisa.datasets.checking import Check, look_at_check, main, start_check, stop_check

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a set <b> 🙂"
    trees.oasis(folder)
    (folder / "images" / "Dog 1.jpg").write_text("no image")
    return folder


def await_end(name: str, root: Path) -> Check:
    for _ in range(1200):
        check = look_at_check(name, root)
        if check.state != "running":
            return check
        time.sleep(0.1)
    pytest.fail("the check does not end")


def same(one: Report, other: Report) -> None:
    pd.testing.assert_frame_equal(one.problems, other.problems)
    assert {**one.document(), "problems": []} == {**other.document(), "problems": []}


def test_a_report_comes_back_from_json_equal(root: Path) -> None:
    report = check_dataset("oasis", root)
    same(Report.of_document(report.document()), report)
    assert report.wrong == 2 and len(report.absent) == 900 - 18  # one image refused, and the IDs that are not there


def test_a_process_checks_and_its_report_is_that_of_the_library(root: Path) -> None:
    assert look_at_check("oasis", root) == Check("none")
    start_check("oasis", root)
    assert look_at_check("oasis", root).state == "running"
    check = await_end("oasis", root)
    assert check.state == "done" and check.current and time.time() - check.finished < 600
    assert check.report is not None
    same(check.report, check_dataset("oasis", root))
    with (root / "OASIS.csv").open("ab") as file:
        file.write(b"\r")
    assert not look_at_check("oasis", root).current  # the list is not what was checked


def test_a_check_that_fails_says_why_and_a_new_one_forgets_it(tmp_path: Path, root: Path) -> None:
    start_check("emotion6", root)
    check = await_end("emotion6", root)
    assert check.state == "failed" and check.error == f"{root}: ground_truth.txt is missing; check the path"
    assert check.report is None


def test_a_check_that_is_stopped_goes_on_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "INTERVAL", 0.0)
    folder = checking._desk("oasis", root).folder
    folder.mkdir(parents=True)
    stop_check("oasis", root)
    main("oasis", root)  # in this process, with the wish to stop already there
    check = look_at_check("oasis", root)
    assert (check.state, check.done, check.total, check.report) == ("interrupted", 0, 18, None)
    start_check("oasis", root)
    assert await_end("oasis", root).state == "done"


def test_while_another_holds_the_lock_it_runs_and_no_second_is_started(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checking._desk("oasis", root).folder
    folder.mkdir(parents=True)
    monkeypatch.setattr(background, "_HELD", 0.0)
    monkeypatch.setattr(background.subprocess, "Popen", lambda *_, **__: pytest.fail("a second check was started"))
    with background.FileLock(folder / "lock"):
        assert look_at_check("oasis", root).state == "running"
        start_check("oasis", root)
        main("oasis", root)
    assert look_at_check("oasis", root).state == "none"


def test_a_report_of_another_form_is_as_good_as_none(root: Path) -> None:
    folder = checking._desk("oasis", root).folder
    folder.mkdir(parents=True)
    for text in ("", "[]", '{"report": {}}', '{"stamp": "x", "finished": 1, "report": {"name": "oasis"}}'):
        (folder / "report.json").write_text(text)
        assert look_at_check("oasis", root) == Check("none")


def test_a_process_that_cannot_start_is_one_sentence(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(background.subprocess, "Popen", refuse)
    with pytest.raises(DataError, match=r"the check cannot be started \(Cannot allocate memory\)"):
        start_check("oasis", root)


@pytest.mark.parametrize(("name", "message"), [("nothing", "unknown data set"), ("planted-tiny", "is drawn")])
def test_what_lies_on_no_disk_is_refused(name: str, message: str, root: Path) -> None:
    with pytest.raises(DataError, match=message):
        check_dataset(name, root)
