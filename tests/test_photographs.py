"""Pictures for style transfer: any mode, turned, transparent, huge, tiny, broken."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_course.data import load_photograph, to_uint8
from gan_course.errors import CourseError


@pytest.mark.parametrize("name", ["china", "flower"])
def test_the_samples_come_along(name):
    picture = load_photograph(name)
    assert picture.shape == (1, 3, 171, 256)
    assert picture.min() >= -1 and picture.max() <= 1 and picture.std() > 0.2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_a_picture_of_any_mode(mode, tmp_path):
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr", "I;16", "F", "LA") else "x.png")
    Image.new("RGB", (50, 40), "white").convert(
        "L" if mode in ("I;16", "F", "LA") else mode
    ).convert(mode).save(path)
    assert load_photograph(path).shape == (1, 3, 40, 50)


def test_the_camera_s_note_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (60, 40)).save(tmp_path / "x.jpg", exif=exif)
    assert load_photograph(tmp_path / "x.jpg").shape == (1, 3, 60, 40)


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "x.png")
    assert bool((load_photograph(tmp_path / "x.png") == 1).all())


def test_large_becomes_smaller_and_tiny_larger(tmp_path):
    Image.new("RGB", (2000, 1000)).save(tmp_path / "large.png")
    assert load_photograph(tmp_path / "large.png", 128).shape == (1, 3, 64, 128)
    Image.new("RGB", (10, 5)).save(tmp_path / "tiny.png")
    assert load_photograph(tmp_path / "tiny.png").shape == (1, 3, 32, 64)


def test_an_open_file_will_do():
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    buffer.seek(0)
    picture = load_photograph(buffer)
    assert torch.equal(to_uint8(picture[0]).permute(1, 2, 0), torch.from_numpy(pixels))


def test_what_is_wrong_is_a_sentence(tmp_path, monkeypatch):
    def said(source, words, **choices):
        with pytest.raises(CourseError, match=words) as caught:
            load_photograph(source, **choices)
        assert "\n" not in str(caught.value)

    said("missing.png", "no picture missing.png.*china, flower")
    said(tmp_path, "cannot be read")
    (tmp_path / "text.png").write_text("no picture")
    said(tmp_path / "text.png", "not a picture that Pillow can read")
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(
        whole, "PNG"
    )
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:3000])
    said(tmp_path / "cut.png", "cut.png cannot be read")
    Image.new("RGB", (400, 20)).save(tmp_path / "strip.png")
    said(tmp_path / "strip.png", "400x20 pixels")
    Image.new("RGB", (2, 2)).save(tmp_path / "dot.png")
    said(tmp_path / "dot.png", "2x2 pixels")
    said("china", "32 to 2,048 pixels, not 4000", longest=4000)
    Image.new("RGB", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    said(tmp_path / "bomb.png", "bomb.png cannot be read")
