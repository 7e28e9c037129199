# %% [markdown]
# # 09 · Failure modes: what goes wrong, and how to tell
#
# **After this lesson you can** provoke the five classic failures of a GAN and recognise each by numbers,
# say why it happens, choose a remedy and know which ones do not help, and read a loss curve without
# believing more than it says.
#
# **Time** about 75 minutes · **Builds on** [06 · The GAN game](06_gan_game.ipynb) and
# [08 · Train a DCGAN](08_train_dcgan.ipynb) · **Needs** no GPU
#
# "GANs are unstable" is said quickly. Here nothing is said that was not measured: each failure is provoked
# on points in the plane, played with several seeds at once, and counted.

# %%
import contextlib
import io
import math
import subprocess
import sys
import tempfile
import textwrap

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LinearSegmentedColormap

# %%
from gan_course import fast_mode, palette
from gan_course.checks.parameters import seed_numbers, whole_number
from gan_course.doctor import diagnose
from gan_course.labs import Diagnose, DiracOrbit, ForkAndRace, ToyGAN, quiz, show
from gan_course.losses import non_saturating_g_loss
from gan_course.toy import (
    PRESETS,
    Distribution,
    ToyConfig,
    ToyGame,
    hops,
    make_distribution,
    measure,
    measure_preset,
    modes_covered,
    run_many,
    share_per_mode,
)
from gan_course.toy.checkup import statistics
from gan_course.toy.measured import GAMES, RATES, REMEDIES, measure_remedy, recorded
from gan_course.training import TrainConfig, Trainer

torch.set_num_threads(1)  # for networks this small, sharing the work costs more than the work

# %% tags=["parameters"]
SEEDS = range(100, 101) if fast_mode() else range(100, 104)  # of the games that are played here
CURVE = 300 if fast_mode() else 1000  # steps of the games whose curves are drawn

# %%
SEEDS = seed_numbers("SEEDS", SEEDS, most=16)  # says what is wrong, if they will not do
CURVE = whole_number("CURVE", CURVE, 100, 20_000)

# %% [markdown]
# ## 1. Run it first
#
# The ring of lesson 06, with one thing changed: D's learning rate is a tenth of G's. `run_many` plays the
# game with several seeds at once, and calls `watch` now and then. (Many cells of this lesson play several
# games, and may take up to a minute. `[*]` at the left of a cell says that it is still at work.)

# %%
OPINION = LinearSegmentedColormap.from_list("what D says", palette.OPINION)  # fake, undecided, real
BLUE = {"color": palette.REAL, "marker": "o", "s": 8, "alpha": 0.5, "lw": 0}
RED = {"color": palette.FAKE, "marker": "^", "s": 10, "alpha": 0.6, "lw": 0}


