"""What can be done with each kind of baseline is one function; a baseline is looked at in milliseconds, and nothing of it runs."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emberflow.errors import ModelError, ProjectError
from emberflow.graph import read_graph
from emberflow.inputs import Given, Kind, format_of, look_at, sort_out, what_is_possible
from emberflow.keras_bridge import keras, save
from emberflow.project import Project
from emberflow.recipe import ALL, NAMED_SETS, Format, Recipe
from emberflow.wishes import LayerWish, Wishes

pytestmark = pytest.mark.xdist_group("tensorflow")
PRUNE, QAT, INT8, FLOAT = (Recipe.parse(name) for name in ("prune70-int8", "qat-int8", "int8", "float32"))


def project(baseline: str, **more: Any) -> Project:
    return Project(name="a", baseline=baseline, data="a:b", target="stm32f405", **more)


@pytest.mark.parametrize("kind", [Kind.BUILT, Kind.KERAS_3, Kind.KERAS_2, Kind.HDF5])
def test_everything_can_be_done_with_a_keras_model(kind: Kind) -> None:
    """However it comes."""
    possible = what_is_possible(kind)

    assert [""] * len(ALL) == [possible.why_not(recipe) for recipe in ALL]
    assert possible.is_fine_tuned


@pytest.mark.parametrize(
    ("kind", "way_out"), [(Kind.SAVED_MODEL, "as .keras, if it is one"), (Kind.SAVED_MODEL_OF_KERAS, r"with model.save('model.keras')")]
)
def test_a_saved_model_is_converted_and_not_trained_on(kind: Kind, way_out: str) -> None:
    """Each format; no step, and the way out."""
    possible = what_is_possible(kind)

    assert [recipe for recipe in ALL if not possible.why_not(recipe)] == list(NAMED_SETS["formats"])
    assert not possible.is_fine_tuned
    assert (
        f"a SavedModel is a graph without layers, which can't be pruned, clustered or trained on: save the Keras model {way_out}"
        == possible.why_not(PRUNE)
        == possible.why_not(QAT)
    )


def test_a_tflite_is_what_it_is() -> None:
    """Neither trained on nor converted again."""
    possible = what_is_possible(Kind.TFLITE_QUANTIZED, Format.INT8)

    assert "" == possible.why_not(INT8)
    assert "the .tflite is in int8 already, and is not converted again" == possible.why_not(FLOAT)
    assert "a .tflite holds no layers to train: bring the Keras model that it was made of" == possible.why_not(PRUNE)


def test_recipes_are_sorted_out() -> None:
    """Those that can be carried out in their order; the others with the reason."""
    recipes, skipped = sort_out(Given(Kind.SAVED_MODEL), (PRUNE, INT8, QAT, FLOAT))

    assert (INT8, FLOAT) == recipes
    assert [("prune70-int8", "a SavedModel is"), ("qat-int8", "a SavedModel is")] == [(each.recipe, each.reason[:15]) for each in skipped]


def test_a_tflite_gives_the_one_variant_that_it_is_even_when_others_were_asked_for() -> None:
    """Its name is that of its format."""
    recipes, skipped = sort_out(Given(Kind.TFLITE_QUANTIZED, number_format=Format.UINT8), (PRUNE, INT8))

    assert (Recipe.parse("uint8"),) == recipes
    assert ["prune70-int8", "int8"] == [each.recipe for each in skipped]


def test_when_nothing_remains_the_project_is_refused() -> None:
    """Before any work."""
    with pytest.raises(
        ProjectError, match=r"none of the recipes prune70-int8, qat-int8 can be carried out: a SavedModel is .*; or ask for `recipes: "
    ):
        sort_out(Given(Kind.SAVED_MODEL), (PRUNE, QAT))


def test_a_builder_is_not_called() -> None:
    """There is no such module."""
    assert Kind.BUILT is look_at(project("nowhere:build"), Path("nowhere")).kind


def lambda_model() -> Any:
    layers = keras().layers
    return keras().Sequential([keras().Input((2,)), layers.Lambda(lambda x: x + 1), layers.Dense(1)])


def test_a_keras_file_is_checked_before_anything_is_started(tmp_path: Path) -> None:
    """Code in it is refused at once, and let through where the user trusts its maker; the Keras that wrote it is known."""
    lambda_model().save(tmp_path / "model.keras")

    with pytest.raises(ModelError, match=r"'model\.keras': .*Lambda"):
        look_at(project("model.keras"), tmp_path)
    assert Kind.KERAS_2 is look_at(project("model.keras", trust_model_code=True), tmp_path).kind


def test_a_file_is_what_its_bytes_say(tmp_path: Path) -> None:
    """HDF5 under another name, too."""
    save(keras().Sequential([keras().Input((2,)), keras().layers.Dense(1)]), tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.keras")

    assert Kind.HDF5 is look_at(project("model.keras"), tmp_path).kind


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_that_is_no_model_is_told(tmp_path: Path, name: str) -> None:
    """By what it is."""
    (tmp_path / name).write_bytes(b"no model")

    with pytest.raises(ModelError, match=rf"'{name}' .*; expected a \.keras or \.h5 file"):
        look_at(project(name), tmp_path)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.tflite"])
def test_a_file_that_isn_t_there_is_told(tmp_path: Path, name: str) -> None:
    """With what was expected."""
    with pytest.raises(ProjectError, match=rf"received '.*/{name}' as the baseline; expected a .{name.split('.')[1]} file, and there is none"):
        look_at(project(name), tmp_path)


def test_a_signature_is_for_saved_models(tmp_path: Path) -> None:
    """Elsewhere it would be ignored in silence."""
    for baseline in ("a:build", "model.keras"):
        with pytest.raises(ProjectError, match=f"received the signature 'x' for '{baseline}'; only a SavedModel's signature can be named"):
            look_at(project(baseline, signature="x"), tmp_path)


def test_a_saved_model_is_looked_at_in_milliseconds(saved_models: Path) -> None:
    """And the signature that is meant is found."""
    began = time.perf_counter()
    given = look_at(project("classifier/", signature="classify"), saved_models)

    assert time.perf_counter() - began < 1
    assert (Kind.SAVED_MODEL, "classify") == (given.kind, given.signature and given.signature.name)
    assert Kind.SAVED_MODEL_OF_KERAS is look_at(project("saved_by_keras/"), saved_models).kind
    assert look_at(project(str(saved_models / "exported")), Path()).signature is not None


@pytest.mark.parametrize(
    ("baseline", "signature", "said"),
    [
        ("classifier/", "clasify", "Did you mean 'classify'"),
        ("classifier/", None, "has 2 signatures and none called serving_default; name one of: classify"),
        ("pair/", None, r"signature serving_default\(left: .*\) -> .* has 2 inputs; expected one: join them inside the model"),
        ("text/", None, "takes text"),
        ("ragged/", None, "takes a ragged or sparse tensor"),
        ("reader/", None, "holds the operator ReadFile"),
        ("nothing/", None, "as a SavedModel; expected a directory, and there is none"),
    ],
)
def test_a_saved_model_that_can_t_serve_is_told(saved_models: Path, baseline: str, signature: str | None, said: str) -> None:
    """In the words of what is wrong."""
    with pytest.raises((ModelError, ProjectError), match=said):
        look_at(project(baseline, signature=signature), saved_models)


def test_trusted_code_may_pass(saved_models: Path) -> None:
    """The user said so."""
    assert look_at(project("reader/", trust_model_code=True), saved_models).signature is not None


def altered(saved_models: Path, folder: Path, change: Callable[[Any], None]) -> Path:
    """The classifier, with its signature described otherwise."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = Path(shutil.copytree(saved_models / "classifier", folder / "model"))
    message = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    change(message.meta_graphs[0].signature_def["classify"])
    (model / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def of_integers(signature: Any) -> None:
    signature.inputs["signal"].dtype = 3


def with_a_batch_of_8(signature: Any) -> None:
    signature.inputs["signal"].tensor_shape.dim[0].size = 8


def of_unknown_shape(signature: Any) -> None:
    signature.outputs["scores"].tensor_shape.unknown_rank = True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_integers, "the input holds int32; expected float32: cast inside the model"),
        (with_a_batch_of_8, "the input has no batch in front that is open or 1; expected one: export the model with it"),
        (of_unknown_shape, "the output has no batch in front that is open or 1; expected one: export the model with it"),
    ],
)
def test_borders_that_data_can_t_cross_are_told(saved_models: Path, tmp_path: Path, change: Callable[[Any], None], said: str) -> None:
    """Integers, a fixed batch, a shape of which nothing is known."""
    with pytest.raises(ModelError, match=rf"^signature classify\(.*: {said}$"):
        look_at(project("model/", signature="classify"), altered(saved_models, tmp_path, change))


