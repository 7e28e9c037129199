"""From DCGAN to SAGAN, one change at a time: the recorded numbers that lesson 12 quotes.

``from_dcgan_to_sagan.json`` and ``.png`` hold them, and ``python -m
gan_course.trials.from_dcgan_to_sagan`` measures them again. Every rung of the ladder keeps what
the ones before it changed. All see the same number of real images, in the same order, with the
same seeds; whatever came out stands in the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    SAGANDiscriminator,
    SAGANGenerator,
)
from gan_course.training import training_step
from gan_course.training.ema import AveragedGenerator
from gan_course.trials.digit_judge import digits, halves, judge_digits, trained_judge

__all__ = ["RUNGS", "Rung", "build", "interval", "main", "picture_rows", "recorded", "run_rung"]

FILE = Path(__file__).with_name("from_dcgan_to_sagan.json")
SEEDS = 5
STEPS = 560  # 10 epochs of 56 batches
BATCH_SIZE = 32
IMAGE_SIZE = 32
LATENT_DIM = 64
BASE_CHANNELS = 8
NUM_FAKES = 1800  # 180 of each digit, where one can ask
COLUMNS = 20  # images of seed 0 in a row of the picture: each digit twice, where one can ask


@dataclass(frozen=True)
class Rung:
    """How a pair is built and trained.

    Attributes:
        title: what changed, for a table.
        loss: a key of ``gan_course.losses.LOSSES``.
        layout: whose networks: "dcgan", or "sagan", which adds up its features before the last
            layer and begins with Xavier's weights. They are larger, so Adam's steps have to be too.
        norm_d, norm_g: spectral norm in D (in place of BatchNorm) and in G.
        rates: Adam's step sizes of G and of D.
        betas: Adam's averaging.
        attention_at: height of the map with attention, in both networks.
        conditional: whether the networks know the digits' labels.
    """

    title: str
    loss: str = "hinge"
    layout: str = "sagan"
    norm_d: bool = True
    norm_g: bool = True
    rates: tuple[float, float] = (2e-3, 2e-3)
    betas: tuple[float, float] = (0.0, 0.9)
    attention_at: int | None = 16
    conditional: bool = False


_DCGAN = {
    "layout": "dcgan",
    "norm_g": False,
    "rates": (4e-4, 4e-4),
    "betas": (0.5, 0.999),
    "attention_at": None,
}

RUNGS: dict[str, Rung] = {
    "dcgan": Rung("DCGAN", "non-saturating", norm_d=False, **_DCGAN),
    "hinge": Rung("+ hinge loss", norm_d=False, **_DCGAN),
    "norm_d": Rung("+ spectral norm in D", **_DCGAN),
    "layout": Rung("+ SAGAN's layout", norm_g=False, attention_at=None),
    "norm_g": Rung("+ spectral norm in G", attention_at=None),
    "attention": Rung("+ self-attention", attention_at=16),
    "labels": Rung("+ labels", conditional=True),
    "fast_d": Rung("the same, D 4× as fast", rates=(1e-3, 4e-3), conditional=True),
    "fast_g": Rung("the same, G 4× as fast", rates=(4e-3, 1e-3), conditional=True),
}
"""From the bottom up: each of the first seven has all that those before it have. The last two are
the seventh with two learning rates: D's four times G's, as in the paper, and the other way round.
Their product is the same."""


def build(rung: Rung) -> tuple[nn.Module, nn.Module]:
    """G and D of a rung, with fresh weights from torch's global random numbers."""
    shape = {"image_size": IMAGE_SIZE, "image_channels": 1, "base_channels": BASE_CHANNELS}
    if rung.layout == "dcgan":
        generator = DCGANGenerator(latent_dim=LATENT_DIM, **shape)
        return generator, DCGANDiscriminator(spectral_norm=rung.norm_d, **shape)
    shape |= {
        "attention_at": rung.attention_at,
        "num_classes": 10 if rung.conditional else 0,
    }
    generator = SAGANGenerator(latent_dim=LATENT_DIM, spectral_norm=rung.norm_g, **shape)
    return generator, SAGANDiscriminator(spectral_norm=rung.norm_d, **shape)


def train(rung: Rung, seed: int, steps: int = STEPS) -> tuple[nn.Module, nn.Module]:
    """Train the pair on the digits: (the running average of G, in eval mode; D)."""
    torch.manual_seed(seed)
    generator, discriminator = build(rung)
    averaged = AveragedGenerator(generator)
    optimizer_g = torch.optim.Adam(generator.parameters(), rung.rates[0], rung.betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), rung.rates[1], rung.betas)
    step = epoch = 0
    while step < steps:
        for images_real, labels in digits().labelled_batches(BATCH_SIZE, seed, epoch):
            z = torch.randn(BATCH_SIZE, LATENT_DIM)
            training_step(
                generator,
                discriminator,
                optimizer_g,
                optimizer_d,
                images_real,
                z,
                loss=rung.loss,
                labels=labels if rung.conditional else None,
            )
            step += 1
            averaged.update(generator, BATCH_SIZE, step * BATCH_SIZE)
            if step == steps:
                break
        epoch += 1
    return averaged.model, discriminator


