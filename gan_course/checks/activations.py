"""Lesson 03: derivatives by hand, dead units, a gradient's way through D, and pixels for Tanh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.activations_pair import PAIR_MISTAKES, pair_problem
from gan_course.checks.framework import (
    CASES,
    FunctionTask,
    Mistake,
    PropertyTask,
    ValuesTask,
)

LESSON = "03_activations"

# ---- 1: predict seven numbers -----------------------------------------------------------------

PREDICT = (
    "nn.ReLU() of −3",
    "nn.LeakyReLU(0.2) of −3",
    "the derivative of nn.LeakyReLU(0.2) at −3",
    "the derivative of nn.ReLU() at 3",
    "the derivative of nn.Tanh() at 0",
    "nn.Sigmoid() of 0",
    "the derivative of nn.Sigmoid() at 0",
)


def _derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """By autograd, at each number of x."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(function(x).sum(), x)[0]


def _numbers() -> list[float]:
    def at(function: Callable, x: float, derivative: bool = False) -> float:
        point = torch.tensor(x, dtype=torch.float64)
        return (_derivative(function, point) if derivative else function(point)).item()

    leaky = nn.LeakyReLU(0.2)
    return [
        at(nn.ReLU(), -3.0),
        at(leaky, -3.0),
        at(leaky, -3.0, derivative=True),
        at(nn.ReLU(), 3.0, derivative=True),
        at(nn.Tanh(), 0.0, derivative=True),
        at(nn.Sigmoid(), 0.0),
        at(nn.Sigmoid(), 0.0, derivative=True),
    ]


predict_numbers = ValuesTask(
    LESSON,
    "predict_numbers",
    "You have the four curves in your head, and their slopes as well.",
    (
        Mistake(
            "leaky as ReLU",
            "LeakyReLU does not cut below zero: it multiplies by its slope there, and that slope "
            "is its derivative too.",
            [0, 0, 0, 1, 1, 0.5, 0.25],
        ),
        Mistake(
            "sign lost",
            "LeakyReLU multiplies by 0.2 below zero, and 0.2 times a negative number is negative.",
            [0, 0.6, 0.2, 1, 1, 0.5, 0.25],
        ),
        Mistake(
            "value for derivative",
            "Where the derivative is asked for, you have the value of the function. The derivative "
            "is the steepness of the curve at that place.",
            [0, -0.6, -0.6, 3, 0, 0.5, 0.5],
        ),
        Mistake(
            "derivative negative",
            "A derivative is negative where a curve falls. All four curves rise, left of zero too.",
            [0, -0.6, -0.2, 1, 1, 0.5, 0.25],
        ),
        Mistake(
            "flat at zero",
            "Tanh is 0 at 0, but it is not flat there: it is steepest in the middle, and flat at "
            "both ends.",
            [0, -0.6, 0.2, 1, 0, 0.5, 0.25],
        ),
        Mistake(
            "sigmoid through zero",
            "Sigmoid goes from 0 to 1, so in the middle it is halfway between. The one that goes "
            "through zero is tanh.",
            [0, -0.6, 0.2, 1, 1, 0, 0.25],
        ),
        Mistake(
            "sigmoid as steep as tanh",
            "Sigmoid is much flatter than tanh: its derivative is s·(1 − s), with s its value. Put "
            "in s at 0.",
            [0, -0.6, 0.2, 1, 1, 0.5, 1],
        ),
    ),
    questions=PREDICT,
    expected=_numbers,
)

# ---- 2: three derivatives by hand -------------------------------------------------------------


def _three(x: Tensor, slope: float) -> dict[str, Tensor]:
    return {
        "relu": _derivative(F.relu, x),
        "leaky_relu": _derivative(lambda x: F.leaky_relu(x, slope), x),
        "tanh": _derivative(torch.tanh, x),
    }


def _three_but(**wrong: Callable[[Tensor, float], Tensor]) -> Callable:
    """The right answer but for some entries."""

    def derivatives(x, slope):
        return _three(x, slope) | {name: made(x, slope) for name, made in wrong.items()}

    return derivatives


def _three_cases(rng: torch.Generator) -> list[dict]:
    """Some numbers of each sign, and exactly zero from the second case on."""
    cases = []
    for i in range(CASES):
        shape = ((3,), (4,), (2, 3), (2, 2, 2, 2))[min(i, 3)]
        size = 0.5 + torch.rand(shape, generator=rng)
        x = size * (1 - 2 * (torch.arange(size.numel()) % 2)).reshape(shape)
        if i > 0:
            x.flatten()[2] = 0.0
        slope = round(0.1 + 0.3 * torch.rand((), generator=rng).item(), 2)
        cases.append({"x": x, "slope": slope})
    return cases


