# %% [markdown]
# # 07 · DCGAN: five rules for a pair that trains
#
# **After this lesson you can** build DCGAN's generator and discriminator block by block, say where
# their parameters and their work sit, start them as the paper does, and tell which of the paper's
# five rules matter at this size and which do not, from measurements.
#
# **Time** about 60 minutes · **Builds on** [06 · The GAN game](06_gan_game.ipynb) · **Needs** no GPU

# %%
import inspect

import matplotlib.pyplot as plt
import torch
from torch import nn

from gan_course import palette
from gan_course.arithmetic import trace_shapes
from gan_course.data import image_grid, load_images
from gan_course.labs import GenXray, quiz, show
from gan_course.models import DCGANDiscriminator, DCGANGenerator, init_weights
from gan_course.models.dcgan import upsample_block
from gan_course.pretrained import load_pretrained

# %% [markdown]
# ## 1. Guess first

# %%
quiz("07_dcgan", "before")

# %% [markdown]
# ## 2. Run it first
#
# Until 2015, attempts to make GANs of convolutions had mostly failed. Then Alec Radford, Luke Metz and
# Soumith Chintala wrote down one kind of architecture, with five rules, that trained on bedrooms, on
# faces and on ImageNet: **DCGAN**, the deep convolutional GAN. Here is one that ships with the course.

# %%
trained = load_pretrained("digits")  # a DCGAN generator, in eval mode
z = torch.randn(16, 64, generator=torch.Generator().manual_seed(4))  # (N, latent_dim)
with torch.no_grad():
    images = trained(z)  # (16, 1, 32, 32)
figure, axis = plt.subplots(figsize=(9, 1.6), layout="constrained")
axis.imshow(image_grid(images, columns=16), cmap="gray", vmin=0, vmax=255)
axis.set(title="▲ Sixteen z, sixteen digits that nobody wrote", xticks=[], yticks=[])
show(figure, alt="A row of sixteen generated images, white on black. Most can be read as a digit.")

# %% [markdown]
# Now we take it apart. You build the same network yourself, one block at a time, and each block gets
# the trained weights of this one, so that after each there is something to look at.

# %% [markdown]
# ## 3. The generator, block by block
#
# A helper draws some of the maps that leave a block, for the first z. The brighter, the larger.


# %%
def draw_maps(maps, title, alt, count=32):
    """The first ``count`` maps (C, H, W) of one image, on a common grey scale."""
    pictures = maps[:count, None] / maps[:count].abs().max() * 2 - 1  # 0 becomes black
    figure, axis = plt.subplots(figsize=(9, 1.5 if count <= 16 else 2.3), layout="constrained")
    axis.imshow(image_grid(pictures, columns=16), cmap="gray", vmin=0, vmax=255)
    axis.set(title=title, xticks=[], yticks=[])
    show(figure, alt=alt)


# %% [markdown]
# ### z
#
# It begins with 64 random numbers for each image, each from a normal distribution. There is no picture
# in them yet.

# %%
figure, axis = plt.subplots(figsize=(9, 2.2), layout="constrained")
axis.bar(range(64), z[0], color=palette.GENERATOR)
axis.axhline(0, color="0.4", lw=0.8)
axis.set(title="The first z: 64 numbers", xlabel="which of the 64 numbers", ylabel="value")
show(figure, alt="A bar chart of 64 numbers, above and below zero without any order, most of them "
     "between minus 2 and 2.")

# %% [markdown]
# ### The stem: z becomes maps of 4×4
#
# A linear layer makes $128 \cdot 4 \cdot 4 = 2048$ numbers of the 64, `nn.Unflatten` folds them into
# 128 maps of 4×4. BatchNorm and ReLU follow. The linear layer has no bias: BatchNorm subtracts the
# mean of each channel, and a bias with it, and then adds a shift of its own.

# %% tags=["nbval-check-output"]
stem = nn.Sequential(
    nn.Linear(64, 128 * 4 * 4, bias=False),  # (N, 64) -> (N, 2048)
    nn.Unflatten(1, (128, 4, 4)),  # -> (N, 128, 4, 4)
    nn.BatchNorm2d(128),
    nn.ReLU(),
)
stem.load_state_dict(trained.stem.state_dict())  # the trained numbers
stem.eval()
with torch.no_grad():
    x = stem(z)
print("after the stem", tuple(x.shape))

