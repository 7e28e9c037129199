"""lessons/build.py: the same sources give the same bytes, and --check sees every kind of drift."""

import ast
import importlib
import json
import shutil
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "lessons"))

build, lesson_outputs, lesson_source, nbgrader_cells = map(
    importlib.import_module, ("build", "lesson_outputs", "lesson_source", "nbgrader_cells")
)

LESSON = """\
# %% [markdown]
# # 03 · Fake
#
# **After this lesson you can** test the builder.

# %% tags=["parameters"]
STEPS = 3

# %% tags=["nbval-check-output"]
print("steps", STEPS)
print("more")

# %%
from IPython.display import display

print(object())
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgAB"
    "SK+kcQAAAABJRU5ErkJggg=="
)
display(
    {"image/png": PIXEL, "text/plain": "one pixel"},
    raw=True,
    metadata={"image/png": {"alt": "one pixel"}},
)
"""
EXERCISES = """\
# %% [markdown]
# # 03 · Exercises

# %%
import math

# %% [markdown]
# ## Task 1 · Double it
#
# **Difficulty** ●○○○○ · **Time** about 2 minutes · **You need** one line
#
# Write `double(x)`.
#
# <details><summary>Hint 1</summary>
#
# Think of two.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `2 * x`
#
# </details>

# %% tags=["exercise"]
def double(x):
    y = x  # stays
    ### BEGIN SOLUTION
    # STUB: y = ...
    # STUB: return y
    secret = 2
    return secret * y
    ### END SOLUTION


# %% tags=["check"]
print("check", double)

# %% [markdown] tags=["solution"]
# Because 2x is x + x.
"""
QUIZ = "before:\n  - id: one\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course of one lesson, built by really running it."""
    root = tmp_path_factory.mktemp("course")
    folder = root / "lessons" / "03_fake"
    folder.mkdir(parents=True)
    (folder / "lesson.py").write_text(LESSON)
    (folder / "exercises.py").write_text(EXERCISES)
    (folder / "quiz.yml").write_text(QUIZ)
    assert run(root) == 0
    return root


@pytest.fixture
def course(built, tmp_path):
    """A copy of it, to spoil."""
    return shutil.copytree(built, tmp_path / "course")


def run(root, *arguments):
    return build.main(["--root", str(root), *arguments])


def files(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "lessons" not in path.parts
    }


def read(path):
    return json.loads(path.read_text())


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def no_running(monkeypatch):
    """Instead of running a lesson, note that it would have been."""
    ran = []

    def execute(text, folder, timeout):
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        ran.append(json.loads(text)["metadata"]["gan_course"]["built_from"])
        line = {"output_type": "stream", "name": "stdout", "text": ["new\n"]}
        return [[line] for _ in cells]

    monkeypatch.setattr(build, "execute", execute)
    return ran


# ---- what is built ---------------------------------------------------------------------------


def test_two_builds_give_the_same_bytes(built, course):
    shutil.rmtree(course / "notebooks")
    assert run(course, "--force") == 0
    assert files(course) == files(built)
    assert set(files(built)) == {
        "notebooks/03_fake.ipynb",
        "exercises/03_fake.ipynb",
        "solutions/03_fake.ipynb",
        "gan_course/labs/quizzes/03_fake.yml",
    }


def test_built_notebooks_are_valid_and_minimal(built):
    nbformat = pytest.importorskip("nbformat")
    for kind in ("notebooks", "exercises", "solutions"):
        path = built / kind / "03_fake.ipynb"
        assert path.read_text().endswith("}\n")
        nbformat.validate(nbformat.read(path, as_version=4))
        document = read(path)
        assert set(document["metadata"]) == {"gan_course", "kernelspec", "language_info"}
        allowed = {"tags"} if kind == "notebooks" else {"tags", "nbgrader"}
        assert all(set(cell["metadata"]) <= allowed for cell in document["cells"])
        ids = [cell["id"] for cell in document["cells"]]
        assert len(set(ids)) == len(ids)


