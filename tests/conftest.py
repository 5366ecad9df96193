"""What any test may ask for. Loads tests/models.py, saved_models.py and chip.py, which are in no package; converts each tiny model once a session."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--ledger FILE`: write down what the compiler's tests compared with TFLM, by operator. Without -n: workers don't share it."""
    parser.addoption("--ledger", type=Path, help="where to write the page docs/reference/operators.md")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was asked for."""
    if page := session.config.getoption("--ledger", default=None):
        from tests.compiler.harness import ledger_page

        page.write_text(ledger_page())


def load(name: str) -> ModuleType:
    """tests/<name>.py."""
    spec = importlib.util.spec_from_file_location(f"emberflow_test_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models() -> ModuleType:
    """tests/models.py."""
    return load("models")


@pytest.fixture(scope="session")
def case() -> Callable[[str], Any]:
    """`case("healthy")`: a model with or without a disease in int8 and float32, with its data; names in `tests/inspected.py`."""
    make: Callable[[str], Any] = load("inspected").make
    return make


@pytest.fixture(scope="session")
def chip() -> ModuleType:
    """tests/chip.py."""
    return load("chip")


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SavedModels of tests/saved_models.py, each in a directory of its name; not to be written to."""
    folder = tmp_path_factory.mktemp("saved_models")
    load("saved_models").write_all(folder)
    return folder


@pytest.fixture(scope="session")
def toolchain():
    """zig, whose cache outlives the tests: the first build for a core takes seconds."""
    from emberflow.adapters.toolchain import Toolchain

    return Toolchain(Path(__file__).parents[1] / ".emberflow" / "toolchain")


@pytest.fixture(scope="session")
def emulator(toolchain):
    """Runs images on an emulated core."""
    from emberflow.adapters.emulator import Emulator

    return Emulator(toolchain)


@pytest.fixture(scope="session")
def tiny_tflite(models: ModuleType) -> Callable[..., bytes]:
    """`tiny_tflite("image", "int8")`: a tiny converted model's bytes; names in `models.MODELS`, formats in `models.FORMATS`."""
    return models.tiny_tflite


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real Prefect API on an own data base, whose results lie in a folder of this session."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    results = tmp_path_factory.mktemp("results")
    with prefect_test_harness(server_startup_timeout=120), temporary_settings({PREFECT_LOCAL_STORAGE_PATH: str(results)}):
        yield results
