# %% [markdown]
# # 11 · Spectral norm and hinge: a discriminator with a speed limit
#
# **After this lesson you can** say what a Lipschitz bound is and why G wants D to have one; find the
# largest stretch of a matrix by power iteration; write spectral norm as torch does it; say what it bounds
# and what it doesn't; and choose and write the hinge losses.
#
# **Time** about 75 minutes · **Builds on** [09 · Failure modes](09_failure_modes.ipynb); matrices are
# explained as we go · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# The smallest possible world: points on a line. Fakes lie on the left, real points on the right, and D is
# a small network that tells them apart. We train two such Ds, for a wide gap and for a narrow one. One
# D is free; in the other, each layer is under **spectral norm**, whatever that is.

# %%
import copy
import time

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from gan_course import palette
from gan_course.data import load_images
from gan_course.labs import SpectralKnob, quiz, show
from gan_course.losses import hinge_d_loss, hinge_g_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.toy.measured import GAMES, recorded


# %%
def make_d(held):
    """x (N, 1) -> logits (N, 1), each layer under spectral norm if held."""
    layers = [nn.Linear(1, 24), nn.Linear(24, 24), nn.Linear(24, 1)]
    if held:
        layers = [spectral_norm(layer) for layer in layers]
    return nn.Sequential(layers[0], nn.LeakyReLU(0.2), layers[1], nn.LeakyReLU(0.2), layers[2])


def train_d(gap, held, extra=None, steps=200):
    """D alone, with the hinge loss of section 10, and later something extra. Returns D and its loss."""
    torch.manual_seed(0)
    d = make_d(held)
    optimizer = torch.optim.Adam(d.parameters(), lr=2e-3, betas=(0.0, 0.9))
    for _ in range(steps):
        points_real = gap / 2 + 0.03 * torch.randn(32, 1)
        points_fake = -gap / 2 + 0.03 * torch.randn(32, 1)
        loss_d = hinge_d_loss(d(points_real), d(points_fake))
        whole = loss_d if extra is None else loss_d + extra(d, points_real, points_fake)
        optimizer.zero_grad()
        whole.backward()
        optimizer.step()
    return d.eval(), loss_d.item()


