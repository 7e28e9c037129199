"""The watched iteration is the plain one, stopped: bit for bit."""

import copy
from itertools import pairwise

import pytest
import torch

from gan_course.toy.config import LOSS_NAMES
from gan_course.toy.game import ToyGame
from gan_course.toy.one_step import STAGES, WARM_UP, WatchedStep, plain_step


def weights(network):
    return list(network.parameters())


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(weights(ours), weights(theirs), strict=True))


@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("detach", [True, False])
def test_ten_stages_give_the_weights_of_one_plain_step(loss, detach):
    watched = WatchedStep(loss=loss, seed=1, detach=detach)
    generator, discriminator, optimizer_g, optimizer_d = watched.start
    assert not same(generator, watched.generator)  # or the next lines would prove nothing
    plain_step(
        generator,
        discriminator,
        optimizer_g,
        optimizer_d,
        *watched.batch,
        watched.config.loss_d,
        watched.config.loss_g,
    )
    assert same(generator, watched.generator) and same(discriminator, watched.discriminator)


def test_ds_half_is_that_of_the_toy_game():
    game = ToyGame(WatchedStep(batch_size=128).config)
    game.step(WARM_UP)
    watched = WatchedStep(batch_size=128)
    # the iteration before the watched one, by the same function
    dice = game._dice
    plain_step(
        game.generator,
        game.discriminator,
        game.optimizer_g,
        game.optimizer_d,
        dice.points_real(game.config),
        dice.z(game.config),
        game.config.loss_d,
        game.config.loss_g,
    )
    game.step_d()
    for (name, mine), theirs in zip(
        game.discriminator.named_parameters(), weights(watched.discriminator), strict=True
    ):
        # real and fake go through D together in the game, apart here: equal but for rounding
        assert torch.allclose(mine, theirs, atol=1e-6), name


def test_what_each_stage_adds_and_what_it_changes():
    watched = WatchedStep()
    frames = watched.frames
    assert len(frames) == len(STAGES) == 11 and [f.stage for f in frames] == list(range(11))
    new = [set(b.values) - set(a.values) for a, b in pairwise(frames)]
    assert new == [
        {"real"},
        {"z"},
        {"fake"},
        {"logits_real", "logits_fake"},
        {"loss_d"},
        set(),
        set(),
        set(),
        {"loss_g"},
        set(),
    ]

    def surface_changed(stage):
        before, now = frames[stage - 1].surface, frames[stage].surface
        return any(not torch.equal(before[name], now[name]) for name in now)

    assert [stage for stage in range(1, 11) if surface_changed(stage)] == [7]
    assert frames[9].moved_to is None and frames[10].moved_to is not None
    flags = frames[9].requires_grad
    assert flags == {
        "real": False,
        "z": False,
        "fake": True,
        "logits_real": True,
        "logits_fake": True,
        "loss_d": True,
        "loss_g": True,
    }
    points = frames[9].values["fake"]
    assert torch.allclose(watched.logits_at(8, points), frames[8].values["logits_fake"], atol=1e-6)
    assert torch.allclose(watched.logits_at(4, points), frames[4].values["logits_fake"], atol=1e-6)


def test_detach_protects_g_and_changes_nothing_for_d():
    with_it, without = WatchedStep(detach=True).frames, WatchedStep(detach=False).frames
    assert with_it[6].grad_g == with_it[5].grad_g  # left over, untouched
    assert without[6].grad_g != without[5].grad_g
    assert with_it[6].grad_d == without[6].grad_d


def test_gradients_that_are_not_cleared_add_up():
    cleared, kept = WatchedStep(zero_grad=True), WatchedStep(zero_grad=False)
    assert cleared.frames[0].grad_d == kept.frames[0].grad_d  # both start with the same left-overs
    assert cleared.frames[6].grad_d != kept.frames[6].grad_d
    assert not same(cleared.discriminator, kept.discriminator)
    # G's half leaves its gradients in D as well, and nobody uses them
    assert cleared.frames[9].grad_d > cleared.frames[8].grad_d


def test_the_push_is_the_finite_difference_of_gs_loss():
    watched = WatchedStep(loss="non_saturating", batch_size=4)
    frame = watched.frames[9]
    watched.frames[9].surface = {name: v.double() for name, v in frame.surface.items()}
    fake, step = frame.values["fake"].double(), 1e-5
    for i in range(4):
        for axis in range(2):
            up, down = fake.clone(), fake.clone()
            up[i, axis] += step
            down[i, axis] -= step
            losses = [watched.config.loss_g(watched.logits_at(9, p)) for p in (up, down)]
            slope = float(losses[0] - losses[1]) / (2 * step)
            assert -4 * slope == pytest.approx(float(frame.push[i, axis]), abs=1e-5)


def test_the_iteration_before_is_not_disturbed_by_watching():
    first, again = WatchedStep(seed=3), WatchedStep(seed=3)
    assert same(first.generator, again.generator)
    assert same(*[copy.deepcopy(w.start[1]) for w in (first, again)])


def test_the_code_runs_and_gives_the_same_weights():
    """The lines that the lab shows are the lines that ran."""
    for detach, zero_grad in [(True, True), (False, True), (True, False), (False, False)]:
        watched = WatchedStep(detach=detach, zero_grad=zero_grad)
        generator, discriminator, optimizer_g, optimizer_d = watched.start
        names = {
            "generator": generator,
            "discriminator": discriminator,
            "optimizer_g": optimizer_g,
            "optimizer_d": optimizer_d,
            "d_loss": watched.config.loss_d,
            "g_loss": watched.config.loss_g,
            "real": watched.batch[0],
            "z": watched.batch[1],
        }
        for stage, line in watched.code():
            if stage > 2:  # the points are given
                exec(line, names)
        assert same(generator, watched.generator), (detach, zero_grad)
        assert same(discriminator, watched.discriminator), (detach, zero_grad)
