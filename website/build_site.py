"""Build the course as a static site that opens from a folder, without a network.

    python website/build_site.py                 build/site/index.html and all behind it
    python website/build_site.py --out FOLDER

It reads what is stored in notebooks/, exercises/ and solutions/, the README and the other texts,
and runs no lesson. In the end it reads its own result: a dead link, a picture without alternative
text, a formula that is not understood or anything that another host would have to send fails the
build, and the site of the last good build stays.

Why not Sphinx with myst-nb: it would bring some thirty packages and a theme, and what matters here
would still be ours to write: alternative texts from the stored outputs, quizzes, formulas without
a script, a search that finds Japanese and Chinese words and shows where, all of it from file://.
"""

import argparse
import json
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import jinja2
    from check_site import site_problems
    from formulas import font_css
    from notebook_page import notebook_html
    from pygments.formatters import HtmlFormatter
    from site_page import Page, Site, code_block
except ModuleNotFoundError as missing:
    raise SystemExit(
        f"The site needs {missing.name}, which is not installed. With pip 25.1 or newer:\n"
        f"  {sys.executable} -m pip install --group site"
    ) from None

HERE = Path(__file__).resolve().parent
MAP_ROW = re.compile(
    r"^\| \[(?P<name>[^\]]+)\]\((?P<source>\w+/(?P<slug>\w+)\.ipynb)\)(?P<remark>[^|]*)"
    r"\|[^\n]*\| (?P<minutes>\d+) \|$",
    re.MULTILINE,
)
KINDS = {"notebooks": "Lessons", "exercises": "Exercises", "solutions": "Solutions"}
ABOUT = {
    "notebooks": "Every lesson with its minutes, in the order in which they build on each other.",
    "exercises": "The tasks, to read. You work them in JupyterLab, where each is checked at once.",
    "solutions": "Every task, solved. There are other right ways; the checks accept them too.",
}
NOTES = {
    "exercises": "These are the tasks to read, with their hints. To work them, open {file} in "
    "JupyterLab: there every check tells you what is wrong.",
    "solutions": "One solution for each task. Try yours first, in {file}.",
}
LIGHT, DARK = "xcode", "monokai"  # the least contrast of a colour is checked by a test


@dataclass(frozen=True)
class Lesson:
    """One row of the README's map."""

    name: str  # "01 Conv2d"
    source: str
    slug: str
    minutes: int


def read_map(readme: str) -> list[Lesson]:
    rows = [
        Lesson(m["name"], m["source"], m["slug"], int(m["minutes"]))
        for m in MAP_ROW.finditer(readme)
    ]
    if not rows:
        raise SystemExit("README.md: its table of lessons could not be read.")
    return rows


def find_sources(root: Path) -> dict[str, str]:
    """Path in the course -> address in the site, of every page but shown files."""
    addresses = {"README.md": "index.html", "CONTRIBUTING.md": "contributing.html"}
    for path in sorted((root / "docs").glob("*.md")):
        addresses[f"docs/{path.name}"] = f"docs/{path.stem}.html"
    for kind in KINDS:
        addresses[kind] = f"{kind}/index.html"
        for path in sorted((root / kind).glob("[0-9][0-9]_*.ipynb")):
            addresses[f"{kind}/{path.name}"] = f"{kind}/{path.stem}.html"
    return {source: address for source, address in addresses.items() if (root / source).exists()}


def list_page(site: Site, kind: str, lessons: list[Lesson]) -> str:
    """Markdown of the page that lists all lessons, exercises or solutions."""
    lines = [f"# {KINDS[kind]}", "", ABOUT[kind], ""]
    for lesson in lessons:
        source = f"{kind}/{lesson.slug}.ipynb"
        if source in site.addresses:
            minutes = f" · {lesson.minutes} minutes" if source == lesson.source else ""
            lines.append(f"- [{lesson.name}]({source}){minutes}")
    return "\n".join(lines)


def body_of(page: Page, lessons: list[Lesson]) -> str:
    path = page.site.root / page.source
    if page.source in KINDS:
        return page.text(list_page(page.site, page.source, lessons))
    if path.suffix == ".ipynb":
        return notebook_html(page)
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir() if not p.name.startswith((".", "__")))
        return page.text(
            f"# {path.name}/\n\n`{page.source}/` in the course holds:\n\n"
            + "".join(f"- `{name}`\n" for name in names)
        )
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return page.text(text)
    heading = page.text(f"# {path.name}\n\n`{page.source}`, as it stands in the course.")
    page.add_words(text)
    return heading + code_block(text, path.name, " whole")


def neighbours(page: Page, lessons: list[Lesson]) -> dict[str, dict | None]:
    """The pages before and after this one, among those of its kind."""
    kind, _, name = page.source.partition("/")
    if kind not in KINDS or not name:
        return {"previous": None, "next": None}
    if kind == "notebooks":
        row = [(lesson.name, lesson.source) for lesson in lessons]
    else:
        row = [(lesson.name, f"{kind}/{lesson.slug}.ipynb") for lesson in lessons]
    row = [(title, source) for title, source in row if source in page.site.addresses]
    at = [source for _, source in row].index(page.source)

    def link(place: int) -> dict | None:
        if not 0 <= place < len(row):
            return None
        title, source = row[place]
        return {"title": title, "address": page.to(page.site.addresses[source])}

    return {"previous": link(at - 1), "next": link(at + 1)}


