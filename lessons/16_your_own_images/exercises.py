# %% [markdown]
# # Exercises 16 · Your own images
#
# **After these you can** find near-duplicates, write the relativistic loss and the penalty on D's slope, and
# steer augmentation by what D knows by heart.
#
# **Time** about 80 minutes in all · **Builds on** [lesson 16](../notebooks/16_your_own_images.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/16_your_own_images.ipynb).

# %%
import torch
import torch.nn.functional as F

from gan_course.checks import your_own_images as check

# %% [markdown]
# ## Task 1 · True or not?
#
# **Difficulty** ●○○○○ · **Time** about 8 minutes · **You need** sections 3 to 9 of the lesson
#
# Eight claims. Write True for one that holds, False for one that doesn't.
#
# 1. A file called cat.jpg is a JPEG.
# 2. A training image that is in the folder 50 times counts 50 times.
# 3. With 300 images, more epochs are as good as more images.
# 4. If every image that D sees is rotated at random, G may draw rotated images.
# 5. Only the real images are augmented: the fakes need none.
# 6. D is right about nearly all real training images: it may know them by heart.
# 7. No fake is near a training image in pixels: so nothing was copied.
# 8. Images of 40x40 are trained at 128x128: G will learn the blur of the enlargement.
#
# <details><summary>Hint 1</summary>
#
# D sees real images and fakes. What can it learn from a difference between the two?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 7: think of an image that is mirrored, or moved by three pixels.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_verdicts = [..., ..., ..., ..., ..., ..., ..., ...]
my_verdicts = [False, True, False, True, False, True, False, True]
### END SOLUTION

# %% tags=["check"]
check.true_or_not(my_verdicts)

# %% [markdown]
# ## Task 2 · A picture in a few bits
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 4 of the lesson
#
# `grey` is a small grey picture, uint8 (H, W). Return its difference hash, bool (H, W − 1): True where a pixel
# is brighter than its right neighbour.
#
# Expected: of `[[5, 3, 3], [1, 2, 0]]` it is `[[True, False], [False, True]]`.
#
# <details><summary>Hint 1</summary>
#
# `grey[:, :-1]` are all columns but the last, `grey[:, 1:]` their right neighbours.
# </details>
#
# <details><summary>Hint 2</summary>
#
# uint8 has no numbers below 0: 10 − 250 is 16. So compare with `>`, and don't subtract.
# </details>

# %% tags=["exercise"]
def difference_hash(grey):
    """uint8 (H, W) -> bool (H, W - 1)."""
    ### BEGIN SOLUTION
    return grey[:, :-1] > grey[:, 1:]
    ### END SOLUTION


# %% tags=["check"]
check.difference_hash(difference_hash)

# %% [markdown]
# ## Task 3 · Who is kept
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 4 of the lesson
#
# `hashes` is bool (N, B), a row for each image. Go through the images in order. Keep an image unless at most
# `reach` of its answers differ from those of an image that *was kept* before. Return the numbers of the kept
# images, a list.
#
# Expected: with reach 1, of the rows `000`, `001`, `011`, `000` the numbers 0 and 2 are kept: the third is near
# the second only, and that one was dropped.
#
# <details><summary>Hint 1</summary>
#
# `(hashes[i] != hashes[k]).sum()` counts the answers that differ.
# </details>
#
# <details><summary>Hint 2</summary>
#
# One loop over all images, and inside it `all(... > reach for k in kept)`.
# </details>

# %% tags=["exercise"]
def keep_first(hashes, reach):
    """hashes: bool (N, B); reach: whole number -> list of whole numbers."""
    ### BEGIN SOLUTION
    kept = []
    for i, row in enumerate(hashes):
        if all((row != hashes[k]).sum() > reach for k in kept):
            kept.append(i)
    return kept
    ### END SOLUTION


# %% tags=["check"]
check.keep_first(keep_first)

