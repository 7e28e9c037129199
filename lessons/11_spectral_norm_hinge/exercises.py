# %% [markdown]
# # Exercises 11 · Spectral norm and hinge
#
# **After these you can** write spectral norm, say what it holds and what it doesn't, and write the hinge
# losses and the gradient penalty without the slips that public code has.
#
# **Time** about 110 minutes in all · **Builds on** [lesson 11](../notebooks/11_spectral_norm_hinge.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/11_spectral_norm_hinge.ipynb).

# %%
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_course.checks import spectral_norm_hinge as check

# %% [markdown]
# ## Task 1 · Predict the stretch
#
# **Difficulty** ●○○○○ · **Time** about 8 minutes · **You need** section 4 of the lesson
#
# By which factor does each matrix stretch a vector at most? That is its largest *singular* value. No
# computer needed: try a few vectors of length 1.
#
# | | matrix |
# |---|---|
# | 1 | `[[2, 0], [0, 0.5]]` |
# | 2 | `[[0, -1], [1, 0]]` |
# | 3 | `[[1, 1], [1, 1]]` |
# | 4 | `[[0, 3], [0, 0]]` |
# | 5 | `[[0, 4], [1, 0]]` |
# | 6 | `[[3, 4]]`: one row, from the plane to a single number |
#
# Expected: a list of six whole numbers.
#
# <details><summary>Hint 1</summary>
#
# Multiply with (1, 0) and with (0, 1), and look how long the results are. In numbers 1, 2, 4 and 5 one of
# these two is stretched most.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 3: try (1, 1), of length √2. Number 6: the result is the dot product with (3, 4), which is
# largest for a vector that points in the same direction.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_stretches = [..., ..., ..., ..., ..., ...]
my_stretches = [2, 1, 2, 3, 4, 5]
### END SOLUTION

# %% tags=["check"]
check.predict_stretch(my_stretches)

# %% [markdown]
# ## Task 2 · Power iteration
#
# **Difficulty** ●●○○○ · **Time** about 12 minutes · **You need** section 5 of the lesson
#
# `weight` has the shape (outputs, inputs), and `v` is a vector of inputs of length 1. In each round:
# first `u`, the direction of `weight @ v`, with length 1; then a new `v`, the direction of
# `weight.T @ u`, with length 1. After `iterations` rounds (at least one) return three things: `sigma`,
# which is uᵀ W v, and the last `u` and `v`. Torch's decompositions are locked in this cell's check.
#
# Expected: with `[[2, 0], [0, 0.5]]`, `v = [0.6, 0.8]` and one round, u is `[0.9487, 0.3162]`, v is
# `[0.9965, 0.0830]` and sigma is about 1.9039.
#
# <details><summary>Hint 1</summary>
#
# `F.normalize(x, dim=0)` divides a vector by its length; so does `x / x.norm()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# sigma comes after the loop, from the last u and v: `u @ weight @ v`.
# </details>

# %% tags=["exercise"]
def power_iteration(weight, v, iterations):
    """(sigma, u, v) after so many rounds; weight (outputs, inputs), v (inputs,)."""
    ### BEGIN SOLUTION
    for _ in range(iterations):
        u = F.normalize(weight @ v, dim=0)
        v = F.normalize(weight.T @ u, dim=0)
    return u @ weight @ v, u, v
    ### END SOLUTION


# %% tags=["check"]
check.power_iteration(power_iteration)

# %% [markdown]
# ## Task 3 · The weight of a convolution as a matrix
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 7 of the lesson
#
# Spectral norm works on a matrix with **one row for each output channel**. Make it from the weight of a
# `Conv2d`, or, if `transposed` is True, of a `ConvTranspose2d`. The order of the columns is up to you.
#
# Expected: the weight of `nn.Conv2d(3, 8, 4)` gives the shape (8, 48), and so does the weight of
# `nn.ConvTranspose2d(3, 8, 4)`.
#
# <details><summary>Hint 1</summary>
#
# Print both shapes: `nn.Conv2d(3, 8, 4).weight.shape` and `nn.ConvTranspose2d(3, 8, 4).weight.shape`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `reshape` never moves a number to another place. When the output channels are not in front, bring
# them there first: `weight.transpose(0, 1)`. Then `flatten(1)`.
# </details>

# %% tags=["exercise"]
def weight_matrix(weight, transposed):
    """The weight (a, b, k, k) as a matrix (output channels, everything else)."""
    ### BEGIN SOLUTION
    if transposed:
        weight = weight.transpose(0, 1)  # (in, out, k, k) -> (out, in, k, k)
    return weight.flatten(1)
    ### END SOLUTION


