"""Lesson 07, what is built: a block of G, the start of all weights, a generator for any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_course.arithmetic import trace_shapes
from gan_course.checks.compare import kind_of
from gan_course.checks.framework import CASES, WRONG, Answer, FunctionTask, Mistake

LESSON = "07_dcgan"
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU)
KERNELS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def need_a_network(result: Any) -> None:
    """Say in words what came instead of a network: a list of layers, a tensor of weights."""
    if isinstance(result, nn.Module):
        return
    hint = "a layer, or several in an nn.Sequential"
    if isinstance(result, list | tuple) and all(isinstance(r, nn.Module) for r in result):
        hint = "nn.Sequential(*layers) makes one of a list"
    raise Answer(WRONG, f"It gives {kind_of(result)}, but a network is asked for: {hint}.")


def _layers(model: nn.Module, shape: tuple[int, ...]) -> tuple[dict, list[nn.Module], list[tuple]]:
    """Whether it runs, its layers in the order of running, and the shape after each."""
    need_a_network(model)
    trace = trace_shapes(model, shape)
    modules = dict(model.named_modules())
    layers = [modules[row.name] for row in trace.rows if row.name in modules]
    stops = "yes" if trace.ok else f"no, it stops at {trace.culprit}: {trace.advice}"
    facts: dict[str, Any] = {"it runs": stops, "output shape": trace.output_shape}
    return facts, layers, [row.output_shape for row in trace.rows if row.name in modules]


# ---- 3: a block of G --------------------------------------------------------------------------


def _block(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 4,
    bias: bool = False,
    norm: bool = True,
    norm_last: bool = False,
    bend: type[nn.Module] = nn.ReLU,
    stride: int = 2,
) -> nn.Sequential:
    """A right block, with a choice of what to get wrong."""
    stamp = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, stride, 1, bias=bias)
    rest: list[nn.Module] = [nn.BatchNorm2d(out_channels)] * norm + [bend()]
    return nn.Sequential(stamp, *(rest[::-1] if norm_last else rest))


def _norm_of_input(in_channels: int, out_channels: int) -> nn.Sequential:
    block = _block(in_channels, out_channels)
    block[1] = nn.BatchNorm2d(in_channels)
    return block


def _with_shrinking(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def _block_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        low, more = (int(torch.randint(2, 6, (1,), generator=rng)) for _ in range(2))
        out_channels = low + i
        # Mostly half as many channels, as in the paper, but a block must not take that for granted.
        in_channels = 2 * out_channels if i % 3 else out_channels + more
        cases.append({"in_channels": in_channels, "out_channels": out_channels})
    return cases


def _block_facts(result: nn.Module, arguments: dict) -> dict:
    facts, layers, _ = _layers(result, (2, arguments["in_channels"], 5, 5))
    facts["layers"] = [type(layer).__name__ for layer in layers]
    facts["numbers that it learns"] = sum(p.numel() for p in result.parameters())
    for layer in layers:
        if isinstance(layer, nn.ConvTranspose2d):
            facts["kernel size"] = layer.kernel_size
            facts["the convolution has a bias"] = layer.bias is not None
    return facts


up_block = FunctionTask(
    LESSON,
    "up_block",
    "This block, stacked, is all of G between its two ends.",
    (
        Mistake(
            "bias kept",
            "The transposed convolution has a bias, and the BatchNorm behind it takes it away "
            "again: write bias=False.",
            lambda **sizes: _block(**sizes, bias=True),
        ),
        Mistake(
            "kernel 3",
            "Kernel 3 with stride 2 and padding 1 makes 2n − 1 of n, and its stamps overlap "
            "unevenly. Kernel 4 doubles exactly.",
            lambda **sizes: _block(**sizes, kernel_size=3),
        ),
        Mistake(
            "no stride",
            "Without stride=2 nothing doubles: with stride 1 the stamps stand side by side.",
            lambda **sizes: _block(**sizes, stride=1),
        ),
        Mistake(
            "BatchNorm missing",
            "There is no BatchNorm between the transposed convolution and the ReLU: rule 2.",
            lambda **sizes: _block(**sizes, norm=False),
        ),
        Mistake(
            "ReLU first",
            "BatchNorm belongs before the ReLU. Behind it, it would shift the zeros again.",
            lambda **sizes: _block(**sizes, norm_last=True),
        ),
        Mistake(
            "LeakyReLU",
            "LeakyReLU belongs to D. In G the paper takes ReLU: rules 4 and 5.",
            lambda **sizes: _block(**sizes, bend=nn.LeakyReLU),
        ),
        Mistake(
            "BatchNorm of the wrong channels",
            "BatchNorm stands behind the transposed convolution, so it normalises out_channels.",
            _norm_of_input,
        ),
        Mistake(
            "Conv2d",
            "nn.Conv2d with stride 2 halves the size: that is a block of D.",
            _with_shrinking,
        ),
    ),
    oracle=lambda in_channels, out_channels: _block(in_channels, out_channels),
    cases=_block_cases,
    outcome=_block_facts,
    returns=True,
)

# ---- 5: the start -----------------------------------------------------------------------------


def _start(
    linear: bool = True,
    std: float = 0.02,
    gamma: float | None = 1.0,
    bias: bool = True,
    beta: bool = True,
    batchnorm: bool = True,
):
    """A right initialisation, with a choice of what to get wrong."""

    def init_all(model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, KERNELS) and (linear or not isinstance(module, nn.Linear)):
                nn.init.normal_(module.weight, 0.0, std)
                if module.bias is not None and bias:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d) and batchnorm:
                nn.init.normal_(module.weight, gamma, std)
                if beta:
                    nn.init.zeros_(module.bias)

    return init_all


def _outer_only(model: nn.Module) -> None:
    """Looks at the model's direct children: layers that lie deeper are missed."""
    start = _start()
    for child in model.children():
        if not list(child.children()):
            start(child)


