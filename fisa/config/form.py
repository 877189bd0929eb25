"""The configuration as a form: its options one by one, what is wrong beside each, and what a form says as YAML.

All of it is read off the sections themselves, so that an option that is added there has its field here.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fisa.config import ConfigError, RunConfig, place, read_document, read_yaml
from fisa.config.base import Section
from fisa.config.models import NAMES
from fisa.language import mark, tr

LONGEST = 4000
"""Characters of changes in an address."""
Kind = Literal["choice", "switch", "whole", "number", "text", "list"]
NAME = "a name has small letters, digits, dots, hyphens and underscores, begins with a letter or digit, and is not long"


@dataclass(frozen=True)
class Option:
    """One option of a configuration.

    Attributes:
        key: Dotted, such as ``training.lr``.
        kind: ``list`` is written as YAML, such as ``[1, 5]``.
        default: Of its section, None also where there is none.
        required: Whether a value must be given.
        optional: Whether it may be null.
        choices: Of a ``choice``.
        help: What it is, in a clause, in the person's language; may be empty.
        bounds: What is allowed, in words, likewise.
        waits_for: Key of the weight that must be positive for this option to matter, or "".
    """

    key: str
    kind: Kind
    default: Any
    required: bool = False
    optional: bool = False
    choices: tuple[Any, ...] = ()
    help: str = ""
    bounds: str = ""
    waits_for: str = ""

    @property
    def label(self) -> str:
        """The last part of the key in words."""
        return self.key.rpartition(".")[2].replace("_", " ")


def options_of(document: Mapping[str, Any], section: type[Section] = RunConfig, prefix: str = "") -> Iterator[Option]:
    """Yield every option that a configuration has: of the model and the backbone those of the ones it names."""
    for name, field in section.model_fields.items():
        key, forms = prefix + name, _sections(field.annotation)
        if not forms:
            yield _option(key, field, _waits_for(name, section, prefix))
            continue
        below = document.get(name)
        below = below if isinstance(below, Mapping) else {}
        if len(forms) == 1:
            yield from options_of(below, forms[0], f"{key}.")
            continue
        named = {_name_of(form): form for form in forms}
        default = field.get_default(call_default_factory=True)
        chosen = below.get("name", getattr(default, "name", None))
        choice = f"{key}.name"
        yield Option(choice, "choice", getattr(default, "name", None), choices=tuple(named), help=_titles(named))
        rest = options_of(below, named.get(chosen, forms[0]), f"{key}.")
        yield from (option for option in rest if option.key != choice)


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with dotted ``changes``; those of options that it does not have then are left out.

    Where a change names another model or backbone, what the former one alone has goes, and its own defaults come.

    Raises:
        ConfigError: A key leads through a value.
    """
    document: dict[str, Any] = copy.deepcopy(dict(base))
    for key in sorted(changes, key=lambda key: (not _switches(key), key.count("."), key)):
        if _switches(key):
            before = at(document, key)
            place(document, key, changes[key])
            if before != changes[key]:
                _leave_only(document, key.removesuffix(".name"))
        elif key in {option.key for option in options_of(document)}:
            place(document, key, changes[key])
    return document


