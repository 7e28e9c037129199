"""The inverse: which layers lead through these sizes?"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import ClassVar

import ipywidgets as widgets
from traitlets import Bool, List, Unicode

from gan_course.arithmetic import Layer, ShapeError, sequential_code, solve_chain
from gan_course.labs.base import DrawnLab, column
from gan_course.labs.drawing import FAINT, INK, Canvas

SHOWN = 8  # layers listed for each step
MAX_STEPS = 6
PRESETS = ("1, 4, ..., 64", "1, 7, 14, 28", "64, ..., 4, 1", "5, 11, 23")


class ShapeSolver(DrawnLab):
    """Every layer that fits between each two of the sizes, and the network you choose from them.

    Attributes (traits):
        sizes: as one writes them: "1, 4, ..., 64"; dots stand for doublings or halvings. Rising
            sizes are solved with ConvTranspose2d, falling ones with Conv2d.
        even_only: list only layers that overlap evenly.
        choices: for each step which of its listed layers is taken, from 0, the best one.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    picture_traits: ClassVar = ("sizes", "even_only", "choices")

    sizes = Unicode(PRESETS[0])
    even_only = Bool(False)
    choices = List(default_value=[])

    # ---- the numbers --------------------------------------------------------------------------

    def solve(self) -> tuple[list[int], list[list[Layer]]]:
        """The sizes, and for each step its layers, best first. ShapeError if they can't be read."""
        sizes = expand_sizes(self.sizes)
        if len(sizes) > MAX_STEPS + 1:
            raise ShapeError(f"{len(sizes) - 1} steps are too many to draw; use {MAX_STEPS}.")
        options = solve_chain(sizes, transposed=sizes[-1] >= sizes[0])
        if self.even_only:
            options = [[x for x in layers if x.is_even] for layers in options]
        return sizes, options

    def channels(self, steps: int, rising: bool) -> list[int]:
        """DCGAN's habit: 3 at the image, 64 next to it, doubled at each step inwards."""
        inner = [64 * 2**i for i in range(steps - 1)]
        row = [3, *inner, 100 if rising else 1]
        return row[::-1] if rising else row

    def figure_data(self) -> dict:
        """sizes; options, a list of layers for each step; chosen, one layer for each step (None
        where nothing fits); chains, how many there are; parameters and multiply_adds of the
        chosen ones; par, the fewest parameters of a chain with even overlap; error, a sentence."""
        data = {
            "sizes": [],
            "options": [],
            "chosen": [],
            "chains": 0,
            "parameters": None,
            "multiply_adds": None,
            "par": None,
            "error": None,
        }
        try:
            sizes, options = self.solve()
        except ShapeError as error:
            return data | {"error": str(error)}
        chosen = []
        for i, layers in enumerate(options):
            index = self.choices[i] if i < len(self.choices) else 0
            chosen.append(layers[min(index, len(layers) - 1)] if layers else None)
        chains = 1
        for layers in options:
            chains *= len(layers)
        data |= {"sizes": sizes, "options": options, "chosen": chosen, "chains": chains}
        if all(chosen):
            channels = self.channels(len(chosen), sizes[-1] >= sizes[0])
            pairs = list(pairwise(channels))
            costs = [x.num_parameters(*p) for x, p in zip(chosen, pairs, strict=True)]
            adds = [x.multiply_adds(*p) for x, p in zip(chosen, pairs, strict=True)]
            data |= {"parameters": sum(costs), "multiply_adds": sum(adds)}
            even = [[x for x in layers if x.is_even] for layers in options]
            if all(even):
                cheapest = [
                    min(x.num_parameters(*p) for x in layers)
                    for layers, p in zip(even, pairs, strict=True)
                ]
                data["par"] = sum(cheapest)
        return data

    def code(self) -> str:
        """The chosen chain as an nn.Sequential, or a comment that says why there is none."""
        data = self.figure_data()
        if data["error"] or not all(data["chosen"]):
            return "# no layer in the search range takes every step"
        channels = self.channels(len(data["chosen"]), data["sizes"][-1] >= data["sizes"][0])
        return sequential_code(data["chosen"], channels)

    def alt_text(self) -> str:
        data = self.figure_data()
        if data["error"]:
            return f"These sizes cannot be solved: {data['error']}"
        way = " → ".join(map(str, data["sizes"]))
        if not all(data["chosen"]):
            return f"{way}: no layer in the search range takes every step."
        text = f"{way}: {data['chains']:,} chains fit. The chosen one has "
        text += f"{data['parameters']:,} parameters"
        even = all(x.is_even for x in data["chosen"])
        text += " and overlaps evenly." if even else " and overlaps unevenly somewhere."
        if data["par"] is not None and even:
            over = data["parameters"] - data["par"]
            text += " That is par." if over == 0 else f" Par is {data['par']:,}."
        return text

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        canvas = Canvas(800, 380)
        if data["error"]:
            canvas.text(20, 40, "✗ " + data["error"], 14, "#A33F00", "start")
            return canvas
        steps = len(data["options"])
        width = 770 / steps
        sizes = data["sizes"]
        for i, layers in enumerate(data["options"]):
            left = 15 + i * width
            canvas.text(left + 6, 26, f"{sizes[i]} → {sizes[i + 1]}", 17, INK, "start", True)
            count = f"{len(layers)} layers fit" if layers else "✗ nothing fits"
            canvas.text(left + 6, 48, count, 12, FAINT if layers else "#A33F00", "start")
            for j, layer in enumerate(layers[:SHOWN]):
                self._draw_layer(canvas, layer, left, 64 + 30 * j, width, data["chosen"][i])
            if len(layers) > SHOWN:
                more = f"and {len(layers) - SHOWN} more"
                canvas.text(left + 6, 64 + 30 * SHOWN + 10, more, 11, FAINT, "start")
        legend = (
            "✓ even overlap   ▦ uneven: a checkerboard   k kernel, s stride, p padding, o output"
        )
        canvas.text(15, 366, legend + "_padding", 11, FAINT, "start")
        if data["parameters"] is not None:
            total = f"{data['parameters']:,} parameters, {data['multiply_adds'] / 1e6:,.1f} M "
            canvas.text(15, 342, "chosen: " + total + "multiply-adds", 13, INK, "start", True)
        return canvas

    def _draw_layer(self, canvas, layer: Layer, left, top, width, chosen: Layer | None) -> None:
        if layer == chosen:
            canvas.rect(left, top, width - 10, 25, fill="#FFE08A", stroke=INK, width=1.5)
        text = f"k{layer.kernel_size} s{layer.stride} p{layer.padding}"
        if layer.output_padding:
            text += f" o{layer.output_padding}"
        mark = "✓" if layer.is_even else "▦"
        size = 13 if width > 120 else 11
        canvas.text(left + 6, top + 13, f"{mark} {text}", size, INK, "start")

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        box = widgets.Text(
            description="sizes",
            continuous_update=False,
            style={"description_width": "60px"},
            layout=widgets.Layout(width="330px"),
        )
        widgets.link((self, "sizes"), (box, "value"))
        presets = widgets.HBox(
            [widgets.Button(description=p, layout={"width": "160px"}) for p in PRESETS],
            layout=widgets.Layout(flex_flow="row wrap", width="335px"),
        )
        for button in presets.children:
            button.on_click(lambda b: setattr(self, "sizes", b.description))
        even = widgets.Checkbox(description="only even overlap", indent=False)
        widgets.link((self, "even_only"), (even, "value"))
        pickers = widgets.VBox()

        def rebuild(change: dict | None = None) -> None:
            """One menu for each step; the first layer is the best."""
            self.choices = []
            data = self.figure_data()
            menus = []
            for i, layers in enumerate(data["options"]):
                names = [_name(x) for x in layers] or ["nothing fits"]
                menu = widgets.Dropdown(
                    options=[(n, j) for j, n in enumerate(names)],
                    description=f"{data['sizes'][i]} → {data['sizes'][i + 1]}",
                    disabled=not layers,
                    style={"description_width": "90px"},
                    layout=widgets.Layout(width="330px"),
                )
                menu.observe(lambda change, i=i: self.choose(i, change["new"]), names="value")
                menus.append(menu)
            pickers.children = menus

        self.observe(rebuild, names=["sizes", "even_only"])
        rebuild()
        puzzle = widgets.HTML(
            "<b>Puzzle.</b> Even overlap in every step, with as few parameters as you can. "
            "The line below the picture tells par, which is the fewest that there is."
        )
        puzzle.layout.max_width = "335px"
        return column(box, presets, even, pickers, puzzle)

    def choose(self, step: int, index: int) -> None:
        """Take the layer with this index for a step."""
        steps = len(self.figure_data()["options"])
        choices = [*self.choices, *[0] * (steps - len(self.choices))]
        choices[step] = index
        self.choices = choices


