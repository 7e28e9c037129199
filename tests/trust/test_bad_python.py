"""The package in careless hands: wrong kinds, wrong shapes, numbers that are none."""

import pytest
import torch
from asking import clear, refusal

from gan_course import losses
from gan_course.arithmetic import conv2d_output_size, conv_transpose2d_output_size, trace_shapes
from gan_course.data import image_grid, load_images, load_photograph
from gan_course.data.doctor import FolderDoctor
from gan_course.errors import CourseError, typed_path
from gan_course.evaluation.classifier import load_classifier
from gan_course.evaluation.features import load_extractor
from gan_course.evaluation.frechet import frechet_distance
from gan_course.evaluation.kernel import kernel_distance
from gan_course.evaluation.precision_recall import precision_recall
from gan_course.labs import DataDoctor, Flipbook, LatentPad, Sampler, ToyGAN
from gan_course.models import DCGANDiscriminator, DCGANGenerator, R3GANGenerator, SAGANGenerator
from gan_course.models.weights import load_generator, save_generator
from gan_course.pretrained import load_pretrained
from gan_course.style import stylize
from gan_course.toy import ToyConfig, ToyGame, make_distribution
from gan_course.training import TrainConfig, Trainer

NAN = float("nan")
ROWS = torch.zeros(8, 4)
PICTURE = torch.zeros(1, 3, 32, 32)
NONSENSE = [None, "many", -1, 0, NAN, [], {}, 1.5, "", b"x"]

