"""The recording behind ``SpectralKnob``: discriminators on a line, with and without spectral norm.

    python -m gan_course.labs.spectral_knob_training     trains them and writes spectral_knob.json

It takes seconds, and a slider wants an answer at once; so it is kept beside the lab.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.labs.base import torch_threads
from gan_course.toy.dice import own_rng
from gan_course.toy.networks import power_iteration, spectral_weight

RECORDING = Path(__file__).with_name("spectral_knob.json")
GAPS = (2.0, 1.0, 0.5, 0.25)
MOST_STEPS, EVERY = 300, 20
REACH = 1.6  # D is drawn from -REACH to REACH
POINTS = 81
WIDTH = 0.03  # of each cloud
UNITS = 24
BATCH = 32
# Every gap without and with spectral norm, all trained at once.
RUNS = tuple((gap, normed) for gap in GAPS for normed in (False, True))


class LineDiscriminators(nn.Module):
    """Eight discriminators that learn side by side: x (8, N, 1) -> logits (8, N).

    One for each of ``RUNS``, all with the same first weights; spectral norm where it is on. As in
    ``gan_course.toy``, u is turned by ``refresh`` and never by looking.
    """

    def __init__(self) -> None:
        super().__init__()
        first = own_rng(0, "discriminator")
        sizes = [1, UNITS, UNITS, 1]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            bound = inputs**-0.5
            weight = (2 * torch.rand(outputs, inputs, generator=first) - 1) * bound
            bias = (2 * torch.rand(1, outputs, generator=first) - 1) * bound
            self.weights.append(weight.repeat(len(RUNS), 1, 1))  # (8, out, in)
            self.biases.append(bias.repeat(len(RUNS), 1, 1))
        self.us = [F.normalize(torch.ones(len(RUNS), n), dim=1) for n in sizes[1:]]
        self.normed = torch.tensor([normed for _, normed in RUNS])[:, None, None]
        self.refresh(iterations=20)

    @torch.no_grad()
    def refresh(self, iterations: int = 1) -> None:
        for i, weight in enumerate(self.weights):
            self.us[i] = power_iteration(weight, self.us[i], iterations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            held = spectral_weight(weight, self.us[i])
            x = x @ torch.where(self.normed, held, weight).mT + bias
            if i < 2:
                x = F.leaky_relu(x, 0.2)
        return x[..., 0]


def train_all() -> dict[str, np.ndarray]:
    """D of every 20th step of a training with the hinge loss, fakes at -gap/2, real at gap/2.

    Returns:
        x (81,); logits (16, 8, 81); steepest, its largest slope there, slope_at_fakes and loss
        (16, 8). The second axis is that of ``RUNS``.
    """
    gaps = torch.tensor([gap for gap, _ in RUNS])[:, None, None]  # (8, 1, 1)
    x = torch.linspace(-REACH, REACH, POINTS).repeat(len(RUNS), 1)[..., None]
    places = torch.cat([x, -gaps / 2], dim=1)  # (8, 82, 1): the last is where the fakes are
    clouds = own_rng(0, "points")
    rows: dict[str, list] = {"logits": [], "slopes": [], "loss": []}
    with torch_threads(1), torch.enable_grad():
        d = LineDiscriminators()
        optimizer = torch.optim.Adam(d.parameters(), lr=2e-3, betas=(0.0, 0.9), fused=True)
        for step in range(MOST_STEPS + 1):
            noise = WIDTH * torch.randn(2, 1, BATCH, 1, generator=clouds)
            logits = d(torch.cat([gaps / 2 + noise[0], -gaps / 2 + noise[1]], dim=1))
            real, fake = logits.split(BATCH, dim=1)
            loss = F.relu(1 - real).mean(dim=1) + F.relu(1 + fake).mean(dim=1)  # (8,)
            if step % EVERY == 0:
                place = places.clone().requires_grad_()
                logits = d(place)
                (slopes,) = torch.autograd.grad(logits.sum(), place)
                rows["logits"].append(logits.detach().numpy())
                rows["slopes"].append(slopes[..., 0].numpy())
                rows["loss"].append(loss.detach().numpy())
            optimizer.zero_grad()
            loss.sum().backward()  # each D learns from its own loss only
            optimizer.step()
            d.refresh()
    record = {name: np.stack(values) for name, values in rows.items()}
    return {
        "x": x[0, :, 0].numpy(),
        "logits": record["logits"][..., :-1],
        "steepest": abs(record["slopes"]).max(axis=-1),
        "slope_at_fakes": record["slopes"][..., -1],
        "loss": record["loss"],
    }


def rounded(record: dict[str, np.ndarray]) -> dict[str, list]:
    """As plain lists, with the digits that a picture shows."""
    return {name: np.round(values.astype(float), 3).tolist() for name, values in record.items()}


if __name__ == "__main__":
    RECORDING.write_text(json.dumps(rounded(train_all()), separators=(",", ":")) + "\n")
