"""How fast is a training step? The course's against the loops that tutorials teach.

    python benchmarks/step.py                     # 32x32 and 64x64, one channel, batch 64, width 64
    python benchmarks/step.py --size 32 --base 32 --no-compile --no-memory     # a quick look
    python benchmarks/step.py --rows naive float32 --rounds 15
    python benchmarks/step.py --device cuda --batch 64 --json result.json

All rows train the same DCGAN (gan_course.models) on the same images, in one process. They take
turns, a few steps each, round after round (A B C A B C ...), so that whatever else the machine does
hits all of them alike. A ratio is the median, over the rounds, of this row's speed by the other's.

The rows:

* ``naive``: what many tutorials and repositories do. Sigmoid and BCELoss; the fakes are not cut off
  from G while D learns, and G draws again for its own update; D's weight gradients are computed
  once more in G's update and thrown away; Adam as it comes; ``.item()`` on both losses at every
  step; a DataLoader.
* ``careful``: the same loop by somebody who knows. Losses on logits; fakes drawn under no_grad; D
  frozen while G learns; no ``.item()``; images in memory. Float32, eager, Adam as it comes.
* ``ours``: ``gan_course.training.make_step`` with fused Adam: G's forward pass used twice, channels
  last; in float32, in bfloat16, each also compiled (unless --no-compile), as a CUDA graph (on a
  GPU), and both. Where nothing can be compiled (no C++ compiler), those rows are left out, and the
  table says so.

Memory is the peak of a process that runs this row alone: on a CPU its resident memory (Python and
torch included), on a GPU what torch had allocated.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from gan_course.data.images import ImageSet, to_floats
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.training.fast_step import make_step
from gan_course.training.precision import bfloat16_is_native, now

LATENT_DIM = 64
BETAS = (0.5, 0.999)
LEARNING_RATE = 0.0002
TURN_SECONDS = 0.4  # of the naive loop, if nobody says how many steps are a turn


def main() -> None:
    """Measure as the command line says, print the table, and write the JSON if asked for."""
    choices = command_line()
    if choices.only:
        print(json.dumps({"memory_mb": memory_of(choices)}))
        return
    results, start = [], time.perf_counter()
    for size in choices.sizes:
        results.append(benchmark(at_size(choices, size)))
        print(table(results[-1]), end="\n\n", flush=True)
    print(f"All of it took {time.perf_counter() - start:.0f} s.")
    if choices.json:
        Path(choices.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def at_size(choices: argparse.Namespace, size: int) -> argparse.Namespace:
    """The same choices for one image size."""
    one = copy.copy(choices)
    one.size, one.sizes = size, [size]
    return one


def command_line(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--size",
        dest="sizes",
        type=int,
        nargs="+",
        choices=(16, 32, 64, 128),
        default=[32, 64],
        help="image sizes, a table for each: 16, 32, 64 or 128",
    )
    parser.add_argument("--channels", type=int, default=1, help="1 or 3")
    parser.add_argument("--base", type=int, default=64, help="width of both networks")
    parser.add_argument("--batch", type=int, default=64, help="images in one step")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rounds", type=int, default=9, help="how often each row has its turn")
    parser.add_argument("--steps", type=int, help="steps in one turn; about 0.4 s if left out")
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compiled rows too (each takes up to a minute to start)",
    )
    parser.add_argument(
        "--rows", nargs="+", metavar="WORD", help="only rows with one of these words in their name"
    )
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count processor seconds, on a CPU that others use too; then with OMP_NUM_THREADS=1",
    )
    parser.add_argument("--no-memory", action="store_true", help="leave the memory column out")
    parser.add_argument("--json", help="write the result into this file too")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one row's memory, in its own process
    choices = parser.parse_args(arguments)
    choices.size = choices.sizes[0]
    if choices.rows and not rows(choices):
        names = "; ".join(rows(argparse.Namespace(**vars(choices) | {"rows": None})))
        parser.error(f"no row has {' or '.join(choices.rows)} in its name. There are: {names}")
    return choices


# ---- the loops that are compared --------------------------------------------------------------

Step = Callable[[], None]
Clock = Callable[[torch.device], float]


def networks(choices: argparse.Namespace) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    size, channels = choices.size, choices.channels
    generator = DCGANGenerator(size, channels, LATENT_DIM, choices.base).to(choices.device)
    return generator, DCGANDiscriminator(size, channels, choices.base).to(choices.device)


def adams(*models: nn.Module, fused: bool | None = None) -> list[torch.optim.Adam]:
    return [
        torch.optim.Adam(m.parameters(), lr=LEARNING_RATE, betas=BETAS, fused=fused) for m in models
    ]


def naive(choices: argparse.Namespace, images: ImageSet) -> Step:
    generator, discriminator = networks(choices)
    optimizer_g, optimizer_d = adams(generator, discriminator)
    loss = nn.BCELoss()
    loader = DataLoader(
        TensorDataset(to_floats(images.pixels).cpu()), choices.batch, shuffle=True, drop_last=True
    )
    batches = endless(lambda: (batch for [batch] in loader))
    device = choices.device

    def step() -> None:
        real = next(batches).to(device)
        ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)

        fake = generator(torch.randn(len(real), LATENT_DIM, device=device))
        loss_d = loss(torch.sigmoid(discriminator(real)), ones)
        loss_d = loss_d + loss(torch.sigmoid(discriminator(fake)), zeros)
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()

        fake = generator(torch.randn(len(real), LATENT_DIM, device=device))
        loss_g = loss(torch.sigmoid(discriminator(fake)), ones)
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        loss_d.item(), loss_g.item()

    return step


def careful(choices: argparse.Namespace, images: ImageSet) -> Step:
    generator, discriminator = networks(choices)
    optimizer_g, optimizer_d = adams(generator, discriminator)
    batches = endless(lambda: images.batches(choices.batch, seed=0, epoch=0))

    def step() -> None:
        real = next(batches)
        with torch.no_grad():
            fake = generator(torch.randn(len(real), LATENT_DIM, device=real.device))
        loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()

        discriminator.requires_grad_(False)
        fake = generator(torch.randn(len(real), LATENT_DIM, device=real.device))
        loss_g = F.softplus(-discriminator(fake)).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        discriminator.requires_grad_(True)

    return step


def ours(choices: argparse.Namespace, images: ImageSet, **how: object) -> Step:
    generator, discriminator = networks(choices)
    fast_step = make_step(
        generator, discriminator, *adams(generator, discriminator, fused=True), **how
    )
    batches = endless(lambda: images.batches(choices.batch, seed=0, epoch=0))
    noise = torch.Generator().manual_seed(1)

    def step() -> None:
        real = next(batches)
        # As the trainer does: z is drawn on the CPU, so that a seed means the same everywhere.
        z = torch.randn(len(real), LATENT_DIM, generator=noise)
        fast_step(real, z.to(real.device, non_blocking=True))

    return step


def endless(epoch: Callable[[], Iterator[Tensor]]) -> Iterator[Tensor]:
    while True:
        yield from epoch()


def rows(choices: argparse.Namespace) -> dict[str, Callable[..., Step]]:
    """Name -> what makes the step. A row that this machine cannot run is not there."""
    precisions = ["float32"]
    if bfloat16_is_native(torch.device(choices.device)):
        precisions.append("bfloat16")
    found: dict[str, Callable[..., Step]] = {"naive": naive, "careful": careful}
    for precision in precisions:
        for compile in (False, True) if choices.compile else (False,):
            for graph in (False, True) if choices.device.startswith("cuda") else (False,):
                name = f"ours, {precision}" + ", compiled" * compile + ", CUDA graph" * graph
                how = {"precision": precision, "compile": compile, "cuda_graph": graph}
                found[name] = lambda c, i, how=how: ours(c, i, **how)
    if choices.rows:
        found = {n: make for n, make in found.items() if any(word in n for word in choices.rows)}
    return found


# ---- measuring --------------------------------------------------------------------------------


def benchmark(choices: argparse.Namespace) -> dict:
    """Seconds per step of every row in every round, and what the machine was like."""
    device = torch.device(choices.device)
    clock = (lambda device: time.process_time()) if choices.processor_time else now
    load_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    images = random_images(choices)
    steps = {name: make(choices, images) for name, make in rows(choices).items()}
    left_out = warm_up(steps, device, clock)
    seconds = {name: [] for name in steps}
    number = choices.steps or steps_in_a_turn(next(iter(steps.values())), device)
    for _ in range(choices.rounds):
        for name, step in steps.items():
            seconds[name].append(take_turn(step, number, device, clock))
    memory = (
        {} if choices.no_memory else {name: memory_in_own_process(choices, name) for name in steps}
    )
    return {
        "machine": machine(device),
        "torch": torch.__version__,
        "load_before": load_before,
        "clock": "processor" if choices.processor_time else "wall",
        "size": choices.size,
        "channels": choices.channels,
        "base": choices.base,
        "batch": choices.batch,
        "rounds": choices.rounds,
        "steps_in_a_round": number,
        "left_out": left_out,
        "seconds_per_step": seconds,
        "seconds_of_data_per_step": data_seconds(choices, images, device, clock),
        "memory_mb": memory,
    }


def warm_up(steps: dict[str, Step], device: torch.device, clock: Clock) -> dict[str, str]:
    """Kernels are chosen, graphs compiled and recorded. What cannot be compiled here is taken out.

    Returns:
        name -> why it was left out.
    """
    left_out = {}
    # All rows run the same lines of Python, of which torch keeps eight compiled forms: too few for
    # a table. Beyond them a row would quietly be an eager one.
    torch._dynamo.config.recompile_limit = 64
    for name, step in list(steps.items()):
        try:
            take_turn(step, 3, device, clock)
        except Exception as error:  # of many kinds: no compiler, no Triton, a version too old
            if "compiled" not in name:
                raise
            del steps[name]
            left_out[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    return left_out


def steps_in_a_turn(step: Step, device: torch.device) -> int:
    """So many that a turn takes about ``TURN_SECONDS``; of the slowest row, the first."""
    seconds = min(take_turn(step, 1, device) for _ in range(3))
    return max(2, min(100, round(TURN_SECONDS / seconds)))


def random_images(choices: argparse.Namespace) -> ImageSet:
    shape = (choices.channels, choices.size, choices.size)
    count = max(20 * choices.batch, 2000)
    pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8).to(choices.device)
    return ImageSet("random", shape, count, pixels)


def take_turn(step: Step, number: int, device: torch.device, clock: Clock = now) -> float:
    """Seconds per step."""
    start = clock(device)
    for _ in range(number):
        step()
    return (clock(device) - start) / number


def data_seconds(
    choices: argparse.Namespace, images: ImageSet, device: torch.device, clock: Clock
) -> float:
    """Seconds that one batch costs when nothing is done with it."""
    times = []
    for epoch in range(5):
        start = clock(device)
        for _ in images.batches(choices.batch, seed=0, epoch=epoch):
            pass
        times.append((clock(device) - start) / images.batches_per_epoch(choices.batch))
    return median(times)


def memory_in_own_process(choices: argparse.Namespace, row: str) -> float:
    command = [sys.executable, __file__, "--only", row, "--device", choices.device]
    for name in ("size", "channels", "base", "batch"):
        command += [f"--{name}", str(getattr(choices, name))]
    if not choices.compile:
        command.append("--no-compile")
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(answer.splitlines()[-1])["memory_mb"]


def memory_of(choices: argparse.Namespace) -> float:
    """Peak memory in MB of this process after a few steps of one row."""
    device = torch.device(choices.device)
    take_turn(rows(choices)[choices.only](choices, random_images(choices)), 4, device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    status = Path("/proc/self/status")
    if status.exists():  # getrusage's number includes the process that started this one
        text = status.read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes


def machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), name)
    native = "with" if bfloat16_is_native(device) else "without"
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' * (threads > 1)}, {native} bfloat16 instructions"


# ---- the table --------------------------------------------------------------------------------


def ratio(result: dict, row: str, other: str) -> float:
    """How many times as fast ``row`` is as ``other``: the median of the rounds' own ratios."""
    seconds = result["seconds_per_step"]
    pairs = zip(seconds[other], seconds[row], strict=True)
    return median(theirs / mine for theirs, mine in pairs)


