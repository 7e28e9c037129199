"""What every test needs: a progress folder of its own, CI size, and one thread per worker."""

import atexit
import os
import re
import shutil
import signal
import tempfile

import pytest
from hypothesis import settings

# Set before torch is imported anywhere, and inherited by every kernel that a test starts.
os.environ["GAN_COURSE_HOME"] = tempfile.mkdtemp(prefix="gan-course-test-")
atexit.register(shutil.rmtree, os.environ["GAN_COURSE_HOME"], ignore_errors=True)
os.environ.setdefault("GAN_COURSE_FAST", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts us in the background makes us, and all we start, deaf to Ctrl-C; nohup to the
# end of the terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A first call warms torch up, and machines of a class are slow: no deadline per example.
settings.register_profile("course", deadline=None)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def seeded():
    """What a test draws does not hang on which tests its worker ran before."""
    import torch  # not above: what is set there must be set first

    torch.manual_seed(0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several workers, the tests of a file go to one of them; lessons in a browser to two."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            lesson = re.search(r"test_lesson\[\d*(\d)_", nodeid)
            if "trust/test_faults_" in nodeid:
                return "faults"  # they share a process that is slow to start
            half = f" {int(lesson[1]) % 2}" if lesson else ""
            return super()._split_scope(nodeid) + half

    return ByFile(config, log)
