# %% [markdown]
# # 05 · Your first two networks
#
# **After this lesson you can** assemble a small generator and a small discriminator, count their
# parameters on paper, follow a shape through every layer, and find and mend the layer that does not fit.
#
# **Time** about 45 minutes · **Builds on** [04 · BatchNorm](04_batchnorm.ipynb) · **Needs** no GPU

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn

from gan_course import palette
from gan_course.arithmetic import trace_shapes
from gan_course.data import image_grid, load_images
from gan_course.labs import TraceBench, quiz, show
from gan_course.losses import non_saturating_d_loss, non_saturating_g_loss
from gan_course.models.simple import SimpleDiscriminator, SimpleGenerator

# %% [markdown]
# ## 1. Guess first
#
# Two questions, before you know. (The answers to all that follows are stored below the cells. To guess
# honestly, choose *Edit → Clear Outputs of All Cells* first.)

# %%
quiz("05_first_networks", "before")

# %% [markdown]
# ## 2. Run it first
#
# You know most of the layers by now. Here they are, put together: a generator that turns 100 random numbers
# into a colour image, and a discriminator that turns an image into one number, the *logit*. The higher
# it is, the more real the image looks to D.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
generator = SimpleGenerator()
discriminator = SimpleDiscriminator()
z = torch.randn(8, 100)  # (N, latent_dim)
with torch.no_grad():  # we only look
    images = generator(z)
    logits = discriminator(images)
print("z     ", tuple(z.shape))
print("images", tuple(images.shape))
print("logits", tuple(logits.shape))

# %%
figure, axis = plt.subplots(figsize=(9, 1.8), layout="constrained")
axis.imshow(image_grid(images), interpolation="nearest")
axis.set(title="▲ Eight images of a generator that has never been trained", xticks=[], yticks=[])
show(figure, alt="A row of eight small colour images, each a greyish noise with a faint grid in it. "
     "Nothing can be recognised.")

# %% [markdown]
# Noise in, noise out: the weights are still random. But the shapes fit, from end to end. In this lesson
# you make them fit yourself. First come the four building blocks that no lesson has explained in full yet.

# %% [markdown]
# ## 3. `nn.Linear`: every number looks at every number
#
# Three numbers go in, two come out. Each output is a weighted sum of *all* inputs, plus a bias:
# $y = Wx + b$. One row of $W$ belongs to each output.

# %% tags=["nbval-check-output"]
linear = nn.Linear(in_features=3, out_features=2)
with torch.no_grad():
    linear.weight.copy_(torch.tensor([[1.0, 0.0, -1.0], [2.0, 1.0, 0.5]]))  # (out, in)
    linear.bias.copy_(torch.tensor([10.0, 0.0]))
    x = torch.tensor([[3.0, 1.0, 2.0]])  # (1, 3): a batch of one
    print("first output by hand: ", 3 * 1 + 1 * 0 + 2 * -1 + 10)
    print("second output by hand:", 3 * 2 + 1 * 1 + 2 * 0.5 + 0)
    print("by torch:             ", linear(x).tolist())

# %% [markdown]
# `nn.Linear` looks at the *last* axis only and leaves the others as they are. Its weight has the shape
# (out_features, in_features). So it has in · out weights and out biases.

# %% tags=["nbval-check-output"]
print("weight", tuple(linear.weight.shape), "bias", tuple(linear.bias.shape))
print("a batch of 5:", tuple(linear(torch.zeros(5, 3)).shape))
print("parameters by hand:", 3 * 2 + 2)
print("counted by torch:  ", sum(p.numel() for p in linear.parameters()))

# %% [markdown]
# A convolution sees a small window and uses the same weights at each place. A linear layer sees
# everything and has a weight of its own for each pair. That is why it stands where no image is left:
# at the very beginning of G, and at the very end of D.

# %% [markdown]
# ## 4. `nn.Flatten` and `nn.Unflatten`: maps to a row, and back
#
# A linear layer wants a row of numbers, a convolution wants maps. Two layers translate, and neither
# computes anything: they only arrange the same numbers in another way. **Guess** before you run the
# cell: two maps of 2×2 become a row of how many numbers, and which one comes fifth?

