"""Zip archives with the same bytes for the same files, whenever and wherever they are made. Knows the format; refuses to know what it packs."""

import io
import zipfile
from collections.abc import Mapping

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the format knows no earlier time
_UNIX, _READABLE = 3, 0o644 << 16  # system and mode as "info-zip" writes them; without a mode some programs unpack unreadable files


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files`, in the order of their paths, each of 1 January 1980."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.create_system, entry.external_attr, entry.compress_type = _UNIX, _READABLE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path], compresslevel=9)
    return stream.getvalue()
