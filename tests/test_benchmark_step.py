"""benchmarks/step.py: which tables and rows it makes. (What a row costs is for the benchmark.)"""

import importlib.util
import json
import time
from pathlib import Path

import pytest
import torch

PATH = Path(__file__).parent.parent / "benchmarks" / "step.py"
TINY = ["--base", "2", "--batch", "4", "--rounds", "2", "--no-memory"]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_step_rows", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_table_for_each_size_and_a_row_for_each_word(benchmark, tmp_path, monkeypatch, capsys):
    file = tmp_path / "r.json"
    words = ["--size", "16", "32", "--no-compile", "--rows", "naive", "float32", "--steps", "2"]
    monkeypatch.setattr("sys.argv", ["step.py", *TINY, *words, "--json", str(file)])
    benchmark.main()
    printed = capsys.readouterr().out
    assert "16x16x1, batch 4, width 2" in printed and "32x32x1, batch 4, width 2" in printed
    assert "careful |" not in printed.replace("× careful |", "") and "All of it took" in printed
    results = json.loads(file.read_text())
    assert [r["size"] for r in results] == [16, 32]
    for result in results:
        assert list(result["seconds_per_step"]) == ["naive", "ours, float32"]
        assert result["steps_in_a_round"] == 2 and result["left_out"] == {}


def test_by_default_both_sizes_and_the_compiled_rows(benchmark):
    choices = benchmark.command_line([])
    assert choices.sizes == [32, 64] and choices.compile
    names = list(benchmark.rows(choices))
    assert {"naive", "careful", "ours, float32", "ours, float32, compiled"} <= set(names)
    assert not any(
        "compiled" in n for n in benchmark.rows(benchmark.command_line(["--no-compile"]))
    )


def test_an_unknown_row_is_answered_with_those_there_are(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.command_line(["--rows", "warp"])
    said = capsys.readouterr().err
    assert "no row has warp in its name" in said and "ours, float32, compiled" in said


def test_what_cannot_be_compiled_is_left_out_and_said(benchmark):
    def no_compiler():
        raise RuntimeError("Failed to find C compiler\nand more")

    steps = {"naive": lambda: None, "ours, float32, compiled": no_compiler}
    left_out = benchmark.warm_up(steps, torch.device("cpu"), benchmark.now)
    assert list(steps) == ["naive"]
    assert left_out == {"ours, float32, compiled": "RuntimeError: Failed to find C compiler"}
    with pytest.raises(RuntimeError):  # but a fault of another row is a fault
        benchmark.warm_up({"naive": no_compiler}, torch.device("cpu"), benchmark.now)


def test_a_turn_has_as_many_steps_as_fit(benchmark):
    cpu = torch.device("cpu")
    assert benchmark.steps_in_a_turn(lambda: None, cpu) == 100
    assert benchmark.steps_in_a_turn(lambda: time.sleep(0.3), cpu) == 2
