"""DCGAN's rules, each tried without: the recorded numbers that lesson 07 quotes.

``dcgan_rules.json`` and ``dcgan_rules.png`` hold them, and ``python -m
gan_course.trials.dcgan_rules`` measures them again (about half an hour on one core). Each trial
trains the pair of ``dcgan_pair.py`` on the digits, with the same steps and the same seeds, and
nothing is left out because a rule turned out not to matter.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from gan_course.data import ImageSet, image_grid, load_images
from gan_course.errors import CourseError
from gan_course.training import training_step
from gan_course.training.ema import AveragedGenerator
from gan_course.trials.dcgan_pair import IMAGE_SIZE, Recipe, build_pair

__all__ = ["TRIALS", "judge", "main", "picture_rows", "recorded", "run_trial", "train_pair"]

FILE = Path(__file__).with_name("dcgan_rules.json")
SEEDS = 3
STEPS = 1120  # 20 epochs of 56 batches
BATCH_SIZE = 32
LATENT_DIM = 64
BASE_CHANNELS = 12
LEARNING_RATE = 0.0004
NUM_FAKES = 1797  # as many as there are real digits
NEIGHBOURS = 5
COLUMNS = 12  # images of seed 0 in a row of the picture

TRIALS: dict[str, tuple[str, Recipe]] = {
    "dcgan": ("all rules kept", Recipe()),
    "pooling_d": ("1: max pooling in D", Recipe(pooling_d=True)),
    "nearest_g": ("1: repeated pixels in G", Recipe(nearest_g=True)),
    "no_norm": ("2: no BatchNorm at all", Recipe(norm_g=False, norm_d=False)),
    "no_norm_g": ("2: no BatchNorm in G", Recipe(norm_g=False)),
    "no_norm_d": ("2: no BatchNorm in D", Recipe(norm_d=False)),
    "norm_edges": ("2: BatchNorm at the edges too", Recipe(norm_edges=True)),
    "hidden_linear": ("3: a hidden linear layer in each", Recipe(hidden_linear=True)),
    "leaky_g": ("4: LeakyReLU in G", Recipe(leaky_g=True)),
    "no_tanh": ("4: no tanh at the end of G", Recipe(tanh=False)),
    "relu_d": ("5: ReLU in D", Recipe(relu_d=True)),
    "torch_init": ("PyTorch's own initialisation", Recipe(paper_init=False)),
    "no_rule": (
        "all five broken at once",
        Recipe(
            pooling_d=True,
            nearest_g=True,
            norm_g=False,
            norm_d=False,
            hidden_linear=True,
            leaky_g=True,
            tanh=False,
            relu_d=True,
        ),
    ),
}
"""Name -> (what it is called in a table, the recipe). The number is that of the broken rule."""


def train_pair(
    recipe: Recipe, seed: int, steps: int = STEPS
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Train the pair on the digits: (the running average of G, in eval mode; G; D)."""
    images = _digits()
    torch.manual_seed(seed)
    generator, discriminator = build_pair(recipe, LATENT_DIM, BASE_CHANNELS)
    averaged = AveragedGenerator(generator)
    adam = {"lr": LEARNING_RATE, "betas": (0.5, 0.999)}
    optimizer_g = torch.optim.Adam(generator.parameters(), **adam)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **adam)
    step = epoch = 0
    while step < steps:
        for images_real in images.batches(BATCH_SIZE, seed, epoch):
            z = torch.randn(BATCH_SIZE, LATENT_DIM)
            training_step(generator, discriminator, optimizer_g, optimizer_d, images_real, z)
            step += 1
            averaged.update(generator, BATCH_SIZE, step * BATCH_SIZE)
            if step == steps:
                break
        epoch += 1
    return averaged.model, generator, discriminator


@torch.no_grad()
def draw(generator: nn.Module, seed: int, count: int = NUM_FAKES) -> Tensor:
    """(count, 1, 32, 32) in [-1, 1]; a G without a tanh is cut off there, as a screen would."""
    z = torch.randn(count, LATENT_DIM, generator=torch.Generator().manual_seed(1000 + seed))
    return generator(z).clamp(-1, 1)


def judge(fakes: Tensor, real: Tensor, labels: Tensor | None = None) -> dict[str, float]:
    """How good and how varied the fakes are, without a trained network.

    Around each real digit lies a ball that reaches to its fifth nearest other real digit. Distances
    are between the images averaged down to 8x8, the size in which the digits were recorded.

    Args:
        fakes, real: (N, 1, 32, 32) in [-1, 1].
        labels: (N,) of the real images; with them the rarest class is found.

    Returns:
        ``believable``: share of fakes that lie in at least one ball (the "precision").
        ``covered``: share of balls with at least one fake in them (the "coverage").
        ``rarest``: share of the rarest class among the fakes, each counted to the class of its
        nearest real digit.

    A blurred mean of many digits is near to all of them and so counts as believable; look at
    ``covered`` too.

    Source: Kynkäänniemi et al. 2019 (precision), Naeem et al. 2020 (coverage).
    """
    fakes, real = (F.avg_pool2d(x, 4).flatten(1) for x in (fakes, real))  # (N, 64)
    among_real = torch.cdist(real, real)
    radius = among_real.topk(NEIGHBOURS + 1, largest=False).values[:, -1]  # the first is itself
    distance = torch.cdist(fakes, real)  # (fakes, real)
    inside = distance < radius
    found = {
        "believable": inside.any(dim=1).float().mean().item(),
        "covered": inside.any(dim=0).float().mean().item(),
    }
    if labels is not None:
        nearest = labels[distance.argmin(dim=1)]
        shares = torch.bincount(nearest, minlength=10) / len(nearest)
        found["rarest"] = shares.min().item()
    return found


