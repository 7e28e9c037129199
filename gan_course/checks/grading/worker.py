"""The process in which students' code runs: ``python -m gan_course.checks.grading.worker``.

It imports torch once, then takes one job a line and forks for each (without fork it ends after the
first). The child tells its verdicts on a pipe that is neither stdout nor stderr, each with the
job's secret: what a student prints is not read by anybody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import json
import linecache
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

import torch

from gan_course.checks.course import LESSONS
from gan_course.checks.framework import NOT_DONE, PASSED, WRONG, FunctionTask, Task
from gan_course.checks.grading import guard
from gan_course.checks.verdict import Verdict

SOLVED, NOT_RIGHT, ERROR, TIME_OUT = "solved", "wrong", "error", "time-out"
STATES = {PASSED: SOLVED, WRONG: NOT_RIGHT, NOT_DONE: NOT_DONE.removesuffix(" yet")}
SEED = 0  # every notebook is checked on the same inputs, and once more gives the same
TAMPERED = "the checker was changed by code in this notebook: look at it"


class TooLong(BaseException):
    """A step has used up its time. Not an ``Exception``, so that few learners catch it."""


def load_tasks() -> dict[str, dict[str, Task]]:
    """Lesson -> name -> task. From here on, an import finds stand-ins that tell nothing.

    So neither an oracle nor the ``check`` of a notebook is at hand for the code that is graded.
    """
    tasks = {}
    for lesson in LESSONS:
        if lesson.tasks:
            module = importlib.import_module(f"gan_course.checks.{lesson.slug[3:]}")
            tasks[lesson.slug] = {name: getattr(module, name) for name in lesson.tasks}
    package = sys.modules["gan_course.checks"]
    for name, module in list(sys.modules.items()):
        ours = name.startswith("gan_course.checks.")
        if ours and any(isinstance(value, Task) for value in vars(module).values()):
            sys.modules[name] = _stand_in(module)
            setattr(package, name.rpartition(".")[2], sys.modules[name])
    return tasks


def _stand_in(module: ModuleType) -> ModuleType:
    """Helpers stay, such as ``check.patients_text``; each task becomes a silent function."""
    other = ModuleType(module.__name__, module.__doc__)
    for name, value in vars(module).items():
        if isinstance(value, Task):
            setattr(other, name, lambda *_, **__: None)
        elif not name.startswith("_"):
            setattr(other, name, value)
    return other


# ---- one job ----------------------------------------------------------------------------------


def run_steps(job: dict, tasks: dict[str, Task], tell: Any) -> None:
    """Run a notebook's steps in their order. ``tell`` takes what is to be said about each.

    Args:
        job: ``steps`` as ``steps.plan`` makes them, ``seconds`` for one of them, and ``skip``,
            which says of some (by their index, as text) why they are not run again.
        tasks: of this lesson, by name.
    """
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    namespace = vars(module)
    namespace |= {"display": lambda *_, **__: None, "get_ipython": _NoIPython}
    failed: dict[int, tuple[str, str]] = {}  # task -> how its answer cell ended
    for index, step in enumerate(job["steps"]):
        for name in step["forget"]:
            namespace.pop(name, None)
        before = job["skip"].get(str(index))
        if before is not None:
            if step["kind"] == "code":
                failed[step["task"]] = tuple(before)
            continue
        tell({"begin": index})
        start = time.monotonic()
        if step["kind"] == "code":
            ended = _run_cell(step, namespace, job["seconds"])
            if ended and step["answer"]:
                failed[step["task"]] = ended
            continue
        result = _check(tasks[step["name"]], step, namespace, failed, job["seconds"])
        tell({"done": index, "seconds": round(time.monotonic() - start, 2), **result})


def _run_cell(step: dict, namespace: dict, seconds: float) -> tuple[str, str] | None:
    """How a cell of the student ended, if not well: (state, sentence)."""
    name, text = step["name"], step["text"]
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        code = _compile(text, name)
        with _at_most(seconds):
            exec(code, namespace)
    except TooLong:
        return TIME_OUT, f"{name} was still running after {seconds:.0f} s"
    except BaseException as error:
        return ERROR, f"{name} stopped with {type(error).__name__}: {_line(error)}"
    return None


def _compile(text: str, name: str) -> Any:
    """Python; lines for IPython, such as ``%matplotlib inline`` and ``!ls``, do nothing."""
    try:
        return compile(text, name, "exec", dont_inherit=True)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return compile(TransformerManager().transform_cell(text), name, "exec", dont_inherit=True)


class _NoIPython:
    """What ``get_ipython()`` gives: every method is there and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def _check(task: Task, step: dict, namespace: dict, failed: dict, seconds: float) -> dict[str, str]:
    state, said = failed.get(step["task"], (None, ""))
    answers = []
    for argument in step["arguments"]:
        try:
            answers.append(eval(argument, namespace))
        except NameError as error:
            state, said = state or "not done", said or f"{error.name} is not in this notebook"
        except BaseException as error:
            state, said = state or ERROR, said or f"{type(error).__name__}: {_line(error)}"
    if state:
        return {"state": state, "message": said, "mistake": ""}
    try:
        with _at_most(seconds):
            verdict = task(*answers, seed=SEED)
        if verdict.passed and not is_sound(task):
            return {"state": ERROR, "message": TAMPERED, "mistake": ""}
    except TooLong:
        return {
            "state": TIME_OUT,
            "message": f"the check was still running after {seconds:.0f} s: an endless loop?",
            "mistake": "",
        }
    except BaseException as error:
        said = f"the check stopped with {type(error).__name__}: {_line(error)}"
        return {"state": ERROR, "message": said, "mistake": ""}
    return told(task, verdict)


