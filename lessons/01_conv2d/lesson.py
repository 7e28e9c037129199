# %% [markdown]
# # 01 · Conv2d: how a layer reads an image
#
# **After this lesson you can** compute a convolution by hand, predict the output size of any `Conv2d`,
# count its weights, and say why discriminators use kernel 4 with stride 2.
#
# **Time** about 45 minutes · **Builds on** [00 Start here](00_start_here.ipynb) · **Needs** no GPU

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.arithmetic import ShapeError, conv2d_output_size
from gan_course.labs import ConvBench, quiz, show

# %% [markdown]
# ## 1. Guess first
#
# Two questions, before you know. A guess costs nothing.

# %%
quiz("01_conv2d", "before")

# %% [markdown]
# ## 2. Run it first
#
# Here is the layer that begins the discriminator of almost every GAN. It takes a batch of 8 colour
# images and gives 64 *feature maps* for each, half as large.

# %% tags=["nbval-check-output"]
layer = nn.Conv2d(in_channels=3, out_channels=64, kernel_size=4, stride=2, padding=1)
images = torch.zeros(8, 3, 64, 64)  # (N, C, H, W): batch, channels, height, width
maps = layer(images)
print("in ", tuple(images.shape))
print("out", tuple(maps.shape))

# %% [markdown]
# Why 64 channels, why 32 by 32? Let us open it up, beginning with one channel and numbers that fit on
# a page.

# %% [markdown]
# ## 3. One channel, by hand
#
# A *kernel* is a small table of numbers. Lay it on the upper left corner of the image, multiply each
# number with the pixel below it, and add up the products. That sum is the first pixel of the
# result. Then move the kernel one cell to the right, and so on, row by row.

# %%
x = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2], [1, 0, 1, 3]])
kernel = torch.tensor([[1.0, -1], [2, 0]])

# %% tags=["nbval-check-output"]
window = x[0:2, 0:2]  # the four pixels below the kernel at its first position
print("pixels  ", window.flatten().tolist())
print("kernel  ", kernel.flatten().tolist())
print("products", (window * kernel).flatten().tolist())
print("sum     ", (window * kernel).sum().item())

# %% [markdown]
# Two loops do this for all positions. The kernel is 2 high and the image 4, so its top edge can stand
# at the rows 0, 1 and 2: the result has 3 rows.

# %% tags=["nbval-check-output"]
out = torch.zeros(3, 3)
for row in range(3):
    for column in range(3):
        window = x[row : row + 2, column : column + 2]  # (2, 2)
        out[row, column] = (window * kernel).sum()
print(out)

# %% [markdown]
# The same by torch. It wants a batch axis and a channel axis, both of size 1 here.

# %% tags=["nbval-check-output"]
by_torch = F.conv2d(x[None, None], kernel[None, None])[0, 0]  # (1, 1, 4, 4) and (1, 1, 2, 2)
print("largest difference from our loops:", (out - by_torch).abs().max().item())

# %% [markdown]
# **A word about the word.** In mathematics a *convolution* turns the kernel by 180 degrees first. What
# we did, and what every deep-learning library does, is called *cross-correlation* there. The kernel
# is learned, so it makes no difference which of the two a network uses.

# %% tags=["nbval-check-output"]
flipped = F.conv2d(x[None, None], kernel.flip(0, 1)[None, None])[0, 0]
print("as torch does it, first row:", by_torch[0].tolist())
print("with a turned kernel:       ", flipped[0].tolist())

# %% [markdown]
# ## 4. What a kernel can see
#
# A kernel that takes the right pixels minus the left ones is large where the image gets brighter
# from left to right: it finds vertical edges. Here on a real handwritten digit.

# %%
from gan_course.data import load_images