def _name(layer: Layer) -> str:
    """As in the picture, whose last line says what the letters mean; longer names are cut off."""
    text = f"k{layer.kernel_size} s{layer.stride} p{layer.padding}"
    if layer.output_padding:
        text += f" o{layer.output_padding}"
    return text + (", even" if layer.is_even else ", uneven")


def expand_sizes(text: str) -> list[int]:
    """Read sizes as one writes them: ``"1, 4, ..., 64"`` or ``"1 → 7 → 14 → 28"``.

    Dots stand for doublings (or halvings, if the sizes fall): 4, ..., 64 is 4, 8, 16, 32, 64.

    Raises:
        ShapeError: if the text is not a row of sizes, or dots do not lead to the next size.
    """
    words = [w for w in re.split(r"->|→|,|;|\s+", text.replace("…", "...").strip()) if w]
    sizes: list[int] = []
    dots = False
    for word in words:
        if word.strip(".") == "" and len(word) >= 2:
            dots = True
            continue
        if not re.fullmatch(r"\d{1,5}", word) or int(word) < 1:
            raise ShapeError(
                f"{word!r} is not a size. Write whole numbers with arrows or commas between them, "
                f"for example 1, 4, ..., 64."
            )
        if dots:
            sizes.extend(_between(sizes, int(word)))
            dots = False
        sizes.append(int(word))
    if dots or len(sizes) < 2:
        raise ShapeError(f"{text!r} needs at least two sizes, for example 1, 4, ..., 64.")
    return sizes


def _between(sizes: list[int], target: int) -> list[int]:
    """The doublings (halvings) strictly between the last size and the target."""
    if not sizes:
        raise ShapeError("the dots need a size before them, for example 4, ..., 64.")
    steps = []
    size = sizes[-1]
    while size < target:
        size *= 2
        steps.append(size)
    while size > target and size % 2 == 0 and sizes[-1] > target:
        size //= 2
        steps.append(size)
    if size != target:
        raise ShapeError(
            f"the dots between {sizes[-1]} and {target} stand for doublings or halvings, but "
            f"none lead there. Write the sizes out."
        )
    return steps[:-1]
