"""Everything that is measured of a generator, each number with its protocol."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn

from gan_course.data import ImageSet
from gan_course.errors import CourseError
from gan_course.evaluation.classifier import judge
from gan_course.evaluation.coverage import coverage, perfect_coverage, stacked_classes
from gan_course.evaluation.features import (
    Extractor,
    default_features,
    load_extractor,
    real_features,
    to_size,
)
from gan_course.evaluation.frechet import frechet_distance
from gan_course.evaluation.kernel import kernel_distance
from gan_course.evaluation.neighbours import Neighbours
from gan_course.evaluation.precision_recall import precision_recall

MOST_FOR_NEIGHBOURS = 1_000  # fakes that are compared with the training images, pixel by pixel
MOST_FOR_BALLS = 10_000  # points for precision and recall: their work grows with the square
COPY = 0.01  # nearer to a training image than all but this share of the real ones: a near copy


@dataclass(frozen=True)
class Measurement:
    """One number and what it takes to repeat it.

    Attributes:
        name: of the metric.
        value: the number.
        better: "lower" or "higher"; "" if it is for comparison only.
        protocol: what was done, by name: features, counts, and the metric's own settings.
    """

    name: str
    value: float
    better: str
    protocol: dict


@dataclass
class Report:
    """All measurements of one generator.

    Attributes:
        generator: what was measured, in words.
        protocol: what holds for all numbers: data set, seed, truncation, mode, preparation.
        measurements: in the order of the table.
    """

    generator: str
    protocol: dict
    measurements: list[Measurement] = field(default_factory=list)

    def __getitem__(self, name: str) -> float:
        """The value of the measurement of this name."""
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement.value
        raise KeyError(name)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def sentence(self) -> str:
        """The main numbers, for a model card."""
        number = {m.name: _short(m.value) for m in self.measurements}
        count = f"{self.measurements[0].protocol['num_real']:,}"
        near, settings = self["near_copies"], self.measurements[-1].protocol
        return (
            f"Fréchet distance {number['frechet']} in the features `{self.protocol['features']}`, "
            f"{count} real images and as many fakes (two halves of the real images: "
            f"{number['frechet_real_halves']}); precision {number['precision']}, recall "
            f"{number['recall']}; {near:.1%} of "
            f"{settings['num_fake']:,} fakes are nearer to a training image, in pixels, than "
            f"{1 - COPY:.0%} of the real ones are."
        )

    def table(self) -> str:
        """Name, value, which way is better, protocol: a line each."""
        rows = [("metric", "value", "better", "protocol")]
        for m in self.measurements:
            said = ", ".join(f"{k} {_short(v)}" for k, v in m.protocol.items())
            rows.append((m.name, _short(m.value), m.better, said))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}" for a, b, c, d in rows
        ]
        whole = ", ".join(f"{k} {_short(v)}" for k, v in self.protocol.items())
        whole = textwrap.fill(f"all: {whole}", 100, subsequent_indent="     ")
        return "\n".join([self.generator, *(line.rstrip() for line in lines), whole])


def _short(value: object) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}"
    if isinstance(value, int | float):
        return f"{int(value):,}"
    return str(value)


@torch.no_grad()
def draw_fakes(
    generator: nn.Module, count: int, truncation: float = 1.0, seed: int = 0, batch: int = 250
) -> Tensor:
    """(count, C, H, W) in [-1, 1] on the CPU, in eval mode; a conditional generator draws its
    classes evenly. The same seed gives the same images."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, count, batch):
        images = generator.generate(min(batch, count - start), rng, truncation)
        parts.append(images.float().cpu())
    return torch.cat(parts)


def evaluate(
    generator: nn.Module,
    images: ImageSet,
    features: str | None = None,
    num_images: int = 10_000,
    truncation: float = 1.0,
    seed: int = 0,
    name: str = "generator",
) -> Report:
    """Measure a generator against a data set.

    Args:
        generator: with a ``generate`` as our generators have.
        images: the real images, of the same channels.
        features: see ``load_extractor``; what suits the data set if None.
        num_images: how many real images and how many fakes: the same number, at most as many as
            there are real ones.
        truncation: standard deviation of z.
        seed: of the fakes, and of which real images are taken.
        name: what the generator is called in the report.

    Raises:
        CourseError: if the two do not fit, too few images are asked for, or features are missing.
    """
    count = min(num_images, len(images))
    if count < 16:
        raise CourseError(
            f"{count} images are too few to measure anything: take at least 16, better 2,000."
        )
    extractor = load_extractor(default_features(images.name) if features is None else features)
    extractor.to(next(generator.parameters()).device)
    fakes = draw_fakes(generator, count, truncation, seed)
    if fakes.shape[1] != images.shape[0]:
        raise CourseError(
            f"the generator draws images of {fakes.shape[1]} channels, and {images.name} has "
            f"{images.shape[0]}: choose the data set that it was trained on."
        )
    real = real_features(extractor, images, 2 * count, seed)  # all of them if there are fewer
    fake = extractor(fakes)
    report = Report(
        name,
        {
            "dataset": images.name,
            "features": extractor.name,
            "feature_length": real.shape[1],
            "seed": seed,
            "truncation": truncation,
            "generator_mode": "eval",
            "image_size": fakes.shape[-1],
            "preparation": "rounded to 256 levels"
            + _resized(extractor.size, (images.shape[-1], fakes.shape[-1])),
        },
    )
    add = report.measurements.append
    for measurement in _distances(real, fake):
        add(measurement)
    for measurement in _classes(extractor, fakes, images):
        add(measurement)
    add(_copies(fakes, images))
    return report


