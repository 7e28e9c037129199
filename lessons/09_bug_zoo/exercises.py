# %% [markdown]
# # Exercises 09 · The bug zoo
#
# **After these you can** tell fourteen real bugs by their symptoms, and mend each in one line.
#
# **Time** about 90 minutes in all · **Builds on** lessons [03](../notebooks/03_activations.ipynb) to
# [08](../notebooks/08_train_dcgan.ipynb), and goes with [lesson 09](../notebooks/09_failure_modes.ipynb);
# the last two tasks are for after lessons 10 and 11
#
# Every animal in this zoo was caught in the wild: in public courses and projects, written by people
# who know their trade. Most of them raise no error. They train a little worse, print a wrong curve, or
# guard nothing, and stay for years.
#
# Each task has four parts. *The symptom*: run a cell and look. *The diagnosis*: choose 1, 2, 3 or 4. *The
# mend*: change one line; the cell begins with the bug in it. *The check* looks only at what your line
# does, and then says where the bug has been seen. Nobody is to blame; a test would have caught it.
#
# Stuck? Open a hint. Every task is solved in [solutions](../solutions/09_bug_zoo.ipynb).

# %%
import torch
import torch.nn.functional as F
from torch import nn

from gan_course.checks import bug_zoo as check

torch.manual_seed(0)

# %% [markdown]
# ## Task 1 · The loss that breaks at 17
#
# **Difficulty** ●●○○○ · **Time** about 7 minutes · **You need** the losses of lesson 08
#
# D's loss for fakes is the mean of −log(1 − D(G(z))). A run shows NaN after a while, and it is said that
# "GANs are like that". Take single logits and look.

# %%
def published_loss(logits_fake):
    return -torch.log(1 - torch.sigmoid(logits_fake)).mean()


for value in (2.0, 10.0, 16.0, 17.0, 200.0):
    logit = torch.tensor([value], requires_grad=True)
    loss = published_loss(logit)
    loss.backward()
    print(f"logit {value:5.0f}   loss {loss.item():7.3f}   gradient {logit.grad.item():6.3f}")

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the learning rate is too large |
# | 2 | in float32 the sigmoid of a large logit is exactly 1, so this is the logarithm of 0 |
# | 3 | −log(1 − D) is infinite for such a logit; the formula itself is wrong |
# | 4 | `mean()` overflows |
#
# Mend the `return`: the same loss, finite and with the right gradient for any logit.
#
# <details><summary>Hint 1</summary>
#
# 1 − sigmoid(x) is the same as sigmoid(−x), and its logarithm need not be computed in two steps.
# </details>
#
# <details><summary>Hint 2</summary>
#
# −log(1 − sigmoid(x)) = log(1 + exp(x)). Torch has that as one safe function, `F.softplus`.
# </details>

# %% tags=["exercise"]
def loss_on_fakes(logits_fake):
    """Logits (N,) of fakes -> the mean of -log(1 - D(G(z))), a tensor without an axis."""
    ### BEGIN SOLUTION
    # STUB: return -torch.log(1 - torch.sigmoid(logits_fake)).mean()
    return F.softplus(logits_fake).mean()
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 2
### END SOLUTION

# %% tags=["check"]
check.log_of_sigmoid(my_diagnosis, loss_on_fakes)

# %% [markdown]
# ## Task 2 · A label without a point
#
# **Difficulty** ●○○○○ · **Time** about 4 minutes · **You need** the losses of lesson 08
#
# A notebook that ran for years stops in its first step. (The error is caught here, so that you can go
# on.)

# %%
logits_real = torch.randn(4)  # (4,)
labels = torch.full((4,), 1)  # (4,), all real
try:
    print(F.binary_cross_entropy_with_logits(logits_real, labels))
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | logits and labels have different shapes |
# | 2 | the logits should have gone through a sigmoid |
# | 3 | the labels are whole numbers (int64) |
# | 4 | the logits have the wrong type |
#
# Mend the line that makes the labels.
#
# <details><summary>Hint 1</summary>
#
# Print `labels.dtype`. Which type does a loss on probabilities need?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `torch.full` takes the type of the number that it fills in. 1 and 1.0 are two different fillings.
# </details>

