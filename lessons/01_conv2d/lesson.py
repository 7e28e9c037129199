# %% [markdown]
# # 01 · Conv2d: how a layer reads an image
#
# **After this lesson you can** compute a convolution by hand, predict the output size of any `Conv2d`,
# count its parameters and its work, and say why discriminators halve an image with kernel 4 and
# stride 2.
#
# **Time** about 45 minutes · **Builds on** [00 · Start here](00_start_here.ipynb) · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# Here is a real handwritten digit, and a layer that looks for edges in it.

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course import palette
from gan_course.arithmetic import ShapeError, conv2d_output_size
from gan_course.data import load_images
from gan_course.labs import ConvBench, quiz, show

# %%
digit = load_images("digits").take(torch.tensor([4])) + 1  # (1, 1, 32, 32); black is 0, white is 2

right_minus_left = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
below_minus_above = right_minus_left.T
blur = torch.ones(3, 3) / 9
kernels = torch.stack([right_minus_left, below_minus_above, blur])[:, None]  # (3, 1, 3, 3)
maps = F.conv2d(digit, kernels, padding=1)  # (1, 3, 32, 32)

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 3.0), layout="constrained")
axes[0].imshow(digit[0, 0], cmap="gray")
for axis, map_ in zip(axes[1:3], maps[0, :2], strict=True):
    axis.imshow(map_, cmap="gray", vmin=-6, vmax=6)
axes[3].imshow(maps[0, 2], cmap="gray")
titles = ["a real digit", "right minus left", "below minus above", "mean of 9 pixels"]
for axis, title in zip(axes, titles, strict=True):
    axis.set(title=title, xticks=[], yticks=[])
figure.suptitle("One image, three kernels, three maps")
show(
    figure,
    alt="A handwritten 4 in white on black, and three maps of it. In the second, left sides "
    "of strokes are white and right sides black on grey. In the third, upper sides are white and "
    "lower sides black. The fourth is the digit, blurred.",
)

# %% [markdown]
# In the two middle maps, white means "it gets brighter in this direction", black "it gets darker",
# and grey "nothing changes". Three times three numbers were enough to find the edges.
#
# A `Conv2d` layer is a stack of such small tables, called **kernels**. In a network nobody writes them
# down: they start as random numbers, and training finds the ones that help. How do they work?

# %% [markdown]
# ## 2. Guess first
#
# Three questions, before you know.

# %%
quiz("01_conv2d", "before")

# %% [markdown]
# ## 3. One number at a time
#
# A tiny image of 5×5 pixels, and the first kernel of section 1. Below it, a helper that draws such tables.

# %%
x = torch.tensor(
    [[1.0, 2, 0, 1, 3], [0, 1, 2, 2, 1], [3, 0, 1, 1, 0], [2, 1, 0, 3, 1], [1, 0, 2, 1, 2]]
)
kernel = right_minus_left


# %%
def draw_numbers(axis, table, title, lit=()):
    """Draw a small tensor as a table of its numbers; the cells in ``lit`` are coloured."""
    rows, columns = table.shape
    for r in range(rows):
        for c in range(columns):
            on = (r, c) in lit
            face, edge, width = ("#FFE08A", "#8A6100", 2) if on else ("white", "0.6", 1)
            axis.add_patch(plt.Rectangle((c, r), 1, 1, fc=face, ec=edge, lw=width, zorder=2 + on))
            number = f"{table[r, c]:g}"
            axis.text(c + 0.5, r + 0.5, number, ha="center", va="center", size=13, zorder=4)
    axis.set(xlim=(-0.1, columns + 0.1), ylim=(5.1, -0.1), aspect="equal", title=title)
    axis.axis("off")


# %% [markdown]
# Lay the kernel on the upper left corner. Multiply each of its numbers with the pixel below it, and
# add up the nine products. That sum is the first number of the output.

# %% tags=["nbval-check-output"]
window = x[0:3, 0:3]  # (3, 3), the nine pixels below the kernel
products = (window * kernel).int()
print("pixels  ", window.int().flatten().tolist())
print("kernel  ", kernel.int().flatten().tolist())
print("products", products.flatten().tolist())
print("sum     ", products.sum().item())

