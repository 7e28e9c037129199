"""Games that reliably show one thing, each with a rule that says in numbers what that thing is.

"A plain GAN collapses on eight blobs" is folklore: with sane settings it does not. Every preset
here was chosen by running it with twelve seeds and more, and each rule, of a preset or of a repair,
holds in at least eleven of twelve. ``python -m gan_course.toy.sweep`` measures all of them again.
"""

from __future__ import annotations

from gan_course.toy.config import ToyConfig
from gan_course.toy.distributions import make_distribution
from gan_course.toy.preset_rules import (
    ARRIVED,
    COLLAPSED,
    FAR_OFF,
    HEALTHY,
    MINORITY_KEPT,
    MINORITY_LOST,
    MOST_MODES,
    VANISHED,
    Preset,
    Repair,
    arrived,
    collapsed,
    comes_to_rest,
    far_off,
    fooled_a_fixed_d,
    grows,
    healthy,
    minority_kept,
    minority_lost,
    most_modes,
    no_threads,
    spread_again,
    stays,
    threads,
    thrown_about,
    vanished,
)

__all__ = ["PRESETS", "Preset", "Repair"]

_BALANCED = Preset(
    name="balanced",
    title="A healthy game",
    config=ToyConfig(r1_gamma=0.1),
    steps=1500,
    sentence="All eight blobs are found, and D is right only a little more often than not.",
    rule=healthy,
    rule_text=HEALTHY,
    shows=("modes_covered", "sliced_wasserstein", "share_on_modes", "d_accuracy"),
)

_COLLAPSE = Preset(
    name="collapse",
    title="Mode collapse: D learns too slowly",
    config=ToyConfig(lr_d=1e-4),
    steps=2000,
    sentence="G puts all its points on one blob. D needs long to notice, and when it has, G jumps "
    "to another blob with all of them.",
    rule=collapsed,
    rule_text=COLLAPSED,
    shows=("modes_covered", "most_modes", "hops_per_1000", "sliced_wasserstein"),
    repairs=(
        Repair(
            "equal_rates",
            {"lr_d": 1e-3},
            "A D that learns as fast as G finds most blobs.",
            most_modes,
            MOST_MODES,
        ),
        Repair(
            "equal_rates_and_r1",
            {"lr_d": 1e-3, "r1_gamma": 0.1},
            "With equal rates and R1 all blobs are found, and found again with every seed.",
            healthy,
            HEALTHY,
        ),
        Repair(
            "more_d_steps",
            {"k_d": 10},
            "Ten slow steps of D are as good as one fast one, and cost ten times as much.",
            most_modes,
            MOST_MODES,
        ),
        Repair(
            "r1",
            {"r1_gamma": 0.1},
            "R1 alone does nothing: D is too slow, not too steep.",
            collapsed,
            COLLAPSED,
            helps=False,
        ),
        Repair(
            "spectral_norm",
            {"spectral_norm": True},
            "Spectral norm alone does nothing either.",
            collapsed,
            COLLAPSED,
            helps=False,
        ),
        Repair(
            "instance_noise",
            {"instance_noise": 0.2},
            "Noise on what D sees does not make it any faster.",
            collapsed,
            COLLAPSED,
            helps=False,
        ),
        Repair(
            "smooth_labels",
            {"real_label": 0.9},
            "Smoothed labels hold D back, and it was too slow already.",
            collapsed,
            COLLAPSED,
            helps=False,
        ),
        Repair(
            "late_r1",
            {"r1_gamma": 0.1},
            "Switched on in a collapsed game, R1 alone does not bring it back.",
            collapsed,
            COLLAPSED,
            helps=False,
            at=1000,
            steps=1500,
        ),
        Repair(
            "late_equal_rates_and_r1",
            {"lr_d": 1e-3, "r1_gamma": 0.1},
            "Even a collapsed game recovers with equal rates and R1: the points spread over the "
            "ring again, though not yet onto every blob.",
            spread_again,
            "the sliced Wasserstein distance falls below 0.5; while collapsed it is above 0.8",
            at=1000,
            steps=1500,
        ),
    ),
)

