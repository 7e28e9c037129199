"""The kernel distance between two sets of images, seen through features.

The Fréchet distance compares means and covariances. A kernel compares all moments that it knows of:
with the cubic kernel below, the first three. With Inception's features this is the KID. Its
estimate has no bias: two sets from one source give 0 on average, however few images there are. One
estimate may therefore come out below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_course.evaluation.features import check_pair


@dataclass(frozen=True)
class KernelDistance:
    """The mean over blocks, and how much they differ.

    Attributes:
        mean: the distance; near 0, on either side, for sets from one source.
        spread: the standard deviation of the blocks' values. Blocks that are drawn from few images
            overlap, so this is no error of the mean.
        blocks, block_size: how many, and of how many images each.
    """

    mean: float
    spread: float
    blocks: int
    block_size: int


def polynomial_kernel(a: Tensor, b: Tensor) -> Tensor:
    """``(a·b / F + 1)^3`` for each pair of rows: (N, F), (M, F) -> (N, M)."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def squared_mmd(features_a: Tensor, features_b: Tensor) -> float:
    """The squared maximum mean discrepancy with the cubic kernel, without bias.

    The mean kernel within a, plus that within b, minus twice that between them. Within a set no
    row is compared with itself: those pairs are what would make the estimate too large.

    Args:
        features_a, features_b: (N, F) and (M, F), at least two rows each.

    Raises:
        CourseError: for shapes that do not fit, too few rows, or values that are not finite.

    Source: Gretton et al. 2012, eq. 3; Bińkowski et al. 2018 for the kernel.
    """
    check_pair(features_a, features_b)
    return _squared_mmd(features_a.double(), features_b.double())


def _squared_mmd(a: Tensor, b: Tensor) -> float:
    within = 0.0
    for rows in (a, b):
        kernel = polynomial_kernel(rows, rows)
        n = len(rows)
        within += ((kernel.sum() - kernel.trace()) / (n * (n - 1))).item()
    return within - 2 * polynomial_kernel(a, b).mean().item()


def kernel_distance(
    features_a: Tensor,
    features_b: Tensor,
    blocks: int = 100,
    block_size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """``squared_mmd`` of ``blocks`` pairs of random blocks: their mean and spread.

    A block of ``block_size`` rows, drawn without a row twice, costs block_size² products instead
    of N². If a set is smaller than a block, the whole of it is the block.

    Raises:
        CourseError: as ``squared_mmd`` does.

    Source: Bińkowski et al. 2018, section 4; 100 blocks of 1,000 are usual.
    """
    check_pair(features_a, features_b)
    a, b = features_a.double(), features_b.double()
    size = max(2, min(block_size, len(a), len(b)))
    if size == len(a) == len(b):
        blocks = 1  # every block would be the same
    rng = torch.Generator().manual_seed(seed)
    values = torch.empty(blocks, dtype=torch.float64)
    for i in range(blocks):
        rows_a = torch.randperm(len(a), generator=rng)[:size]
        rows_b = torch.randperm(len(b), generator=rng)[:size]
        values[i] = _squared_mmd(a[rows_a.to(a.device)], b[rows_b.to(b.device)])
    spread = values.std().item() if blocks > 1 else 0.0
    return KernelDistance(values.mean().item(), spread, blocks, size)
