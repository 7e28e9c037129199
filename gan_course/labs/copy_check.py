"""Did it learn, or copy? The nearest training image of each fake, and how near is near."""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
import torch
from torch import Tensor, nn
from traitlets import Bool, Enum, Int

from gan_course import palette
from gan_course.data import ImageSet, load_images, to_uint8
from gan_course.errors import CourseError
from gan_course.evaluation.features import load_extractor
from gan_course.evaluation.neighbours import Neighbours
from gan_course.labs.base import DrawnLab, column, slider
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.guess_controls import guess_box
from gan_course.labs.latent import draw_images, noise
from gan_course.pretrained import load_pretrained
from gan_course.training.augment import translate

COUNT = 8  # fakes that are looked at
COPY = 0.02  # nearer than all but so many of the real images are to theirs: suspicious
BASELINE = 200  # real images that are compared in the same way, at most
SIDE, GAP, WIDTH, HEIGHT = 76, 14, 760, 330
BY = ("pixels", "features")  # what two images are compared by
ANSWERS = ("none", "1 or 2", "3 or more")
QUESTION = f"How many of these {COUNT} fakes are suspiciously near to a training image?"


class CopyCheck(DrawnLab):
    """Eight fakes, below each its nearest training image, and how many real images are nearer to
    theirs: 0 % would be a copy.

    Mirrored copies, and such as are moved by up to a sixteenth, are found as well: each image is
    compared in all these versions, and so are the real images that it is measured against. Pixels
    find what was copied stroke by stroke; the features of a classifier also what looks alike though
    no pixel agrees.

    Args:
        generator: with ``latent_dim``; the shipped digits if None. Or ready fakes, (8, C, H, W).
        images: what it was trained on; the digits if None.
        features: a name that ``load_extractor`` knows. Default: ``digits`` for grey images,
            ``photographs`` for colour.

    Attributes (traits):
        seed: of the fakes.
        by: ``pixels`` or ``features``, what images are compared by.
        versions: whether mirrored and moved versions are compared, too.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 620
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("seed", "by", "versions", "revealed")

    seed = Int(0, min=0, max=9999)
    by = Enum(BY, "pixels")
    versions = Bool(True)
    revealed = Bool(False)

    def __init__(
        self,
        generator: nn.Module | Tensor | None = None,
        images: ImageSet | Tensor | None = None,
        features: str | None = None,
        **traits: object,
    ) -> None:
        super().__init__(**traits)
        self.generator = load_pretrained("digits") if generator is None else generator
        by_pixels = Neighbours(load_images("digits") if images is None else images)
        self.images = by_pixels.images
        shape = self.images.shape[1:]
        self._features = features or ("digits" if shape[0] == 1 else "photographs")
        self._neighbours = {"pixels": by_pixels}
        fakes = self.fakes()
        if fakes.shape[1:] != shape:
            raise CourseError(
                f"the fakes have shape {tuple(fakes.shape[1:])}, and the training images "
                f"{tuple(shape)}: these cannot be the images that it was trained on."
            )
        self._baseline: dict[tuple[str, bool], Tensor] = {}

    def neighbours(self) -> Neighbours:
        """The training images, and the distances that ``by`` chooses."""
        if self.by not in self._neighbours:
            extractor = load_extractor(self._features)
            self._neighbours[self.by] = Neighbours(self.images, measure=extractor)
        return self._neighbours[self.by]

    def fakes(self) -> Tensor:
        """(at most 8, C, H, W) in [-1, 1]."""
        if isinstance(self.generator, Tensor):
            return self.generator[:COUNT].float()
        return draw_images(self.generator, noise(self.seed, COUNT, self.generator.latent_dim))

    def nearest(self, images: Tensor, skip: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Distance (N,) and number (N,) of the nearest training image, over all versions.

        Args:
            skip: (N,) numbers of training images that do not count: the images themselves.
        """
        best = torch.full((len(images),), torch.inf)
        which = torch.zeros(len(images), dtype=torch.int64)
        # A step to the side changes all the pixels, and the features of a classifier hardly.
        steps = 2 if self.by == "pixels" else 1
        for version in all_versions(images, steps) if self.versions else [images]:
            distances, numbers = self.neighbours().nearest(version, 2)
            take = torch.zeros(len(images), dtype=torch.int64)
            if skip is not None:
                take = (numbers[:, 0] == skip).long()
            rows = torch.arange(len(images))
            distance, number = distances[rows, take], numbers[rows, take]
            which = torch.where(distance < best, number, which)
            best = torch.minimum(distance, best)
        return best, which

    def baseline(self) -> Tensor:
        """Sorted distances of real images to their nearest other one, found in the same way."""
        way = (self.by, self.versions)
        if way not in self._baseline:
            rng = torch.Generator().manual_seed(0)
            most = BASELINE if self.by == "pixels" else BASELINE // 2  # a classifier takes longer
            count = max(50, min(most, 1_000_000 // len(self.images)))
            chosen = torch.randperm(len(self.images), generator=rng)[:count]
            found, _ = self.nearest(self.images[chosen], skip=chosen)
            self._baseline[way] = found.sort().values
        return self._baseline[way]

    def figure_data(self) -> dict:
        """fakes, nearest (N, C, H, W); distances (N,); shares (N,), of real images that are nearer
        to theirs; copies: bool (N,), suspicious ones; among_real: the number that chance would
        flag among real images."""
        fakes = self.fakes()
        distances, which = self.nearest(fakes)
        real = self.baseline()
        shares = torch.searchsorted(real, distances) / len(real)
        return {
            "fakes": fakes,
            "nearest": self.images[which],
            "distances": distances,
            "shares": shares,
            "copies": shares < COPY,
            "among_real": COPY * len(fakes),
        }

    def alt_text(self) -> str:
        data = self.figure_data()
        count = len(data["fakes"])
        text = f"{count} fakes of seed {self.seed}, compared by {self.by}."
        if not self.revealed:
            return f"{text} Are there copies among them? Make a guess, or skip."
        shares = ", ".join(f"{share:.0%}" for share in data["shares"].tolist())
        return (
            f"{text} Share of real images that are nearer to their neighbour: {shares}. "
            f"{int(data['copies'].sum())} of {count} below {COPY:.0%}, suspicious; chance alone "
            f"would give {data['among_real']:.1f}."
        )

    def summary(self) -> str:
        """A sentence for a model card."""
        data = self.figure_data()
        return (
            f"{int(data['copies'].sum())} of {len(data['fakes'])} fakes (seed {self.seed}) are "
            f"nearer to a training image, in {self.by}, than {1 - COPY:.0%} of real images are."
        )

    def predict_copies(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        found = int(self.figure_data()["copies"].sum())
        self.predict(QUESTION, answer, ANSWERS[0 if found == 0 else 1 if found < 3 else 2])
        self.revealed = True

    def verdict(self) -> str:
        return self.guess_line() or "Skipped."

    def code(self) -> str:
        measure, extra = "", ""
        if self.by == "features":
            extra = "from gan_course.evaluation.features import load_extractor\n"
            measure = f', measure=load_extractor("{self._features}")'
        return (
            f"{extra}from gan_course.evaluation.neighbours import Neighbours\n\n"
            f"known = Neighbours(training_images{measure})\n"
            "distances, which = known.nearest(fakes, 1)\n"
            "print(known.share_nearer(distances[:, 0]))  # 0 for a copy"
        )

    def draw(self) -> Canvas:
        data, canvas = self.figure_data(), Canvas(WIDTH, HEIGHT)
        canvas.text(16, 14, "Fakes, and the training image nearest to each", 14, INK, "start", True)
        for i, fake in enumerate(data["fakes"]):
            x = 16 + i * (SIDE + GAP)
            self._image(canvas, x, 40, fake, palette.FAKE)
            if not self.revealed:
                continue
            self._image(canvas, x, 142, data["nearest"][i], palette.REAL)
            share = data["shares"][i].item()
            canvas.rect(x, 240, SIDE, 12, fill="white", stroke=LINE)
            canvas.rect(x, 240, SIDE * share, 12, fill=FAINT)
            mark = "copy?" if data["copies"][i] else ""
            canvas.text(x, 264, f"{share:.0%} {mark}", 12, INK, "start", bold=bool(mark))
        canvas.text(16, 32, "▲ fakes", 11, FAINT, "start")
        if not self.revealed:
            canvas.text(16, 170, "Make a guess: then the nearest show.", 13, FAINT, "start")
            return canvas
        canvas.text(16, 134, f"● nearest training images, by {self.by}", 11, FAINT, "start")
        lines = (
            "Bars: the share of real images that are nearer to their own neighbour. 0 % would be a "
            "copy.",
            f"Below {COPY:.0%} it says “copy?”; among {len(data['fakes'])} real images that would "
            f"happen {data['among_real']:.1f} times by chance.",
        )
        for i, line in enumerate(lines):
            canvas.text(16, 292 + 18 * i, line, 12, INK, "start")
        return canvas

    def _image(self, canvas: Canvas, x: float, y: float, image: Tensor, color: str) -> None:
        pixels = to_uint8(image)
        pixels = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)
        canvas.picture(x, y, SIDE, SIDE, pixels.contiguous().numpy())
        canvas.rect(x, y, SIDE, SIDE, stroke=color, width=2)

    def controls(self) -> widgets.Widget:
        seed = slider(self, "seed", "seed of z", min=0, max=99)
        versions = widgets.Checkbox(
            value=self.versions, description="find mirrored and moved copies too", indent=False
        )
        widgets.link((self, "versions"), (versions, "value"))
        by = widgets.ToggleButtons(options=BY, value=self.by, description="compare")
        widgets.link((self, "by"), (by, "value"))
        locked = [seed, by, versions]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_copies, self.verdict, locked)
        return column(question, *locked)


def all_versions(images: Tensor, steps: int = 2) -> list[Tensor]:
    """As they are, moved by up to a sixteenth in every direction, and all of these mirrored.

    Args:
        steps: from the middle to a sixteenth, at most: with 2 that is each pixel of 32x32.
    """
    reach = max(1, images.shape[-1] // 16)
    far = sorted({round(reach * k / steps) for k in range(-steps, steps + 1)}, key=abs)
    shifts = [torch.tensor([down, right]) for down in far for right in far]
    moved = [translate(images, shift.expand(len(images), 2)) for shift in shifts]
    return moved + [version.flip(3) for version in moved]