def told(task: Task, verdict: Verdict) -> dict[str, str]:
    """A verdict as the teacher reads it: state, message, and the name of a known mistake."""
    state = STATES[verdict.status]
    if verdict.message.startswith("Your code stopped with"):
        state = ERROR
    fitting = [m for m in task.mistakes if m.message in verdict.message]
    name = max(fitting, key=lambda m: len(m.message)).name if fitting else ""
    return {"state": state, "message": verdict.message, "mistake": name}


def is_sound(task: Task) -> bool:
    """Whether the checker, after all that the notebook did, still refuses a wrong answer."""
    if isinstance(task, FunctionTask):  # the mistakes are written with torch's own functions
        task = dataclasses.replace(task, forbidden=())
    return task(task.mistakes[0].answer, seed=SEED).status == WRONG


@contextlib.contextmanager
def _at_most(seconds: float) -> Any:
    """``TooLong`` after so many seconds, where there are alarms; the parent kills elsewhere."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: Any) -> NoReturn:
        raise TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and again, for code that caught it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _line(error: BaseException) -> str:
    try:
        return (str(error).strip().splitlines() or ["no message"])[0][:200]
    except BaseException:  # an exception of the student's own may not even print
        return "no message"


# ---- the process ------------------------------------------------------------------------------


def _child(job: dict, tasks: dict[str, dict[str, Task]], results: int) -> None:
    """Everything that runs in a process of its own."""
    secret = job["secret"]

    def tell(message: dict, write=os.write, dumps=json.dumps) -> None:
        line = dumps({"secret": secret, **message}) + "\n"
        write(results, line.encode("ascii", "replace"))

    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
    random.seed(SEED)
    torch.manual_seed(SEED)
    guard.close_in(Path(job["folder"]), job["memory"])
    run_steps(job, tasks[job["lesson"]], tell)
    tell({"end": "whole"})


def main() -> None:
    results = os.dup(1)
    os.set_inheritable(results, False)
    os.dup2(2, 1)  # whatever prints while importing
    torch.set_num_threads(1)
    tasks = load_tasks()
    sys.excepthook = _quiet
    os.write(results, b'{"ready": true}\n')
    for line in sys.stdin:
        job = json.loads(line)
        if not sys.platform.startswith("linux"):  # elsewhere torch does not bear a fork
            _child(job, tasks, results)
            os._exit(0)
        _warm_up()
        if job["lesson"] >= "06":
            _warm_up_optimizers()
        child = os.fork()
        if child == 0:
            try:
                _child(job, tasks, results)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os.write(results, (json.dumps({"secret": job["secret"], "end": code}) + "\n").encode())


@functools.cache
def _warm_up() -> None:
    """A process's first convolution without numbers imports much of torch: once, not per child."""
    torch.nn.Conv2d(1, 1, 1, device="meta")(torch.empty(1, 1, 1, 1, device="meta"))


@functools.cache
def _warm_up_optimizers() -> None:
    """So does the first optimizer of a process."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()


def _quiet(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    print(f"{kind.__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
