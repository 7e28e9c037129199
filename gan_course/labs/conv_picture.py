"""The drawing of ``ConvBench``: input, kernel and output with the cells that touch each other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gan_course import palette
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas

WIDTH, HEIGHT = 800, 470
GRID = 300  # pixels that each of the two grids may take
TOP = 84
TOUCHED = "#FFE08A"
CURSOR = "#D55E00"
OUTSIDE = "#F1F1F1"


@dataclass
class Grid:
    """A square of cells: ``values`` in the middle, ``before`` and ``after`` more cells around."""

    x: float
    title: str
    values: Tensor  # (size, size)
    before: int  # cells of the ring above and on the left
    after: int  # and below and on the right
    ring_text: str  # what stands in a cell of the ring
    touched: set[tuple[int, int]]
    cursor: tuple[int, int] | None

    @property
    def cells(self) -> int:
        return self.before + len(self.values) + self.after

    @property
    def cell(self) -> float:
        return min(36.0, GRID / self.cells)


def draw_grid(canvas: Canvas, grid: Grid) -> None:
    canvas.text(grid.x, TOP - 18, grid.title, size=13, anchor="start", bold=True)
    cell, size = grid.cell, len(grid.values)
    values = grid.values.int().tolist()
    for row in range(-grid.before, size + grid.after):
        for column in range(-grid.before, size + grid.after):
            x = grid.x + (column + grid.before) * cell
            y = TOP + (row + grid.before) * cell
            inside = 0 <= row < size and 0 <= column < size
            touched = (row, column) in grid.touched
            fill = TOUCHED if touched else ("white" if inside else OUTSIDE)
            canvas.rect(x, y, cell, cell, fill=fill, stroke=LINE, dash=not inside)
            if cell >= 13:
                text = str(values[row][column]) if inside else grid.ring_text
                text = text.replace("-", "−")
                color = INK if inside or touched else FAINT
                if text:
                    middle = (x + cell / 2, y + cell / 2)
                    canvas.text(*middle, text, size=min(14, cell * 0.42), color=color)
    # The cells that count, framed: the image without its padding, or the output that is kept.
    start = grid.before * cell
    canvas.rect(grid.x + start, TOP + start, size * cell, size * cell, stroke=INK, width=2)
    if grid.cursor is not None:
        row, column = grid.cursor
        x, y = grid.x + (column + grid.before) * cell, TOP + (row + grid.before) * cell
        canvas.rect(x, y, cell, cell, stroke=CURSOR, width=3.5)


def draw_kernel(canvas: Canvas, kernel: Tensor, x: float) -> None:
    size = len(kernel)
    cell = min(22.0, 116 / size)
    canvas.text(x, TOP - 18, f"kernel {size}×{size}", size=13, anchor="start", bold=True)
    for row, numbers in enumerate(kernel.int().tolist()):
        for column, number in enumerate(numbers):
            left, top = x + column * cell, TOP + row * cell
            canvas.rect(left, top, cell, cell, fill="white", stroke=LINE)
            text = str(number).replace("-", "−")
            canvas.text(left + cell / 2, top + cell / 2, text, size=min(12, cell * 0.5))
    canvas.rect(x, TOP, size * cell, size * cell, stroke=INK, width=2)


def draw_unused(canvas: Canvas, grid: Grid, unused: int) -> None:
    """Strike out the rows and columns at the far end that the floor of the formula drops."""
    end = grid.cells * grid.cell
    for i in range(unused):
        position = end - (i + 0.5) * grid.cell
        for points in (
            [(grid.x, TOP + position), (grid.x + end, TOP + position)],
            [(grid.x + position, TOP), (grid.x + position, TOP + end)],
        ):
            canvas.line(points, color=CURSOR, width=2, dash=(6, 4))


def draw_prediction(canvas: Canvas, grid: Grid, size: int) -> None:
    """The guess, dotted and grey, at the scale of the grid that it is about."""
    side = min(size * grid.cell, WIDTH - grid.x - 4, HEIGHT - TOP - 4)
    x, y = grid.x + grid.before * grid.cell, TOP + grid.before * grid.cell
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    canvas.line(corners, color=palette.PREDICTION, width=2.5, dash=(2, 4))


def draw_lines(canvas: Canvas, lines: list[str], y: float = 412, color: str = INK) -> None:
    for i, line in enumerate(lines):
        canvas.text(20, y + 20 * i, line, size=13, anchor="start", color=color)


def wrap(text: str, width: int = 100) -> list[str]:
    """Break a sentence into lines of at most ``width`` characters."""
    import textwrap

    return textwrap.wrap(text, width)
