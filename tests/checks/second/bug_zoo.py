"""Right answers to the bug zoo, written another way than the solutions: (diagnosis, mended)."""

import torch
import torch.nn.functional as F
from torch import nn

from gan_course.models import init_weights


def ones_start(model):
    """gamma exactly 1, which is torch's own start and just as good."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.data = 0.02 * torch.randn(layer.weight.shape)
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    return model


def build_and_start(channels):
    model = nn.Sequential(
        nn.ConvTranspose2d(16, 2 * channels, kernel_size=4, bias=False),
        nn.BatchNorm2d(2 * channels),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * channels, channels, 4, 2, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.ConvTranspose2d(channels, 1, 4, 2, 1),
        nn.Tanh(),
    )
    model.apply(init_weights)
    return model


def only_norms_in_eval(generator, z):
    was_training = generator.training
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    images = generator(z)  # with gradients, which nobody asked about
    generator.train(was_training)
    return images


def by_assignment(in_channels, out_channels):
    """Initialised before it is wrapped, with the older spectral norm."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
    nn.init.orthogonal_(conv.weight, gain=3.0)  # spectral norm takes the 3 out again
    return nn.utils.spectral_norm(conv)


def by_einsum(query, key, value):
    scores = torch.einsum("nci,ncj->nij", query, key)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("nij,ncj->nci", weights, value)


def seeded(seed):
    torch.use_deterministic_algorithms(mode=True)
    torch.random.manual_seed(seed)


SECOND = {
    "log_of_sigmoid": (2, lambda logits_fake: -F.logsigmoid(-logits_fake).mean()),
    "integer_labels": (
        3.0,
        lambda logits_real: F.binary_cross_entropy_with_logits(
            logits_real, torch.ones(logits_real.shape, dtype=torch.float64)
        ),
    ),
    "loss_average": (
        4,
        lambda step_losses, batch_size: torch.tensor(step_losses, dtype=torch.float64).mean(),
    ),
    "backwards_explanation": (1, {"D(G(z)) is near": 0.001, "who is perfect": "discriminator"}),
    "data_range": (torch.tensor(1), lambda images: (images - 0.5) / 0.5),
    "init_never_called": (3, build_and_start),
    "gamma_around_zero": (2, ones_start),
    "eps_or_momentum": (3, lambda features: nn.BatchNorm1d(features, 1e-5, 0.2, affine=False)),
    "batch_mates": (4, only_norms_in_eval),
    "readme_snippet": (
        2,
        lambda generator, latent_dim: generator(torch.randn(16, latent_dim, 1, 1).flatten(1)),
    ),
    "determinism_named": (3, seeded),
    "ci_never_runs": (
        4,
        "on:\n  push:\n    branches:\n      - 'm*'\njobs: {t: {steps: [{run: make test}]}}\n",
    ),
    "init_after_spectral_norm": (1, by_assignment),
    "attention_axis": (2, by_einsum),
}
