"""The smart-watch example as one plain script: the calls that Emberflow makes, one after the other. Knows nothing of Emberflow but the example.

This is the yardstick of `pipeline.py`. Figures stand here a second time, on purpose: those of examples/watch/emberflow.yaml
and of the default recipes. No orchestration, no cache, no tracking, no report; TensorFlow with its default threads.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFMOT takes Keras 2 models only
STARTED = time.perf_counter()
sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "watch"))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402
import watch  # noqa: E402
from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: E402
from tensorflow_model_optimization.clustering import keras as clustering  # noqa: E402
from tensorflow_model_optimization.experimental import combine  # noqa: E402
from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster as clustering_experimental  # noqa: E402
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_scheme as plain  # noqa: E402
from tensorflow_model_optimization.quantization import keras as quantization  # noqa: E402
from tensorflow_model_optimization.sparsity import keras as sparsity  # noqa: E402
from tflite_micro import runtime as tflm  # noqa: E402

SEED, BATCH = 1, 64
EPOCHS, LEARNING_RATE = 24, 2e-3
TUNING_EPOCHS, TUNING_RATE = 5, 5e-4
CALIBRATION_SAMPLES, REFERENCE_SAMPLES, TIMED_SAMPLES = 200, 256, 64
WARM_UP_RUNS, LEAST_RUNS, MOST_RUNS, TIMED_NS = 20, 20, 1000, 300_000_000


class Data(NamedTuple):
    """Standardized parts as (x, y), and what they were standardized with."""

    train: tuple[Any, Any]
    validation: tuple[Any, Any]
    test: tuple[Any, Any]
    calibration: Any
    mean: Any
    std: Any


def prepare() -> Data:
    """Standardize by the training part; draw calibration samples in equal numbers of each class."""
    raw = watch.load()
    mean = raw.train.x.mean((0, 1), dtype=np.float64).astype(np.float32)
    std = raw.train.x.std((0, 1), dtype=np.float64).astype(np.float32)
    train, validation, test = (((part.x - mean) / std, part.y) for part in (raw.train, raw.validation, raw.test))
    order = np.random.default_rng(SEED).permutation(len(train[1]))
    turn = np.empty(len(order), int)
    for label in np.unique(train[1]):
        of_label = order[train[1][order] == label]
        turn[of_label] = np.arange(len(of_label))
    chosen = np.sort(order[np.argsort(turn[order], kind="stable")][:CALIBRATION_SAMPLES])
    return Data(train, validation, test, train[0][chosen], mean, std)


def batches(data: Data) -> Any:
    """Shuffled batches, augmented in the sensor's own units."""
    random = np.random.default_rng(SEED)
    x, y = data.train

    class Batches(keras.utils.Sequence):
        """One epoch after the other."""

        def __init__(self) -> None:
            super().__init__()
            self.order = random.permutation(len(x))

        def __len__(self) -> int:
            return (len(x) + BATCH - 1) // BATCH

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            chosen = np.sort(self.order[number * BATCH : (number + 1) * BATCH])
            return (watch.augment(x[chosen] * data.std + data.mean, random) - data.mean) / data.std, y[chosen]

        def on_epoch_end(self) -> None:
            self.order = random.permutation(len(x))

    return Batches()


def fit(model: Any, data: Data, epochs: int, learning_rate: float, callbacks: tuple[Any, ...] = ()) -> None:
    """Adam, with the learning rate falling to zero along a cosine."""
    source = batches(data)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(source))
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(source, epochs=epochs, validation_data=data.validation, validation_batch_size=1024, shuffle=False, verbose=0, callbacks=list(callbacks))


