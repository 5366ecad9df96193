"""Floats at the border of a model: QUANTIZE from float32, DEQUANTIZE to it. Everything between is codes."""

from emberflow.compiler.lower.table import lower_table
from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site
from emberflow.graph import Tensor


def lower_quantize(site: Site) -> tuple[Step, ...]:
    """QUANTIZE from float32 to int8; or, as a table, from codes to codes, be it by way of floats.

    What is beyond all codes gets the highest or lowest, as a Cortex-M's own conversion has it; there a PC's TFLM is undefined.
    """
    if site.tensor(0).dtype != "float32" or site.operator.index in site.tables:
        return lower_table(site)
    site.expect_dtype(site.output, "int8")  # of float32 to uint8, TFLM says that it is not supported
    return _call(site, "ef_quantize", site.output)


def lower_dequantize(site: Site) -> tuple[Step, ...]:
    """DEQUANTIZE from int8 or uint8 to float32."""
    source = site.tensor(0)
    site.expect_dtype(source, "int8", "uint8")
    site.expect_dtype(site.output, "float32")
    return _call(site, "ef_dequantize" if source.dtype == "int8" else "ef_dequantize_unsigned", source)


def _call(site: Site, function: str, codes: Tensor) -> tuple[Step, ...]:
    source, output = site.tensor(0), site.output
    site.expect(source.shape == output.shape, f"it leads from shape {source.shape} to {output.shape}; expected the same; convert the model again")
    parameters = site.struct("ef_border", scale=site.scale(codes), zero_point=site.zero_point(codes), length=codes.elements)
    return (Call(site.operator, "border", function, (parameters, site.read(0), site.write())),)
