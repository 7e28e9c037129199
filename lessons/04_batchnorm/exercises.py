# %% [markdown]
# # Exercises 04 · BatchNorm
#
# **After these you can** write `BatchNorm2d` with both of its modes, and you see what is wrong with
# the BatchNorms in other people's GANs.
#
# **Time** about 80 minutes in all · **Builds on** [lesson 04](../notebooks/04_batchnorm.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like. Stuck? Open a hint. Still stuck? Every task is
# solved in [solutions](../solutions/04_batchnorm.ipynb).

# %%
import torch
from torch import nn

from gan_course.checks import batchnorm as check

# %% [markdown]
# ## Task 1 · Predict six numbers
#
# **Difficulty** ●○○○○ · **Time** about 10 minutes · **You need** sections 3 to 7 of the lesson
#
# Compute in your head or on paper; do not run anything.
#
# 1. How many parameters has `nn.BatchNorm2d(64)`?
# 2. x has the shape (8, 64, 10, 10). How many numbers go into the mean of *one* channel?
# 3. A fresh `nn.BatchNorm2d(1)` in training mode has `running_mean` 0 and momentum 0.1. A batch with
#    the mean 10 goes through it. What is `running_mean` then?
# 4. A second batch with the mean 10 goes through it. And now?
# 5. A channel comes in with the (biased) variance 2.4, into `nn.BatchNorm2d(64, 0.8)` in training mode,
#    with gamma 1. What variance comes out?
# 6. A layer in *eval* mode has `running_mean` 2, `running_var` 4, gamma 3 and beta 1. A batch with the
#    mean 6 goes through it. What is the mean of what comes out? (Leave eps out of it.)
#
# Expected: a list of six numbers.
#
# <details><summary>Hint 1</summary>
#
# Number 4: old · 0.9 + new · 0.1, and the old one is the answer to number 3.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 5: what is the second argument of `nn.BatchNorm2d` called? The layer divides by the root of
# (variance + eps), so the variance is divided by variance + eps.
# </details>
#
# <details><summary>Hint 3</summary>
#
# Number 6: subtract the running mean, divide by the root of the running variance, multiply by gamma,
# add beta. Nothing of this is taken from the batch.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_numbers = [..., ..., ..., ..., ..., ...]
my_numbers = [128, 800, 1.0, 1.9, 0.75, 7.0]
### END SOLUTION

# %% tags=["check"]
check.predict_numbers(my_numbers)

# %% [markdown]
# ## Task 2 · The statistics of a batch
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# x is a batch (N, C, H, W). Return the mean and the *biased* variance of each channel, two tensors of
# the shape (C,). The biased variance is the plain average of the squared distances from the mean.
# Torch's own normalising layers are locked in the checks of this notebook.
#
# Expected: for x of the shape (2, 1, 1, 2) with the numbers 1, 3, 5, 7 the results are `[4.]` and `[5.]`.
#
# <details><summary>Hint 1</summary>
#
# `x.mean(dim=...)` takes a tuple of axes. Which axes disappear, and which one stays?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `x.var(...)` divides by the count minus 1, unless it is called with `unbiased=False`.
# </details>

# %% tags=["exercise"]
def batch_statistics(x):
    """Mean and biased variance of each channel: (N, C, H, W) -> (C,) and (C,)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3))
    var = x.var(dim=(0, 2, 3), unbiased=False)
    return mean, var
    ### END SOLUTION


# %% tags=["check"]
check.batch_statistics(batch_statistics)

# %% [markdown]
# ## Task 3 · Normalise
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** task 2
#
# What the layer puts out while it trains. x is (N, C, H, W); gamma and beta have the shape (C,); eps
# is a number. In each channel c:
#
# $$y = \gamma_c \cdot \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \varepsilon}} + \beta_c$$
#
# with the mean $\mu_c$ and the biased variance $\sigma_c^2$ of this batch.
#
# Expected: for the numbers 1, 3, 5, 7 of task 2, gamma 2, beta 1 and eps 0.00001 the output is about
# `[-1.68, 0.11, 1.89, 3.68]`.
#
# <details><summary>Hint 1</summary>
#
# A tensor of the shape (C,) does not line up with the channel axis by itself: torch compares shapes
# from the right, and there stands the width. `gamma[None, :, None, None]` has the shape (1, C, 1, 1).
# </details>
#
# <details><summary>Hint 2</summary>
#
# eps is added to the variance, below the root.
# </details>

# %% tags=["exercise"]
def batch_norm_2d(x, gamma, beta, eps):
    """BatchNorm2d in training mode: (N, C, H, W) -> (N, C, H, W)."""
    ### BEGIN SOLUTION
    mean, var = batch_statistics(x)  # (C,), (C,)
    mean, var = mean[None, :, None, None], var[None, :, None, None]  # (1, C, 1, 1)
    normalised = (x - mean) / torch.sqrt(var + eps)
    return gamma[None, :, None, None] * normalised + beta[None, :, None, None]
    ### END SOLUTION


# %% tags=["check"]
check.batch_norm_2d(batch_norm_2d)

# %% [markdown]
# ## Task 4 · Remember
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 5 of the lesson
#
# While it trains, the layer also keeps a running mean and a running variance, each of the shape (C,).
# Return both as they are after the batch x has gone through. The old tensors stay as they are: make new
# ones.
#
# Expected: the numbers of task 2 with running_mean 0, running_var 1 and momentum 0.1 give about `[0.4]`
# and `[1.567]`.
#
# <details><summary>Hint 1</summary>
#
# new = (1 − momentum) · old + momentum · this batch. In torch, momentum is the weight of what is new.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Here the variance is the *unbiased* one, which `x.var(...)` computes by itself: 20 / 3 = 6.667 for the
# numbers 1, 3, 5, 7.
# </details>

# %% tags=["exercise"]
def update_running(running_mean, running_var, x, momentum):
    """The running statistics after one more batch: (C,) and (C,)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3))
    var = x.var(dim=(0, 2, 3))  # unbiased: a guess about all data
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var
    return new_mean, new_var
    ### END SOLUTION


