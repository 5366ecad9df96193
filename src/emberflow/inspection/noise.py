"""How far a quantized model strays from its float twin, tensor by tensor, over real samples. Runs both in LiteRT; advises nothing.

One sample after the other goes through both models, and only sums are kept: memory doesn't grow with their number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from emberflow.errors import GraphError
from emberflow.evaluate.borders import Border, quantize
from emberflow.evaluate.litert import Kernels, input_borders, input_names, open_model, open_transparent
from emberflow.firmware.literals import border_words
from emberflow.graph import Graph, Operator, Tensor, read_graph
from emberflow.graph.layers import name_layers
from emberflow.graph.options import OPTIONS
from emberflow.graph.values import ABSENT
from emberflow.graph.write import write_operators
from emberflow.inspection.findings import TensorNoise
from emberflow.inspection.memory import VIEWS
from emberflow.inspection.pairing import BORDERS, Pairs, pair
from emberflow.inspection.tally import Tally
from emberflow.inspection.trial import choose
from emberflow.values import AnyArray, FloatArray

_PLAIN = frozenset({"ABS", "ELU", "HARD_SWISH", "LOGISTIC", "PAD", "PADV2", "PRELU", "RELU", "RELU6", "RSQRT", "SQRT", "TANH", "TRANSPOSE"})
"""Operators without options, which can be run alone as those of OPTIONS can."""

_WEIGHTY = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})

_INTEGERS = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class Straying:
    """What was measured, worst first, the names of quantized results that have no twin, and how many samples were run."""

    noise: tuple[TensorNoise, ...]
    unmatched: tuple[str, ...] = ()
    samples: int = 0


def measure(quantized: bytes, real: bytes | None, samples: Mapping[str, FloatArray]) -> Straying:
    """Run `samples` through `quantized` and, where there is one, its float twin `real`.

    Args: samples: as the model takes them, shape (n, *input_shape), float32, by the names of its inputs, as `trial.choose` finds them.
    Returns: every quantized tensor that is computed. Signal to noise is `10 log10(sum f^2 / sum (f - q)^2)` over all numbers of all samples:
        f of the float model, q what the code stands for. Without a float twin there are ranges and codes alone.
    Raises: GraphError: LiteRT doesn't run a model. DataError: samples of another shape, or of other inputs.
    """
    graph, twin = read_graph(quantized), read_graph(real) if real else None
    pairs = pair(graph, twin) if twin else Pairs({}, {}, ())
    tallies = {t.index: Tally(t, _clamped(graph, t)) for t in graph.tensors if _is_measured(graph, t) and (twin is None or t.index in pairs.tensors)}
    count = _count_codes(quantized, samples, tallies) if real is None else _compare((quantized, real), samples, pairs, tallies)
    unmatched = tuple(name for name in pairs.unmatched if name)
    return Straying(tuple(sorted(_describe(graph, tallies), key=_badness)), unmatched, count)


def _is_measured(graph: Graph, tensor: Tensor) -> bool:
    writer = graph.producers.get(tensor.index)
    is_computed = tensor.index in graph.inputs or (writer is not None and writer.name not in VIEWS)
    one_scale = tensor.quantization is not None and not tensor.quantization.per_channel
    return is_computed and one_scale and tensor.dtype in _INTEGERS and tensor.elements > 0


def _clamped(graph: Graph, tensor: Tensor) -> frozenset[int]:
    """The codes at which its writer's activation holds numbers: 0 after RELU; both ends where the range is that of the activation itself."""
    writer = graph.producers.get(tensor.index)
    activation = writer.options.get("activation", "NONE") if writer else "NONE"
    ends = np.iinfo(tensor.dtype)
    fixed = writer is not None and writer.name in ("SOFTMAX", "LOGISTIC", "TANH", "RELU6", "HARD_SWISH")
    if fixed or activation in ("RELU6", "RELU_N1_TO_1"):
        return frozenset({int(ends.min), int(ends.max)})
    return frozenset({int(ends.min)}) if activation == "RELU" or (writer is not None and writer.name == "RELU") else frozenset()


def _count_codes(model: bytes, samples: Mapping[str, FloatArray], tallies: Mapping[int, Tally]) -> int:
    interpreter, count = open_transparent(model), 0
    for _ in _runs((interpreter,), samples):
        count += 1
        for index, tally in tallies.items():
            tally.add(interpreter.get_tensor(index), None)
    return count


def _compare(models: tuple[bytes, bytes], samples: Mapping[str, FloatArray], pairs: Pairs, tallies: Mapping[int, Tally]) -> int:
    ours, theirs = (open_transparent(model) for model in models)
    graph = read_graph(models[0])
    alone, rounded, count = _alone(graph, pairs), _rounded(graph, pairs), 0
    for _ in _runs((ours, theirs), samples):
        count += 1
        for index, tally in tallies.items():
            real = theirs.get_tensor(pairs.tensors[index])
            tally.add(ours.get_tensor(index), real)
            if index in alone:
                tally.add_alone(alone[index].run(theirs), real)
            if index in rounded:
                tally.add_weights(rounded[index].run(theirs), real)
    return count


def _runs(interpreters: tuple[Any, ...], samples: Mapping[str, FloatArray]) -> Iterator[None]:
    """Each sample in turn through all `interpreters`, each from a fresh state."""
    fed = [(interpreter, _feeds(interpreter, samples)) for interpreter in interpreters]
    for position in range(len(fed[0][1][0][1])):
        for interpreter, feeds in fed:
            interpreter.reset_all_variables()
            for index, codes in feeds:
                interpreter.set_tensor(index, codes[position : position + 1])
            interpreter.invoke()
        yield


