# %% [markdown]
# # Exercises 05 · Your first two networks
#
# **After these you can** count a network on paper, mend a shape that does not fit, and write a small
# generator and a small tracer yourself.
#
# **Time** about 70 minutes in all · **Builds on** [lesson 05](../notebooks/05_first_networks.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like. Stuck? Open a hint. Still stuck? Every task is
# solved in [solutions](../solutions/05_first_networks.ipynb).

# %%
from torch import nn

from gan_course.arithmetic import trace_shapes
from gan_course.checks import first_networks as check

# %% [markdown]
# ## Task 1 · Count six layers
#
# **Difficulty** ●○○○○ · **Time** about 10 minutes · **You need** section 8 of the lesson
#
# How many parameters has each of these? Use paper and a pocket calculator; do not build them.
#
# | | layer |
# |---|---|
# | 1 | `nn.Linear(100, 4096)` |
# | 2 | `nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1)` |
# | 3 | `nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1)` |
# | 4 | `nn.Conv2d(32, 64, kernel_size=3, bias=False)` |
# | 5 | `nn.BatchNorm2d(64)` |
# | 6 | `nn.LeakyReLU(0.2)` |
#
# <details><summary>Hint 1</summary>
#
# A parameter is a number that training changes. Stride and padding are fixed, and so is a slope
# that you wrote down.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Linear: in · out + out. Convolutions of both kinds: in · out · k · k + out. The last `+ out` is the
# bias.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_counts = [..., ..., ..., ..., ..., ...]
my_counts = [
    100 * 4096 + 4096,
    3 * 32 * 4 * 4 + 32,
    64 * 32 * 4 * 4 + 32,
    32 * 64 * 3 * 3,
    64 + 64,  # gamma and beta
    0,
]
### END SOLUTION

# %% tags=["check"]
check.count_parameters(my_counts)

# %% [markdown]
# ## Task 2 · The number before `nn.Linear`
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 7 of the lesson
#
# Square images go through `halvings` convolutions with kernel 4, stride 2 and padding 1. The last one
# has `channels` output channels; then comes `nn.Flatten()`. How many numbers are left for each image?
# That is the `in_features` of the `nn.Linear` behind it.
#
# Expected: `flat_features(64, 32, 2)` is `4096`, and `flat_features(10, 28, 3)` is `90`.
#
# <details><summary>Hint 1</summary>
#
# First find the height of the maps. What does one halving make of 28, what the next, what the third?
# 7 is odd: a half row is dropped.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A loop that does `size = size // 2` so many times, then the height, the width and the channels
# multiplied.
# </details>

# %% tags=["exercise"]
def flat_features(channels, image_size, halvings):
    """How many numbers nn.Flatten leaves of one image."""
    ### BEGIN SOLUTION
    size = image_size
    for _ in range(halvings):
        size = size // 2  # kernel 4, stride 2, padding 1 rounds down
    return channels * size * size
    ### END SOLUTION


# %% tags=["check"]
check.flat_features(flat_features)

# %% [markdown]
# ## Task 3 · Repair the published discriminator
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 2
#
# Some notes on the web show this network beside a generator that makes 3×32×32 images:
#
# ```python
# nn.Sequential(
#     nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
#     nn.LeakyReLU(0.2),
#     nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
#     nn.LeakyReLU(0.2),
#     nn.Flatten(),
#     nn.Linear(64 * 16 * 16, 1),
# )
# ```
#
# Make it take 3×32×32 images and put out one logit for each, of shape (N, 1). Leave the convolutions
# as they are.
#
# <details><summary>Hint 1</summary>
#
# Type it into the cell as it stands and run `trace_shapes(my_discriminator, (1, 3, 32, 32))`. It stops
# at the layer that does not fit.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Two halvings make 8 of 32. Your function of task 2 knows the number.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_discriminator = ...  # nn.Sequential(nn.Conv2d(3, 32, kernel_size=4, ...
my_discriminator = nn.Sequential(
    nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),  # (N, 32, 16, 16)
    nn.LeakyReLU(0.2),
    nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),  # (N, 64, 8, 8)
    nn.LeakyReLU(0.2),
    nn.Flatten(),  # (N, 4096)
    nn.Linear(64 * 8 * 8, 1),  # (N, 1)
)
### END SOLUTION

# %% tags=["check"]
check.repair_discriminator(my_discriminator)