def _leaky(x: Tensor, slope: float) -> Tensor:
    return torch.where(x > 0, 1.0, slope)


derivatives = FunctionTask(
    LESSON,
    "derivatives",
    "Your three agree with autograd at every number that was tried.",
    (
        Mistake(
            "values",
            "These are the values of the functions. Asked for is how steep each of them is.",
            lambda x, slope: {
                "relu": F.relu(x),
                "leaky_relu": F.leaky_relu(x, slope),
                "tanh": x.tanh(),
            },
        ),
        Mistake(
            "one at zero",
            "Right everywhere but at exactly 0. There the curve has a corner, and torch takes the "
            "slope of its left side: use x > 0, not x >= 0.",
            _three_but(
                relu=lambda x, slope: (x >= 0).float(),
                leaky_relu=lambda x, slope: torch.where(x >= 0, 1.0, slope),
            ),
            also=(
                _three_but(relu=lambda x, slope: (x >= 0).float()),
                _three_but(leaky_relu=lambda x, slope: torch.where(x >= 0, 1.0, slope)),
            ),
        ),
        Mistake(
            "slope left out",
            "LeakyReLU is not flat below zero: its derivative there is the slope, not 0.",
            _three_but(leaky_relu=lambda x, slope: (x > 0).float()),
        ),
        Mistake(
            "slope times x",
            "slope·x is the value of LeakyReLU below zero. Its derivative there is just slope.",
            _three_but(
                leaky_relu=lambda x, slope: torch.where(x > 0, torch.ones_like(x), slope * x)
            ),
        ),
        Mistake(
            "slope with a minus",
            "LeakyReLU rises on both sides, so its derivative is positive on both: no minus.",
            _three_but(leaky_relu=lambda x, slope: torch.where(x > 0, 1.0, -slope)),
        ),
        Mistake(
            "tanh not squared",
            "The derivative of tanh is 1 − tanh(x)²: the square is missing.",
            _three_but(tanh=lambda x, slope: 1 - x.tanh()),
        ),
        Mistake(
            "x squared",
            "The derivative of tanh is 1 − tanh(x)²: square tanh(x), not x itself.",
            _three_but(tanh=lambda x, slope: 1 - x**2),
        ),
        Mistake(
            "sigmoid's formula",
            "y·(1 − y) is the derivative of sigmoid. For y = tanh(x) it is 1 − y².",
            _three_but(tanh=lambda x, slope: x.tanh() * (1 - x.tanh())),
        ),
    ),
    oracle=_three,
    cases=_three_cases,
    forbidden=("backward", "grad"),
)

# ---- 3: dead units ----------------------------------------------------------------------------


def _fires(y: Tensor) -> Tensor:
    """(units,): whether a unit is above zero anywhere, for maps (N, C, H, W) or rows (N, units)."""
    return (y > 0).transpose(0, 1).flatten(1).any(1)


def _per_relu(count: Callable[[Tensor], Any]) -> Callable:
    """A function of (model, x) that counts something in what each ReLU puts out."""

    def counts(model, x):
        found = []
        for layer in model:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(count(x))
        return found

    return counts


_dead_units = _per_relu(lambda y: int((~_fires(y)).sum()))


def _before_the_relu(model: nn.Sequential, x: Tensor) -> list[int]:
    found = []
    for layer in model:
        if isinstance(layer, nn.ReLU):
            found.append(int((x == 0).transpose(0, 1).flatten(1).all(1).sum()))
        x = layer(x)
    return found


def _net_with_dead_units(rng: torch.Generator, convolutional: bool) -> nn.Sequential:
    """Two ReLU layers of 6 and 8 units, of which 1 to 3 in each have a bias far below zero."""
    if convolutional:
        first, second = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
    else:
        first, second = nn.Linear(5, 6), nn.Linear(6, 8)
    for layer in (first, second):
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=rng))
            layer.bias.fill_(1.0)
            dead = int(torch.randint(1, 4, (1,), generator=rng))
            layer.bias[:dead] = -1000.0
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


def _dead_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        convolutional = i % 3 == 2
        shape = (7, 1, 4, 4) if convolutional else (7, 5)
        model = _net_with_dead_units(rng, convolutional)
        cases.append({"model": model, "x": torch.randn(shape, generator=rng)})
    return cases


