# %% [markdown]
# # 90 · Appendix: glossary, gallery, reading list
#
# **With this appendix you can** look up any term of the course in English, Japanese or Chinese, go from it to the
# lesson that explains it and to the line of code that does it; see everything that ships with the course drawn at once;
# and choose what to read next.
#
# **Time** about 10 minutes for a look round · **Builds on** nothing · **Needs** no GPU

# %% [markdown]
# ## 1. Glossary
#
# 用語集 · 术语表. Run the cell, then type a part of a word in any of the three languages. Two words narrow it down:
# `loss hinge`; a lesson's number is a word too: `13 distance`.

# %%
import matplotlib.pyplot as plt
import torch

from gan_course import palette
from gan_course.data import image_grid, load_images
from gan_course.labs import Glossary, show
from gan_course.labs.latent import draw_images, noise, slerp
from gan_course.models import SAGANGenerator
from gan_course.pretrained import available, load_pretrained
from gan_course.pretrained.recorded import NAMES, load_run

# %%
Glossary()

# %% [markdown]
# ## 2. Gallery
#
# Everything here was drawn when this page was built, by weights that ship with the course. Beside each file of weights
# lies its card: the data, the command, the time, and what was measured.
#
# **The generators.** Each gets 30 z, the same ones if z is as long.


# %%
def panel(axis, images, title, columns=10):
    axis.imshow(image_grid(images, columns=columns), cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, color=palette.FAKE_TEXT, fontsize=11)


def labels_for(generator, count):
    """Its classes in turn, for a generator that takes labels."""
    if isinstance(generator, SAGANGenerator) and generator.num_classes:
        return torch.arange(count) % generator.num_classes


