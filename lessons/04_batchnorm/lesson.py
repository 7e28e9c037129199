# %% [markdown]
# # 04 · BatchNorm: every image looks at its batch
#
# **After this lesson you can** compute what `BatchNorm2d` puts out, in training and in eval mode; say
# why one odd image changes another one's picture, and when it cannot; and find four mistakes with
# BatchNorm that stop no program and spoil many a GAN.
#
# **Time** about 45 minutes · **Builds on** [03 · Activations](03_activations.ipynb) · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# The generator that comes with the course draws eight digits, from eight random vectors z. Then we
# spoil *one* of the eight: the last z is made eight times as long, far outside of anything that G was
# trained on. The first seven stay exactly as they are. (G is in *training mode* here, as it is while it
# learns; section 6 says what that changes.)

# %%
import copy
import inspect

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course import palette
from gan_course.data import image_grid, load_images
from gan_course.labs import GateAndNorm, quiz, show
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.pretrained import load_pretrained

# %%
generator = load_pretrained("digits")


def images_of(z, training):
    """Images (N, 1, 32, 32) for z (N, 64), by a copy of G: why a copy, you see in section 5."""
    copy_of_g = copy.deepcopy(generator).train(training)
    with torch.no_grad():  # we only look
        return copy_of_g(z)


torch.manual_seed(1)
z = torch.randn(8, 64)  # (N, latent_dim)
z_odd = z.clone()
z_odd[7] = 8 * z[7]
ordinary, beside_odd = images_of(z, training=True), images_of(z_odd, training=True)


