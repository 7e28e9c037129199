"""The last cell of exercises and solutions: where to go from there. Written here, once for all."""

import re
from pathlib import Path

from lesson_source import Cell

TITLE = re.compile(r"# # (?P<title>\d\d · [^:\n]+)")


def links_cell(kind: str, folder: Path, folders: list[Path], last: Cell) -> Cell:
    """What comes behind the ``last`` cell of the source, in the exercises ("exercise") or in the
    solutions ("solution"): the way to the other of the two, back to the lesson, and to the next
    lesson in number order."""
    slug = folder.name
    if kind == "exercise":
        parts = [f"**Compare** with [the solutions](../solutions/{slug}.ipynb)"]
    else:
        parts = [f"**Yours** are in [the exercises](../exercises/{slug}.ipynb)"]
    if (folder / "lesson.py").exists():
        parts.append(f"**Back** to [the lesson](../notebooks/{slug}.ipynb)")
    following = next_lesson(folder, folders)
    if following is not None:
        parts.append(f"**Next** [{title(following)}](../notebooks/{following.name}.ipynb)")
    return Cell("markdown", " · ".join(parts), (), f"{last.place}, after it", last.index + 1)


def next_lesson(folder: Path, folders: list[Path]) -> Path | None:
    """The first folder with a lesson and a higher number, or None."""
    later = (f for f in folders if f.name[:2] > folder.name[:2] and (f / "lesson.py").exists())
    return min(later, default=None)


def title(folder: Path) -> str:
    """For example "02 · ConvTranspose2d", from the lesson's first title, without what follows a
    colon; the folder's name if there is none."""
    text = (folder / "lesson.py").read_text(encoding="utf-8")
    match = TITLE.search(text)
    return match["title"].strip() if match else folder.name
