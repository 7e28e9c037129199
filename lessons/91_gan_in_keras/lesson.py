# %% [markdown]
# # 91 · Appendix: the same GAN in Keras 3
#
# **With this appendix you can** read a Keras GAN if you know ours, and ours if you come from the TensorFlow version of
# such a lesson; carry weights over from one to the other; and name the five places where the two quietly differ.
#
# **Time** about 20 minutes · **Builds on** [08 · Train a DCGAN](08_train_dcgan.ipynb) · **Needs** no GPU, but Keras:
# `pip install "keras>=3.10"`
#
# Keras 3 runs on TensorFlow, JAX or PyTorch. Here it runs on PyTorch, so that both networks live side by side in one
# process and can be compared to the last digit.

# %%
import importlib.util
import os

from gan_course import fast_mode, palette
from gan_course.checks.parameters import whole_number
from gan_course.errors import CourseError

if importlib.util.find_spec("keras") is None:
    raise CourseError("Keras is not installed, and only this appendix needs it. In a terminal: pip install 'keras>=3.10'")
os.environ["KERAS_BACKEND"] = "torch"  # before the import: Keras looks once

# %% tags=["parameters"]
STEPS = 25 if fast_mode() else 250  # how long this notebook trains

# %%
STEPS = whole_number("STEPS", STEPS, 1, 10_000)  # says what is wrong, if it will not do

# %%
import keras
import matplotlib.pyplot as plt
import torch
from keras import layers

from gan_course.data import image_grid, load_images
from gan_course.labs import show
from gan_course.labs.latent import draw_images, noise
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.pretrained import load_pretrained
from gan_course.training.step import training_step

keras.config.set_image_data_format("channels_first")  # (N, C, H, W) as in PyTorch; Keras' habit is (N, H, W, C)
print("Keras", keras.__version__, "on", keras.backend.backend())

# %% [markdown]
# ## 1. The generator
#
# Ours first, as lesson 07 built it. Look at it layer by layer, and keep it in view.

# %%
ours_g = load_pretrained("digits")
print(ours_g)

# %% [markdown]
# The same in Keras. A layer gets its number of outputs only; that of the inputs it finds out itself, when it is first
# called. Four comments mark places where Keras' habits are others than PyTorch's; a fifth follows in D.


# %%
def batch_norm():
    # 1. Keras' momentum is the share of the OLD statistics: 0.9 is PyTorch's 0.1.  2. Its epsilon is 0.001, not 0.00001.
    return layers.BatchNormalization(axis=1, momentum=0.9, epsilon=1e-5)


def upsample(channels):
    # 3. padding="same" with stride 2 and kernel 4 is PyTorch's padding=1: the size doubles.
    return layers.Conv2DTranspose(channels, 4, strides=2, padding="same", use_bias=False)


def keras_generator(latent_dim=64, base=32, image_channels=1):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(4 * base * 4 * 4, use_bias=False),
            layers.Reshape((4 * base, 4, 4)),
            batch_norm(),
            layers.ReLU(),
            *[upsample(2 * base), batch_norm(), layers.ReLU()],  # (N, 64, 8, 8)
            *[upsample(base), batch_norm(), layers.ReLU()],  # (N, 32, 16, 16)
            layers.Conv2DTranspose(image_channels, 4, strides=2, padding="same", activation="tanh"),  # (N, 1, 32, 32)
        ],
        name="G",
    )


keras_g = keras_generator(ours_g.latent_dim, ours_g.base_channels)
trainable = sum(w.value.numel() for w in keras_g.trainable_weights)
print("trainable parameters: ours", sum(p.numel() for p in ours_g.parameters()), "· Keras", trainable)
print("BatchNorm's memory, which Keras counts too:", keras_g.count_params() - trainable)

# %% [markdown]
# ## 2. The same weights, the same images
#
# Equal counts prove little. So we carry our trained weights over. Only their order differs: a Keras `Dense` keeps its
# matrix the other way round, and a transposed convolution is stored as (height, width, out, in) instead of
# (in, out, height, width).


