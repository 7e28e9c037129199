# %% [markdown]
# # 02 · ConvTranspose2d: how a generator makes small things large
#
# **After this lesson you can** compute a transposed convolution by hand in three ways, predict any
# output size, `output_padding` included, say where checkerboards come from, and find the layers that
# lead from one size to another.
#
# **Time** about 45 minutes · **Builds on** [01 · Conv2d](01_conv2d.ipynb) · **Needs** no GPU

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.arithmetic import conv2d_output_size, conv_transpose2d_output_size
from gan_course.labs import ConvBench, PaintOverlap, ShapeSolver, ThereAndBack, quiz, show

# %% [markdown]
# ## 1. Guess first
#
# Two questions, before you know. (The answers to all that follows are stored below the cells. To guess
# honestly, choose *Edit → Clear Outputs of All Cells* first.)

# %%
quiz("02_conv_transpose2d", "before")

# %% [markdown]
# ## 2. Run it first
#
# A generator starts with a vector and ends with an image. On the way, small maps have to become large
# ones. In the GANs of this course, and in many others, this layer does it.

# %% tags=["nbval-check-output"]
layer = nn.ConvTranspose2d(in_channels=3, out_channels=8, kernel_size=4, stride=2, padding=1)
small = torch.zeros(1, 3, 16, 16)  # (N, C, H, W)
print("in ", tuple(small.shape))
print("out", tuple(layer(small).shape))

# %% [markdown]
# Sixteen became thirty-two. Let us open it up with an image of 2×2 pixels and a kernel of 2×2, one
# channel each, and stride 1.

# %%
x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
kernel = torch.tensor([[1.0, 0.0], [2.0, -1.0]])

# %% [markdown]
# ## 3. First way: each pixel stamps the kernel
#
# Take the kernel as a rubber stamp. Each input pixel presses it onto the output once, as strongly as
# its own value says. Where stamps overlap, the ink adds up. This is called *scatter*.
#
# The stamps are 2 wide and begin at columns 0 and 1, so the output is 3 wide.

# %% tags=["nbval-check-output"]
scattered = torch.zeros(3, 3)
stamps = []
for row in range(2):
    for column in range(2):
        stamp = torch.zeros(3, 3)
        stamp[row : row + 2, column : column + 2] = x[row, column] * kernel
        stamps.append(stamp)
        scattered += stamp
print(scattered)

