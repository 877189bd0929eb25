"""Shares of a batch, one for each process: together they are the batch, and their losses add up to its own."""

import numpy as np
import pytest
import torch

from fisa.config import ObjectiveConfig, TrainingConfig
from fisa.emotions import MIKELS8
from fisa.models import ModelOutput
from fisa.objectives import build_objective
from fisa.training.batches import Batch, Split, batches


def test_shares_make_up_the_batches_of_one_process() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, size=(10, 8, 8, 3), dtype=np.uint8)
    split = Split(images, random.dirichlet(np.ones(8), size=10), np.arange(10))
    settings = TrainingConfig(batch_size=4)

    def epoch(rank: int, size: int) -> list[Batch]:
        share = (lambda count: slice(rank * count // size, (rank + 1) * count // size)) if size > 1 else slice
        return list(batches(split, settings, np.random.default_rng(1), share))

    parts = zip(*(epoch(rank, 3) for rank in range(3)), strict=True)
    for whole, shares in zip(epoch(0, 1), parts, strict=True):
        held = [share for share in shares if share.weight]
        assert torch.equal(torch.cat([share.images for share in held]), whole.images)
        assert torch.equal(torch.cat([share.target for share in held]), whole.target)
        assert sum(share.weight for share in shares) == pytest.approx(1) and whole.weight == 1
        # Of the last batch of two images, the first of three processes has none; it takes the step on one all the same.
        assert all(len(share.images) >= 1 for share in shares) and len(held) == min(3, len(whole.images))


WEIGHTS = [name for name, field in ObjectiveConfig.model_fields.items() if field.annotation is float]
TERMS = [name for name in WEIGHTS if not ObjectiveConfig(**{name: 0.1}).compares_images]  # launch refuses the others


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_the_objective_is_a_mean_over_samples(term: str) -> None:
    """So that the loss of a batch is the weighted sum over shares; another kind of term needs the samples gathered."""
    torch.manual_seed(0)
    logits, target = torch.randn(7, 8), torch.randn(7, 8).softmax(1)
    rated, fine = torch.randn(7, 2).tanh(), torch.arange(7) % 3
    terms = {"kl": 0.0, "emd": 0.0, "density": 0.0, "evidence": 0.0, term: 1.0}
    objective = build_objective(ObjectiveConfig(**{**terms, "kl": terms["kl"] or 1e-30}), range(8), MIKELS8)

    def loss(rows: slice) -> float:
        own = logits[rows]
        extras = {"vector": own.relu(), "fine": own[:, :3], "fine_target": fine[rows]}  # rows stand for steps, too
        output = ModelOutput(own, own.softmax(1), own.sigmoid(), own, evidence=own, ratings=own[:, :2], extras=extras)
        return float(objective(output, target[rows], rated[rows])["total"])

    assert 2 / 7 * loss(slice(2)) + 5 / 7 * loss(slice(2, 7)) == pytest.approx(loss(slice(7)), rel=1e-6)
