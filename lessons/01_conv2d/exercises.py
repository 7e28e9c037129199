# %% [markdown]
# # Exercises 01 · Conv2d
#
# **After these you can** predict the size that any convolution puts out, and you have written one.
#
# **Time** about 85 minutes in all · **Builds on** [lesson 01](../notebooks/01_conv2d.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/01_conv2d.ipynb).

# %%
import torch

from gan_course.checks import conv2d as check

# %% [markdown]
# ## Task 1 · Predict six sizes
#
# **Difficulty** ●○○○○ · **Time** about 5 minutes · **You need** section 5 of the lesson
#
# What height comes out of each of these layers? Compute in your head or on paper; do not run them.
#
# | | layer | input |
# |---|---|---|
# | 1 | `nn.Conv2d(1, 1, kernel_size=5)` | 32×32 |
# | 2 | `nn.Conv2d(1, 1, kernel_size=3, padding=1)` | 32×32 |
# | 3 | `nn.Conv2d(1, 1, kernel_size=4, stride=2, padding=1)` | 64×64 |
# | 4 | `nn.Conv2d(1, 1, kernel_size=3, stride=2, padding=1)` | 29×29 |
# | 5 | `nn.Conv2d(1, 1, kernel_size=3, dilation=2)` | 16×16 |
# | 6 | `nn.Conv2d(1, 1, kernel_size=3, stride=4)` | 10×10 |
#
# Expected: a list of six whole numbers.
#
# <details><summary>Hint 1</summary>
#
# Count positions: where can the left edge of the kernel stand? It begins at 0 and jumps by the
# stride for as long as the whole kernel still lies inside.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 6: the kernel begins at 0, at 4, and would begin at 8. It covers 3 cells, so the last one
# would be cell 10, and the image ends at cell 9.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_sizes = [..., ..., ..., ..., ..., ...]
my_sizes = [28, 32, 32, 15, 12, 2]
### END SOLUTION

# %% tags=["check"]
check.predict_sizes(my_sizes)

# %% [markdown]
# ## Task 2 · Write the formula
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 1
#
# Now for all layers at once. Return the output size for an input of size `n`. All arguments are whole
# numbers, and so is the result.
#
# Expected: `size(64, 4, 2, 1, 1)` is `32`, and `size(29, 3, 2, 1, 1)` is `15`.
#
# <details><summary>Hint 1</summary>
#
# How many cells does the kernel cover from its first tap to its last? With dilation d there are
# k − 1 gaps of d cells each.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Take the padded input, take away what the kernel covers, and count how many whole jumps fit
# (`//` rounds down). Then add the first position.
# </details>

# %% tags=["exercise"]
def size(n, kernel_size, stride, padding, dilation):
    """Height of the output of a Conv2d for an input of height n."""
    ### BEGIN SOLUTION
    covered = dilation * (kernel_size - 1) + 1
    jumps = (n + 2 * padding - covered) // stride
    return jumps + 1
    ### END SOLUTION


# %% tags=["check"]
check.size_formula(size)

# %% [markdown]
# ## Task 3 · Choose a layer
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 2, section 8 of the lesson
#
# A discriminator makes images smaller and smaller: 64 → 32 → 16 → 8. Find a kernel size, a stride and
# a padding that turn every even size n into n / 2, and that read every pixel equally often (away
# from the border). There is more than one right answer.
#
# Expected: three whole numbers in place of the dots.
#
# <details><summary>Hint 1</summary>
#
# To halve, the kernel has to jump by two.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each pixel is read equally often exactly when the stride divides the kernel size. Choose such a
# kernel, then the padding that makes the size come out right.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_layer = {"kernel_size": ..., "stride": ..., "padding": ...}
my_layer = {"kernel_size": 4, "stride": 2, "padding": 1}
### END SOLUTION

# %% tags=["check"]
check.choose_layer(my_layer)

# %% [markdown]
# ## Task 4 · A convolution by hand
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 3 of the lesson
#
# One image `x` of shape (H, W), one `kernel` of shape (kh, kw), stride 1, no padding. At each
# position multiply the kernel with the pixels below it, number by number, and add up the
# products. Loops are welcome; torch's own convolutions are locked in this cell's check.
#
# Expected: the result has the shape (H − kh + 1, W − kw + 1). For the image
# `[[1, 2, 3], [4, 5, 6]]` and the kernel `[[1, 0], [0, 2]]` it is `[[11, 14]]`: first 1·1 + 2·5, then
# 1·2 + 2·6.
#
# <details><summary>Hint 1</summary>
#
# Make the empty result first: `out = torch.zeros(H - kh + 1, W - kw + 1)`. Then fill it with two
# loops, one over its rows and one over its columns.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The pixels below the kernel at position (row, column) are `x[row : row + kh, column : column + kw]`.
# </details>

# %% tags=["exercise"]
def convolve(x, kernel):
    """Slide kernel over x: (H, W) and (kh, kw) -> (H - kh + 1, W - kw + 1)."""
    ### BEGIN SOLUTION
    kh, kw = kernel.shape
    out = torch.zeros(x.shape[0] - kh + 1, x.shape[1] - kw + 1)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            window = x[row : row + kh, column : column + kw]
            out[row, column] = (window * kernel).sum()
    return out
    ### END SOLUTION


