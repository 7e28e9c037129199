# %% [markdown]
# # 03 · Activations: what bends, and what lets gradient through
#
# **After this lesson you can** choose ReLU, LeakyReLU, Tanh or sigmoid by what they put out and by the
# gradient that they let through; count the dead units of a net; say what LeakyReLU does for a
# discriminator, and what it does not; and bring data into the range of a Tanh.
#
# **Time** about 45 minutes · **Builds on** [02 · ConvTranspose2d](02_conv_transpose2d.ipynb) · **Needs**
# no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# The generator that comes with the course draws digits. It has convolutions and BatchNorm (which keeps
# numbers at a sensible size: lesson 04), and between them **activations**: functions without any weights that are applied to each number on its own. Let us
# take them out, one kind at a time, and leave all weights as they are.

# %%
import copy

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from gan_course import palette
from gan_course.data import image_grid, load_images
from gan_course.labs import GateAndNorm, quiz, show
from gan_course.models import DCGANDiscriminator, SimpleGenerator
from gan_course.pretrained import load_pretrained


# %%
def replaced(model, old, new):
    """A copy of the model in which each layer of the kind ``old`` is replaced by ``new``."""
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, old):
                setattr(parent, name, new)
    return model


generator = load_pretrained("digits").eval()
without_relu = replaced(generator, nn.ReLU, nn.Identity())  # Identity: y = x
without_tanh = replaced(generator, nn.Tanh, nn.Identity())

torch.manual_seed(2)
z = torch.randn(10, 64)  # (N, latent_dim)
with torch.no_grad():  # we only look
    rows = [
        ("as it was trained", generator(z)),  # (10, 1, 32, 32)
        ("every ReLU taken out", without_relu(z)),
        ("the Tanh at its end taken out", without_tanh(z)),
    ]

# %%
figure, axes = plt.subplots(3, 1, figsize=(8, 3.7), layout="constrained")
for axis, (name, images) in zip(axes, rows, strict=True):
    axis.imshow(image_grid(images, columns=10), cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[])
    axis.set_title(name, fontsize=10)
    print(f"{name:30} pixels from {images.min().item():7.2f} to {images.max().item():6.2f}")
figure.suptitle("The same weights and the same z, with and without activations")
show(
    figure,
    alt="Three rows of ten images. The first shows digits in white on black. In the second nothing "
    "is left of them but large black and white blotches. The third looks like the first.",
)

# %% [markdown]
# Without its ReLUs the network has forgotten what a digit is, though not one weight was touched. Without
# its Tanh the drawings are the same, but the pixels have left their range (the picture clips them). These
# are the two jobs of an activation: **inside** a network it bends what would otherwise be straight, and at
# its **end** it says which numbers may come out. There is a third job that one does not see here, and for
# GANs it is the most important: on the way back an activation is a gate for the *gradient*.
#
# ### Five words that you need from here on
#
# - **`nn.Linear(3, 50)`** is the plainest layer with weights: each of its 50 outputs is a weighted sum of
#   all 3 inputs, plus a bias. Such an output is also called a **unit**. (More in lesson 05.)
# - The **loss** is one number that says how badly a network does. Training makes it smaller.
# - The **gradient** says for each number, a weight or a pixel, how much the loss changes when that number
#   grows a little. Torch computes it backwards from the loss, layer by layer, when one calls `backward()`,
#   and puts it into `.grad`. The part of torch that does this is called *autograd*.
# - An **optimiser** then moves each weight a small step against its gradient. *Adam* is the one that GANs
#   mostly use.
# - The **learning rate** says how large these steps are.

# %% [markdown]
# ## 2. Guess first

# %%
quiz("03_activations", "before")

# %% [markdown]
# ## 3. Four curves
#
# First, why bend at all? Here are two layers in a row without anything between them, and one single layer
# made of their weights. Call the weights $W_1, W_2$ and the biases $b_1, b_2$; then
#
# $$W_2(W_1 x + b_1) + b_2 = (W_2 W_1)\,x + (W_2 b_1 + b_2).$$

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
first, second = nn.Linear(3, 50), nn.Linear(50, 2)
weight = second.weight @ first.weight  # (2, 50) @ (50, 3) -> (2, 3)
bias = second.weight @ first.bias + second.bias  # (2,)
x = torch.randn(4, 3)
difference = (second(first(x)) - F.linear(x, weight, bias)).abs().max().item()
print("weights of the two:", first.weight.numel() + second.weight.numel())
print("weights of the one:", weight.numel())
print("the same output up to rounding:", difference < 1e-5)

