"""The sliders and buttons of ``ForkAndRace``."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

from gan_course.labs import fork_and_race_words as words
from gan_course.labs.base import TEXT, column, heading, question_html, row, slider
from gan_course.labs.toy_gan_controls import button
from gan_course.labs.toy_gan_tape import EVERY

if TYPE_CHECKING:
    from gan_course.labs.fork_and_race import ForkAndRace

OWN = "your own"


def controls(lab: ForkAndRace) -> widgets.Widget:
    return column(
        heading("What is changed in B"),
        _menu(lab),
        _question(lab),
        heading("The race"),
        _buttons(lab),
        _rewind(lab),
        heading("The run before the fork"),
        slider(lab, "fork_step", "fork at step", min=0, max=1000, step=50, continuous_update=False),
        slider(lab, "seed", "seed", min=0, max=11, continuous_update=False),
        heading("Is it luck?"),
        _luck(lab),
    )


def _menu(lab: ForkAndRace) -> widgets.Widget:
    menu = widgets.Dropdown(
        options=list(words.MENU),
        description="B gets",
        style={"description_width": "112px"},
        layout=widgets.Layout(width="330px"),
    )
    following = [False]

    def follow(change: dict | None = None) -> None:
        known = [label for label, one in words.MENU.items() if one == lab.change]
        following[0] = True
        menu.options = [*words.MENU] if known else [*words.MENU, OWN]
        menu.value = known[0] if known else OWN
        following[0] = False

    def choose(change: dict) -> None:
        if not following[0] and change["new"] in words.MENU:
            lab.change = words.MENU[change["new"]]

    lab.observe(follow, names="change")
    menu.observe(choose, names="value")
    follow()
    return menu


def _guess(lab: ForkAndRace, trait: str, text, most: int, answer) -> widgets.Widget:
    """A question with a number for an answer; it hides once ``trait`` is True."""
    asked = widgets.HTML()
    number = widgets.BoundedIntText(
        min=0, max=most, value=most // 2, tooltip="your guess", layout={"width": "64px"}
    )
    ready = button(lab, "guess", lambda: answer(number.value), "keep this guess", "76px")
    ready.button_style = "primary"
    skip = button(lab, "skip", lambda: answer(None), "go on without a guess", "76px")
    box = widgets.VBox([asked, row(number, ready, skip, grid_gap="2px 8px")])
    box.layout.max_width = "335px"

    def follow(change: dict | None = None) -> None:
        asked.value = question_html(escape(text(lab)))
        box.layout.display = "none" if getattr(lab, trait) else "flex"

    lab.observe(follow, names=[trait, "change"])
    follow()
    return box


def _question(lab: ForkAndRace) -> widgets.Widget:
    return _guess(lab, "revealed", words.modes_question, 8, lab.predict_modes)


def _buttons(lab: ForkAndRace) -> widgets.Widget:
    play = button(lab, "▶ race", lab.play, f"{lab.asked_steps:,} steps of both", "92px")
    play.button_style = "primary"
    stop = button(lab, "❚❚ stop", lab.pause, "stop at once", "92px")
    step = button(lab, "+ 50 steps", lambda: lab.run(EVERY), "50 steps of both", "100px")
    back = button(lab, "back to the fork", lambda: lab.rewind(0), "0 steps after the fork", "142px")
    again = button(
        lab,
        "fork again from B",
        lambda: lab.fork_again("B"),
        "both games begin anew where B stands now",
        "142px",
    )

    def follow(change: dict | None = None) -> None:
        waits = lab.playing or not lab.revealed
        play.disabled = step.disabled = waits
        stop.disabled = not lab.playing
        back.disabled = again.disabled = lab.playing or lab.step == 0

    lab.observe(follow, names=["playing", "revealed", "step"])
    follow()
    return widgets.VBox([row(play, stop, step, grid_gap="2px 8px"), row(back, again)])


def _rewind(lab: ForkAndRace) -> widgets.Widget:
    """The way back: between the fork and the last step that is known."""
    way = widgets.IntSlider(
        min=0,
        max=0,
        step=EVERY,
        description="steps since fork",
        continuous_update=False,
        style={"description_width": "112px"},
        layout=widgets.Layout(width="330px"),
    )
    following = [False]

    def follow(change: dict | None = None) -> None:
        following[0] = True
        race = lab.race
        way.max = max(race.tape_a.last_step - race.forked_at, lab.step)
        way.value = lab.step
        way.disabled = lab.playing or way.max == 0
        following[0] = False

    def go(change: dict) -> None:
        if not following[0]:
            lab.rewind(change["new"])

    way.observe(go, names="value")
    lab.observe(follow, names=["step", "playing", "change", "seed", "fork_step"])
    follow()
    return way


def _luck(lab: ForkAndRace) -> widgets.Widget:
    said = widgets.HTML()
    bar = widgets.FloatProgress(
        min=0, max=1, tooltip="share of the games played", layout={"width": "320px"}
    )

    def start() -> None:
        lab.pause()
        lab.luck.start()

    go = button(lab, "Run 12 seeds", start, "the same fork with seeds 0 to 11", "130px")
    go.button_style = "primary"
    stop = button(lab, "stop", lab.luck.stop, "stop the twelve games", "76px")
    question = _guess(lab, "luck_revealed", words.luck_question, 12, lab.predict_luck)

    def follow(change: dict | None = None) -> None:
        running = lab.luck.progress is not None
        go.disabled, stop.disabled = running or not lab.luck_revealed, not running
        bar.layout.visibility = "visible" if running else "hidden"
        bar.value = lab.luck.progress or 0.0
        result = lab.luck.result
        text = lab.luck.message
        if running:
            text = "The twelve games are being played."
        elif result is not None:
            text = words.luck_text(result)
        said.value = f'<p role="status" style="{TEXT};max-width:335px">{escape(text)}</p>'

    lab._show_luck = follow
    lab.observe(follow, names=["luck_revealed", "change"])
    follow()
    return widgets.VBox([question, row(go, stop), bar, said])
