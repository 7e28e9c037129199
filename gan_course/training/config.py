"""All the choices of a training run in one place. No torch here: the command line starts fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from gan_course.errors import CourseError

LossName = Literal["non-saturating", "minimax", "hinge", "wasserstein", "least-squares"]
StemName = Literal["linear", "conv"]
PrecisionName = Literal["float32", "bfloat16", "auto", "auto-again"]

# What suits the data if nobody says otherwise. 1,797 digits are few: small batches and larger steps
# make a minute on a laptop count. The others have the numbers of the DCGAN paper.
DIGITS = {"batch_size": 32, "num_epochs": 30, "learning_rate": 0.0004}
OTHERS = {"batch_size": 128, "num_epochs": 25, "learning_rate": 0.0002}

# May differ when a run is resumed: they do not change what is computed next.
FREE_TO_CHANGE = ("num_epochs", "save_interval", "device", "output_dir", "data_root", "resume")


@dataclass
class TrainConfig:
    """The choices of a training run, checked when they are made.

    Raises:
        CourseError: for a value that cannot work, with the value and what to do.
    """

    dataset: str = "digits"
    """digits, mnist, fashion-mnist, cifar10, celeba, or folder:PATH for your own images."""
    data_root: str = "data"
    """Folder for data sets that have to be fetched."""
    image_size: int | None = None
    """Height and width in pixels: 16, 32, 64 or 128. Default: the usual size of the data set."""
    batch_size: int | None = None
    """Images in one training step, at least 2, over all processes. Default: 32 for digits, 128
    otherwise."""
    num_epochs: int | None = None
    """Passes over the data set. Default: 30 for the small digits set, 25 otherwise."""
    learning_rate: float | None = None
    """Adam's step size, for both networks. Default: 0.0004 for digits, 0.0002 otherwise."""
    beta1: float = 0.5
    """Adam's averaging of past gradients, in [0, 1)."""
    latent_dim: int = 64
    """Length of z, the generator's input."""
    base_channels: int = 32
    """Width of both networks: channels next to the image."""
    stem: StemName = "linear"
    """G's first layer: linear, or conv, the same as a transposed convolution, as in the paper."""
    spectral_norm: bool = False
    """Spectral norm in D, which limits how fast its opinion can change."""
    loss: LossName = "non-saturating"
    """Which game the two play."""
    label_smoothing: float = 0.0
    """0.1 makes D's target for real images 0.9. Only with non-saturating or minimax."""
    discriminator_steps: int = 1
    """Steps of D for each step of G, each on a batch of its own."""
    precision: PrecisionName = "float32"
    """float32, bfloat16 (half the bits), auto (whichever a few steps show to be faster here), or
    auto-again (the same, and measured again between epochs if the machine's speed has changed)."""
    compile: bool = False
    """Let torch.compile translate both networks first: a slow start, then faster steps."""
    cuda_graph: bool = False
    """Record one step on the GPU and replay it: for small networks. Only on CUDA."""
    save_interval: int = 10
    """Epochs between two saved generators. The state of the run is saved every 10 minutes too."""
    device: str = "auto"
    """auto, cpu, cuda or mps. auto takes a GPU if there is one."""
    output_dir: str | None = "."
    """Folder for checkpoints/ and outputs/. None, from Python only: write nothing."""
    seed: int = 0
    """Start of all random numbers. The same seed gives the same run on the same machine's CPU."""
    resume: bool = False
    """Go on with the run that is in output_dir."""

    def __post_init__(self) -> None:
        for name, value in (DIGITS if self.dataset == "digits" else OTHERS).items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        self._check()

    def _check(self) -> None:
        self._check_types()
        for name, known in (("loss", LossName), ("stem", StemName), ("precision", PrecisionName)):
            if getattr(self, name) not in get_args(known):
                raise CourseError(
                    f"there is no {name} called {getattr(self, name)!r}; choose one of "
                    f"{', '.join(get_args(known))}."
                )
        if self.image_size is not None and self.image_size not in (16, 32, 64, 128):
            raise CourseError(
                f"image_size must be 16, 32, 64 or 128, but is {self.image_size}: each layer "
                f"doubles the size, starting from 4."
            )
        for name, least in (
            ("batch_size", 2),
            ("num_epochs", 1),
            ("latent_dim", 1),
            ("base_channels", 1),
            ("discriminator_steps", 1),
            ("save_interval", 1),
        ):
            if getattr(self, name) < least:
                raise CourseError(f"{name} must be at least {least}, but is {getattr(self, name)}.")
        if not 0 < self.learning_rate < 1:
            raise CourseError(
                f"learning_rate must lie between 0 and 1, but is {self.learning_rate}; "
                f"0.0002 is usual."
            )
        if not 0 <= self.beta1 < 1:
            raise CourseError(f"beta1 must lie in [0, 1), but is {self.beta1}; 0.5 is usual.")
        if not 0 <= self.label_smoothing < 1:
            raise CourseError(
                f"label_smoothing must lie in [0, 1), but is {self.label_smoothing}; 0.1 is usual."
            )
        if self.label_smoothing and self.loss not in ("non-saturating", "minimax"):
            raise CourseError(
                f"label_smoothing={self.label_smoothing} has no meaning for the {self.loss} loss: "
                f"it has no labels to smooth."
            )
        if self.cuda_graph and self.compile:
            raise CourseError("compile and cuda_graph cannot be taken together: choose one.")
        if self.cuda_graph and self.device in ("cpu", "mps"):
            raise CourseError(
                f"cuda_graph records work of an NVIDIA GPU, and device is {self.device!r}. Leave "
                f"it out, or take --device cuda."
            )
        if not 0 <= self.seed < 2**40:
            raise CourseError(f"seed must lie between 0 and 2**40, but is {self.seed}.")

    def _check_types(self) -> None:
        """A number that came as text, from a form or a settings file, is named here at once."""
        whole = ["batch_size", "num_epochs", "latent_dim", "base_channels", "discriminator_steps"]
        whole += ["save_interval", "seed"]
        if self.image_size is not None:
            whole.append("image_size")
        kinds = (
            (whole, int, "a whole number"),
            (("learning_rate", "beta1", "label_smoothing"), int | float, "a number"),
            (("dataset", "data_root", "loss", "stem", "precision", "device"), str, "text"),
            (("spectral_norm", "compile", "cuda_graph", "resume"), bool, "True or False"),
        )
        for names, kind, words in kinds:
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                    raise CourseError(f"{name} must be {words}, but is {value!r}.")

    def difference(self, other: TrainConfig) -> list[str]:
        """One line for each choice that differs and that a resumed run may not change."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name}: {theirs[name]!r} before, {mine[name]!r} now"
            for name in mine
            if name not in FREE_TO_CHANGE and mine[name] != theirs[name]
        ]
