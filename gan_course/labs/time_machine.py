"""Five recorded runs, four of them sick: training time and the latent are two sliders."""

from __future__ import annotations

from html import escape
from typing import ClassVar

import ipywidgets as widgets
import torch
from torch import Tensor
from traitlets import Enum, Int, List, Unicode, validate

from gan_course import doctor
from gan_course.data import to_uint8
from gan_course.errors import CourseError
from gan_course.labs import time_machine_picture
from gan_course.labs.base import (
    DrawnLab,
    Number,
    column,
    ghost_html,
    heading,
    question_html,
    row,
    slider,
)
from gan_course.labs.drawing import Canvas
from gan_course.labs.sampler import draw_images, noise, slerp
from gan_course.pretrained.recorded import NAMES, RecordedRun, load_run

# Which run hides behind which letter.
RUNS = {
    "A": "collapsed",
    "B": "d_too_strong",
    "C": "healthy",
    "D": "no_initialisation",
    "E": "wrong_range",
}
SEED_FROM, SEED_TO = 0, 1  # where the z come from at both ends of the latent slider
IMAGES = 25
LINES = 3  # of the film below the images


class TimeMachine(DrawnLab):
    """Go back and forth in five recorded training runs, and through the latent space at any moment.

    Attributes (traits):
        run: "A" to "E"; ``RUNS`` says what each is.
        moment: which of the eight stored moments, from 0.
        latent: 0 to 1, from one set of z along the sphere to another.
        opened: letters of the runs that were guessed at, or skipped: their images show.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("run", "moment", "latent", "opened")

    run = Enum(tuple(RUNS), "A")
    moment = Int(7, min=0, max=7)
    latent = Number(0.0, min=0.0, max=1.0)
    opened = List(Unicode(), [])

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._kept: tuple[tuple, dict] = ((), {})

    @validate("opened")
    def _known_letters(self, proposal: dict) -> list[str]:
        unknown = [letter for letter in proposal["value"] if letter not in RUNS]
        if unknown:
            raise CourseError(f"there is no run {unknown[0]!r} to open, only {', '.join(RUNS)}.")
        return proposal["value"]

    @property
    def recorded(self) -> RecordedRun:
        """The run that the letter stands for."""
        return load_run(RUNS[self.run])

    @property
    def is_open(self) -> bool:
        return self.run in self.opened

    # ---- the numbers --------------------------------------------------------------------------

    def z(self) -> Tensor:
        """(25, latent_dim), the same for every run and every moment."""
        length = self.recorded.generators[0].latent_dim
        a, b = noise(SEED_FROM, IMAGES, length), noise(SEED_TO, IMAGES, length)
        return slerp(a, b, self.latent)

    def figure_data(self) -> dict:
        """history, the lines of the whole run; seen, images seen at each moment; moment; open;
        title and done, what was done to the run; and of an open run images (25, 1, 32, 32) and film
        (8, LINES, 1, 32, 32), both uint8, diversity of the images, and diagnosis, the doctor's."""
        state = (self.run, self.moment, self.latent, self.is_open)
        if self._kept[0] != state:  # picture, alt text and caption all ask for the same
            self._kept = (state, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        recorded = self.recorded
        data = {
            "history": recorded.history,
            "seen": [moment["images_seen"] for moment in recorded.moments],
            "moment": self.moment,
            "open": self.is_open,
            "title": recorded.title,
            "done": recorded.done,
        }
        if self.is_open:
            z = self.z()
            images = draw_images(recorded.generators[self.moment], z)
            film = [draw_images(generator, z[:LINES]) for generator in recorded.generators]
            data["images"] = to_uint8(images)
            data["film"] = to_uint8(torch.stack(film))
            data["diversity"] = float(doctor.spread(images)) / recorded.spread_real
            data["diagnosis"] = recorded.diagnosis(self.moment)
        return data

    def alt_text(self) -> str:
        data = self.figure_data()
        seen = data["seen"][self.moment]
        row = min(data["history"], key=lambda line: abs(line["images_seen"] - seen))
        numbers = (
            f"Loss of D {row['loss_d']:.2f}, of G {row['loss_g']:.2f}; D(x) "
            f"{row['mean_d_real']:.2f}, D(G(z)) {row['mean_d_fake']:.2f} near this moment"
        )
        if not self.is_open:
            return f"Run {self.run} after {seen:,} images, curves only. {numbers}. Which run is it?"
        return (
            f"Run {self.run}, {data['title']}, after {seen:,} images: 25 generated images, with "
            f"{data['diversity']:.2f} times the distance between real ones. {numbers}. "
            f"{data['done']} The doctor, at this moment: {data['diagnosis'].sentence}"
        )

    def code(self) -> str:
        name = RUNS[self.run] if self.is_open else "..."  # not before the guess
        return (
            "from gan_course.labs.sampler import draw_images, noise, slerp\n"
            "from gan_course.pretrained.recorded import load_run\n\n"
            f'run = load_run("{name}")\n'
            f"generator = run.generators[{self.moment}]\n"
            f"z_from, z_to = noise({SEED_FROM}, {IMAGES}, 32), noise({SEED_TO}, {IMAGES}, 32)\n"
            f"images = draw_images(generator, slerp(z_from, z_to, {self.latent}))\n"
            f"print(run.diagnosis({self.moment}))"
        )

    # ---- predictions --------------------------------------------------------------------------

    def guess(self, name: str | None) -> None:
        """Say which of the recorded runs this letter is, or None to skip. Either opens it.

        Raises:
            CourseError: if no run has that name.
        """
        if name is not None and name not in NAMES:
            raise CourseError(f"no run is called {name!r}; choose from {', '.join(NAMES)}.")
        if self.is_open:
            return
        self.predict(self._question(), name, RUNS[self.run])
        self.opened = [*self.opened, self.run]

    def _question(self) -> str:
        return f"From its curves alone: which run is {self.run}?"

    def verdict(self) -> str:
        """What was guessed about this run, and what it is."""
        title = self.recorded.title
        for entry in self.predictions:
            if entry["question"] == self._question() and entry["answer"] is not None:
                guessed = load_run(entry["answer"]).title
                right = "Right" if entry["right"] else "It is another one"
                return f"You guessed: {guessed}. {right}: {title}. {self.recorded.done}"
        return f"It is: {title}. {self.recorded.done}"

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return time_machine_picture.draw(self, self.figure_data())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        runs = widgets.ToggleButtons(options=list(RUNS))
        runs.style.button_width = "56px"
        widgets.link((self, "run"), (runs, "value"))
        moment = slider(self, "moment", "training time", min=0, max=7)
        latent = slider(
            self, "latent", "latent z", widgets.FloatSlider, min=0.0, max=1.0, step=0.02
        )
        text = widgets.HTML()
        buttons = []
        for name in (*NAMES, None):
            label = "skip" if name is None else load_run(name).title
            button = widgets.Button(description=label, layout={"width": "auto"})
            button.on_click(lambda b, name=name: self.guess(name))
            buttons.append(button)
        answers = row(*buttons, grid_gap="2px 4px")

        def follow(change: dict | None = None) -> None:
            latent.disabled = not self.is_open
            answers.layout.display = "none" if self.is_open else None
            if self.is_open:
                text.value = ghost_html(escape(self.verdict()))
            else:
                text.value = question_html(escape(self._question()))

        self.observe(follow, names=["run", "opened"])
        follow()
        question = widgets.VBox([text, answers], layout=widgets.Layout(max_width="335px"))
        return column(heading("Run"), runs, question, heading("Two sliders"), moment, latent)
