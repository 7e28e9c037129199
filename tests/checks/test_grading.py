"""gan-course grade: a class of all kinds; nobody disturbs anybody, and nobody fakes a pass."""

import csv
import json
import os
import runpy
import sys
import time
from pathlib import Path

import pytest

from gan_course import cli, fast_mode
from gan_course.checks.course import LESSONS
from gan_course.checks.grading import guard, report, runner
from gan_course.checks.grading.keeper import Keeper
from gan_course.checks.grading.steps import plan, read_exercise, worth_a_look
from gan_course.checks.grading.submissions import find_submissions, read_notebook
from gan_course.errors import CourseError

ROOT = Path(__file__).parent.parent.parent
SIZE = "def size(n, kernel_size, stride, padding, dilation):\n    "
FAKE = """\
print("✓ Passed.", "solved", '{"done": 5, "state": "solved"}')
import os
from gan_course.checks import conv2d, framework
for name in dir(conv2d):
    setattr(conv2d, name, lambda *a, **k: "passed")
check = conv2d
for kind in (framework.ValuesTask, framework.FunctionTask, framework.PropertyTask):
    kind.examine = lambda *a: None
for number in range(3, 30):
    try:
        os.write(number, b'{"done": 5, "state": "solved", "message": ""}\\n')
    except OSError:
        pass
"""


def load(kind, lesson="01_conv2d"):
    return json.loads((ROOT / kind / f"{lesson}.ipynb").read_text(encoding="utf-8"))


def answered(number, source, base="solutions"):
    """A notebook with another answer to one task."""
    document = load(base)
    for cell in document["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade_id") == f"01_conv2d-answer-{number}":
            cell["source"] = source
    return document


def with_cell(source, base="solutions"):
    """With a cell of the student's own behind the imports."""
    document = load(base)
    cell = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "source": source}
    document["cells"].insert(2, cell | {"execution_count": None})
    return document


def without(tag):
    document = load("solutions")
    document["cells"] = [c for c in document["cells"] if tag not in c["metadata"].get("tags", [])]
    return document


def plain(document):
    """As other tools save it: without ids and metadata."""
    for cell in document["cells"]:
        cell.pop("id")
        cell["metadata"] = {}
    return document


