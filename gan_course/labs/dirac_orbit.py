"""Why do two gradient descents circle?"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
from traitlets import Bool, Enum, Float, Int

from gan_course.labs import dirac_picture, dirac_words
from gan_course.labs.base import DrawnLab, column, ghost_html, heading, question_html, slider
from gan_course.labs.drawing import Canvas
from gan_course.toy.dirac import VANISHED_RADIUS, DiracGAN, radius_slope

ANSWERS = ("in", "circle", "out")
SAME = 1.1  # a radius that grows or shrinks by less than this factor counts as a circle
ARROWS = 15  # of the vector field, in a row and in a column
FEWEST = 10  # steps from which a factor per step can be measured

# Questions, in order; each says what differs from the settings that a lab begins with.
CASES: tuple[dict, ...] = (
    {},
    {"order": "alternating"},
    {"r1_gamma": 0.3},
    {"noise_std": 0.5},
    {"loss": "non-saturating"},
    {"loss": "non-saturating", "theta": 0.1},
    {"loss": "minimax", "noise_std": 0.5},
    {"loss": "hinge", "theta": 2.0, "psi": -2.0, "order": "alternating"},
    {"lr": 1.5},
)


class DiracOrbit(DrawnLab):
    """The Dirac-GAN: a generator and a discriminator of one parameter each, step by step.

    All real data sits at 0, all fakes at ``theta``, and D's logit is ``psi`` times x.

    Attributes (traits):
        loss: "wasserstein", "non-saturating", "minimax" (the saturating one) or "hinge".
        order: "simultaneous", or "alternating": D steps first.
        lr: the learning rate η of both players, 0.01 to 2.5.
        r1_gamma: γ of the R1 penalty γ/2 · |∇D|² on real data, 0 to 3.
        noise_std: standard deviation of the instance noise, 0 to 1.
        theta, psi: where both players start, -3 to 3.
        steps: 1 to 500.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "loss",
        "order",
        "lr",
        "r1_gamma",
        "noise_std",
        "theta",
        "psi",
        "steps",
        "revealed",
    )

    loss = Enum(("wasserstein", "non-saturating", "minimax", "hinge"), "wasserstein")
    order = Enum(("simultaneous", "alternating"), "simultaneous")
    lr = Float(0.1, min=0.01, max=2.5)
    r1_gamma = Float(0.0, min=0.0, max=3.0)
    noise_std = Float(0.0, min=0.0, max=1.0)
    theta = Float(1.0, min=-3.0, max=3.0)
    psi = Float(0.0, min=-3.0, max=3.0)
    steps = Int(300, min=1, max=500)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._case = 0
        self._kept: tuple[tuple, dict] = ((), {})

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def game(self) -> DiracGAN:
        """The engine with these settings."""
        return DiracGAN(
            self.loss, self.lr, self.order == "alternating", self.r1_gamma, self.noise_std
        )

    def figure_data(self) -> dict:
        """theta, psi, radius: the path, as arrays of (steps + 1,), shorter if it ran away, then
        escaped_at is the step; arrived_at, the step from which the radius is 0 but for rounding;
        measured, the factor per step of this run (None if it never moves, or arrives too soon to
        measure); verdict, "in", "circle" or "out"; eigenvalues and factor, their largest modulus;
        grid, field_theta, field_psi: the vector field; limit, the plane's half side, and clipped,
        whether the path leaves it; flat, the boxes (theta, psi, width, height) where D has no
        gradient."""
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        game = self.game
        path = game.trajectory((self.theta, self.psi), self.steps)
        near = np.flatnonzero(path.radius < VANISHED_RADIUS)
        arrived_at = int(near[0]) if len(near) else None
        measured = None
        if arrived_at is None or arrived_at >= FEWEST:
            measured = radius_slope(path.radius)
        furthest = float(np.maximum(abs(path.theta), abs(path.psi)).max())
        # A path that leaves is followed for a while; the scale must not hide where it began.
        start = float(path.radius[0])
        limit = max(0.1, min(1.1 * furthest, 5 * max(1.0, start)))
        if not self.revealed:  # nor may it tell where the path leads
            limit = max(1.6 * start, 0.1)
        cell = 2 * limit / ARROWS
        grid = [-limit + cell * (k + 0.5) for k in range(ARROWS)]
        field_theta, field_psi = game.vector_field(grid, grid)
        return {
            "theta": path.theta,
            "psi": path.psi,
            "radius": path.radius,
            "steps": self.steps,
            "escaped_at": path.escaped_at,
            "arrived_at": arrived_at,
            "measured": measured,
            "verdict": self._verdict(measured, arrived_at, path.steps),
            "eigenvalues": game.eigenvalues(),
            "eigenvalue_text": dirac_words.eigenvalues(*game.eigenvalues()),
            "factor": game.radius_factor(),
            "grid": grid,
            "field_theta": field_theta,
            "field_psi": field_psi,
            "limit": limit,
            "tick": _round_below(0.95 * limit),
            "clipped": furthest > limit,
            "flat": _flat_boxes(limit) if self.loss == "hinge" and self.noise_std == 0 else [],
        }

    def _verdict(self, measured: float | None, arrived_at: int | None, steps: int) -> str:
        """Where the run leads, by the whole change of its fitted radius."""
        if measured is None:
            return "in" if arrived_at else "circle"
        change = steps * math.log(measured)
        if abs(change) <= math.log(SAME):
            return "circle"
        return "out" if change > 0 else "in"

    def code(self) -> str:
        return dirac_words.code(self)

    def alt_text(self) -> str:
        settings = dirac_words.settings(self)
        if not self.revealed:
            return f"{settings} In, circle, or out? Make a guess, or skip."
        data = self.figure_data()
        return " ".join([settings, dirac_words.outcome(data), *dirac_words.notes(self, data)])

    # ---- predictions --------------------------------------------------------------------------

    def predict_way(self, answer: str | None) -> None:
        """Guess "in", "circle" or "out"; None skips. Either opens the lab."""
        self.predict(self._question(), answer, self.figure_data()["verdict"])
        self.revealed = True

    def next_question(self) -> None:
        """Set up the next of ``CASES`` and hide its result."""
        self._case = (self._case + 1) % len(CASES)
        names = [name for name in self.picture_traits if name != "revealed"]
        case = {name: self.traits()[name].default_value for name in names} | CASES[self._case]
        self.revealed = False
        for name, value in case.items():
            setattr(self, name, value)

    def _question(self) -> str:
        return f"{dirac_words.settings(self)} In, circle, or out?"

    def guess(self) -> str | None:
        """The last answer to exactly this question: other settings are another question."""
        for entry in reversed(self.predictions):
            if entry["question"] == self._question():
                return entry["answer"]
        return None

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        lines = ["The arrows show where both players want to go. Where do their steps lead?"]
        if self.revealed:
            lines = [dirac_words.factors(self, data), *dirac_words.notes(self, data)]
        settings = dirac_words.settings(self)
        return dirac_picture.draw(data, self.revealed, self.guess(), lines, settings)

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        text = widgets.HTML()
        buttons = [widgets.Button(description=a, layout={"width": "72px"}) for a in ANSWERS]
        skip = widgets.Button(description="skip", layout={"width": "72px"})
        for button in buttons:
            button.on_click(lambda b: self.predict_way(b.description))
        skip.on_click(lambda b: self.predict_way(None))
        answers = widgets.HBox([*buttons, skip])
        again = widgets.Button(description="Next question", layout={"width": "140px"})
        again.on_click(lambda b: self.next_question())

        loss = widgets.Dropdown(
            options=list(dirac_words.LOSS_NAMES.items()),
            description="loss",
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )
        order = widgets.ToggleButtons(options=["simultaneous", "alternating"])
        order.style.button_width = "150px"
        widgets.link((self, "loss"), (loss, "value"))
        widgets.link((self, "order"), (order, "value"))

        def number(trait: str, label: str, low: float, high: float, step: float) -> widgets.Widget:
            kind = widgets.FloatSlider
            return slider(self, trait, label, kind=kind, min=low, max=high, step=step)

        sliders = [
            number("lr", "lr η", 0.01, 2.5, 0.01),
            number("r1_gamma", "r1_gamma γ", 0.0, 3.0, 0.05),
            number("noise_std", "noise_std σ", 0.0, 1.0, 0.05),
            slider(self, "steps", "steps", min=1, max=500),
            number("theta", "start θ", -3.0, 3.0, 0.1),
            number("psi", "start ψ", -3.0, 3.0, 0.1),
        ]

        def follow(change: dict | None = None) -> None:
            for widget in (loss, order, *sliders):
                widget.disabled = not self.revealed
            answers.layout.display = "none" if self.revealed else None
            again.layout.display = None if self.revealed else "none"
            guess = self.guess()
            if not self.revealed:
                asked = f"After {self.steps} steps: further in, still on a circle (its radius "
                text.value = question_html(asked + "within a tenth), or further out?")
            elif guess is not None:
                verdict = self.figure_data()["verdict"]
                right = "right." if guess == verdict else f"what happens is “{verdict}”."
                text.value = ghost_html(f"Your guess, dotted: “{guess}”; {right}")
            else:
                text.value = ""

        self.observe(follow, names=list(self.picture_traits))
        follow()
        question = widgets.VBox([text, answers, again], layout=widgets.Layout(max_width="335px"))
        start = heading("Where they start")
        return column(question, loss, order, *sliders[:4], start, *sliders[4:])


def _flat_boxes(limit: float) -> list[tuple[float, float, float, float]]:
    """The hinge loss's flat region psi · theta <= -1 inside the plane, as narrow columns."""
    if limit**2 <= 1:
        return []
    # From where psi = -limit is just flat, each column a bit wider than the last.
    edges = np.geomspace(1 / limit, limit, 80).tolist()
    boxes = []
    for theta, end in pairwise(edges):
        width = end - theta
        top = 1 / (theta + width / 2)  # the fakes' logit is -1 at psi = -1 / theta
        boxes.append((theta, -limit, width, limit - top))
        boxes.append((-theta - width, top, width, limit - top))
    return boxes


def _round_below(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (5, 2, 1) if m * power <= value * (1 + 1e-9))
