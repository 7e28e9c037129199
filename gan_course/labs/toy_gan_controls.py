"""The front of ``ToyGAN``: question, buttons, sliders and switches, around the plane."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

from gan_course.errors import CourseError
from gan_course.labs import toy_gan_plots as plots
from gan_course.labs import toy_gan_words as words
from gan_course.labs.base import TEXT, ghost_html, heading, question_html, row
from gan_course.labs.fold import Fold, with_tooltips
from gan_course.labs.toy_gan_play import CHOICES, OWN
from gan_course.toy import PRESETS

if TYPE_CHECKING:
    from gan_course.labs.toy_gan import ToyGAN

SPEEDS = [("1 step a frame", 1), ("5 steps a frame", 5), ("20 steps a frame", 20), ("full", 0)]


def lay_out(
    lab: ToyGAN, picture: widgets.Widget, caption: widgets.Widget, code: widgets.Widget
) -> widgets.Widget:
    """The whole lab: what to play, the buttons, the picture, and below it what can be changed."""
    more = Fold("More settings", _more(lab))
    luck = Fold("Is it luck? Twelve seeds", _luck(lab))
    parts = [_question(lab), _game(lab), _buttons(lab), picture, caption]
    parts += [_show(lab), _rates(lab), more, luck, code]
    return with_tooltips(widgets.VBox(parts, layout=widgets.Layout(grid_gap="4px", width="100%")))


def bind(
    lab: ToyGAN,
    trait: str,
    widget: widgets.Widget,
    clip: tuple | None = None,
    options: Callable[[], list] | None = None,
) -> widgets.Widget:
    """A widget that is one trait of the lab.

    Unlike a plain link, it comes back to what the lab really holds: a slider that ends at 0.1 does
    not pull a learning rate of 1 down, and a choice that the lab refuses does not stay on show.

    Args:
        lab, trait, widget: what belongs together.
        clip: the ends of a slider.
        options: what a menu offers, if that depends on the lab.
    """
    busy = []

    def show(change: dict | None = None) -> None:
        busy.append(True)
        try:
            value = getattr(lab, trait)
            if options is not None and tuple(options()) != tuple(widget.options):
                widget.options = options()
            if clip is not None:
                value = min(max(value, clip[0]), clip[1])
            widget.value = value
        finally:
            busy.pop()

    def take(change: dict) -> None:
        if busy:
            return
        try:
            setattr(lab, trait, change["new"])
        except CourseError as error:
            say(lab, error)
        show()

    show()
    widget.observe(take, names="value")
    lab.observe(show, names=trait)
    return widget


def say(lab: ToyGAN, error: Exception) -> None:
    """Show an error that nobody would see otherwise."""
    lab.message = str(error)
    lab.refresh()


def button(lab: ToyGAN, label: str, what: Callable[[], object], hint: str, width: str = "92px"):
    made = widgets.Button(description=label, tooltip=hint, layout={"width": width})

    def pressed(made: widgets.Button) -> None:
        try:
            what()
        except Exception as error:
            if not lab.message:  # the lab has not said it already
                say(lab, error)

    made.on_click(pressed)
    return made


def menu(lab: ToyGAN, trait: str, label: str, options: list, width: str) -> widgets.Dropdown:
    made = widgets.Dropdown(
        options=options,
        description=label,
        style={"description_width": "initial"},
        layout={"width": width},
    )
    return bind(lab, trait, made)


# ---- above the picture -----------------------------------------------------------------------


def _question(lab: ToyGAN) -> widgets.Widget:
    """Predict first: a number (or yes and no), and a button to skip; then the guess as a ghost."""
    text, ghost = widgets.HTML(), widgets.HTML()
    number = widgets.IntSlider(
        min=0,
        max=8,
        description="modes covered",
        style={"description_width": "initial"},
        layout={"width": "300px"},
    )
    guess = button(lab, "Guess", lambda: lab.predict_modes(number.value), "keep this guess")
    yes = button(lab, "yes", lambda: lab.predict_modes(1), "guess yes")
    no = button(lab, "no", lambda: lab.predict_modes(0), "guess no")
    skip = button(lab, "skip", lambda: lab.predict_modes(None), "play without a guess")
    choices = row(grid_gap="2px 8px")
    box = widgets.VBox([text, choices])

    def follow(change: dict | None = None) -> None:
        if lab.playing and lab.verdict is None:
            return  # nothing new
        box.layout.display = "none" if lab.revealed else "flex"
        if not lab.revealed:
            text.value = question_html(escape(words.question(lab)))
            number.max = max(lab.answers, 2)
            choices.children = (number, guess, skip) if lab.answers > 1 else (yes, no, skip)
        line = words.guess_line(lab) if lab.revealed else ""
        ghost.value = ghost_html(escape(line)) if line else ""

    lab.observe(follow, names=["revealed", "step", "distribution", "preset", "playing"])
    follow()
    return widgets.VBox([box, ghost])


def _game(lab: ToyGAN) -> widgets.Widget:
    """Which game it is, and a sentence on what it shows."""
    presets = [(preset.title, name) for name, preset in PRESETS.items()]
    preset = menu(lab, "preset", "Preset", [*presets, ("your own settings", OWN)], "370px")
    distribution = widgets.Dropdown(
        options=words.distribution_menu(lab),
        description="real points",
        style={"description_width": "initial"},
        layout={"width": "300px"},
    )

    seed = widgets.BoundedIntText(
        min=0,
        max=10**8,
        description="seed",
        style={"description_width": "initial"},
        layout={"width": "110px"},
    )
    bind(lab, "seed", seed)
    # A preset may bring a distribution of its own, which no menu knows before.
    bind(lab, "distribution", distribution, options=lambda: words.distribution_menu(lab))
    sentence = widgets.HTML()
    again = button(lab, "Preset as it was", lab.restore_preset, "undo your changes", "140px")

    def follow(change: dict | None = None) -> None:
        sentence.value = f'<p style="{TEXT}">{escape(words.preset_line(lab))}</p>'
        again.layout.display = None if words.changed(lab) else "none"

    lab.observe(follow, names=[*CHOICES, "preset"])
    follow()
    return widgets.VBox([row(preset, distribution, seed), row(sentence, again)])


def _buttons(lab: ToyGAN) -> widgets.Widget:
    play = widgets.ToggleButton(description="▶ Play", layout={"width": "104px"})
    play.tooltip = "play or pause"
    both = button(lab, "Step both", lambda: lab.run(1), "D learns, then G")
    only_d = button(lab, "Step D", lab.step_d, "one update of D alone", "76px")
    only_g = button(lab, "Step G", lab.step_g, "one update of G alone", "76px")
    reset = button(lab, "Reset", lab.reset, "the same choices, from the beginning", "76px")
    ask = button(lab, "Ask the doctor", lab.ask_doctor, "what goes wrong, if anything", "124px")
    speed = menu(lab, "speed", "speed", SPEEDS, "190px")
    back = widgets.IntSlider(
        min=0,
        max=1,
        description="rewind to step",
        continuous_update=True,
        style={"description_width": "initial"},
        layout={"width": "420px", "max_width": "100%"},
    )
    busy = []

    def toggled(change: dict) -> None:
        if change["new"] and not lab.playing:
            lab.play()
        elif not change["new"]:
            lab.pause()

    def moved(change: dict) -> None:
        if not busy and not lab.playing:
            lab.rewind(change["new"])

    def follow(change: dict | None = None) -> None:
        play.value = lab.playing
        play.description = "❚❚ Pause" if lab.playing else "▶ Play"
        play.disabled = not lab.revealed
        for widget in (both, only_d, only_g, ask):
            widget.disabled = lab.playing or not lab.revealed
        back.disabled = lab.playing or lab.last_step == 0
        if not lab.playing:  # while it plays, the slider need not follow each frame
            busy.append(True)
            back.max = max(1, lab.last_step)
            back.value = lab.step
            busy.pop()

    play.observe(toggled, names="value")
    back.observe(moved, names="value")
    lab.observe(follow, names=["playing", "step", "revealed"])
    follow()
    buttons = row(play, both, only_d, only_g, reset, ask, speed, grid_gap="2px 8px")
    return widgets.VBox([buttons, back])


# ---- below the picture -----------------------------------------------------------------------


def _show(lab: ToyGAN) -> widgets.Widget:
    colors = widgets.ToggleButtons(options=[("D now", "D"), ("best D*", "D*"), ("none", "off")])
    colors.style.button_width = "84px"
    force = check(lab, "show_force", "force on fakes", "140px")
    sheet = check(lab, "show_sheet", "sheet of z", "120px")
    return row(heading("Show"), bind(lab, "heat", colors), force, sheet)


def check(lab: ToyGAN, trait: str, label: str, width: str) -> widgets.Widget:
    made = widgets.Checkbox(description=label, indent=False, layout={"width": width})
    return bind(lab, trait, made)


def _rates(lab: ToyGAN) -> widgets.Widget:
    """What is turned most often: the loss and the two learning rates."""
    losses = list(words.LOSSES.items())
    loss = menu(lab, "loss", "loss", losses, "196px")
    rates = [rate(lab, name) for name in ("lr_d", "lr_g")]
    return row(heading("Learning"), loss, *rates)


def rate(lab: ToyGAN, name: str) -> widgets.Widget:
    """A slider from 0.00001 to 1, in equal steps of its logarithm."""
    made = widgets.FloatLogSlider(
        min=-5,
        max=0,
        step=0.05,
        value=1e-3,
        description=name,
        readout_format=".2g",
        style={"description_width": "initial"},
        layout={"width": "240px"},
    )
    return bind(lab, name, made, clip=(1e-5, 1.0))


def _more(lab: ToyGAN) -> widgets.Widget:
    def whole(name: str) -> widgets.Widget:
        made = widgets.IntSlider(min=0, max=10, **look(name))
        return bind(lab, name, made, clip=(0, 10))

    def number(name: str, most: float, step: float) -> widgets.Widget:
        made = widgets.FloatSlider(min=0, max=most, step=step, **look(name))
        return bind(lab, name, made, clip=(0.0, most))

    def look(name: str) -> dict:
        style = {"description_width": "110px"}
        return {"description": name, "style": style, "layout": {"width": "330px"}}

    k_d, k_g = whole("k_d"), whole("k_g")

    def follow(change: dict | None = None) -> None:
        k_d.disabled = k_g.disabled = lab.config.simultaneous  # both move once, at the same time

    lab.observe(follow, names=["preset"])
    follow()
    return widgets.VBox(
        [
            heading("Updates of each network in one step"),
            row(k_d, k_g),
            row(
                check(lab, "freeze_d", "freeze D", "110px"),
                check(lab, "freeze_g", "freeze G", "110px"),
            ),
            heading("Remedies"),
            row(number("r1_gamma", 10.0, 0.1), number("instance_noise", 1.0, 0.05)),
        ]
    )


def _luck(lab: ToyGAN) -> widgets.Widget:
    """A button for twelve seeds, how far it is, and what came of it."""
    said = widgets.HTML()
    bar = widgets.FloatProgress(
        min=0, max=1, tooltip="share of the games played", layout={"width": "260px"}
    )

    def start() -> None:
        lab.pause()
        lab.luck.start()

    go = button(lab, "Run 12 seeds", start, "the same game with seeds 0 to 11", "130px")
    stop = button(lab, "Stop", lab.luck.stop, "stop the twelve games", "76px")

    def follow() -> None:
        running = lab.luck.progress is not None
        go.disabled, stop.disabled = running or not lab.revealed, not running
        bar.layout.visibility = "visible" if running else "hidden"
        bar.value = lab.luck.progress if running else 0.0
        result = lab.luck.result
        if running:
            said.value = f'<p role="status" style="{TEXT}">The twelve games are being played.</p>'
        elif lab.luck.message:
            said.value = f'<p role="status" style="{TEXT}">{escape(lab.luck.message)}</p>'
        elif result is not None:
            said.value = plots.draw_luck(result).svg(words.luck(result))
        else:
            said.value = (
                f'<p style="{TEXT}">One run may be luck. This plays the game as it is set now with '
                "seeds 0 to 11, all at once, and counts.</p>"
            )

    lab._show_luck = follow
    lab.observe(lambda change: follow(), names="revealed")
    follow()
    return widgets.VBox([row(go, stop, bar), said])
