# %% [markdown]
# # 12 · SAGAN: attention, labels, and what they are worth
#
# **After this lesson you can** build SAGAN from the parts you know, train it with labels and ask it for
# a seven, look at what its attention looks at, switch attention off, and say what each change from
# DCGAN was worth, because you have seen it measured.
#
# **Time** about 75 minutes · **Builds on** [10 · Self-attention](10_self_attention.ipynb) and
# [11 · Spectral norm and hinge](11_spectral_norm_hinge.ipynb) · **Needs** no GPU

# %%
import math
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.svm import SVC

from gan_course import fast_mode, palette
from gan_course.checks.parameters import seed_number, whole_number
from gan_course.data import image_grid, load_images
from gan_course.labs import AttentionMicroscope, quiz, show
from gan_course.labs.latent import draw_images, noise
from gan_course.models import SAGANDiscriminator, SAGANGenerator
from gan_course.pretrained import load_pretrained
from gan_course.pretrained.recorded.with_attention import load_attention_run
from gan_course.training import training_step
from gan_course.training.ema import AveragedGenerator
from gan_course.trials import from_dcgan_to_sagan as ladder

# %% tags=["parameters"]
STEPS = 30 if fast_mode() else 336  # how long this notebook trains: 6 epochs
SEED = 0  # where all random numbers start
torch.set_num_threads(1)  # the networks are small: a second thread would gain nothing

# %%
STEPS, SEED = whole_number("STEPS", STEPS, 1, 20_000), seed_number("SEED", SEED)  # says what is wrong, if they will not do

# %% [markdown]
# ## 1. Run it first
#
# Here is a small SAGAN that was trained on the digits, with their labels. Until now G drew whatever z
# happened to mean. This one takes an order: each column asks for one digit, each row has its own z.

# %%
run = load_attention_run()
G = run.generators[-1]  # in eval mode
labels = torch.arange(10).repeat(6)  # 0, 1, ... 9, 0, 1, ...
z = torch.randn(6, G.latent_dim, generator=torch.Generator().manual_seed(SEED))
with torch.no_grad():
    images = G(z.repeat_interleave(10, dim=0), labels)  # (60, 1, 32, 32)


# %%
def show_columns(images, title, alt):
    """A grid with one digit per column."""
    figure, axis = plt.subplots(figsize=(5.6, 0.56 * len(images) / 10 + 0.9), layout="constrained")
    axis.imshow(image_grid(images, columns=10), cmap="gray")
    width = image_grid(images, columns=10).shape[1] / 10
    axis.set(title=title, yticks=[], xlabel="the digit that was asked for")
    axis.set_xticks([width * (i + 0.5) for i in range(10)], range(10))
    axis.tick_params(length=0)
    show(figure, alt)


show_columns(
    images,
    "▲ Fakes to order",
    "Six rows and ten columns of generated digits. Nearly every image in a column shows the digit that the "
    "column asked for; within a column they are much alike.",
)

# %% [markdown]
# The columns obey. Within a column the digits are much alike, though: that G does what it is told is one
# thing, that it varies is another.
#
# Two guesses, before we open it.

# %%
quiz("12_sagan", "before")

# %% [markdown]
# ## 2. What is new since DCGAN
#
# Very little that you haven't written yourself by now.
#
# | change | where | lesson |
# |---|---|---|
# | hinge loss | the game | 11 |
# | spectral norm | every layer of D, and of G | 11 |
# | self-attention | one block in G, one in D | 10 |
# | labels | conditional BatchNorm in G, projection in D | this one |
# | two learning rates | Adam | this one |
#
# D loses its BatchNorm on the way: spectral norm takes its place. G keeps it. Let us build the pair and
# look where the attention sits.

# %% tags=["nbval-check-output"]
torch.manual_seed(SEED)
shape = {"image_size": 32, "image_channels": 1, "base_channels": 16, "num_classes": 10}
generator = SAGANGenerator(latent_dim=32, attention_at=16, **shape)
discriminator = SAGANDiscriminator(attention_at=16, **shape)
labels = torch.arange(10)
fakes = generator(torch.randn(10, 32), labels)  # (10, 1, 32, 32)
logits = discriminator(fakes, labels)  # (10,)
print("images     ", tuple(fakes.shape))
print("logits     ", tuple(logits.shape))
for name, model in (("G", generator), ("D", discriminator)):
    block = sum(p.numel() for p in model.attention.parameters())
    print(f"{name}: {sum(p.numel() for p in model.parameters()):,} parameters, attention {block}")

