"""A GAN on points of the plane, to play with: start it, stop it, turn back time."""

from __future__ import annotations

import time
from html import escape
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
from PIL import Image
from traitlets import Bool, Enum, Unicode

from gan_course import doctor
from gan_course.labs import toy_gan_picture as picture
from gan_course.labs import toy_gan_plots as plots
from gan_course.labs import toy_gan_views as views
from gan_course.labs import toy_gan_words as words
from gan_course.labs.base import TEXT
from gan_course.labs.toy_gan_controls import lay_out
from gan_course.labs.toy_gan_luck import Luck
from gan_course.labs.toy_gan_play import PlayedGame
from gan_course.labs.toy_gan_tape import SAMPLES, real_points
from gan_course.toy import floors, measure

SHOWN = 300  # real points, and as many fakes, in the picture
ARROWS = 64
CAPTION_SECONDS = 1.0  # while it plays, a screen reader hears a new sentence this often at most
ASKED = 1000  # the question is about the next multiple of so many steps
GOOD = 2.0  # without modes to count: at most so many times a perfect generator's worst distance


class ToyGAN(PlayedGame):
    """Two networks that learn against each other, with everything about them on the table.

    Playing runs on the notebook's own event loop, a slice at a time, so that the pause button and
    other cells keep working. Nothing starts by itself. ``run`` does the same without a browser.

    Args:
        config: a ``ToyConfig`` in place of a preset.
        traits: any of the below, for example ``ToyGAN(preset="collapse", seed=3)``.

    Attributes (traits):
        preset: a key of ``gan_course.toy.PRESETS``, or "own". Setting it begins a new game.
        distribution: a name, or what ``make_distribution`` returns. Begins a new game.
        seed: of all random numbers. Begins a new game.
        loss, lr_d, lr_g, k_d, k_g, r1_gamma, instance_noise, freeze_d, freeze_g: as in
            ``ToyConfig``. They may change while the game goes on.
        heat: what colours the plane: "D", the best possible "D*", or "off".
        show_force: arrows from some fakes, where G's loss pushes them.
        show_sheet: a square sheet of z, as G bends it.
        speed: steps in a frame while it plays: 1, 5, 20, or 0 for as many as fit.
        playing: whether it plays now.
        step: whole steps so far. Setting it turns back time, like ``rewind``.
        message: what went wrong, if anything did.
        advice: what the doctor said when asked, until the game goes on.
        revealed: False until the question is answered or skipped; the play button waits for that.

    Attributes:
        game: the ``ToyGame``, for looking at it with functions of your own.
        loss_g, loss_d: None, or a loss of your own, as in ``ToyGame``.
        luck: the same game with twelve seeds: ``lab.luck.run()``.
        asked_step, guess, verdict: of the question.
        steps_per_second: while it played last.

    Raises:
        CourseError: for a choice that cannot work.
    """

    picture_traits: ClassVar = ("heat", "show_force", "show_sheet", "revealed", "advice")
    still_scale: ClassVar = 2

    heat = Enum(("D", "D*", "off"), "D")
    show_force = Bool(True)
    show_sheet = Bool(False)
    revealed = Bool(False)
    advice = Unicode("")

    def __init__(self, config=None, **traits: object) -> None:
        self._caption_time = 0.0
        self._figure: tuple[tuple, dict] = ((), {})
        self._quality: tuple[int, dict] = (-1, {})
        self.asked_step = ASKED
        self.guess: int | None = None
        self.verdict: dict | None = None
        self.luck = Luck(self, self._show_luck)
        super().__init__(config, **traits)

    def _new_game(self) -> None:
        self.guess = self.verdict = None
        self.asked_step = ASKED
        self.luck.stop()
        self.luck.result = None
        self._show_luck()

    def _off_the_path(self) -> None:
        """The guess was about a game that nobody interferes with."""
        self.guess = None

    def play(self):
        self.luck.stop()
        return super().play()

    # ---- the numbers --------------------------------------------------------------------------

    def floors(self) -> dict:
        """What a perfect generator scores, see ``gan_course.toy.floors``."""
        return floors(self.config.real, SAMPLES)

    def quality(self) -> dict:
        """What ``gan_course.toy.measure`` says of the game as it stands."""
        if self._quality[0] != self._version:
            self._quality = (self._version, measure(self.game, SAMPLES))
        return self._quality[1]

    def figure_data(self) -> dict:
        """The numbers that the picture shows.

        ``step``, ``last_step``; ``points_real``, ``points_fake`` (300, 2) and how many fakes lie
        ``outside``; ``heat`` (60, 60) in [0, 1], the first row at the top, NaN where nobody is,
        or None; ``logits`` (60, 60) of D, and ``undecided``, the logit of its dividing line;
        ``force_points`` and ``force`` (64, 2), -dL_G/dx, or None; ``sheet`` (21, 21, 2) and which
        cells are ``folded`` (20, 20), or None; ``loss_d``, ``loss_g`` of every step; ``moments``:
        ``step``, ``modes``, ``distance``; ``all_modes``, their number, or None; ``floors``;
        ``guess``: None, or its step and number.
        """
        key = (self._version, self.heat, self.show_force, self.show_sheet, self.guess, self.playing)
        if self._figure[0] != key:  # picture, legend and caption all ask for the same
            self._figure = (key, self._work_out())
        return self._figure[1]

    def _work_out(self) -> dict:
        game, real = self.game, self.config.real
        fakes = game.fixed_samples[:SHOWN]
        logits, undecided = views.surface_d(game)
        heat = None
        if self.heat == "D":
            heat = views.opinion(logits, undecided, self.config.loss)
        elif self.heat == "D*":
            heat = views.optimal_d(game)
        sheet, folded = views.sheet(game) if self.show_sheet else (None, None)
        guess = None
        if self.guess is not None and real.modes is not None:
            guess = (self.asked_step, self.guess)
        return {
            "step": game.steps_done,
            "last_step": self.last_step,
            "points_real": real_points(real, SHOWN).numpy(),
            "points_fake": fakes.numpy(),
            "outside": int((fakes.abs() > views.LIMIT).any(dim=1).sum()),
            "heat": heat,
            "logits": logits,
            "undecided": undecided,
            "force_points": fakes[:ARROWS].numpy() if self.show_force else None,
            "force": game.force(fakes[:ARROWS]).numpy() if self.show_force else None,
            "sheet": sheet,
            "folded": folded,
            **game.history,
            "moments": self._curves(),
            "all_modes": None if real.modes is None else len(real.modes),
            "floors": self.floors(),
            "guess": guess,
        }

    def _curves(self) -> dict[str, np.ndarray]:
        """What was measured at the kept moments, up to now; at rest, the present moment too."""
        now = self.game.steps_done
        rows = [(m.step, m.modes, m.distance) for m in self.moments if m.step <= now]
        if not self.playing and rows[-1][0] < now:
            quality = self.quality()
            rows.append((now, quality.get("modes_covered"), quality["sliced_wasserstein"]))
        step, modes, distance = (np.array(column) for column in zip(*rows, strict=True))
        return {"step": step, "modes": modes, "distance": distance}

    def diagnose(self) -> doctor.Diagnosis:
        """What the doctor says, from what was measured at the kept moments up to now."""
        now = self.game.steps_done
        return doctor.diagnose([m.health for m in self.moments if 0 < m.step <= now])

    def ask_doctor(self) -> str:
        """The same as a sentence below the picture, until the game goes on."""
        self.advice = f"The doctor, at step {self.game.steps_done:,}: {self.diagnose()}"
        return self.advice

    def alt_text(self) -> str:
        said = [words.caption(self), words.guess_line(self), self.message, self.advice]
        if not self.revealed:
            said.append(words.question(self) + " Make a guess, or skip.")
        return " ".join(part for part in said if part)

    def code(self) -> str:
        return words.code(self)

    # ---- prediction ---------------------------------------------------------------------------

    @property
    def answers(self) -> int:
        """The largest answer: the number of modes, or 1 for yes where there is none to count."""
        modes = self.config.real.modes
        return 1 if modes is None else len(modes)

    def predict_modes(self, answer: int | None) -> None:
        """Guess how many modes will be covered at ``asked_step``; None skips. Either lets you
        play. Without modes: 1 for "it will look right", 0 for "it won't"."""
        if answer is None:
            self.predict(words.question(self), None, None)
        self.guess = answer
        self.revealed = True

    def _steps(self, most: int) -> None:
        """The truth about the guess is what was measured when its step came."""
        super()._steps(most)
        if self.guess is None or self.verdict is not None:
            return
        moment = self.moments[-1]
        if moment.step >= self.asked_step:
            truth = moment.modes
            if truth is None:
                limit = GOOD * self.floors()["sliced_wasserstein"].worst
                truth = int(moment.distance <= limit)
            self.predict(words.question(self), self.guess, truth)
            self.verdict = self.predictions[-1]

    def _moved(self) -> None:
        self.advice = ""
        if not self.revealed:
            self.asked_step = ASKED * (self.game.steps_done // ASKED + 1)
        super()._moved()

    # ---- the picture --------------------------------------------------------------------------

    def render(self) -> Image.Image:
        """Plane, legend and charts on one card; below them the twelve games, if there are any."""
        scale, data, gap = self.still_scale, self.figure_data(), 20 * self.still_scale
        plane = picture.draw_plane(data, scale)
        legend = plots.draw_legend(data, words.heat_name(self), words.legend_lines(self, data))
        legend = legend.image(scale)
        charts = plots.draw_charts(data).image(scale)
        title = plots.draw_title(words.title(self)).image(scale)
        parts = [
            (title, 0, 0),
            (plane, 0, title.height),
            (legend, 0, title.height + plane.height),
            (charts, plane.width + gap, 0),
        ]
        if self.luck.result is not None:
            low = max(part.height + y for part, _, y in parts) + gap
            parts.append((plots.draw_luck(self.luck.result).image(scale), 0, low))
        width = max(part.width + x for part, x, _ in parts)
        height = max(part.height + y for part, _, y in parts)
        card = Image.new("RGB", (width, height), "white")
        for part, x, y in parts:
            card.paste(part, (x, y))
        return card

    def live_html(self) -> str:
        data = self.figure_data()
        step = f"step {data['step']:,}"
        plane = picture.plane_html(data, sharp=not self.playing, alt=f"The plane at {step}.")
        title = plots.draw_title(words.title(self)).svg(words.title(self))
        lines = words.legend_lines(self, data)
        legend = plots.draw_legend(data, words.heat_name(self), lines).svg("What the marks mean.")
        charts = plots.draw_charts(data).svg(f"Curves up to {step}; the last values stand below.")
        message = ""
        if self.message:
            message = f'<p role="alert" style="{TEXT}">⚠ {escape(self.message)}</p>'
        if self.advice:
            message += f'<p role="status" style="{TEXT}">{escape(self.advice)}</p>'
        card = "display:flex;flex-wrap:wrap;gap:12px;background:#fff;padding:4px"
        return (
            f'{message}<div style="{card}"><div style="display:flex;flex-direction:column">'
            f"{title}{plane}{legend}</div>{charts}</div>"
        )

    def _show_caption(self) -> None:
        now = time.monotonic()
        if not self.playing or now - self._caption_time > CAPTION_SECONDS:
            self._caption_time = now
            super()._show_caption()

    def _show_luck(self) -> None:
        """For the front, which puts its own in place of this."""

    def ui(self) -> widgets.Widget:
        if self._ui is None:
            self._ui = lay_out(self, self._picture, self._caption, self._code_box)
            self.refresh()
        return self._ui
