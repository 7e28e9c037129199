"""A thousand modes, counted: python -m gan_course.trials.stacked_digits

Three recipes on stacked digits of 16×16 pixels, with the same images in the same batches:

- ``plain``: the residual networks of lesson 16 with the ordinary loss and nothing else,
- ``dcgan``: the DCGAN of lesson 07, whose BatchNorm sees a whole batch at once,
- ``relativistic``: the recipe of lesson 16, the networks of ``plain`` with the relativistic loss,
  R1 and R2.

Every two epochs the modes among 10,000 fakes are counted. Each run is what

    gan-course train --dataset stacked-digits --image-size 16 --batch-size 64 --num-epochs 24
        --save-interval 2 --device cpu --output-dir FOLDER/NAME

does with ``--model r3gan --loss non-saturating --r1 0 --r2 0``, ``--model dcgan`` or ``--model
r3gan``. A run that is in FOLDER already is gone on with, and one that is finished is only counted.
On one free core of the machine of the record the three took about 10, 15 and 50 minutes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import nn

from gan_course.evaluation import coverage, load_classifier, stacked_classes
from gan_course.evaluation.coverage import perfect_coverage
from gan_course.evaluation.features import to_size
from gan_course.models.weights import load_generator, write_atomically
from gan_course.training import TrainConfig, Trainer

FILE = Path(__file__).with_suffix(".json")
RECIPES: dict[str, dict] = {
    "plain": {"model": "r3gan", "loss": "non-saturating", "r1": 0.0, "r2": 0.0},
    "dcgan": {"model": "dcgan"},
    "relativistic": {"model": "r3gan"},
}
EPOCHS, EVERY = 24, 2
PER_EPOCH = 25_600  # images of the stacked set
COUNT = 10_000  # fakes in which modes are counted
WANTED = 990
BUDGET = 12  # epochs, 307,200 images, after which the recipes are compared


def config(name: str, folder: Path, epochs: int = EPOCHS, resume: bool = False) -> TrainConfig:
    """Of one of the three runs."""
    return TrainConfig(
        dataset="stacked-digits",
        image_size=16,
        batch_size=64,
        num_epochs=epochs,
        save_interval=EVERY,
        **RECIPES[name],
        device="cpu",
        output_dir=str(folder / name),
        resume=resume,
    )


def count_modes(generator: nn.Module, count: int = COUNT) -> dict[str, float]:
    """``found``: how many of the 1,000 modes are among the fakes; ``kl``: 0 if all as often."""
    judge, rng = load_classifier("digits"), torch.Generator().manual_seed(0)
    generator.eval()
    parts = []
    with torch.no_grad():
        for size in [500] * (count // 500):
            fakes = generator(torch.randn(size, generator.latent_dim, generator=rng))
            parts.append(stacked_classes(judge, to_size(fakes, 32)))
    found = coverage(torch.cat(parts), 1000)
    return {"found": found.found, "kl": round(found.kl, 4)}


def record(folder: Path, epochs: int = EPOCHS, count: int = COUNT) -> dict:
    """Train what is not trained yet, and count the modes of every second epoch."""
    rows: dict[str, list[dict]] = {}
    for name in RECIPES:
        checkpoints = folder / name / "checkpoints"
        last = checkpoints / f"generator_epoch_{epochs}.pth"
        if not last.exists():
            begun = (checkpoints / "last.safetensors").exists()
            Trainer(config(name, folder, epochs, resume=begun)).fit()
        rows[name] = [
            {"images": epoch * PER_EPOCH}
            | count_modes(load_generator(checkpoints / f"generator_epoch_{epoch}.pth"), count)
            for epoch in range(EVERY, epochs + 1, EVERY)
        ]
    found, kl = perfect_coverage(1000, count)
    return {
        "command": "python -m gan_course.trials.stacked_digits",
        "torch": torch.__version__.split("+")[0],
        "count": count,
        "perfect": {"found": round(found, 2), "kl": round(kl, 4)},
        "rows": rows,
    }


def recorded() -> dict:
    """What was measured when the course was made."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.trials.stacked_digits", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/stacked"))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"even, {EPOCHS} if left out")
    parser.add_argument("--count", type=int, default=COUNT, help="fakes to count modes in")
    parser.add_argument("--output", type=Path, default=FILE)
    chosen = parser.parse_args(arguments)
    text = json.dumps(record(chosen.folder, chosen.epochs, chosen.count), indent=1) + "\n"
    write_atomically(chosen.output, text.encode())


if __name__ == "__main__":
    main()
