"""The studio's texts in the language of the person: English stands in the code, others in one table of strings.

``tr("…")`` finds the text in the table ``fisa/locale/<language>/LC_MESSAGES/fisa.po``; a text that the table lacks,
such as a label of somebody's own data, stays as it is. ``pybabel`` collects the texts (CONTRIBUTING.md), and
tests/test_language.py keeps the table complete. Messages of errors, exports and the command line are English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, reduce
from pathlib import Path
from types import MappingProxyType

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ENGLISH = "en"
LANGUAGES = MappingProxyType({ENGLISH: "English", "zh_Hans": "简体中文"})
"""Each language by its code, as its readers call it."""
LOCALE = Path(__file__).parent / "locale"

_asked: Callable[[], str] = lambda: ENGLISH  # noqa: E731
_fixed: ContextVar[str | None] = ContextVar("fisa_language", default=None)


def ask(who: Callable[[], str]) -> None:
    """Let ``who`` say for whom a text is, whenever one is looked up: a code of ``LANGUAGES``."""
    global _asked
    _asked = who


def language() -> str:
    """Return the code of the language that texts are in now."""
    return _fixed.get() or _asked()


@contextmanager
def using(code: str) -> Iterator[None]:
    """Have texts in the language ``code`` inside, whoever looks."""
    token = _fixed.set(code)
    try:
        yield
    finally:
        _fixed.reset(token)


def preferred(locale: str | None) -> str:
    """Return the language for a browser's locale such as ``"zh-CN"``: the nearest one that there is, else English."""
    return "zh_Hans" if (locale or "").lower().split("-")[0] == "zh" else ENGLISH


class Phrase(str):
    """A text that the library makes for tables and their notes: English as it is, and ``tr(phrase)`` for the person.

    ``Phrase(mark("{n} images left out"), n=3)`` is a ``str`` that remembers the text with its fields, so that it can be
    stored with numbers in a cache and in a file, and be said in another language where it is shown.

    Attributes:
        message: The English text; where it has values, with fields as ``str.format`` reads them.
        values: What the fields are filled with; other phrases are looked up, too.
    """

    message: str
    values: dict[str, object]

    def __new__(cls, message: str, **values: object) -> Phrase:
        """Fill the fields of ``message`` in."""
        phrase = super().__new__(cls, message.format(**values) if values else message)
        phrase.message, phrase.values = message, values
        return phrase


def tr(message: str, **values: object) -> str:
    """Return a text in the language of the person.

    Args:
        message: The English text; where it has values, with fields as ``str.format`` reads them. Or a :class:`Phrase`.
        **values: What the fields are filled with; of them, phrases are looked up.
    """
    if isinstance(message, Phrase):
        return tr(message.message, **message.values)
    text = message
    if (code := language()) != ENGLISH:
        text = _texts(code).get(message, message)
        values = {name: tr(value) if isinstance(value, Phrase) else value for name, value in values.items()}
    return text.format(**values) if values else text


def trn(one: str, many: str, n: int, **values: object) -> str:
    """Return a text for a number of things; ``{n}`` is the number, other fields as in :func:`tr`.

    Args:
        one: English for one thing.
        many: English for any other number; the text that tables of languages without a plural are read by.
        n: How many.
        **values: What the other fields are filled with.
    """
    if language() == ENGLISH and n == 1:
        return one.format(n=n, **values)
    return tr(many, n=n, **values)


def sentences(*parts: str) -> str:
    """Let sentences follow one another as the person's language parts them; empty ones are left out."""
    said = [part for part in parts if part]
    return reduce(lambda before, more: tr("{before} {more}", before=before, more=more), said) if said else ""


def mark(message: str) -> str:
    """Return ``message`` as it is: it is collected here and looked up by ``tr`` where it is shown."""
    return message


@cache
def _texts(code: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for message in table(code):
        source, text = message.id, message.string
        if isinstance(source, tuple | list):
            source, text = source[1], text[0] if isinstance(text, tuple | list) else text
        if source and text:
            found[str(source)] = str(text)
    return found


def table(code: str) -> Catalog:
    """Read the table of strings of a language.

    Raises:
        OSError: It cannot be read.
    """
    with (LOCALE / code / "LC_MESSAGES" / "fisa.po").open("rb") as file:
        return read_po(file, locale=code)
