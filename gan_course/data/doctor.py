"""What is in a folder of images, and what is wrong with it, before anything is trained on it.

The doctor only reads. It opens each file as training will, so what it calls good will be trained on
and what it calls bad will be left out, with the reason. Of a large folder it looks at a sample.
"""

from __future__ import annotations

import codecs
import os
import random
import stat
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from gan_course.data.duplicates import small_copy
from gan_course.data.folder_report import BLANK, FolderReport
from gan_course.data.pictures import open_picture, read_picture
from gan_course.data.sources import IMAGE_ENDINGS, named_as_images
from gan_course.errors import typed_path
from gan_course.files import one_line

LIMIT = 2_000  # files looked at; of more, so many at random
PREVIEWS = 64  # pictures kept to be shown
READ = os.R_OK | os.X_OK  # what it takes to look into a folder
UPRIGHT = (None, 1)  # the camera's note: no note, or "as it lies"

# What a file that is no image begins with, and what that means.
BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer: the image itself was never fetched"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    *((sign, "a packed archive") for sign in (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")),
    (b"\x00\x05\x16\x07", "a helper file of macOS, beside a photo of that name"),
    (b"<?xml", "an XML or SVG file"),
    (b"<svg", "an SVG drawing"),
    *((sign, "a web page, often of a failed download") for sign in (b"<!doctype", b"<html")),
)


@dataclass(frozen=True)
class Seen:
    """One file, opened.

    Attributes:
        path: relative to the folder.
        problem: why it cannot be used; empty for a good one. The rest is known of good ones only.
        width, height: in pixels, upright.
        kind: what Pillow calls format and mode, such as "JPEG, RGB".
        notes: what is done to it so that it can be used, or what is odd about it.
        brightness: mean from 0, black, to 1, white, of the square that is trained on.
        picture: uint8 (3, 64, 64), that square small; kept of some only.
        copy: a still smaller one, for ``duplicates.first_of_each``.
    """

    path: Path
    problem: str = ""
    width: int = 0
    height: int = 0
    kind: str = ""
    notes: tuple[str, ...] = ()
    brightness: float = 0.0
    picture: Tensor | None = None
    copy: np.ndarray | None = None


class FolderDoctor:
    """Looks through a folder, some files at a time: call ``look`` until ``finished``.

    Args:
        folder: with the images, subfolders included.
        limit: of more files than this, so many are looked at, chosen at random by ``seed``.

    Attributes:
        files: what is called like an image, or may not be opened; as many as will be looked at.
        total: how many there are.
        others: how many other files there are, by ending, such as {".txt": 2}.
        seen: what was found so far.

    Raises:
        CourseError: if there is no such folder, or it may not be read.
    """

    def __init__(self, folder: str | Path, limit: int = LIMIT, seed: int = 0) -> None:
        self.folder = typed_path(folder)
        found = named_as_images(self.folder)
        self.others: Counter[str] = Counter()
        for path in self.folder.rglob("*"):
            if path.is_dir():
                if not os.access(path, READ) and path not in found:  # nobody sees what is in it
                    found.append(path)
            elif path.suffix.lower() not in IMAGE_ENDINGS and path.is_file():
                self.others[path.suffix.lower() or "no ending"] += 1
        self.total = len(found)
        if self.total > limit:
            found = random.Random(seed).sample(found, limit)
        self.files = sorted(found)
        self.seen: list[Seen] = []

    @property
    def finished(self) -> bool:
        return len(self.seen) == len(self.files)

    def look(self, seconds: float | None = None) -> FolderDoctor:
        """Look at the files that are left: at one at least, and for about so many seconds."""
        end = None if seconds is None else time.perf_counter() + seconds
        while not self.finished:
            keep = sum(not seen.problem for seen in self.seen) < PREVIEWS
            self.seen.append(examine(self.files[len(self.seen)], self.folder, keep))
            if end is not None and time.perf_counter() > end:
                break
        return self

    def report(self) -> FolderReport:
        """What was found so far."""
        return FolderReport(self)


def examine(path: Path, folder: Path, keep: bool = True) -> Seen:
    """Open one file as training does. Whatever is wrong with it is returned, never raised."""
    name = path.relative_to(folder)
    try:
        problem = _no_file(path)
        if problem:
            return Seen(name, problem)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with open_picture(path) as image:
                kind, notes = f"{image.format}, {image.mode}", list(_notes(image, path))
                width, height = image.size
                if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                    width, height = height, width
            picture = read_picture(path)
        notes += [one_line(warning.message) for warning in said][:1]
    except Exception as error:  # a damaged file can fail anywhere in Pillow
        return Seen(name, _in_words(error, path))
    if int((picture.amax(dim=(1, 2)) - picture.amin(dim=(1, 2))).max()) < 3:
        notes.append(BLANK)
    brightness = picture.float().mean().item() / 255
    small = picture if keep else None
    return Seen(name, "", width, height, kind, tuple(notes), brightness, small, small_copy(picture))


def _no_file(path: Path) -> str:
    """Why there is nothing to open; empty if there is."""
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder" + (", not a file" if os.access(path, READ) else " that may not be opened")
    if not stat.S_ISREG(mode):
        return "a pipe or a device, not a file"
    return "" if path.stat().st_size else "an empty file, 0 bytes"


def _notes(image: Image.Image, path: Path) -> Iterator[str]:
    """What is odd about an image that can be used."""
    if image.getexif().get(0x0112) not in UPRIGHT:
        yield "turned as the camera noted"
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        yield f"{image.mode} colours, converted to RGB"
    if image.has_transparency_data:
        yield "transparent, put on white"
    if image.mode == "F" or image.mode.startswith("I"):
        yield "more than 256 levels, reduced"
    if getattr(image, "n_frames", 1) > 1:
        yield f"{image.n_frames} frames, only the first is used"
    if max(image.size) > 3 * min(image.size):
        yield "long and narrow: only its middle square is used"
    usual = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}
    ending = path.suffix.lower()
    if image.format not in (usual.get(ending, ending[1:].upper()), "MPO"):
        yield f"called {ending}, but inside it is {image.format}"


def _in_words(error: Exception, path: Path) -> str:
    """Why a file cannot be used, for people."""
    if isinstance(error, Image.DecompressionBombError):
        return "far too many pixels: a damaged header, or a file made to fill the memory"
    said = one_line(error)
    if said.startswith("only ") or getattr(error, "errno", None):  # too small, or not allowed
        return said
    if "not an image" not in said and not isinstance(error, UnidentifiedImageError):
        return f"cut short or damaged: {said}"
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return said
    for beginning, meaning in BEGINNINGS:
        if head.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(beginning.lower()):
            return f"not an image, but {meaning}"
    if head[4:8] == b"ftyp":  # four bytes before it give a length, which differs
        return "not an image that can be read, but a HEIC photo or a video: save it as JPEG or PNG"
    if not any(head):
        return "not an image, but zeros: a copy that was never finished"
    # The last letter may be cut in two.
    if "\ufffd" not in head.decode(errors="replace")[:-3] and min(head) >= 9:
        return "not an image, but text"
    return "not an image, or damaged beyond recognition"
