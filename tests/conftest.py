"""What any test may ask for. Loads tests/models.py, which is in no package; converts each tiny model once a session."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def models() -> ModuleType:
    """tests/models.py."""
    name = "emberflow_test_models"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("models.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_tflite(models: ModuleType) -> Callable[..., bytes]:
    """`tiny_tflite("image", "int8")`: a tiny converted model's bytes; names in `models.MODELS`, formats in `models.FORMATS`."""
    return models.tiny_tflite
