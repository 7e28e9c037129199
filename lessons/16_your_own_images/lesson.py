# %% [markdown]
# # 16 · Your own images: from a folder to a model card
#
# **After this lesson you can** say what is wrong with a folder of images before a night of training does; make few
# images last longer, and see when that leaks; write a modern loss that needs no tricks; train on your own folder, pause and go on;
# and publish what comes of it honestly.
#
# **Time** about 80 minutes · **Builds on** [13 · Evaluation](13_evaluation.ipynb) · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# This is the assignment of the whole course: **train a GAN on images of your own.** Write the path of your folder
# between the quotes, or set the variable `GAN_COURSE_IMAGES` before you start Jupyter. It is only read: no file in it is
# changed, moved or deleted. What you train on it is kept, in `runs/` of the course.

# %% tags=["parameters"]
my_folder = ""  # for example "~/Pictures/leaves"

# %%
import os
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from PIL import Image

from gan_course import palette
from gan_course.data import image_grid, load_images
from gan_course.data.duplicates import difference_hash, small_copy
from gan_course.data.pictures import read_picture
from gan_course.errors import typed_path
from gan_course.evaluation import evaluate
from gan_course.files import shown
from gan_course.labs import CopyCheck, DataDoctor, RunDesk, quiz, show
from gan_course.labs.export import film_frames, grid_picture, model_card
from gan_course.training import TrainConfig
from gan_course.training.augment import AdaptiveAugment, draw_moves, moved

# %% [markdown]
# No folder at hand? Then the lesson makes one, as folders are in real life: 300 digits as PNG files, some of them twice
# in other formats, and a handful of files that only look like images. It lives in a temporary place and goes when the
# notebook is closed.

# %%
temporary = tempfile.TemporaryDirectory()
folder = typed_path(my_folder or os.environ.get("GAN_COURSE_IMAGES", ""))
is_mine = folder != Path()
home = Path("../runs").resolve() / folder.name if is_mine else Path(temporary.name)  # of what is trained here
if not is_mine:
    folder = Path(temporary.name) / "digits"
    folder.mkdir()
    digits = load_images("digits", 40)
    pictures = [Image.fromarray(p[0].numpy()) for p in digits.pixels[:300]]
    for i, picture in enumerate(pictures):
        picture.save(folder / f"{i:03}.png")
    for i in range(0, 40, 2):  # the same again: JPEG, another size, a little lighter
        pictures[i].resize((60, 60)).point(lambda v: 15 + 0.9 * v).save(folder / f"again_{i:03}.jpg", quality=80)

