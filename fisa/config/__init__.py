"""Frozen, validated configuration: names, shapes and ranges only; unknown keys are errors.

A configuration file is YAML with the sections of :class:`RunConfig`. Configuration stops at
the builders: layers and losses take plain keyword arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, field_validator, model_validator

from fisa.config.base import ConfigError, Section
from fisa.config.models import (
    NAMES,
    BackboneConfig,
    CnnConfig,
    CnnMlpConfig,
    CsrConfig,
    DbcLdlConfig,
    EmotionGcnConfig,
    EwMtcnnConfig,
    FeaturesBackboneConfig,
    FisaConfig,
    JcdlConfig,
    ModelConfig,
    MultimodalSequenceConfig,
    PlainBackboneConfig,
    SentimentMetricConfig,
    SsdlConfig,
    StyleEdlConfig,
    TorchvisionBackboneConfig,
    TwoLevelAttentionConfig,
)
from fisa.config.objective import ObjectiveConfig
from fisa.language import mark

__all__ = [
    "BackboneConfig",
    "CnnConfig",
    "CnnMlpConfig",
    "ConfigError",
    "CsrConfig",
    "DataConfig",
    "DbcLdlConfig",
    "EmotionGcnConfig",
    "EwMtcnnConfig",
    "FeaturesBackboneConfig",
    "FisaConfig",
    "JcdlConfig",
    "ModelConfig",
    "MultimodalSequenceConfig",
    "ObjectiveConfig",
    "PlainBackboneConfig",
    "RunConfig",
    "SentimentMetricConfig",
    "SsdlConfig",
    "StyleEdlConfig",
    "TaskName",
    "TorchvisionBackboneConfig",
    "TrainingConfig",
    "TwoLevelAttentionConfig",
    "difference",
    "dump_config",
    "flat",
    "load_config",
    "parse_config",
    "place",
    "read_document",
    "read_text",
    "read_yaml",
    "validate",
]


AnySection = TypeVar("AnySection", bound=Section)
TaskName = Literal["distribution", "valence_arousal", "sequence"]
"""What a run predicts and is measured on: a row of ``fisa.tasks.TASKS``."""


class DataConfig(Section):
    """Which data set, and at which side length in pixels the model sees it."""

    name: str = "planted"
    root: Path | None = None
    image_size: int = Field(default=96, gt=0, le=2048)
    skip_bad: bool = Field(
        default=False, description=mark("leave out what is wrong in the data instead of refusing it")
    )
    fold: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description=mark("[number from 1, folds] of cross-validation; null: the splits of the data")
    )
    stratify: bool = Field(
        default=True, description=mark("as many of each dominant emotion in every split that is drawn")
    )
    test: str = Field(
        default="test", description=mark("split that a finished run is measured on; the only one it opens")
    )


class TrainingConfig(Section):
    """Optimiser, schedule and stopping."""

    seed: int = Field(default=0, ge=0)
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 32
    optimizer: Literal["adamw", "adamax", "sgd"] = "adamw"
    lr: PositiveFloat = 2e-3
    weight_decay: float = Field(default=1e-2, ge=0)
    schedule: Literal["onecycle", "cosine", "constant"] = "onecycle"
    patience: PositiveInt | None = Field(default=None, description=mark("epochs without a better validation error"))
    keep: Literal["best", "last"] = Field(
        default="best", description=mark("epoch whose weights a run has: best by the validation error, or the last")
    )
    gradient_clip: PositiveFloat = Field(default=1.0, description=mark("largest gradient norm of a step"))
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description=mark("of the training steps; stored weights and the test are float32 always")
    )
    freeze_backbone: bool = Field(default=False, description=mark("keep its weights and normalisation statistics"))
    flip: bool = Field(default=True, description=mark("mirror half of the training images"))
    shift: int = Field(default=4, ge=0, description=mark("move training images by up to this many pixels"))
    per_emotion: int = Field(default=0, ge=0, description=mark("fewest images of each dominant emotion in a batch"))
    shuffle_labels: bool = Field(default=False, description=mark("teach each image the labels of another: a control"))

    @field_validator("seed")
    @classmethod
    def _seeds_every_generator(cls, seed: int) -> int:
        if seed >= 2**32:
            raise ValueError(f"Input should be below {2**32}, the first number that NumPy takes for no seed")
        return seed

    @model_validator(mode="after")
    def _one_rule_ends_it(self) -> TrainingConfig:
        if self.keep == "last" and self.patience is not None:
            raise ValueError("patience waits for a better validation error, which keep: last does not heed; drop one")
        return self


class RunConfig(Section):
    """Everything that determines a training run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)
    task: TaskName = "distribution"
    data: DataConfig = DataConfig()
    model: ModelConfig = FisaConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _task_is_learned(self) -> RunConfig:
        if self.task == "distribution" and not self.objective.learns_emotions:
            raise ValueError("task distribution needs a term that learns emotions, such as objective.kl")
        if self.task == "valence_arousal" and not self.objective.ratings:
            raise ValueError(
                "task valence_arousal needs objective.ratings, as 1, and objective.kl 0 unless emotions are learned too"
            )
        return self

    @model_validator(mode="after")
    def _sequences_are_whole(self) -> RunConfig:
        if (self.task == "sequence") != isinstance(self.model, MultimodalSequenceConfig):
            raise ValueError("task sequence and model multimodal_sequence belong together; set both, or neither")
        if self.objective.needs_steps and self.task != "sequence":
            raise ValueError("objective.vector, fine and closeness need task: sequence; set them to 0")
        images = ("metric", "code_similarity", "code_quantisation", "evidence", "ratings")
        wrong = [f"objective.{name}" for name in images if getattr(self.objective, name)]
        wrong += ["training.per_emotion"] * (self.training.per_emotion > 0)
        if self.task == "sequence" and wrong:
            raise ValueError(f"{wrong[0]} is for single images, and task is sequence; set it to 0")
        return self

    @model_validator(mode="after")
    def _terms_have_inputs(self) -> RunConfig:
        tied = isinstance(self.model, FisaConfig) and self.model.evidence
        if self.objective.evidence and not tied:
            raise ValueError("objective.evidence needs a model with evidence: true")
        if self.objective.metric and self.training.per_emotion < 2:
            raise ValueError(
                "objective.metric needs pairs of one emotion in a batch; set training.per_emotion, as to 8"
            )
        return self


