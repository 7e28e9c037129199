"""Formulas: LaTeX in, MathML out, and the font that draws it.

The browser draws MathML by itself, a screen reader reads it, and nothing is fetched or run for it.
What it needs is a font with a table for mathematics, which not every machine has, so the letters
that the course uses come along with the site.
"""

import base64
import io
import re
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from fontTools import subset
from fontTools.ttLib import TTFont
from latex2mathml.converter import convert

MATHML = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", MATHML)

FUNCTIONS = {"log", "max", "min", "tanh", "exp", "sin", "cos", "lim", "arg"}
OPENING, CLOSING = set("([{⌊⌈⟨"), set(")]}⌋⌉⟩")
BARS = set("|‖∥∣")
MINUS = "−"
THIN = "0.1667em"

# Latin and Greek letters as they are and in the italics that a browser makes of a lone letter.
LETTERS = [*range(0x20, 0x7F), *range(0x391, 0x3F6), *range(0x1D434, 0x1D468), 0x210E]
LETTERS += [*range(0x1D6E2, 0x1D71C), 0x2061, 0x2062]
# The root's sign and the line over a letter stand in no formula's text: an element means them.
LETTERS += [0x221A, 0xAF, 0x203E, 0x302, 0x304, 0x305]


class FormulaError(ValueError):
    """A formula that could not be turned into MathML."""


def to_mathml(tex: str, display: bool) -> str:
    """``<math>`` for one formula; ``display`` gives it a line of its own.

    FormulaError if the formula uses a command that is not known, or is not whole.
    """
    braces = re.sub(r"\\.", "", tex)
    if braces.count("{") != braces.count("}"):
        raise FormulaError(f"{tex}: a brace is missing.")
    try:
        text = convert(tex, display="block" if display else "inline")
        tree = ElementTree.fromstring(text)
    except Exception as error:  # the converter has a dozen kinds of its own
        raise FormulaError(f"{tex}: {error or type(error).__name__}") from error
    for element in tree.iter():
        if _name(element) == "mtext" and element.text:
            element.text = element.text.replace("\\_", "_")
        if "\\" in (element.text or ""):
            raise FormulaError(f"{tex}: {element.text} is not known.")
    _mend(tree, display)
    tree.set("alttext", " ".join(tex.split()))
    return ElementTree.tostring(tree, encoding="unicode")


def _mend(tree: ElementTree.Element, display: bool) -> None:
    """Spaces and fences as TeX sets them, where the converter leaves them out."""
    bar_is_open = False
    for element in tree.iter():
        name, text = _name(element), element.text or ""
        if name == "mo" and text in BARS:  # or the two of a pair grow unequally
            element.set("form", "postfix" if bar_is_open else "prefix")
            if "minsize" not in element.attrib:
                element.set("stretchy", "false")
            element.attrib |= {"lspace": "0", "rspace": "0"}
            bar_is_open = not bar_is_open
        elif name == "mo" and text == "/":
            element.attrib |= {"lspace": "0", "rspace": "0"}
        elif name == "mo" and text in ("min", "max"):
            element.attrib |= {"lspace": "0", "rspace": "0"}
            if display:
                element.set("movablelimits", "false")
        elif name == "mi" and len(text) == 1 and "Α" <= text <= "Ω":
            element.set("mathvariant", "normal")  # capital Greek letters stand upright
    for element in list(tree.iter()):
        if display and _name(element) == "msub" and (element[0].text or "") in ("min", "max"):
            element.tag = f"{{{MATHML}}}munder"
        _mend_row(element)


def _mend_row(row: ElementTree.Element) -> None:
    if _name(row) not in ("mrow", "math", "msqrt", "mstyle", "mpadded"):
        return
    parts = list(row)
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else None
        after = parts[index + 1] if index + 1 < len(parts) else None
        if _name(part) == "mo" and part.text == MINUS and before is not None:
            if _name(before) == "mspace" or (_name(before) == "mo" and not _closes(before)):
                part.set("form", "prefix")  # a sign, not a difference
        elif _is_function(part):
            if before is not None and not _opens_or_joins(before):
                row.insert(list(row).index(part), _space())
            if after is not None and not (_name(after) == "mo" and not _is_function(after)):
                row.insert(list(row).index(part) + 1, _space())


def _name(element: ElementTree.Element) -> str:
    return element.tag.split("}")[-1]


def _space() -> ElementTree.Element:
    return ElementTree.Element(f"{{{MATHML}}}mspace", {"width": THIN})


def _is_function(element: ElementTree.Element) -> bool:
    """A name like log, also with an index below it."""
    if _name(element) in ("msub", "munder"):
        element = element[0]
    return _name(element) in ("mi", "mo") and (element.text or "").strip() in FUNCTIONS


def _closes(mo: ElementTree.Element) -> bool:
    return (mo.text or "") in CLOSING or mo.get("form") == "postfix"


def _opens_or_joins(element: ElementTree.Element) -> bool:
    if _name(element) == "mspace":
        return True
    return _name(element) == "mo" and not _closes(element) and not _is_function(element)


def font_css(mathml: list[str]) -> str:
    """A ``@font-face`` rule with the letters of these formulas inside it, as a data: address.

    A browser refuses to load a font file beside a page that is opened as file://, but not this.
    The font is STIX Two Math, under the SIL Open Font License.
    """
    characters = set(re.sub(r"<[^>]*>", "", "".join(mathml)))
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # with its copyright and its licence
    with TTFont(_font_path()) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[*LETTERS, *map(ord, characters)])
        subsetter.subset(font)
        font.flavor = "woff"
        buffer = io.BytesIO()
        font.save(buffer)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        "/* STIX Two Math, SIL Open Font License 1.1; only the letters that the course uses. */\n"
        '@font-face { font-family: "Course Math"; '
        f'src: url("data:font/woff;base64,{data}") format("woff"); }}\n'
    )


def _font_path() -> Path:
    return Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
