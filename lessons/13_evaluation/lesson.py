# %% [markdown]
# # 13 · Evaluation: how good is it, and how sure are you?
#
# **After this lesson you can** say why no loss of a GAN tells how good its images are; derive and write the
# Fréchet distance, the kernel distance, precision and recall, and mode coverage; find copies; and tell a fair
# comparison from an unfair one.
#
# **Time** about 75 minutes · **Builds on** [09 · Failure modes](09_failure_modes.ipynb) · **Needs** no GPU
#
# The answers are stored below the questions. To guess honestly, choose *Edit → Clear Outputs of All
# Cells* first, then run cell by cell.

# %% [markdown]
# ## 1. Run it first
#
# Two training runs that were recorded for this course: the same data, the same networks, 2,000 steps each.
# Here are their losses, averaged over the last 400 steps. **Guess:** which of the two draws digits?

# %%
import matplotlib.pyplot as plt
import torch

from gan_course import palette
from gan_course.data import image_grid, load_images
from gan_course.evaluation.classifier import judge, load_classifier
from gan_course.evaluation.coverage import coverage, perfect_coverage
from gan_course.evaluation.features import load_extractor
from gan_course.evaluation.interval import wilson
from gan_course.evaluation.report import draw_fakes, evaluate
from gan_course.labs import FrechetBench, Manifolds, RealOrFake, quiz, show
from gan_course.pretrained import load_pretrained
from gan_course.pretrained.recorded import load_run

# %%
runs = {"A": load_run("collapsed"), "B": load_run("healthy")}
print("run   loss of D   loss of G   mean D(x)   mean D(G(z))")
for name, run in runs.items():
    late = [row for row in run.history if row["step"] > 1600]
    means = [sum(row[key] for row in late) / len(late) for key in ("loss_d", "loss_g", "mean_d_real", "mean_d_fake")]
    print(f"{name:<4}" + "".join(f"{mean:12.2f}" for mean in means))

# %% [markdown]
# Run A looks perfect. D says 0.5 to everything, and both losses lie where lesson 06 says that they lie at
# the end of a good game: log 4 ≈ 1.39 and log 2 ≈ 0.69. In run B, D sees through the fakes. Now the images.

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 4.1), layout="constrained")
for axis, (name, run) in zip(axes, runs.items(), strict=True):
    axis.imshow(image_grid(draw_fakes(run.generators[-1], 36), columns=6), cmap="gray")
    axis.set(title=f"run {name}: {run.title}", xticks=[], yticks=[])
figure.suptitle("36 images of each generator")
show(
    figure,
    alt="Two grids of 36 generated digits. In run A all 36 show nearly one and the same shape. In run B they are "
    "different digits, many of them easy to read.",
)

# %% [markdown]
# Run A has collapsed: one image, again and again, and not even a digit. Its losses could not tell, for a loss of a GAN compares G with
# *this* D, and this D was weak. A better G and a worse D give the same number.
#
# So we need a judge from outside, who is the same for every generator. Who?

# %% [markdown]
# ## 2. Guess first

# %%
quiz("13_evaluation", "before")

# %% [markdown]
# ## 3. Look through features
#
# Could we compare images pixel by pixel? A digit that is moved by two pixels is the same digit, yet its pixels are
# quite different. So all the measures below look at **features**: the last hidden layer of a classifier,
# where "which stroke is where" has become a row of numbers. Ours is small: trained on the digits, 64 features, right
# on all of the 359 images that it never saw. Papers use Inception, trained on ImageNet, with 2,048.

# %%
digits = load_images("digits")
extract = load_extractor("digits")
everyone = digits.take(torch.arange(len(digits)))  # (1797, 1, 32, 32)

