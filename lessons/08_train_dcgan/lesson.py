# %% [markdown]
# # 08 · Train a DCGAN on real digits
#
# **After this lesson you can** train a GAN on a laptop, follow one training step line by line, choose label
# smoothing and the number of D's steps, say what the curves tell you and what they do not, check whether
# it copies, stop a run and go on with it to the bit, and say what to expect after how many images.
#
# **Time** about 60 minutes · **Builds on** [07 · DCGAN](07_dcgan.ipynb) · **Needs** no GPU
#
# You can train something today, even if you come straight from lesson 01: what the lessons between
# explain, such as transposed convolution and BatchNorm, gets one sentence here.

# %%
import copy
import inspect
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

from gan_course import fast_mode, palette
from gan_course.arithmetic import trace_shapes
from gan_course.checks.parameters import seed_number, whole_number
from gan_course.data import image_grid
from gan_course.errors import CourseError
from gan_course.labs import (
    Flipbook,
    LatentPad,
    LiveTraining,
    Sampler,
    TimeMachine,
    quiz,
    show,
)
from gan_course.labs.sampler import draw_images, noise, slerp
from gan_course.losses import discriminator_loss, generator_loss
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.models.weights import load_generator, read_tensors, save_generator
from gan_course.pretrained import load_pretrained
from gan_course.pretrained.recorded import load_run
from gan_course.pretrained.recorded.milestones import load_milestones, milestone_names
from gan_course.training import TrainConfig, Trainer, training_step

# %% tags=["parameters"]
STEPS = 56 if fast_mode() else 560  # how long this notebook trains
SEED = 0  # where all random numbers start

# %%
STEPS, SEED = whole_number("STEPS", STEPS, 10, 20_000), seed_number("SEED", SEED)  # says what is wrong, if they will not do

# %% [markdown]
# ## 1. Run it first
#
# Two guesses, before you know.

# %%
quiz("08_train_dcgan", "before")

# %% [markdown]
# Now start. Run the cell, press **▶ Train**, and watch the images: they come from the same
# z every time, so you can follow one image as it grows. Pause whenever you like. While it trains, go
# on reading.

# %%
trainer = Trainer(TrainConfig(dataset="digits", seed=SEED, device="cpu", output_dir=None))
lab = LiveTraining(trainer)

