"""Each lesson here opens in a real JupyterLab, runs, and answers to the keyboard."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"

pytestmark = pytest.mark.browser

# A lesson is added with one line: its notebook, and what is done in it, in order, by keyboard.
# After each move of a slider a picture beside it must be another one.
LESSONS = [
    ("00_start_here", ["move seed", "move images per row"]),
    ("01_conv2d", ["press skip", "move chosen cell", "move input size", "move kernel_size"]),
    (
        "02_conv_transpose2d",
        [
            "press skip",  # ConvBench asks twice
            "press skip",
            "move chosen cell",
            "press skip",
            "move cell in the middle",
            "press skip",
            "move layers",
            "press 1, 7, 14, 28",
        ],
    ),
    ("03_activations", ["press skip", "move mean of x", "move spread of x"]),
    ("04_batchnorm", ["press skip", "move mean of x", "move batch_size"]),
    ("05_first_networks", ["press skip", "move image size", "move Linear: side"]),
    ("06_gan_game", ["press skip", "move stage", "press skip", "press Step both"]),
    ("07_dcgan", ["press skip", "move channel", "move times"]),
    (
        "08_train_dcgan",
        [
            "press One step",
            "press skip",
            "move frame",
            "press skip",
            "move latent z",
            "move seed A",
        ],
    ),
    ("09_failure_modes", ["press skip", "move start θ", "press Samples"]),
    (
        "10_self_attention",
        ["press skip", "move red ← red", "press skip", "move temperature", "move gamma γ"],
    ),
    (
        "11_spectral_norm_hinge",
        ["press skip", "move rounds", "move W row 1, right", "press discriminator"],
    ),
    ("12_sagan", ["press skip", "move moment", "move row", "press look into D"]),
    (
        "13_evaluation",
        [
            "press skip",
            "move points N",
            "press skip",
            "move truncation",
            "press skip",
            "press Fake (f)",
        ],
    ),
    ("14_high_resolution", ["press skip", "move α", "press skip", "move D's strength"]),
    (
        "15_style_transfer",
        ["press skip", "move shuffle", "press skip", "press Step"],
    ),
    (
        "16_your_own_images",
        ["press skip", "move changed, %", "press skip", "press skip", "move seed of z"],
    ),
    ("90_glossary_and_gallery", ["write search collapse"]),
    ("91_gan_in_keras", []),
]


@pytest.mark.parametrize(("lesson", "actions"), LESSONS, ids=[name for name, _ in LESSONS])
def test_lesson(lab_page, lab_server, lesson, actions):
    _, token, _ = lab_server
    lab_page.open(f"notebooks/{lesson}.ipynb", token)
    lab_page.run_all()
    assert not lab_page.problems
    assert lab_page.checked_outputs() == stored_outputs(lesson)
    for action in actions:
        verb, label = action.split(" ", 1)
        if verb == "press":
            lab_page.press(label)
        elif verb == "write":
            label, text = label.split(" ", 1)
            lab_page.write(label, text)
        else:
            seconds = lab_page.move(label)
            print(f"{lesson}: {label} -> new picture after {seconds * 1000:.0f} ms")
        lab_page.screenshot(f"{lesson}-{action.replace(' ', '-')}")
    assert not lab_page.problems


def stored_outputs(lesson):
    """What nbval compares: the stored text of the cells that say so, by their index."""
    cells = json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    stored = {}
    for index, cell in enumerate(cells):
        if "nbval-check-output" in cell["metadata"].get("tags", []):
            parts = [o.get("text") or o["data"]["text/plain"] for o in cell["outputs"]]
            stored[index] = "".join("".join(part) for part in parts)
    return stored


def write_notebook(path, *cells):
    """A small notebook of code cells."""
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    document = {
        "cells": [{**code, "id": f"c{i}", "source": text} for i, text in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document))


SLIDER = """
import ipywidgets as widgets
def picture(n):
    return f'<svg role="img" aria-label="{n}" width="99" height="99"><text y="50">{n}</text></svg>'
slider = widgets.IntSlider(description="number", max=9)
view = widgets.HTML(picture(0))
LINK
widgets.VBox([slider, view])
"""
LINK = (
    "slider.observe(lambda change, view=view: setattr(view, 'value', picture(change.new)), 'value')"
)


def test_a_moving_picture_is_seen_to_move_and_a_dead_one_is_not(lab_page, lab_server):
    _, token, root = lab_server
    write_notebook(
        root / "sliders.ipynb",
        SLIDER.replace("LINK", LINK),
        SLIDER.replace("LINK", "").replace("number", "dead"),
        SLIDER.replace("LINK", "slider.disabled = True").replace("number", "locked"),
    )
    lab_page.open("sliders.ipynb", token)
    lab_page.run_all()
    assert lab_page.move("number") < 5
    with pytest.raises(TimeoutError, match="changed no picture"):
        lab_page.move("dead", timeout=1)
    lab_page.patience = (150, 300)
    with pytest.raises(LookupError, match="nothing labelled 'missing'"):
        lab_page.move("missing")
    with pytest.raises(LookupError, match="'locked' is disabled"):
        lab_page.move("locked", timeout=1)
    assert not lab_page.problems


def test_planted_faults_are_seen(lab_page, lab_server):
    """The lesson test above is worth something only if each of these would fail it."""
    _, token, root = lab_server
    write_notebook(
        root / "faults.ipynb",
        "from IPython.display import HTML, Javascript\n"
        'HTML(\'<img alt="" src="http://course.invalid/a.png">\')',
        "Javascript('console.error(\"planted\")')",
        "1 / 0",
    )
    lab_page.open("faults.ipynb", token)
    lab_page.run_all()
    seen = "\n".join(lab_page.problems)
    assert "request to another host: http://course.invalid/a.png" in seen
    assert "console error: planted" in seen
    assert "error in a cell: ZeroDivisionError" in seen
