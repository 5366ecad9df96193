"""Layers left in float: proved by the graph that comes out, and by what it computes."""

import numpy as np
import pytest

from emberflow.convert import Conversion, convert, to_tflite
from emberflow.errors import ConversionError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import dequantize
from emberflow.graph import read_graph
from emberflow.graph.layers import name_layers
from emberflow.keras_bridge import keras, save
from emberflow.recipe import Format
from emberflow.wishes import LayerWish, Wishes

pytestmark = pytest.mark.xdist_group("tensorflow")


def but(*names):
    return Conversion(wishes=Wishes(layers={name: LayerWish(quantize=False) for name in names}))


def types(data):
    """By layer, what its operator's result and weights are."""
    graph = read_graph(data)
    layers = name_layers(graph)
    return {
        layers[operator.index][0]: (graph.result(operator).dtype, graph.operand(operator, 1).dtype)
        for operator in graph.operators
        if operator.name in ("CONV_2D", "FULLY_CONNECTED")
    }


@pytest.fixture(scope="module")
def healthy(models):
    """Four convolutions and a dense layer, and data."""
    import runpy
    from pathlib import Path

    made = runpy.run_path(str(Path(__file__).with_name("inspected.py")))
    keras().utils.set_random_seed(4)
    return made["healthy"](), made["signals"]()


@pytest.mark.parametrize("number_format", [Format.INT8, Format.UINT8])
@pytest.mark.parametrize("left", [("two",), ("one", "decide")])
def test_the_named_layers_compute_in_float_and_the_others_in_int8(healthy, number_format, left):
    """In the middle, and at both ends; borders are integers all the same."""
    model, x = healthy
    data = to_tflite(model, number_format, x, but(*left))

    assert {name: ("float32", "float32") if name in left else ("int8", "int8") for name in ("one", "two", "three", "four", "decide")} == types(data)
    borders = litert.read_borders(data)
    assert [str(number_format)] * 2 == [borders.input.dtype, borders.output.dtype]


def test_it_computes_what_the_model_does(healthy):
    """As near as the model that is int8 from end to end."""
    model, x = healthy
    whole, selective = (to_tflite(model, Format.INT8, x, how) for how in (Conversion(), but("two", "three")))
    truth = np.asarray(model(x))

    errors = [np.abs(dequantize(litert.run(data, x), litert.read_borders(data).output) - truth).mean() for data in (whole, selective)]
    assert errors[1] < 1.1 * errors[0] < 0.1 * truth.std()
    assert ["serving_default"] == list(litert.open_model(selective).get_signature_list())


def test_what_was_left_is_noted(healthy, tmp_path):
    """In int8 and uint8; other formats can't, and say so; float32 needs not."""
    model, x = healthy
    save(model, tmp_path / "model.h5")
    notes = {each: convert(tmp_path / "model.h5", each, x, tmp_path / "out", but("t*")) for each in (Format.INT8, Format.DYNAMIC, Format.FLOAT32)}

    assert ("int8: left layer 'three' in float, as the project wants", "int8: left layer 'two' in float, as the project wants") == notes[Format.INT8]
    assert "dynamic: treated layer 'two' as all others: only int8 and uint8 can leave layers in float" == notes[Format.DYNAMIC][1]
    assert () == notes[Format.FLOAT32]


def test_a_layer_without_an_operator_can_t_be_left(healthy):
    """Here a Dropout, which is gone at inference."""
    layers = keras().layers
    source = keras().Input((6,))
    model = keras().Model(source, layers.Dense(3, name="dense")(layers.Dropout(0.5, name="drop")(source)))

    with pytest.raises(ConversionError, match=r"the layers 'drop' have no operator of their own to leave in float; leave out 'quantize: false'"):
        to_tflite(model, Format.INT8, np.ones((4, 6), np.float32), but("drop"))


def test_a_cache_counts_wishes_where_they_decide():
    """Not in float32, and of them the layers in float alone."""
    how = Conversion(wishes=Wishes(layers={"a": LayerWish(quantize=False, prune=30), "b": LayerWish(prune=False)}))

    assert Conversion() == how.about(Format.FLOAT32)
    assert but("a") == how.about(Format.INT8)
    assert Conversion() == Conversion(wishes=Wishes(layers={"b": LayerWish(prune=False)})).about(Format.INT8)
