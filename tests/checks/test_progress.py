"""What is solved is remembered, whatever happens to the file."""

import html as html_module
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_course import files
from gan_course.checks import progress
from gan_course.checks.course import LESSONS

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))
EXERCISES = sorted(ROOT.glob("exercises/[0-9][0-9]_*.ipynb"))
TASKS = sum(len(lesson.tasks) for lesson in LESSONS)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_COURSE_HOME", str(tmp_path / "home"))


def test_passed_attempts_and_date_are_kept():
    assert progress.load() == {}
    assert progress.record("01_conv2d", "size_formula", passed=False) == ""
    progress.record("01_conv2d", "size_formula", passed=True)
    progress.record("01_conv2d", "size_formula", passed=False)  # once solved, solved
    progress.record("01_conv2d", "predict_sizes", passed=False, attempted=False)
    entry = progress.load()["01_conv2d/size_formula"]
    assert entry["attempts"] == 3 and entry["passed"].count("-") == 2
    assert list(progress.load()) == ["01_conv2d/size_formula"]


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"tasks": 3}',
            b'{"tasks": {"a": 1}}',
            b'{"tasks": {"a": {}}}',
        ),
        *(b"\0", b"\xff\xfe\x80", b"[" * 100_000),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_damaged_file_is_set_aside_and_never_lost(content):
    progress.path().parent.mkdir()
    progress.path().write_bytes(content)
    assert progress.record("01_conv2d", "size_formula", passed=True) == ""
    assert list(progress.load()) == ["01_conv2d/size_formula"]
    assert progress.path().with_suffix(".json.damaged").read_bytes() == content


def test_two_damaged_files_are_both_kept():
    progress.path().parent.mkdir()
    for content in ("first", "second"):
        progress.path().write_text(content)
        assert progress.load() == {}
    kept = sorted(p.read_text() for p in progress.path().parent.glob("*.damaged*"))
    assert kept == ["first", "second"]


def test_a_file_that_cannot_be_read_is_not_written_over(monkeypatch):
    progress.record("01_conv2d", "size_formula", passed=True)
    before = progress.path().read_text()

    def unreadable(self):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(progress.Path, "read_bytes", unreadable)
        assert "Permission denied" in progress.record("01_conv2d", "predict_sizes", passed=True)
        assert progress.load() == {}
    assert progress.path().read_text() == before


def test_an_unwritable_folder_gives_a_note_and_no_error(tmp_path):
    (tmp_path / "home").write_text("a file where the folder should be")
    note = progress.record("01_conv2d", "size_formula", passed=True)
    assert "could not be saved" in note
    assert progress.load() == {}


def test_no_home_folder_is_no_error(monkeypatch):
    monkeypatch.delenv("GAN_COURSE_HOME")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(progress.Path, "home", homeless)
    assert "could not be saved" in progress.record("01_conv2d", "size_formula", passed=True)
    assert "00" in progress.summary_text()


def test_many_at_once_never_leave_a_broken_file():
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: progress.record("01_conv2d", f"task{i % 3}", True), range(60)))
    tasks = json.loads(progress.path().read_text())["tasks"]
    assert [tasks[f"01_conv2d/task{i}"]["attempts"] for i in range(3)] == [20, 20, 20]
    assert not list(progress.path().parent.glob("*.damaged"))


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks of this kind")
def test_two_notebooks_at_once_lose_nothing():
    code = "from gan_course.checks import progress as p\n"
    code += "for i in range(40): p.record('01_conv2d', 'size_formula', True)"
    notebooks = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [notebook.wait() for notebook in notebooks] == [0, 0, 0]
    assert progress.load()["01_conv2d/size_formula"]["attempts"] == 120
    assert not list(progress.path().parent.glob("*.part"))


def test_a_full_disk_leaves_the_old_file_and_a_note(monkeypatch):
    progress.record("01_conv2d", "size_formula", passed=True)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert "No space left" in progress.record("01_conv2d", "predict_sizes", passed=True)
    assert list(progress.load()) == ["01_conv2d/size_formula"]


def solve(lesson, tasks):
    for task in tasks:
        progress.record(lesson.slug, task, passed=True)


def rows_of(html):
    """The links of each row of the map, by the row's first two cells."""
    return {
        re.sub("<[^>]*>", "", row).replace("\n", ""): re.findall('href="([^"]+)"', row)
        for row in re.findall("<tr>(.*?)</tr>", html)
    }


def test_without_any_progress_the_map_begins_at_lesson_00():
    text = progress.summary_text(80)
    assert f"Solved: 0 of {TASKS} exercises." in text
    assert "Next lesson: 00 · Start here, 15 minutes, in notebooks/00_start_here.ipynb" in text
    assert "Next task: 1 of 7, predict_sizes, in exercises/01_conv2d.ipynb" in text
    reading = sum(x.minutes for x in LESSONS)
    exercises = sum(x.exercise_minutes for x in LESSONS)
    assert progress.table().minutes_left() == (reading, exercises)
    assert f"{(reading + exercises) / 60:.0f} hours" in text
    assert "Not counted" not in text


