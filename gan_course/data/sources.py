"""The data sets by name. torchvision and scikit-learn are imported only when they are needed."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_course.data.duplicates import first_of_each, small_copy
from gan_course.data.fetched import fetched
from gan_course.data.images import ImageSet
from gan_course.data.pictures import read_picture, to_square
from gan_course.errors import CourseError, typed_path
from gan_course.files import one_line, shown

# name -> (image size that suits it, channels)
DATASETS = {
    "digits": (32, 1),
    "mnist": (32, 1),
    "fashion-mnist": (32, 1),
    "cifar10": (32, 3),
    "celeba": (64, 3),
    "stacked-digits": (32, 3),
    "stacked-mnist": (32, 3),
}
STACKED = 25_600  # images of a stacked set: about 26 for each of its 1,000 modes
FOLDER_DEFAULT_SIZE = 64
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def default_image_size(name: str) -> int:
    """The image size a data set is trained at if nobody says otherwise."""
    return DATASETS[name][0] if name in DATASETS else FOLDER_DEFAULT_SIZE


def load_images(
    name: str,
    image_size: int | None = None,
    root: str | Path = "data",
    device: str | torch.device = "cpu",
    memory_budget: int | None = None,
    drop_duplicates: bool = False,
) -> ImageSet:
    """Load a data set by name and bring every image to one square size.

    Args:
        name: ``digits`` (inside scikit-learn, nothing is fetched), ``mnist``, ``fashion-mnist``,
            ``cifar10``, ``celeba`` (fetched by torchvision into ``root`` the first time),
            ``stacked-digits`` and ``stacked-mnist``: three of them as the colour channels of one
            image, or ``folder:PATH`` for a folder of your own images, subfolders included; if all
            images lie in subfolders, these are their classes.
        image_size: height and width in pixels; the data set's usual size if None.
        root: where fetched data sets are kept.
        device: where the pixels are to live.
        memory_budget: how many bytes the pixels may take; half of what is free if None. Larger
            sets stay on disk and are read image by image.
        drop_duplicates: of a folder, leave out images that are nearly the same as an earlier one;
            see ``data.duplicates``.

    Raises:
        CourseError: if the data set is unknown or cannot be had; the message says what to do.
    """
    if not isinstance(name, str):
        raise CourseError(f"the name of a data set must be text, but is {name!r}.")
    size = default_image_size(name) if image_size is None else image_size
    if not isinstance(size, int) or not 1 <= size <= 4096:
        raise CourseError(f"image_size must be a whole number from 1 to 4,096, but is {size!r}.")
    try:
        device = torch.device(device)
    except RuntimeError:
        raise CourseError(f"there is no device called {device!r}: use cpu, cuda or mps.") from None
    if memory_budget is None:
        memory_budget = free_memory(device) // 2

    if name.startswith("folder:"):
        return _folder(name, size, device, memory_budget, drop_duplicates)
    if name not in DATASETS:
        raise CourseError(
            f"there is no data set called {name!r}. Choose one of {', '.join(DATASETS)}, or "
            f"folder:PATH for a folder of your own images."
        )
    if name.startswith("stacked-"):
        return _stacked(name, load_images(name.removeprefix("stacked-"), size, root, device))
    if name == "digits":
        images, labels = _digits()
    else:
        images, labels = fetched(name, typed_path(root))
    channels = DATASETS[name][1]

    def read(i: int) -> Tensor:
        return to_square(images[i], size, channels)

    image_set = _gather(name, len(images), (channels, size, size), read, device, memory_budget)
    image_set.labels = labels
    return image_set


def free_memory(device: torch.device) -> int:
    """Bytes that are free for data on the device, as well as one can tell."""
    try:
        meminfo = Path("/proc/meminfo").read_text()
        free = 1024 * int(re.search(r"MemAvailable:\s+(\d+) kB", meminfo).group(1))
    except (OSError, AttributeError):  # Windows, macOS
        free = 4 * 2**30
    with contextlib.suppress(OSError, ValueError):  # not in a container, or one without a limit
        free = min(free, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    if device.type == "cuda":
        free = min(free, torch.cuda.mem_get_info(device)[0])
    return free


def _gather(
    name: str,
    count: int,
    shape: tuple[int, int, int],
    read: Callable[[int], Tensor],
    device: torch.device,
    memory_budget: int,
) -> ImageSet:
    """All pixels in one tensor on the device if they fit, else only the way to read them."""
    channels, height, width = shape
    if count * channels * height * width > memory_budget:
        return ImageSet(name, shape, count, read=lambda i: read(i).to(device))
    pixels = torch.empty((count, *shape), dtype=torch.uint8)
    for i in range(count):
        pixels[i] = read(i)
    return ImageSet(name, shape, count, pixels=pixels.to(device))


def _digits() -> tuple[Sequence[Image.Image], Tensor]:
    """1,797 digits of 8x8 pixels with 17 grey levels, written by 13 people.

    Source: UCI "Optical recognition of handwritten digits" (Alpaydin & Kaynak 1998), as shipped
    with scikit-learn.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    levels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    # A border of one pixel, so that the strokes do not touch the edge when they are enlarged.
    framed = np.pad(levels, ((0, 0), (1, 1), (1, 1)))
    images = [Image.fromarray(image) for image in framed]
    return images, torch.tensor(bunch.target, dtype=torch.int64)


