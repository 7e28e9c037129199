"""Every checker is proved from both sides, driven by the exercises themselves.

The solution passes, the stub is told "not done yet", every known mistake gets its own message, a
second right answer passes, and a wrong answer that nobody foresaw gets the input that breaks it.
"""

import dataclasses
import importlib
import random
import re
import runpy
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from long_form import LONG, SEEDS

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
PLAYED = "choose_repair"  # its check plays a game for each answer, and that takes seconds
MISTAKES = [(t, m) for _, t in TASKS for m in t.mistakes if LONG or t.name != PLAYED]
TASK_IDS = [f"{slug}-{t.name}" for slug, t in TASKS]
MISTAKE_IDS = [f"{t.lesson[:2]}-{t.name}-{m.name}" for t, m in MISTAKES]


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


@pytest.mark.trust
@pytest.mark.parametrize(("task", "mistake"), MISTAKES, ids=MISTAKE_IDS)
def test_each_known_mistake_gets_its_own_message_whatever_the_seed(task, mistake):
    seeds = SEEDS if isinstance(task, FunctionTask) else SEEDS[:1]
    if isinstance(task, FunctionTask):  # the mistakes are written with torch's own functions
        task = dataclasses.replace(task, forbidden=())
    for answer in mistake.answers:
        for seed in seeds:
            verdict = task(answer, seed=seed)
            assert verdict.status == WRONG, (seed, verdict)
            assert mistake.message in verdict.message, (seed, verdict)
            others = [m.message for m in task.mistakes if m is not mistake]
            assert not any(message in str(verdict) for message in others), (seed, verdict)


@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
def test_at_least_three_mistakes_with_different_messages(slug, task):
    assert len(task.mistakes) >= 3
    assert len({m.message for m in task.mistakes}) == len(task.mistakes)
    assert len({m.name for m in task.mistakes}) == len(task.mistakes)


# ---- second right answers, written differently: tests/checks/second/ ---------------------------


def second_answer(slug, task):
    path = Path(__file__).parent / "second" / f"{slug[3:]}.py"
    return runpy.run_path(str(path))["SECOND"][task.name]


@pytest.mark.trust
@pytest.mark.parametrize(("slug", "task"), TASKS, ids=TASK_IDS)
def test_a_second_right_answer_passes_whatever_the_seed(slug, task):
    answer = second_answer(slug, task)
    for seed in SEEDS:
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
    assert verdict.status == WRONG and "lose the gradient" in verdict.message


def test_strict_mode_raises_for_ci(monkeypatch):
    task = tasks_of("01_conv2d")["choose_layer"]
    monkeypatch.setenv("GAN_COURSE_STRICT", "1")
    with pytest.raises(AssertionError, match="01_conv2d choose_layer: ✗"):
        task({"kernel_size": 3, "stride": 1, "padding": 1})
    with pytest.raises(AssertionError, match="○"):
        task(...)
    assert task({"kernel_size": 4, "stride": 2, "padding": 1}).passed


def test_nbgrader_sees_a_failure_as_an_error_and_a_pass_without_a_value(monkeypatch, capsys):
    """It would take a cell's value for points."""
    task = tasks_of("01_conv2d")["choose_layer"]
    right = {"kernel_size": 4, "stride": 2, "padding": 1}
    with pytest.raises(NotImplementedError):  # by which IPython falls back to HTML
        task(right)._ipython_display_()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match="○"):
        task(...)
    task(right)._ipython_display_()
    assert capsys.readouterr().out.startswith("✓ Passed.")


def test_a_verdict_is_readable_without_colour_and_safe_in_html():
    def nasty(x, kernel):
        raise ValueError("<script>")

    verdict = tasks_of("01_conv2d")["one_channel"](nasty)
    assert str(verdict).startswith("✗ Not right yet.")
    assert "Not right yet" in verdict._repr_html_() and "<script>" not in verdict._repr_html_()


