"""A SavedModel in TensorFlow's hands: loaded, packed for the store, and with constant sizes for the converter. Trusts that it was looked at before."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emberflow.errors import ModelError
from emberflow.values import AnyArray

Sizes = tuple[int | None, ...]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell: equal files give equal bytes


def load_signature(folder: Path, name: str) -> tuple[Any, Any]:
    """The loaded SavedModel, which must be kept as long as its function is used, and the signature called `name`.

    Raises: ModelError: TensorFlow can't read the directory, or finds no such signature.
    """
    import tensorflow as tf  # noqa: PLC0415

    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, KeyError, AttributeError, IndexError, RuntimeError, AssertionError, tf.errors.OpError) as error:
        raise ModelError(f"TensorFlow can't load '{folder.name}': {' '.join(str(error).split())[:300]}; save the model again") from error
    if name not in loaded.signatures:
        raise ModelError(f"TensorFlow finds the signatures {', '.join(loaded.signatures) or 'none'} in '{folder.name}'; expected '{name}'")
    return loaded, loaded.signatures[name]


def sizes_of(spec: Any) -> Sizes:
    """The sizes of an input or output of a function; None where they are open. Raises: ModelError: their number is open too."""
    if spec.shape.rank is None:
        raise ModelError(f"the signature leaves open how many dimensions '{spec.name}' has; expected their number: export it with an input shape")
    return tuple(spec.shape.as_list())


def pack(folder: Path, out: Path) -> None:
    """The SavedModel in `folder` as one zip; equal files give equal bytes."""
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH), path.read_bytes())


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """The directory that `pack` packed, gone afterwards."""
    with TemporaryDirectory(prefix="emberflow-") as folder, zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
        yield Path(folder)


@contextmanager
def with_constant_sizes(folder: Path, name: str, samples: Mapping[str, AnyArray]) -> Iterator[Path]:
    """A SavedModel with the signature `name` alone, whose inputs have constant sizes; its name and those of its inputs and outputs stay.

    Args: samples: by the inputs' names, shape (n, ...); sizes that the signature leaves open are taken from them, but for the batch, which is 1.
    Raises: ModelError: as `load_signature`; a size is still open, or the function can't be called with these.
    """
    import tensorflow as tf  # noqa: PLC0415

    holder = tf.Module()
    holder.loaded, function = load_signature(folder, name)
    specs = {
        key: tf.TensorSpec(constant_sizes(key, sizes_of(spec), samples.get(key)), spec.dtype, name=key)
        for key, spec in function.structured_input_signature[1].items()
    }
    try:
        holder.fixed = tf.function(lambda **inputs: function(**inputs)).get_concrete_function(**specs)  # noqa: PLW0108 - the signature itself is no Python function
    except (ValueError, TypeError) as error:
        shapes = ", ".join(f"{key}: {tuple(spec.shape)}" for key, spec in specs.items())
        raise ModelError(f"signature '{name}' can't compute {shapes}: {' '.join(str(error).split())[:300]}") from error
    with TemporaryDirectory(prefix="emberflow-") as place:
        tf.saved_model.save(holder, place, signatures={name: holder.fixed})
        yield Path(place)


def constant_sizes(key: str, sizes: Sizes, samples: AnyArray | None) -> tuple[int, ...]:
    """`sizes` with the open ones filled: the first by 1, the others from `samples`, shape (n, ...).

    Raises: ModelError: one is still open.
    """
    given: Sizes = (1, *samples.shape[1:]) if samples is not None and samples.ndim == len(sizes) else (1, *sizes[1:])
    filled = [given[place] if size is None else size for place, size in enumerate(sizes)]
    known = tuple(size for size in filled if size is not None)
    if len(known) < len(filled):
        shown = ", ".join("any" if size is None else str(size) for size in sizes)
        raise ModelError(
            f"the input '{key}' has open sizes, ({shown}); expected constant ones, which a device needs: give data, whose shape is taken,"
            " or export the model with an input shape"
        )
    return known
