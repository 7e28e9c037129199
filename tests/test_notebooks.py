"""The gates that the notebooks pass through do shut: nbval, papermill, and what may be stored."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
UNRUN = [
    p for k in ("exercises", "solutions") for p in sorted((ROOT / k).glob("[0-9][0-9]_*.ipynb"))
]
MAX_BYTES = 1_500_000


def short(path):
    return f"{path.parent.name}/{path.stem}"


def write_notebook(path, source, printed, tags=()):
    """A stored notebook of one cell, which is said to have printed this."""
    cell = {
        "cell_type": "code",
        "id": "only",
        "metadata": {"tags": list(tags)},
        "source": source,
        "execution_count": 1,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": printed}],
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path.write_text(
        json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )


@pytest.fixture(scope="module")
def nbval_verdicts(tmp_path_factory):
    """What nbval, called as the Makefile calls it, says about five small notebooks."""
    folder = tmp_path_factory.mktemp("nbval")
    exact = ["nbval-check-output"]
    write_notebook(folder / "right.ipynb", "print((8, 64, 32, 32))", "(8, 64, 32, 32)\n", exact)
    write_notebook(folder / "wrong.ipynb", "print((8, 64, 32, 32))", "(8, 64, 31, 31)\n", exact)
    write_notebook(folder / "untagged.ipynb", "print(2)", "3\n")
    write_notebook(folder / "raises.ipynb", "print(1 / 0)", "0\n")
    swallowed = "import ipywidgets as w\nout = w.Output()\nwith out:\n    1 / 0\nprint(1)"
    write_notebook(folder / "in_a_widget.ipynb", swallowed, "1\n")
    flags = re.search(r"^NBVAL = \$\(PY\) -m pytest (.*)\\\n(.*)", makefile(), re.MULTILINE)
    command = [sys.executable, "-m", "pytest", *flags[1].split(), *flags[2].split(), "-rA", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1, result.stdout + result.stderr
    lines = re.findall(r"^(PASSED|FAILED) (\w+)\W+ipynb", result.stdout, re.MULTILINE)
    return {name: verdict for verdict, name in lines}, result.stdout


def makefile():
    return (ROOT / "Makefile").read_text()


def test_nbval_fails_on_a_wrong_stored_output_of_a_tagged_cell(nbval_verdicts):
    verdicts, said = nbval_verdicts
    assert verdicts["right"] == "PASSED"
    assert verdicts["wrong"] == "FAILED"
    assert "(8, 64, 31, 31)" in said and "(8, 64, 32, 32)" in said


def test_nbval_compares_only_tagged_cells(nbval_verdicts):
    assert nbval_verdicts[0]["untagged"] == "PASSED"


def test_nbval_fails_on_errors_even_inside_a_widget(nbval_verdicts):
    assert nbval_verdicts[0]["raises"] == "FAILED"
    assert nbval_verdicts[0]["in_a_widget"] == "FAILED"


def test_papermill_runs_a_lesson_with_another_parameter(tmp_path):
    """The lesson trains for as long as it is told: 12 steps, stopping now and then for a picture.

    What comes after the training is left out here; the browser runs the whole of it.
    """
    out, lesson = tmp_path / "out.ipynb", tmp_path / "lesson.ipynb"
    notebook = json.loads((ROOT / "notebooks" / "08_train_dcgan.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    trained = next(i for i, source in enumerate(sources) if "trainer.step < STEPS" in source)
    notebook["cells"] = notebook["cells"][: trained + 2]
    notebook["cells"][-1] |= {
        "cell_type": "code",
        "source": 'print("step", trainer.step)',
        "outputs": [],
        "execution_count": None,
    }
    lesson.write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "STEPS", "12"]
    command += [str(lesson), str(out), "--cwd", str(tmp_path)]
    environment = {**os.environ, "GAN_COURSE_FAST": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    cells = json.loads(out.read_text())["cells"]
    injected = [c for c in cells if "injected-parameters" in c["metadata"].get("tags", [])]
    assert len(injected) == 1 and "STEPS = 12" in "".join(injected[0]["source"])
    printed = "".join(
        "".join(output.get("text", []))
        for cell in cells
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    )
    assert printed.split()[-2:] == ["step", "12"], printed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_stored_notebook_is_fit_to_be_read_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    assert "vnd.jupyter.widget-view" not in text and "vnd.jupyter.widget-state" not in text
    document = json.loads(text)
    assert "widgets" not in document["metadata"]
    for cell in document["cells"]:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error", output
            words = json.dumps({k: v for k, v in output.items() if k != "data"})
            data = output.get("data", {})
            words += json.dumps({k: v for k, v in data.items() if not k.startswith("image/")})
            words = re.sub(r"base64,[A-Za-z0-9+/=]+", "", words)
            for path_of_a_machine in ("/home/", "/tmp/", "/root/", "/Users/", str(ROOT)):
                assert path_of_a_machine not in words


@pytest.mark.parametrize("path", UNRUN, ids=short)
def test_exercises_and_solutions_are_stored_unrun(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def test_there_are_notebooks():
    """An empty folder would pass all of the above."""
    assert len(NOTEBOOKS) >= 3 and len(UNRUN) >= 4
