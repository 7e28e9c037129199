"""Every lab, built small, and what a hand on the keyboard can do to it. For tests."""

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image

import gan_course.labs as labs
from gan_course.training import TrainConfig, Trainer

NO_LABS = {"Lab", "quiz", "show"}  # the base of all labs, and two functions


def trainer():
    config = {"dataset": "digits", "image_size": 16, "base_channels": 4, "batch_size": 16}
    return Trainer(TrainConfig(**config, num_epochs=1, device="cpu", output_dir=None))


def data_doctor(folder):
    for i in range(6):
        values = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{i}.png")
    return labs.DataDoctor(folder).look()


def copy_check(folder):
    images = torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return labs.CopyCheck(images[:8].flip(3), images)


SPECIAL = {
    "CopyCheck": copy_check,
    "DataDoctor": data_doctor,
    "LiveTraining": lambda folder: labs.LiveTraining(trainer()),
    "Quiz": lambda folder: labs.quiz("01_conv2d", "before"),
    "RunDesk": lambda folder: labs.RunDesk(trainer()),
}
NAMES = sorted(set(labs.__all__) - NO_LABS)


def make(name, folder):
    """A lab by its name; ``folder`` is empty and may be filled."""
    return SPECIAL[name](folder) if name in SPECIAL else getattr(labs, name)()


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


# What JupyterLab's widgets make of these are buttons, fields, menus and slider handles: Tab reaches
# each, and arrow keys, letters, Space or Enter work it. (An Accordion or a Tab is not among them.)
BY_KEYBOARD = (
    *(widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider),
    *(widgets.Button, widgets.ToggleButton, widgets.ToggleButtons, widgets.Checkbox),
    *(widgets.Dropdown, widgets.RadioButtons, widgets.Text, widgets.BoundedIntText),
    widgets.FileUpload,
)
NOT_WORKED = (widgets.Box, widgets.HTML, widgets.Label, widgets.Output, widgets.FloatProgress)


def is_hidden(widget):
    return isinstance(widget, widgets.Play) and widget.layout.display == "none"


def spoken_name(widget):
    """What a screen reader can say before a control: its label, or else its tooltip."""
    if isinstance(widget, widgets.ToggleButtons):
        return ", ".join(str(label) for label in widget._options_labels)
    return getattr(widget, "description", "") or getattr(widget, "tooltip", "") or ""


def skip_questions(ui):
    """Go past what a lab asks before it shows anything."""
    for _ in range(3):  # some ask a second thing after the first
        for widget in everything_in(ui):
            if isinstance(widget, widgets.Button) and widget.description == "skip":
                widget.click()


def work(widget):
    """Give a control another value, as a hand can; a button is left alone."""
    if getattr(widget, "disabled", False):
        return
    if isinstance(widget, widgets.IntSlider | widgets.FloatSlider | widgets.BoundedIntText):
        widget.value = widget.max if widget.value != widget.max else widget.min
    elif isinstance(widget, widgets.FloatLogSlider):
        widget.value = widget.base ** (widget.max if widget.value < 1 else widget.min)
    elif isinstance(widget, widgets.Dropdown | widgets.ToggleButtons):
        widget.index = 0 if widget.index is None else (widget.index + 1) % len(widget.options)
    elif isinstance(widget, widgets.ToggleButton | widgets.Checkbox):
        widget.value = not widget.value
