"""The code behind the GAN course: real models, one readable training loop, labs and checkers.

Importing this package is cheap on purpose: nothing here imports torch. Take what you need from
the room where it lives, for example ``from gan_course.models import DCGANGenerator``.
"""

import os

__version__ = "0.1.0"

# While torch's threads wait for each other they keep their cores busy, for long. On a laptop whose
# browser wants a core too, the small networks of this course then train ten times slower. After
# this many turns a thread goes to sleep instead. Read once, when torch is first imported.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def fast_mode() -> bool:
    """True when the environment variable GAN_COURSE_FAST is set: lessons then run at CI size."""
    return os.environ.get("GAN_COURSE_FAST", "0") not in ("", "0")
