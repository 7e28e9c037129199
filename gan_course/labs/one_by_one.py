"""What can a 1x1 convolution do?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor
from traitlets import Bool, Float, Int

from gan_course.labs import one_by_one_picture as picture
from gan_course.labs.base import DrawnLab
from gan_course.labs.drawing import Canvas
from gan_course.labs.one_by_one_controls import controls
from gan_course.labs.scene import COLOURS, painted

SIZE = 32
SEED = 10  # of the shuffling
CHANNELS = ("red", "green", "blue")
PRESETS = {
    "cycle": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "identity": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "grey": ((0.3, 0.59, 0.11),) * 3,
    "no green": ((1, 0, 0), (0, 0, 0), (0, 0, 1)),
    "red minus blue": ((1, 0, -1), (0, 0, 0), (-1, 0, 1)),
}


def entry(o: int, c: int) -> str:
    """The trait that says how much of channel c goes into channel o: "red_from_green"."""
    return f"{CHANNELS[o]}_from_{CHANNELS[c]}"


class OneByOne(DrawnLab):
    """A picture goes through a 1x1 convolution from 3 channels to 3.

    Attributes (traits):
        red_from_red, red_from_green, ... blue_from_blue: the nine weights, -2 to 2. They begin as
            the preset "cycle".
        row, column: the pixel whose sums are written out, 0 to 31.
        shuffled: whether the pixels are shuffled first, and put back behind the convolution.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    ENTRIES: ClassVar = tuple(entry(o, c) for o in range(3) for c in range(3))
    picture_traits: ClassVar = (*ENTRIES, "row", "column", "shuffled", "revealed")

    red_from_red = Float(0.0, min=-2.0, max=2.0)
    red_from_green = Float(1.0, min=-2.0, max=2.0)
    red_from_blue = Float(0.0, min=-2.0, max=2.0)
    green_from_red = Float(0.0, min=-2.0, max=2.0)
    green_from_green = Float(0.0, min=-2.0, max=2.0)
    green_from_blue = Float(1.0, min=-2.0, max=2.0)
    blue_from_red = Float(1.0, min=-2.0, max=2.0)
    blue_from_green = Float(0.0, min=-2.0, max=2.0)
    blue_from_blue = Float(0.0, min=-2.0, max=2.0)
    row = Int(13, min=0, max=SIZE - 1)
    column = Int(6, min=0, max=SIZE - 1)
    shuffled = Bool(False)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._kept: tuple[tuple, dict] = ((), {})

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def weight(self) -> Tensor:
        """(3, 3): weight[o, c] of input channel c in output channel o."""
        return torch.tensor([getattr(self, name) for name in self.ENTRIES]).reshape(3, 3)

    def preset(self, name: str) -> None:
        """Set all nine weights at once: a name of ``PRESETS``."""
        with self.hold_trait_notifications():
            for o in range(3):
                for c in range(3):
                    setattr(self, entry(o, c), float(PRESETS[name][o][c]))

    def figure_data(self) -> dict:
        """The numbers that the picture shows; colours in [0, 1].

        ``weight`` (3, 3); ``image`` (3, H, W); ``pixel`` and ``thing``, the marked pixel's colour
        and name. Once the question is answered ``output`` (3, H, W) and ``mixed``, the marked
        pixel's new colour; ``clipped``, how many pixels leave [0, 1]. With ``shuffled`` also
        ``shuffled`` (3, H, W), the picture in disorder; ``put_back``, that one convolved and put
        in order again; ``blurred`` and ``blurred_back``, the same two ways for a 3x3 mean;
        ``difference`` and ``difference_blurred``, the largest between the two ways.
        """
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        image, labels = painted(SIZE)
        image = (image + 1) / 2
        place = (slice(None), self.row, self.column)
        data = {
            "weight": self.weight.numpy(),
            "image": image.numpy(),
            "pixel": image[place].tolist(),
            "thing": list(COLOURS)[int(labels[self.row, self.column])],
        }
        if not self.revealed:
            return data
        output = self._mix(image)
        data["output"] = output.numpy()
        data["mixed"] = output[place].tolist()
        data["clipped"] = int(((output < 0) | (output > 1)).any(0).sum())
        if self.shuffled:
            data |= self._two_ways(image, output)
        return data

    def _mix(self, image: Tensor) -> Tensor:
        return F.conv2d(image[None], self.weight[:, :, None, None])[0]

    def _two_ways(self, image: Tensor, output: Tensor) -> dict:
        order = torch.randperm(SIZE * SIZE, generator=torch.Generator().manual_seed(SEED))
        back = order.argsort()

        def reorder(picture: Tensor, places: Tensor) -> Tensor:
            return picture.flatten(1)[:, places].unflatten(1, (SIZE, SIZE))

        def blur(picture: Tensor) -> Tensor:
            return F.avg_pool2d(picture[None], 3, stride=1, padding=1, count_include_pad=False)[0]

        disorder = reorder(image, order)
        put_back, blurred_back = (reorder(f(disorder), back) for f in (self._mix, blur))
        return {
            "shuffled": disorder.numpy(),
            "put_back": put_back.numpy(),
            "blurred": blur(image).numpy(),
            "blurred_back": blurred_back.numpy(),
            "difference": float((put_back - output).abs().max()),
            "difference_blurred": float((blurred_back - blur(image)).abs().max()),
        }

    def code(self) -> str:
        """PyTorch that makes the same picture."""
        rows = [", ".join(f"{v:g}" for v in row) for row in self.weight.tolist()]
        return "\n".join(
            [
                "import torch",
                "from torch import nn",
                "",
                "from gan_course.labs.scene import scene",
                "",
                f"image = (scene({SIZE}) + 1) / 2  # (3, H, W), colours in [0, 1]",
                "layer = nn.Conv2d(3, 3, kernel_size=1, bias=False)",
                f"weight = torch.tensor([[{rows[0]}], [{rows[1]}], [{rows[2]}]])",
                "with torch.no_grad():",
                "    layer.weight.copy_(weight[:, :, None, None])",
                "    output = layer(image[None])[0]",
                f"mixed = output[:, {self.row}, {self.column}]",
            ]
        )

    def alt_text(self) -> str:
        data = self.figure_data()
        start = (
            f"A picture of {SIZE}×{SIZE} pixels and a 1×1 convolution. The marked pixel "
            f"({self.row}, {self.column}), {data['thing']}, has red, green, blue "
            f"{said(data['pixel'])}."
        )
        if not self.revealed:
            return f"{start} What does it become? Make a guess, or skip."
        return f"{start} {' '.join(self._lines())}"

    def _lines(self) -> list[str]:
        data = self.figure_data()
        if not self.revealed:
            return []
        lines = [f"The marked pixel becomes {said(data['mixed'])}:"]
        for o in range(3):
            products = " + ".join(
                f"{w:g}·{v:.2f}" for w, v in zip(data["weight"][o], data["pixel"], strict=True)
            ).replace("+ -", "− ")
            lines.append(
                f"{CHANNELS[o]} = {products} = {tidy(data['mixed'][o])}{';;.'[o]}".replace("-", "−")
            )
        lines.append(
            "Every other pixel goes through the same nine weights. A 3×3 convolution has 81."
        )
        if data["clipped"]:
            lines.append(
                f"{data['clipped']} of {SIZE * SIZE} pixels leave [0, 1]; the picture shows them "
                f"clipped."
            )
        if self.shuffled:
            lines.append(
                f"Shuffled, convolved, put back: 1×1 differs by {data['difference']:.2g}, a 3×3 "
                f"mean by {data['difference_blurred']:.2g}."
            )
        return lines

    # ---- predictions --------------------------------------------------------------------------

    def question(self) -> str:
        data = self.figure_data()
        return (
            f"The marked pixel, {data['thing']}, has red, green, blue {said(data['pixel'])}. The "
            f"matrix takes {self._in_words()}. What does the pixel become?"
        )

    def _in_words(self) -> str:
        parts = []
        for o in range(3):
            terms = [
                CHANNELS[c] if w == 1 else f"{w:g} of {CHANNELS[c]}"
                for c, w in enumerate(self.weight[o].tolist())
                if w
            ]
            parts.append(f"its {CHANNELS[o]} from {' and '.join(terms) or 'nothing'}")
        return ", ".join(parts)

    def choices(self) -> list[str]:
        """Colours to choose from: the right one, the matrix read the wrong way round, no change."""
        pixel, weight = torch.tensor(self.figure_data()["pixel"]), self.weight
        neighbourhood = pixel.mean().expand(3)
        colours = [weight.T @ pixel, pixel, weight @ pixel, neighbourhood]
        return list(dict.fromkeys(said(colour.tolist()) for colour in colours))

    def predict_colour(self, answer: str | None) -> None:
        """Guess the marked pixel's new colour; None skips. Either opens the lab."""
        pixel = torch.tensor(self.figure_data()["pixel"])
        self.predict(self.question(), answer, said((self.weight @ pixel).tolist()))
        self.revealed = True

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return picture.draw(self, self.figure_data(), self._lines(), self.guess_line())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self, CHANNELS, tuple(PRESETS))


def tidy(value: float) -> str:
    """Two digits, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def said(colour: list[float]) -> str:
    return f"({', '.join(tidy(v) for v in colour)})"
