"""The sentences of ``DiracOrbit``, and the program that repeats a run."""

from __future__ import annotations

import math

LOSS_NAMES = {  # as the menu shows them
    "Wasserstein": "wasserstein",
    "non-saturating": "non-saturating",
    "saturating (minimax)": "minimax",
    "hinge": "hinge",
}
WAYS = {"in": "comes in", "circle": "circles", "out": "goes out"}


def settings(lab) -> str:
    """What is being run, in one sentence."""
    name = next(shown for shown, key in LOSS_NAMES.items() if key == lab.loss)
    text = f"{name[0].upper()}{name[1:]} loss, {lab.order} steps, η {lab.lr:g}"
    text += f", R1 γ {lab.r1_gamma:g}" if lab.r1_gamma else ", no R1"
    text += f", instance noise σ {lab.noise_std:g}" if lab.noise_std else ", no instance noise"
    start = f"start θ {lab.theta:.3g}, ψ {lab.psi:.3g}".replace("-", "−")
    return f"{text}, {start}, {lab.steps} steps."


def outcome(data: dict) -> str:
    """Where this run leads and what the eigenvalues say, in numbers."""
    if data["radius"][0] == 0:
        text = "Nothing moves: the start is the equilibrium."
    elif data["measured"] is None:
        text = f"The pair comes in and arrives exactly at step {data['arrived_at']}."
    else:
        first, last = data["radius"][0], data["radius"][-1]
        text = f"The pair {WAYS[data['verdict']]}: radius {first:.3g} at the start, {last:.3g} "
        text += f"after {len(data['radius']) - 1} steps, ×{data['measured']:.5f} per step."
    return f"{text} Eigenvalues {data['eigenvalue_text']}, largest modulus {data['factor']:.5f}."


def eigenvalues(first: complex, second: complex) -> str:
    """``1.000 ± 0.100i``, or two real numbers."""
    if first.imag:
        text = f"{first.real:.3f} ± {first.imag:.3f}i"
    else:
        text = f"{first.real:.3f} and {second.real:.3f}"
    return text.replace("-", "−")


def formula(lab) -> str | None:
    """The exact factor as a formula, or None where the eigenvalues are no complex pair."""
    game = lab.game
    if not game.eigenvalues()[0].imag:
        return None
    damped = ""
    if game.damping:
        kinds = [s for s, on in (("γ", lab.r1_gamma), ("σ²/2", game.damping - lab.r1_gamma)) if on]
        damped = " − η" + (kinds[0] if len(kinds) == 1 else f"({' + '.join(kinds)})")
    if lab.order == "alternating":
        return f"√(1{damped})" if damped else None
    return f"√(1{damped} + η²{'' if game.coupling == 1 else '/4'})"


def factors(lab, data: dict) -> str:
    """The measured factor per step beside the exact one."""
    if data["measured"] is not None:
        measured = f"×{data['measured']:.5f} per step"
    elif data["radius"][0] == 0:
        measured = "nothing moves"
    else:
        measured = f"arrived at step {data['arrived_at']}"
    rule = formula(lab)
    exact = f"{rule} = {data['factor']:.5f}" if rule else f"{data['factor']:.5f}"
    where = "Exact" if lab.loss == "wasserstein" else "Exact near the equilibrium"
    return f"Measured: {measured}.  {where}: |λ| = {exact}."


def notes(lab, data: dict) -> list[str]:
    """What else one has to know about this run: at most two short sentences."""
    said = []
    game = lab.game
    plain = lab.r1_gamma == 0 and lab.noise_std == 0
    if data["radius"][0] == 0:
        said.append("At the start both gradients are 0. Move the start a little to see more.")
    if data["escaped_at"] is not None:
        said.append(
            f"At step {data['escaped_at']} the radius passed a million, so the run was stopped."
        )
    if data["clipped"]:
        said.append("The path leaves the frame; the radius beside it goes on.")
    if lab.loss == "wasserstein" and lab.noise_std:
        said.append("Instance noise changes nothing here: a straight critic sees only the mean.")
    if data["flat"]:
        said.append("Grey: here ψθ ≤ −1, the hinge is flat and D stands still.")
    if lab.loss == "minimax" and plain and data["theta"][-1] * data["psi"][-1] < -4:
        said.append("Both nearly stand still: D sees through every fake, and the loss saturates.")
    if lab.loss == "non-saturating" and plain and lab.order == "simultaneous" and lab.lr <= 0.5:
        radius = math.sqrt(2 * lab.lr)
        said.append(f"In the long run it ends on a circle of radius about √(2η) = {radius:.2f}.")
    if lab.order == "alternating" and game.lr < 2 and lab.loss == "wasserstein" and plain:
        said.append("Both eigenvalues lie on the unit circle: it goes round for ever.")
    if lab.order == "alternating" and game.lr == 2 and lab.loss == "wasserstein" and plain:
        said.append("At η = 2 the two eigenvalues meet at −1, and the radius grows step by step.")
    return said[:2]


def code(lab) -> str:
    """PyTorch that repeats the run with the losses of the course."""
    noise = ""
    x_real, x_fake = "torch.zeros(1, dtype=torch.float64)", "theta.reshape(1)"
    if lab.noise_std:
        noise = (
            "\n# Instance noise, evenly spread over the bell curve instead of drawn.\n"
            "shares = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000\n"
            f"noise = {lab.noise_std:g} * torch.special.ndtri(shares)\n"
        )
        x_real, x_fake = "noise", "theta + noise"
    penalty = f" + {lab.r1_gamma:g} / 2 * psi**2  # R1" if lab.r1_gamma else ""
    if lab.order == "alternating":
        step = (
            "    psi = (psi - lr * grad_psi).detach().requires_grad_()  # D first\n"
            "    loss_g = generator_loss(loss, psi * x_fake)\n"
            "    (grad_theta,) = torch.autograd.grad(loss_g, theta)\n"
            "    theta = (theta - lr * grad_theta).detach().requires_grad_()\n"
        )
    else:
        step = (
            "    loss_g = generator_loss(loss, psi * x_fake)\n"
            "    (grad_theta,) = torch.autograd.grad(loss_g, theta)\n"
            "    psi = (psi - lr * grad_psi).detach().requires_grad_()\n"
            "    theta = (theta - lr * grad_theta).detach().requires_grad_()\n"
        )
    return (
        "import torch\n\n"
        "from gan_course.losses import discriminator_loss, generator_loss\n\n"
        f'loss, lr = "{lab.loss}", {lab.lr:g}\n'
        f"theta = torch.tensor({lab.theta:.12g}, dtype=torch.float64, requires_grad=True)  # G\n"
        f"psi = torch.tensor({lab.psi:.12g}, dtype=torch.float64, requires_grad=True)  # D\n"
        f"{noise}\n"
        f"for step in range({lab.steps}):\n"
        f"    x_real, x_fake = {x_real}, {x_fake}\n"
        f"    loss_d = discriminator_loss(loss, psi * x_real, psi * x_fake){penalty}\n"
        "    (grad_psi,) = torch.autograd.grad(loss_d, psi, retain_graph=True)\n"
        f"{step}\n"
        "print(theta.item(), psi.item())\n"
    )