digit = load_images("digits").take(torch.tensor([4]))  # (1, 1, 32, 32) in [-1, 1]
vertical = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
kernels = torch.stack([vertical, vertical.T])[:, None]  # (2, 1, 3, 3)
edges = F.conv2d(digit, kernels, padding=1)  # (1, 2, 32, 32)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6))
axes[0].imshow(digit[0, 0], cmap="gray")
for axis, edge in zip(axes[1:], edges[0], strict=True):
    picture = axis.imshow(edge, cmap="PuOr", vmin=-6, vmax=6)
for axis, title in zip(axes, ["a real digit", "vertical edges", "horizontal edges"], strict=True):
    axis.set(title=title, xticks=[], yticks=[])
figure.colorbar(picture, ax=axes, shrink=0.8, label="value of the map")
show(figure, alt="A handwritten 4, and two maps of it. The first is strong at the left and right sides "
     "of each stroke, the second at the upper and lower sides.")

# %% [markdown]
# Nobody designs the kernels of a network. They start as random numbers, and training finds the ones
# that help.

# %% [markdown]
# ## 5. Four numbers decide the size
#
# **Stride** is how far the kernel jumps. With stride 2 it stops at every second cell.
#
# **Padding** adds cells with zeros on *each* side, so the kernel can also stop at the border.
#
# **Dilation** pulls the taps of the kernel apart: with dilation 2 there is one cell between them.
#
# Predict each size before you run the cell.

# %% tags=["nbval-check-output"]
x10 = torch.zeros(1, 1, 10, 10)
for arguments in (
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "dilation": 2},
):
    print("10 ->", nn.Conv2d(1, 1, **arguments)(x10).shape[-1], arguments)

# %% [markdown]
# Now the formula, in steps. The kernel covers $d(k-1)+1$ cells: its first tap and $k-1$ gaps of
# $d$ cells. The padded image has $n+2p$ cells. Subtract, and you have the cells that are left for the
# kernel to move in. Divide by the stride $s$, and you have the jumps. The first position needs no
# jump, so add 1:
#
# $$\text{out} = \left\lfloor \frac{n + 2p - d(k-1) - 1}{s} \right\rfloor + 1$$
#
# where $n$ is the input size, $k$ the kernel size, $s$ the stride, $p$ the padding on each side and
# $d$ the dilation. The brackets $\lfloor\;\rfloor$ mean: round down. A last jump that does not fit
# whole is not made.

