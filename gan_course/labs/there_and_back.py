"""A convolution and its transpose side by side: where one number comes from, and where it goes."""

from __future__ import annotations

from html import escape
from typing import ClassVar

import ipywidgets as widgets
from PIL import Image
from traitlets import Bool, Int

from gan_course.arithmetic import ShapeError, conv2d_output_size
from gan_course.labs import conv_words
from gan_course.labs.base import TEXT, Lab, ghost_html, question_html, row, slider
from gan_course.labs.conv_arithmetic import (
    ConvSettings,
    example_input,
    example_kernel,
    example_output,
)
from gan_course.labs.conv_picture import LEFT, TOP, Grid, draw_grid, error_panel, still_picture
from gan_course.labs.drawing import FAINT, Canvas

ROOM = 268  # pixels for the input and for the picture that comes back
MIDDLE_ROOM = 190


class ThereAndBack(Lab):
    """``Conv2d``, then ``ConvTranspose2d`` with the same numbers and the same kernel.

    Attributes (traits):
        n: height = width of the input, 1 to 16.
        kernel_size, stride, padding, dilation: arguments of both layers.
        output_padding: of the transposed layer alone.
        cursor: the chosen cell of the small picture in the middle, counted row by row from 0.
        revealed: False until the size that comes back is guessed, or the guess skipped.
    """

    picture_traits: ClassVar = (
        "n",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "output_padding",
        "cursor",
        "revealed",
    )
    picture_room: ClassVar = 480
    still_scale: ClassVar = 2
    shows_code: ClassVar = False  # the titles are the code

    n = Int(8, min=1, max=16)
    kernel_size = Int(3, min=1, max=7)
    stride = Int(2, min=1, max=4)
    padding = Int(1, min=0, max=4)
    dilation = Int(1, min=1, max=3)
    output_padding = Int(0, min=0, max=3)
    cursor = Int(5, min=0)
    revealed = Bool(False)

    # ---- the numbers --------------------------------------------------------------------------

    def _settings(self, transposed: bool, n: int) -> ConvSettings:
        return ConvSettings(
            transposed,
            n,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.output_padding if transposed else 0,
        )

    def figure_data(self) -> dict:
        """input (n, n), middle (m, m) and back (b, b) as tensors, or None from the first layer on
        that cannot work, with its ``error``; the chosen cell of the middle, the cells of the
        input that it ``reads`` and the cells that it ``stamps``; ``sizes``: all input sizes that
        the convolution makes m of."""
        data = {
            "input": example_input(self.n)[0, 0],
            "middle": None,
            "back": None,
            "error": None,
            "cell": None,
            "reads": set(),
            "stamps": set(),
            "sizes": [],
        }
        there = self._settings(transposed=False, n=self.n)
        data["error"] = there.error()
        if data["error"]:
            return data
        middle = example_output(there)
        m = middle.shape[-1]
        cell = divmod(min(self.cursor, m**2 - 1), m)
        data |= {"middle": middle[0, 0], "cell": cell, "sizes": self._sizes_to(m)}
        data["reads"] = _product(*(there.read_by(c) for c in cell))
        back = self._settings(transposed=True, n=m)
        data["error"] = back.error()
        if data["error"]:
            return data
        data["back"] = back.apply(middle, example_kernel(self.kernel_size))[0, 0]
        data["stamps"] = _product(*(back.reached_from(c) for c in cell))
        return data

    def _sizes_to(self, m: int) -> list[int]:
        """All sizes that the convolution turns into m."""
        arguments = (self.kernel_size, self.stride, self.padding, self.dilation)
        fitting = []
        for size in range(1, 16 + self.stride + 1):
            try:
                if conv2d_output_size(size, *arguments) == m:
                    fitting.append(size)
            except ShapeError:
                continue
        return fitting

    def code(self) -> str:
        """Both layers in PyTorch, with arguments that are not their default."""
        return f"there = {self._layer(False)}\nback = {self._layer(True)}"

    def _layer(self, transposed: bool) -> str:
        settings = self._settings(transposed, self.n)
        defaults = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
        parts = [f"{k}={v}" for k, v in settings.arguments.items() if defaults.get(k) != v]
        return f"nn.{settings.layer_name}(1, 1, {', '.join(parts)})"

    def alt_text(self) -> str:
        data = self.figure_data()
        start = f"{self._layer(False)} on {self.n}×{self.n}"
        if data["middle"] is None:
            return f"{start} cannot work: {data['error']}"
        m = len(data["middle"])
        start = f"{start} gives {m}×{m}; {self._layer(True)}"
        if data["error"]:
            return f"{start} cannot work: {data['error']}"
        if not self.revealed:
            return f"{start} leads back. To which size? Make a guess, or skip."
        back = len(data["back"])
        return f"{start} leads back to {back}×{back}. {self._about_cell(data)}"

    def _about_cell(self, data: dict) -> str:
        cell = "({}, {})".format(*data["cell"])
        if data["reads"] == data["stamps"]:
            places = conv_words.cells(data["reads"], "input")
            return f"Cell {cell} in the middle is made of {places}. It stamps the very same cells."
        reads = conv_words.cells(data["reads"], "input")
        stamps = conv_words.cells(data["stamps"], "output")
        return f"Cell {cell} in the middle is made of {reads}. It stamps {stamps}."

    # ---- prediction ---------------------------------------------------------------------------

    def predict_back(self, size: int | None) -> None:
        """Guess the size that comes back; None skips. Either opens the lab."""
        back = self.figure_data()["back"]
        self.predict(self._question(), size, None if back is None else len(back))
        self.revealed = True

    def guess_again(self) -> None:
        """Hide the answer, and ask for these settings."""
        self.revealed = False

    def _question(self) -> str:
        return f"{self._layer(False)}, then {self._layer(True)} on {self.n}×{self.n}: what size?"

    def _guess(self) -> int | None:
        """The last answer to exactly this question: other settings are another question."""
        for entry in reversed(self.predictions):
            if entry["question"] == self._question():
                return entry["answer"]
        return None

    # ---- the picture --------------------------------------------------------------------------

    def panels(self) -> list[Canvas]:
        """Input, the small picture in the middle, and what comes back."""
        data = self.figure_data()
        shown = self.revealed and data["back"] is not None
        ring = self.padding
        size = 0 if data["back"] is None else len(data["back"])
        covered = self.dilation * (self.kernel_size - 1) + 1
        painted = 0 if data["middle"] is None else (len(data["middle"]) - 1) * self.stride + covered
        cut = max(0, painted - ring - size)  # cells that padding cuts off at the far end
        span = max(self.n + 2 * ring, ring + size + cut)  # both pictures at one scale
        grid = Grid(
            f"input {self.n}×{self.n}",
            data["input"],
            before=ring,
            after=ring,
            ring_text="0",
            touched=data["reads"] if shown else set(),
            room=ROOM,
            span=span if shown else 0,
        )
        panels = [_panel(grid)]
        if data["middle"] is None:
            return [*panels, error_panel([conv_words.sentence(data["error"])])]
        m = len(data["middle"])
        cursor = data["cell"] if shown else None
        middle = Grid(f"→ Conv2d: {m}×{m}", data["middle"], room=MIDDLE_ROOM, cursor=cursor)
        panels.append(_panel(middle))
        if data["error"]:
            return [*panels, error_panel([conv_words.sentence(data["error"])])]
        if not self.revealed:
            return [*panels, _hidden_panel()]
        after = Grid(
            f"→ ConvTranspose2d: {size}×{size}",
            data["back"],
            before=ring,
            after=cut,
            touched=data["stamps"],
            room=ROOM,
            span=span,
        )
        return [*panels, _panel(after)]

    def _lines(self) -> tuple[list[str], list[str]]:
        """What stands below the picture: the explanation, and what was guessed."""
        data = self.figure_data()
        if not self.revealed or data["back"] is None:
            return [], []
        m, size = len(data["middle"]), len(data["back"])
        lines = [
            "  ".join(("there:", *self._settings(False, self.n).formula())),
            "  ".join(("back:", *self._settings(True, m).formula())),
            self._about_cell(data),
        ]
        sizes = data["sizes"]
        if len(sizes) > 1:
            listed = ", ".join(map(str, sizes[:-1])) + f" and {sizes[-1]}"
            rest = "output_padding says which of them to come back to."
            lines.append(f"Inputs of size {listed} all become {m}×{m}: {rest}")
        if size == self.n:
            lines.append("The size is back. The numbers are not: a transpose is no inverse.")
        guesses, guess = [], self._guess()
        if guess is not None:
            verdict = "right" if guess == size else "not what happens"
            guesses.append(f"Your guess: {guess}×{guess}, {verdict}.")
        return lines, guesses

    def render(self) -> Image.Image:
        lines, guesses = self._lines()
        title = f"{self._layer(False)}  and back"
        words = lines + guesses or [conv_words.sentence(self.alt_text())]
        return still_picture(title, self.panels(), words, scale=self.still_scale)

    def live_html(self) -> str:
        lines, guesses = self._lines()
        names = ["the input", "after the convolution", self.alt_text()]
        pictures = zip(self.panels(), names, strict=False)
        return (
            f'<pre style="{TEXT};white-space:pre-wrap">{escape(self.code())}</pre>'
            '<div style="display:flex;flex-wrap:wrap;background:#fff;width:fit-content">'
            + "".join(panel.svg(name) for panel, name in pictures)
            + "</div>"
            + "".join(f'<p style="{TEXT}">{escape(line)}</p>' for line in lines)
            + "".join(ghost_html(escape(line)) for line in guesses)
        )

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        def whole(trait: str, label: str, low: int, high: int) -> widgets.Widget:
            style = {"label_width": "110px", "width": "272px"}
            return slider(self, trait, label, min=low, max=high, **style)

        sliders = [
            whole("n", "input size", 1, 16),
            whole("kernel_size", "kernel_size", 1, 7),
            whole("stride", "stride", 1, 4),
            whole("padding", "padding", 0, 4),
            whole("dilation", "dilation", 1, 3),
            whole("output_padding", "output_padding", 0, 3),
        ]
        cursor = slider(
            self,
            "cursor",
            "cell in the middle",
            label_width="126px",
            width="440px",
            min=0,
            max=255,
        )
        cursor.layout.max_width = "100%"
        again = widgets.Button(description="Guess again", tooltip="Hide the answer and ask for it")
        again.layout.width = "120px"
        again.on_click(lambda button: self.guess_again())

        def adjust(change: dict | None = None) -> None:
            middle = self.figure_data()["middle"]
            if middle is not None:
                cursor.max = len(middle) ** 2 - 1
            cursor.disabled = not self.revealed
            again.layout.visibility = None if self.revealed else "hidden"

        self.observe(adjust, names=list(self.picture_traits))
        adjust()
        rows = [self._question_row(), row(*sliders, grid_gap="2px 8px"), row(cursor, again)]
        return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))

    def _question_row(self) -> widgets.Widget:
        text = widgets.HTML(question_html("How wide is the picture that comes back?"))
        guess = widgets.BoundedIntText(value=1, min=1, max=99, description="cells")
        guess.layout.width = "140px"
        guess.style.description_width = "40px"
        ready = widgets.Button(description="show", button_style="primary")
        skip = widgets.Button(description="skip")
        ready.layout.width = skip.layout.width = "80px"
        ready.on_click(lambda button: self.predict_back(guess.value))
        skip.on_click(lambda button: self.predict_back(None))
        box = row(text, guess, ready, skip, grid_gap="2px 8px")

        def follow(change: dict | None = None) -> None:
            box.layout.display = "none" if self.revealed else "flex"

        self.observe(follow, names="revealed")
        follow()
        return box


def _product(rows: list[tuple[int, int]], columns: list[tuple[int, int]]) -> set[tuple[int, int]]:
    return {(r, c) for r, _ in rows for c, _ in columns}


def _panel(grid: Grid) -> Canvas:
    side = grid.room
    canvas = Canvas(LEFT + side + 10, TOP + ROOM + 10)
    draw_grid(canvas, grid)
    return canvas


def _hidden_panel() -> Canvas:
    canvas = Canvas(LEFT + ROOM + 10, TOP + ROOM + 10)
    canvas.text(LEFT, TOP - 16, "→ ConvTranspose2d", size=13, anchor="start", bold=True)
    canvas.text(LEFT + 70, TOP + 60, "?", size=64, color=FAINT)
    return canvas