def differences_from(base: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what a form changed: dotted key to the values before and after; defaults count as written out."""
    before, after = ({o.key: at(each, o.key, o.default) for o in options_of(each)} for each in (base, document))
    return {key: (before.get(key), value) for key, value in after.items() if key not in before or before[key] != value}


def at(document: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return the value at a dotted key."""
    value: Any = document
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def overrides_between(base: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """Return what makes ``document`` of the file behind ``base``, as ``--set`` of the command line takes it.

    A section whose form differs is given whole, for keys of the former one would be unknown in it.
    """
    found = differences_from(base, document)
    whole = [key.removesuffix(".name") for key in found if _switches(key)]
    values = {key: at(document, key) for key in whole if key.rpartition(".")[0] not in whole}
    below = tuple(f"{key}." for key in whole)
    values |= {key: value for key, (_, value) in found.items() if not key.startswith(below)}
    return [f"{key}={_inline(value)}" for key, value in values.items()]


def problems_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with a configuration: a sentence for each dotted key, of an option or of a section.

    What relates sections to one another has the key "".
    """
    try:
        RunConfig.model_validate(document)
    except ValidationError as error:
        found: dict[str, str] = {}
        for problem in error.errors(include_url=False):
            parts = [str(part) for part in problem["loc"]]
            key = ".".join(part for depth, part in enumerate(parts) if not (part in NAMES and depth))
            known = _known(key, document)
            found.setdefault(known, NAME if known == "name" else problem["msg"].removeprefix("Value error, "))
        return found
    return {}


def read_value(option: Option, text: str) -> Any:
    """Return what someone wrote into the field of a ``text`` or a ``list``; an empty one is null.

    Raises:
        ConfigError: A list that is no YAML.
    """
    if not text.strip():
        return None if option.optional else ([] if option.kind == "list" else "")
    if option.kind == "text":
        return text.strip()
    try:
        value = read_yaml(text, option.key)
    except ConfigError:
        raise ConfigError(f"{option.key}: “{text[:40]}” is no list such as [1, 5]") from None
    return value if isinstance(value, list) else [part.strip() for part in text.split(",")]


def _option(key: str, field: FieldInfo, waits_for: str) -> Option:
    bare, optional = _without_null(field.annotation)
    metadata = list(field.metadata)
    if get_origin(bare) is Annotated:
        bare, *more = get_args(bare)
        metadata += more
    default = None if field.default is PydanticUndefined else field.default
    if isinstance(default, Path | tuple):
        default = str(default) if isinstance(default, Path) else list(default)
    choices = get_args(bare) if get_origin(bare) is Literal else ()
    return Option(
        key=key,
        kind="choice" if choices else _kind(bare),
        default=default,
        required=field.is_required(),
        optional=optional,
        choices=choices,
        help=tr(field.description) if field.description else "",
        bounds=_bounds(metadata),
        waits_for=waits_for,
    )


def _kind(annotation: Any) -> Kind:
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text", Path: "text"}
    return kinds.get(annotation, "list")


def _bounds(metadata: list[Any]) -> str:
    words = {
        annotated_types.Ge: ("ge", mark("from {value:g}")),
        annotated_types.Gt: ("gt", mark("above {value:g}")),
        annotated_types.Le: ("le", mark("to {value:g}")),
        annotated_types.Lt: ("lt", mark("below {value:g}")),
    }
    found = [words[type(each)] for each in metadata if type(each) in words]
    values = [getattr(each, words[type(each)][0]) for each in metadata if type(each) in words]
    return " ".join(tr(text, value=float(value)) for (_, text), value in zip(found, values, strict=True))


def _without_null(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return parts[0], len(parts) < len(get_args(annotation))


def _sections(annotation: Any) -> list[type[Section]]:
    """Return the sections that a field may hold; none where it is an option."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [part for part in parts if isinstance(part, type) and issubclass(part, Section)]


def _name_of(form: type[Section]) -> str:
    return str(get_args(form.model_fields["name"].annotation)[0])


def _titles(named: Mapping[str, type[Section]]) -> str:
    told = {name: form.model_fields["name"].description for name, form in named.items()}
    return "\n".join(f"- {name}: {tr(words) if words else name}" for name, words in told.items())


def _waits_for(name: str, section: type[Section], prefix: str) -> str:
    """Return the weight whose option this is: ``metric`` of ``metric_sampling``."""
    for weight, field in section.model_fields.items():
        if name.startswith(f"{weight}_") and field.annotation is float:
            return prefix + weight
    return ""


def _switches(key: str) -> bool:
    return key in ("model.name", "model.backbone.name")


def _leave_only(document: dict[str, Any], section: str) -> None:
    """Leave of a section whose form was changed what both forms have: its name, and a model's backbone."""
    value = at(document, section)
    kept = {name: value[name] for name in ("name", "backbone") if name in value}
    place(document, section, kept)


def _known(key: str, document: Mapping[str, Any]) -> str:
    """Return the option or the section that a problem is beside: items of lists belong to their option."""
    known = {option.key for option in options_of(document)}
    known |= {key.rpartition(".")[0] for key in known} | {""}
    while key not in known:
        key = key.rpartition(".")[0]
    return key


def write_changes(changes: Mapping[str, Any]) -> str:
    """Return dotted changes as one line of YAML, for an address."""
    return _inline(dict(changes)) if changes else ""


def read_changes(text: str) -> dict[str, Any]:
    """Read what :func:`write_changes` wrote.

    Raises:
        ConfigError: It is anything else, or too long for an address.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"these changes have {len(text)} characters; at most {LONGEST} are read from an address")
    document = read_document(text, "the changes in the address", "and values") if text else {}
    return {str(key): value for key, value in document.items()}


def _inline(value: Any) -> str:
    """Return a value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**9).strip().removesuffix("...").strip()
    )