dead_units = FunctionTask(
    LESSON,
    "dead_units",
    "This counter finds the dead in any nn.Sequential with ReLUs.",
    (
        Mistake(
            "zeros counted",
            "It counts single zeros. A ReLU gives zeros all the time; dead is a unit that gives "
            "zero for every input of the set.",
            _per_relu(lambda y: int((y == 0).sum())),
        ),
        Mistake(
            "zero once",
            "A unit that is zero for one of the inputs is not dead, just silent there. Dead is one "
            "that is zero for all of them.",
            _per_relu(lambda y: int((y == 0).transpose(0, 1).flatten(1).any(1).sum())),
        ),
        Mistake(
            "living counted",
            "It counts the units that do fire. Asked for are those that never do.",
            _per_relu(lambda y: int(_fires(y).sum())),
        ),
        Mistake(
            "share",
            "It gives the share of dead units. Asked for is how many they are.",
            _per_relu(lambda y: (~_fires(y)).float().mean().item()),
        ),
        Mistake(
            "each pixel a unit",
            "Right for nn.Linear. In maps (N, C, H, W) a unit is a channel: it is dead if it is "
            "zero in all images and at all pixels.",
            _per_relu(lambda y: int((y.flatten(1) <= 0).all(0).sum())),
        ),
        Mistake(
            "before the ReLU",
            "It looks at what goes into the ReLU. Hardly anything is exactly 0 there: look at what "
            "comes out.",
            _before_the_relu,
        ),
        Mistake(
            "sum over the layers",
            "It adds up all layers. Give a list with one number for each nn.ReLU, in their order.",
            lambda model, x: sum(_dead_units(model, x)),
        ),
        Mistake(
            "every layer",
            "It has an entry for each layer. Only the nn.ReLU layers are asked for.",
            lambda model, x: [int((~_fires(model[: i + 1](x))).sum()) for i in range(len(model))],
        ),
    ),
    oracle=_dead_units,
    cases=_dead_cases,
)

# ---- 4: a gradient's way through two layers ---------------------------------------------------


def _logits(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, slope: float) -> Tensor:
    return F.leaky_relu(x @ w1.T + b1, slope) @ w2


def _input_gradient(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, slope: float) -> Tensor:
    return _derivative(lambda x: _logits(x, w1, b1, w2, slope), x)


def _gated(gate: Callable[[Tensor, float], Tensor], with_bias: bool = True) -> Callable:
    """The way back with some gate between the two layers, made of what goes into them."""

    def input_gradient(x, w1, b1, w2, slope):
        u = x @ w1.T + (b1 if with_bias else 0.0)
        return (w2 * gate(u, slope)) @ w1

    return input_gradient


def _gradient_cases(rng: torch.Generator) -> list[dict]:
    """Slope 0 is ReLU; N, inputs and units differ, so that no shape fits by luck."""
    cases = []
    for i in range(CASES):
        n, inputs, units = ((1, 2, 3), (2, 3, 4), (3, 5, 6))[min(i, 2)]
        cases.append(
            {
                "x": torch.randn(n, inputs, generator=rng),
                "w1": torch.randn(units, inputs, generator=rng),
                "b1": 2 * torch.randn(units, generator=rng),
                "w2": torch.randn(units, generator=rng),
                "slope": (0.2, 0.0, 0.3)[i % 3],
            }
        )
    return cases


input_gradient = FunctionTask(
    LESSON,
    "input_gradient",
    "That is the path on which everything comes that G ever learns.",
    (
        Mistake(
            "no gate",
            "It multiplies the two weights and leaves out what stands between them: each unit's "
            "share is multiplied by the derivative of the activation at its u.",
            _gated(lambda u, slope: torch.ones_like(u)),
        ),
        Mistake(
            "slope ignored",
            "The units with u below zero are shut off entirely, as in a ReLU. A LeakyReLU lets "
            "`slope` of their gradient through.",
            _gated(lambda u, slope: (u > 0).float()),
        ),
        Mistake(
            "value for derivative",
            "It multiplies by the value of the activation. On the way back its derivative counts: "
            "1 where u > 0, slope elsewhere.",
            _gated(F.leaky_relu),
        ),
        Mistake(
            "bias forgotten",
            "Whether a unit is on depends on u = w1·x + b1. The gate is computed without b1.",
            _gated(_leaky, with_bias=False),
        ),
        Mistake(
            "gate upside down",
            "The gate is upside down: 1 where u is above zero, slope where it is below.",
            _gated(lambda u, slope: torch.where(u > 0, slope, 1.0)),
        ),
        Mistake(
            "last layer missing",
            "The last layer is missing: each unit's share begins with its weight in w2.",
            lambda x, w1, b1, w2, slope: _leaky(x @ w1.T + b1, slope) @ w1,
        ),
        Mistake(
            "batch summed",
            "It adds up the images of the batch. Each has a gradient of its own: (N, inputs).",
            lambda **case: _input_gradient(**case).sum(0),
            also=(lambda **case: _input_gradient(**case).mean(0),),
        ),
    ),
    oracle=_input_gradient,
    cases=_gradient_cases,
    forbidden=("backward", "grad"),
)

