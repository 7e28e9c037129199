"""The numbers of ``AttentionProbe``: features by hand, their map, and what it gathers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FEATURES = ("colour", "place", "colour and place", "random")
OF_COLOUR, OF_PLACE = 6.0, 60.0  # how much a difference counts; colours lie in [-1, 1], places in 1
RANDOM_SEED = 11


@dataclass(frozen=True)
class Looking:
    """What came of it. Pixels are counted row by row."""

    map: Tensor  # (asking, attended)
    row_sums: Tensor  # (asking,)
    gathered: Tensor  # (3, H, W)
    output: Tensor  # (3, H, W): x + gamma * gathered
    attended_size: int  # height = width of what is looked at


def query_and_key(image: Tensor, features: str) -> tuple[Tensor, Tensor]:
    """Two maps (D, H, W), whose dot products are the scores.

    By hand, a score is minus the squared distance of two pixels' features, up to a number that is
    the same along a row, which softmax does not see:
    -|a - b|^2 = 2ab - |b|^2 - |a|^2. So a query is (2a, -1), a key (b, |b|^2).
    "random" takes two 1x1 convolutions of the colours that nobody has trained.
    """
    if features == "random":
        rng = torch.Generator().manual_seed(RANDOM_SEED)
        weights = torch.randn(2, 4, image.shape[0], generator=rng)
        query, key = torch.einsum("kdc,chw->kdhw", weights, image)
        return query, key
    parts = []
    if "colour" in features:
        parts.append(OF_COLOUR**0.5 * image)
    if "place" in features:
        size = image.shape[-1]
        middles = (torch.arange(size) + 0.5) / size
        parts.append(OF_PLACE**0.5 * torch.stack(torch.meshgrid(middles, middles, indexing="ij")))
    described = torch.cat(parts)  # (D, H, W)
    length = described.square().sum(0, keepdim=True)
    query = torch.cat([2 * described, -torch.ones_like(length)])
    return query, torch.cat([described, length])


def look(
    image: Tensor, features: str, temperature: float, axis: str, pool: bool, gamma: float
) -> Looking:
    """Attention over a picture (3, H, W), with the colours themselves as values.

    Args:
        axis: "attended", as it should be, or "asking".
        pool: whether key and value are max-pooled, 2x2.
    """
    query, key = query_and_key(image, features)
    value = image
    if pool:
        key, value = F.max_pool2d(key[None], 2)[0], F.max_pool2d(value[None], 2)[0]
    scores = query.flatten(1).T @ key.flatten(1)  # (asking, attended)
    beta = scores.div_(temperature).softmax(1 if axis == "attended" else 0)
    gathered = (value.flatten(1) @ beta.T).unflatten(1, image.shape[1:])
    return Looking(beta, beta.sum(1), gathered, image + gamma * gathered, key.shape[-1])


def spread(row: Tensor) -> float:
    """Over how many pixels a row spreads: exp of its entropy, after it was made to sum to 1."""
    share = row / row.sum().clamp_min(1e-30)
    return float(torch.exp(-(share * share.clamp_min(1e-30).log()).sum()))


def beyond(row: Tensor, attended_size: int, size: int, asking: tuple[int, int]) -> float:
    """The share of a row that lies outside of the 3x3 pixels around the one that asks.

    With pooling a looked-at cell counts as outside if none of its pixels is inside.
    """
    scale = size // attended_size
    table = row.reshape(attended_size, attended_size)
    (top, bottom), (left, right) = [
        (max(0, place - 1) // scale, min(size - 1, place + 1) // scale + 1) for place in asking
    ]
    inside = table[top:bottom, left:right].sum()
    return float(1 - inside / table.sum().clamp_min(1e-30))
