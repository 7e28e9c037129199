"""The networks of the course, one architecture a file, each readable from top to bottom."""

from gan_course.models.attention import SelfAttention2d
from gan_course.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_course.models.init import init_weights
from gan_course.models.msg_gan import MSGGANDiscriminator, MSGGANGenerator
from gan_course.models.progan import ProGANDiscriminator, ProGANGenerator
from gan_course.models.r3gan import R3GANDiscriminator, R3GANGenerator
from gan_course.models.sagan import SAGANDiscriminator, SAGANGenerator
from gan_course.models.simple import SimpleDiscriminator, SimpleGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MSGGANDiscriminator",
    "MSGGANGenerator",
    "ProGANDiscriminator",
    "ProGANGenerator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "SAGANDiscriminator",
    "SAGANGenerator",
    "SelfAttention2d",
    "SimpleDiscriminator",
    "SimpleGenerator",
    "init_weights",
]
