"""The numbers of ``GateAndNorm``: one channel of a batch through BatchNorm and an activation.

Everything is done by torch's own layers; nothing is imitated here.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_IMAGES = 64
MOST_BATCHES = 100
LARGEST_MAP = 8
# An activation that is never quite flat counts as saturated where its slope is below this.
SATURATED = 0.05
NEVER_FLAT = ("tanh", "sigmoid")
REACH = 8.0  # the axes of x and u go from -8 to 8
BIN = 0.5
MARKED = 1.5  # the marked number lies this many spreads above the mean

Y_AXES = {  # activation: lowest and highest y, width of a bin, ticks
    "relu": (-2.0, 8.0, 0.5, (0, 4, 8)),
    "leaky_relu": (-4.0, 8.0, 0.5, (-4, 0, 4, 8)),
    "tanh": (-1.25, 1.25, 0.1, (-1, 0, 1)),
    "sigmoid": (-0.125, 1.125, 0.05, (0, 0.5, 1)),
}


@functools.lru_cache(maxsize=2)
def noise(seed: int) -> Tensor:
    """Standard normal numbers, (101, 65, 1, 8, 8): [0] is for the batch that is shown, with the odd
    image at its end, the others for the batches that the layer has seen before."""
    rng = torch.Generator().manual_seed(seed)
    shape = (1 + MOST_BATCHES, MOST_IMAGES + 1, 1, LARGEST_MAP, LARGEST_MAP)
    bell = torch.randn(shape, generator=rng)
    bell[0, 0, 0, 0, 0] = MARKED
    return bell


def shown_batch(lab, odd: bool) -> Tensor:
    """(N, 1, H, W), or one image more at the end if the odd one is in it."""
    bell = noise(lab.seed)[0, ..., : lab.map_size, : lab.map_size]
    x = lab.mean + lab.spread * bell[: lab.batch_size]
    if odd:
        x = torch.cat([x, lab.odd_value + lab.spread * bell[MOST_IMAGES:]])
    return x


def trained_layer(lab) -> tuple[nn.BatchNorm2d, int]:
    """The layer after the batches that it has seen, and how many of them it could take."""
    layer = nn.BatchNorm2d(1, momentum=lab.momentum)
    nn.init.constant_(layer.weight, lab.gamma)
    nn.init.constant_(layer.bias, lab.beta)
    bell = noise(lab.seed)[1 : 1 + lab.batches_seen, : lab.batch_size]
    batches = lab.mean + lab.spread * bell[..., : lab.map_size, : lab.map_size]
    with torch.no_grad():
        for batch in batches:
            try:  # the same as layer(batch), in half the time
                F.batch_norm(
                    batch, layer.running_mean, layer.running_var, training=True,
                    momentum=lab.momentum,
                )  # fmt: skip
            except ValueError:  # one number per channel: it has no spread to divide by
                return layer, 0
    return layer, lab.batches_seen


def activate(u: Tensor, activation: str, slope: float) -> tuple[Tensor, Tensor]:
    """What the activation makes of u, and its derivative there; both shaped like u."""
    u = u.detach().requires_grad_()
    with torch.enable_grad():
        if activation == "leaky_relu":
            y = F.leaky_relu(u, slope)
        else:
            y = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation](u)
        (derivative,) = torch.autograd.grad(y.sum(), u)
    return y.detach(), derivative


def is_dead(derivative: Tensor, activation: str) -> Tensor:
    """Where no gradient comes through; for tanh and sigmoid: hardly any."""
    if activation in NEVER_FLAT:
        return derivative.abs() < SATURATED
    return derivative == 0


def gate(lab, u: Tensor, u_without: Tensor | None) -> dict:
    """One way through the activation, with all that is drawn of it.

    Args:
        lab: the settings.
        u: (N, 1, H, W), what goes into the activation; image 0 holds the marked sample.
        u_without: the same without the odd image, if there is one.
    """
    y, derivative = activate(u, lab.activation, lab.slope)
    dead = is_dead(derivative, lab.activation)
    low, high, width, _ = Y_AXES[lab.activation]
    without = changed = None
    if u_without is not None:
        y_without, _ = activate(u_without, lab.activation, lab.slope)
        without = (u_without[0, 0, 0, 0].item(), y_without[0, 0, 0, 0].item())
        changed = not torch.equal(y[:-1], y_without)
    return {
        "u": u.numpy(),
        "y": y.numpy(),
        "derivative": derivative.numpy(),
        "u_mean": u.mean().item(),
        "u_std": u.std(correction=0).item(),
        "dead_fraction": dead.float().mean().item(),
        "mean_derivative": derivative.abs().mean().item(),
        "sample": (u[0, 0, 0, 0].item(), y[0, 0, 0, 0].item()),
        "sample_without": without,
        "others_changed": changed,
        "u_bars": stacked_histogram(u, dead, -REACH, REACH, BIN),
        "y_bars": stacked_histogram(y, dead, low, high, width),
    }


def stacked_histogram(values: Tensor, dead: Tensor, low: float, high: float, width: float) -> dict:
    """Shares of all values, those that still pass a gradient and those that do not.

    Returns:
        ``alive`` and ``dead``: arrays of (bins,); ``below`` and ``above``: the shares that lie
        beyond the ends. All of it together is 1.
    """
    bins = round((high - low) / width)
    place = ((values.flatten() - low) / width + 1e-4).floor().long()
    place = place.clamp(-1, bins) + 1
    place[values.flatten() == high] = bins  # the upper end belongs to the last bin
    key = place + (bins + 2) * dead.flatten().long()
    counts = torch.bincount(key, minlength=2 * (bins + 2)).reshape(2, bins + 2)
    shares = (counts / values.numel()).numpy()
    return {
        "alive": shares[0, 1:-1],
        "dead": shares[1, 1:-1],
        "below": float(shares[:, 0].sum()),
        "above": float(shares[:, -1].sum()),
    }


def work_out(lab, odd: bool) -> dict:
    """All numbers of ``GateAndNorm.figure_data``."""
    x = shown_batch(lab, odd)
    x_without = shown_batch(lab, False) if odd else None
    nothing_dead = torch.zeros(x.shape, dtype=torch.bool)
    data = {
        "x": x.numpy(),
        "x_bars": stacked_histogram(x, nothing_dead, -REACH, REACH, BIN),
        "x_sample": x[0, 0, 0, 0].item(),
        "odd": odd,
        "batch_mean": x.mean().item(),
        "batch_std": x.std(correction=0).item(),
        "rows": {},
        "error": None,
    }
    if not lab.batch_norm:
        data["rows"]["plain"] = gate(lab, x, x_without)
        return data | {"now": "plain"} | _summary(data["rows"]["plain"])
    layer, taken = trained_layer(lab)
    running_mean, running_var = layer.running_mean.item(), layer.running_var.item()
    running_std = running_var**0.5
    # Between two bell curves this is the Fréchet distance.
    distance = (data["batch_mean"] - running_mean) ** 2 + (data["batch_std"] - running_std) ** 2
    data |= {
        "running_mean": running_mean,
        "running_var": running_var,
        "running_std": running_std,
        "distance": distance**0.5,
        "batches_taken": taken,
        "now": "batch" if lab.training else "running",
    }
    with torch.no_grad():
        # First eval, which leaves the running statistics as they are, then train.
        for name, training in (("running", False), ("batch", True)):
            layer.train(training)
            try:
                u_without = layer(x_without) if odd else None
            except ValueError:
                u_without = None  # alone it could not go through at all
            try:
                data["rows"][name] = gate(lab, layer(x), u_without)
            except ValueError as error:
                data["error"] = str(error)
    return data | _summary(data["rows"].get(data["now"]))


def _summary(row: dict | None) -> dict:
    """The two numbers of the row that is in use; None where torch refuses."""
    names = ("dead_fraction", "mean_derivative")
    return {name: row[name] if row else None for name in names}
