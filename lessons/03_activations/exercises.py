# %% [markdown]
# # Exercises 03 · Activations
#
# **After these you can** compute a gradient through an activation by hand, count the dead units of a net,
# and give a generator and a discriminator the activations that they need.
#
# **Time** about 80 minutes in all · **Builds on** [lesson 03](../notebooks/03_activations.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/03_activations.ipynb).

# %%
import torch
from torch import nn

from gan_course.checks import activations as check

# %% [markdown]
# ## Task 1 · Predict seven numbers
#
# **Difficulty** ●○○○○ · **Time** about 5 minutes · **You need** section 3 of the lesson
#
# In your head or on paper, without running anything:
#
# | | |
# |---|---|
# | 1 | `nn.ReLU()` of −3 |
# | 2 | `nn.LeakyReLU(0.2)` of −3 |
# | 3 | the derivative of `nn.LeakyReLU(0.2)` at −3 |
# | 4 | the derivative of `nn.ReLU()` at 3 |
# | 5 | the derivative of `nn.Tanh()` at 0 |
# | 6 | `nn.Sigmoid()` of 0 |
# | 7 | the derivative of `nn.Sigmoid()` at 0 |
#
# Expected: a list of seven numbers.
#
# <details><summary>Hint 1</summary>
#
# A derivative is how steep a curve is. Look at the figure of section 3: the curves of ReLU and LeakyReLU
# are made of straight pieces, so their derivative is the same all along a piece.
# </details>
#
# <details><summary>Hint 2</summary>
#
# With y the value of the function, tanh has the derivative 1 − y², and sigmoid y·(1 − y).
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_numbers = [..., ..., ..., ..., ..., ..., ...]
my_numbers = [0, -0.6, 0.2, 1, 1, 0.5, 0.25]
### END SOLUTION

# %% tags=["check"]
check.predict_numbers(my_numbers)

# %% [markdown]
# ## Task 2 · Three derivatives by hand
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 1
#
# Write what autograd computes on its way back. `x` is a tensor of any shape, `slope` the slope of the
# LeakyReLU. Return a dict with three tensors shaped like `x`, the derivative at each of its numbers.
# Autograd itself is locked in this cell's check.
#
# Expected: for `x = torch.tensor([-1.0, 2.0])` and slope 0.2 the entry "relu" is `[0, 1]`,
# "leaky_relu" is `[0.2, 1]`, and "tanh" is about `[0.42, 0.07]`. At exactly 0, where ReLU and LeakyReLU
# have a corner, do as torch does: take the slope of the left side.
#
# <details><summary>Hint 1</summary>
#
# `torch.where(x > 0, a, b)` takes a where the condition holds, and b elsewhere.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For tanh you need `torch.tanh(x)` first; then square it.
# </details>

# %% tags=["exercise"]
def derivatives(x, slope):
    """{"relu": ..., "leaky_relu": ..., "tanh": ...}: each a tensor shaped like x."""
    ### BEGIN SOLUTION
    return {
        "relu": torch.where(x > 0, 1.0, 0.0),
        "leaky_relu": torch.where(x > 0, 1.0, slope),
        "tanh": 1 - torch.tanh(x) ** 2,
    }
    ### END SOLUTION


# %% tags=["check"]
check.derivatives(derivatives)

# %% [markdown]
# ## Task 3 · Count the dead
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 5 of the lesson
#
# `model` is an `nn.Sequential`, `x` a whole set of inputs for it. A unit behind an `nn.ReLU` is dead if
# it gives 0 for every input of the set. Behind an `nn.Linear` the ReLU puts out (N, units). Behind an
# `nn.Conv2d` it puts out (N, C, H, W), and a unit is a channel: dead if it is 0 in all images, at all
# pixels.
#
# Expected: a list of whole numbers, one for each `nn.ReLU`, in their order. For a net with two of them,
# in which three units of the first and none of the second are dead: `[3, 0]`.
#
# <details><summary>Hint 1</summary>
#
# `for layer in model: x = layer(x)` leads through the net. Stop and count whenever the layer is an
# `nn.ReLU`: `isinstance(layer, nn.ReLU)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Ask first which units fire at least once. `x.transpose(0, 1).flatten(1)` has one row for each unit,
# with all that it ever put out, for both kinds of layers; `(row > 0).any()` is whether it fired.
# </details>

