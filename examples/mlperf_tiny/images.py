"""Images: CIFAR-10 batches and the folders of Visual Wake Words, as pixels. Reads files; runs nothing that is in them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from emberflow.dataset import Dataset, Samples, Sampling
from emberflow.errors import DataError

DATA = Path(__file__).parent / "data"
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PERSON = ("non_person", "person")
VALIDATION_OF = 10  # the last tenth of what is for training
PIXELS = Sampling(channels=("red", "green", "blue"), unit="0 to 255")
WAKE_WORDS_A_CLASS = 10_000  # of about 50,000: as float32 all of them take 12 GiB
_SIDE = 96
_RECORD = 1 + 3 * 32 * 32
_HARMLESS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


def cifar10() -> Dataset:
    """The official CIFAR-10, its binary or its Python version, where the README says."""
    binary = DATA / "cifar-10-batches-bin"
    return read_cifar10(binary if binary.is_dir() else DATA / "cifar-10-batches-py")


def read_cifar10(folder: Path) -> Dataset:
    """Batches in `folder` (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009): x of shape (n, 32, 32, 3) uint8.

    Raises: DataError: a batch is missing or cut short, or a pickle holds more than arrays.
    """
    suffix, read = (".bin", _binary_batch) if (folder / "data_batch_1.bin").is_file() else ("", _python_batch)
    batches = [read(folder / f"data_batch_{number}{suffix}") for number in range(1, 6)]
    x, y = (np.concatenate(part) for part in zip(*batches, strict=True))
    cut = len(x) - len(x) // VALIDATION_OF
    return Dataset(
        train=Samples(x[:cut], y[:cut]),
        validation=Samples(x[cut:], y[cut:]),
        test=Samples(*read(folder / f"test_batch{suffix}")),
        labels=CIFAR_10,
        sampling=PIXELS,
    )


def wake_words() -> Dataset:
    """The official 96 x 96 images of Visual Wake Words, where the README says."""
    return read_wake_words(DATA / "vw_coco2014_96")


def read_wake_words(folder: Path, limit: int = WAKE_WORDS_A_CLASS) -> Dataset:
    """The JPEGs in `folder`/person and `folder`/non_person (Chowdhery et al., "Visual Wake Words Dataset", 2019), at most `limit` of each.

    A tenth is for validation and a tenth for the test, by name: the archive has no test part of its own.
    Returns: x of shape (n, 96, 96, 3) uint8. Raises: DataError: a folder is missing or empty, or an image can't be read.
    """
    files = [(path, label) for label, kind in enumerate(PERSON) for path in _images(folder / kind)[:limit]]
    parts: dict[str, list[tuple[Path, int]]] = {"train": [], "validation": [], "test": []}
    for number, file in enumerate(files):
        parts[{8: "validation", 9: "test"}.get(number % 10, "train")].append(file)
    made = {name: Samples(_stack(paths), np.asarray([label for _, label in paths], np.int64)) for name, paths in parts.items()}
    return Dataset(**made, labels=PERSON, sampling=PIXELS)


def _binary_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    raw = np.frombuffer(_bytes(path), np.uint8)
    if not raw.size or raw.size % _RECORD:
        raise DataError(f"'{path}' has {raw.size:,} bytes; expected a multiple of {_RECORD:,}, a label and 32 x 32 x 3 pixels. Copy it again")
    records = raw.reshape(-1, _RECORD)  # (n, 1 + 3072)
    return _in_colour(records[:, 1:]), records[:, 0].astype(np.int64)


def _python_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    with path.open("rb") if path.is_file() else _missing(path) as file:
        try:
            batch = _ArraysOnly(file, encoding="bytes").load()
            pixels, labels = np.asarray(batch[b"data"], np.uint8), np.asarray(batch[b"labels"], np.int64)
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise DataError(f"'{path}' can't be read as a batch of CIFAR-10: {str(error) or 'it ends too early'}; copy it again") from error
    return _in_colour(pixels), labels


class _ArraysOnly(pickle.Unpickler):
    """A pickle can name any function of Python to be called: this one makes arrays and refuses the rest."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"it calls {module}.{name}, and a batch needs nothing but arrays")
        return super().find_class(module, name)


def _in_colour(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # (n, 32, 32, 3): the file has one colour after the other


def _images(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not found:
        raise DataError(f"'{folder}' holds no JPEGs; expected those of Visual Wake Words, in the folders {' and '.join(PERSON)}")
    return found


def _stack(files: list[tuple[Path, int]]) -> NDArray[np.uint8]:
    return np.stack([_pixels(path) for path, _ in files]) if files else np.empty((0, _SIDE, _SIDE, 3), np.uint8)


def _pixels(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"'{path}' can't be read as an image: {error}; copy it again") from error
    if pixels.shape != (_SIDE, _SIDE, 3):
        raise DataError(f"'{path}' has {pixels.shape[1]} x {pixels.shape[0]} pixels; expected 96 x 96, as the benchmark's archive has them")
    return pixels


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else _missing(path)


def _missing(path: Path) -> Any:
    raise DataError(f"'{path}' is missing; unpack CIFAR-10 there, its binary or its Python version")
