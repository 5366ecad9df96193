"""Names for the code of Lambda layers, as long as they are asked for."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.keras_bridge.lambdas import with_names
from emberflow.keras_bridge.own import registered

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize("code", ["tf.abs(x)", "keras.ops.abs(x)", "ops.abs(x)", "np.abs(x)", "math.fabs(x)", "mine(x)"])
def test_code_finds_the_usual_names_and_the_user_s(three: ModuleType, code: str) -> None:
    """Which Keras 3 doesn't give it: its own reader is the same as before afterwards."""
    from keras.src.utils import python_utils

    before, dumped = python_utils.func_load, python_utils.func_dump(eval(f"lambda x: {code}"))  # noqa: S307 - as users write it
    with pytest.raises(NameError):
        python_utils.func_load(*dumped)(-2.0)

    with registered({"pack>mine": abs}, 3), with_names():
        loaded: Any = python_utils.func_load(*dumped)

    assert 2.0 == float(np.asarray(loaded(-2.0)))
    assert before is python_utils.func_load
