"""JupyterLab with its token on, and a headless Chromium to look at it."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from find_browser import find_browser
from lab_page import LabPage

ROOT = Path(__file__).parent.parent.parent
REQUIRED = os.environ.get("GAN_COURSE_REQUIRE_BROWSER", "0") not in ("", "0")


def give_up(reason: str) -> None:
    """Skip, except where the browser is required: there a silent skip would be a lie."""
    if REQUIRED:
        pytest.fail(f"GAN_COURSE_REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("Playwright is not installed: pip install -e . --group dev")
    with sync_playwright() as playwright:
        path = find_browser(playwright)
        if path is None:
            give_up("no Chromium or Chrome was found; name one with CHROMIUM=/path/to/it")
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        quiet += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """(url, token, root) of a JupyterLab on 127.0.0.1; its root is a copy of the notebooks."""
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "root"
    copy_notebooks(root)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_urlsafe(16)
    environment = {**os.environ, "JUPYTER_TOKEN": token, "JUPYTER_PREFER_ENV_PATH": "1"}
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    for name in (*folders, "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        environment[name] = str(home / name.lower())
    # As in the Makefile: no question about news, no look for updates.
    settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    log = home / "jupyterlab.log"
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        f"--ServerApp.root_dir={root}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, token, server, log)
        yield url, token, root
    finally:
        server.send_signal(signal.SIGTERM)  # it shuts its kernels down, too
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def copy_notebooks(root: Path) -> None:
    """Without outputs and counts: what is on the page after a run was made by that run."""
    for source in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(source.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
        target = root / "notebooks" / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(notebook), encoding="utf-8")


def wait_for(url: str, token: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/status?token={token}", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def context(browser):
    """One for all tests: JupyterLab's code is then read and translated once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def lab_page(context, lab_server):
    """A fresh page; its screenshots are kept in build/screenshots/."""
    page = LabPage(context.new_page(), lab_server[0], ROOT / "build" / "screenshots")
    yield page
    page.close()
