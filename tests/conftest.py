"""What any test may ask for. Loads tests/models.py, saved_models.py, strangers.py and chip.py, which are in no package; converts each tiny model once a session."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
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
        from tests.compiler.ledger import ledger_page

        page.write_text(ledger_page())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """EMBERFLOW_TESTS_UNTIL, in seconds since 1970: none of the longest tests begins later. CI says so, which a slow machine would not end in time."""
    until = os.environ.get("EMBERFLOW_TESTS_UNTIL")
    if until and item.get_closest_marker("longest") and time.time() > float(until):
        pytest.skip("CI's time is up; `make test-longest` runs it")


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
def strangers() -> ModuleType:
    """tests/strangers.py."""
    return load("strangers")


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
def command() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`command("up", "--home", folder)`: the command line in a process of its own, with nothing of Prefect's in its environment."""

    def run(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        program = str(Path(sys.executable).with_name("emberflow"))
        more = {"timeout": 300} | more
        return subprocess.run([program, *words], env=mine | {"COLUMNS": "160"}, capture_output=True, text=True, check=False, **more)

    return run


@pytest.fixture(scope="session")
def stack_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of the stack that tests share."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(stack_home: Path, command: Callable[..., Any]) -> Iterator[Any]:
    """What `emberflow up` starts, once for all tests in the xdist group "stack"; at the end `emberflow down` must leave nothing but data."""
    from emberflow.cli.stack import read_stack, stack_file

    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    answer = command("up", "--home", str(stack_home), "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1]))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    started = read_stack(stack_home)
    yield started
    answer = command("down", "--home", str(stack_home))
    assert answer.stdout.endswith(f"All is ended; the data are kept in '{stack_home}'.\n")
    assert started.processes() == []
    assert (stack_home / "mlflow.db").is_file()
    assert (stack_home / "prefect" / "prefect.db").is_file()
    assert not stack_file(stack_home).exists()


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real Prefect API on an own data base, whose results lie in a folder of this session."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    results = tmp_path_factory.mktemp("results")
    with prefect_test_harness(server_startup_timeout=120), temporary_settings({PREFECT_LOCAL_STORAGE_PATH: str(results)}):
        yield results
