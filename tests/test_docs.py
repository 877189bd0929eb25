"""Documents against the code: links, names, options, commands, measures, examples, mathematics that GitHub renders."""

import doctest
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
import typer
import yaml
from pydantic import BaseModel
from scipy.stats import binom

from fisa.__main__ import app
from fisa.config import FisaConfig, ObjectiveConfig, RunConfig
from fisa.datasets import DATASETS, Layout
from fisa.datasets.planted.oracles import FEATURES
from fisa.emotions import SPACES
from fisa.metrics import METRICS, Metric
from fisa.sequence_measures import SEQUENCE_METRICS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("docs/methods.md", "docs/datasets.md", "README.md", "CONTRIBUTING.md")]
SCALE = ROOT / "docs" / "scale.md"
STUDIES = ROOT / "docs" / "studies.md"
METHODS = PAGES[0].read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"(?P<before>.?)\$(?P<math>[^$\n]+)\$(?P<after>.?)")

# They say where something lies; no equation depends on them.
NOT_METHOD = {
    "name",
    *(f"data.{key}" for key in ("name", "root", "image_size", "skip_bad", "fold", "stratify", "test")),
    *(f"model.backbone.{key}" for key in ("network", "stage", "weights", "weights_file", "dimensions", "dropout")),
}

Row = tuple[str, str]  # option and value, or measure and arrow, as the first two cells of a table show them


def rows(text: str) -> set[Row]:
    lines = (line for line in FENCE.sub("", text).splitlines() if line.startswith("| `"))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {(first.strip("`"), second.replace("`", "")) for first, second, *_ in cells}


def options(section: type[BaseModel], prefix: str = "") -> Iterator[Row]:
    """Every option below a section: a row for each value of a Literal, with its default marked, else one with it."""
    for key, field in section.model_fields.items():
        option, members = prefix + key, sections_in(field.annotation)
        for member in members:
            yield from options(member, f"{option}.")
        if get_origin(field.annotation) is Literal:
            for value in get_args(field.annotation):
                yield option, f"{value} (default)" if value == field.default else str(value)
        elif not members and not field.is_required():
            yield option, yaml.safe_dump(field.default).splitlines()[0]


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    parts = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def method_options(section: type[BaseModel], prefix: str = "") -> set[Row]:
    return {(option, value) for option, value in options(section, prefix) if option not in NOT_METHOD}


def test_every_option_stands_in_the_document_with_its_default() -> None:
    prefixes = ("task", "model.", "objective.", "training.")
    assert {row for row in rows(METHODS) if row[0].startswith(prefixes)} == method_options(RunConfig)


@pytest.mark.parametrize(("section", "prefix"), [(FisaConfig, "model."), (ObjectiveConfig, "objective.")])
def test_an_option_without_a_row_is_found(section: type[BaseModel], prefix: str) -> None:
    class Extended(section):  # type: ignore[misc, valid-type]
        novel: Literal["left", "right"] = "left"

    missing = method_options(Extended, prefix) - rows(METHODS)
    assert missing == {(f"{prefix}novel", "left (default)"), (f"{prefix}novel", "right")}


def test_every_measure_stands_in_the_document_with_its_direction() -> None:
    documented = {row for row in rows(METHODS) if row[1] in ("↑", "↓")}
    measures = METRICS.items() | SEQUENCE_METRICS.items()
    assert documented == {(name, "↑" if metric.higher_is_better else "↓") for name, metric in measures}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_measures_are_proper_where_the_document_says_so(metric: Metric) -> None:
    # Two emotions, one or two raters: improper is a measure under which some prediction beats the truth p on average.
    line = next(line for line in METHODS.splitlines() if line.startswith(f"| `{metric.name}` |"))
    predicted = np.stack([np.linspace(0, 1, 101), np.linspace(1, 0, 101)], axis=1)
    gains = []
    for p, raters in [(0.49, 2), (0.6, 1), (0.8, 2)]:
        values = np.zeros(101)
        for votes in range(raters + 1):
            target = np.tile([votes / raters, 1 - votes / raters], (101, 1))
            values += binom.pmf(votes, raters, p) * metric.function(target, predicted)
        losses = -values if metric.higher_is_better else values
        gains.append(losses[round(100 * p)] - losses.min())
    assert (max(gains) > 1e-6) == line.endswith(" improper |")


def test_spaces_rungs_and_grades_stand_in_the_document() -> None:
    grades = json.loads((ROOT / "artifacts" / "fisa" / "grades.json").read_text(encoding="utf-8"))
    named = {*SPACES, *FEATURES, "truth", *grades["localisation"]["baselines"], *grades["contributions"]}
    documented = {name for first, _ in rows(METHODS) for name in first.replace("`", "").split(", ")}
    assert named - {"n", "scenes"} <= documented