def parse_config(text: str, source: str, overrides: tuple[str, ...] = ()) -> RunConfig:
    """Parse YAML ``text`` and apply ``section.key=value`` overrides (values are YAML too).

    Args:
        text: The YAML document.
        source: Name for error messages, usually the file's path.
        overrides: Such as ``"training.epochs=2"``; dots reach into sections.

    Raises:
        ConfigError: Not YAML, not a mapping, an unknown key, or a value out of range.
    """
    document = read_document(text, source, "name, data, model, objective, training")
    for override in overrides:
        _override(document, override)
    return validate(RunConfig, document, source)


def read_document(text: str, source: str, keys: str) -> dict[str, Any]:
    """Parse YAML ``text`` whose top level is a mapping; ``keys`` says in a message what is expected there.

    Raises:
        ConfigError: It is anything else.
    """
    document = read_yaml(text, source)
    if not isinstance(document, dict):
        raise ConfigError(f"{source}: expected sections {keys}")
    return document


def read_yaml(text: str, source: str) -> Any:
    """Parse YAML ``text``, whatever it holds.

    Raises:
        ConfigError: It is none; begins with ``source``.
    """
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise ConfigError(f"{source}: not valid YAML (nested too deeply)") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise ConfigError(f"{source}: not valid YAML ({str(error).splitlines()[0]})") from None


def validate(section: type[AnySection], document: Mapping[str, Any], source: str) -> AnySection:
    """Return ``document`` as a ``section``, or raise ConfigError for the first thing that is wrong with it."""
    try:
        return section.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_first_problem(error)}") from None


def place(document: dict[str, Any], key: str, value: Any) -> None:
    """Set ``section.key`` of a document, in place.

    Raises:
        ConfigError: On the way stands a value, not a section.
    """
    *sections, last = key.split(".")
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise ConfigError(f"{key}: {section} is a value, not a section")
    document[last] = value


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which let a small file grow beyond all bounds, and without a key that stands twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            names = [str(key.value) for key, _ in node.value]
            twice = next((name for name in names if names.count(name) > 1), names[0])
            raise yaml.YAMLError(f"the key {twice!r} stands twice")
        return mapping


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> RunConfig:
    """Read a configuration file; see :func:`parse_config` for errors."""
    return parse_config(read_text(path), str(path), overrides)


def read_text(path: Path) -> str:
    """Return the text of a file; raise ConfigError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None


def dump_config(config: RunConfig) -> str:
    """Return the configuration as YAML, every default written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def difference(before: RunConfig, after: RunConfig) -> tuple[str, Any, Any] | None:
    """Return the first setting in which two configurations differ, with both its values, or None."""
    one, other = (flat(config.model_dump(mode="json")) for config in (before, after))
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            return key, one.get(key), other.get(key)
    return None


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys."""
    rows: dict[str, Any] = {}
    for key, value in document.items():
        rows |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return rows


def _override(document: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key.rpartition(".")[2]:
        raise ConfigError(f"--set {override}: expected section.key=value")
    try:
        place(document, key, read_yaml(value, key))
    except ConfigError as error:
        raise ConfigError(f"--set {error}") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    parts = [str(part) for part in problem["loc"]]
    where = ".".join(part for depth, part in enumerate(parts) if not (part in NAMES and depth))
    if problem["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