_COLLAPSE_K_G = Preset(
    name="collapse_k_g",
    title="Mode collapse: G moves five times in each step",
    config=ToyConfig(k_g=5),
    steps=1200,
    sentence="The rates are equal, but G has five turns for each of D's. It comes to the same: all "
    "points on one blob, and then on another.",
    rule=collapsed,
    rule_text=COLLAPSED,
    shows=("modes_covered", "most_modes", "hops_per_1000", "sliced_wasserstein"),
    repairs=(
        Repair(
            "equal_turns_and_r1",
            {"k_g": 1, "r1_gamma": 0.1},
            "One turn each, and R1: all blobs are found.",
            healthy,
            HEALTHY,
        ),
        Repair(
            "five_turns_each",
            {"k_d": 5},
            "Five turns each: it is the ratio that counts, not the number.",
            most_modes,
            MOST_MODES,
        ),
        Repair(
            "r1",
            {"r1_gamma": 0.1},
            "R1 alone does not help a D that has too few turns.",
            collapsed,
            COLLAPSED,
            helps=False,
        ),
    ),
)

_VANISHING = Preset(
    name="vanishing",
    title="Vanishing gradients: D has won",
    config=ToyConfig(
        distribution="far", loss="saturating", optimizer_g="sgd", lr_g=0.02, pretrain_d=400, k_d=5
    ),
    steps=400,
    sentence="D is sure of every fake. There the saturating loss is flat: G stays where it is.",
    rule=vanished,
    rule_text=VANISHED,
    shows=("start_force", "force", "mean_d_fake", "moved", "distance"),
    repairs=(
        Repair(
            "non_saturating",
            {"loss": "non_saturating"},
            "The same D, another loss for G: the force is thousands of times larger.",
            arrived,
            ARRIVED,
        ),
        Repair("hinge", {"loss": "hinge"}, "Hinge is never flat for G.", arrived, ARRIVED),
        Repair(
            "wgan_gp",
            {"loss": "wasserstein", "gp_lambda": 1.0},
            "The critic's slope is held near 1, so G always knows where to go.",
            arrived,
            ARRIVED,
        ),
        Repair(
            "adam_for_g",
            {"optimizer_g": "adam", "lr_g": 0.001},
            "The force is as small as before, but Adam divides it by its own size: the fault is "
            "there and does not show.",
            arrived,
            ARRIVED,
        ),
        Repair(
            "instance_noise",
            {"instance_noise": 1.0},
            "Under strong noise the clouds overlap, and D can no longer be sure.",
            arrived,
            ARRIVED,
        ),
        Repair(
            "spectral_norm",
            {"spectral_norm": True},
            "A D that may not be steep cannot be so sure that its loss goes flat.",
            arrived,
            ARRIVED,
        ),
        Repair(
            "r1",
            {"r1_gamma": 1.0},
            "R1 flattens D at the real points only. Where the fakes are, nothing changes.",
            vanished,
            VANISHED,
            helps=False,
        ),
        Repair(
            "skip_d",
            {"skip_d_when_winning": 0.8},
            "To hold D still comes too late: it has won already, and it stays as sure as it is.",
            lambda m: m["moved"] < 0.5,
            "the fakes move less than 0.5 of 4.5",
            helps=False,
        ),
        Repair(
            "least_squares",
            {"loss": "least_squares"},
            "D comes so close to its targets that little slope is left: G creeps.",
            far_off,
            FAR_OFF,
            helps=False,
        ),
    ),
)

_ORBIT = Preset(
    name="orbit",
    title="Oscillation: two learners chase each other",
    config=ToyConfig(
        distribution=make_distribution("one", centre=(0.0, 0.0)),
        generator="shift",
        discriminator="linear",
        loss="wasserstein",
        optimizer_d="sgd",
        optimizer_g="sgd",
        lr_d=0.05,
        lr_g=0.05,
        simultaneous=True,
        start=(1.2, 0.0),
        start_d=(0.0, 1.2),
    ),
    steps=400,
    sentence="Two parameters each. The fakes circle the real blob three times, and each time "
    "further out: the radius grows by sqrt(1 + 0.05^2) a step, 1.65 times in all.",
    rule=grows,
    rule_text="over 2 turns, and the radius ends over 1.3 times as large",
    shows=("radius_factor", "turns"),
    watch_every=10,
    repairs=(
        Repair(
            "r1",
            {"r1_gamma": 0.3},
            "R1 is a brake on D: the circle becomes a spiral inwards.",
            comes_to_rest,
            "the radius ends below a fifth",
        ),
        Repair(
            "alternating",
            {"simultaneous": False},
            "If they move in turn, the circle no longer grows. It does not shrink either.",
            stays,
            "over 2 turns, and the radius changes by less than a tenth",
            helps=False,
        ),
        Repair(
            "alternating_and_r1",
            {"simultaneous": False, "r1_gamma": 0.3},
            "In turn and with R1 they come to rest soonest.",
            comes_to_rest,
            "the radius ends below a fifth",
        ),
    ),
)

