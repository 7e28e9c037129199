"""Lesson 08, tasks 8 to 10: the running average, the film from fixed z, a complete checkpoint."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan_course.checks.compare import kind_of, plain
from gan_course.checks.framework import WRONG, Answer, FunctionTask, Mistake
from gan_course.training import training_step

LESSON = "08_train_dcgan"


class TinyGenerator(nn.Module):
    """z (N, 3) -> "images" (N, 4), with a BatchNorm to forget about."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.net(z))


def _tiny(rng: torch.Generator) -> TinyGenerator:
    """One that has seen some batches, so that its running statistics are its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 10**6, (1,), generator=rng)))
        generator = TinyGenerator()
    for _ in range(3):
        generator(2 * torch.randn(6, 3, generator=rng) + 1)
    return generator


def _numbers(tensors: Any) -> Tensor:
    return torch.cat([t.detach().flatten().double() for t in tensors]).clone()


# ---- 8: one update of the running average -----------------------------------------------------


def _average_cases(rng: torch.Generator) -> list[dict]:
    return [
        {"average": _tiny(rng), "generator": _tiny(rng), "keep": keep}
        for keep in (0.5, 0.9, 0.99, 0.25)
    ]


@torch.no_grad()
def _average_afterwards(result: Any, arguments: dict) -> dict:
    average, generator = arguments["average"], arguments["generator"]
    told = {
        "weights of the average": _numbers(average.parameters()),
        "running statistics of the average": _numbers(average.buffers()),
        "weights of the generator": _numbers(generator.parameters()),
    }
    for tensor in (*generator.parameters(), *generator.buffers()):
        tensor.add_(1)  # the generator goes on learning
    told["weights of the average, when the generator learns on"] = _numbers(average.parameters())
    return told


@torch.no_grad()
def _average(average: nn.Module, generator: nn.Module, keep: float) -> None:
    for mine, latest in zip(average.parameters(), generator.parameters(), strict=True):
        mine.lerp_(latest, 1 - keep)
    for mine, latest in zip(average.buffers(), generator.buffers(), strict=True):
        mine.copy_(latest)


@torch.no_grad()
def _average_all(average: nn.Module, generator: nn.Module, keep: float) -> None:
    """Buffers too, as if they were weights."""
    ours, theirs = average.state_dict(), generator.state_dict()
    for name, mine in ours.items():
        mine.copy_(keep * mine + (1 - keep) * theirs[name])


@torch.no_grad()
def _weights_only(average: nn.Module, generator: nn.Module, keep: float) -> None:
    for mine, latest in zip(average.parameters(), generator.parameters(), strict=True):
        mine.lerp_(latest, 1 - keep)


def _with_gradients(average: nn.Module, generator: nn.Module, keep: float) -> None:
    for mine, latest in zip(average.parameters(), generator.parameters(), strict=True):
        mine.mul_(keep).add_((1 - keep) * latest)


def _new_names(average: nn.Module, generator: nn.Module, keep: float) -> None:
    """A new tensor gets the name, and the weight itself stays."""
    for mine, latest in zip(average.parameters(), generator.parameters(), strict=True):
        mine = keep * mine + (1 - keep) * latest
    for mine, latest in zip(average.buffers(), generator.buffers(), strict=True):
        mine.copy_(latest)


def _shared(average: nn.Module, generator: nn.Module, keep: float) -> None:
    for mine, latest in zip(average.parameters(), generator.parameters(), strict=True):
        mine.data = latest.data
    for mine, latest in zip(average.buffers(), generator.buffers(), strict=True):
        mine.copy_(latest)


update_average = FunctionTask(
    LESSON,
    "update_average",
    "That is the average that all samples of the course are drawn from.",
    (
        Mistake(
            "shares exchanged",
            "The shares are exchanged: of the old average the part `keep` stays, and 1 − keep of "
            "the newest weights comes in. With keep = 0.99 it should hardly move.",
            lambda average, generator, keep: _average(average, generator, 1 - keep),
        ),
        Mistake(
            "running statistics forgotten",
            "The weights are right, but BatchNorm's running statistics are buffers, not "
            "parameters, and stay behind: in eval mode the average would draw with the means of "
            "long ago. Copy average.buffers() from generator.buffers().",
            _weights_only,
        ),
        Mistake(
            "running statistics averaged",
            "The buffers are averaged as if they were weights. BatchNorm's statistics are running "
            "averages already, and one buffer is a whole number, a counter: copy them.",
            _average_all,
        ),
        Mistake(
            "with gradients",
            "torch refuses to change a weight in place while it records gradients. Nobody learns "
            "here: write `with torch.no_grad():` around it.",
            _with_gradients,
        ),
        Mistake(
            "only a name changed",
            "The weights of the average do not move. `p = …` in a loop gives a new tensor the name "
            "p, and the network keeps its old one. Change it in place: p.copy_(…), or p.lerp_(…).",
            _new_names,
            also=(lambda average, generator, keep: None,),
        ),
        Mistake(
            "plain copy",
            "It copies the newest weights, whatever `keep` says. A part of the old average must "
            "stay.",
            lambda average, generator, keep: average.load_state_dict(generator.state_dict()),
        ),
        Mistake(
            "shared memory",
            "The average now holds the generator's own weights, not numbers of its own: when the "
            "generator learns, the average jumps with it.",
            _shared,
        ),
        Mistake(
            "the generator changed",
            "It moves the generator. Training goes on with the generator as it is; only the "
            "average follows.",
            lambda average, generator, keep: _average(generator, average, keep),
            also=(lambda average, generator, keep: _average(generator, average, 1 - keep),),
        ),
    ),
    oracle=_average,
    cases=_average_cases,
    outcome=_average_afterwards,
)

# ---- 9: the film ------------------------------------------------------------------------------


class TrainStep:
    """A step of some training: called without arguments, it changes the generator."""

    __name__ = "train_step"

    def __init__(self, generator: nn.Module, z: Tensor) -> None:
        self.generator, self.z, self.calls = generator, z, 0

    def __call__(self) -> None:
        self.calls += 1
        images = self.generator(self.z[self.calls % len(self.z)])
        gradients = torch.autograd.grad((images - 0.5).square().mean(), self._weights())
        with torch.no_grad():
            for weight, gradient in zip(self._weights(), gradients, strict=True):
                weight -= gradient

    def _weights(self) -> list[Tensor]:
        return list(self.generator.parameters())


def _film_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for moments in ([0, 2], [1, 3], [0, 1, 4, 6], [2, 5]):
        generator = _tiny(rng)
        train_step = TrainStep(generator, torch.randn(4, 6, 3, generator=rng))
        fixed_z = torch.randn(5, 3, generator=rng)
        cases.append(
            {
                "generator": generator,
                "train_step": train_step,
                "fixed_z": fixed_z,
                "moments": moments,
            }
        )
    return cases


def _film(
    generator: nn.Module,
    train_step: Callable[[], None],
    fixed_z: Tensor,
    moments: list[int],
    *,
    eval_mode: bool = True,
    back: bool = True,
    new_z: bool = False,
    no_grad: bool = True,
    late: bool = False,
    start_over: bool = False,
) -> Tensor:
    """The film, with a choice of what to get wrong."""
    frames, done = [], 0
    for moment in moments:
        for _ in range(moment if start_over else moment + late - done):
            train_step()
        done = moment + late
        generator.train(not eval_mode)
        with torch.set_grad_enabled(not no_grad):
            frames.append(generator(torch.randn_like(fixed_z) if new_z else fixed_z))
        if back:
            generator.train()
    return torch.stack(frames)


def _without_the_start(generator, train_step, fixed_z, moments) -> Tensor:
    """``for step in range(1, last + 1)``: moment 0 never comes."""
    return _film(generator, train_step, fixed_z, [m for m in moments if m > 0])


def _film_and_traces(result: Any, arguments: dict) -> dict:
    frames = torch.stack(list(result)) if isinstance(result, list | tuple) else result
    return {
        "images": frames.detach() if isinstance(frames, Tensor) else frames,
        "carry a gradient": isinstance(frames, Tensor) and frames.requires_grad,
        "steps trained": arguments["train_step"].calls,
        "in training mode afterwards": arguments["generator"].training,
    }


class _WithDice(FunctionTask):
    """For answers that throw dice: each run begins at the same throw, and the notebook's own dice
    are afterwards where they were."""

    def examine(self, answer: Any, rng: torch.Generator) -> None:
        with torch.random.fork_rng(devices=[]):
            super().examine(answer, rng)


def _mistaken_film(**choices: bool) -> Callable:
    return lambda generator, train_step, fixed_z, moments: _film(
        generator, train_step, fixed_z, moments, **choices
    )


film = _WithDice(
    LESSON,
    "film",
    "A film: whatever changes from frame to frame, G has learned.",
    (
        Mistake(
            "new z for each frame",
            "Each frame has other z, so nobody can follow an image: is it better, or only another "
            "one? Use fixed_z in all of them.",
            _mistaken_film(new_z=True),
        ),
        Mistake(
            "drawn in training mode",
            "The frames are drawn in training mode: the images of a frame depend on each other, "
            "and drawing changes the running statistics. generator.eval() first.",
            _mistaken_film(eval_mode=False),
        ),
        Mistake(
            "left in eval mode",
            "After the first frame the generator stays in eval mode, and trains on like that: its "
            "running statistics stand still, and the run is another one than without a film. "
            "generator.train() before the next step.",
            _mistaken_film(back=False),
        ),
        Mistake(
            "one step late",
            "Each frame comes one step late: moment 0 is before any training. Draw first, then "
            "train.",
            _mistaken_film(late=True),
        ),
        Mistake(
            "the start left out",
            "The frame of moment 0 is missing: the untrained generator belongs to the film.",
            _without_the_start,
        ),
        Mistake(
            "trains too often",
            "Moments count from the start of the run. From moment 1 to moment 3 it takes two "
            "steps, not three: remember how many are done.",
            _mistaken_film(start_over=True),
        ),
        Mistake(
            "gradients kept",
            "The images are right, but they carry a gradient, and with it all that G remembered "
            "while drawing. A long film would fill the memory: torch.no_grad().",
            _mistaken_film(no_grad=False),
        ),
    ),
    oracle=_film,
    cases=_film_cases,
    outcome=_film_and_traces,
    prepare=lambda arguments: torch.manual_seed(0),
    returns=True,
)

# ---- 10: a checkpoint with everything in it ---------------------------------------------------

PARTS = ("generator", "discriminator", "averaged", "optimizer_g", "optimizer_d", "rng", "step")
MORE_STEPS = 3


class Run:
    """A tiny training run: everything that the next step depends on, in plain sight."""

    def __init__(self, seed: int, images: Tensor) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = TinyGenerator()
            self.discriminator = nn.Sequential(
                nn.Linear(4, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.2), nn.Linear(8, 1)
            )
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), 0.02, betas=(0.5, 0.999))
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), 0.02)
        self.rng = torch.Generator().manual_seed(seed)
        self.step = 0
        self.images = images

    def __repr__(self) -> str:
        return f"a run after {self.step} steps"

    def train(self, steps: int) -> None:
        for _ in range(steps):
            first = 6 * self.step % len(self.images)  # the step says which images come next
            z = torch.randn(6, 3, generator=self.rng)
            training_step(
                self.generator,
                self.discriminator,
                self.optimizer_g,
                self.optimizer_d,
                self.images[first : first + 6],
                z,
            )
            _average(self.averaged, self.generator, 0.9)
            self.step += 1

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what is there; for what is missing, this run's own."""
        for name in ("generator", "discriminator", "averaged"):
            if name in saved:
                getattr(self, name).load_state_dict(saved[name], strict=False)
        for name in ("optimizer_g", "optimizer_d"):
            if name in saved:
                getattr(self, name).load_state_dict(saved[name])
        if "rng" in saved:
            if not isinstance(saved["rng"], Tensor):
                raise Answer(
                    WRONG,
                    f"Under 'rng' it keeps {kind_of(saved['rng'])}. A seed says where the random "
                    f"numbers began, not where they are now: run.rng.get_state().",
                )
            self.rng.set_state(saved["rng"])
        self.step = plain(saved.get("step", self.step))


