"""Lesson 04: the statistics of a batch, BatchNorm2d from scratch, and what is wrong in a GAN's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

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

LESSON = "04_batchnorm"
LOCKED = ("batch_norm", "native_batch_norm", "instance_norm", "group_norm", "layer_norm")

# ---- 1: predict -------------------------------------------------------------------------------

PREDICT = (
    "how many parameters nn.BatchNorm2d(64) has.",
    "how many numbers go into the mean of one channel, for x of shape (8, 64, 10, 10).",
    "running_mean after one batch with mean 10.",
    "running_mean after a second batch with mean 10.",
    "the variance behind nn.BatchNorm2d(64, 0.8), of a channel that comes in with variance 2.4.",
    "the mean behind a BatchNorm2d in eval mode.",
)
RIGHT = [128, 800, 1.0, 1.9, 0.75, 7.0]


def _predicted() -> list[float]:
    """By asking torch, in float64."""
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    running = nn.BatchNorm2d(1).double()
    running_means = []
    for _ in range(2):
        running(x + 10)
        running_means.append(running.running_mean.item())
    soft = nn.BatchNorm2d(1, 0.8).double()(x * 2.4**0.5)
    mean, var, gamma, beta = (torch.tensor([v], dtype=torch.float64) for v in (2, 4, 3, 1))
    shown = F.batch_norm(x + 6, mean, var, gamma, beta, training=False, eps=0.0)
    return [
        sum(p.numel() for p in nn.BatchNorm2d(64).parameters()),
        torch.zeros(8, 64, 10, 10)[:, 0].numel(),
        *running_means,
        soft.var(unbiased=False).item(),
        shown.mean().item(),
    ]


def _with(changes: dict[int, float]) -> list[float]:
    """The right values, but for some of them."""
    return [changes.get(i, value) for i, value in enumerate(RIGHT)]


predict_numbers = ValuesTask(
    LESSON,
    "predict_numbers",
    "You know what the layer counts, remembers and puts out.",
    (
        Mistake(
            "running statistics counted",
            "Number 1: the running mean and variance are remembered, not learned. They are "
            "buffers, and only gamma and beta are parameters.",
            _with({0: 256}),
        ),
        Mistake(
            "gamma only",
            "Number 1: each channel has a gamma and a beta, two numbers.",
            _with({0: 64}),
        ),
        Mistake(
            "one image's map",
            "Number 2: a channel's mean is taken over its maps in *all* images of the batch, not "
            "in one.",
            _with({1: 100}),
        ),
        Mistake(
            "all channels together",
            "Number 2: each channel has its own mean. The other 63 channels do not go into it.",
            _with({1: 51200}),
        ),
        Mistake(
            "one pixel through the batch",
            "Number 2: height and width are averaged over too, not only the batch.",
            _with({1: 8}),
        ),
        Mistake(
            "momentum the other way round",
            "Torch's momentum is the weight of the *new* value: with 0.1, nine tenths of the old "
            "running mean stay.",
            _with({2: 9.0, 3: 9.9}),
        ),
        Mistake(
            "nothing fades",
            "Number 4: what was there before counts nine tenths, then a tenth of the new mean is "
            "added.",
            _with({3: 2.0}),
        ),
        Mistake(
            "0.8 taken for momentum",
            "Number 5: the second argument of nn.BatchNorm2d is eps, not momentum. 0.8 is added "
            "to the variance below the root.",
            _with({4: 1.0}),
        ),
        Mistake(
            "standard deviation",
            "Number 5: that is the standard deviation. The variance is its square.",
            _with({4: 0.75**0.5}),
        ),
        Mistake(
            "the batch's own mean in eval mode",
            "Number 6: in eval mode the layer does not look at this batch's statistics. It "
            "subtracts the running mean.",
            _with({5: 1.0}),
        ),
        Mistake(
            "divided by the variance",
            "Number 6: divide by the square root of the running variance, which is 2.",
            _with({5: 4.0}),
        ),
        Mistake(
            "beta before gamma",
            "Number 6: gamma multiplies first, then beta is added.",
            _with({5: 9.0}),
        ),
    ),
    questions=PREDICT,
    expected=_predicted,
)

# ---- 2: the statistics of a batch -------------------------------------------------------------

# Height 1 and a width like the channel count first: there many mistakes pass in silence.
SHAPES = ((2, 2, 1, 2), (3, 2, 2, 2), (2, 3, 2, 4), (4, 2, 3, 1), (2, 3, 3, 3))


def _batch(i: int, rng: torch.Generator) -> Tensor:
    """A batch whose channels differ in mean and spread, and whose images differ too."""
    n, channels, height, width = SHAPES[i % len(SHAPES)]
    x = torch.randn(n, channels, height, width, generator=rng)
    means = 3 * torch.randn(n, channels, 1, 1, generator=rng)
    spreads = 0.5 + 2 * torch.rand(1, channels, 1, 1, generator=rng)
    return (x + means) * spreads


def _statistics_cases(rng: torch.Generator) -> list[dict]:
    return [{"x": _batch(i, rng)} for i in range(CASES)]


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Read off from torch's own layer: with momentum 1 it remembers this batch alone."""
    mean, unbiased = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    F.batch_norm(x, mean, unbiased, training=True, momentum=1.0)
    count = x[:, 0].numel()
    return mean, unbiased * (count - 1) / count


