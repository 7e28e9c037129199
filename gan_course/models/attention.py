"""Self-attention over an image: every position looks at the whole map and takes what it needs.

Source: Zhang, Goodfellow, Metaxas & Odena 2018, "Self-Attention Generative Adversarial Networks",
and the authors' code, github.com/brain-research/self-attention-gan (non_local.py), which is what
they trained with and differs from the paper's text.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from gan_course.models.init import add_spectral_norm


class SelfAttention2d(nn.Module):
    """``x + gamma * attention(x)`` for a map ``x`` of shape (N, C, H, W).

    Three 1x1 convolutions read each position's channels: as a *query*, what it looks for; as a
    *key*, what it offers to those who look; and as a *value*, what it then hands over. Position i
    looks at position j with the score ``query_i . key_j``. A softmax over j makes weights of the
    scores of each i, and i receives the average of all values under these weights. A last 1x1
    convolution leads back to C channels.

    ``gamma``, one learned number, starts at 0: the block begins as the identity, and the network
    learns with its convolutions alone until looking far away pays. The scores are not divided by
    the root of the query's length, as in transformers; the authors did not.

    Args:
        channels: C, the channels of ``x``.
        value_channels: channels of the value; half of C if None, as in the authors' code. The
            paper's text has C.
        pool: halve the height and the width of key and value by a 2x2 max-pool, as in the authors'
            code: a quarter of the positions to look at, a quarter of the work. The paper's text has
            none.
        spectral_norm: hold the largest stretch of each of the four convolutions at 1.

    Raises:
        ValueError: if a count is below 1.

    ``enabled``, an attribute that is no part of the weights, switches the block off when False: it
    then gives back ``x`` as it came.

    Query and key have C / 8 channels, at least 1. No convolution has a bias. The sums run in the
    precision of the weights, float32, even under autocast: in bfloat16, where the scores of a row
    spread over 23, shares of attention were off by up to 12 %, though the output only by 0.4 %.
    """

    def __init__(
        self,
        channels: int,
        value_channels: int | None = None,
        pool: bool = True,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        if value_channels is None:
            value_channels = max(1, channels // 2)
        for name, value in (("channels", channels), ("value_channels", value_channels)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, but is {value}.")
        self.pool = pool
        self.enabled = True

        query_channels = max(1, channels // 8)
        self.query = nn.Conv2d(channels, query_channels, kernel_size=1, bias=False)
        self.key = nn.Conv2d(channels, query_channels, kernel_size=1, bias=False)
        self.value = nn.Conv2d(channels, value_channels, kernel_size=1, bias=False)
        self.output = nn.Conv2d(value_channels, channels, kernel_size=1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

        # The authors' initialisation, and before the wrapping: afterwards it would do nothing.
        for conv in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(conv.weight)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W). With ``pool``, H and W must be at least 2.

        The weights of all pairs of positions are never in memory at once: torch's fused kernel goes
        through them piece by piece. It has no second derivative; see ``twice_differentiable``.
        """
        if not self.enabled:
            return x
        with full_precision(x.device):
            x = x.to(self.gamma.dtype, memory_format=torch.channels_last)  # a position's in a row
            # One convolution with the three weights stacked is the three convolutions, and x gets
            # one gradient instead of three that must be added.
            weights = torch.cat([self.query.weight, self.key.weight, self.value.weight])
            widths = [self.query.out_channels, self.key.out_channels, self.value.out_channels]
            query, key_value = F.conv2d(x, weights).split([widths[0], sum(widths[1:])], dim=1)
            if self.pool:
                key_value = F.max_pool2d(key_value, 2)
            key, value = rows(key_value).split(widths[1:], dim=2)
            attended = maps(attend(rows(query), key, value), x.shape[2:])
            # gamma before the output convolution, where there are fewer channels to multiply.
            return x + self.output(self.gamma * attended)

    def forward_with_map(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The same output by the plain formula, and the map that it needs: to look at, not to
        train with. The map is what ``attention_map`` gives, also where the block is switched off.
        """
        with full_precision(x.device):
            x = x.to(self.gamma.dtype)
            query, key, value = self.query(x), self.key(x), self.value(x)
            if self.pool:  # while they are still maps: in rows, the neighbour below is far away
                key, value = F.max_pool2d(key, 2), F.max_pool2d(value, 2)
            scores = rows(query) @ rows(key).transpose(1, 2)  # (N, H*W, attended positions)
            weights = torch.softmax(scores, dim=-1)
            if not self.enabled:
                return x, weights
            attended = maps(weights @ rows(value), x.shape[2:])
            return x + self.gamma * self.output(attended), weights

    def attention_map(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, H*W, attended positions). Row i: how position i shares its attention.

        Positions are counted row by row, as we read. With ``pool`` the attended ones are the
        (H // 2) * (W // 2) of the pooled map. Each row sums to 1. Look in eval mode: in train mode
        every pass, this one too, moves the power iteration of the spectral norm on.
        """
        return self.forward_with_map(x)[1]


def rows(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H*W, C): one row for each position, counted as we read."""
    return maps.flatten(2).transpose(1, 2)


def maps(rows: Tensor, size: torch.Size) -> Tensor:
    """(N, H*W, C) -> (N, C, H, W), the other way round. ``size`` is (H, W)."""
    return rows.transpose(1, 2).unflatten(2, size)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query key^T) value, without ever holding the whole softmax.

    Args:
        query: (N, positions, c). key: (N, attended, c). value: (N, attended, v).

    Returns:
        (N, positions, v).

    torch's fused kernel on a CPU wants all three to be equally wide, each row without gaps. Zeros
    added to query and key leave every score as it is, and those added to value are cut off again.
    """
    width = max(query.shape[-1], value.shape[-1])
    query, key, padded = (
        F.pad(a, (0, width - a.shape[-1])).contiguous() for a in (query, key, value)
    )
    # scale=1.0: left alone, torch would divide the scores by the root of the (padded!) width.
    # [:, None]: torch wants a dimension of heads, and SAGAN has one head.
    attended = F.scaled_dot_product_attention(
        query[:, None], key[:, None], padded[:, None], scale=1.0
    )
    return attended[:, 0, :, : value.shape[-1]]


def full_precision(device: torch.device) -> AbstractContextManager:
    """Inside it autocast is off: sums run in the precision of the weights."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()  # the meta device, for one, where there are shapes and no sums


def twice_differentiable() -> AbstractContextManager:
    """Inside ``with twice_differentiable():`` attention can be differentiated twice.

    A gradient penalty (R1, WGAN-GP) differentiates a gradient, and torch's fused kernels know only
    the first derivative: without this, the backward pass ends in an error, never in a wrong number.
    Run the *forward* pass of D that the penalty is about inside it. It takes torch's plain path,
    which holds the whole softmax in memory.
    """
    return sdpa_kernel(SDPBackend.MATH)