# %% tags=["exercise"]
def loss_on_real(logits_real):
    """Logits (N,) of real images -> binary cross-entropy with the label 1."""
    ### BEGIN SOLUTION
    # STUB: labels = torch.full((len(logits_real),), 1)
    labels = torch.full((len(logits_real),), 1.0)
    ### END SOLUTION
    return F.binary_cross_entropy_with_logits(logits_real, labels)


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 3
### END SOLUTION

# %% tags=["check"]
check.integer_labels(my_diagnosis, loss_on_real)

# %% [markdown]
# ## Task 3 · A curve nine times too low
#
# **Difficulty** ●○○○○ · **Time** about 5 minutes · **You need** lesson 08
#
# An epoch has 7 iterations with batches of 64. D knows nothing at all: every logit is 0, so its loss is
# −log ½ − log ½ in each iteration. The notebook prints the epoch's mean.

# %%
batch_size = 64
epoch_loss = 0.0
for step in range(7):
    logits = torch.zeros(batch_size)  # (64,): D can't tell
    loss = F.softplus(-logits).mean() + F.softplus(logits).mean()
    epoch_loss += loss.item()

print(f"one iteration:       {loss.item():.3f}")
print(f"mean over the epoch: {epoch_loss / batch_size:.3f}")

# %% [markdown]
# The mean of seven equal numbers is another number. What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | D has learned in between |
# | 2 | 0.152 is right: that is the loss of a D that can't tell |
# | 3 | rounding errors of float32 |
# | 4 | a sum over iterations is divided by the number of images in a batch |
#
# Mend the `return`.
#
# <details><summary>Hint 1</summary>
#
# What was added up, and how many of them?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each entry is a mean over its batch already. Only the iterations are left to average over:
# `len(step_losses)`.
# </details>

# %% tags=["exercise"]
def epoch_mean(step_losses, batch_size):
    """The losses of an epoch's iterations, each a mean over its batch -> their mean."""
    ### BEGIN SOLUTION
    # STUB: return sum(step_losses) / batch_size
    return sum(step_losses) / len(step_losses)
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 4
### END SOLUTION

# %% tags=["check"]
check.loss_average(my_diagnosis, epoch_mean)

# %% [markdown]
# ## Task 4 · An explanation turned round
#
# **Difficulty** ●●●○○ · **Time** about 8 minutes · **You need** the two losses of G
#
# Text can have bugs too. In the original game G tries to make −log(1 − D(G(z))) *large*. A textbook says
# why people use another loss:
#
# > If the generator does a perfect job, then D(x′) ≈ 1 so the above loss near 0, which results the
# > gradients are too small to make a good progress for the discriminator.
#
# Text can be run, too. Here is that loss and its slope along the logit, for several values of D(G(z));
# beside it the slope of the other loss, −log D(G(z)).

# %%
for p in (0.001, 0.1, 0.5, 0.9, 0.999):
    logit = torch.logit(torch.tensor(p)).requires_grad_()
    loss = -torch.log(1 - torch.sigmoid(logit))
    (slope,) = torch.autograd.grad(loss, logit)
    (other,) = torch.autograd.grad(F.softplus(-logit), logit)
    print(f"D(G(z)) {p:.3f}   loss {loss:.3f}   slope {slope:.3f}   slope of -log D {other:+.3f}")

# %% [markdown]
# What is wrong with the sentence?
#
# | | diagnosis |
# |---|---|
# | 1 | its place: loss and slope vanish where D(G(z)) is near 0, not near 1 |
# | 2 | its conclusion: changing the loss does not change the slope |
# | 3 | nothing: at D(G(z)) near 1 the loss is near 0 |
# | 4 | the sign of the loss |
#
# The sentence claims: *loss and slope are near 0 when this player is perfect, because then D(G(z)) is
# near this number*. Mend the claim.
#
# <details><summary>Hint 1</summary>
#
# Find the row of the table in which both loss and slope are near 0.
# </details>
#
# <details><summary>Hint 2</summary>
#
# D(G(z)) is what D says to fakes. When does it say 0 to every fake: when G is perfect, or when D is?
# </details>

