"""A slim model is the converter's but for names: compared field by field of the schema, by what it computes, and as a file."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.evaluate import litert, micro
from emberflow.graph import read_graph
from emberflow.graph.layers import name_layers
from emberflow.keras_bridge import keras
from emberflow.slim import slim

pytestmark = pytest.mark.xdist_group("tensorflow")
FORMATS = ("float32", "float16", "dynamic", "int8", "int16x8")
FEW = ("float32", "int8", "int16x8")
"""Those that chips run."""


def tiny(*formats: str) -> list[Any]:
    """Each tiny model in each of `formats`; LSTMs take long, and the converter has none of 16x8."""
    slow = [pytest.param("recurrent", each, marks=pytest.mark.long) for each in formats if each != "int16x8"]
    return [*((name, each) for name in ("image", "signal") for each in formats), *slow]


def told(data: bytes) -> Any:
    """Everything that TensorFlow's own reader finds in a file but the names of tensors, as values that can be compared."""
    from tensorflow.lite.python import schema_py_generated as tensorflow_schema

    model = tensorflow_schema.ModelT.InitFromPackedBuf(data)
    for tensor in (tensor for subgraph in model.subgraphs for tensor in subgraph.tensors or ()):
        tensor.name = b""
    return plain(model)


def plain(value: Any) -> Any:
    """Objects of the generated code as dictionaries, arrays as type and bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in vars(value).items()} if hasattr(value, "__dict__") else value


def kept_names(data: bytes) -> list[str]:
    """Those of inputs, outputs and states."""
    graph = read_graph(data)
    states = [tensor.index for tensor in graph.tensors if tensor.is_variable]
    return [graph.tensors[index].name for index in (*graph.inputs, *graph.outputs, *states)]


def alignments(data: bytes) -> set[int]:
    """Where the contents of the buffers begin, modulo 16."""
    model, found = schema.Model.GetRootAs(data, 0), set()
    for number in range(model.BuffersLength()):
        if model.Buffers(number).DataLength():
            array = model.Buffers(number).DataAsNumpy()
            found.add((array.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data) % 16)
    return found


def check(data: bytes) -> bytes:
    """What holds for any model that a converter made. Returns: the slim one."""
    slender = slim(data)
    names = [tensor.name for tensor in read_graph(slender).tensors]

    assert told(data) == told(slender)
    assert kept_names(data) == kept_names(slender)
    assert name_layers(read_graph(data)) == name_layers(read_graph(slender))
    assert len(names) == len(set(names))
    assert slender == data or {0} == alignments(slender)
    assert len(slender) <= len(data)
    assert slender == slim(slender)
    return slender


@pytest.mark.parametrize(("name", "number_format"), tiny(*FORMATS))
def test_nothing_but_names_is_other(models: Any, name: str, number_format: str) -> None:
    """In every number format: tensors, operators, buffers at 16 bytes, quantization, signatures, metadata; and never larger."""
    data = models.tiny_tflite(name, number_format)
    slender = check(data)
    samples = np.random.default_rng(2).standard_normal((8, *read_graph(data).tensors[read_graph(data).inputs[0]].shape[1:]), dtype=np.float32)

    assert litert.run(data, samples).tobytes() == litert.run(slender, samples).tobytes()


def test_equal_zero_points_are_written_once(models: Any) -> None:
    """Of weights and biases of four and of twenty channels, and of the input and what follows it."""
    model = schema.Model.GetRootAs(slim(models.tiny_tflite("image", "int8")), 0).Subgraphs(0)
    quantizations = [model.Tensors(place).Quantization() for place in range(model.TensorsLength())]
    found = [each.ZeroPointAsNumpy() for each in quantizations if each and each.ZeroPointLength()]

    assert 10 < len(found)
    assert len({each.tobytes() for each in found}) == len({each.ctypes.data for each in found})


@pytest.mark.parametrize(("name", "number_format"), tiny(*FEW))
def test_a_chip_computes_the_same(models: Any, name: str, number_format: str) -> None:
    """TFLM, in the formats that it runs: the same arena, and outputs equal byte for byte."""
    data = models.tiny_tflite(name, number_format)
    samples = np.random.default_rng(3).standard_normal((4, *read_graph(data).tensors[read_graph(data).inputs[0]].shape[1:]), dtype=np.float32)
    (before, expected), (after, outputs) = (micro.trial(each, samples) for each in (data, slim(data)))

    assert before == after
    assert (expected is None) == (outputs is None)
    assert expected is None or expected.tobytes() == outputs.tobytes()


def test_a_loop_and_a_signature_stay(tmp_path: Path) -> None:
    """Bodies of control flow are graphs of their own; callers go by the signature's names, which are not in alphabetical order."""
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4), name="zebra"), tf.TensorSpec((1, 4), name="ant")])
        def step(self, zebra: Any, ant: Any) -> Any:
            with tf.name_scope("model/grow"):
                _, grown = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x * 2 + ant), (0, zebra))
                return {"late": tf.nn.relu(grown), "early": tf.tanh(zebra)}

    module = Module()
    tf.saved_model.save(module, str(tmp_path), signatures={"grow": module.step})
    data = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["grow"]).convert()
    run = litert.open_model(check(data)).get_signature_runner("grow")

    assert read_graph(data).subgraphs > 1
    result = run(zebra=np.ones((1, 4), np.float32), ant=np.full((1, 4), 2, np.float32))
    assert {"late", "early"} == set(result)
    assert 1 * 8 + 2 * 7 == result["late"][0, 0]


