"""`emberflow init`: files for the model at hand, which a run takes up; nothing is overwritten."""

from pathlib import Path
from typing import Any

import pytest

from emberflow.cli.init import Order, init_project, project_name
from emberflow.errors import ModelError, ProjectError
from emberflow.inputs import look_at
from emberflow.keras_bridge import keras, save
from emberflow.keras_bridge.which import keras_3
from emberflow.project import read_project
from emberflow.recipe import ALL, QuantizeAware
from emberflow.trust import Trust

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six numbers to three classes."""
    layers = keras().layers
    path = tmp_path_factory.mktemp("keras") / "gestures.h5"
    save(keras().Sequential([keras().Input((6,)), layers.Dense(24, "relu", name="hidden"), layers.Dense(3, "softmax", name="decide")]), path)
    return path


def test_a_keras_model_gets_a_project(keras_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every recipe is possible; the model is found from the project's folder; what to do next is said."""
    assert 0 == init_project(Order(tmp_path / "My Gestures", keras_file))

    folder = tmp_path / "My Gestures"
    project = read_project(folder / "emberflow.yaml")
    text = (folder / "emberflow.yaml").read_text()
    assert ("my-gestures", "stm32f103") == (project.name, project.target)
    assert 14 == len(project.recipes)
    assert "built" not in look_at(project, folder).kind
    assert "# a guess: it ends in softmax over 3;" in text
    assert '#   "hidden": {prune: false}' in text
    assert f"next     fill in data.py, then: emberflow run {folder / 'emberflow.yaml'}" in capsys.readouterr().out


@pytest.mark.parametrize("version", [2, 3])
def test_what_the_model_was_read_with_is_written_down(strangers: Any, tmp_path: Path, version: int) -> None:
    """A run needs the same trust, and the same classes, which lie beside the project; without it the model is refused."""
    name = f"own_of_the_init_{version}"
    strangers.write_module(tmp_path, name, "tf_keras" if version == 2 else "keras")
    strangers.write_model(tmp_path / "m.keras", keras() if version == 2 else keras_3(), strangers.load_module(tmp_path, name))
    with pytest.raises(ModelError, match=r"or --trust-model-code and --custom-objects$"):
        init_project(Order(tmp_path, tmp_path / "m.keras", name="a"))

    assert 0 == init_project(Order(tmp_path, tmp_path / "m.keras", "a", trust=Trust.of(True, f"{name}:objects", tmp_path)))

    project = read_project(tmp_path / "emberflow.yaml")
    assert (True, f"{name}:objects") == (project.trust_model_code, project.custom_objects)
    assert "trust_model_code: true  # the file may run whatever code it holds, with your rights\n" in (tmp_path / "emberflow.yaml").read_text()
    assert look_at(project, tmp_path).possible.is_fine_tuned


def test_recipes_that_the_layers_do_not_allow_are_left_out(tmp_path: Path) -> None:
    """TFMOT trains no quantized LSTM, and its weights are neither pruned nor clustered; behind it there is a dense layer that can be."""
    layers = keras().layers
    model = keras().Sequential([keras().Input((8, 6)), layers.LSTM(8, name="memory"), layers.Dense(16, "relu"), layers.Dense(5, "softmax")])
    save(model, tmp_path / "m.h5")
    assert 0 == init_project(Order(tmp_path, tmp_path / "m.h5", name="m"))

    recipes = [str(recipe) for recipe in read_project(tmp_path / "emberflow.yaml").recipes]
    text = (tmp_path / "emberflow.yaml").read_text()
    assert [str(recipe) for recipe in ALL if QuantizeAware() not in recipe.steps] == recipes
    assert "# No other recipes are possible: qat can't quantize 'memory' (LSTM) of 'sequential" in text
    assert "fine_tuning: {" in text


def test_layers_that_allow_no_step_leave_the_formats(tmp_path: Path) -> None:
    """One that TFMOT neither prunes nor clusters nor quantizes."""
    save(keras().Sequential([keras().Input((8, 6)), keras().layers.PReLU(name="slopes")]), tmp_path / "m.h5")
    assert 0 == init_project(Order(tmp_path, tmp_path / "m.h5", name="m"))

    text = (tmp_path / "emberflow.yaml").read_text()
    assert "recipes: formats  #" in text
    assert "# No other recipes are possible: qat can't quantize 'slopes' (PReLU) of" in text
    assert "fine_tuning" not in text