# %%
def show_rows(rows, title, alt):
    """Rows of images below each other; rows is a list of (title, images)."""
    figure, axes = plt.subplots(len(rows), 1, figsize=(8, 1.4 * len(rows)), layout="constrained")
    for axis, (name, images) in zip(axes, rows, strict=True):
        axis.imshow(image_grid(images, columns=len(images)), cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
        axis.set_title(name, fontsize=10)
    figure.suptitle(title)
    show(figure, alt)


# %%
difference = (beside_odd - ordinary).clamp(-1, 1)
show_rows(
    [
        ("eight ordinary z", ordinary),
        ("the same, but the last z is eight times as long", beside_odd),
        ("difference (grey: none)", difference),
    ],
    "G in training mode: only the last z was changed",
    alt="Three rows of eight images. First, eight white digits on black. Second, the same digits; all "
    "of the first seven have become dim, and some are broken up. Third, the differences: dark "
    "strokes in all of the first seven images.",
)
print(f"mean change of a pixel in the first seven: {difference[:7].abs().mean():.2f}, of 2 at most")

# %% [markdown]
# Look at the first seven. Their z did not change, the weights of G did not change, and still each of
# them is drawn differently, because of a neighbour that they have never met. No convolution and no
# activation does that: they treat each image on its own. The one who looks around is **BatchNorm**.

# %% [markdown]
# ## 2. Guess first

# %%
quiz("04_batchnorm", "before")

# %% [markdown]
# ## 3. The statistics of a batch
#
# A network learns best when the numbers between its layers have a sensible size: neither all huge nor
# all tiny, neither all positive nor all negative. Lesson 03 showed what happens otherwise: activations
# saturate or die. BatchNorm sees to it by brute force. It takes each channel, subtracts its mean, and
# divides by its spread.
#
# The mean of what? Here is a batch of two images with two channels of 1×2 pixels.

# %% tags=["nbval-check-output"]
x = torch.tensor([[[[1.0, 3.0]], [[10.0, 10.0]]], [[[5.0, 7.0]], [[20.0, 20.0]]]])  # (2, 2, 1, 2)
print("shape (N, C, H, W):", tuple(x.shape))
for c in range(2):
    numbers = x[:, c].flatten()  # this channel: of all images, all pixels
    print(f"channel {c}: numbers {numbers.int().tolist()}, mean {numbers.mean().item():g}")

# %% [markdown]
# All numbers of a channel go into its mean: from every pixel, and from *every image of the batch*. So
# the axes N, H and W disappear, and one number is left for each channel.
#
# The figure shows a larger batch. Each cell is one map of H × W numbers, one row is one image, and the
# yellow cells share one mean.


# %%
def draw_batch(axis, title, together, images=4, channels=6):
    """A batch as a table of maps; ``together(n, c)`` says which maps share a mean with the first."""
    for n in range(images):
        for c in range(channels):
            lit = together(n, c)
            look = {"fc": "#FFE08A", "ec": "#8A6100", "lw": 2} if lit else {"fc": "w", "ec": "0.6"}
            axis.add_patch(plt.Rectangle((c + 0.05, n + 0.05), 0.9, 0.9, zorder=2 + lit, **look))
            if lit:
                axis.text(c + 0.5, n + 0.5, "●", ha="center", va="center", size=8, zorder=4)
    axis.set(xlim=(-0.1, channels + 0.1), ylim=(images + 0.1, -0.1), aspect="equal", title=title)
    axis.set(xticks=[c + 0.5 for c in range(channels)], xticklabels=range(channels))
    axis.set(yticks=[n + 0.5 for n in range(images)], yticklabels=range(images))
    axis.set(xlabel="channel", ylabel="image")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


figure, axis = plt.subplots(figsize=(4.4, 3.2), layout="constrained")
draw_batch(axis, "BatchNorm: these maps share one mean", lambda n, c: c == 0)
show(
    figure,
    alt="A table of 4 images by 6 channels. The whole first column, channel 0 of all images, "
    "is yellow and marked with dots.",
)

# %% [markdown]
# The spread is measured by the **variance**: the average of the squared distances from the mean. Its
# square root is the standard deviation, "std" for short. There are two variances, and BatchNorm uses
# both, so let us keep them apart. The **biased** one divides the sum of the squares by the count n, the
# **unbiased** one by n − 1, which makes up for the fact that the mean was taken from the same numbers.

# %% tags=["nbval-check-output"]
numbers = x[:, 0].flatten()  # 1, 3, 5, 7
squares = (numbers - numbers.mean()) ** 2
print("squared distances:", squares.int().tolist(), "sum", squares.sum().item())
print("biased variance:  ", squares.sum().item(), "/ 4 =", squares.mean().item())
print("unbiased variance:", squares.sum().item(), f"/ 3 = {squares.sum().item() / 3:.3f}")
print("by torch:         ", numbers.var(unbiased=False).item(), f"and {numbers.var().item():.3f}")

# %% [markdown]
# With four numbers the two differ by a third. A real layer averages over thousands of numbers, and they
# hardly differ: with 32 images of 16×16 pixels there are 32 · 16 · 16 = 8192 in each channel.

# %% [markdown]
# ## 4. Normalise, scale, shift
#
# Each number $x$ of a channel becomes
#
# $$y = \gamma \cdot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# where $\mu$ is the mean of the channel, $\sigma^2$ its *biased* variance, and $\varepsilon$ ("eps") a tiny
# number, 0.00001, that keeps a constant channel from dividing by zero. After the fraction each channel
# has mean 0 and std 1. Then come $\gamma$ (gamma) and $\beta$ (beta), a pair for each channel: the layer
# *learns* which std and which mean would be best. They begin as 1 and 0. In torch they are called
# `weight` and `bias`.
#
# Here it is for real images behind a convolution, channel by channel, beside torch.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
digits = load_images("digits").take(torch.arange(64))  # (64, 1, 32, 32) in [-1, 1]
conv = nn.Conv2d(1, 3, kernel_size=4, stride=2, padding=1)
norm = nn.BatchNorm2d(3)
with torch.no_grad():
    features = conv(digits)  # (64, 3, 16, 16)
    by_torch = norm(features)
    by_hand = torch.zeros_like(features)
    for c in range(3):
        mean = features[:, c].mean()
        var = features[:, c].var(unbiased=False)
        by_hand[:, c] = (features[:, c] - mean) / torch.sqrt(var + 1e-5)
print("features", tuple(features.shape))
print("gamma   ", norm.weight.tolist())
print("beta    ", norm.bias.tolist())
print("largest difference to torch below 0.00001:", ((by_hand - by_torch).abs().max() < 1e-5).item())

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.0), layout="constrained")
lines = [("-", "#222222"), ("--", "#7A7A7A"), (":", "#B06A00")]
for axis, values in zip(axes, (features, by_torch), strict=True):
    for c, (style, color) in enumerate(lines):
        channel = values[:, c].flatten().numpy()
        axis.hist(
            channel, bins=60, density=True, histtype="step", ls=style, color=color, lw=1.8, label=f"{c}"
        )
    axis.set(xlabel="value", ylabel="density", yscale="log")
axes[0].legend(title="channel", loc="upper left")
axes[0].set_title("before BatchNorm")
axes[1].set_title("after: mean 0, std 1 in each channel")
show(
    figure,
    alt="Histograms of three channels before and after BatchNorm. Before, the channels have "
    "different centres and widths. After, all are centred on 0 with the same spread; the shape of each "
    "histogram is the same as before.",
)
for c in range(3):
    a, b = features[:, c], by_torch[:, c]
    print(f"channel {c}: mean {a.mean():6.3f} -> {b.mean():6.3f}   std {a.std():.3f} -> {b.std():.3f}")

# %% [markdown]
# Each histogram was moved and stretched, and keeps its shape: BatchNorm does *not* make the numbers
# normally distributed. **Guess:** what do you have to do to gamma and beta to undo the layer altogether?

