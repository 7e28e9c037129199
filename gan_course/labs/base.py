"""What all labs share: state in Python, a live front, a still picture, a prediction to begin with.

A lab is a ``HasTraits`` object. Its traits are its whole state: set one and the picture follows,
in a browser or without one. So a test, a notebook that runs in CI and a learner's slider all do
the same thing.
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterator
from html import escape
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
import torch
from IPython.display import display
from PIL import Image
from traitlets import Float, HasTraits, TraitError

from gan_course import palette
from gan_course.errors import CourseError
from gan_course.labs.drawing import Canvas
from gan_course.labs.fold import Fold, with_tooltips

TEXT = "line-height:1.5;margin:4px 0"  # JupyterLab's own lines in a widget stand too far apart
LARGE_PNG = 150_000  # characters; a notebook with many such pictures is slow to open
WIDGET = "application/vnd.jupyter.widget-view+json"


class Number(Float):
    """A float that is a number: NaN passes every check of a least and a greatest value."""

    def validate(self, obj: object, value: object) -> float:
        value = super().validate(obj, value)
        if value != value:
            raise TraitError(f"{self.name} must be a number, but is NaN.")
        return value


class Lab(HasTraits):
    """Base of all labs. A lab defines its traits and the methods that raise here."""

    # Names of the traits that change the picture.
    picture_traits: ClassVar[tuple[str, ...]] = ()
    # Pixels that the picture wants beside the controls; with less room it goes below them.
    picture_room: ClassVar[int] = 420
    # Pixels of the still picture for each pixel that it takes on a page: 2 is sharper.
    still_scale: ClassVar[int] = 1
    # Whether a box below the picture shows ``code()``.
    shows_code: ClassVar[bool] = True

    def __init__(self, **traits: object) -> None:
        unknown = sorted(set(traits) - set(self.trait_names()))
        if unknown:
            known = ", ".join(sorted(self.trait_names()))
            raise CourseError(f"{type(self).__name__} has no {unknown[0]!r}. It has: {known}.")
        super().__init__(**traits)
        self.predictions: list[dict] = []
        self._picture = widgets.HTML()
        self._caption = widgets.HTML()
        self._code = widgets.HTML()
        self._code_box = Fold("The same in PyTorch", self._code)
        self._code_box.button.observe(lambda change: self._show_code(), names="value")
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
            with torch_threads(1):  # a picture is little work
                self._picture.value = self.live_html()
                self._show_caption()
                self._show_code()

    def _show_caption(self) -> None:
        self._caption.value = f'<p role="status" style="{TEXT}">{escape(self.alt_text())}</p>'

    def _show_code(self) -> None:
        if self._code_box.button.value:  # it is open
            code = f'<pre style="{TEXT};white-space:pre-wrap">{escape(self.code())}</pre>'
            self._code.value = code

    def ui(self) -> widgets.Widget:
        """The lab as a widget; the same one each time."""
        if self._ui is None:
            # The controls keep their width, the picture takes the rest or goes below.
            controls = self.controls()
            parts = [self._picture, self._caption] + [self._code_box] * self.shows_code
            picture = widgets.VBox(parts)
            flex = f"1 1 {self.picture_room}px"
            picture.layout = widgets.Layout(flex=flex, min_width="300px", overflow="hidden")
            layout = widgets.Layout(flex_flow="row wrap", grid_gap="8px 20px", width="100%")
            self._ui = with_tooltips(widgets.Box([controls, picture], layout=layout))
            self.refresh()
        return self._ui

    def predict(self, question: str, answer: object, truth: object) -> bool:
        """Keep a prediction, and return whether it was right. The answer None means skipped."""
        right = answer is not None and answer == truth
        entry = {"question": question, "answer": answer, "truth": truth, "right": right}
        self.predictions.append(entry)
        return right

    def guess_line(self) -> str | None:
        """The guess that opened the lab and whether it was right, for labs in which a guess sets
        the trait ``revealed``; None before, and if it was skipped."""
        guess = self.predictions[-1] if self.revealed and self.predictions else None
        if guess is None or guess["answer"] is None:
            return None
        verdict = "right" if guess["right"] else f"it was {guess['truth']}"
        return f"Your guess at the start: {guess['answer']}, {verdict}."

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """The live widget, and for readers without a kernel a still picture with its alt text."""
        alt, still = self.alt_text(), self.render()
        data = {"text/plain": alt, "image/png": png_base64(still)}
        live = self.ui()._repr_mimebundle_()
        data[WIDGET] = live[WIDGET]
        return data, {"image/png": {"alt": alt, "width": still.width // self.still_scale}}


class DrawnLab(Lab):
    """A lab whose picture is drawn on a canvas: the same drawing is the still and the live one."""

    def draw(self) -> Canvas:
        """The picture as it stands."""
        raise NotImplementedError

    def render(self) -> Image.Image:
        return self.draw().image(scale=self.still_scale)

    def live_html(self) -> str:
        return self.draw().svg(self.alt_text())


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use this many threads (at least one) for a while.

    The browser that shows a lab wants a core too. Where cores are scarce, two threads that wait
    for each other can be ten times slower than one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
        # Written once more by Pillow, without the alpha channel: a tenth smaller.
        image = Image.open(buffer).convert("RGB")
    else:
        image = figure if isinstance(figure, Image.Image) else Image.fromarray(np.asarray(figure))
    png = png_base64(image)
    if len(png) > LARGE_PNG:  # a photograph: 256 colours of its own are a third of the bytes
        png = png_base64(image.convert("RGB").quantize(256))
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
    """A still picture as it is stored in a notebook."""
    buffer = io.BytesIO()
    _with_palette(image).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _with_palette(image: Image.Image) -> Image.Image:
    """With 256 colours and a table of them, half the size, if nobody can see the difference.

    Grey digits, lines and letters have hardly more colours than that. A photograph has, and stays
    as it is, and so does a picture in which more than a few pixels, at the rims of letters, would
    change.
    """
    if image.mode not in ("RGB", "L") or image.width * image.height < 256:
        return image
    full = image.convert("RGB")
    few = full.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    off = np.asarray(few.convert("RGB"), np.int16) - np.asarray(full, np.int16)
    return few if (np.abs(off).max(axis=2) > 4).mean() < 0.01 else image


def slider(
    lab: HasTraits,
    trait: str,
    label: str,
    kind: type = widgets.IntSlider,
    label_width: str = "112px",
    width: str = "330px",
    **arguments: object,
) -> widgets.Widget:
    """A slider that is one trait of the lab, with its label in full."""
    widget = kind(
        value=getattr(lab, trait),
        description=label,
        style={"description_width": label_width},
        layout=widgets.Layout(width=width),
        **arguments,
    )
    widgets.link((lab, trait), (widget, "value"))
    return widget


def column(*children: widgets.Widget) -> widgets.VBox:
    """Controls one below the other."""
    return widgets.VBox(list(children), layout=widgets.Layout(flex="0 0 340px"))


def row(*children: widgets.Widget, **layout: str) -> widgets.Box:
    """Controls side by side, on as many lines as they need."""
    layout = {"flex_flow": "row wrap", "grid_gap": "2px 16px", "align_items": "center"} | layout
    return widgets.Box(list(children), layout=widgets.Layout(**layout))


def heading(text: str) -> widgets.HTML:
    """A small title over a group of controls."""
    return widgets.HTML(f'<p style="line-height:1.3;margin:8px 0 2px 0"><b>{escape(text)}</b></p>')


def question_html(text: str) -> str:
    """A question to guess at before the answer shows. The text may hold HTML."""
    return f'<p style="{TEXT}"><b>Guess first.</b> {text}</p>'


def ghost_html(text: str) -> str:
    """What was guessed, in grey behind a dotted line: it stays beside the result."""
    grey = palette.PREDICTION
    text_grey = f"var(--jp-ui-font-color2,{grey})"  # JupyterLab's own grey suits dark themes too
    style = f"{TEXT};border-left:3px dotted {grey};padding-left:8px;color:{text_grey}"
    return f'<p style="{style}">{text}</p>'
