"""How to tell the illnesses of ``Diagnose`` apart: what each must show, and where.

Every illness has two or three signs, each in one piece of evidence. A diagnosis is right if all of
its signs are there, and wrong if one is not; so a wrong one can be answered with the sign that it
lacks. The signs look at numbers only, never at the case's name or settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from gan_course.labs.diagnose_findings import Findings, number

__all__ = ["SIGNS", "Sign", "failing"]


@dataclass(frozen=True)
class Sign:
    """One thing that an illness must show.

    Attributes:
        piece: the evidence that shows it, a key of ``PIECES``.
        holds: is it there?
        expects: what the illness would show, a clause.
        finds: what is there instead, a clause.
    """

    piece: str
    holds: Callable[[Findings], bool]
    expects: str
    finds: Callable[[Findings], str]


def _logits(f: Findings) -> str:
    return f"real points get {number(f.real)} and fakes {number(f.fake)}"


def _gradients(f: Findings) -> str:
    return f"G's gradient is {number(f.grad_g)} long"


def _diversity(f: Findings) -> str:
    return f"it is {f.diversity:.2f}"


def _samples(f: Findings) -> str:
    said = (
        f"they are {f.distance:.2f} from the real points, and a perfect G comes to {f.perfect:.2f}"
    )
    if len(f.shares) > 1 and f.lost:
        said += f"; {len(f.lost)} of {len(f.shares)} blobs {'has' if len(f.lost) == 1 else 'have'}"
        said += " hardly a fake"
    return said


def _kinds(f: Findings) -> str:
    if len(f.shares) < 2:
        return "the real points are all of one piece"
    if not f.lost:
        return f"none of {len(f.shares)} blobs is missing"
    return f"{len(f.lost)} of {len(f.shares)} blobs get hardly a fake, {f.lost_part:.0%} of all"


def _moments(f: Findings) -> str:
    return (
        f"their centre is {f.away:.2f} from that of the real points, and moves by {f.travel:.2f} "
        f"from one moment to the next"
    )


SIGNS: dict[str, tuple[Sign, ...]] = {
    "healthy": (
        Sign(
            "diversity",
            lambda f: 0.7 < f.diversity < 1.3,
            "in a healthy game the fakes differ from each other about as much as the real points "
            "do, which is 1",
            _diversity,
        ),
        Sign(
            "samples",
            lambda f: f.distance < 2 * f.worst_perfect and not f.lost,
            "in a healthy game the fakes lie where the real points lie, on all of them",
            _samples,
        ),
    ),
    "mode collapse": (
        Sign(
            "diversity",
            lambda f: f.diversity < 0.5,
            "when G bets on one place the fakes are much more alike than the real points, far "
            "below 1",
            _diversity,
        ),
        Sign(
            "logits",
            lambda f: abs(f.gap) < 1 and f.size < 1,
            "a D that G keeps outrunning is never sure of anything: its logits stay near 0",
            _logits,
        ),
        Sign(
            "gradients",
            lambda f: f.grad_g > 0.02,
            "G is pushed from place to place, so its gradient is not small",
            _gradients,
        ),
    ),
    "vanishing gradients": (
        Sign(
            "gradients",
            lambda f: f.grad_g < 0.02,
            "G's gradient would be next to nothing",
            _gradients,
        ),
        Sign(
            "logits",
            lambda f: f.gap > 5,
            "D would be sure of every point, with the logits of real and fake far apart",
            _logits,
        ),
        Sign(
            "losses",
            lambda f: abs(f.loss_d) < 0.05 and f.shake_d < 0.05,
            "a D that is always right has a loss of nearly 0, and it stays there",
            lambda f: f"D's loss is {number(f.loss_d)} and trembles by {number(f.shake_d)}",
        ),
    ),
    "oscillation": (
        Sign(
            "moments",
            lambda f: f.away > 0.3 and f.travel > 0.3,
            "the whole cloud would be away from the real points and at another place each time",
            _moments,
        ),
        Sign(
            "diversity",
            lambda f: 0.75 < f.diversity < 1.3,
            "a cloud that circles keeps its shape: the fakes differ as much as the real points, "
            "which is 1",
            _diversity,
        ),
        Sign(
            "gradients",
            lambda f: f.grad_g > 0.1,
            "two learners that chase each other keep pushing, so G's gradient stays large",
            _gradients,
        ),
    ),
    "a rare kind is missing": (
        Sign(
            "samples",
            lambda f: bool(f.lost) and f.lost_part < 0.1,
            "one small group of real points would have no fakes, and all others would have theirs",
            _kinds,
        ),
        Sign(
            "diversity",
            lambda f: 0.7 < f.diversity < 1.3,
            "a few missing points change no mean, so the fakes would differ nearly as much as the "
            "real points",
            _diversity,
        ),
    ),
    "D is held flat": (
        Sign(
            "gradients",
            lambda f: f.grad_g < 0.02,
            "a flat D has no slope to hand on, so G's gradient would be next to nothing",
            _gradients,
        ),
        Sign(
            "logits",
            lambda f: f.size < 0.02,
            "a flat D says the same of every point: both logits would be next to 0",
            _logits,
        ),
        Sign(
            "samples",
            lambda f: f.distance > 2 * f.worst_perfect,
            "nobody would have told G where the real points are, so the fakes would lie elsewhere",
            _samples,
        ),
    ),
    "learning rates too high": (
        Sign(
            "logits",
            lambda f: f.size > 3,
            "steps that are too long throw D's weights far out, and its logits become huge",
            _logits,
        ),
        Sign(
            "diversity",
            lambda f: f.diversity < 0.05,
            "steps that are too long throw all fakes onto one and the same point: a diversity of 0",
            _diversity,
        ),
        Sign(
            "gradients",
            lambda f: f.grad_g > 1,
            "where every step is too long the gradients are large, too",
            _gradients,
        ),
    ),
}


def failing(answer: str, findings: Findings, shown: Collection[str]) -> Sign | None:
    """The sign that a diagnosis lacks: if possible in evidence that is on the table.

    Returns:
        None if it lacks none, that is, if the diagnosis is right.
    """
    lacking = [sign for sign in SIGNS[answer] if not sign.holds(findings)]
    seen = [sign for sign in lacking if sign.piece in shown]
    return (seen or lacking or [None])[0]
