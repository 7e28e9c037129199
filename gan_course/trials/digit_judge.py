"""A judge of generated digits that the trials of lesson 12 share: which digit, and how far off?

It is a small convolutional network that learns one half of the 1,797 real digits in some seconds
and is asked about the other half before it is trusted. Nothing is stored: the same seed trains the
same judge (up to rounding, on another processor).
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.data import ImageSet, load_images
from gan_course.evaluation.classifier import judge
from gan_course.evaluation.frechet import frechet_distance

EPOCHS = 20
BATCH_SIZE = 32
FEATURES = 32


class DigitJudge(nn.Module):
    """Images (N, 1, 32, 32) in [-1, 1] -> logits (N, 10).

    It looks at 16x16 pixels: the digits were recorded at 8x8, so nothing is lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 8, 8)
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 32, 4, 4)
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, FEATURES),
            nn.ReLU(),
        )
        self.to_logits = nn.Linear(FEATURES, 10)

    def features(self, images: Tensor) -> Tensor:
        """Images (N, 1, 32, 32) -> (N, 32): the last numbers before the decision."""
        return self.body(F.avg_pool2d(images, 2))

    def forward(self, images: Tensor) -> Tensor:
        return self.to_logits(self.features(images))


@lru_cache
def digits() -> ImageSet:
    return load_images("digits", 32)


@lru_cache
def halves() -> tuple[Tensor, Tensor]:
    """Two halves of the real digits, by their indices: to learn from, and to be tested with."""
    order = torch.randperm(len(digits()), generator=torch.Generator().manual_seed(0))
    half = len(order) // 2
    return order[:half], order[half:]


@lru_cache
def trained_judge() -> tuple[DigitJudge, float]:
    """The judge, in eval mode, and the share of the other half's digits that it names rightly."""
    data = digits()
    learned, held_back = halves()
    images, labels = data.take(learned), data.labels[learned]
    # Whatever the caller has set: its random numbers are left alone, and gradients are needed.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        network = DigitJudge()
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(images)).split(BATCH_SIZE):
                # Moved by up to two pixels, so that it doesn't mind where in the image a digit is.
                down, right = torch.randint(-2, 3, (2,)).tolist()
                moved = images[rows].roll((down, right), dims=(2, 3))
                loss = F.cross_entropy(network(moved), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    network.eval().requires_grad_(False)
    right = network(data.take(held_back)).argmax(dim=1) == data.labels[held_back]
    return network, right.float().mean().item()


@lru_cache
def features_of_the_real() -> Tensor:
    """(1797, 32), of all real digits."""
    data = digits()
    return trained_judge()[0].features(data.take(torch.arange(len(data))))


def judge_digits(images: Tensor, labels: Tensor | None = None) -> dict[str, float]:
    """What the judge says about a set of generated digits.

    Args:
        images: (N, 1, 32, 32) in [-1, 1].
        labels: (N,), what each was asked to be, if it was asked.

    Returns:
        ``distance``: Fréchet distance to all real digits, on the judge's features.
        ``sure``: share of images that the judge is at least 90 % sure of.
        ``rarest``: share of the digit that it sees least often; 0.1 would be even.
        ``agree``: share of images that show what they were asked to be; only with labels.
    """
    verdict = judge(trained_judge()[0], images)
    found = {
        "distance": frechet_distance(trained_judge()[0].features(images), features_of_the_real()),
        "sure": verdict.confident(0.9),
        "rarest": verdict.shares.min().item(),
    }
    if labels is not None:
        found["agree"] = (verdict.classes == labels).float().mean().item()
    return found
