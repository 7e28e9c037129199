"""Sample a generator live: which z gives which image?"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from torch import Tensor
from traitlets import Bool, Float, Int, List, Unicode, validate

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
from gan_course.labs.latent import draw_images, noise, slerp, strongest_directions
from gan_course.models import DCGANGenerator, SAGANGenerator
from gan_course.models.weights import load_generator

NUM_DIRECTIONS = 5
PICTURE = 560  # pixels: the width that the picture may grow to
TRUNCATION_QUESTION = "With truncation at 0.3, will the images be more alike, or more different?"


class Sampler(Lab):
    """A grid of images from a generator, and the numbers behind them to play with.

    Args:
        generator: a generator, or the path of a checkpoint; the shipped digits if None.

    Attributes (traits):
        seed, seed_b: where the z of the grid come from, and where the slide leads to.
        t: how far along the way from seed to seed_b, in [0, 1], along the sphere (slerp).
        truncation: what z is multiplied by, its standard deviation, in [0, 2].
        directions: what is added to z along each of a few directions, in [-3, 3]. They are the
            directions that change this generator's images most.
        label: the class to draw, for a conditional generator; None draws all classes in turn.
        grid_size: images in a row and in a column, 1 to 8.
        locked: True until the question about truncation is answered or skipped.
        checkpoint: path of a generator to use instead; empty for the one it began with.

    Raises:
        CourseError: for a label that is no class of the generator, or if the checkpoint given at
            the start cannot be loaded. A path typed in later that cannot be loaded only gets a
            message, and the picture stays.
    """

    picture_traits: ClassVar = (
        *("seed", "seed_b", "t", "truncation", "directions", "label", "grid_size"),
    )

    seed = Int(0, min=0)
    seed_b = Int(1, min=0)
    t = Float(0.0, min=0.0, max=1.0)
    truncation = Float(1.0, min=0.0, max=2.0)
    directions = List(Float(), [0.0] * NUM_DIRECTIONS, NUM_DIRECTIONS, NUM_DIRECTIONS)
    label = Int(None, allow_none=True)
    grid_size = Int(8, min=1, max=8)
    locked = Bool(True)
    checkpoint = Unicode("")

    def __init__(
        self, generator: DCGANGenerator | SAGANGenerator | str | Path | None = None, **traits
    ) -> None:
        super().__init__(**traits)
        self._message = widgets.HTML()
        if generator is None:
            from gan_course.pretrained import load_pretrained

            generator = load_pretrained("digits")
        elif isinstance(generator, str | Path):
            generator = load_generator(generator)
        self._first_generator = generator
        _check_label(self.label, generator)
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

    def labels(self, count: int) -> Tensor | None:
        """The classes of ``count`` images, (count,); None for a generator without classes."""
        classes = num_classes(self.generator)
        if not classes:
            return None
        return (
            torch.arange(count) % classes
            if self.label is None
            else torch.full((count,), self.label)
        )

    def images(self) -> Tensor:
        """(grid_size ** 2, C, H, W) in [-1, 1], on the CPU."""
        return draw_images(self.generator, self.z(), self.labels(self.grid_size**2))

    def spread(self, truncation: float) -> float:
        """How much two of 64 images differ, on average: 0 (all alike) to 1 (black and white)."""
        z = truncation * noise(self.seed, 64, self.generator.latent_dim)
        images = draw_images(self.generator, z, self.labels(64))
        return float((images - images.roll(1, 0)).abs().mean()) / 2

    def figure_data(self) -> dict:
        """z (grid_size ** 2, latent_dim) and the images (grid_size ** 2, C, H, W) in [-1, 1]."""
        return {"z": self.z(), "images": self.images()}

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
        if num_classes(self.generator):
            text += ", all classes in turn" if self.label is None else f", class {self.label}"
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
        given, classes = "z", num_classes(self.generator)
        if classes:
            given, in_turn = "z, labels", f"torch.arange(shape[0]) % {classes}"
            one = f"torch.full((shape[0],), {self.label})"
            lines.append(f"labels = {in_turn if self.label is None else one}")
        lines += [
            "with torch.no_grad():",
            f"    images = generator({given})  # (N, C, H, W) in [-1, 1]",
        ]
        return "\n".join(lines)

    # ---- the generator ------------------------------------------------------------------------

    def _use(self, generator: DCGANGenerator | SAGANGenerator) -> None:
        self.generator = generator
        self._directions = strongest_directions(generator, NUM_DIRECTIONS)
        if self.label is not None and self.label >= num_classes(generator):
            self.label = None

    @validate("label")
    def _is_a_class(self, proposal: dict) -> int | None:
        if hasattr(self, "generator"):  # else the lab is being made, and looks at it later
            _check_label(proposal["value"], self.generator)
        return proposal["value"]

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
            self._label_box(),
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

    def _label_box(self) -> widgets.Widget:
        """Which class to draw; hidden while the generator has none."""
        box = widgets.Dropdown(
            description="class",
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )

        def follow(change: dict | None = None) -> None:
            classes = num_classes(self.generator)
            options = (("all in turn", None), *((str(i), i) for i in range(classes)))
            if box.options != options:
                box.options = options
            box.value = self.label
            box.layout.display = None if classes else "none"

        def chosen(change: dict) -> None:
            self.label = change["new"]

        follow()
        box.observe(chosen, names="value")
        self.observe(follow, names=["label", "checkpoint"])
        return box

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


def num_classes(generator: torch.nn.Module) -> int:
    """How many classes a generator can be asked for; 0 for one without."""
    return getattr(generator, "num_classes", 0)


def _check_label(label: int | None, generator: torch.nn.Module) -> None:
    classes = num_classes(generator)
    if label is not None and not 0 <= label < classes:
        has = f"the classes 0 to {classes - 1}" if classes else "no classes"
        raise CourseError(f"label is {label}, but this generator has {has}.")
