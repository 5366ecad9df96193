"""The text of a program."""

import re
from pathlib import Path

import numpy as np
import pytest

from emberflow.compiler import compile_model, emit
from emberflow.compiler.emit import array_text, c_type_of, kernel_text, struct_text
from emberflow.compiler.program import Constant, Struct
from emberflow.errors import CompileError
from emberflow.graph import Tensor
from tests.compiler.harness import FLAVOURS, OperatorSpec, activation, build_library, constant, one_operator, tflite, write_tflite

RELU = OperatorSpec(tflite.BuiltinOperator.RELU, (0,), (1,))


def model():
    """Two outputs of three inputs."""
    weights = constant("w", np.array([[1, 2, 3], [4, 5, 6]], np.int8), (0.5,))
    return one_operator("FULLY_CONNECTED", [activation("x", (1, 3), 0.25, 1), weights], [activation("y", (1, 2), 1.0)], "FullyConnectedOptions")


def test_three_files():
    """Named after the model, which is made an identifier."""
    assert ["my_model.h", "my_model.c", "my_model_kernels.h"] == list(compile_model(model(), "My Model").files)


def test_the_header_says_what_goes_in_and_out():
    """Sizes, scales and the one function."""
    header = compile_model(model(), "m").files["m.h"].decode()

    for line in (
        "#define M_ARENA_BYTES 32",
        "/* input: int8 (1, 3) */",
        "#define M_INPUT_BYTES 3",
        "#define M_INPUT_SCALE 0.25f",
        "#define M_INPUT_ZERO_POINT (1)",
        "#define M_OUTPUT_ELEMENTS 2",
        "void m_infer(const int8_t *input, int8_t *output);",
    ):
        assert line in header.splitlines()


def test_the_calls_are_traced_on_request():
    """With the tensor's index, its place and its bytes."""
    source = compile_model(model(), "m").files["m.c"].decode()

    assert "  ef_fully_connected(&fully_connected_0_parameters, (const int8_t *)((uint8_t *)input), (int8_t *)((uint8_t *)output));" in source
    assert "  TRACE(2, (uint8_t *)output, 2);" in source


def test_a_parameter_that_nothing_reads_is_no_warning(tmp_path):
    """A graph may have an input that no operator reads; sources are built with -Wextra -Werror."""
    spare = write_tflite((activation("x", (1, 4)), activation("y", (1, 4)), activation("spare", (1, 4))), (RELU,), inputs=(0, 2), outputs=(1,))
    compiled = compile_model(spare, "m")

    assert "  (void)input1; /* nothing reads it */" in compiled.files["m.c"].decode().splitlines()
    assert build_library("m", compiled.files, tmp_path, "plain").is_file()


def test_kernels_come_once_and_includes_first():
    """Two kernels that need the same."""
    text = kernel_text(["conv", "fully_connected"])

    assert [1, 1] == [text.count(name) for name in ("EF_INLINE ef_channel ef_channel_at(", "EF_KERNEL void ef_conv_2d(")]
    assert text.index("ef_requantize(") < text.index("ef_channel_at(") < text.index("ef_conv_2d(")
    assert [] == re.findall(r'#include "', text)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_all_kernels_go_together(flavour, tmp_path):
    """No two files define the same name, and none needs another that it doesn't include."""
    kernels = [path.stem for path in (Path(emit.__file__).parent / "kernels").glob("*.h")]
    files = {"all.c": b'#include "all_kernels.h"\n', "all_kernels.h": kernel_text(kernels).encode()}

    assert build_library("all", files, tmp_path, flavour).is_file()


def test_no_kernel_is_there_that_isnt_called():
    """A dense model knows no convolution."""
    assert b"ef_conv_2d" not in compile_model(model(), "m").files["m_kernels.h"]


def test_arrays_and_structs():
    """As C initializes them."""
    words = Constant("words", np.array([1, -2], np.int32))

    assert "static const _Alignas(4) int32_t words[2] = {\n    1, -2,\n};" == array_text(words)
    struct = Struct("p", "ef_p", {"words": words, "inner": {"low": -128}, "real": 0.5, "sizes": (1, 2)})
    assert "static const ef_p p = {.words = words, .inner = {.low = -128}, .real = 0.5f, .sizes = {1, 2}};" == struct_text(struct)


def test_a_type_that_isnt_in_c_is_refused():
    """float16 has no type in C11."""
    tensor = Tensor(0, "x", (1,), (1,), "float16", None, None, 0, False)
    with pytest.raises(CompileError, match=r"tensor 0 'x' is float16; expected one of bool, float32, int8"):
        c_type_of(tensor)
