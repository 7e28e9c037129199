"""You are the discriminator: how good are you, and how sure can you be of that?"""

from __future__ import annotations

import functools
from typing import ClassVar

import ipywidgets as widgets
import torch
from torch import Tensor
from traitlets import Bool, Int

from gan_course.data import load_images
from gan_course.errors import CourseError
from gan_course.evaluation.interval import wilson
from gan_course.labs.base import DrawnLab, column, ghost_html, question_html, row, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.latent import draw_images, noise
from gan_course.labs.real_or_fake_picture import draw_gallery, draw_one
from gan_course.losses import non_saturating_d_loss
from gan_course.models import DCGANDiscriminator
from gan_course.pretrained import load_pretrained

GUESSES = ("50 %", "70 %", "90 %")
QUESTION = "How many of the images will you get right?"
FEWEST = 10  # answers before anything is claimed
HELD_OUT = 400  # real images that D never trains on: those shown come from them


class RealOrFake(DrawnLab):
    """One image after another: real or fake? At the end your share, its interval, and D's.

    Half of the images are real digits, half come from the generator that ships. D is a small
    discriminator that was trained on other real digits and other fakes.

    Attributes (traits):
        number: how many images, 10 to 60, even.
        seed: of the images and their order. A new one starts again.
        started: False until the question is answered or skipped.
        answered: how many images you have answered.
    """

    picture_room: ClassVar = 520
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("number", "seed", "started", "answered")

    number = Int(20, min=10, max=60)
    seed = Int(0, min=0, max=9999)
    started = Bool(False)
    answered = Int(0, min=0)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self.answers: list[bool] = []  # True: "real"
        self.observe(lambda change: self.restart(), names=["number", "seed"])

    # ---- the images ---------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """An even number of images."""
        return self.number - self.number % 2

    def images(self) -> tuple[Tensor, Tensor]:
        """(count, 1, 32, 32) in their order, and whether each is real: bool (count,)."""
        return _images(self.count, self.seed)

    def answer(self, real: bool) -> None:
        """Say "real" or "fake" to the image that is shown. After the last one it does nothing."""
        if self.started and not self.finished:
            self.answers.append(bool(real))
            self.answered = len(self.answers)

    def restart(self) -> None:
        """The same images again, none of them answered."""
        self.answers = []
        self.answered = 0
        self.refresh()

    @property
    def finished(self) -> bool:
        return len(self.answers) >= self.count

    def figure_data(self) -> dict:
        """shown, the number of the image that is asked for, or None at the end; right, how many of
        your answers are; interval, of your share, or None before ``FEWEST`` answers. At the end:
        you_right and d_right, bool (count,); only_you, only_d, both, nobody: counts; d_interval."""
        _, real = self.images()
        given = torch.tensor(self.answers, dtype=torch.bool)
        you_right = given == real[: len(given)]
        data: dict = {
            "shown": None if self.finished else len(given),
            "right": int(you_right.sum()),
            "answers": len(given),
            "interval": None,
        }
        if len(given) >= FEWEST:
            data["interval"] = wilson(data["right"], len(given))
        if self.finished:
            d_right = _opinions(self.count, self.seed) == real
            data |= {
                "you_right": you_right,
                "d_right": d_right,
                "d_interval": wilson(int(d_right.sum()), self.count),
                "only_you": int((you_right & ~d_right).sum()),
                "only_d": int((~you_right & d_right).sum()),
                "both": int((you_right & d_right).sum()),
                "nobody": int((~you_right & ~d_right).sum()),
            }
        return data

    def alt_text(self) -> str:
        if not self.started:
            return f"{self.count} images are waiting. Make a guess, or skip."
        data = self.figure_data()
        if not self.finished:
            said = f"Image {data['shown'] + 1} of {self.count}, a grey digit: real or fake?"
            if data["interval"] is None:
                return said
            low, high = data["interval"]
            return f"{said} So far between {low:.0%} and {high:.0%} right."
        low, high = data["interval"]
        d_low, d_high = data["d_interval"]
        chance = "could be chance" if low <= 0.5 <= high else "is hardly chance"
        return (
            f"You: {data['right']} of {self.count} right, {data['right'] / self.count:.0%}; 95 % "
            f"interval {low:.0%} to {high:.0%}, which {chance}. D: {int(data['d_right'].sum())} "
            f"right, {d_low:.0%} to {d_high:.0%}. Right only you {data['only_you']}, only D "
            f"{data['only_d']}, both {data['both']}, neither {data['nobody']}."
        )

    def code(self) -> str:
        data = self.figure_data()
        return (
            "from gan_course.evaluation.interval import wilson\n\n"
            f"low, high = wilson(successes={data['right']}, trials={max(1, data['answers'])})"
        )

    # ---- predictions --------------------------------------------------------------------------

    def predict_share(self, answer: str | None) -> None:
        """Answer one of ``GUESSES``, or None to skip. Either shows the first image."""
        if answer is not None and answer not in GUESSES:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(GUESSES)}.")
        if self.started:  # a double click is one guess
            return
        self.predict(QUESTION, answer, None)  # the truth comes with the last image
        self.started = True

    def verdict(self) -> str:
        guess = self.predictions[-1]["answer"] if self.predictions else None
        if guess is None:
            return "Type r for real, f for fake."
        if not self.finished:
            return f"You guessed {guess}. Type r for real, f for fake."
        low, high = self.figure_data()["interval"]
        inside = low <= int(guess[:2]) / 100 <= high
        return f"You guessed {guess}: {'within' if inside else 'outside'} your interval."

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        images, real = self.images()
        data = self.figure_data()
        if self.finished:
            return draw_gallery(images, real, data)
        shown = images[data["shown"]] if self.started else None
        return draw_one(shown, data, self.count)

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        text = widgets.HTML()
        guesses = [
            widgets.Button(description=d, layout={"width": "auto"}) for d in (*GUESSES, "skip")
        ]
        for button in guesses:
            button.on_click(
                lambda b: self.predict_share(None if b.description == "skip" else b.description)
            )
        choices = row(*guesses, grid_gap="2px 4px")
        real = widgets.Button(description="Real (r)", layout={"width": "100px"})
        fake = widgets.Button(description="Fake (f)", layout={"width": "100px"})
        again = widgets.Button(description="Again", layout={"width": "100px"})
        real.on_click(lambda b: self.answer(True))
        fake.on_click(lambda b: self.answer(False))
        again.on_click(lambda b: self.restart())
        keys = widgets.Text(
            placeholder="or type here: r, f",
            tooltip="answer by keyboard: r for real, f for fake",
            continuous_update=True,
            layout={"width": "330px"},
        )

        def typed(change: dict) -> None:
            if change["new"]:
                for letter in change["new"].lower():
                    if letter in "rf":
                        self.answer(letter == "r")
                keys.value = ""

        keys.observe(typed, names="value")
        number = slider(self, "number", "images", min=10, max=60, step=2)
        seed = slider(self, "seed", "seed", min=0, max=99)

        def follow(change: dict | None = None) -> None:
            for widget in (real, fake, keys):
                widget.disabled = not self.started or self.finished
            choices.layout.display = "none" if self.started else None
            text.value = ghost_html(self.verdict()) if self.started else question_html(QUESTION)

        self.observe(follow, names=list(self.picture_traits))
        follow()
        question = widgets.VBox([text, choices], layout=widgets.Layout(max_width="335px"))
        return column(question, row(real, fake, again), keys, number, seed)


