"""A quiz explains every choice, keeps its state in Python, and escapes what is not its markup."""

import pytest
import yaml

from gan_course.errors import CourseError
from gan_course.labs import Quiz, quiz
from gan_course.labs.base import WIDGET
from gan_course.labs.quiz_widget import FOLDER, to_html

QUESTIONS = [
    {
        "id": "halving",
        "question": "A `Conv2d` with **stride 2**: how large is x < 64?",
        "choices": [
            {"text": "`32`", "correct": True, "explain": "Half of it."},
            {"text": "31", "explain": "That is without `padding`."},
        ],
    },
    {
        "id": "several",
        "question": "Which change the size?",
        "choices": [
            {"text": "stride", "correct": True, "explain": "Larger steps."},
            {"text": "padding", "correct": True, "explain": "A larger input."},
            {"text": "out_channels", "explain": "Only the number of maps."},
        ],
    },
]


@pytest.fixture
def questions():
    return Quiz(QUESTIONS)


def all_widgets(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_widgets(child)


def of_kind(quiz, kind):
    return [w for w in all_widgets(quiz.ui()) if type(w).__name__ == kind]


def feedback(quiz, number):
    """What stands below the Check button of a question, from 0."""
    return quiz.ui().children[1 + number].children[-1].value


# ---- state in Python -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "texts", "right", "said"),
    [
        ("halving", ["`32`"], True, ["Half of it."]),
        ("halving", ["31"], False, ["That is without `padding`."]),
        ("several", ["stride", "padding"], True, ["Larger steps.", "A larger input."]),
        ("several", ["stride"], False, ["Larger steps.", "not all of it"]),
        ("several", ["stride", "out_channels"], False, ["Larger steps.", "Only the number"]),
        ("several", ["stride", "padding", "out_channels"], False, ["Only the number of maps."]),
        ("halving", [], None, ["Choose an answer first."]),
    ],
)
def test_every_choice_gets_its_verdict_and_its_explanation(questions, id, texts, right, said):
    questions.choose(id, *texts)
    verdict, messages = questions.check(id)
    assert verdict is right
    for sentence in said:
        assert sentence in " ".join(messages)
    unchosen = [c["explain"] for q in QUESTIONS for c in q["choices"] if c["text"] not in texts]
    assert not set(unchosen) & set(messages)  # nothing is given away


def test_the_score_counts_what_was_checked(questions):
    assert questions.score == (0, 2)
    questions.choose("halving", "`32`")
    assert questions.score == (0, 2)  # chosen, not checked
    questions.check("halving")
    assert questions.score == (1, 2)
    questions.choose("several", "stride")
    questions.check("several")
    assert questions.score == (1, 2)
    questions.choose("several", "stride", "padding")
    questions.check("several")
    assert questions.score == (2, 2)
    questions.choose("halving", "31")
    assert questions.score == (1, 2)


def test_unknown_questions_and_choices_are_named(questions):
    with pytest.raises(CourseError, match="'33' is not one of the choices of halving"):
        questions.choose("halving", "33")
    with pytest.raises(CourseError, match="no question 'halfing'"):
        questions.check("halfing")


# ---- the front -------------------------------------------------------------------------------


def test_one_right_answer_means_radio_buttons_and_several_check_boxes(questions):
    assert len(of_kind(questions, "RadioButtons")) == 1
    assert [box.description for box in of_kind(questions, "Checkbox")] == [
        "stride",
        "padding",
        "out_channels",
    ]


def test_answering_with_the_widgets(questions):
    [radio], checks = of_kind(questions, "RadioButtons"), of_kind(questions, "Button")
    assert radio.value is None  # nothing is chosen for you
    checks[0].click()
    assert "Choose an answer first" in feedback(questions, 0)
    radio.value = "31"
    checks[0].click()
    assert "✗ Not yet." in feedback(questions, 0)
    assert "without <code>padding</code>" in feedback(questions, 0)
    assert 'role="status"' in feedback(questions, 0)
    radio.value = "`32`"
    checks[0].click()
    assert "✓ Right." in feedback(questions, 0) and "Half of it." in feedback(questions, 0)
    assert questions.answers["halving"] == {"`32`"}

    boxes = of_kind(questions, "Checkbox")
    boxes[0].value = boxes[1].value = True
    checks[1].click()
    assert "✓ Right." in feedback(questions, 1)
    assert "2 of 2 right" in questions.ui().children[-1].value
    boxes[2].value = True
    checks[1].click()
    assert "✗ Not yet." in feedback(questions, 1)
    assert "1 of 2 right" in questions.ui().children[-1].value


def test_the_stored_output_is_readable_and_gives_nothing_away(questions):
    data = questions._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/markdown", WIDGET}
    assert data["text/plain"] == "A quiz of 2 questions."
    text = data["text/markdown"]
    for question in QUESTIONS:
        assert question["question"] in text
        for choice in question["choices"]:
            assert f"- ○ {choice['text']}\n" in text
            assert choice["explain"] not in text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a `b` c", "a <code>b</code> c"),
        ("**two** `x` **and** `y`", "<b>two</b> <code>x</code> <b>and</b> <code>y</code>"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("`a < b & c`", "<code>a &lt; b &amp; c</code>"),
        ("`x**2 + y**2`", "<code>x**2 + y**2</code>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markup(text, html):
    assert to_html(text) == html


# ---- the files -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_course.labs.quiz_widget.FOLDER", tmp_path)
    return tmp_path


def test_a_quiz_is_read_from_its_file(folder):
    content = {"before": QUESTIONS[:1], "after": QUESTIONS}
    (folder / "99_demo.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    assert len(quiz("99_demo", "before").questions) == 1
    assert len(quiz("99_demo", "after").questions) == 2
    with pytest.raises(CourseError, match="no part 'during', only before, after"):
        quiz("99_demo", "during")
    with pytest.raises(CourseError, match="no quiz for '98_demo'"):
        quiz("98_demo", "before")


@pytest.mark.parametrize("text", ["before: [", "just words", "", "before:\n"])
def test_a_file_that_is_no_quiz(folder, text):
    (folder / "99_demo.yml").write_text(text)
    with pytest.raises(CourseError, match="99_demo"):
        quiz("99_demo", "before")


def without(question, key):
    return {k: v for k, v in question.items() if k != key}


WRONG, RIGHT = {"text": "a", "explain": "b"}, {"text": "c", "explain": "d", "correct": True}


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ([without(QUESTIONS[0], "choices")], "halving.*'choices'"),
        ([without(QUESTIONS[0], "question")], "halving.*'question'"),
        ([without(QUESTIONS[0], "id")], "number 1.*'id'"),
        ([QUESTIONS[0], QUESTIONS[0]], "two questions.*'halving'"),
        ([{"id": "x", "question": "?", "choices": [WRONG]}], "no choice of question x"),
        ([{"id": "x", "question": "?", "choices": [RIGHT, RIGHT]}], "two choices of question x"),
        ([{"id": "x", "question": "?", "choices": [RIGHT, {"text": "e"}]}], "lacks.*explain"),
        ([{"id": "x", "question": "?", "choices": [{"text": 3, "explain": "f"}]}], "text"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(questions, words):
    with pytest.raises(CourseError, match=words):
        Quiz(questions)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_the_quizzes_that_ship_can_be_shown(path):
    for part in yaml.safe_load(path.read_text(encoding="utf-8")):
        assert quiz(path.stem, part).ui().children
