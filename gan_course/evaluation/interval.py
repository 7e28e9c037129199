"""How sure a share is that was counted."""

from __future__ import annotations

import math

from gan_course.errors import CourseError


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share, 95 % for z = 1.96. It stays within 0 to 1, also for few trials.

    It holds all shares p for which ``successes / trials`` would lie within z standard deviations
    of p.

    Raises:
        CourseError: if there are no trials, or more successes than trials.

    Source: Wilson 1927.
    """
    if not (trials >= 1 and 0 <= successes <= trials):
        raise CourseError(
            f"a share needs at least one trial and 0 to {trials} successes, but there are "
            f"{successes} of {trials}."
        )
    share, whole = successes / trials, 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / whole
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / whole
    return max(0.0, middle - half), min(1.0, middle + half)