def slopes(d, x):
    """How fast D's logit changes at each x: (N, 1) -> (N, 1)."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(d(x).sum(), x)[0]


# %%
x = torch.linspace(-1, 1, 401)[:, None]  # (401, 1)
trained = {}
print("gap    spectral norm   D's loss   steepest slope   slope at the fakes")
for gap in (1.0, 0.25):
    for held in (False, True):
        d, loss = train_d(gap, held)
        trained[gap, held] = d
        at_fakes = slopes(d, torch.tensor([[-gap / 2]])).item()
        name = "on" if held else "off"
        print(f"{gap:<6} {name:<13} {loss:10.3f} {slopes(d, x).abs().max():16.2f} {at_fakes:20.2f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True, layout="constrained")
for axis, gap in zip(axes, (1.0, 0.25), strict=True):
    for held, style, width in ((False, "--", 1.8), (True, "-", 3)):
        name = "with spectral norm" if held else "free"
        with torch.no_grad():
            logits = trained[gap, held](x)
        axis.plot(x, logits, style, color=palette.DISCRIMINATOR, lw=width, label=f"D, {name}")
    axis.plot(-gap / 2, 0, "^", color=palette.FAKE, ms=10, label="fakes")
    axis.plot(gap / 2, 0, "o", color=palette.REAL, ms=9, label="real points")
    axis.set(title=f"gap {gap:g}", xlabel="x", ylim=(-3, 3))
    axis.grid(color="0.9")
axes[0].set_ylabel("D's logit")
axes[0].legend(loc="upper left", fontsize=8)
figure.suptitle("A D that is free becomes a cliff; a D that is held becomes a ramp")
show(
    figure,
    alt="Two charts of D's logit over x, for a wide and a narrow gap between fakes and real points. The "
    "free D climbs steeply between the two, much more so where the gap is narrow. The D with spectral "
    "norm is the same gentle ramp in both.",
)

# %% [markdown]
# G learns by moving its fakes up D's slope. With the hinge loss the slope at a fake is exactly what
# it gets, so read the last column as *the length of G's step*.
#
# - The free D separates both pairs, and its loss goes to about 0 either way: it says *that* the two are
#   different. The closer the fakes come, the steeper D gets. G gets its longest steps where it has
#   the shortest way to go.
# - The held D has slope 1, near or far. And its loss tells something: 2 minus the gap. It says *how far*
#   they are apart, as the Wasserstein distance of lesson 06 does, and for the same reason.
#
# How does one hold a network with thousands of weights at slope 1? By dividing each layer by one number.

# %% [markdown]
# ## 2. Guess first

# %%
quiz("11_spectral_norm_hinge", "before")

# %% [markdown]
# ## 3. A speed limit
#
# A function $f$ is **Lipschitz** with constant $K$ if for any two inputs
#
# $$|f(a) - f(b)| \le K \cdot |a - b|$$
#
# Outputs are never more than $K$ times as far apart as their inputs: a speed limit. In a picture: lay a
# double cone with slope $K$ on *any* point of the curve, and the whole curve lies inside.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for axis, held in zip(axes, (False, True), strict=True):
    with torch.no_grad():
        logits = trained[1.0, held](x)
    for place in (-0.5, 0.0, 0.5):
        at = logits[(x - place).abs().argmin()].item()
        axis.fill_between(
            x[:, 0], at - (x - place).abs()[:, 0], at + (x - place).abs()[:, 0], color="0.6", alpha=0.25
        )
        axis.plot(place, at, "s", color="black", ms=5)
    axis.plot(x, logits, color=palette.DISCRIMINATOR, lw=3)
    axis.set(title="with spectral norm" if held else "free", xlabel="x", ylim=(-2.5, 2.5))
axes[0].set_ylabel("D's logit")
figure.suptitle("Cones of slope 1 at three points of D (gap 1)")
show(
    figure,
    alt="Two curves with grey double cones of slope 1 laid on three points of each. The curve of the "
    "free D leaves the cones between the points. The curve with spectral norm stays inside all of "
    "them.",
)

# %% [markdown]
# A network is a chain of functions. If the first link can make a difference $K_1$ times as large, and the next
# $K_2$ times, then both together at most $K_1 \cdot K_2$ times. **Constants multiply.** So it is enough to hold each
# link at 1.
#
# Some links are there already. The constant of an activation is its steepest slope:

# %%
points = torch.linspace(-4, 4, 8001, requires_grad=True)
for name, function in (
    ("LeakyReLU(0.2)", nn.LeakyReLU(0.2)),
    ("ReLU", nn.ReLU()),
    ("tanh", torch.tanh),
    ("sigmoid", torch.sigmoid),
):
    (slope,) = torch.autograd.grad(function(points).sum(), points)
    print(f"{name:<15} steepest slope {slope.max():.2f}")

# %% [markdown]
# None is above 1. What is left are the layers with weights: $f(x) = Wx + b$. The bias shifts both outputs
# alike and cancels in the difference, so the question is: **how much can a matrix lengthen a vector?**

# %% [markdown]
# ## 4. Singular values: the circle becomes an ellipse
#
# Take all vectors of length 1, which is a circle, and multiply each by $W$. What comes out is always an
# ellipse (or, if it is squashed flat, a line). Half its long axis is the largest stretch there is, called
# the **largest singular value** $\sigma_1$. Half its short axis is the smallest, $\sigma_2$.

# %%
matrices = {
    "shear": [[1.0, 1.0], [0.0, 1.0]],
    "rotation": [[0.8, -0.6], [0.6, 0.8]],
    "stretch": [[2.0, 0.0], [0.0, 0.5]],
    "lift": [[0.0, 2.0], [0.0, 0.0]],
}
turn = torch.linspace(0, 2 * torch.pi, 121)
circle = torch.stack([turn.cos(), turn.sin()])  # (2, 121)

# %%
figure, axes = plt.subplots(1, 4, figsize=(11, 3.3), sharey=True, layout="constrained")
for axis, (name, rows) in zip(axes, matrices.items(), strict=True):
    w = torch.tensor(rows)
    ellipse = w @ circle  # (2, 121)
    longest = ellipse[:, ellipse.norm(dim=0).argmax()]
    axis.plot(*circle, "--", color="0.5")
    axis.plot(*ellipse, color=palette.DISCRIMINATOR, lw=3)
    axis.plot([0, longest[0]], [0, longest[1]], ":", color="#8A6100", lw=2.5)
    axis.set(title=f"{name}: σ₁ = {longest.norm():.2f}", aspect="equal", xlabel="first coordinate")
    axis.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2))
axes[0].set_ylabel("second coordinate")
figure.suptitle("The circle (dashed), what the matrix makes of it, and the longest stretch (dotted)")
show(
    figure,
    alt="Four pictures of a dashed circle and its image. The shear gives a slanted ellipse, 1.62 long. "
    "The rotation gives the circle again. The stretch gives an ellipse that is 2 long along the first "
    "axis. The lift squashes the circle to a line that is 2 long.",
)

# %% [markdown]
# ### Why not eigenvalues?
#
# In some notes the weights are divided by the largest *eigenvalue*. An eigenvalue says how much a vector is
# stretched **that keeps its direction**. A layer has no reason to keep directions, and the most stretched
# vector mostly doesn't.

# %%
print("            singular values     sizes of the eigenvalues")
for name, rows in matrices.items():
    w = torch.tensor(rows)
    singular, eigen = torch.linalg.svdvals(w), torch.linalg.eigvals(w).abs()
    print(f"{name:<10} {singular[0]:8.2f} {singular[1]:8.2f} {eigen.max():16.2f} {eigen.min():8.2f}")

# %% [markdown]
# The shear has the eigenvalues 1 and 1, and lengthens a vector by 62 %. The lift has the eigenvalues 0 and
# 0, and doubles one. And a layer from 100 numbers to 64 has no eigenvalues at all, since it isn't square;
# singular values every matrix has.
#
# (The two are related: the singular values are the roots of the eigenvalues of $W^T W$, which goes there and
# *back*. That is the key to the next section.)
#
# In the lab, guess first. Then four things to find:
#
# 1. a matrix that has the eigenvalue 0 twice, and stretches by 2;
# 2. a first $v$ from which the estimate needs many rounds (take the preset *stretch*);
# 3. the preset *nearly equal*: is a slow estimate a bad estimate?
# 4. in the view *discriminator*: the gap at which spectral norm makes the least difference.

# %%
knob = SpectralKnob()
knob

# %% [markdown]
# ## 5. Power iteration
#
# How does one find $\sigma_1$ for a matrix with a million entries, in every step of a training? Not by
# taking it apart. Take any vector $v$ of length 1 and send it through the layer, then back, by the transposed
# matrix; scale both to length 1, and repeat:
#
# $$u \leftarrow \frac{W v}{\lVert W v \rVert} \qquad v \leftarrow \frac{W^T u}{\lVert W^T u \rVert} \qquad
# \sigma \approx u^T W v$$
#
# In each round the part of $v$ that is stretched most grows most, and soon nothing else is left.

# %%
w = torch.tensor(matrices["shear"])
v = torch.tensor([0.94, -0.34])
v = v / v.norm()
print("round   v                  stretch of v")
for k in range(6):
    print(f"{k:<7} ({v[0]:6.3f}, {v[1]:6.3f})   {(w @ v).norm():.5f}")
    u = F.normalize(w @ v, dim=0)  # there
    v = F.normalize(w.T @ u, dim=0)  # and back
print(f"by torch: {torch.linalg.svdvals(w)[0]:.5f}")

# %% [markdown]
# How fast is it? In one round the second direction is multiplied by $\sigma_2^2$ and the first by $\sigma_1^2$: so
# what is wrong about the *direction* shrinks by $(\sigma_2/\sigma_1)^2$. The error of the *stretch* depends on its
# square, and shrinks by $(\sigma_2/\sigma_1)^4$. Let us measure that.

# %%
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
print("σ₂/σ₁   late, a round shrinks the error to   (σ₂/σ₁)⁴   error after one round")
for ratio, style in ((0.3, ":"), (0.6, "-."), (0.9, "--"), (0.99, "-")):
    w = torch.diag(torch.tensor([1.0, ratio], dtype=torch.float64))
    v = F.normalize(torch.tensor([1.0, 1.0], dtype=torch.float64), dim=0)
    errors = []
    while len(errors) < 13 or errors[-2] > 1e-5:
        errors.append(1 - (w @ v).norm().item())
        v = F.normalize(w.T @ (w @ v), dim=0)
    axis.plot([max(e, 1e-16) for e in errors[:13]], style, color=palette.DISCRIMINATOR, lw=2, label=f"{ratio}")
    late = next(k for k, error in enumerate(errors) if error < 1e-5)
    measured = errors[late] / errors[late - 1]
    print(f"{ratio:<7} {measured:22.4f} {ratio**4:24.4f} {errors[1]:15.4f}")
axis.set(yscale="log", ylim=(1e-12, 1), xlabel="rounds", ylabel="error of the stretch")
axis.set_title("Power iteration: the closer the two singular values, the slower")
axis.legend(title="σ₂/σ₁")
show(
    figure,
    alt="Four curves of the error against the rounds on a logarithmic axis. With a ratio of 0.3 it falls "
    "below a millionth of a millionth in six rounds. With 0.9 it falls slowly, and with 0.99 it is almost "
    "level, at less than a hundredth.",
)

# %% [markdown]
# With 0.99 it hardly converges, and it doesn't matter: if the two are nearly equal, so is any mixture of
# them. The curve starts below 0.01. Slow estimates are the harmless ones.
#
# And there is a trick that makes it nearly free. In training, the weights change only a little from step to
# step. So **keep u and v**, and make *one* round in each step, from where the last one ended.

# %% [markdown]
# ## 6. Spectral norm, from scratch
#
# Here is the whole layer. `u` and `v` are buffers: they go into the checkpoint, and no gradient changes them.

# %%
class SpectralLinear(nn.Module):
    """A linear layer whose weight is divided by its largest singular value."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.raw = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.normal_(self.raw, 0.0, 0.02)
        self.register_buffer("u", F.normalize(torch.randn(out_features), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(in_features), dim=0))

    def weight(self):
        if self.training:
            with torch.no_grad():  # u and v are constants for the gradient
                self.u = F.normalize(self.raw @ self.v, dim=0)
                self.v = F.normalize(self.raw.T @ self.u, dim=0)
        sigma = self.u @ self.raw @ self.v  # this does depend on the weight
        return self.raw / sigma

    def forward(self, x):
        return F.linear(x, self.weight(), self.bias)


