"""The command line: gan-course train | generate | evaluate | stylize | doctor | progress, and for
teachers grade | mistakes.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from gan_course import console
from gan_course.errors import CourseError, typed_path
from gan_course.training.config import TrainConfig


@dataclass
class Generate:
    """Draw images with a trained generator, and save them as one picture."""

    checkpoint: Path
    """A generator that `gan-course train` saved, for example checkpoints/generator_final.pth."""
    num_images: int = 64
    """How many images to draw."""
    output: Path = Path("outputs/generated_samples.png")
    """The picture to write: .png or .jpg. An older picture of that name is replaced."""
    seed: int = 0
    """The same seed gives the same images."""
    truncation: float = 1.0
    """Standard deviation of z. Below 1 the images are cleaner and more alike."""
    label: int | None = None
    """Draw this class only, with a generator trained --conditional. Default: all of them."""


@dataclass
class Evaluate:
    """Measure a trained generator against a data set: a table, and all of it as JSON."""

    checkpoint: Path
    """A generator that `gan-course train` saved, for example checkpoints/generator_final.pth."""
    dataset: str = "digits"
    """The data that it was trained on, named as for `gan-course train`."""
    data_root: str = "data"
    """Folder for data sets that have to be fetched."""
    features: str | None = None
    """digits, mnist, photographs, inception, or a .safetensors file. Default: by the data set."""
    num_images: int = 10_000
    """Real images and fakes, as many of each; at most as many as there are real ones."""
    truncation: float = 1.0
    """Standard deviation of z."""
    seed: int = 0
    """The same seed gives the same numbers."""
    output: Path = Path("outputs/evaluation.json")
    """The JSON file to write. An older one of that name is replaced."""


@dataclass
class Stylize:
    """Redraw one picture in the style of another. Ctrl-C stops and keeps what is there."""

    content: str
    """A picture file, or `china` or `flower`: photographs that come with scikit-learn."""
    style: str
    """Another, of any size."""
    output: Path = Path("outputs/stylized.png")
    """The picture to write: .png or .jpg. An older picture of that name is replaced."""
    network: str = "offline"
    """`offline`, the small network of the course, or `vgg19`, fetched by torchvision (550 MB)."""
    image_size: int = 256
    """Pixels of the longer side of the result at most."""
    style_size: int | None = None
    """The same for the style picture: smaller makes finer strokes. Default: as --image-size."""
    steps: int = 100
    """Steps of the optimizer."""
    content_weight: float = 1.0
    """How much the content counts."""
    style_weight: float = 10.0
    """How much the style counts."""
    tv_weight: float = 3.0
    """How much smoothness counts."""
    start: str = "content"
    """`content` or `noise`: the picture to begin with."""
    optimizer: str | None = None
    """`adam` or `lbfgs`. Default: adam from the content, lbfgs from noise."""
    seed: int = 0
    """Of the noise: the same seed gives the same picture."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""


@dataclass
class Doctor:
    """Tell what this machine has, or with RUN what a training run's numbers say."""

    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]")] = None
    """Folder of a run (its --output-dir). Without it the machine is looked at."""


@dataclass
class Progress:
    """List the lessons, what you have solved, what is next and how much is left."""

    json: bool = False
    """Print all of it as JSON, for programs."""


@dataclass
class Grade:
    """For teachers: check a class's filled-in notebooks. Runs students' code on this machine."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """FOLDER/ada/01_conv2d.ipynb, FOLDER/01_conv2d/ada.ipynb, or as nbgrader collects them."""
    output: Path = Path("grades.csv")
    """The CSV to write: one line for each student and task. An older one is replaced."""
    mistakes: Path | None = None
    """A second CSV: the mistakes that were made, the most common of each lesson first."""
    time_limit: float = 120
    """Seconds for one notebook; one cell or check may take a quarter of it."""
    memory: int = 2000
    """Megabytes for one notebook, beside what PyTorch takes (where the system holds to it)."""
    jobs: int | None = None
    """Notebooks at the same time. Default: half as many as there are cores."""
    exercises: Path | None = None
    """The course's own exercise notebooks, which the checks are taken from."""


@dataclass
class Mistakes:
    """For teachers: the mistakes that the checkers know, and what a learner is told."""

    lesson: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[LESSON]")] = None
    """01, or 09_bug; without it all of them."""
    markdown: bool = False
    """As a page to keep or print."""


Command = (
    Annotated[
        TrainConfig,
        tyro.conf.subcommand(
            name="train",
            description="Train a GAN. Ctrl-C stops and saves; --resume goes on.",
        ),
    ]
    | Annotated[Generate, tyro.conf.subcommand(name="generate")]
    | Annotated[Evaluate, tyro.conf.subcommand(name="evaluate")]
    | Annotated[Stylize, tyro.conf.subcommand(name="stylize")]
    | Annotated[Doctor, tyro.conf.subcommand(name="doctor")]
    | Annotated[Progress, tyro.conf.subcommand(name="progress")]
    | Annotated[Grade, tyro.conf.subcommand(name="grade")]
    | Annotated[Mistakes, tyro.conf.subcommand(name="mistakes")]
)


