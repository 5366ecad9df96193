"""Keyword spotting: folders of Speech Commands wavs to 49 frames of 10 coefficients. Reads files; knows no model.

The data are those of P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition" (2018, arXiv:1804.03209), version 0.02,
as its archive unpacks: a folder a word, wavs of about a second at 16 kHz, and two lists of what is for validation and for testing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sounds import Floats, cosine_coefficients, frames, htk_bands, magnitudes, read_wav

from emberflow.dataset import Dataset, Samples, Sampling
from emberflow.errors import DataError

FOLDER = Path(__file__).parent / "data" / "speech_commands_v0.02"
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
LABELS = (*WORDS, "silence", "unknown")
NOISE = "_background_noise_"
RATE_HZ = 16_000
FRAME, STEP, FFT, BANDS, COEFFICIENTS = 480, 320, 512, 40, 10  # 30 ms every 20 ms, as the benchmark's reference takes them
SPAN_HZ = (20.0, 4000.0)
SEED = 1


def load() -> Dataset:
    """The official data, where the README says."""
    return read(FOLDER)


def read(folder: Path) -> Dataset:
    """What lies in `folder`: ten words, silence cut from the noise, and as many unknown words as there are of a word on average.

    Raises: DataError: no such folder, a list or a word is missing, or a wav can't be read.
    """
    validation, testing = (_listed(folder / f"{name}_list.txt") for name in ("validation", "testing"))
    files = {name: [] for name in ("train", "validation", "test")}
    for path in sorted(folder.glob("*/*.wav")):
        if path.parent.name != NOISE:
            name = f"{path.parent.name}/{path.name}"
            files["validation" if name in validation else "test" if name in testing else "train"].append(path)
    if absent := [word for word in WORDS if not (folder / word).is_dir()]:
        raise DataError(f"'{folder}' has no folder {', '.join(absent)}; expected Speech Commands as its archive unpacks, a folder a word")
    noise = [read_wav(path, RATE_HZ) for path in sorted((folder / NOISE).glob("*.wav"))]
    sampling = Sampling(unit="coefficients of the log mel spectrum")
    parts = {name: _part(paths, noise, seed) for seed, (name, paths) in enumerate(files.items(), SEED)}
    return Dataset(**parts, labels=LABELS, sampling=sampling)


def coefficients(signal: Floats) -> Floats:
    """The first second of `signal`, padded where it is shorter, as shape (49, 10, 1)."""
    second = np.zeros(RATE_HZ, np.float32)
    second[: len(signal)] = signal[:RATE_HZ]
    spectrum = magnitudes(frames(second, FRAME, STEP), FFT)  # (49, 257)
    bands = spectrum @ htk_bands(BANDS, FFT // 2 + 1, RATE_HZ, SPAN_HZ)  # (49, 40)
    return cosine_coefficients(np.log(bands + 1e-6), COEFFICIENTS)[..., None].astype(np.float32)  # (49, 10, 1)


def _part(paths: list[Path], noise: list[Floats], seed: int) -> Samples:
    random = np.random.default_rng(seed)
    known = [path for path in paths if path.parent.name in WORDS]
    others = [path for path in paths if path.parent.name not in WORDS]
    count = -(-len(known) // len(WORDS))
    chosen = [others[i] for i in sorted(random.permutation(len(others))[:count])]
    quiet = [(coefficients(second), "silence", f"noise of part {seed}") for second in _seconds(noise, count, random)]
    spoken = [(coefficients(read_wav(p, RATE_HZ)), p.parent.name if p.parent.name in WORDS else "unknown", _speaker(p)) for p in (*known, *chosen)]
    x, names, group = zip(*spoken, *quiet, strict=True) if spoken or quiet else ((), (), ())
    return Samples(np.asarray(x, np.float32), np.asarray([LABELS.index(name) for name in names], np.int64), np.asarray(group))


def _seconds(noise: list[Floats], count: int, random: np.random.Generator) -> Iterator[Floats]:
    long_enough = [recording for recording in noise if len(recording) > RATE_HZ]
    for _ in range(count if long_enough else 0):
        recording = long_enough[random.integers(len(long_enough))]
        start = random.integers(len(recording) - RATE_HZ)
        yield recording[start : start + RATE_HZ] * np.float32(random.uniform(0, 0.1))


def _speaker(path: Path) -> str:
    return path.name.split("_nohash_")[0]


def _listed(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise DataError(f"'{path}' can't be read: {error.strerror}; unpack Speech Commands there, its lists are part of it") from error