# What is called, by name; and with what it must not simply crash.
CALLS = {
    **{
        f"TrainConfig({name}={value!r})": (lambda n=name, v=value: TrainConfig(**{n: v}))
        for name in ("model", "batch_size", "seed", "learning_rate", "loss", "dataset", "device")
        for value in ([], {}, -1, NAN, 10**30, b"x")
        if (name, value) != ("dataset", -1)
    },
    **{
        f"ToyConfig({name}={value!r})": (lambda n=name, v=value: ToyConfig(**{n: v}))
        for name in ("loss", "lr_d", "batch_size", "seed", "distribution", "start")
        for value in ([], {}, -1, NAN, 10**30, "x", b"x")
        if (name, value) not in (("seed", 0),)
    },
    **{
        f"load_images(size {value!r})": (lambda v=value: load_images("digits", v))
        for value in (0, -1, "32", 1.5, 10**9, NAN, [32])
    },
    **{
        f"load_images({value!r})": (lambda v=value: load_images(v))
        for value in (5, None, b"digits", ["digits"], "cats", "folder:\0")
    },
    "load_images(device toaster)": lambda: load_images("digits", device="toaster"),
    **{
        f"load_pretrained({value!r})": (lambda v=value: load_pretrained(v))
        for value in (5, None, "cats", "../digits", "", ["digits"], "digits.safetensors")
    },
    **{
        f"load_generator({value!r})": (lambda v=value: load_generator(v))
        for value in (5, None, "", "missing", "a\0b", b"x", ["x"])
    },
    **{
        f"load_photograph({value!r})": (lambda v=value: load_photograph(v))
        for value in (5, None, "", "a\0b", ["x"], "missing")
    },
    **{
        f"load_photograph(china, {value!r})": (lambda v=value: load_photograph("china", v))
        for value in (0, -1, NAN, "big", 1.5, 10**9)
    },
    **{
        f"{reader.__name__}({value!r})": (lambda r=reader, v=value: r(v))
        for reader in (load_classifier, load_extractor, FolderDoctor)
        for value in ("cats", 5, None, "a\0b")
    },
    **{
        f"{network.__name__}{sizes!r}": (lambda n=network, s=sizes: n(*s))
        for network in (DCGANGenerator, SAGANGenerator, R3GANGenerator, DCGANDiscriminator)
        for sizes in ((17, 1), (32, 0), (32, -1), ("32", 1), (0, 1), (None, 1), (32, 1, 0))
    },
    "G of a wrong z": lambda: DCGANGenerator(16, 1, 4, 2)(torch.zeros(2, 5)),
    "G of z with too many axes": lambda: DCGANGenerator(16, 1, 4, 2)(torch.zeros(2, 4, 4)),
    "D of another size": lambda: DCGANDiscriminator(16, 1, 2)(torch.zeros(2, 1, 32, 32)),
    "D of other channels": lambda: DCGANDiscriminator(16, 1, 2)(torch.zeros(2, 3, 16, 16)),
    **{
        f"generate({value!r})": (lambda v=value: DCGANGenerator(16, 1, 4, 2).generate(v))
        for value in (0, -1)
    },
    "unknown loss of D": lambda: losses.discriminator_loss("bce", ROWS[:, 0], ROWS[:, 0]),
    "unknown loss of G": lambda: losses.generator_loss("", ROWS[:, 0]),
    "smoothing without labels": lambda: losses.discriminator_loss("hinge", ROWS, ROWS, 0.1),
    "smoothing above 1": lambda: losses.discriminator_loss("minimax", ROWS, ROWS, 1.5),
    "label of 0": lambda: losses.minimax_d_loss(ROWS, ROWS, real_label=0.0),
    "pairs without a partner": lambda: losses.generator_loss("relativistic", ROWS[:, 0]),
    "pairs of other shapes": lambda: losses.relativistic_d_loss(ROWS[:, :1], ROWS[:, 0]),
    **{
        f"conv2d_output_size({value!r})": (lambda v=value: conv2d_output_size(v, 3))
        for value in NONSENSE
    },
    **{
        f"conv_transpose2d_output_size({value!r})": (
            lambda v=value: conv_transpose2d_output_size(8, kernel_size=v)
        )
        for value in NONSENSE
    },
    "trace_shapes of nothing": lambda: trace_shapes(torch.nn.Sequential(), ()),
    **{
        f"{metric.__name__}({what})": (lambda m=metric, a=a, b=b: m(a, b))
        for metric in (frechet_distance, kernel_distance, precision_recall)
        for what, a, b in (
            ("one row", ROWS[:1], ROWS),
            ("other lengths", ROWS, ROWS[:, :2]),
            ("three axes", ROWS[None], ROWS),
            ("nan", ROWS * NAN, ROWS),
            ("no rows", ROWS[:0], ROWS),
        )
    },
    **{
        f"image_grid{tuple(shape)}": (lambda s=shape: image_grid(torch.zeros(s)))
        for shape in ((3, 32, 32), (0, 1, 8, 8), (2, 2, 8, 8), ())
    },
    **{
        f"stylize(steps={value!r})": (lambda v=value: stylize(PICTURE, PICTURE, steps=v))
        for value in (0, -1, "many", NAN, 10**9, 1.5, None)
    },
    "stylize of a thumbnail": lambda: stylize(PICTURE[..., :8], PICTURE),
    "stylize of nan": lambda: stylize(PICTURE * NAN, PICTURE),
    "stylize of one channel": lambda: stylize(PICTURE[:, :1], PICTURE),
    **{
        f"stylize({name}={value!r})": (
            lambda n=name, v=value: stylize(PICTURE, PICTURE, steps=1, **{n: v})
        )
        for name, value in (
            ("seed", -1),
            ("seed", 10**30),
            ("seed", "x"),
            ("style_weight", NAN),
            ("style_weight", "much"),
            ("start", "end"),
            ("learning_rate", -1),
            ("style_layers", ["conv9_9"]),
        )
    },
    **{
        f"ToyGame.step({value!r})": (lambda v=value: ToyGame().step(v))
        for value in (-1, "many", 1.5, NAN, None)
    },
    "a distribution that is none": lambda: make_distribution("cloud"),
    "a width that is none": lambda: make_distribution("ring8", sigma=NAN),
    "an option that is none": lambda: make_distribution("ring8", wings=2),
    **{
        f"typed_path({value!r})": (lambda v=value: typed_path(v))
        for value in ("~nobody-of-this-name", "x" * 5000, "a\0b")
    },
    **{
        f"ToyGAN({name}={value!r})": (lambda n=name, v=value: ToyGAN(**{n: v}))
        for name, value in (("preset", "cloud"), ("preset", 5), ("speed", -1), ("speed", "fast"))
    },
    "Sampler of no weights": lambda: Sampler("missing.pth"),
    "LatentPad of a word": lambda: LatentPad("cats"),
    "Flipbook of a number": lambda: Flipbook(5),
    "Flipbook of no run": lambda: Flipbook("missing"),
    "DataDoctor of no folder": lambda: DataDoctor("missing"),
    "DataDoctor of nobody": lambda: DataDoctor("~nobody-of-this-name"),
    "Trainer of a word": lambda: Trainer(TrainConfig(dataset="cats")),
}


@pytest.mark.parametrize("call", CALLS)
def test_nonsense_gets_a_sentence(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence, problem = refusal(CALLS[call])
    clear([problem] if problem else [], [] if sentence else ["it was taken"])
    assert list(tmp_path.iterdir()) == []


def test_saving_where_nothing_can_be_saved(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.pth").mkdir()
    for path in (tmp_path / "file" / "g.pth", tmp_path / "folder.pth", tmp_path / ("x" * 300)):
        with pytest.raises(CourseError, match=r"could not be written|is no path"):
            save_generator(DCGANGenerator(16, 1, 4, 2), path)
    assert (tmp_path / "file").read_text() == "kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.pth"]
