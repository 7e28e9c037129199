"""Lesson 11, tasks 5 and 6: a discriminator in the right order, and a convolution's true norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "11_spectral_norm_hinge"

# ---- 5: build a discriminator -----------------------------------------------------------------


def _layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _start(layer: nn.Module) -> None:
    nn.init.normal_(layer.weight, 0.0, 0.02)
    nn.init.zeros_(layer.bias)


def _build(
    start: Callable = lambda model: [_start(layer) for layer in _layers(model)],
    wrap: Callable = lambda model: [spectral_norm(layer) for layer in _layers(model)],
    start_last: bool = False,
    batch_norm: bool = False,
    between: Callable = lambda: nn.LeakyReLU(0.2),
    end: tuple = (),
) -> Callable:
    """A build function with something about it changed."""

    def build_discriminator(base_channels: int) -> nn.Sequential:
        c = base_channels
        norm = [nn.BatchNorm2d(2 * c)] * batch_norm
        model = nn.Sequential(
            nn.Conv2d(1, c, kernel_size=4, stride=2, padding=1),  # (N, c, 8, 8)
            between(),
            nn.Conv2d(c, 2 * c, kernel_size=4, stride=2, padding=1),  # (N, 2c, 4, 4)
            *norm,
            between(),
            nn.Flatten(),  # (N, 32c)
            nn.Linear(2 * c * 4 * 4, 1),  # (N, 1)
            *end,
        )
        for stage in (wrap, start) if start_last else (start, wrap):
            stage(model)
        return model

    return build_discriminator


def _first_then_wrap(model: nn.Module) -> None:
    """DCGAN's well-known start: whatever has 'Conv' in the name of its class."""
    for layer in model.modules():
        if "Conv" in type(layer).__name__:
            _start(layer)


def _how_it_is_built(model: Any, arguments: dict) -> dict:
    """What counts about it, coarse enough for any seed."""
    if not isinstance(model, nn.Module):
        return {"it returns a network": False}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _facts(model, arguments)


def _facts(model: nn.Module, arguments: dict) -> dict:
    layers = _layers(model)
    told: dict = {"it returns a network": True, "layers with weights": len(layers)}
    norms = (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm)
    told["normalisation layers"] = sum(isinstance(m, norms) for m in model.modules())
    for i, layer in enumerate(layers, start=1):
        told[f"raw weights of layer {i}"] = _start_of(layer)
        told[f"biases of layer {i} are 0"] = layer.bias is not None and not layer.bias.any()
    images = torch.randn(3, 1, 16, 16)
    model.train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 30  # as if training had made them large
        for _ in range(40):  # a step of power iteration each
            logits = model(images)
    told["shape of the logits"] = list(logits.shape)
    model.eval()
    with torch.no_grad():
        images = 10_000 * images  # near 0 a tanh is as good as nothing
        logits = model(images)
        told["logits can be larger than 1"] = bool((logits.abs() > 1).any())
        told["joined by LeakyReLU(0.2)"] = _as_joined(layers, images, logits)
    for i, layer in enumerate(layers, start=1):
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
        held = 0.95 < largest < 1.1
        told[f"largest singular value of layer {i}"] = "1" if held else "not held at 1"
    return told


def _start_of(layer: nn.Module) -> str:
    """Where the raw weights of a layer come from, as far as their spread tells."""
    raw = next((p.detach() for p in layer.parameters() if p.ndim > 1), None)
    if raw is None:
        return "none"
    own = (3 * raw[0].numel()) ** -0.5  # torch's: uniform, up to one over the root of fan_in
    if 0.014 < raw.std() < 0.0262:
        return "std about 0.02"
    return "torch's own start" if 0.7 < raw.std() / own < 1.3 else "another std"


def _as_joined(layers: list[nn.Module], images: Tensor, logits: Tensor) -> bool:
    """Whether the logits are those of these layers with a LeakyReLU after each convolution."""
    if [isinstance(layer, nn.Conv2d) for layer in layers] != [True, True, False]:
        return False
    x = images
    for layer in layers[:2]:
        x = F.leaky_relu(F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding), 0.2)
    expected = F.linear(x.flatten(1), layers[2].weight, layers[2].bias)
    return logits.shape == expected.shape and torch.allclose(logits, expected, 1e-3, 1e-4)


