"""What does alpha do while ProGAN fades a block in?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
import torch
from traitlets import Bool, Enum, Int, TraitError, validate

from gan_course.errors import CourseError
from gan_course.labs import fade_in_numbers as numbers
from gan_course.labs.base import DrawnLab, Number, column, heading, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.fade_in_picture import draw_fade
from gan_course.labs.guess_controls import guess_box
from gan_course.models import ProGANGenerator

ANSWERS = ("the old image, enlarged", "the old image, sharper", "noise")
QUESTION = (
    "A new block doubles the size. Its weights are random. What does G show at α = 0, the moment "
    "after it was added?"
)


class FadeIn(DrawnLab):
    """Both branches of a growing generator and their blend.

    Args:
        generator: a ``ProGANGenerator`` with at least two levels; one of 64x64 pixels with weights
            as they are before training if None.

    Attributes (traits):
        level: of the new block, from 1 (8x8 pixels) to the generator's top level.
        alpha: share of the new branch, 0 to 1. (In the authors' code it is the old branch's share.)
        upsampling: how maps and old images are enlarged, "nearest" or "bilinear".
        equalized: whether the chart of Adam's first step is for equalised weights.
        seed: of the z, 0 to 99.
        revealed: False until the question is answered or skipped.

    Raises:
        CourseError: for something that is no such generator.
        TraitError: for a level that the generator does not have.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("level", "alpha", "upsampling", "equalized", "seed", "revealed")

    level = Int(2, min=1)
    alpha = Number(0.0, min=0.0, max=1.0)
    upsampling = Enum(("nearest", "bilinear"), "nearest")
    equalized = Bool(True)
    seed = Int(0, min=0, max=99)
    revealed = Bool(False)

    def __init__(self, generator: ProGANGenerator | None = None, **traits: object) -> None:
        if generator is None:
            with torch.random.fork_rng(devices=[]):  # the notebook's own random numbers stay
                torch.manual_seed(0)
                generator = ProGANGenerator(64, 3, latent_dim=32, base_channels=4)
        if not isinstance(generator, ProGANGenerator) or generator.levels < 2:
            raise CourseError(
                f"generator must be a ProGANGenerator of at least 8x8 pixels, but is "
                f"{type(generator).__name__}."
            )
        self.generator = generator
        if "level" not in traits:
            traits["level"] = min(2, generator.top_level)
        super().__init__(**traits)

    @validate("level")
    def _level_exists(self, proposal: dict) -> int:
        if proposal["value"] > self.generator.top_level:
            raise TraitError(
                f"level is {proposal['value']}, but this generator has the levels 0 to "
                f"{self.generator.top_level}."
            )
        return proposal["value"]

    def figure_data(self) -> dict:
        """old, new, blend: images (C, s, s), numpy; energy, of each its spectrum, see
        ``energy_by_ring``; above, the share of each beyond what the old size can show; detail, the
        mean square of each that is lost at the old size; costs, a share for each level, of the
        multiplications; first_step, a share for each level."""
        z = torch.randn(
            1, self.generator.latent_dim, generator=torch.Generator().manual_seed(self.seed)
        )
        before = self.generator.upsampling
        self.generator.upsampling = self.upsampling
        try:
            images = numbers.branches(self.generator, z, self.level, self.alpha)
        finally:
            self.generator.upsampling = before
        energy = {name: numbers.energy_by_ring(image) for name, image in images.items()}
        costs = numbers.costs(self.generator)
        return {name: image.numpy() for name, image in images.items()} | {
            "energy": energy,
            "above": {name: numbers.rings_above(rings) for name, rings in energy.items()},
            "detail": {name: numbers.detail(image) for name, image in images.items()},
            "costs": [cost / sum(costs) for cost in costs],
            "first_step": numbers.first_step(self.generator, self.equalized),
        }

    @property
    def size(self) -> int:
        """Pixels of the image at this level."""
        return 4 * 2**self.level

    def alt_text(self) -> str:
        text = (
            f"A generator grows from {self.size // 2} to {self.size} pixels; α = {self.alpha:g}, "
            f"{self.upsampling} enlarging."
        )
        if not self.revealed:
            return f"{text} What does it show at α = 0? Make a guess, or skip."
        data = self.figure_data()
        return (
            f"{text} Three images: the old one enlarged, the new block's, and their blend. Mean "
            f"square of the detail that {self.size // 2} pixels cannot show: old "
            f"{data['detail']['old']:.4f}, blend {data['detail']['blend']:.4f}, new "
            f"{data['detail']['new']:.4f}. The block of this level takes "
            f"{data['costs'][self.level]:.0%} of all multiplications."
        )

    def code(self) -> str:
        return (
            "import torch\nimport torch.nn.functional as F\n\n"
            f"# x: the map of level {self.level - 1}, (N, C, {self.size // 2}, {self.size // 2})\n"
            f'bigger = F.interpolate(x, scale_factor=2, mode="{self.upsampling}")\n'
            "old = F.interpolate(to_image_old(x), scale_factor=2, "
            f'mode="{self.upsampling}")\n'
            "new = to_image_new(new_block(bigger))\n"
            f"image = torch.lerp(old, new, {self.alpha:g})  # old + alpha * (new - old)"
        )

    def predict_start(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        self.predict(QUESTION, answer, ANSWERS[0])
        self.revealed = True

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        return (
            f"{guess} At α = 0 it is {ANSWERS[0]}, bit for bit: D sees nothing new. Now move α "
            f"and watch where in the spectrum something comes in."
        )

    def draw(self) -> Canvas:
        return draw_fade(self, self.figure_data())

    def controls(self) -> widgets.Widget:
        level = slider(self, "level", "level", min=1, max=self.generator.top_level)
        alpha = slider(self, "alpha", "α", widgets.FloatSlider, min=0, max=1, step=0.05)
        mode = widgets.ToggleButtons(options=["nearest", "bilinear"])
        mode.style.button_width = "112px"
        widgets.link((self, "upsampling"), (mode, "value"))
        equalized = widgets.Checkbox(description="equalised learning rate", indent=False)
        widgets.link((self, "equalized"), (equalized, "value"))
        seed = slider(self, "seed", "seed of z", min=0, max=99)
        locked = [level, alpha, mode, equalized, seed]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_start, self.verdict, locked)
        return column(question, heading("The new block"), *locked)
