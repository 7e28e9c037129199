"""SIGKILL at every moment of every write: what was there is whole, and the work goes on."""

import json
import os
import random
import shutil
import time

import pytest
from faults import (
    LAST,
    NO_CURVES,
    change,
    commands,
    ending,
    files,
    moments,
    only_long,
    resumed,
    train,
    whole,
)

pytest_plugins = ["fault_fixtures"]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def test_train_at_every_write(forge, trained, tmp_path):
    untouched, count = trained
    assert count > 40
    for number in moments(count, 1):
        folder = tmp_path / str(number)
        arm = ("crash", "arm", str(folder), number)
        assert forge.run(*train(folder), before=[NO_CURVES, arm]).code == -9
        whole(folder)
        resumed(forge, folder)
        assert ending(folder) == ending(untouched), number
        assert not list(folder.rglob("*.part"))
        shutil.rmtree(folder)


@only_long
def test_train_at_random(forge, trained, tmp_path):
    """Several times the same run, each time a little further."""
    untouched, _ = trained
    chance = random.Random(3)
    for number in range(8):
        folder = tmp_path / str(number)
        for _ in range(4):
            more = ["--resume"] if (folder / LAST).exists() else []
            child = forge.start(train(folder, *more), before=[NO_CURVES, ("faults", "slow_steps")])
            time.sleep(chance.uniform(0, 1.2))
            if child.code is None:
                child.kill()
            child.wait()
            whole(folder)
        more = ["--resume"] if (folder / LAST).exists() else []
        forge.run(*train(folder, *more), before=[NO_CURVES]).fine()
        assert ending(folder) == ending(untouched)


@only_long
@pytest.mark.parametrize("command", ["generate", "evaluate", "stylize"])
def test_a_picture_or_a_table_is_the_old_one_or_the_new_one(command, forge, trained, tmp_path):
    arguments, output = commands(trained[0], tmp_path)[command]
    call = [command, *arguments, "--output", str(output)]
    count = tmp_path.with_name(f"{tmp_path.name}.count")
    arm = ("crash", "arm", str(tmp_path), 0, "kill", str(count))
    forge.run(*call, before=[arm]).fine()
    new, old = output.read_bytes(), b"what somebody else made"
    for number in moments(int(count.read_text()), 1):
        output.write_bytes(old)
        arm = ("crash", "arm", str(tmp_path), number)
        assert forge.run(*call, before=[arm]).code == -9
        assert output.read_bytes() == old, number
        forge.run(*call).fine()
        assert output.read_bytes() == new


def test_progress_is_never_half_noted(forge, tmp_path):
    home = {"GAN_COURSE_HOME": str(tmp_path)}
    noted = tmp_path / "progress.json"

    def record(task, *before):
        call = ("faults", "record")
        return forge.run("01_conv2d", task, call=call, environment=home, before=before)

    count = tmp_path.with_name(f"{tmp_path.name}.count")
    assert record("first", ("crash", "arm", str(tmp_path), 0, "kill", str(count))).code == 0
    total = int(count.read_text())
    assert total >= 4
    for number in moments(total, 1):
        before = json.loads(noted.read_text())["tasks"]
        assert record(f"task{number}", ("crash", "arm", str(tmp_path), number)).code == -9
        after = json.loads(noted.read_text())["tasks"]
        assert before.items() <= after.items()
        assert record("again").code == 0
        assert json.loads(noted.read_text())["tasks"]["01_conv2d/again"]["passed"]
    assert not list(tmp_path.glob(".*.part")) and not list(tmp_path.glob("*.damaged*"))


def built(course):
    return {k: v for k, v in files(course).items() if not k.startswith(("lessons/", "build/"))}


def test_a_notebook_is_never_half_built(forge, course, tmp_path):
    def build(folder, *before):
        call = ("faults", "build_lessons")
        return forge.run("--root", str(folder), call=call, before=before)

    assert build(course).code == 0
    old = built(course)
    # somebody has worked in the exercises
    mine = json.dumps(json.loads(old["exercises/03_fake.ipynb"]) | {"mine": True}).encode()
    mine = mine.replace(b'"execution_count": null', b'"execution_count": 5', 1)
    (course / "exercises/03_fake.ipynb").write_bytes(mine)
    change(course)
    after, count = tmp_path / "after", tmp_path / "count"
    shutil.copytree(course, after)
    assert build(after, ("crash", "arm", str(after), 0, "kill", str(count))).code == 0
    new = built(after)
    assert set(new) == set(old) and all(new[name] != old[name] for name in new)
    for number in moments(int(count.read_text()), 1):
        folder = tmp_path / str(number)
        shutil.copytree(course, folder)
        assert build(folder, ("crash", "arm", str(folder), number)).code == -9
        now = built(folder)
        assert all(now[name] in (old[name], new[name], mine) for name in now), number
        assert build(folder).code == 0
        assert built(folder) == new
        kept = [p.read_bytes() for p in (folder / "build/kept").glob("*.ipynb")]
        assert mine in kept, number  # what somebody worked is somewhere, whole
        assert not list(folder.rglob("*.part")), number
        shutil.rmtree(folder)