# %%
draw_maps(x[0], "32 of the 128 maps of 4×4 that the stem makes of the first z",
          "Two rows of small squares of 4 by 4 grey cells. In each some cells are bright and many are "
          "black; no digit can be seen.")

# %% [markdown]
# Sixteen cells cannot hold a digit. They hold a plan: roughly what should stand where.
#
# ### A block: twice the size, half the channels
#
# You know every layer of it: kernel 4, stride 2 and padding 1 doubles the size
# ([lesson 02](02_conv_transpose2d.ipynb)), and 4 is divisible by 2, so that the stamps overlap evenly.

# %% tags=["nbval-check-output"]
def block(in_channels, out_channels):
    """(N, in, H, W) -> (N, out, 2H, 2W)."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


first = block(128, 64)
first.load_state_dict(trained.blocks[0].state_dict())
with torch.no_grad():
    x = first.eval()(x)
print("after the first block", tuple(x.shape))

# %%
draw_maps(x[0], "32 of the 64 maps of 8×8",
          "Two rows of 8 by 8 grey maps. Coarse blobs and strokes appear, different in each map.")

# %% tags=["nbval-check-output"]
second = block(64, 32)
second.load_state_dict(trained.blocks[1].state_dict())
with torch.no_grad():
    x = second.eval()(x)
print("after the second block", tuple(x.shape))

# %%
draw_maps(x[0], "All 32 maps of 16×16",
          "Two rows of 16 by 16 grey maps. In many of them the outline of one and the same digit can "
          "be seen: some maps hold its strokes, others its edges or its background.")

# %% [markdown]
# Here the digit is: some maps hold its strokes, some its edges, some the background.
#
# ### The last layer paints
#
# One more doubling, to one channel. No BatchNorm here: it would bring every batch of images to the same
# mean and spread, and G could not choose how bright its images are. And no ReLU but a **tanh**: pixels
# lie between −1 (black) and 1 (white), as in the real images.

# %% tags=["nbval-check-output"]
to_image = nn.Sequential(
    nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),  # no BatchNorm follows: it has a bias
    nn.Tanh(),
)
to_image.load_state_dict(trained.to_image.state_dict())
with torch.no_grad():
    built = to_image(x)
print("images", tuple(built.shape))
print("the same as the package's generator:", torch.allclose(built, images, atol=1e-5))

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.5), layout="constrained")
with torch.no_grad():
    steps = [stem(z[:1]), first(stem(z[:1])), second(first(stem(z[:1]))), built[:1]]
for axis, maps in zip(axes, steps, strict=True):
    brightest = maps[0].flatten(1).std(dim=1).argmax()  # the map with the most in it
    axis.imshow(maps[0, brightest], cmap="gray")
    channels, size = maps.shape[1:3]
    name = "the image" if channels == 1 else f"one of {channels} maps"
    axis.set(title=f"{name}, {size}×{size}", xticks=[], yticks=[])
figure.suptitle("One z on its way: from a plan of 4×4 to 32×32 pixels")
show(figure, alt="Four pictures of one z on its way: a 4 by 4 map, an 8 by 8 map and a 16 by 16 map with "
     "ever finer shapes, and the finished 32 by 32 digit.")

# %% [markdown]
# That is the whole generator. The package has the same block, and one file that stacks them:

# %%
print(inspect.getsource(upsample_block))

# %% [markdown]
# For 64×64 images, the size of the paper, there is one block more, and it starts with twice as many
# channels. Read off how each line doubles the size and halves the channels.

# %% tags=["nbval-check-output"]
G = DCGANGenerator()  # 64×64, colour, latent_dim 100, base_channels 64
trace_shapes(G, (8, 100))

# %% [markdown]
# ## 4. Two stems, one map
#
# The paper does not begin with a linear layer. It takes z as an "image" of 1×1 pixels with 100 channels,
# and lets a transposed convolution with kernel 4 and stride 1 stamp it to 4×4. **Guess:** is that more
# powerful, less powerful, or the same?
#
# On a 1×1 input there is only one stamp. Each output cell is a weighted sum of all 100 numbers with its
# own weights: exactly what a linear layer does. So the weights can be copied, if they are put in the
# right order: `nn.Linear` keeps (out, in), `nn.ConvTranspose2d` keeps (in, out, height, width).

# %% tags=["nbval-check-output"]
linear = nn.Linear(100, 512 * 4 * 4, bias=False)  # weight (8192, 100)
stamp = nn.ConvTranspose2d(100, 512, kernel_size=4, bias=False)  # weight (100, 512, 4, 4)
with torch.no_grad():
    stamp.weight.copy_(linear.weight.T.reshape(100, 512, 4, 4))
    rows = torch.randn(16, 100)
    by_linear = linear(rows).unflatten(1, (512, 4, 4))  # (16, 512, 4, 4)
    by_stamp = stamp(rows[:, :, None, None])  # (16, 100, 1, 1) -> (16, 512, 4, 4)
print("parameters", linear.weight.numel(), stamp.weight.numel())
print("the same maps:", torch.allclose(by_linear, by_stamp, atol=1e-5))

# %% [markdown]
# The same map, in two notations. What differs is the shape of z: (N, 100) for the one, (N, 100, 1, 1)
# for the other. Some notes on the web mix them up, and feed the one to the other:

# %%
trace_shapes(nn.Sequential(linear), (16, 100, 1, 1))

# %% [markdown]
# (The package's generator takes z in both shapes.)

# %% [markdown]
# ## 5. The discriminator: the way back
#
# D does the same backwards. A strided convolution halves the size and doubles the channels, until maps
# of 4×4 are left; then one linear layer weighs everything up to one logit. Here the layers are fresh:
# nobody has trained them.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
D = DCGANDiscriminator(image_size=32, image_channels=1, base_channels=32)
digit = load_images("digits").take(torch.tensor([3]))  # (1, 1, 32, 32)
halved = [digit]
with torch.no_grad():
    for part in (D.from_image, *D.blocks):
        halved.append(part(halved[-1]))
    logit = D.to_logit(halved[-1])
for maps in halved:
    print(tuple(maps.shape))
print(tuple(logit.shape), "the logit")

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for axis, maps in zip(axes, halved, strict=True):
    axis.imshow(maps[0, 0], cmap="gray")
    channels, size = maps.shape[1:3]
    name = "● the image" if channels == 1 else f"one of {channels} maps"
    axis.set(title=f"{name}, {size}×{size}", xticks=[], yticks=[])
figure.suptitle("A real digit on its way through an untrained D")
show(figure, alt="Four pictures: a real handwritten 3, and one map after each of three layers, 16 by 16, "
     "8 by 8 and 4 by 4. The digit is still to be seen in the first map, and no more in the last.")

# %% [markdown]
# The first layer has no BatchNorm, so that D sees how bright an image really is. At the end there is no
# sigmoid: the losses of lesson 06 work on logits.
#
# ### Mirrors
#
# Put G and D for 64×64 images side by side, G from the top down and D from the bottom up. Only the
# shapes between the layers are listed.

# %% tags=["nbval-check-output"]
D = DCGANDiscriminator()  # 64×64, colour


def shapes(model, x, parts):
    """The input's shape and the one after each part, without the batch axis."""
    found = [tuple(x.shape[1:])]
    with torch.no_grad():
        for part in parts:
            x = part(x)
            found.append(tuple(x.shape[1:]))
    return found