# %% [markdown]
# Then move the kernel one cell to the right, and do it again; at the end of the row, go back to the
# left and one cell down. The corner of the 3×3 kernel can stand in rows 0, 1 and 2 of the 5×5 image,
# and in columns 0, 1 and 2. So the output is 3×3.
#
# In code these are four loops: two for the position, two for the cells of the kernel.

# %% tags=["nbval-check-output"]
out = torch.zeros(3, 3)
for row in range(3):  # where the kernel stands
    for column in range(3):
        for i in range(3):  # the cells of the kernel
            for j in range(3):
                out[row, column] += kernel[i, j] * x[row + i, column + j]
print(out)

# %%
figure, axes = plt.subplots(1, 3, figsize=(8, 3.2), width_ratios=[5, 3, 3], layout="constrained")
row, column = 1, 2  # change these two and run again
lit = {(row + i, column + j) for i in range(3) for j in range(3)}
draw_numbers(axes[0], x, "image, 5×5", lit)
draw_numbers(axes[1], kernel, "kernel, 3×3")
draw_numbers(axes[2], out, "output, 3×3", {(row, column)})
figure.suptitle("The yellow output number is made of the nine yellow pixels")
show(
    figure,
    alt=f"Three tables of numbers. In the 5 by 5 image the nine cells from row {row}, column "
    f"{column} on are yellow; in the 3 by 3 output the cell ({row}, {column}) is yellow. Between "
    "them stands the kernel.",
)

# %% [markdown]
# Torch does the same, much faster. `F.conv2d` is the bare calculation: you hand it an image and a
# kernel. It wants two more axes in front, the *batch* (how many images) and the *channels* (section 6),
# here of size 1 each: `x[None, None]` adds them.

# %% tags=["nbval-check-output"]
by_torch = F.conv2d(x[None, None], kernel[None, None])  # (1, 1, 5, 5), (1, 1, 3, 3) -> (1, 1, 3, 3)
print("shape             ", tuple(by_torch.shape))
print("largest difference", (out - by_torch[0, 0]).abs().max().item())

# %% [markdown]
# ### A word about the word
#
# In mathematics, a *convolution* first turns the kernel by 180 degrees, which is the same as
# mirroring it in both directions. What we did, and what torch does, leaves it as it is; the exact
# name for that is **cross-correlation**. NumPy has both, for rows of numbers:

# %% tags=["nbval-check-output"]
import numpy as np

row_of_pixels, small_kernel = np.array([1, 2, 0, 1, 3]), np.array([1, 0, -2])
line = torch.tensor(row_of_pixels)[None, None].float()  # (1, 1, 5)
by_conv1d = F.conv1d(line, torch.tensor(small_kernel)[None, None].float())
print("np.correlate", np.correlate(row_of_pixels, small_kernel, mode="valid").tolist())
print("np.convolve ", np.convolve(row_of_pixels, small_kernel, mode="valid").tolist())
print("torch       ", by_conv1d.int()[0, 0].tolist())

# %% [markdown]
# Does it matter? Not for training: a network that needs the turned kernel simply learns it that way
# round. It does matter when you copy a kernel out of a textbook: then `kernel.flip(0, 1)` turns it.

# %% [markdown]
# ## 4. One knob at a time
#
# A layer has three more numbers, and each changes where the kernel may stand or what it covers. They
# act alike on rows and columns, so one row of pixels is enough to see them. This helper draws one
# row of pixels, and below it one line for each position of the kernel. The cells of a kernel are called
# its **taps**: a kernel of size 3 has three in a row.


# %%
def draw_positions(axis, n, kernel_size, **arguments):
    """A row of n pixels on top, and below it each position of the kernel with its taps."""
    stride, padding = arguments.get("stride", 1), arguments.get("padding", 0)
    dilation = arguments.get("dilation", 1)
    out = conv2d_output_size(n, kernel_size, stride, padding, dilation)
    taps = [[o * stride - padding + dilation * i for i in range(kernel_size)] for o in range(out)]
    for c in range(-padding, n + padding):
        inside, read = 0 <= c < n, any(c in position for position in taps)
        look = {"fc": "0.9", "ec": "0.4"} if inside else {"fc": "w", "ec": "0.4", "ls": "dashed"}
        axis.add_patch(plt.Rectangle((c, -1.2), 1, 1, **look))
        name = f"{c}" if inside else "zero"
        axis.text(c + 0.5, -0.7, name if read else f"{name} ✗", ha="center", va="center")
    for o, position in enumerate(taps):
        axis.plot([position[0] + 0.5, position[-1] + 0.5], [o + 0.5] * 2, color="0.6", zorder=0)
        tap = {"width": 0.8, "height": 0.7, "color": palette.DISCRIMINATOR}
        for c in position:
            axis.add_patch(plt.Rectangle((c + 0.1, o + 0.15), **tap))
    layer = ", ".join(f"{name}={value}" for name, value in arguments.items()) or "stride=1"
    axis.set(title=f"{n} pixels, kernel_size={kernel_size}, {layer}: {out} outputs", xticks=[])
    axis.set(xlim=(-1.2, 11.2), ylim=(out + 0.2, -1.4), ylabel="output cell")
    axis.set(yticks=[o + 0.5 for o in range(out)], yticklabels=range(out))
    axis.spines[:].set_visible(False)