build_discriminator = FunctionTask(
    LESSON,
    "build_discriminator",
    "The start is in, every layer is held, and nothing undoes it. (In the package: "
    "gan_course.models.init.)",
    (
        Mistake(
            "initialised after wrapping",
            "The raw weights still have torch's own start. After wrapping, layer.weight is "
            "computed afresh each time it is asked for: what is written into it is lost, without a "
            "word. Initialise first, then wrap.",
            _build(start_last=True),
        ),
        Mistake(
            "'Conv' in the class name",
            "The convolutions start right, the linear layer does not. A search for 'Conv' in the "
            "name of the class misses it: ask isinstance(layer, (nn.Conv2d, nn.Linear)).",
            _build(start=_first_then_wrap),
            also=(
                _build(
                    start=lambda model: [
                        _start(m) for m in model.modules() if isinstance(m, nn.Conv2d)
                    ]
                ),
            ),
        ),
        Mistake(
            "BatchNorm kept",
            "There is still a BatchNorm. It divides by the size of what it gets, so whatever "
            "spectral norm did to the layer before it is undone.",
            _build(batch_norm=True),
        ),
        Mistake(
            "BatchNorm kept and initialised after wrapping",
            "Two of the faults are still there: the BatchNorm, and the start that comes after the "
            "wrapping and is lost.",
            _build(batch_norm=True, start_last=True),
            also=(
                _build(
                    batch_norm=True,
                    start_last=True,
                    wrap=lambda model: [
                        spectral_norm(m) for m in _layers(model) if isinstance(m, nn.Conv2d)
                    ],
                ),
            ),
        ),
        Mistake(
            "the linear layer is free",
            "The convolutions are held, the linear layer is not. One free layer is enough: D can "
            "grow as steep there as it likes.",
            _build(
                wrap=lambda model: [
                    spectral_norm(m) for m in _layers(model) if isinstance(m, nn.Conv2d)
                ]
            ),
        ),
        Mistake(
            "no spectral norm",
            "No layer is held: when the weights grow, nothing divides them.",
            _build(wrap=lambda model: None),
        ),
        Mistake(
            "a sigmoid at the end",
            "Something at the end (a sigmoid, or a tanh) keeps its numbers below 1. The hinge loss "
            "works on logits, which may be any number: end with the linear layer.",
            _build(end=(nn.Sigmoid(),)),
            also=(_build(end=(nn.Tanh(),)),),
        ),
        Mistake(
            "another activation",
            "The layers are right, what stands between them is not: after each of the two "
            "convolutions comes LeakyReLU(0.2), and after the linear layer nothing.",
            _build(between=nn.ReLU),
            also=(_build(between=nn.Identity), _build(between=nn.LeakyReLU)),
        ),
        Mistake(
            "biases not 0",
            "The weights start right, the biases still have torch's own start: "
            "nn.init.zeros_(layer.bias).",
            _build(
                start=lambda model: [
                    nn.init.normal_(layer.weight, 0.0, 0.02) for layer in _layers(model)
                ]
            ),
        ),
    ),
    oracle=_build(),
    cases=lambda rng: [{"base_channels": c} for c in (6, 8, 12)],
    outcome=_how_it_is_built,
    returns=True,
)

# ---- 6: the true norm of a convolution --------------------------------------------------------

KINDS = ((1, 1, 0), (3, 1, 1), (4, 2, 1), (2, 2, 0), (5, 1, 2))  # kernel, stride, padding


def _norm_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        k, stride, padding = KINDS[i % len(KINDS)]
        weight = torch.randn(3 - i % 2, 1 + i % 3, k, k, generator=rng)
        cases.append({"weight": weight, "stride": stride, "padding": padding, "size": 6})
    return cases


def _whole_matrix(weight: Tensor, stride: int, padding: int, size: int) -> Tensor:
    """The layer as one matrix, (outputs, inputs): a column for each single pixel."""
    count = weight.shape[1] * size * size
    pixels = torch.eye(count).reshape(count, weight.shape[1], size, size)
    return F.conv2d(pixels, weight, stride=stride, padding=padding).flatten(1).T


def _true_norm(weight: Tensor, stride: int, padding: int, size: int) -> float:
    return torch.linalg.svdvals(_whole_matrix(weight, stride, padding, size))[0].item()


def _matrix_norm(weight: Tensor, **_: int) -> float:
    return torch.linalg.svdvals(weight.flatten(1))[0].item()


true_norm = FunctionTask(
    LESSON,
    "true_norm",
    "That is what a network does with an image. The matrix norm is the same only where the windows "
    "do not overlap.",
    (
        Mistake(
            "norm of the weight matrix",
            "That is the norm of the weight as a matrix. It is the right number for one window; "
            "where windows overlap, a pixel is counted several times. Use the convolution itself.",
            _matrix_norm,
        ),
        Mistake(
            "squared",
            "It is the square of what is asked for: there and back stretches twice. Take the root, "
            "or measure after the way there.",
            lambda weight, stride, padding, size: _true_norm(weight, stride, padding, size) ** 2,
        ),
        Mistake(
            "without padding",
            "The convolution has no padding in it. Hand it over, there and back: without it the "
            "pixels at the border are read less often.",
            lambda weight, stride, padding, size: _true_norm(weight, stride, 0, size),
        ),
        Mistake(
            "without stride",
            "The convolution moves in steps of 1. Hand over the stride: with a larger one the "
            "windows overlap less.",
            lambda weight, stride, padding, size: _true_norm(weight, 1, padding, size),
        ),
        Mistake(
            "Frobenius norm",
            "That adds up the stretch in all directions, weight.norm(). Look for the one image "
            "that is stretched most.",
            lambda weight, stride, padding, size: weight.norm().item(),
            also=(
                lambda weight, stride, padding, size: (
                    _whole_matrix(weight, stride, padding, size).norm().item()
                ),
            ),
        ),
        Mistake(
            "the bound",
            "That is the bound: the matrix norm times the root of how many windows share a pixel. "
            "The true norm is at most that, and mostly less.",
            lambda weight, stride, padding, size: (
                _matrix_norm(weight) * -(-weight.shape[-1] // stride)
            ),
        ),
    ),
    oracle=_true_norm,
    cases=_norm_cases,
    tolerance=0.01,
)
