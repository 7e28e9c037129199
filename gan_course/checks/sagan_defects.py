"""Lesson 12, the line-up: eight places of SAGAN programs, four of them sound."""

from __future__ import annotations

from gan_course.checks.framework import Mistake, ValuesTask

LESSON = "12_sagan"
NAMES = "ABCDEFGH"
SOUND, MEMORY, LABELS, DEAD, LOST = 1, 2, 3, 4, 5  # what the numbers of an answer mean
# A test builds each of the eight and measures what is said of it here.
ANSWERS = [SOUND, MEMORY, LABELS, SOUND, DEAD, SOUND, LOST, SOUND]


def _but(**changes: int) -> list[int]:
    """The right answers, but for some of them."""
    return [changes.get(name, a) for name, a in zip(NAMES, ANSWERS, strict=True)]


find_defects = ValuesTask(
    LESSON,
    "find_defects",
    "All eight judged. None of the four defects stops with an error, and each has been published.",
    (
        Mistake(
            "A taken for wrong",
            "A is sound: betas of 0 and 0.9, and rates of 0.0001 and 0.0004, as in SAGAN's paper. "
            "(Other rates may serve a short training better: section 5. They are yours to choose.)",
            _but(A=MEMORY),
        ),
        Mistake(
            "B taken for sound",
            "Look at B again: which betas does Adam take if nobody gives it any? With 0.9 and "
            "0.999 each step goes mostly where the last ones went, and the other network has moved "
            "since then.",
            _but(B=SOUND),
        ),
        Mistake(
            "C taken for sound",
            "In C the labels of the fakes are drawn evenly, but nine of ten real images are cats. "
            "What could D learn from the label alone?",
            _but(C=SOUND),
        ),
        Mistake(
            "D taken for wrong",
            "D is sound: drawing the labels of the fakes anew is fine as long as they come as "
            "often as among the real images, and G and D get the same ones.",
            _but(D=LABELS),
        ),
        Mistake(
            "E taken for sound",
            "E: with a gain of 0, what does BatchNorm give back, whatever comes in? And what is "
            "the gradient that goes back through it?",
            _but(E=SOUND),
        ),
        Mistake(
            "E taken for the labels",
            "In E the labels arrive where they should. Look at the number that the gains begin "
            "with.",
            _but(E=LABELS),
        ),
        Mistake(
            "F taken for dead",
            "F is sound: gamma begins at 0 on purpose. Its own gradient is not 0, so after one "
            "step the four convolutions learn too.",
            _but(F=DEAD),
        ),
        Mistake(
            "G taken for sound",
            "G: after the wrapping, `weight` is computed afresh at each use. Where do the numbers "
            "go that are written into it?",
            _but(G=SOUND),
        ),
        Mistake(
            "G taken for dead",
            "In G gradients flow as they should. But are the weights the ones that the line asks "
            "for?",
            _but(G=DEAD),
        ),
        Mistake(
            "H taken for wrong",
            "H is sound: the features are added up over the map, and the label's row is multiplied "
            "with them entry by entry.",
            _but(H=LABELS),
        ),
    ),
    questions=(
        "A, two optimizers: their rates, their betas.",
        "B, two optimizers: which betas does Adam take if none are given?",
        "C: how often does each label come among the fakes, and how often among the real images?",
        "D: how often does each label come among the fakes, and how often among the real images?",
        "E: what does the norm give back at the start, and what comes back through it?",
        "F: what is left of x at the start, and can gamma leave 0?",
        "G: where do the numbers go that are written into a wrapped weight?",
        "H: compare it with your answer to task 2.",
    ),
    expected=lambda: ANSWERS,
)
