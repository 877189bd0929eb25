"""Pages of the pictures of a selection, without a chart."""

from streamlit.testing.v1 import AppTest


def pictures() -> None:
    """Draw the pictures of the images whose ids are in the session."""
    from types import SimpleNamespace
    from unittest.mock import patch

    import pandas as pd
    import streamlit

    from fisa.ui import cache, selection

    ids = list(streamlit.session_state["ids"])
    run = SimpleNamespace(digest="1", takes_vectors=True)
    table = pd.DataFrame({"id": ids, "error": [float(len(ids) - place) for place in range(len(ids))]})
    board = selection.Board("map", {"fisa": run}, None, None, "", {})  # type: ignore[arg-type, dict-item]
    with patch.object(cache, "samples", lambda run, dataset: table):
        selection._pictures(board, ids)


def first(app: AppTest) -> str:
    return str(app.markdown[0].value).replace("\\", "")


def test_another_selection_begins_at_its_first_page() -> None:
    app = AppTest.from_function(pictures, default_timeout=60)
    app.session_state["ids"] = [f"a{number}" for number in range(60)]
    app.run()
    (pages,) = app.get("pagination")
    assert pages.proto.num_pages == 3 and first(app) == "a0"
    key = pages.proto.id.rpartition("-")[2]
    app.session_state[key] = 3
    assert first(app.run()) == "a48"  # 24 a page
    app.session_state["ids"] = [f"b{number}" for number in range(60)]
    assert first(app.run()) == "b0"
