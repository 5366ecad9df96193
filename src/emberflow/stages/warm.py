"""The stage that does nothing but import what training stages need, so that a worker that waits has it ready."""

from emberflow.keras_bridge import keras
from emberflow.values import Report


def warm(report: Report) -> None:
    """Import TensorFlow, Keras and TFMOT."""
    import tensorflow_model_optimization  # noqa: F401, PLC0415

    report(keras().__name__)
