"""Compiled models on emulated cores: inputs in, the bytes of all outputs out. Judges nothing."""

from dataclasses import dataclass

from emberflow.adapters.emulator import Emulator, Run
from emberflow.adapters.toolchain import Toolchain
from emberflow.firmware.chip.program import INPUTS, OUTPUTS, linker_script, measuring_program

TARGETS = ("stm32g071", "stm32f103", "stm32f405", "stm32h743", "stm32u575")
"""A Cortex-M0+, M3, M4, M7 and M33, each with its own memory map."""


@dataclass(frozen=True)
class Bench:
    """What builds and what runs."""

    toolchain: Toolchain
    emulator: Emulator

    def run(self, compiled, inputs, target):
        """Outputs, sample by sample, of `inputs`, one array (n, *shape) for each of the model's."""
        graph = compiled.program.graph
        program = compiled.files | measuring_program(compiled.name, len(graph.inputs), len(graph.outputs))
        vectors = b"".join(codes[n].tobytes() for n in range(len(inputs[0])) for codes in inputs)
        execution = self.emulator.run(self.toolchain.build(program, target, linker_script(target)), target, Run({INPUTS: vectors}))
        assert execution.exit_status == 0
        return execution.files[OUTPUTS]
