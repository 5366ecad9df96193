"""Test vectors: arrays that belong together, and a choice of them that fits a source file."""

from dataclasses import replace

import numpy as np
import pytest

from emberflow.errors import BundleError
from emberflow.evaluate.borders import Border, Borders
from emberflow.firmware.vectors import make_vectors
from emberflow.standardization import Standardization


def test_a_choice_takes_one_of_each_label_first(vectors):
    """Labels 0 0 0 1 2: three samples show all labels, four show a second 0."""
    given = replace(vectors(samples=5), labels=np.array([0, 0, 0, 1, 2]))

    assert given.within(10**6, samples=3).labels.tolist() == [0, 1, 2]
    assert given.within(10**6, samples=4).labels.tolist() == [0, 0, 1, 2]


def test_a_choice_keeps_samples_and_answers_together(vectors):
    given = vectors(samples=5)

    chosen = given.take(np.array([1, 3]))

    assert chosen.raw.tolist() == [given.raw[1].tolist(), given.raw[3].tolist()]
    assert chosen.inputs.tolist() == [given.inputs[1].tolist(), given.inputs[3].tolist()]
    assert chosen.outputs.tolist() == [given.outputs[1].tolist(), given.outputs[3].tolist()]
    assert len(chosen) == 2


def test_a_choice_is_bounded_in_characters(vectors):
    """A sample of 10 floats at 16 characters, 10 and 3 int8 at 6: 238 characters."""
    given = vectors(samples=20)

    assert given.characters == 20 * 238
    assert len(given.within(2 * 238 + 237, samples=16)) == 2
    assert len(given.within(10**6, samples=16)) == 16
    assert len(given.within(1, samples=16)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(0, np.int64)}, r"labels of shape \(0,\); expected one label for each of at least one sample"),
        ({"labels": np.zeros((4, 1), np.int64)}, r"labels of shape \(4, 1\); expected one label for each"),
        (
            {"labels": np.zeros(3, np.int64)},
            r"raw \(4, 5, 2\), inputs \(4, 5, 2\), outputs \(4, 3\) for 3 labels; expected \(n, \*input_shape\) twice",
        ),
        ({"inputs": np.zeros((4, 10), np.int8)}, r"inputs \(4, 10\)"),
        ({"outputs": np.zeros(4, np.int8)}, r"outputs \(4,\)"),
        ({"raw": np.zeros((4, 5, 2))}, r"raw samples in float64 and labels in int64; expected float32 and int64"),
        ({"labels": np.zeros(4, np.int32)}, r"labels in int32"),
        ({"inputs": np.zeros((4, 5, 2), np.float16)}, r"received inputs in float16; expected int8, uint8, int16, float32"),
        ({"input_scale": 0.0}, r"received inputs in int8 with scale 0.0; expected a positive scale for integers and 0 for floats"),
        ({"outputs": np.zeros((4, 3), np.float32)}, r"received outputs in float32 with scale 0.05"),
        ({"output_scale": -1.0}, r"received outputs in int8 with scale -1.0"),
        ({"output_scale": float("nan")}, r"received outputs in int8 with scale nan"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(vectors, change: dict, message: str):
    with pytest.raises(BundleError, match=message):
        replace(vectors(), **change)


def test_vectors_of_a_model_are_standardized_and_quantized_as_it_was_measured():
    """(3 - 1) / 2 = 1 and (6 - 1) / 2 = 2.5; in steps of 0.5 from zero point 1: 3 and 6."""
    borders = Borders(
        input=Border(shape=(1, 2, 1), dtype="int8", scale=0.5, zero_point=1),
        output=Border(shape=(1, 1, 2), dtype="uint8", scale=1 / 256, zero_point=0),
    )
    raw, outputs = np.array([[[3], [6]]], np.float32), np.array([[[255, 1]]], np.uint8)

    made = make_vectors(raw, np.array([0]), Standardization(mean=(1.0,), std=(2.0,)), borders, outputs)

    assert made.inputs.tolist() == [[[3], [6]]]
    assert made.outputs.tolist() == [[255, 1]]
    assert (made.input_scale, made.input_zero_point, made.output_scale, made.output_zero_point) == (0.5, 1, 1 / 256, 0)


def test_vectors_of_a_float_model_are_raw_where_nothing_is_standardized():
    border = Border(shape=(1, 2), dtype="float32", scale=0, zero_point=0)
    raw = np.array([[0.25, -7.0]], np.float32)

    made = make_vectors(raw, np.array([1]), None, Borders(input=border, output=border), raw)

    assert made.inputs.tolist() == raw.tolist()
