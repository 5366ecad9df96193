"""One small trained model and what each recipe makes of it, made once a session: training and converting take seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.training import Lesson

STEPS, CHANNELS = 16, 6  # 6 channels can't be cut into blocks of 4


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    """A hundred windows in batches of 4: 25 steps, which the pruning schedule's updates (every 2nd) don't divide."""
    random = np.random.default_rng(1)
    x = random.normal(size=(100, STEPS, CHANNELS)).astype(np.float32)
    y = random.integers(0, 3, 100)
    return Lesson(x=x, y=y, validation=(x[:8], y[:8]), epochs=1, batch_size=4, learning_rate=1e-3, seed=1)


@pytest.fixture(scope="session")
def signal_model() -> Any:
    """Two Conv1D (144 and 192 weights, the first with a BatchNormalization to fold), Dense of 896 weights, and one of 48, too few to cluster."""
    from emberflow.keras_bridge import keras

    layers = keras().layers
    keras().utils.set_random_seed(1)
    return keras().Sequential(
        [
            keras().Input((STEPS, CHANNELS)),
            layers.Conv1D(8, 3, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv1D(8, 3, activation="relu", padding="same", name="second"),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dense(16, "relu", name="dense"),
            layers.Dense(3, "softmax", name="out"),
        ]
    )


@pytest.fixture(scope="session")
def told() -> list[str]:
    """What the steps reported."""
    return []


@pytest.fixture(scope="session")
def made(
    lesson: Lesson, signal_model: Any, told: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, tuple[str, ...]]]:
    """`made("prune70-qat")`: the file after those steps, and the notes of the last one. Shared steps are done once."""
    from emberflow.compress import compress
    from emberflow.keras_bridge import save
    from emberflow.recipe import Recipe

    folder = tmp_path_factory.mktemp("compressed")
    save(signal_model, folder / "baseline.h5")
    known: dict[str, tuple[Path, tuple[str, ...]]] = {"": (folder / "baseline.h5", ())}

    def make(name: str) -> tuple[Path, tuple[str, ...]]:
        if name not in known:
            before, _ = make(name.rpartition("-")[0])
            out = folder / f"{name}.h5"
            known[name] = (out, compress(before, Recipe.parse(f"{name}-int8").steps, lesson, out, told.append))
        return known[name]

    return make


@pytest.fixture(scope="session")
def kernels(made: Callable[[str], tuple[Path, tuple[str, ...]]]) -> Callable[[str], dict[str, np.ndarray]]:
    """`kernels("prune70")["dense"]`: a layer's kernel in the saved Keras model, after steps without qat."""

    def read(name: str) -> dict[str, np.ndarray]:
        from emberflow.compress import load_any

        return {layer.name: layer.kernel.numpy() for layer in load_any(made(name)[0]).layers if hasattr(layer, "kernel")}

    return read


@pytest.fixture(scope="session")
def converted(made: Callable[[str], tuple[Path, tuple[str, ...]]], lesson: Lesson) -> Callable[[str], dict[str, Any]]:
    """`converted("prune70")["dense"]`: LayerWeights as they stand in the int8 .tflite, converted once."""
    known: dict[str, dict[str, Any]] = {}

    def read(name: str) -> dict[str, Any]:
        if name not in known:
            from emberflow.convert import convert
            from emberflow.evaluate.size import measure_size
            from emberflow.recipe import Format

            out = made(name)[0].with_suffix(".tflite")
            convert(made(name)[0], Format.INT8, lesson.x[:16], out)
            layers = measure_size(out.read_bytes()).layers
            known[name] = dict(zip(("first", "second", "dense", "out"), layers, strict=True))
        return known[name]

    return read
