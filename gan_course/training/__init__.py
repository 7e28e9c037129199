"""Training: a config, one readable step, and the loop around it.

Needs torch, tqdm and Pillow only, so that it also runs on a bare GPU machine without Jupyter.
``TrainConfig`` can be imported without torch; the rest is imported when it is asked for.
"""

from typing import TYPE_CHECKING

from gan_course.training.config import TrainConfig

if TYPE_CHECKING:
    from gan_course.training.step import StepStats, training_step
    from gan_course.training.trainer import Trainer

__all__ = ["StepStats", "TrainConfig", "Trainer", "training_step"]


def __getattr__(name: str) -> object:
    if name == "Trainer":
        from gan_course.training.trainer import Trainer

        return Trainer
    if name in ("StepStats", "training_step"):
        from gan_course.training import step

        return getattr(step, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
