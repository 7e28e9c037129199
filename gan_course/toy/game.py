"""One toy game: two networks that learn against each other, and all that one can do to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gan_course.errors import CourseError
from gan_course.toy.config import NOT_MID_RUN, ToyConfig
from gan_course.toy.dice import Dice, draw_z, own_rng, view_rng
from gan_course.toy.networks import build_networks
from gan_course.toy.snapshot import Snapshot, copy_state
from gan_course.toy.step import (
    as_scalar,
    discriminator_objective,
    forget_gradients,
    make_optimizer,
    one_thread,
    right_answers,
)

__all__ = ["Snapshot", "ToyGame", "one_thread"]

FIXED_POINTS = 512
CHECK_EVERY = 50  # steps between two looks whether all numbers are still numbers


class ToyGame:
    """A generator and a discriminator on points of the plane.

    The same config gives the same game, bit for bit, on the same machine. Looking never changes
    it: ``samples``, ``force`` and the metrics use random numbers of their own, and torch's global
    random numbers are never touched.

    Attributes:
        config: the choices; change them with ``change``.
        generator, discriminator: the networks.
        loss_g, loss_d: None, or a function of your own in place of the config's loss:
            ``loss_g(logits_fake)`` and ``loss_d(logits_real, logits_fake)``, each giving a scalar.
        steps_done: whole steps since the beginning.
        updates_skipped: how often D sat out because it was winning.
        logits_real, logits_fake: what D said in its last update, before it; (batch_size,).
    """

    def __init__(self, config: ToyConfig | None = None) -> None:
        self.config = config if config is not None else ToyConfig()
        self.generator, self.discriminator = build_networks(self.config)
        self._weights_g = list(self.generator.parameters())
        self._weights_d = list(self.discriminator.parameters())
        self.optimizer_g = make_optimizer(self.generator, self.config, "g")
        self.optimizer_d = make_optimizer(self.discriminator, self.config, "d")
        self.loss_g: Callable[[Tensor], Tensor] | None = None
        self.loss_d: Callable[[Tensor, Tensor], Tensor] | None = None
        self.steps_done = 0
        self.updates_skipped = 0
        self.logits_real = self.logits_fake = torch.zeros(0)
        self._dice = Dice(self.config.seed)
        self._losses = torch.zeros(1024, 2)  # (L_D, L_G) of every step, with room for more
        self._nothing = torch.tensor(math.nan)
        self._fixed_z = draw_z(self.config, FIXED_POINTS, own_rng(self.config.seed, "fixed z"))
        self.last_good = self.snapshot()
        self._pretrain_d()
        self.last_good = self.snapshot()

    # ---- learning --------------------------------------------------------------------------

    def _pretrain_d(self) -> None:
        """D alone, before the game. freeze_d and skip_d_when_winning begin with the game."""
        config = self.config
        self.config = config.replace(freeze_d=False, skip_d_when_winning=None)
        with one_thread():
            for _ in range(config.pretrain_d):
                self._update_d()
        self.config = config
        self._stop_if_broken()

    def step(self, n: int = 1) -> None:
        """n whole steps: D learns k_d times, then G learns k_g times.

        Raises:
            CourseError: when a loss is no number any more. The game then stands where it was at
                the last good moment, at most 50 steps back.
        """
        if not isinstance(n, int) or n < 0:
            raise CourseError(f"the number of steps must be whole, 0 or more, but is {n!r}.")
        with one_thread():
            for _ in range(n):
                self._record(*self.training_step())
                if self.steps_done % CHECK_EVERY == 0:
                    self._stop_if_broken()
                    self.last_good = self.snapshot()
        if n > 0:
            self._stop_if_broken()

    def _record(self, loss_d: Tensor, loss_g: Tensor) -> None:
        """Copied from tensor to tensor: nothing has to wait until a number has been read."""
        if self.steps_done == len(self._losses):
            self._losses = torch.cat([self._losses, torch.zeros_like(self._losses)])
        row = self._losses[self.steps_done]
        row[0], row[1] = loss_d, loss_g
        self.steps_done += 1

    def training_step(self) -> tuple[Tensor, Tensor]:
        """One step without book-keeping. Returns (L_D, L_G), NaN for a network that has no turn."""
        loss_d = loss_g = self._nothing
        if self.config.simultaneous:
            # Both gradients belong to the same moment; only then does either network move.
            loss_d = self._backward_d()
            loss_g = self._backward_g()
            self._move_d()
            self._move_g()
            return loss_d, loss_g
        for _ in range(self.config.k_d):
            loss_d = self._update_d()
        for _ in range(self.config.k_g):
            loss_g = self._update_g()
        return loss_d, loss_g

    def step_d(self) -> Tensor:
        """One update of D alone; returns its loss. Does not count as a step."""
        with one_thread():
            loss_d = self._update_d()
        self._stop_if_broken(loss_d)
        return loss_d

    def step_g(self) -> Tensor:
        """One update of G alone; returns its loss. Does not count as a step."""
        with one_thread():
            loss_g = self._update_g()
        self._stop_if_broken(loss_g)
        return loss_g

    def _update_d(self) -> Tensor:
        loss_d = self._backward_d()
        self._move_d()
        return loss_d

    def _update_g(self) -> Tensor:
        loss_g = self._backward_g()
        self._move_g()
        return loss_g

    def _backward_d(self) -> Tensor:
        """D's gradients, on fresh points."""
        config, dice = self.config, self._dice
        points_real = dice.points_real(config)
        with torch.no_grad():  # G does not learn now
            points_fake = self.generator(dice.z(config))
        if config.instance_noise > 0:
            points_real = points_real + dice.instance_noise(config)
            points_fake = points_fake + dice.instance_noise(config)
        mix = dice.mix(config) if config.gp_lambda > 0 else None
        if config.spectral_norm and not config.freeze_d:
            self.discriminator.refresh()
        objective, loss_d, self.logits_real, self.logits_fake = discriminator_objective(
            self.discriminator, points_real, points_fake, config, self.loss_d or config.loss_d, mix
        )
        if not config.freeze_d:
            forget_gradients(self._weights_d)
            as_scalar(objective, "loss_d").backward()
        return loss_d

    def _backward_g(self) -> Tensor:
        """G's gradients, on fresh noise. They flow back through D, which itself stays as it is."""
        config, dice = self.config, self._dice
        points_fake = self.generator(dice.z(config))
        if config.instance_noise > 0:
            points_fake = points_fake + dice.instance_noise(config)
        loss_g = (self.loss_g or config.loss_g)(self.discriminator(points_fake))
        if not config.freeze_g:
            forget_gradients(self._weights_g)
            # inputs=...: only G's gradients are wanted, so D's are not even worked out.
            as_scalar(loss_g, "loss_g").backward(inputs=self._weights_g)
        return loss_g.detach()

    def _move_d(self) -> None:
        config = self.config
        if config.freeze_d:
            return
        limit = config.skip_d_when_winning
        if limit is not None and right_answers(config, self.logits_real, self.logits_fake) > limit:
            self.updates_skipped += 1
        else:
            self.optimizer_d.step()

    def _move_g(self) -> None:
        if not self.config.freeze_g:
            self.optimizer_g.step()

    # ---- changing your mind ------------------------------------------------------------------

    def change(self, **changes: object) -> None:
        """Change choices while the game runs, for example ``game.change(loss="hinge")``.

        The weights stay. The optimisers keep their memory, unless you change their kind. A new
        ``loss`` also takes the place of a function of your own.

        Raises:
            CourseError: for a value that cannot work, and for what fixes the networks.
        """
        config = self.config.replace(**changes)
        for name in NOT_MID_RUN:
            if getattr(config, name) != getattr(self.config, name):
                raise CourseError(
                    f"{name} cannot change in a running game: it decides how the game begins. Make "
                    f"a new one, ToyGame(game.config.replace({name}={getattr(config, name)!r}))."
                )
        if "loss" in changes:
            self.loss_g = self.loss_d = None
        self._take_config(config)

    def _take_config(self, config: ToyConfig) -> None:
        old, self.config = self.config, config
        for which, network in (("g", self.generator), ("d", self.discriminator)):
            kind = f"optimizer_{which}"
            if getattr(config, kind) != getattr(old, kind):
                setattr(self, kind, make_optimizer(network, config, which))
            for group in getattr(self, kind).param_groups:
                group["lr"] = getattr(config, f"lr_{which}")
                if "betas" in group:
                    group["betas"] = (config.beta1, 0.999)
        if config.spectral_norm and not self.discriminator.spectral_norm:
            self.discriminator.refresh(iterations=20)
        self.discriminator.spectral_norm = config.spectral_norm

    def snapshot(self) -> Snapshot:
        """All that decides how the game goes on: weights, optimisers, random numbers, choices."""
        return Snapshot(
            steps_done=self.steps_done,
            config=self.config,
            generator=copy_state(self.generator.state_dict()),
            discriminator=copy_state(self.discriminator.state_dict()),
            optimizer_g=copy_state(self.optimizer_g.state_dict()),
            optimizer_d=copy_state(self.optimizer_d.state_dict()),
            dice=self._dice.state(),
            loss_g=self.loss_g,
            loss_d=self.loss_d,
            updates_skipped=self.updates_skipped,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a moment of this game, or forth again to a later one.

        Raises:
            CourseError: for a snapshot of a game that began otherwise.
        """
        for name in NOT_MID_RUN:
            here, there = getattr(self.config, name), getattr(snapshot.config, name)
            if here != there:
                raise CourseError(
                    f"this snapshot is of another game: its {name} is {there}, here it is {here}."
                )
        self._take_config(snapshot.config)
        self.generator.load_state_dict(snapshot.generator)
        self.discriminator.load_state_dict(snapshot.discriminator)
        self.optimizer_g.load_state_dict(copy_state(snapshot.optimizer_g))
        self.optimizer_d.load_state_dict(copy_state(snapshot.optimizer_d))
        self._dice.set_state(snapshot.dice)
        self.loss_g, self.loss_d = snapshot.loss_g, snapshot.loss_d
        self.updates_skipped = snapshot.updates_skipped
        self.steps_done = snapshot.steps_done
        self.last_good = snapshot

    def fork(self, **changes: object) -> ToyGame:
        """A second game that stands exactly where this one stands, with these choices changed."""
        other = ToyGame(self.config.replace(pretrain_d=0))
        other.config = self.config
        other._losses = self._losses.clone()
        other.restore(self.snapshot())
        other.logits_real, other.logits_fake = self.logits_real, self.logits_fake
        if changes:
            other.change(**changes)
        return other

    # ---- looking -----------------------------------------------------------------------------

    @torch.no_grad()
    def samples(self, n: int, view: int = 0) -> Tensor:
        """n fresh fakes, (n, 2). The same step and ``view`` give the same ones."""
        rng = view_rng(self.config.seed, self.steps_done, view)
        return self.generator(draw_z(self.config, n, rng))

    @property
    @torch.no_grad()
    def fixed_samples(self) -> Tensor:
        """(512, 2): always from the same z, so that one can follow each point through a run."""
        return self.generator(self._fixed_z)

    @torch.no_grad()
    def logits(self, points: Tensor) -> Tensor:
        """D's logits (N,) at points (N, 2)."""
        return self.discriminator(points)

    def force(self, points: Tensor) -> Tensor:
        """Where the generator's loss pushes each fake point, (N, 2): -dL_G / dx.

        This is the force of the loss that G really minimises, your own one if you set ``loss_g``;
        not the slope of D, which stays the same whatever the loss. L_G is a mean over the batch,
        so the gradient is multiplied by N: the force on a point does not depend on how many others
        there are.
        """
        points = points.detach().clone().requires_grad_(True)
        loss_g = (self.loss_g or self.config.loss_g)(self.discriminator(points))
        (gradient,) = torch.autograd.grad(as_scalar(loss_g, "loss_g"), points)
        return -len(points) * gradient

    def slope(self, points: Tensor) -> Tensor:
        """The slope of D's logit at points (N, 2), as (N, 2)."""
        points = points.detach().clone().requires_grad_(True)
        return torch.autograd.grad(self.discriminator(points).sum(), points)[0]

    @property
    def history(self) -> dict[str, np.ndarray]:
        """``loss_d`` and ``loss_g`` of every step up to now, each float32 (steps_done,).

        The loss alone, without penalties; NaN where a network had no turn.
        """
        table = self._losses[: self.steps_done].clone().numpy()
        return {"loss_d": table[:, 0], "loss_g": table[:, 1]}

    # ---- when it breaks ----------------------------------------------------------------------

    def _stop_if_broken(self, *losses: Tensor) -> None:
        """NaN and infinity never go away by themselves, so a look now and then is enough."""
        numbers = [*self._weights_g, *self._weights_d, *losses]
        if math.isfinite(float(torch.stack([value.detach().sum() for value in numbers]).sum())):
            return
        broken_at, guilty, good = self.steps_done, self.config, self.last_good
        self.restore(good)
        raise CourseError(
            f"the game broke by step {broken_at}: a weight or a loss is no number any more. It was "
            f"set back to step {good.steps_done}, the last good moment, with the choices of then. "
            f"Usually a learning rate is too large (lr_d={guilty.lr_d:g}, lr_g={guilty.lr_g:g}): "
            f"try a tenth."
        )