# %% tags=["nbval-check-output"]
n, k, s, p, d = 64, 4, 2, 1, 1
print("cells left to move in:", n + 2 * p - d * (k - 1) - 1)
print("jumps:                ", (n + 2 * p - d * (k - 1) - 1) // s)
print("positions:            ", (n + 2 * p - d * (k - 1) - 1) // s + 1)
print("by the package:       ", conv2d_output_size(n, k, s, p, d))

# %% [markdown]
# ## 6. The bench
#
# Make the guess, then everything opens. Move one slider at a time and say the new size before you look.
# The yellow cells are what the chosen output cell reads; the *chosen cell* slider walks through the
# image (click it, then use the arrow keys).
#
# Three things to find:
#
# 1. a setting where the last row of the image is never read (it is struck out);
# 2. two settings that keep the size of the image;
# 3. a setting that torch refuses, and what it says then.

# %%
bench = ConvBench()
bench

# %% [markdown]
# The bench without a mouse: set a number, read what it did.

# %% tags=["nbval-check-output"]
other = ConvBench(n=9, kernel_size=3, stride=2, padding=0, revealed=True, cursor=5)
print(other.code())
print(other.alt_text())

# %% [markdown]
# When a kernel does not fit, torch refuses. Its message has all you need: read it calmly.

# %% tags=["nbval-check-output"]
try:
    nn.Conv2d(1, 1, kernel_size=5)(torch.zeros(1, 1, 4, 4))
except RuntimeError as error:
    print("torch:  ", error)
try:
    conv2d_output_size(4, kernel_size=5)
except ShapeError as error:
    print("package:", error)

# %% [markdown]
# ## 7. Channels and weights
#
# A colour image has 3 channels, so each kernel has 3 slices. It multiplies all three with what lies
# below and adds everything up to *one* number. 64 such kernels give 64 maps. So the weight has four
# axes: which map, which input channel, which row, which column.

# %% tags=["nbval-check-output"]
print("weight", tuple(layer.weight.shape), "(out_channels, in_channels, height, width)")
print("bias  ", tuple(layer.bias.shape), "one for each map")
weights = 64 * 3 * 4 * 4
print("parameters by hand:", weights, "+ 64 =", weights + 64)
print("counted by torch:  ", sum(p.numel() for p in layer.parameters()))

# %% [markdown]
# The image's size is not in there: the same kernels slide over every place. A fully connected layer
# from the same input to the same output would need one weight for each pair of numbers.

# %% tags=["nbval-check-output"]
dense = (3 * 64 * 64) * (64 * 32 * 32)
print(f"convolution:     {weights:>13,} weights")
print(f"fully connected: {dense:>13,} weights, {dense // weights:,} times as many")
print(f"multiply-adds for one image: {weights * 32 * 32:,}")

# %% [markdown]
# With `groups=2` the channels are split in two halves that do not see each other: half the weights.

# %% tags=["nbval-check-output"]
for groups in (1, 2, 4):
    grouped = nn.Conv2d(4, 8, kernel_size=3, groups=groups)
    print("groups", groups, "-> weight", tuple(grouped.weight.shape), grouped.weight.numel())

# %% [markdown]
# ## 8. Why GANs take kernel 4, stride 2, padding 1
#
# A discriminator has to boil an image down to one number. It halves the size again and again, and this
# layer halves *every* even size exactly:

# %% tags=["nbval-check-output"]
size = 64
while size > 4:
    halved = conv2d_output_size(size, kernel_size=4, stride=2, padding=1)
    print(f"{size:>2} -> {halved}")
    size = halved

# %% [markdown]
# And it reads all pixels alike. Count how often each pixel of a row is read: with kernel 3 and stride 2
# every second pixel counts double, with kernel 4 all count the same (away from the border).

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 2.6), sharey=True)
for axis, k, p in zip(axes, (3, 4), (1, 1), strict=True):
    row = torch.zeros(1, 1, 1, 16, requires_grad=True)
    F.conv2d(row, torch.ones(1, 1, 1, k), stride=(1, 2), padding=(0, p)).sum().backward()
    counts = row.grad[0, 0, 0]  # how many outputs each pixel takes part in
    axis.bar(range(16), counts, color="#0072B2")
    axis.set(title=f"kernel {k}, stride 2, padding {p}", xlabel="pixel", ylabel="times read")
figure.tight_layout()
show(figure, alt="Two bar charts over 16 pixels. With kernel 3 the bars alternate between 1 and 2; with "
     "kernel 4 all bars are 2, but for the two at the border.")

# %% [markdown]
# Backwards the same numbers matter even more: in the next lesson this layer runs in reverse, and uneven
# counts become a checkerboard in the image.

# %% [markdown]
# ## 9. What do you know now?

# %%
quiz("01_conv2d", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | what it does | lays a kernel on each place, multiplies, adds up over all channels, adds a bias |
# | output size | $\lfloor (n + 2p - d(k-1) - 1)/s \rfloor + 1$ |
# | weight | (out_channels, in_channels / groups, k, k), and one bias for each output channel |
# | multiply-adds | weights × output positions |
# | halve an image | `kernel_size=4, stride=2, padding=1`: exact for even sizes, reads all pixels alike |
#
# In torch's documentation:
# [torch.nn.Conv2d](https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html),
# [torch.nn.functional.conv2d](https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html).
#
# **Now you** [exercises/01_conv2d](../exercises/01_conv2d.ipynb): seven tasks, from predicting a size to
# writing all of `Conv2d`. **Next** [08 Train a DCGAN](08_train_dcgan.ipynb).
