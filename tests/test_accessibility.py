"""Pictures in words, labs by keyboard, colours that stay apart: counted and computed."""

import ast
import json
import re
import sys
from html import escape, unescape
from itertools import combinations
from pathlib import Path

import ipywidgets as widgets
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lab_walk
import vision

from gan_course import palette
from gan_course.labs.base import Lab
from gan_course.labs.drawing import FAINT, INK, Canvas

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))
LEAST_LETTERS = 15
EIGHT_POINTS = 8 * 96 / 72  # in CSS pixels, of which an inch has 96

# ---- pictures in words -------------------------------------------------------------------------


def alt_problem(alt, titles=()):
    """Why this is no description of a picture, or None."""
    said = " ".join((alt or "").split())
    if len(said) < LEAST_LETTERS or " " not in said:
        return f"too short to say what one sees: {said!r}"
    if re.fullmatch(r"\S*\.(png|jpe?g|svg|gif)", said, re.IGNORECASE):
        return f"a file name: {said!r}"
    if said.strip(" .").lower() in {title.strip(" .").lower() for title in titles}:
        return f"only the title once more: {said!r}"
    return None


def titles_in(source):
    """The words that a cell writes over its pictures."""
    return re.findall(r'(?:suptitle|set_title|title)(?:\(|=)\s*f?"([^"]+)"', source)


def pictures(path):
    """(alt, source of the cell) of each stored picture of a notebook."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if kind.startswith("image/"):
                    yield output.get("metadata", {}).get(kind, {}).get("alt"), source
            html = "".join(output.get("data", {}).get("text/html", ""))
            for tag in re.findall(r"<(?:img|svg)\b[^>]*>", html):
                said = re.search(r'(?:alt|aria-label)="([^"]*)"', tag)
                yield unescape(said[1]) if said else None, source


def test_every_stored_picture_says_what_one_sees():
    problems, count = [], 0
    for path in NOTEBOOKS:
        for alt, source in pictures(path):
            count += 1
            problem = alt_problem(alt, titles_in(source))
            if problem:
                problems.append(f"{path.name}: {problem}")
    assert problems == []
    assert count >= 150


def test_every_picture_in_a_text_says_what_one_sees():
    """README, docs/ and the lessons' own texts, as Markdown or as HTML."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("lessons/*/*.py")]
    problems = []
    for path in texts:
        text = path.read_text(encoding="utf-8")
        alts = [alt for alt, _ in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)]
        for tag in re.findall(r"<img\b[^>]*>", text):
            said = re.search(r'alt="([^"]*)"', tag)
            alts.append(said[1] if said else None)
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        problems += [f"{path.name}: {p}" for alt in alts if (p := alt_problem(alt, titles))]
    assert len(texts) > 35
    assert problems == []


@pytest.mark.parametrize(
    ("alt", "titles", "said"),
    [
        (None, (), "too short"),
        ("a picture", (), "too short"),
        ("generated_samples.png", (), "too short"),
        ("my generated samples.png", (), None),
        ("Two ways from one image to another.", ["Two ways from one image to another"], "title"),
    ],
)
def test_a_poor_description_is_seen(alt, titles, said):
    problem = alt_problem(alt, titles)
    assert (problem is None) if said is None else said in problem


# ---- labs by keyboard --------------------------------------------------------------------------

# What no slider, menu or box of a lab sets: it comes of a button, of a guess, or of playing on.
# Every other trait that changes the picture has such a control.
OTHERWISE = {
    "DataDoctor": {"looked", "message"},  # the button "Look", and what it finds
    "ForkAndRace": {"message"},  # the buttons "Both", "Race", "Again"
    "LiveTraining": {"message", "playing", "step"},  # "Train" and "One step"
    "RealOrFake": {
        "answered",
        "started",
    },  # a guess, "Real (r)", "Fake (f)"
    "RunDesk": {"message", "note", "playing", "step", "step_seconds"},  # "Train" and "Pause"
    "Sampler": {"label"},  # a menu, with a generator that knows classes
    "ShapeSolver": {"sizes"},  # a button for each way, and a field for others
    "StyleMixer": {"message", "playing"},  # "Play" and "Step"
    "ToyGAN": {"advice"},  # the button "Ask the doctor"
}
ONLY_IN_CODE = {"GramShuffle": {"seed"}}  # nobody needs it, by mouse either
SLOW = {"ForkAndRace"}  # it plays a game of hundreds of steps as soon as somebody looks


