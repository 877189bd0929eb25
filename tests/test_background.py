"""The desk of a process: who lives, who only looks, and how long it takes."""

import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from fisa import background as desks
from fisa.background import Desk, Teller, is_held


def test_whoever_looks_is_not_taken_for_a_training(tmp_path: Path) -> None:
    lock, seen = tmp_path / "lock", []
    lock.touch()
    threads = [threading.Thread(target=lambda: seen.extend(is_held(lock) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 200


def test_nor_is_one_who_looks_from_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "_GLANCE", 30.0)  # far more than the tenth of a second for which it holds the lock
    context = multiprocessing.get_context("fork")
    ready, over = context.Event(), context.Event()
    looking = context.Process(target=hold, args=(tmp_path / "lock", ready, over))
    looking.start()
    ready.wait()
    assert not is_held(tmp_path / "lock")
    looking.join()


def test_two_who_start_at_a_time_start_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Alive:
        def __init__(self, *_: object, **__: object) -> None:
            started.append(self)
            time.sleep(0.05)

        def poll(self) -> None:
            return None

    monkeypatch.setattr(desks.subprocess, "Popen", Alive)
    threads = [threading.Thread(target=Desk(tmp_path).start, args=("fisa.nothing",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1


def hold(lock: Path, ready: Any, over: Any) -> None:
    with FileLock(lock):
        ready.set()
        time.sleep(0.1)
    over.set()


def test_what_is_left_follows_the_pace_of_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 104.0, 104.5, 200.0])
    monkeypatch.setattr(desks.time, "monotonic", lambda: next(now, 300.0))
    monkeypatch.setattr(Teller, "_tell", lambda teller: None)
    teller = Teller(Desk(tmp_path))
    teller(10, 30)  # resumed: ten steps were done before
    assert teller._document["seconds_left"] is None
    teller(12, 30)  # two steps in four seconds leave 18 steps of two seconds
    assert teller._document["seconds_left"] == 36
    teller(1, 50)  # another stage
    assert teller._document["seconds_left"] is None
    teller(2, 50)
    assert teller._document["seconds_left"] == 48 * 95.5
