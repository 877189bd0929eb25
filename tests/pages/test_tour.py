"""The tour on Home: five steps, remembered, and never on another page."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fisa.ui.tour import STEPS, STEPS_WITHOUT_RUNS

Visit = Callable[..., AppTest]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person who has never been here."""
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "user"))
    return tmp_path / "user"


def step(app: AppTest) -> str:
    """What the card says, or nothing."""
    return next((str(each.value) for each in app.markdown if "A first look" in str(each.value)), "")


def test_five_steps_lead_on_and_back_to_places_that_exist(full: Path, user: Path, visit: Visit) -> None:
    app = visit("home")
    for number, each in enumerate(STEPS, start=1):
        assert f"step {number} of 5" in step(app) and each.words in step(app)
        assert each.link in [link.label for link in app.get("page_link")]
        app.button(key="tour_next").click().run()
    assert not step(app)
    app.button(key="tour_open").click().run()
    assert "step 1 of 5" in step(app)  # a finished tour begins anew
    app.button(key="tour_next").click().run()
    app.button(key="tour_back").click().run()
    assert "step 1 of 5" in step(app)


def test_a_tour_that_was_sent_away_stays_away_and_goes_on_where_it_was(full: Path, user: Path, visit: Visit) -> None:
    app = visit("home")
    app.button(key="tour_next").click().run()
    app.button(key="tour_close").click().run()
    assert not step(app)
    again = visit("home")  # another session of the same person
    assert not step(again)
    again.button(key="tour_open").click().run()
    assert "step 2 of 5" in step(again)


def test_no_deep_link_opens_it(full: Path, user: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa")
    assert not app.exception and not step(app) and not (user / "tour.json").exists()


def test_without_runs_it_leads_to_the_drawn_scenes_and_to_a_first_run(shelf: Path, user: Path, visit: Visit) -> None:
    app = visit("home")
    assert not app.exception and not app.error
    assert STEPS_WITHOUT_RUNS[0].words in step(app)
    app.button(key="tour_next").click().run()
    assert "Train a first run" in [link.label for link in app.get("page_link")]


@pytest.mark.parametrize("text", ["", "[]", '{"step": "x", "closed": 1}', '{"step": 99, "closed": false}'])
def test_a_file_that_says_nothing_sensible_is_no_reason_to_complain(
    text: str, full: Path, user: Path, visit: Visit
) -> None:
    user.mkdir()
    (user / "tour.json").write_text(text)
    app = visit("home")
    assert not app.exception and not app.error and not app.warning
    assert f"step {5 if '99' in text else 1} of 5" in step(app)


def test_where_nothing_can_be_kept_it_is_closed_for_the_session(full: Path, user: Path, visit: Visit) -> None:
    user.write_text("not a folder")
    app = visit("home")
    app.button(key="tour_close").click().run()
    assert not app.exception and not step(app)
    assert "tour.json" in app.warning[0].value.replace("\\", "")


def test_the_step_is_kept_as_json(full: Path, user: Path, visit: Visit) -> None:
    visit("home").button(key="tour_next").click().run()
    assert json.loads((user / "tour.json").read_text()) == {"step": 1, "closed": False}