def _start_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        c = 64 + 16 * int(torch.randint(0, 3, (1,), generator=rng))
        plans = (
            lambda c: [nn.ConvTranspose2d(c, 8, 4, bias=False)],
            lambda c: [nn.Conv2d(8, c, 4)],
            lambda c: [nn.BatchNorm2d(c)],
            lambda c: [nn.Linear(50, c)],
            lambda c: [nn.Sequential(nn.Linear(50, c, bias=False), nn.Unflatten(1, (c, 1, 1)))],
            lambda c: [nn.Sequential(nn.Conv2d(8, c, 4, bias=False), nn.BatchNorm2d(c))],
        )
        layers = plans[i % len(plans)](c)
        for layer in layers:
            for module in layer.modules():
                if isinstance(module, nn.BatchNorm2d):  # as if the model had been trained before
                    nn.init.uniform_(module.bias, 0.1, 0.5)
                    nn.init.uniform_(module.weight, 2.0, 3.0)
        model = nn.Sequential(*layers)
        model.before = {name: p.detach().clone() for name, p in model.named_parameters()}
        cases.append({"model": model})
    return cases


def _start_facts(result: Any, arguments: dict) -> dict:
    """For each parameter where its numbers come from, in words."""
    model = arguments["model"]
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    facts = {}
    for name, parameter in model.named_parameters():
        layer, _, which = name.rpartition(".")
        facts[f"{which} of {kinds[layer]} ({name})"] = _origin(parameter, model.before[name])
    return facts


def _origin(parameter: Tensor, before: Tensor) -> str:
    values = parameter.detach().double().flatten()
    if torch.equal(parameter.detach(), before):
        return "as it was"
    mean, spread = values.mean().item(), values.std().item()
    if spread < 1e-6:
        return f"all {mean:.3g}"
    # Drawn numbers never hit their spread exactly: a factor of 1.5 is allowed.
    near = f"about {spread:.0e}"
    for known in (0.02, 0.14):
        if known / 1.5 < spread < known * 1.5:
            near = str(known)
    centre = round(mean) if abs(mean - round(mean)) < 0.2 else round(mean, 1)
    return f"random, mean about {centre:g}, standard deviation {near}"


init_all = FunctionTask(
    LESSON,
    "init_all",
    "Every layer starts as in the paper, the linear ones too.",
    (
        Mistake(
            "linear layers skipped",
            "The convolutions and BatchNorms are right, but nn.Linear keeps PyTorch's numbers. A "
            "search for 'Conv' in the class name finds no Linear: look at the type.",
            _start(linear=False),
        ),
        Mistake(
            "gamma around 0",
            "BatchNorm's weight, gamma, is drawn around 0: every map is multiplied by almost "
            "nothing. It belongs around 1.",
            _start(gamma=0.0),
        ),
        Mistake(
            "variance 0.02",
            "0.02 is the standard deviation, not the variance: nn.init.normal_ wants 0.02 itself, "
            "without a square root.",
            _start(std=0.02**0.5),
        ),
        Mistake(
            "BatchNorm skipped",
            "BatchNorm is left as it was. Its weight is drawn from N(1, 0.02), its bias is 0.",
            _start(batchnorm=False),
        ),
        Mistake(
            "biases left",
            "The weights are right, but the biases of the convolutions and linear layers are left "
            "as they were. Where there is one, it begins at 0.",
            _start(bias=False),
        ),
        Mistake(
            "beta left",
            "BatchNorm's bias, beta, is left as it was: it begins at 0.",
            _start(beta=False),
        ),
        Mistake(
            "outer layers only",
            "Layers inside a nested nn.Sequential are missed. model.modules() walks through all "
            "of them; model.children() only through the outermost.",
            _outer_only,
        ),
    ),
    oracle=_start(),
    cases=_start_cases,
    outcome=_start_facts,
    returns=False,
)

