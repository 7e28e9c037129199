"""Many games at once are the games that each seed would have by itself."""

import pytest
import torch

from gan_course.errors import CourseError
from gan_course.toy import ManyGames, ToyConfig, ToyGame, run_many

SMALL = ToyConfig(units=16, batch_size=32)


@pytest.fixture
def in_double():
    """In float32 the two ways differ in the last digit, and a GAN makes much of little: Adam
    divides a tiny gradient by its own size. In float64 nothing visible is left of that."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


CASES = [
    {"r1_gamma": 0.1},
    {"loss": "saturating", "optimizer_g": "sgd", "lr_g": 0.02, "real_label": 0.9, "depth": 1},
    {"loss": "wasserstein", "gp_lambda": 1.0, "k_d": 2, "beta1": 0.0},
    {"loss": "hinge", "spectral_norm": True, "noise": "uniform", "noise_dim": 3},
    {"loss": "least_squares", "instance_noise": 0.1, "k_g": 2, "depth": 3},
    {"simultaneous": True, "distribution": "imbalanced"},
    {"skip_d_when_winning": 0.7, "pretrain_d": 20},
    {"freeze_d": True, "pretrain_d": 20, "distribution": "far"},
    {"freeze_g": True},
    {
        "generator": "shift",
        "discriminator": "linear",
        "loss": "wasserstein",
        "optimizer_d": "sgd",
        "start_d": (0.0, 1.0),
    },
]


@pytest.mark.parametrize("changes", CASES, ids=lambda case: ",".join(case))
def test_the_first_50_steps_of_each_seed_are_those_of_its_own_game(changes, in_double):
    config = SMALL.replace(**changes)
    many = run_many(config, [0, 7, 3], steps=50)
    for i, seed in enumerate((0, 7, 3)):
        alone = ToyGame(config.replace(seed=seed))
        alone.step(50)
        assert torch.allclose(many.samples(30)[i], alone.samples(30), atol=1e-9)
        assert torch.allclose(many.game(i).samples(30), alone.samples(30), atol=1e-9)
        points = alone.config.real.sample(30, torch.Generator().manual_seed(1)).double()
        assert torch.allclose(many.game(i).logits(points), alone.logits(points), atol=1e-8)
        assert int(many.updates_skipped[i]) == alone.updates_skipped


def test_in_float32_they_agree_to_the_eye():
    many, alone = run_many(SMALL, range(3), steps=20), ToyGame(SMALL.replace(seed=2))
    alone.step(20)
    assert torch.allclose(many.samples(100)[2], alone.samples(100), atol=0.01)


def test_a_change_on_the_way_is_the_same_change(in_double):
    many, alone = ManyGames(SMALL, [5, 6]), ToyGame(SMALL.replace(seed=6))
    for games in (many, alone):
        games.step(10)
        games.change(loss="hinge", lr_d=0.01, optimizer_g="sgd", spectral_norm=True)
        games.step(10)
    assert torch.allclose(many.samples(30)[1], alone.samples(30), atol=1e-9)


def test_one_seed_does_not_depend_on_its_neighbours(in_double):
    a, b = run_many(SMALL, [4], 30), run_many(SMALL, [1, 2, 4], 30)
    assert torch.allclose(a.samples(20)[0], b.samples(20)[2], atol=1e-9)


def test_watch_is_called_at_the_start_and_at_every_stop():
    seen = []
    run_many(SMALL, [0], steps=25, watch=lambda many: seen.append(many.steps_done), watch_every=10)
    assert seen == [0, 10, 20, 25]


def test_a_broken_game_is_named_and_the_others_go_on():
    many = ManyGames(SMALL, [0, 1])
    with torch.no_grad():
        many.generator.weights[1] = float("nan")
    many.step(3)
    assert many.broken() == [False, True]
    assert many.samples(5)[0].isfinite().all()


def test_no_seeds_and_what_cannot_change_are_told():
    with pytest.raises(CourseError, match="seeds is empty"):
        run_many(SMALL, [], 10)
    with pytest.raises(CourseError, match="units cannot change"):
        ManyGames(SMALL, [0]).change(units=8)
