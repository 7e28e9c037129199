"""Set-up in step, the floors of the house, and what may not be in the repository."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gan_course"


# ---- pyproject.toml and environment.yml ------------------------------------------------------

# The few packages that conda-forge calls by another name.
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
ONLY_CONDA = {"python", "pip"}


def split_requirement(line):
    name, specifier = re.fullmatch(r"([A-Za-z0-9_.-]+?)\s*([<>=!~].*)?", line).groups()
    return name.lower(), set((specifier or "").replace(" ", "").split(","))


def pip_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    return project, dict(map(split_requirement, lines))


def conda_requirements():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    return environment, dict(map(split_requirement, lines))


def test_environment_yml_is_in_step_with_pyproject():
    _, pip = pip_requirements()
    _, conda = conda_requirements()
    expected = {CONDA_NAMES.get(name, name): specifier for name, specifier in pip.items()}
    assert {n: s for n, s in conda.items() if n not in ONLY_CONDA} == expected


def test_environment_yml_installs_the_course_on_the_same_python():
    project, _ = pip_requirements()
    environment, conda = conda_requirements()
    assert conda["python"] == {project["project"]["requires-python"]}
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_the_seven_required_packages_are_there():
    _, pip = pip_requirements()
    required = {
        "torch",
        "torchvision",
        "jupyterlab",
        "ipywidgets",
        "matplotlib",
        "nbval",
        "papermill",
    }
    assert required <= set(pip)


# ---- the Makefile ----------------------------------------------------------------------------


def make(*arguments, folder=ROOT):
    """Without what a `make test` around us hands down."""
    environment = {n: v for n, v in os.environ.items() if "MAKE" not in n and n != "MFLAGS"}
    environment.pop("VENV", None)
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_make_alone_says_what_there_is():
    said = make().stdout
    for target in ("lab", "test", "course", "notebooks", "site", "check", "clean"):
        assert f"make {target} " in said


def test_make_refuses_an_old_python_and_says_so(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    result = make("test", f"PYTHON={old}", folder=tmp_path)
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stdout and "Python 3.8.1" in result.stdout
    assert not (tmp_path / ".venv").exists()


def test_interrupted_setup_is_taken_up_again(tmp_path):
    """pip fails in a folder without a package: no stamp, so the next call tries again."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project\n")
    for _ in range(2):
        result = make("lab", folder=tmp_path)
        assert result.returncode != 0 and "pip install" in result.stdout
        assert (tmp_path / ".venv/bin/python").exists()
        assert not (tmp_path / ".venv/.ready").exists()


def test_make_does_not_install_into_an_environment_of_ones_own(tmp_path):
    result = make("lab", f"VENV={tmp_path}")
    assert result.returncode != 0
    assert f"There is no {tmp_path}/bin/python" in result.stdout
    assert list(tmp_path.iterdir()) == []


# ---- CI --------------------------------------------------------------------------------------


def test_ci_runs_the_readmes_test_command_with_the_browser_required():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
    lines = script.read_text().splitlines()
    assert lines[-2:] == ["make test", "make nbval"]
    assert "export GAN_COURSE_REQUIRE_BROWSER=1" in lines


def test_workflow_runs_the_same_script_everywhere():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    [job] = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {
        "os": ["ubuntu-latest", "macos-latest"],
        "python": ["3.11", "3.13"],
    }
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow[True]["push"]["branches"] == ["main"]  # YAML reads the word "on" as true


# ---- the floors ------------------------------------------------------------------------------

# A room imports only from rooms with a smaller number, and from itself.
FLOORS = {
    "errors": 0,
    "palette": 0,
    "console": 0,
    "files": 0.5,  # below everything that writes one
    "arithmetic": 1,
    "losses": 1,
    "models": 1,
    "data": 1,
    "doctor": 1,
    "machine": 1,
    "style": 2,
    "pretrained": 2,
    "training": 3,
    "toy": 3,
    "trials": 4,
    "evaluation": 3,
    "labs": 4,
    "checks": 4,
    "cli": 5,
}
# Each of these may be imported only in the rooms named.
ONLY_IN = {
    "ipywidgets": {"labs"},
    "traitlets": {"labs"},
    "torchvision": {"data", "machine", "style"},  # machine looks whether it fits this torch
    "sklearn": {"data"},
    "IPython": {"labs", "checks"},
    "tyro": {"cli"},
}
NO_JUPYTER_BELOW = 4
JUPYTER = {"IPython", "ipywidgets", "traitlets", "jupyterlab", "nbformat", "nbclient", "papermill"}


