"""Two processes train as one does: equal to the last bit, and like one process to rounding."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from workers import config, state_of, train_in_pairs, train_labelled

from gan_course.models.weights import load_generator
from gan_course.training import Trainer
from gan_course.training.distributed import Processes, SharedBatchNorm2d

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run(*command):
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of the two processes reports."""
    folder = tmp_path_factory.mktemp("two")
    run(Path(__file__).with_name("workers.py"), folder, free_port())
    reports = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    for rank, report in enumerate(reports):
        names = ("state", "labelled state", "after three")
        report.update(zip(names, torch.load(folder / f"{rank}.pt"), strict=True))
    return reports


@pytest.fixture(scope="module")
def one():
    return Trainer(config(None)).fit(progress=False)


def test_both_processes_hold_the_same_numbers(two):
    assert [report["rank"] for report in two] == [0, 1]
    assert torch.equal(two[0]["state"], two[1]["state"])
    assert two[0]["history"] == two[1]["history"] and len(two[0]["history"]) == 3


def test_two_processes_train_as_one_does(two, one):
    """The same batch, the same z, BatchNorm over all of it: only the order of sums differs. Adam
    divides by the gradient's size, so the rounding of a tiny gradient can move a weight by a part
    of learning_rate, 0.0004, in each of the 28 steps."""
    difference = (two[0]["state"] - state_of(one)).abs()
    assert difference.median() < 1e-5
    assert difference.quantile(0.99) < 3e-4 and difference.max() < 1e-3
    for a, b in zip(two[0]["history"], one.history, strict=True):
        assert a.keys() == b.keys()
        for name in ("loss_d", "loss_g", "mean_d_real", "mean_d_fake", "grad_d", "diversity"):
            assert a[name] == pytest.approx(b[name], rel=2e-3), name


def test_so_do_they_with_classes_shifts_and_two_steps_of_d(two):
    """Like one process for three steps. Without an average of past gradients (beta1 = 0) each Adam
    step is about as long whatever the gradient, so that rounding soon grows large."""
    alone, after_three = train_labelled()
    assert torch.equal(two[0]["labelled state"], two[1]["labelled state"])
    assert two[0]["labelled history"] == two[1]["labelled history"]
    difference = (two[0]["after three"] - after_three).abs()
    assert difference.median() < 1e-6 and difference.quantile(0.99) < 3e-5
    a, b = two[0]["labelled history"][0], alone.history[0]
    assert a.keys() == b.keys() and "gamma_d" in a
    for name in ("loss_d", "loss_g", "grad_d", "diversity", "eval_gap", "gamma_g"):
        assert a[name] == pytest.approx(b[name], rel=1e-4), name


def test_only_the_first_process_writes_and_each_file_once_a_save(two):
    assert two[1]["files"] == []
    files = two[0]["files"]
    assert files.count("last.safetensors") == 3  # after the first step, and after each epoch
    assert files.count("generator_epoch_1.pth") == files.count("generator_final.pth") == 1


def test_all_stop_together_and_resume_is_exact(two):
    for report in two:
        assert report["stopped at"] == report["resumed at"] == 20  # pressed in step 13, in one
        assert report["resumed like whole"] and report["history like whole"]


def test_the_relativistic_game_and_its_adaptive_share_are_those_of_one_process(two):
    assert two[0]["pairs state"] == two[1]["pairs state"]
    assert two[0]["pairs p"] == two[1]["pairs p"] > 0
    assert two[0]["pairs kept"][0] == 2  # a checkpoint holds what each process has noted
    alone = train_in_pairs()
    assert alone.adaptive.p == two[0]["pairs p"]
    difference = (torch.tensor(two[0]["pairs state"]).double() - state_of(alone)).abs()
    assert difference.median() < 1e-5
    for mine, theirs in zip(alone.history, two[0]["pairs history"], strict=True):
        assert mine["loss_d"] == pytest.approx(theirs["loss_d"], abs=0.02)


def test_a_batch_that_cannot_be_shared_is_named(two):
    assert "batch_size=7 cannot be shared equally by 2 processes" in two[1]["uneven"]


@pytest.mark.slow
def test_the_command_line_under_accelerate_launch(tmp_path):
    """The launcher is a real one, torchrun, which accelerate launch calls."""
    said = run(
        *("-m", "accelerate.commands.launch", "--main_process_port", free_port()),
        *("--multi_gpu", "--num_processes", 2, "--num_machines", 1, "--mixed_precision", "no"),
        *("--dynamo_backend", "no", "--module", "gan_course.cli", "train", "--device", "cpu"),
        *("--image-size", 16, "--batch-size", 128, "--base-channels", 2, "--num-epochs", 1),
        *("--output-dir", tmp_path / "run"),
    )
    assert said.count("1,797 images") == 1 and "on 2 processes" in said
    assert said.count("Weights:") == 1
    assert load_generator(tmp_path / "run/checkpoints/last.safetensors").image_size == 16
    assert not list(tmp_path.rglob("*.part"))


def test_rows_divide_the_batch():
    processes = Processes(torch.device("cpu"))
    assert processes.count == 1 and processes.rows(5) == slice(None)
    processes.count = 2
    taken = []
    for processes.rank in (0, 1):
        taken.append(processes.rows(4, repeats=2).tolist())
    assert taken == [[0, 1, 4, 5], [2, 3, 6, 7]]  # two batches of four, halved each


def test_one_process_is_left_as_it_was():
    model = nn.Sequential(nn.BatchNorm2d(2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    Processes(torch.device("cpu")).join(model, optimizer)
    assert type(model[0]) is nn.BatchNorm2d and not optimizer._optimizer_step_pre_hooks


def test_shared_batchnorm_is_batchnorm(monkeypatch):
    """With one process in the group, forward, gradient and running statistics are torch's."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: None)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    rng = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(8, 4, 5, 5, generator=rng) + 2
    weights = torch.randn(8, 4, 5, 5, generator=rng)
    results = []
    for kind in (nn.BatchNorm2d, SharedBatchNorm2d):
        norm, mine = kind(4), x.clone().requires_grad_()
        nn.init.uniform_(norm.weight, generator=torch.Generator().manual_seed(1))
        out = norm(mine)
        (out * weights).sum().backward()
        results.append([out, mine.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()])
        results[-1].append(norm.eval()(x))
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
