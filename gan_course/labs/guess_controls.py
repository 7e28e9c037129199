"""A question with its answers as buttons, for labs that open once one is given or skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from gan_course.labs.base import Lab, ghost_html, question_html, row


def guess_box(
    lab: Lab,
    question: str,
    answers: Sequence[str],
    predict: Callable[[str | None], None],
    verdict: Callable[[], str],
    locked: Sequence[widgets.Widget],
) -> widgets.Widget:
    """The question until ``lab.revealed``, then the verdict; until then ``locked`` rest."""
    text = widgets.HTML()
    buttons = [widgets.Button(description=d, layout={"width": "auto"}) for d in (*answers, "skip")]
    for button in buttons:
        button.on_click(lambda b: predict(None if b.description == "skip" else b.description))
    choices = row(*buttons, grid_gap="2px 4px")

    def follow(change: dict | None = None) -> None:
        for widget in locked:
            widget.disabled = not lab.revealed
        choices.layout.display = "none" if lab.revealed else None
        text.value = ghost_html(verdict()) if lab.revealed else question_html(question)

    lab.observe(follow, names="revealed")
    follow()
    return widgets.VBox([text, choices], layout=widgets.Layout(max_width="335px"))
