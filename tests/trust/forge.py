"""Processes of the course, started in milliseconds: forked from one that has imported it already.

    forge = Forge()
    child = forge.start(["train", "--output-dir", folder], environment={"HOME": None})
    child.kill(signal.SIGKILL)
    result = child.wait()          # .code (negative: the signal), .out, .err

A child is an ordinary ``gan-course`` process in all else: it has its own folder, environment and
streams, and ends as Python ends a program. ``before`` names functions that are called in
the child first: ``[("module", "function", [arguments])]``; ``call`` names one that is called
instead of ``gan-course``.
"""

import atexit
import contextlib
import importlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from long_form import LONG

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass
class Result:
    code: int
    out: str
    err: str
    seconds: float

    @property
    def words(self):
        """All that was said, without the frames that a terminal gets."""
        return " ".join((self.out + self.err).replace("│", " ").split())

    def sentence(self):
        """A user's situation: it has failed, has said so, and without a traceback."""
        assert self.code not in (0, None) and self.code > 0, self
        assert "Traceback" not in self.err + self.out, self.err
        assert "Exception ignored" not in self.err, self.err
        assert self.err.startswith("gan-course: ") or "\ngan-course: " in self.err, self
        return " ".join(self.err.split())

    def fine(self):
        assert self.code == 0, (self.code, self.out, self.err)
        assert "Traceback" not in self.err + self.out, self.err
        assert "Exception ignored" not in self.err, self.err
        return self


class Child:
    def __init__(self, forge, job):
        self.forge, self.job, self.begin = forge, job, time.perf_counter()
        self.pid = forge.ask({"start": job})

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    @property
    def code(self):
        """None while it runs."""
        return self.forge.ask({"poll": self.pid})

    def text(self, name):
        path = Path(self.job[name])
        if not path.is_file():  # a pipe, a terminal: whoever reads it there waits for ever
            return ""
        return path.read_text(encoding="utf-8", errors="replace")

    def until(self, reached, timeout=60):
        """Wait until this is true, or the child has ended; whether it came true."""
        end = time.perf_counter() + timeout
        while not reached():
            if self.code is not None or time.perf_counter() > end:
                return reached()
            time.sleep(0.001)
        return True

    def wait(self, timeout=120):
        end = time.perf_counter() + timeout
        while (code := self.code) is None:
            if time.perf_counter() > end:
                self.kill()
                raise AssertionError(f"still running after {timeout} s: {self.job}")
            time.sleep(0.005)
        out, err = self.text("out"), self.text("err")
        return Result(code, out, err, time.perf_counter() - self.begin)


class Forge:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="forge-")
        self.numbers = itertools.count()
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "forge.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(
                    [str(ROOT), str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
                ),
                "OMP_NUM_THREADS": "1",
                "GAN_COURSE_HOME": str(Path(self.folder, "home")),
            },
        )

    def ask(self, question):
        self.server.stdin.write(json.dumps(question) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(
        self, arguments=(), cwd=None, environment=None, before=(), call=None, out=None, err=None
    ):
        name = Path(self.folder, str(next(self.numbers)))
        job = {
            "arguments": [str(a) for a in arguments],
            "cwd": str(cwd or self.folder),
            "environment": environment or {},
            "before": [[*step[:2], list(step[2:])] for step in before],
            "call": call,
            "out": str(out or f"{name}.out"),
            "err": str(err or f"{name}.err"),
        }
        return Child(self, job)

    def run(self, *arguments, timeout=120, **named):
        return self.start(arguments, **named).wait(timeout)

    def close(self):
        self.server.stdin.close()
        self.server.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- in the server ----------------------------------------------------------------------------


def warm_up():
    """Import and use once what every child needs. One thread only: forking copies no other."""
    import torch

    torch.set_num_threads(1)
    import PIL.PngImagePlugin  # noqa: F401

    from gan_course import cli  # noqa: F401
    from gan_course.checks import progress  # noqa: F401
    from gan_course.training import TrainConfig, Trainer

    if LONG:  # the short sample does without
        from gan_course import style  # noqa: F401
        from gan_course.evaluation import load_extractor

        load_extractor("digits")
    next(
        Trainer(
            TrainConfig(
                image_size=16, base_channels=2, batch_size=256, device="cpu", output_dir=None
            )
        ).steps()
    )


def serve():
    """Fork a child for each job. Returns the job in a child, and None at the end."""
    ended = {}
    for line in sys.stdin:
        question = json.loads(line)
        answer = None
        if "start" in question:
            answer = os.fork()
            if answer == 0:
                return question["start"]
        else:
            pid = question["poll"]
            if pid not in ended:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            answer = ended.get(pid)
        print(json.dumps(answer), flush=True)
    return None


def become(job):
    """In the child: its streams, its folder, its environment; then the command."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    for name, value in job["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    with contextlib.suppress(FileNotFoundError):
        os.chdir(job["cwd"])
    for module, function, arguments in job["before"]:
        getattr(importlib.import_module(module), function)(*arguments)
    if job["call"] is None:
        from gan_course import cli

        cli.main(job["arguments"])
    else:
        module, function = job["call"]
        sys.exit(getattr(importlib.import_module(module), function)(*job["arguments"]))


def end(job):
    """As Python ends a program, but without taking all of torch to pieces, which takes seconds."""
    code = 0
    try:
        become(job)
    except SystemExit as leave:
        if isinstance(leave.code, str):
            print(leave.code, file=sys.stderr)
        code = 1 if isinstance(leave.code, str) else leave.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored while flushing: {error!r}", file=sys.stderr)
        code = 120
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    warm_up()
    task = serve()
    if task is not None:
        end(task)
    os._exit(0)
