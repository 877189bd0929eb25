"""The configuration as a form: no option is forgotten, and what a form says is what a file and a command say."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from fisa.config import ConfigError, ObjectiveConfig, RunConfig, dump_config, load_config, parse_config
from fisa.config.form import (
    Option,
    at,
    changed,
    differences_from,
    options_of,
    overrides_between,
    problems_of,
    read_changes,
    read_value,
    write_changes,
)
from fisa.config.models import BackboneConfig, ModelConfig

ROOT = Path(__file__).parent.parent
FISA = load_config(ROOT / "configs" / "fisa.yaml").model_dump(mode="json")
MODELS = [get_args(form.model_fields["name"].annotation)[0] for form in get_args(get_args(ModelConfig)[0])]
BACKBONES = [get_args(form.model_fields["name"].annotation)[0] for form in get_args(get_args(BackboneConfig)[0])]


def leaves(section: BaseModel, prefix: str = "") -> Iterator[str]:
    """Every key of a configuration, by walking its values instead of its schema."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        yield from leaves(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else [prefix + name]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("model", MODELS)
def test_every_option_of_every_model_has_a_field(model: str, backbone: str) -> None:
    needed = {"torchvision": {"network": "resnet18", "stage": "layer1"}, "features": {"dimensions": 8}}
    document = {
        "name": "x",
        "model": {"name": model, "backbone": {"name": backbone, **needed.get(backbone, {})}},
        **({"task": "sequence"} if model == "multimodal_sequence" else {}),
    }
    found = [option.key for option in options_of(document)]
    assert sorted(found) == sorted(leaves(RunConfig.model_validate(document)))


def test_an_option_that_is_added_has_its_field() -> None:
    class Extended(ObjectiveConfig):
        emd_novel: float | None = None

    (option,) = [option for option in options_of({}, Extended, "objective.") if option.key.endswith("novel")]
    assert option == Option("objective.emd_novel", "number", None, optional=True, waits_for="objective.emd")


def test_what_a_field_shows_is_read_off_the_sections() -> None:
    options = {option.key: option for option in options_of(FISA)}
    assert options["training.lr"] == Option("training.lr", "number", 2e-3, bounds="above 0")
    assert options["model.backbone.depth"].bounds == "from 0 to 8"
    assert options["model.effect"].choices == ("mean", "separate", "literal", "half", "softmax")
    assert options["training.patience"].optional and options["training.patience"].kind == "whole"
    assert options["data.fold"].kind == "list" and options["training.flip"].kind == "switch"
    assert options["name"].required and options["objective.metric_sampling"].waits_for == "objective.metric"
    assert "- cnn: Backbone, global average pooling, linear." in options["model.name"].help
    assert options["training.patience"].help == "epochs without a better validation error"


