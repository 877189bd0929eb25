"""Many people at one studio at once: each keeps an own view, and what two of them look at is computed once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from waiting import PATIENCE, await_query, query, settled

from fisa.emotions import MIKELS8
from fisa.ui import counted

Serve = Callable[[Path], str]
TURNS = 2


@pytest.fixture(params=[pytest.param(count, marks=pytest.mark.slow) for count in (6, 20)])
def visitors(request: pytest.FixtureRequest, browser: Browser) -> Iterator[list[Page]]:
    """Pages of browsers that share nothing."""
    contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(request.param)]
    for context in contexts:
        context.set_default_timeout(PATIENCE)
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def view_of(visitor: int) -> tuple[str, int, str]:
    """Return the run, the number of the first image and the emotion that a visitor asks for; no two ask the same."""
    return ("fisa", "cnn")[visitor % 2], visitor // 2, MIKELS8.labels[visitor % 8]


def sees_own(page: Page, visitor: int, turn: int) -> None:
    run, image, emotion = view_of(visitor)
    name = f"iid-{image + turn:05d}"
    await_query(page, "image", name)
    assert (query(page, "run"), query(page, "emotion")) == (run, emotion)
    shown = f"attention of {emotion}" if run == "fisa" else "no attention map"
    expect(page.get_by_role("img", name=f"{name} with {shown}")).to_be_visible()
    expect(page.get_by_role("heading", name=f"What makes {emotion}")).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0


@pytest.mark.timeout(1200)
def test_visitors_each_see_their_own_and_nothing_is_computed_twice(
    serve: Serve, tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visitors: list[Page]
) -> None:
    monkeypatch.setenv(counted.FILE, str(tmp_path / "computed"))
    address = serve(tiny_runs)
    for visitor, page in enumerate(visitors):
        run, image, emotion = view_of(visitor)
        page.goto(f"{address}/explain?run={run}&image=iid-{image:05d}&emotion={emotion}", wait_until="commit")
        if visitor == 0:
            settled(page)  # the first page of a server imports torch
    for visitor, page in enumerate(visitors):
        settled(page)
        sees_own(page, visitor, 0)
    for turn in range(1, TURNS + 1):
        for page in visitors:  # all click before anyone is answered
            page.locator(".st-key-next_image button").click()
        for visitor, page in enumerate(visitors):
            sees_own(page, visitor, turn)
    computed, again = counted.read_counts(tmp_path / "computed")
    assert again == {}
    # Half as many first images as visitors and two more, by two runs: who comes second to an image finds what is made.
    assert computed["explanation"] == 2 * (len(visitors) // 2 + TURNS)
