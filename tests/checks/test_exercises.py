"""Every checker is proved from both sides, driven by the exercises themselves.

The solution passes, the stub is told "not done yet", every known mistake gets its own message, a
second right answer passes, and a wrong answer that nobody foresaw gets the input that breaks it.
"""

import dataclasses
import importlib
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from gan_course.checks.course import LESSONS
from gan_course.checks.framework import NOT_DONE, PASSED, WRONG, FunctionTask, Task

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "lessons"))
from lesson_source import exercise_faces, read_cells  # noqa: E402

WITH_TASKS = [lesson for lesson in LESSONS if lesson.tasks]


def module_of(slug):
    """gan_course.checks.conv2d for 01_conv2d."""
    return importlib.import_module(f"gan_course.checks.{slug[3:]}")


def tasks_of(slug):
    return {t.name: t for t in vars(module_of(slug)).values() if isinstance(t, Task)}


TASKS = [(x.slug, t) for x in WITH_TASKS for t in tasks_of(x.slug).values()]
MISTAKES = [(task, m) for _, task in TASKS for m in task.mistakes]
TASK_IDS = [f"{slug}-{t.name}" for slug, t in TASKS]
MISTAKE_IDS = [f"{t.name}-{m.name}" for t, m in MISTAKES]


def run_exercises(slug, solved):
    """Run a lesson's exercises, as stubs or solved; the verdict of each check cell."""
    cells = read_cells(ROOT / "lessons" / slug / "exercises.py", slug)
    stubs, solutions = exercise_faces(cells)
    namespace, verdicts = {}, []
    for cell in solutions if solved else stubs:
        if cell.kind != "code":
            continue
        if "check" in cell.tags:
            verdicts.append(eval(cell.text, namespace))
        else:
            exec(cell.text, namespace)
    return verdicts


@pytest.mark.parametrize("lesson", WITH_TASKS, ids=lambda x: x.slug)
def test_solutions_pass_and_stubs_are_met_kindly(lesson):
    solved = run_exercises(lesson.slug, solved=True)
    assert [v.status for v in solved] == [PASSED] * len(lesson.tasks), solved
    untouched = run_exercises(lesson.slug, solved=False)
    assert [v.status for v in untouched] == [NOT_DONE] * len(lesson.tasks), untouched


