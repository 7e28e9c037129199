"""Read a lesson's sources: cells with their line numbers, stubs and solutions, and the house rules.

The sources are jupytext's py:percent format, of which this reads the part that the lessons use:
``# %%`` and ``# %% [markdown]`` headers with ``tags=[...]``. Reading it here and not with jupytext
gives each error its line, and lets ``build.py --check`` answer at once; a test compares the two.
"""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

TAGS = {
    "parameters",
    "nbval-check-output",
    "nbval-ignore-output",
    "exercise",
    "solution",
    "check",
}
MAX_CODE_LINES = 40
DEFAULT_STUB = 'raise NotImplementedError("Your turn: replace this line.")'

HEADER = re.compile(r"# %%(?: \[(?P<kind>\w+)\])?(?: tags=(?P<tags>\[.*\]))?$")
MARKER = re.compile(r"(?P<indent>\s*)### (?P<which>BEGIN|END) SOLUTION\s*$")
ALMOST_MARKER = re.compile(r"\s*#.*\b(begin|end)[ _]solution\b", re.IGNORECASE)
STUB_LINE = re.compile(r"\s*# STUB:(?: (?P<code>.*))?$")
TASK = re.compile(r"## Task (?P<number>\d+) · (?P<title>\S.*)")
CARD = re.compile(
    r"\*\*Difficulty\*\* [●○]{5} · \*\*Time\*\* about \d+ minutes? · \*\*You need\*\* \S.*"
)
OBJECTIVES = re.compile(r"after this lesson|you can\b|you will\b|objectives", re.IGNORECASE)
TRAINS = re.compile(r"\bTrainConfig\(|\bTrainer\(|\bLiveTraining\(|\btraining_step\(")


class LessonError(Exception):
    """Something in a lesson's source that its author can mend; the message says where and how."""


@dataclass(frozen=True)
class Cell:
    kind: str  # "markdown" or "code"
    text: str
    tags: tuple[str, ...]
    place: str  # "lessons/01_conv2d/lesson.py:12", the line of its first line of text
    index: int  # its place in the source, which its id in every notebook is made of


