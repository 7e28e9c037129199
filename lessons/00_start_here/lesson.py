# %% [markdown]
# # 00 · Start here
#
# **After this lesson you can** sample a trained generator live, say who the two players of a GAN are
# and what each of them wants, and find your way through the course.
#
# **Time** about 15 minutes · **Builds on** nothing but a little Python · **Needs** no GPU, no network
#
# Begin at once: click into the grey cell below and press **Shift + Enter**. It takes a few seconds.

# %%
from gan_course.labs import Sampler, quiz, show

sampler = Sampler()
sampler

# %% [markdown]
# ## 1. Drag a slider
#
# Nobody wrote these digits. A *generator*, a small neural network, draws each of them out of 64 random
# numbers, now, on your own processor. Try four things, and guess each time what will happen before
# you move:
#
# 1. Move **seed**. It changes all the random numbers.
# 2. Set seed back to 0 and move **slide towards B**. Each image walks over to another one.
# 3. Answer the question above **truncation**, which opens its slider, and move it.
# 4. Move **direction 1**. It pushes the random numbers of all images the same way.
#
# With the keyboard: Tab goes to the next slider, the arrow keys move it. Leave *your checkpoint* empty
# for now: after lesson 08 you can type the name of a file there, and drag a generator of your own.
#
# (You see a picture, but no sliders? The cell above has not run yet in this session: run it.)

# %% [markdown]
# ## 2. What did you just drag?
#
# The random numbers of one image form a list called **z**, the *latent vector*. "Latent" means hidden:
# you see the image, not the numbers behind it. The generator, **G**, turns one z into one image,
# which is written **G(z)**.
#
# Let us do by hand what the sliders do.

# %% tags=["nbval-check-output"]
import torch

from gan_course.pretrained import load_pretrained

generator = load_pretrained("digits")  # the same network as above
rng = torch.Generator().manual_seed(7)  # a source of random numbers; 7 is where it starts
z = torch.randn(5, generator.latent_dim, generator=rng)
with torch.no_grad():  # we only look, we do not train
    images = generator(z)
print("z     ", tuple(z.shape), "        5 rows of 64 random numbers")
print("images", tuple(images.shape), "  5 images, 1 grey channel, 32 by 32 pixels")

# %% [markdown]
# Here are the five lists of numbers, and below each one the image that G makes of it.

# %%
import matplotlib.pyplot as plt

from gan_course import palette

figure, axes = plt.subplots(2, 5, figsize=(9, 4), height_ratios=[1, 2], layout="constrained")
for i in range(5):
    axes[0, i].bar(range(64), z[i].tolist(), color=palette.GENERATOR)
    axes[0, i].set(title=f"z number {i + 1}", xticks=[], ylim=(-3.5, 3.5), yticks=[-3, 0, 3])
    axes[1, i].imshow(images[i, 0], cmap="gray", vmin=-1, vmax=1)
    axes[1, i].set(title=f"G of z number {i + 1}", xticks=[], yticks=[])
axes[0, 0].set_ylabel("value")
axes[0, 0].set_xlabel("its 64 numbers")
figure.suptitle("Five latent vectors, and the images that G makes of them")
show(
    figure,
    alt="Top row: five bar charts, each of 64 random numbers between about -3 and 3. Below "
    "each chart, the handwritten-looking digit that the generator draws from those numbers.",
)

# %% [markdown]
# Does G throw dice of its own as well? Ask it twice with the same z.

# %% tags=["nbval-check-output"]
with torch.no_grad():
    again = generator(z)
print("same z, same images:", torch.equal(images, again))

# %% [markdown]
# It does not. All chance is in z; G is a plain function from 64 numbers to 1,024 pixels.

# %% [markdown]
# ## 3. Three guesses
#
# How could a network learn to do that? G is trained together with a second network, the
# *discriminator*, **D**, which looks at an image and says whether it takes it for real or for one of G's.
# More you need not know yet: guess before you read on. A wrong guess costs nothing here, and makes the
# right answer stick.

# %%
quiz("00_start_here", "before")

# %% [markdown]
# ## 4. The two players
#
# **G, the generator,** is a forger. It sees only noise, never a real image, and tries to draw images
# that pass as real.
#
# **D, the discriminator,** is a detective. It is shown real images and forged ones, and says for each
# how sure it is that the image is real.
#
# Both start knowing nothing. Whenever D finds a way to tell forgeries from real images, G learns to
# close that gap; then D has to find another one. After thousands of rounds the forgeries are good.
# *Adversarial* means just this: two networks against each other. Together they are a **GAN**,
# a *generative adversarial network*.
#
# Here is the game as a picture. (The next cell only notes what stands where. Run it, and read on.)

