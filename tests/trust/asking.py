"""Ask the course something wrong, and judge what comes back."""

import contextlib
import io
import os
import re
import resource
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gan_course import cli
from gan_course.errors import CourseError

OURS = str(Path(cli.__file__).parent)
SECONDS = 60  # no answer takes longer, on a busy machine either
MEGABYTES = 700  # nor makes the process grow by more
LONGEST = 1500  # characters of an answer

# A good sentence says what may be, or what to do.
ADVICE = re.compile(
    r"must|choose|use |take |leave |give |name |try |connect|start |repeat|bring|install|free |"
    r"mend|move|better|at least|draw|lie in|lie between|instead|collect|required|expected|invalid|"
    r"unrecognized|run gan-course|see gan-course|save it|not loaded|not touched|nothing was|usual|"
    r"cannot|can't|does not exist|is missing|is a folder|update|without|look |put |go on",
    re.IGNORECASE,
)
# What nobody should have to read.
INSIDES = re.compile(r"Traceback|object at 0x|torch\.Size|<class '|\.py\", line|site-packages")


@dataclass
class Answer:
    """What the command line said to ``argv``.

    Attributes:
        code: 0 if it worked, 1 for a mistake with a sentence, 2 for one of usage.
        said: all words, on one line, without frames.
        crash: what was raised instead, or "".
    """

    argv: list[str]
    code: int
    said: str
    crash: str
    seconds: float
    grown: float
    problems: list[str] = field(default_factory=list)


def peak_megabytes():
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def ask(argv):
    """The command line in this process: what a shell would show, without starting Python anew."""
    out, crash, code = io.StringIO(), "", 0
    begun, before = time.perf_counter(), peak_megabytes()
    # tyro looks at the terminal's width; wide enough that no word is cut
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                cli.main([str(word) for word in argv])
        except SystemExit as end:
            if isinstance(end.code, str):  # Python prints it and exits with 1
                out.write(end.code)
                code = 1
            else:
                code = end.code or 0
        except BaseException:
            crash = traceback.format_exc()
            code = 1
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", out.getvalue()).split())
    grown = peak_megabytes() - before
    return Answer(list(argv), code, said, crash, time.perf_counter() - begun, grown)


def clear(*found):
    """Fail with what was found, if anything was."""
    problems = [
        problem for some in found for problem in ([some] if isinstance(some, str) else some)
    ]
    if any(problems):
        pytest.fail("; ".join(problem for problem in problems if problem), pytrace=False)


def squeezed(text):
    """Without white space: a long value may have been broken at the end of a line."""
    return re.sub(r"\s+", "", str(text)).lower()


def judge(answer, seen=(), code=None):
    """What is wrong with an answer, in a list; empty if it is a good one.

    Args:
        seen: of these values, flags and names at least one must be in the sentence.
        code: the exit code that is wanted; any of 1 and 2 if None.
    """
    wrong = []
    if answer.crash:
        wrong.append(answer.crash.strip().splitlines()[-1][:300])
    if answer.code not in ((1, 2) if code is None else (code,)):
        wrong.append(f"exit code {answer.code}")
    if INSIDES.search(answer.said):
        wrong.append(f"shows its insides: {INSIDES.search(answer.said)[0]}")
    if answer.seconds > SECONDS:
        wrong.append(f"took {answer.seconds:.0f} s")
    if answer.grown > MEGABYTES:
        wrong.append(f"grew by {answer.grown:.0f} MB")
    if answer.code and not answer.crash:
        if len(answer.said) < 20 or len(answer.said) > LONGEST:
            wrong.append(f"{len(answer.said)} characters")
        if answer.code == 1 and "gan-course: " not in answer.said:
            wrong.append("does not say who speaks")
        if not ADVICE.search(answer.said):
            wrong.append("does not say what to do")
        words = squeezed(answer.said).replace("_", "-")
        values = [squeezed(value).replace("_", "-").removeprefix("folder:") for value in seen]
        if values and not any(value in words for value in values if value):
            wrong.append(f"names none of {seen}")
    return [f"{problem} [{answer.said[:400]}]" for problem in wrong]


def contents(folder):
    """Everything in a folder: kind, size, time and bytes of each file."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    # A folder's time changes when a temporary file comes and goes in it: that is no loss.
    return {k: (m, 0 if path_is_folder(m) else t, c) for k, (m, t, c) in found.items()}


def path_is_folder(mode):
    return mode & 0o170000 == 0o040000


def different(before, after):
    """Whatever is not as it was: changed, gone or new."""
    return [f"not as it was: {n}" for n in {*before, *after} if before.get(n) != after.get(n)]


def refusal(call):
    """The sentence with which a call of the package ends, or what is wrong with its end.

    A ``ValueError`` is a sentence too, if a line of the package raised it.

    Returns:
        (sentence or None if it worked, problem or "").
    """
    begun, before = time.perf_counter(), peak_megabytes()
    sentence, problem = None, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except CourseError as error:
        sentence = str(error)
    except Exception as error:
        sentence = str(error)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        last, raised = frame.filename, (frame.line or "").startswith("raise ")
        trait = type(error).__name__ == "TraitError"
        ours = isinstance(error, ValueError) and raised and last.startswith(OURS + os.sep)
        if not ours and not trait:
            problem = f"{type(error).__name__} from {last}: {error}"
    if sentence is not None and not problem:
        if INSIDES.search(sentence) and "TraitError" not in sentence:
            problem = f"shows its insides: {sentence}"
        elif not 15 < len(sentence) < LONGEST:
            problem = f"is no sentence: {sentence!r}"
    if time.perf_counter() - begun > SECONDS:
        problem = f"took {time.perf_counter() - begun:.0f} s"
    if peak_megabytes() - before > MEGABYTES:
        problem = f"grew by {peak_megabytes() - before:.0f} MB"
    return sentence, problem