# %% [markdown]
# So a chain of convolutions, however long, is one convolution, until something bends between them. These
# are the four benders that you meet in GANs; $x$ is the number that comes in.
#
# | name | what it does | its derivative |
# |---|---|---|
# | ReLU | $x$ if $x > 0$, else 0 | 1 or 0 |
# | LeakyReLU | $x$ if $x > 0$, else $0.2\,x$ | 1 or 0.2 |
# | Tanh | $y = \tanh(x)$, from −1 to 1 | $1 - y^2$ |
# | sigmoid | $s = 1 / (1 + e^{-x})$, from 0 to 1 | $s\,(1 - s)$ |
#
# (0.2 is the *slope* of the LeakyReLU. You choose it; GANs mostly take 0.2.)
#
# The **derivative** is how steep the curve is. **Guess** before you look: which of the four is steepest
# at 0 from both sides, and which one never gets steeper than a quarter?

# %%
ACTIVATIONS = {
    "ReLU": nn.ReLU(),
    "LeakyReLU(0.2)": nn.LeakyReLU(0.2),
    "Tanh": nn.Tanh(),
    "Sigmoid": nn.Sigmoid(),
}


def derivative(activation, x):
    """How steep the activation is at each number of x, by autograd."""
    x = x.clone().requires_grad_()
    activation(x).sum().backward()  # each y depends on its own x only, so the sum mixes nothing
    return x.grad


# %%
x = torch.linspace(-4, 4, 401)
figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), sharex=True, layout="constrained")
for axis, (name, activation) in zip(axes, ACTIVATIONS.items(), strict=True):
    axis.axhline(0, color="0.8", lw=1)
    axis.axvline(0, color="0.8", lw=1)
    axis.plot(x, activation(x), color="black", lw=2, label="value")
    axis.plot(x, derivative(activation, x), color=palette.GENERATOR, ls="-.", label="derivative")
    axis.set(title=name, xlabel="x", ylim=(-1.3, 2.3), xticks=[-4, -2, 0, 2, 4])
axes[0].set_ylabel("value, derivative")
axes[0].legend(loc="upper left", fontsize=9, framealpha=1)
figure.suptitle("Four activations and their derivatives")
show(
    figure,
    alt="Four curves in black, each with its derivative as a purple dash-dotted line. ReLU is 0 "
    "left of zero and rises right of it; its derivative jumps from 0 to 1. LeakyReLU falls slowly "
    "below zero on the left; its derivative jumps from 0.2 to 1. Tanh is an S from −1 to 1 whose "
    "derivative is a hill of height 1. Sigmoid is a flatter S from 0 to 1, with a hill of 0.25.",
)

# %% [markdown]
# The purple lines are not decoration. In training, the gradient comes back through the same layers, and
# at each activation it is **multiplied by the derivative** at the number that went through. Where the
# purple line is 0, nothing comes through; where it is 1, everything does.
#
# The formulas of the table against autograd:

# %% tags=["nbval-check-output"]
by_hand = {
    "ReLU": (x > 0).float(),
    "LeakyReLU(0.2)": torch.where(x > 0, 1.0, 0.2),
    "Tanh": 1 - torch.tanh(x) ** 2,
    "Sigmoid": torch.sigmoid(x) * (1 - torch.sigmoid(x)),
}
for name, activation in ACTIVATIONS.items():
    difference = (by_hand[name] - derivative(activation, x)).abs().max().item()
    steepest = derivative(activation, x).max().item()
    print(f"{name:15} equal: {difference < 1e-6}   steepest: {steepest:.2f}")

# %% [markdown]
# Sigmoid multiplies every gradient by a quarter at best. Through five of them in a row, that is:

# %% tags=["nbval-check-output"]
print("five sigmoids, at best:", 0.25**5)
print("five ReLUs that are on:", 1.0**5)

# %% [markdown]
# That is why sigmoid has left the inside of networks. It lives on at their ends (section 7).

