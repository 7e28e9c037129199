"""The initialisation of DCGAN."""

from __future__ import annotations

from torch import nn


def init_weights(model: nn.Module) -> nn.Module:
    """Draw all weights of ``model`` as the DCGAN paper does, in place, and return the model.

    Convolutions and linear layers: weights from N(0, 0.02), biases 0. BatchNorm: weights (gamma)
    from N(1, 0.02), biases (beta) 0. The paper says "all weights"; that gamma is centred on 1 and
    not on 0 is from the authors' code, and it matters: with gamma near 0 the first images are
    a flat grey.

    Layers are found by their type, not by looking for 'Conv' in the class name as is often seen:
    that search misses linear layers. Call this *before* wrapping a layer in spectral norm, for
    afterwards ``weight`` is a computed copy, and writing to it changes nothing.

    Source: Radford et al. 2015, section 4; github.com/Newmu/dcgan_code.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, mean=1.0, std=0.02)
            nn.init.zeros_(module.bias)
    return model
