"""gan-course stylize, as people use it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_course import cli

COMMAND = str(Path(sys.executable).with_name("gan-course"))
SMALL = ["--content", "china", "--style", "flower", "--image-size", "64", "--device", "cpu"]


def test_it_writes_a_picture_and_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["stylize", *SMALL, "--steps", "3"])
    said = capsys.readouterr().out
    assert "64x43 pixels, 3 steps through the network offline" in said
    assert "step    1 of 3: content" in said and "step    3 of 3: content" in said
    assert f"Picture: {Path('outputs/stylized.png')}" in said
    with Image.open("outputs/stylized.png") as picture:
        assert picture.size == (64, 43) and picture.format == "PNG"


def test_the_same_seed_writes_the_same_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--steps", "2", "--start", "noise", "--style-size", "48"]
    for name, seed in (("a.png", "0"), ("b.png", "0"), ("c.png", "1")):
        cli.main(["stylize", *SMALL, *options, "--seed", seed, "--output", name])
    pictures = [Path(name).read_bytes() for name in ("a.png", "b.png", "c.png")]
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_picture_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGBA", (90, 300), (20, 200, 60, 99)).save("own.webp")
    cli.main(["stylize", *SMALL, "--style", "own.webp", "--steps", "1", "--output", "x.jpg"])
    with Image.open("x.jpg") as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--content", "missing.jpg"], "no picture missing.jpg"),
        (["--style", "text.png"], "text.png is not a picture"),
        (["--output", "x.gif"], "must end in .png or .jpg"),
        (["--content", "own.png", "--output", "own.png"], "would replace your picture own.png"),
        (["--network", "resnet"], "no network 'resnet'"),
        (["--image-size", "5000"], "32 to 2,048 pixels, not 5000"),
        (["--steps", "0"], "steps must lie in 1 to 10,000"),
        (["--style-weight", "nan"], "style_weight must be 0 or more"),
        (["--start", "black"], "start must be one of"),
        (["--optimizer", "sgd"], "optimizer must be one of"),
        (["--device", "gpu"], "no device called 'gpu'"),
    ],
)
def test_a_mistake_ends_in_a_sentence(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("no picture")
    Image.new("RGB", (40, 40)).save("own.png")
    before = Path("own.png").read_bytes()
    with pytest.raises(SystemExit) as end:
        cli.main(["stylize", *SMALL, *arguments])
    message = str(end.value.code)
    assert message.startswith("gan-course: ") and said in message and "\n" not in message
    assert Path("own.png").read_bytes() == before and not Path("outputs").exists()


def test_vgg19_that_cannot_be_had_names_the_way_out(tmp_path, monkeypatch):
    from torchvision import models

    def unreachable(**kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(models, "vgg19", unreachable)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"could not be fetched.*--network offline works"):
        cli.main(["stylize", *SMALL, "--network", "vgg19"])


def test_a_number_that_is_none_is_said_and_the_picture_kept(tmp_path, monkeypatch, capsys):
    from gan_course.style import StyleTransfer

    whole = StyleTransfer.step

    def sabotage(self):
        if self.step_count == 2:
            self.weights["tv"] = float("nan")
        return whole(self)

    monkeypatch.setattr(StyleTransfer, "step", sabotage)
    monkeypatch.chdir(tmp_path)
    cli.main(["stylize", *SMALL, "--steps", "5"])
    assert "in step 3" in capsys.readouterr().err
    assert Image.open("outputs/stylized.png").getextrema()[0][1] > 100


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.slow
def test_ctrl_c_saves_what_is_there(tmp_path):
    process = subprocess.Popen(
        [COMMAND, "stylize", *SMALL, "--steps", "9999"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("step"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130 and "Traceback" not in err
    assert "of 9999 steps" in err and "Picture:" in out
    with Image.open(tmp_path / "outputs" / "stylized.png") as picture:
        assert picture.size == (64, 43)


def test_memory_that_runs_out_is_named(tmp_path, monkeypatch):
    def no_room(*arguments, **choices):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried ...")

    monkeypatch.setattr("gan_course.style.stylize", no_room)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"out of memory.*--image-size"):
        cli.main(["stylize", *SMALL])
