"""A running average of the generator: steadier images than any single step gives."""

from __future__ import annotations

import copy

import torch
from torch import nn


class AveragedGenerator:
    """A copy of G whose weights follow G's weights slowly (exponential moving average, EMA).

    Each training step moves G a little too far, now in one direction, now in another; the average
    is where it hovers. The half-life is counted in images and grows with them (a tenth of those
    seen, at most ``half_life``), so that the first, useless weights are soon forgotten.

    Buffers, the running statistics of BatchNorm, are copied: they are averages already.

    Source: Yazici et al. 2019; the ramp is the one of Karras et al. 2020 (StyleGAN2).
    """

    def __init__(self, generator: nn.Module, half_life: float = 10_000) -> None:
        self.model = copy.deepcopy(generator).eval().requires_grad_(False)
        self.half_life = half_life

    @torch.no_grad()
    def update(self, generator: nn.Module, batch_size: int, images_seen: int) -> None:
        half_life = max(1.0, min(self.half_life, images_seen / 10))
        keep = 0.5 ** (batch_size / half_life)
        averages, weights = list(self.model.parameters()), list(generator.parameters())
        torch._foreach_lerp_(averages, weights, 1 - keep)
        for average, value in zip(self.model.buffers(), generator.buffers(), strict=True):
            average.copy_(value)
