"""One training iteration, stopped after each of its ten stages, with all that can be seen there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor, nn

from gan_course.toy.config import ToyConfig
from gan_course.toy.game import Snapshot, ToyGame, one_thread

__all__ = ["STAGES", "Frame", "WatchedStep", "plain_step"]

WARM_UP = 100  # steps before the one that is watched, so that D has learned something to look at

# stage -> its title. The code of a stage is what ``WatchedStep.code`` returns for it.
STAGES = (
    "before",
    "real points",
    "noise",
    "fake points",
    "D's logits",
    "D's loss",
    "D's gradients",
    "D's step",
    "the new D's logits",
    "G's loss and gradients",
    "G's step",
)


def plain_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer_g: torch.optim.Optimizer,
    optimizer_d: torch.optim.Optimizer,
    real: Tensor,
    z: Tensor,
    d_loss: Callable[[Tensor, Tensor], Tensor],
    g_loss: Callable[[Tensor], Tensor],
) -> None:
    """The iteration without stops, as it stands in a training loop. real (N, 2), z (N, noise_dim).

    Both halves use the same fakes, as most DCGAN loops do. (``ToyGame`` draws fresh z for G.)
    """
    fake = generator(z)
    logits_real = discriminator(real)
    logits_fake = discriminator(fake.detach())
    loss_d = d_loss(logits_real, logits_fake)
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    logits_fake = discriminator(fake)
    loss_g = g_loss(logits_fake)
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()


@dataclass
class Frame:
    """What there is after one stage. Tensors are copies; None is what does not exist yet."""

    stage: int
    values: dict[str, Tensor] = field(default_factory=dict)
    """real, fake (N, 2), z (N, noise_dim), logits_real, logits_fake (N,), loss_d, loss_g ()."""
    requires_grad: dict[str, bool] = field(default_factory=dict)
    """For each of them: does it remember how it was made, so that a gradient can flow back?"""
    grad_d: float | None = None
    """Length of D's gradient, all parameters together; None before there is any."""
    grad_g: float | None = None
    """The same for G."""
    fake_logits_before: Tensor | None = None
    """From stage 8 on: what D said about the fakes before its step, (N,)."""
    push: Tensor | None = None
    """From stage 9 on: -dL_G/dx for each fake times N, (N, 2), where the loss would move it."""
    moved_to: Tensor | None = None
    """At stage 10: where the same z lie now, (N, 2)."""
    surface: dict[str, Tensor] = field(default_factory=dict)
    """D's weights as they are at this stage."""


