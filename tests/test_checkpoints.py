"""A checkpoint is read without running it, refused with a sentence, and never half written."""

import errno
import os
import pickle
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from gan_course import files
from gan_course.errors import CourseError
from gan_course.models import DCGANDiscriminator, DCGANGenerator, SimpleGenerator
from gan_course.models.weights import load_generator, save_generator


def small(image_size=16, channels=1):
    return DCGANGenerator(image_size, channels, latent_dim=6, base_channels=2).eval()


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("image_size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_architecture_is_read_off_the_file(ending, image_size, channels, tmp_path):
    generator, path = small(image_size, channels), tmp_path / f"g{ending}"
    save_generator(generator, path)
    loaded = load_generator(path)
    z = torch.randn(3, 6)
    assert torch.equal(loaded(z), generator(z)) and not loaded.training
    assert path.stat().st_mode & 0o044  # others may read it


def test_the_plain_way_of_torch_works_too(tmp_path):
    generator = small()
    save_generator(generator, tmp_path / "g.pth")
    other = small()
    other.load_state_dict(torch.load(tmp_path / "g.pth", weights_only=True))
    assert torch.equal(other(torch.ones(1, 6)), generator(torch.ones(1, 6)))


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch exploded",))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_bomb_does_not_go_off(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bomb.pth"
    if how == "torch":
        torch.save({"stem.0.weight": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CourseError, match="not loaded"):
        load_generator(path)
    assert not (tmp_path / "exploded").exists()
    # and the bomb is a real one
    code = "import torch; torch.load('bomb.pth', weights_only=False)"
    if how == "torch":
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False)
        assert (tmp_path / "exploded").exists()


@settings(max_examples=30)
@given(cut=st.floats(0, 0.999), ending=st.sampled_from([".pth", ".safetensors"]))
def test_a_file_cut_short_anywhere_gets_a_sentence(cut, ending, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / f"g{ending}"
    save_generator(small(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(CourseError):
        load_generator(path)


@settings(max_examples=30)
@given(noise=st.binary(max_size=300), zip_magic=st.booleans())
def test_noise_gets_a_sentence(noise, zip_magic, tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "g.pth"
    path.write_bytes((b"PK\x03\x04" if zip_magic else b"") + noise)
    with pytest.raises(CourseError):
        load_generator(path)


def test_other_contents_are_refused(tmp_path):
    path = tmp_path / "x.pth"
    generator = small()
    missing = dict(generator.state_dict())
    missing.pop("to_image.0.bias")
    wrong = dict(generator.state_dict())
    wrong["stem.2.weight"] = torch.zeros(5)
    for content in (
        DCGANDiscriminator(16, 1, 2).state_dict(),
        SimpleGenerator().state_dict(),
        missing,
        wrong,
        {"epoch": 3, "weights": generator.state_dict()},
        [torch.zeros(3)],
        torch.zeros(3),
        {},
    ):
        torch.save(content, path)
        with pytest.raises(CourseError, match=r"another architecture|more than|no tensors"):
            load_generator(path)
    save_file({"a": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(CourseError, match="another architecture"):
        load_generator(tmp_path / "a.safetensors")


def test_a_file_that_claims_a_huge_network_costs_no_memory(tmp_path, monkeypatch):
    tensors = {
        "stem.0.weight": torch.zeros(1, 1),
        "to_image.0.weight": torch.zeros(5000, 1, 4, 4),
        **{f"blocks.{i}.0.weight": torch.zeros(1) for i in range(3)},
    }
    save_file(tensors, tmp_path / "x.safetensors")
    drawn = []
    normal = nn.init.normal_

    def watched(tensor, *arguments, **named):
        drawn.append(tensor.device.type)
        return normal(tensor, *arguments, **named)

    monkeypatch.setattr(nn.init, "normal_", watched)
    with pytest.raises(CourseError, match="another architecture"):
        load_generator(tmp_path / "x.safetensors")
    assert set(drawn) == {"meta"}


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_full_disk_leaves_the_old_file(ending, tmp_path, monkeypatch):
    path = tmp_path / f"g{ending}"
    save_generator(small(), path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CourseError, match=r"No space left on device.*untouched"):
        save_generator(small(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_really_full_disk(tmp_path):
    """On a file system of 64 KiB, where this machine lets us make one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        big = DCGANGenerator(32, 1, 64, 16)
        for ending in (".pth", ".safetensors"):
            with pytest.raises(CourseError, match="could not be written"):
                save_generator(big, tmp_path / f"g{ending}")
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)