moments = [0, STEPS // 10, STEPS // 5, 2 * STEPS // 5, STEPS]  # steps that are worth a picture
kept = []  # (step, 16 images of that moment)


def keep_picture(change=None):
    """Called after every few steps."""
    if len(kept) < len(moments) and trainer.step >= moments[len(kept)]:
        kept.append((trainer.step, trainer.sample_images(16)))


lab.observe(keep_picture, names="step")
keep_picture()
lab

# %% [markdown]
# The next cell trains up to `STEPS`, whether you pressed the button or not. So this notebook also runs
# by itself. (It takes a minute or two; the line under the pictures counts along.)

# %%
lab.pause()
while trainer.step < STEPS and not lab.finished:
    lab.run(max(1, STEPS // 40))
lab

# %% [markdown]
# Digits, out of nothing but noise and a quarrel. The rest of this lesson opens it up: data, networks,
# losses, the step, and what one may conclude from those curves.

# %% [markdown]
# ## 2. Look at the data
#
# Always look before you train. Are the images upright? Centred? Is their range one that the generator
# can reach?

# %%
real = trainer.images.take(torch.arange(64))  # (64, 1, 32, 32)
figure, axis = plt.subplots(figsize=(4.4, 4.6), layout="constrained")
axis.imshow(image_grid(real), cmap="gray")
axis.set(title="● The first 64 real digits", xticks=[], yticks=[])
show(
    figure,
    alt="A grid of 64 handwritten digits, white on black, upright and centred, some of them "
    "hard to read.",
)

# %% tags=["nbval-check-output"]
print(f"{len(trainer.images):,} images of shape {trainer.images.shape}")
print("stored as     ", trainer.images.pixels.dtype)
print("a model sees  ", real.dtype, "from", real.min().item(), "to", real.max().item())

# %% [markdown]
# The digits were written by 13 people and come with scikit-learn. They are 8×8 pixels there; here they
# are enlarged to 32×32, which is why they look soft.
#
# They run from −1 (black) to 1 (white). That is not a detail: G ends in a *tanh*, which can reach
# exactly this range. If the real images had another one, D could tell them apart by their brightness
# alone, and would never look at shapes.

# %% [markdown]
# ## 3. The two networks
#
# D first, since you know its layers from lesson 01. Read the table from top to bottom: three times,
# kernel 4 with stride 2 and padding 1 halves the image, while the channels double.

# %%
trace_shapes(trainer.discriminator, (8, 1, 32, 32))

# %% [markdown]
# Two layers are new. **LeakyReLU** keeps positive numbers and multiplies negative ones by 0.2.
# **BatchNorm2d** brings each channel to mean 0 and spread 1 over all images of the batch, then scales
# and shifts it.
#
# G is the mirror image: it begins with 64 numbers, and each **ConvTranspose2d** doubles the size.

# %%
trace_shapes(trainer.generator, (8, 64))

# %% [markdown]
# Before training, D knows nothing: its logits stay near 0, which means "can't tell". Here is a fresh
# pair.

# %%
torch.manual_seed(SEED)
G = DCGANGenerator(image_size=32, image_channels=1, latent_dim=64, base_channels=32)
D = DCGANDiscriminator(image_size=32, image_channels=1, base_channels=32)
z = torch.randn(64, 64)
with torch.no_grad():
    print(f"mean D(x)    {D(real).sigmoid().mean():.2f}   64 real images")
    print(f"mean D(G(z)) {D(G(z)).sigmoid().mean():.2f}   64 images of an untrained G")

# %% [markdown]
# ## 4. What each player wants
#
# A player's wish is written as a **loss**: a number that it tries to make small. Both losses here use
# $-\log$ of a probability. If D gives the truth a probability of 1, that costs nothing; the less it
# gives, the more it costs.

# %% tags=["nbval-check-output"]
for probability in (0.99, 0.9, 0.5, 0.1, 0.01):
    cost = -torch.log(torch.tensor(probability)).item()
    print(f"probability of the truth {probability:>4}  ->  cost {cost:.2f}")

# %% [markdown]
# **D** wants to give real images $x$ a high probability of being real, $D(x)$, and fakes $G(z)$ a high
# probability of being fake, $1 - D(G(z))$. It minimises
#
# $$-\log D(x) - \log\bigl(1 - D(G(z))\bigr)$$
#
# **G** wants D to take its images for real. It minimises
#
# $$-\log D(G(z))$$
#
# each averaged over the images of a batch. Why not simply the opposite of D's loss,
# $\log(1 - D(G(z)))$? Look at the slopes on the right.

# %%
logits = torch.linspace(-6, 6, 121)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(logits, F.softplus(-logits), color=palette.REAL, lw=2, label="● real: −log D(x)")
left.plot(
    logits, F.softplus(logits), color=palette.FAKE, lw=2, ls="--", label="▲ fake: −log(1 − D(G(z)))"
)
left.set(title="What D pays for one image", xlabel="D's logit for that image", ylabel="loss")
right.plot(
    logits, F.softplus(-logits), color=palette.GENERATOR, lw=2, ls="-.", label="used: −log D(G(z))"
)
right.plot(
    logits, -F.softplus(logits), color="0.4", lw=2, ls=":", label="not used: log(1 − D(G(z)))"
)
right.set(title="What G pays for one fake", xlabel="D's logit for that fake", ylabel="loss")
for axis in (left, right):
    axis.legend(loc="upper center", frameon=False, fontsize=9)
    axis.set(ylim=(-6.5, 9.5))
show(
    figure,
    alt="Two charts over D's logit from -6 to 6. Left: D pays much for a real image with a "
    "negative logit and for a fake with a positive one. Right: the used loss of G falls steeply "
    "where the logit is negative; the other one is flat there.",
)

# %% [markdown]
# At the start of training D sees through the fakes: their logits are far on the left. There the used
# loss is steep, so G is told clearly where to go. The other one is flat: G would learn least when it
# has most to learn. The used one is therefore called **non-saturating**.
#
# ### Computed on logits
#
# In code neither a sigmoid nor a logarithm occurs. Written out by hand, they break:

# %% tags=["nbval-check-output"]
logit = torch.tensor(-120.0)  # D is very sure that this is a fake
print("log of the sigmoid:", torch.log(torch.sigmoid(logit)).item())
print("softplus instead:  ", -F.softplus(-logit).item())

# %% [markdown]
# $\text{softplus}(a) = \log(1 + e^a)$ is the same function, computed safely:
# $-\log D = \text{softplus}(-\text{logit})$, and $-\log(1 - D) = \text{softplus}(\text{logit})$. The
# package's losses are made of it. They agree with torch's own *binary cross-entropy*:

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
logits_real, logits_fake = torch.randn(32), torch.randn(32)
ours = discriminator_loss("non-saturating", logits_real, logits_fake)
theirs = F.binary_cross_entropy_with_logits(logits_real, torch.ones(32))  # target 1: real
theirs = theirs + F.binary_cross_entropy_with_logits(logits_fake, torch.zeros(32))  # target 0: fake
print("equal up to rounding:", torch.allclose(ours, theirs))

# %% [markdown]
# Two numbers to remember, for a D that can't tell and puts out 0 for everything:

# %% tags=["nbval-check-output"]
unsure = torch.zeros(32)
unsure_d = discriminator_loss("non-saturating", unsure, unsure).item()
unsure_g = generator_loss("non-saturating", unsure).item()
print(f"loss of D  {unsure_d:.3f}   2 · log 2")
print(f"loss of G  {unsure_g:.3f}       log 2")

# %% [markdown]
# ## 5. One step, line by line
#
# This is the heart of GAN training, as the package runs it. Read it once from top to bottom.

# %%
source = inspect.getsource(training_step)
print(source[source.index("    # 1.") : source.index("    return")].rstrip())

# %% [markdown]
# Some names in it stay idle in this lesson: `r1` and `r2` are penalties on D's slope
# ([lesson 09](09_failure_modes.ipynb)), `given` is for labels, `moved` shifts or recolours all that D sees, and
# `PAIRED` names losses that compare fakes with real images. What is left are the two halves of lesson 06.
#
# Now the same by hand, with the fresh G and D from section 3, and a look at what each half does. Each
# network has its own *optimizer*, which changes the weights of that network and of no other.

# %%
optimizer_g = torch.optim.Adam(G.parameters(), lr=0.0004, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(D.parameters(), lr=0.0004, betas=(0.5, 0.999))
images_real = next(trainer.images.batches(batch_size=32, seed=SEED, epoch=0))  # (32, 1, 32, 32)
z = torch.randn(32, 64)
twins = copy.deepcopy((G, D, optimizer_g, optimizer_d))  # to compare with at the end

# %% [markdown]
# **First, G draws 32 fakes.** They remember how they were made, so that learning can flow back to G.

# %%
images_fake = G(z)  # (32, 1, 32, 32)
print("shape", tuple(images_fake.shape), " leads back to G:", images_fake.requires_grad)

# %% [markdown]
# **Then D learns.** `detach()` cuts the fakes off from G: they become plain pictures, like the real
# ones. `zero_grad` throws away old gradients, `backward` computes the new ones, `step` changes D.

# %%
loss_d = discriminator_loss("non-saturating", D(images_real), D(images_fake.detach()))
optimizer_d.zero_grad()
loss_d.backward()
optimizer_d.step()
after = discriminator_loss("non-saturating", D(images_real), D(images_fake.detach()))
print(f"loss of D on this batch: {loss_d:.3f} before, {after:.3f} after")
print("G has got a gradient:", any(p.grad is not None for p in G.parameters()))

# %% [markdown]
# **Then G learns.** Ask D *again* about the same fakes, this time not detached: D has just changed its
# mind, and the path to G must be open. `backward` runs through D into G; only G's optimizer steps.

# %%
before = [p.clone() for p in D.parameters()]
D.requires_grad_(False)  # nothing is computed for D meanwhile
loss_g = generator_loss("non-saturating", D(images_fake))
optimizer_g.zero_grad()
loss_g.backward()
optimizer_g.step()
D.requires_grad_(True)
after = generator_loss("non-saturating", D(G(z)))
print(f"loss of G on these z: {loss_g:.3f} before, {after:.3f} after")
unchanged = [torch.equal(a, b) for a, b in zip(before, D.parameters(), strict=True)]
print("D is as it was:", all(unchanged))

# %% [markdown]
# Was that really the package's step? We kept a copy of everything. Let the package do one step with
# it, on the same images and the same z, and compare every weight.

# %% tags=["nbval-check-output"]
training_step(*twins, images_real, z)
largest = max(
    (ours - theirs).abs().max().item()
    for model, twin in zip((G, D), twins[:2], strict=True)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True)
)
print("all weights equal up to rounding:", largest < 1e-6)

# %% [markdown]
# Training is this step, again and again, each time with other real images and other z.

# %% [markdown]
# ## 6. Sampling, without side effects
#
# One trap when you draw images from G: in training mode BatchNorm uses the mean and spread of the batch
# at hand, so one image depends on its neighbours. Here the first z is sampled twice, in the company of
# different others.

# %%
G_copy = copy.deepcopy(trainer.generator)  # training mode also changes BatchNorm's memory
z_first, company_a, company_b = trainer.fixed_z[:1], trainer.fixed_z[1:16], trainer.fixed_z[16:31]
for mode in ("train", "eval"):
    G_copy.train(mode == "train")
    with torch.no_grad():
        image_a = G_copy(torch.cat([z_first, company_a]))[0]
        image_b = G_copy(torch.cat([z_first, company_b]))[0]
    print(f"{mode:>5}: largest difference of a pixel {(image_a - image_b).abs().max():.3f}")

# %% [markdown]
# So: `G.eval()` before sampling, and `torch.no_grad()`, since nobody will learn from these images.
#
# ### A steadier G: the running average
#
# The trainer does one thing more. Beside G it keeps a second set of weights, which follows G slowly: after each
# step, `average = keep · average + (1 − keep) · newest`. No step trains it; it is there to draw samples.
# (It is called EMA, *exponential moving average*. Its half-life is a tenth of the images seen so far, so
# it soon forgets the fog of the start.) **Guess:** how much steadier is it from one step to the next? Here
# is a small G on images of 16×16, which trains in seconds.

# %%
SMALL = {"image_size": 16, "base_channels": 8, "device": "cpu", "seed": SEED}
small = Trainer(TrainConfig(**SMALL, output_dir=None))
steps = small.steps()
for _ in range(STEPS // 4):
    next(steps)
jumps = {"G itself": [], "its average": []}
for _ in range(20):
    for name, model in (("G itself", small.generator), ("its average", small.averaged.model)):
        with torch.no_grad():
            pictures = model.eval()(small.fixed_z)  # (64, 1, 16, 16)
        jumps[name].append(pictures)
        model.train(name == "G itself")  # G learns on in training mode
    next(steps)
for name, seen in jumps.items():
    change = (torch.stack(seen[1:]) - torch.stack(seen[:-1])).abs().mean()
    print(f"{name:<11}  from one step to the next a pixel changes by {change:.4f}")
print(f"keep = {0.5 ** (32 / (small.images_seen / 10)):.3f} after {small.images_seen:,} images")

# %% [markdown]
# G hops about, and its average glides. Which of them one shows makes a difference, so say which it was.
#
# ### Fixed z: a film
#
# Here are the pictures that were kept in section 1: always the same 16 z. **Guess:** if you had to stop
# at one of these moments, which is the first at which you would say "digits"?

# %%
figure, axes = plt.subplots(1, len(kept), figsize=(9.5, 2.4), layout="constrained")
for axis, (step, images) in zip(axes, kept, strict=True):
    axis.imshow(image_grid(images, columns=4), cmap="gray", vmin=0, vmax=255)
    axis.set(title=f"step {step}", xticks=[], yticks=[])
figure.suptitle("▲ Fakes from the same 16 z, while G learns")
show(
    figure,
    alt="Five grids of 16 generated images each, from the same z: plain grey at step 0, then "
    "a blurred bright middle, then blots, then strokes, and at the end shapes that look like digits.",
)

# %% [markdown]
# Five pictures are few. Here is a whole film, of a run that was recorded once for this course: a
# smaller G, 2,000 steps, eight moments, the same 36 z in each. **Guess first**, then move **frame**, or
# press play. The upright line in the curves is the moment you are looking at.

# %%
Flipbook()

# %% [markdown]
# Three things to look for:
#
# - Follow *one* image. Its place is fixed by its z, and still it may turn from one digit into another:
#   G moves its whole map about while it learns.
# - Most of the change comes early. What comes later is small and slow: cleaner strokes, fewer blots.
# - The horizontal axis has powers of ten. On an even one, everything interesting would be squeezed into
#   the left fifth.
#
# A run of your own has a film, too: `Flipbook("runs/digits")` reads the generators that
# `gan-course train --output-dir runs/digits --save-interval 2` has left there, and `Flipbook([...])`
# takes a list of generators or checkpoint files, oldest first.

# %% [markdown]
# ## 7. Two choices: smoother labels, more steps of D
#
# ### One-sided label smoothing
#
# D's target for a real image is 1. To reach it, the logit would have to grow without end, and the surer D
# is, the less G hears. So give real images the target 0.9: *label smoothing*, `--label-smoothing 0.1`.
# The fakes keep their 0. **Guess:** where is D's loss for a real image smallest now?

# %%
logits = torch.linspace(-3, 8, 1101)
for target in (1.0, 0.9):
    loss = F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, target), reduction="none"
    )
    best = logits[loss.argmin()]
    where = "the right end, as far as we looked" if best == logits[-1] else f"logit {best:.2f}"
    print(f"target {target}: smallest at {where}, D(x) = {best.sigmoid():.3f}")

# %% [markdown]
# With 0.9 there is an end: a D that is surer than 0.9 *pays* for it. And why not smooth the fakes as well, 0.1
# instead of 0? Look at the best D for both. Here real images and fakes are numbers on a line, so that
# we know how dense they are everywhere.

# %%
x = torch.linspace(-4, 6, 400)
p_real = torch.distributions.Normal(2.0, 1.0).log_prob(x).exp()
p_fake = torch.distributions.Normal(-1.0, 1.0).log_prob(x).exp()
plain = p_real / (p_real + p_fake)
one_sided = 0.9 * p_real / (p_real + p_fake)
two_sided = (0.9 * p_real + 0.1 * p_fake) / (p_real + p_fake)
at = (x - 0.5).abs().argmin()  # halfway between the two bells
print(f"at x = {x[at]:.1f}: {plain[at]:.2f} plain, {one_sided[at]:.2f} one-sided, {two_sided[at]:.2f} both")
print(f"at x = {x[0]:.1f}: {plain[0]:.2f} plain, {one_sided[0]:.2f} one-sided, {two_sided[0]:.2f} both")

# %%
figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(7, 4.4), sharex=True, layout="constrained", height_ratios=(1, 1.7)
)
top.fill_between(x, p_real, color=palette.REAL, alpha=0.5, label="● real")
top.plot(x, p_fake, color=palette.FAKE, ls="--", lw=2, label="▲ fake")
top.set(title="Where real and fake numbers lie", ylabel="density", yticks=[])
for values, style, name in (
    (plain, "-", "no smoothing"),
    (one_sided, "--", "one-sided: 0.9 and 0"),
    (two_sided, ":", "both: 0.9 and 0.1"),
):
    bottom.plot(x, values, style, color=palette.DISCRIMINATOR, lw=2, label=name)
bottom.set(title="The best D", xlabel="x", ylabel="probability", ylim=(-0.05, 1.05))
for axis in (top, bottom):
    axis.legend(frameon=False, fontsize=9, loc="center left")
show(
    figure,
    alt="Above, two bell curves, fakes on the left and real numbers on the right. Below, the best D: "
    "without smoothing it rises from 0 to 1, one-sided from 0 to 0.9, with both smoothed from 0.1 to 0.9.",
)

# %% [markdown]
# One-sided smoothing presses the curve down, and leaves it at 0 where only fakes are. With both smoothed it
# ends at 0.1 there: for a fake far out, D is asked *not* to be sure, and G may stay where it is. (Task 5
# asks for these curves on paper.) What does it do in a run? The same small pair, with and without:

# %%
def late_opinions(**choices):
    """Train a small pair; D's mean probabilities over the later half of the run."""
    run = Trainer(TrainConfig(**SMALL, **choices, output_dir=None))
    steps = run.steps()
    while run.images_seen < 32 * STEPS // 2:
        next(steps)
    late = run.history[len(run.history) // 2 :]
    means = [sum(r[k] for r in late) / len(late) for k in ("mean_d_real", "mean_d_fake")]
    return run, *means


for smoothing in (0.0, 0.1):
    run, real_mean, fake_mean = late_opinions(label_smoothing=smoothing)
    print(f"label_smoothing={smoothing}: mean D(x) {real_mean:.2f}, mean D(G(z)) {fake_mean:.2f}")

# %% [markdown]
# Pressed down, as the curves said. One run proves little, and whether the *images* gain is another question: that
# takes several seeds and a measure, as in lesson 07's table.
#
# ### How many steps of D?
#
# G learns from D's opinion, so perhaps D should know more: `--discriminator-steps 3` lets D learn three times
# for each step of G, each time from images *of its own*. Which step sees which images? Suppose there are 20
# images and batches of 2:

# %% tags=["nbval-check-output"]
order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
for k in (1, 3):
    in_a_step = 2 * k
    print(f"{k} step{'s' * (k > 1)} of D for one of G")
    for step in range(len(order) // in_a_step)[:3]:
        part = order[step * in_a_step : (step + 1) * in_a_step]
        print(f"  step {step}: D learns from", ", then ".join(str(b.tolist()) for b in part.chunk(k)))
    rest = len(order) % in_a_step
    print(f"  {len(order) // in_a_step} steps in an epoch, {rest} images left over")

# %% [markdown]
# So with three steps of D an epoch is over three times as fast: the same images, a third of G's updates.
# That is why this course counts **images**, and neither steps nor epochs. Compare two runs by images, and by
# what else they cost:

# %%
for k in (1, 3):
    run, real_mean, fake_mean = late_opinions(discriminator_steps=k)
    print(f"{run.images_seen:,} images, {run.step} updates of G, {k * run.step} of D: "
          f"D(x) {real_mean:.2f}, D(G(z)) {fake_mean:.2f}")

# %% [markdown]
# D is further ahead, and G has had fewer turns: for the same images no gift. One step each is what the
# paper took, and what this loss wants. Losses that need a well-trained D (Wasserstein, lesson 06) take more.

# %% [markdown]
# ## 8. Read the curves honestly

# %%
history = trainer.history  # one entry for every tenth step
seen = [row["images_seen"] for row in history]
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
left.plot(seen, [r["loss_d"] for r in history], color=palette.DISCRIMINATOR, lw=2.5, label="D")
left.plot(seen, [r["loss_g"] for r in history], color=palette.GENERATOR, ls="-.", label="G")
left.axhline(unsure_d, color=palette.DISCRIMINATOR, lw=0.8, ls=":")
left.axhline(unsure_g, color=palette.GENERATOR, lw=0.8, ls=":")
left.set(title="Losses (dotted: if D can't tell)", xlabel="real images seen", ylabel="loss")
right.plot(seen, [r["mean_d_real"] for r in history], color=palette.REAL, label="● D(x), real")
right.plot(
    seen, [r["mean_d_fake"] for r in history], color=palette.FAKE, ls="--", label="▲ D(G(z)), fake"
)
right.axhline(0.5, color="0.4", lw=0.8, ls=":")
right.set(title="What D thinks", xlabel="real images seen", ylabel="mean probability", ylim=(0, 1))
for axis in (left, right):
    axis.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
show(
    figure,
    alt="Two charts over the real images seen. Left, the losses of D and G go up and down "
    "and do not settle. Right, D's mean probability is mostly high for real images and mostly low "
    "for fakes, and both keep moving.",
)

# %% [markdown]
# **Guess:** could you put the five pictures above in order, from bad to good, by G's loss alone? Here
# they are, from the highest loss to the lowest (each by the nearest line of the history).

# %%
rows = [(step, min(history, key=lambda r: abs(r["step"] - step))) for step, _ in kept]
for step, row in sorted(rows, key=lambda pair: -pair[1]["loss_g"]):
    print(f"loss of G {row['loss_g']:.2f}   picture of step {step}")

# %% [markdown]
# You could not. By its loss, the grey fog of step 0 stands ahead of pictures that show strokes already,
# for at that moment D knew nothing either. A GAN's loss says how one player does against the *present*
# other, not how good the images are.
#
# What you *can* read in the curves:
#
# - **Both D(x) and D(G(z)) keep moving, with a gap between them.** The game goes on. This is health.
# - **D(G(z)) sticks near 0, and G's loss climbs and climbs.** D wins everything, and what G gets to hear
#   may be of little use.
# - **Both stick at 0.5.** Either G is perfect, or D is not learning. Look at the images: it is hardly
#   ever the first.
# - **Spikes.** One player has found a trick, the other is catching up. A few are normal.
#
# Quality and variety are in none of these lines. For those you look at samples, or measure them; a
# later lesson does.

# %% [markdown]
# ### The time machine: which run is which?
#
# Five runs, named A to E. One is healthy. In one D is much too strong; one has collapsed; in one the
# real images have the wrong range; in one no weight was drawn at random, all began with the same
# number. At first you see the *curves* and nothing else. **Say which is which**, then the images
# open, and you can travel: one slider is training time, the other goes through the latent space.

# %%
TimeMachine()

# %% [markdown]
# How many did you get? Let us put the last numbers of all runs side by side, and what the doctor of this
# course makes of them.

# %% tags=["nbval-check-output"]
print(f"{'':<18} loss of D   of G   diversity   doctor")
for name in ("healthy", "d_too_strong", "collapsed", "wrong_range", "no_initialisation"):
    run = load_run(name)
    late = run.history[-20:]
    loss_d = sum(row["loss_d"] for row in late) / len(late)
    loss_g = sum(row["loss_g"] for row in late) / len(late)
    diversity = sum(row["diversity"] for row in late) / len(late)
    print(f"{name:<18} {loss_d:9.2f} {loss_g:6.2f} {diversity:11.2f}   {run.diagnosis(7).name}")

# %% [markdown]
# Look at the *collapsed* run. Its losses are 1.4 and 0.7: just the two numbers from section 4, for a D that
# can't tell. D thinks 0.5 of real and of fake. By the curves alone, this is the perfect generator of
# the theory, and it draws one blot, again and again. What gives it away is **diversity**: how far
# the fakes are from each other, compared with real images.
#
# The *wrong range* is the other way round: curves like those of the healthy run, digits in every image,
# and yet grey where black should be. D never minded, for its real images were grey there, too.
#
# And *no initialisation*: the doctor says that D is too strong. It is right, D always wins. But the
# cause lies elsewhere: the channels of each layer began as twins, so they get the same gradient and
# stay twins. **A symptom is not a cause.**
#
# Go back in time, too. After 3,840 images the doctor takes even the healthy run for one with too strong
# a D. Every run begins like that; who stops it there, stops all of them.

# %% [markdown]
# ## 9. Does it copy?
#
# 1,797 images are few. Perhaps G only learned some of them by heart? For each fake, find the real digit
# that is nearest, pixel by pixel.

# %%
everything = trainer.images.take(torch.arange(len(trainer.images))).flatten(1).cpu()  # (1797, 1024)
fakes = trainer.sample_images(64)  # (64, 1, 32, 32)
distances = torch.cdist(fakes.flatten(1), everything)  # (64, 1797)
nearest = everything[distances.argmin(dim=1)].reshape(-1, 1, 32, 32)

figure, axis = plt.subplots(figsize=(9, 2.7), layout="constrained")
axis.imshow(image_grid(torch.cat([fakes[:10], nearest[:10]]), columns=10), cmap="gray")
axis.set(title="Ten fakes, and below each the real digit that is nearest", xticks=[])
axis.set_yticks([18, 52], ["▲ fake", "● real"])
show(
    figure,
    alt="Ten generated images, and below each the real digit that is nearest to it. Most pairs "
    "have a similar shape, but differ in strokes and thickness.",
)

# %% [markdown]
# Similar, or copied? A distance alone says nothing: near compared with what? Compare with the real
# digits among themselves. How far is a *real* digit from the nearest *other* real one?

# %%
among_real = torch.cdist(everything, everything).fill_diagonal_(float("inf")).min(dim=1).values
to_real = distances.min(dim=1).values  # (64,)
for name, nearest_one in (("real to other real", among_real), ("fake to real", to_real)):
    middle, least = nearest_one.median(), nearest_one.min()
    print(f"{name:<18}: median distance to the nearest {middle:.1f}, smallest {least:.1f}")

# %% [markdown]
# A copy would have a distance near 0, far below the first line. If the fakes are about as far from the
# real digits as those are from each other, or further, G has not simply stored them. (Pixel distance
# is crude: an image shifted by one pixel counts as far away. It finds plain copies, not clever ones.)

# %% [markdown]
# ### Walk through the latent space
#
# There is a second sign of copying. If G had stored pictures, then on the way from one z to another
# it would have to jump from one stored picture to the next. Here is a plane through three random z, for
# the generator that ships with the course (it saw 358,400 images; yours saw fewer). Move the cross with the
# two sliders: does the image ever jump?
#
# Below are two ways from A to B: *lerp* goes straight, *slerp* keeps to the sphere. **Guess first** how
# long z is in the middle of the straight way.

# %%
LatentPad()

# %% [markdown]
# The change is smooth, so between two digits lie images that nobody wrote: halfway from a 3 to a 4 is
# something that is neither. On the right, each point is compared with the training images: the bars are
# the distances of real digits to their nearest *other* digit, the triangle is the image under the cross.
# A copy would lie at the far left, where there are no bars.
#
# The straight way leaves the region G knows: random z of 64 numbers all have a length of about
# $\sqrt{64} = 8$, and the middle has only 0.7 of that. Does G mind? Count the bright pixels, for 200
# pairs of z.

# %%
generator = load_pretrained("digits")
z_from, z_to = noise(0, 200, 64), noise(1, 200, 64)
ways = {"the ends": z_from, "middle, straight": (z_from + z_to) / 2,
        "middle, sphere": slerp(z_from, z_to, 0.5)}
for name, z in ways.items():
    bright = (draw_images(generator, z) > 0.5).float().mean()
    print(f"{name:<17} length of z {z.norm(dim=1).mean():4.1f}   bright pixels {bright:.1%}")

# %% [markdown]
# In the middle of the straight way the strokes are paler; on the sphere they are as at the ends. So one
# walks along the sphere.
#
# For your own generator: `LatentPad(loaded, trainer.images)`, with `loaded` from the next section.

# %% [markdown]
# ## 10. Keep it
#
# There are two things to keep, for two purposes. **To draw images**, the generator is enough. Save it, and load
# it again. Checkpoints from strangers are read safely: a file may hold tensors, never a program.

# %% tags=["nbval-check-output"]
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_generator.pth"
    save_generator(trainer.averaged.model, path)
    loaded = load_generator(path)
z = trainer.fixed_z[:4].cpu()
same = torch.allclose(loaded(z), trainer.averaged.model.cpu()(z), atol=1e-5)
print("loaded again, the same images:", same)

# %% [markdown]
# And now the sampler of lesson 00 again. This time the generator is yours.

# %%
Sampler(loaded)

# %% [markdown]
# ### A checkpoint: to go on as if nothing had happened
#
# **To go on training**, much more is needed. **Guess:** which things does the next step depend on, besides G's
# weights? Here a small run is stopped in the middle of an epoch and its file opened.

# %% tags=["nbval-check-output"]
home = tempfile.TemporaryDirectory()
first = Trainer(TrainConfig(**SMALL, num_epochs=2, output_dir=home.name))
steps = first.steps()
for _ in range(40):
    next(steps)
first.save()  # as Ctrl-C does
tensors = read_tensors(Path(home.name, "checkpoints", "last.safetensors"))
parts = [name.split(".")[0] for name in tensors]
for part in dict.fromkeys(parts):
    print(f"{part:<14} {parts.count(part):>3} tensors")

# %% [markdown]
# Both networks, the average (`ema`), for each weight what Adam remembers of its gradients, and the state
# of the random numbers that z comes from. Beside them the file holds the config and the place in the data.
# Is that everything? There is one honest test: go on from it, and compare with a run that never stopped.

# %% tags=["nbval-check-output"]
again = Trainer(TrainConfig(**SMALL, num_epochs=2, output_dir=home.name, resume=True))
print(f"goes on after step {again.step}, in epoch {again.epoch}, at batch {again.batch}")
straight = Trainer(TrainConfig(**SMALL, num_epochs=2, output_dir=None))  # never stopped
for run in (again, straight):
    for _ in run.steps():
        pass
for name in ("generator", "discriminator"):
    pair = zip(getattr(again, name).parameters(), getattr(straight, name).parameters(), strict=True)
    print(f"{name}: every bit equal after step {again.step}:", all(torch.equal(a, b) for a, b in pair))

# %% [markdown]
# A run with other choices cannot be the same run, so it is refused:

# %% tags=["nbval-check-output"]
try:
    Trainer(TrainConfig(**SMALL, num_epochs=2, output_dir=home.name, resume=True, learning_rate=0.01))
except CourseError as error:
    print(error)
home.cleanup()

# %% [markdown]
# ## 11. Other images, by one flag
#
# The same training is one line in a terminal. It saves checkpoints, a grid of samples and the curves:
#
# ```bash
# gan-course train --dataset digits --device cpu --output-dir runs/digits
# ```
#
# Ctrl-C stops and saves; the same line with `--resume` goes on. Then draw as many images as you like:
#
# ```bash
# gan-course generate --checkpoint runs/digits/checkpoints/generator_final.pth --num-images 64
# ```
#
# Another data set is another word behind `--dataset`: `mnist` and `fashion-mnist` (grey, 28×28, enlarged to
# 32×32), `cifar10` (colour photographs, 32×32), `celeba`, or `folder:PATH` for images of your own. What is
# not there yet is fetched once by torchvision.
#
# How long must you wait? That depends on the machine; how many *images* it takes does not. First the
# digits, from the healthy run of the time machine:


# %%
def draw_milestones(title, images_seen, rows):
    """A row of pictures for each moment; rows (moments, N, C, H, W)."""
    count = rows.shape[1]
    figure, axis = plt.subplots(figsize=(5.6, 0.42 * len(rows) + 0.7), layout="constrained")
    axis.imshow(image_grid(rows.flatten(0, 1), columns=count), cmap="gray", vmin=0, vmax=255)
    step = rows.shape[3] + 2
    axis.set_yticks([step * (i + 0.5) for i in range(len(rows))], [f"{n:,}" for n in images_seen])
    axis.set(title=title, xticks=[], ylabel="real images seen")
    show(figure, alt=f"{title}: {len(rows)} rows of {count} generated images, after "
         f"{', '.join(f'{n:,}' for n in images_seen)} real images. All rows are drawn from the same z.")


healthy = load_run("healthy")
z = noise(0, 10, 32)
rows = torch.stack([draw_images(g, z) for g in healthy.generators[2:]])
draw_milestones("▲ digits", [m["images_seen"] for m in healthy.moments[2:]], rows)

# %% [markdown]
# And other data, each from one recorded run, with the line that trained it:

# %%
for name in milestone_names():
    run = load_milestones(name)
    draw_milestones(f"▲ {name}", run.images_seen, run.rows)
    print(f"{run.command}\n{run.data}; {run.how}")

# %% [markdown]
# Read the left margin. The small pair of the film has shapes after some 13,000 digits. The MNIST run was
# recorded later: at 200,000 images its strokes are firm, and from there on images *change* more than they get
# better. Steady look, moving map: that is how most of a long run looks. The photographs of CIFAR-10 are
# harder by far: colours first, then a layout with ground and sky, and after 2.8 million images the hint of
# an object here and there. Published runs of this kind see ten to a hundred times as many.
#
# A data set is missing here? Train it, and turn its folder into such a picture; it then appears above:
#
# ```bash
# gan-course train --dataset fashion-mnist --save-interval 1 --output-dir runs/fashion
# python -m gan_course.trials.milestones runs/fashion --how "10 minutes on my laptop"
# ```
#
# ### What to try
#
# Predict first, then change one thing in the `TrainConfig` of section 1 and run the notebook again.
#
# | change | question |
# |---|---|
# | `seed=1` | which of your conclusions survive? |
# | `label_smoothing=0.1`, `discriminator_steps=2` | does what section 7 found for a small pair hold for this one? |
# | `learning_rate=0.01` | what breaks first, the curves or the images? |
# | `base_channels=8` | how small may the networks be? |
# | `loss="hinge"` | another pair of losses: can you still compare the loss curves? |
#
# Press **▶ Train** in section 1 once more, and training goes on to the end of its epochs.

# %% [markdown]
# ## 12. What do you know now?

# %%
quiz("08_train_dcgan", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | one step | G draws fakes; D learns from real and *detached* fakes; G learns from D's newest opinion |
# | loss of D | $-\log D(x) - \log(1 - D(G(z)))$, computed on logits |
# | loss of G | $-\log D(G(z))$, computed on logits; steep where D sees through the fakes |
# | if D can't tell | loss of D $2\log 2 \approx 1.386$, loss of G $\log 2 \approx 0.693$ |
# | data | in [−1, 1], the range of tanh |
# | sampling | `eval()` and `no_grad()`; the same z at every moment, to compare |
# | running average | steadier than G after any step; samples are drawn from it |
# | label smoothing | target 0.9 for real images, 0 for fakes: the best D ends at 0.9 |
# | steps of D | each on images of its own: count images, not epochs |
# | checkpoint | both networks, average, Adam's memory, random numbers, place in the data: goes on to the bit |
# | losses | say who is ahead, not how good the images are |
# | copying | compare fake-to-real distances with real-to-real ones |
# | latent space | smooth; between two z walk along the sphere (slerp), where G was trained |
# | five recorded runs | equal curves, different ills: look at samples and diversity |
#
# **Now you.** [exercises/08_train_dcgan](../exercises/08_train_dcgan.ipynb): write both losses, the step
# and the sampling yourself, and then what belongs to a run: ten tasks.
#
# **Next** [09 · Failure modes](09_failure_modes.ipynb): collapse, vanishing gradients and other ills, each
# provoked, measured and repaired.