# %%
figure, axes = plt.subplots(1, 5, figsize=(9, 2.7), layout="constrained")
titles = ["1 × kernel", "2 × kernel", "3 × kernel", "4 × kernel", "their sum"]
for axis, picture, title in zip(axes, [*stamps, scattered], titles, strict=True):
    axis.imshow(picture, cmap="cividis", vmin=-4, vmax=11)
    axis.set(title=title, xticks=[], yticks=[])
    for place, value in enumerate(picture.flatten().tolist()):
        color = "black" if value > 3 else "white"
        axis.text(place % 3, place // 3, f"{value:g}", ha="center", va="center", color=color)
figure.suptitle("Each of the four pixels stamps the kernel, and the ink adds up")
show(figure, alt="Four 3 by 3 grids, each with one scaled copy of the kernel in its pixel's place, and "
     "a fifth with their sum, which is the output of the transposed convolution.")

# %% [markdown]
# ## 4. Second way: an ordinary convolution over a stuffed input
#
# Look from the other side: which input pixels does one *output* cell collect from? (*Gather*.) Put
# zeros around the input, wide enough that the kernel can hang over the edge by all but one cell. Then
# slide the kernel over it, turned by 180 degrees. It is turned because a pixel to the *left* of an
# output cell reaches it with the *right* part of its stamp.
#
# Here the stride is 1, so the pixels stay side by side.

# %% tags=["nbval-check-output"]
stuffed = F.pad(x, (1, 1, 1, 1))  # kernel - 1 = 1 cell of zeros on each side: (4, 4)
gathered = F.conv2d(stuffed[None, None], kernel.flip(0, 1)[None, None])[0, 0]
print(gathered)
print("equal to the stamps:", torch.equal(gathered, scattered))

# %% [markdown]
# With a larger stride the stamps move further apart. Seen from the output, that means zeros *between* the
# pixels too, $s-1$ of them for a stride of $s$. The sliding kernel itself still moves by single cells.
#
# This is why the layer is said to have a "fractional stride": with stride 2, one cell of the stuffed grid
# is half a pixel.

# %% tags=["nbval-check-output"]
stride = 2
apart = torch.zeros(3, 3)
apart[::stride, ::stride] = x  # stride - 1 = 1 zero between neighbours
stuffed_2 = F.pad(apart, (1, 1, 1, 1))  # and again kernel - 1 zeros around: (5, 5)
gathered_2 = F.conv2d(stuffed_2[None, None], kernel.flip(0, 1)[None, None])[0, 0]
expected = F.conv_transpose2d(x[None, None], kernel[None, None], stride=stride)[0, 0]
print(gathered_2)
print("equal to torch, stride 2:", torch.equal(gathered_2, expected))

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 3), layout="constrained")
titles = ["stride 1:\nzeros around", "output 3×3", "stride 2:\nzeros between, too", "output 4×4"]
for axis, picture, title in zip(axes, [stuffed, gathered, stuffed_2, gathered_2], titles, strict=True):
    axis.imshow(picture, cmap="cividis", vmin=-4, vmax=11)
    axis.set(title=title, xticks=[], yticks=[])
    width = picture.shape[1]
    for place, value in enumerate(picture.flatten().tolist()):
        color = "black" if value > 3 else "white"
        axis.text(place % width, place // width, f"{value:g}", ha="center", va="center", color=color)
figure.suptitle("Stuffed with zeros, then convolved with the turned kernel")
show(figure, alt="Four grids. With stride 1 the 2 by 2 image has one ring of zeros around it and gives a "
     "3 by 3 output. With stride 2 there is also a row and a column of zeros between its pixels, and the "
     "output is 4 by 4.")

# %% [markdown]
# ## 5. Third way: the transpose of a matrix
#
# Now the name. A convolution is linear, so it is a matrix: write the 3×3 image as a column of 9
# numbers, the 2×2 result as a column of 4, and the convolution becomes a 4×9 matrix. Each of its rows
# holds the kernel at one position.

# %% tags=["nbval-check-output"]
columns = []
for i in range(9):  # the i-th column is what the convolution makes of the i-th unit image
    unit = torch.zeros(9)
    unit[i] = 1
    columns.append(F.conv2d(unit.reshape(1, 1, 3, 3), kernel[None, None]).flatten())
matrix = torch.stack(columns, dim=1)
print(matrix.int())

# %% [markdown]
# That matrix goes from 9 numbers to 4. Its **transpose** goes from 4 to 9. Apply it to our 2×2 image:

# %% tags=["nbval-check-output"]
by_matrix = (matrix.T @ x.flatten()).reshape(3, 3)
print(by_matrix)
print("equal to the stamps:", torch.equal(by_matrix, scattered))
by_torch = F.conv_transpose2d(x[None, None], kernel[None, None])[0, 0]
print("equal to torch:     ", torch.equal(by_torch, scattered))

# %% [markdown]
# Three ways, one result. And a warning: the transpose is not the inverse. Going there and back
# restores the *size*, not the numbers; "deconvolution", as it is sometimes called, is misleading.

# %% tags=["nbval-check-output"]
image = torch.arange(9.0).reshape(1, 1, 3, 3)
there = F.conv2d(image, kernel[None, None])
back = F.conv_transpose2d(there, kernel[None, None])
print("shapes:", tuple(image.shape), "->", tuple(there.shape), "->", tuple(back.shape))
print("the same numbers again:", torch.equal(image, back))

# %% [markdown]
# ## 6. The size
#
# The first stamp begins at 0, the last at $(n-1)s$, and a stamp covers $d(k-1)+1$ cells. So much is
# painted. Then *padding* cuts $p$ cells off **each** side, and $e$, the *output_padding*, keeps some at
# the far end:
#
# $$\text{out} = (n-1)\,s - 2p + d(k-1) + e + 1$$
#
# where $n$ is the input size, $k$ the kernel size, $s$ the stride, $p$ the padding, $d$ the dilation.

# %% tags=["nbval-check-output"]
n, k, s, p, d, e = 16, 4, 2, 1, 1, 0
print("painted:      ", (n - 1) * s + d * (k - 1) + 1)
print("after cutting:", (n - 1) * s - 2 * p + d * (k - 1) + e + 1)
print("by the package:", conv_transpose2d_output_size(n, k, s, p, e, d))

# %% [markdown]
# **Why output_padding exists.** A strided convolution rounds down, so several input sizes share one
# output size. On the way back the layer cannot know which of them you came from. You have to say it.

# %% tags=["nbval-check-output"]
for size in (29, 30):
    print(size, "->", conv2d_output_size(size, kernel_size=3, stride=2, padding=1))
for extra in (0, 1):
    print("15 ->", conv_transpose2d_output_size(15, 3, stride=2, padding=1, output_padding=extra),
          "with output_padding", extra)

# %% [markdown]
# It does not add zeros at the edge: it keeps cells that the cutting would have taken. (Only where no stamp
# reaches do they stay empty, but for the bias.) Here is a single row of ones; where a layer takes a pair,
# it means (height, width):

# %% tags=["nbval-check-output"]
ones = torch.ones(1, 1, 1, 3)
row = F.conv_transpose2d(ones, torch.ones(1, 1, 1, 3), stride=(1, 2), padding=(0, 1))
longer = F.conv_transpose2d(ones, torch.ones(1, 1, 1, 3), stride=(1, 2), padding=(0, 1),
                            output_padding=(0, 1))
print("without:", row.flatten().tolist())
print("with:   ", longer.flatten().tolist())

# %% [markdown]
# ## 7. Both modes on the bench
#
# First the transposed layer alone. Guess the size, then choose *input → outputs* to see where one cell
# goes, and *output ← inputs* to see what an output cell collects.

# %%
bench = ConvBench(mode="ConvTranspose2d", n=4, view="scatter", cursor=5)
bench

# %% [markdown]
# Now both layers side by side, with the same numbers and the same kernel. One cell in the middle is made of
# some cells on the left, and stamps some cells on the right. Move it about: what do the two sets have to do
# with each other?

# %%
both = ThereAndBack()
both

# %% [markdown]
# They are the same cells. *That* is what "transposed" means: every connection of the convolution is kept,
# and walked backwards. The numbers do not come back, only the places.
#
# Now mend the size with one slider, so that 8×8 comes back.

# %% tags=["nbval-check-output"]
for extra in (0, 1):
    data = ThereAndBack(output_padding=extra, revealed=True).figure_data()
    print(f"output_padding={extra}: 8 -> {len(data['middle'])} -> {len(data['back'])},",
          "the same cells:", data["reads"] == data["stamps"])

# %% [markdown]
# ## 8. Checkerboards, before any training
#
# Where the stride does not divide the kernel size, some cells lie under more stamps than their
# neighbours. The picture is then uneven although the input is constant and nothing is learned yet.
#
# Guess, then move the sliders. Two things to find: which kernel sizes are even at stride 3; and what
# *random weights* do to a kernel that was even.

# %%
overlap = PaintOverlap()
overlap

# %% tags=["nbval-check-output"]
for k in (2, 3, 4, 5, 6):
    data = PaintOverlap(kernel_size=k, stride=2, locked=False).figure_data()
    print(f"kernel {k}, stride 2: unevenness {data['unevenness']:.2f}")

# %% [markdown]
# (*Unevenness* is the standard deviation of the cells away from the border, divided by their mean: 0 means
# that all are alike, 0.46 that they typically differ from the mean by 46 %.)
#
# Even overlap is no promise. With stride 2, cells in odd and in even rows and columns are painted by
# different numbers of the kernel. If those are *random*, an even kernel gives a pattern too, just a weaker
# one; and training can learn to cancel either. But a layer that starts even has less to unlearn. That is why
# DCGAN takes kernel 4 with stride 2.

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.5), layout="constrained")
for axis, (method, k) in zip(axes, [("transposed", 3), ("transposed", 4), ("resize", 3)], strict=True):
    lab = PaintOverlap(kernel_size=k, layers=2, weights="random", method=method, locked=False)
    data = lab.figure_data()
    axis.imshow(data["output"], cmap="gray")
    name = f"transposed, kernel {k}" if method == "transposed" else "enlarge, then convolve"
    axis.set(title=f"{name}\nunevenness {data['unevenness']:.2f}", xticks=[], yticks=[])
