"""What no compiled model may be."""

import numpy as np
import pytest
from tflite import BuiltinOperator as Code

from emberflow.compiler import compile_model
from emberflow.errors import CompileError, UnsupportedOperator
from tests.compiler.harness import activation, constant, differing_bytes
from tests.models import OperatorSpec, TensorSpec, write_tflite

POOL = {"Padding": 1, "StrideH": 1, "StrideW": 1, "FilterHeight": 1, "FilterWidth": 1}


def pool(read, written):
    return OperatorSpec(Code.MAX_POOL_2D, (read,), (written,), "Pool2DOptions", POOL)


def image(**changed):
    return TensorSpec(**({"name": "x", "shape": (1, 2, 2, 1), "scales": (0.05,), "zero_points": (0,)} | changed))


def refusal(error, tensors, operators, inputs=(0,), outputs=(1,), **header):
    with pytest.raises(error) as caught:
        compile_model(write_tflite(tuple(tensors), tuple(operators), tuple(inputs), tuple(outputs), **header), "m")
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("SPACE_TO_BATCH_ND", "a dilated convolution whose batch is open; convert the model with batch 1"),
        ("BATCH_TO_SPACE_ND", "a dilated convolution whose batch is open; convert the model with batch 1"),
        ("WHILE", "control flow has no kernel; unroll the recurrent layer"),
        ("IF", "control flow has no kernel; decide outside the model"),
        ("CALL_ONCE", "convert a model without variables"),
        ("VAR_HANDLE", "give states out and in again"),
        ("READ_VARIABLE", "give states out and in again"),
        ("TILE", "take a CONCATENATION of the tensor with itself"),
    ],
)
def test_operators_that_have_another_way(code, advice):
    """The message says which."""
    message = refusal(UnsupportedOperator, (image(), image()), [OperatorSpec(getattr(Code, code), (0,), (1,))])
    assert message.startswith(f"operator 0 {code} at position 0 of 1: ")
    assert advice in message


def test_a_custom_operator_is_refused():
    """By its own name."""
    message = refusal(UnsupportedOperator, (image(), image()), [OperatorSpec(Code.CUSTOM, (0,), (1,), custom="MyOp")])
    assert message == "operator 0 MyOp at position 0 of 1: it is a custom operator; expected one of the schema's; replace the layer that becomes it"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"is_variable": True}, "is kept from one inference to the next; give states out and in again"),
        (
            {"signature": (1, -1, 2, 1)},
            "has shape (1, -1, 2, 1); expected sizes known at conversion, but for the batch; convert the model with batch 1",
        ),
        ({"shape": (1, 0, 2, 1)}, "has shape (1, 0, 2, 1); expected one element or more"),
    ],
)
def test_tensors_that_have_no_place(changed, message):
    """States, open sizes, nothing at all: between two kernels."""
    found = refusal(UnsupportedOperator, (image(), image(**changed), image()), [pool(0, 1), pool(1, 2)], outputs=(2,))
    assert found.startswith("operator 0 MAX_POOL_2D at position 0 of 2: tensor 1 'x'")
    assert message in found


def test_several_subgraphs_are_refused():
    """They are bodies of control flow."""
    assert "the file holds 3 subgraphs; expected 1" in refusal(CompileError, (image(), image()), [pool(0, 1)], subgraphs=3)


@pytest.mark.parametrize(
    ("tensors", "inputs", "outputs", "message"),
    [
        ((image(), image()), (0,), (1, 0), "output tensor 0 'x' is an input as well; expected an operator that writes it"),
        ((image(), image()), (0,), (1, 1), "tensor 1 'x' is output 2 times; expected once; name each output once"),
        ((image(), image()), (0, 0), (1,), "tensor 0 'x' is input 2 times; expected once"),
        ((image(), image(), constant("c", np.array([[1]], np.int8), (0.05,))), (0,), (1, 2), "output tensor 2 'c' is the same for every input"),
        (
            (image(), image(), constant("c", np.array([[1]], np.int8), (0.05,))),
            (0, 2),
            (1,),
            "input tensor 2 'c' is constant; expected what a caller",
        ),
        (
            (image(), image(), image(name="s", is_variable=True)),
            (0,),
            (1, 2),
            "output tensor 2 's' is kept from one inference to the next; expected an",
        ),
        ((image(), image()), (0,), (), "the model has 0 outputs; expected 1 to 64; convert the model again"),
        ((image(), image()), (0,), (1,) * 65, "the model has 65 outputs; expected 1 to 64"),
        ((image(), image(), image(name="e", shape=(0,))), (0, 2), (1,), "input tensor 2 'e' has shape (0,); expected sizes above 0"),
        ((image(), image(), image(name="o", signature=(1, -1, 2, 1))), (0, 2), (1,), "input tensor 2 'o' has shape (1, -1, 2, 1)"),
    ],
)
def test_borders_that_have_no_memory(tensors, inputs, outputs, message):
    """Each names the tensor."""
    assert message in refusal(CompileError, tensors, [pool(0, 1)], inputs, outputs)