# %% [markdown]
# Attention is a small part. It sees the 16×16 map, the last but one in G and the first in D.
# `attention_at` moves it, and `attention_at=None` leaves it out.

# %% [markdown]
# ## 3. Two ways to hear a label
#
# **G** hears it in its BatchNorm. The statistics are those of the whole batch, as always. But gain and
# bias, two numbers for each channel, are now looked up in a table: each class has its own row. At first
# all gains are 1 and all biases 0, so a fresh G can't tell one label from another.

# %% tags=["nbval-check-output"]
fresh = SAGANGenerator(latent_dim=32, attention_at=16, **shape).eval()
one_z = torch.randn(1, 32).repeat(10, 1)  # ten times the same
with torch.no_grad():
    untrained = fresh(one_z, labels)
    trained = G(torch.randn(1, G.latent_dim).repeat(10, 1), labels)
print("one z, ten labels, before training: all the same?", torch.equal(untrained[:1].expand(10, -1, -1, -1), untrained))
print("one z, ten labels, after training:  all the same?", bool((trained[0] - trained[1]).abs().max() < 0.1))
print("gain of the stem's BatchNorm:", tuple(fresh.stem_norm.gain.weight.shape))

# %% [markdown]
# **D** hears it at its very end. Add up the last map over its rows and columns: h, one number per
# channel. A linear layer l asks *is it real?* And each class has a vector e of its own, whose dot product
# with h asks *is it one of these?* The logit is the sum of both:
#
# $$D(x, y) = l(h) + e_y \cdot h, \qquad h = \textstyle\sum_{\text{row, column}} \text{map}(x)$$
#
# This is called **projection**. Let us take it apart on one image.

# %%
D = run.discriminators[-1]
with torch.no_grad():
    x = D.from_image(images[:10])  # (10, 16, 16, 16)
    x = D.attention(x)
    for block in D.blocks:
        x = block(x)
    h = x.sum(dim=(2, 3))  # (10, 64)
    by_hand = D.to_logit(h)[:, 0] + (D.embed(labels) * h).sum(dim=1)  # (10,)
    whole = D(images[:10], labels)
print("by hand and by D, largest difference below 0.00001:", bool((by_hand - whole).abs().max() < 1e-5))

# %% [markdown]
# So D can be asked about one image under all ten labels. Does it believe the right one most? **Guess**, for
# real digits: at the start, in the middle, and at the end of the training.

# %%
real = load_images("digits", 32)
shown, truth = real.take(torch.arange(500)), real.labels[:500]
tables = []  # for each moment (500, 10): each image under each label
with torch.no_grad():
    for d in run.discriminators:
        tables.append(torch.stack([d(shown, torch.full((500,), k)) for k in range(10)], dim=1))
