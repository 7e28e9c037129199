"""Lesson 10, the whole block: its parts, and the gate gamma."""

from __future__ import annotations

import zlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.compare import kind_of
from gan_course.checks.framework import NOT_DONE, WRONG, Answer, FunctionTask, Mistake
from gan_course.checks.running import one_line, place_of, unwritten

LESSON = "10_self_attention"

# ---- 5: the block -----------------------------------------------------------------------------


class _Block(nn.Module):
    """SAGAN's block as the authors wrote it, without spectral norm. Mistakes are subclasses."""

    bias = False
    start = 0.0

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner, values = self.sizes(channels)
        self.query = nn.Conv2d(channels, inner, 1, bias=self.bias)
        self.key = nn.Conv2d(channels, inner, 1, bias=self.bias)
        self.value = nn.Conv2d(channels, values, 1, bias=self.bias)
        self.output = nn.Conv2d(values, channels, 1, bias=self.bias)
        self.gamma = nn.Parameter(torch.tensor(self.start))

    def sizes(self, channels: int) -> tuple[int, int]:
        return max(1, channels // 8), channels // 2

    def pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2)

    def weights(self, scores: Tensor) -> Tensor:
        return scores.softmax(-1)

    def attend(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2)
        key = self.pool(self.key(x)).flatten(2)
        value = self.pool(self.value(x)).flatten(2)
        scores = query.transpose(1, 2) @ key
        gathered = value @ self.weights(scores).transpose(1, 2)
        return self.output(gathered.unflatten(2, x.shape[2:]))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gamma * self.attend(x)


def _with(**parts: Any):
    """A block in which these attributes and methods are others."""
    return type("Block", (_Block,), parts)


class _ValueOfAllChannels(_Block):
    """The paper's text: values with all channels, and nothing behind them."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        del self.output

    def sizes(self, channels: int) -> tuple[int, int]:
        return max(1, channels // 8), channels

    def output(self, x: Tensor) -> Tensor:
        return x


class _FullValueAndOutput(_Block):
    def sizes(self, channels: int) -> tuple[int, int]:
        return max(1, channels // 8), channels


class _GammaOfEachChannel(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gamma = nn.Parameter(torch.zeros(channels, 1, 1))


class _GammaWithBatchAxis(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))


class _GammaVector(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gamma = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gamma[:, None, None] * self.attend(x)


class _GammaFixed(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        del self.gamma
        self.register_buffer("gamma", torch.tensor(0.0))


class _GammaNumber(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        del self.gamma
        self.gamma = 0.0


def _scaled(self, scores: Tensor) -> Tensor:
    d = self.query.weight.shape[0]
    return (scores / d**0.5).softmax(-1)


def _no_pool(self, x: Tensor) -> Tensor:
    return x


def _pooled_before(self, x: Tensor) -> Tensor:
    """Pools x, not key and value: the maximum of a weighted sum is another number."""
    small = F.max_pool2d(x, 2)
    query = self.query(x).flatten(2)
    scores = query.transpose(1, 2) @ self.key(small).flatten(2)
    gathered = self.value(small).flatten(2) @ scores.softmax(-1).transpose(1, 2)
    return self.output(gathered.unflatten(2, x.shape[2:]))


def _value_from_key(self, x: Tensor) -> Tensor:
    """Query and key exchanged: the pooled pixels are described by the wrong convolution."""
    query = self.key(x).flatten(2)
    key = self.pool(self.query(x)).flatten(2)
    beta = (query.transpose(1, 2) @ key).softmax(-1)
    gathered = self.pool(self.value(x)).flatten(2) @ beta.transpose(1, 2)
    return self.output(gathered.unflatten(2, x.shape[2:]))


def _block_cases(rng: torch.Generator) -> list[dict]:
    """Numbers of channels for which C // 8 and C // 2 are whole; pictures come in the outcome."""
    order = (8, 16, 16, 24, 32, 16)
    shift = int(torch.randint(0, len(order), (1,), generator=rng))
    return [{"channels": order[(i + shift) % len(order)] if i else 8} for i in range(6)]


def _set_numbers(module: nn.Module) -> None:
    """The same numbers into the same names, whoever wrote the module; 0.7 into a lone number,
    be its shape () or (1,)."""
    for name, parameter in module.named_parameters():
        rng = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        numbers = torch.tensor(0.7)
        if parameter.numel() > 1:
            numbers = torch.randn(parameter.shape, generator=rng) / parameter[0].numel() ** 0.5
        with torch.no_grad():
            parameter.copy_(numbers)


