"""The code behind the GAN course: real models, one readable training loop, labs and checkers.

Importing this package is cheap on purpose: nothing here imports torch. Take what you need from
the room where it lives, for example ``from gan_course.models import DCGANGenerator``.
"""

import os

__version__ = "0.1.0"


def fast_mode() -> bool:
    """True when the environment variable GAN_COURSE_FAST is set: lessons then run at CI size."""
    return os.environ.get("GAN_COURSE_FAST", "0") not in ("", "0")