class Built:
    """A lab past its questions, what it said before them, and all that it has drawn on."""

    def __init__(self, name, folder):
        self.canvases = []
        make_canvas = Canvas.__init__

        def note(canvas, *arguments):
            make_canvas(canvas, *arguments)
            self.canvases.append(canvas)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Canvas, "__init__", note)
            patch.setattr(Lab, "refresh", lambda self: None)  # only what is asked for is drawn
            self.lab = lab_walk.make(name, folder)
            drawn = isinstance(self.lab, Lab) and name not in SLOW
            self.first_words = self.lab.alt_text() if drawn else ""
            self.first_html = self.lab.live_html() if drawn else ""
            lab_walk.skip_questions(self.lab.ui())
            if drawn:
                self.lab.render()


@pytest.fixture(scope="module")
def all_built():
    """The labs that were built, by name: each only once."""
    return {}


@pytest.fixture
def built(request, all_built, tmp_path, monkeypatch):
    monkeypatch.setattr(Lab, "refresh", lambda self: None)
    if request.param not in all_built:
        all_built[request.param] = Built(request.param, tmp_path)
    return all_built[request.param]


# Those with a picture that is drawn at once.
LABS = [name for name in lab_walk.NAMES if name not in {"Glossary", "Quiz", *SLOW}]


@pytest.mark.parametrize("built", lab_walk.NAMES, indirect=True)
def test_every_control_works_by_keyboard_and_has_a_name(built):
    for widget in lab_walk.everything_in(built.lab.ui()):
        if isinstance(widget, lab_walk.NOT_WORKED):
            html = getattr(widget, "value", "")
            if isinstance(widget, widgets.HTML):  # nothing that only a mouse could do
                assert not re.search(r"<script|\son\w+=|draggable|<a\b(?![^>]*href)", html)
                assert own_colours(html) == []
            continue
        if lab_walk.is_hidden(widget):
            continue
        kind = type(widget).__name__
        assert isinstance(widget, lab_walk.BY_KEYBOARD), f"{kind} needs a mouse"
        if isinstance(widget, widgets.RadioButtons):  # the question above, and each choice
            assert all(str(choice).strip() for choice in widget.options)
            continue
        name = lab_walk.spoken_name(widget)
        assert re.search(r"[^\W_]", name), f"a {kind} without a name"


@pytest.mark.parametrize("built", lab_walk.NAMES, indirect=True)
def test_no_control_takes_all_the_height_from_those_beside_it(built):
    """In a column ``flex: 0 0 100%`` is a height: what stands above it is squeezed to nothing."""
    for box in lab_walk.everything_in(built.lab.ui()):
        if isinstance(box, widgets.VBox) and len(box.children) > 1:
            assert not [c for c in box.children if "100%" in (c.layout.flex or "")]


@pytest.mark.parametrize("built", LABS, indirect=True)
def test_all_that_changes_the_picture_is_set_by_a_control(built):
    """No state that only dragging or hovering reaches: the controls are tried one by one."""
    lab, changed = built.lab, set()
    name = type(lab).__name__
    by_a_guess = {t for t in lab.trait_names() if t.endswith(("revealed", "locked"))}
    by_a_guess |= {"question", "opened"}
    by_buttons = OTHERWISE.get(name, set()) | ONLY_IN_CODE.get(name, set())
    wanted = set(lab.picture_traits) - by_a_guess - by_buttons
    lab.observe(lambda change: changed.add(change["name"]))
    for back in (True, False, False, False):  # some controls open when others are moved
        for widget in list(lab_walk.everything_in(lab.ui())):
            if wanted <= changed:
                break
            if not isinstance(widget, lab_walk.BY_KEYBOARD) or isinstance(widget, widgets.Button):
                continue
            if plays_on(widget):
                continue
            before = getattr(widget, "value", None)
            lab_walk.work(widget)
            if back and not isinstance(widget, widgets.FileUpload):
                widget.value = before
    lab.unobserve_all()
    assert wanted - changed == set()
    assert by_buttons <= set(lab.picture_traits)


