# %% [markdown]
# # 00 · Start here
#
# **After this lesson you can** sample a trained generator live, name the two players of a GAN and
# what each wants, and find your way through the course.
#
# **Time** about 15 minutes · **Builds on** nothing but a little Python · **Needs** no GPU, no network
#
# Run the cells from top to bottom: click into one and press **Shift + Enter**.

# %%
from gan_course.labs import Sampler, quiz, show

sampler = Sampler()
sampler

# %% [markdown]
# ## 1. Drag a slider
#
# These digits were never written by anybody. A *generator*, a small neural network, draws each of them
# out of 64 random numbers, while you watch. Try this:
#
# 1. Move **seed**: other random numbers, other digits.
# 2. Move **slide towards B**: each image walks to another one, through images in between.
# 3. Answer the question above **truncation**, then move it.
# 4. Move **direction 1**: the random numbers change together along one line.
#
# Everything you see is computed now, on your own processor. (No sliders above? Run the cell.)

# %% [markdown]
# ## 2. What did you just drag?
#
# The random numbers are called **z**, the *latent vector*. The generator, **G**, turns one z into one
# image. Let us do by hand what the sliders do.

# %% tags=["nbval-check-output"]
import torch

from gan_course.pretrained import load_pretrained

generator = load_pretrained("digits")
z = torch.randn(5, generator.latent_dim, generator=torch.Generator().manual_seed(7))
with torch.no_grad():
    images = generator(z)
print("z     ", tuple(z.shape), "  5 rows of 64 random numbers")
print("images", tuple(images.shape), "  5 images, 1 grey channel, 32 by 32 pixels")

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 5, figsize=(10, 4.2), height_ratios=[1, 2])
for i in range(5):
    axes[0, i].bar(range(64), z[i], color="#AA4499")
    axes[0, i].set(title=f"z number {i + 1}", xticks=[], ylim=(-3, 3))
    axes[1, i].imshow(images[i, 0], cmap="gray", vmin=-1, vmax=1)
    axes[1, i].set(title=f"G(z number {i + 1})", xticks=[], yticks=[])
figure.suptitle("Five latent vectors, and the images that G makes of them")
figure.tight_layout()
show(figure, alt="Top row: five bar charts, each of 64 random numbers. Below each, the digit that "
     "the generator draws from those numbers.")

# %% [markdown]
# The same z always gives the same image: G has no dice of its own. All chance is in z.

# %% tags=["nbval-check-output"]
with torch.no_grad():
    again = generator(z)
print("the same z, the same images:", torch.equal(images, again))

# %% [markdown]
# ## 3. The two players
#
# Nobody told G what a 3 looks like. It learned by playing against a second network:
#
# - **G, the generator**, is a forger. It sees only noise, never a real image, and tries to draw images
#   that pass as real.
# - **D, the discriminator**, is a detective. It sees real images and forged ones, mixed, and says for
#   each how sure it is that it is real.
#
# Both begin knowing nothing. Each time D finds a new way to tell them apart, G learns to close that
# gap, and so on, thousands of times. *Adversarial* means just this: two networks against each other.

# %%
from gan_course import palette

figure, axis = plt.subplots(figsize=(10, 3.2))


def box(x, y, text, color):
    style = {"boxstyle": "round,pad=0.6", "edgecolor": color, "facecolor": "white", "linewidth": 2}
    axis.text(x, y, text, ha="center", va="center", fontsize=11, bbox=style)


def arrow(start, end, color="#444444"):
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": color, "lw": 1.8})


box(0.6, 0, "noise z", "#888888")
box(2.4, 0, "G\nthe forger", palette.GENERATOR)
box(4.4, 0, "▲ fake image", palette.FAKE)
box(4.4, 1.4, "● real image", palette.REAL)
box(6.6, 0.7, "D\nthe detective", palette.DISCRIMINATOR)
box(8.9, 0.7, "real or fake?", "#888888")
for start, end in [((1.1, 0), (1.85, 0)), ((2.95, 0), (3.65, 0)), ((5.15, 0.1), (5.85, 0.5)),
                   ((5.15, 1.3), (5.85, 0.9)), ((7.35, 0.7), (8.15, 0.7))]:
    arrow(start, end)
axis.set(xlim=(0, 9.8), ylim=(-0.7, 2.1))
axis.set_title("The game: G never sees a real image, it only hears what D says")
axis.axis("off")
show(figure, alt="A diagram: noise z goes into G, the forger, which makes a fake image. The fake "
     "image and a real image go into D, the detective, which answers: real or fake?")

# %% [markdown]
# D's answer is a single number, a *logit*: large and positive for "surely real", large and negative
# for "surely fake", zero for "I can't tell". Squeezed into a probability it is written D(x).
#
# When training is done, D is thrown away. What you dragged above is G alone.

# %% [markdown]
# ## 4. How the course works
#
# - **Guess first, then look.** Labs and quizzes ask for a guess before they show. A wrong guess that
#   you made yourself is the best way to remember the right one.
# - **Labs** are things to touch. Each can print the code that does the same: try `sampler.code()`.
# - **Exercises** are in the folder `exercises`, one notebook for each lesson. A check tells you at
#   once what is wrong, and two hints wait below each task. `solutions` has them all solved.
# - **Nothing is graded.** What you have solved is kept in a small file on your machine.

# %%
print(sampler.code())

# %% [markdown]
# ## 5. The map
#
# The numbers leave room for lessons that are still being written.

# %%
from gan_course.checks import progress

progress.table()

# %% [markdown]
# ## 6. When something fails
#
# - A cell shows an error: read its last line, run the cells above it again, then this one.
# - Nothing moves: the kernel may be busy or stopped. Choose *Kernel → Restart Kernel* and run again.
# - Anything else: type `gan-course doctor` in a terminal. It looks at your machine and says in words
#   what to do.

# %% [markdown]
# ## 7. What do you know now?

# %%
quiz("00_start_here", "after")

# %% [markdown]
# ## Summary
#
# | word | meaning |
# |---|---|
# | z, latent vector | random numbers, G's only input |
# | G, generator | turns z into an image; wants D to call it real |
# | D, discriminator | turns an image into a logit; wants to tell real from fake |
# | logit, D(x) | how sure D is, as any number, and as a probability between 0 and 1 |
#
# **Next** [01 · Conv2d](01_conv2d.ipynb): the layer that lets D look at an image.
