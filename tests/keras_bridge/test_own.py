"""The user's classes in both Kerases' registries, for a while."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.entry import find
from emberflow.errors import ModelError
from emberflow.keras_bridge import keras, load_own, own_classes, save
from emberflow.keras_bridge.own import check_version, registered
from emberflow.trust import OwnClasses

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize("version", [2, 3])
def test_classes_are_known_for_a_while(three: ModuleType, version: int) -> None:
    """Before and after it is another project's that are: a worker serves many."""
    saving = keras().saving if version == 2 else three.saving
    mine, theirs = type("Mine", (), {}), type("Mine", (), {})
    saving.get_custom_objects()["pack>Mine"] = theirs

    with registered({"pack>Mine": mine}, version):
        assert mine is saving.get_registered_object("pack>Mine")
    assert theirs is saving.get_custom_objects().pop("pack>Mine")


def test_a_model_is_saved_and_read_with_them(tmp_path: Path, strangers: Any) -> None:
    """A class that was never registered is saved under a package's name, so that none is mistaken for one of Keras's; so is a function."""
    strangers.write_module(tmp_path, "own_of_the_bridge")
    own = OwnClasses.at("own_of_the_bridge:objects", tmp_path)
    module = sys.modules[find("own_of_the_bridge:Scale", tmp_path).__module__]  # type: ignore[attr-defined]
    x = np.random.default_rng(0).normal(size=(4, 12, 4)).astype(np.float32)

    with own_classes(own):
        model = strangers.write_model(tmp_path / "m.keras", keras(), module)
        save(model, tmp_path / "m.h5")
    assert b'"Custom>Scale"' in (tmp_path / "m.h5").read_bytes()
    with own_classes(own):
        assert np.array_equal(model(x), load_own(tmp_path / "m.h5")(x))
    with pytest.raises(ModelError, match=r"'m.h5' of the artifact store can't be read"):
        load_own(tmp_path / "m.h5")


def test_classes_of_the_other_keras_are_told(three: ModuleType) -> None:
    """By name; a function is of neither."""
    old, new = type("Old", (keras().layers.Layer,), {}), type("New", (three.layers.Layer,), {})

    check_version({"Old": old, "f": print}, 2)
    with pytest.raises(ModelError) as two:
        check_version({"Old": old, "New": new}, 2)
    with pytest.raises(ModelError, match=r"the file is of Keras 3, and custom_objects gives classes of Keras 2 for Old; derive them from keras, of"):
        check_version({"Old": old, "New": new}, 3)
    assert "the file is of Keras 2, and custom_objects gives classes of Keras 3 for New; derive them from tf_keras" == str(two.value)
