# %% [markdown]
# # Exercises 14 · High resolution
#
# **After these you can** write the parts that ProGAN and MSG-GAN are made of, and the schedule by which one
# of them grows.
#
# **Time** about 75 minutes in all · **Builds on** [lesson 14](../notebooks/14_high_resolution.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/14_high_resolution.ipynb).

# %%
import math

import torch
import torch.nn.functional as F

from gan_course.checks import high_resolution as check

# %% [markdown]
# ## Task 1 · Pixel norm
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 5 of the lesson
#
# Divide the channels of each pixel by the root of their mean square. `x` has the shape (N, C, H, W), and so has the
# result. Add 1e-8 before the root.
#
# Expected: a pixel with the channels 3 and 4 becomes 0.849 and 1.131, for the root of (9 + 16) / 2 is 3.54.
#
# <details><summary>Hint 1</summary>
#
# The channels are dimension 1. `keepdim=True` keeps it, so that the division fits.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `x.square().mean(dim=1, keepdim=True)` is the mean square: (N, 1, H, W).
# </details>

# %% tags=["exercise"]
def pixel_norm(x):
    """(N, C, H, W) -> (N, C, H, W)."""
    ### BEGIN SOLUTION
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    ### END SOLUTION


# %% tags=["check"]
check.pixel_norm(pixel_norm)

# %% [markdown]
# ## Task 2 · Equalised learning rate
#
# **Difficulty** ●●●○○ · **Time** about 12 minutes · **You need** section 4 of the lesson
#
# A convolution whose weights are stored as numbers near 1. At each use they are multiplied by
# $\sqrt{2 / \text{fan\_in}}$, where fan_in is how many numbers go into one number of the output. `weight` has the shape
# (out, in, k, k) with an odd k; pad so that the image keeps its size. The bias is added as it is.
#
# Expected: with a 1×1 kernel, 2 channels, weights of 1 and a bias of 0, an image of ones becomes an image of twos:
# the factor is $\sqrt{2/2}$.
#
# <details><summary>Hint 1</summary>
#
# fan_in is in · k · k. `weight[0]` holds just the weights of one output channel.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `F.conv2d(x, weight * factor, bias, padding=...)`, with half the kernel, rounded down.
# </details>