# %%
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
draw_positions(axis, 10, kernel_size=3)
show(
    figure,
    alt="A row of 10 pixels, and below it 8 positions of a kernel with 3 taps. Each position "
    "is one cell further right than the one before. The last one ends at the last pixel.",
)

# %% [markdown]
# Read it like this: the grey row on top is the image. Each green line below is one position of the
# kernel, its three green boxes are the taps, and it gives one number of the output: 10 pixels, kernel 3,
# so 8 numbers.
#
# From here on we also ask `nn.Conv2d`. That is the same calculation as a *layer*: it keeps kernels of its
# own, for training to change. Its first two numbers, 1 and 1, count channels; they come in section 6.
#
# ### Stride: how far it jumps

# %%
quiz("01_conv2d", "stride")

# %%
layer = nn.Conv2d(1, 1, kernel_size=3, stride=2)
print("10 pixels ->", layer(torch.zeros(1, 1, 10, 10)).shape[-1])
figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
draw_positions(axis, 10, kernel_size=3, stride=2)
show(
    figure,
    alt="A row of 10 pixels, and 4 positions of a kernel with 3 taps, each two cells further "
    "right than the one before. The last pixel is crossed out: no position reaches it.",
)

# %% [markdown]
# The kernel starts at the cells 0, 2, 4, 6. A start at 8 would need a pixel number 10, and the image
# ends with pixel 9. So that jump is not made, and pixel 9, marked ✗, is never read.
#
# ### Padding: zeros around the image

# %%
quiz("01_conv2d", "padding")

# %%
layer = nn.Conv2d(1, 1, kernel_size=3, padding=1)
print("10 pixels ->", layer(torch.zeros(1, 1, 10, 10)).shape[-1])
figure, axis = plt.subplots(figsize=(7, 3.9), layout="constrained")
draw_positions(axis, 10, kernel_size=3, padding=1)
show(
    figure,
    alt="A row of 10 pixels with one dashed zero cell added at each end, and 10 positions of a "
    "kernel with 3 taps. The first and the last position cover one of the added zeros.",
)

# %% [markdown]
# Padding is added on *each* side, so it counts twice. Does a zero change anything in the sum? No, but
# it gives the kernel a place to stand. (Zero is a value like any other: where black is −1, as for the
# networks of this course, a border of zeros is a grey frame.)
#
# ### Dilation: the taps pulled apart

# %%
quiz("01_conv2d", "dilation")

# %%
layer = nn.Conv2d(1, 1, kernel_size=3, dilation=2)
print("10 pixels ->", layer(torch.zeros(1, 1, 10, 10)).shape[-1])
figure, axis = plt.subplots(figsize=(7, 3.1), layout="constrained")
draw_positions(axis, 10, kernel_size=3, dilation=2)
show(
    figure,
    alt="A row of 10 pixels, and 6 positions of a kernel with 3 taps that stand two cells "
    "apart, so that each position covers 5 cells and reads 3 of them.",
)

# %% [markdown]
# The kernel still has three numbers, but now covers five cells: it sees further for the same price.
# GANs of this course leave dilation at 1; you meet it in networks that need a wide view.

