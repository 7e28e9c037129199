"""Lesson 10, attention in two steps: the map of weights, and the values that it gathers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "10_self_attention"

# ---- 3: the map -------------------------------------------------------------------------------


def scores_of(query: Tensor, key: Tensor) -> Tensor:
    """(N, d, ...), (N, d, ...) -> (N, pixels that ask, pixels that are looked at)."""
    return query.flatten(2).transpose(1, 2) @ key.flatten(2)


def _map_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n, d, height, width = 1 + i % 3, 2 + i % 4, 2 + i % 2, 2 + i % 3
        query = torch.randn(n, d, height, width, generator=rng)
        other = (height, width) if i < 4 else (1 + i % 2, 2)  # a pooled key has fewer pixels
        cases.append({"query": query, "key": torch.randn(n, d, *other, generator=rng)})
    return cases


def _map(weights):
    return lambda query, key: weights(scores_of(query, key))


def _pixels_by_reshape(query, key):
    n, d = query.shape[:2]
    return torch.softmax(query.reshape(n, -1, d) @ key.reshape(n, -1, d).transpose(1, 2), -1)


attention_map = FunctionTask(
    LESSON,
    "attention_map",
    "Each row belongs to the pixel that asks, and shares out a weight of exactly 1.",
    (
        Mistake(
            "softmax over those that ask",
            "The weights add up to 1 over the pixels that *ask*. Each row belongs to one pixel "
            "that asks, and must add up to 1 over those it looks at: the last axis.",
            _map(lambda scores: scores.softmax(1)),
        ),
        Mistake(
            "softmax over everything",
            "All weights of an image add up to 1 together. Each row should, on its own.",
            _map(lambda scores: scores.flatten(1).softmax(1).view_as(scores)),
        ),
        Mistake(
            "softmax over the batch",
            "dim=0 is the batch: the images share a weight of 1 between them.",
            _map(lambda scores: scores.softmax(0)),
        ),
        Mistake(
            "map transposed",
            "The numbers are right, but the map lies on its side. Asked for is (N, pixels that "
            "ask, pixels that are looked at).",
            _map(lambda scores: scores.softmax(-1).transpose(1, 2)),
        ),
        Mistake(
            "roles exchanged",
            "Here the keys ask and the queries answer. Row i is made of query i and all keys.",
            lambda query, key: scores_of(key, query).softmax(-1),
            also=(_map(lambda scores: scores.softmax(1).transpose(1, 2)),),
        ),
        Mistake(
            "divided by a root",
            "The scores are divided by √d. Transformers do that; SAGAN's attention does not, and "
            "weights that were trained without it give other images with it.",
            lambda query, key: (scores_of(query, key) / query.shape[1] ** 0.5).softmax(-1),
        ),
        Mistake(
            "divided by d",
            "The scores are divided by d. Leave them as they are.",
            lambda query, key: (scores_of(query, key) / query.shape[1]).softmax(-1),
        ),
        Mistake(
            "no softmax",
            "These are the scores. Softmax makes weights of them: positive, and 1 in each row.",
            _map(lambda scores: scores),
        ),
        Mistake(
            "divided by the sum",
            "It divides the scores by their sum, without the exponential. Scores can be negative, "
            "and their sum can be 0: use softmax.",
            _map(lambda scores: scores / scores.sum(-1, keepdim=True)),
        ),
        Mistake(
            "reshape instead of moving the axis",
            "It cuts the numbers into rows with reshape, which mixes channels and pixels. First "
            "flatten(2), then exchange the axes 1 and 2.",
            _pixels_by_reshape,
        ),
    ),
    oracle=lambda query, key: torch.softmax(
        torch.einsum("ndl,ndm->nlm", query.flatten(2), key.flatten(2)), dim=2
    ),
    cases=_map_cases,
)

# ---- 4: gathering, with pooled keys and values ------------------------------------------------


def _gather_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n, d, c = 1 + i % 2, 2 + i % 3, 3 + i % 3
        height, width = (4, 4) if i < 4 else (2 + 2 * (i % 3), 4 + 2 * (i % 2))
        query, key = (torch.randn(n, d, height, width, generator=rng) for _ in range(2))
        value = torch.randn(n, c, height, width, generator=rng)
        cases.append({"query": query, "key": key, "value": value})
    return cases


def _right(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """By torch's own fused attention, whose scale has to be set to 1 here."""
    rows = (query, F.max_pool2d(key, 2), F.max_pool2d(value, 2))
    q, k, v = (t.flatten(2).transpose(1, 2) for t in rows)
    out = F.scaled_dot_product_attention(q, k, v, scale=1.0)  # (N, L, c)
    return out.transpose(1, 2).unflatten(2, query.shape[2:])


def _gather(pool=None, weights=None, back=None):
    """Attention with a choice of what to get wrong.

    ``pool`` makes (N, C, M) of a map (N, C, H, W), ``weights`` a map of the scores, ``back`` the
    image of (N, c, L) and the query.
    """
    pool = pool or (lambda x: F.max_pool2d(x, 2).flatten(2))
    weights = weights or (lambda scores, d: scores.softmax(-1))
    back = back or (lambda out, query: out.unflatten(2, query.shape[2:]))

    def wrong(query, key, value):
        scores = query.flatten(2).transpose(1, 2) @ pool(key)  # (N, L, M)
        beta = weights(scores, query.shape[1])
        return back(pool(value) @ beta.transpose(1, 2), query)

    return wrong


