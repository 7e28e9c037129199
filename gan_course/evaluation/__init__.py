"""What can be measured of a generator: each number says by what it was measured."""

from gan_course.evaluation.classifier import Classifier, load_classifier
from gan_course.evaluation.frechet import frechet_distance

__all__ = ["Classifier", "frechet_distance", "load_classifier"]
