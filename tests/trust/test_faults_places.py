"""Full disks, folders that cannot be written, no home, and folders where files should be."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from faults import (
    LAST,
    LONG,
    NO_CURVES,
    build_lessons,
    change,
    commands,
    ending,
    few,
    files,
    lessons_at_hand,
    moments,
    only_long,
    read_only,
    resumed,
    small_disk,
    train,
    whole,
)

pytest_plugins = ["fault_fixtures"]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
COMMANDS = ["generate", "evaluate", "stylize"]


# ---- a full disk ------------------------------------------------------------------------------


@only_long
def test_a_disk_that_is_full_from_any_write_on(forge, trained, tmp_path):
    untouched, count = trained
    for number in moments(count, 1):
        folder = tmp_path / str(number)
        result = forge.run(
            *train(folder), before=[NO_CURVES, ("crash", "arm", str(folder), number, "full")]
        )
        if result.code:  # a full disk still moves the last file into its place
            assert "No space left on device" in result.sentence()
            assert "untouched" in result.err
        whole(folder)
        assert not list(folder.rglob("*.part"))
        resumed(forge, folder)
        assert ending(folder) == ending(untouched), number
        shutil.rmtree(folder)


def test_a_run_that_filled_a_real_disk_goes_on_when_there_is_room(forge, trained, tmp_path):
    untouched, _ = trained
    with small_disk(56) as disk:
        said = forge.run(*train(disk / "run"), before=[NO_CURVES]).sentence()
        assert "No space left on device" in said
        assert whole(disk) > 0 and (disk / "run" / LAST).exists()
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        resumed(forge, disk / "run")
        assert ending(disk / "run") == ending(untouched)


@only_long
@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_on_a_full_disk(command, forge, trained):
    with small_disk(64) as disk:
        arguments, output = commands(trained[0], disk)[command]
        output.write_bytes(b"old")
        (disk / "big").write_bytes(bytes(4096 * (64 // 4 - 1)))
        said = forge.run(command, *arguments, "--output", output)
        if said.code:
            assert "No space left on device" in said.sentence()
            assert output.read_bytes() == b"old"
        assert sorted(p.name for p in disk.iterdir()) == sorted(["big", output.name])
        (disk / "big").unlink()
        forge.run(command, *arguments, "--output", output).fine()


def test_progress_on_a_full_disk(forge):
    with small_disk(16) as disk:
        home = {"GAN_COURSE_HOME": str(disk)}
        forge.run("01_conv2d", "first", call=("faults", "record"), environment=home).fine()
        old = (disk / "progress.json").read_bytes()
        with (disk / "big").open("wb", buffering=0) as file:
            with pytest.raises(OSError):
                while True:
                    file.write(bytes(512))
        result = forge.run("01_conv2d", "a", call=("faults", "record"), environment=home).fine()
        assert "could not be saved: No space left on device" in result.out
        assert (disk / "progress.json").read_bytes() == old
        (disk / "big").unlink()
        result = forge.run("01_conv2d", "a", call=("faults", "record"), environment=home).fine()
        assert result.out == "\n"
        assert len(json.loads((disk / "progress.json").read_text())["tasks"]) == 2


@only_long
def test_notebooks_on_a_full_disk(forge, course, tmp_path):
    assert build_lessons("--root", str(course)) == 0
    old = files(course / "notebooks") | files(course / "exercises")
    change(course)
    for number in moments(14, 1):
        arm = ("crash", "arm", str(course), number, "full")
        call = ("faults", "build_lessons")
        result = forge.run("--root", str(course), call=call, before=[arm])
        if result.code == 0:  # a full disk still moves what is written already
            break
        assert result.code == 1 and "Traceback" not in result.err, result
        assert "No space left on device" in result.err and "untouched" in result.err
        now = files(course / "notebooks") | files(course / "exercises")
        assert set(now) == set(old) and not list(course.rglob("*.part"))
    whole(course)
    assert forge.run("--root", str(course), call=("faults", "build_lessons")).code == 0


# ---- a folder that cannot be written ----------------------------------------------------------


def test_train_where_nothing_can_be_written(forge, tmp_path):
    with read_only(tmp_path):
        for folder in (tmp_path, tmp_path / "new"):
            said = forge.run(*train(folder)).sentence()
            assert "could not be written" in said
            assert "Read-only file system" in said or "Permission denied" in said
    assert not list(tmp_path.iterdir())


@only_long
def test_resume_where_nothing_can_be_written(forge, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained[0], folder)
    before = files(folder)
    with read_only(folder):
        more = ["--resume", "--num-epochs", "3"]
        assert "could not be written" in forge.run(*train(folder, *more)).sentence()
        forge.run("doctor", folder).fine()  # looking is allowed
        assert "already holds a run" in forge.run(*train(folder)).sentence()
    assert files(folder) == before


@pytest.mark.parametrize("command", few("generate", "stylize", "evaluate"))
def test_a_result_that_cannot_be_written_is_not_computed_first(command, forge, trained, tmp_path):
    arguments, output = commands(trained[0], tmp_path)[command]
    with read_only(tmp_path):
        result = forge.run(command, *arguments, "--output", output)
        assert "could not be written" in result.sentence()
        assert result.out == ""
    output.mkdir()
    result = forge.run(command, *arguments, "--output", output)
    assert "is a folder" in result.sentence() and result.out == ""
    beside = tmp_path / "file"
    beside.write_text("mine")
    result = forge.run(command, *arguments, "--output", beside / "new" / output.name)
    assert "could not be written" in result.sentence() and result.out == ""
    assert beside.read_text() == "mine"


@only_long
def test_progress_in_a_folder_that_cannot_be_written(forge, tmp_path):
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    call = ("faults", "record")
    forge.run("01_conv2d", "first", call=call, environment=home).fine()
    with read_only(tmp_path):
        said = forge.run("01_conv2d", "second", call=call, environment=home).fine().out
        assert "could not be saved" in said
        assert "Start here" in forge.run("progress", environment=home).fine().out
    (tmp_path / "progress.json").write_text("damaged")
    with read_only(tmp_path):
        assert "Start here" in forge.run("progress", environment=home).fine().out
        said = forge.run("01_conv2d", "second", call=call, environment=home).fine().out
        assert "could not be saved" in said
    assert (tmp_path / "progress.json").read_text() == "damaged"


@only_long
def test_notebooks_where_nothing_can_be_written(course, capsys):
    build = lessons_at_hand()
    assert build.main(["--root", str(course)]) == 0
    change(course)
    before = files(course)
    with read_only(course):
        assert build.main(["--root", str(course)]) == 1
    assert "could not be written" in capsys.readouterr().err
    assert files(course) == before


# ---- no home ----------------------------------------------------------------------------------

NOBODY = ("faults", "nobodys_home")
NOWHERE = {"GAN_COURSE_HOME": None, "MPLCONFIGDIR": None, "TORCH_HOME": None}


def test_without_a_home_the_course_works_and_says_what_it_cannot_keep(forge, tmp_path):
    said = forge.run("progress", environment=NOWHERE, before=[NOBODY]).fine().out
    assert "Start here" in said
    said = forge.run(
        "01_conv2d", "a", call=("faults", "record"), environment=NOWHERE, before=[NOBODY]
    ).fine()
    assert "could not be saved" in said.out and "GAN_COURSE_HOME" in said.out
    if LONG:
        forge.run(*train(tmp_path / "run"), environment=NOWHERE, before=[NOBODY]).fine()
        assert whole(tmp_path) == 7


@only_long
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--output-dir", "~/run"],
        ["train", "--output-dir", "~nobody-of-that-name/run"],
        ["train", "--dataset", "folder:~/pictures"],
        ["doctor", "~/run"],
        ["train", "--dataset", "mnist", "--data-root", "~nobody-of-that-name/data"],
    ],
)
def test_a_tilde_without_a_home(arguments, forge, tmp_path):
    result = forge.run(*arguments, cwd=tmp_path, environment=NOWHERE, before=[NOBODY])
    assert "home" in result.sentence()
    assert not list(tmp_path.iterdir())


@only_long
@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "~nobody-of-that-name", "\0"])
def test_a_course_home_that_cannot_be(home, forge):
    if "\0" in home:
        home = "relative/../" + "x" * 300
    place = {"GAN_COURSE_HOME": home}
    assert "Start here" in forge.run("progress", environment=place).fine().out
    forge.run("doctor", environment=place).fine()
    said = forge.run("01_conv2d", "a", call=("faults", "record"), environment=place).fine().out
    assert "could not be saved" in said


@only_long
@pytest.mark.parametrize(
    ("broken", "curves"),
    [
        ({"DISPLAY": None, "WAYLAND_DISPLAY": None}, True),
        ({"MPLBACKEND": "TkAgg", "DISPLAY": ":99"}, True),
        ({"MPLBACKEND": "no_such_backend"}, False),
        ({"MPLBACKEND": ""}, True),
        ({"MPLCONFIGDIR": "/proc/nowhere", "HOME": "/proc/nowhere"}, True),
        ({"MPLCONFIGDIR": "/dev/null", "TMPDIR": "/proc/nowhere"}, True),
    ],
    ids=lambda value: str(value)[:60],
)
def test_curves_are_no_reason_to_lose_a_run(broken, curves, forge, tmp_path):
    """No display, odd backends, and nowhere to keep matplotlib's settings."""
    result = forge.run(*train(tmp_path), environment=broken).fine()
    assert whole(tmp_path) >= 6
    assert (tmp_path / "outputs/training_loss.png").exists() == curves
    assert curves or "curves could not be drawn" in result.err
    assert ("Curves:" in result.out) == curves