# %% [markdown]
# ## Task 4 · Build a generator
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** sections 4 and 6 of the lesson
#
# Write an `nn.Sequential` that turns z of shape (N, 100) into images of shape (N, 3, 32, 32) with
# values between −1 and 1: an `nn.Linear`, an `nn.Unflatten`, two `nn.ConvTranspose2d`, an `nn.Tanh` at
# the end, and activations in between. The numbers of channels in the middle are up to you; they need
# not be those of `SimpleGenerator`.
#
# <details><summary>Hint 1</summary>
#
# Go backwards from the image: 32 ← 16 ← 8. So `nn.Unflatten` has to make maps of 8×8.
# </details>
#
# <details><summary>Hint 2</summary>
#
# If you choose c channels for the first maps, it is `nn.Unflatten(1, (c, 8, 8))`, and the `nn.Linear`
# before it puts out c · 8 · 8 numbers. Kernel 4, stride 2, padding 1 doubles.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `trace_shapes(my_generator, (1, 100))` names the layer that does not fit.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_generator = ...  # nn.Sequential(nn.Linear(100, ...
my_generator = nn.Sequential(
    nn.Linear(100, 64 * 8 * 8),  # (N, 4096)
    nn.ReLU(),
    nn.Unflatten(1, (64, 8, 8)),  # (N, 64, 8, 8)
    nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1),  # (N, 32, 16, 16)
    nn.ReLU(),
    nn.ConvTranspose2d(32, 3, kernel_size=4, stride=2, padding=1),  # (N, 3, 32, 32)
    nn.Tanh(),
)
### END SOLUTION

# %% tags=["check"]
check.build_generator(my_generator)

# %% [markdown]
# Look at what you built, layer by layer.

# %%
if my_generator is not ...:
    print(trace_shapes(my_generator, (1, 100)))

# %% [markdown]
# ## Task 5 · Spot the errors
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** sections 4 to 7 of the lesson
#
# Five lines from notes on the web. One of them is right. For each line choose 1, 2 or 3. Trying them out
# in a cell of your own is allowed.
#
# | | what the notes say | 1 | 2 | 3 |
# |---|---|---|---|---|
# | 1 | `print(output_tensor.shape())` | right | it is `output_tensor.shape` | it is `output_tensor.size` |
# | 2 | the generator ends in `nn.Tanh()`, then `images = torch.tanh(generator(z))` | right | it is `torch.sigmoid(generator(z))` | it is `generator(z)` |
# | 3 | `nn.Linear(64 * 8 * 8, 1)`, behind `nn.Flatten()` and maps (N, 64, 8, 8) | right | it is `nn.Linear(64 * 8, 1)` | it is `nn.Linear(8 * 8, 1)` |
# | 4 | DCGAN's discriminator is "convolution + pooling" | right | it is convolutions with stride 2, no pooling | it is pooling alone |
# | 5 | `z = torch.randn(16, 100, 1, 1)` for a generator that begins with `nn.Linear(100, 4096)` | right | it is `torch.randn(16, 100)` | it is `torch.randn(100, 16)` |
#
# <details><summary>Hint 1</summary>
#
# Number 2 does not stop with an error. Compute tanh(1): what is the largest value that can come out of
# tanh(tanh(x))?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 5: `nn.Linear` looks at the *last* axis. How long is it in (16, 100, 1, 1)? For number 4 think of
# the layer that halves an image in [lesson 01](../notebooks/01_conv2d.ipynb).
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_choices = [..., ..., ..., ..., ...]
my_choices = [2, 3, 1, 2, 2]
### END SOLUTION

# %% tags=["check"]
check.spot_the_errors(my_choices)

# %% [markdown]
# ## Task 6 · A tracer of your own
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** section 5 of the lesson
#
# `model` is an `nn.Sequential`, `x` an input that it can take. Return a list with the output shape of
# each of its layers, in their order, each as a tuple with the batch axis.
#
# Expected: for `nn.Sequential(nn.Linear(4, 6), nn.ReLU())` and x of shape (2, 4) it is
# `[(2, 6), (2, 6)]`.
#
# <details><summary>Hint 1</summary>
#
# An `nn.Sequential` can be walked through like a list: `for layer in model:`. The output of one layer
# is the input of the next one.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Inside the loop: `x = layer(x)`, then note `tuple(x.shape)`.
# </details>

# %% tags=["exercise"]
def trace(model, x):
    """The output shape of each layer of an nn.Sequential, as a list of tuples."""
    ### BEGIN SOLUTION
    shapes = []
    for layer in model:
        x = layer(x)
        shapes.append(tuple(x.shape))
    return shapes
    ### END SOLUTION


# %% tags=["check"]
check.trace(trace)

# %% [markdown]
# ## Done
#
# A shape that does not fit is now a matter of minutes: trace, read, change one number.

# %%
from gan_course.checks import progress

progress.table()
