"""Shifts: each image moves as told, real and fake alike, and gradients find their way back."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_course.training.augment import (
    UNCHANGED,
    AdaptiveAugment,
    change,
    draw_changes,
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


def as_changes(**parts):
    names = ("down", "right", "light", "saturation", "contrast", "y", "x")
    row = dict(zip(names, UNCHANGED, strict=True)) | parts
    return torch.tensor([list(row.values())], dtype=torch.float64)


def test_each_part_of_a_change_by_hand():
    images = torch.rand(1, 3, 12, 12, dtype=torch.float64) * 2 - 1
    close = torch.testing.assert_close
    close(change(images, as_changes()), images)
    close(change(images, as_changes(light=0.3)), images + 0.3)
    grey = images.mean(1, keepdim=True).expand_as(images)
    close(change(images, as_changes(saturation=0.0)), grey)
    close(change(images, as_changes(contrast=0.0)), images.mean().expand_as(images))
    close(
        change(images, as_changes(down=2.0, right=-1.0)), translate(images, torch.tensor([[2, -1]]))
    )
    cut = change(images, as_changes(y=0.5, x=0.0))
    assert (
        cut[:, :, 4:8, :2] == -1
    ).all()  # a third high, and half of its width is beyond the edge
    cut[:, :, 4:8, :2] = images[:, :, 4:8, :2]
    close(cut, images)


def test_the_gradient_comes_back_through_a_change():
    images = torch.rand(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    some = draw_changes("all", 2, 6, torch.Generator().manual_seed(0))[:, 0]
    assert torch.autograd.gradcheck(lambda x: change(x, some), images)


@pytest.mark.parametrize(
    ("kind", "drawn"), [("color", (2, 3, 4)), ("cutout", (5, 6)), ("all", range(7))]
)
def test_changes_are_drawn_as_far_as_told_and_nothing_else_is(kind, drawn):
    changes = draw_changes(kind, 4000, 32, torch.Generator().manual_seed(0))
    assert changes.shape == (4000, 2, 7)
    for i, (low, high) in enumerate(
        [(-4, 4), (-4, 4), (-0.5, 0.5), (0.5, 1.5), (0.5, 1.5), (0, 1), (0, 1)]
    ):
        values = changes[..., i]
        if i not in drawn:
            assert (values == UNCHANGED[i]).all()
            continue
        assert values.min() >= low and values.max() <= high
        assert values.min() < low + 0.01 * (high - low) and values.max() > high - 0.01 * (
            high - low
        )
    again = draw_changes(kind, 4000, 32, torch.Generator().manual_seed(0))
    assert torch.equal(changes, again) and not torch.equal(changes[:, 0], changes[:, 1])


@pytest.mark.parametrize("kind", ["translation", "affine", "color", "cutout", "all"])
def test_a_share_leaves_the_others_as_they_are(kind):
    images = torch.rand(400, 1, 16, 16) * 2 - 1
    rng = torch.Generator().manual_seed(0)
    none = draw_moves(kind, 400, 16, rng, 0.0)
    torch.testing.assert_close(moved(images, none[:, 0]), images, rtol=0, atol=1e-5)
    some = moved(images, draw_moves(kind, 400, 16, rng, 0.3)[:, 0])
    share = ((some - images).abs().amax(dim=(1, 2, 3)) > 1e-4).float().mean()
    assert 0.2 < share < 0.36
    whole = draw_moves(kind, 4, 16, torch.Generator().manual_seed(1))
    assert torch.equal(whole, draw_moves(kind, 4, 16, torch.Generator().manual_seed(1), 1.0))


def test_the_share_follows_ds_certainty_within_its_limits():
    adaptive = AdaptiveAugment(images=1000)
    sure, unsure = torch.tensor([3.0, 1.0, 2.0, 0.1]), torch.tensor([9.0, -1.0, -2.0, -0.1])
    shares = []
    for logits in [sure] * 12 + [unsure] * 3:
        adaptive.look(logits)
        adaptive.move(float(adaptive.mean_of_signs()), 100)
        shares.append(round(adaptive.p, 6))
    assert shares[:9] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8]
    assert shares[12:] == [0.7, 0.6, 0.5] and not adaptive.leaks
    adaptive.p = 0.8
    assert adaptive.leaks
    adaptive.look(sure, boundary=1.5)  # two above it, two below
    assert adaptive.mean_of_signs() == 0
    adaptive.p = 0.0
    adaptive.move(-1.0, 100)
    assert adaptive.p == 0


def test_its_state_holds_what_was_noted_since_the_last_move():
    first, second = AdaptiveAugment(images=100), AdaptiveAugment(images=100)
    first.look(torch.ones(4))
    first.move(0.9, 10)
    first.look(torch.tensor([1.0, -1.0, -1.0]))
    second.restore(first.state(), torch.device("cpu"))
    for adaptive in (first, second):
        adaptive.look(torch.ones(2))
    assert torch.equal(first.mean_of_signs(), second.mean_of_signs())
    assert (first.p, first.mean_sign) == (second.p, second.mean_sign) == (0.1, 0.9)
    assert torch.equal(first.state(), second.state())


def test_augment_says_which_moves():
    rng = torch.Generator().manual_seed(0)
    assert draw_moves("all", 4, 32, rng).shape == (4, 2, 7)
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