# ---- 5 and 6: pixels for Tanh and back --------------------------------------------------------


def _to(pixels: Tensor) -> Tensor:
    return pixels.float() / 127.5 - 1


def _pixel_cases(rng: torch.Generator) -> list[dict]:
    cases = [{"pixels": torch.tensor([0, 255], dtype=torch.uint8)}]
    while len(cases) < CASES:
        shape = (3,) if len(cases) < 3 else (2, 1, 3, 3)
        pixels = torch.randint(0, 256, shape, generator=rng).to(torch.uint8)
        pixels.flatten()[0] = 200  # above 127, where uint8 runs over if it is doubled
        cases.append({"pixels": pixels})
    return cases


to_tanh_range = FunctionTask(
    LESSON,
    "to_tanh_range",
    "Black is −1, white is 1, and a Tanh can make every grey between.",
    (
        Mistake(
            "zero to one",
            "It reaches from 0 to 1. Half of what a Tanh can make would never occur: spread it "
            "over −1 to 1.",
            lambda pixels: pixels.float() / 255,
        ),
        Mistake(
            "divided by 128",
            "White comes out as 0.99, not 1: half of 255 is 127.5, not 128.",
            lambda pixels: pixels.float() / 128 - 1,
            also=(lambda pixels: (pixels.float() - 128) / 128,),
        ),
        Mistake(
            "shifted only",
            "It is shifted, but not scaled: the numbers reach from −127.5 to 127.5.",
            lambda pixels: pixels.float() - 127.5,
        ),
        Mistake(
            "runs over",
            "A uint8 cannot be larger than 255: 2·200 runs over to 144. Make it a float before you "
            "calculate.",
            lambda pixels: pixels * 2 / 255 - 1,
        ),
        Mistake(
            "half a shift",
            "It reaches from −0.5 to 0.5: half of the range is left unused.",
            lambda pixels: pixels.float() / 255 - 0.5,
        ),
        Mistake(
            "upside down",
            "Black and white are exchanged: 0 belongs to −1.",
            lambda pixels: 1 - pixels.float() / 127.5,
        ),
        Mistake(
            "tanh of the data",
            "Tanh is the last layer of G. Data are brought into the range by a straight line, or "
            "the greys get squeezed.",
            lambda pixels: torch.tanh(_to(pixels)),
        ),
    ),
    oracle=_to,
    cases=_pixel_cases,
)


def _from(images: Tensor) -> Tensor:
    return _scaled(images).round().clamp(0, 255).to(torch.uint8)


def _scaled(images: Tensor) -> Tensor:
    return (images + 1) * 127.5


def _image_cases(rng: torch.Generator) -> list[dict]:
    """Inside first, then with some numbers beyond the range; never close to half a grey level."""
    cases = [{"images": torch.tensor([-1.0, 1.0])}]
    while len(cases) < CASES:
        shape = (4,) if len(cases) < 3 else (2, 1, 3, 3)
        level = torch.randint(5, 250, shape, generator=rng).float()
        level += torch.where(torch.rand(shape, generator=rng) < 0.5, 0.3, -0.3)
        level.flatten()[0] += 0.3 - (level.flatten()[0] % 1) + 0.4  # x.7: rounding goes up
        if len(cases) >= 3:
            level.flatten()[1], level.flatten()[2] = -20.0, 270.0
        cases.append({"images": level / 127.5 - 1})
    return cases


def _kind_and_pixels(result: Tensor, arguments: dict) -> dict:
    return {"dtype": str(result.dtype), "pixels": result}


