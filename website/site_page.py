"""What a page of the site is made of: text, code, pictures, links."""

import base64
import hashlib
import posixpath
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import unquote

from formulas import FormulaError, to_mathml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

ADDRESS = re.compile(r'\b(href|src)="([^"]*)"')
FORMATTER = HtmlFormatter(nowrap=True)


@dataclass
class Site:
    """All that pages have in common: who is where, what they bring along, what is wrong."""

    root: Path  # of the course
    out: Path  # where the site is written
    addresses: dict[str, str] = field(default_factory=dict)  # README.md -> index.html
    shown_files: set[str] = field(default_factory=set)  # that get a page because one links there
    copied_files: set[str] = field(default_factory=set)
    formulas: list[str] = field(default_factory=list)  # as MathML
    problems: list[str] = field(default_factory=list)

    def picture(self, png_base64: str) -> tuple[str, int, int]:
        """Write a stored picture once; its address from the site's root, its width and height."""
        data = base64.b64decode(png_base64)
        address = f"pictures/{hashlib.sha256(data).hexdigest()[:16]}.png"
        path = self.out / address
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        # The size stands in a PNG's first chunk.
        return address, int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


@dataclass
class Section:
    id: str
    level: int
    title: str  # plain text
    words: list[str] = field(default_factory=list)  # for the search


@dataclass
class Page:
    site: Site
    source: str  # path in the course: notebooks/01_conv2d.ipynb
    sections: list[Section] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.site.addresses[self.source]

    @property
    def title(self) -> str:
        return self.sections[0].title if self.sections else self.source

    def problem(self, message: str) -> None:
        self.site.problems.append(f"{self.source}: {message}")

    def to(self, address: str) -> str:
        """An address within the site, as this page has to write it."""
        return posixpath.relpath(address, posixpath.dirname(self.address) or ".")

    # ---- text ---------------------------------------------------------------------------------

    def text(self, markdown: str) -> str:
        """Markdown as HTML, with formulas, links into the site, and an id for every heading."""
        tokens = MARKDOWN.parse(markdown, {})
        for before, token in zip([None, *tokens], tokens, strict=False):
            if token.type == "inline" and before.type == "heading_open":
                before.attrSet("id", self._new_section(int(before.tag[1]), plain_text(token)))
            elif token.type == "inline":
                self.add_words(plain_text(token))
            elif token.type in ("fence", "code_block"):
                self.add_words(token.content)
        html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {"page": self})
        # A wide table scrolls in its own box, and does not push the page wide.
        html = html.replace("<table>", '<div class="scroll"><table>')
        return self.with_links(html.replace("</table>", "</table></div>"))

    def line(self, markdown: str) -> str:
        """A few words of Markdown as HTML, without a paragraph around them."""
        tokens = MARKDOWN.parseInline(markdown, {})
        self.add_words(plain_text(tokens[0]))
        html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {"page": self})
        return self.with_links(html)

    def _new_section(self, level: int, title: str) -> str:
        id, count = heading_id(title), 1
        while id in {section.id for section in self.sections}:
            count += 1
            id = f"{heading_id(title)}-{count}"
        self.sections.append(Section(id, level, title))
        return id

    def add_words(self, text: str) -> None:
        """Let the search find this text, in the section that is being written."""
        if not self.sections:
            self._new_section(1, text[:60])
        self.sections[-1].words.append(text)

    def formula(self, tex: str, display: bool) -> str:
        try:
            mathml = to_mathml(tex, display)
        except FormulaError as error:
            self.problem(f"a formula that cannot be shown: {error}")
            return f"<code>{escape(tex)}</code>"
        self.site.formulas.append(mathml)
        return f'<div class="formula">{mathml}</div>' if display else mathml

    # ---- links --------------------------------------------------------------------------------

    def with_links(self, html: str) -> str:
        """HTML in which links to files of the course lead to their pages in the site."""
        return ADDRESS.sub(lambda m: f'{m[1]}="{escape(self.link(m[2]))}"', html)

    def link(self, target: str) -> str:
        """Where a link of the source leads in the site; links to other hosts stay as they are."""
        if re.match(r"[a-z][a-z+.-]*:", target) or target.startswith("#"):
            return target
        path, _, fragment = unquote(target).partition("#")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), path))
        full = self.site.root / wanted
        if wanted.startswith("..") or not full.exists():
            self.problem(f"a dead link: {target}")
            return target
        if wanted not in self.site.addresses:
            if full.is_dir() or is_text(full):
                self.site.shown_files.add(wanted)
                self.site.addresses[wanted] = f"source/{wanted}.html"
            else:
                self.site.copied_files.add(wanted)
                self.site.addresses[wanted] = f"files/{wanted}"
        # JupyterLab and GitHub make other ids of the same heading; both come out as ours.
        return self.to(self.site.addresses[wanted]) + (f"#{heading_id(fragment)}" * bool(fragment))


def heading_id(title: str) -> str:
    """``3. The formula`` -> ``3-the-formula``"""
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-") or "section"


def plain_text(inline: Token) -> str:
    """A line of Markdown without its markup."""
    words = []
    for token in inline.children or []:
        if token.type in ("softbreak", "hardbreak"):
            words.append(" ")
        elif token.type not in ("html_inline",):
            words.append(token.content)
    return " ".join("".join(words).split())


def is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return path.suffix not in (".svg", ".csv", ".json")


def code_block(code: str, language: str = "python", extra: str = "") -> str:
    """Code in colours; ``language`` is a name or a file's name."""
    find = get_lexer_for_filename if "." in language else get_lexer_by_name
    try:
        body = highlight(code, find(language), FORMATTER)
    except ClassNotFound:
        body = escape(code)
    return f'<pre class="code{extra}"><code>{body.rstrip()}\n</code></pre>\n'


# ---- Markdown ---------------------------------------------------------------------------------


def _fence(self, tokens, index, options, env) -> str:
    language = tokens[index].info.strip().split(" ")[0] or "text"
    return code_block(tokens[index].content, language)


def _formula(display):
    def render(self, tokens, index, options, env) -> str:
        return env["page"].formula(tokens[index].content, display)

    return render


def make_markdown() -> MarkdownIt:
    """As JupyterLab and GitHub read it: CommonMark, tables, raw HTML, $formulas$."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=True, double_inline=True)
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("code_block", _fence)
    markdown.add_render_rule("math_inline", _formula(display=False))
    markdown.add_render_rule("math_inline_double", _formula(display=True))
    markdown.add_render_rule("math_block", _formula(display=True))
    return markdown


MARKDOWN = make_markdown()
