"""What was compared with TFLM in a session, by operator, and the page that it becomes. Counts and text; runs nothing."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from emberflow.compiler.chain import REAL
from emberflow.compiler.check import INSTEAD
from emberflow.compiler.lower import LOWERINGS
from emberflow.graph import read_graph


@dataclass
class Entry:
    """What was tried of one operator.

    forms: how often it stood in a model. vectors: inputs that were run through it on this machine. on_cores: on each emulated core.
    differing: output bytes, everywhere.
    """

    forms: int = 0
    vectors: int = 0
    on_cores: Counter[str] = field(default_factory=Counter)
    differing: int = 0


LEDGER: defaultdict[str, Entry] = defaultdict(Entry)
"""What was compared in this session, by operator; `pytest tests/compiler --ledger FILE` writes it down."""


SAMPLE = "sample of "
"""Begins the names of borders that `harness.write_samples` adds."""


def is_border(graph, operator):
    """Whether it only puts the batch in front of what is tried."""
    return any(graph.tensors[index].name.startswith(SAMPLE) for index in (*operator.inputs, *operator.outputs))


def note(model, vectors, differing, forms=1):
    """Put into the ledger what was compared; `forms` is 0 for a model that stands there already."""
    graph = read_graph(model)
    for operator in (each for each in graph.operators if each.name in LOWERINGS and not is_border(graph, each)):
        entry = LEDGER[operator.name]
        entry.forms, entry.vectors, entry.differing = entry.forms + forms, entry.vectors + vectors, entry.differing + differing


def ledger_page():
    """The ledger as a page of the reference."""
    lines = [
        "# Operators of the compiler",
        "",
        "What is compiled, and what random models of each operator gave in the test suite beside TensorFlow Lite for Microcontrollers: shapes, strides,",
        "paddings, scales, zero points and fused activations at random, each input run through the portable path and, where kernels have one, through",
        "that for the DSP extension, which counts as a vector of its own; of a table of codes, each code. Then a sample of each, built for an emulated",
        "Cortex-M0+, M3, M4, M7 and M33 and run there. Written by `pytest tests/compiler --ledger docs/reference/operators.md`; tests keep the list of",
        "operators true, and the README's table.",
        "",
        "| operator | models | vectors | vectors on emulated cores | cores | differing bytes |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
        *(_row(name, entry) for name, entry in sorted(LEDGER.items())),
    ]
    return "\n".join(lines) + "\n" + refused_section() + tflm_section()


def refused_section():
    """What the page says of operators that are refused with advice of their own."""
    lines = [
        "",
        "## Refused",
        "",
        "Every operator of one input that TensorFlow Lite for Microcontrollers runs in int8 is above; a test asks it. What is neither above nor here is",
        "refused by name with the list of those that are compiled, and so are forms of compiled operators that have no kernel: other types than int8 (and,",
        "at borders and in CAST, uint8, wider integers and float32), windows over several images, shapes or weights that are computed while the model runs.",
        "",
        "| operator | what is said |",
        "| --- | --- |",
        *(f"| `{name}` | {advice} |" for name, advice in sorted(INSTEAD.items())),
    ]
    return "\n".join(lines) + "\n"


TFLM_REFUSES = {
    "CEIL": "ceil.cc:40 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
    "COS": "elementwise.cc:202 input->type != expected_type (INT8 != FLOAT32)",
    "EXP": "exp.cc:41 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
    "FLOOR": "floor.cc:32 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
    "L2_POOL_2D": "l2_pool_2d.cc:71 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
    "LOG": "elementwise.cc:202 input->type != expected_type (INT8 != FLOAT32)",
    "LOGICAL_NOT": "elementwise.cc:202 input->type != expected_type (INT8 != BOOL)",
    "NEG": "Type INT8 (9) not supported.",
    "ROUND": "round.cc:40 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
    "SIN": "elementwise.cc:202 input->type != expected_type (INT8 != FLOAT32)",
    "SQRT": "elementwise.cc:202 input->type != expected_type (INT8 != FLOAT32)",
    "SQUARE": "elementwise.cc:202 input->type != expected_type (INT8 != FLOAT32)",
}
"""What TFLM says of operators of one input that it has, but not in int8; a test asks it."""

TFLM_LACKS = (
    "BITCAST", "COMPLEX_ABS", "GELU", "IMAG", "MATRIX_DIAG", "RANK", "REAL", "RELU_0_TO_1", "RELU_N1_TO_1", "SIGN", "UNIQUE", "WHERE",
)  # fmt: skip
"""Operators of one input that TFLM has in no type."""


def tflm_section():
    """What the page says of operators of one input that TFLM itself doesn't run in int8."""
    lines = [
        "",
        "## Refused in int8 by TensorFlow Lite for Microcontrollers",
        "",
        "Operators of one input that it has in another type only, and what it says of int8. Between DEQUANTIZE and QUANTIZE, in floats, those marked with",
        '"table" are compiled all the same, as a table of 256 codes without a float on the chip.',
        "",
        "| operator | what TFLM says | in floats |",
        "| --- | --- | --- |",
        *(f"| `{name}` | `{words}` | {'table' if name in REAL else 'refused'} |" for name, words in sorted(TFLM_REFUSES.items())),
        "",
        f"It has no kernel at all for {', '.join(f'`{name}`' for name in TFLM_LACKS)}.",
    ]
    return "\n".join(lines) + "\n"


def _row(name, entry):
    cores = ", ".join(sorted(map(_short, entry.on_cores), key=lambda core: int(core.strip("M+"))))
    return f"| `{name}` | {entry.forms:,} | {entry.vectors:,} | {entry.on_cores.total():,} | {cores} | {entry.differing:,} |"


def _short(core):
    """M0+ for cortex-m0plus, M4 for cortex-m4f."""
    return core.removeprefix("cortex-").removesuffix("f").replace("plus", "+").upper()