# ---- what the verdict says --------------------------------------------------------------------


def loop_conv2d(pad=True, groups_known=True, extra=0.0):
    """Conv2d by loops, with a choice of what to get wrong: as learners write it, not as torch."""

    def conv2d(x, weight, bias, stride, padding, dilation, groups):
        padding = padding if pad else 0
        x = F.pad(x, (padding,) * 4)
        out_channels, c_group, kh, kw = weight.shape
        reach_h, reach_w = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
        rows = (x.shape[2] - reach_h) // stride + 1
        columns = (x.shape[3] - reach_w) // stride + 1
        out = torch.zeros(x.shape[0], out_channels, rows, columns)
        for o in range(out_channels):
            first = o // (out_channels // groups) * c_group
            channels = slice(first, first + c_group) if groups_known else slice(None)
            for r in range(rows):
                for c in range(columns):
                    top, left = r * stride, c * stride
                    window = x[:, channels, top : top + reach_h, left : left + reach_w]
                    window = window[:, :, ::dilation, ::dilation]
                    out[:, o, r, c] = (window * weight[o]).sum((1, 2, 3)) + bias[o]
        return out + extra * (dilation > 1)

    return conv2d


def test_mistakes_are_recognised_in_code_that_is_not_ours():
    task = tasks_of("01_conv2d")["full_conv2d"]
    assert task(loop_conv2d()).passed
    assert "does not pad" in task(loop_conv2d(pad=False)).message
    verdict = task(loop_conv2d(groups_known=False))
    assert "right without groups" in verdict.message
    assert "RuntimeError" in verdict.details and "of conv2d: out[:, o" in verdict.details


def test_what_is_new_in_the_failing_input_is_said():
    verdict = tasks_of("01_conv2d")["full_conv2d"](loop_conv2d(extra=1.0))
    assert "The 4 before it went well; new in this one: dilation = 2" in verdict.details
    assert "largest difference: 1" in verdict.details


def test_a_mistake_made_before_the_code_stops_is_still_named():
    def flipped_and_deaf_to_groups(x, weight, **arguments):
        return loop_conv2d(groups_known=False)(x, weight.flip(2, 3), **arguments)

    assert "180 degrees" in tasks_of("01_conv2d")["full_conv2d"](flipped_and_deaf_to_groups).message


def test_the_classic_error_of_a_training_step_is_explained():
    def classic(generator, discriminator, optimizer_g, optimizer_d, real, z):
        fake = generator(z)
        loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        loss_g = F.softplus(-discriminator(fake)).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()

    verdict = tasks_of("08_train_dcgan")["one_step"](classic)
    assert "fake.detach()" in verdict.message and "loss_g.backward()" in verdict.details


