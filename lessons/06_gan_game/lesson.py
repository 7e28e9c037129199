# %% [markdown]
# # 06 · The GAN game: two players, one number
#
# **After this lesson you can** write down what the two networks fight over, derive both of their losses
# from it, say what the best discriminator would answer, put `detach` where it belongs, and write the
# whole training loop in twelve lines.
#
# **Time** about 75 minutes · **Builds on** [05 · Your first two networks](05_first_networks.ipynb) ·
# **Needs** no GPU
#
# Images are large, and a GAN on images takes minutes. Here the "images" are points in the plane, so a
# whole training takes seconds, and you can see everything at once.

# %%
import math
import time

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.colors import LinearSegmentedColormap
from torch import nn

from gan_course import fast_mode, palette
from gan_course.checks.parameters import seed_number, whole_number
from gan_course.labs import OneStep, ToyGAN, quiz, show
from gan_course.losses import minimax_g_loss, non_saturating_d_loss, non_saturating_g_loss
from gan_course.models.simple import SimpleDiscriminator, SimpleGenerator
from gan_course.toy import ToyConfig, ToyGame, make_distribution, modes_covered, share_on_modes

OPINION = LinearSegmentedColormap.from_list("what D says", palette.OPINION)  # fake, undecided, real
torch.set_num_threads(1)  # for networks this small, sharing the work costs more than the work

# %% tags=["parameters"]
STEPS = 400 if fast_mode() else 2000  # how long the larger runs of this notebook train
SEED = 0  # where all random numbers start

# %%
STEPS, SEED = whole_number("STEPS", STEPS, 80, 100_000), seed_number("SEED", SEED)  # says what is wrong, if they will not do

# %% [markdown]
# ## 1. Run it first
#
# The real points come from eight small blobs on a ring. G turns two random numbers into a point. D looks
# at a point and says how real it seems. Neither knows what a ring is.

# %%
BLUE = {"color": palette.REAL, "marker": "o", "s": 9, "alpha": 0.5, "lw": 0}
RED = {"color": palette.FAKE, "marker": "^", "s": 9, "alpha": 0.5, "lw": 0}


