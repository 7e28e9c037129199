# %% [markdown]
# # Exercises 06 · The GAN game
#
# **After these you can** compute the value of the game and the best discriminator, say what each loss
# tells G, write binary cross-entropy that does not break, and write a whole training step.
#
# **Time** about 90 minutes in all · **Builds on** [lesson 06](../notebooks/06_gan_game.ipynb)
#
# Fill in a cell, run it with Shift + Enter, then run the check below it. A check tells you what is
# wrong, as often as you like. Stuck? Open a hint. Every task is solved in
# [solutions](../solutions/06_gan_game.ipynb).

# %%
import torch
import torch.nn.functional as F

from gan_course.checks import gan_game as check

# %% [markdown]
# ## Task 1 · The value of a game
#
# **Difficulty** ●○○○○ · **Time** about 8 minutes · **You need** section 4 of the lesson
#
# A world with only a few places. Real points come to place i with probability `p_data[i]`, fakes with
# probability `p_g[i]`, and D says `d[i]` there, a probability between 0 and 1. All three are tensors of
# the same length. Return
#
# $$V = \sum_i p_{data}(i) \log D(i) + \sum_i p_g(i) \log\bigl(1 - D(i)\bigr)$$
#
# Expected: one number. With `p_data = [0.5, 0.5]`, `p_g = [0.5, 0.5]` and `d = [0.5, 0.5]` it is
# −log 4, about −1.386.
#
# <details><summary>Hint 1</summary>
#
# `p_data * d.log()` does the first term for all places at once.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `.sum()` adds up a tensor. Two sums, then one plus.
# </details>


# %% tags=["exercise"]
def value_of_game(p_data, p_g, d):
    """V(D, G) in nats; all three arguments have the shape (K,)."""
    ### BEGIN SOLUTION
    return (p_data * d.log()).sum() + (p_g * (1 - d).log()).sum()
    ### END SOLUTION


# %% tags=["check"]
check.value_of_game(value_of_game)

# %% [markdown]
# ## Task 2 · The best discriminator
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 5 of the lesson
#
# `p_data` and `p_g` are densities at several places, of shape (K,). Return what the best possible D
# says there. Where neither real points nor fakes ever come, no answer is better than another: say 0.5.
#
# Expected: `best_d` of `[3., 0., 0.]` and `[1., 2., 0.]` is `[0.75, 0., 0.5]`.
#
# <details><summary>Hint 1</summary>
#
# Out of all the points that come to this place, which share is real?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.where(condition, a, b)` takes from `a` where the condition holds, else from `b`.
# </details>


# %% tags=["exercise"]
def best_d(p_data, p_g):
    """D*(x) as a probability: (K,), (K,) -> (K,)."""
    ### BEGIN SOLUTION
    total = p_data + p_g
    return torch.where(total > 0, p_data / total, 0.5)
    ### END SOLUTION


# %% tags=["check"]
check.best_d(best_d)

# %% [markdown]
# ## Task 3 · What each loss tells G
#
# **Difficulty** ●●○○○ · **Time** about 12 minutes · **You need** section 7 of the lesson
#
# `logits` are what D says about some fakes, shape (N,). Each fake has a loss of its own (no mean). For
# each, return the slope of that loss with respect to its logit, by hand:
#
# 1. for the minimax loss, $\log(1 - \sigma(l))$;
# 2. for the non-saturating loss, $-\log \sigma(l)$;
#
# where $l$ is the logit and $\sigma$ the sigmoid. The check asks autograd.
#
# Expected: a pair of tensors of shape (N,), minimax first. At a logit of 0 both slopes are −0.5.
#
# <details><summary>Hint 1</summary>
#
# The slope of $\log y$ is $1/y$, and the slope of $\sigma(l)$ is $\sigma(l)\,(1 - \sigma(l))$. Multiply
# them, and see what cancels.
# </details>
#
# <details><summary>Hint 2</summary>
#
# G wants its logits to rise. So both losses fall when $l$ grows, and both slopes are negative.
# </details>