def _feeds(interpreter: Any, samples: Mapping[str, FloatArray]) -> list[tuple[int, AnyArray]]:
    """For each input its tensor, and all samples as it takes them."""
    details = interpreter.get_input_details()
    if not details:
        raise GraphError("the model has no input; expected at least one to give samples to: convert it again")
    chosen = choose(samples, input_names(interpreter))
    return [(each["index"], quantize(x, border)) for each, x, border in zip(details, chosen, input_borders(interpreter), strict=True)]


class Alone:
    """One operator of the quantized model as a model of its own, given what the float model has at its inputs."""

    def __init__(self, tensors: Mapping[int, Tensor], operator: Operator, pairs: Pairs) -> None:
        indices = [index for index in operator.inputs if index != ABSENT]
        self._interpreter = open_model(write_operators((operator,), tensors), Kernels.REFERENCE)
        computed = [tensors[index] for index in dict.fromkeys(indices) if tensors[index].data is None]
        places = [details["index"] for details in self._interpreter.get_input_details()]
        self._inputs = [(place, pairs.tensors[tensor.index], _border(tensor)) for place, tensor in zip(places, computed, strict=True)]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def run(self, real: Any) -> AnyArray:
        """The operator's codes for the inputs that `real`, an interpreter of the float model, holds after an inference."""
        for place, index, border in self._inputs:
            self._interpreter.set_tensor(place, quantize(real.get_tensor(index), border))
        self._interpreter.invoke()
        codes: AnyArray = self._interpreter.get_tensor(self._output)
        return codes


def _border(tensor: Tensor) -> Border:
    scale, zero_point = (float(tensor.quantization.scales[0]), int(tensor.quantization.zero_points[0])) if tensor.quantization else (0.0, 0)
    return Border(shape=tensor.shape, dtype=tensor.dtype, scale=scale, zero_point=zero_point)


def _alone(graph: Graph, pairs: Pairs) -> dict[int, Alone]:
    """By the index of what it writes, every operator that can be run so."""
    return {
        operator.outputs[0]: Alone(_touched(graph, operator), operator, pairs) for operator in graph.operators if _runs_alone(graph, operator, pairs)
    }


def _rounded(graph: Graph, pairs: Pairs) -> dict[int, Alone]:
    """The same for operators with weights, which they compute with in float, rounded as they are; all else is float."""
    found = (operator for operator in graph.operators if operator.name in _WEIGHTY and _runs_alone(graph, operator, pairs))
    return {
        operator.outputs[0]: Alone({index: _in_float(tensor) for index, tensor in _touched(graph, operator).items()}, operator, pairs)
        for operator in found
        if graph.operand(operator, 1).dtype == "int8" and graph.operand(operator, 1).data is not None
    }


def _touched(graph: Graph, operator: Operator) -> dict[int, Tensor]:
    return {index: graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index != ABSENT}


def _in_float(tensor: Tensor) -> Tensor:
    """`tensor` as float32: constants are what their codes stand for."""
    if tensor.quantization is None:
        return tensor
    data = tensor.data
    if data is not None:
        along = [1] * data.ndim
        along[tensor.quantization.axis] = -1
        scales, zero_points = (
            values.reshape(along) if values.size > 1 else values for values in (tensor.quantization.scales, tensor.quantization.zero_points)
        )
        data = ((data.astype(np.float64) - zero_points) * scales).astype(np.float32)
    return replace(tensor, dtype="float32", quantization=None, data=data)


def _runs_alone(graph: Graph, operator: Operator, pairs: Pairs) -> bool:
    tensors = [graph.tensors[index] for index in operator.inputs if index != ABSENT]
    computed = [tensor for tensor in tensors if tensor.data is None]
    known = operator.name in _PLAIN or (operator.name in OPTIONS and operator.name not in BORDERS | VIEWS)
    return known and len(operator.outputs) == 1 and bool(computed) and all(_is_fed(tensor, pairs) for tensor in computed)


def _is_fed(tensor: Tensor, pairs: Pairs) -> bool:
    return (
        tensor.index in pairs.tensors
        and not tensor.is_variable
        and (tensor.dtype == "float32" or (tensor.dtype in _INTEGERS and tensor.quantization is not None))
    )


def _describe(graph: Graph, tallies: Mapping[int, Tally]) -> Iterator[TensorNoise]:
    layers = name_layers(graph)
    for index, tally in tallies.items():
        writer = _writer(graph, index)
        yield TensorNoise(
            operator=writer.index if writer else None,
            layer=layers[writer.index][0] if writer else _input_word(graph, index),
            dtype=tally.tensor.dtype,
            range_low=tally.range[0],
            range_high=tally.range[1],
            low=tally.lowest,
            high=tally.highest,
            saturation=tally.saturation,
            used=tally.used,
            bulk=tally.bulk,
            sqnr_db=tally.here.decibels,
            own_sqnr_db=tally.alone.decibels,
            weights_sqnr_db=tally.weights.decibels,
        )


def _writer(graph: Graph, index: int) -> Operator | None:
    """The operator that computes a tensor; None of an input, also of one that is only quantized."""
    writer = graph.producers.get(index)
    while writer is not None and writer.name in BORDERS:
        writer = graph.producers.get(writer.inputs[0])
    return writer


def _input_word(graph: Graph, index: int) -> str:
    """`input`, or of several `input0` and so on, in the model's order; also of one that is only quantized."""
    while (writer := graph.producers.get(index)) is not None:
        index = writer.inputs[0]
    words = border_words("input", len(graph.inputs))
    return words[graph.inputs.index(index)] if index in graph.inputs else "input"


def _badness(noise: TensorNoise) -> tuple[float, float]:
    return (inf if noise.sqnr_db is None else noise.sqnr_db, -noise.saturation)
