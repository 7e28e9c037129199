"""What does a Gram matrix forget?"""

from __future__ import annotations

import functools
from typing import ClassVar

import ipywidgets as widgets
import torch
from torch import Tensor
from traitlets import Bool, Enum, Int

from gan_course.data import load_photograph
from gan_course.errors import CourseError
from gan_course.labs.base import DrawnLab, Number, column, heading, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.gram_shuffle_picture import draw_shuffle
from gan_course.labs.guess_controls import guess_box
from gan_course.style import content_loss, gram_matrix, load_network, style_loss

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1", "conv4_2")
PICTURES = ("china", "flower")
WHAT = ("features", "pixels")
LONGEST = 96  # pixels: small, for it is computed at each move
ANSWERS = ("content only", "style only", "both", "neither")
QUESTION = (
    "All places of a layer's features are shuffled, as cards are. Which distance to the features "
    "before changes: content or style?"
)


class GramShuffle(DrawnLab):
    """Features or pixels, moved about: what content and style notice of it.

    Attributes (traits):
        picture: one of ``PICTURES``.
        layer: which layer's features, one of ``LAYERS``.
        what: whether "features" are moved, or "pixels" before the network sees them.
        amount: which part of the places is shuffled, 0 to 1.
        mirror: left and right are exchanged.
        tile: the whole is repeated this often across and down, 1 to 3.
        channel: whose map is drawn; the lab begins with a busy one.
        seed: of the shuffle.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "picture",
        "layer",
        "what",
        "amount",
        "mirror",
        "tile",
        "channel",
        "seed",
        "revealed",
    )

    picture = Enum(PICTURES, "china")
    layer = Enum(LAYERS, "conv2_2")
    what = Enum(WHAT, "features")
    amount = Number(1.0, min=0.0, max=1.0)
    mirror = Bool(False)
    tile = Int(1, min=1, max=3)
    channel = Int(0, min=0, max=127)
    seed = Int(0, min=0, max=9999)
    revealed = Bool(False)

    def moved(self, x: Tensor) -> Tensor:
        """(1, C, H, W) -> the same numbers at other places; (1, C, tile H, tile W)."""
        n, c, h, w = x.shape
        rng = torch.Generator().manual_seed(self.seed)
        chosen = torch.randperm(h * w, generator=rng)[: round(self.amount * h * w)]
        shuffled = chosen[torch.randperm(len(chosen), generator=rng)]
        flat = x.flatten(2).clone()
        flat[:, :, chosen] = flat[:, :, shuffled]
        x = flat.view(n, c, h, w)
        if self.mirror:
            x = x.flip(3)
        return x.repeat(1, 1, self.tile, self.tile)

    def figure_data(self) -> dict:
        """image (1, 3, H, W) and new_image, which is None where features are moved: no picture is
        known that has them; maps (1, C, h, w) and new_maps; gram and new_gram (1, C, C); content
        and style, the relative distances: 1 is as far as from nothing at all. Content is None if
        the sizes differ. Without a move, both are 0."""
        image, maps = _seen(self.picture, self.layer)
        if self.what == "features":
            new_image, new_maps = None, self.moved(maps)
        else:
            new_image = self.moved(image)
            with torch.no_grad():
                new_maps = load_frozen().maps(new_image, [self.layer])[self.layer]
        gram, new_gram = gram_matrix(maps), gram_matrix(new_maps)
        content = None
        if new_maps.shape == maps.shape:
            content = (content_loss(new_maps, maps) / maps.square().mean()).item()
        return {
            "image": image,
            "new_image": new_image,
            "maps": maps,
            "new_maps": new_maps,
            "gram": gram,
            "new_gram": new_gram,
            "content": content,
            "style": (style_loss(new_maps, gram) / gram.square().mean()).item(),
        }

    @property
    def move_in_words(self) -> str:
        parts = [f"{self.amount:.0%} of the places shuffled"] if self.amount else []
        parts += ["mirrored"] * self.mirror
        parts += [f"repeated {self.tile} × {self.tile}"] if self.tile > 1 else []
        return f"{self.what}: {', '.join(parts) or 'nothing is moved'}"

    def alt_text(self) -> str:
        text = f"{self.picture}, layer {self.layer}; {self.move_in_words}."
        if not self.revealed:
            return f"{text} What do content and style notice? Make a guess, or skip."
        data = self.figure_data()
        channels = data["gram"].shape[1]
        content = "cannot be taken, the sizes differ"
        if data["content"] is not None:
            content = f"{data['content']:.3f}"
        return (
            f"{text} Content distance {content}; style distance {data['style']:.6f}. Above, the "
            f"picture, one of the {channels} channels, and the Gram matrix of all; below, the same "
            f"after the move."
        )

    def code(self) -> str:
        return (
            "import torch\n\n"
            "from gan_course.data import load_photograph\n"
            "from gan_course.style import content_loss, gram_matrix, load_network, style_loss\n\n"
            f"image = load_photograph({self.picture!r}, {LONGEST})\n"
            f"maps = load_network().maps(image, [{self.layer!r}])[{self.layer!r}]  # (1, C, H, W)\n"
            "places = torch.randperm(maps.shape[2] * maps.shape[3])\n"
            "shuffled = maps.flatten(2)[:, :, places].view_as(maps)\n"
            "print(content_loss(shuffled, maps), style_loss(shuffled, gram_matrix(maps)))"
        )

    def predict_change(self, answer: str | None) -> None:
        """Answer one of ``ANSWERS``, or None to skip. Either opens the lab."""
        if answer is not None and answer not in ANSWERS:
            raise CourseError(f"{answer!r} is no answer here; choose from {', '.join(ANSWERS)}.")
        if self.revealed and self.predictions:  # a double click is one guess
            return
        full = GramShuffle(picture=self.picture, layer=self.layer, seed=self.seed).figure_data()
        changed = (full["content"] > 1e-5, full["style"] > 1e-5)
        names = {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}
        self.predict(QUESTION, answer, ANSWERS[names[changed]])
        self.revealed = True

    def verdict(self) -> str:
        if not self.predictions:
            return ""
        entry = self.predictions[-1]
        guess = f"You guessed: {entry['answer']}." if entry["answer"] else "Skipped."
        return (
            f"{guess} It is {entry['truth']}. A Gram matrix sums over all places, and a sum does "
            f"not mind the order. Now shuffle the pixels instead."
        )

    def draw(self) -> Canvas:
        return draw_shuffle(self, self.figure_data())

    def controls(self) -> widgets.Widget:
        picture, layer, what = (
            _dropdown(self, name, options)
            for name, options in (("picture", PICTURES), ("layer", LAYERS), ("what", WHAT))
        )
        what.description = "move the"
        amount = slider(self, "amount", "shuffle", widgets.FloatSlider, min=0, max=1, step=0.05)
        mirror = widgets.Checkbox(description="mirror", style={"description_width": "112px"})
        widgets.link((self, "mirror"), (mirror, "value"))
        tile = slider(self, "tile", "repeat", min=1, max=3)
        channel = slider(self, "channel", "channel drawn", min=0, max=127)
        locked = [picture, layer, what, amount, mirror, tile, channel]
        question = guess_box(self, QUESTION, ANSWERS, self.predict_change, self.verdict, locked)
        return column(
            question,
            heading("What is looked at"),
            picture,
            layer,
            channel,
            heading("What is done to it"),
            what,
            amount,
            mirror,
            tile,
        )


def _dropdown(lab: DrawnLab, trait: str, options: tuple[str, ...]) -> widgets.Dropdown:
    widget = widgets.Dropdown(
        options=list(options),
        value=getattr(lab, trait),
        description=trait,
        style={"description_width": "112px"},
        layout=widgets.Layout(width="330px"),
    )
    widgets.link((lab, trait), (widget, "value"))
    return widget


@functools.cache
def load_frozen():
    return load_network("offline")


@functools.cache
@torch.no_grad()
def _seen(picture: str, layer: str) -> tuple[Tensor, Tensor]:
    """A picture, and its features: (1, 3, H, W), (1, C, h, w)."""
    image = load_photograph(picture, LONGEST)
    return image, load_frozen().maps(image, [layer])[layer]
