# %% [markdown]
# # 14 · High resolution: growing, or all scales at once
#
# **After this lesson you can** say why large images are harder for a GAN, and measure it; write the four parts of
# ProGAN and its fade-in; write MSG-GAN's way of many scales; and judge a comparison of them by what it held equal.
#
# **Time** about 75 minutes · **Builds on** [07 · DCGAN](07_dcgan.ipynb) and
# [13 · Evaluation](13_evaluation.ipynb) · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# Two photographs come with scikit-learn, a temple and a dahlia. Random pieces of them are our training images.
# Here are three pieces, each at six sizes.

# %%
import time

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

from gan_course import fast_mode, palette
from gan_course.checks.parameters import whole_number
from gan_course.data import image_grid
from gan_course.data.images import to_floats
from gan_course.data.photo_crops import photo_crops
from gan_course.labs import FadeIn, GradientLadder, quiz, show
from gan_course.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    MSGGANDiscriminator,
    MSGGANGenerator,
    ProGANDiscriminator,
    ProGANGenerator,
)
from gan_course.models.progressive_layers import image_pyramid
from gan_course.training.ema import AveragedGenerator
from gan_course.trials import high_resolution as trial

_ = torch.manual_seed(0)

# %% tags=["parameters"]
STEPS = 100 if fast_mode() else 400  # of the short training in section 7

# %%
STEPS = whole_number("STEPS", STEPS, 20, 20_000)  # says what is wrong, if it will not do

# %%
three = to_floats(photo_crops(128, 5, seed=4).pixels)[[0, 1, 4]]
pyramid = image_pyramid(three, 6)  # 4, 8, ..., 128 pixels
figure, axes = plt.subplots(3, 6, figsize=(8.4, 4.4), layout="constrained")
for row, line in enumerate(axes):
    for axis, images in zip(line, pyramid, strict=True):
        axis.imshow(image_grid(images[row : row + 1], padding=0))
        axis.set(xticks=[], yticks=[])
        if row == 0:
            axis.set_title(f"{images.shape[-1]}×{images.shape[-1]}")
figure.suptitle("The same three images at six sizes")
show(
    figure,
    alt="Three pieces of photographs in six columns from 4x4 to 128x128 pixels. At 4 pixels there are only patches of colour; "
    "at 16 one sees where things are; leaves, petals and roof tiles show from 64 on.",
)

# %% [markdown]
# At 4×4 there is little to get wrong: where is it light, where dark? With each doubling comes finer detail, and all of it must
# fit what is there already. Both networks of this lesson follow from this picture. **ProGAN** learns the columns from
# left to right, one after the other. **MSG-GAN** learns all of them at once.
#
# ## 2. Guess first

# %%
quiz("14_high_resolution", "before")

# %% [markdown]
# ## 3. Why large images are harder, measured
#
# **First: D gets an easy game.** Take fakes that would be good if details did not count: real pieces, shrunk to 16×16 and
# enlarged again. Show D the real and the blurred ones at 16, 32 and 64 pixels, and let it learn for 100 steps. **Guess:** at which size
# will it tell them apart?

# %%
everything = to_floats(photo_crops(64, 400, seed=0).pixels)  # (400, 3, 64, 64)
blurred = F.interpolate(F.avg_pool2d(everything, 4), scale_factor=4)  # 16x16 and enlarged


