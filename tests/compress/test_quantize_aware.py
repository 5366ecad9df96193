"""Quantization-aware training keeps zeros and clusters as they then stand in the int8 file, on 1D layers too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress import compress, load_any
from emberflow.compress.quantize_aware import _scheme, apply
from emberflow.compress.treatable import refuse_unquantizable
from emberflow.convert import convert
from emberflow.errors import UnsupportedLayer
from emberflow.evaluate.size import measure_size
from emberflow.graph import read_graph
from emberflow.keras_bridge import keras, save
from emberflow.recipe import Cluster, Format, Prune, QuantizeAware, Steps
from emberflow.training import Lesson
from emberflow.wishes import LayerWish, Wishes
from tests.compiler.harness import differing_bytes

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]
Kernels = Callable[[str], dict[str, np.ndarray]]
Converted = Callable[[str], dict[str, Any]]
CLUSTERED = ("first", "second", "dense")


def zeros(layer: Any) -> int:
    return round(layer.sparsity * layer.parameters)


def test_a_conv1d_model_is_trained_quantized_through_its_2d_form(made: Made, lesson: Lesson) -> None:
    """TFMOT refuses Conv1D; the saved model holds quantized Conv2D, takes the same windows and gives probabilities."""
    model = load_any(made("prune70-qat")[0])

    names = [layer.name for layer in model.layers]
    assert {"quant_first", "quant_second", "quant_dense", "quant_out"} <= set(names)
    assert model.input_shape == (None, 16, 6)
    assert np.asarray(model(lesson.x[:5])).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_qat_keeps_the_zeros_of_pruning(kernels: Kernels, converted: Converted) -> None:
    """As many in the int8 file as in the pruned Keras model, or more by rounding."""
    pruned, found = kernels("prune70"), converted("prune70-qat")

    assert all(zeros(found[name]) >= np.count_nonzero(pruned[name] == 0) for name in found)


def test_qat_keeps_the_clusters(converted: Converted) -> None:
    """At most 16 values in each output channel; in a Dense kernel, which has one step size, at most 16 in all."""
    found = converted("cluster16-qat")

    assert all(2 <= found[name].distinct_per_channel <= 16 for name in CLUSTERED)
    assert found["dense"].distinct <= 16


def test_qat_keeps_zeros_and_clusters_together(kernels: Kernels, converted: Converted) -> None:
    """Of every layer, also of the one with too few weights to cluster."""
    pruned, found = kernels("prune70"), converted("prune70-cluster16-qat")

    assert all(zeros(found[name]) >= np.count_nonzero(pruned[name] == 0) for name in found)
    assert all(found[name].distinct_per_channel <= 16 for name in CLUSTERED)


def test_a_layer_without_zeros_costs_the_others_none(converted: Converted) -> None:
    """TFMOT shares one quantizer among all Conv2D, which forgets every mask at a kernel without zeros: here `first`, left alone by 2of4."""
    found = converted("prune2of4-cluster16-qat")

    assert found["first"].sparsity < 0.2
    assert all(found[name].sparsity >= 0.5 for name in ("second", "dense"))
    assert all(found[name].distinct_per_channel <= 16 for name in CLUSTERED)


@pytest.mark.parametrize("before", [(), (Cluster(16),)])
def test_what_tfmot_can_t_quantize_is_refused_before_training(before: Steps, lesson: Lesson) -> None:
    """By name, all of them."""
    source = keras().Input((8, 8, 3))
    x = keras().layers.Add()([keras().layers.Conv2D(3, 3, padding="same")(source), source])
    x = keras().layers.PReLU(name="prelu")(keras().layers.BatchNormalization(name="lone")(x))

    with pytest.raises(
        UnsupportedLayer, match=r"qat can't quantize 'prelu' \(PReLU\), 'lone' \(BatchNormalization\) of 'model\w*'; use a recipe without qat"
    ):
        apply(keras().Model(source, x), QuantizeAware(), before, lesson, lambda _: None)


@pytest.mark.parametrize("before", [(), (Prune(50), Cluster(16))], ids=["alone", "after pruning and clustering"])
def test_gates_and_merges_that_tfmot_does_not_know_are_trained_too(before: Steps, tmp_path: Path) -> None:
    """A squeeze-and-excite gate, and what else merges two images without weights: all of it int8 afterwards, and the firmware equals TFLM."""
    layers, generator = keras().layers, np.random.default_rng(0)
    keras().utils.set_random_seed(1)
    y = np.arange(96) % 3
    x = (generator.normal(size=(96, 8, 8, 3)) + y[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.float32)
    source = keras().Input((8, 8, 3))
    image = layers.Conv2D(16, 3, padding="same", activation="relu")(source)
    for merge in (layers.Subtract(), layers.Maximum(), layers.Minimum()):
        image = merge([image, layers.Conv2D(16, 3, padding="same", activation="relu")(image)])
    gate = layers.Conv2D(16, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(image))
    image = layers.Multiply()([image, gate])
    save(keras().Model(source, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(image))), tmp_path / "model.h5")

    lesson = Lesson(x=x, y=y, validation=(x[:8], y[:8]), epochs=1, batch_size=8, learning_rate=1e-3, seed=1)
    compress(tmp_path / "model.h5", (*before, QuantizeAware()), lesson, tmp_path / "aware.h5", lambda _: None)
    convert(tmp_path / "aware.h5", Format.INT8, x[:16], tmp_path / "aware.tflite")

    graph = read_graph((tmp_path / "aware.tflite").read_bytes())
    assert {"MUL", "SUB", "MAXIMUM", "MINIMUM"} <= {operator.name for operator in graph.operators}
    assert {graph.result(operator).dtype for operator in graph.operators} == {"int8"}
    differing, distinct = differing_bytes((tmp_path / "aware.tflite").read_bytes(), samples=16, flavours=("plain",))
    assert 0 == differing
    assert distinct > 4


def test_an_activation_of_the_user_s_own_is_told(lesson: Lesson) -> None:
    """TFMOT knows some of Keras's, and says so in words of its own."""
    layers = keras().layers
    model = keras().Sequential(
        [keras().Input((16, 6)), layers.Flatten(), layers.Dense(4, activation=lambda x: x * 0.5), layers.Dense(3, "softmax")], name="m"
    )

    with pytest.raises(
        UnsupportedLayer, match=r"qat can't quantize 'm', of which TFMOT says: .+; use a recipe without qat, or activations of Keras's own$"
    ):
        apply(model, QuantizeAware(), (), lesson, lambda _: None)


