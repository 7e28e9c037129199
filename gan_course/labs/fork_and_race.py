"""Which change rescues this run? A collapsed game, forked: A goes on as it was, B is changed."""

from __future__ import annotations

import time
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
from PIL import Image
from traitlets import Bool

from gan_course.labs import fork_and_race_picture as picture
from gan_course.labs import fork_and_race_words as words
from gan_course.labs import toy_gan_views as views
from gan_course.labs.drawing import Canvas
from gan_course.labs.fork_and_race_controls import controls
from gan_course.labs.fork_and_race_luck import SEEDS, RescueLuck
from gan_course.labs.fork_and_race_play import PlayedRace
from gan_course.labs.toy_gan_tape import SAMPLES, real_points
from gan_course.toy import ToyGame, floors, modes_covered, sliced_wasserstein

MENU = words.MENU
SHOWN = 250  # real points, and as many fakes, in each picture
CAPTION_SECONDS = 1.0  # while it plays, a screen reader hears a new sentence this often at most


class ForkAndRace(PlayedRace):
    """A collapsed toy game, forked into A (no change) and B (one change). Both go on.

    When they part, both have the same weights, the same memory of their optimisers and the same
    random numbers. So what becomes different comes from the change alone, and without a change
    they stay equal, bit for bit.

    Nothing starts by itself. ``play`` runs on the notebook's own event loop, a slice at a time;
    ``run(n)`` does the same without a browser.

    Attributes (traits):
        change: B's change, fields of ``ToyConfig`` such as {"lr_d": 0.001}. ``MENU`` has some.
            Setting it forks anew.
        fork_step: steps before the fork, 0 to 2000.
        seed: of the game, 0 to 9999.
        step: steps since the fork. Setting it turns back time, like ``rewind``.
        playing: whether it plays now.
        revealed: False until the question about this change is answered or skipped.
        luck_revealed: the same for the question about twelve seeds.
        message: what went wrong, if anything did.

    Attributes:
        race: both games, as ``race.a`` and ``race.b``, and what was measured of them.
        luck: the same with twelve seeds: ``lab.luck.run()``.
        guess, verdict, luck_guess, luck_verdict: of the questions.

    Raises:
        CourseError: for a change that cannot work, or not in a running game.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("revealed", "luck_revealed", "message")

    revealed = Bool(False)
    luck_revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        self._figure: tuple[tuple, dict] = ((), {})
        self._caption_time = 0.0
        self.guess: int | None = None
        self.verdict: dict | None = None
        self.luck_guess: int | None = None
        self.luck_verdict: dict | None = None
        self.luck = RescueLuck(self, self._luck_moved)
        super().__init__(**traits)

    def _new_race(self, same_question: bool) -> None:
        if not same_question:
            self.revealed = self.luck_revealed = False
        self.guess = self.verdict = self.luck_guess = self.luck_verdict = None
        self.luck.forget()

    def _moved(self) -> None:
        if self.race.steps_done >= self.asked_steps:
            self.revealed = True  # there is nothing left to guess
        super()._moved()

    def play(self):
        self.luck.stop()
        return super().play()

    # ---- predictions --------------------------------------------------------------------------

    def predict_modes(self, answer: int | None) -> None:
        """Guess how many modes B covers ``asked_steps`` after the fork; None skips. Either lets
        you play."""
        if answer is None:
            self.predict(words.modes_question(self), None, None)
        self.guess = answer
        self._version += 1
        self.revealed = True

    def predict_luck(self, answer: int | None) -> None:
        """Guess how many of twelve seeds spread again; None skips. Either lets you run them."""
        if answer is None:
            self.predict(words.luck_question(self), None, None)
        self.luck_guess = answer
        self.luck_revealed = True

    def _stepped(self) -> None:
        """The truth about the first guess is what is measured when its step comes."""
        if self.guess is None or self.verdict is not None:
            return
        if self.race.steps_done == self.asked_steps:
            truth = modes_covered(self.race.b.samples(SAMPLES), self.race.b.config.real)
            self.predict(words.modes_question(self), self.guess, truth)
            self.verdict = self.predictions[-1]

    def _luck_moved(self) -> None:
        result = self.luck.result
        if result is not None:
            self.luck_revealed = True
            whole = len(result["seeds"]) == SEEDS and result["steps"] == self.asked_steps
            if self.luck_guess is not None and self.luck_verdict is None and whole:
                self.predict(words.luck_question(self), self.luck_guess, sum(result["holds"]))
                self.luck_verdict = self.predictions[-1]
            self._version += 1
            self.refresh()
        self._show_luck()

    def _show_luck(self) -> None:
        """For the front, which puts its own in place of this."""

    # ---- the numbers --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """The numbers that the picture shows.

        ``step`` since the fork, ``last_step`` that is still known, ``forked_at``, ``asked_steps``;
        ``points_real`` (250, 2); ``before``: of the game before the fork, ``steps``, ``modes`` and
        ``distances`` (sliced Wasserstein), arrays; ``a`` and ``b``: the same after it, and
        ``points_fake`` (250, 2), how many of them lie ``outside``, D's ``logits`` (60, 60), what
        they mean as ``heat`` in [0, 1], the logit where D is ``undecided``, and ``modes_now`` and
        ``distance``; ``apart_steps``, ``apart``, ``apart_now``: distance of the weights of A from
        those of B; ``floors``; ``guess``; ``luck``, the result of twelve seeds or None.
        """
        key = (self._version, self.playing, self.guess)
        if self._figure[0] != key:  # picture and caption ask for the same
            self._figure = (key, self._work_out())
        return self._figure[1] | {"luck": self.luck.result}

    def _work_out(self) -> dict:
        race, real = self.race, self.start_config.real
        now = race.a.steps_done
        apart = {step: value for step, value in race.apart.items() if step <= now}
        apart[now] = race.distance()
        steps, modes, distances = (np.array(column) for column in zip(*race.before, strict=True))
        return {
            "step": race.steps_done,
            "last_step": max(race.tape_a.last_step, now) - race.forked_at,
            "forked_at": race.forked_at,
            "asked_steps": self.asked_steps,
            "points_real": real_points(real, SHOWN).numpy(),
            "before": {"steps": steps, "modes": modes, "distances": distances},
            "a": self._one(race.a, race.tape_a),
            "b": self._one(race.b, race.tape_b),
            "apart_steps": np.array(list(apart)),
            "apart": np.array(list(apart.values())),
            "apart_now": apart[now],
            "floors": floors(real, SAMPLES),
            "guess": self.guess,
        }

    def _one(self, game: ToyGame, tape) -> dict:
        fakes = game.fixed_samples[:SHOWN]
        logits, undecided = views.surface_d(game)
        rows = [(m.step, m.modes, m.distance) for m in tape.moments if m.step <= game.steps_done]
        if rows[-1][0] < game.steps_done:
            real, samples = game.config.real, game.samples(SAMPLES)
            distance = sliced_wasserstein(samples, real_points(real, SAMPLES))
            rows.append((game.steps_done, modes_covered(samples, real), distance))
        steps, modes, distances = (np.array(column) for column in zip(*rows, strict=True))
        return {
            "points_fake": fakes.numpy(),
            "outside": int((fakes.abs() > views.LIMIT).any(dim=1).sum()),
            "logits": logits,
            "undecided": undecided,
            "heat": views.opinion(logits, undecided, game.config.loss),
            "steps": steps,
            "modes": modes,
            "distances": distances,
            "modes_now": int(modes[-1]),
            "distance": float(distances[-1]),
        }

    def alt_text(self) -> str:
        return words.alt_text(self)

    def code(self) -> str:
        return words.code(self)

    # ---- the picture --------------------------------------------------------------------------

    def draw(self, scale: int) -> Canvas:
        lines = words.guess_lines(self)
        if not self.revealed:
            lines = [f"Guess first. {words.modes_question(self)}", *lines]
        if self.message:
            lines = [f"⚠ {self.message}", *lines]
        return picture.draw(self.figure_data(), words.title(self), self.change, lines, scale)

    def render(self) -> Image.Image:
        return self.draw(self.still_scale).image(scale=self.still_scale)

    def live_html(self) -> str:
        # On the move it has to be quick, at rest sharp.
        return self.draw(1 if self.playing else 2).svg(self.alt_text())

    def _show_caption(self) -> None:
        now = time.monotonic()
        if not self.playing or now - self._caption_time > CAPTION_SECONDS:
            self._caption_time = now
            super()._show_caption()

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self)