# %%
if not is_mine:
    png, jpg = (folder / "000.png").read_bytes(), (folder / "again_000.jpg").read_bytes()
    bad = {
        "empty.png": b"",
        "cut.png": png[: len(png) // 2],
        "cut.jpg": jpg[: len(jpg) // 2],
        "notes.png": b"buy milk\n",
        "page.jpg": b"<!DOCTYPE html><html>404 not found</html>",
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
        "paper.jpeg": b"%PDF-1.7\n",
        "drawing.png": b'<?xml version="1.0"?><svg></svg>',
        "archive.gif": b"PK\x03\x04\x00\x00",
        "phone.jpg": b"\x00\x00\x00\x1cftypheic",
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (2, 90)).save(folder / "tiny.png")
    pictures[50].convert("CMYK").save(folder / "press.jpg")
    pictures[51].save(folder / "really_a_jpeg.png", format="JPEG")

# %% [markdown]
# ## 2. Guess first

# %%
quiz("16_your_own_images", "before")

# %% [markdown]
# ## 3. What is wrong with it?
#
# A discriminator learns from *every* difference between real images and fakes. A folder in which a tenth of the
# images is upside down, grey or blank teaches G to draw those, too. So look before you train. The lab below asks first how
# much will be left; then play with the previews.

# %%
doctor_lab = DataDoctor(folder)
doctor_lab.look()

# %% [markdown]
# Each file was opened to its end, exactly as training does it: many breaks are in the last bytes. Once you have guessed, this
# is what the doctor shows; below it stands everything that was found, in words.

# %%
opened = DataDoctor(folder, revealed=True).look()
show(opened.render(), alt=opened.alt_text())

# %%
report = doctor_lab.report()
warnings.filterwarnings("ignore", message=".*were skipped")  # these files are named here
print(f"{report.looked} files: {len(report.good)} good, {len(report.bad)} bad")
for seen in report.bad:
    print(f"  {shown(seen.path)}: {seen.problem}")
for note, count in report.notes.most_common():
    print(f"  {count} x {note}")

# %% [markdown]
# Bad files are left out and named. Odd ones are used: turned as the camera noted, put on white where they are transparent,
# brought to RGB. Then each is cut to its middle square and made small. What is lost thereby? **Look at a few of your
# own at 32 and 64 pixels before you choose.** An image that must be *enlarged* is worse: G will learn the blur.

# %%
good = [report.folder / seen.path for seen in report.good[:6]]
figure, axes = plt.subplots(3, 6, figsize=(8, 4.2), layout="constrained")
for row, size in enumerate((16, 32, 64)):
    for axis, path in zip(axes[row], good, strict=False):
        axis.imshow(read_picture(path, size).permute(1, 2, 0))
        axis.set(xticks=[], yticks=[])
    axes[row, 0].set_ylabel(f"{size}x{size}")
figure.suptitle("Six images as the networks would see them")
show(
    figure,
    alt="Six images of the folder in three rows, at 16, 32 and 64 pixels: coarse squares in the first row, smooth "
    "edges in the last.",
)

# %% [markdown]
# ## 4. The same image twice
#
# An image that is in the folder ten times counts ten times: G draws it more often, and a test on held-out images becomes
# worthless, for its twin was trained on. Copies are seldom equal byte by byte. They were saved again, resized, made
# lighter. So describe each image by something that survives all this: make it tiny and grey, and ask of each pixel
# whether it is brighter than its right neighbour. That is a **difference hash**.

# %%
path = good[0]
twin = next((folder / copy for copy, first in report.copies if folder / first == path), good[1])
tiny = {"an image": small_copy(read_picture(path)), "its twin": small_copy(read_picture(twin))}
tiny["another"] = small_copy(read_picture(good[2]))
hashes = {name: difference_hash(copy) for name, copy in tiny.items()}  # bool (256,)
figure, axes = plt.subplots(2, 3, figsize=(6.4, 4.4), layout="constrained")
for column, (name, copy) in enumerate(tiny.items()):
    apart = int((hashes[name] != hashes["an image"]).sum())
    axes[0, column].imshow(copy, cmap="gray")
    axes[0, column].set(title=f"{name}: 17x16 pixels", xticks=[], yticks=[])
    axes[1, column].imshow(hashes[name].reshape(16, 16), cmap="gray")
    axes[1, column].set(title=f"{apart} of 256 differ", xticks=[], yticks=[])
show(figure, alt="Above: three tiny grey images. Below: their 256 answers as black and white squares. Those of the "
     "first two are nearly the same, those of the third differ in many places.")

# %% [markdown]
# A tenth of the answers may differ in a near-duplicate. Drawings on an even ground can agree by chance, so the doctor
# also asks that the tiny copies correlate by 0.995 or more. The first of each group is kept; nothing is deleted.

# %%
print(f"{len(report.copies)} near-duplicates, for example:")
for copy, first in report.copies[:3]:
    print(f"  {shown(copy)} is {shown(first)} again")
print(f"{report.usable()} images remain.")

# %% [markdown]
# ## 5. Few images
#
# The doctor's advice:

# %%
print("\n".join(report.advice()))

# %% [markdown]
# Why by heart? D has many more weights than the folder has images. Sooner or later it knows each of them, calls exactly these
# real, and everything else fake, however good it is. G then learns nothing more.
#
# **Augmentation** shows D every image a little changed each time: moved, in other light, with a hole in it. Two rules
# make it work for a GAN:
#
# 1. *Real images and fakes alike.* Were only the real ones changed, G would have to draw changed images.
# 2. *The gradient must pass through*, for G learns through the change.

# %%
images = load_images(f"folder:{folder}", 32).take(torch.arange(8)) if is_mine else load_images("digits").take(torch.arange(8))
rng = torch.Generator().manual_seed(0)
rows = {"as they are": images}
for kind in ("translation", "affine", "color", "cutout", "all"):
    rows[kind] = moved(images, draw_moves(kind, 8, 32, rng)[:, 0]).clamp(-1, 1)
figure, axes = plt.subplots(6, 1, figsize=(6.6, 6), layout="constrained")
for axis, (name, batch) in zip(axes, rows.items(), strict=True):
    axis.imshow(image_grid(batch, columns=8, padding=1), cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[])
    axis.set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle("What D would see")
show(figure, alt="Eight images in six rows: unchanged, moved, turned and slanted, lighter or darker, with a black "
     "square, and all of it together.")

# %%
quiz("16_your_own_images", "leak")

# %% [markdown]
# This **leak** has a cure: change only a share p of the images. As long as the untouched ones are the most frequent,
# G has to draw those. How large must p be? As large as D's memory demands, and no larger.
# **Adaptive** augmentation watches how often D says "real" to real images. If it is right about nearly all of them, p goes up;
# if not, down. Here a made-up D that gets too sure, and is then surprised by new images:

# %%
adaptive = AdaptiveAugment(images=8_000)
course = []
for step in range(600):
    sure = 2.0 if 100 <= step < 400 else -0.2  # mean logit of real images
    adaptive.look(sure + 1.5 * torch.randn(32, generator=rng))
    if step % 10 == 9:
        adaptive.move(float(adaptive.mean_of_signs()), images_seen=320)
    course.append((adaptive.p, adaptive.mean_sign))
figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axis.plot([p for p, _ in course], color="0.1", label="p, share of changed images")
axis.plot([sign for _, sign in course], "--", color=palette.DISCRIMINATOR, label="mean sign of D's logits, real images")
axis.axhline(0.6, color="0.6", lw=0.8, ls=":")
axis.set(xlabel="step", ylabel="share, mean sign", title="A thermostat for D's memory")
figure.legend(loc="outside lower center", ncols=2, fontsize=8)
show(figure, alt="Over 600 steps: where the mean sign lies above the dotted target of 0.6 the share p rises to its "
     "limit of 0.8, and where it lies below p falls again to 0.")

# %% [markdown]
# ## 6. A loss without tricks: compare pairs
#
# All losses so far ask D about one image at a time: *is this real?* The **relativistic** loss asks about a pair: *which of these
# two is more real?* With logits $r_n$ of real images and $f_n$ of fakes,
#
# $$L_D = \mathrm{mean}\,\bigl(-\log\sigma(r_n - f_n)\bigr), \qquad L_G = \mathrm{mean}\,\bigl(-\log\sigma(f_n - r_n)\bigr)$$
#
# so G's step needs the real images' logits, too. What does that change? Say that G has dropped a kind of image. Alone, its fakes
# are as real as can be, so nobody complains. In pairs they are compared with the dropped kind as well.

# %%
r = torch.tensor([3.0, -1.0, 0.5])
f = torch.tensor([1.0, 1.0, -2.0])
print("pairs, r - f:        ", (r - f).tolist())
print(f"loss of D {F.softplus(f - r).mean():.3f}, of G {F.softplus(r - f).mean():.3f}")
print(f"with 100 added to all: {F.softplus((f + 100) - (r + 100)).mean():.3f}")

# %% [markdown]
# Only differences count. So D's output is no probability any more, and there is no 0.5 to hope for.
#
# ## 7. Why it needs R1 and R2
#
# By itself this loss goes round in circles, as lesson 09 showed for others. The smallest GAN shows it: G draws a single point
# $\theta$, the real image is the point 0, and $D(x) = \psi x$. Then $r - f = -\psi\theta$. The penalties **R1** and **R2** add
# $\frac{\gamma}{2}|\nabla_x D|^2$ at the real images and at the fakes. Here the slope is $\psi$ at both.


# %%
def smallest_gan(gamma, steps=400, rate=0.2):
    theta, psi = torch.tensor(1.0), torch.tensor(0.0)
    way = []
    for _ in range(steps):
        pull = torch.sigmoid(psi * theta)  # how far the pair is lost by D
        d_psi = pull * theta + 2 * gamma * psi  # R1 and R2: each is gamma / 2 * psi**2
        d_theta = -torch.sigmoid(-psi * theta) * psi
        psi, theta = psi - rate * d_psi, theta - rate * d_theta
        way.append((theta.item(), psi.item()))
    return way


figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
for gamma, style, color in ((0.0, "--", palette.FAKE), (0.3, "-", palette.DISCRIMINATOR)):
    way = smallest_gan(gamma)
    later = smallest_gan(gamma, steps=4000)
    axis.plot(*zip(*way, strict=True), style, color=color, lw=1.2, label=f"gamma {gamma}")
    ends = [sum(v * v for v in w[-1]) ** 0.5 for w in (way, later)]
    print(f"gamma {gamma}: distance from the goal {ends[0]:.3f} after 400 steps, {ends[1]:.3f} after 4,000")
axis.plot(0, 0, "o", color=palette.REAL)
axis.set(xlabel="θ, what G draws", ylabel="ψ, the slope of D", title="The smallest relativistic GAN", aspect="equal")
axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
show(
    figure,
    alt="Two curves around the goal in the middle: without a penalty one that comes a little nearer and then circles "
    "without end, with gamma 0.3 one that runs into the goal.",
)

# %% [markdown]
# Without the penalty the two run round the goal for ever, here at more than half the distance they began with. With it
# they arrive. For real networks the slope is a gradient with respect to the *image*, and D must learn from it: a gradient of a
# gradient. `create_graph=True` keeps what is needed for the second one.

# %%
D = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.Softplus(), torch.nn.Linear(8, 1))
x = torch.randn(4, 1, 4, 4, requires_grad=True)
logits = D(x).squeeze(1)  # (4,)
(slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)  # (4, 1, 4, 4)
penalty = slope.square().flatten(1).sum(1).mean()
penalty.backward()
print("slope", tuple(slope.shape), "penalty", f"{penalty:.4f}")
print("reaches D's first weights:", D[1].weight.grad.abs().sum().item() > 0)

# %% [markdown]
# Each image must go its own way through D for that, so no BatchNorm. The R3GAN paper found that with this loss and
# these two penalties the other tricks can go: no BatchNorm, no spectral norm, no label smoothing. Only residual blocks.
# Our small pair is in `gan_course/models/r3gan.py`; this is its whole block:
#
# ```python
# def forward(self, x):
#     inner = self.first(F.leaky_relu(x, SLOPE))
#     return x + self.second(F.leaky_relu(inner, SLOPE))
# ```
#
# ## 8. Train on your folder
#
# The desk asks first how long it will take: a few steps on *copies* of the networks tell. Pausing saves the run, and
# `RunDesk.resume(folder)` takes it up again, to the bit, tomorrow as well. The images here are small, 16x16, so that
# something can be seen within seconds; for your own take what the doctor advised.

# %%
saved = home / "run"
config = TrainConfig(
    dataset=f"folder:{folder}",
    model="r3gan",  # with it come loss="relativistic", r1=0.1 and r2=0.1
    image_size=16,
    base_channels=16,
    batch_size=max(2, min(32, report.usable())),
    num_epochs=200,
    learning_rate=0.001,
    augment="all",
    adaptive_augment=True,
    drop_duplicates=True,
    device="cpu",
    output_dir=str(saved),
    resume=(saved / "checkpoints" / "last.safetensors").exists(),  # go on with it
)
desk = RunDesk(config)
print(f"{len(desk.trainer.images)} images, {desk.trainer.batches_per_epoch} steps an epoch")
if is_mine:
    print(f"The run is kept in {saved}, now at step {desk.trainer.step:,}.")

# %% [markdown]
# **Guess:** how long will the whole run take on this machine? Then press *Train*, and *Pause*, as you like.

# %%
desk

# %%
seconds = desk.estimate()
print(f"{desk.figure_data()['steps_left']:,} steps at {1000 * desk.step_seconds:.0f} ms: about {seconds:.0f} seconds here")
desk.run(max(0, 250 - desk.step))
show(desk.render(), alt=desk.alt_text())

# %% [markdown]
# 250 steps are not enough for beauty, but you can see where it goes. (A folder is read in colour, even if all of it is
# grey: G has to find out by itself that the three channels agree.) Stop, and go on:

# %% tags=["nbval-check-output"]
desk.save()
again = RunDesk.resume(saved)
same = all(
    torch.equal(a, b)
    for a, b in zip(desk.trainer.generator.parameters(), again.trainer.generator.parameters(), strict=True)
)
print("at step", again.trainer.step, "- the same weights:", same)

# %% [markdown]
# On the command line the same is
#
#     gan-course train --dataset folder:PATH --model r3gan --augment all --adaptive-augment --drop-duplicates
#
# ## 9. How good is it, and did it copy?
#
# Lesson 13 measured how far the fakes are from the real images. Now on your own: beside the distance stands what two
# halves of the *real* images are apart. Much nearer than that no generator comes.

# %%
features = "photographs" if is_mine else "digits"  # of a classifier that has seen such images
measured = evaluate(desk.trainer.averaged.model, desk.trainer.images, features)
for m in measured.measurements:
    print(f"{m.name:<20} {m.value:7.3f}  {m.better and m.better + ' is better'}")
print(measured.sentence())

# %% [markdown]
# So few images make a rough measure: compare these numbers with those of your own runs on this folder only, never with
# somebody else's. On the command line it is `gan-course evaluate --checkpoint … --dataset folder:PATH`.
#
# With few images the question of lesson 13 becomes urgent. Eight fakes, their nearest training images, and how many
# real images are nearer to theirs. Mirrored copies, and such as are moved by up to a sixteenth, are looked for, too.
#
# Images can be compared by their pixels, or by their *features*, what a classifier sees in them. Each misses something:
# pixels lose a copy that was moved further, features one that was blurred. So look by both.

# %%
checked = CopyCheck(desk.trainer.averaged.model, desk.trainer.images, features)
checked

# %% [markdown]
# Once you have guessed, it shows this:

# %%
opened = CopyCheck(desk.trainer.averaged.model, desk.trainer.images, features, revealed=True)
show(opened.render(), alt=opened.alt_text())
copies = opened.summary()
opened.by = "features"
copies += " " + opened.summary()
print(copies)

# %% [markdown]
# ## 10. Take it home
#
# A grid, a film of a way through z, the weights, and a **model card**: what it is, what it was trained on, by whose leave, and what it should not be used
# for. `desk.export(folder, notes=…)` writes all four.

# %%
generator = desk.trainer.averaged.model
frames = film_frames(generator, stops=3, between=8)
grid = grid_picture(generator.generate(32, torch.Generator().manual_seed(1)), columns=8, enlarge=2)
figure, axes = plt.subplots(1, 5, figsize=(9, 2.6), layout="constrained", width_ratios=[2.6, 1, 1, 1, 1])
for axis, picture in zip(axes, [grid, *frames[:8:2]], strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set(xticks=[], yticks=[])
axes[0].set_title("grid.png")
for number, axis in enumerate(axes[1:]):
    axis.set_title(f"film, frame {2 * number}")
show(figure, alt="Left a grid of 32 generated images; right four frames of the film, in which nine images change "
     "step by step.")

# %%
number = 1 + len(list(home.glob("export_*")))  # each time a new folder
paths = desk.export(
    home / f"export_{number}",
    notes="Digits of the UCI set, as shipped with scikit-learn." if not is_mine else "",
    copies=copies,
    measured=measured.sentence(),
)
print("Written to", paths[0].parent if is_mine else "a temporary folder:")
for path in paths:
    print(f"{path.name:<24} {path.stat().st_size / 1000:6.0f} kB")

# %%
print(model_card(desk.trainer, copies=copies, measured=measured.sentence()).split("To draw")[0])

# %% [markdown]
# *Not stated* is what it says where you have said nothing. Fill it in: images of other people need their leave, and a
# generator can remember some of them.
#
# ## 11. What do you know now?

# %%
quiz("16_your_own_images", "after")

# %% [markdown]
# ## Summary
#
# | step | what to do | its trap |
# |---|---|---|
# | look | open every file to its end; name the bad ones; delete nothing | one broken file in 10,000 stops a night's run |
# | resolution | the largest size that nine tenths of the images have | enlarged images teach blur |
# | duplicates | difference hash, then correlation; keep the first | copies count double, and spoil the test |
# | few images | change real images and fakes alike, a share p of them | what is done to all of them leaks into G |
# | adaptive p | up while D is too sure of the real images | at 0.8 there are simply too few images |
# | relativistic loss | compare pairs: softplus(f − r) | logits are no probabilities any more |
# | R1 and R2 | gamma/2 · squared slope, at real images and fakes | no BatchNorm in D; a second backward pass costs time |
# | measure | distance to the real images, beside that of their halves | few images: compare your own runs only |
# | copies | nearest training image against real images' own | finding none proves nothing |
# | model card | what, from what, by whose leave, not for what | the empty line is the important one |
#
# In torch's own words: [torch.autograd.grad](https://pytorch.org/docs/stable/generated/torch.autograd.grad.html),
# [F.softplus](https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html),
# [F.grid_sample](https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html),
# [F.interpolate](https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html).
#
# From the papers: *The GAN is dead; long live the GAN! A Modern GAN Baseline* (Huang and others, 2024), for the pair of
# loss and penalties; *The relativistic discriminator* (Jolicoeur-Martineau, 2019); *Which Training Methods for GANs do
# actually Converge?* (Mescheder and others, 2018), for R1; *Training Generative Adversarial Networks with Limited Data*
# (Karras and others, 2020), for adaptive augmentation; *Differentiable Augmentation for Data-Efficient GAN Training*
# (Zhao and others, 2020).
#
# **Now you.** [exercises/16_your_own_images](../exercises/16_your_own_images.ipynb): six tasks. And then the real one:
# **your folder**. Let the doctor look at it, train overnight, check for copies, write the card, and show somebody.
#
# This is the last lesson. You began with one convolution; now you can build, train, break, mend and judge a GAN, and say
# honestly what it can do. What will you make?
#
# **Next** [90 · Glossary, gallery, reading list](90_glossary_and_gallery.ipynb), the first of two appendices.
