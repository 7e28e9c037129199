"""Many games at once, which differ only in their seed: was it luck?

Twelve games one after the other take twelve times as long, and most of that time goes into calling
many small operations. Here the weights of all S games lie side by side, (S, out, in), and one
batched product serves them all. The losses and penalties are the very same functions as in
``ToyGame``, and each game has the first weights and random numbers that it would have by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.errors import CourseError
from gan_course.toy.config import NOT_MID_RUN, ToyConfig
from gan_course.toy.dice import Dice, draw_z, view_rng
from gan_course.toy.game import ToyGame
from gan_course.toy.networks import (
    LinearDiscriminator,
    ShiftGenerator,
    power_iteration,
    spectral_weight,
)
from gan_course.toy.step import discriminator_objective, one_thread, right_answers

__all__ = ["ManyGames", "run_many"]


class _Stack:
    """S networks of one shape as one function, points (S, N, in) -> (S, N, out).

    All weights of a network lie in one row of ``weights`` (S, P), which makes the optimiser one
    line of arithmetic.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.first = networks[0]
        self.weights = torch.stack(
            [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in networks]
        ).requires_grad_(True)
        self.shapes = [tuple(p.shape) for p in self.first.parameters()]
        self.sizes = [p.numel() for p in self.first.parameters()]
        names = [name for name, _ in self.first.named_buffers()]
        self.u = [torch.stack([net.get_buffer(name) for net in networks]) for name in names]
        self.spectral_norm = getattr(self.first, "spectral_norm", False)

    def parts(self) -> list[Tensor]:
        """The weights again in their own shapes, (S, ...) each."""
        flat = self.weights.split(self.sizes, dim=1)
        return [w.reshape(-1, *shape) for w, shape in zip(flat, self.shapes, strict=True)]

    def __call__(self, points: Tensor) -> Tensor:
        parts = self.parts()
        if isinstance(self.first, ShiftGenerator):
            return parts[0].unsqueeze(1) + self.first.spread * points
        if isinstance(self.first, LinearDiscriminator):
            return (points @ parts[0].unsqueeze(-1)).squeeze(-1)
        pairs = list(zip(parts[0::2], parts[1::2], strict=True))
        for i, (weight, bias) in enumerate(pairs):
            if self.spectral_norm:
                weight = spectral_weight(weight, self.u[i])
            points = torch.baddbmm(bias.unsqueeze(1), points, weight.mT)
            if i < len(pairs) - 1:
                points = F.leaky_relu(points, self.first.slope)
        return points.squeeze(-1) if points.shape[-1] == 1 else points

    @torch.no_grad()
    def refresh(self, iterations: int = 1) -> None:
        """One more power iteration, as in ``ToyDiscriminator.refresh``."""
        for i, weight in enumerate(self.parts()[0::2]):
            self.u[i] = power_iteration(weight, self.u[i], iterations)

    @torch.no_grad()
    def write_into(self, network: nn.Module, i: int) -> None:
        """Copy the weights of network i into a module."""
        for parameter, part in zip(network.parameters(), self.parts(), strict=True):
            parameter.copy_(part[i])
        for (name, _), u in zip(self.first.named_buffers(), self.u, strict=True):
            network.get_buffer(name).copy_(u[i])


class _Optimizer:
    """Adam or plain SGD on rows (S, P); rows that are masked out do not move."""

    def __init__(self, weights: Tensor) -> None:
        self.m = torch.zeros_like(weights)
        self.v = torch.zeros_like(weights)
        self.t = torch.zeros_like(weights[:, :1])

    @torch.no_grad()
    def step(
        self, weights: Tensor, gradient: Tensor, kind: str, rate: float, beta1: float, moves: Tensor
    ) -> None:
        moves = moves.unsqueeze(1).to(weights)  # (S, 1): 1 moves, 0 stays
        if kind == "sgd":
            weights -= rate * moves * gradient
            return
        beta2, eps = 0.999, 1e-8
        self.t += moves
        self.m.lerp_(gradient, moves * (1 - beta1))
        self.v.lerp_(gradient.square(), moves * (1 - beta2))
        m = self.m / (1 - beta1**self.t).clamp_min(eps)
        v = self.v / (1 - beta2**self.t).clamp_min(eps)
        weights -= rate * moves * m / (v.sqrt() + eps)


