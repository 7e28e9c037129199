"""The bug zoo, third house: what BatchNorm does with a batch, and attention with its rows."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_course.checks.bug_task import LESSON, bug_task
from gan_course.checks.framework import FunctionTask, Mistake

# ---- eps, not momentum ------------------------------------------------------------------------


def _norm(**options):
    return lambda features: nn.BatchNorm1d(features, **options)


def _how_it_normalises(layer: Any, arguments: dict) -> dict:
    """One batch of weak signals through the layer, in train mode."""
    features = arguments["features"]
    x = 3 + 0.5 * torch.randn(256, features)
    y = layer.train()(x).detach()
    told = {"std of what comes out": (y - y.mean(0)).std().item()}
    running = getattr(layer, "running_mean", None)
    told["share of the new batch in the running mean"] = (
        (running / x.mean(0)).mean().item() if running is not None else "no running mean"
    )
    return told


eps_or_momentum = bug_task(
    "eps_or_momentum",
    mended="Mended: full normalisation, and statistics that keep 0.8 of what they had.",
    shipped=(
        "`BatchNorm1d(n, 0.8)` is in the GAN example of the Lightning tutorials, and PyTorch-GAN "
        "issue #116 asks about the same 0.8 in its `BatchNorm2d` layers."
    ),
    cause=3,
    others={
        1: "gamma starts at 1, and beta at 0. The cell prints both.",
        2: "512 numbers for each feature give the standard deviation to within a few hundredths.",
        4: "in train mode the running statistics are not used at all: each batch is normalised by "
        "its own.",
    },
    bug=Mistake(
        "the bug",
        "0.8 is still added to the variance, and a signal of std 0.5 comes out at 0.49 instead "
        "of 1.",
        _norm(eps=0.8),
    ),
    mend=FunctionTask(
        LESSON,
        "eps_or_momentum",
        "",
        (
            Mistake(
                "momentum 0.8",
                "eps is right again. But in torch, momentum is the share of the *new* batch: with "
                "0.8 the running statistics keep only 0.2 of what they had.",
                _norm(momentum=0.8),
            ),
            Mistake(
                "default momentum",
                "eps is right again. But the default momentum, 0.1, keeps 0.9 of the old "
                "statistics; 0.8 is asked for.",
                _norm(),
            ),
            Mistake(
                "eps 0.2",
                "The second argument without a name is still eps. Name the one you mean.",
                _norm(eps=0.2),
            ),
            Mistake(
                "both",
                "momentum is right, but eps is still 0.8. Leave it at its default.",
                _norm(eps=0.8, momentum=0.2),
            ),
            Mistake(
                "no statistics",
                "Without running statistics there is nothing to sample with in eval mode.",
                _norm(track_running_stats=False),
                also=(lambda features: nn.LayerNorm(features, elementwise_affine=False),),
            ),
        ),
        oracle=_norm(momentum=0.2),
        cases=lambda rng: [{"features": f} for f in (4, 8, 16)],
        outcome=_how_it_normalises,
        returns=True,
        tolerance=0.05,
    ),
)

# ---- batch mates ------------------------------------------------------------------------------


def _generator_in_training(rng: torch.Generator) -> nn.Sequential:
    """A generator that has seen batches: its running statistics say something."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh())
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=rng)
    model[1].running_mean = torch.randn(8, generator=rng)
    model[1].running_var = 0.5 + torch.rand(8, generator=rng)
    return model.train()


def _sample_cases(rng: torch.Generator) -> list[dict]:
    return [
        {"generator": _generator_in_training(rng), "z": torch.randn(n, 4, generator=rng)}
        for n in (5, 2, 8)
    ]


def _images_and_statistics(result: Any, arguments: dict) -> dict:
    norm = arguments["generator"][1]
    return {
        "images": result.detach() if isinstance(result, Tensor) else result,
        "running mean of G afterwards": getattr(norm, "running_mean", None),
        "running variance of G afterwards": getattr(norm, "running_var", None),
    }


def _sampled(prepare):
    """Sample after ``prepare(generator)``, which may return another generator to use."""

    def sample(generator, z):
        with torch.no_grad():
            return (prepare(generator) or generator)(z)

    return sample


def _no_statistics(generator: nn.Module) -> None:
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean = module.running_var = None


def _forget(generator: nn.Sequential) -> None:
    generator.eval()[1].reset_running_stats()


def _frozen_statistics(generator: nn.Sequential) -> None:
    generator.train()[1].momentum = 0.0


