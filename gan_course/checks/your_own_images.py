"""Lesson 16: duplicates, the relativistic loss, the penalty on the slope, adaptive augmentation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import your_own_images_game as game
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask

LESSON = "16_your_own_images"

# ---- 1: what holds ----------------------------------------------------------------------------

_CLAIMS = (
    ("a file called cat.jpg is a JPEG", False),
    ("a training image that is there 50 times counts 50 times", True),
    ("300 images: more epochs are as good as more images", False),
    ("every image is rotated at random: G may draw rotated images", True),
    ("only the real images are augmented: the fakes need none", False),
    ("D is right about nearly all real training images: D may know them by heart", True),
    ("no fake is near a training image in pixels: nothing was copied", False),
    ("images of 40x40 trained at 128x128: G will learn the blur of the enlargement", True),
)

true_or_not = ValuesTask(
    LESSON,
    "true_or_not",
    "You will not be surprised by a folder again. (You will. But less.)",
    (
        Mistake(
            "everything is believed",
            "You believe every claim. Some of these have cost people a week of training.",
            [True] * len(_CLAIMS),
        ),
        Mistake(
            "nothing is believed",
            "You believe no claim. Four of them hold.",
            [False] * len(_CLAIMS),
        ),
        Mistake(
            "turned round",
            "Each of them is the other way round: True stands for a claim that holds.",
            [not holds for _, holds in _CLAIMS],
        ),
    ),
    questions=tuple(text for text, _ in _CLAIMS),
    expected=lambda: [holds for _, holds in _CLAIMS],
)

# ---- 2: the hash ------------------------------------------------------------------------------


def _pictures(rng: torch.Generator) -> list[dict]:
    """Small grey pictures with equal neighbours in them, and far from symmetric."""
    cases = []
    for i in range(CASES):
        height, width = 2 + i // 3, 4 + i // 2
        grey = torch.randint(0, 256, (height, width), generator=rng, dtype=torch.uint8)
        grey[0, :4] = torch.tensor([90, 90, 200, 30])
        grey[1, :4] = torch.tensor([250, 10, 10, 240])
        cases.append({"grey": grey})
    return cases


def _answers(result: object, arguments: dict) -> object:
    """Bools, whatever kind of 0 and 1 they came as."""
    if not isinstance(result, Tensor) or result.is_complex() or result.is_meta:
        return result
    return result.double() if bool(((result == 0) | (result == 1)).all()) else result


difference_hash = FunctionTask(
    LESSON,
    "difference_hash",
    "A picture in a few bits, which hardly change when it is saved again.",
    (
        Mistake(
            "turned round",
            "The comparison is turned round: True is where a pixel is brighter than its right "
            "neighbour.",
            lambda grey: grey[:, :-1] < grey[:, 1:],
        ),
        Mistake(
            "equal counts",
            "Where two neighbours are equal, the left one is not brighter: False.",
            lambda grey: grey[:, :-1] >= grey[:, 1:],
        ),
        Mistake(
            "uint8 has no minus",
            "It says True wherever the two differ. So does a difference of two uint8, which never "
            "falls below 0: 10 − 250 becomes 16. Compare them by >, or "
            "make them whole numbers with a sign first: grey.int().",
            lambda grey: (grey[:, :-1] - grey[:, 1:]) > 0,
        ),
        Mistake(
            "the neighbour below",
            "It compares with the pixel below. The right neighbour is the next column.",
            lambda grey: grey[:-1] > grey[1:],
        ),
        Mistake(
            "compared with the mean",
            "It compares with the picture's mean. That is another hash (aHash); here each pixel is "
            "compared with its right neighbour.",
            lambda grey: grey > grey.double().mean(),
            also=(lambda grey: grey[:, :-1] > grey.double().mean(),),
        ),
        Mistake(
            "round the corner",
            "The last column has no right neighbour: there is one answer less than columns. "
            "torch.roll brings back the first one.",
            lambda grey: grey > grey.roll(-1, dims=1),
        ),
    ),
    oracle=lambda grey: grey[:, :-1] > grey[:, 1:],
    cases=_pictures,
    outcome=_answers,
    returns=True,
)

# ---- 3: who is kept ---------------------------------------------------------------------------


def _hashes(rng: torch.Generator) -> list[dict]:
    """Hashes with exact copies, near ones, ones at exactly the reach and just beyond, a chain."""
    cases = []
    for i in range(CASES):
        width, reach = 24 + 2 * i, 2 + i % 3
        base = torch.rand((3, width), generator=rng) < 0.5
        base[1], base[2] = ~base[0], base[0].roll(1) ^ (torch.arange(width) % 2 == 0)
        rows = [base[0], base[1]]
        chain = base[0].clone()
        for start in (0, reach, 2 * reach):  # each within reach of the one before
            chain = chain.clone()
            chain[start : start + reach] = ~chain[start : start + reach]
            rows.append(chain)
        exact = base[1].clone()
        near = base[1].clone()
        near[0] = ~near[0]
        beyond = base[1].clone()
        beyond[-reach - 1 :] = ~beyond[-reach - 1 :]
        rows += [exact, near, beyond, base[2]]
        order = torch.arange(len(rows))
        if i:  # the chain keeps its order, the others move
            order = torch.cat([order[1:5], order[:1], order[5:]])
        cases.append({"hashes": torch.stack(rows)[order], "reach": reach})
    return cases


def _keep(
    among: Callable[[list[int], int], list[int]] = lambda kept, i: kept,
    near: Callable[[int, int], bool] = lambda apart, reach: apart <= reach,
) -> Callable:
    """The rule with one of its parts changed: whom to compare with, and what is near."""

    def keep(hashes: Tensor, reach: int) -> list[int]:
        kept: list[int] = []
        for i, row in enumerate(hashes):
            others = among(kept, i)
            if not any(near(int((hashes[k] != row).sum()), reach) for k in others):
                kept.append(i)
        return kept

    return keep


_kept = _keep()


def _dropped(hashes: Tensor, reach: int) -> list[int]:
    kept = _kept(hashes, reach)
    return [i for i in range(len(hashes)) if i not in kept]


def _last_of_each(hashes: Tensor, reach: int) -> list[int]:
    last = len(hashes) - 1
    return sorted(last - i for i in _kept(hashes.flip(0), reach))


def _list(result: object, arguments: dict) -> object:
    return result.tolist() if isinstance(result, Tensor) and result.ndim == 1 else result


keep_first = FunctionTask(
    LESSON,
    "keep_first",
    "Every kept image stands for all that are nearly the same, and no file was touched.",
    (
        Mistake(
            "only the one before",
            "It compares each image with the one just before it. A copy may come much later: "
            "compare with all that were kept.",
            _keep(among=lambda kept, i: [i - 1] if i else []),
        ),
        Mistake(
            "compared with dropped ones",
            "It compares with dropped images, too. So a long chain of small changes is dropped as "
            "one, although its ends differ widely. Compare with kept ones only.",
            _keep(among=lambda kept, i: list(range(i))),
        ),
        Mistake(
            "less than",
            "Exactly reach answers that differ are still near.",
            _keep(near=lambda apart, reach: apart < reach),
        ),
        Mistake(
            "one too many",
            "At most reach answers may differ; with reach + 1 an image is kept.",
            _keep(near=lambda apart, reach: apart <= reach + 1),
        ),
        Mistake(
            "only exact copies",
            "It drops exact copies only. Up to reach answers may differ.",
            _keep(near=lambda apart, reach: apart == 0),
        ),
        Mistake(
            "the dropped ones",
            "These are the images that are dropped. Return the numbers of the kept ones.",
            _dropped,
        ),
        Mistake(
            "the last of each",
            "It keeps the last image of each group. Go from the front: the first is kept.",
            _last_of_each,
        ),
    ),
    oracle=_kept,
    cases=_hashes,
    outcome=_list,
    returns=True,
)

# ---- 4: the loss of pairs ---------------------------------------------------------------------


def _logits(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        real = 2 * torch.randn(3 + i, generator=rng, dtype=torch.float64) + 1
        fake = torch.randn(3 + i, generator=rng, dtype=torch.float64) - 1
        if i > 3:
            real[0], fake[0] = -900.0, 900.0
            real[1], fake[1] = 900.0, -900.0
        cases.append({"logits_real": real.requires_grad_(), "logits_fake": fake.requires_grad_()})
    return cases


def _losses(
    loss: Callable[[Tensor], Tensor] = lambda difference: F.softplus(-difference).mean(),
    pairs: Callable[[Tensor, Tensor], Tensor] = lambda real, fake: real - fake,
) -> Callable:
    """Both losses from the differences, with one of the parts changed."""

    def losses(logits_real: Tensor, logits_fake: Tensor) -> tuple[Tensor, Tensor]:
        difference = pairs(logits_real, logits_fake)
        return loss(difference), loss(-difference)

    return losses


def _apart(logits_real: Tensor, logits_fake: Tensor) -> tuple[Tensor, Tensor]:
    loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    return loss_d, F.softplus(-logits_fake).mean()


def _with_what_they_reach(result: object, arguments: dict) -> object:
    """Both losses, and whether a network could learn from them."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        return game.numbers(result)
    told = {"losses": game.numbers([v.detach() if isinstance(v, Tensor) else v for v in result])}
    for loss, name in zip(result, ("logits_real", "logits_fake"), strict=True):
        found = None
        if isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad:
            logits = arguments[name]
            (found,) = torch.autograd.grad(loss.sum(), logits, allow_unused=True, retain_graph=True)
        told[f"gradient for {name}"] = found is not None
    return told


