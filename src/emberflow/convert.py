"""Keras models and SavedModels to .tflite in each number format. Knows the converter; refuses to know how the model came about."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.compress import load_any
from emberflow.compress.rewrite import lift_to_2d
from emberflow.errors import ConversionError
from emberflow.keras_bridge import Model, keras, one_or_all, own_classes
from emberflow.loaded import constant_sizes, with_constant_sizes
from emberflow.recipe import Format
from emberflow.saved_model import DEFAULT
from emberflow.selective import SELECTIVE, convert_but
from emberflow.slim import slim
from emberflow.trust import OwnClasses
from emberflow.values import AnyArray, FloatArray, Value
from emberflow.wishes import NONE, Wishes


class Conversion(Value):
    """How a model is converted, beside its number format.

    per_channel: whether each output channel of integer weights has a step of its own, or the whole tensor one.
    signature: of a SavedModel, the function that is converted.
    packs_zeros: whether weights that are mostly zero are stored without them, as TensorFlow Lite's sparse tensors.
    wishes: which layers of a Keras model int8 and uint8 leave in float.
    own: where a Keras model's own classes are.
    """

    per_channel: bool = True
    signature: str | None = None
    packs_zeros: bool = False
    wishes: Wishes = NONE
    own: OwnClasses | None = None

    def about(self, number_format: Format) -> "Conversion":
        """What of it decides a conversion to `number_format`: for a cache."""
        counts = number_format is not Format.FLOAT32 and self.wishes.leave_some_in_float
        return self.model_copy(update={"wishes": self.wishes.about_conversion if counts else NONE})


PLAIN = Conversion()


def convert(model_path: Path, number_format: Format, calibration: FloatArray, out: Path, how: Conversion = PLAIN) -> tuple[str, ...]:
    """Write the Keras model at `model_path` to `out` as .tflite with a batch of 1 and a signature.

    Args:
        calibration: samples (n, *input_shape) float32, standardized, whose ranges full-integer formats are quantized to.
    Returns: notes on layers that stay in float.
    Raises: ConversionError: the converter refused the model, in its words; or the calibration set is empty; or a layer can't stay in float.
        ProjectError: the user's classes.
    """
    with own_classes(how.own):
        model = lift_to_2d(load_any(model_path))
        out.write_bytes(to_tflite(model, number_format, calibration, how))
    return tuple(_about_float(number_format, name) for name in sorted(_left(model, how)) if number_format is not Format.FLOAT32)


def _left(model: Model, how: Conversion) -> frozenset[str]:
    return how.wishes.in_float(layer.name for layer in model.layers)


def _about_float(number_format: Format, name: str) -> str:
    if number_format in SELECTIVE:
        return f"{number_format}: left layer '{name}' in float, as the project wants"
    return f"{number_format}: treated layer '{name}' as all others: only {' and '.join(SELECTIVE)} can leave layers in float"


def to_tflite(model: Model, number_format: Format, calibration: FloatArray | Mapping[str, AnyArray], how: Conversion = PLAIN) -> bytes:
    """`model` as the bytes of a .tflite; arguments and errors as `convert`, but that `calibration` may be several arrays by the inputs' names.

    Raises: ModelError: a size is open, and no samples fill it.
    """
    import tensorflow as tf  # noqa: PLC0415

    names = [name_of(source) for source in model.inputs]
    feeds = calibration if isinstance(calibration, Mapping) else dict(zip(names, (calibration,), strict=True))
    count = min((len(feed) for feed in feeds.values()), default=0)
    _refuse_noise(number_format, count)
    converter = tf.lite.TFLiteConverter.from_keras_model(with_batch_of_one(model, feeds))
    if number_format.is_full_integer:
        converter.representative_dataset = lambda: _samples(feeds, count)
    return _run(converter, number_format, how, model.name, _left(model, how))


def signature_to_tflite(folder: Path, number_format: Format, samples: Mapping[str, AnyArray], how: Conversion) -> bytes:
    """The signature `how.signature` of the SavedModel in `folder` as the bytes of a .tflite, under its own name, with its inputs' and outputs'.

    Args: samples: by the inputs' names, shape (n, ...): what full-integer formats are quantized to, and what open sizes are filled from.
    Raises: ConversionError: as `convert`. ModelError: as `with_constant_sizes`.
    """
    import tensorflow as tf  # noqa: PLC0415

    count = min((len(each) for each in samples.values()), default=0)
    _refuse_noise(number_format, count)
    name = how.signature or DEFAULT
    with with_constant_sizes(folder, name, samples) as place:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(place), signature_keys=[name])
        if number_format.is_full_integer:
            converter.representative_dataset = lambda: _samples(samples, count)
        return _run(converter, number_format, how, name)


def _refuse_noise(number_format: Format, samples: int) -> None:
    if number_format.is_full_integer and not samples:
        raise ConversionError(
            f"{number_format} needs a calibration set and received an empty one; give some samples, or choose float32, float16 or dynamic"
        )


def _samples(feeds: Mapping[str, AnyArray], count: int) -> Iterator[dict[str, AnyArray] | list[AnyArray]]:
    """One sample after the other: of several inputs by their names, because the converter has an order of its own."""
    for i in range(count):
        sample = {name: np.asarray(feed[i : i + 1]) for name, feed in feeds.items()}
        yield sample if len(sample) > 1 else list(sample.values())


def _run(converter: Any, number_format: Format, how: Conversion, name: str, left: frozenset[str] = frozenset()) -> bytes:
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow.lite.python.convert_phase import ConverterError  # noqa: PLC0415 - derives from Exception alone

    SETTINGS[number_format](tf, converter)
    if how.packs_zeros:
        converter.optimizations = [*converter.optimizations, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    converter._experimental_disable_per_channel = not how.per_channel
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not how.per_channel
    with QuietNativeCode():
        try:
            data = convert_but(converter, left, number_format) if left and number_format in SELECTIVE else bytes(converter.convert())
        except (ConverterError, ValueError, RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())[:500]
            raise ConversionError(f"the converter refused '{name}' as {number_format}: {reason}") from error
    return slim(data)


def with_batch_of_one(model: Model, feeds: Mapping[str, AnyArray]) -> Model:
    """`model` behind inputs of batch 1, which is what a device computes and what lets shapes be constants.

    Where the model leaves a size open, such as the steps of a signal, it becomes that of `feeds`, samples by the inputs' names.

    Raises: ModelError: a size is open, and there are no samples.
    """
    ones = []
    for source in model.inputs:
        name = name_of(source)
        sizes = constant_sizes(name, (None, *source.shape[1:]), feeds.get(name))
        ones.append(keras().Input(sizes[1:], batch_size=1, name=name, dtype=source.dtype))
    return keras().Model(one_or_all(ones), model(one_or_all(ones), training=False), name=model.name)


def name_of(source: Any) -> str:
    """What an input of a Keras model is called."""
    return str(source.name.split(":")[0])


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


class QuietNativeCode:
    """Keeps what native code prints on file descriptor 2 out of the log while the converter runs."""

    def __enter__(self) -> None:
        self._kept = os.dup(2)
        self._file = tempfile.TemporaryFile()
        os.dup2(self._file.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)
        self._file.close()
