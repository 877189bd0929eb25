"""What the caches of the studio tell apart, and what they keep."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st

from fisa.emotions import MIKELS8
from fisa.ui import attributions, cache, methods


class Gone:
    """A file that was listed and is gone, as the draft of one that is being written."""

    name = ".metrics.json.1"

    def is_file(self) -> bool:
        return True

    def stat(self) -> os.stat_result:
        raise FileNotFoundError(2, "No such file or directory")


def test_a_file_that_goes_while_a_run_is_looked_at_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("name: x")
    before = cache._stamp(tmp_path)
    assert [name for name, *_ in before] == ["config.yaml"]
    look = os.scandir

    class Listed:
        def __enter__(self) -> list[Any]:
            with look(tmp_path) as entries:
                return [Gone(), *entries]

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(cache.os, "scandir", lambda path: Listed())
    assert cache._stamp(tmp_path) == before


def test_runs_beyond_a_screenful_are_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cache, "load_run", lambda path: opened.append(path))
    folders = [tmp_path / str(number) for number in range(100)]
    for _ in range(2):
        for folder in folders:
            cache.open_run(folder)
    assert len(opened) == 100


def test_test_images_are_read_anew_when_their_list_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.csv"
    monkeypatch.setattr(cache, "open_data", lambda config, splits, progress=None: {"test": listed.read_text()})
    data = SimpleNamespace(root=str(tmp_path), model_dump_json=lambda: "{}")
    run: Any = SimpleNamespace(config=SimpleNamespace(objective=SimpleNamespace(ratings=0), data=data))
    for content in ("a", "ab"):
        listed.write_text(content)
        assert [cache.test_data(run), cache.test_data(run)] == [content, content]


def test_copies_of_an_image_that_raters_voted_on_apart_have_answers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_data.clear()
    asked: list[object] = []

    def answer(
        run: object, image: object, method: str, target: object, settings: object, truth: np.ndarray | None
    ) -> str:
        asked.append(target)
        return "none" if truth is None else MIKELS8.labels[int(truth.argmax())]

    monkeypatch.setattr(attributions, "attribute", answer)
    monkeypatch.setattr(
        methods, "curves", lambda run, image, values, target, truth: answer(0, 0, "", target, None, truth)
    )
    run: Any = SimpleNamespace(digest="run", space=MIKELS8)
    copies: list[Any] = [
        SimpleNamespace(digest="same", known={"votes": row}, seen_by=lambda run: None) for row in np.eye(8)[:2]
    ]
    for what in (
        lambda copy, asked: attributions.attribution_of(run, copy, "gradient", asked, "awe"),
        lambda copy, asked: methods.curves_of(run, copy, asked, "awe", {}),
    ):
        asked.clear()
        assert [what(copy, "kl") for copy in copies] == list(MIKELS8.labels[:2])
        assert [what(copy, "logit") for copy in copies] == ["none", "none"]
        assert len(asked) == 3  # what does not depend on the truth is computed once for both
