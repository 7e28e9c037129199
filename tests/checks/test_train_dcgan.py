"""Lesson 08: what the checkers of a run's parts rest on, and what they say to new mistakes."""

import copy

import pytest
import torch

from gan_course.checks import train_dcgan as check
from gan_course.checks import train_dcgan_state as state


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_checker_resumes_for_real_and_to_the_bit(steps):
    """What it compares with is the run that was never stopped."""
    rng = torch.Generator().manual_seed(steps)
    run = state.Run(steps, torch.rand(24, 4, generator=rng))
    run.train(steps)
    never_stopped = copy.deepcopy(run)
    never_stopped.train(state.MORE_STEPS)
    told = state.resume(check.keep_everything.oracle(run), {"run": run})
    for name in ("generator", "discriminator", "averaged"):
        model = getattr(never_stopped, name)
        for what, tensors in (
            ("weights", model.parameters()),
            ("running statistics", model.buffers()),
        ):
            expected = torch.cat([t.detach().flatten().double() for t in tensors])
            assert torch.equal(told[f"{what} of {name}, {state.MORE_STEPS} steps later"], expected)
    assert torch.equal(told["the z after that"], torch.randn(3, generator=never_stopped.rng))
    assert told["missing"] == [] and told["step when it goes on"] == steps


def test_what_is_missing_from_a_checkpoint_is_listed():
    verdict = check.keep_everything(
        lambda run: {
            "generator": copy.deepcopy(run.generator.state_dict()),
            "rng": run.rng.get_state(),
        }
    )
    assert "got:      ['discriminator', 'averaged', 'optimizer_g'" in verdict.details


def test_the_smallest_rounding_of_a_checkpoint_is_found():
    """Half precision is enough for pictures, and not to go on from."""

    def rounded(run):
        saved = check.keep_everything.oracle(run)
        saved["generator"] = {k: v.half().to(v.dtype) for k, v in saved["generator"].items()}
        return saved

    verdict = check.keep_everything(rounded)
    assert not verdict.passed and "weights of generator" in verdict.details


def test_a_step_kept_as_a_tensor_is_as_good_as_a_number():
    def with_tensor(run):
        return state._keep(run) | {"step": torch.tensor(run.step)}

    assert check.keep_everything(with_tensor).passed


def test_a_seed_is_no_state_of_the_random_numbers():
    def with_seed(run):
        return state._keep(run) | {"rng": run.rng.initial_seed()}

    verdict = check.keep_everything(with_seed)
    assert "where the random numbers began" in verdict.message and not verdict.passed


def test_a_film_leaves_the_notebooks_dice_alone():
    before = torch.get_rng_state()
    check.film(lambda generator, train_step, fixed_z, moments: torch.randn(3))
    check.film(lambda generator, train_step, fixed_z, moments: 1 / 0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_film_of_a_run_that_was_not_trained_shows_the_steps():
    def still(generator, train_step, fixed_z, moments):
        with torch.no_grad():
            frames = [generator.eval()(fixed_z) for _ in moments]
        generator.train()
        return frames

    assert "steps trained" in check.film(still).details


def test_cases_deal_with_leftovers_and_several_updates():
    cases = check.deal_out.cases(torch.Generator().manual_seed(0))
    steps = [case["batch_size"] * case["discriminator_steps"] for case in cases]
    assert {case["discriminator_steps"] for case in cases} == {1, 2, 3}
    assert sum(len(case["order"]) % n > 0 for case, n in zip(cases, steps, strict=True)) >= 6
