"""What do weights, layers and the start do to a picture?"""

from __future__ import annotations

import asyncio
import io
import time
from typing import ClassVar

import torch
from torch import Tensor
from traitlets import Bool, Enum, Int, Unicode

from gan_course.data import load_photograph
from gan_course.errors import CourseError
from gan_course.labs.base import DrawnLab, Number, torch_threads
from gan_course.labs.gram_shuffle import load_frozen
from gan_course.labs.style_mixer_picture import draw_mixer
from gan_course.style import FeatureNetwork, StyleTransfer, stylize

FRAME_STEPS = 2  # between two pictures while it plays
LONGEST = 128  # pixels: small, so that it moves
STRIP_STEPS = 30
STRIP_FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)  # times the style weight that is set
LAYER_SETS = ("all", "conv1", "conv2", "conv3", "conv4")
ASKED_STEPS = 10
ANSWERS = ("both fall", "style falls, content rises", "content falls, style rises")
QUESTION = (
    f"The picture begins as the content itself. What will the two losses do in the first "
    f"{ASKED_STEPS} steps?"
)


class StyleMixer(DrawnLab):
    """A style transfer that one can start, stop, step and change while it runs.

    Weights, smoothness and the learning rate act at once; pictures, layers, start and seed begin
    anew. Nothing starts by itself. ``run`` does without a browser what the play button does.

    Args:
        network: see ``gan_course.style.load_network``; the offline one if None.

    Attributes (traits):
        content, style: ``china``, ``flower``, or a file of your own; see ``use``.
        content_weight, style_weight, tv_weight: how much each loss counts.
        layers: where the style is taken, one of ``LAYER_SETS``; a stage alone has two layers.
        start: "content" or "noise".
        learning_rate: of Adam.
        seed: of the noise.
        step: steps done.
        playing: whether it runs now.
        message: what went wrong, if anything did.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 1
    picture_traits: ClassVar = ("step", "message", "playing", "revealed")

    content = Unicode("china")
    style = Unicode("flower")
    content_weight = Number(1.0, min=0.0, max=1e4)
    style_weight = Number(10.0, min=0.0, max=1e4)
    tv_weight = Number(3.0, min=0.0, max=1e4)
    layers = Enum(LAYER_SETS, "all")
    start = Enum(("content", "noise"), "content")
    learning_rate = Number(0.06, min=1e-4, max=10.0)
    seed = Int(0, min=0, max=9999)
    step = Int(0, min=0)
    playing = Bool(False)
    message = Unicode("")
    revealed = Bool(False)

    def __init__(self, network: FeatureNetwork | None = None, **traits: object) -> None:
        super().__init__(**traits)
        self.network = load_frozen() if network is None else network
        self.strip: Tensor | None = None  # (5, 3, H, W): the same at five weights
        self._pictures: dict[str, Tensor] = {}
        self._task: asyncio.Task | None = None
        self._caption_time = 0.0
        for kind in ("content", "style"):
            self._pictures[kind] = load_photograph(getattr(self, kind), LONGEST)
        self._begin()
        self.observe(self._load, names=["content", "style"])
        self.observe(self._begin, names=["layers", "start", "seed"])
        self.observe(self._adjust, names=["content_weight", "style_weight", "tv_weight"])
        self.observe(self._adjust, names="learning_rate")

    # ---- the transfer -------------------------------------------------------------------------

    def style_layers(self) -> tuple[str, ...]:
        if self.layers == "all":
            return self.network.style_layers
        return tuple(name for name in self.network.layers if name.startswith(self.layers))

    def choices(self) -> dict:
        """The arguments of ``StyleTransfer`` that the traits stand for."""
        return {
            "content_weight": self.content_weight,
            "style_weight": self.style_weight,
            "tv_weight": self.tv_weight,
            "style_layers": self.style_layers(),
            "start": self.start,
            "optimizer": "adam",
            "learning_rate": self.learning_rate,
            "seed": self.seed,
        }

    def _begin(self, change: dict | None = None) -> None:
        """From the start again."""
        self.transfer = StyleTransfer(
            self._pictures["content"], self._pictures["style"], self.network, **self.choices()
        )
        self.strip = None
        self.message = ""
        if self.step:
            self.step = 0
        else:
            self.refresh()

    def _adjust(self, change: dict) -> None:
        """Weights and the learning rate act from the next step on."""
        for name in ("content", "style", "tv"):
            self.transfer.weights[name] = getattr(self, f"{name}_weight")
        self.transfer.optimizer.param_groups[0]["lr"] = self.learning_rate

    def _load(self, change: dict) -> None:
        try:
            self._pictures[change["name"]] = load_photograph(change["new"], LONGEST)
        except CourseError as error:
            self.message = str(error)  # the picture before it stays
            return
        self._begin()

    def use(self, kind: str, picture: bytes, name: str = "your picture") -> None:
        """Take a picture of one's own, as the bytes of its file, for "content" or "style"."""
        file = io.BytesIO(picture)
        file.name = name
        try:
            self._pictures[kind] = load_photograph(file, LONGEST)
        except CourseError as error:
            self.message = str(error)
            return
        with self.hold_trait_notifications():
            self.unobserve(self._load, names=["content", "style"])
            setattr(self, kind, name)
        self.observe(self._load, names=["content", "style"])
        self._begin()

    def run(self, steps: int) -> StyleMixer:
        """Do this many steps now, and return; the picture follows once."""
        try:
            with torch_threads(torch.get_num_threads() - 1):  # one core is for the browser
                for _ in range(steps):
                    self.transfer.step()
        except CourseError as error:
            self.message, self.playing = str(error), False
        self.step = self.transfer.step_count
        return self

    def reset(self) -> None:
        self._begin()

    def make_strip(self) -> Tensor:
        """The picture at five style weights, after 30 steps each: (5, 3, H, W)."""
        images = []
        for factor in STRIP_FACTORS:
            choices = self.choices() | {"style_weight": self.style_weight * factor}
            pictures = (self._pictures["content"], self._pictures["style"])
            images.append(stylize(*pictures, self.network, STRIP_STEPS, **choices).image)
        self.strip = torch.cat(images)
        self.refresh()
        return self.strip

    # ---- playing ------------------------------------------------------------------------------

    def play(self) -> asyncio.Task:
        """Run until ``pause``, as a task of the event loop that every notebook has.

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
            self.message = ""
            self.playing = True
            self._task = loop.create_task(self._play())
        return self._task

    def pause(self) -> None:
        """Stop after the frame that is running."""
        self.playing = False

    async def _play(self) -> None:
        try:
            while self.playing:
                self.run(FRAME_STEPS)
                await asyncio.sleep(0.01)  # let the notebook hear clicks
        finally:
            self.playing = False

    # ---- the guess ----------------------------------------------------------------------------

    def predict_losses(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either does the steps and opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        self.start = "content"
        self._begin()
        self.run(ASKED_STEPS + 1)  # the losses are those before each step
        first, last = self.transfer.history[0], self.transfer.history[-1]
        if last.content > first.content and last.style < first.style:
            truth = ANSWERS[1]
        else:
            truth = ANSWERS[0] if last.style < first.style else ANSWERS[2]
        self.predict(QUESTION, answer, truth)
        self.revealed = True

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        return (
            f"{guess} Measured: {entry['truth']}. The content loss begins at 0, so it can only "
            f"rise. Now start from noise."
        )

    # ---- the picture --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """content, style and image (1, 3, H, W); history, the losses before each step; layers, the
        parts of the last of them; strip (5, 3, H, W) or None, and its weights."""
        history = self.transfer.history
        return {
            "content": self._pictures["content"],
            "style": self._pictures["style"],
            "image": self.transfer.image,
            "history": history,
            "layers": history[-1].layers if history else {},
            "strip": self.strip,
            "strip_weights": [self.style_weight * factor for factor in STRIP_FACTORS],
        }

    def alt_text(self) -> str:
        text = f"Content {self.content}, style {self.style}, start {self.start}; step {self.step}."
        if not self.revealed:
            return f"{text} What will the losses do? Make a guess, or skip."
        if self.transfer.history:
            first, last = self.transfer.history[0], self.transfer.history[-1]
            text += (
                f" Weighted losses: content {first.content:.3f} → {last.content:.3f}, style "
                f"{first.style:.3f} → {last.style:.3f}, total variation {last.tv:.3f}."
            )
            layer = max(last.layers, key=last.layers.get)
            text += f" The largest part of the style loss is that of {layer}."
        if self.strip is not None:
            text += " Below: the picture at five style weights, from content only to style only."
        return f"{text} {self.message}".strip()

    def code(self) -> str:
        return (
            "from gan_course.data import load_photograph\n"
            "from gan_course.style import stylize\n\n"
            f"content = load_photograph({self.content!r}, {LONGEST})\n"
            f"style = load_photograph({self.style!r}, {LONGEST})\n"
            f"result = stylize(content, style, steps={max(1, self.step)}, optimizer='adam',\n"
            f"    content_weight={self.content_weight:g}, style_weight={self.style_weight:g}, "
            f"tv_weight={self.tv_weight:g},\n"
            f"    style_layers={list(self.style_layers())}, start={self.start!r},\n"
            f"    learning_rate={self.learning_rate:g}, seed={self.seed})\n"
            "result.image  # (1, 3, H, W) in [-1, 1]"
        )

    def draw(self):
        return draw_mixer(self, self.figure_data())

    def _show_caption(self) -> None:
        now = time.monotonic()
        if not self.playing or now - self._caption_time > 1:  # a screen reader needs its time
            self._caption_time = now
            super()._show_caption()

    def controls(self):
        from gan_course.labs.style_mixer_controls import mixer_controls

        return mixer_controls(self, QUESTION, ANSWERS)
