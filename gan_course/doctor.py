"""What a run's statistics say, in one sentence.

A loss curve of a GAN hardly ever says what is wrong. A few other numbers do, taken now and then
during training: what D says about real and fake, how long the gradients are, and how different the
fakes are from each other. ``measure`` takes them; ``diagnose`` reads a list of them.

The doctor only knows what is in these numbers. Where they fit no illness well, it says so.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median

import torch
from torch import Tensor, nn

__all__ = ["Diagnosis", "Statistics", "boundary", "diagnose", "diagnose_history", "measure"]


@dataclass(frozen=True)
class Statistics:
    """What is measured at one moment of a run. All are plain numbers; NaN where there is none."""

    step: int
    logit_real: float
    """Mean of D's logits for real images or points."""
    logit_fake: float
    """The same for fakes."""
    accuracy: float
    """D's share of right answers, half from real and half from fake; 0.5 is guessing."""
    grad_d: float
    """Length of D's gradient, all parameters together."""
    grad_g: float
    """The same for G."""
    diversity: float
    """How far fakes are from each other, as a share of how far real images are; 1 is as far."""
    range_real: tuple[float, float] = (math.nan, math.nan)
    """Smallest and largest value in the real batch; NaN for points, which have no such limits."""
    range_fake: tuple[float, float] = (math.nan, math.nan)
    """The same for the fakes."""
    eval_gap: float = math.nan
    """How far G's images in eval mode are from those in train mode, for the same z, as a share of
    how far its images are from each other. Only BatchNorm makes them differ; NaN without one."""

    def as_dict(self) -> dict:
        """For a line of JSON: without what was not measured, as JSON has no NaN."""
        row = asdict(self)
        for name in ("range_real", "range_fake"):
            row[name] = list(row[name])
        return {k: v for k, v in row.items() if not _is_nan(v[0] if isinstance(v, list) else v)}

    @classmethod
    def from_dict(cls, row: dict) -> Statistics:
        """From a line of JSON; what the doctor does not know is ignored.

        Raises:
            KeyError: for a row without one of the numbers that are always needed.
        """
        known = {field.name for field in fields(cls)} & set(row)
        values = {name: row[name] for name in known}
        for name in ("range_real", "range_fake"):
            if name in values:
                values[name] = tuple(values[name])
        for name in ("step", "logit_real", "logit_fake", "accuracy", "grad_d", "grad_g"):
            if name not in values:
                raise KeyError(name)
        values.setdefault("diversity", math.nan)
        return cls(**values)


def _is_nan(value: float) -> bool:
    return isinstance(value, float) and math.isnan(value)


@torch.no_grad()
def measure(
    step: int,
    logits_real: Tensor,
    logits_fake: Tensor,
    real: Tensor,
    fake: Tensor,
    generator: nn.Module,
    discriminator: nn.Module,
    z: Tensor | None = None,
    boundary: float | Tensor = 0.0,
    labels: Tensor | None = None,
) -> Statistics:
    """Take the statistics of one training step, after both ``backward`` calls.

    Args:
        step: number of the step.
        logits_real, logits_fake: D's logits (N,) in its own half of the step.
        real, fake: the batches as D saw them: images (N, C, H, W) or points (N, 2).
        generator, discriminator: with the gradients of this step still in place.
        z: G's input, for ``eval_gap``, which takes two more forward passes; None leaves it out.
        boundary: the logit above which D says "real"; 0.5 for least squares.
        labels: the classes (N,) that go with z, for a conditional generator.
    """
    right = (logits_real > boundary).float().mean() + (logits_fake <= boundary).float().mean()
    nothing = torch.tensor(math.nan, device=real.device)
    images = real.dim() == 4
    numbers = torch.stack(
        [
            logits_real.mean(),
            logits_fake.mean(),
            right / 2,
            gradient_length(discriminator),
            gradient_length(generator),
            spread(fake) / spread(real).clamp_min(1e-12),
            real.min() if images else nothing,
            real.max() if images else nothing,
            fake.min() if images else nothing,
            fake.max() if images else nothing,
            eval_gap(generator, z, labels),
        ]
    ).tolist()  # one wait for the device, not eleven
    return Statistics(
        step,
        *numbers[:6],
        range_real=(numbers[6], numbers[7]),
        range_fake=(numbers[8], numbers[9]),
        eval_gap=numbers[10],
    )


