"""The numbers behind the pictures of ``ToyGAN``: surfaces over the plane, G's sheet, folds."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gan_course.toy import Distribution, ToyGame
from gan_course.toy.distributions import LIMIT
from gan_course.toy.step import boundary

GRID = 60  # cells of the heat map in each direction
SHEET = 21  # lines of the sheet in each direction
Z_LIMIT = 2.5  # how far the sheet reaches for Gaussian z
BLUR = 0.1  # width of the noise on both clouds under which the optimal D is worked out
DENSITY_SAMPLES = 2000
EMPTY = 1e-3  # less density than this from both clouds together: nobody is there


def axis() -> Tensor:
    """The middles of the heat map's cells, (GRID,), from left to right."""
    return (torch.arange(GRID) + 0.5) * (2 * LIMIT / GRID) - LIMIT


@lru_cache(maxsize=1)
def grid_points() -> Tensor:
    """The middles of all cells, (GRID * GRID, 2); the first row is at the top."""
    y, x = torch.meshgrid(axis().flip(0), axis(), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def surface_d(game: ToyGame) -> tuple[np.ndarray, float]:
    """D's logits (GRID, GRID), the first row at the top; and the logit where D is undecided."""
    undecided = math.nan
    if len(game.logits_real):
        undecided = float(boundary(game.config, game.logits_real, game.logits_fake))
    if not math.isfinite(undecided):  # no update yet, or the last one broke the game
        undecided = 0.5 if game.config.loss == "least_squares" else 0.0
    logits = game.logits(grid_points()).reshape(GRID, GRID).numpy()
    return logits, undecided


def opinion(logits: np.ndarray, undecided: float, loss: str) -> np.ndarray:
    """What D's logits mean for a picture, in [0, 1]: 1 is "real", 0.5 undecided, 0 "fake".

    The probability where the loss gives one. Least squares aims at 1 and 0, and hinge at 1 and -1,
    so the way between these is taken; a Wasserstein critic's score is read like a logit, counted
    from the middle of its mean scores.
    """
    if loss == "least_squares":
        return np.clip(logits, 0, 1)
    if loss == "hinge":
        return np.clip((logits + 1) / 2, 0, 1)
    return 1 / (1 + np.exp(-np.clip(logits - undecided, -50, 50)))


def optimal_d(game: ToyGame) -> np.ndarray:
    """D*(x) = p_real / (p_real + p_fake), (GRID, GRID), both clouds under noise of width BLUR.

    The fakes' density is only known by samples, so they have to be blurred; and blurring only them
    would favour the real ones wherever these are dense. NaN where neither has any mass.
    """
    p_real = real_density(game.config.real)
    fakes = game.samples(DENSITY_SAMPLES, view=1)
    p_fake = grid_density(fakes, torch.full((len(fakes),), 1 / len(fakes)), BLUR)
    total = p_real + p_fake
    return torch.where(total > EMPTY, p_real / total, torch.nan).numpy()


@lru_cache(maxsize=16)
def real_density(distribution: Distribution) -> Tensor:
    width = (distribution.sigma**2 + BLUR**2) ** 0.5
    return grid_density(distribution.centres, distribution.weights, width)


def grid_density(centres: Tensor, weights: Tensor, width: float) -> Tensor:
    """Density of a mixture of round blobs on the grid, (GRID, GRID), the first row at the top.

    A round blob is a product of one bump along x and one along y, so the whole is one product of
    two matrices.
    """
    along_x = torch.exp(-0.5 * ((axis()[:, None] - centres[:, 0]) / width) ** 2)  # (GRID, K)
    along_y = torch.exp(-0.5 * ((axis().flip(0)[:, None] - centres[:, 1]) / width) ** 2)
    return (along_y * weights) @ along_x.T / (2 * torch.pi * width**2)


@torch.no_grad()
def sheet(game: ToyGame) -> tuple[np.ndarray, np.ndarray]:
    """Where G puts a square sheet of z.

    Returns:
        Points (21, 21, 2), and which cells (20, 20) lie turned over, against most of the others.
        If z is one number: a thread (1, 401, 2) and no cells (0, 0). If z has more than two
        numbers, the sheet is a slice: the others are 0.
    """
    config = game.config
    limit = 1.0 if config.noise == "uniform" else Z_LIMIT
    if config.noise_dim == 1:
        line = torch.linspace(-limit, limit, 401).reshape(-1, 1)
        return game.generator(line).reshape(1, -1, 2).numpy(), np.zeros((0, 0), dtype=bool)
    side = torch.linspace(-limit, limit, SHEET)
    z = torch.zeros(SHEET * SHEET, config.noise_dim)
    z[:, :2] = torch.cartesian_prod(side, side)
    points = game.generator(z).reshape(SHEET, SHEET, 2).numpy()
    return points, folded_cells(points)


def folded_cells(points: np.ndarray) -> np.ndarray:
    """Which cells of a sheet (n, n, 2) lie turned over, against most of the others: (n-1, n-1).

    The sign of a cell's area is the sign of the Jacobian's determinant. A sheet that is turned
    over as a whole is not folded.
    """
    one = points[1:, 1:] - points[:-1, :-1]  # the two diagonals of each cell
    two = points[:-1, 1:] - points[1:, :-1]
    area = (one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0]) / 2
    main = np.sign(np.sign(area).sum()) or 1.0
    return np.sign(area) == -main