def plays_on(widget):
    """What moves by itself from then on; that needs a running notebook."""
    return getattr(widget, "description", "").startswith("▶")


PRESS = {"Diagnose": "Samples", "LiveTraining": "One step", "RunDesk": "One step"}


@pytest.mark.parametrize("built", LABS, indirect=True)
def test_the_words_follow_the_picture_and_stand_in_it(built):
    lab, name = built.lab, type(built.lab).__name__
    assert alt_problem(built.first_words) is None
    assert own_colours(built.first_html) == []
    tags = re.findall(r"<(?:img|svg)\b[^>]*>", built.first_html)
    assert tags and all(re.search(r'(alt|aria-label)="[^"]{9,}', tag) for tag in tags)
    if name not in ("LiveTraining", "RunDesk", "ToyGAN"):  # their pictures are several
        assert any(escape(built.first_words) in tag for tag in tags)
    said = {built.first_words, lab.alt_text()}
    for widget in lab_walk.everything_in(lab.ui()):
        if len(said) > 1:
            break
        if isinstance(widget, widgets.Button) and widget.description == PRESS.get(name):
            widget.click()
        elif isinstance(widget, lab_walk.BY_KEYBOARD) and not plays_on(widget):
            lab_walk.work(widget)
        said.add(lab.alt_text())
    assert len(said) > 1, "whatever one does, the words stay the same"


def test_the_list_of_keyboard_paths_has_every_lab_and_its_controls():
    text = (ROOT / "docs/accessibility.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| (.+) \|$", text, re.MULTILINE))
    rows.pop("lab")
    assert sorted(rows) == lab_walk.NAMES
    assert all(rows.values())


@pytest.mark.parametrize("built", lab_walk.NAMES, indirect=True)
def test_the_list_names_the_sliders_and_menus_of_a_lab(built):
    text = (ROOT / "docs/accessibility.md").read_text(encoding="utf-8")
    name = type(built.lab).__name__
    [row] = re.findall(rf"^\| {name} \| (.+) \|$", text, re.MULTILINE)
    for widget in lab_walk.everything_in(built.lab.ui()):
        if isinstance(widget, widgets.IntSlider | widgets.FloatSlider | widgets.Dropdown):
            assert lab_walk.spoken_name(widget) in row


def test_a_lab_that_needs_a_mouse_is_seen():
    assert not isinstance(widgets.Accordion(), lab_walk.BY_KEYBOARD + lab_walk.NOT_WORKED[1:])
    assert not lab_walk.spoken_name(widgets.Dropdown(options=["a"]))
    assert lab_walk.spoken_name(widgets.Button(tooltip="row 1")) == "row 1"


# ---- letters and their contrast ----------------------------------------------------------------

DARK = "#111111"  # JupyterLab's dark page; figures and labs stand on white cards there too
COLOURS = re.compile(r"\b(blue|orange|green|purple|red|yellow|grey|teal|vermilion)\b", re.I)
# What a legend says beside a colour's name, for those who do not see it.
FORMS = re.compile(
    r"[●▲■]|\b(solid|dashed|dotted|thick|thin|hatched|frame|triangle|net|band|white)\b"
)
# The channels of a picture are called so; and the two ends of D's map are far apart for everybody,
# which is computed below.
CHANNELS_AND_MAPS = re.compile(r"^(red|green|blue) = |D(\(x\)| says): blue (= )?real")
MARKS = set("●▲■○△×✗✓▸▾▶?+−=→")


