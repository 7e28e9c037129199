"""Every command and every snippet of the README is run, as a reader would run it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from long_form import LONG

import gan_course.labs
from gan_course.checks.course import LESSONS
from gan_course.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)

# Building an environment is what CI does before it can run this test: .ci/run calls `make test`,
# which creates .venv with the pip commands of the README. uv and conda may not be installed.
SET_UP = ("python3 -m venv", ".venv/bin/python -m pip", "uv ", "conda ")
# These open JupyterLab and stay; tests/browser does that.
OPENS_LAB = ("jupyter lab", ".venv/bin/jupyter lab", "make lab")
# The command that is running this test.
OURSELVES = ("make test",)


def commands():
    for language, text in BLOCKS:
        if language == "bash":
            for line in text.splitlines():
                yield line.split("  #")[0].strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def run(command, folder):
    environment = dict(os.environ)
    scripts = str(Path(sys.executable).parent)
    environment["PATH"] = scripts + os.pathsep + environment["PATH"]
    return subprocess.run(
        shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_readme_still_has_its_blocks():
    languages = [language for language, _ in BLOCKS]
    assert languages.count("python") >= 3 and languages.count("bash") >= 6


@pytest.mark.trust
def test_commands_run(folder, monkeypatch):
    """In order, in an empty folder: training first, then what uses its checkpoint.

    `make trust` runs them as they stand, each in a process of its own. Else training is cut to one
    epoch and a style to five steps, and only `gan-course doctor` gets a process.
    """
    fast, ran = not LONG, 0
    monkeypatch.chdir(folder)
    for command in commands():
        if command.startswith((*SET_UP, *OPENS_LAB, *OURSELVES)):
            continue
        if fast and command.startswith("gan-course train"):
            command += " --num-epochs 1"
        if fast and command.startswith("gan-course stylize"):
            command += " --steps 5"
        if fast and command.startswith("gan-course ") and command != "gan-course doctor":
            main(shlex.split(command)[1:])
        else:
            result = run(command, folder)
            assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        ran += 1
    assert ran >= 6
    for written in (
        "runs/digits/outputs/generated_samples.png",
        "runs/digits/outputs/training_loss.png",
        "runs/digits/outputs/more.png",
        "runs/sagan/outputs/sevens.png",
    ):
        assert (folder / written).stat().st_size > 1000


@pytest.mark.parametrize("target", ["lab", "test"])
def test_make_targets_exist(target):
    result = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("index", range(sum(language == "python" for language, _ in BLOCKS)))
def test_python_snippets_run(index, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = [text for language, text in BLOCKS if language == "python"][index]
    exec(compile(code, f"README.md, Python block {index + 1}", "exec"), {})
    # A number in a comment behind a print is a promise.
    promised = re.findall(r"print\(.*\)  # (\d+)", code)
    printed = capsys.readouterr().out.split()
    if promised:
        assert printed == promised


def test_what_it_counts_is_there():
    labs = [name for name in gan_course.labs.__all__ if name[0].isupper() and name != "Lab"]
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    exercises = sum(len(lesson.tasks) for lesson in LESSONS)
    counts = [int(n) for n in re.findall(r"^- \*\*(\d+) \w+", README, re.MULTILINE)]
    assert counts == [len(notebooks), len(labs), exercises]


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
