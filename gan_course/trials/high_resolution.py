"""Growing, all scales at once, or neither: the recorded comparison that lesson 14 quotes.

``high_resolution.json`` and two ``.jpg`` hold it, and ``python -m
gan_course.trials.high_resolution`` measures it again. Every row sees the same number of real
images, in the same order, with the same seeds, and the processor's seconds are stated beside.
DCGAN's steps are cheap, so it goes on until it has had about as many seconds as the slowest.
Whatever came out stands in the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gan_course.data import ImageSet, image_grid
from gan_course.data.images import to_floats
from gan_course.data.photo_crops import photo_crops
from gan_course.errors import CourseError
from gan_course.evaluation.sliced_wasserstein import sliced_wasserstein
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    MSGGANDiscriminator,
    MSGGANGenerator,
    ProGANDiscriminator,
    ProGANGenerator,
)
from gan_course.models.progressive_layers import image_pyramid
from gan_course.training.ema import AveragedGenerator

FILE = Path(__file__).with_name("high_resolution.json")
LATENT_DIM = 64
BATCH_SIZE = 8
R1_EVERY = 8  # steps: the penalty comes seldom and then counts as often more
NUM_FAKES = 512
COLUMNS = 8
GROWING = 0.6  # the share of its images that ProGAN spends on growing


@dataclass(frozen=True)
class Budget:
    """How long each run of one image size is.

    Attributes:
        steps: of each run, ``BATCH_SIZE`` images each.
        seeds: runs of each row.
        dcgan_times: DCGAN goes on for this many times as many steps.
        base_channels: channels of the largest map, at full size; DCGAN's largest map has half the
            size and twice the channels.
    """

    steps: int
    seeds: int
    dcgan_times: int
    base_channels: int = 4


BUDGETS = {
    64: Budget(steps=1600, seeds=3, dcgan_times=4),
    128: Budget(steps=300, seeds=1, dcgan_times=6),
}


@dataclass(frozen=True)
class Row:
    """How a pair is built and trained.

    Attributes:
        title: for a table.
        networks: "dcgan", "progan" or "msg".
        grows: whether the level rises from 0 to the top while it is trained.
        r1_gamma: weight of the R1 penalty; 0 for a D with BatchNorm, where it has no meaning.
        rate, betas: of Adam, for both networks.
    """

    title: str
    networks: str
    grows: bool = False
    r1_gamma: float = 5.0
    rate: float = 5e-3
    betas: tuple[float, float] = (0.0, 0.99)


PICTURED = (
    "real",
    "DCGAN, as many images",
    "DCGAN, as many seconds",
    "full size from the start",
    "ProGAN, growing",
    "MSG-GAN",
)
ROWS: dict[str, Row] = {
    "dcgan": Row("DCGAN", "dcgan", r1_gamma=0.0, rate=4e-4, betas=(0.5, 0.999)),
    "full": Row("ProGAN's layers, full size from the start", "progan"),
    "progan": Row("ProGAN, growing", "progan", grows=True),
    "msg": Row("MSG-GAN", "msg"),
}


def growth(share: float, top_level: int) -> tuple[int, float]:
    """(level, alpha) when this share of the images was seen.

    2 * top_level phases of equal length fill the first ``GROWING`` of the run: level 0, fading in
    level 1, level 1, fading in level 2, ... The rest is the top level, all there.
    """
    if top_level == 0 or share >= GROWING:
        return top_level, 1.0
    position = share / GROWING * 2 * top_level
    phase = int(position)
    if phase % 2 == 0:
        return phase // 2, 1.0
    return phase // 2 + 1, position - phase


def build(row: Row, image_size: int, base_channels: int) -> tuple[nn.Module, nn.Module]:
    """G and D with fresh weights from torch's global random numbers."""
    if row.networks == "dcgan":
        return (
            DCGANGenerator(image_size, 3, LATENT_DIM, 2 * base_channels),
            DCGANDiscriminator(image_size, 3, 2 * base_channels),
        )
    if row.networks == "msg":
        return (
            MSGGANGenerator(image_size, 3, LATENT_DIM, base_channels),
            MSGGANDiscriminator(image_size, 3, base_channels),
        )
    return (
        ProGANGenerator(image_size, 3, LATENT_DIM, base_channels),
        ProGANDiscriminator(image_size, 3, base_channels),
    )


