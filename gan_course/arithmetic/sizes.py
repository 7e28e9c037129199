"""How big is the output? The size arithmetic of ``Conv2d`` and ``ConvTranspose2d``.

Everything here is plain integer arithmetic: no tensors, no torch. The tests compare it with
``torch.nn`` on thousands of random layers, the invalid ones included, so that when a function
here says "this layer cannot work", torch says so too.
"""

from __future__ import annotations

from collections.abc import Sequence

from gan_course.errors import CourseError

__all__ = ["ShapeError", "conv2d_output_size", "conv_transpose2d_output_size"]

IntOrPair = int | Sequence[int]


class ShapeError(CourseError):
    """A layer and an input size that do not go together. The message says which number is off."""


def conv2d_output_size(
    input_size: IntOrPair,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: IntOrPair | str = 0,
    dilation: IntOrPair = 1,
) -> int | tuple[int, int]:
    """The height and width that ``torch.nn.Conv2d`` makes out of ``input_size``.

    Along each axis::

        out = floor((input + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1

    The kernel, spread out by ``dilation``, covers ``dilation * (kernel_size - 1) + 1`` cells. Its
    first position is at the left edge of the padded input; the fraction counts how many further
    jumps of ``stride`` cells still fit, and the floor drops a last jump that does not.

    Args:
        input_size: height and width of the input in pixels, an int (square) or a pair ``(H, W)``.
        kernel_size, stride, dilation: as in ``torch.nn.Conv2d``, an int or a pair, each at least 1.
        padding: zeros added on *each* side, an int or a pair, at least 0; or ``"valid"`` (none) or
            ``"same"`` (output as large as the input; torch allows it only with stride 1).

    Returns:
        An int if every argument was an int (or a padding word), else a pair ``(H, W)``.

    Raises:
        ShapeError: if torch would refuse the layer or the input; the message says why.

    Source: the "Shape" section of the torch.nn.Conv2d documentation.
    """
    _check_padding_word(padding, stride)
    sizes = []
    for axis in (0, 1):
        n = _whole_number("input_size", input_size, axis, least=1)
        k = _whole_number("kernel_size", kernel_size, axis, least=1)
        s = _whole_number("stride", stride, axis, least=1)
        d = _whole_number("dilation", dilation, axis, least=1)
        if padding == "same":
            sizes.append(n)
            continue
        p = 0 if padding == "valid" else _whole_number("padding", padding, axis, least=0)

        padded = n + 2 * p
        reach = d * (k - 1) + 1  # cells from the first to the last tap of the kernel
        if reach > padded:
            raise ShapeError(
                f"the kernel does not fit into the input: kernel_size={k} with dilation={d} covers "
                f"{reach} cells, but the input of {n} with padding={p} on each side has only "
                f"{padded}. Use a smaller kernel or dilation, more padding, or a larger input."
            )
        sizes.append((padded - reach) // s + 1)
    return _like_arguments(sizes, input_size, kernel_size, stride, padding, dilation)


def conv_transpose2d_output_size(
    input_size: IntOrPair,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
) -> int | tuple[int, int]:
    """The height and width that ``torch.nn.ConvTranspose2d`` makes out of ``input_size``.

    Along each axis::

        out = (input - 1) * stride - 2 * padding
              + dilation * (kernel_size - 1) + output_padding + 1

    Each input cell stamps one kernel onto the output, ``stride`` cells further than the cell
    before. The last stamp begins at ``(input - 1) * stride`` and covers
    ``dilation * (kernel_size - 1) + 1`` cells. ``padding`` then cuts that many cells off *each*
    side, and ``output_padding`` keeps that many more at the far end.

    Args:
        input_size: height and width of the input in pixels, an int (square) or a pair ``(H, W)``.
        kernel_size, stride, dilation: as in ``torch.nn.ConvTranspose2d``, an int or a pair, >= 1.
        padding: cells cut off each side, an int or a pair, at least 0.
        output_padding: extra cells at the bottom and on the right, an int or a pair, at least 0 and
            smaller than the larger of stride and dilation.

    Returns:
        An int if every argument was an int, else a pair ``(H, W)``.

    Raises:
        ShapeError: if torch would refuse the layer or the input; the message says why.

    Source: the "Shape" section of the torch.nn.ConvTranspose2d documentation.
    """
    sizes = []
    for axis in (0, 1):
        n = _whole_number("input_size", input_size, axis, least=1)
        k = _whole_number("kernel_size", kernel_size, axis, least=1)
        s = _whole_number("stride", stride, axis, least=1)
        p = _whole_number("padding", padding, axis, least=0)
        extra = _whole_number("output_padding", output_padding, axis, least=0)
        d = _whole_number("dilation", dilation, axis, least=1)

        if extra >= max(s, d):
            raise ShapeError(
                f"output_padding={extra} is too large: it must be smaller than stride or dilation, "
                f"and the larger of stride={s} and dilation={d} is {max(s, d)}."
            )
        out = (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        if out < 1:
            raise ShapeError(
                f"nothing is left of the output: the stamps cover {out + 2 * p} cells and "
                f"padding={p} cuts {p} off each side, which gives a size of {out}. "
                f"Use less padding, a larger kernel or stride, or a larger input."
            )
        sizes.append(out)
    return _like_arguments(
        sizes, input_size, kernel_size, stride, padding, output_padding, dilation
    )


def _whole_number(name: str, value: IntOrPair, axis: int, least: int) -> int:
    """The entry of ``value`` for one axis, checked: a whole number of at least ``least``."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ShapeError(
                f"{name}={value!r} has {len(value)} entries; give one int, "
                f"or a pair (height, width)."
            )
        entry = value[axis]
    else:
        entry = value
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise ShapeError(f"{name}={value!r} is not a whole number or a pair of whole numbers.")
    if entry < least:
        raise ShapeError(f"{name}={value!r} is too small: it must be at least {least}.")
    return entry


def _check_padding_word(padding: IntOrPair | str, stride: IntOrPair) -> None:
    if not isinstance(padding, str):
        return
    if padding not in ("same", "valid"):
        raise ShapeError(f"padding={padding!r} is unknown: give a number, 'same' or 'valid'.")
    strides = stride if isinstance(stride, Sequence) else (stride,)
    if padding == "same" and any(s != 1 for s in strides):
        raise ShapeError(f"padding='same' needs stride=1, but stride={stride!r}.")


def _like_arguments(sizes: list[int], *arguments: IntOrPair | str) -> int | tuple[int, int]:
    """One int when all arguments were single numbers, else the pair (height, width)."""
    if any(isinstance(a, Sequence) and not isinstance(a, str) for a in arguments):
        return (sizes[0], sizes[1])
    return sizes[0]
