"""Run a lesson notebook, and clean what it printed so that it can be stored and compared.

What goes: widget views (a reader of the stored notebook sees the still picture instead), progress
bars, times, memory addresses, paths of the machine. ``clean`` leaves a cleaned output as it is.
"""

import os
import re
import tempfile
from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"
LIVE_WIDGET_NOTE = "(a live widget: run this cell to use it)"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
PROGRESS_BAR = re.compile(r"\d+%\||\d+it \[")
EMBEDDED_IMAGE = re.compile(r"data:image/[^;]+;base64,[A-Za-z0-9+/=]+")
MACHINE_PATH = re.compile(
    r"/(?:home|Users|root|tmp|private|var/folders|opt|usr/lib)/[^\s'\"<>]*|[A-Z]:\\[^\s'\"<>]+"
    r"|[^\s'\"<>]*(?:site|dist)-packages[^\s'\"<>]*"
)


class ExecutionError(Exception):
    """A cell that failed, hung or left something behind."""

    def __init__(self, cell: int, message: str):
        super().__init__(message)
        self.cell = cell  # its place among the notebook's cells, from 0


def execute(text: str, folder: Path, timeout: int) -> list[list[dict]]:
    """Run a notebook in ``folder``, at its full size; the cleaned outputs of each code cell.

    ``timeout`` is in seconds for each cell. The kernel is this Python's own, and the learner's
    progress file stays out of it.
    """
    import nbformat  # slow to import, and --check needs neither
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    notebook = nbformat.reads(text, as_version=4)
    started = [0]
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
        config=Config(AsyncKernelManager={"transport_encryption": "auto"}),  # or it warns
    )
    before = _files(folder)
    with tempfile.TemporaryDirectory(prefix="gan-course-build-") as home:
        try:
            client.execute(env=_environment(home))
        except CellExecutionError as error:
            raise ExecutionError(started[-1], f"{error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise ExecutionError(started[-1], f"still running after {timeout} s") from None
        except DeadKernelError:
            raise ExecutionError(started[-1], "the kernel died; out of memory?") from None
        replacements = {str(Path(home).resolve()): "~/.gan_course", home: "~/.gan_course"}
    left = sorted(_files(folder) - before)
    if left:
        raise ExecutionError(
            started[-1],
            f"the lesson left {', '.join(left)} in {folder.name}/; "
            "let it write to a temporary folder, and delete that file",
        )
    outputs = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                _report_stderr(index, output.text)
        outputs.append(clean([dict(output) for output in cell.outputs], replacements))
    return outputs


def _environment(home: str) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GAN_COURSE_FAST", "GAN_COURSE_STRICT")
    }
    environment["GAN_COURSE_HOME"] = home
    environment["IPYTHONDIR"] = home  # no start-up files of the author's own
    environment["JUPYTER_PREFER_ENV_PATH"] = "1"
    environment["PYTHONHASHSEED"] = "0"  # sets print in the same order each time
    return environment


def _files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if ".ipynb_checkpoints" not in path.parts}


def _report_stderr(index: int, text: str) -> None:
    noise = [line for line in text.splitlines() if line.strip() and not PROGRESS_BAR.search(line)]
    if noise:
        print(f"  cell {index} wrote to stderr, which is not stored: {noise[0][:200]}")


def clean(outputs: list[dict], replacements: dict[str, str] | None = None) -> list[dict]:
    """Outputs as they are stored: in the form of the file, without what changes from run to run."""
    cleaned: list[dict] = []
    for output in outputs:
        if output["output_type"] == "stream":
            if output["name"] == "stderr":  # progress bars and warnings of this machine
                continue
            if cleaned and cleaned[-1]["output_type"] == "stream":
                output = {**output, "text": _join(cleaned.pop()["text"]) + _join(output["text"])}
            text = _clean_text(_overwrite(_join(output["text"])), replacements)
            if text:
                cleaned.append({"output_type": "stream", "name": "stdout", "text": _split(text)})
        elif output["output_type"] in ("display_data", "execute_result"):
            data = _clean_data(output["data"], replacements)
            if data:
                cleaned.append({**output, "data": data, "metadata": _clean_metadata(output)})
        else:
            cleaned.append(output)
    return [_sorted_output(output) for output in cleaned]


def _clean_data(data: dict, replacements: dict[str, str] | None) -> dict:
    data = dict(data)
    was_widget = data.pop(WIDGET, None) is not None
    for mime, value in data.items():
        if mime.startswith("image/") and mime != "image/svg+xml":
            data[mime] = _join(value).strip()
        elif not mime.endswith("json"):
            data[mime] = _split(_clean_text(_join(value), replacements))
    text = "".join(data.get("text/plain", []))
    if was_widget and set(data) <= {"text/plain"}:
        if PROGRESS_BAR.search(text):
            return {}
        if re.match(r"\w+\(.*\)$", text, re.DOTALL):  # VBox(children=(HTML(...
            data["text/plain"] = [LIVE_WIDGET_NOTE]
    return data


def _clean_metadata(output: dict) -> dict:
    """Of an output's metadata only the picture's alternative text and size stay."""
    image = output.get("metadata", {}).get("image/png")
    if not isinstance(image, dict):
        return {}
    kept = {key: image[key] for key in ("alt", "height", "width") if key in image}
    return {"image/png": kept} if kept else {}


def _sorted_output(output: dict) -> dict:
    """Without execution_count, which the notebook's writer sets, and without transient data."""
    return {
        key: output[key] for key in sorted(output) if key not in ("execution_count", "transient")
    }


def _overwrite(text: str) -> str:
    """What a terminal shows in the end: text before a carriage return is written over."""
    text = text.replace("\r\n", "\n")
    return re.sub(r"[^\n]*\r(?=[^\r\n])", "", text).replace("\r", "")


def _clean_text(text: str, replacements: dict[str, str] | None) -> str:
    for path, name in (replacements or {}).items():
        text = text.replace(path, name)
    return ADDRESS.sub("0x0", text)


def _join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def output_problems(outputs: list[dict], place: str) -> list[str]:
    """Why these cleaned outputs may not be stored, one sentence each."""
    problems = []
    for output in outputs:
        data = output.get("data", {})
        if output["output_type"] == "error":
            problems.append(f"{place}: a stored error: {output['ename']}: {output['evalue']}")
        if "image/png" in data:
            if not output["metadata"].get("image/png", {}).get("alt", "").strip():
                problems.append(
                    f"{place}: a picture without alternative text. Show it with "
                    "`show(figure, alt=...)` of gan_course.labs."
                )
            if not "".join(data.get("text/plain", [])).strip():
                problems.append(f"{place}: a picture without text/plain for a reader in a console.")
        texts = [value for mime, value in data.items() if mime.startswith("text/")]
        for text in [*texts, output.get("text", "")]:
            path = MACHINE_PATH.search(EMBEDDED_IMAGE.sub("", _join(text)))
            if path:
                problems.append(f"{place}: a path of this machine in an output: {path[0]}")
    return problems