def _run_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for steps in (1, 2, 5, 7):
        images = torch.rand(24, 4, generator=rng)
        run = Run(int(torch.randint(0, 10**6, (1,), generator=rng)), images)
        run.train(steps)
        cases.append({"run": run})
    return cases


def resume(result: Any, arguments: dict) -> dict:
    """The run trains on. Then, as in a new process, a fresh one takes over what was kept at the
    time, and does the same steps."""
    if not isinstance(result, Mapping):
        raise TypeError("a dict is asked for, with one entry for each part of the run")
    run = arguments["run"]
    told: dict[str, Any] = {"missing": [name for name in PARTS if name not in result]}
    run.train(MORE_STEPS)
    file = io.BytesIO()
    try:
        torch.save(dict(result), file)
        file.seek(0)
        saved = torch.load(file, weights_only=True)
    except Exception:  # of many kinds: what pickle cannot write, or torch will not read
        return told | {"the file can be read safely": False}
    again = Run(10**6 + 1, run.images)  # a seed that no run has
    again.load(saved)
    told |= {"the file can be read safely": True, "step when it goes on": again.step}
    again.train(MORE_STEPS)
    for name in ("generator", "discriminator", "averaged"):
        model = getattr(again, name)
        told[f"weights of {name}, {MORE_STEPS} steps later"] = _numbers(model.parameters())
        told[f"running statistics of {name}, {MORE_STEPS} steps later"] = _numbers(model.buffers())
    told["the z after that"] = torch.randn(3, generator=again.rng)
    return told


