"""Every source of images ends as (N, C, H, W) in [-1, 1], or in a sentence that helps."""

import gzip
import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_course.data import ImageSet, default_image_size, image_grid, load_images, to_uint8
from gan_course.data.images import to_floats
from gan_course.errors import CourseError

REAL_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


def test_digits_are_the_1797_real_ones(digits):
    assert len(digits) == 1797 and digits.shape == (1, 32, 32)
    assert digits.pixels.dtype == torch.uint8
    assert torch.bincount(digits.labels).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    # the strokes keep away from the edge, and use the whole range of grey
    assert digits.pixels[:, :, 0].float().mean() < 5
    assert digits.pixels.amax() == 255 and digits.pixels.amin() == 0


def test_enlarging_keeps_the_picture(digits):
    """Made small again, a digit is what scikit-learn has."""
    from sklearn.datasets import load_digits

    original = torch.tensor(load_digits().images[:100]).float() / 16
    enlarged = digits.take(torch.arange(100))[:, 0]
    small = torch.nn.functional.interpolate(
        enlarged[:, None], size=(10, 10), mode="bilinear", antialias=True
    )[:, 0, 1:-1, 1:-1]
    correlation = np.corrcoef(small.flatten(), original.flatten())[0, 1]
    assert correlation > 0.97


@pytest.mark.parametrize("size", [16, 64])
def test_other_sizes(size):
    assert load_images("digits", size).shape == (1, size, size)


def test_batches_are_floats_in_range_each_image_once(digits):
    seen = torch.zeros(0, 1, 32, 32)
    for batch in digits.batches(100, seed=0, epoch=0):
        assert batch.shape == (100, 1, 32, 32) and batch.dtype == torch.float32
        assert batch.min() >= -1 and batch.max() <= 1
        seen = torch.cat([seen, batch])
    assert len(seen) == 1700  # the last 97 would be a ragged batch
    assert len(torch.unique(to_uint8(seen).flatten(1), dim=0)) >= 1690


def test_order_depends_on_seed_and_epoch_alone_and_can_start_anywhere(digits):
    def order(**arguments):
        return list(digits.batches(200, **arguments))

    first = order(seed=1, epoch=2)
    torch.rand(5)  # the global generator has no say
    again = order(seed=1, epoch=2, start=3)
    assert all(torch.equal(a, b) for a, b in zip(first[3:], again, strict=True))
    assert not torch.equal(first[0], order(seed=1, epoch=3)[0])
    assert not torch.equal(first[0], order(seed=2, epoch=2)[0])


def test_batch_sizes_that_cannot_work(digits):
    with pytest.raises(CourseError, match="1797"):
        digits.batches_per_epoch(2000)
    with pytest.raises(CourseError, match="at least 2"):
        digits.batches_per_epoch(1)


def make_folder(folder):
    """Pictures of many kinds: sizes, modes, endings, a subfolder."""
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i, (name, mode, size) in enumerate(
        [
            ("a.png", "RGB", (40, 30)),
            ("b.jpg", "RGB", (16, 64)),
            ("c.webp", "RGB", (32, 32)),
            ("sub/d.PNG", "L", (20, 20)),
            ("sub/e.png", "RGBA", (33, 31)),
            ("f.gif", "P", (18, 18)),
            ("g.tif", "CMYK", (25, 35)),
            ("h.png", "I;16", (24, 24)),
        ]
    ):
        values = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        image = Image.fromarray(values)
        if mode == "I;16":
            image = Image.fromarray(np.full((size[1], size[0]), 1000 * i, dtype=np.uint16))
        elif mode != "RGB":
            image = image.convert(mode)
        image.save(folder / name)
    return folder


def test_folder_takes_every_kind_of_picture(tmp_path):
    images = load_images(f"folder:{make_folder(tmp_path / 'pictures')}", 16)
    assert len(images) == 8 and images.shape == (3, 16, 16) and images.skipped == []
    assert default_image_size("folder:x") == 64


def test_subfolders_are_classes_only_if_all_images_lie_in_them(tmp_path):
    for name in ("dog/a.png", "cat/b.png", "cat/deep/c.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    images = load_images(f"folder:{tmp_path}", 16)
    assert images.labels.tolist() == [0, 0, 1]  # cat/b, cat/deep/c, dog/a
    assert load_images(f"folder:{tmp_path / 'cat'}", 16).labels is None
    Image.new("RGB", (8, 8)).save(tmp_path / "beside.png")
    assert load_images(f"folder:{tmp_path}", 16).labels is None


def test_broken_files_are_named_and_skipped_and_nothing_changes(tmp_path):
    folder = make_folder(tmp_path / "pictures")
    (folder / "broken.png").write_bytes(b"no picture at all")
    (folder / "cut.jpg").write_bytes((folder / "b.jpg").read_bytes()[:-200])
    (folder / "empty.png").touch()
    Image.new("RGB", (2, 2)).save(folder / "tiny.png")
    (folder / "notes.txt").write_text("not looked at")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.warns(UserWarning, match="4 files"):
        images = load_images(f"folder:{folder}", 16)
    assert len(images) == 8
    names = " ".join(images.skipped)
    assert all(n in names for n in ("broken.png", "cut.jpg", "empty.png", "tiny.png: only 2x2"))
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_folders_that_cannot_be_used(tmp_path):
    (tmp_path / "file.png").touch()
    (tmp_path / "none").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"x")
    for folder, words in (
        ("missing", "does not exist"),
        ("file.png", "is a file"),
        ("none", "holds no images"),
    ):
        with pytest.raises(CourseError, match=words):
            load_images(f"folder:{tmp_path / folder}")
    with pytest.warns(UserWarning), pytest.raises(CourseError, match="none of the 1 images"):
        load_images(f"folder:{tmp_path / 'bad'}")


