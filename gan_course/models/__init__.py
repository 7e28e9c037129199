"""The networks of the course, one architecture a file, each readable from top to bottom."""

from gan_course.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_course.models.init import init_weights

__all__ = ["DCGANDiscriminator", "DCGANGenerator", "init_weights"]