batch_mates = bug_task(
    "batch_mates",
    mended="Mended: an image depends on its own z alone, and sampling changes nothing.",
    shipped=(
        "dcgan.torch issue #48 is about samples that depend on their batch mates, and issue #82 "
        "of nn-zero-to-hero about running statistics that change while evaluating."
    ),
    cause=4,
    others={
        1: "the first z is the same in both calls: it is cut out of the same tensor.",
        2: "no_grad keeps no record for backward. It changes no number that comes out.",
        3: "without Dropout nothing in this generator draws random numbers.",
    },
    bug=Mistake(
        "the bug",
        "in train mode BatchNorm uses the mean and variance of the batch, so each image depends "
        "on its batch mates, and the running statistics change.",
        _sampled(lambda generator: generator.train()),
    ),
    mend=FunctionTask(
        LESSON,
        "batch_mates",
        "",
        (
            Mistake(
                "a copy in train mode",
                "The running statistics are safe now, but each image still depends on its batch "
                "mates: the copy is in train mode.",
                _sampled(lambda generator: copy.deepcopy(generator).train()),
                also=(_sampled(_frozen_statistics),),
            ),
            Mistake(
                "statistics forgotten",
                "eval mode is right, but the statistics that training has gathered were reset "
                "before. They are what eval mode works with.",
                _sampled(_forget),
            ),
            Mistake(
                "no statistics at all",
                "Without running statistics BatchNorm falls back on the batch, in eval mode too.",
                _sampled(_no_statistics),
            ),
            Mistake(
                "one at a time",
                "One image at a time has no batch mates, but in train mode BatchNorm cannot work "
                "with a single row.",
                lambda generator, z: torch.cat([generator.train()(row[None]) for row in z]),
            ),
        ),
        oracle=_sampled(lambda generator: generator.eval()),
        cases=_sample_cases,
        outcome=_images_and_statistics,
        returns=True,
    ),
)

# ---- the other axis ---------------------------------------------------------------------------


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """scores[n, i, j]: how well what i asks for fits what j offers."""
    return query.transpose(1, 2) @ key


def _attend(weights_of):
    """Attention with another rule for the weights (N, L, L) of the scores."""

    def attend(query, key, value):
        return value @ weights_of(_scores(query, key)).transpose(1, 2)

    return attend


def _attention_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for n, c, length in ((1, 2, 3), (2, 2, 4), (3, 4, 5), (2, 3, 6), (4, 1, 3)):
        shape = (n, c, length)
        query, key = (2 * torch.randn(shape, generator=rng) for _ in range(2))
        value = torch.randn(n, c + 1, length, generator=rng)
        cases.append({"query": query, "key": key, "value": value})
    return cases


attention_axis = bug_task(
    "attention_axis",
    mended="Mended: each pixel shares out a weight of exactly 1.",
    shipped=(
        "Softmax along another axis than the one that is summed over was reported in labml issue "
        "#146, where the FID measured afterwards showed no difference; Self-Attention-GAN issue #7 "
        "asks about the axis too."
    ),
    cause=2,
    others={
        1: "with large scores the weights get sharp, but softmax still makes them add up to 1 "
        "along its axis.",
        3: "the value is 1 everywhere in this cell. There is nothing to learn yet.",
        4: "each image's rows and columns differ from 1 by themselves, even with a batch of one.",
    },
    bug=Mistake(
        "the bug",
        "for a value of 1 everywhere the output is still not 1: the weights of a row do not add "
        "up to 1.",
        _attend(lambda scores: F.softmax(scores, dim=1)),
    ),
    mend=FunctionTask(
        LESSON,
        "attention_axis",
        "",
        (
            Mistake(
                "batch axis",
                "dim=0 is the batch: now the images of a batch share a weight of 1 between them.",
                _attend(lambda scores: F.softmax(scores, dim=0)),
            ),
            Mistake(
                "sigmoid",
                "A sigmoid keeps each weight between 0 and 1, but nothing makes a row add up to 1.",
                _attend(torch.sigmoid),
            ),
            Mistake(
                "both axes at once",
                "All weights of an image add up to 1 now. Each row should.",
                _attend(lambda scores: F.softmax(scores.flatten(1), dim=1).view_as(scores)),
            ),
            Mistake(
                "scaled",
                "The axis is right. But the scores are divided by a square root here, which "
                "SAGAN's attention does not do: leave them as they are.",
                lambda query, key, value: (
                    value
                    @ F.softmax(_scores(query, key) / query.shape[1] ** 0.5, dim=2).transpose(1, 2)
                ),
            ),
            Mistake(
                "no softmax",
                "The raw scores are weights of any size. Softmax along the right axis makes each "
                "row add up to 1.",
                _attend(lambda scores: scores),
            ),
            Mistake(
                "roles exchanged",
                "The weights add up to 1 now, but it is the keys that ask and the queries that "
                "answer. Leave the other lines as they were.",
                lambda query, key, value: value @ F.softmax(_scores(query, key), dim=1),
            ),
        ),
        oracle=_attend(lambda scores: F.softmax(scores, dim=2)),
        cases=_attention_cases,
    ),
)
