"""Lesson 05: counting parameters, flat sizes, two small networks, and a tracer of one's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_course.arithmetic import ShapeTrace, trace_shapes
from gan_course.checks.framework import (
    CASES,
    WRONG,
    Answer,
    FunctionTask,
    Mistake,
    PropertyTask,
    ValuesTask,
)
from gan_course.checks.layers import is_activation

LESSON = "05_first_networks"

# ---- 1: count parameters ----------------------------------------------------------------------

COUNT = (
    "nn.Linear(100, 4096)",
    "nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1)",
    "nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1)",
    "nn.Conv2d(32, 64, kernel_size=3, bias=False)",
    "nn.BatchNorm2d(64)",
    "nn.LeakyReLU(0.2)",
)


def _layers() -> tuple[nn.Module, ...]:
    """The layers of ``COUNT``, on no device: counting needs no numbers."""
    with torch.device("meta"):
        return (
            nn.Linear(100, 4096),
            nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
            nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1),
            nn.Conv2d(32, 64, kernel_size=3, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
        )


def _counts() -> list[int]:
    return [sum(p.numel() for p in layer.parameters()) for layer in _layers()]


count_parameters = ValuesTask(
    LESSON,
    "count_parameters",
    "You can count a network on paper.",
    (
        Mistake(
            "bias forgotten",
            "You have the weights without the biases. Each output (of a BatchNorm: each channel) "
            "has one too, unless the layer says bias=False.",
            [409600, 1536, 32768, 18432, 64, 0],
        ),
        Mistake(
            "k instead of k times k",
            "A kernel of size k is a table of k rows and k columns: k·k weights, not k.",
            [413696, 416, 8224, 6144, 128, 0],
        ),
        Mistake(
            "bias for each input",
            "There is one bias for each output, not for each input: it is added to what comes out.",
            [409700, 1539, 32832, 18432, 128, 0],
        ),
        Mistake(
            "bias=False ignored",
            "Number 4 says bias=False: it has weights only.",
            [413696, 1568, 32800, 18496, 128, 0],
        ),
        Mistake(
            "one kernel for all input channels",
            "Each output channel has a kernel of its own for each input channel: multiply by both "
            "numbers of channels.",
            [413696, 544, 544, 576, 128, 0],
        ),
        Mistake(
            "running statistics counted",
            "The running mean and variance of a BatchNorm are remembered, not learned: they are "
            "buffers. Its parameters are gamma and beta, one of each for each channel.",
            [413696, 1568, 32800, 18432, 256, 0],
        ),
        Mistake(
            "BatchNorm has none",
            "A BatchNorm does learn something: gamma and beta, one of each for each channel.",
            [413696, 1568, 32800, 18432, 0, 0],
        ),
        Mistake(
            "slope counted",
            "The slope 0.2 of nn.LeakyReLU is fixed: no training changes it, so it is no "
            "parameter. (A slope that is learned is called nn.PReLU.)",
            [413696, 1568, 32800, 18432, 128, 1],
        ),
    ),
    questions=COUNT,
    expected=_counts,
)

# ---- 2: how many numbers does Flatten leave? --------------------------------------------------


def _flat_features(channels: int, image_size: int, halvings: int) -> int:
    """By running the layers."""
    layers = [
        nn.Conv2d(1, 1, kernel_size=4, stride=2, padding=1, device="meta") for _ in range(halvings)
    ]
    x = torch.empty(1, 1, image_size, image_size, device="meta")
    x = nn.Sequential(*layers)(x)
    return nn.Flatten()(x.expand(1, channels, -1, -1)).shape[1]


def _flat_cases(rng: torch.Generator) -> list[dict]:
    """Even sizes first, then such as round down on the way; one with no halving at all."""
    plans = [(8, 1), (16, 2), (64, 3), (64, 4), (28, 3), (50, 2), (37, 3), (12, 0)]
    cases = []
    for i in range(CASES):
        size, halvings = plans[i % len(plans)]
        channels = int(torch.randint(2, 9, (1,), generator=rng)) + 3 * i
        cases.append({"channels": channels, "image_size": size, "halvings": halvings})
    return cases


flat_features = FunctionTask(
    LESSON,
    "flat_features",
    "This number never has to be guessed again.",
    (
        Mistake(
            "one side only",
            "After the halvings a map has a height and a width: the side counts twice.",
            lambda channels, image_size, halvings: channels * (image_size // 2**halvings),
        ),
        Mistake(
            "channels forgotten",
            "You have the pixels of one map. Flatten lays the maps of all channels in one row.",
            lambda channels, image_size, halvings: (image_size // 2**halvings) ** 2,
        ),
        Mistake(
            "area halved",
            "Each layer halves the height and the width, so a quarter of the pixels is left, not "
            "half of them.",
            lambda channels, image_size, halvings: channels * (image_size**2 // 2**halvings),
        ),
        Mistake(
            "divided by 2 times halvings",
            "Three halvings divide by 2·2·2 = 8, not by 2·3 = 6: it is a power of two.",
            lambda channels, image_size, halvings: (
                channels * (image_size // max(1, 2 * halvings)) ** 2
            ),
        ),
        Mistake(
            "one halving",
            "It halves once, whatever `halvings` says.",
            lambda channels, image_size, halvings: channels * (image_size // 2) ** 2,
        ),
        Mistake(
            "not halved",
            "It is the input's size. The convolutions before Flatten make the maps smaller.",
            lambda channels, image_size, halvings: channels * image_size**2,
        ),
        Mistake(
            "fractions",
            "Where a size is odd, a fraction comes out. A map has whole rows only: each halving "
            "rounds down, so use // and not /.",
            lambda channels, image_size, halvings: channels * (image_size / 2**halvings) ** 2,
        ),
        Mistake(
            "rounded up",
            "A half row is dropped, not kept: each halving rounds down.",
            lambda channels, image_size, halvings: channels * (-(-image_size // 2**halvings)) ** 2,
        ),
    ),
    oracle=_flat_features,
    cases=_flat_cases,
)

# ---- 3 and 4: whole networks ------------------------------------------------------------------


def _trace(model: Any, shape: tuple[int, ...]) -> tuple[ShapeTrace, list[nn.Module]]:
    """The trace of an answer, and its layers in the order in which they ran."""
    if isinstance(model, type):
        raise Answer(
            WRONG, "That is a class. Make an object of it: write its arguments in parentheses."
        )
    if not isinstance(model, nn.Sequential):
        raise Answer(
            WRONG,
            f"The check wants an nn.Sequential of layers, but got a value of the type "
            f"{type(model).__name__}.",
        )
    if len(model) == 0:
        raise Answer(WRONG, "The nn.Sequential is empty: put the layers between its parentheses.")
    trace = trace_shapes(model, shape)
    modules = dict(model.named_modules())
    layers = [modules[row.name] for row in trace.rows if row.name in modules]
    return trace, layers


def _all_layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if next(m.children(), None) is None]


def _stop(message: str, trace: ShapeTrace) -> None:
    raise Answer(WRONG, message, str(trace))


def _stopped(trace: ShapeTrace) -> str:
    return f"The shapes do not fit. trace_shapes stops at layer {trace.culprit}: {trace.advice}"


def _conv(layer: nn.Conv2d) -> tuple:
    """All that decides what a convolution does, but its numbers."""
    return (
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
    )


def published_discriminator() -> nn.Sequential:
    """The layers as some notes have them: the last one expects what a 64x64 image leaves over."""
    return _discriminator()


def _discriminator(
    convolutions: tuple[nn.Module, ...] | None = None,
    head: tuple[nn.Module, ...] | None = None,
) -> nn.Sequential:
    """The published layers with a choice of what to change."""
    first, second = convolutions or (
        nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
        nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
    )
    head = head or (nn.Flatten(), nn.Linear(64 * 16 * 16, 1))
    return nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), *head)


IN_FEATURES_FOR_64 = (
    "The last layer still expects 64·16·16 numbers: that is what a 64×64 image leaves over after "
    "two halvings. How large are the maps after two halvings of 32?"
)
FLATTEN_MISSING = (
    "nn.Linear meets the maps in the shape (N, 64, 8, 8) and takes only their last axis. "
    "nn.Flatten() has to lay each image's maps in one row first."
)
BATCH_FLATTENED = (
    "nn.Flatten(0) begins at axis 0 and lays the whole batch in one row. Leave the batch axis "
    "alone: nn.Flatten() begins at axis 1."
)
CONVOLUTIONS_CHANGED = (
    "The convolutions are not the published ones any more. Leave them as they are: what is wrong "
    "is the number that comes after them."
)
RESIZED = (
    "It makes the image (or the maps) another size, so that the numbers fit. That costs work and "
    "adds nothing: leave the path as published, and change the one number that is wrong."
)
SIGMOID_ADDED = (
    "There is a sigmoid at the end. The published network puts out logits; the loss "
    "(binary cross entropy with logits) contains the sigmoid already."
)
OUTPUT_WIDTH = "D gives one logit for each image: the output should be (N, 1)."
END_BENT = (
    "An activation stands behind the last nn.Linear. The published network ends bare: a logit may "
    "be any number, and the loss takes it as it is."
)
LINEAR_ADDED = (
    "The published network has one nn.Linear. Keep to that one, and change the number in it that "
    "is wrong."
)
ACTIVATIONS_LOST = (
    "Between the convolutions stood nn.LeakyReLU(0.2). Without it two convolutions in a row are "
    "no more than one larger convolution: put it back behind each of them."
)

_RESIZING = (nn.Upsample, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.MaxPool2d)
_PADDING = (nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.ConstantPad2d)


def _not_repaired(model: Any) -> str | None:
    trace, layers = _trace(model, (2, 3, 32, 32))
    everything = _all_layers(model)
    if any(isinstance(m, nn.Flatten) and m.start_dim == 0 for m in everything):
        _stop(BATCH_FLATTENED, trace)
    if any(isinstance(m, _RESIZING + _PADDING) for m in everything):
        _stop(RESIZED, trace)
    convolutions = [_conv(m) for m in everything if isinstance(m, nn.Conv2d)]
    published = [_conv(m) for m in published_discriminator() if isinstance(m, nn.Conv2d)]
    if convolutions != published:
        _stop(CONVOLUTIONS_CHANGED, trace)
    if not trace.ok:
        linear = next((m for m in everything if isinstance(m, nn.Linear)), None)
        at_linear = (trace.culprit_layer or "").startswith("Linear")
        if at_linear and not any(isinstance(m, nn.Flatten) for m in layers):
            _stop(FLATTEN_MISSING, trace)
        if at_linear and linear.in_features == 64 * 16 * 16:
            _stop(IN_FEATURES_FOR_64, trace)
        _stop(_stopped(trace), trace)
    if any(isinstance(m, nn.Sigmoid) for m in layers):
        _stop(SIGMOID_ADDED, trace)
    if trace.output_shape != (2, 1):
        _stop(f"{OUTPUT_WIDTH} For 2 images yours is {trace.output_shape}.", trace)
    if not any(isinstance(m, nn.Linear) for m in layers):
        _stop("The published network ends in an nn.Linear: keep it, and mend its number.", trace)
    if sum(isinstance(m, nn.Linear) for m in layers) > 1:
        _stop(LINEAR_ADDED, trace)
    last = max(i for i, m in enumerate(layers) if isinstance(m, nn.Linear))
    if any(is_activation(m) for m in layers[last:]):
        _stop(END_BENT, trace)
    leaky = [m for m in layers if isinstance(m, nn.LeakyReLU)]
    if len(leaky) != 2 or any(m.negative_slope != 0.2 for m in leaky):
        _stop(ACTIVATIONS_LOST, trace)
    return None


def _repair(*head: nn.Module) -> nn.Sequential:
    return _discriminator(head=head)


repair_discriminator = PropertyTask(
    LESSON,
    "repair_discriminator",
    "Repaired: the same convolutions, and a last layer that takes what they leave.",
    (
        Mistake("in_features for 64x64", IN_FEATURES_FOR_64, published_discriminator()),
        Mistake("Flatten missing", FLATTEN_MISSING, _repair(nn.Linear(64 * 8 * 8, 1))),
        Mistake(
            "batch flattened", BATCH_FLATTENED, _repair(nn.Flatten(0), nn.Linear(64 * 8 * 8, 1))
        ),
        Mistake(
            "convolutions changed",
            CONVOLUTIONS_CHANGED,
            _discriminator(
                convolutions=(
                    nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
                    nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1),
                )
            ),
        ),
        Mistake(
            "resized",
            RESIZED,
            nn.Sequential(nn.Upsample(scale_factor=2), *published_discriminator()),
        ),
        Mistake(
            "sigmoid added",
            SIGMOID_ADDED,
            _repair(nn.Flatten(), nn.Linear(64 * 8 * 8, 1), nn.Sigmoid()),
        ),
        Mistake(
            "bent at the end", END_BENT, _repair(nn.Flatten(), nn.Linear(64 * 8 * 8, 1), nn.ReLU())
        ),
        Mistake(
            "a second Linear",
            LINEAR_ADDED,
            _repair(nn.Flatten(), nn.Linear(64 * 8 * 8, 64 * 16 * 16), nn.Linear(64 * 16 * 16, 1)),
        ),
        Mistake("two outputs", OUTPUT_WIDTH, _repair(nn.Flatten(), nn.Linear(64 * 8 * 8, 2))),
        Mistake(
            "activations lost",
            ACTIVATIONS_LOST,
            nn.Sequential(
                nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
                nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1),
                nn.Flatten(),
                nn.Linear(64 * 8 * 8, 1),
            ),
        ),
    ),
    problem=_not_repaired,
)

NO_TANH = (
    "The shapes are right. But nothing keeps the pixels between −1 and 1, where the real images "
    "lie: end with nn.Tanh()."
)
SIGMOID_LAST = (
    "A sigmoid puts out 0 to 1, so no pixel could ever be darker than mid-grey (0). The real "
    "images lie between −1 and 1: end with nn.Tanh()."
)
TANH_TWICE = (
    "There are two Tanh. The second one meets numbers between −1 and 1 and makes ±0.76 of ±1: "
    "black and white can no longer be drawn. Keep the last one only."
)
BEFORE_TANH = (
    "Another activation stands between the last layer and the Tanh. Behind a ReLU, for example, "
    "nothing is negative, and no pixel could be darker than mid-grey: let the Tanh follow at once."
)
CHANNELS_LAST = (
    "Channels come first in torch: nn.Unflatten(1, (channels, height, width)). Your first number "
    "is the height."
)
UNFLATTEN_BATCH = "nn.Unflatten(0, …) would fold the batch. The numbers of one image are axis 1."
KERNEL_THREE = (
    "One of the transposed convolutions does not double the size. (n − 1)·stride − 2·padding + "
    "kernel_size is 2n with kernel 4, stride 2, padding 1; with kernel 3 it falls one short."
)
ONE_CHANNEL = "The last layer makes grey images. Three channels are asked for: red, green, blue."
NO_ACTIVATION = (
    "The shapes are right. But between two of its layers stands no activation, and two linear "
    "maps in a row are just one linear map. Put an nn.ReLU() behind each layer but the last."
)
TWO_UPSCALINGS = (
    "The task asks for exactly two nn.ConvTranspose2d after an nn.Linear and an nn.Unflatten."
)

_LINEAR_MAPS = (nn.Linear, nn.ConvTranspose2d, nn.Conv2d)


def _lacks_activation(layers: list[nn.Module]) -> bool:
    """Whether two layers with weights follow each other with nothing bent between them."""
    straight = False
    for layer in layers:
        if isinstance(layer, _LINEAR_MAPS):
            if straight:
                return True
            straight = True
        elif is_activation(layer):
            straight = False
    return False


def _not_a_generator(model: Any) -> str | None:
    trace, layers = _trace(model, (2, 100))
    everything = _all_layers(model)
    unflatten = next((m for m in everything if isinstance(m, nn.Unflatten)), None)
    ups = [m for m in everything if isinstance(m, nn.ConvTranspose2d)]
    if unflatten is not None and unflatten.dim == 0:
        _stop(UNFLATTEN_BATCH, trace)
    if not trace.ok:
        sizes = tuple(unflatten.unflattened_size) if unflatten is not None else ()
        channels_last = len(sizes) == 3 and sizes[0] == sizes[1] != sizes[2]
        if channels_last and ups and ups[0].in_channels == sizes[2]:
            _stop(CHANNELS_LAST, trace)
        _stop(_stopped(trace), trace)
    shape = trace.output_shape
    if len(shape) == 4 and shape[1] == 1 and shape[2:] == (32, 32):
        _stop(ONE_CHANNEL, trace)
    if shape != (2, 3, 32, 32):
        doubling = all(
            row.output_shape[2] == 2 * before.output_shape[2]
            for before, row in zip(trace.rows, trace.rows[1:], strict=False)
            if row.layer.startswith("ConvTranspose2d") and len(before.output_shape) == 4
        )
        if ups and not doubling:
            _stop(f"{KERNEL_THREE} For 2 vectors it makes {shape}, not (2, 3, 32, 32).", trace)
        _stop(f"For 2 vectors it makes {shape}, but (2, 3, 32, 32) is asked for.", trace)
    kinds = [type(m) for m in layers]
    if kinds.count(nn.ConvTranspose2d) != 2 or not {nn.Linear, nn.Unflatten} <= set(kinds):
        _stop(TWO_UPSCALINGS, trace)
    if kinds[-2:].count(nn.Tanh) == 2:
        _stop(TANH_TWICE, trace)
    if kinds[-1] is nn.Sigmoid:
        _stop(SIGMOID_LAST, trace)
    if kinds[-1] is not nn.Tanh:
        _stop(NO_TANH, trace)
    last = max(i for i, m in enumerate(layers) if isinstance(m, _LINEAR_MAPS))
    if sum(is_activation(m) for m in layers[last:]) > 1:
        _stop(BEFORE_TANH, trace)
    if _lacks_activation(layers):
        _stop(NO_ACTIVATION, trace)
    return None


def _generator(
    flat: int = 4096,
    fold: nn.Module | None = None,
    kernel_size: int = 4,
    image_channels: int = 3,
    end: tuple[type[nn.Module], ...] = (nn.Tanh,),
    bend: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """A right generator, with a choice of what to get wrong."""
    return nn.Sequential(
        nn.Linear(100, flat),
        bend(),
        fold or nn.Unflatten(1, (64, 8, 8)),
        nn.ConvTranspose2d(64, 32, kernel_size, stride=2, padding=1),
        bend(),
        nn.ConvTranspose2d(32, image_channels, kernel_size, stride=2, padding=1),
        *(kind() for kind in end),
    )


build_generator = PropertyTask(
    LESSON,
    "build_generator",
    "From 100 numbers to a colour image, and every shape fits.",
    (
        Mistake(
            "Linear does not fit Unflatten",
            "it folds 4096 numbers into (64, 8, 8), but 1024 reach it",
            _generator(flat=1024),
        ),
        Mistake("channels last", CHANNELS_LAST, _generator(fold=nn.Unflatten(1, (8, 8, 64)))),
        Mistake("batch unflattened", UNFLATTEN_BATCH, _generator(fold=nn.Unflatten(0, (64, 8, 8)))),
        Mistake("kernel 3", KERNEL_THREE, _generator(kernel_size=3)),
        Mistake("one channel", ONE_CHANNEL, _generator(image_channels=1)),
        Mistake("no Tanh", NO_TANH, _generator(end=())),
        Mistake("sigmoid", SIGMOID_LAST, _generator(end=(nn.Sigmoid,))),
        Mistake("two Tanh", TANH_TWICE, _generator(end=(nn.Tanh, nn.Tanh))),
        Mistake("ReLU before Tanh", BEFORE_TANH, _generator(end=(nn.ReLU, nn.Tanh))),
        Mistake("no activation", NO_ACTIVATION, _generator(bend=nn.Identity)),
    ),
    problem=_not_a_generator,
)

# ---- 5: find the errors -----------------------------------------------------------------------

SPOT = (
    "`print(output_tensor.shape())`",
    "`images = torch.tanh(generator(z))`, where the generator ends in nn.Tanh()",
    "`nn.Linear(64 * 8 * 8, 1)` behind nn.Flatten() and maps of the shape (N, 64, 8, 8)",
    "the sentence on DCGAN's discriminator",
    "`z = torch.randn(16, 100, 1, 1)` for a generator that begins with nn.Linear(100, 4096)",
)

spot_the_errors = ValuesTask(
    LESSON,
    "spot_the_errors",
    "You read other people's code like a reviewer: what is wrong, what is right, and why.",
    (
        Mistake(
            "all accepted",
            "You accept every line. Try them: some stop with an error, and one of them runs and "
            "does harm in silence.",
            [1, 1, 1, 1, 1],
            everywhere=True,
        ),
        Mistake(
            "size without parentheses",
            "In number 1 `output_tensor.size` without parentheses prints the method itself. "
            "`shape` is a value, `size()` is a method: write one or the other.",
            [3, 3, 1, 2, 2],
        ),
        Mistake(
            "second tanh is harmless",
            "Number 2 runs without an error, but a second tanh is not harmless: tanh(1) = 0.76, so "
            "no pixel gets brighter or darker than that.",
            [2, 1, 1, 2, 2],
        ),
        Mistake(
            "sigmoid on top",
            "In number 2 a sigmoid on top of the tanh only reaches from 0.27 to 0.73. What comes "
            "out of the generator is an image already.",
            [2, 2, 1, 2, 2],
        ),
        Mistake(
            "a right line mended",
            "Number 3 was right: maps of 64 channels and 8×8 pixels are 64·8·8 numbers.",
            [2, 3, 2, 2, 2],
        ),
        Mistake(
            "pooling kept",
            "Number 4: DCGAN has no pooling at all. The stride of its convolutions makes the maps "
            "smaller, so how to shrink them is learned as well.",
            [2, 3, 1, 3, 2],
        ),
        Mistake(
            "axes swapped",
            "In number 5 the batch comes first: 16 vectors of 100 numbers are (16, 100).",
            [2, 3, 1, 2, 3],
        ),
    ),
    questions=SPOT,
    expected=lambda: [2, 3, 1, 2, 2],
)

# ---- 6: a tracer ------------------------------------------------------------------------------


def _shapes(model: nn.Sequential, x: Tensor) -> list[tuple[int, ...]]:
    shapes = []
    for layer in model:
        x = layer(x)
        shapes.append(tuple(x.shape))
    return shapes


def _trace_cases(rng: torch.Generator) -> list[dict]:
    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=rng))

    cases = []
    for i in range(CASES):
        n, a, b, c = number(2, 5), number(2, 5), number(5, 8), number(8, 11)
        if i % 3 == 0:
            model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c))
            shape = (n, a)
        elif i % 3 == 1:
            model = nn.Sequential(
                nn.Conv2d(a, b, kernel_size=4, stride=2, padding=1),
                nn.LeakyReLU(0.2),
                nn.Flatten(),
                nn.Linear(b * 4 * 4, c),
            )
            shape = (n, a, 8, 8)
        else:
            model = nn.Sequential(
                nn.Linear(a, b * 3 * 3),
                nn.Unflatten(1, (b, 3, 3)),
                nn.ConvTranspose2d(b, c, kernel_size=4, stride=2, padding=1),
                nn.Tanh(),
            )
            shape = (n, a)
        cases.append({"model": model, "x": torch.randn(shape, generator=rng)})
    return cases


trace = FunctionTask(
    LESSON,
    "trace",
    "You have written the heart of trace_shapes.",
    (
        Mistake(
            "input listed too",
            "The first entry is the input's shape. Only what comes out of each layer is asked for: "
            "as many entries as layers.",
            lambda model, x: [tuple(x.shape), *_shapes(model, x)],
        ),
        Mistake(
            "shapes before the layers",
            "It notes the shape that goes into each layer. Run the layer first, then note the "
            "shape.",
            lambda model, x: [tuple(x.shape), *_shapes(model, x)][:-1],
        ),
        Mistake(
            "batch dropped",
            "The batch axis is missing from the shapes: a shape is all of (N, …).",
            lambda model, x: [s[1:] for s in _shapes(model, x)],
        ),
        Mistake(
            "last layer only",
            "Only the shape of the final output is there. Note one after each layer.",
            lambda model, x: _shapes(model, x)[-1:],
        ),
        Mistake(
            "last layer missing",
            "The last layer is missing from the list.",
            lambda model, x: _shapes(model, x)[:-1],
        ),
        Mistake(
            "numbers instead of shapes",
            "It lists how many numbers there are (numel). The shape says how they are arranged.",
            lambda model, x: [torch.Size(s).numel() for s in _shapes(model, x)],
        ),
        Mistake(
            "only layers with weights",
            "Layers without parameters, such as ReLU and Flatten, are left out. They have an "
            "output too, and Flatten even changes the shape.",
            lambda model, x: [
                s
                for s, layer in zip(_shapes(model, x), model, strict=True)
                if any(True for _ in layer.parameters())
            ],
        ),
        Mistake(
            "tensors instead of shapes",
            "It lists the outputs themselves. Note their shapes: tuple(x.shape).",
            lambda model, x: [model[: i + 1](x) for i in range(len(model))],
        ),
    ),
    oracle=_shapes,
    cases=_trace_cases,
)
