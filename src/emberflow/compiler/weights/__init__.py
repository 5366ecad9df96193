"""Rows of weights as they lie in flash: as they are, or packed for a kernel to decode. Knows bytes; refuses to know layers and C."""

from emberflow.compiler.weights.codec import pack, unpack
from emberflow.compiler.weights.packed import Encoding, Packed, Packing, Storage
from emberflow.compiler.weights.store import store_rows

__all__ = ["Encoding", "Packed", "Packing", "Storage", "pack", "store_rows", "unpack"]
