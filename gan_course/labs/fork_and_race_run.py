"""Two games that begin at the same moment of a third, and how far apart they come."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gan_course.errors import CourseError
from gan_course.labs.toy_gan_tape import Tape
from gan_course.toy import ToyConfig, ToyGame

Row = tuple[int, int | None, float]  # step, modes covered, sliced Wasserstein distance


class Race:
    """A is a game as it was, B the same game with one change, from the same moment on.

    Both have the same weights, optimisers and random numbers when they part.

    Args:
        game: the game to fork. It is not played any further.
        before: what was measured of it, rows of (step, modes, distance), oldest first.
        actions: what it did since it began: ("step", n) and ("change", {...}), in order.
        change: of B, fields of ``ToyConfig``.

    Attributes:
        a, b: the games.
        tape_a, tape_b: what was measured of them, every 50 steps at first, see ``Tape``.
        apart: step -> distance of all weights of A from those of B.

    Raises:
        CourseError: for a change that cannot work in a running game.
    """

    def __init__(
        self,
        game: ToyGame,
        before: list[Row],
        actions: tuple[tuple[str, object], ...],
        change: Mapping[str, object],
    ) -> None:
        self.game, self.actions = game, actions
        self.part(change)
        here = rows(self.tape_a)
        self.before = before if before and before[-1][0] == here[0][0] else before + here

    @classmethod
    def begin(cls, config: ToyConfig, steps: int, change: Mapping[str, object]) -> Race:
        """A new game, played so many steps, then forked."""
        game = ToyGame(config)
        tape = Tape(game)
        while game.steps_done < steps:
            game.step(min(steps - game.steps_done, tape.every - game.steps_done % tape.every))
            tape.keep()
        return cls(game, rows(tape), (("step", steps),) if steps else (), change)

    def again(self, which: str) -> Race:
        """The fork of a fork: both games begin where A or B stands now, without a change yet."""
        game, tape = (self.a, self.tape_a) if which == "A" else (self.b, self.tape_b)
        actions = list(self.actions)
        if which == "B" and self.change:
            actions.append(("change", self.change))
        if self.steps_done:
            actions.append(("step", self.steps_done))
        later = [row for row in rows(tape) if self.forked_at < row[0] <= game.steps_done]
        return Race(game.fork(), self.before + later, tuple(actions), {})

    def part(self, change: Mapping[str, object]) -> None:
        """Fork, or fork anew from the same moment with another change."""
        b = self.game.fork(**change)  # first: it may be refused, and then nothing has happened
        self.change = dict(change)
        self.a, self.b = self.game.fork(), b
        self.tape_a, self.tape_b = Tape(self.a), Tape(self.b)
        self.apart = {self.a.steps_done: self.distance()}

    @property
    def forked_at(self) -> int:
        return self.game.steps_done

    @property
    def steps_done(self) -> int:
        """Since the fork."""
        return self.a.steps_done - self.forked_at

    def distance(self) -> float:
        """Euclidean distance of all weights, G's and D's, of A from those of B, as they are now.

        0 only if every single one is the same.
        """
        pairs = [
            *zip(self.a.generator.parameters(), self.b.generator.parameters(), strict=True),
            *zip(self.a.discriminator.parameters(), self.b.discriminator.parameters(), strict=True),
        ]
        with torch.no_grad():
            squares = torch.stack([(one - two).double().square().sum() for one, two in pairs])
        return float(squares.sum().sqrt())

    def step(self, most: int) -> None:
        """Both go on by the same number of steps: at most so many, up to the next measurement.

        Raises:
            CourseError: when one of them breaks. Both then stand at the last measurement.
        """
        if self.a.steps_done < self.tape_a.last_step:  # after a rewind
            self.tape_a.forget_the_future()
            self.tape_b.forget_the_future()
            self.apart = {s: d for s, d in self.apart.items() if s <= self.a.steps_done}
        every = self.tape_a.every
        count = min(most, every - self.a.steps_done % every)
        for name, game in (("A", self.a), ("B", self.b)):
            config = game.config
            try:
                game.step(count)
            except CourseError:
                self.rewind(self.tape_a.last_step - self.forked_at)
                raise CourseError(
                    f"{name} broke soon after step {self.steps_done:,} since the fork: a weight or "
                    f"a loss is no number any more. You see step {self.steps_done:,}, the last "
                    f"measurement of both. Usually a learning rate is too large "
                    f"(lr_d={config.lr_d:g}, lr_g={config.lr_g:g}): take a tenth of it."
                ) from None
        if self.a.steps_done % every == 0:
            self.measure()

    def measure(self) -> None:
        """Keep this moment of both."""
        self.tape_a.keep()
        self.tape_b.keep()
        self.apart[self.a.steps_done] = self.distance()

    def rewind(self, step: int) -> int:
        """Back to the last measurement so many steps after the fork, or before. Returns its step,
        counted from the fork."""
        moment = self.tape_a.before(self.forked_at + step)
        self.a.restore(moment.snapshot)
        self.b.restore(self.tape_b.before(moment.step).snapshot)
        return self.steps_done


def rows(tape: Tape) -> list[Row]:
    """What a tape has measured."""
    return [(moment.step, moment.modes, moment.distance) for moment in tape.moments]
