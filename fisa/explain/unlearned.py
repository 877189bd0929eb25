"""Networks of a run's architecture that hold nothing of what it learned, for checks that explanations depend on it.

*Weight randomisation* (Adebayo et al. 2018): the entries of every weight are shuffled, so that their sizes stay and
what was learned goes; *untrained*: fresh weights. What a method then lays on motifs must agree with what the trained
model does no better than what it lays there for the untrained network.
"""

from __future__ import annotations

import copy

import torch

from fisa.models import System, build_model
from fisa.runs import Run


def untrained(run: Run, seed: int = 0) -> System:
    """Return the run's architecture with fresh weights, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(run.config.model, run.space, pretrained=False).eval().requires_grad_(False)


def shuffled(model: System, seed: int = 0) -> System:
    """Return a copy of a system in which the entries of each weight have changed places."""
    random = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weight in other.parameters():
            weight.copy_(weight.flatten()[torch.randperm(weight.numel(), generator=random)].view_as(weight))
    return other
