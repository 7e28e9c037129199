"""float32 or bfloat16: which of the two this machine trains faster in.

bfloat16 keeps float32's range and 8 of its 24 bits of precision. *Autocast* computes the
convolutions and the matrix products in it; the weights, the losses and the optimisers' averages
stay in float32. A processor with instructions for it is then up to twice as fast, one without them
imitates it slowly, and one with them that has to share its cores can fall behind float32 as well.
So the choice is made by looking and measuring.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median
from typing import Literal

import torch
from torch import Tensor, nn

from gan_course.errors import CourseError
from gan_course.training.step import training_step

Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("float32", "bfloat16", "auto", "auto-again")
LEAST_GAIN = 1.1  # bfloat16 has to be so many times faster to be worth its rounding


class InPrecision:
    """A network that computes in ``precision`` and gives float32; it stands in for the network in
    a training step.

    Args:
        network: what ``requires_grad_`` reaches.
        precision: ``"float32"`` or ``"bfloat16"``.
        forward: what computes, if not the network itself: a compiled form of it.
    """

    def __init__(
        self, network: nn.Module, precision: Precision, forward: Callable | None = None
    ) -> None:
        self.network = network
        self.precision = precision
        self.forward = network if forward is None else forward

    def __call__(self, x: Tensor, *labels: Tensor) -> Tensor:
        if self.precision == "float32":
            return self.forward(x, *labels)
        # Each weight is used once in a call, so there is nothing to gain from keeping its bfloat16
        # copy, and a CUDA graph must not keep it.
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
            return self.forward(x, *labels).float()

    def requires_grad_(self, on: bool = True) -> None:
        self.network.requires_grad_(on)


def bfloat16_is_native(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, as far as torch can tell."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # Private names: where a version of torch lacks one, the answer is no.
        looks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, look, lambda: False)() for look in looks)
    return False


def choose_precision(
    asked: str,
    generator: nn.Module,
    discriminator: nn.Module,
    images_real: Tensor,
    z: Tensor,
    labels: Tensor | None = None,
    moves: Tensor | None = None,
    **choices: object,
) -> Precision:
    """What a run should compute in: decided once, at its start, and written into its checkpoint.

    ``"auto"`` depends on a clock, so two runs may decide differently. A resumed run therefore takes
    what its checkpoint says, and only then ends bit for bit where an uninterrupted run would.

    Args:
        asked: ``"float32"`` or ``"bfloat16"``, which are then the answer; or ``"auto"`` (or
            ``"auto-again"``): bfloat16 if the device has it and a few steps on copies of the
            networks are at least ``LEAST_GAIN`` times as fast. Nothing of the run is touched, and
            no random number is drawn.
        generator, discriminator: the networks, not wrapped for several processes. With several, let
            one process choose and tell the others.
        images_real, z, labels, moves: a batch as ``training_step`` takes it; only the shapes
            matter.
        choices: the loss and so on, as in ``training_step``: what costs time shall be measured.

    Raises:
        CourseError: for a word that is not in ``PRECISIONS``.
    """
    check_precision(asked)
    if asked in ("float32", "bfloat16"):
        return asked
    if not bfloat16_is_native(images_real.device):
        return "float32"
    generator, discriminator = copy.deepcopy((generator, discriminator))
    optimizers = [torch.optim.Adam(m.parameters(), fused=True) for m in (generator, discriminator)]
    step = {"labels": labels, "moves": moves, **choices}
    seconds: dict[Precision, list[float]] = {"float32": [], "bfloat16": []}
    # In turn, so that another program that gets busy slows both; the first round only warms up.
    for _ in range(6):
        for precision, times in seconds.items():
            players = InPrecision(generator, precision), InPrecision(discriminator, precision)
            start = now(images_real.device)
            training_step(*players, *optimizers, images_real, z, **step)
            times.append(now(images_real.device) - start)
    gain = median(seconds["float32"][1:]) / median(seconds["bfloat16"][1:])
    return "bfloat16" if gain >= LEAST_GAIN else "float32"


def check_precision(asked: str) -> None:
    if asked not in PRECISIONS:
        raise CourseError(f"precision must be one of {', '.join(PRECISIONS)}, but is {asked!r}.")


def now(device: torch.device) -> float:
    """The time in seconds, once the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
