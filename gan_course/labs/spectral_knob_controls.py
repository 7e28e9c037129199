"""The controls of ``SpectralKnob``."""

from __future__ import annotations

import ipywidgets as widgets

from gan_course.labs.base import column, ghost_html, question_html, slider
from gan_course.labs.spectral_knob_numbers import MOST_ROUNDS, PRESETS
from gan_course.labs.spectral_knob_training import EVERY, GAPS, MOST_STEPS
from gan_course.labs.spectral_knob_words import answer_text, number, question, subject


def controls(lab) -> widgets.Widget:
    """The question, then the controls of the view that is shown."""
    text = widgets.HTML()
    answers = widgets.HBox()
    again = widgets.Button(description="Next question", layout={"width": "140px"})
    again.on_click(lambda b: lab.next_question())
    view = widgets.ToggleButtons(options=["matrix", "discriminator"])
    view.style.button_width = "150px"
    widgets.link((lab, "view"), (view, "value"))
    of_matrix, of_d = _matrix_controls(lab), _d_controls(lab)
    groups = {"matrix": widgets.VBox(of_matrix), "discriminator": widgets.VBox(of_d)}
    shown: dict[str, str] = {}

    def answer_buttons() -> None:
        if shown.get("view") == lab.view:
            return
        shown["view"] = lab.view
        buttons = []
        for answer in lab.answers:
            button = widgets.Button(description=answer_text(answer), layout={"width": "58px"})
            button.on_click(lambda b, answer=answer: lab.predict_stretch(answer))
            buttons.append(button)
        skip = widgets.Button(description="skip", layout={"width": "58px"})
        skip.on_click(lambda b: lab.predict_stretch(None))
        answers.children = (*buttons, skip)

    def follow(change: dict | None = None) -> None:
        answer_buttons()
        for widget in (view, *of_matrix, *of_d):
            _lock(widget, not lab.revealed)
        for name, group in groups.items():
            group.layout.display = None if name == lab.view else "none"
        answers.layout.display = "none" if lab.revealed else None
        again.layout.display = None if lab.revealed else "none"
        text.value = _said(lab)

    lab.observe(follow, names=list(lab.picture_traits))
    follow()
    asked = widgets.VBox([text, answers, again], layout=widgets.Layout(max_width="335px"))
    return column(asked, view, *groups.values())


def _said(lab) -> str:
    if not lab.revealed:
        return question_html(f"{subject(lab)} {question(lab)}")
    guess = lab.guess()
    if guess is None:
        return ""
    data = lab.figure_data()
    measured = data["singular"][0] if lab.view == "matrix" else data["steepest_at_end"]
    verdict = "right" if guess["right"] else "not so"
    answer = answer_text(guess["answer"])
    return ghost_html(f"Your guess, dotted: {answer}; {verdict}. Measured: {number(measured)}.")


def _lock(widget: widgets.Widget, locked: bool) -> None:
    if isinstance(widget, widgets.Box):
        for child in widget.children:
            _lock(child, locked)
    elif hasattr(widget, "disabled"):
        widget.disabled = locked


def _matrix_controls(lab) -> list[widgets.Widget]:
    presets = []
    for name in PRESETS:
        button = widgets.Button(description=name, layout={"width": "106px"})
        button.on_click(lambda b: lab.use_preset(b.description))
        presets.append(button)
    grid = widgets.Box(presets, layout=widgets.Layout(flex_flow="row wrap", width="335px"))
    kind = widgets.FloatSlider
    entries = [
        slider(lab, name, label, kind=kind, min=-2.0, max=2.0, step=0.1)
        for name, label in zip(
            "abcd",
            ("W row 1, left", "W row 1, right", "W row 2, left", "W row 2, right"),
            strict=True,
        )
    ]
    angle = slider(lab, "angle", "angle of first v", kind=kind, min=-180.0, max=180.0, step=5.0)
    rounds = slider(lab, "rounds", "rounds", min=0, max=MOST_ROUNDS)
    normalise = widgets.Checkbox(description="divide W by the estimate", indent=False)
    widgets.link((lab, "normalise"), (normalise, "value"))
    return [grid, *entries, angle, rounds, normalise]


def _d_controls(lab) -> list[widgets.Widget]:
    gap = widgets.ToggleButtons(options=[(f"{gap:g}", gap) for gap in GAPS], description="gap")
    gap.style.button_width = "58px"
    gap.style.description_width = "40px"
    widgets.link((lab, "gap"), (gap, "value"))
    held = widgets.Checkbox(description="spectral norm on every layer", indent=False)
    widgets.link((lab, "spectral_norm"), (held, "value"))
    steps = slider(lab, "steps", "steps of D", min=0, max=MOST_STEPS, step=EVERY)
    return [gap, held, steps]