# %% [markdown]
# ## 5. The formula, and why it rounds down
#
# You have counted positions three times. Now once for all. Call the input size $n$, the kernel size
# $k$, the stride $s$, the padding $p$ and the dilation $d$.
#
# 1. With padding, the row has $n + 2p$ cells.
# 2. The kernel covers $d(k-1) + 1$ of them: its first tap, and $k - 1$ gaps of $d$ cells.
# 3. So the cells it has left to move in are $n + 2p - d(k-1) - 1$.
# 4. It moves in jumps of $s$. Divide by $s$ and round down: that is how many jumps fit.
# 5. The first position needs no jump. Add 1.
#
# $$\text{out} = \left\lfloor \frac{n + 2p - d(k-1) - 1}{s} \right\rfloor + 1$$
#
# The brackets $\lfloor\;\rfloor$, "floor", mean round down.

# %% tags=["nbval-check-output"]
n, k, s, p, d = 64, 4, 2, 1, 1
room = n + 2 * p - d * (k - 1) - 1
print("cells with padding    ", n + 2 * p)
print("covered by the kernel ", d * (k - 1) + 1)
print("cells to move in      ", room)
print("jumps                 ", room // s)
print("positions             ", room // s + 1)
print("by the package        ", conv2d_output_size(n, k, s, p, d))

# %% [markdown]
# Is it right for *every* layer? Let us not believe it, but ask torch about many.

# %% tags=["nbval-check-output"]
compared = differences = 0
for n in (7, 8, 16):
    for k in (1, 2, 3, 4):
        for s in (1, 2, 3):
            for p in (0, 1):
                for d in (1, 2):
                    layer = nn.Conv2d(1, 1, k, stride=s, padding=p, dilation=d)
                    truth = layer(torch.zeros(1, 1, n, n)).shape[-1]
                    formula = (n + 2 * p - d * (k - 1) - 1) // s + 1
                    compared += 1
                    differences += formula != truth
print(compared, "layers compared,", differences, "differences")

# %% [markdown]
# ### What the floor throws away
#
# With $n = 11$, $k = 3$, $s = 3$ there are 8 cells to move in. Two jumps fit, and 2 cells are left
# over. **Guess:** if you change the last two rows and columns of the image, does the output change?

# %%
figure, axis = plt.subplots(figsize=(7, 2.3), layout="constrained")
draw_positions(axis, 11, kernel_size=3, stride=3)
show(
    figure,
    alt="A row of 11 pixels, and 3 positions of a kernel with 3 taps, three cells apart. The "
    "last two pixels are crossed out.",
)

# %% tags=["nbval-check-output"]
image = torch.randn(1, 1, 11, 11)
changed = image.clone()
changed[:, :, 9:, :] = 1000.0  # the last two rows
changed[:, :, :, 9:] = 1000.0  # and the last two columns
weight = torch.randn(1, 1, 3, 3)
same = torch.equal(F.conv2d(image, weight, stride=3), F.conv2d(changed, weight, stride=3))
print("the same output:", same)

# %% [markdown]
# The layer never looked at them. No error, no warning: two rows and two columns are simply ignored.
#
# ### The bench
#
# Make a guess, then everything opens. Move one slider at a time, and say the new size aloud before you
# look. The yellow cells are what the chosen output cell reads; click *chosen cell* and walk through
# the output with the arrow keys. Four things to find:
#
# 1. a setting where the last row is never read: it is struck out;
# 2. two different kernels that keep the size of the image;
# 3. a setting that torch refuses, and what it says then;
# 4. with *input → outputs*: a setting where every input cell goes to exactly one output cell.

# %%
bench = ConvBench()
bench

# %% [markdown]
# (The other mode, `ConvTranspose2d`, is the subject of lesson 02. Play with it if you like.)

# %% [markdown]
# ## 6. Channels
#
# A colour image has three **channels**: red, green and blue. One kernel then has three slices. Each
# slice works on its own channel, and all the sums are added up to *one* number. So one kernel makes
# one map, however many channels come in.
#
# To get 8 maps, the layer has 8 such kernels. And each map gets one more number added everywhere, its
# **bias**.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
layer = nn.Conv2d(in_channels=3, out_channels=8, kernel_size=4, stride=2, padding=1)
images = torch.randn(2, 3, 16, 16)  # (N, C, H, W): 2 images, 3 channels, 16 by 16
print("images", tuple(images.shape), " (batch, channels, height, width)")
print("weight", tuple(layer.weight.shape), "   (out_channels, in_channels, kernel height, width)")
print("bias  ", tuple(layer.bias.shape), "           one for each output channel")
print("output", tuple(layer(images).shape))

# %% [markdown]
# Let us check that sentence about the sums. Here is map number 5 of the first image, made of three
# convolutions with one channel each.

# %% tags=["nbval-check-output"]
o = 5  # which output channel
total = torch.zeros(8, 8)
for c in range(3):
    one_channel = images[0:1, c : c + 1]  # (1, 1, 16, 16)
    one_slice = layer.weight[o : o + 1, c : c + 1]  # (1, 1, 4, 4)
    total = total + F.conv2d(one_channel, one_slice, stride=2, padding=1)[0, 0]
total = total + layer.bias[o]
difference = (total - layer(images)[0, o]).abs().max().item()
print("equal up to rounding:", difference < 1e-5)

# %% [markdown]
# In the exercises you write the whole layer yourself: batch, channels, stride, padding, dilation and
# groups. It is those four loops again, and a few more around them.

# %% [markdown]
# ## 7. What does it cost?
#
# **Parameters.** Each of the $C_\text{out}$ kernels has $C_\text{in} \cdot k \cdot k$ numbers, and
# each output channel has one bias:
#
# $$C_\text{out} \cdot C_\text{in} \cdot k \cdot k + C_\text{out}$$
#
# Here is the layer that begins the discriminator for 64×64 colour images. **Guess** before you run the
# cell: a hundred parameters, thousands, or millions?

# %% tags=["nbval-check-output"]
first = nn.Conv2d(in_channels=3, out_channels=64, kernel_size=4, stride=2, padding=1)
by_hand = 64 * 3 * 4 * 4 + 64
counted = sum(parameter.numel() for parameter in first.parameters())
print(f"by hand {by_hand:,}, counted by torch {counted:,}")

# %% [markdown]
# The size of the image does not occur in the formula. The same kernels slide over every place; that is
# why convolutions are so small. A fully connected layer has one weight for each *pair* of an input
# number and an output number:

# %% tags=["nbval-check-output"]
size = conv2d_output_size(64, kernel_size=4, stride=2, padding=1)
numbers_in, numbers_out = 3 * 64 * 64, 64 * size * size
convolution, connected = 64 * 3 * 4 * 4, numbers_in * numbers_out
print(f"weights of the convolution          {convolution:>13,}")
print(f"weights of a fully connected layer  {connected:>13,}")
print(f"that is {connected // convolution:,} times as many")

# %% [markdown]
# **Work.** Each output number costs one multiplication and one addition for each weight of its kernel,
# together called a *multiply-add*. At each position every weight of the layer is used once, so
#
# $$\text{multiply-adds} = \text{weights} \times \text{positions}$$

# %% tags=["nbval-check-output"]
work = convolution * size * size
print(f"{convolution:,} weights × {size}·{size} positions = {work:,} multiply-adds")

# %% [markdown]
# **Groups.** With `groups=2` the channels are split into two halves that do not see each other: each
# kernel reads only half of the input channels, so the layer has half the weights and half the work.

# %% tags=["nbval-check-output"]
for groups in (1, 2, 4):
    grouped = nn.Conv2d(4, 8, kernel_size=3, groups=groups)
    shape, count = tuple(grouped.weight.shape), grouped.weight.numel()
    print(f"groups={groups}: weight {shape}, {count} weights")

# %% [markdown]
# ## 8. Why GANs take kernel 4, stride 2, padding 1
#
# A discriminator boils an image down to one number. It halves the size again and again, while it
# doubles the channels. Put $k = 4$, $s = 2$, $p = 1$ into the formula, for an even $n$:
#
# $$\left\lfloor \frac{n + 2 - 3 - 1}{2} \right\rfloor + 1 = \frac{n - 2}{2} + 1 = \frac{n}{2}$$
#
# Every even size is halved exactly, and no row is left over.

# %% tags=["nbval-check-output"]
size, channels = 64, 3
for next_channels in (64, 128, 256, 512):
    halved = conv2d_output_size(size, kernel_size=4, stride=2, padding=1)
    print(f"({channels:>3}, {size}, {size}) -> ({next_channels:>3}, {halved}, {halved})")
    size, channels = halved, next_channels

# %% [markdown]
# Kernel 3 would halve an even size too. What does it do worse? **Guess:** with stride 2, how many
# positions of a kernel of 3 read each pixel? And of a kernel of 4?

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.9), sharey=True, layout="constrained")
for axis, k in zip(axes, (3, 4), strict=True):
    pixels = torch.zeros(1, 1, 16, requires_grad=True)
    # backward() asks how much the sum changes with each pixel: by 1 for each time it was read.
    F.conv1d(pixels, torch.ones(1, 1, k), stride=2, padding=1).sum().backward()
    times_read = pixels.grad[0, 0]  # (16,): in how many sums each pixel occurs
    axis.bar(range(16), times_read, color=palette.DISCRIMINATOR)
    axis.set(title=f"kernel {k}, stride 2, padding 1", xlabel="pixel", yticks=[0, 1, 2])
