"""The text rules behind links and labels."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from streamlit.testing.v1 import AppTest

from fisa.slices import Slice
from fisa.ui import slices, train_watch
from fisa.ui.state import clip, in_label, nearest, plain


def shown(tokens: list[Token]) -> str:
    return "".join(token.content + shown(token.children or []) for token in tokens if token.type != "inline") + "".join(
        shown(token.children or []) for token in tokens if token.type == "inline"
    )


# Ampersands are left alone: no file system or name rule of ours makes an entity of them.
words = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters="&"), min_size=1, max_size=30)


@given(words)
def test_plain_text_survives_markdown_letter_for_letter(text: str) -> None:
    assert shown(MarkdownIt("commonmark", {"html": True}).parse(plain(text))) == text


@given(words)
def test_a_name_in_a_label_survives_markdown_and_a_usual_one_has_no_backslash(text: str) -> None:
    label = f"Tags of {in_label(text)}"
    assert shown(MarkdownIt("commonmark", {"html": True}).parse(label)) == f"Tags of {text}"
    assert in_label("iid-00005") == "iid-00005" and in_label("my_dog (2).jpg") == "my_dog (2).jpg"


def test_plain_keeps_a_name_from_becoming_markup() -> None:
    assert plain("a_b*c*.png") == r"a\_b\*c\*\.png"
    assert plain(":red[x] $y$") == r"\:red\[x\] \$y\$"


@pytest.mark.parametrize("show", [plain, in_label])
def test_a_name_turns_no_sentence_around(show: Callable[[str], str]) -> None:
    assert show("صورة \u202egnp\u2066") == "صورة \ufffdgnp\ufffd"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("iid-00412", "iid-00400"),  # 400 is 12 away, 450 is 38
        ("iid-99999", "iid-00450"),
        ("400", "iid-00400"),
        ("no number", "iid-00001"),  # nothing similar: the default
    ],
)
def test_nearest_goes_by_the_last_number(wanted: str, found: str) -> None:
    assert nearest(wanted, ["iid-00001", "iid-00400", "iid-00450"], "iid-00001") == found


def test_nearest_goes_by_spelling_where_there_is_no_number() -> None:
    assert nearest("sadnes", ["awe", "sadness", "fear"], "awe") == "sadness"


def test_clip_marks_what_it_left_out() -> None:
    assert clip("x" * 60) == "x" * 60
    assert clip("x" * 61) == "x" * 59 + "…"


def a_page() -> None:
    """A page of the studio, ``at`` in the session, that asks for one of three runs."""
    from types import SimpleNamespace

    import streamlit

    from fisa.ui import state

    pages = {"home": SimpleNamespace(url_path=""), "explain": SimpleNamespace(url_path="explain")}
    state.arrive(pages, pages[streamlit.session_state.get("at", "explain")])  # type: ignore[arg-type]
    state.resolve("run", ["cnn", "fisa", "tiny"], "fisa", "run")
    for _ in range(streamlit.session_state.get("times", 0)):
        state.notice("The notes are damaged.")
    state.share("run")
    streamlit.text(repr(state.common()))


def warnings(app: AppTest) -> list[str]:
    return [re.sub(r"\\(?=\W)", "", str(warning.value)) for warning in app.warning]


def test_what_a_link_asks_in_vain_is_said_once_and_only_where_it_was_asked() -> None:
    app = AppTest.from_function(a_page, default_timeout=60)
    app.query_params["run"] = "cn"
    said = ["There is no run “cn” here; showing “cnn” instead."]
    assert warnings(app.run()) == said == warnings(app.run())  # until the person acts
    app.session_state["at"] = "home"
    app.query_params.clear()
    assert warnings(app.run()) == [] and app.query_params["run"] == "cnn"


def test_what_several_parts_of_a_page_find_is_said_once() -> None:
    app = AppTest.from_function(a_page, default_timeout=60)
    app.session_state["times"] = 3
    assert warnings(app.run()) == ["The notes are damaged."] == warnings(app.run())


def test_a_link_from_a_page_to_itself_keeps_the_language_and_drops_the_rest() -> None:
    app = AppTest.from_function(a_page, default_timeout=60)
    app.query_params["run"], app.query_params["lang"] = "tiny", "zh_Hans"
    assert app.run().text[0].value == "{'lang': 'zh_Hans'}"
    app.query_params.clear()
    app.query_params["lang"] = "zh_Hans"  # all that ``common`` gives the link
    app.run()
    # The run was not named by the link, so that it is the usual one; the language was.
    assert app.query_params == {"run": "fisa", "lang": "zh_Hans"}
    app.query_params.clear()
    app.query_params["run"] = "cnn"  # a link that leaves the language out forgets it
    app.run()
    assert app.query_params == {"run": "cnn"} and app.text[0].value == "{}"


def test_names_in_labels_are_shown_letter_for_letter() -> None:
    def labels() -> None:
        from types import SimpleNamespace

        import streamlit

        from fisa.ui import marks, others

        streamlit.session_state["fisa_view"] = {"run": "a*b*$"}
        others.choose_several([])
        marks.editor(SimpleNamespace(name="none", split="test", version="0"), "*x*/$1$.png")  # type: ignore[arg-type]

    app = AppTest.from_function(labels, default_timeout=60).run()
    assert not app.exception
    assert [box.label for box in app.multiselect] == [r"Beside a\*b\*\$", r"Tags of \*x\*/\$1\$.png"]


def test_one_thing_is_said_of_as_one() -> None:
    members = [Slice("dark", "planted", "iid", "1", ids) for ids in (("a",), ("a", "b"))]
    assert [slices._told(one) for one in members] == ["dark (1 image)", "dark (2 images)"]
    trainings: list[Any] = [SimpleNamespace(epochs=0, epoch=done) for done in (0, 1, 2)]
    assert [train_watch._epochs(each) for each in trainings] == ["0 epochs", "1 epoch", "2 epochs"]


def test_a_click_counts_before_the_browser_knows_the_new_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_RUNS", str(tmp_path))

    def a_training() -> None:
        from types import SimpleNamespace

        import streamlit

        from fisa.ui import state, train_watch

        pages = {"home": SimpleNamespace(url_path=""), "train": SimpleNamespace(url_path="train")}
        state.arrive(pages, pages["train"])  # type: ignore[arg-type]
        job = state.resolve_optional("job", ["small-1"], "training")
        state.share("job")
        streamlit.text(job or "all")
        if job:
            train_watch.draw_one(job)

    app = AppTest.from_function(a_training, default_timeout=60)
    app.query_params["job"] = "small-9"
    app.run()
    assert app.text[0].value == "small-1" == app.query_params["job"]
    app.query_params["job"] = "small-9"  # which the browser still has when the click is quick
    app.button(key="train_back").click().run()
    assert not app.exception and app.text[0].value == "all" and "job" not in app.query_params