# ---- a folder where a file should be, and the reverse -----------------------------------------


FILES = ["checkpoints/last.safetensors", "outputs/generated_samples.png"]
FILES += ["outputs/training_loss.png", "checkpoints/generator_epoch_1.pth"]
FILES += ["checkpoints/generator_final.pth"]


@pytest.mark.parametrize("name", few("history.jsonl", *FILES))
def test_a_folder_where_the_run_wants_a_file(name, forge, tmp_path):
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "mine").write_text("mine")
    said = forge.run(*train(tmp_path)).sentence()
    assert "could not be written" in said or "already holds a run" in said
    assert (tmp_path / name / "mine").read_text() == "mine"
    if (tmp_path / LAST).is_file() or name == LAST:
        result = forge.run(*train(tmp_path, "--resume"))
        if name != "checkpoints/generator_epoch_1.pth":
            assert result.code == 1 and name.rpartition("/")[2] in result.sentence()


@only_long
@pytest.mark.parametrize("name", ["", "checkpoints", "outputs"])
def test_a_file_where_the_run_wants_a_folder(name, forge, tmp_path):
    (tmp_path / "run").mkdir()
    place = tmp_path / "run" / name
    if not name:
        place.rmdir()
    place.write_text("mine")
    said = forge.run(*train(tmp_path / "run")).sentence()
    assert "could not be written" in said
    assert place.read_text() == "mine"
    assert (
        name == "outputs"
        or "no run to resume" in forge.run(*train(tmp_path / "run", "--resume")).sentence()
    )


@only_long
def test_a_folder_that_is_called_progress(forge, tmp_path):
    (tmp_path / "progress.json/inside").mkdir(parents=True)
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    assert "Start here" in forge.run("progress", environment=home).fine().out
    said = forge.run("01_conv2d", "a", call=("faults", "record"), environment=home).fine().out
    assert "could not be saved: Is a directory" in said


@only_long
@pytest.mark.parametrize("name", ["exercises/03_fake.ipynb", "notebooks", "build"])
def test_a_folder_that_is_called_as_a_notebook(name, course, capsys):
    build = lessons_at_hand()
    assert build.main(["--root", str(course)]) == 0
    (course / "exercises/03_fake.ipynb").write_text("{}")
    change(course)
    place: Path = course / name
    if place.is_dir():
        shutil.rmtree(place)
        place.write_text("a file")
    elif place.is_file():
        place.unlink()
        place.mkdir()
    else:
        place.write_text("a file")
    assert build.main(["--root", str(course)]) == 1
    assert "could not be" in capsys.readouterr().err