# %% tags=["nbval-check-output"]
maps = torch.arange(8).reshape(1, 2, 2, 2)  # (N, C, H, W): one image, two maps of 2×2
print("first map ", maps[0, 0].tolist())
print("second map", maps[0, 1].tolist())
row = nn.Flatten()(maps)
print("flattened ", tuple(row.shape), row[0].tolist())
back = nn.Unflatten(1, (2, 2, 2))(row)  # axis 1 becomes (C, H, W)
print("unflattened", tuple(back.shape), "the same again:", torch.equal(back, maps))

# %% [markdown]
# Map after map, row after row. `nn.Flatten()` begins at axis 1: the batch stays a batch. For
# `nn.Unflatten` you say which axis to fold, and into which sizes; their product must be the number of
# numbers that arrive. Here is the same for three maps of 4×4, in colours.

# %%
flat = torch.arange(48.0).reshape(1, 3, 4, 4)
figure = plt.figure(figsize=(9, 3), layout="constrained")
grid = figure.add_gridspec(2, 3, height_ratios=[3, 1])
for i in range(3):
    axis = figure.add_subplot(grid[0, i])
    axis.imshow(flat[0, i], cmap="viridis", vmin=0, vmax=47)
    axis.set(title=f"map {i}", xticks=[], yticks=[])
    for position, value in enumerate(flat[0, i].flatten().int().tolist()):
        axis.text(position % 4, position // 4, value, ha="center", va="center", fontsize=8,
                  color="white" if value < 32 else "black")
axis = figure.add_subplot(grid[1, :])
axis.imshow(nn.Flatten()(flat), cmap="viridis", vmin=0, vmax=47, aspect="auto")
axis.set(title="nn.Flatten(): one row of 3 · 4 · 4 = 48", yticks=[], xticks=[0, 16, 32, 47],
         xlabel="position in the row")
show(figure, alt="Three 4 by 4 maps, numbered 0 to 47, and below them one row of 48 cells that runs "
     "through map 0, then map 1, then map 2.")

# %% [markdown]
# ## 5. `nn.Sequential`: one after the other
#
# `nn.Sequential` holds layers and passes the input through them in their order. It does no more than
# this loop:

# %% tags=["nbval-check-output"]
small = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
x = torch.randn(4, 3)
by_hand = x
for layer in small:
    by_hand = layer(by_hand)  # what comes out of one goes into the next
print("the same as small(x):", torch.equal(by_hand, small(x)))
print("its first layer, small[0]:", small[0])
print("output:", tuple(small(x).shape))

# %% [markdown]
# `.shape` is a value, not a function: it has no parentheses. People get this wrong all the time, and
# torch's answer is hard to read at first sight.

# %%
try:
    small(x).shape()
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# It says: what you tried to call is a `torch.Size`, a kind of tuple. Take the parentheses away.

# %% [markdown]
# ## 6. The generator, layer by layer
#
# Here is what `SimpleGenerator` is made of. **Guess** the shape after each layer before you run the
# second cell. You have everything: `nn.Linear` gives what it says, `nn.Unflatten` folds, and kernel 4
# with stride 2 and padding 1 doubles.

# %%
print(generator.net)

# %% tags=["nbval-check-output"]
trace_shapes(generator, (8, 100))

# %% [markdown]
# `trace_shapes` runs an input (or zeros of the shape that you give) through a model and lists every
# layer with its output. It changes nothing in the model.
#
# Let us also look at what flows there: for one z, some of the maps after each stage.

# %%
stages = {"after Unflatten: 64 maps of 8×8": 3, "then 32 maps of 16×16": 5, "the image, 3×32×32": 7}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
with torch.no_grad():
    for axis, (title, end) in zip(axes, stages.items(), strict=True):
        maps = generator.net[:end](z[:1])  # nn.Sequential can be cut like a list
        if end < 7:
            maps = maps[0, :16, None] / maps.max() * 2 - 1  # sixteen of them as grey images
        axis.imshow(image_grid(maps, columns=4), cmap="gray", interpolation="nearest")
        axis.set(title=title, xticks=[], yticks=[])
figure.suptitle("One z on its way through G (of the maps, the first 16)")
show(figure, alt="Three pictures: sixteen coarse 8 by 8 maps with random cells, half of them black; "
     "sixteen 16 by 16 maps of finer noise; one 32 by 32 colour image of noise.")

# %% [markdown]
# The last layer is an `nn.Tanh`, so all pixels already lie between −1 and 1, as the real images do.
# Some notes apply a second tanh to the generator's output. Nothing stops you, but look at what it does
# to black and white:

