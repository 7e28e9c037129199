# %% [markdown]
# # Exercises 15 · Style transfer
#
# **After these you can** work out a Gram matrix, write the three losses, feed VGG what it was trained on, and
# optimise a picture instead of weights.
#
# **Time** about 80 minutes in all · **Builds on** [lesson 15](../notebooks/15_style_transfer.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/15_style_transfer.ipynb).

# %%
import torch

from gan_course.checks import style_transfer as check

# %% [markdown]
# ## Task 1 · A Gram matrix by hand
#
# **Difficulty** ●○○○○ · **Time** about 10 minutes · **You need** section 4 of the lesson
#
# One layer with two channels, 2 × 2 places:
#
#     a = 1 2     b = 0 1
#         0 1         3 0
#
# Write seven entries of Gram matrices, divided by C · H · W:
#
# 1. a with a
# 2. a with b
# 3. b with b
# 4. a with b, after both maps are turned upside down
# 5. a with b, after b alone is turned upside down
# 6. a with b, after both maps are repeated 2 × 2, so that they have 4 × 4 places
# 7. a with b, after b is doubled
#
# <details><summary>Hint 1</summary>
#
# Multiply the two maps place by place, add up all products, divide by 2 · 2 · 2 = 8. The first one is
# (1 + 4 + 0 + 1) / 8.
# </details>
#
# <details><summary>Hint 2</summary>
#
# In number 6 there are four times as many products, and H · W is four times as large, too.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_entries = [..., ..., ..., ..., ..., ..., ...]
my_entries = [6 / 8, 2 / 8, 10 / 8, 2 / 8, 4 / 8, 2 / 8, 4 / 8]
### END SOLUTION

# %% tags=["check"]
check.by_hand(my_entries)

# %% [markdown]
# ## Task 2 · Total variation
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 5 of the lesson
#
# From images (N, C, H, W): the mean absolute difference between a pixel and the one below it, plus the mean
# absolute difference between a pixel and the one to its right. Pixels at the edge have no neighbour
# beyond it.
#
# Expected: for `[[[[0., 1.], [0., 3.]]]]` it is (0 + 2) / 2 + (1 + 3) / 2 = 3.
#
# <details><summary>Hint 1</summary>
#
# `images[:, :, 1:]` leaves out the first row, `images[:, :, :-1]` the last one. Their difference is what you
# need for the vertical neighbours.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For the horizontal ones the same along the last axis: `images[:, :, :, 1:]`. Two means, then their sum.
# </details>

# %% tags=["exercise"]
def total_variation(images):
    """images (N, C, H, W) -> how much neighbours differ, a number."""
    ### BEGIN SOLUTION
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().mean()
    return down + across
    ### END SOLUTION


# %% tags=["check"]
check.total_variation(total_variation)

# %% [markdown]
# ## Task 3 · The Gram matrix
#
# **Difficulty** ●●○○○ · **Time** about 15 minutes · **You need** section 4 of the lesson
#
# From the maps of a layer, (N, C, H, W), return for each image the matrix (C, C) whose entry (i, j) is the sum over
# all places of channel i times channel j, divided by C · H · W.
#
# <details><summary>Hint 1</summary>
#
# Make a row of each channel: `maps.reshape(n, c, h * w)`. Then the sum over places is a matrix product.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `rows @ rows.transpose(1, 2)`: (N, C, H·W) times (N, H·W, C) is (N, C, C).
# </details>

# %% tags=["exercise"]
def gram_matrix(maps):
    """maps (N, C, H, W) -> (N, C, C)."""
    ### BEGIN SOLUTION
    n, c, h, w = maps.shape
    rows = maps.reshape(n, c, h * w)
    return rows @ rows.transpose(1, 2) / (c * h * w)
    ### END SOLUTION


# %% tags=["check"]
check.gram_matrix(gram_matrix)