# %% [markdown]
# Torch's [spectral_norm](https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html)
# keeps the raw weight as `parametrizations.weight.original`, and computes `weight` whenever it is asked for.
# Start both from the same numbers, train them a few steps, and compare.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
ours, theirs = SpectralLinear(20, 10), spectral_norm(nn.Linear(20, 10))
theirs_inside = theirs.parametrizations.weight
with torch.no_grad():
    theirs_inside.original.copy_(ours.raw)
    theirs.bias.copy_(ours.bias)
    ours.u.copy_(theirs_inside[0]._u)
    ours.v.copy_(theirs_inside[0]._v)
worst = 0.0
for step in range(20):
    batch = torch.randn(8, 20)
    for layer in (ours, theirs):
        layer.zero_grad()
        layer(batch).square().mean().backward()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter -= 0.1 * parameter.grad
    gap = (ours.raw.grad - theirs_inside.original.grad).abs().max().item()
    worst = max(worst, gap, (ours.u - theirs_inside[0]._u).abs().max().item())
ours.eval(), theirs.eval()
print("the same gradients, the same u, for 20 steps:", worst < 1e-5)
print("the same outputs in eval:", torch.allclose(ours(batch), theirs(batch), atol=1e-5))
print("in its state_dict:", *theirs.state_dict(), sep="\n  ")

