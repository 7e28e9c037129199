"""The bug zoo, second house: how the weights of a network start."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from gan_course.checks.bug_task import LESSON, bug_task
from gan_course.checks.framework import FunctionTask, Mistake
from gan_course.models import init_weights

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def small_generator(channels: int) -> nn.Sequential:
    """z (N, 16, 1, 1) -> (N, 1, 16, 16): DCGAN's pattern, small, with torch's own start."""
    return nn.Sequential(
        nn.ConvTranspose2d(16, 2 * channels, kernel_size=4),  # (N, 2c, 4, 4)
        nn.BatchNorm2d(2 * channels),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * channels, channels, kernel_size=4, stride=2, padding=1),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.ConvTranspose2d(channels, 1, kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
    )


def _how_it_starts(model: Any, arguments: dict) -> dict:
    """The statistics that DCGAN's start fixes, coarse enough for any seed."""
    if not isinstance(model, nn.Module):
        return {"it returns a network": False}
    told = {"it returns a network": True}
    layers = [m for m in model.modules() if isinstance(m, CONVOLUTIONS)]
    for i, layer in enumerate(layers, start=1):
        std = layer.weight.detach().std().item()
        told[f"std of the weights of convolution {i}, in hundredths"] = 100 * std
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for name, parts in (
        ("gamma", [n.weight.detach() for n in norms]),
        ("beta", [n.bias.detach() for n in norms]),
    ):
        values = torch.cat(parts) if parts else torch.zeros(2)
        near = [f"near {n}" for n in (0, 1) if abs(values.mean() - n) < 0.4]
        told[f"mean of {name}"] = near[0] if near else "neither near 0 nor near 1"
        told[f"std of {name}"] = "at most 0.1" if values.std() <= 0.1 else "more than 0.1"
    return told


# ---- initialised in a test only ---------------------------------------------------------------


def _built(start):
    """A build function that ends in ``start(generator)``."""
    return lambda channels: start(small_generator(channels))


def _normal_convolutions(model: nn.Module, std: float) -> nn.Module:
    init_weights(model)
    for layer in model.modules():
        if isinstance(layer, CONVOLUTIONS):
            nn.init.normal_(layer.weight, 0.0, std)
    return model


def _first_only(model: nn.Sequential) -> nn.Sequential:
    init_weights(model[0])
    return model


def _everything(model: nn.Module) -> nn.Module:
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.0, 0.02)
    return model


init_never_called = bug_task(
    "init_never_called",
    mended="Mended: the network that is built is the network that is initialised.",
    shipped=(
        "ARENA's pull request #369 describes the case in chapter 0.5: `initialize_weights` was "
        "defined and unit-tested, but never called."
    ),
    cause=3,
    others={
        1: "the test calls the function and measures 0.02. The function is right.",
        2: "0.02 is what DCGAN asks for, and what the function draws.",
        4: "nothing was trained between building and measuring.",
    },
    bug=Mistake(
        "the bug",
        "the generator's weights still have torch's own start, not a std of 0.02.",
        _built(lambda model: model),
    ),
    mend=FunctionTask(
        LESSON,
        "init_never_called",
        "",
        (
            Mistake(
                "function instead of network",
                "It returns the function initialize_weights, not a network: the call needs its "
                "parentheses, with the generator between them.",
                _built(lambda model: init_weights),
            ),
            Mistake(
                "0.2",
                "The weights have a std of 0.2: ten times what DCGAN asks for. A zero is missing.",
                _built(lambda model: _normal_convolutions(model, 0.2)),
            ),
            Mistake(
                "first layer only",
                "Only the first layer is initialised. Hand over the whole generator.",
                _built(_first_only),
            ),
            Mistake(
                "gamma too",
                "Every parameter is drawn around 0, BatchNorm's gamma as well. That is the next "
                "bug of the zoo: use initialize_weights as it is.",
                _built(_everything),
            ),
        ),
        oracle=_built(init_weights),
        cases=lambda rng: [{"channels": c} for c in (8, 12, 10)],
        outcome=_how_it_starts,
        returns=True,
        tolerance=0.3,
    ),
)

# ---- gamma around 0 ---------------------------------------------------------------------------


def _started(gamma):
    """An init function that draws the convolutions right and calls ``gamma(norm)``."""

    def start(model: nn.Module) -> nn.Module:
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.zeros_(layer.bias)
                gamma(layer)
        return model

    return start


def _beta_instead(norm: nn.BatchNorm2d) -> None:
    nn.init.normal_(norm.weight, 0.0, 0.02)
    nn.init.normal_(norm.bias, 1.0, 0.02)


