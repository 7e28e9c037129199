# %% [markdown]
# # Exercises 08 · Train a DCGAN
#
# **After these you can** write both losses and a training step, sample without side effects, and write
# what belongs to a run: smoothing, several steps of D, a running average, a film, a checkpoint from which
# a run goes on to the bit.
#
# **Time** about 125 minutes in all: take them in two sittings · **Builds on** [lesson 08](../notebooks/08_train_dcgan.ipynb)
#
# Fill in a cell, run it, then run the check below it, as often as you like. Stuck? Open a hint. All
# tasks are solved in [solutions](../solutions/08_train_dcgan.ipynb).

# %%
import copy

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
# ## Task 5 · The best D under one-sided smoothing
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 7 of the lesson, paper
#
# At one place $x$ there are real images with density $p_r$ and fakes with density $p_f$. With smoothing
# $s$, D's loss there is
#
# $$-p_r\bigl[(1-s)\log D + s\log(1-D)\bigr] - p_f\log(1-D)$$
#
# Which D, a probability, makes it smallest? Return it for each place.
#
# Expected: with `smoothing = 0.1`, 0.45 where both densities are equal, and close to 0.9 where there are
# hardly any fakes.
#
# <details><summary>Hint 1</summary>
#
# Collect what stands before $\log D$, call it $a$, and what stands before $\log(1-D)$, call it $b$. Where
# is the slope of $-a\log D - b\log(1-D)$ zero?
# </details>
#
# <details><summary>Hint 2</summary>
#
# At $D = a/(a+b)$. And $a + b$ is simpler than its parts.
# </details>

# %% tags=["exercise"]
def best_smoothed_d(p_real, p_fake, smoothing):
    """Densities (N,), (N,) and a number in [0, 1) -> the best D (N,), a probability."""
    ### BEGIN SOLUTION
    says_real = (1 - smoothing) * p_real
    says_fake = smoothing * p_real + p_fake
    return says_real / (says_real + says_fake)
    ### END SOLUTION


# %% tags=["check"]
check.best_smoothed_d(best_smoothed_d)

# %% [markdown]
# ## Task 6 · Which step sees which images
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 7 of the lesson
#
# `order` holds the numbers of all images, shuffled, for one epoch. In each step D learns
# `discriminator_steps` times, each time from `batch_size` images that no other update gets. Deal the
# images out in the order in which they come: first all those of the first step, within it first those of
# D's first update. What is left over at the end and makes no full step is dropped.
#
# Expected: for `torch.arange(14)`, `batch_size=2` and `discriminator_steps=3` a tensor of shape (2, 3, 2):
# step 0 sees [[0, 1], [2, 3], [4, 5]], step 1 the next six, and images 12 and 13 are dropped.
#
# <details><summary>Hint 1</summary>
#
# How many images does one step use? How many full steps are in `len(order)`? That is a division with `//`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `x.reshape(a, b, c)` fills the last axis first.
# </details>

# %% tags=["exercise"]
def deal_out(order, batch_size, discriminator_steps):
    """Image numbers (count,) -> (steps, discriminator_steps, batch_size)."""
    ### BEGIN SOLUTION
    images_per_step = batch_size * discriminator_steps
    steps = len(order) // images_per_step
    return order[: steps * images_per_step].reshape(steps, discriminator_steps, batch_size)
    ### END SOLUTION


# %% tags=["check"]
check.deal_out(deal_out)

# %% [markdown]
# ## Task 7 · Count images, not epochs
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** task 6, a calculator
#
# "Trained for 25 epochs" says little: 25 epochs of what? Fill in seven whole numbers. As everywhere in the
# course, a last batch that is not full is dropped.
#
# 1. 1,797 digits, `batch_size` 32: images seen in one epoch
# 2. the same after 30 epochs
# 3. 60,000 images, `batch_size` 128, one step of D for each of G: *steps* in one epoch
# 4. 60,000 images, `batch_size` 128, three steps of D for each of G: *steps* in one epoch
# 5. images seen after 1,000 of the steps of number 4
# 6. digits again, `batch_size` 32: whole epochs until at least 358,400 images are seen, as many as the
#    generator that ships with the course has seen
# 7. 10,000 images, `batch_size` 128, 25 epochs: images seen
#
# Expected: number 1 is 32 × 56, a little less than 1,797.
#
# <details><summary>Hint 1</summary>
#
# Python divides without a rest by `//`: `1797 // 32`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A step with three updates of D uses 3 × 128 images. For number 6, divide by the images that one epoch
# really shows.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: images = [..., ..., ..., ..., ..., ..., ...]
images = [1792, 53760, 468, 156, 384_000, 200, 249_600]
### END SOLUTION

