"""Mutants of .tflite files: bytes flipped, cut and spliced, and parts of the model changed for others that a file can hold. One number makes one."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from emberflow.compiler.lower import LOWERINGS
from tests.fuzz.seeds import seeds

SIZES = (0, 1, 1, 2, 3, 4, 5, 8, 255, 256, 257, 4096, 65_535, 65_536, 1 << 20, (1 << 31) - 1, -1, -2, -(1 << 31))
SCALES = (0.0, -0.0, -0.05, float("nan"), float("inf"), float("-inf"), 1e-45, 1e-38, 1e-10, 1e-3, 0.05, 0.5, 1.0, 1 / 256, 1e3, 1e10, 1e38, 3.4e38)
POINTS = (0, 0, 1, -1, -7, 127, -128, 128, -129, 255, 256, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63))
INDICES = (-1, 0, 1, 2, 3, 4, -2, 100, (1 << 31) - 1, -(1 << 31))
NUMBERS = (0, 1, 2, 3, -1, -2, -3, 4, 6, 7, 16, 127, 128, 255, 256, 32_767, 65_535, 65_536, (1 << 31) - 1, -(1 << 31))
REALS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 3.4e38, float("nan"), float("inf"))
NAMES = (b"", b"int", b"a\nb", b"*/ int x; /*", b'"\\', b"\xff\xfe\x00", b"x" * 5000, "ß→🔥".encode(), b"??/", b"// \\", b"%s%n")


@dataclass(frozen=True)
class Mutant:
    """A file, and how it came to be."""

    number: int
    story: str
    data: bytes


def mutant(number: int) -> Mutant:
    """Mutant `number`, always the same: a seed with one to three changes. Three of four are changes of the model, the others of bytes."""
    chance = random.Random(number)  # noqa: S311  chance, not secrecy
    name = chance.choice(sorted(seeds()))
    data, story = seeds()[name], [name]
    for _ in range(chance.choice((1, 1, 2, 3))):
        change = chance.choice(BYTES if chance.random() < 0.2 else PARTS)
        changed = _changed(data, change, chance)
        if changed is not None and changed != data:
            data = changed
            story.append(change.__name__.lstrip("_"))
    return Mutant(number, f"{number}: {', '.join(story)}", data)


def _changed(data: bytes, change: Callable[..., Any], chance: random.Random) -> bytes | None:
    """`data` after one change; None where it can't be made."""
    try:
        if change in BYTES:
            return bytes(change(bytearray(data), chance))
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        change(model, chance)
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
    except Exception:  # noqa: BLE001  what the schema's own writer can't read or write, such as bytes that were changed before
        return None


def _flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _put_bytes(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    data[at : at + 4] = chance.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0", chance.randbytes(4)))
    return data


def _cut_off(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _cut_out(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 2, 4, 8, 64))]
    return data


def _splice(data: bytearray, chance: random.Random) -> bytearray:
    other = seeds()[chance.choice(sorted(seeds()))]
    at = chance.randrange(min(len(data), len(other)))
    return data[:at] + other[at:]


def _overwrite(data: bytearray, chance: random.Random) -> bytearray:
    count = chance.choice((4, 8, 16, 64))
    source, target = chance.randrange(max(len(data) - count, 1)), chance.randrange(max(len(data) - count, 1))
    data[target : target + count] = data[source : source + count]
    return data


def _graph(model: Any) -> Any:
    return model.subgraphs[0]


def _tensor(model: Any, chance: random.Random) -> Any:
    return chance.choice(_graph(model).tensors)


def _step(model: Any, chance: random.Random) -> Any:
    return chance.choice(_graph(model).operators)