def parts_of_lesson(page: Page, slug: str) -> list[dict]:
    """Links from a lesson to its exercises and solutions, and back."""
    sources = [(title, f"{kind}/{slug}.ipynb") for kind, title in KINDS.items()]
    return [
        {
            "title": {"Lessons": "Lesson"}.get(title, title),
            "address": page.to(page.site.addresses[source]),
            "here": source == page.source,
        }
        for title, source in sources
        if source in page.site.addresses
    ]


def shell(page: Page, body: str, lessons: list[Lesson], others: list[Page]) -> str:
    """The whole HTML file around a page's body."""
    slug = Path(page.source).stem
    kind = page.source.partition("/")[0]
    lesson = next((lesson for lesson in lessons if lesson.slug == slug), None)
    file = {"solutions": page.source.replace("solutions/", "exercises/")}.get(kind, page.source)
    return TEMPLATE.render(
        page=page,
        body=body,
        root=page.to("index.html").removesuffix("index.html"),
        lessons=[
            {
                "name": row.name,
                "minutes": row.minutes,
                "address": page.to(page.site.addresses[row.source]),
                "open": row.slug == slug,
                "here": row.source == page.source,
            }
            for row in lessons
            if row.source in page.site.addresses
        ],
        others=[
            {"title": p.title, "address": page.to(p.address), "here": p is page} for p in others
        ],
        parts=parts_of_lesson(page, slug) if lesson else [],
        minutes=lesson.minutes if lesson and lesson.source == page.source else None,
        note=NOTES[kind].format(file=file) if kind in NOTES and lesson else "",
        file=file if lesson and kind == "notebooks" else "",
        on_this_page=[section for section in page.sections if section.level == 2],
        **neighbours(page, lessons),
    )


def write(out: Path, address: str, text: str) -> None:
    path = out / address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def build_site(root: Path, out: Path) -> list[str]:
    """Write the site into the empty folder ``out``; every problem found, one sentence each."""
    lessons = read_map((root / "README.md").read_text(encoding="utf-8"))
    site = Site(root, out, find_sources(root))
    mapped = {lesson.source for lesson in lessons}
    for source in site.addresses:
        if re.match(r"notebooks/\w", source) and source not in mapped:
            site.problems.append(f"{source}: not in the README's table of lessons")
    pages = [(page, body_of(page, lessons)) for page in [Page(site, s) for s in site.addresses]]
    for source in sorted(site.shown_files):  # links led there
        page = Page(site, source)
        pages.append((page, body_of(page, lessons)))
    # The sidebar names the texts that are no lessons.
    others = [page for page, _ in pages if page.source in KINDS or page.source.endswith(".md")]
    others = [page for page in others if page.source not in ("README.md", "notebooks")]
    for page, body in pages:
        write(out, page.address, shell(page, body, lessons, others))
    for source in site.copied_files:
        copy = out / site.addresses[source]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, copy)
    write(out, "assets/site.css", (HERE / "site.css").read_text() + code_colours())
    write(out, "assets/formulas.css", font_css(site.formulas))
    shutil.copyfile(HERE / "site.js", out / "assets/site.js")
    write(out, "assets/search.js", search_index([page for page, _ in pages]))
    return site.problems + site_problems(out)


def code_colours() -> str:
    light = HtmlFormatter(style=LIGHT).get_style_defs(".code")
    dark = HtmlFormatter(style=DARK).get_style_defs('[data-theme="dark"] .code')
    # Only the colours of words: the background is the site's own.
    lines = f"{light}\n{dark}".splitlines()
    return "\n".join(line for line in lines if re.search(r"\.code \.\w+ ", line)) + "\n"


def search_index(pages: list[Page]) -> str:
    """All words of the site, by section, as a script: from file:// nothing else can be read."""
    entries = []
    for page in pages:
        shown = "" if page.source.endswith((".ipynb", ".md")) or page.source in KINDS else "file"
        for section in page.sections:
            words = " ".join(" ".join(section.words).split())
            address = f"{page.address}#{section.id}"
            entries.append([address, page.title, section.title, words, shown])
    return f"window.searchIndex = {json.dumps(entries, ensure_ascii=False)};\n"


TEMPLATE = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).get_template("page.html")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=HERE.parent)
    parser.add_argument("--out", type=Path, help="build/site if you leave it out")
    options = parser.parse_args(arguments)
    out = options.out or options.root / "build" / "site"
    start = time.monotonic()
    half = out.with_name(out.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    problems = build_site(options.root, half)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        print(f"{len(problems)} problems; the site as far as it goes: {half}", file=sys.stderr)
        return 1
    shutil.rmtree(out, ignore_errors=True)
    half.rename(out)
    files = [path for path in out.rglob("*") if path.is_file()]
    pages = sum(path.suffix == ".html" for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    seconds = time.monotonic() - start
    print(f"{pages} pages, {size:.0f} MB, in {seconds:.0f} s. Open {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