@pytest.mark.parametrize("built", LABS, indirect=True)
def test_letters_in_labs_are_large_and_dark_and_name_more_than_colours(built):
    name = type(built.lab).__name__
    for canvas in built.canvases:
        below = []
        for kind, shape in canvas.shapes:
            if kind in ("rect", "picture"):
                below.append(shape)
            if kind != "text" or not shape["text"].strip():
                continue
            text, size = shape["text"], shape["size"]
            in_a_cell = name in ("ConvBench", "ThereAndBack") and re.fullmatch(r"−?\d+", text)
            assert size >= (9 if in_a_cell else EIGHT_POINTS), f"{text!r} is {size} pixels high"
            if COLOURS.search(text) and not CHANNELS_AND_MAPS.search(text):
                assert FORMS.search(text), f"{text!r} tells a thing by its colour alone"
            ground = ground_of(shape, below)
            if ground is None:  # on a photograph or a digit
                continue
            needed = 3 if set(text) <= MARKS else 4.5
            found = vision.contrast(shape["color"], ground)
            assert found >= needed, f"{text!r}: {shape['color']} on {ground}, {found:.2f}"


def ground_of(text, below):
    """The colour that lies under the middle of a text; None if it is a picture."""
    half = {"start": 0.5, "middle": 0, "end": -0.5}[text["anchor"]] * 0.6 * text["size"]
    x, y = text["x"] + half * len(text["text"]), text["y"]
    for shape in reversed(below):
        inside = 0 <= x - shape["x"] <= shape["w"] and 0 <= y - shape["y"] <= shape["h"]
        if inside and "pixels" in shape:
            return None
        if inside and shape["fill"] and shape["fill"] != "none":
            return {"white": "#FFFFFF"}.get(shape["fill"], shape["fill"])
    return "#FFFFFF"


def test_letters_in_the_lessons_figures_have_eight_points():
    """matplotlib's own are 10; smaller ones are asked for by fontsize."""
    count = 0
    for path in sorted(ROOT.glob("lessons/*/lesson.py")):
        text = path.read_text(encoding="utf-8")
        sizes = [float(size) for size in re.findall(r"(?:fontsize|labelsize)=([\d.]+)", text)]
        count += len(sizes)
        assert all(size >= 8 for size in sizes), path
        assert not re.search(r"(?:fontsize|labelsize)=\"(?:xx?-)small", text), path
    assert count > 30