@torch.no_grad()
def draw(generator: nn.Module, conditional: bool, seed: int) -> tuple[Tensor, Tensor | None]:
    """(NUM_FAKES, 1, 32, 32) in [-1, 1], and the labels they were drawn for: 0, 1, ... 9, 0, ..."""
    z = torch.randn(NUM_FAKES, LATENT_DIM, generator=torch.Generator().manual_seed(1000 + seed))
    if not conditional:
        return generator(z), None
    labels = torch.arange(NUM_FAKES) % 10
    return generator(z, labels), labels


def run_rung(name: str, seed: int, steps: int = STEPS) -> dict[str, float]:
    """Train one rung and judge its images; see ``digit_judge.judge_digits``.

    ``seed``, ``seconds``, and the two gammas of a rung with attention come along.

    Raises:
        CourseError: if there is no rung of that name.
    """
    return _run(name, seed, steps)[0]


def _run(name: str, seed: int, steps: int) -> tuple[dict[str, float], Tensor]:
    """What ``run_rung`` returns, and the first images of that run."""
    if name not in RUNGS:
        raise CourseError(f"there is no rung {name!r}; choose one of {', '.join(RUNGS)}.")
    rung = RUNGS[name]
    started = time.process_time()
    generator, discriminator = train(rung, seed, steps)
    found = {"seed": seed, "seconds": round(time.process_time() - started, 1)}
    if rung.layout == "sagan" and rung.attention_at:
        found["gamma_g"] = round(generator.attention.gamma.item(), 4)
        found["gamma_d"] = round(discriminator.attention.gamma.item(), 4)
    fakes, labels = draw(generator, rung.conditional, seed)
    found |= {key: round(value, 4) for key, value in judge_digits(fakes, labels).items()}
    return found, fakes[:COLUMNS]


# Student's t for 95 %, by the number of runs: with few runs an interval must be wider than 2 s.
_T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """(mean, half the width of its 95 % interval) of a few runs; the half width is nan for one."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, float("nan")
    t = _T.get(len(values), 2.26)
    return mean, t * statistics.stdev(values) / len(values) ** 0.5


@lru_cache
def recorded() -> dict:
    """The recorded table: ``rows``, and how they were made.

    Every row has ``title`` and ``runs``, one for each seed, see ``run_rung``. ``real`` has the same
    numbers for the half of the real digits that the judge did not learn from, and ``judge`` the
    share of them that it names rightly.
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


@lru_cache
def picture_rows() -> dict[str, Tensor]:
    """Twenty images of seed 0 for each rung: name -> uint8 (20, 32, 32)."""
    pixels = torch.from_numpy(np.array(Image.open(FILE.with_suffix(".png"))))
    rows = pixels.reshape(len(RUNGS), IMAGE_SIZE, COLUMNS, IMAGE_SIZE).transpose(1, 2)
    return dict(zip(RUNGS, rows, strict=True))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.trials.from_dcgan_to_sagan",
        description=f"Measure the ladder of lesson 12 again, and write {FILE.name}.",
    )
    parser.add_argument("--only", choices=list(RUNGS), nargs="+", help="only these, into --output")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many (default: {SEEDS})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each (default: {STEPS})")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    choices = parser.parse_args(arguments)
    if choices.seeds < 1 or choices.steps < 1:
        parser.error("--seeds and --steps must be at least 1")
    if choices.only and choices.output == FILE:
        parser.error("--only needs --output: the recorded table holds all rungs")
    torch.set_num_threads(1)  # the networks are small: a second thread gains nothing
    measure(choices.only or list(RUNGS), choices.seeds, choices.steps, choices.output)
    return 0


def measure(names: Sequence[str], seeds: int, steps: int, file: Path) -> None:
    """Run them, seed by seed, so that all have as many if it is stopped early; write the file."""
    held_back = digits().take(halves()[1])
    found: dict = {
        "command": "python -m gan_course.trials.from_dcgan_to_sagan",
        "torch": torch.__version__.split("+")[0],
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "judge": round(trained_judge()[1], 4),
        "real": {k: round(v, 4) for k, v in judge_digits(held_back).items()},
        "seeds": 0,
        "rows": {name: {"title": RUNGS[name].title, "runs": []} for name in names},
    }
    pictures: list[Tensor] = []
    for seed in range(seeds):
        for name in names:
            run, fakes = _run(name, seed, steps)
            found["rows"][name]["runs"].append(run)
            pictures += [fakes] * (seed == 0)
            print(name, run, flush=True)
        found["seeds"] = seed + 1
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if seed == 0:
            grid = image_grid(torch.cat(pictures), columns=COLUMNS, padding=0)
            Image.fromarray(grid).save(file.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    sys.exit(main())
