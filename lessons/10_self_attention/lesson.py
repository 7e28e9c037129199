# %% [markdown]
# # 10 · Self-attention: let every pixel look everywhere
#
# **After this lesson you can** say what a convolution cannot see, and measure it; write a 1×1
# convolution and SAGAN's self-attention block from scratch; tell by one test whether its softmax runs
# over the right axis; and work out the block's price in time and memory before you pay it.
#
# **Time** about 75 minutes · **Builds on** [01 · Conv2d](01_conv2d.ipynb) and
# [07 · DCGAN](07_dcgan.ipynb) · **Needs** no GPU

# %%
import inspect
import time

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course import palette
from gan_course.labs import AttentionProbe, OneByOne, quiz, show
from gan_course.labs.scene import scene
from gan_course.models import DCGANDiscriminator
from gan_course.models.attention import SelfAttention2d

# %% [markdown]
# ## 1. Guess first

# %%
quiz("10_self_attention", "before")

# %% [markdown]
# ## 2. Run it first
#
# Here is a small drawing with noise over it. Two ways to take the noise off: give each pixel the mean of
# the 3×3 pixels around it, or the mean of all pixels, *wherever they stand*, whose surroundings look
# like its own. The second is attention, and nobody has trained it.

# %%
clean = scene(32)[None]  # (1, 3, 32, 32) in [-1, 1]
noisy = clean + 0.35 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))

near = F.avg_pool2d(noisy, 3, stride=1, padding=1, count_include_pad=False)

around = F.unfold(F.pad(noisy, (1, 1, 1, 1), mode="replicate"), 3)  # (1, 27, 1024): each 3×3
apart = torch.cdist(around[0].T, around[0].T)  # (1024, 1024): how unlike two surroundings are
weights = torch.softmax(-apart.square() / 3, dim=1)  # each row adds up to 1
alike = (weights @ noisy[0].flatten(1).T).T.unflatten(1, (32, 32))[None]  # (1, 3, 32, 32)

# %%
figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.9), layout="constrained")
titles = ["clean", "with noise", "mean of 3×3", "mean of what looks alike"]
for axis, image, title in zip(axes, (clean, noisy, near, alike), titles, strict=True):
    error = (image - clean).square().mean().sqrt()
    axis.imshow((image[0].clamp(-1, 1) + 1).permute(1, 2, 0) / 2)
    axis.set(title=f"{title}\nerror {error:.2f}", xticks=[], yticks=[])
figure.suptitle("A neighbourhood, or everything that looks alike?")
show(figure, alt="Four small pictures of two houses, a sun, sky and grass. The second is full of coloured "
     "noise. The third, a mean of neighbours, is blurred at every edge. In the fourth, the mean of what "
     "looks alike, most of the noise is gone and the edges are sharp.")

# %% [markdown]
# A mean of neighbours must blur: it takes what is near, whatever it is. Attention takes what *fits*, near
# or far: a piece of the left roof is repaired with pieces of the right one.
#
# This filter is from 2005, and is called *non-local means*. In 2018 Han Zhang, Ian Goodfellow, Dimitris
# Metaxas and Augustus Odena put its learned relative into a GAN, and called it **SAGAN**, the
# self-attention GAN. Their file is still named `non_local.py`. This lesson builds that block.

# %% [markdown]
# ## 3. What a convolution cannot see
#
# One 3×3 convolution lets a pixel see one step in each direction. A second one adds another step. The
# square of input pixels that can change one output at all is its **receptive field**. Along one side:
#
# $$r = 1 + \sum_l (k_l - 1) \cdot s_1 s_2 \cdots s_{l-1}$$
#
# where $k_l$ is the kernel size of layer $l$, and $s_1 \cdots s_{l-1}$ are the strides of the layers
# *before* it: behind a stride of 2, one step is two input pixels.
#
# We need no formula to find it. The gradient of one output for the input is not zero exactly where the
# input can change that output.

