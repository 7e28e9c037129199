"""The shipped weights are what their cards say."""

import re

import pytest
import torch
from digits_classifier import class_shares, trained_classifier
from real_data import real_mnist

from gan_course.errors import CourseError
from gan_course.evaluation.classifier import judge, load_classifier
from gan_course.labs.latent import draw_images, noise
from gan_course.pretrained import FOLDER, available, load_pretrained


def test_every_file_is_small_and_has_a_card():
    assert "digits" in available()
    for name in available():
        assert (FOLDER / f"{name}.safetensors").stat().st_size < 4_000_000
        card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        for word in ("data", "trained by", "images seen", "time and device", "Licence", "seed"):
            assert word in card


def test_digits_cover_all_ten_classes_evenly():
    _, accuracy = trained_classifier()
    assert accuracy >= 0.97
    generator = load_pretrained("digits")
    shares = class_shares(generator.generate(1000, torch.Generator().manual_seed(5)))
    assert shares.min() > 0.04 and shares.max() < 0.2
    # the figures of the card
    card = (FOLDER / "digits.md").read_text(encoding="utf-8")
    assert abs(shares.min() - 0.081) < 0.01 and "8.1 %" in card
    assert abs(shares.max() - 0.118) < 0.01 and "11.8 %" in card


@pytest.mark.slow
def test_mnist_is_as_good_as_its_card_says():
    generator = load_pretrained("mnist")
    images = generator.generate(2000, torch.Generator().manual_seed(5))
    verdict = judge(load_classifier("mnist"), images)
    card = (FOLDER / "mnist.md").read_text(encoding="utf-8")
    sure = float(re.search(r"surer than 0\.9 on ([\d.]+) % of the images", card).group(1)) / 100
    far = float(re.search(r"are ([\d.]+) from uniform", card).group(1))
    assert verdict.confident() == pytest.approx(sure, abs=0.005) and sure > 0.8
    assert verdict.distance_from_uniform() == pytest.approx(far, abs=0.005) and far < 0.08


def test_mnist_is_not_learned_by_heart(tmp_path, monkeypatch):
    """No more fakes lie very near to a training image than other training images do."""
    training = real_mnist(tmp_path, monkeypatch)
    real = training.take(torch.arange(10_000)).flatten(1)
    fake = load_pretrained("mnist").generate(500, torch.Generator().manual_seed(5)).flatten(1)
    to_fake = torch.cdist(fake, real).min(dim=1).values
    to_real = torch.cdist(real[:500], real).topk(2, largest=False).values[:, 1]  # not itself
    assert (to_fake < to_real.quantile(0.01)).float().mean() <= 0.02
    assert to_fake.median() >= to_real.median()


def test_the_generator_is_ready_to_use():
    generator = load_pretrained("digits")
    assert not generator.training
    assert next(generator.parameters()).dtype == torch.float32
    assert sum(p.numel() for p in generator.parameters()) == 295_873
    assert generator.generate(2).shape == (2, 1, 32, 32)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CourseError, match=r"'cats' ships .* digits"):
        load_pretrained("cats")


@pytest.mark.slow
def test_cifar10_is_as_varied_as_its_card_says():
    generator = load_pretrained("cifar10")
    images = generator.generate(2000, torch.Generator().manual_seed(5))
    verdict = judge(load_classifier("photographs"), images)
    card = (FOLDER / "cifar10.md").read_text(encoding="utf-8")
    rarest, commonest, sure = numbers_after(card, "takes", "rarest class and", "surer than 0.9 on")
    assert verdict.shares.min() * 100 == pytest.approx(rarest, abs=1)
    assert verdict.shares.max() * 100 == pytest.approx(commonest, abs=1)
    assert verdict.confident() * 100 == pytest.approx(sure, abs=1)
    assert verdict.shares.min() > 0.01, "a class is missing"


@pytest.mark.slow
def test_sagan_cifar10_draws_what_it_is_asked_for_as_often_as_its_card_says():
    generator = load_pretrained("cifar10-sagan")
    labels = torch.arange(2000) % 10
    images = draw_images(generator, noise(5, 2000, generator.latent_dim), labels)
    classifier = load_classifier("photographs")
    with torch.no_grad():
        said = torch.cat([classifier(part).argmax(dim=1) for part in images.split(250)])
    agree = (said == labels).double().mean().item()
    card = (FOLDER / "cifar10-sagan.md").read_text(encoding="utf-8")
    (share,) = numbers_after(card, "the classifier takes")
    assert agree * 100 == pytest.approx(share, abs=1)
    assert agree > 0.2, "no better than drawing any class for any label"


def numbers_after(card: str, *words: str) -> list[float]:
    """The first number after each of these words."""
    return [float(re.search(re.escape(word) + r"\s+([\d.]+) %", card)[1]) for word in words]
