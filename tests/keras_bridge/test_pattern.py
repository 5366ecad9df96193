"""Arguments of a call as JSON and back."""

import json
from types import ModuleType

import pytest

from emberflow.keras_bridge.pattern import filled, pattern_of, picked

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_arguments_outlive_json(three: ModuleType) -> None:
    """Tensors by number, however deep; slices, tuples and numbers by value."""
    x, y = three.Input((3,)), three.Input((4,))
    said = [[x, (slice(None, None, 2), Ellipsis, None)], {"other": [y, 1.5], "axis": (0, -1), "name": "n"}]
    tensors: list[object] = []

    pattern = json.loads(json.dumps(pattern_of(said, tensors)))

    assert [id(x), id(y)] == [id(tensor) for tensor in tensors]
    assert [["a", (slice(None, None, 2), Ellipsis, None)], {"other": ["b", 1.5], "axis": (0, -1), "name": "n"}] == filled(pattern, ["a", "b"])
    assert ["c", "d"] == picked(pattern, [["c", (None,) * 3], {"name": 0, "axis": (1, 2), "other": ["d", 0]}])


def test_another_structure_is_told(three: ModuleType) -> None:
    """An argument more, or one that is missing."""
    pattern = pattern_of([[three.Input((3,))], {"by": 2}], [])

    with pytest.raises(ValueError, match="longer"):
        picked(pattern, [[1, 2], {"by": 2}])
    with pytest.raises(KeyError, match="by"):
        picked(pattern, [[1], {}])