of_g = shapes(G, torch.zeros(2, 100), [G.stem, *G.blocks, G.to_image])
of_d = shapes(D, torch.zeros(2, 3, 64, 64), [D.from_image, *D.blocks, D.to_logit])
print(f"{'G, downwards':>16}   D, upwards")
for mine, theirs in zip(of_g, reversed(of_d), strict=True):
    print(f"{mine!s:>16}   {theirs}")

# %% [markdown]
# The same sizes in the opposite order. Only the ends differ: 100 numbers go into G, one comes out of D.
# Nothing forces the mirror; it keeps the two about equally strong, and it is easy to remember.

# %% [markdown]
# ## 6. Where do the parameters sit?
#
# **Guess** for G at 64×64: which layer has the most parameters? And which one the most work?
#
# A weight of a transposed convolution is used once at each place of its input. So the multiply-adds for
# one image are: weights × input height × input width. (A linear layer uses each weight once.)

# %%
def weights_and_work(model, x):
    """(name, weights, multiply-adds for one image) of each layer with a kernel."""
    found = []

    def note(module, inputs, output):
        weights = module.weight.numel()
        places = 1
        if isinstance(module, nn.ConvTranspose2d):
            places = inputs[0].shape[2] * inputs[0].shape[3]  # each input cell stamps once
        if isinstance(module, nn.Conv2d):
            places = output.shape[2] * output.shape[3]  # each output cell reads once
        found.append((weights, weights * places))

    kernels = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    handles = [m.register_forward_hook(note) for m in kernels]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return found