four = everyone[4:5]
moved = torch.roll(four, 2, dims=3)  # two pixels to the right
other = everyone[11:12]  # another digit
f_four, f_moved, f_other = extract(torch.cat([four, moved, other]))
print("                          in pixels   in features")
print(f"the 4 and the same, moved {(four - moved).norm():9.2f} {(f_four - f_moved).norm():13.2f}")
print(f"the 4 and a 1             {(four - other).norm():9.2f} {(f_four - f_other).norm():13.2f}")

# %% [markdown]
# In pixels the moved 4 is nearly as far away as another digit. In features it is much nearer: the classifier has
# learned from moved digits that moving changes nothing.
#
# The real images and three sets of fakes, once and for all: the generator that ships with the course, and runs A and
# B.

# %% tags=["nbval-check-output"]
N = 800
order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
real_1, real_2 = extract(everyone[order[:N]]), extract(everyone[order[N : 2 * N]])  # (800, 64) each
generators = {
    "shipped": load_pretrained("digits"),
    "run B": runs["B"].generators[-1],
    "run A": runs["A"].generators[-1],
}
fakes = {name: draw_fakes(g, N) for name, g in generators.items()}
features = {name: extract(images) for name, images in fakes.items()}
print("real ", tuple(real_1.shape), tuple(real_2.shape))
for name, f in features.items():
    print(f"{name:<8}", tuple(fakes[name].shape), "->", tuple(f.shape))

# %% [markdown]
# ## 4. The Fréchet distance
#
# Two clouds of points in 64 dimensions: how far are they apart? Replace each by the Gaussian with its mean $\mu$
# and its covariance $C$. For two Gaussians the distance is known in closed form:
#
# $$d^2 = |\mu_r - \mu_f|^2 + \mathrm{tr}(C_r) + \mathrm{tr}(C_f) - 2\,\mathrm{tr}\sqrt{C_r C_f}$$
#
# Where does it come from? Pair each real point with a fake so that the mean *squared* distance of the pairs is as small
# as possible. In one dimension the best pairing of two Gaussians keeps the order: $x$ goes to
# $\mu_f + \sigma_f\,(x - \mu_r)/\sigma_r$. The mean squared distance is then $(\mu_r - \mu_f)^2 + (\sigma_r - \sigma_f)^2$,
# and $(\sigma_r - \sigma_f)^2 = \sigma_r^2 + \sigma_f^2 - 2\sqrt{\sigma_r^2\sigma_f^2}$. The formula says the same
# in many dimensions.

# %%
sorted_r = torch.randn(100_000, generator=torch.Generator().manual_seed(0)).mul(2).sort().values
sorted_f = torch.randn(100_000, generator=torch.Generator().manual_seed(1)).add(3).sort().values
print(f"pairs in order: mean squared distance {(sorted_r - sorted_f).square().mean():.2f}")
print(f"the formula:    (0 - 3)² + (2 - 1)² = {(0 - 3) ** 2 + (2 - 1) ** 2}")


# %% [markdown]
# The trace of the root needs no matrix root: it is the sum of the square roots of the eigenvalues of $C_r C_f$.


# %%
def frechet(features_real, features_fake):
    """(N, F) and (M, F) -> the squared Fréchet distance, a number."""
    a, b = features_real.double(), features_fake.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)  # (F, F)
    eigenvalues = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0)
    of_means = (a.mean(0) - b.mean(0)).square().sum()
    return (of_means + cov_a.trace() + cov_b.trace() - 2 * eigenvalues.sqrt().sum()).item()


print(f"{'real, other images':<20}{frechet(real_1, real_2):8.2f}")
for name, f in features.items():
    print(f"{name:<20}{frechet(real_1, f):8.2f}")

# %% [markdown]
# The order is right: the collapsed run is far behind. And it sees what the losses hid. Here is run B, moment by
# moment, with its own losses:

# %%
steps = [moment["step"] for moment in runs["B"].moments][2:]
course = [frechet(real_1, extract(draw_fakes(g, 400))) for g in runs["B"].generators[2:]]
lines = [row for row in runs["B"].history if row["step"] >= steps[0]]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained")
axes[0].plot(*zip(*[(r["step"], r["loss_g"]) for r in lines], strict=True), "-.", color=palette.GENERATOR, label="G")
axes[0].plot(*zip(*[(r["step"], r["loss_d"]) for r in lines], strict=True), color=palette.DISCRIMINATOR, label="D")
axes[0].set(title="the losses of run B", xlabel="step", ylabel="loss")
axes[0].legend()
axes[1].semilogy(steps, course, "o-", color="0.2")
axes[1].set(title="the Fréchet distance of run B", xlabel="step", ylabel="distance")
for axis in axes:
    axis.grid(color="0.9")
show(
    figure,
    alt="Left: the losses of G and D over the steps; G's is noisy and does not fall. Right: the Fréchet distance, "
    f"which falls from {course[0]:.0f} to {course[-1]:.1f}.",
)

# %% [markdown]
# After step 500 the loss of G goes up and down, and rather up. The distance falls all the time.
#
# ## 5. When it lies: the number of images
#
# Look again at the first line above: real images against *other real images* did not get 0. Was that chance?
# **Guess:** real images against real images, with 100 of each, or with 800. Which distance is larger?

# %%
print("images   real against real   shipped generator")
for n in (70, 100, 200, 400, 800):
    rows = [frechet(real_1[i : i + n], real_2[i : i + n]) for i in range(0, 800 - n + 1, max(n, 200))]
    fake = [frechet(real_1[i : i + n], features["shipped"][i : i + n]) for i in range(0, 800 - n + 1, max(n, 200))]
    print(f"{n:<8} {sum(rows) / len(rows):14.2f} {sum(fake) / len(fake):20.2f}")

# %% [markdown]
# The fewer images, the larger the distance, for the real ones as well. It is a **bias**, not noise: two samples of one
# cloud never have quite the same covariance, each difference makes the distance larger, and none makes it smaller. So
#
# - compare only numbers with the same count on both sides;
# - have many more images than features. With fewer, the covariance lacks directions; for Inception's 2,048
#   features papers take 10,000 or 50,000 images;
# - always put beside it what real images get: the floor.
#
# The lab below has a perfect generator, too.

# %%
FrechetBench()

# %% [markdown]
# (Two different changes with the same distance are easy to find there. The Fréchet distance says *how far*, not
# *what is wrong*, and it sees no more than mean and covariance.)
#
# ## 6. A distance without bias: the kernel distance
#
# A kernel $k(x, y)$ says how alike two points are. If real points and fakes come from one source, then real points are
# as much like each other as they are like fakes. So take the mean of $k$ within the real set, plus that within the
# fakes, minus twice that between them. The **KID** takes the cubic kernel $(x \cdot y / F + 1)^3$, which compares
# means, covariances and third moments.
#
# One detail decides: a point is not compared with itself. Then the estimate is right on average, for any count.


