# %% [markdown]
# # 08 · Train a DCGAN on real digits
#
# **After this lesson you can** train a GAN on a laptop, follow one training step line by line, and
# say what its curves tell you and what they don't.
#
# **Time** about 30 minutes · **Builds on** [01 Conv2d](01_conv2d.ipynb) · **Needs** no GPU
#
# This is a first version of the lesson, so that you can train something today. What it takes for
# granted, such as transposed convolution and BatchNorm, lessons 02 to 07 will explain.

# %%
import inspect
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from gan_course import fast_mode, palette
from gan_course.data import image_grid
from gan_course.labs import LiveTraining, quiz, show
from gan_course.models.weights import load_generator, save_generator
from gan_course.training import TrainConfig, Trainer, training_step

# %% tags=["parameters"]
# How long to train. 600 steps take about half a minute on two cores.
STEPS = 40 if fast_mode() else 600
SEED = 0

# %% [markdown]
# ## 1. Guess first

# %%
quiz("08_train_dcgan", "before")

# %% [markdown]
# ## 2. Look at the data
#
# 1,797 digits, written by 43 people. Always look before you train: are they upright, are they centred,
# is their range what the generator can reach?

# %%
trainer = Trainer(TrainConfig(dataset="digits", seed=SEED, device="cpu", output_dir=None))
real = trainer.images.take(torch.arange(64))  # (64, 1, 32, 32)
figure, axis = plt.subplots(figsize=(5, 5))
axis.imshow(image_grid(real), cmap="gray")
axis.set(title="64 real digits ●", xticks=[], yticks=[])
show(figure, alt="A grid of 64 handwritten digits, white on black, upright and centred.")

# %% tags=["nbval-check-output"]
print(len(trainer.images), "images of shape", trainer.images.shape)
print("smallest and largest value:", real.min().item(), real.max().item())

# %% [markdown]
# From −1 to 1: exactly what the last layer of G, a tanh, can put out.

# %% [markdown]
# ## 3. Two networks
#
# G makes a vector of 64 numbers larger and larger; D makes an image smaller and smaller. They mirror
# each other. Follow one batch through both.

# %% tags=["nbval-check-output"]
z = torch.randn(8, 64)
x = trainer.generator.stem(z)
print("z", tuple(z.shape), "-> stem ", tuple(x.shape))
for block in trainer.generator.blocks:
    x = block(x)
    print("                -> block", tuple(x.shape))
x = trainer.generator.to_image(x)
print("                -> image", tuple(x.shape))
print("D: image        -> logits", tuple(trainer.discriminator(x).shape))

# %% tags=["nbval-check-output"]
for name, model in (("G", trainer.generator), ("D", trainer.discriminator)):
    print(name, f"{sum(p.numel() for p in model.parameters()):,} parameters")

# %% [markdown]
# Before any training G draws fog, and D knows nothing: a logit near 0 for everything, so D(x) is near
# one half.

# %%
with torch.no_grad():
    p_real = trainer.discriminator(real).sigmoid().mean().item()
    p_fake = trainer.discriminator(x).sigmoid().mean().item()
print(f"D(real) = {p_real:.2f}, D(fake) = {p_fake:.2f}")

# %% [markdown]
# ## 4. One step
#
# This is the whole of GAN training, as the package runs it. Read it once from top to bottom.

# %%
source = inspect.getsource(training_step)
print(source[source.index("    # 1.") :])

# %% [markdown]
# Three things deserve a second look.
#
# - **The losses.** For D, *real* should be 1 and *fake* 0: it minimises
#   $-\log D(x) - \log(1 - D(G(z)))$. For G, *fake* should be 1: it minimises $-\log D(G(z))$. Here
#   $x$ is a real image, $z$ is noise, and both are averaged over the batch.
# - **`detach()`.** In D's half the fakes are cut off from G. Otherwise D's loss would reach back and
#   teach G to draw images that are *easy* to spot.
# - **D is asked twice about the same fakes**, before and after its own update. G should learn from the
#   newest opinion.

# %% [markdown]
# ## 5. Train, and watch
#
# Press **▶ Train**, and pause whenever you like. The images come from the same z every time, so you
# can follow one image as it grows. On two processor cores recognisable digits appear within a
# minute.

# %%
lab = LiveTraining(trainer)
lab

# %% [markdown]
# The same without a mouse, so that this notebook also runs by itself. It stops four times on the way to
# keep a picture.

