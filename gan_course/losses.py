"""The losses of the two players, each as a pair of plain functions on logits.

A *logit* is the raw number that the discriminator puts out, before any sigmoid: large and positive
for "surely real", large and negative for "surely fake", 0 for "can't tell". Probability and logit
belong together by ``D(x) = sigmoid(logit)``.

All functions work on logits and never on probabilities, because ``log(sigmoid(logit))`` written out
by hand underflows: at a logit of -120 the sigmoid is exactly 0 in float32, its logarithm minus
infinity, and the gradient is lost. ``softplus(x) = log(1 + exp(x))`` is the same thing computed
safely, through ``-log(sigmoid(x)) = softplus(-x)`` and ``-log(1 - sigmoid(x)) = softplus(x)``.

Every function takes logits of any shape and returns a scalar: the mean over the batch.

The relativistic loss compares pairs, so its G needs the logits of real images too: it stands apart,
in ``PAIRED``. What keeps D smooth, whatever the loss, is ``squared_slope``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "LOSSES",
    "PAIRED",
    "discriminator_loss",
    "generator_loss",
    "hinge_d_loss",
    "hinge_g_loss",
    "least_squares_d_loss",
    "least_squares_g_loss",
    "minimax_d_loss",
    "minimax_g_loss",
    "non_saturating_d_loss",
    "non_saturating_g_loss",
    "relativistic_d_loss",
    "relativistic_g_loss",
    "squared_slope",
    "wasserstein_d_loss",
    "wasserstein_g_loss",
]


def minimax_d_loss(logits_real: Tensor, logits_fake: Tensor, real_label: float = 1.0) -> Tensor:
    """D's side of the original game: minimise ``-log D(x) - log(1 - D(G(z)))``.

    This is binary cross-entropy with target 1 for real images and 0 for fakes, the two means added.

    Args:
        logits_real: D's logits for real images.
        logits_fake: D's logits for generated images.
        real_label: target for the real images, in (0, 1]. 0.9 is *one-sided label smoothing*: it
            keeps D from growing over-confident. The target of the fakes stays 0 on purpose:
            a fake target b > 0 would reward G for staying where it is, since the best D is then
            (a p_data + b p_g) / (p_data + p_g), which peaks where p_g does.

    Source: Goodfellow et al. 2014, eq. 1; smoothing: Salimans et al. 2016, section 3.4.
    """
    if not 0.0 < real_label <= 1.0:
        raise ValueError(f"real_label must lie in (0, 1], but is {real_label}.")
    # -a log D(x) - (1 - a) log(1 - D(x)), with a = real_label
    loss_real = real_label * F.softplus(-logits_real) + (1 - real_label) * F.softplus(logits_real)
    loss_fake = F.softplus(logits_fake)  # -log(1 - D(G(z)))
    return loss_real.mean() + loss_fake.mean()


def minimax_g_loss(logits_fake: Tensor) -> Tensor:
    """G's side of the original game: minimise ``log(1 - D(G(z)))``. Saturates; for study only.

    Its gradient on a logit is ``-D(G(z))``: near zero exactly when D sees through every fake, so G
    learns least when it has most to learn.

    Source: Goodfellow et al. 2014, eq. 1.
    """
    return -F.softplus(logits_fake).mean()


# D plays the same game in both versions; only G's loss differs.
non_saturating_d_loss = minimax_d_loss


def non_saturating_g_loss(logits_fake: Tensor) -> Tensor:
    """What G minimises in practice: ``-log D(G(z))``.

    Its gradient on a logit is ``-(1 - D(G(z)))``: close to -1 when D sees through the fakes.

    G's target stays 1 also when D's real label is smoothed.

    Source: Goodfellow et al. 2014, section 3.
    """
    return F.softplus(-logits_fake).mean()


def hinge_d_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Push real logits above +1 and fake logits below -1, and then leave them alone.

    Source: Lim & Ye 2017; Miyato et al. 2018, eq. 16. Summed, not halved as in some code.
    """
    return F.relu(1 - logits_real).mean() + F.relu(1 + logits_fake).mean()


def hinge_g_loss(logits_fake: Tensor) -> Tensor:
    """Raise D's logits on fakes. No margin and no relu here: behind one, G would stop learning."""
    return -logits_fake.mean()


def wasserstein_d_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """The critic's loss of WGAN. Only meaningful while D is kept smooth (clipping or a penalty).

    Source: Arjovsky et al. 2017, eq. 2.
    """
    return logits_fake.mean() - logits_real.mean()


def wasserstein_g_loss(logits_fake: Tensor) -> Tensor:
    """G's loss of WGAN: raise the critic's score of the fakes."""
    return -logits_fake.mean()


