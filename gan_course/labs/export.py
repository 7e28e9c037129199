"""What one takes home from a run: a grid, a film of a way through z, and a model card."""

from __future__ import annotations

import io
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from gan_course.data import image_grid, picture_bytes
from gan_course.errors import CourseError
from gan_course.files import shown, write_atomically
from gan_course.labs.latent import draw_images, noise, slerp
from gan_course.models.weights import save_generator
from gan_course.training import Trainer

FILES = ("grid.png", "film.gif", "MODEL_CARD.md", "generator.safetensors")


def grid_picture(images: Tensor, columns: int = 8, enlarge: int = 2) -> Image.Image:
    """Images (N, C, H, W) in [-1, 1] as one picture, each pixel ``enlarge`` pixels wide."""
    grid = Image.fromarray(image_grid(images, columns))
    return grid.resize((enlarge * grid.width, enlarge * grid.height), Image.Resampling.NEAREST)


def film_frames(
    generator: nn.Module, stops: int = 5, between: int = 12, rows: int = 3, seed: int = 0
) -> list[Image.Image]:
    """Frames of a round trip: from one z along the sphere to the next, and back to the first.

    Args:
        generator: z (N, latent_dim) -> images.
        stops: z that the way leads through, at least 2.
        between: frames from one to the next.
        rows: the film shows rows x rows images, each on a way of its own.
    """
    if stops < 2 or between < 1 or rows < 1:
        raise CourseError(
            f"a film needs 2 stops, 1 frame between them and 1 row or more, but got {stops}, "
            f"{between} and {rows}."
        )
    places = [noise(1000 * seed + stop, rows**2, generator.latent_dim) for stop in range(stops)]
    frames = []
    for a, b in zip(places, places[1:] + places[:1], strict=True):
        for step in range(between):
            images = draw_images(generator, slerp(a, b, step / between))
            frames.append(grid_picture(images, columns=rows, enlarge=3))
    return frames


def film_bytes(frames: list[Image.Image], milliseconds: int = 80) -> bytes:
    """The content of a GIF file that plays for ever."""
    buffer = io.BytesIO()
    first, *others = [frame.convert("P", palette=Image.Palette.ADAPTIVE) for frame in frames]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return buffer.getvalue()


def model_card(trainer: Trainer, notes: str = "", copies: str = "", measured: str = "") -> str:
    """What the generator is, what it was trained on, and what it should not be used for.

    Args:
        trainer: of the run.
        notes: of your own: where the images are from, and who may use them.
        copies: what a check for copies said.
        measured: how good the images are, for example ``evaluate(...).sentence()``.
    """
    config, generator = trainer.config, trainer.averaged.model
    weights = sum(p.numel() for p in generator.parameters())
    diagnosis = trainer.diagnose()
    name = shown(Path(trainer.images.name.removeprefix("folder:")).name)
    skipped = len(trainer.images.skipped)
    left_out = f" ({skipped} files could not be read and were left out)" if skipped else ""
    lines = [
        f"# Generator of {config.image_size}x{config.image_size} images ({config.model})",
        "",
        f"- **Made** {date.today().isoformat()} with gan_course; {weights:,} weights.",
        f"- **Trained on** {len(trainer.images):,} images of `{name}`{left_out}; "
        f"{trainer.images_seen:,} images seen in {trainer.step:,} steps "
        f"({'finished' if trainer.finished else 'stopped before the end'}).",
        f"- **Where the images are from, and who may use them** {notes or 'NOT STATED: fill in.'}",
        f"- **What the losses and D's answers tell** {diagnosis.sentence} (How sure: "
        f"{diagnosis.sure}.)",
        f"- **Checked for copies** {copies or 'no.'}",
        f"- **How good the images are** {measured or 'not measured: see `gan-course evaluate`.'}",
        "- **The pictures** `grid.png` and `film.gif` show what the seed gave, nothing picked out.",
        "- **Do not use it** to make images that pass for real ones, and publish neither it nor "
        "its images if the training images are private: a GAN may remember some of them.",
        "",
        "To draw from it:",
        "",
        "    from gan_course.models.weights import load_generator",
        '    images = load_generator("generator.safetensors").generate(16)  # in [-1, 1]',
        "",
        "| choice | value |",
        "|---|---|",
    ]
    private = ("dataset", "data_root", "output_dir", "resume", "device")  # paths stay at home
    lines += [f"| {k} | {v} |" for k, v in asdict(config).items() if k not in private]
    return "\n".join(lines) + "\n"


def export(
    trainer: Trainer,
    folder: str | Path,
    notes: str = "",
    copies: str = "",
    measured: str = "",
    seed: int = 0,
) -> list[Path]:
    """Write ``FILES`` into a folder, each whole or not at all, and return their paths.

    Raises:
        CourseError: if one of them is there already, or the folder cannot be written.
    """
    folder = Path(folder).expanduser()
    paths = [folder / name for name in FILES]
    there = [path.name for path in paths if path.exists()]
    if there:
        raise CourseError(f"{folder} already holds {', '.join(there)}; choose another folder.")
    generator = trainer.averaged.model
    rng = torch.Generator().manual_seed(seed)
    images = generator.generate(64, rng).float().cpu()
    write_atomically(paths[0], picture_bytes(grid_picture(images)))
    write_atomically(paths[1], film_bytes(film_frames(generator, seed=seed)))
    write_atomically(paths[2], model_card(trainer, notes, copies, measured).encode())
    save_generator(generator, paths[3])
    return paths