def read_cells(path: Path, name: str) -> list[Cell]:
    """Split a py:percent file into cells. ``name`` is how errors call the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"# ?%%", line)]
    if not starts:
        raise LessonError(f"{name}:1: no cell in this file. Start one with `# %% [markdown]`.")
    for i, line in enumerate(lines[: starts[0]]):
        if line.strip():
            raise LessonError(f"{name}:{i + 1}: text before the first cell. Put `# %%` above it.")
    cells = []
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
        kind, tags = _read_header(lines[start], f"{name}:{start + 1}")
        body = lines[start + 1 : end]
        while body and not body[-1].strip():
            body.pop()
        first = start + 2
        while body and not body[0].strip():
            body.pop(0)
            first += 1
        if not body:
            raise LessonError(f"{name}:{start + 1}: an empty cell. Fill it or take it out.")
        if kind == "markdown":
            body = [_uncomment(line, f"{name}:{first + i}") for i, line in enumerate(body)]
        cells.append(Cell(kind, "\n".join(body), tags, f"{name}:{first}", index))
    return cells


def _read_header(line: str, place: str) -> tuple[str, tuple[str, ...]]:
    match = HEADER.match(line.rstrip())
    if match is None or match["kind"] not in (None, "markdown"):
        raise LessonError(
            f"{place}: cannot read the cell header {line!r}. "
            'Write `# %%` or `# %% [markdown]`, then tags=["..."] if it has any.'
        )
    try:
        tags = json.loads(match["tags"] or "[]")
    except json.JSONDecodeError:
        raise LessonError(
            f'{place}: cannot read the tags in {line!r}. Write tags=["one", "two"].'
        ) from None
    for tag in tags:
        if tag == "raises-exception":
            raise LessonError(
                f"{place}: papermill stops at every error, so no cell may be left to raise. "
                "Catch the error in the cell and print it."
            )
        if tag not in TAGS:
            raise LessonError(f"{place}: unknown tag {tag!r}. Known are {', '.join(sorted(TAGS))}.")
    return match["kind"] or "code", tuple(tags)


def _uncomment(line: str, place: str) -> str:
    if line.startswith("# "):
        return line[2:]
    if line.strip() in ("#", ""):
        return ""
    raise LessonError(f"{place}: a line of a markdown cell starts with `# `, this one is {line!r}.")


def split_solution(cell: Cell) -> tuple[str, str]:
    """The two faces of an exercise cell: (stub, solution)."""
    stub: list[str] = []
    solved: list[str] = []
    given: list[str] = []  # the STUB lines of the region we are in
    begin: int | None = None  # the line at which that region began, None outside
    for number, line in enumerate(cell.text.split("\n")):
        place = _shift(cell.place, number)
        marker = MARKER.match(line)
        if marker and marker["which"] == "BEGIN":
            if begin is not None:
                raise LessonError(f"{place}: ### BEGIN SOLUTION inside another solution.")
            begin, given, indent = number, [], marker["indent"]
        elif marker:
            if begin is None:
                raise LessonError(f"{place}: ### END SOLUTION without a ### BEGIN SOLUTION.")
            if not given and not indent:
                raise LessonError(
                    f"{_shift(cell.place, begin)}: a solution outside a function needs a line like "
                    "`# STUB: answer = ...`, or the untouched notebook would stop with an error."
                )
            stub += [(indent + code).rstrip() for code in given or [DEFAULT_STUB]]
            begin = None
        elif ALMOST_MARKER.match(line):
            raise LessonError(
                f"{place}: write the marker exactly as `### BEGIN SOLUTION` or `### END SOLUTION`, "
                f"not {line.strip()!r}; the solution would show in the exercise."
            )
        elif STUB_LINE.match(line):
            if begin is None:
                raise LessonError(f"{place}: `# STUB:` belongs between the solution's markers.")
            given.append(STUB_LINE.match(line)["code"] or "")
        else:
            solved.append(line)
            if begin is None:
                stub.append(line)
    if begin is not None:
        raise LessonError(
            f"{_shift(cell.place, begin)}: ### BEGIN SOLUTION without an ### END SOLUTION."
        )
    for face, text in (("stub", stub), ("solution", solved)):
        _check_syntax("\n".join(text), f"{cell.place}: the {face} of this cell")
    return "\n".join(stub), "\n".join(solved)


def exercise_faces(cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells of exercises.py as a learner gets them, and solved."""
    stubs, solutions = [], []
    for cell in cells:
        stub, solved = cell.text, cell.text
        if cell.kind == "code":
            stub, solved = split_solution(cell)
        if "solution" not in cell.tags:
            stubs.append(Cell(cell.kind, stub, cell.tags, cell.place, cell.index))
        solutions.append(Cell(cell.kind, solved, cell.tags, cell.place, cell.index))
    return stubs, solutions


def check_lesson(cells: list[Cell], name: str) -> list[str]:
    """What in a lesson.py breaks the house rules, one sentence each."""
    problems = _check_any(cells, name)
    opening = "\n".join(cell.text for cell in cells[:3] if cell.kind == "markdown")
    if not OBJECTIVES.search(opening):
        problems.append(
            f"{name}:1: no objectives: say at the top what a reader can do after this lesson."
        )
    for cell in cells:
        if cell.kind == "code" and any(map(ALMOST_MARKER.match, cell.text.split("\n"))):
            problems.append(f"{cell.place}: solutions belong into exercises.py, not into a lesson.")
        for tag in {"exercise", "solution"} & set(cell.tags):
            problems.append(f"{cell.place}: the tag {tag!r} belongs into exercises.py.")
    parameters = [cell for cell in cells if "parameters" in cell.tags]
    trains = [cell for cell in cells if cell.kind == "code" and TRAINS.search(cell.text)]
    if len(parameters) > 1:
        problems.append(f"{parameters[1].place}: a second cell tagged parameters; keep one.")
    if trains and not parameters:
        problems.append(
            f"{trains[0].place}: this lesson trains, so it needs a cell tagged parameters, "
            "which sets how long."
        )
    return problems


