"""Watch a GAN learn: samples, losses and D's opinion while the training runs."""

from __future__ import annotations

import asyncio
import time
from html import escape
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from traitlets import Bool, Int, Unicode

from gan_course import palette
from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.labs.base import TEXT, Lab, image_html, torch_threads
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.losses import PAIRED
from gan_course.training import Trainer

FRAME_SECONDS = 0.15  # training between two pictures; a click waits at most this long
CAPTION_SECONDS = 1.0  # while it plays, a screen reader hears a new sentence this often at most
SAMPLES = 36  # at most; a conditional run shows whole rows with a class in each column
NEAREST = Image.Resampling.NEAREST


class LiveTraining(Lab):
    """Start, pause and step a ``Trainer`` from the notebook.

    Training runs on the notebook's own event loop, a slice at a time, so that the pause button and
    other cells keep working. Nothing starts by itself. ``run`` does the same without a browser.

    Args:
        trainer: a ``gan_course.training.Trainer``; it can be used before and after as well.

    Attributes (traits):
        playing: whether training is running now.
        step: steps done so far.
        message: what went wrong, if anything did.

    Attributes:
        last: the numbers of the last step: loss_d, loss_g, mean_d_real, mean_d_fake and so on.
        images_per_second: real images seen per second of training, in the last slice.
    """

    picture_traits: ClassVar = ("step", "message", "playing")
    still_scale: ClassVar = 2

    playing = Bool(False)
    step = Int(0)
    message = Unicode("")

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.trainer = trainer
        self.step = trainer.step
        self.images_per_second = 0.0
        self.last: dict[str, float] = dict(trainer.history[-1]) if trainer.history else {}
        self._steps = trainer.steps()
        self._steps_begun = trainer.step  # the step that _steps goes on from
        self._task: asyncio.Task | None = None
        self._error: Exception | None = None
        self._caption_time = 0.0

    # ---- training -----------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self.trainer.finished

    def run(self, steps: int) -> LiveTraining:
        """Train this many steps (or to the end) now, and return; the picture follows once."""
        self.message, self._error = "", None
        self._train(lambda done: done < steps)
        self.step = self.trainer.step
        return self

    def _train(self, go_on) -> None:
        """Steps as long as ``go_on(steps done)`` says so."""
        trainer = self.trainer
        if trainer.step != self._steps_begun:  # it was trained elsewhere meanwhile
            self._steps = trainer.steps()
        start, seen, done, stats = time.perf_counter(), trainer.images_seen, 0, None
        try:
            with torch_threads(torch.get_num_threads() - 1):  # one core is for the browser
                while go_on(done) and (latest := next(self._steps, None)) is not None:
                    stats, done = latest, done + 1
        except BaseException:
            self._steps = trainer.steps()  # a generator that has failed is at its end
            raise
        finally:
            self._steps_begun = trainer.step
        if done:
            self.last = stats.floats()
            self.images_per_second = (trainer.images_seen - seen) / (time.perf_counter() - start)

    def play(self) -> asyncio.Task:
        """Train until ``pause``, as a task of the event loop that every notebook has.

        Raises:
            CourseError: where no event loop runs, as in a plain script. Use ``run`` there.
        """
        if self._task is None or self._task.done():
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                raise CourseError(
                    "there is no event loop to play on here: use run(steps)."
                ) from None
            self.message, self._error = "", None
            self.playing = True
            self._task = loop.create_task(self._play())
        return self._task

    def pause(self) -> None:
        """Stop after the slice that is running."""
        self.playing = False

    async def _play(self) -> None:
        try:
            while self.playing and not self.finished:
                end = time.perf_counter() + FRAME_SECONDS
                self._train(lambda done, end=end: time.perf_counter() < end)
                self.step = self.trainer.step
                await asyncio.sleep(0.01)  # let the notebook hear clicks
        except Exception as error:
            self._fail(error)
        finally:
            self.playing = False

    def _fail(self, error: Exception) -> None:
        """Show what went wrong, and keep it for ``result``."""
        self._error = error
        self.message = f"Training stopped: {error}"

    def result(self) -> None:
        """Raise here what went wrong while playing, if anything did."""
        if self._error is not None:
            raise self._error

    # ---- the picture --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """The logged history, and the samples on fixed z: (N, C, H, W) in [-1, 1]."""
        samples = self.trainer.sample_images(self.num_samples)
        return {"history": self.trainer.history, "samples": samples}

    @property
    def columns(self) -> int:
        return self.trainer.columns if self.trainer.config.conditional else 6

    @property
    def num_samples(self) -> int:
        return max(self.columns, SAMPLES - SAMPLES % self.columns)

    def samples_image(self) -> Image.Image:
        samples = self.trainer.sample_images(self.num_samples)
        grid = Image.fromarray(image_grid(samples, self.columns))
        factor = max(1, 420 // grid.width)
        return grid.resize((factor * grid.width, factor * grid.height), NEAREST)

    def curves(self) -> Canvas:
        """Both losses, and below them D's mean probabilities, or how often it is right, over the
        images seen."""
        canvas = Canvas(400, 400)
        history = self.trainer.history
        losses = [
            ("loss of D", "loss_d", palette.DISCRIMINATOR, 3.0, None),
            ("loss of G", "loss_g", palette.GENERATOR, 2.0, (9, 3, 2, 3)),
        ]
        top = max([2.0] + [min(r[key], 10.0) for _, key, *_ in losses for r in history])
        _chart(canvas, 30, "Losses", history, losses, top)
        if self.trainer.config.loss in PAIRED:  # a logit alone says nothing there
            right = [("right answers of D", "accuracy", palette.DISCRIMINATOR, 3.0, None)]
            _chart(canvas, 230, "D's share of right answers; 0.5 is guessing", history, right, 1.0)
            return canvas
        opinions = [
            ("● D(x), real", "mean_d_real", palette.REAL, 2.0, None),
            ("▲ D(G(z)), fake", "mean_d_fake", palette.FAKE, 2.0, (6, 4)),
        ]
        _chart(canvas, 230, "What D thinks, as a probability", history, opinions, 1.0)
        return canvas

    def render(self) -> Image.Image:
        scale, samples = self.still_scale, self.samples_image()
        samples = samples.resize((scale * samples.width, scale * samples.height), NEAREST)
        curves = self.curves().image(scale)
        gap = 20 * scale
        height = max(samples.height, curves.height)
        picture = Image.new("RGB", (samples.width + gap + curves.width, height), "white")
        picture.paste(samples, (0, 0))
        picture.paste(curves, (samples.width + gap, 0))
        return picture

    def live_html(self) -> str:
        samples = image_html(self.samples_image(), self._samples_alt(), format="jpeg")
        curves = self.curves().svg(self.alt_text())
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:20px;align-items:flex-start">'
            f"{samples}{curves}</div>"
            + (
                f'<p role="alert" style="{TEXT}">⚠ {escape(self.message)}</p>'
                if self.message
                else ""
            )
        )

    def _show_caption(self) -> None:
        now = time.monotonic()
        if not self.playing or now - self._caption_time > CAPTION_SECONDS:
            self._caption_time = now
            super()._show_caption()

    def _samples_alt(self) -> str:
        text = f"{self.num_samples} images that G draws from the same z"
        if self.trainer.config.conditional:
            text += ", a class in each column"
        return f"{text} after {self.trainer.step} steps."

    def alt_text(self) -> str:
        trainer = self.trainer
        text = (
            f"Epoch {trainer.epoch} of {trainer.config.num_epochs}, step {trainer.step:,}, "
            f"{trainer.images_seen:,} images seen"
        )
        if self.images_per_second:
            text += f", {self.images_per_second:,.0f} images a second"
        if not self.last:
            return text + ". Nothing is trained yet."
        last = self.last
        text += f". Loss of D {last['loss_d']:.2f}, of G {last['loss_g']:.2f}"
        if self.trainer.config.loss in PAIRED:
            return text + "."
        return text + (f"; D(x) {last['mean_d_real']:.2f}, D(G(z)) {last['mean_d_fake']:.2f}.")

    def code(self) -> str:
        config = self.trainer.config
        arguments = f"dataset={config.dataset!r}, "
        if config.model != "dcgan":
            arguments += f"model={config.model!r}, conditional={config.conditional}, "
        arguments += (
            f"batch_size={config.batch_size}, num_epochs={config.num_epochs}, "
            f"seed={config.seed}, output_dir=None"
        )
        return (
            "from gan_course.training import TrainConfig, Trainer\n\n"
            f"trainer = Trainer(TrainConfig({arguments}))\n"
            "for stats in trainer.steps():\n    ..."
        )

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        play = widgets.ToggleButton(description="▶ Train", tooltip="start or pause training")
        one = widgets.Button(description="One step", tooltip="train a single step")

        def toggled(change: dict) -> None:
            if change["new"] and not self.playing:
                self.play()
            elif not change["new"]:
                self.pause()

        def follow(change: dict | None = None) -> None:
            play.value = self.playing
            done = self.finished and not self.playing
            play.description = "❚❚ Pause" if self.playing else "✓ Trained" if done else "▶ Train"
            play.disabled = done
            one.disabled = done or self.playing

        def single(button: widgets.Button) -> None:
            try:
                self.run(1)
            except Exception as error:  # nobody would see it otherwise
                self._fail(error)

        play.observe(toggled, names="value")
        one.on_click(single)
        self.observe(follow, names=["playing", "step"])
        follow()
        return widgets.HBox([play, one], layout=widgets.Layout(flex="0 0 100%"))


