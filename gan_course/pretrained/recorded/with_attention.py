"""A conditional SAGAN on the digits, kept at five moments of its training: G, D and both gammas.

``python -m gan_course.trials.record_attention`` records it again; ``card.md`` beside this file says
what was measured.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from gan_course.errors import CourseError
from gan_course.models import SAGANDiscriminator, SAGANGenerator
from gan_course.models.weights import read_tensors
from gan_course.pretrained.recorded import FOLDER

NAME = "with_attention"


@dataclass(frozen=True)
class AttentionRun:
    """The recorded run.

    Attributes:
        moments: for each moment, oldest first, ``step``, ``images_seen``, ``agree`` (share of the
            images that a judge takes for the digit that was asked for) and ``distance``.
        history: one dict for each logged step; ``gamma_g`` and ``gamma_d`` are in it.
        generators: one for each moment, in eval mode: the running average of G.
        discriminators: one for each moment, in eval mode: D as it was.
    """

    moments: tuple[dict, ...]
    history: tuple[dict, ...]
    generators: tuple[SAGANGenerator, ...]
    discriminators: tuple[SAGANDiscriminator, ...]


@functools.cache
def load_attention_run() -> AttentionRun:
    """The run that ships; the same object each time, so leave its networks as they are.

    Raises:
        CourseError: if its files are missing or damaged.
    """
    return read_attention_run(FOLDER)


def read_attention_run(folder: Path) -> AttentionRun:
    """Read the two files, as ``gan_course.trials.record_attention`` writes them.

    Raises:
        CourseError: if one is missing or damaged, or if they do not belong together.
    """
    tensors = read_tensors(folder / f"{NAME}.safetensors")
    try:
        notes = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
        networks: dict[str, list] = {"g": [], "d": []}
        for number in range(len(notes["moments"])):
            generator = SAGANGenerator(latent_dim=notes["latent_dim"], **notes["network"])
            discriminator = SAGANDiscriminator(**notes["network"])
            for name, network in (("g", generator), ("d", discriminator)):
                prefix = f"moment_{number}.{name}."  # one file holds all moments
                state = {
                    key.removeprefix(prefix): value.float() if value.is_floating_point() else value
                    for key, value in tensors.items()
                    if key.startswith(prefix)
                }
                network.load_state_dict(state)
                networks[name].append(network.eval().requires_grad_(False))
        return AttentionRun(
            tuple(notes["moments"]),
            tuple(notes["history"]),
            tuple(networks["g"]),
            tuple(networks["d"]),
        )
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CourseError(
            f"the recorded run {NAME} in {folder} is damaged or incomplete. Record it again with "
            f"python -m gan_course.trials.record_attention, or install the course again."
        ) from error
