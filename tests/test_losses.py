"""Each loss against its definition on probabilities, its gradient, and its extremes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from gan_course import losses

logit_lists = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=8)


@given(real=logit_lists, fake=logit_lists, label=st.floats(0.5, 1.0))
def test_d_loss_is_binary_cross_entropy(real, fake, label):
    real, fake = torch.tensor(real, dtype=torch.float64), torch.tensor(fake, dtype=torch.float64)
    expected = F.binary_cross_entropy(real.sigmoid(), torch.full_like(real, label))
    expected = expected + F.binary_cross_entropy(fake.sigmoid(), torch.zeros_like(fake))
    ours = losses.non_saturating_d_loss(real, fake, real_label=label)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-7)


@given(fake=logit_lists)
def test_g_losses_against_their_definitions(fake):
    fake = torch.tensor(fake, dtype=torch.float64)
    probability = fake.sigmoid()
    close = torch.testing.assert_close
    close(losses.non_saturating_g_loss(fake), -probability.log().mean())
    close(losses.minimax_g_loss(fake), (1 - probability).log().mean())
    close(losses.hinge_g_loss(fake), -fake.mean())
    close(losses.wasserstein_g_loss(fake), -fake.mean())
    close(losses.least_squares_g_loss(fake), 0.5 * (1 - fake).square().mean())


def test_d_losses_of_hinge_wasserstein_and_least_squares_by_hand():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])
    assert losses.hinge_d_loss(real, fake).item() == pytest.approx(0.25 + 0.5)
    assert losses.wasserstein_d_loss(real, fake).item() == pytest.approx(-1.5 - 1.25)
    # half of mean(1, 0.25), plus half of mean(9, 0)
    assert losses.least_squares_d_loss(real, fake).item() == pytest.approx(0.3125 + 2.25)


@pytest.mark.parametrize("logit", [-120.0, -30.0, 0.0, 30.0, 120.0])
def test_gradients_on_extreme_logits_are_finite_and_as_the_text_says(logit):
    def gradient(loss):
        x = torch.tensor([logit], requires_grad=True)
        loss(x).backward()
        return x.grad.item()

    d_of_fake = torch.tensor(logit).sigmoid().item()
    assert gradient(losses.non_saturating_g_loss) == pytest.approx(d_of_fake - 1, abs=1e-6)
    assert gradient(losses.minimax_g_loss) == pytest.approx(-d_of_fake, abs=1e-6)


@pytest.mark.parametrize("name", list(losses.LOSSES))
def test_every_pair_pulls_in_the_right_direction(name):
    """D wants real logits up and fake logits down; G wants fake logits up."""
    real = torch.zeros(4, requires_grad=True)
    fake = torch.zeros(4, requires_grad=True)
    losses.discriminator_loss(name, real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all() or name == "least-squares"  # at logit 0 it has reached its target

    fake = torch.zeros(4, requires_grad=True)
    losses.generator_loss(name, fake).backward()
    assert (fake.grad < 0).all()


def test_smoothing_is_one_sided():
    """The fake side of the loss does not move, and the best real logit becomes finite."""
    real, fake = torch.tensor([1.0]), torch.tensor([0.3])
    plain = losses.discriminator_loss("non-saturating", real, fake)
    smooth = losses.discriminator_loss("non-saturating", real, fake, label_smoothing=0.1)
    difference = 0.1 * (F.softplus(real) - F.softplus(-real))
    torch.testing.assert_close(smooth - plain, difference.squeeze())

    best = torch.tensor([0.9]).logit().requires_grad_()
    losses.non_saturating_d_loss(best, fake, real_label=0.9).backward()
    assert best.grad.abs().item() < 1e-6


@pytest.mark.parametrize("name", ["hinge", "wasserstein", "least-squares"])
def test_smoothing_is_refused_where_it_means_nothing(name):
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 has no meaning"):
        losses.discriminator_loss(name, torch.zeros(1), torch.zeros(1), label_smoothing=0.1)


def test_unknown_name_and_bad_label_are_refused():
    with pytest.raises(ValueError, match=r"'hingee'; choose one of .*hinge"):
        losses.generator_loss("hingee", torch.zeros(1))
    with pytest.raises(ValueError, match=r"real_label must lie in \(0, 1\]"):
        losses.non_saturating_d_loss(torch.zeros(1), torch.zeros(1), real_label=1.2)
