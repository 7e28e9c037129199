"""The numbers behind ``SpectralKnob``: a 2x2 matrix, and a small discriminator on a line."""

from __future__ import annotations

import functools
import json
import math

import numpy as np

from gan_course.labs.spectral_knob_training import EVERY, MOST_STEPS, RECORDING, RUNS

PRESETS: dict[str, tuple[float, float, float, float]] = {
    "shear": (1.0, 1.0, 0.0, 1.0),
    "rotation": (0.8, -0.6, 0.6, 0.8),
    "stretch": (2.0, 0.0, 0.0, 0.5),
    "flatten": (0.5, 0.5, 0.5, 0.5),
    "lift": (0.0, 2.0, 0.0, 0.0),
    "nearly equal": (1.5, 0.0, 0.0, 1.4),
}
MOST_ROUNDS = 10

# ---- the matrix --------------------------------------------------------------------------------


def unit(angle: float) -> np.ndarray:
    """The vector of length 1 at so many degrees from the right, against the clock."""
    radians = math.radians(angle)
    return np.array([math.cos(radians), math.sin(radians)])


def power_rounds(matrix: np.ndarray, start: np.ndarray, rounds: int) -> dict[str, np.ndarray]:
    """v, u and sigma = uᵀ W v after 0 to ``rounds`` rounds: (rounds + 1, 2) twice, (rounds + 1,).

    Before the first round u is the direction in which W sends the starting v, so that the first
    sigma is simply how much W stretches it. Where W sends v to 0 there is no direction: the
    vectors then stay as they are, and sigma is 0.
    """
    v, u = start, np.zeros(2)
    vs, us, sigmas = [], [], []
    for _ in range(rounds + 1):
        image = matrix @ v
        length = math.hypot(*image)
        if length > 1e-12:
            u = image / length
        vs.append(v)
        us.append(u)
        sigmas.append(length)
        back = matrix.T @ u
        if math.hypot(*back) > 1e-12 and length > 1e-12:
            v = back / math.hypot(*back)
    return {"v": np.array(vs), "u": np.array(us), "sigma": np.array(sigmas)}


def matrix_numbers(matrix: np.ndarray, start: np.ndarray, rounds: int, normalise: bool) -> dict:
    """Everything that the picture of a matrix shows; see ``SpectralKnob.figure_data``."""
    left, singular, right = np.linalg.svd(matrix)
    eigenvalues = np.linalg.eigvals(matrix)
    eigenvalues = eigenvalues[np.argsort(-abs(eigenvalues))]
    steps = power_rounds(matrix, start, MOST_ROUNDS)
    estimate = float(steps["sigma"][rounds])
    divisor = estimate if normalise and estimate > 1e-12 else 1.0
    turn = np.radians(np.arange(0, 363, 3))
    circle = np.stack([np.cos(turn), np.sin(turn)])  # (2, 121)
    return {
        "matrix": matrix,
        "singular": singular,
        "left": left.T,  # rows: where the longest and the shortest axis point
        "right": right,  # rows: what is sent there
        "eigenvalues": eigenvalues,
        "largest_eigenvalue": float(abs(eigenvalues[0])),
        "ratio": float(singular[1] / singular[0]) if singular[0] > 1e-12 else 0.0,
        "v": steps["v"][rounds],
        "u": steps["u"][rounds],
        "sigmas": steps["sigma"],
        "estimate": estimate,
        "divisor": divisor,
        "shown": singular / divisor,
        "circle": circle.T,
        "ellipse": (matrix @ circle / divisor).T,
    }


# ---- the discriminator -------------------------------------------------------------------------


@functools.cache
def recorded_d() -> dict[str, np.ndarray]:
    """What ``spectral_knob_training.train_all`` returned when it was last run."""
    saved = json.loads(RECORDING.read_text(encoding="utf-8"))
    return {name: np.array(values) for name, values in saved.items()}


def d_numbers(gap: float, normed: bool, steps: int) -> dict:
    """Everything that the picture of a discriminator shows at one moment."""
    record = recorded_d()
    run = RUNS.index((gap, normed))
    k = min(steps, MOST_STEPS) // EVERY
    steepest = record["steepest"][:, run]  # (16,)
    return {
        "gap": gap,
        "steps": k * EVERY,
        "x": record["x"],
        "logits": record["logits"][k, run],
        "steepest": steepest,
        "steepest_now": float(steepest[k]),
        "steepest_at_end": float(steepest[-1]),
        "loss": float(record["loss"][k, run]),
        "slope_at_fakes": float(record["slope_at_fakes"][k, run]),
        "wanted": 2.0 / gap,
    }