def _keep(run: Run, leave_out: tuple[str, ...] = ()) -> dict:
    saved = {n: getattr(run, n).state_dict() for n in PARTS[:5]}
    saved |= {"rng": run.rng.get_state(), "step": run.step}
    return copy.deepcopy({name: part for name, part in saved.items() if name not in leave_out})


def _alive(run: Run) -> dict:
    saved = {n: getattr(run, n).state_dict() for n in PARTS[:5]}
    return saved | {"rng": run.rng.get_state(), "step": run.step}


def _parameters_only(run: Run) -> dict:
    saved = _keep(run)
    for name in ("generator", "discriminator", "averaged"):
        own = getattr(run, name).named_parameters()
        saved[name] = {key: value.detach().clone() for key, value in own}
    return saved


def _objects(run: Run) -> dict:
    return {name: copy.deepcopy(getattr(run, name)) for name in PARTS}


def _half_objects(run: Run) -> dict:
    return _keep(run) | {"rng": run.rng}


def _without(*names: str) -> Callable[[Run], dict]:
    return lambda run: _keep(run, names)


keep_everything = FunctionTask(
    LESSON,
    "keep_everything",
    "A run that was stopped here and resumed ends, bit for bit, where one ends that never stopped.",
    (
        Mistake(
            "optimizers forgotten",
            "The optimizers are missing. Adam remembers a running mean of the gradients and of "
            "their squares for every weight; a fresh one starts from nothing, and its first steps "
            "are others.",
            _without("optimizer_g", "optimizer_d"),
            also=(_without("optimizer_g"), _without("optimizer_d")),
        ),
        Mistake(
            "random numbers forgotten",
            "The state of the random numbers is missing (run.rng.get_state()): the resumed run "
            "draws other z than this one would have drawn.",
            _without("rng"),
        ),
        Mistake(
            "position forgotten",
            "The step is missing. The resumed run begins with the first images again, and its "
            "curves at step 0.",
            _without("step"),
        ),
        Mistake(
            "discriminator forgotten",
            "The discriminator is missing. A GAN goes on with both players: a fresh D knows "
            "nothing, and G would be misled at once.",
            _without("discriminator"),
            also=(_without("discriminator", "optimizer_d"),),
        ),
        Mistake(
            "average forgotten",
            "The averaged generator is missing, the one whose images you would show. It cannot be "
            "computed again: it depends on all earlier weights.",
            _without("averaged"),
        ),
        Mistake(
            "generator only",
            "Only generators are kept. That is enough to draw images, and not to go on training.",
            _without("discriminator", "averaged", "optimizer_g", "optimizer_d", "rng", "step"),
            also=(_without("discriminator", "optimizer_g", "optimizer_d", "rng", "step"),),
        ),
        Mistake(
            "weights only",
            "Only the parameters of the networks are kept. BatchNorm's running statistics are "
            "buffers: state_dict() has them too, parameters() has not.",
            _parameters_only,
        ),
        Mistake(
            "not a copy",
            "What you keep goes on living: state_dict() hands out the tensors themselves, and the "
            "run trains on in them. So the checkpoint is no longer the one of this moment. Copy: "
            "copy.deepcopy(…).",
            _alive,
        ),
        Mistake(
            "whole objects",
            "It keeps objects, not their numbers. A file of objects is a program that runs when it "
            "is loaded, so the safe reader refuses it. Keep state_dict() of networks and "
            "optimizers, and get_state() of the random numbers.",
            _objects,
            also=(_half_objects,),
        ),
    ),
    oracle=_keep,
    cases=_run_cases,
    outcome=resume,
    returns=True,
    tolerance=0.0,
)
