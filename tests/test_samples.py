"""Samples for a model that comes without data: random ones over the whole range, or those of a file, or why not."""

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.evaluate.borders import Border
from emberflow.samples import random_samples, read_samples

INT8 = Border(shape=(1, 4, 2), dtype="int8", scale=0.5, zero_point=3)
UINT8 = Border(shape=(1, 3), dtype="uint8", scale=0.25, zero_point=0)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_random_codes_reach_both_ends(dtype):
    """The lowest code alone, the highest alone, and every sample different."""
    samples, limits = random_samples((INT8.model_copy(update={"dtype": dtype}),)), np.iinfo(dtype)

    (codes,) = samples.codes
    assert (100, 4, 2) == codes.shape
    assert ({limits.min}, {limits.max}) == (set(codes[0].flat), set(codes[1].flat))
    assert 100 == len(np.unique(codes.reshape(100, -1), axis=0))
    assert f"100 samples of random codes over the whole range of {dtype}" == samples.origin


def test_random_samples_are_the_same_every_time():
    """So that a proof can be repeated."""
    assert np.array_equal(random_samples((INT8,)).codes[0], random_samples((INT8,)).codes[0])


def test_floats_are_drawn_as_they_are():
    """Where the model takes floats."""
    samples = random_samples((Border(shape=(1, 4, 2), dtype="float32", scale=0, zero_point=0),))

    assert np.float32 == samples.codes[0].dtype
    assert "normally distributed" in samples.origin


def test_codes_of_a_file_are_taken_as_they_are(tmp_path):
    """And mean 0.5 * (code - 3)."""
    codes = np.arange(16, dtype=np.int8).reshape(2, 4, 2)
    np.save(tmp_path / "x.npy", codes)

    samples = read_samples(tmp_path / "x.npy", (INT8,))

    assert np.array_equal(codes, samples.codes[0])
    assert [-1.5, -1.0] == samples.raw[0].reshape(-1)[:2].tolist()
    assert ("2 samples of x.npy", True) == (samples.origin, samples.are_real)


def test_floats_of_a_file_are_quantized(tmp_path):
    """1.0 is two steps above the zero point."""
    np.save(tmp_path / "x.npy", np.ones((3, 4, 2)))

    assert {5} == set(read_samples(tmp_path / "x.npy", (INT8,)).codes[0].flat)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 4), np.int8), r"with an array of shape \(2, 2, 4\); expected \(n, 4, 2\), as the model takes it"),
        (np.zeros((0, 4, 2), np.int8), r"with an array of shape \(0, 4, 2\); expected \(n, 4, 2\)"),
        (np.zeros((1, 4, 2), np.uint8), r"with an array of uint8; expected floats to quantize, or int8 as the model takes it"),
        (np.full((1, 4, 2), np.nan), r"with numbers that are not finite; expected none"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    """With what the model takes."""
    np.save(tmp_path / "x.npy", array)

    with pytest.raises(ProjectError, match=message):
        read_samples(tmp_path / "x.npy", (INT8,))


def test_what_is_no_npy_is_refused(tmp_path):
    """A missing file, text, and an archive of arrays."""
    (tmp_path / "text.npy").write_text("no")
    np.savez(tmp_path / "two.npz", a=np.zeros(1), b=np.zeros(1))

    for name, message in (("none.npy", "can't be read"), ("text.npy", "can't be read"), ("two.npz", "holds a, b")):
        with pytest.raises(ProjectError, match=rf"{name}' as samples, which {message}.*; expected a \.npy file of one array$"):
            read_samples(tmp_path / name, (INT8,))


def test_several_inputs_are_drawn_apart():
    """Each over the range of its own type."""
    samples = random_samples((INT8, UINT8))

    assert [("int8", (100, 4, 2)), ("uint8", (100, 3))] == [(each.dtype.name, each.shape) for each in samples.codes]
    assert "random codes over the whole range of int8 and random codes over the whole range of uint8" in samples.origin


def test_several_inputs_of_a_file(tmp_path):
    """Codes of one, real numbers of the other: 1.0 is four steps."""
    np.savez(tmp_path / "x.npz", input0=np.zeros((2, 4, 2), np.int8), input1=np.ones((2, 3)))
    samples = read_samples(tmp_path / "x.npz", (INT8, UINT8))

    assert [{0}, {4}] == [set(each.flat) for each in samples.codes]
    assert "2 samples of x.npz" == samples.origin


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(1)}, r"which holds a; expected a \.npz file with input0, input1: the model has 2 inputs$"),
        ({}, r"which holds nothing; expected a \.npz file with input0, input1"),
        ({"input0": np.zeros((2, 4, 2)), "input1": np.zeros((3, 3))}, "with 2, 3 samples of the inputs; expected as many of each$"),
    ],
)
def test_other_archives_are_refused(tmp_path, arrays, message):
    """With the names of the inputs."""
    np.savez(tmp_path / "x.npz", **arrays)

    with pytest.raises(ProjectError, match=message):
        read_samples(tmp_path / "x.npz", (INT8, UINT8))
