"""Damaged and artful project files and archives of arrays, made from good ones by number; run as a program, it reads a range of them and tells what came of each.

    python -m tests.fuzz.file_mutants yaml|npz FIRST COUNT

The law: a file is taken, or refused by an error of ours in words, within LIMIT_S seconds of the processor and LIMIT_BYTES bytes. A project file that is taken says
the same when it is written out and read again.
"""

import json
import os
import re
import resource
import signal
import sys
import traceback
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emberflow.dataset import Preparation, prepare
from emberflow.errors import DataError, ProjectError
from emberflow.project import DataFiles, parse_project, render_project
from emberflow.source import read_files

LIMIT_S = 10
LONGEST_WAIT_S = 300
LIMIT_BYTES = 2 << 30
LONGEST_MESSAGE = 20_000
"""Characters; a file may have many mistakes, each with its line."""

ROOT = Path(__file__).parents[2]
RICH = """
name: rich
task: binary
baseline: models/net.keras
trust_model_code: false
data:
  train: {x: a.npy, y: b.npy, group: c.npy}
  validation: d.npz
  test: &test e.npz
  calibration: *test
  labels: [still, 'größer']
  sampling: {rate_hz: 50, channels: [x, y], unit: "g and rad/s"}
training: {batch_size: 16, <<: &t {epochs: 3, learning_rate: 1e-3}}
fine_tuning: {<<: *t, epochs: 1}
threshold: validation
metric: mine:cost
higher_is_better: false
recipes: [float32, prune2of4-int8, "prune70-cluster16-qat-int8"]
target: boards/mine.toml
budget: {flash: 64 KiB, ram: 1.5MiB, stack: 512, time: 10 ms, metric_drop: 0.5}
publish: s3://bucket/rich
signing_key: keys/my.key
layers:
  block_*: {prune: 30, quantize: false}
  "head": {cluster: false}
"""
SCALARS = (
    *("null", "~", "true", "no", "0", "-1", "1e999", "-.inf", ".nan", "0x7fffffffffffffffffff", "1:30:59", "0b2", "0o9", "1_000", "9" * 5000),
    *(
        "''",
        "'" * 3,
        '"\\x00"',
        '"\\ud800"',
        '"\\u202e"',
        "2026-13-45",
        "2026-02-30",
        "2026-01-01T99:99:99Z",
        "=",
        "<<",
        "|",
        ">-",
        "&a",
        "*a",
        "*t",
        "!",
        "? a",
        "- -",
    ),
    *(
        "!!bool maybe",
        "!!int ''",
        "!!int x",
        "!!float ''",
        "!!float 1..2",
        "!!null x",
        "!!timestamp x",
        "!!binary ü",
        "!!binary AAA",
        "!!set {a}",
        "!!omap [a]",
    ),
    *(
        "!!pairs [[a]]",
        "!!str [a]",
        "!!seq x",
        "!!map x",
        "!!merge x",
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!<tag:x> y",
        "!e!x y",
    ),
    *(
        "../../etc/passwd",
        "/dev/zero",
        "a.npy",
        "$(id)",
        "`id`",
        "; rm x",
        "'a\\nb'",
        "<script>",
        "=HYPERLINK(1)",
        "x" * 300,
        "[[[[]]]]",
        "{{a: b}: c}",
        "{a: {a: {a: 1}}}",
    ),
)
SIGNS = ":-[]{}&*!|>'\"#,%@`?\n\t \\<~"


def _lines(text: str, random: np.random.Generator) -> str:
    """A line left out, doubled, moved, or set in or out."""
    lines = text.splitlines()
    at, to = random.integers(len(lines), size=2)
    line = lines[at]
    change = random.integers(5)
    if change == 0:
        del lines[at]
    elif change == 1:
        lines.insert(to, line)
    elif change == 2:
        lines[at] = line.lstrip() if line.startswith(" ") else f"  {line}"
    elif change == 3:
        lines[at] = line[: random.integers(len(line) + 1)]
    else:
        lines[at], lines[to] = lines[to], line
    return "\n".join(lines) + "\n"


def _value(text: str, random: np.random.Generator) -> str:
    """What stands behind a key, replaced."""
    lines = text.splitlines()
    places = [index for index, line in enumerate(lines) if ":" in line]
    at = places[random.integers(len(places))]
    lines[at] = f"{lines[at].split(':', 1)[0]}: {random.choice(SCALARS)}"
    return "\n".join(lines) + "\n"


