"""Sample a generator live: which z gives which image?"""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from torch import Tensor
from traitlets import Bool, Float, Int, List, Unicode

from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.labs.base import (
    TEXT,
    Lab,
    column,
    ghost_html,
    heading,
    question_html,
    row,
    slider,
)
from gan_course.models import DCGANGenerator
from gan_course.models.weights import load_generator

NUM_DIRECTIONS = 5
PICTURE = 560  # pixels: the width that the picture may grow to
TRUNCATION_QUESTION = "With truncation at 0.3, will the images be more alike, or more different?"


class Sampler(Lab):
    """A grid of images from a generator, and the numbers behind them to play with.

    Args:
        generator: a ``DCGANGenerator``, or the path of a checkpoint; the shipped digits if None.

    Attributes (traits):
        seed, seed_b: where the z of the grid come from, and where the slide leads to.
        t: how far along the way from seed to seed_b, in [0, 1], along the sphere (slerp).
        truncation: what z is multiplied by, its standard deviation, in [0, 2].
        directions: what is added to z along each of a few directions, in [-3, 3]. They are the
            directions that change this generator's images most.
        grid_size: images in a row and in a column, 1 to 8.
        locked: True until the question about truncation is answered or skipped.
        checkpoint: path of a generator to use instead; empty for the one it began with.

    Raises:
        CourseError: if the checkpoint given at the start cannot be loaded. A path typed in later
            that cannot be loaded only gets a message, and the picture stays.
    """

    picture_traits: ClassVar = ("seed", "seed_b", "t", "truncation", "directions", "grid_size")

    seed = Int(0, min=0)
    seed_b = Int(1, min=0)
    t = Float(0.0, min=0.0, max=1.0)
    truncation = Float(1.0, min=0.0, max=2.0)
    directions = List(Float(), [0.0] * NUM_DIRECTIONS, NUM_DIRECTIONS, NUM_DIRECTIONS)
    grid_size = Int(8, min=1, max=8)
    locked = Bool(True)
    checkpoint = Unicode("")

    def __init__(self, generator: DCGANGenerator | str | Path | None = None, **traits) -> None:
        super().__init__(**traits)
        self._message = widgets.HTML()
        if generator is None:
            from gan_course.pretrained import load_pretrained

            generator = load_pretrained("digits")
        elif isinstance(generator, str | Path):
            generator = load_generator(generator)
        self._first_generator = generator
        self._use(generator)
        self.observe(self._load_checkpoint, names="checkpoint")

    # ---- the numbers --------------------------------------------------------------------------

    def z(self) -> Tensor:
        """The latent vectors of the grid: (grid_size ** 2, latent_dim)."""
        count = self.grid_size**2
        z = noise(self.seed, count, self.generator.latent_dim)
        if self.t > 0:
            z = slerp(z, noise(self.seed_b, count, self.generator.latent_dim), self.t)
        shift = torch.tensor(self.directions) @ self._directions
        return self.truncation * z + shift

    def images(self) -> Tensor:
        """(grid_size ** 2, C, H, W) in [-1, 1], on the CPU."""
        return draw_images(self.generator, self.z())

    def spread(self, truncation: float) -> float:
        """How much two of 64 images differ, on average: 0 (all alike) to 1 (black and white)."""
        z = truncation * noise(self.seed, 64, self.generator.latent_dim)
        images = draw_images(self.generator, z)
        return float((images - images.roll(1, 0)).abs().mean()) / 2

    def figure_data(self) -> dict:
        """z (grid_size ** 2, latent_dim) and the images (grid_size ** 2, C, H, W) in [-1, 1]."""
        z = self.z()
        return {"z": z, "images": draw_images(self.generator, z)}

    def render(self) -> Image.Image:
        grid = Image.fromarray(image_grid(self.images(), columns=self.grid_size))
        # Whole multiples keep the pixels square; 8 images of 32 pixels get twice their size.
        factor = max(1, PICTURE // grid.width)
        return grid.resize((factor * grid.width, factor * grid.height), Image.Resampling.NEAREST)

    def alt_text(self) -> str:
        count = self.grid_size**2
        size = self.generator.image_size
        where = f"seed {self.seed}"
        if self.t > 0:
            where = f"{self.t:.0%} of the way from seed {self.seed} to seed {self.seed_b}"
        moved = sum(abs(d) > 0 for d in self.directions)
        text = f"{count} generated images of {size}×{size} pixels, {where}"
        text += f", truncation {self.truncation:g}"
        return text + (f", {moved} of {NUM_DIRECTIONS} directions moved." if moved else ".")

    def code(self) -> str:
        """PyTorch that draws the same images; needs ``generator`` to be defined."""
        lines = ["import torch"]
        if self.t > 0:
            lines.append("from gan_course.labs.sampler import slerp")
        lines += [
            "",
            f"shape = ({self.grid_size**2}, generator.latent_dim)",
            f"rng = torch.Generator().manual_seed({self.seed})",
            "z = torch.randn(shape, generator=rng)",
        ]
        if self.t > 0:
            lines += [
                f"rng_b = torch.Generator().manual_seed({self.seed_b})",
                "z_b = torch.randn(shape, generator=rng_b)",
                f"z = slerp(z, z_b, {self.t})",
            ]
        lines.append(f"z = {self.truncation} * z")
        if any(self.directions):
            shift = (torch.tensor(self.directions) @ self._directions).tolist()
            lines.append(f"z = z + torch.tensor({[round(s, 6) for s in shift]})")
        lines += ["with torch.no_grad():", "    images = generator(z)  # (N, C, H, W) in [-1, 1]"]
        return "\n".join(lines)

    # ---- the generator ------------------------------------------------------------------------

    def _use(self, generator: DCGANGenerator) -> None:
        self.generator = generator
        self._directions = strongest_directions(generator, NUM_DIRECTIONS)

    def _load_checkpoint(self, change: dict) -> None:
        """A new path in the text box. If it cannot be loaded, the old generator stays."""
        path = self.checkpoint.strip()
        try:
            self._use(load_generator(path) if path else self._first_generator)
            self._message.value = ""
        except CourseError as error:
            text = f"⚠ {escape(str(error))} The picture is unchanged."
            self._message.value = f'<p role="alert" style="{TEXT}">{text}</p>'
        self.refresh()

    # ---- front --------------------------------------------------------------------------------

    def predict_truncation(self, answer: str | None) -> None:
        """Answer the question that locks the truncation slider; None skips it."""
        alike = self.spread(0.3) < self.spread(1.0)
        self.predict(TRUNCATION_QUESTION, answer, "more alike" if alike else "more different")
        self.locked = False

    def controls(self) -> widgets.Widget:
        def real(trait: str, label: str, low: float, high: float):
            kind = widgets.FloatSlider
            return slider(self, trait, label, kind, min=low, max=high, step=0.05)

        truncation = real("truncation", "truncation", 0.0, 2.0)
        return column(
            heading("Which random numbers z"),
            slider(self, "seed", "seed", min=0, max=99),
            slider(self, "seed_b", "seed B", min=0, max=99),
            real("t", "slide towards B", 0.0, 1.0),
            heading("How far they spread"),
            self._question(truncation),
            truncation,
            heading("Along five directions of z"),
            *[self._direction_slider(i) for i in range(NUM_DIRECTIONS)],
            heading("What you see"),
            slider(self, "grid_size", "images per row", min=1, max=8),
            self._checkpoint_box(),
            self._message,
        )

    def _question(self, truncation: widgets.Widget) -> widgets.Widget:
        """Predict first: the truncation slider opens once a guess is made or skipped."""
        text = widgets.HTML(question_html(TRUNCATION_QUESTION))
        buttons = [widgets.Button(description=d) for d in ("more alike", "more different", "skip")]
        for button in buttons:
            button.layout.width = "auto"
            button.on_click(
                lambda b: self.predict_truncation(
                    None if b.description == "skip" else b.description
                )
            )
        choice = row(*buttons, grid_gap="2px 4px")

        def follow(change: dict | None = None) -> None:
            truncation.disabled = self.locked
            choice.layout.display = None if self.locked else "none"
            if not self.locked:
                text.value = self._verdict()

        self.observe(follow, names=["locked", "truncation"])
        follow()
        return widgets.VBox([text, choice], layout=widgets.Layout(max_width="335px"))

    def _verdict(self) -> str:
        """The guess, and once truncation has been moved, the measurement beside it."""
        answer = self.predictions[-1]["answer"] if self.predictions else None
        guess = f"You guessed: {answer}." if answer else "Skipped."
        if self.truncation == 1.0:
            return ghost_html(f"{guess} Now move truncation and look.")
        now, before = self.spread(self.truncation), self.spread(1.0)
        measured = f"Measured: two images differ by {now:.2f}, and by {before:.2f} at truncation 1."
        return ghost_html(f"{guess} {measured}")

    def _direction_slider(self, index: int) -> widgets.Widget:
        widget = widgets.FloatSlider(
            value=self.directions[index],
            min=-3,
            max=3,
            step=0.1,
            description=f"direction {index + 1}",
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )

        def moved(change: dict) -> None:
            values = list(self.directions)
            values[index] = change["new"]
            self.directions = values

        def follow(change: dict) -> None:
            widget.value = self.directions[index]

        widget.observe(moved, names="value")
        self.observe(follow, names="directions")
        return widget

    def _checkpoint_box(self) -> widgets.Widget:
        box = widgets.Text(
            description="your checkpoint",
            placeholder="path, then Enter",
            continuous_update=False,
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )
        widgets.link((self, "checkpoint"), (box, "value"))
        return box


@torch.no_grad()
def draw_images(generator: DCGANGenerator, z: Tensor) -> Tensor:
    """z (N, latent_dim) -> images (N, C, H, W) in [-1, 1] on the CPU, in eval mode.

    The generator is left as it was: one that is being trained goes on in train mode.
    """
    parameter = next(generator.parameters())
    was_training = generator.training
    generator.eval()
    images = generator(z.to(parameter.device, parameter.dtype)).float().cpu()
    generator.train(was_training)
    return images


def noise(seed: int, count: int, latent_dim: int) -> Tensor:
    """(count, latent_dim) standard normal numbers that depend on the seed alone."""
    return torch.randn(count, latent_dim, generator=torch.Generator().manual_seed(seed))


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Go from a to b along the sphere instead of straight through it.

    Nearly all of a Gaussian in many dimensions lies at the same distance from 0. The middle of a
    straight line is too close to 0, at about 0.7 of that distance, where G was never trained.

    Args:
        a, b: (N, latent_dim).
        t: 0 gives a, 1 gives b.

    Source: Shoemake 1985; for latent spaces White 2016.
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)
    angle = torch.arccos(cosine).unsqueeze(1)
    nearly_straight = angle.abs() < 1e-4
    safe = angle.masked_fill(nearly_straight, math.pi / 2)
    way = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(nearly_straight, (1 - t) * a + t * b, way)


def strongest_directions(generator: DCGANGenerator, count: int) -> Tensor:
    """The directions of z that the first layer reacts to most: (count, latent_dim), unit length.

    They are the first right singular vectors of the stem's weight; their sign is fixed so that
    the same generator always gives the same sliders.

    Source: Shen & Zhou 2021 (SeFa), on the first layer alone.
    """
    weight = generator.stem[0].weight.detach().float().cpu()
    directions = torch.linalg.svd(weight, full_matrices=False).Vh[:count]
    if len(directions) < count:  # fewer dimensions than sliders
        empty = torch.zeros(count - len(directions), weight.shape[1])
        directions = torch.cat([directions, empty])
    largest = directions.abs().argmax(dim=1, keepdim=True)
    sign = directions.gather(1, largest).sign()
    return directions * torch.where(sign == 0, torch.ones_like(sign), sign)
