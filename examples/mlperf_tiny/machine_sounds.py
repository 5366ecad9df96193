"""Anomaly detection: wavs of a toy car to five frames of 128 mel bands. Reads files; knows no model.

The data are the ToyCar part of DCASE 2020's task 2, made of ToyADMOS (Koizumi et al., "ToyADMOS: A Dataset of Miniature-Machine Operating
Sounds for Anomalous Sound Detection", WASPAA 2019): wavs at 16 kHz, named normal_id_01_00000000.wav and anomaly_id_01_00000000.wav.
"""

import re
from pathlib import Path

import numpy as np
from sounds import Floats, frames, magnitudes, read_wav, slaney_bands

from emberflow.dataset import Dataset, Samples, Sampling
from emberflow.errors import DataError

FOLDER = Path(__file__).parent / "data" / "ToyCar"
LABELS = ("normal", "anomaly")
RATE_HZ = 16_000
FFT, HOP, BANDS, FRAMES = 1024, 512, 128, 5
EVERY = 4  # of the vectors of a recording: neighbours share four of five frames, and all of them take 3 GiB as float32
VALIDATION_OF = 10
_NAME = re.compile(r"(normal|anomaly)_id_(\d+)_(\d+)\.wav")


def load() -> Dataset:
    """The official data, where the README says."""
    return read(FOLDER)


def read(folder: Path, every: int = EVERY) -> Dataset:
    """What lies in `folder`/train, all of it normal, and `folder`/test. A sample is `FRAMES` frames; its group is its recording.

    Raises: DataError: a folder is missing or empty, a name or a wav can't be read, or a recording of the train folder is an anomaly.
    """
    training, test = _recordings(folder / "train"), _recordings(folder / "test")
    if wrong := [path.name for path in training if _is_anomaly(path)]:
        raise DataError(f"'{folder / 'train'}' holds {len(wrong)} anomalies (the first is {wrong[0]}); expected normal recordings alone")
    parts = {
        "train": [path for number, path in enumerate(training) if number % VALIDATION_OF],
        "validation": training[::VALIDATION_OF],
        "test": test,
    }
    made = {name: _part(paths, every) for name, paths in parts.items()}
    return Dataset(**made, labels=LABELS, sampling=Sampling(unit="dB"))


def vectors(signal: Floats) -> Floats:
    """Log mel spectra of `signal`, each with the four that follow it: shape (n, 640), in dB."""
    padded = np.pad(signal, FFT // 2)
    bands = magnitudes(frames(padded, FFT, HOP), FFT) ** 2 @ slaney_bands(BANDS, FFT, RATE_HZ)  # (n + 4, 128)
    decibels = (10 * np.log10(bands + np.finfo(np.float64).eps)).astype(np.float32)
    count = max(0, len(decibels) - FRAMES + 1)
    return np.concatenate([decibels[i : i + count] for i in range(FRAMES)], axis=1)  # (n, 640)


def _part(paths: list[Path], every: int) -> Samples:
    made = [vectors(read_wav(path, RATE_HZ))[::every] for path in paths]
    counts = [len(rows) for rows in made]
    y = np.repeat([int(_is_anomaly(path)) for path in paths], counts)
    x = np.concatenate(made) if made else np.empty((0, FRAMES * BANDS), np.float32)
    return Samples(x, y.astype(np.int64), np.repeat([path.stem for path in paths], counts))


def _recordings(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.wav"))
    if not found:
        raise DataError(f"'{folder}' holds no wavs; unpack ToyCar there, with its folders train and test")
    for path in found:
        if not _NAME.fullmatch(path.name):
            raise DataError(f"'{path}' is called neither normal_id_<machine>_<number>.wav nor anomaly_id_<machine>_<number>.wav")
    return found


def _is_anomaly(path: Path) -> bool:
    return path.name.startswith("anomaly")