# %% tags=["nbval-check-output"]
with torch.no_grad():
    norm.weight.copy_(torch.sqrt(features.var(dim=(0, 2, 3), unbiased=False) + norm.eps))
    norm.bias.copy_(features.mean(dim=(0, 2, 3)))
    undone = norm(features)
print("the same as before the layer:", torch.allclose(undone, features, atol=1e-5))

# %% [markdown]
# So nothing is taken from the network: what it can compute, it can still compute. (On this batch, that
# is. With another batch the same gamma and beta undo something else.) What changes is how easy it is to
# learn: the scale of a channel is now one number, gamma, and no longer a matter of hundreds of weights
# together.

# %% [markdown]
# ## 5. The layer has a memory
#
# When the network is trained and you want a single image, there is no batch to take statistics from. So
# while it trains, the layer keeps a **running mean** and a **running variance**: after each batch
#
# $$\text{running} \leftarrow (1 - m) \cdot \text{running} + m \cdot \text{this batch}$$
#
# with the **momentum** $m$, 0.1 if you say nothing. They are no parameters: no gradient touches them. Torch
# calls such tensors *buffers*; they are saved with the weights.

# %% tags=["nbval-check-output"]
norm = nn.BatchNorm2d(64)
print("parameters:", {name: tuple(p.shape) for name, p in norm.named_parameters()})
print("buffers:   ", {name: tuple(b.shape) for name, b in norm.named_buffers()})
print("to learn:  ", sum(p.numel() for p in norm.parameters()), "numbers")

# %% [markdown]
# Let us send three batches with the means 10, 10 and 20 through a fresh layer, and do the same sums by hand.

# %% tags=["nbval-check-output"]
norm = nn.BatchNorm2d(1)  # running_mean 0, running_var 1, momentum 0.1
running_mean, running_var = 0.0, 1.0
for mean in (10.0, 10.0, 20.0):
    batch = mean + torch.tensor([-3.0, -1.0, 1.0, 3.0]).reshape(4, 1, 1, 1)  # (4, 1, 1, 1)
    norm(batch)
    running_mean = 0.9 * running_mean + 0.1 * batch.mean().item()
    running_var = 0.9 * running_var + 0.1 * batch.var().item()  # the unbiased one
    print(f"by hand {running_mean:.3f} and {running_var:.3f}", end="   ")
    print(f"torch {norm.running_mean.item():.3f} and {norm.running_var.item():.3f}")

# %% [markdown]
# Two details that cost people days:
#
# - The batch is normalised with its *biased* variance; into the memory goes the *unbiased* one, for that is
#   the better guess about all the images that the layer has not seen.
# - In torch's BatchNorm, momentum is the weight of the **new** value. Optimisers call the weight of the
#   *old* value momentum, and so does BatchNorm in Keras and TensorFlow: `momentum=0.99` there is
#   `momentum=0.01` here.
#
# How long does it remember? **Guess:** 30 batches with mean 10 go through. Which momentum gets near 10
# first: 0.5, 0.1 or 0.01?

# %%
torch.manual_seed(0)
batch_means = 10 + torch.randn(60)  # each batch is a little different
figure, axis = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
axis.axhline(10, color="0.7", lw=1)
for momentum, style in ((0.5, ":"), (0.1, "-"), (0.01, "--")):
    running, course = 0.0, [0.0]
    for mean in batch_means.tolist():
        running = (1 - momentum) * running + momentum * mean
        course.append(running)
    axis.plot(course, style, color=palette.GENERATOR, lw=2, label=f"momentum {momentum}")
axis.set(xlabel="batches seen", ylabel="running mean", title="How fast the memory follows")
axis.legend(loc=(0.74, 0.5))
show(
    figure,
    alt="Three curves over 60 batches, from 0 towards 10. With momentum 0.5 the curve is at 10 after "
    "a few batches and then jitters. With 0.1 it gets there after about 30, smoothly. With 0.01 it has "
    "not come half way after 60.",
)

# %% tags=["nbval-check-output"]
for momentum in (0.5, 0.1, 0.01):
    left = (1 - momentum) ** 30
    print(f"momentum {momentum}: after 30 batches {100 * left:.2f} % of the old value is left")

# %% [markdown]
# A large momentum forgets quickly and jitters, a small one is calm and slow. And now you know why section
# 1 worked with a copy of G: in training mode the memory changes whenever images go *through*, even with
# gradients switched off. A generator that is only looked at in training mode is a changed generator.

# %% tags=["nbval-check-output"]
probe = copy.deepcopy(generator).train()
before = {name: buffer.clone() for name, buffer in probe.named_buffers()}
with torch.no_grad():
    probe(z_odd)
changed = [name for name, buffer in probe.named_buffers() if not torch.equal(buffer, before[name])]
print(len(changed), "of", len(before), "buffers changed by looking, for example", changed[0])