# %% [markdown]
# **Training and eval.** In training each *reading* of the weight is a round of power iteration, also when you
# only want to look. In eval nothing moves.

# %% tags=["nbval-check-output"]
layer = spectral_norm(nn.Linear(20, 10))
for mode in (True, False):
    layer.train(mode)
    before = layer.parametrizations.weight[0]._u.clone()
    layer.weight  # just a look
    same = torch.equal(before, layer.parametrizations.weight[0]._u)
    print(f"{'train' if mode else 'eval '}: u is still the same after a look at the weight: {same}")

# %% [markdown]
# **The gradient.** If $G$ is the gradient for the divided weight $\bar W = W / \sigma$, then for the raw one it is
#
# $$\frac{1}{\sigma} \left( G - \langle G, \bar W \rangle \, u v^T \right)$$
#
# The second part comes from σ: it takes away what would only make $W$ longer. Two checks: against a finite
# difference of $W / \sigma_1(W)$ with torch's exact $\sigma_1$, and that D gains nothing by growing.

# %%
torch.manual_seed(0)
w = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
gradient_out = torch.randn(4, 5, dtype=torch.float64)  # what comes back to the divided weight
with torch.no_grad():
    v = F.normalize(torch.randn(5, dtype=torch.float64), dim=0)
    for _ in range(500):  # far enough
        u = F.normalize(w @ v, dim=0)
        v = F.normalize(w.T @ u, dim=0)
sigma = u @ w @ v
(by_autograd,) = torch.autograd.grad((gradient_out * w / sigma).sum(), w)
with torch.no_grad():
    divided = w / sigma
    by_formula = (gradient_out - (gradient_out * divided).sum() * torch.outer(u, v)) / sigma
    direction, h = torch.randn_like(w), 1e-6
    exact = [
        (gradient_out * m / torch.linalg.svdvals(m)[0]).sum() for m in (w + h * direction, w - h * direction)
    ]
    by_difference = (exact[0] - exact[1]) / (2 * h)
print(f"formula against autograd, largest difference  {(by_formula - by_autograd).abs().max():.1e}")
print(f"along a random direction: autograd            {(by_autograd * direction).sum():.6f}")
print(f"                          finite difference   {by_difference:.6f}")
print(f"along W itself (growing): autograd            {(by_autograd * w).sum().abs():.1e}")

# %% [markdown]
# ## 7. Convolutions, and four ways to get it wrong
#
# A convolution has no matrix, but its weight can be laid out as one: **one row for each output channel**, with
# all the numbers that this channel is made with.

# %% tags=["nbval-check-output"]
conv, transposed = nn.Conv2d(16, 8, kernel_size=4), nn.ConvTranspose2d(16, 8, kernel_size=4)
print("Conv2d(16, 8)          weight", tuple(conv.weight.shape), "-> matrix", tuple(conv.weight.flatten(1).shape))
rows_first = transposed.weight.transpose(0, 1)  # (8, 16, 4, 4)
print("ConvTranspose2d(16, 8) weight", tuple(transposed.weight.shape), "-> matrix", tuple(rows_first.flatten(1).shape))

# %% [markdown]
# **1. The axis of a transposed convolution.** Its weight begins with the *input* channels; the outputs are
# axis 1. Torch's function knows that (`dim=1`). Several public SAGANs with a spectral norm of their own take
# axis 0 for both. **Guess:** what is the norm of the right matrix then? Too large, too small?

# %%
torch.manual_seed(0)
for dim in (1, 0):
    layer = spectral_norm(nn.ConvTranspose2d(16, 8, kernel_size=4), dim=dim)
    for _ in range(50):
        layer.weight  # a round each
    weight = layer.eval().weight.detach()
    right = torch.linalg.svdvals(weight.transpose(0, 1).flatten(1))[0]
    print(f"dim={dim}: largest singular value of the (8, 256) matrix {right:.3f}")

