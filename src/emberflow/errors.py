"""Every error that Emberflow raises on purpose, as one tree. Knows words; refuses to know what went wrong elsewhere.

    EmberflowError
    ├── ProjectError            the project file, or something it names, is wrong
    │   ├── RecipeError         a recipe can't be read or can't exist
    │   └── TargetError         no such target, or its description is wrong
    ├── DataError               the data can't be used
    ├── ModelError              the baseline can't be built, read or trained
    ├── UnsupportedLayer        a compression step can't treat a layer
    ├── ConversionError         the converter refused the model
    ├── GraphError              a .tflite can't be read, or holds what can't be
    ├── CompileError            a .tflite can't be compiled to C
    │   └── UnsupportedOperator an operator, or a form of one, has no kernel
    ├── BundleError             a bundle can't be written, or isn't what its manifest says
    ├── ToolchainError          the C compiler refused the sources, or did not end
    │   └── ToolMissing         there is no C compiler
    ├── DoesNotFit              a linked program needs more flash or RAM than the target has
    ├── ImageError              an ELF file can't be read, or is no program for this target
    ├── EmulatorError           the emulated core is missing, or there is none like the target's
    ├── ChipError               a program that runs on the emulated core went wrong
    │   ├── ChipFault           it did what core or memory map forbid
    │   └── InstructionLimit    it did not end in time
    ├── NothingFits             every variant was judged, and none fits
    ├── RegistryError           a version of the registered model is missing, altered, or can't be what is asked
    │   └── Overtaken           another promotion was faster
    ├── StoreError              the artifact store can't give or take a blob
    ├── StageTimeout            a stage was ended at its time limit
    └── PassingError            the same call may succeed later; tasks retry these
        ├── WorkerLost          a worker process died (crash of native code)
        │   └── OutOfMemory     it needed more memory than there was; training is tried again in smaller batches
        ├── PublishError        where bundles are published doesn't answer
        ├── RemoteError         where a team keeps its blobs doesn't answer
        └── TrackingError       MLflow doesn't answer

A message says what was received, what was expected, and what to do next.
"""

import difflib
from collections.abc import Iterable, Mapping


class EmberflowError(Exception):
    """Base of all errors raised on purpose. Takes one argument, the message, so that it survives a process boundary."""

    def __str__(self) -> str:
        """The message; what a terminal would obey or hide, in a name that a stranger chose, is written out."""
        return shown(super().__str__())


class ProjectError(EmberflowError, ValueError):
    """The project file, or something it names, is wrong. A ValueError, so that a validator may raise it and the key is told."""


class RecipeError(ProjectError):
    """A recipe can't be read or can't exist."""


class TargetError(ProjectError):
    """No such target, or its description is wrong."""


class DataError(EmberflowError):
    """The data can't be used."""


class ModelError(EmberflowError):
    """The baseline can't be built, read or trained."""


class UnsupportedLayer(EmberflowError):
    """A compression step can't treat a layer of the model."""


class ConversionError(EmberflowError):
    """The converter refused the model."""


class GraphError(EmberflowError):
    """A .tflite can't be read, or holds what can't be."""


class CompileError(EmberflowError):
    """A .tflite can't be compiled to C."""


class UnsupportedOperator(CompileError):
    """An operator, or a form of one, has no kernel."""


class BundleError(EmberflowError):
    """A bundle can't be written, or isn't what its manifest says."""


class ToolchainError(EmberflowError):
    """The C compiler refused the sources, or did not end."""


class ToolMissing(ToolchainError):
    """There is no C compiler."""


class DoesNotFit(EmberflowError):
    """A linked program needs more flash or RAM than the target has; `missing_bytes` says how much more, by the region's name."""

    def __init__(self, message: str, missing_bytes: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.missing_bytes = dict(missing_bytes or {})


class ImageError(EmberflowError):
    """An ELF file can't be read, or is no program for this target."""


class EmulatorError(EmberflowError):
    """The emulated core is missing, or there is none like the target's."""


class ChipError(EmberflowError):
    """A program that runs on the emulated core went wrong in `function`."""

    def __init__(self, message: str, function: str = "") -> None:
        super().__init__(message)
        self.function = function


class ChipFault(ChipError):
    """It did what core or memory map forbid, at `address`."""

    def __init__(self, message: str, function: str = "", address: int = 0) -> None:
        super().__init__(message, function)
        self.address = address


class InstructionLimit(ChipError):
    """It did not end in time."""


class NothingFits(EmberflowError):
    """Every variant was judged, and none fits."""


class RegistryError(EmberflowError):
    """A version of the registered model is missing, altered, or can't be what is asked."""


class Overtaken(RegistryError):
    """Another promotion was faster."""


class StoreError(EmberflowError):
    """The artifact store can't give or take a blob."""


class StageTimeout(EmberflowError, TimeoutError):
    """A stage was ended at its time limit. The limits are hours: what hangs once hangs again, and is not retried."""


class PassingError(EmberflowError):
    """The same call may succeed later."""


class WorkerLost(PassingError):
    """A worker process died."""


class OutOfMemory(WorkerLost):
    """A stage needed more memory than there was, and its process was given up."""


class PublishError(PassingError):
    """Where bundles are published doesn't answer."""


class RemoteError(PassingError):
    """Where a team keeps its blobs doesn't answer."""


class TrackingError(PassingError):
    """MLflow doesn't answer."""


def shown(text: str) -> str:
    """`text` with every sign that isn't printed as its escape, such as `\\x1b`; ends of lines stay."""
    return "".join(sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode() for sign in text)


def did_you_mean(received: str, known: Iterable[str]) -> str:
    """A hint to append to a message: ` Did you mean 'int8'?`, or nothing when no name in `known` is close."""
    close = difflib.get_close_matches(received, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
