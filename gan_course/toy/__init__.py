"""The toy laboratory: a GAN on points in the plane, small enough to watch while it learns.

Everything a real GAN does happens here too, a thousand times a second: two networks, two losses,
two optimisers, and all the ways in which that goes wrong. Needs torch and numpy only.

    from gan_course.toy import ToyConfig, ToyGame, measure

    game = ToyGame(ToyConfig(distribution="ring8", r1_gamma=0.1))
    game.step(1000)
    measure(game)

Names are imported when they are asked for, so that ``import gan_course.toy`` does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_course.toy.config import LOSS_NAMES, ToyConfig
    from gan_course.toy.distributions import DISTRIBUTIONS, Distribution, make_distribution
    from gan_course.toy.game import Snapshot, ToyGame
    from gan_course.toy.many import ManyGames, run_many
    from gan_course.toy.metrics import (
        Floor,
        d_accuracy,
        floors,
        force_norm,
        hops,
        js_grid,
        measure,
        modes_covered,
        optimal_discriminator,
        reverse_kl_modes,
        share_on_modes,
        share_per_mode,
        sliced_wasserstein,
    )
    from gan_course.toy.networks import (
        LinearDiscriminator,
        ShiftGenerator,
        ToyDiscriminator,
        ToyGenerator,
    )
    from gan_course.toy.preset_runs import measure_preset
    from gan_course.toy.presets import PRESETS, Preset, Repair

_ROOMS = {
    "config": ("LOSS_NAMES", "ToyConfig"),
    "distributions": ("DISTRIBUTIONS", "Distribution", "make_distribution"),
    "game": ("Snapshot", "ToyGame"),
    "many": ("ManyGames", "run_many"),
    "metrics": (
        "Floor",
        "d_accuracy",
        "floors",
        "force_norm",
        "hops",
        "js_grid",
        "measure",
        "modes_covered",
        "optimal_discriminator",
        "reverse_kl_modes",
        "share_on_modes",
        "share_per_mode",
        "sliced_wasserstein",
    ),
    "networks": ("LinearDiscriminator", "ShiftGenerator", "ToyDiscriminator", "ToyGenerator"),
    "preset_runs": ("measure_preset",),
    "presets": ("PRESETS", "Preset", "Repair"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "DISTRIBUTIONS",
    "LOSS_NAMES",
    "PRESETS",
    "Distribution",
    "Floor",
    "LinearDiscriminator",
    "ManyGames",
    "Preset",
    "Repair",
    "ShiftGenerator",
    "Snapshot",
    "ToyConfig",
    "ToyDiscriminator",
    "ToyGame",
    "ToyGenerator",
    "d_accuracy",
    "floors",
    "force_norm",
    "hops",
    "js_grid",
    "make_distribution",
    "measure",
    "measure_preset",
    "modes_covered",
    "optimal_discriminator",
    "reverse_kl_modes",
    "run_many",
    "share_on_modes",
    "share_per_mode",
    "sliced_wasserstein",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
