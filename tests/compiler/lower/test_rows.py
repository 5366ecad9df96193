"""Layers whose weights are packed, against TFLM."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.adapters.emulator import Run
from emberflow.compiler import Parity, Storage, compile_model
from emberflow.compiler.weights import Encoding
from emberflow.firmware.chip.program import linker_script, measuring_program
from emberflow.target import find_target
from tests.compiler.harness import Native, activation, constant, differing_bytes, one_operator, random_codes
from tests.compiler.lower.test_conv import INPUT_SCALE, SAME, quantities, window_options, windows
from tests.compiler.weights.layers import KINDS, clustered, pruned, pruned_and_clustered

PACKED = {"clustered": Encoding.TABLE, "pruned": Encoding.BITMAP, "pruned_and_clustered": Encoding.BITMAP_TABLE}


def conv_model(window, rows, groups=1, seed=0, activation_code=0):
    depth = rows.shape[1] // (window["kernel"][0] * window["kernel"][1])
    generator, scales, bias, output_scale = quantities(seed, len(rows), rows.shape[1])
    return one_operator(
        "CONV_2D",
        [
            activation("x", (1, *window["size"], depth * groups), INPUT_SCALE, int(generator.integers(-128, 128))),
            constant("w", rows.reshape(len(rows), *window["kernel"], depth), scales),
            bias,
        ],
        [activation("y", (1, *window["output"], len(rows)), output_scale * 20, int(generator.integers(-128, 128)))],
        "Conv2DOptions",
        **window_options(window),
        FusedActivationFunction=activation_code,
    )


def dense_model(rows, batches=1, seed=0):
    generator, scales, bias, output_scale = quantities(seed, len(rows), rows.shape[1])
    return one_operator(
        "FULLY_CONNECTED",
        [activation("x", (batches, rows.shape[1]), INPUT_SCALE, int(generator.integers(-128, 128))), constant("w", rows, scales), bias],
        [activation("y", (batches, len(rows)), output_scale * 20, int(generator.integers(-128, 128)))],
        "FullyConnectedOptions",
    )


POINTWISE = {"kernel": (1, 1), "size": (3, 3), "output": (3, 3), "stride": 1, "dilation": 1, "padding": SAME}
KIND = st.sampled_from(sorted(KINDS))


def encodings(model):
    return [packing.encoding for packing in compile_model(model, "m").program.packings]


@settings(max_examples=12, deadline=None)
@given(KIND, windows(3), st.integers(1, 24), st.integers(1, 9), st.integers(0, 10**6))
def test_conv_equals_tflm(kind, window, channels, depth, seed):
    """Pruned, clustered and odd weights in any window; the last tile has fewer than four pixels as often as not."""
    rows = KINDS[kind](np.random.default_rng(seed), channels, window["kernel"][0] * window["kernel"][1] * depth)

    assert 0 == differing_bytes(conv_model(window, rows, 1, seed), samples=8)[0]


@pytest.mark.parametrize("kind", sorted(PACKED))
@pytest.mark.parametrize("activation_code", [0, 3])  # none, RELU6
def test_conv_and_dense_of_each_encoding_equal_tflm(kind, activation_code):
    """Three encodings, chosen for what they are for; with and without bounds on the output, which have kernels of their own."""
    rows = KINDS[kind](np.random.default_rng(1), 24, 75)
    conv = conv_model(POINTWISE, rows, activation_code=activation_code)

    assert [PACKED[kind]] == encodings(conv)
    assert 0 == differing_bytes(conv)[0]
    assert [PACKED[kind]] == encodings(dense_model(rows))
    assert 0 == differing_bytes(dense_model(rows, 2))[0]


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_groups_read_their_rows_for_each_tile(kind):
    """Two groups of twelve rows over nine pixels: three tiles each, all of which begin at the group's first row."""
    model = conv_model(POINTWISE, KINDS[kind](np.random.default_rng(2), 24, 44), groups=2)

    assert [PACKED[kind]] == encodings(model)
    assert 0 == differing_bytes(model)[0]


@settings(max_examples=8, deadline=None)
@given(KIND, st.integers(1, 2), st.integers(1, 70), st.integers(1, 30), st.integers(0, 10**6))
def test_fully_connected_equals_tflm(kind, batches, depth, outputs, seed):
    """Depths that end inside of a group or a word; several inputs."""
    rows = KINDS[kind](np.random.default_rng(seed), outputs, depth)

    assert 0 == differing_bytes(dense_model(rows, batches, seed), samples=8)[0]