# %% tags=["exercise"]
### BEGIN SOLUTION
# STUB: claim = {"who is perfect": "generator", "D(G(z)) is near": 1}
claim = {"who is perfect": "discriminator", "D(G(z)) is near": 0}
### END SOLUTION

### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 1
### END SOLUTION

# %% tags=["check"]
check.backwards_explanation(my_diagnosis, claim)

# %% [markdown]
# ## Task 5 · Two ranges
#
# **Difficulty** ●●○○○ · **Time** about 7 minutes · **You need** the tanh at the end of G
#
# Pixels from 0 to 1 are prepared with the mean and the standard deviation of MNIST, as is usual for a
# *classifier*. Here stand real digits beside fakes of the *trained* generator that comes with the course,
# and a D without a single weight: it says "real" if any pixel is above 1.

# %%
from gan_course.data import load_images
from gan_course.pretrained import load_pretrained

digits = load_images("digits").take(torch.arange(64)) / 2 + 0.5  # (64, 1, 32, 32) in [0, 1]
prepared = (digits - 0.1307) / 0.3081
fakes = load_pretrained("digits").generate(64)  # (64, 1, 32, 32)

for name, images in (("real", prepared), ("fake", fakes)):
    says_real = (images.flatten(1).max(1).values > 1).float().mean()
    print(f"{name}: {images.min():5.2f} to {images.max():5.2f}, called real: {says_real:.0%}")

# %% [markdown]
# This D is right every time. What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the real images leave the range −1 to 1, and G's tanh cannot |
# | 2 | D was trained for too long |
# | 3 | nothing: G has to be trained for longer, and will catch up |
# | 4 | there are too few images |
#
# Mend the `return`.
#
# <details><summary>Hint 1</summary>
#
# Tanh reaches from −1 to 1. To what should black (0) and white (1) be sent?
# </details>
#
# <details><summary>Hint 2</summary>
#
# The range 0 to 1 has the width 1 and the range −1 to 1 the width 2: stretch, then move.
# </details>

# %% tags=["exercise"]
def prepare(images):
    """Pixels in [0, 1] -> what D is to see as real, (N, 1, H, W)."""
    ### BEGIN SOLUTION
    # STUB: return (images - 0.1307) / 0.3081
    return 2 * images - 1
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 1
### END SOLUTION

# %% tags=["check"]
check.data_range(my_diagnosis, prepare)

# %% [markdown]
# ## Task 6 · Tested and never called
#
# **Difficulty** ●●○○○ · **Time** about 6 minutes · **You need** DCGAN's start: weights from N(0, 0.02)
#
# A course has a function for DCGAN's start, and a test for it. The test passes. The generator that is
# trained begins like this:

# %%
def initialize_weights(model):
    for layer in model.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
    return model


def published_generator(channels):
    generator = nn.Sequential(
        nn.ConvTranspose2d(16, channels, kernel_size=4),  # (N, c, 4, 4)
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.ConvTranspose2d(channels, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 8, 8)
        nn.Tanh(),
    )
    return generator


tested = initialize_weights(nn.ConvTranspose2d(16, 64, kernel_size=4))
print(f"in the test: std {tested.weight.std().item():.3f}")
for layer in published_generator(8):
    if isinstance(layer, nn.ConvTranspose2d):
        print(f"in the generator: std {layer.weight.std().item():.3f}")

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the function does not do what it should |
# | 2 | 0.02 is the wrong number |
# | 3 | the function is right, but the generator is built without it |
# | 4 | training has changed the weights |
#
# Mend the `return` of the cell below.
#
# <details><summary>Hint 1</summary>
#
# Look for the place where the generator meets `initialize_weights`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `initialize_weights` changes a network and hands it back: call it on what you return.
# </details>