# %% [markdown]
# ## 4. How much comes through?
#
# In a real layer not one number meets the activation but a whole crowd, spread like a bell around some
# mean. If the mean is below zero, a ReLU shuts out most of them. Say the mean is −1 and the standard
# deviation ("spread") is 1. Shut out is what lies below 0: for a bell curve
#
# $$P(x < 0) = \Phi\left(\frac{0 - \text{mean}}{\text{spread}}\right),$$
#
# where $\Phi$ is the share of a standard bell curve (mean 0, spread 1) that lies left of a place. The bench
# draws such a crowd. Guess, then look; below it stands what the formula says. Three things to find:
#
# 1. the mean at which half of the gradient's gates are shut;
# 2. what LeakyReLU changes about the dead, and about the mean derivative;
# 3. for tanh: what a larger spread does to the mean derivative, although the mean stays at 0.

# %%
bench = GateAndNorm(activation="relu", mean=-1.0, spread=1.0, batch_norm=False)
bench

# %%
for mean in (-2.0, -1.0, 0.0, 1.0):
    predicted = torch.distributions.Normal(mean, 1.0).cdf(torch.tensor(0.0)).item()
    lab = GateAndNorm(activation="relu", mean=mean, spread=1.0, batch_size=64, batch_norm=False)
    measured = lab.figure_data()["dead_fraction"]
    print(f"mean {mean:4}: predicted {predicted:6.1%}, measured in the bench {measured:6.1%}")

# %% [markdown]
# Shutting out some numbers is a ReLU's work, not a fault: that is how it bends. It becomes a fault when a
# unit is shut for *every* image.

# %% [markdown]
# ## 5. Dead units, counted
#
# A small net for the 1,797 handwritten digits that come with scikit-learn: 64 pixels go in, two *hidden*
# layers (neither the first numbers nor the last) of 64 units follow, and ten scores come out, one for each
# digit. `F.cross_entropy` is the usual loss for that: it is small where the right digit has the highest
# score. We train the net six times: with three learning rates, and with ReLU or LeakyReLU.
#
# Then we send the *whole* set through it, and count the units of the first hidden layer that are above
# zero for not a single image.

# %%
quiz("03_activations", "dead")

# %%
from sklearn.datasets import load_digits

digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1  # (1797, 64), from -1 to 1
labels = torch.tensor(digits.target)  # (1797,)


def trained_net(activation, learning_rate, seed=0, steps=300):
    """64 pixels -> 64 units -> 64 units -> 10 classes, after some steps of Adam."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(64, 64), activation, nn.Linear(64, 64), activation, nn.Linear(64, 10)
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    for _ in range(steps):
        batch = torch.randint(0, len(images), (64,))
        loss = F.cross_entropy(net(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %%
@torch.no_grad()
def firing_rates(net):
    """For each unit of the first hidden layer: the share of all images for which it is above 0."""
    return (net[0](images) > 0).float().mean(dim=0)  # (64,)


nets = {}
print("activation      learning rate   never fire   accuracy")
for name in ("ReLU", "LeakyReLU(0.2)"):
    for learning_rate in (0.001, 0.05, 0.1):
        net = nets[name, learning_rate] = trained_net(ACTIVATIONS[name], learning_rate)
        silent = (firing_rates(net) == 0).sum().item()
        accuracy = (net(images).argmax(1) == labels).float().mean().item()
        print(f"{name:15} {learning_rate:<15} {silent:2} of 64     {accuracy:.0%}")

# %%
figure, axis = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
relu_rates, leaky_rates = (firing_rates(nets[name, 0.05]) for name in ("ReLU", "LeakyReLU(0.2)"))
units = range(1, 65)
axis.plot(units, relu_rates.sort().values, "s--", color="black", ms=4, lw=1, label="ReLU")
axis.plot(units, leaky_rates.sort().values, "o-", color="#CC7A00", ms=4, lw=1, label="LeakyReLU")
axis.set(xlabel="units, from the most silent to the busiest", ylabel="share of images above zero")
axis.set_title("How often does each unit fire? Learning rate 0.05")
axis.legend()
show(
    figure,
    alt="Two rising curves of 64 points each, the shares of images for which the units fire. The "
    f"curve of ReLU, black squares, lies at zero for {(relu_rates == 0).sum()} units, that of "
    f"LeakyReLU, orange circles, for {(leaky_rates == 0).sum()}.",
)

# %% [markdown]
# With a learning rate that suits the net there is little to see. With one that is much too large, a single
# step can throw a unit so far that it is below zero for every image. A ReLU unit then stays there, for
# the loss no longer sends it any gradient. With LeakyReLU it still does, and in the end far fewer units are
# silent.
#
# Look at the accuracy as well, and be honest: at 0.05 the net with dead units classifies about as well as
# the other one. A net has units to spare. It gets bad when *nearly all* are gone.
#
# Now the reason, measured: the gradient of one silent unit's 64 weights, from all images.

# %%
for name in ("ReLU", "LeakyReLU(0.2)"):
    net = nets[name, 0.05]
    silent = firing_rates(net).argmin()  # the most silent unit
    with torch.no_grad():
        net[0].bias[silent] -= 1000.0  # so that it certainly fires for no image
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    size = net[0].weight.grad[silent].norm().item()
    print(f"{name:15} gradient of its weights: {size:.2g}, exactly zero: {size == 0}")

# %% [markdown]
# (For this cell both units were pushed far below zero by their bias, so that we compare like with like.)

# %% [markdown]
# ## 6. Why D wants LeakyReLU
#
# A generator never sees a real image. All that it learns comes as a gradient through D: from the logit,
# backwards through every layer of D, to the pixels of G's image, and from there into G. D's gates stand
# on G's only road.
#
# So let us stand at G's images and measure what arrives, with two D that differ in nothing but their
# activation. They get the same weights.

# %%
quiz("03_activations", "through_d")


# %%
def make_d(activation, seed):
    """Images (N, 1, 32, 32) -> logits (N, 1); a seed gives the same weights for any activation."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1),  # (N, 8, 16, 16)
        activation,
        nn.Conv2d(8, 16, kernel_size=4, stride=2, padding=1),  # (N, 16, 8, 8)
        activation,
        nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1),  # (N, 32, 4, 4)
        activation,
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 1),
    )