# %%
names = available()
columns = 2
figure, axes = plt.subplots(
    -(-len(names) // columns), columns, figsize=(10, 2.1 * -(-len(names) // columns)), squeeze=False, layout="constrained"
)
for axis in axes.flat:
    axis.axis("off")
for axis, name in zip(axes.flat, names, strict=False):
    generator = load_pretrained(name)
    axis.axis("on")
    panel(axis, draw_images(generator, noise(0, 30, generator.latent_dim), labels_for(generator, 30)), f"▲ {name}")
show(figure, alt=f"Thirty fakes each of the generators that ship: {', '.join(names)}.")

# %% [markdown]
# **One walk.** From one z to another along the sphere, three times: nothing jumps.

# %%
generator = load_pretrained("digits")
stops = noise(11, 4, generator.latent_dim)
steps = [slerp(stops[:-1], stops[1:], i / 9) for i in range(10)]  # each (3, latent_dim): a step on all three ways
walk = torch.stack(steps, dim=1).flatten(0, 1)  # (30, latent_dim), one way after the other
figure, axis = plt.subplots(figsize=(10, 3.2), layout="constrained")
panel(axis, draw_images(generator, walk), "▲ three ways through the space of z, a row each, left to right")
show(figure, alt="Three rows of ten digits. In each row one digit turns into another by small steps.")

# %% [markdown]
# **The recorded runs** of lesson 08, all from the same 16 z, at their first and their last moment. Four of them were
# spoilt on purpose.

# %%
figure, axes = plt.subplots(2, len(NAMES), figsize=(11, 4.3), layout="constrained")
for column, name in zip(axes.T, NAMES, strict=True):
    run = load_run(name)
    for axis, moment in zip(column, (0, -1), strict=True):
        images = draw_images(run.generators[moment], noise(0, 16, run.generators[moment].latent_dim))
        panel(axis, images, f"{run.title}\nafter {run.moments[moment]['images_seen']:,} images", columns=4)
show(figure, alt="Five recorded runs, first and last moment. Only the healthy one ends in many different digits.")

# %% [markdown]
# **And the real ones**, for an honest comparison.

# %%
figure, axis = plt.subplots(figsize=(10, 2.2), layout="constrained")
panel(axis, load_images("digits").take(torch.arange(40)), "● 40 real digits", columns=20)
axis.title.set_color(palette.REAL)
show(figure, alt="Forty real handwritten digits in two rows.")

# %% [markdown]
# ## 3. Reading list
#
# *Where it began*
#
# - Goodfellow and others, [Generative Adversarial Networks](https://arxiv.org/abs/1406.2661), 2014: the game, D's best
#   answer, and the proof. Eight pages; lesson 06 follows it.
# - Radford, Metz, Chintala, [Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
#   Networks](https://arxiv.org/abs/1511.06434), 2015: the five rules of lesson 07.
#
# *When it goes wrong*
#
# - Salimans and others, [Improved Techniques for Training GANs](https://arxiv.org/abs/1606.03498), 2016: one-sided label
#   smoothing, minibatch statistics.
# - Arjovsky, Bottou, [Towards Principled Methods for Training GANs](https://arxiv.org/abs/1701.04862), 2017, and
#   Arjovsky and others, [Wasserstein GAN](https://arxiv.org/abs/1701.07875), 2017: why gradients vanish.
# - Mescheder and others, [Which Training Methods for GANs do actually Converge?](https://arxiv.org/abs/1801.04406),
#   2018: the game on a line of lesson 09, and R1.
# - Marco Pasini, [10 Lessons I Learned Training GANs for one
#   Year](https://towardsdatascience.com/10-lessons-i-learned-training-generative-adversarial-networks-gans-for-a-year-c9071159628).
#
# *Attention and speed limits*
#
# - Miyato and others, [Spectral Normalization for Generative Adversarial Networks](https://arxiv.org/abs/1802.05957),
#   2018; Miyato, Koyama, [cGANs with Projection Discriminator](https://arxiv.org/abs/1802.05637), 2018.
# - Zhang, Goodfellow, Metaxas, Odena, [Self-Attention Generative Adversarial
#   Networks](https://arxiv.org/abs/1805.08318), 2018: lessons 10 to 12.
#
# *Measuring*
#
# - Heusel and others, [GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium](https://arxiv.org/abs/1706.08500), 2017: the FID; Bińkowski and others, [Demystifying MMD
#   GANs](https://arxiv.org/abs/1801.01401), 2018: the KID; Kynkäänniemi and others, [Improved Precision and Recall
#   Metric](https://arxiv.org/abs/1904.06991), 2019.
#
# *Larger, and other pictures*
#
# - Karras and others, [Progressive Growing of GANs](https://arxiv.org/abs/1710.10196), 2017; Karnewar, Wang,
#   [MSG-GAN: Multi-Scale Gradients](https://arxiv.org/abs/1903.06048), 2019; Karras and others, [A Style-Based Generator
#   Architecture](https://arxiv.org/abs/1812.04948), 2018 ([StyleGAN](https://en.wikipedia.org/wiki/StyleGAN) in short).
# - Karras and others, [Training Generative Adversarial Networks with Limited
#   Data](https://arxiv.org/abs/2006.06676), 2020; Huang and others, [The GAN is dead; long live the GAN! A Modern
#   GAN Baseline](https://arxiv.org/abs/2501.05441), 2024.
# - Gatys, Ecker, Bethge, [A Neural Algorithm of Artistic Style](https://arxiv.org/abs/1508.06576), 2015: style transfer.
#
# *In other words*
#
# - The PyTorch tutorial on [DCGAN and faces](https://pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html).
# - 日本語: 上田隆一, [アドバンストビジョン第4回](https://ryuichiueda.github.io/slides_marp/advanced_vision/lesson4.html)
#   (slides on VAE and GAN); [深層生成モデルを巡る旅(3): GAN](https://qiita.com/shionhonda/items/330c9fdf78e62db3402b);
#   [GANのなめらかさと安定性](https://tech.preferred.jp/ja/blog/smoothness-and-stability-in-gans/), for lessons 09 and 11;
#   [リプシッツ連続性](https://mathwords.net/lipschitz) and
#   [固有値・固有ベクトル](https://www.geisya.or.jp/~mwm48961/linear_algebra/eigenvalue2.htm), for lesson 11, which needs
#   singular values and says how these differ.
# - 中文: [nn.Conv2d](https://blog.csdn.net/qq_42079689/article/details/102642610), for lesson 01.
# - Odena and others, [Deconvolution and Checkerboard Artifacts](https://distill.pub/2016/deconv-checkerboard/), 2016,
#   for lesson 02.
# - [Creating generative art with GANs](https://soshnikov.com/scienceart/creating-generative-art-using-gan-on-azureml/),
#   an artist's notes.
#
# ## Summary
#
# | you look for | it is here |
# |---|---|
# | what a word means, where it is explained and where it is coded | section 1, by a part of the word in any of three languages |
# | what ships with the course | section 2, all of it drawn |
# | the paper behind a lesson, or another telling of it | the reading list |
#
# **Next** [91 · The same GAN in Keras](91_gan_in_keras.ipynb), the other appendix. **Back** to
# [the map of the course](00_start_here.ipynb).
