# %% [markdown]
# # Exercises 10 · Self-attention
#
# **After these you have** written self-attention from the first 1×1 convolution to the whole block of
# SAGAN, and you can tell a wrong one from a right one by a test.
#
# **Time** about 105 minutes in all · **Builds on** [lesson 10](../notebooks/10_self_attention.ipynb)
#
# Work from top to bottom. Run the check below each task as often as you like: it says what is wrong.
# Stuck? Open a hint. Still stuck? Every task is solved in
# [solutions](../solutions/10_self_attention.ipynb).

# %%
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.checks import self_attention as check

# %% [markdown]
# ## Task 1 · How far does it see?
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 3 of the lesson
#
# `layers` is a list of pairs (kernel_size, stride), in the order in which an image passes them. How
# many input pixels, counted along one side, lie between the first and the last that can change *one*
# number of the output, both included?
#
# Expected: `[(3, 1), (3, 1)]` gives `5`, and `[(4, 2), (4, 2)]` gives `10`.
#
# <details><summary>Hint 1</summary>
#
# Without any layer it is 1. A layer with kernel k reaches k − 1 cells further, on the map that comes
# into it.
# </details>
#
# <details><summary>Hint 2</summary>
#
# How many input pixels lie between two neighbouring cells of that map? 1 at first; each layer
# multiplies it by its stride, for the layers *behind* it.
# </details>

# %% tags=["exercise"]
def receptive_field(layers):
    """How many input pixels, along one side, one output can depend on."""
    ### BEGIN SOLUTION
    field, step = 1, 1  # what is seen so far; input pixels from one cell to the next
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step *= stride
    return field
    ### END SOLUTION


# %% tags=["check"]
check.receptive_field(receptive_field)

# %% [markdown]
# ## Task 2 · A 1×1 convolution by hand
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 4 of the lesson
#
# `x` has the shape (N, C, H, W), `weight` the shape (out, C). At each pixel, multiply the matrix with
# the C numbers of that pixel. Torch's own convolutions, and `linear`, are locked in this cell's check.
#
# Expected: shape (N, out, H, W), the numbers of
# `F.conv2d(x, weight[:, :, None, None])`.
#
# <details><summary>Hint 1</summary>
#
# `@` multiplies along the last axis of its left side. Bring the channels there: `x.movedim(1, -1)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `pixels @ weight.T` for pixels of shape (N, H, W, C) gives (N, H, W, out). Then move the last axis
# back to place 1. (Reshaping does not move an axis.)
# </details>

# %% tags=["exercise"]
def one_by_one(x, weight):
    """(N, C, H, W), (out, C) -> (N, out, H, W): the same small matrix at each pixel."""
    ### BEGIN SOLUTION
    pixels = x.movedim(1, -1)  # (N, H, W, C)
    return (pixels @ weight.T).movedim(-1, 1)
    ### END SOLUTION


# %% tags=["check"]
check.one_by_one(one_by_one)

# %% [markdown]
# ## Task 3 · The map: who looks at whom?
#
# **Difficulty** ●●●○○ · **Time** about 15 minutes · **You need** sections 5 and 6 of the lesson
#
# `query` has the shape (N, d, H, W); `key` has the shape (N, d, h, w), perhaps with fewer pixels. The
# score of two pixels is the dot product of their d numbers. Return the weights, of shape
# (N, H·W, h·w): the row of a pixel that asks, with a softmax over the pixels that it looks at. As in
# SAGAN, the scores are not divided by anything.
#
# Expected: all weights are positive, and each row adds up to 1.
#
# <details><summary>Hint 1</summary>
#
# `query.flatten(2)` has the shape (N, d, H·W). Its transpose times the flat key has the shape
# (N, H·W, h·w).
# </details>
#
# <details><summary>Hint 2</summary>
#
# In that table, which axis counts the pixels that are looked at? Softmax runs along it.
# </details>

# %% tags=["exercise"]
def attention_map(query, key):
    """(N, d, H, W), (N, d, h, w) -> (N, H*W, h*w); each row sums to 1."""
    ### BEGIN SOLUTION
    asking = query.flatten(2).transpose(1, 2)  # (N, H*W, d)
    scores = asking @ key.flatten(2)  # (N, H*W, h*w)
    return scores.softmax(dim=-1)
    ### END SOLUTION


# %% tags=["check"]
check.attention_map(attention_map)

