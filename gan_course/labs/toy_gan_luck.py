"""Is it luck? The same game with twelve seeds, a slice at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch

from gan_course.errors import CourseError
from gan_course.toy import PRESETS, ManyGames, ToyConfig, floors, measure
from gan_course.toy.preset_runs import RunWatch

if TYPE_CHECKING:
    from gan_course.labs.toy_gan_play import PlayedGame

SLICE_SECONDS = 0.030
SHOWN = 150  # fakes of each game in the picture
GOOD = 2.0  # without a preset: at most so many times a perfect generator's worst distance


def rule_of(lab: PlayedGame) -> tuple[Callable[[Mapping], bool], str, int]:
    """What counts as "it happened again", in code and in words; and how many steps to play.

    It is the preset's own rule. For another distribution, or without a preset, that rule has no
    meaning, and the distance has to do.
    """
    config, preset = lab.config, PRESETS.get(lab.preset)
    if preset is not None and preset.config.distribution == config.distribution:
        return preset.rule, preset.rule_text, preset.steps
    limit = GOOD * floors(config.real)["sliced_wasserstein"].worst
    text = f"a sliced Wasserstein distance below {limit:.2f}, twice a perfect generator's worst"
    return (lambda m: m["sliced_wasserstein"] < limit), text, 1500


class Luck:
    """Twelve games of one config in one batch. Between two slices it can be stopped.

    Attributes:
        progress: 0 to 1 while it runs, else None.
        result: None, or a dict of the last whole run: ``seeds``, ``holds`` (a bool each),
            ``measured`` (a dict each, as of ``measure_preset``), ``samples`` (S, 150, 2),
            ``rule_text``, ``steps`` and ``config``.
        message: why there is no result, if there is a reason.
    """

    def __init__(self, lab: PlayedGame, changed: Callable[[], None]) -> None:
        self.lab = lab
        self.changed = changed
        self.progress: float | None = None
        self.result: dict | None = None
        self.message = ""
        self._task: asyncio.Task | None = None
        self._stopped = False

    def run(self, seeds: int = 12) -> dict:
        """All of it now, without an event loop. Returns ``result``."""
        for _ in self._slices(seeds):
            pass
        self.progress = None
        self.changed()
        return self.result

    def start(self, seeds: int = 12) -> asyncio.Task:
        """The same as a task of the notebook's event loop."""
        if self._task is None or self._task.done():
            self._stopped, self.message = False, ""
            self.progress = 0.0
            self._task = asyncio.get_running_loop().create_task(self._run(seeds))
        return self._task

    def stop(self) -> None:
        """After the slice that is running."""
        self._stopped = True

    async def _run(self, seeds: int) -> None:
        try:
            for share in self._slices(seeds):
                self.progress = share
                self.changed()
                await asyncio.sleep(0.005)
                if self._stopped:
                    self.message = "Stopped before the end."
                    break
        except Exception as error:  # nobody would see it otherwise
            self.message = str(error)
        finally:
            self.progress = None
            self.changed()

    def _slices(self, count: int) -> Iterator[float]:
        """Does the work; yields how much of it is done, between 0 and 1."""
        lab = self.lab
        if lab.loss_g is not None or lab.loss_d is not None:
            raise CourseError(
                "twelve games at once know the losses of the menu only; set lab.loss_g and "
                "lab.loss_d to None first."
            )
        config, (rule, rule_text, steps) = lab.config, rule_of(lab)
        every = PRESETS[lab.preset].watch_every if lab.preset in PRESETS else 100
        seeds = range(count)
        whole = steps + config.pretrain_d
        many = ManyGames(config.replace(pretrain_d=0), seeds)
        for done in pretrained(many, config):
            yield done / whole
        watch = RunWatch()
        for i in range(count):  # it would measure all of them at once: too long without a breath
            yield config.pretrain_d / whole
            watch.start.append(measure(many.game(i)))
        while True:
            if many.steps_done % every == 0 or many.steps_done == steps:
                watch(many)
            if many.steps_done == steps:
                break
            end = min(steps, (many.steps_done // every + 1) * every)
            for _ in steps_in_slices(many, end):
                yield (config.pretrain_d + many.steps_done) / whole
        measured = []
        broken = many.broken()
        for i, seed in enumerate(seeds):
            yield 1.0
            if broken[i]:
                measured.append({"seed": seed, "holds": False, "broken": True})
                continue
            found = measure(many.game(i)) | watch.of(i, steps, config.real.mean())
            if config.real.modes is not None:
                found["minority"] = found["share_per_mode"][int(config.real.shares.argmin())]
            measured.append(found | {"seed": seed, "holds": bool(rule(found))})
        self.result = {
            "seeds": list(seeds),
            "holds": [found["holds"] for found in measured],
            "measured": measured,
            "samples": torch.nan_to_num(many.samples(SHOWN), nan=99.0).numpy(),
            "points_real": config.real.sample(SHOWN, torch.Generator().manual_seed(777)).numpy(),
            "rule_text": rule_text,
            "steps": steps,
            "config": config,
        }


def steps_in_slices(many: ManyGames, end: int) -> Iterator[None]:
    """Step up to ``end``, and come up for air every 30 ms."""
    while many.steps_done < end:
        start = time.perf_counter()
        while many.steps_done < end and time.perf_counter() - start < SLICE_SECONDS:
            many.step(1)
        yield


def pretrained(many: ManyGames, config: ToyConfig) -> Iterator[int]:
    """Let every D learn ``pretrain_d`` times alone, as ``ManyGames`` would, but in slices."""
    if config.pretrain_d == 0:
        return
    before = many.config
    many.change(k_d=1, k_g=0, freeze_d=False, skip_d_when_winning=None, simultaneous=False)
    for _ in steps_in_slices(many, config.pretrain_d):
        yield many.steps_done
    many.config = before
    many.steps_done = 0