def gradient_length(network: nn.Module) -> Tensor:
    """Length of the gradient of all parameters together, as a scalar tensor; 0 without any."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    if not gradients:
        return torch.zeros((), device=next(network.parameters()).device)
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


def spread(batch: Tensor) -> Tensor:
    """Mean distance of neighbours in a batch (N, ...): each image from the next one, the last from
    the first. In a shuffled batch that is a fair sample of all pairs."""
    rows = batch.flatten(1).float()
    return (rows - rows.roll(1, dims=0)).norm(dim=1).mean()


@torch.no_grad()
def eval_gap(generator: nn.Module, z: Tensor | None, labels: Tensor | None = None) -> Tensor:
    """See ``Statistics.eval_gap``. Works on a copy: looking must not move running statistics."""
    device = next(generator.parameters()).device
    if z is None or not any(
        isinstance(m, nn.modules.batchnorm._NormBase) for m in generator.modules()
    ):
        return torch.tensor(math.nan, device=device)
    twin = copy.deepcopy(generator)
    given = (z,) if labels is None else (z, labels)
    in_eval = twin.eval()(*given)
    in_train = twin.train()(*given)
    distance = (in_eval - in_train).flatten(1).float().norm(dim=1).mean()
    return distance / spread(in_train).clamp_min(1e-12)


def boundary(loss: str, logits_real: Tensor, logits_fake: Tensor) -> Tensor | float:
    """The logit above which D says "real", for a loss of ``gan_course.losses``.

    0 for a probability's logit and for hinge, and 0.5 for least squares, whose targets are 1 and 0.
    A Wasserstein critic has no such place, nor has D in a relativistic game, as scores count only
    against each other there: the middle of the two means is taken.
    """
    if loss in ("wasserstein", "relativistic"):
        return (logits_real.mean() + logits_fake.mean()) / 2
    return 0.5 if loss == "least-squares" else 0.0


# ---- reading them --------------------------------------------------------------------------------

NEEDED = 5  # moments, before anything is said

# name -> the lesson that explains it
LESSONS = {
    "healthy": "08_train_dcgan",
    "broken": "09_failure_modes",
    "wrong_range": "03_activations",
    "norm_mismatch": "04_batchnorm",
    "vanishing": "06_gan_game",
    "d_too_strong": "09_failure_modes",
    "d_lags": "09_failure_modes",
    "collapse": "09_failure_modes",
    "too_early": "08_train_dcgan",
    "unclear": "09_failure_modes",
}


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says.

    Attributes:
        name: a key of ``LESSONS``.
        sure: "sure", "likely" or "not sure".
        sentence: what goes wrong, by which numbers, and what to try.
    """

    name: str
    sure: str
    sentence: str

    @property
    def lesson(self) -> str:
        """The lesson that explains it, such as ``09_failure_modes``."""
        return LESSONS[self.name]

    @property
    def is_alarm(self) -> bool:
        """Whether something is wrong, as far as the doctor can tell."""
        return self.name not in ("healthy", "too_early", "unclear")

    def __str__(self) -> str:
        return f"{self.sentence} ({self.sure}; lesson {self.lesson})"