def test_a_lesson_half_done_is_told_from_one_not_begun_and_one_done():
    first, second = LESSONS[1], LESSONS[2]
    solve(first, first.tasks)
    solve(second, [second.tasks[0], second.tasks[2]])
    progress.record(second.slug, second.tasks[1], passed=False)
    text, html = progress.summary_text(100), progress.table()._repr_html_()
    for said in (text, html):
        assert f"✓ all {len(first.tasks)} solved" in said
        assert "●◐●○○○" in said and "2 of 6, 1 tried" in said
        assert f"0 of {len(LESSONS[3].tasks)} solved" in said
    # The next task is the one that was tried; the next lesson one of which nothing was tried.
    assert "Next task: 2 of 6, size_formula, in exercises/02_conv_transpose2d.ipynb" in text
    assert "Next lesson: 03 · Activations, 45 minutes, in notebooks/03_activations.ipynb" in text
    [row] = [row for row in rows_of(html) if "next" in row]
    assert second.title in row
    before = sum(x.minutes for x in LESSONS), sum(x.exercise_minutes for x in LESSONS)
    reading, exercises = progress.table().minutes_left()
    assert reading == before[0] - sum(x.minutes for x in LESSONS[:3])
    assert exercises == before[1] - first.exercise_minutes - second.exercise_minutes * 2 / 6


def test_terminal_and_table_say_the_same():
    solve(LESSONS[1], LESSONS[1].tasks[:2])
    html = html_module.unescape(re.sub("<[^>]*>", "", progress.table()._repr_html_()))
    lines = [str(line) for line in progress.table().lines()]
    assert len(lines) == 4
    text = " ".join(progress.summary_text(60).split())
    for line in lines:
        assert line in html and line in text


def test_the_map_has_the_zoo_and_the_appendices_and_links_to_everything():
    html = progress.table()._repr_html_()
    links = [link for row in rows_of(html).values() for link in row]
    files = {f"../{p.parent.name}/{p.name}" for p in (*NOTEBOOKS, *EXERCISES)}
    assert set(links) == files and len(links) == len(files)  # each once
    [zoo] = [links for row, links in rows_of(html).items() if "bug zoo" in row]
    assert zoo == ["../exercises/09_bug_zoo.ipynb"]
    for said in (html, progress.summary_text(60)):
        assert "at any time" in said and "90" in said and "91" in said and "zoo" in said
    # Colours are the theme's, so that they suit light and dark.
    assert "color" not in html and "background" not in html


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_map_fits_the_terminal(columns):
    for lesson in LESSONS:
        solve(lesson, lesson.tasks[:-1])
        for task in lesson.tasks[-1:]:
            progress.record(lesson.slug, task, passed=False)
    assert max(map(len, progress.summary_text(columns).splitlines())) <= columns


def test_all_solved_is_said_and_nothing_is_next():
    for lesson in LESSONS:
        solve(lesson, lesson.tasks)
    text = progress.summary_text(80)
    assert f"Everything is solved, all {TASKS} exercises. Well done!" in text
    assert "Next" not in text and "Left" not in text
    assert "next</b>" not in progress.table()._repr_html_()
    assert progress.table().minutes_left() == (0, 0)


def test_tasks_that_the_course_no_longer_has_are_named_and_not_counted():
    progress.record("01_conv2d", "size_formula", passed=True)
    progress.record("01_conv2d", "an_old_one", passed=True)
    progress.record("77_gone", "<b>x</b>", passed=True)
    text = progress.summary_text(200)
    assert f"Solved: 1 of {TASKS} exercises." in text
    assert "no task of this course is called so: 01_conv2d/an_old_one, 77_gone/<b>x</b>." in text
    assert "&lt;b&gt;x" in progress.table()._repr_html_()
    assert len(progress.load()) == 3  # and they stay in the file


def test_the_command_prints_the_map_and_the_same_as_json(capsys, monkeypatch):
    from gan_course import cli

    monkeypatch.setenv("COLUMNS", "60")
    solve(LESSONS[1], LESSONS[1].tasks[:2])
    cli.run(cli.Progress())
    assert capsys.readouterr().out == progress.summary_text(60) + "\n"
    cli.run(cli.Progress(json=True))
    said = json.loads(capsys.readouterr().out)
    assert said["next_task"] == "01_conv2d/choose_layer"
    assert said["next_lesson"] == "02_conv_transpose2d"
    assert said["lessons"][1]["tasks"]["size_formula"] == "solved"
    assert said["lessons"][-1]["slug"] == "91_gan_in_keras"


def test_the_map_needs_no_torch():
    code = "import sys; from gan_course.checks import progress; progress.summary_text(); "
    code += "assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
