"""Where a ``Flipbook`` gets its frames from: a recorded run, a run's folder, or generators."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan_course.data import to_uint8
from gan_course.errors import CourseError
from gan_course.labs.sampler import draw_images, noise
from gan_course.models import DCGANGenerator
from gan_course.models.weights import load_generator
from gan_course.pretrained.recorded import RecordedRun, load_run
from gan_course.training.history import read_history

DRAWN = ("images_seen", "loss_d", "loss_g", "mean_d_real", "mean_d_fake")
IMAGES = 64  # drawn for each frame; fewer may be shown


@dataclass(frozen=True)
class Film:
    """The same z at every moment of a run.

    Attributes:
        title: what run it is.
        frames: uint8 (moments, 64, C, H, W).
        z: (64, latent_dim), what every frame was drawn from.
        labels: what a moment is called, such as "step 300" or "epoch 10".
        seen: for each moment the real images seen until then, or the number of the frame where
            that is not known.
        counts_images: whether ``seen`` counts images.
        history: one dict for each logged step; empty if there is none.
    """

    title: str
    frames: Tensor
    z: Tensor
    labels: tuple[str, ...]
    seen: tuple[float, ...]
    counts_images: bool
    history: tuple[dict, ...]

    def __len__(self) -> int:
        return len(self.frames)


Source = RecordedRun | str | Path | Sequence[DCGANGenerator | str | Path] | None


def make_film(source: Source, seed: int) -> Film:
    """The film of a source.

    Args:
        source: a recorded run; the folder of a training run (its --output-dir), as a path; a list
            of generators or checkpoint files, oldest first; the recorded healthy run if None.
        seed: where z comes from.

    Raises:
        CourseError: if there is nothing to show, or if the moments do not belong together.
    """
    if source is None:
        source = load_run("healthy")
    if isinstance(source, RecordedRun):
        labels = [f"step {moment['step']:,}" for moment in source.moments]
        seen = [float(moment["images_seen"]) for moment in source.moments]
        title = f"a recorded run: {source.title}"
        return _draw(title, list(source.generators), labels, seed, seen, source.history)
    if isinstance(source, str | Path):
        return _film_of_folder(Path(source).expanduser(), seed)
    if isinstance(source, DCGANGenerator) or not isinstance(source, Sequence):
        raise CourseError(
            f"a film needs the folder of a run, or a list of generators or checkpoint files, "
            f"oldest first, but got {type(source).__name__}."
        )
    labels = [
        Path(s).stem if isinstance(s, str | Path) else f"no. {i}" for i, s in enumerate(source, 1)
    ]
    return _draw("your generators", list(source), labels, seed)


def _film_of_folder(folder: Path, seed: int) -> Film:
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise CourseError(f"the run folder {folder} {what}. Give a training run's --output-dir.")
    found = {}
    for path in (folder / "checkpoints").glob("generator_epoch_*"):
        match = re.fullmatch(r"generator_epoch_(\d+)\.(pth|safetensors)", path.name)
        if match:
            found[int(match[1])] = path
    if not found:
        raise CourseError(
            f"{folder} holds no saved generators: looked for checkpoints/generator_epoch_N.pth. "
            f"Train with a smaller --save_interval, or name another run's folder."
        )
    epochs = sorted(found)
    # A line without one of the numbers is of no use to the curves; nor is one with NaN.
    lines = read_history(folder / "history.jsonl", last_step=2**62, skip_damaged=True)
    history = [
        line
        for line in lines
        if all(isinstance(line.get(n), int | float) and math.isfinite(line[n]) for n in DRAWN)
    ]
    seen = _seen_after(epochs, history)
    labels = [f"epoch {epoch}" for epoch in epochs]
    paths = [found[epoch] for epoch in epochs]
    return _draw(f"the run in {folder.name or folder}", paths, labels, seed, seen, tuple(history))


def _seen_after(epochs: list[int], history: list[dict]) -> list[float] | None:
    """Images seen at the end of each epoch, from the last line that belongs to the epoch."""
    rows = [row for row in history if "epoch" in row and "images_seen" in row]
    if not rows:
        return None
    seen = []
    for epoch in epochs:
        before = [row["images_seen"] for row in rows if row["epoch"] < epoch]
        seen.append(float(max(before, default=0)))
    return seen


def _draw(
    title: str,
    sources: list[DCGANGenerator | str | Path],
    labels: list[str],
    seed: int,
    seen: list[float] | None = None,
    history: Sequence[dict] = (),
) -> Film:
    """Load one generator after the other, and keep of each only what it draws."""
    if len(sources) < 2:
        raise CourseError(f"a film needs at least 2 moments, but there are {len(sources)}.")
    frames, z = [], None
    for source, label in zip(sources, labels, strict=True):
        if not isinstance(source, DCGANGenerator | str | Path):
            raise CourseError(
                f"{label} is neither a DCGANGenerator nor the path of one, but "
                f"{type(source).__name__}."
            )
        generator = load_generator(source) if isinstance(source, str | Path) else source
        if z is None:
            z = noise(seed, IMAGES, generator.latent_dim)
        if generator.latent_dim != z.shape[1]:
            raise CourseError(
                f"{label} takes z of length {generator.latent_dim}, and the first moment "
                f"{z.shape[1]}: they are not of one run, and cannot be one film."
            )
        images = draw_images(generator, z)
        if not images.isfinite().all():
            raise CourseError(
                f"{label} draws images that are no numbers (NaN): leave it out, and all after it."
            )
        frames.append(to_uint8(images))
        if frames[-1].shape != frames[0].shape:
            raise CourseError(
                f"{label} draws images of shape {tuple(frames[-1].shape[1:])}, and the first "
                f"moment {tuple(frames[0].shape[1:])}: they are not of one run."
            )
    counts_images = seen is not None
    if seen is None:
        seen = [float(i) for i in range(len(frames))]
    return Film(
        title, torch.stack(frames), z, tuple(labels), tuple(seen), counts_images, tuple(history)
    )
