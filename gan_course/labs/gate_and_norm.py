"""What do activations and BatchNorm do to a batch?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Enum, Float, Int

from gan_course.labs import gate_and_norm_picture as picture
from gan_course.labs import gate_and_norm_words as words
from gan_course.labs.base import DrawnLab
from gan_course.labs.drawing import Canvas
from gan_course.labs.gate_and_norm_controls import controls
from gan_course.labs.gate_and_norm_numbers import (
    LARGEST_MAP,
    MOST_BATCHES,
    MOST_IMAGES,
    NEVER_FLAT,
    SATURATED,
    work_out,
)

SHARES = (16, 50, 68, 84)  # answers to the question about dead numbers, in percent
MODES = ("train only", "eval only", "both", "neither")


class GateAndNorm(DrawnLab):
    """One channel of a batch through an activation, with or without ``BatchNorm2d`` before it.

    Attributes (traits):
        activation: "relu", "leaky_relu", "tanh" or "sigmoid".
        slope: of LeakyReLU below 0, 0 to 0.5.
        mean, spread: of the numbers that come in, -4 to 4 and 0 to 3.
        batch_size: 1 to 64 images.
        map_size: height = width of the channel in each image, 1 to 8.
        batch_norm: whether a BatchNorm2d stands before the activation.
        training: True after ``train()``, False after ``eval()``.
        momentum: weight of a new batch in the running statistics, 0 to 1.
        gamma, beta: what BatchNorm multiplies by and adds, -3 to 3.
        batches_seen: 0 to 100 ordinary batches went through in ``train()`` before this one.
        odd_one: whether one odd image has joined the batch, and
        odd_value: the mean of its numbers, -8 to 8.
        seed: of all batches, 0 to 20.
        question: "dead" or "odd_one", what is asked first. Left out, it is "odd_one" if batch_norm
            is on, else "dead".
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "activation",
        "slope",
        "mean",
        "spread",
        "batch_size",
        "map_size",
        "batch_norm",
        "training",
        "momentum",
        "gamma",
        "beta",
        "batches_seen",
        "odd_one",
        "odd_value",
        "seed",
        "question",
        "revealed",
    )

    activation = Enum(("relu", "leaky_relu", "tanh", "sigmoid"), "relu")
    slope = Float(0.2, min=0.0, max=0.5)
    mean = Float(-1.0, min=-4.0, max=4.0)
    spread = Float(1.0, min=0.0, max=3.0)
    batch_size = Int(16, min=1, max=MOST_IMAGES)
    map_size = Int(8, min=1, max=LARGEST_MAP)
    batch_norm = Bool(True)
    training = Bool(True)
    momentum = Float(0.1, min=0.0, max=1.0)
    gamma = Float(1.0, min=-3.0, max=3.0)
    beta = Float(0.0, min=-3.0, max=3.0)
    batches_seen = Int(0, min=0, max=MOST_BATCHES)
    odd_one = Bool(False)
    odd_value = Float(6.0, min=-8.0, max=8.0)
    seed = Int(0, min=0, max=20)
    question = Enum((words.DEAD, words.ODD), words.DEAD)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        asked = words.ODD if traits.get("batch_norm", True) else words.DEAD
        super().__init__(**{"question": asked, **traits})
        self._kept: tuple[tuple, dict] = ((), {})

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def soft(self) -> bool:
        """Whether the activation saturates, but is never quite flat."""
        return self.activation in NEVER_FLAT

    @property
    def threshold(self) -> float:
        """Slopes smaller than this count as saturated."""
        return SATURATED

    @property
    def hides_dead(self) -> bool:
        """Whether the dead numbers are still to be guessed."""
        return self.question == words.DEAD and not self.revealed

    @property
    def odd_joined(self) -> bool:
        """Whether the odd image is in the batch; it waits for the guess about it."""
        return self.odd_one and (self.revealed or self.question != words.ODD)

    def figure_data(self) -> dict:
        """The numbers that the picture shows, as arrays and floats.

        ``x``: (N, 1, H, W), the odd image last; ``x_bars``, its histogram (see
        ``stacked_histogram``); ``x_sample``, the marked number; ``odd``, whether the odd image is
        in; ``batch_mean``, ``batch_std``; ``rows``: "plain", or with BatchNorm "batch" and
        "running", each with u, y, derivative (N, 1, H, W), u_mean, u_std, dead_fraction,
        mean_derivative, sample (u, y), sample_without the odd image, others_changed by it, u_bars,
        y_bars; ``now``, the row of the present mode, and its dead_fraction and mean_derivative
        (None if torch refuses); ``error``, what torch says then. With BatchNorm also
        running_mean, running_var, running_std, batches_taken, and ``distance``: the root of the
        squared differences of the two means and the two stds.
        """
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, work_out(self, self.odd_joined))
        return self._kept[1]

    def code(self) -> str:
        return words.code(self, self.odd_joined)

    def alt_text(self) -> str:
        data = self.figure_data()
        start = words.settings(self, data)
        if self.hides_dead:
            return f"{start} How much of it is dead? Make a guess, or skip."
        said = [start, words.result(self, data)]
        if self.batch_norm:
            said.append(words.statistics(data))
        said += words.notes(self, data)
        if not self.revealed:
            said.append("What happens if an odd image joins? Make a guess, or skip.")
        return " ".join(said)

    # ---- predictions --------------------------------------------------------------------------

    def predict_dead(self, share: int | None) -> None:
        """Guess the dead share in percent, one of ``SHARES``; None skips. Either opens the lab."""
        measured = self.figure_data()["dead_fraction"]
        truth = None
        if measured is not None:
            truth = min(SHARES, key=lambda answer: abs(answer - 100 * measured))
        self.predict(words.question(self), share, truth)
        self.revealed = True

    def predict_odd(self, mode: str | None) -> None:
        """Guess in which of ``MODES`` another image's output changes; None skips. Either lets the
        odd image join. The truth is measured, not written down."""
        rows = work_out(self, odd=True)["rows"]
        changed = []
        for name in ("batch", "running") if self.batch_norm else ("plain", "plain"):
            # None: without the odd image torch refuses, so with it there is something new.
            changed.append(name in rows and rows[name]["others_changed"] is not False)
        truth = {
            (True, False): "train only",
            (False, True): "eval only",
            (True, True): "both",
            (False, False): "neither",
        }[tuple(changed)]
        self.predict(words.question(self), mode, truth)
        self.odd_one = True
        self.revealed = True

    def last_guess(self) -> dict | None:
        """The last answer to exactly this question: other settings are another question."""
        for entry in reversed(self.predictions):
            if entry["question"] == words.question(self) and entry["answer"] is not None:
                return entry
        return None

    @property
    def guessed_share(self) -> int | None:
        """Where the ghost of the guess goes, in percent."""
        guess = self.last_guess() if self.question == words.DEAD and self.revealed else None
        return guess["answer"] if guess else None

    def feed(self, batches: int = 1) -> None:
        """Let more ordinary batches through in ``train()``, 100 in all at most."""
        self.batches_seen = min(MOST_BATCHES, self.batches_seen + batches)

    # ---- the picture --------------------------------------------------------------------------

    def _guess_line(self) -> str | None:
        guess = self.last_guess() if self.revealed else None
        if guess is None:
            return None
        unit = " %" if self.question == words.DEAD else ""
        near = "nearest: " if unit else ""
        verdict = "right" if guess["right"] else f"not so; {near}{guess['truth']}{unit}"
        return f"Your guess: {guess['answer']}{unit}, {verdict}."

    def draw(self) -> Canvas:
        data = self.figure_data()
        if self.hides_dead:
            lines = ["For how many of these numbers does the activation let no gradient through?"]
        else:
            lines = [words.headline(self, data), *words.notes(self, data)]
        return picture.draw(self, data, lines, self._guess_line())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self, SHARES, MODES)
