"""The pad shows the image of its z, the two ways differ as measured, and a planted copy is seen."""

import copy
import statistics
import time

import pytest
import torch

from gan_course.data import load_images, to_uint8
from gan_course.errors import CourseError
from gan_course.evaluation.neighbours import Neighbours
from gan_course.labs import LatentPad
from gan_course.labs.latent_pad import CORNER, STRIP
from gan_course.labs.latent_pad_picture import place
from gan_course.labs.sampler import draw_images, noise, strongest_directions
from gan_course.models import DCGANGenerator


def new_generator(size=16, channels=1, latent_dim=8, seed=0):
    torch.manual_seed(seed)
    generator = DCGANGenerator(size, channels, latent_dim, 4)
    with torch.no_grad():
        generator.stem[0].weight.mul_(20)  # images that differ clearly
    return generator.eval()


@pytest.fixture(scope="module")
def digits_pad():
    return LatentPad(revealed=True)


@pytest.fixture
def pad():
    generator = new_generator()
    return LatentPad(generator, draw_images(generator, noise(50, 40, 8)), revealed=True)


def pictures(lab):
    return [shape for name, shape in lab.draw().shapes if name == "picture"]


def texts(lab):
    return " ".join(shape["text"] for name, shape in lab.draw().shapes if name == "text")


# ---- z ---------------------------------------------------------------------------------------


def test_the_corners_of_the_plane_are_the_seeds(pad):
    for (x, y), seed in {
        (-CORNER, -CORNER): 0,
        (CORNER, -CORNER): 1,
        (-CORNER, CORNER): 2,
    }.items():
        pad.x, pad.y = x, y
        torch.testing.assert_close(pad.figure_data()["z"], noise(seed, 1, 8)[0])
    pad.seed_b, pad.x, pad.y = 9, CORNER, -CORNER
    torch.testing.assert_close(pad.figure_data()["z"], noise(9, 1, 8)[0])


def test_along_two_directions(pad):
    pad.plane = "directions"
    pad.x, pad.y = 1.0, -0.5
    moved = pad.figure_data()["z"] - noise(0, 1, 8)[0]
    first, second = strongest_directions(pad.generator, 2)
    torch.testing.assert_close(moved, 3.0 * first - 1.5 * second)


def test_the_directions_are_the_principal_ones_of_the_first_features():
    """PCA of what the linear layer puts out for many z, against what the lab moves along."""
    generator = new_generator()
    z = noise(3, 2_000, 8)
    z = torch.linalg.qr(z - z.mean(0)).Q  # no direction of z is favoured, not even by chance
    features = generator.stem[0](z).detach()
    components = torch.linalg.svd(features - features.mean(0), full_matrices=False).Vh[:2].T
    for direction, component in zip(strongest_directions(generator, 2), components.T, strict=True):
        change = generator.stem[0](direction[None])[0].detach()  # the layer has no bias
        cosine = torch.nn.functional.cosine_similarity(change, component, dim=0)
        assert abs(cosine) > 0.99