def train_step(
    row: Row,
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer_g: torch.optim.Optimizer,
    optimizer_d: torch.optim.Optimizer,
    images_real: Tensor,
    where: tuple,
    penalty: bool,
) -> None:
    """One step of D, one of G. ``where`` is () or (level, alpha), which both networks take."""
    real = images_real
    if where:  # shrunk to the level's size; while it fades in, so do the real images' details
        level, alpha = where
        real = image_pyramid(images_real, generator.levels)[level]
        if alpha < 1:
            coarse = nn.functional.interpolate(nn.functional.avg_pool2d(real, 2), scale_factor=2)
            real = torch.lerp(coarse, real, alpha)
    elif row.networks == "msg":
        real = image_pyramid(images_real, generator.levels)

    # D
    with torch.no_grad():
        fake = generator(torch.randn(len(images_real), LATENT_DIM), *where)
    inputs = real if isinstance(real, list) else [real]
    for image in inputs:
        image.requires_grad_(penalty)
    logits_real = discriminator(real, *where)
    loss_d = discriminator_loss("non-saturating", logits_real, discriminator(fake, *where))
    if penalty:
        gradients = torch.autograd.grad(logits_real.sum(), inputs, create_graph=True)
        slope = sum(gradient.square().sum(dim=(1, 2, 3)) for gradient in gradients)  # (N,)
        loss_d = loss_d + R1_EVERY * row.r1_gamma / 2 * slope.mean()
    optimizer_d.zero_grad(set_to_none=True)
    loss_d.backward()
    optimizer_d.step()

    # G
    discriminator.requires_grad_(False)
    logits_fake = discriminator(
        generator(torch.randn(len(images_real), LATENT_DIM), *where), *where
    )
    loss_g = generator_loss("non-saturating", logits_fake)
    optimizer_g.zero_grad(set_to_none=True)
    loss_g.backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)


def run_row(
    name: str, image_size: int, seed: int, steps: int | None = None
) -> tuple[dict, dict[str, Tensor]]:
    """Train one row at one size.

    Returns:
        ``seed`` and ``moments``, of which each has ``images``, ``seconds`` of the processor for
        training alone, and ``distance``, size -> sliced Wasserstein distance; and the first images
        of the last moment, and of DCGAN's at the budget of the others, by the number of images.

    Raises:
        CourseError: if there is no row of that name, or no budget for that size.
    """
    if name not in ROWS:
        raise CourseError(f"there is no row {name!r}; choose one of {', '.join(ROWS)}.")
    if image_size not in BUDGETS:
        raise CourseError(f"image_size must be 64 or 128, but is {image_size!r}.")
    row, budget = ROWS[name], BUDGETS[image_size]
    steps = budget.steps if steps is None else steps
    last = steps * (budget.dcgan_times if row.networks == "dcgan" else 1)
    moments = {steps // 2, steps, *range(steps, last + 1, steps)}

    torch.manual_seed(seed)
    generator, discriminator = build(row, image_size, budget.base_channels)
    averaged = AveragedGenerator(generator)
    optimizer_g = torch.optim.Adam(generator.parameters(), row.rate, row.betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), row.rate, row.betas)
    images, found, kept = training_images(image_size), [], {}
    seconds, step, epoch = 0.0, 0, 0
    while step < last:
        for images_real in images.batches(BATCH_SIZE, seed, epoch):
            started = time.process_time()
            where = growth(step / steps, generator.top_level) if row.grows else ()
            penalty = row.r1_gamma > 0 and step % R1_EVERY == 0
            networks = (generator, discriminator, optimizer_g, optimizer_d)
            train_step(row, *networks, images_real, where, penalty)
            step += 1
            averaged.update(generator, BATCH_SIZE, step * BATCH_SIZE)
            seconds += time.process_time() - started
            if step in moments and (step >= steps or not row.grows):
                fakes = draw(averaged.model, 1000 + seed)
                distance = sliced_wasserstein(judging_images(image_size), fakes)
                entry = {"images": step * BATCH_SIZE, "seconds": round(seconds, 1)}
                found.append(entry | {"distance": {s: round(d, 4) for s, d in distance.items()}})
                kept[str(step * BATCH_SIZE)] = fakes[:COLUMNS]
            if step == last:
                break
        epoch += 1
    return {"seed": seed, "moments": found}, kept


