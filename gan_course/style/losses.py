"""The three losses of style transfer, and the Gram matrix.

All are means, so that the size of a picture or a layer does not count. Gatys, Ecker & Bethge 2016
take half the sum for the content; their Gram matrix is a sum, and the style loss the sum of the
squared differences over 4 C^2 (HW)^2. That is ours but for a factor of each layer, if both pictures
have one size. Their losses have no total variation: that is Mahendran & Vedaldi's, 2015.
"""

from __future__ import annotations

from torch import Tensor


def content_loss(maps: Tensor, target: Tensor) -> Tensor:
    """How far the features are from those of the content picture, place by place.

    Args:
        maps, target: (N, C, H, W), what one layer sees in the two pictures.

    Returns:
        the mean squared difference, a number.
    """
    return (maps - target).square().mean()


def gram_matrix(maps: Tensor) -> Tensor:
    """Which channels are active together, wherever that may be.

    Args:
        maps: (N, C, H, W).

    Returns:
        (N, C, C): for each pair of channels the sum over all places of their product, divided by
        C * H * W. Symmetric. The places are summed over, so their order is forgotten.
    """
    n, c, h, w = maps.shape
    rows = maps.reshape(n, c, h * w)  # a row for each channel
    return rows @ rows.transpose(1, 2) / (c * h * w)


def style_loss(maps: Tensor, target_gram: Tensor) -> Tensor:
    """How far the Gram matrix of these maps is from the one of the style picture.

    Args:
        maps: (N, C, H, W); their size need not be that of the style picture.
        target_gram: (N, C, C).

    Returns:
        the mean squared difference, a number.
    """
    return (gram_matrix(maps) - target_gram).square().mean()


def total_variation(images: Tensor) -> Tensor:
    """How much neighbouring pixels differ: small for a smooth picture, large for a noisy one.

    Args:
        images: (N, C, H, W).

    Returns:
        the mean absolute difference between vertical neighbours, plus that between horizontal ones.
    """
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().mean()
    return down + across
