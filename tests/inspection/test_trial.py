"""Samples from files."""

import numpy as np
import pytest

from emberflow.errors import DataError, ProjectError
from emberflow.inspection.trial import choose, read_trial


def test_a_few_samples_are_all_taken(tmp_path):
    """As float32, whatever they were."""
    np.save(tmp_path / "x.npy", np.arange(12).reshape(3, 4))
    trial = read_trial(tmp_path / "x.npy")

    (x,) = choose(trial.arrays, ("signal",))
    assert ("float32", (3, 4), "x.npy") == (x.dtype.name, x.shape, trial.origin)
    assert [0, 1, 2, 3] == x[0].tolist()


def test_of_many_samples_two_hundred_are_taken(tmp_path):
    """From the first to the last."""
    np.save(tmp_path / "x.npy", np.arange(1000.0)[:, None])
    trial = read_trial(tmp_path / "x.npy")

    (x,) = choose(trial.arrays, ("signal",))
    assert (200, 0, 999) == (len(x), x[0, 0], x[-1, 0])
    assert "x.npy, spread over its 1,000" == trial.origin


@pytest.mark.parametrize("names", [("x",), ("data",), ("x", "y"), ("signal", "x")])
def test_an_archive_is_read_by_name_or_when_it_holds_one_alone(tmp_path, names):
    """Labels beside the samples don't matter, nor does what isn't numbers: pickles aren't opened."""
    np.savez(tmp_path / "x.npz", labels=np.arange(2), words=np.array(["a"]), pickled=np.array([{}]), **{name: np.ones((2, 3)) for name in names})

    (x,) = choose(read_trial(tmp_path / "x.npz").arrays, ("signal",))
    assert (2, 3) == x.shape


@pytest.mark.parametrize("names", [("left", "right"), ("input0", "input1")])
def test_of_several_inputs_each_has_its_array(tmp_path, names):
    """By its name, in any order of the file, or by its place."""
    np.savez(tmp_path / "x.npz", **{names[1]: np.full((3, 2), 1.0), names[0]: np.zeros((3, 4)), "y": np.arange(3)})

    left, right = choose(read_trial(tmp_path / "x.npz").arrays, ("left", "right"))
    assert ((3, 4), (3, 2)) == (left.shape, right.shape)


@pytest.mark.parametrize(
    ("held", "names", "told"),
    [
        ({"a": 1, "b": 1}, ("signal",), "received samples with the arrays a, b; expected one alone, or one called 'x' or 'signal'."),
        ({"a": 1, "signl": 1}, ("signal",), "Did you mean 'signl'?"),
        (
            {"": 1},
            ("left", "right"),
            "received samples with one array without a name; the model has 2 inputs: expected an .npz with an array for each, called left, right, or"
            " input0, input1 in this order.",
        ),
        ({"left": 1, "rigth": 1}, ("left", "right"), "received samples with the arrays left, rigth; the model has 2 inputs"),
        ({"left": 1, "rigth": 1}, ("left", "right"), "Did you mean 'rigth'?"),
        (
            {"left": 1, "right": 2},
            ("left", "right"),
            "received other numbers of samples for each input (left: 1, right: 2); expected as many of each",
        ),
        ({"left": 0, "right": 1}, ("left",), "numbers that are not finite; expected none: check the data for missing values"),
    ],
)
def test_arrays_that_aren_t_those_of_the_inputs_are_told(held, names, told):
    """With what there is and what was expected; 0 stands for one sample that is NaN."""
    arrays = {name: np.full((count or 1, 2), 1 if count else np.nan, np.float32) for name, count in held.items()}

    with pytest.raises(DataError) as caught:
        choose(arrays, names)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.npy", np.ones(3), "with an array of float64 and shape (3,); expected numbers of shape (samples, ...)"),
        ("x.npy", np.ones((0, 3)), "with an array of float64 and shape (0, 3); expected numbers"),
        ("x.npy", np.array([["a"]]), "with an array of <U1 and shape (1, 1); expected numbers"),
        ("x.npy", b"nonsense", "as data, which can't be read ("),
        ("x.npz", b"PK nonsense", "as data, which can't be read ("),
        ("y.npy", None, "No such file or directory"),
        ("x.npz", {"X": 1, "y": 2}, "with the arrays X, y; expected numbers of shape (samples, ...), an array for each input of the model"),
        ("x.npz", {}, "with the arrays none; expected numbers of shape (samples, ...), an array for each"),
        ("x.npy", np.array([[{}]], object), "as data, which can't be read ("),
    ],
)
def test_what_is_no_data_is_refused(tmp_path, name, content, told):
    """In one line, with what was found."""
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)

    with pytest.raises(ProjectError) as caught:
        read_trial(path)
    assert str(caught.value).startswith(f"received '{path}'")
    assert told in str(caught.value)
