"""Archives: the same bytes every time, and what was put in comes out."""

import io
import zipfile

from emberflow.firmware.archive import pack

FILES = {"b/two.txt": b"two" * 100, "a.txt": b"one"}


def test_the_order_of_files_does_not_matter():
    """Nor does the time."""
    assert pack(FILES) == pack(dict(reversed(FILES.items())))


def test_what_was_packed_is_unpacked():
    """By their paths in order, readable for everybody."""
    with zipfile.ZipFile(io.BytesIO(pack(FILES))) as archive:
        assert ["a.txt", "b/two.txt"] == archive.namelist()
        assert FILES == {name: archive.read(name) for name in archive.namelist()}
        assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in archive.infolist()}
        assert {0o644} == {entry.external_attr >> 16 for entry in archive.infolist()}
