"""The front of ``ConvBench``: its sliders, switches and questions."""

from __future__ import annotations

import ipywidgets as widgets

from gan_course.labs.base import question_html, row, slider


def controls(bench) -> widgets.Widget:
    """Everything that can be moved, in rows above the picture."""
    mode = widgets.ToggleButtons(options=["Conv2d", "ConvTranspose2d"])
    view = widgets.ToggleButtons(
        options=[("output ← inputs", "gather"), ("input → outputs", "scatter")]
    )
    for buttons, trait in ((mode, "mode"), (view, "view")):
        buttons.style.button_width = "136px"
        widgets.link((bench, trait), (buttons, "value"))

    def whole(trait: str, label: str, low: int, high: int) -> widgets.Widget:
        return slider(bench, trait, label, label_width="110px", width="272px", min=low, max=high)

    sliders = [
        whole("n", "input size", 1, 16),
        whole("kernel_size", "kernel_size", 1, 7),
        whole("stride", "stride", 1, 4),
        whole("padding", "padding", 0, 4),
        whole("dilation", "dilation", 1, 3),
        whole("output_padding", "output_padding", 0, 3),
    ]
    cursor = slider(
        bench, "cursor", "chosen cell", label_width="86px", width="440px", min=0, max=255
    )
    cursor.layout.max_width = "100%"
    again = widgets.Button(description="Guess again", tooltip="Hide the answer and ask for it")
    again.layout.width = "120px"
    again.on_click(lambda button: bench.guess_again())

    def adjust(change: dict | None = None) -> None:
        """Only what has a meaning now can be moved."""
        size = bench.figure_data()["size"]
        if bench.view == "scatter" or size is not None:
            cursor.max = (bench.n if bench.view == "scatter" else size) ** 2 - 1
        for widget in (mode, cursor, *sliders):
            widget.disabled = bench.asking
        view.disabled = not bench.revealed
        sliders[-1].disabled = bench.asking or bench.mode == "Conv2d"
        again.layout.visibility = "hidden" if bench.asking else None

    bench.observe(adjust, names=list(bench.picture_traits))
    adjust()
    rows = [_question(bench), row(mode, again), row(*sliders, grid_gap="2px 8px")]
    rows.append(row(view, cursor))
    return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))


def _question(bench) -> widgets.Widget:
    """Predict first: a question, a number, and two buttons; hidden once it is answered."""
    text = widgets.HTML()
    guess = widgets.BoundedIntText(value=1, min=1, max=99, description="cells")
    guess.layout.width = "140px"
    guess.style.description_width = "40px"
    ready = widgets.Button(description="show", button_style="primary")
    skip = widgets.Button(description="skip")
    ready.layout.width = skip.layout.width = "80px"

    def answer(value: int | None) -> None:
        predict = bench.predict_reach if bench.revealed else bench.predict_size
        predict(value)

    ready.on_click(lambda button: answer(guess.value))
    skip.on_click(lambda button: answer(None))
    box = row(text, guess, ready, skip, grid_gap="2px 8px")

    def follow(change: dict | None = None) -> None:
        box.layout.display = "flex" if bench.asking else "none"
        asked = "How many cells wide is the output?"
        if bench.revealed:
            asked = "How many output cells does the framed input cell reach?"
        text.value = question_html(asked)

    bench.observe(follow, names=["revealed", "reach_revealed", "view"])
    follow()
    return box