def _statistics_over(*axes: int, keepdim: bool = False):
    def wrong(x):
        return x.mean(axes, keepdim), x.var(axes, unbiased=False, keepdim=keepdim)

    return wrong


batch_statistics = FunctionTask(
    LESSON,
    "batch_statistics",
    "One mean and one variance for each channel, over all its pixels in the batch.",
    (
        Mistake(
            "unbiased variance",
            "The mean is right. The variance divides by count − 1, which torch does unless told "
            "otherwise. Asked for is the plain average: var(..., unbiased=False).",
            lambda x: (x.mean((0, 2, 3)), x.var((0, 2, 3))),
        ),
        Mistake(
            "standard deviation",
            "The second result is the standard deviation. The variance is its square.",
            lambda x: (x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False).sqrt()),
            also=(lambda x: (x.mean((0, 2, 3)), x.std((0, 2, 3))),),
        ),
        Mistake(
            "mean of squares",
            "The second result is the mean of x². For the variance subtract the mean first, or "
            "subtract mean² at the end.",
            lambda x: (x.mean((0, 2, 3)), (x**2).mean((0, 2, 3))),
        ),
        Mistake(
            "one for each image",
            "It gives a mean for each channel of each image. The batch axis, number 0, is averaged "
            "over as well.",
            _statistics_over(2, 3),
            also=(_statistics_over(2, 3, keepdim=True),),
        ),
        Mistake(
            "over the batch only",
            "It averages over the batch alone. A channel's whole maps go into it: axes 0, 2 and 3.",
            _statistics_over(0),
            also=(_statistics_over(0, keepdim=True),),
        ),
        Mistake(
            "over the channels",
            "It averages over the channels, which is LayerNorm: one mean for each image. Here the "
            "channel axis, number 1, is the one that stays.",
            _statistics_over(1, 2, 3),
            also=(_statistics_over(1),),
        ),
        Mistake(
            "one for everything",
            "It gives one mean for all. Each channel has its own: keep axis 1.",
            lambda x: (x.mean(), x.var(unbiased=False)),
            also=(lambda x: (x.mean(), x.var()),),
        ),
        Mistake(
            "axes kept",
            "The numbers are right, but in the shape (1, C, 1, 1). Asked for is (C,): leave "
            "keepdim=True out.",
            _statistics_over(0, 2, 3, keepdim=True),
        ),
        Mistake(
            "order exchanged",
            "Both are right, but in the wrong order: first the mean, then the variance.",
            lambda x: (x.var((0, 2, 3), unbiased=False), x.mean((0, 2, 3))),
        ),
    ),
    oracle=_statistics,
    cases=_statistics_cases,
    forbidden=LOCKED,
)

# ---- 3: normalise -----------------------------------------------------------------------------


def _normalise_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        x = _batch(i, rng)
        gamma, beta = 1.5 + torch.rand(2, x.shape[1], generator=rng)
        cases.append({"x": x, "gamma": gamma, "beta": -beta, "eps": (1e-5, 0.8, 0.1)[i % 3]})
    return cases


