"""FadeIn and GradientLadder: numbers, guesses, words, careless hands."""

import random

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from traitlets import TraitError

from gan_course.errors import CourseError
from gan_course.labs import FadeIn, GradientLadder
from gan_course.labs.fade_in_numbers import costs, detail, energy_by_ring
from gan_course.labs.gradient_ladder_numbers import MODES, climb, networks
from gan_course.models import ProGANGenerator
from gan_course.models.progressive_layers import EqualizedConv2d, enlarge

# ---- FadeIn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("level", [1, 4])
def test_alpha_zero_is_the_old_image_enlarged_and_one_the_new_branch(upsampling, level):
    lab = FadeIn(level=level, alpha=0.0, upsampling=upsampling)
    data = lab.figure_data()
    z = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    lab.generator.upsampling = upsampling
    low = lab.generator(z, level - 1).detach()
    assert torch.equal(torch.from_numpy(data["blend"]), enlarge(low, upsampling)[0])
    lab.alpha = 1.0
    data = lab.figure_data()
    assert np.array_equal(data["blend"], data["new"])
    assert np.array_equal(data["new"], lab.generator(z, level)[0].detach().numpy())
    lab.alpha = 0.25
    data = lab.figure_data()
    mixed = 0.75 * data["old"] + 0.25 * data["new"]
    np.testing.assert_allclose(data["blend"], mixed, atol=1e-6)


def test_at_alpha_zero_there_is_no_detail_beyond_the_old_size():
    lab = FadeIn(level=3, alpha=0.0)
    assert lab.figure_data()["detail"]["blend"] == 0
    lab.alpha = 0.3
    first = lab.figure_data()["detail"]["blend"]
    lab.alpha = 0.6  # in proportion to alpha squared, for the old branch adds none
    assert lab.figure_data()["detail"]["blend"] == pytest.approx(4 * first, rel=1e-4) and first > 0
    blocks, smooth = (FadeIn(level=3, upsampling=u).figure_data() for u in ("nearest", "bilinear"))
    assert smooth["above"]["old"] < 0.5 * blocks["above"]["old"]  # the blocks' own edges
    assert blocks["above"]["old"] < blocks["above"]["new"]


def test_the_spectrum_of_waves():
    x = torch.arange(16) / 16
    for periods in (1, 3, 7):
        wave = torch.cos(2 * torch.pi * periods * x).expand(3, 16, 16)
        energy = energy_by_ring(wave)
        assert len(energy) == 8 and energy[periods - 1] == pytest.approx(1)
    assert energy_by_ring(torch.full((3, 16, 16), 2.0)) == pytest.approx([0] * 8)
    assert detail(torch.ones(3, 8, 8)) == 0


def test_costs_are_counted_as_torch_counts_them():
    from torch.utils.flop_counter import FlopCounterMode

    generator = ProGANGenerator(16, 3, 8, 4)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        generator(torch.randn(1, 8))
    ours = sum(costs(generator))
    for level in (0, 1):  # the small images are not made at the top level
        ours -= generator.to_images[level].weight.numel() * (4 * 2**level) ** 2
    assert counter.get_total_flops() == 2 * ours


def test_adams_first_step_is_what_adam_does():
    lab = FadeIn(generator=ProGANGenerator(16, 3, 8, 4))
    layer = next(m for m in lab.generator.blocks[0] if isinstance(m, EqualizedConv2d))
    before = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(lab.generator.parameters(), lr=0.001)
    lab.generator(torch.randn(4, 8)).square().mean().backward()
    optimizer.step()
    share = ((layer.weight.detach() - before).norm() / before.norm()).item()
    with torch.no_grad():
        layer.weight.copy_(before)
    assert lab.figure_data()["first_step"][1] == pytest.approx(share, rel=0.02)
    lab = FadeIn()
    even = lab.figure_data()["first_step"]
    lab.equalized = False
    uneven = lab.figure_data()["first_step"]
    assert max(even) < 1.3 * min(even) and max(uneven) > 1.5 * min(uneven)


def test_a_generator_of_ones_own_and_its_setting_stay():
    generator = ProGANGenerator(8, 1, 5, 2, "bilinear")
    lab = FadeIn(generator)
    assert lab.level == 1 and lab.figure_data()["blend"].shape == (1, 8, 8)
    assert generator.upsampling == "bilinear" and lab.render().width > 300
    with pytest.raises(TraitError, match="has the levels 0 to 1"):
        lab.level = 2
    state = torch.get_rng_state()
    FadeIn()
    assert torch.equal(state, torch.get_rng_state())


# ---- GradientLadder ------------------------------------------------------------------------------