def run_trial(name: str, seed: int, steps: int = STEPS) -> dict[str, float]:
    """Train one trial and judge its images; see ``judge``. ``seed`` and ``seconds`` come along.

    Raises:
        CourseError: if there is no trial of that name.
    """
    return _run(name, seed, steps)[0]


def _run(name: str, seed: int, steps: int) -> tuple[dict[str, float], Tensor]:
    """What ``run_trial`` returns, and the first images of that run."""
    if name not in TRIALS:
        raise CourseError(f"there is no trial {name!r}; choose one of {', '.join(TRIALS)}.")
    started = time.perf_counter()
    averaged, _, _ = train_pair(TRIALS[name][1], seed, steps)
    seconds = time.perf_counter() - started
    images, fakes = _digits(), draw(averaged, seed)
    found = judge(fakes, images.take(torch.arange(len(images))), images.labels)
    numbers = {key: round(value, 4) for key, value in found.items()}
    return {"seed": seed, "seconds": round(seconds, 1)} | numbers, fakes[:COLUMNS]


@lru_cache
def recorded() -> dict:
    """The recorded table: ``rows``, and how they were made.

    Every row has ``title``, ``runs`` (one for each seed, see ``run_trial``), and [least, middle,
    most] of ``believable``, ``covered`` and ``rarest``. The row "real" has the same numbers for one
    half of the real digits judged by the other half: what a perfect G could reach.
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


@lru_cache
def picture_rows() -> dict[str, Tensor]:
    """Twelve images of seed 0 for each trial: name -> uint8 (12, 32, 32)."""
    pixels = torch.from_numpy(np.array(Image.open(FILE.with_suffix(".png"))))
    rows = pixels.reshape(len(TRIALS), IMAGE_SIZE, COLUMNS, IMAGE_SIZE).transpose(1, 2)
    return dict(zip(TRIALS, rows, strict=True))


# ---- measuring them again ----------------------------------------------------------------------


@lru_cache
def _digits() -> ImageSet:
    return load_images("digits", IMAGE_SIZE)


def _halves_of_the_real() -> dict[str, list[float]]:
    images = _digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    half = len(order) // 2
    one, other = images.take(order[:half]), images.take(order[half:])
    found = judge(one, other, images.labels[order[half:]])
    return {key: [round(value, 4)] * 3 for key, value in found.items()}


def _row(title: str, runs: Sequence[dict]) -> dict:
    row: dict = {"title": title, "runs": list(runs)}
    for key in ("believable", "covered", "rarest"):
        values = [run[key] for run in runs]
        row[key] = [min(values), statistics.median(values), max(values)]
    return row


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.trials.dcgan_rules",
        description=f"Measure the trials of lesson 07 again, and write {FILE.name}.",
    )
    parser.add_argument("--only", choices=list(TRIALS), nargs="+", help="only these, into --output")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many (default: {SEEDS})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each (default: {STEPS})")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    choices = parser.parse_args(arguments)
    if choices.seeds < 1 or choices.steps < 1:
        parser.error("--seeds and --steps must be at least 1")
    if choices.only and choices.output == FILE:
        parser.error("--only needs --output: the recorded table holds all trials")
    file: Path = choices.output
    found: dict = {
        "command": "python -m gan_course.trials.dcgan_rules",
        "torch": torch.__version__.split("+")[0],
        "steps": choices.steps,
        "seeds": choices.seeds,
        "rows": {"real": {"title": "● real digits, half against half"} | _halves_of_the_real()},
    }
    runs: dict[str, list[dict]] = {name: [] for name in choices.only or TRIALS}
    pictures: list[Tensor] = []
    for seed in range(choices.seeds):  # seed by seed: stopped early, all have as many
        for name in runs:
            run, fakes = _run(name, seed, choices.steps)
            runs[name].append(run)
            pictures += [fakes] * (seed == 0)
            print(name, run, flush=True)
        for name, done in runs.items():
            found["rows"][name] = _row(TRIALS[name][0], done)
        found["seeds"] = seed + 1
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if len(pictures) == len(TRIALS) and seed == 0:
            grid = image_grid(torch.cat(pictures), columns=COLUMNS, padding=0)
            Image.fromarray(grid).save(file.with_suffix(".png"), optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