axes[0].set_ylabel("times read")
figure.suptitle("How often is each pixel read?")
show(
    figure,
    alt="Two bar charts over 16 pixels. With kernel 3 the bars alternate between 1 and 2. With "
    "kernel 4 all bars are 2, but for the first and the last pixel, which are read once.",
)

# %% [markdown]
# With kernel 3 every second pixel counts double; in two dimensions some count four times as much as
# others. With kernel 4 all count the same, away from the border. The rule: the stride must divide the
# kernel size.
#
# For a GAN this matters twice. What G learns comes to it through D, pixel by pixel, along these very
# connections. And G itself uses the same layer in reverse, where uneven counts show as a checkerboard
# in the image: that is lesson 02.

# %% [markdown]
# ## 9. Read an error calmly
#
# Sooner or later a layer and an image do not fit. Here a kernel of 5 meets an image of 4×4. The code
# catches the error, so that we can read it in peace.

# %%
try:
    nn.Conv2d(1, 1, kernel_size=5)(torch.zeros(1, 1, 4, 4))
except RuntimeError as error:
    print("torch says:", error)

# %% [markdown]
# It has all you need: the size of the input with padding, the size of the kernel, and which must not
# be greater. Of the three cures (a smaller kernel, more padding, a larger image), pick the one that
# you meant. The package says the same before anything runs:

