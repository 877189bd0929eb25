"""The tables of strings: complete, with the fields of the English texts, and no text of the studio outside them."""

import ast
import copy
import pickle
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from fisa.emotions import MIKELS8, SPACES
from fisa.language import ENGLISH, LANGUAGES, Phrase, mark, preferred, sentences, table, tr, trn, using

ROOT = Path(__file__).parents[1]
OTHERS = [code for code in LANGUAGES if code != ENGLISH]
KEYWORDS = {"tr": None, "mark": None, "trn": (1, 2)}
SHOWN = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "fisa" / "ui").glob("*.py"),
                *(ROOT / "fisa" / "figures").glob("*.py")])  # fmt: skip
# The bench's, of the command line; and what stands in exported files alone, which are English whoever asks.
UNSEEN = {"timing.py", "timing_app.py", "timing_browser.py", "timing_data.py", "grades_export.py", "datasets_export.py",
          "retrieval_export.py"}  # fmt: skip
# What Streamlit shows of a call: its first text, and these.
SPEAKING = {"alt", "body", "caption", "help", "label", "placeholder", "title"}
WIDGETS = {
    "badge", "button", "caption", "checkbox", "download_button", "error", "expander", "file_uploader", "header",
    "info", "link_button", "markdown", "metric", "multiselect", "number_input", "page_link", "pills", "popover",
    "radio", "segmented_control", "select_slider", "selectbox", "slider", "spinner", "status", "subheader", "success",
    "text", "text_area", "text_input", "title", "toggle", "warning", "write", "meter",
}  # fmt: skip
SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
# LaTeX, HTML, paths, CSS, files, plotly, a kind of matrix, our name
CODE = re.compile(r"\\[a-zA-Z]|<\w|^[/\"']|\w: \w+;|sans-serif|\.py$|^top center$|^wheel distance$|^FISA Studio$")
WORD = re.compile(r"(?<![:/\w])[A-Za-z][a-z]{2,}")


def collected() -> dict[str, tuple[str, ...]]:
    """Every text of the code: as it is looked up, with all its English forms."""
    mapping, options = parse_mapping_cfg(StringIO((ROOT / "babel.ini").read_text(encoding="utf-8")))
    found = {}
    for _, _, message, _, _ in extract_from_dir(ROOT, mapping, options, KEYWORDS):
        forms = (message,) if isinstance(message, str) else tuple(message)
        found[forms[-1]] = forms
    return found


def translated(code: str) -> dict[str, str]:
    found = {}
    for message in table(code):
        source = message.id if isinstance(message.id, str) else message.id[1]
        text = message.string if isinstance(message.string, str) else message.string[0]
        if source:
            found[source] = text
    return found