def _query_pooled(query, key, value):
    return _gather()(F.max_pool2d(query, 2), key, value)


def _map_pooled(query, key, value):
    """Softmax over all pixels first, then pools the weights: they add up to less than 1."""
    scores = scores_of(query, key)  # (N, L, L)
    beta = scores.softmax(-1).unflatten(2, key.shape[2:])  # (N, L, H, W)
    beta = F.max_pool2d(beta, 2).flatten(2)
    out = F.max_pool2d(value, 2).flatten(2) @ beta.transpose(1, 2)
    return out.unflatten(2, query.shape[2:])


def _only_one_pooled(which: str):
    """The shapes then do not fit, and torch says so."""

    def wrong(query, key, value):
        keys = F.max_pool2d(key, 2) if which == "key" else key
        values = F.max_pool2d(value, 2) if which == "value" else value
        beta = scores_of(query, keys).softmax(-1)
        return (values.flatten(2) @ beta.transpose(1, 2)).unflatten(2, query.shape[2:])

    return wrong


def _rows_by_reshape(out, query):
    """(N, c, L) -> (N, L, c), and then cut up as if the axes stood the other way round."""
    return out.transpose(1, 2).reshape(out.shape[0], out.shape[1], *query.shape[2:])


pooled_attention = FunctionTask(
    LESSON,
    "pooled_attention",
    "All pixels ask; a quarter of them, the strongest of each 2×2, can be looked at.",
    (
        Mistake(
            "not pooled",
            "Key and value are not pooled. Max-pool both, 2×2, while they still have a height and "
            "a width.",
            _gather(pool=lambda x: x.flatten(2)),
        ),
        Mistake(
            "flattened before it was pooled",
            "It flattens first and pools the long row: four numbers in a row are neighbours of one "
            "line, not a 2×2 square. Pool first, then flatten.",
            _gather(pool=lambda x: F.max_pool1d(x.flatten(2), 4)),
            also=(_gather(pool=lambda x: F.max_pool1d(x.flatten(2), 2)),),
        ),
        Mistake(
            "mean instead of maximum",
            "It pools with the mean. The authors' code takes the maximum of each 2×2.",
            _gather(pool=lambda x: F.avg_pool2d(x, 2).flatten(2)),
        ),
        Mistake(
            "overlapping windows",
            "The windows overlap: the pooling has stride 1. They should stand side by side, "
            "stride 2.",
            _gather(pool=lambda x: F.max_pool2d(x, 2, stride=1).flatten(2)),
        ),
        Mistake(
            "query pooled",
            "The result is smaller than the query: the query was pooled too. Every pixel asks; "
            "only what is looked at is pooled.",
            _query_pooled,
        ),
        Mistake(
            "only one of them pooled",
            "The values and the weights do not fit. Either only one of key and value is pooled; "
            "then a weight that belongs to a key does not find its value. Or the map is not "
            "turned: value @ map.transpose(1, 2) sums over the pixels that are looked at.",
            _only_one_pooled("key"),
            also=(_only_one_pooled("value"),),
        ),
        Mistake(
            "map pooled",
            "It pools the finished weights, so that a row no longer adds up to 1. Pool key and "
            "value, and take softmax of what is left.",
            _map_pooled,
        ),
        Mistake(
            "softmax over those that ask",
            "Softmax runs over the pixels that ask. Try it with a value of 1 everywhere: the "
            "result must be 1, and here it is not.",
            _gather(weights=lambda scores, d: scores.softmax(1)),
        ),
        Mistake(
            "divided by a root",
            "The scores are divided by √d. SAGAN's attention does not do that; in torch's fused "
            "function it has to be switched off with scale=1.0.",
            _gather(weights=lambda scores, d: (scores / d**0.5).softmax(-1)),
        ),
        Mistake(
            "no softmax",
            "It gathers with the raw scores. Softmax over the pixels that are looked at comes "
            "before that.",
            _gather(weights=lambda scores, d: scores),
        ),
        Mistake(
            "pixels cut up by reshape",
            "The numbers are right, but in the wrong places: a tensor (N, H·W, c) was reshaped to "
            "(N, c, H, W). Exchange its axes 1 and 2 first.",
            _gather(back=_rows_by_reshape),
        ),
        Mistake(
            "left flat",
            "The numbers are right, but the pixels still stand in one row. Give them their height "
            "and width back.",
            _gather(back=lambda out, query: out),
        ),
        Mistake(
            "left flat, channels last",
            "The numbers are right, but in the shape (N, H·W, c). Asked for is (N, c, H, W): "
            "exchange the axes 1 and 2, then give the pixels their height and width back.",
            _gather(back=lambda out, query: out.transpose(1, 2)),
        ),
    ),
    oracle=_right,
    cases=_gather_cases,
    forbidden=("scaled_dot_product_attention",),
)
