"""What several fault tests share: how long they are, small disks, and whether a folder is whole.

``make test`` runs a short sample; with GAN_COURSE_TRUST=1, as ``make trust`` sets it, every kill
point and every long run.
"""

import contextlib
import itertools
import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import pytest
import torch
import tqdm.std
from long_form import LONG
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

only_long = pytest.mark.skipif(not LONG, reason="long: runs in `make trust`")
QUICK = ["--image-size", "16", "--base_channels", "2", "--latent-dim", "4", "--batch-size", "256"]
QUICK += ["--device", "cpu", "--num-epochs", "2", "--save-interval", "1"]
ROOT = Path(__file__).resolve().parents[2]
LAST = "checkpoints/last.safetensors"


def train(folder, *more):
    return ["train", "--output-dir", str(folder), *QUICK, *more]


# Curves take long to draw, and are not what most of these tests are about.
NO_CURVES = ("faults", "without", "matplotlib")


def moments(count, few):
    """All of them in the long suite, else a few, always the same."""
    numbers = range(1, count + 1)
    return numbers if LONG else sorted(random.Random(2).sample(numbers, few))


def few(first, *others):
    """The first in `make test`, the others in the long suite."""
    return [first, *[pytest.param(other, marks=only_long) for other in others]]


def resumed(forge, folder):
    more = ["--resume"] if (folder / LAST).exists() else []
    return forge.run(*train(folder, *more), before=[NO_CURVES]).fine()


def commands(trained, folder):
    """(arguments, the file that it writes) of the commands that write one file."""
    checkpoint = str(trained / "checkpoints/generator_final.pth")
    size = ["--num-images", "16"]
    styles = ["--content", "china", "--style", "flower", "--image-size", "32", "--steps", "1"]
    return {
        "generate": (["--checkpoint", checkpoint, *size], folder / "a.png"),
        "evaluate": (["--checkpoint", checkpoint, *size], folder / "a.json"),
        "stylize": (styles, folder / "a.jpg"),
    }


LESSON = """\
# %% [markdown]
# # 03 · Fake
#
# **After this lesson you can** test the builder.

# %% tags=["parameters"]
STEPS = {steps}

# %%
print("steps", STEPS)
"""


def change(course):
    folder = course / "lessons/03_fake"
    (folder / "lesson.py").write_text(LESSON.format(steps=4))
    (folder / "quiz.yml").write_text("questions: [1]\n")
    text = (folder / "exercises.py").read_text()
    (folder / "exercises.py").write_text(text.replace("convolution", "Convolution"))


# ---- disks ------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(kilobytes):
    """A file system of its own with so much room; skips where this machine does not allow it."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("this machine does not let us mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


@contextlib.contextmanager
def read_only(folder):
    """The folder may be read only, and not changed even by root."""
    if os.name != "posix":
        pytest.skip("needs POSIX permissions or mounts")
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    mounts = (
        ["mount", "--bind", str(folder), str(folder)],
        ["mount", "-o", "remount,bind,ro", str(folder)],
    )
    for mount in mounts:
        if subprocess.run(mount, capture_output=True).returncode:
            subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
            pytest.skip("root may write everywhere, and this machine lets us mount nothing")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


# ---- whole or not -----------------------------------------------------------------------------


def files(folder):
    """Path below the folder -> content, of everything but locks and half files."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(Path(folder).rglob("*"))
        if p.is_file() and not p.name.endswith((".part", ".lock"))
    }


def whole(folder):
    """Every file can be read to its end by what reads its kind; their number."""
    count = 0
    for name, content in files(folder).items():
        path = Path(folder, name)
        count += 1
        if path.suffix == ".safetensors":
            load_file(path)
        elif path.suffix == ".pth":
            torch.load(path, weights_only=True)
        elif path.suffix in (".png", ".jpg"):
            with Image.open(path) as picture:
                picture.load()
        elif path.suffix == ".jsonl":
            assert content == b"" or content.endswith(b"\n"), name
            [json.loads(line) for line in content.splitlines()]
        elif path.suffix in (".json", ".ipynb"):
            json.loads(content)
        else:
            count -= 1
    return count


def ending(folder):
    """What a finished run has left, but for where it was and how often it was begun."""
    found = files(folder)
    path = Path(folder, LAST)
    with safe_open(path, framework="pt") as file:
        text = json.loads(file.metadata()["gan_course"])
    for name in ("output_dir", "resume"):
        del text["config"][name]
    found[LAST] = json.dumps(text).encode() + b"".join(
        bytes(tensor.numpy().tobytes()) for _, tensor in sorted(load_file(path).items())
    )
    return found


# ---- called in a child, before its command ----------------------------------------------------


def nobodys_home():
    """As in a container: no HOME, and no such user."""
    os.environ.pop("HOME", None)
    pwd.getpwuid = pwd.getpwnam = lambda who: (_ for _ in ()).throw(KeyError(who))


def without(*modules):
    """They cannot be imported here, as on another system."""
    for name in modules:
        sys.modules[name] = None


def peak(status="/proc/self/status"):
    """The most memory that this process has held, in bytes."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path(status).read_text()).group(1))


def copied(source, target):
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".lock"))
    return target


def like_windows():
    """No file locks of POSIX, no SIGHUP, and a console that knows Western European letters only."""
    without("fcntl", "pwd", "resource", "termios")
    for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
        delattr(signal, name)
    speaks("cp1252")


def speaks(encoding):
    """What the streams can say, as where LANG or PYTHONIOENCODING ask for it."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding=encoding, errors="strict")


def every_warning_is_an_error():
    """As PYTHONWARNINGS=error does."""
    warnings.resetwarnings()
    warnings.simplefilter("error")


def clock_goes_back():
    """Each look at the wall clock shows an hour less than the one before."""
    looks = itertools.count()
    now = time.time
    time.time = lambda: now() - 3600 * next(looks)
    tqdm.std.time = time.time


def no_more_threads():
    def refused(thread):
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refused


def little_memory(megabytes):
    """So much more than now, as under `ulimit -v`."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def own_terminal(path):
    """Make this terminal the one whose closing this process hears of."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(os.open(path, os.O_RDWR), termios.TIOCSCTTY, 0)


def slow_steps(seconds=0.02):
    """A run that lasts, so that something can happen to it."""
    from gan_course.training.trainer import Trainer

    one_step = Trainer._one_step

    def slow(trainer, *arguments):
        time.sleep(seconds)
        return one_step(trainer, *arguments)

    Trainer._one_step = slow


def lessons_at_hand():
    """lessons/build.py, with a stand-in for the kernel that runs a lesson."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lessons"))
    import build

    said = {"output_type": "stream", "name": "stdout", "text": ["It ran.\n"]}
    build.execute = lambda text, folder, timeout: [
        [said] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"
    ]
    return build


def build_lessons(*arguments):
    """In a child: `python lessons/build.py`."""
    return lessons_at_hand().main(list(arguments))


def record(lesson, task):
    """In a child: one attempt is noted, as a notebook does it."""
    from gan_course.checks import progress

    print(progress.record(lesson, task, passed=True))
