"""A few of the kills of kills.py; all fifty: python tests/training/kills.py --kills 50."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_run_that_was_killed_ends_as_if_nothing_had_been():
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kills.py")), "--kills", "3"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"3 kills, [1-3] of them during a write, .* bit-identical", result.stdout)