_DROPPED_MINORITY = Preset(
    name="dropped_minority",
    title="The small blob is dropped",
    config=ToyConfig(distribution="imbalanced"),
    steps=1500,
    sentence="One real point in ten lies in the small blob, but hardly one fake in a hundred. The "
    "losses look healthy.",
    rule=minority_lost,
    rule_text=MINORITY_LOST,
    shows=("minority", "sliced_wasserstein", "d_accuracy"),
    repairs=(
        Repair(
            "r1",
            {"r1_gamma": 1.0},
            "A strong R1 leaves D gentle slopes that reach across to the small blob.",
            minority_kept,
            MINORITY_KEPT,
        ),
        Repair(
            "more_d_steps",
            {"k_d": 3},
            "A stronger D does not help.",
            minority_lost,
            MINORITY_LOST,
            helps=False,
        ),
        Repair(
            "more_noise",
            {"noise_dim": 8},
            "G has noise enough; more of it changes nothing.",
            minority_lost,
            MINORITY_LOST,
            helps=False,
        ),
    ),
)

_FROZEN_D = Preset(
    name="frozen_d",
    title="Beating a D that does not learn",
    config=ToyConfig(pretrain_d=500, freeze_d=True),
    steps=400,
    sentence="D learnt for 500 steps and then stopped. G soon fools it completely, far away from "
    "all real points: to beat a fixed D is not to learn.",
    rule=fooled_a_fixed_d,
    rule_text="D(fake) rises from below 0.01 to above 0.5, and the sliced Wasserstein distance "
    "rises too",
    shows=(
        "start_mean_d_fake",
        "mean_d_fake",
        "start_sliced_wasserstein",
        "sliced_wasserstein",
        "modes_covered",
        "force",
    ),
    repairs=(
        Repair(
            "thaw_and_r1",
            {"freeze_d": False, "r1_gamma": 0.1},
            "Once D learns on, it takes its mistakes back, and G finds most of the ring.",
            most_modes,
            MOST_MODES,
            steps=2500,
        ),
    ),
)

_SMALL_NOISE = Preset(
    name="small_noise",
    title="Too little noise",
    config=ToyConfig(r1_gamma=0.1, noise_dim=1),
    steps=1500,
    sentence="z is a single number, so G's output is a thread. It runs from blob to blob, and most "
    "of its points lie on the way.",
    rule=threads,
    rule_text="less than half of the fakes lie on a blob",
    shows=("share_on_modes", "modes_covered", "sliced_wasserstein"),
    repairs=(
        Repair(
            "noise_dim_2",
            {"noise_dim": 2},
            "With two numbers most of the fakes lie on the blobs.",
            no_threads,
            "at least half of the fakes lie on a blob",
        ),
    ),
)

_RATE_TOO_HIGH = Preset(
    name="rate_too_high",
    title="Learning rates a hundred times too high",
    config=ToyConfig(r1_gamma=0.1, lr_d=0.1, lr_g=0.1),
    steps=1000,
    sentence="Every step is longer than the way to the goal: all points are thrown about together.",
    rule=thrown_about,
    rule_text="at most 2 of 8 modes, and a sliced Wasserstein distance above 1",
    shows=("modes_covered", "sliced_wasserstein", "d_accuracy"),
    repairs=(
        Repair(
            "a_tenth",
            {"lr_d": 0.01, "lr_g": 0.01},
            "A tenth of it is still fast, and good enough.",
            most_modes,
            MOST_MODES,
        ),
    ),
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _BALANCED,
        _COLLAPSE,
        _COLLAPSE_K_G,
        _VANISHING,
        _ORBIT,
        _DROPPED_MINORITY,
        _FROZEN_D,
        _SMALL_NOISE,
        _RATE_TOO_HIGH,
    )
}
