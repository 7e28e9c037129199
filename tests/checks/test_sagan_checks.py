"""Lesson 12's own promises: its line-up is measured, and its oracles are the package's."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_course.checks import sagan as check
from gan_course.checks import sagan_defects as defects
from gan_course.models import SAGANDiscriminator, SAGANGenerator, SelfAttention2d
from gan_course.models.conditional import ConditionalBatchNorm2d
from gan_course.training.ema import AveragedGenerator


def verdict_of(name):
    return dict(zip(defects.NAMES, defects.ANSWERS, strict=True))[name]


def leak(share_of_dogs):
    """The largest logit that the labels alone are worth, if one of ten real images is a dog."""
    fake = round(1000 * share_of_dogs)
    return max(map(abs, check.label_leak.oracle([900, 100], [1000 - fake, fake])))


def test_c_and_d_even_labels_leak_and_those_of_the_real_prior_do_not():
    rng = torch.Generator().manual_seed(0)
    even = torch.randint(0, 2, (100_000,), generator=rng).float().mean().item()
    prior = (torch.rand(100_000, generator=rng) < 0.1).float().mean().item()
    assert leak(even) > 1.5 and verdict_of("C") == defects.LABELS
    assert leak(prior) < 0.05 and verdict_of("D") == defects.SOUND


def test_e_is_dead_and_f_is_not():
    norm = ConditionalBatchNorm2d(3, 2)
    nn.init.zeros_(norm.gain.weight)
    x = torch.randn(4, 3, 2, 2, requires_grad=True)
    out = norm(x, torch.tensor([0, 1, 1, 0]))
    (out**2 + out).sum().backward()
    assert (out == 0).all() and (x.grad == 0).all() and verdict_of("E") == defects.DEAD
    block = SelfAttention2d(8)
    x = torch.randn(1, 8, 4, 4, requires_grad=True)
    block(x).square().sum().backward()
    assert (x.grad != 0).any() and block.gamma.grad != 0 and verdict_of("F") == defects.SOUND


def test_g_what_is_written_is_lost():
    conv = spectral_norm(nn.Conv2d(4, 6, 4, 2, 1)).eval()
    before = conv.weight.clone()
    nn.init.normal_(conv.weight, 0.0, 0.02)
    assert torch.equal(conv.weight, before) and verdict_of("G") == defects.LOST


def test_a_b_and_h():
    assert (verdict_of("A"), verdict_of("B")) == (defects.SOUND, defects.MEMORY)
    weights = [nn.Parameter(torch.zeros(1))]
    assert torch.optim.Adam(weights, lr=1e-4).defaults["betas"] == (0.9, 0.999)  # B gives none
    torch.manual_seed(0)
    d = SAGANDiscriminator(image_channels=1, base_channels=4, num_classes=3).eval()
    images, labels = torch.randn(5, 1, 32, 32), torch.tensor([0, 1, 2, 1, 1])
    with torch.no_grad():
        x = d.attention(d.from_image(images))
        for block in d.blocks:
            x = block(x)
        layer, table = d.to_logit, d.embed.weight
        mine = check.projection_logit.oracle(x, labels, layer.weight[0], layer.bias[0], table)
        torch.testing.assert_close(mine, d(images, labels))
    assert verdict_of("H") == defects.SOUND


def test_the_package_s_conditional_norm_is_that_of_task_1():
    torch.manual_seed(0)
    norm = ConditionalBatchNorm2d(3, 4)
    nn.init.normal_(norm.gain.weight)
    nn.init.normal_(norm.bias.weight)
    x, labels = torch.randn(6, 3, 2, 5), torch.tensor([3, 0, 1, 1, 2, 3])
    tables = norm.gain.weight.detach(), norm.bias.weight.detach()
    mine = check.conditional_batch_norm.oracle(x, labels, *tables, norm.norm.eps)
    torch.testing.assert_close(mine, norm(x, labels).detach())


def test_the_package_s_average_is_that_of_task_5():
    torch.manual_seed(0)
    generator = SAGANGenerator(image_channels=1, latent_dim=4, base_channels=4)
    averaged = AveragedGenerator(generator, half_life=50)
    generator(torch.randn(4, 4))  # moves u, v and the running statistics
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn_like(parameter))
    old = {name: value.clone() for name, value in averaged.model.state_dict().items()}
    averaged.update(generator, 32, 1000)
    followed = ("_u", "_v", "running_mean", "running_var", "num_batches_tracked", "attention_pool")
    task = check.update_average.oracle(old, generator.state_dict(), keep=0.5 ** (32 / 50))
    for name, value in averaged.model.state_dict().items():
        if name.endswith(("original", "gamma")) or name.endswith(followed):
            torch.testing.assert_close(value, task[name], msg=name)


@pytest.mark.parametrize(
    ("channels", "size", "pool"), [(8, 2, False), (16, 4, True), (64, 8, True)]
)
def test_the_bill_is_that_of_the_package_s_block(channels, size, pool):
    block = SelfAttention2d(channels, pool=pool, spectral_norm=False)
    parameters, work = check.attention_cost.oracle(channels, size, size, pool)
    assert parameters == sum(p.numel() for p in block.parameters())
    assert work > parameters * size * size - size * size


def test_the_examples_of_the_cards():
    assert check.attention_cost.oracle(8, 2, 2, False) == (81, 400)
    leaks = check.label_leak.oracle([9, 1], [10, 10])
    assert leaks == pytest.approx([math.log(1.8), math.log(0.2)])
    assert [round(x, 3) for x in leaks] == [0.588, -1.609]


def test_a_step_with_other_labels_of_the_same_shares_is_not_taken_for_right():
    """Fresh labels are fine in general; here the card asks for those of the real images."""
    wrong = check.step._step(labels_to_g=lambda labels: labels.flip(0))
    verdict = check.sagan_step(wrong, seed=0)
    assert not verdict.passed
