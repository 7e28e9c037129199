"""Small trained generators that come with the course, each with a model card beside it."""

from __future__ import annotations

from pathlib import Path

from gan_course.errors import CourseError
from gan_course.models import DCGANGenerator, SAGANGenerator
from gan_course.models.weights import load_generator

FOLDER = Path(__file__).parent


def available() -> list[str]:
    """Names of the generators that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load_pretrained(name: str) -> DCGANGenerator | SAGANGenerator:
    """A shipped generator, in eval mode, on the CPU, in float32 (they are stored in float16).

    Raises:
        CourseError: if there is none of that name.
    """
    if name not in available():
        raise CourseError(
            f"no generator called {name!r} ships with the course, only {', '.join(available())}."
        )
    return load_generator(FOLDER / f"{name}.safetensors")
