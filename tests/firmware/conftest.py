"""An application made by hand, and a compiler for what is generated from it. Any bytes do for a model that nobody runs."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.evaluate import litert, micro
from emberflow.firmware.application import Application
from emberflow.firmware.folder import Build, Product
from emberflow.firmware.vectors import TestVectors
from emberflow.firmware.vectors import make_vectors as vectors_of
from emberflow.standardization import Standardization
from emberflow.target import find_target
from emberflow.values import AnyArray, FloatArray

C_FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off")
CXX_FLAGS = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c")
SCALES = {"int8": (0.05, 3), "uint8": (0.05, 128), "int16": (0.0007, 0), "float32": (0.0, 0)}


def reference_codes(values: FloatArray, dtype: str) -> AnyArray:
    """What quantizing must give, by another way than the sources: the exact quotient's nearest integer, as decimal ratios of integers.

    The quotient is rounded to float32 first, as the sources do; what follows is in Python's integers.
    """
    scale, zero_point = SCALES[dtype]
    if dtype == "float32":
        return values
    limits = np.iinfo(dtype)
    codes = []
    for step in (values / np.float32(scale)).reshape(-1).tolist():
        above, below = abs(step).as_integer_ratio()
        nearest = (2 * above + below) // (2 * below)  # ties upwards, away from zero because of abs
        codes.append(min(max((nearest if step >= 0 else -nearest) + zero_point, limits.min), limits.max))
    return np.array(codes, dtype).reshape(values.shape)


def make_vectors(dtype: str = "int8", output_dtype: str | None = None, samples: int = 4, classes: int = 3) -> TestVectors:
    """Samples of 5 steps and 2 channels, standardized with mean (1, -2) and std (0.5, 3)."""
    output_dtype = output_dtype or dtype
    numbers = np.random.default_rng(7)
    raw = numbers.normal(0, 4, (samples, 5, 2)).astype(np.float32)
    outputs = numbers.normal(0, 2, (samples, classes)).astype(np.float32)
    return TestVectors(
        raw=raw,
        inputs=reference_codes((raw - np.float32([1, -2])) / np.float32([0.5, 3]), dtype),
        outputs=reference_codes(outputs, output_dtype),
        labels=np.arange(samples, dtype=np.int64) % classes,
        input_scale=SCALES[dtype][0],
        input_zero_point=SCALES[dtype][1],
        output_scale=SCALES[output_dtype][0],
        output_zero_point=SCALES[output_dtype][1],
    )


def make_application(vectors: TestVectors | None = None, **changes: object) -> Application:
    """A program called `watch` for a model of 40 bytes."""
    parts: dict[str, object] = {
        "name": "watch",
        "model": bytes(range(40)),
        "labels": ("left", "right", "none"),
        "standardization": Standardization(mean=(1.0, -2.0), std=(0.5, 3.0)),
        "vectors": vectors or make_vectors(),
        "operators": {"SOFTMAX": 1, "CONV_2D": 3, "FULLY_CONNECTED": 2},
        "arena_bytes": 12_304,
    }
    return Application(**(parts | changes))  # type: ignore[arg-type]


@pytest.fixture
def application() -> Callable[..., Application]:
    """`make_application`."""
    return make_application


@pytest.fixture
def vectors() -> Callable[..., TestVectors]:
    """`make_vectors`."""
    return make_vectors


@pytest.fixture
def codes() -> Callable[[FloatArray, str], AnyArray]:
    """`reference_codes`."""
    return reference_codes


def product_maker(models) -> Callable[..., Product]:
    """`product_maker(models)("stm32f405")`: a real model of 6 x 6 x 2 values to 3 classes, compiled, with 16 vectors that TFLM answered."""
    model, scale = models.small_tflite(), Standardization(mean=(1.0, -2.0), std=(0.5, 3.0))
    raw = (np.random.default_rng(5).normal(0, 3, (16, 6, 6, 2)) * scale.std + scale.mean).astype(np.float32)
    outputs = micro.run(model, scale.apply(raw))
    vectors = vectors_of(raw, outputs.argmax(axis=1).astype(np.int64), scale, litert.read_borders(model), outputs)
    app = make_application(vectors, name="small", model=model, standardization=scale)
    compiled = compile_model(model, "small")

    def make(target: str = "stm32f405", **changes: object) -> Product:
        build = Build(compiled.files)
        return Product(app, find_target(target), replace(build, **changes))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def product(models) -> Callable[..., Product]:
    """`product("stm32f405")`: see `product_maker`."""
    return product_maker(models)


def put(files: dict[str, bytes], directory: Path) -> Path:
    """Write `files` under `directory`."""
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Writes files under the test's own directory and returns that."""
    return lambda files: put(files, tmp_path)


def zig(*arguments: object) -> str:
    """Run the compiler; its complaints fail the test."""
    done = subprocess.run([sys.executable, "-m", "ziglang", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def run_c() -> Callable[[Path, str], str]:
    """Compiles `src/*.c` with a main of the test's own, strictly, runs it, and returns what it printed."""

    def run(directory: Path, main: str) -> str:
        source, program = directory / "check.c", directory / "check"
        source.write_text(main)
        zig("cc", *C_FLAGS, source, *sorted((directory / "src").glob("*.c")), "-o", program, "-lm")
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture
def check_grammar(tmp_path: Path) -> Callable[..., str]:
    """Compiles C++ against the stand-ins for TFLM's headers: grammar, not behaviour."""
    stand_ins = Path(__file__).parent / "stand_ins"
    return lambda *arguments: zig("c++", *CXX_FLAGS, "-I", stand_ins, *arguments, "-o", tmp_path / "parsed.o")