def draw_points(axis, real, fake, title):
    """Real and fake points (N, 2) in the plane."""
    axis.scatter(*real.T, **BLUE, label="real")
    axis.scatter(*fake.T, **RED, label="fake")
    axis.set(title=title, xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")


# %%
ring = make_distribution("ring8")
points_real = ring.sample(500, torch.Generator().manual_seed(1))  # (500, 2)
game = ToyGame(ToyConfig(distribution="ring8", seed=SEED))
curve = []  # (step, mean D(x), mean D(G(z)))

figure, axes = plt.subplots(1, 4, figsize=(10, 3.0), layout="constrained")
for axis, end in zip(axes, (0, STEPS // 20, STEPS // 4, STEPS), strict=True):
    while game.steps_done < end:
        game.step(STEPS // 80)
        d_real = game.logits(points_real).sigmoid().mean().item()
        d_fake = game.logits(game.samples(500)).sigmoid().mean().item()
        curve.append((game.steps_done, d_real, d_fake))
    draw_points(axis, points_real, game.samples(500), f"step {game.steps_done}")
axes[0].legend(loc="upper right", fontsize=8, markerscale=2)
figure.suptitle("Two networks, and nothing else")
show(
    figure,
    alt="Four pictures of the plane with eight blue blobs on a ring. At step 0 the fakes, vermilion "
    "triangles, are one smudge in the middle. Then the smudge spreads, and in the last "
    "picture most fakes lie on the blobs, with some threads of points between them.",
)

# %% [markdown]
# Nobody told G where the blobs are. It never saw a real point: all it knows came through D. How can two
# networks that know nothing teach each other something? That is this lesson.

# %% [markdown]
# ## 2. Guess first

# %%
quiz("06_gan_game", "before")

# %% [markdown]
# ## 3. The two players
#
# | | **G**, the generator | **D**, the discriminator |
# |---|---|---|
# | gets | noise $z$, drawn at random from $p_z$ | a point $x$, real or fake |
# | puts out | a fake, $G(z)$ | one number, the **logit** $l$; $D(x) = \sigma(l)$ is the probability of "real" |
# | wants | D to take fakes for real | to tell real from fake |
# | may change | its own weights | its own weights |
# | sees real points | never | yes |
#
# Real points come from a distribution $p_{data}$. What G makes has a distribution too, $p_g$: it is
# what becomes of $p_z$ on the way through G. (A **distribution** says how often a point comes from
# where.) Here are the players of section 1, taken apart.

# %%
lines = torch.linspace(-2.5, 2.5, 21)
fine = torch.linspace(-2.5, 2.5, 201)
square = torch.linspace(-3, 3, 81)
points = torch.cartesian_prod(square, square)  # (6561, 2): x is the slow one
heat = game.logits(points).sigmoid().reshape(81, 81).T  # rows are y

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for value in lines:
    for path in (torch.stack([fine, value.expand(201)], 1), torch.stack([value.expand(201), fine], 1)):
        axes[0].plot(*path.T, color=palette.GENERATOR, lw=0.7)
        with torch.no_grad():
            axes[1].plot(*game.generator(path).T, color=palette.GENERATOR, lw=0.7)
picture = axes[2].contourf(square, square, heat, levels=torch.linspace(0, 1, 11), cmap=OPINION)
axes[2].contour(square, square, heat, levels=[0.5], colors="black", linewidths=1.2)
figure.colorbar(picture, ax=axes[2], label="D(x), probability of “real”", shrink=0.8)
titles = ["noise z, with a grid on it", "G bends the grid onto the ring", "D judges every place"]
for axis, title in zip(axes, titles, strict=True):
    axis.set(title=title, xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
show(
    figure,
    alt="Left: a regular square grid, the noise. Middle: the same grid after G, folded and pulled so "
    "that its lines crowd on the ring of blobs. Right: D's answer over the plane; a black line marks "
    "where it is 0.5.",
)

# %% [markdown]
# G does not *store* points. It bends a sheet of noise until most of it lies where real points lie. D
# is a landscape over the plane, and G's points walk uphill in it; meanwhile D rebuilds the landscape.

# %% [markdown]
# ## 4. One number they fight over
#
# The whole game is one number, the **value** $V$:
#
# $$V(D, G) = \mathbb{E}_{x \sim p_{data}}\bigl[\log D(x)\bigr] +
# \mathbb{E}_{z \sim p_z}\bigl[\log\bigl(1 - D(G(z))\bigr)\bigr]$$
#
# $\mathbb{E}$ is the mean over many draws, and $\log$ the natural logarithm. Read it slowly:
#
# - $\log D(x)$ is 0 if D is sure that a real point is real, and falls towards $-\infty$ the less it
#   believes in it;
# - $\log(1 - D(G(z)))$ is the same for a fake: 0 if D is sure that it is fake.
#
# So $V \le 0$, and 0 would be a D that is always right and always sure. D wants $V$ large. G wants it
# small, and can only touch the second term. That is the line you find in every paper:
#
# $$\min_G \max_D V(D, G)$$
#
# Let us work one out. A world with three places, where points come with these probabilities:

# %%
p_data = torch.tensor([0.6, 0.3, 0.1])  # real points come from the places A, B, C
p_g = torch.tensor([0.1, 0.3, 0.6])  # fakes


def value(d):
    """V of the three-place world, for D's three answers."""
    return (p_data * torch.log(d)).sum() + (p_g * torch.log(1 - d)).sum()


for name, d in {
    "a coin": torch.tensor([0.5, 0.5, 0.5]),
    "sensible": torch.tensor([0.8, 0.5, 0.2]),
    "too sure": torch.tensor([0.99, 0.5, 0.01]),
    "wrong way round": torch.tensor([0.2, 0.5, 0.8]),
}.items():
    print(f"{name:<16} D = {[round(x, 2) for x in d.tolist()]}   V = {value(d):.3f}")

# %% [markdown]
# The sensible D gets more out of the game than the coin, and *being too sure costs more than it
# brings*: sometimes a real point does come from C. Which three answers are best? Each place can be
# tuned by itself:

# %%
answers = torch.linspace(0.01, 0.99, 99)
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
left.bar(torch.arange(3) - 0.2, p_data, 0.38, color=palette.REAL, label="● p_data")
left.bar(torch.arange(3) + 0.2, p_g, 0.38, color=palette.FAKE, hatch="//", ec="w", label="▲ p_g")
left.set(xticks=range(3), xticklabels="ABC", xlabel="place", ylabel="probability")
left.set_title("Where the points come from")
left.legend()
for place, style in zip(range(3), ("-", "--", "-."), strict=True):
    share = p_data[place] * torch.log(answers) + p_g[place] * torch.log(1 - answers)
    best = answers[share.argmax()]
    right.plot(answers, share, color=palette.DISCRIMINATOR, ls=style, label=f"place {'ABC'[place]}")
    right.plot(best, share.max(), "o", color="black")
    right.annotate(f"{best:.2f}", (best, share.max()), (0, 7), textcoords="offset points", ha="center")
right.set(xlabel="D's answer at this place", ylabel="what it adds to V", ylim=(-2.2, 0.1))
right.set_title("The best answer at each place")
right.legend(loc="lower center")
show(
    figure,
    alt="Left: bars of p_data and p_g over three places; A is mostly real, C mostly fake, B equal. "
    "Right: three arches over D's answer, with their tops marked: near 0.86 for A, at 0.5 for B, "
    "near 0.14 for C.",
)

# %% [markdown]
# Look at A: its top is at 0.86, and of all points that come from A, real and fake together,
# $0.6 / (0.6 + 0.1) \approx 0.86$ are real. Is that always so?

# %% [markdown]
# ## 5. The best discriminator
#
# Take one place $x$. Real points come with the density $a = p_{data}(x)$, fakes with $b = p_g(x)$, and
# D answers $D$. This place adds to the value
#
# $$a \log D + b \log(1 - D)$$
#
# At the top of this arch the slope is zero: $\dfrac{a}{D} - \dfrac{b}{1 - D} = 0$. So
# $a\,(1 - D) = b\,D$, and
#
# $$D^*(x) = \frac{p_{data}(x)}{p_{data}(x) + p_g(x)}$$
#
# In words: **of all the points that come to this place, the share that is real.** D needs no idea of
# beauty, only of how often.
#
# Two distributions on a line, to see it. **Guess:** where will $D^*$ be 0.5?

# %%
x = torch.linspace(-4, 4, 401)


def bell(x, mean, width):
    """The density of a normal distribution."""
    return torch.exp(-0.5 * ((x - mean) / width) ** 2) / (width * math.sqrt(2 * math.pi))


p_data = 0.5 * bell(x, -1.5, 0.6) + 0.5 * bell(x, 1.5, 0.6)  # (401,): two hills
p_g = bell(x, 0.3, 1.0)  # (401,): one hill between them
best_d = p_data / (p_data + p_g)

# %% [markdown]
# Do not trust the formula. Here 401 logits, one for each place, start at 0, and an optimizer lowers D's
# loss $-V$ until nothing moves. It knows nothing about fractions. (`F.softplus(-logit)` is $-\log D$ and
# `F.softplus(logit)` is $-\log(1 - D)$, computed safely; section 8 says why.)

# %%
logits = torch.zeros(401, requires_grad=True)
optimizer = torch.optim.Rprop([logits], lr=0.1)  # good at many small problems side by side
for _ in range(200):
    loss = (p_data * F.softplus(-logits) + p_g * F.softplus(logits)).sum()  # -V
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
found = logits.detach().sigmoid()
print(f"largest difference to the formula: {(found - best_d).abs().max():.1e}")

# %% [markdown]
# And a network, which sees neither density but only samples, 256 at a time:

# %%
torch.manual_seed(SEED)
judge = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(judge.parameters(), lr=0.003)
for _ in range(STEPS // 2):
    side = torch.randint(0, 2, (256, 1)) * 2 - 1  # which hill
    real = 1.5 * side + 0.6 * torch.randn(256, 1)
    fake = 0.3 + torch.randn(256, 1)
    loss = non_saturating_d_loss(judge(real), judge(fake))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    learned = judge(x[:, None]).sigmoid()[:, 0]

# %%
figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
top.fill_between(x, p_data, color=palette.REAL, alpha=0.15)
top.plot(x, p_data, color=palette.REAL, lw=2, label="● p_data")
top.plot(x, p_g, color=palette.FAKE, lw=2, ls="--", label="▲ p_g")
top.set(title="Two hills are real, G draws one", ylabel="density")
bottom.axhline(0.5, color="0.8", zorder=0)
bottom.plot(x, best_d, color=palette.DISCRIMINATOR, lw=4, alpha=0.35, label="D*, the formula")
bottom.plot(x[::12], found[::12], "kx", ms=5, label="found by lowering the loss")
bottom.plot(x, learned, color=palette.DISCRIMINATOR, lw=1.5, label="a network, from samples")
bottom.set(title="What the best D says", xlabel="x", ylabel="D(x)", ylim=(-0.05, 1.4))
top.legend(loc="upper left")
bottom.legend(loc="upper center", ncols=3, fontsize=9)
show(
    figure,
    alt="Above, a blue density with two hills and a dashed vermilion one with a single hill between "
    "them. Below, the best D: high over the real hills, low between them, and 0.5 exactly where "
    "the two densities cross. Crosses lie on the curve, and the network's line runs close to it.",
)

# %% [markdown]
# $D^*$ is 0.5 exactly where the two densities cross. The network comes close where points are, and
# guesses at the far ends, where hardly any come.
#
# ### What G would see, if D were perfect
#
# Put $D^*$ into $V$. What is left depends on G alone, and has a name:
#
# $$V(D^*, G) = 2 \cdot JS(p_{data}, p_g) - \log 4$$
#
# The **Jensen–Shannon divergence** $JS$ says how far two distributions are from their average
# $m = (p_{data} + p_g) / 2$: it is $\frac12 KL(p_{data}, m) + \frac12 KL(p_g, m)$, where
# $KL(p, m) = \sum p \log (p / m)$. It is 0 if they are equal, and $\log 2$ at most. With natural logarithms
# it is counted in *nats*; divided by $\log 2$ it is counted in *bits*, so at most it is **1 bit**.

# %%
dx = x[1] - x[0]
m = (p_data + p_g) / 2
js = 0.5 * (p_data * torch.log(p_data / m) + p_g * torch.log(p_g / m)).sum() * dx
best_value = (p_data * torch.log(best_d) + p_g * torch.log(1 - best_d)).sum() * dx
print(f"JS                 {js:.4f} nats = {js / math.log(2):.4f} bits")
print(f"2 · JS - log 4    {2 * js - math.log(4):.4f}")
print(f"V with the best D {best_value:.4f}")

# %%
quiz("06_gan_game", "equal")

# %% [markdown]
# ## 6. What 0.5 means, and what it does not
#
# If G draws perfectly, $p_g = p_{data}$, then $D^* = 0.5$ everywhere: even the best D can only guess. Two
# numbers to remember for that end, D's loss $-V$ and the loss that G uses (section 7):

# %% tags=["nbval-check-output"]
unsure = torch.zeros(8)  # a logit of 0 is a probability of 0.5
print(f"loss of D {non_saturating_d_loss(unsure, unsure):.3f}   log 4")
print(f"loss of G {non_saturating_g_loss(unsure):.3f}   log 2")

# %% [markdown]
# Some notes on the web say that in an ideal training the losses swing. They do swing on the way; the
# ideal end is two numbers that stand still, and they are not 0.
#
# In the game of section 1, step by step:

# %%
steps, d_real, d_fake = zip(*curve, strict=True)
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
axis.axhline(0.5, color=palette.PREDICTION, ls=":", label="only guessing")
axis.plot(steps, d_real, color=palette.REAL, label="● mean D(x), real")
axis.plot(steps, d_fake, color=palette.FAKE, ls="--", label="▲ mean D(G(z)), fake")
axis.set(title="D is less and less sure", xlabel="step", ylabel="probability of “real”", ylim=(0, 1))
axis.legend(ncols=3, loc="upper right")
show(
    figure,
    alt="Mean D(x) and mean D(G(z)) over the steps: they part a little at the beginning, then both "
    "lie close to the dotted line at 0.5.",
)

# %% [markdown]
# So D(G(z)) = 0.5 is what success looks like. Is it also a *proof* of success?

# %%
quiz("06_gan_game", "half")

# %% [markdown]
# Two games with the same ring and the same G. Both use **R1**, a penalty on D's slope that calms a game
# (lesson 09). In the first, D is **too weak**: a tilted plane, $l = w \cdot x$. In the second, D has
# all its layers, but the penalty has the absurd weight of 1000, which holds it **flat**.

# %%
weak = ToyGame(
    ToyConfig(distribution="ring8", discriminator="linear", r1_gamma=5.0, seed=SEED)
)
flat = ToyGame(ToyConfig(distribution="ring8", r1_gamma=1000.0, seed=SEED))
weak.step(STEPS // 2)
flat.step(STEPS // 2)
games = {"section 1": game, "D too weak": weak, "D held flat": flat}

# %% [markdown]
# Beside each, an independent **judge**: a fresh D that is trained against the finished G, which no longer
# moves. How often is the judge right on points that it has not seen? (*Blobs hit* counts the blobs that get
# at least a fifth of their fair share of the fakes.)


# %%
def judge_of(game):
    """Train a fresh D against a frozen G; return its share of right answers on new points."""
    torch.manual_seed(SEED + 1)
    rng = torch.Generator().manual_seed(SEED + 1)
    judge = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(judge.parameters(), lr=0.003)
    for _ in range(400):
        with torch.no_grad():
            fake = game.generator(torch.randn(256, 2))
        loss = non_saturating_d_loss(judge(ring.sample(256, rng)), judge(fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right_real = judge(ring.sample(2000, rng)) > 0
        right_fake = judge(game.generator(torch.randn(2000, 2))) < 0
    return torch.cat([right_real, right_fake]).float().mean().item()


# %%
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.7), layout="constrained")
print("             D(G(z))   blobs hit   judge is right")
for axis, (name, one_game) in zip(axes, games.items(), strict=True):
    fake = one_game.samples(500)
    d_fake = one_game.logits(fake).sigmoid().mean().item()
    right = judge_of(one_game)
    print(f"{name:<12} {d_fake:7.2f} {modes_covered(fake, ring):9} of 8 {right:12.0%}")
    title = f"{name}: D(G(z)) = {d_fake:.2f}\na fresh judge is right: {right:.0%}"
    draw_points(axis, points_real, fake, title)
show(
    figure,
    alt="Three pictures of the ring. In the first, most fakes lie on the blobs. In the second they "
    "are one small smudge in the middle of the ring, where nothing is real, and in the third a "
    "smudge to one side. The mean of D(G(z)) in the titles is near 0.5 in all three.",
)

# %% [markdown]
# In the second and third game D(G(z)) is near 0.5 because D sees nothing, not because there is nothing to
# see. The weak D can only compare the centres of the two clouds. They agree, so that game is over, with
# not one fake on a blob. The flat one hardly says anything.
# (Even the game of section 1 is not at its end: a fresh judge finds the threads between the blobs,
# which the D of that game lets pass.)
#
# **0.5 is a statement about two networks, never about one.** It says: *this* D cannot tell. Whether
# another could, you learn by asking another: a fresh judge, a measure such as "blobs hit", your eyes.
# (It also averages: a D that says 0.9 to half of the fakes and 0.1 to the rest has a mean of 0.5.)

# %% [markdown]
# ## 7. Two losses for G
#
# G wants $V$ small, and only the second term depends on it. Read literally, G minimises
#
# $$\log\bigl(1 - D(G(z))\bigr) \qquad \text{(minimax)}$$
#
# In practice nearly everybody minimises another thing, already in the first paper on GANs:
#
# $$-\log D(G(z)) \qquad \text{(non-saturating)}$$
#
# Both are smallest when D believes. What differs is the slope. Write $l$ for the logit and
# $\sigma$ for the sigmoid, so $D = \sigma(l)$, and work out how much each loss changes with $l$:
#
# - minimax: $\;\frac{d}{dl} \log(1 - \sigma(l)) = -\sigma(l) = -D$
# - non-saturating: $\;\frac{d}{dl} \bigl(-\log \sigma(l)\bigr) = -(1 - \sigma(l)) = -(1 - D)$
#
# (Each time one factor of $\sigma' = \sigma (1 - \sigma)$ cancels.) **Guess** before you run: at the
# start D sees through every fake, say $l = -6$. Which of the two pulls?

# %%
logits = torch.linspace(-8, 8, 33)
slopes = {}
for name, loss in {"minimax": minimax_g_loss, "non-saturating": non_saturating_g_loss}.items():
    l = logits.clone().requires_grad_()
    sum(loss(one) for one in l).backward()  # a loss for each logit, no mean
    slopes[name] = l.grad
d = logits.sigmoid()
print(f"minimax:        largest difference to -D       {(slopes['minimax'] + d).abs().max():.1e}")
print(f"non-saturating: largest difference to -(1 - D) {(slopes['non-saturating'] + 1 - d).abs().max():.1e}")
print(f"pull at a logit of -6: {-slopes['minimax'][4]:.4f} and {-slopes['non-saturating'][4]:.4f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.7), sharex=True, layout="constrained")
used = {"color": palette.GENERATOR, "lw": 2, "ls": "-."}
other = {"color": "0.35", "lw": 2, "ls": ":"}
left.plot(logits, F.softplus(-logits), **used, label="non-saturating: −log D")
left.plot(logits, -F.softplus(logits), **other, label="minimax: log(1 − D)")
left.set(title="What G pays for one fake", xlabel="D's logit for that fake", ylabel="loss")
right.plot(logits, 1 - d, **used, label="1 − D")
right.plot(logits, d, **other, label="D")
right.plot(logits, -slopes["non-saturating"], "k+", ms=5, label="by autograd")
right.plot(logits, -slopes["minimax"], "k+", ms=5)
right.set(title="How hard it pulls the logit up", xlabel="D's logit for that fake", ylabel="− slope")
for axis in (left, right):
    axis.axvspan(-8, -4, color="0.93", zorder=0)
    axis.legend(fontsize=9, loc="upper center" if axis is left else "center right")
left.text(-6, -7.5, "D sees through\nthe fake", ha="center", fontsize=9)
show(
    figure,
    alt="Two charts over D's logit. Left: −log D falls steeply on the left and is flat on the right; "
    "log(1 − D) is flat on the left and falls on the right. Right: their pulls, 1 − D and D, cross at "
    "0.5 where the logit is 0. Crosses by autograd lie on both. A grey band marks logits below −4.",
)

# %% [markdown]
# The two pull in the **same direction** at every logit; only the strength differs. Minimax goes to sleep
# on the left, exactly where G has most to learn: it *saturates*. The other is awake there, and rests
# where D already believes.
#
# It is often said that the second one is "more stable". The figure says something more exact: it is
# **stronger for the fakes that are worst**. And one thing is lost: what G pays is no longer what D
# wins, so the two losses no longer add up to 0.
#
# In a real game: G starts far from the real blob, and D has had 200 updates to learn. The force of G's
# loss on a fake point:

# %%
far = ToyGame(ToyConfig(distribution="far", pretrain_d=200, seed=SEED))
fake = far.samples(500)
print(f"median logit of the fakes: {far.logits(fake).median():.1f}")
forces = {}
for name in ("saturating", "non_saturating"):  # saturating is the minimax loss
    far.change(loss=name)
    forces[name] = far.force(fake).norm(dim=1).median()
    print(f"{name:<15} median force on a fake {forces[name]:.4f}")
print(f"the second is {forces['non_saturating'] / forces['saturating']:.0f} times as strong")

# %% [markdown]
# Under minimax G hardly feels where to go; under the other it is pushed as if nothing were wrong. (Adam
# hides a part of that, since it divides by the size of recent gradients. Lesson 09 comes back to it.)

# %% [markdown]
# ## 8. Computed on logits
#
# Both losses are **binary cross-entropy** (BCE): with a target $t$ of 1 for "real" and 0 for "fake",
# one pays $-t \log D - (1 - t) \log(1 - D)$. You could take the sigmoid of the logit, then the
# logarithm. Here are five ways to write $-\log D$, for a fake with a logit of −120:

# %% tags=["nbval-check-output"]
one = torch.tensor(1.0)
ways = {
    "-log(sigmoid(l))": lambda l: -torch.log(torch.sigmoid(l)),
    "-log(sigmoid(l) + 1e-8)": lambda l: -torch.log(torch.sigmoid(l) + 1e-8),
    "binary_cross_entropy(sigmoid(l))": lambda l: F.binary_cross_entropy(torch.sigmoid(l), one),
    "softplus(-l)": lambda l: F.softplus(-l),
    "bce_with_logits(l)": lambda l: F.binary_cross_entropy_with_logits(l, one),
}
for name, way in ways.items():
    logit = torch.tensor(-120.0, requires_grad=True)
    loss = way(logit)
    loss.backward()
    print(f"{name:<33} loss {loss.item():6.2f}   gradient {logit.grad.item() + 0.0:5.2f}")

# %% [markdown]
# The first gives infinity, and `nan` ("not a number") as gradient: after one step every weight of G is
# `nan`, and the run is lost. The next two look repaired, since their losses are finite. But their
# gradient is 0: the worst fake of all teaches G nothing. Only the last two are right: −1.
#
# The reason is float32: a sigmoid is never 0 on paper, but it is in the computer. From where on? And on
# the other side, where it comes near to 1?

# %%
whole = torch.arange(-150.0, 151.0)
d = torch.sigmoid(whole)
print(f"up to a logit of {whole[d == 0].max():.0f} the sigmoid is exactly 0, and log(D) is -inf")
print(f"from a logit of {whole[d == 1].min():.0f} on it is exactly 1, and log(1 - D) is -inf")

# %%
def loss_and_slope(way, logits):
    l = logits.clone().requires_grad_()
    loss = way(l)
    loss.sum().backward()
    return loss.detach(), l.grad


logits = torch.linspace(0, 40, 161)
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.5), layout="constrained")
for name, way, look in (
    ("softplus(l)", F.softplus, {"color": palette.DISCRIMINATOR, "lw": 4, "alpha": 0.4}),
    ("−log(1 − sigmoid(l) + 1e-8)", lambda l: -torch.log(1 - l.sigmoid() + 1e-8), {"color": "0.3", "ls": ":"}),
    ("−log(1 − sigmoid(l))", lambda l: -torch.log(1 - l.sigmoid()), {"color": palette.FAKE, "ls": "--"}),
):
    for axis, numbers in zip(axes, loss_and_slope(way, logits), strict=True):
        axis.plot(logits, numbers, **look, label=name)
axes[0].set(title="D's loss for one fake", xlabel="D's logit for that fake", ylabel="loss")
axes[1].set(title="Its gradient", xlabel="D's logit for that fake", ylabel="gradient", ylim=(-0.1, 1.6))
axes[0].legend(fontsize=9, loc="upper left")
show(
    figure,
    alt="Two charts over logits from 0 to 40. softplus rises evenly, with a gradient of 1. The plain "
    "formula ends at a logit near 17. With 1e-8 added it becomes flat near "
    "18, and its gradient falls to 0.",
)

# %% [markdown]
# So the rule of this course: **no network ends in a sigmoid, and no loss contains one.** On logits,
#
# - $-\log D = \text{softplus}(-l)$, and $-\log(1 - D) = \text{softplus}(l)$, with
#   $\text{softplus}(a) = \log(1 + e^a)$;
# - `F.binary_cross_entropy_with_logits(logits, targets)` is the same, with targets.

# %% [markdown]
# ## 9. `detach`: what it protects, and where it belongs
#
# Both halves of a step send points through G and then through D. `backward()` walks the whole way back
# and leaves a gradient in **every** weight it meets.

# %%
figure, axes = plt.subplots(2, 1, figsize=(9.5, 3.8), layout="constrained")
boxes = [("z", 0.5, "0.5"), ("G", 2.5, palette.GENERATOR), ("fake", 4.5, palette.FAKE)]
boxes += [("D", 6.5, palette.DISCRIMINATOR), ("loss", 8.5, "0.2")]
for axis, half in zip(axes, "DG", strict=True):
    for name, place, color in boxes:
        label = f"{name}\nlearns" if name == half else name
        style = {"boxstyle": "round,pad=0.5", "fc": "w", "ec": color, "lw": 3 if name == half else 1.5}
        axis.text(place, 0.3, label, ha="center", va="center", bbox=style, fontsize=11)
    for start in (1.0, 3.0, 5.1, 7.0):
        axis.annotate("", (start + 0.95, 0.45), (start, 0.45), arrowprops={"arrowstyle": "->"})
        back = {"arrowstyle": "->", "color": "0.35", "ls": "dashed", "lw": 2}
        if start > (4 if half == "D" else 2):
            axis.annotate("", (start, 0.1), (start + 0.95, 0.1), arrowprops=back)
    axis.set(xlim=(0, 9), ylim=(-0.5, 1.2))
    axis.axis("off")
axes[0].plot([4.97, 4.97], [-0.3, 0.9], color="black", lw=3)
axes[0].text(4.97, -0.48, "detach", ha="center", fontweight="bold")
axes[0].set_title("D's half: the gradient (dashed) stops at the cut", loc="left")
axes[1].set_title("G's half: it runs through D, and on into G", loc="left")
show(
    figure,
    alt="Two rows of boxes: z, G, fake, D, loss. In D's half the dashed arrows of the gradient run "
    "from the loss to D and end at a black bar behind the fake, marked detach. In G's half they run "
    "from the loss through D and the fake into G.",
)

# %% [markdown]
# Let us measure it, with the networks of lesson 05 and fakes of 3×32×32. First **D's half**, with and
# without `detach`. G has no business here: what has it got afterwards?

# %%
torch.manual_seed(SEED)
generator, discriminator = SimpleGenerator(), SimpleDiscriminator()
real, z = torch.rand(64, 3, 32, 32) * 2 - 1, torch.randn(64, 100)


# %%
def clear():
    generator.zero_grad()
    discriminator.zero_grad()


def gradient_of(network):
    """Length of the gradient in all weights together, or None if there is none."""
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return f"{torch.cat(gradients).norm():.4f}" if gradients else None


def d_half(cut):
    fake = generator(z)  # (64, 3, 32, 32)
    logits_fake = discriminator(fake.detach() if cut else fake)
    non_saturating_d_loss(discriminator(real), logits_fake).backward()


def g_half(cut):
    fake = generator(z)
    logits_fake = discriminator(fake.detach() if cut else fake)
    non_saturating_g_loss(logits_fake).backward()


# %%
for half in (d_half, g_half):
    for cut in (True, False):
        clear()
        half(cut)
        print(f"{half.__name__}  {'with' if cut else 'without':<7} detach:  gradient of "
              f"D {gradient_of(discriminator)}   of G {gradient_of(generator)}")

# %% [markdown]
# Line by line:
#
# 1. **D's half with detach**: only D has a gradient. Right.
# 2. **D's half without**: G's `.grad` fills up, with the gradient of *D's* loss, which would make G's
#    fakes easier to recognise. If nobody clears it, the next `optimizer_g.step()` uses it.
# 3. **G's half with detach**: G's gradient is `None`. No error, no warning: the loss is computed, D has
#    a gradient, `optimizer_g.step()` does nothing, and G stays as it is for ever.
# 4. **G's half without**: G has its gradient. Right. (D has one too, which nobody asked for. It does no
#    harm: `optimizer_d.zero_grad()` clears it before D's next `backward()`.)
#
# Some notes on the web say that `detach()` is used "when computing the generator's loss, to prevent
# vanishing gradients". It is the other way round: there it would make G's gradient vanish altogether.
# **`detach` belongs to D's half.** What does it save? The walk back through G:

# %%
times = {True: [], False: []}
for _ in range(8):
    for cut in (True, False):
        clear()
        start = time.perf_counter()
        d_half(cut)
        times[cut].append(time.perf_counter() - start)
with_detach, without = (1000 * sorted(times[cut])[len(times[cut]) // 2] for cut in (True, False))
print(f"D's half, median of 8: {with_detach:.0f} ms with detach, {without:.0f} ms without")

# %% [markdown]
# And if both halves use the same fakes, forgetting it shows at once, in an error that you will meet:

# %%
clear()
fake = generator(z)
non_saturating_d_loss(discriminator(real), discriminator(fake)).backward()  # detach forgotten
try:
    non_saturating_g_loss(discriminator(fake)).backward()
except RuntimeError as error:
    print("torch says:", str(error).split(". ")[0])

# %% [markdown]
# D's `backward()` walked through the fakes into G and cleared the path behind it. The message advises
# `retain_graph=True`; the cure is `fake.detach()` in D's half.
#
# ### One iteration, in ten stages
#
# Step through a real one. Guess first, then move *stage*, and watch three things: the line of code that
# runs, which tensors remember how they were made (`requires_grad`), and whose gradients have changed.
# Then switch *detach* off, and go to stage 6.

# %%
one = OneStep()
one

# %% [markdown]
# ## 10. The training loop in twelve lines
#
# Now you know every line of it. From an empty cell, on the ring, with nothing but torch:

# %%
torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)
G = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
optimizer_g = torch.optim.Adam(G.parameters(), lr=0.001, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(D.parameters(), lr=0.001, betas=(0.5, 0.999))

# %%
for _ in range(STEPS):
    real = ring.sample(128, rng)  # (128, 2)
    fake = G(torch.randn(128, 2))  # (128, 2)

    logits_real, logits_fake = D(real), D(fake.detach())  # (128, 1) each
    loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    loss_g = F.softplus(-D(fake)).mean()  # ask the D that has just learned
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()

# %%
with torch.no_grad():
    fake = G(torch.randn(500, 2))
    heat = D(points).sigmoid().reshape(81, 81).T
figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4), layout="constrained")
draw_points(left, points_real, fake, f"after {STEPS} turns of the loop")
left.legend(loc="upper right", fontsize=8, markerscale=2)
picture = right.contourf(square, square, heat, levels=torch.linspace(0, 1, 11), cmap=OPINION)
right.contour(square, square, heat, levels=[0.5], colors="black", linewidths=1.2)
right.set(title="what D says", xticks=[], yticks=[], aspect="equal")
figure.colorbar(picture, ax=right, label="D(x), probability of “real”", shrink=0.85)
show(
    figure,
    alt="Left: most fakes, vermilion triangles, lie on the eight blue blobs, with threads of points "
    "between them. Right: D's answer over the plane, near one half on the blobs and low elsewhere.",
)
print(f"blobs hit: {modes_covered(fake, ring)} of 8,  fakes on a blob: {share_on_modes(fake, ring):.0%}")

# %% [markdown]
# In lesson 08 the points become images and the two networks get convolutions. **The loop stays the same.**
#
# ### The laboratory
#
# The same game, to play with. Guess first (or skip), then press *Play*. Four things to find out:
#
# 1. Press *Reset*, then *Step D* thirty times and *Step G* not at all. What becomes of the landscape, and
#    of the arrows on the fakes, which show where G's loss pushes them?
# 2. Compare *D now* with *best D\**. Where do they agree, and where does D guess?
# 3. Switch on *sheet of z*. Why do the threads between the blobs thin out, but never tear? (G is
#    continuous: it bends a sheet and cannot cut it.)
# 4. Pause, change the loss, and look at the arrows before you play on.

# %%
toy = ToyGAN().run(200)
toy

# %% [markdown]
# (Without a browser, `toy.run(200)` plays 200 more steps.)

# %% [markdown]
# ## 11. When the two do not touch
#
# One thing is wrong with the perfect D of section 5. Suppose real points lie in the interval from 0 to 1,
# and fakes in the interval from $\theta$ to $\theta + 1$. G has one weight, $\theta$; the goal is
# $\theta = 0$.

# %%
quiz("06_gan_game", "apart")

# %% [markdown]
# Two ways to measure how far apart they are: the Jensen–Shannon divergence, which a perfect D hands to G;
# and the **Wasserstein distance** $W$, also called the earth mover's: how far the mass must be carried
# on average, the cheapest way. On a line that is easy to compute: sort both, carry the first to the
# first, the second to the second.


# %%
def js_bits(p, q):
    """JS of two lists of probabilities, in bits."""
    m = (p + q) / 2
    parts = [torch.where(a > 0, a * torch.log2(a / m), 0.0).sum() for a in (p, q)]
    return 0.5 * (parts[0] + parts[1])


places = torch.arange(-400, 500) / 100 + 0.005  # cells of width 0.01 from -4 to 5
real_mass = ((places > 0) & (places < 1)).float() / 100
real_line = (torch.arange(1000) + 0.5) / 1000  # 1000 points, evenly over [0, 1]
shifts = torch.arange(-350, 351, 10) / 100
js_curve, w_curve = [], []
for shift in shifts:
    fake_mass = ((places > shift) & (places < shift + 1)).float() / 100
    fake_line = real_line + shift
    js_curve.append(js_bits(real_mass, fake_mass).item())
    w_curve.append((real_line.sort().values - fake_line.sort().values).abs().mean().item())
for shift in (0.0, 0.5, 1.0, 2.0, 3.0):
    i = (shifts - shift).abs().argmin()
    print(f"θ = {shift}   JS = {js_curve[i]:.3f} bits   W = {w_curve[i]:.3f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
left.add_patch(plt.Rectangle((0, 0), 1, 0.6, fc=palette.REAL, alpha=0.5))
left.add_patch(plt.Rectangle((2, 0), 1, 0.6, fc=palette.FAKE, alpha=0.5, hatch="//", ec="w"))
left.annotate("", (1.95, 0.3), (1.05, 0.3), arrowprops={"arrowstyle": "<->"})
for place, word in ((0.5, "● real"), (2.5, "▲ fake")):
    left.text(place, 0.68, word, ha="center")
left.text(1.5, 0.36, "a gap", ha="center")
left.set(xlim=(-0.4, 3.4), ylim=(0, 1), yticks=[], xlabel="x", title="θ = 2: they do not touch")
right.plot(shifts, js_curve, color=palette.DISCRIMINATOR, lw=2.5, label="JS, in bits")
right.plot(shifts, w_curve, color="0.25", lw=2, ls="-.", label="W, in units of x")
right.set(title="How far apart?", xlabel="θ, where the fakes begin", ylabel="distance")
right.legend(loc="upper center")
show(
    figure,
    alt="Left: a blue block from 0 to 1 and a hatched vermilion one from 2 to 3, with a gap between "
    "them. Right: over the shift θ, the Wasserstein distance is a V with its tip at 0. The JS "
    "divergence is a V only between −1 and 1, and flat at 1 bit outside.",
)

# %% [markdown]
# As soon as the intervals no longer touch, JS stays at **1 bit** ($\log 2 \approx 0.693$ nats), whether
# the gap is a hair or a mile. A G that goes downhill on it stands on a plateau: every step is as good as
# any other. $W$ is exactly the distance, and always points home.
#
# With single points it is even harsher: JS is 0 if they coincide, and 1 bit if not.

# %% tags=["nbval-check-output"]
for gap in (0, 1, 10, 100):
    p, q = torch.zeros(101), torch.zeros(101)
    p[0], q[gap] = 1.0, 1.0  # all real mass at place 0, all fake mass at place `gap`
    print(f"gap {gap:>3}   JS {js_bits(p, q).item():.0f} bit   W {gap}")

# %% [markdown]
# Is that real? Images fill only a tiny part of all possible pictures, so the sets of real images and of
# fakes hardly ever touch. Two things save the day. A D of finite size, trained for a few steps, is never
# perfect: its landscape slopes smoothly where $D^*$ would be a cliff. And one can keep it smooth on
# purpose: noise on the inputs, penalties on the slope (lesson 09), or a D that estimates $W$ itself.

# %% [markdown]
# ## 12. The neighbour: VAE and GAN
#
# The other classic among generators is the **variational autoencoder** (VAE). It has an *encoder*, which
# turns a point into a small cloud of $z$, and a *decoder*, which turns $z$ back into a point. It has no
# opponent: its loss is the squared error of the way there and back, plus a term (KL) that keeps the
# clouds close to normal noise, so that one can sample $z$ later.
#
# Squared error has a habit. If two answers are possible, the cheapest single answer is their **mean**:

# %%
two = make_distribution("two").sample(2000, torch.Generator().manual_seed(2))  # blobs at x = ±1.5
guess = torch.linspace(-2, 2, 401)
error = (two[:, :1] - guess).square().mean(0)  # (401,): mean squared error of each guess
best = guess[error.argmin()]
near = ((two[:, 0] - best).abs() < 0.5).float().mean()
print(f"the best single guess is x = {best:.2f};  real points within 0.5 of it: {near:.0%}")

# %% [markdown]
# The best guess by squared error lies where nothing is. On images this is called blur.
#
# Now a small VAE on the ring. Its decoder is built like our G, and trained as long. One number is ours to
# choose: the `width`, how large an error counts as small.


# %%
def train_vae(width):
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    encoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    decoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.001)
    for _ in range(STEPS):
        x = ring.sample(128, rng)
        mean, log_variance = encoder(x).chunk(2, dim=1)  # (128, 2) each: a cloud for each point
        z = mean + (0.5 * log_variance).exp() * torch.randn(128, 2)
        error = (x - decoder(z)).square().sum(1) / (2 * width**2)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        loss = (error + kl).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return decoder


# %%
torch.manual_seed(SEED)
generators = {"VAE, width 0.7": train_vae(0.7), "VAE, width 0.2": train_vae(0.2), "GAN, section 10": G}
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.6), layout="constrained")
print("                 blobs hit   samples on a blob")
for axis, (name, network) in zip(axes, generators.items(), strict=True):
    with torch.no_grad():
        samples = network(torch.randn(1000, 2))
    hit, share = modes_covered(samples, ring), share_on_modes(samples, ring)
    print(f"{name:<16} {hit:5} of 8 {share:15.0%}")
    draw_points(axis, points_real, samples, f"{name}\n{share:.0%} on a blob")
figure.suptitle("The same decoder, the same time: 1000 samples each")
show(
    figure,
    alt="Three pictures of the ring with samples. The wide VAE draws a loose ring of points, "
    "between the blobs as well as on them, and some inside. The narrow VAE crowds more on the blobs, with many "
    "points between. The GAN has the largest part of its points on the blobs.",
)

# %% [markdown]
# **In one honest paragraph.** With a generous width, the VAE averages neighbouring blobs and paints the
# ground between them; with a narrow one it comes closer, and no opponent complains about what still lies
# between. (The wide one's 3 of 8 is no forgetting: its points lie around all eight, but too loosely to count as
# *on* a blob.) The GAN's D does complain: a point between two blobs is the easiest fake of all. That is why
# GAN samples look sharp. The VAE has its own merits, and they are not small: one loss that simply goes
# down, an encoder for free, every real point is answered for (it seldom forgets a blob, while a GAN may,
# as lesson 09 shows), and a bound on the likelihood, so two models can be compared by a number. Some
# notes on the web say that the training of VAEs fails on larger pictures; it is usually the calmer of
# the two, and what disappoints is that its pictures are smooth. And the two are not enemies: many good
# image models use a VAE whose decoder is also trained against a D. This picture is one ring, two widths
# and one seed; it shows the habit, not the verdict. (The points are the decoder's means, as one usually
# shows them. Taken strictly, a VAE also adds noise of its width.)

# %% [markdown]
# ## 13. What do you know now?

# %%
quiz("06_gan_game", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | the value | $V(D, G) = \mathbb{E}[\log D(x)] + \mathbb{E}[\log(1 - D(G(z)))]$; D pulls it up, G down |
# | D's loss | $-V$: `softplus(-logits_real).mean() + softplus(logits_fake).mean()` |
# | the best D | $p_{data} / (p_{data} + p_g)$: the share of real points among all that come there |
# | a perfect G | $D^* = 0.5$ everywhere, D's loss is $\log 4$, G's is $\log 2$ |
# | D(G(z)) = 0.5 | *this* D cannot tell; a weak or flat D cannot either. Ask a fresh judge |
# | minimax loss of G | $\log(1 - D)$, slope $-D$ on the logit: asleep where G is worst |
# | non-saturating loss | $-\log D$, slope $-(1 - D)$: `softplus(-logits_fake).mean()` |
# | logits | no sigmoid in a network, none in a loss: float32 loses the gradient |
# | `detach` | in D's half, on the fakes. Never in G's |
# | one turn | fake; D's half (detach, zero_grad, backward, step); ask D again; G's half |
# | no contact | JS stays at 1 bit, W is the distance |
#
# In torch's own words:
# [torch.nn.functional.binary_cross_entropy_with_logits](https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html),
# [torch.nn.functional.softplus](https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html),
# [torch.Tensor.detach](https://pytorch.org/docs/stable/generated/torch.Tensor.detach.html),
# [torch.optim.Optimizer.zero_grad](https://pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html).
#
# The game was first described in *Generative Adversarial Nets* (Goodfellow and others, 2014): $D^*$ and
# the JS divergence are its section 4, the non-saturating loss its section 3. Section 11 here follows
# *Wasserstein GAN* (Arjovsky, Chintala and Bottou, 2017).
#
# **Now you.** [exercises/06_gan_game](../exercises/06_gan_game.ipynb): eight tasks, from the value of a
# small game to a whole training step.
#
# **Next** [07 · DCGAN](07_dcgan.ipynb): the two networks for images, block by block; and in
# [lesson 08](08_train_dcgan.ipynb) the same loop on real digits. What can go wrong
# in this game, and how to tell, is [09 · Failure modes](09_failure_modes.ipynb).
