"""`make lab`, as it stands: it opens the course on 127.0.0.1, and to nobody without the token."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")


@pytest.fixture
def make_lab(tmp_path):
    """(the address it printed, all that it printed), without a browser and at a free port."""
    environment = {name: str(tmp_path / name.lower()) for name in FOLDERS}
    kept = {n: v for n, v in os.environ.items() if "MAKE" not in n and n != "MFLAGS"}
    kept.pop("JUPYTER_TOKEN", None)
    log = tmp_path / "log"
    flags = "LABFLAGS=--no-browser --ServerApp.port=0"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "lab", f"VENV={sys.prefix}", flags],
            cwd=ROOT,
            env=kept | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        end, found = time.monotonic() + 60, None
        while found is None and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
            found = re.search(r"http://\S+token=\w+", log.read_text())
        assert found, log.read_text()[-3000:]
        yield found[0], log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_opens_the_first_lesson_to_who_has_the_token(make_lab):
    address, said = make_lab
    page, token = address.split("?token=")
    assert re.fullmatch(r"http://(127\.0\.0\.1|localhost):\d+/lab/tree/notebooks/00_.*", page)
    assert not re.search(r"https?://(?!127\.0\.0\.1|localhost)[\w.]+:\d+", said)
    server = page.split("/lab")[0]
    first = f"{server}/api/contents/notebooks/00_start_here.ipynb"
    assert status(f"{first}?content=0&token={token}") == 200
    assert status(f"{first}?content=0") == 403
    assert status(f"{first}?content=0&token={token[::-1]}") == 403
