"""A lab worked by Tab, Enter and arrow keys alone, in a real JupyterLab."""

import pytest
from test_lessons_in_browser import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FLIPBOOK = "from gan_course.labs import Flipbook\nFlipbook()"
FOCUSED = """() => {
    const it = document.activeElement;
    const words = it.innerText || it.title || '';
    const label = it.closest('.widget-slider')?.querySelector('label')?.innerText;
    return [it.getAttribute('role') || it.tagName.toLowerCase(), label || words.trim()];
}"""


def tab_to(page, wanted, most=12):
    """Press Tab until a control of this name has the focus; what was passed on the way."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(FOCUSED)[1])
        if passed[-1] == wanted:
            return passed
    raise AssertionError(f"Tab never came to {wanted!r}, only to {passed}")


def until_other(page, show, before, timeout=5000):
    """Wait until ``show`` gives something other than ``before``."""
    for _ in range(timeout // 50):
        if show() != before:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"nothing changed: {before}")


def test_a_film_by_keyboard_alone(lab_page, lab_server):
    _, token, root = lab_server
    write_notebook(root / "keyboard.ipynb", FLIPBOOK)
    lab_page.open("keyboard.ipynb", token)
    lab_page.run_all()
    page = lab_page.page
    said = page.locator("[role=status]").first.inner_text
    lab_page.find("first third", "button.jupyter-button:visible", "").focus()
    # The guess, and all that it opens, in the order in which it stands there.
    tab_to(page, "skip")
    before = said()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.locator(".noUi-handle").first.focus()  # the pressed button is gone, and the focus with it
    page.keyboard.press("ArrowLeft")
    until_other(page, said, before)
    # Play: a button with a name, which says what it would do next.
    tab_to(page, "▶ play")
    before = said()
    page.keyboard.press("Enter")
    until_other(page, said, before)
    assert page.evaluate(FOCUSED)[1] in ("■ stop", "▶ play")  # it may have come to its end
    # How many images: three buttons. Then the code, which a fold hides.
    passed = tab_to(page, "▸ The same in PyTorch")
    assert {"16", "36", "64"} <= set(passed)
    page.keyboard.press("Space")
    page.locator("pre", has_text="generator").first.wait_for(timeout=5000)
    assert not lab_page.problems
