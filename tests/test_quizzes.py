"""The quizzes: every choice is explained, and no answer is right only because somebody said so."""

import ast
import math
import re
import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

import gan_course.arithmetic

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "lessons").glob("*/quiz.yml"))
NAMES = {
    **{name: getattr(gan_course.arithmetic, name) for name in gan_course.arithmetic.__all__},
    "math": math,
    "nn": nn,
    "torch": torch,
}

QUESTION_KEYS = {"id", "question", "choices", "key"}
CHOICE_KEYS = {"text", "explain", "correct"}


def problems(parts: object) -> list[str]:
    """What is wrong with the content of a quiz file, one sentence each."""
    if not isinstance(parts, dict) or not {"before", "after"} <= set(parts):
        return ["a quiz has at least the parts before and after"]
    found, ids = [], []
    for part, questions in parts.items():
        if not isinstance(questions, list) or not questions:
            found.append(f"{part}: no questions")
            continue
        for question in questions:
            ids.append(question.get("id"))
            found += [f"{part}/{question.get('id')}: {text}" for text in _question(question)]
        found += [f"{part}: {text}" for text in _numbers(questions)]
    found += [f"the id {id!r} occurs twice" for id in {i for i in ids if ids.count(i) > 1}]
    first = [q["choices"][0].get("correct", False) for qs in parts.values() for q in qs]
    if len(first) > 3 and all(first):
        found.append("the right answer is always the first: mix them")
    return found


def _question(question: dict) -> list[str]:
    found = []
    if not set(question) <= QUESTION_KEYS or not {"id", "question", "choices"} <= set(question):
        return [f"has the entries {sorted(question)}"]
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(question["id"])):
        found.append("an id is made of small letters, digits and hyphens")
    choices = question["choices"]
    if len(choices) < 2:
        found.append("needs at least two choices")
    for choice in choices:
        if not set(choice) <= CHOICE_KEYS or not {"text", "explain"} <= set(choice):
            found.append(f"a choice has the entries {sorted(choice)}")
            continue
        if not isinstance(choice["text"], str) or not choice["text"].strip():
            found.append(f"the choice {choice['text']!r} is not a text: put it in quotes")
        if len(str(choice["explain"]).split()) < 4:
            found.append(f"the choice {choice['text']!r} is not explained")
        if not isinstance(choice.get("correct", False), bool):
            found.append(f"correct: of {choice['text']!r} is not true or false")
    texts = [str(choice.get("text")) for choice in choices]
    if len(set(texts)) < len(texts):
        found.append("two choices have the same text")
    right = [choice["text"] for choice in choices if choice.get("correct") is True]
    if not right:
        found.append("no choice is right")
    if len(right) == len(choices):
        found.append("every choice is right")
    for text in [question["question"], *texts, *[str(c.get("explain")) for c in choices]]:
        if "$" in text or re.search(r"(?<!\*)\*\w[^*`]*\*(?!\*)", re.sub(r"`[^`]*`", "", text)):
            found.append(f"only `code` and **bold** are shown as such, not {text!r}")
        if text.count("`") % 2 or text.count("**") % 2:
            found.append(f"a ` or ** is not closed in {text!r}")
    if "key" in question and right:
        found += _key(question["key"], right)
    return found


def _key(key: str, right: list[str]) -> list[str]:
    """The key is code that arrives at the right answer; a list of texts where several are right."""
    try:
        value = eval(key, dict(NAMES))
    except Exception as error:
        return [f"its key stops with {type(error).__name__}: {error}"]
    if any(isinstance(n, ast.Name) for n in ast.walk(ast.parse(key))) or re.search(r"\d", key):
        wanted = right if isinstance(value, list) else right[0]
        if value != wanted or (len(right) > 1) != isinstance(value, list):
            return [f"its key gives {value!r}, but {right!r} is marked as right"]
        return []
    return ["its key computes nothing"]


def _numbers(questions: list[dict]) -> list[str]:
    """Where all choices of a question hold numbers, the right one has to be computed somewhere."""
    numeric = [
        question
        for question in questions
        if all(re.match(r"\W*\d", str(choice.get("text"))) for choice in question["choices"])
    ]
    return [
        f"{q['id']}: its choices are numbers, so it needs a key" for q in numeric if "key" not in q
    ]


