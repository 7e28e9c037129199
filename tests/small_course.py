"""A course of one lesson, for tests of the site: every kind of cell and of stored output once."""

import json
import struct
import zlib
from base64 import b64encode
from pathlib import Path

README = """# A small course

| lesson | what you can do after it | minutes |
|---|---|---|
| [01 One](notebooks/01_one.ipynb) | everything | 10 |
| [02 Only tasks](exercises/02_tasks.ipynb) (exercises only) | more | 20 |

Work in [`exercises/`](exercises), read [how to change it](CONTRIBUTING.md#style) and the
[code](gan/code.py) in [its folder](gan). A [site elsewhere](https://example.org/a) may be linked.

![A drawing of two rooms](docs/rooms.svg)
"""
QUIZ = """before:
  - id: first
    question: "Is `1 < 2`?"
    choices:
      - text: "No"
        explain: "Count again."
      - text: "Yes, **always**"
        correct: true
        explain: "One comes first."
"""


def png(width: int = 3, height: int = 2) -> str:
    """A grey picture, as a notebook stores it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    return b64encode(data + chunk(b"IEND", b"")).decode()


def text(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict, tags: tuple[str, ...] = ()) -> dict:
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
        "outputs": list(outputs),
    }


def shown(data: dict, kind: str = "display_data", alt: str | None = None, **size: int) -> dict:
    metadata = {"image/png": {**size, **({"alt": alt} if alt else {})}}
    return {"output_type": kind, "data": data, "metadata": metadata}


LESSON = [
    text("# 01 · One\n\nBack to [the map](../README.md#a-small-course)."),
    text("## 1. A formula\n\nSmall $a \\log D$, and\n\n$$\\frac{1}{2}$$\n\nCosts 5 $ or 6 $."),
    code("print(1 < 2)", {"output_type": "stream", "name": "stdout", "text": ["True <b>\n"]}),
    code("show(figure)", shown({"image/png": png(), "text/plain": "x"}, alt='A "grey" square.')),
    code("lab", shown({"image/png": png(6, 4)}, "execute_result", alt="A lab.", width=3)),
    code('quiz("01_one", "before")', shown({"text/markdown": "**1.** Is", "text/plain": "A quiz"})),
    code("live", shown({"text/plain": "(a live widget: run this cell to use it)"})),
    code("table", shown({"text/html": '<table><tr><td><a href="../gan/code.py">c</a></table>'})),
    text("## Summary\n\nNow the [exercises](../exercises/01_one.ipynb#Task-1)."),
]
TASKS = [
    text("# Exercises 01 · One\n\nSolved in [solutions](../solutions/01_one.ipynb)."),
    text("## Task 1\n\n<details><summary>Hint 1</summary>\n\nThink of `2`.\n\n</details>"),
    code("def two():\n    raise NotImplementedError", tags=("exercise",)),
    code("check.two(two)", tags=("check",)),
]
SOLVED = [
    TASKS[0],
    TASKS[1],
    code("def two():\n    return 2  # solved", tags=("exercise",)),
    TASKS[3],
]


def write_small_course(root: Path, lesson: list[dict] = LESSON) -> None:
    files = {
        "README.md": README,
        "CONTRIBUTING.md": "# Changing it\n\n## Style\n\nPlain.\n",
        "docs/rooms.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "docs/teaching.md": "# Teaching\n\nSee [lesson 01](../notebooks/01_one.ipynb).\n",
        "gan/code.py": "x = 1\n",
        "lessons/01_one/quiz.yml": QUIZ,
        "notebooks/01_one.ipynb": json.dumps({"cells": lesson}),
        "exercises/01_one.ipynb": json.dumps({"cells": TASKS}),
        "solutions/01_one.ipynb": json.dumps({"cells": SOLVED}),
        "exercises/02_tasks.ipynb": json.dumps({"cells": [text("# Exercises 02 · Tasks")]}),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
