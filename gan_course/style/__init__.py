"""Neural style transfer: the content of one picture, redrawn in the style of another.

Source: Gatys, Ecker & Bethge, "A Neural Algorithm of Artistic Style" (2015), and "Image Style
Transfer Using Convolutional Neural Networks" (2016).
"""

from gan_course.style.losses import content_loss, gram_matrix, style_loss, total_variation
from gan_course.style.networks import NETWORKS, FeatureNetwork, load_network
from gan_course.style.transfer import Losses, Result, StyleTransfer, stylize

__all__ = [
    "NETWORKS",
    "FeatureNetwork",
    "Losses",
    "Result",
    "StyleTransfer",
    "content_loss",
    "gram_matrix",
    "load_network",
    "style_loss",
    "stylize",
    "total_variation",
]