def _resized(size: int | None, sides: tuple[int, int]) -> str:
    if size is None:
        return ", enlarged to 299 by the network"
    return "" if set(sides) == {size} else f", resized to {size} with antialiasing"


def _distances(real: Tensor, fake: Tensor) -> list[Measurement]:
    """``real`` may have up to twice as many rows as ``fake``: the rest is for the floor."""
    n, half = len(fake), len(real) // 2
    # What real images get against other real ones: as many as there are fakes, if it has as many.
    floor = frechet_distance(real[:half], real[half : 2 * half])
    halves = {"real_a": half, "real_b": half, "what": f"two halves of {2 * half:,} real images"}
    real = real[:n]
    counts = {"num_real": n, "num_fake": n}
    found = [
        Measurement("frechet", frechet_distance(real, fake), "lower", dict(counts)),
        Measurement("frechet_real_halves", floor, "", halves),
    ]
    kernel = kernel_distance(real, fake)
    settings = {"blocks": kernel.blocks, "block_size": kernel.block_size, "spread": kernel.spread}
    found.append(Measurement("kernel", kernel.mean, "lower", counts | settings))
    balls = min(n, MOST_FOR_BALLS)
    shares = precision_recall(real[:balls], fake[:balls])
    settings = {"num_real": balls, "num_fake": balls, "k": shares.k}
    found.append(Measurement("precision", shares.precision, "higher", dict(settings)))
    found.append(Measurement("recall", shares.recall, "higher", dict(settings)))
    return found


def _classes(extractor: Extractor, fakes: Tensor, images: ImageSet) -> list[Measurement]:
    """Class or mode coverage, where the features are those of a classifier."""
    classifier = extractor.classifier
    if classifier is None or images.labels is None:
        return []
    device = next(classifier.parameters()).device
    prepared = to_size(fakes, extractor.size).to(device)
    settings = {"num_fake": len(fakes), "judge": extractor.name}
    if images.name.startswith("stacked-"):
        modes = stacked_classes(classifier, prepared).cpu()
        shares = torch.bincount(images.labels, minlength=1000) / len(images)
        spread = coverage(modes, 1000, shares)
        found, kl = perfect_coverage(1000, len(fakes))
        return [
            Measurement("modes_found", spread.found, "higher", settings | {"perfect": found}),
            Measurement("modes_kl", spread.kl, "lower", settings | {"perfect": kl}),
        ]
    if prepared.shape[1] != classifier.image_channels:
        return []
    verdict = judge(classifier, prepared)
    known = len(verdict.shares)
    if images.num_classes > known:
        return []
    shares = torch.bincount(images.labels, minlength=known) / len(images)
    spread = coverage(verdict.classes.cpu(), known, shares)
    return [
        Measurement("classes_found", spread.found, "higher", settings | {"classes": known}),
        Measurement("classes_off", spread.total_variation, "lower", dict(settings)),
        Measurement("surer_than_0.9", verdict.confident(0.9), "higher", dict(settings)),
    ]


def _copies(fakes: Tensor, images: ImageSet) -> Measurement:
    """The share of fakes that are nearer to a training image than 99 % of the real ones are."""
    fakes = fakes[:MOST_FOR_NEIGHBOURS]
    if fakes.shape[1:] != tuple(images.shape):
        fakes = to_size(fakes, images.shape[-1])
    known = Neighbours(images)
    nearest = torch.cat([known.nearest(part, 1)[0][:, 0] for part in fakes.split(250)])
    share = (known.share_nearer(nearest) < COPY).double().mean().item()
    return Measurement(
        "near_copies",
        share,
        "lower",
        {
            "num_fake": len(fakes),
            "distance": "pixels",
            "measure": f"{known.what_real}, nearest {COPY:.0%}",
        },
    )


def tracked_metric(
    kind: str,
    images: ImageSet,
    features: str | None = None,
    num_images: int = 1_000,
    seed: int = 0,
) -> Callable[[nn.Module], float]:
    """A metric for ``Trainer``: the distance of ``num_images`` fakes to the real images.

    The real features are computed once. The fakes come from the same z each time, so that two
    moments of a run differ by the generator alone.

    Args:
        kind: "frechet" or "kernel".
        images: the training images.
        features: see ``load_extractor``; what suits the data set if None.
        num_images: of each kind. More cost more time, and less is noise.
        seed: of the fakes, and of which real images are taken.

    Raises:
        CourseError: for another kind, or if features are missing.
    """
    if kind not in ("frechet", "kernel"):
        raise CourseError(f"the tracked metric must be frechet or kernel, not {kind!r}.")
    extractor = load_extractor(default_features(images.name) if features is None else features)
    count = min(num_images, len(images))
    real = real_features(extractor, images, count, seed)

    def metric(generator: nn.Module) -> float:
        extractor.to(next(generator.parameters()).device)
        fake = extractor(draw_fakes(generator, count, seed=seed))
        if kind == "frechet":
            return frechet_distance(real, fake)
        return kernel_distance(real, fake, blocks=10).mean

    return metric
