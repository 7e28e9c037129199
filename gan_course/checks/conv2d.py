"""Lesson 01: output sizes, and a convolution written from scratch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.compare import plain
from gan_course.checks.framework import (
    CASES,
    FunctionTask,
    Mistake,
    PropertyTask,
    ValuesTask,
)

LESSON = "01_conv2d"

# ---- 1: predict sizes -------------------------------------------------------------------------

# (input size, arguments of nn.Conv2d)
PREDICT = (
    (32, {"kernel_size": 5}),
    (32, {"kernel_size": 3, "padding": 1}),
    (64, {"kernel_size": 4, "stride": 2, "padding": 1}),
    (29, {"kernel_size": 3, "stride": 2, "padding": 1}),
    (16, {"kernel_size": 3, "dilation": 2}),
    (10, {"kernel_size": 3, "stride": 4}),
)


def _predict(formula) -> list[int]:
    """The sizes by some formula of (n, kernel_size, stride, padding, dilation)."""
    return [
        formula(n, a["kernel_size"], a.get("stride", 1), a.get("padding", 0), a.get("dilation", 1))
        for n, a in PREDICT
    ]


def _torch_sizes() -> list[int]:
    return [nn.Conv2d(1, 1, **a)(torch.zeros(1, 1, n, n)).shape[-1] for n, a in PREDICT]


predict_sizes = ValuesTask(
    LESSON,
    "predict_sizes",
    "You can read a layer's numbers.",
    (
        Mistake(
            "one too few",
            "You have the number of jumps, and forgot the first position of the kernel: "
            "+ 1 at the end.",
            _predict(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s),
        ),
        Mistake(
            "rounded up",
            "A last jump that does not fit whole is dropped: round down, not up.",
            _predict(lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1),
        ),
        Mistake(
            "padding once",
            "Padding is added on both sides, so it counts twice.",
            _predict(lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1),
        ),
        Mistake(
            "no padding",
            "Those layers have padding: the input grows by it on both sides first.",
            _predict(lambda n, k, s, p, d: (n - d * (k - 1) - 1) // s + 1),
        ),
        Mistake(
            "dilation forgotten",
            "With dilation 2 the three taps of the kernel spread over five cells.",
            _predict(lambda n, k, s, p, d: (n + 2 * p - k) // s + 1),
        ),
        Mistake(
            "dilation times kernel",
            "Dilation spreads the gaps, not the taps: a kernel of 3 with dilation 2 covers "
            "2·(3 − 1) + 1 = 5 cells, not 6.",
            _predict(lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1),
        ),
        Mistake(
            "fractions",
            "A size is a whole number: a last jump that does not fit whole is dropped. Round down.",
            _predict(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1),
        ),
        Mistake(
            "same size",
            "Without padding the kernel cannot centre on the border cells, so the image shrinks.",
            [n for n, _ in PREDICT],
        ),
    ),
    questions=tuple(
        f"nn.Conv2d(1, 1, {', '.join(f'{k}={v}' for k, v in a.items())}) on {n}×{n}."
        for n, a in PREDICT
    ),
    expected=_torch_sizes,
)

# ---- 2: the formula ---------------------------------------------------------------------------


def _torch_size(n: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    layer = nn.Conv2d(1, 1, kernel_size, stride, padding, dilation, device="meta")
    return layer(torch.zeros(1, 1, n, n, device="meta")).shape[-1]


def _size_cases(rng: torch.Generator) -> list[dict]:
    """Layers that work, from simple to general; each argument matters in some of them."""

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (1,), generator=rng))

    cases = [
        {"n": 8, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1},
        {"n": 8, "kernel_size": 3, "stride": 2, "padding": 0, "dilation": 1},
        {"n": 8, "kernel_size": 3, "stride": 1, "padding": 1, "dilation": 1},
        {"n": 9, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 2},
        {"n": 96, "kernel_size": 4, "stride": 2, "padding": 1, "dilation": 1},
        {"n": 10, "kernel_size": 2, "stride": 3, "padding": 1, "dilation": 3},
    ]
    while len(cases) < 2 * CASES:
        kernel, dilation, padding = pick(1, 6), pick(1, 3), pick(0, 3)
        n = max(dilation * (kernel - 1) + 1 - 2 * padding, 1) + pick(0, 40)
        cases.append(
            {
                "n": n,
                "kernel_size": kernel,
                "stride": pick(1, 4),
                "padding": padding,
                "dilation": dilation,
            }
        )
    return cases


def _size_mistake(formula):
    def wrong(n, kernel_size, stride, padding, dilation):
        return formula(n, kernel_size, stride, padding, dilation)

    return wrong


size_formula = FunctionTask(
    LESSON,
    "size_formula",
    "It agrees with torch on every layer that was tried.",
    (
        Mistake(
            "the numerator lacks − 1",
            "It counts one position too many wherever the division comes out even: the kernel "
            "covers d·(k − 1) + 1 cells, and the + 1 has to be taken off as well.",
            _size_mistake(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s + 1),
        ),
        Mistake(
            "no + 1 at the end",
            "That is the number of jumps. The kernel also has its first position: + 1.",
            _size_mistake(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s),
        ),
        Mistake(
            "true division",
            "A size is a whole number. Use floor division, `//`: a last jump that does not fit "
            "whole is dropped.",
            _size_mistake(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1),
        ),
        Mistake(
            "rounded up",
            "It rounds up. A last jump that does not fit whole is dropped: round down.",
            _size_mistake(lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1),
        ),
        Mistake(
            "padding once",
            "Padding is added on both sides, so it counts twice.",
            _size_mistake(lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1),
        ),
        Mistake(
            "padding subtracted",
            "Padding makes the input larger: + 2·p, not − 2·p.",
            _size_mistake(lambda n, k, s, p, d: (n - 2 * p - d * (k - 1) - 1) // s + 1),
        ),
        Mistake(
            "dilation ignored",
            "It does not look at dilation: the taps of the kernel are `dilation` cells apart.",
            _size_mistake(lambda n, k, s, p, d: (n + 2 * p - k) // s + 1),
        ),
        Mistake(
            "dilation times kernel",
            "Dilation stretches the k − 1 gaps between the taps, not the k taps: the kernel "
            "covers d·(k − 1) + 1 cells, not d·k.",
            _size_mistake(lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1),
        ),
    ),
    oracle=_torch_size,
    cases=_size_cases,
)

# ---- 3: choose a layer ------------------------------------------------------------------------


def _whole_numbers(answer: dict, names: tuple[str, ...]) -> dict | str:
    """The answer with its numbers as ints (4.0 is 4), or what is wrong with it."""
    if not isinstance(answer, dict) or set(answer) != set(names):
        return f"The answer is a dict with exactly these names: {', '.join(names)}."
    numbers = {name: plain(answer[name]) for name in names}
    for name, value in numbers.items():
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        if not whole:
            return f"{name} is a whole number; yours is {value!r}."
    return {name: int(value) for name, value in numbers.items()}


def _halves_evenly(answer: dict) -> str | None:
    numbers = _whole_numbers(answer, ("kernel_size", "stride", "padding"))
    if isinstance(numbers, str):
        return numbers
    k, s, p = numbers.values()
    if k < 1 or s < 1 or p < 0:
        return "kernel_size and stride are at least 1, padding at least 0."
    for n in (64, 32, 28, 16, 8):
        try:
            size = _torch_size(n, k, s, p, 1)
        except RuntimeError:
            return f"torch refuses this layer on {n}×{n}: the kernel does not fit."
        if size != n // 2:
            return f"On {n}×{n} this layer makes {size}×{size}, not {n // 2}×{n // 2}."
    if k % s != 0:
        return (
            f"The sizes are right. But {s} does not divide {k}: away from the border some pixels "
            f"are read more often than others. Find one where they all count alike."
        )
    return None


choose_layer = PropertyTask(
    LESSON,
    "choose_layer",
    "It halves every even size, and reads every pixel equally often.",
    (
        Mistake(
            "no padding",
            "Close: the stride is right, but without padding positions are lost at the border and "
            "64 becomes less than 32. How much padding brings them back?",
            {"kernel_size": 4, "stride": 2, "padding": 0},
            also=({"kernel_size": 3, "stride": 2, "padding": 0},),
            fits=lambda a: a["stride"] == 2 and a["padding"] == 0 and 2 < a["kernel_size"] <= 8,
        ),
        Mistake(
            "stride 1",
            "With stride 1 the kernel stops at every pixel, so the size hardly shrinks. "
            "It has to jump.",
            {"kernel_size": 3, "stride": 1, "padding": 1},
            also=({"kernel_size": 4, "stride": 1, "padding": 0},),
            fits=lambda a: a["stride"] == 1,
        ),
        Mistake(
            "odd kernel",
            "The sizes are right, and many networks use it. But an odd kernel that jumps by 2 "
            "reads every second row once more than the rows between. Find one that reads them all "
            "alike.",
            {"kernel_size": 3, "stride": 2, "padding": 1},
            also=({"kernel_size": 5, "stride": 2, "padding": 2},),
            fits=lambda a: (
                a["stride"] == 2
                and a["kernel_size"] % 2 == 1
                and a["kernel_size"] == 2 * a["padding"] + 1 > 1
            ),
        ),
        Mistake(
            "skips pixels",
            "The sizes are right, but a kernel of 1 that jumps by 2 never reads three pixels of "
            "four.",
            {"kernel_size": 1, "stride": 2, "padding": 0},
        ),
        Mistake(
            "too much padding",
            "The stride is right, but there is more padding than the kernel needs, and 64 becomes "
            "more than 32.",
            {"kernel_size": 2, "stride": 2, "padding": 1},
            fits=lambda a: a["stride"] == 2 and 2 * a["padding"] > a["kernel_size"] - 1,
        ),
    ),
    problem=_halves_evenly,
)

# ---- 4: one channel by hand -------------------------------------------------------------------


def _plain(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x[None, None], kernel[None, None])[0, 0]


def _square(out: Tensor) -> Tensor:
    """A result whose columns were counted by its rows; stops where there are not so many."""
    rows = out.shape[-2]
    if out.shape[-1] < rows:
        raise IndexError("a column that is not there")
    return out[..., :rows]


def _one_channel_cases(rng: torch.Generator) -> list[dict]:
    sizes = [(3, 3, 2, 2), (3, 4, 2, 2), (5, 3, 2, 3), (4, 6, 3, 2)]
    cases = []
    for i in range(CASES):
        height, width, kh, kw = sizes[i % len(sizes)]
        x = torch.randint(-4, 5, (height, width), generator=rng).float()
        kernel = torch.randint(-3, 4, (kh, kw), generator=rng).float()
        kernel[0, 0], kernel[-1, -1] = 3.0, -2.0  # never symmetric
        cases.append({"x": x, "kernel": kernel})
    return cases


one_channel = FunctionTask(
    LESSON,
    "one_channel",
    "That is a convolution, as every deep-learning library means it.",
    (
        Mistake(
            "flipped kernel",
            "It turns the kernel by 180 degrees first. That is the mathematicians' convolution; "
            "torch's Conv2d lays the kernel on as it is (cross-correlation).",
            lambda x, kernel: _plain(x, kernel.flip(0, 1)),
        ),
        Mistake(
            "same size",
            "The output is as large as the input. Without padding the kernel only stops where it "
            "lies inside: H − kh + 1 rows and W − kw + 1 columns.",
            lambda x, kernel: F.conv2d(
                F.pad(x, (0, kernel.shape[1] - 1, 0, kernel.shape[0] - 1))[None, None],
                kernel[None, None],
            )[0, 0],
        ),
        Mistake(
            "mean instead of sum",
            "It takes the mean of the products. A convolution adds them up.",
            lambda x, kernel: _plain(x, kernel) / kernel.numel(),
        ),
        Mistake(
            "one row short",
            "The last row and the last column of positions are missing: the kernel still fits at "
            "row H − kh, so there are H − kh + 1 rows.",
            lambda x, kernel: _plain(x, kernel)[:-1, :-1],
        ),
        Mistake(
            "axes swapped",
            "Rows and columns of the result are exchanged. The first index is the row (height), "
            "the second the column (width).",
            lambda x, kernel: _plain(x, kernel).T,
        ),
        Mistake(
            "rows for both",
            "The result has as many columns as rows. Count the columns from the widths of image "
            "and kernel; they need not be square.",
            lambda x, kernel: _square(_plain(x, kernel)),
        ),
    ),
    oracle=_plain,
    cases=_one_channel_cases,
    forbidden=("conv1d", "conv2d", "conv3d", "conv_transpose2d", "convolution"),
)

# ---- 5: the whole convolution -----------------------------------------------------------------


def _conv2d(x, weight, bias, stride, padding, dilation, groups) -> Tensor:
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


def _full_cases(rng: torch.Generator) -> list[dict]:
    """From plain to general. Every argument matters in several of the twelve."""
    plans = [
        # N, in, out, H, W, kh, kw, stride, padding, dilation, groups
        (1, 1, 1, 4, 5, 2, 2, 1, 0, 1, 1),
        (2, 3, 2, 5, 4, 3, 2, 1, 0, 1, 1),
        (1, 2, 3, 5, 5, 3, 3, 1, 1, 1, 1),
        (2, 2, 2, 6, 7, 3, 3, 2, 0, 1, 1),
        (1, 2, 2, 7, 6, 2, 3, 1, 0, 2, 1),
        (2, 4, 6, 5, 6, 3, 3, 1, 1, 1, 2),
    ]
    cases = []
    for i in range(CASES):
        n, c_in, c_out, height, width, kh, kw, s, p, d, g = plans[i % len(plans)]
        if i >= len(plans):  # once more, with everything at the same time
            height, width, s, p, d, g = height + 6, width + 5, 2, 2, 2, math.gcd(c_in, c_out)
        cases.append(
            {
                "x": torch.randn(n, c_in, height, width, generator=rng),
                "weight": torch.randn(c_out, c_in // g, kh, kw, generator=rng),
                "bias": torch.randn(c_out, generator=rng) + 2,
                "stride": s,
                "padding": p,
                "dilation": d,
                "groups": g,
            }
        )
    return cases


def _full_mistake(change):
    """A convolution whose arguments are changed by ``change`` before it runs."""

    def wrong(x, weight, bias, stride, padding, dilation, groups):
        arguments = {
            "input": x,
            "weight": weight,
            "bias": bias,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        return F.conv2d(**(arguments | change(arguments)))

    return wrong


def _padded_once(a: dict) -> dict:
    p = a["padding"]
    return {"input": F.pad(a["input"], (p, 0, p, 0)), "padding": 0}


def _padded_with_border(a: dict) -> dict:
    p = a["padding"]
    return {"input": F.pad(a["input"], (p, p, p, p), mode="replicate"), "padding": 0}


def _bias_for_each_tap(x, weight, bias, stride, padding, dilation, groups) -> Tensor:
    taps = weight[0].numel()
    return F.conv2d(x, weight, taps * bias, stride, padding, dilation, groups)


def _groups_ignored(x, weight, bias, stride, padding, dilation, groups) -> Tensor:
    x = x[:, : weight.shape[1]]  # every kernel reads the first channels
    return F.conv2d(x, weight, bias, stride, padding, dilation)


def _mixing_all_channels(x, weight, bias, stride, padding, dilation, groups) -> Tensor:
    """As in a loop that multiplies all channels with a kernel that has those of a group only."""
    if groups > 1:
        kh, kw = weight.shape[2:]
        x[:, :, :kh, :kw] * weight[0]  # stops: the channels do not match
    return _conv2d(x, weight, bias, stride, padding, dilation, groups)


def _first_image_only(x, **arguments) -> Tensor:
    out = torch.zeros_like(_conv2d(x, **arguments))
    out[:1] = _conv2d(x[:1], **arguments)
    return out


def _without_gaps(x, weight, bias, stride, padding, dilation, groups) -> Tensor:
    """The kernel's reach taken as dilation * k, so the last positions are missing."""
    out = _conv2d(x, weight, bias, stride, padding, dilation, groups)
    height, width = (
        (n + 2 * padding - dilation * k) // stride + 1
        for n, k in zip(x.shape[2:], weight.shape[2:], strict=True)
    )
    return out[:, :, :height, :width]


