"""Arrays of Python objects, made plain or refused."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.pickled import flatten, is_about_pickles, read_array, read_member, refusal


def objects(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (objects(np.ones((3, 2)), np.zeros((3, 2))), (2, 3, 2)),
        (objects([1, 2], [3, 4]), (2, 2)),
        (objects(1, 2.5, True), (3,)),
        (np.array([[1, 2], [3, 4]], object), (2, 2)),
        (objects("ann", "bob"), (2,)),
    ],
)
def test_what_stacks_to_numbers_or_names_is_taken(given, shape):
    """Arrays, lists, numbers, text."""
    found = flatten(given, "x")

    assert shape == found.shape
    assert not found.dtype.hasobject


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            objects(np.ones((3, 2)), np.ones((4, 2)), np.ones((4, 2))),
            "x holds objects of the shapes (4, 2) (2 times), (3, 2) (1 times); expected one shape for all samples: pad or cut them",
        ),
        (objects(*(np.ones(n) for n in range(6))), "(3,) (1 times) and 2 more; expected one shape"),
        (objects([1, [2, 3]], [4, 5]), "a list of lists that differ (1 times), (2,) (1 times); expected one shape"),
        (objects({}, {}), "x holds objects that are no numbers (dict), of shape (2,); expected numbers, or arrays of them"),
        (objects(1, None), "x holds objects that are no numbers (NoneType, int), of shape (2,)"),
    ],
)
def test_what_does_not_is_refused_by_its_shapes(given, told):
    """Or by what it is."""
    with pytest.raises(DataError) as caught:
        flatten(given, "x")

    assert told in str(caught.value)


class Explodes:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return eval, ("1 / 0",)


def test_what_a_pickle_raises_is_told(tmp_path):
    """Of a .npy and of an .npz."""
    np.save(tmp_path / "x.npy", objects(Explodes()))
    np.savez(tmp_path / "x.npz", x=objects(Explodes()))

    with pytest.raises(DataError, match=r"^'.*x\.npy' can't be unpickled: ZeroDivisionError: division by zero; write it as one array of numbers$"):
        read_array(tmp_path / "x.npy")
    with np.load(tmp_path / "x.npz") as archive, pytest.raises(DataError, match=r"^here can't be unpickled: ZeroDivisionError"):
        read_member(archive, "x", "here")


def test_a_pickle_that_is_no_array_is_not_read(tmp_path):
    """Under the name of one: it is told by its first bytes, whatever is trusted."""
    (tmp_path / "x.npy").write_bytes(b"\x80\x04\x8c\x0212345678.")

    with pytest.raises(DataError, match="the magic string is not correct"):
        read_array(tmp_path / "x.npy")


def test_numpys_refusal_is_known_by_its_words(tmp_path):
    """Whole and memory-mapped; a test, because the words are NumPy's."""
    np.save(tmp_path / "x.npy", objects({}))

    for read in (np.load, np.lib.format.open_memmap):
        with pytest.raises(ValueError, match="bject") as caught:
            read(tmp_path / "x.npy")
        assert is_about_pickles(caught.value)
    assert not is_about_pickles(ValueError("cut short"))


def test_the_refusal_names_risk_and_flag():
    """In this order."""
    assert (
        "x holds pickled Python objects, and reading them runs whatever code the file holds, with your rights; expected plain numbers: write it"
        " with numpy.savez or numpy.save from one array of numbers; or, if you trust whoever made the file, allow it: `trust_pickles: true` under `data`"
    ) == str(refusal("x"))
