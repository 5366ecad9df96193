"""What a compiled model is before it is text: kernel calls, the arrays they read from flash, and which tensors share memory. Values only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from emberflow.compiler.weights import Packing
from emberflow.graph import Graph, Operator
from emberflow.values import AnyArray


@dataclass(frozen=True, eq=False)
class Constant:
    """An array in flash.

    name: unique in the program; begins with the layer it belongs to, such as `conv_2d_3_weights`, or with `table_` where several share it.
    values: one-dimensional; int8, uint8, int16, int32, uint32 or float32. Starts at a multiple of 4 bytes.
    """

    name: str
    values: AnyArray


@dataclass(frozen=True, eq=False)
class Struct:
    """Parameters of one kernel call: a `static const` struct of type `c_type`, its fields by their names in C; text is a name in C."""

    name: str
    c_type: str
    fields: "Mapping[str, Field]"


@dataclass(frozen=True)
class Read:
    """Where tensor `index` lies; the kernel reads it."""

    index: int


@dataclass(frozen=True)
class Write:
    """Where tensor `index` lies; the kernel writes all of it."""

    index: int


@dataclass(frozen=True)
class Scratch:
    """Memory that one call alone needs, of `size_bytes`, at a multiple of 8; nothing in it is kept."""

    size_bytes: int


Field = int | float | str | Constant | tuple[int, ...] | Mapping[str, "Field"]
Argument = Struct | Constant | Read | Write | Scratch | int


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a kernel: `function(arguments...);`.

    kernel: file under `kernels/` that defines `function`, without its ending.
    in_place: pairs (written, read) of tensors that may start at the same address, because the kernel has read whatever it overwrites.
    packing: how its weights lie in flash, if it has any.
    """

    operator: Operator
    kernel: str
    function: str
    arguments: tuple[Argument, ...]
    in_place: tuple[tuple[int, int], ...] = ()
    packing: Packing | None = None

    @property
    def reads(self) -> tuple[int, ...]:
        """Tensors that it reads."""
        return tuple(argument.index for argument in self.arguments if isinstance(argument, Read))

    @property
    def writes(self) -> tuple[int, ...]:
        """Tensors that it writes."""
        return tuple(argument.index for argument in self.arguments if isinstance(argument, Write))

    @property
    def scratch_bytes(self) -> int:
        """Memory that it needs besides, in bytes."""
        return sum(argument.size_bytes for argument in self.arguments if isinstance(argument, Scratch))

    @property
    def constants(self) -> Iterator[Constant]:
        """Every array it reads from flash."""
        for argument in self.arguments:
            if isinstance(argument, Constant):
                yield argument
            elif isinstance(argument, Struct):
                yield from _constants(argument.fields)


def _constants(fields: Mapping[str, Field]) -> Iterator[Constant]:
    for value in fields.values():
        if isinstance(value, Constant):
            yield value
        elif isinstance(value, Mapping):
            yield from _constants(value)


@dataclass(frozen=True)
class Alias:
    """Tensor `index` is tensor `whole` seen in another shape, from `offset_bytes` on: no code, no memory."""

    index: int
    whole: int
    offset_bytes: int = 0


@dataclass(frozen=True)
class Copy:
    """`size_bytes` of tensor `source`, from byte `source_offset` on, are those of `target` from `target_offset` on.

    Nothing else writes those bytes of the target, so the two may share memory where nothing speaks against it: `sharing` decides, and
    makes it an Alias or a Call.
    """

    operator: Operator
    source: int
    target: int
    source_offset: int
    target_offset: int
    size_bytes: int


Step = Call | Alias | Copy


@dataclass(frozen=True, eq=False)
class Program:
    """All steps of a model, in the order in which they run; without a Copy once `sharing` has settled them."""

    graph: Graph
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def calls(self) -> tuple[Call, ...]:
        """The steps that are code."""
        return tuple(step for step in self.steps if isinstance(step, Call))

    @property
    def packings(self) -> tuple[Packing, ...]:
        """How the weights of each layer that has some lie in flash."""
        return tuple(call.packing for call in self.calls if call.packing)

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """The steps that only name memory anew."""
        return tuple(step for step in self.steps if isinstance(step, Alias))
