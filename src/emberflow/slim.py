"""A .tflite as the converter wrote it, without what no runtime reads. Knows the schema; refuses to touch a number or what others go by."""

from typing import Any

import flatbuffers
import numpy as np

from emberflow.graph.layers import shorten_names
from emberflow.values import AnyArray

_ALIGNMENT = 16  # schema.fbs: Buffer.data, force_align; the converter writes it or not


def slim(data: bytes) -> bytes:
    """The model `data` with short names of tensors, and equal zero points once; names of inputs, outputs and states stay, and so does all else.

    Args: data: from TensorFlow's converter, so that TensorFlow's own schema knows every field in it.
    Returns: an equal model, each buffer at a multiple of 16 bytes. The same bytes where that would be larger, for want of long names, or where
        weights stand behind the FlatBuffer, as in models over 2 GiB.
    """
    from tensorflow.lite.python import schema_py_generated as schema  # noqa: PLC0415 - imports TensorFlow

    model = schema.ModelT.InitFromPackedBuf(data)
    if any(buffer.offset > 1 for buffer in model.buffers):  # 1 is the schema's placeholder
        return data
    for subgraph in model.subgraphs:
        _rename(subgraph)
    builder = _Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return min(bytes(builder.Output()), data, key=len)


def _rename(subgraph: Any) -> None:
    tensors = subgraph.tensors or ()
    results = {place for operator in subgraph.operators or () for place in _places(operator.outputs)}
    kept = {*_places(subgraph.inputs), *_places(subgraph.outputs), *(place for place, tensor in enumerate(tensors) if tensor.isVariable)}
    names = [(tensor.name or b"").decode("utf-8", "replace") for tensor in tensors]
    for tensor, name in zip(tensors, shorten_names(names, results, kept), strict=True):
        tensor.name = name


def _places(vector: AnyArray | None) -> list[int]:
    return [] if vector is None else vector.tolist()


class _Builder(flatbuffers.Builder):  # type: ignore[misc]  # the package has no types
    """Gives bytes the alignment of weights, which the generated code doesn't ask for, and writes equal zero points once.

    These are eight bytes a channel, nearly always zeros, and there are two lists of them a layer: as much as the weights of a depthwise convolution.
    FlatBuffers lets tables refer to one vector, and no reader can tell.
    """

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._zero_points: dict[bytes, Any] = {}

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803 - the package's words
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)

    def CreateNumpyVector(self, x: AnyArray) -> Any:  # noqa: N802 - as above
        if x.dtype != np.int64:  # these are zero points, and a few options of operators
            return super().CreateNumpyVector(x)
        if (key := x.tobytes()) not in self._zero_points:
            self._zero_points[key] = super().CreateNumpyVector(x)
        return self._zero_points[key]
