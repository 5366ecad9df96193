"""Zip archives: only what a model is made of, and no more of it than a model needs."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emberflow.errors import ModelError
from emberflow.keras_file import archive

WHOLE = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b"weights"}


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def test_entries_are_read_and_written(tmp_path: Path) -> None:
    """The copy holds three of them, whatever else was there."""
    path = zipped(tmp_path / "m.keras", {**WHOLE, "assets/words.txt": b"a"})

    with archive.opened(path) as file:
        archive.unpack_weights(file, tmp_path / "w.h5")
        archive.write(tmp_path / "copy.keras", archive.read(file, "config.json"), b"{}", tmp_path / "w.h5")

    with archive.opened(tmp_path / "copy.keras") as file:
        assert {entry.filename: file.read(entry) for entry in file.infolist()} == WHOLE


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({**WHOLE, "../../evil": b""}, "its zip archive holds '../../evil', a path out of the archive (CVE-2026-12479); expected config.json"),
        ({**WHOLE, "/etc/evil": b""}, "holds '/etc/evil', a path out of the archive"),
        ({**WHOLE, "..\\evil": b""}, "a path out of the archive"),
        ({**WHOLE, "C:evil": b""}, "a path out of the archive"),
        ({"a.npy": b"", "b.npy": b""}, "is a zip archive that holds a.npy, b.npy and no config.json; expected what model.save('model.keras') writes"),
        ({"config.json": b"{}", "metadata.json": b"{}"}, "holds config.json, metadata.json and no model.weights.h5"),
        ({**WHOLE, **{f"assets/{i}": b"" for i in range(1000)}}, "holds 1,003 entries, or one of them twice; expected config.json"),
    ],
)
def test_entries_that_no_model_needs_are_refused(tmp_path: Path, entries: dict[str, bytes], said: str) -> None:
    """Or that one needs and are missing."""
    with pytest.raises(ModelError) as told, archive.opened(zipped(tmp_path / "m.keras", entries)):
        pass

    assert said in str(told.value)


def test_an_entry_twice_is_refused(tmp_path: Path) -> None:
    """Two programs would read two models."""
    with zipfile.ZipFile(zipped(tmp_path / "m.keras", WHOLE), "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("config.json", b"{}")

    with pytest.raises(ModelError, match="holds 4 entries, or one of them twice"), archive.opened(tmp_path / "m.keras"):
        pass


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    """The flag is bit 0, at offset 6 of an entry's header and 8 of its place in the directory."""
    data = bytearray(zipped(tmp_path / "m.keras", WHOLE).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp_path / "m.keras").write_bytes(data)

    with pytest.raises(ModelError, match="its zip archive is encrypted"), archive.opened(tmp_path / "m.keras"):
        pass


@pytest.mark.parametrize(
    ("limit", "read", "said"),
    [
        (
            "_LARGEST_CONFIG_BYTES",
            lambda file, out: archive.read(file, "config.json"),
            "'config.json' unpacks to more than 1000 B; no model needs that",
        ),
        ("LARGEST_BYTES", archive.unpack_weights, "its weights unpack to 97.7 KiB; expected at most 1000 B"),
    ],
)
def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, read: Callable[[zipfile.ZipFile, Path], object], said: str
) -> None:
    """100,000 zeros lie in 120 bytes; the limit is lowered to a thousandth for this test."""
    monkeypatch.setattr(archive, limit, 1000)
    path = zipped(tmp_path / "m.keras", {name: bytes(100_000) for name in WHOLE})

    with pytest.raises(ModelError) as told, archive.opened(path) as file:
        read(file, tmp_path / "out")

    assert said in str(told.value)


@pytest.mark.parametrize("part", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_an_archive_that_is_cut_short_is_told(tmp_path: Path, part: float) -> None:
    """Its directory stands at the end."""
    path = zipped(tmp_path / "m.keras", WHOLE)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])

    with pytest.raises(ModelError, match=r"its zip archive is cut short or damaged: .+; copy or save the model again"), archive.opened(path):
        pass
