# %% [markdown]
# # Exercises 09 · Failure modes
#
# **After these you can** count modes, name an illness from its numbers, say what a curve proves, write
# three remedies by hand, and choose the right one.
#
# **Time** about 75 minutes in all · **Builds on** [lesson 09](../notebooks/09_failure_modes.ipynb)
#
# Write your answer in place of the line that raises an error or of the dots, and run the check below it.
# Stuck? Open a hint. Every task is solved in [solutions](../solutions/09_failure_modes.ipynb).

# %%
import torch
import torch.nn.functional as F

from gan_course.checks import failure_modes as check
from gan_course.toy import ToyConfig, make_distribution, modes_covered, run_many

torch.set_num_threads(1)

# %% [markdown]
# ## Task 1 · Count the modes
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# There are M modes, their middles are the rows of `centres`, and all are equally frequent. A sample *lies
# on* a mode if that is its nearest one and it is within 4 `sigma` of it. A mode is *covered* if at least a
# fifth of its fair share lies on it; the fair share is 1/M of **all** samples, strays included.
#
# Expected: a whole number. For samples of the ring itself it is 8.
#
# <details><summary>Hint 1</summary>
#
# `torch.cdist(samples, centres)` is the table of all distances, (N, M). Its `min(dim=1)` gives the distance
# to the nearest mode and its number.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.bincount(numbers, minlength=M)` counts how often each number occurs. Leave the strays out before
# you count, but not out of N.
# </details>

# %% tags=["exercise"]
def count_modes(samples, centres, sigma):
    """How many modes are covered: (N, 2), (M, 2) and a width -> a whole number."""
    ### BEGIN SOLUTION
    n, m = len(samples), len(centres)
    distance, nearest = torch.cdist(samples, centres).min(dim=1)  # (N,) and (N,)
    on_mode = nearest[distance <= 4 * sigma]
    counts = torch.bincount(on_mode, minlength=m)  # (M,)
    return int((counts >= 0.2 * n / m).sum())
    ### END SOLUTION


# %% tags=["check"]
check.count_modes(count_modes)

# %% [markdown]
# ## Task 2 · Name the illness
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 10 of the lesson
#
# Seven runs, each with the medians of its later half. The first three are games on points, the others
# trainings on digits. *D right* is the share of D's right answers, *diversity* how far fakes are from each
# other if real ones have 1.

# %%
print(check.patients_text())

# %% [markdown]
# Choose for each: `"healthy"`, `"collapse"`, `"vanishing"` (D is always right and G gets no gradient),
# `"d_too_strong"` (D is always right, G gets a gradient and cannot catch up), `"d_lags"` (G has outrun D), or
# `"wrong_range"` (the real images were scaled wrongly).
#
# <details><summary>Hint 1</summary>
#
# Begin with the ranges, then look at who is winning: a fake's logit above a real one's, or a D that is
# always right. Only then ask for the diversity.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For "always right" there are two names. `grad G` tells them apart.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: illness = [..., ..., ..., ..., ..., ..., ...]
illness = ["healthy", "vanishing", "collapse", "d_too_strong", "d_lags", "healthy", "wrong_range"]
### END SOLUTION

# %% tags=["check"]
check.name_the_illness(illness)

# %% [markdown]
# ## Task 3 · What does a curve prove?
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 9 of the lesson
#
# Four runs, of which you see the losses only. What they do all through the second half:
#
# | run | losses used | D's loss | G's loss |
# |---|---|---|---|
# | P | non-saturating | 1.386, flat | 0.693, flat |
# | Q | non-saturating | 0.01 | 9 |
# | R | Wasserstein with gradient penalty | about −0.3 | rises from 2 to 9 |
# | S | non-saturating, real target 0.9 | 0.33, flat | 5 |
#
# Six statements. Answer each with `"yes"`, `"no"` or `"cannot tell"`:
#
# 1. P's fakes lie where real points lie.
# 2. P's D earns no more than a coin would.
# 3. Q's D is wrong on less than 2 % of the batch (a fake with a positive logit, or a real point with a
#    negative one).
# 4. Q's G gets hardly any gradient: on the logit, less than a hundredth.
# 5. R's samples are getting worse.
# 6. S's D can hardly get any better: less than 0.01 is left for it to gain.
#
# <details><summary>Hint 1</summary>
#
# For 3: what does a wrong answer cost at least? (Put the logit 0 into softplus.) How many of these fit
# into 0.01?
# </details>
#
# <details><summary>Hint 2</summary>
#
# For 6: D says 0.9 to real points and 0 to fakes. Work out −0.9 log 0.9 − 0.1 log 0.1.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: follows = [..., ..., ..., ..., ..., ...]
follows = ["cannot tell", "yes", "yes", "no", "cannot tell", "yes"]
### END SOLUTION

# %% tags=["check"]
check.read_curves(follows)

# %% [markdown]
# ## Task 4 · One-sided label smoothing
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 8 of the lesson, lesson 06
#
# D's loss, with the target `real_label` for real points and 0 for fakes: binary cross-entropy, the mean over
# the real logits plus the mean over the fake ones. It must stay finite for logits of ±120.
#
# Expected: a tensor with one number. With `real_label=1` it is the plain loss; on logits of 0 it is log 4,
# whatever the label.
#
# <details><summary>Hint 1</summary>
#
# Binary cross-entropy with target a is −a log D − (1 − a) log(1 − D). In softplus:
# −log D is `F.softplus(-logit)`, −log(1 − D) is `F.softplus(logit)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Or let torch do it: `F.binary_cross_entropy_with_logits(logits, target)`, where the target is a tensor like
# the logits, filled with `real_label`: `torch.full_like`.
# </details>

