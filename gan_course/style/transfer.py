"""The optimisation: a picture is changed, step by step, until the network sees what it should."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.style.losses import content_loss, gram_matrix, style_loss, total_variation
from gan_course.style.networks import FeatureNetwork, load_network

STARTS = ("content", "noise")
OPTIMIZERS = {"adam": 0.06, "lbfgs": 1.0}  # and the learning rate that suits each
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Losses:
    """The parts of the loss at one step, each with its weight: they add up to ``total``."""

    step: int
    content: float
    style: float
    tv: float
    layers: dict[str, float]  # the parts of ``style``

    @property
    def total(self) -> float:
        return self.content + self.style + self.tv


@dataclass
class Result:
    """What came out.

    Attributes:
        image: (1, 3, H, W) in [-1, 1].
        history: the losses before each step.
        note: why it ended early, in a sentence; empty if it did not.
    """

    image: Tensor
    history: list[Losses] = field(default_factory=list)
    note: str = ""


class StyleTransfer:
    """One picture on its way from its start to content and style.

    Every part of the loss is divided by the size of its own target: the content of a layer by the
    mean square of the content's features, the style of a layer by the mean square of the style's
    Gram matrix. So a layer counts as much as another, and a weight means much the same with any
    network.

    Args:
        content: (1, 3, H, W) in [-1, 1].
        style: (1, 3, H', W') in [-1, 1]; its size may be another.
        network: see ``load_network``; the offline one if None.
        content_weight, style_weight, tv_weight: how much each part counts.
        content_layers, style_layers: names of layers; those of the network if None.
        start: "content" or "noise".
        optimizer: "adam", or "lbfgs" as in the paper; if None, Adam from the content and L-BFGS
            from noise, where it comes much further in as many steps.
        learning_rate: what suits the optimizer if None.
        seed: of the noise.

    Attributes:
        step_count: steps done.
        history: the losses before each step.

    Raises:
        CourseError: for pictures, layers or numbers that do not fit.
    """

    def __init__(
        self,
        content: Tensor,
        style: Tensor,
        network: FeatureNetwork | None = None,
        *,
        content_weight: float = 1.0,
        style_weight: float = 10.0,
        tv_weight: float = 3.0,
        content_layers: Sequence[str] | None = None,
        style_layers: Sequence[str] | None = None,
        start: str = "content",
        optimizer: str | None = None,
        learning_rate: float | None = None,
        seed: int = 0,
    ) -> None:
        self.network = load_network() if network is None else network
        _check_picture("content", content)
        _check_picture("style", style)
        self.weights = {"content": content_weight, "style": style_weight, "tv": tv_weight}
        for name, weight in self.weights.items():
            if not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise CourseError(f"{name}_weight must be 0 or more, a number, but is {weight!r}.")
        if not isinstance(seed, int) or not 0 <= seed < 2**40:
            raise CourseError(f"seed must lie between 0 and 2**40, but is {seed!r}.")
        if start not in STARTS:
            raise CourseError(f"start must be one of {', '.join(STARTS)}, but is {start!r}.")
        if optimizer is None:
            optimizer = "adam" if start == "content" else "lbfgs"
        if optimizer not in OPTIMIZERS:
            raise CourseError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, but is {optimizer!r}."
            )
        rate = OPTIMIZERS[optimizer] if learning_rate is None else learning_rate
        if not 0 < rate < math.inf:
            raise CourseError(f"learning_rate must be above 0, but is {rate}.")
        self.content_layers = self._layers("content", content_layers)
        self.style_layers = self._layers("style", style_layers)

        with torch.no_grad():
            self.content_targets = self.network.maps(content, self.content_layers)
            maps = self.network.maps(style, self.style_layers)
            self.style_targets = {name: gram_matrix(maps[name]) for name in self.style_layers}
        self.scales = {
            "content": {k: _mean_square(v) for k, v in self.content_targets.items()},
            "style": {k: _mean_square(v) for k, v in self.style_targets.items()},
        }

        if start == "content":
            first = content.clone()
        else:
            rng = torch.Generator().manual_seed(seed)
            first = torch.randn(content.shape, generator=rng).mul(0.1).to(content)
        self._image = first.clamp(-1, 1).requires_grad_()
        if optimizer == "adam":
            self.optimizer = torch.optim.Adam([self._image], lr=rate)
        else:  # one iteration a step: what it remembers of the curvature lives on between steps
            self.optimizer = torch.optim.LBFGS(
                [self._image], rate, max_iter=1, history_size=20, line_search_fn="strong_wolfe"
            )
        # L-BFGS compares gradients at places that it has chosen itself: moving the picture back
        # into its range between them would mislead it. So with it only ``image`` is clipped.
        self._clips = optimizer == "adam"
        self.step_count = 0
        self.history: list[Losses] = []

    def _layers(self, kind: str, chosen: Sequence[str] | None) -> tuple[str, ...]:
        if chosen is None:
            return getattr(self.network, f"{kind}_layers")
        unknown = [name for name in chosen if name not in self.network.layers]
        if unknown:
            raise CourseError(
                f"the network {self.network.name} has no layer {unknown[0]!r}; it has "
                f"{', '.join(self.network.layers)}."
            )
        return tuple(dict.fromkeys(chosen))

    @property
    def image(self) -> Tensor:
        """The picture as it stands, (1, 3, H, W) in [-1, 1]."""
        return self._image.detach().clamp(-1, 1)

    def parts(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The weighted parts of the loss of a picture: content, {layer: style}, total variation."""
        wanted = {*self.content_layers, *self.style_layers}
        maps = self.network.maps(image, wanted) if wanted else {}
        content = image.new_zeros(())
        for name in self.content_layers:
            loss = content_loss(maps[name], self.content_targets[name])
            content = content + loss / self.scales["content"][name] / len(self.content_layers)
        style = {}
        for name in self.style_layers:
            loss = style_loss(maps[name], self.style_targets[name])
            share = self.weights["style"] / len(self.style_layers)
            style[name] = share * loss / self.scales["style"][name]
        return self.weights["content"] * content, style, self.weights["tv"] * total_variation(image)

    def step(self) -> Losses:
        """One step of the optimizer. Returns the losses before it.

        Raises:
            CourseError: if the loss is no finite number any more. The picture is then the last one
                that was good.
        """
        good = self._image.detach().clone()
        said: list[Losses] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            content, style, tv = self.parts(self._image)
            total = content + sum(style.values()) + tv
            total.backward()
            layers = {name: part.item() for name, part in style.items()}
            numbers = (content.item(), sum(layers.values()), tv.item())
            said.append(Losses(self.step_count, *numbers, layers))
            return total

        self.optimizer.step(closure)
        with torch.no_grad():
            healthy = math.isfinite(said[0].total) and bool(self._image.isfinite().all())
            if not healthy:
                self._image.copy_(good)
                raise CourseError(
                    f"in step {self.step_count + 1} the picture was no finite number any more; the "
                    f"one before it is kept. A smaller learning rate helps."
                )
            if self._clips:
                self._image.clamp_(-1, 1)
        self.step_count += 1
        self.history.append(said[0])
        return said[0]


