"""From a planned program to C11 text. Knows C and the shape of the three files; refuses to know what kernels compute.

<name>.h           what a caller includes: sizes, scales, `<name>_infer`
<name>.c           constants, parameters, and the calls in order
<name>_kernels.h   the kernels that are called, as static functions; included by <name>.c alone
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from emberflow.compiler.plan import Plan, find_roots
from emberflow.compiler.program import Argument, Constant, Field, Program, Read, Scratch, Struct, Write
from emberflow.errors import CompileError
from emberflow.firmware.literals import border_words, float_literal, number_rows
from emberflow.graph import Tensor

C_TYPES = {
    "bool": "uint8_t",
    "float32": "float",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
}
_INCLUDE = re.compile(r'^#include "(\w+)\.h"\n', re.MULTILINE)
_PER_ROW = 32


@dataclass(frozen=True, eq=False)
class Writer:
    """A program on its way to text.

    name: begins every public name.
    origin: where the model came from, for the comment on top.
    """

    name: str
    program: Program
    plan: Plan
    origin: str

    def files(self) -> dict[str, bytes]:
        """The three files by name. Raises: CompileError: a border of a type that C doesn't have here."""
        return {
            f"{self.name}.h": self._header().encode(),
            f"{self.name}.c": self._source().encode(),
            f"{self.name}_kernels.h": kernel_text(call.kernel for call in self.program.calls).encode(),
        }

    def _header(self) -> str:
        upper = self.name.upper()
        lines = [
            f"/* {self.name}: {self.origin}.",
            " *",
            f" * Call {self.name}_infer with the input's codes; the output's codes are where it says. Nothing needs to be set up, nothing is",
            f" * kept from one call to the next. Input and output may be buffers of the caller's, or {self.name}_input() and",
            f" * {self.name}_output(), which lie in the arena and cost no memory besides. One call at a time: the arena is one.",
            " *",
            " * real = scale * (code - zero_point)",
            " */",
            f"#ifndef {upper}_H",
            f"#define {upper}_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define {upper}_ARENA_BYTES {self.plan.arena_bytes}",
            *self._border_lines(),
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            f"extern uint8_t {self.name}_arena[{upper}_ARENA_BYTES];",
            "",
            *self._place_lines(),
            f"{self._signature()};",
            "",
            "#ifdef EF_TRACE",
            "/* Called with each tensor, by its index in the .tflite, when it has been computed. */",
            "void ef_trace(int32_t tensor, const void *data, uint32_t bytes);",
            "#endif",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
        ]
        return "\n".join(lines) + "\n"

    def _borders(self) -> Iterator[tuple[str, Tensor]]:
        graph = self.program.graph
        for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
            for word, index in zip(border_words(role, len(indices)), indices, strict=True):
                yield word, graph.tensors[index]

    def _border_lines(self) -> Iterator[str]:
        for role, tensor in self._borders():
            word = f"{self.name}_{role}".upper()
            yield f"/* {role}: {tensor.dtype} {tensor.shape} */"
            yield f"#define {word}_ELEMENTS {tensor.elements}"
            yield f"#define {word}_BYTES {tensor.size_bytes}"
            if tensor.quantization:
                yield f"#define {word}_SCALE {float_literal(float(tensor.quantization.scales[0]))}"
                yield f"#define {word}_ZERO_POINT ({int(tensor.quantization.zero_points[0])})"

    def _place_lines(self) -> Iterator[str]:
        for role, tensor in self._borders():
            c_type = c_type_of(tensor)
            yield f"static inline {c_type} *{self.name}_{role}(void) {{ return ({c_type} *)({self._arena(self.plan.offsets[tensor.index])}); }}"
        yield ""

    def _signature(self) -> str:
        parameters = [f"{'const ' if role.startswith('input') else ''}{c_type_of(tensor)} *{role}" for role, tensor in self._borders()]
        return f"void {self.name}_infer({', '.join(parameters)})"

    def _source(self) -> str:
        lines = [
            f"/* {self.name}: {self.origin}. */",
            f'#include "{self.name}.h"',
            "",
            f'#include "{self.name}_kernels.h"',
            "",
            "#ifdef EF_TRACE",
            "#define TRACE(tensor, data, bytes) ef_trace(tensor, data, bytes)",
            "#else",
            "#define TRACE(tensor, data, bytes)",
            "#endif",
            "",
            f"_Alignas(16) uint8_t {self.name}_arena[{self.name.upper()}_ARENA_BYTES];",
            "",
            *self._data_lines(),
            f"{self._signature()} {{",
            *self._call_lines(),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _data_lines(self) -> Iterator[str]:
        written: set[str] = set()
        for call in self.program.calls:
            yield f"/* {call.operator} */"
            for constant in call.constants:
                if constant.name not in written:
                    written.add(constant.name)
                    yield array_text(constant)
            yield from (struct_text(argument) for argument in call.arguments if isinstance(argument, Struct))
            yield ""

    def _call_lines(self) -> Iterator[str]:
        read = {self._roots[index][0] for call in self.program.calls for index in (*call.reads, *call.writes) if index in self._roots}
        for role, tensor in self._borders():
            if self._roots[tensor.index][0] not in read:
                yield f"  (void){role}; /* nothing reads it */"
        for position, call in enumerate(self.program.calls):
            arguments = ", ".join(self._argument(argument, position) for argument in call.arguments)
            yield f"  {call.function}({arguments});"
            for index in call.writes:
                yield f"  TRACE({index}, {self._pointer(index)}, {self.program.graph.tensors[index].size_bytes});"

    def _argument(self, argument: Argument, position: int) -> str:
        match argument:
            case Read(index) | Write(index):
                c_type = c_type_of(self.program.graph.tensors[index])
                return f"({'const ' if isinstance(argument, Read) else ''}{c_type} *)({self._pointer(index)})"
            case Scratch():
                return self._arena(self.plan.scratch[position])
            case Struct(name=name):
                return f"&{name}"
            case Constant(name=name):
                return name
        return str(argument)

    def _pointer(self, index: int) -> str:
        """Where a tensor lies: behind a parameter of `infer`, or in the arena."""
        root, offset = self._roots[index]
        if root not in self._parameters:
            return self._arena(self.plan.offsets[root] + offset)
        role, first = self._parameters[root]
        return f"(uint8_t *){role} + {offset - first}" if offset != first else f"(uint8_t *){role}"

    def _arena(self, offset: int) -> str:
        return f"{self.name}_arena + {offset}"

    @cached_property
    def _roots(self) -> Mapping[int, tuple[int, int]]:
        return find_roots(self.program)

    @cached_property
    def _parameters(self) -> Mapping[int, tuple[str, int]]:
        """By the tensor that holds the memory of a border: the parameter that points to it, and to which of its bytes."""
        places = {role: self._roots[tensor.index] for role, tensor in self._borders()}
        return {root: (role, first) for role, (root, first) in places.items()}


def c_type_of(tensor: Tensor) -> str:
    """The C type of a tensor's elements. Raises: CompileError: there is none."""
    if tensor.dtype not in C_TYPES:
        raise CompileError(f"{tensor} is {tensor.dtype}; expected one of {', '.join(C_TYPES)}; cast inside the model")
    return C_TYPES[tensor.dtype]


def array_text(constant: Constant) -> str:
    """The definition of an array in flash."""
    rows = number_rows(constant.values, per_row=_PER_ROW)
    return f"static const _Alignas(4) {C_TYPES[constant.values.dtype.name]} {constant.name}[{constant.values.size}] = {{\n{rows}\n}};"


def struct_text(struct: Struct) -> str:
    """The definition of a kernel's parameters."""
    return f"static const {struct.c_type} {struct.name} = {_fields_text(struct.fields)};"


def _fields_text(fields: Mapping[str, Field]) -> str:
    return "{" + ", ".join(f".{name} = {_field_text(value)}" for name, value in fields.items()) + "}"


def _field_text(value: Field) -> str:
    match value:
        case Constant(name=name):
            return name
        case float():
            return float_literal(value)
        case tuple():
            return "{" + ", ".join(str(each) for each in value) + "}"
        case Mapping():
            return _fields_text(value)
    return str(value)


def kernel_text(kernels: Iterable[str]) -> str:
    """The text of `kernels` and of all that they include, each once, includes first."""
    parts: dict[str, str] = {}
    for kernel in sorted(set(kernels) | {"base"}):
        _collect(kernel, parts)
    head = "/* Kernels of Emberflow that this model calls. Plain C11; needs no library. */\n"
    return head + "\n".join(parts.values())


def _collect(kernel: str, parts: dict[str, str]) -> None:
    if kernel in parts:
        return
    text = _kernel_file(kernel)
    for included in _INCLUDE.findall(text):
        _collect(included, parts)
    parts[kernel] = _INCLUDE.sub("", text)


@cache
def _kernel_file(kernel: str) -> str:
    return (files("emberflow.compiler") / "kernels" / f"{kernel}.h").read_text(encoding="utf-8")