# %%
def seen(layers, size=33, channels=16, nets=20):
    """Mean |gradient| of the middle output, for each input pixel, over random networks."""
    total = torch.zeros(size, size)
    for seed in range(nets):
        torch.manual_seed(seed)
        convs = [nn.Conv2d(1 if i == 0 else channels, channels, 3, padding=1) for i in range(layers)]
        net = nn.Sequential(*[m for conv in convs for m in (conv, nn.LeakyReLU(0.2))])
        x = torch.randn(1, 1, size, size, requires_grad=True)
        net(x)[0, :, size // 2, size // 2].sum().backward()
        total += x.grad[0, 0].abs() / x.grad.abs().sum()
    return total / nets  # adds up to 1


# %%
def side(gradient, share):
    """Side of the smallest middle square that holds this share of the gradient."""
    middle = len(gradient) // 2
    for reach in range(middle + 1):
        square = gradient[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
        if square.sum() >= share:
            return 2 * reach + 1


depths = (2, 4, 8, 12)
gradients = {layers: seen(layers) for layers in depths}
for layers, gradient in gradients.items():
    touched = int((gradient.sum(0) > 0).sum())
    print(f"{layers:>2} layers: touched {touched}×{touched}, by the formula {1 + 2 * layers}; "
          f"95 % of the gradient in {side(gradient, 0.95)}×{side(gradient, 0.95)}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(9.5, 3.2), layout="constrained")
for axis, (layers, gradient) in zip(axes, gradients.items(), strict=True):
    axis.imshow(gradient, cmap="Greys", extent=(-16.5, 16.5, 16.5, -16.5))
    for wide, style in ((1 + 2 * layers, "--"), (side(gradient, 0.95), "-")):
        box = {"fc": "none", "ec": palette.DISCRIMINATOR, "ls": style, "lw": 1.6}
        axis.add_patch(plt.Rectangle((-wide / 2, -wide / 2), wide, wide, **box))
    axis.set(title=f"{layers} layers", xlabel="pixels from the middle", xticks=[-16, 0, 16], yticks=[])
figure.suptitle("What reaches the middle pixel: dashed in theory, solid 95 % of it (each its own grey scale)")
show(figure, alt="Four grey pictures of 33 by 33 pixels. The more layers, the larger the dark spot in the "
     "middle. A dashed square marks the receptive field of the formula, a solid one holds 95 percent of the "
     "gradient; with more layers the solid one is clearly smaller than the dashed one.")

# %% [markdown]
# Two things to take along:
#
# * The *theoretical* field grows by two pixels a layer. From the left edge of a 32×32 map to the right
#   one it is 31 steps, and each layer of 3×3 brings one: 31 layers.
# * The *effective* field falls behind the theoretical one as a network gets deeper. There is only one
#   path to the far corner, and there are many to the middle. (These are random networks; Luo, Li, Urtasun
#   and Zemel described it in 2016, and that training widens it.)
#
# Strides help, and D has them. Here is the field of one number in each of its maps.

# %% tags=["nbval-check-output"]
D = DCGANDiscriminator(image_size=32, image_channels=1, base_channels=32)
field, step = 1, 1
for conv in [m for m in D.modules() if isinstance(m, nn.Conv2d)]:
    field += (conv.kernel_size[0] - 1) * step
    step *= conv.stride[0]
    print(f"kernel {conv.kernel_size[0]}, stride {conv.stride[0]}: sees {field}×{field}, step {step}")

# %% [markdown]
# Its last maps see 22 of 32 pixels, and only because they are down to 4×4: by then nobody knows *where*
# exactly an eye was. The generator has it worse. Its early layers see everything, but draw nothing yet;
# its late layers draw each pixel, and see little. Whether the left ear matches the right one can't be
# decided there.
#
# What we want is a layer in which each pixel of a large map asks all others.

# %% [markdown]
# ## 4. First a tool: the 1×1 convolution
#
# A kernel of 1×1 sees one pixel. What is left to do there? To mix the *channels*. At each pixel stand C
# numbers, and the layer multiplies them with one small matrix: a linear layer, used at each pixel.
#
# By hand, for one pixel and then for all:

# %% tags=["nbval-check-output"]
rng = torch.Generator().manual_seed(0)
x = torch.randint(-9, 10, (1, 3, 4, 5), generator=rng).float()  # (N, C, H, W)
weight = torch.tensor([[1.0, 0, -1], [2, 1, 0]])  # (out, C): two sums of three channels

pixel = x[0, :, 2, 3]  # (3,), the channels of one pixel
print("pixel", pixel.int().tolist(), "-> mixed", (weight @ pixel).int().tolist())

by_hand = torch.einsum("oc,nchw->nohw", weight, x)  # (1, 2, 4, 5), every pixel
print("there in the whole map", by_hand[0, :, 2, 3].int().tolist())

# %% tags=["nbval-check-output"]
layer = nn.Conv2d(3, 2, kernel_size=1, bias=False)
linear = nn.Linear(3, 2, bias=False)
with torch.no_grad():
    layer.weight.copy_(weight[:, :, None, None])  # (out, C) -> (out, C, 1, 1)
    linear.weight.copy_(weight)
    by_conv = layer(x)
    by_linear = linear(x.movedim(1, -1)).movedim(-1, 1)  # nn.Linear wants the channels last
print("weight", tuple(layer.weight.shape), "->", tuple(by_conv.shape))
print("nn.Conv2d agrees:", torch.equal(by_conv, by_hand), " nn.Linear agrees:", torch.equal(by_linear, by_hand))

# %% [markdown]
# Space plays no part: shuffle the pixels, mix, and put them back, and nothing has changed. A 3×3
# convolution can't do that. And there are nine times fewer weights.

# %% tags=["nbval-check-output"]
order = torch.randperm(20, generator=rng)  # the 4·5 pixels in another order
shuffled = x.flatten(2)[:, :, order].unflatten(2, (4, 5))
with torch.no_grad():
    back = layer(shuffled).flatten(2)[:, :, order.argsort()].unflatten(2, (4, 5))
print("shuffled, mixed, put back: the same?", torch.equal(back, by_conv))
for k in (1, 3):
    print(f"kernel {k}: {nn.Conv2d(64, 64, k, bias=False).weight.numel():,} weights for 64 -> 64 channels")

# %% [markdown]
# ### Lab: OneByOne
#
# Guess first: which colour does the marked pixel get? Then find, with the sliders or the buttons:
#
# 1. a matrix that makes the picture grey; why are its three rows equal?
# 2. one that makes the roofs black and leaves the sun yellow or orange;
# 3. shuffle the pixels: which of the two convolutions notices?

# %%
OneByOne()

# %% [markdown]
# ## 5. Query, key, value
#
# Now the idea. Each pixel gets three small descriptions, each made by a 1×1 convolution:
#
# * a **query**: what it looks for,
# * a **key**: what it has to offer to those who look,
# * a **value**: what it hands over when it is found.
#
# The **score** of pixel $i$ (it asks) and pixel $j$ (it may be looked at) is the dot product of $i$'s
# query and $j$'s key: $s_{ij} = q_i \cdot k_j$. Large if the two point in the same direction.
#
# A map of 2×2 pixels, so that everything fits on the screen. Two channels: channel 0 says "red",
# channel 1 says "blue". For now query and key are the channels themselves, times 2.

# %% tags=["nbval-check-output"]
x = torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])[None]  # (1, 2, 2, 2)
print("red \n", x[0, 0].int().numpy())
print("blue\n", x[0, 1].int().numpy())
query, key, value = 2 * x, 2 * x, x
flat = query.flatten(2)  # (1, 2, 4): the pixels in a row, as we read
print("pixels in a row", flat[0].int().tolist())

# %% [markdown]
# The pixels, in the order in which we read: red, blue, blue, red. **Guess** the table of scores, 4×4,
# before you run the next cell. Which entries are 4, and which 0?

# %% tags=["nbval-check-output"]
scores = query.flatten(2).transpose(1, 2) @ key.flatten(2)  # (1, 4, 2) @ (1, 2, 4) -> (1, 4, 4)
print(scores[0].int().numpy())  # row: who asks; column: who is looked at

# %% [markdown]
# Row 0 belongs to the first pixel. It fits itself and the last pixel, which stands diagonally across.
# Nothing in the table knows how far apart they are.
#
# ### From scores to weights
#
# Softmax turns a row of scores into weights: all positive, together 1. For row $i$:
#
# $$\beta_{ij} = \frac{e^{s_{ij}}}{\sum_{j'} e^{s_{ij'}}} \qquad\qquad o_i = \sum_j \beta_{ij} v_j$$
#
# and $o_i$, what pixel $i$ gathers, is the mean of all values under these weights.

# %%
beta = scores.softmax(dim=-1)  # (1, 4, 4), each row adds up to 1
gathered = value.flatten(2) @ beta.transpose(1, 2)  # (1, 2, 4) @ (1, 4, 4) -> (1, 2, 4)
print("weights of the first pixel", [round(w, 3) for w in beta[0, 0].tolist()])
print("it had (red, blue)        ", x[0, :, 0, 0].tolist())
print("it gathers                ", [round(v, 3) for v in gathered[0, :, 0].tolist()])

# %% [markdown]
# Nearly all of it from the two red pixels, half from each. Notice `beta.transpose(1, 2)`: `value` has its
# pixels in the last axis, and the sum has to run over the pixels that are *looked at*. That is the
# column of `beta`, so the table is turned for the product.

# %% [markdown]
# ## 6. Softmax over which axis?
#
# The table is square. Softmax along the wrong axis gives no error, trains, and makes images. It has
# happened in well-known implementations: labml's issue #146 is one, and the FID (a measure of how good images
# are, [lesson 13](13_evaluation.ipynb)) that was taken afterwards showed no difference. Only a test can tell.
#
# **The row belongs to the pixel that asks.** It shares out a weight of 1 among those it looks at. From
# this follows a test without any looking at code: let the *value* be 1 everywhere. A mean of ones is 1,
# whatever the weights are.

# %%
torch.manual_seed(0)
query, key = torch.randn(2, 1, 4, 8, 8)  # (1, 4, 8, 8) each
ones = torch.ones(1, 1, 8, 8)


def gather(query, key, value, axis):
    scores = query.flatten(2).transpose(1, 2) @ key.flatten(2)  # (N, asking, attended)
    beta = scores.softmax(dim=axis)
    return (value.flatten(2) @ beta.transpose(1, 2)).unflatten(2, query.shape[2:])


outs = {axis: gather(query, key, ones, axis) for axis in (2, 1)}
for axis, out in outs.items():
    print(f"softmax over axis {axis}: from {out.min():.2f} to {out.max():.2f}, mean {out.mean():.2f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), layout="constrained")
for axis, (dim, out) in zip(axes, outs.items(), strict=True):
    picture = axis.imshow(out[0, 0], cmap="Greys", vmin=0, vmax=3)
    name = "those looked at (right)" if dim == 2 else "those that ask (wrong)"
    axis.set(title=f"softmax over {name}", xlabel="column of the map", ylabel="row of the map")
figure.colorbar(picture, ax=axes, label="what a value of 1 becomes")
figure.suptitle("The test of ones")
show(figure, alt="Two maps of 8 by 8 cells. On the left, with softmax over those that are looked at, all "
     "cells have the same grey, 1. On the right, with softmax over those that ask, cells differ from near "
     "white to black: some pixels gather far more than 1 and others less.")

# %% [markdown]
# With the wrong axis popular pixels hand out more than they should, and some pixels are left with almost
# nothing. And look at the *mean*: it is 1 both times. A test that only compares means would not notice.
#
# Two right ways look different. If the table is built as key times query, (attended, asking), its columns
# belong to those that ask, softmax runs along axis 1, and nothing is turned:

# %% tags=["nbval-check-output"]
value = torch.randn(1, 3, 8, 8)
on_its_side = key.flatten(2).transpose(1, 2) @ query.flatten(2)  # (1, attended, asking)
other_way = (value.flatten(2) @ on_its_side.softmax(dim=1)).unflatten(2, (8, 8))
print("the same:", torch.allclose(other_way, gather(query, key, value, axis=2), atol=1e-5))

# %% [markdown]
# So don't learn "the last axis". Learn: **the axis of the softmax is the axis of the sum.**

# %% [markdown]
# ## 7. Why is nothing divided by √d?
#
# Transformers divide the scores by $\sqrt{d}$, where $d$ is the length of a query. The reason: if the
# numbers of query and key are independent with variance 1, a dot product of $d$ terms has variance $d$;
# the larger $d$, the sharper the softmax. Measured: over how many of 64 pixels does a row spread? That is
# $e^H$, where $H = -\sum_j \beta_{ij} \log \beta_{ij}$ is the row's *entropy*: 64 if all weights are equal, 1
# if one pixel gets everything.

# %%
torch.manual_seed(0)
print("   d   spread of scores   pixels, as it is   pixels, divided by √d")
for d in (2, 8, 64, 512):
    q, k = torch.randn(2, 64, d)
    scores = q @ k.T
    pixels = []
    for s in (scores, scores / d**0.5):
        beta = s.softmax(dim=1)
        pixels.append(torch.special.entr(beta).sum(dim=1).exp().mean().item())
    print(f"{d:>4} {scores.std().item():>18.2f} {pixels[0]:>18.1f} {pixels[1]:>23.1f}")

# %% [markdown]
# SAGAN does not divide, neither in its paper nor in its code. Its queries are short ($d = C/8$), and their
# scale is learned: to divide by $\sqrt{d}$ is to start with smaller query weights, no more. (Spectral norm,
# [lesson 11](11_spectral_norm_hinge.ipynb), bounds that scale in the real block.)
#
# But it is not a matter of taste once a network is *trained*: its weights belong to one of the two. Torch's
# fused function divides unless told not to.

# %%
rows = [t.flatten(2).transpose(1, 2) for t in (query, key, value)]  # (1, 64, d): pixels, then numbers
ours = gather(query, key, value, axis=2).flatten(2).transpose(1, 2)
for scale in (1.0, None):
    out = F.scaled_dot_product_attention(*rows, scale=scale)  # None: 1 / √d
    print(f"scale={scale}: largest difference {(out - ours).abs().max():.1e}")

# %% [markdown]
# ## 8. The whole block, as SAGAN's authors wrote it
#
# Five parts. In between, watch the shapes: C = 64 channels, a map of 16×16, so 256 pixels ask.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
C, x = 64, torch.randn(2, 64, 16, 16)  # (N, C, H, W)
to_query = nn.Conv2d(C, C // 8, 1, bias=False)  # short: it only has to say what fits what
to_key = nn.Conv2d(C, C // 8, 1, bias=False)
to_value = nn.Conv2d(C, C // 2, 1, bias=False)
query, key, value = to_query(x), to_key(x), to_value(x)
print("query", tuple(query.shape), " key", tuple(key.shape), " value", tuple(value.shape))

# %% [markdown]
# **Pool.** The authors max-pool key and value, 2×2: all 256 pixels ask, but there are only 64 to look at.
# A quarter of the table. It has to happen *before* flattening, while a map still has a height:

# %% tags=["nbval-check-output"]
numbers = torch.arange(16.0).reshape(1, 1, 4, 4)  # a map whose numbers say where they stand
print("pooled, then flattened", F.max_pool2d(numbers, 2).flatten(2).int()[0, 0].tolist())
print("flattened, then pooled", F.max_pool1d(numbers.flatten(2), 4).int()[0, 0].tolist())

# %% [markdown]
# The second has the right shape and the wrong pixels: it took the maximum of each *row*.

# %% tags=["nbval-check-output"]
key, value = F.max_pool2d(key, 2), F.max_pool2d(value, 2)
print("pooled: key", tuple(key.shape), " value", tuple(value.shape))
scores = query.flatten(2).transpose(1, 2) @ key.flatten(2)
beta = scores.softmax(dim=-1)
print("the map", tuple(beta.shape), "= (N, pixels that ask, pixels that are looked at)")
gathered = (value.flatten(2) @ beta.transpose(1, 2)).unflatten(2, x.shape[2:])
print("gathered", tuple(gathered.shape))

# %% [markdown]
# **Back to C channels**, by a fourth 1×1 convolution. And the **gate**: the block does not replace x, it
# *adds* to it, times one learned number $\gamma$ that starts at 0.
#
# $$y = x + \gamma \cdot \text{output}(o)$$

# %% tags=["nbval-check-output"]
output = nn.Conv2d(C // 2, C, 1, bias=False)
gamma = nn.Parameter(torch.zeros(()))  # a single number
attended = output(gathered)
y = x + gamma * attended
print("attended", tuple(attended.shape), " y", tuple(y.shape))
print("at first, y is x:", torch.equal(y, x))
parts = (to_query, to_key, to_value, output)
print("parameters:", sum(p.weight.numel() for p in parts) + gamma.numel())

# %% [markdown]
# That is all. The package has the same block with the same names; spectral norm (lesson 11) is switched
# off here. Let it have our weights, and a gamma that is not 0:

# %% tags=["nbval-check-output"]
block = SelfAttention2d(C, spectral_norm=False)
with torch.no_grad():
    for name, mine in zip(("query", "key", "value", "output"), parts, strict=True):
        getattr(block, name).weight.copy_(mine.weight)
    block.gamma.fill_(0.7)
    same = torch.allclose(block(x), x + 0.7 * attended, atol=1e-4)
    rows_sum = block.attention_map(x).sum(dim=-1)
print("the same numbers:", same)
print("each row of its map adds up to 1:", torch.allclose(rows_sum, torch.ones_like(rows_sum), atol=1e-5))

# %% [markdown]
# Here is how it reads there. `rows` gives each pixel a row, (N, C, H, W) → (N, H·W, C), and `maps` is the way
# back; `full_precision` keeps the sums in float32.

# %%
print(inspect.getsource(SelfAttention2d.forward_with_map))

# %% [markdown]
# ### The paper, the code, and the copies
#
# | | the paper's first text | the authors' code | what many copies do |
# |---|---|---|---|
# | query, key | C / 8 channels | C / 8 | C / 8 |
# | value | C | C / 2 | C |
# | pooling | none | key and value, 2×2 maximum | none |
# | last 1×1 convolution | none (a later version has it) | yes, back to C | none |
# | spectral norm | on all layers | on all four convolutions | often none |
# | biases | not said | none | often |
# | divided by √d | no | no | some, by torch's default |
# | γ | one number, from 0 | one number, from 0 | mostly; an early one had one for each image |
#
# The results in the paper came from the code. Where the two differ, this course follows the code;
# `SelfAttention2d(C, value_channels=C, pool=False)` is nearer to the text.

# %% [markdown]
# ## 9. What the gate does
#
# With $\gamma = 0$ the block is the identity. So it can be put into any network without harm: at first
# the network is the one without attention, and learns what neighbours can tell. But does a block behind
# a closed gate learn at all? **Guess:** which of the five parts get a gradient in the first step?

# %%
def gradients_of(block, x, target):
    """The size of each part's gradient, after a backward pass."""
    block.zero_grad()
    (block(x) - target).square().mean().backward()
    names = {"query": block.query.weight, "key": block.key.weight, "value": block.value.weight}
    names |= {"output": block.output.weight, "gamma": block.gamma}
    return {name: p.grad.norm().item() for name, p in names.items()}


torch.manual_seed(0)
block = SelfAttention2d(16, spectral_norm=False)
x, target = torch.randn(2, 4, 16, 8, 8)  # (4, 16, 8, 8) each
optimizer = torch.optim.SGD(block.parameters(), lr=0.5)
for step in (1, 2):
    sizes = gradients_of(block, x, target)
    gate = f"γ = {block.gamma.item():+.5f}"
    print(f"step {step}, {gate}: " + ", ".join(f"{name} {size:.1e}" for name, size in sizes.items()))
    optimizer.step()

# %% [markdown]
# In the first step only γ moves. The chain rule says why. Let $L$ be the loss, $g$ its gradient at $y$, and
# $a$ what attention hands to the gate, output's result. Then
#
# $$\frac{\partial L}{\partial \gamma} = \sum g \cdot a \qquad\text{(all numbers of the map)},\qquad
# \frac{\partial L}{\partial a} = \gamma \cdot g.$$
#
# The first has no γ in it. The second is 0 as long as γ is, and with it everything behind. After one step
# the gate is open by a crack, and the rest begins to learn. γ may turn negative: then the block subtracts.
#
# One consequence for your own runs: **log γ**. If it stays near 0, the network does without attention, and
# every map that you draw of it shows what nobody uses.

# %% [markdown]
# ## 10. The price: the square of the pixels
#
# A map of $H \times W$ has $P = HW$ pixels, and the table has $P^2$ entries. Twice the side is four times
# the pixels and *sixteen* times the table. So work out the bill before you run it; here with a limit, above
# which the cell says no.

# %%
def bill(size, batch=1, pool=False, bytes_per_number=4):
    """Bytes of the attention maps of a batch, at size×size."""
    asking = size * size
    attended = (size // 2) ** 2 if pool else asking
    return batch * asking * attended * bytes_per_number


# %% [markdown]
# We measure two ways to compute the same thing. *Plain* writes the formula down. *Fused* is torch's
# [scaled_dot_product_attention](https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html),
# which goes through the table piece by piece. A helper notes the largest tensor that is made on the way.

# %%
from torch.utils._python_dispatch import TorchDispatchMode


class Largest(TorchDispatchMode):
    """Inside ``with Largest() as most:`` the largest result of any operation is noted."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.nbytes)
        return out


def plain(q, k, v):
    return (q @ k.transpose(-2, -1)).softmax(dim=-1) @ v


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=1.0)


# %%
LIMIT = 100 * 2**20  # 100 MiB
measured = {}
print(" map  the table              plain                fused")
for size in (8, 16, 32, 64, 128):
    start_of_line = f"{size:>3}²  {size**2:>5}² = {bill(size) / 2**20:>7.2f} MiB"
    if bill(size) > LIMIT:
        print(f"{start_of_line}  refused: over {LIMIT // 2**20} MiB. A batch of 16 would take "
              f"{bill(size, 16) / 2**30:.0f} GiB, pooled {bill(size, 16, pool=True) / 2**30:.0f} GiB.")
        continue
    q, k, v = torch.randn(3, 1, 1, size * size, 32)  # (N, 1, pixels, length of a query)
    milliseconds, mebibytes = {}, {}
    for run in (plain, fused):
        with Largest() as most:
            run(q, k, v)
        mebibytes[run.__name__], times = most.bytes / 2**20, []
        for _ in range(3):
            start = time.perf_counter()
            run(q, k, v)
            times.append(1000 * (time.perf_counter() - start))
        milliseconds[run.__name__] = min(times)
    measured[size] = milliseconds
    cells = [f"{milliseconds[n]:>7.2f} ms {mebibytes[n]:>6.2f} MiB" for n in ("plain", "fused")]
    print(start_of_line, *cells)

# %%
sizes = list(measured)
figure, axis = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for name, style in (("plain", "o-"), ("fused", "s--")):
    axis.plot(sizes, [measured[s][name] for s in sizes], style, label=f"{name}, measured")
last = measured[sizes[-1]]["plain"]
axis.plot(sizes, [last * (s / sizes[-1]) ** 4 for s in sizes], ":", color="0.4",
          label="∝ side⁴, as the table")
axis.set(xscale="log", yscale="log", xticks=sizes, xlabel="side of the map, pixels")
axis.set(ylabel="ms for one image", title="Attention over one map, no pooling")
axis.set_xticks(sizes, [str(s) for s in sizes])
axis.minorticks_off()
axis.legend()
show(figure, alt="Two curves of time over the side of the map, 8 to 64, on logarithmic axes. Both rise steeply, "
     "roughly along a dotted line that multiplies by 16 for each doubling of the side. The fused one lies "
     "below the plain one at the large sizes.")

# %% [markdown]
# Both give the same numbers. *Plain* makes the whole table, and in training keeps it until the backward
# pass. *Fused* never holds it: its largest tensor is the result itself. The multiply-adds are the same;
# what it saves is memory, and with it the time of moving that memory about. The package trains with the
# fused way (`SelfAttention2d.forward`) and looks at maps with the plain one (`forward_with_map`).
#
# So attention goes where $P$ is moderate. The authors put one block into G and one into D, on the maps of
# 32×32, for images of 128×128. For 32×32 images, as in lesson 12, that is the map of 16×16.

# %% [markdown]
# ## 11. Lab: where does this pixel look?
#
# The same scene, and features made by hand, in which a dot product means something: a query asks for pixels
# of its own colour, for pixels near to it, or both. The values are the colours. Guess first; then:
#
# 1. move the pixel over roof, wall, grass: what does each find, and how far away?
# 2. turn the temperature up and down: what happens to the spread?
# 3. set softmax to *those that ask*: look at the third picture, and say why it is not white;
# 4. *random* features are two untrained 1×1 convolutions. Do pixels find their own kind?
# 5. raise γ, then pool: what changes in the last picture, and what not?

# %%
AttentionProbe()

# %% [markdown]
# Number 4 is worth a second look. A dot product is large for *long* keys that point roughly the right way,
# not for *similar* ones. That a pixel looks for its own kind is not built in: training has to
# bring query and key together, or something else that helps.

# %%
figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.9), layout="constrained")
for axis, features in zip(axes, ("colour", "place", "colour and place", "random"), strict=True):
    probe = AttentionProbe(size=32, row=13, column=6, features=features, revealed=True)
    data = probe.figure_data()
    axis.imshow(data["weights"], cmap="Greys", vmin=0)
    axis.plot(6, 13, "s", mfc="none", mec=palette.FAKE, ms=7, mew=2)
    axis.set(title=f"{features}\n{100 * data['beyond']:.0f} % beyond 3×3", xticks=[], yticks=[])
figure.suptitle("One roof pixel (framed) and its row of the map, four kinds of features (each its own scale)")
show(figure, alt="Four maps of 32 by 32 weights of one framed pixel in the left roof. By colour both roofs "
     "are dark; by place a round spot around the pixel; by colour and place the left roof; with random "
     "features other things are dark, and the roofs are white.")

# %% [markdown]
# ## 12. A promise that nobody can make
#
# In the paper, images of 128×128 from ImageNet got clearly better with attention. At 32×32 the public
# benchmarks don't show it: in the CIFAR-10 logs that PyTorch-StudioGAN publishes, SAGAN ends no better than
# SNGAN, the same kind of network without attention. On a map of 8×8 or 16×16 a convolution sees a good part anyway, and
# there is less that could be far away.
#
# So in [lesson 12](12_sagan.ipynb) we measure it ourselves, over several seeds, and say what came out. What
# you have today is a tool, what it costs, and the tests that show that yours is right. Which pixel looks where
# is fun to see; better images are another question.

# %% [markdown]
# ## 13. What do you know now?

# %%
quiz("10_self_attention", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | receptive field | $1 + \sum (k_l - 1) \cdot$ strides before; what really counts is smaller |
# | 1×1 convolution | one matrix (out, C), applied at each pixel; space plays no part |
# | score | $s_{ij} = q_i \cdot k_j$: $i$ asks, $j$ is looked at; SAGAN divides by nothing |
# | softmax | over those looked at, so that each row adds up to 1; the axis of the softmax is the axis of the sum |
# | the test | a value of 1 everywhere must come out as 1 everywhere (not only on average) |
# | channels | query, key C/8, value C/2, output back to C; no biases |
# | pool | key and value, 2×2 maximum, before they are flattened; the query never |
# | gate | $y = x + \gamma \cdot$ attention, γ one number from 0; in the first step only γ gets a gradient |
# | price | $P^2$ entries for $P = HW$ pixels: double the side, 16 times the table; a quarter of it with pooling |
# | in torch | `F.scaled_dot_product_attention(q, k, v, scale=1.0)`, pixels in the second-last axis |
#
# **Now you.** [exercises/10_self_attention](../exercises/10_self_attention.ipynb): eight tasks, from a
# receptive field to the whole block, and a line-up of seven suspects.
#
# In torch's own words:
# [torch.nn.Conv2d](https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html),
# [torch.nn.Softmax](https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html),
# [torch.nn.MaxPool2d](https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html),
# [torch.nn.Parameter](https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html).
#
# **Next** [11 · Spectral norm and hinge](11_spectral_norm_hinge.ipynb): how to keep D's slopes in check.
