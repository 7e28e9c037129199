"""Where does this pixel look?"""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, Enum, Float, Int

from gan_course.labs import attention_probe_picture as picture
from gan_course.labs.attention_probe_controls import controls
from gan_course.labs.attention_probe_numbers import (
    FEATURES,
    OF_COLOUR,
    OF_PLACE,
    RANDOM_SEED,
    Looking,
    beyond,
    look,
    spread,
)
from gan_course.labs.base import DrawnLab
from gan_course.labs.drawing import Canvas
from gan_course.labs.scene import COLOURS, painted

SHARES = ("under a quarter", "about half", "over three quarters")


class AttentionProbe(DrawnLab):
    """One pixel asks; its row of the attention map shows where it looks.

    Attributes (traits):
        size: 16 or 32, height = width of the picture.
        row, column: the pixel that asks, from 0.
        features: what queries and keys are made of: "colour", "place", "colour and place", or
            "random", two untrained 1x1 convolutions.
        temperature: the scores are divided by it before softmax, 0.2 to 10. SAGAN has 1.
        axis: over which pixels softmax runs: "attended" (right) or "asking" (wrong).
        pool: whether key and value are max-pooled, 2x2.
        gamma: the gate, 0 to 1.
        revealed: False until the question is answered or skipped.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = (
        "size",
        "row",
        "column",
        "features",
        "temperature",
        "axis",
        "pool",
        "gamma",
        "revealed",
    )

    size = Enum((16, 32), 16)
    row = Int(6, min=0, max=31)
    column = Int(3, min=0, max=31)
    features = Enum(FEATURES, "colour")
    temperature = Float(1.0, min=0.2, max=10.0)
    axis = Enum(("attended", "asking"), "attended")
    pool = Bool(False)
    gamma = Float(0.0, min=0.0, max=1.0)
    revealed = Bool(False)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._kept: tuple[tuple, dict] = ((), {})
        self._map: tuple[tuple, Looking | None] = ((), None)  # the same whoever asks

    @property
    def asking(self) -> tuple[int, int]:
        """The pixel that asks; in the small picture one that lies beyond it is the last."""
        return min(self.row, self.size - 1), min(self.column, self.size - 1)

    # ---- the numbers --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """The numbers that the picture shows.

        ``image`` (3, H, W) in [-1, 1]; ``asking`` (row, column) and ``thing``, what stands there;
        ``weights`` (h, w), its row of the map; ``row_sum``, what that adds up to; ``row_sums``
        (H, W), the same for every pixel; ``spread``, over how many pixels the row spreads;
        ``beyond``, its share outside of the 3x3 pixels around the one that asks; ``gathered`` and
        ``output`` (3, H, W); ``clipped``, how many pixels of the output leave [-1, 1];
        ``entries``, numbers in the whole map. All that depends on the map is None before the guess.
        """
        settings = tuple(getattr(self, name) for name in self.picture_traits)
        if self._kept[0] != settings:  # picture, alt text and caption all ask for the same
            self._kept = (settings, self._work_out())
        return self._kept[1]

    def _work_out(self) -> dict:
        image, labels = painted(self.size)
        row, column = self.asking
        data = {
            "image": image.numpy(),
            "asking": (row, column),
            "thing": list(COLOURS)[int(labels[row, column])],
        }
        if not self.revealed:
            return data | dict.fromkeys(
                ("weights", "row_sum", "row_sums", "spread", "beyond", "output", "clipped")
            )
        return data | self._looked()

    def _looked(self) -> dict:
        row, column = self.asking
        how = (self.features, self.temperature, self.axis, self.pool, self.gamma)
        if self._map[0] != (self.size, how):
            self._map = ((self.size, how), look(painted(self.size)[0], *how))
        found = self._map[1]
        mine = found.map[row * self.size + column]
        side = found.attended_size
        return {
            "weights": mine.reshape(side, side).numpy(),
            "row_sum": float(mine.sum()),
            "row_sums": found.row_sums.reshape(self.size, self.size).numpy(),
            "spread": spread(mine),
            "beyond": beyond(mine, side, self.size, (row, column)),
            "gathered": found.gathered.numpy(),
            "output": found.output.numpy(),
            "clipped": int((found.output.abs() > 1).any(0).sum()),
            "entries": found.map.numel(),
        }

    def code(self) -> str:
        """PyTorch that makes the same map and output."""
        lines = [
            "import torch",
            "import torch.nn.functional as F",
            "",
            "from gan_course.labs.scene import scene",
            "",
            f"x = scene({self.size})  # (3, H, W)",
        ]
        if self.features == "random":
            lines += [
                f"rng = torch.Generator().manual_seed({RANDOM_SEED})",
                "w = torch.randn(2, 4, 3, generator=rng)  # two 1x1 convolutions",
                'query, key = torch.einsum("kdc,chw->kdhw", w, x)',
            ]
        else:
            parts = []
            if "colour" in self.features:
                parts.append(f"{OF_COLOUR:g} ** 0.5 * x")
            if "place" in self.features:
                lines += [
                    f"middles = (torch.arange({self.size}) + 0.5) / {self.size}",
                    'place = torch.stack(torch.meshgrid(middles, middles, indexing="ij"))',
                ]
                parts.append(f"{OF_PLACE:g} ** 0.5 * place")
            lines += [
                f"f = torch.cat([{', '.join(parts)}])  # features (D, H, W)",
                "length = f.square().sum(0, keepdim=True)",
                "query, key = torch.cat([2 * f, -torch.ones_like(length)]), torch.cat([f, length])",
            ]
        lines.append("value = x")
        if self.pool:
            lines.append("key, value = (F.max_pool2d(t[None], 2)[0] for t in (key, value))")
        axis = 1 if self.axis == "attended" else 0
        wrong = "" if axis else "  # wrong: over those that ask"
        return "\n".join(
            [
                *lines,
                "scores = query.flatten(1).T @ key.flatten(1)  # (asking, attended)",
                f"weights = (scores / {self.temperature:g}).softmax({axis}){wrong}",
                "gathered = (value.flatten(1) @ weights.T).unflatten(1, x.shape[1:])",
                f"output = x + {self.gamma:g} * gathered",
                f"row = weights[{self.asking[0]} * {self.size} + {self.asking[1]}]",
            ]
        )

    def alt_text(self) -> str:
        data = self.figure_data()
        row, column = data["asking"]
        start = (
            f"A picture, {self.size}×{self.size} pixels, with two houses. Pixel ({row}, {column}), "
            f"{data['thing']}, asks."
        )
        if not self.revealed:
            return f"{start} Where will it look? Make a guess, or skip."
        return f"{start} {' '.join(self._lines())}"

    def _lines(self) -> list[str]:
        data = self.figure_data()
        if not self.revealed:
            return []
        attended = data["weights"].size
        lines = [
            f"Its weights add up to {data['row_sum']:.2f} and spread over about "
            f"{data['spread']:.0f} of {attended} pixels; {100 * data['beyond']:.0f} % of it "
            f"lies beyond a 3×3 kernel's reach.",
        ]
        low, high = float(data["row_sums"].min()), float(data["row_sums"].max())
        if high - low < 1e-3:
            lines.append("Every row adds up to 1: a value of 1 everywhere comes out as 1.")
        else:
            lines.append(
                f"The rows add up to {low:.2f} … {high:.2f}: a value of 1 everywhere would not "
                f"come out as 1. The axis is wrong."
            )
        memory = 4 * data["entries"] / 2**20
        lines.append(
            f"The whole map: {self.size**2} × {attended} = {data['entries']:,} numbers, "
            f"{memory:.2f} MiB for one image."
        )
        if data["clipped"]:
            lines.append(
                f"x + γ·attention leaves the range of colours in {data['clipped']} pixels; the "
                f"picture shows them clipped."
            )
        return lines

    # ---- predictions --------------------------------------------------------------------------

    def question(self) -> str:
        row, column = self.asking
        thing = self.figure_data()["thing"]
        alike = {
            "colour": "looks for pixels of its own colour",
            "place": "looks for pixels near to it",
            "colour and place": "looks for pixels of its own colour, near to it",
            "random": "has untrained queries and keys",
        }[self.features]
        return (
            f"The marked pixel, {thing} at ({row}, {column}), {alike}. How much of its weight goes "
            f"beyond the 3×3 pixels that a convolution would read?"
        )

    def predict_beyond(self, answer: str | None) -> None:
        """Guess one of ``SHARES``; None skips. Either opens the lab."""
        share = self._looked()["beyond"]
        truth = SHARES[0 if share < 0.25 else 1 if share <= 0.75 else 2]
        self.predict(self.question(), answer, truth)
        self.revealed = True

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        return picture.draw(self, self.figure_data(), self._lines(), self.guess_line())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self, SHARES)
