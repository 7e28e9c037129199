"""A small relative of VGG: 3x3 convolutions in four stages, for photographs of any size.

Trained as a classifier of photographs, it serves twice more: its inner maps are what style transfer
looks at, and its features are what sets of colour images are compared by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor, nn

from gan_course.errors import CourseError
from gan_course.models.weights import read_tensors

SMALLEST = 16  # pixels of a side: three poolings leave 2 of them


class SmallVGG(nn.Module):
    """Two convolutions a stage, each with BatchNorm and ReLU; stages are halved by the mean.

    For the default and a 32x32 image::

        (N, 3, 32, 32) -> (N, 32, 32, 32) -> (N, 64, 16, 16) -> (N, 128, 8, 8) -> (N, 128, 4, 4)
        -> features (N, 128), the mean of each map -> logits (N, 10)

    VGG pools by the maximum and has no BatchNorm. The mean passes its gradient on to every pixel
    and not to one in four, which suits an image that is optimised through it.

    Args:
        image_channels: 3 for colour.
        num_classes: how many classes.
        channels: of each stage.

    Attributes:
        layers: the convolutions by name, ``conv1_1``, ``conv1_2``, ``conv2_1`` ... as in VGG.

    Source: Simonyan & Zisserman 2014; mean pooling: Gatys, Ecker & Bethge 2015.
    """

    def __init__(
        self,
        image_channels: int = 3,
        num_classes: int = 10,
        channels: Sequence[int] = (32, 64, 128, 128),
    ) -> None:
        super().__init__()
        self.image_channels = image_channels
        self.layers = nn.ModuleDict()
        inside = image_channels
        for stage, outside in enumerate(channels, start=1):
            for i in (1, 2):
                self.layers[f"conv{stage}_{i}"] = nn.Sequential(
                    nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False),
                    nn.BatchNorm2d(outside),
                    nn.ReLU(),
                )
                inside = outside
        self.pool = nn.AvgPool2d(2)
        self.to_logits = nn.Sequential(nn.Dropout(0.2), nn.Linear(inside, num_classes))

    def maps(self, images: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """What the layers of these names see: images (N, C, H, W) in [-1, 1], of any size from 16
        on -> {name: (N, channels, H', W')}, after the ReLU and before the pooling.

        Nothing is computed beyond the last of them.

        Raises:
            ValueError: for a name that is not in ``layers``, or images that do not fit.
        """
        names = set(names)
        unknown = names - set(self.layers)
        if unknown:
            known = ", ".join(self.layers)
            raise ValueError(f"there is no layer {min(unknown)!r} here; there are {known}.")
        if images.ndim != 4 or images.shape[1] != self.image_channels:
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but this network takes "
                f"(N, {self.image_channels}, H, W)."
            )
        if min(images.shape[2:]) < SMALLEST:
            raise ValueError(f"the images must have {SMALLEST} pixels a side, or more.")
        found = {}
        x = images
        for name, layer in self.layers.items():
            if name.endswith("_1") and name != "conv1_1":
                x = self.pool(x)
            x = layer(x)
            if name in names:
                found[name] = x
            if len(found) == len(names):
                break
        return found

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] -> features (N, F), none negative."""
        last = list(self.layers)[-1]
        return self.maps(images, [last])[last].mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] -> logits (N, num_classes)."""
        return self.to_logits(self.features(images))


def load_small_vgg(path: str | Path) -> SmallVGG:
    """A trained network from its ``.safetensors`` file, on the CPU, in float32, in eval mode.

    Raises:
        CourseError: if there is no such file, or it holds something else.
    """
    path = Path(path)
    tensors = read_tensors(path)
    stages = [f"layers.conv{i}_1.0.weight" for i in range(1, 10)]
    channels = [tensors[name].shape[0] for name in stages if name in tensors]
    try:
        sizes = (tensors[stages[0]].shape[1], tensors["to_logits.1.weight"].shape[0], channels)
        network = SmallVGG(*sizes)
        network.load_state_dict(tensors)
    except (LookupError, RuntimeError) as error:
        raise CourseError(
            f"{path} does not hold the weights of a SmallVGG. Take another file."
        ) from error
    return network.eval()
