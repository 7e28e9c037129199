"""Every term of the course in English, Japanese and Chinese, and where it stands in the code."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import ipywidgets as widgets
import yaml
from traitlets import HasTraits, Unicode

from gan_course.labs.base import TEXT, WIDGET

PACKAGE = Path(__file__).parent.parent
NAME = "display:inline-block;min-width:5em"  # else the table gives these a character or two a line
PLACE = "display:block;margin-top:3px;overflow-wrap:anywhere"  # below: a column more would be cut
HEAD = ("term", "日本語", "中文", "what it is, its lesson and its line of code")


@dataclass(frozen=True)
class Term:
    """One term. ``lesson`` is the slug of the lesson that explains it; ``file`` lies below
    ``gan_course/``, and ``line`` is what stands there. Its number is not kept: it would be another
    one after each change above it, and a stored notebook would lead to the wrong place."""

    name: str
    japanese: str
    chinese: str
    meaning: str
    lesson: str
    file: str
    line: str


@cache
def terms() -> tuple[Term, ...]:
    """All of them, by the alphabet of their English names."""
    entries = yaml.safe_load((PACKAGE / "labs" / "glossary.yml").read_text(encoding="utf-8"))
    found = []
    for entry in entries:
        file, _, part = entry["code"].partition(": ")
        names = (entry["term"], entry["ja"], entry["zh"], entry["is"])
        found.append(Term(*names, entry["lesson"], file, _find(file, part)))
    return tuple(sorted(found, key=lambda term: term.name.casefold()))


def _find(file: str, part: str) -> str:
    """The first line of the file that holds the part."""
    for line in (PACKAGE / file).read_text(encoding="utf-8").splitlines():
        if part in line:
            return line.strip()
    raise LookupError(f"gan_course/{file} has no line with {part!r}; mend labs/glossary.yml.")


def search(query: str) -> tuple[Term, ...]:
    """The terms that have every word of the query in their names, meaning or lesson.

    Upper and lower case are one, and so are full and half width (Ｇ and G).
    """
    words = _folded(query).split()
    return tuple(
        term
        for term in terms()
        if all(
            word in _folded(f"{term.name} {term.japanese} {term.chinese} {term.meaning} ")
            or term.lesson.startswith(word)
            for word in words
        )
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def as_html(found: tuple[Term, ...], root: str = "..") -> str:
    """A table with links. ``root`` is the way from the page to the top folder of the course."""
    if not found:
        return f'<p style="{TEXT}">No term has these words. Try a shorter one.</p>'
    rows = []
    for term in found:
        notebook = f"{root}/notebooks/{term.lesson}.ipynb"
        code = f"{root}/gan_course/{term.file}"
        cells = (
            f"<b>{escape(term.name)}</b>",
            f'<span lang="ja" style="{NAME}">{escape(term.japanese)}</span>',
            f'<span lang="zh" style="{NAME}">{escape(term.chinese)}</span>',
            f'{escape(term.meaning)}<span style="{PLACE}">'
            f'<a href="{escape(notebook)}">lesson {escape(term.lesson[:2])}</a> · '
            f'<a href="{escape(code)}">{escape(term.file)}</a> '
            f'<code style="white-space:normal">{escape(_short(term.line))}</code></span>',
        )
        left = "text-align:left;vertical-align:top;white-space:normal"
        rows.append("<tr>" + "".join(f'<td style="{left}">{cell}</td>' for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in HEAD)
    return (
        f'<table style="border-collapse:collapse;line-height:1.45"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _short(line: str, most: int = 44) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


class Glossary(HasTraits):
    """A box to type in, and the terms that fit below it. Without a browser: the whole table.

    Attributes (traits):
        query: words to look for, in any of the three languages; empty for all.
    """

    query = Unicode("")

    def __init__(self, query: str = "") -> None:
        super().__init__(query=query)
        # An Output, not an HTML widget: JupyterLab makes links to files work in outputs only.
        self._table = widgets.Output()
        self._count = widgets.HTML()
        self._show()
        self.observe(lambda change: self._show(), names="query")

    def found(self) -> tuple[Term, ...]:
        """The terms that the query leaves."""
        return search(self.query)

    def _show(self) -> None:
        found = self.found()
        data = {"text/html": as_html(found), "text/plain": ", ".join(t.name for t in found)}
        self._table.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)
        count = f"{len(found)} of {len(terms())} terms"
        self._count.value = f'<p role="status" style="{TEXT}">{count}</p>'

    def ui(self) -> widgets.Widget:
        """The box, the count and the table."""
        box = widgets.Text(description="search", placeholder="collapse, 畳み込み, 梯度 …")
        widgets.link((self, "query"), (box, "value"))
        return widgets.VBox([box, self._count, self._table])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        found = self.found()
        live = self.ui()._repr_mimebundle_()
        text = ", ".join(term.name for term in found)
        return {"text/plain": text, "text/html": as_html(found), WIDGET: live[WIDGET]}