# ---- 7: a generator for any size --------------------------------------------------------------


def _generator(
    first: str = "image_size",
    halve: bool = True,
    skip: int = 0,
    end: tuple[type[nn.Module], ...] = (nn.Tanh,),
    norm_out: bool = False,
    bias: bool = False,
    bend: type[nn.Module] = nn.ReLU,
    stem_norm: bool = True,
):
    """A right generator, with a choice of what to get wrong."""

    def any_generator(
        image_size: int, image_channels: int, latent_dim: int, base_channels: int
    ) -> nn.Sequential:
        doublings = {16: 2, 32: 3, 64: 4, 128: 5}[image_size] - skip
        channels = base_channels * image_size // 8
        if first == "base":
            channels = base_channels
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, channels * 16, bias=bias),
            nn.Unflatten(1, (channels, 4, 4)),
            *([nn.BatchNorm2d(channels)] * stem_norm),
            bend(),
        ]
        for _ in range(doublings - 1):
            after = max(1, channels // 2) if halve else channels
            layers += list(_block(channels, after, bias=bias, bend=bend))
            channels = after
        layers.append(nn.ConvTranspose2d(channels, image_channels, 4, 2, 1))
        if norm_out:
            layers.append(nn.BatchNorm2d(image_channels))
        return nn.Sequential(*layers, *(kind() for kind in end))

    return any_generator


def _generator_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        base = 2 * int(torch.randint(2, 5, (1,), generator=rng))
        latent_dim = int(torch.randint(5, 30, (1,), generator=rng))
        size, channels = (16, 32, 64, 128)[i % 4], (1, 3)[i // 4 % 2]
        case = {"image_size": size, "image_channels": channels}
        cases.append(case | {"latent_dim": latent_dim, "base_channels": base})
    return cases


def _generator_facts(result: nn.Module, arguments: dict) -> dict:
    facts, layers, shapes = _layers(result, (2, arguments["latent_dim"]))
    bends = [
        (type(layer).__name__, shape)
        for layer, shape in zip(layers, shapes, strict=True)
        if isinstance(layer, ACTIVATIONS)
    ]
    facts["activations"] = [name for name, _ in bends]
    facts["shapes behind them"] = [shape for _, shape in bends]
    facts["BatchNorms"] = sum(isinstance(layer, nn.BatchNorm2d) for layer in layers)
    facts["parameters"] = sum(p.numel() for p in result.parameters())
    return facts


any_generator = FunctionTask(
    LESSON,
    "any_generator",
    "From 16×16 to 128×128 with one function: you have written the package's generator.",
    (
        Mistake(
            "BatchNorm at the output",
            "A BatchNorm stands behind the last transposed convolution. There it would take from "
            "G the choice of how bright its images are: rule 2 leaves it out.",
            _generator(norm_out=True),
        ),
        Mistake(
            "no Tanh",
            "The last layer is not followed by nn.Tanh(): nothing keeps the pixels in [−1, 1].",
            _generator(end=()),
        ),
        Mistake(
            "sigmoid",
            "nn.Sigmoid() makes pixels from 0 to 1. The real images lie in [−1, 1]: nn.Tanh().",
            _generator(end=(nn.Sigmoid,)),
        ),
        Mistake(
            "ReLU before the Tanh",
            "There is a ReLU between the last transposed convolution and the Tanh: no pixel can "
            "get darker than mid-grey.",
            _generator(end=(nn.ReLU, nn.Tanh)),
        ),
        Mistake(
            "channels stay",
            "The channels do not halve from block to block. Then each block has four times the "
            "work of the one before it.",
            _generator(halve=False),
        ),
        Mistake(
            "starts with base_channels",
            "base_channels is the number of the *last* hidden maps. The first ones have "
            "image_size / 8 times as many.",
            _generator(first="base"),
        ),
        Mistake(
            "one doubling too few",
            "The images come out at half the size: one doubling is missing. From 4 to image_size, "
            "and the last layer doubles, too.",
            _generator(skip=1),
        ),
        Mistake(
            "one doubling too many",
            "The images come out at twice the size: the last layer doubles, too, so the blocks end "
            "at image_size / 2.",
            _generator(skip=-1),
        ),
        Mistake(
            "biases kept",
            "The shapes are right, but the layers in front of a BatchNorm have a bias: write "
            "bias=False, in the stem too.",
            _generator(bias=True),
        ),
        Mistake(
            "LeakyReLU",
            "LeakyReLU is for D. G has ReLU: rule 4.",
            _generator(bend=nn.LeakyReLU),
        ),
        Mistake(
            "stem without BatchNorm",
            "Behind the stem there is no BatchNorm. Its maps are hidden ones like the others: they "
            "are normalised before the first ReLU.",
            _generator(stem_norm=False),
        ),
    ),
    oracle=_generator(),
    cases=_generator_cases,
    outcome=_generator_facts,
    returns=True,
)