# %% [markdown]
# ## Task 4 · Gather, with pooled keys and values
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** task 3 and section 8 of the lesson
#
# `query` and `key` have the shape (N, d, H, W), `value` the shape (N, c, H, W); H and W are even.
# Max-pool key and value, 2×2. Then each pixel's result is the sum of the pooled values, each times its
# weight. You may use your `attention_map`. Torch's fused attention is locked.
#
# Expected: shape (N, c, H, W). With a value of 1 everywhere the result is 1 everywhere.
#
# <details><summary>Hint 1</summary>
#
# Pool first, flatten later: `F.max_pool2d` has to see squares. The query is not pooled.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The map is (N, H·W, M) and the flat value (N, c, M). `value @ map.transpose(1, 2)` adds up over the
# M pixels that are looked at, and gives (N, c, H·W).
# </details>

# %% tags=["exercise"]
def pooled_attention(query, key, value):
    """(N, d, H, W), (N, d, H, W), (N, c, H, W) -> (N, c, H, W)."""
    ### BEGIN SOLUTION
    weights = attention_map(query, F.max_pool2d(key, 2))  # (N, H*W, M), M = H*W/4
    values = F.max_pool2d(value, 2).flatten(2)  # (N, c, M)
    gathered = values @ weights.transpose(1, 2)  # (N, c, H*W)
    return gathered.unflatten(2, query.shape[2:])
    ### END SOLUTION


# %% tags=["check"]
check.pooled_attention(pooled_attention)

# %% [markdown]
# ## Task 5 · The whole block
#
# **Difficulty** ●●●●● · **Time** about 25 minutes · **You need** tasks 2 to 4 and section 8
#
# Write SAGAN's block as its authors did, for a number of channels C that 8 divides:
#
# * `query` and `key`: 1×1 convolutions from C to C // 8 channels, `value`: from C to C // 2;
# * key and value are max-pooled, 2×2;
# * `output`: a 1×1 convolution from C // 2 back to C;
# * `gamma`: one learned number, 0 at first;
# * no biases, and the result is x + gamma · attention.
#
# Use exactly these five names. (The real one also has spectral norm, which is
# lesson 11.)
#
# Expected: `SelfAttention2d(16)` turns (N, 16, H, W) into the same shape, and a fresh one gives back x.
#
# <details><summary>Hint 1</summary>
#
# `self.gamma = nn.Parameter(torch.zeros(()))` is a single number that an optimizer will find.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `forward` is one call of `pooled_attention` with the three convolutions of x, then `output`, then the
# gate.
# </details>

# %% tags=["exercise"]
class SelfAttention2d(nn.Module):
    """(N, C, H, W) -> (N, C, H, W): x + gamma * what attention gathers."""

    def __init__(self, channels):
        super().__init__()
        ### BEGIN SOLUTION
        self.query = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.key = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.value = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.output = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        gathered = pooled_attention(self.query(x), self.key(x), self.value(x))  # (N, C//2, H, W)
        return x + self.gamma * self.output(gathered)
        ### END SOLUTION


# %% tags=["check"]
check.self_attention(SelfAttention2d)

# %% [markdown]
# ## Task 6 · What the gate lets through
#
# **Difficulty** ●●●○○ · **Time** about 10 minutes · **You need** section 9 of the lesson
#
# The block's last line is y = x + gamma · attended. Backward hands you `grad_out`, the gradient of the
# loss for each number of y. Return two: the gradient of gamma (a single number), and the gradient of
# `attended` (of its shape). By hand, without autograd.
#
# Expected: for `gamma = 0`, `attended = [2, 3]` and `grad_out = [1, 10]` (as maps of one channel) they
# are `32` and `[0, 0]`.
#
# <details><summary>Hint 1</summary>
#
# If gamma grows by a tiny h, each number of y grows by h · attended, and the loss by the sum of all
# grad_out · h · attended.
# </details>
#
# <details><summary>Hint 2</summary>
#
# If one number of `attended` grows by h, one number of y grows by gamma · h.
# </details>

# %% tags=["exercise"]
def gate_gradients(gamma, attended, grad_out):
    """(), (N, C, H, W), (N, C, H, W) -> gradient of gamma (), of attended (N, C, H, W)."""
    ### BEGIN SOLUTION
    return (grad_out * attended).sum(), gamma * grad_out
    ### END SOLUTION


# %% tags=["check"]
check.gate_gradients(gate_gradients)

# %% [markdown]
# ## Task 7 · The bill, before you pay it
#
# **Difficulty** ●●○○○ · **Time** about 10 minutes · **You need** section 10 of the lesson
#
# How many bytes does the attention map of a batch take? Maps of `height` × `width`; with `pool` the
# pixels that are looked at come from a 2×2 max-pool, which leaves out an odd last row or column.
#
# Expected: `map_bytes(16, 64, 64, True, 4)` is `268435456`: a quarter of a gigabyte, for one layer.
#
# <details><summary>Hint 1</summary>
#
# One row for each pixel that asks; in it one number for each pixel that it looks at.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A 2×2 pool of 5×4 pixels gives 2×2: round each side down on its own.
# </details>

