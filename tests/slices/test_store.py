"""Named slices on disk and in links."""

import json
import os
import signal
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fisa.slices import (
    Slice,
    SliceError,
    as_link,
    delete_slice,
    free_name,
    from_link,
    home,
    list_slices,
    read_slice,
    save_slice,
    settled_name,
)

WORST = Slice("worst", "planted", "iid", "abc", ("iid-00017", "iid-00204"))
UNSURE = Slice("unsure", "planted", "iid", "abc", filter="entropy>1.5")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_slices_are_found_again_by_name() -> None:
    for one in (WORST, UNSURE):
        save_slice(one)
    save_slice(Slice("elsewhere", "oasis", "test", "abc", ("a",)))
    assert list_slices("planted", "iid") == ([UNSURE, WORST], [])
    assert read_slice("worst", "planted", "iid") == WORST
    assert read_slice("worst", "planted", "train") is None
    delete_slice(WORST)
    delete_slice(WORST)  # gone already
    assert list_slices("planted", "iid")[0] == [UNSURE]


@given(st.text(min_size=1, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_name_is_safe_as_a_file(text: str) -> None:
    try:
        name = settled_name(text)
    except SliceError:
        assert not text.strip() or not " ".join(text.split())
        return
    one = Slice(name, "planted", "iid", "abc", ("a",))
    file = save_slice(one)
    assert file.parent == home() / "slices" and file.name.isascii()
    assert read_slice(name, "planted", "iid") == one


def test_names_that_a_file_system_might_mix_up_stay_apart() -> None:
    names = ["Ärger", "ärger", "a/b", "a:b", "CON", "con", "..", "🙂", "أحمر"]
    for name in names:
        save_slice(Slice(name, "planted", "iid", "abc", (name,)))
    assert {one.name: one.ids for one in list_slices("planted", "iid")[0]} == {name: (name,) for name in names}


def test_a_name_is_settled() -> None:
    assert settled_name("  A\u0308rger\n und  Wut ") == "Ärger und Wut"  # NFC, one line
    for bad in ("", " \n", "x" * 101):
        with pytest.raises(SliceError):
            settled_name(bad)


@pytest.mark.parametrize(
    "settings",
    [{}, {"ids": ("a",), "filter": "error>1"}, {"filter": "error>"}, {"ids": ("a",), "name": " a"}],
)
def test_a_slice_that_holds_nothing_or_two_things_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SliceError):
        Slice(**{"name": "a", "data": "planted", "split": "iid", "version": "abc", **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"ids": [1]}', b"[" * 200_000, json.dumps({"name": "x"}).encode()],
)
def test_a_damaged_file_is_listed_and_never_fatal(content: bytes, own_home: Path) -> None:
    save_slice(WORST)
    file = own_home / "slices" / "damaged.json"
    file.write_bytes(content)
    (own_home / "slices" / "folder.json").mkdir()
    slices, problems = list_slices("planted", "iid")
    assert slices == [WORST]
    assert [str(file) in str(problem) for problem in problems] == [True, False]
    assert all("\n" not in str(problem) for problem in problems)


def test_a_file_in_place_of_the_folder_is_one_sentence(own_home: Path) -> None:
    own_home.write_text("no folder")
    assert list_slices("planted", "iid") == ([], [])
    with pytest.raises(SliceError, match="cannot be written"):
        save_slice(WORST)


def test_the_next_free_name() -> None:
    assert free_name("worst", WORST) == "worst"
    save_slice(WORST)
    assert free_name("worst", WORST) == "worst 2"


def _save_and_die(number: int, kind: str) -> None:
    """Save slices one over the other, and die by SIGKILL before the flush or before the replacement."""
    calls, change = 0, getattr(os, kind)

    def dying(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return change(*arguments)

    setattr(os, kind, dying)
    for ids in (("first",) * number, ("second",) * number):
        save_slice(Slice("mine", "planted", "iid", "abc", ids))


@pytest.mark.parametrize("kind", ["fsync", "replace"])
def test_a_kill_leaves_the_slice_of_before(kind: str) -> None:
    process = get_context("fork").Process(target=_save_and_die, args=(5000, kind))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    (left,), problems = list_slices("planted", "iid")
    assert left.ids == ("first",) * 5000 and problems == []


def test_a_link_names_ids_as_long_as_it_stays_short() -> None:
    assert as_link(WORST) == "worst~iid-00~017~204"
    assert as_link(UNSURE) == "unsure"
    many = Slice("many", "planted", "iid", "abc", tuple(f"iid-{number:05d}" for number in range(1000)))
    assert as_link(many) == "many"
    assert from_link("many") == ("many", ())


@given(st.text(min_size=1, max_size=20), st.lists(st.text(max_size=20), min_size=1, max_size=8, unique=True))
def test_a_link_reads_back_whatever_is_in_it(name: str, ids: list[str]) -> None:
    try:
        one = Slice(settled_name(name), "planted", "iid", "abc", tuple(ids))
    except SliceError:
        return
    assert from_link(as_link(one)) == (one.name, one.ids)