def gradients_through(discriminator, generator, z):
    """What arrives from each image's logit: at its pixels (N, 1, 32, 32), and at its z."""
    z = z.clone().requires_grad_()
    fake = generator(z)
    fake.retain_grad()  # torch forgets the gradient of a computed tensor, if one does not ask
    discriminator(fake).sum().backward()
    return fake.grad, z.grad


# %% [markdown]
# What should we expect? Where a unit is on, both let everything through. Where it is off, ReLU lets
# nothing through and LeakyReLU a fifth. If half of the units are on, the mean *square* of the gate is
# $\tfrac12$ for ReLU and $\tfrac12(1 + 0.2^2) = 0.52$ for LeakyReLU. So in each layer ReLU should lose only
# the factor $\sqrt{0.5 / 0.52}$, and three layers multiply:

# %% tags=["nbval-check-output"]
print(f"expected, ReLU / LeakyReLU: {(0.5 / 0.52) ** (3 / 2):.2f}")

# %%
noise_maker = SimpleGenerator(latent_dim=64, image_channels=1)  # untrained: it draws grey noise
z = torch.randn(32, 64)  # (N, latent_dim)
at_pixels, at_z = [], []
print("ReLU / LeakyReLU  at G's pixels  at z  pixels without gradient, ReLU")
for seed in range(8):
    relu_d, leaky_d = (make_d(act, seed) for act in (nn.ReLU(), nn.LeakyReLU(0.2)))
    by_relu = gradients_through(relu_d, noise_maker, z)
    by_leaky = gradients_through(leaky_d, noise_maker, z)
    at_pixels.append((by_relu[0].norm() / by_leaky[0].norm()).item())
    at_z.append((by_relu[1].norm() / by_leaky[1].norm()).item())
    zeros = (by_relu[0] == 0).float().mean().item()
    print(f"seed {seed}         {at_pixels[-1]:.2f}          {at_z[-1]:.2f}    {zeros:7.0%}")
print(f"mean           {sum(at_pixels) / 8:.2f}          {sum(at_z) / 8:.2f}")

# %% [markdown]
# Hardly a difference, and about what was expected. Not one pixel is left without gradient, since each is
# read by many units, and some of them are on. That half of the gates are shut shows only inside of D:

# %%
for name in ("ReLU", "LeakyReLU(0.2)"):
    discriminator = make_d(ACTIVATIONS[name], seed=0)
    x = noise_maker(z).detach()
    shut = []
    for layer in discriminator:
        if layer is ACTIVATIONS[name]:
            shut.append((derivative(layer, x.detach()) == 0).float().mean().item())
        x = layer(x)
    print(f"{name:15} gates shut in the three layers:", " ".join(f"{s:5.1%}" for s in shut))