def _forward(block: nn.Module, x: Tensor) -> Tensor:
    """What comes out, or in words why nothing does."""
    try:
        y = block(x)
    except NotImplementedError as error:
        if unwritten(error) is None:
            raise
        raise Answer(NOT_DONE, "Fill in forward and run this cell again.") from None
    except Exception as error:
        told = f"Its forward stopped with {type(error).__name__}: {one_line(error)}."
        raise Answer(WRONG, told, place_of(error)) from None
    if not isinstance(y, Tensor):
        raise Answer(
            WRONG,
            f"Its forward returns {kind_of(y)}, but a tensor is asked for. Is a `return` missing?",
        )
    return y


def _block_facts(result: nn.Module, arguments: dict) -> dict:
    """Parameters by name, what it does at first, and what it does once gamma has moved."""
    if not isinstance(result, nn.Module):
        raise TypeError("it should make an nn.Module")
    channels = arguments["channels"]
    rng = torch.Generator().manual_seed(channels)
    x = torch.randn(2, channels, 4, 6, generator=rng)
    facts: dict[str, Any] = {
        "parameters": [
            (n, tuple(p.shape) if p.numel() > 1 else ())
            for n, p in sorted(result.named_parameters())
        ]
    }
    facts["a fresh block gives back x"] = bool(torch.equal(_forward(result, x), x))
    _set_numbers(result)
    facts["output, with gamma = 0.7"] = _forward(result, x).detach()
    return facts


self_attention = FunctionTask(
    LESSON,
    "self_attention",
    "Your block and the package's have the same parts, the same names and the same numbers.",
    (
        Mistake(
            "biases kept",
            "The four convolutions have biases. The authors' have none: bias=False.",
            _with(bias=True),
        ),
        Mistake(
            "value with all channels, nothing behind it",
            "That is the block as most copies of the paper have it: the value keeps all C "
            "channels and no convolution follows. The authors' code takes C // 2, and a 1×1 "
            "convolution named output brings them back to C.",
            _ValueOfAllChannels,
        ),
        Mistake(
            "value with all channels",
            "The value keeps all C channels. In the authors' code it has C // 2, and output "
            "brings them back to C.",
            _FullValueAndOutput,
        ),
        Mistake(
            "query and key with other channels",
            "Query and key have C // 8 channels each: they only have to say what fits what.",
            _with(sizes=lambda self, c: (c // 2, c // 2)),
            also=(
                _with(sizes=lambda self, c: (c, c // 2)),
                _with(sizes=lambda self, c: (c // 4, c // 2)),
            ),
        ),
        Mistake(
            "not pooled",
            "The parts are right. Key and value are not max-pooled, so each pixel looks at four "
            "times as many.",
            _with(pool=_no_pool),
        ),
        Mistake(
            "mean instead of maximum",
            "Key and value are pooled with the mean. The authors' code takes the maximum of each "
            "2×2.",
            _with(pool=lambda self, x: F.avg_pool2d(x, 2)),
        ),
        Mistake(
            "x pooled",
            "It pools x and convolves the small map. Convolve first, then pool key and value: the "
            "largest of four sums is not the sum of four largest.",
            _with(attend=_pooled_before),
        ),
        Mistake(
            "softmax over those that ask",
            "The parts are right, but softmax runs over the pixels that ask. With scores of shape "
            "(N, asking, attended) it is the last axis.",
            _with(weights=lambda self, scores: scores.softmax(1)),
        ),
        Mistake(
            "divided by a root",
            "The parts are right, but the scores are divided by √d. SAGAN leaves them as they are "
            "(in torch's fused function: scale=1.0).",
            _with(weights=_scaled),
        ),
        Mistake(
            "query and key exchanged",
            "The key convolution is used for the pixels that ask, and the query convolution for "
            "those that are looked at. Exchange the two.",
            _with(attend=_value_from_key),
        ),
        Mistake(
            "gamma starts at 1",
            "gamma does not start at 0. A fresh block should give back x as it is, so that it can "
            "be put into any network without harm.",
            _with(start=1.0),
            also=(_with(start=0.1),),
        ),
        Mistake(
            "gamma for each channel",
            "gamma has one number for each channel. It is a single number: one gate for the whole "
            "block.",
            _GammaOfEachChannel,
            also=(_GammaVector, _GammaWithBatchAxis),
        ),
        Mistake(
            "gamma is not learned",
            "gamma is not among the parameters, so no optimizer will ever move it from 0, and the "
            "block stays switched off. Make it an nn.Parameter.",
            _GammaFixed,
            also=(_GammaNumber,),
        ),
        Mistake(
            "x forgotten",
            "The input x is missing from the result. The block adds to it: x + gamma · attention.",
            _with(forward=lambda self, x: self.gamma * self.attend(x)),
        ),
        Mistake(
            "gamma on the wrong part",
            "gamma belongs to the attention, not to x: x + gamma · attention.",
            _with(forward=lambda self, x: self.gamma * x + self.attend(x)),
        ),
    ),
    oracle=_Block,
    cases=_block_cases,
    outcome=_block_facts,
    returns=True,
    forbidden=(),
)