# %% tags=["nbval-check-output"]
pixels = torch.tensor([-1.0, 0.0, 1.0])  # black, mid-grey, white
print("pixels          ", pixels.tolist())
print("after a tanh    ", [round(v, 2) for v in pixels.tanh().tolist()])

# %% [markdown]
# ## 7. The discriminator that does not fit
#
# The pair of this lesson comes from a set of notes on the web. The generator there is exactly ours. This
# is its discriminator, as published:

# %%
published = nn.Sequential(
    nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(64 * 16 * 16, 1),
)

# %% [markdown]
# Before you run it: follow a 3×32×32 image through it on paper. Which layer will complain?

# %%
try:
    published(images[:1])
except RuntimeError as error:
    print("torch says:", error)

# %% [markdown]
# The message is true, but it names neither the layer nor the number to change. (mat1 is what arrived,
# one row for each image; mat2 is the weight of a linear layer.) `trace_shapes` stops where the trouble
# is:

# %% tags=["nbval-check-output"]
trace_shapes(published, (1, 3, 32, 32))

# %% [markdown]
# Two halvings make 32 → 16 → 8, so 64 maps of 8×8 are left: 4,096 numbers. The author wrote
# 64 · 16 · 16. For which images is that right? Count backwards: 16 ← 32 ← 64.

# %% tags=["nbval-check-output"]
for size in (16, 32, 64, 128):
    trace = trace_shapes(published, (1, 3, size, size))
    flattened = trace.rows[4].output_shape[1]  # what nn.Flatten leaves
    print(f"{size:>3}×{size:<3} leaves {flattened:>6} numbers:", "fits" if trace.ok else "does not fit")

# %% [markdown]
# So the discriminator is right for 64×64 images, and the generator is right for 32×32. Each of the two
# is fine; together they are not. There are two honest repairs: change the one number in D, or give G
# one more doubling. The first is smaller.

# %% tags=["nbval-check-output"]
repaired = nn.Sequential(*published[:5], nn.Linear(64 * 8 * 8, 1))  # the first five layers stay
trace_shapes(repaired, (1, 3, 32, 32))

# %% [markdown]
# In the package one number, `image_size`, sets both networks, so that they cannot drift apart:

# %% tags=["nbval-check-output"]
for size in (32, 64):
    g, d = SimpleGenerator(image_size=size), SimpleDiscriminator(image_size=size)
    print("image", tuple(g(z).shape), "-> logits", tuple(d(g(z)).shape))

# %% [markdown]
# ### The bench
#
# The same discriminator with everything movable, and 48×48 images to begin with. Make the guess first.
# Then move one slider at a time, and mend the network each time with *Linear: side* alone: it is the s
# in `nn.Linear(64 * s * s, 1)`. Three things to find:
#
# 1. two different image sizes that one and the same `nn.Linear` takes;
# 2. what doubling the image size does to in_features;
# 3. an image that is too small for the convolutions themselves.

# %%
bench = TraceBench()
bench

# %% [markdown]
# The bench without a mouse:

# %% tags=["nbval-check-output"]
other = TraceBench(image_size=40, halvings=3, side=4, revealed=True)
print(other.alt_text())
show(other.render(), alt=other.alt_text())
other.side = 5
print(other.alt_text())

# %% [markdown]
# ### Three other misfits
#
# The three that you will meet most often. Read the advice, and say in your own words what happened.

# %% tags=["nbval-check-output"]
misfits = {
    "grey images for a colour network": (repaired, (1, 1, 32, 32)),
    "one image without a batch axis": (repaired, (3, 32, 32)),
    "z with two axes too many": (generator, (16, 100, 1, 1)),
}
for name, (model, shape) in misfits.items():
    trace = trace_shapes(model, shape)
    print(f"{name}, {shape}\n    {trace.culprit}: {trace.advice}\n")

# %% [markdown]
# In the third one the advice does not hit the mark: the generator is right, and z is wrong. An
# `nn.Linear` looks at the last axis, so give it `torch.randn(16, 100)`. Advice can name a number that
# would fit; which one you *meant*, only you know.

# %% [markdown]
# ## 8. Count by hand
#
# A *parameter* is a number that training changes. There are only three rules:
#
# | layer | parameters |
# |---|---|
# | `nn.Linear(i, o)` | i · o + o |
# | `nn.Conv2d(i, o, k)` and `nn.ConvTranspose2d(i, o, k)` | i · o · k · k + o |
# | `nn.BatchNorm2d(c)` | c + c |
#
# Activations, `nn.Flatten` and `nn.Unflatten` have none. Cover the right half of the cell and count G
# yourself.