# %% tags=["exercise"]
def dead_units(model, x):
    """For each nn.ReLU of the model: how many of its units are 0 for every input in x?"""
    ### BEGIN SOLUTION
    counts = []
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            by_unit = x.transpose(0, 1).flatten(1)  # (units, all that they ever put out)
            fires = (by_unit > 0).any(dim=1)  # (units,)
            counts.append(int((~fires).sum()))
    return counts
    ### END SOLUTION


# %% tags=["check"]
check.dead_units(dead_units)

# %% [markdown]
# ## Task 4 · The way back through D
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** task 2
#
# A small discriminator: images `x` as rows of shape (N, inputs), a layer with the weight `w1` (units,
# inputs) and the bias `b1` (units,), a LeakyReLU with `slope`, and a last layer with the weight `w2`
# (units,):
#
# $$u = x\,w_1^T + b_1, \qquad \text{logit} = \text{leaky}(u) \cdot w_2$$
#
# How does each image's logit change with each of its pixels? Return that gradient, shape (N, inputs).
# It is what a generator would learn from. Slope 0 makes it a ReLU, and your function should work for that,
# too. Autograd is locked again.
#
# Expected: for `x = [[1, 2]]`, `w1 = [[1, 0], [0, −1]]`, `b1 = [0, 0]`, `w2 = [3, 5]` and slope 0.2:
# u is `[[1, −2]]`, and the gradient `[[3, −1]]`.
#
# <details><summary>Hint 1</summary>
#
# Walk back from the logit. If u of one unit grows by a little, the logit grows by that, times the
# derivative of the activation at u, times the unit's number in w2.
# </details>
#
# <details><summary>Hint 2</summary>
#
# And u grows with each pixel by the unit's weight for it. So multiply (N, units) by the matrix w1 of
# (units, inputs): `@` adds up over the units.
# </details>

# %% tags=["exercise"]
def input_gradient(x, w1, b1, w2, slope):
    """The gradient of each image's logit at its own pixels: (N, inputs)."""
    ### BEGIN SOLUTION
    u = x @ w1.T + b1  # (N, units)
    gate = torch.where(u > 0, 1.0, slope)  # (N, units): the derivative of the activation
    return (w2 * gate) @ w1  # (N, units) @ (units, inputs) -> (N, inputs)
    ### END SOLUTION


# %% tags=["check"]
check.input_gradient(input_gradient)

# %% [markdown]
# ## Task 5 · Pixels for a Tanh
#
# **Difficulty** ●●○○○ · **Time** about 5 minutes · **You need** section 8 of the lesson
#
# Picture files hold whole numbers from 0 to 255, of the type `torch.uint8`. Bring them into the range of
# a Tanh: black to −1, white to 1, by a straight line.
#
# Expected: for `torch.tensor([0, 51, 255], dtype=torch.uint8)` the floats −1, −0.6 and 1.
#
# <details><summary>Hint 1</summary>
#
# A uint8 can hold nothing below 0 or above 255. Make floats first: `pixels.float()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The range 0…255 is 255 wide, and −1…1 is 2 wide. So divide by 127.5; then shift.
# </details>

# %% tags=["exercise"]
def to_tanh_range(pixels):
    """uint8 of any shape, 0 to 255 -> floats of the same shape, -1 to 1."""
    ### BEGIN SOLUTION
    return pixels.float() / 127.5 - 1
    ### END SOLUTION


# %% tags=["check"]
check.to_tanh_range(to_tanh_range)

# %% [markdown]
# ## Task 6 · And back
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** task 5
#
# The way back, so that a picture can be saved: floats become `torch.uint8`. Take the *nearest* whole
# number, and clip what lies beyond: a value of 1.2 becomes white, not something else.
#
# Expected: −1 becomes 0, 0.999 becomes 255, 1.2 becomes 255.
#
# <details><summary>Hint 1</summary>
#
# Undo the two steps of task 5 in reverse: add, then multiply.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `round()`, then `clamp(0, 255)`, and `to(torch.uint8)` last of all: once a number is a uint8, it is
# too late to clip.
# </details>

# %% tags=["exercise"]
def from_tanh_range(images):
    """Floats of any shape, meant to be -1 to 1 -> uint8 of the same shape, rounded and clipped."""
    ### BEGIN SOLUTION
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    ### END SOLUTION


