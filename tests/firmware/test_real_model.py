"""A real int8 model in its applications: the Linux program runs, and TFLM takes the arena and the operators that the firmware is given."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emberflow.evaluate import litert, micro
from emberflow.evaluate.micro_process import takes
from emberflow.evaluate.size import measure_size
from emberflow.firmware.application import Application
from emberflow.firmware.operators import RESOLVER_METHODS
from emberflow.firmware.sources import render_linux, render_sources, render_tflm
from emberflow.firmware.vectors import TestVectors, make_vectors
from emberflow.standardization import Standardization

LABELS = ("rest", "wave", "schütteln")
STANDARDIZATION = Standardization(mean=(1.0, -2.0), std=(0.5, 3.0))
SAMPLES = 12

# In a process of its own: TensorFlow takes ten seconds and the choice of Keras, and gives back neither.
MAKE_MODEL = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import sys
import numpy as np
import tensorflow as tf
import tf_keras
tf_keras.utils.set_random_seed(5)
window = tf_keras.Input((5, 2), batch_size=1)
hidden = tf_keras.layers.Conv1D(4, 3, activation="relu", bias_initializer="random_normal")(window)
scores = tf_keras.layers.Dense(3, activation="softmax")(tf_keras.layers.Flatten()(hidden))
converter = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model(window, scores))
converter.optimizations = [tf.lite.Optimize.DEFAULT]
numbers = np.random.default_rng(3)
converter.representative_dataset = lambda: ([numbers.normal(size=(1, 5, 2)).astype(np.float32)] for _ in range(50))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
open(sys.argv[1], "wb").write(converter.convert())
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A Conv1D classifier of windows (5, 2), int8 in and out."""
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    made = subprocess.run([sys.executable, "-c", MAKE_MODEL, str(path)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return path.read_bytes()


@pytest.fixture(scope="module")
def app(model: bytes) -> Application:
    """The model with its measured operators and arena, and vectors that LiteRT answered."""
    raw = (np.random.default_rng(9).normal(size=(SAMPLES, 5, 2)) * [0.5, 3] + [1, -2]).astype(np.float32)
    outputs = litert.run(model, STANDARDIZATION.apply(raw))
    labels = outputs.argmax(axis=1).astype(np.int64)
    return Application(
        name="wave",
        model=model,
        labels=LABELS,
        standardization=STANDARDIZATION,
        vectors=make_vectors(raw, labels, STANDARDIZATION, litert.read_borders(model), outputs),
        operators=measure_size(model).operators,
        arena_bytes=micro.examine(model).arena_bytes,
    )


def run_linux(app: Application, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name, data in (render_linux(app) | {"wave.tflite": app.model}).items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    # a label outside ASCII is printed whatever the machine's locale
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(directory / "linux" / "main.py"), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )


def spoil(vectors: TestVectors, steps: int) -> TestVectors:
    """One output of the first sample is off by `steps`."""
    outputs = vectors.outputs.copy()
    outputs[0, 0] += -steps if outputs[0, 0] > 0 else steps
    return replace(vectors, outputs=outputs)


def test_outputs_vary(app: Application):
    """Else nothing below would prove anything."""
    assert len(np.unique(app.vectors.outputs, axis=0)) > SAMPLES // 2
    assert len(np.unique(app.vectors.labels)) > 1


def test_the_linux_program_passes_its_vectors(app: Application, tmp_path: Path):
    done = run_linux(app, tmp_path)

    assert done.stdout.splitlines() == [
        "12 of 12 outputs match the measured ones; 12 of 12 decisions do",
        "12 of 12 decisions are the true label",
    ], done.stderr
    assert done.returncode == 0


def test_the_linux_program_fails_on_a_wrong_output(app: Application, tmp_path: Path):
    done = run_linux(replace(app, vectors=spoil(app.vectors, 2)), tmp_path)

    assert done.stdout.startswith("11 of 12 outputs match")
    assert done.returncode == 1


@pytest.mark.parametrize(("tolerance", "matches"), [("1", 11), ("2", 12)])
def test_the_linux_program_bears_the_steps_it_is_told(app: Application, tmp_path: Path, tolerance: str, matches: int):
    done = run_linux(replace(app, vectors=spoil(app.vectors, 2)), tmp_path, "--tolerance-steps", tolerance)

    assert done.stdout.startswith(f"{matches} of 12 outputs match")


def test_the_linux_program_names_what_it_sees(app: Application, tmp_path: Path):
    np.save(tmp_path / "windows.npy", app.vectors.raw)

    done = run_linux(app, tmp_path, str(tmp_path / "windows.npy"))

    assert done.stdout.splitlines() == [LABELS[label] for label in app.vectors.labels], done.stderr


def test_the_linux_archive_holds_the_vectors(app: Application):
    with np.load(io.BytesIO(render_linux(app)["linux/test_vectors.npz"])) as vectors:
        assert {name: vectors[name].tolist() for name in vectors} == {
            name: getattr(app.vectors, name).tolist() for name in ("raw", "inputs", "outputs", "labels")
        }


@pytest.mark.long
def test_the_generated_c_quantizes_as_the_reference_was_fed(app: Application, write, run_c):
    main = '#include <stdio.h>\n#include <string.h>\n#include "src/test_vectors.h"\nint main(void) {\n  int equal = 0;\n' + (
        "  for (int test = 0; test < WAVE_TEST_COUNT; ++test) {\n    wave_input_t codes[WAVE_INPUT_SIZE];\n"
        "    wave_preprocess(wave_test_raw[test], codes);\n    equal += memcmp(codes, wave_test_inputs[test], sizeof codes) == 0;\n  }\n"
        '  printf("%d of %d", equal, WAVE_TEST_COUNT);\n  return 0;\n}\n'
    )

    assert run_c(write(render_sources(app)), main) == "12 of 12"


def test_tflm_takes_the_arena_of_the_firmware_and_not_a_smaller_one(app: Application):
    """The array that main.cc declares has the size that the real TFLM needs, which counts in steps of 16 bytes."""
    declared = re.search(rb"#define WAVE_ARENA_BYTES (\d+)u", render_sources(app)["src/model_data.h"])
    assert declared is not None
    arena_bytes = int(declared[1])

    assert b"alignas(16) unsigned char arena[WAVE_ARENA_BYTES];" in render_tflm(app)["tflm/main.cc"]
    assert takes(app.model, arena_bytes)
    assert not takes(app.model, arena_bytes - 16)


def test_the_resolver_has_the_operators_of_the_file(app: Application):
    registered = re.findall(r"resolver\.(Add\w+)\(\)", render_tflm(app)["tflm/main.cc"].decode())

    details = litert.open_model(app.model, litert.Kernels.REFERENCE)._get_ops_details()  # the file's own list, read by LiteRT
    assert sorted(registered) == sorted({RESOLVER_METHODS[step["op_name"]] for step in details})
