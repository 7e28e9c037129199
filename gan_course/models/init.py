"""The initialisation of DCGAN, and spectral normalisation, which has to come after it."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations, parametrize


def init_weights(model: nn.Module) -> nn.Module:
    """Draw all weights of ``model`` as the DCGAN paper does, in place, and return the model.

    Convolutions and linear layers: weights from N(0, 0.02), biases 0. BatchNorm: weights (gamma)
    from N(1, 0.02), biases (beta) 0. The paper says "all weights"; that gamma is centred on 1 and
    not on 0 is from the authors' code, and it matters: with gamma near 0 the first images are
    a flat grey.

    Layers are found by their type, not by looking for 'Conv' in the class name as is often seen:
    that search misses linear layers. Call this *before* wrapping a layer in spectral norm, for
    afterwards ``weight`` is a computed copy, and writing to it changes nothing.

    Raises:
        ValueError: if a layer is already wrapped.

    Source: Radford et al. 2015, section 4; github.com/Newmu/dcgan_code.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if parametrize.is_parametrized(module, "weight"):
                raise ValueError(
                    "a layer is already wrapped in spectral norm, and its weight is a computed "
                    "copy. Call init_weights first and wrap afterwards."
                )
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:  # else it has none of the two
            nn.init.normal_(module.weight, mean=1.0, std=0.02)
            nn.init.zeros_(module.bias)
    return model


def init_xavier(model: nn.Module) -> None:
    """Draw the weights as SAGAN's authors did, by Glorot's (Xavier's) rule, in place; biases are 0.

    Spectral norm divides a weight by its stretch, so its size does not change what a layer does. It
    does set how fast the layer learns: an Adam step is about as long for a large weight as for a
    small one and turns the small one further. Glorot's rule gives wide and narrow layers about the
    same stretch, so all of them turn at a similar pace; DCGAN's fixed 0.02 does not.

    Raises:
        ValueError: if a layer is already wrapped in spectral norm.

    Source: github.com/brain-research/self-attention-gan; Glorot & Bengio 2010.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if parametrize.is_parametrized(module, "weight"):
                raise ValueError("initialise the weights first and wrap afterwards.")
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def add_spectral_norm(model: nn.Module) -> nn.Module:
    """Divide the weight of every convolution and linear layer by its largest singular value.

    In place; returns the model. The weight is read as a matrix with one row for each output
    channel: dimension 0 of a convolution, but dimension 1 of a transposed one. The largest singular
    value is followed by one step of the power iteration at each forward pass in train mode, so do
    not read ``weight`` of a model in train mode just to look at it.

    It is the matrix whose stretch becomes 1. A 3x3 or 4x4 convolution applies it at overlapping
    places and can stretch an image more than that.

    Source: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks".
    """
    for module in list(model.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            rows = 1 if isinstance(module, nn.ConvTranspose2d) else 0
            parametrizations.spectral_norm(module, dim=rows)
    return model
