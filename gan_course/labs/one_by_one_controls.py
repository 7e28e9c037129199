"""The front of ``OneByOne``: its question, nine sliders in the shape of the matrix, presets."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets

from gan_course.labs.base import heading, question_html, row, slider


def controls(lab, channels: tuple[str, ...], presets: tuple[str, ...]) -> widgets.Widget:
    """Everything that can be moved, in rows above the picture."""
    matrix, rows = [], []
    for o in range(3):
        line = []
        for c in range(3):
            trait = lab.ENTRIES[3 * o + c]
            label = f"{channels[o]} ← {channels[c]}"
            arguments = {"label_width": "96px", "width": "262px", "min": -2.0, "max": 2.0}
            line.append(slider(lab, trait, label, widgets.FloatSlider, step=0.05, **arguments))
        matrix += line
        rows.append(row(*line, grid_gap="0px 4px"))
    buttons = []
    for name in presets:
        button = widgets.Button(description=name, layout={"width": "126px"})
        button.on_click(lambda b, name=name: lab.preset(name))
        buttons.append(button)
    places = [
        slider(lab, trait, trait, label_width="96px", width="262px", min=0, max=31)
        for trait in ("row", "column")
    ]
    shuffled = widgets.Checkbox(
        description="shuffle the pixels first", indent=False, layout={"width": "200px"}
    )
    widgets.link((lab, "shuffled"), (shuffled, "value"))
    movable = [*matrix, *buttons, *places, shuffled]
    question = _question(lab)

    def follow(change: dict | None = None) -> None:
        for widget in movable:
            widget.disabled = not lab.revealed

    lab.observe(follow, names="revealed")
    follow()
    parts = [
        question,
        heading("The matrix: how much of each input channel goes into each output channel"),
        *rows,
        row(*buttons, grid_gap="2px 6px"),
        row(*places, shuffled, grid_gap="2px 4px"),
    ]
    return widgets.VBox(parts, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))


def _question(lab) -> widgets.Widget:
    if lab.revealed:
        return widgets.VBox([])
    buttons = []
    for colour in lab.choices():
        button = widgets.Button(description=colour, layout={"width": "160px"})
        button.on_click(lambda b, colour=colour: lab.predict_colour(colour))
        buttons.append(button)
    skip = widgets.Button(description="skip", layout={"width": "84px"})
    skip.on_click(lambda b: lab.predict_colour(None))
    text = widgets.HTML(question_html(escape(lab.question())))
    box = widgets.VBox([text, row(*buttons, skip, grid_gap="2px 8px")])

    def follow(change: dict) -> None:
        box.layout.display = "none" if lab.revealed else "flex"

    lab.observe(follow, names="revealed")
    return box
