"""From a model's numbers to a picture."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1] of any shape -> uint8 in 0..255, rounded; values outside are clipped."""
    return ((images.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def image_grid(
    images: Tensor, columns: int = 8, padding: int = 2, background: int = 255
) -> np.ndarray:
    """Lay images out in rows, as one picture.

    Args:
        images: (N, C, H, W) floats in [-1, 1], or uint8; C is 1 or 3, N at least 1.
        columns: images in a row; fewer if there are fewer images.
        padding: pixels between the images and around them.
        background: grey value of the padding, 0..255.

    Returns:
        uint8 array of shape (height, width) for grey images, (height, width, 3) for colour.
    """
    if images.ndim != 4 or images.shape[0] < 1 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images must have shape (N, 1 or 3, H, W) with N >= 1, not {tuple(images.shape)}."
        )
    pixels = (images if images.dtype == torch.uint8 else to_uint8(images)).cpu().numpy()
    count, channels, height, width = pixels.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    step_y, step_x = height + padding, width + padding
    shape = (channels, rows * step_y + padding, columns * step_x + padding)
    canvas = np.full(shape, background, dtype=np.uint8)
    for i in range(count):
        top = padding + (i // columns) * step_y
        left = padding + (i % columns) * step_x
        canvas[:, top : top + height, left : left + width] = pixels[i]
    return canvas[0] if channels == 1 else canvas.transpose(1, 2, 0)


def picture_bytes(picture: Image.Image, format: str = "PNG") -> bytes:
    """The content of a picture file; ``format`` is PNG or JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, format=format)
    return buffer.getvalue()
