"""Optimiser and learning-rate schedule."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from fisa.config import TrainingConfig


def build_optimizer(model: nn.Module, settings: TrainingConfig) -> torch.optim.Optimizer:
    """Build the optimiser; weight decay falls on parameters of two or more dimensions.

    Norms and the biases of layers are free; the bias of the class projection and the null values are not. What takes
    no gradient, such as a frozen backbone, is left out.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=0.9)
    if settings.optimizer == "adamax":
        return torch.optim.Adamax(groups, lr=settings.lr)
    return torch.optim.AdamW(groups, lr=settings.lr)


def build_schedule(optimizer: torch.optim.Optimizer, settings: TrainingConfig, steps: int) -> LRScheduler:
    """Build the learning-rate schedule over ``steps`` optimiser steps."""
    if settings.schedule == "onecycle":
        return OneCycleLR(optimizer, max_lr=settings.lr, total_steps=steps + 1, pct_start=0.3, div_factor=10)
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=steps)
    return LambdaLR(optimizer, lambda step: 1.0)
