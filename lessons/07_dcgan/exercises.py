# %% [markdown]
# # Exercises 07 · DCGAN
#
# **After these you can** write down the shapes and the parameters of a DCGAN of any size, build its
# blocks and start them as the paper does, and see which rule a network breaks.
#
# **Time** about 85 minutes in all · **Builds on** [lesson 07](../notebooks/07_dcgan.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like. Stuck? Open a hint. Still stuck? Every task is
# solved in [solutions](../solutions/07_dcgan.ipynb).

# %%
import torch
from torch import nn

from gan_course.arithmetic import trace_shapes
from gan_course.checks import dcgan as check

# %% [markdown]
# ## Task 1 · The shapes in D
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 5 of the lesson
#
# A DCGAN discriminator takes images of `image_channels` × `image_size` × `image_size`; the size is 16,
# 32, 64 or 128. Its first layer makes `base_channels` maps of half the size. Each layer after it halves
# the size again and doubles the channels, until the maps are 4×4.
#
# Return the shapes as a list of tuples (channels, height, width): the image first, the 4×4 maps last.
#
# Expected: `discriminator_shapes(16, 3, 8)` is `[(3, 16, 16), (8, 8, 8), (16, 4, 4)]`.
#
# <details><summary>Hint 1</summary>
#
# Keep two numbers, `channels` and `size`, and change both in a loop.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The image goes into the list before the loop. In the loop, append first, then double and halve; go on
# while `size` is at least 4.
# </details>

# %% tags=["exercise"]
def discriminator_shapes(image_size, image_channels, base_channels):
    """Shapes (C, H, W) of the image and after each convolution of D, down to 4×4."""
    ### BEGIN SOLUTION
    shapes = [(image_channels, image_size, image_size)]
    channels, size = base_channels, image_size // 2
    while size >= 4:
        shapes.append((channels, size, size))
        channels, size = 2 * channels, size // 2
    return shapes
    ### END SOLUTION


# %% tags=["check"]
check.discriminator_shapes(discriminator_shapes)

# %% [markdown]
# ## Task 2 · Count G
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** sections 3 and 6 of the lesson
#
# How many parameters has a DCGAN generator? Its stem is a linear layer from `latent_dim` numbers to
# `base_channels * image_size // 8` maps of 4×4. Each block doubles the size and halves the channels, until
# `base_channels` maps are left; the last layer makes the image of them. Stem and blocks have no bias, but
# a BatchNorm each. The last layer has a bias and no BatchNorm.
#
# Do not build it: compute.
#
# Expected: `generator_parameters(64, 3, 100, 64)` is `3576707`.
#
# <details><summary>Hint 1</summary>
#
# Three kinds of terms: the stem, latent_dim · channels · 16; a transposed convolution with kernel 4,
# in · out · 16; a BatchNorm, 2 for each of its channels.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Begin with the stem and its BatchNorm. Then loop while `channels > base_channels`: add the block from
# `channels` to `channels // 2` and its BatchNorm, and halve. After the loop add the last layer.
# </details>

# %% tags=["exercise"]
def generator_parameters(image_size, image_channels, latent_dim, base_channels):
    """How many numbers a DCGAN generator learns."""
    ### BEGIN SOLUTION
    channels = base_channels * image_size // 8
    total = latent_dim * channels * 4 * 4 + 2 * channels  # the stem and its BatchNorm
    while channels > base_channels:
        half = channels // 2
        total += channels * half * 4 * 4 + 2 * half  # a block and its BatchNorm
        channels = half
    return total + channels * image_channels * 4 * 4 + image_channels  # the last layer, with a bias
    ### END SOLUTION


# %% tags=["check"]
check.generator_parameters(generator_parameters)

# %% [markdown]
# ## Task 3 · Write a block of G
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# Return an `nn.Sequential` that turns maps of (N, in_channels, H, W) into maps of
# (N, out_channels, 2H, 2W), as DCGAN does: kernel 4, BatchNorm, ReLU, and no bias that does nothing.
#
# <details><summary>Hint 1</summary>
#
# Three layers: `nn.ConvTranspose2d`, `nn.BatchNorm2d`, `nn.ReLU`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# (n − 1) · stride − 2 · padding + kernel_size has to be 2n. With kernel 4 that leaves stride 2 and
# padding 1. The argument for the bias is called `bias`.
# </details>

