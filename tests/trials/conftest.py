"""Trials that are tried out, on few images."""

import dataclasses

import pytest

from gan_course.data import load_images


@pytest.fixture
def few_images(monkeypatch):
    """128 images of each set, for trainings and for what measures them."""

    def few(*arguments, **options):
        images = load_images(*arguments, **options)
        return dataclasses.replace(
            images, count=128, pixels=images.pixels[:128], labels=images.labels[:128]
        )

    monkeypatch.setattr("gan_course.training.trainer.load_images", few)
