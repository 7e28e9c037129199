# %% [markdown]
# # Exercises 12 · SAGAN
#
# **After these you can** give labels to both networks, train a conditional SAGAN step by step, read a
# map of attention, work out its cost, and find what is wrong with somebody else's SAGAN.
#
# **Time** about 105 minutes in all · **Builds on** [lesson 12](../notebooks/12_sagan.ipynb)
#
# Fill in a cell, run it, then run the check below it, as often as you like. Stuck? Open a hint. All
# tasks are solved in [solutions](../solutions/12_sagan.ipynb).

# %%
import math

import torch
import torch.nn.functional as F

from gan_course.checks import sagan as check

# %% [markdown]
# ## Task 1 · BatchNorm that knows the class
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# `x` is (N, C, H, W), `labels` (N,), `gain` and `bias` are tables with one row for each class,
# (classes, C). First normalise each channel over the batch, the rows and the columns: subtract the mean,
# divide by √(variance + eps). Then give each image the gain and the bias of *its* class.
#
# Expected: with all gains 1 and all biases 0, the same as plain BatchNorm.
#
# <details><summary>Hint 1</summary>
#
# `x.mean(dim=(0, 2, 3), keepdim=True)`, and `x.var(..., correction=0)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `gain[labels]` is (N, C). To multiply a map with it, it needs two more axes: `[:, :, None, None]`.
# </details>


