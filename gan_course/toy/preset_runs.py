"""Run a preset with many seeds at once, and measure what its rule asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gan_course.errors import CourseError
from gan_course.toy.many import ManyGames
from gan_course.toy.metrics import dominant_mode, hops, measure, modes_covered
from gan_course.toy.presets import PRESETS

__all__ = ["RunWatch", "measure_preset"]


class RunWatch:
    """Notes down, for every game, what the rules need to know of the way and not of the end.

    Call it with the games as often as you like while they are played, or give it to
    ``ManyGames.play`` as ``watch``; at the end ask ``of`` for one game after the other.

    Attributes:
        start: what ``measure`` says of each game at the first look, one dict a game. May be filled
            before: then the first look does not measure again.
        dominant: for each look, the number of each game's most crowded mode.
        covered: for each look, how many modes each game covers; empty without separate modes.
        centres: for each look, the mean of each game's fakes, (S, 2).
    """

    def __init__(self) -> None:
        self.start: list[dict] = []
        self.dominant: list[list[int]] = []
        self.covered: list[list[int]] = []
        self.centres: list[torch.Tensor] = []

    def __call__(self, many: ManyGames) -> None:
        real = many.config.real
        if not self.start:
            self.start = [measure(many.game(i)) for i in range(len(many.seeds))]
        samples = many.samples(500)
        self.centres.append(samples.mean(dim=1))  # (S, 2)
        self.dominant.append([dominant_mode(some, real) for some in samples])
        if real.modes is not None:
            self.covered.append([modes_covered(some, real) for some in samples])

    def of(self, i: int, steps: int, goal: torch.Tensor) -> dict[str, float]:
        """What the way of game ``i`` was like.

        Args:
            i: the place of the game among the seeds.
            steps: how many were played between the first look and the last.
            goal: the centre of the real points, (2,), which turns are counted about.

        Returns:
            ``start_...``, ``hops_per_1000``, ``most_modes``, ``path``, ``moved``,
            ``radius_factor`` and ``turns``, see ``measure_preset``.
        """
        centres = torch.stack([centre[i] for centre in self.centres])  # (T, 2)
        arms = centres - goal
        angles = torch.atan2(arms[:, 1], arms[:, 0])
        turned = (angles[1:] - angles[:-1] + math.pi) % (2 * math.pi) - math.pi
        # The first look shows fakes that nobody has trained yet.
        dominant = [row[i] for row in self.dominant[1:]]
        covered = [row[i] for row in self.covered[1:]]
        return {
            "start_distance": self.start[i]["distance"],
            "start_force": self.start[i]["force"],
            "start_mean_d_fake": self.start[i]["mean_d_fake"],
            "start_sliced_wasserstein": self.start[i]["sliced_wasserstein"],
            "hops_per_1000": hops(dominant) * 1000 / steps,
            "most_modes": max(covered, default=0),
            "path": float((centres[1:] - centres[:-1]).norm(dim=1).sum()),
            "moved": float((centres[-1] - centres[0]).norm()),
            "radius_factor": float(arms[-1].norm() / arms[0].norm().clamp_min(1e-9)),
            "turns": float(turned.sum() / (2 * math.pi)),
        }


def measure_preset(name: str, seeds: Sequence[int], repair: str | None = None) -> list[dict]:
    """Run a preset with these seeds, all in one batch, and measure each run.

    Args:
        name: a key of ``PRESETS``.
        seeds: for example ``range(12)``.
        repair: the name of one of its repairs, or None for the preset itself.

    Returns:
        For each seed the measurements of ``measure`` at the end, and of the way there:
        ``start_...`` (distance, force, mean_d_fake, sliced_wasserstein) before the first step,
        or before the change where a repair comes later;
        ``hops_per_1000`` and ``most_modes`` over all looks, the length of the centre's ``path``,
        how far it ``moved`` in all, its ``radius_factor`` and ``turns`` about the real centre,
        ``minority`` (the share of the rarest mode), ``seed``, and ``holds``: the rule's verdict.

    Raises:
        CourseError: for an unknown name.
    """
    if name not in PRESETS:
        raise CourseError(
            f"there is no preset called {name!r}; choose one of {', '.join(PRESETS)}."
        )
    preset = PRESETS[name]
    config, rule, steps = preset.config, preset.rule, preset.steps
    change = None if repair is None else preset.repair(repair)
    if change is not None:
        rule, steps = change.rule, change.steps or steps
        if change.at == 0:
            config = config.replace(**change.changes)
    many = ManyGames(config, seeds)
    if change is not None and change.at > 0:
        many.step(change.at)
        many.change(**change.changes)
    watch = RunWatch()
    many.play(steps, watch, preset.watch_every)
    results = []
    for i, seed in enumerate(many.seeds):
        found = measure(many.game(i)) | watch.of(i, steps, config.real.mean())
        if config.real.modes is not None:
            found["minority"] = found["share_per_mode"][int(config.real.shares.argmin())]
        found["seed"] = seed
        found["holds"] = bool(rule(found))
        results.append(found)
    return results
