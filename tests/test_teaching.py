"""docs/teaching.md: its minutes, tasks, commands and links are those of the course."""

import re
import shlex
from pathlib import Path

import pytest

from gan_course import cli
from gan_course.checks.course import LESSONS
from gan_course.checks.mistakes import known_mistakes

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
BY_SLUG = {lesson.slug: lesson for lesson in LESSONS}
ZOO = "09_bug_zoo"  # exercises only: its minutes are those of its tasks


def task_minutes(slug):
    """Of each task, from its card."""
    path = ROOT / "lessons" / slug / "exercises.py"
    if not path.exists():
        return []
    cards = re.findall(r"● ?.*?\*\*Time\*\* about (\d+) minutes? ", path.read_text("utf-8"))
    return [int(minutes) for minutes in cards]


def reading(slug):
    return 0 if slug == ZOO else BY_SLUG[slug].minutes


def timetables():
    """(name, rows): (part, slug, minutes, tasks, their minutes), the last row without a slug."""
    for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:4]:
        lines = [line for line in part.splitlines() if line.startswith("|")][2:]
        rows = []
        for line in lines:
            when, lesson, minutes, tasks, more = [c.strip(" *") for c in line.strip("|").split("|")]
            slug = re.search(r"/(\d\d_\w+)\.ipynb", lesson)
            numbers = [int(n) for n in re.findall(r"\d+", tasks)]
            rows.append((when, slug and slug[1], int(minutes), numbers, int(more)))
        yield part.splitlines()[0], rows


def test_there_are_three_timetables():
    assert [name for name, _ in timetables()] == ["One day", "One week", "One term"]


@pytest.mark.parametrize(("name", "rows"), list(timetables()), ids=lambda x: str(x)[:8])
def test_minutes_are_those_of_the_course(name, rows):
    for _, slug, minutes, tasks, more in rows[:-1]:
        assert minutes == reading(slug), slug
        assert len(task_minutes(slug)) == len(BY_SLUG[slug].tasks)
        assert more == sum(task_minutes(slug)[n - 1] for n in tasks), slug
    assert rows[-1][2] == sum(row[2] for row in rows[:-1])
    assert rows[-1][4] == sum(row[4] for row in rows[:-1])


def test_no_day_of_the_week_is_longer_than_five_hours():
    rows = dict(timetables())["One week"]
    days = {}
    for day, _, minutes, _, more in rows[:-1]:
        days[day] = days.get(day, 0) + minutes + more
    assert len(days) == 5 and max(days.values()) <= 300, days


def test_the_sums_over_all_lessons():
    read, worked = map(int, re.search(r"are (\d+) minutes of .*\n(\d+) minutes of", PAGE).groups())
    assert read == sum(reading(lesson.slug) for lesson in LESSONS)
    assert worked == sum(sum(task_minutes(lesson.slug)) for lesson in LESSONS)


def test_the_tasks_to_grade_exist_one_for_each_lesson():
    named = re.findall(r"^\| (\d\d_\w+) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert [slug for slug, _ in named] == [x.slug for x in LESSONS if x.tasks]
    assert all(task in BY_SLUG[slug].tasks for slug, task in named)


def test_the_columns_are_explained():
    from gan_course.checks.grading.report import COLUMNS

    table = PAGE.split("### The columns")[1].split("### ")[0]
    assert set(COLUMNS) <= set(re.findall(r"`(\w+)`", table))


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_the_commands_of_the_page_are_understood(monkeypatch):
    """Those of `gan-course`: their flags exist. What they do is tested elsewhere."""
    ran = []
    monkeypatch.setattr(cli, "run", ran.append)
    for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            cli.main(shlex.split(line)[1:])
    assert [type(command).__name__ for command in ran] == ["Grade", "Mistakes", "Mistakes"]


# ---- gan-course mistakes ----------------------------------------------------------------------


def test_at_least_120_known_mistakes_and_all_are_listed(capsys):
    known = known_mistakes()
    assert len(known) >= 120
    cli.main(["mistakes", "--markdown"])
    page = capsys.readouterr().out
    assert page.count("\n- *") == len(known)
    assert f"{len(known)} known mistakes in {len([x for x in LESSONS if x.tasks])} lessons." in page
    assert "|" not in page.replace("\\|", "")


def test_one_lesson_or_a_sentence(capsys):
    cli.main(["mistakes", "01"])
    text = capsys.readouterr().out
    assert "padding once: Padding is added on both sides" in text and "02_conv" not in text
    with pytest.raises(SystemExit, match="No lesson with exercises begins with '77'"):
        cli.main(["mistakes", "77"])


def test_no_sentence_of_a_task_is_part_of_another():
    """By its sentence the grading finds a mistake's name."""
    by_task = {}
    for mistake in known_mistakes():
        by_task.setdefault((mistake.lesson, mistake.task), []).append(mistake.message)
    for messages in by_task.values():
        for one in messages:
            assert sum(one in other for other in messages) == 1, one