# %% [markdown]
# ## 6. Two modes
#
# `model.train()` and `model.eval()` switch every BatchNorm of a model:
#
# | | `train()` | `eval()` |
# |---|---|---|
# | normalises with | mean and variance of *this batch* | running mean and running variance |
# | memory | changes | stays |
# | an image depends on | everyone in its batch | itself alone |
#
# In eval mode all four numbers of a channel are fixed, so the layer is one multiplication and one addition.
# Then nobody looks around any more. Here is section 1 again, in eval mode. **What do you expect now?**

# %%
ordinary_eval, beside_odd_eval = images_of(z, training=False), images_of(z_odd, training=False)
show_rows(
    [
        ("eight ordinary z", ordinary_eval),
        ("the same, but the last z is eight times as long", beside_odd_eval),
        ("difference (grey: none)", (beside_odd_eval - ordinary_eval).clamp(-1, 1)),
    ],
    "G in eval mode: only the last z was changed",
    alt="Three rows of eight images. The first seven digits are the same in the first two rows, and "
    "their differences are plain grey. Only the eighth has changed.",
)

# %% tags=["nbval-check-output"]
first_seven = torch.allclose(ordinary_eval[:7], beside_odd_eval[:7], atol=1e-5)
print("the first seven are the same:", first_seven)
print("the eighth is the same:      ", torch.allclose(ordinary_eval[7], beside_odd_eval[7], atol=1e-5))

# %% [markdown]
# That is why one samples in eval mode: **an image then depends on its own z, and on nothing else.** The
# package's `generate` does it for you. In training mode even ordinary neighbours matter; how much depends
# on how many there are. We draw one z again and again, each time among other random neighbours.