def right_answers(size, steps=100):
    """The share of right answers of a D on images that it never saw."""
    torch.manual_seed(1)
    d = ProGANDiscriminator(size, 3, base_channels=4)  # all of it, nothing faded: see below
    optimizer = torch.optim.Adam(d.parameters(), 5e-3, betas=(0.5, 0.999))
    real, fake = (F.avg_pool2d(x, 64 // size) for x in (everything, blurred))
    for step in range(steps):
        rows = torch.arange(8) + step % 38 * 8  # images 0 to 303
        loss = F.softplus(-d(real[rows])).mean() + F.softplus(d(fake[rows])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return ((d(real[304:]) > 0).float().mean() + (d(fake[304:]) <= 0).float().mean()) / 2


for size in (16, 32, 64):
    print(f"{size}×{size}: {right_answers(size):.0%} right")

# %% [markdown]
# At 16×16 the two sets are the same images, so that no D can do better than chance. The larger they are, the more the details give
# the fakes away. A D that is sure teaches little (lesson 06), and it judges by the detail, while G
# has not yet learned where the sky is.
#
# **Second: the price.** One step of a DCGAN with the same number of channels at its last map:


# %%
def price(size, batch=4):
    """Seconds of one step, and the megabytes of all maps that the backward pass must keep."""
    g, d = DCGANGenerator(size, 3, 64, 8), DCGANDiscriminator(size, 3, 8)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
        d(g(torch.randn(batch, 64)))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        d(g(torch.randn(batch, 64))).mean().backward()
        seconds.append(time.perf_counter() - start)
    weights = sum(p.numel() for network in (g, d) for p in network.parameters())
    return min(seconds), sum(kept) / 1e6, weights


print("pixels   weights     kept for backward   forward and backward")
for size in (16, 32, 64, 128):
    seconds, megabytes, weights = price(size)
    print(f"{size:<6} {weights:>9,} {megabytes:>15.1f} MB {seconds * 1000:>18.0f} ms")

# %% [markdown]
# Twice the size is four times the pixels, and here also one more block that is twice as wide. Memory limits the batch: large images
# are often trained with few at a time, where BatchNorm's statistics become poor. Neither network of this lesson has a
# BatchNorm.
#
# **Third: a long way.** D's opinion starts at the pixels. To reach the block that decides where the sky is, it has to come back
# through all others. Section 8 measures that.
#
# ## 4. First part: equalised learning rate
#
# Adam moves each weight by about the learning rate, whether the weight is 1 or 0.01. By He's rule a wide layer starts with
# smaller weights than a narrow one: their standard deviation is $\sqrt{2/\text{fan\_in}}$. So the same rate moves the wide layer by a larger *share*.
#
# ProGAN's answer: store all weights as N(0, 1) and multiply at each use. **Guess:** what will the last column say?


# %%
class EqualizedConv2d(torch.nn.Conv2d):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0):
        super().__init__(in_channels, out_channels, kernel_size, padding=padding)
        torch.nn.init.normal_(self.weight)  # N(0, 1), whatever the size
        torch.nn.init.zeros_(self.bias)
        self.scale = (2 / (in_channels * kernel_size**2)) ** 0.5  # He's rule, at run time

    def forward(self, x):  # (N, in, H, W) -> (N, out, H, W)
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


def moved(layer, channels):
    """By which share Adam's first step changes the weights."""
    before = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.001)
    layer(torch.randn(2, channels, 8, 8)).square().mean().backward()
    optimizer.step()
    return ((layer.weight - before).norm() / before.norm()).item()


print("channels   He's rule   equalised")
for channels in (8, 32, 128, 512):
    plain = torch.nn.Conv2d(channels, 8, 3, padding=1)
    torch.nn.init.kaiming_normal_(plain.weight)
    equal = EqualizedConv2d(channels, 8, 3, padding=1)
    print(f"{channels:>8} {moved(plain, channels):>11.2%} {moved(equal, channels):>11.2%}")

# %% [markdown]
# With He's rule, a layer of 512 channels moves by about eight times the share of one with 8. Equalised, all move by the same share. (The rate must then be chosen anew: 0.001
# moves each weight by a tenth of a per cent.) In `gan_course/models/progressive_layers.py` the class has a gain, too.
#
# ## 5. Second part: pixel norm
#
# When G and D drive each other up, G's numbers can grow from layer to layer. BatchNorm would hold them, at the price that images depend
# on each other. Pixel norm holds each pixel by itself: its channels are divided by their root mean square.


# %%
def pixel_norm(x):  # (N, C, H, W) -> (N, C, H, W)
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


x = torch.randn(4, 16, 8, 8)
with_norm = without = x
for _ in range(6):
    layer = EqualizedConv2d(16, 16, 3, padding=1)
    layer.scale *= 1.5  # a G that is driven up: each layer half as strong again
    without = F.leaky_relu(layer(without), 0.2)
    with_norm = pixel_norm(F.leaky_relu(layer(with_norm), 0.2))
rms = [y.square().mean().sqrt().item() for y in (x, without, with_norm)]
print(f"root mean square: before {rms[0]:.2f}, after six layers {rms[1]:.2f}, with pixel norm {rms[2]:.2f}")

# %% [markdown]
# ## 6. Third part: minibatch standard deviation
#
# A D that looks at one image at a time can't see collapse: each single image may look fine. So tell it how different the
# images of the batch are: the standard deviation at each channel and place, averaged to one number, and laid beside the channels of D's last
# map.


# %% tags=["nbval-check-output"]
def minibatch_stddev(x):  # (N, C, H, W) -> (N, C + 1, H, W)
    spread = (x.var(dim=0, correction=0) + 1e-8).sqrt()  # over the images: (C, H, W)
    return torch.cat([x, spread.mean().expand(len(x), 1, *x.shape[2:])], dim=1)


different = torch.tensor([-1.0, 1.0, -1.0, 1.0]).view(4, 1, 1, 1).expand(4, 2, 4, 4)
alike = different[:1].expand(4, 2, 4, 4)
for name, batch in (("different", different), ("all alike", alike)):
    y = minibatch_stddev(batch)
    print(f"{name}: {tuple(batch.shape)} -> {tuple(y.shape)}, the new channel is {y[0, -1, 0, 0]:.4f}")

# %% [markdown]
# The 1e-8 is there because the root has no slope at 0: without it, a batch of copies would give a gradient of nan. (The package takes groups of four
# images, so that the number does not depend on the batch size.)
#
# ## 7. Fourth part: growing, and the fade-in
#
# Begin with 4×4. When that has settled, add a block to both networks that doubles the size, then the next. The new block's weights are random. If it
# took over at once, G would suddenly show noise, and D would throw away what it knows. So it is faded in: $\alpha$ goes from 0 to 1.
#
# $$\text{image} = (1-\alpha) \cdot \text{enlarge}(\text{old}) + \alpha \cdot \text{new}$$
#
# D does the mirror image of it. Here $\alpha = 1$ is *the new branch only*, as in the paper. The authors' code has it the other way round: there a number called
# `lod` falls, and its fraction is the old branch's share. Mind that when you read other code.

# %% tags=["nbval-check-output"]
generator = ProGANGenerator(image_size=32, image_channels=3, latent_dim=64, base_channels=4)
discriminator = ProGANDiscriminator(image_size=32, image_channels=3, base_channels=4)
z = torch.randn(4, 64)
with torch.no_grad():
    for level in range(generator.levels):
        images = generator(z, level=level)  # alpha is 1
        logits = discriminator(images, level=level)
        print(f"level {level}: z {tuple(z.shape)} -> {tuple(images.shape)} -> logits {tuple(logits.shape)}")

# %% [markdown]
# The schedule: settle, fade, settle, fade. `growth` is the one of the recorded comparison below.

# %%
shares = torch.linspace(0, 1, 400).tolist()
grown = [trial.growth(share, 4) for share in shares]
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
axis.plot(shares, [4 * 2**level for level, _ in grown], color=palette.GENERATOR, label="size of the image")
axis.set_yscale("log", base=2)
axis.set(title="How a 64×64 ProGAN grows", xlabel="share of the images seen", ylabel="pixels")
axis.set_yticks([4, 8, 16, 32, 64], ["4", "8", "16", "32", "64"])
other = axis.twinx()
other.plot(shares, [alpha for _, alpha in grown], ":", color="0.35", label="α")
other.set(ylabel="α (dotted)", ylim=(-0.05, 1.4), yticks=(0, 0.5, 1))
figure.legend(loc="outside lower center", ncols=2)
show(
    figure,
    alt="A staircase from 4 to 64 pixels over the share of images seen; it ends at 0.6. A dotted line shows alpha, which rises from "
    "0 to 1 on the first half of each step and then stays at 1.",
)

# %% [markdown]
# Now in earnest, but short (half a minute or so): the first three levels, 4×4 to 16×16. The loss is the non-saturating one with an R1
# penalty (lesson 09), and `train_step` of `gan_course/trials/high_resolution.py` does one step of each player.

# %%
row = trial.ROWS["progan"]
small = photo_crops(32, 400, seed=0)
optimizers = [torch.optim.Adam(n.parameters(), row.rate, row.betas) for n in (generator, discriminator)]
averaged = AveragedGenerator(generator)  # lesson 08: steadier than any single step
shown, step, epoch, began = {}, 0, 0, time.perf_counter()
while step < STEPS:
    for images_real in small.batches(8, seed=0, epoch=epoch):
        level, alpha = trial.growth(step / STEPS, 2)  # at most level 2: 16x16
        where, penalty = (level, alpha), step % trial.R1_EVERY == 0
        trial.train_step(row, generator, discriminator, *optimizers, images_real, where, penalty)
        step += 1
        averaged.update(generator, 8, images_seen=step * 8)
        if alpha == 1:
            shown[level] = averaged.model.generate(8, torch.Generator().manual_seed(0), level=level)
        if step == STEPS:
            break
    epoch += 1
print(f"{STEPS} steps in {time.perf_counter() - began:.0f} s")

# %%
figure, axes = plt.subplots(len(shown), 1, figsize=(7, 3.2), layout="constrained")
for axis, (level, images) in zip(axes, shown.items(), strict=True):
    axis.imshow(image_grid(F.interpolate(images, size=64), columns=8))
    axis.set(xticks=[], yticks=[], ylabel=f"{4 * 2**level}×{4 * 2**level}")
axes[0].set_title("The same eight z, at the end of each level")
show(
    figure,
    alt="Three rows of eight images, at 4x4, 8x8 and 16x16 pixels: coarse patches of colour that get finer from row to row.",
)

# %% [markdown]
# So few steps give patches of colour, no more. The lab takes this generator. Its block for 32×32 has not been trained at all: so it is just in the
# state in which a block is added.

# %%
FadeIn(averaged.model, level=3)

# %% [markdown]
# To the last bit:

# %% tags=["nbval-check-output"]
with torch.no_grad():
    old = F.interpolate(generator(z, level=1), scale_factor=2)
    print("alpha 0 is the old image, enlarged:", torch.equal(generator(z, level=2, alpha=0.0), old))

# %% [markdown]
# Look at the work, too. A block with twice the size has half the channels: four times as many pixels, a quarter of the weights, so as many
# multiplications as the one before: see *Work per image* in the lab, where only the first block is cheaper. That is why growing saves time: while the images
# are small, there are few blocks.
#
# ## 8. All scales at once: MSG-GAN
#
# Growing has its own troubles: a schedule to be chosen for each size, learning rates that suit one size and not the next, layers that
# know a job and must learn it anew. MSG-GAN does without. G has the same layers, and each of its maps hands out an image, from the start. D takes
# all of them: whenever its map has shrunk to the size of an image, that image is laid beside it.

# %% tags=["nbval-check-output"]
msg_g = MSGGANGenerator(image_size=32, image_channels=3, latent_dim=64, base_channels=4)
msg_d = MSGGANDiscriminator(image_size=32, image_channels=3, base_channels=4)
with torch.no_grad():
    images = msg_g(z)
    print("G gives", [tuple(image.shape) for image in images])
    x = msg_d.from_image(images[-1])
    for block, image in zip(reversed(msg_d.blocks), reversed(images[:-1]), strict=True):
        x = torch.cat([block(x), image], dim=1)
        print(f"D: map and image of {image.shape[-1]} pixels side by side: {tuple(x.shape)}")
    print("logits", tuple(msg_d.to_logit(x).squeeze(1).shape))

# %% [markdown]
# So the first block hears what D thinks of its 4×4 image *directly*, besides what comes back through all other blocks. Cut the largest image off, and see who
# still learns:


# %%
def first_gradient(g, logits):
    """How strong the gradient is that reaches the first layer of G."""
    g.zero_grad()
    if not logits.requires_grad:
        return 0.0
    F.softplus(-logits).mean().backward()
    gradient = g.stem[1].weight.grad
    return 0.0 if gradient is None else gradient.norm().item()


msg_d.requires_grad_(False), discriminator.requires_grad_(False)
print(f"multi-scale, all images:      {first_gradient(msg_g, msg_d(msg_g(z))):.5f}")
*smaller, largest = msg_g(z)
print(f"multi-scale, largest cut off: {first_gradient(msg_g, msg_d([*smaller, largest.detach()])):.5f}")
print(f"one image, cut off:           {first_gradient(generator, discriminator(generator(z).detach())):.5f}")

# %%
GradientLadder()

# %% [markdown]
# ## 9. The fair comparison
#
# Which of the three is better? The answer hangs on what is held equal, so here are both: as many *images*, and about as many
# *seconds*. Four rows, for ProGAN differs from DCGAN in two things: its layers, and that it grows. The row between has the layers and does not grow.
#
# There is no classifier for pieces of photographs, so the measure is ProGAN's own. A Laplacian pyramid splits each image into what is there at 16 pixels and
# the *new* detail at 32 and at 64. From each of the three come patches of 7×7 pixels; along 256 random directions the patches of real images and fakes are sorted and paired. The
# mean distance of the pairs is the **sliced Wasserstein distance**. 0 would be perfect; real images against other real ones get the floor.

# %%
record = trial.recorded()


def comparison(size):
    table = record["sizes"][str(size)]
    scales = list(table["floor"])
    several = table["seeds"] > 1
    print(f"{size}×{size}, {table['seeds']} {'seeds' if several else 'seed'}; the distance at each scale", end="")
    print(": mean (least to greatest)" if several else "")
    width = 19 if several else 10
    print("    " + "".join(f"{s + ' px':<{width}}" for s in scales))
    print("real against other real images")
    print("    " + "".join(f"{v:<{width}.2f}" for v in table["floor"].values()))
    for name, row in table["rows"].items():
        last = [run["moments"][-1] for run in row["runs"]]
        rows = [("", last)]
        if name == "dcgan":
            same = record["sizes"][str(size)]["rows"]["msg"]["runs"][0]["moments"][-1]["images"]
            early = [next(m for m in run["moments"] if m["images"] == same) for run in row["runs"]]
            rows = [(", as many images", early), (", as many seconds", last)]
        for words, moments in rows:
            seconds = sum(m["seconds"] for m in moments) / len(moments)
            print(f"{row['title'] + words}: {moments[0]['images']:,} images in {seconds:.0f} seconds")
            line = "    "
            for s in scales:
                values = [m["distance"][s] for m in moments]
                spread = f" ({min(values):.2f}–{max(values):.2f})" if several else ""
                line += f"{sum(values) / len(values):.2f}{spread}".ljust(width)
            print(line)


comparison(64)

# %% [markdown]
# The command that measures it again is `python -m gan_course.trials.high_resolution`. The seconds are the processor's, of one core. And the images of
# the first seed, whatever they are:


# %%
def strip(size):
    figure, axis = plt.subplots(figsize=(8, 6.2), layout="constrained")
    axis.imshow(trial.picture(size))
    middles = [size * (i + 0.5) for i in range(len(trial.PICTURED))]
    axis.set_yticks(middles, [name.replace(", ", ",\n") for name in trial.PICTURED])
    axis.set(xticks=[], title=f"Eight images of each, {size}×{size}, seed 0")
    return figure


show(
    strip(64),
    alt="Six rows of eight images. The real ones show petals, leaves, roofs and sky. Those of the networks show patches of their colours, "
    "with different textures; none could be taken for a photograph.",
)

# %% [markdown]
# Read the table by what is equal.
#
# - **As many images:** ProGAN's layers, at full size from the start, are ahead of DCGAN on average at all three scales, and most in the finest details. At
#   32 and 64 pixels even their worst seed is ahead of its best one; at 16 the ranges overlap. They also took three times its seconds.
# - **As many seconds:** four times the images brought DCGAN a little closer at 32 pixels, and at 16 in two of three seeds: the third had gone astray by
#   then. Its finest details have become *worse*: that is the checkerboard that you see in its row (lesson 02).
# - **Growing**, alone: compare the two rows with the same layers. Growing took about 30 % fewer seconds for as many images, and was behind on average at
#   every scale. But at every scale the ranges of the seeds overlap.
# - **MSG-GAN** is level with these layers at 16 pixels, and behind them on average at 32 and 64, where the ranges overlap, too.
#
# And look at the images. DCGAN has found petals, leaves and sky, behind a checkerboard. The full-size layers have smooth patches in the right colours. In
# growing's row there are patterns like petals in stains; MSG-GAN's colours lie partly outside of [−1, 1] and are clipped, for these networks have no tanh.
# None of them is trained to the end.

# %% [markdown]
# At 128×128 an image costs two and a half to four times as many seconds, so here is one seed only, with fewer images:

# %%
comparison(128)
show(
    strip(128),
    alt="Six rows of eight larger images. The real ones show petals, leaves, roofs and sky. Those of the networks show patches of "
    "the photographs' colours, some with stripes or a grid; none could be taken for a photograph.",
)

# %% [markdown]
# 2,400 images are next to nothing: MSG-GAN has found one pink, and only DCGAN, with six times the images in about as many seconds, shows clouds of the right
# colours. This table tells the *price* of 128 pixels. It does not tell which network is the best there.

# %% [markdown]
# What may one conclude, and what not? These runs are *short*: the papers train for days, on tens of thousands of photographs. With so few seeds, a difference that is smaller than the spread
# between seeds says nothing. And each row has learning rates of its own: we chose them after a few trials, DCGAN's as in lesson 08.
#
# ## 10. What do you know now?

# %%
quiz("14_high_resolution", "after")

# %% [markdown]
# ## Summary
#
# | part | what it does | its trap |
# |---|---|---|
# | equalised learning rate | weights stored near 1, scaled at each use: all layers move by the same share | choose the rate anew |
# | pixel norm | each pixel's channels get a mean square of 1 | over the channels, not over the image |
# | minibatch standard deviation | one number tells D how different the batch is | 1e-8 under the root; groups must fit the batch |
# | fade-in | a new block comes in softly, in G and in D | which way does α run? real images fade, too |
# | MSG-GAN | G gives and D takes an image at every size | D needs G's own small images, not shrunk ones |
# | sliced Wasserstein distance | patches at each scale, no classifier needed | look at all scales, and at the floor |
# | fair | equal images *and* equal seconds, the same seeds, one change at a time | short runs say little about long ones |
#
# In torch's own words: [torch.nn.functional.interpolate](https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html),
# [torch.nn.functional.avg_pool2d](https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html),
# [torch.lerp](https://pytorch.org/docs/stable/generated/torch.lerp.html),
# [torch.nn.init.kaiming_normal_](https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.kaiming_normal_).
#
# From the papers: *Progressive Growing of GANs for Improved Quality, Stability, and Variation* (Karras and others, 2018); *MSG-GAN:
# Multi-Scale Gradients for Generative Adversarial Networks* (Karnewar and Wang, 2020); *Delving Deep into Rectifiers* (He and
# others, 2015), for the scale.
#
# **Now you.** [exercises/14_high_resolution](../exercises/14_high_resolution.ipynb): six tasks, from pixel norm to a
# discriminator for all sizes.
#
# **Next** [15 · Style transfer](15_style_transfer.ipynb): a picture painted like another.