# %% tags=["nbval-check-output"]
by_hand = {
    "Linear(100, 4096)": 100 * 4096 + 4096,
    "ConvTranspose2d(64, 32, 4)": 64 * 32 * 4 * 4 + 32,
    "ConvTranspose2d(32, 3, 4)": 32 * 3 * 4 * 4 + 3,
}
for name, count in by_hand.items():
    print(f"{name:<28}{count:>9,}")
print(f"{'by hand':<28}{sum(by_hand.values()):>9,}")
print(f"{'counted by torch':<28}{sum(p.numel() for p in generator.parameters()):>9,}")

# %% [markdown]
# Where do the parameters sit? Compare both networks.

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 2.8), layout="constrained")
pair = (("generator", generator, (1, 100), palette.GENERATOR),
        ("discriminator", discriminator, (1, 3, 32, 32), palette.DISCRIMINATOR))
for axis, (name, model, shape, color) in zip(axes, pair, strict=True):
    rows = [r for r in trace_shapes(model, shape).rows if r.num_parameters]
    names = [r.layer.split("(")[0] + "\n→ " + str(r.output_shape[1:]) for r in rows]
    bars = axis.barh(names, [r.num_parameters for r in rows], color=color)
    axis.bar_label(bars, [f"{r.num_parameters:,}" for r in rows], padding=3)
    total = sum(r.num_parameters for r in rows)
    axis.set(title=f"{name}: {total:,}", xlabel="parameters", xlim=(0, 560_000))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xticks([0, 200_000, 400_000])
    axis.invert_yaxis()
show(figure, alt="Two bar charts. In the generator the first linear layer has 413,696 of 448,035 "
     "parameters. The discriminator has 38,497 in all, most of them in its second convolution.")

# %% tags=["nbval-check-output"]
linear_share = 413_696 / sum(p.numel() for p in generator.parameters())
print(f"{linear_share:.0%} of G's parameters are in its one linear layer")

# %% [markdown]
# That is what "every number looks at every number" costs.

# %% [markdown]
# ## 9. One training step, by eye
#
# Now both networks meet real images for the first time: 32 handwritten digits, in grey. We take *one*
# step of each and look at what changes. The two losses are explained in lesson 06; for now it is
# enough that D is to give high logits to real images and low ones to fakes, and that G is to make
# fakes that get high logits.

# %%
torch.manual_seed(0)
G = SimpleGenerator(image_channels=1, image_size=32)
D = SimpleDiscriminator(image_channels=1, image_size=32)
optimizer_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
real = load_images("digits").take(torch.arange(32))  # (32, 1, 32, 32) in [-1, 1]
z = torch.randn(32, 100)


def look():
    """The logits of the real images and of G's images, (32,) each, and G's images."""
    with torch.no_grad():
        fake = G(z)
        return D(real).flatten(), D(fake).flatten(), fake


moments = {"before": look()}

# %% [markdown]
# First D. `detach()` cuts the fakes off from G, so that only D learns here. A step always ends in the same
# three lines: forget the old gradients (`zero_grad`), compute the new ones (`backward`), move the weights
# (`step`).

# %%
loss_d = non_saturating_d_loss(D(real), D(G(z).detach()))
optimizer_d.zero_grad()
loss_d.backward()
optimizer_d.step()
moments["after D's step"] = look()

# %% [markdown]
# Then G: its loss flows through D, which does not move now, back into G.

# %%
loss_g = non_saturating_g_loss(D(G(z)))
optimizer_g.zero_grad()
loss_g.backward()
optimizer_g.step()
moments["after G's step"] = look()

# %% [markdown]
# **Guess:** what did each step do to the logits of the real images, and of the fakes?

# %%
figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
for i, (logits_real, logits_fake, _) in enumerate(moments.values()):
    axis.plot(torch.linspace(i - 0.3, i - 0.05, 32), logits_real, "o", color=palette.REAL, ms=4)
    axis.plot(torch.linspace(i + 0.05, i + 0.3, 32), logits_fake, "^", color=palette.FAKE, ms=4)
