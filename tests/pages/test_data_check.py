"""The check of a data set on the Data page: begun, under way, interrupted, and what it found."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trees
from saying import well, words
from streamlit.testing.v1 import AppTest

from fisa.datasets.checking import Check, look_at_check
from fisa.ui import datasets_check

Visit = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("nothing_known")


def test_a_broken_tree_is_shown_with_its_problems_and_can_be_checked(tmp_path: Path, visit: Visit) -> None:
    root = tmp_path / "broken"
    trees.ldl(root, 40)
    with (root / "ground_truth.txt").open("a") as file:
        file.write("absent.jpg 1 0 0 0 0 0 0 0\n9.jpg 0 0 0 0 0 0 0 0\n")
    (root / "images" / "1.jpg").write_text("no image")
    for view in ("holds", "gallery"):
        app = visit("data", data=str(root), view=view)
        assert not app.exception and not app.error
        assert "2 rows are left out" in app.warning[0].value
    app = visit("data", data=str(root), view="check")
    found = app.dataframe[0].value
    assert found["row"].tolist() == [42, 43] and found["problem"].tolist() == ["no such image", "its votes sum to zero"]
    app.button(key="check_start").click().run()
    assert not app.exception
    await_check(root)
    app = visit("data", data=str(root), view="check")
    assert not app.exception and "to mend" in app.error[0].value
    found = app.dataframe[0].value
    assert {"absent.jpg", "9.jpg", "images/1.jpg"} <= set(found["image"])
    counted = app.table[0].value
    assert counted.loc["labelled\u00a0images"].tolist() == ["40", "11,150"]
    assert counted.loc["images\u00a0refused"].tolist()[0] == "1"
    assert "Check again" in [button.label for button in app.button]


def await_check(root: Path) -> None:
    for _ in range(1200):
        if look_at_check("flickr-ldl", root).state == "done":
            return
        time.sleep(0.1)
    pytest.fail("the check does not end")


def test_a_check_under_way_shows_how_far_it_is(tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.oasis(tmp_path / "oasis")
    monkeypatch.setattr(datasets_check, "look_at_check", lambda *_: Check("running", 7, 18))
    app = well(visit("data", data=str(tmp_path / "oasis"), view="check"))
    (bar,) = app.get("progress")
    assert bar.proto.text == "Checking: 7 of 18 images" and "Stop" in [button.label for button in app.button]
    monkeypatch.setattr(datasets_check, "look_at_check", lambda *_: Check("interrupted", 7, 18))
    app = well(visit("data", data=str(tmp_path / "oasis"), view="check"))
    assert "interrupted at 7 of 18" in words(app) and "Go on" in [button.label for button in app.button]
