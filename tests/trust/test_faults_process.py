"""What happens to a process from outside: signals, pipes, terminals, clocks, limits, languages."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import (
    LAST,
    NO_CURVES,
    ROOT,
    commands,
    ending,
    files,
    only_long,
    resumed,
    train,
    whole,
)

pytest_plugins = ["fault_fixtures"]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
SLOW = ("faults", "slow_steps")


def begun(folder):
    return lambda: (folder / LAST).exists()


# ---- signals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SIGHUP", *[pytest.param(n, marks=only_long) for n in ("SIGINT", "SIGTERM")]]
)
def test_a_run_that_is_asked_to_end_saves(name, forge, trained, tmp_path):
    child = forge.start(train(tmp_path), before=[NO_CURVES, SLOW])
    assert child.until(begun(tmp_path))
    before = (tmp_path / LAST).read_bytes()
    time.sleep(0.08)  # some steps on
    child.kill(getattr(signal, name))
    result = child.wait()
    assert result.code == 130 and "saved. Go on with --resume" in result.out, result
    assert "Traceback" not in result.err
    assert (tmp_path / LAST).read_bytes() != before
    resumed(forge, tmp_path)
    assert ending(tmp_path) == ending(trained[0])


@only_long
def test_a_terminal_that_closes(forge, trained, tmp_path):
    """The process hears SIGHUP, and each word to the terminal is an error from then on."""
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    child = forge.start(
        train(tmp_path),
        before=[("faults", "own_terminal", name), NO_CURVES, SLOW],
        out=name,
        err=name,
    )
    assert child.until(begun(tmp_path))
    before = (tmp_path / LAST).read_bytes()
    time.sleep(0.08)
    os.close(theirs)
    os.close(ours)
    assert child.wait().code == 130
    assert (tmp_path / LAST).read_bytes() != before
    resumed(forge, tmp_path)
    assert ending(tmp_path) == ending(trained[0])


@only_long
@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_a_picture_that_is_interrupted_is_kept(name, forge, tmp_path):
    output = tmp_path / "a.png"
    arguments = ["--content", "china", "--style", "flower", "--image-size", "32"]
    child = forge.start(["stylize", *arguments, "--steps", "10000", "--output", str(output)])
    assert child.until(lambda: "step    1" in child.text("out"))
    child.kill(getattr(signal, name))
    result = child.wait()
    assert result.code == 130 and "Picture:" in result.out and "Traceback" not in result.err
    assert whole(tmp_path) == 1


@only_long
@pytest.mark.parametrize("command", ["generate", "evaluate"])
@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_what_is_interrupted_leaves_the_old_file(name, command, forge, trained, tmp_path):
    arguments, output = commands(trained[0], tmp_path)[command]
    arguments[arguments.index("--num-images") + 1] = "1700" if command == "evaluate" else "9999"
    for seconds in (0.0, 0.05, 0.2):
        output.write_bytes(b"old")
        child = forge.start([command, *arguments, "--output", output])
        time.sleep(seconds)
        if child.code is None:
            child.kill(getattr(signal, name))
        result = child.wait()
        assert "Traceback" not in result.err or seconds == 0.0, result  # not even begun
        assert output.read_bytes() == b"old" or result.code == 0


# ---- nobody listens ---------------------------------------------------------------------------


def deaf(tmp_path, name):
    """A pipe whose reader goes away after the first line: as `| head -1`."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    return pipe


@pytest.mark.parametrize(
    "streams", [("out", "err"), *[pytest.param(s, marks=only_long) for s in (("out",), ("err",))]]
)
def test_train_into_a_pipe_that_breaks(streams, forge, trained, tmp_path):
    pipes = {name: deaf(tmp_path, name) for name in streams}
    folder = tmp_path / "run"
    child = forge.start(train(folder), before=[NO_CURVES, SLOW], **pipes)
    readers = [os.open(pipe, os.O_RDONLY) for pipe in pipes.values()]
    assert child.until(begun(folder))
    for reader in readers:
        os.close(reader)
    while child.code is None:
        time.sleep(0.01)
    assert child.code == 0
    if streams == ("out",):
        said = Path(child.job["err"]).read_text()
        assert "Traceback" not in said and "BrokenPipe" not in said
    assert ending(folder) == ending(trained[0])