# %%
torch.manual_seed(2)
mine = z[:1]  # (1, 64): always the same one
wobble = {}
for batch_size in (2, 8, 32, 128):
    drawn = [
        images_of(torch.cat([mine, torch.randn(batch_size - 1, 64)]), training=True)[0]
        for _ in range(16)
    ]
    wobble[batch_size] = torch.stack(drawn)  # (16, 1, 32, 32): sixteen pictures of one z
    std = wobble[batch_size].std(dim=0).mean().item()  # of each pixel over the sixteen pictures
    print(f"batch of {batch_size:3}: a pixel's std is {std:.3f}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(8.5, 2.7), layout="constrained")
axes[0].imshow(wobble[128][0, 0], cmap="gray", vmin=-1, vmax=1)
axes[0].set_title("one of the pictures")
for axis, size in zip(axes[1:], (2, 8, 128), strict=True):
    shown = axis.imshow(wobble[size].std(dim=0)[0], cmap="magma", vmin=0, vmax=0.2)
    axis.set_title(f"in batches of {size}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
figure.colorbar(shown, ax=axes[3], label="std of a pixel")
figure.suptitle("How much one picture changes with its neighbours")
show(
    figure,
    alt="A digit, and three maps of how much each of its pixels varies. In batches of 2 and of 8 the "
    "edges of the strokes glow; in batches of 128 the map is almost black.",
)

# %% [markdown]
# The smaller the batch, the more the statistics depend on who happens to be in it. While training, a
# little of this noise does no harm. In very small batches it is louder than what is to be learned.
#
# ### The opposite trap: eval mode too early
#
# The memory begins as mean 0 and variance 1, whatever the data. A fresh generator has not seen anything,
# so its eval mode is wrong. How many batches does it take?

# %%
torch.manual_seed(0)
fresh = DCGANGenerator(image_size=32, image_channels=1, latent_dim=64, base_channels=16)
test_z = torch.randn(64, 64)
with torch.no_grad():
    for batches in range(101):
        if batches in (0, 10, 30, 100):
            in_eval = fresh.eval()(test_z).std().item()
            in_train = copy.deepcopy(fresh).train()(test_z).std().item()
            print(f"{batches:3} batches seen: std of pixels {in_eval:.3f} in eval, {in_train:.3f} in train")
        fresh.train()(torch.randn(64, 64))  # only the memory changes: nothing is trained here

# %% [markdown]
# At first the images of eval mode are all but flat: dividing by 1 where a tiny std belongs. After a
# hundred batches both modes agree. So if your samples are grey while the losses look healthy, ask how
# many batches the memory has seen, and whether the buffers were saved and loaded along with the weights.

# %% [markdown]
# ## 7. The lab
#
# A batch of numbers goes through BatchNorm and then through an activation. Make a guess first, then turn the
# knobs. Four things to find:
#
# 1. with BatchNorm off and mean −2, how many numbers does ReLU kill? And with it on?
# 2. in which mode does the *odd one* change the others?
# 3. a momentum with which the memory is right after a single batch, and what is bad about it;
# 4. a beta with which ReLU kills nearly all numbers although BatchNorm is on.

# %%
bench = GateAndNorm()
bench

# %% [markdown]
# ## 8. `nn.BatchNorm2d(64, 0.8)` does not do what it seems to
#
# You will meet this line, or `nn.BatchNorm1d(256, 0.8)`, in GAN code that has been copied very often. It is
# easy to read as "momentum 0.8". But momentum is not the second argument:

# %% tags=["nbval-check-output"]
print(list(inspect.signature(nn.BatchNorm2d).parameters)[:4])
layer = nn.BatchNorm2d(64, 0.8)
print("eps", layer.eps, "momentum", layer.momentum)

# %% [markdown]
# It sets **eps** to 0.8: instead of dividing by $\sqrt{\sigma^2 + 0.00001}$ it divides by
# $\sqrt{\sigma^2 + 0.8}$. Torch accepts it, nothing crashes. **Guess:** a channel comes in with std 0.1. What
# std comes out, instead of 1?

# %%
torch.manual_seed(0)
stds = torch.logspace(-2, 1, 25)
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
for eps, style, name in ((1e-5, "-", "eps 0.00001"), (0.8, "--", "eps 0.8")):
    layer = nn.BatchNorm2d(1, eps)
    out = [layer(s * torch.randn(64, 1, 8, 8)).std().item() for s in stds]
    axis.plot(stds, out, style, color=palette.GENERATOR, lw=2, label=name)
for std in (0.1, 1.0, 10.0):
    print(f"std {std:4} in -> {nn.BatchNorm2d(1, 0.8)(std * torch.randn(64, 1, 8, 8)).std():.2f} out")
axis.set(xscale="log", xlabel="std that comes in", ylabel="std that comes out", ylim=(0, 1.1))
axis.set_title("Normalised, and not: eps 0.00001 and eps 0.8")
axis.legend()
show(
    figure,
    alt="Two curves over the std of the input, from 0.01 to 10. With eps 0.00001 the std of the output is "
    "1, or a little less at the very left. With eps 0.8 it is near 0 for small inputs, about three quarters at 1, and approaches 1 "
    "only towards 10.",
)

# %% [markdown]
# Small channels stay small: it is hardly a normalisation any more. And small is what a fresh network's
# channels are. Here is what it does to a fresh DCGAN generator, whose weights are drawn with a std of 0.02:

# %%
z_many = torch.randn(64, 64)
for eps in (1e-5, 0.8):
    torch.manual_seed(0)
    fresh = DCGANGenerator(image_size=32, image_channels=1, latent_dim=64, base_channels=16)
    for layer in fresh.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = eps
    with torch.no_grad():
        print(f"eps {eps:.5f}: the pixels of its first images have a std of {fresh.train()(z_many).std():.4f}")

# %% [markdown]
# The loss of contrast multiplies from layer to layer. Training can undo it, by making weights and gammas
# grow, and networks with this line do learn; they only lose what BatchNorm was there for. Meant was probably
# the `momentum=0.8` of Keras, which in torch is `momentum=0.2`. The cure is to **write these arguments with
# their names.**

# %% [markdown]
# ## 9. A batch of one
#
# **Guess:** what happens if a single image goes through BatchNorm in training mode?

# %%
for shape in ((1, 4, 2, 2), (1, 4, 1, 1)):
    try:
        out = nn.BatchNorm2d(4)(torch.randn(shape))
        print(shape, "works")
    except ValueError as error:
        print(shape, "torch says:", error)

# %% [markdown]
# A map of 2×2 still has four numbers for each channel, so there is something to average. A map of 1×1 has
# one: it *is* the mean, it would always become 0, and torch refuses. In eval mode both work. And where one
# image works, is the result any good?

# %% tags=["nbval-check-output"]
one = torch.randn(1, 4, 8, 8)
same = torch.allclose(nn.BatchNorm2d(4)(one), nn.InstanceNorm2d(4)(one), atol=1e-5)
print("the same as InstanceNorm2d:", same)

# %% [markdown]
# The image is then normalised by itself. That is another layer, InstanceNorm, and not what the memory
# learns for eval mode. You rarely ask for a batch of one, but you may get one: as the *last* batch of an
# epoch.

# %% tags=["nbval-check-output"]
for batch_size in (4, 32, 64):
    print(f"1797 digits in batches of {batch_size:2}: the last one has", 1797 % batch_size)

# %% [markdown]
# What to do: `drop_last=True` in the `DataLoader` (the package's own batches drop it as well); `eval()` for
# single images; a larger batch, or another layer (section 12), if memory allows only one or two.

# %% [markdown]
# ## 10. Where it stands
#
# ### A bias in front of it does nothing
#
# BatchNorm subtracts the mean. A convolution's bias is added to a whole channel, so it is part of that
# mean. **Guess:** we add 5 to each bias. What changes behind the BatchNorm, and what is the bias's gradient?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
conv, norm = nn.Conv2d(1, 4, kernel_size=4, stride=2, padding=1), nn.BatchNorm2d(4)
before = norm(conv(digits))
with torch.no_grad():
    conv.bias += 5
after = norm(conv(digits))
print("the output is the same:  ", torch.allclose(before, after, atol=1e-4))

(after**3).mean().backward()  # some loss or other
print("bias has a gradient of 0:", (conv.bias.grad.abs().max() < 1e-4).item())
print("and the weights' is not 0:", (conv.weight.grad.abs().max() > 1e-2).item())

# %% [markdown]
# It is there, it costs memory, and no gradient ever moves it; beta does its work. So one writes `bias=False`
# in front of a BatchNorm. (Not in front of an activation: there the bias decides where it bends. And behind
# `nn.Linear` with `nn.Unflatten` there would be a bias for each *pixel*, of which BatchNorm takes away only
# the mean of each channel. Lesson 07's generator does without those too.)
#
# ### Not at G's end, not at D's beginning
#
# DCGAN uses BatchNorm in every layer but two: the one that makes the image, and the one that first reads it.
# Why? Here are real digits, and the same with half the contrast and darker. **Guess** how far apart they are
# behind a BatchNorm.

# %% tags=["nbval-check-output"]
pale = 0.5 * digits - 0.4
norm = nn.BatchNorm2d(1)
print("apart before:", round((digits - pale).abs().max().item(), 1))
print("equal behind BatchNorm:", torch.allclose(norm(digits), norm(pale), atol=1e-3))

# %% [markdown]
# BatchNorm erases how bright a batch is, and how strong its contrasts are. Between two layers nobody misses
# that. At the two ends it is part of the image: D must be able to see it, and G must be free to choose it,
# for each image and not for a batch. The package's networks keep the rule:

# %% tags=["nbval-check-output"]
for model in (DCGANGenerator(image_size=32), DCGANDiscriminator(image_size=32)):
    layers = [m for m in model.modules() if not list(m.children())]
    print(type(model).__name__)
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if isinstance(following, nn.Unflatten):
                following = layers[layers.index(following) + 1]
            bias = "no bias" if layer.bias is None else "bias   "
            then = type(following).__name__ if following else "nothing"
            print(f"    {type(layer).__name__:15} {bias}  then {then}")

# %% [markdown]
# (D's last layer makes the logit, and nothing follows it: it needs its bias too.)

# %% [markdown]
# ## 11. Real and fake: one batch or two?
#
# D's half of a step looks at real images and at fakes. It is tempting to put both into one batch and call D
# once. With BatchNorm in D that is another game. To see it we need fakes whose flaw we know. So here is a
# forger who is perfect but for one thing: its images are real digits, and each pixel is too bright by
# 0.03, on a scale from −1 to 1. Nobody would see that.
#
# **Guess:** behind a BatchNorm, how far apart are the means of real and fake, if both share one batch? And
# if each comes in a batch of its own?

# %%
torch.manual_seed(0)
data = load_images("digits")


def some_digits(count=32):
    return data.take(torch.randint(len(data), (count,)))  # (count, 1, 32, 32)


real = some_digits()
fake = real + 0.03  # here the very same digits, so that nothing else differs
norm = nn.BatchNorm2d(1)
both = norm(torch.cat([real, fake]))
print(f"one batch:   mean of real {both[:32].mean():7.4f}, mean of fake {both[32:].mean():7.4f}")
print(f"two batches: mean of real {norm(real).mean():7.4f}, mean of fake {norm(fake).mean():7.4f}")

# %% [markdown]
# In two batches each side loses its own mean, and with it the difference. In one batch both lose their *common*
# mean: the difference stays, real on one side of zero and fake on the other. What does a whole D make of that?
# We train a small one for 60 steps, in three ways: without BatchNorm; with it, and both in one batch; with
# it, in two batches. Its first layer has no norm, by DCGAN's rule. (The loss below pushes D's logits up for
# real images and down for fakes; lesson 06 tells where it comes from.) **Which will be best at telling real
# from fake?**


# %%
def small_discriminator(norm):
    """Logits (N, 1) for images (N, 1, 32, 32); norm makes a layer from a number of channels."""
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(0.2),  # (N, 16, 16, 16)
        nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1),
        norm(32),
        nn.LeakyReLU(0.2),  # (N, 32, 8, 8)
        nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
        norm(64),
        nn.LeakyReLU(0.2),  # (N, 64, 4, 4)
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 1),
    )


