"""What can be measured of a generator: each number says by what it was measured."""

from gan_course.evaluation.classifier import Classifier, load_classifier
from gan_course.evaluation.coverage import coverage, stacked_classes
from gan_course.evaluation.features import load_extractor
from gan_course.evaluation.frechet import frechet_distance
from gan_course.evaluation.kernel import kernel_distance
from gan_course.evaluation.neighbours import Neighbours
from gan_course.evaluation.precision_recall import precision_recall
from gan_course.evaluation.report import Report, evaluate, tracked_metric

__all__ = [
    "Classifier",
    "Neighbours",
    "Report",
    "coverage",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
    "load_classifier",
    "load_extractor",
    "precision_recall",
    "stacked_classes",
    "tracked_metric",
]
