"""The command line as people use it, with mistakes; where it matters in a process of its own."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_course import cli, files
from gan_course.models import DCGANGenerator, SAGANGenerator
from gan_course.models.weights import save_generator

COMMAND = str(Path(sys.executable).with_name("gan-course"))
QUICK = ["--num-epochs", "1", "--base_channels", "2", "--batch-size", "256", "--device", "cpu"]


def run(*arguments, cwd=None, process=False, **environment):
    """The command here, in this process, which has imported torch already; or in one of its own."""
    command = [COMMAND, *map(str, arguments)]
    if process or environment:
        environment = {**os.environ, **environment}
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
        )
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(cwd or Path.cwd()))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            cli.main(command[1:])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int | None) else 1
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
            code = 1
    return subprocess.CompletedProcess(command, code or 0, out.getvalue(), err.getvalue())


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
        (["train", "--conditional"], "dcgan has no such thing"),
        (["train", "--model", "sagan", "--attention-at", "32"], "one of 4, 8, 16"),
        (["train", "--spectral-norm", "maybe"], "'maybe'"),
        (["train", "--dataset", "cats"], "'cats'"),
        (["train", "--dataset", "folder:/nowhere/at/all"], "does not exist"),
        (["train", "--device", "toaster"], "'toaster'"),
        (["train", "--resume"], "no run to resume"),
        (["train", "--output-dir", "None"], "Name a folder"),
        (["train", "--seed", "-5"], "between 0 and 2**40"),
        (["train", "--batch-size", "5000"], "1797"),
        (["generate", "--checkpoint", "nothing.pth"], "does not exist"),
        (["generate", "--checkpoint", "."], "is a folder"),
        (["generate"], "--checkpoint"),
        (["fly"], "fly"),
        ([], "train"),
    ],
)
def test_mistakes_get_a_sentence(arguments, words, tmp_path, monkeypatch, capsys):
    """In this process, for speed: the tests around this one look at whole processes."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    said = capsys.readouterr().err
    if isinstance(end.value.code, str):  # Python prints it and exits with 1
        said += end.value.code
    else:
        assert end.value.code == 2  # usage
    assert words in " ".join(said.replace("│", " ").split())
    assert not any(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num_images", "0"], "1 to 10,000"),
        (["--truncation", "-1"], "0 or more"),
        (["--truncation", "nan"], "0 or more"),
        (["--seed", "-1"], "between 0 and 2**40"),
        (["--seed", "9" * 30], "between 0 and 2**40"),
        (["--output", "x.txt"], ".png or .jpg"),
        (["--label", "7"], "was trained without classes"),
    ],
)
def test_generate_mistakes(arguments, words, trained, tmp_path, capsys):
    checkpoint = str(trained / "checkpoints/generator_final.pth")
    with pytest.raises(SystemExit) as end:
        cli.main(["generate", "--checkpoint", checkpoint, *arguments])
    assert words in str(end.value.code)


def test_a_label_is_drawn_alone(tmp_path, monkeypatch):
    torch.manual_seed(0)
    generator = SAGANGenerator(32, 1, 8, 4, num_classes=3).eval()
    for name, value in generator.named_parameters():
        if name.endswith(("gain.weight", "bias.weight")):
            torch.nn.init.normal_(value)  # at first all classes are alike
    save_generator(generator, tmp_path / "g.pth")
    asked = []
    draw = SAGANGenerator.generate

    def watched(self, *arguments, labels=None):
        images = draw(self, *arguments, labels=labels)
        asked.append((labels, images))
        return images

    monkeypatch.setattr(SAGANGenerator, "generate", watched)
    monkeypatch.chdir(tmp_path)
    for label in ("0", "2"):
        cli.main(["generate", "--checkpoint", "g.pth", "--num-images", "4", "--label", label])
    assert [labels.tolist() for labels, _ in asked] == [[0] * 4, [2] * 4]
    assert not torch.allclose(asked[0][1], asked[1][1], atol=0.05)
    cli.main(["generate", "--checkpoint", "g.pth"])
    assert asked[2][0] is None  # all of them
    for label in ("3", "-1"):
        with pytest.raises(SystemExit, match=f"0 to 2, but is {label}"):
            cli.main(["generate", "--checkpoint", "g.pth", "--label", label])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], False),
        (["--spectral-norm"], True),
        (["--spectral-norm", "--seed", "1"], True),
        (["--spectral-norm", "False"], False),
        (["--model", "sagan"], True),
        (["--model", "sagan", "--spectral-norm", "False"], False),
    ],
)
def test_spectral_norm_is_a_flag_whose_default_hangs_on_the_model(arguments, expected, monkeypatch):
    made = []
    monkeypatch.setattr(cli, "run", made.append)
    cli.main(["train", *arguments])
    assert made[0].spectral_norm is expected


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


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_saves_and_resume_goes_on(tmp_path):
    history = tmp_path / "history.jsonl"
    arguments = [COMMAND, "train", "--output-dir", str(tmp_path), "--device", "cpu"]

    def written():
        return history.stat().st_mtime_ns if history.exists() else None

    def stopped_after(*more):
        """Start, press Ctrl-C as soon as training has begun, and read what is said."""
        before = written()
        process = subprocess.Popen(
            [*arguments, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while written() == before and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
        assert process.returncode == 130 and "Traceback" not in err, err
        assert "and saved. Go on with --resume" in out and "Weights" not in out
        return int(re.search(r"Stopped after (\d+) steps", out).group(1))

    first = stopped_after()
    assert 0 < first < stopped_after("--resume") < 30 * 56


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried ...")])
def test_memory_that_runs_out_is_named(error, monkeypatch, tmp_path):
    def no_room(config):
        raise error

    monkeypatch.setattr("gan_course.training.trainer.Trainer", no_room)
    with pytest.raises(SystemExit, match="out of memory"):
        cli.main(["train", "--output-dir", str(tmp_path)])


def test_other_errors_of_torch_are_not_hidden(monkeypatch, tmp_path):
    def broken(config):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("gan_course.training.trainer.Trainer", broken)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        cli.main(["train", "--output-dir", str(tmp_path)])


def test_a_warning_is_one_sentence(tmp_path):
    for i in range(3):
        Image.new("RGB", (16, 16), (i, 0, 0)).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = ["--image-size", "16", "--batch-size", "2", "--num-epochs", "1", "--device", "cpu"]
    data = f"folder:{tmp_path}"
    result = run("train", "--dataset", data, "--output-dir", tmp_path / "run", *options)
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("gan-course: 1 files in")
    assert "broken.png: not an image" in result.stderr and ".py" not in result.stderr


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
        patch.setattr(files.os, "fsync", full_disk)
        with pytest.raises(SystemExit, match="No space left on device"):
            cli.main(["generate", "--checkpoint", str(checkpoint), "--output", str(output)])
    assert output.read_bytes() == b"old"
    cli.main(["generate", "--checkpoint", str(checkpoint), "--output", str(output)])
    assert Image.open(output).format == "PNG"
