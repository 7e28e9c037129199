"""What is solved is remembered, whatever happens to the file."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_course.checks import progress
from gan_course.checks.course import LESSONS


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

    def full(self, *arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress.Path, "write_text", full)
    assert "No space left" in progress.record("01_conv2d", "predict_sizes", passed=True)
    assert list(progress.load()) == ["01_conv2d/size_formula"]


def test_the_map_tells_what_is_done_and_what_is_next():
    lesson = next(x for x in LESSONS if x.tasks)
    assert f"0 of {len(lesson.tasks)} solved" in progress.summary_text()
    assert f"task 1 in exercises/{lesson.slug}" in progress.summary_text()
    for task in lesson.tasks:
        progress.record(lesson.slug, task, passed=True)
    text = progress.summary_text()
    assert f"✓ all {len(lesson.tasks)} solved" in text and lesson.title in text
    assert lesson.title in progress.table()._repr_html_()
    for lesson in LESSONS:
        for task in lesson.tasks:
            progress.record(lesson.slug, task, passed=True)
    assert "Everything is solved" in progress.summary_text()


def test_the_map_needs_no_torch():
    code = "import sys; from gan_course.checks import progress; progress.summary_text(); "
    code += "assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