def test_lesson_has_cleaned_outputs_and_counts(built):
    code = [c for c in read(built / "notebooks/03_fake.ipynb")["cells"] if c["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [1, 2, 3]
    assert code[1]["outputs"][0]["text"] == ["steps 3\n", "more\n"]
    assert code[2]["outputs"][0]["text"] == ["<object object at 0x0>\n"]
    assert code[2]["outputs"][1]["metadata"] == {"image/png": {"alt": "one pixel"}}


def test_exercises_have_stubs_and_solutions_have_none(built):
    stubs, solved = (
        {cell["id"].split("-")[-1]: "".join(cell["source"]) for cell in read(path)["cells"]}
        for path in (built / "exercises/03_fake.ipynb", built / "solutions/03_fake.ipynb")
    )
    assert stubs["003"] == "def double(x):\n    y = x  # stays\n    y = ...\n    return y"
    assert solved["003"] == (
        "def double(x):\n    y = x  # stays\n    secret = 2\n    return secret * y"
    )
    assert "005" not in stubs and solved["005"].startswith("Because")
    # Every other cell is the same in both, and nothing was run.
    # Only the last cell, behind those of the source, leads from each to the other.
    assert "(../solutions/03_fake.ipynb)" in stubs.pop("006")
    assert "(../exercises/03_fake.ipynb)" in solved.pop("006")
    assert {k: v for k, v in stubs.items() if k != "003"}.items() <= solved.items()
    for kind in ("exercises", "solutions"):
        text = (built / kind / "03_fake.ipynb").read_text()
        assert "SOLUTION" not in text and "STUB" not in text
        for cell in read(built / kind / "03_fake.ipynb")["cells"]:
            assert cell["cell_type"] == "markdown" or cell["outputs"] == []
    assert "secret" not in (built / "exercises/03_fake.ipynb").read_text()


def test_nbgrader_knows_the_answer_and_the_check(built):
    """Its metadata schema 3: an answer to fill in, and a locked check worth the card's dots."""
    for kind in ("exercises", "solutions"):
        cells = json.loads((built / kind / "03_fake.ipynb").read_text())["cells"]
        marks = [c["metadata"].get("nbgrader") for c in cells]
        answer, check = [mark for mark in marks if mark]
        rest = {"schema_version": 3, "task": False}
        assert answer == rest | {
            "grade_id": "03_fake-answer-1", "grade": False, "locked": False, "solution": True,
        }  # fmt: skip
        assert check == rest | {
            "grade_id": "03_fake-check-1", "grade": True, "locked": True, "solution": False,
            "points": 1,
        }  # fmt: skip
    lesson = json.loads((built / "notebooks" / "03_fake.ipynb").read_text())["cells"]
    assert not any("nbgrader" in cell["metadata"] for cell in lesson)


def test_every_task_of_the_course_is_marked_once_and_pays():
    for path in sorted((ROOT / "exercises").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        marks = [c["metadata"]["nbgrader"] for c in cells if "nbgrader" in c["metadata"]]
        assert len({mark["grade_id"] for mark in marks}) == len(marks)
        for cell in cells:
            mark = cell["metadata"].get("nbgrader", {})
            tags = cell["metadata"].get("tags", [])
            assert mark.get("solution", False) == ("exercise" in tags), path.name
            assert mark.get("grade", False) == ("check" in tags), path.name
            assert ("points" in mark) == ("check" in tags)
            assert 1 <= mark.get("points", 1) <= 5


def test_a_second_check_of_a_task_pays_nothing_and_has_a_name_of_its_own():
    title = lesson_source.Cell("markdown", "## Task 2 · T\n**Difficulty** ●●●○○ · x", (), "", 0)
    checks = [lesson_source.Cell("code", "check", ("check",), "", i) for i in (1, 2)]
    marks = nbgrader_cells.nbgrader_marks("03_fake", [title, *checks])
    assert [(m["grade_id"], m["points"]) for m in marks.values()] == [
        ("03_fake-check-2", 3),
        ("03_fake-check-2-2", 0),
    ]


def test_quiz_is_copied_with_a_warning_above(built):
    lines = (built / "gan_course/labs/quizzes/03_fake.yml").read_text().splitlines()
    assert lines[0].startswith("# Generated") and "lessons/03_fake/quiz.yml" in lines[0]
    assert "\n".join(lines[1:]) + "\n" == QUIZ


@pytest.mark.parametrize(
    ("source", "stub", "solved"),
    [
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
            f"def f():\n    {lesson_source.DEFAULT_STUB}",
            "def f():\n    return 1",
        ),
        (
            "### BEGIN SOLUTION\n# STUB: size = ...\nsize = 32\n### END SOLUTION\nprint(size)",
            "size = ...\nprint(size)",
            "size = 32\nprint(size)",
        ),
        (
            "if True:\n    ### BEGIN SOLUTION\n    # STUB: if x:\n    # STUB:     y = 1\n"
            "    y = 2\n    ### END SOLUTION",
            "if True:\n    if x:\n        y = 1",
            "if True:\n    y = 2",
        ),
        (
            "def f():\n    ### BEGIN SOLUTION\n    a = 1\n    ### END SOLUTION\n    b = 2\n"
            "    ### BEGIN SOLUTION\n    # STUB: c = ...\n    c = 3\n    ### END SOLUTION",
            f"def f():\n    {lesson_source.DEFAULT_STUB}\n    b = 2\n    c = ...",
            "def f():\n    a = 1\n    b = 2\n    c = 3",
        ),
    ],
    ids=["default stub", "given stub", "indented stub", "two regions"],
)
def test_stub_rule(source, stub, solved):
    cell = lesson_source.Cell("code", source, ("exercise",), "x.py:1", 0)
    assert lesson_source.split_solution(cell) == (stub, solved)


# ---- what is run again -----------------------------------------------------------------------


def test_only_changed_lessons_are_run_again(course, no_running, capsys):
    other = shutil.copytree(course / "lessons/03_fake", course / "lessons/04_other")
    assert run(course) == 0
    assert no_running == ["lessons/04_other/lesson.py"]
    assert run(course) == 0 and len(no_running) == 1

    change(other / "lesson.py", "STEPS = 3", "STEPS = 4")
    assert run(course) == 0
    assert no_running == ["lessons/04_other/lesson.py"] * 2
    change(other / "quiz.yml", "one", "two")
    assert run(course) == 0 and len(no_running) == 3

    capsys.readouterr()
    assert run(course, "--force", "--only", "03") == 0
    assert no_running[3:] == ["lessons/03_fake/lesson.py"]
    assert run(course, "--check") == 0


def test_prose_is_rebuilt_without_running(course, no_running):
    change(course / "lessons/03_fake/lesson.py", "test the builder", "trust the builder")
    assert run(course, "--check") == 1
    assert run(course) == 0
    assert no_running == []
    text = (course / "notebooks/03_fake.ipynb").read_text()
    assert "trust the builder" in text and "<object object at 0x0>" in text
    assert run(course, "--check") == 0


def test_unknown_lesson_is_named(course, capsys):
    assert run(course, "--only", "99") == 1
    assert "no such lesson. There are 03_fake" in capsys.readouterr().err


def test_a_learners_work_is_kept(course, capsys):
    path = course / "exercises/03_fake.ipynb"
    change(path, "y = ...", "y = 2 * x")
    mine = path.read_bytes()
    assert run(course) == 0
    kept = list((course / "build/kept").iterdir())
    assert [k.read_bytes() for k in kept] == [mine]
    assert str(kept[0]) in capsys.readouterr().out
    # A notebook that nobody touched is not kept.
    shutil.rmtree(course / "build")
    change(course / "lessons/03_fake/exercises.py", "Think of two", "Think of a pair")
    assert run(course) == 0
    assert not (course / "build").exists()


@pytest.fixture
def with_exercises_only(course):
    """A second folder, which holds exercises and nothing else."""
    folder = course / "lessons/03_more"
    folder.mkdir()
    shutil.copy(course / SOURCE / "exercises.py", folder)
    return course


def test_a_folder_may_hold_exercises_only(with_exercises_only, no_running, capsys):
    course = with_exercises_only
    assert run(course, "--check") == 1
    assert "exercises/03_more.ipynb: missing" in capsys.readouterr().err
    assert run(course) == 0 and run(course, "--force", "--only", "03_more") == 0
    assert no_running == []
    assert (course / "solutions/03_more.ipynb").exists()
    assert not (course / "notebooks/03_more.ipynb").exists()
    assert run(course, "--check") == 0
    shutil.copy(course / NOTEBOOK, course / "notebooks/03_more.ipynb")
    assert run(course, "--check") == 1
    assert "notebooks/03_more.ipynb: no lesson builds this file" in capsys.readouterr().err


def test_a_folder_with_too_little_or_too_much_is_named(with_exercises_only, capsys):
    folder = with_exercises_only / "lessons/03_more"
    shutil.copy(with_exercises_only / SOURCE / "quiz.yml", folder)
    assert run(with_exercises_only, "--check") == 1
    assert "03_more/quiz.yml: no lesson.py here asks it" in capsys.readouterr().err
    (folder / "exercises.py").unlink()
    assert run(with_exercises_only, "--check") == 1
    assert "03_more/: there is no lesson.py" in capsys.readouterr().err


# ---- drift -----------------------------------------------------------------------------------


def edit_json(path, edit):
    document = read(path)
    edit(document)
    path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def code_cell(document, index):
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"][index]


def plant_error(document):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    code_cell(document, 1)["outputs"].append(error)


def plant_widget(document):
    data = code_cell(document, 2)["outputs"][1]["data"]
    data["application/vnd.jupyter.widget-view+json"] = {"model_id": "a"}


NOTEBOOK, EXERCISE, SOLUTION = (
    f"{k}/03_fake.ipynb" for k in ("notebooks", "exercises", "solutions")
)
QUIZ_COPY = "gan_course/labs/quizzes/03_fake.yml"
SOURCE = "lessons/03_fake/"
DRIFTS = {
    "lesson prose": (lambda r: change(r / SOURCE / "lesson.py", "Fake", "Fak"), NOTEBOOK),
    "lesson code": (lambda r: change(r / SOURCE / "lesson.py", "more", "mor"), NOTEBOOK),
    "exercise": (lambda r: change(r / SOURCE / "exercises.py", "y = ...", "y = 0"), EXERCISE),
    "solution": (
        lambda r: change(r / SOURCE / "exercises.py", "secret = 2", "secret = 3"),
        SOLUTION,
    ),
    "quiz": (lambda r: change(r / SOURCE / "quiz.yml", "one", "two"), QUIZ_COPY),
    "quiz copy": (lambda r: change(r / QUIZ_COPY, "one", "two"), QUIZ_COPY),
    "notebook text": (lambda r: change(r / NOTEBOOK, "test the builder", "test"), NOTEBOOK),
    "cell id": (lambda r: change(r / NOTEBOOK, "lesson-03-fake-001", "a"), NOTEBOOK),
    "tag": (lambda r: change(r / NOTEBOOK, '"parameters"', '"parameter"'), NOTEBOOK),
    "fingerprint": (
        lambda r: edit_json(
            r / NOTEBOOK, lambda d: d["metadata"]["gan_course"].update(fingerprint="0")
        ),
        '"fingerprint"',
    ),
    "metadata": (
        lambda r: edit_json(r / NOTEBOOK, lambda d: d["metadata"].update(widgets={})),
        NOTEBOOK,
    ),
    "count": (
        lambda r: edit_json(r / NOTEBOOK, lambda d: code_cell(d, 0).update(execution_count=7)),
        NOTEBOOK,
    ),
    "outputs gone": (
        lambda r: edit_json(
            r / NOTEBOOK, lambda d: [c.update(outputs=[]) for c in d["cells"] if "outputs" in c]
        ),
        "no cell of this lesson shows anything",
    ),
    "error output": (lambda r: edit_json(r / NOTEBOOK, plant_error), "a stored error: ValueError"),
    "widget view": (lambda r: edit_json(r / NOTEBOOK, plant_widget), "widget-view"),
    "no alt text": (
        lambda r: edit_json(
            r / NOTEBOOK, lambda d: code_cell(d, 2)["outputs"][1].update(metadata={})
        ),
        "a picture without alternative text",
    ),
    "machine path": (
        lambda r: edit_json(
            r / NOTEBOOK, lambda d: code_cell(d, 1)["outputs"][0]["text"].append("/home/me/x")
        ),
        "a path of this machine in an output: /home/me/x",
    ),
    "outputs in exercise": (
        lambda r: edit_json(r / EXERCISE, lambda d: code_cell(d, 0).update(execution_count=1)),
        EXERCISE,
    ),
    "missing": (lambda r: (r / SOLUTION).unlink(), f"{SOLUTION}: missing"),
    "extra": (
        lambda r: shutil.copy(r / SOLUTION, r / "solutions/02_old.ipynb"),
        "solutions/02_old.ipynb: no lesson builds this file",
    ),
    "extra quiz": (
        lambda r: shutil.copy(r / QUIZ_COPY, r / "gan_course/labs/quizzes/02_old.yml"),
        "02_old.yml: no lesson has this quiz",
    ),
    "line ends": (
        lambda r: (r / EXERCISE).write_bytes((r / EXERCISE).read_bytes().replace(b"\n", b"\r\n")),
        EXERCISE,
    ),
    "outputs cut out": (
        lambda r: edit_json(r / NOTEBOOK, lambda d: code_cell(d, 1).pop("outputs")),
        "its outputs cannot be read",
    ),
    "no JSON": (lambda r: (r / NOTEBOOK).write_text("{"), NOTEBOOK),
}


def test_check_passes_after_a_build(course, capsys):
    shutil.copy(course / EXERCISE, course / "exercises/my_fake.ipynb")  # a learner's own copy
    assert run(course, "--check") == 0
    assert "1 lessons" in capsys.readouterr().out


@pytest.mark.parametrize("drift", DRIFTS)
def test_check_sees(drift, course, capsys):
    plant, expected = DRIFTS[drift]
    plant(course)
    before = files(course)
    assert run(course, "--check") == 1
    said = capsys.readouterr().err
    assert expected in said and "make notebooks" in said
    assert len(said.splitlines()) < 100 and max(map(len, said.splitlines())) < 200
    assert files(course) == before, "--check wrote something"


def test_diff_shows_both_sides(course, capsys):
    change(course / SOURCE / "exercises.py", "Think of two", "Think of a pair")
    run(course, "--check")
    said = capsys.readouterr().err
    assert '-    "Think of two.\\n",' in said and '+    "Think of a pair.\\n",' in said


def test_diff_of_changed_code_is_not_buried_in_outputs(course, capsys):
    change(course / SOURCE / "lesson.py", 'print("more")', 'print("less")')
    run(course, "--check")
    said = capsys.readouterr().err
    assert '-    "print(\\"more\\")"' in said and '+    "print(\\"less\\")"' in said
    assert "iVBOR" not in said and "steps 3" not in said


# ---- errors in the sources -------------------------------------------------------------------

BAD_SOURCES = {
    "end missing": (
        "exercises.py",
        "    ### END SOLUTION\n",
        "",
        ":28: ### BEGIN SOLUTION without",
    ),
    "begin missing": ("exercises.py", "    ### BEGIN SOLUTION\n", "", "belongs between"),
    "nested": (
        "exercises.py",
        "    secret = 2\n",
        "    ### BEGIN SOLUTION\n",
        ":31: ### BEGIN SOLUTION inside",
    ),
    "sloppy marker": (
        "exercises.py",
        "### BEGIN SOLUTION",
        "## begin solution",
        ":28: write the marker exactly",
    ),
    "top level": (
        "exercises.py",
        'print("check", double)',
        "### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
        "a solution outside a function needs a line like",
    ),
    "stub not Python": ("exercises.py", "# STUB: return y", "# STUB: return (", "not Python"),
    "no exercise tag": ("exercises.py", ' tags=["exercise"]', "", "tagged exercise holds"),
    "no check": ("exercises.py", ' tags=["check"]', "", ":8: task 1 has no cell tagged check"),
    "unknown tag": ("exercises.py", '"check"', '"chekc"', ":36: unknown tag 'chekc'"),
    "raising": ("lesson.py", '"nbval-check-output"', '"raises-exception"', ":9: papermill stops"),
    "bad tags": ("lesson.py", '["parameters"]', "[parameters]", ":6: cannot read the tags"),
    "bad header": ("lesson.py", "# %% tags", "# %% A title tags", ":6: cannot read the cell"),
    "no title": ("lesson.py", "# # 03 · Fake", "# Fake", ":2: no title"),
    "no objectives": ("lesson.py", "**After this lesson you can**", "Let us", "no objectives"),
    "markdown": ("lesson.py", "# **After", "**After", ":4: a line of a markdown cell starts"),
    "empty cell": ("lesson.py", "STEPS = 3\n", "", ":6: an empty cell"),
    "text first": ("lesson.py", "# %% [markdown]\n", "x = 1\n# %% [markdown]\n", ":1: text before"),
    "not Python": ("lesson.py", 'print("more")', 'print("more"', "not Python"),
    "no parameters": (
        "lesson.py",
        'tags=["parameters"]\nSTEPS = 3',
        "\nTrainer(TrainConfig())",
        ":7: this lesson trains, so it needs a cell tagged parameters",
    ),
    "long cell": ("lesson.py", "STEPS = 3", "x = 1\n" * 41, ":7: 41 lines of code in one cell"),
    "solution in lesson": ("lesson.py", "STEPS = 3", "### BEGIN SOLUTION", "belong into exercises"),
    "picture": ("lesson.py", "test the builder", "see ![](a.png)", "an image without a text"),
    "no card": ("exercises.py", "**Difficulty**", "Difficulty", ":8: task 1 has no card"),
    "one hint": ("exercises.py", "Hint 2", "More", "task 1 needs at least two hints"),
    "open details": ("exercises.py", "</details>", "", "a <details> that is not closed"),
    "wrong number": ("exercises.py", "Task 1", "Task 2", ":8: this is task 1"),
    "bad task title": ("exercises.py", "Task 1 ·", "Task 1:", "write a task's title as"),
}


@pytest.mark.parametrize("mistake", BAD_SOURCES)
def test_mistakes_in_a_source_are_named_with_their_line(mistake, course, no_running, capsys):
    name, old, new, expected = BAD_SOURCES[mistake]
    change(course / SOURCE / name, old, new)
    before = files(course)
    for arguments in ([], ["--check"]):
        assert run(course, *arguments) == 1
        said = capsys.readouterr().err
        assert expected in said
        assert f"lessons/03_fake/{name}:" in said
    assert files(course) == before and no_running == []


def test_all_problems_are_named_at_once(course, capsys):
    change(course / SOURCE / "lesson.py", "# # 03 · Fake", "# Fake")
    change(course / SOURCE / "exercises.py", "Hint 2", "More")
    assert run(course, "--check") == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1 / 0", "lesson.py:7: ZeroDivisionError: division by zero"),
        ("import time\ntime.sleep(60)", "lesson.py:7: still running after 2 s"),
        ("STEPS = 3\nopen('left.txt', 'w').close()", "the lesson left left.txt in notebooks/"),
        ("import os\nos._exit(1)", "lesson.py:7: the kernel died"),
        ("STEPS = 3\nprint('/home/me/data')", "a path of this machine in an output: /home/me/data"),
    ],
    ids=["error", "hangs", "leaves a file", "dies", "prints a path"],
)
def test_a_lesson_that_fails_is_not_stored(code, expected, course, capsys):
    change(course / SOURCE / "lesson.py", "STEPS = 3", code)
    before = files(course)
    assert run(course, "--timeout", "2") == 1
    assert expected in capsys.readouterr().err
    after = {name: text for name, text in files(course).items() if not name.endswith("left.txt")}
    assert after == before


