"""Record the SAGAN for the attention microscope: python -m gan_course.trials.record_attention

One conditional SAGAN on the digits, trained by the course's own ``training_step``. What is stored
is both networks at five moments, in half precision, and both gammas all along the way. It takes
about a minute on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gan_course.data import load_images
from gan_course.files import write_atomically
from gan_course.models import SAGANDiscriminator, SAGANGenerator
from gan_course.pretrained.recorded import FOLDER
from gan_course.pretrained.recorded.with_attention import NAME
from gan_course.training.ema import AveragedGenerator
from gan_course.training.step import training_step
from gan_course.trials.digit_judge import judge_digits
from gan_course.trials.record import rounded

LATENT_DIM = 32
NETWORK = {
    "image_size": 32,
    "image_channels": 1,
    "base_channels": 16,
    "attention_at": 16,
    "num_classes": 10,
}
BATCH_SIZE = 32
RATES = (4e-3, 1e-3)  # of G and of D
BETAS = (0.0, 0.9)
MOMENTS = (0, 84, 224, 560, 1120)  # steps after which both networks are stored
EVERY = 10  # steps between two lines of the history
NUM_JUDGED = 500


def record(seed: int = 0, moments: tuple[int, ...] = MOMENTS) -> tuple[bytes, dict]:
    """Train it.

    Args:
        seed: start of all random numbers.
        moments: the steps after which the networks are kept; the last one is the end.

    Returns:
        The content of a safetensors file (float16, the averaged G and D at each moment), and the
        notes that belong to it.
    """
    images = load_images("digits", NETWORK["image_size"])
    torch.manual_seed(seed)
    generator = SAGANGenerator(latent_dim=LATENT_DIM, **NETWORK)
    discriminator = SAGANDiscriminator(**NETWORK)
    optimizer_g = torch.optim.Adam(generator.parameters(), RATES[0], BETAS)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), RATES[1], BETAS)
    averaged = AveragedGenerator(generator)
    rng = torch.Generator().manual_seed(seed + 1)

    tensors: dict[str, Tensor] = {}
    kept: list[dict] = []
    history: list[dict] = []
    step = epoch = 0
    start = time.process_time()
    keep(tensors, kept, averaged.model, discriminator, step)
    while step < moments[-1]:
        for images_real, labels in images.labelled_batches(BATCH_SIZE, seed, epoch):
            z = torch.randn(BATCH_SIZE, LATENT_DIM, generator=rng)
            stats = training_step(
                generator,
                discriminator,
                optimizer_g,
                optimizer_d,
                images_real,
                z,
                loss="hinge",
                labels=labels,
            )
            step += 1
            averaged.update(generator, BATCH_SIZE, step * BATCH_SIZE)
            if step % EVERY == 0 or step == 1:
                stats.step, stats.epoch, stats.images_seen = step, epoch, step * BATCH_SIZE
                gammas = {
                    "gamma_g": generator.attention.gamma.item(),
                    "gamma_d": discriminator.attention.gamma.item(),
                }
                history.append(rounded(stats.floats() | gammas))
            if step in moments:
                keep(tensors, kept, averaged.model, discriminator, step)
            if step == moments[-1]:
                break
        epoch += 1
    notes = {
        "command": f"python -m gan_course.trials.record_attention --seed {seed}",
        "latent_dim": LATENT_DIM,
        "network": NETWORK,
        "rates": RATES,
        "betas": BETAS,
        "batch_size": BATCH_SIZE,
        "seed": seed,
        "seconds": round(time.process_time() - start),
        "device": f"cpu, {torch.get_num_threads()} thread(s), PyTorch {torch.__version__}",
        "moments": kept,
        "history": history,
    }
    return save(tensors), notes


@torch.no_grad()
def keep(
    tensors: dict[str, Tensor], kept: list[dict], averaged: nn.Module, d: nn.Module, step: int
) -> None:
    """Add both networks to the tensors, in half precision, and this moment to the list."""
    for name, network in (("g", averaged), ("d", d)):
        for key, value in network.state_dict().items():
            value = value.half() if value.is_floating_point() else value.clone()
            tensors[f"moment_{len(kept)}.{name}.{key}"] = value.contiguous()
    labels = torch.arange(NUM_JUDGED) % 10
    z = torch.randn(NUM_JUDGED, averaged.latent_dim, generator=torch.Generator().manual_seed(1))
    judged = judge_digits(averaged(z, labels), labels)
    kept.append(
        {
            "step": step,
            "images_seen": step * BATCH_SIZE,
            "agree": round(judged["agree"], 3),
            "distance": round(judged["distance"], 2),
        }
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.trials.record_attention", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write it")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the networks are small: a second thread gains nothing
    content, notes = record(options.seed)
    write_atomically(options.folder / f"{NAME}.safetensors", content)
    text = json.dumps(notes, ensure_ascii=False, separators=(",", ":")) + "\n"
    write_atomically(options.folder / f"{NAME}.json", text.encode())
    print(f"{NAME}: {notes['seconds']} s, {len(content) / 1e6:.2f} MB")
    print(notes["moments"])


if __name__ == "__main__":
    main()
