"""The numbers behind ``GenXray``: maps of a generator, and images with one channel changed."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.labs.sampler import noise
from gan_course.models import DCGANGenerator

NUM_Z = 64  # how many images the effect of a channel is averaged over
EFFECT_SEED = 0  # their z; the same ones whatever the picture shows


class Xray:
    """A DCGAN generator cut into stages: the stem, each block, and the layer that paints.

    It works on a copy, in eval mode on the CPU: a generator that is being trained goes on.

    Attributes:
        stages: nn.Modules in the order of running; the last one makes the image.
        channels, sizes: of the maps after each stage but the last.
    """

    def __init__(self, generator: DCGANGenerator) -> None:
        generator = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
        self.latent_dim = generator.latent_dim
        self.stages: list[nn.Module] = [generator.stem, *generator.blocks, generator.to_image]
        maps = [self.maps(torch.zeros(1, self.latent_dim), i) for i in range(len(self))]
        self.channels = [m.shape[1] for m in maps]
        self.sizes = [m.shape[2] for m in maps]
        self._effects: dict[int, Tensor] = {}

    def __len__(self) -> int:
        """How many layers have maps to look at."""
        return len(self.stages) - 1

    @torch.no_grad()
    def maps(self, z: Tensor, layer: int) -> Tensor:
        """z (N, latent_dim) -> the maps (N, C, H, W) that leave stage ``layer``."""
        x = z
        for stage in self.stages[: layer + 1]:
            x = stage(x)
        return x

    @torch.no_grad()
    def images(self, maps: Tensor, layer: int) -> Tensor:
        """The rest of the way: maps (N, C, H, W) after ``layer`` -> images in [-1, 1]."""
        x = maps
        for stage in self.stages[layer + 1 :]:
            x = stage(x)
        return x

    def changed(self, maps: Tensor, layer: int, channel: int, factor: float) -> Tensor:
        """The images, with one channel of ``maps`` multiplied by ``factor``."""
        maps = maps.clone()
        maps[:, channel] *= factor
        return self.images(maps, layer)

    def effects(self, layer: int) -> Tensor:
        """How much the images change when each channel of ``layer`` alone is switched off: (C,).

        The mean absolute change of a pixel over 64 images; from black to white it is 2. Worked out
        once for each layer, in about a second for the shipped generator's first one.
        """
        if layer not in self._effects:
            self._effects[layer] = self._all_effects(layer)
        return self._effects[layer]

    @torch.no_grad()
    def _all_effects(self, layer: int) -> Tensor:
        """The next stage begins with a transposed convolution, and that is linear: what it makes of
        all maps, less what it makes of one map alone, is what it makes without that map."""
        first, *rest = self.stages[layer + 1]
        maps = self.maps(noise(EFFECT_SEED, NUM_Z, self.latent_dim), layer)
        maps = maps.contiguous(memory_format=torch.channels_last)  # on a CPU twice as fast
        full = first(maps)
        images = self._finish(full, rest, layer)
        change = []
        for channel in range(self.channels[layer]):
            one = slice(channel, channel + 1)
            share = F.conv_transpose2d(
                maps[:, one], first.weight[one], stride=first.stride, padding=first.padding
            )
            change.append((self._finish(full - share, rest, layer) - images).abs().mean())
        return torch.stack(change)

    def _finish(self, x: Tensor, rest: list[nn.Module], layer: int) -> Tensor:
        for module in rest:
            x = module(x)
        return self.images(x, layer + 1)
