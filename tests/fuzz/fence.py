"""Compiled mutants, many in one program, each run between pages that nobody may touch, and beside TFLM."""

import io
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from emberflow.compiler import Compiled, Parity
from emberflow.compiler import plan as plan_module
from emberflow.compiler.emit import kernel_text
from emberflow.compiler.plan import Block
from emberflow.evaluate.codes_process import ANSWERED, apart
from tests.compiler.harness import random_codes, zig
from tests.fuzz.mutants import Mutant

GOOD = ("equal", "TFLM has no answer", "LiteRT has no answer", "no claim")
"""What `examine` may say of a program of ours."""

PAGE_BYTES = 4096
MOST_TENSOR_BYTES = 1 << 18
MOST_TEXT_BYTES = 300_000
LIMIT_S = 20
SAMPLES = 4
_WARNINGS = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-D_GNU_SOURCE")
_TRAPS = (*zig(), "-fsanitize=undefined", "-fsanitize-trap=undefined")
FLAVOURS = {
    "plain": _TRAPS,
    "dsp": (*_TRAPS, "-DEF_EMULATE_DSP"),
    "address": ("cc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
}
"""How programs are built. `address` is the machine's own compiler, where there is one: it fences constants too, which zig can't."""


@dataclass(frozen=True, eq=False)
class Runner:
    """A program of several models, called m0, m1 ..."""

    program: Path
    models: tuple[Compiled, ...]

    def run(self, number: int, inputs: tuple[np.ndarray, ...], place: str, fill: int) -> bytes:
        """All outputs, sample by sample. Raises: CalledProcessError: of the fence, or of undefined behaviour. TimeoutExpired."""
        request = b"".join(array.tobytes() for sample in zip(*inputs, strict=True) for array in sample)
        command = [self.program, str(number), place, str(fill), str(len(inputs[0]))]
        return subprocess.run(command, input=request, capture_output=True, check=True, timeout=LIMIT_S).stdout


def place_apart(blocks: Iterable[Block], order: Callable[[Block], tuple[int, ...]]) -> dict[Block, int]:
    """In place of the planner's: blocks on pages of their own, with a page between; every other one ends with its last page."""
    placed, cursor, parity = dict[Block, int](), PAGE_BYTES, count()
    for block in sorted(blocks, key=order):
        size = -(-block.size_bytes // plan_module.ALIGNMENT_BYTES) * plan_module.ALIGNMENT_BYTES
        pages = -(-size // PAGE_BYTES) * PAGE_BYTES
        placed[block] = cursor + (pages - size if next(parity) % 2 else 0)
        cursor += pages + PAGE_BYTES
    return placed


def blocks_of(compiled: Compiled) -> list[tuple[int, int]]:
    """From where and how many bytes of the arena are anything's."""
    tensors, calls = compiled.program.graph.tensors, compiled.program.calls
    of_tensors = {(offset, tensors[index].size_bytes) for index, offset in compiled.plan.offsets.items()}
    of_scratch = {(offset, calls[position].scratch_bytes) for position, offset in compiled.plan.scratch.items()}
    return sorted(of_tensors | of_scratch)


@contextmanager
def planned(is_apart: bool) -> Iterator[None]:
    """Within, plans are those of `place_apart` where asked for."""
    place = plan_module._place
    plan_module._place = place_apart if is_apart else place
    try:
        yield
    finally:
        plan_module._place = place


def has(flavour: str) -> bool:
    """Whether this machine builds and runs it."""
    if flavour != "address":
        return True
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.c").write_text("int main(void) { return 0; }")
        try:
            subprocess.run([*FLAVOURS[flavour], "-o", "empty", "empty.c"], cwd=folder, capture_output=True, check=True)
            subprocess.run([Path(folder) / "empty"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def is_small(compiled: Compiled) -> bool:
    """Whether it is built and run in no time."""
    text = sum(len(each) for each in compiled.files.values())
    return text <= MOST_TEXT_BYTES and all(tensor.size_bytes <= MOST_TENSOR_BYTES for tensor in compiled.program.graph.tensors)


def examine(runner: Runner, index: int, case: Mutant, parity: Parity = Parity.TFLM) -> str:
    """What is wrong with model `index`, made from `case`, or one of GOOD; `parity` says whose bytes it was compiled to give."""
    compiled = runner.models[index]
    inputs = inputs_of(compiled, case.number)
    try:
        answers = [runner.run(index, inputs, place, fill) for place, fill in (("b", 0xA5), ("e", 0x5A))]
    except subprocess.CalledProcessError as error:
        return _ENDS.get(-error.returncode, f"ended with code {error.returncode}")
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT_S} s"
    if answers[0] != answers[1]:
        return "depends on what was in memory"
    if is_undefined_in_tflm(compiled):
        return "no claim"
    name, ask = ("TFLM", ask_tflm) if parity is Parity.TFLM else ("LiteRT", ask_litert)
    expected = ask(case.data, inputs, len(compiled.program.graph.outputs))
    if expected is None:
        return f"{name} has no answer"
    return "equal" if expected == answers[0] else f"differs from {name}"


_ENDS = {signal.SIGSEGV: "reads or writes beyond a buffer (SIGSEGV)", signal.SIGILL: "undefined behaviour (SIGILL)"}


def is_undefined_in_tflm(compiled: Compiled) -> bool:
    """Whether TFLM converts floats beyond int32, where a PC's compiler may do anything (lower/border.py says what ours does)."""
    graph = compiled.program.graph
    quantized = (
        graph.result(operator) for operator in graph.operators if operator.name == "QUANTIZE" and graph.operand(operator, 0).dtype == "float32"
    )
    return any(tensor.quantization is not None and tensor.quantization.scales[0] < _LEAST_SCALE for tensor in quantized)


_LEAST_SCALE = 1e-7  # inputs are some tens; divided by it they come near 2**31


def build(models: Sequence[tuple[Compiled, bool]], folder: Path, flavour: str = "plain") -> Runner:
    """One program of all `models`, m0, m1 ..., each with whether its plan is that of `place_apart`.

    They are one translation unit with one text of the kernels: a compiler's time goes into those.
    """
    kernels = kernel_text(call.kernel for compiled, _ in models for call in compiled.program.calls)
    sources = "".join(_source(compiled) for compiled, _ in models)
    text = kernels + sources + _table(models) + Path(__file__).with_name("fence.c").read_text(encoding="utf-8")
    (folder / "fence.c").write_text(text, encoding="utf-8")
    command = [*FLAVOURS[flavour], *_WARNINGS, "-o", "fence", "fence.c"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[:4000]
    return Runner(folder / "fence", tuple(compiled for compiled, _ in models))


def _source(compiled: Compiled) -> str:
    """Header and source with constants named after the model, without its kernels, and its arena behind a pointer to lie between fences."""
    name = compiled.name
    source, header = (compiled.files[f"{name}.{ending}"].decode() for ending in "ch")
    source = re.sub(r'^#include "m\d+(_kernels)?\.h"\n', "", source, flags=re.MULTILINE)
    constants = set(re.findall(r"^static const [^=]*?(\w+)(?:\[\d+\])? = ", source, flags=re.MULTILINE))
    source = re.sub(r"\b\w+\b", lambda word: f"{name}_{word[0]}" if word[0] in constants else word[0], source)
    array = f"{name}_arena[{name.upper()}_ARENA_BYTES]"
    return (header + source).replace(f"_Alignas(16) uint8_t {array}", f"uint8_t *{name}_arena").replace(array, f"*{name}_arena")


def _table(models: Sequence[tuple[Compiled, bool]]) -> str:
    lines = [
        "#include <stddef.h>",
        "typedef struct { size_t from, bytes; } block;",
        "typedef struct { size_t bytes; int is_input; } border;",
        "typedef struct { void (*infer)(void **); uint8_t **arena; size_t arena_bytes; int border_count; const border *borders;",
        "  int block_count; const block *blocks; } model;",
    ]
    rows = []
    for compiled, is_apart in models:
        name, graph = compiled.name, compiled.program.graph
        borders = [(graph.tensors[i].size_bytes, 1) for i in graph.inputs] + [(graph.tensors[i].size_bytes, 0) for i in graph.outputs]
        blocks = blocks_of(compiled) if is_apart else []
        arguments = ", ".join(f"b[{position}]" for position in range(len(borders)))
        lines += [
            f"static void call_{name}(void **b) {{ {name}_infer({arguments}); }}",
            f"static const border borders_{name}[] = {{{_pairs(borders)}}};",
            f"static const block blocks_{name}[] = {{{_pairs(blocks or [(0, 0)])}}};",
        ]
        rows.append(f"{{call_{name}, &{name}_arena, {compiled.plan.arena_bytes}, {len(borders)}, borders_{name}, {len(blocks)}, blocks_{name}}},")
    return "\n".join([*lines, "static const model models[] = {", *rows, "};", ""])


def _pairs(pairs: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{{{a}, {b}}}" for a, b in pairs)


def inputs_of(compiled: Compiled, seed: int) -> tuple[np.ndarray, ...]:
    """Random inputs, SAMPLES of each."""
    generator = np.random.default_rng(seed)
    tensors = compiled.program.graph.tensors
    return tuple(random_input(generator, tensors[index]) for index in compiled.program.graph.inputs)


def random_input(generator: np.random.Generator, tensor) -> np.ndarray:
    """SAMPLES inputs for any type that C has."""
    if tensor.dtype == "bool":
        return generator.integers(0, 2, (SAMPLES, *tensor.shape)).astype(np.bool_)
    return random_codes(generator, tensor, SAMPLES)


def ask_tflm(model: bytes, inputs: tuple[np.ndarray, ...], outputs: int) -> bytes | None:
    """TFLM's outputs as `Runner.run` gives them, or None where it refuses or crashes; in a fork."""
    from tflite_micro import runtime  # noqa: F401  once, before the forks

    return _apart(lambda: _tflm(model, inputs, outputs))


def ask_litert(model: bytes, inputs: tuple[np.ndarray, ...], outputs: int) -> bytes | None:
    """As `ask_tflm`, of LiteRT's reference kernels."""
    from ai_edge_litert import interpreter  # noqa: F401  once, before the forks

    del outputs
    return _apart(lambda: _litert(model, inputs))


def _apart(ask: Callable[[], bytes]) -> bytes | None:
    answer, status, _ = apart(lambda: {"outputs": np.frombuffer(ask(), np.uint8)})
    return np.load(io.BytesIO(answer))["outputs"].tobytes() if status == ANSWERED else None


def _tflm(model: bytes, inputs: tuple[np.ndarray, ...], outputs: int) -> bytes:
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=16 << 20)
    answers = []
    for sample in zip(*inputs, strict=True):
        for position, codes in enumerate(sample):
            interpreter.set_input(codes, position)
        interpreter.invoke()
        answers += [interpreter.get_output(position).tobytes() for position in range(outputs)]
    return b"".join(answers)


def _litert(model: bytes, inputs: tuple[np.ndarray, ...]) -> bytes:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    answers = []
    for sample in zip(*inputs, strict=True):
        for details, codes in zip(interpreter.get_input_details(), sample, strict=True):
            interpreter.set_tensor(details["index"], codes)
        interpreter.invoke()
        answers += [interpreter.get_tensor(details["index"]).tobytes() for details in interpreter.get_output_details()]
    return b"".join(answers)
