"""`emberflow compile`: one .tflite to a folder with its firmware, proven on the emulated core. Calls, prints and writes; knows no kernel."""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from emberflow.adapters.proof import Claim
from emberflow.adapters.toolchain import Compiler
from emberflow.cli.chip import COMPILERS, REFERENCES, chosen_target, reference_outputs, refuse_what_is_too_large, try_to_prove, try_to_test
from emberflow.cli.chip_table import show_figures
from emberflow.compiler import Compiled, Parity, Storage, compile_model
from emberflow.errors import GraphError, ProjectError
from emberflow.evaluate.litert import read_all_borders
from emberflow.export import Making, contents, describe, describe_product, program_of, refuse_other_contents, write_export
from emberflow.firmware.codes_folder import CodesProduct
from emberflow.firmware.folder import Build, Product
from emberflow.on_chip import OnChip
from emberflow.samples import Samples, random_samples, read_samples
from emberflow.values import Arrays


@dataclass(frozen=True)
class Order:
    """What the user asked for, in the words of the command line."""

    model: Path
    target: str
    out: Path
    name: str | None
    samples: Path | None
    making: Making


def making_of(parity: str, weights: str, compiler: str) -> Making:
    """How this Emberflow is to make it, in the words of the command line."""
    return Making(emberflow=version("emberflow"), parity=Parity(parity), weights=Storage(weights), compiler=compiler)


def compile_file(order: Order) -> int:
    """Compile, prove, print and write.

    Returns: 0 when the firmware is proven; 1 when it was written, but is not.
    Raises: ProjectError: an argument is wrong. CompileError: an operator without a kernel. DoesNotFit: as it says; nothing is written then.
    """
    console, target = Console(), chosen_target(order.target)
    refuse_other_contents(order.out)
    model = _read_model(order.model)
    with _working(console):
        compiled = _compile(order, model)
        samples = _choose_samples(order, model)
        expected = reference_outputs(model, samples, order.making.parity)
        build = Build(compiled.files, None, COMPILERS[Compiler(order.making.compiler)], REFERENCES[order.making.parity])
        product = describe_product(compiled.name, model, samples, expected, target, build)
        product, doubt = _prove(product, samples, expected, order.making)
    if on_chip := product.build.on_chip:
        show_figures(on_chip, compiled.program, target, console)
        refuse_what_is_too_large(on_chip.linked.missing_bytes, target)
    files = contents(product, samples, expected)
    write_export(order.out, describe(product, samples, order.making, files), files)
    return _tell_outcome(order, samples, doubt, console)


def _prove(product: Product | CodesProduct, samples: Samples, expected: Arrays, making: Making) -> tuple[Product | CodesProduct, str]:
    """The product with what was measured of it, and why it is not proven or fails its own test; "" when neither is so."""
    claim = Claim(product.model, product.name, product.build.sources, program_of(product).sources)
    on_chip, doubt = try_to_prove(claim, samples.codes, expected, product.target, making)
    if on_chip is None:
        return product, doubt
    on_chip, failure = try_to_test(on_chip, program_of(_measured(product, on_chip)), product.target, making)
    return _measured(product, on_chip), doubt or failure


def _measured(product: Product | CodesProduct, on_chip: OnChip) -> Product | CodesProduct:
    return replace(product, build=replace(product.build, on_chip=on_chip))


def _working(console: Console) -> AbstractContextManager[object]:
    return console.status("compiling, building, running on the emulated core") if console.is_terminal else nullcontext()


def _read_model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"received '{path}' as the model, which can't be read ({error.strerror}); expected a .tflite file") from error


def _compile(order: Order, model: bytes) -> Compiled:
    try:
        read_all_borders(model)
        return compile_model(model, order.name or order.model.stem, order.making.parity, order.making.weights)
    except GraphError as error:
        raise ProjectError(f"'{order.model}': {error}") from error


def _choose_samples(order: Order, model: bytes) -> Samples:
    inputs, _ = read_all_borders(model)
    return random_samples(inputs) if order.samples is None else read_samples(order.samples, inputs)


def _tell_outcome(order: Order, samples: Samples, doubt: str, console: Console) -> int:
    reference = REFERENCES[order.making.parity]
    if not doubt:
        advice = "" if samples.are_real else "; real ones, with --samples, prove more"
        console.print(f"\n[green]equal[/green] to {reference} in every byte, on {samples.origin}{advice}", highlight=False, soft_wrap=True)
    console.print(f"written to {order.out}; firmware/README.md in it says how it gets onto a board", highlight=False, soft_wrap=True)
    if doubt:
        sys.stderr.write(f"\nemberflow: the sources are written, but not proven: {doubt}\n")
    return 1 if doubt else 0
