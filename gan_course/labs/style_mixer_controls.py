"""The controls of ``StyleMixer``."""

from __future__ import annotations

import ipywidgets as widgets

from gan_course.labs.base import column, heading, row, slider
from gan_course.labs.guess_controls import guess_box


def mixer_controls(lab, question: str, answers: tuple[str, ...]) -> widgets.Widget:
    play = widgets.ToggleButton(description="▶ Play", layout={"width": "auto"})
    one = widgets.Button(description="Step", layout={"width": "auto"})
    again = widgets.Button(description="Reset", layout={"width": "auto"})
    strip = widgets.Button(
        description="Five weights",
        tooltip="the picture at five style weights: takes a few seconds",
        layout={"width": "auto"},
    )

    def toggled(change: dict) -> None:
        if change["new"] and not lab.playing:
            lab.play()
        elif not change["new"]:
            lab.pause()

    def follow(change: dict | None = None) -> None:
        play.value = lab.playing
        play.description = "❚❚ Pause" if lab.playing else "▶ Play"
        one.disabled = strip.disabled = lab.playing or not lab.revealed

    play.observe(toggled, names="value")
    one.on_click(lambda button: lab.run(1))
    again.on_click(lambda button: lab.reset())
    strip.on_click(lambda button: lab.make_strip())
    lab.observe(follow, names=["playing", "revealed"])

    # A step that has 3 and 0.06 on its grid: the browser would show another number otherwise.
    log = {"kind": widgets.FloatLogSlider, "base": 10, "step": 0.02, "readout_format": ".2g"}
    weights = [
        slider(lab, "content_weight", "content weight", min=-2, max=3, **log),
        slider(lab, "style_weight", "style weight", min=-2, max=3, **log),
        slider(lab, "tv_weight", "smoothness", min=-3, max=2, **log),
        slider(lab, "learning_rate", "learning rate", min=-3, max=0, **log),
    ]
    layers = _buttons(lab, "layers", ["all", "conv1", "conv2", "conv3", "conv4"])
    start = _buttons(lab, "start", ["content", "noise"])
    own = [_picture_of_ones_own(lab, kind) for kind in ("content", "style")]
    buttons = row(play, one, again, strip, grid_gap="2px 4px")
    message = widgets.HTML()

    def say(change: dict | None = None) -> None:
        message.value = f'<p role="alert">⚠ {lab.message}</p>' if lab.message else ""

    lab.observe(say, names="message")
    say()
    locked = [play, again, *weights, layers, start, *(part for pair in own for part in pair)]
    guess = guess_box(lab, question, answers, lab.predict_losses, lab.verdict, locked)
    follow()
    return column(
        guess,
        buttons,
        message,
        heading("At once"),
        *weights,
        heading("From the beginning"),
        widgets.Label("style layers"),
        layers,
        widgets.Label("start"),
        start,
        *(row(*pair, grid_gap="2px 4px") for pair in own),
    )


def _buttons(lab, trait: str, options: list[str]) -> widgets.ToggleButtons:
    widget = widgets.ToggleButtons(
        options=options, value=getattr(lab, trait), style={"button_width": "76px"}
    )
    widgets.link((lab, trait), (widget, "value"))
    return widget


def _picture_of_ones_own(lab, kind: str) -> tuple[widgets.Dropdown, widgets.FileUpload]:
    """One of the two samples, or a file."""
    names = ["china", "flower"]
    chosen = widgets.Dropdown(
        options=names,
        value=getattr(lab, kind) if getattr(lab, kind) in names else None,
        description=kind,
        style={"description_width": "60px"},
        layout=widgets.Layout(width="180px"),
    )
    upload = widgets.FileUpload(
        accept="image/*", description=f"own {kind}", layout=widgets.Layout(width="160px")
    )

    def picked(change: dict) -> None:
        if change["new"] is not None:
            setattr(lab, kind, change["new"])

    def uploaded(change: dict) -> None:
        for file in change["new"]:
            lab.use(kind, bytes(file["content"]), file["name"])

    def follow(change: dict) -> None:
        chosen.value = change["new"] if change["new"] in names else None

    chosen.observe(picked, names="value")
    upload.observe(uploaded, names="value")
    lab.observe(follow, names=kind)
    return chosen, upload
