"""Every page in Simplified Chinese: no English sentence but what is kept in English on purpose."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from fisa.config.form import options_of
from fisa.ui import handbook
from fisa.ui.contents import TITLES

Visit = Callable[..., AppTest]
SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}(?: [A-Za-z]+)*")
SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
CODE = re.compile(r"`[^`]*`|\$[^$]*\$|<[^>]*>|\S*[/\\_=]\S*|:material\S*")
# What identifies an element, and what no person reads.
UNREAD = {"id", "elementId", "formId", "url", "pageScriptHash", "key", "icon", "iconType", "shortcut", "metadata"}
UNREAD |= {"data"}  # a table's bytes, which are read as a table
# Names of data, with their split, and a command.
KEPT = {"Planted Affect", "tiny iid", "fisa train"}
FISA = {"model": {"name": "fisa", "backbone": {"name": "plain"}}}
# Of a plotly figure, what a person reads.
READ = {"text", "hovertext", "ticktext", "alt", "name"}


def texts(app: AppTest) -> Iterator[str]:
    for root in (app.main, app.sidebar):
        yield from _of_block(root)


def _of_block(block: Block) -> Iterator[str]:
    for child in block.children.values():
        if isinstance(child, Block):
            yield from _of_block(child)
        elif getattr(child, "proto", None) is not None:
            yield from _strings(MessageToDict(child.proto))
            if isinstance(table := getattr(child, "value", None), pd.DataFrame):
                yield from (str(text) for text in (*table.columns, *table.index, *table.to_numpy().ravel()))


def _strings(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from _of_figure(json.loads(found)) if found.startswith('{"data"') else [found]
    elif isinstance(found, list):
        for each in found:
            yield from _strings(each)
    elif isinstance(found, dict):
        for name, each in found.items():
            if name not in UNREAD:
                yield from _strings(each)


def _of_figure(part: Any, read: bool = False) -> Iterator[str]:
    if isinstance(part, str) and read:
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from _of_figure(each, read)
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from _of_figure(each, name in READ)


def english(app: AppTest) -> set[str]:
    """English of two words and more that the page shows."""
    # Titles of the document that links lead to, which is English; options of a configuration are called by their keys.
    names = [each.title for each in handbook.sections().values()] + [
        each.label.capitalize() for each in options_of(FISA)
    ]
    found = set()
    for text in texts(app):
        text = SCRIPT.sub(" ", text)
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, " ")
        found.update(SENTENCE.findall(CODE.sub(" ", text)))
    return found


@pytest.mark.parametrize("page", [name for name in TITLES if name != "methods"])
def test_no_english_sentence_is_left_on_a_chinese_page(
    page: str, full: Path, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "home"))  # without the slices that other tests have named
    app = visit(page, lang="zh_Hans")
    assert not app.exception and not app.error
    assert re.search("[\u4e00-\u9fff]", app.title[0].value) or page == "home"
    assert english(app) - KEPT == set()


def test_the_sweep_finds_english(full: Path, visit: Visit) -> None:
    assert len(english(visit("explain"))) > 20
