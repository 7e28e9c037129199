"""Small training runs on the digits, kept as a film: the generator at eight moments, the curves.

Four of the five go wrong, each in its own way, and on purpose. ``card.md`` beside this file says
how they were recorded and what was measured. ``python -m gan_course.trials.record`` records
them again.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from gan_course.doctor import Diagnosis, diagnose_history
from gan_course.errors import CourseError
from gan_course.models import DCGANGenerator
from gan_course.models.weights import read_tensors

FOLDER = Path(__file__).parent
EVERY = 20  # steps between two lines of the history, after the first few
NAMES = ("healthy", "d_too_strong", "collapsed", "wrong_range", "no_initialisation")


@dataclass(frozen=True)
class RecordedRun:
    """One recorded run.

    Attributes:
        name: one of ``NAMES``.
        title: what it is, in two or three words.
        done: what was done to it, in a sentence.
        moments: for each stored generator, ``{"step": ..., "images_seen": ...}``, oldest first.
        history: one dict for each logged step: step, images_seen, loss_d, loss_g, mean_d_real,
            mean_d_fake, and what ``gan_course.doctor`` reads.
        spread_real: mean distance of two real images, to divide the fakes' distance by.
        generators: one for each moment, in eval mode: the running average of G.
    """

    name: str
    title: str
    done: str
    moments: tuple[dict, ...]
    history: tuple[dict, ...]
    spread_real: float
    generators: tuple[DCGANGenerator, ...]

    def history_until(self, moment: int) -> list[dict]:
        """The lines of the history up to this moment, counted from 0."""
        last = self.moments[moment]["step"]
        return [row for row in self.history if row["step"] <= last]

    def diagnosis(self, moment: int) -> Diagnosis:
        """What the doctor would have said at this moment, from the numbers until then.

        It reads the later half of the lines, so it gets those that are evenly spaced: the first
        steps were logged more often, for the curves' sake.
        """
        rows = self.history_until(moment)
        return diagnose_history([row for row in rows if row["step"] % EVERY == 0])


@functools.cache
def load_run(name: str) -> RecordedRun:
    """A recorded run; the same object each time, so leave its networks as they are.

    Raises:
        CourseError: if there is none of that name, or if its files are missing or damaged.
    """
    if name not in NAMES:
        raise CourseError(f"no run called {name!r} was recorded, only {', '.join(NAMES)}.")
    return read_run(FOLDER, name)


def read_run(folder: Path, name: str) -> RecordedRun:
    """Read ``name``.json and ``name``.safetensors, as ``gan_course.trials.record`` writes them.

    Raises:
        CourseError: if one is missing or damaged, or if they do not belong together.
    """
    notes_path = folder / f"{name}.json"
    tensors = read_tensors(folder / f"{name}.safetensors")
    try:
        notes = json.loads(notes_path.read_text(encoding="utf-8"))
        generators = []
        for number in range(len(notes["moments"])):
            # one file holds all moments: moment_0.stem.0.weight and so on
            prefix = f"moment_{number}."
            state = {
                key.removeprefix(prefix): value.float() if value.is_floating_point() else value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
            generator = DCGANGenerator(**notes["network"])
            generator.load_state_dict(state)
            generators.append(generator.eval().requires_grad_(False))
        return RecordedRun(
            name,
            notes["title"],
            notes["done"],
            tuple(notes["moments"]),
            tuple(notes["history"]),
            notes["spread_real"],
            tuple(generators),
        )
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CourseError(
            f"the recorded run {name} in {folder} is damaged or incomplete. Record it again with "
            f"python -m gan_course.trials.record, or install the course again."
        ) from error