# %% tags=["check"]
check.weight_matrix(weight_matrix)

# %% [markdown]
# ## Task 4 · Spectral norm
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** task 2 and section 6 of the lesson
#
# One forward pass of a layer with spectral norm. `weight` is the raw weight as a matrix, a parameter; `u` and
# `v` are the vectors kept from last time. In training (`training` is True) take them *one* round further,
# u first; in eval leave them alone. Return the weight divided by uᵀ W v, and the u and v that are to be
# kept.
#
# The gradient counts, too: `u` and `v` are constants for it, and sigma depends on the weight.
#
# Expected: a tuple of three tensors, with the shapes of weight, u and v.
#
# <details><summary>Hint 1</summary>
#
# Under `with torch.no_grad():` no gradient is recorded. Which lines belong there, and which don't?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Only the two lines of the power iteration are under `no_grad`. `sigma = u @ weight @ v` stands
# outside, so that autograd knows how sigma changes with the weight.
# </details>

# %% tags=["exercise"]
def spectral_weight(weight, u, v, training):
    """(weight / sigma, u, v) with one round of power iteration in training, none in eval."""
    ### BEGIN SOLUTION
    if training:
        with torch.no_grad():
            u = F.normalize(weight @ v, dim=0)
            v = F.normalize(weight.T @ u, dim=0)
    sigma = u @ weight @ v
    return weight / sigma, u, v
    ### END SOLUTION


# %% tags=["check"]
check.spectral_weight(spectral_weight)

# %% [markdown]
# ## Task 5 · A discriminator that is built in the wrong order
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 7 of the lesson
#
# Here is a discriminator for the hinge loss, in the way of many a public notebook. It runs without a
# word of complaint. It should start with weights of std 0.02, every one of its three layers should be
# held by spectral norm, and nothing in it should undo that. How many of these hold?

# %%
def in_the_wild(base_channels):
    c = base_channels
    model = nn.Sequential(
        spectral_norm(nn.Conv2d(1, c, kernel_size=4, stride=2, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(c, 2 * c, kernel_size=4, stride=2, padding=1)),
        nn.BatchNorm2d(2 * c),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * c * 4 * 4, 1),
    )
    for layer in model.modules():
        if "Conv" in type(layer).__name__:
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)
    return model


for layer in in_the_wild(16):
    if hasattr(layer, "parametrizations"):
        print("raw weights, std", round(layer.parametrizations.weight.original.std().item(), 3))

# %% [markdown]
# Write it as it should be. Images (N, 1, 16, 16) go in, logits (N, 1) come out; the convolutions, the
# LeakyReLUs and the linear layer stay, in this order, all with a bias.
#
# Expected: a network whose three raw weights are drawn from N(0, 0.02) and whose biases are 0.
#
# <details><summary>Hint 1</summary>
#
# There are four faults: one is a layer too many, one a layer that is not wrapped, one a layer that is
# not initialised, and one is about the order.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Build the plain network first. Then one loop over its layers with
# `isinstance(layer, (nn.Conv2d, nn.Linear))`: initialise the layer, and wrap it with
# `spectral_norm(layer)`, which changes it in place.
# </details>

# %% tags=["exercise"]
def build_discriminator(base_channels):
    """Images (N, 1, 16, 16) -> logits (N, 1), every layer under spectral norm."""
    ### BEGIN SOLUTION
    c = base_channels
    model = nn.Sequential(
        nn.Conv2d(1, c, kernel_size=4, stride=2, padding=1),  # (N, c, 8, 8)
        nn.LeakyReLU(0.2),
        nn.Conv2d(c, 2 * c, kernel_size=4, stride=2, padding=1),  # (N, 2c, 4, 4)
        nn.LeakyReLU(0.2),
        nn.Flatten(),  # (N, 32c)
        nn.Linear(2 * c * 4 * 4, 1),
    )
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)
            spectral_norm(layer)  # only now
    return model
    ### END SOLUTION


# %% tags=["check"]
check.build_discriminator(build_discriminator)