# %% tags=["exercise"]
def build_generator(channels):
    """A small generator with DCGAN's start."""
    generator = nn.Sequential(
        nn.ConvTranspose2d(16, 2 * channels, kernel_size=4),  # (N, 2c, 4, 4)
        nn.BatchNorm2d(2 * channels),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * channels, channels, kernel_size=4, stride=2, padding=1),
        nn.BatchNorm2d(channels),  # (N, c, 8, 8)
        nn.ReLU(),
        nn.ConvTranspose2d(channels, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 16, 16)
        nn.Tanh(),
    )
    ### BEGIN SOLUTION
    # STUB: return generator
    return initialize_weights(generator)
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 3
### END SOLUTION

# %% tags=["check"]
check.init_never_called(my_diagnosis, build_generator)

# %% [markdown]
# ## Task 7 · All weights, really all
#
# **Difficulty** ●●○○○ · **Time** about 7 minutes · **You need** task 6, gamma of BatchNorm
#
# "All weights were initialized from a zero-centered Normal distribution with standard deviation 0.02",
# says the DCGAN paper. Take it at its word, and look at how much the first images vary.

# %%
def images_std(gamma_mean):
    model = nn.Sequential(
        nn.ConvTranspose2d(16, 64, kernel_size=4),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
    )
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.0, 0.02)  # every parameter
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, gamma_mean, 0.02)  # gamma again
    return model(torch.randn(64, 16, 1, 1)).std().item()


print(f"gamma from N(0, 0.02): the pixels have a std of {images_std(0.0):.4f}")
print(f"gamma from N(1, 0.02): the pixels have a std of {images_std(1.0):.4f}")

# %% [markdown]
# What makes the images of the first row flat?
#
# | | diagnosis |
# |---|---|
# | 1 | the convolutions' weights are too small |
# | 2 | BatchNorm multiplies each map by gamma, and gamma is about 0.02 |
# | 3 | the tanh at the end |
# | 4 | too few channels |
#
# Mend the line that draws gamma.
#
# <details><summary>Hint 1</summary>
#
# BatchNorm brings every map to a std of 1, and then multiplies. By what should it multiply at the
# start?
# </details>
#
# <details><summary>Hint 2</summary>
#
# The first number of `nn.init.normal_` behind the tensor is the mean.
# </details>