def test_a_model_of_two_inputs_is_drafted(tmp_path: Path) -> None:
    """What a run says of it is the run's to say."""
    one, other = (keras().Input((6,), name=name) for name in ("one", "other"))
    save(keras().Model([one, other], keras().layers.Dense(3, "softmax")(keras().layers.Add()([one, other]))), tmp_path / "m.h5")

    assert 0 == init_project(Order(tmp_path, tmp_path / "m.h5", name="m"))
    assert "recipes: all  #" in (tmp_path / "emberflow.yaml").read_text()


def test_a_saved_model_gets_the_recipes_that_need_no_training(saved_models: Path, tmp_path: Path) -> None:
    """Its signature is named."""
    assert 0 == init_project(Order(tmp_path / "p", saved_models / "classifier", name="Chosen", signature="classify"))

    project = read_project(tmp_path / "p" / "emberflow.yaml")
    assert ("chosen", "classify", 6) == (project.name, project.signature, len(project.recipes))
    assert "# No other recipes are possible: a SavedModel is a graph without layers" in (tmp_path / "p" / "emberflow.yaml").read_text()


def test_a_tflite_gets_the_one_that_it_is(tiny_tflite: Any, tmp_path: Path) -> None:
    """Beside the project."""
    (tmp_path / "m.tflite").write_bytes(tiny_tflite("image", "int8"))
    assert 0 == init_project(Order(tmp_path, tmp_path / "m.tflite", name="m"))

    project = read_project(tmp_path / "emberflow.yaml")
    assert ("m.tflite", ["int8"]) == (project.baseline, [str(recipe) for recipe in project.recipes])


@pytest.mark.parametrize(
    ("units", "activation", "task"), [(1, "sigmoid", "binary"), (3, "sigmoid", "multi_label"), (2, None, "regression"), (6, None, "anomaly")]
)
def test_every_likely_task_is_one_that_a_project_may_have(tmp_path: Path, units: int, activation: str | None, task: str) -> None:
    """Six numbers in; the end decides."""
    save(keras().Sequential([keras().Input((6,)), keras().layers.Dense(units, activation)]), tmp_path / "m.h5")
    assert 0 == init_project(Order(tmp_path, tmp_path / "m.h5", name="m"))

    assert task == read_project(tmp_path / "emberflow.yaml").task


def test_without_a_model_there_is_one_to_build(tmp_path: Path) -> None:
    """Two files to fill in."""
    assert 0 == init_project(Order(tmp_path / "new"))
    assert {"emberflow.yaml", "data.py", "model.py"} == {path.name for path in (tmp_path / "new").iterdir()}


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """Nor is anything else written then."""
    (tmp_path / "data.py").write_text("mine")

    with pytest.raises(ProjectError, match=r"data\.py' is there already; expected none: name another folder, or move what is there"):
        init_project(Order(tmp_path, name="a"))
    assert ["data.py"] == [path.name for path in tmp_path.iterdir()]
    assert "mine" == (tmp_path / "data.py").read_text()


@pytest.mark.parametrize(
    ("words", "name"), [("Watch 2", "watch-2"), ("7 days", "days"), ("a" * 50, "a" * 40), ("Größe", "gr-e"), ("_x_", "x"), ("x.keras", "x-keras")]
)
def test_any_words_become_a_projects_name(words: str, name: str) -> None:
    """As near as its letters allow."""
    assert name == project_name(words)


def test_words_without_a_letter_are_no_name() -> None:
    """The way out is told."""
    with pytest.raises(ProjectError, match="received '123' as the project's name; expected letters, digits, - and _: give one with --name"):
        project_name("123")


@pytest.mark.parametrize(
    ("model", "signature", "kind", "told"),
    [
        ("none.keras", None, ProjectError, "expected a .keras file, and there is none"),
        ("none.txt", None, ProjectError, "none.txt"),
        ("bad.tflite", None, ModelError, r"'bad.tflite' can't be read: received 8 B"),
        ("bad.tflite", "serve", ProjectError, "only a SavedModel's signature can be named"),
    ],
)
def test_a_model_that_can_t_serve_is_refused(tmp_path: Path, model: str, signature: str | None, kind: type[Exception], told: str) -> None:
    """And nothing is written."""
    (tmp_path / "bad.tflite").write_bytes(b"nonsense")

    with pytest.raises(kind) as caught:
        init_project(Order(tmp_path / "p", tmp_path / model, "a", signature))
    assert told in str(caught.value)
    assert not (tmp_path / "p").exists()


def test_a_folder_that_can_t_be_made_is_told(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").touch()

    with pytest.raises(ProjectError, match=r"can't write to '.*/file/p': Not a directory; name a folder that you may write to"):
        init_project(Order(tmp_path / "file" / "p"))
