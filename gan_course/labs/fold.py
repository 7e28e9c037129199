"""Controls that everybody can reach: folds that open by keyboard, labels with a tooltip."""

from __future__ import annotations

import ipywidgets as widgets


class Fold(widgets.VBox):
    """Something folded away below a button. An Accordion of ipywidgets opens to a mouse only."""

    def __init__(self, title: str, child: widgets.Widget) -> None:
        self.button = widgets.ToggleButton(layout={"width": "auto", "max_width": "340px"})

        def follow(change: dict | None = None) -> None:
            self.button.description = ("▾ " if self.button.value else "▸ ") + title
            child.layout.display = None if self.button.value else "none"

        self.button.observe(follow, names="value")
        follow()
        super().__init__([self.button, child])


def with_tooltips(ui: widgets.Widget) -> widgets.Widget:
    """The same widgets, each label with itself as its tooltip: without one, ipywidgets shows "null"
    over a label, and a label that is cut off could not be read in full."""
    for child in getattr(ui, "children", ()):
        with_tooltips(child)
    label = getattr(ui, "description", "")
    if isinstance(ui, widgets.DOMWidget) and not isinstance(ui, widgets.Box) and not ui.tooltip:
        ui.tooltip = label
    return ui
