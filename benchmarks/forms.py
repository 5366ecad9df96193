"""Does it matter in which form a model comes? MLPerf Tiny's four as Keras 2, Keras 3 and SavedModel, int8. Measures file sizes; judges no accuracy.

The promise: the same size within 2 % whatever the form, and within 5 % of the benchmark's published files. Those were made with a converter of
2021, so that the table also gives the file with one step a tensor, as dense layers had it then. Of what they hold beside weights and biases, which
are the architecture's, nothing is known here but the sum; of ours a second table says what is what. A file that is smaller by more than 5 % is told
as such: what makes it so are names and zero points, and nothing that computes.

Weights are random: biases and normalizations too, because a converter stores equal vectors, such as zeros, once.

python benchmarks/forms.py            sizes, two minutes; --json FILE writes the figures too
python benchmarks/forms.py --judge    a whole run of the chain for each form of each model, and their verdicts
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tf_keras
from judged import by_command, judge
from judged import lines as lines_of_verdicts

from emberflow.convert import Conversion, signature_to_tflite, to_tflite
from emberflow.graph import read_graph
from emberflow.keras_bridge import to_keras_2
from emberflow.recipe import Format
from emberflow.values import FloatArray

EXAMPLE = Path(__file__).parents[1] / "examples" / "mlperf_tiny"
PUBLISHED = {"ds_cnn": 53_936, "resnet_8": 98_496, "mobilenet": 333_288, "autoencoder": 276_976}
"""Bytes of the int8 files of the reference implementation (Banbury et al., MLPerf Tiny Benchmark, and its repository)."""
CALIBRATION_SAMPLES = 8
LARGEST_DIFFERENCE = 0.02
LARGEST_DISTANCE = 0.05


@dataclass(frozen=True)
class Parts:
    """Bytes of one .tflite by what they are for.

    weights: what computes, biases too. steps: scales, and zero points, equal lists of which are there once. names: of tensors. The rest is tables.
    """

    weights: int
    steps: int
    names: int
    tables: int


@dataclass(frozen=True)
class Sizes:
    """Bytes of the int8 .tflite of one architecture, by the form that it came in.

    written: as TensorFlow's converter writes that of Keras 2. per_tensor: with one step a tensor. parts: of that of Keras 2.
    """

    name: str
    by_form: dict[str, int]
    written: int
    per_tensor: int
    parts: Parts

    @property
    def difference(self) -> float:
        """Between the largest and the smallest form, as a part of the smallest."""
        return max(self.by_form.values()) / min(self.by_form.values()) - 1

    @property
    def distances(self) -> tuple[float, float]:
        """From the published file, as a part of it: with a step a channel, and with one a tensor."""
        return max(self.by_form.values()) / PUBLISHED[self.name] - 1, self.per_tensor / PUBLISHED[self.name] - 1


def measure(name: str) -> Sizes:
    """Convert the architecture called `name` in each form."""
    sys.path.insert(0, str(EXAMPLE))
    build: Callable[[ModuleType], Any] = getattr(__import__("architectures"), name)
    old, new = _with_weights(build(tf_keras)), _with_weights(build(keras))
    x = np.random.default_rng(1).normal(size=(CALIBRATION_SAMPLES, *old.input_shape[1:])).astype(np.float32)
    by_form = {"Keras 2": to_tflite(old, Format.INT8, x), "Keras 3": to_tflite(to_keras_2(new), Format.INT8, x), "SavedModel": _saved(new, x)}
    per_tensor = to_tflite(old, Format.INT8, x, Conversion(per_channel=False))
    with patch("emberflow.convert.slim", bytes):
        written = to_tflite(old, Format.INT8, x)
    return Sizes(name, {form: len(data) for form, data in by_form.items()}, len(written), len(per_tensor), parts_of(by_form["Keras 2"]))


def parts_of(data: bytes) -> Parts:
    """What the bytes of a .tflite are for."""
    tensors = read_graph(data).tensors
    weights = sum({tensor.buffer: tensor.size_bytes for tensor in tensors if tensor.data is not None}.values())
    quantized = [tensor.quantization for tensor in tensors if tensor.quantization]
    zero_points = {each.zero_points.tobytes() for each in quantized}
    steps = sum(each.scales.nbytes for each in quantized) + sum(map(len, zero_points))
    names = sum(len(tensor.name) for tensor in tensors)
    return Parts(weights, steps, names, len(data) - weights - steps - names)


def _with_weights(model: Any) -> Any:
    random = np.random.default_rng(0)
    model.set_weights([np.abs(random.normal(1, 0.1, w.shape)) if w.ndim == 1 else random.normal(0, 0.05, w.shape) for w in model.get_weights()])
    return model


def _saved(model: Any, x: FloatArray) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        (key,) = (tensor.name for tensor in model.inputs)
        return signature_to_tflite(Path(folder), Format.INT8, {key: x}, Conversion(signature="serving_default"))


def lines(all_sizes: list[Sizes]) -> Iterator[str]:
    """The table, and of each promise whether it was kept."""
    forms = list(all_sizes[0].by_form)
    yield f"{'':14}" + "".join(f"{form:>12}" for form in forms) + f"{'apart':>8}{'published':>12}{'':>8}{'one step a tensor':>20}"
    for sizes in all_sizes:
        told = "".join(f"{sizes.by_form[form]:12,}" for form in forms)
        channel, tensor = sizes.distances
        yield f"{sizes.name:14}{told}{sizes.difference:8.2%}{PUBLISHED[sizes.name]:12,}{channel:+8.1%}{sizes.per_tensor:12,}{tensor:+8.1%}"
    yield ""
    yield f"{'of Keras 2':14}{'weights':>12}{'steps':>12}{'names':>12}{'tables':>12}{'as converted':>14}"
    for sizes in all_sizes:
        parts = sizes.parts
        yield f"{sizes.name:14}{parts.weights:12,}{parts.steps:12,}{parts.names:12,}{parts.tables:12,}{sizes.written:14,}"
    yield ""
    for sizes in all_sizes:
        yield f"{sizes.name}: forms {'kept' if sizes.difference <= LARGEST_DIFFERENCE else 'MISSED'} the promise of {LARGEST_DIFFERENCE:.0%}"
        yield f"{sizes.name}: {_beside_published(sizes)}"


def _beside_published(sizes: Sizes) -> str:
    nearest = min(sizes.distances, key=abs)
    if abs(nearest) <= LARGEST_DISTANCE:
        return f"{nearest:+.1%} from the published file, promise of {LARGEST_DISTANCE:.0%} kept"
    if nearest > 0:
        return f"{nearest:+.1%} from the published file, promise of {LARGEST_DISTANCE:.0%} MISSED"
    away, saved = max(sizes.by_form.values()) / PUBLISHED[sizes.name] - 1, sizes.written - sizes.by_form["Keras 2"]
    return (
        f"{-away:.1%} smaller than the published file; {saved:,} B of names and zero points less than the converter writes, and nothing that computes"
    )


def main() -> None:
    """Measure all four, print the tables."""
    if "--judge" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(lines_of_verdicts([each for name in PUBLISHED for each in judge(name, Path(folder), by_command)])))
        return
    measured = [measure(name) for name in PUBLISHED]
    print("\n".join(lines(measured)))
    if "--json" in sys.argv:
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