# %% tags=["exercise"]
def map_bytes(batch, height, width, pool, bytes_per_number):
    """Bytes of the attention maps of a batch."""
    ### BEGIN SOLUTION
    asking = height * width
    attended = (height // 2) * (width // 2) if pool else asking
    return batch * asking * attended * bytes_per_number
    ### END SOLUTION


# %% tags=["check"]
check.map_bytes(map_bytes)

# %% [markdown]
# ## Task 8 · The line-up
#
# **Difficulty** ●●●●○ · **Time** about 15 minutes · **You need** sections 6 and 8 of the lesson
#
# Seven ways to write attention, each of a kind that stands in public code. `q` and `k` are
# (N, d, H, W), `v` and `x` are (N, c, H, W), `gamma` is the gate. Whether somebody pools is their
# choice; a defect is something else. What is wrong with each?
#
# 1. nothing
# 2. the weights that make one output do not add up to 1: softmax and sum run over different axes
# 3. the scores are divided by √d
# 4. pooled after flattening: the four pixels are no square
# 5. the input x is missing
#
# Read, or better: try them out. The first test costs one line, `v` of ones.

# %%
def excerpt_a(q, k, v, x, gamma):
    energy = torch.bmm(q.flatten(2).transpose(1, 2), k.flatten(2))
    attention = F.softmax(energy, dim=-1)
    out = torch.bmm(v.flatten(2), attention.transpose(1, 2))
    return x + gamma * out.view_as(x)


def excerpt_b(q, k, v, x, gamma):
    energy = torch.bmm(q.flatten(2).transpose(1, 2), k.flatten(2))
    attention = F.softmax(energy, dim=-1)
    out = torch.bmm(v.flatten(2), attention)
    return x + gamma * out.view_as(x)


def excerpt_c(q, k, v, x, gamma):
    energy = torch.bmm(k.flatten(2).transpose(1, 2), q.flatten(2))
    attention = F.softmax(energy, dim=-2)
    out = torch.bmm(v.flatten(2), attention)
    return x + gamma * out.view_as(x)


def excerpt_d(q, k, v, x, gamma):
    rows = [t.flatten(2).transpose(1, 2) for t in (q, k, v)]
    out = F.scaled_dot_product_attention(*rows)
    return x + gamma * out.transpose(1, 2).view_as(x)


# %%
def excerpt_e(q, k, v, x, gamma):
    k, v = (F.max_pool1d(t.flatten(2), 4) for t in (k, v))
    attention = F.softmax(q.flatten(2).transpose(1, 2) @ k, dim=2)
    return x + gamma * (v @ attention.transpose(1, 2)).view_as(x)


def excerpt_f(q, k, v, x, gamma):
    attention = F.softmax(torch.einsum("ndhw,ndm->nmhw", q, k.flatten(2)), dim=1)
    out = torch.einsum("ncm,nmhw->nchw", v.flatten(2), attention)
    return gamma * out


def excerpt_g(q, k, v, x, gamma):
    k, v = F.max_pool2d(k, 2), F.max_pool2d(v, 2)
    attention = F.softmax(torch.einsum("ndhw,ndm->nmhw", q, k.flatten(2)), dim=1)
    out = torch.einsum("ncm,nmhw->nchw", v.flatten(2), attention)
    return x + gamma * out


# %% [markdown]
# Expected: seven numbers from 1 to 5, for A to G.
#
# <details><summary>Hint 1</summary>
#
# With `v` of ones, `x` of zeros and `gamma` 1 the result must be 1 everywhere. With `gamma` 0 it must
# be x.
# </details>
#
# <details><summary>Hint 2</summary>
#
# That finds 2 and 5. For 3, compare with a right one. For 4, ask which pixels stand side by side in a
# flattened map.
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: my_verdicts = [..., ..., ..., ..., ..., ..., ...]
my_verdicts = [1, 2, 1, 3, 4, 5, 1]
### END SOLUTION

# %% tags=["check"]
check.find_defects(my_verdicts)

# %% [markdown]
# ## Done
#
# You have written the block that made SAGAN, and know four ways in which it can be wrong without a
# word. [Lesson 11](../notebooks/11_spectral_norm_hinge.ipynb) gives its convolutions their spectral norm.

# %%
from gan_course.checks import progress

progress.table()