# %% tags=["exercise"]
def logit_gradients(logits):
    """(slopes of the minimax loss, slopes of the non-saturating loss), each (N,)."""
    ### BEGIN SOLUTION
    d = logits.sigmoid()
    return -d, -(1 - d)
    ### END SOLUTION


# %% tags=["check"]
check.logit_gradients(logit_gradients)

# %% [markdown]
# ## Task 4 · Cross-entropy that does not break
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** section 8 of the lesson
#
# Write binary cross-entropy on logits: the mean over the batch of
#
# $$-t \log \sigma(l) - (1 - t) \log\bigl(1 - \sigma(l)\bigr)$$
#
# for logits $l$ and targets $t$ between 0 and 1, both of shape (N,). It must be right for logits of
# ±200 too, and so must its gradient. Torch's own (`binary_cross_entropy_with_logits`, `softplus`,
# `logsigmoid`) are locked in this cell's check.
#
# Expected: `safe_bce(torch.tensor([-200.0]), torch.tensor([1.0]))` is 200.
#
# <details><summary>Hint 1</summary>
#
# $-\log \sigma(l) = \log(1 + e^{-l})$ and $-\log(1 - \sigma(l)) = \log(1 + e^{l})$. Now make
# $\log(1 + e^{a})$ safe.
# </details>
#
# <details><summary>Hint 2</summary>
#
# $\log(1 + e^{a}) = \max(a, 0) + \log(1 + e^{-|a|})$. The exponent is never positive, so nothing
# overflows. `torch.clamp(a, min=0)` and `torch.log1p` help.
# </details>
#
# <details><summary>Hint 3</summary>
#
# Both logarithms share the same $\log(1 + e^{-|l|})$. What is left of the rest is
# $\max(l, 0) - t\,l$.
# </details>


# %% tags=["exercise"]
def safe_bce(logits, targets):
    """Mean binary cross-entropy: (N,), (N,) -> one number, with a gradient for the logits."""
    ### BEGIN SOLUTION
    rest = torch.log1p(torch.exp(-logits.abs()))
    return (logits.clamp(min=0) - targets * logits + rest).mean()
    ### END SOLUTION


# %% tags=["check"]
check.safe_bce(safe_bce)

# %% [markdown]
# ## Task 5 · Mend the step
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 9 of the lesson
#
# Some notes on the web advise `detach()` for G's loss, "so that gradients do not vanish". The step below
# follows that advice. It runs without any error, and G never learns. Put the `detach()` where it
# belongs.
#
# The check looks at G's gradients twice: when D steps (its half must not have touched them) and when G
# steps (its half must have reached them).
#
# Expected: the function returns nothing; it changes the weights of both networks.
#
# <details><summary>Hint 1</summary>
#
# In which half must nothing flow back into G?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Exactly two lines change: the two that ask D about `fake`.
# </details>


