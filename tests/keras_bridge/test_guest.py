"""Layers of Keras 3 in models of Keras 2: they compute the same, keep their weights there, train there, and outlive a file."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras, kind_of, largest_difference, load_own, save, to_keras_2
from emberflow.keras_bridge.guest import following, guests, is_guest
from emberflow.keras_bridge.own import registered

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def block(three: ModuleType) -> Any:
    """A layer that makes its parts when it is first called: weights of equal names, moving averages, the state of a random generator."""

    class Block(three.layers.Layer):  # type: ignore[name-defined,misc]  # Keras ships no types
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.parts = [three.layers.Dense(5), three.layers.BatchNormalization(), three.layers.Dropout(0.5), three.layers.Dense(5)]

        def call(self, x: Any, by: float = 1.0, other: Any = None, training: Any = None) -> Any:
            for part in self.parts:
                x = part(x, training=training) if isinstance(part, three.layers.BatchNormalization | three.layers.Dropout) else part(x)
            return x * by if other is None else x * by + other

    return Block


def test_a_guest_computes_the_same_before_and_after_a_file(three: ModuleType, block: Any, weighed: Any, tmp_path: Path) -> None:
    """With a number and a second tensor among its arguments; the weights are those of the Keras 2 model."""
    source = three.Input((5,))
    model = weighed(three.Model(source, block(name="mine")(source, by=3.0, other=three.layers.ReLU()(source))))

    with registered({"Block": block}, 3):
        rebuilt = to_keras_2(model)
        save(rebuilt, tmp_path / "m.h5")
        again = load_own(tmp_path / "m.h5")

    assert largest_difference(model, rebuilt) == largest_difference(model, again) == 0.0
    assert ["Block"] == [kind_of(layer) for layer in again.layers if is_guest(layer)]
    assert model.count_params() == sum(int(np.prod(weight.shape)) for weight in again.weights if "seed" not in weight.name)
    with pytest.raises(ModelError, match=r"'m.h5' of the artifact store can't be read"):
        load_own(tmp_path / "m.h5")


def test_a_guest_trains(three: ModuleType, block: Any) -> None:
    """Its kernels learn, its averages move, its random generator goes on; a copy of the model starts anew."""
    source = three.Input((5,))
    with registered({"Block": block}, 3):
        rebuilt = to_keras_2(three.Model(source, block(name="mine")(source)))
        copied = keras().models.clone_model(rebuilt)
    before = [np.array(weight) for weight in rebuilt.weights]
    rebuilt.compile("adam", "mse")

    rebuilt.fit(X, X, epochs=1, verbose=0)

    changed = [bool(np.any(old != np.array(new))) for old, new in zip(before, rebuilt.weights, strict=True)]
    assert [True] * 9 == changed  # two kernels, two biases, scale, offset, mean, variance, seed
    assert 6 == len(rebuilt.trainable_weights)
    assert [weight.shape for weight in rebuilt.weights] == [weight.shape for weight in copied.weights]


def test_a_shared_guest_has_one_set_of_weights(three: ModuleType, block: Any, weighed: Any) -> None:
    """Called twice alike; called with another number the second time, the proof finds it."""
    source, mine = three.Input((5,)), block(name="mine")
    once = mine(source, by=2.0)

    with registered({"Block": block}, 3):
        alike = weighed(three.Model(source, mine(once, by=2.0)))
        assert 0.0 == largest_difference(alike, to_keras_2(alike))
        with pytest.raises(ModelError, match=r"'mine' \(Block\) computes something else in Keras 2"):
            to_keras_2(weighed(three.Model(source, mine(once, by=5.0))))
        with pytest.raises(ModelError, match=r"layer 'mine' \(Block\) can't be rebuilt in Keras 2: "):
            to_keras_2(three.Model(source, mine(once)))


def test_code_that_nobody_gives_is_told(three: ModuleType, block: Any) -> None:
    """A model that a function built: the processes after it find no class that only that function knows, though Keras does, in this one."""
    source = three.Input((5,))

    with three.saving.CustomObjectScope({"Block": block}), pytest.raises(ModelError) as told:
        to_keras_2(three.Model(source, block(name="mine")(source)))

    assert (
        "layer 'mine' (Block) needs code of your own in Keras 3, Block, which every process that reads the model must find: give it by"
        " `trust_model_code: true` and `custom_objects: module:function`"
    ) == str(told.value)


def test_weights_that_no_file_keeps_are_told(three: ModuleType, chain: Any) -> None:
    """Keras 3 doesn't build what is in a layer that says its shape without being called: its own file of the model would have no weights there."""

    class Residual(three.layers.Layer):  # type: ignore[name-defined,misc]  # Keras ships no types
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.inner = three.layers.Dense(4)

        def call(self, x: Any) -> Any:
            return x + self.inner(x)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    with (
        registered({"Residual": Residual}, 3),
        pytest.raises(ModelError, match=r"makes weights when it is run, which no file keeps; make them in its"),
    ):
        to_keras_2(chain(three.layers.TimeDistributed(Residual())))


def test_masks_and_several_outputs_go_through(three: ModuleType, tmp_path: Path) -> None:
    """A mask that an Embedding makes reaches the layer, and goes on where the layer hands it on; outputs may be a dictionary."""

    class Both(three.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self, hands_on: bool, **more: Any) -> None:
            super().__init__(**more)
            self.supports_masking = self.hands_on = hands_on

        def call(self, x: Any, mask: Any = None) -> Any:
            return {"zeroed": x * 3 if mask is None else x * three.ops.expand_dims(three.ops.cast(mask, "float32"), -1), "more": x + 1}

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "hands_on": self.hands_on}

    layers, source = three.layers, three.Input((12,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(source)
    ends = [Both(hands_on, name=f"both_{hands_on}")(x) for hands_on in (True, False)]
    model = three.Model(source, [layers.GlobalAveragePooling1D()(tensor) for end in ends for tensor in end.values()])

    with registered({"Both": Both}, 3):
        save(rebuilt := to_keras_2(model), tmp_path / "m.h5")
        assert 1e-6 >= largest_difference(model, rebuilt)
        assert 1e-6 >= largest_difference(model, load_own(tmp_path / "m.h5"))


def test_what_follows_is_made_once(three: ModuleType) -> None:
    """A function without weights, called twice."""
    call, x = following(three.layers.Activation("tanh"), "after"), keras().Input((5,))

    model = keras().Model(x, call(call(x)))

    assert ["Activation"] == [kind_of(layer) for layer in model.layers if isinstance(layer, guests())]
    assert np.allclose(np.tanh(np.tanh(X)), model(X), atol=1e-6)