# %%
boxes = [  # x, y, text, colour, line
    (0.5, 0, "noise z", "0.5", "solid"),
    (2.2, 0, "G\nthe forger", palette.GENERATOR, "dashdot"),
    (4.4, 0, "▲ fake image\nG(z)", palette.FAKE, "dashed"),
    (4.4, 1.7, "● real image\nx", palette.REAL, "solid"),
    (6.7, 0.85, "D\nthe detective", palette.DISCRIMINATOR, "solid"),
    (8.9, 0.85, "real\nor fake?", "0.5", "solid"),
]
arrows = [  # from, to, line, bend
    ((1.0, 0), (1.5, 0), "solid", 0),
    ((2.9, 0), (3.5, 0), "solid", 0),
    ((5.25, 0.1), (5.85, 0.55), "solid", 0),
    ((5.2, 1.6), (5.85, 1.15), "solid", 0),
    ((7.55, 0.85), (8.3, 0.85), "solid", 0),
    ((8.8, 1.5), (6.8, 1.5), "dashed", 0.45),
    ((8.8, 0.2), (2.3, -0.55), "dashed", -0.32),
]

# %% [markdown]
# Now the picture itself.

# %%
figure, axis = plt.subplots(figsize=(9, 3.9))
for x, y, text, color, line in boxes:
    look = {"boxstyle": "round,pad=0.6", "ec": color, "fc": "white", "lw": 2.5, "ls": line}
    axis.text(x, y, text, ha="center", va="center", fontsize=12, bbox=look)
for start, end, line, bend in arrows:
    look = {"arrowstyle": "->", "lw": 1.8, "ls": line, "connectionstyle": f"arc3,rad={bend}"}
    axis.annotate("", end, start, arrowprops=look)
axis.text(7.8, 2.3, "what was the truth?", ha="center", fontsize=11, style="italic")
axis.text(5.6, -1.62, "what would D call real?", ha="center", fontsize=11, style="italic")
axis.set(xlim=(-0.2, 9.7), ylim=(-1.9, 2.6), title="The game: G never sees a real image")
axis.axis("off")
show(
    figure,
    alt="A diagram. Noise z goes into G, the forger, which makes a fake image. The fake image "
    "and a real image x go into D, the detective, which answers: real or fake? A dashed arrow "
    "leads from the answer back to D: what was the truth? Another leads back to G: what would "
    "D call real?",
)

# %% [markdown]
# The solid arrows carry images. The dashed arrows carry what the players learn from. D is told the
# truth after each answer. G is told only in which direction D's answer would have moved, had a
# pixel been a little brighter or darker.
#
# When the training is done, D is put away. What you dragged above is G alone.

# %% [markdown]
# ## 5. What the detective says
#
# D answers with one number for each image, a **logit**. Large and positive means "surely real", large
# and negative "surely fake", and 0 means "I can't tell".
#
# To read a logit as a probability, squeeze it by the *sigmoid* function, $1 / (1 + e^{-\text{logit}})$.
# That probability is written **D(x)** for a real image x, and **D(G(z))** for a fake.

# %% tags=["nbval-check-output"]
for logit in (-5.0, -2.0, 0.0, 2.0, 5.0):
    probability = torch.sigmoid(torch.tensor(logit)).item()
    print(f"logit {logit:>4}  ->  probability of being real {probability:.3f}")

# %% [markdown]
# ## 6. Be the detective
#
# Six of these twelve images are real handwriting. G drew the other six. Which are the fakes?

# %%
from gan_course.data import load_images

rng = torch.Generator().manual_seed(11)
digits = load_images("digits")  # 1,797 real handwritten digits
real = digits.take(torch.randperm(len(digits), generator=rng)[:6])  # (6, 1, 32, 32)
fake = generator.generate(6, rng)  # (6, 1, 32, 32)
order = torch.randperm(12, generator=rng)  # where each image hangs
hung = torch.cat([real, fake])[order]
is_fake = order >= 6

figure, axes = plt.subplots(2, 6, figsize=(8, 3.4), layout="constrained")
for i, axis in enumerate(axes.flat):
    axis.imshow(hung[i, 0], cmap="gray", vmin=-1, vmax=1)
    axis.set(title=f"image {i}", xticks=[], yticks=[])
figure.suptitle("Six are real, six are fake")
show(
    figure,
    alt="Twelve small images of digits, numbered 0 to 11, white on black. All look "
    "handwritten; nothing marks the six fakes.",
)

