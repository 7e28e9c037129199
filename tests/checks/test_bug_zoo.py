"""What the general tests of the checkers do not see in the bug zoo."""

import math
import re
from pathlib import Path

import pytest
import torch
from long_form import SEEDS

from gan_course.checks import bug_zoo
from gan_course.checks.bug_task import BugTask
from gan_course.checks.bug_zoo_losses import saturating_loss
from gan_course.checks.bug_zoo_texts import WORKFLOW
from gan_course.checks.framework import NOT_DONE, PASSED, WRONG
from gan_course.checks.workflow import runs_on
from gan_course.errors import CourseError

ROOT = Path(__file__).parent.parent.parent
SOURCE = (ROOT / "lessons/09_bug_zoo/exercises.py").read_text(encoding="utf-8")
SECTIONS = re.split(r"^# ## Task \d+ · ", SOURCE, flags=re.MULTILINE)[1:]
TASKS = [task for task in vars(bug_zoo).values() if isinstance(task, BugTask)]
MENDS = [
    pytest.param(task, mistake, id=f"{task.name}-{mistake.name}")
    for task in TASKS
    for mistake in task.mistakes
    if not isinstance(mistake.answer, int)
]


def name_of(task):
    return task.name


def right_mend(task):
    """By the oracle, or the one right value."""
    if hasattr(task.mend, "oracle"):
        return task.mend.oracle
    if task is bug_zoo.ci_never_runs:
        return WORKFLOW.replace("main", "master")
    return {"who is perfect": "discriminator", "D(G(z)) is near": 0}


# ---- diagnosis and mend together --------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_the_given_line_is_not_done_yet_whatever_the_seed_and_the_diagnosis_is_not_given_away(task):
    for seed in SEEDS:
        untouched = task(..., task.bug.answer, seed=seed)
        assert untouched.status == NOT_DONE and "still there" in untouched.message, untouched
        assert task.bug.message not in str(untouched)
        diagnosed = task(task.cause, task.bug.answer, seed=seed)
        assert diagnosed.status == NOT_DONE and task.bug.message in diagnosed.message


@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_only_both_together_pass(task):
    right = right_mend(task)
    assert task(task.cause, right).status == PASSED
    verdict = task(..., right)
    assert verdict.status == NOT_DONE and "say what was wrong" in verdict.message
    verdict = task(task.cause)
    assert verdict.status == NOT_DONE and "mend the line" in verdict.message
    verdict = task(..., ...)
    assert verdict.status == NOT_DONE and "right" not in verdict.message
    wrong = next(n for n in range(1, 5) if n != task.cause)
    verdict = task(wrong, right)
    assert verdict.status == WRONG and f"Diagnosis {wrong} is not it" in verdict.message


@pytest.mark.parametrize("diagnosis", [0, 5, 2.5, "2", True, [2], torch.zeros(3)])
def test_a_diagnosis_of_another_kind_is_explained(diagnosis):
    task = bug_zoo.log_of_sigmoid
    verdict = task(diagnosis, task.mend.oracle)
    assert verdict.status == WRONG and "a number from 1 to 4" in verdict.message


@pytest.mark.parametrize(("task", "mistake"), MENDS)
def test_a_wrong_mend_is_named_whatever_the_seed_also_beside_the_right_diagnosis(task, mistake):
    for answer in mistake.answers:
        for seed in SEEDS:
            verdict = task(task.cause, answer, seed=seed)
            assert verdict.status == WRONG and verdict.message == mistake.message, verdict


@pytest.mark.parametrize("task", TASKS, ids=name_of)
def test_there_are_wrong_mends_too_and_not_only_wrong_diagnoses(task):
    assert len([m for m in task.mistakes if not isinstance(m.answer, int)]) >= 3


def test_a_wrong_line_that_nobody_foresaw_shows_its_input():
    verdict = bug_zoo.data_range(1, lambda images: 2 * images - 1.25)
    assert verdict.status == WRONG and "largest difference: 0.25" in verdict.details
    verdict = bug_zoo.attention_axis(2, lambda query, key, value: value / 2)
    assert verdict.status == WRONG and "expected:" in verdict.details


def test_the_notebooks_random_numbers_and_switches_are_left_alone():
    for strict in (False, True):
        torch.use_deterministic_algorithms(strict)
        try:
            torch.manual_seed(3)
            expected = torch.rand(2)
            torch.manual_seed(3)
            for task in TASKS:
                assert task(task.cause, right_mend(task)).passed
            assert torch.equal(torch.rand(2), expected)
            assert torch.are_deterministic_algorithms_enabled() == strict
        finally:
            torch.use_deterministic_algorithms(False)


# ---- the notebook's own words -----------------------------------------------------------------