@lru_cache(maxsize=1)
def training_images(image_size: int) -> ImageSet:
    return photo_crops(image_size, 2000, seed=0)


@lru_cache(maxsize=1)
def judging_images(image_size: int, seed: int = 1) -> Tensor:
    """Other pieces of the same photographs: (NUM_FAKES, 3, s, s)."""
    return to_floats(photo_crops(image_size, NUM_FAKES, seed=seed).pixels)


def draw(generator: nn.Module, seed: int) -> Tensor:
    """(NUM_FAKES, 3, s, s) in [-1, 1]."""
    rng = torch.Generator().manual_seed(seed)
    return torch.cat([generator.generate(64, rng) for _ in range(NUM_FAKES // 64)])


@lru_cache
def recorded() -> dict:
    """The recorded table: ``sizes`` -> image size -> ``rows`` and ``floor``, see ``run_row``."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def picture(image_size: int) -> np.ndarray:
    """A row of eight real images, then of each of ``PICTURED``: uint8 (6 * s, 8 * s, 3)."""
    return np.array(Image.open(FILE.with_name(f"high_resolution_{image_size}.jpg")))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.trials.high_resolution",
        description=f"Measure the comparison of lesson 14 again, and write {FILE.name}.",
    )
    parser.add_argument("--sizes", type=int, choices=list(BUDGETS), nargs="+", default=[64, 128])
    parser.add_argument("--seeds", type=int, help="of each row (default: as in BUDGETS)")
    parser.add_argument("--steps", type=int, help="of each run (default: as in BUDGETS)")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    choices = parser.parse_args(arguments)
    if (
        min(
            1 if choices.seeds is None else choices.seeds,
            1 if choices.steps is None else choices.steps,
        )
        < 1
    ):
        parser.error("--seeds and --steps must be at least 1")
    torch.set_num_threads(1)
    found: dict = {
        "command": "python -m gan_course.trials.high_resolution",
        "torch": torch.__version__.split("+")[0],
        "batch_size": BATCH_SIZE,
        "sizes": {},
    }
    for size in choices.sizes:
        measure(found, size, choices.seeds or BUDGETS[size].seeds, choices.steps, choices.output)
    return 0


def measure(found: dict, size: int, seeds: int, steps: int | None, file: Path) -> None:
    """All rows at one size, seed by seed, so that all have as many if it is stopped early."""
    floor = sliced_wasserstein(judging_images(size), judging_images(size, seed=2))
    table: dict = {"floor": {s: round(d, 4) for s, d in floor.items()}, "seeds": 0}
    table["rows"] = {name: {"title": ROWS[name].title, "runs": []} for name in ROWS}
    found["sizes"][str(size)] = table
    pictures = [judging_images(size)[:COLUMNS]]
    for seed in range(seeds):
        for name in ROWS:
            run, kept = run_row(name, size, seed, steps)
            table["rows"][name]["runs"].append(run)
            if seed == 0:  # DCGAN twice: at the others' number of images, and at its end
                pictures += (
                    [kept[k] for k in (list(kept)[1], list(kept)[-1])]
                    if name == "dcgan"
                    else [list(kept.values())[-1]]
                )
            print(size, name, run, flush=True)
        table["seeds"] = seed + 1
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if seed == 0:
            grid = image_grid(torch.cat(pictures), columns=COLUMNS, padding=0)
            Image.fromarray(grid).save(file.with_name(f"{file.stem}_{size}.jpg"), quality=80)


if __name__ == "__main__":
    sys.exit(main())
