"""The part of ``ForkAndRace`` that forks, plays, stops and turns back time."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from traitlets import Bool, Dict, Int, Unicode

from gan_course.errors import CourseError
from gan_course.labs.base import Lab
from gan_course.labs.fork_and_race_run import Race
from gan_course.toy import PRESETS, ToyConfig

SLICE_SECONDS = 0.040  # of training between two pictures
CHUNK = 2  # steps of both games between two looks at the clock
LISTENING_SECONDS = 0.005  # the notebook always gets its turn: it has to hear clicks


class PlayedRace(Lab):
    """A ``Race`` that one can start, stop, rewind and fork again. See ``ForkAndRace``."""

    asked_steps: ClassVar = 1500  # what both questions are about

    change = Dict()
    fork_step = Int(600, min=0, max=2000)
    seed = Int(0, min=0, max=9999)
    step = Int(0, min=0)
    playing = Bool(False)
    message = Unicode("")

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._task: asyncio.Task | None = None
        self._end = 0  # where playing stops by itself
        self._version = 0  # of the games: what was worked out of them holds as long as it is equal
        self.race = Race.begin(self.start_config, self.fork_step, self.change)
        self.step = 0
        self.observe(self._change_set, names="change")
        self.observe(lambda change: self._begin(), names=["fork_step", "seed"])
        self.observe(self._step_set, names="step")

    @property
    def start_config(self) -> ToyConfig:
        """The choices before the fork: D learns ten times too slowly."""
        return PRESETS["collapse"].config.replace(seed=self.seed)

    # ---- for the lab on top -------------------------------------------------------------------

    def _new_race(self, same_question: bool) -> None:
        """What belonged to the old race is over."""

    def _stepped(self) -> None:
        """Both games have gone on."""

    # ---- forking ------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Another game, with the same change."""
        self.playing = False
        self.race = Race.begin(self.start_config, self.fork_step, self.change)
        self._begun(same_question=True)

    def _change_set(self, change: dict) -> None:
        if change["new"] == self.race.change:
            return
        self.playing = False
        try:
            self.race.part(change["new"])
        except CourseError:
            self.change = self.race.change
            raise
        self._begun(same_question=False)

    def fork_again(self, which: str = "B") -> None:
        """The fork of a fork: both games begin anew where A or B stands, without a change yet.

        Raises:
            CourseError: if it is neither "A" nor "B".
        """
        if which not in ("A", "B"):
            raise CourseError(f"which={which!r} must be 'A' or 'B'.")
        self.playing = False
        self.race = self.race.again(which)
        self.change = {}
        self._begun(same_question=False)

    def _begun(self, same_question: bool) -> None:
        self.message = ""
        self._new_race(same_question)
        self._moved()

    def _moved(self) -> None:
        """The games are not what they were: traits and picture follow."""
        self._version += 1
        self.step = self.race.steps_done
        self.refresh()

    # ---- learning -----------------------------------------------------------------------------

    def run(self, steps: int) -> PlayedRace:
        """Both games go on by so many steps now; the picture follows once.

        Raises:
            CourseError: when one of them breaks; both then stand at the last measurement.
        """
        self.playing = False
        self.message = ""
        end = self.race.steps_done + steps
        try:
            while self.race.steps_done < end:
                self._steps(end - self.race.steps_done)
        except CourseError as error:
            self.message = str(error)
            raise
        finally:
            self._moved()
        return self

    def _steps(self, most: int) -> None:
        """At most so many steps, up to the next measurement or to the step that was asked for."""
        left = self.asked_steps - self.race.steps_done
        self.race.step(min(most, left) if left > 0 else most)
        self._stepped()

    def rewind(self, step: int) -> int:
        """Both back to the last measurement at this step after the fork, or before it; or forth
        again. Returns its step."""
        self.playing = False
        self.message = ""
        self.race.rewind(step)
        self._moved()
        return self.step

    def _step_set(self, change: dict) -> None:
        if change["new"] != self.race.steps_done:
            self.rewind(change["new"])

    # ---- playing ------------------------------------------------------------------------------

    def play(self) -> asyncio.Task:
        """Play to the next multiple of ``asked_steps``, or until ``pause``, as a task of the event
        loop that every notebook has.

        Raises:
            CourseError: where no event loop runs, as in a plain script. Use ``run`` there.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CourseError("there is no event loop to play on here: use run(n).") from None
        self.message = ""
        self._end = self.asked_steps * (self.race.steps_done // self.asked_steps + 1)
        self.playing = True
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._play())
        return self._task

    def pause(self) -> None:
        """Stop after the slice that is running."""
        self.playing = False

    async def _play(self) -> None:
        try:
            while self.playing and self.race.steps_done < self._end:
                start = time.perf_counter()
                while self.race.steps_done < self._end:
                    self._steps(min(CHUNK, self._end - self.race.steps_done))
                    if time.perf_counter() - start > SLICE_SECONDS:
                        break
                self._moved()
                await asyncio.sleep(LISTENING_SECONDS)
        except Exception as error:  # nobody would see it otherwise
            self.message = str(error)
        finally:
            self.playing = False
            self._moved()
