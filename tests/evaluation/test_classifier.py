"""The judge: its arithmetic, its files, and what the shipped ones can do."""

import subprocess
import sys

import pytest
import torch
from real_data import real_mnist, real_photographs
from safetensors.torch import save_file

from gan_course.data import load_images, load_photograph
from gan_course.errors import CourseError
from gan_course.evaluation import Classifier, frechet_distance, load_classifier, load_extractor
from gan_course.evaluation.classifier import FOLDER, Verdict, available_classifiers, judge
from gan_course.evaluation.train_classifier import accuracy, shaken, train_classifier


def test_every_shipped_classifier_is_small_and_has_a_card():
    assert "mnist" in available_classifiers()
    for name in available_classifiers():
        assert (FOLDER / f"{name}.safetensors").stat().st_size < 2_000_000
        card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        for word in ("data", "trained by", "right on", "time and device", "Licence", "seed"):
            assert word in card


def test_the_features_come_before_the_logits():
    classifier = load_classifier("mnist")
    images = torch.rand(5, 1, 32, 32) * 2 - 1
    features = classifier.features(images)
    assert features.shape == (5, 64) and features.min() >= 0
    assert torch.equal(classifier.to_logits(features), classifier(images))


def test_a_verdict_by_hand():
    verdict = Verdict(
        classes=torch.tensor([0, 0, 0, 1]),
        confidence=torch.tensor([0.95, 0.9, 0.5, 0.89]),
        shares=torch.tensor([0.75, 0.25]),
    )
    assert verdict.confident() == 0.5
    assert verdict.distance_from_uniform() == 0.25


def test_judge_counts_and_does_not_depend_on_the_batch_size():
    classifier = load_classifier("mnist")
    images = torch.rand(30, 1, 32, 32) * 2 - 1
    one, other = judge(classifier, images, 7), judge(classifier, images, 30)
    assert torch.equal(one.classes, other.classes)
    torch.testing.assert_close(one.confidence, other.confidence)
    assert one.shares.sum() == pytest.approx(1)


def test_the_mnist_classifier_is_as_good_as_its_card_says(tmp_path, monkeypatch):
    images = real_mnist(tmp_path, monkeypatch)
    torch.manual_seed(0)
    test = torch.randperm(10_000)[:2_000]
    assert accuracy(load_classifier("mnist"), images, test) == pytest.approx(0.9955, abs=0.001)


@pytest.mark.slow
def test_the_classifier_of_photographs_is_as_good_as_its_card_says():
    torch.manual_seed(0)
    held_out = torch.randperm(50_000)[:5_000]  # drawn as in training
    images, labels = real_photographs(held_out.tolist())
    verdict = judge(load_classifier("photographs"), images)
    assert (verdict.classes == labels).float().mean() == pytest.approx(0.841, abs=0.003)
    assert verdict.confident() == pytest.approx(0.655, abs=0.005)


def test_the_features_of_photographs_see_noise():
    """On 80 tiles of the sample photographs. Leaving two of them out is a small change."""
    images = torch.cat([load_photograph(name, 256) for name in ("china", "flower")])
    tiles = images.unfold(2, 32, 32).unfold(3, 32, 32)  # (2, 3, 5, 8, 32, 32)
    tiles = tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 32, 32)
    extract = load_extractor("photographs")
    rng = torch.Generator().manual_seed(0)
    noisy = tiles + 0.2 * torch.randn(tiles.shape, generator=rng)
    real = extract(tiles)
    assert real.shape == (80, 128) and real.min() >= 0
    assert extract(tiles.mean(1, keepdim=True)).shape == (80, 128)  # grey images will do
    assert frechet_distance(real, extract(noisy)) > 5 * frechet_distance(real, real[2:])


def test_judge_refuses_train_mode():
    with pytest.raises(ValueError, match="eval"):
        judge(Classifier(), torch.zeros(2, 1, 32, 32))


def test_wrong_images_are_named():
    with pytest.raises(ValueError, match=r"\(2, 3, 32, 32\).*\(N, 1, 32, 32\)"):
        load_classifier("mnist")(torch.zeros(2, 3, 32, 32))


def test_a_missing_or_foreign_file_is_a_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"'cats' ships .*mnist"):
        load_classifier("cats")
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(CourseError, match="does not hold the weights"):
        load_classifier(tmp_path / "x.safetensors")


def test_its_own_file_loads_again(tmp_path):
    classifier = Classifier(3, 4, 8, 16).eval()
    save_file(classifier.state_dict(), tmp_path / "own.safetensors")
    again = load_classifier(tmp_path / "own.safetensors")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), classifier(images))


def test_shaking_moves_what_is_there_and_keeps_the_range():
    images = torch.full((50, 1, 32, 32), -1.0)
    images[:, :, 12:20, 12:20] = 1
    for photographs in (False, True):
        moved = shaken(images, photographs)
        assert moved.shape == images.shape
        assert moved.min() >= -1 and moved.max() <= 1
        assert len(moved.unique(dim=0)) > 20  # photographs move by whole pixels: some alike
        assert (moved > 0).sum((1, 2, 3)).float().mean() == pytest.approx(64, rel=0.25)


def test_training_learns_digits_and_the_test_part_was_never_shown():
    digits = load_images("digits")
    classifier, right, num_test = train_classifier(digits, epochs=3, base=8)
    assert num_test == 359 and not classifier.training
    assert right > 0.9
    torch.manual_seed(0)
    rows = torch.randperm(len(digits))[:num_test]
    assert accuracy(classifier, digits, rows) == right


def test_no_labels_no_learning():
    digits = load_images("digits")
    digits.labels = None
    with pytest.raises(CourseError, match="no labels"):
        train_classifier(digits, epochs=1)


def test_the_command_says_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "gan_course.evaluation.train_classifier", "--output", "x.txt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "train_classifier: --output must end in .safetensors, but is x.txt."
    )
