"""Lesson 03, task 7: are these the right activations for a pair of networks?"""

from __future__ import annotations

from typing import Any

from torch import nn

from gan_course.arithmetic import ShapeTrace, trace_shapes
from gan_course.checks.framework import WRONG, Answer, Mistake
from gan_course.checks.layers import is_activation, shuts_off

LINEAR_MAPS = (nn.Linear, nn.ConvTranspose2d, nn.Conv2d)
SATURATING = (nn.Tanh, nn.Sigmoid)

G_NO_TANH = (
    "G ends without an activation, so its pixels may be anything. The real ones lie in −1 to 1."
)
G_SIGMOID = (
    "G ends in a sigmoid and makes pixels from 0 to 1: nothing darker than mid-grey. Which "
    "activation reaches from −1 to 1?"
)
G_TWICE = (
    "G ends in two Tanh. The second one squeezes −1 to 1 into −0.76 to 0.76: one of them is enough."
)
G_RELU_END = (
    "G ends in an activation that knows no upper end, and hardly a lower one. Pixels have both: "
    "−1 and 1."
)
G_OTHER_RANGE = (
    "G ends in {name}. Tanh is asked for: it reaches from −1 to 1, as the real pixels do, and lets "
    "some gradient through everywhere between."
)
G_CROWDED_END = (
    "More than one activation stands at G's end. Behind a ReLU, for example, nothing is negative, "
    "and no pixel could be darker than mid-grey. Keep one Tanh, and nothing else."
)
G_STRAIGHT = (
    "In G no activation stands between its two layers with weights, so the two are one linear map."
)
D_STRAIGHT = (
    "In D no activation stands between its two layers with weights, so the two are one linear map."
)
D_RELU = (
    "D's hidden activation is a ReLU. It runs, and often it even learns. But where it is shut, "
    "nothing comes through for G: take one that leaks."
)
D_FLAT = (
    "D's hidden activation, {name}, is flat for some numbers, and where it is flat nothing comes "
    "through for G: take one that leaks."
)
D_SIGMOID = (
    "D ends in a sigmoid. The task asks for a logit, any number from minus to plus infinity: "
    "leave the end bare."
)
D_TANH = "D ends in an activation that bounds its logit or cuts it off. Leave the end bare."
HIDDEN_SATURATES = (
    "A tanh or sigmoid stands between two layers. Both are flat far from zero and pass on little "
    "gradient there: use them at an end only."
)


def _stop(message: str, trace: ShapeTrace) -> None:
    raise Answer(WRONG, message, str(trace))


def _check_kind(model: Any, name: str) -> None:
    if not isinstance(model, nn.Sequential):
        raise Answer(
            WRONG,
            f"The {name} should be an nn.Sequential of layers, but is a value of the type "
            f"{type(model).__name__}.",
        )
    if len(model) == 0:
        raise Answer(WRONG, f"The {name} is an nn.Sequential without any layer in it.")


def _trace(model: nn.Sequential, name: str, given: tuple, wanted: tuple) -> ShapeTrace:
    """The trace of a network whose shapes and layers with weights are as in the task."""
    trace = trace_shapes(model, given)
    if not trace.ok:
        _stop(f"The shapes of the {name} do not fit: {trace.advice}", trace)
    if trace.output_shape != wanted:
        _stop(
            f"The {name} makes {trace.output_shape} of {given}, but {wanted} is asked for.", trace
        )
    if sum(isinstance(m, LINEAR_MAPS) for m in model.modules()) != 2:
        _stop(f"The {name} has exactly two layers with weights in this task: keep them.", trace)
    return trace


def _between_and_after(model: nn.Sequential) -> tuple[list[nn.Module], list[nn.Module]]:
    """The activations between the two layers with weights, and those behind the second one."""
    between: list[nn.Module] = []
    after: list[nn.Module] = []
    seen = 0
    for layer in model.modules():
        if isinstance(layer, LINEAR_MAPS):
            seen += 1
        elif is_activation(layer):
            (between if seen == 1 else after).append(layer)
    return between, after


def pair_problem(answer: Any) -> str | None:
    """What is wrong with [generator, discriminator], or None.

    Raises:
        Answer: with the trace of the network that is not right.
    """
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        return "The check wants the two networks in a list: [generator, discriminator]."
    generator, discriminator = answer
    _check_kind(generator, "generator")
    _check_kind(discriminator, "discriminator")
    _check_generator(generator)
    _check_discriminator(discriminator)
    return None


