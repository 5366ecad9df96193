"""Keras to .tflite in each number format. Knows the converter; refuses to know how the model came about."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.compress import load_any
from emberflow.compress.rewrite import lift_to_2d
from emberflow.errors import ConversionError
from emberflow.keras_bridge import Model, keras
from emberflow.recipe import Format
from emberflow.values import FloatArray


def convert(model_path: Path, number_format: Format, calibration: FloatArray, out: Path) -> None:
    """Write the Keras model at `model_path` to `out` as .tflite with a batch of 1 and a signature.

    Args:
        calibration: samples (n, *input_shape) float32, standardized, whose ranges full-integer formats are quantized to.
    Raises: ConversionError: the converter refused the model, in its words; or the calibration set is empty.
    """
    out.write_bytes(to_tflite(lift_to_2d(load_any(model_path)), number_format, calibration))


def to_tflite(model: Model, number_format: Format, calibration: FloatArray) -> bytes:
    """`model` as the bytes of a .tflite; arguments and errors as `convert`."""
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow.lite.python.convert_phase import ConverterError  # noqa: PLC0415 - derives from Exception alone

    if number_format.is_full_integer and not len(calibration):
        raise ConversionError(
            f"{number_format} needs a calibration set and received an empty one; give some samples, or choose float32, float16 or dynamic"
        )
    converter = tf.lite.TFLiteConverter.from_keras_model(with_batch_of_one(model, np.shape(calibration)[1:]))
    SETTINGS[number_format](tf, converter)
    if number_format.is_full_integer:
        converter.representative_dataset = lambda: _samples(calibration)
    with _QuietNativeCode():
        try:
            return bytes(converter.convert())
        except (ConverterError, ValueError, RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())[:500]
            raise ConversionError(f"the converter refused '{model.name}' as {number_format}: {reason}") from error


def with_batch_of_one(model: Model, sample_shape: tuple[int, ...]) -> Model:
    """`model` behind an input of batch 1, which is what a device computes and what lets shapes be constants.

    Where the model leaves a dimension open, such as the steps of a signal, it becomes that of `sample_shape`, the data's.
    """
    source = model.inputs[0]
    shape = tuple(source.shape[1:])
    one = keras().Input(sample_shape if None in shape else shape, batch_size=1, name=source.name.split(":")[0], dtype=source.dtype)
    return keras().Model(one, model(one, training=False), name=model.name)


def _samples(calibration: FloatArray) -> Iterator[list[FloatArray]]:
    for sample in calibration:
        yield [np.asarray(sample[None], np.float32)]


def _float32(tf: Any, converter: Any) -> None:
    converter.optimizations = []


def _float16(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _dynamic(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _eight_bit(name: str) -> Callable[[Any, Any], None]:
    def set_up(tf: Any, converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, name)

    return set_up


def _int16x8(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int16


SETTINGS: dict[Format, Callable[[Any, Any], None]] = {
    Format.FLOAT32: _float32,
    Format.FLOAT16: _float16,
    Format.DYNAMIC: _dynamic,
    Format.INT8: _eight_bit("int8"),
    Format.UINT8: _eight_bit("uint8"),
    Format.INT16X8: _int16x8,
}


class _QuietNativeCode:
    """Keeps what native code prints on file descriptor 2 out of the log while the converter runs."""

    def __enter__(self) -> None:
        self._kept = os.dup(2)
        self._file = tempfile.TemporaryFile()
        os.dup2(self._file.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)
        self._file.close()
