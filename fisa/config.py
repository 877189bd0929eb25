"""Frozen, validated configuration: names, shapes and ranges only; unknown keys are errors.

A configuration file is YAML with the four sections of :class:`RunConfig`. Configuration stops at
the builders: layers and losses take plain keyword arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is one clear sentence."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Which data set, and at which side length in pixels the model sees it."""

    name: str = "planted"
    root: Path | None = None
    image_size: PositiveInt = 96
    skip_bad: bool = Field(default=False, description="leave out what is wrong in the data instead of refusing it")
    fold: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="[number from 1, folds] of cross-validation; null: the splits of the data"
    )


class PlainBackboneConfig(_Section):
    """Our small convolutional stack: stride 8, receptive field 29 + 16 * depth px."""

    name: Literal["plain"] = "plain"
    width: PositiveInt = 64
    depth: int = Field(default=1, ge=0, le=8, description="residual 3x3 blocks at the last stride")


class TorchvisionBackboneConfig(_Section):
    """A torchvision network cut after the named module."""

    name: Literal["torchvision"]
    network: str
    stage: str
    weights: str | None = None
    weights_file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> TorchvisionBackboneConfig:
        if self.weights is not None and self.weights_file is not None:
            raise ValueError("weights and weights_file are both given; leave one away")
        return self


class FeaturesBackboneConfig(_Section):
    """No network: feature vectors that were computed elsewhere, each dimension standardised."""

    name: Literal["features"]
    dimensions: PositiveInt


BackboneConfig = Annotated[
    PlainBackboneConfig | TorchvisionBackboneConfig | FeaturesBackboneConfig, Field(discriminator="name")
]


class FisaConfig(_Section):
    """Emotion-wise feature interaction with self-adjustment; see fisa/models/fisa.py for the equations."""

    name: Literal["fisa"] = "fisa"
    backbone: BackboneConfig = PlainBackboneConfig()
    dim: PositiveInt = 64
    heads: int = Field(default=8, ge=0)
    layers: PositiveInt = 1
    semantic_attention: Literal["spatial", "channel", "class_maps", "none"] = "spatial"
    score: Literal["dot", "hadamard"] = "hadamard"
    attention_width: PositiveInt = 32
    projection: Literal["shared", "per_class"] = "shared"
    effect: Literal["mean", "literal", "half", "softmax"] = "mean"
    readout: Literal["joint", "shared", "per_class"] = "per_class"
    output: Literal["sigmoid", "softmax"] = "softmax"
    evidence: bool = True
    null_position: bool = True
    null_logit: float = Field(default=-3.0, description="where the learned null logit starts")

    @model_validator(mode="after")
    def _shapes_fit(self) -> FisaConfig:
        if self.heads and self.dim % self.heads:
            raise ValueError(f"dim {self.dim} must be a multiple of heads {self.heads}")
        spatial = self.semantic_attention in ("spatial", "class_maps")
        if (self.evidence or self.null_position) and not spatial:
            raise ValueError(
                f"evidence and null_position need spatial attention; semantic_attention is "
                f"{self.semantic_attention!r}, so set both to false"
            )
        return self


class CnnConfig(_Section):
    """Backbone, global average pooling, linear."""

    name: Literal["cnn"]
    backbone: BackboneConfig = PlainBackboneConfig()


class CnnMlpConfig(_Section):
    """Backbone, global average pooling, one hidden layer, linear."""

    name: Literal["cnn_mlp"]
    backbone: BackboneConfig = PlainBackboneConfig()
    hidden: PositiveInt = 256


ModelConfig = Annotated[FisaConfig | CnnConfig | CnnMlpConfig, Field(discriminator="name")]


class ObjectiveConfig(_Section):
    """Weights of the loss terms; the draft's a is ``emd: a`` with ``density: 1 - a`` and ``kl: 0``."""

    kl: float = Field(default=1.0, ge=0)
    emd: float = Field(default=0.0, ge=0)
    density: float = Field(default=0.0, ge=0)
    evidence: float = Field(default=0.0, ge=0)
    emd_on: Literal["raw", "normalised"] = "normalised"
    emd_order: Literal["votes", "wheel"] = "votes"
    emd_r: Literal[1, 2] = 2
    circular: bool = False

    @model_validator(mode="after")
    def _something_to_minimise(self) -> ObjectiveConfig:
        if self.kl + self.emd + self.density == 0:
            raise ValueError("at least one of kl, emd and density must be positive")
        return self


class TrainingConfig(_Section):
    """Optimiser, schedule and stopping."""

    seed: int = 0
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 32
    optimizer: Literal["adamw", "adamax", "sgd"] = "adamw"
    lr: PositiveFloat = 2e-3
    weight_decay: float = Field(default=1e-2, ge=0)
    schedule: Literal["onecycle", "cosine", "constant"] = "onecycle"
    patience: PositiveInt | None = Field(default=None, description="epochs without a better validation KL")
    gradient_clip: PositiveFloat = Field(default=1.0, description="largest gradient norm of a step")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="of the training steps; stored weights and the test are float32 always"
    )
    freeze_backbone: bool = Field(default=False, description="keep its weights and normalisation statistics")
    flip: bool = Field(default=True, description="mirror half of the training images")
    shift: int = Field(default=4, ge=0, description="move training images by up to this many pixels")


class RunConfig(_Section):
    """Everything that determines a training run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)
    data: DataConfig = DataConfig()
    model: ModelConfig = FisaConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _terms_have_inputs(self) -> RunConfig:
        tied = isinstance(self.model, FisaConfig) and self.model.evidence
        if self.objective.evidence and not tied:
            raise ValueError("objective.evidence needs a model with evidence: true")
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
    try:
        document = yaml.load(text, _Loader)
    except RecursionError:
        raise ConfigError(f"{source}: not valid YAML (nested too deeply)") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise ConfigError(f"{source}: not valid YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{source}: expected sections name, data, model, objective, training")
    for override in overrides:
        _override(document, override)
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_first_problem(error)}") from None


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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    return parse_config(text, str(path), overrides)


def dump_config(config: RunConfig) -> str:
    """Return the configuration as YAML, every default written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _override(document: dict[str, Any], override: str) -> None:
    path, separator, value = override.partition("=")
    *sections, key = path.split(".")
    if not separator or not key:
        raise ConfigError(f"--set {override}: expected section.key=value")
    place = document
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {override}: {section} is a value, not a section")
    try:
        place[key] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: the value is not valid YAML") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    tags = {"fisa", "cnn", "cnn_mlp", "plain", "torchvision", "features"}
    parts = [str(part) for part in problem["loc"]]
    where = ".".join(part for place, part in enumerate(parts) if not (part in tags and place))
    if problem["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
