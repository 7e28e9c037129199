"""SAGAN: DCGAN's pair with self-attention, spectral normalisation and, if wanted, class labels.

Source: Zhang, Goodfellow, Metaxas & Odena 2018, "Self-Attention Generative Adversarial Networks".
They built on residual blocks; these networks keep DCGAN's plain convolutions, so that what is new
stands out: ``SelfAttention2d`` in both networks, spectral normalisation in both, and no BatchNorm
in D. The conditional form is theirs: conditional BatchNorm in G, projection in D.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from gan_course.models.attention import SelfAttention2d
from gan_course.models.conditional import batch_norm, check_labels, normalize
from gan_course.models.init import add_spectral_norm, init_xavier

IMAGE_SIZES = (32, 64, 128)


class SAGANGenerator(nn.Module):
    """G: turns a latent vector ``z``, and a class label if it has classes, into an image.

    As in DCGAN a stem makes a 4x4 map, and each block doubles the size and halves the channels.
    Attention sits on the map of the chosen size. For the default 32x32 image::

        z (N, 128) -> (N, 128, 4, 4) -> (N, 64, 8, 8) -> (N, 32, 16, 16) -> attention
                   -> (N, 3, 32, 32)

    Args:
        image_size: height and width of the image in pixels: 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of ``z``.
        base_channels: channels of the last hidden map; the first one has image_size / 8 times
            as many.
        attention_at: height of the map that gets attention: 4, 8, ... image_size / 2. None: no
            attention.
        spectral_norm: hold the largest stretch of every layer at 1.
        num_classes: 0, or the number of classes; each of them then has its own gain and bias in
            every BatchNorm.
        value_channels, pool: as in ``SelfAttention2d``.

    Raises:
        ValueError: for an image size or a map size that is not in the list, or a count below 1.
    """

    def __init__(
        self,
        image_size: int = 32,
        image_channels: int = 3,
        latent_dim: int = 128,
        base_channels: int = 32,
        attention_at: int | None = 16,
        spectral_norm: bool = True,
        num_classes: int = 0,
        value_channels: int | None = None,
        pool: bool = True,
    ) -> None:
        super().__init__()
        _check_counts(image_channels, latent_dim, base_channels, num_classes)
        _check_sizes(image_size, attention_at)
        self.image_size = image_size
        self.image_channels = image_channels
        self.latent_dim = latent_dim
        self.base_channels = base_channels
        self.attention_at = attention_at
        self.num_classes = num_classes

        channels = base_channels * image_size // 8  # 32x32: 4 times the base, 128 by default
        self.stem = nn.Sequential(
            nn.Linear(latent_dim, channels * 4 * 4, bias=False),
            nn.Unflatten(1, (channels, 4, 4)),
        )
        self.stem_norm = batch_norm(channels, num_classes)

        blocks = []
        attention = None
        size = 4
        while True:
            if size == attention_at:
                attention = SelfAttention2d(channels, value_channels, pool, spectral_norm=False)
            if size == image_size // 2:
                break
            blocks.append(UpsampleBlock(channels, channels // 2, num_classes))
            channels = channels // 2
            size = size * 2
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention

        # The last layer has no BatchNorm: it must be free to set the brightness of each image.
        self.to_image = nn.Sequential(
            nn.ConvTranspose2d(channels, image_channels, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        )
        init_xavier(self)  # before the weights are wrapped, or it would do nothing
        if spectral_norm:
            add_spectral_norm(self)
        if attention is not None:
            # Pooling leaves no trace in the weights, yet other weights go with it: a file must say.
            self.register_buffer("attention_pool", torch.tensor(int(pool)))
            self.register_load_state_dict_pre_hook(_refuse_the_other_pooling)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (N, latent_dim), labels (N,) -> images (N, C, H, W) in [-1, 1].

        z may also come as (N, latent_dim, 1, 1).

        Raises:
            ValueError: for another shape of z, or labels where there are no classes, or no labels
                where there are, or a label that is no class.
        """
        z = self._as_rows(z)
        check_labels(labels, len(z), self.num_classes)
        x = torch.relu(normalize(self.stem_norm, self.stem(z), labels))
        if self.attention_at == 4:
            x = self.attention(x)
        for block in self.blocks:
            x = block(x, labels)
            if x.shape[2] == self.attention_at:
                x = self.attention(x)
        return self.to_image(x)

    @torch.no_grad()
    def generate(
        self,
        num_images: int,
        generator: torch.Generator | None = None,
        truncation: float = 1.0,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Draw ``num_images`` new images as training would show them to you: in eval mode.

        Args:
            num_images: how many, at least 1.
            generator: a ``torch.Generator`` on the CPU for the noise, so that the same seed gives
                the same images on every device; the global one if None.
            truncation: the standard deviation of z. Below 1 the images are more alike.
            labels: the classes to draw, (num_images,). If None and there are classes, each class
                is equally likely for each image.

        Returns:
            Images of shape (num_images, C, H, W) in [-1, 1].

        Raises:
            ValueError: as ``forward``, and if ``num_images`` is below 1.
        """
        if num_images < 1:
            raise ValueError(f"num_images must be at least 1, but is {num_images}.")
        device = next(self.parameters()).device
        z = truncation * torch.randn(num_images, self.latent_dim, generator=generator)
        if labels is None and self.num_classes:
            labels = torch.randint(self.num_classes, (num_images,), generator=generator)
        if labels is not None:
            check_labels(labels.cpu(), num_images, self.num_classes)
            labels = labels.to(device)
        was_training = self.training
        self.eval()
        images = self(z.to(device), labels)
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


class SAGANDiscriminator(nn.Module):
    """D: turns an image, and a class label if it has classes, into one logit. Large means "real".

    The mirror of the generator, without BatchNorm. For the default 32x32 image::

        (N, 3, 32, 32) -> (N, 32, 16, 16) -> attention -> (N, 64, 8, 8) -> (N, 128, 4, 4)
                       -> features h (N, 128) -> logits (N,)

    The features h are summed over the last map. A linear layer weighs them up; with classes the dot
    product of h with a learned vector of the class is added: *this is real* plus *this is a seven*.

    Args:
        image_size: height and width of the images in pixels: 32, 64 or 128.
        image_channels: 3 for colour, 1 for grey.
        base_channels: channels of the first hidden map.
        attention_at: height of the map that gets attention: 4, 8, ... image_size / 2. None: no
            attention.
        spectral_norm: hold the largest stretch of every layer at 1.
        num_classes: 0, or the number of classes.
        value_channels, pool: as in ``SelfAttention2d``.

    Raises:
        ValueError: for an image size or a map size that is not in the list, or a count below 1.

    Source of the projection: Miyato & Koyama 2018, "cGANs with Projection Discriminator".
    """

    def __init__(
        self,
        image_size: int = 32,
        image_channels: int = 3,
        base_channels: int = 32,
        attention_at: int | None = 16,
        spectral_norm: bool = True,
        num_classes: int = 0,
        value_channels: int | None = None,
        pool: bool = True,
    ) -> None:
        super().__init__()
        _check_counts(image_channels, 1, base_channels, num_classes)
        _check_sizes(image_size, attention_at)
        self.image_size = image_size
        self.image_channels = image_channels
        self.base_channels = base_channels
        self.attention_at = attention_at
        self.num_classes = num_classes

        self.from_image = downsample_block(image_channels, base_channels)

        blocks = []
        attention = None
        channels = base_channels
        size = image_size // 2
        while True:
            if size == attention_at:
                attention = SelfAttention2d(channels, value_channels, pool, spectral_norm=False)
            if size == 4:
                break
            blocks.append(downsample_block(channels, channels * 2))
            channels = channels * 2
            size = size // 2
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention

        self.to_logit = nn.Linear(channels, 1)
        init_xavier(self)  # before the weights are wrapped, or it would do nothing
        if spectral_norm:
            add_spectral_norm(self)
        if num_classes:
            self.embed = nn.Embedding(num_classes, channels)
            nn.init.xavier_uniform_(self.embed.weight)
            if spectral_norm:
                parametrizations.spectral_norm(self.embed)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], labels (N,) -> logits (N,).

        Raises:
            ValueError: for another shape of images, or labels where there are no classes, or no
                labels where there are, or a label that is no class.
        """
        expected = (self.image_channels, self.image_size, self.image_size)
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(
                f"the images have shape {tuple(images.shape)}, but this discriminator takes "
                f"(N, {expected[0]}, {expected[1]}, {expected[2]})."
            )
        check_labels(labels, len(images), self.num_classes)
        x = self.from_image(images)
        if x.shape[2] == self.attention_at:
            x = self.attention(x)
        for block in self.blocks:
            x = block(x)
            if x.shape[2] == self.attention_at:
                x = self.attention(x)
        h = x.sum(dim=(2, 3))  # (N, channels)
        logits = self.to_logit(h).squeeze(1)
        if labels is not None:
            logits = logits + (self.embed(labels) * h).sum(dim=1)
        return logits


class UpsampleBlock(nn.Module):
    """(N, in, H, W) -> (N, out, 2H, 2W): DCGAN's block, with labels for its BatchNorm."""

    def __init__(self, in_channels: int, out_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(
            in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False
        )
        self.norm = batch_norm(out_channels, num_classes)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        return torch.relu(normalize(self.norm, self.conv(x), labels))


def downsample_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """(N, in, H, W) -> (N, out, H/2, W/2). The slope 0.1 is the one of Miyato et al. 2018."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(0.1),
    )


def _refuse_the_other_pooling(model: nn.Module, tensors: dict, prefix: str, *rest: object) -> None:
    """Runs before ``load_state_dict``, which raises the messages in the last list as one error."""
    pool = tensors.get(f"{prefix}attention_pool")
    if pool is not None and bool(pool) != model.attention.pool:
        rest[-1].append(
            f"the weights were trained with pool={bool(pool)}, but this network has "
            f"pool={model.attention.pool}."
        )


def _check_counts(
    image_channels: int, latent_dim: int, base_channels: int, num_classes: int
) -> None:
    for name, value, least in (
        ("image_channels", image_channels, 1),
        ("latent_dim", latent_dim, 1),
        ("base_channels", base_channels, 1),
        ("num_classes", num_classes, 0),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, but is {value}.")


def _check_sizes(image_size: int, attention_at: int | None) -> None:
    if image_size not in IMAGE_SIZES:
        raise ValueError(
            f"image_size must be one of {', '.join(map(str, IMAGE_SIZES))}, but is {image_size!r}: "
            f"each layer doubles the size, starting from 4."
        )
    sizes = [size for size in (4, 8, 16, 32, 64) if size < image_size]
    if attention_at is not None and attention_at not in sizes:
        raise ValueError(
            f"attention_at must be one of {', '.join(map(str, sizes))}, or None for no attention, "
            f"but is {attention_at!r}: a network for {image_size}x{image_size} images has maps of "
            f"these sizes inside."
        )
