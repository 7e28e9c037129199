"""When does the Fréchet distance lie?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
import torch
from traitlets import Bool, Enum, Int

from gan_course.errors import CourseError
from gan_course.evaluation.frechet import gaussian_distance, mean_and_covariance
from gan_course.labs import frechet_clouds as clouds
from gan_course.labs.base import DrawnLab, Number, column, heading, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.frechet_picture import draw_bench
from gan_course.labs.guess_controls import guess_box

ANSWERS = ("exactly 0", "0 on average", "above 0 each time")
QUESTION = (
    "Real points and fakes come from one and the same cloud: a perfect generator. What is the "
    "Fréchet distance of 100 of each?"
)
SHOWN = 300  # points of each kind in the picture


class FrechetBench(DrawnLab):
    """Two clouds, their Fréchet distance in its two parts, and what a perfect generator would get.

    The first two dimensions are drawn: five modes. The others hold plain noise, the same for real
    points and fakes; they only make the feature longer.

    Attributes (traits):
        change: what the generator does wrong, one of ``CHANGES``.
        amount: how much of it, 0 to 1.
        count: real points and fakes, as many of each, 20 to 5,000.
        dimensions: length of a feature, 2 to 64.
        repeats: samples for each point of the floor, 3 to 40.
        seed: of all samples.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "change",
        "amount",
        "count",
        "dimensions",
        "repeats",
        "seed",
        "revealed",
    )

    change = Enum(clouds.CHANGES, "nothing")
    amount = Number(0.5, min=0.0, max=1.0)
    count = Int(100, min=20, max=5000)
    dimensions = Int(16, min=2, max=64)
    repeats = Int(8, min=3, max=40)
    seed = Int(0, min=0, max=9999)
    revealed = Bool(False)

    def figure_data(self) -> dict:
        """real, fake (count, dimensions); mean_part, cov_part and distance of these samples;
        true_distance, for endless samples; sizes and floor, low, high: the mean, least and greatest
        distance of two samples of the real cloud; ellipses, mean and covariance of both in the
        plane; singular, whether there are fewer points than dimensions."""
        rng = torch.Generator().manual_seed(self.seed)
        modes = clouds.modes_left(self.change, self.amount)
        real = clouds.cloud(self.count, self.dimensions, rng)
        fake = clouds.cloud(self.count, self.dimensions, rng, modes)
        fake = clouds.changed(fake, self.change, self.amount, rng)
        (mean_r, cov_r), (mean_f, cov_f) = mean_and_covariance(real), mean_and_covariance(fake)
        distance = gaussian_distance(mean_r, cov_r, mean_f, cov_f)
        mean_part = (mean_r - mean_f).square().sum().item()
        runs = clouds.floor(self.dimensions, self.repeats, self.seed)
        return {
            "real": real.numpy(),
            "fake": fake.numpy(),
            "distance": distance,
            "mean_part": mean_part,
            "cov_part": max(0.0, distance - mean_part),
            "true_distance": gaussian_distance(
                *clouds.true_moments("nothing", 0.0), *clouds.true_moments(self.change, self.amount)
            ),
            "sizes": clouds.SIZES,
            "floor": [sum(run) / len(run) for run in runs],
            "low": [min(run) for run in runs],
            "high": [max(run) for run in runs],
            "ellipses": [
                (m[:2].numpy(), c[:2, :2].numpy()) for m, c in ((mean_r, cov_r), (mean_f, cov_f))
            ],
            "singular": self.count <= self.dimensions,
        }

    def alt_text(self) -> str:
        data = self.figure_data()
        wrong = "changes nothing" if self.change == "nothing" else f"{self.change}, {self.amount:g}"
        text = (
            f"{self.count:,} real points and as many fakes of {self.dimensions} numbers; the "
            f"generator: {wrong}."
        )
        if not self.revealed:
            return f"{text} What is their distance? Make a guess, or skip."
        text += (
            f" Fréchet distance {data['distance']:.3f}: means {data['mean_part']:.3f}, covariances "
            f"{data['cov_part']:.3f}. With endless samples it would be "
            f"{data['true_distance']:.3f}. A perfect generator gets {data['floor'][1]:.3f} "
            f"with 100 points and "
            f"{data['floor'][-1]:.4f} with 5,000."
        )
        if data["singular"]:
            text += (
                " There are no more points than dimensions, so the covariances lack directions: "
                "such a distance says little."
            )
        return text

    def code(self) -> str:
        return (
            "from gan_course.evaluation import frechet_distance\n\n"
            "# features of N real images and of N fakes: two tensors (N, F)\n"
            "print(frechet_distance(features_real, features_fake))\n"
            "# what a perfect generator would get with the same N:\n"
            "print(frechet_distance(features_real, other_features_real))"
        )

    def predict_perfect(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        least = clouds.floor(self.dimensions, self.repeats, self.seed)[1]
        truth = ANSWERS[2] if min(least) > 1e-9 else ANSWERS[0]
        self.predict(QUESTION, answer, truth)
        self.revealed = True

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        data = self.figure_data()
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        return (
            f"{guess} It is {entry['truth']}: in {self.repeats} samples of 100 between "
            f"{data['low'][1]:.3f} and {data['high'][1]:.3f}. Now find two different changes with "
            f"the same distance."
        )

    def draw(self) -> Canvas:
        return draw_bench(self, self.figure_data())

    def controls(self) -> widgets.Widget:
        change = widgets.Dropdown(
            options=list(clouds.CHANGES),
            description="change",
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )
        widgets.link((self, "change"), (change, "value"))
        amount = slider(self, "amount", "amount", widgets.FloatSlider, min=0, max=1, step=0.05)
        count = slider(self, "count", "points N", min=20, max=5000, step=20)
        dimensions = slider(self, "dimensions", "dimensions F", min=2, max=64)
        repeats = slider(self, "repeats", "repeats", min=3, max=40)
        seed = slider(self, "seed", "seed", min=0, max=99)
        locked = [change, amount, count, dimensions, repeats, seed]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_perfect, self.verdict, locked)
        return column(
            question,
            heading("The generator"),
            change,
            amount,
            heading("The measurement"),
            *locked[2:],
        )