# %% tags=["exercise"]
def up_block(in_channels, out_channels):
    """(N, in_channels, H, W) -> (N, out_channels, 2H, 2W)."""
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.ConvTranspose2d(
            in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
    ### END SOLUTION


# %% tags=["check"]
check.up_block(up_block)

# %% [markdown]
# ## Task 4 · From one stem to the other
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** section 4 of the lesson
#
# You have a checkpoint with a linear stem, and a program that wants the paper's. `linear` is an
# `nn.Linear(latent_dim, channels * 4 * 4, bias=False)`; behind it stands
# `nn.Unflatten(1, (channels, 4, 4))`. Return an `nn.ConvTranspose2d` that makes the same maps of z in the
# shape (N, latent_dim, 1, 1).
#
# <details><summary>Hint 1</summary>
#
# The layer is `nn.ConvTranspose2d(linear.in_features, channels, 4, bias=False)`. Print the shapes of its
# weight and of `linear.weight`: how does one come from the other?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `linear.weight` is (out, in), and out runs over channels, then rows, then columns. Put `in` first, then
# split `out` with `reshape`. Copy inside `with torch.no_grad():`.
# </details>

# %% tags=["exercise"]
def conv_stem(linear, channels):
    """The nn.ConvTranspose2d that makes the same (N, channels, 4, 4) maps as this linear stem."""
    ### BEGIN SOLUTION
    stem = nn.ConvTranspose2d(linear.in_features, channels, kernel_size=4, bias=False)
    with torch.no_grad():
        stem.weight.copy_(linear.weight.T.reshape(linear.in_features, channels, 4, 4))
    return stem
    ### END SOLUTION


# %% tags=["check"]
check.conv_stem(conv_stem)

# %% [markdown]
# ## Task 5 · Start like the paper
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 7 of the lesson
#
# Draw the parameters of a model again, in place:
#
# - weights of `nn.Conv2d`, `nn.ConvTranspose2d` and `nn.Linear` from a normal distribution with mean 0
#   and standard deviation 0.02; their biases, where there are any, are 0;
# - weights of `nn.BatchNorm2d` from a normal distribution with mean 1 and standard deviation 0.02; their
#   biases are 0.
#
# The layers may lie inside other layers. Nothing has to be returned.
#
# <details><summary>Hint 1</summary>
#
# `for module in model.modules():` walks through all layers, the nested ones too. Ask for the type with
# `isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `nn.init.normal_(tensor, mean, std)` and `nn.init.zeros_(tensor)` work in place. Without a bias
# `module.bias` is None.
# </details>

# %% tags=["exercise"]
def init_all(model):
    """Draw every parameter of the model as the DCGAN paper does, in place."""
    ### BEGIN SOLUTION
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    ### END SOLUTION


# %% tags=["check"]
check.init_all(init_all)

# %% [markdown]
# ## Task 6 · Which rule is broken?
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 8 of the lesson
#
# Eight pieces of networks. Write the number of the rule that each breaks, 1 to 5, or 0 if it keeps all of
# them. The rules: 1 no pooling, sizes change by strides; 2 BatchNorm, but not at G's output and on D's
# first layer; 3 no hidden linear layers; 4 ReLU in G, tanh at its end; 5 LeakyReLU in D.
#
# | | piece |
# |---|---|
# | 1 | D begins: `Conv2d(3, 64, 3, padding=1)`, `LeakyReLU(0.2)`, `MaxPool2d(2)` |
# | 2 | a block of G: `ConvTranspose2d(256, 128, 4, 2, 1, bias=False)`, `BatchNorm2d(128)`, `ReLU()` |
# | 3 | G ends: `ConvTranspose2d(64, 3, 4, 2, 1)`, `BatchNorm2d(3)`, `Tanh()` |
# | 4 | D ends: `Flatten()`, `Linear(8192, 1024)`, `LeakyReLU(0.2)`, `Linear(1024, 1)` |
# | 5 | a block of D: `Conv2d(64, 128, 4, 2, 1, bias=False)`, `BatchNorm2d(128)`, `ReLU()` |
# | 6 | a block of G: `ConvTranspose2d(256, 128, 4, 2, 1, bias=False)`, `BatchNorm2d(128)`, `Tanh()` |
# | 7 | D ends: `Flatten()`, `Linear(8192, 1)` |
# | 8 | a block of G: `Upsample(scale_factor=2)`, `Conv2d(256, 128, 3, padding=1, bias=False)`, `BatchNorm2d(128)`, `ReLU()` |
#
# <details><summary>Hint 1</summary>
#
# A layer is hidden if others with weights stand on both sides of it. D's last layer is not hidden.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Two of them keep all the rules. For the others ask: who changes the size? Where does a BatchNorm stand?
# Which activation, and in which of the two networks?
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_rules = [..., ..., ..., ..., ..., ..., ..., ...]
my_rules = [1, 0, 2, 3, 5, 4, 0, 1]
### END SOLUTION

# %% tags=["check"]
check.broken_rules(my_rules)

# %% [markdown]
# ## Task 7 · A generator for any size
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** tasks 2 and 3
#
# Write the generator whose parameters you counted in task 2: for image sizes 16, 32, 64 and 128, from z
# of shape (N, latent_dim) to images (N, image_channels, image_size, image_size) in [−1, 1]. It keeps all
# five rules.
#
# <details><summary>Hint 1</summary>
#
# Begin with a list: the linear layer, `nn.Unflatten(1, (channels, 4, 4))`, BatchNorm, ReLU. A loop
# appends `up_block(channels, channels // 2)` of task 3.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The loop runs while `channels > base_channels`, as in task 2. After it come the last
# `nn.ConvTranspose2d` and `nn.Tanh()`. `nn.Sequential(*layers)` makes a network of a list.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `trace_shapes(any_generator(128, 3, 100, 16), (1, 100))` shows every shape.
# </details>

# %% tags=["exercise"]
def any_generator(image_size, image_channels, latent_dim, base_channels):
    """A DCGAN generator: z (N, latent_dim) -> images (N, C, image_size, image_size) in [-1, 1]."""
    ### BEGIN SOLUTION
    channels = base_channels * image_size // 8
    layers = [
        nn.Linear(latent_dim, channels * 4 * 4, bias=False),
        nn.Unflatten(1, (channels, 4, 4)),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
    while channels > base_channels:
        layers.append(up_block(channels, channels // 2))
        channels = channels // 2
    layers.append(nn.ConvTranspose2d(channels, image_channels, 4, stride=2, padding=1))
    layers.append(nn.Tanh())
    return nn.Sequential(*layers)
    ### END SOLUTION


# %% tags=["check"]
check.any_generator(any_generator)

# %% [markdown]
# Look at yours for images of 128×128, with `base_channels=16`: what is the shape after each layer, and how
# many parameters has it?

# %%
try:
    print(trace_shapes(any_generator(128, 3, 100, 16), (1, 100)))
except NotImplementedError as unwritten:
    print(unwritten)

# %% [markdown]
# ## Done
#
# You have built everything that `gan_course/models/dcgan.py` and `init.py` are made of.

# %%
from gan_course.checks import progress

progress.table()
