"""Random moves of what D sees, so that a small data set lasts longer.

With few images D soon knows them by heart, and then its opinion of a fake is worth nothing. If it
never sees an image twice in the same way, it has to look at what is on it. The fakes are moved
just as the real images are, also when G learns: were only the real ones moved, G would learn to
draw moved images. A move can be differentiated, so G's gradient finds its way back through it.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", whose
*translation* this is, and Karras et al. 2020, "Training GANs with Limited Data", for turning and
stretching. Where they fill what comes free with grey, here the image's edge is repeated, which
suits digits on black as well as photographs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_moves(kind: str, number: int, image_size: int, generator: torch.Generator) -> Tensor:
    """Moves for one training step: ``draw_shifts`` or ``draw_maps``, as ``augment`` says."""
    if kind == "affine":
        return draw_maps(number, generator)
    return draw_shifts(number, image_size, generator)


def moved(images: Tensor, moves: Tensor | None) -> Tensor:
    """Images (N, C, H, W), each moved in its own way: shifts (N, 2), or maps (N, 2, 3).

    None leaves them where they are.
    """
    if moves is None:
        return images
    return transform(images, moves) if moves.is_floating_point() else translate(images, moves)


def draw_shifts(number: int, image_size: int, generator: torch.Generator) -> Tensor:
    """Shifts for one training step, each up to an eighth of the image's size in each direction.

    Args:
        generator: on the CPU, so that a seed means the same on every device.

    Returns:
        int64 (number, 2, 2): for each image one shift for D's turn, ``[:, 0]``, and one for G's,
        ``[:, 1]``. A shift is (pixels down, pixels to the right).
    """
    reach = image_size // 8
    return torch.randint(-reach, reach + 1, (number, 2, 2), generator=generator)


def translate(images: Tensor, shifts: Tensor) -> Tensor:
    """Move each image by its own shift, and repeat its edge where nothing is left to show.

    Args:
        images: (N, C, H, W).
        shifts: int64 (N, 2): pixels down and to the right.

    Returns:
        (N, C, H, W).
    """
    height, width = images.shape[2:]
    # Row 5 of an image that moves down by 2 is what was its row 3.
    rows = torch.arange(height, device=images.device) - shifts[:, :1]  # (N, H)
    columns = torch.arange(width, device=images.device) - shifts[:, 1:]  # (N, W)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    moved = images.gather(2, rows[:, None, :, None].expand(images.shape))
    return moved.gather(3, columns[:, None, None, :].expand(images.shape))


def draw_maps(number: int, generator: torch.Generator) -> Tensor:
    """Turns by up to 20 degrees, scales from 0.8 to 1.2 in each direction, slants and shifts.

    Args:
        generator: on the CPU, so that a seed means the same on every device.

    Returns:
        float (number, 2, 2, 3): for each image one affine map for D's turn, ``[:, 0]``, and one
        for G's, ``[:, 1]``. A map takes a place (x, y, 1) in the new image, where x and y go from
        -1 to 1, to the place in the old one whose brightness it gets.
    """
    angle, wide, high, slant, right, down = (
        torch.rand((6, number, 2), generator=generator) * 2 - 1  # each from -1 to 1
    )
    angle = 0.35 * angle
    wide, high = 1.2**wide, 1.2**high
    across = torch.stack([angle.cos() * wide, -angle.sin() * high + 0.3 * slant, right / 4], -1)
    along = torch.stack([angle.sin() * wide, angle.cos() * high, down / 4], -1)
    return torch.stack([across, along], dim=2)


def transform(images: Tensor, maps: Tensor) -> Tensor:
    """Images (N, C, H, W) seen through affine maps (N, 2, 3), see ``draw_maps``; the same shape.

    Between pixels the brightness is interpolated; beyond the edge the edge is repeated.
    """
    grid = F.affine_grid(maps.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