def judge(discriminator, real, fake, one_batch):
    """logits_real and logits_fake, (N, 1) each."""
    if one_batch:
        return discriminator(torch.cat([real, fake])).chunk(2)
    return discriminator(real), discriminator(fake)


# %%
def train_and_ask(norm, one_batch, too_bright=0.03):
    """Train a D, then its logits on new images (3, 320): real, fake, and the same fakes alone."""
    torch.manual_seed(0)
    discriminator = small_discriminator(norm)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.001, betas=(0.5, 0.999))
    for _ in range(60):
        real, fake = some_digits(), some_digits() + too_bright
        logits_real, logits_fake = judge(discriminator, real, fake, one_batch)
        loss = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = []
    for _ in range(10):
        real, fake = some_digits(), some_digits() + too_bright
        with torch.no_grad():
            logits_real, logits_fake = judge(discriminator, real, fake, one_batch)
            said.append(torch.cat([logits_real, logits_fake, discriminator(fake)], dim=1))
    return torch.cat(said).T


# %%
said = {
    "no BatchNorm": train_and_ask(nn.Identity, one_batch=False),
    "BatchNorm, one batch": train_and_ask(nn.BatchNorm2d, one_batch=True),
    "BatchNorm, two batches": train_and_ask(nn.BatchNorm2d, one_batch=False),
}