def test_there_are_quizzes():
    assert len(FILES) >= 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_quiz_is_sound(path):
    assert problems(yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_part_is_asked_in_its_lesson(path):
    lesson = (path.parent / "lesson.py").read_text(encoding="utf-8")
    parts = yaml.safe_load(path.read_text(encoding="utf-8"))
    asked = re.findall(r'^quiz\("(\w+)", "(\w+)"\)$', lesson, re.MULTILINE)
    assert asked == [(path.parent.name, part) for part in parts], "in the order of the file"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_learner_is_told_what_the_file_says(path, monkeypatch):
    """The widget itself, headless: the right choices pass, each wrong one gets its explanation."""
    from gan_course.labs.quiz_widget import Quiz

    for questions in yaml.safe_load(path.read_text(encoding="utf-8")).values():
        quiz = Quiz(questions)
        for question in questions:
            right = [c["text"] for c in question["choices"] if c.get("correct")]
            for choice in question["choices"]:
                quiz.choose(question["id"], choice["text"])
                verdict, said = quiz.check(question["id"])
                assert verdict == ([choice["text"]] == right)
                assert said[0] == choice["explain"]
            quiz.choose(question["id"], *right)
            assert quiz.check(question["id"])[0] is True


GOOD = {
    "before": [
        {
            "id": "half",
            "question": "How large?",
            "choices": [
                {"text": "31", "explain": "That is without the padding."},
                {"text": "32", "correct": True, "explain": "The layer halves the size."},
            ],
            "key": "str(conv2d_output_size(64, 4, 2, 1))",
        }
    ],
    "after": [
        {
            "id": "who",
            "question": "Who draws?",
            "choices": [
                {"text": "D", "explain": "D only judges, it cannot draw."},
                {"text": "G", "correct": True, "explain": "G turns z into an image."},
            ],
        }
    ],
}


def test_a_good_quiz_has_no_problems():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda q: q.update(key="str(conv2d_output_size(64, 3, 3, 1))"), "its key gives '22'"),
        (lambda q: q.update(key="str(no_such_function(64))"), "stops with NameError"),
        (lambda q: q.update(key="'32' 'x'"), "its key gives"),
        (lambda q: q.pop("key"), "needs a key"),
        (lambda q: q["choices"][1].pop("correct"), "no choice is right"),
        (lambda q: q["choices"][0].update(correct=True), "every choice is right"),
        (lambda q: q["choices"][0].update(text="32"), "same text"),
        (lambda q: q["choices"][0].update(text=31), "not a text"),
        (lambda q: q["choices"][0].pop("explain"), "entries"),
        (lambda q: q["choices"][0].update(explain="No."), "not explained"),
        (lambda q: q.update(id="who"), "occurs twice"),
        (lambda q: q.update(id="Half size"), "small letters"),
        (lambda q: q.update(question="How *large*?"), "only `code`"),
        (lambda q: q.update(question="How large is $n$?"), "only `code`"),
        (lambda q: q.update(question="How large is `n?"), "not closed"),
        (lambda q: q.update(hint="Think."), "entries"),
    ],
)
def test_each_problem_is_found(change, said):
    import copy

    bad = copy.deepcopy(GOOD)
    change(bad["before"][0])
    assert any(said in problem for problem in problems(bad)), problems(bad)


def test_the_detective_of_lesson_00_reveals_and_counts(monkeypatch):
    """The one cell of a lesson that waits for an answer: without one nothing is given away."""
    sys.path.insert(0, str(ROOT / "lessons"))
    try:
        from lesson_source import read_cells
    finally:
        sys.path.pop(0)
    import gan_course.labs

    shown = []
    monkeypatch.setattr(gan_course.labs, "show", lambda figure, alt: shown.append(alt))
    cells = read_cells(ROOT / "lessons/00_start_here/lesson.py", "lesson.py")
    texts = [cell.text for cell in cells if cell.kind == "code"]
    names: dict = {}
    last = next(i for i, text in enumerate(texts) if text.startswith("if not my_fakes"))
    for text in texts[: last + 1]:
        exec(text, names)
    before = len(shown)

    names["my_fakes"] = [i for i in range(12) if names["is_fake"][i]]
    assert len(names["my_fakes"]) == 6
    exec(texts[last], names)
    assert len(shown) == before + 1
    assert "right about 12 of 12" in shown[-1]

    names["my_fakes"] = [i for i in range(12) if not names["is_fake"][i]]
    exec(texts[last], names)
    assert "right about 0 of 12" in shown[-1]
