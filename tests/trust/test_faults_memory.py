"""Lessons 01 to 05 at full size stay below 1 GB of memory, all that the kernel loads included."""

import os
import re
import sys

import pytest
from faults import ROOT, only_long

PROBE = r"print(open('/proc/self/status').read())"


@only_long
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05"])
def test_a_lesson_in_one_gigabyte(number, monkeypatch):
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    monkeypatch.delenv("GAN_COURSE_FAST", raising=False)
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    [path] = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        config=Config(AsyncKernelManager={"transport_encryption": "auto"}),
    )
    client.execute()
    status = notebook.cells[-1].outputs[0].text
    peak = 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))
    print(f"lesson {number}: {peak / 1e9:.3f} GB at most")
    assert peak < 1e9
