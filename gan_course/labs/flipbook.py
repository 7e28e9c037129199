"""What did training look like? The same z at every saved moment."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Enum, Int

from gan_course.errors import CourseError
from gan_course.labs import flipbook_picture
from gan_course.labs.base import DrawnLab, column, ghost_html, heading, question_html, row, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.flipbook_film import Film, Source, make_film

THIRDS = ("first third", "middle third", "last third")
QUESTION = (
    "Cut the run into three parts, each with as many real images. In which part do the pictures "
    "change most?"
)
FEWEST = 4  # frames that a question about three parts needs


class Flipbook(DrawnLab):
    """A film of a training run: what the same z became, moment after moment.

    Args:
        source: a recorded run (``gan_course.pretrained.recorded.load_run``); the folder of a
            training run, its ``--output-dir``; a list of generators or checkpoint files, oldest
            first; the recorded healthy run if None.
        z_seed: where the 64 z come from. They are the same in every frame.

    Attributes (traits):
        frame: which moment is shown, from 0.
        num_images: 16, 36 or 64 of the images.
        locked: True until the question is answered or skipped.

    Raises:
        CourseError: if the source holds no film, or a film of generators that do not belong
            together.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("frame", "num_images", "locked")

    frame = Int(0, min=0)
    num_images = Enum((16, 36, 64), 36)
    locked = Bool(True)

    def __init__(self, source: Source = None, z_seed: int = 0, **traits: object) -> None:
        if isinstance(z_seed, bool) or not isinstance(z_seed, int) or z_seed < 0:
            raise CourseError(f"z_seed must be a whole number from 0 on, but is {z_seed!r}.")
        self.film: Film = make_film(source, z_seed)
        self._source = source
        self._z_seed = z_seed
        super().__init__(**({"frame": len(self.film) - 1} | traits))
        if len(self.film) < FEWEST:  # too short to ask about its parts
            self.locked = False
        self._check_frame({"new": self.frame, "old": 0})
        self.observe(self._check_frame, names="frame")

    def _check_frame(self, change: dict) -> None:
        if change["new"] >= len(self.film):
            self.frame = change["old"]
            raise CourseError(
                f"the film has frames 0 to {len(self.film) - 1}, so there is no frame "
                f"{change['new']}."
            )

    # ---- the numbers --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """images, uint8 (num_images, C, H, W); columns of their grid; label and seen of the
        moment; row, the line of the history nearest to it, or None."""
        film = self.film
        seen = film.seen[self.frame]
        nearest = None
        if film.history and film.counts_images:
            nearest = min(film.history, key=lambda line: abs(line["images_seen"] - seen))
        return {
            "images": film.frames[self.frame, : self.num_images],
            "columns": math.isqrt(self.num_images),
            "label": film.labels[self.frame],
            "seen": seen,
            "row": nearest,
        }

    def changes(self) -> list[float]:
        """How much the pictures change in each third of the run: mean difference of a pixel
        between the frames nearest to its ends, 0 (none) to 1 (black became white)."""
        film = self.film
        ends = []
        for part in range(4):
            place = film.seen[0] + (film.seen[-1] - film.seen[0]) * part / 3
            ends.append(min(range(len(film)), key=lambda i: abs(film.seen[i] - place)))
        frames = film.frames.float() / 255
        return [float((frames[end] - frames[start]).abs().mean()) for start, end in pairwise(ends)]

    def alt_text(self) -> str:
        data, film = self.figure_data(), self.film
        text = (
            f"Frame {self.frame + 1} of {len(film)} of {film.title}: {self.num_images} generated "
            f"images after {data['label']}"
        )
        if film.counts_images:
            text += f", {data['seen']:,.0f} real images seen"
        if data["row"] is None:
            return text + "."
        near = data["row"]
        return text + (
            f". Loss of D {near['loss_d']:.2f}, of G {near['loss_g']:.2f}; D(x) "
            f"{near['mean_d_real']:.2f}, D(G(z)) {near['mean_d_fake']:.2f} near this moment."
        )

    def code(self) -> str:
        length = self.film.z.shape[1]
        return (
            "import torch\n\n"
            f"rng = torch.Generator().manual_seed({self._z_seed})\n"
            f"fixed_z = torch.randn(64, {length}, generator=rng)  # drawn once, for all moments\n"
            f"generator.eval()  # the one saved after {self.film.labels[self.frame]}\n"
            "with torch.no_grad():\n"
            f"    images = generator(fixed_z)[:{self.num_images}]  # (N, C, H, W) in [-1, 1]"
        )

    # ---- predictions --------------------------------------------------------------------------

    def predict_third(self, answer: str | None) -> None:
        """Answer one of ``THIRDS``, or None to skip. Either unlocks the frames."""
        if answer is not None and answer not in THIRDS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(THIRDS)}.")
        if not self.locked and self.predictions:  # a double click is one guess
            return
        changes = self.changes()
        self.predict(QUESTION, answer, THIRDS[changes.index(max(changes))])
        self.locked = False

    def verdict(self) -> str:
        """The guess, and the measurement beside it."""
        if not self.predictions:
            return ""
        answer = self.predictions[-1]["answer"]
        guess = f"You guessed: {answer}." if answer else "Skipped."
        numbers = ", ".join(f"{change:.2f}" for change in self.changes())
        return (
            f"{guess} Measured: a pixel changes by {numbers} on average in the three thirds "
            f"(1 would be from black to white)."
        )

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return flipbook_picture.draw(self, self.figure_data())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        last = len(self.film) - 1
        frames = slider(self, "frame", "frame", min=0, max=last)
        # Its own buttons are three signs without names, so it stays hidden behind one with a name.
        film = widgets.Play(min=0, max=last, interval=400, layout={"display": "none"})
        play = widgets.ToggleButton(description="▶ play", layout={"width": "160px"})
        widgets.link((frames, "value"), (film, "value"))  # it begins where the slider is
        widgets.link((play, "value"), (film, "playing"))

        def name_button(change: dict | None = None) -> None:
            play.description = "■ stop" if play.value else "▶ play"

        play.observe(name_button, names="value")
        count = widgets.ToggleButtons(options=[16, 36, 64])
        count.style.button_width = "60px"
        widgets.link((self, "num_images"), (count, "value"))

        text = widgets.HTML()
        buttons = [
            widgets.Button(description=d, layout={"width": "auto"}) for d in (*THIRDS, "skip")
        ]
        for button in buttons:
            button.on_click(
                lambda b: self.predict_third(None if b.description == "skip" else b.description)
            )
        answers = row(*buttons, grid_gap="2px 4px")

        def follow(change: dict | None = None) -> None:
            frames.disabled = play.disabled = self.locked
            answers.layout.display = None if self.locked else "none"
            if self.locked:
                text.value = question_html(QUESTION)
            else:
                text.value = ghost_html(self.verdict()) if self.predictions else ""

        self.observe(follow, names="locked")
        follow()
        question = widgets.VBox([text, answers], layout=widgets.Layout(max_width="335px"))
        return column(question, heading("Moment"), frames, play, film, heading("Images"), count)