# %% tags=["check"]
check.from_tanh_range(from_tanh_range)

# %% [markdown]
# ## Task 7 · Choose for a whole pair
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** sections 6 to 9 of the lesson
#
# Here are the layers with weights of a small pair of networks, without any activation:
#
# | generator | discriminator |
# |---|---|
# | `nn.Linear(16, 8 * 4 * 4)` | `nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1)` |
# | `nn.Unflatten(1, (8, 4, 4))` | `nn.Flatten()` |
# | `nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1)` | `nn.Linear(8 * 4 * 4, 1)` |
#
# Build both as `nn.Sequential`, and put activations where they belong. The real images lie in [−1, 1],
# and the loss is `nn.BCEWithLogitsLoss()`, which takes logits. No gradient that passes through D
# towards G should be shut off.
#
# Expected: a generator that makes (N, 1, 8, 8) of (N, 16), and a discriminator that makes logits (N, 1)
# of (N, 1, 8, 8). There are several right answers.
#
# <details><summary>Hint 1</summary>
#
# There are four places: inside G, at G's end, inside D, at D's end. One of them stays empty.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Read the summary of the lesson from "inside of G" on, or open `gan_course/models/dcgan.py` and look what
# stands at these places there.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_generator = ...  # nn.Sequential(nn.Linear(16, ...
# STUB: my_discriminator = ...  # nn.Sequential(nn.Conv2d(1, ...
my_generator = nn.Sequential(
    nn.Linear(16, 8 * 4 * 4),  # (N, 128)
    nn.ReLU(),
    nn.Unflatten(1, (8, 4, 4)),  # (N, 8, 4, 4)
    nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 8, 8)
    nn.Tanh(),
)
my_discriminator = nn.Sequential(
    nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1),  # (N, 8, 4, 4)
    nn.LeakyReLU(0.2),
    nn.Flatten(),  # (N, 128)
    nn.Linear(8 * 4 * 4, 1),  # logits (N, 1)
)
### END SOLUTION

# %% tags=["check"]
check.build_pair([my_generator, my_discriminator])

# %% [markdown]
# ## Task 8 · Spot the errors
#
# **Difficulty** ●●○○○ · **Time** about 5 minutes · **You need** sections 6 to 8 of the lesson
#
# Six lines as one meets them in notes and code. None of them stops with an error, and still four do
# harm. For each line choose 1, 2 or 3.
#
# | | what is written | 1 | 2 | 3 |
# |---|---|---|---|---|
# | 1 | the generator ends in `nn.Tanh()`, then `images = torch.tanh(generator(z))` | right | it is `torch.sigmoid(generator(z))` | it is `generator(z)` |
# | 2 | the discriminator ends in `nn.Sigmoid()`, the loss is `nn.BCEWithLogitsLoss()` | right | the `nn.Sigmoid()` has to go | the loss needs a second `nn.Sigmoid()` |
# | 3 | the discriminator ends in `nn.Linear(512, 1)`, the loss is `nn.BCEWithLogitsLoss()` | right | `nn.Sigmoid()` is missing | `nn.Tanh()` is missing |
# | 4 | the real images are `pixels / 255`, the generator ends in `nn.Tanh()` | right | it is `pixels - 127.5` | it is `pixels / 127.5 - 1` |
# | 5 | the discriminator ends in `nn.Linear(512, 1), nn.ReLU()` | right | the `nn.ReLU()` has to go | it is `nn.Tanh()` |
# | 6 | `nn.LeakyReLU(0.2)` between two convolutions of a discriminator | right | it is `nn.ReLU()` | it is `nn.Sigmoid()` |
#
# <details><summary>Hint 1</summary>
#
# For each line ask: which numbers can come out at the end, and which numbers does the next one expect?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `BCEWithLogitsLoss` begins with a sigmoid of its own. What does it make of a 0 that was meant as
# "surely fake"?
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_choices = [..., ..., ..., ..., ..., ...]
my_choices = [3, 2, 1, 3, 2, 1]
### END SOLUTION

# %% tags=["check"]
check.spot_the_errors(my_choices)

# %% [markdown]
# ## Done
#
# You know what each activation lets through, and where in a GAN it belongs. What keeps the numbers in
# front of an activation at a sensible size is the next lesson: BatchNorm.

# %%
from gan_course.checks import progress

progress.table()