def _check_generator(model: nn.Sequential) -> None:
    trace = _trace(model, "generator", (2, 16), (2, 1, 8, 8))
    between, after = _between_and_after(model)
    if not between:
        _stop(G_STRAIGHT, trace)
    if any(isinstance(layer, SATURATING) for layer in between):
        _stop(HIDDEN_SATURATES, trace)
    if not after:
        _stop(G_NO_TANH, trace)
    if len(after) > 1 and all(isinstance(layer, nn.Tanh) for layer in after):
        _stop(G_TWICE, trace)
    if isinstance(after[-1], nn.Sigmoid):
        _stop(G_SIGMOID, trace)
    if len(after) > 1:
        _stop(G_CROWDED_END, trace)
    if isinstance(after[0], nn.Hardtanh | nn.Softsign | nn.Hardsigmoid | nn.Softmax):
        _stop(G_OTHER_RANGE.format(name=type(after[0]).__name__), trace)
    if not isinstance(after[0], nn.Tanh):
        _stop(G_RELU_END, trace)


def _check_discriminator(model: nn.Sequential) -> None:
    trace = _trace(model, "discriminator", (2, 1, 8, 8), (2, 1))
    between, after = _between_and_after(model)
    if not between:
        _stop(D_STRAIGHT, trace)
    if any(isinstance(layer, SATURATING) for layer in between):
        _stop(HIDDEN_SATURATES, trace)
    if any(isinstance(layer, nn.Sigmoid) for layer in after):
        _stop(D_SIGMOID, trace)
    if after:
        _stop(D_TANH, trace)
    for layer in between:
        slope = getattr(layer, "negative_slope", 0.2)
        if isinstance(layer, nn.ReLU) or slope == 0:
            _stop(D_RELU, trace)
        if shuts_off(layer):
            _stop(D_FLAT.format(name=type(layer).__name__), trace)
        if not 0 < slope < 1:
            _stop(
                f"A slope of {slope:g} makes no sense below zero: it lies between 0 (a ReLU) and 1 "
                f"(a straight line).",
                trace,
            )


def _generator(hidden: tuple = (nn.ReLU,), end: tuple = (nn.Tanh,)) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(16, 8 * 4 * 4),
        *(kind() for kind in hidden),
        nn.Unflatten(1, (8, 4, 4)),
        nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),
        *(kind() for kind in end),
    )


def _discriminator(hidden: tuple = (nn.LeakyReLU,), end: tuple = ()) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1),
        *(kind() for kind in hidden),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 1),
        *(kind() for kind in end),
    )


def _wrong_g(name: str, message: str, **arguments: tuple) -> Mistake:
    return Mistake(
        name, message, [_generator(**arguments), _discriminator()], fits=lambda answer: False
    )


def _wrong_d(name: str, message: str, **arguments: tuple) -> Mistake:
    return Mistake(
        name, message, [_generator(), _discriminator(**arguments)], fits=lambda answer: False
    )


# Which of these it is, ``pair_problem`` finds by looking at the layers.
PAIR_MISTAKES = (
    _wrong_g("G without Tanh", G_NO_TANH, end=()),
    _wrong_g("G ends in sigmoid", G_SIGMOID, end=(nn.Sigmoid,)),
    _wrong_g("G ends in two Tanh", G_TWICE, end=(nn.Tanh, nn.Tanh)),
    _wrong_g("G ends in ReLU and Tanh", G_CROWDED_END, end=(nn.ReLU, nn.Tanh)),
    _wrong_g("G ends in ReLU", G_RELU_END, end=(nn.ReLU,)),
    _wrong_g("G straight", G_STRAIGHT, hidden=()),
    _wrong_g("G saturates", HIDDEN_SATURATES, hidden=(nn.Tanh,)),
    _wrong_d("D straight", D_STRAIGHT, hidden=()),
    _wrong_d("D with ReLU", D_RELU, hidden=(nn.ReLU,)),
    _wrong_d("D with ReLU6", D_FLAT.format(name="ReLU6"), hidden=(nn.ReLU6,)),
    _wrong_d("D ends in sigmoid", D_SIGMOID, end=(nn.Sigmoid,)),
    _wrong_d("D ends in ReLU", D_TANH, end=(nn.ReLU,)),
)