print("images seen   D believes the right label most   G draws what is ordered")
for moment, table in zip(run.moments, tables, strict=True):
    knows = (table.argmax(dim=1) == truth).float().mean()
    print(f"{moment['images_seen']:11,} {knows:34.0%} {moment['agree']:25.0%}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.3), layout="constrained")
colours = plt.matplotlib.colors.LinearSegmentedColormap.from_list("opinion", palette.OPINION)
for axis, number in zip(axes, (2, 4), strict=True):
    means = torch.stack([tables[number][truth == digit].mean(dim=0) for digit in range(10)])
    drawn = axis.imshow(means, cmap=colours, vmin=-3, vmax=3)
    axis.plot(means.argmax(dim=1), range(10), "k^", ms=5)
    axis.set(title=f"after {run.moments[number]['images_seen']:,} images")
    axis.set(xticks=range(10), yticks=range(10), xlabel="label that D is told")
axes[0].set_ylabel("● what the real image shows")
figure.colorbar(drawn, ax=axes, label="mean logit: below 0 fake, above 0 real", shrink=0.8)
figure.suptitle("D under every label (▲ the label that it believes most)")
show(
    figure,
    alt="Two tables of 10 by 10 mean logits. In the middle of the training the diagonal, where image and label fit, "
    "stands out in blue. At the end the tables are pale and the strongest labels lie anywhere.",
)

# %% [markdown]
# In the middle D knows its digits: a perfect seven is a bad three, and that forces G to listen. Then G
# obeys, and D *forgets*. No wonder: nobody shows it a wrong pair any more. Real images come with
# their own labels, and fakes now with fitting ones too, so what it says about a mismatch earns
# nothing. D is not a classifier. It learns only what sets real pairs and fake pairs apart today.
#
# One trap: the labels of the fakes. If they came in other shares than the real ones do, D could tell
# fakes by the label alone (task 3 of the exercises). So in our training step the fakes of a batch get the labels of
# its real images, and G and D get the same ones.

# %% [markdown]
# ## 4. Train one
#
# The step is the package's own. `labels` goes to both networks; everything else you know from
# lessons 08 and 11. Learning rates: the paper takes 0.0001 for G and 0.0004 for D and a day on four
# GPUs. We have half a minute, so we take large steps, and for G the larger ones; section 5 says why.

# %%
digits = load_images("digits", 32)
averaged = AveragedGenerator(generator)
optimizer_g = torch.optim.Adam(generator.parameters(), lr=4e-3, betas=(0.0, 0.9))
optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.9))
gammas, step, epoch, start = [], 0, 0, time.perf_counter()
while step < STEPS:
    for images_real, labels_real in digits.labelled_batches(32, SEED, epoch):
        z = torch.randn(32, 32)
        training_step(
            generator, discriminator, optimizer_g, optimizer_d, images_real, z,
            loss="hinge", labels=labels_real,
        )
        step += 1
        averaged.update(generator, 32, 32 * step)
        gammas.append((generator.attention.gamma.item(), discriminator.attention.gamma.item()))
        if step == STEPS:
            break
    epoch += 1
print(f"{step} steps in {time.perf_counter() - start:.0f} s")

# %%
labels = torch.arange(10).repeat(50)  # 500 orders
mine = averaged.model.generate(500, torch.Generator().manual_seed(SEED), labels=labels)
show_columns(
    mine[:60],
    f"▲ Yours, after {STEPS} steps",
    "Six rows and ten columns of generated digits, rougher than those of the first picture. Most columns show "
    "the digit that they asked for.",
)

# %% [markdown]
# Does each show what was ordered? Not our eyes decide, but a judge: a support vector machine that has
# learned from half of the real digits, and is tested on the other half first.

# %%
def pixels(images):
    """(N, 1, 32, 32) -> (N, 256), averaged to 16x16."""
    return F.avg_pool2d(images, 2).flatten(1).numpy()


all_real = digits.take(torch.arange(len(digits)))
order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(SEED))
learned, held_back = order[:900], order[900:]
judge = SVC(C=10).fit(pixels(all_real[learned]), digits.labels[learned])
recorded_images = G.generate(500, torch.Generator().manual_seed(SEED), labels=labels)
print(f"real digits that it had not seen: {judge.score(pixels(all_real[held_back]), digits.labels[held_back]):.1%} named rightly")
print(f"the recorded SAGAN:               {judge.score(pixels(recorded_images), labels):.1%} show what was ordered")
print(f"yours, after {STEPS} steps:          {judge.score(pixels(mine), labels):.1%}")

# %% [markdown]
# A longer run, with everything that lesson 08 gave to DCGAN (checkpoints, resuming, curves, the doctor),
# is one line; below it the one for colour photographs, for a GPU:
#
# ```bash
# gan-course train --model sagan --dataset digits --conditional --output-dir runs/sagan
# gan-course train --model sagan --dataset cifar10 --conditional --device cuda --num-epochs 200 --output-dir runs/sagan-cifar10
# ```

# %% [markdown]
# ## 5. One change at a time, measured
#
# Which of the changes makes the images better? Papers compare whole recipes, after days of training. We
# can afford something smaller and more honest: tiny networks on the digits, one change after the other,
# the same number of steps for all, five seeds each, and every result shown.
#
# ```bash
# python -m gan_course.trials.from_dcgan_to_sagan
# ```
#
# This made the table; it is recorded, because it takes some minutes. The number is the *Fréchet
# distance*: how far the fakes are from the real digits in the eyes of a small classifier. Lower is
# better.