@pytest.mark.parametrize("number_format", ["float32", "float16", "dynamic", "int8", "int16x8"])
def test_a_tflite_tells_its_format(tiny_tflite: Callable[..., bytes], tmp_path: Path, number_format: str) -> None:
    """By its borders, what is computed, and its constants; the batch may be open."""
    (tmp_path / "model.tflite").write_bytes(tiny_tflite("image", number_format))
    given = look_at(project("model.tflite"), tmp_path)

    assert Format(number_format) is given.number_format
    assert (Kind.TFLITE if number_format == "float32" else Kind.TFLITE_QUANTIZED) is given.kind
    assert Format(number_format) is format_of(read_graph(tiny_tflite("image", number_format, None)))


def test_a_tflite_with_bytes_at_its_borders_is_uint8(models: ModuleType) -> None:
    """Written by hand: uint8 in, QUANTIZE to int8, and back."""
    kinds = models.tflite.TensorType
    scale = {"scales": (0.5,), "zero_points": (0,)}
    tensors = (models.TensorSpec("a", type=kinds.UINT8, **scale), models.TensorSpec("b", **scale), models.TensorSpec("c", type=kinds.UINT8, **scale))
    quantize = models.tflite.BuiltinOperator.QUANTIZE
    data = models.write_tflite(tensors, (models.OperatorSpec(quantize, (0,), (1,)), models.OperatorSpec(quantize, (1,), (2,))), outputs=(2,))

    assert Format.UINT8 is format_of(read_graph(data))


