"""What ``ForkAndRace`` says: its menu, its questions, the caption, the code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gan_course.labs.fork_and_race_luck import HEALTHY_TEXT, RULE_TEXT

if TYPE_CHECKING:
    from gan_course.labs.fork_and_race import ForkAndRace

# What B may change. The rates before the fork: lr_g = 0.001, lr_d = 0.0001.
MENU: dict[str, dict[str, object]] = {
    "nothing": {},
    "R1, γ = 0.1": {"r1_gamma": 0.1},
    "lr_d × 10": {"lr_d": 0.001},
    "lr_d × 10, and R1": {"lr_d": 0.001, "r1_gamma": 0.1},
    "lr_g ÷ 10": {"lr_g": 0.0001},
    "k_d = 10": {"k_d": 10},
    "skip D when it wins": {"skip_d_when_winning": 0.8},
    "spectral norm": {"spectral_norm": True},
}


def change_text(change: Mapping[str, object]) -> str:
    """A change in the words of the menu, or as assignments if it is one's own."""
    for label, known in MENU.items():
        if known == change:
            return "no change" if not known else label
    return ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in change.items()
    )


def modes_question(lab: ForkAndRace) -> str:
    return (
        f"B's change: {change_text(lab.change)}. {lab.asked_steps:,} steps after the fork, how "
        f"many of the 8 modes will B cover?"
    )


def luck_question(lab: ForkAndRace) -> str:
    return (
        f"The same with 12 seeds, B's change: {change_text(lab.change)}. In how many of them will "
        f"the fakes be spread over the ring again, {lab.asked_steps:,} steps after the fork? The "
        f"rule: {RULE_TEXT}."
    )


def title(lab: ForkAndRace) -> str:
    later = f"{lab.step:,} steps later" if lab.step else "nothing has happened since"
    return f"One run, forked at step {lab.race.forked_at:,} (seed {lab.seed}) · {later}"


def heading(name: str, change: Mapping[str, object]) -> str:
    return f"{name}: {change_text(change)}"


def score(data: Mapping) -> str:
    """Below a plane."""
    said = f"{data['modes_now']} of 8 modes · distance {data['distance']:.2f}"
    return said + (f" · {data['outside']} outside" if data["outside"] else "")


def apart_text(data: Mapping) -> str:
    """The distance between the weights, now."""
    now = data["apart_now"]
    if now == 0:
        if data["step"] == 0:
            return "A and B are still the same"
        return "exactly 0: the same, bit for bit"
    return f"now {now:.2f}"


def verdict(entry: Mapping, what: str) -> str:
    """A guess against the truth."""
    guess, truth = entry["answer"], entry["truth"]
    if entry["right"]:
        return f"Your guess, {guess} {what}, is right."
    near = ", off by one" if abs(guess - truth) == 1 else ""
    return f"Your guess was {guess} {what}; it is {truth}{near}."


def guess_lines(lab: ForkAndRace) -> list[str]:
    """What was guessed of this race, and what came."""
    said = []
    if lab.verdict is not None:
        said.append(verdict(lab.verdict, "modes"))
    elif lab.guess is not None:
        said.append(f"Your guess: B covers {lab.guess} modes {lab.asked_steps:,} steps on.")
    if lab.luck_verdict is not None:
        said.append(verdict(lab.luck_verdict, "of 12 seeds"))
    elif lab.luck_guess is not None:
        said.append(f"Your guess: {lab.luck_guess} of 12 seeds spread again.")
    return said


def luck_title(result: Mapping) -> str:
    """Above the small pictures of all seeds."""
    spread, count = sum(result["holds"]), len(result["seeds"])
    change, healthy = change_text(result["change"]), sum(result["healthy"])
    return f"Is it luck? With {change}: {spread} of {count} seeds spread again, {healthy} healthy"


def luck_text(result: Mapping) -> str:
    """The outcome of the many games in words."""
    modes = ", ".join(str(number) for number in result["modes"])
    broken = sum(math.isnan(distance) for distance in result["distance"])
    said = (
        f"{luck_title(result)}, {result['steps']:,} steps after the fork. Spread again means: "
        f"{RULE_TEXT}. Healthy means: {HEALTHY_TEXT}. Modes covered, seed by seed: {modes}."
    )
    return said + (f" {broken} broke." if broken else "")


def alt_text(lab: ForkAndRace) -> str:
    """The picture in words, from its numbers."""
    data = lab.figure_data()
    said = [title(lab) + "."]
    for name, change in (("a", {}), ("b", lab.change)):
        one = data[name]
        said.append(
            f"{heading(name.upper(), change)}: {one['modes_now']} of 8 modes covered, sliced "
            f"Wasserstein distance {one['distance']:.2f}."
        )
    floor = data["floors"]["sliced_wasserstein"].median
    said.append(f"A perfect generator covers 8, at a distance of {floor:.2f}.")
    said.append(f"Distance between the weights of A and B: {apart_text(data)}.")
    said += guess_lines(lab)
    if not lab.revealed:
        said.append(modes_question(lab) + " Make a guess, or skip.")
    if lab.luck.result is not None:
        said.append(luck_text(lab.luck.result))
    if lab.message:
        said.append(lab.message)
    return " ".join(said)


def code(lab: ForkAndRace) -> str:
    """A program that plays the same race and prints what the lab measures."""
    race = lab.race
    lines = [
        "from gan_course.toy import PRESETS, ToyGame, measure",
        "",
        f'game = ToyGame(PRESETS["collapse"].config.replace(seed={lab.seed}))',
    ]
    for kind, what in race.actions:
        lines.append(f"game.step({what})" if kind == "step" else f"game.change({_given(what)})")
    lines += ["a = game.fork()", f"b = game.fork({_given(lab.change)})"]
    lines += [f"for one in (a, b):\n    one.step({lab.step})"] if lab.step else []
    lines.append('print([measure(one)["modes_covered"] for one in (a, b)])')
    return "\n".join(lines)


def _given(change: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in change.items())
