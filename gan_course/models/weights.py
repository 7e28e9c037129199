"""Save a generator, and load one again without trusting the file.

A checkpoint from the internet can be a program: pickle, the format behind a plain ``torch.load``,
runs code while it loads. Nothing here ever unpickles. ``.safetensors`` files hold tensors only, and
``.pth`` files are read with ``weights_only=True``.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from gan_course.errors import CourseError, typed_path, why_no_file
from gan_course.files import one_line, write_atomically
from gan_course.models.dcgan import IMAGE_SIZES, DCGANGenerator, translate_names
from gan_course.models.progan import ProGANGenerator
from gan_course.models.r3gan import R3GANGenerator
from gan_course.models.sagan import SAGANGenerator

Generator = DCGANGenerator | SAGANGenerator | R3GANGenerator | ProGANGenerator


def save_generator(generator: Generator, path: str | Path) -> None:
    """Write the generator's ``state_dict``; ``.safetensors`` or ``.pth`` by the file's ending.

    The file appears whole or not at all: it is written beside its place, then moved there.

    Raises:
        CourseError: if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    tensors = {k: v.detach().cpu().contiguous() for k, v in generator.state_dict().items()}
    if path.suffix == ".safetensors":
        content = safetensors.torch.save(tensors)
    else:
        buffer = io.BytesIO()
        torch.save(tensors, buffer)
        content = buffer.getvalue()
    write_atomically(path, content)


