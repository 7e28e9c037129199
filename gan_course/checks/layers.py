"""What kind of layer is this? For the checks that look into a network."""

from __future__ import annotations

import copy

import torch
from torch import nn


def is_activation(layer: nn.Module) -> bool:
    """Whether it is one of torch's activations, whichever: ReLU, Mish, Softmax, ..."""
    kinds = type(layer).__mro__
    return nn.MultiheadAttention not in kinds and any(
        kind.__module__ == nn.ReLU.__module__ for kind in kinds
    )


def shuts_off(activation: nn.Module) -> bool:
    """Whether its derivative is exactly 0 for some numbers between -4 and 4."""
    x = torch.linspace(-4.0, 4.0, 100, dtype=torch.float64).reshape(1, -1).requires_grad_()
    copy.deepcopy(activation).double()(x).sum().backward()
    return bool((x.grad == 0).any())