# %% tags=["exercise"]
def start(model):
    """DCGAN's start, for all layers of a model; returns the model."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.bias)
            ### BEGIN SOLUTION
            # STUB: nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.normal_(layer.weight, 1.0, 0.02)
            ### END SOLUTION
    return model


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 2
### END SOLUTION

# %% tags=["check"]
check.gamma_around_zero(my_diagnosis, start)

# %% [markdown]
# ## Task 8 · The second argument
#
# **Difficulty** ●●●○○ · **Time** about 7 minutes · **You need** BatchNorm, lesson 04
#
# A well-known line of GAN code is `nn.BatchNorm1d(features, 0.8)`. Send weak signals of std 0.5 through
# it. A BatchNorm in train mode should bring them to 1.

# %%
norm = nn.BatchNorm1d(8, 0.8)
x = 3 + 0.5 * torch.randn(512, 8)  # (512, 8)
y = norm(x)

print(f"std before: {x.std(0).mean().item():.2f}")
print(f"std after:  {y.std(0).mean().item():.2f}")
print(f"gamma {norm.weight.mean().item():.0f}, beta {norm.bias.mean().item():.0f}")

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | gamma starts too small |
# | 2 | chance: there are too few numbers |
# | 3 | 0.8 is eps, which is added to the variance before the division |
# | 4 | 0.8 is momentum, and the running statistics are not ready yet |
#
# Mend the `return`: full normalisation with the default eps, and running statistics that **keep 0.8** of
# what they had and take 0.2 of each new batch.
#
# <details><summary>Hint 1</summary>
#
# Print `norm`: it names its arguments. Give yours a name too.
# </details>
#
# <details><summary>Hint 2</summary>
#
# In torch: running = (1 − momentum) · running + momentum · new. Other libraries have it the other way
# round.
# </details>

# %% tags=["exercise"]
def norm_layer(features):
    """A BatchNorm for (N, features)."""
    ### BEGIN SOLUTION
    # STUB: return nn.BatchNorm1d(features, 0.8)
    return nn.BatchNorm1d(features, momentum=0.2)
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 3
### END SOLUTION

# %% tags=["check"]
check.eps_or_momentum(my_diagnosis, norm_layer)

# %% [markdown]
# ## Task 9 · Batch mates
#
# **Difficulty** ●●○○○ · **Time** about 6 minutes · **You need** train and eval, lesson 04
#
# The same z, drawn once with three others and once with three different ones. Its image should be the
# same image.

# %%
generator = nn.Sequential(
    nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 6), nn.Tanh()
)
z = torch.randn(7, 4)  # (7, 4): the first one, and six mates

with torch.no_grad():
    one = generator(z[[0, 1, 2, 3]])[0]  # (6,)
    other = generator(z[[0, 4, 5, 6]])[0]  # (6,)
print("with mates 1 to 3:", [round(v, 2) for v in one.tolist()])
print("with mates 4 to 6:", [round(v, 2) for v in other.tolist()])
print("batches that BatchNorm has counted:", generator[1].num_batches_tracked.item())

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the two calls do not get the same first z |
# | 2 | `torch.no_grad` |
# | 3 | the generator draws random numbers of its own |
# | 4 | the generator is in train mode, so BatchNorm uses the batch, and remembers it |
#
# Mend the line that sets the mode.
#
# <details><summary>Hint 1</summary>
#
# `no_grad` only stops the record for backward. Another switch tells BatchNorm which statistics to use.
# </details>
#
# <details><summary>Hint 2</summary>
#
# In which of its two modes does a BatchNorm use its running statistics, and leave them as they are?
# </details>

# %% tags=["exercise"]
def sample(generator, z):
    """z (N, latent_dim) -> images, each of which depends on its own z alone."""
    ### BEGIN SOLUTION
    # STUB: generator.train()
    generator.eval()
    ### END SOLUTION
    with torch.no_grad():
        return generator(z)


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 4
### END SOLUTION

# %% tags=["check"]
check.batch_mates(my_diagnosis, sample)

# %% [markdown]
# ## Task 10 · The README that nobody ran
#
# **Difficulty** ●○○○○ · **Time** about 5 minutes · **You need** shapes, lesson 05
#
# A README shows how to make 16 images. The model has changed since; the README has not. (This course's
# own `DCGANGenerator` takes both shapes; the one below does not.)

# %%
generator = nn.Sequential(
    nn.Linear(100, 8 * 4 * 4),  # (N, 128)
    nn.Unflatten(1, (8, 4, 4)),
    nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 8, 8)
    nn.Tanh(),
)
z = torch.randn(16, 100, 1, 1)
try:
    print(generator(z).shape)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | there are not enough numbers in z |
# | 2 | the first layer looks at the last axis of z, and that has the length 1 |
# | 3 | the image has the wrong number of channels |
# | 4 | the generator should be in eval mode |
#
# Mend the line that draws z, for any latent size.
#
# <details><summary>Hint 1</summary>
#
# `nn.Linear(100, …)` wants rows of 100 numbers. How does a batch of 16 rows look?
# </details>
#
# <details><summary>Hint 2</summary>
#
# The two axes of length 1 belong to generators that begin with a transposed convolution. Leave them
# out.
# </details>

# %% tags=["exercise"]
def make_sixteen(generator, latent_dim):
    """The README's snippet: 16 images of a generator that begins with nn.Linear(latent_dim, …)."""
    ### BEGIN SOLUTION
    # STUB: z = torch.randn(16, latent_dim, 1, 1)
    z = torch.randn(16, latent_dim)
    ### END SOLUTION
    return generator(z)


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 2
### END SOLUTION

# %% tags=["check"]
check.readme_snippet(my_diagnosis, make_sixteen)

# %% [markdown]
# ## Task 11 · Named, not called
#
# **Difficulty** ●○○○○ · **Time** about 4 minutes · **You need** a little Python
#
# Some operations on a GPU add up in a changing order, so two runs with one seed can differ. Torch has a
# switch that refuses them. A notebook throws it at its start, or so it seems.

# %%
def set_deterministic():
    torch.use_deterministic_algorithms(True)


def published_start(seed):
    torch.manual_seed(seed)
    set_deterministic


