"""What goes in: the kinds of baselines, and what can be done with each. Looks at files; runs nothing of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emberflow.errors import GraphError, ModelError, ProjectError
from emberflow.graph import Graph, read_graph
from emberflow.keras_file import ANYBODYS, NOBODYS, Form, checked
from emberflow.project import Project
from emberflow.recipe import Cluster, Format, Prune, PruneBlock, QuantizeAware, Recipe, Step
from emberflow.saved_model import Signature, check_tensors, read_saved_model
from emberflow.values import Value
from emberflow.variant import Skipped
from emberflow.wishes import NONE, Wishes

STEPS: dict[str, tuple[type[Step], ...]] = {"prune": (Prune, PruneBlock), "cluster": (Cluster,), "qat": (QuantizeAware,)}


class Kind(StrEnum):
    """How a baseline comes."""

    BUILT = "built here"
    KERAS_3 = ".keras of Keras 3"
    KERAS_2 = ".keras of Keras 2"
    HDF5 = ".h5"
    SAVED_MODEL_OF_KERAS = "SavedModel of Keras"
    SAVED_MODEL = "SavedModel"
    TFLITE = ".tflite in float"
    TFLITE_QUANTIZED = ".tflite, quantized"

    @property
    def is_saved_model(self) -> bool:
        """Whether it is a directory of TensorFlow's."""
        return self in (Kind.SAVED_MODEL, Kind.SAVED_MODEL_OF_KERAS)

    @property
    def is_tflite(self) -> bool:
        """Whether it is converted already."""
        return self in (Kind.TFLITE, Kind.TFLITE_QUANTIZED)


class Possible(Value):
    """What can be done with a baseline, and why not the rest: one sentence each, empty where nothing is left out.

    Args:
        steps: names of STEPS.
        is_fine_tuned: whether its weights can be trained on, which every step does.
    """

    steps: tuple[str, ...]
    formats: tuple[Format, ...]
    is_fine_tuned: bool
    why_no_steps: str = ""
    why_no_formats: str = ""

    def why_not(self, recipe: Recipe) -> str:
        """Why `recipe` is impossible; empty when it isn't."""
        allowed = tuple(kind for name in self.steps for kind in STEPS[name])
        if any(not isinstance(step, allowed) for step in recipe.steps):
            return self.why_no_steps
        return "" if recipe.format in self.formats else self.why_no_formats


@dataclass(frozen=True)
class Given:
    """A project's baseline, looked at.

    signature: of a SavedModel, the one that is converted.
    number_format: of a .tflite, the one that it is in.
    """

    kind: Kind
    signature: Signature | None = None
    number_format: Format | None = None

    @property
    def possible(self) -> Possible:
        """What can be done with it."""
        return what_is_possible(self.kind, self.number_format)


def what_is_possible(kind: Kind, number_format: Format | None = None) -> Possible:
    """What can be done with a baseline of that kind; `number_format` is that of a .tflite.

    Source: TFMOT works on Keras layers, and the converter on Keras models and SavedModels; nothing turns a .tflite back into either.
    """
    if kind.is_tflite:
        return Possible(
            steps=(),
            formats=(number_format or Format.FLOAT32,),
            is_fine_tuned=False,
            why_no_steps="a .tflite holds no layers to train: bring the Keras model that it was made of",
            why_no_formats=f"the .tflite is in {number_format or Format.FLOAT32} already, and is not converted again",
        )
    if kind.is_saved_model:
        how = "with model.save('model.keras')" if kind is Kind.SAVED_MODEL_OF_KERAS else "as .keras, if it is one"
        return Possible(
            steps=(),
            formats=tuple(Format),
            is_fine_tuned=False,
            why_no_steps=f"a SavedModel is a graph without layers, which can't be pruned, clustered or trained on: save the Keras model {how}",
        )
    return Possible(steps=tuple(STEPS), formats=tuple(Format), is_fine_tuned=True)


def sort_out(given: Given, recipes: Iterable[Recipe], wishes: Wishes = NONE) -> tuple[tuple[Recipe, ...], tuple[Skipped, ...]]:
    """The recipes that can be carried out, and the others with the reason; of a .tflite, the one that it is, asked for or not.

    Raises: ProjectError: none can, or there are wishes for layers of what has none.
    """
    if wishes.layers and not given.possible.is_fine_tuned:
        raise ProjectError(f"received 'layers' for a baseline that is a {given.kind}, which has none; expected a Keras model, or leave 'layers' out")
    asked, why_not = tuple(recipes), {recipe: given.possible.why_not(recipe) or _why_not_wished(recipe, wishes) for recipe in recipes}
    skipped = tuple(Skipped(recipe=str(recipe), reason=why_not[recipe]) for recipe in asked if why_not[recipe])
    if given.number_format:
        return (Recipe((), given.number_format),), skipped
    if len(skipped) == len(asked):
        raise ProjectError(f"none of the recipes {', '.join(map(str, asked))} can be carried out: {skipped[0].reason}; or ask for `recipes: formats`")
    return tuple(recipe for recipe in asked if not why_not[recipe]), skipped


