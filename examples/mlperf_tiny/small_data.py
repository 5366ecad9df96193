"""A few made-up samples in the official data's on-disk formats, to see the chain run before gigabytes are fetched. Knows formats; means nothing.

python small_data.py
"""

import wave
from pathlib import Path

import numpy as np
from images import CIFAR_10, PERSON
from keywords import NOISE, WORDS
from numpy.typing import NDArray
from PIL import Image

DATA = Path(__file__).parent / "data"
RATE_HZ = 16_000
SPEAKERS = ("aaaa1111", "bbbb2222", "cccc3333", "dddd4444")


def cifar10(folder: Path, of_each: int = 3) -> None:
    """The binary version of CIFAR-10: five batches and one for the test, `of_each` images of each class in each, random and of a colour."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        labels = np.tile(np.arange(len(CIFAR_10)), of_each)
        pixels = random.integers(0, 120, (len(labels), 3, 32, 32)) + (labels * 13)[:, None, None, None]
        pixels[:, 0] = pixels[:, 0] * random.uniform(0.2, 1, (len(labels), 1, 1))
        (folder / f"{name}.bin").write_bytes(
            b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, np.uint8(pixels), strict=True))
        )


def speech_commands(folder: Path) -> None:
    """Speech Commands: four speakers say each word in tones, and two others; one is for validation, one for testing; and some noise."""
    random = np.random.default_rng(0)
    said = [(word, speaker) for word in (*WORDS, "bed", "cat") for speaker in SPEAKERS]
    for number, (word, speaker) in enumerate(said):
        _write_wav(folder / word / f"{speaker}_nohash_0.wav", _tone(200 + 53 * number) + random.normal(0, 500, RATE_HZ))
    _write_wav(folder / NOISE / "running_tap.wav", random.normal(0, 3000, 3 * RATE_HZ))
    for name, chosen in (("validation", SPEAKERS[-2]), ("testing", SPEAKERS[-1])):
        lines = [f"{word}/{speaker}_nohash_0.wav" for word, speaker in said if speaker == chosen]
        (folder / f"{name}_list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def wake_words(folder: Path, of_each: int = 40) -> None:
    """Visual Wake Words: `of_each` JPEGs of each kind, those with a person brighter, each with a gradient of its own."""
    random, ramp = np.random.default_rng(0), np.linspace(-1, 1, 96)
    for kind, level in zip(PERSON, (90, 150), strict=True):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(of_each):
            across, down = (random.uniform(-80, 80, 3) * ramp[:, None] for _ in range(2))  # (96, 3)
            pixels = level + across[None] + down[:, None] + random.normal(0, 10, (96, 96, 3))
            Image.fromarray(np.uint8(np.clip(pixels, 0, 255))).save(folder / kind / f"COCO_train2014_{number:012}.jpg")


def toy_car(folder: Path) -> None:
    """ToyCar of ToyADMOS: twenty normal recordings to train on, four normal ones and four anomalies for the test, of a second each."""
    random = np.random.default_rng(0)
    names = [("train", "normal", 20, 440), ("test", "normal", 4, 440), ("test", "anomaly", 4, 1900)]
    for part, kind, count, hz in names:
        for number in range(count):
            _write_wav(folder / part / f"{kind}_id_01_{number:08}.wav", _tone(hz + 9 * number) + random.normal(0, 300, RATE_HZ))


def _tone(hz: float) -> NDArray[np.float64]:
    return 8000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)


def _write_wav(path: Path, samples: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def write_all(data: Path = DATA) -> None:
    """All four, each where its project file looks for it, unless something is there."""
    for write, name in (
        (cifar10, "cifar-10-batches-bin"),
        (speech_commands, "speech_commands_v0.02"),
        (wake_words, "vw_coco2014_96"),
        (toy_car, "ToyCar"),
    ):
        if not (data / name).exists():
            write(data / name)


if __name__ == "__main__":
    write_all()