# %% tags=["check"]
check.one_channel(convolve)

# %% [markdown]
# ## Task 5 · All of Conv2d
#
# **Difficulty** ●●●●● · **Time** about 25 minutes · **You need** tasks 2 and 4
#
# The real thing. `x` is a batch (N, in_channels, H, W), `weight` has the shape
# (out_channels, in_channels // groups, kh, kw), `bias` the shape (out_channels,). `stride`,
# `padding`, `dilation` and `groups` are whole numbers.
#
# Expected: the same numbers as `torch.nn.functional.conv2d`, for any of these arguments.
#
# <details><summary>Hint 1</summary>
#
# Begin with the padding: make a larger tensor of zeros and put x into its middle. After that no
# line needs to think of padding again.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A slice with a step does dilation: `x[:, :, top : top + reach : dilation]` where
# `reach = dilation * (kh - 1) + 1`. And the position (row, column) begins at `row * stride`.
# </details>
#
# <details><summary>Hint 3</summary>
#
# For groups, loop over the output channels: channel o belongs to group
# `o // (out_channels // groups)`, and reads that group's `in_channels // groups` input channels.
# </details>

# %% tags=["exercise"]
def conv2d(x, weight, bias, stride, padding, dilation, groups):
    """What nn.Conv2d computes, from scratch: (N, C, H, W) -> (N, out_channels, H', W')."""
    ### BEGIN SOLUTION
    n, c, height, width = x.shape
    out_channels, c_group, kh, kw = weight.shape
    padded = torch.zeros(n, c, height + 2 * padding, width + 2 * padding)
    padded[:, :, padding : padding + height, padding : padding + width] = x

    reach_h, reach_w = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    rows = (padded.shape[2] - reach_h) // stride + 1
    columns = (padded.shape[3] - reach_w) // stride + 1
    out = torch.zeros(n, out_channels, rows, columns)
    for o in range(out_channels):
        first = o // (out_channels // groups) * c_group  # first channel of o's group
        for row in range(rows):
            for column in range(columns):
                top, left = row * stride, column * stride
                window = padded[
                    :,
                    first : first + c_group,
                    top : top + reach_h : dilation,
                    left : left + reach_w : dilation,
                ]
                out[:, o, row, column] = (window * weight[o]).sum(dim=(1, 2, 3)) + bias[o]
    return out
    ### END SOLUTION


# %% tags=["check"]
check.full_conv2d(conv2d)

# %% [markdown]
# ## Task 6 · Spot the error
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** task 2
#
# Some notes on the web give the output size of a convolution like this:
#
# $$H_{out} = \frac{H_{in} + 2 \cdot padding - dilation \cdot (kernel\_size - 1)}{stride} + 1$$
#
# and work it out for 96 pixels, kernel 4, stride 2, padding 1:
#
# $$\frac{96 - 2 \cdot 1 - 1 \cdot (4 - 1)}{2} + 1 = 48$$
#
# Torch makes 48 there, too. But does the line? Run the next cell.

# %%
print("as printed:          ", (96 - 2 * 1 - 1 * (4 - 1)) / 2 + 1)
print("with the formula's +:", (96 + 2 * 1 - 1 * (4 - 1)) / 2 + 1)

# %% [markdown]
# So the printed line has a slip of sign, and without it the formula comes out half a pixel above 48.
# Rounding that down gives 48, and hides a second slip: one in the formula itself. It is an easy one to
# make.
#
# Find a layer for which the formula, rounded down, gives a wrong size.
#
# Expected: five whole numbers of a layer that torch accepts. There are many right answers.
#
# <details><summary>Hint 1</summary>
#
# Compare it with your formula of task 2, term by term.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The two differ by 1 above the line. When does rounding down swallow that 1, and when not?
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: counterexample = {"n": ..., "kernel_size": ..., "stride": ..., "padding": ..., "dilation": ...}
counterexample = {"n": 8, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1}
### END SOLUTION

# %% tags=["check"]
check.spot_the_error(counterexample)

# %% [markdown]
# ## Task 7 · What does it cost?
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 7 of the lesson
#
# Return two numbers: the parameters of the layer (weights and biases), and the multiply-adds for
# one image whose output has `out_size` × `out_size` positions. Adding a bias is no multiply-add.
#
# Expected: `costs(3, 64, 4, 32, 1)` is `(3136, 3145728)`.
#
# <details><summary>Hint 1</summary>
#
# How many numbers are in the weight of shape (out_channels, in_channels // groups, k, k)?
# </details>
#
# <details><summary>Hint 2</summary>
#
# At each position every weight is used exactly once.
# </details>

# %% tags=["exercise"]
def costs(in_channels, out_channels, kernel_size, out_size, groups):
    """(number of parameters, multiply-adds for one image) of a Conv2d with bias."""
    ### BEGIN SOLUTION
    weights = out_channels * (in_channels // groups) * kernel_size * kernel_size
    return weights + out_channels, weights * out_size * out_size
    ### END SOLUTION


# %% tags=["check"]
check.count_costs(costs)

# %% [markdown]
# ## Done
#
# You can now read any `nn.Conv2d(...)` and know what comes out, and what it costs.
#
# The same numbers with `ConvTranspose2d` make images larger: that is how a generator works.

# %%
from gan_course.checks import progress

progress.table()
