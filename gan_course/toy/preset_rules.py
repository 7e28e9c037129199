"""What a preset is, and the rules that say in numbers what a run shows.

A rule takes the measurements of one run, as ``measure_preset`` makes them, and answers yes or no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gan_course.errors import CourseError
from gan_course.toy.config import ToyConfig

__all__ = ["Preset", "Repair", "Rule"]

Rule = Callable[[Mapping], bool]


@dataclass(frozen=True)
class Repair:
    """A change to a preset, and what comes of it. Not every one helps, and ``helps`` says so.

    Attributes:
        name: for ``measure_preset`` and for menus.
        changes: fields of ``ToyConfig``.
        sentence: what happens.
        rule, rule_text: is that what happened? From the measurements of one run, and in words.
        helps: does the change mend the fault?
        at: the step of the change: 0 is a game that began with it; later, the preset plays that
            many steps first, and then goes on with the change for ``steps`` more.
        steps: how long to play, if not as long as the preset.
    """

    name: str
    changes: Mapping[str, object]
    sentence: str
    rule: Rule
    rule_text: str
    helps: bool = True
    at: int = 0
    steps: int | None = None


@dataclass(frozen=True)
class Preset:
    """A game that shows one thing.

    Attributes:
        name, title: for code and for people.
        config: the choices; put your own seed in.
        steps: how long to play before the rule is asked.
        sentence: what happens.
        rule, rule_text: does a run show it? From the measurements of one run, and in words.
        shows: the measurements to look at, for tables.
        repairs: changes, with what comes of each.
        watch_every: steps between two looks at the run on its way.
    """

    name: str
    title: str
    config: ToyConfig
    steps: int
    sentence: str
    rule: Rule
    rule_text: str
    shows: tuple[str, ...]
    repairs: tuple[Repair, ...] = ()
    watch_every: int = 100

    def repair(self, name: str) -> Repair:
        """A repair by name. Raises CourseError for an unknown one."""
        for repair in self.repairs:
            if repair.name == name:
                return repair
        names = ", ".join(repair.name for repair in self.repairs) or "none"
        raise CourseError(f"{self.name} has no repair called {name!r}; it has {names}.")


def healthy(m: Mapping) -> bool:
    return m["modes_covered"] >= 7 and m["sliced_wasserstein"] < 0.25


def most_modes(m: Mapping) -> bool:
    return m["modes_covered"] >= 5


def spread_again(m: Mapping) -> bool:
    return m["sliced_wasserstein"] < 0.5


def collapsed(m: Mapping) -> bool:
    return m["most_modes"] <= 2 and m["hops_per_1000"] > 4


def vanished(m: Mapping) -> bool:
    return m["mean_d_fake"] < 0.001 and m["force"] < 0.01 and m["moved"] < 0.1


def arrived(m: Mapping) -> bool:
    return m["distance"] < 1


def far_off(m: Mapping) -> bool:
    return m["distance"] > 2


def minority_lost(m: Mapping) -> bool:
    return m["minority"] < 0.05


def minority_kept(m: Mapping) -> bool:
    return m["minority"] >= 0.05


def grows(m: Mapping) -> bool:
    return m["radius_factor"] > 1.3 and abs(m["turns"]) > 2


def stays(m: Mapping) -> bool:
    return 0.9 < m["radius_factor"] < 1.1 and abs(m["turns"]) > 2


def comes_to_rest(m: Mapping) -> bool:
    return m["radius_factor"] < 0.2


def fooled_a_fixed_d(m: Mapping) -> bool:
    fooled = m["mean_d_fake"] > 0.5 > 0.01 > m["start_mean_d_fake"]
    return fooled and m["sliced_wasserstein"] > m["start_sliced_wasserstein"]


def threads(m: Mapping) -> bool:
    return m["share_on_modes"] < 0.5


def no_threads(m: Mapping) -> bool:
    return m["share_on_modes"] >= 0.5


def thrown_about(m: Mapping) -> bool:
    return m["modes_covered"] <= 2 and m["sliced_wasserstein"] > 1


HEALTHY = "at least 7 of 8 modes, and a sliced Wasserstein distance below 0.25"
MOST_MODES = "at least 5 of 8 modes"
COLLAPSED = "never more than 2 of 8 modes, and the crowded one changes over 4 times in 1,000 steps"
VANISHED = "D(fake) below 0.001, a force below 0.01, and the fakes move less than 0.1 of 4.5"
ARRIVED = "the fakes' centre, 4.5 away at first, ends less than 1 from the real one"
FAR_OFF = "the fakes' centre is still more than 2 away"
MINORITY_LOST = "the small blob gets less than 5 %, half of its share"
MINORITY_KEPT = "the small blob gets at least 5 % of the fakes, half of its share"
