"""A download that is interrupted leaves nothing that is later taken for whole, and can be begun
again. Everything comes from a server of this machine."""

import hashlib
import os
import shutil
import zipfile

import pytest
import torch
from faults import LAST, few, moments, only_long, small_disk, train, whole
from local_server import (
    Server,
    celeba_archive,
    mnist_files,
    point_torchvision_at,
    weights_file,
)

from gan_course.data import load_images
from gan_course.data.fetched import _Pictures, _unpack_the_rest
from gan_course.errors import CourseError
from gan_course.evaluation import load_extractor
from gan_course.style import load_network

pytest_plugins = ["fault_fixtures"]
SETTINGS = "--dataset mnist --image-size 16 --base_channels 2 --batch-size 32 --num-epochs 1"


@pytest.fixture
def server(monkeypatch):
    datasets = pytest.importorskip("torchvision").datasets
    for name in ("mirrors", "resources"):
        monkeypatch.setattr(datasets.MNIST, name, getattr(datasets.MNIST, name))
    server = Server(mnist_files())
    point_torchvision_at(server.url)
    yield server
    server.close()


@pytest.mark.parametrize("name", few(*mnist_files()))
def test_a_server_that_dies_half_way(name, server, tmp_path):
    server.dying = {name}
    if name.startswith("t10k") and "labels" in name:
        server.dying = set(server.files)
    with pytest.raises(CourseError, match="could not be fetched"):
        load_images("mnist", 16, tmp_path)
    server.dying = set()
    assert len(load_images("mnist", 16, tmp_path)) == 96
    assert server.asked.count(name) >= 2


@pytest.mark.parametrize("share", few(0.5, 0, 3, 10, -1))
@pytest.mark.parametrize("packed", few(True, False), ids=["packed there", "packed gone"])
@pytest.mark.parametrize("name", few(*mnist_files()))
def test_half_unzipped_files_are_not_taken_for_whole(name, packed, share, server, tmp_path):
    expected = load_images("mnist", 16, tmp_path)
    raw = tmp_path / "MNIST/raw"
    path = raw / name.removesuffix(".gz")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content)) if share == 0.5 else share])
    if not packed:
        (raw / name).unlink()
    server.asked.clear()
    again = load_images("mnist", 16, tmp_path)
    assert torch.equal(again.pixels, expected.pixels)
    assert torch.equal(again.labels, expected.labels)
    assert path.read_bytes() == content
    assert set(server.asked) == (set() if packed else {name})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@only_long
def test_a_fetch_that_is_killed_at_every_write(forge, server, tmp_path):
    point = ("local_server", "point_torchvision_at", server.url)

    def run(place, *before, more=()):
        call = train(place / "run", *SETTINGS.split(), "--data-root", str(place / "data"), *more)
        return forge.run(*call, before=[("faults", "without", "matplotlib"), point, *before])

    count = tmp_path / "count"
    first = tmp_path / "first"
    arm = ("crash", "arm", str(first / "data"), 0, "kill", str(count))
    run(first, arm).fine()
    for what in ("kill", "full"):
        for number in moments(int(count.read_text()), 1):
            place = tmp_path / f"{what}{number}"
            result = run(place, ("crash", "arm", str(place / "data"), number, what))
            if what == "kill":
                assert result.code == -9
            elif result.code:
                assert "could not be fetched" in result.sentence()
            if not (place / "run/checkpoints/generator_final.pth").exists():
                more = ["--resume"] if (place / "run" / LAST).exists() else []
                run(place, more=more).fine()
            assert whole(place / "run") == 5
            shutil.rmtree(place)


@only_long
def test_two_that_fetch_at_once(forge, server, tmp_path):
    point = ("local_server", "point_torchvision_at", server.url)
    children = []
    for number in range(3):
        call = train(tmp_path / str(number), *SETTINGS.split(), "--data-root", tmp_path / "data")
        children.append(forge.start(call, before=[("faults", "without", "matplotlib"), point]))
    for child in children:
        child.wait().fine()
    assert {server.asked.count(name) for name in server.files} == {2}  # by one of them only


@only_long
def test_a_data_folder_on_a_full_disk(server):
    with small_disk(64) as disk:
        with pytest.raises(CourseError, match=r"No space left on device.*Make room"):
            load_images("mnist", 16, disk)
    with pytest.raises(CourseError, match="--data-root"):
        load_images("mnist", 16, "/proc/nowhere")


def test_pictures_that_were_half_unpacked(tmp_path):
    """CelebA is 1.4 GB of small files: its unpacking takes long enough to be interrupted."""
    folder = tmp_path / "celeba"
    folder.mkdir()
    _unpack_the_rest(folder)  # nothing there: nothing to do
    archive = folder / "img_align_celeba.zip"
    celeba_archive(archive)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    pictures = sorted((folder / "img_align_celeba").iterdir())
    expected = [path.read_bytes() for path in pictures]
    pictures[3].write_bytes(expected[3][:100])
    for path in pictures[4:]:
        path.unlink()
    _unpack_the_rest(folder)
    assert [path.read_bytes() for path in pictures] == expected
    archive.write_bytes(b"half an archive")
    _unpack_the_rest(folder)  # torchvision looks at it, and fetches it again
    assert [path.read_bytes() for path in pictures] == expected


def test_a_picture_that_is_gone_gets_a_sentence():
    class Gone:
        root = "data"

        def __getitem__(self, i):
            raise FileNotFoundError(2, "No such file or directory", "data/celeba/1.jpg")

    with pytest.raises(CourseError, match="picture 7 of Gone in data cannot be read: No such file"):
        _Pictures(Gone())[7]


# ---- weights ----------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """torch's folder for weights; VGG-19 and Inception come from here, and are small."""
    from torchvision import models

    content = weights_file()
    short = hashlib.sha256(content).hexdigest()[:8]
    server = Server({f"vgg19-{short}.pth": content, "weights-inception-x.pth": content})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    fetch = torch.hub.load_state_dict_from_url

    class Small(torch.nn.Module):
        features = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())

    def vgg19(weights):
        fetch(f"{server.url}vgg19-{short}.pth", progress=False, check_hash=True)
        return Small()

    class Inception:
        def __new__(cls, *arguments):
            fetch(f"{server.url}weights-inception-x.pth", progress=False)  # it checks nothing
            return Small()

    monkeypatch.setattr(models, "vgg19", vgg19)
    names = ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3")
    for name in names:
        module = type(torch)(name)
        module.FeatureExtractorInceptionV3 = Inception
        monkeypatch.setitem(__import__("sys").modules, name, module)
    server.cache = tmp_path / "hub/hub/checkpoints"
    yield server
    server.close()


LOADERS = {
    "vgg19": lambda: load_network("vgg19"),
    "inception": lambda: load_extractor("inception"),
}


@only_long
@pytest.mark.parametrize("kind", LOADERS)
def test_weights_from_a_server_that_dies(kind, hub):
    hub.dying = set(hub.files)
    with pytest.raises(CourseError, match="not on this machine and could not be fetched"):
        LOADERS[kind]()
    assert not list(hub.cache.glob("*"))
    hub.dying = set()
    LOADERS[kind]()


@only_long
@pytest.mark.parametrize("kind", LOADERS)
def test_damaged_weights_are_fetched_again(kind, hub):
    """As a program that checks less, or a copy that was interrupted, has left them."""
    LOADERS[kind]()
    [path] = hub.cache.iterdir()
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CourseError, match=r"half.*removed"):
        LOADERS[kind]()
    LOADERS[kind]()
    assert whole(hub.cache) == 1
