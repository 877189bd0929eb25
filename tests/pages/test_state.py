"""The text rules behind links and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fisa.ui.state import clip, nearest, plain


def shown(tokens: list[Token]) -> str:
    return "".join(token.content + shown(token.children or []) for token in tokens if token.type != "inline") + "".join(
        shown(token.children or []) for token in tokens if token.type == "inline"
    )


@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=30))
def test_plain_text_survives_markdown_letter_for_letter(text: str) -> None:
    # Ampersands are left alone: no file system or name rule of ours makes an entity of them.
    text = text.replace("&", "")
    assert shown(MarkdownIt("commonmark", {"html": True}).parse(plain(text))) == text


def test_plain_keeps_a_name_from_becoming_markup() -> None:
    assert plain("a_b*c*.png") == r"a\_b\*c\*\.png"
    assert plain(":red[x] $y$") == r"\:red\[x\] \$y\$"


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
