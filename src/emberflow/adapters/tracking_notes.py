"""Descriptions of runs, in Markdown, and words for tags: the verdict, what to try, what TFLM says. Knows words; refuses to know MLflow."""

from collections.abc import Iterable, Iterator

from emberflow import table
from emberflow.measure import Measure
from emberflow.on_chip import Parity
from emberflow.recipe import Recipe
from emberflow.record import Record
from emberflow.units import show_bytes, show_time
from emberflow.variant import Evaluation, Reason, Variant

LIMIT = 8000  # characters; MLflow cuts what is longer


def clip(text: str) -> str:
    """`text`, or as much of it as a tag holds, with dots where it was cut."""
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 4]} ..."


def verdict(variant: Variant) -> str:
    """`fits`, or every reason why not."""
    return clip("; ".join(reason.message for reason in variant.verdict.reasons)) or "fits"


def micro(evaluation: Evaluation) -> str:
    """`runs`, or `refused:` and why: what TensorFlow Lite for Microcontrollers makes of the model."""
    return "runs" if evaluation.micro.runs else clip(f"refused: {evaluation.micro.reason or 'it gave no reason'}")


def skipped(record: Record) -> str:
    """The recipes that were not tried, and why; empty where there are none."""
    return clip("; ".join(f"{', '.join(recipes)}: {reason}" for reason, recipes in table.skipped(record.skipped).items()))


def on_chip(variant: Variant) -> str:
    """`equal to TFLM`, what refutes it, or why nothing is known: what the emulated core made of the variant's firmware."""
    firmware = variant.firmware
    if firmware is None:
        return "not compiled: only int8 and uint8 models for a microcontroller are"
    figures = firmware.on_chip
    if figures is None:
        return clip(f"not run: {firmware.why_not}")
    return "equal to TFLM" if figures.is_proven else clip(figures.complaint or f"nothing is proven: {figures.unproven}")


def self_test(variant: Variant) -> str:
    """Whether the product passed its own test on the emulated core, or that it was not run."""
    test = variant.firmware.on_chip.self_test if variant.firmware and variant.firmware.on_chip else None
    return clip(str(test)) if test else "not run"


def of_variant(variant: Variant, target: str, measure: Measure) -> str:
    """The recipe in words, the verdict with what to try, what the steps left alone, and whether LiteRT and TFLM agree."""
    footprint, size = variant.verdict.footprint, variant.evaluation.size
    zipped, loss = show_bytes(size.compressed_bytes), measure.show_loss(variant.evaluation.drop)
    lines = [
        f"**{variant.recipe}**: {Recipe.parse(variant.recipe).meaning}.",
        "",
        f"**{'Fits' if variant.verdict.fits else 'Does not fit'} {table.escape(target)}**: flash {show_bytes(footprint.flash_bytes)},"
        f" RAM {show_bytes(footprint.ram_bytes)} ({table.escape(footprint.basis)}).",
        f"File {show_bytes(size.file_bytes)}, zipped {zipped}. Loss of {table.escape(measure.name)}: {loss}.",
        *_bullets("Why not, and what to try", map(_advise, variant.verdict.reasons)),
        *_bullets("What could not be checked", variant.verdict.notes),
        *_bullets("Notes", variant.notes),
        *_bullets("On the emulated core", _on_the_core(variant)),
        *_bullets("TensorFlow Lite for Microcontrollers", _on_the_chip(variant.evaluation)),
    ]
    return clip("\n".join(lines))


def of_run(record: Record, compare: str) -> str:
    """Links to the page that compares all variants and to the run in Prefect, then the table with the choice in words."""
    page = record.provenance.prefect_page
    prefect = f" · [The run in Prefect]({page})" if page else ""
    return clip(f"[Compare the variants side by side]({compare}){prefect}\n\n{table.markdown(record)}")


def _on_the_core(variant: Variant) -> Iterator[str]:
    yield on_chip(variant)
    yield f"of the product {self_test(variant)}"
    footprint = variant.verdict.footprint
    if footprint.instructions is not None and footprint.latency_us is not None:
        yield f"{footprint.instructions:,} instructions an inference, {show_time(footprint.latency_us)} at one a cycle (an estimate)"
        yield f"stack {footprint.stack_bytes:,} B"
    if variant.firmware and variant.firmware.saved_bytes:
        yield f"packed weights take {variant.firmware.saved_bytes:,} B less flash than plain ones"


def _on_the_chip(evaluation: Evaluation) -> Iterator[str]:
    yield micro(evaluation)
    yield from map(_compare, evaluation.parity)


def _compare(parity: Parity) -> str:
    differ = f"{parity.differing_bytes:,} of {parity.bytes:,} bytes differ, by {parity.largest_difference:g} at most"
    return f"against LiteRT's {parity.runtime} kernels, {parity.samples:,} samples: {'equal, byte for byte' if parity.equal else differ}"


def _advise(reason: Reason) -> str:
    return f"{reason.message}; {reason.advice}"


def _bullets(heading: str, lines: Iterable[str]) -> Iterator[str]:
    found = [f"- {table.escape(line)}" for line in lines]
    if found:
        yield from ("", f"**{heading}**", "", *found)