def draw_points(axis, real, fake, title):
    """Real and fake points (N, 2) in the plane."""
    axis.scatter(*real.T, **BLUE, label="real")
    axis.scatter(*fake.T, **RED, label="fake")
    axis.set(title=title, xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")


# %%
def play(config, steps, every):
    """Play a game with all SEEDS at once, and look at it every so many steps.

    Returns the samples of all looks (T, S, 500, 2), with T looks and S seeds; the first game itself, as it
    was at each look; and all games as they are at the end.
    """
    looks, moments = [], []

    def watch(many):
        looks.append(many.samples(500))  # (S, 500, 2)
        moments.append(many.game(0))

    many = run_many(config, SEEDS, steps, watch, every)
    return torch.stack(looks), moments, many


# %%
ring = make_distribution("ring8")
points_real = ring.sample(400, torch.Generator().manual_seed(1))  # (400, 2)
looks, moments, _ = play(ToyConfig(lr_d=1e-4, lr_g=1e-3), steps=2000, every=100)
print("looks:", tuple(looks.shape))

# %%
figure, axes = plt.subplots(1, 5, figsize=(11, 2.9), layout="constrained")
for axis, i in zip(axes, (2, 14, 16, 18, 20), strict=True):
    draw_points(axis, points_real, looks[i, 0], f"step {100 * i}")
axes[0].legend(loc="center", fontsize=8, markerscale=2)
figure.suptitle("Eight blobs, and a G that always bets on one place")
show(
    figure,
    alt="Five moments of one game on the ring of eight blue blobs. In each the fakes, vermilion "
    "triangles, are crowded at one place near the ring, and from one moment to the next it is "
    "another place.",
)

# %% [markdown]
# This is **mode collapse**. A *mode* is a place where many real points lie, here one of eight. G puts all
# its points on one of them, and a little later on another one.

# %% [markdown]
# ## 2. Guess first

# %%
quiz("09_failure_modes", "before")

# %% [markdown]
# ## 3. Mode collapse
#
# ### Measured
#
# One picture is an anecdote. For each seed: which part of the fakes is nearest to which blob, over time?

# %%
away = torch.cdist(looks, ring.modes)  # (21, S, 500, 8): distances to the eight blobs
nearest = torch.nn.functional.one_hot(away.argmin(-1), 8).float().mean(2)  # (21, S, 8): shares

figure, axes = plt.subplots(
    1, len(SEEDS), figsize=(11, 2.9), sharey=True, squeeze=False, layout="constrained"
)
for i, axis in enumerate(axes[0]):
    picture = axis.imshow(
        nearest[:, i].T, cmap="magma", vmin=0, vmax=1, aspect="auto", extent=(-50, 2050, 7.5, -0.5)
    )
    axis.set(title=f"seed {SEEDS[i]}", xlabel="step")
axes[0, 0].set(ylabel="blob", yticks=range(8))
figure.colorbar(picture, ax=axes, label="share of the fakes")
figure.suptitle("Which blob gets the fakes? In a good game every row has one eighth")
show(
    figure,
    alt="For each seed a chart of eight rows, one for each blob, over 2000 steps. At almost every "
    "moment one or two rows are bright and the others black, and the bright row changes again and "
    "again.",
)

# %% [markdown]
# All of them collapse, and all of them *jump*. The rule that we count by, in words: never more than 2 of 8
# modes covered (a mode counts as covered from a fifth of its fair share on), and the most crowded blob
# changes more than 4 times in 1,000 steps.

# %%
found = []
for i, seed in enumerate(SEEDS):
    covered = [modes_covered(look, ring) for look in looks[1:, i]]
    crowded = nearest[1:, i].argmax(-1).tolist()
    row = {"most_modes": max(covered), "hops_per_1000": hops(crowded) / 2}
    found.append(PRESETS["collapse"].rule(row))
    print(f"seed {seed}: at most {max(covered)} of 8 modes, {row['hops_per_1000']:.1f} jumps in 1,000 steps")
saved = recorded()  # tables that were measured with 12 other seeds
row = saved["presets"]["collapse"]
print(f"\nthe rule holds here in {sum(found)} of {len(found)}, recorded in {row['held']} of {row['of']}")
print("measure the record again with: ", saved["command"])

# %% [markdown]
# The second number was not measured just now. It was recorded with twelve seeds of its own; the command
# beside it measures it again. You will meet such pairs throughout the lesson: **a few seeds live, twelve
# recorded**.
#
# ### Explained
#
# Why would G bet on one place? Look at what D tells it, at three looks in a row.

# %%
square = torch.linspace(-3, 3, 61)
points = torch.cartesian_prod(square, square)  # (3721, 2)


def draw_d(axis, game, title, n=200):
    """D's answer over the plane, the fakes, and where G's loss pushes some of them."""
    heat = game.logits(points).sigmoid().reshape(61, 61).T
    levels = torch.linspace(0.38, 0.62, 13)  # this D is never very sure
    picture = axis.contourf(square, square, heat, levels=levels, cmap=OPINION, extend="both")
    axis.contour(square, square, heat, levels=[0.5], colors="black", linewidths=1)
    fake = game.samples(n)
    axis.scatter(*fake.T, **RED)
    some = fake[:12]
    push = game.force(some)
    axis.quiver(*some.T, *push.T, color="black", angles="xy", width=0.008, zorder=3)
    axis.set(title=title, xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
    return picture


# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
for axis, i in zip(axes, (16, 17, 18), strict=True):
    picture = draw_d(axis, moments[i], f"step {100 * i}")
figure.colorbar(picture, ax=axes, label="D(x), probability of “real”")
figure.suptitle("D fills up the place where G was; G has already left")
show(
    figure,
    alt="Three maps of D over the plane, 100 steps apart, with the crowd of fakes on each. D is "
    "nearly a tilted plane: reddish, that is fake, on one side and bluish on the other. Arrows at "
    "the fakes point to the blue side, and from map to map the tilt turns.",
)

# %% [markdown]
# This D is nearly a tilted plane: it has had no time to learn eight blobs. Somewhere it has a highest
# place, and *every* fake is pushed there. In general:
#
# **Against a D that stands still, the best G puts everything on one point**, the top of D. G's loss is a
# mean over its fakes, so each fake by itself wants to be where D is highest; nothing in that mean asks the
# fakes to differ. Let us check, on this D and on one of a healthy game:

# %%
healthy = ToyGame(ToyConfig(r1_gamma=0.1))
healthy.step(CURVE)
inside = points[points.norm(dim=1) < 2.5]  # D may be anything far out; stay near the ring
print("G's loss, if its fakes were       all at D's top   the real points")
for name, game in {"in the collapsed game": moments[18], "in a healthy game": healthy}.items():
    at_top = non_saturating_g_loss(game.logits(inside).max())
    perfect = non_saturating_g_loss(game.logits(points_real))
    print(f"{name:<30} {at_top:16.3f} {perfect:17.3f}")

# %% [markdown]
# In both games a G that drew *perfect samples* would pay more than one that sits on a single point. So
# what keeps a healthy G honest? That D does not stand still: where the fakes crowd, D soon says "fake",
# and the crowd is pushed apart before it has formed. It is a matter of speed. In the game above D was ten
# times too slow.
#
# ### Repaired
#
# If it is D's speed, then a faster D is the cure, and a smoother D is not. In the recorded table there is a
# sentence under each name, which says what was expected. *As said* counts the seeds in which it came out like
# that, and the last number is the median of the modes covered. (Section 8 explains the remedies.)


# %%
def show_repairs(name, column, unit):
    """The recorded repairs of a preset. The count: how often it came out as the sentence says."""
    preset, rows = PRESETS[name], saved["presets"][name]
    print(f"{'':<28}as said   {unit} (median)")
    for repair in (None, *preset.repairs):
        row = rows["repairs"][repair.name] if repair else rows
        sign = " " if repair is None else "+" if repair.helps else "–"
        count = f"{row['held']} of {row['of']}"
        print(f"{sign} {repair.name if repair else 'nothing':<25}{count:>9}{row[column][1]:10.2f}")
        print(textwrap.indent(textwrap.fill((repair or preset).sentence, 68), 7 * " "))


show_repairs("collapse", "modes_covered", "modes")

# %% [markdown]
# Read the signs: **+** helps, **–** does not. Four of the classic remedies do nothing for this patient:
# R1 (early or late), spectral norm, noise and smoothed labels all make D *gentler*, and it was too slow, not
# too wild.
# R1 is worth having once D is quick enough: the same R1 that did nothing alone takes the repaired game
# from most modes to all of them.
#
# The same, live:

# %%
cured = run_many(ToyConfig(lr_d=1e-3, lr_g=1e-3, r1_gamma=0.1), SEEDS, steps=1000)
figure, axes = plt.subplots(
    1, len(SEEDS), figsize=(11, 3.1), squeeze=False, layout="constrained"
)
for axis, seed, fake in zip(axes[0], SEEDS, cured.samples(500), strict=True):
    draw_points(axis, points_real, fake, f"seed {seed}: {modes_covered(fake, ring)} of 8 modes")
figure.suptitle("Equal rates and R1, after 1,000 steps")
show(
    figure,
    alt="For each seed a picture of the ring. The fakes lie on all or nearly all of the eight blobs, "
    "with threads of points between neighbours.",
)

# %% [markdown]
# Not every seed has all eight blobs yet: these games are stopped early. But none has collapsed.
#
# ## 4. Vanishing gradients
#
# ### Provoked and measured
#
# One blob, and a G that starts far away. D is trained 400 steps ahead, and 5 updates to each of G's. G uses
# the minimax ("saturating") loss, and plain SGD. Beside it the same with the non-saturating loss.

# %%
sure = PRESETS["vanishing"].config
paths = {}
for loss in ("saturating", "non_saturating"):
    samples, _, games = play(sure.replace(loss=loss), steps=400, every=20)
    centres = samples.mean(2)  # (21, S, 2): the middle of the fakes
    paths[loss] = (centres - sure.real.mean()).norm(dim=-1)  # (21, S)
    ends = [measure(games.game(i)) for i in range(len(SEEDS))]
    force = sorted(end["force"] for end in ends)[len(ends) // 2]
    d_fake = max(end["mean_d_fake"] for end in ends)
    near = sum(end["distance"] < 1 for end in ends)
    print(f"{loss:<15} D(G(z)) at most {d_fake:.1e}   force {force:.1e}   arrived: {near} of {len(ends)}")
row = saved["presets"]["vanishing"]
print(f"\nrecorded: it stays where it is in {row['held']} of {row['of']}")
print(f"recorded: non-saturating arrives in {row['repairs']['non_saturating']['held']} of {row['of']}")

# %%
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
steps = torch.arange(0, 401, 20)
lines = axis.plot(steps, paths["saturating"], color="0.35", ls=":", lw=2)
more = axis.plot(steps, paths["non_saturating"], color=palette.GENERATOR, ls="-.", lw=1.5)
axis.legend([lines[0], more[0]], ["minimax (saturating)", "non-saturating"], loc="center right")
axis.set(title="How far are the fakes from the real blob?", xlabel="step", ylabel="distance")
axis.set_ylim(0, None)
show(
    figure,
    alt="Distance to the real blob over 400 steps, one line for each seed. The dotted lines of the "
    "minimax loss are flat at 4.5. The dash-dotted ones of the non-saturating loss fall to near 0.",
)

# %% [markdown]
# ### Explained
#
# The force on a fake is the slope of G's loss there, by the chain rule a product of two numbers:
#
# $$\frac{d\,\text{loss}}{dx} = \frac{d\,\text{loss}}{dl} \cdot \frac{dl}{dx}$$
#
# The second, how D's logit $l$ changes with the place $x$, is the same for both losses. The first is
# $-D(G(z))$ for the minimax loss and $-(1 - D(G(z)))$ for the other (lesson 06). D is sure here, so the
# first factor is as small as the printed $D(G(z))$, and nothing is left. It is not that D knows nothing to
# say: G's loss does not listen.
#
# ### Repaired
#
# Three of the names are other pairs of losses: *hinge* ([lesson 11](11_spectral_norm_hinge.ipynb)),
# *least_squares*, and *wgan_gp*, the **Wasserstein loss with gradient penalty**: D, then called a *critic*, gives
# scores instead of probabilities, and a penalty holds its slope near 1. The last number is the distance that is
# left between fakes and real points.

# %%
show_repairs("vanishing", "distance", "distance")

# %% [markdown]
# Two lines are worth a second look. *adam_for_g*: Adam divides the gradient by its own size, so a force
# that is ten thousand times too small moves G all the same. **The fault is there and does not show.** And
# *r1*: a remedy with a great name that does nothing here, since it flattens D at the *real* points, and the
# fakes are elsewhere.

# %% [markdown]
# ## 5. Imbalance: the dropped minority
#
# Nine real points in ten lie in the left blob, one in ten in the right one. **Guess:** with all settings
# sane, which share of the fakes will lie on the right?

# %%
quiz("09_failure_modes", "minority")

# %%
uneven = PRESETS["dropped_minority"].config
shares = {}
for gamma in (0.0, 1.0):
    samples, _, _ = play(uneven.replace(r1_gamma=gamma), steps=1500, every=100)
    right = [[share_per_mode(fake, uneven.real)[1] for fake in look] for look in samples]
    shares[gamma] = torch.tensor(right)  # (16, S): the right blob's share at each look
    end = shares[gamma][-1]  # (S,)
    print(f"R1 γ = {gamma:g}: {(end >= 0.05).sum()} of {len(end)} keep 5 % or more:", end=" ")
    print(", ".join(f"{share:.1%}" for share in end))
row = saved["presets"]["dropped_minority"]
print(f"\nrecorded: below 5 % in {row['held']} of {row['of']} without R1,", end=" ")
print(f"at least 5 % in {row['repairs']['r1']['held']} of {row['of']} with γ = 1")

# %%
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
steps = torch.arange(0, 1501, 100)
axis.plot([0, 1500], [0.1, 0.1], color=palette.REAL, lw=2)
axis.text(1530, 0.1, "● real points", va="center", color=palette.REAL)
lines = axis.plot(steps, shares[0.0], color=palette.FAKE, ls="--", marker="^", ms=4, lw=1.2)
more = axis.plot(steps, shares[1.0], color="black", ls="-", marker="s", ms=3, lw=1.2)
axis.legend([lines[0], more[0]], ["fakes, plain", "fakes, R1 γ = 1"], loc="upper left")
axis.set(title="The small blob's share of the fakes", xlabel="step", ylabel="share of all fakes")
axis.set(ylim=(-0.005, 0.16), xlim=(0, 1800))
show(
    figure,
    alt="The share of fakes on the small blob over 1500 steps. The solid blue line of the real share "
    "is at 0.1. The dashed lines without R1 end close to 0; the black lines with R1 end between "
    "about 0.05 and 0.1.",
)

# %% [markdown]
# **Explained.** D sees a point of the small blob once in ten real points, so its loss cares little for that
# corner, and between the two blobs D falls into a valley that G's points would have to cross. Once no
# fakes are over there, nothing pulls any across: the force at the large blob knows only the large blob. A
# strong R1 forbids steep valley walls, and a gentle slope reaches from one blob to the other.

# %%
show_repairs("dropped_minority", "minority", "share")

# %% [markdown]
# Nothing here was "unstable". The settings were the usual ones, and the curves looked calm. In a face data
# set the ten percent may be people.

# %% [markdown]
# ## 6. Oscillation
#
# Take the game apart until it can be worked out on paper. G is a blob that can only move; its middle is
# $\theta$, and the real blob lies at 0. D is a tilted plane, $D(x) = w \cdot x$. Both move at once, with
# learning rate $\eta$, on the Wasserstein loss (D lowers its mean score for fakes minus that for real points,
# and G raises the score of its fakes):
#
# $$w \leftarrow w - \eta\,\theta, \qquad \theta \leftarrow \theta + \eta\,w$$
#
# D tilts away from G, and G walks up D's slope. In the plane of the two numbers that is a step at a right
# angle to the arm, so the arm gets longer: by $\sqrt{1 + \eta^2}$, each step. (Pythagoras.)

# %%
orbit = PRESETS["orbit"].config  # η = 0.05
games = {
    "at the same time": orbit,
    "in turn": orbit.replace(simultaneous=False),
    "at the same time, R1 γ = 0.3": orbit.replace(r1_gamma=0.3),
}
trails = {}
for name, config in games.items():
    game, trail = ToyGame(config), []
    for _ in range(400):
        trail.append(torch.cat([game.generator.shift, game.discriminator.w]).detach().clone())
        game.step()
    trails[name] = torch.stack(trail)  # (400, 4): θ and w
    print(f"{name:<30} arm at the end / at the start: {trails[name][-1].norm() / trails[name][0].norm():.3f}")
print(f"{'the formula, without R1':<30} sqrt(1 + η²)^399               = {(1 + 0.05**2) ** (399 / 2):.3f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharex=True, sharey=True, layout="constrained")
for axis, (name, trail) in zip(axes, trails.items(), strict=True):
    axis.plot(*trail[:, :2].T, color=palette.FAKE, lw=1.2, ls="--")
    axis.plot(*trail[0, :2], "^", color=palette.FAKE, ms=8)
    axis.plot(0, 0, "o", color=palette.REAL, ms=9)
    axis.set(title=name, xlabel="x", aspect="equal")
axes[0].set_ylabel("y")
figure.suptitle("The way of the fakes' middle, from ▲, around the real blob ●")
show(
    figure,
    alt="Three paths around a blue dot. Moving at the same time the path is a spiral outwards, "
    "three turns. In turn it is a circle that closes. With R1 it is a spiral into the dot.",
)

# %%
row = saved["presets"]["orbit"]
print(f"recorded: it grows in {row['held']} of {row['of']}")
for name, text in {"alternating": "in turn it stays", "r1": "with R1 it comes to rest"}.items():
    print(f"          {text} in {row['repairs'][name]['held']} of {row['of']}")

# %% [markdown]
# Nobody made a mistake here, and no learning rate is small enough: a smaller $\eta$ only circles more
# slowly. Moving in turn stops the growth and not the circling. What ends it is *friction*, and R1 is one:
# it pulls D's slope back to 0 at the real points.
#
# In the lab you can choose losses, rates and friction, and read off the exact factor per step. Find (1) a
# learning rate at which R1 no longer saves the game, (2) a loss that circles without any R1 and
# neither grows nor shrinks.

# %%
dirac = DiracOrbit()
dirac

# %% [markdown]
# ## 7. Sensitivity to hyperparameters
#
# A *hyperparameter* is a number that you choose and training does not. The two learning rates, for example.
# The next chart is recorded, 12 seeds for each square: the ring after 1,000 steps.

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
for axis, kind, title in zip(axes, ("plain", "r1"), ("without R1", "with R1, γ = 0.1"), strict=True):
    rows = saved["rates"][kind]
    table = [[rows[f"{d:g} {g:g}"] for g in RATES] for d in reversed(RATES)]
    modes = torch.tensor([[row["modes_covered"][1] for row in line] for line in table])
    picture = axis.imshow(modes, cmap="viridis", vmin=0, vmax=8)
    for r, line in enumerate(table):
        for c, row in enumerate(line):
            ink = "black" if modes[r, c] > 4.5 else "white"
            text = f"{modes[r, c]:g} modes\n{row['held']} of {row['of']} well"
            axis.text(c, r, text, ha="center", va="center", color=ink, fontsize=9)
    axis.set(title=title, xlabel="G's learning rate", xticks=range(4), yticks=range(4))
    axis.set(xticklabels=[f"{g:g}" for g in RATES], yticklabels=[f"{d:g}" for d in reversed(RATES)])
axes[0].set_ylabel("D's learning rate")
figure.colorbar(picture, ax=axes, label="modes covered, median of 12 seeds")
show(
    figure,
    alt="Two tables of four by four learning rates, coloured by the median number of modes covered, "
    "without and with R1. The bright squares lie where both rates are 0.001 or 0.01, or D's is ten "
    "times G's; where G's rate is the larger one, all squares are dark.",
)

# %% [markdown]
# ("Well" means at least 7 modes and a small Wasserstein distance.) Three things to see. What counts is less
# each rate by itself than **their ratio**: to the lower right, where G is faster than D, everything is dark. The
# lower left corner is dark for another reason: both are so slow that 1,000 steps are not enough. And the good
# region is small; compare how far it reaches with R1.
#
# One square of it, live: both rates a hundred times too high.

# %%
results = measure_preset("rate_too_high", SEEDS)
row = saved["presets"]["rate_too_high"]
print("modes covered:", [result["modes_covered"] for result in results])
print(f"thrown about, live {sum(r['holds'] for r in results)} of {len(results)}, recorded {row['held']} of {row['of']}")
repair = row["repairs"]["a_tenth"]
print(f"recorded, a tenth of both rates: most modes in {repair['held']} of {repair['of']}")

# %% [markdown]
# The seed is a hyperparameter too, one that nobody wants to have. If two settings differ less than two
# seeds of the same setting do, you have learned nothing about the settings. Hence the twelve.

# %% [markdown]
# ## 8. Six remedies, compared fairly
#
# The same four games, the same 12 seeds, the same number of steps; each remedy in one usual strength, noise
# and R1 in two. What they do:
#
# | remedy | what it does | code |
# |---|---|---|
# | two learning rates | D learns four times as fast as G | `lr_d=0.004` |
# | skip D's step | D sits out while it is right on more than 80 % of the batch | `skip_d_when_winning=0.8` |
# | one-sided smoothing | D's target for real points is 0.9; for fakes it stays 0 | `real_label=0.9` |
# | instance noise | Gaussian noise on all that D sees, real and fake | `instance_noise=0.2` |
# | R1 | adds $\frac{\gamma}{2} \lVert \nabla D(x) \rVert^2$ at real points to D's loss | `r1_gamma=0.1` |
# | spectral norm | no layer of D stretches a distance (lesson 11) | `spectral_norm=True` |
#
# The first column is a control: the plain ring is *not* ill. A remedy can only do harm there. **Guess** which
# one wins.

# %%
names = list(REMEDIES)
held = torch.tensor([[saved["remedies"][game][name]["held"] for game in GAMES] for name in names])
figure, axis = plt.subplots(figsize=(8.5, 4.8), layout="constrained")
picture = axis.imshow(held, cmap="viridis", vmin=0, vmax=12, aspect="auto")
for r, name in enumerate(names):
    for c, game in enumerate(GAMES):
        row = saved["remedies"][game][name]
        look_at = GAMES[game].shows[0]
        text = f"{row['held']} of {row['of']}\n{look_at.split('_')[0]} {row[look_at][1]:.2g}"
        ink = "black" if held[r, c] > 6 else "white"
        axis.text(c, r, text, ha="center", va="center", color=ink, fontsize=8)
axis.set(xticks=range(len(GAMES)), xticklabels=[game.title for game in GAMES.values()])
axis.set(yticks=range(len(names)), yticklabels=[REMEDIES[name][0] for name in names])
axis.set_title("Runs that end well, of 12, and the median of what counts there")
figure.colorbar(picture, ax=axis, label="runs that end well")
show(
    figure,
    alt="A table of nine rows, nothing and eight remedies, and four columns, the games: plain ring, "
    "collapse, vanishing, dropped minority. "
    + " ".join(
        f"{REMEDIES[name][0]}: {', '.join(str(int(n)) for n in held[r])} of 12."
        for r, name in enumerate(names)
    ),
)

# %%
for game in GAMES.values():
    print(f"{game.title}, {game.steps} steps, ends well:\n    {game.well_text}")
print("\nhelps or harms: by 6 runs of 12 or more; what is less may be luck\n")
for i, name in enumerate(names):
    helped = [game for c, game in enumerate(GAMES) if held[i, c] >= held[0, c] + 6]
    harmed = [game for c, game in enumerate(GAMES) if held[i, c] <= held[0, c] - 6]
    print(f"{REMEDIES[name][0]:<32} helps: {', '.join(helped) or '–':<18} harms: {', '.join(harmed) or '–'}")

# %% [markdown]
# **No remedy cures every patient, and each patient needs another one.** That is the finding. A remedy answers
# an illness: look first, then choose. And some do nothing at all here: smoothed labels, skipping D's steps
# and weak noise helped none of the four. That is no proof that they never help; it is a reason to measure
# before you add them.
#
# Try a square of the table yourself. (It takes some seconds.)

# %%
game, remedy = "vanishing", "spectral_norm"  # change these two: keys of GAMES and REMEDIES
results = measure_remedy(game, remedy, SEEDS[:2])
row = saved["remedies"][game][remedy]
print(f"{game} + {REMEDIES[remedy][0]}: ends well in {sum(r['holds'] for r in results)} of {len(results)}", end="")
print(f" live, {row['held']} of {row['of']} recorded")

# %% [markdown]
# ### Why smoothing is one-sided
#
# Some notes on the web smooth both labels: 0.9 for real, 0.1 for fake. With targets $a$ and $b$ the best D
# is
#
# $$D^*(x) = \frac{a\,p_{data}(x) + b\,p_g(x)}{p_{data}(x) + p_g(x)}$$
#
# which is $b + (a - b)$ times the old $D^*$. For the *shape* of D that changes little. But the
# non-saturating G feels the slope of $\log D$. With $b = 0$ that is $\log a + \log D^*$: another height, **the
# very same slope**. With $b > 0$ a sum stands inside the logarithm, and where the old $D^*$ is small, at the worst
# fakes, only $b$ is left, which is flat.

# %%
x = torch.linspace(-4, 4, 401, dtype=torch.float64)
p_data = torch.exp(-0.5 * ((x - 1.5) / 0.5) ** 2)  # two bells of the same height
p_g = torch.exp(-0.5 * ((x + 1.5) / 0.5) ** 2)
middle = (x + 1.5).abs().argmin()  # of the fakes
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
left.fill_between(x, p_data / 2, color=palette.REAL, alpha=0.15, label="● p_data, scaled")
left.fill_between(x, p_g / 2, color=palette.FAKE, alpha=0.15, hatch="//", label="▲ p_g, scaled")
styles = {(1, 0): ("-", 4, 0.4), (0.9, 0): ("--", 2, 1), (0.9, 0.1): (":", 2, 1)}
for (a, b), (style, width, alpha) in styles.items():
    best_d = (a * p_data + b * p_g) / (p_data + p_g)
    (pull,) = torch.gradient(best_d.log(), spacing=(x,))  # what G feels
    look = {"color": palette.DISCRIMINATOR, "ls": style, "lw": width, "alpha": alpha}
    left.plot(x, best_d, **look, label=f"targets {a} and {b}")
    right.plot(x, pull, **look, label=f"targets {a} and {b}")
    print(f"targets {a:<3} and {b:<3}: D* = {best_d[middle]:.3f}, pull {pull[middle]:.4f} in the middle of the fakes")
left.set(title="The best D", xlabel="x", ylabel="D*(x)", ylim=(0, 1.05))
right.set(title="What G feels: the slope of log D*", xlabel="x", ylabel="pull to the right")
left.legend(loc="upper left", fontsize=8)
right.legend(loc="upper right", fontsize=8)
show(
    figure,
    alt="Left: fakes lie left, real points right, and the best D rises between them; with targets 0.9 "
    "and 0.1 it is 0.1 on the left instead of 0. Right: the pull on the fakes. With targets 1 and 0 "
    "and with 0.9 and 0 it is the same, strong on the left; with 0.9 and 0.1 it is 0 there and "
    "has a bump only between the two clouds.",
)

# %% [markdown]
# ## 9. How to read curves
#
# You know two numbers by heart from lesson 06: $\log 4$ for D's loss and $\log 2$ for G's, the ideal end.

# %%
quiz("09_failure_modes", "curves")

# %% [markdown]
# Three games on the ring. Every 50 steps we also note down some statistics, for the next section.


# %%
def follow(**choices):
    """Play a game, and take the doctor's statistics every 50 steps: (the game, the statistics)."""
    game, rows = ToyGame(ToyConfig(**choices)), []
    while game.steps_done < CURVE:
        game.step(CURVE // 20)
        rows.append(statistics(game))
    return game, rows


runs = {
    "A": follow(r1_gamma=10.0, seed=2),
    "A, another seed": follow(r1_gamma=10.0, seed=1),
    "B": follow(r1_gamma=1000.0),
    "C": follow(lr_d=1e-4),
}


# %%
def smooth(curve, width=CURVE // 10):
    """Means over the last ``width`` steps."""
    return torch.tensor(curve).unfold(0, width, 1).mean(-1)


figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
for axis, name in zip(axes, "ABC", strict=True):
    history = runs[name][0].history
    for key, color, style in (
        ("loss_d", palette.DISCRIMINATOR, "-"),
        ("loss_g", palette.GENERATOR, "-."),
    ):
        axis.plot(history[key], color=color, alpha=0.25, lw=0.6)
        axis.plot(range(CURVE // 10 - 1, CURVE), smooth(history[key]), color=color, ls=style, label=key)
    for level in (math.log(4), math.log(2)):
        axis.axhline(level, color=palette.PREDICTION, ls=":", lw=1.5, zorder=3)
    axis.set(title=f"game {name}", xlabel="step", ylim=(0.4, 1.7))
axes[0].set_ylabel("loss (mean of 100 steps)")
axes[0].legend(loc="center right")
figure.suptitle("Three games, one curve. The dotted lines are log 4 and log 2")
show(
    figure,
    alt="Three charts of both losses over the steps. In all three D's loss runs along log 4 and G's "
    "along log 2 after a short beginning.",
)

# %% [markdown]
# Which of the three would you stop? Let us first *measure* how alike they are: the mean distance between
# two smoothed curves, over the second half. The first line is the yardstick: one game, two seeds.

# %%
def apart(one, other, key):
    a, b = (smooth(runs[name][0].history[key])[CURVE // 2 :] for name in (one, other))
    return (a - b).abs().mean().item()


print("                      L_D apart   L_G apart    mean L_D   mean L_G  trembles")
for other in ("A, another seed", "B", "C"):
    late = {key: runs[other][0].history[key][CURVE // 2 :].mean() for key in ("loss_d", "loss_g")}
    gaps = "".join(f"{apart('A', other, key):12.3f}" for key in ("loss_d", "loss_g"))
    trembling = runs[other][0].history["loss_d"][CURVE // 2 :].std()
    print(f"A and {other:<15}{gaps}{late['loss_d']:12.3f}{late['loss_g']:11.3f}{trembling:10.3f}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(11, 3.4), layout="constrained")
causes = {"A": "R1 γ = 10", "A, another seed": "γ = 10", "B": "R1 γ = 1000", "C": "D too slow"}
for axis, (name, cause) in zip(axes, causes.items(), strict=True):
    found = measure(runs[name][0])
    title = f"{name}: {cause}\n{found['modes_covered']} of 8 modes, SW {found['sliced_wasserstein']:.2f}"
    draw_points(axis, points_real, runs[name][0].samples(400), title)
show(
    figure,
    alt="The samples of the games. In A, with both seeds, the fakes lie all around the ring, on and "
    "between the blobs. In B they are a smudge on one side. In C they are crowded at one place.",
)

# %% [markdown]
# (SW is the sliced Wasserstein distance to the real points, in units of the plane; smaller is better.)
# **Losses that lie on top of each other, and samples that have nothing in common.** In A the two players are
# nearly equal because G draws the ring; in B because D is held flat; in C because D is always a little late. All
# three sit at the "ideal" losses. (One thing does differ: C's thin line trembles. A hint, if you know how
# much yours usually trembles; a smaller batch does the same.)
#
# And the other way round, a pair whose curves differ in everything:

# %%
wgan, _ = follow(loss="wasserstein", gp_lambda=1.0, k_d=2, beta1=0.0)
print("                      mean L_D   mean L_G   modes      SW")
for name, game in {"R1, γ = 10 (A)": runs["A"][0], "WGAN-GP": wgan}.items():
    found = measure(game)
    late = {key: game.history[key][CURVE // 2 :].mean() for key in ("loss_d", "loss_g")}
    print(f"{name:<20}{late['loss_d']:10.2f} {late['loss_g']:10.2f} {found['modes_covered']:7}", end="")
    print(f" {found['sliced_wasserstein']:7.2f}")

# %% [markdown]
# G's loss in a Wasserstein game is minus a score, and only differences of scores mean anything: where its
# zero lies is an accident of the last bias.
#
# **What a curve can say:** NaN; D's loss at nearly 0 while G's climbs (D is always right: section 4); a
# sudden break; that nothing moves any more. **What it cannot:** whether the fakes are good, whether they
# differ, whether a kind is missing, which of two games is better.
#
# In the lab, one game is forked: both copies stand at the same moment, bit for bit, and you change *one*
# thing in one of them. What then differs comes from that change and from nothing else.

# %%
race = ForkAndRace()
race

# %% [markdown]
# ## 10. The doctor
#
# A few other numbers say much more than the losses. `gan_course.doctor` takes them now and then during
# training: D's logits for real and fake, how often D is right, the length of both gradients, and the
# **diversity**, how far fakes are from each other, where real points have 1. Then it says a sentence.

# %%
print("game   logit real   logit fake   D right   grad D   grad G   diversity")
for name in "ABC":
    row = runs[name][1][-1]  # the last of the game's statistics
    print(f"{name}    {row.logit_real:10.2f} {row.logit_fake:12.2f} {row.accuracy:9.0%}", end="")
    print(f" {row.grad_d:8.2f} {row.grad_g:8.2f} {row.diversity:11.2f}")
for name in "ABC":
    print("\n" + textwrap.fill(f"{name}: {diagnose(runs[name][1])}", 76))

# %% [markdown]
# It reads the later half, and of each number the median. Three losses alike, and the doctor tells the
# collapse, C, from the healthy game, A. (A doctor that sees symptoms can only name what often helps. For
# this patient it is what section 3 found: a faster D first, and R1 after it.) But B it lets pass, with a
# mere "likely": for most of the time that smudge beside the ring was wide enough, and none of these numbers
# asks *where* the fakes lie. So do as it says itself, and look at the samples, too.
#
# ### What it cannot see
#
# Make one of the eight blobs rare, 3 % of the real points instead of 12.5 %:

# %%
weights = [0.03] + [0.97 / 7] * 7
uneven_ring = Distribution("a ring with a rare blob", ring.centres, 0.05, weights, has_modes=True)
rare, rows = follow(distribution=uneven_ring, r1_gamma=0.1)
fakes, real = rare.samples(4000), uneven_ring.sample(4000, torch.Generator().manual_seed(3))
for name, some in {"real": real, "fake": fakes}.items():
    shares = share_per_mode(some, uneven_ring)
    print(f"{name}, percent on each blob:", "".join(f"{100 * share:6.1f}" for share in shares))
print("\n" + textwrap.fill(str(diagnose(rows)), 76))

# %%
figure, axis = plt.subplots(figsize=(4.4, 4.2), layout="constrained")
draw_points(axis, real[:600], fakes[:600], "Healthy, says the doctor")
axis.annotate("the rare blob", ring.centres[0], (0.35, 0.9), arrowprops={"arrowstyle": "->"})
axis.legend(loc="center", fontsize=8, markerscale=2)
show(
    figure,
    alt="The ring with fakes on the blobs and between them. An arrow points to the rare blob on the "
    "right, which has few real points and hardly any fakes.",
)

# %% [markdown]
# Hardly any fake lands on the rare blob, and every number that the doctor looks at is fine: 3 % of the
# points change no mean. It says so itself. (In the two-blob game of section 5 it would have noticed, since
# there the rare kind is so far from the rest that losing it changes the diversity.) **A rare kind that is
# missing shows only when you count kinds**: with labels, with a classifier, or with your eyes.
#
# ### On images
#
# `Trainer` takes the same statistics, and `trainer.diagnose()` reads them. From a shell it is
# `gan-course doctor RUN`, with the folder of a run. Here a short training of digits, in which D is not
# allowed to learn:

# %%
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
    config = TrainConfig(num_epochs=2, base_channels=8, device="cpu", output_dir=folder)
    trainer = Trainer(config)
    trainer.optimizer_d.param_groups[0]["lr"] = 0.0  # the mistake
    trainer.fit()
    said = subprocess.run(
        [sys.executable, "-m", "gan_course.cli", "doctor", folder], capture_output=True, text=True
    ).stdout
print(textwrap.fill(f"trainer.diagnose(): {trainer.diagnose()}", 76))
for line in ["", "gan-course doctor RUN:", *said.splitlines()[1:]]:
    print(textwrap.fill(line, 76))

# %% [markdown]
# Now you are the doctor. The lab plays games whose settings it hides; you see the evidence you ask for, and
# name the illness.

# %%
blind = Diagnose()
blind

# %% [markdown]
# And the whole laboratory, with every preset of this lesson. Press *Ask the doctor* at any moment, and *"Is it
# luck?"* to play the one you see with twelve seeds.

# %%
toy = ToyGAN(preset="collapse").run(300)
toy

# %% [markdown]
# ## 11. What do you know now?

# %%
quiz("09_failure_modes", "after")

# %% [markdown]
# ## Summary
#
# | failure | what one sees | how it is measured | why | what helped here |
# |---|---|---|---|---|
# | mode collapse | all fakes at one place, which jumps | modes covered, diversity, jumps | D is too slow: the best reply to a D that stands still is one point | a faster D: higher `lr_d`, more D steps; then R1 |
# | vanishing gradients | G stays where it is | force on the fakes, D(G(z)) | D is sure, and the minimax loss is flat there | non-saturating or hinge loss, WGAN-GP, strong noise |
# | imbalance | a rare kind is missing, all else is fine | count the kinds | rare points weigh little, and no slope leads there | a strong R1; look for it at all |
# | oscillation | circles, nothing settles | radius, turns | two gradients at right angles | friction: R1; moving in turn only stops the growth |
# | sensitivity | another seed, another result | many seeds | a small good region of rates | the ratio of the rates first; R1 makes the region larger |
#
# | remedy | for | careful |
# |---|---|---|
# | two rates, more D steps | a D that is too slow | makes a D that has won even surer |
# | skip D's step | a D that is about to win | too late once it has won; a limit to tune |
# | one-sided smoothing | an over-confident D | never smooth the fake label |
# | instance noise | clouds that do not touch | its width must fit the gap; blurs what D can see |
# | R1 | circling, small blobs, steep D at real points | does nothing far from the real points, and nothing for a slow D |
# | spectral norm | a D that is too steep anywhere | a slow D stays slow |
#
# **Curves**: they report disasters, not quality. Look at samples, count modes, ask the doctor, and take more
# than one seed.
#
# In torch's own words:
# [torch.autograd.grad](https://pytorch.org/docs/stable/generated/torch.autograd.grad.html),
# [torch.nn.utils.parametrizations.spectral_norm](https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html),
# [torch.nn.functional.softplus](https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html).
#
# From the papers: one-sided smoothing is section 3.4 of *Improved Techniques for Training GANs* (Salimans
# and others, 2016); two learning rates, *GANs Trained by a Two Time-Scale Update Rule* (Heusel and others,
# 2017); R1 and the two-parameter game, *Which Training Methods for GANs do actually Converge?* (Mescheder
# and others, 2018); spectral norm, Miyato and others, 2018; instance noise, Sønderby and others, 2016.
#
# **Now you.** [exercises/09_failure_modes](../exercises/09_failure_modes.ipynb): seven tasks, the last of
# which is a collapsed game that you repair. And [the bug zoo](../exercises/09_bug_zoo.ipynb): fourteen
# failures that were no dynamics at all, but plain bugs that have shipped.
#
# **Next** [10 · Self-attention](10_self_attention.ipynb): a layer in which every pixel may look at all others.
