"""Arrays seen through a function, a piece at a time: the same numbers, and the same file, as of the whole."""

import numpy as np
import pytest

from emberflow import view as views
from emberflow.view import View, piece_samples, pieces, pieces_of_all, view, write


def double(x):
    return 2 * x


def test_nothing_is_changed_before_it_is_read():
    """And then only what is asked for."""
    asked = []
    seen = View(np.arange(10), lambda x: asked.append(len(x)) or double(x))

    assert (len(seen), asked) == (10, [])
    assert seen[2:4].tolist() == [4, 6]
    assert seen[np.array([9, 0])].tolist() == [18, 0]
    assert asked == [2, 2]


def test_functions_follow_each_other():
    """First doubled, then one more."""
    assert np.asarray(View(np.arange(3), double).then(lambda x: x + 1)).tolist() == [1, 3, 5]


def test_samples_are_taken_of_those_that_were_taken():
    """Positions among the positions before."""
    seen = View(np.arange(10)).take(np.array([8, 6, 4])).take(np.array([2, 0])).then(double)

    assert (seen.shape, np.asarray(seen).tolist()) == ((2,), [8, 16])


def test_it_is_told_of_as_an_array_is():
    """By shape and type, of what the function gives."""
    seen = View(np.zeros((5, 2, 3), np.int16), lambda x: np.asarray(x, np.float32))

    assert (seen.shape, seen.dtype, np.asarray(seen, np.float64).dtype) == ((5, 2, 3), np.float32, np.float64)


def test_a_view_stays_one():
    """And anything else becomes one."""
    seen = View(np.arange(3))

    assert view(seen) is seen
    assert np.asarray(view(np.arange(3))).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [
        ((9000, 3), 4096, 4096),
        ((9000, 1024), 4096, 4096),  # 4,096 samples of 4 KiB are 16 MiB
        ((9000, 2048), 4096, 2048),
        ((9000, 2048), 100, 100),
        ((3, 8_000_000), 4096, 1),  # one sample of 31 MiB
    ],
)
def test_a_piece_is_bounded_in_samples_and_in_bytes(shape, most, expected):
    """16 MiB of four bytes a number, one sample at least."""
    assert piece_samples(np.broadcast_to(np.float32(0), shape), most) == expected


def test_pieces_are_the_whole_in_its_order():
    """The last one is shorter."""
    assert [piece.tolist() for piece in pieces(np.arange(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(View(np.arange(5), double)) == [0, 2, 4, 6, 8]


def test_pieces_of_several_go_by_the_widest(monkeypatch):
    """Two numbers of four bytes a piece: one sample of the second."""
    monkeypatch.setattr(views, "PIECE_BYTES", 8)

    assert [[x.tolist() for x in each] for each in pieces_of_all((np.arange(2), np.array([[5, 6], [7, 8]])))] == [[[0], [[5, 6]]], [[1], [[7, 8]]]]


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.float64])
def test_a_file_is_the_one_that_numpy_writes(tmp_path, monkeypatch, dtype):
    """Byte for byte, in several pieces."""
    monkeypatch.setattr(views, "PIECE_BYTES", 4 * 6 * 2)
    x = np.arange(5 * 6).reshape(5, 2, 3).astype(dtype)
    np.save(tmp_path / "whole.npy", double(x))

    write(View(x, double), tmp_path / "pieces.npy")

    assert (tmp_path / "whole.npy").read_bytes() == (tmp_path / "pieces.npy").read_bytes()


def test_a_file_lies_in_c_order(tmp_path):
    """So that a sample's numbers are neighbours, whatever the order of the array."""
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))

    write(x, tmp_path / "x.npy")

    assert np.load(tmp_path / "x.npy").flags["C_CONTIGUOUS"]
    assert np.array_equal(x, np.load(tmp_path / "x.npy"))