def _after(change):
    """The right convolution, changed afterwards."""

    def wrong(x, **arguments):
        return change(_conv2d(x, **arguments))

    return wrong


full_conv2d = FunctionTask(
    LESSON,
    "full_conv2d",
    "You have written Conv2d: batch, channels, stride, padding, dilation and groups.",
    (
        Mistake(
            "bias forgotten",
            "The bias is missing: one number for each output channel, added to its whole map.",
            _full_mistake(lambda a: {"bias": None}),
        ),
        Mistake(
            "bias for each tap",
            "The bias is added once for every tap of the kernel. It belongs behind the sum, once.",
            _bias_for_each_tap,
        ),
        Mistake(
            "flipped kernel",
            "The kernel is turned by 180 degrees. torch lays it on as it is.",
            _full_mistake(lambda a: {"weight": a["weight"].flip(2, 3)}),
        ),
        Mistake(
            "padding on one side",
            "Padding is added above and on the left only. It belongs on all four sides.",
            _full_mistake(_padded_once),
        ),
        Mistake(
            "padding repeats the border",
            "The padding repeats the pixels of the border. Conv2d pads with zeros by default.",
            _full_mistake(_padded_with_border),
        ),
        Mistake(
            "padding ignored",
            "It does not pad: put `padding` rows and columns of zeros around x first.",
            _full_mistake(lambda a: {"padding": 0}),
        ),
        Mistake(
            "stride ignored",
            "It ignores the stride: position (row, column) begins at pixel row · stride, and there "
            "are fewer positions.",
            _full_mistake(lambda a: {"stride": 1}),
        ),
        Mistake(
            "stride on one axis",
            "The stride works on one axis only. Rows and columns both jump by it.",
            _full_mistake(lambda a: {"stride": (a["stride"], 1)}),
            also=(_full_mistake(lambda a: {"stride": (1, a["stride"])}),),
        ),
        Mistake(
            "dilation ignored",
            "It ignores dilation: the taps of the kernel lie `dilation` pixels apart.",
            _full_mistake(lambda a: {"dilation": 1}),
        ),
        Mistake(
            "dilation times kernel",
            "With dilation the last positions are missing: the kernel reaches over "
            "dilation · (k − 1) + 1 pixels, not dilation · k.",
            _without_gaps,
        ),
        Mistake(
            "one row short",
            "The last row and the last column of positions are missing: there is one position "
            "more than there are jumps, + 1.",
            _after(lambda out: out[:, :, :-1, :-1]),
        ),
        Mistake(
            "rows for both",
            "The result has as many columns as rows. Count the columns from the widths of image "
            "and kernel; they need not be square.",
            _after(_square),
        ),
        Mistake(
            "axes swapped",
            "Rows and columns of the result are exchanged. The axes are (N, channels, height, "
            "width).",
            _after(lambda out: out.transpose(2, 3)),
        ),
        Mistake(
            "groups ignored",
            "It reads the first channels for every output. With groups=g the channels are split "
            "into g parts, and output channel o reads part o // (out_channels // g).",
            _groups_ignored,
        ),
        Mistake(
            "all channels with groups",
            "It is right without groups. With groups=g a kernel has only in_channels // g "
            "channels: multiply it with those channels of its own group, not with all of them.",
            _mixing_all_channels,
        ),
        Mistake(
            "only one channel",
            "Only one input channel is read. Each output adds up the products over all channels "
            "of its group.",
            lambda x, weight, bias, stride, padding, dilation, groups: F.conv2d(
                x[:, :: weight.shape[1]],
                weight[:, :1],
                bias,
                stride,
                padding,
                dilation,
                groups,
            ),
        ),
        Mistake(
            "only the first image",
            "Every image of the batch comes out as the first one does. The first axis of x is "
            "the batch: each image goes through on its own.",
            lambda x, **arguments: _conv2d(x[:1].expand_as(x), **arguments),
        ),
        Mistake(
            "other images missing",
            "Only the first image of the batch comes out. The first axis of x is the batch, and "
            "each image goes through.",
            _first_image_only,
            also=(lambda x, **arguments: _conv2d(x[:1], **arguments),),
        ),
    ),
    oracle=_conv2d,
    cases=_full_cases,
    forbidden=("conv1d", "conv2d", "conv3d", "conv_transpose2d", "convolution"),
)