def _chart(canvas: Canvas, top: int, title: str, rows: list, lines: list, maximum: float) -> None:
    """One small chart, 345 x 120 pixels, with its legend above it."""
    left, width, height = 40, 345, 120
    canvas.text(left, top - 14, title, size=12, anchor="start", bold=True)
    for fraction in (0, 0.5, 1):
        y = top + 24 + height * (1 - fraction)
        canvas.line([(left, y), (left + width, y)], color=LINE, width=1)
        canvas.text(left - 5, y, f"{maximum * fraction:g}"[:4], size=11, anchor="end", color=FAINT)
    x = left
    for name, _, color, thick, dash in lines:
        canvas.line([(x, top + 6), (x + 30, top + 6)], color=color, width=thick, dash=dash)
        canvas.text(x + 36, top + 6, name, size=11, anchor="start", color=INK)
        x += 178
    bottom = top + 24 + height
    canvas.text(left + width, bottom + 13, "images seen", size=11, anchor="end", color=FAINT)
    if len(rows) < 2:
        canvas.text(left + width / 2, top + 24 + height / 4, "not trained yet", color=FAINT)
        return
    last = rows[-1]["images_seen"]
    canvas.text(left, bottom + 13, f"0 … {last:,}", size=11, anchor="start", color=FAINT)
    kept = rows[:: max(1, len(rows) // 170)]
    for _, key, color, thick, dash in lines:
        points = [
            (
                left + width * row["images_seen"] / last,
                bottom - height * min(max(row[key], 0.0), maximum) / maximum,
            )
            for row in kept
        ]
        canvas.line(points, color=color, width=thick, dash=dash)