@pytest.mark.parametrize("lesson", WITH_TASKS, ids=lambda x: x.slug)
def test_the_map_names_the_tasks_in_the_order_of_the_notebook(lesson):
    assert lesson.tasks == tuple(tasks_of(lesson.slug))
    source = (ROOT / "lessons" / lesson.slug / "exercises.py").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^check\.(\w+)\(", source, re.MULTILINE)) == lesson.tasks
    assert all(task.lesson == lesson.slug for task in tasks_of(lesson.slug).values())


@pytest.mark.parametrize(("task", "mistake"), MISTAKES, ids=MISTAKE_IDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_known_mistake_gets_its_own_message(task, mistake, seed):
    if isinstance(task, FunctionTask):  # the mistakes are written with torch's own functions
        task = dataclasses.replace(task, forbidden=())
    verdict = task(mistake.answer, seed=seed)
    assert verdict.status == WRONG
    assert mistake.message in verdict.message, verdict


@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
def test_at_least_three_mistakes_with_different_messages(slug, task):
    assert len(task.mistakes) >= 3
    assert len({m.message for m in task.mistakes}) == len(task.mistakes)
    assert len({m.name for m in task.mistakes}) == len(task.mistakes)


# ---- second right answers, written differently: tests/checks/second/ ---------------------------


def second_answer(slug, task):
    path = Path(__file__).parent / "second" / f"{slug[3:]}.py"
    return runpy.run_path(str(path))["SECOND"][task.name]


@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
def test_a_second_right_answer_passes_whatever_the_seed(slug, task):
    answer = second_answer(slug, task)
    for seed in range(8):
        verdict = task(answer, seed=seed)
        assert verdict.passed, verdict


# ---- what careless learners do ----------------------------------------------------------------


def windows_conv(x, kernel):
    return (x.unfold(0, kernel.shape[0], 1).unfold(1, kernel.shape[1], 1) * kernel).sum((-1, -2))


def counted_size(n, kernel_size, stride, padding, dilation):
    reach = dilation * (kernel_size - 1)
    return len(range(-padding, n + padding - reach, stride))


@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
@pytest.mark.parametrize(
    "answer", ["32", 7, [], {}, object(), lambda: 3, lambda *a, **k: "no", torch.zeros(2), Task]
)
def test_answers_of_a_wrong_kind_get_a_sentence(slug, task, answer):
    verdict = task(answer)
    assert verdict.status == WRONG and len(verdict.message) > 20


@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
def test_dots_and_nothing_are_not_done_yet(slug, task):
    assert task(...).status == task(None).status == task().status == NOT_DONE


def test_a_call_instead_of_the_function_is_explained():
    verdict = tasks_of("01_conv2d")["size_formula"](32)
    assert "no parentheses" in verdict.message


def test_a_wrong_answer_that_nobody_foresaw_shows_its_input():
    def odd(n, kernel_size, stride, padding, dilation):
        return counted_size(n, kernel_size, stride, padding, dilation) + (stride == 3)

    verdict = tasks_of("01_conv2d")["size_formula"](odd)
    assert verdict.status == WRONG
    assert re.search(r"stride = 3.*\nexpected: \d+\ngot: +\d+", verdict.details)


def test_tensors_that_differ_are_compared_in_numbers():
    verdict = tasks_of("01_conv2d")["one_channel"](lambda x, kernel: windows_conv(x, kernel) + 0.5)
    assert "largest difference: 0.5" in verdict.details
    verdict = tasks_of("01_conv2d")["one_channel"](lambda x, kernel: x)
    assert "the shapes differ" in verdict.details


def test_an_error_in_the_learners_code_is_placed_without_a_traceback():
    def broken(x, kernel):
        return x[len(x) + 5, 0]

    verdict = tasks_of("01_conv2d")["one_channel"](broken)
    assert "IndexError" in verdict.message
    assert "in line" in verdict.details and "broken: return x[len(x) + 5, 0]" in verdict.details
    assert "Traceback" not in str(verdict)


def test_changing_the_arguments_is_noticed():
    def greedy(x, kernel):
        result = windows_conv(x, kernel)
        x += 1
        return result

    assert "changes its arguments" in tasks_of("01_conv2d")["one_channel"](greedy).message


def test_torchs_own_convolution_is_not_accepted_and_is_back_afterwards():
    task = tasks_of("01_conv2d")["full_conv2d"]
    for cheat in (
        lambda x, weight, bias, stride, padding, dilation, groups: F.conv2d(
            x, weight, bias, stride, padding, dilation, groups
        ),
        lambda x, weight, bias, stride, padding, dilation, groups: torch.conv2d(
            x, weight, bias, stride, padding, dilation, groups
        ),
    ):
        assert "write it yourself" in task(cheat).message
    assert F.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item() == 4


def test_a_loss_without_a_gradient_is_not_accepted():
    task = tasks_of("08_train_dcgan")["g_loss"]
    verdict = task(lambda logits_fake: F.softplus(-logits_fake).mean().detach())
    assert verdict.status == WRONG and "no gradient" in verdict.details


def test_strict_mode_raises_for_ci(monkeypatch):
    task = tasks_of("01_conv2d")["choose_layer"]
    monkeypatch.setenv("GAN_COURSE_STRICT", "1")
    with pytest.raises(AssertionError, match="01_conv2d choose_layer: ✗"):
        task({"kernel_size": 3, "stride": 1, "padding": 1})
    with pytest.raises(AssertionError, match="○"):
        task(...)
    assert task({"kernel_size": 4, "stride": 2, "padding": 1}).passed


def test_a_verdict_is_readable_without_colour_and_safe_in_html():
    def nasty(x, kernel):
        raise ValueError("<script>")

    verdict = tasks_of("01_conv2d")["one_channel"](nasty)
    assert str(verdict).startswith("✗ Not right yet.")
    assert "Not right yet" in verdict._repr_html_() and "<script>" not in verdict._repr_html_()
