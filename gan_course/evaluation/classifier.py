"""A small image classifier: the judge that says what a generated image shows, and how surely.

Its last hidden layer also serves as the features that distances between sets of images are
computed from. Three ship with the course, each with a card that names its data and its accuracy:
``digits`` and ``mnist`` are a ``Classifier``, ``photographs`` is a ``SmallVGG``.
``python -m gan_course.evaluation.train_classifier`` trains another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_course.errors import CourseError, typed_path
from gan_course.models.small_vgg import SmallVGG, load_small_vgg
from gan_course.models.weights import read_tensors

FOLDER = Path(__file__).parent / "classifiers"


class Classifier(nn.Module):
    """Six 3x3 convolutions in three stages, then features, then a score for each class.

    Args:
        image_channels: 1 for grey, 3 for colour.
        num_classes: how many classes.
        base_channels: channels of the first stage; the later ones have two and four times as many.
        num_features: length of the feature vector.

    The images have 32x32 pixels in [-1, 1].
    """

    def __init__(
        self,
        image_channels: int = 1,
        num_classes: int = 10,
        base_channels: int = 32,
        num_features: int = 64,
    ) -> None:
        super().__init__()
        self.image_channels = image_channels
        c = base_channels
        self.stages = nn.Sequential(
            _stage(image_channels, c),  # (N, c, 16, 16)
            _stage(c, 2 * c),  # (N, 2c, 8, 8)
            _stage(2 * c, 4 * c),  # (N, 4c, 4, 4)
        )
        self.to_features = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.4),
            nn.Linear(4 * c * 4 * 4, num_features, bias=False),
            nn.BatchNorm1d(num_features),
            nn.ReLU(),
        )
        self.to_logits = nn.Linear(num_features, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, 32, 32) in [-1, 1] -> features (N, num_features), none negative."""
        if images.ndim != 4 or images.shape[1:] != (self.image_channels, 32, 32):
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but this classifier takes "
                f"(N, {self.image_channels}, 32, 32)."
            )
        return self.to_features(self.stages(images))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, 32, 32) in [-1, 1] -> logits (N, num_classes)."""
        return self.to_logits(self.features(images))


def _stage(in_channels: int, out_channels: int) -> nn.Sequential:
    """(N, in, H, W) -> (N, out, H/2, W/2)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def available_classifiers() -> list[str]:
    """Names of the classifiers that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load_classifier(name_or_path: str | Path) -> Classifier | SmallVGG:
    """A shipped classifier by name, or one of your own by the path of its ``.safetensors`` file.

    Returns:
        the classifier on the CPU, in eval mode, in float32.

    Raises:
        CourseError: if there is none, or the file holds something else.
    """
    path = typed_path(name_or_path)
    if path.suffix != ".safetensors":
        if str(name_or_path) not in available_classifiers():
            raise CourseError(
                f"no classifier called {str(name_or_path)!r} ships with the course, only "
                f"{', '.join(available_classifiers())}. For one of your own, give the path of its "
                f".safetensors file."
            )
        path = FOLDER / f"{name_or_path}.safetensors"
    tensors = read_tensors(path)
    if any(name.startswith("layers.conv") for name in tensors):
        return load_small_vgg(path)
    try:
        base_channels, image_channels = tensors["stages.0.0.weight"].shape[:2]
        num_classes, num_features = tensors["to_logits.weight"].shape
        sizes = (image_channels, num_classes, base_channels, num_features)
        with torch.device("meta"):  # shapes without memory: a made-up file may claim any size
            expected = {k: v.shape for k, v in Classifier(*sizes).state_dict().items()}
    except (LookupError, ValueError, RuntimeError, ArithmeticError):
        expected = None
    if expected != {k: v.shape for k, v in tensors.items()}:
        raise CourseError(
            f"{path} does not hold the weights of a Classifier. Name one of "
            f"{', '.join(available_classifiers())}, or a file of train_classifier."
        )
    classifier = Classifier(*sizes)
    classifier.load_state_dict(tensors)
    return classifier.eval()


@dataclass
class Verdict:
    """What a classifier makes of a set of images."""

    classes: Tensor  # (N,) int64, the likeliest class of each
    confidence: Tensor  # (N,) its probability
    shares: Tensor  # (num_classes,) the part of the images that fell into each class

    def confident(self, at_least: float = 0.9) -> float:
        """The part of the images that the classifier is this sure of."""
        return (self.confidence >= at_least).float().mean().item()

    def distance_from_uniform(self) -> float:
        """Total variation: the part of the images that would have to change class to make all
        classes equally frequent. 0 is even, 0.9 is one class of ten alone."""
        return (self.shares - 1 / len(self.shares)).abs().sum().item() / 2


@torch.no_grad()
def judge(classifier: nn.Module, images: Tensor, batch_size: int = 256) -> Verdict:
    """Let ``classifier``, in eval mode, look at ``images`` (N, C, 32, 32) in [-1, 1].

    Raises:
        ValueError: if the classifier is in train mode, where one image would change the verdict on
            another.
    """
    if classifier.training:
        raise ValueError("the classifier is in train mode: call classifier.eval() first.")
    probabilities = torch.cat([classifier(part) for part in images.split(batch_size)]).softmax(1)
    confidence, classes = probabilities.max(dim=1)
    counts = torch.bincount(classes, minlength=probabilities.shape[1])
    return Verdict(classes, confidence, counts / len(images))
