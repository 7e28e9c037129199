"""The two players of the toy laboratory: small fully connected networks on points (N, 2).

Each network draws its first weights from a random generator of its own, never from torch's global
one: looking at a lab must not change what the next cell of a notebook does.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.toy.config import ToyConfig
from gan_course.toy.dice import own_rng

__all__ = [
    "LinearDiscriminator",
    "ShiftGenerator",
    "ToyDiscriminator",
    "ToyGenerator",
    "build_networks",
    "power_iteration",
    "spectral_weight",
]


def linear(inputs: int, outputs: int, rng: torch.Generator) -> nn.Linear:
    """A linear layer with PyTorch's default first weights: uniform in +-1/sqrt(inputs)."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=rng)
        layer.bias.uniform_(-bound, bound, generator=rng)
    return layer


class ToyGenerator(nn.Module):
    """z (N, noise_dim) -> points (N, 2), through ``depth`` hidden layers of ``units`` with ReLU.

    ``start`` is added to the last bias: it moves the first outputs to another place.
    """

    slope = 0.0

    def __init__(
        self,
        noise_dim: int = 2,
        units: int = 64,
        depth: int = 2,
        seed: int = 0,
        start: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        rng = own_rng(seed, "generator")
        sizes = [noise_dim, *[units] * depth, 2]
        self.layers = nn.ModuleList(linear(a, b, rng) for a, b in pairwise(sizes))
        with torch.no_grad():
            self.layers[-1].bias += torch.tensor(start)

    def forward(self, z: Tensor) -> Tensor:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            z = layer(z) if i == last else F.relu(layer(z))
        return z


class ToyDiscriminator(nn.Module):
    """points (N, 2) -> logits (N,), through ``depth`` hidden layers with LeakyReLU(0.2).

    With ``spectral_norm`` every weight matrix is divided by its largest singular value, so that no
    layer stretches a distance. That value is estimated by power iteration: ``u`` is kept between
    steps, and ``refresh`` turns it a little further. ``forward`` never changes it, so one can look
    at D without disturbing the game.

    Source: Miyato et al. 2018, algorithm 1.
    """

    slope = 0.2

    def __init__(
        self, units: int = 64, depth: int = 2, spectral_norm: bool = False, seed: int = 0
    ) -> None:
        super().__init__()
        rng = own_rng(seed, "discriminator")
        sizes = [2, *[units] * depth, 1]
        self.layers = nn.ModuleList(linear(a, b, rng) for a, b in pairwise(sizes))
        self.spectral_norm = spectral_norm
        for i, layer in enumerate(self.layers):
            u = torch.randn(layer.out_features, generator=rng)
            self.register_buffer(f"u{i}", F.normalize(u, dim=0))
        self.refresh(iterations=20)

    @torch.no_grad()
    def refresh(self, iterations: int = 1) -> None:
        """Take the estimate of every largest singular value some steps further."""
        for i, layer in enumerate(self.layers):
            u = getattr(self, f"u{i}")
            u.copy_(power_iteration(layer.weight, u, iterations))

    def forward(self, points: Tensor) -> Tensor:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            weight = layer.weight
            if self.spectral_norm:
                weight = spectral_weight(weight, getattr(self, f"u{i}"))
            points = F.linear(points, weight, layer.bias)
            if i < last:
                points = F.leaky_relu(points, self.slope)
        return points.squeeze(-1)


def power_iteration(weight: Tensor, u: Tensor, iterations: int) -> Tensor:
    """u, closer to the first left singular vector. weight (..., out, in), u (..., out)."""
    for _ in range(iterations):
        v = F.normalize((weight.mT @ u.unsqueeze(-1)).squeeze(-1), dim=-1)
        u = F.normalize((weight @ v.unsqueeze(-1)).squeeze(-1), dim=-1)
    return u


def spectral_weight(weight: Tensor, u: Tensor) -> Tensor:
    """weight / its largest singular value, estimated as ||W^T u||. Shapes as above."""
    with torch.no_grad():
        v = F.normalize((weight.mT @ u.unsqueeze(-1)).squeeze(-1), dim=-1)
    sigma = (u.unsqueeze(-2) @ weight @ v.unsqueeze(-1)).clamp_min(1e-12)  # (..., 1, 1)
    return weight / sigma.reshape(*weight.shape[:-2], 1, 1)


class ShiftGenerator(nn.Module):
    """G(z) = shift + spread * z: a blob that can only move. Two parameters, one for each axis.

    The smallest generator whose dance with D can be worked out by hand.
    """

    def __init__(self, start: tuple[float, float] = (0.0, 0.0), spread: float = 0.1) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor([float(number) for number in start]))
        self.spread = spread

    def forward(self, z: Tensor) -> Tensor:
        return self.shift + self.spread * z


class LinearDiscriminator(nn.Module):
    """D(x) = w . x: a tilted plane, the same slope everywhere. Two parameters."""

    spectral_norm = False

    def __init__(self, start: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([float(number) for number in start]))

    def forward(self, points: Tensor) -> Tensor:
        return points @ self.w


def build_networks(config: ToyConfig) -> tuple[nn.Module, nn.Module]:
    """The two players of a config, (generator, discriminator), with the weights of its seed."""
    start = config.start if config.start is not None else config.real.start
    if config.generator == "shift":
        generator: nn.Module = ShiftGenerator(start, spread=config.real.sigma)
    else:
        generator = ToyGenerator(config.noise_dim, config.units, config.depth, config.seed, start)
    if config.discriminator == "linear":
        discriminator: nn.Module = LinearDiscriminator(config.start_d)
    else:
        discriminator = ToyDiscriminator(
            config.units, config.depth, config.spectral_norm, config.seed
        )
    return generator, discriminator
