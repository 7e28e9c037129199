"""What does self-attention cost? The course's block against the plain bmm form that most code has.

    python benchmarks/attention.py                     # 16x16 and 32x32, memory at 32x32 and 64x64
    OMP_NUM_THREADS=1 python benchmarks/attention.py --processor-time     # on a busy machine
    python benchmarks/attention.py --device cuda --json result.json

Both are the authors' block (``gan_course.models.SelfAttention2d``: pooled keys and values, spectral
norm) with the same parameters, forward and backward in train mode. They take turns in one process,
round after round; a ratio is the median of the rounds' own ratios.

* ``plain``: three convolutions, ``bmm``, ``softmax``, ``bmm``, a convolution, ``x + gamma * o``.
* ``ours``: one convolution for the three, torch's fused kernel, a convolution.

Each size is measured with the channels first, as torch lays images out, and with the channels last,
as the course's training step does. Memory is what a forward and backward pass adds to the peak of a
process of its own: on a CPU to its resident memory, on a GPU to what torch allocated.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_course.models import SelfAttention2d

sys.path.insert(0, str(Path(__file__).parent))
from step import machine  # the one beside this file

SIZES = [(64, 16), (128, 16), (64, 32), (128, 32)]  # channels, height
MEMORY_SIZES = [(64, 32), (64, 64)]


class PlainAttention2d(SelfAttention2d):
    """The same parameters, in the form in which the block is usually written."""

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        query = self.query(x).flatten(2).transpose(1, 2)  # (N, positions, C / 8)
        key = F.max_pool2d(self.key(x), 2).flatten(2)  # (N, C / 8, attended)
        value = F.max_pool2d(self.value(x), 2).flatten(2)  # (N, C / 2, attended)
        weights = torch.softmax(torch.bmm(query, key), dim=-1)
        attended = torch.bmm(value, weights.transpose(1, 2)).view(n, -1, height, width)
        return x + self.gamma * self.output(attended)


KINDS: dict[str, type[SelfAttention2d]] = {"plain": PlainAttention2d, "ours": SelfAttention2d}


def main() -> None:
    """Measure as the command line says, print the table, and write the JSON if asked for."""
    choices = command_line()
    if choices.only:
        kind, channels, height = choices.only.split(",")
        print(json.dumps(memory_of(kind, int(channels), int(height), choices)))
        return
    result = benchmark(choices)
    print(table(result))
    if choices.json:
        Path(choices.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def command_line(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64, help="images in one pass")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rounds", type=int, default=9, help="how often each has its turn")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count processor seconds, on a CPU that others use too; then with OMP_NUM_THREADS=1",
    )
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--json", help="write the result into this file too")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one row's memory, in its own process
    return parser.parse_args(arguments)


def one_pass(
    kind: str, channels: int, height: int, choices: argparse.Namespace, channels_last: bool
) -> Callable[[], None]:
    """A forward and backward pass with fixed numbers, ready to be called."""
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    attention = KINDS[kind](channels).to(choices.device, memory_format=layout)
    torch.nn.init.constant_(attention.gamma, 0.5)
    x = torch.randn(choices.batch, channels, height, height, device=choices.device)
    x = x.contiguous(memory_format=layout).requires_grad_()
    upstream = torch.randn_like(x)

    def run() -> None:
        x.grad = None
        attention.zero_grad()
        attention(x).backward(upstream)

    return run


def seconds_of(run: Callable[[], None], choices: argparse.Namespace) -> float:
    if choices.device.startswith("cuda"):
        torch.cuda.synchronize()
    clock = time.process_time if choices.processor_time else time.perf_counter
    start = clock()
    run()
    if choices.device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - start


def benchmark(choices: argparse.Namespace) -> dict:
    rows = []
    for channels, height in SIZES:
        for channels_last in (False, True):
            runs = {k: one_pass(k, channels, height, choices, channels_last) for k in KINDS}
            seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for run in runs.values():
                run()
            for _ in range(choices.rounds):
                for kind, run in runs.items():
                    seconds[kind].append(seconds_of(run, choices))
            layout = "last" if channels_last else "first"
            rows.append(
                {"channels": channels, "height": height, "layout": layout, "seconds": seconds}
            )
    memory = []
    for channels, height in [] if choices.no_memory else MEMORY_SIZES:
        added = {kind: memory_in_own_process(kind, channels, height, choices) for kind in KINDS}
        memory.append({"channels": channels, "height": height, "mb": added})
    return {
        "machine": machine(torch.device(choices.device)),
        "torch": torch.__version__,
        "clock": "processor" if choices.processor_time else "wall",
        "batch": choices.batch,
        "rounds": choices.rounds,
        "rows": rows,
        "memory": memory,
    }


def memory_in_own_process(
    kind: str, channels: int, height: int, choices: argparse.Namespace
) -> float:
    command = [sys.executable, __file__, "--only", f"{kind},{channels},{height}"]
    command += ["--device", choices.device, "--batch", str(choices.batch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(answer.splitlines()[-1])


def memory_of(kind: str, channels: int, height: int, choices: argparse.Namespace) -> float:
    """MB that a forward and backward pass adds to this process's peak, its input not counted."""
    small = argparse.Namespace(**{**vars(choices), "batch": 1})
    one_pass(kind, channels, 4, small, channels_last=False)()  # libraries and kernels are loaded
    run = one_pass(kind, channels, height, choices, channels_last=False)
    before = peak(choices)
    run()
    return peak(choices) - before


def peak(choices: argparse.Namespace) -> float:
    """The largest memory so far, in MB."""
    if choices.device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.exists():  # getrusage's number includes the process that started this one
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8")).group(1)) * 1.024e-3
    import resource  # macOS, where it counts bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def ratio(row: dict) -> float:
    """Our time by the plain form's: the median of the rounds' own ratios."""
    pairs = zip(row["seconds"]["ours"], row["seconds"]["plain"], strict=True)
    return median(ours / plain for ours, plain in pairs)


def table(result: dict) -> str:
    """The result in Markdown."""
    lines = [
        f"Batch {result['batch']}, forward and backward; {result['machine']}; torch "
        f"{result['torch']}; {result['clock']} time, median of {result['rounds']} rounds in turn",
        "",
        "| map | channels | layout | plain, ms | ours, ms | ours / plain |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for row in result["rows"]:
        plain, ours = (1000 * median(row["seconds"][kind]) for kind in ("plain", "ours"))
        lines.append(
            f"| {row['height']}x{row['height']} | {row['channels']} | channels {row['layout']} | "
            f"{plain:.1f} | {ours:.1f} | {ratio(row):.2f} |"
        )
    if result["memory"]:
        lines += ["", "| map | channels | plain, MB | ours, MB | ours / plain |"]
        lines += ["|---|---:|---:|---:|---:|"]
    for row in result["memory"]:
        plain, ours = row["mb"]["plain"], row["mb"]["ours"]
        size = f"{row['height']}x{row['height']}"
        lines.append(
            f"| {size} | {row['channels']} | {plain:,.0f} | {ours:,.0f} | {ours / plain:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
