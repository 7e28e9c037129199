"""A desk for a run of your own: what it will cost, how it goes, stop, go on, take home."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
from PIL import Image
from traitlets import Bool, Float, Unicode

from gan_course.errors import CourseError
from gan_course.labs.base import TEXT, ghost_html
from gan_course.labs.drawing import FAINT, INK, LINE, Canvas
from gan_course.labs.export import export
from gan_course.labs.guess_controls import guess_box
from gan_course.labs.live_training import LiveTraining
from gan_course.labs.run_desk_budget import (
    PROBE_STEPS,
    in_words,
    remaining_steps,
    seconds_per_step,
)
from gan_course.training import TrainConfig, Trainer

ANSWERS = ("under 1 minute", "1 to 10 minutes", "10 to 60 minutes", "over an hour")
LIMITS = (60, 600, 3600)
QUESTION = "How long will this run take on this machine, to its last epoch?"


class RunDesk(LiveTraining):
    """``LiveTraining`` with a budget before the start, the doctor's word, and the folder in mind.

    Pausing saves the run, if its config has an ``output_dir``; ``RunDesk.resume`` takes it up again
    where it was, to the bit, after the notebook was closed as well.

    Args:
        trainer: a ``Trainer``, or a ``TrainConfig`` to make one of.

    Attributes (traits):
        step_seconds: seconds for a step: measured before the start on copies of the networks, then
            as the run itself goes; 0 until then.
        note: what was saved or written last.
        revealed: False until the question is answered or skipped.

    The others are those of ``LiveTraining``.
    """

    picture_traits: ClassVar = (*LiveTraining.picture_traits, "step_seconds", "note", "revealed")

    step_seconds = Float(0.0, min=0.0)
    note = Unicode("")
    revealed = Bool(False)

    def __init__(
        self, trainer: Trainer | TrainConfig, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(Trainer(trainer) if isinstance(trainer, TrainConfig) else trainer)
        self.clock = clock
        self._measured_steps = 0

    @classmethod
    def resume(cls, folder: str | Path, num_epochs: int | None = None) -> RunDesk:
        """Take a run up again from its folder (its --output-dir), for more epochs if wished.

        Raises:
            CourseError: if there is no run in it, or it cannot go on.
        """
        from gan_course.training.checkpoint import read_checkpoint

        path = Path(folder).expanduser() / "checkpoints" / "last.safetensors"
        config = read_checkpoint(path)[0]
        changes: dict = {"resume": True, "output_dir": str(Path(folder).expanduser())}
        if num_epochs is not None:
            changes["num_epochs"] = num_epochs
        return cls(Trainer(replace(config, **changes)))

    # ---- the budget ---------------------------------------------------------------------------

    def estimate(self, steps: int = PROBE_STEPS) -> float:
        """Seconds that the rest of the run will take. Measures some steps if none are known."""
        if self.step_seconds == 0:
            self.step_seconds = seconds_per_step(self.trainer, steps, self.clock)
        return self.step_seconds * remaining_steps(self.trainer)

    def _train(self, go_on) -> None:
        before, start = self.trainer.step, self.clock()
        super()._train(go_on)
        steps = self.trainer.step - before
        if steps:
            # The run's own speed, over at most the last few hundred steps.
            now = (self.clock() - start) / steps
            known = min(self._measured_steps, 300)
            self._measured_steps = known + steps
            if known + steps >= PROBE_STEPS or self.step_seconds == 0:
                mean = (self.step_seconds * known + now * steps) / (known + steps)
                self.step_seconds = mean

    def budget_line(self) -> str:
        """What is left to do, in steps and in time."""
        steps = remaining_steps(self.trainer)
        if self.step_seconds == 0:
            return f"{steps:,} steps are left; make a guess to see how long they take."
        left = in_words(self.step_seconds * steps)
        return (
            f"{steps:,} steps are left, about {left} at {1000 * self.step_seconds:.0f} ms a step."
        )

    def predict_minutes(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either shows the estimate."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        seconds = self.estimate()
        self.predict(QUESTION, answer, ANSWERS[sum(seconds >= limit for limit in LIMITS)])
        self.revealed = True

    def verdict(self) -> str:
        return self.guess_line() or "Skipped."  # the budget stands below the picture, and changes

    # ---- stop, go on, take home ---------------------------------------------------------------

    def save(self) -> None:
        """Save the run, if it has a folder; ``note`` says what happened."""
        folder = self.trainer.folder
        if folder is None:
            self.note = "Nothing is saved: this run has no output_dir."
            return
        self.trainer.save()
        self.note = f"Saved at step {self.trainer.step:,}. RunDesk.resume({str(folder)!r}) goes on."

    async def _play(self) -> None:
        await super()._play()
        if self._error is None and self.trainer.folder is not None:
            try:
                self.save()
            except CourseError as error:  # a full disk, for example
                self._fail(error)

    def export(
        self, folder: str | Path, notes: str = "", copies: str = "", measured: str = ""
    ) -> list[Path]:
        """Write a grid, a film, a model card and the weights into a folder; see ``labs.export``."""
        paths = export(self.trainer, folder, notes, copies, measured)
        self.note = f"Written: {', '.join(path.name for path in paths)}."
        return paths

    # ---- the picture --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """As in ``LiveTraining``, and: steps_left, step_seconds, seconds_left, diagnosis, and
        augment_p, the share of changed images, or None."""
        diagnosis = self.trainer.diagnose()
        adaptive = self.trainer.adaptive
        steps = remaining_steps(self.trainer)
        return super().figure_data() | {
            "steps_left": steps,
            "step_seconds": self.step_seconds,
            "seconds_left": self.step_seconds * steps,
            "diagnosis": diagnosis,
            "augment_p": None if adaptive is None else adaptive.p,
        }

    def lines(self) -> list[str]:
        """Below the picture: the budget, the doctor, the augmentation, and what was saved."""
        said = [self.budget_line()]
        if self.trainer.step:
            said.append(str(self.trainer.diagnose()))
        adaptive = self.trainer.adaptive
        if adaptive is not None:
            said.append(
                f"{adaptive.p:.0%} of what D sees is changed ({self.trainer.config.augment})."
                + (" That is the limit: look whether samples look changed." * adaptive.leaks)
            )
        return [*said, self.note] if self.note else said

    def alt_text(self) -> str:
        return " ".join([super().alt_text(), *self.lines()])

    def render(self) -> Image.Image:
        picture, scale = super().render(), self.still_scale
        lines = [part for line in self.lines() for part in wrapped(line, 110)]
        done = self.trainer.step
        words = Canvas(picture.width // scale, 34 + 18 * len(lines))
        share = done / max(1, done + remaining_steps(self.trainer))
        words.rect(8, 6, 420, 12, fill="white", stroke=LINE)
        words.rect(8, 6, 420 * share, 12, fill=FAINT)
        words.text(438, 12, f"{share:.0%} of the run", 12, INK, "start")
        for i, line in enumerate(lines):
            words.text(8, 34 + 18 * i, line, 12, INK, "start")
        below = words.image(scale)
        whole = Image.new("RGB", (picture.width, picture.height + below.height), "white")
        whole.paste(picture, (0, 0))
        whole.paste(below, (0, picture.height))
        return whole

    def live_html(self) -> str:
        lines = "".join(f'<p style="{TEXT}">{escape(line)}</p>' for line in self.lines())
        return super().live_html() + lines

    def code(self) -> str:
        config = self.trainer.config
        changed = []
        for name, default in vars(TrainConfig(config.dataset, model=config.model)).items():
            value = getattr(config, name)
            if value != default and name != "resume":
                changed.append(f"    {name}={value!r},\n")
        first = f"    dataset={config.dataset!r},\n    model={config.model!r},\n"
        return (
            "from gan_course.training import TrainConfig, Trainer\n\n"
            f"config = TrainConfig(\n{first}{''.join(changed)})\n"
            "trainer = Trainer(config).fit()"
        )

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        buttons = super().controls()
        save = widgets.Button(description="Save", tooltip="write a checkpoint")
        save.disabled = self.trainer.folder is None
        play = buttons.children[0]

        def saved(button: widgets.Button) -> None:
            try:
                self.save()
            except CourseError as error:
                self._fail(error)

        save.on_click(saved)
        question = guess_box(self, QUESTION, ANSWERS, self.predict_minutes, self.verdict, [play])
        advice = widgets.HTML(ghost_html("Pausing saves, if the run has an output_dir."))
        buttons.children = (*buttons.children, save)
        buttons.layout.flex = "0 0 auto"  # in a column 100 % is all the height: no question is seen
        layout = widgets.Layout(flex="0 0 100%")
        return widgets.VBox([question, buttons, advice], layout=layout)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many letters."""
    return textwrap.wrap(text, width) or [""]
