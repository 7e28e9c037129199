"""Random moves of what D sees, so that a small data set lasts longer.

With few images D soon knows them by heart, and then its opinion of a fake is worth nothing. If it
never sees an image twice in the same way, it has to look at what is on it. The fakes are moved
just as the real images are, also when G learns: were only the real ones moved, G would learn to
draw moved images. A move can be differentiated, so G's gradient finds its way back through it.

What is done to *every* image can leak: if all that D ever sees has a hole, G may as well draw
holes. Done to a share p of the images only, the untouched ones stay the most frequent, and G has to
draw those. ``AdaptiveAugment`` finds p.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", whose
*translation*, *colour* and *cut-out* these are, and Karras et al. 2020, "Training GANs with Limited
Data" (ADA), for turning and stretching and for p. Where they fill what comes free with grey, here
the image's edge is repeated, which suits digits on black as well as photographs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_moves(
    kind: str,
    number: int,
    image_size: int,
    generator: torch.Generator,
    share: float | None = None,
) -> Tensor:
    """Moves for one training step, as ``augment`` says.

    Args:
        kind: translation (``draw_shifts``), affine (``draw_maps``), or color, cutout or all
            (``draw_changes``).
        share: the probability with which an image is moved at all; None for every image.

    Returns:
        (number, 2, ...): for each image a move for D's turn and one for G's.
    """
    if kind == "affine":
        moves = draw_maps(number, generator)
        still = torch.eye(2, 3)
    elif kind == "translation":
        moves = draw_shifts(number, image_size, generator)
        still = torch.zeros(2, dtype=moves.dtype)
    else:
        moves = draw_changes(kind, number, image_size, generator)
        still = torch.tensor(UNCHANGED)
    if share is None:
        return moves
    chosen = torch.rand((number, 2), generator=generator) < share
    return torch.where(chosen[(...,) + (None,) * still.ndim], moves, still)


def moved(images: Tensor, moves: Tensor | None) -> Tensor:
    """Images (N, C, H, W), each moved in its own way: shifts (N, 2), maps (N, 2, 3) or changes
    (N, 7).

    None leaves them where they are.
    """
    if moves is None:
        return images
    if not moves.is_floating_point():
        return translate(images, moves)
    return transform(images, moves) if moves.ndim == 3 else change(images, moves)


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


# A change that changes nothing: shift down and right, light, saturation, contrast, hole at y and x.
UNCHANGED = (0.0, 0.0, 0.0, 1.0, 1.0, -9.0, -9.0)


def draw_changes(kind: str, number: int, image_size: int, generator: torch.Generator) -> Tensor:
    """Colour, a hole, or both and a shift, as ``change`` takes them.

    Light is added, up to a quarter of the range; saturation and contrast are multiplied, by 0.5 to
    1.5. The middle of the hole lies anywhere, from 0 at one edge to 1 at the other.

    Args:
        kind: color, cutout or all.
        generator: on the CPU, so that a seed means the same on every device.

    Returns:
        float (number, 2, 7): for each image one for D's turn, ``[:, 0]``, and one for G's.
    """
    changes = torch.tensor(UNCHANGED).repeat(number, 2, 1)
    drawn = torch.rand((number, 2, 5), generator=generator)
    if kind in ("color", "all"):
        changes[..., 2] = drawn[..., 0] - 0.5
        changes[..., 3:5] = drawn[..., 1:3] + 0.5
    if kind in ("cutout", "all"):
        changes[..., 5:] = drawn[..., 3:]
    if kind == "all":
        changes[..., :2] = draw_shifts(number, image_size, generator).float()
    return changes


def change(images: Tensor, changes: Tensor) -> Tensor:
    """Shift, colour and cut out: images (N, C, H, W), changes (N, 7) -> (N, C, H, W).

    Saturation 0 would leave the grey image, contrast 0 its mean. The hole is a third as high and
    wide as the image, and black, -1. Nothing is clipped, so that no gradient is lost.
    """
    images = translate(images, changes[:, :2].long())
    light, saturation, contrast, down, right = (
        column[:, None, None, None] for column in changes[:, 2:].to(images).unbind(1)
    )
    grey = images.mean(dim=1, keepdim=True)
    images = (images - grey) * saturation + grey
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - mean) * contrast + mean + light
    height, width = images.shape[2:]
    y = (torch.arange(height, device=images.device) + 0.5)[:, None] / height
    x = (torch.arange(width, device=images.device) + 0.5) / width
    hole = ((y - down).abs() < 1 / 6) & ((x - right).abs() < 1 / 6)
    return images.masked_fill(hole, -1.0)


class AdaptiveAugment:
    """The share p of images that are changed: more while D is too sure of the real ones.

    With few images D learns them by heart: of the real ones it says "real" nearly always. So look
    at the mean sign of its logits for real images, -1 to 1: above ``target`` p goes up a little,
    below it goes down. p begins at 0 and ends at ``most``: beyond that even G's images may begin to
    look changed, which is what ``leaks`` warns of.

    Args:
        target: mean sign at which p rests; 0.6 means that D says "real" to 80 % of them.
        images: real images that it takes from p = 0 to 1 at the fastest. The paper has 500,000;
            a small run needs an answer sooner.

    Attributes:
        p: the share.
        mean_sign: what it was when p was last moved; 0 at first.

    Source: Karras et al. 2020, section 3.
    """

    most = 0.8

    def __init__(self, target: float = 0.6, images: int = 50_000) -> None:
        self.target, self.images = target, images
        self.p = self.mean_sign = 0.0
        self._signs: list[Tensor] = []

    def look(self, logits_real: Tensor, boundary: float | Tensor = 0.0) -> None:
        """Note a step's logits (N,), as D gave them to real images. Waits for no device.

        Args:
            boundary: the logit above which D says "real".
        """
        self._signs.append((logits_real - boundary).sign().mean())

    def mean_of_signs(self) -> Tensor:
        """What was noted since p was last moved, as a scalar tensor."""
        return torch.stack(self._signs).mean()

    def move(self, mean_sign: float, images_seen: int) -> None:
        """Move p by what ``images_seen`` images since the last time allow."""
        self._signs, self.mean_sign = [], mean_sign
        way = images_seen / self.images
        self.p += way if mean_sign > self.target else -way
        self.p = min(max(self.p, 0.0), self.most)

    @property
    def leaks(self) -> bool:
        """Whether p is at its limit: look whether the samples show what only the changes make."""
        return self.p >= self.most

    def state(self) -> Tensor:
        """Everything that the next moves of p depend on, for a checkpoint."""
        kept = torch.tensor([self.p, self.mean_sign], dtype=torch.float64)
        return torch.cat([kept, *(sign.double().cpu()[None] for sign in self._signs)])

    def restore(self, state: Tensor, device: torch.device) -> None:
        """Go on from what ``state`` gave."""
        self.p, self.mean_sign = state[:2].tolist()
        self._signs = list(state[2:].float().to(device))
