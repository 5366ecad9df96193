"""Models of one operator, what TFLM answers, and what the compiled C answers on this machine, plain and with the DSP extension emulated."""

import ctypes
import functools
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import tflite

from emberflow.compiler import Parity, compile_model
from emberflow.compiler.lower import lower
from emberflow.graph import read_graph
from tests.compiler.ledger import SAMPLE, note
from tests.models import OperatorSpec, TensorSpec, write_tflite

TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "uint32": tflite.TensorType.UINT32,
    "int64": tflite.TensorType.INT64,
    "float32": tflite.TensorType.FLOAT32,
    "bool": tflite.TensorType.BOOL,
}
ARENA_BYTES = 4 << 20
FLAVOURS = ("plain", "dsp")
"""The portable path, and the one for the DSP extension with its instructions in plain C."""


def activation(name, shape, scale=0.05, zero_point=0, dtype="int8"):
    """A tensor that is computed."""
    return TensorSpec(name, tuple(shape), TYPES[dtype], scales=(scale,), zero_points=(zero_point,))


def codes(name, shape, dtype="int8"):
    """A tensor whose scale and zero point are those of every other tensor made so; what only moves numbers keeps them."""
    return activation(name, shape, 0.05, -7 if dtype == "int8" else 0, dtype)


def constant(name, values, scales=(), zero_points=(), axis=0):
    """A tensor that the file holds; as many zero points as scales, 0 where none are given."""
    values = np.asarray(values)
    points = tuple(zero_points) or (0,) * len(scales)
    return TensorSpec(name, values.shape, TYPES[values.dtype.name], values.tobytes(), tuple(float(s) for s in scales), points, axis)


def write_samples(tensors, operators, inputs, outputs):
    """`write_tflite`; where the first size of a border isn't 1, a RESHAPE stands between it and one that has the batch in front."""
    tensors, before, after = list(tensors), [], []

    def outside(index, steps, is_input):
        tensor = tensors[index]
        if tensor.shape[:1] in ((), (1,)):
            return index
        tensors.append(replace(tensor, name=f"{SAMPLE}{tensor.name}", shape=(1, *tensor.shape), signature=()))
        place = len(tensors) - 1
        ends = ((place,), (index,)) if is_input else ((index,), (place,))
        steps.append(OperatorSpec(tflite.BuiltinOperator.RESHAPE, *ends, "ReshapeOptions", {"NewShape": tensors[ends[1][0]].shape}))
        return place

    given, gotten = tuple(outside(i, before, True) for i in inputs), tuple(outside(i, after, False) for i in outputs)
    return write_tflite(tuple(tensors), (*before, *operators, *after), inputs=given, outputs=gotten)


def one_operator(code, inputs, outputs, kind="", **options):
    """A model of one operator: the inputs without data are those of the model."""
    tensors = (*inputs, *outputs)
    here = range(len(inputs))
    computed = tuple(i for i in here if not inputs[i].data)
    written = tuple(range(len(inputs), len(tensors)))
    operator = OperatorSpec(getattr(tflite.BuiltinOperator, code), tuple(here), written, kind, options, version=options.pop("version", 1))
    return write_samples(tensors, (operator,), computed, written)


def several_operators(*parts):
    """A model of operators side by side, each given as the arguments of `one_operator` with its options as a dictionary at the end."""
    tensors, operators = [], []
    for code, inputs, outputs, kind, options in parts:
        first, last = len(tensors) + len(inputs), len(tensors) + len(inputs) + len(outputs)
        ends = tuple(range(len(tensors), first)), tuple(range(first, last))
        operators.append(OperatorSpec(getattr(tflite.BuiltinOperator, code), *ends, kind, options))
        tensors += [*inputs, *outputs]
    written = tuple(index for operator in operators for index in operator.outputs)
    computed = tuple(index for operator in operators for index in operator.inputs if not tensors[index].data)
    return write_samples(tensors, operators, computed, written)


def side_by_side(inputs, steps):
    """A model of several operators that all read `inputs`, each with an output of its own: (code, output, kind, options) for each step."""
    outputs = tuple(range(len(inputs), len(inputs) + len(steps)))
    operators = tuple(
        OperatorSpec(getattr(tflite.BuiltinOperator, code), tuple(range(len(inputs))), (index,), kind, options)
        for index, (code, _, kind, options) in zip(outputs, steps, strict=True)
    )
    tensors = (*inputs, *(output for _, output, _, _ in steps))
    return write_samples(tensors, operators, tuple(i for i, tensor in enumerate(inputs) if not tensor.data), outputs)


def shape_of(tensor):
    """The shape of a border, but for the 1 that `write_samples` puts in front."""
    return tensor.shape[1:] if tensor.name.startswith(SAMPLE) else tensor.shape


def lowered(model):
    """The steps of a model whose operators need no tables, before anything is shared."""
    return lower(read_graph(model), Parity.TFLM, {})


