"""Samples for a model's inputs come from a .npy or a .npz; every way in which they don't fit is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.feeds import read_feeds
from emberflow.saved_model import Tensor

IMAGE, LEFT, RIGHT = Tensor("image", "float32", (None, 2, 3)), Tensor("left", "float32", (None, 2)), Tensor("right", "float32", (1, None))
PLACE = Tensor("place", "int32", (None, 2))


def saved(folder: Path, *arrays: Any, **named: Any) -> Path:
    path = folder / ("x.npz" if named else "x.npy")
    np.savez(path, **named) if named else np.save(path, arrays[0])
    return path


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int64"])
def test_one_array_is_for_the_one_input(tmp_path: Path, dtype: str) -> None:
    """In the input's type; numbers stay what they are."""
    feeds = read_feeds(saved(tmp_path, np.arange(24).reshape(4, 2, 3).astype(dtype)), [IMAGE])

    assert ["image"] == list(feeds)
    assert ((4, 2, 3), "float32", 276.0) == (feeds["image"].shape, feeds["image"].dtype.name, feeds["image"].sum())


def test_an_archive_has_an_array_for_each_input(tmp_path: Path) -> None:
    """By name; sizes that an input leaves open are as given."""
    feeds = read_feeds(saved(tmp_path, left=np.ones((4, 2)), right=np.zeros((4, 7))), [LEFT, RIGHT])

    assert {"left": (4, 2), "right": (4, 7)} == {name: feed.shape for name, feed in feeds.items()}


def test_the_one_array_of_an_archive_needs_no_name(tmp_path: Path) -> None:
    """There is nothing to mistake it for."""
    assert "image" in read_feeds(saved(tmp_path, x=np.zeros((1, 2, 3))), [IMAGE])


@pytest.mark.parametrize(
    ("arrays", "inputs", "said"),
    [
        (
            {"lft": np.ones((4, 2)), "right": np.ones((4, 2))},
            [LEFT, RIGHT],
            "with lft, right; expected an array for each input: left, right. Did you mean",
        ),
        ({"left": np.ones((4, 2))}, [LEFT, RIGHT], "with left; expected an array for each input: left, right"),
        ({"left": np.ones((4, 2)), "right": np.ones((3, 2))}, [LEFT, RIGHT], r"different numbers of samples \(left: 4, right: 3\); expected as many"),
        (
            {"x": np.ones((4, 3, 2))},
            [IMAGE],
            r"with shape \(4, 3, 2\) for the input image: float32 \(any, 2, 3\); expected samples \(n, ...\) of that",
        ),
        ({"x": np.ones((4, 2))}, [IMAGE], r"with shape \(4, 2\) for the input image"),
        ({"x": np.ones((0, 2, 3))}, [IMAGE], r"with shape \(0, 2, 3\) for the input image: .* at least one"),
        ({"x": np.full((1, 2, 3), np.nan)}, [IMAGE], "with numbers that are not finite; expected none"),
        ({"x": np.array([["a", "b"]])}, [LEFT], "with <U1 for the input left: .*; expected numbers that become float32 as they are"),
        ({"x": np.ones((4, 2))}, [PLACE], "with float64 for the input place: .*; expected numbers that become int32 as they are"),
    ],
)
def test_what_doesn_t_fit_is_told(tmp_path: Path, arrays: dict[str, Any], inputs: list[Tensor], said: str) -> None:
    """Names, numbers of samples, shapes, types."""
    with pytest.raises(ProjectError, match=said):
        read_feeds(saved(tmp_path, **arrays), inputs)


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    """A pickle could run code; nothing of it is read."""
    pickle, text = tmp_path / "pickle.npy", tmp_path / "x.npz"
    np.save(pickle, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    text.write_text("no archive")

    for path in (pickle, text, tmp_path / "missing.npy"):
        with pytest.raises(ProjectError, match=rf"received '.*/{path.name}' as data, which can't be read \(.*\); expected a .npy or .npz of plain"):
            read_feeds(path, [IMAGE])
