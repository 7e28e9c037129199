"""What the toy games did, seed by seed: the recorded numbers that the lessons quote.

``measured.json`` holds them, and ``python -m gan_course.toy.measured`` measures them again (half an
hour on one core). Three tables:

- **presets**: how often each preset and each of its repairs did what its rule says;
- **remedies**: six well-known ones, two of them in two strengths, on four games, each with the same
  seeds and steps;
- **rates**: a map of learning rates, with and without R1.

Nothing is left out because it did not help.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from gan_course.errors import CourseError
from gan_course.toy.config import ToyConfig
from gan_course.toy.many import run_many
from gan_course.toy.metrics import measure
from gan_course.toy.preset_rules import (
    ARRIVED,
    HEALTHY,
    MINORITY_KEPT,
    Rule,
    arrived,
    healthy,
    minority_kept,
)
from gan_course.toy.preset_runs import measure_preset
from gan_course.toy.presets import PRESETS

__all__ = ["GAMES", "RATES", "REMEDIES", "Game", "main", "measure_remedy", "recorded"]

FILE = Path(__file__).with_name("measured.json")
SEEDS = 12


@dataclass(frozen=True)
class Game:
    """One of the games that the remedies are tried on.

    Attributes:
        title: for a table.
        config, steps: the game without any remedy.
        well, well_text: does a run end well? From its measurements, and in words.
        shows: the measurements to write down.
    """

    title: str
    config: ToyConfig
    steps: int
    well: Rule
    well_text: str
    shows: tuple[str, ...]


_RING = ("modes_covered", "sliced_wasserstein")

GAMES: dict[str, Game] = {
    "plain_ring": Game("plain ring", ToyConfig(), 2000, healthy, HEALTHY, _RING),
    "collapse": Game("collapse", PRESETS["collapse"].config, 2000, healthy, HEALTHY, _RING),
    "vanishing": Game(
        "vanishing", PRESETS["vanishing"].config, 400, arrived, ARRIVED, ("distance", "force")
    ),
    "dropped_minority": Game(
        "dropped minority",
        PRESETS["dropped_minority"].config,
        1500,
        minority_kept,
        MINORITY_KEPT,
        ("minority", "sliced_wasserstein"),
    ),
}
"""The same game, the same seeds and the same number of steps for each remedy."""

REMEDIES: dict[str, tuple[str, dict[str, object]]] = {
    "nothing": ("nothing", {}),
    "two_rates": ("two rates: lr_d = 0.004", {"lr_d": 0.004}),
    "skip_d": ("skip D's step above 80 % right", {"skip_d_when_winning": 0.8}),
    "smooth_labels": ("one-sided smoothing, 0.9", {"real_label": 0.9}),
    "noise": ("instance noise, width 0.2", {"instance_noise": 0.2}),
    "strong_noise": ("instance noise, width 1", {"instance_noise": 1.0}),
    "r1": ("R1, γ = 0.1", {"r1_gamma": 0.1}),
    "strong_r1": ("R1, γ = 1", {"r1_gamma": 1.0}),
    "spectral_norm": ("spectral norm", {"spectral_norm": True}),
}
"""Name -> (what it is called in a table, the changes of the config)."""

RATES = (1e-4, 1e-3, 1e-2, 1e-1)
RATE_STEPS = 1000


def measure_remedy(game: str, remedy: str, seeds: Sequence[int]) -> list[dict]:
    """One game with one remedy, for many seeds in one batch.

    Returns:
        For each seed what ``measure`` finds at the end, ``minority`` (the share of the rarest
        mode), ``seed``, and ``holds``: did it end well?

    Raises:
        CourseError: for a game or a remedy that is none.
    """
    for name, known in ((game, GAMES), (remedy, REMEDIES)):
        if name not in known:
            raise CourseError(f"there is no {name!r} here; choose one of {', '.join(known)}.")
    chosen = GAMES[game]
    config = chosen.config.replace(**REMEDIES[remedy][1])
    return _measure(config, chosen.steps, seeds, chosen.well)


def _measure(config: ToyConfig, steps: int, seeds: Sequence[int], well: Rule) -> list[dict]:
    many = run_many(config, seeds, steps)
    results = []
    for i, (seed, broken) in enumerate(zip(many.seeds, many.broken(), strict=True)):
        if broken:
            results.append({"seed": seed, "holds": False, "broken": True})
            continue
        found = measure(many.game(i))
        found["minority"] = found["share_per_mode"][int(config.real.shares.argmin())]
        results.append(found | {"seed": seed, "holds": bool(well(found)), "broken": False})
    return results


def _row(results: Sequence[Mapping], shows: Sequence[str], **more: object) -> dict:
    """One line of a table: how often it held, and least, middle and most of what to look at."""
    row: dict = {"held": sum(r["holds"] for r in results), "of": len(results), **more}
    broken = sum(r.get("broken", False) for r in results)
    if broken:
        row["broken"] = broken
    for name in shows:
        values = [r[name] for r in results if name in r]
        if values:
            three = (min(values), statistics.median(values), max(values))
            row[name] = [float(f"{value:.4g}") for value in three]
    return row


@lru_cache
def recorded() -> dict:
    """The recorded tables: ``presets``, ``remedies`` and ``rates``, and how they were made.

    Every row has ``held`` of ``of`` runs, and [least, middle, most] of some measurements:

        recorded()["presets"]["collapse"]["held"]
        recorded()["presets"]["collapse"]["repairs"]["r1"]["held"]
        recorded()["remedies"]["collapse"]["two_rates"]["modes_covered"]
        recorded()["rates"]["r1"]["0.001 0.01"]  # lr_d, then lr_g
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


