"""DCGAN: the generator and the discriminator, made of convolutions and little else.

Source: Radford, Metz & Chintala 2015, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks". The five rules of its section 3 are all here: strides instead of
pooling, BatchNorm (but not at G's output and D's input), no hidden fully connected layers, ReLU
and a final tanh in G, LeakyReLU in D.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gan_course.models.init import add_spectral_norm, init_weights

IMAGE_SIZES = (16, 32, 64, 128)
Stem = Literal["linear", "conv", "plain"]


class DCGANGenerator(nn.Module):
    """G: turns a latent vector ``z`` into an image.

    The stem makes a small 4x4 map with many channels; each transposed convolution after it
    doubles the size and halves the channels. For the default 64x64 image::

        z (N, 100) -> (N, 512, 4, 4) -> (N, 256, 8, 8) -> (N, 128, 16, 16)
                   -> (N, 64, 32, 32) -> (N, 3, 64, 64)

    Args:
        image_size: height and width of the image in pixels: 16, 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of ``z``.
        base_channels: channels of the last hidden map; the first one has image_size / 8 times
            as many.
        stem: how z becomes the 4x4 map. ``"linear"``: a linear layer. ``"conv"``: the transposed
            convolution of the paper, from 1x1 to 4x4; on a 1x1 input that is the same linear map
            with its weights in another order. Both are followed by BatchNorm and ReLU.
            ``"plain"``: a linear layer and nothing after it, as in some DCGANs on the web.

    Raises:
        ValueError: for an image size or a stem that is not in the list, or a count below 1.

    ``load_state_dict`` also takes the names ``fc``, ``tconv1``, ``bn1``, ... that such a DCGAN
    gives to the weights of a ``"plain"`` generator; see ``translate_names``.
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        latent_dim: int = 100,
        base_channels: int = 64,
        stem: Stem = "linear",
    ) -> None:
        super().__init__()
        _check_arguments(image_size, image_channels, latent_dim, base_channels)
        self.image_size = image_size
        self.image_channels = image_channels
        self.latent_dim = latent_dim
        self.base_channels = base_channels

        channels = base_channels * image_size // 8  # 64x64: 8 times the base, 512 by default
        self.stem = _make_stem(stem, latent_dim, channels)

        blocks = []
        size = 4
        while size < image_size // 2:
            blocks.append(upsample_block(channels, channels // 2))
            channels = channels // 2
            size = size * 2
        self.blocks = nn.Sequential(*blocks)

        # The last layer has no BatchNorm: it must be free to set the brightness of each image.
        self.to_image = nn.Sequential(
            nn.ConvTranspose2d(channels, image_channels, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        )
        init_weights(self)
        self.register_load_state_dict_pre_hook(_translate_in_place)

    def forward(self, z: Tensor) -> Tensor:
        """z of shape (N, latent_dim) or (N, latent_dim, 1, 1) -> images (N, C, H, W) in [-1, 1]."""
        z = self._as_rows(z)
        x = self.stem(z)
        x = self.blocks(x)
        return self.to_image(x)

    @torch.no_grad()
    def generate(
        self, num_images: int, generator: torch.Generator | None = None, truncation: float = 1.0
    ) -> Tensor:
        """Draw ``num_images`` new images as training would show them to you: in eval mode.

        Args:
            num_images: how many, at least 1.
            generator: a ``torch.Generator`` on the CPU for the noise, so that the same seed gives
                the same images on every device; the global one if None.
            truncation: the standard deviation of z. Below 1 the images are more alike.

        Returns:
            Images of shape (num_images, C, H, W) in [-1, 1].
        """
        if num_images < 1:
            raise ValueError(f"num_images must be at least 1, but is {num_images}.")
        device = next(self.parameters()).device
        z = truncation * torch.randn(num_images, self.latent_dim, generator=generator)
        was_training = self.training
        self.eval()
        # Some at a time: maps inside are many times as large as the images that come out.
        images = torch.cat([self(part) for part in z.to(device).split(128)])
        self.train(was_training)
        return images

    def _as_rows(self, z: Tensor) -> Tensor:
        if z.ndim == 4 and z.shape[1:] == (self.latent_dim, 1, 1):
            return z.flatten(1)
        if z.ndim == 2 and z.shape[1] == self.latent_dim:
            return z
        raise ValueError(
            f"z has shape {tuple(z.shape)}, but this generator takes (N, {self.latent_dim}) "
            f"or (N, {self.latent_dim}, 1, 1)."
        )


class DCGANDiscriminator(nn.Module):
    """D: turns an image into one logit. Large means "real"; sigmoid(logit) is the probability.

    The mirror of the generator: each strided convolution halves the size and doubles the channels
    until a 4x4 map is left, and a linear layer weighs it up. For the default 64x64 image::

        (N, 3, 64, 64) -> (N, 64, 32, 32) -> (N, 128, 16, 16) -> (N, 256, 8, 8)
                       -> (N, 512, 4, 4) -> logits (N,)

    Args:
        image_size: height and width of the images in pixels: 16, 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        base_channels: channels of the first hidden map.
        spectral_norm: keep every layer's largest stretch at 1, which keeps D from growing too
            steep for G to learn from. BatchNorm is then left out: it divides by the size of what
            it gets, so a layer before it may be scaled at will and nothing changes; together, the
            one would undo the other.

    Raises:
        ValueError: for an image size that is not in the list, or a count below 1.

    There is no sigmoid at the end, unlike in the paper: the losses work on logits, which is the
    same function computed without underflow.
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        base_channels: int = 64,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        _check_arguments(image_size, image_channels, 1, base_channels)
        self.image_size = image_size
        self.image_channels = image_channels
        self.base_channels = base_channels

        # The first layer has no BatchNorm: D should see the brightness of an image as it is.
        self.from_image = nn.Sequential(
            nn.Conv2d(image_channels, base_channels, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        )

        blocks = []
        channels = base_channels
        size = image_size // 2
        while size > 4:
            blocks.append(downsample_block(channels, channels * 2, batch_norm=not spectral_norm))
            channels = channels * 2
            size = size // 2
        self.blocks = nn.Sequential(*blocks)

        self.to_logit = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * 4 * 4, 1),
        )
        init_weights(self)  # before the weights are wrapped, or it would do nothing
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] -> logits (N,)."""
        expected = (self.image_channels, self.image_size, self.image_size)
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but this discriminator takes "
                f"(N, {expected[0]}, {expected[1]}, {expected[2]})."
            )
        x = self.from_image(images)
        x = self.blocks(x)
        return self.to_logit(x).squeeze(1)


def upsample_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """(N, in, H, W) -> (N, out, 2H, 2W).

    The kernel size, 4, is divisible by the stride, 2, so that the stamps overlap evenly.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(
            in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def downsample_block(in_channels: int, out_channels: int, batch_norm: bool = True) -> nn.Sequential:
    """(N, in, H, W) -> (N, out, H/2, W/2)."""
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=not batch_norm
    )
    if not batch_norm:
        return nn.Sequential(conv, nn.LeakyReLU(0.2))
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.LeakyReLU(0.2))


def translate_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A generator's weights under the names of this file, if they came under the web's names.

    Many a DCGAN on the web is flat: ``fc`` makes the 4x4 map, then follow ``tconv1``, ``bn1``,
    ``tconv2``, ... and a last ``tconv`` without a BatchNorm and without a bias. Here they are
    ``stem.0``, ``blocks.0.0``, ``blocks.0.1``, ... and ``to_image.0``, with a bias of 0.

    Other names are left as they are. The tensors themselves are never changed.
    """
    if "fc.weight" not in tensors:
        return tensors
    last = sum(name.startswith("tconv") and name.endswith(".weight") for name in tensors)
    layers = {"fc": "stem.0", f"tconv{last}": "to_image.0"}
    for i in range(1, last):
        layers[f"tconv{i}"] = f"blocks.{i - 1}.0"
        layers[f"bn{i}"] = f"blocks.{i - 1}.1"
    translated = {}
    for name, tensor in tensors.items():
        layer, _, rest = name.partition(".")
        translated[f"{layers.get(layer, layer)}.{rest}"] = tensor
    if "to_image.0.weight" in translated and "to_image.0.bias" not in translated:
        weight = translated["to_image.0.weight"]
        translated["to_image.0.bias"] = weight.new_zeros(weight.shape[1])
    return translated


def _translate_in_place(model: nn.Module, tensors: dict, prefix: str, *_: object) -> None:
    """Runs before ``load_state_dict``, which hands over a copy of the dict it was given."""
    if prefix == "":
        translated = dict(translate_names(tensors))
        tensors.clear()
        tensors.update(translated)


def _make_stem(stem: Stem, latent_dim: int, channels: int) -> nn.Sequential:
    """(N, latent_dim) -> (N, channels, 4, 4)."""
    if stem == "plain":
        return nn.Sequential(
            nn.Linear(latent_dim, channels * 4 * 4), nn.Unflatten(1, (channels, 4, 4))
        )
    # No bias where BatchNorm follows: it brings its own.
    if stem == "linear":
        to_map = [
            nn.Linear(latent_dim, channels * 4 * 4, bias=False),
            nn.Unflatten(1, (channels, 4, 4)),
        ]
    elif stem == "conv":
        to_map = [
            nn.Unflatten(1, (latent_dim, 1, 1)),
            nn.ConvTranspose2d(latent_dim, channels, kernel_size=4, bias=False),
        ]
    else:
        raise ValueError(f'stem must be "linear", "conv" or "plain", but is {stem!r}.')
    return nn.Sequential(*to_map, nn.BatchNorm2d(channels), nn.ReLU())


def _check_arguments(
    image_size: int, image_channels: int, latent_dim: int, base_channels: int
) -> None:
    if image_size not in IMAGE_SIZES:
        raise ValueError(
            f"image_size must be one of {', '.join(map(str, IMAGE_SIZES))}, but is {image_size!r}: "
            f"each layer doubles the size, starting from 4."
        )
    for name, value in (
        ("image_channels", image_channels),
        ("latent_dim", latent_dim),
        ("base_channels", base_channels),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, but is {value}.")
