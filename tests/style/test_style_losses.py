"""The losses of style transfer, by hand and against their own properties."""

import pytest
import torch

from gan_course.style import content_loss, gram_matrix, style_loss, total_variation

# Two channels, two rows, two columns.
MAPS = torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [3.0, 0.0]]]])


def test_the_gram_matrix_by_hand():
    # channel 1 with itself: 1 + 4 + 0 + 1 = 6; with channel 2: 0 + 2 + 0 + 0; 2 with 2: 1 + 9
    expected = torch.tensor([[[6.0, 2.0], [2.0, 10.0]]]) / (2 * 2 * 2)
    assert torch.equal(gram_matrix(MAPS), expected)


def test_the_three_losses_by_hand():
    other = torch.zeros(1, 2, 2, 2)
    assert content_loss(MAPS, other).item() == pytest.approx((1 + 4 + 1 + 1 + 9) / 8)
    gram_of_other = gram_matrix(other)
    assert style_loss(MAPS, gram_of_other).item() == pytest.approx(
        (0.75**2 + 2 * 0.25**2 + 1.25**2) / 4
    )
    # down: |0-1|, |1-2|, |3-0|, |0-1|; across: |2-1|, |1-0|, |1-0|, |0-3|
    assert total_variation(MAPS).item() == pytest.approx((1 + 1 + 3 + 1) / 4 + (1 + 1 + 1 + 3) / 4)


def test_the_gram_matrix_forgets_where():
    maps = torch.rand(2, 5, 6, 7)
    order = torch.randperm(6 * 7)
    shuffled = maps.flatten(2)[:, :, order].view_as(maps)
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(maps), rtol=1e-5, atol=1e-6)
    assert content_loss(shuffled, maps) > 0.05
    tiled = maps.repeat(1, 1, 2, 3)
    torch.testing.assert_close(gram_matrix(tiled), gram_matrix(maps), rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_finite_differences():
    maps = torch.rand(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    torch.autograd.gradcheck(lambda x: content_loss(x, target), maps)
    torch.autograd.gradcheck(lambda x: style_loss(x, gram_matrix(target)), maps)
    torch.autograd.gradcheck(total_variation, maps)