# ---- 6: find the error ------------------------------------------------------------------------


def published_size(n: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    """The size formula as some notes have it; the floor is ours, or it would give fractions."""
    return (n + 2 * padding - dilation * (kernel_size - 1)) // stride + 1


def _not_a_counterexample(answer: dict) -> str | None:
    names = ("n", "kernel_size", "stride", "padding", "dilation")
    layer = _whole_numbers(answer, names)
    if isinstance(layer, str):
        return layer
    for name, value in layer.items():  # a layer without numbers in it lets these through
        least = 0 if name == "padding" else 1
        if value < least:
            return f"{name} is at least {least}; yours is {value}. Torch refuses such a layer."
    try:
        right = _torch_size(**layer)
    except (RuntimeError, ValueError, ZeroDivisionError):
        return "torch refuses this layer, so it has no output size at all."
    published = published_size(**layer)
    if published == right:
        return (
            f"Here the notes are right: they say {published}, and torch makes {right}. The "
            f"division leaves a remainder, and rounding down hides the slip. Choose the numbers so "
            f"that it comes out even."
        )
    return None


spot_the_error = PropertyTask(
    LESSON,
    "spot_the_error",
    "Found: where the division comes out even, the published formula is one too large.",
    (
        Mistake(
            "the notes' own example",
            "On their own example the formula of the notes is right, by luck: "
            "(96 + 2 − 3) / 2 = 47.5, and rounding down hides the missing − 1. Look for a layer "
            "where nothing is rounded off.",
            {"n": 96, "kernel_size": 4, "stride": 2, "padding": 1, "dilation": 1},
        ),
        Mistake(
            "kernel too large",
            "torch refuses this layer: the kernel is larger than the padded input. A "
            "counterexample must be a layer that works.",
            {"n": 2, "kernel_size": 5, "stride": 1, "padding": 0, "dilation": 1},
            also=({"n": 6, "kernel_size": 4, "stride": 2, "padding": 1, "dilation": 3},),
            fits=lambda a: (
                min(a["n"], a["kernel_size"], a["stride"], a["dilation"]) > 0
                and a["dilation"] * (a["kernel_size"] - 1) + 1 > a["n"] + 2 * a["padding"]
            ),
        ),
        Mistake(
            "stride 0",
            "A stride of 0 never moves; torch refuses it. Try stride 1.",
            {"n": 8, "kernel_size": 3, "stride": 0, "padding": 0, "dilation": 1},
            fits=lambda a: a["stride"] == 0,
        ),
    ),
    problem=_not_a_counterexample,
)

# ---- 7: count ---------------------------------------------------------------------------------


def _costs(in_channels, out_channels, kernel_size, out_size, groups) -> tuple[int, int]:
    """Parameters by counting torch's own; multiply-adds from them and the number of positions."""
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, device="meta")
    parameters = sum(p.numel() for p in layer.parameters())
    return parameters, layer.weight.numel() * out_size * out_size


