"""A small classifier for the digits, to ask whether generated ones cover all ten classes.

A support vector machine on 16x16 pixels, trained on half of the real digits. It is independent of
everything in gan_course but the data.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from gan_course.data import load_images


def features(images):
    """(N, 1, 32, 32) in [-1, 1] -> (N, 256)."""
    return F.avg_pool2d(images, images.shape[-1] // 16).flatten(1).numpy()


@functools.cache
def trained_classifier():
    """The classifier and its accuracy on the half that it has not seen."""
    data = load_images("digits", 32)
    x = features(data.take(torch.arange(len(data))))
    y = data.labels.numpy()
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.5, random_state=0, stratify=y
    )
    classifier = SVC(C=10).fit(x_train, y_train)
    return classifier, classifier.score(x_test, y_test)


def class_shares(images):
    """Share of each of the ten classes among generated images, by the classifier."""
    classifier, _ = trained_classifier()
    predicted = classifier.predict(features(images))
    return np.bincount(predicted, minlength=10) / len(predicted)
