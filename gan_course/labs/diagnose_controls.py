"""The buttons of ``Diagnose``."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

from gan_course.labs import diagnose_words as words
from gan_course.labs.base import TEXT, heading, row
from gan_course.labs.diagnose_cases import ANSWERS
from gan_course.labs.diagnose_findings import PIECES

if TYPE_CHECKING:
    from gan_course.labs.diagnose import Diagnose

WIDTH = "172px"


def controls(lab: Diagnose) -> widgets.Widget:
    """Evidence, diagnosis, and the next case, one below the other, above the picture."""
    follow = []
    parts = [
        heading("Ask for evidence (each costs a point)"),
        _evidence(lab, follow),
        heading("What is wrong?"),
        _diagnosis(lab, follow),
        heading("Cases"),
        _cases(lab, follow),
    ]

    def show_state() -> None:
        for one in follow:
            one()

    lab._show_state = show_state
    show_state()
    # Above the picture, over the whole width: beside it there is no room.
    return widgets.VBox(parts, layout=widgets.Layout(flex="0 0 100%", grid_gap="2px"))


def _button(label: str, action, tip: str, width: str, style: str = "") -> widgets.Button:
    button = widgets.Button(
        description=label, tooltip=tip, button_style=style, layout={"width": width}
    )
    button.on_click(lambda pressed: action())
    return button


def _evidence(lab: Diagnose, follow: list) -> widgets.Widget:
    buttons = {}
    for piece, name in PIECES.items():
        if piece == "losses":  # free, and shown from the beginning
            continue
        label = name.removeprefix("the ")
        label = label[0].upper() + label[1:]
        action = lambda piece=piece: lab.show(piece)  # noqa: E731
        buttons[piece] = (label, _button(label, action, f"show {name}", WIDTH))

    def update() -> None:
        for piece, (label, button) in buttons.items():
            is_shown = piece in lab.shown
            button.disabled = is_shown
            button.description = f"✓ {label}" if is_shown else label

    follow.append(update)
    return row(*(button for _, button in buttons.values()), grid_gap="2px 4px")


def _diagnosis(lab: Diagnose, follow: list) -> widgets.Widget:
    choice = widgets.ToggleButtons(
        options=list(ANSWERS),
        value=None,
        tooltips=list(ANSWERS.values()),
        style={"button_width": WIDTH},
    )
    meaning = widgets.HTML()
    tell = _button(
        "My diagnosis",
        lambda: lab.answer(choice.value),
        "hear whether it is right",
        WIDTH,
        "primary",
    )
    open_case = [0]

    def update(change: dict | None = None) -> None:
        if open_case[0] != lab.case_number:  # a new case: nothing is chosen
            open_case[0] = lab.case_number
            choice.value = None
        choice.disabled = lab.closed
        tell.disabled = lab.closed or choice.value is None
        said = "Choose one; what it means is said here."
        if choice.value is not None:
            said = f"{choice.value}: {ANSWERS[choice.value]}."
        meaning.value = f'<p style="{TEXT};margin:2px 0">{escape(said)}</p>'

    choice.observe(update, names="value")
    follow.append(update)
    return widgets.VBox([choice, row(tell, meaning, grid_gap="2px 8px")])


def _cases(lab: Diagnose, follow: list) -> widgets.Widget:
    further = _button("Next case", lab.next_case, "open another game", WIDTH)
    give_up = _button("Give up", lab.give_up, "see the answer, for no points", WIDTH)
    score = widgets.HTML()

    def update() -> None:
        give_up.disabled = lab.closed
        further.button_style = "primary" if lab.closed else ""
        score.value = f'<p style="{TEXT}">{escape(words.score_line(lab))}</p>'

    follow.append(update)
    return row(further, give_up, score, grid_gap="2px 8px")