figure.suptitle("Two layers with random weights on a constant image")
show(figure, alt="Three grey images made from a constant one: kernel 3 shows a strong grid pattern, kernel 4 "
     "a weaker one, enlarging with a convolution none away from the border.")

# %% [markdown]
# ## 9. The inverse question
#
# So far you went from a layer to a size. When you build a network, you go the other way: from 1 to 4 to 64,
# which layers? The solver counts them all and shows some. Choose one for each step in the menus (k is the
# kernel size, s the stride, p the padding, o the output_padding), and try the puzzle: even overlap
# everywhere, as few parameters as you can.

# %%
solver = ShapeSolver()
solver

# %% [markdown]
# DCGAN's generator is the first choice in every step: one layer from 1×1 to 4×4, and then four times the
# same layer. Each of the four doubles the picture; the channels shrink on the way.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
first = nn.ConvTranspose2d(100, 64, kernel_size=4, stride=1, padding=0)
steps = [nn.ConvTranspose2d(a, b, kernel_size=4, stride=2, padding=1)
         for a, b in [(64, 32), (32, 16), (16, 8), (8, 3)]]
maps = [first(torch.randn(1, 100, 1, 1))]  # z -> (1, 64, 4, 4)
for step in steps:
    maps.append(step(maps[-1]))