# %% [markdown]
# ## Task 4 · Content and style
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 5 of the lesson, and your Gram matrix
#
# Three pictures went through one layer. Return two losses, content first:
#
# - **content**: the mean squared difference of `maps` and `content_maps`;
# - **style**: the mean squared difference of the Gram matrices of `maps` and `style_maps`.
#
# The style picture may have another size.
#
# <details><summary>Hint 1</summary>
#
# `(a - b).square().mean()` is a mean squared difference, of maps as well as of matrices.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Your `gram_matrix` divides by C · H · W, each with its own H and W. So two sizes compare.
# </details>

# %% tags=["exercise"]
def content_and_style(maps, content_maps, style_maps):
    """Maps (N, C, H, W), (N, C, H, W) and (N, C, H', W') -> (content loss, style loss)."""
    ### BEGIN SOLUTION
    content = (maps - content_maps).square().mean()
    style = (gram_matrix(maps) - gram_matrix(style_maps)).square().mean()
    return content, style
    ### END SOLUTION


# %% tags=["check"]
check.content_and_style(content_and_style)

# %% [markdown]
# ## Task 5 · What VGG wants to see
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 9 of the lesson
#
# Our images live in [-1, 1]. torchvision's VGG-19 was trained on images that were first brought to [0, 1] and then
# normalised channel by channel: minus the mean (0.485, 0.456, 0.406), divided by the standard deviation
# (0.229, 0.224, 0.225), for red, green and blue. Write the way from ours to that.
#
# Expected: white, which is 1 everywhere, becomes (1 − 0.485) / 0.229 = 2.249 in the red channel.
#
# <details><summary>Hint 1</summary>
#
# First (images + 1) / 2. Then the mean of *these pictures* plays no part: take the six numbers above.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)` belongs to the channels. Three numbers without that view
# would be spread along the columns.
# </details>

# %% tags=["exercise"]
def to_imagenet(images):
    """images (N, 3, H, W) in [-1, 1] -> the same, as torchvision's VGG-19 wants them."""
    ### BEGIN SOLUTION
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return ((images + 1) / 2 - mean) / std
    ### END SOLUTION


# %% tags=["check"]
check.to_imagenet(to_imagenet)

# %% [markdown]
# ## Task 6 · The picture learns
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** section 6 of the lesson
#
# `loss_of` takes a picture and returns a number. Begin with a copy of `start`. Then, `steps` times: compute the
# gradient of the loss with respect to the picture, take off `learning_rate` times the gradient, and clip the picture
# to [-1, 1]. Return the picture.
#
# Plain descent, no Adam: so that every number is known.
#
# <details><summary>Hint 1</summary>
#
# `image = start.clone().requires_grad_()` is a tensor that collects a gradient: after `loss_of(image).backward()` it
# is in `image.grad`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Change it under `with torch.no_grad():` by `image -= learning_rate * image.grad` and `image.clamp_(-1, 1)`, and set
# `image.grad = None`, or the next gradient is added to this one. At the end, `image.detach()`.
# </details>

# %% tags=["exercise"]
def optimise(start, loss_of, steps, learning_rate):
    """start (N, C, H, W) in [-1, 1] -> the picture after so many steps, of the same shape."""
    ### BEGIN SOLUTION
    image = start.clone().requires_grad_()
    for _ in range(steps):
        loss_of(image).backward()
        with torch.no_grad():
            image -= learning_rate * image.grad
            image.clamp_(-1, 1)
        image.grad = None
    return image.detach()
    ### END SOLUTION


# %% tags=["check"]
check.optimise(optimise)

# %% [markdown]
# **More to try.** Put two styles into one picture: add the style losses of both. Or take the style of your own
# handwriting:
#
#     gan-course stylize --content china --style my_page.jpg --output china.png

# %% [markdown]
# ## Done
#
# You have written style transfer, from the Gram matrix to the loop that trains a picture.

# %%
from gan_course.checks import progress

progress.table()
