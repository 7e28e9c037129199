"""Several processes, on several GPUs or machines, that together train as one process would.

``accelerate launch`` or ``torchrun`` starts the same program several times. Each process takes its
rows of every batch, and three things are averaged over all of them: the gradients, BatchNorm's
statistics and what is logged. All then take the same step, so their networks stay equal to the
last bit, and only the order of summation tells the run from that of one process.

Why not DistributedDataParallel, which does the averaging while gradients are being computed? It
expects one forward pass for each backward pass, and a GAN runs D twice, or with G, before one.

Several machines need one folder that all of them see for ``output_dir``.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_course.errors import CourseError
from gan_course.training.step import StepStats


class Processes:
    """The processes of this run: only this one, unless a launcher started several.

    Attributes:
        count: number of processes, over all machines.
        rank: number of this one, from 0.
    """

    def __init__(self, device: torch.device) -> None:
        self.count, self.rank, self._state = 1, 0, None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import PartialState

            # Knows the launchers, and picks what carries the messages: nccl for GPUs, else gloo.
            self._state = PartialState(cpu=device.type == "cpu")
            self.count, self.rank = self._state.num_processes, self._state.process_index

    @property
    def is_first(self) -> bool:
        """The first process alone writes files and prints."""
        return self.rank == 0

    def first_on_machine(self) -> contextlib.AbstractContextManager:
        """Inside, the first process of each machine goes ahead, and the others wait for it."""
        if self._state is None:
            return contextlib.nullcontext()
        return self._state.local_main_process_first()

    def rows(self, batch_size: int, repeats: int = 1) -> slice | Tensor:
        """Which rows of ``repeats`` batches, one below the other, this process takes.

        Raises:
            CourseError: if a batch cannot be divided equally.
        """
        if self.count == 1:
            return slice(None)
        if batch_size % self.count:
            raise CourseError(
                f"batch_size={batch_size} cannot be shared equally by {self.count} processes: "
                f"take a multiple of {self.count}. It counts the images of all of them together."
            )
        rows = torch.arange(repeats * batch_size).view(repeats, self.count, -1)
        return rows[:, self.rank].flatten()

    def join(self, model: nn.Module, optimizer: Optimizer) -> None:
        """From now on the model learns from the batches of all processes, as one large batch."""
        if self.count == 1:
            return
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__ = SharedBatchNorm2d  # the same parameters, another forward
        optimizer.register_step_pre_hook(lambda *_: self._average_gradients(optimizer))

    def _average_gradients(self, optimizer: Optimizer) -> None:
        """All gradients in one message: many small ones would take longer."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in parameters if p.grad is not None]
        averages = average(torch.cat([g.flatten() for g in gradients]))
        pieces = averages.split([g.numel() for g in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view(gradient.shape))

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, in the order of the batch."""
        if self.count == 1:
            return rows
        rows = rows.contiguous()
        parts = [torch.empty_like(rows) for _ in range(self.count)]
        dist.all_gather(parts, rows)
        return torch.cat(parts)

    def gather_stats(self, stats: StepStats) -> StepStats:
        """The statistics of the whole batch, of which each process has seen its rows."""
        means = ("loss_d", "loss_g", "mean_d_real", "mean_d_fake")
        rows = ("logits_real", "logits_fake", "images_fake")
        whole = {name: self.gather(getattr(stats, name)[None]).mean() for name in means}
        whole |= {name: self.gather(getattr(stats, name)) for name in rows}
        return replace(stats, **whole)

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process: all get the same answer."""
        if self.count == 1:
            return flag
        votes = torch.tensor([int(flag)], device=self._state.device)
        dist.all_reduce(votes)
        return votes.item() > 0

    def leave(self) -> None:
        """Say goodbye to the other processes. The program may not train after that."""
        if self._state is not None:
            self._state.destroy_process_group()


class SharedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d whose mean and variance in training are those of all processes together.

    (N, C, H, W) -> (N, C, H, W), with the same N everywhere. With each process's own statistics
    two processes would play another game than one. torch's SyncBatchNorm does the same on GPUs;
    this one also runs on a CPU, so that tests can compare it with one process.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        values = x.float()
        local_var, local_mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        # The mean square of all is the mean of the processes' mean squares; so is the mean.
        mean, square = Average.apply(torch.stack([local_mean, local_var + local_mean**2]))
        var = (square - mean**2).clamp_min(0)
        with torch.no_grad():
            count = dist.get_world_size() * x.numel() / x.shape[1]
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * count / (count - 1), self.momentum)
        scale = torch.rsqrt(var + self.eps)
        if self.affine:  # a conditional BatchNorm brings its own gain and bias
            scale = self.weight * scale
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(x.dtype)


class Average(torch.autograd.Function):
    """The average of a tensor over all processes; its gradient is averaged likewise."""

    @staticmethod
    def forward(ctx: object, tensor: Tensor) -> Tensor:
        return average(tensor.clone())

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return average(gradient.clone())


def average(tensor: Tensor) -> Tensor:
    """The average over all processes, to the last bit the same in each; written into ``tensor``."""
    tensor = tensor.contiguous()
    dist.all_reduce(tensor)
    return tensor.div_(dist.get_world_size())
