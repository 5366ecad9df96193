"""The base of every value that travels: frozen, unknown keys refused. Knows pydantic and nothing of what is described."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from emberflow.units import parse_bytes, parse_us

Report = Callable[[str], None]
"""Takes a line on how far a stage has come."""

FloatArray = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int8Array = NDArray[np.int8]
Int32Array = NDArray[np.int32]
IntArray = NDArray[np.int64]
AnyArray = NDArray[Any]
Arrays = tuple[AnyArray, ...]
"""One array for each input of a model, or for each output, in the graph's order; the first axis of each is the sample."""


class Value(BaseModel):
    """A small frozen fact."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Bytes = Annotated[int, BeforeValidator(parse_bytes), Field(ge=0, description="bytes, or a size such as '64 KiB'")]
Microseconds = Annotated[float, BeforeValidator(parse_us), Field(gt=0, description="a time such as '10 ms'")]

ENTRY_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"
Entry = Annotated[str, Field(pattern=ENTRY_PATTERN, description="module:function, looked up beside the project file, then among installed packages")]
