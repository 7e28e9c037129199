"""The front of ``AttentionProbe``: its question, sliders and switches."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets

from gan_course.labs.attention_probe_numbers import FEATURES
from gan_course.labs.base import question_html, row, slider


def controls(lab, shares: tuple[str, ...]) -> widgets.Widget:
    """Everything that can be moved, in rows above the picture."""

    def number(trait: str, label: str, low: float, high: float, step: float):
        arguments = {"label_width": "92px", "width": "290px", "min": low, "max": high}
        return slider(lab, trait, label, widgets.FloatSlider, step=step, **arguments)

    def place(trait: str):
        top = lab.size - 1
        return slider(lab, trait, trait, label_width="92px", width="290px", min=0, max=top)

    places = [place("row"), place("column")]
    temperature = number("temperature", "temperature", 0.2, 10.0, 0.2)
    gamma = number("gamma", "gamma γ", 0.0, 1.0, 0.05)
    features = widgets.Dropdown(
        options=list(FEATURES),
        description="features",
        style={"description_width": "92px"},
        layout={"width": "290px"},
    )
    widgets.link((lab, "features"), (features, "value"))
    axis = widgets.Dropdown(
        options=[("those looked at (right)", "attended"), ("those that ask (wrong)", "asking")],
        description="softmax over",
        style={"description_width": "92px"},
        layout={"width": "290px"},
    )
    widgets.link((lab, "axis"), (axis, "value"))
    pool = widgets.Checkbox(
        description="2×2 max-pool of key and value", indent=False, layout={"width": "250px"}
    )
    widgets.link((lab, "pool"), (pool, "value"))
    size = widgets.ToggleButtons(options=[("16×16", 16), ("32×32", 32)])
    size.style.button_width = "84px"
    widgets.link((lab, "size"), (size, "value"))
    movable = [*places, temperature, gamma, features, axis, pool, size]
    question = _question(lab, shares)

    def follow(change: dict | None = None) -> None:
        for widget in movable:
            widget.disabled = not lab.revealed
        for widget in places:
            widget.max = max(lab.size - 1, widget.value)  # a place beyond counts as the last

    lab.observe(follow, names=["revealed", "size"])
    follow()
    rows = [
        question,
        row(*places, grid_gap="2px 8px"),
        row(features, temperature, axis, gamma, grid_gap="2px 8px"),
        row(size, pool),
    ]
    return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))


def _question(lab, shares: tuple[str, ...]) -> widgets.Widget:
    buttons = []
    for share in shares:
        button = widgets.Button(description=share, layout={"width": "170px"})
        button.on_click(lambda b, share=share: lab.predict_beyond(share))
        buttons.append(button)
    skip = widgets.Button(description="skip", layout={"width": "84px"})
    skip.on_click(lambda b: lab.predict_beyond(None))
    text = widgets.HTML(question_html(escape(lab.question())))
    box = widgets.VBox([text, row(*buttons, skip, grid_gap="2px 8px")])

    def follow(change: dict | None = None) -> None:
        box.layout.display = "none" if lab.revealed else "flex"
        text.value = question_html(escape(lab.question()))

    lab.observe(follow, names=["revealed", "features", "row", "column", "size"])
    follow()
    return box