published_start(1)
print("after the notebook's start:", torch.are_deterministic_algorithms_enabled())

set_deterministic()  # by hand
print("thrown by hand:            ", torch.are_deterministic_algorithms_enabled())
torch.use_deterministic_algorithms(False)  # and off again, for the other tasks

# %% [markdown]
# What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the seed is not set |
# | 2 | `set_deterministic` itself does not work |
# | 3 | the function is named, but not called |
# | 4 | on a CPU the switch has no effect |
#
# Mend the last line.
#
# <details><summary>Hint 1</summary>
#
# Compare the last line of `published_start` with the line marked "by hand", character by character.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The name of a function is a value like any other; Python evaluates it and drops it. Parentheses call
# it.
# </details>

# %% tags=["exercise"]
def prepare_run(seed):
    """Make a run repeatable: set the seed, and refuse operations of changing order."""
    torch.manual_seed(seed)
    ### BEGIN SOLUTION
    # STUB: set_deterministic
    set_deterministic()
    ### END SOLUTION


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 3
### END SOLUTION

# %% tags=["check"]
check.determinism_named(my_diagnosis, prepare_run)

# %% [markdown]
# ## Task 12 · The guard that sleeps
#
# **Difficulty** ●●○○○ · **Time** about 6 minutes · **You need** nothing of this course
#
# This file tells a code host when to run the tests by itself (*continuous integration*, CI). The
# repository has one branch, `master`, and no failure has ever been reported. `runs_on` knows the host's
# rules for branch names.

# %%
from gan_course.checks.workflow import runs_on

published_workflow = """
name: tests
on:
  push:
    branches: [main]
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""
for branch in ("master", "main"):
    print(f"a push to {branch} starts it:", runs_on(published_workflow, "push", branch))

# %% [markdown]
# Why was no failure ever reported?
#
# | | diagnosis |
# |---|---|
# | 1 | the job is broken |
# | 2 | nobody pushes; `push` is the wrong event |
# | 3 | all tests have always passed |
# | 4 | the filter names a branch that this repository does not have |
#
# Mend the line with the branches.
#
# <details><summary>Hint 1</summary>
#
# On which branch does the work happen, and which one is named?
# </details>
#
# <details><summary>Hint 2</summary>
#
# `branches:` takes a list of names or patterns. Name the branch exactly.
# </details>

# %% tags=["exercise"]
my_workflow = """
name: tests
on:
  push:
    ### BEGIN SOLUTION
    # STUB: branches: [main]
    branches: [master]
    ### END SOLUTION
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""

### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 4
### END SOLUTION

# %% tags=["check"]
check.ci_never_runs(my_diagnosis, my_workflow)

# %% [markdown]
# ## Task 13 · Behind the layer's back
#
# **Difficulty** ●●●●○ · **Time** about 10 minutes · **You need** lesson 11; for after it
#
# Two lines of context. `spectral_norm(layer)` divides a layer's weight by its largest singular value, which
# says how much the layer can stretch its input. It keeps the raw numbers in
# `layer.parametrizations.weight.original`, and computes `layer.weight` from them whenever it is asked for.
#
# `nn.init.orthogonal_` makes a weight whose singular values are all equal. Here they are, smallest and
# largest, for three layers.

# %%
from torch.nn.utils.parametrizations import spectral_norm


def smallest_and_largest(layer):
    values = torch.linalg.svdvals(layer.weight.detach().flatten(1))  # (8,): 8 output channels
    return f"{values.min().item():.2f} to {values.max().item():.2f}"


plain = nn.Conv2d(4, 8, kernel_size=3, padding=1)
nn.init.orthogonal_(plain.weight)
print("a plain layer, orthogonal:        ", smallest_and_largest(plain))

normed = spectral_norm(nn.Conv2d(4, 8, kernel_size=3, padding=1))
print("with spectral norm, torch's start:", smallest_and_largest(normed))
nn.init.orthogonal_(normed.weight)
print("then orthogonal:                  ", smallest_and_largest(normed))

