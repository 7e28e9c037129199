"""The first pair of networks: a handful of layers each, small enough to count by hand.

They are the "simple" pair of the course's source documents. There the generator makes 32x32 images
and the discriminator's last layer expects what a 64x64 image would leave over, so the two do not
fit together. Here one number, ``image_size``, sets both.
"""

from __future__ import annotations

from torch import Tensor, nn


class SimpleGenerator(nn.Module):
    """G: a latent vector becomes a small map, and two transposed convolutions enlarge it.

    For the default 32x32 image::

        z (N, 100) -> (N, 4096) -> (N, 64, 8, 8) -> (N, 32, 16, 16) -> (N, 3, 32, 32)

    Args:
        latent_dim: length of ``z``.
        image_channels: 3 for colour, 1 for grey.
        image_size: height and width of the image, a multiple of 4: two layers double the size.

    Raises:
        ValueError: if ``image_size`` is not a positive multiple of 4.

    The last layer is a ``Tanh`` already: do not apply another one to what comes out.
    """

    def __init__(self, latent_dim: int = 100, image_channels: int = 3, image_size: int = 32):
        super().__init__()
        _check_image_size(image_size)
        self.latent_dim = latent_dim
        start = image_size // 4  # two doublings lead from here to image_size
        self.net = nn.Sequential(
            nn.Linear(latent_dim, 64 * start * start),
            nn.ReLU(),
            nn.Unflatten(1, (64, start, start)),
            nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, image_channels, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z (N, latent_dim) -> images (N, image_channels, image_size, image_size) in [-1, 1]."""
        return self.net(z)


class SimpleDiscriminator(nn.Module):
    """D: two strided convolutions make the image small, and a linear layer weighs up what is left.

    For the default 32x32 image::

        (N, 3, 32, 32) -> (N, 32, 16, 16) -> (N, 64, 8, 8) -> (N, 4096) -> logits (N, 1)

    Args:
        image_channels: 3 for colour, 1 for grey.
        image_size: height and width of the images, a multiple of 4: two layers halve the size.

    Raises:
        ValueError: if ``image_size`` is not a positive multiple of 4.
    """

    def __init__(self, image_channels: int = 3, image_size: int = 32):
        super().__init__()
        _check_image_size(image_size)
        end = image_size // 4  # what two halvings leave
        self.net = nn.Sequential(
            nn.Conv2d(image_channels, 32, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(64 * end * end, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, image_channels, image_size, image_size) in [-1, 1] -> logits (N, 1)."""
        return self.net(images)


def _check_image_size(image_size: int) -> None:
    if image_size < 4 or image_size % 4 != 0:
        raise ValueError(
            f"image_size must be a positive multiple of 4, but is {image_size}: two layers double "
            f"(or halve) the size."
        )