# ---- measuring them again ----------------------------------------------------------------------


def _all_presets(seeds: Sequence[int], save: Callable[[str, dict], None]) -> None:
    for name, preset in PRESETS.items():
        results = measure_preset(name, seeds)
        table = _row(results, preset.shows, rule=preset.rule_text, steps=preset.steps)
        table["repairs"] = {}
        for repair in preset.repairs:
            results = measure_preset(name, seeds, repair.name)
            table["repairs"][repair.name] = _row(
                results,
                preset.shows,
                rule=repair.rule_text,
                helps=repair.helps,
                changes=dict(repair.changes),
            )
        save(name, table)


def _all_remedies(seeds: Sequence[int], save: Callable[[str, dict], None]) -> None:
    for name, game in GAMES.items():
        rows = {}
        for remedy in REMEDIES:
            rows[remedy] = _row(measure_remedy(name, remedy, seeds), game.shows)
        save(name, rows)


def _all_rates(seeds: Sequence[int], save: Callable[[str, dict], None]) -> None:
    for name, gamma in (("plain", 0.0), ("r1", 0.1)):
        rows = {}
        for lr_d in RATES:
            for lr_g in RATES:
                config = ToyConfig(lr_d=lr_d, lr_g=lr_g, r1_gamma=gamma)
                results = _measure(config, RATE_STEPS, seeds, healthy)
                rows[f"{lr_d:g} {lr_g:g}"] = _row(results, _RING)
        save(name, rows)


_TABLES = {"presets": _all_presets, "remedies": _all_remedies, "rates": _all_rates}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.toy.measured",
        description=f"Measure the numbers that the lessons quote again, and write {FILE.name}.",
    )
    parser.add_argument("--only", choices=list(_TABLES), help="only this table")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many (default: {SEEDS})")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    choices = parser.parse_args(arguments)
    if choices.seeds < 1:
        parser.error("--seeds must be at least 1")
    file: Path = choices.output
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found["command"] = "python -m gan_course.toy.measured"
    found["torch"] = torch.__version__.split("+")[0]
    found["seeds"] = choices.seeds
    for table in [choices.only] if choices.only else _TABLES:
        started = time.perf_counter()

        def save(name: str, rows: dict, table: str = table) -> None:
            found.setdefault(table, {})[name] = rows
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"{table} {name}: {time.perf_counter() - started:.0f} s", flush=True)  # noqa: B023

        _TABLES[table](range(choices.seeds), save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