@only_long
def test_stylize_into_a_pipe_that_breaks(forge, tmp_path):
    pipe, output = deaf(tmp_path, "out"), tmp_path / "a.png"
    arguments = ["--content", "china", "--style", "flower", "--image-size", "32", "--steps", "300"]
    child = forge.start(["stylize", *arguments, "--output", output], out=pipe)
    with pipe.open("rb") as reader:
        assert reader.readline()
    while child.code is None:
        time.sleep(0.01)
    said = child.text("err")
    assert child.code == 0 and "Traceback" not in said and "BrokenPipe" not in said
    assert output.exists()


@only_long
@pytest.mark.parametrize("command", ["progress", "doctor", "train --help", "generate", "evaluate"])
def test_any_command_into_a_pipe_that_is_broken(command, forge, trained, tmp_path):
    arguments = command.split()
    if command in ("generate", "evaluate"):
        more, output = commands(trained[0], tmp_path)[command]
        arguments = [command, *more, "--output", str(output)]
    pipe = deaf(tmp_path, "out")
    child = forge.start(arguments, out=pipe)
    os.close(os.open(pipe, os.O_RDONLY))
    while child.code is None:
        time.sleep(0.01)
    said = child.text("err")
    assert "Traceback" not in said and "BrokenPipe" not in said, said


