"""`emberflow convert`: one model to one .tflite, by its signature, without a project. Checks first, then converts, prints and writes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from emberflow.errors import ConversionError, ProjectError
from emberflow.evaluate import litert
from emberflow.evaluate.signature import by_index, call
from emberflow.feeds import read_feeds
from emberflow.recipe import Format
from emberflow.saved_model import DEFAULT, Signature, Tensor, check_tensors, read_saved_model
from emberflow.trust import NOBODY, Trust
from emberflow.values import AnyArray

_KERAS = (".keras", ".h5")
_SEED = 1


@dataclass(frozen=True)
class Order:
    """What the user asked for, in the words of the command line."""

    model: Path
    number_format: Format
    out: Path
    signature: str | None = None
    data: Path | None = None
    per_channel: bool = True
    trust: Trust = NOBODY


def convert_file(order: Order) -> int:
    """Check, convert, call the result by name and by index, print and write. Returns: 0.

    Raises: ProjectError: an argument is wrong. ConversionError: a full-integer format without data, or what the converter refuses.
        ModelError: a model that is damaged, not safe, or of open sizes that no data fill.
    """
    _check_out(order.out)
    if order.number_format.is_full_integer and order.data is None:
        raise ConversionError(
            f"{order.number_format} needs data to find the range of each tensor, and is never calibrated on noise: give some with --data,"
            " as the model takes them, or choose float32, float16 or dynamic"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from emberflow.convert import QuietNativeCode  # noqa: PLC0415 - a tenth of a second, and TensorFlow comes later yet

    with QuietNativeCode():
        data = _from_keras(order) if order.model.suffix in _KERAS else _from_saved_model(order)
        calls = describe_calls(data)
    console = Console()
    console.print(calls, highlight=False, markup=False, soft_wrap=True)
    order.out.write_bytes(data)
    console.print(f"{order.out}  {len(data):,} B, {order.number_format}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _check_out(out: Path) -> None:
    if out.suffix != ".tflite":
        raise ProjectError(f"received '{out}' as the file to write; expected a name that ends in .tflite")
    if not out.parent.is_dir():
        raise ProjectError(f"received '{out}' as the file to write; expected a folder that exists, and there is no '{out.parent}'")


def _from_saved_model(order: Order) -> bytes:
    if order.model.is_file():
        kind = "is one already" if order.model.suffix == ".tflite" else "is none of these"
        raise ProjectError(
            f"received '{order.model}' as the model, which {kind}; expected a {', '.join(_KERAS)} file or the directory of a SavedModel"
        )
    signature = read_saved_model(order.model, order.trust.runs_code).signature(order.signature)
    check_tensors(signature)
    feeds = read_feeds(order.data, signature.inputs) if order.data else {}
    from emberflow.convert import Conversion, signature_to_tflite  # noqa: PLC0415 - what can be told before TensorFlow's import was told

    how = Conversion(per_channel=order.per_channel, signature=signature.name)
    return signature_to_tflite(order.model, order.number_format, feeds, how)


def _from_keras(order: Order) -> bytes:
    if order.signature is not None:
        raise ProjectError(f"received --signature '{order.signature}' for a Keras model; only a SavedModel's signature can be named")
    if not order.model.is_file():
        raise ProjectError(f"received '{order.model}' as the model; expected a {order.model.suffix} file, and there is none")
    from emberflow.compress.rewrite import lift_to_2d  # noqa: PLC0415 - as above
    from emberflow.convert import Conversion, name_of, to_tflite  # noqa: PLC0415
    from emberflow.keras_bridge import load, own_classes  # noqa: PLC0415

    with own_classes(order.trust.own):
        model = load(order.model, order.trust)
        inputs = [Tensor(name_of(source), source.dtype.name, tuple(source.shape)) for source in model.inputs]
        feeds = read_feeds(order.data, inputs) if order.data else {}
        lifted = lift_to_2d(model) if len(inputs) == 1 else model
        return to_tflite(lifted, order.number_format, feeds, Conversion(per_channel=order.per_channel))


def describe_calls(model: bytes) -> str:
    """The signature of a .tflite in words, and that calling it by name and by tensor index gives the same bytes.

    Raises: ConversionError: it doesn't.
    """
    signature = signature_of(model)
    inputs = _random_inputs(signature)
    by_name, by_place = call(model, signature.name, inputs), by_index(model, inputs, signature.name)
    differing = [name for name, value in by_name.items() if value.tobytes() != by_place[name].tobytes()]
    if differing:
        raise ConversionError(f"the .tflite gives other {', '.join(differing)} by name than by tensor index; please report the model")
    return f"{signature}\ncalled by name and by tensor index: the same bytes"


def signature_of(model: bytes) -> Signature:
    """The one signature of a .tflite that was converted here."""
    interpreter = litert.open_model(model)
    name = next(iter(interpreter.get_signature_list()), DEFAULT)
    runner = interpreter.get_signature_runner(name)
    inputs, outputs = (_tensors(details) for details in (runner.get_input_details(), runner.get_output_details()))
    return Signature(name, inputs, outputs)


def _tensors(details: Mapping[str, Any]) -> tuple[Tensor, ...]:
    return tuple(Tensor(key, np.dtype(each["dtype"]).name, tuple(map(int, each["shape"]))) for key, each in details.items())


def _random_inputs(signature: Signature) -> dict[str, AnyArray]:
    random = np.random.default_rng(_SEED)
    return {tensor.name: _random(random, tensor) for tensor in signature.inputs}


def _random(random: np.random.Generator, tensor: Tensor) -> AnyArray:
    shape = [size or 1 for size in tensor.shape or ()]
    if np.dtype(tensor.dtype).kind not in "iu":
        return random.normal(size=shape).astype(tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    small = np.dtype(tensor.dtype).itemsize <= 2  # wider ones are places in a table, of which 0 and 1 are there
    return random.integers(limits.min if small else 0, limits.max if small else 1, shape, tensor.dtype, endpoint=True)
