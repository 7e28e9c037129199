"""What every lab gives to a page: a live widget, a still picture, and both in words."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from traitlets import Int

from gan_course.errors import CourseError
from gan_course.labs import ConvBench, Lab, Sampler, show
from gan_course.labs.base import WIDGET, torch_threads
from gan_course.models import DCGANGenerator


def decoded(png_base64):
    return Image.open(io.BytesIO(base64.b64decode(png_base64)))


def small_generator():
    torch.manual_seed(0)
    return DCGANGenerator(16, 1, 8, 8)


@pytest.mark.parametrize(
    ("lab", "shown_width"),
    [
        (lambda: Sampler(small_generator()), 438),
        (lambda: ConvBench(), 792),
        (lambda: ConvBench(revealed=True, n=3, kernel_size=7, padding=0), 792),  # an error picture
    ],
)
def test_a_displayed_lab_brings_widget_picture_and_words(lab, shown_width):
    lab = lab()
    data, metadata = lab._repr_mimebundle_()
    assert set(data) == {WIDGET, "image/png", "text/plain"}
    assert data["text/plain"] == metadata["image/png"]["alt"] == lab.alt_text()
    still = decoded(data["image/png"])
    assert still.format == "PNG"
    assert metadata["image/png"]["width"] == shown_width == still.width // lab.still_scale
    assert np.asarray(still.convert("L")).std() > 5  # not an empty card
    assert data[WIDGET]["model_id"] == lab.ui().model_id


def test_the_caption_is_the_alt_text_and_both_follow():
    lab = ConvBench(revealed=True)
    lab.ui()
    before = lab._caption.value
    assert 'role="status"' in before and lab.alt_text() in before
    lab.stride = 1
    assert lab._caption.value != before
    assert lab.alt_text() in lab._caption.value
    assert "7×7" in lab.alt_text()


def test_nothing_is_drawn_while_nobody_looks():
    class Counting(Lab):
        picture_traits = ("n",)
        n = Int(0)
        drawn = 0

        def live_html(self):
            self.drawn += 1
            return str(self.n)

        def alt_text(self):
            return "a number"

        def controls(self):
            from ipywidgets import HTML

            return HTML()

    lab = Counting()
    lab.n = 5
    assert lab.drawn == 0
    assert lab.ui() is lab.ui()
    lab.n = 6
    assert lab.drawn == 2 and lab._picture.value == "6"


def test_the_code_box_is_filled_when_it_is_opened_and_then_kept_fresh():
    lab = Sampler(small_generator())
    lab.ui()
    lab.seed = 3
    assert lab._code.value == ""
    lab._code_box.button.value = True
    assert "manual_seed(3)" in lab._code.value
    lab.seed = 4
    assert "manual_seed(4)" in lab._code.value


def test_an_unknown_setting_is_named():
    with pytest.raises(CourseError, match=r"ConvBench has no 'kernal_size'.*kernel_size"):
        ConvBench(kernal_size=3)


def test_a_skipped_prediction_is_not_a_right_one():
    lab = ConvBench()
    assert lab.predict("?", 4, 4) is True
    assert lab.predict("?", 5, 4) is False
    assert lab.predict("?", None, None) is False
    assert [p["right"] for p in lab.predictions] == [True, False, False]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_drawing_leaves_torch_as_it_was(two_threads):
    inside = []
    with pytest.raises(ZeroDivisionError), torch_threads(1):
        inside.append(torch.get_num_threads())
        raise ZeroDivisionError
    with torch_threads(0):
        inside.append(torch.get_num_threads())
    assert inside == [1, 1] and torch.get_num_threads() == 2
    ConvBench().ui()
    assert torch.get_num_threads() == 2


# ---- show ------------------------------------------------------------------------------------


def shown(capture, *arguments):
    capture.clear()
    show(*arguments)
    [(data, metadata)] = capture
    return data, metadata


@pytest.fixture
def capture(monkeypatch):
    """What ``display`` was given."""
    seen = []
    monkeypatch.setattr(
        "gan_course.labs.base.display",
        lambda data, raw, metadata: seen.append((data, metadata)),
    )
    return seen


@pytest.mark.parametrize(
    "picture",
    [
        np.arange(48, dtype=np.uint8).reshape(6, 8),
        np.zeros((6, 8, 3), np.uint8) + np.uint8(77),
        Image.new("RGB", (8, 6), "#D55E00"),
    ],
    ids=["grey array", "colour array", "PIL"],
)
def test_show_a_picture(capture, picture):
    data, metadata = shown(capture, picture, "eight by six")
    assert data["text/plain"] == metadata["image/png"]["alt"] == "eight by six"
    assert (np.asarray(decoded(data["image/png"])) == np.asarray(picture)).all()


def test_show_closes_a_matplotlib_figure(capture):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots()
    axis.plot([0, 1], [0, 1])
    data, metadata = shown(capture, figure, "a rising line")
    assert not plt.fignum_exists(figure.number)
    assert metadata == {"image/png": {"alt": "a rising line"}}
    assert np.asarray(decoded(data["image/png"]).convert("L")).std() > 5


@pytest.mark.parametrize("alt", ["", "  "])
def test_show_wants_alt_text(capture, alt):
    with pytest.raises(ValueError, match="alt text"):
        show(Image.new("L", (2, 2)), alt)
    assert not capture


# ---- what is imported ------------------------------------------------------------------------


def python(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_package_of_labs_imports_nothing_heavy_until_asked():
    names = python(
        "import sys, gan_course.labs\n"
        "print(*sorted({'torch', 'ipywidgets', 'matplotlib', 'PIL'} & set(sys.modules)))"
    )
    assert names.strip() == ""


def test_no_matplotlib_figure_in_a_live_path():
    names = python(
        "import sys\n"
        "from gan_course.labs import ConvBench, Sampler\n"
        "for lab in (Sampler(), ConvBench(revealed=True)):\n"
        "    lab._repr_mimebundle_()\n"
        "lab.cursor = 3\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert names.strip() == "False"


def test_an_unknown_lab_is_an_attribute_error():
    import gan_course.labs

    with pytest.raises(AttributeError, match="ToyGanLab"):
        gan_course.labs.ToyGanLab  # noqa: B018
    assert {"Sampler", "ConvBench", "LiveTraining", "Quiz", "quiz", "show", "Lab"} <= set(
        gan_course.labs.__all__
    )