def test_a_step_that_is_wrong_in_a_new_way_shows_which_network_is_off():
    def slow_d(generator, discriminator, optimizer_g, optimizer_d, real, z):
        fake = generator(z)
        loss_d = (-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()

    details = tasks_of("08_train_dcgan")["one_step"](slow_d).details
    assert "weights of D afterwards:" in details and "weights of G afterwards:" in details
    assert "Parameter Group" not in details


def test_only_the_entries_that_differ_are_shown():
    def noisy(generator, z):
        generator.register_buffer("left_behind", torch.ones(1))
        with torch.no_grad():
            was, images = generator.training, generator.eval()(z)
        generator.train(was)
        return images

    details = tasks_of("08_train_dcgan")["sample"](noisy).details
    assert "running statistics" in details and "images:" not in details


def test_several_possible_causes_are_offered_and_none_is_claimed():
    task = tasks_of("01_conv2d")["predict_sizes"]
    verdict = task([28, 32, 31, 15, 12, 2])
    assert "Look at number 3 again" in verdict.message
    assert verdict.details.count("·") >= 2
    named = task([28, 32, 32, 15, 14, 2])  # only forgetting the dilation leads to 14
    assert "dilation 2" in named.message and not named.details


# ---- the state that a notebook may be in ------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_log_of_sigmoid_is_caught_by_every_seed(seed):
    task = tasks_of("08_train_dcgan")["g_loss"]
    assert not task(lambda logits_fake: -logits_fake.sigmoid().log().mean(), seed=seed).passed


def test_gradients_switched_off_for_good_are_noticed_and_switched_on_again():
    def sample(generator, z):
        torch.set_grad_enabled(False)
        was = generator.training
        images = generator.eval()(z)
        generator.train(was)
        return images

    assert "switches gradients off" in tasks_of("08_train_dcgan")["sample"](sample).message
    assert torch.is_grad_enabled()


def test_a_check_works_whatever_the_notebook_has_set():
    task = tasks_of("08_train_dcgan")["g_loss"]
    right = lambda logits_fake: F.softplus(-logits_fake).mean()  # noqa: E731
    wrong = lambda logits_fake: F.softplus(-logits_fake).mean().detach()  # noqa: E731
    device = torch.get_default_device()
    try:
        torch.set_grad_enabled(False)
        torch.set_default_device("meta")
        torch.set_default_dtype(torch.float64)
        assert task(right).passed and not task(wrong).passed
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_device(device)
        torch.set_default_dtype(torch.float32)


def test_convolutions_of_other_threads_go_on_during_a_check():
    """A live training may run beside the check."""
    heard = []

    def slow(x, kernel):
        thread = threading.Thread(
            target=lambda: heard.append(F.conv2d(x[None, None], kernel[None, None]))
        )
        thread.start()
        thread.join()
        return windows_conv(x, kernel)

    assert tasks_of("01_conv2d")["one_channel"](slow).passed and heard


@pytest.mark.parametrize("way", ["imported by name", "module", "torch.ops", "torch.conv2d"])
def test_no_way_around_the_lock(way):
    layer = torch.nn.Conv2d(1, 1, 2)
    call = {
        "imported by name": F.conv2d,
        "module": lambda x, kernel: layer(x),
        "torch.ops": torch.ops.aten.conv2d,
        "torch.conv2d": torch.conv2d,
    }[way]
    task = tasks_of("01_conv2d")["one_channel"]
    verdict = task(lambda x, kernel: call(x[None, None], kernel[None, None])[0, 0])
    assert "It calls conv2d" in verdict.message
    assert F.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item() == 4


# ---- more of what careless learners do --------------------------------------------------------


def test_other_names_for_the_arguments_are_explained():
    verdict = tasks_of("01_conv2d")["size_formula"](lambda n, k, s, p, d: 3)
    assert "n, kernel_size, stride, padding, dilation" in verdict.message
    assert "n, k, s, p, d" in verdict.message


def test_a_missing_return_is_not_done_yet():
    for slug, name in [("01_conv2d", "one_channel"), ("08_train_dcgan", "d_loss")]:
        verdict = tasks_of(slug)[name](lambda **arguments: None)
        assert verdict.status == NOT_DONE and "return" in verdict.message


def test_a_stub_that_the_answer_calls_is_named():
    def d_loss(logits_real, logits_fake):
        raise NotImplementedError("Your turn: replace this line.")

    def one_step(generator, discriminator, optimizer_g, optimizer_d, real, z):
        d_loss(discriminator(real), discriminator(generator(z))).backward()

    verdict = tasks_of("08_train_dcgan")["one_step"](one_step)
    assert verdict.status == NOT_DONE and "Fill in d_loss" in verdict.message


def test_what_torch_has_not_implemented_is_no_stub():
    def abstract(x, kernel):
        return torch.nn.Module()(x)

    verdict = tasks_of("01_conv2d")["one_channel"](abstract)
    assert verdict.status == WRONG and "NotImplementedError" in verdict.message


@pytest.mark.parametrize("change", [lambda x: x.to("meta"), lambda x: x.to(torch.complex64)])
def test_tensors_that_cannot_be_compared_are_wrong_and_no_crash(change):
    verdict = tasks_of("01_conv2d")["one_channel"](
        lambda x, kernel: change(windows_conv(x, kernel))
    )
    assert verdict.status == WRONG and "got:" in verdict.details


def test_numpy_is_welcome_where_it_does_no_harm_and_explained_where_not():
    tasks = tasks_of("01_conv2d")
    assert tasks["predict_sizes"](np.array([28, 32, 32, 15, 12, 2])).passed
    assert tasks["size_formula"](lambda **a: np.int64(counted_size(**a))).passed
    assert tasks["choose_layer"]({"kernel_size": np.int64(4), "stride": 2.0, "padding": 1}).passed
    assert "names" in tasks["choose_layer"](np.zeros(3)).message
    verdict = tasks["one_channel"](lambda x, kernel: windows_conv(x, kernel).numpy())
    assert "a NumPy array, but a tensor" in verdict.message


def test_whole_numbers_have_to_be_exact_however_large():
    task = tasks_of("01_conv2d")["count_costs"]
    right = second_answer("01_conv2d", task)
    assert task(lambda **a: tuple(right(**a))).passed
    assert task(lambda **a: (float(right(**a)[0]), right(**a)[1])).passed
    assert not task(lambda **a: (right(**a)[0], right(**a)[1] + 1)).passed


def test_an_error_is_placed_in_the_learners_line_not_in_a_librarys():
    @torch.no_grad()
    def sample(generator, z):
        return generator(z[:, 7])

    verdict = tasks_of("08_train_dcgan")["sample"](sample)
    assert "of sample: return generator(z[:, 7])" in verdict.details

    def convolve(x, kernel):
        return random.choice([])

    verdict = tasks_of("01_conv2d")["one_channel"](convolve)
    assert "of convolve: return random.choice([])" in verdict.details


# ---- the exercises' own words -----------------------------------------------------------------


def test_the_expected_values_in_the_text_are_right():
    size = tasks_of("01_conv2d")["size_formula"].oracle
    assert (size(64, 4, 2, 1, 1), size(29, 3, 2, 1, 1)) == (32, 15)
    assert tasks_of("01_conv2d")["count_costs"].oracle(3, 64, 4, 32, 1) == (3136, 3145728)
    image, kernel = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([[1.0, 0], [0, 2]])
    assert tasks_of("01_conv2d")["one_channel"].oracle(image, kernel).tolist() == [[11, 14]]
    zeros = torch.zeros(3)
    assert tasks_of("08_train_dcgan")["d_loss"].oracle(zeros, zeros).item() == pytest.approx(
        1.386, abs=1e-3
    )
    g_loss = tasks_of("08_train_dcgan")["g_loss"].oracle
    assert g_loss(zeros).item() == pytest.approx(0.693, abs=1e-3)
    assert g_loss(torch.tensor([-120.0])).item() == 120


@pytest.mark.parametrize("lesson", WITH_TASKS, ids=lambda x: x.slug)
def test_the_minutes_of_the_cards_add_up_to_the_time_at_the_top(lesson):
    source = (ROOT / "lessons" / lesson.slug / "exercises.py").read_text(encoding="utf-8")
    cards = [int(m) for m in re.findall(r"^# \*\*Difficulty.* about (\d+) minutes", source, re.M)]
    (total,) = re.findall(r"about (\d+) minutes in all", source)
    assert len(cards) == len(lesson.tasks) and abs(sum(cards) - int(total)) <= 5


def test_the_map_holds_every_lesson_that_there_is():
    folders = sorted(p.name for p in (ROOT / "lessons").glob("[0-9][0-9]_*") if p.is_dir())
    assert {x.slug for x in LESSONS} <= set(folders)
    assert [x.number for x in LESSONS] == sorted(x.number for x in LESSONS)
