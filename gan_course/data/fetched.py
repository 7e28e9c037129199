"""The data sets that torchvision fetches, and what to do when that was or is interrupted.

torchvision checks what it downloads, but not what it unpacks: a process that was killed while it
unpacked leaves half a file, which is then taken for a whole one for ever. So it is looked at first.
"""

from __future__ import annotations

import contextlib
import errno
import math
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.files import locked, one_line

OFFLINE = "What works without a network: --dataset digits, or --dataset folder:PATH."


def fetched(name: str, root: Path) -> tuple[Sequence[Image.Image], Tensor | None]:
    """The pictures and the labels of a data set, fetched into ``root`` if they are not there.

    Args:
        name: mnist, fashion-mnist, cifar10 or celeba; celeba has no labels.

    Raises:
        CourseError: if it is not there and cannot be fetched; the message says what to do.
    """
    try:
        from torchvision import datasets
    except Exception as error:  # one that does not fit torch fails while it is imported
        raise CourseError(
            f"torchvision, which reads {name}, cannot be imported ({one_line(error)}). Install "
            f"both together: pip install --upgrade torch torchvision. {OFFLINE}"
        ) from error
    kind = {
        "mnist": datasets.MNIST,
        "fashion-mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
        "celeba": datasets.CelebA,
    }[name]
    try:
        with _one_at_a_time(root):
            if name == "celeba":
                _unpack_the_rest(root / "celeba")
                return _Pictures(kind(str(root), split="train", download=True)), None
            if name != "cifar10":  # of which torchvision checks every file
                _remove_half_unzipped(kind, root)
            data = kind(str(root), train=True, download=True)
    except Exception as error:  # torchvision raises whatever its network library does
        if name in ("mnist", "fashion-mnist"):
            test_split = _test_split_at_hand(kind, root)
            if test_split is not None:
                warnings.warn(
                    f"the training images of {name} could not be fetched; the 10,000 images of "
                    f"its test split in {root} are used instead.",
                    stacklevel=2,
                )
                return _Pictures(test_split), torch.as_tensor(test_split.targets)
        help = "Connect to the network and try again, or point --data-root at a folder that has it."
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            help = "Make room there, or name a folder that can be written by --data-root."
        raise CourseError(
            f"the data set {name} is not in {root} and could not be fetched ({one_line(error)}). "
            f"{help} {OFFLINE}"
        ) from error
    return _Pictures(data), torch.as_tensor(data.targets)


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Of two runs that want to fetch into one folder, the second waits, and finds it there."""
    lock, is_new = root / ".fetch.lock", not root.exists()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a folder that others have filled, to read only
            root.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(lock, wait=True))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # nothing came: leave no empty folder behind
                if list(root.iterdir()) == [lock]:
                    lock.unlink()
                    if is_new:
                        root.rmdir()


def _remove_half_unzipped(kind: type, root: Path) -> None:
    """Of MNIST's files: the packed ones stay, so nothing has to be fetched again."""
    for name, _ in kind.resources:
        path = root / kind.__name__ / "raw" / Path(name).stem
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size != _size_in_header(path):
                path.unlink()


def _size_in_header(path: Path) -> int:
    """Bytes that a file of the IDX format should have: two zeros, its type (bytes), the number of
    axes, the length of each, then the content.

    Source: LeCun, Cortes & Burges, "The MNIST database", file formats.
    """
    with path.open("rb") as file:
        start = file.read(4)
        axes = start[3] if len(start) == 4 else 0
        lengths = file.read(4 * axes)
    if len(lengths) != 4 * axes or axes == 0:
        return -1
    return (
        4
        + 4 * axes
        + math.prod(int.from_bytes(lengths[i : i + 4], "big") for i in range(0, 4 * axes, 4))
    )


def _unpack_the_rest(folder: Path) -> None:
    """Of CelebA's 202,599 pictures, where unpacking has begun: what is missing or half there."""
    archive = folder / "img_align_celeba.zip"
    if not archive.is_file() or not (folder / "img_align_celeba").is_dir():
        return
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(archive) as packed:
        for item in packed.infolist():
            path = folder / item.filename
            if not item.is_dir() and (not path.is_file() or path.stat().st_size != item.file_size):
                packed.extract(item, folder)


def _test_split_at_hand(kind: type, root: Path) -> object | None:
    """The 10,000 test images, if their files are in ``root``, zipped or not.

    torchvision itself asks for the files of both splits even when only one is wanted.
    """
    files = [(name, md5) for name, md5 in kind.resources if name.startswith("t10k")]
    raw = root / kind.__name__ / "raw"
    if not all((raw / name).exists() or (raw / Path(name).stem).exists() for name, _ in files):
        return None
    only_test = type(kind.__name__, (kind,), {"resources": files})
    try:
        return only_test(str(root), train=False, download=True)  # unzips what is zipped
    except Exception:  # damaged, or unreadable: as if it were not there
        return None


class _Pictures(Sequence):
    """The pictures of a torchvision data set without its labels."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> Image.Image:
        try:
            return self.data[i][0]
        except OSError as error:
            raise CourseError(
                f"picture {i} of {type(self.data).__name__} in {self.data.root} cannot be read: "
                f"{one_line(error)}. Delete the folder of its pictures, to have them unpacked anew."
            ) from error
