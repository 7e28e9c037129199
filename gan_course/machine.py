"""What this machine has, and in words what to do about the usual troubles."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from gan_course.errors import CourseError
from gan_course.files import course_folder

MARKS = {True: "✓", False: "✗", None: "·"}  # well, trouble, for information


def report() -> str:
    """One line for each thing looked at: a mark, what was seen, and what to do if it is trouble."""
    findings = [
        _python(),
        *_packages(),
        *_torch(),
        _cores(),
        _disk(Path.cwd()),
        _folder("this folder", Path.cwd()),
        _own_folder(),
    ]
    lines = [f"{MARKS[ok]} {text}" for ok, text in findings]
    troubles = sum(ok is False for ok, _ in findings)
    if troubles:
        lines.append(
            f"\n{troubles} of these need your attention: see the lines with {MARKS[False]}."
        )
    else:
        lines.append("\nAll is well.")
    return "\n".join(lines)


Finding = tuple[bool | None, str]


def _python() -> Finding:
    version, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    return True, f"Python {version} on {system}, from {sys.prefix}"


def _packages() -> list[Finding]:
    findings: list[Finding] = []
    for name in ("torch", "torchvision", "jupyterlab", "ipywidgets", "matplotlib", "nbval"):
        try:
            findings.append((True, f"{name} {importlib.metadata.version(name)}"))
        except importlib.metadata.PackageNotFoundError:
            text = (
                f"{name} is missing. Run `make lab`, or `pip install -e .` in the course's folder."
            )
            findings.append((False, text))
    return findings


def _torch() -> list[Finding]:
    if importlib.util.find_spec("torch") is None:
        return []
    try:
        import torch
    except Exception as error:  # a broken install can raise anything
        return [(False, f"torch cannot be imported ({error}). Delete .venv and run `make lab`.")]
    findings: list[Finding] = []
    try:
        import torchvision  # noqa: F401
    except Exception as error:
        text = (
            f"torchvision does not fit this torch ({str(error).splitlines()[0]}). Install both "
            f"together: pip install --upgrade torch torchvision."
        )
        findings.append((False, text))
    if torch.cuda.is_available():
        index = torch.cuda.current_device()
        memory = torch.cuda.get_device_properties(index).total_memory / 2**30
        name = torch.cuda.get_device_name(index)
        findings.append((True, f"GPU: {name}, {memory:.0f} GiB; --device auto uses it"))
    elif torch.backends.mps.is_available():
        findings.append((True, "GPU: Apple Silicon; --device auto uses it"))
    else:
        findings.append((None, "no GPU that torch can use: the course needs none"))
    findings.append((None, f"torch computes with {torch.get_num_threads()} threads"))
    return findings


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads == "1" and (cores or 1) > 1:
        text = (
            f"{cores} cores, but OMP_NUM_THREADS=1 lets torch use only one. "
            f"Unset it to train faster."
        )
        return None, text
    return None, f"{cores} processor cores"


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 2**30
    if free < 1:
        return False, f"only {free:.2f} GiB of disk are free here: a run may not be able to save."
    return True, f"{free:.0f} GiB of disk are free"


def _own_folder() -> Finding:
    try:
        return _folder("the course's own folder", course_folder())
    except CourseError as error:
        return False, f"{error}: your progress is not kept."


def _exists(path: Path) -> bool:
    """False too where one may not look, or for a name that no file can have."""
    try:
        return path.exists()
    except OSError:
        return False


def _folder(what: str, folder: Path) -> Finding:
    exists = folder
    while not _exists(exists):
        exists = exists.parent
    if os.access(exists, os.W_OK):
        return True, f"{what} can be written: {folder}"
    return (
        False,
        f"{what} cannot be written: {folder}. Go to a folder of yours, or mend its rights.",
    )