# %% [markdown]
# Write the numbers of the six that you take for fakes between the brackets, for example
# `[0, 1, 2, 3, 4, 5]`. Run the cell, then the one below it.

# %%
my_fakes = []

# %%
if not my_fakes:
    print("Put your six numbers between the brackets above, run that cell, then this one.")
else:
    figure, axes = plt.subplots(2, 6, figsize=(8, 3.4), layout="constrained")
    for i, axis in enumerate(axes.flat):
        axis.imshow(hung[i, 0], cmap="gray", vmin=-1, vmax=1)
        truth = "▲ fake" if is_fake[i] else "● real"
        color = palette.FAKE if is_fake[i] else palette.REAL
        line = "dashed" if is_fake[i] else "solid"
        axis.set(title=f"{i}: {truth}", xticks=[], yticks=[])
        axis.spines[:].set(color=color, linewidth=4, linestyle=line)
    right = sum((i in my_fakes) == bool(is_fake[i]) for i in range(12))
    figure.suptitle(f"You were right about {right} of 12 images. A coin would get 6.")
    named = ", ".join(str(i) for i in range(12) if is_fake[i])
    show(
        figure,
        alt=f"The twelve images again, each framed and named. The fakes are {named}. You were "
        f"right about {right} of 12.",
    )

# %% [markdown]
# That was D's whole job. If you could hardly do better than the coin, G has played well; where you
# *did* see it, ask yourself what gave the fake away. That clue is just what G learns from.

# %% [markdown]
# ## 7. How long is z?
#
# Two of the sliders, *truncation* and *slide towards B*, are about one property of z: its length, the
# square root of the sum of its squared numbers. Draw a thousand z and look.

# %%
many = torch.randn(1000, 64, generator=torch.Generator().manual_seed(0))
lengths = many.norm(dim=1)  # (1000,)
print(f"mean length {lengths.mean():.2f}, from {lengths.min():.2f} to {lengths.max():.2f}")

# %% [markdown]
# Nearly all z are about equally long: close to 8, the square root of 64. They lie near the surface of
# a ball, and hardly any near its centre. So G has practised on long z only.
#
# **Truncation** multiplies z by a number. Below 1 it makes every z shorter than what G is used to.

# %%
z = torch.randn(8, 64, generator=torch.Generator().manual_seed(1))
factors = (1.0, 0.6, 0.3)
figure, axes = plt.subplots(3, 8, figsize=(9, 3.7), layout="constrained")
for row, factor in zip(axes, factors, strict=True):
    with torch.no_grad():
        images = generator(factor * z)  # (8, 1, 32, 32)
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image[0], cmap="gray", vmin=-1, vmax=1)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"truncation\n{factor}", fontsize=11)
figure.suptitle("The same eight z, multiplied by three factors")
show(
    figure,
    alt="Three rows of eight digits from the same z. With factor 1.0 bright and varied digits, "
    "with 0.6 paler ones, with 0.3 the fewest differences and the faintest strokes.",
)

# %% [markdown]
# "More alike" can be measured: take all pairs of images, and see how far apart they are on average.

# %%
for factor in factors:
    with torch.no_grad():
        pixels = generator(factor * many[:200]).flatten(1)  # (200, 1024)
    print(f"truncation {factor}: mean distance between two images {torch.pdist(pixels).mean():.1f}")

# %% [markdown]
# The shorter z, the more alike the images. Large generators are often run like this: fewer odd images,
# at the price of variety. Ours is small, and very short z also give it pale strokes.
#
# (Strictly, *truncation* means to throw away the large numbers in z and draw those again. Multiplying
# has much the same effect, and makes a smooth slider.)

# %% [markdown]
# **Guess.** Now take two z, and the point half way between them on a straight line. Is it longer than
# they are, as long, or shorter?

# %%
from gan_course.labs.sampler import slerp

rng = torch.Generator().manual_seed(148)
z_a, z_b = torch.randn(2, 1, 64, generator=rng)  # each (1, 64)
print(f"z_a                            {z_a.norm():.2f}")
print(f"z_b                            {z_b.norm():.2f}")
print(f"half way on a straight line    {(0.5 * z_a + 0.5 * z_b).norm():.2f}")
print(f"half way along the ball        {slerp(z_a, z_b, 0.5).norm():.2f}")

# %% [markdown]
# A straight line cuts through the inside of the ball, where G has hardly ever been. So the slider goes
# around, along the surface. That walk is called **slerp**, *spherical linear interpolation*.
#
# (This pair of z was picked because one sees it well. For many pairs the difference is small.)

