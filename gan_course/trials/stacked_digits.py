"""A thousand modes, counted: python -m gan_course.trials.stacked_digits

Three recipes on stacked digits of 16×16 pixels, with the same images in the same batches:

- ``plain``: the residual networks of lesson 16 with the ordinary loss and nothing else,
- ``dcgan``: the DCGAN of lesson 07, whose BatchNorm sees a whole batch at once,
- ``relativistic``: the recipe of lesson 16, the networks of ``plain`` with the relativistic loss,
  R1 and R2.

Every two epochs the modes among 26,000 fakes are counted, as many as the papers take. After
``BUDGET`` epochs the recipes are compared, over three seeds; the first seed goes on. Each run is
what

    gan-course train --dataset stacked-digits --image-size 16 --batch-size 64 --num-epochs 24
        --save-interval 2 --device cpu --output-dir FOLDER/SEED/NAME --seed SEED

does with ``--model r3gan --loss non-saturating --r1 0 --r2 0``, ``--model dcgan`` or ``--model
r3gan``. A run that is in FOLDER already is gone on with, and one that is finished is only counted.
On one free core of the machine of the record the first seed's took about 10, 15 and 50 minutes, and
those of the other two a third of that each; counting, half an hour.
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
    "relativistic": {"model": "r3gan", "r1": 0.1, "r2": 0.1},
}
EPOCHS, EVERY = 24, 2
PER_EPOCH = 25_600  # images of the stacked set
COUNT = 26_000  # fakes in which modes are counted
WANTED = 990
SEEDS = (0, 1, 2)
BUDGET = 8  # epochs, 204,800 images, after which the recipes are compared


def config(
    name: str, folder: Path, epochs: int = EPOCHS, resume: bool = False, seed: int = 0
) -> TrainConfig:
    """Of one of the runs."""
    return TrainConfig(
        dataset="stacked-digits",
        image_size=16,
        batch_size=64,
        num_epochs=epochs,
        save_interval=EVERY,
        **RECIPES[name],
        device="cpu",
        output_dir=str(folder / str(seed) / name),
        seed=seed,
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


def trained(name: str, folder: Path, epochs: int, seed: int) -> Path:
    """The folder with the generators of a run, which is trained or gone on with if need be."""
    checkpoints = folder / str(seed) / name / "checkpoints"
    if not (checkpoints / f"generator_epoch_{epochs}.pth").exists():
        begun = (checkpoints / "last.safetensors").exists()
        Trainer(config(name, folder, epochs, begun, seed)).fit()
    return checkpoints


def record(
    folder: Path, epochs: int = EPOCHS, count: int = COUNT, seeds: tuple[int, ...] = SEEDS
) -> dict:
    """Train what is not trained yet, and count. ``rows``: the modes of every second epoch, first
    seed; ``seeds``: those after ``BUDGET`` epochs (or at the end, if that comes first) of each."""
    budget = min(BUDGET, epochs)
    rows: dict[str, list[dict]] = {}
    of_seeds: dict[str, list[dict]] = {}
    for name in RECIPES:
        checkpoints = trained(name, folder, epochs, seeds[0])
        rows[name] = [
            {"images": epoch * PER_EPOCH}
            | count_modes(load_generator(checkpoints / f"generator_epoch_{epoch}.pth"), count)
            for epoch in range(EVERY, epochs + 1, EVERY)
        ]
        first = rows[name][budget // EVERY - 1]
        of_seeds[name] = [{"seed": seeds[0], "found": first["found"], "kl": first["kl"]}]
        for seed in seeds[1:]:
            checkpoints = trained(name, folder, budget, seed)
            generator = load_generator(checkpoints / f"generator_epoch_{budget}.pth")
            of_seeds[name].append({"seed": seed} | count_modes(generator, count))
    found, kl = perfect_coverage(1000, count)
    return {
        "command": "python -m gan_course.trials.stacked_digits",
        "torch": torch.__version__.split("+")[0],
        "count": count,
        "perfect": {"found": round(found, 2), "kl": round(kl, 4)},
        "rows": rows,
        "seeds": of_seeds,
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
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--output", type=Path, default=FILE)
    chosen = parser.parse_args(arguments)
    found = record(chosen.folder, chosen.epochs, chosen.count, tuple(chosen.seeds))
    write_atomically(chosen.output, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