def start_afresh() -> None:
    """Every training starts from the same seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)


def train(data: Data) -> Any:
    """The float baseline."""
    start_afresh()
    model = watch.build()
    fit(model, data, EPOCHS, LEARNING_RATE)
    return model


def in_2d(model: Any) -> Any:
    """The same network with (5, 1) kernels, which TFMOT can quantize, and the weights of `model`."""
    layers = keras.layers
    window = keras.Input((watch.WINDOW, 6), name="motion")
    x = layers.Reshape((watch.WINDOW, 1, 6))(window)
    for filters in (32, 48, 64):
        x = layers.Conv2D(filters, (5, 1), padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D((2, 1))(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    twin = keras.Model(window, layers.Dense(7, activation="softmax")(x))
    twin.set_weights([old.reshape(new.shape) for old, new in zip(model.get_weights(), twin.get_weights(), strict=True)])
    return twin


def wrapped(model: Any, wrap: Callable[[Any], Any], treats: Callable[[Any], bool] = lambda layer: True) -> Any:
    """`model` with `wrap` around the layers with kernels that the step treats."""

    def clone(layer: Any) -> Any:
        return wrap(layer) if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and treats(layer) else layer

    return keras.models.clone_model(model, clone_function=clone)


def prune(model: Any, data: Data, schedule: Any, **settings: Any) -> Any:
    """Magnitude pruning; blocks where `sparsity_m_by_n` says so, of which 6 input channels make none."""
    blocks = settings.get("sparsity_m_by_n", (0, 1))[1]
    model = wrapped(
        model,
        lambda layer: sparsity.prune_low_magnitude(layer, pruning_schedule=schedule, **settings),
        lambda layer: layer.kernel.shape[-2] % blocks == 0,
    )
    fit(model, data, TUNING_EPOCHS, TUNING_RATE, (sparsity.UpdatePruningStep(),))
    return sparsity.strip_pruning(model)


def prune70(model: Any, data: Data) -> Any:
    """70 % of each layer's weights, along a polynomial over the first 70 % of the steps."""
    steps = len(batches(data))
    return prune(model, data, sparsity.PolynomialDecay(0.0, 0.7, 0, int(0.7 * TUNING_EPOCHS * steps), frequency=steps // 10))


def prune2of4(model: Any, data: Data) -> Any:
    """2 of every 4 weights, from the first step."""
    schedule = sparsity.ConstantSparsity(0.5, 0, frequency=len(batches(data)) // 10)
    return prune(model, data, schedule, sparsity_m_by_n=(2, 4))


def cluster16(model: Any, data: Data, pruned: bool = False) -> Any:
    """16 values a layer."""
    start = clustering.CentroidInitialization.KMEANS_PLUS_PLUS
    settings = {"number_of_clusters": 16, "cluster_centroids_init": start, "preserve_sparsity": pruned}
    model = wrapped(model, lambda layer: clustering_experimental.cluster_weights(layer, **settings))
    fit(model, data, TUNING_EPOCHS, TUNING_RATE)
    return clustering.strip_clustering(model)


def qat(model: Any, data: Data, scheme: Any, clustered: bool = False) -> Any:
    """Quantization-aware training."""
    annotated = quantization.quantize_annotate_model(model)
    with quantization.quantize_scope():
        model = quantization.quantize_apply(annotated, scheme=scheme)
    fit(model, data, TUNING_EPOCHS, TUNING_RATE)
    return combine.strip_clustering_cqat(model) if clustered else model


Step = Callable[[Any, Data], Any]
STEPS: dict[str, tuple[str, Step]] = {
    "qat": ("baseline", lambda m, d: qat(m, d, plain.Default8BitQuantizeScheme())),
    "prune70": ("baseline", prune70),
    "prune2of4": ("baseline", prune2of4),
    "cluster16": ("baseline", cluster16),
    "prune70-qat": ("prune70", lambda m, d: qat(m, d, combine.Default8BitPrunePreserveQuantizeScheme())),
    "cluster16-qat": ("cluster16", lambda m, d: qat(m, d, combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=False), clustered=True)),
    "prune70-cluster16": ("prune70", lambda m, d: cluster16(m, d, pruned=True)),
    "prune70-cluster16-qat": (
        "prune70-cluster16",
        lambda m, d: qat(m, d, combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True), clustered=True),
    ),
}
"""Each step after the one whose result it starts from."""

FORMATS = ("float32", "float16", "dynamic", "int8", "uint8", "int16x8")
RECIPES = (*((name, "baseline", name) for name in FORMATS), *((f"{step}-int8", step, "int8") for step in STEPS))


def fresh_copy(model: Any, folder: Path) -> Any:
    """Through a file: TFMOT changes the model that it is given, and can't copy the weights of one that it has just stripped."""
    model.save(folder / "model.h5", include_optimizer=False, save_format="h5")
    return keras.models.load_model(folder / "model.h5", compile=False)


def compress(baseline: Any, data: Data, folder: Path) -> dict[str, Any]:
    """The models after all steps, those that recipes share once."""
    models = {"baseline": baseline}
    for name, (before, step) in STEPS.items():
        start_afresh()
        models[name] = step(fresh_copy(models[before], folder), data)
        tell(f"compressed {name}")
    return models


def convert(model: Any, number_format: str, calibration: Any) -> bytes:
    """The .tflite of `model` with a batch of 1."""
    one = keras.Input((watch.WINDOW, 6), batch_size=1, name="motion")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, model(one, training=False)))
    if number_format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if number_format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if number_format in ("int8", "uint8"):
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, number_format)
    if number_format == "int16x8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int16
    if number_format in ("int8", "uint8", "int16x8"):
        converter.representative_dataset = lambda: ([sample[None]] for sample in calibration)
    return bytes(converter.convert())