@pytest.mark.parametrize("page", [*PAGES, SCALE, STUDIES], ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    relative = [target.partition("#")[0] for target in targets if "://" not in target]
    assert relative
    assert [target for target in relative if not (page.parent / target).exists()] == []


def test_every_data_set_stands_in_its_document() -> None:
    text = PAGES[1].read_text(encoding="utf-8")
    assert [name for name in DATASETS if f"`{name}`" not in text and not name.startswith("planted-")] == []
    for name, source in DATASETS.items():
        if isinstance(source, Layout) and source.published is not None and name != "emotion6-6":
            (line,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
            assert f"{source.published:,}" in line


def test_readers_and_contributors_find_the_document() -> None:
    for page in PAGES[1:]:
        assert "methods.md)" in page.read_text(encoding="utf-8"), page.name


def resolve(dotted: str) -> Any:
    """What a dotted name such as fisa.metrics.METRICS stands for; ImportError or AttributeError where nothing does."""
    module, _, name = dotted.rpartition(".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), name)


def test_names_exist_and_constants_have_the_values_printed() -> None:
    names = re.findall(r"`(fisa(?:\.\w+)+)`(?: = (-?[\d.]+(?:e-?\d+)?))?", METHODS)
    assert sum(value != "" for _, value in names) > 5
    for name, value in names:
        found = resolve(name)
        assert value == "" or found == float(value), name


def test_options_named_in_the_text_exist() -> None:
    known = {option for option, _ in options(RunConfig)} | NOT_METHOD
    named = set(re.findall(r"`((?:data|model|objective|training)\.[\w.]+)", METHODS))
    assert named and named <= known


@pytest.mark.parametrize(("page", "least"), [(PAGES[0], 30), (SCALE, 15)], ids=["methods", "scale"])
def test_the_examples_give_the_numbers_printed(page: Path, least: int) -> None:
    text = page.read_text(encoding="utf-8")
    session = "\n".join(code for language, code in FENCE.findall(text) if language == "python")
    example = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)
    assert len(example.examples) > least
    runner = doctest.DocTestRunner(verbose=False)
    complaints: list[str] = []
    runner.run(example, out=complaints.append)
    assert not complaints, "".join(complaints)


PRINTED = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("configs/**/*.yaml"))]
COMMAND = re.compile(r"^[#\s]*(?:python|torchrun [^\n]*?) -m fisa ([^\n]+)", re.MULTILINE)


def complaint(line: str) -> str:
    """Parse a command line as the program does, without running it, and return what is wrong with it."""
    arguments, command = shlex.split(line.partition(" > ")[0]), typer.main.get_command(app)
    try:
        while hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        command.make_context(command.name, arguments)
    except LookupError as error:
        return f"no command {error}"
    except Exception as error:
        if not hasattr(error, "format_message"):  # which wrong usage has, of whatever version of typer
            raise
        return str(error.format_message())
    return ""


@pytest.mark.parametrize("page", PRINTED, ids=lambda page: page.name)
def test_commands_that_are_printed_are_understood(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # A line of its own, or a whole cell of a table; one with brackets says which options there are.
    lines = [*COMMAND.findall(text), *re.findall(r"\| `python -m fisa ([^`]+)` \|", text)]
    assert {line: said for line in lines if "[" not in line and (said := complaint(line))} == {}
    assert lines or page.suffix == ".md"


@pytest.mark.parametrize("line", ["data shew", "train", "report --fromat csv", "study x.yaml --processes none"])
def test_a_command_that_is_wrong_is_found(line: str) -> None:
    assert complaint(line)


def mangled(text: str) -> list[str]:
    """Formulas that GitHub would not render: it reads them as Markdown first, where these have a meaning."""
    text = re.sub(r"`[^`\n]+`", "code", FENCE.sub("", text))
    formulas = [(match[1], "", "") for match in DISPLAY.finditer(text)]
    text = DISPLAY.sub("", text)
    formulas += [(match["math"], match["before"], match["after"]) for match in INLINE.finditer(text)]
    found = [math for math, before, after in formulas if broken(math) or before not in " (" or after not in " ).,;:"]
    return found + re.findall(r".*\$.*", INLINE.sub("", text))


def broken(math: str) -> bool:
    escaped = re.search(r"\\[^a-zA-Z]", math)  # Markdown drops the backslash before punctuation
    emphasised = re.search(r"(?<![A-Za-z0-9])_|[*~<>`|&]", math)  # emphasis, strikethrough, tags, cells
    item = re.search(r"\n[-+#>\d]", math)  # a line that begins like a list, a heading or a quotation
    return bool(escaped or emphasised or item) or math.count("{") != math.count("}")


def test_formulas_survive_markdown() -> None:
    assert mangled(METHODS) == []


# Each breaks one rule: escaped brace, emphasis, table cell, list item, open brace, glued letters, an odd dollar.
@pytest.mark.parametrize(
    "formula",
    [r"$\{x\}$", r"$x^{p}_k$", "$|x|$", "$$a\n+ b$$", r"$\hat{x$", "$k$th", "a $ b"],
)
def test_formulas_that_do_not_survive_are_found(formula: str) -> None:
    assert mangled(formula)