# %%
@torch.no_grad()
def carry_over(ours, theirs):
    """Copy the weights of each PyTorch layer into the Keras layer of the same kind, in order."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.BatchNorm2d)
    from_layers = [m for m in ours.modules() if isinstance(m, kinds)]
    to_layers = [layer for layer in theirs.layers if layer.weights]
    for source, target in zip(from_layers, to_layers, strict=True):
        if isinstance(source, torch.nn.BatchNorm2d):
            tensors = [source.weight, source.bias, source.running_mean, source.running_var]
        else:
            kernel = source.weight.T if isinstance(source, torch.nn.Linear) else source.weight.permute(2, 3, 1, 0)
            tensors = [kernel] if source.bias is None else [kernel, source.bias]
        target.set_weights([t.detach().cpu().numpy() for t in tensors])


carry_over(ours_g, keras_g)
z = noise(0, 20, ours_g.latent_dim)  # (20, 64)
with torch.no_grad():
    theirs = keras_g(z, training=False)  # 4. train or eval is an argument of the call, not a state of the network
ours = draw_images(ours_g, z)
print("largest difference of a pixel:", f"{(ours - theirs.cpu()).abs().max():.0e}")
assert torch.allclose(ours, theirs.cpu(), atol=1e-4)

# %%
figure, axes = plt.subplots(2, 1, figsize=(8, 3.9), layout="constrained")
for axis, images, name in zip(axes, (ours, theirs.cpu()), ("ours, PyTorch", "Keras, with our weights"), strict=True):
    axis.imshow(image_grid(images, columns=10), cmap="gray")
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"▲ {name}", color=palette.FAKE_TEXT)
show(figure, alt="Two grids of twenty generated digits, one above the other. They are the same images.")

# %% [markdown]
# ## 3. The discriminator
#
# The mirror image: strided convolutions and LeakyReLU, no sigmoid at the end. Keras calls LeakyReLU's slope
# `negative_slope` and takes 0.3 if you don't say 0.2.


# %%
def downsample(channels, bias=False):
    return layers.Conv2D(channels, 4, strides=2, padding="same", use_bias=bias)


def keras_discriminator(base=32, image_size=32, image_channels=1):
    return keras.Sequential(
        [
            keras.Input((image_channels, image_size, image_size)),
            *[downsample(base, bias=True), layers.LeakyReLU(negative_slope=0.2)],  # (N, 32, 16, 16)
            *[downsample(2 * base), batch_norm(), layers.LeakyReLU(negative_slope=0.2)],  # (N, 64, 8, 8)
            *[downsample(4 * base), batch_norm(), layers.LeakyReLU(negative_slope=0.2)],  # (N, 128, 4, 4)
            # 5. Told that channels come first, Flatten would move them last before it flattens; this keeps the order.
            layers.Flatten(data_format="channels_last"),
            layers.Dense(1),  # a logit
        ],
        name="D",
    )


digits = load_images("digits", 32)
torch.manual_seed(0)
ours_d = DCGANDiscriminator(32, 1, 32)
keras_d = keras_discriminator()
carry_over(ours_d, keras_d)
real = digits.take(torch.arange(8))  # (8, 1, 32, 32)
ours_d.eval()
with torch.no_grad():
    difference = (ours_d(real) - keras_d(real, training=False).cpu().squeeze(1)).abs().max()
print("largest difference of a logit:", f"{difference:.0e}")
assert difference < 1e-4

# %% [markdown]
# ## 4. The training step
#
# In PyTorch you write the loop. In Keras you write `train_step` and leave the loop to `fit`. Inside, it is line for line
# the step of lesson 08: D's turn on real and on fake images, then G's turn, with D's weights left alone.


# %%
class KerasGAN(keras.Model):
    def __init__(self, generator, discriminator, latent_dim):
        super().__init__()
        self.generator, self.discriminator, self.latent_dim = generator, discriminator, latent_dim
        self.optimizer_g = keras.optimizers.Adam(4e-4, beta_1=0.5, epsilon=1e-8)
        self.optimizer_d = keras.optimizers.Adam(4e-4, beta_1=0.5, epsilon=1e-8)
        self.bce = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, images_real):
        z = torch.randn(len(images_real), self.latent_dim, device=images_real.device)

        # D's turn: real is 1, fake is 0. detach() keeps the gradient away from G.
        images_fake = self.generator(z, training=True)
        logits_real = self.discriminator(images_real, training=True)
        logits_fake = self.discriminator(images_fake.detach(), training=True)
        ones, zeros = torch.ones_like(logits_real), torch.zeros_like(logits_fake)
        loss_d = self.bce(ones, logits_real) + self.bce(zeros, logits_fake)
        self.update(self.discriminator, self.optimizer_d, loss_d)

        # G's turn: it wants D to say 1.
        loss_g = self.bce(ones, self.discriminator(images_fake, training=True))
        self.update(self.generator, self.optimizer_g, loss_g)
        return {"loss_d": loss_d.detach(), "loss_g": loss_g.detach()}

    def update(self, network, optimizer, loss):
        weights = [w.value for w in network.trainable_weights]
        gradients = torch.autograd.grad(loss, weights)  # of this network only
        with torch.no_grad():
            optimizer.apply(gradients, network.trainable_weights)


# %% [markdown]
# ## 5. One run of each
#
# The same first weights, the same images in the same order; only z is drawn anew. Two runs of a GAN never agree in the
# end, but they should look alike. (Each of the two takes half a minute or more; ours first.)


# %%
def fresh_pair():
    torch.manual_seed(1)
    return DCGANGenerator(32, 1, 64, 32), DCGANDiscriminator(32, 1, 32)


def batches(steps, size=32):
    """The digits in an order of their own, epoch after epoch."""
    epoch = 0
    while True:
        for batch in digits.batches(size, seed=0, epoch=epoch):
            if steps == 0:
                return
            steps -= 1
            yield batch
        epoch += 1


g, d = fresh_pair()
adam = {"lr": 4e-4, "betas": (0.5, 0.999)}
optimizer_g, optimizer_d = torch.optim.Adam(g.parameters(), **adam), torch.optim.Adam(d.parameters(), **adam)
for images in batches(STEPS):
    stats = training_step(g, d, optimizer_g, optimizer_d, images, torch.randn(len(images), 64))
print(f"ours:  loss of D {stats.loss_d:.2f}, of G {stats.loss_g:.2f} after {STEPS} steps")

# %%
kg, kd = keras_generator(), keras_discriminator()
for ours, theirs in zip(fresh_pair(), (kg, kd), strict=True):
    carry_over(ours, theirs)
gan = KerasGAN(kg, kd, latent_dim=64)
for images in batches(STEPS):
    logs = gan.train_step(images)
print(f"Keras: loss of D {logs['loss_d']:.2f}, of G {logs['loss_g']:.2f} after {STEPS} steps")

# %%
z = noise(3, 24, 64)
with torch.no_grad():
    pictures = {"ours, PyTorch": draw_images(g, z), "Keras": kg(z, training=False).cpu()}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for axis, (name, images) in zip(axes, pictures.items(), strict=True):
    axis.imshow(image_grid(images, columns=6), cmap="gray")
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"▲ {name}, after {STEPS} steps", color=palette.FAKE_TEXT)
show(figure, alt="Two grids of 24 early fakes, from PyTorch and from Keras. Both show blurred strokes of the same kind.")

# %% [markdown]
# ## Summary
#
# | here | in Keras | mind |
# |---|---|---|
# | `nn.Linear(in, out)` | `layers.Dense(out)` | its matrix is stored transposed |
# | `nn.Conv2d(…, 4, stride=2, padding=1)` | `layers.Conv2D(…, 4, strides=2, padding="same")` | the same for even sizes; for odd ones "same" pads one side more |
# | `nn.BatchNorm2d(momentum=0.1)` | `layers.BatchNormalization(momentum=0.9)` | 1 minus the other; epsilon 0.001 unless told; axis 1 for channels first |
# | `model.train()`, `model.eval()` | `model(x, training=True)` | a state here, an argument there |
# | `nn.Flatten()` | `layers.Flatten(data_format="channels_last")` | with channels first it reorders the numbers: loaded weights would fit the shape and be wrong |
# | `nn.LeakyReLU(0.2)` | `layers.LeakyReLU(negative_slope=0.2)` | 0.3 unless told |
# | `BCEWithLogitsLoss` | `BinaryCrossentropy(from_logits=True)` | without it Keras expects probabilities |
# | `loss.backward(); optimizer.step()` | `optimizer.apply(gradients, weights)` | Keras gets the gradients handed over |
# | `Trainer(config).fit()` | `model.fit(dataset)`, with your own `train_step` | resume, averaging and the doctor are ours only |
#
# In Keras' own words: [writing a custom train step with PyTorch](https://keras.io/guides/custom_train_step_in_torch/).
#
# **Back** to [the map of the course](00_start_here.ipynb).