def random_codes(generator, tensor, count):
    """`count` inputs for a tensor of a graph, over the whole range of its type, the extremes among them."""
    if tensor.dtype == "float32":
        return generator.normal(0, 3, (count, *tensor.shape)).astype(np.float32)
    if tensor.dtype == "bool":
        return generator.integers(0, 2, (count, *tensor.shape)).astype(np.bool_)
    limits = np.iinfo(tensor.dtype)
    codes = generator.integers(limits.min, limits.max + 1, (count, *tensor.shape)).astype(tensor.dtype)
    codes[: count // 8] = limits.min
    codes[count // 8 : count // 4] = limits.max
    return codes


def run_tflm(model, inputs):
    """TFLM's outputs: for each output of the graph (n, *shape), from `inputs`, one array (n, *shape) for each input."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    graph = read_graph(model)
    answers = [[] for _ in graph.outputs]
    for sample in zip(*inputs, strict=True):
        for position, codes in enumerate(sample):
            interpreter.set_input(codes.reshape(graph.tensors[graph.inputs[position]].shape), position)
        interpreter.invoke()
        for position, answer in enumerate(answers):
            answer.append(interpreter.get_output(position).reshape(shape_of(graph.tensors[graph.outputs[position]])))
    return [np.stack(answer) for answer in answers]


def trace_tflm(model, sample):
    """Every computed tensor of `model` by its index, as TFLM has it after one inference."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors)
    for position, codes in enumerate(sample):
        interpreter.set_input(codes, position)
    interpreter.invoke()
    return {tensor.index: interpreter.GetTensor(tensor.index, 0)["tensor_data"] for tensor in read_graph(model).tensors if tensor.data is None}


LISTENER = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32)


def traced(compiled):
    """The files of a model, with each tensor shown to a listener."""
    source = compiled.files[f"{compiled.name}.c"]
    listener = b"""
void (*ef_listener)(int32_t tensor, const void *data, uint32_t bytes);
void ef_trace(int32_t tensor, const void *data, uint32_t bytes) { ef_listener(tensor, data, bytes); }
"""
    return compiled.files | {f"{compiled.name}.c": b"#define EF_TRACE\n" + source + listener}


class Native:
    """Compiled C, built for this machine and loaded."""

    def __init__(self, compiled, flavour="plain", sanitize=True, trace=False):
        self.compiled = compiled
        self.graph = compiled.program.graph
        self.traced = {}
        files = traced(compiled) if trace else compiled.files
        with tempfile.TemporaryDirectory() as folder:
            self._library = ctypes.CDLL(str(build_library(compiled.name, files, Path(folder), flavour, sanitize)))
        if trace:
            self._listener = LISTENER(lambda tensor, data, size: self.traced.update({tensor: ctypes.string_at(data, size)}))
            ctypes.c_void_p.in_dll(self._library, "ef_listener").value = ctypes.cast(self._listener, ctypes.c_void_p).value
        self._infer = getattr(self._library, f"{compiled.name}_infer")

    def run(self, inputs):
        """Outputs as `run_tflm` gives them."""
        tensors = [self.graph.tensors[index] for index in self.graph.outputs]
        answers = [np.zeros((len(inputs[0]), *shape_of(tensor)), tensor.dtype) for tensor in tensors]
        for n, sample in enumerate(zip(*inputs, strict=True)):
            kept = [np.ascontiguousarray(codes) for codes in sample]
            self._infer(*(codes.ctypes.data_as(ctypes.c_void_p) for codes in (*kept, *(answer[n, ...] for answer in answers))))
        return answers


def answer(parts, *inputs):
    """The first output of a model of one operator, as a list: what the compiled C answers to int8 `inputs`."""
    native = Native(compile_model(several_operators(parts), "model"))
    return native.run([np.array(each, np.int8)[np.newaxis] for each in inputs])[0][0].tolist()


@functools.cache
def zig():
    """The C compiler, as a command."""
    return (sys.executable, "-m", "ziglang", "cc")


def build_library(name: str, files: dict[str, bytes], folder: Path, flavour: str, sanitize: bool = True) -> Path:
    """A shared library; undefined behaviour ends the process."""
    for file, text in files.items():
        (folder / file).write_bytes(text)
    # not optimized, which takes a third of the time to build; the tests on cores build as a product is built
    flags = ["-std=c11", "-O0", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    flags += ["-DEF_EMULATE_DSP"] if flavour == "dsp" else []
    flags += ["-fsanitize=undefined", "-fsanitize-trap=undefined"] if sanitize else ["-fno-sanitize=all"]
    library = folder / "model.so"
    ended = subprocess.run([*zig(), *flags, "-o", library, folder / f"{name}.c"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return library


def assert_equals_tflm(model, *inputs):
    """The compiled C, in its portable form, gives TFLM's outputs for `inputs`, (n, *shape) each."""
    expected, actual = run_tflm(model, inputs), Native(compile_model(model, "m")).run(inputs)
    note(model, len(inputs[0]), sum(int((e.reshape(a.shape) != a).sum()) for e, a in zip(expected, actual, strict=True)))

    assert [each.tolist() for each in expected] == [each.tolist() for each in actual]


def differing_bytes(model, samples=24, seed=0, parity=Parity.TFLM, flavours=FLAVOURS):
    """How many output bytes of the compiled C differ from TFLM's over `samples` random inputs, in each flavour; and that they vary.

    Returns: (differing bytes over all flavours, distinct outputs of TFLM).
    """
    compiled = compile_model(model, "model", parity)
    generator = np.random.default_rng(seed)
    inputs = [random_codes(generator, compiled.program.graph.tensors[index], samples) for index in compiled.program.graph.inputs]
    expected = run_tflm(model, inputs)
    differing = 0
    for flavour in flavours:
        actual = Native(compiled, flavour).run(inputs)
        differing += sum(int((a.view(np.uint8) != e.reshape(a.shape).view(np.uint8)).sum()) for a, e in zip(actual, expected, strict=True))
    if parity is Parity.TFLM:
        note(model, samples * len(flavours), differing)
    return differing, len(np.unique(expected[0].reshape(samples, -1), axis=0))
