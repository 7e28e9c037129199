"""Lesson 02: sizes with output_padding, and a transposed convolution written from scratch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.framework import (
    CASES,
    FunctionTask,
    Mistake,
    PropertyTask,
    ValuesTask,
)

LESSON = "02_conv_transpose2d"

# ---- 1: predict sizes -------------------------------------------------------------------------

# (input size, arguments of nn.ConvTranspose2d)
PREDICT = (
    (1, {"kernel_size": 4}),
    (4, {"kernel_size": 4, "stride": 2, "padding": 1}),
    (7, {"kernel_size": 3, "stride": 2, "padding": 1}),
    (7, {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}),
    (5, {"kernel_size": 3, "dilation": 2}),
    (6, {"kernel_size": 2, "stride": 3}),
)


def _predict(formula) -> list[int]:
    return [
        formula(
            n,
            a["kernel_size"],
            a.get("stride", 1),
            a.get("padding", 0),
            a.get("dilation", 1),
            a.get("output_padding", 0),
        )
        for n, a in PREDICT
    ]


def _torch_sizes() -> list[int]:
    return [nn.ConvTranspose2d(1, 1, **a)(torch.zeros(1, 1, n, n)).shape[-1] for n, a in PREDICT]


predict_sizes = ValuesTask(
    LESSON,
    "predict_sizes",
    "You can read a transposed layer's numbers.",
    (
        Mistake(
            "n times stride",
            "The last stamp begins at (n − 1)·stride, not at n·stride: the first one begins at 0.",
            _predict(lambda n, k, s, p, d, e: n * s - 2 * p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "no + 1",
            "A stamp covers d·(k − 1) + 1 cells: the + 1 is missing.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s - 2 * p + d * (k - 1) + e),
        ),
        Mistake(
            "padding added",
            "In a transposed convolution padding makes the output smaller: − 2·p.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s + 2 * p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "padding once",
            "Padding cuts off both sides, so it counts twice.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s - p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "padding ignored",
            "Numbers 2 to 4 have padding: it is cut off both sides of what the stamps painted.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s + d * (k - 1) + e + 1),
        ),
        Mistake(
            "dilation ignored",
            "With dilation 2 the three taps of a stamp spread over five cells.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s - 2 * p + k + e),
        ),
        Mistake(
            "output_padding forgotten",
            "output_padding keeps that many cells more at the far end.",
            _predict(lambda n, k, s, p, d, e: (n - 1) * s - 2 * p + d * (k - 1) + 1),
        ),
        Mistake(
            "the size of Conv2d",
            "These are the sizes of the plain convolution, or close: the transposed one enlarges.",
            _predict(lambda n, k, s, p, d, e: (n + 2 * p - d * (k - 1) - 1) // s + 1),
        ),
    ),
    questions=tuple(
        f"nn.ConvTranspose2d(1, 1, {', '.join(f'{k}={v}' for k, v in a.items())}) on {n}×{n}."
        for n, a in PREDICT
    ),
    expected=_torch_sizes,
)

# ---- 2: the formula ---------------------------------------------------------------------------


def _torch_size(n, kernel_size, stride, padding, output_padding, dilation) -> int:
    layer = nn.ConvTranspose2d(
        1, 1, kernel_size, stride, padding, output_padding, dilation=dilation, device="meta"
    )
    return layer(torch.zeros(1, 1, n, n, device="meta")).shape[-1]


def _size_cases(rng: torch.Generator) -> list[dict]:
    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (1,), generator=rng))

    names = ("n", "kernel_size", "stride", "padding", "output_padding", "dilation")
    rows = [
        (3, 3, 1, 0, 0, 1),
        (3, 3, 2, 0, 0, 1),
        (4, 4, 2, 1, 0, 1),
        (4, 3, 2, 1, 1, 1),
        (4, 3, 1, 0, 0, 2),
        (5, 4, 3, 2, 2, 3),
    ]
    while len(rows) < 2 * CASES:
        k, s, d, p = pick(2, 6), pick(1, 4), pick(1, 3), pick(0, 2)
        rows.append((pick(4, 12), k, s, p, pick(0, max(s, d) - 1), d))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _size_mistake(formula):
    def wrong(n, kernel_size, stride, padding, output_padding, dilation):
        return formula(n, kernel_size, stride, padding, output_padding, dilation)

    return wrong


size_formula = FunctionTask(
    LESSON,
    "size_formula",
    "It agrees with torch on every layer that was tried.",
    (
        Mistake(
            "n times stride",
            "The first stamp begins at 0, so the last begins at (n − 1)·stride.",
            _size_mistake(lambda n, k, s, p, e, d: n * s - 2 * p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "padding added",
            "Padding cuts off the output here: − 2·p. It is Conv2d that adds it.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s + 2 * p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "padding once",
            "Padding cuts off both sides: − 2·p.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s - p + d * (k - 1) + e + 1),
        ),
        Mistake(
            "output_padding on both sides",
            "output_padding is kept at the far end only, so it counts once.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + 2 * e + 1),
        ),
        Mistake(
            "output_padding ignored",
            "It does not look at output_padding.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + 1),
        ),
        Mistake(
            "dilation ignored",
            "It does not look at dilation: a stamp covers d·(k − 1) + 1 cells.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + k + e),
        ),
        Mistake(
            "no + 1",
            "The + 1 is missing: a stamp covers d·(k − 1) + 1 cells.",
            _size_mistake(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + e),
        ),
    ),
    oracle=_torch_size,
    cases=_size_cases,
)

# ---- 3: which output_padding ------------------------------------------------------------------


def _right_extra(n: int, kernel_size: int, stride: int, padding: int) -> int:
    """By trying: the output_padding that leads back to n."""
    conv = nn.Conv2d(1, 1, kernel_size, stride, padding, device="meta")
    small = conv(torch.zeros(1, 1, n, n, device="meta"))
    for extra in range(stride):
        layer = nn.ConvTranspose2d(1, 1, kernel_size, stride, padding, extra, device="meta")
        if layer(small).shape[-1] == n:
            return extra
    raise AssertionError("one of them always fits")


def _extra_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for _ in range(2 * CASES):
        k, s = (int(torch.randint(2, high, (1,), generator=rng)) for high in (6, 5))
        p = int(torch.randint(0, k // 2 + 1, (1,), generator=rng))
        n = int(torch.randint(k + s, 40, (1,), generator=rng))
        cases.append({"n": n, "kernel_size": k, "stride": s, "padding": p})
    return cases


way_back = FunctionTask(
    LESSON,
    "way_back",
    "You always come back to where you started.",
    (
        Mistake(
            "always 0",
            "0 is right only where the convolution's division came out even. Where it rounded "
            "down, the rest is lost, and output_padding brings it back.",
            lambda n, kernel_size, stride, padding: 0,
        ),
        Mistake(
            "stride minus 1",
            "stride − 1 is the largest that is allowed. What you need is what the floor dropped.",
            lambda n, kernel_size, stride, padding: stride - 1,
        ),
        Mistake(
            "n mod stride",
            "Look at the cells the kernel can move in, n + 2·padding − kernel_size, not at n.",
            lambda n, kernel_size, stride, padding: n % stride,
        ),
        Mistake(
            "padding forgotten",
            "The padding is part of what the kernel moves in: n + 2·padding − kernel_size.",
            lambda n, kernel_size, stride, padding: (n - kernel_size) % stride,
        ),
        Mistake(
            "the quotient",
            "That is how many jumps fit (//). What is lost is the remainder (%).",
            lambda n, kernel_size, stride, padding: (n + 2 * padding - kernel_size) // stride,
        ),
    ),
    oracle=_right_extra,
    cases=_extra_cases,
)

# ---- 4: by stamps, and 5: the real thing ------------------------------------------------------


def _plain(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    return F.conv_transpose2d(x[None, None], kernel[None, None], stride=stride)[0, 0]


def _stamp_cases(rng: torch.Generator) -> list[dict]:
    sizes = [(2, 2, 2, 2, 1), (2, 3, 2, 2, 2), (3, 2, 3, 2, 1), (3, 4, 2, 3, 3)]
    cases = []
    for i in range(CASES):
        height, width, kh, kw, stride = sizes[i % len(sizes)]
        kernel = torch.randint(-3, 4, (kh, kw), generator=rng).float()
        kernel[0, 0], kernel[-1, -1] = 3.0, -2.0  # never symmetric
        x = torch.randint(-4, 5, (height, width), generator=rng).float()
        x[0, 0] = 2.0
        cases.append({"x": x, "kernel": kernel, "stride": stride})
    return cases


def _overwriting(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    out = torch.zeros_like(_plain(x, kernel, stride))
    kh, kw = kernel.shape
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            top, left = r * stride, c * stride
            out[top : top + kh, left : left + kw] = x[r, c] * kernel
    return out


CONVOLUTIONS = (
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
)

stamp = FunctionTask(
    LESSON,
    "stamp",
    "That is a transposed convolution, stamp by stamp.",
    (
        Mistake(
            "overwritten",
            "Where stamps overlap, the later one replaces the earlier. The ink adds up: use +=.",
            _overwriting,
        ),
        Mistake(
            "flipped kernel",
            "The kernel is turned by 180 degrees. Turned it is needed when you gather; a stamp is "
            "pressed on as it is.",
            lambda x, kernel, stride: _plain(x, kernel.flip(0, 1), stride),
        ),
        Mistake(
            "cut to the doubled size",
            "It cuts the output to stride times the input. Without padding the last stamp is kept "
            "whole: (H − 1)·stride + kh rows.",
            lambda x, kernel, stride: _plain(x, kernel, stride)[
                : x.shape[0] * stride, : x.shape[1] * stride
            ],
        ),
        Mistake(
            "unweighted stamps",
            "Every stamp has the same strength. Each pixel presses as strongly as its value says.",
            lambda x, kernel, stride: _plain(torch.ones_like(x), kernel, stride),
        ),
        Mistake(
            "stride ignored",
            "It ignores the stride: the stamp of pixel (row, column) begins at row · stride and "
            "column · stride.",
            lambda x, kernel, stride: _plain(x, kernel, 1),
        ),
        Mistake(
            "axes swapped",
            "Rows and columns of the result are exchanged.",
            lambda x, kernel, stride: _plain(x, kernel, stride).T,
        ),
    ),
    oracle=_plain,
    cases=_stamp_cases,
    forbidden=(*CONVOLUTIONS, "fold"),
)


def _full(x, weight, bias, stride, padding, output_padding) -> Tensor:
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding)


def _full_cases(rng: torch.Generator) -> list[dict]:
    plans = [
        # N, in, out, H, W, k, stride, padding, output_padding
        (1, 1, 1, 2, 3, 3, 1, 0, 0),
        (2, 1, 2, 3, 2, 3, 2, 0, 0),
        (1, 3, 2, 3, 4, 3, 1, 0, 0),
        (2, 2, 3, 4, 3, 4, 2, 1, 0),
        (1, 2, 2, 3, 3, 3, 2, 1, 1),
        (2, 3, 2, 4, 5, 5, 3, 2, 2),
    ]
    cases = []
    for i in range(CASES):
        n, c_in, c_out, height, width, k, s, p, e = plans[i % len(plans)]
        cases.append(
            {
                "x": torch.randn(n, c_in, height, width, generator=rng),
                "weight": torch.randn(c_in, c_out, k, k, generator=rng),
                "bias": torch.randn(c_out, generator=rng) + 2,
                "stride": s,
                "padding": p,
                "output_padding": e,
            }
        )
    return cases


def _cut_far_side(x, weight, bias, stride, padding, output_padding) -> Tensor:
    """Padding taken off the far end only."""
    whole = F.conv_transpose2d(x, weight, bias, stride)
    size = [n - 2 * padding + output_padding for n in whole.shape[2:]]
    return whole[:, :, : size[0], : size[1]]


def _zeros_at_the_end(x, weight, bias, stride, padding, output_padding) -> Tensor:
    e = output_padding
    return F.pad(F.conv_transpose2d(x, weight, bias, stride, padding), (0, e, 0, e))


def _bias_for_each_stamp(x, weight, bias, stride, padding, output_padding) -> Tensor:
    plain = F.conv_transpose2d(x, weight, None, stride, padding, output_padding)
    ones = torch.ones_like(x[:, :1]), torch.ones_like(weight[:1, :1])
    counts = F.conv_transpose2d(*ones, None, stride, padding, output_padding)
    return plain + counts * bias.reshape(1, -1, 1, 1)


full_conv_transpose2d = FunctionTask(
    LESSON,
    "full_conv_transpose2d",
    "You have written ConvTranspose2d.",
    (
        Mistake(
            "bias forgotten",
            "The bias is missing: one number for each output channel, added to its whole map.",
            lambda x, weight, bias, stride, padding, output_padding: _full(
                x, weight, None, stride, padding, output_padding
            ),
        ),
        Mistake(
            "bias for each stamp",
            "The bias is added with every stamp. It belongs onto the finished map, once.",
            _bias_for_each_stamp,
        ),
        Mistake(
            "flipped kernel",
            "The kernel is turned by 180 degrees. A stamp is pressed on as it is.",
            lambda x, weight, bias, stride, padding, output_padding: _full(
                x, weight.flip(2, 3), bias, stride, padding, output_padding
            ),
        ),
        Mistake(
            "padding off one end",
            "Padding is cut off at the far end only. It comes off both ends: begin at row "
            "`padding`.",
            _cut_far_side,
        ),
        Mistake(
            "padding ignored",
            "Nothing is cut off: `padding` rows and columns come off each side of what the stamps "
            "painted.",
            lambda x, weight, bias, stride, padding, output_padding: _full(
                x, weight, bias, stride, 0, output_padding
            ),
        ),
        Mistake(
            "output_padding ignored",
            "It does not look at output_padding: that many rows and columns more are kept at the "
            "far end.",
            lambda x, weight, bias, stride, padding, output_padding: _full(
                x, weight, bias, stride, padding, 0
            ),
        ),
        Mistake(
            "zeros for output_padding",
            "output_padding appends zeros. It keeps cells that padding would have cut off; stamps "
            "and bias may reach them.",
            _zeros_at_the_end,
        ),
        Mistake(
            "only the first input channel",
            "Only the first input channel stamps. All of them do, each with its own kernel, and "
            "the ink adds up.",
            lambda x, weight, bias, stride, padding, output_padding: _full(
                x[:, :1], weight[:1], bias, stride, padding, output_padding
            ),
        ),
        Mistake(
            "only the first image",
            "Every image of the batch comes out as the first one does.",
            lambda x, **arguments: _full(x[:1].expand_as(x), **arguments),
        ),
    ),
    oracle=_full,
    cases=_full_cases,
    forbidden=(*CONVOLUTIONS, "fold"),
)

# ---- 6: a generator's chain -------------------------------------------------------------------

CHAIN = (1, 7, 14, 28)


def _not_a_chain(answer: list) -> str | None:
    names = {"kernel_size", "stride", "padding", "output_padding"}
    steps = len(CHAIN) - 1
    if not isinstance(answer, list | tuple) or len(answer) != steps:
        return f"The answer is a list of {steps} dicts, one for each step."
    for i, layer in enumerate(answer):
        if not isinstance(layer, dict) or set(layer) != names:
            return f"Layer {i + 1} is a dict with exactly these names: {', '.join(sorted(names))}."
        if any(isinstance(v, bool) or not isinstance(v, int) for v in layer.values()):
            return f"All numbers of layer {i + 1} are whole."
        before, after = CHAIN[i], CHAIN[i + 1]
        try:
            module = nn.ConvTranspose2d(1, 1, **layer, device="meta")
            size = module(torch.zeros(1, 1, before, before, device="meta")).shape[-1]
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            return f"torch refuses layer {i + 1}: {str(error).splitlines()[0]}"
        if size != after:
            return (
                f"Layer {i + 1} makes {size}×{size} out of {before}×{before}, not {after}×{after}."
            )
        if before > 1 and layer["kernel_size"] % layer["stride"] != 0:
            return (
                f"The sizes are right. But in layer {i + 1} the stride {layer['stride']} does not "
                f"divide the kernel size {layer['kernel_size']}: a checkerboard before training."
            )
    return None


def _layer(kernel_size: int, stride: int, padding: int, output_padding: int = 0) -> dict:
    return {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
    }


choose_chain = PropertyTask(
    LESSON,
    "choose_chain",
    "This chain makes MNIST-sized images without a built-in checkerboard.",
    (
        Mistake(
            "DCGAN's first layer",
            "Kernel 4 makes 4×4 first; that chain leads to 64. Here the first map is 7×7.",
            [_layer(4, 1, 0), _layer(4, 2, 1), _layer(4, 2, 1)],
        ),
        Mistake(
            "kernel 3",
            "The sizes are right: kernel 3 needs output_padding 1 to double. But 2 does not divide "
            "3, so these layers paint a checkerboard. Which kernel size overlaps evenly?",
            [_layer(7, 1, 0), _layer(3, 2, 1, 1), _layer(3, 2, 1, 1)],
        ),
        Mistake(
            "no padding",
            "Kernel 4 with stride 2 paints two cells too many: 7 becomes 16. How much padding cuts "
            "them off?",
            [_layer(7, 1, 0), _layer(4, 2, 0), _layer(4, 2, 0)],
        ),
        Mistake(
            "stride 1",
            "With stride 1 the stamps lie one cell apart, so the map hardly grows.",
            [_layer(7, 1, 0), _layer(4, 1, 1), _layer(4, 1, 1)],
        ),
    ),
    problem=_not_a_chain,
)