# %% tags=["exercise"]
def conditional_batch_norm(x, labels, gain, bias, eps):
    """(N, C, H, W) -> (N, C, H, W), as in training mode."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), keepdim=True, correction=0)
    normal = (x - mean) / torch.sqrt(var + eps)
    return normal * gain[labels][:, :, None, None] + bias[labels][:, :, None, None]
    ### END SOLUTION


# %% tags=["check"]
check.conditional_batch_norm(conditional_batch_norm)

# %% [markdown]
# ## Task 2 · The projection
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# The end of D. `maps` (N, C, H, W) are its last features. Add each map up over its rows and columns:
# that is h (N, C). The logit is
#
# $$\ell = h \cdot \text{weight} + \text{bias} + h \cdot \text{embed}_{y}$$
#
# with `weight` (C,), `bias` a single number, and `embed` (classes, C), of which each image takes the row
# of its label y.
#
# Expected: (N,) logits. With all of `embed` 0 the labels make no difference.
#
# <details><summary>Hint 1</summary>
#
# `h @ weight` is (N,): one dot product for each image.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Two stacks of vectors, row by row: `(a * b).sum(dim=1)`.
# </details>


# %% tags=["exercise"]
def projection_logit(maps, labels, weight, bias, embed):
    """(N, C, H, W) and labels (N,) -> logits (N,)."""
    ### BEGIN SOLUTION
    h = maps.sum(dim=(2, 3))
    return h @ weight + bias + (embed[labels] * h).sum(dim=1)
    ### END SOLUTION


# %% tags=["check"]
check.projection_logit(projection_logit)

# %% [markdown]
# ## Task 3 · What D learns without looking
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** D* of lesson 06
#
# Suppose G is perfect: within each class its images can't be told from real ones. But the labels of the
# fakes are drawn otherwise than the real ones come. Then the label alone tells something. Let p be the
# share of a class among the real images and q its share among the fakes. The best D says "real" with the
# probability p / (p + q), whatever the image shows.
#
# Return its logit, log(p / q), for each class. You get *counts*, and there may be more fakes than real
# images.
#
# Expected: `label_leak([9, 1], [10, 10])` is about `[0.588, -1.609]`.
#
# <details><summary>Hint 1</summary>
#
# Shares first: 9 of 10 is 0.9, and 10 of 20 is 0.5.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `math.log(0.9 / 0.5)` is 0.588.
# </details>


# %% tags=["exercise"]
def label_leak(counts_real, counts_fake):
    """Two lists of whole numbers above 0, one entry for each class -> a list of logits."""
    ### BEGIN SOLUTION
    total_real, total_fake = sum(counts_real), sum(counts_fake)
    pairs = zip(counts_real, counts_fake, strict=True)
    return [math.log((r / total_real) / (f / total_fake)) for r, f in pairs]
    ### END SOLUTION


# %% tags=["check"]
check.label_leak(label_leak)

# %% [markdown]
# ## Task 4 · One step
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** tasks 1 to 3, lesson 11's hinge
#
# One training step of a conditional SAGAN. `generator(z, labels)` draws images, `discriminator(images,
# labels)` gives logits. The fakes get the labels of the real images of this step: so each class comes
# equally often among both.
#
# 1. D's turn: the hinge loss, mean relu(1 − real) + mean relu(1 + fake). Only D moves.
# 2. G's turn: ask D anew about the same fakes. The loss is −mean(logits). Only G moves.
#
# Expected: nothing is returned; the weights have changed.
#
# <details><summary>Hint 1</summary>
#
# It is the step of lesson 08 with other losses, and with `labels` wherever a network is called: four
# times in all, if you keep the fakes.
# </details>
#
# <details><summary>Hint 2</summary>
#
# In D's turn `fake.detach()`, in G's turn `fake` as it is. Before each backward(), zero_grad() of the
# optimizer that will step.
# </details>


# %% tags=["exercise"]
def sagan_step(generator, discriminator, optimizer_g, optimizer_d, images_real, labels, z):
    """D learns once, then G."""
    ### BEGIN SOLUTION
    fake = generator(z, labels)
    logits_real = discriminator(images_real, labels)
    logits_fake = discriminator(fake.detach(), labels)
    loss_d = F.relu(1 - logits_real).mean() + F.relu(1 + logits_fake).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    loss_g = -discriminator(fake, labels).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    ### END SOLUTION


# %% tags=["check"]
check.sagan_step(sagan_step)

# %% [markdown]
# ## Task 5 · What may be averaged
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** lessons 08 and 11
#
# We show and save a running average of G. But not every tensor of a SAGAN may be averaged. Under spectral
# norm a layer called `conv` brings these names into the `state_dict`:
#
# * `conv.parametrizations.weight.original`: the weight that is learned;
# * `conv.parametrizations.weight.0._u` and `._v`: the directions that the power iteration follows,
#   each of length 1.
#
# BatchNorm brings `running_mean`, `running_var` and `num_batches_tracked`. Everything else, like
# `gamma`, is learned.
#
# `average` and `current` are such dicts with the same names. Return a new dict: what is learned becomes
# `keep * average + (1 - keep) * current`, everything else is that of `current`.
#
# Expected: u and v of the result have length 1.
#
# <details><summary>Hint 1</summary>
#
# List the five endings of what must *not* be averaged.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `name.endswith(("._u", "._v", ...))` takes a tuple of endings.
# </details>


# %% tags=["exercise"]
def update_average(average, current, keep):
    """Two dicts name -> tensor, and a number from 0 to 1 -> a new dict."""
    ### BEGIN SOLUTION
    followed = ("._u", "._v", ".running_mean", ".running_var", ".num_batches_tracked")
    updated = {}
    for name, new in current.items():
        if name.endswith(followed):
            updated[name] = new.clone()
        else:
            updated[name] = keep * average[name] + (1 - keep) * new
    return updated
    ### END SOLUTION


# %% tags=["check"]
check.update_average(update_average)

# %% [markdown]
# ## Task 6 · Where does it look?
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 7 of the lesson
#
# `weights` is a map of attention for one image: one row for each pixel that asks, one column for each
# place that may be looked at. Pixels are counted as we read, row by row; the feature map is `width`
# pixels wide. If `pool` is True, key and value were max-pooled: the places are then those of a map half
# as high and half as wide, and each covers 2×2 pixels.
#
# Return (row, column) of the upper left pixel of the place that the pixel at (`row`, `column`) looks at
# most, in pixels of the whole map.
#
# Expected: two whole numbers. Without pooling, place 7 of a map 6 wide is (1, 1). With pooling, place 7
# of a map 6 wide is cell (2, 1), since 3 cells fit in a row, and begins at pixel (4, 2).
#
# <details><summary>Hint 1</summary>
#
# The pixel at (row, column) has the number `row * width + column`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `divmod(place, cells)` gives the row and the column at once, if `cells` is the number of cells in a row.
# </details>


# %% tags=["exercise"]
def where_it_looks(weights, row, column, width, pool):
    """(H*W, attended) and a pixel -> (row, column) of what it looks at most."""
    ### BEGIN SOLUTION
    place = weights[row * width + column].argmax().item()
    scale = 2 if pool else 1
    cell_row, cell_column = divmod(place, width // scale)
    return scale * cell_row, scale * cell_column
    ### END SOLUTION


# %% tags=["check"]
check.where_it_looks(where_it_looks)

# %% [markdown]
# ## Task 7 · The bill
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** lesson 10's block
#
# What does a `SelfAttention2d` cost? It has four 1×1 convolutions without biases: query and key lead
# from C to C / 8 channels, value from C to C / 2, output from C / 2 back to C. And it has gamma. With
# `pool`, key and value are max-pooled 2×2 after their convolutions.
#
# Return the number of parameters, and the multiply-adds for one image: those of the four convolutions,
# of the scores (query times key), and of gathering the values. Softmax, pooling, and the sum
# x + gamma · … don't count.
#
# Expected: `attention_cost(8, 2, 2, False)` is `(81, 400)`.
#
# <details><summary>Hint 1</summary>
#
# A 1×1 convolution uses each weight once at every position.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Scores: each of the height · width positions meets each attended one, over C / 8 channels. Values: the
# same pairs, over C / 2 channels.
# </details>


# %% tags=["exercise"]
def attention_cost(channels, height, width, pool):
    """(number of parameters, multiply-adds for one image). channels is a multiple of 8."""
    ### BEGIN SOLUTION
    query, value = channels // 8, channels // 2
    weights = 2 * channels * query + 2 * channels * value
    positions = height * width
    attended = (height // 2) * (width // 2) if pool else positions
    return weights + 1, weights * positions + positions * attended * (query + value)
    ### END SOLUTION


# %% tags=["check"]
check.attention_cost(attention_cost)

# %% [markdown]
# ## Task 8 · The line-up
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** all of the above
#
# Eight places of SAGAN programs. Nine of ten real images show a cat (class 0), one a dog (class 1).
# Which are sound? None of them stops with an error.
#
# ```python
# # A
# optimizer_g = Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
# optimizer_d = Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.9))
#
# # B
# optimizer_g = Adam(generator.parameters(), lr=1e-4)
# optimizer_d = Adam(discriminator.parameters(), lr=4e-4)
#
# # C
# labels_fake = torch.randint(0, 2, (batch_size,))
# images_fake = generator(z, labels_fake)
# logits_fake = discriminator(images_fake.detach(), labels_fake)
#
# # D
# labels_fake = (torch.rand(batch_size) < 0.1).long()
# images_fake = generator(z, labels_fake)
# logits_fake = discriminator(images_fake.detach(), labels_fake)
#
# # E: the conditional BatchNorm of G
# nn.init.zeros_(self.gain.weight)
# nn.init.zeros_(self.bias.weight)
#
# # F: in SelfAttention2d
# self.gamma = nn.Parameter(torch.zeros(()))
#
# # G
# conv = spectral_norm(nn.Conv2d(64, 128, 4, 2, 1))
# nn.init.normal_(conv.weight, 0.0, 0.02)
#
# # H: the end of D
# h = x.sum(dim=(2, 3))
# return self.to_logit(h).squeeze(1) + (self.embed(labels) * h).sum(dim=1)
# ```
#
# For each of A to H one number: **1** sound · **2** the optimizers remember too much · **3** the
# labels tell D what is fake · **4** the network is born without a signal and without a gradient through
# it · **5** what is written is lost
#
# Expected: eight numbers from 1 to 5.
#
# <details><summary>Hint 1</summary>
#
# For C and D, ask task 3. How often does each class come among the fakes?
# </details>
#
# <details><summary>Hint 2</summary>
#
# E and F both begin with zeros. What is left of x in each? And lesson 11 said what `weight` is once a
# layer is wrapped.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_verdicts = [..., ..., ..., ..., ..., ..., ..., ...]
my_verdicts = [1, 2, 3, 1, 4, 1, 5, 1]
### END SOLUTION

# %% tags=["check"]
check.find_defects(my_verdicts)

# %% [markdown]
# ## Done
#
# You can build, train and read a conditional SAGAN, and you know the places where public ones fail.

# %%
from gan_course.checks import progress

progress.table()
