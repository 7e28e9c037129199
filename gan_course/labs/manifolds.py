"""Fidelity or diversity? Precision and recall as balls that one can see."""

from __future__ import annotations

import math
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor
from traitlets import Bool, Int

from gan_course import palette
from gan_course.errors import CourseError
from gan_course.evaluation.precision_recall import ball_radii, distances_between, inside_any_ball
from gan_course.labs.base import DrawnLab, Number, column, heading, slider
from gan_course.labs.drawing import FAINT, INK, Canvas
from gan_course.labs.guess_controls import guess_box
from gan_course.labs.small_charts import plane

ANSWERS = ("both fall", "precision up, recall down", "precision down, recall up")
QUESTION = (
    "The truncation goes from 1 to 0.3: the fakes move towards the middles of their modes. What "
    "happens to precision and recall?"
)
MODES, RADIUS, SPREAD = 6, 1.7, 0.3
SIDE, CELLS = 330, 110
WIDTH, HEIGHT = 720, 470


class Manifolds(DrawnLab):
    """Six modes in the plane, and the balls around real points and around fakes.

    Attributes (traits):
        k: which neighbour a ball reaches to, 1 to 10.
        count: real points and fakes, as many of each, 20 to 600.
        truncation: spread of the fakes within their modes, 0.1 to 1.5.
        modes_kept: of the six modes, how many the fakes have.
        off: how far the fakes stand off, towards the middle of the plane, 0 to 1.
        outlier: one real point is pulled to the middle, away from the others, 0 to 1.
        seed: of all samples.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "k",
        "count",
        "truncation",
        "modes_kept",
        "off",
        "outlier",
        "seed",
        "revealed",
    )

    k = Int(3, min=1, max=10)
    count = Int(120, min=20, max=600)
    truncation = Number(1.0, min=0.1, max=1.5)
    modes_kept = Int(MODES, min=1, max=MODES)
    off = Number(0.0, min=0.0, max=1.0)
    outlier = Number(0.0, min=0.0, max=1.0)
    seed = Int(0, min=0, max=9999)
    revealed = Bool(False)

    def points(self, truncation: float) -> tuple[Tensor, Tensor]:
        """Real points and fakes: (count, 2) each, float64."""
        rng = torch.Generator().manual_seed(self.seed)
        real = _modes(self.count, MODES, 1.0, rng)
        fake = _modes(self.count, self.modes_kept, truncation, rng) * (1 - 0.7 * self.off)
        if self.outlier:  # the first one goes to the middle, where no real point is
            real[0] = real[0] * (1 - self.outlier)
        return real, fake

    def figure_data(self) -> dict:
        """real, fake (count, 2); radii_real, radii_fake; precision and recall; real_found (count,),
        whether a real point lies in a fake's ball, and fake_found the other way round."""
        real, fake = self.points(self.truncation)
        radii_real, radii_fake = ball_radii(real, self.k), ball_radii(fake, self.k)
        fake_found = inside_any_ball(fake, real, radii_real)
        real_found = inside_any_ball(real, fake, radii_fake)
        return {
            "real": real.numpy(),
            "fake": fake.numpy(),
            "radii_real": radii_real.numpy(),
            "radii_fake": radii_fake.numpy(),
            "real_found": real_found.numpy(),
            "fake_found": fake_found.numpy(),
            "precision": fake_found.double().mean().item(),
            "recall": real_found.double().mean().item(),
        }

    def alt_text(self) -> str:
        text = (
            f"{self.count} real points in {MODES} modes; as many fakes in {self.modes_kept} modes, "
            f"truncation {self.truncation:g}, k {self.k}."
        )
        if self.off:
            text += f" The fakes stand off by {self.off:g}."
        if self.outlier:
            text += f" One real point is pulled to the middle by {self.outlier:g}."
        if not self.revealed:
            return f"{text} Make a guess, or skip."
        data = self.figure_data()
        return (
            f"{text} Left, balls around the real points: {data['precision']:.0%} of the fakes lie "
            f"in one, the precision. Right, balls around the fakes: {data['recall']:.0%} of the "
            f"real points lie in one, the recall. The largest real ball has radius "
            f"{data['radii_real'].max():.2f}."
        )

    def code(self) -> str:
        return (
            "from gan_course.evaluation import precision_recall\n\n"
            "# features of N real images and of N fakes: two tensors (N, F)\n"
            f"found = precision_recall(features_real, features_fake, k={self.k})\n"
            "print(found.precision, found.recall)"
        )

    def predict_truncation(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        (p1, r1), (p2, r2) = self.shares(1.0), self.shares(0.3)
        truth = ANSWERS[1] if p2 >= p1 and r2 < r1 else ANSWERS[2] if r2 >= r1 else ANSWERS[0]
        self.predict(QUESTION, answer, truth)
        self.revealed = True

    def shares(self, truncation: float) -> tuple[float, float]:
        """Precision and recall at this truncation, all else as it is."""
        real, fake = self.points(truncation)
        precision = inside_any_ball(fake, real, ball_radii(real, self.k)).double().mean()
        recall = inside_any_ball(real, fake, ball_radii(fake, self.k)).double().mean()
        return precision.item(), recall.item()

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        (p1, r1), (p2, r2) = self.shares(1.0), self.shares(0.3)
        return (
            f"{guess} Measured: precision {p1:.2f} → {p2:.2f}, recall {r1:.2f} → {r2:.2f}. Now "
            f"pull the outlier, with the fakes off by 0.8."
        )

    def draw(self) -> Canvas:
        data = self.figure_data()
        canvas = Canvas(WIDTH, HEIGHT)
        sides = (
            ("Balls around the real points", "radii_real", "real", 0.72),
            ("Balls around the fakes", "radii_fake", "fake", 0.28),
        )
        for i, (title, radii, centres, shade) in enumerate(sides):
            left = 16 + i * (SIDE + 28)
            canvas.text(left, 16, title, 14, INK, "start", bold=True)
            heat = None
            if self.revealed:
                heat = np.where(_covered(data[centres], data[radii]), shade, 0.5)
            picture = plane(data["real"], data["fake"], heat, None, 0.5, SIDE, 2)
            canvas.picture(left, 34, SIDE, SIDE, picture, smooth=True)
        words = [
            ("the guess opens the balls", "the guess opens the balls"),
            (
                f"precision {data['precision']:.3f}: fakes in a real ball",
                f"recall {data['recall']:.3f}: real points in a fake's ball",
            ),
        ][self.revealed]
        for i, text in enumerate(words):
            canvas.text(16 + i * (SIDE + 28), 386, text, 13, INK, "start", bold=self.revealed)
        canvas.text(16, 412, "●", 13, palette.REAL, "start")
        canvas.text(32, 412, f"real, {self.count} in {MODES} modes", 12, INK, "start")
        canvas.text(220, 412, "▲", 13, palette.FAKE, "start")
        fakes = f"fake, {self.count} in {self.modes_kept}, truncation {self.truncation:g}"
        canvas.text(236, 412, fakes, 12, INK, "start")
        last = f"Each ball reaches to nearest neighbour number {self.k} of its own kind."
        if self.revealed:
            largest = [data[name].max() for name in ("radii_real", "radii_fake")]
            last += f" Largest: real {largest[0]:.2f}, fake {largest[1]:.2f}."
        canvas.text(16, 440, last, 12, FAINT, "start")
        return canvas

    def controls(self) -> widgets.Widget:
        number = widgets.FloatSlider
        locked = [
            slider(self, "truncation", "truncation", number, min=0.1, max=1.5, step=0.05),
            slider(self, "modes_kept", "modes kept", min=1, max=MODES),
            slider(self, "off", "fakes off by", number, min=0, max=1, step=0.05),
            slider(self, "outlier", "pull one real", number, min=0, max=1, step=0.05),
            slider(self, "k", "k", min=1, max=10),
            slider(self, "count", "points N", min=20, max=600, step=10),
            slider(self, "seed", "seed", min=0, max=99),
        ]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_truncation, self.verdict, locked)
        return column(
            question,
            heading("The generator"),
            *locked[:3],
            heading("The measurement"),
            *locked[3:],
        )


def _modes(count: int, kept: int, spread: float, rng: torch.Generator) -> Tensor:
    """(count, 2): Gaussians on a circle, the first ``kept`` of them."""
    noise = torch.randn(count, 2, generator=rng)
    angle = torch.randint(0, kept, (count,), generator=rng) * (2 * math.pi / MODES)
    centres = RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)
    return (centres + SPREAD * spread * noise).double()


def _covered(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Which cells of the plane lie in a ball: bool (CELLS, CELLS), the first row at the top."""
    axis = (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS * 6 - 3
    y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    cells = torch.stack([x, y], dim=-1).flatten(0, 1)
    distances = distances_between(cells, torch.from_numpy(centres))
    return (distances <= torch.from_numpy(radii)).any(1).view(CELLS, CELLS).numpy()
