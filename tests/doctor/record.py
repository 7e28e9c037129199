"""Record healthy and sick runs for the doctor's test: python tests/doctor/record.py

Two sets. The limits in ``gan_course/doctor.py`` were chosen by looking at *calibration* alone.
*Held out* has other seeds and other settings, and was recorded afterwards. Each run is named by
what was done to it, and not by what came out of it.

Takes ten to twenty minutes. Writes runs.json beside this file.
"""

import argparse
import json
from pathlib import Path

import torch

from gan_course import doctor
from gan_course.data import load_images
from gan_course.toy.checkup import statistics
from gan_course.toy.config import ToyConfig
from gan_course.toy.game import ToyGame
from gan_course.training import TrainConfig, Trainer

FILE = Path(__file__).with_name("runs.json")
FAR = {"distribution": "far", "loss": "saturating", "optimizer_g": "sgd", "pretrain_d": 400}

# (what was done to it, settings, seeds)
TOY = {
    "calibration": [
        ("healthy", {"r1_gamma": 0.1}, (100, 101, 102)),
        ("healthy", {}, (103, 104)),
        ("healthy", {"loss": "hinge", "r1_gamma": 0.1}, (105, 106)),
        ("healthy", {"distribution": "moons", "r1_gamma": 0.1}, (107,)),
        ("collapse", {"lr_d": 1e-4}, (110, 111, 112)),
        ("collapse", {"k_g": 5}, (113, 114, 115)),
        ("vanishing", FAR | {"lr_g": 0.02, "k_d": 5}, (120, 121, 122)),
        ("d_lags", {"pretrain_d": 500, "freeze_d": True}, (130, 131, 132)),
    ],
    "held_out": [
        ("healthy", {"r1_gamma": 0.2}, (200, 201)),
        ("healthy", {"lr_d": 7e-4, "lr_g": 7e-4, "r1_gamma": 0.05}, (202, 203)),
        ("healthy", {"loss": "hinge", "r1_gamma": 0.2}, (204,)),
        ("healthy", {"loss": "wasserstein", "gp_lambda": 1.0, "k_d": 3, "beta1": 0.0}, (205,)),
        ("healthy", {"distribution": "two", "r1_gamma": 0.1}, (206,)),
        ("healthy", {"loss": "least_squares", "r1_gamma": 0.1}, (207,)),
        ("collapse", {"lr_d": 7e-5}, (210, 211)),
        ("collapse", {"k_g": 6, "units": 48}, (212, 213)),
        ("collapse", {"lr_d": 1e-4, "batch_size": 64}, (214, 215)),
        ("vanishing", FAR | {"lr_g": 0.03, "k_d": 4}, (220, 221, 222)),
        ("d_lags", {"pretrain_d": 300, "freeze_d": True}, (230, 231)),
        ("d_lags", {"pretrain_d": 600, "freeze_d": True, "distribution": "two"}, (232,)),
    ],
}
IMAGES = {
    "calibration": [
        ("healthy", {}, (100, 101, 102)),
        ("healthy", {"loss": "hinge"}, (103, 104)),
        ("d_too_strong", {"lr_d": 4e-3, "lr_g": 2e-5}, (110, 111, 112)),
        ("vanishing", {"loss": "minimax", "lr_d": 4e-3, "lr_g": 1e-4}, (120, 121)),
        ("d_lags", {"lr_d": 2e-5, "lr_g": 2e-3}, (130, 131)),
        ("d_lags", {"lr_d": 0.0}, (132, 133)),
        ("wrong_range", {"scale": (0.5, 0.5)}, (140, 141)),
        ("wrong_range", {"scale": (127.5, 127.5)}, (142,)),
        ("norm_mismatch", {"momentum": 5e-4}, (150, 151)),
    ],
    "held_out": [
        ("healthy", {}, (200, 201)),
        ("healthy", {"loss": "hinge"}, (202,)),
        ("healthy", {"lr_d": 3e-4, "lr_g": 3e-4}, (203, 204)),
        ("healthy", {"base_channels": 24}, (205,)),
        ("d_too_strong", {"lr_d": 6e-3, "lr_g": 1e-5}, (210, 211)),
        ("d_too_strong", {"lr_d": 3e-3, "lr_g": 1e-5, "base_channels": 24}, (212,)),
        ("vanishing", {"loss": "minimax", "lr_d": 6e-3, "lr_g": 5e-5}, (220, 221)),
        ("d_lags", {"lr_d": 1e-5, "lr_g": 1e-3}, (230, 231)),
        ("d_lags", {"lr_d": 0.0, "loss": "hinge"}, (232,)),
        ("wrong_range", {"scale": (0.5, 0.5), "loss": "hinge"}, (240,)),
        ("wrong_range", {"scale": (0.5, 0.5)}, (241,)),
        ("wrong_range", {"scale": (1.62, 1.2)}, (242,)),  # -0.42 .. 2.82, a known accident
        ("norm_mismatch", {"momentum": 1e-3}, (250, 251, 252)),
    ],
}