def _normalise(x, gamma, beta, eps) -> Tensor:
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def _by_hand(x, gamma, beta, eps, *, axes=(0, 2, 3), unbiased=False, divide=None) -> Tensor:
    """BatchNorm with a choice of what to get wrong; ``divide(var, eps)`` is the divisor."""
    mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=unbiased, keepdim=True)
    divisor = divide(var, eps) if divide else (var + eps).sqrt()
    return (x - mean) / divisor * gamma[:, None, None] + beta[:, None, None]


def _mistaken(**choices: Any):
    return lambda x, gamma, beta, eps: _by_hand(x, gamma, beta, eps, **choices)


def _along_the_width(x, gamma, beta, eps) -> Tensor:
    """gamma of shape (C,) meets the last axis, as broadcasting has it."""
    return gamma * _normalise(x, None, None, eps) + beta


def _all_along_the_width(x, gamma, beta, eps) -> Tensor:
    """The statistics of shape (C,) do so as well."""
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return gamma * ((x - mean) / (var + eps).sqrt()) + beta


def _statistics_along_the_width(x, gamma, beta, eps) -> Tensor:
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return gamma[:, None, None] * ((x - mean) / (var + eps).sqrt()) + beta[:, None, None]


batch_norm_2d = FunctionTask(
    LESSON,
    "batch_norm_2d",
    "That is BatchNorm2d as it trains: torch puts out the same numbers.",
    (
        Mistake(
            "gamma along the width",
            "A tensor of the shape (C,) lines up with the *last* axis, the width. Give gamma, "
            "beta, mean and variance the shape (1, C, 1, 1): gamma[None, :, None, None].",
            _along_the_width,
            also=(_all_along_the_width, _statistics_along_the_width),
        ),
        Mistake(
            "unbiased variance",
            "It divides by the unbiased variance (count − 1). BatchNorm normalises with the biased "
            "one: var(..., unbiased=False).",
            _mistaken(unbiased=True),
        ),
        Mistake(
            "eps outside of the root",
            "eps is added to the standard deviation. It belongs below the root: sqrt(var + eps).",
            _mistaken(divide=lambda var, eps: var.sqrt() + eps),
        ),
        Mistake(
            "eps forgotten",
            "It does not use the argument eps: divide by sqrt(var + eps).",
            _mistaken(divide=lambda var, eps: var.sqrt()),
            also=(_mistaken(divide=lambda var, eps: (var + 1e-5).sqrt()),),
        ),
        Mistake(
            "divided by the variance",
            "It divides by the variance. Take the square root of var + eps first.",
            _mistaken(divide=lambda var, eps: var + eps),
        ),
        Mistake(
            "not divided",
            "It subtracts the mean, and does not divide: the spread stays what it was.",
            _mistaken(divide=lambda var, eps: 1.0),
        ),
        Mistake(
            "each image on its own",
            "It takes the statistics of each image, which is InstanceNorm. BatchNorm averages over "
            "the batch too: axes 0, 2 and 3.",
            _mistaken(axes=(2, 3)),
        ),
        Mistake(
            "over the batch only",
            "It takes statistics for each pixel. BatchNorm averages over height and width too: "
            "axes 0, 2 and 3.",
            _mistaken(axes=(0,)),
        ),
        Mistake(
            "over the channels too",
            "It takes the statistics over the channels as well. Each channel has its own: axes 0, "
            "2 and 3.",
            _mistaken(axes=(0, 1, 2, 3)),
            also=(_mistaken(axes=(1, 2, 3)),),
        ),
        Mistake(
            "gamma and beta forgotten",
            "The normalising is right. gamma and beta are missing: multiply each channel by its "
            "gamma, then add its beta.",
            lambda x, gamma, beta, eps: _normalise(x, None, None, eps),
        ),
        Mistake(
            "beta forgotten",
            "beta is missing: add it at the end, one for each channel.",
            lambda x, gamma, beta, eps: _normalise(x, gamma, None, eps),
        ),
        Mistake(
            "beta before gamma",
            "It adds beta first and multiplies then, so beta is multiplied too. gamma comes first.",
            lambda x, gamma, beta, eps: _normalise(x, gamma, beta * gamma, eps),
        ),
        Mistake(
            "gamma and beta exchanged",
            "gamma and beta are exchanged: gamma multiplies, beta is added.",
            lambda x, gamma, beta, eps: _normalise(x, beta, gamma, eps),
        ),
    ),
    oracle=_normalise,
    cases=_normalise_cases,
    forbidden=LOCKED,
)

