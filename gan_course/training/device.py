"""Which device a run computes on."""

from __future__ import annotations

import os

import torch

from gan_course.errors import CourseError


def choose_device(name: str) -> torch.device:
    """The device with this name: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    ``auto`` takes a GPU if there is one. Where a launcher has started several processes, each
    takes the GPU of its own number on its machine.

    Raises:
        CourseError: if the device is unknown or this machine does not have it.
    """
    if name in ("auto", "cuda") and "LOCAL_RANK" in os.environ:
        if torch.cuda.is_available():
            name = f"cuda:{os.environ['LOCAL_RANK']}"
        elif name == "auto":
            name = "cpu"  # Apple GPUs cannot send each other messages
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise CourseError(f"there is no device called {name!r}: use auto, cpu, cuda or mps.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CourseError(
            f"this machine has no GPU that torch can use (--device {name}). Use --device cpu or "
            f"auto; `gan-course doctor` tells what torch sees."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CourseError(
            f"there is no GPU number {device.index} (--device {name}): this machine has "
            f"{torch.cuda.device_count()}, counted from 0."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise CourseError("this machine has no Apple GPU (--device mps). Use --device cpu or auto.")
    return device
