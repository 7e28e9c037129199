# %% [markdown]
# # Exercises 13 · Evaluation
#
# **After these you can** write the four measures that papers report, and say what a number in a table is
# worth.
#
# **Time** about 85 minutes in all · **Builds on** [lesson 13](../notebooks/13_evaluation.ipynb)
#
# Work from top to bottom. Fill in a cell, run it with Shift + Enter, then run the check below it. A
# check tells you what is wrong, as often as you like; nothing is graded, and what you have solved
# is remembered on your own machine. Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/13_evaluation.ipynb).

# %%
import torch

from gan_course.checks import evaluation as check

# %% [markdown]
# ## Task 1 · Fair or not?
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** sections 4 to 9 of the lesson
#
# Eight claims. Write True for one that holds, False for one that doesn't follow from what is said.
#
# 1. FID 9 (50,000 fakes) against FID 11 (5,000 fakes): the first generator is better.
# 2. The same code, features, counts and seeds: 14.2 for one generator and 9.1 for the other, much the same in
#    each of three runs. The second is better by this measure.
# 3. A KID of −0.0004: the code has a bug, for a distance can't be negative.
# 4. Precision 0.95, recall 0.10: the images are good, but much is never drawn.
# 5. D's loss fell from 0.7 to 0.3, so the images got better.
# 6. The fakes come straight from G, the real images from JPEG files. Part of the distance may come from that.
# 7. 900 of 1,000 modes were found in 2,300 fakes: G can't draw the other 100.
# 8. FID 0.3 against the training images: G may have copied them.
#
# <details><summary>Hint 1</summary>
#
# Of each comparison ask: is everything the same but the generator? And what would a perfect generator get?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Number 7: even with all modes equally likely, one is missed by 2,300 fakes with probability
# 0.999 to the power of 2,300, which is 0.10.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_verdicts = [..., ..., ..., ..., ..., ..., ..., ...]
my_verdicts = [False, True, False, True, False, True, False, True]
### END SOLUTION

# %% tags=["check"]
check.fair_or_not(my_verdicts)

# %% [markdown]
# ## Task 2 · The Fréchet distance
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 4 of the lesson
#
# From features (N, F) of real images and (M, F) of fakes, in float64:
# $|\mu_r - \mu_f|^2 + \mathrm{tr}(C_r) + \mathrm{tr}(C_f) - 2\,\mathrm{tr}\sqrt{C_r C_f}$. The trace of the matrix root is
# the sum of the square roots of the eigenvalues of $C_r C_f$.
#
# Expected: for equal sets 0, but for rounding.
#
# <details><summary>Hint 1</summary>
#
# `torch.cov` wants one *row* for each feature, so `torch.cov(features.T)`. It divides by N − 1, and so should
# you.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.linalg.eigvals(cov_real @ cov_fake)` is complex, with imaginary parts that are rounding: take
# `.real`. Rounding may also push a 0 slightly below 0: `.clamp(min=0)` before the root.
# </details>

# %% tags=["exercise"]
def frechet(features_real, features_fake):
    """The squared Fréchet distance of two sets of features: a number."""
    ### BEGIN SOLUTION
    cov_real, cov_fake = torch.cov(features_real.T), torch.cov(features_fake.T)
    eigenvalues = torch.linalg.eigvals(cov_real @ cov_fake).real.clamp(min=0)
    apart = (features_real.mean(0) - features_fake.mean(0)).square().sum()
    return (apart + cov_real.trace() + cov_fake.trace() - 2 * eigenvalues.sqrt().sum()).item()
    ### END SOLUTION


# %% tags=["check"]
check.frechet(frechet)

# %% [markdown]
# ## Task 3 · The kernel distance, without bias
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 6 of the lesson
#
# The kernel of two feature vectors is $(a \cdot b / F + 1)^3$. Return its mean within the real set, plus that
# within the fakes, minus twice the mean between the two. Within a set, no vector is paired with itself.
#
# Expected: with real features `[[0.], [1.]]` and fakes `[[0.], [2.]]`: 1 + 1 − 2 · 7.5 = −13.
#
# <details><summary>Hint 1</summary>
#
# `(a @ b.T / a.shape[1] + 1) ** 3` is the table of all pairs, (N, M).
# </details>
#
# <details><summary>Hint 2</summary>
#
# Within a set: the sum of the table minus its trace (the diagonal), over n · (n − 1) pairs.
# </details>

