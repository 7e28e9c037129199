"""What ``ToyGAN`` remembers of a run: moments to come back to, with what was measured there."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import torch

from gan_course.doctor import Statistics
from gan_course.toy import Distribution, ToyGame, modes_covered, sliced_wasserstein
from gan_course.toy.checkup import statistics
from gan_course.toy.game import Snapshot

EVERY = 50  # steps between two moments at first
MOST_MOMENTS = 200
MOST_BYTES = 64_000_000
SAMPLES = 1000  # fakes in each measurement; the floors are for the same number


@dataclass(frozen=True)
class Moment:
    """One moment of a run: ``modes`` is None for a distribution without separate modes."""

    step: int
    snapshot: Snapshot
    modes: int | None
    distance: float
    health: Statistics
    """What the doctor needs to know."""
    actions: tuple[tuple[str, object], ...]
    """What had been done by then, see ``Tape.actions``."""


class Tape:
    """Moments from the start of a run to its end, at most 200 of them.

    When it is full, every second moment goes, and from then on they are taken half as often. So
    the whole run stays within reach, and the memory stays bounded.

    Attributes:
        moments: oldest first.
        every: a moment is kept at each multiple of so many steps.
        actions: all that was done since the start, as ("step", n), ("step_d", n), ("step_g", n),
            ("change", {...}) or ("loss", "loss_g" or "loss_d"), for a program that repeats it.
    """

    def __init__(self, game: ToyGame) -> None:
        self.game = game
        self.every = EVERY
        self.moments: list[Moment] = []
        self.actions: list[tuple[str, object]] = []
        self._points_real = real_points(game.config.real, SAMPLES)
        networks = (game.generator, game.discriminator)
        numbers = sum(p.numel() for network in networks for p in network.parameters())
        # Each number is kept with Adam's two averages, in four bytes each.
        self.most = max(10, min(MOST_MOMENTS, MOST_BYTES // (12 * numbers)))
        self.keep()

    @property
    def last_step(self) -> int:
        return self.moments[-1].step

    @property
    def steps(self) -> list[int]:
        return [moment.step for moment in self.moments]

    def note(self, kind: str, what: object) -> None:
        """Remember an action. Steps of one kind in a row are added up."""
        if self.actions and kind.startswith("step") and self.actions[-1][0] == kind:
            what += self.actions.pop()[1]
        self.actions.append((kind, what))

    def forget_the_future(self) -> None:
        """Before the game goes on from an earlier moment: what came after it is no longer so."""
        here = bisect_right(self.steps, self.game.steps_done)
        del self.moments[here:]

    def keep(self) -> None:
        """Keep the present moment. At the same step, the newer one counts."""
        game, real = self.game, self.game.config.real
        samples = game.samples(SAMPLES)
        moment = Moment(
            step=game.steps_done,
            snapshot=game.snapshot(),
            modes=None if real.modes is None else modes_covered(samples, real),
            distance=sliced_wasserstein(samples, self._points_real),
            health=statistics(game),
            actions=tuple(self.actions),
        )
        if self.moments and self.moments[-1].step >= moment.step:
            self.forget_the_future()
            if self.moments and self.moments[-1].step == moment.step:
                self.moments.pop()
        self.moments.append(moment)
        if len(self.moments) > self.most:
            self.every *= 2
            first, *rest, last = self.moments
            self.moments = [first, *[m for m in rest if m.step % self.every == 0], last]

    def before(self, step: int) -> Moment:
        """The last moment that was kept at this step or before it; else the first."""
        return self.moments[max(0, bisect_right(self.steps, step) - 1)]


@lru_cache(maxsize=16)
def real_points(distribution: Distribution, n: int) -> torch.Tensor:
    """Real points (n, 2) to look at: always the same ones, and no game's random numbers."""
    return distribution.sample(n, torch.Generator().manual_seed(777))
