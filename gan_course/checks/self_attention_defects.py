"""Lesson 10, the line-up: seven ways to write attention, as they are found in public code."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from gan_course.checks.framework import Mistake, ValuesTask

LESSON = "10_self_attention"

# Each gets q, k (N, d, H, W), v, x (N, c, H, W) and gamma, as the excerpts in the exercise do.


def _a(q, k, v, x, gamma):
    energy = torch.bmm(q.flatten(2).transpose(1, 2), k.flatten(2))
    attention = F.softmax(energy, dim=-1)
    out = torch.bmm(v.flatten(2), attention.transpose(1, 2))
    return x + gamma * out.view_as(x)


def _b(q, k, v, x, gamma):
    energy = torch.bmm(q.flatten(2).transpose(1, 2), k.flatten(2))
    attention = F.softmax(energy, dim=-1)
    out = torch.bmm(v.flatten(2), attention)
    return x + gamma * out.view_as(x)


def _c(q, k, v, x, gamma):
    energy = torch.bmm(k.flatten(2).transpose(1, 2), q.flatten(2))
    attention = F.softmax(energy, dim=-2)
    out = torch.bmm(v.flatten(2), attention)
    return x + gamma * out.view_as(x)


def _d(q, k, v, x, gamma):
    rows = [t.flatten(2).transpose(1, 2) for t in (q, k, v)]
    out = F.scaled_dot_product_attention(*rows)
    return x + gamma * out.transpose(1, 2).view_as(x)


def _e(q, k, v, x, gamma):
    k, v = (F.max_pool1d(t.flatten(2), 4) for t in (k, v))
    attention = F.softmax(q.flatten(2).transpose(1, 2) @ k, dim=2)
    return x + gamma * (v @ attention.transpose(1, 2)).view_as(x)


def _f(q, k, v, x, gamma):
    attention = F.softmax(torch.einsum("ndhw,ndm->nmhw", q, k.flatten(2)), dim=1)
    out = torch.einsum("ncm,nmhw->nchw", v.flatten(2), attention)
    return gamma * out


def _g(q, k, v, x, gamma):
    k, v = F.max_pool2d(k, 2), F.max_pool2d(v, 2)
    attention = F.softmax(torch.einsum("ndhw,ndm->nmhw", q, k.flatten(2)), dim=1)
    out = torch.einsum("ncm,nmhw->nchw", v.flatten(2), attention)
    return x + gamma * out


EXCERPTS: dict[str, Callable] = {"A": _a, "B": _b, "C": _c, "D": _d, "E": _e, "F": _f, "G": _g}
RIGHT, AXIS, ROOT, ORDER, RESIDUE = 1, 2, 3, 4, 5  # what the numbers of an answer mean


def measure(excerpt: Callable, rng: torch.Generator) -> int:
    """What an excerpt does wrong, found by trying it out and not by reading it."""
    n, d, c, size = 2, 4, 6, 4
    q, k = (torch.randn(n, d, size, size, generator=rng) for _ in range(2))
    v, x = (torch.randn(n, c, size, size, generator=rng) for _ in range(2))
    one, none = torch.tensor(1.0), torch.zeros_like(x)
    if not torch.allclose(excerpt(q, k, v, x, torch.tensor(0.0)), x):
        return RESIDUE
    ones = excerpt(q, k, torch.ones_like(v), none, one)
    if not torch.allclose(ones, torch.ones_like(ones), atol=1e-5):
        return AXIS
    gathered = excerpt(q, k, v, none, one)
    for pooled in (lambda t: t.flatten(2), lambda t: F.max_pool2d(t, 2).flatten(2)):
        scores = q.flatten(2).transpose(1, 2) @ pooled(k)
        for scale, verdict in ((1.0, RIGHT), (d**-0.5, ROOT)):
            expected = pooled(v) @ (scores * scale).softmax(-1).transpose(1, 2)
            if torch.allclose(gathered, expected.view_as(gathered), atol=1e-4):
                return verdict
    return ORDER


def _expected() -> list[int]:
    rng = torch.Generator().manual_seed(0)
    return [measure(excerpt, rng) for excerpt in EXCERPTS.values()]


ANSWERS = [RIGHT, AXIS, RIGHT, ROOT, ORDER, RESIDUE, RIGHT]


def _but(**changes: int) -> list[int]:
    """The right answers, but for some of them."""
    return [changes.get(name, a) for name, a in zip(EXCERPTS, ANSWERS, strict=True)]


find_defects = ValuesTask(
    LESSON,
    "find_defects",
    "All seven judged. Each of the four defects trains without an error; only a test shows it.",
    (
        Mistake(
            "B taken for right",
            "Look at B again: softmax makes the *rows* add up to 1, but v @ attention adds up "
            "along its columns. Feed it a value of 1 everywhere.",
            _but(B=RIGHT),
        ),
        Mistake(
            "C taken for wrong",
            "C is right: its table stands on its side (attended, asking), and there the attended "
            "pixels are axis −2. What counts is that the axis of softmax is the one summed over.",
            _but(C=AXIS),
        ),
        Mistake(
            "A taken for wrong",
            "A is right: softmax over the last axis, then the table is turned before the values "
            "are gathered, so that the same axis is summed over.",
            _but(A=AXIS),
        ),
        Mistake(
            "A and C taken for wrong",
            "A and C write the same thing in two ways, and both are right: in each, softmax runs "
            "over the axis that is summed over afterwards.",
            _but(A=AXIS, C=AXIS),
        ),
        Mistake(
            "D taken for right",
            "D uses torch's fused function, which divides by √d unless told otherwise with "
            "scale=1.0.",
            _but(D=RIGHT),
        ),
        Mistake(
            "E taken for right",
            "E flattens, and then takes the maximum of four numbers in a row. Which pixels are "
            "these?",
            _but(E=RIGHT),
        ),
        Mistake(
            "E taken for the axis",
            "In E softmax is where it belongs. Look at the line above it: what does max_pool1d "
            "see?",
            _but(E=AXIS),
        ),
        Mistake(
            "F taken for right",
            "What does F give back while gamma is 0, as it is in a fresh block?",
            _but(F=RIGHT),
        ),
        Mistake(
            "G taken for wrong",
            "G is right: it pools key and value as the authors do, while they still have a height "
            "and a width, and its attended pixels are axis 1.",
            _but(G=AXIS),
            also=(_but(G=ORDER),),
        ),
        Mistake(
            "F taken for the axis",
            "In F the attended pixels are axis 1, and softmax runs over them. The defect is in its "
            "last line.",
            _but(F=AXIS),
        ),
    ),
    questions=tuple(f"excerpt {name}." for name in EXCERPTS),
    expected=_expected,
)