# %%
times = torch.linspace(0, 1, 7)
straight = torch.cat([(1 - t) * z_a + t * z_b for t in times])  # (7, 64)
around = torch.cat([slerp(z_a, z_b, t.item()) for t in times])  # (7, 64)
figure, axes = plt.subplots(2, 7, figsize=(9, 3.3), layout="constrained")
for row, way, name in zip(axes, (straight, around), ("straight", "slerp"), strict=True):
    with torch.no_grad():
        images = generator(way)
    for axis, image, step in zip(row, images, way, strict=True):
        axis.imshow(image[0], cmap="gray", vmin=-1, vmax=1)
        axis.set(xticks=[], yticks=[], xlabel=f"length {step.norm():.1f}")
    row[0].set_ylabel(name, fontsize=11)
figure.suptitle("Two ways from one image to another")
show(
    figure,
    alt="Two rows of seven images in which a digit turns into another one. In the upper row, on "
    "the straight line, z is shortest in the middle and the strokes there are pale; in the lower "
    "row, along the sphere, z keeps its length and the strokes stay bright.",
)

# %% [markdown]
# ## 8. How the course works
#
# **Guess, then look.** Labs and quizzes ask before they show. To take the answers out of a notebook
# before you start it, choose *Edit → Clear Outputs of All Cells*.
#
# **Labs** are for playing, like the sampler above. Each one can print the PyTorch code that does what
# you see; in the lab itself, open *The same in PyTorch* below the picture.

# %%
print(sampler.code())

# %% [markdown]
# **Exercises** have a notebook of their own for each lesson, in the folder `exercises`. Below each task
# sits a *check*. Run it as often as you like: it says what is wrong and where to look, not only that
# something is wrong. Hints wait below each task, and `solutions` has every task solved.
#
# **Nothing is graded.** What you have solved is remembered in a small file on your own machine.
#
# **The code is real.** What a lesson shows in pieces is in the package `gan_course`, whole. Open
# `gan_course/models/dcgan.py` whenever you wonder how G looks inside.
#
# **A word you do not know?** The [glossary](90_glossary_and_gallery.ipynb) has every term in English,
# Japanese and Chinese, with its lesson and its line of code.
#
# ### Cells, in one table
#
# | you want to | do this |
# |---|---|
# | run a cell and go on | **Shift + Enter** |
# | run all cells from the top | *Run → Run All Cells* |
# | stop a cell that takes too long | the square button ■ above |
# | start afresh | *Kernel → Restart Kernel…*, then run from the top |
# | see what a function does | put a `?` behind its name and run the cell |

# %% [markdown]
# ### When something fails
#
# - **An error in a cell.** Read its *last* line first; it says what happened. Often a cell above has
#   not been run: run all cells from the top.
# - **Nothing moves.** The *kernel*, which is the Python that runs your cells, may be busy with another
#   cell, or stopped. Restart it, run again.
# - **Anything else.** Open a terminal (*File → New → Terminal*) and type `gan-course doctor`. It looks
#   at your machine and says in words what to do. It changes nothing.

# %% [markdown]
# ## 9. The map
#
# Here is the course with what you have solved so far, and what comes next. A lesson's name opens the
# lesson, what stands in the last column its exercises. Run the cell again whenever you come back. In a
# terminal, `gan-course progress` prints the same.

# %%
from gan_course.checks import progress

progress.table()

# %% [markdown]
# ## 10. What do you know now?

# %%
quiz("00_start_here", "after")

# %% [markdown]
# ## Summary
#
# | word | meaning |
# |---|---|
# | **z**, latent vector | a list of random numbers, G's only input |
# | **G**, generator | turns z into an image, G(z); wants D to take it for real |
# | **D**, discriminator | turns an image into a logit; wants to tell real from fake |
# | **logit** | how sure D is, any number: positive real, negative fake, 0 can't tell |
# | **D(x)**, **D(G(z))** | the same as a probability between 0 and 1, by the sigmoid |
# | **truncation** | shorter z: images more alike |
# | **slerp** | from one z to another along the sphere, so that the length stays |
#
# Colours mean the same everywhere: real ● blue and solid, fake ▲ orange-red and dashed, D green, G
# purple.
#
# **Now you.** This lesson has no exercises. The first ones belong to the next lesson:
# [exercises/01_conv2d](../exercises/01_conv2d.ipynb).
#
# **Next** [01 · Conv2d](01_conv2d.ipynb): the layer through which D looks at an image.
