"""Parameters of lessons: a number that will do, or a sentence; and every lesson asks."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from gan_course.checks.parameters import seed_number, seed_numbers, whole_number
from gan_course.errors import CourseError

ROOT = Path(__file__).parent.parent.parent
WRONG = ["many", "400", "x" * 10_000, "two\nlines", None, True, [400], {}, 400.5]
WRONG += [-1, 0, 79, 20_001, 10**9, 1e9, float("nan"), float("inf"), 10**5000, [10**5000]]
LESSONS = sorted((ROOT / "lessons").glob("*/lesson.py"))


@pytest.mark.parametrize(("value", "expected"), [(80, 80), (2e3, 2000), (20_000, 20_000)])
def test_what_will_do_comes_back_whole(value, expected):
    number = whole_number("STEPS", value, 80, 20_000)
    assert number == expected and type(number) is int


@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_what_will_not_gets_a_sentence(value):
    with pytest.raises(CourseError) as caught:
        whole_number("STEPS", value, 80, 20_000)
    said = str(caught.value)
    assert said.startswith("STEPS is ") and "80" in said and "20,000" in said
    assert len(said) < 300 and "\n" not in said and "at the top of the notebook" in said


def test_seeds():
    assert seed_number("SEED", 0) == 0 and seed_number("SEED", 2**32 - 1) == 2**32 - 1
    assert seed_numbers("SEEDS", range(100, 104), most=16) == [100, 101, 102, 103]
    assert seed_numbers("SEEDS", (7,), most=16) == [7]
    for value in (-1, 2**32, "0", None):
        with pytest.raises(CourseError, match="SEED is"):
            seed_number("SEED", value)


@pytest.mark.parametrize(
    "values",
    [5, "100", None, [], range(17), range(10**15), [1, 1], [1, -1], [1, "a"], [0.5]],
    ids=repr,
)
def test_lists_of_seeds_that_will_not_do(values):
    with pytest.raises(CourseError, match="SEEDS"):
        seed_numbers("SEEDS", values, most=16)


def test_the_message_in_a_notebook_is_the_sentence_alone():
    with pytest.raises(CourseError) as caught:
        whole_number("STEPS", "many", 80, 20_000)
    assert caught.value._render_traceback_() == [
        "CourseError: STEPS is 'many'. Here it must be a whole number from 80 to 20,000. "
        "Change it at the top of the notebook, and run the cells from there on again."
    ]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.parent.name)
def test_each_number_that_may_be_changed_is_looked_at_before_it_is_used(path):
    cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for cell, following in pairwise(cells):
        if '"parameters"' in cell.split("\n")[0]:
            names = re.findall(r"^([A-Z]+) =", cell, re.MULTILINE)
            asked = re.findall(r'(?:whole_number|seed_numbers?)\("([A-Z]+)"', following)
            assert asked == names