FLAGS = tyro.constructors.ConstructorRegistry()


@FLAGS.primitive_rule
def _flag_or_value(
    info: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec | None:
    """--spectral-norm alone means True, although its default depends on other choices."""
    if info.type != bool | None:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=(0, 1),
        metavar="[True|False]",
        instance_from_str=lambda given: not given or given == ["True"],
        is_instance=lambda value: value is None or isinstance(value, bool),
        str_from_instance=lambda value: [str(value)],
        choices=("True", "False"),
    )


@FLAGS.primitive_rule
def _number_or_none(
    info: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec | None:
    """--image-size many: "many is no whole number", without a word about the type of None."""
    kinds = {int | None: (int, "INT", "a whole number"), float | None: (float, "FLOAT", "a number")}
    if info.type not in kinds:
        return None
    kind, metavar, words = kinds[info.type]

    def read(given: list[str]) -> int | float | None:
        try:
            return None if given == ["None"] else kind(given[0])
        except ValueError:
            raise ValueError(f"{given[0]!r} is not {words}") from None

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: [str(value)],
    )


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Ends with code 0, or 1 and one sentence for a mistake that can be mended."""
    with console.patient():
        try:
            with FLAGS:
                command = tyro.cli(
                    Command,
                    prog="gan-course",
                    description="Train GANs, sample them, and see how far you are in the course.",
                    args=arguments,
                )
            with console.lenient_warnings():
                run(command)
        except CourseError as error:
            sys.exit(f"gan-course: {error}")
        except KeyboardInterrupt:
            sys.exit("gan-course: stopped.")
        except (MemoryError, RuntimeError, OSError) as error:
            words = console.sentence(error)
            if words is None:
                raise
            sys.exit(f"gan-course: {words}")


def run(command: Command) -> None:
    """Carry out one command."""
    if isinstance(command, TrainConfig):
        train(command)
    elif isinstance(command, Generate):
        generate(command)
    elif isinstance(command, Evaluate):
        evaluate(command)
    elif isinstance(command, Stylize):
        stylize(command)
    elif isinstance(command, Doctor):
        if command.run is not None:
            look_at_run(command.run)
            return
        from gan_course.machine import report

        print(report())
    elif isinstance(command, Grade):
        from dataclasses import asdict

        from gan_course.checks.grading.command import grade

        if not grade(**asdict(command)):
            sys.exit(130)  # what a shell expects after Ctrl-C
    elif isinstance(command, Mistakes):
        from gan_course.checks import mistakes

        print(mistakes.text(command.lesson, command.markdown))
    else:
        from gan_course.checks import progress

        if command.json:
            import json

            print(json.dumps(progress.table().as_dict(), indent=1))
        else:
            print(progress.summary_text())


def train(config: TrainConfig) -> None:
    from gan_course.training import Trainer

    if config.output_dir is None:
        raise CourseError("--output-dir is None, so nothing would be kept. Name a folder.")
    trainer = Trainer(config)
    if config.track != "none":
        from gan_course.evaluation import tracked_metric

        trainer.metric = tracked_metric(config.track, trainer.images)
    processes = trainer.processes
    where = trainer.device if processes.count == 1 else f"{processes.count} processes"
    if processes.is_first:
        print(
            f"{config.dataset}: {len(trainer.images):,} images of {config.image_size}x"
            f"{config.image_size}, {config.num_epochs} epochs in batches of {config.batch_size} "
            f"on {where}"
        )
    trainer.fit()
    processes.leave()
    if not trainer.finished:
        sys.exit(130)  # what a shell expects after Ctrl-C: the next command of a script must wait
    if not processes.is_first:
        return
    outputs = trainer.folder / "outputs"
    print(f"Samples: {outputs / 'generated_samples.png'}")
    if (outputs / "training_loss.png").exists():  # not without matplotlib
        print(f"Curves:  {outputs / 'training_loss.png'}")
    print(f"Weights: {trainer.folder / 'checkpoints' / 'generator_final.pth'}")
    if trainer.scores:
        best = min(trainer.scores, key=lambda row: row["score"])
        print(
            f"Best:    {trainer.folder / 'checkpoints' / 'generator_best.pth'} "
            f"({config.track} {best['score']:.4g} after epoch {best['epoch']})"
        )


def look_at_run(folder: Path) -> None:
    from gan_course.doctor import diagnose_history
    from gan_course.training.history import read_history

    path = typed_path(folder) / "history.jsonl"
    if not path.is_file():
        raise CourseError(
            f"{folder} holds no run: {path} is missing. Name the --output-dir of a training run."
        )
    history = read_history(path, last_step=sys.maxsize)
    last = f"{history[-1]['step']:,} steps" if history else "no steps yet"
    found = diagnose_history(history)
    print(f"{folder}: {last}\n{found.sentence}\nHow sure: {found.sure}. Lesson: {found.lesson}.")


def generate(command: Generate) -> None:
    import math

    import torch
    from PIL import Image

    from gan_course.data import image_grid, picture_bytes
    from gan_course.files import write_atomically
    from gan_course.models.weights import load_generator

    if not 1 <= command.num_images <= 10_000:
        raise CourseError(f"num_images must lie in 1 to 10,000, but is {command.num_images}.")
    _check_draw(command.truncation, command.seed)
    format = _format_of(command.output)
    output = _place_for(command.output, "checkpoint", command.checkpoint)
    generator = load_generator(command.checkpoint)
    rng = torch.Generator().manual_seed(command.seed)
    given = {}
    if command.label is not None:
        classes = getattr(generator, "num_classes", 0)
        if not classes:
            raise CourseError(
                f"--label {command.label} cannot be drawn: the generator in {command.checkpoint} "
                f"was trained without classes (--conditional)."
            )
        if not 0 <= command.label < classes:
            raise CourseError(f"--label must lie in 0 to {classes - 1}, but is {command.label}.")
        given["labels"] = torch.full((command.num_images,), command.label)
    images = generator.generate(command.num_images, rng, command.truncation, **given)
    columns = math.ceil(math.sqrt(command.num_images))
    picture = Image.fromarray(image_grid(images, columns))
    write_atomically(output, picture_bytes(picture, format))
    print(f"{command.num_images} images in {output}")


def _check_draw(truncation: float, seed: int) -> None:
    """What ``generate`` and ``evaluate`` draw by."""
    if not 0 <= truncation <= 100:
        raise CourseError(
            f"truncation must be 0 or more, and at most 100, but is {truncation}; 1 is usual."
        )
    if not 0 <= seed < 2**40:
        raise CourseError(f"seed must lie between 0 and 2**40, but is {seed}.")


def _place_for(output: Path, what: str, *sources: str | Path) -> Path:
    """Where a result is to go. What would go wrong there goes wrong now, not after the work."""
    from gan_course.files import check_writable

    output = typed_path(output)
    check_writable(output)
    for source in sources:
        if output.exists() and Path(source).exists() and output.samefile(source):
            raise CourseError(f"--output would replace your {what} {source}; nothing was written.")
    return output


def _format_of(output: Path) -> str:
    """How Pillow calls the format of a picture file."""
    format = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(output.suffix.lower())
    if format is None:
        raise CourseError(f"--output must end in .png or .jpg, but is {output}.")
    return format


def evaluate(command: Evaluate) -> None:
    from gan_course import evaluation
    from gan_course.data import load_images
    from gan_course.files import write_atomically
    from gan_course.models.weights import load_generator

    if not 16 <= command.num_images <= 1_000_000:
        raise CourseError(
            f"num_images must lie in 16 to 1,000,000, but is {command.num_images}; 10,000 is usual."
        )
    _check_draw(command.truncation, command.seed)
    if command.output.suffix.lower() != ".json":
        raise CourseError(f"--output must end in .json, but is {command.output}.")
    output = _place_for(command.output, "checkpoint", command.checkpoint)
    generator = load_generator(command.checkpoint)
    images = load_images(command.dataset, generator.image_size, command.data_root)
    report = evaluation.evaluate(
        generator,
        images,
        command.features,
        command.num_images,
        command.truncation,
        command.seed,
        name=str(command.checkpoint),
    )
    write_atomically(output, report.to_json().encode())
    print(report.table())
    print(f"All of it: {output}")


def stylize(command: Stylize) -> None:
    from time import perf_counter

    from PIL import Image

    from gan_course import style
    from gan_course.data import image_grid, load_photograph, picture_bytes
    from gan_course.files import write_atomically
    from gan_course.training.device import choose_device
    from gan_course.training.stop_button import StopButton

    format = _format_of(command.output)
    output = _place_for(command.output, "picture", command.content, command.style)
    device = choose_device(command.device)
    style_size = command.image_size if command.style_size is None else command.style_size
    content = load_photograph(command.content, command.image_size).to(device)
    pattern = load_photograph(command.style, style_size).to(device)
    network = style.load_network(command.network, device)
    height, width = content.shape[2:]
    print(f"{width}x{height} pixels, {command.steps} steps through the network {network.name}")
    begun = perf_counter()
    shown = [begun]

    with StopButton() as button:

        def progress(transfer: style.StyleTransfer) -> bool:
            now, done = perf_counter(), transfer.step_count
            if now - shown[0] > 1 or done in (1, command.steps):
                shown[0], last = now, transfer.history[-1]
                print(
                    f"step {done:4} of {command.steps}: content {last.content:.3f}, style "
                    f"{last.style:.3f}, total variation {last.tv:.3f}; {now - begun:.0f} s",
                    flush=True,
                )
            return not button.pressed

        result = style.stylize(
            content,
            pattern,
            network,
            command.steps,
            progress,
            content_weight=command.content_weight,
            style_weight=command.style_weight,
            tv_weight=command.tv_weight,
            start=command.start,
            optimizer=command.optimizer,
            seed=command.seed,
        )
    picture = Image.fromarray(image_grid(result.image, padding=0))
    write_atomically(output, picture_bytes(picture, format))
    if result.note:
        print(f"gan-course: {result.note}", file=sys.stderr)
    print(f"Picture: {output}")
    if button.pressed:
        sys.exit(130)  # what a shell expects after Ctrl-C


if __name__ == "__main__":
    main()