# %% tags=["exercise"]
def equalized_conv(x, weight, bias):
    """(N, in, H, W) -> (N, out, H, W)."""
    ### BEGIN SOLUTION
    factor = math.sqrt(2 / weight[0].numel())
    return F.conv2d(x, weight * factor, bias, padding=weight.shape[-1] // 2)
    ### END SOLUTION


# %% tags=["check"]
check.equalized_conv(equalized_conv)

# %% [markdown]
# ## Task 3 · Minibatch standard deviation
#
# **Difficulty** ●●●○○ · **Time** about 12 minutes · **You need** section 6 of the lesson
#
# Take the whole batch as one group. At each channel and place: the standard deviation over the images (divided by N, and
# 1e-8 added before the root). Then the mean of all of these: one number. Lay it beside the channels of `x` as one more
# channel, the same number everywhere.
#
# Expected: for a batch of copies the new channel is 0.0001, the root of 1e-8.
#
# <details><summary>Hint 1</summary>
#
# `x.var(dim=0, correction=0)` compares the images with each other: (C, H, W).
# </details>
#
# <details><summary>Hint 2</summary>
#
# `value.expand(N, 1, H, W)` makes a map of one number, and `torch.cat([x, ...], dim=1)` lays it beside x.
# </details>

# %% tags=["exercise"]
def minibatch_stddev(x):
    """(N, C, H, W) -> (N, C + 1, H, W)."""
    ### BEGIN SOLUTION
    spread = (x.var(dim=0, correction=0) + 1e-8).sqrt()  # (C, H, W)
    return torch.cat([x, spread.mean().expand(len(x), 1, *x.shape[2:])], dim=1)
    ### END SOLUTION


# %% tags=["check"]
check.minibatch_stddev(minibatch_stddev)

# %% [markdown]
# ## Task 4 · Fade in
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 7 of the lesson
#
# `old` is the image that the old layers make, `new` that of the new block: it has twice the height and width. Enlarge the old one by
# making four equal pixels of each, and blend: at `alpha` 0 only the old one is left, at 1 only the new one.
#
# Expected: old black (−1), new white (1), alpha 0.25: every pixel is −0.5.
#
# <details><summary>Hint 1</summary>
#
# `F.interpolate(old, scale_factor=2, mode="nearest")`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The two weights are 1 − alpha and alpha. `torch.lerp` does the same.
# </details>

# %% tags=["exercise"]
def fade_in(old, new, alpha):
    """(N, C, H, W), (N, C, 2H, 2W), a number -> (N, C, 2H, 2W)."""
    ### BEGIN SOLUTION
    return (1 - alpha) * F.interpolate(old, scale_factor=2, mode="nearest") + alpha * new
    ### END SOLUTION


# %% tags=["check"]
check.fade_in(fade_in)

# %% [markdown]
# ## Task 5 · The schedule
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 7 of the lesson
#
# Training is cut into phases of `phase` images. Phase 0: level 0, alpha 1. Phase 1: level 1 fades in, alpha rises evenly from 0
# to 1. Phase 2: level 1, alpha 1. Phase 3: level 2 fades in, and so on, until the top level is in. After that nothing
# changes any more. Return the level and alpha after `images_seen` images.
#
# Expected, with phases of 100 and top level 2: 50 → (0, 1.0); 100 → (1, 0.0); 150 → (1, 0.5); 250 → (1, 1.0); 310 → (2, 0.1);
# 999 → (2, 1.0).
#
# <details><summary>Hint 1</summary>
#
# `images_seen // phase` is the number of the phase, `images_seen % phase` how far it has come.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Odd phases fade in. In phase n the level is (n + 1) // 2. From phase 2 · top_level on it is (top_level, 1.0).
# </details>

# %% tags=["exercise"]
def growth_schedule(images_seen, phase, top_level):
    """Whole numbers -> (level, alpha)."""
    ### BEGIN SOLUTION
    number = images_seen // phase
    if number >= 2 * top_level:
        return top_level, 1.0
    level = (number + 1) // 2
    if number % 2 == 1:
        return level, images_seen % phase / phase
    return level, 1.0
    ### END SOLUTION


# %% tags=["check"]
check.growth_schedule(growth_schedule)

# %% [markdown]
# ## Task 6 · A discriminator for all sizes
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** section 8 of the lesson
#
# `images` is a list of G's images of all sizes, the smallest first. `blocks` are D's blocks in the order of their work: each halves the
# size. Start with the largest image; after each block lay the image of that size beside the map, behind its channels. Return
# the last map, with the smallest image beside it. The gradient must come back to every image.
#
# Expected: with two images of 3 channels (4×4 and 8×8) and one block that gives 5 channels: (N, 8, 4, 4).
#
# <details><summary>Hint 1</summary>
#
# `images[-1]` is the largest, and `reversed(images[:-1])` gives the others, the largest of them first.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For each block and image together: `x = block(x)`, then `torch.cat([x, image], dim=1)`.
# </details>

# %% tags=["exercise"]
def discriminate_all(images, blocks):
    """A list of (N, C, s, s), a list of blocks -> the last map (N, C', 4, 4)."""
    ### BEGIN SOLUTION
    x = images[-1]
    for block, image in zip(blocks, reversed(images[:-1]), strict=True):
        x = torch.cat([block(x), image], dim=1)
    return x
    ### END SOLUTION


# %% tags=["check"]
check.discriminate_all(discriminate_all)

# %% [markdown]
# ## Done
#
# You have written the parts of ProGAN and of MSG-GAN that make large images possible.

# %%
from gan_course.checks import progress

progress.table()
