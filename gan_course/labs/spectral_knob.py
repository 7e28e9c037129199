"""What does a matrix stretch, how is that measured, and what does a limit on it do to D?"""

from __future__ import annotations

import math
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
from traitlets import Bool, Enum, Float, Int

from gan_course.labs import spectral_knob_picture as picture
from gan_course.labs import spectral_knob_words as words
from gan_course.labs.base import DrawnLab
from gan_course.labs.drawing import Canvas
from gan_course.labs.spectral_knob_controls import controls
from gan_course.labs.spectral_knob_numbers import (
    MOST_ROUNDS,
    PRESETS,
    d_numbers,
    matrix_numbers,
    unit,
)
from gan_course.labs.spectral_knob_training import GAPS, MOST_STEPS

VIEWS = ("matrix", "discriminator")
# What can be answered in each view: a stretch, and a slope.
ANSWERS: dict[str, tuple[float, ...]] = {
    "matrix": (0.0, 1.0, 1.62, 2.0),
    "discriminator": (1.0, 4.0, 7.0, 24.0),
}

# Questions, in order; each says what is set before it is asked.
CASES: tuple[dict, ...] = (
    {"preset": "shear"},
    {"preset": "rotation"},
    {"preset": "lift"},
    {"preset": "flatten"},
    {"view": "discriminator", "gap": 0.5},
    {"view": "discriminator", "gap": 0.25},
    {"view": "discriminator", "gap": 0.25, "spectral_norm": True},
)


class SpectralKnob(DrawnLab):
    """The stretch of a 2x2 matrix and its power iteration; and a D on a line, held or free.

    Attributes (traits):
        view: "matrix" or "discriminator".
        a, b, c, d: the matrix [[a, b], [c, d]], -2 to 2 each.
        angle: where the first v points, in degrees from the right, -180 to 180.
        rounds: of power iteration, 0 to 10.
        normalise: whether the matrix is divided by the estimate of its largest singular value.
        gap: from the fakes to the real points: 2, 1, 0.5 or 0.25.
        spectral_norm: whether D's layers are held.
        steps: of D's training, 0 to 300, of which every 20th was kept.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "view",
        "a",
        "b",
        "c",
        "d",
        "angle",
        "rounds",
        "normalise",
        "gap",
        "spectral_norm",
        "steps",
        "revealed",
    )

    view = Enum(VIEWS, "matrix")
    a = Float(1.0, min=-2.0, max=2.0)
    b = Float(1.0, min=-2.0, max=2.0)
    c = Float(0.0, min=-2.0, max=2.0)
    d = Float(1.0, min=-2.0, max=2.0)
    angle = Float(-20.0, min=-180.0, max=180.0)
    rounds = Int(0, min=0, max=MOST_ROUNDS)
    normalise = Bool(False)
    gap = Enum(GAPS, 0.5)
    spectral_norm = Bool(False)
    steps = Int(MOST_STEPS, min=0, max=MOST_STEPS)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._case = 0
        self._kept: tuple[tuple, dict] = ((), {})

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def matrix(self) -> np.ndarray:
        """The matrix W, (2, 2)."""
        return np.array([[self.a, self.b], [self.c, self.d]])

    def use_preset(self, name: str) -> None:
        """Set the matrix to one of ``PRESETS``: shear, rotation, stretch, flatten, lift, ..."""
        with self.hold_trait_notifications():
            self.a, self.b, self.c, self.d = PRESETS[name]

    def figure_data(self) -> dict:
        """In the view "matrix": matrix; singular (2,), the singular values; right and left (2, 2),
        rows: the directions that are stretched so, and where they go; eigenvalues (2,) and
        largest_eigenvalue, its size; ratio, the second singular value through the first; v, u (2,)
        and estimate, sigma, after ``rounds``; sigmas (11,), the estimate after each round; divisor,
        by which the matrix is divided, and shown (2,), the singular values after that; circle and
        ellipse (121, 2).

        In the view "discriminator": gap, steps; x and logits (81,), D's curve; steepest (16,), its
        largest slope in each snapshot, steepest_now and steepest_at_end; loss, D's;
        slope_at_fakes, which is what G gets from the hinge loss; wanted, 2 / gap: the slope that
        would lead from one margin to the other.
        """
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        if self.view == "matrix":
            return matrix_numbers(self.matrix, unit(self.angle), self.rounds, self.normalise)
        return d_numbers(self.gap, self.spectral_norm, self.steps)

    def code(self) -> str:
        return words.code(self)

    def alt_text(self) -> str:
        settings = words.settings(self)
        if not self.revealed:
            return f"{settings} {words.question(self)} Make a guess, or skip."
        return " ".join([settings, *words.results(self, self.figure_data())])

    # ---- predictions --------------------------------------------------------------------------

    @property
    def answers(self) -> tuple[float, ...]:
        """What can be guessed in this view."""
        return ANSWERS[self.view]

    def truth(self) -> float:
        """The answer that is nearest to what is measured."""
        data = self.figure_data()
        if self.view == "matrix":
            return min(self.answers, key=lambda answer: abs(answer - data["singular"][0]))
        # Slopes are compared as factors: 2 lies between 1 and 4.
        measured = math.log(max(data["steepest_at_end"], 1e-3))
        return min(self.answers, key=lambda answer: abs(math.log(answer) - measured))

    def predict_stretch(self, answer: float | None) -> None:
        """Guess one of ``answers``; None skips. Either opens the lab."""
        self.predict(self._asked(), answer, self.truth())
        self.revealed = True

    def _asked(self) -> str:
        return f"{words.subject(self)} {words.question(self)}"

    def guess(self) -> dict | None:
        """The last answer to exactly this question: another matrix is another question."""
        for entry in reversed(self.predictions):
            if entry["question"] == self._asked() and entry["answer"] is not None:
                return entry
        return None

    def next_question(self) -> None:
        """Set up the next of ``CASES`` and hide its result."""
        self._case = (self._case + 1) % len(CASES)
        case = dict(CASES[self._case])
        preset = PRESETS[case.pop("preset", "shear")]
        usual = {name: self.traits()[name].default_value for name in self.picture_traits}
        settings = usual | dict(zip("abcd", preset, strict=True)) | case
        del settings["revealed"]
        self.revealed = False
        with self.hold_trait_notifications():
            for name, value in settings.items():
                setattr(self, name, value)

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        guess = self.guess() if self.revealed else None
        ghost = guess["answer"] if guess else None
        lines = words.results(self, data) if self.revealed else [words.question(self)]
        if self.view == "matrix":
            return picture.draw_matrix(data, self.rounds, self.revealed, ghost, lines)
        return picture.draw_discriminator(
            data, self.spectral_norm, self.revealed, ghost, lines, MOST_STEPS
        )

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self)
