"""Questions with an explanation for every answer, right or wrong."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import ipywidgets as widgets
import yaml
from traitlets import Dict, HasTraits, Set

from gan_course.errors import CourseError
from gan_course.labs.base import WIDGET

FOLDER = Path(__file__).parent / "quizzes"


def quiz(lesson: str, part: str) -> Quiz:
    """The quiz of a lesson, for example ``quiz("01_conv2d", "before")``.

    Raises:
        CourseError: if there is no such lesson or part.
    """
    path = FOLDER / f"{lesson}.yml"
    if not path.is_file():
        raise CourseError(f"there is no quiz for {lesson!r} in {FOLDER.name}/.")
    parts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if part not in parts:
        raise CourseError(f"the quiz of {lesson} has no part {part!r}, only {', '.join(parts)}.")
    return Quiz(parts[part])


class Quiz(HasTraits):
    """Radio buttons (check boxes where several answers are right), a check, an explanation.

    Args:
        questions: as in a lesson's quiz.yml: id, question, choices with text, explain, correct.

    Attributes (traits):
        answers: question id -> set of chosen texts.
        checked: ids of the questions that have been checked.
    """

    answers = Dict()
    checked = Set()

    def __init__(self, questions: list[dict]) -> None:
        super().__init__()
        self.questions = questions
        self._ui: widgets.Widget | None = None

    def _question(self, id: str) -> dict:
        for question in self.questions:
            if question["id"] == id:
                return question
        raise CourseError(f"there is no question {id!r} in this quiz.")

    def choose(self, id: str, *texts: str) -> None:
        """Choose answers by their text."""
        known = [choice["text"] for choice in self._question(id)["choices"]]
        for text in texts:
            if text not in known:
                raise CourseError(f"{text!r} is not one of the choices of {id}: {known}.")
        self.answers = {**self.answers, id: set(texts)}

    def check(self, id: str) -> tuple[bool | None, list[str]]:
        """Whether the chosen answers are right (None: nothing chosen), and what to say to them."""
        question, chosen = self._question(id), self.answers.get(id, set())
        if not chosen:
            return None, ["Choose an answer first."]
        self.checked = self.checked | {id}
        right = {c["text"] for c in question["choices"] if c.get("correct")}
        messages = [c["explain"] for c in question["choices"] if c["text"] in chosen]
        if chosen < right:
            messages.append("That is not all of it: another choice is right too.")
        return chosen == right, messages

    @property
    def score(self) -> tuple[int, int]:
        """Questions answered rightly, and questions in all."""
        right = sum(self.check(q["id"])[0] is True for q in self.questions if self._done(q["id"]))
        return right, len(self.questions)

    def _done(self, id: str) -> bool:
        return id in self.checked

    # ---- front --------------------------------------------------------------------------------

    def ui(self) -> widgets.Widget:
        if self._ui is None:
            boxes = [self._box(i, q) for i, q in enumerate(self.questions, start=1)]
            self._ui = widgets.VBox(boxes)
        return self._ui

    def _box(self, number: int, question: dict) -> widgets.Widget:
        texts = [choice["text"] for choice in question["choices"]]
        title = widgets.HTML(f"<p><b>{number}.</b> {to_html(question['question'])}</p>")
        feedback = widgets.HTML()
        several = sum(bool(c.get("correct")) for c in question["choices"]) > 1
        if several:
            boxes = [
                widgets.Checkbox(description=plain(t), indent=False, layout={"width": "auto"})
                for t in texts
            ]
            buttons = widgets.VBox(boxes)

            def chosen() -> list[str]:
                return [t for t, box in zip(texts, boxes, strict=True) if box.value]
        else:
            buttons = widgets.RadioButtons(
                options=[(plain(t), t) for t in texts], value=None, layout={"width": "auto"}
            )

            def chosen() -> list[str]:
                return [] if buttons.value is None else [buttons.value]

        check = widgets.Button(description="Check", tooltip=f"Check question {number}")

        def clicked(button: widgets.Button) -> None:
            self.choose(question["id"], *chosen())
            right, messages = self.check(question["id"])
            mark = {True: "✓ Right.", False: "✗ Not yet.", None: ""}[right]
            text = " ".join(to_html(m) for m in messages)
            feedback.value = f'<p role="status"><b>{mark}</b> {text}</p>'

        check.on_click(clicked)
        layout = widgets.Layout(padding="4px 0 10px 0")
        return widgets.VBox([title, buttons, check, feedback], layout=layout)

    def as_markdown(self) -> str:
        """The questions and choices, without the answers, for readers without a kernel."""
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"**{number}.** {question['question']}\n")
            lines += [f"- ○ {choice['text']}" for choice in question["choices"]]
            lines.append("")
        return "\n".join([*lines, "*Run this cell to answer and see the explanations.*"])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        live = self.ui()._repr_mimebundle_()
        text = f"A quiz of {len(self.questions)} questions."
        return {"text/plain": text, "text/markdown": self.as_markdown(), WIDGET: live[WIDGET]}


def to_html(text: str) -> str:
    """The small markup of quiz files, `code` and **bold**, as HTML; everything else is escaped."""
    html = escape(text, quote=False)
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", html)


def plain(text: str) -> str:
    """Without markup, for buttons, which show plain text."""
    return text.replace("`", "").replace("**", "")
