"""A notebook in a real JupyterLab, driven as a learner would: open, run all, move a slider."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

# Console errors that are JupyterLab's own, each with its reason. Keep it as short as it can be.
LABS_OWN_CONSOLE_ERRORS: tuple[str, ...] = ()

PICTURE = "img[alt], svg[role=img]"

CONNECTED = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return panel?.sessionContext?.isReady && kernel?.connectionStatus === 'connected'
        && kernel.status === 'idle';
}"""
# run-all answers when the last cell is done, so nobody waits for it here.
RUN_ALL = "() => { void window.jupyterapp.commands.execute('notebook:run-all-cells') }"
# Only what is asked for is turned into JSON: the pictures of a lesson are megabytes.
CELLS = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
    return cells.map((cell, index) => {
        const count = cell.type === 'code' ? cell.outputs.length : 0;
        const outputs = Array.from({length: count}, (_, i) => cell.outputs.get(i));
        const checked = (cell.getMetadata('tags') ?? []).includes('nbval-check-output');
        const texts = outputs.filter(() => checked).map(o => o.toJSON())
            .map(o => o.text ?? o.data?.['text/plain'] ?? '');
        return {
            index, type: cell.type, count: cell.executionCount, checked,
            errors: outputs.filter(o => o.type === 'error').map(o => o.toJSON())
                .map(o => o.ename + ': ' + o.evalue),
            widget: outputs.some(o => 'application/vnd.jupyter.widget-view+json' in (o.data ?? {})),
            text: texts.map(t => Array.isArray(t) ? t.join('') : t).join(''),
        };
    });
}"""
SHUT_DOWN = "() => { void window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown() }"
SCROLL_TO = """index => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, 'auto')"""


class LabPage:
    """One browser page, and all that went wrong on it."""

    patience = (150, 2000)  # ms for a cell to be drawn; most are there at once

    def __init__(self, page, url: str, screenshots: Path):
        self.page = page
        self.url = url
        self.host = urlsplit(url).netloc
        self.screenshots = screenshots
        self.problems: list[str] = []
        page.on("request", lambda request: self._note_request(request.url))
        page.on("websocket", lambda socket: self._note_request(socket.url))
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.problems.append(f"request to another host: {url}")

    def _note_console(self, message) -> None:
        if message.type == "error" and not message.text.startswith(LABS_OWN_CONSOLE_ERRORS or "\0"):
            self.problems.append(f"console error: {message.text} ({message.location})")

    def open(self, notebook: str, token: str) -> None:
        """Open a notebook and wait until its kernel answers ("idle" alone comes too early)."""
        self.page.goto(f"{self.url}/lab/tree/{notebook}?reset&token={token}")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook", timeout=60_000)
        self.page.wait_for_function(CONNECTED, timeout=60_000)

    def cells(self) -> list[dict]:
        return self.page.evaluate(CELLS)

    def run_all(self, timeout: float = 180) -> None:
        """Run every cell; errors go to ``problems``. ``timeout`` in seconds."""
        self.page.evaluate(RUN_ALL)
        end = time.monotonic() + timeout
        while True:
            code = [cell for cell in self.cells() if cell["type"] == "code"]
            errors = [error for cell in code for error in cell["errors"]]
            if errors or all(cell["count"] for cell in code):
                break
            if time.monotonic() > end:
                waiting = [cell["index"] for cell in code if not cell["count"]]
                raise TimeoutError(f"cells {waiting} had not run after {timeout} s")
            self.page.wait_for_timeout(200)
        self.problems += [f"error in a cell: {error}" for error in errors]
        self.page.wait_for_timeout(500)  # what the last cell shows may still be on its way
        # Errors inside an Output widget are not in the notebook's model, but they are on the page.
        inside = self.page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        if inside.count() and not errors:
            self.problems.append(f"error in a widget: {inside.first.inner_text()[-300:]}")

    def checked_outputs(self) -> dict[int, str]:
        """What the cells with the tag ``nbval-check-output`` have printed, by their index."""
        return {cell["index"]: cell["text"] for cell in self.cells() if cell["checked"]}

    def close(self) -> None:
        """With the kernel, which would keep its memory until the last test is done."""
        with self.page.expect_request(lambda request: request.method == "DELETE"):
            self.page.evaluate(SHUT_DOWN)  # the server ends it; nobody waits until it has
        self.page.close()

    def find(self, label: str, css: str, inside: str):
        """A widget by its label. JupyterLab only draws the cells near the screen: scroll to it."""
        exactly = re.compile(f"^{re.escape(label)}$")
        name = self.page.locator(css, has_text=exactly)
        found = self.page.locator(inside, has=name).first if inside else name.first
        for patience in self.patience:
            for cell in self.cells():
                if not cell["widget"]:
                    continue
                self.page.evaluate(SCROLL_TO, cell["index"])
                try:
                    found.wait_for(timeout=patience)
                    return found
                except Exception as error:
                    if "Timeout" not in type(error).__name__:
                        raise
        raise LookupError(f"nothing labelled {label!r} in this notebook")

    def press(self, label: str) -> None:
        """Press a button by keyboard."""
        self.find(label, "button.jupyter-button:visible", "").focus()
        self.page.keyboard.press("Enter")
        self.page.wait_for_timeout(500)

    def write(self, label: str, text: str, timeout: float = 10) -> None:
        """Type into a text field; what is shown below it must become another thing."""
        field = self.find(label, ".widget-label", ".widget-text")
        output = field.locator(
            "xpath=ancestor::*[contains(concat(' ', @class, ' '), ' jp-OutputArea-output ')]"
        ).last
        before = output.inner_text()
        field.locator("input").fill(text)
        start = time.monotonic()
        while output.inner_text() == before:
            if time.monotonic() > start + timeout:
                raise TimeoutError(f"writing into {label!r} changed nothing in {timeout} s")
            self.page.wait_for_timeout(20)

    def move(self, label: str, timeout: float = 10) -> float:
        """Move a slider one step by keyboard; seconds until a picture beside it changes."""
        slider = self.find(label, ".widget-label", ".widget-slider")
        handle = slider.locator(".noUi-handle")
        output = slider.locator(
            "xpath=ancestor::*[contains(concat(' ', @class, ' '), ' jp-OutputArea-output ')]"
        ).last
        pictures = output.locator(PICTURE)
        show = "elements => elements.map(element => element.outerHTML).join()"
        start = time.monotonic()
        while slider.locator("[disabled]").count():  # a lab may take a moment to open
            if time.monotonic() > start + timeout:
                raise LookupError(f"the slider {label!r} is disabled")
            self.page.wait_for_timeout(50)
        before = pictures.evaluate_all(show)
        handle.focus()
        at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        start = time.monotonic()
        self.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        while pictures.evaluate_all(show) == before:
            if time.monotonic() > start + timeout:
                raise TimeoutError(f"moving {label!r} changed no picture in {timeout} s")
            self.page.wait_for_timeout(5)
        seconds = time.monotonic() - start
        for picture in pictures.all():
            self._check_picture(picture)
        return seconds

    def _check_picture(self, picture) -> None:
        picture.evaluate("async element => { if (element.decode) await element.decode() }")
        box = picture.bounding_box()
        if box is None or box["width"] < 20 or box["height"] < 20:
            self.problems.append(f"the picture is not to be seen: {box}")
        said = picture.get_attribute("alt") or picture.get_attribute("aria-label") or ""
        if not said.strip():
            self.problems.append("the picture has an empty alternative text")

    def screenshot(self, name: str) -> None:
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png")