def test_a_course_without_lessons(tmp_path, capsys):
    assert run(tmp_path, "--check") == 1
    assert "no lesson folder like 01_conv2d" in capsys.readouterr().err


# ---- cleaning --------------------------------------------------------------------------------


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(data, metadata=None):
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


VIEW = {lesson_outputs.WIDGET: {"model_id": "1"}}
CLEANED = {
    "streams are merged": ([stream("a"), stream("b\n")], [stream(["ab\n"])]),
    "carriage returns": ([stream("10%\r20%\r100%\ndone\r\n")], [stream(["100%\n", "done\n"])]),
    "stderr goes": ([stream("50%|##", "stderr"), stream("a\n")], [stream(["a\n"])]),
    "addresses": ([stream("<f at 0x7f00aa11bb22>")], [stream(["<f at 0x0>"])]),
    "a small number stays": ([stream("0xff")], [stream(["0xff"])]),
    "paths": ([stream("in /t/x/progress.json")], [stream(["in ~/.gan_course/progress.json"])]),
    "a bar goes": ([shown({**VIEW, "text/plain": "  0%|    | 0/20"})], []),
    "a bare widget is named": (
        [shown({**VIEW, "text/plain": "VBox(children=(IntSlider(value=1),))"})],
        [shown({"text/plain": [lesson_outputs.LIVE_WIDGET_NOTE]})],
    ),
    "a lab keeps its picture": (
        [
            shown(
                {**VIEW, "text/plain": "a lab", "image/png": "iVBO\n"}, {"image/png": {"alt": "x"}}
            )
        ],
        [shown({"image/png": "iVBO", "text/plain": ["a lab"]}, {"image/png": {"alt": "x"}})],
    ),
    "other metadata goes": (
        [shown({"text/plain": "x"}, {"needs_background": "light"})],
        [shown({"text/plain": ["x"]})],
    ),
}


