"""Right answers to the exercises of lesson 03, written another way than the solutions."""

import torch
from torch import nn


def derivatives_by_where(x, slope):
    on = x.sign().clamp(min=0)
    return {"tanh": x.cosh() ** -2, "leaky_relu": slope + (1 - slope) * on, "relu": on}


def dead_by_maximum(model, x):
    counts = []
    for layer in model:
        x = layer(x)
        if type(layer).__name__ == "ReLU":
            highest = x.amax(dim=0)
            while highest.ndim > 1:
                highest = highest.amax(dim=-1)
            counts.append((highest == 0).sum())
    return counts


def gradient_by_loops(x, w1, b1, w2, slope):
    out = torch.zeros_like(x)
    for n in range(len(x)):
        for unit in range(len(w2)):
            u = (w1[unit] * x[n]).sum() + b1[unit]
            out[n] += w2[unit] * (1.0 if u > 0 else slope) * w1[unit]
    return out


SECOND = {
    "predict_numbers": (0.0, torch.tensor(-0.6), 0.2, 1.0, 1.0, 0.5, 1 / 4),
    "derivatives": derivatives_by_where,
    "dead_units": dead_by_maximum,
    "input_gradient": gradient_by_loops,
    "to_tanh_range": lambda pixels: 2 * (pixels / 255) - 1,
    "from_tanh_range": lambda images: (127.5 * images + 128).floor().clamp(min=0, max=255).byte(),
    "build_pair": (
        nn.Sequential(
            nn.Linear(16, 128),
            nn.Unflatten(1, (8, 4, 4)),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        ),
        nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1),
            nn.Flatten(),
            nn.PReLU(),
            nn.Linear(128, 1),
        ),
    ),
    "spot_the_errors": [3.0, 2, 1, 3, torch.tensor(2), 1],
}