# %%
costs_g = weights_and_work(G, torch.zeros(2, 100))
costs_d = weights_and_work(D, torch.zeros(2, 3, 64, 64))
names_g = ["stem", "4→8", "8→16", "16→32", "32→64"]
names_d = ["64→32", "32→16", "16→8", "8→4", "logit"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
for axis, column, title in zip(axes, (0, 1), ("weights", "multiply-adds for one image"), strict=True):
    g = [cost[column] / 1e6 for cost in costs_g]
    d = [cost[column] / 1e6 for cost in reversed(costs_d)]
    places = torch.arange(5)
    axis.bar(places - 0.2, g, 0.4, color=palette.GENERATOR, label="G")
    axis.bar(places + 0.2, d, 0.4, color=palette.DISCRIMINATOR, hatch="//", edgecolor="white", label="D")
    labels = [f"{a}\n{b}" for a, b in zip(names_g, reversed(names_d), strict=True)]
    axis.set_xticks(range(5), labels, fontsize=9)
    axis.set(title=f"Millions of {title}", ylabel="millions", xlabel="layer of G (above), of D (below)")
    axis.legend(frameon=False)
show(figure, alt="Two bar charts over the five layers of G and, mirrored, of D. Weights: by far the most "
     "sit in the layer between 4 by 4 and 8 by 8, a fourth of that in the next, and almost none next to "
     "the image; G's stem has some, D's last layer nearly none. Multiply-adds: the three middle layers "
     "cost the same, the one next to the image less, the ends almost nothing.")

# %% tags=["nbval-check-output"]
total = sum(weights for weights, _ in costs_g)
for name, (weights, work) in zip(names_g, costs_g, strict=True):
    print(f"{name:>6}  {weights:>9,} weights  {weights / total:>4.0%}   {work:>10,} multiply-adds")

# %% [markdown]
# The weights sit at the small end: the first transposed convolution alone has more than half of them,
# and the stem most of the rest. The layers that draw the fine lines are almost free.
#
# The *work* is another story. From block to block both numbers of channels halve, so there are four times
# fewer weights; and there are four times more places to use them at. The work stays exactly the same.
# That is why the channels halve when the size doubles.

# %% [markdown]
# ## 7. The first image: initialisation
#
# The paper draws every weight from a normal distribution with mean 0 and standard deviation 0.02;
# BatchNorm's scale gamma comes from a normal distribution around **1**. What does that do? Look at the
# spread (standard deviation) of the numbers that leave each part of G, before any training, and compare
# with the numbers that PyTorch would have taken by itself.

# %%
def pytorch_start(model):
    """Draw all weights again as PyTorch does when nobody says otherwise."""
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def gamma_around_zero(model):
    """A common slip: the paper's "all weights from N(0, 0.02)" taken literally, for gamma too."""
    for module in init_weights(model).modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
    return model


starts = {"as in the paper": init_weights, "PyTorch's own": pytorch_start, "gamma around 0": gamma_around_zero}

# %%
torch.manual_seed(0)
fresh, first_images, first_logits = torch.randn(64, 100), {}, {}
print(f"{'spread after':<16} {'stem':>6} {'8×8':>6} {'16×16':>6} {'32×32':>6} {'image':>6}   D's logits")
for name, start in starts.items():
    g, d = start(DCGANGenerator()), start(DCGANDiscriminator())  # in train mode, as at step 0
    spreads, x = [], fresh
    with torch.no_grad():
        for part in (g.stem, *g.blocks, g.to_image):
            x = part(x)
            spreads.append(x.std().item())
        first_images[name], first_logits[name] = x, d(x)
    line = " ".join(f"{spread:6.3f}" for spread in spreads)
    print(f"{name:<16} {line}   {first_logits[name].std():.3f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8, 2.1), layout="constrained")
for axis, (name, pictures) in zip(axes, first_images.items(), strict=True):
    axis.imshow(image_grid(pictures[:3], columns=3), interpolation="nearest")
    axis.set(title=f"{name}: spread {pictures.std():.3f}", xticks=[], yticks=[])
figure.suptitle("▲ The first images of a 64×64 generator, before any training")
show(figure, alt="Three rows of three colour images. As in the paper: a fine noise with a little "
     "colour around grey. PyTorch's own: a strong noise of bright colours. Gamma around zero: plain grey.")

# %% [markdown]
# Three things to read off:
#
# - **Inside, the start hardly matters.** Behind each BatchNorm and ReLU the spread is the same for
#   0.02 as for PyTorch's own numbers: BatchNorm divides by whatever spread arrives.
# - **Where BatchNorm ends, it does.** The layer to the image has none behind it, so there the size of the
#   weights counts. PyTorch's are larger there (the next cell has the numbers): its first images already go
#   to the flat ends of the tanh, where little gradient comes back. The paper's are a calm grey, with room
#   to both sides. For D's last layer it is the other way round: there 0.02 is the larger one.
# - **Gamma around 0 is no small slip.** Then each BatchNorm scales its maps to almost nothing, and the
#   first images are a flat grey, all the same.
#
# %%
for name in ("as in the paper", "PyTorch's own"):
    flat = (first_images[name].abs() > 0.9).float().mean()  # there the slope of the tanh is below 0.19
    print(f"{name:<16} {flat:.1%} of the first pixels beyond ±0.9")
for name, start in list(starts.items())[:2]:
    g, d = start(DCGANGenerator()), start(DCGANDiscriminator())
    to_pixels, to_logit = g.to_image[0].weight.std(), d.to_logit[1].weight.std()
    print(f"{name:<16} weights to the image {to_pixels:.3f}, weights to the logit {to_logit:.4f}")

# %% [markdown]
# And without BatchNorm? Then nothing repairs a spread that is too small. Here is how much the numbers still
# differ from one z to the next (the spread over the 64 z, averaged over all places):

# %%
def spread_without_norm(start):
    torch.manual_seed(0)
    g = start(DCGANGenerator())
    for part in (g.stem, *g.blocks):
        for i, module in enumerate(part):
            if isinstance(module, nn.BatchNorm2d):
                part[i] = nn.Identity()
    spreads, x = [], fresh
    with torch.no_grad():
        for part in (g.stem, *g.blocks, g.to_image):
            x = part(x)
            spreads.append(x.std(dim=0).mean().item())
    return spreads


without = {name: spread_without_norm(start) for name, start in list(starts.items())[:2]}
for name, spreads in without.items():
    print(f"{name:<16}", " ".join(f"{spread:.6f}" for spread in spreads))

# %%
figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (name, spreads), style in zip(without.items(), ("o-", "s--"), strict=True):
    axis.plot(range(5), spreads, style, color=palette.GENERATOR, label=f"{name}, no BatchNorm",
              alpha=1 if style == "o-" else 0.6)
axis.set_yscale("log")
axis.set_xticks(range(5), ["stem", "8×8", "16×16", "32×32", "image"])
axis.set(title="Without BatchNorm the trace of z fades in a fresh G", xlabel="after",
         ylabel="spread over z (log scale)")
axis.legend(frameon=False)
show(figure, alt="A chart with a logarithmic scale: without BatchNorm the spread over z falls from "
     "the stem to the image by more than a factor of fifty, for both kinds of start.")

# %% [markdown]
# From the stem to the image the differences between the 64 z shrink to less than a fiftieth: whatever z is,
# the first images are nearly the same. (PyTorch's larger weights to the image bring a little of it back.)
#
# ### A function that skips a layer
#
# Many programs find the layers by looking for the letters "Conv" in their class names. That also finds
# `ConvTranspose2d`, but not `Linear`. So in a generator with a linear stem, the stem keeps PyTorch's
# numbers, and nothing says so:

# %%
def init_by_name(m):
    """As found in many repositories."""
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


torch.manual_seed(0)
by_name = pytorch_start(DCGANGenerator()).apply(init_by_name)
by_type = init_weights(pytorch_start(DCGANGenerator()))
print(f"by name: stem {by_name.stem[0].weight.std():.3f}, first block {by_name.blocks[0][0].weight.std():.3f}")
print(f"by type: stem {by_type.stem[0].weight.std():.3f}, first block {by_type.blocks[0][0].weight.std():.3f}")

# %% [markdown]
# ## 8. The five rules
#
# These are the rules of the paper (its section 3), in our words:
#
# 1. **No pooling.** D shrinks by the stride of its convolutions, G grows by that of its transposed ones.
# 2. **BatchNorm in both**, but not at G's output and not on D's first layer.
# 3. **No hidden fully connected layers.** Linear layers only where no image is left: first in G, last in D.
# 4. **ReLU in G**, and a tanh at its end.
# 5. **LeakyReLU in D**, in all layers.
#
# Rules are cheap. Does each of them matter? We tried each *without*, on the digits: everything else
# equal, a small pair, the same number of steps, and the same few seeds for all, since one run of a GAN proves
# little.
# Such a row takes minutes, so it was measured once and recorded, by this command:
#
# ```bash
# python -m gan_course.trials.dcgan_rules
# ```
#
# (About half an hour on one core, PyTorch on a CPU. `--seeds 10` gives more to go by.)
#
# How does one measure *good*? By two shares, without any trained judge. Around each real digit lies a ball
# that reaches to its fifth nearest other real digit; distances are taken in 8×8 pixels, the size in which
# the digits were recorded.
#
# - **believable**: the share of fakes that lie in at least one ball. Do they look like digits?
# - **covered**: the share of balls in which at least one fake lies. Do they show *all* kinds of digits?
#
# **Guess** before you look: which rule, broken, does the most harm? And which one does none at all?

# %%
quiz("07_dcgan", "rules")

# %%
from gan_course.trials.dcgan_rules import picture_rows, recorded

table = recorded()
print(f"{table['seeds']} seeds, {table['steps']} steps each; least, middle and most of the seeds, in percent")
print(f"{'':<34}  believable       covered")
for name, row in table["rows"].items():
    good, wide = (" ".join(f"{100 * value:3.0f}" for value in row[key]) for key in ("believable", "covered"))
    print(f"{row['title']:<34} {good}   {wide}")

# %%
names = [name for name in table["rows"] if name != "real"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 5.4), sharey=True, layout="constrained")
for axis, key in zip(axes, ("believable", "covered"), strict=True):
    least, middle, most = table["rows"]["dcgan"][key]
    axis.axvspan(100 * least, 100 * most, color="0.9", label="all rules kept, least to most")
    for i, name in enumerate(names):
        runs = [100 * run[key] for run in table["rows"][name]["runs"]]
        axis.plot(runs, [i] * len(runs), "^", color=palette.FAKE, alpha=0.6, ms=7)
        axis.plot([100 * table["rows"][name][key][1]] * 2, [i - 0.3, i + 0.3], color="0.2", lw=2)
    real = 100 * table["rows"]["real"][key][1]
    axis.axvline(real, color=palette.REAL, lw=1.5, label="● real digits, half against half")
    axis.set(title=key, xlabel="percent", xlim=(-3, 103))
axes[0].set_yticks(range(len(names)), [table["rows"][name]["title"] for name in names])
axes[0].invert_yaxis()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
figure.suptitle("Each rule tried without: ▲ one run, line: the middle one")
show(figure, alt="Two dot charts with one line for each trial; triangles are single runs. "
     + " ".join(f"{table['rows'][n]['title']}: middle {100 * table['rows'][n]['believable'][1]:.0f} percent "
                f"believable and {100 * table['rows'][n]['covered'][1]:.0f} percent covered." for n in names))

# %%
rows = picture_rows()
figure, axes = plt.subplots(len(names), 1, figsize=(6.4, 8.4), layout="constrained")
for axis, name in zip(axes, names, strict=True):
    axis.imshow(torch.cat(list(rows[name][:8]), dim=1), cmap="gray", vmin=0, vmax=255,
                interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    title = table["rows"][name]["title"]
    axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
figure.suptitle("▲ Eight fakes of each trial, all from the same z, with seed 0")
show(figure, alt="Thirteen rows of eight generated images, one row for each trial. Most rows show shapes "
     "like digits. With BatchNorm at the edges too they are pale, on grey ground; with a hidden linear layer, "
     "and with all five rules broken, all eight are one and the same blur.")

# %% [markdown]
# Some rows of the picture deserve numbers: how much do twelve images of a row differ, and how bright is
# the background? (Pixels from −1, black, to 1, white.)

# %%
real_digits = load_images("digits").take(torch.arange(12))
for title, pictures in {
    "● twelve real digits": real_digits[:, 0],
    **{table["rows"][n]["title"]: rows[n] / 127.5 - 1 for n in ("dcgan", "norm_edges", "hidden_linear", "no_rule")},
}.items():
    corner = pictures[:, :4, :4].mean()
    print(f"{title:<34} spread over the twelve {pictures.std(dim=0).mean():.2f}, corner {corner:+.2f}")

# %% [markdown]
# What this says, for small grey digits, a small pair and 20 epochs (1,120 steps):
#
# - **BatchNorm matters (rule 2), and so does where it stands.** Without it, in both or in one of the two,
#   G covers much less. And the exception in the rule is no footnote: with BatchNorm at G's output and on
#   D's first layer too, no fake is believable; in the picture even the background stays
#   grey. (We tried both edges at once, not each alone.)
# - **A hidden linear layer ruins the pair (rule 3).** G draws the same blur for every z.
# - **Strides, tanh, LeakyReLU in D (rules 1, 4, 5): no harm to be seen without them here.** Repeating pixels
#   in G did, if anything, a little better than transposed convolutions. LeakyReLU in G: look at the dots, and say
#   whether these few runs can tell.
# - **PyTorch's own start** covers somewhat less than the paper's.
#
# And it says something about measuring. The blur of the hidden linear layer counts as *believable* in part:
# a mean of many digits is not far from any of them. Only *covered* sees through it. One number is never
# enough for a GAN.
#
# Then are the other rules superstition? No: they were found on larger networks and on photographs, and our
# trials do not reach there. What they do say: a rule that is repeated everywhere may still make no
# difference for *your* problem, and the way to know is to try, with more than one seed.

# %% [markdown]
# ## 9. X-ray
#
# What does a single channel do? In this lab you choose one of the trained generator's maps, see what it
# holds, and switch it off or turn it up. First the guess; then look for three things:
#
# 1. the strongest channel of the 16×16 layer: what is drawn with it, in *all* images?
# 2. a channel of the 4×4 layer, turned up to 10: does it add a line, or change the plan?
# 3. the lattice in the difference, with the 16×16 layer: those are the stamps of kernel 4 and stride 2.

# %%
xray = GenXray()
xray

# %% [markdown]
# Here is a still picture of the lab, with the strongest channel of the 16×16 layer switched off.

# %%
opened = GenXray(layer=2, revealed=True)
opened.choose_strongest()
show(opened.draw().image(scale=1), alt=opened.alt_text())

# %% tags=["nbval-check-output"]
means = [opened.xray.effects(layer).mean().item() for layer in range(3)]
print("layers by what one channel changes, weakest first:",
      [f"{opened.xray.sizes[i]}×{opened.xray.sizes[i]}" for i in sorted(range(3), key=means.__getitem__)])

# %% [markdown]
# One of 128 early channels hardly matters: the others make up for it, and the BatchNorms behind it squeeze
# what is left. A late channel is one of only 32, and paints straight onto the image. That is no law, but
# it is what was measured here.

# %% [markdown]
# ## 10. What do you know now?

# %%
quiz("07_dcgan", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | G | z → 4×4 with many channels → each block doubles the size and halves the channels → tanh |
# | a block of G | `ConvTranspose2d(c, c // 2, 4, stride=2, padding=1, bias=False)`, `BatchNorm2d`, `ReLU` |
# | D | the mirror: `Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False)`, `BatchNorm2d`, `LeakyReLU(0.2)`, at the end a logit |
# | the edges | no BatchNorm at G's output and on D's first layer |
# | the stem | `Linear` and `ConvTranspose2d` on 1×1 are the same map |
# | parameters | most at the small end: the first transposed convolution |
# | work | the same in each hidden block |
# | start | weights N(0, 0.02), gamma N(1, 0.02), biases 0; by type, `Linear` included |
# | the rules | at this size BatchNorm matters, and where it stands, and a hidden linear layer ruins the pair; the others made no visible difference |
#
# In torch's own words:
# [torch.nn.ConvTranspose2d](https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html),
# [torch.nn.BatchNorm2d](https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html),
# [torch.nn.Unflatten](https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html),
# [torch.nn.init](https://pytorch.org/docs/stable/nn.init.html).
#
# The paper is *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
# Networks* (Radford, Metz and Chintala, 2015). Believable and covered are the *precision* of Kynkäänniemi
# and others (2019) and the *coverage* of Naeem and others (2020).
#
# **Now you.** [exercises/07_dcgan](../exercises/07_dcgan.ipynb): seven tasks, from shapes on paper to a
# generator for any size.
#
# **Next** [08 · Train a DCGAN](08_train_dcgan.ipynb): train this pair on real digits, and watch.
