"""Lesson 09: count modes, name illnesses, read curves, the remedies by hand, and one repair."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import failure_modes_games as games
from gan_course.checks import failure_modes_remedies as remedies
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask
from gan_course.doctor import NEEDED, Statistics, diagnose
from gan_course.toy.distributions import Distribution
from gan_course.toy.metrics import modes_covered

LESSON = "09_failure_modes"

# ---- 1: count modes ---------------------------------------------------------------------------

# What happens at each mode of a case, in hundredths of a fair share, and how far away, in sigmas.
_FAIR, _ONE, _NEAR, _FAR, _LITTLE, _SOME, _MOST = range(7)
_ROLES = (_FAIR, _ONE, _NEAR, _FAR, _LITTLE, _SOME, _MOST, _FAIR)


def _around(centre: Tensor, count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    """Points whose distances from the centre lie between low and high."""
    angle = 2 * math.pi * torch.rand(count, generator=rng)
    radius = low + (high - low) * torch.rand(count, generator=rng)
    return centre + radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)


def _on_mode(centre: Tensor, count: int, sigma: float, rng: torch.Generator) -> Tensor:
    """Two fifths of them within 1 sigma, the rest up to 3.4 sigma; nothing close to a limit."""
    inner = round(0.4 * count)
    return torch.cat(
        [
            _around(centre, inner, 0.0, 0.9 * sigma, rng),
            _around(centre, count - inner, 1.2 * sigma, 3.4 * sigma, rng),
        ]
    )


def _mode_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for case in range(CASES):
        m = min(2 + case, 8)
        sigma = (0.05, 0.1)[case % 2]
        order = torch.randperm(m, generator=rng)
        centres = 4.0 * torch.stack([order % 3, order // 3], dim=1).float()  # (M, 2)
        fixed = {_ONE: 0.01, _NEAR: 0.4, _LITTLE: 0.15, _SOME: 0.35, _MOST: 0.8}
        roles = _ROLES[:m]
        used = sum(fixed.get(role, 0.0) for role in roles)
        fair = roles.count(_FAIR)
        strays = 0.45 * m if _FAR in roles else 0.0
        parts = []
        for centre, role in zip(centres, roles, strict=True):
            share = {_FAR: strays, _FAIR: (m - used - strays) / fair}.get(role, fixed.get(role))
            count = max(1, round(100 * share))
            if role == _NEAR:
                parts.append(_around(centre, count, 5.5 * sigma, 6.0 * sigma, rng))
            elif role == _FAR:
                parts.append(_around(centre, count, 14 * sigma, 16 * sigma, rng))
            elif role == _SOME:
                parts.append(_around(centre, count, 3.2 * sigma, 3.6 * sigma, rng))
            else:
                parts.append(_on_mode(centre, count, sigma, rng))
        samples = torch.cat(parts)
        samples = samples[torch.randperm(len(samples), generator=rng)]
        cases.append({"samples": samples, "centres": centres, "sigma": sigma})
    return cases


def _covered(samples: Tensor, centres: Tensor, sigma: float) -> int:
    return modes_covered(samples, Distribution("case", centres, sigma, has_modes=True))


def _counted(
    samples: Tensor,
    centres: Tensor,
    sigma: float,
    radius: float | None = 4.0,
    part: float = 0.2,
    squared: bool = False,
    of_all: bool = True,
) -> int:
    """The count, with something about it changed."""
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    if squared:
        distance = distance.square()
    on = distance <= (math.inf if radius is None else radius * sigma)
    counts = torch.bincount(nearest[on], minlength=len(centres))
    total = len(samples) if of_all else int(on.sum())
    return int((counts >= max(part * total / len(centres), 1)).sum())


count_modes = FunctionTask(
    LESSON,
    "count_modes",
    "That is the number by which collapse is counted. The two limits, 4 sigma and a fifth, are a "
    "choice; say them whenever you quote it.",
    (
        Mistake(
            "no limit on the distance",
            "Every sample counts for its nearest mode here, however far away it is. Only those "
            "within 4 sigma lie on it.",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, radius=None),
        ),
        Mistake(
            "one sample is enough",
            "A single lucky sample covers a mode here. Ask for a fifth of the fair share, 1 / M of "
            "all samples.",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, part=0.0),
        ),
        Mistake(
            "the whole fair share",
            "It asks for the whole fair share. Chance alone puts a good mode a little below; a "
            "fifth of the share is enough.",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, part=1.0),
        ),
        Mistake(
            "strays left out of the whole",
            "The share is taken of the samples that lie on any mode. Take it of all samples: "
            "strays are fakes, too.",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, of_all=False),
        ),
        Mistake(
            "fewer than four sigma",
            "A mode ends before 4 sigma here. That leaves out samples that lie on it: within "
            "1 sigma are only four in ten of its own points, and some lie beyond 3.",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, radius=1.0),
            also=(lambda samples, centres, sigma: _counted(samples, centres, sigma, radius=3.0),),
        ),
        Mistake(
            "squared distance",
            "The squared distance is compared with 4 sigma. Take the root first, or compare with "
            "(4 sigma)².",
            lambda samples, centres, sigma: _counted(samples, centres, sigma, squared=True),
        ),
        Mistake(
            "the shares themselves",
            "These are the shares of the modes. Count how many of them are large enough.",
            lambda samples, centres, sigma: (
                (torch.cdist(samples, centres) <= 4 * sigma).float().mean(0)
            ),
        ),
    ),
    oracle=_covered,
    cases=_mode_cases,
)

# ---- 2: name the illness ----------------------------------------------------------------------


# Medians of the later half of real runs, three on points (no range) and four on digits.
PATIENTS = {
    "1": Statistics(1500, 0.12, -0.12, 0.69, 0.69, 0.51, 1.00),
    "2": Statistics(1500, 14.7, -14.8, 1.00, 2e-7, 1e-6, 0.67),
    "3": Statistics(1500, 0.00, -0.03, 0.68, 1.21, 0.21, 0.18),
    "4": Statistics(400, 11.8, -11.4, 1.00, 0.0014, 27.0, 0.22, (-1.0, 1.0), (-0.64, 0.56), 0.06),
    "5": Statistics(400, 1.00, 3.83, 0.50, 40.6, 0.21, 0.09, (-1.0, 1.0), (-0.77, 0.67), 0.25),
    "6": Statistics(400, 1.30, -1.22, 0.91, 62.2, 11.7, 0.92, (-1.0, 1.0), (-0.99, 0.99), 0.06),
    "7": Statistics(400, 1.09, -1.22, 0.94, 53.3, 24.3, 0.95, (0.0, 1.0), (-0.39, 1.00), 0.04),
}


def patients_text() -> str:
    """A table of what was measured."""
    lines = [
        "    logit real  logit fake  D right    grad D    grad G  diversity  real range   G's range"
    ]
    for name, s in PATIENTS.items():
        ranges = ["–", "–"]
        if not math.isnan(s.range_real[0]):
            ranges = [f"{low:.2g} … {high:.2g}" for low, high in (s.range_real, s.range_fake)]
        lines.append(
            f"{name}{s.logit_real:13.2f}{s.logit_fake:12.2f}{s.accuracy:9.0%}{s.grad_d:10.2g}"
            f"{s.grad_g:10.2g}{s.diversity:11.2f}{ranges[0]:>12}{ranges[1]:>14}"
        )
    return "\n".join(lines)


def _said() -> list[str]:
    return [diagnose([patient] * NEEDED).name for patient in PATIENTS.values()]


name_the_illness = ValuesTask(
    LESSON,
    "name_the_illness",
    "Exactly what the doctor says. Notice how seldom one number alone is enough.",
    choices=("healthy", "collapse", "vanishing", "d_too_strong", "d_lags", "wrong_range"),
    mistakes=(
        Mistake(
            "always right means no gradient",
            "D is always right in two of them, but in one of these G's gradient is large: with the "
            "non-saturating loss G still hears D, it only can't catch up. Look at grad G.",
            ["healthy", "vanishing", "collapse", "vanishing", "d_lags", "healthy", "wrong_range"],
        ),
        Mistake(
            "diversity before everything",
            "Fakes that are all alike are a collapse only if the two players are otherwise about "
            "equal. Where the logits are 20 apart, or the fakes get the higher ones, that comes "
            "first: G draws one thing because it learns nothing, or because anything will do.",
            ["healthy", "vanishing", "collapse", "collapse", "collapse", "healthy", "wrong_range"],
        ),
        Mistake(
            "right half of the time is healthy",
            "An accuracy of 50 % is not yet a balance. Look at the logits of number 5: the fakes "
            "get higher ones than the real images. D lags behind.",
            [
                "healthy",
                "vanishing",
                "collapse",
                "d_too_strong",
                "healthy",
                "healthy",
                "wrong_range",
            ],
        ),
        Mistake(
            "the range overlooked",
            "Number 7 has calm logits and good diversity. Look at the ranges: the real images go "
            "from 0 to 1, and G's reach below 0.",
            ["healthy", "vanishing", "collapse", "d_too_strong", "d_lags", "healthy", "healthy"],
        ),
        Mistake(
            "90 % right is too strong",
            "On images a healthy D is often right nine times in ten. Too strong is a D that is "
            "always right, with logits more than 10 apart.",
            [
                *("healthy", "vanishing", "collapse", "d_too_strong"),
                *("d_lags", "d_too_strong", "wrong_range"),
            ],
        ),
    ),
    questions=tuple(f"patient {name}" for name in PATIENTS),
    expected=_said,
)

# ---- 3: read curves ---------------------------------------------------------------------------


def _what_follows() -> list[str]:
    """Worked out where there is something to work out."""
    coin = 2 * math.log(2)
    wrong_at_most = 0.01 / math.log(2)  # each wrong answer costs at least log 2
    pull = 1 - math.exp(-9)  # 1 - D(G(z)), the slope of the non-saturating loss
    best = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)  # D's loss with target 0.9, at its best
    return [
        "cannot tell",
        "yes" if abs(coin - 1.386) < 0.001 else "no",
        "yes" if wrong_at_most < 0.02 else "no",
        "yes" if pull < 0.01 else "no",
        "cannot tell",
        "yes" if 0.33 - best < 0.01 else "no",
    ]


read_curves = ValuesTask(
    LESSON,
    "read_curves",
    "You believe a curve exactly as far as it goes.",
    choices=("yes", "no", "cannot tell"),
    mistakes=(
        Mistake(
            "the ideal losses prove it",
            "Run P: log 4 and log 2 are the losses of the ideal end, and of a D that is held flat, "
            "and of one that is too slow. The lesson shows all three.",
            ["yes", "yes", "yes", "no", "cannot tell", "yes"],
        ),
        Mistake(
            "a rising loss means getting worse",
            "Run R: the zero of a Wasserstein critic is arbitrary, so G's loss may drift upwards "
            "while the samples get better.",
            ["cannot tell", "yes", "yes", "no", "yes", "yes"],
        ),
        Mistake(
            "a sure D always leaves G without gradient",
            "Run Q: that is the minimax loss. The non-saturating one has the slope −(1 − D(G(z))) "
            "on the logit, close to −1 there.",
            ["cannot tell", "yes", "yes", "yes", "cannot tell", "yes"],
        ),
        Mistake(
            "a loss can always go to 0",
            "Run S: with the target 0.9 the best answer to a real point costs "
            "−0.9 log 0.9 − 0.1 log 0.1, and that is not 0. Work it out.",
            ["cannot tell", "yes", "yes", "no", "cannot tell", "no"],
            also=(["cannot tell", "yes", "yes", "no", "cannot tell", "cannot tell"],),
        ),
        Mistake(
            "curves say nothing at all",
            "They say something: how well *this* D does against *this* G. Two losses can be worked "
            "out by hand: that of a coin, and that of a D which is hardly ever wrong.",
            ["cannot tell"] * 6,
        ),
    ),
    questions=(
        "P's fakes lie where real points lie.",
        "P's D earns no more than a coin would.",
        "Q's D is wrong on less than 2 % of the batch.",
        "Q's G gets hardly any gradient.",
        "R's samples are getting worse.",
        "S's D can hardly get any better.",
    ),
    expected=_what_follows,
)

# ---- 4: smoothing -----------------------------------------------------------------------------


def loss_and_gradients(result: Any, arguments: dict) -> dict:
    """The loss and what it tells the networks: a right value with a wrong gradient is no loss."""
    told: dict = {"loss": result.detach() if isinstance(result, Tensor) else result}
    leaves = {k: v for k, v in arguments.items() if isinstance(v, Tensor) and v.requires_grad}
    if isinstance(result, Tensor) and result.ndim == 0 and result.requires_grad:
        found = torch.autograd.grad(result, list(leaves.values()), allow_unused=True)
    else:
        found = ["none"] * len(leaves)
    for name, gradient in zip(leaves, found, strict=True):
        told[f"gradient for {name}"] = "none" if gradient is None else gradient
    return told


def _smooth_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        scale = 40.0 if i >= CASES - 2 else 2.0
        real = scale * torch.randn(3 + i % 3, generator=rng)
        fake = scale * torch.randn(4, generator=rng)
        if scale > 10:  # so large that a sigmoid in float32 is exactly 0 or 1
            extreme = torch.tensor([120.0, -120.0])
            real, fake = torch.cat([real, extreme]), torch.cat([fake, extreme])
        label = 0.7 + 0.02 * int(torch.randint(0, 10, (1,), generator=rng))
        label = round(label, 2)
        logits = {"logits_real": real.requires_grad_(), "logits_fake": fake.requires_grad_()}
        cases.append(logits | {"real_label": label})
    return cases


def _bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


smooth_d_loss = FunctionTask(
    LESSON,
    "smooth_d_loss",
    "One-sided: D is less sure of real points, and the pull on the worst fakes stays as it was.",
    (
        Mistake(
            "two-sided",
            "The fakes' target is smoothed as well. Then the best D is flat, at that target, where "
            "only fakes come, and they feel no pull. Leave it at 0.",
            lambda logits_real, logits_fake, real_label: (
                _bce(logits_real, real_label) + _bce(logits_fake, 1 - real_label)
            ),
            also=(
                lambda logits_real, logits_fake, real_label: (
                    _bce(logits_real, real_label) + _bce(logits_fake, 0.1)
                ),
            ),
        ),
        Mistake(
            "the fakes instead of the real ones",
            "The wrong side is smoothed: the real points' target is real_label, that of the fakes "
            "stays 0.",
            lambda logits_real, logits_fake, real_label: (
                _bce(logits_real, 1.0) + _bce(logits_fake, 1 - real_label)
            ),
        ),
        Mistake(
            "not smoothed",
            "real_label is not used: this is the plain loss, with target 1.",
            lambda logits_real, logits_fake, real_label: (
                _bce(logits_real, 1.0) + _bce(logits_fake, 0.0)
            ),
            also=(
                lambda logits_real, logits_fake, real_label: (
                    F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
                ),
            ),
        ),
        Mistake(
            "only a factor",
            "The real half is only multiplied by real_label. Smoothing has a second term, "
            "(1 − real_label) times −log(1 − D(x)), which pulls an over-sure D back.",
            lambda logits_real, logits_fake, real_label: (
                real_label * F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
            ),
        ),
        Mistake(
            "0.9 written out",
            "The target 0.9 is written into the code. Take real_label: the check tries others.",
            lambda logits_real, logits_fake, real_label: (
                _bce(logits_real, 0.9) + _bce(logits_fake, 0.0)
            ),
        ),
        Mistake(
            "log of sigmoid",
            "On small logits it is right. On logits of 120 the sigmoid is exactly 0 or 1 in "
            "float32, and its logarithm infinite. Use softplus, or "
            "binary_cross_entropy_with_logits.",
            lambda logits_real, logits_fake, real_label: (
                -(
                    real_label * logits_real.sigmoid().log()
                    + (1 - real_label) * (1 - logits_real.sigmoid()).log()
                ).mean()
                - (1 - logits_fake.sigmoid()).log().mean()
            ),
        ),
        Mistake(
            "half the loss",
            "It is half of what is asked for: add the two means, without dividing by 2.",
            lambda logits_real, logits_fake, real_label: (
                (_bce(logits_real, real_label) + _bce(logits_fake, 0.0)) / 2
            ),
        ),
        Mistake(
            "sum instead of mean",
            "It adds up over the batch. Take the mean of each half.",
            lambda logits_real, logits_fake, real_label: (
                len(logits_real) * _bce(logits_real, real_label)
                + len(logits_fake) * _bce(logits_fake, 0.0)
            ),
        ),
    ),
    oracle=remedies.smoothed,
    cases=_smooth_cases,
    outcome=loss_and_gradients,
    returns=True,
)

# ---- 5 to 7, in files of their own -------------------------------------------------------------

noise_for_d = remedies.noise_for_d
r1 = remedies.r1
choose_repair = games.choose_repair
