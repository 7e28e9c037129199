"""Clouds of points: the right shape, the right density, and sentences for what cannot be used."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_course.errors import CourseError
from gan_course.toy import DISTRIBUTIONS, ToyConfig, ToyGame, make_distribution, measure

NEEDS = {
    "drawn": {"points": [(0, 0), (1, 1), (-2, 0.5)]},
    "table": {"data": np.random.default_rng(0).normal(size=(50, 2))},
    "picture": {"image": np.eye(20) * -255.0 + 255.0},
}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def make(name):
    return make_distribution(name, **NEEDS.get(name, {}))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_samples_lie_in_the_plane_and_come_from_the_rng(name):
    real = make(name)
    points = real.sample(2000, rng())
    assert points.shape == (2000, 2) and points.dtype == torch.float32
    assert float(points.abs().max()) <= 3
    assert torch.equal(points, real.sample(2000, rng()))
    assert not torch.equal(points, real.sample(2000, rng(1)))
    assert torch.allclose(points.mean(dim=0), real.mean(), atol=0.15)
    if real.modes is not None:
        assert float(real.shares.sum()) == pytest.approx(1) and len(real.modes) == len(real.shares)


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "table"])
def test_the_density_has_mass_1_and_fits_the_samples(name):
    real = make(name)
    side = torch.linspace(-3.5, 3.5, 281)
    grid = torch.cartesian_prod(side, side)
    density = real.density(grid)
    cell = float(side[1] - side[0]) ** 2
    assert float(density.sum()) * cell == pytest.approx(1, abs=0.02)
    # The right half holds as much of the samples as of the density.
    right = float(density[grid[:, 0] > 0.4].sum()) * cell
    samples = real.sample(20_000, rng())
    assert float((samples[:, 0] > 0.4).float().mean()) == pytest.approx(right, abs=0.03)


def test_a_table_has_no_density():
    assert make("table").density(torch.zeros(3, 2)) is None


def test_the_modes_and_their_shares():
    assert len(make("ring8").modes) == 8 and len(make("grid25").modes) == 25
    assert make("moons").modes is None
    uneven = make_distribution("imbalanced", share=0.8)
    left = (uneven.sample(10_000, rng())[:, 0] < 0).float().mean()
    assert uneven.shares.tolist() == pytest.approx([0.8, 0.2]) and abs(left - 0.8) < 0.02


def test_the_far_generator_starts_four_and_a_half_away():
    game = ToyGame(ToyConfig(distribution="far", units=16))
    assert measure(game)["distance"] == pytest.approx(4.5, abs=0.6)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cats", {}, "no distribution called 'cats'"),
        ("ring8", {"size": 2}, "ring8 has no option 'size'; it has sigma, radius"),
        ("ring8", {"sigma": 0}, r"sigma=0 .* in \(0, 1\]"),
        ("imbalanced", {"share": 0.3}, "it must lie in 0.5 to 0.99"),
        ("drawn", {}, "at least one point"),
        ("drawn", {"points": [1, 2]}, "a list of pairs"),
        ("drawn", {"points": [(0, 4)]}, r"the point \(0, 4\) lies outside"),
        ("drawn", {"points": [(0, float("nan"))]}, "lies outside"),
        ("table", {"data": np.ones((20, 2))}, "all 20 rows of the table are the same point"),
        ("table", {"data": np.ones((20, 1))}, "at least two columns"),
        ("table", {"data": np.eye(2)}, "has 2 rows"),
        ("table", {"data": "no-such-file.csv"}, "no-such-file.csv cannot be read"),
        ("table", {"data": [["a", "b"]]}, "must be an array of numbers"),
        ("table", {"data": [[0, 1]] * 12 + [[1, math.inf]]}, "row 13 of the table"),
        ("table", {"data": np.eye(20), "columns": (0, 20)}, "numbered 0 to 19"),
        ("picture", {"image": np.full((8, 8), 255)}, "no dark pixels"),
        ("picture", {"image": np.zeros((8, 8)), "invert": True}, "no light pixels"),
        ("picture", {"image": np.zeros((2, 3, 5))}, "is no picture"),
        ("picture", {"image": "no-such-picture.png"}, "cannot be read"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_used_is_told_in_a_sentence(name, options, said):
    with pytest.raises(CourseError, match=said):
        make_distribution(name, **options)


# ---- tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["{0},{1}", "{0}; {1}", "{0}\t{1}", "{0} {1}", "{0},{1},9"], ids=repr
)
@pytest.mark.parametrize("header", ["", "height,weight\n"], ids=["", "header"])
def test_a_csv_of_any_common_kind_is_read(tmp_path, line, header):
    path = tmp_path / "mine.csv"
    path.write_text(header + "\n".join(line.format(i, 2 * i) for i in range(12)) + "\n\n")
    real = make_distribution("table", data=path)
    assert len(real.centres) == 12
    # The longer side reaches from -2.5 to 2.5, and the shape stays.
    assert real.centres[:, 1].tolist() == pytest.approx(np.linspace(-2.5, 2.5, 12).tolist())
    assert real.centres[-1].tolist() == pytest.approx([1.25, 2.5])


def test_a_decimal_comma_is_understood(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("x;y\n" + "\n".join(f"{i},5;{i}" for i in range(12)))
    assert len(make_distribution("table", data=str(path)).centres) == 12


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no rows"),
        (b"x,y\n", "holds no rows"),
        (b"1,2\n3,4,5\n", "row 2 of .* has 3 values"),
        (b"1,2\n3,cat\n", "row 2 of .* is '3,cat'"),
        (b"\xff\xfe\x00binary", "is no text file"),
        (b"1,2\n3,\n", "row 2"),
    ],
)
def test_a_bad_csv_is_told_with_its_row(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=said):
        make_distribution("table", data=path)


NUMBERS = st.floats(-1e300, 1e300, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=10, max_size=40))
def test_any_table_lands_in_the_plane(rows):
    try:
        real = make_distribution("table", data=rows)
    except CourseError as error:
        assert "are the same point" in str(error)
        assert len(set(rows)) == 1 or np.ptp(np.array(rows) / 2, axis=0).max() == 0
        return
    assert float(real.centres.abs().max()) == pytest.approx(2.5, abs=1e-4)


# ---- pictures --------------------------------------------------------------------------------


def test_a_picture_is_the_right_way_up(tmp_path):
    # Ink only in the upper left corner.
    pixels = np.full((40, 40), 255, dtype=np.uint8)
    pixels[:10, :10] = 0
    path = tmp_path / "corner.png"
    Image.fromarray(pixels).save(path)
    for image in (path, str(path), Image.open(path), pixels, pixels / 255.0):
        x, y = make_distribution("picture", image=image).mean().tolist()
        assert x == pytest.approx(-1.875, abs=0.05) and y == pytest.approx(1.875, abs=0.05)


def test_darker_pixels_get_more_points_and_paper_none():
    pixels = np.full((10, 10), 255.0)
    pixels[:, 0], pixels[:, 9], pixels[:, 5] = 0, 102, 250  # darkness 1, 0.6 and nearly none
    points = make_distribution("picture", image=pixels).sample(4000, rng())
    left = float((points[:, 0] < 0).float().mean())
    assert left == pytest.approx(1 / 1.6, abs=0.03)


def test_a_large_transparent_picture_is_reduced_and_empty_parts_are_paper():
    picture = Image.new("RGBA", (640, 320), (0, 0, 0, 0))
    picture.paste((200, 0, 0, 255), (0, 0, 320, 320))
    real = make_distribution("picture", image=picture)
    assert len(real.centres) == 32 * 32
    assert real.mean().tolist() == pytest.approx([-1.25, 0.0], abs=0.01)


def test_a_file_that_is_no_picture_is_told(tmp_path):
    path = tmp_path / "words.png"
    path.write_text("no picture")
    with pytest.raises(CourseError, match="is no image that can be read"):
        make_distribution("picture", image=path)
