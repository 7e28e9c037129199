"""Lesson 12: labels in G and D, the running average, the map, the bill, the step, a line-up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.checks import sagan_defects as defects
from gan_course.checks import sagan_map as maps
from gan_course.checks import sagan_step as step
from gan_course.checks.framework import CASES, FunctionTask, Mistake

LESSON = "12_sagan"


def _numbers(rng: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=rng)


def _pick(rng: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=rng))


# ---- 1: BatchNorm that knows the class --------------------------------------------------------


def _norm_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n, c, classes = 2 + i // 2, 1 + (i + 1) // 2, 3 + i // 4
        h, w = (1, 2) if i == 0 else (_pick(rng, 2, 4), _pick(rng, 2, 4))
        labels = torch.randint(classes, (n,), generator=rng)
        labels[:2] = torch.tensor([2, 1])  # two classes at least, and not in the order of the batch
        cases.append(
            {
                "x": 2 * _numbers(rng, n, c, h, w) + 1,
                "labels": labels,
                "gain": 1 + _numbers(rng, classes, c),
                "bias": _numbers(rng, classes, c),
                "eps": 0.05,
            }
        )
    return cases


def _norm_oracle(x: Tensor, labels: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
    normal = F.batch_norm(x, None, None, training=True, eps=eps)
    return normal * gain[labels][:, :, None, None] + bias[labels][:, :, None, None]


def _norm(
    axes: tuple[int, ...] = (0, 2, 3),
    rows=lambda table, labels: table[labels],
    correction: int = 0,
    eps_outside: bool = False,
    exchanged: bool = False,
):
    """Conditional BatchNorm with a choice of what to get wrong."""

    def wrong(x, labels, gain, bias, eps):
        if exchanged:
            gain, bias = bias, gain
        mean = x.mean(axes, keepdim=True)
        var = x.var(axes, keepdim=True, correction=correction)
        root = var.sqrt() + eps if eps_outside else (var + eps).sqrt()
        a, b = rows(gain, labels), rows(bias, labels)
        return (x - mean) / root * a[:, :, None, None] + b[:, :, None, None]

    return wrong


def _per_class(x, labels, gain, bias, eps):
    out = torch.empty_like(x)
    for label in labels.unique():
        out[labels == label] = F.batch_norm(x[labels == label], None, None, training=True, eps=eps)
    return out * gain[labels][:, :, None, None] + bias[labels][:, :, None, None]


def _first_rows(x, labels, gain, bias, eps):
    """By the place in the batch; where there are more images than classes it stops."""
    normal = F.batch_norm(x, None, None, training=True, eps=eps)
    n = len(x)
    return normal * gain[:n, :, None, None] + bias[:n, :, None, None]


conditional_batch_norm = FunctionTask(
    LESSON,
    "conditional_batch_norm",
    "One set of statistics for all, a gain and a bias for each class: that is how G hears a label.",
    (
        Mistake(
            "gain and bias exchanged",
            "The gain multiplies and the bias is added; here it is the other way round.",
            _norm(exchanged=True),
        ),
        Mistake(
            "the batch's order instead of its labels",
            "Image i gets row i of the tables. It should get the row of its class: gain[labels].",
            _first_rows,
        ),
        Mistake(
            "the first label for all",
            "Every image gets the gain and the bias of the first image's class. Index the tables "
            "with the whole vector: gain[labels] has one row for each image.",
            _norm(rows=lambda table, labels: table[labels[:1]]),
        ),
        Mistake(
            "mean over the classes",
            "The tables are averaged over their classes, so the label makes no difference.",
            _norm(rows=lambda table, labels: table.mean(dim=0, keepdim=True)),
        ),
        Mistake(
            "statistics of each class",
            "It normalises each class on its own. The statistics are those of the whole batch: "
            "only gain and bias know the class.",
            _per_class,
        ),
        Mistake(
            "statistics of each image",
            "It normalises each image on its own (that is InstanceNorm). BatchNorm takes mean and "
            "variance over the batch too: axes 0, 2 and 3.",
            _norm(axes=(2, 3)),
        ),
        Mistake(
            "variance of a sample",
            "The variance divides by n − 1. BatchNorm normalises with the mean of the squared "
            "deviations: correction=0.",
            _norm(correction=1),
        ),
        Mistake(
            "eps outside of the root",
            "eps is added to the root. It belongs under it: (variance + eps).sqrt().",
            _norm(eps_outside=True),
        ),
    ),
    oracle=_norm_oracle,
    cases=_norm_cases,
)


# ---- 2: the projection ------------------------------------------------------------------------


def _projection_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        n, c, classes = 1 + i // 2, 1 + i // 2, 2 + i // 3
        h, w = (1, 2) if i == 0 else (_pick(rng, 2, 3), _pick(rng, 2, 4))
        cases.append(
            {
                "maps": _numbers(rng, n, c, h, w).relu() + 0.1,
                "labels": torch.randint(classes, (n,), generator=rng),
                "weight": _numbers(rng, c),
                "bias": _numbers(rng, 1)[0] + 2,
                "embed": _numbers(rng, classes, c),
            }
        )
    return cases


def _projection_oracle(maps, labels, weight, bias, embed) -> Tensor:
    h = maps.sum(dim=(2, 3))
    return F.linear(h, weight[None], bias[None])[:, 0] + (embed[labels] * h).sum(dim=1)


def _projection(pool=lambda maps: maps.sum(dim=(2, 3)), plain=True, biased=True, project="rows"):
    """The logit with a choice of what to get wrong."""

    def wrong(maps, labels, weight, bias, embed):
        h = pool(maps)
        logits = torch.zeros(len(maps))
        if plain:
            logits = logits + h @ weight
        if biased:
            logits = logits + bias
        if project == "rows":
            logits = logits + (embed[labels] * h).sum(dim=1)
        elif project == "all pairs":
            logits = logits[:, None] + h @ embed[labels].T
        elif project == "classes":
            logits = logits[:, None] + h @ embed.T
        elif project == "vectors":
            logits = logits[:, None] + embed[labels] * h
        elif project == "label alone":
            logits = logits + embed[labels].sum(dim=1)
        elif project == "mean":
            logits = logits + (embed[labels] * h).mean(dim=1)
        return logits

    return wrong


projection_logit = FunctionTask(
    LESSON,
    "projection_logit",
    "*Is it real?* plus *does it look like its label?*, in one number for each image.",
    (
        Mistake(
            "mean instead of sum",
            "The features are averaged over the map. Here they are added up, as the authors do: "
            "maps.sum(dim=(2, 3)).",
            _projection(pool=lambda maps: maps.mean(dim=(2, 3))),
        ),
        Mistake(
            "max instead of sum",
            "It keeps the largest number of each map. Here all of them are added up.",
            _projection(pool=lambda maps: maps.amax(dim=(2, 3))),
        ),
        Mistake(
            "no projection",
            "The label makes no difference: the dot product of h with the row of its class is "
            "missing.",
            _projection(project="none"),
        ),
        Mistake(
            "projection alone",
            "Only the projection is there. The part that does not know the label, h · weight + "
            "bias, has to be added.",
            _projection(plain=False, biased=False),
            also=(_projection(plain=False),),
        ),
        Mistake(
            "no bias",
            "The bias is missing.",
            _projection(biased=False),
        ),
        Mistake(
            "all pairs",
            "It multiplies every image with the label of every other: (N, N). Each image has one "
            "label: multiply entry by entry and sum over the channels.",
            _projection(project="all pairs"),
        ),
        Mistake(
            "all classes",
            "It gives a number for each class, as a classifier would. D is asked about one label "
            "for each image: take embed[labels].",
            _projection(project="classes"),
        ),
        Mistake(
            "not summed",
            "embed[labels] * h still has its channels. A dot product ends with a sum over them: "
            ".sum(dim=1).",
            _projection(project="vectors"),
        ),
        Mistake(
            "mean over the channels",
            "A dot product adds the products up; yours averages them.",
            _projection(project="mean"),
        ),
        Mistake(
            "label without image",
            "It adds the same number to all images of a class, whatever they show. Multiply the "
            "class's row with the features h.",
            _projection(project="label alone"),
        ),
    ),
    oracle=_projection_oracle,
    cases=_projection_cases,
)


# ---- 3: labels drawn from the wrong prior -----------------------------------------------------


def _leak_cases(rng: torch.Generator) -> list[dict]:
    cases = [{"counts_real": [9, 1], "counts_fake": [10, 10]}]
    while len(cases) < CASES:
        k = 2 + len(cases) // 3
        counts = torch.randint(1, 60, (2, k), generator=rng)
        counts[1, 0] += counts[1].sum()  # another number of fakes than of real images
        cases.append({"counts_real": counts[0].tolist(), "counts_fake": counts[1].tolist()})
    return cases


def _shares(counts) -> Tensor:
    counts = torch.as_tensor(counts, dtype=torch.float64)
    return counts / counts.sum()


def _leak_oracle(counts_real: list, counts_fake: list) -> list:
    p, q = _shares(counts_real), _shares(counts_fake)
    return torch.logit(p / (p + q)).tolist()  # the best D's probability, and back to a logit


label_leak = FunctionTask(
    LESSON,
    "label_leak",
    "That is what D earns from the labels alone, before it has looked at one pixel. Only equal "
    "shares make it 0.",
    (
        Mistake(
            "counts instead of shares",
            "It compares the counts. Divide each by its sum first: there may be more fakes than "
            "real images.",
            lambda counts_real, counts_fake: (
                (torch.tensor(counts_real) / torch.tensor(counts_fake)).log().tolist()
            ),
        ),
        Mistake(
            "the other way round",
            "The sign is turned: a class that is more frequent among the real images should raise "
            "the logit.",
            lambda counts_real, counts_fake: (
                (_shares(counts_fake) / _shares(counts_real)).log().tolist()
            ),
        ),
        Mistake(
            "probability instead of logit",
            "That is D's probability p / (p + q). The logit of it is log(p / q).",
            lambda counts_real, counts_fake: (
                _shares(counts_real) / (_shares(counts_real) + _shares(counts_fake))
            ).tolist(),
        ),
        Mistake(
            "no logarithm",
            "That is the ratio p / q. The logit is its logarithm.",
            lambda counts_real, counts_fake: (_shares(counts_real) / _shares(counts_fake)).tolist(),
        ),
        Mistake(
            "difference instead of ratio",
            "It subtracts the shares. The best D depends on their ratio: log(p / q).",
            lambda counts_real, counts_fake: (_shares(counts_real) - _shares(counts_fake)).tolist(),
        ),
        Mistake(
            "logarithm of base 2 or 10",
            "The logarithm has another base. Sigmoid's inverse uses the natural one.",
            lambda counts_real, counts_fake: (
                (_shares(counts_real) / _shares(counts_fake)).log2().tolist()
            ),
            also=(
                lambda counts_real, counts_fake: (
                    (_shares(counts_real) / _shares(counts_fake)).log10().tolist()
                ),
            ),
        ),
    ),
    oracle=_leak_oracle,
    cases=_leak_cases,
    outcome=lambda result, arguments: result.tolist() if isinstance(result, Tensor) else result,
    returns=True,
)


# ---- 4: one step, in a file of its own ---------------------------------------------------------

sagan_step = step.sagan_step

# ---- 5: what a running average may average ----------------------------------------------------

_W = "parametrizations.weight"


def _average_cases(rng: torch.Generator) -> list[dict]:
    cases = []
    for i in range(CASES):
        out, into = 2 + i % 3, 2 + i % 2

        def state(out: int = out, into: int = into, steps: int = 3 + i) -> dict:
            return {
                f"conv.{_W}.original": _numbers(rng, out, into, 1, 1),
                f"conv.{_W}.0._u": F.normalize(_numbers(rng, out), dim=0),
                f"conv.{_W}.0._v": F.normalize(_numbers(rng, into), dim=0),
                "norm.running_mean": _numbers(rng, out),
                "norm.running_var": _numbers(rng, out).square() + 0.1,
                "norm.num_batches_tracked": torch.tensor(steps * _pick(rng, 2, 9)),
                "gamma": _numbers(rng, 1)[0],
            }

        cases.append({"average": state(), "current": state(), "keep": 0.5 + 0.04 * i})
    return cases


def _is_parameter(name: str) -> bool:
    return name.endswith((".original", "gamma"))


def _average(averaged=_is_parameter, exchanged: bool = False, others_stay: bool = False):
    """The update with a choice of what to average."""

    def update(average, current, keep):
        share = 1 - keep if exchanged else keep
        result = {}
        for name, old in average.items():
            new = current[name]
            if averaged(name):
                result[name] = share * old + (1 - share) * new
            else:
                result[name] = old.clone() if others_stay else new.clone()
        return result

    return update


update_average = FunctionTask(
    LESSON,
    "update_average",
    "What is learned is averaged, what is counted or followed is copied. So u and v stay of "
    "length 1 and belong to the newest weights.",
    (
        Mistake(
            "everything averaged",
            "u and v are averaged as well. They are directions of length 1 that belong to the "
            "newest weights, and the mean of two directions is shorter: sigma would come out "
            "wrong. Copy every buffer.",
            _average(lambda name: True),
            also=(_average(lambda name: not name.endswith("num_batches_tracked")),),
        ),
        Mistake(
            "u and v averaged",
            "BatchNorm's statistics are copied, but u and v are averaged. They too are buffers, "
            "and the mean of two directions of length 1 is shorter: copy them.",
            _average(lambda name: "norm." not in name),
        ),
        Mistake(
            "statistics averaged",
            "u and v are copied, but BatchNorm's running statistics are averaged. They are running "
            "averages already, of the newest weights: copy them.",
            _average(lambda name: not name.endswith(("_u", "_v"))),
            also=(_average(lambda name: not name.endswith(("_u", "_v", "num_batches_tracked"))),),
        ),
        Mistake(
            "wrapped weights copied",
            "Under spectral norm a weight's name ends in `parametrizations.weight.original`. It is "
            "the learned one, so it has to be averaged, not copied.",
            _average(lambda name: name == "gamma"),
        ),
        Mistake(
            "shares exchanged",
            "keep is the share of the old average: keep * average + (1 - keep) * current.",
            _average(exchanged=True),
        ),
        Mistake(
            "buffers left behind",
            "The buffers stay those of the old average. Copy them from the current network.",
            _average(others_stay=True),
        ),
        Mistake(
            "nothing averaged",
            "It gives back the current network. What is learned has to be mixed with the old "
            "average.",
            _average(lambda name: False),
        ),
    ),
    oracle=_average(),
    cases=_average_cases,
)

# ---- 6 to 8: in files of their own ------------------------------------------------------------

where_it_looks = maps.where_it_looks
attention_cost = maps.attention_cost
find_defects = defects.find_defects
