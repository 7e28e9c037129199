"""How does D's opinion reach the first block of G?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Enum, Int

from gan_course.errors import CourseError
from gan_course.labs.base import DrawnLab, Number, column, heading, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.gradient_ladder_numbers import MODES, Ladder, climb
from gan_course.labs.gradient_ladder_picture import draw_ladder
from gan_course.labs.guess_controls import guess_box

QUESTION = (
    "Multi-scale, 64×64 pixels: G hands out five images, D takes all of them. Through how many "
    "images does gradient still reach the 8×8 block if the largest image is cut off?"
)
ANSWERS = ("none", "one", "three", "five")


class GradientLadder(DrawnLab):
    """The blocks of G as a ladder, and the gradient that reaches each of them.

    Attributes (traits):
        mode: "single loss" (D sees the largest image), "growing" (D sees the image of ``level``) or
            "multi-scale" (D sees the images of all sizes).
        depth: doublings of the whole network, 2 (16x16 pixels) to 5 (128x128).
        level: how far the network has grown, in the mode "growing"; at most ``depth``.
        strength: D's logits are multiplied by it, 0 to 8. At 0 D is dead.
        cut: the largest image that D sees is cut off: no gradient comes through it.
        seed: of weights and z, 0 to 99.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("mode", "depth", "level", "strength", "cut", "seed", "revealed")

    mode = Enum(MODES, "multi-scale")
    depth = Int(4, min=2, max=5)
    level = Int(1, min=0, max=5)
    strength = Number(1.0, min=0.0, max=8.0)
    cut = Bool(False)
    seed = Int(0, min=0, max=99)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._kept: tuple[tuple, Ladder | None] = ((), None)

    @property
    def grown(self) -> int:
        """The level whose image is the largest that D sees."""
        return min(self.level, self.depth) if self.mode == "growing" else self.depth

    def figure_data(self) -> dict:
        """sizes, total, paths, images: see ``Ladder``; dead, whether nothing at all arrives; ways,
        for each size the number of images through which gradient reaches that block."""
        settings = (self.mode, self.depth, self.grown, self.strength, self.cut, self.seed)
        if self._kept[0] != settings:  # picture and words ask for the same
            self._kept = (settings, climb(*settings))
        ladder = self._kept[1]
        ways = {
            size: sum(value > 0 for (block, _), value in ladder.paths.items() if block == size)
            for size in ladder.sizes
        }
        return {
            "sizes": ladder.sizes,
            "total": ladder.total,
            "paths": ladder.paths,
            "images": ladder.images,
            "dead": not any(ladder.total.values()),
            "ways": ways,
        }

    def alt_text(self) -> str:
        side = 4 * 2**self.depth
        text = f"A generator of {self.depth + 1} blocks up to {side}×{side} pixels, {self.mode}"
        if self.mode == "growing":
            text += f", grown to {4 * 2**self.grown} pixels"
        text += f"; D's logits times {self.strength:g}."
        if self.cut:
            text += " The largest image is cut off."
        if not self.revealed:
            return f"{text} How many ways lead to a block? Make a guess, or skip."
        data = self.figure_data()
        if data["dead"]:
            return f"{text} No gradient reaches any block{self.why_dead()}."
        parts = [
            f"{size}×{size}: {data['total'][size]:.1e} by {data['ways'][size]} "
            f"{'way' if data['ways'][size] == 1 else 'ways'}"
            if data["ways"][size]
            else f"{size}×{size}: none"
            for size in data["sizes"]
        ]
        return f"{text} Gradient on the weights of each block: {'; '.join(parts)}."

    def why_dead(self) -> str:
        if self.strength == 0:
            return ": a D that says the same of every image teaches nothing"
        return ": the only image that D sees is cut off"

    def code(self) -> str:
        return (
            "images = generator(z)  # MSG-GAN: a list, smallest first\n"
            + ("images[-1] = images[-1].detach()  # the cut\n" if self.cut else "")
            + "loss_g = F.softplus(-discriminator(images)).mean()\n"
            "loss_g.backward()\n"
            "for block in [generator.stem, *generator.blocks]:\n"
            "    for name, weight in block.named_parameters():\n"
            "        print(name, weight.grad.square().mean().sqrt())"
        )

    def ways_to(self, size: int) -> int:
        """Through how many images gradient reaches a block of the question's network, cut."""
        ladder = climb("multi-scale", 4, 4, 1.0, True, self.seed)
        return sum(value > 0 for (block, _), value in ladder.paths.items() if block == size)

    def predict_ways(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        truth = {0: "none", 1: "one", 3: "three", 5: "five"}[self.ways_to(8)]
        self.predict(QUESTION, answer, truth)
        self.revealed = True

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        return (
            f"{guess} It is {entry['truth']}: the images of 8, 16 and 32 pixels; that of 4 pixels "
            f"is made before this block. Now choose <i>single loss</i>, and cut again."
        )

    def draw(self) -> Canvas:
        return draw_ladder(self, self.figure_data())

    def controls(self) -> widgets.Widget:
        mode = widgets.ToggleButtons(options=list(MODES))
        mode.style.button_width = "102px"
        widgets.link((self, "mode"), (mode, "value"))
        depth = slider(self, "depth", "depth", min=2, max=5)
        level = slider(self, "level", "grown to level", min=0, max=5)
        strength = slider(
            self, "strength", "D's strength", widgets.FloatSlider, min=0, max=8, step=0.5
        )
        cut = widgets.Checkbox(description="cut off the largest image", indent=False)
        widgets.link((self, "cut"), (cut, "value"))
        seed = slider(self, "seed", "seed", min=0, max=99)
        locked = [mode, depth, level, strength, cut, seed]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_ways, self.verdict, locked)

        def follow(change: dict | None = None) -> None:
            level.layout.display = None if self.mode == "growing" else "none"

        self.observe(follow, names="mode")
        follow()
        return column(
            question,
            heading("What D sees"),
            mode,
            level,
            cut,
            heading("The networks"),
            depth,
            strength,
            seed,
        )