def imports(path):
    """(module, line, at the top of the file?) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write gan_course..."
            names = [node.module]
            if node.module == "gan_course":  # from gan_course import palette
                names = [f"gan_course.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, node.lineno, node in tree.body


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_problems(path, room):
    problems = []
    for module, line, at_top in imports(path):
        where = f"{path.name}:{line}: {room} imports {module}"
        first, *rest = module.split(".")
        if first == "gan_course" and rest:
            other = rest[0]
            if other in FLOORS and other != room and FLOORS[other] >= FLOORS[room]:
                problems.append(f"{where}, which is not below it")
        elif room not in ONLY_IN.get(first, {room}):
            problems.append(f"{where}, which only {sorted(ONLY_IN[first])} may")
        elif first in JUPYTER and FLOORS[room] < NO_JUPYTER_BELOW:
            problems.append(f"{where}, but it has to run without Jupyter")
        elif first == "matplotlib" and FLOORS[room] < NO_JUPYTER_BELOW and path.name != "plots.py":
            problems.append(f"{where}; only a plots.py may")
        elif first in ("torchvision", "sklearn") and at_top:
            problems.append(f"{where} at the top; import it where it is used")
    return problems


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def test_every_room_has_a_floor():
    assert {room_of(path) for path in FILES} <= set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    assert floor_problems(path, room_of(path)) == []


@pytest.mark.parametrize(
    ("room", "code", "said"),
    [
        ("models", "from gan_course.training import Trainer", "not below it"),
        ("training", "import gan_course.toy.presets", "not below it"),
        ("labs", "def f():\n    from gan_course import checks", "not below it"),
        ("arithmetic", "from gan_course import losses", "not below it"),
        ("checks", "import ipywidgets as w", "only ['labs'] may"),
        (
            "models",
            "from torchvision.utils import save_image",
            "only ['data', 'machine', 'style'] may",
        ),
        ("data", "import sklearn.datasets", "at the top"),
        ("training", "import matplotlib.pyplot as plt", "only a plots.py may"),
        ("training", "def f():\n    import nbformat", "without Jupyter"),
    ],
)
def test_a_wrong_import_is_seen(room, code, said, tmp_path):
    path = tmp_path / "new.py"
    path.write_text(code)
    [problem] = floor_problems(path, room)
    assert said in problem


def test_the_picture_of_the_house_has_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = (ROOT / "docs" / "rooms.svg").read_text(encoding="utf-8")
    for room in sorted(FLOORS):
        name = f"{room}.py" if (PACKAGE / f"{room}.py").exists() else f"{room}/"
        assert f"`{name}`" in page and name in picture, name


def test_the_core_stays_small():
    """What a learner reads, in lines that are not blank."""
    core = {"arithmetic", "models", "losses", "data", "training"}
    files = [path for path in FILES if room_of(path) in core]
    lines = sum(bool(line.strip()) for path in files for line in path.read_text().splitlines())
    assert 1000 < lines < 5600  # when this fails, look for what can go


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("gan_course", "torch"),
        ("gan_course.training", "torch"),
        ("gan_course.cli", "torch"),
        ("gan_course.training.trainer", "matplotlib"),
        ("gan_course.training.trainer", "IPython"),
        ("gan_course.data", "torchvision"),
        ("gan_course.data", "sklearn"),
    ],
)
def test_importing_is_light(module, heavy):
    code = f"import {module}, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- what may not be in the repository -------------------------------------------------------

LOCK_FILES = re.compile(r"(^|/)(uv\.lock|poetry\.lock|Pipfile\.lock|conda-lock\.yml|pip\.conf)$")
REGISTRIES = re.compile(
    r"pypi\.(org|python)|pythonhosted\.|anaconda\.(org|com)|download\.pytorch\.|registry\.npmjs\.",
    re.IGNORECASE,
)
MACHINE = re.compile(r"/(home|Users)/\w+/|/root/")
MAX_FILE_BYTES = 5_000_000


@pytest.fixture(scope="module")
def tracked():
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip("this is no git checkout, so nothing is tracked")
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts(paths):
    for path in paths:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_lock_file_and_nothing_large_is_tracked(tracked):
    names = [str(path.relative_to(ROOT)) for path in tracked]
    assert not [name for name in names if LOCK_FILES.search(name)]
    assert not [path for path in tracked if path.stat().st_size > MAX_FILE_BYTES]
    assert not [name for name in names if name.startswith((".venv/", "build/"))]


def test_no_registry_is_named(tracked):
    assert {
        str(p): REGISTRIES.search(t)[0] for p, t in texts(tracked) if REGISTRIES.search(t)
    } == {}


def test_no_path_of_a_machine(tracked):
    """In tests such paths are what is looked for."""
    ours = [p for p in tracked if "tests" not in p.parts and p.suffix != ".ipynb"]
    found = {str(p): MACHINE.search(t)[0] for p, t in texts(ours) if MACHINE.search(t)}
    assert found == {}
