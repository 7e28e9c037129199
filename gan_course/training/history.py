"""The numbers of a run, one JSON object a line: easy to read, to plot and to search."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor, nn

from gan_course import doctor
from gan_course.errors import CourseError
from gan_course.files import one_line, write_atomically
from gan_course.training.step import StepStats

DRAWN = ("step", "images_seen", "loss_d", "loss_g", "mean_d_real", "mean_d_fake")


def history_row(
    stats: StepStats,
    images_real: Tensor,
    z: Tensor,
    labels: Tensor | None,
    generator: nn.Module,
    discriminator: nn.Module,
    loss: str,
) -> dict:
    """One line: the losses, what the doctor needs to say later what went wrong, and both gammas.

    Args:
        stats: of a step that has just been done, whose gradients are still in place.
        images_real, z, labels: the last batch of the step; labels are None if there are none.
        generator, discriminator: of a network with attention the gamma is noted too.
        loss: the name of the loss.
    """
    health = doctor.measure(
        stats.step,
        stats.logits_real,
        stats.logits_fake,
        images_real,
        stats.images_fake,
        generator,
        discriminator,
        z=z,
        boundary=doctor.boundary(loss, stats.logits_real, stats.logits_fake),
        labels=labels,
    )
    row = stats.floats() | health.as_dict()
    for name, network in (("gamma_g", generator), ("gamma_d", discriminator)):
        if getattr(network, "attention", None) is not None:
            row[name] = network.attention.gamma.item()
    return row


def write_history(path: Path, rows: list[dict]) -> None:
    """Write all lines anew each time, so that the file never ends in half a line."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_atomically(path, lines.encode())


def read_history(path: Path, last_step: int, skip_damaged: bool = False) -> list[dict]:
    """The lines up to this step; none if there is no file.

    Args:
        skip_damaged: leave damaged lines out, to draw what is there.

    Raises:
        CourseError: if it cannot be read, or a line is damaged. Going on would write over the
            lines that are not.
    """
    if not path.exists():
        return []
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {one_line(error)}.") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            numbers = [row[name] for name in DRAWN]
            for value in row.values():
                numbers += value if isinstance(value, list) and len(value) == 2 else [value]
            if not all(isinstance(number, int | float) for number in numbers):
                raise ValueError("something else in place of a number")
            if row["step"] <= last_step:
                rows.append(row)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            if skip_damaged:
                continue
            raise CourseError(
                f"line {number} of {path} is damaged, so the run was not touched. Mend the line, "
                f"or move the file away: the curves then begin anew."
            ) from error
    return rows
