"""Damaged and artful Keras files, made from real ones by number; run as a program, it loads a range of them and tells what came of each."""

import json
import sys
import traceback
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.errors import EmberflowError
from emberflow.keras_file import hdf5

NUMBERS = ("-1", "0", "1", "2.5", "1e99", "2147483648", "999999999999", "null", "true", '"x"', "[]", "{}", "[[null]]")
WORDS = ("Dense", "Lambda", "function", "os", "../../x", "keras.config", "float16", "hard_sigmoid", "", "TFOpLambda", "Sequential", "é\\u0000")


def mutant(number: int, seeds: dict[str, bytes]) -> tuple[str, bytes]:
    """The name of the seed and the bytes of mutant `number`; always the same for the same seeds."""
    random = np.random.default_rng(number)
    name = sorted(seeds)[number % len(seeds)]
    change = random.choice([_cut, _flip, _swap] if name.endswith("h5") and number % 3 else [_edit])
    return name, change(seeds[name], random)


def _cut(data: bytes, random: np.random.Generator) -> bytes:
    return data[: random.integers(len(data))]


def _flip(data: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for place in random.integers(len(data), size=random.choice([1, 2, 8, 50])):
        changed[place] = random.choice([0, 255, changed[place] ^ (1 << random.integers(8)), random.integers(256)])
    return bytes(changed)


def _swap(data: bytes, random: np.random.Generator) -> bytes:
    start, length = random.integers(len(data) - 64), random.integers(1, 64)
    other = random.integers(len(data) - 64)
    return data[:start] + data[other : other + length] + data[start + length :]


def _edit(data: bytes, random: np.random.Generator) -> bytes:
    """Change the configuration, or the weights within an archive, and put everything together again, so that no checksum tells."""
    if not data.startswith(b"PK"):
        return _edit_in_place(data, random)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = str(random.choice(["config.json", "config.json", "model.weights.h5", "metadata.json"]))
    entries[name] = _edit_json(entries[name], random) if name.endswith("json") else _flip(entries[name], random)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return out.getvalue()


def _edit_in_place(data: bytes, random: np.random.Generator) -> bytes:
    """Of HDF5: a digit or a letter of the configuration, which lies in the file as text."""
    start = data.index(b'{"class_name"')
    place = start + int(random.integers(data.index(b"\0", start) - start))
    return data[:place] + bytes([random.choice(list(b'0129"{}[],:aZ.-'))]) + data[place + 1 :]


def _edit_json(text: bytes, random: np.random.Generator) -> bytes:
    """One value replaced, removed or doubled, wherever it lies."""
    config = json.loads(text)
    places = [(holder, key) for holder in _holders(config) for key in (holder if isinstance(holder, dict) else range(len(holder)))]
    holder, key = places[random.integers(len(places))]
    kind = random.integers(4)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        holder[key] = json.loads(str(random.choice(NUMBERS)))
    elif kind == 2:
        holder[key] = str(random.choice(WORDS))
    else:
        other, from_key = places[random.integers(len(places))]
        holder[key] = json.loads(json.dumps(other[from_key]))
    return json.dumps(config).encode()


def _holders(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict | list) and value else []), *(holder for item in inner for holder in _holders(item))]


def _judge(path: Path) -> str:
    from emberflow.keras_bridge import load

    try:
        load(path)
    except EmberflowError as error:
        return "refused" if str(error) else "refused without a word"
    except BaseException as error:  # noqa: BLE001 - told to the test, which fails
        return f"{type(error).__name__}: {error} {traceback.format_exc(limit=-2)}"
    return "loaded"


def main(folder: Path, first: int, last: int) -> None:
    """Load mutants `first` to `last` of the seeds in `folder`; a line for each, written at once: this process may not live to the end."""
    hdf5.CPU_SECONDS = 3
    seeds = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith("seed")}
    for number in range(first, last):
        name, data = mutant(number, seeds)
        path = folder / f"mutant-{name}"
        path.write_bytes(data)
        print(json.dumps([number, name, "begun"]), flush=True)  # noqa: T201 - this is how it answers
        print(json.dumps([number, name, _judge(path)]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