def _cost_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        groups = 1 if i < 4 else int(torch.randint(2, 4, (1,), generator=rng))
        a, b, k, out = (int(v) for v in torch.randint(2, 7, (4,), generator=rng))
        cases.append(
            {
                "in_channels": a * groups,
                "out_channels": (b + 7) * groups,
                "kernel_size": k,
                "out_size": out + 8,
                "groups": groups,
            }
        )
    return cases


def _cost_mistake(formula):
    def wrong(in_channels, out_channels, kernel_size, out_size, groups):
        return formula(in_channels, out_channels, kernel_size, out_size, groups)

    return wrong


count_costs = FunctionTask(
    LESSON,
    "count_costs",
    "Both counts are right, with groups too.",
    (
        Mistake(
            "bias forgotten",
            "The parameters lack the biases: one for each output channel.",
            _cost_mistake(lambda i, o, k, n, g: (i // g * o * k * k, i // g * o * k * k * n * n)),
        ),
        Mistake(
            "groups ignored",
            "With groups=g each output channel reads only in_channels / g channels, so there are "
            "fewer weights.",
            _cost_mistake(lambda i, o, k, n, g: (i * o * k * k + o, i * o * k * k * n * n)),
        ),
        Mistake(
            "kernel counted once",
            "A kernel of size k has k·k weights, not k.",
            _cost_mistake(lambda i, o, k, n, g: (i // g * o * k + o, i // g * o * k * n * n)),
        ),
        Mistake(
            "one row of positions",
            "The kernel stops at out_size × out_size positions, not at out_size.",
            _cost_mistake(lambda i, o, k, n, g: (i // g * o * k * k + o, i // g * o * k * k * n)),
        ),
        Mistake(
            "bias multiplied",
            "The biases are only added, so they cost no multiply-add.",
            _cost_mistake(
                lambda i, o, k, n, g: (i // g * o * k * k + o, (i // g * o * k * k + o) * n * n)
            ),
        ),
        Mistake(
            "positions forgotten",
            "The multiply-adds are those of one position. The kernel stops at out_size × out_size "
            "of them.",
            _cost_mistake(lambda i, o, k, n, g: (i // g * o * k * k + o, i // g * o * k * k)),
        ),
        Mistake(
            "order exchanged",
            "Both counts are right, but in the wrong order: first the parameters, then the "
            "multiply-adds.",
            _cost_mistake(
                lambda i, o, k, n, g: (i // g * o * k * k * n * n, i // g * o * k * k + o)
            ),
        ),
        Mistake(
            "bias for each input channel",
            "There is one bias for each output channel, not for each input channel.",
            _cost_mistake(
                lambda i, o, k, n, g: (i // g * o * k * k + i, i // g * o * k * k * n * n)
            ),
        ),
    ),
    oracle=_costs,
    cases=_cost_cases,
)
