"""Look into a generator: what does one channel draw?"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Int, TraitError, validate

from gan_course.errors import CourseError
from gan_course.labs import gen_xray_picture as picture
from gan_course.labs.base import DrawnLab, Number, heading, question_html, row, slider
from gan_course.labs.drawing import Canvas
from gan_course.labs.gen_xray_numbers import NUM_Z, Xray
from gan_course.labs.latent import dcgan_from, noise
from gan_course.models import DCGANGenerator

OTHERS = 12  # small images below the large ones
QUESTION = (
    "One channel is switched off, all others stay. In which layer does that change the image most, "
    "on average over the layer's channels?"
)
VISIBLE = 0.01  # a mean change of a pixel below this is hard to see; from black to white it is 2


class GenXray(DrawnLab):
    """The maps inside a generator, and what its image loses without one of them.

    Args:
        generator: a ``DCGANGenerator``, or the path of a checkpoint; the shipped digits if None.

    Attributes (traits):
        seed: of the z, 0 to 99.
        layer: whose maps, 0 for the first (4x4).
        channel: which map of that layer, from 0.
        factor: what the channel is multiplied by, 0 to 10. 0 switches it off, 1 leaves it alone.
        revealed: False until the question is answered or skipped.

    Raises:
        CourseError: if the checkpoint cannot be loaded, or for something that is no generator.
        TraitError: for a layer or a channel that the generator does not have.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("seed", "layer", "channel", "factor", "revealed")

    seed = Int(0, min=0, max=99)
    layer = Int(0, min=0)
    channel = Int(0, min=0)
    factor = Number(0.0, min=0.0, max=10.0)
    revealed = Bool(False)

    def __init__(self, generator: DCGANGenerator | str | Path | None = None, **traits) -> None:
        self.xray = Xray(dcgan_from(generator))
        super().__init__(**traits)
        self._kept: tuple[tuple, dict] = ((), {})

    @validate("layer")
    def _layer_exists(self, proposal: dict) -> int:
        if proposal["value"] >= len(self.xray):
            raise TraitError(
                f"layer is {proposal['value']}, but this generator has the layers 0 to "
                f"{len(self.xray) - 1}."
            )
        if "channel" in self._trait_values:  # a later layer has fewer channels
            self.channel = min(self.channel, self.xray.channels[proposal["value"]] - 1)
        return proposal["value"]

    @validate("channel")
    def _channel_exists(self, proposal: dict) -> int:
        most = max(self.xray.channels)
        if proposal["value"] >= most:
            raise TraitError(f"channel is {proposal['value']}, but there are at most {most}.")
        return min(proposal["value"], self.xray.channels[self.layer] - 1)

    # ---- the numbers --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """The numbers that the picture shows.

        ``channels``, ``sizes`` of the layers; ``map`` (H, W) of the chosen channel; ``image`` and
        ``changed`` (C, H, W) in [-1, 1], before and after; ``difference`` (H, W), after minus
        before, averaged over colours, and ``scale``, its full colour; ``others`` and
        ``others_changed`` (12, C, H, W), the same for more z; and once the question is answered
        ``effects`` (C,), the mean change of a pixel over 64 images with each channel switched off,
        ``order``, the channels from the strongest on, and ``rank`` of the chosen one, from 1.
        """
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        xray = self.xray
        z = noise(self.seed, NUM_Z, xray.latent_dim)[: 1 + OTHERS]
        maps = xray.maps(z, self.layer)
        before = xray.images(maps, self.layer)
        after = xray.changed(maps, self.layer, self.channel, self.factor)
        difference = (after - before)[0].mean(dim=0)
        data = {
            "channels": xray.channels,
            "sizes": xray.sizes,
            "map": maps[0, self.channel].numpy(),
            "image": before[0].numpy(),
            "changed": after[0].numpy(),
            "difference": difference.numpy(),
            "scale": max(float(difference.abs().max()), 0.05),
            "mean_change": float((after - before)[0].abs().mean()),
            "others": before[1:].numpy(),
            "others_changed": after[1:].numpy(),
        }
        if self.revealed:
            effects = xray.effects(self.layer)
            order = effects.argsort(descending=True, stable=True).tolist()
            data["effects"] = effects.numpy()
            data["order"] = order
            data["rank"] = order.index(self.channel) + 1
        return data

    def strongest_layer(self) -> int:
        """The layer in which one channel, switched off, changes the images most on average."""
        means = [float(self.xray.effects(i).mean()) for i in range(len(self.xray))]
        return means.index(max(means))

    def code(self) -> str:
        """PyTorch that draws the same images; needs ``generator`` to be defined."""
        return "\n".join(
            [
                "import torch",
                "",
                "stages = [generator.stem, *generator.blocks, generator.to_image]",
                f"rng = torch.Generator().manual_seed({self.seed})",
                f"z = torch.randn({NUM_Z}, generator.latent_dim, generator=rng)",
                "generator.eval()",
                "with torch.no_grad():",
                "    x = z",
                f"    for stage in stages[:{self.layer + 1}]:",
                "        x = stage(x)",
                f"    x[:, {self.channel}] *= {self.factor:g}  # one channel of all images",
                f"    for stage in stages[{self.layer + 1}:]:",
                "        x = stage(x)",
                "images = x  # (N, C, H, W) in [-1, 1]; the picture shows the first 13",
            ]
        )

    def alt_text(self) -> str:
        data = self.figure_data()
        size = data["sizes"][self.layer]
        where = (
            f"channel {self.channel} of the {data['channels'][self.layer]} maps of {size}×{size}"
        )
        text = f"An X-ray of a generator, seed {self.seed}: {where}, and the image of this z."
        if not self.revealed:
            return f"{text} What changes without a channel? Make a guess, or skip."
        done = {0.0: "switched off", 1.0: "left as it is"}.get(
            self.factor, f"multiplied by {self.factor:g}"
        )
        share = (data["difference"] > 0).sum() / max((data["difference"] != 0).sum(), 1)
        text += f" With the channel {done}, a pixel changes by {data['mean_change']:.3f} on average"
        if data["mean_change"] > 0:
            text += f"; {share:.0%} of the changed pixels get brighter"
        return f"{text}. Rank {data['rank']} of {len(data['order'])} by its effect on 64 images."

    def _lines(self) -> list[str]:
        data = self.figure_data()
        if not self.revealed:
            return []
        effects = data["effects"]
        mine = float(effects[self.channel])
        weak = int((effects < VISIBLE).sum())
        first = (
            f"Channel {self.channel}: rank {data['rank']} of {len(effects)}, mean change {mine:.3f}"
        )
        means = ", ".join(
            f"{size}×{size} {float(self.xray.effects(i).mean()):.3f}"
            for i, size in enumerate(data["sizes"])
        )
        return [
            f"{first} (from black to white it is 2).",
            f"Of these {len(effects)} channels, {weak} change a pixel by less than {VISIBLE:g}.",
            f"Mean over the channels of each layer: {means}.",
        ]

    # ---- predictions --------------------------------------------------------------------------

    def predict_layer(self, layer: int | None) -> None:
        """Guess the layer in which one channel matters most; None skips. Either opens the lab.

        Raises:
            CourseError: for a layer that there is not.
        """
        if layer is not None and layer not in range(len(self.xray)):
            raise CourseError(
                f"there is no layer {layer!r} here; choose from 0 to {len(self.xray) - 1}, or None "
                f"to skip."
            )
        if self.revealed:  # a double click is one guess
            return
        sizes = self.xray.sizes
        truth = self.strongest_layer()
        answer = None if layer is None else f"{sizes[layer]}×{sizes[layer]}"
        self.predict(QUESTION, answer, f"{sizes[truth]}×{sizes[truth]}")
        self.revealed = True

    def _guess_line(self) -> str | None:
        guess = self.predictions[-1] if self.revealed and self.predictions else None
        if guess is None or guess["answer"] is None:
            return None
        verdict = "right" if guess["right"] else f"it is {guess['truth']}"
        return f"Your guess: {guess['answer']}, {verdict}."

    def choose_strongest(self) -> None:
        """Go to the channel of this layer that matters most."""
        self.channel = int(self.xray.effects(self.layer).argmax())

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return picture.draw(self, self.figure_data(), self._lines(), self._guess_line())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        def whole(trait: str, label: str, high: int) -> widgets.Widget:
            return slider(self, trait, label, label_width="70px", width="262px", min=0, max=high)

        layers = widgets.ToggleButtons(
            options=[(f"{s}×{s}", i) for i, s in enumerate(self.xray.sizes)]
        )
        layers.style.button_width = "76px"
        widgets.link((self, "layer"), (layers, "value"))
        channel = whole("channel", "channel", self.xray.channels[self.layer] - 1)
        factor = slider(
            self,
            "factor",
            "times",
            widgets.FloatSlider,
            label_width="70px",
            width="262px",
            min=0,
            max=10,
            step=0.5,
        )
        strongest = widgets.Button(description="Strongest channel", layout={"width": "150px"})
        strongest.on_click(lambda button: self.choose_strongest())
        movable = (layers, channel, factor, strongest)

        def follow(change: dict | None = None) -> None:
            channel.max = self.xray.channels[self.layer] - 1
            for widget in movable:
                widget.disabled = not self.revealed

        self.observe(follow, names=["layer", "revealed"])
        follow()
        rows = [
            self._question_row(),
            row(heading("Layer"), layers, strongest),
            row(channel, factor, whole("seed", "seed", 99), grid_gap="2px 8px"),
        ]
        return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))

    def _question_row(self) -> widgets.Widget:
        buttons = []
        for i, size in enumerate(self.xray.sizes):
            button = widgets.Button(description=f"{size}×{size}", layout={"width": "84px"})
            button.on_click(lambda b, i=i: self.predict_layer(i))
            buttons.append(button)
        skip = widgets.Button(description="skip", layout={"width": "84px"})
        skip.on_click(lambda b: self.predict_layer(None))
        text = widgets.HTML(question_html(escape(QUESTION)))
        box = widgets.VBox([text, row(*buttons, skip, grid_gap="2px 8px")])

        def follow(change: dict | None = None) -> None:
            box.layout.display = "none" if self.revealed else "flex"

        self.observe(follow, names="revealed")
        follow()
        return box