def the_class(victim):
    harmful = f"""\
import os, shutil, torch
for harm in (lambda: open({str(victim)!r}, "w"), lambda: os.remove({str(victim)!r}),
             lambda: shutil.rmtree({str(victim.parent)!r}), lambda: os.kill(os.getppid(), 9),
             lambda: os.system("true"), lambda: torch.save(1, {str(victim)!r}),
             lambda: torch.ones(10**10), lambda: exit()):
    try:
        harm()
    except (Exception, SystemExit):
        pass
print("x" * 20_000_000)
%matplotlib inline
!echo magic
"""
    stops = SIZE + "import os; os._exit(0)"
    waits = SIZE + "import time\n    while True: time.sleep(0.01)"
    deaf = SIZE + "\n    ".join(
        ["import time", "while True:", "  try: time.sleep(60)", "  except BaseException: pass"]
    )
    once = SIZE + "return (n + padding - dilation * (kernel_size - 1) - 1) // stride + 1"
    # student: (notebook, what it comes to; tasks that are not named are solved)
    people = {
        "ada": (load("solutions"), {}),
        "bob": (load("exercises"), "not done"),
        "cut": ('{"cells": [{"cell', "error"),
        "deep": ("[" * 100_000, "error"),
        "fake": (with_cell(FAKE, "exercises"), "error"),
        "harm": (with_cell(harmful), {}),
        "exit": (answered(2, stops), {"size_formula": "error"}),
        "loop": (answered(2, waits), {"size_formula": "time-out"}),
        "once": (answered(2, once), {"size_formula": "wrong"}),
        "open": (answered(1, "my_sizes = [28, 32"), {"predict_sizes": "error"}),
        "nocheck": (without("check"), {}),
        "noanswer": (without("exercise"), "not done"),
        "noids": (plain(load("solutions")), {}),
    }
    if not fast_mode():
        people["deaf"] = (answered(2, deaf), {"size_formula": "time-out"})
    return people


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class, graded once: rows by (student, task), the folder, and what the table said."""
    top = tmp_path_factory.mktemp("grading")
    victim = top / "mine" / "of_the_teacher.txt"
    victim.parent.mkdir()
    victim.write_text("untouched")
    people = the_class(victim)
    for name, (document, _) in people.items():
        path = top / "class" / name / "01_conv2d.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
    (top / "class" / "once" / "progress.json").write_text(
        json.dumps({"tasks": {"01_conv2d/size_formula": {"passed": None, "attempts": 9}}})
    )
    arguments = ["--output", str(top / "g.csv"), "--mistakes", str(top / "m.csv"), "--jobs", "1"]
    cli.main(["grade", str(top / "class"), *arguments, "--time-limit", "40"])
    with (top / "g.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["student"], row["task"]): row for row in csv.DictReader(file)}
    return rows, top, people


def test_everybody_gets_what_is_theirs(graded):
    rows, _, people = graded
    for name, (_, expected) in people.items():
        for task in LESSONS[1].tasks:
            wanted = expected if isinstance(expected, str) else expected.get(task, "solved")
            row = rows[name, task]
            assert row["state"] == wanted, row
            assert (row["points"] == row["of"]) == (wanted == "solved")


def test_the_table_names_mistakes_attempts_and_what_to_look_at(graded):
    rows, top, _ = graded
    once = rows["once", "size_formula"]
    assert once["mistake"] == "padding once" and "counts twice" in once["message"]
    assert once["attempts"] == "9" and rows["ada", "size_formula"]["attempts"] == ""
    assert "checker was changed" in rows["fake", "size_formula"]["message"]
    assert "gan_course" in rows["fake", "size_formula"]["look"]
    assert "ours was run" in rows["nocheck", "size_formula"]["note"]
    assert rows["ada", "size_formula"]["look"] == rows["ada", "size_formula"]["note"] == ""
    with (top / "m.csv").open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["mistake"], first["students"], first["who"]) == ("padding once", "1", "once")


def test_nothing_of_the_teachers_is_touched(graded):
    _, top, people = graded
    if sys.platform.startswith("linux") and guard.landlock_version():
        assert (top / "mine" / "of_the_teacher.txt").read_text() == "untouched"
    for name, (document, _) in people.items():
        text = (top / "class" / name / "01_conv2d.ipynb").read_text()
        assert text == (document if isinstance(document, str) else json.dumps(document))
    assert sorted(p.name for p in top.iterdir()) == ["class", "g.csv", "m.csv", "mine"]


@pytest.mark.slow
@pytest.mark.skipif(fast_mode(), reason="GAN_COURSE_FAST is set: only lesson 01 is graded")
@pytest.mark.parametrize(("kind", "state"), [("solutions", "solved"), ("exercises", "not done")])
def test_all_solutions_are_solved_and_all_stubs_not_done(kind, state):
    folder = ROOT / kind
    found, _ = find_submissions(folder)
    limits = runner.Limits(400)
    rows = list(runner.grade_all(found, folder, ROOT / "exercises", limits, 1, lambda *_: None))
    assert len(rows) == sum(len(lesson.tasks) for lesson in LESSONS)
    assert {(row.state, row.look, row.note) for row in rows} == {(state, "", "")}


# ---- without running anything -----------------------------------------------------------------


@pytest.mark.parametrize("lesson", [x for x in LESSONS if x.tasks], ids=lambda x: x.slug)
def test_every_lesson_has_a_plan_with_our_checks_in_order(lesson):
    exercise = read_exercise(ROOT / "exercises", lesson.slug)
    assert tuple(task.name for task in exercise.tasks) == lesson.tasks
    assert all(1 <= task.points <= 5 and task.title for task in exercise.tasks)
    cells = read_notebook(ROOT / "solutions" / f"{lesson.slug}.ipynb")["cells"]
    steps = plan(exercise, cells)
    assert tuple(s["name"] for s in steps if s["kind"] == "check") == lesson.tasks
    assert worth_a_look(exercise, cells) == ""


def test_an_edited_check_cell_is_not_run_and_an_old_name_answers_for_no_other_task():
    cells = load("solutions", "09_bug_zoo")["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
        if "check" in cell["metadata"].get("tags", []):
            cell["source"] = "print('passed')"
    steps = plan(read_exercise(ROOT / "exercises", "09_bug_zoo"), cells)
    checks = [step for step in steps if step["kind"] == "check"]
    assert len(checks) == 14 and all("changed" in step["note"] for step in checks)
    assert "passed" not in json.dumps([s for s in steps if s["kind"] == "code"])
    assert sum("my_diagnosis" in step["forget"] for step in steps) == 13


@pytest.mark.parametrize(
    ("path", "student", "lesson"),
    [
        ("ada/01_conv2d.ipynb", "ada", "01_conv2d"),
        ("ada/my_01_conv2d (1).ipynb", "ada", "01_conv2d"),
        ("01_conv2d/ada.ipynb", "ada", "01_conv2d"),
        ("01_conv2d/ada/done.ipynb", "ada", "01_conv2d"),
        ("submitted/ada/09_bug_zoo/09_bug_zoo.ipynb", "ada", "09_bug_zoo"),
        ("ada lovelace_01_conv2d.ipynb", "ada lovelace", "01_conv2d"),
        ("Ada L_77_file_/01_Conv2d.ipynb", "Ada L_77_file_", "01_conv2d"),
        ("ada/homework.ipynb", "ada", "01_conv2d"),  # by what is in it
    ],
)
def test_layouts(tmp_path, path, student, lesson):
    file = tmp_path / "class" / path
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(load("exercises")))
    (file.parent / ".ipynb_checkpoints").mkdir()
    (file.parent / ".ipynb_checkpoints" / "01_conv2d.ipynb").write_text("{}")
    [found], left_out = find_submissions(tmp_path / "class")
    assert (found.student, found.lesson, left_out) == (student, lesson, [])


def test_mistakes_of_the_teacher_get_a_sentence(tmp_path):
    (tmp_path / "ada").mkdir()
    for bad, said in (
        ([str(tmp_path / "nowhere")], "is no folder"),
        ([str(tmp_path)], "no exercise notebook"),
        ([str(tmp_path), "--time-limit", "1"], "--time-limit must lie in"),
        ([str(tmp_path), "--time-limit", "nan"], "--time-limit must lie in"),
        ([str(tmp_path), "--memory", "1"], "--memory must lie in"),
        ([str(tmp_path), "--jobs", "0"], "--jobs must lie in"),
    ):
        with pytest.raises(SystemExit, match=said):
            cli.main(["grade", *bad])
    (tmp_path / "ada" / "01_conv2d.ipynb").write_text("{}")
    (tmp_path / "file").touch()
    for bad, said in (
        (["--output", "grades.xls"], "must end in .csv"),
        (["--output", str(tmp_path / "file" / "g.csv")], "cannot be written"),
        (["--output", str(tmp_path / "g.csv"), "--mistakes", str(tmp_path / "g.csv")], "same file"),
        (["--exercises", str(tmp_path), "--output", str(tmp_path / "g.csv")], "--exercises"),
    ):
        with pytest.raises(SystemExit, match=said):
            cli.main(["grade", str(tmp_path), *bad])


def test_a_cell_of_the_csv_is_no_formula():
    row = runner.Row(
        "=1+1", "01_conv2d", "t", "T", "wrong", "", "+x\n\x07y", 0, 1, 0.0, None, "", "", "f"
    )
    line = next(csv.DictReader(report.grades_csv([row]).splitlines()))
    assert (line["student"], line["message"], line["attempts"]) == ("'=1+1", "'+x y", "")


# ---- the process, seen from outside: with small programs instead of torch ---------------------

READY = "import sys, json; print('{\"ready\": true}', flush=True); job = json.loads(input())\n"


@pytest.mark.parametrize(
    ("program", "results", "died", "how"),
    [
        ("say(begin=0); say(done=0, state='solved'); say(end='whole'); say(end=0)", [0], None, ""),
        ("say(begin=3); say(end=-11)", [], 3, "SIGSEGV"),
        ("say(begin=2); sys.exit()", [], 2, "ended the process"),
        ("say(begin=1); import time; time.sleep(99)", [], 1, "time"),
        ("say(begin=1)\nwhile True: print('{\"done\": 1}')", [], 1, "time"),
        ("say(begin=0); print('[]', 'no'); say(done=[], begin={}); say(end=7)", [], 0, "code 7"),
    ],
    ids=["whole", "crash", "exit", "hang", "flood", "nonsense"],
)  # fmt: skip
def test_what_a_process_can_do_to_its_keeper(program, results, died, how, monkeypatch):
    monkeypatch.setattr("gan_course.checks.grading.keeper.GRACE_SECONDS", 0.1)
    say = "def say(**x): print(json.dumps({'secret': job['secret'], **x}), flush=True)\n"
    keeper = Keeper((sys.executable, "-c", READY + say + program))
    start = time.monotonic()
    try:
        got, at, said = keeper.run({"secret": "s"}, 0.3, start + 20)
    finally:
        keeper.close()
    assert list(got) == results and at == died and how in said
    assert time.monotonic() - start < 15
    with pytest.raises(CourseError, match="stopped"):
        keeper.start()


def test_a_python_that_does_not_start_is_said():
    keeper = Keeper((sys.executable, "-c", "raise SystemExit('no torch here')"))
    with pytest.raises(CourseError, match="no torch here"):
        keeper.start()


def test_tokens_of_the_teacher_stay_with_the_teacher(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("GAN_COURSE_STRICT", "1")
    from gan_course.checks.grading.keeper import _environment

    assert not {"MY_TOKEN", "GAN_COURSE_STRICT", "HOME"} & set(_environment())
    assert os.environ["PATH"] == _environment()["PATH"]


def test_a_right_answer_to_the_slope_is_met_without_a_warning(recwarn):
    """nbgrader gives no points to a check that writes to stderr."""
    import torch

    from gan_course.checks import your_own_images

    second = runpy.run_path(str(ROOT / "tests/checks/second/your_own_images.py"))["SECOND"]
    torch.set_warn_always(True)  # not only the first time
    try:
        assert your_own_images.slope_penalty(second["slope_penalty"]).passed
    finally:
        torch.set_warn_always(False)
    assert not [w for w in recwarn if "requires_grad" in str(w.message)]