def share_right(logits_real, logits_fake):
    return ((logits_real > 0).float().mean() + (logits_fake < 0).float().mean()).item() / 2


for name, (logits_real, logits_fake, alone) in said.items():
    print(f"{name:23}right in {100 * share_right(logits_real, logits_fake):3.0f} %; mean logit:")
    print(f"    real {logits_real.mean():4.1f}, fake {logits_fake.mean():4.1f},", end="")
    print(f" the same fakes alone {alone.mean():4.1f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.2), sharey=True, layout="constrained")
looks = [
    (palette.REAL, "-", "● real"),
    (palette.FAKE, "--", "▲ fake"),
    ("#222222", ":", "the same fakes, alone"),
]
edges = torch.linspace(-8, 8, 65).numpy()
for axis, (name, rows) in zip(axes, said.items(), strict=True):
    for logits, (color, style, label) in zip(rows, looks, strict=True):
        look = {"histtype": "step", "color": color, "ls": style, "lw": 2, "label": label}
        axis.hist(logits.clamp(-8, 8).numpy(), bins=edges, **look)
    axis.set(title=name, xlabel="logit (above 0: real)")
axes[0].set_ylabel("images")
axes[1].legend(loc="upper center", fontsize=9)
figure.suptitle("What D says after 60 steps, of 320 images of each kind")
show(
    figure,
    alt="Three panels with histograms of logits. Without BatchNorm, and with BatchNorm and two batches, "
    "real and fake lie near 0 and overlap almost wholly, and the fakes get the same logits alone. "
    "With BatchNorm and one batch they are two separate hills, the real ones far right and the fakes far "
    "left; the same fakes alone form a third hill at 0.",
)

# %% [markdown]
# In one batch, D is right about every image: BatchNorm hands it the answer, since each image is measured
# against the others, and the brighter half gives itself away. Now look at the third hill. In G's half of the
# step D sees the fakes *alone*, and D, which was so sure, has no opinion: the thing that it had learned to
# read, the distance from the other kind, is not there. What D learned is of no use to G.
#
# In two batches D says the same to the fakes in both halves. And it finds this flaw as hard to see as the D
# without BatchNorm does, which is fair.
#
# Two more questions. Does mixing betray *which* image is fake? A control answers that: fakes without any
# flaw. And do two batches make D blind to brightness? For that, fakes that are brighter by 0.1.

# %%
control = train_and_ask(nn.BatchNorm2d, one_batch=True, too_bright=0.0)
bright = train_and_ask(nn.BatchNorm2d, one_batch=False, too_bright=0.1)
print(f"one batch, flawless fakes:      right in {100 * share_right(*control[:2]):.0f} %")
print(f"two batches, too bright by 0.1: right in {100 * share_right(*bright[:2]):.0f} %")

# %% [markdown]
# On flawless fakes D is no better than a coin: no label leaks. What mixing gives away is any difference
# between the two *groups*, however small. And in two batches D is not blind: the first layer, which has no
# norm, and the zeros that padding puts around an image, leave traces of brightness. A large flaw is seen.
#
# The rule for a D with BatchNorm: **real and fake in separate batches**, as in `training_step` of the
# package. A D without BatchNorm, or with a norm that treats each image alone, can take both in one call.

# %% [markdown]
# ## 12. When not to use it
#
# In training mode D's opinion of one image depends on the others. Then so does its gradient. We ask four
# small networks for the logit of image 0, and see which pixels it depends on.


# %%
def gradient_norms(norm):
    """How much the logit of image 0 depends on each of four images: (4,) gradient norms."""
    torch.manual_seed(0)
    images = some_digits(4).requires_grad_()
    logits = small_discriminator(norm)(images)
    logits[0].sum().backward()
    return images.grad.flatten(1).norm(dim=1)


norms = {
    "no norm": nn.Identity,
    "BatchNorm2d": nn.BatchNorm2d,
    "InstanceNorm2d": nn.InstanceNorm2d,
    "GroupNorm(4, c)": lambda channels: nn.GroupNorm(4, channels),
}
for name, norm in norms.items():
    own, *others = gradient_norms(norm).tolist()
    print(f"{name:16} image 0: {own:.3f}   images 1, 2, 3: {', '.join(f'{o:.3f}' for o in others)}")

# %% [markdown]
# With BatchNorm, image 0 is judged by the pixels of all four. Some losses ask for the gradient at *each
# image*: the gradient penalty of WGAN-GP wants its length to be 1, R1 wants it small. With BatchNorm
# there is no such thing as the gradient of one image, so the WGAN-GP paper leaves BatchNorm out of D.
#
# | situation | what to take |
# |---|---|
# | G or D of a DCGAN, batches of 32 and more | BatchNorm |
# | very small batches | `nn.GroupNorm`, `nn.LayerNorm`, `nn.InstanceNorm2d` |
# | D with a gradient penalty (WGAN-GP, R1) | no norm, or one of these three; never BatchNorm |
# | D with a hinge loss (lesson 11) | spectral norm, which acts on the weights, not on the images |
# | several GPUs | each has its own part of the batch; `nn.SyncBatchNorm` takes statistics over all |
#
# The alternatives differ only in what shares a mean. Newer generators have yet others: PixelNorm (each
# pixel over its channels), adaptive instance norm (gamma and beta come from z), conditional BatchNorm
# (gamma and beta come from the class).

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.3), layout="constrained")
draw_batch(axes[0], "BatchNorm", lambda n, c: c == 0)
draw_batch(axes[1], "LayerNorm", lambda n, c: n == 0)
draw_batch(axes[2], "InstanceNorm", lambda n, c: n == 0 and c == 0)
draw_batch(axes[3], "GroupNorm, 2 groups", lambda n, c: n == 0 and c < 3)
figure.suptitle("Which maps share a mean with image 0, channel 0?")
show(
    figure,
    alt="Four tables of 4 images by 6 channels. BatchNorm: the whole first column is marked. LayerNorm: "
    "the whole first row. InstanceNorm: only the first cell. GroupNorm with two groups: the first three "
    "cells of the first row.",
)

