"""The whole state of a run in one file, written so that it is never half there.

The file is ``last.safetensors``: tensors by name, and one JSON text for everything that is not a
tensor. Nothing in it can run code when it is read.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_course.errors import CourseError
from gan_course.files import write_atomically
from gan_course.models.weights import read_tensors
from gan_course.training.config import TrainConfig

PROGRESS = ("step", "epoch", "batch", "images_seen", "images")


def state_tensors(
    models: dict[str, nn.Module], optimizers: dict[str, Optimizer], rng: torch.Generator
) -> dict[str, Tensor]:
    """Copies, on the CPU, of every tensor that the next step depends on.

    Args:
        models: by name: generator, discriminator, ema.
        optimizers: by name: g, d.
        rng: the generator of z.
    """
    tensors = {"rng": rng.get_state()}
    for name, model in models.items():
        for key, value in model.state_dict().items():
            tensors[f"{name}.{key}"] = value
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer_{name}.{index}.{key}"] = torch.as_tensor(value)
    return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}


def save_checkpoint(
    path: Path,
    config: TrainConfig,
    tensors: dict[str, Tensor],
    progress: dict[str, int],
    scores: list[dict],
) -> None:
    """Write the file: whole, or not at all.

    Args:
        tensors: from ``state_tensors``.
        progress: step, epoch, batch (next batch of the epoch), images_seen, and images, the size
            of the data set.
        scores: what the metric said so far.
    """
    content = {"config": asdict(config), "progress": progress, "scores": scores, "format": 1}
    write_atomically(path, save(tensors, {"gan_course": json.dumps(content)}))


def read_checkpoint(
    path: Path,
) -> tuple[TrainConfig, dict[str, int], list[dict], dict[str, Tensor]]:
    """The config, the progress, the scores and the tensors of a checkpoint.

    Raises:
        CourseError: if the file is missing, damaged, or not a training checkpoint.
    """
    tensors = read_tensors(path)
    try:
        with safe_open(path, framework="pt") as file:
            content = json.loads(file.metadata()["gan_course"])
        if content["format"] != 1:
            raise CourseError(f"format {content['format']!r} is another version's: go on with it.")
        progress = {key: int(content["progress"][key]) for key in PROGRESS}
        known = (None, "float32", "bfloat16")
        if min(progress.values()) < 0 or content["progress"].get("precision") not in known:
            raise ValueError("a count below 0, or an unknown precision")
        progress["precision"] = content["progress"].get("precision")  # not in old ones
        scores = [row | {"score": float(row["score"])} for row in content.get("scores", [])]
        return TrainConfig(**content["config"]), progress, scores, tensors
    except CourseError as error:
        raise CourseError(f"{path}: {error}") from error
    except Exception as error:
        raise CourseError(
            f"{path} holds weights but not the state of a run, so training cannot go on from it."
        ) from error


def restore(
    tensors: dict[str, Tensor],
    models: dict[str, nn.Module],
    optimizers: dict[str, Optimizer],
    rng: torch.Generator,
    path: Path,
) -> None:
    """Put the tensors of a checkpoint into the models, the optimisers and the generator of z."""
    try:
        rng.set_state(tensors["rng"])
        for name, model in models.items():
            model.load_state_dict(_part(tensors, f"{name}."))
        for name, optimizer in optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _part(tensors, f"optimizer_{name}.").items():
                index, entry = key.split(".", 1)
                state.setdefault(int(index), {})[entry] = value
            if not state:
                raise LookupError(name)
            groups = optimizer.state_dict()["param_groups"]
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            for index, entries in state.items():
                for entry, value in entries.items():
                    # In memory laid out as the parameter is: Adam's fused loop walks both at once.
                    if value.shape == parameters[index].shape:
                        entries[entry] = torch.empty_like(parameters[index]).copy_(value)
            optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (RuntimeError, LookupError, ValueError, TypeError) as error:
        raise CourseError(
            f"{path} does not fit the networks of this run. Put back the one that belongs here, or "
            f"start a new run in another --output-dir."
        ) from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


# ---- the folder of a run ----------------------------------------------------------------------


def refuse_to_overwrite(folder: Path) -> None:
    """A folder that holds a run is left alone."""
    checkpoints = folder / "checkpoints"
    if (checkpoints / "last.safetensors").exists() or any(checkpoints.glob("generator_*.pth")):
        raise CourseError(
            f"{folder} already holds a run, and it was not touched. Go on with it by "
            f"--resume, or start a new one elsewhere by --output-dir."
        )


def refuse_another_run(
    now: TrainConfig, before: TrainConfig, images_now: int, images_before: int
) -> None:
    """A run goes on only with the choices and the images that it was started with."""
    changed = now.difference(before)
    if changed:
        raise CourseError(
            "the run to resume was started with other choices, so it was not touched: "
            + "; ".join(changed)
            + ". Repeat them, or start a new run in another --output-dir."
        )
    if images_before != images_now:
        raise CourseError(
            f"the run to resume was started with {images_before:,} images of {now.dataset}, and "
            f"now there are {images_now:,}. Bring back the same images, or start a new run in "
            f"another --output-dir."
        )


def remove_unfinished_files(folder: Path) -> None:
    """What a process that was killed while it was writing has left beside the real files."""
    places = ("checkpoints/.*.part", "outputs/.*.part", ".history.jsonl.*.part")
    for path in (p for place in places for p in folder.glob(place)):
        with contextlib.suppress(OSError):
            path.unlink()
