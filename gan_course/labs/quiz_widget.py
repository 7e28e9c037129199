"""Questions with an explanation for every answer, right or wrong."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import ipywidgets as widgets
import yaml
from traitlets import Dict, HasTraits, Set

from gan_course.errors import CourseError
from gan_course.labs.base import TEXT, WIDGET
from gan_course.palette import DISCRIMINATOR, FAKE, PREDICTION

# JupyterLab gives each choice one line of fixed height: let long ones wrap, the button in front.
STYLE = """<style>
.gan-quiz .widget-radio { height: auto; width: 100%; }
.gan-quiz .widget-radio-box { height: auto; width: 100%; margin: 0; }
.gan-quiz .widget-radio-box label {
  display: flex; align-items: flex-start; height: auto; white-space: normal;
  line-height: 1.5; margin: 2px 0; cursor: pointer;
}
.gan-quiz .widget-radio-box input { order: -1; flex: 0 0 auto; height: 20px; margin: 0 8px 0 2px; }
.gan-quiz .widget-checkbox { height: auto; }
.gan-quiz .widget-checkbox .widget-label-basic {
  height: auto; white-space: normal; line-height: 1.5; align-items: flex-start;
}
</style>"""
FOLDER = Path(__file__).parent / "quizzes"


def quiz(lesson: str, part: str) -> Quiz:
    """The quiz of a lesson, for example ``quiz("01_conv2d", "before")``.

    Raises:
        CourseError: if there is no such lesson or part.
    """
    path = FOLDER / f"{lesson}.yml"
    if not path.is_file():
        raise CourseError(f"there is no quiz for {lesson!r} in {FOLDER.name}/.")
    try:
        parts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CourseError(f"{path.name} is not valid YAML: {error}") from error
    if not isinstance(parts, dict) or part not in parts:
        known = ", ".join(parts) if isinstance(parts, dict) else "none"
        raise CourseError(f"the quiz of {lesson} has no part {part!r}, only {known}.")
    if not isinstance(parts[part], list):
        raise CourseError(f"the part {part!r} of {path.name} is not a list of questions.")
    return Quiz(parts[part])


def check_questions(questions: list[dict]) -> None:
    """Raise a CourseError that names the first thing that is wrong with a quiz, if anything is."""
    seen = set()
    for number, question in enumerate(questions, start=1):
        name = question.get("id", f"number {number}")
        for key in ("id", "question", "choices"):
            if not question.get(key):
                raise CourseError(f"question {name} of the quiz has no {key!r}.")
        if name in seen:
            raise CourseError(f"two questions of the quiz have the id {name!r}.")
        seen.add(name)
        texts = [choice.get("text") for choice in question["choices"]]
        for choice in question["choices"]:
            if not isinstance(choice.get("text"), str) or not choice.get("explain"):
                raise CourseError(
                    f"a choice of question {name} lacks its text or explain: {choice}"
                )
        if len(set(texts)) < len(texts):
            raise CourseError(f"two choices of question {name} have the same text.")
        if not any(choice.get("correct") for choice in question["choices"]):
            raise CourseError(f"no choice of question {name} is marked as correct.")


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
        check_questions(questions)
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
        right = _correct(question)
        messages = [c["explain"] for c in question["choices"] if c["text"] in chosen]
        if chosen < right:
            messages.append("That is not all of it: another choice is right too.")
        return chosen == right, messages

    @property
    def score(self) -> tuple[int, int]:
        """Questions answered rightly, and questions in all."""
        checked = [q for q in self.questions if q["id"] in self.checked]
        right = sum(self.answers.get(q["id"]) == _correct(q) for q in checked)
        return right, len(self.questions)

    # ---- front --------------------------------------------------------------------------------

    def ui(self) -> widgets.Widget:
        if self._ui is None:
            boxes = [self._box(i, q) for i, q in enumerate(self.questions, start=1)]
            score = widgets.HTML()

            def count(change: dict | None = None) -> None:
                right, total = self.score
                checked = len(self.checked)
                words = f"{right} of {total} right" + (f", {checked} checked" if checked else "")
                score.value = f'<p role="status" style="{TEXT}">{words}.</p>' if checked else ""

            self.observe(count, names=["answers", "checked"])
            count()
            self._ui = widgets.VBox([widgets.HTML(STYLE), *boxes, score])
            self._ui.add_class("gan-quiz")
        return self._ui

    def _box(self, number: int, question: dict) -> widgets.Widget:
        texts = [choice["text"] for choice in question["choices"]]
        asked = f"<b>{number}.</b> {to_html(question['question'])}"
        title = widgets.HTML(f'<p style="{TEXT}">{asked}</p>')
        feedback = widgets.HTML()
        if len(_correct(question)) > 1:
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
            edge = {True: DISCRIMINATOR, False: FAKE, None: PREDICTION}[right]
            style = f"{TEXT};border-left:4px solid {edge};padding-left:8px"
            feedback.value = f'<p role="status" style="{style}"><b>{mark}</b> {text}</p>'

        check.on_click(clicked)
        layout = widgets.Layout(padding="4px 0 12px 0", max_width="760px")
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


def _correct(question: dict) -> set[str]:
    """The texts of the right choices."""
    return {choice["text"] for choice in question["choices"] if choice.get("correct")}


def to_html(text: str) -> str:
    """The small markup of quiz files, `code` and **bold**, as HTML; everything else is escaped."""
    html = ""
    for i, part in enumerate(re.split(r"`([^`]+)`", escape(text, quote=False))):
        if i % 2 == 1:  # between two backticks: ** means a power there
            html += f"<code>{part}</code>"
        else:
            html += re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", part)
    return html


def plain(text: str) -> str:
    """Without markup, for buttons, which show plain text."""
    return text.replace("`", "").replace("**", "")