def check_exercises(cells: list[Cell], name: str) -> list[str]:
    """What in an exercises.py breaks the house rules, one sentence each."""
    problems = _check_any(cells, name)
    tasks: list[list[Cell]] = []
    inside = False
    for cell in cells:
        first = cell.text.split("\n")[0]
        if cell.kind == "markdown" and TASK.match(first):
            tasks.append([])
            inside = True
        elif cell.kind == "markdown" and re.match(r"#+ *task\b", first, re.IGNORECASE):
            problems.append(f"{cell.place}: write a task's title as `## Task 3 · Title`.")
        elif cell.kind == "markdown" and re.match(r"##? ", first):
            inside = False
        if inside:
            tasks[-1].append(cell)
        if cell.kind == "code" and ("### BEGIN" in cell.text) != ("exercise" in cell.tags):
            problems.append(
                f"{cell.place}: a cell tagged exercise holds a solution between markers, "
                "and no other cell does."
            )
    if not tasks:
        problems.append(f"{name}:1: no task: its title reads `## Task 1 · Title`.")
    for number, task in enumerate(tasks, start=1):
        problems += _check_task(number, task)
    return problems


def _check_task(number: int, task: list[Cell]) -> list[str]:
    problems = []
    place = task[0].place
    lines = [line for line in task[0].text.split("\n") if line.strip()]
    if int(TASK.match(lines[0])["number"]) != number:
        problems.append(f"{place}: this is task {number}, its title says {lines[0]!r}.")
    if len(lines) < 2 or not CARD.match(lines[1]):
        problems.append(
            f"{place}: task {number} has no card below its title: `**Difficulty** ●●○○○ · "
            "**Time** about 10 minutes · **You need** ...`."
        )
    prose = "\n".join(cell.text for cell in task if cell.kind == "markdown")
    hints = re.findall(r"<summary>\s*Hint (\d+)", prose)
    if len(hints) < 2 or hints != [str(i) for i in range(1, len(hints) + 1)]:
        problems.append(
            f"{place}: task {number} needs at least two hints, numbered from 1: "
            f"`<details><summary>Hint 1</summary>`. It has {hints}."
        )
    if prose.count("<details") != prose.count("</details>"):
        problems.append(f"{place}: task {number} has a <details> that is not closed.")
    for tag in ("exercise", "check"):
        if not any(tag in cell.tags for cell in task):
            problems.append(f"{place}: task {number} has no cell tagged {tag}.")
    return problems


def _check_any(cells: list[Cell], name: str) -> list[str]:
    problems = []
    if cells[0].kind != "markdown" or not re.match(r"# \S", cells[0].text):
        problems.append(f"{cells[0].place}: no title: the first cell starts with `# # Title`.")
    for cell in cells:
        length = cell.text.count("\n") + 1
        if cell.kind == "markdown":
            if "![](" in cell.text:
                problems.append(f"{cell.place}: an image without a text: write ![what it shows].")
            continue
        if length > MAX_CODE_LINES:
            problems.append(
                f"{cell.place}: {length} lines of code in one cell, at most {MAX_CODE_LINES} fit: "
                "one idea a cell."
            )
        try:
            _check_syntax(cell.text, cell.place)
        except LessonError as error:
            problems.append(str(error))
    return problems


def _check_syntax(text: str, place: str) -> None:
    try:
        compile(text, place, "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        raise LessonError(f"{place}: not Python: {error.msg} in {error.text!r}.") from None


def _shift(place: str, lines: int) -> str:
    """The place so many lines further down."""
    name, line = place.rsplit(":", 1)
    return f"{name}:{int(line) + lines}"
