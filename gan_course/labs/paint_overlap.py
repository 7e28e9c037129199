"""Why checkerboards, before any training?"""

from __future__ import annotations

import math
from typing import ClassVar

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor
from traitlets import Bool, Enum, Int

from gan_course.arithmetic import overlap_counts
from gan_course.data import to_uint8
from gan_course.labs.base import DrawnLab, column, slider
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

INPUTS = 6  # cells of the constant image that goes in
QUESTION = "Stride 2: which kernel size paints every inner cell equally often?"
CHOICES = (3, 4, 5)


class PaintOverlap(DrawnLab):
    """A constant image through transposed convolutions: an even layer would leave it constant.

    Attributes (traits):
        kernel_size: 1 to 7.
        stride: 1 to 3.
        layers: 1 to 3, one behind the other.
        method: "transposed", or "resize" for nearest-neighbour enlarging and a 3x3 convolution.
        weights: "ones" counts the overlaps; "random" is a layer before training.
        seed: of the random weights.
        locked: True until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "kernel_size",
        "stride",
        "layers",
        "method",
        "weights",
        "seed",
        "locked",
    )

    kernel_size = Int(3, min=1, max=7)
    stride = Int(2, min=1, max=3)
    layers = Int(1, min=1, max=3)
    method = Enum(("transposed", "resize"), "transposed")
    weights = Enum(("ones", "random"), "ones")
    seed = Int(0, min=0)
    locked = Bool(True)

    # ---- the numbers --------------------------------------------------------------------------

    def kernels(self) -> list[Tensor]:
        """One (1, 1, k, k) kernel for each layer."""
        size = 3 if self.method == "resize" else self.kernel_size
        if self.weights == "ones":
            return [torch.ones(1, 1, size, size)] * self.layers
        rng = torch.Generator().manual_seed(self.seed)
        # Around 1, so that the image stays bright and its unevenness can be compared.
        return [1 + 0.5 * torch.randn(1, 1, size, size, generator=rng) for _ in range(self.layers)]

    def output(self) -> Tensor:
        """(H, W): what becomes of a constant image of ones."""
        x = torch.ones(1, 1, INPUTS, INPUTS)
        for kernel in self.kernels():
            if self.method == "transposed":
                x = F.conv_transpose2d(x, kernel, stride=self.stride)
            else:
                x = F.interpolate(x, scale_factor=self.stride, mode="nearest")
                x = F.conv2d(x, kernel, padding=1)
        return x[0, 0]

    def border(self) -> int:
        """Cells at each side that fewer inputs reach, whatever the layer."""
        border = 0
        for _ in range(self.layers):
            reach = 1 if self.method == "resize" else self.kernel_size - 1
            border = border * self.stride + reach
        return border

    def figure_data(self) -> dict:
        """output (H, W); interior, the part away from the border; unevenness of the interior: its
        standard deviation divided by its mean, 0 for a constant; counts of one row (ones only)."""
        output, border = self.output(), self.border()
        interior = output[border : len(output) - border, border : len(output) - border]
        unevenness = 0.0
        if interior.numel() > 1:
            unevenness = (interior.std(correction=0) / interior.mean().abs()).item()
        counts = overlap_counts(self.kernel_size, self.stride, INPUTS)
        return {
            "output": output,
            "interior": interior,
            "border": border,
            "unevenness": unevenness,
            "counts": counts,
        }

    def code(self) -> str:
        if self.method == "transposed":
            layer = (
                f"nn.ConvTranspose2d(1, 1, {self.kernel_size}, stride={self.stride}, bias=False)"
            )
        else:
            layer = (
                f"nn.Upsample(scale_factor={self.stride}), "
                f"nn.Conv2d(1, 1, 3, padding=1, bias=False)"
            )
        return f"nn.Sequential({', '.join([layer] * self.layers)})"

    def alt_text(self) -> str:
        data = self.figure_data()
        layers = "one layer" if self.layers == 1 else f"{self.layers} layers"
        what = f"kernel {self.kernel_size}, stride {self.stride}"
        if self.method == "resize":
            what = f"enlarging {self.stride} times and a 3×3 convolution"
        text = f"A constant image through {layers} of {what}, weights {self.weights}."
        if self.locked:
            return text + " Make a guess first."
        if data["interior"].numel() < 2:
            return text + " Nothing is left but border."
        if data["unevenness"] < 1e-5:
            return text + " Away from the border it stays constant."
        return text + f" Away from the border it varies by {data['unevenness']:.0%} of its mean."

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        canvas = Canvas(800, 400)
        self._draw_counts(canvas, data)
        canvas.text(440, 24, "What comes out", size=14, anchor="start", bold=True)
        if self.locked:
            canvas.text(590, 200, "?", size=80, color=FAINT)
            return canvas
        output = data["output"]
        top = output.abs().max().clamp(min=1e-9)
        pixels = to_uint8(output / top * 2 - 1).numpy()
        canvas.picture(440, 44, 310, 310, pixels)
        # The interior, framed: only there is unevenness the layer's own doing.
        cell, border = 310 / len(output), data["border"]
        side = len(output) - 2 * border
        if side > 0:
            left, up = 440 + border * cell, 44 + border * cell
            right, low = left + side * cell, up + side * cell
            frame = [(left, up), (right, up), (right, low), (left, low), (left, up)]
            canvas.line(frame, color="#D55E00", width=2, dash=(5, 4))
        size = f"{len(output)}×{len(output)} cells; unevenness inside the frame"
        canvas.text(440, 372, f"{size} {data['unevenness']:.3f}", size=12, anchor="start")
        return canvas

    def _draw_counts(self, canvas: Canvas, data: dict) -> None:
        """Bars: how many stamps cover each cell of one row, for a single layer."""
        canvas.text(20, 24, "How many stamps cover each cell of a row", 14, INK, "start", True)
        if self.method == "resize":
            canvas.text(200, 180, "Nothing is stamped: each cell is computed", color=FAINT)
            canvas.text(200, 202, "from its neighbours, all in the same way.", color=FAINT)
            return
        if self.locked:
            canvas.text(200, 200, "?", size=80, color=FAINT)
            return
        counts = data["counts"]
        width, height, highest = 380 / len(counts), 220, max(counts)
        even = self.kernel_size % self.stride == 0
        for i, count in enumerate(counts):
            bar = height * count / highest
            inner = self.kernel_size - 1 <= i < len(counts) - self.kernel_size + 1
            fill = ("#0072B2" if even else "#D55E00") if inner else "#D9D9D9"
            x, y = 20 + i * width, 300 - bar
            canvas.rect(x, y, max(width - 2, 1), bar, fill=fill)
            if i % math.ceil(16 / width) == 0:  # not each one where they would run together
                canvas.text(x + width / 2, y - 10, str(count), size=min(12, max(11, width * 0.7)))
        canvas.line([(20, 300), (400, 300)], color=LINE)
        share = "divides" if even else "does not divide"
        sentence = f"{self.stride} {share} {self.kernel_size}: " + ("even" if even else "uneven")
        canvas.text(20, 330, sentence + " inside", 13, INK, "start", bold=True)
        canvas.text(20, 350, "pale bars at both ends: the border", 11, FAINT, "start")

    # ---- front --------------------------------------------------------------------------------

    def predict_even(self, kernel_size: int | None) -> None:
        """Answer the question; None skips it. Either opens the lab."""
        truth = next(k for k in CHOICES if k % 2 == 0)
        self.predict(QUESTION, kernel_size, truth)
        self.locked = False

    def controls(self) -> widgets.Widget:
        text = widgets.HTML(f"<b>Guess first.</b> {QUESTION}")
        answers = {str(k): k for k in CHOICES} | {"skip": None}
        buttons = [widgets.Button(description=a, layout={"width": "70px"}) for a in answers]
        for button in buttons:
            button.on_click(lambda b: self.predict_even(answers[b.description]))
        row = widgets.HBox(buttons)
        sliders = [
            slider(self, "kernel_size", "kernel_size", min=1, max=7),
            slider(self, "stride", "stride", min=1, max=3),
            slider(self, "layers", "layers", min=1, max=3),
            slider(self, "seed", "seed", min=0, max=20),
        ]
        method = widgets.ToggleButtons(
            options=[("transposed", "transposed"), ("resize + conv", "resize")]
        )
        weights = widgets.ToggleButtons(
            options=[("weights 1", "ones"), ("random weights", "random")]
        )
        for trait, toggle in (("method", method), ("weights", weights)):
            toggle.style.button_width = "150px"
            widgets.link((self, trait), (toggle, "value"))
        moved = [*sliders, method, weights]

        def follow(change: dict | None = None) -> None:
            for widget in moved:
                widget.disabled = self.locked
            sliders[0].disabled = self.locked or self.method == "resize"
            sliders[3].disabled = self.locked or self.weights == "ones"
            row.layout.display = None if self.locked else "none"
            if not self.locked and self.predictions:
                answer = self.predictions[-1]["answer"]
                guess = "You skipped." if answer is None else f"You guessed {answer}."
                text.value = f"<b>Now look.</b> {guess} Try 3, 4 and 5."

        self.observe(follow, names=["locked", "method", "weights"])
        follow()
        question = widgets.VBox([text, row], layout=widgets.Layout(max_width="335px"))
        return column(question, *sliders[:3], method, weights, sliders[3])