# %% [markdown]
# ## Task 6 · The true norm of a convolution
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** task 2 and section 8 of the lesson
#
# By which factor can a convolution stretch a *whole image*? Not its weight as a matrix: the layer itself,
# with its stride and padding, on images of `size` × `size` pixels. `weight` has the shape
# (out_channels, in_channels, k, k), and there is no bias. A whole number of jumps always fits here.
#
# Expected: a number, right to 1 %. The kernel `[[1, 1, 1], [1, 1, 1], [1, 1, 1]]` on 6×6 pixels with
# stride 1 and padding 1 gives about 7.86; as a matrix of one row its norm is 3.
#
# <details><summary>Hint 1</summary>
#
# Power iteration needs two products: there, and back. There is `F.conv2d`. Back, the transposed
# matrix, is `F.conv_transpose2d` with the same weight, stride and padding (lesson 02).
# </details>
#
# <details><summary>Hint 2</summary>
#
# Begin with a random image of length 1, go there and back some 200 times, and scale to length 1 after
# each round. At the end the length of `F.conv2d(x, ...)` is the answer.
# </details>

# %% tags=["exercise"]
def true_norm(weight, stride, padding, size):
    """The largest stretch of this convolution on images of size x size pixels."""
    ### BEGIN SOLUTION
    x = torch.randn(1, weight.shape[1], size, size)
    for _ in range(200):
        y = F.conv2d(x, weight, stride=stride, padding=padding)
        x = F.conv_transpose2d(y, weight, stride=stride, padding=padding)
        x = x / x.norm()
    return F.conv2d(x, weight, stride=stride, padding=padding).norm().item()
    ### END SOLUTION


# %% tags=["check"]
check.true_norm(true_norm)

# %% [markdown]
# ## Task 7 · Hinge
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 10 of the lesson
#
# Both losses of the hinge game, from logits of shape (N,). D wants real logits above 1 and fake logits below −1,
# and leaves alone what is past its margin; its two means are added. G wants high logits for its fakes.
#
# Expected: a pair `(loss_d, loss_g)`. For `logits_real = [2, 0]` and `logits_fake = [-3, 1]` it is
# `(1.5, 1.0)`.
#
# <details><summary>Hint 1</summary>
#
# A real logit r costs D `1 − r` as long as that is positive, and nothing after. `F.relu` does that.
# </details>
#
# <details><summary>Hint 2</summary>
#
# G has no relu: a fake that D is sure about is just the one that has to move.
# </details>

# %% tags=["exercise"]
def hinge_losses(logits_real, logits_fake):
    """(loss_d, loss_g) of the hinge game, from logits (N,)."""
    ### BEGIN SOLUTION
    loss_d = F.relu(1 - logits_real).mean() + F.relu(1 + logits_fake).mean()
    loss_g = -logits_fake.mean()
    return loss_d, loss_g
    ### END SOLUTION


# %% tags=["check"]
check.hinge_losses(hinge_losses)

# %% [markdown]
# ## Task 8 · The gradient penalty
#
# **Difficulty** ●●●●● · **Time** about 20 minutes · **You need** section 9 of the lesson
#
# WGAN-GP's penalty. For each image of the batch:
#
# 1. mix: `eps` times the real image plus `1 − eps` times the fake one, with an eps of its own;
# 2. take the slope of D's logit at this mix, a tensor as large as the image;
# 3. its length is the root of the sum of squares over all channels and pixels;
# 4. pay the square of (length − 1).
#
# Return `gp_lambda` times the mean over the batch, so that D can learn from it. The images have the shape
# (N, C, H, W), `eps` the shape (N,), and D gives (N, 1).
#
# Expected: one number, a tensor. If D is everywhere a plane of slope 1, it is 0.
#
# <details><summary>Hint 1</summary>
#
# The mix is where the slope is taken, so it needs `requires_grad_()`. Then
# `torch.autograd.grad(logits.sum(), mix, create_graph=True)[0]` is the slope of each logit at its own
# image.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each image's own eps: `eps.reshape(-1, 1, 1, 1)`. Each slope's own length:
# `slopes.flatten(1).norm(dim=1)`.
# </details>

# %% tags=["exercise"]
def gradient_penalty(discriminator, images_real, images_fake, eps, gp_lambda):
    """gp_lambda times the mean of (length of D's slope - 1) squared, between real and fake."""
    ### BEGIN SOLUTION
    eps = eps.reshape(-1, 1, 1, 1)
    between = (eps * images_real + (1 - eps) * images_fake).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(
        discriminator(between).sum(), between, create_graph=True
    )
    length = (slopes.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
    return gp_lambda * (length - 1).square().mean()
    ### END SOLUTION


# %% tags=["check"]
check.gradient_penalty(gradient_penalty)

# %% [markdown]
# ## Done
#
# You have written all of what keeps the discriminator of a SAGAN in bounds, and you know what each part
# promises. Lesson 12 puts it together.

# %%
from gan_course.checks import progress

progress.table()
