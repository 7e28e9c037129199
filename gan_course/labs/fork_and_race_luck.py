"""The same rescue with twelve seeds: does it work, or was it luck?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch

from gan_course.errors import CourseError
from gan_course.labs.toy_gan_luck import SHOWN, steps_in_slices
from gan_course.labs.toy_gan_tape import real_points
from gan_course.toy import PRESETS, ManyGames, measure

if TYPE_CHECKING:
    from gan_course.labs.fork_and_race import ForkAndRace

SEEDS = 12
_REPAIR = PRESETS["collapse"].repair("late_equal_rates_and_r1")
SPREAD_AGAIN = _REPAIR.rule
RULE_TEXT = _REPAIR.rule_text
HEALTHY, HEALTHY_TEXT = PRESETS["balanced"].rule, PRESETS["balanced"].rule_text


class RescueLuck:
    """The whole story with several seeds in one batch: before the fork, B's change, and after.

    Attributes:
        progress: 0 to 1 while it runs, else None.
        result: None, or a dict: ``seeds``, ``holds`` (a bool each: spread over the ring again?),
            ``healthy`` (a bool each), ``modes`` (a number each), ``distance`` (each; NaN if it
            broke), ``samples`` (S, 150, 2), ``points_real`` (150, 2),
            ``change`` and ``steps`` since the fork.
        message: why there is no result, if there is a reason.
    """

    def __init__(self, lab: ForkAndRace, changed: Callable[[], None]) -> None:
        self.lab, self.changed = lab, changed
        self.progress: float | None = None
        self.result: dict | None = None
        self.message = ""
        self._turn = 0  # of all runs; a run that is no longer the latest one ends

    def run(self, seeds: int = SEEDS, steps: int | None = None) -> dict:
        """All of it now, without an event loop. Returns ``result``."""
        self.stop()
        self.message = ""
        for _ in self._slices(seeds, steps):
            pass
        self._end()
        return self.result

    def start(self, seeds: int = SEEDS) -> asyncio.Task:
        """The same as a task of the notebook's event loop.

        Raises:
            CourseError: where no event loop runs, as in a plain script. Use ``run`` there.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CourseError("there is no event loop here: use luck.run().") from None
        self.stop()
        self.message, self.progress = "", 0.0
        self.changed()
        return loop.create_task(self._run(seeds, self._turn))

    def stop(self) -> None:
        """A run that is on its way ends after the slice that is running."""
        self._turn += 1
        if self.progress is not None:
            self.message = "Stopped before the end."
            self._end()

    def forget(self) -> None:
        """The race is another one now."""
        self.stop()
        self.result, self.message = None, ""

    async def _run(self, seeds: int, turn: int) -> None:
        try:
            for share in self._slices(seeds, None):
                await asyncio.sleep(0.005)
                if self._turn != turn:
                    return
                self.progress = share
                self.changed()
        except Exception as error:  # nobody would see it otherwise
            self.message = str(error)
        if self._turn == turn:
            self._end()

    def _end(self) -> None:
        self.progress = None
        self.changed()

    def _slices(self, count: int, steps: int | None) -> Iterator[float]:
        """Does the work; yields how much of it is done, between 0 and 1."""
        lab, race, seeds = self.lab, self.lab.race, range(count)
        steps = lab.asked_steps if steps is None else steps
        change = dict(race.change)
        actions = [*race.actions, ("change", change), ("step", steps)]
        whole = sum(what for kind, what in actions if kind == "step")
        many = ManyGames(lab.start_config, seeds)
        for kind, what in actions:
            if kind == "change":
                many.change(**what)
                continue
            for _ in steps_in_slices(many, many.steps_done + what):
                yield many.steps_done / whole
        measured, broken = [], many.broken()
        for i in range(count):
            yield 1.0
            measured.append(None if broken[i] else measure(many.game(i)))
        self.result = {
            "seeds": list(seeds),
            "holds": [found is not None and bool(SPREAD_AGAIN(found)) for found in measured],
            "healthy": [found is not None and bool(HEALTHY(found)) for found in measured],
            "modes": [0 if found is None else found["modes_covered"] for found in measured],
            "distance": [
                float("nan") if found is None else found["sliced_wasserstein"] for found in measured
            ],
            "samples": torch.nan_to_num(many.samples(SHOWN), nan=99.0).numpy(),
            "points_real": real_points(many.config.real, SHOWN).numpy(),
            "change": change,
            "steps": steps,
        }