# %%
found = ladder.recorded()
rows = found["rows"]
print(f"{found['steps']} steps of {found['batch_size']} images, {found['seeds']} seeds; the judge names "
      f"{found['judge']:.1%} of unseen real digits rightly")
print(f"distance of one half of the real digits from all: {found['real']['distance']:.1f}\n")
print(f"{'':23} distance of each seed       mean  sure  rarest agree")
for row in rows.values():
    runs = row["runs"]
    each = "".join(f"{r['distance']:5.0f}" for r in runs)
    mean = math.exp(sum(math.log(r["distance"]) for r in runs) / len(runs))
    sure, rarest = (sum(r[key] for r in runs) / len(runs) for key in ("sure", "rarest"))
    agree = f"{sum(r['agree'] for r in runs) / len(runs):.0%}" if "agree" in runs[0] else ""
    print(f"{row['title']:23} {each} {mean:6.0f} {sure:5.0%} {rarest:7.1%} {agree:>5}")

# %% [markdown]
# The *mean* is the geometric one: seeds differ by factors, and one bad one would drown an ordinary mean.
# *sure*: images that the judge is at least 90 % sure of. *rarest*: share of the digit that it sees least
# (even would be 10 %). *agree*: images that show what was ordered.

# %%
figure, axis = plt.subplots(figsize=(8, 4.6), layout="constrained")
for y, row in enumerate(rows.values()):
    values = [r["distance"] for r in row["runs"]]
    mean, half = ladder.interval([math.log(value) for value in values])
    axis.plot([math.exp(mean - half), math.exp(mean + half)], [y, y], color="0.55", lw=2)
    axis.plot(values, [y] * len(values), "^", color=palette.FAKE, ms=6, alpha=0.8)
    axis.plot(math.exp(mean), y, "|", color="black", ms=16, mew=2)
axis.axvline(found["real"]["distance"], color=palette.REAL)
axis.text(found["real"]["distance"] * 1.1, 0.35, "● real digits", color=palette.REAL)
axis.set(yticks=range(len(rows)), yticklabels=[row["title"] for row in rows.values()], xscale="log")
axis.set(xlabel="Fréchet distance to the real digits, log axis (lower is better)")
axis.set(title="▲ each of five seeds, | their mean, and its 95 % interval")
axis.invert_yaxis()
show(
    figure,
    alt="For each rung of the ladder five triangles, their mean and an interval, on a logarithmic axis of the Fréchet "
    "distance. The intervals of neighbouring rungs overlap widely. All lie far to the right of the real digits. "
    "With D four times as fast one seed lies far out, beyond 1000; with G four times as fast the five lie together "
    "near 20.",
)

# %%
pictures = ladder.picture_rows()
figure, axes = plt.subplots(len(rows), 1, figsize=(8, 4.7), layout="constrained")
for axis, (name, row) in zip(axes, rows.items(), strict=True):
    axis.imshow(torch.cat(list(pictures[name]), dim=1), cmap="gray")
    axis.set(xticks=[], yticks=[])
    axis.set_ylabel(row["title"], rotation=0, ha="right", va="center", fontsize=9)
figure.suptitle("▲ Twenty fakes of the first seed on each rung (where one can ask: 0 to 9, twice)")
show(
    figure,
    alt="One row of twenty generated digits for each rung of the ladder. All are blurred or rough after so short a "
    "training; the last three rows go through the digits from 0 to 9 twice.",
)


# %% [markdown]
# How sure may we be about one step of the ladder? Compare the seeds in pairs: the same seed sees the same
# real images. By which *factor* does the distance change? If the interval of that factor contains 1, five
# seeds can't tell.

# %%
def compare(after, before):
    """The factor between the distances of paired seeds, with its 95 % interval."""
    pairs = zip(rows[after]["runs"], rows[before]["runs"], strict=True)
    mean, half = ladder.interval([math.log(a["distance"] / b["distance"]) for a, b in pairs])
    low, high = math.exp(mean - half), math.exp(mean + half)
    verdict = "better" if high < 1 else "worse" if low > 1 else "can't tell"
    pair = f"{rows[after]['title']} / {rows[before]['title']}"
    print(f"{pair:40} × {math.exp(mean):.2f}  ({low:.2f} to {high:.2f})  {verdict}")


names = list(rows)
for before, after in pairwise(names[:7]):
    compare(after, before)
