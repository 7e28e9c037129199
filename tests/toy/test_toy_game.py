"""One game: one seed gives one run, looking changes nothing, and every knob does its job."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gan_course.errors import CourseError
from gan_course.toy import LOSS_NAMES, ToyConfig, ToyDiscriminator, ToyGame, measure

SMALL = ToyConfig(units=16, batch_size=32)


def weights(game):
    both = [*game.generator.parameters(), *game.discriminator.parameters()]
    return torch.cat([p.detach().flatten() for p in both])


def same(a, b):
    return torch.equal(weights(a), weights(b))


# ---- the same again --------------------------------------------------------------------------


def test_one_seed_gives_one_run_bit_for_bit():
    a, b, other = ToyGame(SMALL), ToyGame(SMALL), ToyGame(SMALL.replace(seed=1))
    for game in (a, b, other):
        game.step(200)
    assert same(a, b) and not same(a, other)
    assert np.array_equal(a.history["loss_d"], b.history["loss_d"])
    assert torch.equal(a.samples(50), b.samples(50))


def test_no_two_seeds_begin_alike_in_any_part():
    starts = [ToyGame(SMALL.replace(seed=seed)) for seed in range(4)]
    first = {game.generator.layers[0].weight[0, 0].item() for game in starts}
    first |= {game.discriminator.layers[0].weight[0, 0].item() for game in starts}
    assert len(first) == 8


def test_the_global_random_numbers_are_never_touched():
    before = torch.get_rng_state()
    game = ToyGame(SMALL.replace(spectral_norm=True, gp_lambda=1.0, instance_noise=0.1))
    game.step(5)
    measure(game)
    game.fork()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    a = ToyGame(SMALL)
    torch.manual_seed(6)
    assert same(a, ToyGame(SMALL))


def test_looking_changes_nothing():
    watched = ToyGame(SMALL.replace(spectral_norm=True))
    alone = watched.fork()
    for _ in range(20):
        watched.step()
        measure(watched, n=50)
        watched.slope(watched.fixed_samples)
        watched.snapshot()
    alone.step(20)
    assert same(watched, alone)


@pytest.mark.parametrize(
    "changes",
    [{}, {"spectral_norm": True, "loss": "hinge"}, {"optimizer_d": "sgd", "r1_gamma": 0.1}],
    ids=str,
)
def test_fork_without_a_change_stays_bit_equal_for_200_steps(changes):
    game = ToyGame(SMALL.replace(**changes))
    game.step(60)
    fork = game.fork()
    fork_of_fork = fork.fork()
    for each in (game, fork, fork_of_fork):
        each.step(200)
    assert same(game, fork) and same(game, fork_of_fork)
    assert np.array_equal(game.history["loss_g"], fork.history["loss_g"])
    assert len(fork.history["loss_g"]) == 260


def test_fork_with_a_change_leaves_the_first_game_alone():
    game = ToyGame(SMALL)
    game.step(30)
    twin, fork = game.fork(), game.fork(lr_d=0.01)
    fork.step(30)
    assert fork.config.lr_d == 0.01 and game.config.lr_d == 0.001
    assert same(game, twin) and not same(game, fork)


def test_rewind_and_run_equals_the_original():
    game = ToyGame(SMALL)
    game.step(40)
    then = game.snapshot()
    game.step(70)
    later, end, history = game.snapshot(), weights(game), game.history["loss_d"].copy()
    game.restore(then)
    assert game.steps_done == 40 and len(game.history["loss_d"]) == 40
    game.step(70)
    assert torch.equal(weights(game), end)
    assert np.array_equal(game.history["loss_d"], history)
    # And forth again, past where it stands.
    game.restore(then)
    game.restore(later)
    assert torch.equal(weights(game), end) and len(game.history["loss_d"]) == 110


def test_rewind_takes_back_a_change_too():
    game = ToyGame(SMALL)
    game.step(10)
    then = game.snapshot()
    game.change(loss="hinge", optimizer_g="sgd", lr_g=0.05, spectral_norm=True)
    game.loss_g = lambda logits: -logits.mean()
    game.step(10)
    game.restore(then)
    game.step(30)
    plain = ToyGame(SMALL)
    plain.step(40)
    assert game.loss_g is None and game.config == SMALL and same(game, plain)


def test_a_snapshot_of_another_game_is_refused():
    with pytest.raises(CourseError, match="its units is 8, here it is 16"):
        ToyGame(SMALL).restore(ToyGame(SMALL.replace(units=8)).snapshot())


# ---- losses and forces -----------------------------------------------------------------------


@pytest.mark.parametrize("loss", [*LOSS_NAMES, "my own"])
def test_force_is_minus_the_slope_of_the_loss_that_g_minimises(loss):
    game = ToyGame(SMALL if loss == "my own" else SMALL.replace(loss=loss))
    game.step(100)
    if loss == "my own":
        game.loss_g = lambda logits: (logits - 3).square().mean()
    game.discriminator.double()
    points = game.samples(6).double()

    def loss_g(at):
        return (game.loss_g or game.config.loss_g)(game.discriminator(at))

    force, h = game.force(points), 1e-6
    for i in range(6):
        for axis in range(2):
            there, here = points.clone(), points.clone()
            there[i, axis] += h
            here[i, axis] -= h
            with torch.no_grad():
                expected = -6 * (loss_g(there) - loss_g(here)) / (2 * h)
            assert float(force[i, axis]) == pytest.approx(float(expected), rel=1e-3, abs=1e-7)


def test_the_force_depends_on_the_loss_and_the_slope_does_not():
    game = ToyGame(SMALL.replace(pretrain_d=50))
    points = game.samples(20)
    force, slope = game.force(points), game.slope(points)
    game.change(loss="saturating")
    assert not torch.allclose(game.force(points), force)
    assert torch.equal(game.slope(points), slope)


def test_the_force_on_a_point_does_not_depend_on_the_others():
    game = ToyGame(SMALL)
    points = game.samples(20)
    assert torch.allclose(game.force(points)[:5], game.force(points[:5]), atol=1e-7)


FORMULAS = {
    "saturating": lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(),
    "non_saturating": lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(),
    "least_squares": lambda r, f: ((r - 1) ** 2 + f**2).mean() / 2,
    "hinge": lambda r, f: ((1 - r).clamp_min(0) + (1 + f).clamp_min(0)).mean(),
    "wasserstein": lambda r, f: f.mean() - r.mean(),
}


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_a_loss_changed_on_the_way_is_the_next_one_used(loss):
    game = ToyGame(SMALL.replace(loss="hinge" if loss != "hinge" else "saturating", r1_gamma=0.1))
    game.step(20)
    game.change(loss=loss)
    game.step()
    expected = FORMULAS[loss](game.logits_real, game.logits_fake)
    # The penalty is no part of what is recorded.
    assert game.history["loss_d"][-1] == pytest.approx(float(expected), rel=1e-5)


def test_your_own_loss_is_used_and_a_new_name_drops_it():
    game, theirs = ToyGame(SMALL), ToyGame(SMALL)
    game.loss_g = lambda logits_fake: F.softplus(-logits_fake).mean()
    game.loss_d = lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean()
    game.step(20)
    theirs.step(20)
    assert same(game, theirs)
    game.change(loss="hinge")
    assert game.loss_g is None and game.loss_d is None


@pytest.mark.parametrize("bad", [lambda f: f, lambda f: 1.0, lambda f: f.mean().detach()])
def test_a_loss_that_is_no_loss_is_told(bad):
    game = ToyGame(SMALL)
    game.loss_g = bad
    with pytest.raises(CourseError, match="loss_g must give one number that depends on the logits"):
        game.step()


def test_r1_and_gp_are_the_formulas():
    from gan_course.toy.step import gradient_penalty, r1_penalty

    w = torch.tensor([3.0, 4.0])
    points = torch.randn(50, 2, requires_grad=True)
    assert float(r1_penalty(points @ w, points, gamma=0.2)) == pytest.approx(0.1 * 25)
    mix = torch.rand(50, 1)
    found = gradient_penalty(lambda x: x @ w, points, points + 1, mix, weight=2.0)
    assert float(found) == pytest.approx(2 * (5 - 1) ** 2)


# ---- the knobs -------------------------------------------------------------------------------


def test_a_frozen_network_keeps_its_weights_and_the_other_learns():
    for frozen, moving in (("discriminator", "generator"), ("generator", "discriminator")):
        game = ToyGame(SMALL.replace(**{f"freeze_{frozen[0]}": True}))
        before = {name: p.clone() for name, p in game.discriminator.state_dict().items()}
        before |= {name + "g": p.clone() for name, p in game.generator.state_dict().items()}
        game.step(20)
        after = dict(game.discriminator.state_dict())
        after |= {name + "g": p for name, p in game.generator.state_dict().items()}
        for name in before:
            if name.startswith("u"):
                continue
            in_g = name.endswith("g") and name[:-1] in game.generator.state_dict()
            still = in_g == (frozen == "generator")
            assert torch.equal(before[name], after[name]) == still, (name, frozen, moving)
        assert np.isfinite(game.history["loss_d"]).all()


@pytest.mark.parametrize(("k_d", "k_g"), [(3, 1), (1, 2), (0, 1), (1, 0)])
def test_k_counts_the_updates_of_each(k_d, k_g):
    game = ToyGame(SMALL.replace(k_d=k_d, k_g=k_g))
    game.step(4)

    def updates(optimizer):
        return max((int(state["step"]) for state in optimizer.state.values()), default=0)

    assert updates(game.optimizer_d) == 4 * k_d and updates(game.optimizer_g) == 4 * k_g
    assert np.isnan(game.history["loss_d"]).all() == (k_d == 0)


def test_step_d_and_step_g_move_one_network_each():
    game, whole = ToyGame(SMALL), ToyGame(SMALL)
    game.step_d()
    assert torch.equal(game.generator.layers[0].weight, whole.generator.layers[0].weight)
    game.step_g()
    whole.step()
    assert same(game, whole) and game.steps_done == 0 and whole.steps_done == 1


def test_simultaneous_lets_both_learn_from_the_same_moment():
    start = ToyGame(SMALL)
    together = ToyGame(SMALL.replace(simultaneous=True))
    only_g = ToyGame(SMALL.replace(freeze_d=True))
    together.step()
    only_g.step()
    # G learned from the D of the beginning, not from the D after its step.
    assert torch.equal(together.generator.layers[0].weight, only_g.generator.layers[0].weight)
    assert not torch.equal(
        together.discriminator.layers[0].weight, start.discriminator.layers[0].weight
    )


def test_d_sits_out_while_it_wins():
    game = ToyGame(ToyConfig(distribution="far", skip_d_when_winning=0.8, units=16))
    game.step(100)
    assert 0 < game.updates_skipped < 100
    back = game.fork()
    assert back.updates_skipped == game.updates_skipped


def test_spectral_norm_holds_every_layer_at_one():
    game = ToyGame(SMALL.replace(spectral_norm=True, lr_d=0.01))
    game.step(200)
    points = torch.rand(200, 2) * 6 - 3
    assert float(game.slope(points).norm(dim=1).max()) < 1.1
    game.change(spectral_norm=False)
    assert float(game.slope(points).norm(dim=1).max()) > 1.1
    network = ToyDiscriminator(units=32, spectral_norm=True)
    weight = network.layers[1].weight
    network.refresh(iterations=200)
    from gan_course.toy.networks import spectral_weight

    normed = spectral_weight(weight, network.u1)
    assert float(torch.linalg.matrix_norm(normed.detach(), 2)) == pytest.approx(1, abs=1e-3)


def test_pretraining_is_d_alone():
    game = ToyGame(SMALL.replace(pretrain_d=30))
    by_hand = ToyGame(SMALL)
    for _ in range(30):
        by_hand.step_d()
    assert same(game, by_hand)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"units": 8}, "units cannot change in a running game"),
        ({"seed": 3}, "seed cannot change"),
        ({"lr": 0.1}, "ToyConfig has no 'lr'"),
        ({"lr_d": -1}, "lr_d=-1 must be a number from 0 to 10"),
        ({"loss": "bce"}, "loss='bce' is none of saturating"),
    ],
)
def test_a_change_that_cannot_be_is_told_and_not_made(changes, said):
    game = ToyGame(SMALL)
    with pytest.raises(CourseError, match=said):
        game.change(**changes)
    assert game.config == SMALL


def test_a_change_of_rate_reaches_the_optimiser_and_keeps_its_memory():
    game = ToyGame(SMALL)
    game.step(5)
    game.change(lr_g=0.02, beta1=0.9)
    assert game.optimizer_g.param_groups[0]["lr"] == 0.02
    assert game.optimizer_d.param_groups[0]["betas"] == (0.9, 0.999)
    assert len(game.optimizer_g.state) > 0
    game.change(optimizer_g="sgd")
    assert isinstance(game.optimizer_g, torch.optim.SGD)
    game.step(5)


# ---- when it breaks --------------------------------------------------------------------------


def test_a_game_that_breaks_stands_at_the_last_good_moment():
    game = ToyGame(SMALL)
    game.step(120)
    good = weights(game.fork())
    game.change(loss="wasserstein", optimizer_d="sgd", lr_d=10.0)
    game.last_good = game.snapshot()
    # It names the rate that did it, not the one that it was set back to.
    with pytest.raises(CourseError, match=r"set back to step 1\d\d, the last.*lr_d=10, lr_g=0.001"):
        game.step(2000)
    assert torch.isfinite(weights(game)).all()
    assert game.steps_done % 50 == 0 or torch.equal(weights(game), good)
    assert len(game.history["loss_d"]) == game.steps_done
    game.change(lr_d=0.0001)
    game.restore(game.last_good)


def test_a_loss_that_is_nan_is_seen_at_once():
    game = ToyGame(SMALL)
    game.step(3)
    game.loss_g = lambda logits: logits.mean() * float("nan")
    with pytest.raises(CourseError, match="no number any more"):
        game.step()
    assert game.loss_g is None and torch.isfinite(weights(game)).all()


# ---- the config ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k_d": -1}, "k_d=-1 must be a whole number from 0 to 100"),
        ({"batch_size": 1.5}, "batch_size=1.5"),
        ({"units": True}, "units=True"),
        ({"beta1": float("nan")}, "beta1=nan"),
        ({"real_label": 0}, "real_label=0"),
        ({"real_label": 0.9, "loss": "hinge"}, "has no meaning for the hinge loss"),
        ({"simultaneous": True, "k_d": 2}, "k_d and k_g must be 1"),
        ({"freeze_d": 1}, "freeze_d=1 must be True or False"),
        ({"start": (1, 2, 3)}, "must be a pair of numbers"),
        ({"skip_d_when_winning": 0.2}, "between 0.5 and 1"),
        ({"distribution": "cats"}, "there is no distribution called 'cats'"),
        ({"distribution": "table"}, "."),
        ({"generator": "shift", "noise_dim": 1}, "needs noise_dim=2"),
        ({"discriminator": "linear", "spectral_norm": True}, "spectral_norm is for the mlp"),
    ],
    ids=str,
)
def test_a_config_that_cannot_work_is_told(changes, said):
    with pytest.raises(CourseError, match=said):
        ToyConfig(**changes)


def test_the_names_of_the_course_losses_are_understood():
    assert ToyConfig(loss="non-saturating").loss == "non_saturating"
    assert ToyConfig(loss="minimax") == ToyConfig(loss="saturating")


def test_importing_the_room_does_not_load_torch():
    code = "import gan_course.toy, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_name_of_the_room_is_there():
    import gan_course.toy

    for name in gan_course.toy.__all__:
        assert getattr(gan_course.toy, name) is not None
