"""The bug zoo, fourth house: a README, a switch that is never thrown, and a CI that never runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_course.checks.bug_task import LESSON, bug_task
from gan_course.checks.compare import describe
from gan_course.checks.framework import FunctionTask, Mistake, PropertyTask
from gan_course.checks.workflow import read_workflow, runs_on
from gan_course.errors import CourseError

# ---- a README's snippet -----------------------------------------------------------------------


class _Remembering(nn.Sequential):
    """A generator that keeps what it was fed."""

    fed: Tensor | None = None

    def forward(self, z: Tensor) -> Tensor:
        if isinstance(z, Tensor):
            self.fed = z.detach().clone()
        return super().forward(z)


def _snippet_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for latent_dim in (100, 64, 128, 100):
        generator = _Remembering(
            nn.Linear(latent_dim, 8 * 4 * 4),
            nn.Unflatten(1, (8, 4, 4)),
            nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        )
        cases.append({"generator": generator, "latent_dim": latent_dim})
    return cases


def _what_was_fed(result: Any, arguments: dict) -> dict:
    z = arguments["generator"].fed
    return {
        "shape of the images": tuple(result.shape) if isinstance(result, Tensor) else "none",
        "shape of z": tuple(z.shape) if z is not None else "none",
        "numbers of z": _kind_of_numbers(z) if z is not None else "none",
    }


def _kind_of_numbers(z: Tensor) -> str:
    """How they are drawn, with a margin of five standard errors."""
    margin = 5 / z.numel() ** 0.5
    if z.numel() < 2 or z.std() < 1e-6:
        return "all the same"
    if abs(z.mean()) < margin and abs(z.std() - 1) < margin:
        return "drawn from N(0, 1)"
    return "from 0 to 1" if z.min() >= 0 and z.max() <= 1 else "of another distribution"


def _snippet(make_z):
    return lambda generator, latent_dim: generator(make_z(latent_dim))


readme_snippet = bug_task(
    "readme_snippet",
    mended="Mended: 16 images come out, whatever the latent size.",
    shipped=(
        "The sampling snippet in the README of nyantaro723/Deep_Convolutional_GAN feeds "
        "(16, 100, 1, 1) to a model whose first layer is Linear(100, …)."
    ),
    cause=2,
    others={
        1: "16 × 100 × 1 × 1 numbers are enough for 16 latent vectors. It is how they are arranged "
        "that does not fit.",
        3: "the error names the shapes of a matrix product, and it comes from the first layer. The "
        "image's channels are far away.",
        4: "the mode changes what BatchNorm and Dropout do, and this generator has neither.",
    },
    bug=Mistake(
        "the bug",
        "nn.Linear meets z of shape (16, 100, 1, 1), takes its last axis, of length 1, and stops.",
        _snippet(lambda d: torch.randn(16, d, 1, 1)),
    ),
    mend=FunctionTask(
        LESSON,
        "readme_snippet",
        "",
        (
            Mistake(
                "axes swapped",
                "The batch comes first: 16 vectors of latent_dim numbers are (16, latent_dim).",
                _snippet(lambda d: torch.randn(d, 16)),
                also=(_snippet(lambda d: torch.randn(16, d).T),),
            ),
            Mistake(
                "uniform",
                "It runs, but torch.rand gives numbers from 0 to 1. z is drawn from the normal "
                "distribution that G was trained with: torch.randn.",
                _snippet(lambda d: torch.rand(16, d)),
            ),
            Mistake(
                "nothing random",
                "It runs, but z is the same number everywhere, so all 16 images are one image.",
                _snippet(lambda d: torch.zeros(16, d)),
                also=(_snippet(lambda d: torch.ones(16, d)),),
            ),
            Mistake(
                "one image",
                "It runs, but for one image. The README promises 16.",
                _snippet(lambda d: torch.randn(1, d)),
            ),
            Mistake(
                "100 written out",
                "It runs while the latent size is 100. Use latent_dim, as the argument says.",
                _snippet(lambda d: torch.randn(16, 100)),
            ),
        ),
        oracle=_snippet(lambda d: torch.randn(16, d)),
        cases=_snippet_cases,
        outcome=_what_was_fed,
        returns=True,
    ),
)

# ---- a function that is named and not called --------------------------------------------------


BEFORE = 1_000_003  # the seed that is set when a run is prepared


def _as_after_a_start(arguments: dict) -> None:
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    torch.manual_seed(BEFORE)


def _what_is_set(result: Any, arguments: dict) -> dict:
    """Whether torch refuses an operation that has no deterministic form, and the seed."""
    x = torch.zeros(3)
    seeds = {arguments["seed"]: "set", BEFORE: "not touched"}
    told = {"the seed": seeds.get(torch.initial_seed(), "set to another number")}
    if torch.is_deterministic_algorithms_warn_only_enabled():
        told["an operation of random order"] = "warned about"
        return told
    try:
        x.put_(torch.tensor([0]), torch.tensor([1.0]))  # has no deterministic form
        told["an operation of random order"] = "runs"
    except RuntimeError:
        told["an operation of random order"] = "refused"
    return told


def _set(seed_of=lambda seed: seed, **options):
    def prepare_run(seed):
        torch.manual_seed(seed_of(seed))
        torch.use_deterministic_algorithms(True, **options)

    return prepare_run


def _switch_only(seed):
    torch.use_deterministic_algorithms(True)


def _named_only(seed):
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms  # noqa: B018 - the bug itself


determinism_named = bug_task(
    "determinism_named",
    mended="Mended: torch now refuses operations whose result could differ from run to run.",
    shipped=(
        "In the stat453 course notebooks `set_deterministic` is named in a cell without the "
        "parentheses, so it is never called."
    ),
    cause=3,
    others={
        1: "the seed is set, and it fixes the random draws. The switch is another thing: it "
        "forbids operations that add up in a changing order.",
        2: "the function is right: the last lines of the cell call it by hand, and then the "
        "switch is on.",
        4: "the switch works on a CPU as well, as the cell shows when it is thrown by hand.",
    },
    bug=Mistake(
        "the bug",
        "after the call torch still says that deterministic algorithms are off.",
        _named_only,
    ),
    mend=FunctionTask(
        LESSON,
        "determinism_named",
        "",
        (
            Mistake(
                "only warned",
                "With warn_only=True torch warns and runs the operation all the same. A run that "
                "is to be the same twice needs the refusal.",
                _set(warn_only=True),
            ),
            Mistake(
                "seed lost",
                "The switch is on, but the seed is not set any more: the random draws differ from "
                "run to run. Keep both lines.",
                _switch_only,
            ),
            Mistake(
                "a fixed seed",
                "The switch is on, but the seed is not the one that was asked for.",
                _set(lambda seed: seed + 1),
            ),
        ),
        oracle=_set(),
        cases=lambda rng: [
            {"seed": s} for s in torch.randint(1, 9999, (3,), generator=rng).tolist()
        ],
        outcome=_what_is_set,
        prepare=_as_after_a_start,
        returns=False,
    ),
)

# ---- a workflow that never runs ---------------------------------------------------------------

WORKFLOW = """\
name: tests
on:
  push:
    branches: [main]
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""


