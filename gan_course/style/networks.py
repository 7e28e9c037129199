"""The networks that style transfer looks through: ours, which ships, and VGG-19."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_course.errors import CourseError
from gan_course.files import one_line
from gan_course.models.small_vgg import SmallVGG, load_small_vgg
from gan_course.models.weights import remove_half_fetched

NETWORKS = ("offline", "vgg19")
# A classifier of the course; its card lies beside it.
OFFLINE_WEIGHTS = (
    Path(__file__).parents[1] / "evaluation" / "classifiers" / "photographs.safetensors"
)
# What ImageNet's pictures were brought to when VGG-19 was trained: for values in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class FeatureNetwork:
    """A frozen network in eval mode, seen layer by layer.

    Attributes:
        name: one of ``NETWORKS``, or what you call your own.
        maps: images (N, 3, H, W) in [-1, 1] and names of layers -> {name: (N, C, H', W')}.
        layers: all names, from the first layer to the last.
        style_layers, content_layers: those that are used if nobody says otherwise.
    """

    name: str
    maps: Callable[[Tensor, Iterable[str]], dict[str, Tensor]]
    layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]


def load_network(name: str = "offline", device: str | torch.device = "cpu") -> FeatureNetwork:
    """A network by name.

    Args:
        name: ``offline``, the small network of the course, which ships with it; or ``vgg19``, the
            one of the papers: torchvision fetches its weights (550 MB) the first time.
        device: where it is to compute.

    Raises:
        CourseError: if there is none of that name, or if its weights cannot be had.
    """
    if name == "offline":
        network = _frozen(load_small_vgg(OFFLINE_WEIGHTS)).to(device)
        return network_of(network)
    if name == "vgg19":
        return _vgg19(torch.device(device))
    raise CourseError(f"there is no network {name!r}. Choose one of {', '.join(NETWORKS)}.")


def network_of(network: SmallVGG, name: str = "offline") -> FeatureNetwork:
    """A ``SmallVGG`` as style transfer uses it."""
    layers = tuple(network.layers)
    return FeatureNetwork(
        name,
        network.maps,
        layers,
        style_layers=tuple(n for n in layers if n < "conv4"),
        content_layers=("conv3_1",),
    )


def _vgg19(device: torch.device) -> FeatureNetwork:
    try:
        from torchvision.models import VGG19_Weights, vgg19
    except Exception as error:  # one that does not fit torch fails while it is imported
        raise CourseError(
            f"torchvision, which has VGG-19, cannot be imported ({type(error).__name__}). Install "
            f"both together: pip install --upgrade torch torchvision. Without it, --network "
            f"offline works."
        ) from error
    try:
        features = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features
    except Exception as error:  # it raises whatever the network library does
        raise CourseError(
            f"the weights of VGG-19 (about 550 MB) are not on this machine and could not be "
            f"fetched ({one_line(error)}).{remove_half_fetched('vgg19-*.pth')} Connect to the "
            f"network and try again; offline, --network offline works: the small network that "
            f"ships with the course."
        ) from error
    stages = _frozen(features).to(device)
    mean = torch.tensor(IMAGENET_MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=device).view(1, 3, 1, 1)
    names = _vgg_names(stages)

    def maps(images: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
        wanted = set(wanted)
        unknown = wanted - set(names.values())
        if unknown:
            raise ValueError(f"there is no layer {min(unknown)!r} in VGG-19.")
        found = {}
        x = ((images + 1) / 2 - mean) / std
        for i, layer in enumerate(stages):
            x = layer(x)
            if names.get(i) in wanted:
                found[names[i]] = x
            if len(found) == len(wanted):
                break
        return found

    return FeatureNetwork(
        "vgg19",
        maps,
        tuple(names.values()),
        style_layers=("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
        content_layers=("conv4_2",),
    )


def _vgg_names(features: nn.Sequential) -> dict[int, str]:
    """The place of each ReLU -> the name of the convolution before it: ``conv1_1`` ..."""
    names, stage, number = {}, 1, 0
    for i, layer in enumerate(features):
        if isinstance(layer, nn.ReLU):
            number += 1
            names[i] = f"conv{stage}_{number}"
        elif isinstance(layer, nn.MaxPool2d):
            stage, number = stage + 1, 0
    return names


def _frozen(network: nn.Module) -> nn.Module:
    """In eval mode, and without gradients for its weights: only the picture is to change."""
    return network.eval().requires_grad_(False)
