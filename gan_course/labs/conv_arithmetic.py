"""The numbers behind ``ConvBench``: which cells touch which, and what torch makes of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.arithmetic import ShapeError, conv2d_output_size, conv_transpose2d_output_size


@dataclass(frozen=True)
class ConvSettings:
    """One square layer with one channel, and the size of its input."""

    transposed: bool
    n: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int
    output_padding: int

    @property
    def layer_name(self) -> str:
        return "ConvTranspose2d" if self.transposed else "Conv2d"

    @property
    def arguments(self) -> dict[str, int]:
        """The layer's arguments as torch names them; a Conv2d has no output_padding."""
        arguments = {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
        }
        if self.transposed:
            arguments["output_padding"] = self.output_padding
        return arguments

    def output_size(self) -> int:
        """Height = width of the output. Raises ShapeError as torch would refuse."""
        size_of = conv_transpose2d_output_size if self.transposed else conv2d_output_size
        return size_of(self.n, **self.arguments)

    def error(self) -> str | None:
        """Why the layer cannot work, or None."""
        try:
            self.output_size()
        except ShapeError as error:
            return str(error)
        return None

    def torch_error(self) -> str | None:
        """What torch itself says, or None if it is content."""
        try:
            self.apply(torch.zeros(1, 1, self.n, self.n), torch.zeros(self._weight_shape()))
        except (RuntimeError, ValueError) as error:
            return str(error).strip().splitlines()[0]
        return None

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """x (1, 1, n, n) through the layer with this weight, by torch."""
        arguments = {k: v for k, v in self.arguments.items() if k != "kernel_size"}
        function = F.conv_transpose2d if self.transposed else F.conv2d
        return function(x, weight, **arguments)

    def _weight_shape(self) -> tuple[int, ...]:
        return (1, 1, self.kernel_size, self.kernel_size)

    def taps(self) -> list[tuple[int, int, int]]:
        """Along one axis: (input cell, tap of the kernel, output cell) for all that meet.

        In a convolution, output cell o meets the input cells
        ``o * stride - padding + dilation * tap`` for each tap of the kernel. In a transposed
        convolution the same sentence holds with input and output exchanged: that is all that
        "transposed" means.
        """
        out = self.output_size()
        small, large = (self.n, out) if self.transposed else (out, self.n)
        met = []
        for cell in range(small):
            for tap, other in enumerate(self.window(cell)):
                if 0 <= other < large:
                    met.append((cell, tap, other) if self.transposed else (other, tap, cell))
        return met

    def window(self, cell: int) -> list[int]:
        """Along one axis: where the kernel lies for one cell of the smaller grid.

        That is an output cell of a convolution or an input cell of a transposed one. Unlike in
        ``taps``, cells in the padding are included; they have numbers below 0 or past the end.
        """
        start = cell * self.stride - self.padding
        return [start + self.dilation * tap for tap in range(self.kernel_size)]

    def read_by(self, output_cell: int) -> list[tuple[int, int]]:
        """Along one axis: the (input cell, tap) pairs that one output cell is made of."""
        return [(i, tap) for i, tap, o in self.taps() if o == output_cell]

    def reached_from(self, input_cell: int) -> list[tuple[int, int]]:
        """Along one axis: the (output cell, tap) pairs that one input cell takes part in."""
        return [(o, tap) for i, tap, o in self.taps() if i == input_cell]

    def unused(self) -> int:
        """Rows at the far end of the padded input that no window reaches (Conv2d only)."""
        if self.transposed:
            return 0
        reach = self.dilation * (self.kernel_size - 1) + 1
        return (self.n + 2 * self.padding - reach) % self.stride

    def formula(self) -> tuple[str, str]:
        """The size formula with the numbers put in: two lines."""
        n, k, s, p, d, e = (
            self.n,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.output_padding,
        )
        if self.transposed:
            first = f"({n} − 1)·{s} − 2·{p} + {d}·({k} − 1) + {e} + 1"
            value = (n - 1) * s - 2 * p + d * (k - 1) + e + 1
            return f"out = {first}", f"= {value}".replace("-", "−")
        top = n + 2 * p - d * (k - 1) - 1
        first = f"out = ⌊({n} + 2·{p} − {d}·({k} − 1) − 1) / {s}⌋ + 1"
        if top < 0:
            return first, f"= ⌊−{-top} / {s}⌋ + 1: the kernel does not fit"
        floor = "" if top % s == 0 else f" (exactly {top / s:.2f}, so {top % s} left over)"
        return first, f"= ⌊{top} / {s}⌋ + 1 = {top // s} + 1 = {top // s + 1}{floor}"


def example_input(n: int) -> Tensor:
    """(1, 1, n, n) numbers from 0 to 9, easy to add in one's head; always the same ones."""
    numbers = torch.randint(0, 10, (16, 16), generator=torch.Generator().manual_seed(0))
    return numbers[:n, :n].float()[None, None]


def example_kernel(kernel_size: int) -> Tensor:
    """(1, 1, k, k) small whole numbers, none of them 0, so that every tap counts."""
    values = torch.tensor([1, -1, 2, 1, -2, 1, 3, -1, 1, 2, -1])
    index = torch.arange(kernel_size**2) % len(values)
    return values[index].float().reshape(1, 1, kernel_size, kernel_size)


@functools.lru_cache(maxsize=64)
def example_output(settings: ConvSettings) -> Tensor:
    """(1, 1, out, out): the example input through this layer. Kept, as only the cursor moves often;
    so change it on a copy only. Raises RuntimeError where torch refuses the layer."""
    return settings.apply(example_input(settings.n), example_kernel(settings.kernel_size))
