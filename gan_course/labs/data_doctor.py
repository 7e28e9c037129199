"""Is this folder of images ready to be trained on?"""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from torch import Tensor
from traitlets import Bool, Enum, Int, Unicode

from gan_course.data.doctor import FolderDoctor, FolderReport
from gan_course.data.images import to_floats
from gan_course.errors import CourseError
from gan_course.files import shown
from gan_course.labs.base import TEXT, Lab, column, heading, slider
from gan_course.labs.data_doctor_picture import draw_report
from gan_course.labs.drawing import Canvas
from gan_course.labs.guess_controls import guess_box
from gan_course.training.augment import draw_moves, moved

SLICE_SECONDS = 0.2  # looking between two pictures; a click waits at most about this long
ANSWERS = ("over 95 %", "80 to 95 %", "under 80 %")
QUESTION = "What share of the files will be left, without the broken ones and the near-duplicates?"
CHANGES = ("translation", "affine", "color", "cutout", "all")
SHOWN = 10  # images in the previews
LEAK = 0.8  # above this share the changed images are what G sees most


class DataDoctor(Lab):
    """Point it at a folder: what is in it, what is wrong with it, and what to do about it.

    It only reads. ``look`` goes through the files at once; the button does so in slices, so that a
    large folder leaves the notebook usable.

    Args:
        folder: with images, subfolders included.
        limit: of more files than this, so many are looked at, at random.

    Attributes (traits):
        looked: files looked at so far.
        preview_size: 32 or 64: what the networks would see.
        drop_duplicates: whether near-duplicates count as left out.
        augment: what the preview does to the images, and ``share``, to how many, in percent.
        seed: of the preview.
        looking: whether it is going through the files now.
        message: what went wrong, if anything did.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 700
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        *("looked", "preview_size", "drop_duplicates", "augment", "share", "seed"),
        *("message", "revealed"),
    )

    looked = Int(0, min=0)
    preview_size = Enum((32, 64), 32)
    drop_duplicates = Bool(True)
    augment = Enum(CHANGES, "all")
    share = Int(50, min=0, max=100)
    seed = Int(0, min=0, max=9999)
    looking = Bool(False)
    message = Unicode("")
    revealed = Bool(False)

    def __init__(self, folder: str | Path, limit: int = 2000, **traits: object) -> None:
        super().__init__(**traits)
        self.doctor = FolderDoctor(folder, limit)
        self._task: asyncio.Task | None = None
        self._report: FolderReport | None = None

    # ---- looking ------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self.doctor.finished

    def look(self, seconds: float | None = None) -> DataDoctor:
        """Look at the files that are left, for at most so many seconds."""
        self.doctor.look(seconds)
        self.looked = len(self.doctor.seen)
        return self

    def play(self) -> asyncio.Task:
        """Look through all of them, as a task of the event loop that every notebook has.

        Raises:
            CourseError: where no event loop runs, as in a plain script. Use ``look`` there.
        """
        if self._task is None or self._task.done():
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                raise CourseError("there is no event loop to play on here: use look().") from None
            self.looking = True
            self._task = loop.create_task(self._play())
        return self._task

    async def _play(self) -> None:
        try:
            while self.looking and not self.finished:
                self.look(SLICE_SECONDS)
                await asyncio.sleep(0.01)  # let the notebook hear clicks
        except Exception as error:
            self.message = f"It stopped: {error}"
        finally:
            self.looking = False

    def report(self) -> FolderReport:
        """What was found so far."""
        if self._report is None or self._report.looked != len(self.doctor.seen):
            self._report = self.doctor.report()
        return self._report

    # ---- numbers ------------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """looked, files, total; good, bad, copies: counts; left, of the files looked at, and
        left_share; problems: (path, why) of each bad file; sides: shorter sides; brightness;
        classes; kinds; notes; previews: floats (n, 3, size, size); augmented, the same changed."""
        report = self.report()
        left = report.usable(self.drop_duplicates)
        previews = self.previews(report)
        return {
            "looked": report.looked,
            "files": len(self.doctor.files),
            "total": report.total,
            "good": len(report.good),
            "bad": len(report.bad),
            "copies": len(report.copies),
            "left": left,
            "left_share": left / max(1, report.looked),
            "problems": [(shown(seen.path), seen.problem) for seen in report.bad],
            "sides": report.short_sides,
            "brightness": [seen.brightness for seen in report.good],
            "classes": report.classes,
            "kinds": report.kinds,
            "notes": report.notes,
            "previews": previews,
            "augmented": self.augmented(previews),
        }

    def previews(self, report: FolderReport) -> Tensor:
        """(at most 10, 3, size, size) in [-1, 1]: the squares that training would take."""
        pictures = [seen.picture for seen in report.good if seen.picture is not None]
        if not pictures:
            return torch.zeros(0, 3, self.preview_size, self.preview_size)
        every = max(1, len(pictures) // SHOWN)
        images = to_floats(torch.stack(pictures[::every][:SHOWN]))
        size = self.preview_size
        return images if size == 64 else torch.nn.functional.avg_pool2d(images, 64 // size)

    def augmented(self, images: Tensor) -> Tensor:
        """The same images as D would see them."""
        if not len(images):
            return images
        rng = torch.Generator().manual_seed(self.seed)
        size = images.shape[-1]
        moves = draw_moves(self.augment, len(images), size, rng, self.share / 100)
        return moved(images, moves[:, 0]).clamp(-1, 1)

    def leak_warning(self) -> str:
        """What may go wrong with so many changed images; empty if hardly anything."""
        if self.share / 100 > LEAK:
            return (
                f"Leak: {self.share} % of what D sees is changed, so G may learn to draw changed "
                f"images. Stay at {LEAK:.0%} or below; --adaptive-augment does."
            )
        return ""

    # ---- words --------------------------------------------------------------------------------

    def alt_text(self) -> str:
        report = self.report()
        files = len(self.doctor.files)
        sample = "" if report.total == files else f", a sample of {report.total:,}"
        name = shown(self.doctor.folder.name)
        text = f"{name}: {report.looked:,} of {files:,} files looked at{sample}."
        if not report.looked and not self.finished:
            return f"{text} Nothing is known yet: press Look, or call look()."
        if not self.revealed:
            return f"{text} How many can be used? Make a guess, or skip."
        text += (
            f" {len(report.good)} good, {len(report.bad)} bad, {len(report.copies)} "
            f"near-duplicates; {report.usable(self.drop_duplicates)} are left."
        )
        if self.finished:
            text += " " + " ".join(report.advice()[:2])
        return f"{text} {self.leak_warning()}".strip()

    def code(self) -> str:
        return (
            "from gan_course.data.doctor import FolderDoctor\n\n"
            f"report = FolderDoctor({str(self.doctor.folder)!r}).look().report()\n"
            "print(report.text())\n"
            "print(report.command())"
        )

    def predict_left(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab; what is not looked at
        yet then is, for the truth needs all of it."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        self.look()
        share = self.report().usable() / max(1, self.looked)
        truth = ANSWERS[0 if share > 0.95 else 1 if share >= 0.8 else 2]
        self.predict(QUESTION, answer, truth)
        self.revealed = True

    def verdict(self) -> str:
        report = self.report()
        left = f"{report.usable()} of {report.looked} are left."
        return f"{self.guess_line() or 'Skipped.'} {left}"

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return draw_report(self, self.figure_data())

    def render(self) -> Image.Image:
        return self.draw().image(scale=self.still_scale)

    def live_html(self) -> str:
        alert = f'<p role="alert" style="{TEXT}">⚠ {escape(self.message)}</p>'
        return self.draw().svg(self.alt_text()) + (alert if self.message else "")

    def controls(self) -> widgets.Widget:
        look = widgets.Button(description="Look", tooltip="go through the files")
        look.on_click(lambda button: self.play())
        size = widgets.ToggleButtons(
            options=[("32x32", 32), ("64x64", 64)], style={"button_width": "90px"}
        )
        widgets.link((self, "preview_size"), (size, "value"))
        drop = widgets.Checkbox(description="leave near-duplicates out", indent=False)
        widgets.link((self, "drop_duplicates"), (drop, "value"))
        augment = widgets.Dropdown(
            options=CHANGES,
            description="augment",
            style={"description_width": "112px"},
            layout=widgets.Layout(width="330px"),
        )
        widgets.link((self, "augment"), (augment, "value"))
        share = slider(self, "share", "changed, %", min=0, max=100, step=5)
        seed = slider(self, "seed", "seed", min=0, max=99)
        locked = [size, drop, augment, share, seed]

        def follow(change: dict | None = None) -> None:
            look.disabled = self.finished or self.looking
            look.description = "✓ Looked" if self.finished else "Look"

        self.observe(follow, names=["looked", "looking"])
        follow()
        question = guess_box(self, QUESTION, ANSWERS, self.predict_left, self.verdict, locked)
        return column(
            question,
            look,
            heading("What the networks see"),
            size,
            drop,
            heading("What D would see"),
            augment,
            share,
            seed,
        )
