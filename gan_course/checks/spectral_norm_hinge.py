"""Lesson 11: stretch, power iteration, weights as matrices, spectral norm, and the rest below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import spectral_norm_hinge_losses as losses
from gan_course.checks import spectral_norm_hinge_networks as networks
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask

LESSON = "11_spectral_norm_hinge"

# What would do a whole task in one call.
SVD = (
    "svd",
    "svdvals",
    "svd_lowrank",
    "pca_lowrank",
    "linalg_svd",
    "linalg_svdvals",
    "linalg_matrix_norm",
    "linalg_cond",
    "linalg_eig",
    "linalg_eigh",
    "linalg_eigvals",
    "linalg_eigvalsh",
)

# ---- 1: predict the stretch -------------------------------------------------------------------

MATRICES = (
    ((2.0, 0.0), (0.0, 0.5)),
    ((0.0, -1.0), (1.0, 0.0)),
    ((1.0, 1.0), (1.0, 1.0)),
    ((0.0, 3.0), (0.0, 0.0)),
    ((0.0, 4.0), (1.0, 0.0)),
    ((3.0, 4.0),),
)

predict_stretch = ValuesTask(
    LESSON,
    "predict_stretch",
    "These are the largest singular values. Numbers 4 and 5 have smaller eigenvalues, and number 6 "
    "has none at all.",
    (
        Mistake(
            "eigenvalues",
            "These are the largest eigenvalues. An eigenvalue only counts vectors that keep their "
            "direction; number 4 sends (0, 1) to (3, 0), which is three times as long.",
            [2.0, 1.0, 2.0, 0.0, 2.0, 5.0],
            also=([2.0, 1.0, 2.0, 0.0, 2.0, 0.0], [2.0, 1.0, 2.0, 0.0, 2.0, 3.0]),
        ),
        Mistake(
            "largest entry",
            "These are the largest entries. The stretch of a vector comes from all entries "
            "together: number 3 sends (1, 1) to (2, 2).",
            [2.0, 1.0, 1.0, 3.0, 4.0, 4.0],
        ),
        Mistake(
            "row sums",
            "These are the largest sums of a row. That is the stretch if lengths are measured by "
            "the largest coordinate; here length is the root of the sum of squares.",
            [2.0, 1.0, 2.0, 3.0, 4.0, 7.0],
        ),
        Mistake(
            "Frobenius norm",
            "These are the roots of the sum of all squared entries. That adds up the stretch in "
            "all directions; the question is for the one direction with the most.",
            [4.25**0.5, 2**0.5, 2.0, 3.0, 17**0.5, 5.0],
        ),
        Mistake(
            "the smallest",
            "That is the smallest stretch. Look for the direction in which the circle grows most.",
            [0.5, 1.0, 0.0, 0.0, 1.0, 0.0],
        ),
        Mistake(
            "squared",
            "These are the squares: the largest eigenvalues of WᵀW. The stretch is their root.",
            [4.0, 1.0, 4.0, 9.0, 16.0, 25.0],
        ),
        Mistake(
            "area",
            "That is by how much an area grows (the determinant). A matrix can keep every area and "
            "still stretch a line.",
            [1.0, 1.0, 0.0, 0.0, 4.0, 0.0],
        ),
    ),
    questions=(
        "[[2, 0], [0, 0.5]]: along which axis does the circle grow?",
        "[[0, −1], [1, 0]]: a quarter turn.",
        "[[1, 1], [1, 1]]: where does (1, 1) go, and how long was it?",
        "[[0, 3], [0, 0]]: where does (0, 1) go?",
        "[[0, 4], [1, 0]]: where do (1, 0) and (0, 1) go?",
        "[[3, 4]], from the plane to a line: which direction gives the largest number?",
    ),
    expected=lambda: [
        round(float(torch.linalg.svdvals(torch.tensor(m, dtype=torch.float64))[0]), 9)
        for m in MATRICES
    ],
)

# ---- 2: power iteration -----------------------------------------------------------------------


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=0)


def _power_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        outputs, inputs = (2, 2) if i == 0 else (2 + i % 4, 5 - i % 3)
        cases.append(
            {
                "weight": torch.randn(outputs, inputs, generator=rng),
                "v": _unit(torch.randn(inputs, generator=rng)),
                "iterations": (1, 2, 3, 1, 5, 20)[i % 6],
            }
        )
    return cases


def _power(weight: Tensor, v: Tensor, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
    for _ in range(iterations):
        u = _unit(weight @ v)
        v = _unit(weight.T @ u)
    return u @ weight @ v, u, v


def _other_result(change: Callable) -> Callable:
    """Power iteration with another way to make the result of (weight, u, v)."""

    def power(weight: Tensor, v: Tensor, iterations: int) -> Any:
        _, u, v = _power(weight, v, iterations)
        return change(weight, u, v)

    return power


def _not_normalised(weight: Tensor, v: Tensor, iterations: int) -> tuple:
    for _ in range(iterations):
        u = weight @ v
        v = weight.T @ u
    return u @ weight @ v, u, v


def _one_not_normalised(weight: Tensor, v: Tensor, iterations: int) -> tuple:
    for _ in range(iterations):
        u = weight @ v
        v = _unit(weight.T @ u)
    return u @ weight @ v, u, v


def _forwards_only(weight: Tensor, v: Tensor, iterations: int) -> tuple:
    for _ in range(iterations):
        u = _unit(weight @ v)
        v = _unit(weight @ u)
    return u @ weight @ v, u, v


def _old_u(weight: Tensor, v: Tensor, iterations: int) -> tuple:
    """Both from the vectors of the last round."""
    u = _unit(weight @ v)
    for _ in range(iterations):
        u, v = _unit(weight @ v), _unit(weight.T @ u)
    return u @ weight @ v, u, v


power_iteration = FunctionTask(
    LESSON,
    "power_iteration",
    "Two products of a matrix with a vector in each round, and no decomposition: that is cheap "
    "enough for every step of a training.",
    (
        Mistake(
            "not normalised",
            "u and v are not scaled back to length 1. They grow from round to round, and sigma "
            "with them.",
            _not_normalised,
            also=(_one_not_normalised,),
        ),
        Mistake(
            "forwards only",
            "Both steps multiply by weight. The way back is the transposed matrix, weight.T: "
            "weight takes inputs to outputs, and v is an input. Repeating weight alone looks for "
            "an eigenvector.",
            _forwards_only,
        ),
        Mistake(
            "one round only",
            "It makes one round, whatever iterations says.",
            lambda weight, v, iterations: _power(weight, v, 1),
        ),
        Mistake(
            "squared",
            "sigma is the square of the stretch: weight and weight.T stretch once each. Take "
            "u @ weight @ v.",
            _other_result(lambda weight, u, v: ((u @ weight @ v) ** 2, u, v)),
            also=(_other_result(lambda weight, u, v: ((weight.T @ (weight @ v)).norm(), u, v)),),
        ),
        Mistake(
            "length of weight @ v",
            "As an estimate it is even half a round further, but it is not uᵀ W v with the u that "
            "you return. Spectral norm needs the two to belong together: take u @ weight @ v.",
            _other_result(lambda weight, u, v: ((weight @ v).norm(), u, v)),
        ),
        Mistake(
            "order",
            "The three are right, but in another order: sigma, then u, then v.",
            _other_result(lambda weight, u, v: (u, v, u @ weight @ v)),
            also=(_other_result(lambda weight, u, v: (u @ weight @ v, v, u)),),
        ),
        Mistake(
            "both from the old vectors",
            "v is made from the u of the round before. Make u first, and then v from this new u.",
            _old_u,
        ),
    ),
    oracle=_power,
    cases=_power_cases,
    forbidden=SVD,
)

# ---- 3: the weight as a matrix ----------------------------------------------------------------


def _matrix_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        transposed = i % 2 == 1
        outputs, inputs, k = 2 + i // 4, 5 + i % 3, 2 + i // 6
        first_two = (inputs, outputs) if transposed else (outputs, inputs)
        cases.append(
            {
                "weight": torch.randn(*first_two, k, k, generator=rng),
                "transposed": transposed,
            }
        )
    return cases


def _matrix(weight: Tensor, transposed: bool) -> Tensor:
    return (weight.transpose(0, 1) if transposed else weight).flatten(1)


def _rows(result: Any, arguments: dict) -> dict:
    """Shape and the products of the rows: the order of the columns changes no stretch."""
    if not isinstance(result, Tensor) or result.ndim != 2:
        return {"what it returns": result}
    return {"shape": list(result.shape), "products of the rows": (result @ result.T).detach()}


weight_matrix = FunctionTask(
    LESSON,
    "weight_matrix",
    "One row for each output channel, in both kinds of layer. (How you sort the columns does not "
    "matter: no stretch depends on it.)",
    (
        Mistake(
            "first axis of both",
            "Right for Conv2d. But the weight of ConvTranspose2d begins with the *input* channels: "
            "its output channels are axis 1. Several public implementations have this bug.",
            lambda weight, transposed: weight.flatten(1),
        ),
        Mistake(
            "right shape, wrong numbers",
            "The shape is right, but for the transposed layer each row mixes several output "
            "channels: reshape cuts the numbers as they lie in memory. Move the axis to the front "
            "first, with transpose or movedim.",
            lambda weight, transposed: weight.reshape(weight.shape[1 if transposed else 0], -1),
        ),
        Mistake(
            "second axis of both",
            "Right for ConvTranspose2d. The weight of Conv2d begins with its output channels: "
            "there it is axis 0.",
            lambda weight, transposed: weight.transpose(0, 1).flatten(1),
        ),
        Mistake(
            "the wrong way round",
            "The two kinds of layer are exchanged: Conv2d has its output channels in front, "
            "ConvTranspose2d has them second.",
            lambda weight, transposed: _matrix(weight, not transposed),
        ),
        Mistake(
            "columns",
            "The output channels are the columns here. The stretch would be the same, but a matrix "
            "that is applied to an input has one row for each output.",
            lambda weight, transposed: _matrix(weight, transposed).T,
        ),
        Mistake(
            "a matrix of the kernel",
            "Each row goes on over the cells of the kernel only. A row holds all the numbers that "
            "one output channel is made with: of every input channel and every cell.",
            lambda weight, transposed: weight.flatten(0, 1).flatten(1),
        ),
    ),
    oracle=_matrix,
    cases=_matrix_cases,
    outcome=_rows,
    returns=True,
)

# ---- 4: spectral norm -------------------------------------------------------------------------


def _spectral_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        outputs, inputs = (2, 3) if i < 2 else (2 + i % 4, 5 - i % 3)
        scale = (1.0, 3.0, 0.3)[i % 3]
        weight = scale * torch.randn(outputs, inputs, generator=rng)
        # As they stand in a training: on their way, so that sigma is not by chance near 0.
        _, u, v = _power(weight, _unit(torch.randn(inputs, generator=rng)), 1)
        training = i % 2 == 0
        weight.requires_grad_()
        cases.append({"weight": weight, "u": u, "v": v, "training": training})
    return cases


def _spectral(
    step: Callable | None = None,
    divide: Callable = lambda weight, u, v: weight / (u @ weight @ v),
    always: bool = False,
    never: bool = False,
) -> Callable:
    """Spectral norm with something about it changed."""

    def spectral_weight(weight: Tensor, u: Tensor, v: Tensor, training: bool) -> tuple:
        if (training or always) and not never:
            if step is not None:
                u, v = step(weight, u, v)
            else:
                with torch.no_grad():
                    u = _unit(weight @ v)
                    v = _unit(weight.T @ u)
        return divide(weight, u, v), u, v

    return spectral_weight


def _step_with_graph(weight: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    u = _unit(weight @ v)
    return u, _unit(weight.T @ u)


def _many_steps(weight: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        _, u, v = _power(weight, v, 15)
    return u, v


def _weight_and_gradient(result: Any, arguments: dict) -> dict:
    """The three results, and what reaches the raw weight of a loss on the divided one."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        return {"what it returns": result}
    told = {"weight": result[0], "u": result[1], "v": result[2]}
    divided = result[0]
    gradient: Any = "none"
    if isinstance(divided, Tensor) and divided.requires_grad:
        some_loss = (torch.arange(1.0, divided.numel() + 1).reshape(divided.shape) * divided).sum()
        (found,) = torch.autograd.grad(some_loss, arguments["weight"], allow_unused=True)
        gradient = "none" if found is None else found
    told["gradient for the raw weight"] = gradient
    for name in ("weight", "u", "v"):
        if isinstance(told[name], Tensor):
            told[name] = told[name].detach()
    return told


