# %% [markdown]
# # Exercises 02 · ConvTranspose2d
#
# **After these you can** predict any transposed size, and you have written the layer that
# DCGAN's generator grows by.
#
# **Time** about 75 minutes in all · **Builds on**
# [lesson 02](../notebooks/02_conv_transpose2d.ipynb)
#
# Fill in a cell, run it, then run the check below it. All tasks are solved in
# [solutions](../solutions/02_conv_transpose2d.ipynb).

# %%
import torch

from gan_course.checks import conv_transpose2d as check

# %% [markdown]
# ## Task 1 · Predict six sizes
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 6 of the lesson
#
# What height comes out of each of these layers? Compute in your head or on paper; do not run them.
#
# | | layer | input |
# |---|---|---|
# | 1 | `nn.ConvTranspose2d(1, 1, kernel_size=4)` | 1×1 |
# | 2 | `nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, padding=1)` | 4×4 |
# | 3 | `nn.ConvTranspose2d(1, 1, kernel_size=3, stride=2, padding=1)` | 7×7 |
# | 4 | as 3, with `output_padding=1` | 7×7 |
# | 5 | `nn.ConvTranspose2d(1, 1, kernel_size=3, dilation=2)` | 5×5 |
# | 6 | `nn.ConvTranspose2d(1, 1, kernel_size=2, stride=3)` | 6×6 |
#
# Expected: a list of six whole numbers.
#
# <details><summary>Hint 1</summary>
#
# Where does the last stamp begin, and how far does it reach? Then cut off padding on both sides.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 6: the last stamp begins at cell 5·3 = 15 and covers cells 15 and 16.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_sizes = [..., ..., ..., ..., ..., ...]
my_sizes = [4, 8, 13, 14, 9, 17]
### END SOLUTION

# %% tags=["check"]
check.predict_sizes(my_sizes)

# %% [markdown]
# ## Task 2 · Write the formula
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** task 1
#
# Now for all layers at once. Return the output size for an input of size `n`. All arguments are whole
# numbers, and so is the result.
#
# Expected: `size(4, 4, 2, 1, 0, 1)` is `8`, and `size(7, 3, 2, 1, 1, 1)` is `14`.
#
# <details><summary>Hint 1</summary>
#
# The last stamp begins at (n − 1)·stride and covers dilation·(kernel_size − 1) + 1 cells.
# </details>
#
# <details><summary>Hint 2</summary>
#
# padding comes off twice, output_padding is kept once.
# </details>

# %% tags=["exercise"]
def size(n, kernel_size, stride, padding, output_padding, dilation):
    """Height of the output of a ConvTranspose2d for an input of height n."""
    ### BEGIN SOLUTION
    painted = (n - 1) * stride + dilation * (kernel_size - 1) + 1
    return painted - 2 * padding + output_padding
    ### END SOLUTION


# %% tags=["check"]
check.size_formula(size)

# %% [markdown]
# ## Task 3 · The way back
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** task 2
#
# A `Conv2d(kernel_size, stride, padding)` has made something small out of n×n. Which `output_padding` leads
# a `ConvTranspose2d` with the same numbers back to n×n?
#
# Expected: `extra(30, 3, 2, 1)` is `1`, and `extra(29, 3, 2, 1)` is `0`.
#
# <details><summary>Hint 1</summary>
#
# The convolution's size formula rounds down. What does it throw away?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `a // s` is the quotient, `a % s` the remainder.
# </details>

# %% tags=["exercise"]
def extra(n, kernel_size, stride, padding):
    """The output_padding that leads back to n."""
    ### BEGIN SOLUTION
    return (n + 2 * padding - kernel_size) % stride
    ### END SOLUTION


# %% tags=["check"]
check.way_back(extra)

# %% [markdown]
# ## Task 4 · Stamp by stamp
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 3 of the lesson
#
# `x` is (H, W), `kernel` is (kh, kw). Each pixel stamps the kernel, `stride` cells further than the pixel
# before. No padding. Torch's own convolutions are locked in the checks of this notebook.
#
# Expected: the result has (H − 1)·stride + kh rows. For `x = [[1, 2]]`, `kernel = [[1, 3]]` and stride 1 it
# is `[[1, 5, 6]]`: first 1·[1, 3], then 2·[1, 3] one cell further right.
#
# <details><summary>Hint 1</summary>
#
# Make the empty output, then two loops over the pixels of x. The stamp of pixel (row, column) begins at
# `(row * stride, column * stride)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Where stamps overlap the ink adds up: `out[...] += x[row, column] * kernel`.
# </details>