def test_with_the_top_cut_multi_scale_still_reaches_all_but_the_top_and_single_none():
    multi = GradientLadder(mode="multi-scale", depth=3, cut=True).figure_data()
    assert multi["ways"] == {4: 3, 8: 2, 16: 1, 32: 0}
    assert multi["total"][4] > 0 and multi["total"][32] == 0 and not multi["dead"]
    single = GradientLadder(mode="single loss", depth=3, cut=True).figure_data()
    assert single["dead"] and set(single["total"].values()) == {0}
    assert GradientLadder(mode="single loss", depth=3).figure_data()["ways"] == dict.fromkeys(
        (4, 8, 16, 32), 1
    )


def test_growing_reaches_what_has_grown():
    data = GradientLadder(mode="growing", depth=3, level=1).figure_data()
    assert data["images"] == [8] and data["total"][8] > 0 == data["total"][16]
    assert GradientLadder(mode="growing", depth=2, level=5).grown == 2


@pytest.mark.parametrize("mode", MODES)
def test_the_sum_of_the_ways_is_what_backward_gives(mode):
    ladder = climb(mode, 2, 1, 2.0, False, seed=3)
    generator, discriminator = networks(mode, 16, 3)
    z = torch.randn(4, 32, generator=torch.Generator().manual_seed(4))
    if mode == "multi-scale":
        logits = discriminator(generator(z))
    else:
        level = 1 if mode == "growing" else 2
        logits = discriminator(generator(z, level), level)
    torch.nn.functional.softplus(-2 * logits).mean().backward()
    for size, block in zip(ladder.sizes, (generator.stem, *generator.blocks), strict=True):
        gradients = [p.grad for p in block.parameters() if p.ndim > 1 and p.grad is not None]
        if not gradients:
            assert ladder.total[size] == 0
            continue
        squares = sum(g.square().sum() for g in gradients) / sum(g.numel() for g in gradients)
        assert ladder.total[size] == pytest.approx(squares.sqrt().item(), rel=1e-3)


def test_a_dead_d_is_said_to_be_dead():
    lab = GradientLadder(depth=2, strength=0.0, revealed=True)
    assert lab.figure_data()["dead"] and "same of every image teaches nothing" in lab.alt_text()
    multi = GradientLadder(depth=2, mode="multi-scale", cut=True, revealed=True)
    assert multi.alt_text().endswith("by 1 way; 16×16: none.")
    lab = GradientLadder(depth=2, mode="single loss", cut=True, revealed=True)
    assert "only image that D sees is cut off" in lab.alt_text()


# ---- both ----------------------------------------------------------------------------------------


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


@pytest.mark.parametrize(
    ("make", "right", "hidden"),
    [
        (FadeIn, lambda lab: lab.predict_start("the old image, enlarged"), "Mean square"),
        (GradientLadder, lambda lab: lab.predict_ways("three"), "Gradient on"),
    ],
)
def test_the_guess_opens_the_lab(make, right, hidden):
    lab = make()
    lab.ui()
    before = lab.render()
    assert hidden not in lab.alt_text() and lab.verdict() == ""
    right(lab)
    right(lab)
    assert [entry["right"] for entry in lab.predictions] == [True]
    assert hidden in lab.alt_text() and "You guessed" in lab.verdict()
    assert before.size != lab.render().size or before.tobytes() != lab.render().tobytes()


@pytest.mark.parametrize(
    "make", [FadeIn, lambda: GradientLadder(depth=2)], ids=["FadeIn", "Ladder"]
)
def test_anything_in_any_order_leaves_a_picture_and_words(make):
    lab, dice = make(), random.Random(0)
    touchable = list(everything_in(lab.ui()))
    for _ in range(25):
        widget = dice.choice(touchable)
        if isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
            if widget.description != "depth":
                widget.value = dice.choice([widget.min, widget.max])
        elif isinstance(widget, widgets.ToggleButtons):
            widget.index = dice.randrange(len(widget.options))
        elif isinstance(widget, widgets.Checkbox):
            widget.value = not widget.value
        elif isinstance(widget, widgets.Button):
            widget.click()
        assert "nan" not in lab.alt_text().lower().split()
    compile(lab.code(), "code", "exec")
    assert len(lab.predictions) <= 1
    assert lab.render().width > 300 and lab.live_html().startswith("<svg")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: FadeIn(alpha=float("nan")), "alpha must be a number"),
        (lambda: FadeIn(alpha=1.5), "alpha"),
        (lambda: FadeIn(level=0), "level"),
        (lambda: FadeIn(upsampling="cubic"), "upsampling"),
        (lambda: FadeIn(generator=torch.nn.Linear(2, 2)), "must be a ProGANGenerator"),
        (lambda: FadeIn(ProGANGenerator(4)), "of at least 8x8 pixels"),
        (lambda: FadeIn().predict_start("no"), "no answer here"),
        (lambda: GradientLadder(depth=9), "depth"),
        (lambda: GradientLadder(mode="x"), "mode"),
        (lambda: GradientLadder().predict_ways("no"), "no answer here"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong, said):
    with pytest.raises((CourseError, TraitError), match=said):
        wrong()
