"""make site: what is on the pages, what its checks refuse, and two real lessons."""

import html
import re
import sys
from pathlib import Path

import pytest
from small_course import LESSON, code, png, shown, text, write_small_course

ROOT = Path(__file__).parent.parent

pytest.importorskip("latex2mathml", reason="make site installs what the site needs")
pytest.importorskip("ziamath", reason="make site installs what the site needs")
pytest.importorskip("mdit_py_plugins")
sys.path.insert(0, str(ROOT / "website"))

import build_site  # noqa: E402
import formulas  # noqa: E402
from check_site import read_page, site_problems  # noqa: E402
from site_page import heading_id  # noqa: E402


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """(folder of the built site of a small course, its problems)"""
    root, out = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("site")
    write_small_course(root)
    return out, build_site.build_site(root, out)


@pytest.fixture
def no_font(monkeypatch):
    """Making the font takes most of the time of a small build."""
    monkeypatch.setattr(build_site, "font_css", lambda mathml: "")


def page(small, name):
    return (small[0] / name).read_text(encoding="utf-8")


# ---- pages -----------------------------------------------------------------------------------


def test_a_small_course_has_no_problems(small):
    assert small[1] == []


def test_links_between_parts_lead_to_pages(small):
    lesson, front = page(small, "notebooks/01_one.html"), page(small, "index.html")
    assert 'href="../index.html#a-small-course"' in lesson
    assert 'href="../exercises/01_one.html#task-1"' in lesson
    assert 'href="../source/gan/code.py.html"' in lesson  # also in a stored table
    assert 'href="notebooks/01_one.html"' in front and 'href="exercises/index.html"' in front
    assert 'href="contributing.html#style"' in front
    assert 'href="https://example.org/a"' in front
    assert 'href="../notebooks/01_one.html"' in page(small, "docs/teaching.html")
    assert ".ipynb" not in "".join(re.findall(r'href="[^"]*"', lesson + front))


def test_a_linked_picture_comes_along(small):
    assert 'src="files/docs/rooms.svg" alt="A drawing of two rooms"' in page(small, "index.html")
    assert (small[0] / "files/docs/rooms.svg").exists()


def test_outputs_of_a_lesson(small):
    lesson = page(small, "notebooks/01_one.html")
    assert '<pre class="printed">True &lt;b&gt;\n</pre>' in lesson
    pictures = re.findall(r"<img [^>]*>", lesson)
    assert 'alt="A &quot;grey&quot; square." width="3" height="2"' in pictures[0]
    # Stored twice as large, to be sharp.
    assert 'alt="A lab." width="3" height="2"' in pictures[1]
    lab = lesson[lesson.index('<figure class="lab">') : lesson.index('alt="A lab."')]
    assert "Live in JupyterLab" in lab
    assert "Run this cell there" in lesson and "(a live widget" not in lesson


def test_a_quiz_is_text_with_its_answers_folded(small):
    lesson = page(small, "notebooks/01_one.html")
    asked, fold = lesson.split("<summary>The answer, explained</summary>")
    assert "Is <code>1 &lt; 2</code>?" in asked and "<li>Yes, <strong>always</strong></li>" in asked
    assert "Count again." not in asked and "Count again." in fold
    assert fold.index("✗ No") < fold.index("✓ Right")


def test_exercises_show_the_stub_and_solutions_the_solution(small):
    task, solved = page(small, "exercises/01_one.html"), page(small, "solutions/01_one.html")
    assert "NotImplementedError" in task and "# solved" not in task
    assert "Your code" in task and "open exercises/01_one.ipynb in JupyterLab" in task
    assert "<summary>Hint 1</summary>\n<p>Think of <code>2</code>.</p>" in task
    assert "# solved" in solved and "<h1 id=" in solved and "Solutions 01 · One</h1>" in solved


