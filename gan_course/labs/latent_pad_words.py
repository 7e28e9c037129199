"""What a ``LatentPad`` says: its question, its verdicts, its alt text, its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_course.labs.latent_pad import LatentPad

QUESTION = (
    "Walk from z of seed A straight to z of seed B. In the middle, how long is z, compared with "
    "the ends?"
)


def verdict(lab: LatentPad, data: dict) -> str:
    """The guess, and the measurement beside it."""
    guess = lab.guess()
    said = f"You guessed {guess}. " if guess else ""
    length = lab.generator.latent_dim
    return (
        f"{said}Measured between these two seeds: {data['middle']:.2f}. Two random directions in "
        f"{length} dimensions are nearly at right angles, and then it is √½ ≈ 0.71."
    )


def near_text(lab: LatentPad, data: dict) -> str:
    """How near the nearest training image is, against what real images have."""
    share = data["nearer"]
    if share < 0.01:
        return "Nearer than 99% of real images are to another: a copy, or nearly one."
    return f"{share:.0%} of real images are nearer to their own nearest one."


def copies_text(lab: LatentPad) -> str:
    """The same question about many random images at once."""
    copies = lab.copies
    return (
        f"Of {copies['of']} random fakes, {copies['suspects']} are nearer to a training image than "
        f"99% of real images."
    )


def medians_text(lab: LatentPad) -> str:
    copies = lab.copies
    return f"Median distance: fakes {copies['median']:.1f}, real {copies['median_real']:.1f}."


def alt_text(lab: LatentPad, data: dict) -> str:
    seeds = f"{lab.seed_a}, {lab.seed_b} and {lab.seed_c}"
    where = f"a plane through the z of seeds {seeds}"
    if lab.plane == "directions":
        where = f"a plane through the z of seed {lab.seed_a} along two principal directions"
    text = (
        f"A pad over {where}, with the image at x {lab.x:.2f}, y {lab.y:.2f}, where z is "
        f"{data['norm']:.2f} long. "
    )
    if data["nearest"] is not None:
        distance = float(data["distances"][0])
        text += f"Its nearest training image is {distance:.1f} away. {near_text(lab, data)} "
        text += f"{copies_text(lab)} {medians_text(lab)} "
    text += f"Below, {len(data['t'])} images on the way from seed {lab.seed_a} to {lab.seed_b}"
    if not lab.revealed:
        return f"{text}, once straight and once along the sphere. Guess how long the middle is."
    return (
        f"{text}: straight, z shrinks to {float(data['lerp_norm'].min()):.2f} on the way; along "
        f"the sphere it is never shorter than {float(data['slerp_norm'].min()):.2f}."
    )


def code(lab: LatentPad) -> str:
    """PyTorch that draws the image under the marker; needs ``generator``."""
    lines = ["import torch"]
    if lab.plane == "directions":
        lines.append("from gan_course.labs.sampler import strongest_directions")
    lines += [
        "",
        "def z_of(seed):",
        "    rng = torch.Generator().manual_seed(seed)",
        "    return torch.randn(1, generator.latent_dim, generator=rng)",
        "",
    ]
    if lab.plane == "directions":
        lines += [
            "first, second = strongest_directions(generator, 2)",
            f"z = z_of({lab.seed_a}) + {3 * lab.x} * first + {3 * lab.y} * second",
        ]
    else:
        lines += [
            f"a, b, c = z_of({lab.seed_a}), z_of({lab.seed_b}), z_of({lab.seed_c})",
            f"z = a + {(lab.x + 0.6) / 1.2} * (b - a) + {(lab.y + 0.6) / 1.2} * (c - a)",
        ]
    lines += [
        "generator.eval()",
        "with torch.no_grad():",
        "    image = generator(z)[0]  # (C, H, W) in [-1, 1]",
    ]
    return "\n".join(lines)