def test_integers_between_float_borders_are_full_integer(models: ModuleType) -> None:
    """QUANTIZE, then DEQUANTIZE."""
    kinds, operators = models.tflite.TensorType, models.tflite.BuiltinOperator
    tensors = tuple(
        models.TensorSpec(name, type=kind, scales=(0.5,), zero_points=(0,))
        for name, kind in (("a", kinds.FLOAT32), ("b", kinds.INT8), ("c", kinds.FLOAT32))
    )
    steps = (models.OperatorSpec(operators.QUANTIZE, (0,), (1,)), models.OperatorSpec(operators.DEQUANTIZE, (1,), (2,)))

    assert Format.INT8 is format_of(read_graph(models.write_tflite(tensors, steps, outputs=(2,))))


def a_tflite(models: ModuleType, **more: Any) -> bytes:
    tensors = (models.TensorSpec("x", type=models.tflite.TensorType.FLOAT32, **more), models.TensorSpec("y", type=models.tflite.TensorType.FLOAT32))
    return bytes(models.write_tflite(tensors, (models.OperatorSpec(models.tflite.BuiltinOperator.ABS, (0,), (1,)),)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda models: b"no model", "'model.tflite' can't be read: received 8 B"),
        (lambda models: a_tflite(models)[:200], "'model.tflite' can't be read: "),
        (
            lambda models: a_tflite(models, shape=(1, 1), signature=(-1, -1)),
            r"'model.tflite' leaves its input open, \(-1, -1\); expected constant sizes but for the batch",
        ),
        (
            lambda models: models.write_tflite((models.TensorSpec("x"), models.TensorSpec("y")), (), inputs=(0, 1), outputs=(0,)),
            "'model.tflite' has 2 inputs; expected one: join them inside the model",
        ),
    ],
)
def test_a_tflite_that_can_t_serve_is_told(models: ModuleType, tmp_path: Path, data: Callable[[ModuleType], bytes], said: str) -> None:
    """Not one, cut short, of open sizes, of two inputs."""
    (tmp_path / "model.tflite").write_bytes(data(models))

    with pytest.raises(ModelError, match=said):
        look_at(project("model.tflite"), tmp_path)


def test_wishes_for_layers_need_a_model_with_layers() -> None:
    """A SavedModel and a .tflite have none to name."""
    wishes = Wishes(layers={"dense": LayerWish(prune=False)})

    assert (PRUNE, INT8) == sort_out(Given(Kind.KERAS_3), (PRUNE, INT8), wishes)[0]
    with pytest.raises(ProjectError, match="received 'layers' for a baseline that is a SavedModel, which has none; expected a Keras model"):
        sort_out(Given(Kind.SAVED_MODEL), (INT8,), wishes)


def test_qat_is_skipped_when_a_layer_is_to_stay_in_float() -> None:
    """The others run."""
    recipes, skipped = sort_out(Given(Kind.BUILT), (PRUNE, INT8, QAT), Wishes(layers={"dense": LayerWish(quantize=False)}))

    assert (PRUNE, INT8) == recipes
    assert ["qat-int8"] == [each.recipe for each in skipped]
    assert "qat trains ranges around every layer, and none can stay in float between them" in skipped[0].reason


def test_own_classes_are_looked_at_without_importing_any(tmp_path: Path, strangers: Any) -> None:
    """Neither the module that the file names nor the user's: that may take as long as TensorFlow does. Without trust they are refused."""
    trace = strangers.write_module(tmp_path, "own_of_the_inputs")
    strangers.write_model(tmp_path / "model.keras", keras(), strangers.load_module(tmp_path, "own_of_the_inputs"))
    trace.unlink()

    for trust in (False, True):
        with pytest.raises(ModelError, match=r"'model\.keras': layer 'conv' \(Conv1D\) names the function 'halve' of 'builtins'"):
            look_at(project("model.keras", trust_model_code=trust), tmp_path)
    assert Kind.KERAS_2 is look_at(project("model.keras", trust_model_code=True, custom_objects="own_of_the_inputs:OBJECTS"), tmp_path).kind
    assert not trace.exists()
