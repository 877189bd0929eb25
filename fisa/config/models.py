"""The section ``model``: one class for each row of ``fisa.models.MODELS``, and the backbones below them.

What an option means, and what of it is unknown in its source, stands in docs/methods.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fisa.config.base import Section
from fisa.language import mark

Probability = Annotated[float, Field(ge=0, lt=1)]
Members = Field(default=1, ge=1, le=32, description=mark("copies behind one backbone, whose geometric mean predicts"))


class PlainBackboneConfig(Section):
    """Options of ``plain``."""

    name: Literal["plain"] = Field(
        default="plain",
        description=mark("Our small convolutional stack: stride 8, receptive field 29 + 16 * depth px."),
    )
    width: PositiveInt = 64
    depth: int = Field(default=1, ge=0, le=8, description=mark("residual 3x3 blocks at the last stride"))
    fine: bool = Field(default=False, description=mark("enlarge the last map and add what precedes the last stride"))


class TorchvisionBackboneConfig(Section):
    """Options of ``torchvision``."""

    name: Literal["torchvision"] = Field(description=mark("A torchvision network cut after the named module."))
    network: str
    stage: str
    stages: tuple[str, ...] = Field(
        default=(), description=mark("modules before it that systems with several maps read")
    )
    weights: str | None = None
    weights_file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> TorchvisionBackboneConfig:
        if self.weights is not None and self.weights_file is not None:
            raise ValueError("weights and weights_file are both given; leave one away")
        return self


class FeaturesBackboneConfig(Section):
    """Options of ``features``."""

    name: Literal["features"] = Field(
        description=mark("No network: feature vectors that were computed elsewhere, each dimension standardised.")
    )
    dimensions: PositiveInt
    dropout: Probability = Field(default=0.0, description=mark("share of the numbers left out in training"))
    components: int = Field(
        default=0,
        ge=0,
        description=mark(
            "how many of the dimensions, the last, are principal components, whose spreads stay in proportion"
        ),
    )

    @model_validator(mode="after")
    def _components_are_dimensions(self) -> FeaturesBackboneConfig:
        if self.components > self.dimensions:
            raise ValueError(f"components {self.components} are more than all {self.dimensions} dimensions")
        return self


BackboneConfig = Annotated[
    PlainBackboneConfig | TorchvisionBackboneConfig | FeaturesBackboneConfig, Field(discriminator="name")
]


class FisaConfig(Section):
    """See fisa/models/fisa.py for the equations."""

    name: Literal["fisa"] = Field(
        default="fisa", description=mark("Emotion-wise feature interaction with self-adjustment")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    dim: PositiveInt = 64
    heads: int = Field(default=8, ge=0)
    layers: PositiveInt = 1
    semantic_attention: Literal["spatial", "channel", "class_maps", "none"] = "spatial"
    score: Literal["dot", "hadamard"] = "hadamard"
    attention_width: PositiveInt = 32
    label_embedding: Literal["learned", "file", "words", "sentences"] = "learned"
    label_vectors_file: Path | None = Field(default=None, description=mark("words with their vectors, a line each"))
    label_dimensions: PositiveInt | None = Field(default=None, description=mark("numbers of a vector in that file"))
    label_vectors_trained: bool = Field(default=False, description=mark("whether training changes these vectors"))
    projection: Literal["shared", "per_class"] = "shared"
    normalised: bool = Field(
        default=False, description=mark("layer normalisation of the attended mean before its projection")
    )
    second_order: int = Field(
        default=0, ge=0, le=128, description=mark("channels whose products a class feature has, too; 0 for none")
    )
    effect: Literal["mean", "separate", "literal", "half", "softmax"] = "mean"
    readout: Literal["joint", "shared", "per_class"] = "per_class"
    output: Literal["sigmoid", "softmax"] = "softmax"
    evidence: bool = True
    null_position: bool = True
    null_logit: float = Field(default=-3.0, description=mark("where the learned null logit starts"))
    null_trained: bool = Field(default=True, description=mark("whether training moves it"))
    null_slope: PositiveFloat = Field(
        default=1.0, description=mark("how sharply evidence decides between null and places")
    )
    latent: PositiveInt = Field(default=8, description=mark("features without a name, where no emotions are learned"))
    members: int = Members

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
        if (self.normalised or self.second_order) and not spatial:
            raise ValueError(
                f"normalised and second_order need spatial attention; semantic_attention is "
                f"{self.semantic_attention!r}, so set them to false and 0"
            )
        return self

    @model_validator(mode="after")
    def _members_can_be_averaged(self) -> FisaConfig:
        if self.members > 1 and self.output != "softmax":
            raise ValueError(f"members need output 'softmax', whose logits have a mean; output is {self.output!r}")
        return self

    @model_validator(mode="after")
    def _vectors_are_named(self) -> FisaConfig:
        named = (self.label_vectors_file is not None, self.label_dimensions is not None)
        if self.label_embedding == "file" and not all(named):
            raise ValueError("label_embedding 'file' needs label_vectors_file and label_dimensions; name both")
        if self.label_embedding != "file" and any(named):
            raise ValueError("label_vectors_file and label_dimensions need label_embedding 'file'; set it")
        if self.label_embedding == "learned" and self.label_vectors_trained:
            raise ValueError("label_vectors_trained needs label_embedding 'file', 'words' or 'sentences'; set one")
        if self.label_embedding != "learned" and self.semantic_attention in ("class_maps", "none"):
            raise ValueError(
                f"semantic_attention {self.semantic_attention!r} has no label embedding; leave label_embedding away"
            )
        return self


class CnnConfig(Section):
    """Options of ``cnn``."""

    name: Literal["cnn"] = Field(description=mark("Backbone, global average pooling, linear."))
    backbone: BackboneConfig = PlainBackboneConfig()


class CnnMlpConfig(Section):
    """Options of ``cnn_mlp``."""

    name: Literal["cnn_mlp"] = Field(description=mark("Backbone, global average pooling, one hidden layer, linear."))
    backbone: BackboneConfig = PlainBackboneConfig()
    hidden: PositiveInt = 256
    members: int = Members


class EwMtcnnConfig(Section):
    """See fisa/models/ew_mtcnn.py."""

    name: Literal["ew_mtcnn"] = Field(
        description=mark("Backbone, pooling, linear, and a prior layer between the emotions")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    prior: Literal["wheel", "eye", "rand", "corr", "none", "wheel_attention"] = "wheel"
    sigma: PositiveFloat = Field(default=0.6, description=mark("width of the wheel prior, in steps"))
    attention_width: PositiveInt = Field(default=16, description=mark("of queries and keys of wheel_attention"))
    trained: bool = Field(default=False, description=mark("whether training changes the prior"))
    confound: bool = Field(default=False, description=mark("ReLU and dropout between logits and prior"))
    dropout: Probability = Field(default=0.5, description=mark("that of the confound"))


class SentimentMetricConfig(Section):
    """See fisa/models/sentiment_metric.py."""

    name: Literal["sentiment_metric"] = Field(description=mark("Backbone and linear beside a vector of Gram matrices"))
    backbone: BackboneConfig = PlainBackboneConfig()
    gram_width: PositiveInt = Field(default=16, description=mark("channels of each stage after its 1x1 convolution"))
    embedding: Literal["sentiment_vector", "pooled", "logits"] = "sentiment_vector"


class JcdlConfig(Section):
    """See fisa/models/jcdl.py."""

    name: Literal["jcdl"] = Field(description=mark("Backbone, pooling, hidden layers with dropout, linear"))
    backbone: BackboneConfig = PlainBackboneConfig()
    hidden: PositiveInt = 256
    hidden_layers: int = Field(default=2, ge=0, le=8)
    dropout: Probability = 0.5


class SsdlConfig(Section):
    """See fisa/models/ssdl.py."""

    name: Literal["ssdl"] = Field(description=mark("The network of jcdl; what is its own lies in the objective"))
    backbone: BackboneConfig = PlainBackboneConfig()
    hidden: PositiveInt = 256
    hidden_layers: int = Field(default=2, ge=0, le=8)
    dropout: Probability = 0.5


class CsrConfig(Section):
    """See fisa/models/csr.py."""

    name: Literal["csr"] = Field(description=mark("Backbone, pooling, dropout, linear, and the emotion circle"))
    backbone: BackboneConfig = PlainBackboneConfig()
    dropout: Probability = 0.5


class EmotionGcnConfig(Section):
    """See fisa/models/emotion_gcn.py."""

    name: Literal["emotion_gcn"] = Field(
        description=mark("Classifiers made from label embeddings by convolution over a graph")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    graph: Literal["data", "wheel"] = "data"
    sigma: PositiveFloat = Field(default=1.0, description=mark("width of the wheel graph, in steps"))
    threshold: Probability = Field(
        default=0.4, description=mark("co-occurrences below it are no edge of the data graph")
    )
    neighbours: float = Field(
        default=0.2, gt=0, lt=1, description=mark("share of an emotion's row that goes to others")
    )
    embedding: PositiveInt = Field(default=64, description=mark("width of a label embedding"))
    hidden: PositiveInt = 128
    pool: Literal["mean", "max"] = "mean"


class StyleEdlConfig(Section):
    """See fisa/models/style_edl.py."""

    name: Literal["style_edl"] = Field(
        description=mark("Attention of several orders, Gram matrices and a graph drawn for each image")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    gram_width: PositiveInt = 16
    style_width: PositiveInt = 32
    orders: int = Field(default=2, ge=1, le=8, description=mark("branches of attention, the i-th of order i"))
    grid: PositiveInt = Field(default=6, description=mark("side of the class maps that the graph convolution reads"))
    maximum: float = Field(default=0.6, ge=0, description=mark("weight of a class map's maximum beside its mean"))
    mixture: float = Field(default=0.6, ge=0, le=1, description=mark("share of the branches; the rest is the graph's"))


class DbcLdlConfig(Section):
    """See fisa/models/dbc_ldl.py."""

    name: Literal["dbc_ldl"] = Field(description=mark("Binary codes and the nearest ones of a memory"))
    backbone: BackboneConfig = PlainBackboneConfig()
    bits: PositiveInt = 64
    neighbours: PositiveInt = Field(
        default=20, description=mark("nearest training images, whose distributions are averaged")
    )
    memory: PositiveInt = Field(default=4096, description=mark("training images to remember, at most"))


class TwoLevelAttentionConfig(Section):
    """See fisa/models/two_level_attention.py."""

    name: Literal["two_level_attention"] = Field(
        description=mark("Residual attention in each stage, then attention over the stages")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    first_level: bool = Field(default=True, description=mark("a soft mask in each stage"))
    pools: int = Field(default=2, ge=0, le=6, description=mark("times that the mask branch halves its map"))
    mask_width: PositiveInt = Field(default=32, description=mark("channels of the mask branch"))
    width: PositiveInt = Field(default=64, description=mark("channels of each stage after its 1x1 convolution"))
    second_level: Literal["attention", "rnn", "none"] = "attention"
    cell: Literal["rnn", "gru", "lstm"] = "gru"
    hidden: PositiveInt = Field(default=64, description=mark("state of the RNN in each direction"))
    multi_task: Literal["joint", "separate", "two_stage"] = "joint"


class MultimodalSequenceConfig(Section):
    """See fisa/models/multimodal_sequence.py."""

    name: Literal["multimodal_sequence"] = Field(
        description=mark("Two LSTMs over frames, text, speech and external series")
    )
    backbone: BackboneConfig = PlainBackboneConfig()
    frames: bool = Field(default=True, description=mark("whether pictures of the steps are read"))
    text: int = Field(default=0, ge=0, description=mark("numbers in a text vector; 0: none is read"))
    speech: int = Field(default=0, ge=0, description=mark("numbers in a speech vector; 0: none is read"))
    series: tuple[str, ...] = Field(default=(), description=mark("external series that are read, by name"))
    size: PositiveInt = Field(default=64, description=mark("to which every modality is mapped"))
    layers: PositiveInt = Field(default=2, description=mark("of each of the two LSTMs"))
    width: PositiveInt = Field(default=256, description=mark("of each of their layers"))
    series_width: PositiveInt = 32
    series_cell: Literal["gru", "lstm", "rnn"] = "gru"
    vector: Literal["softplus", "relu"] = "softplus"
    dropout: Probability = 0.5

    @model_validator(mode="after")
    def _something_to_read(self) -> MultimodalSequenceConfig:
        if not (self.frames or self.text or self.speech or self.series):
            raise ValueError("frames, text, speech and series are all left out; read at least one of them")
        if len(set(self.series)) < len(self.series):
            raise ValueError("a series is named twice")
        return self


ModelConfig = Annotated[
    FisaConfig
    | CnnConfig
    | CnnMlpConfig
    | EwMtcnnConfig
    | SentimentMetricConfig
    | JcdlConfig
    | SsdlConfig
    | CsrConfig
    | EmotionGcnConfig
    | StyleEdlConfig
    | DbcLdlConfig
    | TwoLevelAttentionConfig
    | MultimodalSequenceConfig,
    Field(discriminator="name"),
]

NAMES = frozenset(
    get_args(section.model_fields["name"].annotation)[0]
    for union in (ModelConfig, BackboneConfig)
    for section in get_args(get_args(union)[0])
)
"""Every value of ``model.name`` and ``model.backbone.name``."""