def test_the_sidebar_has_the_map_with_minutes_and_pages_lead_on(small):
    lesson = page(small, "notebooks/01_one.html")
    sidebar = lesson[lesson.index('<nav id="sidebar"') : lesson.index("<main")]
    assert re.search(
        r'aria-current="page"><span>01 One</span> <span class="minutes">10 min', sidebar
    )
    assert '<a href="../exercises/02_tasks.html"><span>02 Only tasks</span>' in sidebar
    assert '<a href="#1-a-formula">' in sidebar and "Teaching</a>" in sidebar
    assert '<a rel="next" href="../exercises/02_tasks.html">' in lesson
    assert 'rel="prev"' not in lesson


def test_search_finds_words_by_section(small):
    index = page(small, "assets/search.js")
    assert index.startswith("window.searchIndex = [")
    assert '"notebooks/01_one.html#1-a-formula", "01 · One", "1. A formula", "Small' in index
    assert "Count again." in index  # of a quiz


def test_money_is_no_formula(small):
    assert "Costs 5 $ or 6 $." in page(small, "notebooks/01_one.html")


@pytest.mark.parametrize("title", ["3. The formula, and why", "3.-The-formula,-and-why"])
def test_ids_of_jupyterlab_and_ours_agree(title):
    assert heading_id(title) == "3-the-formula-and-why"


# ---- formulas --------------------------------------------------------------------------------


def mathml(tex, display=False):
    return formulas.to_mathml(tex, display)


def test_a_formula_is_mathml_and_says_its_source():
    said = mathml(r"\frac{a}{b}")
    assert "<mfrac>" in said and html.escape(r'alttext="\frac{a}{b}"', quote=False) in said


def test_functions_stand_off_their_argument():
    space = '<mspace width="0.1667em" />'
    assert f"<mi>a</mi>{space}<mi>log</mi>{space}<mi>D</mi>" in mathml(r"a \log D")
    assert f"<mi>log</mi>{space}" not in mathml(r"\log(1 - D)")


def test_bars_are_pairs():
    forms = re.findall(r'form="(\w+)"[^>]*>‖', mathml(r"\lVert x \rVert^2"))
    assert forms == ["prefix", "postfix"]


def test_a_minus_after_a_sign_is_a_sign():
    assert re.search(r'form="prefix">−', mathml("l = -6"))
    assert "form" not in mathml("n - 6")


def test_min_stands_over_its_index_on_a_line_of_its_own():
    assert "<munder>" in mathml(r"\min_G V", True) and "<munder>" not in mathml(r"\min_G V")


@pytest.mark.parametrize("tex", [r"\unheardof{x}", r"\frac{1"])
def test_a_formula_that_is_not_understood_is_said(tex):
    with pytest.raises(formulas.FormulaError, match=re.escape(tex)):
        mathml(tex)


def test_the_font_has_the_roots_sign(small):
    """It stands in no formula's text, so it is easily left out; then roots lose their sign."""
    from base64 import b64decode
    from io import BytesIO

    from fontTools.ttLib import TTFont

    css = page(small, "assets/formulas.css")
    font = TTFont(BytesIO(b64decode(re.search(r"base64,([^\"]+)", css)[1])))
    assert {ord(letter) for letter in "√σ𝜎xX𝑥("} <= set(font.getBestCmap())
    assert "MATH" in font and len(css) < 250_000


