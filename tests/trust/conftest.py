"""What a careless or a hostile hand is given: small runs of every model, pictures, old results."""

import json
import os
import pickle
import shutil
import zipfile
import zlib

import numpy as np
import pytest
import torch
from long_form import LONG
from PIL import Image
from safetensors.torch import save_file

from gan_course.models import DCGANDiscriminator, DCGANGenerator, R3GANGenerator, SAGANGenerator
from gan_course.models.weights import save_generator
from gan_course.training import TrainConfig, Trainer

TINY = {"dataset": "digits", "num_epochs": 1, "base_channels": 2, "latent_dim": 4}
TINY |= {"batch_size": 256, "image_size": 16, "device": "cpu"}


SAMPLE = 9  # in `make test`, one case in so many; `make trust` takes all


def is_long(item):
    """It would only be skipped here, and say so."""
    marks = item.iter_markers("skipif")
    return any("`make trust`" in mark.kwargs.get("reason", "") for mark in marks)


@pytest.hookimpl(tryfirst=True)  # before ``-m`` chooses
def pytest_collection_modifyitems(items):
    """Of the many cases of bad input a sample, the same each time."""
    for item in items:
        if item.path.parent.name == "trust":
            item.add_marker("trust")
    if LONG:
        return
    items[:] = [item for item in items if not is_long(item)]
    mine = [item for item in items if item.path.name.startswith("test_bad_")]
    left_out = {id(item) for i, item in enumerate(mine) if i % SAMPLE and "[" in item.name}
    items[:] = [item for item in items if id(item) not in left_out]


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """A folder that the tests of this house copy from, and never write into."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "old.png").write_bytes(b"an older picture that somebody wants to keep")
    (folder / "old.json").write_text('{"kept": true}')
    (folder / "empty").mkdir()
    (folder / "a folder.png").mkdir()
    (folder / "a folder.json").mkdir()
    (folder / "file").write_text("a file, and no folder")
    Trainer(TrainConfig(**TINY, output_dir=str(folder / "run"))).fit(progress=False)
    torch.manual_seed(0)
    sagan = SAGANGenerator(32, 1, 4, 4, attention_at=None, num_classes=3).eval()
    save_generator(sagan, folder / "sagan.safetensors")
    save_generator(R3GANGenerator(16, 3, 4, 4).eval(), folder / "r3gan.pth")
    save_generator(DCGANGenerator(16, 1, 4, 2).eval(), folder / "dcgan.safetensors")
    shutil.copy(folder / "dcgan.safetensors", folder / "weights.json")
    save_generator(DCGANGenerator(16, 1, 4, 2).eval(), folder / "größe und ähnlich 画像.pth")
    make_checkpoints(folder / "bad")
    make_pictures(folder / "pictures")
    return folder


@pytest.fixture
def desk(gallery, tmp_path, monkeypatch):
    """A copy of the gallery, and we stand in it."""
    place = tmp_path / "desk"
    ignored = shutil.ignore_patterns("pipe.png")  # a copy of a pipe is waited for
    shutil.copytree(gallery, place, symlinks=True, ignore=ignored)
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "400")
    return place


# ---- checkpoints ------------------------------------------------------------------------------


class Bomb:
    """What a hostile file holds: something that runs when it is unpickled."""

    def __reduce__(self):
        return (os.system, ("touch exploded",))


def make_checkpoints(folder):
    """One of each kind of bad file."""
    folder.mkdir()
    torch.manual_seed(1)
    good = DCGANGenerator(16, 1, 4, 2).eval()
    tensors = {k: v.clone() for k, v in good.state_dict().items()}
    save_file(tensors, folder / "good.safetensors")
    torch.save(tensors, folder / "good.pth")
    soft = (folder / "good.safetensors").read_bytes()
    hard = (folder / "good.pth").read_bytes()

    def raw(name, content):
        (folder / name).write_bytes(content)

    def header(name, text, length=None, body=b""):
        text = text if isinstance(text, bytes) else text.encode()
        raw(name, (len(text) if length is None else length).to_bytes(8, "little") + text + body)

    raw("empty.safetensors", b"")
    raw("empty.pth", b"")
    raw("one_byte.pth", b"P")
    raw("zip_magic_only.pth", b"PK\x03\x04")
    raw("empty_zip.pth", b"PK\x05\x06" + b"\0" * 18)
    raw("cut.safetensors", soft[: len(soft) // 2])
    raw("cut.pth", hard[: len(hard) // 2])
    raw("cut_end.safetensors", soft[:-1])
    raw("cut_end.pth", hard[:-1])
    raw("longer.safetensors", soft + b"more")
    raw("text.pth", b"these are no weights\n" * 50)
    raw("page.safetensors", b"<!DOCTYPE html><html>404</html>")
    raw("pointer.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    raw("plain_pickle.pth", pickle.dumps(Bomb()))
    raw("plain_pickle.safetensors", pickle.dumps(Bomb()))
    header("huge_header.safetensors", b"{}", length=2**63 - 1)
    header("negative_header.safetensors", b"{}", length=2**64 - 1)
    header("long_header.safetensors", b"{}", length=10**9)
    header("garbage_header.safetensors", b"\xff\xfe not json \x00" * 9)
    header("list_header.safetensors", "[1, 2, 3]")
    header("deep_header.safetensors", "[" * 100_000)
    header("no_tensors.safetensors", "{}")
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header("offsets_outside.safetensors", json.dumps({"a": entry}), body=b"\0" * 4)
    many = {"dtype": "F32", "shape": [2**31, 2**31, 2**31], "data_offsets": [0, 16]}
    header("shape_overflows.safetensors", json.dumps({"a": many}), body=b"\0" * 16)
    twice = {"a": entry, "b": entry}
    header("overlapping.safetensors", json.dumps(twice), body=b"\0" * 16)
    odd = {"a": entry | {"dtype": "F31"}}
    header("unknown_dtype.safetensors", json.dumps(odd), body=b"\0" * 16)
    Image.new("RGB", (20, 20)).save(folder / "picture.png")
    shutil.copy(folder / "picture.png", folder / "picture.pth")
    torch.save({"stem.0.weight": Bomb()}, folder / "bomb.pth")
    torch.save(good, folder / "whole_module.pth")
    torch.save([torch.zeros(3)], folder / "a_list.pth")
    torch.save(torch.zeros(3), folder / "one_tensor.pth")
    torch.save({}, folder / "nothing.pth")
    torch.save({"epoch": 3, "weights": tensors}, folder / "nested.pth")
    torch.save({3: torch.zeros(3), **tensors}, folder / "number_for_a_name.pth")
    torch.save(tensors, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    save_file(DCGANDiscriminator(16, 1, 2).state_dict(), folder / "discriminator.safetensors")

    def changed(name, **changes):
        torch.save(tensors | {k.replace("__", "."): v for k, v in changes.items()}, folder / name)

    stem, image = tensors["stem.0.weight"], tensors["to_image.0.bias"]
    changed("nan.pth", stem__0__weight=torch.full_like(stem, float("nan")))
    changed("inf.pth", to_image__0__bias=torch.full_like(image, float("inf")))
    changed("wrong_shape.pth", stem__0__weight=torch.zeros(3, 3))
    changed("no_axes.pth", stem__0__weight=torch.tensor(1.0))
    changed("sparse.pth", stem__0__weight=stem.to_sparse())
    changed("meta.pth", stem__0__weight=stem.to("meta"))
    changed("complex.pth", stem__0__weight=stem.to(torch.complex64))
    changed("text_among.pth", extra="words")
    changed("extra.pth", extra=torch.zeros(1))
    # A tensor may claim any shape without having it: a stride of 0 repeats one number.
    wide = 200_000
    claims = {"stem__0__weight": torch.zeros(1).expand(16 * 16, wide)}
    changed("claims_latent.pth", **claims)
    torch.save(claim(DCGANGenerator(16, 1, 4, 32)), folder / "strides.pth")
    with torch.device("meta"):
        giant = DCGANGenerator(32, 1, 64, 3000)  # some gigabytes, if anybody believed it
    torch.save(claim(giant), folder / "giant.pth")
    nothing = {k: torch.zeros([0 if n == 2 else n for n in v.shape]) for k, v in tensors.items()}
    save_file(nothing, folder / "no_channels.safetensors")
    make_zip_bomb(folder / "good.pth", folder / "zip_bomb.pth")


def claim(generator):
    """Tensors of its shapes with one number in each: a stride of 0 repeats it."""
    tensors = generator.state_dict()
    return {k: torch.zeros((), dtype=v.dtype).expand(v.shape) for k, v in tensors.items()}


def make_zip_bomb(source, target, megabytes=60):
    """The same archive with one record that unpacks to far more than the file is long."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            info = zipfile.ZipInfo(item.filename)
            if not item.filename.endswith("data/0"):
                new.writestr(info, old.read(item))
                continue
            info.compress_type = zipfile.ZIP_DEFLATED
            with new.open(info, "w") as out:
                for _ in range(megabytes):
                    out.write(bytes(2**20))


