"""From the folder of a run to what lesson 08 shows of it: what to expect after how many images.

    gan-course train --dataset mnist --save-interval 1 --output-dir runs/mnist
    python -m gan_course.trials.milestones runs/mnist --how "5 minutes on two cores"

Takes the saved generators of up to six moments, each about twice as far as the one before, and lets
each draw the same ten z. What is stored is a small picture and a text; see
``gan_course.pretrained.recorded.milestones``.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_course.data import picture_bytes, to_uint8
from gan_course.errors import CourseError
from gan_course.files import write_atomically
from gan_course.models.weights import load_generator
from gan_course.pretrained.recorded.milestones import FOLDER, PREFIX
from gan_course.training.checkpoint import read_checkpoint
from gan_course.training.config import TrainConfig

MOMENTS = 6
IMAGES = 10
# Choices that say where a run was written or done, and not what was done.
NOT_TOLD = ("data_root", "output_dir", "resume", "num_epochs", "save_interval", "device")


def gather(folder: Path, z_seed: int = 0) -> tuple[list[int], Tensor, TrainConfig, int]:
    """The moments of a run, and what G drew in each.

    Returns:
        images seen at each moment, the images, uint8 (moments, 10, C, H, W), the run's config, and
        the number of images in its data set.

    Raises:
        CourseError: if the folder holds no run, or only one saved generator.
    """
    config, progress, _, _ = read_checkpoint(folder / "checkpoints" / "last.safetensors")
    found = {}
    for path in (folder / "checkpoints").glob("generator_epoch_*.pth"):
        if match := re.fullmatch(r"generator_epoch_(\d+)\.pth", path.name):
            found[int(match[1])] = path
    if len(found) < 2:
        raise CourseError(
            f"{folder} holds {len(found)} saved generators, and milestones need at least 2. Train "
            f"with a smaller --save-interval."
        )
    in_a_step = config.batch_size * config.discriminator_steps
    in_an_epoch = progress["images"] // in_a_step * in_a_step
    epochs = spread_out(sorted(found))
    rng = torch.Generator().manual_seed(z_seed)
    z = torch.randn(IMAGES, config.latent_dim, generator=rng)
    rows = []
    with torch.no_grad():
        for epoch in epochs:
            rows.append(to_uint8(load_generator(found[epoch])(z)))
    return [epoch * in_an_epoch for epoch in epochs], torch.stack(rows), config, progress["images"]


def spread_out(epochs: list[int]) -> list[int]:
    """At most ``MOMENTS`` of them, the first and the last among them, evenly by their logarithm."""
    first, last = math.log(epochs[0]), math.log(epochs[-1])
    wanted = [first + (last - first) * i / (MOMENTS - 1) for i in range(MOMENTS)]
    return sorted({min(epochs, key=lambda e: abs(math.log(e) - w)) for w in wanted})


def command_of(config: TrainConfig, name: str) -> str:
    """The line that trains such a run: what differs from the defaults of its data set."""
    usual = TrainConfig(dataset=config.dataset)
    words = [f"gan-course train --dataset {name}"]
    for key, value in vars(config).items():
        if key in (*NOT_TOLD, "dataset", "image_size") or value == getattr(usual, key):
            continue
        words.append(f"--{key.replace('_', '-')} {value}")
    return " ".join(words)


def write(folder: Path, name: str, seen: list[int], rows: Tensor, notes: dict) -> None:
    """The picture, one row for each moment, and the text beside it."""
    moments, images, channels, height, width = rows.shape
    pixels = rows.permute(0, 3, 1, 4, 2).reshape(moments * height, images * width, channels)
    array = np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels)
    write_atomically(folder / f"{PREFIX}{name}.png", picture_bytes(Image.fromarray(array)))
    notes = notes | {"image_size": height, "images_seen": seen}
    text = json.dumps(notes, ensure_ascii=False, indent=1) + "\n"
    write_atomically(folder / f"{PREFIX}{name}.json", text.encode())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gan_course.trials.milestones")
    parser.add_argument("run", type=Path, help="the folder of a run, its --output-dir")
    parser.add_argument("--name", help="of the data set; from the run if it is left out")
    parser.add_argument("--data", help="which images these are, if not all of the data set")
    parser.add_argument("--how", default="", help="how long it took, on what")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write them")
    options = parser.parse_args(arguments)
    seen, rows, config, count = gather(options.run)
    name = options.name or config.dataset
    if not re.fullmatch(r"[a-z0-9-]+", name):
        parser.error(f"a run on {config.dataset} needs a --name of small letters, such as cifar10")
    data = options.data or f"the {count:,} images of {name}"
    notes = {"data": data, "command": command_of(config, name), "how": options.how}
    write(options.folder, name, seen, rows, notes)
    print(f"{name}: {len(seen)} moments, up to {seen[-1]:,} images")


if __name__ == "__main__":
    main()