def open_litert(model: bytes, kernels: Any = OpResolverType.AUTO) -> Any:
    """A LiteRT interpreter, one thread."""
    interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    return interpreter


def quantize(x: Any, interpreter: Any) -> Any:
    """Samples as the model takes them."""
    details = interpreter.get_input_details()[0]
    scale, zero_point = details["quantization"]
    if not scale:
        return x
    limits = np.iinfo(details["dtype"])
    steps = x / np.float32(scale)
    return np.clip(np.trunc(steps + np.copysign(0.5, steps)) + zero_point, limits.min, limits.max).astype(details["dtype"])


def run_litert(model: bytes, x: Any, kernels: Any = OpResolverType.AUTO) -> Any:
    """Raw outputs, one sample after the other."""
    interpreter = open_litert(model, kernels)
    source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for sample in quantize(x, interpreter):
        interpreter.reset_all_variables()
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(sink)[0])
    return np.stack(outputs)


def run_tflm(model: bytes, x: Any) -> Any | None:
    """Raw outputs of TensorFlow Lite for Microcontrollers; None when it refuses the model, as it does dynamic and float16."""
    samples = quantize(x, open_litert(model))
    try:
        interpreter = tflm.Interpreter.from_bytes(model)
        return np.stack([_infer(interpreter, sample[None]) for sample in samples])
    except RuntimeError:
        return None


def _infer(interpreter: Any, sample: Any) -> Any:
    interpreter.reset()
    interpreter.set_input(sample, 0)
    interpreter.invoke()
    return interpreter.get_output(0)[0]


def confusion(truth: Any, outputs: Any) -> Any:
    """Rows are true labels, columns decisions."""
    table = np.zeros((7, 7), int)
    np.add.at(table, (truth, outputs.argmax(1)), 1)
    return table


def time_inference(model: bytes, x: Any) -> float:
    """Median of one invocation over 0.3 s, in microseconds."""
    interpreter = open_litert(model)
    samples = quantize(x, interpreter)
    source = interpreter.get_input_details()[0]["index"]
    times: list[int] = []
    for number in range(MOST_RUNS + WARM_UP_RUNS):
        interpreter.set_tensor(source, samples[number % len(samples)][None])
        start = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - start)
        if number >= WARM_UP_RUNS + LEAST_RUNS and sum(times[WARM_UP_RUNS:]) >= TIMED_NS:
            break
    return float(np.median(times[WARM_UP_RUNS:])) / 1000


def examine(name: str, model: bytes, x: Any, truth: Any) -> None:
    """Accuracy by TFLM, by LiteRT where TFLM refuses; whether LiteRT's reference kernels give the bytes of TFLM; microseconds here."""
    on_linux, on_chip = run_litert(model, x), run_tflm(model, x)
    equal = "-"
    if on_chip is not None:
        reference = run_litert(model, x[:REFERENCE_SAMPLES], OpResolverType.BUILTIN_REF)
        equal = "yes" if np.array_equal(reference, on_chip[:REFERENCE_SAMPLES]) else "no"
    table = confusion(truth, on_linux if on_chip is None else on_chip)
    accuracy, runtime = table.trace() / table.sum(), "LiteRT" if on_chip is None else "TFLM"
    print(f"{name:28}{accuracy:8.4f}  {runtime:8}{len(model):9,} B{time_inference(model, x[:TIMED_SAMPLES]):9.0f} µs   reference equal: {equal}")


def accuracy_of(model: Any, x: Any, truth: Any) -> float:
    """Of a Keras model."""
    outputs = np.concatenate([np.asarray(model(x[i : i + 512], training=False)) for i in range(0, len(x), 512)])
    return float((outputs.argmax(1) == truth).mean())


def variants(models: dict[str, Any], data: Data) -> Iterator[tuple[str, bytes]]:
    """Each recipe's .tflite."""
    for name, steps, number_format in RECIPES:
        yield name, convert(models[steps], number_format, data.calibration)
        tell(f"converted {name}")


def tell(text: str) -> None:
    """How far it is."""
    print(f"{time.perf_counter() - STARTED:7.1f} s  {text}", flush=True)


def main() -> None:
    """All of it."""
    tell("imported")
    data = prepare()
    baseline = train(data)
    tell(f"trained: accuracy {accuracy_of(baseline, *data.test):.4f}")
    with tempfile.TemporaryDirectory() as folder:
        models = compress(in_2d(baseline), data, Path(folder))
    made = dict(variants(models, data))
    for name, model in made.items():
        examine(name, model, *data.test)
    tell("done")


if __name__ == "__main__":
    main()
