"""Centring and scaling: mean and deviation of a training part, put on and taken off. Arithmetic on arrays; knows nothing of parts and files."""

import numpy as np

from emberflow.values import FloatArray, Value


class Standardization(Value):
    """`(x - mean) / std` along the last axis, computed on the training part alone; the device applies the same in float32."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, x: FloatArray) -> FloatArray:
        """`x` of shape (..., channels), float32, standardized: one subtraction and one division in float32 each, as in the firmware."""
        return np.divide(x - np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32), dtype=np.float32)

    def undo(self, x: FloatArray) -> FloatArray:
        """The raw values of standardized `x`, up to rounding: what an augmentation is given, and what a regression model's outputs mean."""
        return x * np.asarray(self.std, np.float32) + np.asarray(self.mean, np.float32)