compare("fast_d", "labels")
compare("fast_g", "labels")
compare("norm_g", "dcgan")

# %% [markdown]
# Read it slowly; it is not what the papers' tables look like.
#
# - **No single rung up to the labels can be told from the one below it**, not with five seeds. DCGAN's
#   own seeds differ by a factor of four: whoever compares one run with one run measures luck.
# - **Together they can.** SAGAN's networks with spectral norm and without attention are clearly ahead of
#   DCGAN after the same number of steps. (They also take larger steps: Xavier's weights are larger than
#   DCGAN's, and with DCGAN's learning rate they had not arrived anywhere by then when we tried. A recipe is a package.)
# - **Attention: can't tell.** The factor is near 1, and its interval reaches from half to more than
#   double. γ did move, in every run. That attention is used does not mean that it helps.
# - **Labels: can't tell** either, by this number. What they bring is another thing: one can ask.
# - **The two learning rates** make the largest difference, and the other way round than in the paper:
#   with D four times as fast one of five runs never got started, with G four times as fast all did well.
#   The paper trained for days. A rule about speed is a rule about a budget.
#
# All of this holds for these tiny networks, these digits and these few steps, and for nothing else. That
# is no excuse for the small experiment: it is what every experiment's result should carry with it.

# %% [markdown]
# ## 6. gamma: how much attention gets in
#
# A block adds γ · attention to what came in, and γ begins at 0. So in the very first step the four
# convolutions of the block learn nothing, but γ does: its derivative is what attention *would* add.

# %% tags=["nbval-check-output"]
torch.manual_seed(SEED)
fresh = SAGANGenerator(latent_dim=32, attention_at=16, **shape)
fresh(torch.randn(10, 32), torch.arange(10)).square().sum().backward()
for name, parameter in fresh.attention.named_parameters():
    part = name.split(".")[0]
    print(f"{part:7} gradient", "0" if parameter.grad.abs().max() == 0 else "not 0")

# %% [markdown]
# Where did γ go in the notebook's own training, and in the recorded run?

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.1), layout="constrained", sharey=True)
axes[0].plot([32 * (i + 1) for i in range(len(gammas))], [g for g, _ in gammas], "-.", color=palette.GENERATOR, label="G")
axes[0].plot([32 * (i + 1) for i in range(len(gammas))], [d for _, d in gammas], color=palette.DISCRIMINATOR, lw=2.4, label="D")
seen = [row["images_seen"] for row in run.history]
axes[1].plot(seen, [row["gamma_g"] for row in run.history], "-.", color=palette.GENERATOR, label="G")
axes[1].plot(seen, [row["gamma_d"] for row in run.history], color=palette.DISCRIMINATOR, lw=2.4, label="D")
axes[0].set(title="this notebook", xlabel="real images seen", ylabel="gamma")
axes[1].set(title="the recorded run", xlabel="real images seen")
for axis in axes:
    axis.axhline(0, color="0.7", lw=1, zorder=0)
    axis.legend()
last = run.history[-1]
show(
    figure,
    alt="Two charts of gamma over the training, one for this notebook and one for the recorded run, each with a "
    f"dash-dotted line for G and a solid one for D, both from 0. The recorded run ends at {last['gamma_g']:.2f} "
    f"in G and {last['gamma_d']:.2f} in D.",
)
print(f"recorded: gamma of G ends at {last['gamma_g']:+.3f}, of D at {last['gamma_d']:+.3f}")

# %% [markdown]
# The sign means little: the output convolution could turn its own sign and undo it. What counts is
# how far it is from 0.

# %% [markdown]
# ## 7. The attention microscope
#
# Now look through it. The recorded run was stored at five moments, both networks. Choose a pixel: press a
# place of the small image, or move *row* and *column* with the arrow keys. Five things to find:
#
# 1. Guess first. Then move *moment* back to the start: what does attention change there?
# 2. At the last moment, walk from the black border into a stroke. Who looks near, who looks far?
# 3. Switch G's attention off. Would you have noticed without the third picture?
# 4. Look into D. How evenly does it look? What is left of attention if all weights are equal?
# 5. Change the digit, and keep the pixel: does the map follow the strokes?

# %%
AttentionMicroscope()

