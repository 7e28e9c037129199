"""What every test needs: a progress folder of its own, CI size, and one thread per worker."""

import atexit
import os
import shutil
import signal
import tempfile

from hypothesis import settings

# Set before torch is imported anywhere, and inherited by every kernel that a test starts.
os.environ["GAN_COURSE_HOME"] = tempfile.mkdtemp(prefix="gan-course-test-")
atexit.register(shutil.rmtree, os.environ["GAN_COURSE_HOME"], ignore_errors=True)
os.environ.setdefault("GAN_COURSE_FAST", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts us in the background makes us, and all we start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A first call warms torch up, and machines of a class are slow: no deadline per example.
settings.register_profile("course", deadline=None)
settings.load_profile("course")
