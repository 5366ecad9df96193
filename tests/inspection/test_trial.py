"""Samples from files."""

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.inspection.trial import read_trial


def test_a_few_samples_are_all_taken(tmp_path):
    """As float32, whatever they were."""
    np.save(tmp_path / "x.npy", np.arange(12).reshape(3, 4))
    trial = read_trial(tmp_path / "x.npy")

    assert ("float32", (3, 4), "x.npy") == (trial.x.dtype.name, trial.x.shape, trial.origin)
    assert [0, 1, 2, 3] == trial.x[0].tolist()


def test_of_many_samples_two_hundred_are_taken(tmp_path):
    """From the first to the last."""
    np.save(tmp_path / "x.npy", np.arange(1000.0)[:, None])
    trial = read_trial(tmp_path / "x.npy")

    assert (200, 0, 999) == (len(trial.x), trial.x[0, 0], trial.x[-1, 0])
    assert "x.npy, spread over its 1,000" == trial.origin


@pytest.mark.parametrize("names", [("x",), ("data",), ("x", "y")])
def test_an_archive_is_read_by_name_or_when_it_holds_one_alone(tmp_path, names):
    """Labels beside the samples don't matter."""
    np.savez(tmp_path / "x.npz", **{name: np.ones((2, 3)) for name in names})

    assert (2, 3) == read_trial(tmp_path / "x.npz").x.shape


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.npy", np.ones(3), "with an array of float64 and shape (3,); expected numbers of shape (samples, ...)"),
        ("x.npy", np.ones((0, 3)), "with an array of float64 and shape (0, 3); expected numbers"),
        ("x.npy", np.array([["a"]]), "with an array of <U1 and shape (1, 1); expected numbers"),
        ("x.npy", np.array([[np.nan]]), "with numbers that are not finite; expected none: check the data for missing values"),
        ("x.npy", b"nonsense", "as data, which can't be read ("),
        ("x.npz", b"PK nonsense", "as data, which can't be read ("),
        ("y.npy", None, "No such file or directory"),
        ("x.npz", {"X": 1, "y": 2}, "with the arrays X, y; expected one alone, or one called 'x'."),
        ("x.npz", {}, "with the arrays none; expected one alone, or one called 'x'."),
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
