"""Operators of one input that treat each element by itself, as a table of 256 bytes, or as less where that does."""

import numpy as np

from emberflow.artifact import digest
from emberflow.compiler.program import Call, Constant, Copy, Step
from emberflow.compiler.site import Site
from emberflow.compiler.tables import EIGHT_BITS
from emberflow.evaluate.codes import CODES, all_codes
from emberflow.values import AnyArray


def lower_table(site: Site) -> tuple[Step, ...]:
    """ABS, ELU, HARD_SWISH, LEAKY_RELU, LOGISTIC, QUANTIZE of codes, RELU, RELU6, RSQRT, TANH, as TFLM computes them, with either parity.

    Where TFLM refuses codes that are not constant (RSQRT below zero), the program answers as to the lowest code that TFLM takes.
    Raises: UnsupportedOperator: types other than int8 and uint8, shapes that differ, or TFLM doesn't run the operator.
    """
    source, output = site.tensor(0), site.output
    for tensor in (source, output):
        site.expect_dtype(tensor, *EIGHT_BITS)
        site.scale(tensor)
    site.expect(source.shape == output.shape, f"it leads from shape {source.shape} to {output.shape}; expected the same; convert the model again")
    answers = site.tables[site.operator.index]
    site.expect(not answers.reason, answers.reason)
    as_bytes = answers.table.view(np.uint8)
    by_byte = as_bytes[np.argsort(all_codes(source.dtype).reshape(-1).view(np.uint8))]
    return _steps(site, by_byte)


def _steps(site: Site, table: AnyArray) -> tuple[Step, ...]:
    """table: the output's byte for each input byte from 0 to 255."""
    source, output = site.tensor(0), site.output
    codes = np.arange(CODES, dtype=np.uint8)
    if np.array_equal(table, codes) and source.data is None:
        return (Copy(site.operator, source.index, output.index, 0, 0, output.size_bytes),)
    in_place = ((output.index, source.index),)
    if np.array_equal(table, codes ^ 0x80):
        return (Call(site.operator, "table", "ef_flip", (site.read(0), site.write(), source.elements), in_place),)
    constant = Constant(f"table_{digest(table.tobytes())[:12]}", table.view(np.int8))  # equal tables have one name, and stand once
    return (Call(site.operator, "table", "ef_look_up", (constant, site.read(0), site.write(), source.elements), in_place),)