# %% [markdown]
# ## Task 4 · The loss of pairs
#
# **Difficulty** ●●○○○ · **Time** about 12 minutes · **You need** section 6 of the lesson
#
# The n-th real image and the n-th fake are a pair. D wants the real one to look more real, G the fake:
#
# $$L_D = \mathrm{mean}\,\bigl(-\log\sigma(r_n - f_n)\bigr), \qquad L_G = \mathrm{mean}\,\bigl(-\log\sigma(f_n - r_n)\bigr)$$
#
# where $r_n$ and $f_n$ are the logits and $\sigma$ is the sigmoid. Return both losses, D's first. They must stay finite
# for logits of 900.
#
# <details><summary>Hint 1</summary>
#
# $-\log\sigma(x) = \mathrm{softplus}(-x)$, and `F.softplus` is safe for every x.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `F.softplus(logits_fake - logits_real).mean()` is one of the two.
# </details>

# %% tags=["exercise"]
def relativistic_losses(logits_real, logits_fake):
    """Two tensors (N,) -> (loss of D, loss of G), tensors of one number each, with a gradient."""
    ### BEGIN SOLUTION
    loss_d = F.softplus(logits_fake - logits_real).mean()
    loss_g = F.softplus(logits_real - logits_fake).mean()
    return loss_d, loss_g
    ### END SOLUTION


# %% tags=["check"]
check.relativistic_losses(relativistic_losses)

# %% [markdown]
# ## Task 5 · The price of a slope
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** section 7 of the lesson
#
# Return the penalty
#
# $$\frac{\gamma}{2}\,\mathrm{mean}_n\,\bigl|\nabla_{x_n} D(x_n)\bigr|^2$$
#
# where $|\cdot|^2$ adds up the squares over all pixels of an image, and the mean is over the batch. D must be able to
# learn from it: its gradient has to reach D's weights.
#
# <details><summary>Hint 1</summary>
#
# `images = images.detach().requires_grad_()`, then the logits, then
# `torch.autograd.grad(logits.sum(), images, create_graph=True)`, which returns a tuple.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each logit depends on its own image only, so the gradient of their sum holds the slope of each image.
# `slope.square().flatten(1).sum(1)` is one number for each of them.
# </details>

# %% tags=["exercise"]
def slope_penalty(discriminator, images, gamma):
    """images (N, C, H, W) -> gamma / 2 times the mean squared slope, a tensor with a gradient."""
    ### BEGIN SOLUTION
    images = images.detach().requires_grad_()
    logits = discriminator(images)  # (N,)
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)  # (N, C, H, W)
    return gamma / 2 * slope.square().flatten(1).sum(1).mean()
    ### END SOLUTION


# %% tags=["check"]
check.slope_penalty(slope_penalty)

# %% [markdown]
# ## Task 6 · A thermostat
#
# **Difficulty** ●●●○○ · **Time** about 12 minutes · **You need** section 5 of the lesson
#
# `p` is the share of images that are changed. Look at D's logits for real images: take the mean of their
# signs. If it is above `target`, D is too sure, so `p` rises by `step`; otherwise it falls by `step`. Return the
# new share, kept between 0 and 0.8.
#
# Expected: `next_share(0.5, torch.tensor([3., 1., -2., 8.]), 0.01, 0.6)` is 0.49, for the mean sign is 0.5.
#
# <details><summary>Hint 1</summary>
#
# `logits_real.sign().mean()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `min(max(p, 0.0), 0.8)` keeps it between the two.
# </details>

# %% tags=["exercise"]
def next_share(p, logits_real, step, target):
    """p: number; logits_real (N,); step, target: numbers -> the new p."""
    ### BEGIN SOLUTION
    too_sure = logits_real.sign().mean() > target
    p = p + step if too_sure else p - step
    return min(max(p, 0.0), 0.8)
    ### END SOLUTION


# %% tags=["check"]
check.next_share(next_share)

# %% [markdown]
# ## Done
#
# You have written what makes a small folder last, and a loss without tricks. Now your own images.

# %%
from gan_course.checks import progress

progress.table()
