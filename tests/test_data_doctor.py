"""A folder with every kind of bad file: each is named, nothing stops, nothing on disk changes."""

import os
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from gan_course.data import load_images
from gan_course.data.doctor import FolderDoctor
from gan_course.data.duplicates import difference_hash, first_of_each, small_copy
from gan_course.errors import CourseError
from gan_course.files import shown
from gan_course.training import TrainConfig, Trainer


def noisy(seed, size=(48, 40), mode="RGB"):
    values = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).convert(mode)


def bad_folder(folder):
    """Six good images and the bad files; returns what must be said of each of these."""
    folder.mkdir()
    for i in range(6):
        noisy(i).save(folder / f"good{i}.{('png', 'jpg', 'webp')[i % 3]}")
    png = (folder / "good0.png").read_bytes()
    jpg = (folder / "good1.jpg").read_bytes()
    webp = (folder / "good2.webp").read_bytes()
    bomb = bytearray(png)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # the header claims 3.6 billion pixels
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    swapped = bytearray(png)
    swapped[len(png) // 2] ^= 0xFF
    contents = {
        "empty.png": (b"", "0 bytes"),
        "cut.jpg": (jpg[: len(jpg) // 2], "cut short or damaged"),
        "cut.png": (png[: len(png) // 2], "cut short or damaged"),
        "cut.webp": (webp[: len(webp) // 2], "cut short or damaged"),
        "flipped.png": (bytes(swapped), "cut short or damaged"),
        "bomb.png": (bytes(bomb), "far too many pixels"),
        "notes.png": (b"buy milk\n", "not an image, but text"),
        "page.jpg": (b"<!DOCTYPE html><html>404</html>", "a web page"),
        "pointer.png": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        "paper.jpeg": (b"%PDF-1.7\n\x00", "a PDF document"),
        "drawing.png": (b'<?xml version="1.0"?><svg></svg>', "XML or SVG"),
        "archive.gif": (b"PK\x03\x04\x00\x00", "a zip archive"),
        "phone.jpg": (b"\x00\x00\x00\x1cftypheic" + b"\x00" * 60, "HEIC"),
        "iphone.jpg": (b"\x00\x00\x00\x28ftypheic" + b"\x00" * 60, "HEIC"),
        "liste.png": ("Äpfel, Öl\n".encode() * 9, "not an image, but text"),
        "login.jpg": (b"\xef\xbb\xbf<html>", "a web page"),
        "lost_power.jpg": (bytes(4000), "zeros"),
        "._photo.jpg": (b"\x00\x05\x16\x07\x00\x02", "helper file of macOS"),
        "two\nlines\x1b[31m.png": (b"", "0 bytes"),
        "rubbish.bmp": (bytes(range(256)) * 4, "not an image, or damaged"),
    }
    said = {}
    for name, (content, words) in contents.items():
        (folder / name).write_bytes(content)
        said[name] = words
    Image.new("RGB", (2, 90)).save(folder / "tiny.png")
    said["tiny.png"] = "only 2x90 pixels"
    (folder / "inside.png").mkdir()
    said["inside.png"] = "a folder, not a file"
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    said["lost.png"] = "leads nowhere"
    (folder / "round.jpg").symlink_to(folder / "round.jpg")
    said["round.jpg"] = "leads nowhere|symbolic links"
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")  # whoever opens it waits for ever
        said["pipe.png"] = "a pipe"
    (folder / "readme.txt").write_text("passed over")
    return said


def contents_of(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


def test_ten_kinds_of_bad_file_are_named_and_training_goes_on(tmp_path):
    folder = tmp_path / "pictures"
    said = bad_folder(folder)
    assert len(said) >= 17
    before = contents_of(folder)
    report = FolderDoctor(folder).look().report()
    problems = {str(seen.path): seen.problem for seen in report.bad}
    assert problems.keys() == said.keys()
    for name, words in said.items():
        assert any(w in problems[name] for w in words.split("|")), (name, problems[name])
        assert f"  bad: {shown(name)}: " in report.text()
    assert {str(seen.path) for seen in report.good} == {p.name for p in folder.glob("good*")}
    assert report.others == {".txt": 1}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            TrainConfig(
                dataset=f"folder:{folder}",
                model="r3gan",
                image_size=16,
                batch_size=2,
                base_channels=2,
                latent_dim=4,
                num_epochs=1,
                augment="all",
                device="cpu",
                output_dir=None,
            )
        ).fit(progress=False)
    assert len(trainer.images) == 6 and trainer.step == 3
    assert contents_of(folder) == before


def test_what_the_doctor_calls_good_is_what_is_trained_on(tmp_path):
    folder = tmp_path / "pictures"
    bad_folder(folder)
    noisy(0).save(folder / "zz_again.jpg", quality=60)  # good0.png in another format
    noisy(1, (96, 80)).save(folder / "zz_larger.png")
    report = FolderDoctor(folder).look().report()
    assert [(str(a), str(b)) for a, b in report.copies] == [
        ("zz_again.jpg", "good0.png"),
        ("zz_larger.png", "good1.jpg"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for drop in (False, True):
            images = load_images(f"folder:{folder}", 16, drop_duplicates=drop)
            assert len(images) == len(images.pixels) == report.usable(drop)
        on_disk = load_images(f"folder:{folder}", 16, memory_budget=1, drop_duplicates=True)
    assert torch.equal(on_disk.take(torch.arange(6)), images.take(torch.arange(6)))


def test_odd_but_good_files_are_noted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    noisy(0, (60, 40)).save(tmp_path / "turned.jpg", exif=exif)
    noisy(1, mode="CMYK").save(tmp_path / "press.jpg")
    noisy(2, mode="RGBA").save(tmp_path / "clear.png")
    noisy(3).save(tmp_path / "gif.gif", save_all=True, append_images=[noisy(4), noisy(5)])
    noisy(6, (200, 30)).save(tmp_path / "long.png")
    noisy(7).save(tmp_path / "really.png", format="JPEG")
    Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40).save(
        tmp_path / "deep.png"
    )
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    report = FolderDoctor(tmp_path).look().report()
    notes = {str(seen.path): seen.notes for seen in report.good}
    for name, words in (
        ("turned.jpg", "turned as the camera noted"),
        ("press.jpg", "CMYK colours"),
        ("clear.png", "transparent, put on white"),
        ("gif.gif", "3 frames, only the first"),
        ("long.png", "only its middle square"),
        ("really.png", "called .png, but inside it is JPEG"),
        ("deep.png", "more than 256 levels"),
        ("red.png", "blank: one colour only"),
    ):
        assert [n for n in notes[name] if words in n], (name, notes[name])
    turned = next(seen for seen in report.good if str(seen.path) == "turned.jpg")
    assert (turned.width, turned.height) == (40, 60) and not report.bad


def test_a_large_folder_is_sampled_and_looked_at_in_parts(tmp_path):
    for i in range(40):
        noisy(i, (8, 8)).save(tmp_path / f"{i:02}.png")
    doctor = FolderDoctor(tmp_path, limit=10)
    assert (doctor.total, len(doctor.files)) == (40, 10)
    for parts in range(1, 11):
        assert len(doctor.look(seconds=0).seen) == parts
    assert doctor.finished and len(doctor.look().seen) == 10
    assert "a sample of 40" in doctor.report().text()
    assert doctor.report().expected() == 40
    assert doctor.files == FolderDoctor(tmp_path, limit=10).files
    assert doctor.files != FolderDoctor(tmp_path, limit=10, seed=1).files


@pytest.mark.parametrize(
    ("count", "size", "advised", "words"),
    [
        (0, 40, 32, "0 usable images are too few"),
        (5, 40, 32, "5 usable images are too few"),
        (30, 40, 32, "30 images are few"),
        (30, 100, 64, "hardly any image gets enlarged"),
        (30, 200, 64, "128x128 wants 2,000"),
    ],
)
def test_advice(count, size, advised, words, tmp_path):
    for i in range(count):
        noisy(i, (size, size + 10)).save(tmp_path / f"{i:02}.png")
    report = FolderDoctor(tmp_path).look().report()
    assert report.image_size() == advised
    assert words in " ".join(report.advice())
    assert report.text()


def test_the_command_is_one_that_the_trainer_takes(tmp_path):
    import shlex

    import tyro

    for i in range(20):
        noisy(i % 18).save(tmp_path / f"{i:02}.png")
    command = FolderDoctor(tmp_path).look().report().command()
    assert "--drop-duplicates" in command and "--adaptive-augment" in command
    arguments = shlex.split(command)[2:]
    config = tyro.cli(TrainConfig, args=arguments)
    assert config.dataset == f"folder:{tmp_path}" and config.model == "r3gan"
    assert config.drop_duplicates and config.augment == "all"


def test_classes_and_their_spread(tmp_path):
    for name, count in (("cat", 20), ("dog", 2)):
        (tmp_path / name).mkdir()
        for i in range(count):
            noisy(100 * count + i).save(tmp_path / name / f"{i}.png")
    report = FolderDoctor(tmp_path).look().report()
    assert report.classes == {"cat": 20, "dog": 2}
    assert "The class 'dog' is rare (2 images)" in " ".join(report.advice())
    assert all(0 < seen.brightness < 1 for seen in report.good)


def test_folders_that_cannot_be_looked_at(tmp_path):
    with pytest.raises(CourseError, match="does not exist"):
        FolderDoctor(tmp_path / "missing")
    (tmp_path / "x.png").touch()
    with pytest.raises(CourseError, match="is a file"):
        FolderDoctor(tmp_path / "x.png")


# ---- duplicates -------------------------------------------------------------------------------


def pixels_of(image):
    return torch.tensor(np.asarray(image.convert("RGB")).transpose(2, 0, 1).copy())


@pytest.mark.parametrize("seed", range(6))
def test_format_size_and_light_make_a_duplicate_and_a_stroke_does_not(seed, tmp_path):
    picture = noisy(seed, (64, 64))
    picture.save(tmp_path / "x.jpg", quality=40)
    plain = pixels_of(picture)
    lighter = (plain.float() * 0.9 + 20).to(torch.uint8)
    larger = pixels_of(picture.resize((150, 150)))
    jpeg = pixels_of(Image.open(tmp_path / "x.jpg"))
    stroke = plain.clone()
    stroke[:, 20:30, 8:56] = 255
    others = [jpeg, lighter, larger, stroke, plain.flip(2), pixels_of(noisy(seed + 50, (64, 64)))]
    found = first_of_each([small_copy(p) for p in (plain, *others)])
    assert found == [0, 0, 0, 0, 4, 5, 6]
    bits = difference_hash(small_copy(plain))
    assert bits.shape == (256,) and bits.dtype == bool


def test_no_two_digits_are_taken_for_the_same():
    digits = load_images("digits", 64).pixels[:600]
    found = first_of_each([small_copy(p) for p in digits])
    assert sum(i != k for i, k in enumerate(found)) <= 3


def test_the_first_of_each_group_is_kept():
    """Against the definition in a loop."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (50, 16, 17))
    noise = rng.normal(0, 5, (200, 16, 17))
    copies = list((base[rng.integers(0, 50, 200)] + noise).clip(0, 255).astype(np.uint8))
    by_hand, kept = [], []
    for i, copy in enumerate(copies):
        near = [
            k
            for k in kept
            if (difference_hash(copies[k]) != difference_hash(copy)).sum() <= 26
            and np.corrcoef(copies[k].flatten(), copy.flatten())[0, 1] >= 0.995
        ]
        by_hand.append(near[0] if near else i)
        if not near:
            kept.append(i)
    assert first_of_each(copies) == by_hand and 40 < len(kept) < 100
    assert first_of_each([]) == [] and first_of_each(copies[:1]) == [0]


def test_names_of_any_bytes_can_be_printed(tmp_path):
    name = os.fsdecode(b"caf\xe9\n.png")
    try:
        (tmp_path / name).write_bytes(b"")
    except OSError:
        pytest.skip("this disk takes no such names")
    noisy(0).save(tmp_path / "good.png")
    noisy(0).save(tmp_path / os.fsdecode(b"gut\xe9.png"))
    report = FolderDoctor(tmp_path).look().report()
    text = report.text()
    text.encode("utf-8")  # as a notebook and a terminal do
    assert r"bad: caf\udce9\n.png: an empty file" in text
    assert r"near-duplicate: gut\udce9.png of good.png" in text
    with pytest.warns(UserWarning, match="1 files in .* were skipped") as said:
        load_images(f"folder:{tmp_path}", 16)
    str(said[0].message).encode("utf-8")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open all")
def test_what_may_not_be_opened_is_named(tmp_path):
    noisy(0).save(tmp_path / "good.png")
    for name in ("secret.png", "locked"):
        (tmp_path / name).mkdir() if name == "locked" else (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(0)
    try:
        problems = {str(s.path): s.problem for s in FolderDoctor(tmp_path).look().report().bad}
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert "Permission denied" in problems["secret.png"]
    assert problems["locked"] == "a folder that may not be opened"


def test_blank_ones_are_named_and_photos_in_other_formats_are_counted(tmp_path):
    noisy(0).save(tmp_path / "good.png")
    Image.new("RGB", (60, 60), "white").save(tmp_path / "white.png")
    (tmp_path / "a.HEIC").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    for i in range(20):
        noisy(i + 1).save(tmp_path / f"more{i}.png")
    text = FolderDoctor(tmp_path).look().report().text()
    assert "1 of one colour only: white.png. Take them out." in text
    assert "1 of these are photos: save them as JPEG or PNG" in text
