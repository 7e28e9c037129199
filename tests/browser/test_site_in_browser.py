"""The site opened from a folder, as file://, with every request written down."""

import importlib
import sys
from pathlib import Path

import pytest
from small_course import write_small_course

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.browser
pytest.importorskip("latex2mathml", reason="make site installs what the site needs")
pytest.importorskip("ziamath", reason="make site installs what the site needs")


@pytest.fixture
def opened(browser, tmp_path):
    """A page of a small course's site, in the dark theme of the machine, on a narrow window."""
    sys.path.insert(0, str(ROOT / "website"))
    write_small_course(tmp_path / "course")
    site = tmp_path / "site"
    assert importlib.import_module("build_site").build_site(tmp_path / "course", site) == []
    context = browser.new_context(viewport={"width": 800, "height": 700}, color_scheme="dark")
    page, asked, complaints = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((site / "notebooks/01_one.html").as_uri())
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []


def test_formulas_pictures_theme_and_search_work_from_a_folder(opened):
    page = opened
    # Formulas are drawn, with the font that came along; pictures are there.
    page.wait_for_function("document.fonts.check('16px \"Course Math\"')")
    assert page.evaluate("document.querySelector('.formula mfrac').clientHeight") > 15
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 800

    # The machine's theme, until the button says otherwise; the next page remembers it.
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.click("#theme")
    page.reload()
    assert page.evaluate(theme) == "light"

    # The contents are behind a button here, and Escape closes them.
    assert not page.is_visible("#sidebar")
    page.click("#menu")
    assert page.is_visible("#sidebar")
    page.keyboard.press("Escape")
    assert not page.is_visible("#sidebar")

    # Search by keyboard alone: to the box, a word, down, and there.
    page.keyboard.press("/")
    page.keyboard.type("notimplementederror")
    page.wait_for_selector("#found a")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search", "aria-activedescendant") == "hit-0"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith("exercises/01_one.html#task-1")
    page.keyboard.press("/")
    page.keyboard.type("zzzz")
    page.wait_for_selector("#found p")
    assert page.inner_text("#found") == "Nothing found."