# %% [markdown]
# Only in the first table do the marked cells lie in more than one row. Only BatchNorm mixes images, and only
# BatchNorm needs a memory and two modes.

# %% [markdown]
# ## 13. What do you know now?

# %%
quiz("04_batchnorm", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | what it does | each channel: minus its mean, divided by √(variance + eps), times gamma, plus beta |
# | statistics over | the axes N, H and W; one mean and one variance for each channel |
# | which variance | biased to normalise, unbiased for the memory |
# | learned | gamma (`weight`) and beta (`bias`): 2 · C parameters |
# | remembered | `running_mean`, `running_var`: buffers; saved and loaded with the weights |
# | `momentum` | weight of the **new** batch, 0.1; Keras's 0.99 is 0.01 here; None: plain average of all batches |
# | `eps` | the *second* argument, 0.00001: write `eps=` and `momentum=` by name |
# | `train()` | this batch's statistics; an image depends on its neighbours; the memory changes |
# | `eval()` | the memory's statistics; an image depends on itself alone: sample like this |
# | batch of one | 1×1 maps stop with an error in training mode; larger maps become InstanceNorm |
# | bias before it | does nothing: `bias=False` |
# | where not (DCGAN) | behind G's last layer, behind D's first layer |
# | in D's half of a step | real and fake in separate batches |
# | where not at all | tiny batches; losses with a gradient for each image (WGAN-GP, R1) |
#
# In torch's documentation:
# [torch.nn.BatchNorm2d](https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html),
# [torch.nn.functional.batch_norm](https://pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html),
# [torch.nn.GroupNorm](https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html),
# [torch.nn.InstanceNorm2d](https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html),
# [torch.nn.LayerNorm](https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html),
# [torch.nn.SyncBatchNorm](https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html).
# Sources: Ioffe & Szegedy 2015 (BatchNorm); Radford et al. 2015 (DCGAN's rules); Gulrajani et al. 2017
# (WGAN-GP, without BatchNorm in D).
#
# **Now you.** [exercises/04_batchnorm](../exercises/04_batchnorm.ipynb): seven tasks, from six numbers in
# your head to the whole layer, and a generator with four errors in it.
#
# **Next** [05 · Your first two networks](05_first_networks.ipynb): all the layers of lessons 01 to 04, put
# together.