# %%
moments = []
for _ in range(4):
    lab.run(STEPS // 4)
    moments.append((trainer.step, trainer.sample_images(16)))
print(lab.alt_text())

# %%
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4))
for axis, (step, images) in zip(axes, moments, strict=True):
    axis.imshow(image_grid(images, columns=4), cmap="gray")
    axis.set(title=f"after {step} steps", xticks=[], yticks=[])
figure.suptitle("▲ Fakes from the same 16 z, while G learns")
figure.tight_layout()
show(figure, alt="Four grids of 16 generated images from the same z, at a quarter, a half, three quarters "
     "and the end of training: from blurs to strokes that look like digits.")

# %% [markdown]
# ## 6. The curves, read honestly

# %%
seen = [row["images_seen"] for row in trainer.history]
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.6))
left.plot(seen, [r["loss_d"] for r in trainer.history], color=palette.DISCRIMINATOR, lw=2, label="D")
left.plot(seen, [r["loss_g"] for r in trainer.history], color=palette.GENERATOR, ls="-.", label="G")
left.set(title="Losses", xlabel="images seen", ylabel="loss")
right.plot(seen, [r["mean_d_real"] for r in trainer.history], color=palette.REAL, label="● D(x)")
right.plot(seen, [r["mean_d_fake"] for r in trainer.history], color=palette.FAKE, ls="--",
           label="▲ D(G(z))")
right.axhline(0.5, color="gray", lw=0.8, ls=":")
right.set(title="What D thinks", xlabel="images seen", ylabel="mean probability", ylim=(0, 1))
for axis in (left, right):
    axis.legend()
figure.tight_layout()
show(figure, alt="Two charts over the images seen. Left, the losses of D and G, which go up and down "
     "without settling. Right, D's mean probability for real images, mostly high, and for fakes, "
     "mostly low.")

# %% [markdown]
# The losses do not fall, and yet the images got better. Each loss says only how one player does against
# the *present* other. What you can read:
#
# - **D(x) and D(G(z)) both move**: the game goes on.
# - **D(G(z)) sticks at 0 and G's loss climbs**: D wins, and G may learn little from it.
# - **Quality and variety** are in neither curve. For those you look at samples, or measure them.

# %% [markdown]
# Does G copy? For a few fakes, find the real digit that is closest, pixel by pixel.

# %%
fakes = moments[-1][1][:8]
everything = trainer.images.take(torch.arange(len(trainer.images)))
distance = torch.cdist(fakes.flatten(1), everything.flatten(1))  # (8, 1797)
nearest = everything[distance.argmin(dim=1)]
figure, axis = plt.subplots(figsize=(9, 2.8))
axis.imshow(image_grid(torch.cat([fakes, nearest]), columns=8), cmap="gray")
axis.set(title="above ▲ fakes, below ● the nearest real digit of each", xticks=[], yticks=[])
show(figure, alt="Eight generated images, and below each the real digit that is nearest to it: alike in "
     "shape, but not the same image.")

# %% [markdown]
# ## 7. Keep it
#
# Save the generator, and load it again somewhere else. Files of others are read safely: a checkpoint
# can hold tensors here, never a program.

# %% tags=["nbval-check-output"]
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_generator.pth"
    save_generator(trainer.averaged.model, path)
    loaded = load_generator(path)
same = torch.equal(loaded(trainer.fixed_z[:4]), trainer.averaged.model(trainer.fixed_z[:4]))
print("loaded again, the same images:", same)

# %% [markdown]
# In a terminal the same training is one line, and it saves checkpoints, samples and curves:
#
# ```
# gan-course train --dataset digits --device cpu --output-dir runs/digits
# gan-course generate --checkpoint runs/digits/checkpoints/generator_final.pth --num_images 64
# ```
#
# Your own generator in the sampler of lesson 00: type the path of `generator_final.pth` into its box.
#
# **Try it.** Train with `loss="hinge"`, with `base_channels=8`, with `learning_rate=0.01`. What breaks
# first, the curves or the images?

# %% [markdown]
# ## 8. What do you know now?

# %%
quiz("08_train_dcgan", "after")

# %% [markdown]
# ## Summary
#
# | | |
# |---|---|
# | one step | draw fakes; D learns from real and detached fakes; G learns from D's newest opinion |
# | D's loss | $-\log D(x) - \log(1 - D(G(z)))$, computed on logits |
# | G's loss | $-\log D(G(z))$, computed on logits |
# | data | in [−1, 1], as tanh |
# | to look at | samples on fixed z, D(x) and D(G(z)), nearest real images; the losses alone tell little |
#
# **Now you** [exercises/08_train_dcgan](../exercises/08_train_dcgan.ipynb): write the losses, the
# step and the sampling yourself.
