"""Hold a process that runs a student's code: its memory, its files, other processes, the network.

Three fences, each where the system has it: limits of the operating system (``setrlimit``), a hook
of Python's that sees files opened and processes started, and Linux's Landlock, by which the kernel
refuses to write outside one folder, to open a connection or to send a signal. None is a prison
for an attacker; a container is. None can be taken down again by the process that it holds.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

from gan_course.errors import CourseError

MAX_FILE_BYTES = 200_000_000


def close_in(folder: Path, memory: int) -> list[str]:
    """Hold this process from now on. Returns the names of the fences that stand.

    Args:
        folder: the only one that may be written in; it becomes the working folder and the home.
        memory: bytes that it may take on top of what it has now.
    """
    os.chdir(folder)
    for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "IPYTHONDIR"):
        os.environ[name] = str(folder)
    os.environ["GAN_COURSE_HOME"] = str(folder / "home")
    fences = []
    if _limit(memory):
        fences.append("memory")
    if _landlock(folder):
        fences.append("landlock")
    _watch(folder.resolve())
    return [*fences, "hook"]


def _limit(memory: int) -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    for name, most in (("RLIMIT_FSIZE", MAX_FILE_BYTES), ("RLIMIT_CORE", 0)):
        try:
            hard = resource.getrlimit(getattr(resource, name))[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(getattr(resource, name), (most, most))
        except (OSError, ValueError):
            continue
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])  # taken by Python and torch
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (OSError, ValueError):  # macOS does not hold processes to it
        return False
    return True


# ---- Python's own hook ------------------------------------------------------------------------

_PROCESSES = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "pty.spawn",
    "os.startfile",
}
_NETWORK = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"}
_CHANGES = {  # event -> which of its arguments are paths
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def _watch(folder: Path) -> None:
    inside = os.path.realpath(folder) + os.sep

    def refused(path: object) -> bool:
        if isinstance(path, int):  # a file that is open already
            return False
        try:
            real = os.path.realpath(os.fsdecode(path))
        except (TypeError, ValueError):
            return False
        return not (real + os.sep).startswith(inside) and real != os.devnull

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = set(mode or "") & set("wax+") or (flags or 0) & _WRITES
            if writes and refused(path):
                raise PermissionError(f"while grading, nothing is written outside {folder.name}/")
        elif event in _CHANGES:
            for index in _CHANGES[event]:
                if index < len(arguments) and refused(arguments[index]):
                    raise PermissionError("while grading, no other folder is changed")
        elif event in _PROCESSES:
            raise PermissionError("while grading, no other program is started or stopped")
        elif event in _NETWORK:
            raise PermissionError("while grading, there is no network")
        elif event == "pickle.find_class":
            raise PermissionError("while grading, no pickle is loaded")

    sys.addaudithook(hook)


# ---- Linux's Landlock -------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_NO_NEW_PRIVILEGES, _PATH_BENEATH = 38, 1
# Write to a file, remove folders and files, make each kind of file: bits 1 and 4 to 12.
_FS_WRITES = (1 << 1) | sum(1 << bit for bit in range(4, 13))
_FS_REFER, _FS_TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_TCP = 0b11  # bind and connect, since version 4
_SIGNALS_AND_SOCKETS = 0b11  # to processes outside, since version 6


def landlock_version() -> int:
    """0 where this kernel has none, or does not let us."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _landlock(folder: Path) -> bool:
    """From here on the kernel lets this process and its children write in ``folder`` only."""
    version = landlock_version()
    if version < 1:
        return False
    writes = _FS_WRITES | (_FS_REFER if version > 1 else 0) | (_FS_TRUNCATE if version > 2 else 0)
    fields = [writes]
    if version > 3:
        fields.append(_TCP)
    if version > 5:
        fields.append(_SIGNALS_AND_SOCKETS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    libc = _libc()
    rules = libc.syscall(
        _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    if rules < 0:
        return False
    for place, allowed in ((folder, writes), (Path(os.devnull), (1 << 1) | (writes & 1 << 14))):
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", allowed, opened)
        added = libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, ctypes.c_uint32(0))
        os.close(opened)
        if added < 0:
            os.close(rules)
            return False
    held = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    held = held and libc.syscall(_RESTRICT_SELF, rules, ctypes.c_uint32(0)) == 0
    os.close(rules)
    return held


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def fences_text() -> str:
    """What holds a student's code on this machine, for people."""
    if landlock_version():
        return "it can write in a temporary folder only (the kernel sees to it)"
    return "Python refuses to write outside a temporary folder; other code may get round that"


def check_memory(megabytes: int) -> int:
    """The bytes of ``--memory``; ``CourseError`` if no exercise could run in it."""
    if not 256 <= megabytes <= 1_000_000:
        raise CourseError(f"--memory must lie in 256 to 1,000,000 MB, but is {megabytes}.")
    return megabytes * 1_000_000
