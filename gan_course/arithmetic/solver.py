"""The inverse question: which layers lead from one size to another?

``conv2d_output_size`` goes from a layer to a size. Here we go back: given the sizes that a network
should pass through, find every layer that fits between each pair of neighbours, and rank what is
found by what matters in a generator: does it overlap evenly, how many weights has it, what does it
cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from gan_course.arithmetic.sizes import (
    ShapeError,
    conv2d_output_size,
    conv_transpose2d_output_size,
)

# What people use; wide enough for every published GAN of the course.
KERNEL_SIZES = range(1, 8)
STRIDES = range(1, 5)
PADDINGS = range(4)


@dataclass(frozen=True, order=True)
class Layer:
    """One square (transposed) convolution between two known sizes.

    Attributes:
        input_size, output_size: height (= width) in pixels, before and after.
        kernel_size, stride, padding, output_padding: as in torch.nn; ``output_padding`` is 0 for a
            plain convolution, which has no such argument.
        transposed: True for ``ConvTranspose2d``, False for ``Conv2d``.
    """

    input_size: int
    output_size: int
    kernel_size: int
    stride: int
    padding: int
    output_padding: int
    transposed: bool = True

    @property
    def is_even(self) -> bool:
        """Whether every output cell (of an even interior) is touched equally often.

        That is so exactly when the stride divides the kernel size. Where it doesn't, some cells
        are painted more often than their neighbours: a checkerboard before any training.
        """
        return self.kernel_size % self.stride == 0

    def num_parameters(self, in_channels: int, out_channels: int, bias: bool = True) -> int:
        """Weights of the layer: one k x k kernel for each pair of channels, and the biases."""
        weights = in_channels * out_channels * self.kernel_size**2
        return weights + (out_channels if bias else 0)

    def multiply_adds(self, in_channels: int, out_channels: int) -> int:
        """Multiply-adds for one image, what is later cut off at the border included.

        A convolution takes one k x k patch for each *output* cell, a transposed convolution
        stamps one k x k kernel for each *input* cell.
        """
        cells = self.input_size**2 if self.transposed else self.output_size**2
        return cells * in_channels * out_channels * self.kernel_size**2

    def code(self, in_channels: int | str, out_channels: int | str, bias: bool = True) -> str:
        """The layer as one line of PyTorch."""
        name = "nn.ConvTranspose2d" if self.transposed else "nn.Conv2d"
        text = f"{name}({in_channels}, {out_channels}, kernel_size={self.kernel_size}"
        for argument, default in (("stride", 1), ("padding", 0), ("output_padding", 0)):
            value = getattr(self, argument)
            if value != default:
                text += f", {argument}={value}"
        return text + ("" if bias else ", bias=False") + ")"


def layers_between(
    input_size: int,
    output_size: int,
    transposed: bool = True,
    kernel_sizes: Iterable[int] = KERNEL_SIZES,
    strides: Iterable[int] = STRIDES,
    paddings: Iterable[int] = PADDINGS,
) -> list[Layer]:
    """Every layer in the search range that turns ``input_size`` into ``output_size``.

    No search is needed for ``output_padding``: once the other three are chosen it is what is
    missing, and it fits if it lies between 0 and stride - 1.

    Args:
        input_size, output_size: height (= width) in pixels, at least 1.
        transposed: look for ``ConvTranspose2d`` (True) or ``Conv2d`` (False).
        kernel_sizes, strides, paddings: what to try. torch has no upper limit of its own.

    Returns:
        Layers, best first: even overlap, no output_padding, stamps that reach their neighbours,
        the smallest kernel.

    Raises:
        ShapeError: for a size that is not a whole number of at least 1.
    """
    for name, value in (("input_size", input_size), ("output_size", output_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ShapeError(f"{name}={value!r} must be a whole number of at least 1.")

    found = []
    for kernel_size, stride, padding in product(kernel_sizes, strides, paddings):
        output_padding = 0
        try:
            if transposed:
                bare = (input_size - 1) * stride - 2 * padding + kernel_size
                output_padding = output_size - bare
                if not 0 <= output_padding < stride:
                    continue
                size = conv_transpose2d_output_size(
                    input_size, kernel_size, stride, padding, output_padding
                )
            else:
                size = conv2d_output_size(input_size, kernel_size, stride, padding)
        except ShapeError:
            continue
        if size == output_size:
            found.append(
                Layer(
                    input_size,
                    output_size,
                    kernel_size,
                    stride,
                    padding,
                    output_padding,
                    transposed,
                )
            )
    return sorted(found, key=_rank)


def solve_chain(
    sizes: Sequence[int], transposed: bool = True, **search_range: Iterable[int]
) -> list[list[Layer]]:
    """For each step of ``sizes`` every layer that takes it, best first.

    The steps are independent of each other: any choice of one layer from each list is a chain
    that fits, and there are no others. Their number is the product of the lengths.

    Args:
        sizes: the sizes to pass through, at least two, for example ``[1, 4, 8, 16, 32, 64]``.
        transposed: as in ``layers_between``.
        search_range: ``kernel_sizes``, ``strides``, ``paddings`` as in ``layers_between``.

    Returns:
        One list of layers for each pair of neighbours. A list is empty where nothing fits.
    """
    if len(sizes) < 2:
        raise ShapeError(f"sizes={list(sizes)!r} needs at least two entries: from, and to.")
    return [
        layers_between(before, after, transposed, **search_range)
        for before, after in pairwise(sizes)
    ]


def chains(options: list[list[Layer]]) -> Iterator[tuple[Layer, ...]]:
    """Every chain, one at a time: there can be millions, so they are not put into a list."""
    return product(*options)


def overlap_counts(kernel_size: int, stride: int, num_inputs: int = 8) -> list[int]:
    """How many stamps cover each output cell of a 1-D transposed convolution without padding.

    In two dimensions the counts of the rows and the columns multiply.

    Returns:
        A list of length (num_inputs - 1) * stride + kernel_size. A stride larger than the kernel
        leaves holes, counted as 0.
    """
    counts = [0] * ((num_inputs - 1) * stride + kernel_size)
    for start in range(0, num_inputs * stride, stride):
        for cell in range(start, start + kernel_size):
            counts[cell] += 1
    return counts


def sequential_code(layers: Sequence[Layer], channels: Sequence[int]) -> str:
    """The chain as an ``nn.Sequential`` that one can paste: with BatchNorm, ReLU and a last Tanh
    for a generator, with LeakyReLU for a discriminator.

    Args:
        layers: one layer for each step.
        channels: one more entry than layers: ``[100, 512, 256, 128, 64, 3]``.
    """
    if len(channels) != len(layers) + 1:
        raise ShapeError(
            f"{len(layers)} layers need {len(layers) + 1} channel counts, but there are "
            f"{len(channels)}: {list(channels)!r}."
        )
    lines = ["nn.Sequential("]
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        norm = not last and (layer.transposed or i > 0)  # none at G's output and D's input
        code = layer.code(channels[i], channels[i + 1], bias=not norm)
        size = f"({channels[i + 1]}, {layer.output_size}, {layer.output_size})"
        lines.append(f"    {code},  # -> {size}")
        if norm:
            lines.append(f"    nn.BatchNorm2d({channels[i + 1]}),")
        if layer.transposed:
            lines.append("    nn.Tanh()," if last else "    nn.ReLU(),")
        elif not last:
            lines.append("    nn.LeakyReLU(0.2),")
    lines.append(")")
    return "\n".join(lines)


def _rank(layer: Layer) -> tuple:
    """Even overlap first, no output_padding next, then stamps that overlap, then small ones.

    A kernel no larger than its stride leaves patches that know nothing of their neighbours; twice
    the stride is what DCGAN takes.
    """
    return (
        not layer.is_even,
        layer.output_padding,
        layer.stride > 1 and layer.kernel_size < 2 * layer.stride,
        layer.kernel_size,
        layer.stride,
        layer.padding,
    )
