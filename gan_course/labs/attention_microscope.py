"""Choose a pixel of a generated image, and see where the network looks from there."""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Enum, Int, validate

from gan_course.errors import CourseError
from gan_course.labs import attention_microscope_picture as picture
from gan_course.labs.attention_microscope_controls import controls
from gan_course.labs.attention_microscope_numbers import Seen, beyond, look, spread
from gan_course.labs.base import DrawnLab
from gan_course.labs.drawing import Canvas
from gan_course.pretrained.recorded.with_attention import AttentionRun, load_attention_run

QUESTION = (
    "gamma begins at 0, where attention does nothing. How far from 0 does G's gamma get in this "
    "run?"
)
SHARES = ("not beyond 0.05", "0.05 to 0.5", "beyond 0.5")


class AttentionMicroscope(DrawnLab):
    """Where does a pixel of a generated image look, in G and in D, and what comes of it?

    Args:
        run: a recorded run with networks that have attention; the one that ships if None.

    Attributes (traits):
        network: "G" or "D", the one that is looked into.
        moment: which of the stored moments of the training, from 0.
        digit: the class that G is asked for.
        seed: where z comes from.
        row, column: the position that asks, on the network's feature map, from 0.
        enabled: whether the image that is shown was drawn with G's attention.
        revealed: False until the question about gamma is answered or skipped.

    Raises:
        CourseError: if the run's networks have no attention.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "network",
        "moment",
        "digit",
        "seed",
        "row",
        "column",
        "enabled",
        "revealed",
    )

    network = Enum(("G", "D"), "G")
    moment = Int(0, min=0)
    digit = Int(8, min=0, max=9)
    seed = Int(0, min=0)
    row = Int(8, min=0, max=15)
    column = Int(8, min=0, max=15)
    enabled = Bool(True)
    revealed = Bool(False)

    def __init__(self, run: AttentionRun | None = None, **traits: object) -> None:
        self.run = load_attention_run() if run is None else run
        for network in (*self.run.generators, *self.run.discriminators):
            if network.attention is None:
                raise CourseError(
                    "a network of this run has no attention, so there is nothing to look at."
                )
        self._kept: tuple[tuple, Seen | None] = ((), None)
        super().__init__(**({"moment": len(self.run.moments) - 1} | traits))

    @validate("moment")
    def _stored_moment(self, proposal: dict) -> int:
        if proposal["value"] >= len(self.run.moments):
            raise CourseError(
                f"the run was stored at the moments 0 to {len(self.run.moments) - 1}, so there is "
                f"no moment {proposal['value']}."
            )
        return proposal["value"]

    # ---- the numbers --------------------------------------------------------------------------

    def seen(self) -> Seen:
        """The image under the microscope; worked out again only when it changes."""
        state = (self.network, self.moment, self.digit, self.seed)
        if self._kept[0] != state:
            generator = self.run.generators[self.moment]
            discriminator = self.run.discriminators[self.moment]
            found = look(generator, discriminator, self.network, self.digit, self.seed)
            self._kept = (state, found)
        return self._kept[1]

    def figure_data(self) -> dict:
        """The numbers that the picture shows.

        ``image``, ``image_off`` (C, H, W) in [-1, 1], drawn with G's attention and without, and
        ``change``, their difference, its mean over the channels (H, W); ``logit``, ``logit_off``,
        D's verdict on ``image`` with D's attention and without. Of the network that is looked into:
        ``size`` of its map, ``asking`` (row, column), ``weights`` (h, w), the asking position's
        row of the map, ``row_sum``, ``spread``, over how many places it spreads, ``beyond``, its
        share outside of a 3x3 kernel's reach, ``strongest`` (row, column) in positions of the
        network's map, ``added`` (size, size), attention's share of what goes on, and ``gamma``.
        ``moment`` and ``moments``, what was recorded; ``history``, up to now while the question is
        open, and ``history_of_all``.
        """
        seen = self.seen()
        row, column = min(self.row, seen.size - 1), min(self.column, seen.size - 1)
        mine = seen.map[row * seen.size + column]
        side = seen.attended_size
        place = divmod(int(mine.argmax()), side)
        now = self.run.moments[self.moment]
        rows = self.run.history
        if not self.revealed:
            # The curve would give the answer away, wherever the slider is.
            rows = rows[:0]
        return {
            "image": seen.image.numpy(),
            "image_off": seen.image_off.numpy(),
            "change": (seen.image - seen.image_off).mean(dim=0).numpy(),
            "logit": seen.logit,
            "logit_off": seen.logit_off,
            "size": seen.size,
            "asking": (row, column),
            "weights": mine.reshape(side, side).numpy(),
            "row_sum": float(mine.sum()),
            "spread": spread(mine),
            "beyond": beyond(mine, side, seen.size, (row, column)),
            "strongest": tuple(seen.size // side * i for i in place),
            "added": seen.added.numpy(),
            "gamma": seen.gamma,
            "moment": now,
            "moments": self.run.moments,
            "history": rows,
            "history_of_all": self.run.history,
        }

    def _lines(self) -> list[str]:
        data = self.figure_data()
        row, column = data["strongest"]
        gamma = f"{data['gamma']:+.3f}".replace("-", "−") if self.revealed else "?"
        change = float(abs(data["change"]).mean())
        lines = [
            f"{self.network}'s pixel: its weights add up to {data['row_sum']:.2f} and spread over "
            f"about {data['spread']:.0f} of {data['weights'].size} places.",
            f"{100 * data['beyond']:.0f} % of its weight lies beyond a 3×3 kernel's reach.",
            f"It looks most at the place that begins at ({row}, {column}). gamma of "
            f"{self.network}: {gamma}.",
            f"Switching off G's attention changes a pixel by {change:.3f} on average, of 2 from "
            f"black to white.",
            f"D's logit for this image: {data['logit']:+.2f} with D's attention, "
            f"{data['logit_off']:+.2f} without.".replace("-", "−"),
        ]
        return lines

    def alt_text(self) -> str:
        data = self.figure_data()
        row, column = data["asking"]
        switch = "on" if self.enabled else "off"
        text = (
            f"A generated {self.digit} from seed {self.seed}, after "
            f"{data['moment']['images_seen']:,} real images, G's attention {switch}. Position "
            f"({row}, {column}) of {self.network} asks. " + " ".join(self._lines())
        )
        if not self.revealed:
            return text + " How gamma moved is hidden: make a guess, or skip."
        last = data["history"][-1]
        return text + (
            f" The gammas end at {last['gamma_g']:.3f} in G and {last['gamma_d']:.3f} in D."
        )

    def code(self) -> str:
        name = "generator" if self.network == "G" else "discriminator"
        size = self.seen().size
        row, column = self.figure_data()["asking"]
        lines = [
            "import torch",
            "",
            "from gan_course.labs.sampler import noise",
            "from gan_course.pretrained.recorded.with_attention import load_attention_run",
            "",
            "run = load_attention_run()",
            f"generator = run.generators[{self.moment}]",
            f"discriminator = run.discriminators[{self.moment}]",
            f"z = noise({self.seed}, 1, generator.latent_dim)",
            f"labels = torch.tensor([{self.digit}])",
            "",
            "heard = []  # what comes into the attention block",
            f"block = {name}.attention",
            "hook = block.register_forward_pre_hook(lambda m, inputs: heard.append(inputs[0]))",
            "with torch.no_grad():",
            "    image = generator(z, labels)  # (1, 1, 32, 32)",
            "    logit = discriminator(image, labels)",
            "    weights = block.attention_map(heard[0])[0]  # (positions, attended)",
            "hook.remove()",
            f"row = weights[{row} * {size} + {column}]",
        ]
        if not self.enabled:
            lines += [
                "",
                "generator.attention.enabled = False",
                "image_off = generator(z, labels)",
                "generator.attention.enabled = True",
            ]
        return "\n".join(lines)

    # ---- predictions --------------------------------------------------------------------------

    def farthest(self) -> float:
        """How far from 0 G's gamma ever was."""
        return max(abs(row["gamma_g"]) for row in self.run.history)

    def predict_gamma(self, answer: str | None) -> None:
        """Guess one of ``SHARES``; None skips. Either shows how gamma moved.

        Raises:
            CourseError: for any other answer.
        """
        if answer is not None and answer not in SHARES:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(SHARES)}.")
        far = self.farthest()
        self.predict(QUESTION, answer, SHARES[0 if far <= 0.05 else 1 if far <= 0.5 else 2])
        self.revealed = True

    def guess_line(self) -> str | None:
        """The guess, and the measurement beside it."""
        guess = self.predictions[-1] if self.revealed and self.predictions else None
        if guess is None or guess["answer"] is None:
            return None
        verdict = "right" if guess["right"] else f"it was {guess['truth']}"
        return (
            f"You guessed that G's gamma gets {guess['answer']}: {verdict}. It got "
            f"{self.farthest():.3f} from 0."
        )

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return picture.draw(self, self.figure_data(), self._lines(), self.guess_line())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self, QUESTION, SHARES)
