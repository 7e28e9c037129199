"""What class labels need: a BatchNorm that knows them, and a look at whether they are labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConditionalBatchNorm2d(nn.Module):
    """BatchNorm whose gain and bias belong to the class of each image: (N, C, H, W) -> the same.

    Every class starts with gain 1 and bias 0, so at first the label changes nothing.

    Source: Dumoulin et al. 2017; de Vries et al. 2017.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        # Not under spectral norm, nor were the authors': it would fix how strong a gain may be.
        self.gain = nn.Embedding(num_classes, channels)
        self.bias = nn.Embedding(num_classes, channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        gain, bias = self.gain(labels), self.bias(labels)  # (N, C)
        return self.norm(x) * gain[:, :, None, None] + bias[:, :, None, None]


def batch_norm(channels: int, num_classes: int) -> nn.Module:
    """BatchNorm, conditional if there are classes."""
    if num_classes:
        return ConditionalBatchNorm2d(channels, num_classes)
    return nn.BatchNorm2d(channels)


def normalize(norm: nn.Module, x: Tensor, labels: Tensor | None) -> Tensor:
    return norm(x) if labels is None else norm(x, labels)


def check_labels(labels: Tensor | None, num_images: int, num_classes: int) -> None:
    """Raise ValueError, with a sentence, unless the labels are what the network takes.

    Whether each of them is a class is looked at on the CPU only: reading a number from a GPU makes
    the processor wait for it.
    """
    if num_classes == 0:
        if labels is not None:
            raise ValueError(
                "this network has no classes and takes no labels. Leave the labels out, or build "
                "it with num_classes."
            )
        return
    if labels is None:
        raise ValueError(f"this network has {num_classes} classes: give it one label per image.")
    if labels.shape != (num_images,) or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(
            f"labels must be whole numbers of shape ({num_images},), one per image, but have "
            f"shape {tuple(labels.shape)} and type {labels.dtype}."
        )
    if labels.device.type == "cpu" and not torch.compiler.is_compiling():
        least, largest = labels.min().item(), labels.max().item()
        if least < 0 or largest >= num_classes:
            wrong = least if least < 0 else largest
            raise ValueError(
                f"there is no class {wrong}: this network has the classes 0 to {num_classes - 1}."
            )
