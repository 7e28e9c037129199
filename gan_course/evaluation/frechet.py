"""The Fréchet distance between two sets of images, seen through features.

Replace each set of features by the Gaussian with its mean and covariance, and measure how far the
two Gaussians are apart. With Inception's features this is the FID; with ours it is a number of the
same kind on another scale, so it always goes with the name of the features and both counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan_course.evaluation.features import check_pair


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """``|mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))``, never negative.

    Args:
        features_a, features_b: (N, F) and (M, F), with at least two rows each. Fewer rows than
            features make the distance larger than it is: the covariances lack directions then.

    Returns:
        the distance, in squared units of the features. 0 for equal means and covariances.

    Raises:
        CourseError: for shapes that do not fit, too few rows, or values that are not finite.

    Source: Heusel et al. 2017, eq. 6; Dowson & Landau 1982. The matrix root is not taken of
    ``cov_a cov_b``, which is not symmetric, but of a symmetric matrix with the same eigenvalues: no
    imaginary part can come up, and it is many times faster.
    """
    check_pair(features_a, features_b)
    return gaussian_distance(*mean_and_covariance(features_a), *mean_and_covariance(features_b))


def mean_and_covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """(N, F) -> mean (F,) and covariance (F, F), in float64, the sum divided by N - 1."""
    features = features.double()
    return features.mean(dim=0), torch.cov(features.T).reshape(features.shape[1], -1)


def gaussian_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """The squared Fréchet distance of two Gaussians: means (F,), covariances (F, F), float64."""
    # cov_a = factor factor^T. Then factor^T cov_b factor is symmetric, and has the eigenvalues of
    # cov_a cov_b. A Cholesky factor is the quickest; it exists where no direction is flat.
    # Either of the two may play cov_a.
    factor, failed = torch.linalg.cholesky_ex(cov_a)
    if failed:
        cov_a, cov_b = cov_b, cov_a
        factor, failed = torch.linalg.cholesky_ex(cov_a)
    if failed:
        factor = _root(cov_a)
    inner = torch.linalg.eigvalsh(factor.T @ cov_b @ factor)
    trace_of_root = inner.clamp(min=0).sqrt().sum()
    between_means = (mean_a - mean_b).square().sum()
    distance = between_means + cov_a.trace() + cov_b.trace() - 2 * trace_of_root
    return max(0.0, distance.item())


def _root(symmetric: Tensor) -> Tensor:
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(symmetric)
    # Rounding can push an eigenvalue of 0 slightly below it.
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
