"""Keys: what the list says is what the buttons have, page by page, and no two buttons of a page share one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fisa.ui import keys

Visit = Callable[..., AppTest]
QUERIES = {"data": {"data": "planted-tiny", "item": "iid-00001"}}
PAGES = (
    "home", "gallery", "explain", "compare", "interactions", "map", "retrieval", "grades", "metrics", "studies",
    "data", "train", "methods",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_buttons_of_a_page_have_the_keys_of_the_list(page: str, full: Path, visit: Visit) -> None:
    app = visit(page, **QUERIES.get(page, {"run": "fisa"}))
    found = sorted(button.proto.shortcut for button in app.button if button.proto.shortcut)
    # The button of the list itself is in the sidebar, which AppTest shows as the first run drew it.
    on_page = [each.key.lower() for each in keys.KEYS.values() if page in each.pages]
    everywhere = [each.key.lower() for each in keys.KEYS.values() if not each.pages]
    assert found == sorted([*on_page, *everywhere])


def test_the_list_names_every_key_once_for_a_page() -> None:
    rows = keys.table().splitlines()[2:]
    assert [row.split("|")[1].strip(" *") for row in rows] == [each.key for each in keys.KEYS.values()]
    assert [row.split("|")[2].strip() for row in rows] == [each.does for each in keys.KEYS.values()]
    for page in PAGES:
        here = [each.key for each in keys.KEYS.values() if not each.pages or page in each.pages]
        assert len(here) == len(set(here))


def test_the_button_opens_the_list(full: Path, visit: Visit) -> None:
    app = visit("metrics", run="fisa")
    assert keys.table() not in [each.value for each in app.markdown]
    app.button(key="keys").click().run()
    assert not app.exception
    assert keys.table() in [each.value for each in app.markdown]


def test_keys_walk_around_the_wheel_and_show_the_masks(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", emotion="excitement")
    app.button(key="next_emotion").click().run()
    assert app.query_params["emotion"] == "fear"  # excitement is the wheel's last emotion
    app.button(key="previous_emotion").click().run()
    assert app.query_params["emotion"] == "excitement"
    assert app.button(key="masks").label == "Show masks"
    app.button(key="masks").click().run()
    assert app.query_params["masks"] == "on" and app.button(key="masks").label == "Hide masks"


def test_the_first_image_of_the_gallery_is_explained(full: Path, visit: Visit) -> None:
    app = visit("gallery", run="fisa", sort="error")
    (first, *_) = [link.label for link in app.get("page_link") if link.label.startswith("iid")]
    app.button(key="explain_first").click().run()
    assert app.title[0].value == "Explain" and app.query_params["image"] == first.replace("\\", "")
