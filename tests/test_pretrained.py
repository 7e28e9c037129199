"""The shipped weights are what their cards say."""

import pytest
import torch
from digits_classifier import class_shares, trained_classifier

from gan_course.errors import CourseError
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


def test_the_generator_is_ready_to_use():
    generator = load_pretrained("digits")
    assert not generator.training
    assert next(generator.parameters()).dtype == torch.float32
    assert sum(p.numel() for p in generator.parameters()) == 295_873
    assert generator.generate(2).shape == (2, 1, 32, 32)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CourseError, match=r"'cats' ships .* digits"):
        load_pretrained("cats")