def test_another_model_brings_its_own_options_and_keeps_the_backbone() -> None:
    document = changed(FISA, {"model.name": "cnn_mlp", "model.hidden": 32, "model.heads": 4, "objective.evidence": 0.0})
    backbone = {"name": "plain", "width": 96, "depth": 1, "fine": False}
    assert document["model"] == {"name": "cnn_mlp", "backbone": backbone, "hidden": 32}  # heads are fisa's
    assert RunConfig.model_validate(document).model.name == "cnn_mlp"
    assert FISA["model"]["name"] == "fisa"
    found = differences_from(FISA, document)
    assert found["model.hidden"] == (None, 32) and found["objective.evidence"] == (1.0, 0.0)
    assert "model.heads" not in found and "model.backbone.width" not in found


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"training.epochs": 0}, "training.epochs", "Input should be greater than 0"),
        ({"training.lr": "fast"}, "training.lr", "valid number"),
        ({"name": "../up"}, "name", "a name has small letters"),
        ({"data.fold": [1, 2, 3]}, "data.fold", "at most 2 items"),
        ({"data.fold": [0, 5]}, "data.fold", "greater than 0"),  # an item belongs to its option
        ({"model.heads": 7}, "model", "dim 64 must be a multiple of heads 7"),
        ({"model.backbone.name": "torchvision"}, "model.backbone.network", "Field required"),
        ({"model.name": "gpt"}, "model", "does not match any of the expected tags"),
        ({"objective.kl": 0.0}, "objective", "at least one of kl"),
        ({"objective.metric": 1.0}, "", "objective.metric needs pairs of one emotion in a batch"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(changes: dict[str, Any], key: str, sentence: str) -> None:
    problems = problems_of(changed(FISA, changes))
    assert sentence in problems[key]


def test_every_wrong_field_is_said_at_once_and_a_right_form_says_nothing() -> None:
    assert problems_of(FISA) == {}
    wrong = {"training.epochs": -1, "training.lr": 0, "model.dim": 0, "data.image_size": 0}
    assert problems_of(changed(FISA, wrong)).keys() == wrong.keys()


def test_what_is_typed_into_a_text_is_read() -> None:
    fold = Option("data.fold", "list", None, optional=True)
    series = Option("model.series", "list", [])
    assert read_value(fold, "[1, 5]") == [1, 5] and read_value(fold, " ") is None
    assert read_value(series, "heart, skin") == ["heart", "skin"] and read_value(series, "") == []
    assert read_value(Option("data.root", "text", None, optional=True), " ~/data ") == "~/data"
    with pytest.raises(ConfigError, match=r"data\.fold: “\[1, 5” is no list such as \[1, 5\]"):
        read_value(fold, "[1, 5")
    for text in ("2024-13-45", "[" * 5000, "&a [*a]"):
        with pytest.raises(ConfigError, match="is no list"):
            read_value(fold, text)


@pytest.mark.parametrize("text", ["[1]", "a: b: c", "x: &a [1]\ny: *a", "x" * 5000, "{name: a, name: b}"])
def test_changes_in_an_address_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_changes(text)


def values_of(option: Option) -> st.SearchStrategy[Any]:
    """What a person may set in the field of an option."""
    kinds: Mapping[str, st.SearchStrategy[Any]] = {
        "choice": st.sampled_from(option.choices or ("",)),
        "switch": st.booleans(),
        "whole": st.integers(-2, 300),
        "number": st.floats(-2, 50, allow_nan=False),
        "text": st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12),
        "list": st.lists(st.integers(1, 5), min_size=2, max_size=2),
    }
    return st.none() | kinds[option.kind] if option.optional else kinds[option.kind]


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """Changes such as several fields make, the model first."""
    changes: dict[str, Any] = {}
    if draw(st.booleans()):
        changes["model.name"] = draw(st.sampled_from(MODELS))
    if draw(st.booleans()):
        changes["model.backbone.name"] = draw(st.sampled_from(BACKBONES))
    options = [option for option in options_of(changed(FISA, changes)) if option.key not in changes]
    for option in draw(st.lists(st.sampled_from(options), max_size=6, unique_by=lambda option: option.key)):
        if not option.key.endswith(".name"):
            changes[option.key] = draw(values_of(option))
    return changes


@given(forms())
@settings(max_examples=150)
def test_form_address_file_and_command_say_the_same(changes: dict[str, Any]) -> None:
    assert read_changes(write_changes(changes)) == changes
    document = changed(FISA, changes)
    problems = problems_of(document)
    overrides = tuple(shlex.split(shlex.join(overrides_between(FISA, document))))
    base = (ROOT / "configs" / "fisa.yaml").read_text()
    if problems:
        with pytest.raises(ConfigError):
            parse_config(base, "fisa.yaml", overrides)
        return
    config = RunConfig.model_validate(document)
    assert parse_config(dump_config(config), "download") == config
    assert parse_config(base, "fisa.yaml", overrides) == config
    assert all(at(document, key) == value for key, value in changes.items() if key in differences_from(FISA, document))


def test_the_yaml_of_a_form_is_whole() -> None:
    document = changed(FISA, {"training.lr": 1e-5})
    assert yaml.safe_load(dump_config(RunConfig.model_validate(document))) == document
