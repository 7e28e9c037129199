"""The recorded cases of ``Diagnose``: what was seen of each game while it was played.

Playing a case takes seconds, and a learner should not wait for a picture, so the games were played
beforehand. ``diagnose_cases.json`` holds what was seen of them; ``play`` plays one again, and
``python -m gan_course.labs.diagnose_record`` plays all of them and writes the file anew (one to two
minutes on one core). Nothing in it is chosen by hand but the settings and the seeds.

Another machine may round otherwise, and a GAN is sensitive: a game then goes as it does with
another seed. With three other seeds each, 44 of 48 games showed the signs of the same answer and
no other's.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from gan_course.doctor import Diagnosis, Statistics, diagnose
from gan_course.labs import toy_gan_views as views
from gan_course.labs.diagnose_cases import CASES, EVERY, STEPS, Case
from gan_course.toy import ToyGame, floors, measure
from gan_course.toy.checkup import statistics

__all__ = ["LOSS_EVERY", "MOMENTS", "Record", "main", "play", "recorded"]

FILE = Path(__file__).with_name("diagnose_cases.json")
MOMENTS = (960, 1080, 1200)  # steps at which fakes are kept
FAKES = 150
LOSS_EVERY = 10  # every tenth loss is kept
MAP = 30  # cells of D's map in each direction
_MEASURED = ("logit_real", "logit_fake", "accuracy", "grad_d", "grad_g", "diversity")
_STEPS_PER_UNIT = 40  # a place is kept in fortieths: up to 3.175 from the middle
_WIDEST = 6.0  # logits further than this from "undecided" look all the same


@dataclass(frozen=True)
class Record:
    """What was seen of one game.

    Attributes:
        name: of the case.
        loss_steps: the steps whose losses were kept, (120,).
        loss_d, loss_g: the losses there, (120,).
        rows: the doctor's statistics, every 30 steps.
        fakes: (3, 150, 2), at the steps ``MOMENTS``.
        logits: D's logits over the plane at the end, (30, 30), the first row at the top, no further
            than 6 from ``undecided``.
        undecided: the logit where D is undecided.
        lowest, highest: D's logits over the plane, without that limit.
        distance: sliced Wasserstein distance of the fakes at the end.
        perfect, worst_perfect: median and worst distance of a perfect generator.
        shares: of each kind (mode), the part of its fair share that the fakes have; () if there
            are no kinds to count.
        mended: ``distance`` of the same game with the case's remedy, NaN without one.
        mended_shares: its ``shares``; () without a remedy.
    """

    name: str
    loss_steps: np.ndarray
    loss_d: np.ndarray
    loss_g: np.ndarray
    rows: tuple[Statistics, ...]
    fakes: np.ndarray
    logits: np.ndarray
    undecided: float
    lowest: float
    highest: float
    distance: float
    perfect: float
    worst_perfect: float
    shares: tuple[float, ...]
    mended: float
    mended_shares: tuple[float, ...]

    @property
    def doctor(self) -> Diagnosis:
        """What the course's doctor says of the statistics."""
        return diagnose(self.rows)


# ---- playing ------------------------------------------------------------------------------------


def play(case: Case, remedy: bool = False) -> Record:
    """Play a case from its first step to its last, which takes one to five seconds.

    Args:
        case: one of ``CASES``, or one of your own.
        remedy: play the game with the case's remedy too, for ``mended``.

    Raises:
        CourseError: when the game breaks.
    """
    game = ToyGame(case.config)
    rows, fakes = [], []
    while game.steps_done < STEPS:
        game.step(EVERY)
        rows.append(statistics(game))
        if game.steps_done in MOMENTS:
            fakes.append(game.fixed_samples[:FAKES].numpy())
    logits, undecided = views.surface_d(game)
    half = views.GRID // MAP
    coarse = logits.reshape(MAP, half, MAP, half).mean(axis=(1, 3))
    floor = floors(case.config.real)["sliced_wasserstein"]
    distance, shares = _scores(game)
    mended, mended_shares = float("nan"), ()
    if remedy and case.remedy:
        other = ToyGame(case.config.replace(**case.remedy))
        other.step(STEPS)
        mended, mended_shares = _scores(other)
    history = game.history
    return Record(
        name=case.name,
        loss_steps=np.arange(0, STEPS, LOSS_EVERY) + 1,
        loss_d=history["loss_d"][::LOSS_EVERY],
        loss_g=history["loss_g"][::LOSS_EVERY],
        rows=tuple(rows),
        fakes=np.stack(fakes),
        logits=np.clip(coarse, undecided - _WIDEST, undecided + _WIDEST),
        undecided=undecided,
        lowest=float(logits.min()),
        highest=float(logits.max()),
        distance=distance,
        perfect=floor.median,
        worst_perfect=floor.worst,
        shares=shares,
        mended=mended,
        mended_shares=mended_shares,
    )


