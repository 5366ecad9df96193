import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.evaluate.parity import compare, compare_all


def test_equal_outputs_are_equal() -> None:
    """Not one of six bytes differs, and both samples gave the same."""
    outputs = np.array([[1, 2, 3], [1, 2, 3]], np.int8)

    parity = compare("default", outputs, outputs.copy())

    assert parity.equal
    assert (parity.runtime, parity.samples, parity.bytes, parity.differing_bytes, parity.distinct_outputs) == ("default", 2, 6, 0, 1)


def test_differences_are_counted_by_byte_and_by_sample() -> None:
    """Three bytes in two samples of three; the largest difference spans the whole int8 range, which int8 itself can't hold."""
    reference = np.array([[1, 2], [3, -128], [5, 6]], np.int8)
    ours = np.array([[1, 2], [4, 127], [5, 5]], np.int8)

    parity = compare("reference", ours, reference)

    assert not parity.equal
    assert (parity.differing_bytes, parity.differing_samples, parity.largest_difference, parity.distinct_outputs) == (3, 2, 255, 3)


@pytest.mark.parametrize(("ours", "expected"), [(257, 1), (256, 2)], ids=["low byte alike", "both differ"])
def test_sixteen_bits_are_two_bytes(ours: int, expected: int) -> None:
    """The reference is 0x0001: 0x0101 differs from it in the upper byte, 0x0100 in both."""
    parity = compare("default", np.array([[ours]], np.int16), np.array([[1]], np.int16))

    assert (parity.bytes, parity.differing_bytes) == (2, expected)


def test_floats_are_compared_by_byte_too() -> None:
    """0.0 and -0.0 differ in the byte of the sign, by nothing in value."""
    parity = compare("default", np.array([[0.0, 0.75]], np.float32), np.array([[-0.0, 0.5]], np.float32))

    # 0.75 is 0x3F400000 and 0.5 is 0x3F000000: one byte
    assert (parity.bytes, parity.differing_bytes, parity.largest_difference) == (8, 2, 0.25)


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (np.zeros((2, 3), np.int8), np.zeros((3, 3), np.int8)),
        (np.zeros((2, 3), np.int8), np.zeros((2, 3), np.float32)),
        (np.zeros((0, 3), np.int8), np.zeros((0, 3), np.int8)),
    ],
    ids=["shape", "dtype", "none"],
)
def test_outputs_of_different_kinds_are_refused(ours: np.ndarray, reference: np.ndarray) -> None:
    """The message states dtype and shape of both."""
    with pytest.raises(DataError, match=rf"received outputs int8 \(\d, 3\) to compare with {reference.dtype} \(\d, 3\); expected the same model's"):
        compare("default", ours, reference)


def test_several_outputs_of_a_sample_are_one() -> None:
    """Two samples of three bytes; one byte of the second output differs, and the samples are told apart by the first alone."""
    ours = (np.array([[1], [2]], np.int8), np.array([[7, 200], [7, 8]], np.uint8))
    references = (np.array([[1], [2]], np.int8), np.array([[7, 8], [7, 8]], np.uint8))

    parity = compare_all("firmware", ours, references)

    assert (parity.samples, parity.bytes, parity.differing_bytes, parity.largest_difference, parity.distinct_outputs) == (2, 6, 1, 192, 2)
