"""Lesson 10, what the gate lets through: the gradients of gamma and of the attention behind it."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "10_self_attention"

# ---- 6: what the gate lets through ------------------------------------------------------------


def _gate_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        shape = (1 + i % 3, 1 + i % 2, 2, 2 + i % 2)
        gamma = torch.zeros(()) if i % 3 == 0 else torch.randn((), generator=rng)
        attended, grad_out = torch.randn(2, *shape, generator=rng)
        cases.append({"gamma": gamma, "attended": attended, "grad_out": grad_out})
    return cases


def _gate(gamma: Tensor, attended: Tensor, grad_out: Tensor) -> tuple[Tensor, Tensor]:
    """Asked of autograd. x plays no part: it only adds."""
    leaves = [t.clone().requires_grad_() for t in (gamma, attended)]
    return torch.autograd.grad(leaves[0] * leaves[1], leaves, grad_out)


def _wrong_gate(of_gamma=None, of_attended=None):
    def wrong(gamma, attended, grad_out):
        right = _gate(gamma, attended, grad_out)
        first = of_gamma(gamma, attended, grad_out) if of_gamma else right[0]
        second = of_attended(gamma, attended, grad_out) if of_attended else right[1]
        return first, second

    return wrong


gate_gradients = FunctionTask(
    LESSON,
    "gate_gradients",
    "At gamma = 0 the gate itself gets a gradient, and nothing behind it does. That is why the "
    "first step moves gamma alone.",
    (
        Mistake(
            "attention forgotten",
            "The gradient of gamma lacks the attention: where gamma grows by a little, y grows by "
            "that times `attended`. Multiply grad_out with it, then add up.",
            _wrong_gate(lambda gamma, o, g: g.sum()),
        ),
        Mistake(
            "mean",
            "It averages. One gamma acts on all numbers of y, and their effects add up.",
            _wrong_gate(lambda gamma, o, g: (g * o).mean()),
        ),
        Mistake(
            "one for each image",
            "It gives one number for each image. There is a single gamma: add up over the batch "
            "as well.",
            _wrong_gate(lambda gamma, o, g: (g * o).sum((1, 2, 3))),
        ),
        Mistake(
            "not added up",
            "The gradient of gamma has the shape of the map. There is a single gamma: add up "
            "everything.",
            _wrong_gate(lambda gamma, o, g: g * o),
        ),
        Mistake(
            "gamma in its own gradient",
            "The gradient of gamma does not contain gamma: y is a straight line in it. With your "
            "formula it would stay 0 for ever.",
            _wrong_gate(lambda gamma, o, g: gamma * (g * o).sum()),
        ),
        Mistake(
            "gate forgotten",
            "All of grad_out goes on into the attention. Only gamma times it does: at gamma = 0, "
            "nothing.",
            _wrong_gate(None, lambda gamma, o, g: g),
        ),
        Mistake(
            "the way past the gate",
            "1 + gamma counts the way through x as well. Asked for is the gradient of `attended` "
            "alone.",
            _wrong_gate(None, lambda gamma, o, g: (1 + gamma) * g),
        ),
        Mistake(
            "attention in its own gradient",
            "The second result should be gamma · grad_out; `attended` itself has no place in it.",
            _wrong_gate(None, lambda gamma, o, g: gamma * o),
            also=(_wrong_gate(None, lambda gamma, o, g: gamma * o * g),),
        ),
        Mistake(
            "order exchanged",
            "Both are right, but in the wrong order: first that of gamma, then that of attended.",
            lambda gamma, attended, grad_out: _gate(gamma, attended, grad_out)[::-1],
        ),
    ),
    oracle=_gate,
    cases=_gate_cases,
)