def stylize(
    content: Tensor,
    style: Tensor,
    network: FeatureNetwork | None = None,
    steps: int = 100,
    progress: Callable[[StyleTransfer], bool | None] | None = None,
    **choices: object,
) -> Result:
    """Redraw ``content`` in the style of ``style``.

    Args:
        content: (1, 3, H, W) in [-1, 1].
        style: (1, 3, H', W') in [-1, 1].
        network: see ``load_network``; the offline one if None.
        steps: of the optimizer.
        progress: called after each step with the ``StyleTransfer``; if it returns False, it stops.
        choices: weights, layers, start, optimizer, seed: see ``StyleTransfer``.

    Raises:
        CourseError: for pictures, layers or numbers that do not fit.
    """
    if not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise CourseError(f"steps must lie in 1 to {MOST_STEPS:,}, but is {steps!r}.")
    transfer = StyleTransfer(content, style, network, **choices)
    note = ""
    for _ in range(steps):
        try:
            transfer.step()
        except CourseError as error:  # no finite number any more
            note = str(error)
            break
        if progress is not None and progress(transfer) is False:
            note = f"stopped after {transfer.step_count} of {steps} steps."
            break
    return Result(transfer.image, transfer.history, note)


def _mean_square(values: Tensor) -> float:
    return max(values.square().mean().item(), 1e-12)


def _check_picture(name: str, picture: Tensor) -> None:
    if picture.ndim != 4 or picture.shape[:2] != (1, 3) or min(picture.shape[2:]) < 32:
        raise CourseError(
            f"{name} must have shape (1, 3, H, W) with sides of 32 or more, but has "
            f"{tuple(picture.shape)}."
        )
    if not bool(torch.isfinite(picture).all()):
        raise CourseError(f"{name} holds values that are no finite numbers.")