# %% tags=["exercise"]
def kernel_distance(features_real, features_fake):
    """The squared maximum mean discrepancy with the cubic kernel, without bias: a number."""
    ### BEGIN SOLUTION
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    total = -2 * kernel(features_real, features_fake).mean()
    for features in (features_real, features_fake):
        table, n = kernel(features, features), len(features)
        total = total + (table.sum() - table.trace()) / (n * (n - 1))
    return total.item()
    ### END SOLUTION


# %% tags=["check"]
check.kernel_distance(kernel_distance)

# %% [markdown]
# ## Task 4 · Precision and recall
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** section 7 of the lesson
#
# Around each real point lies a ball that reaches to its k-th nearest *other* real point. **Precision** is the
# share of fakes that lie in at least one of these balls, on the edge counts. **Recall** is the same with the
# two sets exchanged. Return both, precision first.
#
# <details><summary>Hint 1</summary>
#
# Write a helper: the share of `points` in the balls around `centres`. Then call it twice.
# `torch.cdist(points, centres)` is the table of distances, (N, M).
# </details>
#
# <details><summary>Hint 2</summary>
#
# The radii: `torch.cdist(centres, centres)` has zeros on its diagonal, so the k-th nearest *other* point is
# `.kthvalue(k + 1, dim=1).values`.
# </details>

# %% tags=["exercise"]
def precision_recall(features_real, features_fake, k):
    """(precision, recall) of two sets of features."""
    ### BEGIN SOLUTION
    def share_inside(points, centres):
        radii = torch.cdist(centres, centres).kthvalue(k + 1, dim=1).values  # 1 is the centre
        return (torch.cdist(points, centres) <= radii).any(dim=1).double().mean().item()

    return share_inside(features_fake, features_real), share_inside(features_real, features_fake)
    ### END SOLUTION


# %% tags=["check"]
check.precision_recall(precision_recall)

# %% [markdown]
# ## Task 5 · Coverage
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 8 of the lesson
#
# `classes` says which class each fake was taken for: whole numbers (N,) from 0 to `num_classes` − 1. Return two
# things: how many classes occur at all, and the divergence $\sum_c p_c \log(p_c / q_c)$ of the fakes' shares p
# from even shares q, that is 1 / `num_classes`. A class that never comes adds 0.
#
# Expected: classes 0, 0, 0, 1 of four give 2 and about 0.824.
#
# <details><summary>Hint 1</summary>
#
# `torch.bincount(classes, minlength=num_classes)` counts them.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.special.xlogy(p, p / q)` is p · log(p / q), and 0 where p is 0.
# </details>

# %% tags=["exercise"]
def mode_coverage(classes, num_classes):
    """(found, kl): the number of classes that occur, and the divergence from even shares."""
    ### BEGIN SOLUTION
    counts = torch.bincount(classes, minlength=num_classes)
    p = counts.double() / len(classes)
    kl = torch.special.xlogy(p, p * num_classes).sum()
    return (counts > 0).sum().item(), kl.item()
    ### END SOLUTION


# %% tags=["check"]
check.mode_coverage(mode_coverage)

# %% [markdown]
# ## Task 6 · Is it a copy?
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 9 of the lesson
#
# A fake lies 4.1 from its nearest training image. Near or far? Compare: each training image has a nearest *other*
# training image, too. Return for each fake the share of training images that are nearer to their neighbour
# than this fake is to its own. Distances are Euclidean, pixel by pixel.
#
# Expected: for a copy 0, for an image like no other 1.
#
# <details><summary>Hint 1</summary>
#
# `images.flatten(1)` makes a row of each image, and `torch.cdist` does the rest.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `table.fill_diagonal_(torch.inf)` keeps an image from being its own neighbour. Then `.min(dim=1).values`, for
# both tables.
# </details>

# %% tags=["exercise"]
def share_nearer(fakes, training):
    """fakes (N, C, H, W), training (M, C, H, W) -> a tensor of shares (N,)."""
    ### BEGIN SOLUTION
    images, known = fakes.flatten(1), training.flatten(1)
    among_themselves = torch.cdist(known, known).fill_diagonal_(torch.inf).min(dim=1).values  # (M,)
    of_fakes = torch.cdist(images, known).min(dim=1).values  # (N,)
    return (among_themselves < of_fakes[:, None]).double().mean(dim=1)
    ### END SOLUTION


# %% tags=["check"]
check.share_nearer(share_nearer)

# %% [markdown]
# ## Done
#
# You can measure a generator in four ways, and say how far to trust each number.

# %%
from gan_course.checks import progress

progress.table()