def least_squares_d_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Regress D's raw output to 1 on real images and 0 on fakes.

    Source: Mao et al. 2017, eq. 9 (a = 0, b = c = 1), with their factor 1/2.
    """
    return 0.5 * ((logits_real - 1) ** 2).mean() + 0.5 * (logits_fake**2).mean()


def least_squares_g_loss(logits_fake: Tensor) -> Tensor:
    """Regress D's raw output on fakes to 1. Source: Mao et al. 2017, eq. 9."""
    return 0.5 * ((logits_fake - 1) ** 2).mean()


def relativistic_d_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Each real image is to look more real than the fake beside it; how real, nobody asks.

    Only differences count, so D cannot win by calling everything in one region real, and dropping
    a kind of image costs G something wherever real images of that kind are compared.

    Args:
        logits_real, logits_fake: of the same shape, for they are taken in pairs.

    Source: Jolicoeur-Martineau 2019 (RpGAN); Huang et al. 2024 (R3GAN), eq. 2, which adds R1 and R2
    (``squared_slope`` at real images and at fakes) and then needs no other trick.
    """
    _check_pairs(logits_real, logits_fake)
    return F.softplus(logits_fake - logits_real).mean()


def relativistic_g_loss(logits_fake: Tensor, logits_real: Tensor) -> Tensor:
    """The same pairs, seen from the other side: each fake is to look more real than its partner."""
    _check_pairs(logits_real, logits_fake)
    return F.softplus(logits_real - logits_fake).mean()


def _check_pairs(logits_real: Tensor, logits_fake: Tensor) -> None:
    """(N, 1) beside (N,) would give N times N differences, and a number that nobody meant."""
    shapes = tuple(logits_real.shape), tuple(logits_fake.shape)
    if shapes[0] != shapes[1]:
        raise ValueError(f"logits are compared in pairs, but have shapes {shapes[0]}, {shapes[1]}.")


def squared_slope(logits: Tensor, images: Tensor) -> Tensor:
    """How steep D is at these images: the mean of ``|d logit / d image|²``, all pixels added up.

    At real images, times gamma / 2, this is the penalty R1, at fakes R2. Where D is flat it leaves
    G alone; so G can come to rest where its images fit the real ones.

    Args:
        logits: D's logits (N,), each made from its own image alone: BatchNorm would mix them.
        images: (N, C, H, W), which the logits were computed from and which require a gradient.

    Returns:
        a scalar whose own gradient reaches D's weights: the graph of the slope is kept.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?".
    """
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.float().square().flatten(1).sum(dim=1).mean()


# name -> (loss of D, loss of G)
LOSSES: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor], Tensor]]] = {
    "non-saturating": (non_saturating_d_loss, non_saturating_g_loss),
    "minimax": (minimax_d_loss, minimax_g_loss),
    "hinge": (hinge_d_loss, hinge_g_loss),
    "wasserstein": (wasserstein_d_loss, wasserstein_g_loss),
    "least-squares": (least_squares_d_loss, least_squares_g_loss),
}

# The same for losses of pairs, whose G takes (logits_fake, logits_real).
PAIRED: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "relativistic": (relativistic_d_loss, relativistic_g_loss),
}

# Only where the target is a probability does a smoothed label mean anything.
_HAS_LABELS = ("non-saturating", "minimax")


def discriminator_loss(
    name: str, logits_real: Tensor, logits_fake: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """D's loss by name, optionally with one-sided label smoothing.

    Args:
        name: a key of ``LOSSES`` or ``PAIRED``.
        logits_real, logits_fake: D's logits.
        label_smoothing: how far the real target is lowered below 1, in [0, 1). 0.1 gives 0.9.

    Raises:
        ValueError: for an unknown name, or for smoothing with a loss that has no labels.
    """
    loss_d, _ = _pair(name)
    if label_smoothing == 0.0:
        return loss_d(logits_real, logits_fake)
    if name not in _HAS_LABELS:
        raise ValueError(
            f"label_smoothing={label_smoothing} has no meaning for the {name} loss: it has no "
            f"labels to smooth. Set label_smoothing=0, or take one of {', '.join(_HAS_LABELS)}."
        )
    return loss_d(logits_real, logits_fake, real_label=1.0 - label_smoothing)


def generator_loss(name: str, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
    """G's loss by name; those in ``PAIRED`` need D's logits of real images too.

    Raises:
        ValueError: for an unknown name, or where the real logits are missing.
    """
    _, loss_g = _pair(name)
    if name not in PAIRED:
        return loss_g(logits_fake)
    if logits_real is None:
        raise ValueError(f"the {name} loss compares pairs: give G's loss the real logits too.")
    return loss_g(logits_fake, logits_real)


def _pair(name: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    known = LOSSES | PAIRED
    if name not in known:
        raise ValueError(f"there is no loss called {name!r}; choose one of {', '.join(known)}.")
    return known[name]
