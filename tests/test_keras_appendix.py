"""The appendix on Keras without Keras: a sentence, and nothing after it runs."""

import importlib.util
import json
from pathlib import Path

import pytest

from gan_course.errors import CourseError

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "91_gan_in_keras.ipynb"


def test_without_keras_it_says_what_to_install(monkeypatch):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match=r"pip install 'keras>=3\.10'"):
        exec(first, {})


def test_torch_is_chosen_before_keras_is_imported():
    """Keras looks for its backend once; without one it asks for TensorFlow."""
    source = NOTEBOOK.read_text(encoding="utf-8")
    assert 0 < source.index("KERAS_BACKEND") < source.index("import keras\\n")