# %% tags=["exercise"]
def stamp(x, kernel, stride):
    """A transposed convolution of one channel, as a sum of stamps."""
    ### BEGIN SOLUTION
    kh, kw = kernel.shape
    out = torch.zeros((x.shape[0] - 1) * stride + kh, (x.shape[1] - 1) * stride + kw)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            top, left = row * stride, column * stride
            out[top : top + kh, left : left + kw] += x[row, column] * kernel
    return out
    ### END SOLUTION


# %% tags=["check"]
check.stamp(stamp)

# %% [markdown]
# ## Task 5 · All of ConvTranspose2d
#
# **Difficulty** ●●●●● · **Time** about 25 minutes · **You need** tasks 2 and 4
#
# `x` is (N, in_channels, H, W), `weight` is (in_channels, out_channels, k, k), with the *input* channels first.
# `bias` is (out_channels,), and `stride`, `padding` and `output_padding` are whole numbers.
#
# Expected: the same numbers as `torch.nn.functional.conv_transpose2d`.
#
# <details><summary>Hint 1</summary>
#
# Stamp onto a canvas that is large enough for everything: the painted size plus output_padding. Cut at the
# end: the result begins at row `padding` and has the size of task 2.
# </details>
#
# <details><summary>Hint 2</summary>
#
# One pixel of all images and channels stamps at once: `torch.einsum("ni,iokl->nokl", x[:, :, row, column],
# weight)`. The bias goes onto the finished canvas.
# </details>

# %% tags=["exercise"]
def conv_transpose2d(x, weight, bias, stride, padding, output_padding):
    """What nn.ConvTranspose2d computes: (N, C, H, W) -> (N, out_channels, H', W')."""
    ### BEGIN SOLUTION
    n, _, height, width = x.shape
    _, out_channels, k, _ = weight.shape
    painted_h, painted_w = (height - 1) * stride + k, (width - 1) * stride + k
    canvas = torch.zeros(n, out_channels, painted_h + output_padding, painted_w + output_padding)
    for row in range(height):
        for column in range(width):
            stamps = torch.einsum("ni,iokl->nokl", x[:, :, row, column], weight)
            top, left = row * stride, column * stride
            canvas[:, :, top : top + k, left : left + k] += stamps
    canvas = canvas + bias.reshape(1, -1, 1, 1)
    out_h = painted_h - 2 * padding + output_padding
    out_w = painted_w - 2 * padding + output_padding
    return canvas[:, :, padding : padding + out_h, padding : padding + out_w]
    ### END SOLUTION


# %% tags=["check"]
check.full_conv_transpose2d(conv_transpose2d)

# %% [markdown]
# ## Task 6 · A generator for 28×28
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** sections 8 and 9 of the lesson
#
# MNIST is a well-known set of handwritten digits of 28×28 pixels. Choose three layers that lead
# 1 → 7 → 14 → 28. From 7 on, each must overlap evenly.
#
# Expected: four whole numbers for each layer, in place of the dots.
#
# <details><summary>Hint 1</summary>
#
# From 1×1, one stamp is the whole output.
# </details>
#
# <details><summary>Hint 2</summary>
#
# To double with even overlap, take a kernel size that 2 divides, and cut off what is too much.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_layers = [
# STUB:     {"kernel_size": ..., "stride": ..., "padding": ..., "output_padding": ...},
# STUB:     {"kernel_size": ..., "stride": ..., "padding": ..., "output_padding": ...},
# STUB:     {"kernel_size": ..., "stride": ..., "padding": ..., "output_padding": ...},
# STUB: ]
my_layers = [
    {"kernel_size": 7, "stride": 1, "padding": 0, "output_padding": 0},
    {"kernel_size": 4, "stride": 2, "padding": 1, "output_padding": 0},
    {"kernel_size": 4, "stride": 2, "padding": 1, "output_padding": 0},
]
### END SOLUTION

# %% tags=["check"]
check.choose_chain(my_layers)

# %% [markdown]
# ## Done
#
# Both directions are yours now: from an image to a number, and from a number to an image.

# %%
from gan_course.checks import progress

progress.table()
