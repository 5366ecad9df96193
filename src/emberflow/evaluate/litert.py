"""LiteRT, the runtime of Linux-class devices: a .tflite and samples in, raw outputs out. Judges neither accuracy nor size."""

from enum import StrEnum
from typing import Any

import numpy as np

from emberflow.errors import GraphError
from emberflow.evaluate.borders import Border, Borders, check_border, codes_of
from emberflow.firmware.literals import border_words
from emberflow.values import AnyArray, Arrays
from emberflow.view import Inputs, Rows


class Kernels(StrEnum):
    """Which implementation of the operators computes. They differ in the last place, and so does what follows (see `parity`)."""

    DEFAULT = "default"
    REFERENCE = "reference"


def open_model(model: bytes, kernels: Kernels = Kernels.DEFAULT, threads: int = 1, keep: bool = False) -> Any:
    """A LiteRT interpreter of `model` with its tensors allocated. Default kernels are XNNPACK's, reference ones plain loops.

    Args: keep: whether tensors between operators keep their values, instead of sharing memory.
    Raises: GraphError: LiteRT can't read the model, or refuses an operator; its reason is in the message.
    """
    interpreter = _parse(model, kernels, threads, keep)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise GraphError(
            f"LiteRT refuses the model: {_first_line(error)}; expected built-in operators alone. Replace the layer that the reason names"
        ) from error
    return interpreter


def open_transparent(model: bytes) -> Any:
    """An interpreter with plain kernels that keeps what every operator wrote until the next inference. Raises: GraphError: as `open_model`."""
    return open_model(model, Kernels.REFERENCE, keep=True)


def read_borders(model: bytes) -> Borders:
    """Shapes, types and scales of the input and the output.

    Raises: GraphError: not a .tflite, not one input and one output, or a border that `check_border` refuses.
    """
    return borders_of(_parse(model, Kernels.REFERENCE, threads=1))


def read_all_borders(model: bytes) -> tuple[tuple[Border, ...], tuple[Border, ...]]:
    """Of every input and of every output, in the model's order. Raises as `read_borders`, but for how many there are."""
    interpreter = _parse(model, Kernels.REFERENCE, threads=1)
    return input_borders(interpreter), _borders(interpreter.get_output_details(), "output")


def input_borders(interpreter: Any) -> tuple[Border, ...]:
    """Of every input of an open interpreter, in its order. Raises: GraphError: one that `check_border` refuses."""
    return _borders(interpreter.get_input_details(), "input")


def input_names(interpreter: Any) -> tuple[str, ...]:
    """What every input of an open interpreter is called, in its order: by the model's first signature, else as its tensor."""
    details = interpreter.get_input_details()
    signature = next(iter(interpreter.get_signature_list()), None)
    named = interpreter.get_signature_runner(signature).get_input_details() if signature else {}
    names = {each["index"]: name for name, each in named.items()}
    return tuple(names.get(each["index"], each["name"]) for each in details)


def _borders(details: list[dict[str, Any]], role: str) -> tuple[Border, ...]:
    return tuple(_border(each, word) for each, word in zip(details, border_words(role, len(details)), strict=True))


def borders_of(interpreter: Any) -> Borders:
    """As `read_borders`, of an open interpreter."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if (len(inputs), len(outputs)) != (1, 1):
        raise GraphError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each. Join them inside the model")
    return Borders(input=_border(inputs[0], "input"), output=_border(outputs[0], "output"))


def run(model: bytes, x: Rows, kernels: Kernels = Kernels.DEFAULT, threads: int = 1) -> AnyArray:
    """Raw outputs, one sample after the other, each from a fresh state.

    Args: x: shape (n, *input_shape), float32; quantized here to what the model takes.
    Returns: shape (n, *output_shape) in the type of the model's output.
    Raises: GraphError: as `open_model` and `read_borders`. DataError: samples of another shape.
    """
    interpreter = open_model(model, kernels, threads)
    return _invoke(interpreter, (codes_of(x, borders_of(interpreter).input),))[0]


def run_codes(model: bytes, codes: AnyArray) -> AnyArray:
    """As `run`, for samples that are what the model takes already: shape (n, *input_shape), in the type of its input."""
    return run_all(model, (codes,))[0]


def run_all(model: bytes, codes: Arrays, kernels: Kernels = Kernels.DEFAULT) -> Arrays:
    """As `run_codes`, for a model of several inputs or outputs: one array of each."""
    return _invoke(open_model(model, kernels), codes)


def _invoke(interpreter: Any, codes: Inputs) -> Arrays:
    sources, sinks = ([details["index"] for details in each] for each in (interpreter.get_input_details(), interpreter.get_output_details()))
    outputs: list[list[AnyArray]] = [[] for _ in sinks]
    for sample in zip(*codes, strict=True):
        # an LSTM's variable tensors live on between invocations: without this, outputs depend on the order of samples
        interpreter.reset_all_variables()
        for source, one in zip(sources, sample, strict=True):
            interpreter.set_tensor(source, one[np.newaxis])
        interpreter.invoke()
        for sink, output in zip(sinks, outputs, strict=True):
            output.append(interpreter.get_tensor(sink)[0])
    return tuple(np.stack(output) for output in outputs)


def _parse(model: bytes, kernels: Kernels, threads: int, keep: bool = False) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  half a second that the command line needn't pay

    resolver = {Kernels.DEFAULT: OpResolverType.AUTO, Kernels.REFERENCE: OpResolverType.BUILTIN_REF}[kernels]
    try:
        return Interpreter(model_content=model, num_threads=threads, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=keep)
    except ValueError as error:
        raise GraphError(
            f"LiteRT can't read the model ({len(model):,} B): {_first_line(error)}; expected a whole .tflite. Convert it again"
        ) from error


def _border(details: dict[str, Any], name: str) -> Border:
    scale, zero_point = details["quantization"]
    shape = tuple(map(int, details["shape"]))
    return check_border(Border(shape=shape, dtype=np.dtype(details["dtype"]).name, scale=float(scale), zero_point=int(zero_point)), name)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