# %% [markdown]
# The same without a lab: three pixels of an eight, in G and in D. A hook listens to what comes into the
# block, and `attention_map` gives the table of weights.

# %%
figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.7), layout="constrained")
asking = [(8, 8), (4, 6), (1, 1)]
for line, network in zip(axes, "GD", strict=True):
    lab = AttentionMicroscope(network=network, digit=8, seed=3, revealed=True)
    line[0].imshow(lab.figure_data()["image"][0], cmap="gray", extent=(0, 16, 16, 0))
    line[0].set(title=f"▲ what {network} {'draws' if network == 'G' else 'reads'}", xticks=[], yticks=[])
    for number, (axis, (r, c)) in enumerate(zip(line[1:], asking, strict=True)):
        lab.row, lab.column = r, c
        data = lab.figure_data()
        axis.imshow(data["weights"], cmap="Greys", vmin=0, vmax=max(data["weights"].max(), 2 / 64), extent=(0, 16, 16, 0))
        axis.plot(c + 0.5, r + 0.5, "s", mfc="none", mec=palette.FAKE, mew=2, ms=8)
        line[0].text(c + 0.5, r + 0.5, number + 1, color=palette.FAKE, ha="center", va="center", weight="bold")
        far = data["beyond"]
        axis.set(title=f"{network}, pixel {number + 1}: {far:.0%}\nbeyond 3×3", xticks=[], yticks=[])
figure.suptitle("Three pixels (framed) and where they look: the darker, the more")
show(
    figure,
    alt="Above G, below D. On the left the same generated eight with three numbered pixels, then the maps of the three. "
    "In G the pixels in the strokes look at the dark border, the one in the dark corner at the strokes; D's maps are "
    "almost evenly grey.",
)

# %% [markdown]
# (Black is the largest weight of the map, and at least twice the even share.) In G, bright pixels look at the dark border and dark ones at the strokes: each at what it is *not*. No
# eye that follows a stroke to its other end; rather a sense for contrast, all over the image. And
# D's rows are nearly even. It adds the same mean of all values everywhere, a summary of the whole image;
# for that it would not need one score for each pair. Attention maps are honest pictures of what is
# computed. What it is *good for* they don't tell.

# %% [markdown]
# ### Switched off
#
# `attention.enabled = False` makes a block the identity, without touching its weights. How much do 500
# images change, and does the judge notice?

# %%
with torch.no_grad():
    z = torch.randn(500, G.latent_dim, generator=torch.Generator().manual_seed(SEED))
    with_it = G(z, labels)
    G.attention.enabled = False
    without = G(z, labels)
    G.attention.enabled = True
change = (with_it - without).abs()
print(f"a pixel changes by {change.mean():.3f} of 2 on average, the most by {change.max():.2f}")
print(f"with attention    {judge.score(pixels(with_it), labels):.1%} show what was ordered")
print(f"switched off      {judge.score(pixels(without), labels):.1%}")

# %%
figure, axes = plt.subplots(3, 1, figsize=(8, 3.2), layout="constrained")
reach = change[:10].max().item()
axes[0].imshow(torch.cat(list(with_it[:10, 0]), dim=1), cmap="gray")
axes[1].imshow(torch.cat(list(without[:10, 0]), dim=1), cmap="gray")
drawn = axes[2].imshow(torch.cat(list((with_it - without)[:10, 0]), dim=1), cmap=colours, vmin=-reach, vmax=reach)
for axis, name in zip(axes, ("on", "off", "on − off"), strict=True):
    axis.set(xticks=[], yticks=[])
    axis.set_ylabel(name, rotation=0, ha="right", va="center")
figure.colorbar(drawn, ax=axes, label="difference, of 2", shrink=0.6)
figure.suptitle("▲ The digits 0 to 9 with G's attention, without, and the difference")
show(
    figure,
    alt="Ten generated digits with attention, the same ten without, and their difference, in which the strokes and "
    "their edges show.",
)

# %% [markdown]
# Be careful with what this shows. G was *trained* with attention, and its later layers count on what it
# adds. That the images change when it is switched off does not mean that attention made them better: a
# network trained without it would have found another way. Only section 5 compares that.

# %% [markdown]
# ### And photographs?
#
# A SAGAN of CIFAR-10's photographs ships with the course, trained for about an hour on one core of a processor. Each row asks
# for one class. **Guess** which classes you will recognise.

