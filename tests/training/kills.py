"""Kill a training run with SIGKILL at random moments, resume it, and compare with one left alone.

    python tests/training/kills.py --kills 50

Every second kill comes while a file is being written: as soon as a ``.part`` file is seen. Each
run is killed once, resumed, and must end with the same numbers to the last bit: networks, their
average, both optimisers, the random generator, the position, the history, the saved generators.
The processes are forked from one that has imported torch already, which is what takes long.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from gan_course import files
from gan_course.training import TrainConfig, Trainer, trainer

LAST = "checkpoints/last.safetensors"


def config(folder, resume=False):
    return TrainConfig(
        image_size=16,
        batch_size=256,
        num_epochs=3,
        base_channels=2,
        latent_dim=4,
        device="cpu",
        save_interval=1,
        output_dir=folder and str(folder),
        resume=resume,
    )


def train(folder, resume):
    """In the child: a small run that saves often and writes slowly, as a slow disk would."""
    sync = os.fsync

    def slow_sync(descriptor):
        time.sleep(0.004)
        sync(descriptor)

    files.os.fsync = slow_sync
    trainer.SAVE_SECONDS = 0.05

    # A cheap stand-in for a real metric, so that scores and the best generator are tested too.
    def metric(generator):
        return generator(torch.ones(2, 4)).mean()

    Trainer(config(folder, resume), metric).fit(progress=False)


def start(folder):
    """Start or resume a run in a process of its own."""
    resume = (folder / LAST).exists()
    child = os.fork()
    if child == 0:
        try:
            train(folder, resume)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child


def finish(folder):
    _, status = os.waitpid(start(folder), 0)
    if status != 0:
        raise SystemExit(f"the run in {folder} could not be finished: status {status}.")


def parts(folder):
    return [p for place in ("", "checkpoints", "outputs") for p in (folder / place).glob(".*.part")]


def kill(child, folder, seconds, while_writing):
    """Kill the child after this long, and then, if wished, not before it writes a file."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or (while_writing and not parts(folder)):
        if os.waitpid(child, os.WNOHANG)[0]:
            return False  # it had ended
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def contents(folder):
    """Everything that a finished run has left, but for where it was and how often it was begun."""
    with safe_open(folder / LAST, framework="pt") as file:
        text = json.loads(file.metadata()["gan_course"])
    for name in ("output_dir", "resume"):
        del text["config"][name]
    found = {"text": text, "last": load_file(folder / LAST)}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".pth":
            found[path.name] = torch.load(path, weights_only=True)
        elif path.suffix in (".jsonl", ".png"):
            found[path.name] = path.read_bytes()
    found["names"] = sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))
    return found


def equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def main(kills, seed):
    torch.set_num_threads(1)
    sys.modules["matplotlib"] = None  # curves are not what is tested, and take long to draw
    next(Trainer(config(None)).steps())  # what torch and others load at the first use, loaded once
    chance = random.Random(seed)
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    begin = time.perf_counter()
    finish(home / "whole")
    whole, length = contents(home / "whole"), time.perf_counter() - begin
    done = writing = with_steps = 0
    while done < kills:
        folder = home / str(done)
        child = start(folder)
        if not kill(child, folder, chance.uniform(0, length), while_writing=done % 2 == 1):
            shutil.rmtree(folder)
            continue  # it was faster than we: try again
        writing += bool(parts(folder))
        with_steps += (folder / LAST).exists()
        finish(folder)
        now = contents(folder)
        if not equal(now, whole):
            different = [k for k in whole.keys() | now if not equal(now.get(k), whole.get(k))]
            raise SystemExit(f"kill {done + 1} changed the run in {folder}: {different}")
        shutil.rmtree(folder)
        done += 1
    shutil.rmtree(home)
    print(
        f"{done} kills, {writing} of them during a write, {with_steps} with a checkpoint to resume "
        f"from: {done} runs ended bit-identical, in {time.perf_counter() - begin:.0f} s."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    main(arguments.kills, arguments.seed)
