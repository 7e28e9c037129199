"""Lesson 06: the value of the game, the best D, both losses of G, detach, a step, Wasserstein."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import gan_game_steps as steps
from gan_course.checks.framework import CASES, FunctionTask, Mistake, ValuesTask
from gan_course.losses import (
    minimax_g_loss,
    non_saturating_d_loss,
    non_saturating_g_loss,
)

LESSON = "06_gan_game"

# ---- 1: the value of the game -----------------------------------------------------------------


def _shares(count: int, rng: torch.Generator) -> Tensor:
    """Positive numbers that add up to 1."""
    mass = 0.1 + torch.rand(count, generator=rng)
    return mass / mass.sum()


def _value_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        count = 2 + i // 3
        d = 0.1 + 0.8 * torch.rand(count, generator=rng)
        cases.append({"p_data": _shares(count, rng), "p_g": _shares(count, rng), "d": d})
    return cases


def _value(p_data: Tensor, p_g: Tensor, d: Tensor) -> Tensor:
    return (p_data * d.log()).sum() + (p_g * (1 - d).log()).sum()


value_of_game = FunctionTask(
    LESSON,
    "value_of_game",
    "That is the number the two of them fight over: D pulls it up, G pulls it down.",
    (
        Mistake(
            "the sign",
            "The sign is turned: that is D's loss, −V. V itself is never above 0.",
            lambda p_data, p_g, d: -_value(p_data, p_g, d),
        ),
        Mistake(
            "places not weighted",
            "Each place counts alike here. An expectation weights it by how often it comes: "
            "log D(x) by p_data, log(1 − D(x)) by p_g.",
            lambda p_data, p_g, d: d.log().mean() + (1 - d).log().mean(),
            also=(lambda p_data, p_g, d: d.log().sum() + (1 - d).log().sum(),),
        ),
        Mistake(
            "p_data in both terms",
            "Both terms are weighted by p_data. The second one is about fakes: they come as often "
            "as p_g says.",
            lambda p_data, p_g, d: _value(p_data, p_data, d),
        ),
        Mistake(
            "p_g and p_data exchanged",
            "The two weights are exchanged: log D(x) goes with p_data, log(1 − D(x)) with p_g.",
            lambda p_data, p_g, d: _value(p_g, p_data, d),
        ),
        Mistake(
            "log D on the fakes too",
            "The second term is log(1 − D(x)): the probability that D gives to 'fake'.",
            lambda p_data, p_g, d: ((p_data + p_g) * d.log()).sum(),
        ),
        Mistake(
            "logarithm of the mean",
            "It takes the logarithm last. First the logarithm of each D(x), then the mean over the "
            "places.",
            lambda p_data, p_g, d: (p_data * d).sum().log() + (p_g * (1 - d)).sum().log(),
        ),
        Mistake(
            "logarithm to base 2",
            "The value is right in bits. Here the natural logarithm is asked for: torch.log.",
            lambda p_data, p_g, d: _value(p_data, p_g, d) / torch.log(torch.tensor(2.0)),
            also=(lambda p_data, p_g, d: _value(p_data, p_g, d) / torch.log(torch.tensor(10.0)),),
        ),
        Mistake(
            "divided by two",
            "That is half of V. The two means are added, not averaged.",
            lambda p_data, p_g, d: _value(p_data, p_g, d) / 2,
        ),
        Mistake(
            "no sum",
            "It gives a number for each place. V is one number: add them up.",
            lambda p_data, p_g, d: p_data * d.log() + p_g * (1 - d).log(),
        ),
        Mistake(
            "mean of the weighted terms",
            "The weights p_data and p_g add up to 1, so adding up the weighted logarithms is the "
            "mean already: sum() in both terms, not mean().",
            lambda p_data, p_g, d: _value(p_data, p_g, d) / len(d),
        ),
        Mistake(
            "real half only",
            "Only the real half is there. The fakes add their p_g · log(1 − D(x)).",
            lambda p_data, p_g, d: (p_data * d.log()).sum(),
        ),
    ),
    oracle=_value,
    cases=_value_cases,
)

# ---- 2: the best discriminator ----------------------------------------------------------------


def _density_cases(rng: torch.Generator) -> list[dict]:
    """Densities at some places. From the fifth case on, places where one of them or both are 0."""
    cases = []
    for i in range(CASES):
        count = 3 + i // 2
        p_data = 0.2 + 2 * torch.rand(count, generator=rng)
        p_g = 0.2 + 2 * torch.rand(count, generator=rng)
        if i >= 4:
            p_data[0], p_g[1] = 0.0, 0.0
        if i >= 6:
            p_data[2] = p_g[2] = 0.0
        cases.append({"p_data": p_data, "p_g": p_g})
    return cases


def _best_d(p_data: Tensor, p_g: Tensor) -> Tensor:
    total = p_data + p_g
    return torch.where(total > 0, p_data / total, 0.5)


best_d = FunctionTask(
    LESSON,
    "best_d",
    "No network can beat this one, and none has to: it needs both densities.",
    (
        Mistake(
            "turned round",
            "This is the probability of 'fake'. D(x) is that of 'real': p_data belongs above the "
            "line.",
            lambda p_data, p_g: torch.where(p_data + p_g > 0, p_g / (p_data + p_g), 0.5),
            also=(lambda p_data, p_g: p_g / (p_data + p_g),),
        ),
        Mistake(
            "the ratio of the densities",
            "p_data / p_g is how many times more often a real one comes; it can be any size. A "
            "probability divides by all that comes there: p_data + p_g.",
            lambda p_data, p_g: p_data / p_g,
            also=(lambda p_data, p_g: torch.where(p_data + p_g > 0, p_data / p_g, 0.5),),
        ),
        Mistake(
            "0 / 0",
            "Right wherever something comes. Where both densities are 0, 0 / 0 is nan; there put "
            "0.5, with torch.where.",
            lambda p_data, p_g: p_data / (p_data + p_g),
        ),
        Mistake(
            "0 where nothing comes",
            "Right wherever something comes. Where both densities are 0 it says 'surely fake', and "
            "nothing speaks for that; put 0.5 there.",
            lambda p_data, p_g: torch.nan_to_num(p_data / (p_data + p_g)),
            also=(lambda p_data, p_g: p_data / (p_data + p_g + 1e-8),),
        ),
        Mistake(
            "0.5 where one of them is 0",
            "It says 0.5 also where just one of the two densities is 0. There the answer is sure: "
            "0 if only fakes come, 1 if only real ones do. 0.5 is for places where both are 0.",
            lambda p_data, p_g: torch.where((p_data > 0) & (p_g > 0), p_data / (p_data + p_g), 0.5),
            also=(
                lambda p_data, p_g: torch.where(p_data > 0, p_data / (p_data + p_g), 0.5),
                lambda p_data, p_g: torch.where(p_g > 0, p_data / (p_data + p_g), 0.5),
            ),
        ),
        Mistake(
            "an if about the whole tensor",
            "An `if` needs one True or False, and a comparison of tensors gives one for each "
            "place. torch.where decides for each place.",
            lambda p_data, p_g: 0.5 if p_data + p_g == 0 else p_data / (p_data + p_g),
        ),
        Mistake(
            "yes or no",
            "It decides: 1 or 0. Where both may come, the best D says how likely 'real' is.",
            lambda p_data, p_g: (p_data > p_g).float(),
            also=(lambda p_data, p_g: (p_data >= p_g).float(),),
        ),
        Mistake(
            "logit instead of probability",
            "That is the logit of the best D, log p_data − log p_g. Asked for is the probability, "
            "its sigmoid.",
            lambda p_data, p_g: p_data.log() - p_g.log(),
        ),
        Mistake(
            "divided by two",
            "It is divided by 2: where only real points come, D should say 1, not 0.5.",
            lambda p_data, p_g: torch.where(p_data + p_g > 0, p_data / (p_data + p_g) / 2, 0.5),
            also=(lambda p_data, p_g: p_data / (2 * (p_data + p_g)),),
        ),
    ),
    oracle=_best_d,
    cases=_density_cases,
)

# ---- 3: the gradients on the logit ------------------------------------------------------------


def _slopes_by_autograd(logits: Tensor) -> tuple[Tensor, Tensor]:
    """What torch finds: for each fake, the slope of its own loss, minimax and non-saturating."""
    logits = logits.detach().requires_grad_()
    pairs = []
    for loss in (minimax_g_loss, non_saturating_g_loss):
        each = sum(loss(logit) for logit in logits)  # a mean over one fake is that fake's loss
        pairs.append(torch.autograd.grad(each, logits)[0])
    return pairs[0], pairs[1]


def _logit_cases(rng: torch.Generator) -> list[dict]:
    cases = [{"logits": torch.tensor([0.0])}]
    for i in range(CASES - 1):
        logits = (1.0 + i) * torch.randn(2 + i % 3, generator=rng)
        if i >= 6:
            logits = torch.cat([logits, torch.tensor([200.0, -200.0])])
        cases.append({"logits": logits})
    return cases


def _slopes(
    minimax: Callable[[Tensor], Tensor], non_saturating: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """An answer that has these two slopes, each as a function of D's probability."""
    return lambda logits: (minimax(logits.sigmoid()), non_saturating(logits.sigmoid()))


