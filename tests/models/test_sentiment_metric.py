"""Sentiment metric learning: Gram matrices and the sentiment vector by hand, embeddings, gradients, eight images."""

from typing import Any

import pytest
import torch
from tiny import memorised, overfit

from fisa.config import PlainBackboneConfig, SentimentMetricConfig
from fisa.emotions import MIKELS8
from fisa.models import ModelOutput, build_model
from fisa.models.gram import GramStages, gram_matrix, upper_triangle
from fisa.models.sentiment_metric import SentimentMetric

IMAGES = torch.randn(2, 3, 24, 24, generator=torch.manual_seed(1))
TINY = {"name": "sentiment_metric", "backbone": {"name": "plain", "width": 8}, "gram_width": 4}


def build(**options: Any) -> SentimentMetric:
    torch.manual_seed(0)
    config = SentimentMetricConfig(
        name="sentiment_metric", backbone=PlainBackboneConfig(width=8), **{"gram_width": 4, **options}
    )
    model = build_model(config, MIKELS8)
    assert isinstance(model, SentimentMetric)
    return model.eval()


def test_a_gram_matrix_and_its_triangle_by_hand() -> None:
    # Two channels over two positions: (1, 2) and (3, 0). Mean products: (1 + 4) / 2, (3 + 0) / 2, (9 + 0) / 2.
    matrix = gram_matrix(torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]]))
    assert matrix.tolist() == [[[2.5, 1.5], [1.5, 4.5]]]
    assert upper_triangle(matrix).tolist() == [[2.5, 1.5, 4.5]]


def test_a_stage_is_reduced_and_cut_off_at_zero_before_its_gram_matrix() -> None:
    stage = GramStages((2,), 2)
    layer = stage.reduce[0]
    with torch.no_grad():
        # First output: the sum of both channels, (4, 2). Second: minus the first channel, (-1, -2), so 0 after ReLU.
        layer.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, 0.0]]).view(2, 2, 1, 1))  # type: ignore[operator, union-attr]
        layer.bias.zero_()  # type: ignore[operator, union-attr]
    (matrix,) = stage([torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])])
    assert matrix.tolist() == [[[10, 0], [0, 0]]]  # (16 + 4) / 2


def test_the_sentiment_vector_has_unit_length_and_holds_every_stage() -> None:
    output = build()(IMAGES)
    vector = output.extras["sentiment_vector"]
    assert vector.shape == (2, 3 * 4 * 5 // 2)  # three stages of `plain`, N' (N' + 1) / 2 entries of each
    torch.testing.assert_close(vector.norm(dim=1), torch.ones(2))
    assert (vector >= 0).all()
    triangles = torch.cat([upper_triangle(output.extras[f"gram_{place}"]) for place in (1, 2, 3)], dim=1)
    torch.testing.assert_close(vector, triangles / triangles.norm(dim=1, keepdim=True))


def test_features_are_the_embedding_that_is_asked_for() -> None:
    def of(embedding: str) -> ModelOutput:
        output: ModelOutput = build(embedding=embedding)(IMAGES)
        return output

    assert torch.equal(of("sentiment_vector").features, of("pooled").extras["sentiment_vector"])
    assert torch.equal(of("logits").features, of("pooled").logits)
    model = build()
    logits = of("pooled").features @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(logits, of("pooled").logits)


def test_every_parameter_gets_a_gradient_from_prediction_and_vector() -> None:
    model = build().train()
    output = model(IMAGES)
    weights = torch.rand(output.features.shape, generator=torch.manual_seed(2))
    (output.logits.square().sum() + (weights * output.features).sum()).backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


def test_it_overfits_eight_images() -> None:
    assert memorised(overfit(TINY, 200)) < 0.02


@pytest.mark.parametrize("embedding", ["sentiment_vector", "pooled"])
def test_the_constraints_alone_arrange_eight_images_by_polarity(embedding: str) -> None:
    # Eight images, one of each emotion: no image has a positive, so the second constraint alone acts.
    objective = {"kl": 0, "metric": 1, "metric_by_wheel": False, "metric_alpha1": 0.2, "metric_alpha2": 0.4}
    features = overfit({**TINY, "embedding": embedding}, 150, objective).features
    unit = features / features.norm(dim=1, keepdim=True)
    distance = 2 - 2 * unit @ unit.T
    polarity = torch.tensor(MIKELS8.polarity)
    alike = polarity[:, None] == polarity[None, :]
    other = ~torch.eye(8, dtype=torch.bool)
    assert distance[alike & other].mean() + 0.3 < distance[~alike].mean()
