"""The training step of step.py, made fast: the same mathematics in less time.

Four things, each of which can be had alone: bfloat16 (``precision``), images and weights laid out
with the channels last, ``torch.compile``, and a CUDA graph. Tests hold each against the plain step.
"""

from __future__ import annotations

import time
from collections import deque
from statistics import median

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_course.errors import CourseError
from gan_course.losses import discriminator_loss
from gan_course.training.cuda_graph import GraphedStep
from gan_course.training.precision import InPrecision, Precision, check_precision, choose_precision
from gan_course.training.step import StepStats, training_step

WATCHED = 20  # steps whose median time stands for the speed of now
TURNED = 1.5  # so many times slower or faster than at first: time to measure again


class FastStep:
    """``step(images_real, z)`` does what ``training_step`` does, and returns the same StepStats.

    Labels and moves may follow z. Made by ``make_step``. No call waits for the device: read
    ``stats.floats()`` now and then only.

    Attributes:
        precision: what it computes in, for the checkpoint; None until ``"auto"`` has been decided,
            which the first call does.
    """

    def __init__(
        self,
        networks: tuple[nn.Module, nn.Module],
        optimizers: tuple[Optimizer, Optimizer],
        choices: dict,
        asked: str,
        compile: bool,
        cuda_graph: bool,
    ) -> None:
        self.networks = networks
        self.optimizers = optimizers
        self.choices = choices
        self.asked = asked
        # torch.compile cannot differentiate a gradient once more, which r1 and r2 ask of D.
        kept = networks[1:] if choices["r1"] or choices["r2"] else ()
        self.forwards = [
            torch.compile(m, dynamic=False) if compile and m not in kept else m for m in networks
        ]
        self.cuda_graph = cuda_graph
        self.precision: Precision | None = None
        if asked in ("float32", "bfloat16"):
            self.use(asked)

    def __call__(
        self,
        images_real: Tensor,
        z: Tensor,
        labels: Tensor | None = None,
        moves: Tensor | None = None,
    ) -> StepStats:
        images_real = _to_channels_last(images_real)
        if self.precision is None:
            self.use(self._choose(images_real, z, labels, moves))
        start = time.perf_counter()
        stats = self._run(images_real, z, labels, moves)
        self.seconds.append(time.perf_counter() - start)
        if len(self.seconds) == WATCHED and self.seconds_at_first is None:
            self.seconds_at_first = median(self.seconds)
        return stats

    def choose_again(self, images_real: Tensor, *batch: Tensor | None) -> bool:
        """Measure again if the steps have become much slower or faster than at first.

        For ``precision="auto-again"`` on a CPU, between two epochs; otherwise nothing happens. A
        run that uses it trades exact repeatability for speed on a machine that others use too.

        Args:
            images_real, batch: what a call takes.

        Returns:
            whether ``precision`` is another one now.
        """
        if self.asked != "auto-again" or images_real.device.type != "cpu":
            return False
        if self.seconds_at_first is None:
            return False
        ratio = median(self.seconds) / self.seconds_at_first
        if 1 / TURNED < ratio < TURNED:
            return False
        before = self.precision
        self.use(self._choose(_to_channels_last(images_real), *batch))
        return self.precision != before

    def _choose(
        self,
        images_real: Tensor,
        z: Tensor,
        labels: Tensor | None = None,
        moves: Tensor | None = None,
    ) -> Precision:
        batch = (images_real, z, labels, moves)
        return choose_precision(self.asked, *self.networks, *batch, **self.choices)

    def use(self, precision: Precision) -> None:
        """Compute in this from now on; a resumed run goes on with what its checkpoint says."""
        self.precision = precision
        self.seconds: deque[float] = deque(maxlen=WATCHED)
        self.seconds_at_first: float | None = None
        players = [
            InPrecision(network, precision, forward)
            for network, forward in zip(self.networks, self.forwards, strict=True)
        ]

        def run(
            images_real: Tensor, z: Tensor, labels: Tensor | None, moves: Tensor | None
        ) -> StepStats:
            return training_step(
                *players,
                *self.optimizers,
                images_real,
                z,
                labels=labels,
                moves=moves,
                **self.choices,
            )

        self._run = GraphedStep(run, self.networks, self.optimizers) if self.cuda_graph else run


def make_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer_g: Optimizer,
    optimizer_d: Optimizer,
    *,
    loss: str = "non-saturating",
    label_smoothing: float = 0.0,
    discriminator_steps: int = 1,
    r1: float = 0.0,
    r2: float = 0.0,
    precision: str = "auto",
    compile: bool = False,
    cuda_graph: bool = False,
) -> FastStep:
    """A training step ``step(images_real, z, labels, moves)``, as fast as asked for.

    Args:
        generator, discriminator, optimizer_g, optimizer_d, loss, label_smoothing,
            discriminator_steps, r1, r2: as in ``training_step``. The networks' weights are laid out
            with the channels last, in place: do that before the optimisers' state is restored. Adam
            with ``fused=True`` is the fastest optimiser.
        precision: ``"float32"``, ``"bfloat16"``, ``"auto"`` or ``"auto-again"``; see
            ``choose_precision``.
        compile: compile both networks by ``torch.compile``, with r1 or r2 only G: about half a
            minute at the first step, then all batches have to be of one size. Worth it on a GPU; on
            a CPU it gained little. The networks and the names of their weights stay as they are.
        cuda_graph: record the step once and replay it; see ``GraphedStep``.

    Raises:
        CourseError: for an unknown precision, or a CUDA graph without a GPU or without Adam.
        ValueError: for an unknown loss, or label smoothing where there are no labels.
    """
    device = next(generator.parameters()).device
    if cuda_graph and device.type != "cuda":
        raise CourseError(
            f"a CUDA graph needs an NVIDIA GPU, but the networks are on {device.type}. "
            f"Leave --cuda-graph away."
        )
    # An impossible wish fails now, not in the middle of a run.
    check_precision(precision)
    discriminator_loss(loss, torch.zeros(1), torch.zeros(1), label_smoothing)
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
        if not compile:  # a compiled network sees to it itself
            keep_channels_last(network)
    choices = {
        "loss": loss,
        "label_smoothing": label_smoothing,
        "discriminator_steps": discriminator_steps,
        "r1": r1,
        "r2": r2,
    }
    optimizers = (optimizer_g, optimizer_d)
    return FastStep((generator, discriminator), optimizers, choices, precision, compile, cuda_graph)


def keep_channels_last(network: nn.Module) -> None:
    """Put back the layout that Flatten and Unflatten lose; the values stay what they are.

    Flatten's gradient and Unflatten's output come with the channels first. The ReLU beside it would
    then walk two layouts at once, which takes far longer than one copy (5 % of a step on a CPU).
    """
    for module in network.modules():
        if isinstance(module, nn.Unflatten):
            module.register_forward_hook(_output_to_channels_last)
        elif isinstance(module, nn.Flatten):
            module.register_forward_pre_hook(_gradient_to_channels_last)


def _output_to_channels_last(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
    return _to_channels_last(output)


def _gradient_to_channels_last(module: nn.Module, inputs: tuple[Tensor]) -> None:
    if inputs[0].requires_grad and inputs[0].ndim == 4:
        inputs[0].register_hook(_to_channels_last)


def _to_channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
