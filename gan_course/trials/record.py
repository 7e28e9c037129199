"""Record the small runs that ship with the course: python -m gan_course.trials.record

Five runs on the digits that differ in one thing each. Every one is trained by the course's own
``training_step``; what is stored is the generator at eight moments, in half precision, and the
numbers on the way. It takes some minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gan_course import doctor
from gan_course.data import load_images
from gan_course.files import write_atomically
from gan_course.losses import generator_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.pretrained.recorded import EVERY, FOLDER
from gan_course.training.ema import AveragedGenerator
from gan_course.training.step import training_step

NETWORK = {"image_size": 32, "image_channels": 1, "latent_dim": 32, "base_channels": 12}
BATCH_SIZE = 32
MOMENTS = (0, 40, 120, 240, 400, 700, 1200, 2000)  # steps after which G is stored


@dataclass(frozen=True)
class Recipe:
    """What is done differently in one run."""

    title: str
    done: str
    lr_g: float = 4e-4
    lr_d: float = 4e-4
    steps_g: int = 1
    """Updates of G for each update of D."""
    scale: float = 1.0
    shift: float = 0.0
    """What is done to the real images, in [-1, 1], before D sees them: x * scale + shift."""
    constant: float | None = None
    """Every weight begins with this number, instead of a random one."""


RECIPES = {
    "healthy": Recipe("healthy", "Both learning rates are 0.0004, everything is as it should be."),
    "d_too_strong": Recipe(
        "D too strong",
        "D learns with 0.004 and G with 0.00002: D is 200 times as fast.",
        lr_g=2e-5,
        lr_d=4e-3,
    ),
    "collapsed": Recipe(
        "collapsed",
        "G takes five steps for each step of D, and D learns with 0.00005, an eighth of G's rate.",
        lr_d=5e-5,
        steps_g=5,
    ),
    "wrong_range": Recipe(
        "wrong range",
        "The real images reach from 0 to 1 instead of −1 to 1, as if they had not been rescaled.",
        scale=0.5,
        shift=0.5,
    ),
    "no_initialisation": Recipe(
        "no initialisation",
        "No weight is drawn at random: every one begins as 0.02, so all channels of a layer are "
        "twins, and stay twins.",
        constant=0.02,
    ),
}


def record(name: str, seed: int = 0, moments: tuple[int, ...] = MOMENTS) -> tuple[bytes, dict]:
    """Train one of ``RECIPES``.

    Args:
        name: which.
        seed: start of all random numbers.
        moments: the steps after which the averaged generator is kept; the last one is the end.

    Returns:
        The content of a safetensors file (float16, one generator for each moment), and the notes
        that belong to it: what was done, the moments, the history, time and device.
    """
    recipe = RECIPES[name]
    images = load_images("digits", NETWORK["image_size"])
    torch.manual_seed(seed)
    generator = DCGANGenerator(**NETWORK)
    discriminator = DCGANDiscriminator(
        NETWORK["image_size"], NETWORK["image_channels"], NETWORK["base_channels"]
    )
    if recipe.constant is not None:
        fill(generator, recipe.constant)
        fill(discriminator, recipe.constant)
    optimizer_g = torch.optim.Adam(generator.parameters(), recipe.lr_g, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), recipe.lr_d, betas=(0.5, 0.999))
    averaged = AveragedGenerator(generator)
    rng = torch.Generator().manual_seed(seed + 1)

    tensors: dict[str, Tensor] = {}
    kept: list[dict] = []
    history: list[dict] = []
    step = epoch = images_seen = 0
    start = time.perf_counter()
    keep(tensors, kept, averaged, step, images_seen)
    while step < moments[-1]:
        for images_real in images.batches(BATCH_SIZE, seed, epoch):
            images_real = images_real * recipe.scale + recipe.shift
            z = torch.randn(BATCH_SIZE, NETWORK["latent_dim"], generator=rng)
            stats = training_step(
                generator, discriminator, optimizer_g, optimizer_d, images_real, z
            )
            for _ in range(recipe.steps_g - 1):
                z_again = torch.randn(BATCH_SIZE, NETWORK["latent_dim"], generator=rng)
                loss_g = generator_loss("non-saturating", discriminator(generator(z_again)))
                optimizer_g.zero_grad(set_to_none=True)
                loss_g.backward()
                optimizer_g.step()
            step += 1
            images_seen += BATCH_SIZE
            averaged.update(generator, BATCH_SIZE, images_seen)
            # Often at the start, where much happens, and then less.
            if step % EVERY == 0 or (step < EVERY and step % 2 == 0):
                stats.step, stats.epoch, stats.images_seen = step, epoch, images_seen
                health = doctor.measure(
                    step,
                    stats.logits_real,
                    stats.logits_fake,
                    images_real,
                    stats.images_fake,
                    generator,
                    discriminator,
                    z=z,
                )
                history.append(rounded(stats.floats() | health.as_dict()))
            if step in moments:
                keep(tensors, kept, averaged, step, images_seen)
            if step == moments[-1]:
                break
        epoch += 1
    everything = images.take(torch.arange(len(images)))
    shuffled = everything[torch.randperm(len(images), generator=rng)]
    notes = {
        "title": recipe.title,
        "done": recipe.done,
        "command": f"python -m gan_course.trials.record {name} --seed {seed}",
        "recipe": asdict(recipe),
        "network": NETWORK,
        "batch_size": BATCH_SIZE,
        "seed": seed,
        "seconds": round(time.perf_counter() - start),
        "device": f"cpu, {torch.get_num_threads()} thread(s), PyTorch {torch.__version__}",
        "spread_real": round(float(doctor.spread(shuffled * recipe.scale + recipe.shift)), 4),
        "moments": kept,
        "history": history,
    }
    return save(tensors), notes


@torch.no_grad()
def fill(model: nn.Module, value: float) -> None:
    """Give every weight the same value; BatchNorm keeps its 1 and 0."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            for parameter in module.parameters():
                nn.init.constant_(parameter, value)


def keep(
    tensors: dict[str, Tensor],
    kept: list[dict],
    averaged: AveragedGenerator,
    step: int,
    images_seen: int,
) -> None:
    """Add the averaged generator to the tensors, in half precision, and this moment to the list."""
    for key, value in averaged.model.state_dict().items():
        value = value.half() if value.is_floating_point() else value.clone()
        tensors[f"moment_{len(kept)}.{key}"] = value.contiguous()
    kept.append({"step": step, "images_seen": images_seen})


def rounded(row: dict) -> dict:
    """Five significant digits: enough for a curve, and a third of the file."""
    return {
        key: [rounded({"x": v})["x"] for v in value]
        if isinstance(value, list)
        else float(f"{value:.5g}")
        if isinstance(value, float) and math.isfinite(value)
        else value
        for key, value in row.items()
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gan_course.trials.record", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"which runs, of {', '.join(RECIPES)}; all if none"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write them")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in RECIPES]
    if unknown:
        parser.error(f"there is no run called {unknown[0]!r}; choose from {', '.join(RECIPES)}")
    torch.set_num_threads(1)  # the networks are small: a second thread gains nothing
    for name in options.names or RECIPES:
        content, notes = record(name, options.seed)
        write_atomically(options.folder / f"{name}.safetensors", content)
        text = json.dumps(notes, ensure_ascii=False, separators=(",", ":")) + "\n"
        write_atomically(options.folder / f"{name}.json", text.encode())
        print(f"{name}: {notes['seconds']} s, {len(content) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
