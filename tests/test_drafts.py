"""What is written appears whole, whoever else writes there, and what a kill left is removed after a day."""

import os
import threading
import time
from pathlib import Path

import pytest

from fisa import drafts
from fisa.background import Desk
from fisa.drafts import LEFTOVER_AGE, draft_in, new_folder, put_in_place, remove_leftovers
from fisa.runs.files import write_whole


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_two_threads_that_write_one_file_never_mix(tmp_path: Path) -> None:
    file, failed = tmp_path / "file", []
    texts = (b"a" * 300_000, b"b" * 900_000)
    write_whole(file, texts[0])

    def write(text: bytes) -> None:
        try:
            for _ in range(20):
                write_whole(file, text)
                assert file.read_bytes() in texts
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and os.listdir(tmp_path) == ["file"]


def test_a_desk_that_cannot_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        Desk(tmp_path).write("progress.json", {"done": 1})
    assert not list(tmp_path.iterdir())


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "above" / "made") as draft:
        (draft / "x").write_text("1")
        assert not (tmp_path / "above" / "made").exists() and draft.parent == tmp_path / "above"
    assert (tmp_path / "above" / "made" / "x").read_text() == "1"
    with pytest.raises(KeyError), new_folder(tmp_path / "above" / "other") as draft:
        (draft / "x").write_text("1")
        raise KeyError
    with pytest.raises(OSError), new_folder(tmp_path / "above" / "made") as draft:
        (draft / "x").write_text("2")
    assert os.listdir(tmp_path / "above") == ["made"] and (tmp_path / "above" / "made" / "x").read_text() == "1"


def test_only_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    old_file, old_folder, new_file, busy = (draft_in(tmp_path) for _ in range(4))
    theirs = [tmp_path / name for name in (".draft.unfinished", "thesis.unfinished", f".{'a' * 32}.txt")]
    for folder in (old_folder, busy):
        (folder / "below").mkdir(parents=True)
    for file in (old_file, new_file, *theirs):
        file.touch()
    for path in (old_file, old_folder / "below", old_folder, busy, *theirs):  # below busy something is new
        age(path, LEFTOVER_AGE + 60)
    age(new_file, LEFTOVER_AGE - 60)
    with new_folder(tmp_path / "made"):
        pass
    assert {*tmp_path.iterdir()} == {new_file, busy, tmp_path / "made", *theirs}


def test_a_leftover_that_is_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    link = draft_in(tmp_path)
    link.symlink_to(tmp_path / "theirs")
    then = time.time() - 2 * LEFTOVER_AGE
    os.utime(link, (then, then), follow_symlinks=False)
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["theirs"]
    remove_leftovers(tmp_path / "gone")


def test_windows_is_waited_for_while_somebody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [PermissionError(13, "Access is denied")] * 2
    replace = os.replace

    def reluctant(draft: Path, file: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace(draft, file)

    monkeypatch.setattr(drafts.os, "replace", reluctant)
    monkeypatch.setattr(drafts, "_WAITS", (0.0, 0.0))
    (tmp_path / "draft").write_text("new")
    put_in_place(tmp_path / "draft", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new" and not refusals
    refusals += [PermissionError(13, "Access is denied")] * 3
    (tmp_path / "draft").write_text("newer")
    with pytest.raises(PermissionError):
        put_in_place(tmp_path / "draft", tmp_path / "file")