@pytest.mark.parametrize("case", CLEANED)
def test_clean(case):
    outputs, expected = CLEANED[case]
    cleaned = lesson_outputs.clean(outputs, {"/t/x": "~/.gan_course"})
    assert cleaned == expected
    assert lesson_outputs.clean(cleaned) == cleaned


# ---- the real course -------------------------------------------------------------------------


def test_check_of_the_real_course_is_quick_and_passes(capsys):
    start = time.process_time()  # what other tests do beside this one does not count
    assert run(ROOT, "--check") == 0, capsys.readouterr().err
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "path", sorted((ROOT / "lessons").glob("*/*.py")), ids=lambda p: str(p)[-30:]
)
def test_we_read_the_format_as_jupytext_does(path):
    """Jupytext is the authority on py:percent; our reader is quicker and knows line numbers."""
    jupytext = pytest.importorskip("jupytext")
    theirs = jupytext.read(
        path, fmt={"extension": ".py", "format_name": "percent", "comment_magics": False}
    ).cells
    ours = lesson_source.read_cells(path, path.name)
    assert [(c.kind, c.text, list(c.tags)) for c in ours] == [
        (cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in theirs
    ]


def test_builder_needs_nothing_of_the_package():
    for path in (ROOT / "lessons").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            assert not any(name.startswith("gan_course") for name in names), path