# %% [markdown]
# ### When D is not healthy
#
# So is LeakyReLU superfluous? Section 5 says where to look: in a D whose units die. Let us train each D
# for 30 steps to tell digits from G's noise; first with the learning rate that GANs use, then with one
# that is 250 times too large, as a D that learns much too fast. For each *image* we ask: does anything
# come through for it? (Below, each column is one of eight seeds. *Mean size* is the mean length of the
# gradients that arrive at the images, *cut off* the share of the images at which none arrives.)

# %%
real = load_images("digits").take(torch.arange(32))  # (32, 1, 32, 32) in [-1, 1]
fake = noise_maker(z).detach()  # (32, 1, 32, 32); detach: G itself is not trained here


def train_d(discriminator, learning_rate, steps=30):
    """Some steps of Adam: logits up for real images, down for fakes."""
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=learning_rate, betas=(0.5, 0.999))
    for _ in range(steps):
        logits_real, logits_fake = discriminator(real), discriminator(fake)
        loss = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return discriminator


# %%
sizes = {}  # (learning rate, name) -> for each of 8 seeds, one number for each of 32 images
for learning_rate in (0.0002, 0.05):
    for name in ("ReLU", "LeakyReLU(0.2)"):
        arrived = []
        for seed in range(8):
            discriminator = train_d(make_d(ACTIVATIONS[name], seed), learning_rate)
            at_images = gradients_through(discriminator, noise_maker, z)[0]  # (32, 1, 32, 32)
            arrived.append(at_images.flatten(1).norm(dim=1))  # (32,)
        sizes[learning_rate, name] = torch.stack(arrived)  # (8, 32)
        cut_off = (sizes[learning_rate, name] == 0).float().mean(dim=1)  # (8,)
        print(f"learning rate {learning_rate}, {name}")
        print("  mean size", " ".join(f"{s:6.2f}" for s in sizes[learning_rate, name].mean(1)))
        print("  cut off  ", " ".join(f"{s:6.0%}" for s in cut_off))

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
looks = {"ReLU": ("s", "black", -0.12), "LeakyReLU(0.2)": ("o", "#CC7A00", 0.12)}
floor = 1e-3
for axis, learning_rate in zip(axes, (0.0002, 0.05), strict=True):
    for name, (marker, color, shift) in looks.items():
        means = sizes[learning_rate, name].mean(dim=1).clamp(min=floor)  # (8,)
        seeds = torch.arange(8) + shift
        axis.plot(seeds, means, marker, color=color, label=name)
    axis.set(yscale="log", ylim=(floor / 2, 500), xlabel="seed", xticks=range(8))
    axis.set_title(f"D trained with learning rate {learning_rate}")
axes[0].set_ylabel("mean norm of the gradient")
axes[0].legend()
figure.suptitle(f"What comes through D to G's images (a mean below {floor:g} is drawn there)")
below = (sizes[0.05, "ReLU"].mean(1) < sizes[0.05, "LeakyReLU(0.2)"].mean(1)).sum().item()
show(
    figure,
    alt="Two plots of the gradient at G's images over eight seeds, on a logarithmic axis. On the "
    "left ReLU, black squares, lies a little below LeakyReLU, orange circles. On the right both are "
    f"scattered over several powers of ten, and ReLU is the lower one for {below} of the 8 seeds.",
)

# %%
for learning_rate in (0.0002, 0.05):
    ratio = sizes[learning_rate, "ReLU"].mean(1) / sizes[learning_rate, "LeakyReLU(0.2)"].mean(1)
    print(f"learning rate {learning_rate}: ReLU / LeakyReLU, median {ratio.median().item():.2f}")
for name in ("ReLU", "LeakyReLU(0.2)"):
    cut_off = (sizes[0.05, name] == 0).any(dim=1).sum().item()
    print(f"{name}: in {cut_off} of 8 overheated D some fakes get no gradient at all")

# %% [markdown]
# Here is the honest answer. In a healthy D it hardly matters. In an overheated one LeakyReLU is an
# insurance: with ReLU it can happen that *nothing* comes through for some images, or for nearly all of
# them, and G has no way to notice or to repair this. With LeakyReLU no gate can close, so that does not
# happen. (Its gradients on the right are far too large instead: an overheated D is no good teacher with
# either.)
#
# And a third D, the untrained one of DCGAN, in which BatchNorm (the next lesson) stands before most of the
# activations:

# %%
for seed in range(4):
    torch.manual_seed(seed)
    leaky_d = DCGANDiscriminator(image_size=32, image_channels=1, base_channels=16)
    relu_d = replaced(leaky_d, nn.LeakyReLU, nn.ReLU())  # the same weights
    by_relu = gradients_through(relu_d, noise_maker, z)[0].norm()
    by_leaky = gradients_through(leaky_d, noise_maker, z)[0].norm()
    print(f"seed {seed}: ReLU / LeakyReLU at G's pixels {(by_relu / by_leaky).item():.2f}")

# %% [markdown]
# Here even a little *more* arrives with ReLU. BatchNorm keeps the numbers before each activation around
# zero, so that no unit is off for a whole batch, and divides by their spread, which makes up for what the
# gates took. So do not believe that LeakyReLU makes gradients large. It makes it certain that there is one.
#
# The paper that introduced DCGAN says no more than this: in D the leaky activation was found to work well,
# above all at higher resolution. In the hidden layers of G it takes ReLU. Other networks use LeakyReLU in
# G, too; there is no law about it.

# %% [markdown]
# ## 7. Sigmoid at D's end
#
# D's last number is a **logit**: any number, large for "real". The sigmoid turns it into a probability.
# Should D end in a sigmoid? **Guess:** which probability does the computer hold for the logit 20?

# %% tags=["nbval-check-output"]
logits = torch.tensor([0.0, 2, 5, 10, 20, 100])
probabilities = torch.sigmoid(logits)
slopes = derivative(torch.sigmoid, logits)
print("logit   probability   exactly 1   derivative")
for logit, p, slope in zip(logits, probabilities, slopes, strict=True):
    print(f"{logit:5.0f}   {p:.4f}        {p.item() == 1!s:5}       {slope:.0e}")

# %% [markdown]
# Far out, sigmoid is flat: it **saturates**. From some logit on, 32 bits cannot tell the probability from
# 1, and both the probability and the derivative have forgotten how sure D is. A loss that takes the
# logarithm of such a number meets log(0). Here D is wrong and very sure: it gives a fake the logit 100.

# %% tags=["nbval-check-output"]
logit = torch.tensor([100.0], requires_grad=True)
is_fake = torch.tensor([0.0])  # the label: 0 is fake

by_hand = -torch.log(1 - torch.sigmoid(logit)).mean()
by_hand.backward()
print("log of sigmoid: loss", by_hand.item(), "  gradient", logit.grad.item())

logit.grad = None
from_logit = nn.BCEWithLogitsLoss()(logit, is_fake)
from_logit.backward()
print("from the logit: loss", from_logit.item(), "gradient", logit.grad.item())

# %% [markdown]
# The two are the same formula on paper. Computed from the logit, loss and gradient are right; by way of
# the probability, the loss is infinite and the gradient is not even a number. So in this course **D ends
# bare**, and the loss gets the logit. What the loss looks like, and why G should not use log(1 − p), is
# told in lesson 06.
#
# Then there is a mistake that stops no program: D ends in `nn.Sigmoid()` *and* the loss takes it for a
# logit. The loss applies its own sigmoid to a number between 0 and 1:

# %% tags=["nbval-check-output"]
surest = torch.tensor([0.0, 1.0])  # D's sigmoid at its ends: surely fake, surely real
print("what the loss hears:", [round(p, 3) for p in torch.sigmoid(surest).tolist()])
for said, label in ((0.0, 0.0), (1.0, 1.0)):
    loss = nn.BCEWithLogitsLoss()(torch.tensor([said]), torch.tensor([label])).item()
    print(f"smallest loss for the label {label:g}: {loss:.3f}")

# %% [markdown]
# However sure D is, the loss hears something between a half and 0.731, and never falls below these numbers.
# Training goes on, and gets nowhere.

# %% [markdown]
# ## 8. Tanh and the range [−1, 1]
#
# G ends in a Tanh, so its pixels lie between −1 and 1. Real pictures come from files with whole numbers
# from 0 to 255. They have to be brought to the *same* range:
#
# $$\text{image} = \frac{\text{pixel}}{127.5} - 1$$
#
# What if one forgets? Here are real digits in three ranges, and the digits of the trained generator. Its
# drawings are good, so if D can tell them apart by one number, it is not because of the drawing. (*Out of
# Tanh's reach* is the share of pixels above 1, among those that are not black.)

