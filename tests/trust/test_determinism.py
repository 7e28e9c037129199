"""The same seed on the same CPU with as many threads: the same bytes, in this process and another.

What holds and what does not was measured, and stands in the README under "The same seed".
"""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from long_form import LONG

from gan_course import cli
from gan_course.toy import ToyConfig, ToyGame

SMALL = ["--base-channels", "4", "--latent-dim", "8", "--num-epochs", "1", "--device", "cpu"]
MODELS = {
    "dcgan": ["--image-size", "16", "--batch-size", "256"],
    "sagan": ["--conditional", "--batch-size", "256"],
    "r3gan": ["--image-size", "16", "--batch-size", "256"],
}
WRITTEN = ["history.jsonl", "checkpoints/last.safetensors", "checkpoints/generator_final.pth"]
WRITTEN += ["outputs/generated_samples.png", "outputs/training_loss.png"]
SHORT = [] if LONG else ["dcgan"]  # in `make test` one model and this process; else all and two


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def command(*words):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli.main([str(word) for word in words])


def run_of(model, seed=0):
    """Train in the folder that we are in, and draw. Returns a digest of each file, by its name."""
    command(
        "train", "--model", model, *SMALL, *MODELS[model], "--seed", seed, "--output-dir", "run"
    )
    weights = "run/checkpoints/generator_final.pth"
    command("generate", "--checkpoint", weights, "--num-images", 9, "--output", "drawn.png")
    return {name: digest(f"run/{name}") for name in WRITTEN} | {"drawn.png": digest("drawn.png")}


def measured():
    """The same for what needs no training."""
    weights = Path(__file__).parents[2] / "gan_course/pretrained/digits.safetensors"
    command("evaluate", "--checkpoint", weights, "--num-images", 32, "--output", "numbers.json")
    stylize = ["stylize", "--content", "china", "--style", "flower", "--image-size", 32]
    for optimizer in ("adam", "lbfgs"):
        given = ["--steps", 2, "--start", "noise", "--optimizer", optimizer, "--device", "cpu"]
        command(*stylize, *given, "--output", f"{optimizer}.png")
    game = ToyGame(ToyConfig(seed=3))
    game.step(20)
    Path("toy.bytes").write_bytes(game.samples(100).numpy().tobytes())
    names = ("numbers.json", "adam.png", "lbfgs.png", "toy.bytes")
    # The report names the file that it was asked about; nothing else in it is a path.
    return {name: digest(name) for name in names}


def in_a_process_of_its_own(folder, what, *arguments, threads=1):
    code = f"import torch; torch.set_num_threads({threads}); import test_determinism as t; "
    code += f"import json; print(json.dumps(t.{what}(*{arguments!r})))"
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    trust, tests, root = list(Path(__file__).parents)[:3]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (trust, tests, root)))
    folder.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.strip().splitlines()[-1])


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def twice(tmp_path, monkeypatch, one_thread):
    """Call something in two fresh folders of this process, with other random numbers between."""

    def call(what, *arguments):
        found = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            torch.rand(7)  # nobody may depend on what was drawn before
            found.append(what(*arguments))
        return found

    return call


@pytest.mark.parametrize("model", SHORT or MODELS)
def test_the_same_seed_trains_to_the_same_bytes(model, twice, tmp_path):
    first, second = twice(run_of, model)
    assert first == second
    if LONG:
        assert in_a_process_of_its_own(tmp_path / "other", "run_of", model) == first
        Path("run").rename("before")
        other = run_of(model, 1)  # and another seed to others: it is no constant that we compare
        assert all(other[name] != first[name] for name in first)


def test_numbers_and_pictures_come_out_the_same(twice, tmp_path):
    first, second = twice(measured)
    assert first == second
    if LONG:
        assert in_a_process_of_its_own(tmp_path / "other", "measured") == first


@pytest.mark.skipif(not LONG, reason="starts four processes; in `make trust`")
@pytest.mark.parametrize("model", MODELS)
def test_two_threads_are_the_same_each_time(model, tmp_path):
    """But not the same as one: sums are added up in another order, as the README says."""
    runs = [
        in_a_process_of_its_own(tmp_path / str(i), "run_of", model, threads=2) for i in range(2)
    ]
    assert runs[0] == runs[1]


def test_the_reader_is_told_what_holds():
    root = Path(__file__).parents[2]
    text = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    for words in ("same number of threads", "On a GPU", "same bytes"):
        assert words in text