from_tanh_range = FunctionTask(
    LESSON,
    "from_tanh_range",
    "Any picture viewer can show what it makes.",
    (
        Mistake(
            "truncated",
            "Turning a float into uint8 cuts off what stands behind the point: 254.9 becomes 254. "
            "Call round() first.",
            lambda images: _scaled(images).clamp(0, 255).to(torch.uint8),
        ),
        Mistake(
            "not clipped",
            "Right inside of −1 to 1. Beyond, a uint8 runs over: 270 becomes 14, and white turns "
            "black. Clip to 0…255 before you convert.",
            lambda images: _scaled(images).round().to(torch.uint8),
        ),
        Mistake(
            "floats",
            "The numbers are right, but they are floats. A picture of 8 bits is of the type "
            "torch.uint8.",
            lambda images: _from(images).float(),
        ),
        Mistake(
            "times 255",
            "It takes the images for 0 to 1. They lie in −1 to 1: add 1 first, and then multiply "
            "by half of 255.",
            lambda images: (images * 255).round().clamp(0, 255).to(torch.uint8),
        ),
        Mistake(
            "times 128",
            "It multiplies by 128. The range −1 to 1 is 2 wide, and 255 / 2 is 127.5.",
            lambda images: ((images + 1) * 128).round().clamp(0, 255).to(torch.uint8),
        ),
        Mistake(
            "no shift",
            "It scales, but does not shift: −1 belongs to 0, so add 1 before you multiply.",
            lambda images: (images * 127.5).round().clamp(0, 255).to(torch.uint8),
        ),
    ),
    oracle=_from,
    cases=_image_cases,
    outcome=_kind_and_pixels,
    returns=True,
)

# ---- 7: a pair of networks --------------------------------------------------------------------

build_pair = PropertyTask(
    LESSON,
    "build_pair",
    "Each network has activations that suit its job, and their ends match the data and the loss.",
    PAIR_MISTAKES,
    problem=pair_problem,
)

# ---- 8: find the errors -----------------------------------------------------------------------

SPOT = (
    "`torch.tanh(generator(z))`, where the generator ends in nn.Tanh()",
    "`nn.BCEWithLogitsLoss()` behind a discriminator that ends in nn.Sigmoid()",
    "`nn.BCEWithLogitsLoss()` behind a discriminator that ends in nn.Linear(512, 1)",
    "`pixels / 255` as real images, for a generator that ends in nn.Tanh()",
    "a discriminator that ends in nn.Linear(512, 1), nn.ReLU()",
    "`nn.LeakyReLU(0.2)` between two convolutions of a discriminator",
)

spot_the_errors = ValuesTask(
    LESSON,
    "spot_the_errors",
    "Four errors that stop no program, and you found them all.",
    (
        Mistake(
            "all accepted",
            "You accept every line. Torch does, too: none of them stops with an error. But four of "
            "them do harm in silence.",
            [1, 1, 1, 1, 1, 1],
            everywhere=True,
        ),
        Mistake(
            "second tanh harmless",
            "Number 1: the second tanh does harm. tanh(1) = 0.76, so neither black nor white can "
            "be made.",
            [1, 2, 1, 3, 2, 1],
        ),
        Mistake(
            "sigmoid on a tanh",
            "Number 1: what comes out of this generator is an image already. A sigmoid on top only "
            "reaches from 0.27 to 0.73.",
            [2, 2, 1, 3, 2, 1],
        ),
        Mistake(
            "numbers 2 and 3 exchanged",
            "Numbers 2 and 3 are the other way round: a loss with 'logits' in its name applies the "
            "sigmoid itself.",
            [3, 1, 2, 3, 2, 1],
        ),
        Mistake(
            "sigmoid before the logits",
            "Number 2: this loss applies a sigmoid itself, so one in D comes on top of it. A "
            "number between 0 and 1 is then taken for a logit.",
            [3, 1, 1, 3, 2, 1],
        ),
        Mistake(
            "range accepted",
            "Number 4: such real images lie in 0 to 1, G's in −1 to 1. One negative pixel tells D "
            "that an image is fake.",
            [3, 2, 1, 1, 2, 1],
        ),
        Mistake(
            "shifted, not scaled",
            "Number 4: 0 − 127.5 is −127.5. The range has to be made narrower as well.",
            [3, 2, 1, 2, 2, 1],
        ),
        Mistake(
            "ReLU at the end",
            "Number 5: a logit may be negative, and for a fake it should be. Behind a ReLU D can "
            "never say less than 0, which means 50 %.",
            [3, 2, 1, 3, 1, 1],
        ),
        Mistake(
            "ReLU in D",
            "Number 6 was right: 0.2 is the slope in DCGAN's discriminator.",
            [3, 2, 1, 3, 2, 2],
        ),
    ),
    questions=SPOT,
    expected=lambda: [3, 2, 1, 3, 2, 1],
)
