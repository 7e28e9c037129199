"""A training step recorded once as a CUDA graph and replayed.

A small GAN's step is some five hundred short jobs for the GPU. Python hands them over one by one
and is slower at that than the GPU at doing them. A CUDA graph hands over all of them at once.

The price: a graph is a recording. It reads and writes the same memory each time, so batches are
copied into fixed places; nothing in it may read a number, draw a random one, or change its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from gan_course.errors import CourseError
from gan_course.training.step import StepStats

Step = Callable[..., StepStats]
WARM_UP = 3  # steps before the recording, in which torch chooses its kernels and fills its pools


class GraphedStep:
    """``step(images_real, z)``, recorded at the first call; labels and moves may follow.

    The batches must all be of one shape. ``stats.images_fake`` is the graph's own memory: the next
    call overwrites it, so clone it to keep it. The other values are the caller's.

    The optimisers must be Adam. Their state must not be exchanged after the first call
    (``load_state_dict`` does): make a new step then.

    Source: pytorch.org/docs/stable/notes/cuda.html, "Whole-network capture".
    """

    def __init__(
        self,
        step: Step,
        networks: tuple[nn.Module, nn.Module],
        optimizers: tuple[Optimizer, Optimizer],
    ) -> None:
        self.step = step
        self.networks = networks
        self.optimizers = optimizers
        for optimizer in optimizers:
            make_capturable(optimizer)
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *batch: Tensor | None) -> StepStats:
        if self.graph is None:
            self._record(batch)
        if _shapes(batch) != _shapes(self.batch):
            raise CourseError(
                f"the CUDA graph was recorded for images of shape {tuple(self.batch[0].shape)}, "
                f"but these have {tuple(batch[0].shape)}. Keep the batch size, or leave "
                f"--cuda-graph away."
            )
        for place, values in zip(self.batch, batch, strict=True):
            if place is not None:
                place.copy_(values, non_blocking=True)
        self.graph.replay()
        # The graph's memory is written anew at the next call; what is small is copied out of it.
        small = [
            f.name for f in fields(StepStats) if f.type == "Tensor" and f.name != "images_fake"
        ]
        return replace(self.stats, **{name: getattr(self.stats, name).clone() for name in small})

    def _record(self, batch: tuple[Tensor | None, ...]) -> None:
        self.batch = [None if values is None else values.clone() for values in batch]
        kept = Snapshot(self.networks, self.optimizers)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.step(*self.batch)
        torch.cuda.current_stream().wait_stream(side)
        kept.restore()  # the warm-up trained: weights, BatchNorm, Adam
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.stats = self.step(*self.batch)
        self.graph = graph


def _shapes(batch: Sequence[Tensor | None]) -> list[torch.Size | None]:
    return [None if values is None else values.shape for values in batch]


def make_capturable(optimizer: Optimizer) -> None:
    """Let a graph do the whole update: Adam's counter and learning rate go onto the device.

    Raises:
        CourseError: for an optimiser other than Adam.
    """
    if not isinstance(optimizer, Adam | AdamW):
        raise CourseError(
            f"--cuda-graph works with Adam, but the optimiser is {type(optimizer).__name__}."
        )
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["capturable"] = True
        group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device)
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if state:
                state["step"] = torch.as_tensor(state["step"], dtype=torch.float32, device=device)


class Snapshot:
    """The weights, the buffers and the optimisers' state as they were, to be put back in place.

    In place, because a graph remembers where a tensor lies. State that the optimisers have made
    since is set to zero, which is what Adam starts from.
    """

    def __init__(self, networks: tuple[nn.Module, ...], optimizers: tuple[Optimizer, ...]) -> None:
        self.networks, self.optimizers = networks, optimizers
        self.kept = {tensor: tensor.detach().clone() for tensor in self._tensors()}

    @torch.no_grad()
    def restore(self) -> None:
        for tensor in self._tensors():
            if tensor in self.kept:
                tensor.copy_(self.kept[tensor])
            else:
                tensor.zero_()

    def _tensors(self) -> list[Tensor]:
        tensors = [t for m in self.networks for t in (*m.parameters(), *m.buffers())]
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                tensors += [value for value in state.values() if isinstance(value, Tensor)]
        return tensors
