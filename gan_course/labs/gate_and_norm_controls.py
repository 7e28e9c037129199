"""The front of ``GateAndNorm``: its question, sliders and switches."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets

from gan_course.labs import gate_and_norm_words as words
from gan_course.labs.base import heading, question_html, row, slider


def controls(lab, shares: tuple[int, ...], modes: tuple[str, ...]) -> widgets.Widget:
    """Everything that can be moved, in rows above the picture.

    Args:
        lab: the ``GateAndNorm``.
        shares: answers to the question about dead numbers, in percent.
        modes: answers to the question about the odd image.
    """

    def number(trait: str, label: str, low: float, high: float, step: float = 0.1):
        arguments = {"label_width": "88px", "width": "272px", "min": low, "max": high}
        kind = widgets.FloatSlider
        return slider(lab, trait, label, kind, step=step, **arguments)

    def whole(trait: str, label: str, low: int, high: int):
        return slider(lab, trait, label, label_width="88px", width="272px", min=low, max=high)

    names = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}
    activation = widgets.Dropdown(
        options=list(names.items()),
        description="activation",
        style={"description_width": "88px"},
        layout={"width": "230px"},
    )
    widgets.link((lab, "activation"), (activation, "value"))
    switches = {"batch_norm": "BatchNorm2d", "odd_one": "one odd image"}
    for trait, label in switches.items():
        box = widgets.Checkbox(description=label, indent=False, layout={"width": "150px"})
        widgets.link((lab, trait), (box, "value"))
        switches[trait] = box
    mode = widgets.ToggleButtons(options=[("train()", True), ("eval()", False)])
    mode.style.button_width = "84px"
    widgets.link((lab, "training"), (mode, "value"))

    slope = number("slope", "LeakyReLU slope", 0.0, 0.5, 0.01)
    slope.layout.width, slope.style.description_width = "290px", "124px"
    gate = row(activation, slope)
    batch = row(
        number("mean", "mean of x", -4, 4),
        number("spread", "spread of x", 0, 3),
        whole("batch_size", "batch_size", 1, 64),
        whole("map_size", "map_size", 1, 8),
        whole("seed", "seed", 0, 20),
        grid_gap="2px 8px",
    )
    seen = whole("batches_seen", "batches seen", 0, 100)
    feed = widgets.Button(description="Feed a batch", layout={"width": "120px"})
    feed.on_click(lambda button: lab.feed())
    norm = row(
        number("gamma", "gamma γ", -3, 3),
        number("beta", "beta β", -3, 3),
        number("momentum", "momentum", 0, 1, 0.01),
        seen,
        feed,
        grid_gap="2px 8px",
    )
    odd_value = number("odd_value", "its mean", -8, 8)
    odd = row(switches["odd_one"], odd_value)
    norm_switch = row(switches["batch_norm"], mode)
    movable = [activation, mode, feed, *switches.values(), odd_value]
    movable += [w for box in (gate, batch, norm) for w in box.children if w not in movable]
    question = _question(lab, shares, modes)

    def follow(change: dict | None = None) -> None:
        """Only what has a meaning now is shown, and only after the guess can it be moved."""
        for widget in movable:
            widget.disabled = not lab.revealed
        slope.disabled = not lab.revealed or lab.activation != "leaky_relu"
        odd_value.disabled = not lab.revealed or not lab.odd_one
        slope.layout.display = None if lab.activation == "leaky_relu" else "none"
        mode.layout.display = None if lab.batch_norm else "none"
        norm.layout.display = "flex" if lab.batch_norm else "none"
        shown = lab.batch_norm or lab.question == words.ODD
        odd.layout.display = "flex" if shown else "none"

    lab.observe(follow, names=["revealed", "activation", "batch_norm", "odd_one", "question"])
    follow()
    rows = [question, gate, heading("The batch"), batch, odd, norm_switch, norm]
    return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="2px"))


def _question(lab, shares: tuple[int, ...], modes: tuple[str, ...]) -> widgets.Widget:
    """Predict first: a button for each answer, and one to skip; gone once it is answered."""
    text = widgets.HTML()
    answers: dict[str, list[widgets.Widget]] = {}
    for kind, choices in ((words.DEAD, shares), (words.ODD, modes)):
        buttons = []
        for answer in (*choices, None):
            label = "skip" if answer is None else str(answer)
            if kind == words.DEAD and answer is not None:
                label = f"{answer} %"
            button = widgets.Button(description=label, layout={"width": "96px"})
            predict = lab.predict_dead if kind == words.DEAD else lab.predict_odd
            button.on_click(lambda b, predict=predict, answer=answer: predict(answer))
            buttons.append(button)
        answers[kind] = buttons
    choices = row(grid_gap="2px 8px")
    box = widgets.VBox([text, choices])

    def follow(change: dict | None = None) -> None:
        text.value = question_html(escape(words.question(lab)))
        choices.children = answers[lab.question]
        box.layout.display = "none" if lab.revealed else "flex"

    lab.observe(follow, names=list(lab.picture_traits))
    follow()
    return box
