"""Lesson 14, tasks 4 to 6: the fade-in, its schedule, and a D that takes all sizes."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks.framework import CASES, WRONG, Answer, FunctionTask, Mistake

LESSON = "14_high_resolution"

# ---- 4: the fade-in ---------------------------------------------------------------------------


def _fade_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        draw = {"generator": rng, "dtype": torch.float64}
        size = 4 * (1 + i % 3)
        alpha = (0.25, 0.0, 1.0, 0.7)[i % 4]
        cases.append(
            {
                "old": torch.randn(2, 3, size // 2, size // 2, **draw),
                "new": torch.randn(2, 3, size, size, **draw),
                "alpha": alpha,
            }
        )
    return cases


def _nearest(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _bilinear(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _blend(
    weights: Callable[[float], tuple[float, float]] = lambda a: (1 - a, a),
    up: Callable[[Tensor], Tensor] = _nearest,
) -> Callable:
    def fade(old: Tensor, new: Tensor, alpha: float) -> Tensor:
        of_old, of_new = weights(alpha)
        return of_old * up(old) + of_new * new

    return fade


def _shrunk(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    return (1 - alpha) * old + alpha * F.avg_pool2d(new, 2)


def _tiled(x: Tensor) -> Tensor:
    return x.repeat(1, 1, 2, 2)


fade_in = FunctionTask(
    LESSON,
    "fade_in",
    "At alpha 0 nothing changes for D, and at 1 the old way may be thrown away.",
    (
        Mistake(
            "alpha turned round",
            "alpha is the weight of the *new* image here: at 1 only the new one is left. (In the "
            "authors' code it runs the other way.)",
            _blend(weights=lambda a: (a, 1 - a)),
        ),
        Mistake(
            "old stays whole",
            "The old image keeps its full weight, so that the sum grows too bright. Its weight is "
            "1 − alpha.",
            _blend(weights=lambda a: (1, a)),
        ),
        Mistake(
            "bilinear",
            "The old image is enlarged by blending its pixels. Here each pixel becomes four equal "
            'ones: mode="nearest".',
            _blend(up=_bilinear),
        ),
        Mistake(
            "tiled",
            "The old image stands there four times, side by side. Each *pixel* becomes four: "
            'F.interpolate(old, scale_factor=2, mode="nearest").',
            _blend(up=_tiled),
        ),
        Mistake(
            "new shrunk",
            "The new image is shrunk to the old size. The result has the new size: enlarge the old "
            "one.",
            _shrunk,
        ),
        Mistake(
            "half and half",
            "The two are mixed half and half whatever alpha is.",
            _blend(weights=lambda a: (0.5, 0.5)),
        ),
    ),
    oracle=_blend(),
    cases=_fade_cases,
)

# ---- 5: the schedule --------------------------------------------------------------------------


def _schedule_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        phase = 8 * (10 + int(torch.randint(0, 50, (), generator=rng)))  # divides well by 4
        place = (0, 1, 2, 3, 4, 0.5, 1.25, 2.5, 3.75, 9, 1.5, 5.5)[i]
        cases.append({"images_seen": int(place * phase), "phase": phase, "top_level": 2 + i % 2})
    return cases


def _schedule(
    fades_first: bool = False,
    turned: bool = False,
    stops: bool = True,
    level_early: bool = False,
    per_level: int = 2,
) -> Callable:
    def schedule(images_seen: int, phase: int, top_level: int) -> tuple[int, float]:
        number, rest = divmod(images_seen, phase)
        if stops and number >= per_level * top_level:
            return top_level, 1.0
        fading = number % 2 == (0 if fades_first else 1)
        if per_level == 1:
            return number + 1, rest / phase
        level = (number + 1) // 2
        if not fading:
            return (level, 1.0)
        alpha = rest / phase
        if fades_first:
            level += 1
        return (level - 1 if level_early else level, 1 - alpha if turned else alpha)

    return schedule


growth_schedule = FunctionTask(
    LESSON,
    "growth_schedule",
    "Settle, fade in, settle: each size gets time before the next one comes.",
    (
        Mistake(
            "alpha turned round",
            "alpha falls while a block fades in. It rises from 0 to 1: the new block's share.",
            _schedule(turned=True),
        ),
        Mistake(
            "fading at once",
            "It begins by fading in. First level 0 is trained for one phase with alpha = 1.",
            _schedule(fades_first=True),
        ),
        Mistake(
            "no time to settle",
            "One level fades in straight after another. Between two of them lies a phase with "
            "alpha = 1.",
            _schedule(per_level=1),
        ),
        Mistake(
            "grows for ever",
            "It grows beyond the top level. From there on it is (top_level, 1.0).",
            _schedule(stops=False),
        ),
        Mistake(
            "the old level's number",
            "While a block fades in, the level is that of the *new* size: images have it already.",
            _schedule(level_early=True),
        ),
    ),
    oracle=_schedule(),
    cases=_schedule_cases,
    outcome=lambda result, arguments: _pair(result),
    returns=True,
)


def _pair(result: object) -> object:
    """A list of two floats, whatever kind of pair it is."""
    if isinstance(result, Tensor) and result.ndim == 1 and not result.is_complex():
        result = result.tolist()
    if isinstance(result, tuple | list):
        plain = [v.item() if isinstance(v, Tensor) and v.numel() == 1 else v for v in result]
        return [float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in plain]
    return result


# ---- 6: all sizes -----------------------------------------------------------------------------


class Halve(torch.nn.Module):
    """A block of D: a 3x3 convolution, LeakyReLU, half the size. Weights from the given draw."""

    def __init__(self, inputs: int, outputs: int, rng: torch.Generator) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, 3, padding=1).double().requires_grad_(False)
        for parameter in self.conv.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.leaky_relu(self.conv(x), 0.2), 2)


def _pyramid_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        levels, channels, width = 2 + i % 2, 1 + i % 3, 3
        sizes = [4 * 2**k for k in range(levels)]
        draw = {"generator": rng, "dtype": torch.float64}
        images = [torch.randn(2, channels, size, size, **draw) for size in sizes]
        blocks = [Halve(channels, width, rng)]
        blocks += [Halve(width + channels, width, rng) for _ in range(levels - 2)]
        cases.append({"images": images, "blocks": blocks})
    return cases


def _read(
    join: Callable[[Tensor, Tensor], Tensor] = lambda x, image: torch.cat([x, image], dim=1),
    smaller: Callable[[list[Tensor]], list[Tensor]] = lambda images: images[-2::-1],
) -> Callable:
    def read(images: list[Tensor], blocks: list[torch.nn.Module]) -> Tensor:
        x = images[-1]
        for block, image in zip(blocks, smaller(images), strict=True):
            x = join(block(x), image)
        return x

    return read


def _single(images: list[Tensor], blocks: list[torch.nn.Module]) -> Tensor:
    """Copies of the largest image in the place of the others: their own content is not read."""
    x = images[-1]
    for k, block in enumerate(blocks):
        x = torch.cat([block(x), F.avg_pool2d(images[-1], 2 ** (k + 1))], dim=1)
    return x


discriminate_all = FunctionTask(
    LESSON,
    "discriminate_all",
    "D's opinion hangs on each image directly, and so each block of G hears from it directly.",
    (
        Mistake(
            "image first",
            "The image lies before the map's channels. The map comes first: the next block's "
            "weights count on it.",
            _read(join=lambda x, image: torch.cat([image, x], dim=1)),
        ),
        Mistake(
            "smallest not laid beside",
            "The smallest image is missing in the result. Lay it beside the last map, too.",
            lambda images, blocks: _read()(images, blocks)[:, : -images[0].shape[1]],
        ),
        Mistake(
            "made from the largest",
            "The smaller images are shrunk from the largest. Take those of the list: they are G's "
            "own, and D must see them.",
            _single,
        ),
        Mistake(
            "cut off from G",
            "The numbers are right, but no gradient comes back to the smaller images: they are "
            "detached. That gradient is what they are there for.",
            _read(join=lambda x, image: torch.cat([x, image.detach()], dim=1)),
        ),
        Mistake(
            "zeros",
            "The smaller images arrive as zeros. D must read them as they came.",
            _read(join=lambda x, image: torch.cat([x, torch.zeros_like(image)], dim=1)),
        ),
    ),
    oracle=_read(),
    cases=_pyramid_cases,
    prepare=lambda arguments: [image.requires_grad_(True) for image in arguments["images"]],
    outcome=lambda result, arguments: _map_and_ways(result, **arguments),
    returns=True,
)


def _map_and_ways(result: object, images: list[Tensor], blocks: list[torch.nn.Module]) -> object:
    """The last map, and for each image whether gradient comes back to it."""
    if not blocks or len(images) != len(blocks) + 1:
        raise Answer(
            WRONG,
            "It takes entries out of the lists, or puts some in (pop, append, remove). The caller "
            "still needs them as they are: work on copies, list(images).",
        )
    if not isinstance(result, Tensor) or not result.is_floating_point():
        return result
    back = [False] * len(images)
    if result.requires_grad:
        gradients = torch.autograd.grad(result.sum(), images, allow_unused=True)
        back = [g is not None and bool((g != 0).any()) for g in gradients]
    return {"the last map": result.detach(), "gradient comes back to the images": back}
