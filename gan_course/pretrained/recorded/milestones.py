"""What to expect after how many images: pictures that real runs drew on their way.

For each data set one small picture, a row for each moment and in all rows the same z, and a text
with the command that made it. ``python -m gan_course.trials.milestones`` makes them from the
folder of a run; the data itself is not needed to look.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_course.errors import CourseError

FOLDER = Path(__file__).parent
PREFIX = "milestones_"


@dataclass(frozen=True)
class Milestones:
    """One run, seen at some moments.

    Attributes:
        name: of the data set.
        data: which images it was trained on, in words.
        command: the line that trained it.
        how: how long it took, on what.
        images_seen: for each moment, rising.
        rows: uint8 (moments, images, C, H, W).
    """

    name: str
    data: str
    command: str
    how: str
    images_seen: tuple[int, ...]
    rows: Tensor


def milestone_names(folder: Path = FOLDER) -> list[str]:
    """The data sets for which there are milestones."""
    return sorted(p.stem.removeprefix(PREFIX) for p in folder.glob(f"{PREFIX}*.json"))


def load_milestones(name: str, folder: Path = FOLDER) -> Milestones:
    """Those of one data set.

    Raises:
        CourseError: if there are none, or if a file is damaged.
    """
    if name not in milestone_names(folder):
        known = ", ".join(milestone_names(folder)) or "none"
        raise CourseError(f"there are no milestones of {name!r}; there are those of: {known}.")
    try:
        notes = json.loads((folder / f"{PREFIX}{name}.json").read_text(encoding="utf-8"))
        with Image.open(folder / f"{PREFIX}{name}.png") as picture:
            pixels = torch.tensor(np.asarray(picture))  # (rows × H, images × W) and maybe 3
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        size, moments = notes["image_size"], len(notes["images_seen"])
        rows = pixels.reshape(moments, size, -1, size, pixels.shape[2]).permute(0, 2, 4, 1, 3)
        seen = tuple(int(count) for count in notes["images_seen"])
        words = [str(notes[key]) for key in ("data", "command", "how")]
        return Milestones(name, *words, seen, rows.contiguous())
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CourseError(
            f"the milestones of {name} in {folder} are damaged or incomplete. Make them again with "
            f"python -m gan_course.trials.milestones, or install the course again."
        ) from error