def _word(text: str, random: np.random.Generator) -> str:
    """A word replaced by a scalar, or by another word of the file."""
    words = text.split(" ")
    at = random.integers(len(words))
    words[at] = str(random.choice(SCALARS)) if random.integers(2) else words[random.integers(len(words))]
    return " ".join(words)


def _signs(text: str, random: np.random.Generator) -> str:
    """Signs of YAML put in, or letters left out, at a few places."""
    for at in random.integers(len(text), size=random.integers(1, 6)):
        text = text[:at] + (str(random.choice(list(SIGNS))) if random.integers(2) else "") + text[at + int(random.integers(2)) :]
    return text


def _depth(text: str, random: np.random.Generator) -> str:
    """A value within many lists or mappings, or an anchor that unfolds to very many."""
    count = int(random.choice([3, 40, 900, 5000]))
    inside = str(random.choice(["[" * count + "]" * count, "{a: " * count + "1" + "}" * count, "- " * count, _bomb(count)]))
    return f"{text}deep: {inside}\n"


def _bomb(count: int) -> str:
    """Twelve anchors, each of which holds the one before nine times, by alias or by merge."""
    if count % 2:
        return "\n" + "".join(f"  b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 9) if n else ''}], k{n}: 1}}\n" for n in range(12))
    return "\n" + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(12))


def _number(text: str, random: np.random.Generator) -> str:
    """A number replaced by another one, in the same way of writing."""
    places = [match.span() for match in re.finditer(r"(?<=[ :])[0-9]+", text)]
    if not places:
        return text
    start, end = places[random.integers(len(places))]
    return f"{text[:start]}{int(random.choice([0, 1, 7, 64, 1000, 10**9]))}{text[end:]}"


YAML_CHANGES: tuple[Callable[[str, np.random.Generator], str], ...] = (_lines, _value, _number, _number, _number, _word, _signs, _depth)


