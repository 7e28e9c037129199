"""What a ``FolderDoctor`` has found, counted, and what to do about it."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from gan_course.data.duplicates import first_of_each
from gan_course.data.sources import class_numbers
from gan_course.files import shown

if TYPE_CHECKING:
    from gan_course.data.doctor import FolderDoctor

BLANK = "blank: one colour only"
PHOTOS = (".heic", ".heif", ".avif", ".jfif", ".jxl", ".dng", ".cr2", ".nef", ".arw")  # not opened


class FolderReport:
    """What a ``FolderDoctor`` has found, counted.

    Attributes:
        looked, total: files looked at, and files there are.
        good, bad: lists of ``Seen``.
        copies: pairs of paths: a near-duplicate, and the earlier image that it is like.
        kinds, notes, others: how many of each, most frequent first.
        classes: images in each subfolder, if all images lie in at least two of them; else empty.
    """

    def __init__(self, doctor: FolderDoctor) -> None:
        self.folder, self.total = doctor.folder, doctor.total
        self.looked = len(doctor.seen)
        self.good = [seen for seen in doctor.seen if not seen.problem]
        self.bad = [seen for seen in doctor.seen if seen.problem]
        first = first_of_each([seen.copy for seen in self.good])
        self.copies = [
            (self.good[i].path, self.good[k].path) for i, k in enumerate(first) if i != k
        ]
        self.kinds = Counter(seen.kind for seen in self.good)
        self.notes = Counter(note for seen in self.good for note in seen.notes)
        self.others = doctor.others
        numbers = class_numbers([seen.path for seen in self.good])
        self.classes: Counter[str] = Counter()
        if numbers is not None:
            self.classes = Counter(seen.path.parts[0] for seen in self.good)

    def usable(self, drop_duplicates: bool = True) -> int:
        """Images that training would take, of those looked at."""
        return len(self.good) - (len(self.copies) if drop_duplicates else 0)

    @property
    def short_sides(self) -> list[int]:
        """The shorter side of each good image: a square has no more pixels than that."""
        return [min(seen.width, seen.height) for seen in self.good]

    def expected(self) -> int:
        """Usable images in the whole folder, judged by those looked at."""
        return round(self.total * self.usable() / max(1, self.looked))

    def image_size(self) -> int:
        """The largest of 32, 64, 128 that nine tenths of the images have without being enlarged.

        128 only for 2,000 images or more: fewer would not teach G that many details.
        """
        sides = sorted(self.short_sides) or [0]
        least = sides[len(sides) // 10]
        if least >= 128 and self.expected() >= 2000:
            return 128
        return 64 if least >= 64 else 32

    def augment(self) -> tuple[str, bool]:
        """(augment, adaptive_augment) for so many images."""
        count = self.expected()
        if count >= 20_000:
            return "none", False
        return ("translation", False) if count >= 3_000 else ("all", True)

    def advice(self) -> list[str]:
        """What to do, in sentences, the most important one first."""
        count = self.expected()
        about = "" if self.looked == self.total else "about "
        if count < 16:
            return [
                f"{about.capitalize()}{count} usable images are too few to train on. Collect at "
                f"least 100 of one kind; 1,000 are better."
            ]
        size, (augment, adaptive) = self.image_size(), self.augment()
        enlarged = sum(side < size for side in self.short_sides) / len(self.good)
        said = [f"Train at {size}x{size}: " + _why_size(size, median(self.short_sides), enlarged)]
        if augment == "none":
            said.append(f"{about.capitalize()}{count:,} images need no augmentation.")
        else:
            said.append(
                f"{about.capitalize()}{count:,} images are {'few' if adaptive else 'not many'}: D "
                f"may learn them by heart. Take --augment {augment}"
                + (" --adaptive-augment, and check for copies." if adaptive else ".")
            )
        if self.copies:
            said.append(
                f"{len(self.copies)} near-duplicates would count double: --drop-duplicates leaves "
                f"them out, and deletes nothing. Look at them first."
            )
        if self.classes and min(self.classes.values()) * 5 < max(self.classes.values()):
            rare = min(self.classes, key=self.classes.get)
            said.append(f"The class {rare!r} is rare ({self.classes[rare]} images): G may drop it.")
        blank = [shown(seen.path) for seen in self.good if BLANK in seen.notes]
        if blank:
            names = ", ".join(blank[:5]) + ", ..." * (len(blank) > 5)
            said.append(f"{len(blank)} of one colour only: {names}. Take them out.")
        return said

    def command(self) -> str:
        """What to type."""
        augment, adaptive = self.augment()
        parts = [f'gan-course train --dataset "folder:{self.folder}"', "--model r3gan"]
        parts.append(f"--image-size {self.image_size()}")
        parts.append(f"--batch-size {max(2, min(32, self.expected() // 4))}")
        if augment != "none":
            parts.append(f"--augment {augment}" + " --adaptive-augment" * adaptive)
        if self.copies:
            parts.append("--drop-duplicates")
        return " ".join(parts)

    def text(self) -> str:
        """All of it in lines."""
        part = "" if self.looked == self.total else f" (a sample of {self.total:,})"
        lines = [
            f"{self.looked:,} files looked at{part}: {len(self.good):,} good, {len(self.bad)} bad, "
            f"{len(self.copies)} near-duplicates among the good ones; {self.usable():,} remain."
        ]
        lines += [f"  bad: {shown(seen.path)}: {seen.problem}" for seen in self.bad]
        lines += [f"  near-duplicate: {shown(a)} of {shown(b)}" for a, b in self.copies]
        lines += [f"  {count} x {note}" for note, count in self.notes.most_common()]
        if self.others:
            endings = ", ".join(f"{count} {shown(e)}" for e, count in self.others.most_common())
            lines.append(f"  not called images, and passed over: {endings}")
        if photos := sum(self.others[ending] for ending in PHOTOS):
            lines.append(f"  {photos} of these are photos: save them as JPEG or PNG to use them")
        return "\n".join([*lines, *self.advice()])


def _why_size(size: int, middle: float, enlarged: float) -> str:
    if enlarged > 0.1:
        return f"the median short side is {middle:g} pixels, and {enlarged:.0%} get enlarged."
    if size == 64 and middle >= 128:
        return "they have more pixels, but 128x128 wants 2,000 images or more."
    return f"the median short side is {middle:g} pixels, and hardly any image gets enlarged."