# %% [markdown]
# The third row should read like the first. What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | `normed.weight` is a fresh result each time; what is written into it is lost |
# | 2 | spectral norm divides the orthogonal weights and spoils them |
# | 3 | `orthogonal_` does not work on convolutions |
# | 4 | the estimate of the singular value needs more forward passes |
#
# Mend the line that initialises, and keep the spectral norm.
#
# <details><summary>Hint 1</summary>
#
# `conv.weight is conv.weight` is False here. Which tensor does training change?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Its name stands in the two lines of context. (Or initialise before you wrap: just as good.)
# </details>

# %% tags=["exercise"]
def sn_conv(in_channels, out_channels):
    """A 3x3 convolution with spectral norm that starts orthogonal."""
    conv = spectral_norm(nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1))
    ### BEGIN SOLUTION
    # STUB: nn.init.orthogonal_(conv.weight)
    nn.init.orthogonal_(conv.parametrizations.weight.original)
    ### END SOLUTION
    return conv


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 1
### END SOLUTION

# %% tags=["check"]
check.init_after_spectral_norm(my_diagnosis, sn_conv)

# %% [markdown]
# ## Task 14 · The other axis
#
# **Difficulty** ●●●●○ · **Time** about 10 minutes · **You need** lesson 10; for after it
#
# Two lines of context. In self-attention each of the L pixels makes a *query*, a *key* and a *value*, and the
# score (i, j) says how well the query of pixel i fits the key of pixel j. Softmax turns the scores of
# pixel i into shares of 1, and its output is the mean of all values, weighted by these shares.
#
# A weighted mean of ones is 1. So set the value to 1 everywhere and look.

# %%
def published_attention(query, key, value):
    scores = query.transpose(1, 2) @ key  # (N, L, L): query of i with key of j
    weights = F.softmax(scores, dim=1)  # (N, L, L)
    return value @ weights.transpose(1, 2)  # (N, C, L): at i, the sum over j


query, key = torch.randn(2, 3, 5), torch.randn(2, 3, 5)  # (N, C', L): 2 images, 5 pixels
ones = torch.ones(2, 1, 5)  # (N, C, L)
out = published_attention(query, key, ones)  # (2, 1, 5)
for i, row in enumerate(out[:, 0].tolist()):
    print(f"image {i}:", "  ".join(f"{v:.2f}" for v in row))

# %% [markdown]
# Nothing stops, and such a network trains all the same. What is wrong?
#
# | | diagnosis |
# |---|---|
# | 1 | the scores are too large |
# | 2 | softmax runs over i, but the sum behind it runs over j |
# | 3 | the network has to be trained first |
# | 4 | the images of the batch are mixed up |
#
# Mend the line with the softmax.
#
# <details><summary>Hint 1</summary>
#
# In `scores[n, i, j]`, which axis is i, which is j? Along which one should the shares of pixel i add up
# to 1?
# </details>
#
# <details><summary>Hint 2</summary>
#
# Print `weights.sum(1)` and `weights.sum(2)`. The one that belongs to the sum over j should be all ones.
# </details>

# %% tags=["exercise"]
def attend(query, key, value):
    """query, key (N, C', L), value (N, C, L) -> (N, C, L)."""
    scores = query.transpose(1, 2) @ key  # (N, L, L): query of i with key of j
    ### BEGIN SOLUTION
    # STUB: weights = F.softmax(scores, dim=1)
    weights = F.softmax(scores, dim=2)
    ### END SOLUTION
    return value @ weights.transpose(1, 2)  # (N, C, L): at i, the sum over j


### BEGIN SOLUTION
# STUB: my_diagnosis = ...  # 1, 2, 3 or 4
my_diagnosis = 2
### END SOLUTION

# %% tags=["check"]
check.attention_axis(my_diagnosis, attend)

# %% [markdown]
# ## Done
#
# Count how many of the fourteen stopped with an error: two. The others ran, and looked like training.
# What found them is what you did here: predict a number, measure it, and be surprised.
#
# Keep these measurements for your own code: the loss at a logit of 200, the std of the weights that are
# really trained, the range of real and fake, one z with other batch mates, attention on ones.

# %%
from gan_course.checks import progress

progress.table()