def test_transparent_is_white_and_crop_is_the_middle(tmp_path):
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    wide = Image.new("RGB", (48, 16), "black")
    wide.paste("white", (16, 0, 32, 16))
    wide.save(tmp_path / "wide.png")
    pixels = load_images(f"folder:{tmp_path}", 16).pixels
    assert (pixels == 255).all()


@pytest.mark.parametrize(
    ("name", "kind", "scale"),
    [("x.png", np.uint16, 65535), ("x.tif", np.int32, 65535), ("f.tif", np.float32, 1)],
)
def test_grey_with_many_levels_keeps_its_shades(name, kind, scale, tmp_path):
    """Pillow's own conversion turns nearly all of a 16-bit picture white."""
    ramp = np.tile(np.linspace(0, 1, 16), (16, 1))
    Image.fromarray((ramp * scale).astype(kind)).save(tmp_path / name)
    pixels = load_images(f"folder:{tmp_path}", 16).pixels
    assert np.abs(pixels[0, 0, 3].numpy() - ramp[0] * 255).max() <= 1


def test_a_colour_declared_transparent_is_white_too(tmp_path):
    Image.new("RGB", (16, 16), "red").save(tmp_path / "x.png", transparency=(255, 0, 0))
    assert (load_images(f"folder:{tmp_path}", 16).pixels == 255).all()


def test_the_cameras_note_is_followed_and_a_broken_one_ignored(tmp_path):
    picture = Image.new("RGB", (16, 16), "black")
    picture.paste("white", (0, 0, 16, 8))
    exif = picture.getexif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "a.png", exif=exif)
    picture.save(
        tmp_path / "b.png", exif=exif.tobytes().replace(b"MM", b"XX").replace(b"II", b"XX")
    )
    upside_down, as_it_lies = load_images(f"folder:{tmp_path}", 16).pixels
    assert upside_down[0, 0, 0] == 0 and upside_down[0, 15, 0] == 255
    assert as_it_lies[0, 0, 0] == 255 and as_it_lies[0, 15, 0] == 0