def _workflow(branches: str) -> str:
    return WORKFLOW.replace("branches: [main]", branches)


def _workflow_problem(text: Any) -> str | None:
    if not isinstance(text, str):
        return f"The check wants the text of the workflow, but got {describe(text)}."
    try:
        on_master = runs_on(text, "push", "master")
        jobs = read_workflow(text)["jobs"]
    except CourseError as error:
        return str(error)
    if "make test" not in str(jobs):
        return "The job does not run `make test` any more. Leave the jobs as they are."
    if not on_master:
        return (
            "A push to `master` still does not start it: compare the patterns letter by letter, "
            "and leave the event, push, as it is."
        )
    return None


def _starts_only(*branches: str):
    """Whether a workflow lets one of these branches in, and neither master nor every other."""

    def fits(text: str) -> bool:
        try:
            started = [b for b in branches if runs_on(text, "push", b)]
            return bool(started) and not any(runs_on(text, "push", b) for b in ("master", "dev"))
        except CourseError:
            return False

    return fits


def _ignores_master(text: str) -> bool:
    try:
        return runs_on(text, "push", "dev") and not runs_on(text, "push", "master")
    except CourseError:
        return False


ci_never_runs = bug_task(
    "ci_never_runs",
    mended="Mended: a push to `master` starts the tests.",
    shipped=(
        "The style check of uvadlc_notebooks is triggered for the branch `main`, while the "
        "repository's branch is `master`."
    ),
    cause=4,
    others={
        1: "the job is sound; by hand it would run. It is never started.",
        2: "a push happens many times a day. The event is right.",
        3: "a test that fails would be seen as red. Here nothing is seen at all.",
    },
    bug=Mistake(
        "the bug",
        "a push to `master`, the only branch of this repository, does not start the tests.",
        WORKFLOW,
        fits=lambda text: text.split() == WORKFLOW.split(),
    ),
    mend=PropertyTask(
        LESSON,
        "ci_never_runs",
        "",
        (
            Mistake(
                "capital letter",
                "Branch names are compared letter by letter, and capitals count: the branch is "
                "`master`.",
                _workflow("branches: [Master]"),
                also=(_workflow("branches: [MASTER]"),),
                fits=_starts_only("Master", "MASTER"),
            ),
            Mistake(
                "full reference",
                "The filter wants the branch's own name, without refs/heads/ or origin/ before it.",
                _workflow("branches: [refs/heads/master]"),
                also=(_workflow("branches: [origin/master]"),),
                fits=_starts_only("refs/heads/master", "origin/master"),
            ),
            Mistake(
                "ignored",
                "branches-ignore keeps these branches out: now every branch starts the tests, "
                "except the one that is used.",
                _workflow("branches-ignore: [master]"),
                fits=_ignores_master,
            ),
            Mistake(
                "only by hand",
                "With workflow_dispatch alone somebody has to press a button each time. A push "
                "should start it.",
                WORKFLOW.replace("  push:\n    branches: [main]\n", "  workflow_dispatch:\n"),
                fits=lambda text: "workflow_dispatch" in text and "push:" not in text,
            ),
        ),
        problem=_workflow_problem,
    ),
)