# ---- 4: what is remembered --------------------------------------------------------------------


def _running_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        x = _batch(i, rng)
        mean, var = torch.rand(2, x.shape[1], generator=rng)
        momentum = (0.1, 0.3, 0.01, 0.9)[i % 4]
        cases.append({"running_mean": mean, "running_var": 1 + var, "x": x, "momentum": momentum})
    return cases


def _update(running_mean, running_var, x, momentum) -> tuple[Tensor, Tensor]:
    mean, var = running_mean.clone(), running_var.clone()
    F.batch_norm(x, mean, var, training=True, momentum=momentum)
    return mean, var


def _blend(old_weight, new_weight, unbiased: bool = True, spread=lambda var: var):
    """Both running statistics as ``old_weight`` · old + ``new_weight`` · new."""

    def update(running_mean, running_var, x, momentum):
        a, b = old_weight(momentum), new_weight(momentum)
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=unbiased)
        return a * running_mean + b * mean, a * running_var + b * spread(var)

    return update


update_running = FunctionTask(
    LESSON,
    "update_running",
    "The layer's memory: old · (1 − momentum) + new · momentum, and an unbiased variance.",
    (
        Mistake(
            "momentum the other way round",
            "It keeps the old value with the weight `momentum`, as optimisers do. In torch's "
            "BatchNorm momentum is the weight of the *new* value.",
            _blend(lambda m: m, lambda m: 1 - m),
            also=(_blend(lambda m: m, lambda m: 1 - m, unbiased=False),),
        ),
        Mistake(
            "biased variance",
            "The mean is right. For the running variance torch takes the unbiased one (count − 1): "
            "it is a guess about all data, not about this batch.",
            _blend(lambda m: 1 - m, lambda m: m, unbiased=False),
        ),
        Mistake(
            "old value kept whole",
            "It adds to the old value without letting it fade: the weights have to add up to 1.",
            _blend(lambda m: 1, lambda m: m),
            also=(_blend(lambda m: 1, lambda m: m, unbiased=False),),
        ),
        Mistake(
            "old value forgotten",
            "It remembers this batch only. What was known before stays, with the weight "
            "1 − momentum.",
            _blend(lambda m: 0, lambda m: 1),
            also=(
                _blend(lambda m: 0, lambda m: 1, unbiased=False),
                _blend(lambda m: 0, lambda m: m),
            ),
        ),
        Mistake(
            "plain average",
            "It gives old and new the same weight. The new value counts `momentum`, the old one "
            "the rest.",
            _blend(lambda m: 0.5, lambda m: 0.5),
            also=(_blend(lambda m: 0.5, lambda m: 0.5, unbiased=False),),
        ),
        Mistake(
            "standard deviation",
            "running_var is a variance; a standard deviation was mixed into it.",
            _blend(lambda m: 1 - m, lambda m: m, spread=torch.sqrt),
            also=(_blend(lambda m: 1 - m, lambda m: m, unbiased=False, spread=torch.sqrt),),
        ),
        Mistake(
            "nothing new",
            "The values come back as they were. Mix in the mean and the variance of x.",
            lambda running_mean, running_var, x, momentum: (running_mean, running_var),
        ),
        Mistake(
            "order exchanged",
            "Both are right, but in the wrong order: first the mean, then the variance.",
            lambda **arguments: _update(**arguments)[::-1],
        ),
    ),
    oracle=_update,
    cases=_running_cases,
    forbidden=LOCKED,
)

# ---- 5: the whole layer -----------------------------------------------------------------------


