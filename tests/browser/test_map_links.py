"""The map of the course in a real JupyterLab: a click on a line opens what it names."""

import shutil
from pathlib import Path

import pytest
from test_lessons_in_browser import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
OPEN = "path => window.jupyterapp.shell.currentWidget?.context?.path === path"
BACK = "path => { void window.jupyterapp.commands.execute('docmanager:open', {path}) }"
ELSEWHERE = """home => {
    const path = window.jupyterapp.shell.currentWidget?.context?.path;
    return path !== home && path;
}"""
MAP = "from gan_course.checks import progress\nprogress.table()"


def test_three_links_of_the_map_open_what_they_name(lab_page, lab_server):
    _, token, root = lab_server
    shutil.copytree(ROOT / "exercises", root / "exercises")
    home = "notebooks/map.ipynb"
    write_notebook(root / home, MAP)
    lab_page.open(home, token)
    lab_page.run_all()
    links = lab_page.page.locator(".jp-RenderedHTMLCommon table a")
    opened = []
    for row in (1, 2, links.count() - 1):
        link = links.nth(row)
        name = link.inner_text()
        link.click()
        path = lab_page.page.wait_for_function(ELSEWHERE, arg=home).json_value()
        assert (ROOT / path).exists(), (name, path)
        opened.append(path)
        lab_page.page.evaluate(BACK, home)
        lab_page.page.wait_for_function(OPEN, arg=home)
    assert len(set(opened)) == 3
    assert {Path(path).parent.name for path in opened} == {"notebooks", "exercises"}
    assert not lab_page.problems
