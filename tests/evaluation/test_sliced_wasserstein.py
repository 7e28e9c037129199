"""The sliced Wasserstein distance: what is equal, what is not, and on which scale it shows."""

import pytest
import torch
import torch.nn.functional as F

from gan_course.data.images import to_floats
from gan_course.data.photo_crops import photo_crops
from gan_course.errors import CourseError
from gan_course.evaluation.sliced_wasserstein import (
    laplacian_pyramid,
    random_patches,
    sliced_wasserstein,
)


@pytest.fixture(scope="module")
def pieces():
    images = to_floats(photo_crops(32, 120, seed=0).pixels)
    return images[:60], images[60:]


def test_the_pyramid_adds_up_to_the_image(pieces):
    levels = laplacian_pyramid(pieces[0])
    assert [level.shape[-1] for level in levels] == [16, 32]
    coarse = F.interpolate(levels[0], scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(coarse + levels[1], pieces[0])


def test_patches_are_pieces_of_the_image():
    image = torch.arange(256.0).view(1, 1, 16, 16)
    patches = random_patches(image, torch.Generator().manual_seed(0)).view(-1, 7, 7)
    assert len(patches) == 32 and (patches[:, :, 1:] - patches[:, :, :-1] == 1).all()
    assert (patches[:, 1:] - patches[:, :-1] == 16).all()


def test_other_pieces_of_the_same_photographs_are_near_and_damage_is_far(pieces):
    real, other = pieces
    floor = sliced_wasserstein(real, other)
    assert set(floor) == {16, 32} and sliced_wasserstein(real, other) == floor  # the seed decides
    # Without fine detail: it shows at 32 pixels, and not at 16.
    blurred = F.interpolate(F.avg_pool2d(other, 2), scale_factor=2, mode="bilinear")
    found = sliced_wasserstein(real, blurred)
    assert found[32] > 3 * floor[32] and found[16] < 1.5 * floor[16]
    # Another brightness: it shows at 16 pixels, and not in the detail.
    found = sliced_wasserstein(real, other + 1)
    assert found[16] > 3 * floor[16] and found[32] == pytest.approx(floor[32], rel=1e-2)


def test_two_gaussians_of_noise_by_the_closed_form():
    """Patches of noise with the standard deviations 1 and 2: along each direction |2 - 1| E|x|."""
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(200, 1, 16, 16, generator=rng) for _ in range(2))
    expected = (2 / torch.pi) ** 0.5
    assert sliced_wasserstein(a, 2 * b)[16] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (((4, 3, 16, 16), (5, 3, 16, 16)), "one shape"),
        (((4, 3, 24, 24), (4, 3, 24, 24)), "24x24 pixels"),
        (((1, 3, 16, 16), (1, 3, 16, 16)), "2 or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(shapes, said):
    with pytest.raises(CourseError, match=said):
        sliced_wasserstein(*(torch.zeros(shape) for shape in shapes))