def ratio_text(result: dict, row: str, other: str) -> str:
    """Empty where the other row was not asked for."""
    return f"{ratio(result, row, other):.2f}" if other in result["seconds_per_step"] else ""


def table(result: dict) -> str:
    """The result in Markdown."""
    size, channels, batch = result["size"], result["channels"], result["batch"]
    lines = [
        f"{size}x{size}x{channels}, batch {batch}, width {result['base']}; {result['machine']}; "
        f"torch {result['torch']}; {result['clock']} time, median of {result['rounds']} rounds of "
        f"{result['steps_in_a_round']} steps in turn",
        "",
        "| step | ms | images/s | s per 1,000 images | × naive | × careful | peak memory, MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, times in result["seconds_per_step"].items():
        seconds = median(times)
        memory = result["memory_mb"].get(name)
        lines.append(
            f"| {name} | {1000 * seconds:.1f} | {batch / seconds:,.0f} | "
            f"{1000 * seconds / batch:.2f} | {ratio_text(result, name, 'naive')} | "
            f"{ratio_text(result, name, 'careful')} | "
            f"{'' if memory is None else f'{memory:,.0f}'} |"
        )
    fastest = min(median(times) for times in result["seconds_per_step"].values())
    data = result["seconds_of_data_per_step"]
    share = data / fastest
    lines += ["", f"A batch of data takes {1000 * data:.2f} ms: {share:.1%} of the fastest step."]
    for name, why in result.get("left_out", {}).items():
        lines.append(f"Left out: {name} ({why}).")
    if result["load_before"] is not None and result["load_before"] > 0.5:
        lines.append(
            f"The machine was not idle before (load {result['load_before']:.1f}): trust the ratios "
            f"more than the speeds."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
