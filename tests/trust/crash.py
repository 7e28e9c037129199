"""Break a process at one exact moment of its writing.

``arm`` counts what changes files below a folder: each opening for writing, each write, sync and
move. At the operation with the number that was asked for the process is killed (``"kill"``), or
this and all later ones fail as they do where the disk is full (``"full"``). A write is broken in
its middle: half of the content is in the file. With number 0 they are only counted, into a file.
"""

import atexit
import builtins
import errno
import io
import os
import signal
from pathlib import Path

OPEN, REPLACE, RENAME, FSYNC = io.open, os.replace, os.rename, os.fsync


class Fuse:
    """Counts operations, and blows at one of them."""

    def __init__(self, folder, number, what):
        self.folder, self.number, self.what = os.path.realpath(folder), number, what
        self.count = 0
        self.descriptors = set()  # of the files below the folder that are open for writing

    def concerns(self, path):
        if isinstance(path, int):  # a descriptor
            return False
        return os.path.realpath(os.fsdecode(path)).startswith(self.folder + os.sep)

    def burns(self):
        """Called at each operation: whether it is to break here."""
        self.count += 1
        full = self.what == "full" and 0 < self.number <= self.count
        return full or self.count == self.number

    def blow(self):
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class BreakingFile:
    """A file whose ``write`` may break in the middle."""

    def __init__(self, file, fuse):
        self._file, self._fuse = file, fuse
        fuse.descriptors.add(file.fileno())

    def write(self, content):
        if self._fuse.burns():
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            self._fuse.blow()
        return self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        self._fuse.descriptors.discard(self._file.fileno())
        return self._file.__exit__(*error)


def arm(folder, number, what="kill", report=None):
    """From now on, in this process. At its end the number of operations goes into ``report``."""
    fuse = Fuse(folder, number, what)

    def breaking_open(file, mode="r", *arguments, **named):
        if not set(mode) & set("wax+") or not fuse.concerns(file):
            return OPEN(file, mode, *arguments, **named)
        if fuse.burns():
            fuse.blow()
        return BreakingFile(OPEN(file, mode, *arguments, **named), fuse)

    def breaking(move):
        def moved(source, target, **named):
            if fuse.concerns(target) and fuse.burns() and fuse.what == "kill":
                fuse.blow()  # a full disk still moves files
            return move(source, target, **named)

        return moved

    def breaking_sync(descriptor):
        if descriptor in fuse.descriptors and fuse.burns():
            fuse.blow()
        return FSYNC(descriptor)

    io.open = builtins.open = breaking_open
    os.replace, os.rename, os.fsync = breaking(REPLACE), breaking(RENAME), breaking_sync
    if report is not None:
        atexit.register(lambda: (disarm(), Path(report).write_text(str(fuse.count))))
    return fuse


def disarm():
    io.open = builtins.open = OPEN
    os.replace, os.rename, os.fsync = REPLACE, RENAME, FSYNC
