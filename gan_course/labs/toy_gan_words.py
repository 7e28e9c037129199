"""What ``ToyGAN`` says: the question, the caption, the code."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from gan_course.labs.toy_gan_play import OWN
from gan_course.toy import DISTRIBUTIONS, PRESETS, Distribution, ToyConfig

if TYPE_CHECKING:
    from gan_course.labs.toy_gan import ToyGAN

LOSSES = {
    "saturating (minimax)": "saturating",
    "non-saturating": "non_saturating",
    "least squares": "least_squares",
    "hinge": "hinge",
    "Wasserstein": "wasserstein",
}
# What the colours of D stand for: its name, and both ends.
HEAT_NAMES = {
    "saturating": ("D(x), a probability", "fake 0", "1 real"),
    "non_saturating": ("D(x), a probability", "fake 0", "1 real"),
    "least_squares": ("D(x), aims at 0 and 1", "fake 0", "1 real"),
    "hinge": ("D(x), the logit", "fake −1", "1 real"),
    "wasserstein": ("D(x), a score", "lower", "higher"),
}
PLACES = (
    "right",
    "upper right",
    "top",
    "upper left",
    "left",
    "lower left",
    "bottom",
    "lower right",
)


def question(lab: ToyGAN) -> str:
    """The question before the first run."""
    modes, start = lab.config.real.modes, f"After {lab.asked_step:,} steps,"
    if modes is None:
        return f"{start} will the fakes lie where the real points lie?"
    if len(modes) == 1:
        return f"{start} will the blob of real points be covered by fakes?"
    return f"{start} how many of the {len(modes)} modes (blobs) will be covered by fakes?"


def answer_text(lab: ToyGAN, answer: int) -> str:
    if lab.answers == 1:
        return "yes" if answer else "no"
    return str(answer)


def guess_line(lab: ToyGAN) -> str:
    """What was guessed, and once it is known, what came."""
    if lab.verdict is not None:
        guess, truth = lab.verdict["answer"], lab.verdict["truth"]
        said = f"Your guess for step {lab.asked_step:,}: {answer_text(lab, guess)}."
        if lab.verdict["right"]:
            return f"{said} Right."
        near = " Off by one." if lab.answers > 1 and abs(guess - truth) == 1 else ""
        return f"{said} It was {answer_text(lab, truth)}.{near}"
    if lab.guess is not None:
        return f"Your guess for step {lab.asked_step:,}: {answer_text(lab, lab.guess)}."
    return ""


def caption(lab: ToyGAN) -> str:
    """The picture in words, from its numbers."""
    quality, real = lab.quality(), lab.config.real
    floors = lab.floors()
    said = [f"Step {lab.game.steps_done:,}."]
    if real.modes is not None:
        covered, number = quality["modes_covered"], len(real.modes)
        said.append(
            f"{covered} of {number} {'mode' if number == 1 else 'modes'} covered{where(lab)}."
        )
    floor = floors["sliced_wasserstein"].median
    said.append(
        f"Sliced Wasserstein distance {quality['sliced_wasserstein']:.2f} (perfect: {floor:.2f})."
    )
    said.append(f"D is right on {100 * quality['d_accuracy']:.0f} % of the points.")
    said.append(f"Median force on a fake {quality['force']:.2g}.")
    data = lab.figure_data()
    if data["outside"]:
        said.append(f"{data['outside']} of {len(data['points_fake'])} fakes are out of sight.")
    if data["folded"] is not None and data["folded"].any():
        share = 100 * data["folded"].mean()
        said.append(f"{share:.0f} % of the sheet's cells are turned over.")
    return " ".join(said)


def where(lab: ToyGAN) -> str:
    """Which part of the plane the crowded mode lies in, if one or two have nearly everything."""
    quality, modes = lab.quality(), lab.config.real.modes
    shares = np.array(quality["share_per_mode"])
    if len(modes) < 3 or not 1 <= quality["modes_covered"] <= 2:
        return ""
    x, y = modes[int(shares.argmax())].tolist()
    if abs(x) + abs(y) < 0.1:
        return ", mostly the one in the middle"
    place = PLACES[round(float(np.arctan2(y, x)) / (np.pi / 4)) % 8]
    return f", mostly the one at the {place}"


def changed(lab: ToyGAN) -> dict[str, object]:
    """The fields in which the game's choices differ from the preset's, seed aside."""
    start = PRESETS[lab.preset].config if lab.preset != OWN else ToyConfig()
    here = lab.config
    names = [field.name for field in fields(ToyConfig) if field.name != "seed"]
    return {name: getattr(here, name) for name in names if differ(here, start, name)}


def differ(one: ToyConfig, other: ToyConfig, name: str) -> bool:
    return getattr(one, name) != getattr(other, name)


def preset_line(lab: ToyGAN) -> str:
    """What the preset shows, and what was changed in it."""
    if lab.preset == OWN:
        return "Your own settings."
    said = PRESETS[lab.preset].sentence
    changes = changed(lab)
    if lab.loss_g is not None or lab.loss_d is not None:
        changes["loss"] = "your own function"
    if changes:
        listed = ", ".join(f"{name} = {value_text(value)}" for name, value in changes.items())
        said += f" (You changed {listed}, so something else may happen.)"
    return said


def value_text(value: object) -> str:
    if isinstance(value, Distribution):
        return value.name
    return f"{value:g}" if isinstance(value, float) else str(value)


def heat_name(lab: ToyGAN) -> tuple[str, str, str]:
    if lab.heat == "D*":
        return "D*(x), a probability", "fake 0", "1 real"
    return HEAT_NAMES[lab.loss]


def title(lab: ToyGAN) -> str:
    """Over the plane."""
    name = PRESETS[lab.preset].title if lab.preset != OWN else "Your own game"
    if changed(lab) and lab.preset != OWN:
        name += " (changed)"
    return f"{name} · step {lab.game.steps_done:,}"


def legend_lines(lab: ToyGAN, data: dict) -> list[str]:
    """Small print below the plane."""
    said = []
    if lab.heat == "D*":
        said.append("D*: the best D, under noise of width 0.1; grey: nobody is there")
    if data["sheet"] is not None:
        dim = lab.config.noise_dim
        if dim == 1:
            said.append("purple: where G puts the line of all z")
        else:
            part = "a square of z" if dim == 2 else f"a slice of the {dim}-dimensional z"
            said.append(f"purple net: where G puts {part}; hatched: turned over")
    return said


def luck(result: dict) -> str:
    """The outcome of the twelve games in words."""
    held, count = sum(result["holds"]), len(result["seeds"])
    failed = [
        str(s) for s, holds in zip(result["seeds"], result["holds"], strict=True) if not holds
    ]
    said = f"{held} of {count} seeds after {result['steps']:,} steps: {result['rule_text']}."
    return said + (f" Not so with {', '.join(failed)}." if failed else "")


# ---- code ------------------------------------------------------------------------------------


def code(lab: ToyGAN) -> str:
    """A program that plays the same game and prints its measurements."""
    start = lab.start_config
    imports = ["ToyConfig", "ToyGame", "measure"]
    if not isinstance(start.distribution, Distribution):
        made = f"ToyConfig({arguments(start, ToyConfig())})"
    elif lab.preset != OWN and not differ(start, PRESETS[lab.preset].config, "distribution"):
        imports = ["PRESETS", "ToyGame", "measure"]
        made = f"PRESETS[{lab.preset!r}].config.replace("
        made += f"{arguments(start, PRESETS[lab.preset].config, always=('seed',))})"
    else:
        made = f"ToyConfig({arguments(start, ToyConfig())})"
    lines = [f"from gan_course.toy import {', '.join(imports)}", "", f"game = ToyGame({made})"]
    for kind, what in lab.actions:
        if kind == "step":
            lines.append(f"game.step({what})")
        elif kind in ("step_d", "step_g"):
            lines.append(
                f"for _ in range({what}):\n    game.{kind}()" if what > 1 else f"game.{kind}()"
            )
        elif kind == "change":
            given = ", ".join(f"{name}={value!r}" for name, value in what.items())
            lines.append(f"game.change({given})")
        else:
            lines.append(f"game.{kind} = {what}  # your own function")
    return "\n".join([*lines, "print(measure(game))"])


def arguments(config: ToyConfig, standard: ToyConfig, always: tuple[str, ...] = ("seed",)) -> str:
    """The fields of a config that are not standard, as they stand in a call."""
    given = []
    for field in fields(ToyConfig):
        value = getattr(config, field.name)
        if value != getattr(standard, field.name) or field.name in always:
            shown = "distribution  # yours" if isinstance(value, Distribution) else repr(value)
            given.append((field.name, shown))
    return ", ".join(f"{name}={shown}" for name, shown in given)


def distribution_menu(lab: ToyGAN) -> list[tuple[str, object]]:
    """Names for the menu of distributions. Those that need data are made in Python."""
    menu = [
        (f"{name}: {text}", name)
        for name, (_, text) in DISTRIBUTIONS.items()
        if name not in ("drawn", "table", "picture")
    ]
    own = lab.config.distribution
    if isinstance(own, Distribution):
        menu.append((f"{own.name}: of this game", own))
    elif own not in [value for _, value in menu]:
        menu.append((own, own))
    return menu