def _is_held(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _put(values: Any, value: Any, chance: random.Random) -> list[Any]:
    """`values` with one of them another, or one more, or one less, or in another order."""
    changed = list(values) if values is not None else []
    way = chance.randrange(6)
    if way == 0 or not changed:
        changed.insert(chance.randint(0, len(changed)), value)
    elif way == 1:
        del changed[chance.randrange(len(changed))]
    elif way == 2:
        chance.shuffle(changed)
    else:
        changed[chance.randrange(len(changed))] = value
    return changed


def _size(old: Any, chance: random.Random) -> int:
    size = int(old)
    return chance.choice((*SIZES, size + 1, size - 1, 2 * size, max(size // 2, 1)))


def _shape(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.shape = _put(tensor.shape, _size(chance.choice(list(tensor.shape) or [1]), chance), chance)


def _axis_everywhere(model: Any, chance: random.Random) -> None:
    """One size in every tensor whose axis has the same: shapes that still go together."""
    computed = [tensor for tensor in _graph(model).tensors if tensor.shape is not None and not _is_held(model, tensor)]
    shape = list(chance.choice(computed).shape)
    axis = chance.randrange(len(shape))
    old, new = shape[axis], _size(shape[axis], chance)
    for tensor in computed:
        if len(tensor.shape) > axis and tensor.shape[axis] == old:
            tensor.shape = [*tensor.shape[:axis], new, *tensor.shape[axis + 1 :]]


def _reshape(model: Any, chance: random.Random) -> None:
    """The same number of elements in another shape."""
    tensor = _tensor(model, chance)
    elements = int(np.prod(tensor.shape))
    tensor.shape = chance.choice(([elements], [1, elements], [elements, 1], [1, 1, *tensor.shape], [*tensor.shape, 1], [1] * 9, []))


def _signature(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.shapeSignature = _put(tensor.shape, chance.choice(SIZES), chance)


def _type(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).type = chance.choice((*range(20), 9, 9, 3, 2, 0))


def _scale(model: Any, chance: random.Random) -> None:
    quantization = _quantization(model, chance)
    quantization.scale = _put(quantization.scale, chance.choice(SCALES), chance)


def _scales(model: Any, chance: random.Random) -> None:
    """All scales of a tensor by one factor."""
    quantization = _quantization(model, chance)
    factor = chance.choice((1e-30, 1e-10, 1e-4, 0.01, 0.1, 0.5, 1.0001, 2, 10, 1e3, 1e5, 1e10, 1e30))
    quantization.scale = [float(np.float32(min(scale * factor, 3e38))) for scale in quantization.scale]


def _point(model: Any, chance: random.Random) -> None:
    quantization = _quantization(model, chance)
    quantization.zeroPoint = _put(quantization.zeroPoint, chance.choice(POINTS), chance)


def _axis_of_scales(model: Any, chance: random.Random) -> None:
    _quantization(model, chance).quantizedDimension = chance.choice(INDICES)


def _no_quantization(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).quantization = None


def _quantization(model: Any, chance: random.Random) -> Any:
    tensor = _tensor(model, chance)
    tensor.quantization = tensor.quantization or schema.QuantizationParametersT()
    return tensor.quantization


def _variable(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.isVariable = not tensor.isVariable


def _name(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).name = chance.choice(NAMES)


def _constants(model: Any, chance: random.Random) -> None:
    """Bytes of a constant: all the same, at random, or one number among them."""
    held = chance.choice([buffer for buffer in model.buffers if buffer.data is not None and len(buffer.data)])
    data, size = np.array(held.data, np.uint8), len(held.data)
    way = chance.randrange(4)
    if way == 0:
        data[:] = chance.choice((0, 0x7F, 0x80, 0xFF))
    elif way == 1:
        data = np.frombuffer(chance.randbytes(size), np.uint8)
    elif size >= 4:
        at = 4 * chance.randrange(size // 4)
        data[at : at + 4] = np.frombuffer(np.int32(chance.choice(NUMBERS)).tobytes(), np.uint8)
    held.data = data


def _constant_length(model: Any, chance: random.Random) -> None:
    held = chance.choice([buffer for buffer in model.buffers if buffer.data is not None and len(buffer.data)])
    data = bytes(bytearray(held.data))
    held.data = np.frombuffer(chance.choice((data[:-1], data[: len(data) // 2], data + b"\0", 2 * data, data[:1], b"")), np.uint8)


def _buffer(model: Any, chance: random.Random) -> None:
    """Another buffer: what was constant may be computed now, and the other way round."""
    _tensor(model, chance).buffer = chance.choice((0, 0, *range(len(model.buffers)), len(model.buffers), (1 << 31) - 1))


def _computed_constant(model: Any, chance: random.Random) -> None:
    """A constant becomes an input of the graph."""
    graph = _graph(model)
    held = [index for index, tensor in enumerate(graph.tensors) if _is_held(model, tensor)]
    index = chance.choice(held)
    graph.tensors[index].buffer = 0
    graph.inputs = [*graph.inputs, index]


def _constant_input(model: Any, chance: random.Random) -> None:
    """An input of the graph becomes constant."""
    graph = _graph(model)
    index = chance.choice(list(graph.inputs))
    size = int(np.prod(graph.tensors[index].shape)) * chance.choice((1, 1, 4))
    graph.tensors[index].buffer = len(model.buffers)
    model.buffers.append(schema.BufferT(data=np.frombuffer(chance.randbytes(size), np.uint8)))
    if chance.random() < 0.7:
        graph.inputs = [other for other in graph.inputs if other != index]


def _reads(model: Any, chance: random.Random) -> None:
    step = _step(model, chance)
    step.inputs = _put(step.inputs, chance.choice((*INDICES, *range(len(_graph(model).tensors)))), chance)


def _writes(model: Any, chance: random.Random) -> None:
    step = _step(model, chance)
    step.outputs = _put(step.outputs, chance.choice((*INDICES, *range(len(_graph(model).tensors)))), chance)


def _borders(model: Any, chance: random.Random) -> None:
    graph, value = _graph(model), chance.choice((*INDICES, *range(len(_graph(model).tensors))))
    if chance.random() < 0.5:
        graph.inputs = _put(graph.inputs, value, chance)
    else:
        graph.outputs = _put(graph.outputs, value, chance)


def _order(model: Any, chance: random.Random) -> None:
    """Operators in another order, twice, or fewer."""
    graph = _graph(model)
    way = chance.randrange(3)
    if way == 0:
        chance.shuffle(graph.operators)
    elif way == 1:
        graph.operators.append(chance.choice(graph.operators))
    else:
        del graph.operators[chance.randrange(len(graph.operators))]


def _again(model: Any, chance: random.Random) -> None:
    """An operator once more, on its own output where the first one's input was."""
    graph = _graph(model)
    step = graph.operators[-1]
    old, new = step.outputs[0], len(graph.tensors)
    graph.tensors.append(graph.tensors[old])
    again = schema.OperatorT(opcodeIndex=step.opcodeIndex, inputs=[old if index == step.inputs[0] else index for index in step.inputs], outputs=[new])
    again.builtinOptionsType, again.builtinOptions = step.builtinOptionsType, step.builtinOptions
    graph.operators.append(again)
    graph.outputs = [*(graph.outputs if chance.random() < 0.5 else ()), new]


def _operator(model: Any, chance: random.Random) -> None:
    code = chance.choice(model.operatorCodes)
    known = getattr(schema.BuiltinOperator, chance.choice(sorted(LOWERINGS)))
    code.builtinCode = chance.choice((known, known, known, chance.randrange(220), 32, -1, 10_000))
    code.deprecatedBuiltinCode = min(max(code.builtinCode, 0), 127)


def _version(model: Any, chance: random.Random) -> None:
    chance.choice(model.operatorCodes).version = chance.choice(NUMBERS)


def _code_of_step(model: Any, chance: random.Random) -> None:
    _step(model, chance).opcodeIndex = chance.choice((0, 1, 2, 100, (1 << 31) - 1))


def _option(model: Any, chance: random.Random) -> None:
    """One field of an operator's options."""
    options = _step(model, chance).builtinOptions
    field = chance.choice(sorted(vars(options)))
    value = getattr(options, field)
    if isinstance(value, bool):
        setattr(options, field, not value)
    elif isinstance(value, float):
        setattr(options, field, chance.choice(REALS))
    elif isinstance(value, int):
        setattr(options, field, chance.choice(range(6)) if "adding" in field or "ctivation" in field else chance.choice(NUMBERS))
    else:
        setattr(options, field, _put(value, chance.choice(NUMBERS), chance))


def _no_options(model: Any, chance: random.Random) -> None:
    step = _step(model, chance)
    step.builtinOptions, step.builtinOptionsType = None, chance.choice((0, step.builtinOptionsType))


def _other_options(model: Any, chance: random.Random) -> None:
    _step(model, chance).builtinOptionsType = chance.randrange(128)


def _subgraphs(model: Any, chance: random.Random) -> None:
    model.subgraphs = chance.choice(([], 2 * model.subgraphs, 50 * model.subgraphs))


def _schema_version(model: Any, chance: random.Random) -> None:
    model.version = chance.choice((0, 1, 2, 4, (1 << 32) - 1))


BYTES = (_flip_bits, _flip_bits, _put_bytes, _put_bytes, _cut_off, _cut_out, _splice, _overwrite)
_RARE = (_subgraphs, _schema_version, _order, _version, _code_of_step, _no_options, _other_options, _no_quantization, _signature, _name, _variable)
_OFTEN = (
    _shape,
    _axis_everywhere,
    _reshape,
    _type,
    _scale,
    _scales,
    _point,
    _constants,
    _constant_length,
    _buffer,
    _reads,
    _writes,
    _borders,
    _option,
)
_SOMETIMES = (_axis_of_scales, _computed_constant, _constant_input, _again, _operator)
PARTS = (*_RARE, *2 * _SOMETIMES, *3 * _OFTEN, *2 * (_option, _scales, _constants, _axis_everywhere, _point))