def test_litert_rounds_once_with_packed_weights_too():
    """The wide form of the fully connected kernel gives the bytes of the wide form with plain weights."""
    model = dense_model(pruned(np.random.default_rng(3), 24, 75))
    packed, plain = (compile_model(model, "m", Parity.LITERT_REFERENCE, storage) for storage in (Storage.SMALLEST, Storage.PLAIN))
    inputs = [random_codes(np.random.default_rng(0), packed.program.graph.tensors[0], 16)]

    assert [Encoding.BITMAP] == [packing.encoding for packing in packed.program.packings]
    assert Native(plain).run(inputs)[0].tolist() == Native(packed).run(inputs)[0].tolist()


def test_what_was_chosen_is_told():
    """A pruned layer: bytes before and after; as many instructions as with all the weights, within one for each that is gone through."""
    packing = compile_model(conv_model(POINTWISE, pruned(np.random.default_rng(0), 24, 76)), "m").program.packings[0]

    assert ("operator 0 CONV_2D", Encoding.BITMAP, 24 * 76) == (packing.layer, packing.encoding, packing.plain_bytes)
    assert packing.stored_bytes < 0.5 * packing.plain_bytes
    assert abs(packing.instructions) < 3 * 24 * 76


def measure(model, storage, toolchain, emulator):
    """Instructions of an inference on the emulated Cortex-M4."""
    compiled = compile_model(model, "m", weights=storage)
    target = find_target("stm32f405")
    image = toolchain.build(compiled.files | measuring_program("m"), target, linker_script(target))
    inputs = np.zeros(compiled.program.graph.tensors[0].elements, np.int8).tobytes()
    return emulator.run(image, target, Run({"inputs.bin": inputs}, watched=("m_infer",))).calls[0].instructions


@pytest.mark.parametrize("kind", sorted(PACKED))
@pytest.mark.parametrize("code", ["CONV_2D", "FULLY_CONNECTED"])
def test_instructions_are_about_what_was_told(kind, code, toolchain, emulator):
    """The difference of two builds on the emulated core, within a tenth of all that the layer executes."""
    rows = KINDS[kind](np.random.default_rng(0), 64, 144)
    window = {"kernel": (3, 3), "size": (8, 8), "output": (8, 8), "stride": 1, "dilation": 1, "padding": SAME}
    model = conv_model(window, rows) if code == "CONV_2D" else dense_model(rows)
    plain, packed = (measure(model, storage, toolchain, emulator) for storage in (Storage.PLAIN, Storage.SMALLEST))

    assert plain + compile_model(model, "m").program.packings[0].instructions == pytest.approx(packed, rel=0.1)


def test_flash_holds_what_was_told():
    """The arrays of a layer, each from a multiple of 4 on, and 24 B of parameters."""
    compiled = compile_model(dense_model(pruned_and_clustered(np.random.default_rng(0), 40, 64)), "m")
    arrays = [constant for constant in compiled.program.calls[0].constants if not constant.name.endswith("channels")]

    assert ["codes", "masks", "tables"] == [constant.name.rsplit("_", 1)[1] for constant in arrays]
    assert compiled.program.packings[0].stored_bytes == 24 + sum(-(-constant.values.nbytes // 4) * 4 for constant in arrays)


def test_plain_is_plain():
    """When it is asked for, and where packing doesn't pay."""
    model = dense_model(pruned(np.random.default_rng(0), 24, 75))

    assert [Encoding.PLAIN] == [p.encoding for p in compile_model(model, "m", weights=Storage.PLAIN).program.packings]
    assert [Encoding.PLAIN] == encodings(dense_model(np.random.default_rng(0).integers(-127, 128, (24, 75)).astype(np.int8)))


def test_only_decoders_that_are_named_are_linked():
    """A table's layer names its decoder and no other; decoders are static functions, which a compiler leaves out when nothing names them."""
    text = compile_model(dense_model(clustered(np.random.default_rng(0), 24, 75)), "m").files["m.c"].decode()

    assert ".next = {.dot = ef_dot_table_4}" in text
    assert [] == re.findall(r"ef_(dot_bitmap|four)", text)


def scratch_bytes(kind, storage=Storage.SMALLEST):
    model = conv_model(POINTWISE, KINDS[kind](np.random.default_rng(0), 24, 75))
    return compile_model(model, "m", weights=storage).program.calls[0].scratch_bytes


def test_packed_rows_take_no_memory():
    """A table's layer of 75 inputs needs what a plain one needs; a bitmap's only columns of bytes and a line of 75 zero points."""
    assert 9 * 76 == scratch_bytes("clustered", Storage.PLAIN) == scratch_bytes("clustered")
    assert 4 * 75 + 75 == scratch_bytes("pruned") == scratch_bytes("pruned_and_clustered")
