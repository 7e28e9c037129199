"""Read a built site as a browser without a network would, and say what is wrong with it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

# Attributes that make a browser load something by itself.
LOADS = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("input", "src"),
    ("image", "href"),
    ("use", "href"),
}
OTHER_HOST = re.compile(r"^(?:[a-z][a-z+.-]*:)?//", re.IGNORECASE)
CSS_LOADS = re.compile(r"url\(\s*[\"']?(?!data:|#)([^\"')]+)|@import\s+([^;]+)")
SCRIPT_LOADS = re.compile(r"https?://|\bfetch\(|XMLHttpRequest|\bimport\(|WebSocket|sendBeacon")
RAW_FORMULA = re.compile(r"\$\$|\\(?:frac|text|log|sum|sigma|left|cdot|mathbb)\b")


class PageReader(HTMLParser):
    """What one page holds, links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.problems: list[str] = []
        self.headings = 0
        self.title = ""
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in ("pre", "code", "math", "title", "script", "style"):
            self._inside.append(tag)
        self.headings += tag == "h1"
        if "id" in given:
            self.ids.append(given["id"])
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"])
        if tag == "img" and not given.get("alt", "").strip():
            self.problems.append(f"a picture without alternative text: {given.get('src')}")
        if tag == "base" or (tag == "meta" and given.get("http-equiv", "").lower() == "refresh"):
            self.problems.append(f"<{tag}> would send the reader elsewhere")
        self.loads += [value for name, value in given.items() if (tag, name) in LOADS]
        self.loads += [m[1] or m[2] for m in CSS_LOADS.finditer(given.get("style", ""))]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, text: str) -> None:
        if "title" in self._inside:
            self.title += text
        elif "script" in self._inside and SCRIPT_LOADS.search(text):
            self.problems.append(f"a script that asks for something: {text.strip()[:60]}")
        elif "style" in self._inside:
            self.loads += [m[1] or m[2] for m in CSS_LOADS.finditer(text)]
        elif not self._inside and RAW_FORMULA.search(text):
            self.problems.append(f"a formula that was left as it is: {text.strip()[:60]}")


def read_page(html: str) -> PageReader:
    reader = PageReader()
    reader.feed(html)
    reader.close()
    return reader


def site_problems(folder: Path) -> list[str]:
    """Every dead link, outside request, missing alternative text; one sentence each."""
    files = {str(p.relative_to(folder).as_posix()): p for p in folder.rglob("*") if p.is_file()}
    pages = {n: read_page(p.read_text("utf-8")) for n, p in files.items() if n.endswith(".html")}
    problems, reached = [], set()
    if "index.html" not in pages:
        problems.append("index.html: missing")
    titles: dict[str, str] = {}
    for name, page in pages.items():
        problems += [f"{name}: {problem}" for problem in page.problems]
        if page.headings != 1:
            problems.append(f"{name}: {page.headings} first headings; there should be one")
        if not page.title.strip() or titles.setdefault(page.title, name) != name:
            problems.append(f"{name}: its title is missing, or another page has it: {page.title!r}")
        for id in {id for id in page.ids if page.ids.count(id) > 1}:
            problems.append(f"{name}: two elements have the id {id!r}")
        for target in page.loads:
            if OTHER_HOST.match(target):
                problems.append(f"{name}: asks another host for {target}")
            elif not target.startswith("data:") and not _found(name, target, files, pages)[0]:
                problems.append(f"{name}: loads {target}, which is not there")
        for target in page.links:
            if re.match(r"https?://|mailto:", target):
                continue
            found, place = _found(name, target, files, pages)
            reached |= {place} - {name}
            if not found:
                problems.append(f"{name}: a dead link: {target}")
    for name in sorted(set(pages) - reached - {"index.html"}):
        problems.append(f"{name}: no page links here")
    for name, path in files.items():
        if path.suffix == ".css":
            for match in CSS_LOADS.finditer(path.read_text("utf-8")):
                problems.append(f"{name}: loads {match[1] or match[2]}")
        # The words that the search looks through are data; they may name addresses.
        elif path.suffix == ".js" and path.name != "search.js":
            for match in SCRIPT_LOADS.finditer(path.read_text("utf-8")):
                problems.append(f"{name}: a script that asks for something: {match[0]}")
    return problems


def _found(
    name: str, target: str, files: dict[str, Path], pages: dict[str, PageReader]
) -> tuple[bool, str]:
    """Whether a link from the page ``name`` leads anywhere, and to which file."""
    if re.match(r"[a-z][a-z+.-]*:|/", target, re.IGNORECASE):
        return False, ""
    path, _, fragment = unquote(target).partition("#")
    parts = name.split("/")[:-1]
    for step in path.split("/") if path else []:
        if step == "..":
            if not parts:
                return False, ""
            parts.pop()
        elif step not in ("", "."):
            parts.append(step)
    place = "/".join(parts) if path else name
    if place not in files:
        return False, place
    return not fragment or (place in pages and fragment in pages[place].ids), place
