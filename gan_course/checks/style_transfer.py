"""Lesson 15: the Gram matrix, the three losses, what VGG wants to see, the optimisation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gan_course.checks import style_transfer_picture as picture
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask
from gan_course.style.losses import content_loss, style_loss
from gan_course.style.losses import gram_matrix as gram

LESSON = "15_style_transfer"

# ---- 1: by hand -------------------------------------------------------------------------------

A = torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
B = torch.tensor([[0.0, 1.0], [3.0, 0.0]], dtype=torch.float64)


def _by_hand(divide_by: Callable[[Tensor], float]) -> list[float]:
    """The seven values, if the sums are divided by this."""

    def entry(first: Tensor, second: Tensor) -> float:
        return float((first * second).sum() / divide_by(first))

    return [
        entry(A, A),
        entry(A, B),
        entry(B, B),
        entry(A.flip(0), B.flip(0)),
        entry(A, B.flip(0)),
        entry(A.repeat(2, 2), B.repeat(2, 2)),
        entry(A, 2 * B),
    ]


_RIGHT = _by_hand(lambda x: 2 * x.numel())

by_hand = ValuesTask(
    LESSON,
    "by_hand",
    "A Gram matrix forgets where things are and how often they are repeated. It does not forget "
    "which channels are active at one and the same place.",
    (
        Mistake(
            "not divided",
            "These are the plain sums. Divide by C · H · W, or a larger picture would have a "
            "larger Gram matrix.",
            _by_hand(lambda x: 1.0),
        ),
        Mistake(
            "channels left out",
            "You divide by H · W. The number of channels C, here 2, is missing.",
            _by_hand(lambda x: float(x.numel())),
        ),
        Mistake(
            "where matters",
            "Both maps are turned upside down together in number 4: each product is still there, "
            "at another place, and the sum is the same.",
            [*_RIGHT[:3], _RIGHT[4], *_RIGHT[4:]],
            also=([*_RIGHT[:3], 0.0, *_RIGHT[4:]],),
        ),
        Mistake(
            "apart is like together",
            "In number 5 only b is turned. Now other numbers meet at each place: 1·3, 2·0, 0·0, "
            "1·1.",
            [*_RIGHT[:4], _RIGHT[1], *_RIGHT[5:]],
        ),
        Mistake(
            "four times as many",
            "In number 6 the sum is four times as large, and so is H · W.",
            [*_RIGHT[:5], 4 * _RIGHT[1], _RIGHT[6]],
        ),
        Mistake(
            "doubled twice",
            "In number 7 b is doubled once in the product a · b. It would count twice in b · b.",
            [*_RIGHT[:6], 4 * _RIGHT[1]],
        ),
    ),
    questions=(
        "a with a: 1·1 + 2·2 + 0·0 + 1·1, divided.",
        "a with b.",
        "b with b.",
        "a with b, after both are turned upside down.",
        "a with b, after b alone is turned upside down.",
        "a with b, after both are repeated 2 × 2.",
        "a with b, after b is doubled.",
    ),
    expected=lambda: list(_RIGHT),
)

# ---- 2: in style_transfer_picture.py ----------------------------------------------------------

total_variation = picture.total_variation

# ---- 3: the Gram matrix -----------------------------------------------------------------------


def _map_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        shape = (1, 2, 2, 2) if i == 0 else (1 + i % 3, 2 + i % 4, 3 + i % 3, 4)
        cases.append({"maps": torch.randn(shape, generator=rng, dtype=torch.float64)})
    return cases


def _rows(maps: Tensor) -> Tensor:
    return maps.flatten(2)


def _mixed(maps: Tensor) -> Tensor:
    """All images in one matrix, as in code for a batch of one."""
    n, c, h, w = maps.shape
    rows = maps.reshape(n * c, h * w)
    return rows @ rows.T / (n * c * h * w)


def _centred(maps: Tensor) -> Tensor:
    rows = _rows(maps)
    return gram(maps - rows.mean(2)[..., None, None])


gram_matrix = FunctionTask(
    LESSON,
    "gram_matrix",
    "That is what style is, here: which channels are active together, and how much.",
    (
        Mistake(
            "not divided",
            "The products are right, but nothing is divided: divide by C · H · W.",
            lambda maps: _rows(maps) @ _rows(maps).mT,
        ),
        Mistake(
            "channels left out",
            "You divide by H · W. Divide by C · H · W.",
            lambda maps: gram(maps) * maps.shape[1],
        ),
        Mistake(
            "places left out",
            "You divide by C. Divide by C · H · W: a larger picture must not count more.",
            lambda maps: gram(maps) * maps.shape[2] * maps.shape[3],
        ),
        Mistake(
            "divided by N too",
            "The number of images does not belong into it: each image has a Gram matrix of its "
            "own.",
            lambda maps: gram(maps) / len(maps),
        ),
        Mistake(
            "images mixed",
            "The images of the batch are multiplied with each other: with N images the result has "
            "N · C rows. Keep N as an axis: (N, C, H·W) @ (N, H·W, C).",
            _mixed,
            also=(lambda maps: _mixed(maps) * len(maps),),
        ),
        Mistake(
            "places by places",
            "That is a matrix of places, (N, H·W, H·W). Sum over the places and keep the channels: "
            "rows @ rows.transpose(1, 2), not the other way round.",
            lambda maps: _rows(maps).mT @ _rows(maps) / maps[0].numel(),
        ),
        Mistake(
            "a covariance",
            "You take the mean off first, which gives a covariance. A Gram matrix does not.",
            _centred,
        ),
        Mistake(
            "only the diagonal",
            "Those are the squares of each channel with itself. The products of two different "
            "channels are what makes a style.",
            lambda maps: _rows(maps).square().sum(2) / maps[0].numel(),
            also=(lambda maps: torch.diag_embed(_rows(maps).square().sum(2)) / maps[0].numel(),),
        ),
    ),
    oracle=lambda maps: gram(maps),
    cases=_map_cases,
)

# ---- 4: content and style ---------------------------------------------------------------------


def _three_maps(rng: torch.Generator) -> list[dict]:
    """The style's maps have a size of their own, but for the first ones."""
    cases = []
    for i in range(CASES):
        n, c, h, w = (1, 2, 2, 2) if i == 0 else (1, 2 + i % 4, 3 + i % 3, 4)
        other = (n, c, h, w) if i < 3 else (n, c, h + 1 + i % 2, w + 2)
        cases.append(
            {
                "maps": torch.randn(n, c, h, w, generator=rng, dtype=torch.float64),
                "content_maps": torch.randn(n, c, h, w, generator=rng, dtype=torch.float64),
                "style_maps": torch.randn(other, generator=rng, dtype=torch.float64),
            }
        )
    return cases