# ---- pictures ---------------------------------------------------------------------------------


def noisy(seed, size=(48, 40), mode="RGB"):
    values = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).convert(mode)


def png_chunk(kind, content):
    body = kind + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def claiming(png, width, height):
    """The same PNG with another size in its header."""
    claims = bytearray(png)
    claims[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    claims[29:33] = zlib.crc32(claims[12:29]).to_bytes(4, "big")
    return bytes(claims)


def make_pictures(folder):
    """``good``, which all can be used, and ``bad``, which none can; one file of each kind."""
    good, bad = folder / "good", folder / "bad"
    good.mkdir(parents=True)
    bad.mkdir()
    noisy(0).save(good / "plain.png")
    noisy(1).save(good / "plain.jpg")
    noisy(2).save(good / "plain.webp")
    noisy(3, mode="L").save(good / "grey.png")
    noisy(4, mode="1").save(good / "black_and_white.png")
    noisy(5, mode="LA").save(good / "grey_and_clear.png")
    noisy(6, mode="CMYK").save(good / "cmyk.jpg")
    noisy(7, mode="YCbCr").save(good / "ycbcr.tif")
    noisy(8, mode="LAB").save(good / "lab.tif")
    ramp = np.linspace(0, 65535, 48 * 40).reshape(40, 48)
    Image.fromarray(ramp.astype(np.uint16)).save(good / "sixteen_bits.png")
    Image.fromarray(ramp.astype(np.int32)).save(good / "thirty_two_bits.tif")
    Image.fromarray((ramp / 65535).astype(np.float32)).save(good / "floats.tif")
    Image.fromarray(np.full((40, 48), np.nan, np.float32)).save(good / "floats_nan.tif")
    palette = noisy(9).quantize(16)
    palette.info["transparency"] = bytes(range(0, 256, 16))
    palette.save(good / "palette_with_alpha.png", transparency=palette.info["transparency"])
    frames = [noisy(i, mode="P") for i in range(10, 14)]
    frames[0].save(good / "moving.gif", save_all=True, append_images=frames[1:], duration=40)
    turned = noisy(15, (64, 32))
    note = Image.Exif()
    note[0x0112] = 6
    turned.save(good / "turned.jpg", exif=note)
    turned.save(good / "broken_note.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    noisy(16).save(good / "leaf größe 画像.png")
    noisy(17, (300, 60)).save(good / "narrow.png")
    noisy(18).save(good / "png_called.jpg", format="PNG")

    png, jpg = (good / "plain.png").read_bytes(), (good / "plain.jpg").read_bytes()
    webp, gif = (good / "plain.webp").read_bytes(), (good / "moving.gif").read_bytes()
    text = zlib.compress(bytes(80 * 2**20))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\nshowpage\n%%EOF\n"
    contents = {
        "empty.png": b"",
        "empty.jpg": b"",
        "cut.jpg": jpg[: len(jpg) // 2],
        "cut.png": png[: len(png) // 2],
        "cut.webp": webp[: len(webp) // 2],
        "cut.gif": gif[:60],
        "head_only.png": png[:33],
        "flipped.png": png[: len(png) // 2]
        + bytes([png[len(png) // 2] ^ 255])
        + png[len(png) // 2 + 1 :],
        "bomb.png": claiming(png, 60_000, 60_000),
        "half_a_bomb.png": claiming(png, 12_000, 12_000),
        "no_size.png": claiming(png, 0, 0),
        "text_bomb.png": png[:33] + png_chunk(b"zTXt", b"note\0\0" + text) * 2 + png[33:],
        "text.png": b"buy milk\n",
        "page.jpg": b"<!DOCTYPE html><html>404</html>",
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
        "paper.jpeg": b"%PDF-1.7\n\x00",
        "drawing.png": b'<?xml version="1.0"?><svg></svg>',
        "archive.gif": b"PK\x03\x04\x00\x00",
        "phone.jpg": b"\x00\x00\x00\x1cftypheic" + b"\x00" * 60,
        "program.png": eps,
        "rubbish.bmp": bytes(range(256)) * 4,
        "weights.png": b"\x40\0\0\0\0\0\0\0{}" + b" " * 70,
    }
    for name, content in contents.items():
        (bad / name).write_bytes(content)
    Image.new("RGB", (1, 1)).save(bad / "one_pixel.png")
    Image.new("RGB", (30_000, 1)).save(bad / "a_line.png")
    (bad / "round.png").symlink_to("round.png")
    (bad / "there.jpg").symlink_to("back.jpg")
    (bad / "back.jpg").symlink_to("there.jpg")
    (bad / "lost.png").symlink_to("nowhere.png")
    (bad / "inside.png").mkdir()
    (bad / "up").symlink_to("..")  # a loop of folders
    os.mkfifo(bad / "pipe.png")  # whoever opens it waits for ever