def test_sparse_weights_stay_sparse() -> None:
    """What stands for the zeros is part of a tensor, too."""
    import tensorflow as tf

    model = keras().Sequential([keras().Input((64,)), keras().layers.Dense(64), keras().layers.ReLU(), keras().layers.Dense(4)])
    weights = np.random.default_rng(0).normal(size=(64, 64)) * (np.arange(64) % 16 == 0)
    model.layers[0].set_weights([weights, np.ones(64)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    data = converter.convert()

    assert any(tensor["sparsity"] for tensor in told(check(data))["subgraphs"][0]["tensors"])


def test_a_model_of_300_kb_takes_a_moment() -> None:
    """Weights are copied as they are, not number by number."""
    import tensorflow as tf

    layers = keras().layers
    model = keras().Sequential([keras().Input((300,)), *(layers.Dense(250, "relu") for _ in range(5)), layers.Dense(10)])
    data = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    start = time.process_time()
    slim(data)

    assert len(data) > 1_300_000
    assert time.process_time() - start < 0.5


def test_weights_behind_the_flatbuffer_are_left_alone(models: Any) -> None:
    """A model over 2 GiB holds them there, where a rewritten head would no longer point."""
    tensors = (models.TensorSpec("m/a/x;m/a/y"), models.TensorSpec("m/b/x"), models.TensorSpec("m/b/z;m/b/y", data=bytes(4)))
    data = models.write_tflite(tensors, (models.OperatorSpec(schema.BuiltinOperator.PRELU, (0, 2), (1,)),), outside=2)

    assert data == slim(data)


def test_vectors_may_be_left_out(models: Any) -> None:
    """A graph without inputs, without operators, or without a name at a tensor: what the schema allows is read."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as tensorflow_schema

    model = tensorflow_schema.ModelT.InitFromPackedBuf(models.tiny_tflite("image", "int8"))
    body, bare = model.subgraphs[0], tensorflow_schema.SubGraphT()
    body.inputs, body.operators[0].outputs, body.tensors[-1].name = None, None, None
    model.subgraphs = [body, bare]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    data = bytes(builder.Output())

    assert told(data) == told(slim(data))
    assert len(slim(data)) < len(data)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["m/a/Relu;m/b/BiasAdd", "m/a/Relu", "m/b/c/Relu;m/b/Add", "", "x", "m/a/x;m/a/y"]), min_size=2, max_size=6))
def test_any_names_give_another_file_of_the_same_model(models: Any, names: list[str]) -> None:
    """Empty names, equal ones and bare ones too."""
    tensors = tuple(models.TensorSpec(name) for name in names)
    data = models.write_tflite(
        tensors,
        tuple(models.OperatorSpec(schema.BuiltinOperator.RELU, (place,), (place + 1,)) for place in range(len(names) - 1)),
        outputs=(len(names) - 1,),
    )

    assert told(data) == told(slim(data))
    assert slim(data) == slim(slim(data))