# %% [markdown]
# Not a catastrophe, and no error: just another number than the one that was meant, in every layer of G.
#
# **2. Initialise first, then wrap.** After wrapping, `weight` is a fresh result each time. Writing into it
# changes a copy, and says nothing.

# %%
torch.manual_seed(0)
late = spectral_norm(nn.Conv2d(16, 32, 3))
nn.init.normal_(late.weight, 0.0, 0.02)  # too late
early = nn.Conv2d(16, 32, 3)
nn.init.normal_(early.weight, 0.0, 0.02)
early = spectral_norm(early)
for name, layer in (("init after wrapping", late), ("init before", early)):
    print(f"{name:<20} std of the raw weight {layer.parametrizations.weight.original.std():.4f}")

# %% [markdown]
# The package's `init_weights` refuses a wrapped layer with a sentence.
#
# **3. BatchNorm undoes it.** BatchNorm divides by the size of what it gets. So whatever number the layer before
# it was divided by, it divides out again:

# %%
torch.manual_seed(0)
digits = load_images("digits")
images = digits.take(torch.arange(64))  # (64, 1, 32, 32)
conv, norm = nn.Conv2d(1, 8, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(8)
with torch.no_grad():
    plain = norm(conv(images))
    held = norm(spectral_norm(copy.deepcopy(conv))(images))
    features = spectral_norm(copy.deepcopy(conv))(0.1 * images)  # the same digits, with little contrast
    factor = 1 / features.var(dim=(0, 2, 3), unbiased=False).sqrt()
print(f"BatchNorm behind a plain and a held layer: largest difference {(plain - held).abs().max():.4f}")
print(f"digits with a tenth of the contrast: BatchNorm multiplies by up to {factor.max():.0f}")

# %% [markdown]
# So a D with spectral norm has no BatchNorm. (In the generator of a SAGAN both are used. There, spectral norm
# evens out the training; it gives no bound.)
#
# **4. u and v belong into the checkpoint, and never into an average.** Lesson 08 keeps an average of a network's
# weights (EMA). An average of vectors that turn is *shorter* than they are. Here, 50 steps on real digits,
# averaged with everything that is in the `state_dict`:

# %%
torch.manual_seed(0)
generator = DCGANGenerator(32, 1, latent_dim=64, base_channels=8)
discriminator = DCGANDiscriminator(32, 1, base_channels=8, spectral_norm=True)
average, careful = copy.deepcopy(discriminator), copy.deepcopy(discriminator)
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.0, 0.9))
optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.9))


def follow(average, network, with_buffers, weight=0.03):
    """Move an average a little towards the network; buffers are averaged, or copied."""
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, weight)
        for mine, theirs in zip(average.buffers(), network.buffers(), strict=True):
            mine.lerp_(theirs, weight) if with_buffers else mine.copy_(theirs)


# %%
lengths = []  # of every averaged u, after each step
for _ in range(50):
    real = digits.take(torch.randint(len(digits), (32,)))  # (32, 1, 32, 32)
    with torch.no_grad():
        fake = generator(torch.randn(32, 64))
    loss_d = hinge_d_loss(discriminator(real), discriminator(fake))
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    loss_g = hinge_g_loss(discriminator(generator(torch.randn(32, 64))))
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    follow(average, discriminator, with_buffers=True)
    follow(careful, discriminator, with_buffers=False)
    lengths.append([u.norm().item() for name, u in average.named_buffers() if name.endswith("_u")])

