"""Emotions of the steps of a sequence, from frames, text, speech and external series, each of which may be missing.

Source: an anonymous description in Chinese of a ResNet and LSTM system, known to us from the project's seeds alone; no
paper, data or code belongs to it. With x_m the encoding of modality m at step t,

    x_m = map_m(backbone_m(input_m))    or a learned vector where the modality is missing
    h   = LSTM_features([x_frames, x_text, x_speech])
    c   = LSTM_context([h, x_series_1, x_series_2, ..., time since the step before])
    f   = softplus(A [h, c] + a)                                 the emotion vector, C numbers, none negative
    p(y | f) = p(y) exp(theta_y^T f) / sum                       stage one; p(y) from the training targets
    p(y, arrival | f, c) = softmax(B [f, c] + b)                 stage two: fine labels, in context

x of a series is the state of a recurrent network of its own over (value, time since the event before), after the last
event at or before the step, and the time since that event. All is causal: no step sees a later one.

The source says: modalities mapped to one size by convolutions; an RNN for the external series, joined with time stamps
to a context; two LSTM units, for features and for context, with several layers of 256; controlled initial parameters;
emotion vectors, not negative, at a small Euclidean distance to the true ones and close between emotions; a
maximum-entropy classifier of steps, then a fine-grained one with context. Ours is what fills its gaps: what the two
LSTMs read, softplus, the truth as the vector to come close to, and how an emotion came about as the fine label. Its
backbone is ResNet-101 for all modalities; here any backbone for frames, and vectors that were made elsewhere for the
others. That emotions' vectors be close to one another works against telling them apart: ``objective.closeness``, 0 by
default; ``fisa.sequence_measures.separation`` says what is left of their distances.

Shapes: B sequences, T steps, L events, C emotions, P frames or vectors that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fisa.config import ModelConfig, MultimodalSequenceConfig
from fisa.datasets.sequences import SequenceSet
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone, FeaturesBackbone
from fisa.models.heads import distribution_of
from fisa.models.output import ModelOutput
from fisa.models.system import System
from fisa.sequence_measures import ARRIVALS

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}

THETA = 5.0
"""Where theta begins, times the identity: a vector equal to the truth then predicts about the truth. At the source's
learning rate theta would take long to grow there."""

SMALLEST_PRIOR = 1e-3
"""An emotion that no training step shows would never be predicted with a prior of 0."""


class StepEncoder(nn.Module):
    """What there is of a modality to one vector a step; where it is missing, a learned one.

    Only what is there goes through the backbone: what is missing bears on no number, its normalisation included.

    Args:
        backbone: Frames, or vectors, to feature maps.
        size: Width of the vector.
    """

    def __init__(self, backbone: Backbone, size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.map = nn.Conv2d(backbone.channels, size, 1)
        self.absent = nn.Parameter(torch.zeros(size))

    def forward(self, inputs: Tensor, present: Tensor) -> Tensor:
        """Map inputs [P, ...], those of the steps where ``present`` [B, T] is true in order, to [B, T, size]."""
        rows = inputs if len(inputs) else inputs.new_zeros(1, *inputs.shape[1:])
        with nullcontext() if len(inputs) else _keeping_statistics(self.backbone):
            found = F.relu(self.map(self.backbone(rows))).mean((2, 3))
        # Without inputs the parameters stay in the graph with a gradient of 0, as processes that share a batch need.
        filled = found.new_zeros(*present.shape, found.shape[1]) + 0 * found.sum()
        filled[present] = found[: len(inputs)]
        return torch.where(present.unsqueeze(-1), filled, self.absent)


@contextmanager
def _keeping_statistics(backbone: nn.Module) -> Iterator[None]:
    """Let a row that stands for none pass a backbone without its normalisation following it.

    Where processes take their statistics together (SyncBatchNorm), all wait for each: there it has to take part.
    """
    training = backbone.training
    if not any(isinstance(layer, nn.SyncBatchNorm) for layer in backbone.modules()):
        backbone.eval()
    try:
        yield
    finally:
        backbone.train(training)


class SeriesEncoder(nn.Module):
    """An external series, observed at times of its own, to one vector a step.

    Args:
        cell: Kind of recurrent network.
        width: Of its state.
        size: Width of the vector.
    """

    def __init__(self, cell: Literal["gru", "lstm", "rnn"], width: int, size: int) -> None:
        super().__init__()
        self.scale = FeaturesBackbone(1)
        self.rnn = CELLS[cell](2, width, batch_first=True)
        self.map = nn.Linear(width + 1, size)
        self.absent = nn.Parameter(torch.zeros(size))

    def forward(self, events: Tensor, present: Tensor, time: Tensor) -> Tensor:
        """Encode events.

        Args:
            events: (time, value), [B, L, 2]; those that there are come first.
            present: [B, L].
            time: Of the steps, [B, T].

        Returns:
            [B, T, size].
        """
        values = torch.zeros_like(events[..., 1])
        if present.any():
            values[present] = self.scale(events[..., 1][present].unsqueeze(1)).flatten().to(values.dtype)
        times = events[..., 0].masked_fill(~present, 0)
        gaps = F.pad(times.diff(dim=1), (1, 0)).clamp_min(0).log1p()
        states = self.rnn(torch.stack([values, gaps], dim=-1))[0]
        count = ((times.unsqueeze(1) <= time.unsqueeze(2)) & present.unsqueeze(1)).sum(2)  # [B, T]
        last = (count - 1).clamp_min(0)
        state = states.gather(1, last.unsqueeze(-1).expand(-1, -1, states.shape[2]))
        since = (time - times.gather(1, last)).clamp_min(0).log1p()
        found = F.relu(self.map(torch.cat([state, since.unsqueeze(-1).to(state.dtype)], dim=-1)))
        return torch.where((count > 0).unsqueeze(-1), found, self.absent)


class MultimodalSequence(System):
    """See the module.

    Args:
        config: Which modalities, and widths.
        space: The C labels.
        backbone: For frames.
    """

    prior: Tensor

    def __init__(self, config: MultimodalSequenceConfig, space: EmotionSpace, backbone: Backbone) -> None:
        super().__init__()
        classes, width = len(space), config.width
        vectors = {"text": config.text, "speech": config.speech}
        self.encoders = nn.ModuleDict({"frames": StepEncoder(backbone, config.size)} if config.frames else {})
        for name, dimensions in vectors.items():
            if dimensions:
                self.encoders[name] = StepEncoder(FeaturesBackbone(dimensions), config.size)
        self.names = config.series
        self.series = nn.ModuleList(
            SeriesEncoder(config.series_cell, config.series_width, config.size) for _ in config.series
        )
        between = config.dropout if config.layers > 1 else 0.0
        options = {"num_layers": config.layers, "dropout": between, "batch_first": True}
        read = len(self.encoders) * config.size
        self.features = nn.LSTM(read, width, **options) if read else None
        self.context = nn.LSTM((width if read else 0) + len(config.series) * config.size + 1, width, **options)
        self.dropout = nn.Dropout(config.dropout)
        self.vector = nn.Linear((2 if read else 1) * width, classes)
        self.activation = F.softplus if config.vector == "softplus" else F.relu
        self.theta = nn.Linear(classes, classes, bias=False)
        self.theta.weight.data.copy_(THETA * torch.eye(classes))
        self.fine = nn.Linear(classes + width, classes * len(ARRIVALS))
        self.register_buffer("prior", torch.full((classes,), 1 / classes))
        for lstm in (self.features, self.context):
            if lstm is not None:
                control(lstm)

    @property
    def backbone(self) -> Backbone:  # type: ignore[override]
        """The one for frames; a network without weights where frames are not read."""
        encoder = self.encoders["frames"] if "frames" in self.encoders else next(iter(self.encoders.values()), None)
        found = self.series[0].scale if encoder is None else encoder.backbone
        assert isinstance(found, Backbone)
        return found

    def fit_labels(self, target: np.ndarray) -> None:
        """Take the prior p(y) from the targets of the training steps, [M, C]."""
        prior = torch.as_tensor(target.mean(0), dtype=torch.float32).clamp_min(SMALLEST_PRIOR)
        self.prior.copy_(prior / prior.sum())

    def forward(self, inputs: Mapping[str, Tensor], explain: bool = True) -> ModelOutput:  # type: ignore[override]
        """Predict every step of a batch.

        Args:
            inputs: See ``fisa.models.inputs.as_tensor``.
            explain: Of no consequence.

        Returns:
            All [B, T, ...], also steps beyond a sequence's end, which say nothing. ``features`` are c; ``extras`` hold
            ``vector`` f [B, T, C] and ``fine`` the logits of stage two [B, T, 3 C].
        """
        time = inputs["time"]
        encoded = [encoder(inputs[name], inputs[f"{name}?"]) for name, encoder in self.encoders.items()]
        beside = [
            encoder(inputs[f"series/{name}"], inputs[f"series/{name}?"], time)
            for name, encoder in zip(self.names, self.series, strict=True)
        ]
        told = [self.features(self.dropout(torch.cat(encoded, dim=-1)))[0]] if self.features is not None else []
        gap = F.pad(time.diff(dim=1), (1, 0)).clamp_min(0).log1p().unsqueeze(-1)
        context = self.context(torch.cat([*told, *beside, gap], dim=-1))[0]
        vector = self.activation(self.vector(self.dropout(torch.cat([*told, context], dim=-1))))
        logits = self.prior.log() + self.theta(vector)
        fine = self.fine(torch.cat([vector, self.dropout(context)], dim=-1))
        distribution = distribution_of(logits)
        return ModelOutput(
            logits=logits,
            distribution=distribution,
            raw=distribution,
            features=context,
            extras={"vector": vector, "fine": fine},
        )


def control(lstm: nn.LSTM) -> None:
    """Begin with orthogonal recurrent weights and open forget gates, against vanishing and exploding gradients."""
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_hh"):
            for gate in parameter.data.chunk(4):
                nn.init.orthogonal_(gate)
        elif name.startswith("bias"):
            parameter.data.zero_()
            if name.startswith("bias_ih"):
                parameter.data[lstm.hidden_size : 2 * lstm.hidden_size] = 1  # of input, forget, cell and output gate


def build_multimodal_sequence(
    config: MultimodalSequenceConfig, space: EmotionSpace, backbone: Backbone
) -> MultimodalSequence:
    """Build the system from its configuration."""
    return MultimodalSequence(config, space, backbone)


@dataclass(frozen=True)
class Lack:
    """What the system is to read and data do not have: what it wants, what there is, and the option that mends it."""

    wanted: str
    found: str
    mend: str


def what_lacks(config: ModelConfig, dataset: SequenceSet) -> list[Lack]:
    """Return what the configured system is to read and ``dataset`` does not have; for another system, nothing."""
    if not isinstance(config, MultimodalSequenceConfig):
        return []
    found = [Lack("frames", "none", "model.frames: false")] if config.frames and dataset.frames is None else []
    for name, count in (("text", config.text), ("speech", config.speech)):
        there = dataset.vectors[name].values.shape[1] if name in dataset.vectors else 0
        if count and count != there:
            has = f"vectors of {there}" if there else "none"
            found.append(Lack(f"{name} vectors of {count} numbers", has, f"model.{name}: {there}"))
    names = ", ".join(dataset.series)
    for name in config.series:
        if name not in dataset.series:
            found.append(Lack(f"the series {name}", names or "none", f"model.series: [{names}]"))
    return found