# ---- the picture -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"x": 0.5}, {"y": -0.7}, {"plane": "directions"}, {"seed_a": 7}, {"seed_b": 7}, {"seed_c": 7}],
    ids=str,
)
def test_the_picture_follows_every_trait(pad, change):
    pad.ui()
    before = pad._picture.value
    for name, value in change.items():
        setattr(pad, name, value)
    assert pad._picture.value != before
    data = pad.figure_data()
    [here] = pad.z_at(torch.tensor([pad.x]), torch.tensor([pad.y]))
    torch.testing.assert_close(data["z"], here)
    # The image beside the pad is what G makes of this z, and not an older one.
    expected = to_uint8(draw_images(pad.generator, data["z"][None]))[0, 0].numpy()
    assert (pictures(pad)[1]["pixels"] == expected).all()
    # The map is made of the images at the middles of its cells.
    [centre] = draw_images(pad.generator, pad.z_at(torch.zeros(1), torch.zeros(1)))
    assert (data["map"][24] - centre).abs().max() < 1e-5
    a, b = noise(pad.seed_a, 1, 8), noise(pad.seed_b, 1, 8)
    [middle] = draw_images(pad.generator, (a + b) / 2)
    assert (data["lerp"][STRIP // 2] - middle).abs().max() < 1e-5
    corner = pad.z_at(torch.tensor([-6 / 7]), torch.tensor([6 / 7]))  # top left
    assert (data["map"][0] - draw_images(pad.generator, corner)[0]).abs().max() < 1e-5


def test_the_marker_is_at_the_point(pad):
    assert place(-1, 1) == (0, 32) and place(1, -1) == (300, 332)
    pad.x, pad.y = 0.5, -0.5
    crosses = [s["points"] for name, s in pad.draw().shapes if name == "line"][:2]
    (x0, y0), (x1, _) = crosses[0]
    assert ((x0 + x1) / 2, y0) == place(0.5, -0.5)


def test_the_code_draws_the_same_image(pad):
    for plane in ("seeds", "directions"):
        pad.plane, pad.x, pad.y = plane, 0.3, -0.8
        names = {"generator": copy.deepcopy(pad.generator)}
        exec(pad.code(), names)
        assert (names["image"] - pad.figure_data()["image"]).abs().max() < 1e-4


# ---- lerp and slerp --------------------------------------------------------------------------


def test_lerp_loses_length_and_slerp_keeps_it():
    middles = []
    for seed in range(12):
        lab = LatentPad(new_generator(latent_dim=64), seed_a=seed, seed_b=seed + 50)
        data = lab.figure_data()
        middles.append(data["middle"])
        ends = sorted((float(data["slerp_norm"][0]), float(data["slerp_norm"][-1])))
        assert data["slerp_norm"].min() > 0.97 * ends[0]
        assert data["lerp_norm"][STRIP // 2] < 0.85 * ends[0]
        assert torch.allclose(data["lerp"][0], data["slerp"][0], atol=1e-5)
        assert torch.allclose(data["lerp"][-1], data["slerp"][-1], atol=1e-4)
        assert not torch.allclose(data["lerp"][4], data["slerp"][4], atol=1e-3)
    assert statistics.mean(middles) == pytest.approx(0.707, abs=0.05)


def test_the_strips_in_the_picture_are_those(digits_pad):
    data = digits_pad.figure_data()
    shown = pictures(digits_pad)
    assert len(shown) == 1 + 1 + 3 + 2 * STRIP
    for number, image in enumerate([*data["lerp"], *data["slerp"]]):
        assert (shown[5 + number]["pixels"] == to_uint8(image)[0].numpy()).all()


def test_the_chart_waits_for_the_guess_and_shows_it():
    lab = LatentPad(new_generator(latent_dim=64))
    assert "after your guess" in texts(lab) and "is it" not in texts(lab)
    assert "shrinks" not in lab.alt_text()
    lab.predict_middle("1.0")
    assert lab.predictions[0]["truth"] == "0.7" and lab.revealed
    assert "your guess" in texts(lab) and "after your guess" not in texts(lab)
    assert "shrinks" in lab.alt_text()
    with pytest.raises(CourseError, match=r"'2' is no answer here; choose from 0\.5"):
        LatentPad(new_generator()).predict_middle("2")


# ---- does it memorise? -----------------------------------------------------------------------


def test_distances_are_those_of_a_plain_loop():
    images = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = Neighbours(images)
    plain = torch.tensor(
        [
            min(float((a - b).norm()) for j, b in enumerate(images) if j != i)
            for i, a in enumerate(images)
        ]
    )
    torch.testing.assert_close(found.real_distances, plain.sort().values, atol=1e-4, rtol=1e-4)
    distances, indices = found.nearest(images[7:8] + 0.01, 3)
    assert indices[0, 0] == 7 and distances[0, 0] == pytest.approx(0.04, abs=1e-3)
    assert (distances[0].diff() >= 0).all()
    half = float(found.real_distances[15])
    assert found.share_nearer(half) == pytest.approx(0.5)
    assert found.share_nearer(0.0) == 0 and found.share_nearer(99.0) == 1


def test_a_generator_that_copies_is_caught_and_the_shipped_one_is_not(digits_pad):
    assert digits_pad.copies["suspects"] <= 5
    assert digits_pad.copies["median"] > digits_pad.copies["median_real"]
    # A training set that holds the very images that this generator draws: a perfect memory.
    generator = digits_pad.generator
    real = load_images("digits", 32)
    stolen = draw_images(generator, noise(0, 256, generator.latent_dim))
    caught = LatentPad(generator, torch.cat([real.take(torch.arange(300)), stolen]))
    assert caught.copies["suspects"] == 256
    # By chance, too: seed A's point is one of the stolen images, for the same seed begins alike.
    caught.x = caught.y = -CORNER
    caught.seed_a = 0
    if torch.equal(noise(0, 256, 64)[0], noise(0, 1, 64)[0]):
        assert "a copy" in texts(caught)


def test_a_training_image_itself_is_at_distance_zero(digits_pad):
    image = digits_pad.neighbours.images[42:43]
    distances, indices = digits_pad.neighbours.nearest(image, 3)
    assert indices[0, 0] == 42 and distances[0, 0] < 0.05
    assert digits_pad.neighbours.share_nearer(float(distances[0, 0])) == 0


def test_the_quantile_is_said_and_is_right(digits_pad):
    data = digits_pad.figure_data()
    share = (digits_pad.neighbours.real_distances < float(data["distances"][0])).float().mean()
    assert data["nearer"] == pytest.approx(float(share))
    assert f"{data['nearer']:.0%} of real images" in texts(digits_pad)
    assert "1,797 real images, each left out in turn" in texts(digits_pad)


def test_held_out_images_are_the_measure_if_there_are_any():
    real = load_images("digits", 32).take(torch.arange(1000))
    lab = LatentPad(images=real[:700], held_out=real[700:])
    assert "300 held-out real images" in texts(lab)
    expected = torch.cdist(real[700:].flatten(1), real[:700].flatten(1)).min(1).values.sort().values
    torch.testing.assert_close(lab.neighbours.real_distances, expected, atol=1e-2, rtol=1e-3)


def test_without_training_images_nothing_is_compared():
    lab = LatentPad(new_generator(size=64, channels=3), revealed=True)
    assert lab.neighbours is None and lab.copies is None
    assert "No training images" in texts(lab) and "nearest" not in lab.alt_text()
    assert lab.render().size == (1600, 1120)
    lab.x = 0.4


# ---- careless --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"generator": "nowhere.pth"}, r"nowhere\.pth"),
        ({"generator": 7}, "but is int"),
        ({"images": torch.zeros(10, 1, 16, 16)}, r"shape \(1, 16, 16\), but this generator makes"),
        ({"images": torch.zeros(2, 1, 32, 32)}, "at least 4 training images"),
        ({"images": torch.zeros(10, 32)}, r"must have shape \(N, C, H, W\)"),
        ({"held_out": torch.zeros(3, 3, 32, 32)}, "all but the number must be the same"),
        ({"z": 3}, "LatentPad has no 'z'"),
    ],
)
def test_careless_arguments_get_a_sentence(arguments, said):
    with pytest.raises(CourseError, match=said):
        LatentPad(**arguments)


def test_a_generator_of_no_numbers_is_refused():
    broken = new_generator(size=32)
    with torch.no_grad():
        broken.to_image[0].bias.fill_(float("nan"))
    with pytest.raises(CourseError, match="no numbers"):
        LatentPad(broken)


def test_of_too_many_images_some_are_taken_and_it_says_so(monkeypatch):
    images = draw_images(new_generator(), noise(1, 60, 8))
    monkeypatch.setattr("gan_course.evaluation.neighbours.MOST_NUMBERS", 20 * 256)
    lab = LatentPad(new_generator(), images, revealed=True)
    assert len(lab.neighbours.images) == 20 and "of 20 out of 60" in texts(lab)
    assert "20 real images, each left out" in texts(lab)


def test_the_middle_of_nothing_has_length_zero():
    """A generator with one dimension, and the point where z is 0."""
    lab = LatentPad(new_generator(latent_dim=1))
    a, b, _ = lab.corners()
    t = float(a / (a - b))
    if 0 <= t <= 1:
        lab.x, lab.y = max(-1.0, min(1.0, 2 * CORNER * t - CORNER)), -CORNER
        assert lab.figure_data()["norm"] == pytest.approx(0, abs=0.01)
    assert lab.render().size == (1600, 1120)


def test_the_global_random_numbers_and_the_generator_are_left_alone():
    generator = new_generator().train()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    lab = LatentPad(generator)
    lab.ui()
    lab.x = 0.2
    assert torch.equal(torch.rand(3), expected) and generator.training


def test_a_move_is_quick(digits_pad):
    digits_pad.ui()
    seconds = []
    for i in range(40):
        start = time.process_time()
        digits_pad.x = i / 50
        seconds.append(time.process_time() - start)
    digits_pad.x = 0.0
    print(f"latent pad: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.1  # of one core; the bar is 50 ms on free ones
