"""The bridge to Keras 2: what is rebuilt computes the same, and what can't be is refused by its name."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import is_keras_2, keras, largest_difference, load, read_wiring, save, to_keras_2

pytestmark = pytest.mark.xdist_group("tensorflow")


def three() -> Any:
    """Keras 3; imported when a test runs, so that only the process that runs it imports TensorFlow."""
    import keras as keras_3

    return keras_3


def chain(*layers: Any) -> Any:
    """A functional Keras 3 model of a window of 16 steps of 4 channels."""
    tensor = source = three().Input((16, 4))
    for layer in layers:
        tensor = layer(tensor)
    return three().Model(source, tensor)


def with_random_weights(model: Any) -> Any:
    """No weight at its initial value: ones and zeros would hide a weight that is not copied."""
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 1, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Conv1D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "causal", "activation": "silu", "kernel_regularizer": "l2"}),
        ("SeparableConv1D", {"filters": 3, "kernel_size": 3}),
        ("DepthwiseConv1D", {"kernel_size": 3}),
        ("BatchNormalization", {}),
        ("LayerNormalization", {}),
        ("Normalization", {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 2.0, 3.0, 4.0]}),
        ("Dense", {"units": 3, "kernel_constraint": "max_norm"}),
        ("LSTM", {"units": 3}),
        ("GRU", {"units": 3}),
        ("ReLU", {"max_value": 6, "negative_slope": 0.1}),
        ("LeakyReLU", {"negative_slope": 0.2}),
        ("PReLU", {}),
        ("Activation", {"activation": "gelu"}),
        ("UpSampling1D", {"size": 2}),
        ("GlobalAveragePooling1D", {"keepdims": True}),
        ("Softmax", {}),
    ],
)
def test_a_layer_of_keras_3_computes_the_same_in_keras_2(kind: str, settings: dict[str, Any]) -> None:
    """The same weights, the same outputs up to a rounding."""
    model = with_random_weights(chain(getattr(three().layers, kind)(**settings)))

    rebuilt = to_keras_2(model)

    assert is_keras_2(rebuilt)
    assert rebuilt.count_params() == model.count_params()
    assert largest_difference(model, rebuilt) <= 1e-6


def test_a_graph_with_branches_computes_the_same() -> None:
    """Two inputs, a layer called twice, a merge of a list, two outputs."""
    one, other = three().Input((16, 4), name="one"), three().Input((16, 4), name="other")
    shared = three().layers.Conv1D(4, 3, padding="same", name="shared")
    merged = three().layers.Concatenate(axis=1)([shared(one), shared(shared(other))])
    total = three().layers.Add()([one, other])
    model = with_random_weights(three().Model([one, other], [three().layers.Flatten()(merged), three().layers.Dense(2)(total)]))

    rebuilt = to_keras_2(model)

    assert [tuple(output.shape) for output in rebuilt.outputs] == [(None, 128), (None, 16, 2)]
    assert largest_difference(model, rebuilt) == 0.0


def test_a_sequential_model_computes_the_same() -> None:
    """Its graph is read from the list of layers."""
    model = three().Sequential(
        [
            three().Input((16, 4)),
            three().layers.Conv1D(2, 3),
            three().layers.Dropout(0.5),
            three().layers.Flatten(),
            three().layers.Dense(2, "softmax"),
        ]
    )

    assert largest_difference(model, to_keras_2(model)) == 0.0


def test_a_keras_2_model_comes_back_as_it_is() -> None:
    """There is nothing to rebuild."""
    model = keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])

    assert to_keras_2(model) is model


def test_the_difference_is_the_largest_of_all_outputs() -> None:
    """The second output is 0.25 x in one model and 0.5 x in the other: 0.25 of the largest x, as 0.25 x stays below 1."""
    layers, source = keras().layers, keras().Input((3,))
    one = keras().Model(source, [layers.Rescaling(1.0)(source), layers.Rescaling(0.25)(source)])
    other = keras().Model(source, [layers.Rescaling(1.0)(source), layers.Rescaling(0.5)(source)])

    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)  # what the function draws
    assert np.abs(x).max() < 4
    assert largest_difference(one, other) == pytest.approx(0.25 * np.abs(x).max())


def test_the_difference_of_large_outputs_is_in_proportion() -> None:
    """1000 x against 1001 x: 1 / 1000 of the largest output, however large that is."""
    source = keras().Input((3,))
    one, other = (keras().Model(source, keras().layers.Rescaling(factor)(source)) for factor in (1000.0, 1001.0))

    assert largest_difference(one, other) == pytest.approx(0.001, rel=1e-2)


def subclassed() -> Any:
    """A model whose graph only its code knows."""

    class Subclassed(three().Model):
        def call(self, x: Any) -> Any:
            return x

    return Subclassed()


def double(name: str) -> Any:
    """A layer of the user's own."""

    class Double(three().layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    return Double(name=name)


def plus() -> Any:
    source = three().Input((16, 4))
    return three().Model(source, three().layers.Conv1D(4, 3, padding="same")(source) + source)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: 3, "received builtins.int; expected a Keras model (keras or tf_keras)"),
        (lambda: three().Model, "expected a Keras model"),
        (subclassed, "received a Subclassed; expected a Sequential or functional Keras model"),
        (lambda: three().Sequential([three().layers.Dense(2)]), "a Sequential model without an input shape; start it with an Input layer"),
        (lambda: chain(double("mine")), "layer 'mine' (Double) has no equal in Keras 2; replace it, or bring a .tflite"),
        (lambda: chain(chain(three().layers.Dense(3))), "(Functional) has no equal in Keras 2"),
        (lambda: chain(three().layers.Lambda(lambda x: x * 2, name="odd")), "layer 'odd' (Lambda) can't be rebuilt in Keras 2"),
        (
            lambda: chain(three().layers.Bidirectional(three().layers.LSTM(2), name="both")),
            "layer 'both' (Bidirectional) can't be rebuilt in Keras 2",
        ),
        (lambda: chain(three().layers.Activation("hard_silu", name="hard")), "layer 'hard' (Activation) can't be rebuilt in Keras 2"),
        # Keras 2 clips x / 5 + 0.5, Keras 3 clips x / 6 + 0.5: the proof on random inputs finds it
        (lambda: chain(three().layers.Activation("hard_sigmoid")), "can't be rebuilt in Keras 2: outputs differ by 0.08"),
    ],
)
def test_what_keras_2_has_no_equal_of_is_refused_by_name(make: Callable[[], Any], said: str) -> None:
    """Models that can't be read and layers that can't be rebuilt."""
    with pytest.raises(ModelError) as told:
        to_keras_2(make())

    assert said in str(told.value)
    assert len(str(told.value)) < 500


