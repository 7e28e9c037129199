"""A learner can walk from the first notebook to the last, and always knows where they are."""

import json
import re
from pathlib import Path

import pytest

from gan_course.checks.course import APPENDICES, LESSONS

ROOT = Path(__file__).parent.parent
EVERY = (*LESSONS, *APPENDICES)
READ = tuple(lesson for lesson in EVERY if lesson.minutes)  # those with a lesson to read
WITH_TASKS = tuple(lesson for lesson in LESSONS if lesson.tasks)
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
NUMBERS = "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


def by_slug(lessons):
    return pytest.mark.parametrize("lesson", lessons, ids=lambda lesson: lesson.slug)


def markdown(folder, slug):
    """The text cells of a notebook, in order."""
    document = json.loads((ROOT / folder / f"{slug}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "markdown"]
    return ["".join(cell["source"]) for cell in cells]


def links(text):
    return [match["target"] for match in LINK.finditer(text)]


def paragraph(text, start):
    """The part of a text from ``**start`` to the next empty line; empty if there is none."""
    match = re.search(rf"\*\*{start}\b.*?(?=\n\n|\Z)", text, re.DOTALL)
    return " ".join(match[0].split()) if match else ""


# ---- what there is -----------------------------------------------------------------------------


def test_the_map_of_the_package_is_the_course():
    assert [lesson.slug for lesson in READ] == sorted(
        p.stem for p in ROOT.glob("notebooks/[0-9][0-9]_*.ipynb")
    )
    for folder in ("exercises", "solutions"):
        built = sorted(p.stem for p in ROOT.glob(f"{folder}/[0-9][0-9]_*.ipynb"))
        assert sorted(lesson.slug for lesson in WITH_TASKS) == built


@by_slug(READ)
def test_title_and_minutes_agree_with_the_package_and_the_readme(lesson):
    opening = markdown("notebooks", lesson.slug)[0]
    assert opening.startswith(f"# {lesson.number} · {lesson.title}\n")
    [minutes] = re.findall(r"\*\*Time\*\* about (\d+) minutes", opening)
    assert int(minutes) == lesson.minutes
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| \[.*\]\(notebooks/{lesson.slug}\.ipynb\).*$", readme, re.MULTILINE)
    assert row.endswith(f"| {lesson.minutes} |")


def test_the_readme_has_the_minutes_of_exercises_that_stand_alone():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        if not lesson.minutes:
            [row] = re.findall(rf"^\| \[.*\]\(exercises/{lesson.slug}\.ipynb\).*$", readme, re.M)
            assert row.endswith(f"| {lesson.exercise_minutes} |")


# ---- how a lesson begins and ends --------------------------------------------------------------


@by_slug(READ)
def test_a_lesson_begins_with_objectives_time_and_what_it_builds_on(lesson):
    opening = markdown("notebooks", lesson.slug)[0]
    what = "With this appendix" if lesson in APPENDICES else "After this lesson"
    objectives = paragraph(opening, f"{what} you can")
    assert len(objectives.split()) >= 15, "say what one can do, not only that one can"
    times = paragraph(opening, "Time")
    assert " · **Builds on** " in times and " · **Needs** " in times
    builds_on = times.split("**Builds on**")[1].split("· **Needs**")[0]
    targets = links(builds_on)
    if lesson.number in ("00", "90"):
        assert "nothing" in builds_on and not targets
        return
    known = {f"{each.slug}.ipynb": each for each in READ}
    assert targets
    for match in LINK.finditer(builds_on):
        earlier = known[match["target"]]
        assert earlier.number < lesson.number, "a lesson builds on what was before it"
        assert match["text"].startswith(f"{earlier.number} · ")


@by_slug(READ)
def test_a_lesson_ends_with_summary_exercises_and_the_next_one(lesson):
    ending = markdown("notebooks", lesson.slug)[-1]
    assert ending.startswith("## Summary\n") or "\n## Summary\n" in ending
    now_you = paragraph(ending, "Now you")
    following = READ[READ.index(lesson) + 1] if lesson is not READ[-1] else None
    if lesson.tasks:
        assert links(now_you)[0] == f"../exercises/{lesson.slug}.ipynb"
        count = NUMBERS.split()[len(lesson.tasks)]
        assert f"{count} tasks" in now_you, f"say that there are {count} tasks"
    if following is None:
        assert links(paragraph(ending, "Back")) == ["00_start_here.ipynb"]
    else:
        assert links(paragraph(ending, "Next"))[0] == f"{following.slug}.ipynb"


def test_the_links_called_next_are_one_chain():
    """From 00, always on to the next, through every lesson, in number order, to the last."""
    walked = ["00_start_here"]
    while following := paragraph(markdown("notebooks", walked[-1])[-1], "Next"):
        walked.append(Path(links(following)[0]).stem)
        assert len(walked) <= len(READ), f"a circle: {walked}"
    assert walked == [lesson.slug for lesson in READ]
    assert walked[-3:] == ["16_your_own_images", "90_glossary_and_gallery", "91_gan_in_keras"]


# ---- exercises and solutions -------------------------------------------------------------------


@by_slug(WITH_TASKS)
def test_exercises_begin_with_objectives_time_and_a_way_back(lesson):
    opening = markdown("exercises", lesson.slug)[0]
    assert opening.startswith(f"# Exercises {lesson.number} · ")
    assert re.search(r"\*\*After these you (can|have)\*\*", opening)
    times = paragraph(opening, "Time")
    [minutes] = re.findall(r"\*\*Time\*\* about (\d+) minutes in all", times)
    assert int(minutes) == lesson.exercise_minutes
    home = lesson.slug if lesson.minutes else "09_failure_modes"
    assert f"../notebooks/{home}.ipynb" in links(times.split("**Builds on**")[1])
    assert f"../solutions/{lesson.slug}.ipynb" in links(opening)


@by_slug(WITH_TASKS)
def test_the_tasks_are_those_of_the_map_and_their_minutes_add_up(lesson):
    text = "\n".join(markdown("exercises", lesson.slug))
    assert len(re.findall(r"^## Task \d+ · ", text, re.MULTILINE)) == len(lesson.tasks)
    minutes = re.findall(r"\*\*Difficulty\*\* [●○]{5} · \*\*Time\*\* about (\d+) minutes?", text)
    assert abs(sum(map(int, minutes)) - lesson.exercise_minutes) <= 5


@by_slug(WITH_TASKS)
@pytest.mark.parametrize(
    ("folder", "other"), [("exercises", "solutions"), ("solutions", "exercises")]
)
def test_exercises_and_solutions_end_with_the_ways_on(lesson, folder, other):
    ending = markdown(folder, lesson.slug)[-1]
    expected = [f"../{other}/{lesson.slug}.ipynb"]
    if lesson.minutes:
        expected.append(f"../notebooks/{lesson.slug}.ipynb")
    later = [each for each in READ if each.number > lesson.number]
    expected.append(f"../notebooks/{later[0].slug}.ipynb")
    assert links(ending) == expected


@by_slug(WITH_TASKS)
def test_exercises_end_with_the_map(lesson):
    document = json.loads((ROOT / "exercises" / f"{lesson.slug}.ipynb").read_text("utf-8"))
    last = [cell for cell in document["cells"] if cell["cell_type"] == "code"][-1]
    assert "".join(last["source"]).endswith("progress.table()")


# ---- every link within the course --------------------------------------------------------------


def slug_of_heading(heading):
    """As JupyterLab makes it: the text of a heading with a dash for each space."""
    return re.sub(r"[*`]", "", heading).strip().replace(" ", "-")


def test_no_link_within_the_course_is_dead():
    dead, count = [], 0
    for folder in ("notebooks", "exercises", "solutions"):
        for path in sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb")):
            for text in markdown(folder, path.stem):
                for target in links(text):
                    if re.match(r"[a-z]+:", target):
                        continue
                    count += 1
                    file, _, fragment = target.partition("#")
                    aim = (path.parent / file).resolve() if file else path
                    if not aim.exists():
                        dead.append(f"{folder}/{path.name}: {target}")
                    elif fragment and aim.suffix == ".ipynb":
                        texts = markdown(aim.parent.name, aim.stem)
                        titles = re.findall(r"^#+ (.*)$", "\n".join(texts), re.MULTILINE)
                        if fragment not in map(slug_of_heading, titles):
                            dead.append(f"{folder}/{path.name}: {target}, no such heading")
    assert dead == []
    assert count > 150


def test_the_map_in_lesson_00_is_as_the_package_draws_it():
    """Its stored output belongs to somebody who has solved nothing yet."""
    from gan_course.checks.course_map import Map

    document = json.loads((ROOT / "notebooks/00_start_here.ipynb").read_text("utf-8"))
    [output] = [
        output["data"]
        for cell in document["cells"]
        for output in cell.get("outputs", [])
        if "progress.table()" in "".join(cell["source"]) and "data" in output
    ]
    fresh = Map(dict)
    assert "".join(output["text/html"]) == fresh._repr_html_()
    assert "".join(output["text/plain"]) == str(fresh)