# %% tags=["check"]
check.count_images(images)

# %% [markdown]
# ## Task 8 · One update of the running average
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 6 of the lesson
#
# `average` is a copy of G that follows it slowly. After each step every weight of the average becomes
# `keep` × its old value + (1 − `keep`) × G's newest. BatchNorm's running statistics are *buffers*, not
# weights; they are averages already, so the average takes G's as they are.
#
# Expected: with `keep = 0.99` the average moves by a hundredth of the way. G stays as it is.
#
# <details><summary>Hint 1</summary>
#
# `zip(average.parameters(), generator.parameters())` walks through both. Change a weight in place:
# `p.copy_(…)`. `average.buffers()` has the rest.
# </details>
#
# <details><summary>Hint 2</summary>
#
# torch refuses to change a weight in place while it records gradients: do it under `torch.no_grad()`.
# </details>

# %% tags=["exercise"]
def update_average(average, generator, keep):
    """Moves ``average`` towards ``generator``. Returns nothing."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        for old, newest in zip(average.parameters(), generator.parameters(), strict=True):
            old.copy_(keep * old + (1 - keep) * newest)
        for old, newest in zip(average.buffers(), generator.buffers(), strict=True):
            old.copy_(newest)
    ### END SOLUTION


# %% tags=["check"]
check.update_average(update_average)

# %% [markdown]
# ## Task 9 · A film from fixed z
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** task 4
#
# `train_step()` does one step of training; it takes nothing and changes `generator`. Train up to the last
# of the `moments` (how many steps are done, rising) and keep G's images for `fixed_z` at each. Moment 0 is
# before any training. The run must be the same as one without a film: the generator trains in training
# mode, the images are drawn in eval mode and without gradients.
#
# Expected: for `moments = [0, 10, 50]`, 50 steps and a tensor with three frames (a list of them will do).
#
# <details><summary>Hint 1</summary>
#
# From one moment to the next it takes `moment - done` steps.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Task 4 draws as it should, and puts the mode back. `torch.stack(frames)` makes one tensor of a list.
# </details>

# %% tags=["exercise"]
def film(generator, train_step, fixed_z, moments):
    """-> images (len(moments), N, ...), the same N z in each frame."""
    ### BEGIN SOLUTION
    frames, done = [], 0
    for moment in moments:
        for _ in range(moment - done):
            train_step()
        done = moment
        generator.eval()
        with torch.no_grad():
            frames.append(generator(fixed_z))
        generator.train()
    return torch.stack(frames)
    ### END SOLUTION


# %% tags=["check"]
check.film(film)

# %% [markdown]
# ## Task 10 · Keep everything
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** section 10 of the lesson
#
# A training run is stopped, and must go on later as if nothing had happened. `run` has these parts:
# `run.generator`, `run.discriminator`, `run.averaged` (networks), `run.optimizer_g`, `run.optimizer_d`,
# `run.rng` (a `torch.Generator`, from which every z is drawn) and `run.step` (a whole number, which also says
# which images come next).
#
# Return a dict with what is needed of each, under the same names. The run trains on while you hold the dict,
# which must not change any more. Then the check writes it to a file, reads it with the safe reader, puts it
# into a fresh run, trains, and compares every bit.
#
# Expected: seven entries.
#
# <details><summary>Hint 1</summary>
#
# Networks and optimizers have `state_dict()`, a `torch.Generator` has `get_state()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `state_dict()` hands out the living tensors. `copy.deepcopy(…)` takes them out of the run.
# </details>

# %% tags=["exercise"]
def keep_everything(run):
    """A training run -> a dict from which it can go on, to the bit."""
    ### BEGIN SOLUTION
    saved = {
        "generator": run.generator.state_dict(),
        "discriminator": run.discriminator.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimizer_g": run.optimizer_g.state_dict(),
        "optimizer_d": run.optimizer_d.state_dict(),
        "rng": run.rng.get_state(),
        "step": run.step,
    }
    return copy.deepcopy(saved)
    ### END SOLUTION


# %% tags=["check"]
check.keep_everything(keep_everything)

# %% [markdown]
# ## Done
#
# These ten functions are the heart of every GAN's training. The rest is data, patience, and
# looking closely.

# %%
from gan_course.checks import progress

progress.table()