spectral_weight = FunctionTask(
    LESSON,
    "spectral_weight",
    "That is all of torch's spectral_norm, gradient included: u and v count as constants, sigma "
    "does not.",
    (
        Mistake(
            "power iteration in eval",
            "In eval mode u and v move, too. Then looking at a network changes it, and two calls "
            "on the same image differ. One round in training, none in eval.",
            _spectral(always=True),
        ),
        Mistake(
            "u and v never move",
            "u and v stay as they are, also in training. The weight changes in every step, and "
            "they have to follow it.",
            _spectral(never=True),
        ),
        Mistake(
            "a gradient through u and v",
            "The numbers are right, the gradient is not: it also runs through the power iteration. "
            "u and v count as constants: put the two steps under torch.no_grad().",
            _spectral(step=_step_with_graph),
        ),
        Mistake(
            "sigma as a constant",
            "The numbers are right, the gradient is not: sigma is cut off from the weight, by "
            "detach, no_grad or item. It depends on the weight; without that part D would try to "
            "grow what is divided away again.",
            _spectral(divide=lambda weight, u, v: weight / (u @ weight @ v).detach()),
        ),
        Mistake(
            "no gradient at all",
            "The numbers are right, but no gradient reaches the raw weight: only the power "
            "iteration belongs under no_grad, not the division.",
            _spectral(divide=lambda weight, u, v: (weight / (u @ weight @ v)).detach()),
        ),
        Mistake(
            "multiplied",
            "It multiplies by sigma. To bring the largest stretch to 1, divide.",
            _spectral(divide=lambda weight, u, v: weight * (u @ weight @ v)),
        ),
        Mistake(
            "Frobenius norm",
            "It divides by the root of all squares, weight.norm(). That is at least as large as "
            "the largest stretch, mostly much larger: the layer would shrink everything.",
            _spectral(divide=lambda weight, u, v: weight / weight.norm()),
        ),
        Mistake(
            "many rounds",
            "It makes more than one round. One is enough: the weight changes little from step to "
            "step, so u and v, which are kept, are never far behind.",
            _spectral(step=_many_steps),
        ),
    ),
    oracle=_spectral(),
    cases=_spectral_cases,
    outcome=_weight_and_gradient,
    returns=True,
    forbidden=SVD,
)

# ---- 5 to 8, in files of their own -------------------------------------------------------------

build_discriminator = networks.build_discriminator
true_norm = networks.true_norm
hinge_losses = losses.hinge_losses
gradient_penalty = losses.gradient_penalty
