"""Model files of either Keras, from this house and from strangers."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from emberflow.convert import to_tflite
from emberflow.errors import ModelError
from emberflow.evaluate import litert
from emberflow.keras_bridge import is_keras_2, keras, kind_of, largest_difference, load, load_own, own_classes, save, to_keras_2
from emberflow.recipe import Format
from emberflow.trust import Trust

pytestmark = pytest.mark.xdist_group("tensorflow")

SAVED = ("newer.keras", "newer.h5", "older.keras", "older.h5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, three: ModuleType) -> Path:
    """The same two models saved by Keras 3 and Keras 2, in both forms."""
    path = tmp_path_factory.mktemp("saved")
    layers = three.layers
    newer = three.Sequential([three.Input((16, 4)), layers.Conv1D(2, 3, name="first"), layers.Flatten(), layers.Dense(2, "softmax", name="last")])
    newer.compile("adam", "mse")
    older = to_keras_2(newer)
    for ending in ("keras", "h5"):
        newer.save(path / f"newer.{ending}")
        older.save(path / f"older.{ending}")
    return path


@pytest.mark.parametrize("name", SAVED)
def test_what_either_keras_saved_is_read_as_keras_2(folder: Path, name: str) -> None:
    """Same outputs as the model that was saved."""
    loaded = load(folder / name)

    assert is_keras_2(loaded)
    assert largest_difference(load_own(folder / "older.h5"), loaded) == 0.0


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("newer.keras", "m.h5", "'m.h5' is a .keras archive, and is read as one"),
        ("older.h5", "m.keras", "'m.keras' is an HDF5 file, and is read as one"),
    ],
)
def test_a_wrong_extension_is_said_and_harms_nothing(folder: Path, tmp_path: Path, name: str, other: str, said: str) -> None:
    """The file is read as what it is."""
    (tmp_path / other).write_bytes((folder / name).read_bytes())
    told: list[str] = []

    loaded = load(tmp_path / other, report=told.append)

    assert told == [said]
    assert largest_difference(load(folder / name), loaded) == 0.0


@pytest.mark.parametrize("name", SAVED)
def test_a_file_that_is_cut_short_is_told_wherever_it_is_cut(folder: Path, tmp_path: Path, name: str) -> None:
    """At a dozen places from its first byte to its last but one, by the file's name."""
    whole = (folder / name).read_bytes()

    for length in {0, 1, 8, *np.linspace(100, len(whole) - 1, 9, dtype=int).tolist()}:
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(ModelError, match=f"'{name}'") as told:
            load(tmp_path / name)
        assert len(str(told.value)) < 500


@pytest.mark.parametrize("name", SAVED)
def test_weights_that_aren_t_numbers_are_told(folder: Path, tmp_path: Path, name: str) -> None:
    """With their layer and how many of them."""
    (tmp_path / name).write_bytes((folder / name).read_bytes())
    change_weights(tmp_path / name, lambda values: values.reshape(-1)[:3] * np.nan if values.size == 56 else None)

    with pytest.raises(
        ModelError, match=rf"'{name}': 3 of 56 values of the weights '[\w/]*last/kernel' are NaN or infinite; bring the model from before"
    ):
        load(tmp_path / name)


def change_weights(path: Path, change: Callable[[Any], Any]) -> None:
    """Write what `change` gives over the first values of each data set, in a file of either form."""
    weights = path.with_name("weights.h5")
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        weights.write_bytes(entries["model.weights.h5"])
    else:
        weights = path

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and (changed := change(item[()])) is not None:
            values = item[()]
            values.reshape(-1)[: len(changed)] = changed
            item[...] = values

    with h5py.File(weights, "r+") as file:
        file.visititems(visit)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {**entries, "model.weights.h5": weights.read_bytes()}.items():
                archive.writestr(name, data)