# %%
try:
    conv2d_output_size(4, kernel_size=5)
except ShapeError as error:
    print("the package says:", error)

# %% [markdown]
# The second classic: a grey image reaches a layer that was built for colour. Before you read the answer
# below the cell, find in the message the number that is wrong.

# %%
try:
    nn.Conv2d(3, 8, kernel_size=4)(torch.zeros(1, 1, 8, 8))
except RuntimeError as error:
    print("torch says:", error)

# %% [markdown]
# The weight's second number, 3, is the number of channels that the layer expects. The input's second
# number, 1, is the number of channels that came. Those two must agree.
#
# ### All the names
#
# | argument | meaning | default |
# |---|---|---|
# | `in_channels` | channels of the input | must be given |
# | `out_channels` | kernels in the layer = maps in the output | must be given |
# | `kernel_size` | height and width of a kernel | must be given |
# | `stride` | how far it jumps | 1 |
# | `padding` | cells added on *each* side | 0 |
# | `dilation` | distance between two taps | 1 |
# | `groups` | blocks of channels that do not see each other | 1 |
# | `bias` | whether each map gets a number added | True |
# | `padding_mode` | what the added cells hold | `"zeros"` |
#
# A single number means "the same for height and width"; a pair is (height, width). In torch's own
# words: [torch.nn.Conv2d](https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html),
# [torch.nn.functional.conv2d](https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html).

# %% [markdown]
# ## 10. What do you know now?

# %%
quiz("01_conv2d", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | what it does | lays a kernel on each place, multiplies, adds up over all input channels, adds a bias |
# | exact name | cross-correlation: the kernel is not turned |
# | output size | $\lfloor (n + 2p - d(k-1) - 1)/s \rfloor + 1$ |
# | the floor | a last jump that does not fit is not made; the rows behind it are never read |
# | weight | `(out_channels, in_channels // groups, k, k)`, and one bias for each output channel |
# | multiply-adds | weights × output positions |
# | halve an image | `kernel_size=4, stride=2, padding=1`: exact for even sizes, reads all pixels alike |
# | channels do not fit | compare the second number of the weight with the second of the input |
#
# **Now you.** [exercises/01_conv2d](../exercises/01_conv2d.ipynb): seven tasks, from predicting a size
# to writing all of `Conv2d`.
#
# **Next** [02 · ConvTranspose2d](02_conv_transpose2d.ipynb): the same layer the other way round, which
# makes small things large. (You would rather train something first?
# [08 · Train a DCGAN](08_train_dcgan.ipynb) explains what it needs.)