def _layer_cases(rng: torch.Generator) -> list[dict]:
    """Two batches that train, then two that do not, and so on."""
    cases = []
    for i in range(CASES):
        x = _batch(i, rng)
        gamma, beta, mean, var = 1.5 + torch.rand(4, x.shape[1], generator=rng)
        cases.append(
            {
                "x": x,
                "gamma": gamma,
                "beta": -beta,
                "running_mean": -mean,
                "running_var": var,
                "training": i % 4 < 2,
                "momentum": (0.1, 0.3, 0.05)[i % 3],
                "eps": (1e-5, 0.5)[i % 2],
            }
        )
    return cases


def _layer(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    mean, var = running_mean.clone(), running_var.clone()
    out = F.batch_norm(x, mean, var, gamma, beta, training, momentum, eps)
    return out, mean, var


def _changed(change):
    """The right layer with other arguments: ``change`` gets them and returns what differs."""
    return lambda **arguments: _layer(**(arguments | change(arguments)))


def _remembering(how):
    """The right output, with a memory made by ``how``, which gets the arguments."""
    return lambda **arguments: (_layer(**arguments)[0], *how(arguments))


def _memory_of(blend):
    """A memory that is kept in training by ``blend``, and left alone otherwise."""

    def how(a):
        if not a["training"]:
            return a["running_mean"], a["running_var"]
        return blend(a["running_mean"], a["running_var"], a["x"], a["momentum"])

    return how


def _normalised_with_memory(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    """Updates first, then normalises with the updated memory."""
    _, mean, var = _layer(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return F.batch_norm(x, mean, var, gamma, beta, training=False, eps=eps), mean, var


def _normalised_unbiased(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    out, mean, var = _layer(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    if training:
        out = _by_hand(x, gamma, beta, eps, unbiased=True)
    return out, mean, var


whole_layer = FunctionTask(
    LESSON,
    "whole_layer",
    "You have written BatchNorm2d, both of its modes and its memory.",
    (
        Mistake(
            "training ignored",
            "It is right while training. With training=False it must use running_mean and "
            "running_var, and leave them as they are.",
            _changed(lambda a: {"training": True}),
        ),
        Mistake(
            "eval normalises with the batch",
            "With training=False it still normalises with this batch's mean and variance. Use "
            "running_mean and running_var there.",
            lambda **arguments: (
                _layer(**(arguments | {"training": True}))[0],
                *_layer(**arguments)[1:],
            ),
        ),
        Mistake(
            "eval remembers",
            "With training=False the output is right, but the running statistics change. Looking "
            "at images must not teach the layer anything.",
            _remembering(lambda a: _layer(**(a | {"training": True}))[1:]),
        ),
        Mistake(
            "always the memory",
            "While training it normalises with the running statistics. There it has to use those "
            "of this batch.",
            lambda **arguments: (
                _layer(**(arguments | {"training": False}))[0],
                *_layer(**arguments)[1:],
            ),
            also=(_normalised_with_memory,),
        ),
        Mistake(
            "modes exchanged",
            "The two modes are exchanged: the batch's own statistics are for training=True.",
            _changed(lambda a: {"training": not a["training"]}),
        ),
        Mistake(
            "nothing remembered",
            "The output is right. But while training the running statistics have to move: task 4.",
            _remembering(lambda a: (a["running_mean"], a["running_var"])),
        ),
        Mistake(
            "momentum the other way round",
            "The output is right. In the memory, momentum is the weight of the *new* value.",
            _remembering(_memory_of(_blend(lambda m: m, lambda m: 1 - m))),
            also=(_remembering(_memory_of(_blend(lambda m: m, lambda m: 1 - m, False))),),
        ),
        Mistake(
            "memory with biased variance",
            "The output is right. The running variance is made of *unbiased* variances.",
            _remembering(_memory_of(_blend(lambda m: 1 - m, lambda m: m, False))),
        ),
        Mistake(
            "normalised with unbiased variance",
            "The memory is right. But the batch is normalised with its *biased* variance.",
            _normalised_unbiased,
        ),
        Mistake(
            "only the output",
            "It returns one tensor. Return three: the output, the new running_mean and the new "
            "running_var.",
            lambda **arguments: _layer(**arguments)[0],
        ),
    ),
    oracle=_layer,
    cases=_layer_cases,
    forbidden=LOCKED,
)

# ---- 6: find the errors -----------------------------------------------------------------------

WRONG_LINES = {6, 9, 13, 16}
LINES = 18


def _line_numbers(answer: Any) -> set[int] | str:
    """The answer as a set of whole numbers, or what is wrong with it."""
    if isinstance(answer, str | dict) or not hasattr(answer, "__iter__"):
        return "The answer is a list of line numbers, like [1, 2]."
    numbers = [plain(entry) for entry in answer]
    for number in numbers:
        whole = isinstance(number, int | float) and not isinstance(number, bool) and number % 1 == 0
        if not whole or not 1 <= number <= LINES:
            return f"A line number is a whole number from 1 to {LINES}; yours is {number!r}."
    return {int(number) for number in numbers}


def _not_the_errors(answer: Any) -> str | None:
    lines = _line_numbers(answer)
    if isinstance(lines, str):
        return lines
    if lines == WRONG_LINES:
        return None
    found, accused = len(lines & WRONG_LINES), len(lines - WRONG_LINES)
    right = "one line that is right" if accused == 1 else f"{accused} lines that are right"
    return (
        f"You found {found} of the {len(WRONG_LINES)} errors"
        + (f", and name {right}." if accused else ".")
        + " Ask of each BatchNorm: where does it stand, what are its arguments, and which images "
        "are in its batch?"
    )


spot_the_errors = PropertyTask(
    LESSON,
    "spot_the_errors",
    "All four found. Not one of them stops with an error: each only makes the images worse.",
    (
        Mistake(
            "bias=False accused",
            "Lines 2 and 5 may say bias=False: a BatchNorm follows, and its beta does the same.",
            [2, 5, 6, 9, 13, 16],
            also=([5, 9], [2, 6, 9, 13, 16]),
            fits=lambda a: 2 in a or 5 in a,
        ),
        Mistake(
            "the last convolution accused",
            "Line 8 is right: the layer that makes the image keeps its bias. Look at what follows "
            "it.",
            [6, 8, 13, 16],
            fits=lambda a: 8 in a,
        ),
        Mistake(
            "no_grad accused",
            "Lines 17 and 18 are right: where images are only looked at, no gradient is needed. "
            "But in which mode is the generator there?",
            [6, 9, 13, 18],
            also=([17],),
            fits=lambda a: 17 in a or 18 in a,
        ),
        Mistake(
            "eps by position missed",
            "One more: read the BatchNorm lines again, number by number. What is the second "
            "argument called?",
            [9, 13, 16],
            fits=lambda a: {*a} == WRONG_LINES - {6},
        ),
        Mistake(
            "the last BatchNorm missed",
            "One more: DCGAN leaves one layer of G without BatchNorm, and this G does not.",
            [6, 13, 16],
            fits=lambda a: {*a} == WRONG_LINES - {9},
        ),
        Mistake(
            "the mixed batch missed",
            "One more: which images share a batch in D's half, and whom does D see in G's half?",
            [6, 9, 16],
            fits=lambda a: {*a} == WRONG_LINES - {13},
        ),
        Mistake(
            "the mode missed",
            "One more: in which mode does G make its samples, and on what does each image depend "
            "in that mode?",
            [6, 9, 13],
            fits=lambda a: {*a} == WRONG_LINES - {16},
        ),
    ),
    problem=_not_the_errors,
)

# ---- 7: biases without effect -----------------------------------------------------------------

_WITH_BIAS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def _useless_biases(layers: list[nn.Module]) -> list[int]:
    return [
        i
        for i, (layer, following) in enumerate(pairwise(layers))
        if isinstance(layer, _WITH_BIAS)
        and layer.bias is not None
        and isinstance(following, _NORMS)
    ]


def _bias_cases(rng: torch.Generator) -> list[dict]:
    """Small networks in which one thing after the other comes in; all of them can be run."""
    conv, bn = nn.Conv2d, nn.BatchNorm2d
    plans = [
        lambda: [conv(1, 2, 3), bn(2), nn.ReLU()],
        lambda: [conv(1, 2, 3), nn.LeakyReLU(0.2), conv(2, 4, 3), bn(4)],
        lambda: [conv(1, 2, 3), nn.ReLU(), bn(2), conv(2, 1, 3)],
        lambda: [conv(1, 2, 3, bias=False), bn(2), nn.ReLU(), conv(2, 3, 3), bn(3)],
        lambda: [nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2), nn.Tanh()],
        lambda: [nn.ConvTranspose2d(2, 3, 4), bn(3), nn.ReLU(), nn.ConvTranspose2d(3, 1, 4)],
        lambda: [conv(1, 4, 3), nn.Sigmoid(), conv(4, 4, 3)],
        lambda: [conv(1, 2, 3), bn(2), nn.ReLU(), conv(2, 4, 3), bn(4)],  # two of them
    ]
    order = torch.randperm(len(plans), generator=rng).tolist()
    with torch.random.fork_rng(devices=[]):
        return [{"layers": plans[i]()} for i in [*range(len(plans)), *order[: CASES - len(plans)]]]


def _biases_where(holds):
    """Indices of layers that can have a bias and for which holds(layers, i) is true."""

    def wrong(layers):
        able = [i for i, layer in enumerate(layers) if isinstance(layer, _WITH_BIAS)]
        return [i for i in able if holds(layers, i)]

    return wrong


def _follows(layers: list[nn.Module], i: int, kinds: type | tuple[type, ...] = _NORMS) -> bool:
    return i + 1 < len(layers) and isinstance(layers[i + 1], kinds)


def _has_bias(layers: list[nn.Module], i: int) -> bool:
    return layers[i].bias is not None


useless_biases = FunctionTask(
    LESSON,
    "useless_biases",
    "Those can go: each BatchNorm would subtract them again at once.",
    (
        Mistake(
            "only the first",
            "It stops at the first one that it finds. There may be more: list them all.",
            lambda layers: _useless_biases(layers)[:1],
        ),
        Mistake(
            "every bias",
            "It lists every layer with a bias. A bias is without effect only where a BatchNorm "
            "follows at once.",
            _biases_where(_has_bias),
        ),
        Mistake(
            "bias=False listed",
            "It lists layers that have no bias: with bias=False, layer.bias is None.",
            _biases_where(lambda layers, i: _follows(layers, i)),
        ),
        Mistake(
            "any BatchNorm further on",
            "A BatchNorm further on is not enough: with an activation between them the bias "
            "decides where the activation bends, and no BatchNorm can take that back.",
            _biases_where(
                lambda layers, i: (
                    _has_bias(layers, i) and any(isinstance(m, _NORMS) for m in layers[i + 1 :])
                )
            ),
        ),
        Mistake(
            "BatchNorm before it",
            "It looks at the layer *before*. What takes a bias away is a BatchNorm behind it.",
            _biases_where(
                lambda layers, i: (
                    _has_bias(layers, i) and i > 0 and isinstance(layers[i - 1], _NORMS)
                )
            ),
        ),
        Mistake(
            "Conv2d only",
            "It looks at nn.Conv2d alone. nn.ConvTranspose2d and nn.Linear have a bias too.",
            lambda layers: [i for i in _useless_biases(layers) if isinstance(layers[i], nn.Conv2d)],
        ),
        Mistake(
            "Linear missed",
            "It misses an nn.Linear with an nn.BatchNorm1d behind it. Both kinds count.",
            _biases_where(
                lambda layers, i: _has_bias(layers, i) and _follows(layers, i, nn.BatchNorm2d)
            ),
        ),
        Mistake(
            "ConvTranspose2d missed",
            "It misses nn.ConvTranspose2d, which has a bias like the others.",
            lambda layers: [
                i for i in _useless_biases(layers) if not isinstance(layers[i], nn.ConvTranspose2d)
            ],
        ),
        Mistake(
            "the BatchNorm's place",
            "Each index is one too large: these are the places of the BatchNorms. Asked for are "
            "the layers before them, counted from 0.",
            lambda layers: [i + 1 for i in _useless_biases(layers)],
            also=(lambda layers: [i for i, m in enumerate(layers) if isinstance(m, _NORMS)],),
        ),
        Mistake(
            "the layers themselves",
            "It gives the layers themselves. Asked for are their indices: enumerate(layers).",
            lambda layers: [layers[i] for i in _useless_biases(layers)],
        ),
    ),
    oracle=_useless_biases,
    cases=_bias_cases,
)
