"""Which Chromium or Chrome is there? As a program: print its path; it ends with 1 without one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_browser(playwright) -> str | None:
    named = os.environ.get("CHROMIUM")
    if named:
        return named  # if it does not start, that is an error to see
    for browser in BROWSERS:
        path = shutil.which(browser)
        # A stub that only tells you to install something answers with an error.
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


if __name__ == "__main__":
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit(1)
    with sync_playwright() as started:
        found = find_browser(started)
    print(found or "no Chromium or Chrome was found")
    sys.exit(found is None)
