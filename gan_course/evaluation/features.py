"""Feature extractors by name: from images to rows of numbers that distances are taken of.

A distance between sets of images is worth nothing without the name of its features, and both sides
must come to them by the same way: rounded to 256 levels, as a saved picture is, and brought to the
size and the channels that the network takes by one and the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.data import ImageSet, to_uint8
from gan_course.data.images import to_floats
from gan_course.errors import CourseError, typed_path
from gan_course.evaluation.classifier import Classifier, available_classifiers, load_classifier
from gan_course.files import one_line
from gan_course.models.small_vgg import SmallVGG
from gan_course.models.weights import remove_half_fetched


@dataclass
class Extractor:
    """Images (N, 1 or 3, H, W) in [-1, 1] -> features (N, F).

    Attributes:
        name: for the protocol of a number.
        size: side of the images that the network takes, others are resized; None if it resizes
            them itself.
        network: in eval mode.
        compute: the features of images that have been brought to size, (N, C, size, size).
        classifier: the classifier whose features these are, or None.
    """

    name: str
    size: int | None
    network: nn.Module
    compute: Callable[[Tensor], Tensor]
    classifier: Classifier | SmallVGG | None = None

    @torch.no_grad()
    def __call__(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """Features on the CPU, in float32. Rounds to 256 levels first.

        Raises:
            CourseError: if these are no images, or the network is in train mode.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
            raise CourseError(
                f"images must have shape (N, 1 or 3, H, W), not {tuple(images.shape)}."
            )
        if self.network.training:
            raise CourseError(
                f"the network of the features {self.name} is in train mode, where one image "
                f"changes another's features. Call network.eval() first."
            )
        device = next(self.network.parameters()).device
        parts = [
            self.compute(to_size(part.to(device), self.size)).float().cpu()
            for part in images.split(batch_size)
        ]
        return torch.cat(parts)

    def to(self, device: str | torch.device) -> Extractor:
        """Move the network."""
        self.network.to(device)
        return self


def to_size(images: Tensor, size: int | None) -> Tensor:
    """Round to 256 levels, and resize if the side is another; floats in [-1, 1]."""
    images = to_floats(to_uint8(images))
    if size is None or images.shape[-2:] == (size, size):
        return images
    # antialias: without it, small images of large ones are made of a few of their pixels only
    return F.interpolate(
        images, (size, size), mode="bilinear", antialias=True, align_corners=False
    ).clamp(-1, 1)


def load_extractor(name: str | Path) -> Extractor:
    """A feature extractor by name.

    Args:
        name: a classifier of the course (``digits``, ``mnist``, ``photographs``), the path of a
            classifier's ``.safetensors`` file, or ``inception``: InceptionV3 with the FID's
            weights, through torch-fidelity, which has to be installed and fetches its weights the
            first time.

    Raises:
        CourseError: if there is none, or if something is missing; the message says what.
    """
    if str(name) == "inception":
        return _inception()
    if typed_path(name).suffix != ".safetensors" and str(name) not in available_classifiers():
        raise CourseError(
            f"there are no features called {str(name)!r}. Choose one of "
            f"{', '.join(available_classifiers())}, inception, or the path of a classifier of your "
            f"own that gan_course.evaluation.train_classifier has trained."
        )
    classifier = load_classifier(name)

    def compute(images: Tensor) -> Tensor:
        if images.shape[1] == classifier.image_channels:
            return classifier.features(images)
        if classifier.image_channels == 1:  # colour, channel by channel: (N, 3 F)
            return classifier.features(images.flatten(0, 1)[:, None]).view(len(images), -1)
        return classifier.features(images.expand(-1, 3, -1, -1))

    label = str(name) if Path(name).suffix != ".safetensors" else Path(name).name
    return Extractor(label, 32, classifier, compute, classifier)


def real_features(extractor: Extractor, images: ImageSet, count: int, seed: int) -> Tensor:
    """The features of ``count`` real images that the seed chooses: (count, F), on the CPU."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    return torch.cat([extractor(images.take(rows).cpu()) for rows in order.split(1000)])


def default_features(dataset: str) -> str:
    """The features that suit a data set.

    Raises:
        CourseError: if none ships for it; the message says how to come by some.
    """
    photographs = dataset == "cifar10" or dataset.startswith("folder:")  # read in colour, always
    name = "photographs" if photographs else dataset.removeprefix("stacked-")
    if name in available_classifiers():
        return name
    raise CourseError(
        f"no classifier for {dataset} ships with the course. Train one (python -m "
        f"gan_course.evaluation.train_classifier --dataset {dataset} --output "
        f"{dataset.split(':')[0]}.safetensors) and name it by --features, or take "
        f"--features photographs for colour images, or inception."
    )


def _inception() -> Extractor:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except Exception as error:  # one that does not fit torch fails while it is imported
        raise CourseError(
            f"the features inception need the package torch-fidelity, which cannot be imported "
            f"({type(error).__name__}: {error}). Install it: pip install 'gan-course[inception]'. "
            f"Without it, --features digits, mnist and photographs work."
        ) from error
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).eval()
    except Exception as error:  # it raises whatever the network library does
        raise CourseError(
            f"the weights of Inception (about 91 MB) are not on this machine and could not be "
            f"fetched ({one_line(error)}).{remove_half_fetched('weights-inception-*.pth')} "
            f"Connect to the network and try again; offline, --features digits, mnist and "
            f"photographs work."
        ) from error

    def compute(images: Tensor) -> Tensor:
        # It wants uint8, and enlarges to 299x299 itself, as TensorFlow 1 did.
        return network(to_uint8(images.expand(-1, 3, -1, -1)))[0]

    return Extractor("inception-v3-compat-2048", None, network, compute)


def check_pair(features_a: Tensor, features_b: Tensor) -> None:
    """Whether two sets of features can be compared.

    Raises:
        CourseError: for shapes that do not fit, fewer than two rows, or values that are not finite.
    """
    for name, features in (("features_a", features_a), ("features_b", features_b)):
        if features.ndim != 2 or len(features) < 2:
            raise CourseError(
                f"{name} has shape {tuple(features.shape)}, but must be (N, F) with N of 2 or more."
            )
        if not bool(torch.isfinite(features).all()):
            raise CourseError(f"{name} holds values that are no finite numbers.")
    if features_a.shape[1] != features_b.shape[1]:
        raise CourseError(
            f"the features have lengths {features_a.shape[1]} and {features_b.shape[1]}: they come "
            f"from different networks and cannot be compared."
        )