def yaml_seeds() -> list[str]:
    """The examples' project files, and one that says nearly all that can be said."""
    return [RICH, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*/*.yaml")))]


def yaml_mutant(number: int) -> str:
    """Project file `number`: a seed with one to three changes."""
    random = np.random.default_rng([7, number])
    seeds = yaml_seeds()
    text = seeds[number % len(seeds)]
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        text = YAML_CHANGES[random.integers(len(YAML_CHANGES))](text or "\n", random)
    return text


def judge_yaml(text: str) -> tuple[str, str]:
    """What became of a project file."""
    try:
        project = parse_project(text)
    except ProjectError as error:
        return ("refused" if _is_message(str(error)) else "wrong"), str(error)[:300]
    if parse_project(render_project(project)) != project:
        return "wrong", f"says something else when it is written out: {render_project(project)}"
    return "taken", ""


def _is_message(text: str) -> bool:
    return 10 <= len(text) <= LONGEST_MESSAGE and text.replace("\n", "").isprintable()


def npz_seed(kind: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays of a part, of one of three types."""
    x = random.normal(0, 1, (8, 6, 2)).astype([np.float32, np.float64, np.float16][kind % 3])
    return {"x": x, "y": np.arange(8) % 2, "group": np.array(list("aabbccdd"))}


def npz_mutant(number: int) -> bytes:
    """Archive `number`."""
    random = np.random.default_rng([8, number])
    arrays = npz_seed(number, random)
    change = number % 4
    if change == 0:
        return _archive({name: _header(data, random) for name, data in _entries(arrays).items()}, random)
    if change == 1:
        return _archive(_entries(_odd(arrays, random)), random)
    if change == 2:
        entries = _entries(arrays)
        name = sorted(entries)[random.integers(len(entries))]
        return _archive(entries | {name: _flipped(entries[name], random, 2)}, random)  # so that no checksum tells
    data = _flipped(_archive(_entries(arrays), random), random, 50)
    return data[: random.integers(len(data))] if random.integers(3) == 0 else data


def _flipped(data: bytes, random: np.random.Generator, most: int) -> bytes:
    changed = bytearray(data)
    for at in random.integers(len(data), size=random.choice([1, 2, most])):
        changed[at] = random.choice([0, 255, changed[at] ^ (1 << random.integers(8)), random.integers(256)])
    return bytes(changed)


def _entries(arrays: dict[str, np.ndarray]) -> dict[str, bytes]:
    found = {}
    for name, array in arrays.items():
        stream = BytesIO()
        np.save(stream, array, allow_pickle=True)
        found[f"{name}.npy"] = stream.getvalue()
    return found


def _header(data: bytes, random: np.random.Generator) -> bytes:
    """The words of NumPy's header changed in the same length: shape, type, order."""
    swaps = [
        (b"(8,", b"(9,"),
        (b"(8, 6, 2)", b"(-1,6, 2)"),
        (b"(8, 6, 2), }   ", b"(999999999999)}"),
        (b"(8, 6, 2)", b"(8, 96  )"),
        (b"<f4", b"|O8"),
        (b"<i8", b"<M8"),
        (b"False", b"True "),
        (b"'descr'", b"'descx'"),
        (b"{'", b"[["),
        (b"<f4", b"<f9"),
        (b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
        (b"<U1", b"|V0"),
    ]
    for index in random.permutation(len(swaps)):
        old, new = swaps[index]
        if old in data:
            return data.replace(old, new, 1)
    return data


def _odd(arrays: dict[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays that are well formed and of no use, or hardly."""
    x, y = arrays["x"], arrays["y"]
    spoiled = x.copy()
    spoiled[3, 1, 0] = np.nan
    choices: list[dict[str, np.ndarray]] = [
        {**arrays, "x": np.array([{}, "a"], object)},
        {**arrays, "x": x[:0], "y": y[:0]},
        {**arrays, "x": spoiled},
        {**arrays, "x": np.full_like(x, 1e300, np.float64)},
        {**arrays, "x": x[0]},
        {**arrays, "x": np.array(5.0)},
        {**arrays, "x": x.astype(np.complex64)},
        {**arrays, "x": np.array(["a", "b"])},
        {**arrays, "x": x.astype([("f", np.float32)])},
        {**arrays, "x": np.zeros((8, 0, 2), np.float32)},
        {**arrays, "x": np.zeros((8, 4, 4), np.float32)},
        {**arrays, "y": y[:5]},
        {**arrays, "y": y + 7},
        {**arrays, "y": y - 3},
        {**arrays, "y": y.astype(np.float32) / 3},
        {**arrays, "y": y.astype("datetime64[s]")},
        {**arrays, "y": np.stack([y, y], axis=1)},
        {**arrays, "group": np.arange(3)},
        {"x": x},
        {"X": x, "Y": y},
        {},
    ]
    return choices[random.integers(len(choices))]


def _archive(entries: dict[str, bytes], random: np.random.Generator) -> bytes:
    """The entries as an archive, now and then with a stray or a doubled one, or an artful name."""
    out = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of a name that is there already
        for name, data in entries.items():
            archive.writestr(name, data)
        extra = random.integers(8)
        if extra == 0:
            archive.writestr(str(random.choice(["../../out.npy", "/abs.npy", "x.npy", "x", "a\\b.npy", "x.npy/"])), b"\x93NUMPY")
        elif extra == 1:
            archive.writestr("x.npy", zeros_header((1 << 26,)) + bytes(1 << 20))
    return out.getvalue()


def zeros_header(shape: tuple[int, ...]) -> bytes:
    """The head of an .npy file of float32."""
    stream = BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def judge_npz(data: bytes) -> tuple[str, str]:
    """What became of an archive: read and prepared as a training part, in a folder where the other parts are good."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("validation", "test"):
            np.savez(folder / f"{part}.npz", **npz_seed(0, np.random.default_rng(1)))
        (folder / "train.npz").write_bytes(data)
        said = DataFiles(train="train.npz", validation="validation.npz", test="test.npz", labels=("a", "b"))
        try:
            prepare(read_files(said, folder), Preparation(calibration_samples=2))
        except DataError as error:
            return ("refused" if _is_message(str(error)) else "wrong"), str(error)[:300]
    return "taken", ""


def _judge(kind: str, number: int) -> tuple[str, str]:
    try:
        return judge_yaml(yaml_mutant(number)) if kind == "yaml" else judge_npz(npz_mutant(number))
    except BaseException as error:  # noqa: BLE001 - told to the test, which fails
        return "wrong", f"{type(error).__name__}: {str(error)[:300]} {traceback.format_exc(limit=-3)}"


def _tell(line: list[object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(kind: str, first: int, count: int) -> None:
    """Read `count` files from number `first` on; a line before and after each: this process may not live to the end."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    warnings.filterwarnings("error", module="emberflow")
    for number in range(first, first + count):
        _tell([number, "begun", ""])
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S)  # of the processor: by the clock, a machine with other work would end it too
        signal.alarm(LONGEST_WAIT_S)
        verdict, words = _judge(kind, number)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _tell([number, verdict, words])


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