# %%
real = load_images("digits").take(torch.arange(500))  # (500, 1, 32, 32) in [-1, 1]
fake = generator.generate(500, generator=torch.Generator().manual_seed(0))
ranges = {
    "[0, 255]": (real + 1) * 127.5,  # as in the file
    "[0, 1]": (real + 1) / 2,  # divided by 255, a frequent choice
    "[−1, 1]": real,
}
for name, images_ in ranges.items():
    beyond = (images_[real > -1] > 1).float().mean().item()  # among the pixels that are not black
    print(f"{name:9} from {images_.min().item():2g} to {images_.max().item():3g};", end=" ")
    print(f"out of Tanh's reach: {beyond:4.0%}")


# %% [markdown]
# How much does the range alone tell? Here is the simplest D that there is: it looks at one number, the mean
# brightness of an image, and compares it with one threshold. We give it the best threshold. **Guess:** in
# how many cases is it right, for each of the three ranges? (Tossing a coin makes 50 %.)


# %%
def one_number_accuracy(real_numbers, fake_numbers):
    """How often "real" and "fake" are told apart by the best threshold on one number."""
    best = 0.5
    for threshold in torch.cat([real_numbers, fake_numbers]):
        above = (real_numbers >= threshold).float().mean()
        below = (fake_numbers < threshold).float().mean()
        share = ((above + below) / 2).item()
        best = max(best, share, 1 - share)  # 1 - share: the rule turned round
    return best


