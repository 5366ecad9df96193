"""A signature is called by names; shapes, types and names that it doesn't take are told, though LiteRT itself would take some of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emberflow.errors import DataError, GraphError
from emberflow.evaluate import litert
from emberflow.evaluate.signature import by_index, call

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.random.default_rng(0).standard_normal((4, 6, 6, 2)).astype(np.float32)


@pytest.fixture
def model(tiny_tflite: Callable[..., bytes]) -> bytes:
    """An image classifier of any batch."""
    return tiny_tflite("image", "float32", None)


def ends(model: bytes) -> tuple[str, str]:
    """The names of its input and its output."""
    offered = litert.open_model(model).get_signature_list()["serving_default"]
    return offered["inputs"][0], offered["outputs"][0]


def test_an_open_batch_is_resized(model: bytes) -> None:
    """Four samples at once, by name and by index, are those one after the other."""
    given, out = ends(model)
    at_once = call(model, "serving_default", {given: X})[out]

    assert (4, 20) == at_once.shape
    assert np.array_equal(at_once, by_index(model, {given: X}, "serving_default")[out])
    assert litert.run(model, X) == pytest.approx(at_once, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "change", "error", "said"),
    [
        ("serving_defalt", lambda name: {name: X}, GraphError, "no signature 'serving_defalt'; expected one of serving_default. Did you mean"),
        ("serving_default", lambda name: {name: X[:, :5]}, DataError, r"was given shape \(4, 5, 6, 2\); expected \(any, 6, 6, 2\)"),
        ("serving_default", lambda name: {name: X[0]}, DataError, r"was given shape \(6, 6, 2\); expected \(any, 6, 6, 2\)"),
        ("serving_default", lambda name: {name: X.astype(np.float64)}, DataError, "was given float64; expected float32"),
        ("serving_default", lambda name: {}, DataError, "signature 'serving_default' takes input_.*; received nothing"),
        ("serving_default", lambda name: {f"{name}0": X}, DataError, "takes (input_.*); received .*0. Did you mean 'input_"),
    ],
)
def test_what_a_signature_doesn_t_take_is_told(
    model: bytes, name: str, change: Callable[[str], dict[str, Any]], error: type[Exception], said: str
) -> None:
    """Name, shape, type, and inputs that are missing or mistyped."""
    with pytest.raises(error, match=said):
        call(model, name, change(ends(model)[0]))
