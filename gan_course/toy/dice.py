"""The random numbers of one toy game. torch's global ones are never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from gan_course.toy.config import ToyConfig

__all__ = ["Dice", "draw_z", "own_rng"]

# One stream for each purpose, so that one choice does not shift the numbers of another: with
# instance noise switched on, for example, the real points and z are still the same.
PURPOSES = ("points", "z", "extra", "generator", "discriminator", "fixed z")


def own_rng(seed: int, purpose: str) -> torch.Generator:
    """A stream of random numbers that no other seed and no other purpose has."""
    # Below 2**32, because torch's CPU generator looks at no more bits than that.
    return torch.Generator().manual_seed(16 * seed + PURPOSES.index(purpose))


def view_rng(seed: int, steps_done: int, view: int) -> torch.Generator:
    """For looking at a game: depends on the moment, and takes nothing from the game's streams."""
    mixed = 16 * seed + 15 + 2_654_435_761 * (steps_done + 1) + 40_503 * view
    return torch.Generator().manual_seed(mixed % 2**32)


def draw_z(config: ToyConfig, n: int, rng: torch.Generator) -> Tensor:
    """G's input, (n, noise_dim): standard normal, or uniform in [-1, 1]."""
    if config.noise == "uniform":
        return torch.rand(n, config.noise_dim, generator=rng) * 2 - 1
    return torch.randn(n, config.noise_dim, generator=rng)


class Dice:
    """All that is drawn while a game of this seed is played."""

    def __init__(self, seed: int) -> None:
        self.points = own_rng(seed, "points")
        self.noise = own_rng(seed, "z")
        self.extra = own_rng(seed, "extra")

    def points_real(self, config: ToyConfig) -> Tensor:
        return config.real.sample(config.batch_size, self.points)

    def z(self, config: ToyConfig) -> Tensor:
        return draw_z(config, config.batch_size, self.noise)

    def instance_noise(self, config: ToyConfig) -> Tensor:
        return config.instance_noise * torch.randn(config.batch_size, 2, generator=self.extra)

    def mix(self, config: ToyConfig) -> Tensor:
        return torch.rand(config.batch_size, 1, generator=self.extra)

    def state(self) -> tuple[Tensor, ...]:
        return tuple(rng.get_state() for rng in (self.points, self.noise, self.extra))

    def set_state(self, state: tuple[Tensor, ...]) -> None:
        for rng, numbers in zip((self.points, self.noise, self.extra), state, strict=True):
            rng.set_state(numbers)
