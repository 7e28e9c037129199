"""The sentences of ``SpectralKnob``, and the programs that repeat what it shows."""

from __future__ import annotations

import math

import numpy as np


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign, and no minus before a zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def answer_text(answer: float) -> str:
    return f"{answer:g}"


def eigenvalue_text(eigenvalues: np.ndarray) -> str:
    """``1.00 and 1.00``, or for a complex pair ``0.80 ± 0.60i``."""
    first, second = complex(eigenvalues[0]), complex(eigenvalues[1])
    if abs(first.imag) > 1e-9:
        return f"{number(first.real)} ± {number(abs(first.imag))}i"
    return f"{number(first.real)} and {number(second.real)}"


def subject(lab) -> str:
    """What the question is about."""
    if lab.view == "matrix":
        a, b, c, d = (number(value) for value in (lab.a, lab.b, lab.c, lab.d))
        return f"The matrix [[{a}, {b}], [{c}, {d}]]."
    held = "with" if lab.spectral_norm else "without"
    return f"A discriminator {held} spectral norm, fakes and real points {lab.gap:g} apart."


def settings(lab) -> str:
    if lab.view == "matrix":
        divided = ", divided by the estimate" if lab.normalise else ""
        rounds = "1 round" if lab.rounds == 1 else f"{lab.rounds} rounds"
        return f"{subject(lab)[:-1]}{divided}; {rounds} of power iteration."
    return f"{subject(lab)[:-1]}, after {lab.steps} steps with the hinge loss."


def question(lab) -> str:
    if lab.view == "matrix":
        return "By which factor does it stretch a vector at most?"
    return "How steep does D become, at its steepest, in 300 steps?"


def results(lab, data: dict) -> list[str]:
    """What one sees, in two or three sentences; the first is the most important."""
    return _of_matrix(lab, data) if lab.view == "matrix" else _of_d(lab, data)


def _of_matrix(lab, data: dict) -> list[str]:
    large, small = data["singular"].tolist()
    lines = [
        f"The circle becomes an ellipse: stretched at most by σ₁ = {number(large)}, at least by "
        f"σ₂ = {number(small)}."
    ]
    largest = data["largest_eigenvalue"]
    eigen = f"Eigenvalues {eigenvalue_text(data['eigenvalues'])}, the larger of size "
    relation = "as much as σ₁" if large - largest < 0.005 else "less than σ₁"
    lines.append(f"{eigen}{number(largest)}: {relation}.")
    estimate = data["estimate"]
    if lab.normalise:
        if estimate <= 1e-12:
            lines.append("The estimate is 0, so there is nothing to divide by: try another v.")
        else:
            shown = number(float(data["shown"][0]), 3)
            lines.append(f"Divided by the estimate {number(estimate, 3)}, it stretches by {shown}.")
    else:
        error = "0" if large < 1e-12 else f"{100 * abs(1 - estimate / large):.2g}"
        lines.append(
            f"Estimate after {lab.rounds} rounds: {number(estimate, 3)}, off by {error} %; "
            f"(σ₂/σ₁)² = {number(data['ratio'] ** 2, 3)}."
        )
    return lines


def _of_d(lab, data: dict) -> list[str]:
    lines = [
        f"Steepest slope {number(data['steepest_now'])}; to go from one margin to the other, D "
        f"would need {number(data['wanted'])}."
    ]
    lines.append(
        f"D's hinge loss {number(data['loss'], 3)}. Slope at the fakes, which is what G gets: "
        f"{number(data['slope_at_fakes'])}."
    )
    if lab.spectral_norm and data["wanted"] > 1:
        lines.append(
            f"With slope 1 the loss cannot go below 2 − gap = {number(2 - lab.gap)}: it tells how "
            f"far the clouds are apart."
        )
    return lines


# ---- programs ----------------------------------------------------------------------------------


def code(lab) -> str:
    return _matrix_code(lab) if lab.view == "matrix" else _d_code(lab)


def _matrix_code(lab) -> str:
    lines = [
        "import torch",
        "import torch.nn.functional as F",
        "",
        f"W = torch.tensor([[{lab.a:g}, {lab.b:g}], [{lab.c:g}, {lab.d:g}]], dtype=torch.float64)",
        f"angle = torch.tensor({math.radians(lab.angle):.12g}, dtype=torch.float64)",
        "v = torch.stack([angle.cos(), angle.sin()])",
    ]
    if lab.rounds:
        lines += [
            f"for _ in range({lab.rounds}):",
            "    u = F.normalize(W @ v, dim=0)",
            "    v = F.normalize(W.T @ u, dim=0)",
        ]
    lines += ["sigma = (W @ v).norm()  # the estimate"]
    if lab.normalise:
        lines += ["W = W / sigma"]
    lines += ["print(sigma.item(), *torch.linalg.svdvals(W).tolist())"]
    return "\n".join(lines)


def _d_code(lab) -> str:
    wrap = "spectral_norm(layer)" if lab.spectral_norm else "layer"
    lines = [
        "import torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "from torch.nn.utils.parametrizations import spectral_norm",
        "",
        "layers = [nn.Linear(1, 24), nn.Linear(24, 24), nn.Linear(24, 1)]",
        f"one, two, three = [{wrap} for layer in layers]",
        "D = nn.Sequential(one, nn.LeakyReLU(0.2), two, nn.LeakyReLU(0.2), three)",
        "optimizer = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.0, 0.9))",
        f"for step in range({lab.steps}):",
        f"    real = {lab.gap / 2:g} + 0.03 * torch.randn(32, 1)",
        f"    fake = -{lab.gap / 2:g} + 0.03 * torch.randn(32, 1)",
        "    loss = F.relu(1 - D(real)).mean() + F.relu(1 + D(fake)).mean()",
        "    optimizer.zero_grad()",
        "    loss.backward()",
        "    optimizer.step()",
        "",
        "D.eval()",
        "x = torch.linspace(-1.6, 1.6, 81)[:, None].requires_grad_()",
        "slopes = torch.autograd.grad(D(x).sum(), x)[0]",
        "print(slopes.abs().max().item())",
    ]
    return "\n".join(lines)