def test_words_in_the_lessons_figures_have_a_colour_that_can_be_read():
    """FAKE is a colour for marks and lines; for letters there is FAKE_TEXT."""
    wrong = []
    for path in sorted(ROOT.glob("lessons/*/lesson.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"(set_title|suptitle|set_color)\(.*palette\.FAKE\b", line):
                wrong.append(f"{path.parent.name}: {line.strip()}")
    assert wrong == []


def own_colours(html):
    """Colours in a piece of HTML that would not follow a light or a dark theme."""
    html = re.sub(r"<svg\b.*?</svg>", "", html, flags=re.DOTALL)  # drawn on a white card of its own
    found = [
        f"{name}:{value}"
        for style in re.findall(r'style="([^"]*)"', html)
        for name, value in re.findall(r"(?<![-\w])(color|background)\s*:\s*([^;]+)", style)
        if not value.startswith("var(--jp-") and (name, value) != ("background", "#fff")
    ]
    for card in re.split(r"background:#fff[^>]*>", html)[1:]:
        if re.sub(r"<[^>]*>", "", card.split("<p")[0]).strip():  # a card ends before a paragraph
            found.append("letters of the theme's colour on white")
    return found


def test_a_colour_that_ignores_the_theme_is_seen():
    assert own_colours('<p style="color:#333">x</p>') == ["color:#333"]
    assert own_colours('<p style="color:var(--jp-ui-font-color2,#6B6B6B)">x</p>') == []
    assert own_colours('<div style="background:#fff">dark on dark?</div>') != []
    card = '<div style="background:#fff"><svg><text fill="#222">x</text></svg></div><p>outside</p>'
    assert own_colours(card) == []


@pytest.mark.parametrize("status", ["passed", "not done yet", "not right yet"])
def test_what_a_check_says_follows_the_theme_and_has_a_sign(status):
    from gan_course.checks.verdict import Verdict

    html = Verdict(status, "A sentence.", "details")._repr_html_()
    assert own_colours(html) == [] and 'role="status"' in html
    assert re.search(r"<b>[✓○✗] " + status.capitalize(), html)


# ---- colours -----------------------------------------------------------------------------------

ROLES = {
    name: getattr(palette, name)
    for name in ("REAL", "FAKE", "DISCRIMINATOR", "GENERATOR", "PREDICTION")
}
SIGHTS = (None, *vision.MACHADO)
# Below this, two colours side by side may be taken for each other.
APART = 12
# Pairs that somebody takes for each other. Where they meet, lines or marks tell them apart:
# real ● and solid, fake ▲ and dashed, G dash-dotted, D thick and solid.
ALIKE = {("REAL", "DISCRIMINATOR"), ("REAL", "GENERATOR"), ("FAKE", "DISCRIMINATOR")}


def test_the_measures_are_right():
    """Contrast of WCAG's own examples; CIEDE2000 against the table of Sharma, Wu and Dalal."""
    assert vision.contrast("#000", "#fff") == pytest.approx(21)
    assert vision.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    for first, second, expected in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert vision.ciede2000(first, second) == pytest.approx(expected, abs=1e-4)
    for sight in vision.MACHADO:  # nobody's white is coloured
        assert vision.difference("#ffffff", "#ffffff", sight) == 0
        assert vision.as_seen("#808080", sight) == pytest.approx(vision.linear("#808080"), abs=0.01)
    assert vision.difference("#ff0000", "#6c6000", "protanopia") < 10  # a classic pair


@pytest.mark.parametrize("name", ROLES)
def test_each_role_stands_out_from_white_and_from_the_dark_page(name):
    """WCAG asks 3 for marks and lines, 4.5 for letters."""
    assert vision.contrast(ROLES[name], "#FFFFFF") >= (3 if name == "FAKE" else 4.5)
    assert vision.contrast(ROLES[name], DARK) >= 3


@pytest.mark.parametrize("color", [INK, FAINT, palette.FAKE_TEXT])
def test_each_ink_can_be_read_on_white(color):
    assert vision.contrast(color, "#FFFFFF") >= 4.5


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("first", "second"), list(combinations(ROLES, 2)))
def test_roles_stay_apart_for_everybody_or_differ_in_form(first, second, sight):
    apart = vision.difference(ROLES[first], ROLES[second], sight)
    if sight is None:
        assert apart >= 20
    elif (first, second) not in ALIKE:
        assert apart >= APART


def test_the_pairs_that_somebody_confuses_are_just_those():
    alike = {
        pair
        for pair in combinations(ROLES, 2)
        if min(vision.difference(ROLES[pair[0]], ROLES[pair[1]], s) for s in SIGHTS) < APART
    }
    assert alike == ALIKE


@pytest.mark.parametrize("sight", SIGHTS)
def test_both_ends_of_ds_opinion_stay_apart(sight):
    fake, middle, real = palette.OPINION
    assert vision.difference(fake, real, sight) >= 40
    assert min(vision.difference(end, middle, sight) for end in (fake, real)) >= 30


def looks_of_lines(source):
    """(role, keywords, format strings) of each call of plot that names a role's colour."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "plot"):
            continue
        named = {k.arg: ast.unparse(k.value).strip("'\"") for k in node.keywords if k.arg}
        role = re.fullmatch(r"palette\.(\w+)", named.get("color", ""))
        if role and "label" in named:
            formats = [a.value for a in node.args if isinstance(a, ast.Constant)]
            formats += [ast.unparse(a) for a in node.args if isinstance(a, ast.Name)]
            yield role[1], named, [str(f) for f in formats]


def test_lines_of_fakes_and_of_g_are_never_solid_and_d_is_thick_or_alone():
    """In every figure of every lesson: the form says which role a line has, too."""
    wrong, count = [], 0
    for path in sorted(ROOT.glob("lessons/*/lesson.py")):
        cells = re.split(r"^# %%.*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for cell in cells:
            code = "\n".join(line for line in cell.splitlines() if not line.startswith("# "))
            try:
                lines = list(looks_of_lines(code))
            except SyntaxError:
                continue  # a text cell
            for role, named, formats in lines:
                count += 1
                style = named.get("ls", named.get("linestyle", ""))
                form = style or "".join(f for f in formats if f not in ("x", "y", "z"))
                if role in ("FAKE", "GENERATOR") and form in ("", "-", "solid"):
                    wrong.append(f"{path.parent.name}: {role} {named}")
    assert wrong == []
    assert count >= 15
