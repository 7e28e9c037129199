"""The doctor's statistics of a toy game."""

from __future__ import annotations

import torch

from gan_course import doctor
from gan_course.toy.game import ToyGame
from gan_course.toy.step import boundary

__all__ = ["statistics"]

POINTS = 256


def statistics(game: ToyGame) -> doctor.Statistics:
    """Take them now, on fresh points. Looking changes nothing in the game.

    The gradients are those of the last step, so take at least one before.
    """
    config = game.config
    rng = torch.Generator().manual_seed(game.steps_done)
    real, fake = config.real.sample(POINTS, rng), game.samples(POINTS)
    logits_real, logits_fake = game.logits(real), game.logits(fake)
    return doctor.measure(
        game.steps_done,
        logits_real,
        logits_fake,
        real,
        fake,
        game.generator,
        game.discriminator,
        boundary=boundary(config, logits_real, logits_fake),
    )