relativistic_losses = FunctionTask(
    LESSON,
    "relativistic_losses",
    "More real than its partner: that is all either player is asked for.",
    (
        Mistake(
            "exchanged",
            "The two are exchanged, or the difference has the wrong sign. D wants real logits "
            "above fake ones.",
            _losses(pairs=lambda real, fake: fake - real),
        ),
        Mistake(
            "each on its own",
            "That is the non-saturating loss, which asks of each image alone whether it is real. "
            "Take the difference of each pair first.",
            _apart,
        ),
        Mistake(
            "log of sigmoid",
            "For a large difference sigmoid rounds to 0, and its logarithm is infinite. softplus "
            "computes the same safely: −log sigmoid(x) = softplus(−x).",
            _losses(loss=lambda difference: -torch.sigmoid(difference).log().mean()),
        ),
        Mistake(
            "mean first",
            "It compares the two means. Each pair counts for itself: first softplus, then the "
            "mean.",
            _losses(loss=lambda difference: F.softplus(-difference.mean())),
        ),
        Mistake(
            "all pairs",
            "It compares each real image with every fake. Each has one partner: the fake with its "
            "number.",
            _losses(pairs=lambda real, fake: real[:, None] - fake[None]),
        ),
        Mistake(
            "sum",
            "These are sums over the batch. Take the mean, so that the batch size changes nothing.",
            _losses(loss=lambda difference: F.softplus(-difference).sum()),
        ),
        Mistake(
            "G's is minus D's",
            "G's loss is not minus D's: that one saturates when D wins. Both take softplus, of "
            "differences with opposite signs.",
            lambda logits_real, logits_fake: (
                F.softplus(logits_fake - logits_real).mean(),
                -F.softplus(logits_fake - logits_real).mean(),
            ),
        ),
        Mistake(
            "no gradient",
            "The numbers are right, but nothing can learn from them: their gradient was lost, "
            "by item() or detach(). Return them as tensors.",
            lambda logits_real, logits_fake: tuple(
                v.item() for v in _losses()(logits_real, logits_fake)
            ),
        ),
        Mistake(
            "one loss only",
            "The loss of D is right. Return both, D's first.",
            lambda logits_real, logits_fake: F.softplus(logits_fake - logits_real).mean(),
        ),
    ),
    oracle=_losses(),
    cases=_logits,
    outcome=_with_what_they_reach,
    returns=True,
)

# ---- 5 and 6: in your_own_images_game.py ------------------------------------------------------

slope_penalty = game.slope_penalty
next_share = game.next_share