def test_there_are_fourteen_bugs_each_with_a_public_reference():
    assert len(TASKS) == len(SECTIONS) == 14
    projects = r"ARENA|pytorch_advanced|Dive into Deep Learning|Lightning|PyTorch-GAN|nyantaro723"
    projects += r"|stat453|uvadlc_notebooks|dcgan\.torch|nn-zero-to-hero|labml|Self-Attention-GAN"
    for task in TASKS:
        assert re.search(projects, task.praise), task.praise


@pytest.mark.parametrize(
    ("task", "section"), list(zip(TASKS, SECTIONS, strict=True)), ids=[t.name for t in TASKS]
)
def test_the_choices_in_the_text_are_those_of_the_check(task, section):
    rows = re.findall(r"^# \| (\d) \| \S", section, re.MULTILINE)
    assert rows == [str(n) for n in range(1, task.choices + 1)] == ["1", "2", "3", "4"]
    wrong = [m.answer for m in task.mistakes if isinstance(m.answer, int)]
    assert sorted([*wrong, task.cause]) == [1, 2, 3, 4]
    assert re.search(rf"^my_diagnosis = {task.cause}$", section, re.MULTILINE)
    assert f"check.{task.name}(my_diagnosis, " in section


def test_the_right_diagnosis_is_not_always_the_same_number():
    assert {task.cause for task in TASKS} == {1, 2, 3, 4}


def test_what_has_not_been_taught_yet_says_so():
    assert "**You need** lesson 11; for after it" in SECTIONS[12]
    assert "**You need** lesson 10; for after it" in SECTIONS[13]
    assert all("Two lines of context" in section for section in SECTIONS[12:])


def test_the_numbers_in_the_messages_are_right():
    can_not_tell, white, weak_signal = 2 * math.log(2), (1 - 0.1307) / 0.3081, 0.5 / 1.05**0.5
    assert f"{can_not_tell:.3f}" == "1.386"
    assert f"{7 * can_not_tell / 64:.3f}" == "0.152" and round(64 / 7) == 9
    assert f"{white:.2f}" == "2.82"
    assert f"{weak_signal:.2f}" == "0.49"  # variance 0.25, and 0.8 added
    sixteen, seventeen = torch.sigmoid(torch.tensor([16.0, 17.0])).tolist()
    assert sixteen < 1 == seventeen
    assert saturating_loss(0.999)[0] == pytest.approx(6.9, abs=0.05)
    assert saturating_loss(0.5) == pytest.approx((0.693, 0.5), abs=1e-3)


# ---- the rules for branches -------------------------------------------------------------------


def workflow(filters):
    return f"on:\n  push:\n    {filters}\njobs: {{tests: {{}}}}\n"


@pytest.mark.parametrize(
    ("filters", "branch", "runs"),
    [
        ("branches: [main]", "main", True),
        ("branches: [main]", "master", False),
        ("branches: main", "main", True),
        ("branches: ['m*']", "master", True),
        ("branches: ['*']", "feature/x", False),
        ("branches: ['**']", "feature/x", True),
        ("branches: ['feature/**']", "feature/x/y", True),
        ("branches: ['mains?']", "main", True),
        ("branches: ['v[0-9]+']", "v12", True),
        ("branches: ['v[0-9]+']", "vx", False),
        ("branches: ['v1.0']", "v1x0", False),
        ("branches: ['**', '!main']", "main", False),
        ("branches: ['**', '!main']", "master", True),
        ("branches: ['!main', '**']", "main", True),
        ("branches-ignore: [main]", "main", False),
        ("branches-ignore: [main]", "master", True),
        ("tags: [v1]", "main", False),
        ("paths: ['**.py']", "main", True),
        ("", "any", True),
    ],
)
def test_branch_filters(filters, branch, runs):
    assert runs_on(workflow(filters), "push", branch) is runs


def test_events_without_filters():
    assert runs_on("on: push\njobs: {a: {}}", "push", "main")
    assert runs_on("on: [push, pull_request]\njobs: {a: {}}", "pull_request", "main")
    assert not runs_on("on: [pull_request]\njobs: {a: {}}", "push", "main")
    assert runs_on('"on": push\njobs: {a: {}}', "push", "main")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on: [push", "not YAML"),
        ("just words", "no workflow"),
        ("jobs: {a: {}}", "no `on:`"),
        ("on: push", "no `jobs:`"),
        ("on: {push: [main]}\njobs: {a: {}}", "needs a name"),
        ("on: 3\njobs: {a: {}}", "`on:` says 3"),
        (workflow("branches: ['[']"), "pattern"),
        (workflow("branches: ['+']"), "pattern"),
    ],
)
def test_what_is_no_workflow_is_a_sentence(text, said):
    with pytest.raises(CourseError, match=re.escape(said)):
        runs_on(text, "push", "main")
