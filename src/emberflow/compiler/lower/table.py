"""Operators of one input that treat each element by itself, as a table of 256 bytes, or as less where that does."""

import numpy as np

from emberflow.artifact import digest
from emberflow.compiler.chain import EIGHT_BITS
from emberflow.compiler.program import Call, Constant, Copy, Read, Step
from emberflow.compiler.site import Site
from emberflow.evaluate.codes import CODES, all_codes
from emberflow.graph import Tensor
from emberflow.values import AnyArray


def lower_table(site: Site) -> tuple[Step, ...]:
    """ABS, ELU, HARD_SWISH, LEAKY_RELU, LOGISTIC, QUANTIZE of codes, RELU, RELU6, RSQRT, TANH, as the reference computes them.

    Or all of a chain that goes by way of floats, where its QUANTIZE stands. Where the reference refuses codes (RSQRT below zero), the program
    answers as to the lowest code that it takes.
    Raises: UnsupportedOperator: types other than int8 and uint8, shapes that differ, or the reference doesn't run the operator.
    """
    known = site.tables.get(site.operator.index)
    source, output = known.chain.source if known else site.tensor(0), site.output
    for tensor in (source, output):
        site.expect_dtype(tensor, *EIGHT_BITS)
        site.scale(tensor)
    site.expect(source.shape == output.shape, f"it leads from shape {source.shape} to {output.shape}; expected the same; convert the model again")
    answers = site.tables[site.operator.index].answers
    site.expect(not answers.reason, answers.reason)
    as_bytes = answers.table.view(np.uint8)
    return _steps(site, source, as_bytes[np.argsort(all_codes(source.dtype).reshape(-1).view(np.uint8))])


def _steps(site: Site, source: Tensor, table: AnyArray) -> tuple[Step, ...]:
    """table: the output's byte for each input byte from 0 to 255."""
    output, codes = site.output, np.arange(CODES, dtype=np.uint8)
    if np.array_equal(table, codes) and source.data is None:
        return (Copy(site.operator, source.index, output.index, 0, 0, output.size_bytes),)
    place = Read(source.index) if source.data is None else site.constant("operand", source.data)
    in_place = ((output.index, source.index),)
    if np.array_equal(table, codes ^ 0x80):
        return (Call(site.operator, "table", "ef_flip", (place, site.write(), source.elements), in_place),)
    constant = Constant(f"table_{digest(table.tobytes())[:12]}", table.view(np.int8))  # equal tables have one name, and stand once
    return (Call(site.operator, "table", "ef_look_up", (constant, place, site.write(), source.elements), in_place),)
