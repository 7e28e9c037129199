"""Train a classifier on a labelled data set, and say how often it is right on images it never saw.

    python -m gan_course.evaluation.train_classifier --dataset mnist --output mnist.safetensors

The test images are a fifth of the data set, at most ``--test-images``, drawn by the seed before
training. Each training image is turned, scaled and moved a little anew each time it is shown.
``--photographs`` trains a ``SmallVGG``, and mirrors and moves the images instead.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.data import load_images
from gan_course.data.images import ImageSet
from gan_course.errors import CourseError
from gan_course.evaluation.classifier import Classifier
from gan_course.files import write_atomically
from gan_course.models.small_vgg import SmallVGG


def shaken(images: Tensor, photographs: bool) -> Tensor:
    """Each image moved by up to an eighth of its size; a drawing also turned by up to 14 degrees
    and scaled by up to 12 %, a photograph mirrored every other time. Same shape and range."""
    count = len(images)
    shift = (torch.rand(count, 2) - 0.5) * 0.5  # the image reaches from -1 to 1
    if photographs:
        a = torch.zeros(count)
        across, down = torch.randint(0, 2, (count,)) * 2.0 - 1, torch.ones(count)
        half = images.shape[-1] / 2
        shift = (shift * half).round() / half  # by whole pixels: nothing is blurred
    else:
        a = (torch.rand(count) - 0.5) * 0.5
        across = down = 1 + (torch.rand(count) - 0.5) * 0.25
        shift = shift / 2
    rows = [
        torch.stack([a.cos() * across, -a.sin() * across, shift[:, 0]], dim=1),
        torch.stack([a.sin() * down, a.cos() * down, shift[:, 1]], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), images.shape, align_corners=False)
    # What comes in from outside is black, which is -1: moved to 0 and back.
    return F.grid_sample(images + 1, grid.to(images), align_corners=False) - 1


def train_classifier(
    images: ImageSet,
    epochs: int = 20,
    seed: int = 0,
    photographs: bool = False,
    base: int = 32,
    most_tests: int = 10_000,
) -> tuple[Classifier | SmallVGG, float, int]:
    """Train on four fifths of the images, or all but ``most_tests``, and test on the others.

    Args:
        images: a labelled set of 32x32 images.
        epochs: passes over the training part.
        seed: of the split, the first weights and the order.
        photographs: train a ``SmallVGG``, and see ``shaken``.
        base: channels of the first stage.
        most_tests: images of the test part at most.

    Returns:
        the classifier in eval mode, its accuracy on the test part, and the size of that part.

    Raises:
        CourseError: if the images have no labels.
    """
    if images.labels is None:
        raise CourseError(f"{images.name} has no labels, so there is nothing to learn here.")
    torch.manual_seed(seed)
    labels = images.labels
    order = torch.randperm(len(images))
    num_test = min(most_tests, len(images) // 5)
    test, train = order[:num_test], order[num_test:]
    sizes = (images.shape[0], int(labels.max()) + 1)
    if photographs:
        classifier = SmallVGG(*sizes, (base, 2 * base, 4 * base, 4 * base))
    else:
        classifier = Classifier(*sizes, base)
    classifier = classifier.to(memory_format=torch.channels_last)
    batch_size = 64 if len(train) < 20_000 else 128
    steps = epochs * (len(train) // batch_size)
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.002, total_steps=steps)
    for epoch in range(epochs):
        classifier.train()
        order = train[torch.randperm(len(train))]
        for rows in order.split(batch_size)[: len(train) // batch_size]:
            batch = shaken(images.take(rows), photographs)
            batch = batch.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                logits = classifier(batch)
            loss = F.cross_entropy(logits.float(), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}", flush=True)
    classifier.eval()
    return classifier, accuracy(classifier, images, test), num_test


@torch.no_grad()
def accuracy(classifier: nn.Module, images: ImageSet, rows: Tensor) -> float:
    """The part of the images in these rows that the classifier names rightly."""
    right = 0
    for part in rows.split(256):
        right += (classifier(images.take(part)).argmax(1) == images.labels[part]).sum().item()
    return right / max(1, len(rows))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits", help="a data set with labels")
    parser.add_argument("--data-root", default="data")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--base-channels", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test-images", type=int, default=10_000, help="at most so many")
    parser.add_argument("--photographs", action="store_true", help="a SmallVGG; mirrors, no turns")
    parser.add_argument("--output", type=Path, required=True, help="a .safetensors file")
    choices = parser.parse_args(arguments)
    try:
        if choices.output.suffix != ".safetensors":
            raise CourseError(f"--output must end in .safetensors, but is {choices.output}.")
        images = load_images(choices.dataset, 32, choices.data_root)
        start = time.perf_counter()
        classifier, right, num_test = train_classifier(
            images,
            choices.epochs,
            choices.seed,
            choices.photographs,
            choices.base_channels,
            choices.test_images,
        )
        minutes = (time.perf_counter() - start) / 60
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in _plain(classifier)}
        write_atomically(choices.output, safetensors.torch.save(tensors))
    except CourseError as error:
        raise SystemExit(f"train_classifier: {error}") from None
    spread = math.sqrt(right * (1 - right) / num_test)
    print(f"right on {right:.2%} of {num_test:,} test images (+- {spread:.2%}), {minutes:.1f} min")
    print(f"{choices.output}")


def _plain(classifier: nn.Module) -> list[tuple[str, Tensor]]:
    return [(k, v.detach().contiguous()) for k, v in classifier.state_dict().items()]


if __name__ == "__main__":
    main()
