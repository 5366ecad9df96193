"""A SavedModel directory as it lies on disk: its signatures, and what in it could do harm. Reads bytes alone; refuses to load or run any of it.

Field numbers are those of tensorflow/core/protobuf/saved_model.proto and meta_graph.proto, and of the messages that these hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emberflow.errors import ModelError, ProjectError, did_you_mean
from emberflow.hazards import refuse_hazards
from emberflow.wire import mapped, message_of, messages, number_of

FILE = "saved_model.pb"
DEFAULT = "serving_default"
_INITIALIZER = "__saved_model_init_op"  # a signature by its form alone
_TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    19: "float16",
}


@dataclass(frozen=True)
class Tensor:
    """An input or output of a signature; an open dimension is None, and so is a shape of which nothing is known."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    is_dense: bool = True

    def __str__(self) -> str:
        dimensions = "any shape" if self.shape is None else f"({', '.join('any' if d is None else str(d) for d in self.shape)})"
        return f"{self.name}: {self.dtype} {dimensions}"


@dataclass(frozen=True)
class Signature:
    """A function that the SavedModel offers, called by names."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.inputs))}) -> {', '.join(map(str, self.outputs))}"


@dataclass(frozen=True)
class SavedModel:
    """What the directory says of itself."""

    folder: Path
    signatures: Mapping[str, Signature]
    is_keras: bool  # whether Keras wrote it, which keeps its layers out of reach all the same

    def signature(self, name: str | None) -> Signature:
        """The signature called `name`; of none, `serving_default`, or the only one.

        Raises: ProjectError: there is no such signature (with "did you mean"), or several and none was named.
        """
        offered = "; ".join(map(str, self.signatures.values())) or "none"
        if name is None:
            name = DEFAULT if DEFAULT in self.signatures else next(iter(self.signatures), "") if len(self.signatures) == 1 else None
        if name is None:
            raise ProjectError(f"'{self.folder.name}' has {len(self.signatures)} signatures and none called {DEFAULT}; name one of: {offered}")
        if name not in self.signatures:
            raise ProjectError(f"'{self.folder.name}' has no signature '{name}'; it offers {offered}.{did_you_mean(name, self.signatures)}")
        return self.signatures[name]


def read_saved_model(folder: Path, trusted: bool = False) -> SavedModel:
    """What the SavedModel in `folder` says of itself, after a look at everything in it that could do harm.

    Args: trusted: whether the user trusts its operators, those too that touch files or run Python.
    Raises: ProjectError: no SavedModel there. ModelError: damaged, of TensorFlow 1, with links that lead out of it, or with an operator
        that touches files, runs Python or reaches other machines.
    """
    _check_folder(folder)
    try:
        graph = _graph((folder / FILE).read_bytes())
        signatures = _signatures(graph)
    except ModelError as error:
        raise ModelError(f"'{folder.name}/{FILE}' {error}") from error
    if not messages(graph, 7):
        raise ModelError(f"'{folder.name}' is a SavedModel of TensorFlow 1; expected one of TensorFlow 2: load it there and save it again")
    if not trusted:
        refuse_hazards(graph, folder.name)
    return SavedModel(folder, signatures, _is_keras(folder, graph))


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ProjectError(f"received '{folder}' as a SavedModel; expected a directory, and there is none")
    if not (folder / FILE).is_file():
        held = sorted(path.name for path in folder.iterdir())
        hint = did_you_mean(FILE, held) or (" Is it one level deeper?" if list(folder.glob(f"*/{FILE}")) else "")
        raise ProjectError(f"'{folder}' holds no {FILE}, but {', '.join(held[:5]) or 'nothing'}; expected the directory of a SavedModel.{hint}")
    home = folder.resolve()
    for path in folder.rglob("*"):
        if not path.resolve().is_relative_to(home):
            raise ModelError(
                f"'{folder.name}/{path.relative_to(folder)}' is a link that leads out of the SavedModel; expected all of it in one directory"
            )
        if not (path.is_file() or path.is_dir()):
            raise ModelError(f"'{folder.name}/{path.relative_to(folder)}' is no file, which TensorFlow would wait for; expected plain files alone")


def _graph(message: bytes) -> bytes:
    graphs = messages(message, 2)
    if len(graphs) != 1:
        raise ModelError(f"holds {len(graphs)} graphs; expected one, as tf.saved_model.save writes it")
    return graphs[0]


def _signatures(graph: bytes) -> dict[str, Signature]:
    found = mapped(graph, 5)
    return {name: _signature(name, found[name]) for name in sorted(found) if name != _INITIALIZER}


def _signature(name: str, message: bytes) -> Signature:
    inputs, outputs = (tuple(_tensor(key, value) for key, value in sorted(mapped(message, number).items())) for number in (1, 2))
    return Signature(name, inputs, outputs)


def _tensor(name: str, message: bytes) -> Tensor:
    shape = message_of(message, 3)
    sizes = [number_of(dimension, 1) for dimension in messages(shape, 2)]
    code = number_of(message, 2)
    return Tensor(
        name=name,
        dtype=_TYPES.get(code, f"type {code}"),
        shape=None if number_of(shape, 3) else tuple(None if size < 0 else size for size in sizes),
        is_dense=not messages(message, 4) and not messages(message, 5),
    )


def _is_keras(folder: Path, graph: bytes) -> bool:
    return (folder / "keras_metadata.pb").exists() or b"_tf_keras_" in message_of(graph, 7)


def check_tensors(signature: Signature) -> None:
    """Refuse inputs that no .tflite of ours takes.

    Raises: ModelError: none, or one that holds text, or is ragged or sparse.
    """
    if not signature.inputs:
        raise ModelError(f"signature '{signature.name}' takes no input; expected at least one")
    rows = {tensor.name for tensor in signature.inputs if tensor.dtype == "int64" and tensor.shape is not None and len(tensor.shape) == 1}
    for tensor in signature.inputs:
        if tensor.dtype == "string":
            raise ModelError(f"signature '{signature.name}' takes text ({tensor}); expected numbers: turn text into numbers before the model")
        if not tensor.is_dense or f"{tensor.name}_1" in rows:  # TensorFlow hands a ragged tensor on as its values and the ends of its rows
            raise ModelError(
                f"signature '{signature.name}' takes a ragged or sparse tensor ({tensor}); expected dense ones: pad its rows to one length"
            )
