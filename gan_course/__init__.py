"""The code behind the GAN course: real models, one readable training loop, labs and checkers.

Importing this package is cheap on purpose: nothing here imports torch. Take what you need from
the room where it lives, for example ``from gan_course.models import DCGANGenerator``.
"""

__version__ = "0.1.0"
