"""What does this layer do to the shape, and which cells touch which?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
from PIL import Image
from traitlets import Bool, Enum, Int

from gan_course.labs.base import Lab, column, slider
from gan_course.labs.conv_arithmetic import ConvSettings, example_input, example_kernel
from gan_course.labs.conv_picture import (
    HEIGHT,
    WIDTH,
    Grid,
    draw_grid,
    draw_kernel,
    draw_lines,
    draw_prediction,
    draw_unused,
    wrap,
)
from gan_course.labs.drawing import FAINT, Canvas


class ConvBench(Lab):
    """One channel of ``Conv2d`` or ``ConvTranspose2d``, cell by cell.

    Attributes (traits):
        mode: "Conv2d" or "ConvTranspose2d"; the same numbers are read in both ways.
        n: height = width of the input, 1 to 16.
        kernel_size, stride, padding, dilation, output_padding: the layer's arguments.
        view: "gather": choose an output cell, see what it reads; "scatter": choose an input cell,
            see where it goes.
        cursor: the chosen cell, counted row by row from 0.
        revealed: False until a prediction of the output size is made or skipped.
    """

    picture_traits: ClassVar = (
        "mode",
        "n",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "output_padding",
        "view",
        "cursor",
        "revealed",
    )

    mode = Enum(("Conv2d", "ConvTranspose2d"), "Conv2d")
    n = Int(8, min=1, max=16)
    kernel_size = Int(4, min=1, max=7)
    stride = Int(2, min=1, max=4)
    padding = Int(1, min=0, max=4)
    dilation = Int(1, min=1, max=3)
    output_padding = Int(0, min=0, max=3)
    view = Enum(("gather", "scatter"), "gather")
    cursor = Int(0, min=0)
    revealed = Bool(False)

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def settings(self) -> ConvSettings:
        return ConvSettings(
            self.mode == "ConvTranspose2d",
            self.n,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.output_padding,
        )

    def figure_data(self) -> dict:
        """input, kernel, output as (H, W) tensors; size; the chosen cell and the cells it touches;
        error, if the layer cannot work (then size and output are None)."""
        settings = self.settings
        x, kernel = example_input(self.n), example_kernel(self.kernel_size)
        data = {
            "input": x[0, 0],
            "kernel": kernel[0, 0],
            "output": None,
            "size": None,
            "error": settings.error(),
            "inputs": set(),
            "outputs": set(),
            "cell": None,
        }
        if data["error"] is not None:
            return data
        output = settings.apply(x, kernel)[0, 0]
        size = len(output)
        data |= {"output": output, "size": size}
        if self.view == "gather":
            row, col = divmod(min(self.cursor, size**2 - 1), size)
            inputs = [(r, c) for r in settings.read_by(row) for c in settings.read_by(col)]
            data |= {"cell": (row, col), "inputs": set(inputs), "outputs": {(row, col)}}
        else:
            row, col = divmod(min(self.cursor, self.n**2 - 1), self.n)
            touches = settings.touches()
            outputs = [(r, c) for r in touches[row] for c in touches[col]]
            data |= {"cell": (row, col), "inputs": {(row, col)}, "outputs": set(outputs)}
        return data

    def code(self) -> str:
        """The layer in PyTorch, with arguments that are not their default."""
        defaults = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
        parts = [f"{k}={v}" for k, v in self.settings.arguments.items() if defaults.get(k) != v]
        return f"nn.{self.mode}(1, 1, {', '.join(parts)})"

    def alt_text(self) -> str:
        data = self.figure_data()
        start = f"{self.code()} on a {self.n}×{self.n} input"
        if data["error"]:
            return f"{start} cannot work: {data['error']}"
        if not self.revealed:
            return f"{start}. How large is the output? Make a guess, or skip."
        row, col = data["cell"]
        text = f"{start} gives a {data['size']}×{data['size']} output."
        if self.view == "gather":
            return text + f" Output cell ({row}, {col}) reads {_count(data['inputs'], 'input')}."
        return text + f" Input cell ({row}, {col}) reaches {_count(data['outputs'], 'output')}."

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data, settings = self.figure_data(), self.settings
        canvas = Canvas(WIDTH, HEIGHT)
        canvas.text(20, 24, self.code(), size=15, anchor="start", bold=True)
        ring = 0 if settings.transposed else self.padding
        title = f"input {self.n}×{self.n}" + (f", with padding {ring}" if ring else "")
        shown = self.revealed and data["error"] is None
        cursor = data["cell"] if shown and self.view == "scatter" else None
        inputs = set()
        if shown:
            inputs = data["inputs"]
            if not settings.transposed and self.view == "gather":
                inputs = self._window(data["cell"])  # with the padding that it covers
        left = Grid(20, title, data["input"], ring, ring, "0", inputs, cursor)
        draw_grid(canvas, left)
        draw_kernel(canvas, data["kernel"], 345)

        if data["error"]:
            said = settings.torch_error()
            lines = wrap(data["error"], 96) + (wrap(f"torch says: {said}", 96) if said else [])
            draw_lines(canvas, lines[:4], y=400, color="#A33F00")
            canvas.text(640, 200, "✗ no output", size=18, bold=True, color="#A33F00")
            return canvas
        if not self.revealed:
            canvas.text(490, 66, "output", size=13, anchor="start", bold=True)
            canvas.text(640, 200, "?", size=80, color=FAINT)
            draw_lines(canvas, ["Guess the size of the output first: then everything opens."])
            return canvas

        right = self._output_grid(data)
        draw_grid(canvas, right)
        if settings.unused():
            draw_unused(canvas, left, settings.unused())
        guess = self._guess()
        if guess is not None:
            draw_prediction(canvas, right, guess)
        draw_lines(canvas, self._explanation(data, guess))
        return canvas

    def _guess(self) -> int | None:
        """The predicted size, as long as the settings are those it was made for."""
        if self.predictions and self.predictions[-1]["question"] == self._size_question():
            return self.predictions[-1]["answer"]
        return None

    def _size_question(self) -> str:
        return f"{self.code()} on {self.n}×{self.n}: height of the output?"

    def _output_grid(self, data: dict) -> Grid:
        """The output; for a transposed convolution with the cells around it that padding cuts."""
        settings, size = self.settings, data["size"]
        before = after = 0
        title = f"output {size}×{size}"
        if settings.transposed:
            stamped = (self.n - 1) * self.stride + self.dilation * (self.kernel_size - 1) + 1
            before = self.padding
            after = max(0, stamped - self.padding - size)
            title += f", padding cuts {self.padding} off" if self.padding else ""
        outputs = data["outputs"]
        if settings.transposed and self.view == "scatter":
            outputs = self._window(data["cell"])  # with the cells that padding cuts off
        cursor = data["cell"] if self.view == "gather" else None
        return Grid(490, title, data["output"], before, after, "", outputs, cursor)

    def _window(self, cell: tuple[int, int]) -> set[tuple[int, int]]:
        rows, columns = (self.settings.window(c) for c in cell)
        return {(r, c) for r in rows for c in columns}

    def _explanation(self, data: dict, guess: int | None) -> list[str]:
        first, second = self.settings.formula()
        lines = [f"{first}  {second}"]
        unused = self.settings.unused()
        if unused:
            rows = "row and column" if unused == 1 else f"{unused} rows and columns"
            lines.append(f"Struck out: the last {rows} of the padded input are never read.")
        elif self.output_padding and self.settings.transposed:
            lines.append(f"output_padding keeps {self.output_padding} more at the far end.")
        if guess is not None:
            verdict = "right" if guess == self.predictions[-1]["truth"] else "not what happens"
            lines.append(f"Dotted: your guess, {guess}×{guess}: {verdict}.")
        return lines

    def render(self) -> Image.Image:
        return self.draw().image()

    def live_html(self) -> str:
        return self.draw().svg(self.alt_text())

    # ---- front --------------------------------------------------------------------------------

    def predict_size(self, size: int | None) -> None:
        """Guess the height of the output; None skips. Either opens the lab."""
        self.predict(self._size_question(), size, self.figure_data()["size"])
        self.revealed = True

    def controls(self) -> widgets.Widget:
        mode = widgets.ToggleButtons(options=["Conv2d", "ConvTranspose2d"])
        mode.style.button_width = "150px"
        widgets.link((self, "mode"), (mode, "value"))
        view = widgets.ToggleButtons(
            options=[("output ← inputs", "gather"), ("input → outputs", "scatter")]
        )
        view.style.button_width = "150px"
        widgets.link((self, "view"), (view, "value"))
        sliders = [
            slider(self, "n", "input size", min=1, max=16),
            slider(self, "kernel_size", "kernel_size", min=1, max=7),
            slider(self, "stride", "stride", min=1, max=4),
            slider(self, "padding", "padding", min=0, max=4),
            slider(self, "dilation", "dilation", min=1, max=3),
            slider(self, "output_padding", "output_padding", min=0, max=3),
        ]
        cursor = slider(self, "cursor", "chosen cell", min=0, max=255)
        locked = [mode, view, *sliders, cursor]

        def adjust(change: dict | None = None) -> None:
            """Only what has a meaning now can be moved."""
            size = self.figure_data()["size"]
            cells = self.n if self.view == "scatter" else (size or 1)
            cursor.max = cells**2 - 1
            for widget in locked:
                widget.disabled = not self.revealed
            sliders[-1].disabled = not self.revealed or self.mode == "Conv2d"

        self.observe(adjust, names=list(self.picture_traits))
        question = self._question()
        adjust()
        return column(question, mode, *sliders, view, cursor)

    def _question(self) -> widgets.Widget:
        """Predict first: the size of the output under the first settings."""
        text = widgets.HTML("<b>Guess first.</b> How many cells wide is the output?")
        guess = widgets.BoundedIntText(value=1, min=1, max=99, description="cells")
        guess.layout.width = "160px"
        ready = widgets.Button(description="show", button_style="primary")
        skip = widgets.Button(description="skip")
        ready.layout.width = skip.layout.width = "80px"
        ready.on_click(lambda b: self.predict_size(guess.value))
        skip.on_click(lambda b: self.predict_size(None))
        box = widgets.VBox([text, widgets.HBox([guess, ready, skip])])

        def hide(change: dict | None = None) -> None:
            box.layout.display = "none" if self.revealed else None

        self.observe(hide, names="revealed")
        hide()
        return box


def _count(cells: set, kind: str) -> str:
    """``9 input cells: rows 0 to 2, columns 0 to 2``."""
    if not cells:
        return f"no {kind} cell"
    rows = sorted({r for r, _ in cells})
    columns = sorted({c for _, c in cells})

    def span(numbers: list[int], name: str) -> str:
        if len(numbers) == 1:
            return f"{name} {numbers[0]}"
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{name}s {numbers[0]} to {numbers[-1]}"
        return f"{name}s " + ", ".join(map(str, numbers))

    plural = "" if len(cells) == 1 else "s"
    return f"{len(cells)} {kind} cell{plural}: {span(rows, 'row')}, {span(columns, 'column')}"