def test_an_operator_between_tensors_of_keras_3_is_refused_by_name() -> None:
    """Keras 3 lists the operator in the graph and not among the layers."""
    with pytest.raises(ModelError, match=r"computes 'add\w*' on tensors without a layer; use a layer instead, such as Add\(\) for \+"):
        to_keras_2(plus())


def test_an_operator_between_tensors_of_keras_2_is_refused_by_name() -> None:
    """Its second input hides in an argument, so that the graph can't be rebuilt."""
    source = keras().Input((16, 4))
    model = keras().Model(source, keras().layers.Conv1D(4, 3, padding="same")(source) + source)

    with pytest.raises(ModelError, match=r"computes 'tf.__operators__.add' on tensors without a layer; use a layer instead, such as Add\(\) for \+"):
        read_wiring(model)


def test_a_nested_model_of_keras_2_is_one_call() -> None:
    """Keras counts the nested model's own inputs as its call 0, so that the first use is call 1."""
    inner = keras().Sequential([keras().Input((3,)), keras().layers.Dense(3)], name="inner")
    source = keras().Input((3,), name="source")

    wiring = read_wiring(keras().Model(source, inner(inner(source))))

    assert [(call.layer, call.node) for call in wiring.calls] == [("source", 0), ("inner", 1), ("inner", 2)]
    assert [(end.layer, end.node) for end in wiring.outputs] == [("inner", 2)]


def test_a_graph_that_can_t_be_ordered_is_refused() -> None:
    """A layer waits for one that never comes."""

    class Model:
        name = "odd"
        layers = (type("Layer", (), {"name": "a"})(),)

        def get_config(self) -> dict[str, Any]:
            waits = {"name": "a", "class_name": "Dense", "inbound_nodes": [[["b", 0, 0, {}]]]}
            return {"layers": [waits], "input_layers": [], "output_layers": [["a", 0, 0]]}

    with pytest.raises(ModelError, match="a cycle or a missing input at 'a'"):
        read_wiring(Model())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two models saved by Keras 3 and Keras 2, in both forms, and Keras 3's with some bytes wrong."""
    path = tmp_path_factory.mktemp("saved")
    newer = three().Sequential([three().Input((16, 4)), three().layers.Conv1D(2, 3), three().layers.Flatten(), three().layers.Dense(2, "softmax")])
    older = to_keras_2(newer)
    for ending in ("keras", "h5"):
        newer.save(path / f"newer.{ending}")
        older.save(path / f"older.{ending}")
    whole = (path / "newer.keras").read_bytes()
    (path / "half.keras").write_bytes(whole[: len(whole) // 2])
    (path / "half.h5").write_bytes((path / "newer.h5").read_bytes()[:4000])
    wrong = bytearray(whole)
    wrong[200:260] = bytes(255 - byte for byte in wrong[200:260])  # within config.json, whose checksum then is wrong
    (path / "flipped.keras").write_bytes(wrong)
    (path / "empty.keras").write_bytes(b"")
    (path / "text.h5").write_bytes(b"not a model")
    with zipfile.ZipFile(path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    chain(double("own")).save(path / "own.keras")
    return path


@pytest.mark.parametrize("name", ["newer.keras", "newer.h5", "older.keras", "older.h5"])
def test_what_either_keras_saved_is_read_as_keras_2(folder: Path, name: str) -> None:
    """Same outputs as the model that was saved."""
    loaded = load(folder / name)

    assert is_keras_2(loaded)
    assert largest_difference(load(folder / "older.h5"), loaded) == 0.0


@pytest.mark.parametrize("name", ["half.keras", "half.h5", "flipped.keras", "empty.keras", "text.h5", "other.keras", "own.keras"])
def test_a_file_that_can_t_be_read_is_told_shortly(folder: Path, name: str) -> None:
    """What both Keras say of it, three hundred letters each at most."""
    with pytest.raises(ModelError, match=f"'{name}' can't be read as a Keras model: .+; nor with Keras 3: ") as told:
        load(folder / name)

    assert len(str(told.value)) < 750


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A folder is no file either."""
    for path in (tmp_path, tmp_path / "none.keras"):
        with pytest.raises(ModelError, match=r"as the baseline; expected a .keras or .h5 file, and there is none"):
            load(path)


def test_a_saved_model_comes_back_equal_and_without_optimizer(tmp_path: Path) -> None:
    """Compiled and trained or not, the file holds layers and weights."""
    model = keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    save(model, tmp_path / "model.h5")

    loaded = load(tmp_path / "model.h5")

    assert largest_difference(model, loaded) == 0.0
    assert getattr(loaded, "optimizer", None) is None