@only_long
@pytest.mark.parametrize("command", ["progress", "generate", "train"])
def test_words_that_do_not_fit_onto_a_full_disk(command, forge, trained, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    arguments, output = commands(trained[0], tmp_path)["generate"]
    call = {
        "progress": ["progress"],
        "generate": ["generate", *arguments, "--output", str(output)],
        "train": train(tmp_path),
    }[command]
    said = forge.run(*call, out="/dev/full", before=[NO_CURVES]).sentence()
    assert "No space left on device" in said
    assert command == "progress" or whole(tmp_path) > 0


@only_long
def test_a_real_pipe_and_a_real_head(tmp_path):
    """In a process of its own, as in a shell."""
    call = [sys.executable, "-m", "gan_course.cli", *train(tmp_path)]
    text = " ".join(f"'{word}'" for word in call) + " | head -1"
    result = subprocess.run(["bash", "-c", f"set -o pipefail; {text}"], **real())
    assert result.stdout.startswith("digits: 1,797") and result.returncode == 0
    assert "BrokenPipe" not in result.stderr and "Traceback" not in result.stderr
    assert whole(tmp_path) == 7


def real(**environment):
    kept = {k: v for k, v in os.environ.items() if environment.get(k, "") is not None}
    kept |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    kept |= {k: v for k, v in environment.items() if v is not None}
    return {"env": kept, "capture_output": True, "text": True, "timeout": 200, "errors": "replace"}


# ---- two at once ------------------------------------------------------------------------------


def test_two_runs_in_one_folder(forge, trained, tmp_path):
    """One of them goes on as if alone, and the other is told so; whoever begins first."""
    two = [forge.start(train(tmp_path), before=[NO_CURVES, SLOW]) for _ in range(2)]
    results = [child.wait() for child in two]
    assert sorted(r.code for r in results) == [0, 1], results
    [loser] = [r for r in results if r.code]
    said = loser.sentence()
    assert "another process" in said or "already holds a run" in said
    assert ending(tmp_path) == ending(trained[0])


@only_long
def test_other_choices_in_a_folder_where_a_run_begins(forge, trained, tmp_path):
    for wait in (0.0, 0.05, 0.15, 0.3):
        folder = tmp_path / str(wait)
        first = forge.start(train(folder), before=[NO_CURVES, SLOW])
        time.sleep(wait)
        second = forge.start(train(folder, "--seed", "1"), before=[NO_CURVES, SLOW])
        results = [first.wait(), second.wait()]
        assert sorted(r.code for r in results) == [0, 1], results
        if results[0].code == 0:
            assert ending(folder) == ending(trained[0])


@only_long
def test_resume_while_the_run_goes_on(forge, trained, tmp_path):
    child = forge.start(train(tmp_path), before=[NO_CURVES, SLOW])
    assert child.until(begun(tmp_path))
    said = forge.run(*train(tmp_path, "--resume"), before=[NO_CURVES]).sentence()
    assert "another process" in said
    child.wait().fine()
    assert ending(tmp_path) == ending(trained[0])


@only_long
def test_two_that_resume_one_run(forge, trained, tmp_path):
    child = forge.start(train(tmp_path), before=[NO_CURVES, SLOW])
    assert child.until(begun(tmp_path))
    child.kill()
    child.wait()
    two = [forge.start(train(tmp_path, "--resume"), before=[NO_CURVES, SLOW]) for _ in range(2)]
    results = [child.wait() for child in two]
    assert sorted(r.code for r in results) == [0, 1], results
    assert ending(tmp_path) == ending(trained[0])


@only_long
def test_two_pictures_of_one_name(forge, trained, tmp_path):
    arguments, output = commands(trained[0], tmp_path)["generate"]
    two = [forge.start(["generate", *arguments, "--output", output]) for _ in range(6)]
    assert [child.wait().code for child in two] == [0] * 6
    assert whole(tmp_path) == 1 and len(list(tmp_path.iterdir())) == 1


# ---- the clock --------------------------------------------------------------------------------


@only_long
def test_a_clock_that_goes_back(forge, trained, tmp_path):
    back = ("faults", "clock_goes_back")
    result = forge.run(*train(tmp_path), before=[NO_CURVES, back]).fine()
    assert ending(tmp_path) == ending(trained[0])
    assert "-" not in result.err.replace("\r", "\n").split("14/14")[-1], result.err


@only_long
def test_files_of_tomorrow(forge, trained, tmp_path):
    child = forge.start(train(tmp_path), before=[NO_CURVES, SLOW])
    assert child.until(begun(tmp_path))
    child.kill()
    child.wait()
    for path in tmp_path.rglob("*"):
        os.utime(path, (time.time() + 9e8,) * 2)
    (tmp_path / "checkpoints/.last.safetensors.1.part").write_text("half")
    resumed(forge, tmp_path)
    assert ending(tmp_path) == ending(trained[0])
    assert not list(tmp_path.rglob("*.part"))


@only_long
def test_progress_when_the_clock_goes_back(forge, tmp_path):
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    for task in ("predict_sizes", "size_formula", "predict_sizes"):
        before = [("faults", "clock_goes_back")]
        call = ("faults", "record")
        forge.run("01_conv2d", task, call=call, environment=home, before=before).fine()
    tasks = json.loads((tmp_path / "progress.json").read_text())["tasks"]
    assert [entry["attempts"] for _, entry in sorted(tasks.items())] == [2, 1]


# ---- limits -----------------------------------------------------------------------------------


@only_long
def test_no_thread_can_be_started(forge, trained, tmp_path):
    forge.run(*train(tmp_path), before=[NO_CURVES, ("faults", "no_more_threads")]).fine()
    assert ending(tmp_path) == ending(trained[0])


@only_long
def test_as_a_user_who_may_start_nothing_and_owns_nothing(trained, tmp_path):
    """Another user, without a home or a name, and with one process."""
    limits = ["setpriv", "--reuid=54321", "--clear-groups", "--inh-caps=+dac_read_search"]
    limits += ["--ambient-caps=+dac_read_search", "prlimit", "--nproc=1"]
    if subprocess.run([*limits, "true"], capture_output=True).returncode:
        pytest.skip("only root can become another user here")
    call = [*limits, sys.executable, "-B", "-m", "gan_course.cli"]
    settings = real(
        HOME=None, GAN_COURSE_HOME=None, TMPDIR=str(tmp_path / "none"), PYTHONWARNINGS=None
    )
    tmp_path.chmod(0o755)
    inside = tmp_path / "his"
    inside.mkdir(mode=0o777)
    inside.chmod(0o777)
    for folder in tmp_path.parents:
        folder.chmod(folder.stat().st_mode | 0o011) if folder.stat().st_uid == os.getuid() else None
    result = subprocess.run([*call, *train(inside)], **settings)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    assert {k: v for k, v in ending(inside).items() if "outputs" not in k} == {
        k: v for k, v in ending(trained[0]).items() if "outputs" not in k
    }
    result = subprocess.run([*call, *train(tmp_path / "not_his")], **settings)
    assert result.returncode == 1 and "Permission denied" in result.stderr
    assert "Traceback" not in result.stderr
    (tmp_path / "closed/checkpoints").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    result = subprocess.run([*call, "progress"], **settings)
    assert result.returncode == 0 and "Start here" in result.stdout, result.stderr


@only_long
@pytest.mark.parametrize("megabytes", [8, 64])
def test_memory_that_runs_out(megabytes, forge, tmp_path):
    big = ["--image-size", "64", "--base_channels", "64", "--batch-size", "1024"]
    little = ("faults", "little_memory", megabytes)
    said = forge.run(*train(tmp_path, *big), before=[NO_CURVES, little]).sentence()
    assert "out of memory" in said and "--batch_size" in said
    whole(tmp_path)


# ---- languages and warnings -------------------------------------------------------------------


@only_long
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_a_console_that_knows_few_letters(encoding, forge, tmp_path):
    speaks = ("faults", "speaks", encoding)
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    call = ("faults", "record")
    forge.run("01_conv2d", "size_formula", call=call, environment=home).fine()
    said = forge.run("progress", environment=home, before=[speaks]).fine().out
    assert "1 of " in said and "?" not in said.splitlines()[0]
    said = forge.run("generate", "--checkpoint", "ñandú—Ж.pth", before=[speaks]).sentence()
    assert "does not exist" in said
    assert forge.run("train", "--help", before=[speaks]).code == 0


@only_long
@pytest.mark.parametrize(
    "words",
    [
        {"LC_ALL": "C", "LANG": None},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": None, "LANG": None, "PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONWARNINGS": "error", "PYTHONWARNDEFAULTENCODING": "1"},
        {"DISPLAY": None, "HOME": None, "PYTHONHASHSEED": "1"},
    ],
    ids=str,
)
def test_real_processes_in_odd_surroundings(words, tmp_path):
    call = [sys.executable, "-m", "gan_course.cli"]
    said = subprocess.run([*call, "progress"], **real(**words))
    assert said.returncode == 0 and "Traceback" not in said.stderr, said.stderr
    folder = tmp_path / "größe"
    said = subprocess.run([*call, *train(folder), "--num-epochs", "1"], **real(**words))
    assert said.returncode == 0 and "Traceback" not in said.stderr, said.stderr
    assert whole(folder) == 6


@only_long
def test_a_warning_is_no_error(forge, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    from PIL import Image

    for number in range(8):
        Image.new("RGB", (20, 20), (number, 9, 9)).save(pictures / f"{number}.png")
    (pictures / "broken.png").write_bytes(b"no picture")
    few = ["--dataset", f"folder:{pictures}", "--batch-size", "4"]
    strict = ("faults", "every_warning_is_an_error")
    result = forge.run(*train(tmp_path / "run", *few), before=[strict]).fine()
    assert "gan-course: 1 files in" in result.err and "were skipped: broken.png" in result.err


@only_long
def test_without_what_windows_has_not(forge, trained, tmp_path):
    windows = ("faults", "like_windows")
    forge.run(*train(tmp_path / "run"), before=[NO_CURVES, windows]).fine()
    assert ending(tmp_path / "run") == ending(trained[0])
    said = forge.run(*train(tmp_path / "run"), before=[windows]).sentence()
    assert "already holds a run" in said
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    for task in ("size_formula", "predict_sizes"):
        call = ("faults", "record")
        forge.run("01_conv2d", task, call=call, environment=home, before=[windows]).fine()
    forge.run("progress", environment=home, before=[windows]).fine()
    two = [forge.start(train(tmp_path / "2"), before=[NO_CURVES, SLOW, windows]) for _ in range(2)]
    results = [child.wait() for child in two]  # no locks: what was saved says it
    assert sorted(r.code for r in results) == [0, 1], results
    assert ending(tmp_path / "2") == ending(trained[0])
    assert set(files(tmp_path / "2")) == set(files(tmp_path / "run"))
