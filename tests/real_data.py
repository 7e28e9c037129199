"""Real images, where they are at hand: MNIST's test split beside the checkout, or in data/ after a
download; CIFAR-10's training images as an archive of JPEG files in ten folders."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.datasets import MNIST

from gan_course.data import ImageSet, load_images
from gan_course.data.pictures import to_square

FOLDERS = [Path(__file__).parents[2] / "shared" / "data", Path(__file__).parents[1] / "data"]


def copy_of_mnist(folder: Path) -> Path:
    """``folder`` with the four files in it, or the test is skipped."""
    for source in FOLDERS:
        files = list((source / "MNIST" / "raw").glob("t10k-*"))
        if files:
            raw = folder / "MNIST" / "raw"
            raw.mkdir(parents=True)
            for file in files:
                shutil.copy(file, raw)
            return folder
    pytest.skip("MNIST's test split is not at hand; --dataset mnist fetches it into data/")


def real_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    """The 10,000 images with their labels, at 32x32; nothing is fetched."""
    root = copy_of_mnist(folder)
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])  # nothing listens there
    with pytest.warns(UserWarning, match="10,000 images"):
        return load_images("mnist", 32, root)


def real_photographs(rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Those of CIFAR-10's 50,000 training images, in the order of their paths, with their classes:
    floats (N, 3, 32, 32) in [-1, 1], and (N,). Or the test is skipped."""
    for source in FOLDERS:
        archive = source / "cifar10-train-jpeg.tar.gz"
        if not archive.is_file():
            continue
        with tarfile.open(archive) as tar:
            paths = sorted(m.name for m in tar.getmembers() if m.name.endswith(".jpg"))
            classes = sorted({path.split("/")[-2] for path in paths})
            wanted, images = {paths[row] for row in rows}, {}
            for member in tar:
                if member.name in wanted:
                    picture = Image.open(io.BytesIO(tar.extractfile(member).read()))
                    images[member.name] = to_square(picture, 32, 3)
        pixels = torch.stack([images[paths[row]] for row in rows])
        labels = [classes.index(paths[row].split("/")[-2]) for row in rows]
        return pixels / 127.5 - 1, torch.tensor(labels)
    pytest.skip("CIFAR-10's images are not at hand beside the checkout")
