import os
import shutil

import pytest
from faults import LESSON, NO_CURVES, ROOT, train


@pytest.fixture(scope="session")
def forge():
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    from forge import Forge

    forge = Forge()
    yield forge
    forge.close()


@pytest.fixture(scope="session")
def trained(forge, tmp_path_factory):
    """A run that nothing happened to, and the number of its operations on files."""
    folder = tmp_path_factory.mktemp("whole")
    count = folder.with_name(f"{folder.name}.count")
    arm = ("crash", "arm", str(folder), 0, "kill", str(count))
    forge.run(*train(folder), before=[NO_CURVES, arm]).fine()
    return folder, int(count.read_text())


@pytest.fixture
def course(tmp_path):
    """A course of one lesson with a quiz and exercises, built once, and changed since."""
    folder = tmp_path / "course/lessons/03_fake"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "lessons/01_conv2d/exercises.py", folder / "exercises.py")
    (folder / "lesson.py").write_text(LESSON.format(steps=3))
    (folder / "quiz.yml").write_text("questions: []\n")
    return tmp_path / "course"