def diagnose(rows: Sequence[Statistics]) -> Diagnosis:
    """Read the statistics of a run, oldest first, and say what they mean.

    Only the later half counts, and of each number its median: the first steps of any GAN look ill,
    and single steps are noise. The limits were set on one set of recorded runs and tested on
    another (``tests/doctor``).
    """
    for row in rows:
        numbers = (row.logit_real, row.logit_fake, row.grad_d, row.grad_g)
        if not all(math.isfinite(x) for x in numbers):
            return Diagnosis(
                "broken",
                "sure",
                f"At step {row.step:,} a number is no number any more (NaN or infinite): usually a "
                f"learning rate is too large. Go back to an earlier checkpoint and take a tenth.",
            )
    if len(rows) < NEEDED:
        return Diagnosis(
            "too_early",
            "not sure",
            f"There are only {len(rows)} measurements, and at least {NEEDED} are needed. Let it "
            f"train on.",
        )
    late = rows[len(rows) // 2 :]
    gap = median(r.logit_real - r.logit_fake for r in late)
    accuracy = median(r.accuracy for r in late)
    grad_g = median(r.grad_g for r in late)
    diversity = median(r.diversity for r in late)
    return (
        _range(late)
        or _norm(late)
        or _d_wins(gap, accuracy, grad_g, late)
        or _d_lags(gap, accuracy, diversity, late)
        or _collapse(diversity, late)
        or _healthy(gap, accuracy, diversity)
    )


def diagnose_history(history: Sequence[dict]) -> Diagnosis:
    """The same for the rows of a history; rows from before the doctor's time are left out."""
    rows = []
    for row in history:
        try:
            rows.append(Statistics.from_dict(row))
        except KeyError:
            continue
    return diagnose(rows)


def _range(late: Sequence[Statistics]) -> Diagnosis | None:
    low, high = min(r.range_real[0] for r in late), max(r.range_real[1] for r in late)
    fake_low = min(r.range_fake[0] for r in late)
    if math.isnan(low):
        return None
    fix = "Scale the images to [-1, 1], which is what tanh makes."
    if low < -1.01 or high > 1.01:
        return Diagnosis(
            "wrong_range",
            "sure",
            f"The real images reach from {low:.3g} to {high:.3g}, which G's tanh cannot: D can "
            f"tell by the range alone. {fix}",
        )
    if low > -0.01 and fake_low < -0.1:
        return Diagnosis(
            "wrong_range",
            "likely",
            f"The real images reach only from {low:.3g} to {high:.3g}, while G makes values down "
            f"to {fake_low:.2f}: they are probably in [0, 1]. {fix}",
        )
    return None


def _norm(late: Sequence[Statistics]) -> Diagnosis | None:
    gaps = [r.eval_gap for r in late if not math.isnan(r.eval_gap)]
    if not gaps or median(gaps) < 0.5:
        return None
    return Diagnosis(
        "norm_mismatch",
        "sure" if median(gaps) > 0.8 else "likely",
        f"In eval mode G makes other images than in train mode: the difference is "
        f"{median(gaps):.1f} times as large as that between two of its images. BatchNorm's running "
        f"statistics are off: look at its momentum and eps, and at batches that are too small.",
    )


def _d_wins(
    gap: float, accuracy: float, grad_g: float, late: Sequence[Statistics]
) -> Diagnosis | None:
    if accuracy < 0.98:
        return None
    fake = median(r.logit_fake for r in late)
    if grad_g < 0.02:
        return Diagnosis(
            "vanishing",
            "sure" if gap > 10 else "likely",
            f"D is always right, and G learns nothing from it: its gradient is only {grad_g:.1g} "
            f"long while D gives fakes a logit of {fake:.1f}. Take the non-saturating loss, or "
            f"slow D down.",
        )
    if gap > 10:
        return Diagnosis(
            "d_too_strong",
            "sure" if gap > 14 else "likely",
            f"D is always right (logits {gap:.0f} apart) and G does not catch up. Lower D's "
            f"learning rate or raise G's, or give D noise, R1 or spectral norm.",
        )
    return Diagnosis(
        "unclear",
        "not sure",
        f"D is nearly always right, but its logits are only {gap:.1f} apart: G may still catch "
        f"up, or D may be about to win. Look again later.",
    )


def _d_lags(
    gap: float, accuracy: float, diversity: float, late: Sequence[Statistics]
) -> Diagnosis | None:
    if gap > -0.4:
        return None
    stands_still = max(r.grad_d for r in late) == 0
    alike = "" if not diversity < 0.5 else f" G's images are also too alike ({diversity:.2f})."
    return Diagnosis(
        "d_lags",
        "sure" if gap < -0.8 or stands_still else "likely",
        f"G has outrun D: fakes get higher logits than real images, by {-gap:.1f}, so pleasing D "
        f"means nothing. {'D does not learn at all. ' if stands_still else ''}Raise D's learning "
        f"rate, or give it more steps.{alike}",
    )


def _collapse(diversity: float, late: Sequence[Statistics]) -> Diagnosis | None:
    cure = "Give D a larger learning rate than G; R1 helps once D is quick enough."
    if diversity < 0.45:
        return Diagnosis(
            "collapse",
            "sure" if diversity < 0.3 else "likely",
            f"Mode collapse: the fakes differ from each other only {diversity:.2f} times as much "
            f"as real ones do. {cure}",
        )
    # D worse than guessing, again and again: G has just jumped to where D did not expect it.
    jumps = sum(r.accuracy < 0.42 for r in late) / len(late)
    if jumps > 0.2:
        return Diagnosis(
            "collapse",
            "likely",
            f"G keeps jumping: at {jumps:.0%} of the moments D is worse than guessing, and in "
            f"between it is right again. So G covers a few kinds at a time, one after the other. "
            f"{cure}",
        )
    if diversity < 0.6:
        return Diagnosis(
            "unclear",
            "not sure",
            f"The fakes differ from each other {diversity:.2f} times as much as real ones do: a "
            f"bit too little. Look at the samples: are some kinds missing?",
        )
    return None


def _healthy(gap: float, accuracy: float, diversity: float) -> Diagnosis:
    if diversity > 2:
        return Diagnosis(
            "unclear",
            "not sure",
            f"The fakes are {diversity:.1f} times as far from each other as real ones are: G may "
            f"be wandering off. Look at the samples.",
        )
    return Diagnosis(
        "healthy",
        "sure" if 0.75 < diversity < 1.3 and accuracy < 0.95 else "likely",
        f"Nothing here looks wrong: D is right {accuracy:.0%} of the time, and the fakes differ "
        f"from each other {diversity:.2f} times as much as real ones do. A rare kind that is "
        f"missing would not show in these numbers: look at the samples, too.",
    )