def toy_run(settings: dict, seed: int, moments: int = 30, every: int = 50) -> list[dict]:
    game = ToyGame(ToyConfig(seed=seed, **settings))
    rows = []
    for _ in range(moments):
        game.step(every)
        rows.append(statistics(game).as_dict())
    return rows


def image_run(settings: dict, seed: int, steps: int = 400) -> list[dict]:
    settings = dict(settings)
    lr_d, lr_g = settings.pop("lr_d", None), settings.pop("lr_g", None)
    scale, momentum = settings.pop("scale", None), settings.pop("momentum", None)
    config = {"base_channels": 16, "num_epochs": 1000, "device": "cpu", "output_dir": None}
    trainer = Trainer(TrainConfig(seed=seed, **(config | settings)))
    for optimizer, rate in ((trainer.optimizer_d, lr_d), (trainer.optimizer_g, lr_g)):
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate
    if momentum is not None:
        for module in trainer.generator.modules():
            if hasattr(module, "momentum"):
                module.momentum = momentum
    if scale is not None:
        batches = trainer.images.batches
        trainer.images.batches = lambda *a, **k: (x * scale[0] + scale[1] for x in batches(*a, **k))
    for stats in trainer.steps():
        if stats.step >= steps:
            break
    return [doctor.Statistics.from_dict(row).as_dict() for row in trainer.history]


def rounded(row: dict) -> dict:
    """Five digits are plenty, and the file stays small."""

    def short(value):
        if isinstance(value, list):
            return [short(v) for v in value]
        return float(f"{value:.5g}") if isinstance(value, float) else value

    return {name: short(value) for name, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["calibration", "held_out"])
    parser.add_argument("--kind", choices=["toy", "image"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    load_images("digits")  # a missing package shows itself now
    runs = json.loads(FILE.read_text()) if FILE.exists() else []
    for kind, table, record in (("toy", TOY, toy_run), ("image", IMAGES, image_run)):
        for part, cases in table.items():
            if arguments.only not in (None, part) or arguments.kind not in (None, kind):
                continue
            runs = [r for r in runs if (r["kind"], r["part"]) != (kind, part)]
            for name, settings, seeds in cases:
                for seed in seeds:
                    rows = [rounded(row) for row in record(settings, seed)]
                    said = doctor.diagnose([doctor.Statistics.from_dict(r) for r in rows])
                    print(f"{part:<12}{kind:<6}{name:<14}{seed:<5}-> {said.name:<14}{said.sure}")
                    run = {"part": part, "kind": kind, "done": name, "settings": settings}
                    runs.append(run | {"seed": seed, "rows": rows})
            text = ",\n".join(json.dumps(run) for run in runs)
            FILE.write_text(f"[\n{text}\n]\n")  # after each part, so that little is lost


if __name__ == "__main__":
    main()
