"""What we depend on has no hole that we know of, and nothing of ours ever unpickles."""

import ast
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent

# Package -> first version with the newest known repair that could matter here, and its number. By
# hand and by version, without a network: look at it when you raise a bound.
REPAIRED = {
    # torch.load(weights_only=True) ran code from a file (before 2.6.0, CVE-2025-32434), and later
    # could be made to write where it must not (before 2.10.0)
    "torch": ("2.10.0", "CVE-2026-24747"),
    # a picture in Photoshop's format, whatever its ending, made Pillow write where it must not
    "pillow": ("12.1.1", "CVE-2026-25990"),
    # a page of HTML in a notebook could take over JupyterLab
    "jupyterlab": ("4.2.5", "CVE-2024-43805"),
    # yaml.full_load ran code; we call safe_load only
    "pyyaml": ("5.4", "CVE-2020-14343"),
    # TfidfVectorizer kept more of its training data than it needed; we load data sets only
    "scikit-learn": ("1.5.0", "CVE-2024-5206"),
    # load_model ran code from a file; we load no model through Keras
    "keras": ("3.9.0", "CVE-2025-1550"),
}


def numbers(text):
    """(2, 15, 0) of "2.15.0+cpu"."""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", text)[0].split("."))


def not_below(text, bound):
    a, b = numbers(text), numbers(bound)
    length = max(len(a), len(b))
    return a + (0,) * (length - len(a)) >= b + (0,) * (length - len(b))


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        lines += extra
    return lines


def lowest(line):
    """(name, lower bound) of "torch>=2.11,!=2.13.*"."""
    name = re.match(r"[A-Za-z0-9_.-]+", line)[0].lower()
    return name, re.search(r">=\s*([\d.]+)", line)[1]


@pytest.mark.parametrize("line", requirements())
def test_no_lower_bound_lets_a_known_hole_in(line):
    name, bound = lowest(line)  # and each has a lower bound
    if name in REPAIRED:
        repaired, advisory = REPAIRED[name]
        assert not_below(bound, repaired), f"{line}: {advisory} is repaired in {repaired}"


@pytest.mark.parametrize("name", REPAIRED)
def test_what_is_installed_is_repaired(name):
    try:
        installed = version(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    repaired, advisory = REPAIRED[name]
    assert not_below(installed, repaired), f"{name} {installed} has {advisory}"


def test_the_table_is_about_what_we_use():
    ours = {lowest(line)[0] for line in requirements()}
    assert REPAIRED.keys() <= ours
    assert all(re.fullmatch(r"CVE-20\d\d-\d{4,5}", number) for _, number in REPAIRED.values())


def test_environment_yml_has_the_same_bounds():
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = {"pytorch": "torch"}
    for line in (line for line in lines if isinstance(line, str) and ">=" in line):
        name, bound = lowest(line)
        name = conda.get(name, name)
        if name in REPAIRED:
            assert not_below(bound, REPAIRED[name][0]), line


@pytest.mark.parametrize(
    ("bound", "repaired", "fine"),
    [
        ("2.6", "2.6.0", True),
        ("2.5.1", "2.6.0", False),
        ("10.10", "10.3.0", True),
        ("4", "4.2", False),
    ],
)
def test_versions_are_compared_as_numbers(bound, repaired, fine):
    assert not_below(bound, repaired) == fine


# ---- nothing unpickles -----------------------------------------------------------------------

UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
SAFE_YAML = {"safe_load", "safe_load_all"}
RUN_CODE = {"eval", "exec", "__import__", "os.system", "os.popen", "pd.read_pickle"}
RUN_CODE |= {"torch.jit.load", "torch.hub.load", "torch.package.PackageImporter"}
MENTIONED = re.compile(
    r"torch\.(load|jit|hub|package)|pickle|dill|joblib|shelve|marshal|yaml\.|\beval\(|\bexec\(|shell|"
    r"popen|os\.system|__import__|load_model"
)
SOURCES = [*sorted((ROOT / "gan_course").rglob("*.py")), *sorted((ROOT / "lessons").rglob("*.py"))]
SOURCES += sorted((ROOT / "benchmarks").rglob("*.py"))


def name_of(node):
    """ "torch.load" of the node of torch.load."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(code):
    """(line, what) of everything in the code that could run what a file holds."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
            found += [(node.lineno, n) for n in names if (n or "").split(".")[0] in UNPICKLERS]
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        last = name.rsplit(".", 1)[-1]
        if name == "torch.load":
            if given.get("weights_only") is not True:
                found.append((node.lineno, "torch.load without weights_only=True"))
        elif "allow_pickle" in given and given["allow_pickle"] is not False:
            found.append((node.lineno, "allow_pickle"))
        elif name.startswith("yaml.") and "load" in last:
            found += [] if last in SAFE_YAML else [(node.lineno, name)]
        elif name in RUN_CODE:
            found.append((node.lineno, name))
        elif last == "load_model" and given.get("safe_mode") is False:
            found.append((node.lineno, "load_model with safe_mode=False"))
        elif given.get("shell") is True:
            found.append((node.lineno, f"{name} through a shell"))
    return found


def test_nothing_runs_what_a_file_holds():
    assert len(SOURCES) > 200
    found = {}
    for path in SOURCES:
        code = path.read_text(encoding="utf-8")
        code = re.sub(r"^(\s*)[%!]", r"\1# ", code, flags=re.MULTILINE)  # magics of notebooks
        if MENTIONED.search(code):  # reading a file closely takes longer than reading it
            found[str(path.relative_to(ROOT))] = dangers(code)
    # Grading runs what students wrote: that is its work, in a process of its own, locked in.
    students = found.pop("gan_course/checks/grading/worker.py")
    assert [what for _, what in students] == ["exec", "eval"]
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "yaml.full_load(text)",
        "eval(text)",
        "def f(text):\n    exec(text)",
        "torch.hub.load('a', 'b')",
        "subprocess.run(text, shell=True)",
    ],
)
def test_a_danger_is_seen(code):
    assert len(dangers(code)) == 1 and MENTIONED.search(code)


def test_what_is_safe_is_let_through():
    code = "torch.load(p, weights_only=True)\nyaml.safe_load(t)\nmodel.eval()\nnp.load(p)\n"
    assert dangers(code) == []


def test_the_notebooks_too_load_weights_only():
    """Notebooks are built from lessons/, and so are what a learner copies."""
    for folder in ("notebooks", "exercises", "solutions"):
        for path in (ROOT / folder).glob("*.ipynb"):
            text = path.read_text(encoding="utf-8")
            assert "weights_only=False" not in text, path.name