def _both(
    content: Callable[[Tensor], Tensor] = lambda d: d.square().mean(),
    style: Callable[[Tensor], Tensor] = lambda d: d.square().mean(),
    matrix: Callable[[Tensor], Tensor] = gram,
    swapped: bool = False,
    exchanged: bool = False,
) -> Callable:
    """Both losses with one part changed."""

    def losses(maps: Tensor, content_maps: Tensor, style_maps: Tensor) -> tuple[Tensor, Tensor]:
        if exchanged:
            content_maps, style_maps = style_maps, content_maps
        found = (content(maps - content_maps), style(matrix(maps) - matrix(style_maps)))
        return found[::-1] if swapped else found

    return losses


def _pair(result: object) -> object:
    """A pair of numbers out of what a learner returns."""
    if isinstance(result, Tensor) and result.shape == (2,):
        result = result.tolist()
    if isinstance(result, tuple | list):
        return [
            float(part) if isinstance(part, Tensor) and part.numel() == 1 else part
            for part in result
        ]
    return result


content_and_style = FunctionTask(
    LESSON,
    "content_and_style",
    "Content asks place by place. Style asks only what occurs together, so its picture may have "
    "any size.",
    (
        Mistake(
            "the order",
            "These are the two losses in the wrong order: content first.",
            _both(swapped=True),
        ),
        Mistake(
            "the pictures exchanged",
            "Content is compared with the style's maps, and style with the content's.",
            _both(exchanged=True),
        ),
        Mistake(
            "content summed",
            "The squared differences of the content are added up. Take their mean.",
            _both(content=lambda d: d.square().sum()),
            also=(_both(content=lambda d: d.square().sum() / 2),),
        ),
        Mistake(
            "style summed",
            "The squared differences of the Gram matrices are added up. Take their mean.",
            _both(style=lambda d: d.square().sum()),
        ),
        Mistake(
            "absolute values",
            "You take absolute differences. Both losses are mean squared differences.",
            _both(content=lambda d: d.abs().mean(), style=lambda d: d.abs().mean()),
            also=(_both(content=lambda d: d.abs().mean()), _both(style=lambda d: d.abs().mean())),
        ),
        Mistake(
            "style place by place",
            "For the style, too, you compare the maps themselves, place by place. Compare their "
            "Gram matrices: those have the same shape for pictures of any size.",
            _both(matrix=lambda maps: maps),
        ),
        Mistake(
            "Gram not divided",
            "The Gram matrices are not divided by C · H · W. Then a larger picture has a larger "
            "one, and two pictures of different sizes never match.",
            _both(matrix=lambda maps: _rows(maps) @ _rows(maps).mT),
        ),
        Mistake(
            "a root",
            "Take no roots: both are mean squared differences.",
            _both(
                content=lambda d: d.square().mean().sqrt(), style=lambda d: d.square().mean().sqrt()
            ),
            also=(_both(content=lambda d: d.norm(), style=lambda d: d.norm()),),
        ),
    ),
    oracle=lambda maps, content_maps, style_maps: (
        content_loss(maps, content_maps),
        style_loss(maps, gram(style_maps)),
    ),
    cases=_three_maps,
    outcome=lambda result, arguments: _pair(result),
    returns=True,
)

# ---- 5 and 6: in style_transfer_picture.py ----------------------------------------------------

to_imagenet = picture.to_imagenet
optimise = picture.optimise
