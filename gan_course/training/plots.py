"""Pictures of a run. matplotlib is imported when a curve is drawn: training does without it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from gan_course import palette
from gan_course.data import image_grid, picture_bytes
from gan_course.files import one_line, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save_pictures(folder: Path, images: Tensor, history: list[dict], columns: int = 8) -> None:
    """Write the sample grid, and the curves where matplotlib is installed.

    Args:
        images: (N, C, H, W) in [-1, 1], on the CPU.
        columns: of them in a row.
    """
    grid = Image.fromarray(image_grid(images, columns))
    grid = grid.resize((2 * grid.width, 2 * grid.height), Image.Resampling.NEAREST)
    write_atomically(folder / "generated_samples.png", picture_bytes(grid))
    if history:
        try:
            plot = loss_plot(history)
        except ImportError:  # a bare GPU machine; history.jsonl has the numbers
            return
        except Exception as error:  # an odd MPLBACKEND, or nowhere to keep its settings
            warnings.warn(
                f"the curves could not be drawn ({one_line(error)}); history.jsonl has the numbers",
                stacklevel=2,
            )
            return
        write_atomically(folder / "training_loss.png", plot)


def loss_plot(history: list[dict]) -> bytes:
    """Both losses, and D's two mean probabilities, over the images seen, as a PNG.

    Single steps jump, for each is measured on one batch only: they are drawn thin, and their
    running mean thick.
    """
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _curve(left, history, "loss_d", "D", palette.DISCRIMINATOR, "-")
    _curve(left, history, "loss_g", "G", palette.GENERATOR, "-.")
    left.set_title("Losses", loc="left")
    left.set(xlabel="real images seen", ylabel="loss")

    _curve(right, history, "mean_d_real", "D(x), real", palette.REAL, "-")
    _curve(right, history, "mean_d_fake", "D(G(z)), fake", palette.FAKE, "--")
    right.axhline(0.5, color="0.5", lw=0.8, ls=":")
    right.set_title("What D thinks", loc="left")
    right.set(xlabel="real images seen", ylabel="mean probability", ylim=(0, 1))

    for axis in (left, right):
        # above the curves, where it hides none of them
        axis.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
        axis.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png")
    return buffer.getvalue()


def _curve(axis: Axes, history: list[dict], key: str, label: str, color: str, style: str) -> None:
    images = [row["images_seen"] for row in history]
    values = [row[key] for row in history]
    axis.plot(images, values, color=color, ls="-", lw=0.8, alpha=0.3)
    axis.plot(images, running_mean(values), color=color, ls=style, lw=2, label=label)


def running_mean(values: list[float]) -> np.ndarray:
    """The mean of each value and its neighbours: a twentieth of all values, fewer at the ends."""
    reach = len(values) // 40
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)