def _stacked(name: str, grey: ImageSet) -> ImageSet:
    """Three random grey images as red, green and blue: 10 classes become 1,000 modes.

    A set whose modes can be counted. The label is the three-digit number that the channels spell,
    red first. The draw is always the same.

    Source: Metz et al. 2016, section 3.3.1.
    """
    rng = torch.Generator().manual_seed(0)
    rows = torch.randint(len(grey), (STACKED, 3), generator=rng)
    labels = grey.labels[rows] @ torch.tensor([100, 10, 1])
    shape = (3, *grey.shape[1:])
    if grey.pixels is None:
        return ImageSet(
            name,
            shape,
            STACKED,
            read=lambda i: torch.cat([grey.read(int(r)) for r in rows[i]]),
            labels=labels,
        )
    pixels = grey.pixels[rows.to(grey.pixels.device)].squeeze(2)  # (N, 3, 1, H, W)
    return ImageSet(name, shape, STACKED, pixels, labels=labels)


def named_as_images(folder: Path) -> list[Path]:
    """Everything in the folder and its subfolders that is called like an image, in order.

    Raises:
        CourseError: if there is no such folder, or it may not be read.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise CourseError(
            f"the image folder {folder} {what}. Name another, as in --dataset folder:PATH."
        )
    try:
        next(folder.iterdir(), None)  # the search below passes over what it may not read
        return sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS)
    except OSError as error:
        raise CourseError(f"the image folder {folder} cannot be read: {error.strerror}.") from error


def _folder(
    name: str, size: int, device: torch.device, memory_budget: int, drop_duplicates: bool
) -> ImageSet:
    folder = typed_path(name.removeprefix("folder:") or "(no name)")
    files = [p for p in named_as_images(folder) if p.is_file()]
    if not files:
        raise CourseError(
            f"the folder {folder} holds no images. Looked for {', '.join(IMAGE_ENDINGS)}, in "
            f"subfolders too. Name another one by --dataset folder:PATH."
        )

    # Every file is decoded to its end, for many breaks are there, and kept if all of them fit.
    fits = len(files) * 3 * size * size <= memory_budget
    good, pixels, skipped, copies = [], [], [], []
    for path in files:
        try:
            picture = read_picture(path, size)
            if drop_duplicates:
                copies.append(small_copy(read_picture(path)))
        except Exception as error:  # a damaged file can fail anywhere in Pillow
            skipped.append(f"{shown(path.relative_to(folder))}: {one_line(error)}")
        else:
            good.append(path)
            if fits:
                pixels.append(picture)
    if skipped:
        named = "; ".join(skipped[:5]) + ("; ..." if len(skipped) > 5 else "")
        warnings.warn(f"{len(skipped)} files in {folder} were skipped: {named}", stacklevel=3)
    if not good:
        what = f"none of the {len(files)} images in {folder} can be read"
        raise CourseError(f"{what}: {skipped[0]}. Take others.")

    if drop_duplicates:
        kept = [i for i, first in enumerate(first_of_each(copies)) if first == i]
        good = [good[i] for i in kept]
        pixels = [pixels[i] for i in kept] if fits else pixels

    def read(i: int) -> Tensor:
        try:
            return read_picture(good[i], size).to(device)
        except Exception as error:
            raise CourseError(
                f"{shown(good[i])} could be read when training began, and now cannot be: "
                f"{one_line(error)}."
            ) from error

    shape, labels = (3, size, size), class_numbers([path.relative_to(folder) for path in good])
    if fits:
        together = torch.stack(pixels).to(device)
        return ImageSet(name, shape, len(good), together, labels=labels, skipped=skipped)
    return ImageSet(name, shape, len(good), read=read, labels=labels, skipped=skipped)


def class_numbers(files: list[Path]) -> Tensor | None:
    """The number of each file's subfolder in alphabetical order, one for each class, as is usual;
    None if some files lie beside the subfolders or there is one subfolder only.

    Args:
        files: relative to the folder.
    """
    places = [path.parts for path in files]
    classes = sorted({parts[0] for parts in places})
    if any(len(parts) < 2 for parts in places) or len(classes) < 2:
        return None
    number = {name: i for i, name in enumerate(classes)}
    return torch.tensor([number[parts[0]] for parts in places])
