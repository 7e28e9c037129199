"""A notebook as a page: its text, its code, and what was stored below the code."""

import functools
import json
import re
from html import escape
from pathlib import Path

import yaml
from site_page import Page, code_block

# As lessons/lesson_outputs.py writes it where a widget has no picture.
LIVE_WIDGET_NOTE = "(a live widget: run this cell to use it)"
QUIZ_CALL = re.compile(r'\bquiz\("(\w+)", "(\w+)"\)')
LIVE = '<p class="live"><b>Live in JupyterLab.</b> {}</p>'
TASK_CELLS = {
    "exercise": "Your code",
    "solution": "One way to solve it",
    "check": "The check",
}


def notebook_html(page: Page) -> str:
    """The body of the page."""
    text = (page.site.root / page.source).read_text(encoding="utf-8")
    solved = page.source.startswith("solutions/")
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if solved:  # it has the exercises' own heading
                source = re.sub(r"^# Exercises\b", "# Solutions", source)
            parts.append(page.text(source))
        elif source.strip():
            tags = [tag for tag in cell["metadata"].get("tags", []) if tag in TASK_CELLS]
            if solved and tags == ["exercise"]:
                tags = ["solution"]
            label = f'<p class="label">{TASK_CELLS[tags[0]]}</p>' if tags else ""
            page.add_words(source)
            parts.append(f'<div class="cell{" task" if tags else ""}">{label}{code_block(source)}')
            parts += [_output(page, source, output) for output in cell["outputs"]]
            parts.append("</div>")
    return "\n".join(parts)


def _output(page: Page, source: str, output: dict) -> str:
    if output["output_type"] == "stream":
        return f'<pre class="printed">{escape(_joined(output["text"]))}</pre>'
    if output["output_type"] == "error":
        page.problem(f"a stored error: {output['evalue']}")
        return ""
    data = output["data"]
    if "image/png" in data:
        return _picture(page, output)
    if "text/markdown" in data:
        called = QUIZ_CALL.search(source)
        if called:
            return quiz_html(page, called[1], called[2])
        return page.text(_joined(data["text/markdown"]))
    if "text/html" in data:
        html = _joined(data["text/html"])
        page.add_words(re.sub(r"<[^>]+>", " ", html))
        return f'<div class="scroll stored">{page.with_links(html)}</div>'
    text = _joined(data.get("text/plain", ""))
    if text == LIVE_WIDGET_NOTE:
        return LIVE.format("Run this cell there to use it.")
    return f'<pre class="printed">{escape(text)}</pre>'


def _picture(page: Page, output: dict) -> str:
    known = output.get("metadata", {}).get("image/png", {})
    alt = known.get("alt", "").strip()
    if not alt:
        page.problem("a picture without alternative text")
    address, width, height = page.site.picture(_joined(output["data"]["image/png"]))
    if "width" in known:  # it is stored larger, to be sharp
        width, height = known["width"], round(height * known["width"] / width)
    image = f'<img src="{page.to(address)}" alt="{escape(alt)}" width="{width}" height="{height}">'
    # A cell ends with a lab, so that a lab is the cell's result; other pictures are displayed.
    if output["output_type"] == "execute_result":
        note = LIVE.format("This is a still picture of the lab; there you move it yourself.")
        return f'<figure class="lab">{note}{image}</figure>'
    return f"<figure>{image}</figure>"


def quiz_html(page: Page, lesson: str, part: str) -> str:
    """The questions as text, each with its answers explained in a fold."""
    questions = read_quiz(page.site.root / "lessons" / lesson / "quiz.yml")[part]
    parts = ['<section class="quiz" aria-label="Quiz">']
    for number, question in enumerate(questions, start=1):
        parts.append(page.text(f"**{number}.** {question['question']}"))
        parts.append('<ul class="choices">')
        for choice in question["choices"]:
            parts.append(f"<li>{page.line(choice['text'])}</li>")
        parts.append("</ul><details><summary>The answer, explained</summary><ul>")
        for choice in question["choices"]:
            mark = "✓ Right" if choice.get("correct") else "✗ No"
            kind = "right" if choice.get("correct") else "wrong"
            explained = f"**{choice['text']}**: {choice['explain']}"
            parts.append(f'<li class="{kind}"><b>{mark}.</b> {page.line(explained)}</li>')
        parts.append("</ul></details>")
    return "\n".join([*parts, "</section>"])


@functools.cache
def read_quiz(path: Path) -> dict[str, list[dict]]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