# %% tags=["check"]
check.update_running(update_running)

# %% [markdown]
# ## Task 5 · The whole layer
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** tasks 3 and 4
#
# Now both modes in one function. `training` is True or False.
#
# Expected: three tensors. The output (N, C, H, W); the new running_mean; the new running_var. In eval mode
# the running statistics come back as they were.
#
# <details><summary>Hint 1</summary>
#
# Two things depend on the mode: with which mean and variance x is normalised, and whether the memory
# changes.
# </details>
#
# <details><summary>Hint 2</summary>
#
# While training you can call your functions of tasks 3 and 4. In eval mode the formula of task 3 is the
# same, with running_mean for the mean and running_var for the variance.
# </details>

# %% tags=["exercise"]
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    """All of BatchNorm2d -> output (N, C, H, W), running_mean (C,), running_var (C,)."""
    ### BEGIN SOLUTION
    if training:
        out = batch_norm_2d(x, gamma, beta, eps)
        running_mean, running_var = update_running(running_mean, running_var, x, momentum)
        return out, running_mean, running_var
    mean, var = running_mean[None, :, None, None], running_var[None, :, None, None]
    normalised = (x - mean) / torch.sqrt(var + eps)
    out = gamma[None, :, None, None] * normalised + beta[None, :, None, None]
    return out, running_mean, running_var
    ### END SOLUTION


# %% tags=["check"]
check.whole_layer(batch_norm)

# %% [markdown]
# ## Task 6 · Spot the errors
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** sections 7 to 10 of the lesson
#
# This code runs without a complaint. Four of its lines should be another way, or not be there at all.
#
# ```python
#  1  generator = nn.Sequential(
#  2      nn.ConvTranspose2d(100, 128, kernel_size=8, bias=False),
#  3      nn.BatchNorm2d(128),
#  4      nn.ReLU(),
#  5      nn.ConvTranspose2d(128, 64, kernel_size=4, stride=2, padding=1, bias=False),
#  6      nn.BatchNorm2d(64, 0.8),
#  7      nn.ReLU(),
#  8      nn.ConvTranspose2d(64, 3, kernel_size=4, stride=2, padding=1),
#  9      nn.BatchNorm2d(3),
# 10      nn.Tanh(),
# 11  )
# 12  # D's half of a step. The middle layers of discriminator have BatchNorm.
# 13  logits = discriminator(torch.cat([real, generator(z).detach()]))
# 14  # After training: sixteen images to look at, one by one.
# 15  z = torch.randn(16, 100, 1, 1)
# 16  generator.train()
# 17  with torch.no_grad():
# 18      images = generator(z)
# ```
#
# Expected: a list of four line numbers.
#
# <details><summary>Hint 1</summary>
#
# Two of them are in the generator, one in D's half, one in the sampling.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Ask of each BatchNorm: what do its arguments mean by their *position*? Does it stand in a place that
# DCGAN leaves free? Which images share its batch?
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_lines = [..., ..., ..., ...]
my_lines = [6, 9, 13, 16]
### END SOLUTION

# %% tags=["check"]
check.spot_the_errors(my_lines)

# %% [markdown]
# ## Task 7 · Which biases can go?
#
# **Difficulty** ●●●●○ · **Time** about 10 minutes · **You need** section 10 of the lesson
#
# `layers` is a list of modules, as they stand in an `nn.Sequential`. Return the indices of those layers
# that have a bias which does nothing while the network trains, because a BatchNorm subtracts it again
# at once. Layers with a bias are `nn.Linear`, `nn.Conv2d` and `nn.ConvTranspose2d`; a BatchNorm is an
# `nn.BatchNorm1d` or an `nn.BatchNorm2d`.
#
# Expected: for `[nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 3)]` it is `[0]`.
#
# <details><summary>Hint 1</summary>
#
# Walk over the pairs of neighbours: `layers[i]` and `layers[i + 1]`. The last layer has no neighbour
# behind it.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A layer made with `bias=False` has `layer.bias` None: there is nothing to take away.
# </details>

# %% tags=["exercise"]
def useless_biases(layers):
    """Indices of the layers whose bias a BatchNorm right behind them takes away."""
    ### BEGIN SOLUTION
    found = []
    for i in range(len(layers) - 1):
        layer, following = layers[i], layers[i + 1]
        can_have_bias = isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
        normed = isinstance(following, nn.BatchNorm1d | nn.BatchNorm2d)
        if can_have_bias and layer.bias is not None and normed:
            found.append(i)
    return found
    ### END SOLUTION


# %% tags=["check"]
check.useless_biases(useless_biases)

# %% [markdown]
# ## Done
#
# You have written the layer that made deep GANs trainable, and you know why an image of yours may change
# when its neighbour does.

# %%
from gan_course.checks import progress

progress.table()
