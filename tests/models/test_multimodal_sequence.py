"""The multimodal sequence system: an instance by hand, gradients, what is missing, ablations, and what it can learn."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fisa.config import CnnConfig, ConfigError, MultimodalSequenceConfig, ObjectiveConfig, parse_config
from fisa.datasets.planted.sequences import open_planted_sequences
from fisa.datasets.sequences import sequence_inputs
from fisa.emotions import MIKELS8, POLARITY3
from fisa.models import ModelOutput, build_model
from fisa.models.backbones import FeaturesBackbone
from fisa.models.inputs import as_tensors
from fisa.models.multimodal_sequence import MultimodalSequence, SeriesEncoder, StepEncoder, what_lacks
from fisa.objectives import build_objective
from fisa.objectives.sequence import vector_closeness

B, T, L, SIDE = 3, 5, 4, 16
ALL = {"frames": True, "text": 4, "speech": 3, "series": ("weather", "market")}


def build(**options: object) -> MultimodalSequence:
    torch.manual_seed(0)
    plain = {"name": "plain", "width": 8, "depth": 0}
    config = {"name": "multimodal_sequence", "backbone": plain, "size": 6, "width": 7, "layers": 1, "series_width": 5}
    model = build_model(MultimodalSequenceConfig.model_validate({**config, **ALL, **options}), MIKELS8)
    assert isinstance(model, MultimodalSequence)
    return model


def batch(seed: int = 0) -> dict[str, Tensor]:
    """Three sequences of five steps; some of everything is missing."""
    torch.manual_seed(seed)
    there = {name: torch.rand(B, T) < 0.6 for name in ("frames", "text", "speech")}
    inputs = {f"{name}?": present for name, present in there.items()}
    inputs |= {"time": torch.arange(T).float().expand(B, T).contiguous()}
    inputs["frames"] = torch.randn(int(there["frames"].sum()), 3, SIDE, SIDE)
    inputs["text"] = torch.randn(int(there["text"].sum()), 4)
    inputs["speech"] = torch.randn(int(there["speech"].sum()), 3)
    for name in ALL["series"]:
        inputs[f"series/{name}"] = torch.stack([torch.rand(B, L).cumsum(1) - 0.5, torch.randn(B, L)], dim=2)
        inputs[f"series/{name}?"] = torch.arange(L) < torch.tensor([[L], [2], [0]])
    return inputs


def test_a_batch_without_frames_moves_no_statistics() -> None:
    model, inputs = build().train(), batch()
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    inputs["frames"], inputs["frames?"] = torch.zeros(0, 3, SIDE, SIDE), torch.zeros(B, T, dtype=torch.bool)
    output = model(inputs)
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    output.distribution.sum().backward()
    assert all(parameter.grad is not None for parameter in model.backbone.parameters())
    assert model.backbone.training


def test_stages_by_hand() -> None:
    # Text alone, one number, one LSTM layer of one unit; all weights are set, so the whole step is scalar arithmetic.
    config = MultimodalSequenceConfig(
        name="multimodal_sequence", frames=False, text=1, size=1, width=1, layers=1, dropout=0.0
    )
    model = build_model(config, POLARITY3).eval()
    assert isinstance(model, MultimodalSequence) and model.features is not None
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.5)
        model.prior.copy_(torch.tensor([0.5, 0.25, 0.25]))
        model.encoders["text"].backbone.scale.eps = 0.0  # running mean 0 and variance 1: the identity
        model.theta.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 0]]))
    inputs = {"time": torch.zeros(1, 1), "text": torch.tensor([[1.0]]), "text?": torch.tensor([[True]])}
    output = model(inputs)

    def sigma(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    def lstm(x: float) -> float:  # first step: state 0; every gate sees x + two biases of .5, weights .5
        gate = 0.5 * x + 1.0
        return sigma(gate) * math.tanh(sigma(gate) * math.tanh(gate))

    x = 0.5 * 1 + 0.5  # relu(map)
    h = lstm(x)
    c = lstm(h)  # the context reads [h, gap = 0]
    f = math.log(1 + math.exp(0.5 * (h + c) + 0.5))
    weights = [0.5 * math.exp(f), 0.25 * math.exp(2 * f), 0.25]
    np.testing.assert_allclose(output.extras["vector"][0, 0].detach(), [f] * 3, rtol=1e-5)
    np.testing.assert_allclose(output.distribution[0, 0].detach(), np.array(weights) / sum(weights), rtol=1e-5)
    np.testing.assert_allclose(output.extras["fine"][0, 0].detach(), [0.5 * (3 * f + c) + 0.5] * 9, rtol=1e-5)


def test_the_series_encoder_takes_the_last_event_at_or_before_a_step() -> None:
    torch.manual_seed(1)
    encoder = SeriesEncoder("gru", 4, 3).eval()
    with torch.no_grad():
        encoder.absent.fill_(9)
    events = torch.tensor([[[0.5, 1.0], [1.0, -2.0], [0.0, 7.0]]])
    present = torch.tensor([[True, True, False]])
    time = torch.tensor([[0.0, 0.75, 1.0, 3.0]])
    found = encoder(events, present, time)
    assert (found[0, 0] == 9).all()  # no event yet
    # By hand through the cell: after the first event, and after both; with the time since.
    states, _ = encoder.rnn(torch.tensor([[[1.0, 0.0], [-2.0, math.log(1.5)]]]) / torch.tensor([(1 + 1e-5) ** 0.5, 1]))
    for step, (event, since) in enumerate([(0, 0.25), (1, 0.0), (1, 2.0)], 1):
        joined = torch.cat([states[0, event], torch.tensor([math.log(1 + since)])])
        torch.testing.assert_close(found[0, step], encoder.map(joined).relu())


def test_what_is_missing_bears_on_nothing() -> None:
    torch.manual_seed(2)
    encoder = StepEncoder(FeaturesBackbone(4), 3)
    present = torch.tensor([[True, False], [False, True]])
    found = encoder(torch.randn(2, 4), present)
    torch.testing.assert_close(found[~present], encoder.absent.expand(2, 3))
    assert encoder.backbone.scale.running_mean.abs().sum() > 0  # of the two that are there
    before = encoder.backbone.scale.running_mean.clone()
    none = encoder(torch.zeros(0, 4), torch.zeros(2, 2, dtype=torch.bool))
    torch.testing.assert_close(none, encoder.absent.expand(2, 2, 3))
    torch.testing.assert_close(encoder.backbone.scale.running_mean, before)
    none.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_padding_bears_on_nothing_and_no_step_sees_a_later_one() -> None:
    model, inputs = build().eval(), batch()
    before = model(inputs).distribution
    padded = {
        **inputs,
        "series/weather": inputs["series/weather"].masked_fill(~inputs["series/weather?"][..., None], 99),
    }
    torch.testing.assert_close(model(padded).distribution, before)
    # Another text at the last step, and an event after step 2: the steps before stay.
    changed = dict(inputs)
    changed["text?"] = inputs["text?"].clone()
    changed["text?"][:, 4] = True
    spots = inputs["text?"].clone()
    spots[:, 4] = False
    values = torch.zeros(B, T, 4)
    values[inputs["text?"]] = inputs["text"]
    values[:, 4] = 5
    changed["text"] = values[changed["text?"]]
    events = inputs["series/weather"].clone()
    events[0, 3] = torch.tensor([2.5, 7.0])
    changed["series/weather"] = events
    after = model(changed).distribution
    kept = 3 if inputs["series/weather"][0, 3, 0] > 2 else int(inputs["series/weather"][0, 3, 0].clamp_min(0).ceil())
    torch.testing.assert_close(after[1:, :4], before[1:, :4])
    torch.testing.assert_close(after[0, :kept], before[0, :kept])
    assert not torch.allclose(after[:, 4], before[:, 4])


@pytest.mark.parametrize("left_out", ["frames", "text", "speech", "series/weather", "series/market"])
def test_an_ablated_modality_bears_on_nothing_and_the_others_do(left_out: str) -> None:
    ablated = {"frames": {"frames": False}, "text": {"text": 0}, "speech": {"speech": 0}}
    ablated |= {"series/weather": {"series": ("market",)}, "series/market": {"series": ("weather",)}}
    model, inputs = build(**ablated[left_out]).eval(), batch()
    before = model(inputs).distribution
    for name in ("frames", "text", "speech", "series/weather", "series/market"):
        changed = {**inputs, name: inputs[name] + 1}
        same = torch.allclose(model(changed).distribution, before)
        assert same == (name == left_out), name
    # It need not even be there.
    without = {key: value for key, value in inputs.items() if key.rstrip("?") != left_out}
    torch.testing.assert_close(model(without).distribution, before)


def test_what_data_lack_is_named_with_its_mend() -> None:
    data = open_planted_sequences("planted-sequences-tiny", "validation")
    fits = MultimodalSequenceConfig(name="multimodal_sequence", text=16, series=("weather",))
    assert what_lacks(fits, data) == []
    wrong = fits.model_copy(update={"text": 4, "series": ("tide",)})
    bare = replace(data, frames=None, vectors={}, series={})
    assert [lack.mend for lack in what_lacks(wrong, data)] == [
        "model.text: 16",
        "model.series: [market, traffic, weather]",
    ]
    assert [lack.mend for lack in what_lacks(wrong, bare)] == [
        "model.frames: false",
        "model.text: 0",
        "model.series: []",
    ]
    assert what_lacks(CnnConfig(name="cnn"), bare) == []


def test_gradients_reach_everything() -> None:
    model, inputs = build(dropout=0.0), batch()
    target = torch.softmax(torch.randn(B, T, 8), -1)
    objective = build_objective(ObjectiveConfig(kl=1, vector=1, fine=1, closeness=0.1), [1] * 8, MIKELS8)
    objective(model(inputs), target)["total"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_are_those_of_differences() -> None:
    model = build(frames=False, dropout=0.0).double().eval()
    inputs = {name: value.double() if value.is_floating_point() else value for name, value in batch().items()}
    inputs["text"].requires_grad_()

    def run(text: Tensor) -> Tensor:
        output: ModelOutput = model({**inputs, "text": text})
        return output.distribution

    assert torch.autograd.gradcheck(run, (inputs["text"],))


def test_vectors_are_not_negative_and_rows_sum_to_one() -> None:
    for vector in ("softplus", "relu"):
        output = build(vector=vector).eval()(batch())
        assert (output.extras["vector"] >= 0).all()
        torch.testing.assert_close(output.distribution.sum(-1), torch.ones(B, T))
        assert output.extras["fine"].shape == (B, T, 24)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_series_alone(cell: str) -> None:
    model = build(frames=False, text=0, speech=0, series_cell=cell, layers=2).eval()
    assert model.features is None and model(batch()).distribution.shape == (B, T, 8)
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == 0


def test_the_prior_is_that_of_the_training_steps() -> None:
    model = build().eval()
    target = np.zeros((10, 8))
    target[:8, 0] = target[8:, 1] = 1
    model.fit_labels(target)
    with torch.no_grad():
        model.theta.weight.zero_()
    # Of ten steps eight are of the first emotion and two of the second; the other six keep 1/1000 each, of 1.006.
    expected = torch.tensor([0.8, 0.2, *[0.001] * 6]) / 1.006
    torch.testing.assert_close(model(batch()).distribution[0, 0].detach(), expected)


def test_losses_of_sequences_by_hand() -> None:
    # Two sequences of two steps and one; three labels of polarity + 0 -. Vectors are given, so the terms are sums.
    target = torch.tensor([[[1.0, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 0]]])
    vector = torch.tensor([[[0.5, 0, 0], [0, 0, 2.0]], [[0, 1, 0], [7, 7, 7]]])
    fine = torch.zeros(2, 2, 9)
    fine[0, 1, 8] = math.log(4)  # sadness of the sort "turned": emotion 2, arrival 2; softmax is 4 / 12
    uniform = torch.full((2, 2, 3), 1 / 3)
    output = ModelOutput(uniform.log(), uniform, uniform, vector, extras={"vector": vector, "fine": fine})
    objective = build_objective(ObjectiveConfig(kl=1, vector=1, fine=1, closeness=1), [1] * 3, POLARITY3)
    terms = objective(output, target)
    # Squared distances .25 and 1 in the first sequence, 0 in the second: (.625 + 0) / 2.
    assert terms["vector"].item() == pytest.approx(0.3125)
    assert terms["kl"].item() == pytest.approx(math.log(3))
    assert terms["fine"].item() == pytest.approx(((math.log(9) + math.log(3)) / 2 + math.log(9)) / 2)
    # Means (.5, 0, 0), (0, 1, 0), (0, 0, 2): squared distances 1.25, 4.25, 5.
    assert terms["closeness"].item() == pytest.approx((1.25 + 4.25 + 5) / 3)
    assert vector_closeness(target[:1, 0], vector[:1, 0]).item() == 0


def test_overfits_eight_sequences() -> None:
    data = open_planted_sequences("planted-sequences-tiny", "validation")
    inputs = as_tensors(sequence_inputs(data, 40))
    target = torch.from_numpy(data.padded(data.manifest[list(MIKELS8.labels)].to_numpy(np.float32)))
    model = build(text=16, speech=8, series=("weather",), size=24, width=48, dropout=0.0)
    objective = build_objective(ObjectiveConfig(kl=1, vector=1, fine=1), [1] * 8, MIKELS8)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        objective(model.train()(inputs), target)["total"].backward()
        optimizer.step()
    with torch.no_grad():
        output = model.eval()(inputs)
        terms = objective(output, target)
    # The constant has a KL of about .9 nats and ln 24 = 3.2 of fine entropy.
    assert terms["kl"].item() < 0.2 and terms["fine"].item() < 0.5 and terms["vector"].item() < 0.15


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{name: multimodal_sequence, frames: false}", "read at least one"),
        ("{name: multimodal_sequence, series: [a, a]}", "named twice"),
    ],
)
def test_configurations_that_cannot_be(model: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_config(f"name: x\nmodel: {model}", "x.yaml")
