"""Lesson 12: reading a map of attention, and what the block costs."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "12_sagan"

# ---- 6: from an index to a place --------------------------------------------------------------


def _map_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        height = 4 + 2 * (i % 3)
        width = height + 2 + 2 * (i % 2)  # not square: else rows and columns may be exchanged
        pool = i % 2 == 1
        attended = height * width // 4 if pool else height * width
        row = int(torch.randint(1, height, (1,), generator=rng))
        column = int(torch.randint(0, width, (1,), generator=rng))
        scores = torch.randn(height * width, attended, generator=rng)
        cases.append(
            {
                "weights": scores.softmax(dim=1),
                "row": row,
                "column": column,
                "width": width,
                "pool": pool,
            }
        )
    return cases


def _map_oracle(weights: Tensor, row: int, column: int, width: int, pool: bool) -> tuple:
    """By looking at the weights as a picture, not by dividing indices."""
    pixels = weights.reshape(-1, width, weights.shape[1])[row, column]
    picture = pixels.reshape(-1, width // 2 if pool else width)
    found = (picture == picture.max()).nonzero()[0]
    return tuple((found * (2 if pool else 1)).tolist())


def _look(
    index=lambda row, column, width: row * width + column,
    take=lambda weights, i: weights[i],
    narrow: bool = True,
    enlarge: bool = True,
    swap: bool = False,
    pick=torch.argmax,
):
    """Reading the map with a choice of what to get wrong."""

    def wrong(weights, row, column, width, pool):
        best = int(pick(take(weights, index(row, column, width))))
        cells = width // 2 if pool and narrow else width
        place = (best // cells, best % cells)
        if pool and enlarge:
            place = (2 * place[0], 2 * place[1])
        return place[::-1] if swap else place

    return wrong


where_it_looks = FunctionTask(
    LESSON,
    "where_it_looks",
    "You can read any map of attention now: row by row, as we read a page.",
    (
        Mistake(
            "row and column exchanged at the start",
            "It asks the pixel at (column, row). Pixels are counted row by row: the one at (row, "
            "column) has the number row * width + column.",
            _look(index=lambda row, column, width: column * width + row),
        ),
        Mistake(
            "row and column exchanged at the end",
            "The place comes out as (column, row).",
            _look(swap=True),
        ),
        Mistake(
            "a column of the map",
            "It takes a column of the map: who looks at this pixel. Where this pixel looks stands "
            "in its row, weights[i].",
            _look(take=lambda weights, i: weights[:, i % weights.shape[1]]),
            also=(_look(take=lambda weights, i: weights[:, i]),),
        ),
        Mistake(
            "the width of the map before pooling",
            "With pooling the attended map has width // 2 cells in a row. Divide by that.",
            _look(narrow=False),
        ),
        Mistake(
            "not brought back",
            "With pooling, cell (1, 2) covers the pixels from (2, 4) on. Double both numbers.",
            _look(enlarge=False),
        ),
        Mistake(
            "the width before pooling, and not brought back",
            "With pooling the attended map is half as wide, so divide by width // 2; and then "
            "double both numbers, since each cell covers 2×2 pixels.",
            _look(narrow=False, enlarge=False),
        ),
        Mistake(
            "where it looks least",
            "It finds the place with the least weight.",
            _look(pick=torch.argmin),
        ),
        Mistake(
            "the strongest weight of all",
            "It looks for the largest weight in the whole map, whoever asks. Take the row of the "
            "pixel that asks first.",
            _look(take=lambda weights, i: weights.amax(dim=0)),
        ),
    ),
    oracle=_map_oracle,
    cases=_map_cases,
)


# ---- 7: the bill ------------------------------------------------------------------------------


def _cost_cases(rng: torch.Generator) -> list[dict]:
    sizes = [(8, 2, 2), (16, 4, 4), (8, 4, 6), (32, 8, 8), (64, 16, 16), (128, 32, 32)]
    cases = []
    for channels, height, width in sizes:
        for pool in (False, True):
            cases.append({"channels": channels, "height": height, "width": width, "pool": pool})
    return cases[:CASES]


def _cost_oracle(channels: int, height: int, width: int, pool: bool) -> tuple[int, int]:
    """Counted on tensors without memory: torch says the shapes, we multiply them."""
    with torch.device("meta"):
        x = torch.empty(channels, height * width)
        weights = {
            "query": torch.empty(channels // 8, channels),
            "key": torch.empty(channels // 8, channels),
            "value": torch.empty(channels // 2, channels),
            "output": torch.empty(channels, channels // 2),
        }
    work = 0

    def product(a: Tensor, b: Tensor) -> Tensor:
        nonlocal work
        work += a.shape[0] * a.shape[1] * b.shape[1]
        return a @ b

    query, key, value = (product(weights[name], x) for name in ("query", "key", "value"))
    if pool:
        key, value = key[:, ::4], value[:, ::4]
    scores = product(query.T, key)
    product(weights["output"], product(value, scores.T))
    return sum(weight.numel() for weight in weights.values()) + 1, work


def _cost(
    gamma: int = 1,
    value=lambda c: c // 2,
    pooled: bool = True,
    convs: bool = True,
    products: int = 2,
    quarter: int = 4,
    early: bool = False,
    output: bool = True,
):
    """The bill with a choice of what to get wrong."""

    def wrong(channels, height, width, pool):
        positions = height * width
        attended = positions // quarter if pool and pooled else positions
        q, v = channels // 8, value(channels)
        out = v * channels if output else 0
        parameters = 2 * channels * q + channels * v + out + gamma
        # With ``early`` the convolutions of key and value are counted after pooling.
        seen = attended if early else positions
        work = positions * (channels * q + out) + seen * (channels * q + channels * v)
        work = work if convs else 0
        work += positions * attended * (q + v if products == 2 else q)
        return parameters, work

    return wrong


attention_cost = FunctionTask(
    LESSON,
    "attention_cost",
    "Parameters don't feel the size of the map; the work does, and its largest part grows with "
    "the square of the positions.",
    (
        Mistake(
            "gamma forgotten",
            "gamma is a parameter too: one more.",
            _cost(gamma=0),
        ),
        Mistake(
            "pooling forgotten",
            "With pooling there is a quarter of the positions to look at: height // 2 times "
            "width // 2.",
            _cost(pooled=False),
        ),
        Mistake(
            "pooling halves",
            "2×2 pooling halves the height and the width: a quarter of the positions is left, not "
            "half.",
            _cost(quarter=2),
        ),
        Mistake(
            "pooled before the convolution",
            "Key and value are computed at every position, and only then pooled: pooling does not "
            "make their convolutions cheaper.",
            _cost(early=True),
        ),
        Mistake(
            "values of full width",
            "The value has half of the channels here, as in the authors' code, and so the output "
            "convolution reads half of them.",
            _cost(value=lambda c: c),
        ),
        Mistake(
            "one product forgotten",
            "Scores are one product, gathering the values by them is another: positions × attended "
            "× channels // 2.",
            _cost(products=1),
        ),
        Mistake(
            "convolutions forgotten",
            "The four 1×1 convolutions are work too: each weight is used once at every position.",
            _cost(convs=False),
        ),
        Mistake(
            "output convolution forgotten",
            "There are four convolutions: the last one leads from C / 2 channels back to C.",
            _cost(output=False),
        ),
    ),
    oracle=_cost_oracle,
    cases=_cost_cases,
)
