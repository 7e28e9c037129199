"""Pictures of every kind, good and bad, for training, for the doctor of folders, and for styles."""

import os
import shutil
import stat

import pytest
import torch
from asking import ask, clear, contents, different, judge, refusal

from gan_course.data import load_images, load_photograph
from gan_course.data.doctor import FolderDoctor

BAD = [
    *("empty.png", "empty.jpg", "cut.jpg", "cut.png", "cut.webp", "cut.gif", "head_only.png"),
    *("flipped.png", "bomb.png", "half_a_bomb.png", "no_size.png", "text_bomb.png", "text.png"),
    *("page.jpg", "pointer.png", "paper.jpeg", "drawing.png", "archive.gif", "phone.jpg"),
    *("program.png", "rubbish.bmp", "weights.png", "one_pixel.png", "a_line.png", "round.png"),
    *("there.jpg", "back.jpg", "lost.png", "inside.png", "pipe.png"),
]
GOOD = [
    *("plain.png", "plain.jpg", "plain.webp", "grey.png", "black_and_white.png"),
    *("grey_and_clear.png", "cmyk.jpg", "ycbcr.tif", "lab.tif", "sixteen_bits.png"),
    *("thirty_two_bits.tif", "floats.tif", "floats_nan.tif", "palette_with_alpha.png"),
    *("moving.gif", "turned.jpg", "broken_note.jpg", "leaf größe 画像.png", "narrow.png"),
    *("png_called.jpg",),
]


def test_no_picture_is_forgotten(gallery):
    assert {p.name for p in (gallery / "pictures/bad").iterdir()} == {*BAD, "up"}
    assert {p.name for p in (gallery / "pictures/good").iterdir()} == {*GOOD}


@pytest.fixture
def alone(gallery, tmp_path):
    """A folder with one picture only."""

    def put(kind, name):
        source, folder = gallery / "pictures" / kind / name, tmp_path / "alone"
        folder.mkdir()
        if stat.S_ISFIFO(source.lstat().st_mode):
            os.mkfifo(folder / name)
        elif source.is_dir():
            (folder / name).mkdir()
        else:
            shutil.copy(source, folder / name, follow_symlinks=False)
        return folder

    return put


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_named_and_nothing_trains_on_it(name, alone):
    folder = alone("bad", name)
    before = contents(folder)
    sentence, problem = refusal(lambda: load_images(f"folder:{folder}", 16))
    clear([problem] if sentence else ["it was taken"])
    if name not in ("inside.png", "round.png", "there.jpg", "back.jpg", "lost.png", "pipe.png"):
        assert name in sentence
    report = FolderDoctor(folder).look().report()
    assert [str(seen.path) for seen in report.bad] == [name] and report.good == []
    assert report.bad[0].problem and "Traceback" not in report.text()
    clear(different(before, contents(folder)))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_picture_is_trained_on_and_called_good(name, alone):
    folder = alone("good", name)
    before = contents(folder)
    images = load_images(f"folder:{folder}", 16)
    assert len(images) == 1 and images.skipped == []
    assert images.take(torch.tensor([0])).isfinite().all()
    report = FolderDoctor(folder).look().report()
    assert len(report.good) == 1 and report.bad == []
    clear(different(before, contents(folder)))


STYLE = ["--image-size", "32", "--steps", "1", "--device", "cpu"]


@pytest.mark.parametrize("name", BAD)
def test_stylize_refuses_a_bad_picture(name, gallery, monkeypatch):
    monkeypatch.chdir(gallery)
    before = contents(gallery)
    for words in (["--content", f"pictures/bad/{name}", "--style", "china"],):
        answer = ask(["stylize", *words, "--output", "new.png", *STYLE])
        clear(judge(answer, (name,), code=1))
    clear(different(before, contents(gallery)))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_picture_can_be_styled(name, gallery):
    picture = load_photograph(gallery / "pictures/good" / name, 32)
    assert picture.ndim == 4 and picture.shape[1] == 3 and picture.isfinite().all()
    assert picture.min() >= -1 and picture.max() <= 1


def test_a_picture_that_is_a_program_does_not_run(gallery, tmp_path, monkeypatch):
    """Pillow hands PostScript to Ghostscript, if there is one. Here there is."""
    ghost = tmp_path / "bin" / "gs"
    ghost.parent.mkdir()
    ghost.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    ghost.chmod(0o755)
    monkeypatch.setenv("PATH", str(ghost.parent), prepend=os.pathsep)
    from PIL import EpsImagePlugin, Image

    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    program = gallery / "pictures/bad/program.png"
    with pytest.raises(Exception), Image.open(program) as image:  # noqa: B017
        image.load()
    assert (tmp_path / "ran").exists()  # so it is a real one
    (tmp_path / "ran").unlink()
    for call in (
        lambda: load_images(f"folder:{gallery / 'pictures/bad'}", 16),
        lambda: FolderDoctor(gallery / "pictures/bad").look().report(),
        lambda: load_photograph(program),
    ):
        refusal(call)
    assert not (tmp_path / "ran").exists()


def test_a_mixed_folder_trains_on_the_good_ones(gallery):
    before = contents(gallery)
    with pytest.warns(UserWarning, match="files in") as said:
        images = load_images(f"folder:{gallery / 'pictures'}", 16)
    assert len(images) == len(GOOD)
    assert [str(w.message)[:60] for w in said if "files in" not in str(w.message)] == []
    clear(different(before, contents(gallery)))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_picture_that_may_not_be_read(alone):
    folder = alone("good", "plain.png")
    (folder / "plain.png").chmod(0)
    sentence, problem = refusal(lambda: load_images(f"folder:{folder}", 16))
    assert problem == "" and "plain.png" in sentence
