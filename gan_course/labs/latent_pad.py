"""A plane through the latent space: is it smooth, and does G memorise?"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
import torch
from torch import Tensor
from traitlets import Bool, Enum, Int

from gan_course.data import ImageSet, load_images
from gan_course.errors import CourseError
from gan_course.evaluation.neighbours import Neighbours
from gan_course.labs import latent_pad_picture, latent_pad_words
from gan_course.labs.base import (
    DrawnLab,
    Number,
    column,
    ghost_html,
    heading,
    question_html,
    row,
    slider,
)
from gan_course.labs.drawing import Canvas
from gan_course.labs.latent import dcgan_from, draw_images, noise, slerp, strongest_directions
from gan_course.models import DCGANGenerator

CORNER = 0.6  # where the seeds lie on the pad: A at (-0.6, -0.6), B to its right, C above it
REACH = 3.0  # how far the edge of the pad is along a principal direction
MAP = 7  # images in a row and in a column of the map behind the pad
STRIP = 9  # images on the way from A to B
NEAREST = 3  # training images shown
COPIES_OF = 256  # random images that are looked at for copies
MIDDLES = ("0.5", "0.7", "1.0")


class LatentPad(DrawnLab):
    """Move over a plane of z and see the image at each point, and the training images near it.

    Args:
        generator: a ``DCGANGenerator``, or the path of a checkpoint; the shipped digits if None.
        images: the training images to compare with, as an ``ImageSet`` or as floats (N, C, H, W)
            in [-1, 1]. If None, the digits, provided that the generator makes images like them.
        held_out: real images that were not trained on, floats (M, C, H, W); see ``Neighbours``.

    Attributes (traits):
        x, y: where on the pad, each -1 to 1.
        plane: "seeds", through the z of three seeds, or "directions", through seed A along the two
            directions of z that G's first features react to most.
        seed_a, seed_b, seed_c: the three seeds; A and B are also the ends of the strips.
        revealed: False until the question about the middle is answered or skipped.

    Raises:
        CourseError: if the checkpoint cannot be loaded, or the training images do not fit.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("x", "y", "plane", "seed_a", "seed_b", "seed_c", "revealed")

    x = Number(0.0, min=-1.0, max=1.0)
    y = Number(0.0, min=-1.0, max=1.0)
    plane = Enum(("seeds", "directions"), "seeds")
    seed_a = Int(0, min=0, max=2**63 - 1)
    seed_b = Int(1, min=0, max=2**63 - 1)
    seed_c = Int(2, min=0, max=2**63 - 1)
    revealed = Bool(False)

    def __init__(
        self,
        generator: DCGANGenerator | str | Path | None = None,
        images: ImageSet | Tensor | None = None,
        held_out: Tensor | None = None,
        **traits: object,
    ) -> None:
        super().__init__(**traits)
        self.generator = generator = dcgan_from(generator)
        if not draw_images(generator, noise(0, 2, generator.latent_dim)).isfinite().all():
            raise CourseError(
                "this generator makes images that are no numbers (NaN), so there is nothing to "
                "show. Take a checkpoint from before its training went wrong."
            )
        self._directions = strongest_directions(generator, 2)
        self.neighbours = self._find_neighbours(images, held_out)
        self.copies = self._look_for_copies()
        self._kept: dict[str, tuple[tuple, object]] = {}

    def _find_neighbours(
        self, images: ImageSet | Tensor | None, held_out: Tensor | None
    ) -> Neighbours | None:
        shape = (self.generator.image_channels, *2 * [self.generator.image_size])
        if images is None:
            if shape != (1, 32, 32):  # not digits: nothing to compare with
                return None
            images = load_images("digits", 32)
        found = Neighbours(images, held_out)
        if found.images.shape[1:] != shape:
            raise CourseError(
                f"the training images have shape {tuple(found.images.shape[1:])}, but this "
                f"generator makes {shape}. Give the images that it was trained on."
            )
        return found

    # ---- the numbers --------------------------------------------------------------------------

    def corners(self) -> tuple[Tensor, Tensor, Tensor]:
        """z of the three seeds, each (latent_dim,)."""
        length = self.generator.latent_dim
        return tuple(noise(s, 1, length)[0] for s in (self.seed_a, self.seed_b, self.seed_c))

    def z_at(self, x: Tensor, y: Tensor) -> Tensor:
        """z (N, latent_dim) at the points (x, y) of the pad, each (N,)."""
        a, b, c = self.corners()
        if self.plane == "directions":
            first, second = REACH * self._directions
            return a + x[:, None] * first + y[:, None] * second
        to_b = (x[:, None] + CORNER) / (2 * CORNER)  # 0 at A and C, 1 at B
        to_c = (y[:, None] + CORNER) / (2 * CORNER)
        return a + to_b * (b - a) + to_c * (c - a)

    def _keep(self, name: str, depends_on: tuple, work_out) -> object:
        """The last result of this name, if nothing that it depends on has changed."""
        if name not in self._kept or self._kept[name][0] != depends_on:
            self._kept[name] = (depends_on, work_out())
        return self._kept[name][1]

    def _map(self) -> Tensor:
        """(49, C, H, W): the images in the middles of 7 x 7 cells of the pad, from the top left."""
        middles = torch.linspace(-1 + 1 / MAP, 1 - 1 / MAP, MAP)
        y, x = torch.meshgrid(-middles, middles, indexing="ij")
        return draw_images(self.generator, self.z_at(x.flatten(), y.flatten()))

    def _strips(self) -> dict:
        a, b, _ = (corner[None] for corner in self.corners())
        ts = torch.linspace(0, 1, STRIP)
        ways = {
            "lerp": torch.cat([(1 - t) * a + t * b for t in ts.tolist()]),
            "slerp": torch.cat([slerp(a, b, t) for t in ts.tolist()]),
        }
        strips = {"t": ts}
        for name, z in ways.items():
            strips[name] = draw_images(self.generator, z)
            strips[f"{name}_norm"] = z.norm(dim=1)
        # How long the middle of the straight line is, compared with its ends.
        ends = (a.norm() + b.norm()) / 2
        strips["middle"] = float(((a + b) / 2).norm() / ends)
        return strips

    def figure_data(self) -> dict:
        """z (latent_dim,) and norm of the point, image (C, H, W) in [-1, 1]; map (49, C, H, W);
        lerp and slerp (9, C, H, W), lerp_norm and slerp_norm (9,), t (9,), middle, the straight
        line's middle as a share of the length of its ends; and with training images nearest
        (3, C, H, W), distances (3,), indices (3,), and nearer, the share of real images that are
        nearer to their own neighbour; without them these are None."""
        # What does not depend on the point is worked out again only when it changes.
        seeds = (self.seed_a, self.seed_b, self.seed_c)
        data = {"map": self._keep("map", (self.plane, *seeds), self._map)}
        data |= self._keep("strips", seeds[:2], self._strips)
        here = (self.x, self.y, self.plane, *seeds)
        return data | self._keep("point", here, self._point)

    def _point(self) -> dict:
        z = self.z_at(torch.tensor([self.x]), torch.tensor([self.y]))
        image = draw_images(self.generator, z)
        data = {"z": z[0], "norm": float(z.norm()), "image": image[0]}
        data |= {"nearest": None, "distances": None, "indices": None, "nearer": None}
        if self.neighbours is not None:
            distances, indices = self.neighbours.nearest(image, NEAREST)
            data["nearest"] = self.neighbours.images[indices[0]]
            data["distances"], data["indices"] = distances[0], indices[0]
            data["nearer"] = self.neighbours.share_nearer(float(distances[0, 0]))
        return data

    def _look_for_copies(self) -> dict | None:
        """Of random images, how near each is to a training image, as a share of real ones."""
        if self.neighbours is None:
            return None
        images = draw_images(self.generator, noise(0, COPIES_OF, self.generator.latent_dim))
        distances = self.neighbours.nearest(images, 1)[0][:, 0]
        shares = self.neighbours.share_nearer(distances)
        return {
            "of": COPIES_OF,
            "median": float(distances.median()),
            "median_real": float(self.neighbours.real_distances.median()),
            # Nearer than all but one in a hundred real images are.
            "suspects": int((shares < 0.01).sum()),
        }

    def alt_text(self) -> str:
        return latent_pad_words.alt_text(self, self.figure_data())

    def code(self) -> str:
        return latent_pad_words.code(self)

    # ---- predictions --------------------------------------------------------------------------

    def predict_middle(self, answer: str | None) -> None:
        """How long the middle of the straight way is: one of ``MIDDLES``, or None to skip.

        Raises:
            CourseError: for any other answer.
        """
        if answer is not None and answer not in MIDDLES:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(MIDDLES)}.")
        if self.revealed:  # a double click is one guess
            return
        middle = self.figure_data()["middle"]
        truth = min(MIDDLES, key=lambda text: abs(float(text) - middle))
        self.predict(latent_pad_words.QUESTION, answer, truth)
        self.revealed = True

    def guess(self) -> str | None:
        return self.predictions[-1]["answer"] if self.predictions else None

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return latent_pad_picture.draw(self, self.figure_data())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        def along(trait: str, label: str) -> widgets.Widget:
            return slider(self, trait, label, widgets.FloatSlider, min=-1.0, max=1.0, step=0.02)

        plane = widgets.ToggleButtons(
            options=[("three seeds", "seeds"), ("two directions", "directions")]
        )
        plane.style.button_width = "150px"
        widgets.link((self, "plane"), (plane, "value"))
        seeds = [slider(self, f"seed_{s}", f"seed {s.upper()}", min=0, max=99) for s in "abc"]

        text = widgets.HTML()
        buttons = [widgets.Button(description=d, layout={"width": "auto"}) for d in MIDDLES]
        buttons.append(widgets.Button(description="skip", layout={"width": "auto"}))
        for button in buttons:
            button.on_click(
                lambda b: self.predict_middle(None if b.description == "skip" else b.description)
            )
        answers = row(*buttons, grid_gap="2px 4px")

        def follow(change: dict | None = None) -> None:
            seeds[2].disabled = self.plane == "directions"  # C is not on this plane
            answers.layout.display = "none" if self.revealed else None
            if not self.revealed:
                text.value = question_html(latent_pad_words.QUESTION)
            else:
                text.value = ghost_html(latent_pad_words.verdict(self, self.figure_data()))

        self.observe(follow, names=["revealed", "plane", "seed_a", "seed_b"])
        follow()
        question = widgets.VBox([text, answers], layout=widgets.Layout(max_width="335px"))
        point = heading("Where on the pad (arrow keys move a slider)")
        return column(
            point,
            along("x", "x, to the right"),
            along("y", "y, upwards"),
            heading("The plane"),
            plane,
            *seeds,
            heading("On the way from A to B"),
            question,
        )
