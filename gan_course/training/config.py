"""All the choices of a training run in one place. No torch here: the command line starts fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from gan_course.errors import CourseError

ModelName = Literal["dcgan", "sagan", "r3gan"]
LossName = Literal[
    "non-saturating", "minimax", "hinge", "wasserstein", "least-squares", "relativistic"
]
StemName = Literal["linear", "conv"]
AugmentName = Literal["none", "translation", "affine", "color", "cutout", "all"]
TrackName = Literal["none", "frechet", "kernel"]
PrecisionName = Literal["float32", "bfloat16", "auto", "auto-again"]

# What suits the model if nobody says otherwise: SAGAN has the numbers of its paper, and so has
# R3GAN, but for gamma, which has to fit the size of the images.
USUAL = {
    "dcgan": {
        "loss": "non-saturating",
        "beta1": 0.5,
        "beta2": 0.999,
        "spectral_norm": False,
        "attention_at": 0,
    },
    "sagan": {
        "loss": "hinge",
        "beta1": 0.0,
        "beta2": 0.9,
        "spectral_norm": True,
        "attention_at": 16,
        "learning_rate": 0.0001,
    },
    "r3gan": {
        "loss": "relativistic",
        "beta1": 0.0,
        "beta2": 0.99,
        "r1": 0.1,
        "r2": 0.1,
        "spectral_norm": False,
        "attention_at": 0,
    },
}
D_LEARNS_FASTER = {"dcgan": 1, "sagan": 4, "r3gan": 1}

# What suits the data: small batches and larger steps for few digits; else the DCGAN paper's.
DIGITS = {"batch_size": 32, "num_epochs": 30, "learning_rate": 0.0004}
# The paper's small steps would need hours to learn them; and on few images D needs no head start.
SAGAN_ON_DIGITS = {"num_epochs": 20, "learning_rate": 0.004}
R3GAN_ON_DIGITS = {"r1": 1.0, "r2": 1.0}  # with 0.1 and their larger steps some seeds never learn
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
    """digits, mnist, fashion-mnist, cifar10, celeba, stacked-digits, stacked-mnist, or folder:PATH
    for your own images."""
    data_root: str = "data"
    """Folder for data sets that have to be fetched."""
    model: ModelName = "dcgan"
    """dcgan; sagan: DCGAN with self-attention, and spectral norm in both networks; or r3gan:
    residual networks without normalisation, for the relativistic loss with r1 and r2."""
    image_size: int | None = None
    """Height and width in pixels: 16, 32, 64 or 128. Default: the usual size of the data set."""
    batch_size: int | None = None
    """Images in one training step, at least 2, over all processes. Default: 32 for digits, 128
    otherwise."""
    num_epochs: int | None = None
    """Passes over the data set. Default: 30 for the small digits set, 25 otherwise."""
    learning_rate: float | None = None
    """Adam's step size. Default: for dcgan 0.0004 with digits, else 0.0002; for sagan 0.004 with
    digits, else 0.0001."""
    learning_rate_d: float | None = None
    """D's own step size. Default: learning_rate; for sagan a quarter of it with digits, else four
    times as much."""
    beta1: float | None = None
    """Adam's averaging of past gradients, in [0, 1). Default: 0.5, for sagan and r3gan 0."""
    beta2: float | None = None
    """The same for their squares. Default: 0.999, for sagan 0.9, for r3gan 0.99."""
    latent_dim: int = 64
    """Length of z, the generator's input."""
    base_channels: int = 32
    """Width of both networks: channels next to the image."""
    stem: StemName = "linear"
    """G's first layer: linear, or conv, the same as a transposed convolution, as in the paper.
    Only dcgan has the choice."""
    spectral_norm: bool | None = None
    """Spectral norm limits how fast a network's output can change: in D for dcgan, in both for
    sagan. Default: False, for sagan True."""
    attention_at: int | None = None
    """Height of the map that looks at itself: 4, 8, ... half of image_size; 0: no attention. Only
    sagan has it. Default: 16."""
    conditional: bool = False
    """Learn the classes too, so that one can ask for a seven. Only sagan, with labelled data."""
    loss: LossName | None = None
    """Which game the two play. Default: non-saturating, for sagan hinge, for r3gan relativistic."""
    r1: float | None = None
    """Gamma of the penalty on D's slope at real images; for a D without BatchNorm. Default: 0, for
    r3gan 0.1, with digits 1."""
    r2: float | None = None
    """The same at the fakes. Default: 0, for r3gan 0.1, with digits 1."""
    label_smoothing: float = 0.0
    """0.1 makes D's target for real images 0.9. Only with non-saturating or minimax."""
    discriminator_steps: int = 1
    """Steps of D for each step of G, each on a batch of its own."""
    augment: AugmentName = "none"
    """For few images, of what D sees, real and fake alike: translation moves every image a little;
    affine also turns, scales and slants it; color changes its light and its colours; cutout hides a
    square of it; all is translation, color and cutout together."""
    adaptive_augment: bool = False
    """Change only a share of the images, from none on: more as D gets too sure of the real ones."""
    drop_duplicates: bool = False
    """Leave out images of a folder that are near-duplicates of another one. No file is touched."""
    precision: PrecisionName = "float32"
    """float32, bfloat16 (half the bits), auto (whichever a few steps show to be faster here), or
    auto-again (the same, and measured again between epochs if the machine's speed has changed)."""
    compile: bool = False
    """Let torch.compile translate both networks first: a slow start, then faster steps."""
    cuda_graph: bool = False
    """Record one step on the GPU and replay it: for small networks. Only on CUDA."""
    save_interval: int = 10
    """Epochs between two saved generators. The state of the run is saved every 10 minutes too."""
    track: TrackName = "none"
    """Measure the distance to the real images at each save, and keep the best generator."""
    device: str = "auto"
    """auto, cpu, cuda or mps. auto takes a GPU if there is one."""
    output_dir: str | None = "."
    """Folder for checkpoints/ and outputs/. None, from Python only: write nothing."""
    seed: int = 0
    """Start of all random numbers. The same seed gives the same run on one machine's CPU with as
    many threads; on a GPU it need not."""
    resume: bool = False
    """Go on with the run that is in output_dir."""

    def __post_init__(self) -> None:
        self._check_name("model", ModelName)
        defaults = DIGITS if self.dataset == "digits" else OTHERS
        defaults, ratio = defaults | USUAL[self.model], D_LEARNS_FASTER[self.model]
        if self.model == "sagan" and self.dataset == "digits":
            defaults, ratio = defaults | SAGAN_ON_DIGITS, 1 / 4
        if self.model == "r3gan" and self.dataset == "digits":
            defaults = defaults | R3GAN_ON_DIGITS
        for name, value in defaults.items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        for name in ("r1", "r2"):
            if getattr(self, name) is None:
                setattr(self, name, 0.0)
        if self.learning_rate_d is None and isinstance(self.learning_rate, int | float):
            self.learning_rate_d = ratio * self.learning_rate
        self.check()

    def _check_name(self, field: str, known: type) -> None:
        if getattr(self, field) not in get_args(known):
            raise CourseError(
                f"there is no {field} called {getattr(self, field)!r}; choose one of "
                f"{', '.join(get_args(known))}."
            )

    def check(self) -> None:
        """Once more, when ``image_size`` has become known. Raises as the class does."""
        self._check_types()
        self._check_name("loss", LossName)
        self._check_name("stem", StemName)
        self._check_name("augment", AugmentName)
        self._check_name("precision", PrecisionName)
        self._check_name("track", TrackName)
        self._check_model()
        if self.image_size is not None and self.image_size not in (16, 32, 64, 128):
            raise CourseError(
                f"image_size must be 16, 32, 64 or 128, but is {self.image_size}: each layer "
                f"doubles the size, starting from 4."
            )
        for name, least, most in (
            ("batch_size", 2, 10**6),
            ("num_epochs", 1, 10**9),
            ("latent_dim", 1, 2**14),
            ("base_channels", 1, 1024),
            ("discriminator_steps", 1, 100),
            ("save_interval", 1, 10**9),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                bound = f"at least {least}" if value < least else f"at most {most:,}"
                raise CourseError(f"{name} must be {bound}, but is {value}.")
        for name in ("learning_rate", "learning_rate_d"):
            if not 0 < getattr(self, name) < 1:
                raise CourseError(
                    f"{name} must lie between 0 and 1, but is {getattr(self, name)}; "
                    f"0.0002 is usual."
                )
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                usual = USUAL[self.model][name]
                raise CourseError(
                    f"{name} must lie in [0, 1), but is {getattr(self, name)}; {usual} is usual."
                )
        for name in ("r1", "r2"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise CourseError(
                    f"{name} must be 0 or more, but is {getattr(self, name)}; 0.1 is usual for "
                    f"images of 32x32."
                )
        if self.adaptive_augment and self.augment == "none":
            raise CourseError(
                "adaptive_augment is True, but augment is 'none': say what may be done to the "
                "images, for example --augment all."
            )
        if self.drop_duplicates and not self.dataset.startswith("folder:"):
            raise CourseError(
                f"drop_duplicates looks through a folder of images, and dataset is "
                f"{self.dataset!r}. Leave it out, or take --dataset folder:PATH."
            )
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

    def _check_model(self) -> None:
        """What only one of the models has, and the sizes of its maps."""
        if (self.r1 or self.r2) and self.model == "dcgan" and not self.spectral_norm:
            raise CourseError(
                "r1 and r2 ask how each image alone moves D's logit, and BatchNorm in D mixes the "
                "images of a batch. Take --model r3gan, or --spectral-norm, which leaves it out."
            )
        if self.model != "sagan":
            for name in ("attention_at", "conditional"):
                if getattr(self, name):
                    raise CourseError(
                        f"{name} is {getattr(self, name)}, but {self.model} has no such thing: "
                        f"take --model sagan, or leave it out."
                    )
        if self.model == "r3gan" and self.spectral_norm:
            raise CourseError(
                "spectral_norm is True, but r3gan has none: r1 and r2 keep its D smooth."
            )
        if self.model != "dcgan" and self.stem != "linear":
            raise CourseError(f"stem is {self.stem!r}, but {self.model} always has a linear one.")
        if self.model != "sagan":
            return
        if self.image_size == 16:
            raise CourseError("image_size is 16, but a sagan draws 32, 64 or 128 pixels.")
        if self.conditional and self.dataset == "celeba":
            raise CourseError(
                "conditional needs labels, and celeba has none. Leave it out, or take digits, "
                "mnist, fashion-mnist, cifar10, or a folder with a subfolder for each class."
            )
        maps = [size for size in (4, 8, 16, 32, 64) if size < (self.image_size or 128)]
        if self.attention_at and self.attention_at not in maps:
            raise CourseError(
                f"attention_at must be one of {', '.join(map(str, maps))}, the heights of the "
                f"maps inside, or 0 for no attention, but is {self.attention_at}."
            )

    def _check_types(self) -> None:
        """A number that came as text, from a form or a settings file, is named here at once."""
        whole = ["batch_size", "num_epochs", "latent_dim", "base_channels", "discriminator_steps"]
        whole += ["save_interval", "attention_at", "seed"]
        if self.image_size is not None:
            whole.append("image_size")
        kinds = (
            (whole, int, "a whole number"),
            (
                (
                    *("learning_rate", "learning_rate_d", "beta1", "beta2", "label_smoothing"),
                    *("r1", "r2"),
                ),
                int | float,
                "a number",
            ),
            (("dataset", "data_root", "device"), str, "text"),
            (
                (
                    *("spectral_norm", "conditional", "compile", "cuda_graph", "resume"),
                    *("adaptive_augment", "drop_duplicates"),
                ),
                bool,
                "True or False",
            ),
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
