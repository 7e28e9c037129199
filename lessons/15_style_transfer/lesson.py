# %% [markdown]
# # 15 · Style transfer: the picture learns
#
# **After this lesson you can** say what the layers of a network keep of a picture and what they forget; work out a
# Gram matrix by hand; write the three losses and the loop of style transfer; choose weights, layers and start; and
# redraw pictures of your own.
#
# **Time** about 75 minutes · **Builds on** [08 · Train a DCGAN](08_train_dcgan.ipynb) · **Needs** no GPU, no network
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# Two photographs. The first one gives the **content**: what is where. The second one gives the **style**: its
# colours, strokes and textures. No generator and no discriminator this time.

# %%
import matplotlib.pyplot as plt
import torch

from gan_course import fast_mode
from gan_course.checks.parameters import whole_number
from gan_course.data import image_grid, load_photograph
from gan_course.labs import GramShuffle, StyleMixer, quiz, show
from gan_course.style import load_network, stylize


def pictures(images, alt, columns=3, title=None):
    """Pictures {name: (1, 3, H, W)} side by side, shown with what one sees."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9, 2.4 * rows + 0.3), layout="constrained", squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, image) in zip(axes.flat, images.items(), strict=False):
        axis.imshow(image_grid(image, padding=0))
        axis.set_title(name, fontsize=10)
    figure.suptitle(title)
    show(figure, alt=alt)


# %% tags=["parameters"]
STEPS = 12 if fast_mode() else 60  # of the longer runs below

# %%
STEPS = whole_number("STEPS", STEPS, 12, 2_000)  # says what is wrong, if it will not do

# %%
china, flower = load_photograph("china", 160), load_photograph("flower", 160)  # (1, 3, 107, 160) each
result = stylize(china, flower, steps=STEPS)
pictures(
    {"content: china": china, "style: flower": flower, f"after {STEPS} steps": result.image},
    alt="Three pictures: a pagoda by a lake under a pale sky; an orange dahlia before dark green leaves; and the pagoda "
    "once more, as if painted, with dark green shadows and a sky of pink and yellow strokes.",
)

# %% [markdown]
# The pagoda stands where it stood. Colours and texture are the dahlia's.
#
# How does one *train* that? Not at all: there was no training just now. A network looked on whose weights
# stayed as they are. What then was changed, 60 times?

# %% [markdown]
# ## 2. Guess first

# %%
quiz("15_style_transfer", "before")

# %% [markdown]
# ## 3. What features see
#
# The network that looks on is a small relative of VGG. It was trained for this course to tell ten classes of
# photographs apart, at 32 × 32 pixels. It consists of convolutions, so it takes pictures of any size. Here are the maps of some of
# its layers:

# %% tags=["nbval-check-output"]
network = load_network("offline")
layers = ["conv1_2", "conv2_2", "conv3_2", "conv4_2"]
maps = network.maps(china, layers)  # {name: (1, channels, height, width)}
for name in layers:
    print(name, tuple(maps[name].shape))

# %%
figure, axes = plt.subplots(1, 5, figsize=(11, 2.1), layout="constrained")
axes[0].imshow(image_grid(china, padding=0))
axes[0].set_title("the picture", fontsize=10)
for axis, name in zip(axes[1:], layers, strict=True):
    spread = maps[name][0].std(dim=(1, 2))  # (channels,)
    busiest = spread.argmax().item()
    axis.imshow(maps[name][0, busiest], cmap="magma")
    axis.set_title(f"{name}, channel {busiest}", fontsize=10)
for axis in axes:
    axis.axis("off")
show(
    figure,
    alt="The pagoda, and one map of each of four layers. The first shows fine edges, the second a bright sky behind "
    "a dark pagoda; the later ones are coarser, and in the last one bright blocks mark regions only.",
)

# %% [markdown]
# What does a layer still know? Ask it: begin with noise, and change the picture until the layer sees
# what it sees in the pagoda. Nothing else is asked for. (A style transfer is a small training, so this cell and some
# below take ten seconds to a minute each, by the machine.)

# %%
small = load_photograph("china", 96)  # (1, 3, 64, 96)
rebuilt = {"the picture": small}
for name in layers[1:]:
    found = stylize(
        small, flower, steps=2 * STEPS // 3, start="noise", style_weight=0, tv_weight=0.1, content_layers=[name]
    )
    rebuilt[f"rebuilt from {name}"] = found.image
pictures(
    rebuilt,
    columns=4,
    alt="The pagoda and three pictures that were rebuilt from what one layer knows of it. From conv2_2 nearly all is "
    "there, in weak colours; from conv3_2 the shapes are, and hardly a colour; from conv4_2 faint outlines on grey grain.",
)

# %% [markdown]
# Early layers know nearly every pixel. Late ones know shapes, and are easy about the rest: many pictures look alike to
# them. So the content is compared at a layer in the middle, and what it doesn't care about is free to take
# on a style.
#
# ## 4. The Gram matrix
#
# And how can one describe a style, if not by *where* things are? By **what occurs together**. If wherever a channel
# answers to orange another one answers to fine stripes, then there are orange stripes.
#
# One layer, two channels a and b, 2 × 2 places:

# %%
a = torch.tensor([[1.0, 0.0], [2.0, 1.0]])
b = torch.tensor([[1.0, 1.0], [0.0, 3.0]])
tiny = torch.stack([a, b])[None]  # (1, 2, 2, 2)
print("a with a:", (a * a).sum().item(), " a with b:", (a * b).sum().item(), " b with b:", (b * b).sum().item())


# %% [markdown]
# For each pair of channels: multiply place by place, add up over all places. In one line that is a matrix product.
# Divided by C · H · W, so that neither the size of the picture nor the number of channels counts:
#
# $$G_{ij} = \frac{1}{C\,H\,W}\sum_{p} F_{ip}\,F_{jp}$$
#
# with $F_{ip}$, what channel $i$ sees at place $p$.


# %% tags=["nbval-check-output"]
def gram_matrix(maps):
    """(N, C, H, W) -> (N, C, C)."""
    n, c, h, w = maps.shape
    rows = maps.reshape(n, c, h * w)  # a row for each channel
    return rows @ rows.transpose(1, 2) / (c * h * w)


print(gram_matrix(tiny)[0] * 8)
print(gram_matrix(maps["conv3_2"]).shape)

# %% [markdown]
# The matrix has one row and one column for each channel, whatever the size of the picture. What does it forget? **Guess
# in the lab**, then try: shuffle features, shuffle pixels, mirror, repeat.

# %%
GramShuffle()

# %% [markdown]
# The same in numbers: all places of a layer's features in random order.

# %%
features = maps["conv2_2"]
order = torch.randperm(features[0, 0].numel(), generator=torch.Generator().manual_seed(0))
shuffled = features.flatten(2)[:, :, order].view_as(features)
print(f"content: mean squared difference      {(shuffled - features).square().mean():.4f}")
print(f"style: largest change of a Gram entry {(gram_matrix(shuffled) - gram_matrix(features)).abs().max():.1e}")

# %% [markdown]
# A sum does not mind the order. That is why a Gram matrix can carry a style from one picture to another, without
# carrying its objects along. Does it know enough? Begin with noise, and ask for the dahlia's Gram matrices, and
# for no content:

# %%
dahlia = load_photograph("flower", 96)
texture = stylize(dahlia, dahlia, steps=STEPS, start="noise", content_weight=0)
pictures(
    {"the style picture": dahlia, "noise with its Gram matrices": texture.image},
    columns=2,
    alt="Left, the dahlia. Right, a picture with the same colours and similar strokes, but without a flower: patches of "
    "orange with petals in them lie anywhere between dark green ones.",
)

# %% [markdown]
# The colours and the strokes have come, the flower has not: where its parts belong was forgotten.
#
# ## 5. Three losses
#
# - **Content**: the mean squared difference of the features, place by place.
# - **Style**: the mean squared difference of the Gram matrices, added up over several layers.
# - **Total variation**: how much neighbouring pixels differ. It holds noise down.


# %%
def content_loss(maps, target):
    return (maps - target).square().mean()


def style_loss(maps, target_gram):
    return (gram_matrix(maps) - target_gram).square().mean()


def total_variation(images):
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().mean()
    return down + across


print(f"content, tiny against nothing: {content_loss(tiny, torch.zeros_like(tiny)):.3f} = (6 + 11) / 8")
print(f"total variation of the pagoda: {total_variation(small):.3f}")
print(f"and of noise:                  {total_variation(torch.rand_like(small) * 2 - 1):.3f}")

# %% [markdown]
# Features of different layers have quite different sizes, and so have their Gram matrices:

# %%
style_layers = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2"]
content_layer = "conv3_1"
with torch.no_grad():
    of_flower = network.maps(dahlia, style_layers)
    target_grams = {name: gram_matrix(of_flower[name]) for name in style_layers}
    target_content = network.maps(small, [content_layer])[content_layer]
for name, gram in target_grams.items():
    print(f"{name}: mean square of its Gram matrix {gram.square().mean():.1e}")

# %% [markdown]
# With one weight for all, the layer with the largest numbers would decide alone. So divide each part by
# the mean square of its own target. A loss of 1 then means: as far away as if there were nothing at all.
#
# ## 6. The loop
#
# In lesson 08 an optimizer got the *weights* of a network. Here it gets the *pixels* of a picture. That is the whole trick.


# %%
def losses_of(image):
    """The picture (1, 3, H, W) -> content, style, total variation: three numbers."""
    seen = network.maps(image, {*style_layers, content_layer})
    content = content_loss(seen[content_layer], target_content) / target_content.square().mean()
    style = 0
    for name, gram in target_grams.items():
        style = style + style_loss(seen[name], gram) / gram.square().mean() / len(target_grams)
    return content, style, total_variation(image)


# %%
image = small.clone().requires_grad_()  # begin with the content
optimizer = torch.optim.Adam([image], lr=0.06)  # not a network's parameters: the picture
history = []
for step in range(STEPS):
    content, style, tv = losses_of(image)
    loss = 1.0 * content + 10.0 * style + 3.0 * tv
    optimizer.zero_grad()
    loss.backward()  # through the network, down to the pixels
    optimizer.step()
    with torch.no_grad():
        image.clamp_(-1, 1)  # a pixel has no more than white
    history.append((content.item(), style.item(), tv.item()))
print(f"content {history[0][0]:.2f} -> {history[-1][0]:.2f}, style {history[0][1]:.2f} -> {history[-1][1]:.2f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for values, name, look in zip(zip(*history, strict=True), ("content", "style", "total variation"), ("-", "--", ":"), strict=True):
    left.plot(values, look, color="0.15", label=name)
left.set(title="The three losses, without weights", xlabel="step", ylabel="loss", yscale="log")
left.legend()
left.grid(color="0.9")
right.imshow(image_grid(image.detach(), padding=0))
right.set_title(f"our own loop, {STEPS} steps of Adam")
right.axis("off")
show(
    figure,
    alt=f"Left, the losses over {STEPS} steps: style falls from {history[0][1]:.2f} to {history[-1][1]:.2f}, content rises "
    f"from 0 to {history[-1][0]:.2f}. Right, the pagoda in the dahlia's colours.",
)

# %% [markdown]
# Look at the content loss: it begins at 0 (which has no place on a logarithmic axis), for we began with the content,
# and it can only rise. Style transfer is a bargain: content is paid for style, and the weights are the prices.
#
# `gan_course.style.stylize` is this loop, with a guard against numbers that are none. From noise it takes another
# optimizer, the paper's: **L-BFGS**, which guesses the curvature from the last gradients. It can, because there are no
# batches here, so the gradient has no noise.

# %%
print(f"from noise, after {STEPS // 2} steps: the whole loss, with its weights")
for name in ("adam", "lbfgs"):
    run = stylize(small, dahlia, steps=STEPS // 2, start="noise", optimizer=name)
    print(f"{name:<6} {run.history[0].total:6.2f} -> {run.history[-1].total:.2f}")

# %% [markdown]
#
# ## 7. From noise, or from the content?
#
# The losses are the same. **Guess:** will the pictures be?

# %%
ways = {}
for start in ("content", "noise"):
    for steps in (STEPS // 12, STEPS // 3, STEPS):
        ways[f"from {start}, {steps} steps"] = stylize(small, dahlia, steps=steps, start=start)
pictures(
    {name: way.image for name, way in ways.items()},
    alt=f"Two rows of three pictures, after {STEPS // 12}, {STEPS // 3} and {STEPS} steps. From the content the pagoda "
    "is sharp from the first one on and takes on colours. From noise it comes out of a grey fog, in the colours and strokes of the dahlia, "
    "with rough outlines.",
)
for name, way in ways.items():
    last = way.history[-1]
    print(f"{name:<25} content {last.content:.3f}, style {last.style:.3f}")

# %% [markdown]
# (Compare the pictures, not the last numbers: the two rows come from two optimizers.)
#
# Gradient descent finds *a* low place, not the lowest one, and which one hangs on where it begins. From the content the
# details stay that no loss asks for; from noise they must be found. The paper began with noise; where the
# content is to be recognised, begin with the content.
#
# ## 8. Weights and layers
#
# Which picture is the best one? No loss knows: the weights are a choice of taste. From left to right the style
# counts more. Above, the style is taken from the first two layers; below, from six.

# %%
sheet = {}
for label, chosen in (("2 layers", ["conv1_1", "conv1_2"]), ("6 layers", style_layers)):
    for weight in (1, 10, 100):
        run = stylize(small, dahlia, steps=STEPS // 2, style_weight=weight, style_layers=chosen)
        sheet[f"{label}, style weight {weight}"] = run.image
pictures(
    sheet,
    alt="Six pictures of the pagoda. With two layers colours and grain change; with six come strokes and "
    "patches. With style weight 1 the picture is soft and pale, with 100 the strokes are strong and "
    "details of the pagoda get lost.",
)

# %% [markdown]
# With style weight 1 the total variation wins, and smooths the details away: all three weights pull at once. Early layers
# see little pieces: they carry colours and grain. Later ones see larger pieces, and carry strokes.
#
# Try it yourself; the weights act while it plays. *own content* and *own style* take pictures from your disk.

# %%
StyleMixer()

# %% [markdown]
# ## 9. Our network and VGG-19: an honest comparison
#
# The paper looked through **VGG-19**. Its weights are about 550 MB, so they don't come along, and *no picture in this
# lesson was made with it*. What can be compared without them:

# %%
from torchvision.models import vgg19

with torch.device("meta"):  # shapes without weights: nothing is fetched
    vgg = vgg19().features
ours = network.maps.__self__.layers


def field(layers_before):
    """How many pixels of a side one value sees, after these 3x3 convolutions "c" and poolings "p"."""
    size, jump = 1, 1
    for layer in layers_before:
        size += (2 if layer == "c" else 1) * jump
        jump *= 1 if layer == "c" else 2
    return size


print("                              ours   VGG-19")
print(f"convolutions            {sum(1 for _ in ours):10} {sum(isinstance(x, torch.nn.Conv2d) for x in vgg):8}")
counts = [sum(p.numel() for p in part.parameters()) for part in (ours, vgg)]
print(f"their parameters        {counts[0]:10,} {counts[1]:,}")
print("deepest style layer        conv3_2  conv5_1")
print(f"one value there sees    {field('ccpccpcc'):7} px {field('ccpccpccccpccccpc'):5} px")


def work(channels, after_pool):
    """Multiplications for each pixel of the picture, from one 3x3 convolution to the next."""
    pairs = zip(channels[:-1], channels[1:], after_pool, strict=True)
    return sum(9 * i * o / 4**pools for i, o, pools in pairs)


of_ours = work([3, 32, 32, 64, 64, 128, 128], [0, 0, 1, 1, 2, 2])
of_vgg = work([3, 64, 64, 128, 128, *[256] * 4, *[512] * 5], [0, 0, 1, 1, *[2] * 4, *[3] * 4, 4])
print(f"multiplications a pixel {of_ours:10,.0f} {of_vgg:8,.0f}")

# %% [markdown]
# - **Training.** Ours saw 45,000 photographs of 32 × 32 pixels in ten classes. VGG-19 saw 1.3 million of 224 × 224 in a thousand.
#   So it has met far more textures, and in far more detail.
# - **Size of a stroke.** One value of our deepest style layer sees 32 × 32 pixels, one of VGG's 156 × 156. What is larger than
#   that, a style can't contain: expect colours, grain and short strokes from ours, and large motifs from VGG only.
# - **Pooling and BatchNorm.** Ours pools by the mean, as the paper found better for pictures, and has BatchNorm; VGG-19 pools by the
#   maximum and has none.
# - **Price.** Ours needs about a tenth of the multiplications, so it is quick enough for a laptop.
#
# A small style picture makes up for some of that: strokes are as large as in the style picture, so with a smaller one more
# of it fits into what one value sees.
#
# With a network connection, torchvision fetches the weights the first time:
#
#     gan-course stylize --content china --style flower --network vgg19
#
# Without one, the command says so in a sentence. Two things that are easy to forget with VGG, and that
# `load_network("vgg19")` does: images must be normalised by ImageNet's mean and spread (an exercise), and the network must be
# frozen and in eval mode.
#
# ## 10. Your own pictures
#
# Any format that Pillow reads, of any size that is no more than eight times as long as wide; a picture that the camera has turned
# is turned back, transparency becomes white:
#
#     gan-course stylize --content me.jpg --style painting.png --output me_painted.png
#
# It tells how far it is while it works. Ctrl + C stops, and saves what is there. In Python:

# %%
content = load_photograph("china", longest=128)  # or the path of a file of your own
style = load_photograph("flower", longest=64)  # smaller: finer strokes


def progress(transfer):
    if transfer.step_count % 20 == 0:
        print(f"step {transfer.step_count}: {transfer.history[-1].total:.3f}")
    return True  # False would stop it


fine = stylize(content, style, steps=STEPS, progress=progress)
pictures(
    {"style of 128 pixels": stylize(content, load_photograph("flower", 128), steps=STEPS).image, "of 64 pixels": fine.image},
    columns=2,
    alt="Two pictures of the pagoda. With the smaller style picture the strokes are finer, and round shapes like small "
    "dahlias float over the lake.",
)

# %% [markdown]
# ## 11. What do you know now?

# %%
quiz("15_style_transfer", "after")

# %% [markdown]
# ## Summary
#
# | what | how |
# |---|---|
# | what is changed | the pixels of one picture; the network is frozen, in eval mode |
# | content loss | mean squared difference of features, place by place, at a layer in the middle |
# | Gram matrix | for each pair of channels the sum over all places of their product, / (C · H · W) |
# | it forgets | where; it keeps what occurs together |
# | style loss | mean squared difference of Gram matrices, over several layers |
# | total variation | mean absolute difference of neighbours: against noise |
# | weights | a choice of taste; each part first divided by its own target |
# | layers | early: colours, grain; later: strokes; content: in the middle |
# | start | content: sharp and quick; noise: freer and rougher |
# | optimizer | Adam; or L-BFGS, which needs a gradient without noise and has one here |
#
# In torch's own words: [torch.optim.LBFGS](https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html),
# [torch.Tensor.requires_grad_](https://pytorch.org/docs/stable/generated/torch.Tensor.requires_grad_.html),
# [torch.Tensor.clamp_](https://pytorch.org/docs/stable/generated/torch.Tensor.clamp_.html),
# [torchvision.models.vgg19](https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg19.html).
#
# From the papers: *A Neural Algorithm of Artistic Style* (Gatys, Ecker and Bethge, 2015); *Texture Synthesis Using Convolutional
# Neural Networks* (the same, 2015), for the Gram matrix; *Very Deep Convolutional Networks for Large-Scale Image Recognition*
# (Simonyan and Zisserman, 2014), for VGG; *Understanding Deep Image Representations by Inverting Them* (Mahendran and Vedaldi,
# 2015), for rebuilding from features and for total variation.
#
# The photographs: *china* by danielbuechele and *flower* by vultilion, both on Flickr under CC BY 2.0; they come with
# scikit-learn.
#
# **Now you.** [exercises/15_style_transfer](../exercises/15_style_transfer.ipynb): six tasks, from a Gram matrix by hand to the
# loop.
#
# **Next** [16 · Your own images](16_your_own_images.ipynb): a folder of yours, from a first look to a trained GAN.