# %%
def kernel(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3  # (N, F), (M, F) -> (N, M)


def kernel_distance(a, b, with_itself=False):
    """Two sets of features -> the squared discrepancy, a number."""
    total = -2 * kernel(a, b).mean()
    for x in (a, b):
        table, n = kernel(x, x), len(x)
        total += table.mean() if with_itself else (table.sum() - table.trace()) / (n * (n - 1))
    return total.item()


print("images   without the diagonal   with it      (real against real)")
for n in (25, 50, 100, 200):
    starts = range(0, 800, n)
    fair = [kernel_distance(real_1[i : i + n], real_2[i : i + n]) for i in starts]
    biased = [kernel_distance(real_1[i : i + n], real_2[i : i + n], with_itself=True) for i in starts]
    print(f"{n:<8} {sum(fair) / len(fair):18.4f} {sum(biased) / len(biased):12.4f}")

# %% [markdown]
# Without the diagonal it stays near 0, now above, now below. That a distance may be negative is strange, and right: it is
# an *estimate*. Its spread is usually reported as well, from many small blocks.

# %%
for name, f in {"real": real_2, **features}.items():
    blocks = torch.tensor([kernel_distance(real_1[i : i + 100], f[i : i + 100]) for i in range(0, 800, 100)])
    print(f"{name:<8} {blocks.mean():8.4f} ± {blocks.std():.4f} over blocks of 100")

# %% [markdown]
# ## 7. Precision and recall: two questions, two numbers
#
# One number can't say whether images are bad or alike. So draw around each real point a ball that reaches to its third
# nearest real neighbour. All balls together are a guess at where real images live. **Precision** is the share of fakes
# inside; **recall** is the share of real images inside the balls of the fakes.


# %%
def share_inside(points, centres, k=3):
    """The share of points (N, F) in the balls around centres (M, F)."""
    radii = torch.cdist(centres, centres).kthvalue(k + 1, dim=1).values  # the nearest is itself
    return (torch.cdist(points, centres) <= radii).any(dim=1).float().mean().item()


print("             precision   recall")
for name, f in {"real": real_2, **features}.items():
    print(f"{name:<10} {share_inside(f, real_1):10.2f} {share_inside(real_1, f):10.2f}")

# %% [markdown]
# Even real images don't reach 1: that is the ceiling of this measure. And look at run A: recall says *collapse*, but its
# precision is perfect, and you have seen its one image: it is no digit at all. How can that be?

# %%
radii = torch.cdist(real_1, real_1).kthvalue(4, dim=1).values  # (800,)
holds = torch.cdist(features["run A"], real_1) <= radii  # (800 fakes, 800 balls)
which = holds.any(dim=0)  # (800,) balls with at least one fake inside
print("balls that hold a fake of run A:", which.sum().item(), "of", len(radii))
print("real digits at their centres:   ", digits.labels[order[:N]][which].tolist())
print(f"their largest radius {radii[which].max():.1f}; the median of all {radii.median():.1f}, the largest {radii.max():.1f}")

# %% [markdown]
# All 800 fakes lie at one place, and the balls of a few real digits, all with the same name, reach that place. *To these
# features* the blob is such a digit, for they were trained to tell digits from digits and have never seen anything else. No
# measure sees more than its features do. So never read one of the two numbers without the other, nor either without
# looking at images.
#
# With **truncation** z is drawn closer to 0. It is said to trade recall for precision. **Guess**, then see.

# %%
quiz("13_evaluation", "truncation")

# %%
truncations = (1.0, 0.7, 0.4, 0.2)
shares = []
for t in truncations:
    images = draw_fakes(generators["shipped"], 400, truncation=t)
    f, sure = extract(images), judge(extract.classifier, images).confident(0.9)
    shares.append((share_inside(f, real_1[:400]), share_inside(real_1[:400], f)))
    print(f"truncation {t}: precision {shares[-1][0]:.2f}, recall {shares[-1][1]:.2f}; surer than 0.9 of {sure:.0%}")

# %%
figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
axis.plot(truncations, [p for p, _ in shares], "o-", color="0.15", label="precision")
axis.plot(truncations, [r for _, r in shares], "s--", color="0.45", label="recall")
axis.set(title="Truncation of the shipped generator", xlabel="truncation", ylabel="share", ylim=(0, 1))
axis.grid(color="0.9")
axis.legend()
show(
    figure,
    alt="Precision and recall over the truncation. From 1.0 down to 0.2 recall goes from "
    f"{shares[0][1]:.2f} to {shares[-1][1]:.2f}, and precision from {shares[0][0]:.2f} to {shares[-1][0]:.2f}.",
)

# %% [markdown]
# Recall falls, as it must: fewer different images are drawn. But precision hardly rises with *this* generator: a little at
# 0.7, which may be chance with 400 images, and then it falls. The classifier becomes less sure all the way. A likely reason: the z near 0 lie between those of all ten digits, so the images
# there lie between digits. What holds for a large network that was trained on faces need not hold for yours: measure.
#
# The balls have a weakness of their own. In the lab: set *fakes off by* to 0.8, then pull *one* real point to the middle.

# %%
Manifolds()

# %% [markdown]
# ## 8. Is everything there? Coverage
#
# With a classifier one can count. For each fake: which digit? Then compare the shares with even ones, by the
# divergence $\sum_c p_c \log(p_c / q_c)$, where $p_c$ is the fakes' share of class $c$ and $q_c$ the real one.

# %%
shares_real = torch.bincount(digits.labels) / len(digits)
print("           classes   divergence   surer than 0.9")
for name, images in fakes.items():
    verdict = judge(extract.classifier, images)
    found = coverage(verdict.classes, 10, shares_real)
    print(f"{name:<10} {found.found:5} {found.kl:14.3f} {verdict.confident(0.9):14.0%}")

# %% [markdown]
# The last column is a trap again: the classifier is sure of run A's image, which is no digit. It has seen nothing but digits, so
# it names one. That a judge is sure says little where it has never been.
#
# Ten classes are soon covered. **Stacked digits** make it harder: three digits as the red, green and blue of one
# image. That is a set whose modes can be counted: 1,000 of them.

# %%
stacked = load_images("stacked-digits")
sample = stacked.take(torch.arange(8))
figure, axis = plt.subplots(figsize=(8, 1.5), layout="constrained")
axis.imshow(image_grid(sample, columns=8))
axis.set(title="Stacked digits: " + ", ".join(f"{v:03d}" for v in stacked.labels[:8].tolist()), xticks=[], yticks=[])
show(
    figure,
    alt="Eight small colour images, in each of which a red, a green and a blue digit overlap; the title spells their numbers.",
)

# %% [markdown]
# A trap: how many modes does a **perfect** generator show in 2,000 images?

# %%
print(" fakes      modes   expected     divergence   expected")
for count in (500, 2000, 10_000, 26_000):
    drawn = torch.randint(0, 1000, (count,), generator=torch.Generator().manual_seed(0))
    found = coverage(drawn, 1000)
    expected = perfect_coverage(1000, count)
    print(f"{count:>6,} {found.found:>10} {expected[0]:>10.0f} {found.kl:>14.3f} {expected[1]:>10.3f}")

# %% [markdown]
# Each mode is missed by N fakes with probability $(1 - 1/1000)^N$. So "865 modes of 1,000" may be the sample's fault.
# Papers take about 26,000.
#
# And trained ones? Three recipes saw the same images of 16×16 pixels in the same batches. Every two epochs the modes
# in 26,000 of their fakes were counted; a perfect generator would show all 1,000. (`python -m
# gan_course.trials.stacked_digits` trains and counts again, in two to three hours on one core.)

# %%
from gan_course.trials import stacked_digits

trial = stacked_digits.recorded()
styles = {"plain": ("--", "^", "0.1"), "dcgan": (":", "s", "0.5"), "relativistic": ("-", "o", palette.GENERATOR)}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for name, (line, mark, color) in styles.items():
    rows = trial["rows"][name]
    seen = [row["images"] / 1000 for row in rows]
    for axis, what in zip(axes, ("found", "kl"), strict=True):
        axis.plot(seen, [row[what] for row in rows], line, marker=mark, ms=4, color=color, label=name)
axes[0].set(title="Modes found, of 1,000", xlabel="images seen, thousands", ylabel="modes in 26,000 fakes")
axes[1].set(title="Unevenness: divergence, log scale", xlabel="images seen, thousands", ylabel="nats", yscale="log")
axes[1].axhline(trial["perfect"]["kl"], color="0.6", lw=1)
axes[1].text(seen[0], trial["perfect"]["kl"] * 1.08, "a perfect generator", color="0.35", fontsize=9)
axes[0].legend()
last = {name: trial["rows"][name][-1] for name in styles}
show(figure, alt="Two charts over the images seen. Modes found at the end: " + ", ".join(
    f"{name} {row['found']}" for name, row in last.items()) + ". Divergence at the end: " + ", ".join(
    f"{name} {row['kl']:.2f}" for name, row in last.items()) + f"; a perfect generator would have {trial['perfect']['kl']:.2f}.")

# %%
budget = stacked_digits.BUDGET * stacked_digits.PER_EPOCH
print(f"modes after {budget:,} images, with seeds " + ", ".join(str(seed) for seed in stacked_digits.SEEDS))
for name in styles:
    print(f"  {name:<14}" + "".join(f"{row['found']:>6}" for row in trial["seeds"][name]))
print(f"after {trial['rows']['plain'][-1]['images']:,}, seed 0      divergence")
for name in styles:
    print(f"  {name:<14}{last[name]['found']:>6} {last[name]['kl']:>16.3f}")

# %% [markdown]
# *plain* is two residual networks with the ordinary loss. After 200,000 images it misses two thirds of the modes with
# one seed, and a fifteenth with another: mode collapse, counted, and a reason not to trust a single run. *relativistic*
# is the same two networks with lesson 16's loss and penalties, and draws nearly everything by then, with each seed.
# *dcgan* was the quickest of all.
#
# Three times as long, all three find about 1,000: a comparison without its budget says nothing. They still draw some
# modes far more often than others: the divergence is about ten times that of a perfect generator.
#
# The command of *relativistic*, a quarter of an hour on one core:
#
#     gan-course train --dataset stacked-digits --image-size 16 --model r3gan --batch-size 64 --num-epochs 8
#
# ## 9. Is it a copy?
#
# A generator that hands out its training images gets a perfect mark in everything so far. So look for the nearest
# training image of each fake. But how near is *near*? Real images have nearest neighbours, too. That is the measure.

# %%
known = everyone.flatten(1)  # (1797, 1024)
table = torch.cdist(known, known).fill_diagonal_(torch.inf)  # no image is its own neighbour
among_themselves = table.min(dim=1).values  # (1797,)
print("                 median share of real images that are nearer to theirs")
for name, images in {**fakes, "copies": everyone[order[:N]]}.items():
    nearest = torch.cdist(images.flatten(1), known).min(dim=1).values
    share = (among_themselves < nearest[:, None]).float().mean(dim=1)
    print(f"{name:<16} {share.median():.2f}")

# %% [markdown]
# 0 would be a copy, 0.5 as near as real images are to each other. The fakes lie farther from the training images than
# most real ones do: they are no copies. (Pixels find copies, not thefts: a training image that
# is moved by two pixels is far away. In features one finds those.)
#
# ## 10. The same generator, other numbers
#
# Now a table of the kind that papers print by mistake. There is one generator in it. Only the protocol changes.

# %%
generator = generators["shipped"]
z = torch.randn(N, 64, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    usual = generator(z)
    generator.train()  # BatchNorm now looks at the batch ...
    in_train_mode = torch.cat([generator(part) for part in z.split(4)])
    generator.eval()
generator = load_pretrained("digits")  # ... and has changed its memory: take a fresh one
blurred = torch.nn.functional.interpolate(usual, 16, mode="bilinear", antialias=True, align_corners=False)
blurred = torch.nn.functional.interpolate(blurred, 32, mode="bilinear", align_corners=False)
stretched = (usual - usual.amin()) / (usual.amax() - usual.amin()) * 1.8 - 1  # "normalised" again

# %%
protocols = {
    "as it should be": usual,
    "only 100 of each": usual[:100],
    "train mode, batches of 4": in_train_mode,
    "saved small, enlarged again": blurred,
    "other range": stretched,
    "truncation 0.7": draw_fakes(generator, N, truncation=0.7),
}
print("one and the same generator       Fréchet distance")
for name, images in protocols.items():
    f = extract(images)
    print(f"{name:<32} {frechet(real_1[: len(f)], f):10.2f}")

network = load_classifier("digits").train()  # the other network's mode: its dropout is on now
torch.manual_seed(0)
with torch.no_grad():
    real_t, fake_t = (network.features(images) for images in (everyone[order[:N]], usual))
print(f"{'feature network in train mode':<32} {frechet(real_t, fake_t):10.2f}")

# %% [markdown]
# The smallest number of the table comes from a mistake. G's train mode changes next to nothing here; do not count on that
# with another network.
#
# Each line answers a question of its own, and no two may be compared. A number without its protocol is no number. Hence
# `gan-course evaluate` puts it beside each:

# %%
report = evaluate(generator, digits, num_images=400, name="the generator that ships")
print(report.table())

# %% [markdown]
# On the command line it is
#
#     gan-course evaluate --checkpoint checkpoints/generator_final.pth --dataset digits
#
# which also writes all of it as JSON. And `gan-course train --track frechet` measures the distance at each save and
# keeps the best generator. With `--features inception`, once torch-fidelity is installed, it is the FID of the
# papers.
#
# ## 11. The oldest judge: you
#
# Can *you* tell? Answer at least 20. The grey line is chance.

# %%
RealOrFake()

# %% [markdown]
# How sure is a share that was counted? The standard deviation of a share p in n trials is $\sqrt{p(1-p)/n}$. Wilson's
# interval holds all shares p from which your count would be at most 1.96 such deviations away:

# %%
for right, trials in ((13, 20), (65, 100), (650, 1000)):
    low, high = wilson(right, trials)
    word = "could be chance" if low <= 0.5 else "is hardly chance"
    print(f"{right} of {trials:,}: {low:.0%} to {high:.0%}, which {word}")

# %% [markdown]
# ## 12. What do you know now?

# %%
quiz("13_evaluation", "after")

# %% [markdown]
# ## Summary
#
# | measure | asks | its trap |
# |---|---|---|
# | losses | is G better than *this* D? | D may be weak: collapse can look perfect |
# | Fréchet distance (FID) | how far are the two Gaussians? | grows when images are few; sees mean and covariance only |
# | kernel distance (KID) | are fakes as much like real ones as these are like each other? | may be negative; spreads widely |
# | precision | how many fakes look real? | one outlier's ball covers much |
# | recall | how much of the real can G do? | the same, with the fakes' balls |
# | class and mode coverage | is everything there? | a small sample misses modes by itself |
# | nearest neighbours | is it a copy? | in pixels, a moved copy escapes |
# | you | can a person tell? | 20 answers say little: give the interval |
# | protocol | features, counts, seed, truncation, eval mode, preparation | without it no two numbers compare |
#
# In torch's own words: [torch.cov](https://pytorch.org/docs/stable/generated/torch.cov.html),
# [torch.linalg.eigvals](https://pytorch.org/docs/stable/generated/torch.linalg.eigvals.html),
# [torch.cdist](https://pytorch.org/docs/stable/generated/torch.cdist.html),
# [torch.kthvalue](https://pytorch.org/docs/stable/generated/torch.kthvalue.html),
# [torch.special.xlogy](https://pytorch.org/docs/stable/special.html#torch.special.xlogy).
#
# From the papers: *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium* (Heusel and
# others, 2017), for the FID; *Demystifying MMD GANs* (Bińkowski and others, 2018), for the KID; *Improved Precision and
# Recall Metric for Assessing Generative Models* (Kynkäänniemi and others, 2019); *VEEGAN* (Srivastava and others, 2017),
# for the thousand modes; *Effectively Unbiased FID and Inception Score* (Chong and Forsyth, 2020), for the bias.
#
# **Now you.** [exercises/13_evaluation](../exercises/13_evaluation.ipynb): six tasks, from reading a table to finding
# a copy.
#
# **Next** [14 · High resolution](14_high_resolution.ipynb): why large images are harder.