logit_gradients = FunctionTask(
    LESSON,
    "logit_gradients",
    "The same sign everywhere, and the strong side exchanged: −D against −(1 − D).",
    (
        Mistake(
            "exchanged",
            "The two are exchanged. The minimax loss is log(1 − D): it is flat where D is near 0. "
            "Minimax comes first.",
            _slopes(lambda d: d - 1, lambda d: -d),
        ),
        Mistake(
            "sign",
            "The sizes are right, the signs turned. Both losses fall when the logit rises, so both "
            "slopes are negative.",
            _slopes(lambda d: d, lambda d: 1 - d),
        ),
        Mistake(
            "one sign",
            "One of the two signs is turned. G wants its logits to rise under either loss: both "
            "slopes are negative.",
            _slopes(lambda d: -d, lambda d: 1 - d),
            also=(_slopes(lambda d: d, lambda d: d - 1),),
        ),
        Mistake(
            "slope in D instead of the logit",
            "That is the slope with respect to the probability D. The chain goes one step on: "
            "times the slope of the sigmoid, D · (1 − D).",
            _slopes(lambda d: -1 / (1 - d), lambda d: -1 / d),
        ),
        Mistake(
            "slope of the sigmoid",
            "D · (1 − D) is the slope of the sigmoid alone. The logarithm's slope, 1 / D or "
            "1 / (1 − D), cancels one of its two factors.",
            _slopes(lambda d: -d * (1 - d), lambda d: -d * (1 - d)),
            also=(
                _slopes(lambda d: d * (1 - d), lambda d: d * (1 - d)),
                _slopes(lambda d: -d * (1 - d), lambda d: d * (1 - d)),
            ),
        ),
        Mistake(
            "divided by the batch",
            "It is divided by the number of fakes. Here each fake has a loss of its own, without a "
            "mean over the batch.",
            lambda logits: tuple(slope / len(logits) for slope in _slopes_by_autograd(logits)),
        ),
        Mistake(
            "multiplied with the logit",
            "That is sigmoid(logit) · logit, or a part of it: the slope needs the sigmoid alone.",
            lambda logits: (-logits.sigmoid() * logits, -(1 - logits.sigmoid()) * logits),
        ),
        Mistake(
            "the losses themselves",
            "These are the losses. Asked for are their slopes: how much each changes when the "
            "logit grows a little.",
            lambda logits: (-F.softplus(logits), F.softplus(-logits)),
        ),
    ),
    oracle=_slopes_by_autograd,
    cases=_logit_cases,
)