def _scores(game: ToyGame) -> tuple[float, tuple[float, ...]]:
    """Sliced Wasserstein distance, and of each kind the part of its fair share."""
    end, real = measure(game), game.config.real
    if real.modes is None:
        return end["sliced_wasserstein"], ()
    pairs = zip(end["share_per_mode"], real.shares.tolist(), strict=True)
    return end["sliced_wasserstein"], tuple(got / fair for got, fair in pairs)


# ---- the file -----------------------------------------------------------------------------------


def _packed(record: Record) -> dict:
    """For JSON: numbers with three digits, points and map as bytes."""
    away = record.logits - record.undecided
    widest = max(float(np.abs(away).max()), 1e-9)
    single = ("undecided", "lowest", "highest", "distance", "perfect", "worst_perfect", "mended")
    return {
        "loss_d": _short(record.loss_d),
        "loss_g": _short(record.loss_g),
        "rows": [_short([getattr(row, name) for name in _MEASURED]) for row in record.rows],
        "fakes": _bytes(record.fakes * _STEPS_PER_UNIT),
        "map": _bytes(away / widest * 127),
        "widest": _short([widest])[0],
        "shares": _short(record.shares),
        "mended_shares": _short(record.mended_shares),
        **{name: _short([getattr(record, name)])[0] for name in single},
    }


def _unpacked(name: str, row: dict) -> Record:
    fakes = _numbers(row["fakes"]).reshape(len(MOMENTS), FAKES, 2) / _STEPS_PER_UNIT
    away = _numbers(row["map"]).reshape(MAP, MAP) / 127 * row["widest"]
    rows = [
        Statistics(EVERY * (i + 1), *numbers) for i, numbers in enumerate(row["rows"])
    ]  # in the order of _MEASURED, which is that of Statistics
    single = ("undecided", "lowest", "highest", "distance", "perfect", "worst_perfect")
    return Record(
        name=name,
        loss_steps=np.arange(0, STEPS, LOSS_EVERY) + 1,
        loss_d=np.array(row["loss_d"]),
        loss_g=np.array(row["loss_g"]),
        rows=tuple(rows),
        fakes=fakes,
        logits=away + row["undecided"],
        shares=tuple(row["shares"]),
        mended_shares=tuple(row["mended_shares"]),
        mended=float("nan") if row["mended"] is None else row["mended"],
        **{key: row[key] for key in single},
    )


def _short(numbers) -> list[float | None]:
    """Three digits each; JSON has no NaN, so that is null."""
    return [None if x != x else float(f"{float(x):.3g}") for x in numbers]


def _bytes(values: np.ndarray) -> str:
    whole = np.clip(np.round(values), -127, 127).astype(np.int8)
    return base64.b64encode(whole.tobytes()).decode()


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.int8).astype(float)


@lru_cache
def recorded(name: str) -> Record:
    """What was seen of the case of this name, a key of ``CASES``."""
    return _unpacked(name, _file()[name])


@lru_cache
def _file() -> dict:
    return json.loads(FILE.read_text(encoding="utf-8"))["cases"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.labs.diagnose_record",
        description=f"Play the cases of Diagnose again, and write {FILE.name}.",
    )
    parser.add_argument("--only", choices=list(CASES), help="only this case")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    choices = parser.parse_args(arguments)
    found = {}
    if choices.output.exists():
        found = json.loads(choices.output.read_text(encoding="utf-8"))["cases"]
    for name in [choices.only] if choices.only else CASES:
        started = time.perf_counter()
        found[name] = _packed(play(CASES[name], remedy=True))
        print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)
    # One case to a line: a case that changes is one line of a comparison.
    lines = [
        f"{json.dumps(name)}: {json.dumps(found[name], separators=(',', ':'))}"
        for name in CASES
        if name in found
    ]
    command = json.dumps("python -m gan_course.labs.diagnose_record")
    joined = ",\n".join(lines)
    text = f'{{"command": {command},\n"cases": {{\n{joined}\n}}}}\n'
    choices.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