def test_sizes_that_no_chip_has_are_refused():
    """Offsets have 31 bits."""
    large = image(shape=(1, 10_000, 20_000, 1))
    assert "what the operators write takes 2,200,000,000 B; expected at most 2,147,483,647 B" in refusal(
        CompileError, (large,) * 12, [pool(index, index + 1) for index in range(11)], outputs=(11,)
    )
    huge = image(shape=(1, 40_000, 40_000, 1))
    assert "has shape (1, 40000, 40000, 1), 1,600,000,000 B; expected at most 268,435,456 B; use a smaller input" in refusal(
        UnsupportedOperator, (huge, huge), [pool(0, 1)]
    )


def test_more_tensors_than_a_plan_takes_are_refused():
    """Before anything takes the square of their number."""
    tensors, operators = (image(),) * 8194, [pool(index, index + 1) for index in range(8193)]
    assert "the operators write 8,193 tensors; expected at most 8,192; don't unroll loops" in refusal(
        CompileError, tensors, operators, outputs=(8193,)
    )


@pytest.mark.parametrize("shape", [(2, 2, 2, 1), (0x7FFF, 1), (4,)])
def test_several_samples_at_once_are_refused(shape):
    """Whatever the operator: at an input by its name and shape, and at an output that no input is as large as."""
    tanh = OperatorSpec(Code.TANH, (0,), (1,))
    several = image(shape=shape)
    told = f"has shape {shape}; expected one sample at a time: 1 in front; convert the model with batch 1"

    assert f"input tensor 0 'x' {told}" == refusal(CompileError, (several, image(name="y", shape=shape)), [tanh])
    assert f"output tensor 1 'y' {told}" == refusal(CompileError, (image(), image(name="y", shape=shape)), [OperatorSpec(Code.RESHAPE, (0,), (1,))])


def test_what_stands_first_between_the_borders_is_no_batch():
    """Constants, and rows that a RESHAPE makes of a sample: their first size means nothing."""
    tensors = (
        activation("x", (1, 12), 0.05),
        activation("rows", (4, 3), 0.05),
        constant("added", np.arange(12, dtype=np.int8).reshape(4, 3), (0.1,)),
        activation("sum", (4, 3), 0.1),
        activation("y", (1, 12), 0.1),
    )
    operators = (
        OperatorSpec(Code.RESHAPE, (0,), (1,), "ReshapeOptions", {"NewShape": (4, 3)}),
        OperatorSpec(Code.ADD, (1, 2), (3,), "AddOptions"),
        OperatorSpec(Code.RESHAPE, (3,), (4,), "ReshapeOptions", {"NewShape": (1, 12)}),
    )
    assert 0 == differing_bytes(write_tflite(tensors, operators, (0,), (4,)), samples=8)[0]


def test_windows_over_several_images_are_refused():
    """By the operators that slide them, where a RESHAPE hides the batch."""
    tensors = (activation("x", (1, 8), 0.05), image(shape=(2, 2, 2, 1)), image(shape=(2, 2, 2, 1)), activation("y", (1, 8), 0.05))
    operators = (OperatorSpec(Code.RESHAPE, (0,), (1,)), pool(1, 2), OperatorSpec(Code.RESHAPE, (2,), (3,)))
    assert "expected (1, height, width, channels) for both; convert the model with batch 1" in refusal(
        UnsupportedOperator, tensors, operators, outputs=(3,)
    )