gamma_around_zero = bug_task(
    "gamma_around_zero",
    mended="Mended: gamma starts near 1, and the first images are alive.",
    shipped=(
        "In the DCGAN section of Dive into Deep Learning (d2l-en) all parameters, gamma included, "
        "are drawn from N(0, 0.02)."
    ),
    cause=2,
    others={
        1: "the second row draws the convolutions in the same way, and its images are alive.",
        3: "a tanh of small numbers is small, but it does not make them small: before it they are "
        "just as near 0.",
        4: "with more channels the same thing happens: gamma multiplies each of them.",
    },
    bug=Mistake(
        "the bug",
        "gamma is still drawn around 0, so BatchNorm multiplies every map by about 0.02.",
        _started(lambda norm: nn.init.normal_(norm.weight, 0.0, 0.02)),
    ),
    mend=FunctionTask(
        LESSON,
        "gamma_around_zero",
        "",
        (
            Mistake(
                "wide",
                "gamma has a std of 1 now, and still its mean is near 0. It is the mean that "
                "should be 1: the mean comes first in normal_, then the standard deviation.",
                _started(lambda norm: nn.init.normal_(norm.weight, 0.0, 1.0)),
                also=(_started(lambda norm: nn.init.normal_(norm.weight, 0.02, 1.0)),),
            ),
            Mistake(
                "beta instead",
                "That moved beta, which is added. gamma, the weight, still multiplies by about "
                "0.02.",
                _started(_beta_instead),
            ),
            Mistake(
                "wide around 1",
                "The mean is right, but with a std of 1 gamma differs wildly from map to map. "
                "DCGAN draws it from N(1, 0.02).",
                _started(lambda norm: nn.init.normal_(norm.weight, 1.0, 1.0)),
            ),
        ),
        oracle=_started(lambda norm: nn.init.normal_(norm.weight, 1.0, 0.02)),
        cases=lambda rng: [{"model": small_generator(c)} for c in (32, 48, 40)],
        outcome=_how_it_starts,
        returns=True,
        tolerance=0.3,
    ),
)

# ---- initialised behind spectral norm's back --------------------------------------------------


def _how_sn_conv_starts(layer: Any, arguments: dict) -> dict:
    """Its singular values, where they come from, and whether spectral norm holds."""
    x = torch.randn(1, arguments["in_channels"], 5, 5)
    layer.train()(x)
    values = torch.linalg.svdvals(layer.weight.detach().flatten(1))
    equal = values.min() > 0.97 and values.max() < 1.03
    told = {"singular values": "all 1" if equal else "not all 1"}

    raw = next(p for p in layer.parameters() if p.ndim == 4).detach()
    bound = raw[0].numel() ** -0.5  # torch draws from -bound to bound; std bound / sqrt(3)
    own = raw.abs().max() <= 1.001 * bound and 0.85 < raw.std() * 3**0.5 / bound < 1.15
    told["raw weights"] = "torch's own start" if own else "another start"

    with torch.no_grad():
        for parameter in layer.parameters():
            parameter *= 7
        for _ in range(30):  # a step of power iteration each
            layer(x)
    largest = torch.linalg.svdvals(layer.weight.detach().flatten(1)).max()
    told["spectral norm holds when the weights grow"] = bool(largest < 1.5)
    return told


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


def _sn_conv(start):
    """A layer on whose spectrally normalised convolution ``start`` was called."""

    def sn_conv(in_channels, out_channels):
        conv = spectral_norm(_conv(in_channels, out_channels))
        start(conv)
        return conv

    return sn_conv


def _orthogonal(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.orthogonal_(conv.weight)
    return conv


def _remove(conv: nn.Module) -> None:
    parametrize.remove_parametrizations(conv, "weight")
    nn.init.orthogonal_(conv.weight)


def _original(conv: nn.Module) -> Tensor:
    return conv.parametrizations.weight.original


init_after_spectral_norm = bug_task(
    "init_after_spectral_norm",
    mended="Mended: the start reaches the weights that spectral norm works on.",
    shipped=(
        "In the SAGAN notebook of pytorch_advanced the weights are initialised after a forward "
        "pass through layers with `spectral_norm`, which leaves `weight_orig` untouched."
    ),
    cause=1,
    others={
        2: "an orthogonal matrix divided by its largest singular value, 1, is the same matrix. "
        "Spectral norm would have kept it.",
        3: "orthogonal_ lays out any weight as a matrix of one row for each output channel. On a "
        "plain nn.Conv2d it works, as the first printed row shows.",
        4: "each forward pass in train mode improves the estimate of the *largest* singular value. "
        "The others would have to be equal to it from the start.",
    },
    bug=Mistake(
        "the bug",
        "the singular values still differ: conv.weight is computed afresh each time it is asked "
        "for, so what was initialised is thrown away.",
        _sn_conv(lambda conv: nn.init.orthogonal_(conv.weight)),
    ),
    mend=FunctionTask(
        LESSON,
        "init_after_spectral_norm",
        "",
        (
            Mistake(
                "spectral norm gone",
                "The start is there, but spectral norm is not: once the weights grow, nothing "
                "divides them.",
                _sn_conv(_remove),
                also=(
                    lambda in_channels, out_channels: _orthogonal(_conv(in_channels, out_channels)),
                ),
            ),
            Mistake(
                "another start",
                "This start reaches the weights, but it is not orthogonal: the singular values "
                "still differ. Keep nn.init.orthogonal_.",
                _sn_conv(lambda conv: nn.init.normal_(_original(conv), 0.0, 0.02)),
                also=(
                    _sn_conv(lambda conv: nn.init.xavier_uniform_(_original(conv))),
                    _sn_conv(lambda conv: nn.init.ones_(_original(conv))),
                ),
            ),
            Mistake(
                "the bias",
                "A bias is a row of numbers, not a matrix; orthogonal_ stops there. The weight "
                "that spectral norm works on is conv.parametrizations.weight.original.",
                _sn_conv(lambda conv: nn.init.orthogonal_(conv.bias)),
            ),
        ),
        oracle=_sn_conv(lambda conv: nn.init.orthogonal_(_original(conv))),
        cases=lambda rng: [
            {"in_channels": i, "out_channels": o} for i, o in ((4, 8), (3, 6), (8, 16))
        ],
        outcome=_how_sn_conv_starts,
        returns=True,
        tolerance=0.05,
    ),
)