for picture in maps:
    print(tuple(picture.shape))

# %%
figure, axes = plt.subplots(1, 5, figsize=(9, 2.5), layout="constrained")
for axis, picture in zip(axes, maps, strict=True):
    axis.imshow(picture[0, 0].detach(), cmap="gray")
    channels, side = picture.shape[1], picture.shape[2]
    axis.set(title=f"{side}×{side}\n{channels} channels", xticks=[], yticks=[])
figure.suptitle("From noise to 64×64, with nothing learned: channel 0 after each layer")
show(figure, alt="Five grey pictures of one channel after each layer, from 4 by 4 to 64 by 64 pixels. They "
     "are random squares that get finer; in the largest a regular fine grid shows.")

# %% [markdown]
# The grid in the last picture is the checkerboard of section 8: random weights, four layers deep.

# %% [markdown]
# ## 10. Two traps
#
# The weight's axes are the other way round than in `Conv2d`: first the *input* channels.

# %% tags=["nbval-check-output"]
print("Conv2d(3, 8)         ", tuple(nn.Conv2d(3, 8, 4).weight.shape))
print("ConvTranspose2d(3, 8)", tuple(nn.ConvTranspose2d(3, 8, 4).weight.shape))

# %% [markdown]
# And `output_padding` must be smaller than the stride (or the dilation). Torch says so:

# %% tags=["nbval-check-output"]
try:
    nn.ConvTranspose2d(1, 1, 3, stride=2, output_padding=2)(torch.zeros(1, 1, 4, 4))
except RuntimeError as error:
    print(error)

# %% [markdown]
# ## 11. What do you know now?

# %%
quiz("02_conv_transpose2d", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | scatter | each input pixel stamps the kernel, `stride` cells further than the one before |
# | gather | a convolution with the turned kernel over the zero-stuffed input |
# | matrix | the transpose of the convolution's matrix; not its inverse |
# | output size | $(n-1)s - 2p + d(k-1) + e + 1$ |
# | padding | cuts that many cells off each side |
# | output_padding | tells which of several sizes to come back to; smaller than the stride |
# | checkerboards | where the stride does not divide the kernel size |
# | double an image | `kernel_size=4, stride=2, padding=1` |
#
# In torch's documentation:
# [torch.nn.ConvTranspose2d](https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html),
# [torch.nn.Upsample](https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html).
# More on checkerboards: Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts".
#
# **Now you.** [exercises/02_conv_transpose2d](../exercises/02_conv_transpose2d.ipynb): six tasks, from predicting
# a size to writing all of `ConvTranspose2d`.
#
# **Next** [03 · Activations](03_activations.ipynb): the functions between two layers.