def fields(text: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_in_the_table_and_nothing_else_is(code: str) -> None:
    texts, known = collected(), translated(code)
    assert len(texts) > 100
    assert {text for text in texts if not known.get(text)} == set()
    assert set(known) - set(texts) == set()


@pytest.mark.parametrize(
    "path", sorted({*(ROOT / "fisa").rglob("*.py"), *SHOWN}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_text_is_looked_up_inside_an_f_string_where_it_is_not_collected(path: Path) -> None:
    strings = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.JoinedStr))
    calls = (node for each in strings for node in ast.walk(each) if isinstance(node, ast.Call))
    looked_up = [call for call in calls if ast.unparse(call.func) in KEYWORDS]
    assert [ast.unparse(call) for call in looked_up if isinstance(call.args[0], ast.Constant)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_fields_of_the_english_text(code: str) -> None:
    for text, found in translated(code).items():
        if fields(text):
            assert fields(found) == fields(text), text


@pytest.mark.parametrize("code", OTHERS)
def test_translations_keep_icons_codes_and_links(code: str) -> None:
    marked = re.compile(r":material/\w+:|`[^`]+`|\$[^$]+\$|https?://\S+")
    for text, found in translated(code).items():
        assert sorted(marked.findall(found)) == sorted(marked.findall(text)), text


@pytest.mark.parametrize("code", OTHERS)
def test_emotions_have_names_of_their_own(code: str) -> None:
    with using(code):
        for space in SPACES.values():
            assert len(set(space.names)) == len(space)
        assert not set(MIKELS8.names) & set(MIKELS8.labels)


def test_a_text_is_filled_in_and_one_that_is_not_in_the_table_stays() -> None:
    with using("zh_Hans"):
        assert tr("Cannot be opened: {n}", n=3) == "无法打开：3 个"
        assert tr("a label of somebody's own {data}") == "a label of somebody's own {data}"
    assert tr("Cannot be opened: {n}", n=3) == "Cannot be opened: 3"
    assert mark("Home") == "Home"


def test_one_and_many() -> None:
    assert trn("{n} thing", "{n} things", 1) == "1 thing"
    assert trn("{n} thing", "{n} things", 0) == "0 things"
    with using("zh_Hans"):  # has one form for all numbers; here it is in no table
        assert trn("{n} thing", "{n} things", 1) == "1 things"


def test_a_phrase_is_english_and_can_be_said_in_another_language_also_after_it_was_stored() -> None:
    emotion = Phrase(mark("awe"))
    phrase = Phrase("Cannot be opened: {n}", n=Phrase("{first}, {rest}", first=emotion, rest="mine {data}"))
    for each in (phrase, pickle.loads(pickle.dumps(phrase)), copy.deepcopy(phrase)):
        assert each == "Cannot be opened: awe, mine {data}" == tr(each)
        with using("zh_Hans"):
            assert tr(each) == "无法打开：敬畏、mine {data} 个"
            assert tr("{error:.0%} {first}", first=each, error=0.5) == "50% 无法打开：敬畏、mine {data} 个"
            assert each == "Cannot be opened: awe, mine {data}"


def test_some_languages_set_no_space_between_sentences() -> None:
    assert sentences("One.", "", "Two {n}.") == "One. Two {n}."
    assert sentences() == sentences("") == ""
    with using("zh_Hans"):
        assert sentences("一。", "二。") == "一。二。"


@pytest.mark.parametrize(
    ("locale", "code"),
    [("zh-CN", "zh_Hans"), ("zh", "zh_Hans"), ("zh-TW", "zh_Hans"), ("en-GB", "en"), ("de", "en"), (None, "en")],
)
def test_the_nearest_language_to_a_browsers(locale: str | None, code: str) -> None:
    assert preferred(locale) == code


def bare_texts(source: str) -> Iterator[str]:
    """Texts for people in a module that are not looked up: sentences anywhere, words where Streamlit shows them."""
    tree = ast.parse(source)
    spared = set(_spared(tree))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in spared else ""
        if isinstance(text, str) and SENTENCE.search(text) and not CODE.search(text):
            yield f"line {node.lineno}: {text[:70]!r}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            shown = node.args[:1] if node.func.attr in WIDGETS else []
            shown = [*shown, *(each.value for each in node.keywords if each.arg in SPEAKING)]
            for part in (part for each in shown for part in _literals(each)):
                if id(part) not in spared and WORD.search(str(part.value)) and not CODE.search(str(part.value)):
                    yield f"line {part.lineno}: {str(part.value)[:70]!r}"


def _literals(node: ast.expr) -> Iterator[ast.Constant]:
    """The literal parts of a text, of an f-string and of a choice between texts."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else parts
    for part in parts:
        yield from _literals(part)


def _spared(tree: ast.AST) -> Iterator[int]:
    """What is looked up, documents the code, or goes into an error."""
    for node in ast.walk(tree):
        looked_up = isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {*KEYWORDS, "checked"}
        if looked_up or isinstance(node, ast.Raise):
            yield from (id(each) for each in ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)


@pytest.mark.parametrize(
    "path", [path for path in SHOWN if path.name not in UNSEEN], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_no_text_stands_outside_the_table(path: Path) -> None:
    assert list(bare_texts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line", ['st.button("Start")', 'st.button(f"{n} images")', 'x = "two words"', 'st.page_link(p, label="Home")',
             'st.button("Yes" if x else tr("Not now"))']
)  # fmt: skip
def test_a_bare_text_is_found(line: str) -> None:
    assert len(set(bare_texts(line))) >= 1


@pytest.mark.parametrize("line", ['st.button(tr("Start"))', 'raise E("two words")', '"""Two words."""', 'f(key="ab")'])
def test_what_nobody_reads_is_no_bare_text(line: str) -> None:
    assert list(bare_texts(line)) == []
