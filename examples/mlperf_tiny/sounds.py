"""Sound as numbers: wavs, spectra, mel bands. Arithmetic on arrays; knows no data set."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emberflow.errors import DataError

Floats = NDArray[np.float32]


def read_wav(path: Path, rate_hz: int) -> Floats:
    """The samples of a 16-bit mono wav, shape (samples,), from -1 to 1.

    Raises: DataError: no such file, not a wav, cut short, or another rate, width or number of channels.
    """
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getsampwidth() * 8, file.getnchannels())
            count, raw = file.getnframes(), file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise DataError(f"'{path}' can't be read as a wav: {str(error) or 'it ends too early'}; expected 16-bit PCM at {rate_hz} Hz") from error
    if found != (rate_hz, 16, 1):
        raise DataError(
            f"'{path}' has {found[0]} Hz, {found[1]} bits, {found[2]} channels; expected {rate_hz} Hz, 16 bits, 1 channel: convert it, with sox say"
        )
    if len(raw) < 2 * count:
        raise DataError(f"'{path}' holds {len(raw) // 2:,} of the {count:,} samples that it announces; copy it again")
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)


def frames(signal: Floats, length: int, step: int) -> Floats:
    """Overlapping pieces of `signal`, shape (pieces, length); what is left over at the end is dropped."""
    return np.lib.stride_tricks.sliding_window_view(signal, length)[::step]


def magnitudes(pieces: Floats, size: int) -> NDArray[np.float64]:
    """|DFT| of each piece under a periodic Hann window, zero-padded to `size`: shape (pieces, size // 2 + 1)."""
    length = pieces.shape[-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.abs(np.fft.rfft(pieces * window, size))


def htk_bands(bands: int, bins: int, rate_hz: int, span_hz: tuple[float, float]) -> NDArray[np.float64]:
    """Weights of triangles that are equally wide in mel, mel = 1127 ln(1 + f / 700) (Young et al., The HTK Book): shape (bins, bands).

    As TensorFlow's `linear_to_mel_weight_matrix`: the triangles are straight over mel, and the constant part is left out.
    """
    mel = _htk(np.linspace(0, rate_hz / 2, bins))[:, None]
    edges = np.linspace(*_htk(np.asarray(span_hz)), bands + 2)
    weights = _triangles(mel, edges)
    weights[0] = 0
    return weights


def slaney_bands(bands: int, size: int, rate_hz: int) -> NDArray[np.float64]:
    """Weights of triangles over Hz, each with an area of 1 (Slaney, Auditory Toolbox, 1998): shape (size // 2 + 1, bands).

    15 mel a kHz up to 1 kHz; above, 27 mel for each factor of 6.4.
    """
    edges = _slaney_hz(np.linspace(0, _slaney_mel(rate_hz / 2), bands + 2))
    hz = np.linspace(0, rate_hz / 2, size // 2 + 1)[:, None]
    return _triangles(hz, edges) * (2 / (edges[2:] - edges[:-2]))


def cosine_coefficients(log_bands: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The first `count` of the DCT-II of each row, orthonormal but for the constant one: sqrt(2 / n) sum x cos(pi k (j + 1/2) / n)."""
    n = log_bands.shape[-1]
    basis = np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(count)) / n)
    return np.asarray(log_bands @ basis * np.sqrt(2 / n))


def _triangles(at: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))


def _htk(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(hz / 700))


def _slaney_mel(hz: float) -> float:
    return 15 * hz / 1000 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def _slaney_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 1000 / 15, 1000 * 6.4 ** ((mel - 15) / 27))