class ManyGames:
    """The games of several seeds, stepped together.

    Attributes:
        config: the choices that all share; ``config.seed`` is not used.
        seeds: one for each game.
        steps_done: whole steps of every game.
        updates_skipped: (S,), how often each D sat out because it was winning.
    """

    def __init__(self, config: ToyConfig, seeds: Sequence[int]) -> None:
        self.seeds = [int(seed) for seed in seeds]
        if not self.seeds:
            raise CourseError("seeds is empty; give at least one, for example range(12).")
        self.config = config
        starts = [ToyGame(config.replace(seed=seed, pretrain_d=0)) for seed in self.seeds]
        self.generator = _Stack([game.generator for game in starts])
        self.discriminator = _Stack([game.discriminator for game in starts])
        self.optimizer_g = _Optimizer(self.generator.weights)
        self.optimizer_d = _Optimizer(self.discriminator.weights)
        self.dice = [Dice(seed) for seed in self.seeds]
        self.steps_done = 0
        self.updates_skipped = torch.zeros(len(self.seeds), dtype=torch.long)
        with one_thread():
            self.config = config.replace(freeze_d=False, skip_d_when_winning=None)
            for _ in range(config.pretrain_d):
                self._move_d(*self._gradient_d())
            self.config = config

    def step(self, n: int = 1) -> None:
        """n whole steps of every game. A game that breaks goes on as NaN; see ``broken``."""
        with one_thread():
            for _ in range(n):
                if self.config.simultaneous:
                    gradient_d, gradient_g = self._gradient_d(), self._gradient_g()
                    self._move_d(*gradient_d)
                    self._move_g(gradient_g)
                else:
                    for _ in range(self.config.k_d):
                        self._move_d(*self._gradient_d())
                    for _ in range(self.config.k_g):
                        self._move_g(self._gradient_g())
                self.steps_done += 1

    def play(
        self, steps: int, watch: Callable[[ManyGames], None] | None = None, watch_every: int = 100
    ) -> None:
        """``steps`` more steps; ``watch`` is called now and then every ``watch_every`` steps."""
        end = self.steps_done + steps
        if watch is not None:
            watch(self)
        while self.steps_done < end:
            self.step(min(watch_every, end - self.steps_done))
            if watch is not None:
                watch(self)

    def change(self, **changes: object) -> None:
        """Change choices of all games, as in ``ToyGame.change``."""
        config = self.config.replace(**changes)
        for name in NOT_MID_RUN:
            if getattr(config, name) != getattr(self.config, name):
                raise CourseError(f"{name} cannot change in running games.")
        for which in ("g", "d"):
            kind = f"optimizer_{which}"
            if getattr(config, kind) != getattr(self.config, kind):
                network = self.generator if which == "g" else self.discriminator
                setattr(self, kind, _Optimizer(network.weights))
        if config.spectral_norm and not self.discriminator.spectral_norm:
            self.discriminator.refresh(iterations=20)
        self.discriminator.spectral_norm = config.spectral_norm
        self.config = config

    def game(self, i: int) -> ToyGame:
        """Game i by itself, with its weights as they are now: to measure it or to look at it.

        Its optimisers begin anew, so it is not meant for going on.
        """
        game = ToyGame(self.config.replace(seed=self.seeds[i], pretrain_d=0))
        self.generator.write_into(game.generator, i)
        self.discriminator.write_into(game.discriminator, i)
        game.steps_done = self.steps_done
        return game

    @torch.no_grad()
    def samples(self, n: int) -> Tensor:
        """n fresh fakes of every game, (S, n, 2). The games' own random numbers stay untouched."""
        rngs = (view_rng(seed, self.steps_done, view=0) for seed in self.seeds)
        return self.generator(torch.stack([draw_z(self.config, n, rng) for rng in rngs]))

    def broken(self) -> list[bool]:
        """For every game: is one of its weights no number any more?"""
        both = [self.generator.weights, self.discriminator.weights]
        return [bool(row) for row in ~torch.cat(both, dim=1).isfinite().all(dim=1)]

    def _each(self, draw: Callable[[Dice], Tensor]) -> Tensor:
        return torch.stack([draw(dice) for dice in self.dice])

    def _gradient_d(self) -> tuple[Tensor, Tensor]:
        """D's gradients (S, P), and which games' D may move (S,)."""
        config = self.config
        points_real = self._each(lambda dice: dice.points_real(config))
        z = self._each(lambda dice: dice.z(config))
        with torch.no_grad():
            points_fake = self.generator(z)
        if config.instance_noise > 0:
            points_real = points_real + self._each(lambda dice: dice.instance_noise(config))
            points_fake = points_fake + self._each(lambda dice: dice.instance_noise(config))
        mix = self._each(lambda dice: dice.mix(config)) if config.gp_lambda > 0 else None
        nobody = torch.zeros(len(self.seeds), dtype=torch.bool)
        if config.freeze_d:
            return torch.zeros_like(self.discriminator.weights), nobody
        if config.spectral_norm:
            self.discriminator.refresh()
        objective, _, logits_real, logits_fake = discriminator_objective(
            self.discriminator, points_real, points_fake, config, config.loss_d, mix
        )
        # The objective is a mean over all games; times S, each game's weights get the gradient of
        # their own mean.
        (gradient,) = torch.autograd.grad(len(self.seeds) * objective, [self.discriminator.weights])
        moves = ~nobody
        if config.skip_d_when_winning is not None:
            moves = right_answers(config, logits_real, logits_fake) <= config.skip_d_when_winning
            self.updates_skipped += ~moves
        return gradient, moves

    def _gradient_g(self) -> Tensor:
        config = self.config
        points_fake = self.generator(self._each(lambda dice: dice.z(config)))
        if config.instance_noise > 0:
            points_fake = points_fake + self._each(lambda dice: dice.instance_noise(config))
        loss_g = config.loss_g(self.discriminator(points_fake))
        return torch.autograd.grad(len(self.seeds) * loss_g, [self.generator.weights])[0]

    def _move_d(self, gradient: Tensor, moves: Tensor) -> None:
        config = self.config
        if not config.freeze_d:
            self.optimizer_d.step(
                self.discriminator.weights,
                gradient,
                config.optimizer_d,
                config.lr_d,
                config.beta1,
                moves,
            )

    def _move_g(self, gradient: Tensor) -> None:
        config = self.config
        if not config.freeze_g:
            everybody = torch.ones(len(self.seeds), dtype=torch.bool)
            self.optimizer_g.step(
                self.generator.weights,
                gradient,
                config.optimizer_g,
                config.lr_g,
                config.beta1,
                everybody,
            )


def run_many(
    config: ToyConfig,
    seeds: Sequence[int],
    steps: int,
    watch: Callable[[ManyGames], None] | None = None,
    watch_every: int = 100,
) -> ManyGames:
    """Run one game for each seed, all in one batch.

    Args:
        config: the choices; its own seed is not used.
        seeds: for example ``range(12)``.
        steps: whole steps of every game.
        watch: called with the games at the start and then every ``watch_every`` steps.

    Returns:
        The games: ``many.game(i)`` is one by itself, ready for ``measure``.
    """
    many = ManyGames(config, seeds)
    many.play(steps, watch, watch_every)
    return many