# %%
def matrix_norms(network):
    """The largest singular value of each weight matrix, as it is in eval."""
    layers = [m for m in copy.deepcopy(network).eval().modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [torch.linalg.svdvals(m.weight.detach().flatten(1))[0].item() for m in layers]


print("                          layer 1  layer 2  layer 3  linear")
print("shortest averaged u     ", *(f"{min(column):8.2f}" for column in zip(*lengths, strict=True)))
for name, network in (("D itself", discriminator), ("all averaged", average), ("u and v copied", careful)):
    print(f"norm of W, {name:<14}", *(f"{value:8.2f}" for value in matrix_norms(network)))

# %% [markdown]
# Where u became short, σ came out too small, and the averaged weight too large. **Average the
# parameters, copy the buffers**, as the package does. For the same reason a checkpoint without u and v is not
# complete: after loading, σ would be taken with random vectors.

# %%
forgetful = DCGANDiscriminator(32, 1, base_channels=8, spectral_norm=True)
saved = {k: v for k, v in discriminator.state_dict().items() if not k.endswith(("_u", "_v"))}
forgetful.load_state_dict(saved, strict=False)  # never silence this without need
with torch.no_grad():
    print(f"mean logit of real digits: {discriminator.eval()(images).mean():.2f}", end=", ")
    print(f"without u and v in the checkpoint: {forgetful.eval()(images).mean():.2f}")

# %% [markdown]
# ## 8. What it bounds, and what it doesn't
#
# Spectral norm holds a convolution's weight *as a matrix* at 1: one window in, one pixel out. But the layer
# is applied at many places, and where its windows overlap, a pixel goes into several of them. **Guess:** can
# a whole image be stretched by more than 1?
#
# We can measure it. Power iteration needs only two products, there and back; there is the convolution, and
# back is the transposed convolution with the same weight.

# %%
def true_norm(weight, stride, padding, size, rounds=150):
    """The largest stretch of a convolution on images of size x size pixels."""
    x = torch.randn(1, weight.shape[1], size, size)
    for _ in range(rounds):
        y = F.conv2d(x, weight, stride=stride, padding=padding)
        x = F.conv_transpose2d(y, weight, stride=stride, padding=padding)
        x = x / x.norm()
    return F.conv2d(x, weight, stride=stride, padding=padding).norm().item()


# %%
torch.manual_seed(0)
print("kernel  stride   matrix norm   true norm   windows at a pixel   bound")
for kernel, stride, padding in ((1, 1, 0), (4, 4, 0), (4, 2, 1), (3, 1, 1)):
    weight = torch.randn(32, 16, kernel, kernel)
    weight = weight / torch.linalg.svdvals(weight.flatten(1))[0]  # exactly 1
    windows = (kernel / stride) ** 2
    found = true_norm(weight, stride, padding, size=16)
    print(f"{kernel}×{kernel} {stride:8} {1:13.2f} {found:11.2f} {windows:20.0f} {windows**0.5:7.2f}")

# %% [markdown]
# Without overlap (1×1, or 4×4 with stride 4) the true norm is the matrix norm. With overlap it is more. It
# is never more than the root of how many windows share a pixel: that is the bound in the last column.
#
# These were random weights. And a trained D? Here are the layers of the one from section 7, and beside them what
# counts in the end: how steep D really is, at real digits and at fakes.

# %%
held = copy.deepcopy(discriminator).eval()
convolutions = [m for m in held.modules() if isinstance(m, nn.Conv2d)]
product = matrix_norms(held)[-1]  # the linear layer is a matrix
for layer, size, matrix in zip(convolutions, (32, 16, 8), matrix_norms(held), strict=False):
    found = true_norm(layer.weight.detach(), 2, 1, size)
    product *= found
    print(f"Conv2d {layer.in_channels:>2} -> {layer.out_channels:<3} matrix norm {matrix:.2f}   true norm {found:.2f}")
x_images = torch.cat([real, fake]).requires_grad_()  # (64, 1, 32, 32)
(slope,) = torch.autograd.grad(held(x_images).sum(), x_images)
print(f"\nproduct of the true norms, a bound for D: {product:.2f}")
print(f"measured slope of D at 64 images: at most {slope.flatten(1).norm(dim=1).max():.2f}")

# %% [markdown]
# So "D is 1-Lipschitz", which is often written, is not what is computed. What is true: **each layer is bounded,
# whatever training does to the raw weights**, and the bound of D is a constant that doesn't grow. That D is
# mostly far flatter than its bound shows how loose it is. It is the *limit* that helps, not its exact value.
#
# (A matrix norm here may be a little off 1: in training u and v are one round per step behind the weights.)

# %% [markdown]
# ## 9. Spectral norm or a penalty?
#
# There is another way to a gentle D: leave the weights alone, and *pay* for steepness. Lesson 09 had R1, which
# pays for any slope at real points. **WGAN-GP** pays for a slope other than 1, at points between a real and a
# fake one:
#
# $$\lambda \cdot \text{mean over the batch of } (\lVert \nabla_x D(\hat x) \rVert - 1)^2 , \qquad
# \hat x = \varepsilon\, x_{real} + (1 - \varepsilon)\, x_{fake}$$
#
# Three details, in which public code goes wrong: each image has its own $\varepsilon$; the length is the root of the
# *sum* over all pixels and channels; and the mean is over the batch only. And no BatchNorm in D, for then a
# logit depends on the other images, too.

# %%
def gradient_penalty(d, real, fake):
    eps = torch.rand(len(real), *[1] * (real.ndim - 1))  # one for each point or image
    mix = (eps * real + (1 - eps) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(d(mix).sum(), mix, create_graph=True)
    length = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()  # the sum over C, H and W
    return 10 * (length - 1).square().mean()


def r1(d, real, fake):
    real = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(d(real).sum(), real, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(1).mean()  # γ = 1


ways = {
    "nothing": (False, None),
    "spectral norm": (True, None),
    "WGAN-GP's penalty": (False, gradient_penalty),
    "R1": (False, r1),
}

# %%
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
print("gap 0.25             D's loss   steepest slope   slope at the fakes")
for (name, (held, extra)), style in zip(ways.items(), ("--", "-", "-.", ":"), strict=True):
    d, loss = train_d(0.25, held, extra)
    at_fakes = slopes(d, torch.tensor([[-0.125]])).item()
    print(f"{name:<18} {loss:10.3f} {slopes(d, x).abs().max():16.2f} {at_fakes:20.2f}")
    with torch.no_grad():
        axis.plot(x, d(x), style, color=palette.DISCRIMINATOR, lw=2.2, label=name)
axis.plot(-0.125, 0, "^", color=palette.FAKE, ms=10, label="fakes")
axis.plot(0.125, 0, "o", color=palette.REAL, ms=9, label="real points")
axis.set(title="Four Ds at a gap of 0.25", xlabel="x", ylabel="D's logit", ylim=(-3, 3))
axis.legend(fontsize=8, handlelength=3.5)
show(
    figure,
    alt="D's logit over x. Without anything a cliff at the middle. With spectral norm and with the "
    "penalty of WGAN-GP gentle ramps of slope 1 between fakes and real points. With R1 nearly flat.",
)

# %% [markdown]
# Spectral norm and WGAN-GP's penalty come to nearly the same D between the two clouds. But the first is a
# *limit*, which holds at every x and in every step; the second is a *price*, which is paid at the points that
# are looked at. R1 pulls to 0, so its D is flatter than both.
#
# Which is better for G? Lesson 09 measured that on whole games in the plane, with 12 seeds each:

# %%
saved = recorded()
print("runs that end well, of 12    nothing   spectral norm   R1, γ = 0.1")
for game in GAMES:
    row = saved["remedies"][game]
    held = [row[name]["held"] for name in ("nothing", "spectral_norm", "r1")]
    print(f"{GAMES[game].title:<28} {held[0]:7} {held[1]:15} {held[2]:13}")
print("\nrecorded by:", saved["command"])

# %% [markdown]
# In the game *vanishing*, where D had become a cliff with flat land below it, spectral norm and R1 cure every run.
# Collapse neither of them cures. On the plain ring spectral norm even does some harm: blobs of width 0.05 are hard to
# tell apart for a D that may not be steep. **A speed limit has its price**, and on which side one comes out is a
# matter of measuring.
#
# What they cost, for D's half of a step on images:


# %%
def seconds(d, extra=None):
    """One of D's steps, without the optimizer."""
    start = time.perf_counter()
    loss_d = hinge_d_loss(d(real), d(fake))
    (loss_d if extra is None else loss_d + extra(d, real, fake)).backward()
    return time.perf_counter() - start


held, free = (DCGANDiscriminator(32, 1, base_channels=16, spectral_norm=True) for _ in range(2))
for layer in list(free.modules()):
    if parametrize.is_parametrized(layer):
        parametrize.remove_parametrizations(layer, "weight")
rounds = [(seconds(free), seconds(held), seconds(free, gradient_penalty)) for _ in range(15)]
base, with_norm, with_penalty = (min(column) for column in zip(*rounds, strict=True))  # the least disturbed one
print(f"spectral norm     takes {with_norm / base:.1f} times as long as D alone")
print(f"gradient penalty  takes {with_penalty / base:.1f} times as long as D alone")

# %% [markdown]
# The penalty needs the slope at each image, and then how *that* changes with the weights: a second forward
# pass and two more backward ones. Spectral norm needs a few products of a matrix with a vector.

# %% [markdown]
# ## 10. Hinge
#
# SAGAN's loss. With $r$ for D's logit of a real image and $f$ for that of a fake:
#
# $$L_D = \text{mean}\,\max(0,\, 1 - r) + \text{mean}\,\max(0,\, 1 + f) \qquad\qquad L_G = -\,\text{mean}\, f$$
#
# D wants real logits above 1 and fake logits below −1. Past this **margin** it doesn't care any more.

# %%
logit = torch.linspace(-3, 3, 601, requires_grad=True)
forms = {
    "D, for a real image": (lambda t: F.relu(1 - t), palette.REAL, "-"),
    "D, for a fake": (lambda t: F.relu(1 + t), palette.FAKE, "--"),
    "G, for a fake": (lambda t: -t, palette.GENERATOR, "-."),
}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
for name, (form, color, style) in forms.items():
    loss = form(logit)
    (gradient,) = torch.autograd.grad(loss.sum(), logit)
    axes[0].plot(logit.detach(), loss.detach(), style, color=color, lw=2.5, label=name)
    axes[1].plot(logit.detach(), gradient, style, color=color, lw=2.5, label=name)
for axis in axes:
    axis.axvspan(1, 3, color=palette.REAL, alpha=0.08)
    axis.axvspan(-3, -1, color=palette.FAKE, alpha=0.08)
    axis.set_xlabel("logit")
axes[0].set(title="loss", ylabel="loss of one image")
axes[1].set(title="gradient: what the logit is told", ylabel="derivative", ylim=(-1.4, 2.6))
axes[1].legend(fontsize=8, loc="upper right", handlelength=3.5)
figure.suptitle("The hinge losses. Shaded: past the margin, where D gets nothing")
show(
    figure,
    alt="Left: the loss of a real image falls in a straight line to 0 at the logit 1 and stays 0; the "
    "loss of a fake is 0 up to −1 and then rises; G's loss is a straight line, falling everywhere. "
    "Right: their derivatives: −1 and then 0 after 1; 0 and then 1 after −1; and −1 everywhere for G.",
)

# %% [markdown]
# Three things to see.
#
# **D's gradient is 0 beyond the margin.** An image that D already has right can't make it surer. Compare the
# logistic loss of lesson 06, which always wants a bit more: there D's logits grow for as long as it trains.
#
# **G has no relu.** The fakes that have to move are those that D has pushed below −1. Two forms that one
# meets, and what they tell a fake at each logit:

# %% tags=["nbval-check-output"]
fakes = torch.tensor([-3.0, -0.5, 0.5, 2.0], requires_grad=True)
print("logit of the fake     ", fakes.tolist())
for name, form in (
    ("-f           (right)", lambda f: -f),
    ("-relu(1 + f)        ", lambda f: -F.relu(1 + f)),
    ("relu(1 - f)         ", lambda f: F.relu(1 - f)),
):
    (gradient,) = torch.autograd.grad(form(fakes).sum(), fakes)
    print(name, " ", [value + 0.0 for value in gradient.tolist()])

# %% [markdown]
# The second says nothing to the very fakes that D is sure about. The third stops at those that D takes for real;
# less harmful, but D moves on, and G should move with it.
#
# **Summed, not halved.** Some code divides D's loss by 2. What does that change? One step of D, from the same
# start, both ways:

# %%
def moved(optimizer_class, factor, extra, **arguments):
    """How far D's weights move in one step, with its loss times factor, plus a penalty."""
    torch.manual_seed(3)
    d = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    before = torch.cat([p.detach().flatten() for p in d.parameters()])
    a, b = torch.randn(32, 2), torch.randn(32, 2) + 1
    loss = factor * hinge_d_loss(d(a), d(b))
    if extra:
        point = a.clone().requires_grad_()
        (slope,) = torch.autograd.grad(d(point).sum(), point, create_graph=True)
        loss = loss + 5 * slope.square().sum(1).mean()
    loss.backward()
    optimizer_class(d.parameters(), **arguments).step()
    return torch.cat([p.detach().flatten() for p in d.parameters()]) - before


for name, optimizer_class, extra in (
    ("SGD", torch.optim.SGD, False),
    ("Adam", torch.optim.Adam, False),
    ("Adam and a penalty", torch.optim.Adam, True),
):
    whole, half = (moved(optimizer_class, factor, extra, lr=0.01) for factor in (1.0, 0.5))
    print(f"{name:<19} half the loss moves D {(half.norm() / whole.norm()):.2f} times as far", end=", ")
    print(f"direction the same to {F.cosine_similarity(half, whole, dim=0):.3f}")

# %% [markdown]
# For SGD it is half the learning rate. Adam divides by the size of the gradient, so alone it doesn't notice. But
# beside a penalty the balance shifts: the penalty counts twice as much. So when you compare settings from two
# codes, look for that factor first.
#
# **Why hinge and spectral norm go together.** Hinge alone doesn't hold D: in section 1 the free D had it, too,
# and became a cliff. Spectral norm alone doesn't tell D when to stop. Together, D climbs at a slope of at most
# about 1 until the margins are reached, and rests there.

# %% [markdown]
# ## 11. What do you know now?

# %%
quiz("11_spectral_norm_hinge", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | Lipschitz constant $K$ | outputs are at most $K$ times as far apart as inputs; constants of a chain multiply |
# | largest stretch of a matrix | its largest *singular* value σ₁, not its largest eigenvalue |
# | power iteration | $u \leftarrow Wv$, $v \leftarrow W^T u$, both to length 1; the error of σ shrinks by $(\sigma_2/\sigma_1)^4$ a round |
# | spectral norm | the weight divided by $u^T W v$; one round per reading in training, none in eval |
# | its gradient | u and v are constants, σ is not: growing the weight gains nothing |
# | convolution as a matrix | one row for each output channel: axis 0 of `Conv2d`, axis 1 of `ConvTranspose2d` |
# | order | initialise, then wrap; no BatchNorm in D |
# | u and v | in the checkpoint; copied into an average, never averaged |
# | what it bounds | each weight *matrix*. The true norm of an overlapping convolution may be larger |
# | spectral norm or penalty | a limit everywhere, nearly free; or a price where one looks, with a second backward pass |
# | hinge | D: max(0, 1 − r) + max(0, 1 + f), two means added. G: −f, no relu |
#
# In torch's own words:
# [torch.nn.utils.parametrizations.spectral_norm](https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html),
# [torch.linalg.svdvals](https://pytorch.org/docs/stable/generated/torch.linalg.svdvals.html),
# [torch.nn.functional.normalize](https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html).
#
# From the papers: *Spectral Normalization for Generative Adversarial Networks* (Miyato and others, 2018);
# *Geometric GAN* (Lim and Ye, 2017), for the hinge; *Improved Training of Wasserstein GANs* (Gulrajani and
# others, 2017), for the penalty; *Self-Attention Generative Adversarial Networks* (Zhang, Goodfellow, Metaxas
# and Odena, 2018), which puts spectral norm on D and on G.
#
# **Now you.** [exercises/11_spectral_norm_hinge](../exercises/11_spectral_norm_hinge.ipynb): eight tasks, from
# predicting a stretch to the gradient penalty.
#
# **Next** [12 · SAGAN](12_sagan.ipynb): attention and a D with a speed limit, in one network.