# %% tags=["exercise"]
def mended_step(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """One training step: real and z have the shape (N, 2)."""
    ### BEGIN SOLUTION
    # STUB: raise NotImplementedError("Your turn: mend the step below, then take this line away.")
    # STUB: fake = generator(z)
    # STUB: logits_real = discriminator(real)
    # STUB: logits_fake = discriminator(fake)
    # STUB: loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    # STUB: optimizer_d.zero_grad()
    # STUB: loss_d.backward()
    # STUB: optimizer_d.step()
    # STUB: logits_fake = discriminator(fake.detach())
    # STUB: loss_g = F.softplus(-logits_fake).mean()
    # STUB: optimizer_g.zero_grad()
    # STUB: loss_g.backward()
    # STUB: optimizer_g.step()
    fake = generator(z)
    logits_real = discriminator(real)
    logits_fake = discriminator(fake.detach())
    loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    logits_fake = discriminator(fake)
    loss_g = F.softplus(-logits_fake).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    ### END SOLUTION


# %% tags=["check"]
check.place_the_detach(mended_step)

# %% [markdown]
# ## Task 6 · A whole step, from an empty cell
#
# **Difficulty** ●●●●○ · **Time** about 20 minutes · **You need** section 10 of the lesson
#
# As the game was first published, each half draws its own noise: D's half uses the fakes of `z_d`, then
# G's half those of `z_g`. D goes first, with the mean of −log D(x) plus the mean of −log(1 − D(G(z))).
# Then G, with the non-saturating loss, asks the D that has just learned. Old gradients may be left over
# from before.
#
# Expected: the weights of both networks agree with a reference step to six decimals.
#
# <details><summary>Hint 1</summary>
#
# The same five moves in each half: make fakes, ask D, loss, `zero_grad` and `backward`, `step`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# On logits, −log D is `F.softplus(-logits)` and −log(1 − D) is `F.softplus(logits)`.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `fake = generator(z_d).detach()` in D's half. In G's half draw again, from `z_g`, without detach.
# </details>


# %% tags=["exercise"]
def whole_step(generator, discriminator, optimizer_g, optimizer_d, real, z_d, z_g):
    """One training step with fresh noise for each half: real, z_d and z_g are (N, 2)."""
    ### BEGIN SOLUTION
    fake = generator(z_d).detach()
    logits_real, logits_fake = discriminator(real), discriminator(fake)
    loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    logits_fake = discriminator(generator(z_g))
    loss_g = F.softplus(-logits_fake).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    ### END SOLUTION


# %% tags=["check"]
check.whole_step(whole_step)

# %% [markdown]
# ## Task 7 · How far must it be carried?
#
# **Difficulty** ●●○○○ · **Time** about 8 minutes · **You need** section 11 of the lesson
#
# Two heaps of points on a line, `a` and `b`, equally many in each, shape (N,). Every point of `a` is
# carried to a place of `b`, one to each. Return the Wasserstein distance: the mean length of the ways,
# for the cheapest pairing.
#
# Expected: for `[0., 2.]` and `[3., 1.]` it is 1 (0 goes to 1, and 2 to 3).
#
# <details><summary>Hint 1</summary>
#
# Two ways that cross are never shorter than the same two uncrossed. So who goes with the smallest
# of `a`?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `a.sort().values` is `a` from small to large.
# </details>


# %% tags=["exercise"]
def wasserstein_1d(a, b):
    """W1 of two samples of the same size: (N,), (N,) -> one number."""
    ### BEGIN SOLUTION
    return (a.sort().values - b.sort().values).abs().mean()
    ### END SOLUTION


# %% tags=["check"]
check.wasserstein_1d(wasserstein_1d)

# %% [markdown]
# ## Task 8 · Spot the errors
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** the whole lesson
#
# Eight sentences, of a kind that you meet in notes on the web. Which are right? The check does not
# believe anybody either: it computes each of them.
#
# 1. If $p_g = p_{data}$, the best D says 0.5 everywhere, and $V = -\log 4$.
# 2. `detach()` on the fakes in G's half keeps G's gradient from vanishing.
# 3. At every logit the minimax and the non-saturating loss push it the same way; only the strength
#    differs.
# 4. When D(G(z)) has come to 0.5, the fakes look like the real ones.
# 5. In the ideal end of training the losses of both players are 0.
# 6. Once two heaps do not touch, the Jensen–Shannon divergence does not tell how far apart they are.
# 7. With the non-saturating loss, what G pays and what D pays on the fakes add up to 0.
# 8. `log(sigmoid(logit) + 1e-8)` is finite at a logit of −120, and so G gets a useful gradient there.
#
# Expected: a list of eight times `True` or `False`.
#
# <details><summary>Hint 1</summary>
#
# For 2 and 8, try it: three lines, then look at `.grad`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For 4, think of a D whose weights are all zero. For 5, put logits of 0 into the losses.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_verdicts = [..., ..., ..., ..., ..., ..., ..., ...]
my_verdicts = [True, False, True, False, False, True, False, False]
### END SOLUTION

# %% tags=["check"]
check.spot_the_errors(my_verdicts)

# %% [markdown]
# ## Done
#
# You know the game from its rule to its last line of code. What can go wrong in it, and how to repair
# that, is [lesson 09](../notebooks/09_failure_modes.ipynb).

# %%
from gan_course.checks import progress

progress.table()