def load_generator(path: str | Path) -> Generator:
    """A generator from a file, on the CPU and in eval mode, with the architecture read off it.

    A ``DCGANGenerator``, an ``R3GANGenerator``, a ``SAGANGenerator`` with the classes, the
    attention and the spectral norm that its weights have, or a ``ProGANGenerator``. MSG-GAN's
    generator has the weights of the last, and comes back as one: its largest image is the same.

    Args:
        path: a ``.pth`` or ``.safetensors`` file with a generator's ``state_dict``, under our names
            or the ones that ``dcgan.translate_names`` knows; or the ``last.safetensors`` of a
            training run, whose averaged generator is then taken.

    Raises:
        CourseError: if the file is missing, damaged, of another architecture, or not plain tensors.
    """
    tensors = read_tensors(path)
    for prefix in ("ema.", "generator."):
        part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        if part:
            tensors = part
            break
    tensors = translate_names(tensors)
    generator = _generator_like(tensors, path)
    if not all(bool(v.isfinite().all()) and not v.is_complex() for v in tensors.values()):
        raise CourseError(f"{path} holds weights that are no finite numbers. Take an earlier one.")
    generator.load_state_dict(tensors)
    return generator.eval()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file by name, without running any code that the file may carry."""
    path = typed_path(path)
    if why_no_file(path):
        raise CourseError(f"the checkpoint {path} {why_no_file(path)}. Name a file with weights.")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            looks_like_zip = file.read(2) == b"PK"
        if looks_like_zip:
            with zipfile.ZipFile(path) as archive:  # torch never packs: a packed one is a trap
                if sum(entry.file_size for entry in archive.infolist()) > size:
                    raise ValueError("it unpacks to more than it is")
            content = torch.load(path, map_location="cpu", weights_only=True)
        else:
            content = safetensors.torch.load_file(path)
    except OSError as error:
        raise CourseError(f"the checkpoint {path} cannot be read: {one_line(error)}.") from error
    except Exception as error:  # a damaged file can fail anywhere in either reader
        raise CourseError(
            f"{path} is not a checkpoint of this course: it is damaged, cut short, or holds more "
            f"than tensors, and was not loaded."
        ) from error
    if not isinstance(content, dict) or not content:
        raise CourseError(f"{path} holds no tensors by name, so no weights. Name another file.")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise CourseError(f"{path} holds more than named tensors, so it was not loaded.")
    plain = [v for v in content.values() if v.layout == torch.strided and v.device.type == "cpu"]
    # One number that is repeated by a stride of 0 can claim any shape, and any memory later.
    if len(plain) < len(content) or sum(v.nbytes for v in plain) > size:
        raise CourseError(f"{path} claims more numbers than it holds, so it was not loaded.")
    return content


def remove_half_fetched(pattern: str) -> str:
    """Weights in torch's own folder that cannot be read to their end, which it would take for whole
    at each try. Returns a sentence if there were any, else an empty text.

    Args:
        pattern: of the file's name, such as ``vgg19-*.pth``.
    """
    removed = []
    for path in Path(torch.hub.get_dir(), "checkpoints").glob(pattern):
        try:
            torch.load(path, map_location="meta", weights_only=True)
        except Exception:  # a damaged file can fail anywhere
            with contextlib.suppress(OSError):
                path.unlink()
                removed.append(str(path))
    return f" {', '.join(removed)} was only half there, and was removed." if removed else ""


def _generator_like(tensors: dict[str, Tensor], path: Path) -> Generator:
    """An untrained generator of the shape that the tensors have."""
    wrong = CourseError(
        f"{path} holds weights of another architecture than DCGANGenerator, SAGANGenerator, "
        f"R3GANGenerator and ProGANGenerator, so it was not loaded."
    )
    kind = _dcgan_of
    if "blocks.0.first.weight" in tensors:
        kind = _r3gan_of
    elif any(name.startswith("blocks.0.conv.") for name in tensors):
        kind = _sagan_of
    elif "to_images.0.weight" in tensors:
        kind = _progan_of
    try:
        build = kind(tensors)
        with torch.device("meta"):  # shapes without memory: a made-up file may claim any size
            expected = {k: v.shape for k, v in build().state_dict().items()}
    except (LookupError, ValueError, ArithmeticError, RuntimeError) as error:
        raise wrong from error
    if expected != {k: v.shape for k, v in tensors.items()}:
        raise wrong
    return build()


def _dcgan_of(tensors: dict[str, Tensor]) -> Callable[[], DCGANGenerator]:
    """What builds it. Raises LookupError, ValueError or ArithmeticError on odd tensors."""
    if "stem.1.weight" in tensors:
        stem, latent_dim = "conv", tensors["stem.1.weight"].shape[0]
    else:
        stem = "linear" if "stem.2.weight" in tensors else "plain"
        latent_dim = tensors["stem.0.weight"].shape[1]
    base_channels, image_channels = tensors["to_image.0.weight"].shape[:2]
    choices = (_image_size(tensors), image_channels, latent_dim, base_channels, stem)
    return lambda: DCGANGenerator(*choices)


def _r3gan_of(tensors: dict[str, Tensor]) -> Callable[[], R3GANGenerator]:
    """The same for an R3GANGenerator."""
    image_channels, base_channels = tensors["to_image.weight"].shape[:2]
    blocks = len({name.split(".")[1] for name in tensors if name.startswith("blocks.")})
    size = 4 * 2 ** min(blocks // 2 + 1, 10)  # residual blocks, and between them resizes
    choices = (size, image_channels, tensors["stem.0.weight"].shape[1], base_channels)
    return lambda: R3GANGenerator(*choices)


def _sagan_of(tensors: dict[str, Tensor]) -> Callable[[], SAGANGenerator]:
    """The same for a SAGANGenerator."""
    wrapped = ".parametrizations.weight.original"  # how a name goes on under spectral norm
    spectral_norm = any(wrapped in name for name in tensors)
    shapes = {name.replace(wrapped, ".weight"): tensor.shape for name, tensor in tensors.items()}
    base_channels, image_channels = shapes["to_image.0.weight"][:2]
    choices = {
        "image_size": _image_size(tensors),
        "image_channels": image_channels,
        "latent_dim": shapes["stem.0.weight"][1],
        "base_channels": base_channels,
        "spectral_norm": spectral_norm,
        "num_classes": shapes.get("stem_norm.gain.weight", [0])[0],
        "attention_at": None,
    }
    if "attention.gamma" in shapes:
        # Each doubling of the map halves its channels, and the last map is half as high as the
        # image: so the channels that attention looks at say how high its map is.
        channels = shapes["attention.query.weight"][1]
        choices["attention_at"] = base_channels * choices["image_size"] // (2 * channels)
        choices["value_channels"] = shapes["attention.value.weight"][0]
        choices["pool"] = bool(tensors["attention_pool"].item())
    return lambda: SAGANGenerator(**choices)


def _progan_of(tensors: dict[str, Tensor]) -> Callable[[], ProGANGenerator]:
    """The same for a ProGANGenerator."""
    images = [name for name in tensors if re.fullmatch(r"to_images\.\d+\.weight", name)]
    image_size = 4 * 2 ** (min(len(images), 10) - 1)
    image_channels, base_channels = tensors[f"to_images.{len(images) - 1}.weight"].shape[:2]
    choices = (image_size, image_channels, tensors["stem.1.weight"].shape[1], base_channels)
    return lambda: ProGANGenerator(*choices)


def _image_size(tensors: dict[str, Tensor]) -> int:
    blocks = len({name.split(".")[1] for name in tensors if name.startswith("blocks.")})
    size = 4 * 2 ** min(blocks + 1, 10)
    if size not in IMAGE_SIZES:
        raise ValueError(f"no generator has {blocks} blocks")
    return size
