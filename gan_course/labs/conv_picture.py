"""The drawing of ``ConvBench``: input, kernel and output with the cells that touch each other."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

ROOM = 310  # pixels that the input and the output may take
KERNEL_ROOM = 112
TOP, LEFT = 32, 10
KERNEL_LEFT = LEFT + ROOM + 22
PANEL_HEIGHT = TOP + ROOM + 10
TOUCHED = "#FFE08A"
TOUCHED_EDGE = "#8A6100"  # the touched cells have an edge too, for those who see no yellow
CURSOR = "#D55E00"
OUTSIDE = "#F1F1F1"
LEAST_IN_CELL = 9  # pixels of a number; in smaller cells nobody could read it, so it is left out
ERROR = "#A33F00"


@dataclass
class Grid:
    """A square of cells: ``values`` in the middle, ``before`` and ``after`` more cells around."""

    title: str
    values: Tensor  # (size, size)
    x: float = LEFT
    before: int = 0  # cells of the ring above and on the left
    after: int = 0  # and below and on the right
    ring_text: str = ""  # what stands in a cell of the ring
    touched: set[tuple[int, int]] = field(default_factory=set)
    cursor: tuple[int, int] | None = None
    room: int = ROOM
    largest_cell: float = 36
    span: int = 0  # cells that must fit into the room, if that is more than the grid has

    @property
    def cells(self) -> int:
        return self.before + len(self.values) + self.after

    @property
    def cell(self) -> float:
        return min(self.largest_cell, self.room / max(self.cells, self.span))

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """Top left of a cell in pixels; cells of the ring have numbers outside 0 .. size - 1."""
        return (
            self.x + (column + self.before) * self.cell,
            TOP + (row + self.before) * self.cell,
        )


def draw_grid(canvas: Canvas, grid: Grid) -> None:
    canvas.text(grid.x, TOP - 16, grid.title, size=13, anchor="start", bold=True)
    cell, size = grid.cell, len(grid.values)
    side, inner = grid.cells * cell, size * cell
    canvas.rect(grid.x, TOP, side, side, fill=OUTSIDE)
    canvas.rect(*grid.corner(0, 0), inner, inner, fill="white")
    for place in sorted(grid.touched):
        canvas.rect(*grid.corner(*place), cell, cell, fill=TOUCHED)
    for i in range(grid.cells + 1):
        x, y = grid.x + i * cell, TOP + i * cell
        canvas.line([(grid.x, y), (grid.x + side, y)], color=LINE, width=1)
        canvas.line([(x, TOP), (x, TOP + side)], color=LINE, width=1)
    for place in sorted(grid.touched):
        canvas.rect(*grid.corner(*place), cell, cell, stroke=TOUCHED_EDGE, width=1.2)
    _draw_numbers(canvas, grid)
    # The cells that count, framed: the image without its padding, or the output that is kept.
    canvas.rect(*grid.corner(0, 0), inner, inner, stroke=INK, width=2)
    if grid.cursor is not None:
        canvas.rect(*grid.corner(*grid.cursor), cell, cell, stroke=CURSOR, width=3.5)


def _draw_numbers(canvas: Canvas, grid: Grid) -> None:
    cell, size = grid.cell, len(grid.values)
    values = grid.values.int().tolist()
    longest = max(len(str(value)) for row in values for value in row)
    font = min(14, cell * {1: 0.44, 2: 0.44, 3: 0.4}.get(longest, 0.34))
    if font < LEAST_IN_CELL:
        return
    for row in range(-grid.before, size + grid.after):
        for column in range(-grid.before, size + grid.after):
            inside = 0 <= row < size and 0 <= column < size
            text = signed(values[row][column]) if inside else grid.ring_text
            if text:
                x, y = grid.corner(row, column)
                color = INK if inside or (row, column) in grid.touched else FAINT
                canvas.text(x + cell / 2, y + cell / 2, text, size=font, color=color)


def input_panel(grid: Grid, kernel: Tensor, taps: set[tuple[int, int]], unused: int) -> Canvas:
    """Input and kernel; the last ``unused`` rows and columns, which nothing reads, struck out."""
    canvas = Canvas(KERNEL_LEFT + KERNEL_ROOM + 8, PANEL_HEIGHT)
    draw_grid(canvas, grid)
    end = grid.cells * grid.cell
    for i in range(unused):
        middle = end - (i + 0.5) * grid.cell
        across = [(grid.x, TOP + middle), (grid.x + end, TOP + middle)]
        down = [(grid.x + middle, TOP), (grid.x + middle, TOP + end)]
        canvas.line(across, color=CURSOR, width=2, dash=(6, 4))
        canvas.line(down, color=CURSOR, width=2, dash=(6, 4))
    size = len(kernel)
    draw_grid(
        canvas,
        Grid(
            f"kernel {size}×{size}",
            kernel,
            KERNEL_LEFT,
            touched=taps,
            room=KERNEL_ROOM,
            largest_cell=24,
        ),
    )
    return canvas


def draw_reach(canvas: Canvas, grid: Grid, reach: int) -> None:
    """What a kernel that is too large would have to cover, as a frame over the input."""
    side = reach * grid.cell
    x, y = grid.x, TOP
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    canvas.line(corners, color=ERROR, width=2.5, dash=(6, 4))


def output_panel(grid: Grid, guess: int | None) -> Canvas:
    """The output, with the guessed size as a grey dotted frame at the same scale."""
    canvas = Canvas(LEFT + ROOM + 10, PANEL_HEIGHT)
    draw_grid(canvas, grid)
    if guess is not None:
        x, y = grid.corner(0, 0)
        side = min(guess * grid.cell, canvas.width - x - 2, PANEL_HEIGHT - y - 2)
        corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
        canvas.line(corners, color=palette.PREDICTION, width=3, dash=(3, 4))
    return canvas


def hidden_panel() -> Canvas:
    """The output before the guess."""
    canvas = Canvas(LEFT + ROOM + 10, PANEL_HEIGHT)
    canvas.text(LEFT, TOP - 16, "output", size=13, anchor="start", bold=True)
    canvas.text(LEFT + 70, TOP + 60, "?", size=64, color=FAINT)
    return canvas


def error_panel(said: list[str]) -> Canvas:
    """In place of the output: why there is none."""
    canvas = Canvas(LEFT + ROOM + 10, PANEL_HEIGHT)
    canvas.text(LEFT, TOP - 16, "✗ no output", size=13, anchor="start", bold=True, color=ERROR)
    y = TOP + 12
    for sentence in said:
        for line in textwrap.wrap(sentence, 41):
            canvas.text(LEFT, y, line, size=12.5, anchor="start", color=ERROR)
            y += 18
        y += 10
    return canvas


def still_picture(title: str, panels: list[Canvas], lines: list[str], scale: int) -> Image.Image:
    """Everything on one card, for a page without a live widget."""
    wrapped = [part for line in lines for part in textwrap.wrap(line, 100)]
    width = sum(panel.width for panel in panels)
    head, foot = Canvas(width, 34), Canvas(width, 20 * len(wrapped) + 12)
    head.text(LEFT, 18, title, size=15, anchor="start", bold=True)
    for i, line in enumerate(wrapped):
        foot.text(LEFT, 12 + 20 * i, line, anchor="start")
    height = head.height + PANEL_HEIGHT + foot.height
    picture = Image.new("RGB", (scale * width, scale * height), "white")
    picture.paste(head.image(scale), (0, 0))
    x = 0
    for panel in panels:
        picture.paste(panel.image(scale), (scale * x, scale * head.height))
        x += panel.width
    picture.paste(foot.image(scale), (0, scale * (head.height + PANEL_HEIGHT)))
    return picture


def signed(number: int) -> str:
    """With a real minus sign, as wide as a plus."""
    return str(number).replace("-", "−")
