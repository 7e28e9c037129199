"""The command line as people use it: in a process of its own, with mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_course import cli
from gan_course.models import DCGANGenerator, weights
from gan_course.models.weights import save_generator

COMMAND = str(Path(sys.executable).with_name("gan-course"))
QUICK = ["--num-epochs", "1", "--base_channels", "2", "--batch-size", "256", "--device", "cpu"]


def run(*arguments, cwd=None, **environment):
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def one_sentence(result):
    """A user's mistake: a non-zero exit, no traceback, and something to read."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr + result.stdout
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    result = run("train", "--dataset", "digits", "--output-dir", folder, *QUICK, "--seed", "3")
    assert result.returncode == 0, result.stderr
    return folder


def test_train_writes_what_it_says(trained):
    for name in (
        "checkpoints/last.safetensors",
        "checkpoints/generator_epoch_1.pth",
        "checkpoints/generator_final.pth",
        "history.jsonl",
    ):
        assert (trained / name).stat().st_size > 0
    for name in ("generated_samples.png", "training_loss.png"):
        with Image.open(trained / "outputs" / name) as picture:
            picture.load()
            assert picture.width > 200
    assert not list(trained.rglob("*.part"))


def test_generate_from_each_kind_of_checkpoint(trained, tmp_path):
    pictures = []
    for i, name in enumerate(("generator_final.pth", "last.safetensors")):
        output = tmp_path / "new" / f"{i}.png"
        checkpoint = trained / "checkpoints" / name
        result = run(
            "generate", "--checkpoint", checkpoint, "--num_images", "9", "--output", output
        )
        assert result.returncode == 0, result.stderr
        pictures.append(Image.open(output).tobytes())
    assert pictures[0] == pictures[1]  # both hold the averaged generator


def test_a_second_run_in_the_same_folder_is_refused_and_nothing_is_lost(trained):
    before = {p: p.read_bytes() for p in trained.rglob("*") if p.is_file()}
    words = one_sentence(run("train", "--output-dir", trained, *QUICK))
    assert "already holds a run" in words and "--resume" in words
    words = one_sentence(run("train", "--output-dir", trained, *QUICK, "--resume", "--seed", "4"))
    assert "seed: 3 before, 4 now" in words
    assert {p: p.read_bytes() for p in trained.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--image-size", "48"], "16, 32, 64 or 128"),
        (["train", "--batch_size", "many"], "many"),
        (["train", "--batch_size", "1"], "at least 2"),
        (["train", "--learning_rate", "-1"], "between 0 and 1"),
        (["train", "--beta1", "1"], "[0, 1)"),
        (["train", "--label-smoothing", "0.1", "--loss", "hinge"], "no labels"),
        (["train", "--loss", "hinged"], "hinge"),
        (["train", "--dataset", "cats"], "'cats'"),
        (["train", "--dataset", "folder:/nowhere/at/all"], "does not exist"),
        (["train", "--device", "toaster"], "'toaster'"),
        (["train", "--resume"], "no run to resume"),
        (["train", "--batch-size", "5000"], "1797"),
        (["generate", "--checkpoint", "nothing.pth"], "does not exist"),
        (["generate", "--checkpoint", "."], "is a folder"),
        (["generate"], "--checkpoint"),
        (["fly"], "fly"),
        ([], "train"),
    ],
)
def test_mistakes_get_a_sentence(arguments, words, tmp_path):
    assert words in one_sentence(run(*arguments, cwd=tmp_path))
    assert not any(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num_images", "0"], "1 to 10,000"),
        (["--truncation", "-1"], "0 or more"),
        (["--output", "x.txt"], ".png or .jpg"),
    ],
)
def test_generate_mistakes(arguments, words, trained, tmp_path, capsys):
    checkpoint = str(trained / "checkpoints/generator_final.pth")
    with pytest.raises(SystemExit) as end:
        cli.main(["generate", "--checkpoint", checkpoint, *arguments])
    assert words in str(end.value.code)


@pytest.mark.parametrize("missing", ["cuda", "mps"])
def test_a_missing_gpu_is_named(missing, tmp_path):
    if getattr(torch, missing if missing == "cuda" else "mps").is_available():
        pytest.skip(f"this machine has {missing}")
    words = one_sentence(run("train", "--device", missing, cwd=tmp_path))
    assert "--device cpu" in words


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["generate", "--help"]])
def test_help_comes_at_once(arguments):
    times = []
    for _ in range(3):
        start = os.times()
        result = run(*arguments)
        end = os.times()
        # Processor time, which other tests that run beside this one do not stretch.
        times.append(
            end.children_user + end.children_system - start.children_user - start.children_system
        )
        assert result.returncode == 0
    assert min(times) < 0.5


def test_hyphen_and_underscore_are_alike():
    options = {
        "dataset": "mnist",
        "batch_size": "8",
        "num_epochs": "2",
        "learning_rate": "0.001",
        "beta1": "0.4",
        "save_interval": "3",
        "device": "cpu",
        "output_dir": "here",
        "image_size": "16",
        "seed": "5",
    }
    for name, value in options.items():
        under, hyphen = f"--{name}", f"--{name.replace('_', '-')}"
        a = cli.tyro.cli(cli.Command, args=["train", under, value])
        b = cli.tyro.cli(cli.Command, args=["train", hyphen, value])
        assert a == b and str(getattr(a, name)) == value
    a = cli.tyro.cli(cli.Command, args=["generate", "--checkpoint", "x", "--num_images", "4"])
    b = cli.tyro.cli(cli.Command, args=["generate", "--checkpoint", "x", "--num-images", "4"])
    assert a == b and a.num_images == 4


def test_commands_do_not_import_torch_before_they_run():
    code = "import sys; import gan_course.cli; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_doctor_tells_what_is_here(tmp_path):
    result = run("doctor", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert result.returncode == 0
    assert f"torch {torch.__version__.split('+')[0]}" in result.stdout
    assert str(tmp_path) in result.stdout
    if os.cpu_count() > 1:
        assert "OMP_NUM_THREADS=1" in result.stdout


def test_generate_replaces_an_old_picture_and_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    checkpoint, output = tmp_path / "g.pth", tmp_path / "x.png"
    save_generator(DCGANGenerator(16, 1, 4, 2), checkpoint)
    output.write_bytes(b"old")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(weights.os, "fsync", full_disk)
        with pytest.raises(SystemExit, match="No space left on device"):
            cli.main(["generate", "--checkpoint", str(checkpoint), "--output", str(output)])
    assert output.read_bytes() == b"old"
    cli.main(["generate", "--checkpoint", str(checkpoint), "--output", str(output)])
    assert Image.open(output).format == "PNG"
