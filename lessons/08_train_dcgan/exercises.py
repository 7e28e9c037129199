# %% [markdown]
# # Exercises 08 · Train a DCGAN
#
# **After these you can** write both losses and a training step, and sample without side effects.
#
# **Time** about 50 minutes in all · **Builds on** [lesson 08](../notebooks/08_train_dcgan.ipynb)
#
# Fill in a cell, run it, then run the check below it, as often as you like. Stuck? Open a hint. All
# tasks are solved in [solutions](../solutions/08_train_dcgan.ipynb).

# %%
import torch
import torch.nn.functional as F

from gan_course.checks import train_dcgan as check

# %% [markdown]
# ## Task 1 · The loss of D
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 4 of the lesson
#
# D gives a logit for each image. Its loss is binary cross-entropy with target 1 for the real images
# and 0 for the fakes: the mean over the real ones plus the mean over the fakes. It must hold for
# logits of ±120 as well.
#
# Expected: for logits that are all 0 the loss is 2·log 2 ≈ 1.386.
#
# <details><summary>Hint 1</summary>
#
# `F.binary_cross_entropy_with_logits(logits, targets)` takes logits as they are. The targets are
# floats of the same shape: `torch.ones_like(logits)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Or without targets: −log D(x) is `F.softplus(-logit)`, and −log(1 − D(x)) is `F.softplus(logit)`.
# </details>

# %% tags=["exercise"]
def d_loss(logits_real, logits_fake):
    """Logits (N,) of real images and (M,) of fakes -> one number."""
    ### BEGIN SOLUTION
    loss_real = F.binary_cross_entropy_with_logits(logits_real, torch.ones_like(logits_real))
    loss_fake = F.binary_cross_entropy_with_logits(logits_fake, torch.zeros_like(logits_fake))
    return loss_real + loss_fake
    ### END SOLUTION


# %% tags=["check"]
check.d_loss(d_loss)

# %% [markdown]
# ## Task 2 · The loss of G
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 1
#
# G wants D to say 1 to its images. Write the non-saturating loss, the mean of −log D(G(z)).
#
# Expected: for logits that are all 0 the loss is log 2 ≈ 0.693, and a logit of −120 gives 120.
#
# <details><summary>Hint 1</summary>
#
# It is the cross-entropy of the fakes with the target of a real image.
# </details>
#
# <details><summary>Hint 2</summary>
#
# −log sigmoid(x) is `F.softplus(-x)`.
# </details>

# %% tags=["exercise"]
def g_loss(logits_fake):
    """D's logits (N,) for the fakes -> one number."""
    ### BEGIN SOLUTION
    return F.softplus(-logits_fake).mean()
    ### END SOLUTION


# %% tags=["check"]
check.g_loss(g_loss)

# %% [markdown]
# ## Task 3 · One training step
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** tasks 1 and 2, section 5 of the lesson
#
# Update D once, then G once, on one batch. Use your two losses. The gradients may hold leftovers
# from an earlier step. The check runs your step on tiny networks and compares every weight with
# the course's own step.
#
# Expected: nothing is returned; both networks have moved, each by its own optimizer.
#
# <details><summary>Hint 1</summary>
#
# Six lines do D's half: draw the fakes, ask D about the real images, ask D about the *detached*
# fakes, compute the loss, clear D's gradients, backward and step.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For G, ask D again about the fakes, this time not detached: the gradient must flow through D
# into G. Only `optimizer_g` steps.
# </details>

# %% tags=["exercise"]
def one_step(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """Update D, then G. Returns nothing: the networks change."""
    ### BEGIN SOLUTION
    fake = generator(z)
    loss_d = d_loss(discriminator(real), discriminator(fake.detach()))
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    loss_g = g_loss(discriminator(fake))
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    ### END SOLUTION


# %% tags=["check"]
check.one_step(one_step)

# %% [markdown]
# ## Task 4 · Sample without side effects
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 6 of the lesson
#
# Return the generator's images for `z`. Each image may depend on its own row of `z` only, no
# gradient is needed, and the generator must be afterwards as it was before, also if it was not
# being trained.
#
# Expected: called twice with the same `z`, it returns the same images, also when each row of `z` is
# drawn by itself.
#
# <details><summary>Hint 1</summary>
#
# In training mode BatchNorm mixes the images of a batch. `generator.eval()` switches that off, and
# `generator.training` tells you the mode it was in.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `generator.train(True)` is training mode, `generator.train(False)` is eval mode.
# </details>

# %% tags=["exercise"]
def sample(generator, z):
    """z (N, latent_dim) -> images, in eval mode and without gradients."""
    ### BEGIN SOLUTION
    was_training = generator.training
    generator.eval()
    with torch.no_grad():
        images = generator(z)
    generator.train(was_training)
    return images
    ### END SOLUTION


# %% tags=["check"]
check.sample(sample)

# %% [markdown]
# ## Done
#
# These four functions are the heart of every GAN. The rest of training is data, patience, and
# looking closely.

# %%
from gan_course.checks import progress

progress.table()