axis.plot([], [], "o", color=palette.REAL, label="real")
axis.plot([], [], "^", color=palette.FAKE, label="fake")
axis.set(title="D's logits for 32 real and 32 fake images", ylabel="logit")
axis.set_xticks(range(3), list(moments))
axis.legend(loc="upper left")
show(figure, alt="Three groups of dots. Before, all lie near 0, the real ones a little higher. After D's step the "
     "real ones are far higher, the fakes where they were. After G's step the real ones have not moved, "
     "the fakes are a bit higher.")

# %%
for name, (logits_real, logits_fake, _) in moments.items():
    gap = (logits_real.mean() - logits_fake.mean()).item()
    print(f"{name:<16} mean logit: real {logits_real.mean():+.2f}, fake {logits_fake.mean():+.2f},"
          f" gap {gap:+.2f}")

# %% tags=["nbval-check-output"]
before, after_d, after_g = moments.values()
gap_before, gap_after = ((m[0].mean() - m[1].mean()).item() for m in (before, after_d))
print("D's step widened the gap:      ", gap_after > gap_before)
print("G's step changed the real side:", not torch.equal(after_g[0], after_d[0]))
print("G's step raised the fakes:     ", (after_g[1].mean() > after_d[1].mean()).item())

# %% [markdown]
# D pulled the two groups apart, mostly by lifting the real ones; for the real images G's step changed
# nothing, because only G moved; and G's images now get a little more from this same D. This is the
# whole game, once.
#
# And the pictures?

# %%
fake_before, fake_after = before[2][:8], after_g[2][:8]
change = (fake_after - fake_before).clamp(-1, 1)
figure, axes = plt.subplots(3, 1, figsize=(8, 4.2), layout="constrained")
titles = ["▲ before", "▲ after one step", "the change (grey: none)"]
for axis, batch, title in zip(axes, (fake_before, fake_after, change), titles, strict=True):
    axis.imshow(image_grid(batch), cmap="gray", vmin=0, vmax=255)
    axis.set(title=title, xticks=[], yticks=[])
show(figure, alt="Eight images of noise before the step, eight very similar ones after it, and their "
     "difference: mostly grey, with a faint pattern that is much the same in all eight images.")

# %%
print(f"mean change of a pixel: {(fake_after - fake_before).abs().mean():.3f} on a scale from -1 to 1")

# %% [markdown]
# The change is much the same in all eight images: it hardly depends on z yet. And no digit is in
# sight, nor is one to be expected. One step moves each weight by at most 0.001 (that is the learning
# rate; Adam's first step is about as long as that, however large or small the gradient). It takes
# hundreds of such steps, with new real images and new z each time. That one step goes the right way
# says nothing yet about where a thousand of them lead: lessons 06 to 09 are about that.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
fresh = SimpleGenerator(image_channels=1, image_size=32)  # the same start as G above
moved = [(a - b).abs().max().item() for a, b in zip(fresh.parameters(), G.parameters(), strict=True)]
print("largest step of any weight of G:", round(max(moved), 4))

# %% [markdown]
# ## 10. What do you know now?

# %%
quiz("05_first_networks", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | `nn.Linear(i, o)` | each output is a weighted sum of all inputs; i · o + o parameters; works on the last axis |
# | `nn.Flatten()` | (N, C, H, W) → (N, C·H·W); the batch axis stays |
# | `nn.Unflatten(1, (C, H, W))` | the way back; C·H·W must be what arrives |
# | `nn.Sequential` | a loop over layers; can be indexed and cut like a list |
# | `SimpleGenerator` | (N, 100) → (N, 64, 8, 8) → (N, 32, 16, 16) → (N, 3, 32, 32), Tanh included |
# | `SimpleDiscriminator` | (N, 3, 32, 32) → (N, 32, 16, 16) → (N, 64, 8, 8) → logits (N, 1) |
# | `in_features` after Flatten | channels · (image size / 2^halvings)², rounded down at each halving |
# | a shape does not fit | `trace_shapes(model, shape)` names the layer and the number |
#
# In torch's documentation:
# [torch.nn.Linear](https://pytorch.org/docs/stable/generated/torch.nn.Linear.html),
# [torch.nn.Flatten](https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html),
# [torch.nn.Unflatten](https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html),
# [torch.nn.Sequential](https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html),
# [torch.optim.Adam](https://pytorch.org/docs/stable/generated/torch.optim.Adam.html).
#
# **Now you.** [exercises/05_first_networks](../exercises/05_first_networks.ipynb): six tasks, from counting
# on paper to a tracer of your own.
#
# **Next** [06 · The GAN game](06_gan_game.ipynb): where the two losses come from, and what such a step plays.