@settings(max_examples=60)
@given(
    ending=st.sampled_from(["png", "jpg", "webp", "bmp", "gif", "tif"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0.1, 1),
)
def test_a_damaged_file_never_stops_the_others(ending, changes, keep, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    Image.new("RGB", (16, 16)).save(folder / "good.png")
    picture = Image.effect_noise((20, 24), 90).convert("RGB")
    picture.save(folder / f"bad.{ending}")
    content = bytearray((folder / f"bad.{ending}").read_bytes())
    for place, value in changes:
        content[int(place**2 * (len(content) - 1))] = value
    (folder / f"bad.{ending}").write_bytes(content[: int(keep * len(content))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = load_images(f"folder:{folder}", 16)
    assert len(images) + len(images.skipped) == 2 and len(images) >= 1


def test_only_files_are_opened(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "x.png")
    (tmp_path / "folder.png").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")  # whoever opens it waits for ever
    images = load_images(f"folder:{tmp_path}", 16)
    assert len(images) == 1 and images.skipped == []


def test_a_folder_without_permission_is_named(tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    if os.access(tmp_path / "locked", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(CourseError, match="Permission denied"):
        load_images(f"folder:{tmp_path / 'locked'}")


def test_a_picture_that_vanishes_during_training_is_named(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "x.png")
    images = load_images(f"folder:{tmp_path}", 16, memory_budget=1)
    assert images.take(torch.tensor([0, 0])).shape == (2, 3, 16, 16)
    (tmp_path / "x.png").unlink()
    with pytest.raises(CourseError, match=r"x\.png could be read when .*No such file"):
        images.take(torch.tensor([0]))


def test_a_set_that_does_not_fit_is_read_from_disk_and_gives_the_same_batches(tmp_path):
    name = f"folder:{make_folder(tmp_path / 'pictures')}"
    here = load_images(name, 16)
    there = load_images(name, 16, memory_budget=100)
    assert here.pixels is not None and there.pixels is None
    pairs = zip(here.batches(3, 0, 0), there.batches(3, 0, 0), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "celeba"])
def test_offline_the_sentence_names_cause_flag_and_way_out(name, tmp_path, monkeypatch):
    import torchvision.datasets

    def no_network(*arguments, **named):
        raise OSError("Network is unreachable")

    kinds = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10"}
    kind = kinds.get(name, "CelebA")
    monkeypatch.setattr(getattr(torchvision.datasets, kind), "download", no_network)
    with pytest.raises(CourseError) as caught:
        load_images(name, root=tmp_path)
    for word in (name, str(tmp_path), "Network is unreachable", "--data-root", "--dataset digits"):
        assert word in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_the_cause_is_told_not_only_that_there_is_one(tmp_path, monkeypatch):
    """torchvision's message has several lines, and the cause is not on the first."""
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(CourseError, match="Connection refused"):
        load_images("mnist", root=tmp_path)


def test_a_torchvision_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(CourseError, match=r"torchvision, which reads mnist.*--dataset digits"):
        load_images("mnist")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(CourseError, match=r"'cats'.*digits, mnist"):
        load_images("cats")


@pytest.mark.parametrize("zipped", [True, False])
def test_real_mnist_files_are_read(zipped, tmp_path, monkeypatch):
    source = REAL_DATA / "MNIST" / "raw"
    if not source.is_dir():
        pytest.skip("real MNIST files are not at hand")
    import torchvision.datasets as datasets

    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in source.glob("t10k-*.gz"):
        if zipped:
            shutil.copy(file, raw)
        else:
            (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))

    # nothing listens there: no network in this test
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.warns(UserWarning, match="10,000 images"):
        images = load_images("mnist", root=tmp_path)
    assert len(images) == 10_000 and images.shape == (1, 32, 32)
    assert images.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_real_photographs_are_read(tmp_path):
    archive = REAL_DATA / "cifar10-train-jpeg.tar.gz"
    if not archive.is_file():
        pytest.skip("the real photographs are not at hand")
    import tarfile

    with tarfile.open(archive) as tar:
        members = [m for m, _ in zip((m for m in tar if m.isfile()), range(50), strict=False)]
        tar.extractall(tmp_path, members=members, filter="data")
    images = load_images(f"folder:{tmp_path}", 32)
    assert len(images) == 50 and images.shape == (3, 32, 32)
    assert images.pixels.float().std() > 30


@given(st.lists(st.integers(0, 255), min_size=1, max_size=20))
def test_uint8_survives_the_way_to_floats_and_back(values):
    pixels = torch.tensor(values, dtype=torch.uint8)
    floats = to_floats(pixels)
    assert floats.min() >= -1 and floats.max() <= 1
    assert torch.equal(to_uint8(floats), pixels)


def test_to_uint8_rounds_and_clips():
    assert to_uint8(torch.tensor([-9.0, -1, 0, 1, 9])).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(("count", "columns", "shape"), [(5, 3, (14, 20)), (2, 8, (8, 14))])
def test_image_grid_puts_each_image_in_its_place(count, columns, shape):
    images = torch.arange(count).reshape(count, 1, 1, 1).expand(-1, 1, 4, 4).to(torch.uint8)
    grid = image_grid(images, columns)
    assert grid.shape == shape and grid.dtype == np.uint8
    for i in range(count):
        row, column = divmod(i, min(columns, count))
        top, left = 2 + 6 * row, 2 + 6 * column
        assert (grid[top : top + 4, left : left + 4] == i).all()
    assert grid[0, 0] == 255 and (grid[1] == 255).all()


def test_image_grid_of_colours_and_of_nonsense():
    assert image_grid(torch.zeros(4, 3, 8, 8), 2).shape == (22, 22, 3)
    for bad in (torch.zeros(0, 1, 4, 4), torch.zeros(1, 4, 4), torch.zeros(1, 2, 4, 4)):
        with pytest.raises(ValueError, match="shape"):
            image_grid(bad)


def test_image_set_is_small_to_make():
    pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    assert len(ImageSet("zeros", (1, 8, 8), 4, pixels=pixels)) == 4


def test_loading_digits_needs_no_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert len(load_images("digits", 16)) == 1797


@pytest.mark.parametrize("on_disk", [False, True])
def test_labels_come_beside_the_images_that_they_belong_to(digits, on_disk):
    images = digits
    if on_disk:
        images = ImageSet("x", digits.shape, len(digits), read=lambda i: digits.pixels[i])
        images.labels = digits.labels
    rows = torch.arange(0, 200, 2)
    where = {"seed": 3, "epoch": 1, "start": 2, "rows": rows}
    plain = list(images.batches(200, **where))
    labelled = list(images.labelled_batches(200, **where))
    assert len(plain) == len(labelled) == 1797 // 200 - 2
    by_pixels = {p.numpy().tobytes(): int(y) for p, y in zip(digits.pixels, digits.labels)}  # noqa: B905
    for images_alone, (images_beside, labels) in zip(plain, labelled, strict=True):
        assert torch.equal(images_alone, images_beside)
        assert labels.shape == (100,) and labels.dtype == torch.int64
        assert labels.tolist() == [by_pixels[p.numpy().tobytes()] for p in to_uint8(images_beside)]
    assert images.num_classes == 10
