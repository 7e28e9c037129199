"""The part of ``ToyGAN`` that plays: one game, its choices as traits, and the way back in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

from traitlets import Any, Bool, Enum, Float, Int, Unicode

from gan_course.errors import CourseError
from gan_course.labs.base import Lab
from gan_course.labs.toy_gan_tape import Moment, Tape
from gan_course.toy import LOSS_NAMES, PRESETS, ToyConfig, ToyGame
from gan_course.toy.config import NOT_MID_RUN

FRAME_SECONDS = 0.048  # of a frame, while it plays: training, drawing, and listening
LEAST_TRAINING, MOST_TRAINING = 0.020, 0.041  # of it for training; what drawing leaves over
LISTENING_SECONDS = 0.002  # the notebook always gets its turn: it has to hear clicks
OWN = "own"  # no preset

# Choices that are traits of the lab, named as in ToyConfig. The others come from the preset, or
# from a config of one's own.
CHOICES = (
    "distribution",
    "loss",
    "lr_d",
    "lr_g",
    "k_d",
    "k_g",
    "r1_gamma",
    "instance_noise",
    "freeze_d",
    "freeze_g",
    "seed",
)


class PlayedGame(Lab):
    """A ``ToyGame`` that one can start, stop, step, change and rewind. See ``ToyGAN``."""

    asked_step: ClassVar = 1000  # what the first question is about

    preset = Enum((*PRESETS, OWN), "balanced")
    distribution = Any("ring8")
    loss = Enum(tuple(LOSS_NAMES), "non_saturating")
    lr_d = Float(1e-3)
    lr_g = Float(1e-3)
    k_d = Int(1)
    k_g = Int(1)
    r1_gamma = Float(0.0)
    instance_noise = Float(0.0)
    freeze_d = Bool(False)
    freeze_g = Bool(False)
    seed = Int(0)
    speed = Enum((1, 5, 20, 0), 0)
    playing = Bool(False)
    step = Int(0, min=0)
    message = Unicode("")

    def __init__(self, config: ToyConfig | None = None, **traits: object) -> None:
        if config is not None:
            traits = {"preset": OWN} | traits
        chosen = {name: traits.pop(name) for name in CHOICES if name in traits}
        super().__init__(**traits)
        if config is None:
            config = ToyConfig() if self.preset == OWN else PRESETS[self.preset].config
        self.steps_per_second = 0.0
        self._loss_g: Callable | None = None
        self._loss_d: Callable | None = None
        self._task: asyncio.Task | None = None
        self._version = 0  # of the game: what was worked out of it holds as long as it is the same
        self._begin(config.replace(**chosen))
        self.observe(self._preset_chosen, names="preset")
        self.observe(self._choice_changed, names=list(CHOICES))
        self.observe(self._step_set, names="step")

    # ---- beginning and changing ---------------------------------------------------------------

    @property
    def config(self) -> ToyConfig:
        """The choices as they are now."""
        return self.game.config

    @property
    def actions(self) -> list[tuple[str, object]]:
        """All that was done to the game since it began, see ``Tape``."""
        return self._tape.actions

    @property
    def moments(self) -> list[Moment]:
        """The moments one can come back to, oldest first."""
        return self._tape.moments

    @property
    def last_step(self) -> int:
        """The last step that is still known, after a rewind too."""
        return max(self._tape.last_step, self.game.steps_done)

    def _begin(self, config: ToyConfig) -> None:
        """A new game."""
        game = ToyGame(config)
        self.playing = False
        self.game, self.start_config, self.message = game, config, ""
        self._tape = Tape(game)
        for name, function in (("loss_g", self._loss_g), ("loss_d", self._loss_d)):
            if function is not None:
                setattr(game, name, function)
                self._tape.note(name, function_name(function))
        self._tape.keep()
        self._new_game()
        self._moved()

    def _new_game(self) -> None:
        """For the lab on top: what belonged to the old game is over."""

    def _off_the_path(self) -> None:
        """For the lab on top: something else than a plain step was done."""

    def reset(self) -> None:
        """The same choices, from the beginning."""
        self._begin(self.config)

    def restore_preset(self) -> None:
        """The preset as it was, from the beginning; only the seed stays."""
        self._loss_g = self._loss_d = None
        config = ToyConfig() if self.preset == OWN else PRESETS[self.preset].config
        self._begin(config.replace(seed=self.config.seed))

    def _preset_chosen(self, change: dict) -> None:
        if change["new"] != OWN:
            self.restore_preset()

    def _choice_changed(self, change: dict) -> None:
        name, value = change["name"], change["new"]
        if value == getattr(self.config, name):
            return  # it was the trait that followed the game
        try:
            if name in NOT_MID_RUN or name == "distribution":
                self._begin(self.config.replace(**{name: value}))
                return
            self.game.change(**{name: value})
        except CourseError:
            setattr(self, name, getattr(self.config, name))
            raise
        if name == "loss":
            self._loss_g = self._loss_d = None
        self._tape.note("change", {name: value})
        self._changed()

    @property
    def loss_g(self) -> Callable | None:
        return self._loss_g

    @loss_g.setter
    def loss_g(self, function: Callable | None) -> None:
        self._own_loss("loss_g", function)

    @property
    def loss_d(self) -> Callable | None:
        return self._loss_d

    @loss_d.setter
    def loss_d(self, function: Callable | None) -> None:
        self._own_loss("loss_d", function)

    def _own_loss(self, name: str, function: Callable | None) -> None:
        setattr(self, f"_{name}", function)
        setattr(self.game, name, function)
        self._tape.note(name, function_name(function))
        self._changed()

    def _changed(self) -> None:
        """After anything but a whole step."""
        self._off_the_path()
        self._tape.keep()
        self._moved()

    def _moved(self) -> None:
        """The game is not what it was: traits and picture follow."""
        self._version += 1
        for name in CHOICES:
            setattr(self, name, getattr(self.config, name))
        self.step = self.game.steps_done
        self.refresh()

    # ---- learning -----------------------------------------------------------------------------

    def run(self, steps: int) -> PlayedGame:
        """Play so many steps now, and return; the picture follows once.

        Raises:
            CourseError: when the game breaks; it then stands at its last good moment.
        """
        self.playing = False
        self.message = ""
        end = self.game.steps_done + steps
        try:
            while self.game.steps_done < end:
                self._steps(end - self.game.steps_done)
        except Exception as error:
            self._fail(error)
            raise
        finally:
            self._moved()
        return self

    def step_d(self) -> None:
        """One update of D alone. It does not count as a step."""
        self._single("step_d")

    def step_g(self) -> None:
        """One update of G alone. It does not count as a step."""
        self._single("step_g")

    def _single(self, which: str) -> None:
        self.playing = False
        self.message = ""
        try:
            getattr(self.game, which)()
        except Exception as error:
            self._fail(error)
            self._moved()
            raise
        self._tape.note(which, 1)
        self._changed()

    def _steps(self, most: int) -> None:
        """At most so many steps, up to the next moment that is to be kept."""
        game, tape = self.game, self._tape
        if game.steps_done < tape.last_step:
            tape.forget_the_future()
        count = min(most, tape.every - game.steps_done % tape.every)
        game.step(count)
        tape.note("step", count)
        if game.steps_done % tape.every == 0:
            tape.keep()

    def _fail(self, error: Exception) -> None:
        """Back to the last moment that was kept, and say why."""
        config, broken_at = self.config, self.game.steps_done
        self.playing = False
        moment = self._tape.moments[-1]
        self._restore(moment)
        if "no number" in str(error):
            self.message = (
                f"The game broke soon after step {max(broken_at, moment.step):,}: a weight or a "
                f"loss is no number any more. You see step {moment.step:,}, the last good moment. "
                f"Usually a learning rate is too large (lr_d={moment.snapshot.config.lr_d:g}, "
                f"lr_g={config.lr_g:g}): take a tenth of it."
            )
        else:
            self.message = f"It stopped at step {moment.step:,}: {error}"

    def rewind(self, step: int) -> int:
        """Back to the last moment that was kept at this step or before, or forth again.

        The choices of that moment come back, too. What came later stays within reach until you go
        on from here.

        Returns:
            The step of that moment.
        """
        self.playing = False
        self.message = ""
        moment = self._tape.before(step)
        self._restore(moment)
        self._moved()
        return moment.step

    def _restore(self, moment: Moment) -> None:
        self.game.restore(moment.snapshot)
        self._loss_g, self._loss_d = self.game.loss_g, self.game.loss_d
        self._tape.actions = list(moment.actions)

    def _step_set(self, change: dict) -> None:
        if change["new"] != self.game.steps_done:
            self.rewind(change["new"])

    # ---- playing ------------------------------------------------------------------------------

    def play(self) -> asyncio.Task:
        """Play until ``pause``, as a task of the event loop that every notebook has.

        Raises:
            CourseError: where no event loop runs, as in a plain script. Use ``run`` there.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CourseError("there is no event loop to play on here: use run(n).") from None
        self.message = ""
        self.playing = True
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._play())
        return self._task

    def pause(self) -> None:
        """Stop after the slice that is running."""
        self.playing = False

    async def _play(self) -> None:
        drawing, step_seconds = 0.010, 0.001  # first guesses, measured from then on
        try:
            while self.playing:
                start, first = time.perf_counter(), self.game.steps_done
                training = FRAME_SECONDS - drawing - LISTENING_SECONDS
                training = min(max(training, LEAST_TRAINING), MOST_TRAINING)
                done = 0
                while (left := training - (time.perf_counter() - start)) > 0:
                    most = max(1, int(left / step_seconds))  # as many as should fit
                    if self.speed:
                        most = min(most, self.speed - done)
                    if most == 0:
                        break
                    self._steps(most)
                    done = self.game.steps_done - first
                trained = time.perf_counter()
                step_seconds = (trained - start) / done
                self._moved()
                drawing = time.perf_counter() - trained
                rest = FRAME_SECONDS - (time.perf_counter() - start) if self.speed else 0.0
                await asyncio.sleep(max(LISTENING_SECONDS, rest))
                self.steps_per_second = done / (time.perf_counter() - start)
        except Exception as error:  # nobody would see it otherwise
            self._fail(error)
        finally:
            self.playing = False
            self._moved()


def function_name(function: Callable | None) -> str:
    return "None" if function is None else getattr(function, "__name__", "my_loss")