# ---- 4: binary cross-entropy that does not break ----------------------------------------------

# At 40 a sigmoid in float32 is exactly 1, but exp still holds; at 200 neither does.
LARGE, EXTREME = 40.0, 200.0


def _bce_cases(rng: torch.Generator) -> list[dict]:
    """Targets 0 and 1, then any between; from the seventh case on with large logits."""
    cases = []
    for i in range(CASES):
        count = 2 + i % 3
        logits = (1 + 2 * (i // 3)) * torch.randn(count, generator=rng)
        targets = torch.randint(0, 2, (count,), generator=rng).float()
        if i % 2 == 1:
            targets = torch.rand(count, generator=rng)
        if i >= 6:  # the wrong way round: here the loss is large
            size = LARGE if i < 8 else EXTREME
            logits = torch.cat([logits, torch.tensor([size, -size])])
            targets = torch.cat([targets, torch.tensor([0.0, 1.0])])
        cases.append({"logits": logits.requires_grad_(), "targets": targets})
    return cases


def _loss_and_gradient(result: Any, arguments: dict) -> dict:
    """The loss, and what it tells D: a right value with a wrong gradient is no loss."""
    logits = arguments["logits"]
    gradient: Any = "none"
    if isinstance(result, Tensor) and result.ndim == 0 and result.requires_grad:
        gradient = torch.autograd.grad(result, logits, allow_unused=True)[0]
    return {
        "loss": result.detach() if isinstance(result, Tensor) else result,
        "gradient for logits": "none" if gradient is None else gradient,
    }


def _right_bce(logits: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, targets)


def _bce_of(probability: Tensor, targets: Tensor, small: float = 0.0) -> Tensor:
    kept = targets * torch.log(probability + small)
    return -(kept + (1 - targets) * torch.log(1 - probability + small)).mean()


def _guarded_bce(small: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda logits, targets: _bce_of(logits.sigmoid(), targets, small)


def _clamped_bce(limit: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda logits, targets: F.binary_cross_entropy_with_logits(
        logits.clamp(-limit, limit), targets
    )


def _softplus_by_formula(x: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(x))


safe_bce = FunctionTask(
    LESSON,
    "safe_bce",
    "The same as torch's, up to logits of 200 and with the right gradient there.",
    (
        Mistake(
            "log of sigmoid",
            "On small logits it is right. At 200 the sigmoid is exactly 1 in float32, log(1 − 1) "
            "is minus infinity, and the gradient is nan. Rearrange it until no sigmoid is left.",
            lambda logits, targets: _bce_of(logits.sigmoid(), targets),
            also=(lambda logits, targets: _bce_of(1 / (1 + torch.exp(-logits)), targets),),
        ),
        Mistake(
            "log(1 + exp) as it stands",
            "The rearranging is right. But exp(200) is infinite in float32: only exp(−|logit|) is "
            "always safe. log(1 + e^x) = max(x, 0) + log(1 + e^(−|x|)).",
            lambda logits, targets: (
                targets * _softplus_by_formula(-logits)
                + (1 - targets) * _softplus_by_formula(logits)
            ).mean(),
            also=(
                lambda logits, targets: (_softplus_by_formula(logits) - logits * targets).mean(),
                lambda logits, targets: (
                    (
                        logits.exp().log1p() - logits * targets  # log1p does not help here
                    ).mean()
                ),
                lambda logits, targets: (
                    logits - logits * targets + _softplus_by_formula(-logits)
                ).mean(),
            ),
        ),
        Mistake(
            "a small number in the logarithm",
            "The small number inside the logarithm avoids infinity, but there the gradient is 0: "
            "where D is worst, it learns nothing.",
            _guarded_bce(1e-8),
            also=tuple(map(_guarded_bce, (1e-5, 1e-6, 1e-7, 1e-10, 1e-12))),
        ),
        Mistake(
            "logits cut off",
            "The logits are cut off before the loss. That is finite, but beyond the cut the "
            "gradient is 0 and the loss too small.",
            _clamped_bce(100.0),
            also=tuple(map(_clamped_bce, (10.0, 15.0, 20.0, 30.0, 50.0, 80.0, 88.0))),
        ),
        Mistake(
            "BCE on probabilities",
            "F.binary_cross_entropy wants probabilities; it cuts the loss off at 100, and its "
            "gradient vanishes there.",
            lambda logits, targets: F.binary_cross_entropy(logits.sigmoid(), targets),
        ),
        Mistake(
            "targets turned round",
            "The targets are turned round: a target of 1 pays −log D, a target of 0 pays "
            "−log(1 − D).",
            lambda logits, targets: F.binary_cross_entropy_with_logits(logits, 1 - targets),
        ),
        Mistake(
            "sign",
            "The sign is turned. A loss is small when D is right, and never below 0 here.",
            lambda logits, targets: -F.binary_cross_entropy_with_logits(logits, targets),
        ),
        Mistake(
            "only the half of target 1",
            "Only −target · log D is there. A target of 0 pays −log(1 − D), and one of 0.9 pays a "
            "bit of both.",
            lambda logits, targets: (targets * F.softplus(-logits)).mean(),
        ),
        Mistake(
            "sum instead of mean",
            "It adds up over the batch. Take the mean.",
            lambda logits, targets: F.binary_cross_entropy_with_logits(
                logits, targets, reduction="sum"
            ),
        ),
        Mistake(
            "no mean",
            "It gives a loss for each logit. Take the mean over them.",
            lambda logits, targets: F.binary_cross_entropy_with_logits(
                logits, targets, reduction="none"
            ),
        ),
        Mistake(
            "turned into a plain number",
            "The number is right, but it is cut off from the network: .item(), float() and "
            ".detach() lose the gradient. Return the tensor as it is.",
            lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets).item(),
            also=(
                lambda logits, targets: F.binary_cross_entropy_with_logits(
                    logits, targets
                ).detach(),
            ),
        ),
    ),
    oracle=_right_bce,
    cases=_bce_cases,
    outcome=_loss_and_gradient,
    returns=True,
    forbidden=(
        "binary_cross_entropy_with_logits",
        "softplus",
        "logsigmoid",
        "log_sigmoid",
        "soft_margin_loss",
    ),
)

# ---- 5: where detach belongs ------------------------------------------------------------------

place_the_detach = FunctionTask(
    LESSON,
    "place_the_detach",
    "D's half leaves G's gradients alone, and G's half reaches G.",
    steps.DETACH_MISTAKES,
    oracle=steps.right_detach,
    cases=steps.detach_cases,
    outcome=steps.gradients_seen,
    prepare=steps.watch_the_steps,
)

# ---- 6: a whole step --------------------------------------------------------------------------

whole_step = FunctionTask(
    LESSON,
    "whole_step",
    "Both networks end where the reference leaves them, to the sixth decimal.",
    steps.STEP_MISTAKES,
    oracle=steps.right_step,
    cases=steps.step_cases,
    outcome=steps.weights_after,
    prepare=steps.leave_old_gradients,
    tolerance=1e-6,
)

# ---- 7: the Wasserstein distance in one dimension ---------------------------------------------


def _sample_cases(rng: torch.Generator) -> list[dict]:
    cases = [{"a": torch.tensor([0.0, 2.0]), "b": torch.tensor([3.0, 1.0])}]
    for i in range(CASES - 1):
        count = 2 + i
        a = (1 + i % 3) * torch.randn(count, generator=rng)
        cases.append({"a": a, "b": torch.randn(count, generator=rng) + (1.5 if i % 2 else -0.3)})
    return cases


def _by_cumulative_shares(a: Tensor, b: Tensor) -> Tensor:
    """The area between the two curves 'how much of the mass lies to the left of x'."""
    places = torch.cat([a, b]).double().sort().values
    left_a = (a.double()[None, :] <= places[:-1, None]).double().mean(1)
    left_b = (b.double()[None, :] <= places[:-1, None]).double().mean(1)
    return ((left_a - left_b).abs() * places.diff()).sum().float()


def _sorted(values: Tensor, descending: bool = False) -> Tensor:
    return values.sort(descending=descending).values


wasserstein_1d = FunctionTask(
    LESSON,
    "wasserstein_1d",
    "The cheapest way to carry one heap to the other: first to first, last to last.",
    (
        Mistake(
            "not sorted",
            "It pairs the points as they happen to stand. The cheapest pairs are found by sorting "
            "both.",
            lambda a, b: (a - b).abs().mean(),
        ),
        Mistake(
            "only one sorted",
            "Only one of the two is sorted. Sort both, then the smallest goes with the smallest.",
            lambda a, b: (_sorted(a) - b).abs().mean(),
            also=(lambda a, b: (a - _sorted(b)).abs().mean(),),
        ),
        Mistake(
            "opposite ways",
            "One is sorted upwards, the other downwards: that is the most expensive way.",
            lambda a, b: (_sorted(a) - _sorted(b, descending=True)).abs().mean(),
        ),
        Mistake(
            "difference of the means",
            "Only the means are compared. A narrow and a wide heap with the same mean are not the "
            "same: take the distance of each pair first, then the mean.",
            lambda a, b: (a.mean() - b.mean()).abs(),
        ),
        Mistake(
            "no absolute value",
            "Ways to the left and ways to the right cancel out. A distance is never negative: "
            "abs() before the mean.",
            lambda a, b: (_sorted(a) - _sorted(b)).mean(),
            also=(lambda a, b: (_sorted(b) - _sorted(a)).mean(),),
        ),
        Mistake(
            "squared",
            "It squares the ways. That belongs to another distance (W2); here each way counts as "
            "long as it is.",
            lambda a, b: (_sorted(a) - _sorted(b)).square().mean(),
            also=(lambda a, b: (_sorted(a) - _sorted(b)).square().mean().sqrt(),),
        ),
        Mistake(
            "sum instead of mean",
            "It adds up the ways. Each point carries 1/n of the mass: take the mean.",
            lambda a, b: (_sorted(a) - _sorted(b)).abs().sum(),
        ),
        Mistake(
            "every pair",
            "It takes the mean over all pairs. Each point goes to one partner only.",
            lambda a, b: (a[:, None] - b[None, :]).abs().mean(),
        ),
        Mistake(
            "the longest way",
            "That is the longest way. Take the mean of them all.",
            lambda a, b: (_sorted(a) - _sorted(b)).abs().max(),
        ),
    ),
    oracle=_by_cumulative_shares,
    cases=_sample_cases,
)

# ---- 8: spot the errors -----------------------------------------------------------------------

# Each sentence, and what is said to somebody who has it wrong.
CLAIMS = (
    (
        "the best D when G is perfect",
        "Number 1: p_data / (p_data + p_g) is 1/2 where both are equal, and "
        "log 1/2 + log 1/2 = −log 4.",
    ),
    (
        "detach in G's half",
        "Number 2: a detached fake has no way back to G, so its gradient does not shrink, it is "
        "missing. detach belongs to D's half.",
    ),
    (
        "the direction of the two gradients",
        "Number 3: −D and −(1 − D) are both negative at every logit: the same way, with another "
        "strength.",
    ),
    (
        "what D(G(z)) = 0.5 shows",
        "Number 4: a D that has learned nothing says 0.5 to everything, whatever G draws.",
    ),
    (
        "both losses at the end",
        "Number 5: where D can only guess, it pays 2 · log 2 and G pays log 2. Losses near 0 mean "
        "that one player has won.",
    ),
    (
        "JS of heaps that do not touch",
        "Number 6: the JS divergence is log 2 for every gap, however wide. It does not tell how "
        "far.",
    ),
    (
        "the sum of the two losses",
        "Number 7: D's loss and the minimax loss of G cancel on the fakes; −log D(G(z)) does not, "
        "so what one wins the other no longer loses.",
    ),
    (
        "a small number in the logarithm",
        "Number 8: 1e-8 makes the value finite, but the sigmoid stays flat there: the gradient is "
        "0 in float32.",
    ),
)


def _truths() -> list[bool]:
    """Which sentences are right, each of them computed."""
    half = _value(torch.tensor([0.3, 0.7]), torch.tensor([0.3, 0.7]), torch.tensor([0.5, 0.5]))
    perfect = torch.allclose(half, -torch.log(torch.tensor(4.0)))

    weight_g, weight_d = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    non_saturating_g_loss((weight_g * 0.5).detach() @ weight_d).backward()
    detach_helps = weight_g.grad is not None

    minimax, non_saturating = _slopes_by_autograd(torch.linspace(-9, 9, 37))
    same_way = bool((minimax.sign() == non_saturating.sign()).all())

    far_off = torch.full((4, 2), 1e6)  # fakes such as no data set has
    learned_nothing = torch.zeros(2)
    half_is_proof = not bool(((far_off @ learned_nothing).sigmoid() == 0.5).all())

    unsure = torch.zeros(4)
    losses = non_saturating_d_loss(unsure, unsure), non_saturating_g_loss(unsure)
    both_zero = bool(losses[0] == 0 and losses[1] == 0)

    js_blind = len({round(_js_of_two_points(gap), 6) for gap in (1, 5, 50)}) == 1

    logits = torch.tensor([0.5, -2.0])
    zero_sum = bool(F.softplus(logits).mean() + non_saturating_g_loss(logits) == 0)

    logit = torch.tensor(-120.0, requires_grad=True)
    (-torch.log(logit.sigmoid() + 1e-8)).backward()
    small_number_helps = bool(logit.grad != 0)
    return [
        perfect,
        detach_helps,
        same_way,
        half_is_proof,
        both_zero,
        js_blind,
        zero_sum,
        small_number_helps,
    ]


def _js_of_two_points(gap: int) -> float:
    """JS divergence in nats of all mass at place 0 and all mass at place ``gap``."""
    p, q = torch.zeros(gap + 1), torch.zeros(gap + 1)
    p[0] = q[gap] = 1.0
    middle = (p + q) / 2
    return float(
        (torch.special.xlogy(p, p / middle) + torch.special.xlogy(q, q / middle)).nansum() / 2
    )


def _turned(number: int) -> list[bool]:
    answer = _truths()
    answer[number] = not answer[number]
    return answer


spot_the_errors = ValuesTask(
    LESSON,
    "spot_the_errors",
    "You can now read other people's notes about GANs with a pencil in your hand.",
    (*(Mistake(name, message, _turned(number)) for number, (name, message) in enumerate(CLAIMS)),),
    questions=tuple(f"{name}." for name, _ in CLAIMS),
    expected=_truths,
)
