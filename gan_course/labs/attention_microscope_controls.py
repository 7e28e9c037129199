"""The front of ``AttentionMicroscope``: its question, sliders, and a pad of pixels to press."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from gan_course import palette
from gan_course.labs.base import heading, question_html, row, slider

PAD = 8  # cells in a row and in a column of the pad
CELL = 22  # pixels


def controls(lab, question: str, shares: tuple[str, ...]) -> widgets.Widget:
    """Everything that can be moved, in rows above the picture."""

    def whole(trait: str, label: str, low: int, high: int):
        sizes = {"label_width": "72px", "width": "270px"}
        return slider(lab, trait, label, min=low, max=high, **sizes)

    network = widgets.ToggleButtons(options=[("look into G", "G"), ("look into D", "D")])
    network.style.button_width = "104px"
    widgets.link((lab, "network"), (network, "value"))
    enabled = widgets.Checkbox(
        description="G's attention on", indent=False, layout={"width": "170px"}
    )
    widgets.link((lab, "enabled"), (enabled, "value"))
    sliders = [
        whole("moment", "moment", 0, len(lab.run.moments) - 1),
        whole("row", "row", 0, 15),
        whole("column", "column", 0, 15),
        whole("digit", "digit", 0, 9),
        whole("seed", "seed", 0, 99),
    ]
    left = widgets.VBox([row(network, enabled, grid_gap="2px 8px"), *sliders])
    pad = widgets.VBox([heading("Press a place, and it asks"), pixel_pad(lab)])
    rows = [_question(lab, question, shares), row(left, pad, grid_gap="4px 28px")]
    return widgets.VBox(rows, layout=widgets.Layout(flex="0 0 100%", grid_gap="4px"))


def pixel_pad(lab) -> widgets.GridBox:
    """The image as 8x8 buttons, each as bright as its place. Pressed, it asks."""
    buttons = []
    for index in range(PAD * PAD):
        at = (2 * (index // PAD), 2 * (index % PAD))
        button = widgets.Button(
            tooltip=f"row {at[0]}, column {at[1]}",
            layout=widgets.Layout(width=f"{CELL}px", height=f"{CELL}px", margin="0", padding="0"),
        )
        button.on_click(lambda b, at=at: _ask(lab, *at))
        buttons.append(button)

    def paint(change: dict | None = None) -> None:
        data = lab.figure_data()
        image = data["image"] if lab.enabled else data["image_off"]
        image = image.mean(axis=0)
        side = len(image) // PAD
        means = image[: PAD * side, : PAD * side].reshape(PAD, side, PAD, side).mean(axis=(1, 3))
        levels = ((means.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).flatten()
        cell = data["size"] // PAD
        asking = (data["asking"][0] // cell) * PAD + data["asking"][1] // cell
        for index, (button, level) in enumerate(zip(buttons, levels.tolist(), strict=True)):
            color = palette.FAKE if index == asking else f"#{level:02x}{level:02x}{level:02x}"
            if button.style.button_color != color:
                button.style.button_color = color

    lab.observe(paint, names=list(lab.picture_traits))
    paint()
    return widgets.GridBox(
        buttons,
        layout=widgets.Layout(grid_template_columns=f"repeat({PAD}, {CELL + 1}px)", grid_gap="1px"),
    )


def _ask(lab, at_row: int, at_column: int) -> None:
    with lab.hold_trait_notifications():  # one picture, not two
        lab.row, lab.column = at_row, at_column


def _question(lab, question: str, shares: tuple[str, ...]) -> widgets.Widget:
    buttons = []
    for share in shares:
        button = widgets.Button(description=share, layout={"width": "150px"})
        button.on_click(lambda b, share=share: lab.predict_gamma(share))
        buttons.append(button)
    skip = widgets.Button(description="skip", layout={"width": "84px"})
    skip.on_click(lambda b: lab.predict_gamma(None))
    buttons_row = row(*buttons, skip, grid_gap="2px 8px")
    box = widgets.VBox([widgets.HTML(question_html(question)), buttons_row])

    def follow(change: dict | None = None) -> None:
        box.layout.display = "none" if lab.revealed else "flex"

    lab.observe(follow, names="revealed")
    follow()
    return box
