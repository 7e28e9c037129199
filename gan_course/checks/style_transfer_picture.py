"""Lesson 15, tasks 2, 5 and 6: total variation, what VGG wants to see, the optimisation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake
from gan_course.style.losses import total_variation as variation

LESSON = "15_style_transfer"

# ---- 2: total variation -----------------------------------------------------------------------


def _images(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        shape = (1, 1, 2, 2) if i == 0 else (1 + i % 2, 1 + 2 * (i % 2), 2 + i % 4, 3 + i % 3)
        cases.append({"images": torch.rand(shape, generator=rng, dtype=torch.float64) * 2 - 1})
    return cases


def _differences(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]


def _varied(
    of_one: Callable[[Tensor], Tensor] = torch.abs,
    together: Callable[[Tensor], Tensor] = torch.mean,
    differences: Callable[[Tensor], tuple[Tensor, Tensor]] = _differences,
    factor: float = 1.0,
) -> Callable:
    """Total variation with one part changed."""
    return lambda images: factor * sum(together(of_one(d)) for d in differences(images))


total_variation = FunctionTask(
    LESSON,
    "total_variation",
    "Small for a smooth picture, large for noise. It asks nothing of any other picture.",
    (
        Mistake(
            "added up",
            "The differences are added up. Take the mean of each direction, or a larger picture "
            "would count more.",
            _varied(together=torch.sum),
        ),
        Mistake(
            "squared",
            "The differences are squared. Here their absolute values count: squares forbid sharp "
            "edges.",
            _varied(of_one=torch.square),
        ),
        Mistake(
            "with signs",
            "The differences keep their signs, and ups and downs cancel out. Take absolute values.",
            _varied(of_one=lambda d: d),
        ),
        Mistake(
            "one direction",
            "Only one direction is there: vertical neighbours and horizontal ones both count.",
            _varied(differences=lambda x: _differences(x)[:1]),
            also=(_varied(differences=lambda x: _differences(x)[1:]),),
        ),
        Mistake(
            "halved",
            "It is half of what is asked for: the two means are added, not averaged.",
            _varied(factor=0.5),
            also=(
                lambda images: torch.cat([d.flatten() for d in _differences(images)]).abs().mean(),
            ),
        ),
        Mistake(
            "round the edge",
            "The last row is compared with the first one, on the other side of the picture: "
            "torch.roll goes round the edge. Cut instead: images[:, :, 1:] − images[:, :, :-1].",
            _varied(differences=lambda x: (x - x.roll(1, 2), x - x.roll(1, 3))),
        ),
        Mistake(
            "other axes",
            "Those are the wrong axes: images has the shape (N, C, H, W), so rows are axis 2 and "
            "columns axis 3.",
            _varied(differences=lambda x: (x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1])),
        ),
    ),
    oracle=lambda images: variation(images),
    cases=_images,
    outcome=lambda result, arguments: _number(result),
    returns=True,
)


def _number(result: object) -> object:
    if isinstance(result, Tensor) and result.numel() == 1 and not result.is_complex():
        return float(result.detach())
    return result


# ---- 5: what VGG wants to see -----------------------------------------------------------------

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _columns() -> tuple[Tensor, Tensor]:
    return tuple(torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (MEAN, STD))


def _normalised(
    before: Callable[[Tensor], Tensor] = lambda x: (x + 1) / 2,
    after: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda x, mean, std: (x - mean) / std,
) -> Callable:
    """The conversion with one part changed."""
    return lambda images: after(before(images), *_columns())


def _coloured(rng: torch.Generator) -> list[dict]:
    """Squares of three pixels are among them: there a wrong axis does not stop the code."""
    cases = []
    for i in range(CASES):
        shape = (1 + i % 2, 3, 3, 3) if i < 4 else (1 + i % 3, 3, 2 + i % 4, 5)
        images = torch.rand(shape, generator=rng, dtype=torch.float64) * 2 - 1
        cases.append({"images": images})
    return cases


to_imagenet = FunctionTask(
    LESSON,
    "to_imagenet",
    "Now VGG-19 sees what it was trained on. Forget this line, and every feature is a little wrong "
    "without any error.",
    (
        Mistake(
            "not brought to 0..1",
            "The mean and the standard deviation are for values from 0 to 1, and your images are "
            "still in [-1, 1]: (images + 1) / 2 comes first.",
            _normalised(before=lambda x: x),
        ),
        Mistake(
            "0 to 255",
            "You bring the values to 0..255; these means are for 0..1.",
            _normalised(before=lambda x: (x + 1) * 127.5),
        ),
        Mistake(
            "only brought to 0..1",
            "The values lie in 0..1 now. What is missing: minus the mean, divided by the standard "
            "deviation, channel by channel.",
            _normalised(after=lambda x, mean, std: x),
        ),
        Mistake(
            "multiplied",
            "Divide by the standard deviation; you multiply.",
            _normalised(after=lambda x, mean, std: (x - mean) * std),
        ),
        Mistake(
            "not divided",
            "The mean is taken off, but the division by the standard deviation is missing.",
            _normalised(after=lambda x, mean, std: x - mean),
        ),
        Mistake(
            "brackets",
            "First minus the mean, then divided: (x − mean) / std. Without brackets the division "
            "comes first.",
            _normalised(after=lambda x, mean, std: x - mean / std),
            also=(_normalised(after=lambda x, mean, std: x / std - mean),),
        ),
        Mistake(
            "the wrong axis",
            "Three numbers alone are spread along the last axis, the columns. Give them the shape "
            "(1, 3, 1, 1) by view, and they belong to the channels.",
            lambda images: (
                ((images + 1) / 2 - torch.tensor(MEAN, dtype=torch.float64))
                / torch.tensor(STD, dtype=torch.float64)
            ),
        ),
        Mistake(
            "channels exchanged",
            "The numbers are in the order red, green, blue, as our images are.",
            _normalised(after=lambda x, mean, std: (x - mean.flip(1)) / std.flip(1)),
        ),
        Mistake(
            "its own mean",
            "You take the mean and the spread of these images. The network wants those of the "
            "pictures that it was trained on.",
            lambda images: (
                (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)
            ),
            also=(
                lambda images: (
                    (images - images.mean((0, 2, 3), keepdim=True))
                    / images.std((0, 2, 3), keepdim=True)
                ),
            ),
        ),
    ),
    oracle=_normalised(),
    cases=_coloured,
)

# ---- 6: the optimisation ----------------------------------------------------------------------


def _loss_to(target: Tensor, pull: Tensor) -> Callable[[Tensor], Tensor]:
    """A loss that pulls each pixel to ``target``, partly outside of [-1, 1], and the sum to 0.

    By the sum each pixel feels where the others are: it shows whether they were clipped.
    """

    def loss_of(image: Tensor) -> Tensor:
        return (pull * (image - target).square()).sum() + 0.05 * image.sum().square()

    return loss_of


def _descents(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        shape = (1, 1, 1, 2) if i == 0 else (1, 3, 2, 2 + i % 3)
        target = torch.randn(shape, generator=rng, dtype=torch.float64) * 1.5
        pull = 0.5 + torch.rand(shape, generator=rng, dtype=torch.float64)
        cases.append(
            {
                "start": torch.rand(shape, generator=rng, dtype=torch.float64) * 1.6 - 0.8,
                "loss_of": _loss_to(target, pull),
                "steps": 1 + i % 6,
                "learning_rate": 0.1 + 0.05 * (i % 3),
            }
        )
    return cases


def _descended(
    sign: float = -1.0,
    clamp: str = "each",
    fewer: int = 0,
    accumulate: bool = False,
    low: float = -1.0,
    by_sign: bool = False,
    rate: Callable[[float], float] = lambda r: r,
) -> Callable:
    """Gradient descent with one part changed."""

    def descend(start: Tensor, loss_of: Callable, steps: int, learning_rate: float) -> Tensor:
        image, kept = start.clone(), torch.zeros_like(start)
        for _ in range(steps - fewer):
            leaf = image.detach().requires_grad_()
            [gradient] = torch.autograd.grad(loss_of(leaf), leaf)
            kept = kept + gradient if accumulate else gradient
            step = kept.sign() if by_sign else kept
            image = image + sign * rate(learning_rate) * step
            if clamp == "each":
                image = image.clamp(low, 1)
        return image.clamp(-1, 1) if clamp == "end" else image

    return descend


optimise = FunctionTask(
    LESSON,
    "optimise",
    "The weights of the network stayed as they were. It is the picture that has learned.",
    (
        Mistake(
            "uphill",
            "The loss grows: take the step against the gradient, with a minus.",
            _descended(sign=1.0),
        ),
        Mistake(
            "not clipped",
            "The picture leaves [-1, 1]: after each step clip it with clamp(-1, 1).",
            _descended(clamp="never"),
        ),
        Mistake(
            "clipped at the end",
            "The picture is clipped once, at the end. Clip it after each step: the next gradient "
            "is that of a picture that could be shown.",
            _descended(clamp="end"),
        ),
        Mistake(
            "clipped to 0..1",
            "You clip to 0..1; our pictures live in [-1, 1].",
            _descended(low=0.0),
        ),
        Mistake(
            "gradients add up",
            "The gradients of all steps add up. Set image.grad to None (or to zero) before each "
            "backward().",
            _descended(accumulate=True),
        ),
        Mistake(
            "one step less",
            "It does one step less than asked for.",
            _descended(fewer=1),
            also=(lambda start, loss_of, steps, learning_rate: start.clone(),),
        ),
        Mistake(
            "one step more",
            "It does one step more than asked for.",
            _descended(fewer=-1),
        ),
        Mistake(
            "no learning rate",
            "The gradient is taken as it is. Multiply it with learning_rate.",
            _descended(rate=lambda r: 1.0),
        ),
        Mistake(
            "only the sign",
            "You step by the sign of the gradient. Plain descent takes the gradient itself.",
            _descended(by_sign=True),
        ),
    ),
    oracle=_descended(),
    cases=_descents,
)
