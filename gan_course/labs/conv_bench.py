"""What does this layer do to the shape, and which cells touch which?"""

from __future__ import annotations

from html import escape
from typing import ClassVar

import ipywidgets as widgets
from PIL import Image
from traitlets import Bool, Enum, Int

from gan_course.labs import conv_words
from gan_course.labs.base import TEXT, Lab, ghost_html
from gan_course.labs.conv_arithmetic import (
    ConvSettings,
    example_input,
    example_kernel,
    example_output,
)
from gan_course.labs.conv_controls import controls
from gan_course.labs.conv_picture import (
    Grid,
    draw_reach,
    error_panel,
    hidden_panel,
    input_panel,
    output_panel,
    still_picture,
)
from gan_course.labs.drawing import Canvas


class ConvBench(Lab):
    """One channel of ``Conv2d`` or ``ConvTranspose2d``, cell by cell.

    Attributes (traits):
        mode: "Conv2d" or "ConvTranspose2d"; the same numbers are read in both ways.
        n: height = width of the input, 1 to 16.
        kernel_size, stride, padding, dilation, output_padding: the layer's arguments.
        view: "gather": choose an output cell, see what it reads; "scatter": choose an input cell,
            see where it goes.
        cursor: the chosen cell, counted row by row from 0.
        revealed: False until the size of the output is guessed, or the guess skipped.
        reach_revealed: the same for the first question of the "scatter" view. It begins as True
            in a bench that is made with ``revealed=True``.
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
        "reach_revealed",
    )
    picture_room: ClassVar = 480
    still_scale: ClassVar = 2
    shows_code: ClassVar = False  # the picture's own title is the code

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
    reach_revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**{"reach_revealed": traits.get("revealed", False), **traits})

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
        """input, kernel, output as (H, W) tensors; size; the chosen cell, the input and output
        cells and the kernel's taps that go with it; error, if the layer cannot work (then size,
        output and cell are None)."""
        settings = self.settings
        data = {
            "input": example_input(self.n)[0, 0],
            "kernel": example_kernel(self.kernel_size)[0, 0],
            "output": None,
            "size": None,
            "error": settings.error(),
            "inputs": set(),
            "outputs": set(),
            "taps": set(),
            "cell": None,
        }
        if data["error"] is not None:
            return data
        output = example_output(settings)[0, 0].clone()
        size = len(output)
        gather = self.view == "gather"
        grid = size if gather else self.n
        cell = divmod(min(self.cursor, grid**2 - 1), grid)
        partners = settings.read_by if gather else settings.reached_from
        rows, columns = partners(cell[0]), partners(cell[1])
        touched = {(r, c) for r, _ in rows for c, _ in columns}
        return data | {
            "output": output,
            "size": size,
            "cell": cell,
            "inputs": touched if gather else {cell},
            "outputs": {cell} if gather else touched,
            "taps": {(a, b) for _, a in rows for _, b in columns},
        }

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
        text = f"{start} gives a {data['size']}×{data['size']} output."
        cell = "({}, {})".format(*data["cell"])
        if self.view == "gather":
            return f"{text} Output cell {cell} reads {conv_words.cells(data['inputs'], 'input')}."
        if not self.reach_revealed:
            return f"{text} How many output cells does input cell {cell} reach? Make a guess."
        return f"{text} Input cell {cell} reaches {conv_words.cells(data['outputs'], 'output')}."

    # ---- predictions --------------------------------------------------------------------------

    def predict_size(self, size: int | None) -> None:
        """Guess the height of the output; None skips. Either opens the lab."""
        self.predict(self._size_question(), size, self.figure_data()["size"])
        self.revealed = True

    def predict_reach(self, count: int | None) -> None:
        """Guess how many output cells the chosen input cell reaches; None skips."""
        self.predict(self._reach_question(), count, len(self.figure_data()["outputs"]))
        self.reach_revealed = True

    def guess_again(self) -> None:
        """Hide what is asked for in this view, and ask for these settings."""
        if self.view == "gather":
            self.revealed = False
        else:
            self.reach_revealed = False

    def _size_question(self) -> str:
        return f"{self.code()} on {self.n}×{self.n}: height of the output?"

    def _reach_question(self) -> str:
        row, column = divmod(min(self.cursor, self.n**2 - 1), self.n)
        layer = f"{self.code()} on {self.n}×{self.n}"
        return f"{layer}: how many output cells does input cell ({row}, {column}) reach?"

    def _guess(self, question: str) -> int | None:
        """The last answer to exactly this question: other settings are another question."""
        for entry in reversed(self.predictions):
            if entry["question"] == question:
                return entry["answer"]
        return None

    @property
    def asking(self) -> bool:
        """Whether something is hidden until it is guessed."""
        return not self.revealed or (self.view == "scatter" and not self.reach_revealed)

    # ---- the picture --------------------------------------------------------------------------

    def panels(self) -> list[Canvas]:
        """Input with kernel, and output."""
        data, settings = self.figure_data(), self.settings
        left = self._input_grid(data)
        if data["error"]:
            reach = self.dilation * (self.kernel_size - 1) + 1
            too_large = not settings.transposed and reach > left.cells
            left.span = reach if too_large else 0
            panel = input_panel(left, data["kernel"], set(), 0)
            if too_large:
                draw_reach(panel, left, reach)
            said = [conv_words.sentence(data["error"])]
            from_torch = settings.torch_error()
            if from_torch:
                said.append(f"torch says: {from_torch}")
            return [panel, error_panel(said)]
        if not self.revealed:
            return [input_panel(left, data["kernel"], set(), 0), hidden_panel()]
        taps = set() if self.asking else data["taps"]
        panel = input_panel(left, data["kernel"], taps, settings.unused())
        guess = self._guess(self._size_question())
        return [panel, output_panel(self._output_grid(data, guess), guess)]

    def _input_grid(self, data: dict) -> Grid:
        ring = 0 if self.settings.transposed else self.padding
        title = f"input {self.n}×{self.n}" + (f", with padding {ring}" if ring else "")
        inputs, cursor = data["inputs"], None
        if not self.revealed or data["error"]:
            inputs = set()
        elif self.view == "scatter":
            cursor = data["cell"]
        elif not self.settings.transposed:
            inputs = self._window(data["cell"])  # with the padding that it covers
        return Grid(
            title,
            data["input"],
            before=ring,
            after=ring,
            ring_text="0",
            touched=inputs,
            cursor=cursor,
        )

    def _output_grid(self, data: dict, guess: int | None) -> Grid:
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
        if self.asking:
            outputs = set()
        elif settings.transposed and self.view == "scatter":
            outputs = self._window(data["cell"])  # with the cells that padding cuts off
        cells = before + size + after
        return Grid(
            title,
            data["output"],
            before=before,
            after=after,
            touched=outputs,
            cursor=data["cell"] if self.view == "gather" else None,
            span=min(guess or 0, 2 * cells),  # so that the guess fits in as well
        )

    def _window(self, cell: tuple[int, int]) -> set[tuple[int, int]]:
        rows, columns = (self.settings.window(c) for c in cell)
        return {(r, c) for r in rows for c in columns}

    def _lines(self) -> tuple[list[str], list[str]]:
        """What stands below the picture: the explanation, and what was guessed."""
        data, settings = self.figure_data(), self.settings
        if not self.revealed or data["error"]:
            return [], []
        lines = ["  ".join(settings.formula())]
        if not self.asking:
            lines.append(conv_words.arithmetic(data, settings, self.view == "gather"))
        lines += conv_words.left_over(settings)
        guesses = []
        size_guess = self._guess(self._size_question())
        if size_guess is not None:
            verdict = "right" if size_guess == data["size"] else "not what happens"
            guesses.append(f"Your guess, dotted: {size_guess}×{size_guess}, {verdict}.")
        reach_guess = self._guess(self._reach_question())
        if self.view == "scatter" and reach_guess is not None and not self.asking:
            verdict = "right" if reach_guess == len(data["outputs"]) else "not what happens"
            guesses.append(f"Your guess: it reaches {reach_guess}, {verdict}.")
        return lines, guesses

    def render(self) -> Image.Image:
        explanation, guesses = self._lines()
        lines = explanation + guesses or [conv_words.sentence(self.alt_text())]
        return still_picture(self.code(), self.panels(), lines, scale=self.still_scale)

    def live_html(self) -> str:
        left, right = self.panels()
        explanation, guesses = self._lines()
        input_alt = f"input {self.n}×{self.n} and kernel {self.kernel_size}×{self.kernel_size}"
        return (
            f'<p style="{TEXT}"><b><code>{escape(self.code())}</code></b></p>'
            '<div style="display:flex;flex-wrap:wrap;background:#fff;width:fit-content">'
            f"{left.svg(input_alt)}{right.svg(self.alt_text())}</div>"
            + "".join(f'<p style="{TEXT}">{escape(line)}</p>' for line in explanation)
            + "".join(ghost_html(escape(line)) for line in guesses)
        )

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self)