# %% tags=["exercise"]
def smooth_d_loss(logits_real, logits_fake, real_label):
    """D's loss with one-sided label smoothing: (N,), (M,) and a target in (0, 1] -> scalar."""
    ### BEGIN SOLUTION
    loss_real = real_label * F.softplus(-logits_real) + (1 - real_label) * F.softplus(logits_real)
    loss_fake = F.softplus(logits_fake)  # the target of the fakes stays 0
    return loss_real.mean() + loss_fake.mean()
    ### END SOLUTION


# %% tags=["check"]
check.smooth_d_loss(smooth_d_loss)

# %% [markdown]
# ## Task 5 · Noise that fades
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 8 of the lesson
#
# Instance noise makes clouds overlap that do not touch. It should not stay for ever, or G learns the blurred
# cloud. So its width shrinks evenly, from `start_width` at step 0 to 0 at step `fade_steps`, and stays 0
# after that.
#
# The noise itself is given, one tensor for each batch, as `torch.randn` draws it. Return what D sees:
# the real and the fake points, both with noise. G still has to learn through the fakes.
#
# Expected: `noise_for_d(...)` at step 0 adds `start_width` times the noise.
#
# <details><summary>Hint 1</summary>
#
# The width at a step is `start_width * (1 - step / fade_steps)`. What is that after the last step?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Noise is added. `max(0.0, …)` cuts off what is below 0.
# </details>

# %% tags=["exercise"]
def noise_for_d(points_real, points_fake, noise_real, noise_fake, start_width, step, fade_steps):
    """What D sees, as a pair: real and fake points with fading noise, (N, 2) each."""
    ### BEGIN SOLUTION
    width = start_width * max(0.0, 1 - step / fade_steps)
    return points_real + width * noise_real, points_fake + width * noise_fake
    ### END SOLUTION


# %% tags=["check"]
check.noise_for_d(noise_for_d)

# %% [markdown]
# ## Task 6 · R1 by hand
#
# **Difficulty** ●●●●● · **Time** about 15 minutes · **You need** section 6 of the lesson,
# `torch.autograd.grad`
#
# $$R_1 = \frac{\gamma}{2} \cdot \text{mean over the real points of } \lVert \nabla_x\, l(x) \rVert^2$$
#
# where $l(x)$ is D's logit at $x$, and $\lVert \cdot \rVert^2$ the sum of the squared coordinates. D minimises
# this along with its loss, so the result must remember D's weights.
#
# `discriminator(points)` turns (N, 2) into logits (N, 1). You also get fakes, as some penalties need them.
#
# <details><summary>Hint 1</summary>
#
# To ask how something changes with the points, these need `requires_grad`: make a copy with
# `points.detach().requires_grad_()` and send that through D.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.autograd.grad(logits.sum(), points, create_graph=True)` gives a tuple with one tensor (N, 2). Each
# logit depends on its own point only, so the sum keeps the slopes apart.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `create_graph=True` is what makes the slope itself differentiable.
# </details>

# %% tags=["exercise"]
def r1(discriminator, points_real, points_fake, gamma):
    """The R1 penalty: a scalar that D's weights can learn from."""
    ### BEGIN SOLUTION
    points = points_real.detach().requires_grad_()
    logits = discriminator(points)  # (N, 1)
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)  # (N, 2)
    return gamma / 2 * slope.square().sum(dim=1).mean()
    ### END SOLUTION


# %% tags=["check"]
check.r1(r1)

# %% [markdown]
# ## Task 7 · Repair a collapsed game
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** sections 3 and 8 of the lesson
#
# This game collapses. Here it is, with three seeds:

# %%
sick = ToyConfig(distribution="ring8", lr_d=1e-4, lr_g=1e-3)
samples = run_many(sick, seeds=[1, 2, 3], steps=500).samples(1000)  # (3, 1000, 2)
print("modes covered:", [modes_covered(some, make_distribution("ring8")) for some in samples])

# %% [markdown]
# Give the changes as a dict, such as `{"beta1": 0.9}`. You may change `lr_d`, `lr_g`, `k_d` and `k_g` (updates
# in a step), `r1_gamma`, `gp_lambda`, `spectral_norm`, `instance_noise`, `real_label`,
# `skip_d_when_winning`, `beta1` and `loss`.
#
# The check plays 1,000 steps with three seeds of its own, which takes some seconds. Expected: at least 5
# of 8 modes, in at least two of the three games. There are many right answers.
#
# <details><summary>Hint 1</summary>
#
# Which of the two players is slow? The remedies that make D gentler do not make it any faster.
# </details>
#
# <details><summary>Hint 2</summary>
#
# What counts is the ratio of the two rates. Slowing G down gives the right ratio, too, but 1,000 steps are
# not enough then.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: changes = ...
changes = {"lr_d": 1e-3, "r1_gamma": 0.1}
### END SOLUTION

# %% tags=["check"]
check.choose_repair(changes)

# %% [markdown]
# ## Done
#
# Next door is [the bug zoo](09_bug_zoo.ipynb): fourteen failures that were no dynamics at all, but plain
# bugs that have shipped.

# %%
from gan_course.checks import progress

progress.table()
