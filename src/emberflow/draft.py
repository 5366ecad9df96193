"""A first project file for a model at hand: what it is likely for, what can be done with it, which device could hold it. Text only; writes nothing.

Guesses are marked as such in the file's comments, each with what it rests on.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emberflow.evaluate.size import measure_size
from emberflow.graph import Graph, Operator, read_graph
from emberflow.graph.layers import name_layers
from emberflow.target import Target, TargetKind
from emberflow.trust import NOBODY, Trust
from emberflow.units import show_bytes

CODE_BYTES = 6 * 1024
"""Of a compiled model without its weights: the five of the benchmarks have 3.1 to 4.5 KiB, those with more kinds of layers some more."""

STACK_BYTES = 1024
_PASSED_BY = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE"})


@dataclass(frozen=True)
class Guess:
    """What a model is likely for, and why. outputs: how many numbers it gives."""

    task: str
    outputs: int
    reason: str


@dataclass(frozen=True)
class Room:
    """What a model is likely to need as int8: bytes of flash and RAM."""

    flash_bytes: int
    ram_bytes: int
    reason: str


@dataclass(frozen=True)
class Model:
    """A model at hand.

    baseline: how the project file names it. kind: what it is, in words.
    recipes: a set or a list, as the project file has it; `why_not_all` says what is left out, and why.
    is_fine_tuned: whether some of them train on.
    trust: what it was read with, for a run needs the same.
    layers: their names, the ones with weights; empty where the project file can name none.
    """

    baseline: str
    kind: str
    input_shape: tuple[int, ...]
    guess: Guess
    room: Room
    recipes: str
    why_not_all: str = ""
    is_fine_tuned: bool = True
    signature: str | None = None
    trust: Trust = NOBODY
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """What is written: a project called `name`, of `model` or of one that is still to be built, for `target`."""

    name: str
    target: Target
    target_reason: str
    model: Model | None = None


def guess_task(graph: Graph) -> Guess:
    """By the last operator and the shapes of input and output.

    Softmax gives one of several classes; one sigmoid says yes or no, several say it of each label; what has the shape of its input describes it
    again, as an autoencoder does; the rest are numbers.
    """
    given, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    outputs = result.elements // (result.shape[0] if result.shape else 1)
    last = _last(graph)
    if outputs > 1 and result.shape == given.shape:
        return Guess("anomaly", outputs, "its output has the shape of its input, as an autoencoder's")
    if last == "SOFTMAX":
        return Guess("classification", outputs, f"it ends in softmax over {outputs}")
    if last == "LOGISTIC":
        return Guess("binary" if outputs == 1 else "multi_label", outputs, f"it ends in {outputs} sigmoid{'s' if outputs > 1 else ''}")
    return Guess("regression", outputs, f"it ends in {outputs} number{'s' if outputs > 1 else ''} without softmax or sigmoid")


def _last(graph: Graph) -> str:
    operator: Operator | None = graph.producers.get(graph.outputs[0])
    while operator is not None and operator.name in _PASSED_BY:
        operator = graph.producers.get(operator.inputs[0])
    return operator.name if operator else ""


def estimate_room(model: bytes) -> Room:
    """What the .tflite `model` needs in int8: a byte for each parameter, activations at a byte a number, code and stack."""
    size, graph = measure_size(model), read_graph(model)
    is_float = any(graph.result(operator).dtype == "float32" for operator in graph.operators if operator.name not in _PASSED_BY)
    activations = -(-size.peak_activation_bytes // 4) if is_float else size.peak_activation_bytes
    reason = (
        f"{size.parameters:,} parameters at 1 B and {show_bytes(CODE_BYTES)} of code; {activations:,} B of tensors and {STACK_BYTES:,} B of stack"
    )
    return Room(size.parameters + CODE_BYTES, activations + STACK_BYTES, reason)


def choose_target(room: Room, targets: Mapping[str, Target]) -> tuple[Target, str]:
    """The microcontroller with the least flash, then RAM, that could hold it; a Linux-class device where none can. With the reason."""
    chips = sorted(
        (target for target in targets.values() if target.kind is TargetKind.MICROCONTROLLER),
        key=lambda target: (target.flash_bytes, target.ram_bytes, target.name),
    )
    needed = f"about {show_bytes(room.flash_bytes)} of flash and {show_bytes(room.ram_bytes)} of RAM as int8 ({room.reason})"
    for target in chips:
        if target.flash_bytes >= room.flash_bytes and target.ram_bytes >= room.ram_bytes:
            return target, f"The smallest of {len(chips)} that could hold it: {needed}"
    linux = next(target for target in targets.values() if target.kind is TargetKind.LINUX)
    return linux, f"None of {len(chips)} microcontrollers could hold it: {needed}"


def layers_of(graph: Graph) -> tuple[str, ...]:
    """The layers with weights of their own, in order."""
    names = name_layers(graph)
    weighty = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
    return tuple(dict.fromkeys(name for operator in graph.operators if operator.name in weighty and "/" not in (name := names[operator.index][0])))


def render(draft: Draft) -> dict[str, str]:
    """The files by their names: `emberflow.yaml`, `data.py` and, where there is no model yet, `model.py`."""
    files = {"emberflow.yaml": "\n".join(_project(draft)) + "\n", "data.py": _data(draft)}
    return files if draft.model else {**files, "model.py": _MODEL.format(name=draft.name)}


def _project(draft: Draft) -> Iterator[str]:
    model = draft.model
    yield f"# Written by `emberflow init`. Fill in data.py{'' if model else ' and model.py'}, then: emberflow run emberflow.yaml"
    yield f"name: {draft.name}"
    yield from _about_model(model) if model else _ABOUT_NO_MODEL
    yield "data: data:load  # a function that returns a Dataset; or train, validation and test as .npz or .npy files"
    yield from _about_training(model)
    if model and model.why_not_all:
        yield f"# No other recipes are possible: {model.why_not_all}."
    yield f"recipes: {model.recipes if model else 'all'}  # `emberflow recipes` explains each"
    yield f"# {draft.target_reason}"
    yield f"target: {draft.target.name}"
    yield "budget:"
    yield f"  # flash: {show_bytes(draft.target.flash_bytes)}  # or less, where other programs need some; default: all that the target has"
    yield f"  # ram: {show_bytes(draft.target.ram_bytes)}"
    yield "  accuracy_drop: 0.02  # the most of the metric that may be lost against the float model"
    if model and model.layers:
        yield "# layers:  # what single layers want otherwise"
        yield f"#   {json.dumps(model.layers[0])}: {{prune: false}}"


_ABOUT_NO_MODEL = (
    "task: classification  # or binary, multi_label, regression or anomaly",
    "baseline: model:build  # a function that builds a Keras model; or the path of a .keras, .h5 or .tflite file, or of a SavedModel",
)


def _about_model(model: Model) -> Iterator[str]:
    yield f"task: {model.guess.task}  # a guess: {model.guess.reason}; or classification, binary, multi_label, regression, anomaly"
    if model.guess.task == "regression":
        yield "metric: r2  # or mae or rmse, whose loss has a unit: then say under budget how much may be lost"
    yield f"baseline: {json.dumps(model.baseline)}  # {model.kind}; takes samples of shape {show_shape(model.input_shape)}"
    if model.signature:
        yield f"signature: {json.dumps(model.signature)}"
    if model.trust.runs_code:
        yield "trust_model_code: true  # the file may run whatever code it holds, with your rights"
    if model.trust.own:
        yield f"custom_objects: {model.trust.own.entry}"


def _about_training(model: Model | None) -> Iterator[str]:
    if model:
        yield "standardize: false  # the data are what the model takes; true: (x - mean) / std along the last axis, here and in the firmware"
    else:
        yield "standardize: true  # (x - mean) / std along the last axis, here and in the firmware"
        yield "training: {epochs: 24, batch_size: 64, learning_rate: 0.002}"
    if not model or model.is_fine_tuned:
        yield "fine_tuning: {epochs: 5, learning_rate: 0.0005}  # for each pruning, clustering and quantization-aware step"


def show_shape(shape: tuple[int, ...]) -> str:
    """As Python writes it."""
    return repr(tuple(shape))


def _data(draft: Draft) -> str:
    guess = draft.model.guess if draft.model else Guess("classification", 2, "")
    shape = show_shape(draft.model.input_shape) if draft.model else "the shape that the model takes"
    truth, labels = _TRUTHS[guess.task].format(outputs=guess.outputs), _labels(guess)
    return _DATA.format(name=draft.name, shape=shape, truth=truth, labels=labels)


def _labels(guess: Guess) -> str:
    counts = {"classification": guess.outputs, "binary": 2, "multi_label": guess.outputs, "regression": guess.outputs, "anomaly": 2}
    return {
        "regression": f"names of the {counts['regression']} values, or none",
        "anomaly": "the words for normal and not, such as ('normal', 'broken')",
    }.get(guess.task, f"{counts[guess.task]} names")


_TRUTHS = {
    "classification": "shape (n,), whole numbers, each the position of one of the {outputs} labels",
    "binary": "shape (n,), 0 or 1",
    "multi_label": "shape (n, {outputs}), 0 or 1 for each label",
    "regression": "shape (n, {outputs}), numbers",
    "anomaly": "shape (n,), 0 for normal and 1 for an anomaly; None where all are normal, as in training",
}
"""What `y` is, by the task."""

_DATA = '''"""The data of {name}: fill in `load`, then run `emberflow run emberflow.yaml`."""

from emberflow.dataset import Dataset, Samples  # noqa: F401 - what load returns


def load():
    """Three parts that have nothing in common: split by person or machine, never by overlapping windows.

    x: shape (n, *sample), where a sample is of shape {shape}.
    y: {truth}.
    labels: {labels}.
    """
    # train, validation, test = (Samples(x=..., y=...) for part in (...))
    # return Dataset(train, validation, test, labels=(...,))
    raise NotImplementedError("load() in data.py is still to be filled in: return a Dataset with samples of shape {shape}")
'''

_MODEL = '''"""The model of {name}: fill in `build`. It is trained on the data's training part."""


def build():
    """A Keras model that isn't compiled; with softmax at its end for a classification."""
    # from tf_keras import Input, Model, layers
    raise NotImplementedError("build() in model.py is still to be filled in: return a Keras model")
'''
