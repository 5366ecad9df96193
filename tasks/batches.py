"""Training in smaller batches where memory ran out: a way on that costs time, not the run. Knows the error; no stage."""

from collections.abc import Callable
from typing import TypeVar

from emberflow.errors import ModelError, OutOfMemory
from emberflow.stages.classroom import Classroom

_SMALLEST = 8
_T = TypeVar("_T")


def in_batches_that_fit(room: Classroom, work: Callable[[Classroom], _T], tell: Callable[[str], None]) -> tuple[_T, tuple[str, ...]]:
    """What `work` gives, tried again with half the batch as often as memory runs out; and a note for who reads the result, if it did.

    Raises: ModelError: eight samples at once are too much. And what `work` raises.
    """
    wanted = room.batch_size
    while True:
        try:
            made = work(room)
        except OutOfMemory as error:
            if room.batch_size <= _SMALLEST:
                raise ModelError(
                    f"{error}; it was training with {room.batch_size} samples at once, of the {wanted} that the project asks for: end what else runs"
                    " on this machine, take a smaller model or shorter samples, or more memory"
                ) from error
            room = room.model_copy(update={"batch_size": max(_SMALLEST, room.batch_size // 2)})
            tell(f"out of memory; again with batches of {room.batch_size}")
        else:
            return made, () if room.batch_size == wanted else (
                f"trained in batches of {room.batch_size}: memory did not hold {wanted} samples at once",
            )
