"""What each of several processes does in test_distributed.py.

python tests/training/workers.py FOLDER PORT

The two processes are forked from one that has imported torch already, which is what takes long.
"""

import itertools
import json
import os
import sys
import traceback
from pathlib import Path

import torch

from gan_course.models import weights
from gan_course.training import TrainConfig, Trainer


def config(folder, **changes):
    choices = {
        "image_size": 16,
        "batch_size": 128,
        "num_epochs": 2,
        "base_channels": 2,
        "latent_dim": 4,
        "device": "cpu",
        "save_interval": 1,
        "output_dir": None if folder is None else str(folder),
    }
    return TrainConfig(**(choices | changes))


def conditional():
    """A SAGAN with classes, shifts and two steps of D; nothing is written."""
    choices = {"model": "sagan", "conditional": True, "augment": "translation"}
    choices |= {"discriminator_steps": 2, "image_size": 32, "batch_size": 64, "attention_at": 8}
    return config(None, num_epochs=1, **choices)


def train_labelled():
    """The trainer at the end of ``conditional``, and all its numbers after three steps."""
    trainer = Trainer(conditional())
    after_three = [state_of(trainer) for _ in itertools.islice(trainer.steps(), 3)][-1]
    return trainer.fit(progress=False), after_three


def train_in_pairs():
    """An R3GAN whose share of changed images adapts, to its end; nothing is written."""
    choices = {"model": "r3gan", "augment": "all", "adaptive_augment": True}
    return Trainer(config(None, num_epochs=1, **choices)).fit(progress=False)


def state_of(trainer):
    """Every number of the networks, running statistics and the optimisers' memory included."""
    models = (trainer.generator, trainer.discriminator, trainer.averaged.model)
    values = [v for m in models for v in m.state_dict().values()]
    for optimizer in (trainer.optimizer_g, trainer.optimizer_d):
        values += [s[k] for s in optimizer.state.values() for k in sorted(s)]
    return torch.cat([v.double().flatten() for v in values])


def fork(folder, port, count=2):
    """Start the processes as a launcher does, by the environment; the exit code is the worst."""
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                os.environ |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
                os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
                main(folder)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def main(folder):
    replaced = []
    replace = Path.replace
    Path.replace = lambda path, target: (replaced.append(target.name), replace(path, target))[1]
    assert weights.Path is Path  # what write_atomically moves into place is seen here

    whole = Trainer(config(folder / "whole")).fit(progress=False)
    rank = whole.processes.rank
    report = {"rank": rank, "files": list(replaced), "history": whole.history}

    # Stopped by Ctrl-C in one process only, at a step of its own.
    stopped = Trainer(config(folder / "stopped"))
    if rank == 1:
        import signal

        def press(*_):
            if stopped.step == 12:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)  # a launcher passes it on once more

        stopped.optimizer_d.register_step_post_hook(press)
    stopped.fit(progress=False)
    report["stopped at"] = stopped.step
    stopped.processes.any(False)  # the first process has now written
    resumed = Trainer(config(folder / "stopped", resume=True))
    report["resumed at"] = resumed.step
    resumed.fit(progress=False)
    report["resumed like whole"] = torch.equal(state_of(resumed), state_of(whole))
    report["history like whole"] = resumed.history == whole.history

    labelled, after_three = train_labelled()
    report["labelled history"] = labelled.history
    in_pairs = train_in_pairs()
    report["pairs history"], report["pairs p"] = in_pairs.history, in_pairs.adaptive.p
    report["pairs kept"] = in_pairs._state()["adaptive"].shape
    report["pairs state"] = state_of(in_pairs).tolist()

    try:
        Trainer(config(None, batch_size=7))
    except Exception as error:
        report["uneven"] = str(error)
    (folder / f"{rank}.json").write_text(json.dumps(report))
    torch.save([state_of(whole), state_of(labelled), after_three], folder / f"{rank}.pt")
    whole.processes.leave()


if __name__ == "__main__":
    sys.exit(fork(Path(sys.argv[1]), sys.argv[2]))