# ---- what fails a build ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (text("[x](nowhere.ipynb)"), "notebooks/01_one.ipynb: a dead link: nowhere.ipynb"),
        (text("[x](../../secret.txt)"), "a dead link: ../../secret.txt"),
        (text("[x](../README.md#gone)"), "notebooks/01_one.html: a dead link: ../index.html#gone"),
        (text("$\\unheardof$"), "a formula that cannot be shown"),
        (text("Left \\frac{1}{2} open"), "a formula that was left as it is"),
        (text("# A second title"), "2 first headings"),
        (text("![](../docs/rooms.svg)"), "a picture without alternative text"),
        (text('<img alt="x" src="https://example.org/x.png">'), "asks another host"),
        (text('<script src="//example.org/x.js"></script>'), "asks another host"),
        (text('<i style="background:url(https://example.org/x)">x</i>'), "asks another host"),
        (text("<script>fetch('x')</script>"), "a script that asks for something"),
        (text('<b id="content">x</b>'), "two elements have the id 'content'"),
        (code("show(x)", shown({"image/png": png()})), "a picture without alternative text"),
        (code("x", {"output_type": "error", "evalue": "no"}), "a stored error: no"),
    ],
)
def test_what_is_wrong_is_found(cell, said, tmp_path, no_font):
    root, out = tmp_path / "course", tmp_path / "site"
    write_small_course(root, [*LESSON, cell])
    assert any(said in problem for problem in build_site.build_site(root, out))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("assets/site.css", "@import 'https://example.org/x.css';", "assets/site.css: loads"),
        ("assets/site.css", "a { background: url(https://example.org/x.png) }", "site.css: loads"),
        ("assets/site.js", "fetch('x')", "assets/site.js: a script that asks"),
        ("lone.html", "<title>a</title><h1>x</h1>", "lone.html: no page links here"),
    ],
)
def test_what_is_wrong_in_other_files_is_found(name, content, said, small, tmp_path):
    import shutil

    copy = shutil.copytree(small[0], tmp_path / "site")
    (copy / name).write_text(content)
    assert any(said in problem for problem in site_problems(copy))


def test_a_bad_build_leaves_the_last_good_one(tmp_path, capsys, no_font):
    root, out = tmp_path / "course", tmp_path / "site"
    write_small_course(root)
    build = ["--root", str(root), "--out", str(out)]
    assert build_site.main(build) == 0 and "pages" in capsys.readouterr().out
    good = (out / "index.html").read_text()
    (root / "CONTRIBUTING.md").write_text("# Changing it\n\n## Style\n\n[gone](gone.md)\n")
    assert build_site.main(build) == 1
    assert "CONTRIBUTING.md: a dead link: gone.md" in capsys.readouterr().err
    assert (out / "index.html").read_text() == good


# ---- colours ---------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(share * p for share, p in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(theme):
    from pygments.styles import get_style_by_name

    css = (ROOT / "website/site.css").read_text()
    block = re.findall(r":root[^{]*\{([^}]*)\}", css)[theme == "dark"]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for word in ("ink", "soft", "link", "task", "right", "wrong"):
        for ground in ("paper", "panel", "note"):
            assert contrast(colours[word], colours[ground]) >= 4.5, (word, ground)
    assert contrast(colours["soft"], colours["mark"]) >= 3
    style = get_style_by_name({"light": build_site.LIGHT, "dark": build_site.DARK}[theme])
    for token, look in style:
        if look["color"] and "Generic" not in str(token) and "Error" not in str(token):
            assert contrast("#" + look["color"], colours["panel"]) >= 4.5, token


# ---- the course ------------------------------------------------------------------------------


def test_two_lessons_of_the_course_become_pages(tmp_path):
    """`make site` builds all of them and checks its own result; CI runs it too."""
    lessons = build_site.read_map((ROOT / "README.md").read_text(encoding="utf-8"))
    site = build_site.Site(ROOT, tmp_path, build_site.find_sources(ROOT))
    for source in ("README.md", "notebooks/01_conv2d.ipynb", "exercises/06_gan_game.ipynb"):
        body = build_site.body_of(build_site.Page(site, source), lessons)
        assert read_page(body).problems == []
    lesson = build_site.Page(site, "notebooks/06_gan_game.ipynb")
    body = build_site.body_of(lesson, lessons)
    assert site.problems == [] and read_page(body).problems == []
    assert body.count('<figure class="lab">') == 2  # OneStep and ToyGAN
    assert body.count('class="quiz"') == 5 and body.count("<math") > 60


def test_the_map_names_every_lesson():
    lessons = build_site.read_map((ROOT / "README.md").read_text(encoding="utf-8"))
    named = {lesson.source for lesson in lessons}
    stored = {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert stored <= named and all(lesson.minutes >= 5 for lesson in lessons)
