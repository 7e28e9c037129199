"""Files with bytes flipped, cut, put in and moved: a sentence or success, and nothing else.

A short walk in `make test`; `make trust` takes a long one, from another start each day. A failure
prints the seed that makes it again: GAN_COURSE_SEED=... pytest tests/trust/test_fuzz.py
"""

import os
import random
import time
import warnings

import pytest
import torch
from asking import MEGABYTES, peak_megabytes
from long_form import LONG

from gan_course.data import load_images, load_photograph
from gan_course.data.doctor import examine
from gan_course.errors import CourseError
from gan_course.models.weights import load_generator
from gan_course.training.checkpoint import read_checkpoint
from gan_course.training.history import read_history

ROUNDS = 1500 if LONG else 25
SEED = int(os.environ.get("GAN_COURSE_SEED", time.strftime("%Y%m%d") if LONG else 8))
LONGEST = 20  # seconds for one file: nothing hangs


def read_generator(path):
    generator = load_generator(path)
    if sum(p.numel() for p in generator.parameters()) > 10**7:
        raise AssertionError("a small file has become a large network")
    assert generator.generate(2).isfinite().all()


def read_photograph(path):
    picture = load_photograph(path, 32)
    assert picture.isfinite().all() and picture.shape[1] == 3


def read_folder(path):
    seen = examine(path, path.parent)
    try:
        images = load_images(f"folder:{path.parent}", 8)
    except CourseError:
        assert seen.problem  # what the doctor calls good is what is trained on
        raise
    assert not seen.problem and len(images) == 1


def history_of(path):
    for row in read_history(path, last_step=10**9):
        assert all(row[name] is not None for name in ("step", "loss_d", "loss_g"))


SUBJECTS = {
    "run/checkpoints/generator_final.pth": read_generator,
    "sagan.safetensors": read_generator,
    "r3gan.pth": read_generator,
    "dcgan.safetensors": read_generator,
    "run/checkpoints/last.safetensors": read_checkpoint,
    "run/history.jsonl": history_of,
    **{f"pictures/good/{name}": read_photograph for name in ("plain.png", "plain.jpg", "cmyk.jpg")},
    **{f"pictures/good/{name}": read_photograph for name in ("moving.gif", "plain.webp")},
    **{f"pictures/good/{name}": read_photograph for name in ("floats.tif", "ycbcr.tif")},
    **{f"pictures/good/{name}": read_folder for name in ("sixteen_bits.png", "turned.jpg")},
    "pictures/good/palette_with_alpha.png": read_folder,
}


def damaged(content, dice):
    """The bytes with one to four wounds, most of them near the head, where sizes and names are."""
    content = bytearray(content)
    for _ in range(dice.choice([1, 1, 2, 4])):
        reach = dice.choice([16, 128, 1024, len(content)])
        place = dice.randrange(min(reach, len(content)) or 1)
        if dice.random() < 0.1:
            place = max(0, len(content) - 1 - place)  # a zip keeps its index at the end
        kind = dice.randrange(7)
        if kind == 0 and content:
            content[place] ^= 1 << dice.randrange(8)
        elif kind == 1 and content:
            content[place] = dice.choice([0, 1, 127, 128, 255, 48, 57, 91, 123])
        elif kind == 2:
            del content[place:]
        elif kind == 3:
            del content[place : place + dice.randrange(1, 40)]
        elif kind == 4:
            content[place:place] = dice.randbytes(dice.randrange(1, 40))
        elif kind == 5:
            content[place : place + 8] = dice.choice([b"\xff" * 8, b"\0" * 8, b"99999999"])
        else:
            start = dice.randrange(len(content) or 1)
            content[place:place] = content[start : start + dice.randrange(1, 200)]
    return bytes(content)


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_damage_is_too_much(name, gallery, tmp_path):
    read, source = SUBJECTS[name], gallery / name
    whole, path = source.read_bytes(), tmp_path / source.name
    path.write_bytes(whole)
    read(path)  # whole, it can be read
    refused = 0
    for number in range(ROUNDS if LONG or "sagan" not in name else 3):  # a SAGAN is slow to build
        seed = f"{SEED}:{name}:{number}"
        path.write_bytes(damaged(whole, random.Random(seed)))
        began, before = time.perf_counter(), peak_megabytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(path)
        except CourseError as error:
            refused += 1
            assert len(str(error)) > 20
        except Exception as error:
            kept = tmp_path / f"found_{number}{source.suffix}"
            kept.write_bytes(path.read_bytes())
            pytest.fail(f"GAN_COURSE_SEED={SEED}, {name} no. {number} ({kept}): {error!r}")
        assert time.perf_counter() - began < LONGEST, seed
        assert peak_megabytes() - before < MEGABYTES, seed
    assert refused > 0  # damage that nobody notices would be no test


def test_the_same_seed_does_the_same_damage(gallery):
    whole = (gallery / "r3gan.pth").read_bytes()
    first = [damaged(whole, random.Random(str(i))) for i in range(20)]
    assert first == [damaged(whole, random.Random(str(i))) for i in range(20)]
    assert all(a != whole for a in first[:5]) or len(set(first)) > 10


def test_weights_of_any_shape_are_believed_or_refused(tmp_path):
    """Well-formed files whose shapes make no sense."""
    from safetensors.torch import save_file

    from gan_course.models import DCGANGenerator, R3GANGenerator, SAGANGenerator

    makers = (
        lambda: DCGANGenerator(16, 1, 4, 2),
        lambda: SAGANGenerator(32, 1, 4, 4, attention_at=8, num_classes=3),
        lambda: R3GANGenerator(16, 1, 4, 4),
    )
    dice = random.Random(SEED)
    makers = makers if LONG else makers[::2]  # a SAGAN is slow to build
    for number in range(ROUNDS):
        tensors = dict(makers[number % len(makers)]().state_dict())
        for _ in range(dice.randrange(1, 4)):
            name = dice.choice(sorted(tensors))
            kind = dice.randrange(5)
            if kind == 0:
                del tensors[name]
            elif kind == 1:
                tensors[name] = torch.zeros(
                    [dice.randrange(0, 6) for _ in range(dice.randrange(5))]
                )
            elif kind == 2:
                tensors[name.replace("0", "7", 1)] = tensors.pop(name).clone()
            elif kind == 3:
                tensors[name] = torch.full_like(tensors[name].float(), float("nan"))
            else:
                tensors[name] = tensors[name].to(dice.choice([torch.float16, torch.int64]))
        path = tmp_path / "x.safetensors"
        if not tensors:
            continue
        save_file(tensors, path)
        try:
            load_generator(path).generate(2)
        except CourseError:
            pass
        except Exception as error:
            pytest.fail(f"GAN_COURSE_SEED={SEED}, no. {number}: {error!r}")
