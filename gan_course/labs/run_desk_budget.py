"""How long will a run take? Some steps on copies of its networks say so before it begins."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median

import torch

from gan_course.training import Trainer
from gan_course.training.ema import AveragedGenerator
from gan_course.training.fast_step import make_step
from gan_course.training.players import make_optimizers

PROBE_STEPS = 20
WARM_UP = 3  # steps that are not counted: torch chooses its kernels and fills its pools


def seconds_per_step(
    trainer: Trainer, steps: int = PROBE_STEPS, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds that a step of this run takes, the median of a few.

    They are done on copies of the networks with made-up images, so nothing of the run changes: no
    weight, no random number, no position.

    Args:
        clock: ``time.process_time`` counts this program's own work only.
    """
    config = trainer.config
    networks = copy.deepcopy((trainer.generator, trainer.discriminator))
    optimizers = make_optimizers(config, *networks)
    precision = trainer._training_step.precision or "float32"
    step = make_step(
        *networks,
        *optimizers,
        loss=config.loss,
        label_smoothing=config.label_smoothing,
        discriminator_steps=config.discriminator_steps,
        r1=config.r1,
        r2=config.r2,
        precision=precision,
    )
    averaged = AveragedGenerator(networks[0])
    number, device = trainer.images_per_step, trainer.device
    rng = torch.Generator().manual_seed(0)
    labels = None
    if config.conditional:
        labels = torch.zeros(number, dtype=torch.int64, device=device)
    took = []
    for _ in range(WARM_UP + steps):
        start = clock()
        rows = torch.randint(len(trainer.images), (number,), generator=rng)
        images = trainer.images.take(rows)
        z = torch.randn(number, config.latent_dim, generator=rng).to(device)
        images = images.contiguous(memory_format=torch.channels_last)
        step(images, z, labels, trainer.moves(rng))
        averaged.update(networks[0], number, number)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        took.append(clock() - start)
    return median(took[WARM_UP:])


def remaining_steps(trainer: Trainer) -> int:
    """Steps that are left until the run has done its epochs."""
    total = trainer.config.num_epochs * trainer.batches_per_epoch
    return max(0, total - trainer.step)


def in_words(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
