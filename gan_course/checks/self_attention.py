"""Lesson 10: what reaches a pixel, 1x1 convolutions, self-attention and its bill."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import self_attention_block as block
from gan_course.checks import self_attention_defects as defects
from gan_course.checks import self_attention_gate as gate
from gan_course.checks import self_attention_map as maps
from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "10_self_attention"

# ---- 1: how far a stack of convolutions sees --------------------------------------------------


def _receptive_field(layers: list) -> int:
    """Asked of torch: which of many inputs does the gradient of one output reach?"""
    x = torch.zeros(1, 1, 600, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel_size, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel_size, dtype=torch.float64), stride=stride)
    y[0, 0, y.shape[-1] // 2].backward()
    reached = x.grad[0, 0].nonzero().flatten()
    return int(reached[-1] - reached[0]) + 1


def _field_cases(rng: torch.Generator) -> list[dict]:
    plans = [[(3, 1)], [(3, 1), (3, 1)], [(4, 2)], [(4, 2), (4, 2)], [(3, 1), (1, 1)]]
    for i in range(CASES - len(plans)):
        kernels = torch.randint(1, 6, (2 + i // 2,), generator=rng).tolist()
        strides = torch.randint(1, 3, (2 + i // 2,), generator=rng).tolist()
        strides[:2] = (2, 1) if i % 2 else (1, 2)
        plans.append(list(zip(kernels, strides, strict=True)))
    return [{"layers": [tuple(layer) for layer in plan]} for plan in plans]


def _field(add=lambda k, jump, s: (k - 1) * jump, start: int = 1, jumps: bool = True):
    """The sum over the layers, with a choice of what to get wrong."""

    def wrong(layers):
        field, jump = start, 1
        for kernel_size, stride in layers:
            field += add(kernel_size, jump, stride)
            jump *= stride if jumps else 1
        return field

    return wrong


def _from_the_end(layers):
    return _field()(layers[::-1])


def _product(layers):
    field = 1
    for kernel_size, _ in layers:
        field *= kernel_size
    return field


receptive_field = FunctionTask(
    LESSON,
    "receptive_field",
    "That is the square that can reach one output at all. How much of it does is another matter.",
    (
        Mistake(
            "strides ignored",
            "It is right while all strides are 1. Behind a stride of 2 a step from one cell to the "
            "next is two input pixels, so a later kernel spreads twice as far.",
            _field(jumps=False),
        ),
        Mistake(
            "kernel sizes added",
            "A kernel of k adds k − 1 pixels to what is seen already, not k: one of its taps lies "
            "on the cell itself.",
            _field(lambda k, jump, s: k * jump, start=0),
            also=(_field(lambda k, jump, s: k * jump),),
        ),
        Mistake(
            "pixel itself forgotten",
            "One too few. Without any layer an output sees one pixel, itself: start with 1.",
            _field(start=0),
        ),
        Mistake(
            "own stride too early",
            "A layer's own stride does not widen its own kernel: its taps lie on the cells of the "
            "map that comes in. Multiply by the stride after you have added.",
            _field(lambda k, jump, s: (k - 1) * jump * s),
        ),
        Mistake(
            "layers from the end",
            "The strides count for the layers *behind* them. You walk through the layers from the "
            "last to the first with the rule for the other direction.",
            _from_the_end,
        ),
        Mistake(
            "kernels multiplied",
            "Kernel sizes do not multiply: two layers of 3 see 5 pixels, not 9.",
            _product,
        ),
    ),
    oracle=_receptive_field,
    cases=_field_cases,
)

# ---- 2: a 1x1 convolution by hand -------------------------------------------------------------

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "convolution", "linear")


def _one_by_one_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n = 1 + i % 3
        channels, out = (2, 2) if i < 2 else (3, 3) if i < 5 else (2 + i % 4, 1 + i % 3)
        height, width = (2, 2) if i < 2 else (2 + i % 2, 3 + i % 3)
        x = torch.randn(n, channels, height, width, generator=rng)
        cases.append({"x": x, "weight": torch.randn(out, channels, generator=rng)})
    return cases


def _one_by_one(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x, weight[:, :, None, None])


def _pixels_by_reshape(x, weight):
    """Reshaping moves no axis: it cuts the numbers into other rows."""
    n, c, height, width = x.shape
    rows = x.reshape(n, height * width, c) @ weight.T
    return rows.transpose(1, 2).reshape(n, -1, height, width)


def _back_by_reshape(x, weight):
    n, _, height, width = x.shape
    return (x.permute(0, 2, 3, 1) @ weight.T).reshape(n, -1, height, width)


def _both_by_reshape(x, weight):
    n, c, height, width = x.shape
    return (x.reshape(n, height * width, c) @ weight.T).reshape(n, -1, height, width)


one_by_one = FunctionTask(
    LESSON,
    "one_by_one",
    "A 1×1 convolution is one small matrix, applied at each pixel. Space plays no part in it.",
    (
        Mistake(
            "weight transposed",
            "The weight is used the wrong way round. weight[o, c] says how much of input channel "
            "c goes into output channel o: sum over its *second* axis.",
            lambda x, weight: torch.einsum("co,nchw->nohw", weight, x),
        ),
        Mistake(
            "channels left at the end",
            "The numbers are right, but the channels come last: (N, H, W, out). Move them back to "
            "axis 1.",
            lambda x, weight: _one_by_one(x, weight).permute(0, 2, 3, 1),
        ),
        Mistake(
            "reshape instead of moving the axis",
            "It makes rows of pixels with reshape. The channels of a pixel do not lie side by side "
            "in memory, so reshape mixes numbers of different pixels. Move the axis: permute, "
            "transpose or movedim.",
            _pixels_by_reshape,
            also=(_back_by_reshape, _both_by_reshape),
        ),
        Mistake(
            "channels added before they are weighted",
            "It adds up the channels first and weights the sum. Each channel has a weight of its "
            "own: multiply, then add.",
            lambda x, weight: x.sum(1, keepdim=True) * weight.sum(1)[:, None, None],
        ),
        Mistake(
            "mean over the channels",
            "It averages over the input channels. A convolution adds up.",
            lambda x, weight: _one_by_one(x, weight) / x.shape[1],
        ),
        Mistake(
            "only the first image",
            "Every image of the batch comes out as the first one does. Axis 0 of x is the batch.",
            lambda x, weight: _one_by_one(x[:1].expand_as(x), weight),
        ),
    ),
    oracle=_one_by_one,
    cases=_one_by_one_cases,
    forbidden=CONVOLUTIONS,
)

# ---- 3 to 6: the map, what it gathers, the block, its gate ------------------------------------

attention_map = maps.attention_map
pooled_attention = maps.pooled_attention
self_attention = block.self_attention
gate_gradients = gate.gate_gradients

# ---- 7: the bill ------------------------------------------------------------------------------


def _map_bytes(batch, height, width, pool, bytes_per_number) -> int:
    """Counted on the meta device, where a tensor has a shape and costs nothing."""
    asking = torch.empty(batch, 1, height, width, device="meta")
    attended = F.max_pool2d(asking, 2) if pool else asking
    scores = asking.flatten(2).transpose(1, 2) @ attended.flatten(2)
    return scores.numel() * bytes_per_number


def _bill_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        height, width, batch = (int(v) for v in torch.randint(2, 9, (3,), generator=rng))
        case = {"batch": 1 if i < 2 else batch, "height": 2 * height, "width": 2 * width}
        case["height"] += i % 3 == 2  # an odd row is left over by the pooling
        cases.append(case | {"pool": i % 2 == 1, "bytes_per_number": (4, 4, 4, 2)[i % 4]})
    return cases


def _bill(count):
    """A wrong bill: ``count(n, m)`` of the pixels that ask and those that are looked at."""

    def wrong(batch, height, width, pool, bytes_per_number):
        n = height * width
        m = (height // 2) * (width // 2) if pool else n
        return batch * count(n, m) * bytes_per_number

    return wrong


def _with_pixels(pixels):
    """``pixels(height, width)`` that are looked at when there is pooling."""

    def wrong(batch, height, width, pool, bytes_per_number):
        n = height * width
        return batch * n * (pixels(height, width) if pool else n) * bytes_per_number

    return wrong


map_bytes = FunctionTask(
    LESSON,
    "map_bytes",
    "Right, with pooling and odd sizes too. Now you can refuse before the machine does.",
    (
        Mistake(
            "pooling ignored",
            "With pool=True there are only (H // 2)·(W // 2) pixels to look at.",
            _with_pixels(lambda h, w: h * w),
        ),
        Mistake(
            "pooling halves",
            "2×2 pooling halves the height *and* the width: a quarter of the pixels is left.",
            _with_pixels(lambda h, w: h * w // 2),
            also=(_with_pixels(lambda h, w: h // 2 * w), _with_pixels(lambda h, w: w // 2 * h)),
        ),
        Mistake(
            "a quarter, odd or not",
            "Almost: with an odd height the last row does not fit into a 2×2 window and is left "
            "out. Round each side down on its own: (H // 2)·(W // 2).",
            _with_pixels(lambda h, w: h * w // 4),
            also=(_with_pixels(lambda h, w: h * w / 4),),
        ),
        Mistake(
            "both sides pooled",
            "Only the pixels that are looked at are pooled. Every pixel still asks.",
            _bill(lambda n, m: m * m),
        ),
        Mistake(
            "one number for each pixel",
            "Each pixel that asks has a row of numbers, one for each pixel it may look at: "
            "multiply the two counts.",
            _bill(lambda n, m: n),
            also=(_bill(lambda n, m: m), _bill(lambda n, m: n + m)),
        ),
        Mistake(
            "batch forgotten",
            "Each image of the batch has a map of its own.",
            lambda batch, **size: _map_bytes(1, **size),
        ),
        Mistake(
            "numbers, not bytes",
            "That is how many numbers the map has. Each takes bytes_per_number bytes.",
            lambda bytes_per_number, **size: _map_bytes(**size, bytes_per_number=1),
        ),
    ),
    oracle=_map_bytes,
    cases=_bill_cases,
)

# ---- 8: find the defects ----------------------------------------------------------------------

find_defects = defects.find_defects
