"""Rows in double precision, and outputs of a model that hold them, for tests of losses."""

import numpy as np
import torch

from fisa.models.output import ModelOutput


def tensor(rows, grad=False):
    return torch.tensor(rows, dtype=torch.float64, requires_grad=grad)


def output_of(distribution, raw=None, evidence=None):
    distribution = torch.as_tensor(distribution)
    return ModelOutput(
        logits=distribution.clamp_min(1e-9).log(),
        distribution=distribution,
        raw=distribution if raw is None else torch.as_tensor(raw),
        features=distribution,
        evidence=evidence,
    )


def simplex(rows, classes, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(classes), rows))
