"""Shifts: each image moves as told, real and fake alike, and gradients find their way back."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_course.training.augment import (
    draw_maps,
    draw_moves,
    draw_shifts,
    moved,
    transform,
    translate,
)
from gan_course.training.step import training_step


def moved_by_hand(image, down, right):
    """Pad with copies of the edge, and cut out another window."""
    reach = max(abs(down), abs(right))
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    return padded[:, reach - down : reach - down + height, reach - right : reach - right + width]


def test_each_image_moves_by_its_own_shift():
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(20, 3, 6, 9, generator=rng)
    shifts = torch.randint(-4, 5, (20, 2), generator=rng)
    for image, shift, out in zip(images, shifts.tolist(), moved(images, shifts), strict=True):
        np.testing.assert_array_equal(out.numpy(), moved_by_hand(image.numpy(), *shift))


def test_without_a_shift_nothing_moves():
    images = torch.rand(2, 1, 4, 4)
    assert moved(images, None) is images
    assert torch.equal(translate(images, torch.zeros(2, 2, dtype=torch.int64)), images)


def test_the_gradient_moves_back():
    """Also where the edge was repeated: its gradients add up there."""
    images = torch.rand(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    shifts = torch.tensor([[2, -1], [0, 3]])
    assert torch.autograd.gradcheck(lambda x: translate(x, shifts), images)
    translate(images, shifts)[0, 0, 0, 0].backward()
    assert images.grad[0, 0, 0, 1] == 1 and images.grad.sum() == 1  # moved down and to the left


@pytest.mark.parametrize(("size", "reach"), [(16, 2), (32, 4), (64, 8)])
def test_shifts_reach_an_eighth_and_all_of_it(size, reach):
    shifts = draw_shifts(500, size, torch.Generator().manual_seed(0))
    assert shifts.shape == (500, 2, 2)
    assert sorted(shifts.unique().tolist()) == list(range(-reach, reach + 1))
    again = draw_shifts(500, size, torch.Generator().manual_seed(0))
    assert torch.equal(shifts, again)


def as_map(shift, size):
    """The affine map that moves by whole pixels."""
    down, right = shift
    return [[1, 0, -2 * right / size], [0, 1, -2 * down / size]]


def test_a_map_that_only_shifts_is_a_shift():
    images = torch.rand(20, 3, 8, 8)
    shifts = torch.randint(-3, 4, (20, 2))
    maps = torch.tensor([as_map(shift, 8) for shift in shifts.tolist()])
    torch.testing.assert_close(moved(images, maps), translate(images, shifts))


def test_a_map_can_turn_and_its_gradient_comes_back():
    images = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    quarter = torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]] * 2)
    turned = transform(images, quarter)
    torch.testing.assert_close(turned, images.rot90(-1, (2, 3)))
    some = draw_maps(2, torch.Generator().manual_seed(0))[:, 0]
    assert torch.autograd.gradcheck(lambda x: transform(x, some), images)


def test_maps_turn_scale_slant_and_shift_as_far_as_told():
    maps = draw_maps(5000, torch.Generator().manual_seed(0))
    assert maps.shape == (5000, 2, 2, 3)
    assert 0.24 < maps[..., 2].abs().max() <= 0.25  # an eighth of a width of 2
    determinant = torch.linalg.det(maps[..., :2])
    assert determinant.min() > 0.4 and determinant.max() < 2  # no image is folded or lost
    assert maps.flatten(0, 1).mean(0).sub(torch.tensor([[1.0, 0, 0], [0, 1, 0]])).abs().max() < 0.03
    again = draw_maps(5000, torch.Generator().manual_seed(0))
    assert torch.equal(maps, again) and not torch.equal(maps[:, 0], maps[:, 1])


def test_augment_says_which_moves():
    rng = torch.Generator().manual_seed(0)
    assert draw_moves("translation", 4, 32, rng).shape == (4, 2, 2)
    assert draw_moves("affine", 4, 32, rng).shape == (4, 2, 2, 3)


class Watching(nn.Module):
    """A D that keeps what it is shown."""

    def __init__(self):
        super().__init__()
        self.linear, self.seen = nn.Linear(64, 1), []

    def forward(self, images):
        self.seen.append(images.detach())
        return self.linear(images.flatten(1)).squeeze(1)


def test_d_sees_real_and_fake_moved_in_its_turn_and_in_gs():
    generator = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8)))
    discriminator = Watching()
    optimizers = [torch.optim.SGD(m.parameters(), 0.01) for m in (generator, discriminator)]
    real, z = torch.rand(6, 1, 8, 8), torch.randn(6, 4)
    shifts = draw_shifts(6, 8, torch.Generator().manual_seed(0))
    stats = training_step(
        generator, discriminator, *optimizers, real, z, discriminator_steps=2, moves=shifts
    )
    fakes_2 = stats.images_fake  # those of the second part, unmoved
    real_1, _, real_2, fake_2, again = discriminator.seen
    assert torch.equal(real_1, translate(real[:3], shifts[:3, 0]))
    assert torch.equal(real_2, translate(real[3:], shifts[3:, 0]))
    assert torch.equal(fake_2, translate(fakes_2, shifts[3:, 0]))
    assert torch.equal(again, translate(fakes_2, shifts[3:, 1]))
    assert all(p.grad.abs().sum() > 0 for p in generator.parameters())
