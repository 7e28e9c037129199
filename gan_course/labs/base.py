"""What all labs share: state in Python, a live front, a still picture, a prediction to begin with.

A lab is a ``HasTraits`` object. Its traits are its whole state: set one and the picture follows,
in a browser or without one. So a test, a notebook that runs in CI and a learner's slider all do
the same thing.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
from IPython.display import display
from PIL import Image
from traitlets import HasTraits

WIDGET = "application/vnd.jupyter.widget-view+json"


class Lab(HasTraits):
    """Base of all labs. A lab defines its traits and the methods that raise here."""

    # Names of the traits that change the picture.
    picture_traits: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self.predictions: list[dict] = []
        self._picture = widgets.HTML()
        self._caption = widgets.HTML()
        self._ui: widgets.Widget | None = None
        self.observe(lambda change: self.refresh(), names=list(self.picture_traits))

    # ---- what each lab defines ----------------------------------------------------------------

    def figure_data(self) -> dict:
        """The numbers that the picture shows."""
        raise NotImplementedError

    def render(self) -> Image.Image:
        """The picture as it stands."""
        raise NotImplementedError

    def alt_text(self) -> str:
        """The picture in words, made from its numbers."""
        raise NotImplementedError

    def code(self) -> str:
        """PyTorch that reproduces the state."""
        raise NotImplementedError

    def controls(self) -> widgets.Widget:
        """Sliders and buttons, linked to the traits."""
        raise NotImplementedError

    def live_html(self) -> str:
        """The picture for the browser: by default a JPEG, right for photographs."""
        return image_html(self.render(), self.alt_text(), format="jpeg")

    # ---- front --------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw again, if anybody is looking."""
        if self._ui is not None:
            self._picture.value = self.live_html()
            self._caption.value = (
                f'<p role="status" style="line-height:1.4;margin:2px 0">'
                f"{escape(self.alt_text())}</p>"
            )

    def ui(self) -> widgets.Widget:
        """The lab as a widget; the same one each time."""
        if self._ui is None:
            # The controls keep their width, the picture takes the rest or goes below.
            controls = self.controls()
            picture = widgets.VBox([self._picture, self._caption])
            picture.layout = widgets.Layout(flex="1 1 420px", min_width="300px", overflow="hidden")
            layout = widgets.Layout(flex_flow="row wrap", grid_gap="8px 20px", width="100%")
            self._ui = widgets.Box([controls, picture], layout=layout)
            self.refresh()
        return self._ui

    def predict(self, question: str, answer: object, truth: object) -> bool:
        """Keep a prediction, and return whether it was right. ``None`` means skipped."""
        right = answer == truth
        entry = {"question": question, "answer": answer, "truth": truth, "right": right}
        self.predictions.append(entry)
        return right

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """The live widget, and for readers without a kernel a still picture with its alt text."""
        alt = self.alt_text()
        data = {"text/plain": alt, "image/png": png_base64(self.render())}
        live = self.ui()._repr_mimebundle_()
        data[WIDGET] = live[WIDGET]
        return data, {"image/png": {"alt": alt}}


def show(figure: object, alt: str) -> None:
    """Show a still figure with its description for those who cannot see it.

    Args:
        figure: a matplotlib figure (closed afterwards, or it would be shown twice), a PIL image, or
            a uint8 array of shape (H, W) or (H, W, 3).
        alt: what one sees, in a sentence or two.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text: say in a sentence what one sees.")
    if hasattr(figure, "savefig"):
        import matplotlib.pyplot as plt

        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None}
        )
        plt.close(figure)
        png = base64.b64encode(buffer.getvalue()).decode()
    else:
        image = figure if isinstance(figure, Image.Image) else Image.fromarray(np.asarray(figure))
        png = png_base64(image)
    display({"image/png": png, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def image_html(image: Image.Image, alt: str, format: str) -> str:
    """An ``<img>`` that carries its own data and alt text; JPEG for photographs, else PNG."""
    buffer = io.BytesIO()
    if format == "jpeg":
        image.save(buffer, "JPEG", quality=90)
    else:
        image.save(buffer, "PNG", compress_level=1)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{escape(alt)}" src="data:image/{format};base64,{data}" '
        f'width="{image.width}" style="max-width:100%;height:auto">'
    )


def png_base64(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def slider(lab: HasTraits, trait: str, label: str, kind: type = widgets.IntSlider, **arguments):
    """A slider that is one trait of the lab, with its label in full."""
    widget = kind(
        value=getattr(lab, trait),
        description=label,
        style={"description_width": "130px"},
        layout=widgets.Layout(width="330px"),
        **arguments,
    )
    widgets.link((lab, trait), (widget, "value"))
    return widget


def column(*children: widgets.Widget) -> widgets.VBox:
    """Controls one below the other."""
    return widgets.VBox(list(children), layout=widgets.Layout(flex="0 0 340px"))