# %%
photographer = load_pretrained("cifar10-sagan")
classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
labels = torch.arange(10).repeat_interleave(12)  # 12 images of each class, a row each
images = draw_images(photographer, noise(0, 120, photographer.latent_dim), labels)
figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
axis.imshow(image_grid(images, columns=12))
axis.set(xticks=[], title="▲ a SAGAN, asked for each class twelve times")
axis.set_yticks([34 * (i + 0.5) for i in range(10)], classes)
show(
    figure,
    alt="Ten rows of twelve generated photographs of 32 by 32 pixels. Ships on water, trucks, cars and horses can mostly be "
    "recognised; birds, cats and dogs are shapes of fur and feathers.",
)

# %% [markdown]
# How often does it draw what it was asked for? Its card, `gan_course/pretrained/cifar10-sagan.md`, has the share by a
# classifier, class by class at its best and worst, and says how that was measured.

# %% [markdown]
# ## 8. What it costs, and what others found
#
# How much work is attention at each place it could stand? Multiply-adds of one image, by the formula of
# task 7 of the exercises, beside those of the convolution that makes the same map from the one before it.

# %% tags=["nbval-check-output"]
def attention_work(channels, size, pool=True):
    positions = size * size
    attended = positions // 4 if pool else positions
    convs = positions * channels * (2 * (channels // 8) + 2 * (channels // 2))
    return convs + positions * attended * (channels // 8 + channels // 2)


print("map        channels   attention   its convolution")
for size, channels in ((8, 256), (16, 128), (32, 64), (64, 32)):
    conv = (size // 2) ** 2 * 2 * channels * channels * 16  # ConvTranspose2d, kernel 4
    print(f"{size:2}×{size:<2} {channels:12} {attention_work(channels, size):12,} {conv:12,}")

# %% [markdown]
# Each line is a SAGAN for 128×128 images, from the deep maps to the shallow ones. The convolutions all
# cost the same. Attention is cheap on small maps and dear on large ones, so it stands in the middle.
#
# And does it pay? In the paper, on 128×128 images of ImageNet, it did: its table has a better FID with
# attention than without. At 32×32 others could not see it. In the CIFAR-10 table of
# [PyTorch-StudioGAN](https://github.com/POSTECH-CVLab/PyTorch-StudioGAN) SAGAN comes out a little
# *behind* SNGAN, the same kind of network without attention; in
# [MMGeneration's](https://github.com/open-mmlab/mmgeneration) likewise. Small maps leave little that a few
# convolutions can't reach. So take attention for large images, measure it for small ones, and promise
# nobody anything.

# %% [markdown]
# ## 9. What do you know now?

# %%
quiz("12_sagan", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | SAGAN | DCGAN + hinge + spectral norm in D and G + one attention block in each + labels |
# | conditional BatchNorm | statistics of the whole batch; gain (from 1) and bias (from 0) of each class |
# | projection | $D(x, y) = l(h) + e_y \cdot h$, with h added up over the map |
# | labels of fakes | the same shares as among the real ones; the same labels for G and for D |
# | learning rates | a choice that depends on the weights' size and on your budget: measure |
# | γ | begins at 0; in the first step only γ gets a gradient; log it |
# | the map | row i: where position i looks; counted row by row; with pooling each place is 2×2 |
# | `attention.enabled = False` | the block becomes the identity; what changes is not what it was worth |
# | one change at a time | several seeds, paired, with an interval of the factor; if it contains 1, you can't tell |
#
# **Now you.** [exercises/12_sagan](../exercises/12_sagan.ipynb): eight tasks, from conditional BatchNorm
# to a line-up of eight suspects.
#
# In torch's own words:
# [torch.nn.Embedding](https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html),
# [torch.nn.BatchNorm2d](https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html),
# [torch.nn.utils.parametrizations.spectral_norm](https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html),
# [torch.optim.Adam](https://pytorch.org/docs/stable/generated/torch.optim.Adam.html).
#
# The papers: Zhang, Goodfellow, Metaxas & Odena 2018, *Self-Attention Generative Adversarial Networks*;
# Miyato & Koyama 2018, *cGANs with Projection Discriminator*.
#
# **Next** [13 · Evaluation](13_evaluation.ipynb): how good is it, and how sure are you?