def with_config(path: Path, change: Callable[[str], str]) -> None:
    """Change the configuration of a .keras file as text."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["config.json"] = change(entries["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def test_weights_that_don_t_fit_the_layers_are_told(folder: Path, tmp_path: Path) -> None:
    """Five filters, and the weights of two."""
    for name in ("newer.keras", "older.keras"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
        with_config(tmp_path / name, lambda text: text.replace('"filters": 2', '"filters": 5'))

        with pytest.raises(ModelError, match=rf"'{name}': Keras \d can't (read it|build the model that the file describes): .+; save "):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda model, path: model.save_weights(path), "holds weights without a model; expected the whole model: model.save('model.keras')"),
        (lambda model, path: path.write_text(model.to_json()), "holds an architecture without weights; expected a .keras or .h5 file"),
        (lambda model, path: path.write_bytes(pickle.dumps("model")), "is a pickle, which runs code when it is read"),
    ],
)
def test_half_a_model_is_told(folder: Path, tmp_path: Path, write: Callable[[Any, Path], object], said: str) -> None:
    """Weights alone, layers alone, and what nobody should send."""
    write(load_own(folder / "older.h5"), tmp_path / "m.weights.h5")

    with pytest.raises(ModelError) as told:
        load(tmp_path / "m.weights.h5")

    assert f"'m.weights.h5'{': ' if 'without a model' in said else ' '}{said}" in str(told.value)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("version", [2, 3])
def test_code_in_a_file_doesn_t_run_unless_it_is_trusted(three: ModuleType, tmp_path: Path, version: int, ending: str) -> None:
    """A Lambda layer that would leave a trace: none is there after the refusal, and one with trust."""
    make, trace = (keras() if version == 2 else three), tmp_path / "it-ran"
    source = make.Input((3,))
    function = eval(f"lambda x: [open({str(trace)!r}, 'w').close(), x * 2][1]")  # noqa: S307 - the path must lie in the code itself
    make.Model(source, make.layers.Lambda(function, name="evil")(source)).save(tmp_path / f"m.{ending}")
    trace.unlink(missing_ok=True)

    with pytest.raises(
        ModelError, match=rf"^'m.{ending}': layer 'evil' \(Lambda\) carries Python code, which would run on this machine; replace it by"
    ):
        load(tmp_path / f"m.{ending}")
    assert not trace.exists()

    model = load(tmp_path / f"m.{ending}", trust=Trust(runs_code=True))
    assert trace.exists()
    assert np.asarray(model(np.ones((1, 3), np.float32))).tolist() == [[2.0] * 3]


@pytest.mark.parametrize(
    ("activation", "said"),
    [
        ({"module": "os", "class_name": "function", "config": "mkdir", "registered_name": "mkdir"}, "(CVE-2025-1550, CVE-2025-9906)"),
        (
            {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization", "registered_name": "function"},
            "CVE-2025-9906",
        ),
        ({"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "function"}, "names the function 'get_file'"),
    ],
)
def test_a_function_that_a_file_names_isn_t_called(folder: Path, tmp_path: Path, activation: dict[str, Any], said: str) -> None:
    """Whichever module it is of."""
    (tmp_path / "m.keras").write_bytes((folder / "newer.keras").read_bytes())
    with_config(tmp_path / "m.keras", lambda text: text.replace('"activation": "softmax"', f'"activation": {json.dumps(activation)}'))

    with pytest.raises(ModelError) as told:
        load(tmp_path / "m.keras")

    assert said in str(told.value)


def test_a_function_of_tensorflow_that_writes_files_isn_t_called(tmp_path: Path) -> None:
    """A TFOpLambda of Keras 2 calls any function of TensorFlow by its name while the model is built, as tf_keras itself then shows."""
    import tensorflow as tf

    path, trace = tmp_path / "m.keras", tmp_path / "it-ran"
    source = keras().Input((3,))
    keras().Model(source, tf.math.multiply(source, 2.0, name="double")).save(path)

    def add_a_call(text: str) -> str:
        config = json.loads(text)
        writing = {"name": "evil", "trainable": True, "dtype": "float32", "function": "io.write_file"}
        call = ["_CONSTANT_VALUE", -1, str(trace), {"contents": "x"}]
        config["config"]["layers"].append({"class_name": "TFOpLambda", "config": writing, "name": "evil", "inbound_nodes": [call]})
        config["config"]["layers"][-1] |= {key: config["config"]["layers"][1][key] for key in ("module", "registered_name")}
        return json.dumps(config)

    with_config(path, add_a_call)
    with pytest.raises(ModelError, match=r"'evil' \(TFOpLambda\) calls tf.io.write_file, which may do more than compute, such as write files"):
        load(path)
    assert not trace.exists()

    with pytest.raises(AttributeError):  # it fails afterwards
        keras().models.load_model(path, safe_mode=True)
    assert trace.exists()


def test_a_layer_of_somebody_s_own_is_refused(three: ModuleType, tmp_path: Path) -> None:
    """Its code isn't in the file."""

    class Double(three.layers.Layer):  # type: ignore[name-defined,misc]  # Keras ships no types
        def call(self, x: Any) -> Any:
            return 2 * x

    source = three.Input((3,))
    three.Model(source, Double(name="mine")(source)).save(tmp_path / "m.keras")

    with pytest.raises(
        ModelError, match=r"'m.keras': layer 'mine' \(Double\): 'Double' is no layer or setting of Keras but a class of somebody's own"
    ):
        load(tmp_path / "m.keras")


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_own_classes_of_keras_2_are_the_user_s_and_nobody_else_s(
    strangers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """The module that the file names is never imported, with trust or without; the user's own copy of it computes the same."""
    name = f"theirs_{ending}"
    theirs = strangers.write_module(tmp_path / "theirs", name)
    model = strangers.write_model(tmp_path / f"m.{ending}", keras(), strangers.load_module(theirs.parent, name))
    theirs.unlink()
    monkeypatch.syspath_prepend(theirs.parent)  # it could be imported
    mine = strangers.write_module(tmp_path / "mine", f"mine_{ending}")

    for trust in (Trust(), Trust(runs_code=True)):
        with pytest.raises(ModelError, match=r"names the function 'halve' .*give your own copy of that code"):
            load(tmp_path / f"m.{ending}", trust)
    loaded = load(tmp_path / f"m.{ending}", Trust.of(True, f"mine_{ending}:objects", tmp_path / "mine"))

    assert (False, True) == (theirs.exists(), mine.exists())
    assert largest_difference(model, loaded) == 0.0
    assert {f"mine_{ending}"} == {type(loaded.get_layer(each)).__module__ for each in ("scale", "shift")}


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_lambda_s_function_is_the_user_s_too(three: ModuleType, strangers: Any, tmp_path: Path, ending: str) -> None:
    """Which the file names, and Keras would look for; the user's own computes the same."""
    strangers.write_module(tmp_path, f"functions_{ending}", "keras")
    module, source = strangers.load_module(tmp_path, f"functions_{ending}"), three.Input((4,))
    three.Model(source, three.layers.Lambda(module.halve, name="half")(source)).save(tmp_path / f"m.{ending}")

    with pytest.raises(ModelError, match=r"layer 'half' \(Lambda\) names the function 'halve' of 'builtins' .*give your own copy of that code"):
        load(tmp_path / f"m.{ending}", Trust(runs_code=True))
    loaded = load(tmp_path / f"m.{ending}", Trust.of(True, f"functions_{ending}:OBJECTS", tmp_path))
    assert [[0.5, 1.0, 1.5, 2.0]] == np.asarray(loaded(np.array([[1, 2, 3, 4]], np.float32))).tolist()


@pytest.mark.parametrize("named", [{"module": "os", "class_name": "system"}, {"module": "os", "class_name": "function", "config": "system"}])
@pytest.mark.parametrize("place", ["layer", "inside a Lambda", "inside an own layer"])
def test_what_a_file_names_does_nothing_whoever_is_trusted(
    three: ModuleType, strangers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, Any], place: str
) -> None:
    """A class or function of any module, with the user's own classes given: refused by name, and neither called nor imported."""
    theirs = strangers.write_module(tmp_path / "theirs", "theirs_of_this")
    monkeypatch.syspath_prepend(theirs.parent)  # it could be imported
    monkeypatch.setattr("os.system", lambda *_: theirs.touch())
    strangers.write_module(tmp_path / "mine", "mine_of_this", "keras")
    module, source = strangers.load_module(tmp_path / "mine", "mine_of_this"), three.Input((4,))
    tensor = module.Scale(name="scale")(three.layers.Lambda(module.halve, name="half")(source))
    three.Model(source, tensor).save(tmp_path / "m.keras")
    evil = {"config": {"name": "evil"}, "registered_name": None, **named}

    def change(text: str) -> str:
        config = json.loads(text)
        half, scale = config["config"]["layers"][1:]
        if place == "layer":
            scale |= {**evil, "module": "theirs_of_this"} if named["class_name"] == "system" else evil
        elif place == "inside a Lambda":
            half["config"]["function"] = evil
        else:
            scale["config"]["by"] = evil
        return json.dumps(config)

    with_config(tmp_path / "m.keras", change)
    with pytest.raises(ModelError, match=r"'m\.keras': .*system"):
        load(tmp_path / "m.keras", Trust.of(True, "mine_of_this:OBJECTS", tmp_path / "mine"))
    assert not theirs.exists()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_own_classes_of_keras_3_are_the_user_s_and_compute_as_they_are(
    three: ModuleType, strangers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Never of the module that the file names; what isn't given is told with what is. Keras 3's own outputs are those of the converted model."""
    name = f"newer_{ending}"
    theirs = strangers.write_module(tmp_path / "theirs", f"theirs_{name}", "keras")
    model = strangers.write_model(tmp_path / f"m.{ending}", three, strangers.load_module(theirs.parent, f"theirs_{name}"))
    theirs.unlink()
    monkeypatch.syspath_prepend(theirs.parent)  # it could be imported
    mine = strangers.write_module(tmp_path / "mine", name, "keras")
    (tmp_path / "mine" / f"few_{ending}.py").write_text(f"from {name} import *\n\nFEW = {{'Scale': Scale, 'Shif': Shift, 'halve': halve}}\n")

    for trust in (Trust(), Trust(runs_code=True)):
        with pytest.raises(ModelError, match=r"names the function 'halve' .*give your own copy of that code"):
            load(tmp_path / f"m.{ending}", trust)
    with pytest.raises(ModelError, match=r"layer 'shift' .*custom_objects gives Scale, Shif, halve\. Did you mean 'Shif'\? Add it there"):
        load(tmp_path / f"m.{ending}", Trust.of(True, f"few_{ending}:FEW", tmp_path / "mine"))
    trust = Trust.of(True, f"{name}:OBJECTS", tmp_path / "mine")
    loaded = load(tmp_path / f"m.{ending}", trust)

    assert (False, True) == (theirs.exists(), mine.exists())
    assert largest_difference(model, loaded) == 0.0
    assert ["Conv1D", "Activation", "Scale", "Shift", "Flatten", "Dense"] == [kind_of(layer) for layer in loaded.layers[1:]]
    assert {name} == {type(layer.inner()).__module__ for layer in loaded.layers if kind_of(layer) in ("Scale", "Shift")}
    x = np.random.default_rng(0).normal(size=(8, 12, 4)).astype(np.float32)
    with own_classes(trust.own):
        save(loaded, tmp_path / "kept.h5")
        converted = to_tflite(load_own(tmp_path / "kept.h5"), Format.FLOAT32, x)
    assert np.allclose(np.asarray(model(x)), litert.run(converted, x), atol=1e-6)


def test_a_class_that_can_t_be_made_is_told_as_the_user_s(strangers: Any, tmp_path: Path) -> None:
    """Its constructor has changed since."""
    strangers.write_module(tmp_path, "as_it_was")
    strangers.write_model(tmp_path / "m.keras", keras(), strangers.load_module(tmp_path, "as_it_was"))
    (tmp_path / "as_it_is.py").write_text((tmp_path / "as_it_was.py").read_text().replace("by=2.0", "times=2.0").replace("= by", "= times"))

    with pytest.raises(ModelError, match=r"Keras 2 can't read it: .*; save the model again; or mend your own Scale, halve, mine>Shift$"):
        load(tmp_path / "m.keras", Trust.of(True, "as_it_is:OBJECTS", tmp_path))


def test_training_in_mixed_precision_is_undone(three: ModuleType, tmp_path: Path) -> None:
    """In a file of either Keras: the weights are float32."""
    for version, make in (("2", keras()), ("3", three)):
        source = make.Input((3,))
        make.Model(source, make.layers.Dense(2, dtype="mixed_float16")(source)).save(tmp_path / f"{version}.keras")

        assert {layer.compute_dtype for layer in load(tmp_path / f"{version}.keras").layers} == {"float32"}


def test_a_saved_model_comes_back_equal_and_without_optimizer(tmp_path: Path) -> None:
    """Compiled and trained or not, the file holds layers and weights."""
    model = keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    save(model, tmp_path / "model.h5")

    loaded = load_own(tmp_path / "model.h5")

    assert largest_difference(model, loaded) == 0.0
    assert getattr(loaded, "optimizer", None) is None


def test_a_damaged_file_of_the_store_is_told(tmp_path: Path) -> None:
    """What the artifact store gives was checked by its digest; this is for a full disk."""
    (tmp_path / "model.h5").write_bytes(b"not a model")

    with pytest.raises(ModelError, match=r"'model.h5' of the artifact store can't be read: "):
        load_own(tmp_path / "model.h5")