@functools.lru_cache(maxsize=1)
def _real_digits() -> tuple[Tensor, Tensor]:
    """Rows of the digits: those D trains on, and those that are shown."""
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    return order[HELD_OUT:], order[:HELD_OUT]


@functools.lru_cache(maxsize=4)
def _images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    shown = _real_digits()[1]
    rows = shown[torch.randperm(HELD_OUT, generator=rng)[: count // 2]]
    z = noise(seed + 1_000_000, count // 2, 64)
    images = torch.cat(
        [load_images("digits").take(rows), draw_images(load_pretrained("digits"), z)]
    )
    order = torch.randperm(count, generator=rng)
    return images[order], order < count // 2


@functools.lru_cache(maxsize=1)
def _trained_d() -> DCGANDiscriminator:
    """A D that learns for 60 steps from real digits and fakes that are never shown."""
    digits, generator = load_images("digits"), load_pretrained("digits")
    rows, rng = _real_digits()[0], torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        d = DCGANDiscriminator(32, 1, 8)
        optimizer = torch.optim.Adam(d.parameters(), lr=2e-3, betas=(0.5, 0.999))
        for step in range(60):
            real = digits.take(rows[torch.randperm(len(rows), generator=rng)[:32]])
            fake = draw_images(generator, noise(2_000_000 + step, 32, 64))
            loss_d = non_saturating_d_loss(d(real), d(fake))
            optimizer.zero_grad()
            loss_d.backward()
            optimizer.step()
    # BatchNorm's averages have seen 60 batches of each kind: in eval mode no image tells D which
    # kind the others are.
    return d.eval()


@functools.lru_cache(maxsize=4)
@torch.no_grad()
def _opinions(count: int, seed: int) -> Tensor:
    """Whether D takes each image for real: bool (count,)."""
    return _trained_d()(_images(count, seed)[0]).flatten() > 0