def test_a_spared_layer_is_not_rounded_and_keeps_its_zeros(made: Made, kernels: Kernels, lesson: Lesson, tmp_path: Path) -> None:
    """Its weights stay as pruning left them; only its output is rounded, for the next layer. The converter makes int8 of it afterwards."""
    wishes = Wishes(layers={"second": LayerWish(qat=False), "first": LayerWish(qat=False)})
    out = tmp_path / "aware.h5"
    notes = compress(made("prune70")[0], (Prune(70), QuantizeAware()), lesson, out, lambda _: None, wishes)

    layers = {layer.name: layer for layer in load_any(out).layers}
    second = layers["quant_second"]
    assert not any("kernel_min" in weight.name for weight in second.weights)
    assert any("kernel_min" in weight.name for weight in layers["quant_dense"].weights)
    assert np.array_equal(kernels("prune70")["second"], next(w for w in second.weights if "kernel" in w.name).numpy())
    assert ["first", "batch_normalization", "second"] == [note.split("'")[1].rstrip("_0123456789") for note in notes]
    assert notes[0] == "qat: left layer 'first' (Conv2D) alone: as the project wants"
    convert(out, Format.INT8, lesson.x[:16], tmp_path / "aware.tflite")
    assert {"int8"} == {layer.dtype for layer in measure_size((tmp_path / "aware.tflite").read_bytes()).layers}


def test_what_tfmot_can_t_quantize_may_be_spared(lesson: Lesson) -> None:
    """Then nobody asks TFMOT to."""
    source = keras().Input((8, 8, 3))
    x = keras().layers.ELU(name="elu")(keras().layers.Conv2D(3, 3, padding="same")(source))
    registry = _scheme(()).get_quantize_registry()

    with pytest.raises(UnsupportedLayer, match=r"'elu'.*or spare it with 'qat: false' under 'layers'"):
        refuse_unquantizable(keras().Model(source, x), registry)
    refuse_unquantizable(keras().Model(source, x), registry, frozenset({"elu"}))


def test_a_layer_that_is_to_stay_in_float_is_refused(signal_model: Any, lesson: Lesson) -> None:
    """The ranges that are trained enclose it."""
    with pytest.raises(UnsupportedLayer, match=r"qat can't leave 'dense' in float: its ranges enclose every layer; use a recipe without qat"):
        apply(signal_model, QuantizeAware(), (), lesson, lambda _: None, Wishes(layers={"dense": LayerWish(quantize=False)}))
