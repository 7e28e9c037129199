"""Which layer does not fit, and which number mends it?"""

from __future__ import annotations

import textwrap
from html import escape
from itertools import pairwise
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from torch import nn
from traitlets import Bool, Enum, Int

from gan_course import palette
from gan_course.arithmetic import ShapeTrace, trace_shapes
from gan_course.labs.base import Lab, column, ghost_html, question_html, slider
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH, ROW = 800, 27
LAYER, SHAPE, BAR, BAR_WIDTH = 20, 420, 560, 150  # where the columns begin
MISFIT = "#A33F00"  # dark vermilion, for text


class TraceBench(Lab):
    """A small discriminator, traced: halvings, nn.Flatten, and one nn.Linear.

    Attributes (traits):
        image_size: height = width of the images, 1 to 96.
        image_channels: of the images, 3 or 1; the network is built for 3.
        halvings: convolutions with kernel 4, stride 2, padding 1; the first makes 32 channels,
            each further one twice as many.
        side: height = width of the maps that nn.Linear is built for: in_features is
            channels * side * side.
        revealed: False until the first question is answered or skipped.
    """

    picture_room: ClassVar = 640
    picture_traits: ClassVar = ("image_size", "image_channels", "halvings", "side", "revealed")

    image_size = Int(48, min=1, max=96)
    image_channels = Enum((3, 1), 3)
    halvings = Int(2, min=1, max=4)
    side = Int(16, min=1, max=48)
    revealed = Bool(False)

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def in_features(self) -> int:
        return self._channels()[-1] * self.side**2

    def _channels(self) -> list[int]:
        return [3] + [32 * 2**i for i in range(self.halvings)]

    def model(self) -> nn.Sequential:
        """The network, without numbers in it: shapes are all that is asked for."""
        layers: list[nn.Module] = []
        channels = self._channels()
        with torch.device("meta"):
            for before, after in pairwise(channels):
                layers.append(nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1))
                layers.append(nn.LeakyReLU(0.2))
            layers += [nn.Flatten(), nn.Linear(self.in_features, 1)]
        return nn.Sequential(*layers)

    def trace(self) -> ShapeTrace:
        shape = (1, self.image_channels, self.image_size, self.image_size)
        return trace_shapes(self.model(), shape)

    def figure_data(self) -> dict:
        """rows: (layer, output shape without the batch or None, numbers for one image or None),
        the input first; culprit, the index of the row that does not fit, or None; advice;
        arriving, how many numbers reach nn.Linear, or None; in_features, how many it takes."""
        trace, model = self.trace(), self.model()
        shapes = [trace.input_shape[1:]] + [row.output_shape[1:] for row in trace.rows]
        names = ["input", *self._code_lines()]
        rows = []
        for i, name in enumerate(names):
            shape = shapes[i] if i < len(shapes) else None
            count = torch.Size(shape).numel() if shape is not None else None
            rows.append((name, shape, count))
        reached = len(trace.rows) >= len(model) - 1
        return {
            "rows": rows,
            "culprit": None if trace.ok else len(shapes),
            "advice": trace.advice,
            "arriving": rows[-2][2] if reached else None,
            "in_features": self.in_features,
        }

    def _code_lines(self) -> list[str]:
        """One line of PyTorch for each layer."""
        channels, lines = self._channels(), []
        for before, after in pairwise(channels):
            lines.append(f"nn.Conv2d({before}, {after}, kernel_size=4, stride=2, padding=1)")
            lines.append("nn.LeakyReLU(0.2)")
        last = f"nn.Linear({channels[-1]} * {self.side} * {self.side}, 1)"
        return [*lines, "nn.Flatten()", last]

    def code(self) -> str:
        body = "".join(f"    {line},\n" for line in self._code_lines())
        shape = (1, self.image_channels, self.image_size, self.image_size)
        return f"model = nn.Sequential(\n{body})\nprint(trace_shapes(model, {shape}))"

    def alt_text(self) -> str:
        size, what = self.image_size, "grey" if self.image_channels == 1 else "colour"
        times = "one convolution" if self.halvings == 1 else f"{self.halvings} convolutions"
        text = (
            f"A {what} image of {size}×{size}, {times} with stride 2, nn.Flatten, and an nn.Linear "
            f"that takes {self.in_features:,} numbers."
        )
        if not self.revealed:
            return text + " How many numbers reach it? Make a guess, or skip."
        data = self.figure_data()
        if data["culprit"] is None:
            return text + f" It fits: {data['arriving']:,} numbers reach it."
        if data["arriving"] is not None:
            return text + f" It does not fit: {data['arriving']:,} numbers reach it."
        layer = data["rows"][data["culprit"]][0]
        return text + f" It stops at layer {data['culprit'] - 1}, {layer}."

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        rows, culprit = data["rows"], data["culprit"]
        canvas = Canvas(WIDTH, 76 + ROW * len(rows) + 66)
        for x, title in (
            (LAYER, "layer"),
            (SHAPE, "output"),
            (BAR, "numbers per image"),
        ):
            canvas.text(x, 24, title, size=13, anchor="start", bold=True)
        canvas.line([(LAYER, 40), (WIDTH - 20, 40)], color=LINE)
        largest = max(count for _, _, count in rows if count is not None)
        for i, (name, shape, count) in enumerate(rows):
            y = 58 + i * ROW
            hidden = not self.revealed and i > 0
            failed = self.revealed and i == culprit
            after = self.revealed and culprit is not None and i > culprit
            if failed:
                canvas.rect(10, y - 12, WIDTH - 20, 24, fill="#FBE9DD", stroke=palette.FAKE)
            color = MISFIT if failed else FAINT if after else INK
            if i > 0:  # the name that trace_shapes gives it
                canvas.text(LAYER + 8, y, str(i - 1), 12, color, "end", failed)
            canvas.text(LAYER + 18, y, name, 12, color, "start", failed)
            if hidden:
                canvas.text(SHAPE, y, "?", 13, FAINT, "start")
            elif failed:
                canvas.text(SHAPE, y, "✗ does not fit", 12, MISFIT, "start", True)
            elif after:
                canvas.text(SHAPE, y, "not reached", 12, FAINT, "start")
            else:
                canvas.text(SHAPE, y, " × ".join(map(str, shape)), 12, INK, "start")
                bar = max(1.0, BAR_WIDTH * count / largest)
                canvas.rect(BAR, y - 8, bar, 16, fill=palette.DISCRIMINATOR)
                canvas.text(BAR + bar + 6, y, f"{count:,}", 12, INK, "start")
        self._draw_verdict(canvas, data, 58 + len(rows) * ROW + 6)
        return canvas

    def _draw_verdict(self, canvas: Canvas, data: dict, y: float) -> None:
        if not self.revealed:
            canvas.text(LAYER, y, "Make the guess first: then everything opens.", 13, INK, "start")
        elif data["culprit"] is None:
            canvas.text(LAYER, y, "✓ Every layer fits.", 14, "#117733", "start", True)
        else:
            advice = f"✗ Stopped at layer {data['culprit'] - 1}: {data['advice']}"
            for i, line in enumerate(textwrap.wrap(advice, 108)[:3]):
                canvas.text(LAYER, y + 20 * i, line, 13, MISFIT, "start")

    def render(self) -> Image.Image:
        return self.draw().image(scale=1)

    def live_html(self) -> str:
        return self.draw().svg(self.alt_text())

    # ---- front --------------------------------------------------------------------------------

    def _question(self) -> str:
        return f"How many numbers of one {self.image_size}×{self.image_size} image reach nn.Linear?"

    def predict_arriving(self, count: int | None) -> None:
        """Guess how many numbers reach nn.Linear; None skips. Either opens the lab."""
        self.predict(self._question(), count, self.figure_data()["arriving"])
        self.revealed = True

    def controls(self) -> widgets.Widget:
        sliders = [
            slider(self, "image_size", "image size", min=1, max=96),
            slider(self, "halvings", "halvings", min=1, max=4),
            slider(self, "side", "Linear: side", min=1, max=48),
        ]
        channels = widgets.ToggleButtons(options=[("3: colour", 3), ("1: grey", 1)])
        channels.style.button_width = "150px"
        widgets.link((self, "image_channels"), (channels, "value"))
        text = widgets.HTML(question_html(escape(self._question())))
        guess = widgets.BoundedIntText(value=0, min=0, max=10**6, description="numbers")
        guess.layout.width = "180px"
        ready = widgets.Button(description="show", button_style="primary")
        skip = widgets.Button(description="skip")
        ready.layout.width = skip.layout.width = "70px"
        ready.on_click(lambda b: self.predict_arriving(guess.value))
        skip.on_click(lambda b: self.predict_arriving(None))
        entry = widgets.HBox([guess, ready, skip])

        def follow(change: dict | None = None) -> None:
            for widget in (*sliders, channels):
                widget.disabled = not self.revealed
            entry.layout.display = "none" if self.revealed else None
            if self.revealed:
                text.value = self._ghost()

        self.observe(follow, names="revealed")
        follow()
        question = widgets.VBox([text, entry], layout=widgets.Layout(max_width="335px"))
        return column(question, *sliders, channels)

    def _ghost(self) -> str:
        """What was guessed, beside what is true."""
        if not self.predictions or self.predictions[-1]["answer"] is None:
            return ghost_html("Now mend the network with <i>Linear: side</i>.")
        made = self.predictions[-1]
        verdict = "right" if made["right"] else f"it was {made['truth']:,}"
        return ghost_html(f"Your first guess: {made['answer']:,}, {verdict}.")