class WatchedStep:
    """One iteration on real tensors, stage by stage.

    Args:
        loss: a loss of ``ToyConfig``.
        batch_size: real points and fakes, 1 to 128.
        seed: of the game whose iteration this is.
        detach: whether D's half is cut off from G, as it should be.
        zero_grad: whether old gradients are cleared before new ones are worked out. One iteration
            has been made before this one, so there are old gradients.

    Attributes:
        frames: eleven ``Frame``s, stage 0 to stage 10.
        start: copies of generator, discriminator, optimizer_g and optimizer_d from before it.
        batch: its real points and its z.
        generator, discriminator: the networks as they are at the end.
    """

    def __init__(
        self,
        loss: str = "non_saturating",
        batch_size: int = 8,
        seed: int = 0,
        detach: bool = True,
        zero_grad: bool = True,
    ) -> None:
        self.config = ToyConfig(loss=loss, batch_size=batch_size, seed=seed)
        self.detach = detach
        self.zero_grad = zero_grad
        game = ToyGame(_warm_up_config(loss, seed))
        game.restore(_warmed_up(loss, seed))
        self.generator, self.discriminator = game.generator, game.discriminator
        self.optimizer_g, self.optimizer_d = game.optimizer_g, game.optimizer_d
        self._dice = game._dice
        self.frames: list[Frame] = []
        with one_thread():
            plain_step(*self._players(), *self._draw(), self.config.loss_d, self.config.loss_g)
            self.start = self._copy()  # to make the same step again without stops
            self.batch = self._draw()
            self._watch(*self.batch)

    def _players(self) -> tuple:
        return self.generator, self.discriminator, self.optimizer_g, self.optimizer_d

    def _copy(self) -> tuple:
        copies = copy.deepcopy(self._players())
        for mine, theirs in zip(self._players()[:2], copies[:2], strict=True):
            for old, new in zip(mine.parameters(), theirs.parameters(), strict=True):
                new.grad = old.grad.clone()  # a deep copy of a parameter leaves it out
        return copies

    def _draw(self) -> tuple[Tensor, Tensor]:
        return self._dice.points_real(self.config), self._dice.z(self.config)

    def _watch(self, real: Tensor, z: Tensor) -> None:
        generator, discriminator = self.generator, self.discriminator
        d_loss, g_loss = self.config.loss_d, self.config.loss_g
        seen: dict[str, Tensor] = {}
        extra: dict[str, Tensor] = {}

        def record() -> None:
            self.frames.append(self._frame(seen, extra))

        record()
        seen["real"] = real
        record()
        seen["z"] = z
        record()
        seen["fake"] = fake = generator(z)
        record()
        seen["logits_real"] = logits_real = discriminator(real)
        given = fake.detach() if self.detach else fake
        seen["logits_fake"] = logits_fake = discriminator(given)
        record()
        seen["loss_d"] = loss_d = d_loss(logits_real, logits_fake)
        record()
        if self.zero_grad:
            self.optimizer_d.zero_grad()
        # Without detach the graph of the fakes is walked twice, so it must be kept.
        loss_d.backward(retain_graph=not self.detach)
        record()
        self.optimizer_d.step()
        record()
        extra["fake_logits_before"] = logits_fake
        seen["logits_fake"] = logits_fake = discriminator(fake)
        record()
        seen["loss_g"] = loss_g = g_loss(logits_fake)
        # For the arrows alone: reads a gradient, and leaves all .grad as they are.
        extra["push"] = -len(fake) * torch.autograd.grad(loss_g, fake, retain_graph=True)[0]
        if self.zero_grad:
            self.optimizer_g.zero_grad()
        loss_g.backward()
        record()
        self.optimizer_g.step()
        with torch.no_grad():
            extra["moved_to"] = generator(z)
        record()

    def _frame(self, seen: dict[str, Tensor], extra: dict[str, Tensor]) -> Frame:
        return Frame(
            stage=len(self.frames),
            values={name: value.detach().clone() for name, value in seen.items()},
            requires_grad={name: value.requires_grad for name, value in seen.items()},
            grad_d=_length(self.discriminator),
            grad_g=_length(self.generator),
            surface={name: v.clone() for name, v in self.discriminator.state_dict().items()},
            **{name: value.detach().clone() for name, value in extra.items()},
        )

    def logits_at(self, stage: int, points: Tensor) -> Tensor:
        """What D, as it is at this stage, says about points (M, 2): (M,)."""
        with torch.no_grad(), one_thread():
            weights = self.frames[stage].surface
            return torch.func.functional_call(self.discriminator, weights, (points,))

    def code(self) -> tuple[tuple[int, str], ...]:
        """The lines of the iteration, each with the stage that it belongs to."""
        given = "fake.detach()" if self.detach else "fake"
        keep = "" if self.detach else "retain_graph=True"
        clear = [(6, "optimizer_d.zero_grad()")] if self.zero_grad else []
        clear_g = [(9, "optimizer_g.zero_grad()")] if self.zero_grad else []
        return (
            (1, f"real = ring.sample({self.config.batch_size})"),
            (2, f"z = torch.randn({self.config.batch_size}, {self.config.noise_dim})"),
            (3, "fake = generator(z)"),
            (4, "logits_real = discriminator(real)"),
            (4, f"logits_fake = discriminator({given})"),
            (5, "loss_d = d_loss(logits_real, logits_fake)"),
            *clear,
            (6, f"loss_d.backward({keep})"),
            (7, "optimizer_d.step()"),
            (8, "logits_fake = discriminator(fake)"),
            (9, "loss_g = g_loss(logits_fake)"),
            *clear_g,
            (9, "loss_g.backward()"),
            (10, "optimizer_g.step()"),
        )


def _length(network: nn.Module) -> float | None:
    """Length of the gradient of all parameters together; None while there is none."""
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return float(torch.cat(gradients).norm()) if gradients else None


def _warm_up_config(loss: str, seed: int) -> ToyConfig:
    return ToyConfig(loss=loss, batch_size=128, seed=seed)


@lru_cache(maxsize=16)
def _warmed_up(loss: str, seed: int) -> Snapshot:
    game = ToyGame(_warm_up_config(loss, seed))
    game.step(WARM_UP)
    return game.snapshot()
