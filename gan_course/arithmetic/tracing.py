"""Follow an input through a model, layer by layer, and stop at the one that does not fit.

torch's own message for a wrong size ("mat1 and mat2 shapes cannot be multiplied (1x65536 and
16384x1)") names neither the layer nor the number to change. ``trace_shapes`` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from gan_course.arithmetic.sizes import (
    ShapeError,
    conv2d_output_size,
    conv_transpose2d_output_size,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

Shape = tuple[int, ...]

# What torch prints of a layer although nobody has to write it.
_DEFAULTS = (
    ", eps=1e-05",
    ", momentum=0.1",
    ", affine=True",
    ", track_running_stats=True",
    ", bias=True",
    "start_dim=1, end_dim=-1",
)


@dataclass(frozen=True)
class TraceRow:
    """One layer that ran: its name in the model, its code, its output shape, its parameters."""

    name: str
    layer: str
    output_shape: Shape
    num_parameters: int


@dataclass
class ShapeTrace:
    """What ``trace_shapes`` found. Print it, or show it as the last line of a cell.

    Attributes:
        input_shape: the shape that went in.
        rows: one for each layer that ran, in the order of running.
        culprit: the name of the layer that could not run, or None if all is well.
        advice: what does not fit there and which number to change, or None.
    """

    input_shape: Shape
    rows: list[TraceRow] = field(default_factory=list)
    culprit: str | None = None
    culprit_layer: str | None = None
    advice: str | None = None

    @property
    def ok(self) -> bool:
        return self.culprit is None

    @property
    def output_shape(self) -> Shape | None:
        """The shape of what came out of the last layer that ran, or None if none did."""
        return self.rows[-1].output_shape if self.rows else None

    @property
    def num_parameters(self) -> int:
        return sum(row.num_parameters for row in self.rows)

    def _cells(self) -> list[tuple[str, str, str, str]]:
        cells = [("", "input", _shape_text(self.input_shape), "")]
        for row in self.rows:
            parameters = f"{row.num_parameters:,}"
            cells.append((row.name, row.layer, _shape_text(row.output_shape), parameters))
        return cells

    def __str__(self) -> str:
        cells = [("name", "layer", "output shape", "parameters"), *self._cells()]
        if not self.ok:
            cells.append((self.culprit or "", self.culprit_layer or "", "✗ does not fit", ""))
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines = []
        for name, layer, shape, parameters in cells:
            lines.append(
                f"{name:<{widths[0]}}  {layer:<{widths[1]}}  {shape:<{widths[2]}}  "
                f"{parameters:>{widths[3]}}".rstrip()
            )
        lines.insert(1, "-" * max(map(len, lines)))
        if self.ok:
            lines.append(f"{self.num_parameters:,} parameters in all")
        else:
            lines.append("")
            lines.append(f"✗ Stopped at {self.culprit}: {self.advice}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left, right = "text-align:left;", "text-align:right;"
        columns = (left, left, left + "white-space:nowrap;", right)

        def tr(values: Sequence[str], tag: str = "td", style: str = "") -> str:
            row = "".join(
                f'<{tag} style="{column}{style}">{escape(v)}</{tag}>'
                for v, column in zip(values, columns, strict=True)
            )
            return f"<tr>{row}</tr>"

        body = tr(("name", "layer", "output shape", "parameters"), "th")
        body += "".join(tr(cells) for cells in self._cells())
        if self.ok:
            caption = f"✓ {self.num_parameters:,} parameters in all"
        else:
            failed = (self.culprit or "", self.culprit_layer or "", "✗ does not fit", "")
            body += tr(failed, style="font-weight:bold;border-top:2px solid #D55E00")
            caption = f"✗ Stopped at {self.culprit}: {self.advice}"
        return f"<table>{body}</table><p><strong>{escape(caption)}</strong></p>"


def trace_shapes(model: nn.Module, input: Tensor | Sequence[int]) -> ShapeTrace:
    """Run ``input`` through ``model`` and list every layer with its output shape.

    Where a layer cannot take what reaches it, the trace stops there, names it, and says which
    number to change. The model is not changed: it runs in eval mode without gradients, and its
    mode is put back.

    Args:
        model: any module. Its layers are the modules without children, in the order of running.
        input: a tensor, or its shape: ``(N, C, H, W)`` for images, ``(N, latent_dim)`` for z.
            A shape is filled with zeros of the model's type and device.

    Returns:
        A ``ShapeTrace``; ``.ok`` tells whether the input went through.

    Raises:
        ShapeError: if ``input`` is neither a tensor nor a shape.
    """
    import torch

    if not isinstance(input, torch.Tensor):
        input = _zeros(model, input)
    trace = ShapeTrace(tuple(input.shape))
    names = {module: name or type(model).__name__ for name, module in model.named_modules()}
    # The layer that is running now, and the shapes that reached it and the layer before it.
    running: list[tuple[nn.Module, Shape]] = []

    def before(module: nn.Module, inputs: tuple) -> None:
        shape = tuple(inputs[0].shape) if inputs and hasattr(inputs[0], "shape") else ()
        running.append((module, shape))
        if _lacks_batch(module, shape):
            raise ShapeError("the batch dimension is missing")

    def after(module: nn.Module, inputs: tuple, output: object) -> None:
        running.pop()
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
        count = sum(p.numel() for p in module.parameters(recurse=False))
        trace.rows.append(TraceRow(names[module], _describe(module), shape, count))

    leaves = [m for m in model.modules() if next(m.children(), None) is None]
    handles = [m.register_forward_pre_hook(before) for m in leaves]
    handles += [m.register_forward_hook(after) for m in leaves]
    was_training = {m: m.training for m in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            model(input)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        previous = trace.rows[-1] if trace.rows else None
        if running:
            module, shape = running[-1]
            trace.culprit, trace.culprit_layer = names[module], _describe(module)
            trace.advice = _advice(module, shape, previous, error)
        else:  # between two layers, in the model's own forward
            place = f"the forward of {type(model).__name__}"
            trace.culprit = f"{place}, after {previous.name}" if previous else place
            trace.culprit_layer = ""
            trace.advice = f"{type(error).__name__}: {_first_line(error)}"
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in was_training.items():
            module.training = mode
    return trace


def _advice(module: nn.Module, shape: Shape, previous: TraceRow | None, error: Exception) -> str:
    """In words: what reached the layer, what it takes, and which number to change."""
    from torch import nn

    if _lacks_batch(module, shape):
        return (
            f"the input has shape {_shape_text(shape)}, without a batch dimension. Images are "
            f"(N, C, H, W), also for a batch of one: pass x.unsqueeze(0), or x[None]."
        )
    if isinstance(module, nn.Linear) and shape and shape[-1] != module.in_features:
        seen, wanted = shape[-1], module.in_features
        text = f"it takes in_features={wanted}, but {seen} numbers reach it per image"
        if len(shape) > 2:
            text += f" in the shape {_shape_text(shape)}; is an nn.Flatten() missing before it?"
            return text + f" After flattening it needs in_features={_product(shape[1:])}."
        return text + f". Change in_features to {seen}, or the layers before it."
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return _conv_advice(module, shape, error)
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        dims = 4 if isinstance(module, nn.BatchNorm2d) else 2
        if len(shape) != dims:
            return (
                f"{type(module).__name__} takes {dims} dimensions, but its input has shape "
                f"{_shape_text(shape)}."
            )
        if shape[1] != module.num_features:
            return (
                f"it normalises num_features={module.num_features} channels, but {shape[1]} reach "
                f"it. Change num_features to {shape[1]}."
            )
    if isinstance(module, nn.Unflatten):
        wanted = _product(module.unflattened_size)
        seen = shape[module.dim] if len(shape) > module.dim else None
        if seen is not None and seen != wanted:
            return (
                f"it folds {wanted} numbers into {_shape_text(tuple(module.unflattened_size))}, "
                f"but {seen} reach it. Make the layer before it put out {wanted}, or change the "
                f"sizes here so that their product is {seen}."
            )
    return f"input of shape {_shape_text(shape)}; torch says: {_first_line(error)}"


def _conv_advice(module: nn.Module, shape: Shape, error: Exception) -> str:
    from torch import nn

    if len(shape) != 4:
        return (
            f"it takes images of shape (N, {module.in_channels}, H, W), but its input has shape "
            f"{_shape_text(shape)}. Reshape it first, for example with nn.Unflatten."
        )
    if shape[1] != module.in_channels:
        return (
            f"it takes in_channels={module.in_channels}, but {shape[1]} channels reach it. Change "
            f"in_channels to {shape[1]}, or the out_channels of the layer before it."
        )
    arguments = {
        "kernel_size": module.kernel_size,
        "stride": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
    }
    size_of = conv2d_output_size
    if isinstance(module, nn.ConvTranspose2d):
        arguments["output_padding"] = module.output_padding
        size_of = conv_transpose2d_output_size
    try:
        size_of(shape[2:], **arguments)
    except ShapeError as reason:
        return f"{reason} (Its input is {shape[2]}x{shape[3]}.)"
    return f"input of shape {_shape_text(shape)}; torch says: {_first_line(error)}"


def _lacks_batch(module: nn.Module, shape: Shape) -> bool:
    """Three dimensions at an image layer. torch lets a convolution pass with them, and the
    trouble then shows up layers later; a beginner means a batch of one."""
    from torch import nn

    return isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d) and len(shape) == 3


def _zeros(model: nn.Module, shape: Sequence[int]) -> Tensor:
    import torch

    try:
        sizes = tuple(int(n) for n in shape)
    except (TypeError, ValueError):
        sizes = ()
    if not sizes or any(n < 1 for n in sizes):
        raise ShapeError(
            f"input={shape!r} is neither a tensor nor a shape like (1, 3, 64, 64) of sizes >= 1."
        )
    parameter = next(model.parameters(), torch.zeros(()))
    return torch.zeros(sizes, dtype=parameter.dtype, device=parameter.device)


def _describe(module: nn.Module) -> str:
    """The layer as it is written in code: square sizes as one number, defaults left out."""
    extra = re.sub(r"\((\d+), \1\)", r"\1", module.extra_repr())
    for default in _DEFAULTS:
        extra = extra.replace(default, "")
    return f"{type(module).__name__}({extra})"


def _shape_text(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def _product(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
