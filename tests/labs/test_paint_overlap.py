"""PaintOverlap's picture follows its numbers, and its numbers are torch's."""

import numpy as np
import pytest

from gan_course.arithmetic import overlap_counts
from gan_course.labs import PaintOverlap


@pytest.mark.parametrize(
    ("kernel_size", "inner"), [(2, {1}), (3, {1, 2, 4}), (4, {4}), (5, {4, 6, 9})]
)
def test_interior_counts_at_stride_2(kernel_size, inner):
    lab = PaintOverlap(kernel_size=kernel_size, stride=2, locked=False)
    assert set(lab.figure_data()["interior"].flatten().int().tolist()) == inner
    counts = overlap_counts(kernel_size, 2, 6)
    row = lab.figure_data()["output"].amax(dim=0) / max(counts)
    assert row.int().tolist() == counts


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", range(1, 8))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_unevenness_with_ones_is_zero_exactly_when_the_stride_divides(kernel_size, stride, layers):
    lab = PaintOverlap(kernel_size=kernel_size, stride=stride, layers=layers, locked=False)
    data = lab.figure_data()
    if data["interior"].numel() > 1:
        assert (data["unevenness"] < 1e-5) == (kernel_size % stride == 0)


@pytest.mark.parametrize("weights", ["ones", "random"])
def test_resizing_is_even_inside_whatever_the_weights(weights):
    for layers in (1, 2, 3):
        lab = PaintOverlap(method="resize", weights=weights, layers=layers, locked=False)
        assert lab.figure_data()["unevenness"] < 1e-5


def test_picture_follows_the_numbers():
    lab = PaintOverlap(kernel_size=4, locked=False)
    even = np.asarray(lab.render())
    lab.kernel_size = 3
    uneven = np.asarray(lab.render())
    # right half, inside the frame: one grey, or several
    size = len(lab.figure_data()["output"])
    scale = lab.still_scale
    top, left, cell = 44 * scale, 440 * scale, 310 * scale / size
    inside = np.s_[
        int(top + 3 * cell) : int(top + 8 * cell), int(left + 3 * cell) : int(left + 8 * cell)
    ]
    assert len(np.unique(even[inside].reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(uneven[inside].reshape(-1, 3), axis=0)) >= 3


def test_nothing_is_shown_before_the_guess_and_the_guess_is_kept():
    lab = PaintOverlap()
    hidden = np.asarray(lab.render())
    lab.ui()
    assert "guess" in lab.alt_text().lower()
    lab.predict_even(3)
    assert lab.predictions == [
        {"question": lab.predictions[0]["question"], "answer": 3, "truth": 4, "right": False}
    ]
    assert not lab.locked and (np.asarray(lab.render()) != hidden).any()
    assert "varies by 46%" in lab.alt_text()


def test_live_picture_is_svg_with_alt_and_changes():
    lab = PaintOverlap(locked=False)
    lab.ui()
    before = lab._picture.value
    lab.stride = 3
    assert lab._picture.value != before and 'role="img"' in lab._picture.value
