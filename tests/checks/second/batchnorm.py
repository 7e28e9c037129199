"""Right answers to the exercises of lesson 04, written another way than the solutions."""

import torch
from torch import nn


def rows(x):
    """(C, N·H·W): each channel's numbers in a row."""
    return x.transpose(0, 1).flatten(1)


def batch_statistics(x):
    channels = rows(x)
    mean = channels.mean(1)
    return mean, (channels**2).mean(1) - mean**2


def batch_norm_2d(x, gamma, beta, eps):
    """As one scale and one shift for each channel, channel after channel."""
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        scale = gamma[c] / torch.sqrt(x[:, c].var(correction=0) + eps)
        out[:, c] = scale * x[:, c] + (beta[c] - scale * x[:, c].mean())
    return out


def update_running(running_mean, running_var, x, momentum):
    var, mean = torch.var_mean(rows(x), dim=1)
    return torch.lerp(running_mean, mean, momentum), torch.lerp(running_var, var, momentum)


def whole_layer(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    var, mean = (
        torch.var_mean(rows(x), dim=1, correction=0) if training else (running_var, running_mean)
    )
    out = torch.einsum("nchw,c->nchw", x, gamma * torch.rsqrt(var + eps))
    out = out + (beta - mean * gamma * torch.rsqrt(var + eps)).reshape(-1, 1, 1)
    if training:
        running_mean, running_var = update_running(running_mean, running_var, x, momentum)
    return [out, running_mean, running_var]


def useless_biases(layers):
    """By asking the layers' names, from the end to the beginning."""
    found = []
    for i in reversed(range(1, len(layers))):
        before = layers[i - 1]
        if type(layers[i]).__name__.startswith("BatchNorm") and isinstance(
            getattr(before, "bias", None), nn.Parameter
        ):
            found.insert(0, i - 1)
    return found


SECOND = {
    "predict_numbers": (128.0, torch.tensor(800), 1, 1.9, 3 / 4, 7),
    "batch_statistics": batch_statistics,
    "batch_norm_2d": batch_norm_2d,
    "update_running": update_running,
    "whole_layer": whole_layer,
    "spot_the_errors": {16, 13.0, 9, 6},
    "useless_biases": useless_biases,
}