def _why_not_wished(recipe: Recipe, wishes: Wishes) -> str:
    """The ranges that are trained enclose every layer, and the converter quantizes whatever lies between ranges."""
    if wishes.leave_some_in_float and QuantizeAware() in recipe.steps:
        return "qat trains ranges around every layer, and none can stay in float between them: leave out 'quantize: false' under 'layers', or qat"
    return ""


def look_at(project: Project, folder: Path) -> Given:
    """The project's baseline, looked at without running any of it: milliseconds, and half a second for a Keras file, which is checked whole.

    Args: folder: the project file's.
    Raises: ProjectError: there is no such file, directory or signature, or a signature is named where there are none.
        ModelError: it is damaged, not safe to load, or takes and gives what a project's data can't be.
    """
    path = folder / project.baseline
    if project.builds_baseline or not project.is_saved_model:
        _refuse_signature(project)
    if project.builds_baseline:
        return Given(Kind.BUILT)
    if project.is_saved_model:
        return _look_at_saved_model(path, project)
    if not path.is_file():
        raise ProjectError(f"received '{path}' as the baseline; expected a {path.suffix} file, and there is none")
    if path.suffix == ".tflite":
        return _look_at_tflite(path)
    return _look_at_keras(path, project)


def _refuse_signature(project: Project) -> None:
    if project.signature is not None:
        raise ProjectError(f"received the signature '{project.signature}' for '{project.baseline}'; only a SavedModel's signature can be named")


def _look_at_keras(path: Path, project: Project) -> Given:
    """Whether the user gives the file's own classes is asked where it is loaded: their module may import TensorFlow."""
    with checked(path, project.trust_model_code, ANYBODYS if project.custom_objects else NOBODYS) as file:
        return Given(Kind.HDF5 if file.form is Form.HDF5 else Kind.KERAS_2 if file.version == 2 else Kind.KERAS_3)


def _look_at_saved_model(path: Path, project: Project) -> Given:
    model = read_saved_model(path, trusted=project.trust_model_code)
    signature = model.signature(project.signature)
    check_tensors(signature)
    for tensors, name in ((signature.inputs, "input"), (signature.outputs, "output")):
        if len(tensors) != 1:
            raise ModelError(f"signature {signature} has {len(tensors)} {name}s; expected one: join them inside the model, or name another signature")
        if tensors[0].dtype != "float32":
            raise ModelError(f"signature {signature}: the {name} holds {tensors[0].dtype}; expected float32: cast inside the model")
        if not tensors[0].shape or tensors[0].shape[0] not in (None, 1):
            raise ModelError(f"signature {signature}: the {name} has no batch in front that is open or 1; expected one: export the model with it")
    return Given(Kind.SAVED_MODEL_OF_KERAS if model.is_keras else Kind.SAVED_MODEL, signature)


def _look_at_tflite(path: Path) -> Given:
    try:
        graph = read_graph(path.read_bytes())
    except GraphError as error:
        raise ModelError(f"'{path.name}' can't be read: {error}") from error
    for indices, name in ((graph.inputs, "input"), (graph.outputs, "output")):
        if len(indices) != 1:
            raise ModelError(f"'{path.name}' has {len(indices)} {name}s; expected one: join them inside the model")
        if -1 in graph.tensors[indices[0]].signature[1:]:
            shape = graph.tensors[indices[0]].signature
            raise ModelError(f"'{path.name}' leaves its {name} open, {shape}; expected constant sizes but for the batch: convert it with them")
    number_format = format_of(graph)
    return Given(Kind.TFLITE if number_format is Format.FLOAT32 else Kind.TFLITE_QUANTIZED, number_format=number_format)


def format_of(graph: Graph) -> Format:
    """The number format that a .tflite computes in: by its borders, what its operators give, and its constants.

    Integers inside between float borders count as full integer: QUANTIZE and DEQUANTIZE are all that computes in float there.
    """
    computed = {graph.tensors[index].dtype for operator in graph.operators for index in operator.outputs if operator.name != "DEQUANTIZE"}
    borders = {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)}
    constants = {tensor.dtype for tensor in graph.tensors if tensor.data is not None and (tensor.quantization or tensor.dtype == "float16")}
    if "int16" in computed | borders:
        return Format.INT16X8
    if "int8" in computed or "uint8" in computed:
        return Format.UINT8 if "uint8" in borders else Format.INT8
    return Format.DYNAMIC if "int8" in constants else Format.FLOAT16 if "float16" in constants else Format.FLOAT32
