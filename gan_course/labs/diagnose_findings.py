"""The numbers of a case in ``Diagnose`` that a diagnosis is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from gan_course.labs.diagnose_cases import CASES
from gan_course.labs.diagnose_record import Record

__all__ = ["PIECES", "Findings", "number"]

# The evidence, in the order of the picture. The first is free.
PIECES: dict[str, str] = {
    "losses": "the loss curves",
    "logits": "D's logits",
    "gradients": "the gradients",
    "diversity": "the diversity",
    "samples": "the samples",
    "map": "D's map",
    "moments": "the three moments",
}


@dataclass(frozen=True)
class Findings:
    """The numbers that the signs look at; medians are those of the later half.

    Attributes:
        loss_d, loss_g: mean losses of the later half.
        shake_d, shake_g: how much they tremble: their standard deviations.
        real, fake: D's median logits.
        gap: median of real minus fake.
        size: median of the larger of the two, without its sign.
        accuracy: D's median share of right answers.
        grad_d, grad_g: median lengths of the gradients.
        diversity, least, most: its median, smallest and largest.
        distance, perfect, worst_perfect: sliced Wasserstein, of the fakes and of a perfect G.
        shares: of each kind, the part of its fair share that the fakes have; () if there are none.
        fair: the true share of each kind.
        centres: of the fakes at the three moments, (3, 2), from the middle of the real points.
        away: the median of their distances from there.
        travel: mean way of the centre from one moment to the next.
    """

    loss_d: float
    loss_g: float
    shake_d: float
    shake_g: float
    real: float
    fake: float
    gap: float
    size: float
    accuracy: float
    grad_d: float
    grad_g: float
    diversity: float
    least: float
    most: float
    distance: float
    perfect: float
    worst_perfect: float
    shares: tuple[float, ...]
    fair: tuple[float, ...]
    centres: np.ndarray
    away: float
    travel: float

    @classmethod
    def of(cls, record: Record) -> Findings:
        late = record.rows[len(record.rows) // 2 :]
        half = len(record.loss_d) // 2
        real = CASES[record.name].config.real
        centres = record.fakes.mean(axis=1) - real.mean().numpy()
        return cls(
            loss_d=float(record.loss_d[half:].mean()),
            loss_g=float(record.loss_g[half:].mean()),
            shake_d=float(record.loss_d[half:].std()),
            shake_g=float(record.loss_g[half:].std()),
            real=median(r.logit_real for r in late),
            fake=median(r.logit_fake for r in late),
            gap=median(r.logit_real - r.logit_fake for r in late),
            size=median(max(abs(r.logit_real), abs(r.logit_fake)) for r in late),
            accuracy=median(r.accuracy for r in late),
            grad_d=median(r.grad_d for r in late),
            grad_g=median(r.grad_g for r in late),
            diversity=median(r.diversity for r in late),
            least=min(r.diversity for r in late),
            most=max(r.diversity for r in late),
            distance=record.distance,
            perfect=record.perfect,
            worst_perfect=record.worst_perfect,
            shares=record.shares,
            fair=tuple(real.shares.tolist()),
            centres=centres,
            away=float(np.median(np.linalg.norm(centres, axis=1))),
            travel=float(np.mean([np.linalg.norm(b - a) for a, b in pairwise(centres)])),
        )

    @property
    def lost(self) -> list[int]:
        """The kinds that get less than a fifth of their fair share."""
        return [i for i, share in enumerate(self.shares) if share < 0.2]

    @property
    def lost_part(self) -> float:
        """Which part of the real points is of these kinds."""
        return sum(self.fair[i] for i in self.lost)


def number(value: float) -> str:
    """Two or three digits, with a real minus sign; very small numbers as 2e−05."""
    if abs(value) < 5e-8:
        return "0"
    if abs(value) >= 10:
        return f"{value:,.0f}".replace("-", "−")
    if abs(value) >= 0.1:
        return f"{value:.2f}".replace("-", "−")
    return f"{value:.2g}".replace("-", "−")