brightness_fake = fake.mean(dim=(1, 2, 3))  # (500,)
for name, images_ in ranges.items():
    accuracy = one_number_accuracy(images_.mean(dim=(1, 2, 3)), brightness_fake)
    print(f"real images in {name:9} the mean brightness alone is right in {accuracy:.0%}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
for axis, (name, images_) in zip(axes, ranges.items(), strict=True):
    means = images_.mean(dim=(1, 2, 3))
    low, high = min(means.min(), brightness_fake.min()), max(means.max(), brightness_fake.max())
    bins = torch.linspace(low.item(), high.item(), 30)
    axis.hist(means, bins, color=palette.REAL, alpha=0.45, label="real")
    axis.hist(
        brightness_fake, bins, histtype="step", color=palette.FAKE, ls="--", lw=2, label="fake"
    )
    axis.set(title=f"real in {name}", xlabel="mean brightness of an image")
axes[0].set_ylabel("images")
axes[0].legend()
figure.suptitle("One number tells real from fake, unless the ranges agree")
show(
    figure,
    alt="Three histograms of the mean brightness of 500 real images, blue areas, and 500 fakes, "
    "dashed vermilion outlines. With real images in 0 to 255 and in 0 to 1 the two lie apart. "
    "With real images in −1 to 1 they lie on each other.",
)

# %% [markdown]
# In the wrong range D is always right without looking at a single shape, so it has no reason to learn any.
# And what it teaches G is "brighter!", which G cannot become beyond its 1. With [0, 255] the
# pixels counted above are out of G's reach for ever; with [0, 1] G could get there, but would have to
# spend its first lessons on it.
#
# The other way round, a data set in [−1, 1] and a G that ends in a sigmoid, or in nothing, does not fit
# either. The rule: **the activation at G's end and the range of the data belong together.** Tanh and
# [−1, 1] is the pair of this course.
#
# (Is D blind now? No. The trained Tanh comes near −1, yet the black of a real picture *is* −1. A rule
# that compares the darkest pixel to the last digit still tells them apart:)

# %%
darkest_real, darkest_fake = real.amin(dim=(1, 2, 3)), fake.amin(dim=(1, 2, 3))  # (500,) each
accuracy = one_number_accuracy(-darkest_real, -darkest_fake)
print("the darkest pixel of an image tells real from fake in", f"{accuracy:.0%}")
print(f"real: {darkest_real.max().item():g} in all images")
print(f"fake: from {darkest_fake.min().item():.5f} to {darkest_fake.max().item():.5f},", end=" ")
print(f"half of them below {darkest_fake.median().item():.5f}")
print(f"one grey level of a file is {2 / 255:.5f}")

# %% [markdown]
# For most images that gap is less than one grey level of a picture file. A real D would have to look for it
# very closely; a wrong range it cannot miss.
#
# ### Spot the error
#
# Some notes build a generator that ends in `nn.Tanh()`, and then explain that its output is brought to
# [−1, 1] by tanh. Code written from that applies it twice. No error, no warning. **Guess:** what becomes
# of white, which is 1?

# %% tags=["nbval-check-output"]
white = torch.tensor(1.0)
print("tanh of white, 1: ", round(torch.tanh(white).item(), 3))
print("tanh of black, −1:", round(torch.tanh(-white).item(), 3))

# %%
once = fake[:10]  # (10, 1, 32, 32): the Tanh is inside of G
twice = torch.tanh(once)
figure, axes = plt.subplots(2, 1, figsize=(8, 2.7), layout="constrained")
for axis, images_, name in zip(axes, (once, twice), ("once", "twice"), strict=True):
    axis.imshow(image_grid(images_, columns=10), cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[])
    low, high = images_.min().item(), images_.max().item()
    axis.set_title(f"Tanh {name}: pixels from {low:.3f} to {high:.3f}", fontsize=10)
figure.suptitle("The same images, with one Tanh and with two")
show(
    figure,
    alt="Two rows of the same ten digits. In the upper one they are white on black, in the lower one "
    "light grey on dark grey.",
)
gap = (twice.amin() - darkest_real.max()).item()
print(f"between real black and the darkest pixel here: {gap / (2 / 255):.0f} grey levels of a file")

# %% [markdown]
# ## 9. Choose
#
# All together in one small pair. Read it line by line, and say for each activation why it stands there.

# %% tags=["nbval-check-output"]
small_g = nn.Sequential(
    nn.Linear(64, 32 * 8 * 8),
    nn.ReLU(),  # inside of G: bends, cheap
    nn.Unflatten(1, (32, 8, 8)),
    nn.ConvTranspose2d(32, 1, kernel_size=4, stride=2, padding=1),
    nn.Tanh(),  # G's end: the range of the data, [-1, 1], and only once
)
small_d = nn.Sequential(
    nn.Conv2d(1, 32, kernel_size=4, stride=2, padding=1),
    nn.LeakyReLU(0.2),  # inside of D: no gate on G's road ever closes
    nn.Flatten(),
    nn.Linear(32 * 8 * 8, 1),  # D's end: nothing. A logit may be any number
)
images_ = small_g(torch.randn(5, 64))
print("images", tuple(images_.shape), " logits", tuple(small_d(images_).shape))
print("all pixels within [−1, 1]:", bool((images_.abs() <= 1).all()))

# %% [markdown]
# ## 10. What do you know now?

# %%
quiz("03_activations", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | why at all | layers with weights in a row are one linear map, until something bends between them |
# | on the way back | each gradient is multiplied by the activation's derivative |
# | ReLU | derivative 1 or 0; a unit that is off for all data is dead: no gradient, no way back |
# | LeakyReLU | derivative 1 or 0.2: never 0, so no unit dies for good |
# | Tanh | −1 to 1, derivative 1 − y², flat at both ends |
# | sigmoid | 0 to 1, derivative s(1 − s), at most 0.25; exact 1 from some logit on |
# | share shut by a ReLU | Φ(−mean / spread), for numbers that lie like a bell |
# | inside of G | ReLU (LeakyReLU works too) |
# | end of G | Tanh, once; real images in [−1, 1]: `pixels / 127.5 - 1` |
# | inside of D | LeakyReLU(0.2): hardly a difference in a healthy D, an insurance in a sick one |
# | end of D | nothing: a logit, and a loss that takes logits |
#
# In torch's documentation:
# [torch.nn.ReLU](https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html),
# [torch.nn.LeakyReLU](https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html),
# [torch.nn.Tanh](https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html),
# [torch.nn.Sigmoid](https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html),
# [torch.nn.BCEWithLogitsLoss](https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html).
# The choice for G and D is from Radford, Metz & Chintala 2015, "Unsupervised Representation Learning with
# Deep Convolutional Generative Adversarial Networks", section 3.
#
# **Now you.** [exercises/03_activations](../exercises/03_activations.ipynb): eight tasks, from seven
# numbers in your head to the activations of a whole pair.
#
# **Next** [04 · BatchNorm](04_batchnorm.ipynb): what keeps the crowd of numbers where activations work.
